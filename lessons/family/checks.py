"""What lesson 09 answers to its exercises."""

import copy
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from lessons.family.rows import Row, choose_of, pareto_of
from lessons.family.tuning import FrozenTrunk
from networks.catalog import create
from utils.feedback.answers import called, close, expect, named_slip, number_of, require_function, returned, several_of
from utils.feedback.exercises import Feedback, Wrong, article

feedback = Feedback("family", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


def _several(answer: object, count: int, case: str, what: str) -> list[float]:
    """The learner's numbers, as many as asked."""
    return [number_of(each, case) for each in several_of(answer, count, case, f"{count} numbers are needed, ({what})")]


def read_row_of(parameters: int, macs: int, activations: int) -> tuple[float, float, float]:
    """(megabytes of the weights, megabytes of one image's activations, multiply-adds done with each weight), float32."""
    return 4 * parameters / 1e6, 4 * activations / 1e6, macs / parameters


@feedback.exercise(
    "9.1",
    title="reading a row",
    difficulty="worked",
    minutes=4,
    hints=(
        "How many bytes has a number in float32?",
        "Four. A megabyte is a million bytes.",
        "`4 * parameters / 1e6`, `4 * activations / 1e6`, and `macs / parameters`.",
    ),
    reference=read_row_of,
)
def read_row(answer):
    require_function(answer)
    for case in ((6_998_552, 1_582_671_872, 3_227_160), (1000, 50_000, 250)):
        parameters, macs, activations = case
        text = f"parameters={parameters:,}, macs={macs:,}, activations={activations:,}"
        got = _several(answer(*case), 3, text, "megabytes of weights, megabytes of activations, uses of a weight")
        want = read_row_of(*case)
        mebibytes, rounded = (
            "A megabyte is a million bytes here.",
            "Divide with `/`: `//` cuts off what is behind the point.",
        )
        names = ("megabytes of weights", "megabytes of activations", "multiply-adds a weight")
        slips = (
            {
                "Each number takes four bytes.": parameters / 1e6, "A byte has eight bits; megabytes are asked.": 32 * parameters / 1e6,
                mebibytes: 4 * parameters / 2**20, rounded: 4 * parameters // 1e6, "The weights come first.": want[1],
            },
            {
                "Each number takes four bytes.": activations / 1e6, mebibytes: 4 * activations / 2**20, rounded: 4 * activations // 1e6,
            },
            {"It is the other way round.": parameters / macs, "Per weight, not per byte.": macs / (4 * parameters), rounded: macs // parameters},
        )  # fmt: skip
        for name, mine, right, slip in zip(names, got, want, slips, strict=True):
            expect(mine, right, f"For {text} you find {mine:.5g} {name}; {right:.5g} are expected.", slip)
    return "Weights have to be stored once. Activations come anew with each image, and training keeps them all."


def improvement_of(before: float, after: float) -> tuple[float, float]:
    """(points, per cent of what was there) by which an error in per cent falls."""
    return before - after, 100 * (before - after) / before


@feedback.exercise(
    "9.2",
    title="points and per cent",
    difficulty="warm-up",
    minutes=5,
    hints=(
        "By how many points does an error fall from 10 % to 9 %? And which share of the errors is gone?",
        "The points are the difference. The share is the difference over what was there *before*.",
        "`before - after, 100 * (before - after) / before`",
    ),
    reference=improvement_of,
)
def improvement(answer):
    require_function(answer)
    for before, after in ((10.0, 9.0), (15.3, 6.67), (5.6, 4.9), (4.0, 5.0)):
        text = f"before={before}, after={after}"
        points, share = _several(answer(before, after), 2, text, "points, per cent")
        want = improvement_of(before, after)
        direction = (
            "An error that falls is an improvement, and positive."
            if after < before
            else "Here the error rises: that is an improvement below zero."
        )
        slips = {direction: -want[0], "That is the relative improvement; the points come first.": want[1]}
        expect(points, want[0], f"For {text} you find {points:.5g} points; {want[0]:.5g} are expected.", slips)
        slips = {
            "That is a share; per cent are asked, 100 times as much.": want[1] / 100,
            "The share is of the error *before*.": 100 * want[0] / after,
            "That are the points again. Which share of the error is gone?": want[0],
            "That is what is left; what is gone is asked.": 100 * after / before,
            "That is the gain of the accuracy over the accuracy before; errors are compared here.": (
                100 * want[0] / (100 - before)
            ),
            direction: -want[1],
        }
        expect(share, want[1], f"For {text} you find {share:.5g} %; {want[1]:.5g} % is expected.", slips)
    return "Both are true, and they sound different: say which one you mean."


PARETO_CASES = (
    ("three in a chain", {"a": (1, 30), "b": (2, 20), "c": (3, 10)}),
    ("one that is dearer and worse", {"a": (1, 30), "b": (2, 20), "c": (3, 25)}),
    ("one as dear as another, and worse", {"a": (2, 20), "b": (2, 25), "c": (1, 40)}),
    ("one as good as another, and dearer", {"a": (1, 20), "b": (4, 20), "c": (5, 10)}),
    ("two that are equal in both", {"a": (1, 20), "b": (1, 20), "c": (2, 30)}),
    ("a single one", {"a": (5, 5)}),
    ("the order turned round", {"d": (9, 1), "c": (4, 4), "b": (3, 8), "a": (2, 3), "e": (2.5, 3.5)}),
)


@feedback.exercise(
    "9.3",
    title="who is on the front",
    difficulty="medium",
    minutes=10,
    hints=(
        "Take one network, and go through the others. What has to be true of another one, so that nobody would take the first?",
        "The other is no dearer *and* errs no more, and in one of the two it is better. A network is on the front if that is true of "
        "no other.",
        "`is_beaten = any(c <= cost and e <= error and (c < cost or e < error) for c, e in points.values())`; compared with itself "
        "a network is better in neither, so it can stay in the loop.",
    ),
    reference=lambda points: list(pareto_of(points)),
)
def pareto(answer):
    require_function(answer)
    for title, points in PARETO_CASES:
        changed = "Your function changes the points that it gets. Collect the names in a list of your own."
        case = f"{title}, {points},"
        got = returned(called(answer, (points,), changed), case)
        if isinstance(got, (str, Mapping)) or not hasattr(got, "__iter__"):
            raise Wrong(f"For {case} your function gives back {article(got)}; a list of names is needed.")
        mine = list(got)
        unknown = [each for each in mine if each not in points]
        if unknown:
            raise Wrong(f"For {case} your function gives back {unknown[0]!r}; names are needed: {', '.join(points)}.")
        if len(set(mine)) != len(mine):
            raise Wrong(f"For {case} a name comes twice: {', '.join(mine)}.")
        want = set(pareto_of(points))
        if set(mine) == want:
            continue
        raise Wrong(
            f"For {case} your front is {', '.join(sorted(mine)) or 'empty'}; {', '.join(sorted(want))} is right. "
            + _about_front(set(mine), want, points)
        )
    return "Dearer and no better, or worse and no cheaper: such a network is taken by nobody. All others are a matter of taste."


def _about_front(mine: set[str], want: set[str], points: Mapping[str, tuple[float, float]]) -> str:
    missing, extra = sorted(want - mine), sorted(mine - want)
    if missing:
        name = missing[0]
        same = [other for other in points if other != name and points[other] == points[name]]
        if same:
            return f"{name} and {same[0]} are equal in both. Neither is better than the other, so neither takes the other's place."
        better = [other for other in points if points[other][1] < points[name][1]]
        if better:
            return f"{name} errs more than {better[0]} and is cheaper. One that is better on one axis only does not dominate."
        return f"No other is better than {name} without being worse on the other axis."
    name = extra[0]
    cost, error = points[name]
    by = next(o for o, (c, e) in points.items() if c <= cost and e <= error and (c, e) != (cost, error))
    kind = "as dear" if points[by][0] == cost else "as good" if points[by][1] == error else "cheaper and better"
    other = "errs less" if points[by][0] == cost else "costs less" if points[by][1] == error else ""
    text = f"{by} is {kind}{f' and {other}' if other else ''}, so nobody would take {name}."
    return text + (" Better in one of the two is enough, if it is not worse in the other." if other else "")


def throughput_of(seconds: Sequence[float], batch_size: int, warm_up: int) -> float:
    """Images a second by the median of the rounds behind the first `warm_up` ones."""
    return batch_size / torch.tensor(seconds[warm_up:], dtype=torch.float64).quantile(0.5).item()


@feedback.exercise(
    "9.4",
    title="images a second",
    difficulty="warm-up",
    minutes=6,
    hints=(
        "Which rounds count? What is the middle one of them, once they are sorted?",
        "Leave out the first `warm_up`: `seconds[warm_up:]`. `statistics.median` takes the middle, and the mean of the two middle ones "
        "of an even number.",
        "`batch_size / statistics.median(seconds[warm_up:])`",
    ),
    reference=throughput_of,
)
def throughput(answer):
    require_function(answer)
    cases = (
        ([0.9, 0.3, 0.2, 0.8, 0.25, 0.4], 32, 1),
        ([3.0, 1.0, 0.4, 0.1, 0.6, 0.2], 8, 2),
        ([0.5, 0.25, 0.75], 1, 0),
    )
    for seconds, batch_size, warm_up in cases:
        text = f"seconds={seconds}, batch_size={batch_size}, warm_up={warm_up}"
        changed = (
            "Your function changes the list that it gets: `sorted(seconds)` makes a new one, `seconds.sort()` does not."
        )
        got = number_of(called(answer, (seconds, batch_size, warm_up), changed), text)
        want, kept = throughput_of(seconds, batch_size, warm_up), seconds[warm_up:]
        if close(got, want):
            continue
        ordered = sorted(kept)
        other_start = "`seconds[warm_up:]` leaves out the first `warm_up` rounds, no more and no less."
        slips = {
            "The rounds that warm up are in it. Leave the first ones out.": throughput_of(seconds, batch_size, 0),
            "That is the mean: one slow round, in which something else ran, moves it. Take the median.": batch_size * len(kept) / sum(kept),
            "That is the mean of all rounds. Leave the first ones out, and take the median.": batch_size * len(seconds) / sum(seconds),
            "That is the mean of the rounds' speeds. Take the median of the times, then divide.": sum(batch_size / each for each in kept) / len(kept),
            "That is by the fastest round; the median is asked.": batch_size / min(kept),
            "That is seconds an image; images a second are asked.": 1 / want,
            "That is batches a second. Each batch has `batch_size` images.": want / batch_size,
            "That is the median time of a batch.": batch_size / want,
            "The first rounds warm up, not the last ones.": throughput_of(seconds[: len(seconds) - warm_up], batch_size, 0),
            "The list has to be sorted before its middle is taken, or use `statistics.median`.": batch_size / kept[len(kept) // 2],
            "With an even number of rounds the median is the mean of the two middle ones.": batch_size / ordered[len(ordered) // 2],
            "With an even number of rounds the median is the mean of the two in the middle.": batch_size / ordered[(len(ordered) - 1) // 2],
            "Leave the first rounds out before you sort, not the quickest ones after it.": throughput_of(sorted(seconds), batch_size, warm_up),
            other_start: throughput_of(seconds, batch_size, warm_up + 1),
            "Those are the rounds that warm up; the others count.": throughput_of(seconds[:warm_up] or seconds, batch_size, 0),
            "That is the median of the rounds' speeds. Take the median of the times, then divide.": torch.tensor([batch_size / each for each in kept], dtype=torch.float64).quantile(0.5).item(),
            "Divide with `/`: `//` cuts off what is behind the point.": want // 1,
        }  # fmt: skip
        raise Wrong(f"For {text} you find {got:.5g}; {want:.5g} is expected.{named_slip(got, want, slips)}")
    return "Nothing that else runs on the machine can make a round quicker; the median does not care about the few that it made slower."


def _row(name: str, parameters: int, macs: int, top1: float | None) -> Row:
    return Row(name, name, "paper", 299, parameters, macs, 0, 0, top1, None, "made for the check")


CHOICES = (
    ("both budgets count", (("a", 10, 100, 20.0), ("b", 20, 50, 18.0), ("c", 5, 200, 15.0)), (15, 150)),
    ("a network that just fits", (("a", 10, 100, 20.0), ("b", 9, 90, 25.0)), (10, 100)),
    ("an error that is not printed", (("a", 1, 1, None), ("b", 2, 2, 40.0), ("c", 3, 3, None)), (5, 5)),
    ("two that err alike", (("a", 4, 80, 20.0), ("b", 6, 60, 20.0), ("c", 1, 1, 30.0)), (10, 100)),
    ("nothing fits", (("a", 10, 100, 20.0), ("b", 20, 50, 18.0)), (5, 60)),
    ("only one that fits has no error", (("a", 1, 1, None), ("b", 20, 50, 18.0)), (5, 60)),
)


@feedback.exercise(
    "9.5",
    title="a backbone for a budget",
    difficulty="medium",
    minutes=10,
    hints=(
        "First who fits: which three things have to be true of a network? Then who of these errs least?",
        "It has a printed error (`top1 is not None`), and parameters and MACs are at most the budget. `min` with `key=` takes the best; a pair "
        "as the key decides between equals.",
        "`fits = [n for n in networks if n.top1 is not None and n.parameters <= max_parameters and n.macs <= max_macs]`; then "
        "`min(fits, key=lambda n: (n.top1, n.macs)).name if fits else None`.",
    ),
    reference=choose_of,
)
def choose(answer):
    require_function(answer)
    for title, given, (max_parameters, max_macs) in CHOICES:
        networks = tuple(_row(*each) for each in given)
        for turned in (networks, networks[::-1]):
            want = choose_of(turned, max_parameters, max_macs)
            listed = "; ".join(f"{n.name}: {n.parameters} parameters, {n.macs} MACs, error {n.top1}" for n in turned)
            case = f"{title} ({listed}; budgets {max_parameters} and {max_macs})"
            try:
                got = answer(turned, max_parameters, max_macs)
            except TypeError as error:
                if "NoneType" in str(error) and any(n.top1 is None for n in turned):
                    raise Wrong(
                        f"For {case} your code compares None with a number. Leave out who has no printed error."
                    ) from None
                raise
            except ValueError as error:
                if want is None and "empty" in str(error):
                    raise Wrong(
                        f"For {case} `min` gets nothing to choose from. Give back None where no network fits."
                    ) from None
                raise
            if got == want:
                continue
            if isinstance(got, Row):
                raise Wrong(f"For {case} your function gives back the network itself; its name is asked: `.name`.")
            by_name = {n.name: n for n in turned}
            raise Wrong(
                f"For {case} you choose {got!r}; {want!r} is right. {_about_choice(got, want, by_name, max_parameters, max_macs)}"
            )
    return "Budget first, error next, cost last. The front shows all such choices at once."


def _about_choice(got: object, want: object, by_name: Mapping[str, Row], max_parameters: float, max_macs: float) -> str:
    mine = by_name.get(got)
    if mine is None:
        if want is not None and by_name[want].parameters == max_parameters:
            return "What costs exactly the budget still fits."
        return "Somebody fits." if want is not None else "No network fits, so None is asked."
    if mine.top1 is None:
        return "Nothing is known of its error."
    if mine.parameters > max_parameters:
        return "It has more parameters than the budget allows."
    if mine.macs > max_macs:
        return "It takes more multiply-adds than the budget allows."
    if want is not None and mine.top1 == by_name[want].top1:
        return "Both err alike; the one with fewer multiply-adds is asked."
    at_limit = want is not None and by_name[want].parameters == max_parameters
    return f"{want} errs less{', and what costs exactly the budget still fits' if at_limit else ''}."


@feedback.exercise(
    "9.6",
    title="a frozen trunk",
    difficulty="hard",
    minutes=14,
    hints=(
        "Three things: no gradients for what was trained, a new classifier, and a trunk whose batch normalisation stays as it is. Which "
        "calls of `train` would undo the third?",
        "`net.requires_grad_(False)` before the new `nn.Linear(net.classifier.in_features, classes)`, whose parameters are trained. Before each step "
        "the training calls `train()`, which puts every layer into training mode: write a `train` that puts the trunk back.",
        "`def train(self, mode=True): super().train(mode); self.net.eval(); return self`",
    ),
    reference=FrozenTrunk,
)
def frozen_trunk(answer):
    if isinstance(answer, nn.Module):
        raise Wrong("Hand over the class, without building it: `check.frozen_trunk(MyFrozen)`.")
    if not callable(answer):
        raise Wrong(f"Hand over the class itself. This is {article(answer)}.")
    for name, classes in (("bn_inception", 3), ("xception", 5)):  # the second has dropout
        _examine(answer, name, classes)
    return "Only the classifier learns, and the trunk sees each image as it did before."


def _trunk(name: str) -> nn.Module:
    """A small trained network: statistics that differ from those of the next batch."""
    torch.manual_seed(1)
    net = create(name, size="mini", num_classes=7, width=0.5)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return net


def _examine(answer: object, name: str, classes: int) -> None:
    with torch.random.fork_rng(devices=[]):
        original = _trunk(name)
        draws = torch.Generator().manual_seed(2)
        images = 2 * torch.randn(6, 3, 16, 16, generator=draws) + 1
        given = copy.deepcopy(original).train()
        mine = answer(given, classes)
        if not isinstance(mine, nn.Module):
            raise Wrong(f"Your class gives {article(mine)}; an nn.Module is needed.")
        if list(inspect.signature(mine.train).parameters) == []:
            raise Wrong("torch calls `train(mode)`, with True or False: write `def train(self, mode=True)`.")
        if mine.train() is not mine:
            raise Wrong(
                "Your `train` gives back something else than the module. As in torch, it ends with `return self`."
            )
        on = [each for each, part in mine.eval().named_modules() if part.training]
        mine.train()
        if on:
            which = f"`{on[0]}`" if on[0] else "the module itself"
            raise Wrong(f"After `eval()`, which calls `train(False)`, {which} is in training mode: hand `mode` on.")
        out = mine(images)
        if not isinstance(out, torch.Tensor) or tuple(out.shape) != (6, classes):
            shape = tuple(out.shape) if isinstance(out, torch.Tensor) else article(out)
            raise Wrong(
                f"For 6 images and classes={classes} your module gives {shape}; (6, {classes}) is expected. Is the classifier new?"
            )
        _trained_parameters(mine, original, classes)
        before = _trunk_state(mine, classes)
        _statistics(mine, images, before, classes)
        _outputs(mine, original, images, classes)
        _step(mine, images, classes)


def _trained_parameters(mine: nn.Module, original: nn.Module, classes: int) -> None:
    features = original.classifier.in_features
    trained = [tuple(each.shape) for each in mine.parameters() if each.requires_grad]
    if not trained:
        raise Wrong(
            "No parameter is trained. The new classifier has to be made *after* the gradients are switched off."
        )
    if sorted(trained) == sorted([(classes, features), (classes,)]):
        return
    frozen = {tuple(each.shape) for each in mine.parameters() if not each.requires_grad}
    if not frozen:
        raise Wrong(
            "Every parameter is trained. Switch the gradients of the given network off: `net.requires_grad_(False)`."
        )
    if all(len(shape) == 1 for shape in set(trained) - {(classes, features)}):
        raise Wrong(
            f"{len(trained)} tensors are trained; only the classifier's weight and bias should be. Batch normalisation has a weight and a bias, "
            "too."
        )
    raise Wrong(
        f"{len(trained)} tensors are trained; only the classifier's weight, {(classes, features)}, and its bias should be."
    )


def _trunk_state(mine: nn.Module, classes: int) -> dict[str, torch.Tensor]:
    trained = {name for name, each in mine.named_parameters() if each.requires_grad}
    return {name: each.clone() for name, each in mine.state_dict().items() if name not in trained}


def _changed(mine: nn.Module, before: Mapping[str, torch.Tensor]) -> list[str]:
    now = mine.state_dict()
    return [name for name, each in before.items() if not torch.equal(now[name], each)]


def _statistics(mine: nn.Module, images: torch.Tensor, before: Mapping[str, torch.Tensor], classes: int) -> None:
    for round_number in (1, 2):
        mine.eval()
        mine.train()
        mine(images)
        changed = _changed(mine, before)
        if changed:
            again = " the second time" if round_number == 2 else ""
            raise Wrong(
                f"After `train()` and one batch{again} {changed[0]} has changed: batch normalisation collects new statistics although no "
                "parameter of it is trained. Put the trunk into evaluation mode, and see that `train()` leaves it there."
            )


def _outputs(mine: nn.Module, original: nn.Module, images: torch.Tensor, classes: int) -> None:
    mine.train()
    linear = next(
        (each for each in mine.modules() if isinstance(each, nn.Linear) and each.out_features == classes and each.weight.requires_grad), None
    )  # fmt: skip
    if linear is None:
        raise Wrong(f"There is no trained `nn.Linear` with {classes} outputs in your module.")
    reference = copy.deepcopy(original).eval()
    reference.classifier = copy.deepcopy(linear)
    with torch.no_grad():
        want, in_training = reference(images), mine(images)
        in_evaluation = mine.eval()(images)
    mine.train()
    if not close(in_evaluation, want):
        raise Wrong(
            "In evaluation mode your module computes something else than the given network with your classifier. Are its weights "
            "new, or is something done to its outputs? It puts out scores, before any softmax."
        )
    if not close(in_training, want) and not any(m.training for m in mine.modules() if isinstance(m, nn.BatchNorm2d)):
        raise Wrong(
            "In a network with dropout your module computes something else in training mode than in evaluation mode: its batch normalisation is in evaluation "
            "mode, but dropout is on. Put the whole trunk into evaluation mode."
        )
    if not close(in_training, want):
        raise Wrong(
            "In training mode your module computes something else than in evaluation mode: the trunk's batch normalisation uses the statistics "
            "of each batch. Put the trunk into evaluation mode, and see that `train()` leaves it there."
        )


def _step(mine: nn.Module, images: torch.Tensor, classes: int) -> None:
    mine.train()
    before = _trunk_state(mine, classes)
    optimizer = torch.optim.SGD(mine.parameters(), lr=0.1)
    loss = nn.functional.cross_entropy(mine(images), torch.arange(len(images)) % classes)
    if not loss.requires_grad:
        raise Wrong("No gradient comes out of your module. Only the trunk does without; the classifier has to learn.")
    loss.backward()
    if any(each.grad is None or not each.grad.abs().sum() for each in mine.parameters() if each.requires_grad):
        raise Wrong("The new classifier gets no gradient.")
    optimizer.step()
    if changed := _changed(mine, before):
        raise Wrong(f"After a step of training {changed[0]} has changed; only the classifier should.")


def for_processes_of(batch_size: int, learning_rate: float, processes: int, grows: bool) -> tuple[int, float]:
    """(images a step in each process, learning rate).

    Raises:
        ValueError: a batch that stays as large cannot be dealt out evenly.
    """
    if grows:
        return batch_size, learning_rate * processes
    if batch_size % processes:
        raise ValueError(f"batch_size is {batch_size}; it must be a multiple of {processes}.")
    return batch_size // processes, learning_rate


@feedback.exercise(
    "9.7",
    title="one recipe, several processes",
    difficulty="medium",
    minutes=7,
    hints=(
        "How many images does one step see in all, if the batch stays as large? And if each process keeps a whole batch?",
        "As large: each process takes `batch_size // processes`, and the step is the same step, with the same rate. If it grows: each process has "
        "`batch_size`, a step sees `processes` times as many, and there are fewer steps, so the rate grows with them.",
        "`if grows: return batch_size, learning_rate * processes`; else raise a ValueError if `batch_size % processes`, and "
        "`return batch_size // processes, learning_rate`.",
    ),
    reference=for_processes_of,
)
def for_processes(answer):
    require_function(answer)
    for case in (
        (64, 0.1, 2, False),
        (64, 0.1, 2, True),
        (96, 0.045, 8, False),
        (32, 0.045, 50, True),
        (32, 0.5, 1, False),
    ):
        batch_size, rate, processes, grows = case
        text = f"batch_size={batch_size}, learning_rate={rate}, processes={processes}, grows={grows}"
        try:
            got = answer(*case)
        except ValueError as error:
            if not grows:
                raise
            raise Wrong(
                f"For {text} your function raises a ValueError ({error}). With `grows` nothing is dealt out, so any number of processes fits."
            ) from None
        got = _several(got, 2, text, "images in each process, learning rate")
        want = for_processes_of(*case)
        slips = {
            "With `grows` each process keeps a whole batch.": batch_size / processes,
            "Each process takes its part of the batch.": batch_size,
            "That is what all processes see together; the images of one are asked.": batch_size * processes,
        }
        expect(got[0], want[0], f"For {text} you give each process {got[0]:g} images; {want[0]} are expected.", slips)
        if not isinstance(got[0], int) and got[0] != int(got[0]):
            raise Wrong(f"For {text} a whole number of images is needed: divide with `//`.")
        falls = (
            "The rate grows with the batch; it does not fall."
            if grows
            else "The batch of a step stays as large as it was, and so does the rate."
        )
        slips = {
            "A step sees `processes` times as many images, and the linear rule lets the rate grow as much.": rate,
            "The step is the same as in one process, so its rate is the same.": rate * processes,
            falls: rate / processes,
            "That is the square root rule; the linear one is asked.": rate * processes**0.5,
        }
        expect(got[1], want[1], f"For {text} your learning rate is {got[1]:.5g}; {want[1]:.5g} is expected.", slips)
    for batch_size, processes in ((64, 3), (10, 4)):
        try:
            got = answer(batch_size, 0.1, processes, False)
        except ValueError:
            continue
        except AssertionError:
            raise Wrong(
                f"{batch_size} images cannot be dealt out evenly to {processes} processes: your function stops with an `assert`. Raise a "
                "ValueError, as `raise ValueError(...)`: asserts can be switched off."
            ) from None
        raise Wrong(
            f"{batch_size} images cannot be dealt out evenly to {processes} processes, and your function gives back {got!r}. Raise a ValueError "
            "that says so."
        )
    return (
        "This course's recipes count all processes together: the first way. Papers with many GPUs often go the second."
    )
