"""Downloads of learning platforms: every file is taken in for its one student, or named with the reason."""

import io
import json
import os
import struct
import unicodedata
import zipfile
from datetime import UTC, datetime

import nbformat
import pytest

from classroom import intake
from classroom.intake import TIMESTAMP
from classroom.notebooks import LARGEST, ClassroomError, new_cell, new_notebook
from classroom.roster import Roster, Student

SLUG = "inception_module"
NAMES = {"five_branches", "trade"}
FILE = f"{SLUG}.ipynb"
PEOPLE = Roster(
    [
        Student("s1", "Jane", "Doe", "jane@example.org", numbers=frozenset({"4321"})),
        Student("s2", "Kim", "Lee", "kim@example.org"),
        Student("s3", "Kim", "Lee", "lee@example.org"),
        Student("s4", "Zoë", "Müller", "zoe@example.org"),
    ]
)


def notebook(words="", name="five_branches"):
    """A submission that says whose it is."""
    cell = new_cell("code", f"# {words}", metadata={"nbgrader": {"grade_id": name}} if name else {})
    return nbformat.writes(new_notebook([cell])).encode()


def as_folder(place, files):
    for name, content in files.items():
        path = place / "downloads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place / "downloads"


def zipped(files, **fields):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, fields.get("date", (2026, 10, 1, 12, 30, 0)))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


def as_zip(place, files, **fields):
    path = place / "downloads.zip"
    path.write_bytes(zipped(files, **fields))
    return path


def as_zip_of_a_folder(place, files):
    return as_zip(place, {f"downloads/{name}": content for name, content in files.items()})


def collected(source, folder, people=PEOPLE):
    found = intake.collect(source, folder, SLUG, people, NAMES)
    there = {
        path.parents[1].name: json.loads(path.read_bytes())["cells"][0]["source"][0].removeprefix("# ")
        for path in folder.glob(f"submitted/*/{SLUG}/{FILE}")
    }
    return found, there


FORMS = {
    "moodle, a folder each": {
        "Jane Doe_11_assignsubmission_file_/" + FILE: "jane",
        "Zoë Müller_12_assignsubmission_file_/" + FILE: "zoë",
    },
    "moodle, flat": {
        f"Jane Doe_11_assignsubmission_file_{FILE}": "jane",
        f"Zoë Müller_12_assignsubmission_file_{FILE}": "zoë",
    },
    "canvas": {f"doejane_4321_991_{SLUG}-2.ipynb": "jane", f"mullerzoe_LATE_4324_992_{FILE}": "zoë"},
    "blackboard": {
        f"Week_1_s1_attempt_2026-10-01-10-00-00_{FILE}": "jane",
        f"Week_1_s4_attempt_2026-10-01-11-00-00_{FILE}": "zoë",
    },
    "plain folders": {f"s1/{FILE}": "jane", f"s4/deep/folder/{FILE}": "zoë"},
    "plain files": {f"s1_{FILE}": "jane", f"zoe@example.org_{FILE}": "zoë"},
}


@pytest.mark.parametrize("pack", [as_folder, as_zip, as_zip_of_a_folder])
@pytest.mark.parametrize("form", FORMS)
def test_the_forms_of_platforms(form, pack, tmp_path):
    source = pack(tmp_path, {name: notebook(who) for name, who in FORMS[form].items()})
    found, there = collected(source, tmp_path / "class")
    assert there == {"s1": "jane", "s4": "zoë"}
    assert (found.files, found.taken, found.left, found.questions) == (2, 2, [], [])
    assert found.sentence == "2 files, 2 taken in; 2 handed in."
    late = [row.student for row in found.rows if "late, says Canvas" in row.remarks]
    assert late == (["s4"] if form == "canvas" else [])
    assert all(len(row.remarks) == ("late, says Canvas" in row.remarks) for row in found.rows)


def test_student_1001_and_student_1002_are_two(tmp_path):
    """What once became one `student`, two of three overwritten."""
    source = as_folder(tmp_path, {f"student_{number}/{FILE}": notebook(str(number)) for number in (1001, 1002, 1003)})
    found, there = collected(source, tmp_path / "class", Roster())
    assert there == {f"student_{number}": str(number) for number in (1001, 1002, 1003)} and found.taken == 3


def test_two_of_one_name_stay_two(tmp_path):
    source = as_zip(tmp_path, {f"Kim Lee_{n}_assignsubmission_file_/{FILE}": notebook(str(n)) for n in (71, 72)})
    found, there = collected(source, tmp_path / "one", Roster())
    assert there == {"Kim_Lee_71": "71", "Kim_Lee_72": "72"}
    assert all("2 are called Kim Lee" in row.remarks[0] for row in found.rows)
    # A class that has a list asks.
    found, there = collected(source, tmp_path / "two")
    assert there == {} and len(found.questions) == 2 and "could be s2 or s3" in found.questions[0]
    assert [reason for _, reason in found.left] == ["whose it is, is asked below"] * 2
    assert "Whose is it?" in str(found) and found.sentence == "2 files, 0 taken in; 0 handed in, 2 asked about."


def test_nothing_of_one_student_overwrites_anothers(tmp_path):
    """Two submissions for one student are asked about, and what is in the class stays."""
    collected(as_folder(tmp_path / "a", {f"s1/{FILE}": notebook("first")}), tmp_path / "class")
    files = {f"Jane Doe_11_assignsubmission_file_/{FILE}": notebook("one"), f"doejane_4321_5_{FILE}": notebook("two")}
    found, there = collected(as_folder(tmp_path / "b", files), tmp_path / "class")
    assert there == {"s1": "first"} and "s1: 2 submissions" in found.questions[0] and len(found.left) == 2
    # Without a list: names that are one on many disks.
    files = {
        f"Anna/{FILE}": notebook("A"),
        f"anna_{FILE}": notebook("a"),
        f"A b/{FILE}": notebook("1"),
        f"A_b/{FILE}": notebook("2"),
    }
    found, there = collected(as_folder(tmp_path / "c", files), tmp_path / "other", Roster())
    assert there == {} and len(found.questions) == 2 and len(found.left) == 4


def test_blackboards_user_names_without_a_list(tmp_path):
    """`doe` of `Week_1_jane_doe` and `Week_1_john_doe` is nobody's name."""
    files = {
        f"Week 1_kim_attempt_2026-10-01-10-00-00_{FILE}": notebook("kim"),
        f"Week_1_jane_doe_attempt_2026-10-01-10-00-00_{FILE}": notebook("jane"),
    }
    found, there = collected(as_folder(tmp_path, files), tmp_path / "class", Roster())
    assert there == {"kim": "kim"} and "where does the user name begin?" in found.questions[0]
    assert "There is no students.csv" in str(found)


def test_composed_and_decomposed_names_are_one_student(tmp_path):
    """As macOS writes names in zips, without saying that they are UTF-8."""
    name = unicodedata.normalize("NFD", f"Zoë Müller_12_assignsubmission_file_/{FILE}")
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        info = zipfile.ZipInfo("x" * len(name.encode()))
        archive.writestr(info, notebook("zoë"))
    content = (tmp_path / "mac.zip").read_bytes().replace(b"x" * len(name.encode()), name.encode())
    (tmp_path / "mac.zip").write_bytes(content)
    for people, student in ((PEOPLE, "s4"), (Roster(), "Zoë_Müller")):
        _, there = collected(tmp_path / "mac.zip", tmp_path / student, people)
        assert there == {student: "zoë"}
    # A later download that composes them brings the same student's work.
    source = as_folder(tmp_path, {f"Zoë Müller_13_assignsubmission_file_/{FILE}": notebook("again")})
    _, there = collected(source, tmp_path / "Zoë_Müller", Roster())
    assert there == {"Zoë_Müller": "again"}


def test_every_file_is_accounted_for(tmp_path):
    files = {
        f"s1/{FILE}": notebook("jane"),
        "s1/notes.txt": b"notes",
        "s1/.DS_Store": b"x",
        "s2/essay.docx": b"words",
        f"s4_{SLUG}.zip": zipped({f"a/{FILE}": notebook("zoë"), "a/picture.png": b"p", "__MACOSX/a/._x": b""}),
        f"nobody/{FILE}": notebook("?"),
        "grades.csv": b"a,b",
        "__MACOSX/s1/._x": b"",
        f"lee@example.org/{SLUG} (1).ipynb": notebook("lee"),
    }
    for pack in (as_folder, as_zip):
        folder = tmp_path / pack.__name__
        folder.mkdir()
        found, there = collected(pack(folder, files), folder / "class")
        assert there == {"s1": "jane", "s4": "zoë", "s3": "lee"}
        assert (folder / "class" / "submitted" / "s2" / SLUG / "s2" / "essay.docx").read_bytes() == b"words"
        assert (
            found.files == 11
            and found.taken == 4
            and dict(found.left)
            == {
                "s1/notes.txt": f"beside {FILE}",
                "s1/.DS_Store": "the system's own, nothing of a student's",
                "__MACOSX/s1/._x": "the system's own, nothing of a student's",
                f"s4_{SLUG}.zip/a/picture.png": f"beside {FILE}",
                f"s4_{SLUG}.zip/__MACOSX/a/._x": "the system's own, nothing of a student's",
                f"nobody/{FILE}": "whose it is, is asked below",
                "grades.csv": "neither a notebook nor in a student's folder",
            }
        )
        assert {row.student: row.remarks for row in found.rows}["s2"] == ["no notebook, but essay.docx"]


def test_of_several_attempts_the_last_one_counts(tmp_path):
    files = {f"Week_1_s1_attempt_2026-10-0{day}-10-00-00_{FILE}": notebook(str(day)) for day in (2, 3, 1)}
    files["Week_1_s1_attempt_2026-10-03-10-00-00.txt"] = b"Name: Jane"
    found, there = collected(as_folder(tmp_path, files), tmp_path / "class")
    assert there == {"s1": "3"} and found.taken == 1
    assert sorted(reason for _, reason in found.left) == [
        "an earlier attempt (2026-10-01 10:00)", "an earlier attempt (2026-10-02 10:00)", f"beside Week_1_s1_attempt_2026-10-03-10-00-00_{FILE}",
    ]  # fmt: skip


def test_when_it_was_handed_in(tmp_path):
    """By the file's own time where there is one, and not that of the download."""
    local = datetime(2026, 10, 1, 12, 30).astimezone(UTC)

    def stamp(name, place):
        collected(as_zip(place, {name: notebook()}), place / "class")
        path = place / "class" / "submitted" / "s1" / SLUG / TIMESTAMP
        return (
            datetime.strptime(path.read_text(), "%Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC)
            if path.exists()
            else None
        )

    for name, when in {
        f"Jane Doe_11_assignsubmission_file_/{FILE}": local,
        f"s1/{FILE}": local,
        f"W_s1_attempt_2026-09-30-08-00-00_{FILE}": datetime(2026, 9, 30, 8).astimezone(UTC),
        f"doejane_4321_5_{FILE}": None,  # Canvas's zip has the time of the download
    }.items():
        place = tmp_path / name.partition("/")[0]
        place.mkdir()
        assert stamp(name, place) == when, name


def test_one_time_for_all_is_the_downloads(tmp_path):
    """Moodle writes its zips with the time of the download; after the due date everybody would be late."""
    files = {
        f"Jane Doe_11_assignsubmission_file_/{FILE}": notebook(),
        "Zoë Müller_12_assignsubmission_file_/mine.zip": zipped({FILE: notebook()}, date=(2026, 9, 1, 8, 0, 0)),
    }
    for name, dates, is_known in (
        ("same", [(2026, 10, 1, 12, 30, 0)] * 2, False),
        ("streamed", [(2026, 10, 1, 12, 30, 0), (2026, 10, 1, 12, 30, 58)], False),
        ("own", [(2026, 10, 1, 12, 30, 0), (2026, 10, 1, 12, 32, 0)], True),
    ):
        (tmp_path / name).mkdir()
        source = tmp_path / name / "downloads.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for (path, content), date in zip(files.items(), dates, strict=True):
                archive.writestr(zipfile.ZipInfo(path, date), content)
        found, there = collected(source, tmp_path / name / "class")
        assert set(there) == {"s1", "s4"}
        assert len(list(tmp_path.glob(f"{name}/class/submitted/*/*/{TIMESTAMP}"))) == 2 * is_known, name
        assert any("that of the download" in note for note in found.notes) != is_known, name


def test_a_second_notebook_of_the_assignment_is_told(tmp_path):
    """The one with the assignment's name is taken; that another one is newer, a teacher has to know."""
    first = notebook("first")
    files = {
        FILE: (first, (2026, 10, 1, 12, 0, 0)),
        f"{SLUG} (1).ipynb": (notebook("second"), (2026, 10, 2, 12, 0, 0)),
        "copy.ipynb": (first, (2026, 10, 2, 12, 0, 0)),
        "other.ipynb": (notebook("else", name=""), (2026, 10, 2, 12, 0, 0)),
    }
    source = tmp_path / "downloads.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for name, (content, date) in files.items():
            archive.writestr(zipfile.ZipInfo(f"s1/{name}", date), content)
    found, there = collected(source, tmp_path / "class")
    assert there == {"s1": "first"} and len(found.left) == 3
    (remark,) = found.rows[0].remarks
    assert remark.startswith(
        f"2 different notebooks of this assignment: {FILE} is taken, and not {SLUG} (1).ipynb (newer)."
    )


def test_an_older_download_replaces_nothing(tmp_path):
    name = f"s1/{FILE}"
    for number, (date, words) in enumerate((((2026, 10, 2, 0, 0, 0), "new"), ((2026, 10, 1, 0, 0, 0), "old"))):
        (tmp_path / str(number)).mkdir()
        found, there = collected(as_zip(tmp_path / str(number), {name: notebook(words)}, date=date), tmp_path / "class")
    assert there == {"s1": "new"} and "older than what is there" in found.left[0][1]


def test_a_damaged_notebook_is_taken_in_and_named(tmp_path):
    files = {f"s1/{FILE}": b"{", f"s2/{FILE}": notebook().replace(b'"# "', b"null"), f"s4/{FILE}": b"x" * (LARGEST + 1)}
    found = intake.collect(as_folder(tmp_path, files), tmp_path / "class", SLUG, PEOPLE, NAMES)
    remarks = {row.student: row.remarks for row in found.rows}
    assert "no notebook that can be read (it is no JSON" in remarks["s1"][0] and found.taken == 3
    assert remarks["s4"] == [f"{FILE} has 50 MB; more than 50 MB is not read"]
    (tmp_path / "zip").mkdir()
    found = intake.collect(as_zip(tmp_path / "zip", files), tmp_path / "other", SLUG, PEOPLE, NAMES)
    assert any(
        "more than 50 MB is not read" in remark for row in found.rows if row.student == "s4" for remark in row.remarks
    )
    assert [path for path, _ in found.left] == [f"s4/{FILE}"]


# Zips that mean harm


@pytest.mark.parametrize(
    "name",
    ["../outside.ipynb", "s1/../../outside.ipynb", "/tmp/outside.ipynb", "C:\\outside.ipynb", "..\\outside.ipynb"],
)
def test_paths_that_lead_out_of_a_zip_are_refused(name, tmp_path):
    for number, content in enumerate((zipped({name: b"x", f"s1/{FILE}": notebook("jane")}),)):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "downloads.zip").write_bytes(content)
        found, there = collected(place / "downloads.zip", place / "class")
        assert there == {"s1": "jane"} and found.left == [(name.replace("\\", "/"), "its path leads out of the zip")]
    inner = zipped({name: b"x", FILE: notebook("inner")})
    (tmp_path / "nested").mkdir()
    found, there = collected(as_folder(tmp_path / "nested", {"s1.zip": inner}), tmp_path / "nested" / "class")
    assert there == {"s1": "inner"} and found.left[0][1] == "its path leads out of the zip"
    assert not list(tmp_path.rglob("outside*"))


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(notebook("secret"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(f"s1/{FILE}")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, str(secret))
    (tmp_path / "links.zip").write_bytes(out.getvalue())
    found, there = collected(tmp_path / "links.zip", tmp_path / "class")
    assert there == {} and (f"s1/{FILE}", "a link") in found.left
    source = as_folder(tmp_path, {f"s4/{FILE}": notebook("zoë")})
    (source / "s1").mkdir()
    os.symlink(secret, source / "s1" / FILE)
    os.symlink(tmp_path, source / "s2")
    os.symlink(tmp_path, source / "s4" / "all")
    found, there = collected(source, tmp_path / "other")
    assert there == {"s4": "zoë"} and {reason for _, reason in found.left} == {"a link"}


def test_a_bomb_is_not_unpacked(tmp_path):
    bomb = zipped({f"s1/{number}.ipynb": b"0" * LARGEST for number in range(9)})
    assert len(bomb) < 2**20
    place = as_folder(tmp_path, {"s1.zip": bomb, f"s4/{FILE}": notebook("zoë")})
    found, there = collected(place, tmp_path / "class")
    assert there == {"s4": "zoë"} and "would unpack to 9 files of 450 MB" in found.left[0][1]
    assert any("would unpack" in remark for row in found.rows if row.student == "s1" for remark in row.remarks)
    many = zipped({f"s1/{number}": b"" for number in range(intake.MOST_FILES + 1)})
    (tmp_path / "many.zip").write_bytes(many)
    with pytest.raises(ClassroomError, match="would unpack to 20001 files"):
        collected(tmp_path / "many.zip", tmp_path / "class")


def test_a_zip_that_lies_about_its_sizes(tmp_path):
    """A member says that it is small, and goes on."""
    content = bytearray(zipped({f"s1/{FILE}": b"0" * 10_000_000, f"s4/{FILE}": notebook("zoë")}))
    for place in (content.index(b"PK\x03\x04") + 22, content.index(b"PK\x01\x02") + 24):
        content[place : place + 4] = struct.pack("<I", 100)
    (tmp_path / "lies.zip").write_bytes(content)
    found, there = collected(tmp_path / "lies.zip", tmp_path / "class")
    assert there == {"s4": "zoë"} and "cannot be unpacked" in dict(found.left)[f"s1/{FILE}"]


def test_what_is_no_zip_and_what_is_empty(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no zip")
    with pytest.raises(ClassroomError, match=r"no\.zip is no zip that can be read"):
        collected(tmp_path / "no.zip", tmp_path / "class")
    (tmp_path / "empty").mkdir()
    for source, message in ((tmp_path / "empty", "There is nothing in"), (tmp_path / "not there", "There is no")):
        with pytest.raises(ClassroomError, match=message):
            collected(source, tmp_path / "class")
    found, there = collected(
        as_folder(tmp_path, {"s1.zip": b"no zip", f"s4/{FILE}": notebook("zoë")}), tmp_path / "class"
    )
    assert there == {"s4": "zoë"} and "is no zip that can be read" in found.left[0][1]


@pytest.mark.parametrize("name", [f"{FILE}.txt", f"{SLUG}.json", SLUG])
def test_a_notebook_that_a_browser_saved_as_something_else_is_one(tmp_path, name):
    hers = notebook("hers")
    source = as_folder(
        tmp_path,
        {
            f"Jane Doe_71_assignsubmission_file_/{name}": hers,
            "Zoë Müller_72_assignsubmission_file_/notes.txt": b"{}",
        },
    )
    found = intake.collect(source, tmp_path / "class", SLUG, PEOPLE, NAMES)
    assert (tmp_path / "class" / "submitted" / "s1" / SLUG / FILE).read_bytes() == hers
    assert {row.student: row.remarks for row in found.rows} == {
        "s1": [f"handed in as {name}"] if name == f"{FILE}.txt" else [], "s4": ["no notebook, but notes.txt"],
    }  # fmt: skip
