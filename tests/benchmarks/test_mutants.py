"""The benchmark of the checks: that it works, and that a sample of it finds nothing but what is known."""

import ast
import functools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.mutants import report
from benchmarks.mutants.__main__ import main
from benchmarks.mutants.cases import CASES
from benchmarks.mutants.differential import Call, Solution, alike
from benchmarks.mutants.edits import Place, edited
from benchmarks.mutants.exercises import every_task, tasks
from benchmarks.mutants.kept import KEPT
from benchmarks.mutants.operators import OPERATORS
from benchmarks.mutants.rewritings import REWRITINGS
from benchmarks.mutants.trials import Outcome, TookTooLong, Trial, limit, plan, sampled, trials_of, tried
from utils.feedback.exercises import Result

SAMPLE, SEED = 90, 7

FUNCTION = """def answer(grid, layers):
    total = 1
    for width, stride in layers:
        total += width * stride
    return total // 2
"""
MODULE = """class Answer(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.a = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU())
        self.b = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, x):
        return torch.cat([self.a(x), self.b(x)], dim=1)
"""
STATISTICS = """def answer(x, eps=1e-3):
    with torch.no_grad():
        mean = x.mean(dim=0, keepdim=True)
    return (x - mean) / torch.sqrt(x.var(dim=0, unbiased=False) + eps)
"""
FIRST = {"grid": 7, "layers": [(3, 1)], "x": torch.ones(2, 3), "eps": 1e-3, "return": 2}


@functools.cache
def every_trial():
    return plan(only="exercises")


@pytest.fixture(autouse=True)
def _own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))


def place(source, lines=range(1, 99)):
    return Place(ast.parse(source), frozenset(lines), FIRST)


def changes(source, edit):
    """What an edit does to a source, all of it the learner's."""
    return [each.lines for each in edited(place(source), edit)]


@pytest.mark.parametrize(
    ("operator", "source", "line"),
    [
        ("padding_changed", MODULE, "+ self.a = nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU())"),
        ("stride_changed", MODULE, "+ self.b = nn.MaxPool2d(3, padding=1)"),
        ("kernel_changed", MODULE, "+ self.a = nn.Sequential(nn.Conv2d(channels, 4, 5, padding=1), nn.ReLU())"),
        ("dim_changed", MODULE, "+ return torch.cat([self.a(x), self.b(x)], dim=0)"),
        ("order_changed", MODULE, "+ return torch.cat([self.b(x), self.a(x)], dim=1)"),
        ("element_dropped", MODULE, "+ return torch.cat([self.a(x)], dim=1)"),
        ("bias_flipped", MODULE, "+ self.a = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1, bias=False), nn.ReLU())"),
        ("relu_forgotten", MODULE, "+ self.a = nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.Identity())"),
        ("wrong_branch", MODULE, "+ return torch.cat([self.b(x), self.b(x)], dim=1)"),
        ("detached", MODULE, "+ return torch.cat([self.a(x.detach()), self.b(x)], dim=1)"),
        ("dropout_added", MODULE, "+ return nn.functional.dropout(torch.cat([self.a(x), self.b(x)], dim=1), 0.5, self.training)"),
        ("off_by_one", FUNCTION, "+ total = 0"),
        ("division_swapped", FUNCTION, "+ return total / 2"),
        ("rounding_changed", FUNCTION, "+ return -(-total // 2)"),
        ("not_accumulated", FUNCTION, "+ total = width * stride"),
        ("operation_swapped", FUNCTION, "+ total += width + stride"),
        ("other_variable", FUNCTION, "+ total += width * width"),
        ("argument_changed", FUNCTION, "+ layers.reverse()"),
        ("visible_case", FUNCTION, "+ grid = 7"),
        ("keepdim_flipped", STATISTICS, "+ mean = x.mean(dim=0)"),
        ("unbiased_flipped", STATISTICS, "+ return (x - mean) / torch.sqrt(x.var(dim=0) + eps)"),
        ("eps_changed", STATISTICS, "+ return (x - mean) / torch.sqrt(x.var(dim=0, unbiased=False))"),
        ("power_changed", STATISTICS, "+ return (x - mean) / (x.var(dim=0, unbiased=False) + eps)"),
        ("argument_ignored", STATISTICS, "+ eps = 0.001"),
    ],
)  # fmt: skip
def test_an_operator_makes_its_slip(operator, source, line):
    assert any(line in each.splitlines() for each in changes(source, OPERATORS[operator].edit))


def test_the_return_moves_into_the_loop():
    (each,) = edited(place(FUNCTION), OPERATORS["early_return"].edit)
    scope = {}
    exec(each.source, scope)
    assert scope["answer"](0, [(4, 2), (5, 5)]) == (1 + 4 * 2) // 2


def test_only_what_the_learner_writes_is_changed():
    edits = [OPERATORS[name].edit for name in ("off_by_one", "operation_swapped", "division_swapped", "other_variable")]
    lines = [each.lines for edit in edits for each in edited(place(FUNCTION, [4]), edit)]
    assert lines and all(line.startswith("- total += width * stride") for line in lines)


@pytest.mark.slow
def test_there_are_enough_and_each_fits_some_exercise():
    assert len(OPERATORS) >= 25 and len(REWRITINGS) >= 12
    used = {trial.operator for trial in every_trial()}
    assert used == {*OPERATORS, *REWRITINGS}


def test_every_exercise_has_cases_in_which_its_solution_runs():
    """Without cases are three answers to assignments: a text, a file, and a class that is no module."""
    without = {task.key for task in every_task()} - set(CASES)
    assert set(CASES) <= {task.key for task in every_task()}
    assert without == {
        "capstone.assignment.design", "capstone.assignment.run_file", "label_smoothing.assignment.repaired",
    }  # fmt: skip


# The differential test: right answers in other words are the same, wrong ones are not.


class Branches(nn.Module):
    def __init__(self, channels, *, window=3, bias=True, norm=True):
        super().__init__()
        self.a = nn.Sequential(
            nn.Conv2d(channels, 4, window, padding=window // 2, bias=bias), nn.BatchNorm2d(4) if norm else nn.Identity()
        )
        self.b = nn.Conv2d(channels, 3, 1)

    def forward(self, x):
        return torch.cat([self.a(x), self.b(x)], dim=1)


class Renamed(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layers = nn.ModuleList(
            [nn.Conv2d(channels, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(channels, 3, 1)]
        )

    def forward(self, x):
        first, norm, second = self.layers
        return torch.hstack([norm(first(x)), F.conv2d(x, second.weight, second.bias)])


def of(forward):
    """`Branches` with another forward."""
    return type("Other", (Branches,), {"forward": forward})


MODULES = Solution(Branches, lambda: iter([Call((3,), images=((2, 3, 6, 5), (1, 3, 4, 4)))]))


def test_the_same_module_in_other_words_is_the_same():
    assert MODULES.difference(Branches) == MODULES.difference(Renamed) == ""
    assert MODULES.difference(lambda channels: nn.Sequential(Branches(channels))) == ""


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        (lambda channels: Branches(channels, window=5), "parameters"),
        (lambda channels: Branches(channels, bias=False), "parameters"),
        (lambda channels: Branches(channels).requires_grad_(False), "trained"),
        (of(lambda self, x: torch.cat([self.b(x), self.a(x)], dim=1)), "evaluation: value"),
        (of(lambda self, x: torch.cat([self.a(x), self.b(x.detach())], dim=1)), "gradient into the images"),
        (of(lambda self, x: torch.cat([self.a(x), self.b(x).detach()], dim=1)), "gradient"),
        (of(lambda self, x: Branches.forward(self, x.mul_(2))), "evaluation: value"),
        (of(lambda self, x: [Branches.forward(self, x), x.data.zero_()][0]), "images afterwards"),
        (of(lambda self, x: F.dropout(Branches.forward(self, x), 0.5, self.training)), "training: value"),
        (of(lambda self, x: Branches.forward(self.eval(), x)), "training: value"),
        (of(lambda self, x: [Branches.forward(self, x), self.a(x)][0]), "statistics"),
    ],
)
def test_another_module_is_not_the_same(answer, where):
    assert where in MODULES.difference(answer)


def test_channels_may_be_in_another_order_where_that_is_said():
    turned = of(lambda self, x: torch.cat([self.b(x), self.a(x)], dim=1))
    calls = lambda: iter([Call((3,), images=((2, 3, 6, 5),), ordered=False)])  # noqa: E731
    assert Solution(Branches, calls).difference(turned) == ""


def mean_of(x, weights):
    return sum(weights) * x.mean(dim=0)


FUNCTIONS = Solution(mean_of, lambda: iter([Call((torch.arange(12.0).view(3, 4), [1, 2, 3]))]))


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, weights: x.sum(dim=0) * sum(weights) / len(x),
        lambda x, weights: torch.einsum("nc,w->c", x, torch.tensor(weights).float()) / x.shape[0],
        lambda x, weights: mean_of(x.double(), weights),
    ],
)
def test_the_same_function_in_other_words_is_the_same(answer):
    assert FUNCTIONS.difference(answer) == ""


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        (lambda x, weights: sum(weights) * x.mean(dim=1), "value"),
        (lambda x, weights: mean_of(x, weights).detach(), "result"),
        (lambda x, weights: mean_of(x, weights) + x.detach().sum() * 0 + (x - x.detach()).sum(), "gradients"),
        (lambda x, weights: [mean_of(x, weights), weights.reverse()][0], "arguments afterwards"),
        (lambda x, weights: [mean_of(x, weights), x.data.zero_()][0], "arguments afterwards"),
        (lambda x, weights: x.nothing, "AttributeError"),
    ],
)
def test_another_function_is_not_the_same(answer, where):
    assert where in FUNCTIONS.difference(answer)


def test_numbers_are_the_same_if_they_are_equal():
    assert alike(2.0, 2.0 + 1e-9) and not alike(2.0, 2.001) and alike(float("nan"), float("nan"))
    assert not alike(1.0, "1") and not alike([1.0], [1.0, 1.0]) and alike([1.0, 2.0], [2.0, 1.0], ordered=False)


# Trials.


def always(tone):
    return lambda task, answer: Result(tone, "head", "Are two arguments swapped?")


def test_a_check_that_always_passes_is_found_out():
    trials = [trial for trial in trials_of(tasks("googlenet")["global_average"]) if trial.kind == "mutant"]
    verdicts = [tried(trial, always("right")).verdict for trial in trials]
    assert "survived" in verdicts and set(verdicts) <= {"survived", "equivalent"}


def test_a_check_that_never_passes_is_found_out():
    trials = [trial for trial in trials_of(tasks("googlenet")["global_average"]) if trial.kind == "rewriting"]
    assert trials and {tried(trial, always("wrong")).verdict for trial in trials} == {"refused"}


def test_a_refusal_names_the_slip_or_not():
    trial = Trial("mutant", "googlenet", "global_average", "arguments_swapped", "", "")
    assert Outcome(trial, "killed", sentence="Are two arguments swapped?").named is True
    assert Outcome(trial, "killed", sentence="The values differ.").named is False
    assert Outcome(trial, "survived").named is None


def test_a_rewriting_that_changes_what_is_done_is_a_fault_of_the_benchmark():
    task = tasks("googlenet")["global_average"]
    trial = Trial("rewriting", task.slug, task.name, "turned_sum", task.source.replace("(2, 3)", "(1, 2)"), "")
    assert tried(trial).verdict == "broken"


def test_what_takes_too_long_is_stopped():
    with pytest.raises(TookTooLong), limit(0.05):
        while True:
            math.sqrt(2)


def test_the_command_prints_tables_and_keeps_lists(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.mutants.__main__._outcomes", lambda trials, _: map(tried, trials))
    kept, data = tmp_path / "list.txt", tmp_path / "all.json"
    main(["--lesson", "start_here", "--operator", "return_forgotten", "--list", str(kept), "--json", str(data)])
    said = capsys.readouterr().out
    assert "| return_forgotten |       3 |          0 |       3 |      0 |  100% |" in said
    assert '"verdict": "killed"' in data.read_text() and kept.exists()


@pytest.mark.slow
def test_a_sample_finds_nothing_but_what_is_known(monkeypatch):
    """A wrong answer that passes or a right one that is refused: mend the check. `kept` is for what cannot be mended."""
    monkeypatch.setattr(
        "utils.feedback.undoing.SECONDS", 0
    )  # which slip it is decides no verdict, and takes most of the time
    outcomes = [tried(trial) for trial in sampled(every_trial(), SAMPLE, SEED)]
    new = [each for each in outcomes if report.is_wrong(each) and each.trial.key not in KEPT]
    assert not new, report.wrong_ones(new)


@pytest.mark.slow
def test_what_is_listed_as_known_still_goes_wrong():
    """What is mended leaves the list."""
    known = {}
    for slug, name in {tuple(key.split(".", 1)) for key, *_ in KEPT}:
        known |= {trial.key: trial for trial in trials_of(tasks(slug)[name]) if trial.key in KEPT}
    assert set(KEPT) == set(known)
    mended = [key for key, trial in known.items() if not report.is_wrong(tried(trial))]
    assert not mended, f"Take these out of benchmarks/mutants/kept.py: {mended}"
