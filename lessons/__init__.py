"""The course: one folder a lesson, in the order of `lessons.syllabus`."""
