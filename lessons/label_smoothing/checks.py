"""What lesson 05 answers to its exercises."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lessons.label_smoothing import smoothing, steps
from utils.feedback.answers import close
from utils.feedback.exercises import Feedback
from utils.feedback.functions import Case, listed, number, same_function, several, tensor
from utils.train.calibration import expected_calibration_error

feedback = Feedback("label_smoothing", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


def _about_math(error: Exception, *arguments: object) -> str:
    if "only one element tensors" not in str(error):
        return ""
    return (
        "What comes in are tensors, and the functions of `math` and `float` take one number: use the tensor's own, `.sqrt()`, "
        "`.exp()`, `.log()`."
    )


def _draws(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# The loss and its targets.


def _log_p(logits: Tensor) -> Tensor:
    return logits.log_softmax(dim=1)


def _cross_entropy_of(log_p: Tensor, targets: Tensor) -> Tensor:
    """(N, K) log-probabilities, or what stands in their place, and (N, K) targets."""
    return -(targets * log_p).sum(dim=1).mean()


_TOO_LARGE = (
    "The exponential of 1000 is too large for a computer: subtract the largest logit first, which changes no probability, and "
    "never take the logarithm of a softmax."
)


def _loss_slips(loss: Callable[..., Tensor]) -> dict[str, Callable[..., Tensor | float] | list]:
    """What is often made of a loss of (logits, labels) or of (logits, labels, epsilon)."""

    def targets(logits: Tensor, labels: Tensor, epsilon: float = 0.0) -> Tensor:
        return smoothing.smoothed_targets(labels, logits.shape[1], epsilon)

    def of(log_p: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
        """The loss with something else in the place of the logarithm of the softmax."""
        return lambda logits, *others: _cross_entropy_of(log_p(logits), targets(logits, *others))

    def naive(logits: Tensor) -> Tensor:
        return (logits.exp() / logits.exp().sum(dim=1, keepdim=True)).log()

    def less_the_largest_of_all(logits: Tensor) -> Tensor:
        shifted = logits - logits.max()
        return shifted - shifted.exp().sum(dim=1, keepdim=True).log()

    def of_right_class(log_p: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
        """The same, where what stands at the right class alone is taken, so that no infinity meets a zero."""
        return lambda logits, labels, *epsilon: F.nll_loss(log_p(logits), labels)

    return {
        "That is what comes out when softmax is applied twice: `log_softmax` takes the logits themselves, as does torch's own "
        "loss.": of(lambda logits: _log_p(logits.softmax(dim=1))),
        "The logarithm is missing: that is the softmax itself, weighted by the targets.": of(
            lambda logits: logits.softmax(dim=1)
        ),
        "The softmax is missing: the logits are no probabilities.": [
            of(lambda logits: logits),
            of(lambda logits: logits.log()),
        ],
        "That is the sum over the images: take their mean.": lambda logits, labels, *epsilon: (
            len(labels) * loss(logits, labels, *epsilon)
        ),
        "You take the mean over images and classes: sum over the classes, and take the mean over the images only.": (
            lambda logits, labels, *epsilon: loss(logits, labels, *epsilon) / logits.shape[1]
        ),
        "You give back one loss an image: give back their mean.": lambda logits, labels, *epsilon: (
            -(targets(logits, labels, *epsilon) * _log_p(logits)).sum(dim=1)
        ),
        "You give back a number for each class of each image: sum over the classes, and take the mean over the images.": (
            lambda logits, labels, *epsilon: -targets(logits, labels, *epsilon) * _log_p(logits)
        ),
        "The sign is wrong: the logarithm of a probability is negative, and the loss is not.": lambda *given: (
            -loss(*given)
        ),
        "That is in bits. A nat is the unit here: take the natural logarithm.": lambda *given: (
            loss(*given) / math.log(2)
        ),
        "That is the logarithm to the base 10: take the natural one.": lambda *given: loss(*given) / math.log(10),
        "You take the softmax down the images, along dimension 0: the probabilities of one image's classes sum to 1, `dim=1`.": (
            of(lambda logits: logits.log_softmax(dim=0))
        ),
        _TOO_LARGE: [
            *map(of, (naive, lambda logits: logits.softmax(dim=1).log())),
            *map(of_right_class, (naive, lambda logits: logits.softmax(dim=1).log())),
            of(lambda logits: logits - logits.exp().sum(dim=1, keepdim=True).log()),
            of_right_class(lambda logits: logits - logits.exp().sum(dim=1, keepdim=True).log()),
        ],
        "Subtract from each image's logits its *own* largest one (`dim=1`): beside another image's, all exponentials of the "
        "second image are 0.": [of(less_the_largest_of_all), of_right_class(less_the_largest_of_all)],
    }


def _loss_cases(*epsilons: float) -> list[Case]:
    """Logits and labels, each with each epsilon if there are any; at the end logits that a plain softmax cannot take."""
    draws = _draws(0)
    shown = []
    for images, classes in ((6, 4), (5, 10), (3, 2), (4, 4), (1, 3)):
        logits = 2 * torch.randn(images, classes, generator=draws)
        labels = torch.randint(classes, (images,), generator=draws)
        shown.append((f"logits of {images} image{'s' * (images > 1)} and {classes} classes", logits, labels))
    shown.append(("logits of 1000, 0 and −500", torch.tensor([[1000.0, 0.0, -500.0]]), torch.tensor([1])))
    both = torch.tensor([[1000.0, 0.0, -500.0], [-1000.0, -999.0, -1001.0]])
    shown.append(("two images, with logits of 1000, 0, −500 and of −1000, −999, −1001,", both, torch.tensor([1, 1])))
    if not epsilons:
        return [Case((logits, labels), text) for text, logits, labels in shown]
    return [
        Case((logits, labels, epsilon), f"{text.removesuffix(',')}, epsilon {epsilon},")
        for place, (text, logits, labels) in enumerate(shown)
        for epsilon in (epsilons if place == 0 else epsilons[:1] if logits.max() > 100 else epsilons[place % 3 :][:1])
    ]


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
def cross_entropy(answer: Any) -> str:
    def hard(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels)

    slips = _loss_slips(hard) | {
        "You add up the logarithms of all classes; only the right class's counts.": lambda logits, labels: (
            -_log_p(logits).sum(dim=1).mean()
        ),
        "You average the logarithms of all classes; only the right class's counts.": lambda logits, labels: (
            -_log_p(logits).mean()
        ),
        "That is the logarithm of the mean of the probabilities; the mean of their logarithms is asked.": (
            lambda logits, labels: -F.nll_loss(logits.softmax(dim=1), labels).neg().log()
        ),
        "Each image has its own right class: `log_probabilities[torch.arange(len(labels)), labels]`.": [
            lambda logits, labels: -_log_p(logits)[:, labels].mean(),
            lambda logits, labels: -_log_p(logits)[:, labels[0]].mean(),
        ],
        "That is the loss of the class with the largest logit: the right one is in `labels`.": lambda logits, labels: (
            -_log_p(logits).amax(dim=1).mean()
        ),
    }
    same_function(
        answer,
        hard,
        _loss_cases(),
        result=number(digits=5),
        slips=slips,
        gradient=True,
        said=_NATS,
        stops=_about_math,
        but=(),
    )
    return "It agrees with torch's own, also where a plain softmax would overflow."


_NATS = "For {} you find {}; {} nats are expected.".format


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
def smoothed_targets(answer: Any) -> str:
    cases = []
    for labels, classes, epsilon, others_only in (
        ((1, 0, 3), 4, 0.0, False), ((1, 0, 3), 4, 0.2, False), ((1, 0, 9), 10, 0.1, False), ((1, 0, 3), 4, 0.2, True),
        ((1, 0, 9), 10, 0.3, True), ((1, 0, 1), 2, 0.1, True), ((2, 0), 5, 0.3, False), ((2, 2, 1), 3, 0.4, False),
        ((1,), 3, 1.0, False), ((0, 1, 1, 0), 6, 0.5, True),
    ):  # fmt: skip
        form = "over the others only" if others_only else "over all classes"
        given = (torch.tensor(labels), classes, epsilon, *([True] * others_only))
        cases.append(Case(given, f"labels {list(labels)}, {classes} classes, epsilon {epsilon}, {form},"))
    same_function(
        answer, smoothing.smoothed_targets, cases, result=_TARGETS, slips=_target_slips(), stops=_about_labels
    )
    return "Each row sums to 1, in both forms."


def _about_labels(error: Exception, labels: Tensor, classes: int, *others: object) -> str:
    if "must match the size" in str(error) and len(labels.unique()) < classes and int(labels.max()) + 1 < classes:
        return f"The largest label here is {labels.max()}, of {classes} classes: `one_hot(labels, classes)` makes a column for each."
    return _about_math(error)


def _targets_apart(mine: Tensor, wanted: Tensor) -> str:
    """The first row that differs, and whether it is a distribution."""
    if mine.shape != wanted.shape:
        return tensor().difference(mine, wanted)
    place = int((mine.double() - wanted).abs().amax(dim=1).gt(1e-6).int().argmax())
    said = f"Row {place} is {_row(mine[place])}; {_row(wanted[place])} is expected."
    total = mine[place].sum().item()
    return said if close(total, 1) else f"{said} It sums to {total:.3f}, and a target is a distribution: it sums to 1."


_TARGETS = replace(tensor(), difference=_targets_apart)


def _target_slips() -> dict[str, object]:
    """The targets with a slip in them."""

    def of(
        every: Callable[[float, int], tuple[float, float]],
        others: Callable[[float, int], tuple[float, float]] | None = None,
    ) -> Callable[..., Tensor]:
        """What stands at the right class and at the others, over all classes; the same or something else over the others."""

        def targets(labels: Tensor, classes: int, epsilon: float, others_only: bool = False) -> Tensor:
            return _spread(labels, classes, *((others or every) if others_only else every)(epsilon, classes))

        return targets

    def over_all(epsilon: float, classes: int) -> tuple[float, float]:
        return smoothing.target_values(epsilon, classes)

    def over_others(epsilon: float, classes: int) -> tuple[float, float]:
        return smoothing.target_values(epsilon, classes, True)

    def divided(right: Callable[[float, float], float], share: Callable[[float, int], float]) -> Callable[..., Tensor]:
        """Rows that did not sum to 1, divided by their sums."""

        def targets(labels: Tensor, classes: int, epsilon: float, others_only: bool = False) -> Tensor:
            other = share(epsilon, classes)
            rows = _spread(labels, classes, right(epsilon, other), other)
            return rows / rows.sum(dim=1, keepdim=True)

        return targets

    def changed(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
        return lambda *given: change(smoothing.smoothed_targets(*given))

    return {
        "Every class gets the whole of ε: divide it among them.": [
            of(lambda epsilon, classes: (1.0, epsilon)),
            of(lambda epsilon, classes: (1.0, epsilon), over_others),
        ],
        "Each of the others gets the whole of ε: divide it among them.": [
            of(lambda epsilon, classes: (1 - epsilon, epsilon)),
            of(over_all, lambda epsilon, classes: (1 - epsilon, epsilon)),
        ],
        "That is the target over all K classes: `others_only` changes nothing.": of(over_all),
        "That spreads ε over the K − 1 others; here it goes over all K classes.": of(over_others),
        "There are K − 1 others: divide ε among so many.": of(
            over_all, lambda epsilon, classes: (1 - epsilon, epsilon / classes)
        ),
        "The right class keeps 1 − ε and gets no share.": of(
            over_all,
            lambda epsilon, classes: (1 - epsilon + epsilon / (classes - 1), epsilon / (classes - 1)),
        ),
        "The right class is one of the classes and gets its share ε / K, too.": of(
            lambda epsilon, classes: (1 - epsilon, epsilon / classes), over_others
        ),
        "The right class's hard target shrinks to 1 − ε before it gets its share.": [
            of(lambda epsilon, classes: (1 + epsilon / classes, epsilon / classes)),
            of(lambda epsilon, classes: (1.0, epsilon / classes)),
            of(over_all, lambda epsilon, classes: (1.0, epsilon / (classes - 1))),
        ],
        "ε and 1 − ε have changed places.": [
            of(lambda epsilon, classes: (epsilon + (1 - epsilon) / classes, (1 - epsilon) / classes)),
            of(over_all, lambda epsilon, classes: (epsilon, (1 - epsilon) / (classes - 1))),
        ],
        "You divide each row by its sum, which changes the right class's share, too. Take ε from the right class first: then "
        "the row sums to 1 by itself.": [
            divided(right, share)
            for share in (
                lambda epsilon, classes: epsilon,
                lambda epsilon, classes: epsilon / classes,
                lambda epsilon, classes: epsilon / (classes - 1),
            )
            for right in (
                lambda epsilon, other: 1.0,
                lambda epsilon, other: 1.0 + other,
                lambda epsilon, other: 1 - epsilon,
                lambda epsilon, other: 1 - epsilon + other,
            )
        ],
        "Those are the hard targets: ε changes nothing.": of(lambda epsilon, classes: (1.0, 0.0)),
        "One row an image is expected: yours has the images in columns.": changed(lambda rows: rows.T),
        "That is the first image's row: each image has one.": changed(lambda rows: rows[0]),
        "That is the mean of all rows: each image has its own.": changed(lambda rows: rows.mean(dim=0)),
        "Without the number of classes `one_hot` makes as many columns as the largest label needs.": [
            lambda labels, classes, epsilon, others_only=False, count=count: (
                F.one_hot(labels) * (1 - epsilon) + epsilon / count(labels, classes)
            )
            for count in (lambda labels, classes: classes, lambda labels, classes: int(labels.max()) + 1)
        ]
        + [
            lambda labels, classes, epsilon, others_only=False: (
                F.one_hot(labels) * (1 - epsilon) + (1 - F.one_hot(labels)) * epsilon / (classes - 1)
            )
        ],
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
def smoothed_loss(answer: Any) -> str:
    def smooth(logits: Tensor, labels: Tensor, epsilon: float) -> Tensor:
        return F.cross_entropy(logits, labels, label_smoothing=epsilon)

    def with_targets(made: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda logits, labels, epsilon: _cross_entropy_of(_log_p(logits), made(labels, logits.shape[1], epsilon))

    def targets(logits: Tensor, labels: Tensor, epsilon: float) -> Tensor:
        return smoothing.smoothed_targets(labels, logits.shape[1], epsilon)

    slips = _loss_slips(smooth) | {
        "That is the loss with hard targets: epsilon changes nothing.": lambda logits, labels, epsilon: F.cross_entropy(
            logits, labels
        ),
        **{
            f"You write {value} for ε: take the argument `epsilon`.": (
                lambda logits, labels, epsilon, value=value: smooth(logits, labels, value)
            )
            for value in (0.1, 0.2)
        },
        "Smoothed twice: where the targets are smoothed already, `label_smoothing` is left away.": (
            lambda logits, labels, epsilon: F.cross_entropy(
                logits, targets(logits, labels, epsilon), label_smoothing=epsilon
            )
        ),
        "That spreads ε over the K − 1 others; here it goes over all K classes.": with_targets(
            lambda labels, classes, epsilon: smoothing.smoothed_targets(labels, classes, epsilon, True)
        ),
        "That is the sum of q · (log q − log p), the Kullback-Leibler divergence; here −q · log p alone is summed.": (
            lambda logits, labels, epsilon: F.kl_div(
                _log_p(logits), targets(logits, labels, epsilon), reduction="batchmean"
            )
        ),
        "The right class's share ε / K is missing in the target.": with_targets(
            lambda labels, classes, epsilon: _spread(labels, classes, 1 - epsilon, epsilon / classes)
        ),
        "The right class's hard target shrinks to 1 − ε before it gets its share.": with_targets(
            lambda labels, classes, epsilon: _spread(labels, classes, 1 + epsilon / classes, epsilon / classes)
        ),
        "Every class gets the whole of ε in the target: divide it among them.": [
            with_targets(lambda labels, classes, epsilon: _spread(labels, classes, 1.0, epsilon)),
            with_targets(lambda labels, classes, epsilon: _spread(labels, classes, 1 - epsilon, epsilon)),
        ],
        "Target and softmax have changed places: the target is the weight, and the logarithm is the softmax's.": (
            lambda logits, labels, epsilon: _cross_entropy_of(
                targets(logits, labels, epsilon).log(), logits.softmax(dim=1)
            )
        ),
        "ε is divided by the number of images; it is spread over the classes, `logits.shape[1]`.": (
            lambda logits, labels, epsilon: _cross_entropy_of(
                _log_p(logits),
                _spread(labels, logits.shape[1], 1 - epsilon + epsilon / len(labels), epsilon / len(labels)),
            )
        ),
    }
    same_function(
        answer,
        smooth,
        _loss_cases(0.1, 0.0, 0.4),
        result=number(digits=5),
        slips=slips,
        gradient=True,
        stops=_about_math,
        but=(),
    )
    return "It agrees with torch's `label_smoothing`, in value and in slope."


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
def best_lead(answer: Any) -> str:
    Lead = Callable[..., float]

    def of(lead: Callable[[float, float], float]) -> Lead:
        """What `lead` makes of the target of the right class and of that of another one."""
        return lambda epsilon, classes, others_only=False: lead(*smoothing.target_values(epsilon, classes, others_only))

    def form(others_only: bool, lead: Callable[[float, int], float]) -> Lead:
        """The right lead in the other form, in this one `lead(epsilon, classes)`."""
        return lambda epsilon, classes, given=False: (
            lead(epsilon, classes) if given == others_only else smoothing.best_lead(epsilon, classes, given)
        )

    right = smoothing.best_lead
    slips = {
        "That is the lead for targets over the others only; `others_only` is False.": (
            lambda epsilon, classes, others_only=False: right(epsilon, classes, True)
        ),
        "That is the lead for targets over all classes: `others_only` changes nothing.": (
            lambda epsilon, classes, others_only=False: right(epsilon, classes)
        ),
        "It has the wrong sign: the right logit less another one is asked.": lambda *given: -right(*given),
        "Where the right class's target is below the others', its logit lies below theirs: let the sign stand.": [
            lambda *given: abs(right(*given)),
            lambda *given: max(right(*given), 0),
        ],
        "That is the logarithm to the base 2: softmax is made of powers of e, so take the natural one.": (
            lambda *given: right(*given) / math.log(2)
        ),
        "That is the logarithm to the base 10: softmax is made of powers of e, so take the natural one.": (
            lambda *given: right(*given) / math.log(10)
        ),
        "The right class's share ε / K is missing in its target.": form(
            False, lambda epsilon, classes: math.log((1 - epsilon) / (epsilon / classes))
        ),
        "Division goes from left to right, so a / b / c divides by b and then by c: put the other class's target into "
        "parentheses.": lambda epsilon, classes, others_only=False: math.log(
            smoothing.target_values(epsilon, classes, others_only)[0]
            / epsilon
            / (classes - 1 if others_only else classes)
        ),
        "That is the ratio of the two targets: the logits differ by its logarithm.": of(
            lambda right, other: right / other
        ),
        "That is the difference of the two targets: the logits differ by the logarithm of their ratio.": form(
            True, lambda epsilon, classes: 1 - epsilon - epsilon / (classes - 1)
        ),
        "1 − ε is what is left of the hard target: a probability, not a difference of logits.": (
            lambda epsilon, classes, others_only=False: 1 - epsilon
        ),
        "That is the logarithm of 1 − ε alone: how much larger is the right class's target than another's?": (
            lambda epsilon, classes, others_only=False: math.log(1 - epsilon)
        ),
        "That is the right class's target: a probability, not a difference of logits.": of(lambda right, other: right),
        "That is the logarithm of the right class's target alone: the others' logits count as well.": of(
            lambda right, other: math.log(right)
        ),
        "That is the logarithm of the odds, right against all others together; here it is against one other.": of(
            lambda right, other: math.log(right / (1 - right))
        ),
        "There are K − 1 others, which share ε: each has ε / (K − 1).": form(
            True, lambda epsilon, classes: math.log((1 - epsilon) / (epsilon / classes))
        ),
    }
    cases = []
    for epsilon, classes, others_only in (
        # Not 0.1 of ten classes first: there ε · K is 1, and slips look like others.
        (0.2, 10, False), (0.1, 10, False), (0.1, 1000, False), (0.3, 4, False), (1.0, 5, False), (0.1, 10, True),
        (0.2, 1000, True), (0.3, 2, True), (0.9, 4, True), (0.75, 2, True),
    ):  # fmt: skip
        text = f"epsilon {epsilon}, {classes} classes, {'over the others only' if others_only else 'over all classes'},"
        cases.append(Case((epsilon, classes, *([True] * others_only)), text))
    same_function(answer, right, cases, result=number(digits=5), slips=slips, stops=_about_math)
    return "The next cell looks for the same leads by gradient descent, without your formula."


# The recipe.


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
def rmsprop_step(answer: Any) -> str:
    state = ([1.0, -2.0, 0.4], [0.5, -3.0, 0.25], [0.3, 4.0, 0.9], [0.1, -0.2, -0.7])
    numbers = ", ".join(
        f"{name}={each}" for name, each in zip(("weight", "gradient", "mean_square", "step"), state, strict=True)
    )
    tensors = [torch.tensor(each, dtype=torch.float64) for each in state]
    cases = []
    for rate, epsilon, inside, decay, momentum in (
        (0.05, 1.0, True, 0.8, 0.7),
        (0.05, 1.0, True, 0.8, 0.0),
        (0.05, 1.0, False, 0.8, 0.7),
        (0.2, 0.01, False, 0.6, 0.7),
        (0.01, 0.01, True, 0.95, 0.4),
        (0.1, 0.5, True, None, None),
    ):
        given = () if decay is None else (decay, momentum)
        more = f", decay={decay}, momentum={momentum}" if given else ", decay and momentum left out (0.9),"
        place = "inside" if inside else "outside"
        text = f"{numbers}, rate={rate}, epsilon={epsilon} {place} the root (inside={inside}){more}"
        cases.append(Case((*tensors, rate, epsilon, inside, *given), text))
    # The mean square first: a slip in it shows in all three.
    result = several((tensor(),) * 3, ("weight", "mean square", "step"), order=(1, 2, 0))
    same_function(answer, steps.rmsprop_step, cases, result=result, slips=_rmsprop_slips(), stops=_about_math)
    return "Both forms are right, with and without momentum."


@dataclass
class _State:
    """What one step of RMSProp has at hand."""

    weight: Tensor
    gradient: Tensor
    mean_square: Tensor
    step: Tensor
    rate: float
    epsilon: float
    inside: bool
    decay: float = 0.9
    momentum: float = 0.9

    def root(self, square: Tensor, inside: bool | None = None) -> Tensor:
        is_inside = self.inside if inside is None else inside
        return (square + self.epsilon).sqrt() if is_inside else square.sqrt() + self.epsilon


def _rmsprop_slips() -> dict[str, object]:
    """One step of RMSProp with a slip in it."""
    Part = Callable[..., Tensor]

    def of(
        square: Part = lambda s: s.decay * s.mean_square + (1 - s.decay) * s.gradient**2,
        step: Part = lambda s, square: s.momentum * s.step + s.rate * s.gradient / s.root(square),
        weight: Part = lambda s, square, step: s.weight - step,
    ) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
        def moved(*given: Any) -> tuple[Tensor, Tensor, Tensor]:
            s = _State(*given)
            new_square = square(s)
            new_step = step(s, new_square)
            return weight(s, new_square, new_step), new_square, new_step

        return moved

    def with_constant(**constants: float) -> Callable[..., tuple[Tensor, Tensor, Tensor]]:
        return lambda *given: steps.rmsprop_step(**(vars(_State(*given)) | constants))

    def by(root: Callable[..., Tensor]) -> Part:
        """The step with the gradient divided by this."""
        return lambda s, square: s.momentum * s.step + s.rate * s.gradient / root(s, square)

    def swapped(order: Sequence[int]) -> Callable[..., tuple[Tensor, ...]]:
        return lambda *given: tuple(steps.rmsprop_step(*given)[place] for place in order)

    return {
        "All three are right, in another order: give back weight, mean square, step.": [
            swapped(order) for order in ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        ],
        "The decay stands on the wrong side: it is the share of the *old* mean square that is kept.": of(
            lambda s: (1 - s.decay) * s.mean_square + s.decay * s.gradient**2
        ),
        "The gradient is not squared.": of(lambda s: s.decay * s.mean_square + (1 - s.decay) * s.gradient),
        "The squared gradient is added whole: its share is 1 − decay.": of(
            lambda s: s.decay * s.mean_square + s.gradient**2
        ),
        "The old mean square stays whole: its share is `decay`.": of(
            lambda s: s.mean_square + (1 - s.decay) * s.gradient**2
        ),
        "`momentum` stands where `decay` belongs: the mean square keeps the share `decay`.": of(
            lambda s: s.momentum * s.mean_square + (1 - s.momentum) * s.gradient**2
        ),
        "The mean square has not changed.": of(lambda s: s.mean_square),
        "Nothing of the old mean square is kept.": of(lambda s: s.gradient**2),
        "You give back its root: give back the mean square itself.": lambda *given: (
            lambda weight, square, step: (weight, square.sqrt(), step)
        )(*steps.rmsprop_step(*given)),
        "ε stands on the other side of the root.": of(step=by(lambda s, square: s.root(square, not s.inside))),
        "You divide by the root of the *old* mean square: update it first.": of(
            step=by(lambda s, square: s.root(s.mean_square))
        ),
        "`**` comes before `+`: the root goes over the sum, `(mean_square + epsilon) ** 0.5`.": of(
            step=by(lambda s, square: square + s.epsilon**0.5 if s.inside else s.root(square))
        ),
        "The root is missing: you divide by the mean square itself.": [
            of(step=by(lambda s, square: square + s.epsilon)),
            of(step=by(lambda s, square: square)),
        ],
        "ε is missing.": of(step=by(lambda s, square: square.sqrt())),
        "ε is squared under the root; it is added as it is.": of(
            step=by(lambda s, square: (square + s.epsilon**2).sqrt() if s.inside else s.root(square))
        ),
        "The gradient is not divided by the root.": of(step=by(lambda s, square: 1)),
        "Momentum is left out: the step keeps a part of the last one.": of(
            step=lambda s, square: s.rate * s.gradient / s.root(square)
        ),
        "The last step is kept whole: its share is `momentum`.": of(
            step=lambda s, square: s.step + s.rate * s.gradient / s.root(square)
        ),
        "The new part gets its whole weight, not 1 − momentum.": of(
            step=lambda s, square: s.momentum * s.step + (1 - s.momentum) * s.rate * s.gradient / s.root(square)
        ),
        "`decay` stands where `momentum` belongs: the step keeps the share `momentum` of the last one.": of(
            step=lambda s, square: s.decay * s.step + s.rate * s.gradient / s.root(square)
        ),
        "The sign is turned: the step is what is taken *from* the weight, so the gradient goes into it with a plus.": [
            of(step=by(lambda s, square: -s.root(square)), weight=weight)
            for weight in (lambda s, square, step: s.weight - step, lambda s, square, step: s.weight + step)
        ],
        "The sign is turned: give back what is *taken from* the weight.": lambda *given: (
            lambda weight, square, step: (weight, square, -step)
        )(*steps.rmsprop_step(*given)),
        "That is the old step: give back the new one.": [
            lambda *given: (*steps.rmsprop_step(*given)[:2], _State(*given).step),
            of(step=lambda s, square: s.step),
        ],
        "The learning rate belongs into the step, which is what is taken from the weight.": [
            of(step=lambda s, square: s.momentum * s.step + s.gradient / s.root(square), weight=weight)
            for weight in (lambda s, square, step: s.weight - s.rate * step, lambda s, square, step: s.weight - step)
        ],
        "The learning rate is for the new part alone: the last step has its own in it.": of(
            step=lambda s, square: s.rate * (s.momentum * s.step + s.gradient / s.root(square))
        ),
        "The step is taken *from* the weight: downhill is against the gradient.": of(
            weight=lambda s, square, step: s.weight + step
        ),
        "You take the *old* step from the weight: make the new one first.": of(
            weight=lambda s, square, step: s.weight - s.step
        ),
        "You take the step without its momentum from the weight.": of(
            weight=lambda s, square, step: s.weight - (step - s.momentum * s.step)
        ),
        "The learning rate stands in the step already: take the step from the weight as it is.": of(
            weight=lambda s, square, step: s.weight - s.rate * step
        ),
        "The weight has not moved.": of(weight=lambda s, square, step: s.weight),
        **{
            f"You write {value} for `{name}`: take the argument.": with_constant(**{name: value})
            for name, value in (("rate", 0.05), ("epsilon", 1.0), ("decay", 0.9), ("momentum", 0.9), ("epsilon", 0.01))
        },
    }


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
def moved_average(answer: Any) -> str:
    def of(kept: Callable[[float], float], share: Callable[[float], float]) -> Callable[..., list[Tensor]]:
        """A moving average with other shares of the old average and of the weights."""
        return lambda average, weights, decay: [
            kept(decay) * old + share(decay) * new for old, new in zip(average, weights, strict=True)
        ]

    right = steps.moved_average
    slips = {
        "The decay stands on the wrong side: it is the share of the *old* average that is kept.": of(
            lambda decay: 1 - decay, lambda decay: decay
        ),
        "The weights are added whole: their share is 1 − decay.": of(lambda decay: decay, lambda decay: 1),
        "The old average stays whole: its share is the decay.": of(lambda decay: 1, lambda decay: 1 - decay),
        "Those are the weights: nothing of the old average is kept.": of(lambda decay: 0, lambda decay: 1),
        "That is the old average: it has not moved.": of(lambda decay: 1, lambda decay: 0),
        "That is the plain mean of the two: `decay` changes nothing.": of(lambda decay: 0.5, lambda decay: 0.5),
        "The weights' share is added, not taken away.": of(lambda decay: decay, lambda decay: decay - 1),
        "The two shares sum to 1; yours are both the decay.": of(lambda decay: decay, lambda decay: decay),
        "The two shares sum to 1; yours are both 1 − decay.": of(lambda decay: 1 - decay, lambda decay: 1 - decay),
        **{
            f"You write {value} for the decay: take the argument `decay`.": of(
                lambda decay, value=value: value, lambda decay, value=value: 1 - value
            )
            for value in (0.9, 0.99, 0.999)
        },
        "That is the first tensor alone: the others move as well.": lambda average, weights, decay: right(
            average[:1], weights[:1], decay
        ),
        "That is the last tensor alone: put each of them into the list.": lambda average, weights, decay: right(
            average[-1:], weights[-1:], decay
        ),
        "The last tensor is missing.": lambda average, weights, decay: right(average[:-1], weights[:-1], decay),
        "The tensors come out from the last one to the first.": lambda *given: right(*given)[::-1],
    }
    draws = _draws(0)
    cases = []
    for decay, shapes in (
        (0.9, ((2, 3), (4,))), (0.5, ((2, 3), (4,))), (0.999, ((2, 3), (4,))), (0.7, ((1,), (3, 1, 2), (2, 2))), (0.25, ((),)),
        (0.0, ((3,), (3,))),
    ):  # fmt: skip
        average, weights = ([torch.randn(shape, generator=draws) for shape in shapes] for _ in range(2))
        cases.append(
            Case((average, weights, decay), f"decay={decay} and {len(shapes)} tensor{'s' * (len(shapes) > 1)}")
        )
    same_function(answer, right, cases, result=listed(tensor(), what="tensors"), slips=slips, stops=_about_math)
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
def clip_together(answer: Any) -> str:
    draws = _draws(0)
    shapes = ((3, 4), (5,), (2, 2, 2))
    gradients = [torch.randn(shape, generator=draws) for shape in shapes]
    even = [torch.full((2, 2), 1.0), torch.full((5,), -1.0)]  # of length 3
    cases = []
    for own, scale, longest, words in (
        (gradients, 1.0, 2.0, "a long gradient"), (gradients, 0.1, 2.0, "a short gradient"),
        (gradients, 0.0, 2.0, "a gradient of zeros"), (gradients, 1.0, 0.5, "a long gradient"),
        (gradients[:1], 1.0, 1.0, "a long gradient"), (even, 1.0, 3.0, "a gradient that is just short enough"),
        ([0.5 * even[0], 2 * even[1]], 1.0, 3, "a long gradient"), (gradients, 0.1, 0.2, "a long gradient"),
        (gradients, 1.0, 20.0, "a short gradient"),
    ):  # fmt: skip
        scaled = [scale * each for each in own]
        count = f"{len(own)} tensor{'s' * (len(own) > 1)}"
        text = f"{words} ({count}, together of length {_length(scaled):.2f}) and longest={longest:g}"
        cases.append(Case((scaled, longest), text))
    same_function(answer, steps.clip_together, cases, result=_CLIPPED, slips=_clip_slips(), stops=_about_math)
    return "It gives what torch's `clip_grad_norm_` gives, and leaves short gradients alone."


def _length(tensors: Sequence[Tensor]) -> float:
    return torch.cat([each.detach().flatten() for each in tensors]).norm().item()


def _clipped_apart(mine: Sequence[Tensor], wanted: Sequence[Tensor]) -> str:
    said = _TENSORS.difference(mine, wanted)
    if len(mine) != len(wanted) or any(one.shape != other.shape for one, other in zip(mine, wanted, strict=True)):
        return said
    return f"Yours has length {_length(mine):.3f}; {_length(wanted):.3f} is expected. {said}"


_TENSORS = listed(tensor(), what="tensors")
_CLIPPED = replace(_TENSORS, difference=_clipped_apart)


def _clip_slips() -> dict[str, object]:
    Gradients = Sequence[Tensor]

    def cut(length: Callable[[Gradients], float]) -> Callable[..., list[Tensor]]:
        """All gradients by one factor, as if they had this length."""

        def clipped(gradients: Gradients, longest: float) -> list[Tensor]:
            found = length(gradients)
            return [each * min(1.0, longest / found) if found else each for each in gradients]

        return clipped

    def guarded(factor: Callable[[float, float], float]) -> Callable[..., list[Tensor]]:
        """All gradients by a factor made of the length and the longest, where they are not all zeros."""
        return lambda gradients, longest: [
            each * factor(_length(gradients), longest) if _length(gradients) else each for each in gradients
        ]

    return {
        "Each tensor is cut to that length by itself, which turns the direction: use one factor for all of them.": (
            lambda gradients, longest: [each * min(1.0, longest / max(each.norm().item(), 1e-9)) for each in gradients]
        ),
        "Each number is cut by itself, which turns the direction: use one factor for all of them.": (
            lambda gradients, longest: [each.clamp(-longest, longest) for each in gradients]
        ),
        "A gradient that is short enough is scaled up: it must stay as it is.": [
            guarded(lambda length, longest: longest / length),
            lambda gradients, longest: [each * (longest / torch.tensor(_length(gradients))) for each in gradients],
            guarded(lambda length, longest: max(1.0, longest / length)),
        ],
        "What is too long keeps its length: the longest allowed over its length is the factor.": guarded(
            lambda length, longest: min(1.0, length / longest)
        ),
        "Nothing may be divided by a length of 0: scale only what is too long.": [
            lambda gradients, longest: [
                each
                * (longest / torch.tensor(_length(gradients))).clamp(max=1)
                / torch.tensor(bool(_length(gradients)))
                for each in gradients
            ],
            lambda gradients, longest: [each * (0.0 / torch.tensor(_length(gradients)) + 1) for each in gradients],
        ],
        "All are made as long as 1: the length that is allowed is `longest`.": guarded(
            lambda length, longest: 1 / length
        ),
        "The length is the root of the sum of squares; you add up the tensors' lengths.": cut(
            lambda gradients: sum(each.norm().item() for each in gradients)
        ),
        "The length is the root of the sum of squares; you add up all magnitudes.": cut(
            lambda gradients: sum(each.abs().sum().item() for each in gradients)
        ),
        "The length is the root of the sum of squares; you take the largest number.": cut(
            lambda gradients: max(each.abs().max().item() for each in gradients)
        ),
        "The squares are added up, not averaged.": cut(
            lambda gradients: _length(gradients) / sum(each.numel() for each in gradients) ** 0.5
        ),
        "You take the longest tensor's length; all of them together are longer.": cut(
            lambda gradients: max(each.norm().item() for each in gradients)
        ),
        "You take the first tensor's length; all of them together are longer.": cut(
            lambda gradients: gradients[0].norm().item()
        ),
        "You take the last tensor's length; all of them together are longer.": cut(
            lambda gradients: gradients[-1].norm().item()
        ),
        "The root is missing: the sum of squares is the length squared.": cut(
            lambda gradients: _length(gradients) ** 2
        ),
        **{
            f"Yours is cut to {value:g}, whatever `longest` says.": (
                lambda gradients, longest, value=value: steps.clip_together(gradients, value)
            )
            for value in (2.0, 1.0)
        },
        "You compare the length with a number of your own: compare it with `longest`.": [
            lambda gradients, longest, own=own: (
                [each * (longest / _length(gradients)) for each in gradients] if _length(gradients) > own else gradients
            )
            for own in (1.0, 2.0)
        ],
        "What is too long is left out: it is to be scaled down.": lambda gradients, longest: [
            each * (_length(gradients) <= longest) for each in gradients
        ],
        "Nothing is cut. (torch's `clip_grad_norm_` cuts the `.grad` of parameters, and these tensors are the gradients.)": (
            lambda gradients, longest: gradients
        ),
    }


def _calibration_cases() -> list[tuple[str, Tensor, Tensor, int | None]]:
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
    in_first = torch.full((6, 6), 0.15)
    in_first[torch.arange(6), torch.tensor([0, 1, 2, 2, 5, 0])] = torch.tensor([0.25, 0.9, 0.6, 0.35, 0.5, 0.99])
    rest = 1 - in_first.amax(dim=1)
    in_first = torch.where(in_first == 0.15, rest[:, None] / 5, in_first)
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
        ("six images in 4 bins, one of them in the first,", in_first, torch.tensor([0, 1, 1, 2, 5, 0]), 4),
        ("300 images, with bins left out (15),", many, labels, None),
        ("300 images in 1 bin", many, labels, 1),
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
def calibration_error(answer: Any) -> str:
    cases = []
    for text, probabilities, labels, bins in _calibration_cases():
        cases.append(Case((probabilities, labels, *(() if bins is None else (bins,))), text))
    same_function(
        answer,
        expected_calibration_error,
        cases,
        result=number(digits=4),
        slips=_calibration_slips(),
        stops=_about_math,
    )
    return "0 would mean: of the answers given with 80 % confidence, 80 % are right, and so for every confidence."


def _calibration_slips() -> dict[str, object]:
    Confidence = Callable[[Tensor, Tensor], Tensor]

    def largest(probabilities: Tensor, labels: Tensor) -> Tensor:
        return probabilities.amax(dim=1)

    def of_label(probabilities: Tensor, labels: Tensor) -> Tensor:
        return probabilities[torch.arange(len(labels)), labels]

    def gaps(
        probabilities: Tensor,
        labels: Tensor,
        bins: int,
        *,
        sure: Confidence = largest,
        inside: Callable[..., Tensor] = lambda sure, low, high: (sure > low) & (sure <= high),
        numbers: Callable[[int], Iterable[int]] = range,
        empty: float | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(gap, share of the images) of each bin, of an empty one where `empty` says what its gap is."""
        probabilities = probabilities.double()
        right, confidence = (probabilities.argmax(dim=1) == labels).double(), sure(probabilities, labels)
        found = []
        for place in numbers(bins):
            within = inside(confidence, place / bins, (place + 1) / bins)
            if within.any():
                found.append(
                    (confidence[within].mean().item() - right[within].mean().item(), within.double().mean().item())
                )
            elif empty is not None:
                found.append((empty, 0.0))
        gap, share = torch.tensor(found or [(0.0, 0.0)], dtype=torch.float64).T
        return gap, share

    def of(
        join: Callable[..., Tensor] = lambda gap, share, images, bins: (gap.abs() * share).sum(), **options: object
    ) -> Callable[..., float]:
        """The error with other bins, another confidence, or the bins taken together in another way."""

        def error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
            gap, share = gaps(probabilities, labels, bins, **options)  # type: ignore[arg-type]  # the options are named right
            return join(gap, share, len(labels), bins).item()

        return error

    def at_both(sure: Tensor, low: float, high: float) -> Tensor:
        return (sure >= low) & (sure <= high)

    def at_low(sure: Tensor, low: float, high: float) -> Tensor:
        return (sure >= low) & (sure < high)

    def at_low_or_one(sure: Tensor, low: float, high: float) -> Tensor:
        return at_low(sure, low, high) | (sure == 1) & (high == 1)

    def at_none(sure: Tensor, low: float, high: float) -> Tensor:
        return (sure > low) & (sure < high) | (sure == 1) & (high == 1)

    def at_none_at_all(sure: Tensor, low: float, high: float) -> Tensor:
        return (sure > low) & (sure < high)

    def by_image(sign: Callable[[Tensor], Tensor]) -> Callable[..., float]:
        def error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
            right = (probabilities.argmax(dim=1) == labels).double()
            return sign(probabilities.double().amax(dim=1) - right).mean().item()

        return error

    lower = "An image whose confidence is the edge between two bins"
    cancel = (
        "Distances of both signs cancel in yours, as if all images stood in one bin: go bin by bin, and take `abs` of each before "
        "you add them up."
    )
    return {
        "Every bin counts alike in yours: weight each with its share of the images.": of(
            lambda gap, share, images, bins: gap.abs().mean()
        ),
        "You divide by the number of bins: weight each bin with its share of the images.": of(
            lambda gap, share, images, bins: gap.abs().sum() / bins
        ),
        "You add up the gaps of all bins: weight each with its share of the images.": of(
            lambda gap, share, images, bins: gap.abs().sum()
        ),
        cancel: of(lambda gap, share, images, bins: (gap * share).sum().abs()),
        f"{cancel} (Yours is confidence minus accuracy.)": of(lambda gap, share, images, bins: (gap * share).sum()),
        f"{cancel} (Yours is accuracy minus confidence.)": of(lambda gap, share, images, bins: -(gap * share).sum()),
        "A bin without images has no mean, and yours is nan. Leave empty bins out.": of(empty=math.nan),
        "An image with confidence 1 falls out of your bins: the last one holds 1, too.": [
            of(inside=at_low),
            of(inside=at_none_at_all),
        ],
        f"{lower} belongs to the lower one: above i / bins, at most (i + 1) / bins.": of(inside=at_low_or_one),
        f"{lower} counts in both of yours: it belongs to the lower one.": of(inside=at_both),
        f"{lower} counts in none of yours: it belongs to the lower one.": of(inside=at_none),
        "That is in points: a number from 0 to 1 is asked.": of(
            lambda gap, share, images, bins: 100 * (gap.abs() * share).sum()
        ),
        "Your first bin is left out: there are `bins` of them, numbers 0 to bins − 1.": of(
            numbers=lambda bins: range(1, bins)
        ),
        "Your last bin is left out: there are `bins` of them, numbers 0 to bins − 1.": of(
            numbers=lambda bins: range(bins - 1)
        ),
        "You take the distance image by image: first the two means of each bin, then their distance.": by_image(
            torch.abs
        ),
        **{
            f"Your bins do not follow `bins`: that is the error in {many}.": (
                lambda probabilities, labels, bins=15, many=many: expected_calibration_error(
                    probabilities, labels, many
                )
            )
            for many in (15, 10)
        },
        "Confidence is the probability of the *predicted* class, the largest one, not of the right class.": of(
            sure=of_label
        ),
        "You weight each bin with its number of images: divide by the number of all images.": of(
            lambda gap, share, images, bins: (gap.abs() * share).sum() * images
        ),
        "That is the largest gap of all bins: take the mean, weighted with each bin's share.": of(
            lambda gap, share, images, bins: gap.abs().max()
        ),
        "You square the distances: take them as they are, `abs`.": [
            of(lambda gap, share, images, bins: (gap.square() * share).sum()),
            of(lambda gap, share, images, bins: (gap.square() * share).sum().sqrt()),
        ],
    }


HOW_FAR = {1.5: "never more than 1.5 times", 15: "up to about 5 times", math.inf: "up to 30 times and more"}


def in_words(factor: float) -> str:
    """Which choice of the prediction "forms" holds for this largest factor between the two forms' steps."""
    return next(said for most, said in HOW_FAR.items() if factor <= most)
