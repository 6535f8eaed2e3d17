"""What changes while a class is running: points, questions, dates, the course's text, sections and teachers."""

import contextlib
import csv
import json
import shutil
import unicodedata
from datetime import UTC, datetime, timedelta

import nbformat
import pytest
from typer.testing import CliRunner

from classroom import assignments, course_folder, export, marking, similarity
from classroom.notebooks import ClassroomError
from classroom.sandbox import workers
from classroom.sandbox.jobs import Cell, Job, Outcome
from lessons.__main__ import app
from tests.classroom.test_notebooks import breakages
from utils.system.places import CHECKOUT

SLUG = "inception_module"
TESTS = {"five_branches": 3, "largest_reduction": 2, "choose_widths": 2, "repaired_runs": 1, "repaired_computes": 2}


class AllRight:
    """Workers to whom every answer is right, at once: what is tried here is what becomes of the outcomes."""

    def mark(self, jobs):
        return ((number, [Outcome() for _ in each.cells]) for number, each in enumerate(jobs))


@pytest.fixture(autouse=True)
def quick_workers(monkeypatch):
    monkeypatch.setattr(workers, "Workers", lambda count: contextlib.nullcontext(AllRight()))


@pytest.fixture
def course(released, tmp_path):
    return shutil.copytree(released, tmp_path / "class")


def source(course):
    return course / "source" / SLUG / f"{SLUG}.ipynb"


def change(course, edit):
    made = nbformat.read(source(course), as_version=4)
    edit({cell.metadata.nbgrader.grade_id: cell for cell in made.cells if "nbgrader" in cell.metadata}, made)
    nbformat.write(made, source(course))


def hand_in(course, student, when=None):
    place = course / "submitted" / student / SLUG
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(course / "release" / SLUG / f"{SLUG}.ipynb", place)
    if when:
        (place / "timestamp.txt").write_text(when.strftime("%Y-%m-%d %H:%M:%S.%f UTC"))


def marked(course, **options):
    said = []
    rows = marking.autograde(course, SLUG, say=said.append, **options)
    return {row.student: row for row in rows}, said


def command(*words):
    return CliRunner().invoke(app, ["classroom", *map(str, words)])


def set_points(cells, _):
    cells["test_five_branches"].metadata.nbgrader.points = 30


# Points, texts and questions


def test_changed_points_arrive_with_the_next_release(course):
    hand_in(course, "anna")
    rows, _ = marked(course)
    assert rows["anna"].total == 10
    with course_folder.gradebook(course) as book:
        book.find_grade("test_choose_widths", SLUG, SLUG, "anna").manual_score = 1
        book.db.commit()
    change(course, set_points)
    rows, said = marked(course)
    assert rows["anna"].total == 10 and not rows["anna"].is_new
    assert any("source/ is not what was released (the points of test_five_branches)" in line for line in said)
    course_folder.release(course, SLUG)
    rows, said = marked(course)
    assert rows["anna"].points["five_branches"] == 30 and rows["anna"].total == 37
    assert "1 can be marked, 0 to run." in said and not any("is not what was released" in line for line in said)
    with course_folder.gradebook(course) as book:
        submission = book.find_submission(SLUG, "anna")
        assert (submission.score, submission.max_score) == (36, 39), "points by hand stay"
    assert not marked(course)[0]["anna"].is_new


def test_a_changed_test_is_told_until_it_is_released(course):
    change(course, lambda cells, _: cells["test_largest_reduction"].update(source="assert largest_reduction(1, 1, 1)"))
    hand_in(course, "anna")
    assert any("the text of test_largest_reduction" in line for line in marked(course)[1])
    course_folder.release(course, SLUG)
    rows, said = marked(course)
    assert not any("is not what was released" in line for line in said) and "1 can be marked, 1 to run." in said
    assert any("changed the teacher's test_largest_reduction" in remark for remark in rows["anna"].remarks)


def own_question(_, made):
    form = {"schema_version": 3, "grade": False, "solution": True, "locked": False, "task": False}
    made.cells.append(nbformat.v4.new_code_cell("x = 1", metadata={"nbgrader": form | {"grade_id": "halves"}}))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (own_question, "source/ adds halves"),
        (lambda cells, made: made.cells.remove(cells["test_choose_widths"]), "source/ lacks test_choose_widths"),
    ],
)
def test_questions_that_come_or_go_after_marking_are_refused_and_the_release_stays(edit, words, course):
    path = course / "release" / SLUG / f"{SLUG}.ipynb"
    before = path.read_bytes()
    hand_in(course, "anna")
    marked(course)
    change(course, edit)
    said = command("release", SLUG, "--folder", course)
    assert said.exit_code == 1 and words in said.output and "1 submissions are in the gradebook" in said.output
    assert "Traceback" not in said.output and len(said.output) < 600
    assert path.read_bytes() == before and marked(course)[0]["anna"].total == 10


def test_whatever_else_nbgrader_refuses_leaves_the_release_and_says_why(course):
    path = course / "release" / SLUG / f"{SLUG}.ipynb"
    before = path.read_bytes()

    def broken(cells, _):
        cells["five_branches"].source = "### BEGIN SOLUTION\nx = 1"

    change(course, broken)
    said = command("release", SLUG, "--folder", course)
    assert said.exit_code == 1 and "nbgrader could not release inception_module: " in said.output
    assert "solution" in said.output and "Traceback" not in said.output and said.output.count("\n") <= 2
    assert path.read_bytes() == before and not list(course.glob("release/.*"))


def test_a_release_that_was_killed_is_brought_back(course):
    place = course / "release" / SLUG
    before = (place / f"{SLUG}.ipynb").read_bytes()
    shutil.move(place, course / "release" / f".{SLUG}.before")
    change(course, lambda cells, _: cells["five_branches"].update(source="### BEGIN SOLUTION"))
    with pytest.raises(ClassroomError):
        course_folder.release(course, SLUG)
    assert (place / f"{SLUG}.ipynb").read_bytes() == before


def test_a_question_that_is_not_released_yet_and_a_source_that_cannot_be_read_are_told(course):
    hand_in(course, "anna")
    own = source(course).read_text()
    change(course, lambda cells, made: made.cells.append(nbformat.v4.new_code_cell(
        "x = 1", metadata={"nbgrader": cells["five_branches"].metadata.nbgrader | {"grade_id": "one_more"}}
    )))  # fmt: skip
    _, said = marked(course)
    assert any("source/ is not what was released (the new question one_more)" in line for line in said)
    source(course).write_text(own[:-30])
    with pytest.raises(ClassroomError, match=r"In source/, inception_module.ipynb is no notebook"):
        marked(course)


def test_what_a_class_has_chosen_is_what_init_brings_up_to_date(course):
    course_folder.init(course)
    assert [path.name for path in sorted((course / "source").iterdir())] == [SLUG]
    assert course_folder.init(course, slugs=["googlenet"])
    course_folder.init(course)
    assert [path.name for path in sorted((course / "source").iterdir())] == ["googlenet", SLUG]


def free_answer(made):
    (found,) = (
        each
        for each in made.cells
        if each.cell_type == "markdown" and each.metadata.get("nbgrader", {}).get("solution")
    )
    return found


def test_a_free_answer_that_is_handed_in_anew_arrives_though_no_code_and_no_time_changed(course):
    hand_in(course, "anna")
    place = course / "submitted" / "anna" / SLUG / f"{SLUG}.ipynb"
    for words in ("First.", "Better."):
        made = nbformat.read(place, as_version=4)
        free_answer(made).source = words
        nbformat.write(made, place)
        rows, said = marked(course)
        assert rows["anna"].is_new and words in (course / "autograded" / "anna" / SLUG / f"{SLUG}.ipynb").read_text()
    assert "1 can be marked, 0 to run." in said
    assert marking.waiting(course, SLUG) == []
    free_answer(made).source = "Best."
    nbformat.write(made, place)
    assert f"What anna handed in since is not marked yet: python -m lessons classroom autograde {SLUG}" in (
        command("feedback", SLUG, "--folder", course).output
    )


def test_a_plain_table_has_no_points_for_who_handed_in_nothing_and_unread_answers_are_told(course, tmp_path):
    (course / "students.csv").write_text(LIST)
    hand_in(course, "s1")
    marked(course)
    export.everything(course, tmp_path / "all.csv")
    rows = {row["student_id"]: row for row in csv.DictReader((tmp_path / "all.csv").open())}
    assert (float(rows["s1"]["raw_score"]), rows["s1"]["max_score"]) == (10, "12.0")
    assert all((rows[name]["raw_score"], rows[name]["score"]) == ("", "") for name in ("s2", "s3"))
    place = course / "submitted" / "s1" / SLUG / f"{SLUG}.ipynb"
    made = nbformat.read(place, as_version=4)
    free_answer(made).source = "Since it is so."
    nbformat.write(made, place)
    marked(course)
    said = command("feedback", SLUG, "--folder", course).output
    assert "Students whose free answers have no points yet, so that these pages say 0 for them: 1." in said


def test_a_collection_without_a_server_says_how_a_download_is_taken_in(course):
    said = command("collect", SLUG, "--folder", course)
    assert said.exit_code == 1 and f"autograde {SLUG} --from DOWNLOAD" in said.output


# A newer text in the course


def test_a_newer_text_in_the_course_is_told_and_the_classs_stays(course, monkeypatch):
    assert course_folder.newer_texts(course) == []
    own = source(course).read_bytes()
    make = assignments.source

    def newer(lesson, *, seed=""):
        made = make(lesson, seed=seed)
        made.cells[-1].source += "\n\nOne more sentence."
        return made

    change(course, set_points)  # the teacher's own changes are no newer text
    own = source(course).read_bytes()
    assert course_folder.newer_texts(course) == []
    monkeypatch.setattr(assignments, "source", newer)
    for words in (("init", course, "--lesson", SLUG), ("release", SLUG, "--folder", course)):
        said = command(*words)
        assert (
            said.exit_code == 0 and f"The course has a newer text of {SLUG}. Your class keeps its own." in said.output
        )
    assert source(course).read_bytes() == own
    shutil.rmtree(source(course).parent)
    course_folder.init(course, slugs=[SLUG])
    assert course_folder.newer_texts(course) == []


def test_a_class_from_before_texts_were_noted(course):
    (course / course_folder.TEXTS).unlink()
    assert course_folder.newer_texts(course) == []
    change(course, set_points)
    (sentence,) = course_folder.newer_texts(course)
    assert sentence.startswith(f"You have edited, or the course has a newer text of, {SLUG}")


def test_a_configuration_from_before_pages_were_cleaned_is_told_and_marks_are_clean_anyway(course):
    path = course / "nbgrader_config.py"
    text = path.read_text()
    assert course_folder.outdated(course) == ""
    path.write_text(text.replace('    "classroom.cleaning.Clean",\n', "").replace("c.Autograde.exporter_class", "_"))
    hand_in(course, "anna")
    place = course / "submitted" / "anna" / SLUG / f"{SLUG}.ipynb"
    made = nbformat.read(place, as_version=4)
    made.cells.append(nbformat.v4.new_markdown_cell("<script>1</script>"))
    made.metadata.kernelspec = None
    place.write_text(json.dumps(made))
    rows, said = marked(course)
    assert any("made by an earlier version of the course" in line for line in said) and rows["anna"].total == 10
    assert "<script" not in (course / "autograded" / "anna" / SLUG / f"{SLUG}.ipynb").read_text()
    path.unlink()
    course_folder.init(course)
    assert course_folder.outdated(course) == ""


# Who is in the class


LIST = "id,first_name,last_name,email,also\ns1,Jane,Doe,jane@example.org,\ns2,Kim,Lee,kim@example.org,\ns3,Kim,Lee,lee@example.org,\n"


def download(course, folder, names):
    for name in names:
        (folder / name).mkdir(parents=True)
        shutil.copy(course / "release" / SLUG / f"{SLUG}.ipynb", folder / name)
    return folder


def test_one_command_takes_in_marks_and_says_what_it_could_not_place(course, tmp_path):
    (course / "students.csv").write_text(LIST)
    names = [f"{name}_assignsubmission_file_" for name in ("Jane Doe_71", "Kim Lee_72", "Kim Lee_73", "Eve Fox_74")]
    source = download(course, tmp_path / "downloads", names)
    said = command("autograde", SLUG, "--from", source, "--folder", course)
    assert said.exit_code == 0, said.output
    assert "4 files, 1 taken in; 1 handed in, 3 asked about." in said.output
    assert "Eve Fox (74): nobody in students.csv is called so" in said.output
    assert "Submissions that are not marked, since it is asked above whose they are: 3." in said.output
    lines = [line.split() for line in said.output.splitlines()]
    assert ["s1", "3", "2", "2", "1", "2", "10", "Jane", "Doe"] in lines
    assert ["s2", "-", "-", "-", "-", "-", "-", "Kim", "Lee"] in lines
    worksheet = tmp_path / "worksheet.csv"
    worksheet.write_text(
        "Identifier,Full name,Email address\nParticipant 72,Kim Lee,lee@example.org\nParticipant 73,Kim Lee,kim@example.org\n"
    )
    (course / "students.csv").write_text(LIST.replace("jane@example.org,", "jane@example.org,Eve Fox"))
    shutil.rmtree(source / names[0])
    said = command("autograde", SLUG, "--from", source, "--who", worksheet, "--folder", course)
    assert "3 files, 3 taken in; 3 handed in." in said.output, said.output
    said = command("feedback", SLUG, "--folder", course, "--export", tmp_path / "marks.csv", "--for", "moodle")
    assert said.exit_code == 0
    assert "/feedback. Students: 3." in said.output and "for moodle. Students: 3." in said.output
    rows = list(csv.reader((tmp_path / "marks.csv").open()))
    assert rows[1:] == [
        ["Jane", "Doe", "s1", "jane@example.org", "10"], ["Kim", "Lee", "s2", "kim@example.org", "10"],
        ["Kim", "Lee", "s3", "lee@example.org", "10"],
    ]  # fmt: skip


def test_marks_go_back_under_the_platforms_own_ids(course, tmp_path):
    (course / "students.csv").write_text(
        'Student,ID,SIS User ID,SIS Login ID,Section\n"Doe, Jane",4321,A1,jdoe,Monday\n"Lee, Kim",4322,,klee,Tuesday\n'
    )
    source = download(course, tmp_path / "downloads", [])
    source.mkdir()
    shutil.copy(course / "release" / SLUG / f"{SLUG}.ipynb", source / f"leekim_LATE_4322_9_{SLUG}-1.ipynb")
    found = course_folder.collect(course, SLUG, source)
    assert [(row.student, row.remarks) for row in found.rows] == [("klee", ["late, says Canvas"])]
    assert str(found) == "klee (Kim Lee): late, says Canvas"
    marked(course)
    export.export(course, tmp_path / "canvas.csv", "canvas")
    assert list(csv.reader((tmp_path / "canvas.csv").open()))[2:] == [
        ["Doe, Jane", "4321", "A1", "jdoe", "Monday", ""], ["Lee, Kim", "4322", "", "klee", "Tuesday", "10"],
    ]  # fmt: skip
    (course / "students.csv").write_text(
        "First name,Last name,ID number,Email address\nJane,Doe,1001,jane@example.org\nKim,Lee,,klee\n"
    )
    export.export(course, tmp_path / "moodle.csv", "moodle")
    rows = {row[3]: row for row in csv.reader((tmp_path / "moodle.csv").open())}
    assert rows["klee"] == ["Kim", "Lee", "", "klee", "10"] and rows["jane@example.org"][2] == "1001"


def test_a_student_without_a_name_is_called_by_the_id(course):
    hand_in(course, "anna")
    marked(course)
    with course_folder.gradebook(course) as book:
        assert (book.find_student("anna").last_name, book.find_student("anna").first_name) == ("anna", "")
    assert "None" not in str(export.canvas(export.read(course)))
    assert not course_folder.people(course), "which makes no list"


def test_folders_that_were_put_there_by_hand(course):
    """Decomposed names, as macOS has them, are the same student's; who is in no list is told."""
    (course / "students.csv").write_text("id,first_name\nZoë,Zoë\n")
    hand_in(course, unicodedata.normalize("NFD", "Zoë"))
    hand_in(course, "jane")
    rows, _ = marked(course)
    assert {name: row.remarks for name, row in rows.items()} == {"Zoë": [], "jane": ["not in students.csv"]}
    hand_in(course, unicodedata.normalize("NFD", "Zoë"))
    with pytest.raises(ClassroomError, match="two folders named Zoë"):
        marked(course)
    shutil.rmtree(course / "submitted" / unicodedata.normalize("NFD", "Zoë"))
    hand_in(course, "<img src=x onerror=1>")
    with pytest.raises(ClassroomError, match="Rename it"):
        marked(course)


# Damaged files, and the terminal


def test_a_sound_notebook_counts_again_after_a_broken_one_and_no_page_is_of_another(course):
    hand_in(course, "anna")
    hand_in(course, "ben")
    place = course / "submitted" / "anna" / SLUG / f"{SLUG}.ipynb"
    sound = place.read_bytes()
    assert marked(course)[0]["anna"].total == 10 and len(marking.feedback(course, SLUG)) == 2
    place.write_bytes(sound[:-40])
    rows, _ = marked(course)
    assert rows["anna"].total == 0 and "no points" in str(rows["anna"].remarks)
    assert [path.parents[1].name for path in marking.feedback(course, SLUG)] == ["ben"]
    assert marking.without_page(course, SLUG) == ["anna"]
    place.write_bytes(sound)
    rows, _ = marked(course)
    assert rows["anna"].total == 10 and rows["anna"].is_new and not rows["ben"].is_new


def test_what_is_no_notebook_of_the_assignment_replaces_none_that_is(course, tmp_path):
    source = download(course, tmp_path / "1", ["Jane Doe_71_assignsubmission_file_"])
    command("autograde", SLUG, "--from", source, "--folder", course)
    kept = next(course.glob("submitted/*/*/*.ipynb"))
    before, stranger = kept.read_bytes(), nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    for number, (content, words) in enumerate(
        {
            before[:-40]: "no notebook that can be read",
            nbformat.writes(stranger).encode(): "no cell of this assignment",
        }.items()
    ):
        again = download(course, tmp_path / f"again {number}", ["Jane Doe_71_assignsubmission_file_"])
        next(again.rglob("*.ipynb")).write_bytes(content)
        said = command("autograde", SLUG, "--from", again, "--folder", course).output
        assert kept.read_bytes() == before and words in said, said
        assert "what was handed in before stays" in said and "0 taken in" in said and "10" in said.split("by tests")[1]
    newer = json.loads(before)
    newer["cells"][0]["source"] = "Better."
    again = download(course, tmp_path / "newer", ["Jane Doe_71_assignsubmission_file_"])
    next(again.rglob("*.ipynb")).write_text(json.dumps(newer))
    assert "replaces another notebook" in command("autograde", SLUG, "--from", again, "--folder", course).output


def test_what_was_odd_when_it_was_collected_stays_in_the_report(course, tmp_path):
    (course / "students.csv").write_text(
        'Student,ID,SIS User ID,SIS Login ID,Section\n"Doe, Jane",4321,A1,jdoe,Monday\n"Lee, Kim",4322,,klee,Tuesday\n"Fox, Eve",4323,,efox,Monday\n'
    )
    source = download(course, tmp_path / "downloads", [])
    source.mkdir()
    shutil.copy(course / "release" / SLUG / f"{SLUG}.ipynb", source / f"leekim_LATE_4322_9_{SLUG}-1.ipynb")
    (source / f"doejane_4321_10_{SLUG}.zip").write_bytes(b"PK no zip")
    shutil.copy(course / "release" / SLUG / f"{SLUG}.ipynb", source / f"nobody_9999_11_{SLUG}.ipynb")
    command("collect", SLUG, "--from", source, "--folder", course)
    marked(course)
    told = (course / "reports" / f"{SLUG}.txt").read_text()
    assert "late, says Canvas" in told and "is no zip that can be read" in told and "nothing that can be marked" in told
    assert told.count("nothing handed in") == 1, "of Eve alone"
    assert "Asked about, and in no line above: nobody" in told


@pytest.mark.slow
def test_damaged_files_are_named_with_their_student_and_the_terminal_stays_quiet(course, capfd):
    good = json.loads((course / "release" / SLUG / f"{SLUG}.ipynb").read_bytes())
    for number, content in enumerate(breakages(good, 30)):
        place = course / "submitted" / f"student_{number:02d}" / SLUG
        place.mkdir(parents=True)
        (place / f"{SLUG}.ipynb").write_bytes(content)
    kept = {path: path.read_bytes() for path in course.glob("submitted/*/*/*.ipynb")}
    rows, _ = marked(course)
    unreadable = {
        name for name, row in rows.items() if any("no notebook that can be read" in each for each in row.remarks)
    }
    assert 3 <= len(unreadable) <= 27 and len(rows) == 30
    for name, row in rows.items():
        assert not any("could not enter" in remark or "cannot be marked" in remark for remark in row.remarks), row
        assert row.total == (0 if name in unreadable else 10), row
    assert kept == {path: path.read_bytes() for path in course.glob("submitted/*/*/*.ipynb")}
    assert len(marking.feedback(course, SLUG)) == 30 - len(unreadable)
    similarity.pairs(course, SLUG)
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_nbgraders_own_marking_names_a_damaged_file_and_goes_on(course):
    hand_in(course, "anna")
    hand_in(course, "ben")
    (course / "submitted" / "anna" / SLUG / f"{SLUG}.ipynb").write_text("{")
    with pytest.raises(assignments.AssignError) as error:
        assignments.nbgrader("autograde", SLUG, folder=course)
    assert "is no notebook that can be read (it is no JSON" in str(error.value)
    assert (course / "autograded" / "ben" / SLUG / f"{SLUG}.ipynb").exists()


def test_code_that_cannot_be_parsed_is_compared_too():
    for source in ("x = (" * 5000, "\0", "def", "(" * 100_000, "x = " + "-" * 100_000 + "1"):
        assert isinstance(similarity.tokens(source), list)


def test_memory_that_torch_ran_out_of_is_told():
    said = (
        "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."
    )
    job = Job([Cell("student", "five_branches", "x")], [])
    for error in (("RuntimeError", said, []), ("MemoryError", "", [])):
        (remark,) = marking._remarks_on(job, [Outcome(error=error)])
        assert remark.startswith("five_branches: ") and "emory" in remark


# Sections, teachers, lateness


def test_two_sections_in_one_class(course, tmp_path):
    """Two downloads, one after the other; and again one of them. Nothing of the other is touched."""
    one = download(course, tmp_path / "monday", ["anna", "ben"])
    two = download(course, tmp_path / "tuesday", ["carla"])
    for source in (one, two):
        course_folder.collect(course, SLUG, source)
    rows, _ = marked(course)
    assert {name: row.total for name, row in rows.items()} == {"anna": 10, "ben": 10, "carla": 10}
    course_folder.collect(course, SLUG, two)
    rows, said = marked(course)
    assert "3 can be marked, 0 to run." in said and not any(row.is_new for row in rows.values())


def test_two_classes_of_one_seed_have_the_same_assignment(course, tmp_path):
    other = tmp_path / "other"
    course_folder.init(other, seed="2026", slugs=[SLUG])
    course_folder.release(other, SLUG)
    same = [folder / "release" / SLUG / f"{SLUG}.ipynb" for folder in (course, other)]
    first, second = ([cell.source for cell in nbformat.read(path, as_version=4).cells] for path in same)
    assert first == second


def test_two_teachers_do_not_mark_at_the_same_time(course):
    hand_in(course, "anna")
    with course_folder.alone(course):
        for words in (["release", SLUG], ["autograde", SLUG], ["collect", SLUG, "--from", str(course / "release")]):
            said = command(*words, "--folder", course)
            assert said.exit_code == 1 and "Another command is at work in this class" in said.output
    assert marked(course)[0]["anna"].total == 10


DUE = datetime(2026, 10, 31, 22, tzinfo=UTC)


def late(course, method=""):
    text = (course / "classroom.toml").read_text()
    (course / "classroom.toml").write_text(text.replace("# inception_module = ", "inception_module = "))
    if method:
        with (course / "nbgrader_config.py").open("a") as config:
            config.write(method)
    course_folder.release(course, SLUG)
    for student, hours in {"in_time": -1, "late": 1, "later": 49}.items():
        hand_in(course, student, DUE + timedelta(hours=hours))
    hand_in(course, "no_time")
    marked(course)
    return {one.id: one.points.get(SLUG) for one in export.read(course).students}


def test_who_is_late_loses_nothing_unless_the_class_says_so(course):
    assert late(course) == {"in_time": 10, "late": 10, "later": 10, "no_time": 10}
    with course_folder.gradebook(course) as book:
        assert [book.find_submission(SLUG, name).total_seconds_late for name in ("in_time", "late", "no_time")] == [
            0,
            3600,
            0,
        ]


def test_who_is_late_is_told(course):
    late(course)
    rows, _ = marked(course)
    assert {name: row.remarks[:1] for name, row in rows.items()} == {
        "in_time": [], "late": ["late by 1 h"], "later": ["late by 2 d 1 h"], "no_time": [],
    }  # fmt: skip
    spans = {0.5: "under a minute", 60: "1 min", 5400: "1 h 30 min", 86400: "1 d", 90060: "1 d 1 h", 86460: "1 d"}
    assert {seconds: marking.duration(seconds) for seconds in spans} == spans


def test_a_time_that_is_taken_back_makes_nobody_late(course):
    """As when a download is taken in again whose files all have one time."""
    late(course)
    (course / "submitted" / "late" / SLUG / "timestamp.txt").unlink()
    rows, _ = marked(course)
    assert rows["late"].is_new and rows["late"].remarks == [] and rows["later"].remarks == ["late by 2 d 1 h"]


def test_a_release_says_when_it_is_due(course):
    assert "No date in classroom.toml: nobody is late." in command("release", SLUG, "--folder", course).output
    text = (course / "classroom.toml").read_text()
    (course / "classroom.toml").write_text(text.replace("# inception_module = ", "inception_modul = "))
    said = command("release", SLUG, "--folder", course).output
    assert "has a date for inception_modul, and the class has no such assignment" in said and "nobody is late" in said
    (course / "classroom.toml").write_text(text.replace("# inception_module = ", "inception_module = "))
    assert "Due 2026-10-31 22:00 UTC." in command("release", SLUG, "--folder", course).output


def test_who_gets_no_page_is_told(course):
    hand_in(course, "anna")
    place = course / "submitted" / "ben" / SLUG
    place.mkdir(parents=True)
    (place / f"{SLUG}.ipynb").write_text("{")
    marked(course)
    said = command("feedback", SLUG, "--folder", course).output
    assert "/feedback. Students: 1." in said and "No page for ben: what they handed in could not be marked" in said


def test_zero_for_who_is_late(course):
    points = late(course, '\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    assert points == {"in_time": 10, "late": 0, "later": 0, "no_time": 10}


def test_points_by_hand_that_come_later_are_late_too(course, capfd):
    late(course, '\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    with course_folder.gradebook(course) as book:
        for name in ("late", "in_time"):
            book.find_grade("trade", SLUG, SLUG, name).manual_score = 2
        book.db.commit()
    capfd.readouterr()
    points = {one.id: one.points[SLUG] for one in export.read(course).students}
    assert points == {"in_time": 12, "late": 0, "later": 0, "no_time": 10}
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_a_configuration_that_cannot_be_read_is_told(course):
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("\nc.Mark.answer_seconds = = 3\n")
    said = command("autograde", SLUG, "--folder", course)
    assert said.exit_code == 1 and "nbgrader_config.py cannot be read: SyntaxError" in said.output


def test_a_tenth_off_for_each_day_and_a_later_date(course):
    """As docs/teaching.md shows it."""
    guide = (CHECKOUT / "docs" / "teaching.md").read_text(encoding="utf-8")
    method = guide.partition("```python\nfrom nbgrader.plugins")[2].partition("```")[0]
    points = late(course, f"\nfrom nbgrader.plugins{method}")
    assert points == {"in_time": 10, "late": 9, "later": 7, "no_time": 10}
    text = (course / "classroom.toml").read_text()
    (course / "classroom.toml").write_text(text.replace("2026-10-31", "2026-11-01"))
    course_folder.release(course, SLUG)
    rows, said = marked(course)
    assert "4 can be marked, 0 to run." in said and all(row.is_new for row in rows.values())
    assert {one.id: one.points[SLUG] for one in export.read(course).students} == {
        "in_time": 10, "late": 10, "later": 8, "no_time": 10,
    }  # fmt: skip
