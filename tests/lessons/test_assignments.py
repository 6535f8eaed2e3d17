"""Every assignment, marked as a class's are: right answers earn every point, the stub none, a wrong answer loses its own."""

import re

import pytest

from lessons import assign
from lessons.syllabus import lesson
from lessons.workers import Workers
from tests.lessons.assignment_answers import of_lesson
from tests.lessons.submissions import answers_of, code_cells, failed, job, said, without_markers

SLUGS = [entry.slug for entry in assign.with_assignment()]
SEEDS = ("", "2027", "2031", "evening class")  # chosen so that no two of them agree by chance
VARIED = [slug for slug in SLUGS if slug != "capstone"]  # whose numbers follow the class's seed


def kept_jobs(slug):
    """All kept submissions of a lesson's assignment, and for each the tests that it should fail."""
    kept, solutions = of_lesson(slug), answers_of(slug)
    tests = set(kept.POINTS)
    jobs = {"the solution": (job(slug, solutions), set()), "the stub": (job(slug, {}), tests)}
    for student, (name, right, wrong, lost) in kept.WRONG.items():
        assert right in solutions[name], student
        jobs[student] = (job(slug, solutions | {name: solutions[name].replace(right, wrong)}), lost)
    for name, answers in getattr(kept, "RIGHT", {}).items():
        for number, answer in enumerate(answers):
            jobs[f"{name}, right answer {number + 1}"] = (
                job(slug, solutions | {name: filled(slug, answer, "")}),
                set(),
            )
    return jobs


def filled(slug, answer, seed):
    """A kept answer with the assignment's numbers in it."""
    return assign.filled_in(answer, assign.numbers(lesson(slug), seed=seed))


@pytest.fixture(scope="module")
def workers():
    with Workers(2) as workers:
        yield workers


@pytest.fixture(scope="module", params=SLUGS)
def marked(request, workers):
    """A lesson, and of each kept submission: its job, what came of it, and the tests that it should fail."""
    jobs = kept_jobs(request.param)
    names = list(jobs)
    outcomes = dict(workers.mark([jobs[name][0] for name in names]))
    return request.param, {name: (jobs[name][0], outcomes[number], jobs[name][1]) for number, name in enumerate(names)}


@pytest.mark.slow
def test_right_answers_earn_every_point_and_others_lose_exactly_theirs(marked):
    _, results = marked
    found = {name: failed(job, outcomes) for name, (job, outcomes, _) in results.items()}
    assert found == {name: lost for name, (_, _, lost) in results.items()}


@pytest.mark.slow
def test_a_wrong_answer_is_told_why(marked):
    slug, results = marked
    student, words = of_lesson(slug).TOLD
    job, outcomes, lost = results[student]
    assert any(words in said(job, outcomes, test) for test in lost)


@pytest.mark.parametrize("slug", SLUGS)
def test_points_are_those_that_stand_at_the_top(slug):
    kept = of_lesson(slug)
    cells = assign.source(lesson(slug)).cells
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
    sources = {seed: assign.source(lesson(slug), seed=seed) for seed in SEEDS}
    texts = {seed: "\n".join(cell.source for cell in notebook.cells) for seed, notebook in sources.items()}
    assert len(set(texts.values())) == len(SEEDS)
    assert texts["2027"] == "\n".join(cell.source for cell in assign.source(lesson(slug), seed="2027").cells)
    assert not any(re.search(r"\{\{\w+\}\}|choose\(", text) for text in texts.values())
    solutions = [answers_of(slug, seed) for seed in SEEDS]
    varied = [name for name in solutions[0] if len({each[name] for each in solutions}) > 1]
    assert len(varied) >= 2, "in two exercises at least, last year's answer is another one"


def test_a_lesson_without_an_assignment_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"start_here has no assignment\. Those that have one: inception_module"):
        assign.release([lesson("start_here")], tmp_path / "class")
    assert not (tmp_path / "class").exists()


def test_a_refusal_of_nbgrader_is_told(tmp_path):
    with pytest.raises(assign.AssignError, match="failed in"):
        assign.nbgrader("autograde", "nothing", folder=tmp_path)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_solutions_pass_their_tests_in_one_process(slug):
    """As in a student's own notebook."""
    scope = {}
    for cell in assign.source(lesson(slug)).cells:
        if cell.cell_type == "code":
            exec(compile(without_markers(cell.source), cell.id, "exec"), scope)
