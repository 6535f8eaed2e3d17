"""The learner's copies: what is edited is kept, what is not follows the course, whatever happens in between."""

import json
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course import workspace
from utils.system.places import CHECKOUT, work_folder

NAME = "01_inception_module.ipynb"


def write_notebook(path: Path, *sources: str) -> bytes:
    """A notebook as `build` writes it: a title, the given code cells, and the digest of what it says."""
    notebook = new_notebook(cells=[new_markdown_cell("# A lesson"), *map(new_code_cell, sources)])
    notebook.metadata.course = {"slug": path.stem[3:], "digest": workspace.digest(notebook)}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path.read_bytes()


def edit(path: Path, source: str = "mine = 1") -> bytes:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].source = source
    nbformat.write(notebook, path)
    return path.read_bytes()


def run(path: Path) -> bytes:
    """What running all cells in JupyterLab leaves: outputs, counts, metadata and an empty cell at the end."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].outputs = [new_output("stream", text="2\n")]
    notebook.cells[1].execution_count = 7
    notebook.cells[1].metadata.collapsed = False
    notebook.metadata.language_info = {"name": "python", "version": "3.13.1"}
    notebook.cells.append(new_code_cell(""))
    nbformat.write(notebook, path)
    return path.read_bytes()


@pytest.fixture
def places(tmp_path):
    """(course's notebook, learner's copy, a function that updates and returns {file name: kind})."""
    course, work = tmp_path / "notebooks", tmp_path / "work"

    def update() -> dict[str, str]:
        return {change.path.name: change.kind for change in workspace.update(course, work)}

    write_notebook(course / NAME, "first = 1")
    return course / NAME, work / "notebooks" / NAME, update


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_missing_copy_is_made(places):
    course, copy, update = places
    assert update() == {NAME: "made"}
    assert copy.read_bytes() == course.read_bytes()
    assert not workspace.is_edited(copy)
    assert update() == {NAME: "unchanged"}


def test_an_unedited_copy_follows_the_course(places):
    course, copy, update = places
    update()
    new = write_notebook(course, "second = 2")
    assert update() == {NAME: "replaced"}
    assert copy.read_bytes() == new
    assert names(copy.parent) == [NAME]


def test_outputs_of_an_unedited_copy_stay_until_the_course_changes(places):
    course, copy, update = places
    update()
    ran = run(copy)
    assert not workspace.is_edited(copy)
    assert update() == {NAME: "unchanged"}
    assert copy.read_bytes() == ran
    write_notebook(course, "second = 2")
    assert update() == {NAME: "replaced"}


@pytest.mark.parametrize("change", ["source", "added", "removed", "moved", "kind"])
def test_every_edit_is_seen(places, change):
    course, copy, update = places
    write_notebook(course, "a = 1", "b = 2")
    update()
    notebook = nbformat.read(copy, as_version=4)
    if change == "source":
        notebook.cells[2].source += "\nc = 3"
    elif change == "added":
        notebook.cells.append(new_code_cell("c = 3"))
    elif change == "removed":
        del notebook.cells[1]
    elif change == "moved":
        notebook.cells[1:] = notebook.cells[:0:-1]
    else:
        notebook.cells[1] = new_markdown_cell(notebook.cells[1].source)
    nbformat.write(notebook, copy)
    assert workspace.is_edited(copy)


def test_an_edited_copy_is_left_alone_while_the_course_stays(places):
    _, copy, update = places
    update()
    mine = edit(copy)
    assert update() == {NAME: "unchanged"}
    assert copy.read_bytes() == mine
    assert names(copy.parent) == [NAME]


def test_a_new_version_is_put_beside_an_edited_copy_once(places):
    course, copy, update = places
    update()
    mine = edit(copy)
    new = write_notebook(course, "second = 2")
    change = workspace.update(course.parent, copy.parent.parent)[0]
    beside = copy.with_name("01_inception_module.new.ipynb")
    assert change.kind == "beside"
    assert NAME in change.sentence and beside.name in change.sentence
    assert (copy.read_bytes(), beside.read_bytes()) == (mine, new)
    assert update() == {NAME: "unchanged"}
    edit(beside)
    assert update() == {NAME: "unchanged"}, "the same version is there already, edited or not"
    assert names(copy.parent) == [NAME, beside.name]


def test_a_version_beside_follows_the_course_until_it_is_edited(places):
    course, copy, update = places
    update()
    mine = edit(copy)
    beside = copy.with_name("01_inception_module.new.ipynb")
    write_notebook(course, "second = 2")
    update()
    third = write_notebook(course, "third = 3")
    update()
    assert beside.read_bytes() == third
    begun = edit(beside, "mine = 2")
    fourth = write_notebook(course, "fourth = 4")
    assert update() == {NAME: "beside"}
    assert copy.read_bytes() == mine
    assert beside.read_bytes() == begun
    assert copy.with_name("01_inception_module.new2.ipynb").read_bytes() == fourth


@pytest.mark.parametrize("content", [b"", b"{ not json", b"[]", b"\xff\xfe", b'{"cells": [], "metadata": {}}'])
def test_a_copy_that_cannot_be_read_is_kept_and_a_good_one_put_beside(places, content):
    course, copy, update = places
    copy.parent.mkdir(parents=True)
    copy.write_bytes(content)
    assert workspace.is_edited(copy)
    assert update() == {NAME: "beside"}
    assert copy.read_bytes() == content
    assert copy.with_name("01_inception_module.new.ipynb").read_bytes() == course.read_bytes()
    assert update() == {NAME: "unchanged"}


def test_an_edit_in_the_course_s_folder_is_left_and_the_own_copy_named(places):
    course, copy, update = places
    update()
    own = copy.read_bytes()
    in_place = edit(course)
    changes = workspace.update(course.parent, copy.parent.parent)
    sentence = next(change.sentence for change in changes if change.kind == "edited in place")
    assert str(copy) in sentence
    assert (course.read_bytes(), copy.read_bytes()) == (in_place, own)


def test_a_broken_notebook_of_the_course_stops_nothing(places):
    course, copy, update = places
    write_notebook(course.with_name("00_start_here.ipynb"), "hello = 1")
    course.write_text("<<<<<<< HEAD")
    assert update() == {"00_start_here.ipynb": "made", NAME: "unreadable"}
    assert not copy.exists()


def test_other_files_of_the_learner_are_left_alone(places):
    _, copy, update = places
    copy.parent.mkdir(parents=True)
    own = copy.with_name("notes.ipynb")
    own.write_text("anything")
    update()
    assert own.read_text() == "anything"


def test_a_crash_while_writing_leaves_the_old_copy(places, monkeypatch):
    course, copy, update = places
    update()
    old = copy.read_bytes()
    new = write_notebook(course, "second = 2")
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError("power cut")))
    with pytest.raises(OSError, match="power cut"):
        update()
    assert copy.read_bytes() == old
    monkeypatch.undo()
    update()
    assert copy.read_bytes() == new
    assert names(copy.parent) == [NAME]


def test_the_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "elsewhere"))
    assert work_folder() == tmp_path / "elsewhere"
    monkeypatch.delenv("COURSE_WORK")
    assert work_folder() == CHECKOUT / "work"


def test_digest_is_of_types_and_sources_only(tmp_path):
    path = tmp_path / NAME
    write_notebook(path, "a = 1\nb = 2")
    as_lines = json.loads(path.read_bytes())
    assert isinstance(as_lines["cells"][1]["source"], list)
    assert workspace.digest(as_lines) == workspace.digest(nbformat.read(path, as_version=4))


def test_git_pull_neither_loses_nor_is_blocked_by_the_learner_s_work(tmp_path):
    def git(folder: Path, *words: str) -> None:
        identity = ["-c", "user.name=Author", "-c", "user.email=author@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)

    upstream, clone = tmp_path / "upstream", tmp_path / "clone"
    upstream.mkdir()
    git(upstream, "init", "--quiet")
    (upstream / ".gitignore").write_bytes((CHECKOUT / ".gitignore").read_bytes())
    write_notebook(upstream / "notebooks" / NAME, "first = 1")
    write_notebook(upstream / "notebooks" / "00_start_here.ipynb", "hello = 1")
    git(upstream, "add", ".")
    git(upstream, "commit", "--quiet", "-m", "The course")
    git(tmp_path, "clone", "--quiet", str(upstream), str(clone))

    notebooks, work = clone / "notebooks", clone / "work"
    workspace.update(notebooks, work)
    mine = edit(work / "notebooks" / NAME)
    run(work / "notebooks" / "00_start_here.ipynb")
    new = write_notebook(upstream / "notebooks" / NAME, "second = 2")
    newer_start = write_notebook(upstream / "notebooks" / "00_start_here.ipynb", "hello = 2")
    git(upstream, "commit", "--quiet", "-am", "New versions")

    git(clone, "pull", "--quiet")
    workspace.update(notebooks, work)
    assert (work / "notebooks" / NAME).read_bytes() == mine
    assert (work / "notebooks" / "01_inception_module.new.ipynb").read_bytes() == new
    assert (work / "notebooks" / "00_start_here.ipynb").read_bytes() == newer_start
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert status.stdout == ""
