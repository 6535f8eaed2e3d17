"""What lesson 03 answers to its exercises."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from lessons.batch_norm import by_hand, folding
from lessons.batch_norm.by_hand import OVER, per_channel
from networks.bn_inception import InceptionA, Widths
from utils.feedback.answers import called, require_function, same
from utils.feedback.exercises import Feedback, Wrong, article
from utils.feedback.modules import build, layers_of, same_module, settle

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
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.rand(channels, generator=generator, dtype=torch.float64) + 0.5,
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


def _call(answer: Callable, *arguments: object) -> object:
    """The learner's result; where a vector for the channels meets images unprepared, a sentence about that."""
    try:
        return answer(*arguments)
    except RuntimeError as error:
        if "must match the size of tensor" in str(error):
            raise Wrong(
                "A tensor of shape (C,) meets one of shape (N, C, H, W). torch lines shapes up from the right, so that C "
                "would meet W. Give it the shape (1, C, 1, 1): `gamma.view(1, -1, 1, 1)`, or `keepdim=True` in a mean."
            ) from error
        raise


def _unprepared(x: Tensor, values: Tensor) -> Tensor | None:
    """A vector for the channels that met the last axis instead, which runs where the grid is as wide as C."""
    return values.view(1, 1, 1, -1).expand_as(x) if x.shape[-1] == len(values) else None


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
def channel_statistics(answer):
    require_function(answer, but=type)
    for shape in ((4, 5, 3, 6), (3, 2, 2, 2), (1, 3, 4, 5)):
        x = _images(*shape)
        got = _call(answer, x)
        if got is None or isinstance(got, Tensor) or not hasattr(got, "__len__") or len(got) != 2:
            raise Wrong(
                f"Two tensors are needed, `return mean, variance`; your function gives back "
                f"{article(got) if not hasattr(got, '__len__') or isinstance(got, Tensor) else f'{len(got)} things'}."
            )
        want = by_hand.statistics(x)
        for place, (name, theirs) in enumerate(zip(("mean", "variance"), want, strict=True)):
            what = f"For x of shape {shape}, your {name}"
            mine = got[place]
            if isinstance(mine, Tensor) and mine.numel() != shape[1]:
                for where, axes in AXES.items():
                    if mine.numel() == x.mean(dim=axes).numel():
                        raise Wrong(f"{what} has shape {tuple(mine.shape)}: it is taken {where}. {GRID_OF_ONE}")
            slips = {f"It is the {('variance', 'mean')[place]}: return mean, variance, in this order.": want[1 - place]}
            _expect(_tensor(mine, theirs, what), theirs, what, slips | (_slips_of_variance(x) if place else {}))
    return "One mean and one variance for each channel, over the batch and all places."


def _slips_of_variance(x: Tensor) -> dict[str, Tensor]:
    m = x.numel() // x.shape[1]
    return {
        f"It is the unbiased one, divided by {m} − 1 in place of {m}: say `unbiased=False`.": x.var(dim=OVER),
        "It is the standard deviation: the variance is its square.": x.std(dim=OVER, unbiased=False),
        "It is the mean of the squares: take the mean off before squaring.": x.square().mean(dim=OVER),
    }


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
def normalise(answer):
    require_function(answer, but=type)
    for shape in ((4, 5, 3, 6), (3, 4, 2, 4), (2, 3, 5, 5)):
        x, (gamma, beta) = _images(*shape), _gamma_beta(shape[1])
        what = f"For x of shape {shape}, your result"
        changed = "Your function changes the x that it is given. Write `x - mean`, not `x -= mean`."
        got = _tensor(_call(called, answer, (x, gamma, beta, EPS), changed), x, what)
        _expect(got, by_hand.normalise(x, gamma, beta, EPS), what, _slips_of_normalise(x, gamma, beta))
    return "Your function does what the layer does in training."


def _slips_of_normalise(x: Tensor, gamma: Tensor, beta: Tensor) -> dict[str, Tensor]:
    g, b = per_channel(gamma), per_channel(beta)
    mean, variance = (per_channel(each) for each in by_hand.statistics(x))
    root = torch.sqrt(variance + EPS)
    normalised, unbiased = (x - mean) / root, per_channel(x.var(dim=OVER))
    slips = {
        "gamma and beta are missing: scale and shift what you normalised.": normalised,
        "beta is missing.": g * normalised,
        "gamma is missing.": normalised + b,
        "gamma and beta have changed places.": b * normalised + g,
        "beta is added before gamma scales: gamma times normalised, then plus beta.": g * (normalised + b),
        "eps stands outside of the root: it is added to the variance.": g * (x - mean) / (variance.sqrt() + EPS) + b,
        "eps is missing, or it is not the one that is given.": g * (x - mean) / variance.sqrt() + b,
        "It divides by the variance: take its root.": g * (x - mean) / (variance + EPS) + b,
        "It multiplies by the deviation: divide by it.": g * (x - mean) * root + b,
        "The mean is not taken off.": g * x / root + b,
        "The variance is the unbiased one: say `unbiased=False`.": g * (x - mean) / torch.sqrt(unbiased + EPS) + b,
    }
    for where, axes in AXES.items():
        mean_, variance_ = x.mean(dim=axes, keepdim=True), x.var(dim=axes, keepdim=True, unbiased=False)
        slips[f"The statistics are taken {where}."] = g * (x - mean_) / torch.sqrt(variance_ + EPS) + b
    if (wide := _unprepared(x, gamma)) is not None:
        on_width = wide * normalised + _unprepared(x, beta)
        slips["gamma and beta meet the last axis of x, not the channels: view them as (1, C, 1, 1)."] = on_width
    return slips


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
def batch_norm(answer):
    for channels, eps, momentum, grid in ((5, EPS, 0.3, (3, 6)), (4, 1e-5, 0.1, (2, 4))):
        module = build(answer, channels, eps=eps, momentum=momentum)
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
    if eps == EPS:
        slips |= {sentence: slip.float() for sentence, slip in _slips_of_normalise(x, gamma, beta).items()}
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
def normalise_backward(answer):
    require_function(answer, but=type)
    for shape in ((4, 5, 3, 6), (2, 3, 2, 2)):
        x, (gamma, _) = _images(*shape), _gamma_beta(shape[1])
        dy = torch.randn(shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64) + 0.4
        try:
            with torch.no_grad():
                got = _call(answer, dy, x, gamma, EPS)
        except RuntimeError as error:
            if "does not require grad" not in str(error):
                raise
            raise Wrong(
                "Your function asks autograd. Write the three gradients out: two sums, and what they take off dy."
            ) from error
        if not isinstance(got, (tuple, list)) or len(got) != 3:
            raise Wrong(
                f"Three tensors are needed, `return dx, dgamma, dbeta`; your function gives back "
                f"{f'{len(got)} things' if isinstance(got, (tuple, list)) else article(got)}."
            )
        want = by_hand.normalise_backward(dy, x, gamma, EPS)
        slips = _slips_of_backward(dy, x, gamma)
        for place in (2, 1, 0):  # beta's is the simplest, x's needs the others
            name = ("dx", "dgamma", "dbeta")[place]
            what = f"For x of shape {shape}, your {name}"
            mine = _tensor(got[place], want[place], what)
            others = {f"It is {other}: return dx, dgamma, dbeta, in this order.": want[i] for i, other in enumerate(("dx", "dgamma", "dbeta")) if i != place and want[i].shape == want[place].shape}  # fmt: skip
            _expect(mine, want[place], what, slips[name] | others)
    _gradcheck(answer)
    return "It agrees with autograd, and with differences of the forward pass (`gradcheck`), in float64."


def _slips_of_backward(dy: Tensor, x: Tensor, gamma: Tensor) -> dict[str, dict[str, Tensor]]:
    mean, variance = (per_channel(each) for each in by_hand.statistics(x))
    root, g = torch.sqrt(variance + EPS), per_channel(gamma)
    normalised = (x - mean) / root
    dy_mean = dy.mean(dim=OVER, keepdim=True)
    along = (dy * normalised).mean(dim=OVER, keepdim=True)
    n, m = len(x), x.numel() // x.shape[1]
    sums = (dy * normalised).sum(dim=OVER)
    rest = dy - dy_mean - normalised * along

    def with_(mean_: Tensor, root_: Tensor) -> tuple[Tensor, Tensor]:
        """dgamma and dx where other statistics are used all the way."""
        normalised_ = (x - mean_) / root_
        product = dy * normalised_
        return product.sum(dim=OVER), g / root_ * (dy - dy_mean - normalised_ * product.mean(dim=OVER, keepdim=True))

    of_statistics = {
        "eps is missing under the root.": with_(mean, variance.sqrt()),
        "eps stands outside of the root: it is added to the variance.": with_(mean, variance.sqrt() + EPS),
        "The variance is the unbiased one: say `unbiased=False`.": with_(
            mean, torch.sqrt(x.var(dim=OVER, keepdim=True) + EPS)
        ),
        "The variance is not under a root.": with_(mean, variance + EPS),
    }
    of_means = {}
    for where, axes in AXES.items():
        spread = x.var(dim=axes, keepdim=True, unbiased=False)
        of_statistics[f"Mean and variance are taken {where}."] = with_(
            x.mean(dim=axes, keepdim=True), torch.sqrt(spread + EPS)
        )
        means = (each.mean(dim=axes, keepdim=True) for each in (dy, dy * normalised))
        of_means[f"The two means are taken {where}."] = g / root * (dy - next(means) - normalised * next(means))
    return {
        "dbeta": {
            "It is the mean over the channel: every value adds its part, so take the sum.": dy.mean(dim=OVER),
            "It is multiplied by gamma: beta is added after gamma scales.": dy.sum(dim=OVER) * gamma,
        },
        "dgamma": {
            "It is the mean over the channel: every value adds its part, so take the sum.": sums / m,
            "dy is multiplied by x itself: gamma multiplies the normalised x.": (dy * x).sum(dim=OVER),
            "dy is multiplied by x − mean: divide by the deviation too.": (dy * (x - mean)).sum(dim=OVER),
            "It is multiplied by gamma: the derivative of gamma · normalised by gamma is the normalised value.": sums * gamma,
            **{sentence: dgamma for sentence, (dgamma, _) in of_statistics.items()},
        },
        "dx": {
            "It has the direct path only. x moves its channel's mean and variance too, and both carry gradient.": g * dy / root,
            "The path through the mean is missing: if all of a channel's x grow by one, nothing changes, so dx must sum to "
            "zero in each channel.": g / root * (dy - normalised * along),
            "The path through the variance is missing: a value far from the mean widens the channel, and all the others "
            "shrink. (The last term needs the mean of the product dy · normalised, not the product of the two means, which is "
            "zero.)": g / root * (dy - dy_mean),
            "The last term lacks its factor, the normalised x: how far it takes from a value depends on where that lies.":
                g / root * (dy - dy_mean - along),
            "gamma is missing.": rest / root,
            "The deviation is missing: x was divided by it.": g * rest,
            "It is divided by the variance: divide by the deviation, its root.": g / root.square() * rest,
            "It is multiplied by the deviation: x was divided by it, and so is dx.": g * root * rest,
            "The sums must be means here: divide them by the number of values in a channel.": g / root * (dy - m * dy_mean - m * normalised * along),
            "The two sums are divided by the number of images; a channel has N · H · W values in the batch.":
                g / root * (dy - m / n * dy_mean - m / n * normalised * along),
            "The two sums are divided by the places of the grid; a channel has N · H · W values in the batch.":
                g / root * (dy - n * dy_mean - n * normalised * along),
            "The signs of the two parts that are taken off are turned round.": g / root * (dy + dy_mean + normalised * along),
            "The part along the normalised x is added: take it off.": g / root * (dy - dy_mean + normalised * along),
            **{sentence: dx for sentence, (_, dx) in of_statistics.items()},
            **of_means,
        },
    }  # fmt: skip


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
def fold(answer):
    require_function(answer, but=type)
    cases = (
        (nn.Conv2d(4, 6, 3, padding=1, bias=False), (4, 7, 9)),
        (nn.Conv2d(5, 5, 1), (5, 4, 4)),
        (nn.Conv2d(4, 8, 3, stride=2, groups=2), (4, 9, 8)),
    )
    for number, (conv, shape) in enumerate(cases):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(number)
            conv.reset_parameters()
            norm = nn.BatchNorm2d(conv.out_channels, eps=EPS).eval()
            with torch.no_grad():
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.5, 2)
                norm.weight.uniform_(0.5, 1.5)
                norm.bias.normal_()
        conv, norm = conv.double(), norm.double()
        before = copy.deepcopy((conv.state_dict(), norm.state_dict()))
        try:
            got = answer(conv, norm)
        except RuntimeError as error:
            if "must match the size of tensor" not in str(error):
                raise
            raise Wrong(
                f"Two shapes do not fit: the filters are {tuple(conv.weight.shape)}, output channels first, and norm has one number "
                f"for each of the {conv.out_channels} output channels. torch lines shapes up from the right: give the factor the "
                "shape (C, 1, 1, 1) for the filters, `scale.view(-1, 1, 1, 1)`; for the bias it stays (C,)."
            ) from error
        if got is None:
            raise Wrong("Your function gives back nothing (None). Is the `return` missing?")
        if not isinstance(got, nn.Conv2d):
            raise Wrong(f"One `nn.Conv2d` is needed; your function gives back {article(got)}.")
        if not same((conv.state_dict(), norm.state_dict()), before):
            raise Wrong("Your function changes the layers that it is given. Work on the copy.")
        x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
        kind = f"a {conv.kernel_size[0]}×{conv.kernel_size[0]} convolution {'with' if conv.bias is not None else 'without'} bias"
        what = f"For {kind}, the result of your one layer"
        with torch.no_grad():
            want = norm(conv(x))
            mine = got(x)
            if mine.shape != want.shape:
                raise Wrong(
                    f"{what} has shape {tuple(mine.shape)}; {tuple(want.shape)} is expected: keep its stride and padding."
                )
            slips = {sentence: _with(conv, *values)(x) for sentence, values in _slips_of_folding(conv, norm).items()}
            _expect(mine.double(), want, what, slips, within=1e-6)
    return "One layer in place of two, and the same numbers to less than a millionth."


def _with(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> nn.Conv2d:
    made = copy.deepcopy(conv)
    made.weight, made.bias = nn.Parameter(weight), nn.Parameter(bias)
    return made


def _slips_of_folding(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> dict[str, tuple[Tensor, Tensor]]:
    """Weights and biases as slips would make them."""
    has_bias = conv.bias is not None
    own = conv.bias if has_bias else torch.zeros_like(norm.bias)
    mean, variance, gamma, beta = norm.running_mean, norm.running_var, norm.weight, norm.bias
    scale = gamma / torch.sqrt(variance + norm.eps)

    def scaled(by: Tensor) -> Tensor:
        return conv.weight * by.view(-1, 1, 1, 1)

    factors = {
        "eps is missing under the root.": gamma / variance.sqrt(),
        "eps stands outside of the root.": gamma / (variance.sqrt() + norm.eps),
        "gamma is missing.": scale / gamma,
        "The variance is not under a root.": gamma / (variance + norm.eps),
    }
    biases = {
        "beta is missing in the bias.": (own - mean) * scale,
        "The running mean is missing in the bias: it is taken off before the scaling.": beta + own * scale,
        "The running mean is taken off, but not scaled: both go through the same factor.": beta + own * scale - mean,
        "beta goes through the factor too: it is added after gamma has scaled.": (beta + own - mean) * scale,
        "The bias is still the convolution's own.": own,
        "The running mean is added: the normalisation takes it off.": beta + (own + mean) * scale,
    }
    if has_bias:
        biases |= {
            "The convolution's own bias is lost: the normalisation gets it too.": beta - mean * scale,
            "The convolution's own bias is added, but not scaled.": beta + own - mean * scale,
        }
    return {
        **{words: (scaled(scale), bias) for words, bias in biases.items()},
        **{words: (scaled(factor), beta + (own - mean) * factor) for words, factor in factors.items()},
        "The filters are not scaled.": (conv.weight, beta + (own - mean) * scale),
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
def predictions(answer):
    require_function(answer, but=type)
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(24, 3, 8, 8, generator=generator) + 1.5 * torch.randn(24, 3, 1, 1, generator=generator)
    for training in (True, False):
        net = small_classifier().train(training)
        state = copy.deepcopy(net.state_dict())
        mode = "training" if training else "evaluation"
        want = predictions_of(copy.deepcopy(net), images)
        got = answer(net, images)
        if got is None:
            raise Wrong("Your function gives back nothing (None). Is the `return` missing?")
        if not isinstance(got, Tensor) or got.shape != want.shape:
            shape = f"of shape {tuple(got.shape)}" if isinstance(got, Tensor) else ""
            raise Wrong(
                f"One class for each image is needed, shape {tuple(want.shape)}; you give back {article(got)} {shape}.".replace(
                    " .", "."
                )
            )
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
        if frozen := [name for name, each in net.named_parameters() if not each.requires_grad]:
            raise Wrong(
                f"Asking for predictions left `{frozen[0]}` with requires_grad=False: it would never be trained again. "
                "`with torch.no_grad():` ends by itself."
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
def inception_a(answer):
    cases = (
        (8, Widths(pointwise=5, single=(4, 6), stacked=(3, 7, 9), pool=11), (9, 11)),
        (12, Widths(pointwise=3, single=(6, 10), stacked=(4, 5, 8), pool=7), (7, 7)),
    )
    for in_channels, widths, grid in cases:
        module = build(answer, in_channels, widths)
        settle(module, (in_channels, *grid))
        if layers_of(module, nn.Conv2d) and not layers_of(module, nn.BatchNorm2d):
            raise Wrong("There is no normalisation in your module: use `ConvBNAct` for every convolution.")
        if any(pool.count_include_pad for pool in layers_of(module, nn.AvgPool2d)):
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
