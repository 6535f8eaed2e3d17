"""How long it takes to mark a class: `python benchmarks/grading.py --students 30 --workers 2`.

The submissions are the kept right and wrong answers to lesson 01's assignment, and three that misbehave: one hangs, one eats
memory, one ends its process. Every step is timed as a teacher sees it, from a fresh class on.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import nbformat

from classroom import course_folder, marking
from tests.classroom.submissions import answers_of
from tests.lessons.assignment_answers import of_lesson

SLUG = "inception_module"
MISBEHAVING = {
    "hangs": {"largest_reduction": "def largest_reduction(*case):\n    while True: pass"},
    "eats_memory": {"choose_widths": "def choose_widths(*case):\n    return [bytearray(2**28) for _ in range(1000)]"},
    "ends_its_process": {"repaired": "import os\nos._exit(0)"},
}


def submissions(count: int) -> dict[str, dict[str, str]]:
    """Answers by student."""
    solutions = answers_of(SLUG)
    kept = {student: solutions | changed for student, changed in MISBEHAVING.items()}
    kept |= {"solves_all": solutions, "writes_nothing": {}}
    for student, (name, right, wrong, _) in of_lesson(SLUG).WRONG.items():
        kept[student] = solutions | {name: solutions[name].replace(right, wrong)}
    names = list(kept)
    return {f"{names[number % len(names)]}_{number}": kept[names[number % len(names)]] for number in range(count)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch) / "class"
        course_folder.init(course, slugs=[SLUG])
        released = course_folder.release(course, SLUG)
        for number, (student, answers) in enumerate(submissions(options.students).items()):
            made = nbformat.read(released, as_version=4)
            for cell in made.cells:
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                cell.source = answers.get(name, cell.source)
            made.cells.append(nbformat.v4.new_code_cell(f"# {number}"))  # so that no two are the same
            place = course / "submitted" / student / SLUG
            place.mkdir(parents=True)
            nbformat.write(made, place / f"{SLUG}.ipynb")
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
        began = time.monotonic()
        marking.autograde(course, SLUG, workers=options.workers, say=print)
        print(f"{options.students} submissions, {options.workers} workers: {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        marking.autograde(course, SLUG, workers=options.workers)
        print(f"the same again, nothing new: {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
