"""Who is who: students as the class, and as learning platforms call them. Names are invented; the forms are the platforms'."""

import unicodedata
from datetime import datetime

import pytest

from classroom.notebooks import ClassroomError
from classroom.roster import Question, Roster, Student, folder_name, read_label, read_students

SLUG = "inception_module"
OWN = """id,first_name,last_name,email,also
s1001,Jane,Doe,jane.doe@example.org,
s1002,Zoë,Müller-Lüdenscheidt,zoe@example.org,zmueller; 4711
s1003,Ann,O'Brien,ann@example.org,
s1004,Łukasz,Øvergård,lukasz@example.org,
s1005,Kim,Lee,kim.lee@example.org,
s1006,Kim,Lee,lee.kim@example.org,
s1007,,Madonna,m@example.org,
s1008,Lena,Schmidt,lena@example.org,
"""
MOODLE = """First name,Last name,ID number,Email address,Groups
Jane,Doe,1001,jane@example.org,Group A
Kim,Lee,,kim1@example.org,Group A
Kim,Lee,,kim2@example.org,Group B
"""
WORKSHEET = """Identifier,Full name,Email address,Status,Grade
Teilnehmer/in 8801,Kim Lee,kim1@example.org,Submitted,
Participant 8802,Kim Lee,kim2@example.org,Submitted,
Participant 8803,Jane Doe,jane@example.org,Submitted,
Participant 8804,The Teacher,t@example.org,,
"""
CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Old homework (1)
Points Possible,,,,,10
"Doe, Jane",4321,,jdoe,Monday,9
"Lee, Kim",4322,,klee,Monday,
"Lee, Kim",4323,,klee2,Tuesday,
"Student, Test",4399,,,,
"""
BLACKBOARD = '"Last Name"\t"First Name"\t"Username"\t"Student ID"\n"Doe"\t"Jane"\t"jane_doe"\t"1001"\n"Lee"\t"Kim"\t"doe"\t"1002"\n'


def roster(folder, text):
    path = folder / "students.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Roster.of(folder)


def found(people, name):
    who = people.find(read_label(name, SLUG))
    return who.text if isinstance(who, Question) else who.id


@pytest.mark.parametrize(
    ("name", "student"),
    {
        "s1001": "s1001",
        "S1001": "s1001",
        f"s1001_{SLUG}.ipynb": "s1001",
        "jane.doe@example.org": "s1001",
        "Jane Doe": "s1001",
        "Doe, Jane": "s1001",
        "Jane Doe_8801_assignsubmission_file_": "s1001",
        "Jane Doe_8801_assignsubmission_file": "s1001",
        f"Jane Doe_8801_assignsubmission_file_{SLUG}.ipynb": "s1001",
        "Jane Doe_8801_assignsubmission_onlinetext_onlinetext.html": "s1001",
        "Zoë Müller-Lüdenscheidt_12_assignsubmission_file_": "s1002",
        unicodedata.normalize("NFD", "Zoë Müller-Lüdenscheidt_12_assignsubmission_file_"): "s1002",
        unicodedata.normalize("NFD", "Zoë Müller-Lüdenscheidt"): "s1002",
        f"mullerludenscheidtzoe_4711_999_{SLUG}-1.ipynb": "s1002",
        f"somebody_4711_999_{SLUG}.ipynb": "s1002",  # the number that the class wrote down
        "zmueller": "s1002",
        "Ann OBrien_13_assignsubmission_file_": "s1003",  # Moodle leaves signs out
        f"obrienann_LATE_5_6_{SLUG}.ipynb": "s1003",
        f"overgardlukasz_5_6_{SLUG}.ipynb": "s1004",
        f"Homework_1_s1004_attempt_2026-10-01-10-00-00_{SLUG}.ipynb": "s1004",
        "Homework_1_s1004_attempt_2026-10-01-10-00-00.txt": "s1004",
        "Madonna_14_assignsubmission_file_": "s1007",
        "Lena Schmidt_15_assignsubmission_file_": "s1008",
    }.items(),
)
def test_what_platforms_call_a_student(name, student, tmp_path):
    assert found(roster(tmp_path, OWN), name) == student


@pytest.mark.parametrize(
    ("name", "question"),
    {
        "Kim Lee_8801_assignsubmission_file_": "could be s1005 or s1006. Give Moodle's grading worksheet with --who",
        f"leekim_1_2_{SLUG}.ipynb": "could be s1005 or s1006. Write the number",
        "Anna-Lena Schmidt_15_assignsubmission_file_": "nobody in students.csv is called so",
        "Participant 12_12_assignsubmission_file_": "nobody in students.csv",
        "s100": "nobody",
        "s10011": "nobody",
        "student_1001": "nobody",
        f"janedoe_4711_2_{SLUG}.ipynb": "the number is s1002's, the name s1001's",
        "Jane": "nobody",
    }.items(),
)
def test_nobody_is_guessed(name, question, tmp_path):
    assert question in found(roster(tmp_path, OWN), name)


def test_moodles_list_and_its_worksheet(tmp_path):
    people = roster(tmp_path, MOODLE)
    assert [student.id for student in people.students] == ["1001", "kim1@example.org", "kim2@example.org"]
    assert found(people, "Jane Doe_8803_assignsubmission_file_") == "1001"
    assert found(people, "Group A-Jane Doe_8803_assignsubmission_file_") == "1001"
    assert "nobody" in found(people, "Anna-Jane Doe_8803_assignsubmission_file_")
    assert "could be" in found(people, "Kim Lee_8802_assignsubmission_file_")
    # The number of an assignment is nobody's ID number.
    assert "nobody" in found(people, "Eve Miller_1001_assignsubmission_file_")
    (tmp_path / "worksheet.csv").write_text(WORKSHEET)
    known = people.knowing(tmp_path / "worksheet.csv")
    assert found(known, "Kim Lee_8801_assignsubmission_file_") == "kim1@example.org"
    assert found(known, "Kim Lee_8802_assignsubmission_file_") == "kim2@example.org"
    assert found(known, "Participant 8803_8803_assignsubmission_file_") == "1001"
    assert found(known, "Teilnehmer_in 8801_8801_assignsubmission_file_") == "kim1@example.org"
    assert "the number is" in found(known, "Jane Doe_8801_assignsubmission_file_")
    (tmp_path / "worksheet.csv").write_text(MOODLE)
    with pytest.raises(ClassroomError, match="no column Identifier"):
        people.knowing(tmp_path / "worksheet.csv")


def test_canvas_list(tmp_path):
    people = roster(tmp_path, CANVAS)
    assert [(one.id, one.first_name, one.last_name, one.section) for one in people.students] == [
        ("jdoe", "Jane", "Doe", "Monday"), ("klee", "Kim", "Lee", "Monday"), ("klee2", "Kim", "Lee", "Tuesday"),
    ]  # fmt: skip
    assert found(people, f"leekim_4323_77_{SLUG}.ipynb") == "klee2"
    assert found(people, f"leekim_LATE_4322_77_{SLUG}-3.ipynb") == "klee"
    assert "the number is jdoe's" in found(people, f"leekim_4321_77_{SLUG}.ipynb")


def test_blackboards_list(tmp_path):
    """Tabs, UTF-16, and user names with the sign that stands between the parts."""
    people = roster(tmp_path, BLACKBOARD.encode("utf-16"))
    assert found(people, f"Week_1_jane_doe_attempt_2026-10-01-10-00-00_{SLUG}.ipynb") == "jane_doe"
    assert found(people, f"Week 1_doe_attempt_2026-10-01-10-00-00_{SLUG}.ipynb") == "doe"


def test_labels_of_platforms():
    label = read_label(f"Week_1_jdoe_attempt_2026-10-01-10-20-30_{SLUG}.ipynb", SLUG)
    assert label.attempt == datetime(2026, 10, 1, 10, 20, 30) and label.file == f"{SLUG}.ipynb"
    label = read_label(f"doejane_LATE_1234_5678_{SLUG}-2.ipynb", SLUG)
    assert (label.who, label.number, label.late) == ("doejane", "1234", True)
    for plain_name in ("student_1001", "ben_999", "a_1_b", "x_assignsubmission_file_", "2026-10-01"):
        assert (read_label(plain_name, SLUG).who, read_label(plain_name, SLUG).platform) == (plain_name, "")
    assert read_label(f"anna_{SLUG}.ipynb", SLUG).who == "anna"
    assert read_label(f"anna {SLUG} (2).ipynb", SLUG).who == "anna"
    assert read_label("carla_777.zip", SLUG).who == "carla_777"
    one, other = (read_label(f"Jane Doe_{number}_assignsubmission_file_", SLUG) for number in (12, 13))
    assert one.key != other.key


def test_a_name_that_is_anothers_user_name(tmp_path):
    """A platform that writes names means the name; one that writes user names the user name; anything else is asked about."""
    people = roster(
        tmp_path,
        "id,first_name,last_name\njanedoe,Ann,Other\ns2,Jane,Doe\nann,Zoe,Miller\ns4,Zoë,Miller\nann_other,A,B\n",
    )
    assert found(people, "Jane Doe_71_assignsubmission_file_") == "s2"
    assert found(people, f"doejane_1_2_{SLUG}.ipynb") == "s2"
    assert found(people, f"Week 1_janedoe_attempt_2026-10-01-10-00-00_{SLUG}.ipynb") == "janedoe"
    assert found(people, "janedoe") == "janedoe"
    assert "could be janedoe or s2" in found(people, "Jane Doe")
    assert found(people, "Zoe Miller_71_assignsubmission_file_") == "ann"
    assert found(people, "Zoë Miller_71_assignsubmission_file_") == "s4"
    assert "could be ann or s4" in found(people, f"millerzoe_1_2_{SLUG}.ipynb")
    assert found(people, "Ann Other_5_assignsubmission_file_") == "janedoe"
    assert "nobody" in found(people, "Zöe Miller_71_assignsubmission_file_")


def test_names_of_folders():
    for name, folder in {
        "Zoë Müller": "Zoë_Müller",
        unicodedata.normalize("NFD", "Zoë Müller"): "Zoë_Müller",
        "../../etc/passwd": "etc_passwd",
        "anna.b@example.org": "anna.b@example.org",
        "*?[a]+": "a",
        "<img src=x onerror=alert(1)>": "img_src_x_onerror_alert_1",
        "": "unnamed",
        "...": "unnamed",
    }.items():
        assert folder_name(name) == folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,first_name\ns1,Ann\nS1,Bob\n", "line 3: there are two students 's1'"),
        ("id,first_name\n,Ann\n", "line 2: no id"),
        ("first_name,last_name\nAnn,Lee\n", "line 2: no id"),
        ("id,first_name\n", "has no students"),
        ("", "is empty"),
        (b"\x00\xff\xfe\x00", "cannot be read as a table"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(text, message, tmp_path):
    with pytest.raises(ClassroomError, match=message):
        roster(tmp_path, text)


def test_names_in_a_list_are_names(tmp_path):
    """They stand in pages."""
    path = tmp_path / "students.csv"
    path.write_text('\ufeffid;first_name;last_name\ns1;<script>alert("x")</script>;O\'Neil\x07\n', encoding="utf-8")
    (one,) = read_students(path)
    assert (one.first_name, one.last_name) == ("scriptalert(x)/script", "O'Neil")
    assert not Roster() and Roster([Student("a")])
