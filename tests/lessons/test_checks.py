"""Every check accepts every right answer, however it is written, and refuses each wrong one with the right sentence."""

import re

import pytest
import torch
from torch import nn

from course.build import feedback_of, solved, student
from course.syllabus import LESSONS
from tests.lessons.answers import of_lesson

CASES = [(lesson, name) for lesson in LESSONS for name in feedback_of(lesson).exercises]
IDS = [f"{lesson.slug}-{name}" for lesson, name in CASES]


@pytest.fixture(autouse=True)
def _own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))


def judge(lesson, name, code, answer="Answer"):
    scope = {"torch": torch, "nn": nn, **of_lesson(lesson.slug)[1]}
    exec(compile(code, "a learner's cell", "exec"), scope)
    return getattr(feedback_of(lesson).check, name)(scope[answer])


def exercise_cells(notebook):
    return {cell.metadata["exercise"]: cell.source for cell in notebook.cells if "exercise" in cell.metadata}


def defined_in(code):
    return code.split("(")[0].split(":")[0].split()[1]


@pytest.mark.parametrize(("lesson", "name"), CASES, ids=IDS)
def test_right_answers_pass(lesson, name):
    answers = of_lesson(lesson.slug)[0][name].right
    assert len(answers) >= 2
    for code in answers:
        result = judge(lesson, name, code)
        assert result, f"{result!r}\n{code}"


@pytest.mark.parametrize(("lesson", "name"), CASES, ids=IDS)
def test_wrong_answers_are_explained(lesson, name):
    answers = of_lesson(lesson.slug)[0][name].wrong
    assert len(answers) >= 3
    for code, words in answers:
        result = judge(lesson, name, code)
        assert not result and words in result.body, f"{result!r}\nexpected: {words}\n{code}"


@pytest.mark.parametrize(("lesson", "name"), CASES, ids=IDS)
def test_the_solution_passes_and_the_stub_names_its_exercise(lesson, name):
    feedback = feedback_of(lesson)
    entry = feedback.exercises[name]
    cells = exercise_cells(solved(lesson))
    before = "\n".join(code for number, code in cells.items() if number <= entry.number)
    assert judge(lesson, name, before, defined_in(cells[entry.number]))
    if entry.difficulty == "worked":
        return
    stub = exercise_cells(student(lesson))[entry.number]
    result = judge(lesson, name, stub, defined_in(stub))
    assert not result and f"Exercise {entry.number}" in result.head and "not written yet" in result.head
    assert f'NotImplementedError("Exercise {entry.number}, {entry.title}' in stub


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_hints_lead_to_the_solution(lesson):
    feedback = feedback_of(lesson)
    for entry in feedback.exercises.values():
        assert len(entry.hints) >= 3
        given = [feedback.hint(entry.number) for _ in range(4)]
        assert [hint.head for hint in given[:3]] == [f"Hint {i} of 3 for exercise {entry.number}" for i in (1, 2, 3)]
        assert given[3].head == given[2].head and "last hint" in given[3].body
        solution = feedback.solution(entry.number)
        assert "SOLUTION" not in solution.code and "NotImplementedError" not in solution.code and solution.code


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_every_kept_answer_belongs_to_a_check(lesson):
    assert set(of_lesson(lesson.slug)[0]) == set(feedback_of(lesson).exercises)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_the_text_has_each_exercise_by_the_number_the_difficulty_and_the_minutes_of_its_check(lesson):
    text = (lesson.folder / "lesson.md").read_text(encoding="utf-8")
    told = re.findall(r"\*\*Exercise (\d+\.\d+)\*\* \(([\w-]+), (\d+) minutes?\)", text)
    kept = [(entry.number, entry.difficulty, str(entry.minutes)) for entry in feedback_of(lesson).exercises.values()]
    assert sorted(told) == sorted(kept)
