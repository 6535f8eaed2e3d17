"""A class from nothing to marks with nbgrader itself, and what students hand in that is not as it should be."""

import contextlib
import csv
import json
import os
import re
import shutil
import sys
import threading
import time
import zipfile

import nbformat
import pytest
from typer.testing import CliRunner

from classroom import assignments, course_folder, export, marking, similarity
from classroom.notebooks import ClassroomError
from classroom.report import Row, table
from classroom.sandbox import workers
from course.syllabus import lesson
from lessons.__main__ import app
from tests.classroom.submissions import answers_of, failed, job
from tests.lessons.assignment_answers import of_lesson

SLUG = "inception_module"
POINTS = {"five_branches": 3, "largest_reduction": 2, "choose_widths": 2, "repaired_runs": 1, "repaired_computes": 2}
OwnWorkers = workers.Workers
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the isolation tried here is Linux's")


@pytest.fixture(scope="module")
def pool():
    """Workers that have torch loaded."""
    with workers.Workers(2) as pool:
        yield pool


@pytest.fixture(autouse=True)
def warm_workers(pool, monkeypatch):
    """Whoever marks here takes the workers that are there already."""
    monkeypatch.setattr(workers, "Workers", lambda count: contextlib.nullcontext(pool))


@pytest.fixture
def course(released, tmp_path):
    return shutil.copytree(released, tmp_path / "class")


def notebook(course, answers):
    """The released notebook with these answers written in."""
    made = nbformat.read(course / "release" / SLUG / f"{SLUG}.ipynb", as_version=4)
    for cell in made.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name]
    return made


def hand_in(course, student, content, name=f"{SLUG}.ipynb"):
    place = course / "submitted" / student / SLUG
    place.mkdir(parents=True, exist_ok=True)
    if isinstance(content, (str, bytes)):
        (place / name).write_bytes(content.encode() if isinstance(content, str) else content)
    elif content is not None:
        nbformat.write(content, place / name)


def cell_of(made, name):
    return next(
        number for number, cell in enumerate(made.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name
    )


@needs_linux
@pytest.mark.slow
def test_from_zero_to_marks_on_the_command_line(tmp_path):
    run = CliRunner().invoke
    course, downloads = tmp_path / "class", tmp_path / "downloads"

    def say(*words):
        result = run(app, ["classroom", *map(str, words)])
        assert result.exit_code == 0, result.output
        return result.output

    said = say("init", course, "--seed", "2026", "--lesson", SLUG)
    assert f"source/{SLUG}/{SLUG}.ipynb is written" in said
    settings = (course / "classroom.toml").read_text()
    (course / "classroom.toml").write_text(settings.replace("# inception_module = ", "inception_module = "))
    assert "is ready: give it to your students" in say("release", SLUG, "--folder", course)
    text = (course / "release" / SLUG / f"{SLUG}.ipynb").read_text()
    for secret in ("SOLUTION", "HIDDEN", "choose(", *of_lesson(SLUG).SECRETS):
        assert secret not in text

    downloads.mkdir()
    solved = notebook(course, answers_of(SLUG, "2026"))
    nbformat.write(solved, downloads / f"anna_{SLUG}.ipynb")
    nbformat.write(notebook(course, {}), downloads / f"ben_LATE_1234_5678_{SLUG}-2.ipynb")
    assert "2 handed in" in say("collect", SLUG, "--from", downloads, "--folder", course)
    said = say("autograde", SLUG, "--folder", course)
    assert re.search(r"anna +3 +2 +2 +1 +2 +10\n", said) and re.search(r"ben +0 +0 +0 +0 +0 +0\n", said)
    assert "Students' code and the tests run in processes of their own" in said
    assert "Students: 2." in say("feedback", SLUG, "--folder", course)
    page = (course / "feedback" / "anna" / SLUG / f"{SLUG}.html").read_text(encoding="utf-8")
    assert re.search(r"Score: 10(\.0)? / 12", page)
    page = (course / "feedback" / "ben" / SLUG / f"{SLUG}.html").read_text(encoding="utf-8")
    assert "NotImplementedError" in page and "_Reference" not in page and "HIDDEN" not in page
    say("export", "--folder", course, "--to", tmp_path / "marks.csv")
    rows = {row["student_id"]: row for row in csv.DictReader((tmp_path / "marks.csv").open())}
    assert float(rows["anna"]["score"]) == 10 and float(rows["anna"]["max_score"]) == 12
    assert rows["anna"]["duedate"].startswith("2026-10-31 22:00")
    assert "No two submissions" in say("similar", SLUG, "--folder", course)

    result = run(app, ["classroom", "release", "nothing", "--folder", str(course)])
    assert result.exit_code == 1 and f"It has: {SLUG}." in result.output
    result = run(app, ["classroom", "autograde", SLUG, "--folder", str(tmp_path)])
    assert result.exit_code == 1 and "classroom init FOLDER" in result.output


@needs_linux
@pytest.mark.slow
def test_nbgraders_own_command_gives_the_same_points(course):
    """What a button of the formgrader does."""
    solutions = answers_of(SLUG, "2026")
    hand_in(
        course,
        "anna",
        notebook(course, solutions | {"largest_reduction": "def largest_reduction(*case):\n    return 7"}),
    )
    assignments.nbgrader("autograde", SLUG, folder=course)
    assert marking.points(course, SLUG, "anna") == POINTS | {"largest_reduction": 0}


@needs_linux
@pytest.mark.slow
def test_whatever_is_handed_in_is_marked_or_reported_and_the_class_goes_on(course):
    solutions = answers_of(SLUG, "2026")
    solved = notebook(course, solutions)
    hand_in(course, "solves_all", solved)
    hand_in(course, "no_json", "{this is no notebook")
    hand_in(course, "binary", bytes(range(256)) * 50)
    hand_in(course, "other_json", json.dumps({"cells": 3}))
    hand_in(course, "list_json", "[1, 2]")
    hand_in(course, "empty", "")
    hand_in(
        course,
        "odd_cells",
        json.dumps({"cells": [{"cell_type": "strange"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
    )
    hand_in(course, "wrong_name", solved, "my homework (final).ipynb")
    hand_in(course, "two_notebooks", solved, "a.ipynb")
    hand_in(course, "two_notebooks", nbformat.v4.new_notebook(), "b.ipynb")
    hand_in(course, "no_notebook", "print('answer')", "answer.py")
    hand_in(course, "empty_folder", None)
    kernel = notebook(course, solutions)
    kernel.metadata.kernelspec = {"name": "ir", "language": "R", "display_name": "R"}
    hand_in(course, "other_kernel", kernel)
    old = json.loads(nbformat.writes(nbformat.convert(notebook(course, solutions), 3), version=3))
    hand_in(course, "old_format", json.dumps(old))
    bare = notebook(course, solutions)
    for cell in bare.cells:
        cell.metadata = {}
    hand_in(course, "no_metadata", bare)
    hostile = notebook(course, solutions)
    hostile.cells.insert(0, nbformat.v4.new_code_cell("import os\nos._exit(0)"))
    hand_in(course, "ends_the_process", hostile)
    with course_folder.gradebook(course) as book:
        book.add_student("hands_in_nothing")
    rows = {row.student: row for row in marking.autograde(course, SLUG)}
    remarks = {student: "; ".join(row.remarks) for student, row in rows.items()}
    full = {"solves_all", "wrong_name", "two_notebooks", "other_kernel", "old_format", "ends_the_process"}
    assert {student for student, row in rows.items() if row.points == POINTS} == full
    assert all(row.total == 0 for student, row in rows.items() if student not in full)
    for student in ("no_json", "binary", "other_json", "list_json", "empty", "odd_cells"):
        assert "no notebook that can be read" in remarks[student] or "no cell" in remarks[student], remarks[student]
        assert rows[student].points == dict.fromkeys(POINTS, 0)
    assert "handed in as my homework (final).ipynb" in remarks["wrong_name"]
    assert "one of 2 notebooks" in remarks["two_notebooks"]
    assert "no notebook, but answer.py" in remarks["no_notebook"] and "no notebook" in remarks["empty_folder"]
    assert "kernel 'ir'" in remarks["other_kernel"]
    assert "nothing handed in" in remarks["hands_in_nothing"] and not rows["hands_in_nothing"].points
    assert "ended the process" in remarks["ends_the_process"]
    assert remarks["solves_all"] == ""
    report = (course / "reports" / f"{SLUG}.txt").read_text()
    assert all(student in report for student in rows)
    marking.feedback(course, SLUG)
    assert export.everything(course, course / "marks.csv").exists()


@needs_linux
@pytest.mark.slow
def test_what_students_do_to_the_teachers_cells_earns_nothing_and_costs_nothing(course):
    solutions = answers_of(SLUG, "2026")
    wrong = solutions | {"largest_reduction": "def largest_reduction(*case):\n    return 0"}
    tests = [f"test_{name}" for name in POINTS]

    def change(answers, edit):
        made = notebook(course, answers)
        edit(made)
        return made

    def delete(made):
        made.cells = [cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("grade_id") not in tests]

    def empty(made):
        for name in tests:
            made.cells[cell_of(made, name)].source = "pass"

    def to_markdown(made):
        for name in tests:
            cell = made.cells[cell_of(made, name)]
            made.cells[cell_of(made, name)] = nbformat.v4.new_markdown_cell("done", metadata=cell.metadata)

    def rename(made):
        for number, name in enumerate(tests):
            made.cells[cell_of(made, name)].metadata.nbgrader.grade_id = f"own_{number}"

    def unlock(made):
        for name in tests:
            cell = made.cells[cell_of(made, name)]
            cell.metadata.nbgrader |= {"locked": False, "solution": True, "grade": False, "points": 100}
            cell.source = "pass"

    def copy(made):
        for name in tests:
            cell = nbformat.from_dict(made.cells[cell_of(made, name)])
            cell.source = "pass"
            made.cells.append(cell)

    def first(made):
        moved = [made.cells.pop(cell_of(made, name)) for name in tests]
        made.cells[:0] = moved

    def backwards(made):
        made.cells = made.cells[::-1]

    def swap(made):
        one, other = made.cells[cell_of(made, tests[0])], made.cells[cell_of(made, tests[1])]
        one.metadata, other.metadata = other.metadata, one.metadata

    def claim_points(made):
        own = nbformat.v4.new_code_cell("1000", metadata={"nbgrader": {
            "schema_version": 3, "grade_id": "bonus", "grade": True, "solution": False, "locked": True, "task": False, "points": 1000,
        }})  # fmt: skip
        made.cells.append(own)
        made.cells[cell_of(made, tests[0])].metadata.nbgrader.points = 1000

    def break_metadata(made):
        made.cells[cell_of(made, tests[0])].metadata.nbgrader = {"grade": True}
        made.cells[cell_of(made, tests[1])].metadata["nbgrader"] = "nonsense"
        made.metadata.kernelspec = {"name": "../../bin/sh", "display_name": "x"}

    def delete_answers_too(made):
        delete(made)
        made.cells = [
            cell for cell in made.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != "five_branches"
        ]

    edits = (delete, empty, to_markdown, rename, unlock, copy, first, swap, claim_points, break_metadata)
    for edit in edits:
        hand_in(course, f"right_{edit.__name__}", change(solutions, edit))
        hand_in(course, f"wrong_{edit.__name__}", change(wrong, edit))
    hand_in(course, "stub_delete", change({}, delete))
    hand_in(course, "stub_backwards", change({}, backwards))
    hand_in(course, "lost_an_answer", change(solutions, delete_answers_too))
    rows = {row.student: row for row in marking.autograde(course, SLUG)}
    for edit in edits:
        assert rows[f"right_{edit.__name__}"].points == POINTS, edit.__name__
        assert rows[f"wrong_{edit.__name__}"].points == POINTS | {"largest_reduction": 0}, edit.__name__
    assert rows["stub_delete"].total == rows["stub_backwards"].total == 0
    assert rows["lost_an_answer"].points == POINTS | {"five_branches": 0}
    assert any(remark.startswith("deleted the teacher's") for remark in rows["right_delete"].remarks)
    assert any(remark.startswith("changed the teacher's") for remark in rows["wrong_empty"].remarks)
    assert any(remark.startswith("copied the teacher's") for remark in rows["wrong_copy"].remarks)
    with course_folder.gradebook(course) as book:
        for name in rows:
            assert book.find_submission(SLUG, name).max_score == 12


@needs_linux
@pytest.mark.slow
def test_a_run_that_is_interrupted_goes_on_where_it_was_and_loses_no_mark(course, monkeypatch):
    for number in range(4):
        hand_in(course, f"student_{number}", notebook(course, answers_of(SLUG, "2026")))

    # A new line by each, so that no two are the same job.
    for number in range(4):
        path = course / "submitted" / f"student_{number}" / SLUG / f"{SLUG}.ipynb"
        made = nbformat.read(path, as_version=4)
        made.cells.append(nbformat.v4.new_code_cell(f"# {number}"))
        nbformat.write(made, path)
    said = []

    def stop_after_two(text):
        said.append(text)
        if text.strip().startswith("2 of 4"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(workers, "Workers", OwnWorkers)  # what is stopped takes its workers along
        marking.autograde(course, SLUG, say=stop_after_two)
    said.clear()
    marking.autograde(course, SLUG, say=said.append)
    assert "4 can be marked, 2 to run." in said

    with course_folder.gradebook(course) as book:  # a person marks the free answer and takes a point off
        book.find_grade("trade", SLUG, SLUG, "student_1").manual_score = 2
        book.find_grade("test_five_branches", SLUG, SLUG, "student_1").manual_score = 1
        book.db.commit()
    said.clear()
    rows = marking.autograde(course, SLUG, say=said.append)
    assert "4 can be marked, 0 to run." in said and not any(row.is_new for row in rows)
    hand_in(course, "student_0", notebook(course, {}))  # hands in anew
    said.clear()
    rows = {row.student: row for row in marking.autograde(course, SLUG, say=said.append)}
    assert "4 can be marked, 1 to run." in said
    assert [row.student for row in rows.values() if row.is_new] == ["student_0"] and rows["student_0"].total == 0
    marking.autograde(course, SLUG, students=["student_1"], again=True)
    with course_folder.gradebook(course) as book:
        assert book.find_submission(SLUG, "student_1").score == 2 + 1 + 7
        assert {each.student.id for each in book.find_assignment(SLUG).submissions} == set(rows)


@needs_linux
@pytest.mark.slow
def test_a_teachers_own_question_and_points_are_marked(course):
    path = course / "source" / SLUG / f"{SLUG}.ipynb"
    made = nbformat.read(path, as_version=4)
    made.cells[cell_of(made, "test_largest_reduction")].metadata.nbgrader.points = 5

    def own(name, source, **data):
        form = {
            "schema_version": 3,
            "grade_id": name,
            "grade": False,
            "solution": False,
            "locked": False,
            "task": False,
        }
        return nbformat.v4.new_code_cell(source, metadata={"nbgrader": form | data})

    made.cells += [
        own("halves", "def halves(x):\n    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION", solution=True),
        own(
            "test_halves", "assert halves(4) == 2\n### BEGIN HIDDEN TESTS\nassert halves(-1) == -0.5\n### END HIDDEN TESTS",
            grade=True, locked=True, points=4,
        ),
    ]  # fmt: skip
    nbformat.write(made, path)
    course_folder.release(course, SLUG)
    solutions = answers_of(SLUG, "2026")
    hand_in(course, "anna", notebook(course, solutions | {"halves": "def halves(x):\n    return 0.5 * x"}))
    hand_in(course, "ben", notebook(course, solutions | {"halves": "def halves(x):\n    return abs(x) / 2"}))
    rows = {row.student: row.points for row in marking.autograde(course, SLUG)}
    assert rows["anna"] == POINTS | {"largest_reduction": 5, "halves": 4}
    assert rows["ben"] == POINTS | {"largest_reduction": 5, "halves": 0}
    course_folder.init(course)
    assert "halves" in path.read_text(), "init leaves a teacher's changes alone"


@needs_linux
@pytest.mark.slow
def test_what_no_test_can_decide_is_left_to_a_person(course):
    """A test that hands over what cannot be handed over: no false zero in silence."""
    path = course / "source" / SLUG / f"{SLUG}.ipynb"
    made = nbformat.read(path, as_version=4)
    made.cells[cell_of(made, "test_largest_reduction")].source += "\nlargest_reduction(open('/dev/null'), 1, 1)"
    nbformat.write(made, path)
    course_folder.release(course, SLUG)
    hand_in(course, "anna", notebook(course, answers_of(SLUG, "2026")))
    (row,) = marking.autograde(course, SLUG)
    assert any("no test could decide, please look" in remark for remark in row.remarks)
    with course_folder.gradebook(course) as book:
        assert book.find_grade("test_largest_reduction", SLUG, SLUG, "anna").needs_manual_grade
    (page,) = marking.feedback(course, SLUG)
    assert page.read_text(encoding="utf-8").count("No test could decide this. Your teacher looks at it.") == 1


@needs_linux
@pytest.mark.slow
def test_many_are_marked_at_a_time(pool, monkeypatch):
    """The workers share the jobs; every student gets the own points."""
    kept, solutions = of_lesson(SLUG), answers_of(SLUG)
    students = list(kept.WRONG.items())[:8]
    made = [
        job(SLUG, solutions | {name: solutions[name].replace(right, wrong)}) for _, (name, right, wrong, _) in students
    ]
    working, most = set(), []
    mark = workers.Worker.mark

    def watched(self, one):
        working.add(threading.get_ident())
        most.append(len(working))
        try:
            return mark(self, one)
        finally:
            working.discard(threading.get_ident())

    monkeypatch.setattr(workers.Worker, "mark", watched)
    found = {number: failed(made[number], outcomes) for number, outcomes in pool.mark(made)}
    assert found == {number: lost for number, (_, (*_, lost)) in enumerate(students)}
    assert max(most) == 2


# Without running anything


def test_collecting_from_zips_and_folders(course, tmp_path):
    solved = notebook(course, {})
    inner = tmp_path / "inner"
    (inner / "Jane Doe_1234_assignsubmission_file_").mkdir(parents=True)
    nbformat.write(solved, inner / "Jane Doe_1234_assignsubmission_file_" / f"{SLUG}.ipynb")
    (inner / "ben_999").mkdir()
    (inner / "ben_999" / "notes.txt").write_text("nothing")
    with zipfile.ZipFile(inner / "carla_777.zip", "w") as archive:
        archive.writestr("deep/folder/own name.ipynb", nbformat.writes(solved))
        archive.writestr("../../../outside.txt", "x")
    (inner / "dora.zip").write_bytes(b"no zip")
    for hours, name in enumerate((f"Jane Doe_1234_assignsubmission_file_/{SLUG}.ipynb", "carla_777.zip"), start=1):
        os.utime(inner / name, (time.time() - 3600 * hours,) * 2)  # files of one minute have the time of the download
    everything = tmp_path / "all.zip"
    with zipfile.ZipFile(everything, "w") as archive:
        for path in inner.rglob("*"):
            if path.is_file():
                archive.write(path, path.relative_to(inner))
    for source in (inner, everything):
        shutil.rmtree(course / "submitted", ignore_errors=True)
        found = course_folder.collect(course, SLUG, source)
        rows = {row.student: row.remarks for row in found.rows}
        assert set(rows) == {"Jane_Doe", "ben_999", "carla_777", "dora"}
        assert rows["Jane_Doe"] == [] and "no notebook, but notes.txt" in rows["ben_999"]
        assert "handed in as own name.ipynb" in rows["carla_777"] and "is no zip that can be read" in rows["dora"][0]
        assert (found.files, found.taken) == (5, 3) and len(found.left) == 2
        for student in ("Jane_Doe", "carla_777"):
            assert (course / "submitted" / student / SLUG / f"{SLUG}.ipynb").exists()
            assert "UTC" in (course / "submitted" / student / SLUG / "timestamp.txt").read_text()
    assert not list(tmp_path.rglob("outside.txt")) or all("all" in str(path) for path in tmp_path.rglob("outside.txt"))
    with pytest.raises(ClassroomError, match="There is no"):
        course_folder.collect(course, SLUG, tmp_path / "nothing")


def test_a_class_is_made_once_and_says_what_is_wrong(tmp_path):
    folder = tmp_path / "class"
    written = course_folder.init(folder, seed="2026")
    assert [path.parent.name for path in written] == [entry.slug for entry in assignments.with_assignment()]
    assert course_folder.settings(folder).seed == "2026" and course_folder.init(folder) == []
    (folder / "nbgrader_config.py").write_text("# mine\n")
    written[0].unlink()
    assert course_folder.init(folder) == [written[0]] and (folder / "nbgrader_config.py").read_text() == "# mine\n"
    with pytest.raises(ClassroomError, match="This class has the seed '2026'"):
        course_folder.init(folder, seed="2027")
    with pytest.raises(ClassroomError, match="is not released yet"):
        marking.autograde(folder, SLUG)
    (folder / "classroom.toml").write_text("seed = ")
    with pytest.raises(ClassroomError, match="cannot be read"):
        course_folder.settings(folder)
    (folder / "classroom.toml").write_text('[due]\ninception_module = "tomorrow"\n')
    with pytest.raises(ClassroomError, match="write the date of inception_module as 2026-10-31"):
        course_folder.settings(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(ClassroomError, match="is no class"):
        course_folder.init(other)
    with pytest.raises(ValueError, match="has no assignment"):
        course_folder.init(tmp_path / "new", slugs=["start_here"])
    assert not (tmp_path / "new").exists()


def test_the_seed_reaches_the_sources(tmp_path):
    texts = []
    for seed in ("", "2026", "2026"):
        folder = tmp_path / f"class-{len(texts)}"
        (path,) = course_folder.init(folder, seed=seed, slugs=[SLUG])
        texts.append([cell.source for cell in nbformat.read(path, as_version=4).cells])
    assert texts[0] != texts[1] == texts[2]
    assert texts[1] == [cell.source for cell in assignments.source(lesson(SLUG), seed="2026").cells]


def test_answers_that_are_alike_are_listed(course):
    solutions = answers_of(SLUG, "2026")
    renamed = {
        name: re.sub(r"\b(layer|branch|branches|places|ones|cost)\b", r"my_\1", code) + "\n# my own work\n"
        if name in ("five_branches", "choose_widths")
        else code
        for name, code in solutions.items()
    }
    other = solutions | {
        "choose_widths": "def choose_widths(in_channels, grid, budget):\n    three = (budget // grid**2 - 5 * in_channels - 25) // 18\n"
        "    return dict(pointwise=1, three_reduce=2, three=three, five_reduce=1, five=1, pool=1)",
        "five_branches": "class FiveBranches(nn.Module):\n    pass\n",
        "repaired": "class Repaired(nn.Module):\n    pass\n",
        "largest_reduction": "def largest_reduction(*case):\n    return 3\n",
    }
    hand_in(course, "anna", notebook(course, solutions))
    hand_in(course, "ben", notebook(course, renamed))
    hand_in(course, "carla", notebook(course, other))
    hand_in(course, "dora", notebook(course, {}))
    hand_in(course, "emil", notebook(course, {}))
    hand_in(course, "no_json", "{")
    found = similarity.pairs(course, SLUG)
    assert {(pair.first, pair.second) for pair in found} == {("anna", "ben")}
    assert {pair.answer for pair in found} == set(solutions)
    assert all(pair.share > 0.95 for pair in found)
    assert [pair.answer for pair in found if pair.is_same_text] == ["largest_reduction", "repaired"]
    said = similarity.report(course, SLUG)
    assert "for you to look at" in said and "anna and ben: repaired, the same to the letter" in said
    (course / "students.csv").write_text("id,first_name,last_name\nanna,Anna,Li\nben,,\n")
    assert "anna (Anna Li) and ben: repaired" in similarity.report(course, SLUG)


def test_the_table_names_students_points_and_remarks():
    rows = [Row("anna", {"one": 3, "two": 0.5}, ["handed in as a.ipynb"]), Row("ben", {}, ["nothing handed in"])]
    lines = table(rows).splitlines()
    assert lines[0].split() == ["student", "one", "two", "by", "tests"] and lines[1].split() == [
        "anna",
        "3",
        "0.5",
        "3.5",
    ]
    assert lines[2].strip() == "handed in as a.ipynb" and lines[3].split() == ["ben", "-", "-", "-"]
