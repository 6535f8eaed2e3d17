"""The course as it is taught: one folder a lesson, in the order of `course.syllabus`, and the command line."""
