"""Answers to the assignments that must lose points, and exactly which. One module a lesson.

`POINTS` by test, `BY_TEACHER`: the points of the free answer. `WRONG` by student: (answer, its right part, what they wrote, the tests
that it fails). `TOLD`: a student, and words that their feedback holds. `SECRETS`: words of hidden tests and of the solution.
"""

import importlib
from types import ModuleType


def of_lesson(slug: str) -> ModuleType:
    """What is kept for a lesson's assignment."""
    return importlib.import_module(f"tests.lessons.assignment_answers.{slug}")
