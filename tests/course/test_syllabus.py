"""The lessons as one course: each opens with what it needs and closes with what comes next, and says how long it takes."""

import re

import pytest

from course.syllabus import LESSONS
from utils.system.places import CHECKOUT

LATER = LESSONS[1:]


def part(lesson, number: int) -> str:
    """One of the lesson's eight parts."""
    text = (lesson.folder / "lesson.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {number} .*?(?=^## {number + 1} |\Z)", text, re.S | re.M)
    assert found, f"lesson {lesson.number:02d} has no part {number}"
    return found[0]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_the_opening_says_how_long_it_takes(lesson):
    assert re.search(rf"takes\s+about\s+{lesson.minutes}\s+minutes", part(lesson, 1))


@pytest.mark.parametrize("lesson", LATER, ids=lambda lesson: lesson.slug)
def test_the_opening_links_to_what_it_needs(lesson):
    needed = set(re.findall(r"\]\((\d\d_\w+\.ipynb)\)", part(lesson, 1)))
    assert needed and needed <= {other.notebook for other in LESSONS if other.number < lesson.number}


@pytest.mark.parametrize("lesson", LESSONS[:-1], ids=lambda lesson: lesson.slug)
def test_the_recap_links_to_what_comes_next(lesson):
    assert f"]({LESSONS[lesson.number + 1].notebook})" in part(lesson, 8)


def test_lessons_are_numbered_in_their_order():
    assert [lesson.number for lesson in LESSONS] == list(range(len(LESSONS)))


def test_the_readme_lists_every_lesson_with_its_time():
    rows = re.findall(
        r"^\| (\d\d) \| ([^|]+) \|[^|]*\| (\d+) min \|$", (CHECKOUT / "README.md").read_text("utf-8"), re.M
    )
    assert [(int(number), int(minutes)) for number, _, minutes in rows] == [
        (lesson.number, lesson.minutes) for lesson in LESSONS
    ]
    hours = re.search(r"about (\d+) hours", (CHECKOUT / "README.md").read_text("utf-8"))
    assert int(hours[1]) == round(sum(lesson.minutes for lesson in LESSONS) / 60)
    for lesson, (_, title, _) in zip(LESSONS, rows, strict=True):
        assert title.startswith(lesson.title.split(" and ")[0]), title
