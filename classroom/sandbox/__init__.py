"""Code that is not trusted: a student's process, the tests' process, and the little that passes between them."""
