"""What lesson 05 answers to its exercises."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons.label_smoothing import smoothing, steps
from utils.calibration import expected_calibration_error
from utils.feedback import Feedback, Wrong, article

feedback = Feedback("label_smoothing", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

Slips = Mapping[str, object]  # what a slip gives, by the sentence that names the slip


def _function(answer: object) -> None:
    if not callable(answer):
        raise Wrong(f"Hand over the function itself, without calling it. This is {article(answer)}.")


def _draws(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _number(got: object, case: str) -> float:
    """The learner's result as a number, or a sentence about what it is instead."""
    if got is None:
        raise Wrong(f"For {case} your function gives back nothing. Is the `return` missing?")
    if isinstance(got, Tensor):
        if got.numel() != 1:
            raise Wrong(
                f"For {case} your function gives back a tensor of shape {tuple(got.shape)}; one number is needed."
            )
        return got.item()
    try:
        return float(got)
    except (TypeError, ValueError):
        raise Wrong(f"For {case} your function gives back {article(got)}; one number is needed.") from None


def _tensor(got: object, case: str, shape: Sequence[int]) -> Tensor:
    """The learner's result as a tensor of this shape, or a sentence about what it is instead."""
    if got is None:
        raise Wrong(f"For {case} your function gives back nothing. Is the `return` missing?")
    if not isinstance(got, Tensor):
        raise Wrong(f"For {case} your function gives back {article(got)}; a tensor is needed.")
    if tuple(got.shape) != tuple(shape):
        raise Wrong(f"For {case} your tensor has shape {tuple(got.shape)}; {tuple(shape)} is expected.")
    return got.detach()


def _tensors(got: object, case: str, like: Sequence[Tensor], what: str) -> list[Tensor]:
    """The learner's result as a list of tensors of these shapes, or a sentence about what it is instead."""
    if got is None:
        raise Wrong(f"For {case} your function gives back nothing. Is the `return` missing?")
    if isinstance(got, Tensor) or not isinstance(got, Sequence):
        raise Wrong(f"For {case} your function gives back {article(got)}; {what} are needed.")
    if len(got) != len(like):
        raise Wrong(f"For {case} your function gives back {len(got)} things; {what} are needed.")
    return [_tensor(each, case, other.shape) for each, other in zip(got, like, strict=True)]


def _close(mine: object, theirs: object) -> bool:
    mine, theirs = torch.as_tensor(mine, dtype=torch.float64), torch.as_tensor(theirs, dtype=torch.float64)
    return mine.shape == theirs.shape and torch.allclose(mine, theirs, rtol=2e-4, atol=1e-6)


def _named(got: object, want: object, slips: Slips) -> str:
    """The sentence of the slip that gives what the learner got, where one does and gives something else than is right."""
    return next((f" {text}" for text, value in slips.items() if _close(got, value) and not _close(value, want)), "")


# The loss and its targets.

_TWICE = (
    "That is what comes out when softmax is applied twice: `log_softmax` takes the logits themselves, as does "
    "torch's own loss."
)
_SUMMED = "That is the sum over the images: take their mean."
_ALL_MEAN = "You take the mean over images and classes: sum over the classes, and take the mean over the images only."
_SIGN = "The sign is wrong: the logarithm of a probability is negative, and the loss is not."
_LOG2 = "That is in bits. A nat is the unit here: take the natural logarithm."


def _loss_cases() -> list[tuple[str, Tensor, Tensor]]:
    draws = _draws(0)
    cases = []
    for images, classes in ((6, 4), (5, 10), (3, 2)):
        logits = 2 * torch.randn(images, classes, generator=draws)
        labels = torch.randint(classes, (images,), generator=draws)
        cases.append((f"logits of {images} images and {classes} classes", logits, labels))
    return cases


def _run_loss(answer: Callable[..., object], case: str, logits: Tensor, labels: Tensor, *more: object) -> float:
    got = answer(logits.clone(), labels.clone(), *more)
    if isinstance(got, Tensor) and tuple(got.shape) == (len(labels),):
        raise Wrong(f"For {case} you give back one loss an image: give back their mean.")
    return _number(got, case)


def _large_logits(answer: Callable[..., object], *more: object) -> None:
    logits, labels = torch.tensor([[1000.0, 0.0, -500.0]]), torch.tensor([1])
    want = F.cross_entropy(logits, labels, label_smoothing=more[0] if more else 0.0).item()
    case = "logits of 1000, 0 and −500"
    got = _run_loss(answer, case, logits, labels, *more)
    if not math.isfinite(got):
        raise Wrong(
            f"For {case} you find {got}; {want:.1f} is expected. The exponential of 1000 is too large for a computer: subtract "
            "the largest logit first, which changes no probability, and never take the logarithm of a softmax."
        )
    if not _close(got, want):
        raise Wrong(f"For {case} you find {got:.4f}; {want:.1f} is expected.")


@feedback.exercise(
    "5.1",
    title="cross-entropy from logits",
    difficulty="worked",
    minutes=3,
    hints=(
        "The loss of one image is minus the logarithm of the probability that the network gives to the right class.",
        "The logarithm of a softmax is the logit minus the logarithm of the sum of all exponentials.",
        "Subtract the largest logit of each image first: the probabilities stay the same, and no exponential overflows.",
    ),
    reference=F.cross_entropy,
)
def cross_entropy(answer):
    _function(answer)
    for case, logits, labels in _loss_cases():
        got, want = _run_loss(answer, case, logits, labels), F.cross_entropy(logits, labels).item()
        if _close(got, want):
            continue
        slips = {
            _TWICE: F.cross_entropy(logits.softmax(dim=1), labels).item(),
            _SUMMED: F.cross_entropy(logits, labels, reduction="sum").item(),
            _SIGN: -want,
            _LOG2: want / math.log(2),
            "You add up the logarithms of all classes; only the right class's counts.": (
                -logits.log_softmax(dim=1).sum(dim=1).mean().item()
            ),
            "You average the logarithms of all classes; only the right class's counts.": -logits.log_softmax(dim=1)
            .mean()
            .item(),
            "The logarithm is missing.": -logits.softmax(dim=1)[torch.arange(len(labels)), labels].mean().item(),
        }
        raise Wrong(f"For {case} you find {got:.4f}; {want:.4f} nats are expected.{_named(got, want, slips)}")
    _large_logits(answer)
    return "It agrees with torch's own, also where a plain softmax would overflow."


def _spread(labels: Tensor, classes: int, right: float, other: float) -> Tensor:
    """Targets with these two values, whatever they sum to."""
    return torch.full((len(labels), classes), other).scatter(1, labels[:, None], right)


@feedback.exercise(
    "5.2",
    title="the smoothed target",
    difficulty="warm-up",
    minutes=5,
    hints=(
        "Start from the target without smoothing: `torch.nn.functional.one_hot(labels, classes)` has a 1 at each label.",
        "Over all classes: (1 − ε) times that, plus ε / K everywhere, at the right class too.",
        "`hard = torch.nn.functional.one_hot(labels, classes).float()`, then "
        "`hard * (1 - epsilon) + (1 - hard) * epsilon / (classes - 1)` for the others only, and "
        "`hard * (1 - epsilon) + epsilon / classes` for all.",
    ),
    reference=smoothing.smoothed_targets,
)
def smoothed_targets(answer):
    _function(answer)
    for classes, epsilon, others_only in (
        (4, 0.0, False), (4, 0.2, False), (10, 0.1, False), (4, 0.2, True), (10, 0.3, True), (2, 0.1, True),
    ):  # fmt: skip
        labels = torch.tensor([1, 0, classes - 1])
        case = f"labels {labels.tolist()}, {classes} classes, epsilon {epsilon}"
        form = "over the others only" if others_only else "over all classes"
        got = answer(labels, classes, epsilon, True) if others_only else answer(labels, classes, epsilon)
        if isinstance(got, Tensor) and tuple(got.shape) == (classes, 3) != (3, classes):
            raise Wrong(
                f"For {case} your tensor has shape ({classes}, 3): one row an image is expected, (3, {classes})."
            )
        got = _tensor(got, case, (3, classes)).double()
        want = smoothing.smoothed_targets(labels, classes, epsilon, others_only)
        if _close(got, want):
            continue
        slips = _target_slips(labels, classes, epsilon, others_only)
        found = _named(got, want, slips)
        if not found and not _close(got.sum(dim=1), torch.ones(3)):
            found = f" A row of yours sums to {got[0].sum().item():.3f}, and a target is a distribution: it sums to 1."
        rows = f"the first row is {_row(got[0])}; {_row(want[0])} is expected, {form}"
        raise Wrong(f"For {case} {rows}.{found}")
    return "Each row sums to 1, in both forms."


def _target_slips(labels: Tensor, classes: int, epsilon: float, others_only: bool) -> Slips:
    all_share, other_share = epsilon / classes, epsilon / (classes - 1)
    slips = {
        "Every class gets the whole of ε: divide it among them.": _spread(labels, classes, 1.0, epsilon),
        "Each of the others gets the whole of ε: divide it among them.": _spread(labels, classes, 1 - epsilon, epsilon),
    }
    if others_only:
        return slips | {
            "That is the target over all K classes: `others_only` changes nothing.": (
                _spread(labels, classes, 1 - epsilon + all_share, all_share)
            ),
            "There are K − 1 others: divide ε among so many.": _spread(labels, classes, 1 - epsilon, all_share),
            "The right class keeps 1 − ε and gets no share.": _spread(
                labels, classes, 1 - epsilon + other_share, other_share
            ),
            "ε and 1 − ε have changed places.": _spread(labels, classes, epsilon, (1 - epsilon) / (classes - 1)),
        }
    even = (1 - epsilon) / classes
    return slips | {
        "The right class is one of the classes and gets its share ε / K, too.": _spread(
            labels, classes, 1 - epsilon, all_share
        ),
        "That spreads ε over the K − 1 others; here it goes over all K classes.": _spread(
            labels, classes, 1 - epsilon, other_share
        ),
        "The right class's hard target shrinks to 1 − ε before it gets its share.": _spread(
            labels, classes, 1 + all_share, all_share
        ),
        "ε and 1 − ε have changed places.": _spread(labels, classes, epsilon + even, even),
    }


def _row(values: Tensor) -> str:
    shown = ", ".join(f"{value:.4g}" for value in values[:4])
    return f"[{shown}{', …' if len(values) > 4 else ''}]"


@feedback.exercise(
    "5.3",
    title="the smoothed loss",
    difficulty="medium",
    minutes=5,
    hints=(
        "Cross-entropy with a target that is a distribution: minus the sum over the classes of target times log-probability.",
        "`logits.log_softmax(dim=1)` gives the log-probabilities, (N, K). The targets of 5.2 have the same shape.",
        "`targets = smoothed_targets(labels, logits.shape[1], epsilon)`, and "
        "`return -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()`",
    ),
    reference=smoothing.smoothed_cross_entropy,
)
def smoothed_loss(answer):
    _function(answer)
    for case, logits, labels in _loss_cases():
        for epsilon in (0.1, 0.0, 0.4):
            text, classes = f"{case}, epsilon {epsilon}", logits.shape[1]
            got = _run_loss(answer, text, logits, labels, epsilon)
            want = F.cross_entropy(logits, labels, label_smoothing=epsilon).item()
            if _close(got, want):
                continue
            targets = smoothing.smoothed_targets(labels, classes, epsilon)
            log_p = logits.log_softmax(dim=1)
            slips = {
                _TWICE: F.cross_entropy(logits.softmax(dim=1), labels, label_smoothing=epsilon).item(),
                "The logarithm is missing: that is the softmax itself, weighted by the targets.": (
                    -(targets * log_p.exp()).sum(dim=1).mean().item()
                ),
                _SUMMED: want * len(labels),
                _ALL_MEAN: want / classes,
                _SIGN: -want,
                _LOG2: want / math.log(2),
                "That is the loss with hard targets: epsilon changes nothing.": F.cross_entropy(logits, labels).item(),
                "That spreads ε over the K − 1 others; here it goes over all K classes.": (
                    smoothing.smoothed_cross_entropy(logits, labels, epsilon, True).item()
                ),
                "That is the Kullback-Leibler divergence: the target's own entropy is taken off.": (
                    F.kl_div(log_p, targets, reduction="batchmean").item()
                ),
                "The right class's share ε / K is missing in the target.": (
                    -(_spread(labels, classes, 1 - epsilon, epsilon / classes) * log_p).sum(dim=1).mean().item()
                ),
            }
            raise Wrong(f"For {text} you find {got:.4f}; {want:.4f} is expected.{_named(got, want, slips)}")
    _large_logits(answer, 0.1)
    _same_slopes(answer)
    return "It agrees with torch's `label_smoothing`, in value and in slope."


def _same_slopes(answer: Callable[..., object]) -> None:
    case, logits, labels = _loss_cases()[0]
    mine, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = answer(mine, labels, 0.1)
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        raise Wrong(
            "The value is right, but no gradient comes back through it, so nothing can be trained with it: give back a tensor, "
            "without `item`, `detach` or `no_grad` on the way."
        )
    loss.backward()
    F.cross_entropy(theirs, labels, label_smoothing=0.1).backward()
    if mine.grad is None or not _close(mine.grad, theirs.grad):
        raise Wrong(f"For {case} the value is right and the slope along the logits is not: is a part of it detached?")


@feedback.exercise(
    "5.4",
    title="where the loss is smallest",
    difficulty="hard",
    minutes=8,
    hints=(
        "The loss is smallest where softmax and target are equal. Write down what the target is for the right class, and "
        "for one of the others.",
        "The softmax of the right class over that of another is the exponential of the difference of their logits. So the "
        "difference is the logarithm of the two targets' ratio.",
        "Over all: log of (1 − ε + ε/K) over ε/K. Over the others: log of (1 − ε) over ε/(K − 1). `math.log` is the natural "
        "logarithm.",
    ),
    reference=smoothing.best_lead,
)
def best_lead(answer):
    _function(answer)
    for epsilon, classes, others_only in (
        (0.1, 10, False), (0.1, 1000, False), (0.3, 4, False), (0.1, 10, True), (0.2, 1000, True), (0.3, 2, True),
    ):  # fmt: skip
        form = "over the others only" if others_only else "over all classes"
        case = f"epsilon {epsilon}, {classes} classes, {form},"
        got = _number(answer(epsilon, classes, True) if others_only else answer(epsilon, classes), case)
        want = smoothing.best_lead(epsilon, classes, others_only)
        if _close(got, want):
            continue
        right, other = smoothing.target_values(epsilon, classes, others_only)
        slips = {
            "That is the lead for targets over the others only; `others_only` is False.": (
                want if others_only else smoothing.best_lead(epsilon, classes, True)
            ),
            "That is the lead for targets over all classes: `others_only` changes nothing.": (
                smoothing.best_lead(epsilon, classes) if others_only else want
            ),
            "It has the wrong sign: the right logit lies above the others.": -want,
            "That is the logarithm to the base 2: softmax is made of powers of e, so take the natural one.": want
            / math.log(2),
            "That is the logarithm to the base 10: softmax is made of powers of e, so take the natural one.": want
            / math.log(10),
            "The right class's share ε / K is missing in its target.": (
                want if others_only else math.log((1 - epsilon) / (epsilon / classes))
            ),
            "That is the ratio of the two targets: the logits differ by its logarithm.": right / other,
            "That is the right class's target: a probability, not a difference of logits.": right,
            "That is the logarithm of the right class's target alone: the others' logits count as well.": math.log(
                right
            ),
            "That is the logarithm of the odds, right against all others together; here it is against one other.": (
                math.log(right / (1 - right))
            ),
        }
        raise Wrong(f"For {case} you find {got:.4f}; {want:.4f} is expected.{_named(got, want, slips)}")
    return "The next cell looks for the same leads by gradient descent, without your formula."


# The recipe.

_PARTS = ("the weight", "the mean square", "the step")


@feedback.exercise(
    "5.5",
    title="one step of RMSProp",
    difficulty="medium",
    minutes=8,
    hints=(
        "Three lines: the mean square follows the squared gradient; the root is made of the *new* mean square; the step keeps "
        "a part of the last one.",
        "`mean_square = decay * mean_square + (1 - decay) * gradient**2`. Inside: `(mean_square + epsilon).sqrt()`, outside: "
        "`mean_square.sqrt() + epsilon`.",
        "`step = momentum * step + rate * gradient / root`, and `return weight - step, mean_square, step`",
    ),
    reference=steps.rmsprop_step,
)
def rmsprop_step(answer):
    _function(answer)
    draws = _draws(0)
    weight, gradient, step = (torch.randn(3, 2, generator=draws, dtype=torch.float64) for _ in range(3))
    mean_square = torch.rand(3, 2, generator=draws, dtype=torch.float64)
    state = weight, gradient, mean_square, step
    for inside, epsilon, momentum in (
        (True, 1.0, 0.0),
        (True, 1.0, 0.7),
        (False, 1.0, 0.7),
        (False, 0.01, 0.7),
        (True, 0.01, 0.7),
    ):
        settings = (0.05, epsilon, inside, 0.8, momentum)
        place = "inside" if inside else "outside"
        case = f"rate=0.05, epsilon={epsilon}, inside={inside}, decay=0.8, momentum={momentum}"
        got = answer(*(each.clone() for each in state), *settings)
        got = _tensors(got, case, state[:3], "three tensors, weight, mean square and step,")
        want = steps.rmsprop_step(*state, *settings)
        if all(map(_close, got, want)):
            continue
        orders = [
            order
            for order in ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
            if all(_close(got[i], want[j]) for i, j in enumerate(order))
        ]
        if orders:
            raise Wrong(f"For {case} all three are right, in another order: give back weight, mean square, step.")
        # The mean square first: a slip in it shows in all three.
        for part in (1, 2, 0):
            if not _close(got[part], want[part]):
                break
        found = _named(got[part], want[part], _rmsprop_slips(state, settings)[part])
        mine, theirs = got[part].flatten()[0].item(), want[part].flatten()[0].item()
        raise Wrong(
            f"For {case} (ε {place} the root) {_PARTS[part]} is {mine:.4f} where {theirs:.4f} is expected.{found}"
        )
    return "Both forms are right, with and without momentum."


def _rmsprop_slips(state: tuple[Tensor, ...], settings: tuple) -> tuple[Slips, Slips, Slips]:
    """What known slips make of the weight, the mean square and the step."""
    weight, gradient, mean_square, step = state
    rate, epsilon, inside, decay, momentum = settings
    new_square = decay * mean_square + (1 - decay) * gradient**2

    def root(square: Tensor, is_inside: bool = inside) -> Tensor:
        return (square + epsilon).sqrt() if is_inside else square.sqrt() + epsilon

    of_square = {
        "The decay stands on the wrong side: it is the share of the *old* mean square that is kept.": (
            (1 - decay) * mean_square + decay * gradient**2
        ),
        "The gradient is not squared.": decay * mean_square + (1 - decay) * gradient,
        "The squared gradient is added whole: its share is 1 − decay.": decay * mean_square + gradient**2,
        "It has not changed.": mean_square,
    }
    moved = momentum * step + rate * gradient / root(new_square)
    of_step = {
        "ε stands on the other side of the root.": momentum * step + rate * gradient / root(new_square, not inside),
        "You divide by the root of the *old* mean square: update it first.": momentum * step
        + rate * gradient / root(mean_square),
        "The root is missing: you divide by the mean square itself.": momentum * step
        + rate * gradient / (new_square + epsilon),
        "ε is missing.": momentum * step + rate * gradient / new_square.sqrt(),
        "Momentum is left out: the step keeps a part of the last one.": rate * gradient / root(new_square),
        "The new part gets its whole weight, not 1 − momentum.": momentum * step
        + (1 - momentum) * rate * gradient / root(new_square),
        "The learning rate belongs into the step, which is what is taken from the weight.": momentum * step
        + gradient / root(new_square),
    }
    of_weight = {
        "The step is taken *from* the weight: downhill is against the gradient.": weight + moved,
        "You take the step without its momentum from the weight.": weight - rate * gradient / root(new_square),
        "The learning rate stands in the step already: take the step from the weight as it is.": weight - rate * moved,
    }
    return of_weight, of_square, of_step


@feedback.exercise(
    "5.6",
    title="the moving average of the weights",
    difficulty="warm-up",
    minutes=4,
    hints=(
        "Go through both lists together: one tensor of the average, one of the weights.",
        "A decay near 1 keeps nearly all of the old average: `decay` is the average's share.",
        "`return [decay * old + (1 - decay) * new for old, new in zip(average, weights)]`",
    ),
    reference=steps.moved_average,
)
def moved_average(answer):
    _function(answer)
    draws = _draws(0)
    for decay in (0.9, 0.5, 0.999):
        average = [torch.randn(shape, generator=draws) for shape in ((2, 3), (4,))]
        weights = [torch.randn(shape, generator=draws) for shape in ((2, 3), (4,))]
        given = [each.clone() for each in weights]
        case = f"decay={decay} and two tensors"
        got = _tensors(answer([each.clone() for each in average], given, decay), case, weights, "two tensors in a list")
        want = steps.moved_average(average, weights, decay)
        if not all(map(_close, given, weights)):
            raise Wrong(
                f"For {case} your function changes the weights themselves: the network that trains goes on with those."
            )
        if all(map(_close, got, want)):
            continue
        mine, theirs = (torch.cat([each.flatten() for each in parts]) for parts in (got, want))
        before, now = (torch.cat([each.flatten() for each in parts]) for parts in (average, weights))
        slips = {
            "The decay stands on the wrong side: it is the share of the *old* average that is kept.": (1 - decay)
            * before
            + decay * now,
            "The weights are added whole: their share is 1 − decay.": decay * before + now,
            "Those are the weights: nothing of the old average is kept.": now,
            "That is the old average: it has not moved.": before,
            "The old average stays whole: its share is the decay.": before + (1 - decay) * now,
        }
        number = f"{mine[0].item():.4f} where {theirs[0].item():.4f} is expected"
        raise Wrong(f"For {case} the first number is {number}.{_named(mine, theirs, slips)}")
    return "Further down you see what it does to a weight that trembles."


@feedback.exercise(
    "5.7",
    title="clipping all gradients together",
    difficulty="medium",
    minutes=6,
    hints=(
        "The gradients of all layers are one long vector. Its length is the root of the sum of all squares.",
        "One factor for all of them: the longest allowed over the length, where that is below 1. A shorter gradient stays as "
        "it is.",
        "`length = sum((g**2).sum() for g in gradients).sqrt()`, then "
        "`factor = longest / length if length > longest else 1.0`, and `return [g * factor for g in gradients]`",
    ),
    reference=steps.clip_together,
)
def clip_together(answer):
    _function(answer)
    draws = _draws(0)
    gradients = [torch.randn(shape, generator=draws) for shape in ((3, 4), (5,), (2, 2, 2))]
    for scale, words in ((1.0, "a long gradient"), (0.1, "a short gradient"), (0.0, "a gradient of zeros")):
        scaled = [scale * each for each in gradients]
        length = torch.cat([each.flatten() for each in scaled]).norm().item()
        case = f"{words} (three tensors, together of length {length:.2f}) and longest=2"
        got = _tensors(answer([each.clone() for each in scaled], 2.0), case, scaled, "three tensors in a list")
        want = steps.clip_together(scaled, 2.0)
        if all(map(_close, got, want)):
            continue
        mine, theirs = (torch.cat([each.flatten() for each in parts]) for parts in (got, want))
        if scale == 0 and not mine.isfinite().all():
            raise Wrong(
                f"For {case} you give back nan: nothing may be divided by a length of 0. Scale only what is too long."
            )
        raise Wrong(
            f"For {case} yours has length {mine.norm().item():.3f}; {theirs.norm().item():.3f} is expected."
            f"{_named(mine, theirs, _clip_slips(scaled, length))}"
        )
    return "It gives what torch's `clip_grad_norm_` gives, and leaves short gradients alone."


def _clip_slips(gradients: Sequence[Tensor], length: float) -> Slips:
    def joined(parts) -> Tensor:
        return torch.cat([each.flatten() for each in parts])

    lengths = [each.norm().item() or 1.0 for each in gradients]
    whole = joined(gradients)
    return {
        "Each tensor is cut to that length by itself, which turns the direction: use one factor for all of them.": joined(
            each * min(1.0, 2 / own) for each, own in zip(gradients, lengths, strict=True)
        ),
        "Each number is cut by itself, which turns the direction: use one factor for all of them.": whole.clamp(-2, 2),
        "A gradient that is short enough is scaled up: it must stay as it is.": whole * (2 / length if length else 1.0),
        "The length is the root of the sum of squares; you add up the tensors' lengths.": whole
        * min(1.0, 2 / sum(lengths)),
        "You take the longest tensor's length; all of them together are longer.": whole * min(1.0, 2 / max(lengths)),
        "The root is missing: the sum of squares is the length squared.": whole * min(1.0, 2 / max(length**2, 1e-9)),
        "Nothing is cut.": whole,
    }


def _calibration_cases() -> list[tuple[str, Tensor, Tensor, int]]:
    """(case, probabilities, labels, bins); no confidence lies on the edge between two bins, except at 1."""
    by_hand = torch.tensor(
        [[0.93, 0.05, 0.02], [0.88, 0.07, 0.05], [0.07, 0.91, 0.02], [0.3, 0.13, 0.57], [0.26, 0.42, 0.32]]
    )
    sure = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.63, 0.37]])
    draws = _draws(3)
    many = (2.5 * torch.randn(300, 5, generator=draws)).softmax(dim=1)
    labels = torch.where(
        torch.rand(300, generator=draws) < 0.6, many.argmax(dim=1), torch.randint(5, (300,), generator=draws)
    )
    return [
        ("five images in 4 bins", by_hand, torch.tensor([0, 1, 1, 2, 1]), 4),
        ("four images in 10 bins, three of them with confidence 1", sure, torch.tensor([0, 1, 1, 1]), 10),
        ("300 images in 15 bins", many, labels, 15),
    ]


@feedback.exercise(
    "5.8",
    title="expected calibration error",
    difficulty="medium",
    minutes=8,
    hints=(
        "For each image: the confidence is the largest probability, and the prediction is where it stands. Then go through the "
        "bins.",
        "A bin is a mask: `(confidence > low) & (confidence <= high)`. In each bin that is not empty, compare two means: of the "
        "confidence and of what is right.",
        "Add up `(confidence[inside].mean() - right[inside].mean()).abs() * inside.float().mean()` over the bins: the last factor is "
        "the bin's share of all images.",
    ),
    reference=expected_calibration_error,
)
def calibration_error(answer):
    _function(answer)
    for case, probabilities, labels, bins in _calibration_cases():
        got = _number(answer(probabilities.clone(), labels.clone(), bins), case)
        want = expected_calibration_error(probabilities, labels, bins)
        if _close(got, want):
            continue
        if math.isnan(got):
            raise Wrong(f"For {case} you find nan: a bin without images has no mean. Leave empty bins out.")
        slips = _calibration_slips(probabilities, labels, bins)
        raise Wrong(f"For {case} you find {got:.4f}; {want:.4f} is expected.{_named(got, want, slips)}")
    return "0 would mean: of the answers given with 80 % confidence, 80 % are right, and so for every confidence."


def _calibration_slips(probabilities: Tensor, labels: Tensor, bins: int) -> Slips:
    confidence, predicted = probabilities.double().max(dim=1)
    right = (predicted == labels).double()
    of_label = probabilities.double()[torch.arange(len(labels)), labels]

    def gaps(sure: Tensor, low_side: bool = False) -> tuple[Tensor, Tensor]:
        """(gap, share) of every bin that holds images."""
        found = []
        for number in range(bins):
            low, high = number / bins, (number + 1) / bins
            inside = (sure >= low) & (sure < high) if low_side else (sure > low) & (sure <= high)
            if inside.any():
                found.append((sure[inside].mean() - right[inside].mean(), inside.double().mean()))
        gap, share = zip(*found, strict=True) if found else ((torch.zeros(()),), (torch.zeros(()),))
        return torch.stack(gap), torch.stack(share)

    gap, share = gaps(confidence)
    no_top, no_top_share = gaps(confidence, low_side=True)
    own, own_share = gaps(of_label)
    return {
        "Every bin counts alike in yours: weight each with its share of the images.": gap.abs().mean().item(),
        "You divide by the number of bins: weight each bin with its share of the images.": gap.abs().sum().item()
        / bins,
        "You add up the gaps of all bins: weight each with its share of the images.": gap.abs().sum().item(),
        "A gap counts without its sign, bin by bin: take `abs` of each before you add them up.": (gap * share)
        .sum()
        .item(),
        "You compare the means of all images at once: go bin by bin.": (gap * share).sum().abs().item(),
        "The gap's sign is kept and turned: take `abs` of each before you add them up.": -(gap * share).sum().item(),
        "An image with confidence 1 falls out of your bins: the last one holds 1, too.": (no_top.abs() * no_top_share)
        .sum()
        .item(),
        "Confidence is the probability of the *predicted* class, the largest one, not of the right class.": (
            own.abs() * own_share
        )
        .sum()
        .item(),
        "You weight each bin with its number of images: divide by the number of all images.": (gap.abs() * share)
        .sum()
        .item()
        * len(labels),
        "That is the largest gap of all bins: take the mean, weighted with each bin's share.": gap.abs().max().item(),
    }
