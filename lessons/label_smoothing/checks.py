"""What lesson 05 answers to its exercises."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons.label_smoothing import smoothing, steps
from utils.feedback.answers import (
    Slips,
    close,
    named_slip,
    number_of,
    require_function,
    returned,
    same,
    shaped,
    tensor_of,
)
from utils.feedback.exercises import Feedback, Wrong, article, explain
from utils.train.calibration import expected_calibration_error

feedback = Feedback("label_smoothing", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


def _called(answer: Callable[..., object], case: str, arguments: Mapping[str, object]) -> object:
    """What the learner's function gives for copies of these arguments, which it must leave as they are."""
    given = copy.deepcopy(arguments)
    try:
        got = answer(*given.values())
    except (TypeError, ValueError, RuntimeError) as error:
        if "only one element tensors" in str(error):
            raise Wrong(
                f"{explain(error)} What comes in are tensors, and the functions of `math` and `float` take one number: use the "
                "tensor's own, `.sqrt()`, `.exp()`, `.log()`."
            ) from None
        raise
    for name, each in arguments.items():
        if got is not None and not same(given[name], each):
            raise Wrong(
                f"For {case} your function changes `{name}` itself, and whoever calls it still needs that as it was: make new "
                "tensors, `a = a - b` in the place of `a -= b`, `a.mul(b)` in the place of `a.mul_(b)`."
            )
    return got


def _draws(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _joined(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat([each.flatten() for each in parts])


def _tensors(got: object, case: str, like: Sequence[Tensor], what: str) -> list[Tensor]:
    """The learner's result as a list of tensors of these shapes, or a sentence about what it is instead."""
    if isinstance(returned(got, case), Tensor) or not isinstance(got, Sequence):
        raise Wrong(f"For {case} your function gives back {article(got)}; {what} are needed.")
    if len(got) != len(like):
        things = "1 thing" if len(got) == 1 else f"{len(got)} things"
        raise Wrong(f"For {case} your function gives back {things}; {what} are needed.")
    for place, each in enumerate(got, start=1):
        if not isinstance(each, Tensor):
            raise Wrong(
                f"For {case} number {place} of the {len(got)} things that your function gives back is {article(each)}; "
                f"{what} are needed."
            )
    return [shaped(each, case, other.shape) for each, other in zip(got, like, strict=True)]


# The loss and its targets.

_TWICE = (
    "That is what comes out when softmax is applied twice: `log_softmax` takes the logits themselves, as does "
    "torch's own loss."
)
_SUMMED = "That is the sum over the images: take their mean."
_ALL_MEAN = "You take the mean over images and classes: sum over the classes, and take the mean over the images only."
_SIGN = "The sign is wrong: the logarithm of a probability is negative, and the loss is not."
_DIM_0 = "You take the softmax down the images, along dimension 0: the probabilities of one image's classes sum to 1, `dim=1`."
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
    got = _called(answer, case, {"logits": logits, "labels": labels} | dict(zip(("epsilon",), more, strict=False)))
    if isinstance(got, Tensor) and tuple(got.shape) == (len(labels),):
        raise Wrong(f"For {case} you give back one loss an image: give back their mean.")
    return number_of(got, case)


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
    if not close(got, want):
        raise Wrong(f"For {case} you find {got:.4f}; {want:.1f} is expected.")
    logits, labels = torch.tensor([[1000.0, 0.0, -500.0], [-1000.0, -999.0, -1001.0]]), torch.tensor([1, 1])
    want = F.cross_entropy(logits, labels, label_smoothing=more[0] if more else 0.0).item()
    case = "two images, with logits of 1000, 0, −500 and of −1000, −999, −1001,"
    got = _run_loss(answer, case, logits, labels, *more)
    if not close(got, want):
        raise Wrong(
            f"For {case} you find {got:.4g}; {want:.1f} is expected. Subtract from each image's logits its *own* largest one "
            "(`dim=1`): beside another image's, all exponentials of the second image are 0."
        )


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
    require_function(answer)
    for case, logits, labels in _loss_cases():
        got, want = _run_loss(answer, case, logits, labels), F.cross_entropy(logits, labels).item()
        if close(got, want):
            continue
        log_p = logits.log_softmax(dim=1)
        slips = {
            _TWICE: F.cross_entropy(logits.softmax(dim=1), labels),
            _SUMMED: F.cross_entropy(logits, labels, reduction="sum"),
            _SIGN: -want,
            _LOG2: want / math.log(2),
            _DIM_0: F.nll_loss(logits.log_softmax(dim=0), labels),
            "You add up the logarithms of all classes; only the right class's counts.": -log_p.sum(dim=1).mean(),
            "You average the logarithms of all classes; only the right class's counts.": -log_p.mean(),
            "The logarithm is missing.": F.nll_loss(log_p.exp(), labels),
        }
        raise Wrong(f"For {case} you find {got:.4f}; {want:.4f} nats are expected.{named_slip(got, want, slips)}")
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
        "Write down by hand the row of four classes with ε = 0.2, for each form. Which number stands at the right class, which at "
        "the others? Each is a sum of a part of the hard target and a share of ε.",
        "Over all classes: (1 − ε) times the hard target, plus ε / K everywhere, at the right class too.",
        "`hard` is 1 at the right class, so `1 - hard` is 1 at all others. For the others only: "
        "`hard * (1 - epsilon) + (1 - hard) * ...`, with what each of the K − 1 gets.",
    ),
    reference=smoothing.smoothed_targets,
)
def smoothed_targets(answer):
    require_function(answer)
    for classes, epsilon, others_only in (
        (4, 0.0, False), (4, 0.2, False), (10, 0.1, False), (4, 0.2, True), (10, 0.3, True), (2, 0.1, True),
    ):  # fmt: skip
        labels = torch.tensor([1, 0, classes - 1])
        case = f"labels {labels.tolist()}, {classes} classes, epsilon {epsilon}"
        form = "over the others only" if others_only else "over all classes"
        arguments = {"labels": labels, "classes": classes, "epsilon": epsilon}
        got = _called(answer, case, arguments | ({"others_only": True} if others_only else {}))
        if isinstance(got, Tensor) and tuple(got.shape) == (classes, 3) != (3, classes):
            raise Wrong(
                f"For {case} your tensor has shape ({classes}, 3): one row an image is expected, (3, {classes})."
            )
        got = tensor_of(got, case, (3, classes)).double()
        want = smoothing.smoothed_targets(labels, classes, epsilon, others_only)
        if close(got, want):
            continue
        slips = _target_slips(labels, classes, epsilon, others_only)
        found = named_slip(got, want, slips)
        if not found and any(close(got, row) for row in _divided_rows(labels, classes, epsilon)):
            found = (
                " You divide each row by its sum, which changes the right class's share, too. Take ε from the right class "
                "first: then the row sums to 1 by itself."
            )
        if not found and not close(got.sum(dim=1), torch.ones(3)):
            found = f" A row of yours sums to {got[0].sum().item():.3f}, and a target is a distribution: it sums to 1."
        rows = f"the first row is {_row(got[0])}; {_row(want[0])} is expected, {form}"
        raise Wrong(f"For {case} {rows}.{found}")
    return "Each row sums to 1, in both forms."


def _target_slips(labels: Tensor, classes: int, epsilon: float, others_only: bool) -> Slips:
    all_share, other_share, even = epsilon / classes, epsilon / (classes - 1), (1 - epsilon) / classes
    pairs = {
        "Every class gets the whole of ε: divide it among them.": (1.0, epsilon),
        "Each of the others gets the whole of ε: divide it among them.": (1 - epsilon, epsilon),
    }
    if others_only:
        pairs |= {
            "That is the target over all K classes: `others_only` changes nothing.": (
                1 - epsilon + all_share,
                all_share,
            ),
            "There are K − 1 others: divide ε among so many.": (1 - epsilon, all_share),
            "The right class keeps 1 − ε and gets no share.": (1 - epsilon + other_share, other_share),
            "ε and 1 − ε have changed places.": (epsilon, (1 - epsilon) / (classes - 1)),
        }
    else:
        pairs |= {
            "The right class is one of the classes and gets its share ε / K, too.": (1 - epsilon, all_share),
            "That spreads ε over the K − 1 others; here it goes over all K classes.": (1 - epsilon, other_share),
            "The right class's hard target shrinks to 1 − ε before it gets its share.": (1 + all_share, all_share),
            "ε and 1 − ε have changed places.": (epsilon + even, even),
        }
    return {words: _spread(labels, classes, right, other) for words, (right, other) in pairs.items()}


def _divided_rows(labels: Tensor, classes: int, epsilon: float) -> list[Tensor]:
    """Targets that did not sum to 1, divided by their sums."""
    shares = epsilon, epsilon / classes, epsilon / (classes - 1)
    rights = {(right + extra, other) for other in shares for right in (1.0, 1 - epsilon) for extra in (0.0, other)}
    rows = [_spread(labels, classes, right, other) for right, other in rights]
    return [row / row.sum(dim=1, keepdim=True) for row in rows]


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
    require_function(answer)
    for case, logits, labels in _loss_cases():
        for epsilon in (0.1, 0.0, 0.4):
            text, classes = f"{case}, epsilon {epsilon}", logits.shape[1]
            got = _run_loss(answer, text, logits, labels, epsilon)
            want = F.cross_entropy(logits, labels, label_smoothing=epsilon).item()
            if close(got, want):
                continue
            targets = smoothing.smoothed_targets(labels, classes, epsilon)
            log_p = logits.log_softmax(dim=1)

            def loss(targets: Tensor, log_p: Tensor = log_p) -> Tensor:
                return -(targets * log_p).sum(dim=1).mean()

            per_class, per_image = epsilon / classes, epsilon / len(labels)
            unshared = _spread(labels, classes, 1 - epsilon, per_class)
            slips = {
                _TWICE: F.cross_entropy(logits.softmax(dim=1), labels, label_smoothing=epsilon),
                "The logarithm is missing: that is the softmax itself, weighted by the targets.": loss(
                    targets, log_p.exp()
                ),
                _SUMMED: want * len(labels),
                _ALL_MEAN: want / classes,
                _SIGN: -want,
                _LOG2: want / math.log(2),
                "That is the loss with hard targets: epsilon changes nothing.": F.cross_entropy(logits, labels),
                "That spreads ε over the K − 1 others; here it goes over all K classes.": (
                    smoothing.smoothed_cross_entropy(logits, labels, epsilon, True)
                ),
                "That is the sum of q · (log q − log p), the Kullback-Leibler divergence; here −q · log p alone is summed.": (
                    F.kl_div(log_p, targets, reduction="batchmean")
                ),
                "The right class's share ε / K is missing in the target.": loss(unshared),
                _DIM_0: loss(targets, logits.log_softmax(dim=0)),
                "Target and softmax have changed places: the target is the weight, and the logarithm is the softmax's.": (
                    loss(log_p.exp(), targets.log())
                ),
                "ε is divided by the number of images; it is spread over the classes, `logits.shape[1]`.": (
                    loss(_spread(labels, classes, 1 - epsilon + per_image, per_image))
                ),
            }
            raise Wrong(f"For {text} you find {got:.4f}; {want:.4f} is expected.{named_slip(got, want, slips)}")
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
    if mine.grad is None or not close(mine.grad, theirs.grad):
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
    require_function(answer)
    for epsilon, classes, others_only in (
        # Not 0.1 of ten classes first: there ε · K is 1, and slips look like others.
        (0.2, 10, False), (0.1, 10, False), (0.1, 1000, False), (0.3, 4, False), (0.1, 10, True), (0.2, 1000, True),
        (0.3, 2, True),
    ):  # fmt: skip
        form = "over the others only" if others_only else "over all classes"
        case = f"epsilon {epsilon}, {classes} classes, {form},"
        got = number_of(answer(epsilon, classes, True) if others_only else answer(epsilon, classes), case)
        want = smoothing.best_lead(epsilon, classes, others_only)
        if close(got, want):
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
            "Division goes from left to right, so a / b / c divides by b and then by c: put the other class's target into "
            "parentheses.": math.log(right / epsilon / (classes - 1 if others_only else classes)),
            "That is the ratio of the two targets: the logits differ by its logarithm.": right / other,
            "1 − ε is what is left of the hard target: a probability, not a difference of logits.": 1 - epsilon,
            "That is the logarithm of 1 − ε alone: how much larger is the right class's target than another's?": math.log(
                1 - epsilon
            ),
            "That is the right class's target: a probability, not a difference of logits.": right,
            "That is the logarithm of the right class's target alone: the others' logits count as well.": math.log(
                right
            ),
            "That is the logarithm of the odds, right against all others together; here it is against one other.": (
                math.log(right / (1 - right))
            ),
        }
        raise Wrong(f"For {case} you find {got:.4f}; {want:.4f} is expected.{named_slip(got, want, slips)}")
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
    require_function(answer)
    draws = _draws(0)
    weight, gradient, step = (torch.randn(3, 2, generator=draws, dtype=torch.float64) for _ in range(3))
    mean_square = torch.rand(3, 2, generator=draws, dtype=torch.float64)
    state = weight, gradient, mean_square, step
    for inside, epsilon, momentum in (
        (True, 1.0, 0.7),
        (True, 1.0, 0.0),
        (False, 1.0, 0.7),
        (False, 0.01, 0.7),
        (True, 0.01, 0.7),
    ):
        settings = (0.05, epsilon, inside, 0.8, momentum)
        place = "inside" if inside else "outside"
        case = f"rate=0.05, epsilon={epsilon}, inside={inside}, decay=0.8, momentum={momentum}"
        names = "weight", "gradient", "mean_square", "step", "rate", "epsilon", "inside", "decay", "momentum"
        got = _called(answer, case, dict(zip(names, (*state, *settings), strict=True)))
        got = _tensors(got, case, state[:3], "three tensors, weight, mean square and step,")
        want = steps.rmsprop_step(*state, *settings)
        if all(map(close, got, want)):
            continue
        orders = [
            order
            for order in ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
            if all(close(got[i], want[j]) for i, j in enumerate(order))
        ]
        if orders:
            raise Wrong(f"For {case} all three are right, in another order: give back weight, mean square, step.")
        # The mean square first: a slip in it shows in all three.
        for part in (1, 2, 0):
            if not close(got[part], want[part]):
                break
        found = named_slip(got[part], want[part], _rmsprop_slips(state, settings)[part])
        mine, theirs = got[part].flatten()[0].item(), want[part].flatten()[0].item()
        numbers = [f"{name} {each.flatten()[0].item():.4f}" for name, each in zip(names, state, strict=False)]
        raise Wrong(
            f"For {case} (ε {place} the root) {_PARTS[part]} is {mine:.4f} where {theirs:.4f} is expected, from "
            f"{', '.join(numbers)}.{found}"
        )
    return "Both forms are right, with and without momentum."


def _rmsprop_slips(state: tuple[Tensor, ...], settings: tuple) -> tuple[Slips, Slips, Slips]:
    """What known slips make of the weight, the mean square and the step."""
    weight, gradient, mean_square, step = state
    rate, epsilon, inside, decay, momentum = settings
    new_square = decay * mean_square + (1 - decay) * gradient**2

    def root(square: Tensor, is_inside: bool = inside) -> Tensor:
        return (square + epsilon).sqrt() if is_inside else square.sqrt() + epsilon

    def moved(by: Tensor, kept: float = momentum, share: float = rate) -> Tensor:
        """The new step, with the gradient divided by this."""
        return kept * step + share * gradient / by

    right = root(new_square)
    of_square = {
        "The decay stands on the wrong side: it is the share of the *old* mean square that is kept.": (
            (1 - decay) * mean_square + decay * gradient**2
        ),
        "The gradient is not squared.": decay * mean_square + (1 - decay) * gradient,
        "The squared gradient is added whole: its share is 1 − decay.": decay * mean_square + gradient**2,
        "`momentum` stands where `decay` belongs: the mean square keeps the share `decay`.": (
            momentum * mean_square + (1 - momentum) * gradient**2
        ),
        "It has not changed.": mean_square,
    }
    of_step = {
        "ε stands on the other side of the root.": moved(root(new_square, not inside)),
        "You divide by the root of the *old* mean square: update it first.": moved(root(mean_square)),
        "The root is missing: you divide by the mean square itself.": moved(new_square + epsilon),
        "ε is missing.": moved(new_square.sqrt()),
        "Momentum is left out: the step keeps a part of the last one.": moved(right, kept=0),
        "The new part gets its whole weight, not 1 − momentum.": moved(right, share=(1 - momentum) * rate),
        "`decay` stands where `momentum` belongs: the step keeps the share `momentum` of the last one.": moved(
            right, decay
        ),
        "The sign is turned: the step is what is taken *from* the weight, so the gradient goes into it with a plus.": (
            moved(-right)
        ),
        "The sign is turned: give back what is *taken from* the weight.": -moved(right),
        "That is the old step: give back the new one.": step,
        "The learning rate belongs into the step, which is what is taken from the weight.": moved(right, share=1),
    }
    of_weight = {
        "The step is taken *from* the weight: downhill is against the gradient.": weight + moved(right),
        "You take the *old* step from the weight: make the new one first.": weight - step,
        "You take the step without its momentum from the weight.": weight - moved(right, kept=0),
        "The learning rate stands in the step already: take the step from the weight as it is.": weight
        - rate * moved(right),
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
        "One pair at a time: `decay * old + (1 - decay) * new`. A list of such sums, over `zip(average, weights)`, is the answer.",
    ),
    reference=steps.moved_average,
)
def moved_average(answer):
    require_function(answer)
    draws = _draws(0)
    for decay in (0.9, 0.5, 0.999):
        average = [torch.randn(shape, generator=draws) for shape in ((2, 3), (4,))]
        weights = [torch.randn(shape, generator=draws) for shape in ((2, 3), (4,))]
        case = f"decay={decay} and two tensors"
        got = _called(answer, case, {"average": average, "weights": weights, "decay": decay})
        got = _tensors(got, case, weights, "two tensors in a list")
        want = steps.moved_average(average, weights, decay)
        if all(map(close, got, want)):
            continue
        mine, theirs, before, now = map(_joined, (got, want, average, weights))
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
        raise Wrong(f"For {case} the first number is {number}.{named_slip(mine, theirs, slips)}")
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
    require_function(answer)
    draws = _draws(0)
    gradients = [torch.randn(shape, generator=draws) for shape in ((3, 4), (5,), (2, 2, 2))]
    for scale, longest, words in (
        (1.0, 2.0, "a long gradient"), (0.1, 2.0, "a short gradient"), (0.0, 2.0, "a gradient of zeros"),
        (1.0, 0.5, "a long gradient"),
    ):  # fmt: skip
        scaled = [scale * each for each in gradients]
        length = _joined(scaled).norm().item()
        case = f"{words} (three tensors, together of length {length:.2f}) and longest={longest:g}"
        got = _called(answer, case, {"gradients": scaled, "longest": longest})
        got = _tensors(got, case, scaled, "three tensors in a list")
        want = steps.clip_together(scaled, longest)
        if all(map(close, got, want)):
            continue
        mine, theirs = map(_joined, (got, want))
        if scale == 0 and not mine.isfinite().all():
            raise Wrong(
                f"For {case} you give back nan: nothing may be divided by a length of 0. Scale only what is too long."
            )
        raise Wrong(
            f"For {case} yours has length {mine.norm().item():.3f}; {theirs.norm().item():.3f} is expected."
            f"{named_slip(mine, theirs, _clip_slips(scaled, length, longest))}"
        )
    return "It gives what torch's `clip_grad_norm_` gives, and leaves short gradients alone."


def _clip_slips(gradients: Sequence[Tensor], length: float, longest: float) -> Slips:
    lengths = [each.norm().item() or 1.0 for each in gradients]
    whole = _joined(gradients)

    def cut(found: float) -> Tensor:
        """All gradients by one factor, as if they had this length."""
        return whole * min(1.0, longest / max(found, 1e-9))

    each_alone = _joined(each * min(1.0, longest / own) for each, own in zip(gradients, lengths, strict=True))
    return {
        "Each tensor is cut to that length by itself, which turns the direction: use one factor for all of them.": each_alone,
        "Each number is cut by itself, which turns the direction: use one factor for all of them.": (
            whole.clamp(-longest, longest)
        ),
        "A gradient that is short enough is scaled up: it must stay as it is.": whole * (longest / (length or longest)),
        "The length is the root of the sum of squares; you add up the tensors' lengths.": cut(sum(lengths)),
        "You take the longest tensor's length; all of them together are longer.": cut(max(lengths)),
        "The root is missing: the sum of squares is the length squared.": cut(length**2),
        "Yours is cut to 2, whatever `longest` says.": whole * min(1.0, 2 / max(length, 1e-9)),
        "Nothing is cut. (torch's `clip_grad_norm_` cuts the `.grad` of parameters, and these tensors are the gradients.)": whole,
    }


def _calibration_cases() -> list[tuple[str, Tensor, Tensor, int]]:
    """(case, probabilities, labels, bins); confidences on the edge between two bins are such that floats hold exactly."""
    by_hand = torch.tensor(
        [
            [0.93, 0.05, 0.02],
            [0.78, 0.17, 0.05],
            [0.01, 0.97, 0.02],
            [0.02, 0.95, 0.03],
            [0.3, 0.13, 0.57],
            [0.26, 0.42, 0.32],
        ]
    )
    sure = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.63, 0.37]])
    on_edges = torch.tensor([[0.5, 0.5, 0.6, 0.75, 0.8], [0.3, 0.3, 0.3, 0.2, 0.1], [0.2, 0.2, 0.1, 0.05, 0.1]]).T
    draws = _draws(3)
    many = (2.5 * torch.randn(300, 5, generator=draws)).softmax(dim=1)
    labels = torch.where(
        torch.rand(300, generator=draws) < 0.6, many.argmax(dim=1), torch.randint(5, (300,), generator=draws)
    )
    return [
        ("six images in 4 bins", by_hand, torch.tensor([0, 0, 2, 1, 2, 1]), 4),
        ("four images in 10 bins, three of them with confidence 1", sure, torch.tensor([0, 1, 1, 1]), 10),
        ("300 images in 15 bins", many, labels, 15),
        ("confidences 0.5, 0.5, 0.6, 0.75, 0.8 in 4 bins", on_edges, torch.tensor([0, 0, 1, 1, 1]), 4),
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
    require_function(answer)
    for case, probabilities, labels, bins in _calibration_cases():
        got = _called(answer, case, {"probabilities": probabilities, "labels": labels, "bins": bins})
        got = number_of(got, case)
        want = expected_calibration_error(probabilities, labels, bins)
        if close(got, want):
            continue
        if math.isnan(got):
            raise Wrong(f"For {case} you find nan: a bin without images has no mean. Leave empty bins out.")
        slips = _calibration_slips(probabilities, labels, bins)
        raise Wrong(f"For {case} you find {got:.4f}; {want:.4f} is expected.{named_slip(got, want, slips)}")
    return "0 would mean: of the answers given with 80 % confidence, 80 % are right, and so for every confidence."


_CANCEL = (
    "Distances of both signs cancel in yours, as if all images stood in one bin: go bin by bin, and take `abs` of each before "
    "you add them up."
)


def _calibration_slips(probabilities: Tensor, labels: Tensor, bins: int) -> Slips:
    confidence, predicted = probabilities.double().max(dim=1)
    right = (predicted == labels).double()
    of_label = probabilities.double()[torch.arange(len(labels)), labels]

    def gaps(sure: Tensor, at_low: bool = False, at_high: bool = True, last: int = bins) -> tuple[Tensor, Tensor]:
        """(gap, share) of every bin that holds images, with or without its lower and its upper edge."""
        found = []
        for number in range(last):
            low, high = number / bins, (number + 1) / bins
            inside = (sure > low) & (sure < high) | (sure == low) & at_low | (sure == high) & at_high
            if inside.any():
                found.append((sure[inside].mean() - right[inside].mean(), inside.double().mean()))
        gap, share = zip(*found, strict=True) if found else ((torch.zeros(()),), (torch.zeros(()),))
        return torch.stack(gap), torch.stack(share)

    gap, share = gaps(confidence)
    has_ones, is_on_edge = bool((confidence == 1).any()), bool(((confidence * bins) % 1 == 0).any())

    def error(**edges: object) -> float:
        found, part = gaps(confidence, **edges)
        return (found.abs() * part).sum().item()

    without_upper = error(at_low=True, at_high=False)
    own, own_share = gaps(of_label)
    of_bins = {
        f"Your bins do not follow `bins`: that is the error in {many}.": expected_calibration_error(
            probabilities, labels, many
        )
        for many in (15, 10)
    }
    weighted = (gap.abs() * share).sum().item()
    return {
        "Every bin counts alike in yours: weight each with its share of the images.": gap.abs().mean(),
        "You divide by the number of bins: weight each bin with its share of the images.": gap.abs().sum() / bins,
        "You add up the gaps of all bins: weight each with its share of the images.": gap.abs().sum(),
        _CANCEL: (gap * share).sum(),
        _CANCEL.replace("Distances", "Distances (accuracy minus confidence)"): -(gap * share).sum(),
        "An image with confidence 1 falls out of your bins: the last one holds 1, too.": (
            without_upper if has_ones else math.nan
        ),
        "An image whose confidence is the edge between two bins belongs to the lower one: above i / bins, at most "
        "(i + 1) / bins.": math.nan if has_ones or not is_on_edge else without_upper,
        "An image whose confidence is the edge between two bins counts in both of yours: it belongs to the lower one.": (
            error(at_low=True) if is_on_edge else math.nan
        ),
        "An image whose confidence is the edge between two bins counts in none of yours: it belongs to the lower one.": (
            error(at_high=False) if is_on_edge else math.nan
        ),
        "That is in points: a number from 0 to 1 is asked.": 100 * weighted,
        "Your last bin is left out: there are `bins` of them, numbers 0 to bins − 1.": error(last=bins - 1),
        "You take the distance image by image: first the two means of each bin, then their distance.": (
            (confidence - right).abs().mean()
        ),
        **of_bins,
        "Confidence is the probability of the *predicted* class, the largest one, not of the right class.": (
            (own.abs() * own_share).sum()
        ),
        "You weight each bin with its number of images: divide by the number of all images.": weighted * len(labels),
        "That is the largest gap of all bins: take the mean, weighted with each bin's share.": gap.abs().max(),
    }


HOW_FAR = {1.5: "never more than 1.5 times", 15: "up to about 5 times", math.inf: "up to 30 times and more"}


def in_words(factor: float) -> str:
    """Which choice of the prediction "forms" holds for this largest factor between the two forms' steps."""
    return next(said for most, said in HOW_FAR.items() if factor <= most)
