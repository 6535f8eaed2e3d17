"""What is known to go wrong in the sample that the tests try, each with its reason. This list only ever gets shorter.

A key is (exercise, operator, changed lines), as `Trial.key` has it.
"""

KEPT: dict[tuple[str, str, str], str] = {}
