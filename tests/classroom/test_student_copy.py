"""What a class gets: nothing that only teachers may hold, and a course that works."""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from classroom import assignments, student_copy
from course.syllabus import LESSONS
from utils.system.places import CHECKOUT


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies") / "course"
    assert student_copy.make(folder) > 100
    return folder


def run(copy, *words, check=True, **variables):
    """Python in the copy, which finds no other copy of the course."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "PYTHON"))}
    own |= {"PYTHONPATH": str(copy), "COURSE_WORK": str(copy / "work")}
    done = subprocess.run([sys.executable, *words], cwd=copy, env=own | variables, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_what_only_teachers_may_hold_is_not_in_it(copy):
    names = [path.relative_to(copy).as_posix() for path in copy.rglob("*")]
    assert not [name for name in names if "assignment.md" in name or name.startswith(("tests", ".git", "benchmarks"))]
    assert not list(copy.rglob("assignment_answers*"))
    texts = {
        path: path.read_text(encoding="utf-8", errors="replace")
        for path in copy.rglob("*")
        if path.suffix in (".py", ".md", ".ipynb", ".json", ".txt") and "runs" not in path.parts
    }
    assert len(texts) > 100
    secrets = {}
    for entry in assignments.with_assignment():
        for cell in assignments.source(entry).cells:
            found = re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)\n *### END", cell.source, re.DOTALL)
            if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution"):
                found.append(cell.source)  # the model answer in words
            secrets |= {
                text.strip(): entry.slug for text in found if len(text.strip()) > 80 and text.count(chr(10)) > 1
            }
    assert len(secrets) > 40
    for secret, slug in secrets.items():
        assert not [path for path, text in texts.items() if secret in text], (slug, secret)


def test_all_else_that_students_use_is_in_it(copy):
    for name in ("notebooks", "runs"):
        own = sorted(path.relative_to(CHECKOUT) for path in (CHECKOUT / name).rglob("*") if path.is_file())
        assert own and sorted(path.relative_to(copy) for path in (copy / name).rglob("*") if path.is_file()) == own
    for name in ("bootstrap.py", "Makefile", "pylock.toml", "LICENSE", "lessons/start_here/lesson.md"):
        assert (copy / name).read_bytes() == (CHECKOUT / name).read_bytes()


SCRIPT = """
import importlib, inspect, pathlib, sys
import utils.system.places as places
assert places.CHECKOUT == pathlib.Path.cwd(), places.CHECKOUT
from course.syllabus import LESSONS
for entry in LESSONS:
    checks = importlib.import_module(f"lessons.{entry.slug}.checks")
    for exercise in checks.feedback.exercises.values():
        assert checks.solution(exercise.number), exercise.number
from lessons.inception_module.checks import check, hint, solution
print(solution("1.2"))
print(hint("1.2"))
"""


@pytest.mark.slow
def test_the_course_works_there(copy):
    """Every lesson's checks and solutions, the notebooks of the learner's own folder, and a first exercise in one."""
    said = run(copy, "-c", SCRIPT)
    assert "def conv_macs" in said and "One way among several" in said
    assert run(copy, "-m", "lessons", "list").count("min") == len(LESSONS)
    run(copy, "-m", "lessons", "workspace")
    made = nbformat.read(copy / "work" / "notebooks" / LESSONS[1].notebook, as_version=4)
    code = "\n\n".join(
        cell.source for cell in made.cells if cell.cell_type == "code" and "exercise" not in cell.metadata
    )
    first = next(cell.source for cell in made.cells if cell.cell_type == "code")
    assert "from lessons" in code
    run(copy, "-c", first.replace("%matplotlib", "#"))


@pytest.mark.slow
def test_a_notebook_of_the_copy_runs(copy):
    script = (
        "import nbformat; from nbclient import NotebookClient; from course.syllabus import LESSONS;"
        "made = nbformat.read('notebooks/' + LESSONS[0].notebook, as_version=4);"
        "NotebookClient(made, timeout=300, allow_errors=True).execute();"
        "print('errors:', [o.ename for c in made.cells if c.cell_type == 'code' for o in c.outputs if o.output_type == 'error'])"
    )
    said = run(copy, "-c", script, IPYTHONDIR=str(copy / ".ipython"))
    (errors,) = (line for line in said.splitlines() if line.startswith("errors: "))
    assert set(re.findall(r"'(\w+)'", errors)) <= {"NotImplementedError"}, said  # what the learner has yet to write


def test_links_of_its_first_page_lead_somewhere(copy):
    links = re.findall(r"\]\(([^):#]+)[)#]", (copy / "README.md").read_text(encoding="utf-8"))
    assert len(links) > 5 and [link for link in links if not (copy / link).exists()] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", ["test", "check", "whole"])
def test_it_has_no_tests_and_says_so_before_anything_is_set_up(copy, target):
    done = subprocess.run(["make", target], cwd=copy, capture_output=True, text=True)
    assert done.returncode != 0 and "the students' copy" in done.stderr and not (copy / ".venv").exists()


@pytest.mark.slow
def test_it_makes_no_class_and_says_why(copy, tmp_path):
    for words in (["classroom", "init", str(tmp_path / "c")], ["assign", "--folder", str(tmp_path / "c")],
                  ["classroom", "init", str(tmp_path / "c"), "--lesson", "inception_module"]):  # fmt: skip
        said = run(copy, "-m", "lessons", *words, check=False)
        assert "the assignments' sources are not in it" in said and "Traceback" not in said
    assert not (tmp_path / "c").exists()


def test_a_later_copy_brings_it_up_to_date_and_leaves_what_is_the_students(tmp_path):
    course, folder = tmp_path / "course", tmp_path / "copy"
    for name, text in {"lessons/one/lesson.md": "1", "lessons/one/assignment.md": "secret", "lessons/one/old.py": "x",
                       "lessons/__pycache__/a.pyc": "", "README.md": "hello", "tests/test_a.py": "answer", "work/mine": "m"}.items():  # fmt: skip
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(text)
    assert student_copy.make(folder, course) == 3
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {"lessons/one/lesson.md", "lessons/one/old.py", "README.md", student_copy.LIST}
    (folder / "work").mkdir()
    (folder / "work" / "mine.ipynb").write_text("mine")
    (folder / "lessons/one/own.py").write_text("own")
    (course / "lessons/one/lesson.md").write_text("2")
    (course / "lessons/one/old.py").unlink()
    assert student_copy.make(folder, course) == 2
    assert (folder / "lessons/one/lesson.md").read_text() == "2" and not (folder / "lessons/one/old.py").exists()
    assert (folder / "work/mine.ipynb").read_text() == "mine" and (folder / "lessons/one/own.py").read_text() == "own"


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    course = tmp_path / "course"
    (course / "lessons").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter").write_text("dear")
    for folder, words in ((tmp_path / "other", "is not empty"), (tmp_path / "other" / "letter", "is not empty"),
                          (course, "the course itself"), (course / "lessons" / "x", "the course itself"), (tmp_path, "holds the course")):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            student_copy.make(folder, course)


def test_it_needs_nothing_but_python(copy, tmp_path):
    """As where an image is built."""
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c",
         f"import sys; sys.path.insert(0, {str(copy)!r}); from pathlib import Path; from classroom import student_copy;"
         f"print(student_copy.make(Path({str(tmp_path / 'again')!r})))"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and int(done.stdout) > 100, done.stderr
    shutil.rmtree(tmp_path / "again")
