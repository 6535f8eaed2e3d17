"""Every assignment, marked as a class's are: right answers earn every point, the stub none, a wrong answer loses its own."""

import functools
import re
from dataclasses import dataclass

import pytest

from classroom import assignments
from classroom.sandbox.jobs import Timeouts, defined_names, used_names
from classroom.sandbox.workers import Workers
from course.syllabus import lesson
from tests.classroom.submissions import answers_of, code_cells, failed, job, said, without_markers
from tests.lessons.assignment_answers import of_lesson

SLUGS = [entry.slug for entry in assignments.with_assignment()]
SEEDS = ("", "2027", "2031", "evening class")  # chosen so that no two of them agree by chance
VARIED = [slug for slug in SLUGS if slug != "capstone"]  # whose numbers follow the class's seed


@dataclass
class Submission:
    """Kept answers to some exercises, at most one to each, and solutions to the others.

    None of the answers can reach what marks another one, so what they lose together is what each would lose alone.
    """

    answers: dict[str, str]
    students: list[str]
    lost: set[str]  # the tests that it should fail


@functools.cache
def submissions(slug):
    """All kept submissions to a lesson's assignment: the solution, the stub, and every right and wrong answer."""
    kept, solutions = of_lesson(slug), answers_of(slug)
    right = [
        (f"{name}, right answer {number + 1}", name, filled(slug, answer, ""), set())
        for name, answers in kept.RIGHT.items()
        for number, answer in enumerate(answers)
    ]
    wrong = []
    for student, (name, correct, mistake, lost) in kept.WRONG.items():
        assert correct in solutions[name], student
        wrong.append((student, name, solutions[name].replace(correct, mistake), lost))
    alone = [Submission(solutions, ["the solution"], set()), Submission({}, ["the stub"], set(kept.POINTS))]
    return alone + packed(slug, right) + packed(slug, wrong)


def packed(slug, kept):
    """Few submissions for many answers (student, exercise, source, lost tests)."""
    solutions, reached = answers_of(slug), reach(slug)
    found = []
    for student, name, source, lost in kept:

        def fits(submission, name=name, source=source):
            others = {other: code for other, code in submission.answers.items() if other != name}
            changed = [other for other, code in others.items() if code != solutions[other]]
            return (
                submission.answers[name] == solutions[name]
                and all(reached[name].isdisjoint(reached[other]) for other in changed)
                and all(defined_names(source).isdisjoint(defined_names(code)) for code in others.values())
            )

        place = next((each for each in found if fits(each)), None)
        if place is None:
            place = Submission(dict(solutions), [], set())
            found.append(place)
        place.answers[name] = source
        place.students.append(student)
        place.lost |= lost
    return found


@functools.cache
def reach(slug):
    """For each exercise the tests that its answer can decide: they use its names, or those of a cell that does."""
    sources = {cell.metadata.nbgrader.grade_id: without_markers(cell.source) for cell in code_cells(slug)}
    found = {}
    for name in answers_of(slug):
        names, before = defined_names(sources[name]), set()
        while names != before:
            before = set(names)
            for source in [source for other, source in sources.items() if not other.startswith("test_")]:
                if used_names(source) & names:
                    names |= defined_names(source)
        found[name] = {
            other.removeprefix("test_")
            for other, source in sources.items()
            if other.startswith("test_") and used_names(source) & names
        }
    return found


def asked(slug, submission):
    """The job of a submission: with the tests that an answer of it other than the solution can decide, and no look for slips."""
    made, solutions = job(slug, submission.answers, times=Timeouts(slips=0)), answers_of(slug)
    other = [name for name, source in solutions.items() if submission.answers.get(name) != source]
    decided = set().union(*(reach(slug)[name] for name in other))
    if decided:
        made.cells = [cell for cell in made.cells if cell.role != "test" or cell.name.removeprefix("test_") in decided]
    return made


def filled(slug, answer, seed):
    """A kept answer with the assignment's numbers in it."""
    return assignments.filled_in(answer, assignments.numbers(lesson(slug), seed=seed))


@pytest.fixture(scope="module")
def workers():
    with Workers(2) as workers:
        yield workers


@pytest.fixture(scope="module", params=SLUGS)
def marked(request, workers):
    """A lesson, and of each kept submission what it is, its job, and what came of it."""
    kept = submissions(request.param)
    jobs = [asked(request.param, each) for each in kept]
    outcomes = dict(workers.mark(jobs))
    return request.param, [(each, jobs[number], outcomes[number]) for number, each in enumerate(kept)]


@pytest.mark.slow
def test_right_answers_earn_every_point_and_others_lose_exactly_theirs(marked):
    _, results = marked
    found = {", ".join(each.students): failed(job, outcomes) for each, job, outcomes in results}
    assert found == {", ".join(each.students): each.lost for each, *_ in results}


@pytest.mark.slow
def test_a_wrong_answer_is_told_why(marked):
    slug, results = marked
    student, words = of_lesson(slug).TOLD
    (found,) = [entry for entry in results if student in entry[0].students]
    each, job, outcomes = found
    assert any(words in said(job, outcomes, test) for test in each.lost)


@pytest.mark.parametrize("slug", SLUGS)
def test_every_test_marks_an_exercise_that_can_reach_it(slug):
    """What is lost by a wrong answer is what it can reach; else answers in one submission could take each other's points."""
    reached = reach(slug)
    for student, (name, *_, lost) in of_lesson(slug).WRONG.items():
        assert lost <= reached[name], student
    kept = [student for each in submissions(slug) for student in each.students]
    right = [
        f"{name}, right answer {k + 1}" for name, answers in of_lesson(slug).RIGHT.items() for k in range(len(answers))
    ]
    assert sorted(kept) == sorted(["the solution", "the stub", *right, *of_lesson(slug).WRONG])


@pytest.mark.parametrize("slug", SLUGS)
def test_points_are_those_that_stand_at_the_top(slug):
    kept = of_lesson(slug)
    cells = assignments.source(lesson(slug)).cells
    points = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    by_test = {name.removeprefix("test_"): worth for name, worth in points.items() if name.startswith("test_")}
    assert by_test == kept.POINTS
    assert sum(points.values()) == sum(kept.POINTS.values()) + kept.BY_TEACHER
    assert f"| points | {sum(points.values())}:" in cells[0].source


@pytest.mark.parametrize("slug", SLUGS)
def test_three_right_and_five_wrong_answers_to_each_exercise_are_kept(slug):
    kept = of_lesson(slug)
    for name in answers_of(slug):
        assert len(set(kept.RIGHT[name])) >= 3, name
        assert sum(answer == name for answer, *_ in kept.WRONG.values()) >= 5, name
    assert {test for *_, lost in kept.WRONG.values() for test in lost} == set(kept.POINTS)


def marking_tests(slug):
    """The tests that mark each exercise's answer."""
    found = {}
    for name, *_, lost in of_lesson(slug).WRONG.values():
        found.setdefault(name, set()).update(lost)
    return found


def changed_by(slug, seed):
    """The exercises in which the seed changed the tests or the solution."""
    before, after = ({cell.metadata.nbgrader.grade_id: cell.source for cell in code_cells(slug, s)} for s in ("", seed))
    return [
        name
        for name, tests in marking_tests(slug).items()
        if any(before[cell] != after[cell] for cell in (name, *(f"test_{test}" for test in tests)))
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("slug", "seed"),
    [("inception_module", seed) for seed in SEEDS[1:]]
    + [(slug, "2027") for slug in VARIED if slug != "inception_module"],
)
def test_answers_follow_the_seed(slug, seed, workers):
    """Kept right answers pass whatever the seed chose, and those for another seed lose points where it chose otherwise."""
    solutions, last_year, tests = answers_of(slug, seed), answers_of(slug), marking_tests(slug)
    names = changed_by(slug, seed)
    left_out = set().union(*(tests[name] for name in tests if name not in names))
    answers = [{name: solutions[name] for name in names}, {name: last_year[name] for name in names}]
    for number in range(3):
        answers.append({name: filled(slug, of_lesson(slug).RIGHT[name][number], seed) for name in names})
    jobs = [job(slug, each, seed=seed) for each in answers]
    found = {number: failed(jobs[number], outcomes) for number, outcomes in workers.mark(jobs)}
    lost = found.pop(1)
    stale = [name for name in names if solutions[name] != last_year[name]]
    assert stale
    assert all(lost & tests[name] for name in stale), "an answer for another seed earns every point"
    assert found == {key: left_out for key in found}


@pytest.mark.parametrize("slug", VARIED)
def test_seeds_choose_different_numbers_and_the_same_seed_the_same(slug):
    sources = {seed: assignments.source(lesson(slug), seed=seed) for seed in SEEDS}
    texts = {seed: "\n".join(cell.source for cell in notebook.cells) for seed, notebook in sources.items()}
    assert len(set(texts.values())) == len(SEEDS)
    assert texts["2027"] == "\n".join(cell.source for cell in assignments.source(lesson(slug), seed="2027").cells)
    assert not any(re.search(r"\{\{\w+\}\}|choose\(", text) for text in texts.values())
    solutions = [answers_of(slug, seed) for seed in SEEDS]
    varied = [name for name in solutions[0] if len({each[name] for each in solutions}) > 1]
    assert len(varied) >= 2, "in two exercises at least, last year's answer is another one"


def test_a_lesson_without_an_assignment_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"start_here has no assignment\. Those that have one: inception_module"):
        assignments.release([lesson("start_here")], tmp_path / "class")
    assert not (tmp_path / "class").exists()


def test_a_refusal_of_nbgrader_is_told(tmp_path):
    with pytest.raises(assignments.AssignError, match="failed in"):
        assignments.nbgrader("autograde", "nothing", folder=tmp_path)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_solutions_pass_their_tests_in_one_process(slug):
    """As in a student's own notebook."""
    scope = {}
    for cell in assignments.source(lesson(slug)).cells:
        if cell.cell_type == "code":
            exec(compile(without_markers(cell.source), cell.id, "exec"), scope)
