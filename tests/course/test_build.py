"""Notebooks come from their sources: the same bytes each time, and a broken source is named with file and line."""

import io
import itertools
import json
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from dataclasses import replace

import nbformat
import pytest
from PIL import Image

from course import build as builder
from course.build import SourceError, alone, build, examine, feedback_of, solved, student
from course.syllabus import LESSONS, lesson
from course.workspace import NOTEBOOKS, is_edited
from lessons.start_here import figures
from utils.feedback.exercises import questions_of

SLUGS = [entry.slug for entry in LESSONS]


@pytest.mark.parametrize("slug", SLUGS)
def test_the_committed_notebook_is_what_the_source_gives(slug, tmp_path):
    entry = lesson(slug)
    build([entry], into=tmp_path)
    rebuilt = (tmp_path / entry.notebook).read_bytes()
    assert rebuilt == (NOTEBOOKS / entry.notebook).read_bytes(), "run `make lessons` and commit notebooks/"


@pytest.mark.parametrize("slug", SLUGS)
def test_each_question_stands_once_as_text(slug):
    """A prediction's question is there before anything runs, and where nothing can."""
    asked = questions_of(lesson(slug).folder / "lesson.md")
    cells = student(lesson(slug)).cells
    calls = {cell.source: before for before, cell in itertools.pairwise(cells) if cell.source.startswith("predict(")}
    assert len(calls) == len(asked) >= 2
    for (name, question), (call, before) in zip(asked.items(), calls.items(), strict=True):
        assert f'"{name}"' in call and before.source == f"**Predict.** {question}" and before.cell_type == "markdown"
        assert sum(question in cell.source for cell in cells) == 1


def test_no_notebook_is_left_over():
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} == {entry.notebook for entry in LESSONS}


@pytest.mark.parametrize("slug", SLUGS)
def test_a_student_gets_stubs_and_no_solutions_or_outputs(slug):
    notebook = student(lesson(slug))
    text = nbformat.writes(notebook)
    assert "SOLUTION" not in text and not any(cell.get("outputs") for cell in notebook.cells)
    for entry in feedback_of(lesson(slug)).exercises.values():
        if entry.difficulty != "worked":
            assert f'raise NotImplementedError(\\"Exercise {entry.number}, {entry.title}' in text
    assert "NotImplementedError" not in nbformat.writes(solved(lesson(slug)))


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for part in ("a", "b"):
        build(into=tmp_path / part)
    for entry in LESSONS:
        assert (tmp_path / "a" / entry.notebook).read_bytes() == (tmp_path / "b" / entry.notebook).read_bytes()


def test_an_edited_notebook_is_kept_and_named(tmp_path):
    entry = LESSONS[0]
    build([entry], into=tmp_path)
    path = tmp_path / entry.notebook
    content = json.loads(path.read_text())
    content["cells"][1]["source"] = "mine = 1"
    path.write_text(json.dumps(content))
    assert is_edited(path)
    (told,) = build([entry], into=tmp_path)
    kept = tmp_path / f"{path.stem}.edited-1.ipynb"
    assert kept.name in told.sentence and "mine = 1" in kept.read_text()
    assert not is_edited(path)
    assert not build([entry], into=tmp_path)[0].changed


def test_outputs_alone_are_no_edit(tmp_path):
    entry = LESSONS[0]
    build([entry], into=tmp_path)
    path = tmp_path / entry.notebook
    content = json.loads(path.read_text())
    content["cells"][1]["execution_count"] = 3
    path.write_text(json.dumps(content))
    build([entry], into=tmp_path)
    assert [file.name for file in tmp_path.glob("*.ipynb")] == [entry.notebook]


GOOD = (lesson("inception_module").folder / "lesson.md").read_text(encoding="utf-8")
EXERCISE = ':exercise: "1.2"\n'


def line_of(text, part):
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("before", "after", "at", "words"),
    [
        ("    return one_output * out_channels * grid * grid\n    ### END SOLUTION\n",
         "    return one_output * out_channels * grid * grid\n", "    ### BEGIN SOLUTION\n    one_output", "has no ### END SOLUTION"),
        ("    ### BEGIN SOLUTION\n    one_output", "    one_output", "    ### END SOLUTION\n", "has no ### BEGIN SOLUTION"),
        (EXERCISE, ':exercise: "1.1"\n', ':exercise: "1.1"\ndef conv_macs', "stands in line"),
        (EXERCISE, ':exercise: "1.9"\n', ':exercise: "1.9"\n', "has no check in checks.py"),
        (EXERCISE, "", "    ### BEGIN SOLUTION\n    one_output", "without an :exercise: line"),
        ("check.conv_macs(conv_macs)", "check.conv_mac(conv_macs)", "check.conv_mac(conv_macs)", "check.conv_mac is no check"),
        ('`hint("1.2")`', '`hint("1.22")`', '`hint("1.22")`', "no exercise 1.22"),
        ('truth(\n    "channels"', 'truth(\n    "channel"', '"channel",', 'no predict("channel"'),
        ("(00_start_here.ipynb)", "(00_start.ipynb)", "(00_start.ipynb)", "leads nowhere"),
    ],
)  # fmt: skip
def test_a_broken_source_is_named_with_file_and_line(before, after, at, words, tmp_path):
    assert before in GOOD
    text = GOOD.replace(before, after, 1)
    path = tmp_path / "lesson.md"
    with pytest.raises(SourceError) as caught:
        examine(text, path, feedback_of(lesson("inception_module")))
    assert words in str(caught.value)
    assert f"lesson.md:{line_of(text, at)}:" in str(caught.value)


def test_an_exercise_without_a_cell_is_named(tmp_path):
    start = GOOD.index('```{code-cell}\n:exercise: "1.7"')
    text = GOOD[:start] + GOOD[GOOD.index("```\n", start + 5) + 4 :]
    with pytest.raises(SourceError, match="no cell here has it"):
        examine(text, tmp_path / "lesson.md", feedback_of(lesson("inception_module")))


def test_the_command_names_a_broken_source_and_leaves_the_notebook(tmp_path, monkeypatch, capsys):
    entry = lesson("inception_module")
    folder = tmp_path / entry.slug
    shutil.copytree(entry.folder, folder)
    (folder / "lesson.md").write_text(GOOD.replace(EXERCISE, ':exercise: "1.9"\n'), encoding="utf-8")
    broken = replace(entry)
    monkeypatch.setattr(type(broken), "folder", property(lambda self: tmp_path / self.slug))
    known = feedback_of(entry)
    monkeypatch.setattr(builder, "feedback_of", lambda _lesson: known)
    with pytest.raises(SourceError, match=r"lesson.md:\d+: Exercise 1.9 has no check"):
        build([broken], into=tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.ipynb"))


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.slug for lesson in LESSONS])
def test_each_lesson_that_counts_names_both_units(lesson):
    """People look for FLOPs, and the papers count multiply-adds: the text says once that one is half of the other."""
    text = (lesson.folder / "lesson.md").read_text(encoding="utf-8")
    assert re.search(r"FLOPs", text) and re.search(r"multiply-add|MAC", text)


@pytest.mark.parametrize("repository", ["", "https://github.com/someone/course", "file:///srv/course"])
def test_a_notebook_s_first_code_cell_makes_it_ready(repository):
    notebook = alone(lesson("googlenet"), repository)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.source.startswith("#") and first.source.endswith("\nprepare()") and len(first.source.splitlines()) < 12
    compile(first.source, "cell", "exec")
    assert (f'"{repository}"' in first.source) == bool(repository)
    assert ("make lab" in first.source) == (not repository)
    assert [cell.id for cell in notebook.cells if cell.id == "links"] == ["links"] * repository.startswith("https")
    rest = [cell for cell in notebook.cells if cell.id not in ("links", "alone")]
    assert rest == student(lesson("googlenet")).cells


def test_without_the_course_and_a_repository_it_says_how_to_get_it(tmp_path):
    first = next(cell for cell in alone(lesson("googlenet"), "").cells if cell.cell_type == "code")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", first.source], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError: The course is not installed here.")


def run_alone(folder, repository, before=""):
    """Run the first cell in a folder, with a Python that has nothing; gives what it prints and its last line."""
    first = next(cell for cell in alone(lesson("googlenet"), repository).cells if cell.cell_type == "code")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", before + first.source], cwd=folder, capture_output=True, text=True
    )
    return done.stderr, done.stderr.splitlines()[-1]


def test_a_course_that_cannot_be_fetched_is_told_in_one_sentence(tmp_path):
    said, last = run_alone(tmp_path, f"file://{tmp_path}/not-there")
    assert last.startswith("ModuleNotFoundError: The course could not be fetched") and "Settings, Internet" in last
    assert "not-there" in said and said.count("Traceback") == 1, "git's reason, and no second traceback"


def test_without_git_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    said, last = run_alone(tmp_path, "file:///srv/course")
    assert last.startswith("ModuleNotFoundError: The course could not be fetched")
    assert re.search(r"git.*not found", said)


def test_a_course_that_lies_there_is_not_fetched_again(tmp_path):
    """As after a restart of the kernel, when the installation did not get through."""
    package = tmp_path / "inception-course" / "utils" / "setup"
    package.mkdir(parents=True)
    (package / "alone.py").write_text("def prepare():\n    raise SystemExit('prepared')\n")
    said, last = run_alone(tmp_path, f"file://{tmp_path}/not-there")
    assert (said.strip(), last) == ("prepared", "prepared")


@pytest.mark.parametrize("other", ["utils.py", "utils/__init__.py"])
def test_another_module_of_the_name_utils_is_not_in_the_way(other, tmp_path):
    """As beside the notebook, or among a service's packages: it is found before the course is fetched."""
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).write_text("")
    package = tmp_path / "inception-course" / "utils" / "setup"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("")
    (package / "alone.py").write_text("def prepare():\n    raise SystemExit('prepared')\n")
    has_it = "import sys\nsys.path.insert(0, '.')\n"
    assert run_alone(tmp_path, f"file://{tmp_path}/not-there", has_it)[1] == "prepared"
    said = run_alone(tmp_path, "", has_it)[1]
    assert said.startswith("ModuleNotFoundError: The course is not installed here.") and other in said


def test_the_first_screen_is_a_cover_that_travels_with_the_notebook():
    """It stands before any code, in the file itself, and its figures are those that are counted now."""
    first = student(lesson("start_here")).cells[0]
    assert first.cell_type == "markdown" and "](attachment:cover.png)" in first.source
    picture = Image.open(io.BytesIO(b64decode(first.attachments["cover.png"]["image/png"])))
    assert picture.size[0] >= 900
    _, words = figures.cover()
    assert picture.info[figures.MARK] == words, "python -m lessons.start_here.figures draws it anew"


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.slug for lesson in LESSONS])
def test_each_lesson_says_where_it_stands(lesson):
    line = student(lesson).cells[0].source.splitlines()[2]
    assert line.startswith("*You are here:*") and f"**{lesson.number:02d} {lesson.title}**" in line
    at = LESSONS.index(lesson)
    assert re.findall(r"\]\(([^)]+)\)", line) == [
        each.notebook for each in LESSONS[max(at - 1, 0) : at + 2] if each is not lesson
    ]
    assert f"lesson {at + 1} of {len(LESSONS)}" in line


@pytest.mark.parametrize("slug", SLUGS)
def test_no_line_of_code_runs_out_of_its_cell(slug):
    """104 characters fit into a cell of JupyterLab at 1280 pixels, beside its file browser. Measured in Chromium."""
    notebooks = (student(lesson(slug)), solved(lesson(slug)))
    code = (cell.source for one in notebooks for cell in one.cells if cell.cell_type == "code")
    assert [line for source in code for line in source.splitlines() if len(line) > 104] == []
