"""What lesson 03 answers to its exercises."""

import contextlib
import copy
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lessons.batch_norm import by_hand, folding
from lessons.batch_norm.by_hand import OVER, per_channel
from networks.bn_inception import InceptionA, Widths
from networks.layers import pair as square
from utils.feedback.answers import require_function, returned
from utils.feedback.exercises import Feedback, Unexplained, Wrong, article
from utils.feedback.functions import Case, Kind, pair, same_function, several, tensor
from utils.feedback.modules import build, layers_of, same_module, settle
from utils.feedback.undoing import before_reasons

feedback = Feedback("batch_norm", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

EPS = 0.3  # so large that a slip with it shows
AXES = {
    "over the batch only: each place of the grid has a mean of its own": (0,),
    "over each image's places by themselves: the batch has to be averaged over too": (2, 3),
    "over everything, the channels included: each channel has statistics of its own": (0, 1, 2, 3),
    "over channels and places of each image: that is another layer, layer normalisation": (1, 2, 3),
}
GRID_OF_ONE = "A dimension is missing: the channel is axis 1 of (N, C, H, W), so that `dim=(0, 2, 3)` leaves it."


def _images(*shape: int, seed: int = 0) -> Tensor:
    """Values that are nowhere centred or scaled already: each channel at a level and spread of its own, float64."""
    generator = torch.Generator().manual_seed(seed)
    channels = shape[1]
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    x = x + torch.randn(shape[0], channels, 1, 1, generator=generator, dtype=torch.float64)  # images differ in level
    spread = per_channel(torch.linspace(0.5, 2.0, channels, dtype=torch.float64))
    return x * spread + per_channel(torch.linspace(-2.0, 3.0, channels, dtype=torch.float64))


def _gamma_beta(channels: int, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Gammas of both signs, and betas. float64."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.tensor([1, -1], dtype=torch.float64).repeat(channels)[:channels]
    return (
        signs * (torch.rand(channels, generator=generator, dtype=torch.float64) + 0.5),
        torch.randn(channels, generator=generator, dtype=torch.float64),
    )


def _near(mine: Tensor, theirs: Tensor, within: float = 1e-5) -> bool:
    """Equal up to rounding, a number that is none nowhere."""
    if mine.shape != theirs.shape:
        return False
    return bool((mine - theirs).abs().max() <= within * theirs.abs().max().clamp(min=1e-3))


def _tensor(value: object, like: Tensor, what: str) -> Tensor:
    """The learner's tensor in the right shape and precision, or a sentence about what it is instead."""
    if value is None:
        raise Wrong(f"{what} is nothing (None). Is the `return` missing?")
    if not isinstance(value, Tensor):
        raise Wrong(f"{what} is {article(value)} where a tensor of shape {tuple(like.shape)} is needed.")
    value = value.detach()
    if value.shape != like.shape:
        keeps = like.dim() == 1 and value.dim() > 1 and value.numel() == like.numel()
        advice = ": leave `keepdim` away here." if keeps else "."
        raise Wrong(f"{what} has shape {tuple(value.shape)}; {tuple(like.shape)} is expected{advice}")
    return value.to(like.dtype)


def _expect(mine: Tensor, theirs: Tensor, what: str, slips: Mapping[str, Tensor], within: float = 1e-5) -> None:
    """Raise `Wrong` unless the two are equal, with the sentence of the slip that gives what the learner has."""
    if _near(mine, theirs, within):
        return
    if not torch.isfinite(mine).all():
        raise Wrong(f"{what} holds values that are infinite or no number: is there a division by zero in it?")
    for sentence, slip in slips.items():
        if _near(mine, slip):
            raise Wrong(f"{what} is not right yet. {sentence}")
    largest = (mine - theirs).abs().max().item()
    raise Wrong(f"{what} is not right yet: the largest difference from what is expected is {largest:.3g}.")


def _about_shapes(error: Exception, *arguments: object) -> str:
    """Where a vector for the channels meets images unprepared, along their width, a sentence about that."""
    if not re.search("must match the size of tensor .* at non-singleton dimension 3", str(error)):
        return ""
    return (
        "A tensor of shape (C,) meets one of shape (N, C, H, W). torch lines shapes up from the right, so that C would meet W. "
        "Give it the shape (1, C, 1, 1): `gamma.view(1, -1, 1, 1)`, or `keepdim=True` in a mean."
    )


def _call(answer: Callable, *arguments: object) -> object:
    """The learner's result; where the shapes do not fit, a sentence about that."""
    try:
        return answer(*arguments)
    except RuntimeError as error:
        if about := _about_shapes(error):
            raise Unexplained(about) from error
        raise


def _unprepared(values: Tensor) -> Tensor:
    """A vector for the channels that meets the last axis instead, which runs where the grid is as wide as C."""
    return values.view(1, 1, 1, -1)


@feedback.exercise(
    "3.1",
    title="a channel's mean and variance",
    difficulty="worked",
    minutes=3,
    hints=(
        "x is (N, C, H, W). Which of the four axes must be left when the averages are taken?",
        "Average over the batch and both axes of the grid: `dim=(0, 2, 3)`.",
        "`return x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False)`",
    ),
    reference=by_hand.statistics,
)
def channel_statistics(answer: Any) -> str:
    Statistics = Callable[[Tensor], tuple[Tensor, Tensor]]

    def with_(variance: Callable[[Tensor], Tensor]) -> Statistics:
        return lambda x: (x.mean(dim=OVER), variance(x))

    def over(axes: tuple[int, ...]) -> Statistics:
        return lambda x: (x.mean(dim=axes), x.var(dim=axes, unbiased=False))

    slips: dict[str, Statistics | list[Statistics]] = {
        "It is the variance: return mean, variance, in this order.": lambda x: by_hand.statistics(x)[::-1],
        **{f"It is taken {where}. {GRID_OF_ONE}": over(axes) for where, axes in AXES.items()},
        "Leave `keepdim` away here: one number a channel is asked.": [
            lambda x: (x.mean(dim=OVER, keepdim=True), x.var(dim=OVER, unbiased=False, keepdim=True)),
            lambda x: tuple(each.view(-1, 1, 1) for each in by_hand.statistics(x)),
        ],
        "It is the unbiased one, divided by m − 1 in place of m, the number of values: say `unbiased=False`.": with_(
            lambda x: x.var(dim=OVER)
        ),
        "It is divided by the number of images, and a channel has N · H · W values in the batch.": [
            lambda x: (x.sum(dim=OVER) / len(x), (x - x.mean(dim=OVER, keepdim=True)).square().sum(dim=OVER) / len(x)),
            with_(lambda x: x.var(dim=OVER, unbiased=False) * x[0, 0].numel()),
        ],
        "It is the sum over the channel: divide by the number of its values.": [
            lambda x: (x.sum(dim=OVER), x.var(dim=OVER, unbiased=False)),
            with_(lambda x: (x - x.mean(dim=OVER, keepdim=True)).square().sum(dim=OVER)),
        ],
        "It is the standard deviation: the variance is its square.": [
            with_(lambda x: x.std(dim=OVER, unbiased=False)),
            with_(lambda x: x.std(dim=OVER)),
        ],
        "It is the mean of the squares: take the mean off before squaring.": with_(lambda x: x.square().mean(dim=OVER)),
        "It is the mean distance from the mean: square the distances.": with_(
            lambda x: (x - x.mean(dim=OVER, keepdim=True)).abs().mean(dim=OVER)
        ),
        "It is the mean of the variances of the images by themselves: how far apart the images are counts as well.": with_(
            lambda x: x.var(dim=(2, 3), unbiased=False).mean(dim=0)
        ),
    }
    cases = [
        Case((_images(*shape),), f"x of shape {shape}")
        for shape in ((4, 5, 3, 6), (3, 2, 2, 2), (1, 3, 4, 5), (2, 1, 1, 3), (3, 3, 3, 3))
    ]
    result = pair(tensor(), tensor(), ("mean", "variance"))
    same_function(
        answer, by_hand.statistics, cases, result=result, slips=slips, gradient=True, stops=_about_shapes, but=type
    )
    return "One mean and one variance for each channel, over the batch and all places."


@feedback.exercise(
    "3.2",
    title="normalise",
    difficulty="warm-up",
    minutes=6,
    hints=(
        "Three steps: take the mean off, divide by the deviation, then scale and shift. Which shapes meet in each step?",
        "`mean` has shape (C,) and x has (N, C, H, W): `mean.view(1, -1, 1, 1)` fits. `eps` goes to the variance, under "
        "the root.",
        "`normalised = (x - mean) / torch.sqrt(variance + eps)`, then `gamma * normalised + beta`, with all four vectors "
        "viewed as (1, C, 1, 1).",
    ),
    reference=by_hand.normalise,
)
def normalise(answer: Any) -> str:
    cases = []
    for shape, eps in (
        ((4, 5, 3, 6), EPS),
        ((3, 4, 2, 4), 0.8),
        ((2, 3, 5, 5), 1e-5),
        ((1, 2, 3, 2), EPS),
        ((3, 3, 3, 3), 0.1),
    ):
        case = f"x of shape {shape}, eps={eps},"
        cases.append(Case((_images(*shape), *_gamma_beta(shape[1]), eps), case))
    slips = _slips_of_normalise()
    same_function(
        answer,
        by_hand.normalise,
        cases,
        result=tensor(within=1e-5),
        slips=slips,
        gradient=True,
        stops=_about_shapes,
        but=type,
    )
    return "Your function does what the layer does in training."


Normalised = Callable[[Tensor, Tensor, Tensor, float], Tensor]


def _slips_of_normalise() -> dict[str, Normalised | list[Normalised]]:
    """Normalisation in training with a slip in it."""

    def slipped(
        join: Callable[..., Tensor] = lambda y, g, b: g * y + b,
        *,
        scaled: Callable[..., Tensor] = lambda centred, root: centred / root,
        root: Callable[[Tensor, float], Tensor] = lambda variance, eps: torch.sqrt(variance + eps),
        axes: tuple[int, ...] = OVER,
        unbiased: bool = False,
        centre: bool = True,
        view: Callable[[Tensor], Tensor] = per_channel,
    ) -> Normalised:
        def normalised(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
            mean, variance = x.mean(dim=axes, keepdim=True), x.var(dim=axes, keepdim=True, unbiased=unbiased)
            y = scaled(x - mean if centre else x, root(variance, eps))
            return join(y, view(gamma), view(beta))

        return normalised

    return {
        "gamma and beta are missing: scale and shift what you normalised.": slipped(lambda y, g, b: y),
        "beta is missing.": slipped(lambda y, g, b: g * y),
        "gamma is missing.": slipped(lambda y, g, b: y + b),
        "gamma and beta have changed places.": slipped(lambda y, g, b: b * y + g),
        "beta is added before gamma scales: gamma times normalised, then plus beta.": slipped(
            lambda y, g, b: g * (y + b)
        ),
        "beta is taken off: it is added.": slipped(lambda y, g, b: g * y - b),
        "eps stands outside of the root: it is added to the variance.": slipped(
            root=lambda variance, eps: variance.sqrt() + eps
        ),
        "eps is missing, or it is not the one that is given.": [
            slipped(root=lambda variance, eps: variance.sqrt()),
            slipped(root=lambda variance, eps: torch.sqrt(variance + 1e-5)),
        ],
        f"You write {EPS} for eps: take the one that is given.": slipped(
            root=lambda variance, eps: torch.sqrt(variance + EPS)
        ),
        "It divides by the variance: take its root.": slipped(root=lambda variance, eps: variance + eps),
        "It multiplies by the deviation: divide by it.": slipped(scaled=lambda centred, root: centred * root),
        "The deviation is missing: divide by it.": slipped(scaled=lambda centred, root: centred),
        "The mean is not taken off.": slipped(centre=False),
        "The variance is the unbiased one: say `unbiased=False`.": slipped(unbiased=True),
        **{f"The statistics are taken {where}.": slipped(axes=axes) for where, axes in AXES.items()},
        "gamma and beta meet the last axis of x, not the channels: view them as (1, C, 1, 1).": slipped(
            view=_unprepared
        ),
    }


@feedback.exercise(
    "3.3",
    title="the layer with its two modes",
    difficulty="medium",
    minutes=12,
    hints=(
        "`self.training` says which mode it is. In which of the two may the running statistics change?",
        "In training: take the batch's statistics, and blend: `(1 - self.momentum) * self.running_mean + self.momentum * "
        "mean`, without gradients. The blended variance is `x.var(dim=(0, 2, 3))`, the unbiased one.",
        "In evaluation: `mean, variance = self.running_mean, self.running_var`. What follows, normalise, scale and shift, "
        "is the same in both modes.",
    ),
    reference=by_hand.BatchNorm2d,
)
def batch_norm(answer: Any) -> str:
    for channels, eps, momentum, grid in ((5, EPS, 0.3, (3, 6)), (4, 1e-5, 0.1, (2, 4))):
        module = build(answer, channels, eps=eps, momentum=momentum)
        unsaved = [name for name, _ in module.named_buffers() if name not in module.state_dict()]
        if unsaved:
            raise Wrong(f"`{unsaved[0]}` is not saved with the network: leave out `persistent=False`.")
        gamma, beta = _parameters(module, channels)
        reference = nn.BatchNorm2d(channels, eps=eps, momentum=momentum)
        with torch.no_grad():
            for own, other, values in zip(
                (gamma, beta), (reference.weight, reference.bias), _gamma_beta(channels), strict=True
            ):
                own.copy_(values.view_as(own))
                other.copy_(values)
        batches = [_images(3, channels, *grid, seed=seed).float() for seed in range(4)]
        _compare_training(module, reference, batches, eps)
        _compare_evaluation(module, reference, batches, momentum, eps)
    return "It equals torch's own layer, in both modes, over several batches."


def _parameters(module: nn.Module, channels: int) -> tuple[nn.Parameter, nn.Parameter]:
    """The learner's gamma and beta, known by what they start with."""
    parameters = list(module.parameters())
    if len(parameters) != 2 or any(parameter.numel() != channels for parameter in parameters):
        shapes = ", ".join(str(tuple(parameter.shape)) for parameter in parameters) or "none"
        raise Wrong(
            f"The layer learns two vectors with one number a channel, gamma and beta. Yours learns: {shapes}. Running "
            "statistics are not learned: keep them with `register_buffer`."
        )
    gamma = next((parameter for parameter in parameters if bool((parameter == 1).all())), None)
    beta = next((parameter for parameter in parameters if bool((parameter == 0).all())), None)
    if gamma is None or beta is None:
        raise Wrong("At the start gamma is 1 and beta is 0 in every channel, so that the layer only normalises.")
    return gamma, beta


def _output(module: nn.Module, x: Tensor, what: str) -> Tensor:
    result = _call(module, x)
    _tensor(result, x, what)
    return result


def _compare_training(module: nn.Module, reference: nn.Module, batches: list[Tensor], eps: float) -> None:
    _keeps_its_input(copy.deepcopy(module), batches[0])
    module.train()
    reference.train()
    for number, x in enumerate(batches):
        mine_x, their_x = x.clone().requires_grad_(), x.clone().requires_grad_()
        what = f"In training, on batch {number + 1}, your layer's result"
        given = mine_x.clone()  # no leaf, so that a change in place is seen and not refused by torch
        try:
            mine = _output(module, given, what)
        except RuntimeError as error:
            follows = any(value.requires_grad for value in _kept(module).values())
            if follows and ("in-place" in str(error) or "requires grad" in str(error)):
                raise Wrong(
                    "The running statistics must be updated without gradients: put the update under `with torch.no_grad():`, "
                    "or `detach()` the batch's statistics there."
                ) from error
            if "doesn't match the broadcast shape" in str(error):
                raise Wrong(
                    "A batch's mean of shape (1, C, 1, 1) meets a running mean of shape (C,). Blend a mean of shape (C,), as "
                    "`x.mean(dim=(0, 2, 3))` without `keepdim` gives it."
                ) from error
            raise
        if not torch.equal(given, x):
            raise Wrong(
                "Your layer changes its input, which others read, too. Write `x = x - ...`: `-=`, `/=` and names that end in `_` write "
                "into the tensor."
            )
        _require_vectors(module, x.shape[1])
        theirs = reference(their_x)
        if not _near(mine.detach(), theirs.detach(), 1e-5):
            before_reasons()
        _expect(mine.detach(), theirs.detach(), what, _slips_in_training(x, reference, eps))
        weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(number))
        if not mine.requires_grad:
            raise Wrong("No gradient reaches x, gamma and beta: compute the result outside of `torch.no_grad()`.")
        try:
            (mine * weights).sum().backward()
        except RuntimeError as error:
            if "second time" not in str(error) and "modified by an inplace" not in str(error):
                raise
            raise Wrong(
                "From the second batch on, the gradient runs back into earlier batches: the running statistics keep how they "
                "were computed. Update them under `with torch.no_grad():`, or from `mean.detach()`."
            ) from error
        (theirs * weights).sum().backward()
        _expect_gradient(mine_x.grad, their_x.grad)


def _keeps_its_input(module: nn.Module, x: Tensor) -> None:
    """Raise `Wrong` where the layer changes the images that it is given, in either mode."""
    for training in (True, False):
        given = x.clone()
        with contextlib.suppress(Exception), torch.no_grad():  # what stops is told further down
            module.train(training)(given)
        if not torch.equal(given, x):
            raise Wrong(
                "Your layer changes its input, the x that it is given. An operation that writes into it, as `x -= mean` does, has a form that makes a new tensor: `x - mean`."
            )


def _kept(module: nn.Module) -> dict[str, Tensor]:
    """The tensors that a module keeps and does not train, buffers or plain attributes, by name."""
    plain = {name: value for name, value in vars(module).items() if isinstance(value, Tensor)}
    return dict(module.named_buffers()) | plain


def _require_vectors(module: nn.Module, channels: int) -> None:
    for name, value in _kept(module).items():
        if value.dim() > 1 and value.numel() > channels:
            pattern = ", ".join("C" if size == channels else str(size) for size in value.shape)
            raise Wrong(
                f"`{name}` has become ({pattern}): a batch's statistic that kept its dimensions met the running one of shape "
                "(C,). Blend one of shape (C,), as `x.mean(dim=(0, 2, 3))` without `keepdim` gives it."
            )


def _expect_gradient(mine: Tensor | None, theirs: Tensor) -> None:
    if mine is None:
        raise Wrong("No gradient reaches x: is there a `detach` or a `.data` on its way?")
    if not _near(mine, theirs, 1e-3):
        raise Wrong(
            "In training the result is right, and its gradient is not: the batch's mean and variance depend on x, so the "
            "gradient has to flow through them too. Compute them outside of `torch.no_grad()`, without `detach`."
        )


def _slips_in_training(x: Tensor, reference: nn.BatchNorm2d, eps: float) -> dict[str, Tensor]:
    """Results of slips in training; the reference has seen this batch already."""
    gamma, beta = reference.weight.detach(), reference.bias.detach()
    keep = 1 - reference.momentum
    mean, unbiased = x.mean(dim=OVER), x.var(dim=OVER)
    after = reference.running_mean, reference.running_var
    before = (after[0] - reference.momentum * mean) / keep, (after[1] - reference.momentum * unbiased) / keep
    biased = x.var(dim=OVER, unbiased=False)
    used = {
        "It normalises with the running statistics: in training the batch's own are used.": (*before, eps),
        "It normalises with the running statistics after their update: in training the batch's own are used.": (
            *after,
            eps,
        ),
        "It normalises with the unbiased variance. That one is for the running variance only.": (mean, unbiased, eps),
        "eps is not the one that `__init__` got: keep it as `self.eps`.": (mean, biased, 1e-5),
    }
    slips = {words: _apply(x, own, spread, gamma, beta, own_eps) for words, (own, spread, own_eps) in used.items()}
    for sentence, slip in _slips_of_normalise().items():
        with contextlib.suppress(RuntimeError):  # a slip that runs on some grids alone
            slips.setdefault(sentence, (slip[0] if isinstance(slip, list) else slip)(x, gamma, beta, eps))
    return slips


def _apply(x: Tensor, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    root = torch.sqrt(per_channel(variance.clamp(min=0)) + eps)
    return per_channel(gamma) * (x - per_channel(mean)) / root + per_channel(beta)


def _compare_evaluation(
    module: nn.Module, reference: nn.Module, batches: list[Tensor], momentum: float, eps: float
) -> None:
    module.eval()
    reference.eval()
    x = _images(2, batches[0].shape[1], 4, 3, seed=9).float()
    what = "In evaluation, after four batches of training, your layer's result"
    gamma, beta = reference.weight.detach(), reference.bias.detach()
    slips = {
        sentence: _apply(x, *statistics, gamma, beta, eps)
        for sentence, statistics in _slips_of_running(batches, x, momentum).items()
    }
    right, one, zero = (reference.running_mean, reference.running_var), torch.ones_like(gamma), torch.zeros_like(beta)
    slips |= {
        "gamma and beta are missing: they scale and shift in both modes.": _apply(x, *right, one, zero, eps),
        "beta is missing: it is added in both modes.": _apply(x, *right, gamma, zero, eps),
        "gamma is missing: it scales in both modes.": _apply(x, *right, one, beta, eps),
        "The running variance is not under a root.": per_channel(gamma) * (x - per_channel(right[0]))
        / (per_channel(right[1]) + eps) + per_channel(beta),
    }  # fmt: skip
    kept = {name: value.detach().clone() for name, value in _kept(module).items()}
    with torch.no_grad():
        first = _output(module, x, what).detach().clone()
        if any(not torch.equal(value, kept.get(name, value)) for name, value in _kept(module).items()):
            raise Wrong("In evaluation the running statistics still change: update them in training only.")
        _expect(first, reference(x), what, slips)
        module(batches[0])
        again = module(x)
    if not _near(again, first):
        raise Wrong("In evaluation the running statistics still change: update them in training only.")
    if any(buffer.requires_grad for buffer in module.buffers()):
        raise Wrong(
            "The running statistics keep how they were computed, for a gradient that nobody needs, and with it the memory "
            "of every batch. Update them under `with torch.no_grad():`."
        )
    kept = [value for value in module.state_dict().values() if value.numel() == x.shape[1]]
    if len(kept) < 4:
        raise Wrong(
            "The running statistics are not kept with the network: saved and loaded again, it would have lost them. Make "
            'them with `self.register_buffer("running_mean", ...)`.'
        )


def _slips_of_running(batches: list[Tensor], x: Tensor, momentum: float) -> dict[str, tuple[Tensor, Tensor]]:
    """Running statistics as slips would leave them."""

    def blended(
        share: float, spread: Callable[[Tensor], Tensor] = lambda batch: batch.var(dim=OVER)
    ) -> tuple[Tensor, Tensor]:
        mean, variance = start
        for batch in batches:
            mean = mean + share * (batch.mean(dim=OVER) - mean)
            variance = variance + share * (spread(batch) - variance)
        return mean, variance

    def biased(batch: Tensor) -> Tensor:
        return batch.var(dim=OVER, unbiased=False)

    def biased_times(factor: Callable[[float], float], *, of_images: bool = False) -> tuple[Tensor, Tensor]:
        def spread(batch: Tensor) -> Tensor:
            return biased(batch) * factor(len(batch) if of_images else batch.numel() / batch.shape[1])

        return blended(momentum, spread)

    start, last = (torch.zeros(x.shape[1]), torch.ones(x.shape[1])), batches[-1]
    average = (
        torch.stack([b.mean(dim=OVER) for b in batches]).mean(0),
        torch.stack([b.var(dim=OVER) for b in batches]).mean(0),
    )
    right = blended(momentum)
    return {
        "It uses the statistics of the batch that it gets. In evaluation the running ones are used, so that an image's "
        "result does not depend on its companions.": by_hand.statistics(x),
        "The running statistics are those of the start, 0 and 1: update them in training.": start,
        "The running statistics are those of the last batch: blend the old ones with the new ones, do not replace them.": (
            last.mean(dim=OVER), last.var(dim=OVER),
        ),
        "The running statistics are those of the last batch, its variance the biased one: blend the old ones with the new "
        "ones, do not replace them.": by_hand.statistics(last),
        "The blend is the wrong way round: momentum is the share of the new batch, 1 − momentum that of the old value. "
        "(An optimiser's momentum counts the other way.)": blended(1 - momentum),
        "The blend is the wrong way round: momentum is the share of the new batch, 1 − momentum that of the old value, "
        "and the running variance is blended from the unbiased one.": blended(1 - momentum, biased),
        "The running variance is blended from the biased variance. torch blends the unbiased one, `x.var(dim=(0, 2, 3))`: "
        "the batch is a sample of all images.": blended(momentum, biased),
        "The running variance is never updated.": (right[0], start[1]),
        "The running mean is never updated.": (start[0], right[1]),
        "The blend does not use the momentum that `__init__` got: keep it as `self.momentum`.": blended(0.1),
        "The deviation is blended into the running variance: blend its square.": blended(
            momentum, lambda batch: batch.std(dim=OVER)
        ),
        "The deviation is blended into the running variance, and the biased one: blend `x.var(dim=(0, 2, 3))`.": blended(
            momentum, lambda batch: biased(batch).sqrt()
        ),
        "The running variance is corrected with the number of images; a channel has N · H · W values in the batch: m is "
        "`x.numel() / x.shape[1]`.": biased_times(lambda count: count / (count - 1), of_images=True),
        "The correction of the running variance is the wrong way round: the biased variance times m / (m − 1) is the unbiased "
        "one.": biased_times(lambda count: (count - 1) / count),
        "The unbiased variance is corrected once more: it is divided by m − 1 already.": biased_times(
            lambda count: (count / (count - 1)) ** 2
        ),
        "The running statistics are the plain average of all batches; torch blends each new batch in with the share "
        "momentum.": average,
    }  # fmt: skip


@feedback.exercise(
    "3.4",
    title="the backward pass",
    difficulty="hard",
    minutes=15,
    hints=(
        "beta is added to every value of its channel, gamma multiplies every normalised value: what does each of the two "
        "gather over the channel?",
        "`dbeta = dy.sum(dim=(0, 2, 3))` and `dgamma = (dy * normalised).sum(dim=(0, 2, 3))`. Divided by the number of "
        "values in a channel, the same two sums are what must be taken off dy on its way to x.",
        "`dx = gamma / deviation * (dy - dbeta / m - normalised * dgamma / m)`, with m = `x.numel() / x.shape[1]`, "
        "deviation = `torch.sqrt(variance + eps)`, and every vector viewed as (1, C, 1, 1).",
    ),
    reference=by_hand.normalise_backward,
)
def normalise_backward(answer: Any) -> str:
    cases = []
    for shape, eps in (((4, 5, 3, 6), EPS), ((2, 3, 2, 2), 0.05), ((1, 2, 3, 4), 1.5), ((3, 3, 3, 3), 1e-3)):
        draws = torch.Generator().manual_seed(5)
        dy = torch.randn(shape, generator=draws, dtype=torch.float64) + 0.4
        gamma, _ = _gamma_beta(shape[1])
        cases.append(Case((dy, _images(*shape), gamma, eps), f"x of shape {shape}, eps={eps},"))
    # beta's is the simplest, x's needs the others.
    result = several((tensor(within=1e-5),) * 3, ("dx", "dgamma", "dbeta"), order=(2, 1, 0))
    with torch.no_grad():
        same_function(
            answer,
            by_hand.normalise_backward,
            cases,
            result=result,
            slips=_slips_of_backward(),
            stops=_about_backward,
            but=type,
        )
    _gradcheck(answer)
    return "It agrees with autograd, and with differences of the forward pass (`gradcheck`), in float64."


def _about_backward(error: Exception, *arguments: object) -> str:
    if "does not require grad" in str(error):
        return "Your function asks autograd. Write the three gradients out: two sums, and what they take off dy."
    return _about_shapes(error)


Backward = Callable[[Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor, Tensor]]


def _slips_of_backward() -> dict[str, Backward | list[Backward]]:
    """The backward pass with a slip in it: in one of the three gradients, or in the statistics that all are made from."""

    def with_statistics(
        root: Callable[[Tensor, float], Tensor] = lambda variance, eps: torch.sqrt(variance + eps),
        axes: tuple[int, ...] = OVER,
        unbiased: bool = False,
    ) -> Backward:
        def backward(dy: Tensor, x: Tensor, gamma: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
            deviation = root(x.var(dim=axes, keepdim=True, unbiased=unbiased), eps)
            y = (x - x.mean(dim=axes, keepdim=True)) / deviation
            rest = dy - dy.mean(dim=OVER, keepdim=True) - y * (dy * y).mean(dim=OVER, keepdim=True)
            return per_channel(gamma) / deviation * rest, (dy * y).sum(dim=OVER), dy.sum(dim=OVER)

        return backward

    def with_(place: int, part: Callable[..., Tensor]) -> Backward:
        """One of the three as `part(dy, x, gamma, y, root)` gives it, y being the normalised x and root its deviation."""

        def backward(dy: Tensor, x: Tensor, gamma: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
            mean, variance = (per_channel(each) for each in by_hand.statistics(x))
            root = torch.sqrt(variance + eps)
            three = list(by_hand.normalise_backward(dy, x, gamma, eps))
            three[place] = part(dy, x, gamma, (x - mean) / root, root)
            return tuple(three)

        return backward

    def dbeta(part: Callable[..., Tensor]) -> Backward:
        return with_(2, part)

    def dgamma(part: Callable[..., Tensor]) -> Backward:
        return with_(1, part)

    def dx(
        rest: Callable[..., Tensor] = lambda dy, y, of_dy, along, n, m: dy - of_dy - y * along,
        factor: Callable[..., Tensor] = lambda g, root: g / root,
        axes: tuple[int, ...] = OVER,
    ) -> Backward:
        """dx as another factor times another rest, from dy, y, the two means, the images, and the values in a channel."""

        def part(dy: Tensor, x: Tensor, gamma: Tensor, y: Tensor, root: Tensor) -> Tensor:
            of_dy, along = (each.mean(dim=axes, keepdim=True) for each in (dy, dy * y))
            return factor(per_channel(gamma), root) * rest(dy, y, of_dy, along, len(x), x.numel() // x.shape[1])

        return with_(0, part)

    def swapped(*order: int) -> Backward:
        def backward(dy: Tensor, x: Tensor, gamma: Tensor, eps: float) -> tuple[Tensor, ...]:
            three = by_hand.normalise_backward(dy, x, gamma, eps)
            return tuple(three[place] for place in order)

        return backward

    return {
        "They stand in another order: return dx, dgamma, dbeta.": [
            swapped(*order) for order in ((0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        ],
        "eps is missing under the root.": with_statistics(lambda variance, eps: variance.sqrt()),
        f"You write {EPS} for eps: use the eps that your function is given.": [
            with_statistics(lambda variance, eps: torch.sqrt(variance + EPS)),
            with_(0, lambda dy, x, gamma, y, root: by_hand.normalise_backward(dy, x, gamma, EPS)[0]),
            # with the right normalised x
            with_(
                0,
                lambda dy, x, gamma, y, root: (
                    per_channel(gamma)
                    / torch.sqrt(per_channel(by_hand.statistics(x)[1]) + EPS)
                    * (dy - dy.mean(dim=OVER, keepdim=True) - y * (dy * y).mean(dim=OVER, keepdim=True))
                ),
            ),
        ],
        "eps stands outside of the root: it is added to the variance.": with_statistics(
            lambda variance, eps: variance.sqrt() + eps
        ),
        "The variance is the unbiased one: say `unbiased=False`.": with_statistics(unbiased=True),
        "The variance is not under a root.": with_statistics(lambda variance, eps: variance + eps),
        **{f"Mean and variance are taken {where}.": with_statistics(axes=axes) for where, axes in AXES.items()},
        "Leave `keepdim` away in what you give back: dgamma and dbeta have the shape of gamma, (C,).": [
            with_(place, lambda dy, x, gamma, y, root, times=times: (dy * times(y)).sum(dim=OVER, keepdim=True))
            for place, times in ((2, torch.ones_like), (1, lambda y: y))
        ],
        "It is the mean over the channel: every value adds its part, so take the sum.": [
            dbeta(lambda dy, x, gamma, y, root: dy.mean(dim=OVER)),
            dgamma(lambda dy, x, gamma, y, root: (dy * y).mean(dim=OVER)),
        ],
        "It is multiplied by gamma: beta is added after gamma scales.": dbeta(
            lambda dy, x, gamma, y, root: dy.sum(dim=OVER) * gamma
        ),
        "dy is multiplied by x itself: gamma multiplies the normalised x.": dgamma(
            lambda dy, x, gamma, y, root: (dy * x).sum(dim=OVER)
        ),
        "dy is multiplied by x − mean: divide by the deviation too.": dgamma(
            lambda dy, x, gamma, y, root: (dy * y * root).sum(dim=OVER)
        ),
        "It is multiplied by gamma: the derivative of gamma · normalised by gamma is the normalised value.": dgamma(
            lambda dy, x, gamma, y, root: (dy * y).sum(dim=OVER) * gamma
        ),
        "It has the direct path only. x moves its channel's mean and variance too, and both carry gradient.": dx(
            lambda dy, y, of_dy, along, n, m: dy
        ),
        "The path through the mean is missing: if all of a channel's x grow by one, nothing changes, so dx must sum to zero "
        "in each channel.": dx(lambda dy, y, of_dy, along, n, m: dy - y * along),
        "The path through the variance is missing: a value far from the mean widens the channel, and all the others shrink. "
        "(The last term needs the mean of the product dy · normalised, not the product of the two means, which is zero.)": dx(
            lambda dy, y, of_dy, along, n, m: dy - of_dy
        ),
        "The last term lacks its factor, the normalised x: how far it takes from a value depends on where that lies.": dx(
            lambda dy, y, of_dy, along, n, m: dy - of_dy - along
        ),
        "gamma is missing.": dx(factor=lambda g, root: 1 / root),
        "The deviation is missing: x was divided by it.": dx(factor=lambda g, root: g),
        "It is divided by the variance: divide by the deviation, its root.": dx(factor=lambda g, root: g / root**2),
        "It is multiplied by the deviation: x was divided by it, and so is dx.": dx(factor=lambda g, root: g * root),
        "The sums must be means here: divide them by the number of values in a channel.": dx(
            lambda dy, y, of_dy, along, n, m: dy - m * of_dy - m * y * along
        ),
        "The two sums are divided by the number of images; a channel has N · H · W values in the batch.": dx(
            lambda dy, y, of_dy, along, n, m: dy - m / n * of_dy - m / n * y * along
        ),
        "The two sums are divided by the places of the grid; a channel has N · H · W values in the batch.": dx(
            lambda dy, y, of_dy, along, n, m: dy - n * of_dy - n * y * along
        ),
        "The signs of the two parts that are taken off are turned round.": dx(
            lambda dy, y, of_dy, along, n, m: dy + of_dy + y * along
        ),
        "The part along the normalised x is added: take it off.": dx(
            lambda dy, y, of_dy, along, n, m: dy - of_dy + y * along
        ),
        **{f"The two means are taken {where}.": dx(axes=axes) for where, axes in AXES.items()},
    }


def function_of(forward: Callable, backward: Callable) -> Callable:
    """A function of (x, gamma, beta, eps) for torch's autograd, with a forward and a backward pass written by hand."""

    class Normalise(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, gamma, beta, eps):
            ctx.save_for_backward(x, gamma)
            ctx.eps = eps
            return forward(x, gamma, beta, eps)

        @staticmethod
        def backward(ctx, dy):
            x, gamma = ctx.saved_tensors
            return (*backward(dy, x, gamma, ctx.eps), None)

    return Normalise.apply


def _gradcheck(answer: Callable) -> None:
    x, (gamma, beta) = _images(2, 3, 2, 3), _gamma_beta(3)
    inputs = [each.clone().requires_grad_() for each in (x, gamma, beta)]
    by_course = function_of(by_hand.normalise, answer)
    if not torch.autograd.gradcheck(by_course, (*inputs, 1e-3), raise_exception=False):
        raise Wrong(
            "It agrees for eps = 0.3 and not for eps = 0.001: use the eps that your function is given, wherever the root is "
            "taken."
        )


@feedback.exercise(
    "3.5",
    title="fold the normalisation away",
    difficulty="medium",
    minutes=10,
    hints=(
        "In evaluation a channel is multiplied by one number and then one number is added. Write both down with gamma, "
        "beta, the running mean and the running variance.",
        "The factor is `scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)`, one a channel. It multiplies the "
        "filters of the channel, and what the convolution adds, its bias.",
        "`new_weight = conv.weight * scale.view(-1, 1, 1, 1)`, and `new_bias = norm.bias + (bias - norm.running_mean) * scale`.",
    ),
    reference=folding.fold,
)
def fold(answer: Any) -> str:
    cases = []
    for number, (conv, eps) in enumerate(
        (
            (nn.Conv2d(4, 6, 3, padding=1, bias=False), EPS),
            (nn.Conv2d(5, 5, 1), 0.1),
            (nn.Conv2d(4, 8, 3, stride=2, groups=2), 1.0),
            (nn.Conv2d(3, 2, (1, 5), padding=(0, 2)), 0.5),
        )
    ):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number)
            conv.reset_parameters()
            norm = nn.BatchNorm2d(conv.out_channels, eps=eps).eval()
            with torch.no_grad():
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.5, 2)
                norm.weight.uniform_(0.5, 1.5)
                norm.weight[1] *= -1
                norm.bias.normal_()
        shape = "×".join(map(str, conv.kernel_size))
        text = f"a {shape} convolution {'with' if conv.bias is not None else 'without'} bias"
        cases.append(Case((conv.double(), norm.double()), text))
    same_function(
        answer, folding.fold, cases, result=_ONE_LAYER, slips=_slips_of_folding(), stops=_about_folding, but=type
    )
    return "One layer in place of two, and the same numbers to less than a millionth."


def _read_layer(result: object, case: str, wanted: object) -> nn.Conv2d:
    if not isinstance(returned(result, case), nn.Conv2d):
        raise Wrong(f"For {case} one `nn.Conv2d` is needed; your function gives back {article(result)}.")
    return result


def _outputs(mine: nn.Conv2d, wanted: nn.Conv2d) -> list[Tensor]:
    """What both put out for the same images."""
    draws = torch.Generator().manual_seed(7)
    x = torch.randn(2, wanted.in_channels, 9, 8, generator=draws, dtype=torch.float64)
    with torch.no_grad():
        return [each(x.to(each.weight.dtype)).double() for each in (mine, wanted)]


def _same_outputs(mine: nn.Conv2d, wanted: nn.Conv2d) -> bool:
    try:
        own, right = _outputs(mine, wanted)
    except RuntimeError:
        return False
    return _near(own, right, 1e-6)


def _layers_apart(mine: nn.Conv2d, wanted: nn.Conv2d) -> str:
    for name in ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups"):
        if getattr(mine, name) != getattr(wanted, name):
            return f"Its {name} is {getattr(mine, name)}; the convolution's is {getattr(wanted, name)}: keep it."
    own, right = _outputs(mine, wanted)
    return f"The largest difference from what the two put out is {(own - right).abs().max().item():.3g}."


_ONE_LAYER = Kind(
    _read_layer, _same_outputs, repr, _layers_apart, said="For {} the result of your one layer is not right."
)


def _about_folding(error: Exception, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> str:
    if "must match the size of tensor" not in str(error):
        return ""
    return (
        f"Two shapes do not fit: the filters are {tuple(conv.weight.shape)}, output channels first, and norm has one number "
        f"for each of the {conv.out_channels} output channels. torch lines shapes up from the right: give the factor the "
        "shape (C, 1, 1, 1) for the filters, `scale.view(-1, 1, 1, 1)`; for the bias it stays (C,)."
    )


def _with(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    made = copy.deepcopy(conv)
    made.weight, made.bias = nn.Parameter(weight), nn.Parameter(bias)
    return made


def _slips_of_folding() -> dict[str, Callable[[nn.Conv2d, nn.BatchNorm2d], nn.Conv2d]]:
    """Folding with a slip in it."""
    Folded = Callable[[nn.Conv2d, nn.BatchNorm2d], nn.Conv2d]

    def slipped(
        bias: Callable[..., Tensor] = lambda own, mean, beta, scale: beta + (own - mean) * scale,
        scale: Callable[..., Tensor] = lambda gamma, variance, eps: gamma / torch.sqrt(variance + eps),
        weight: Callable[[Tensor, Tensor], Tensor] = lambda weight, scale: weight * scale.view(-1, 1, 1, 1),
    ) -> Folded:
        def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
            own = torch.zeros_like(norm.bias) if conv.bias is None else conv.bias
            factor = scale(norm.weight, norm.running_var, norm.eps)
            return _with(conv, weight(conv.weight, factor), bias(own, norm.running_mean, norm.bias, factor))

        return fold

    def with_own_bias(fold: Folded) -> Folded:
        """The slip where there is a bias to lose."""
        return lambda conv, norm: fold(conv, norm) if conv.bias is not None else None

    return {
        "beta is missing in the bias.": slipped(lambda own, mean, beta, scale: (own - mean) * scale),
        "The running mean is missing in the bias: it is taken off before the scaling.": slipped(
            lambda own, mean, beta, scale: beta + own * scale
        ),
        "The running mean is taken off, but not scaled: both go through the same factor.": slipped(
            lambda own, mean, beta, scale: beta + own * scale - mean
        ),
        "beta goes through the factor too: it is added after gamma has scaled.": slipped(
            lambda own, mean, beta, scale: (beta + own - mean) * scale
        ),
        "The bias is still the convolution's own.": slipped(lambda own, mean, beta, scale: own),
        "The running mean is added: the normalisation takes it off.": slipped(
            lambda own, mean, beta, scale: beta + (own + mean) * scale
        ),
        "The convolution's own bias is lost: the normalisation gets it too.": with_own_bias(
            slipped(lambda own, mean, beta, scale: beta - mean * scale)
        ),
        "The convolution's own bias is added, but not scaled.": with_own_bias(
            slipped(lambda own, mean, beta, scale: beta + own - mean * scale)
        ),
        "eps is missing under the root.": slipped(scale=lambda gamma, variance, eps: gamma / variance.sqrt()),
        "eps stands outside of the root.": slipped(scale=lambda gamma, variance, eps: gamma / (variance.sqrt() + eps)),
        "You write 1e-05 for eps: the layer's own is `norm.eps`.": slipped(
            scale=lambda gamma, variance, eps: gamma / torch.sqrt(variance + 1e-5)
        ),
        f"You write {EPS} for eps: the layer's own is `norm.eps`.": slipped(
            scale=lambda gamma, variance, eps: gamma / torch.sqrt(variance + EPS)
        ),
        "gamma is missing.": slipped(scale=lambda gamma, variance, eps: 1 / torch.sqrt(variance + eps)),
        "The variance is not under a root.": slipped(scale=lambda gamma, variance, eps: gamma / (variance + eps)),
        "It multiplies by the deviation: the normalisation divides by it.": slipped(
            scale=lambda gamma, variance, eps: gamma * torch.sqrt(variance + eps)
        ),
        "The filters are not scaled.": slipped(weight=lambda weight, scale: weight),
        "The factor scales the columns of the windows: it belongs to the output channels, the first axis.": slipped(
            weight=lambda weight, scale: weight * scale
        ),
        "The factor scales the input channels: it belongs to the output channels, the first axis.": slipped(
            weight=lambda weight, scale: weight * scale.view(1, -1, 1, 1)
        ),
    }


def predictions_of(net: nn.Module, images: Tensor) -> Tensor:
    """The class of each image, in evaluation mode; the network is left in the mode that it was in."""
    was_training = net.training
    net.eval()
    with torch.no_grad():
        classes = net(images).argmax(dim=1)
    net.train(was_training)
    return classes


def small_classifier(seed: int = 6) -> nn.Module:
    """(N, 3, 8, 8) -> (N, 4): a network with normalisation, in training mode, that has seen sixty batches of noise.

    Its classes are near each other, so that they change where a batch's own statistics are used.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
            nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 4, bias=False),
        )  # fmt: skip
        with torch.no_grad():
            net[-1].weight -= net[-1].weight.mean(dim=1, keepdim=True)
            for _ in range(60):
                net(torch.randn(16, 3, 8, 8))
    return net


@feedback.exercise(
    "3.6",
    title="the batch's companions",
    difficulty="medium",
    minutes=8,
    hints=(
        "Which mode is the network in when this function is called in the middle of a training loop?",
        "`net.eval()` before, and afterwards back into the mode that it came in: `net.training` tells which one it was.",
        "`was_training = net.training`, `net.eval()`, the classes under `with torch.no_grad():`, then `net.train(was_training)`.",
    ),
    reference=predictions_of,
)
def predictions(answer: Any) -> str:
    require_function(answer, but=type)
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(24, 3, 8, 8, generator=generator) + 1.5 * torch.randn(24, 3, 1, 1, generator=generator)
    for training in (True, False):
        net = small_classifier().train(training)
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        state, layers = copy.deepcopy(net.state_dict()), repr(net)
        mode = "training" if training else "evaluation"
        want = predictions_of(copy.deepcopy(net), images)
        given = images.clone()
        got = answer(net, given)
        if got is None:
            raise Wrong("Your function gives back nothing (None). Is the `return` missing?")
        if not torch.equal(given, images):
            raise Wrong("Your function changes `images`: whoever calls it needs them as they were. Make a new tensor.")
        if not isinstance(got, Tensor) or got.shape != want.shape:
            shape = f"of shape {tuple(got.shape)}" if isinstance(got, Tensor) else ""
            raise Wrong(
                f"One class for each image is needed, shape {tuple(want.shape)}; you give back {article(got)} {shape}.".replace(
                    " .", "."
                )
            )
        if got.is_floating_point():
            raise Wrong(f"The number of a class is a whole one; yours are {got.dtype}. `argmax` gives whole ones.")
        changed = [name for name, value in net.state_dict().items() if not torch.equal(value, state[name])]
        alone = torch.cat([answer(net, images[i : i + 1]) for i in range(8)])
        if not torch.equal(got, want) or not torch.equal(alone, want[:8]):
            if torch.equal(got, _one_by_one_in_training(images)):
                raise Wrong(
                    "Each image is asked about by itself, but in training mode: it is normalised by its own statistics, and these "
                    "go into the running ones. Put the network into evaluation mode first; then all images can go in together."
                )
            if torch.equal(alone, got[:8]):
                raise Wrong(
                    "An image gets the same class in any company, and it is not the one with the largest output in evaluation "
                    "mode: `net(images).argmax(dim=1)` after `net.eval()`."
                )
            raise Wrong(
                "An image's class still depends on the images that come with it: the batch's own statistics are used. Put the "
                "network into evaluation mode first."
            )
        if any("running" in name or "tracked" in name for name in changed):
            raise Wrong(
                "Asking for predictions changed the network: its running statistics now have these images in them. In "
                "evaluation mode they stay as they are."
            )
        if changed:
            raise Wrong(f"Asking for predictions changed `{changed[0]}` of the network.")
        if repr(net) != layers:
            raise Wrong(f"Asking for predictions changed the network's layers, which now are: {net!r}.")
        for name, parameter in net.named_parameters():
            if parameter.grad is None or not bool((parameter.grad == 1).all()):
                raise Wrong(
                    f"Asking for predictions changed the gradient that `{name}` had collected: a training loop that asks before its "
                    "step would lose it. Predictions need no gradients, and leave those that are there alone."
                )
        frozen = [name for name, parameter in net.named_parameters() if not parameter.requires_grad]
        if frozen:
            raise Wrong(
                f"Asking for predictions froze `{frozen[0]}` of the network: it is not trained any more. `torch.no_grad()` does "
                "without gradients for as long as its block lasts, and changes nothing."
            )
        if net.training != training or any(part.training != training for part in net.modules()):
            raise Wrong(
                f"The network came in {mode} mode and goes in the other one. A training loop that asks for predictions would "
                "go on in the wrong mode: put it back."
            )
    return "The same image gets the same class in any company, and the network is left as it came."


@torch.no_grad()
def _one_by_one_in_training(images: Tensor) -> Tensor:
    """The classes that the small classifier gives in training mode where each image is a batch of its own."""
    net = small_classifier()
    return torch.cat([net(image[None]).argmax(dim=1) for image in images])


def module_reference(in_channels: int, widths: Widths) -> nn.Module:
    """The course's module of BN-Inception."""
    return InceptionA(in_channels, widths)


@feedback.exercise(
    "3.7",
    title="the module of BN-Inception",
    difficulty="hard",
    minutes=12,
    hints=(
        "Take lesson 01's module. What becomes of the 5×5, and what of the max pool?",
        "`widths.single` is (reduce, out) of the branch with one 3×3, `widths.stacked` is (reduce, first, second) of the "
        "branch with two. `ConvBNAct(a, b, kernel_size=3)` keeps the grid.",
        "The third branch: `ConvBNAct(in_channels, reduce, kernel_size=1)`, `ConvBNAct(reduce, first, kernel_size=3)`, "
        "`ConvBNAct(first, second, kernel_size=3)`. The fourth: `nn.AvgPool2d(3, stride=1, padding=1, "
        "count_include_pad=False)`, then `ConvBNAct(in_channels, widths.pool, kernel_size=1)`.",
    ),
    reference=module_reference,
)
def inception_a(answer: Any) -> str:
    cases = (
        (8, Widths(pointwise=5, single=(4, 6), stacked=(3, 7, 9), pool=11), (9, 11)),
        (12, Widths(pointwise=3, single=(6, 10), stacked=(4, 5, 8), pool=7), (7, 7)),
    )
    for in_channels, widths, grid in cases:
        module = build(answer, in_channels, widths)
        settle(module, (in_channels, *grid))
        if layers_of(module, nn.Conv2d) and not layers_of(module, nn.BatchNorm2d):
            raise Wrong("There is no normalisation in your module: use `ConvBNAct` for every convolution.")
        pools = [pool for pool in layers_of(module, nn.AvgPool2d) if square(pool.padding) == (1, 1)]
        if any(pool.count_include_pad and square(pool.stride) == (1, 1) for pool in pools):
            raise Wrong(
                "At the border your average pool counts the padding's zeros. The paper's network leaves them out: "
                "`count_include_pad=False`."
            )
        reference = InceptionA(in_channels, widths)
        expected = layers_of(reference, nn.BatchNorm2d)[0].eps
        other = [norm for norm in layers_of(module, nn.BatchNorm2d) if norm.eps != expected]
        found = {part.eps for part in other}
        for part in other:
            part.eps = expected  # everything else is looked at first
        same_module(module, reference, (in_channels, *grid), ordered=True)
        if found:
            raise Wrong(
                f"All is right but the eps of your normalisation, {min(found):g}; the course's networks have {expected:g}. Use "
                f"`ConvBNAct`, or say `nn.BatchNorm2d(channels, eps={expected:g})`."
            )
    return "Your module computes what BN-Inception's modules compute."
