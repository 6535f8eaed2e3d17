"""What "Batch Normalization" (arXiv 1502.03167) claims of the size of its network, and how to measure it."""

import copy

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from course.ledger import Claim, Finding
from lessons.batch_norm import by_hand, drift
from lessons.googlenet.paper import separable_first_layer
from networks import measure
from networks.bn_inception import MODULES, PRINTED_POOL
from networks.googlenet import MODULES as GOOGLENET_MODULES
from networks.googlenet import GoogLeNet
from networks.layers import ConvReLU, chain
from utils.cost.table import Table, profile

TITLE = "Batch normalization: accelerating deep network training by reducing internal covariate shift"

# Appendix, "variant of the Inception model used".
PRINTED_EXTRA_DEPTH, PRINTED_EXTRA_PARAMETERS, PRINTED_EXTRA_COST = 9, 25, 30  # layers, per cent, per cent
PRINTED_PARAMETERS = 13.6e6  # section 4.2
PRINTED_CHANNELS = 576  # figure 5, modules 4c and 4d


def without_five() -> GoogLeNet:
    """GoogLeNet (variant "paper") with two 3 × 3 convolutions of the same width in place of each 5 × 5."""
    net = copy.deepcopy(measure.network("googlenet"))
    for name, widths in GOOGLENET_MODULES.items():
        module = net.get_submodule(name)
        in_channels = module.five[0].conv.in_channels
        module.five = chain(in_channels, (widths.five_reduce, 1), (widths.five, 3), (widths.five, 3), conv=ConvReLU).to(
            "meta"
        )
    return net.eval()


def cost_without_five() -> Table:
    """Its cost on one image."""
    return profile(without_five(), measure.image_shape("googlenet"))


def _extra(after: float, before: float) -> float:
    """How much more, in per cent."""
    return 100 * (after / before - 1)


def _deeper() -> Finding:
    before, after = measure.cost("googlenet").depth, cost_without_five().depth
    whole = measure.graph("bn_inception").depth(separable_once=True)
    return Finding(
        f"GoogLeNet {before}, with two 3×3 for each 5×5 {after}: {after - before} more (variant paper)",
        "holds" if after - before == PRINTED_EXTRA_DEPTH else "does not hold",
        f"one more in each of GoogLeNet's {len(GOOGLENET_MODULES)} modules; BN-Inception itself, with its "
        f"{len(MODULES)} modules, is {whole} deep if its separable first layer counts once",
    )


def _more_parameters() -> Finding:
    before, after = measure.cost("googlenet").parameters, measure.cost("bn_inception").parameters
    swapped = cost_without_five().parameters
    return Finding(
        f"GoogLeNet {before:,}, BN-Inception {after:,}: {_extra(after, before):+.0f} % (variants paper)",
        measure.about(_extra(after, before), PRINTED_EXTRA_PARAMETERS),
        f"it has more modules and other widths than GoogLeNet; the 5×5 alone, replaced by two 3×3 of its width, would "
        f"change GoogLeNet's parameters by {_extra(swapped, before):+.1f} %",
    )


def _more_cost() -> Finding:
    before, after = measure.cost("googlenet").macs, measure.cost("bn_inception").macs
    separable = before - measure.cost("googlenet").by_stage()["conv1"].macs + separable_first_layer().macs
    readings = [_extra(after, start) for start in (before, separable)]
    verdicts = [measure.about(reading, PRINTED_EXTRA_COST) for reading in readings]
    return Finding(
        f"GoogLeNet {before:,} multiply-adds, BN-Inception {after:,}: {readings[0]:+.0f} % (variants paper)",
        verdicts[0] if verdicts[0] == "holds" else "holds in part" if "holds" in verdicts else verdicts[1],
        f"{readings[1]:+.0f} % against a GoogLeNet with the same separable first layer ({separable:,}), which is the "
        "one that its Table 1 counts",
    )


def _size() -> Finding:
    readings = {
        "GoogLeNet (paper)": measure.cost("googlenet").parameters,
        "GoogLeNet with its two heads": measure.cost("googlenet", aux_heads=True).parameters,
        "BN-Inception (paper)": measure.cost("bn_inception").parameters,
        "BN-Inception (released)": measure.cost("bn_inception", "released").parameters,
    }
    fits = [f"{count / 1e6:.1f}" == f"{PRINTED_PARAMETERS / 1e6:.1f}" for count in readings.values()]
    nearest = min(readings, key=lambda name: abs(readings[name] - PRINTED_PARAMETERS))
    return Finding(
        ", ".join(f"{name} {count:,}" for name, count in readings.items()),
        "holds in part" if any(fits) else "does not hold",
        f"nearest is {nearest}, {_extra(readings[nearest], PRINTED_PARAMETERS):+.1f} %",
    )


def _printed_channels() -> Finding:
    def channels(variant: str) -> dict[str, int]:
        rows = measure.cost("bn_inception", variant).rows
        return {
            name: next(row.shape[0] for row in rows if row.name == f"{name}.concat") for name in sorted(PRINTED_POOL)
        }

    printed, repaired = channels("released"), channels("paper")
    holds = [count == PRINTED_CHANNELS for count in printed.values()]
    return Finding(
        "; ".join(
            f"{name.removeprefix('inception_')}: {printed[name]} channels with the printed {PRINTED_POOL[name]} "
            f"(variant released), {repaired[name]} with {MODULES[name].pool} (variant paper)"
            for name in printed
        ),
        measure.all_or_part(*holds),
        "the printed branches do not add up to the printed output: one of the two is a misprint, and public networks "
        "exist for both readings",
    )


EPS = 1e-3  # Google's
EXACT = 1e-12  # relative: what float64 leaves of an equality
NEARLY = 0.01


def _layer(scale: float = 1.0, shift: float = 0.0, eps: float = EPS) -> tuple[Tensor, Tensor]:
    """A normalised convolution's result, and the gradient by its weights, with these multiplied by `scale`.

    `shift` is a bias before the normalisation; random numbers in float64, the same every time.
    """
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(8, 6, 10, 10, generator=draws, dtype=torch.float64)
    weight = torch.randn(12, 6, 3, 3, generator=draws, dtype=torch.float64)
    pattern = torch.randn(8, 12, 8, 8, generator=draws, dtype=torch.float64)
    weight = (scale * weight).requires_grad_()
    ones, zeros = torch.ones(12, dtype=torch.float64), torch.zeros(12, dtype=torch.float64)
    result = by_hand.normalise(conv2d(images, weight) + shift, ones, zeros, eps)
    (slope,) = torch.autograd.grad((result * pattern).sum(), weight)
    return result.detach(), slope


def _apart(first: Tensor, second: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    return ((first - second).abs().max() / first.abs().max()).item()


def _verdict(exact: float, with_eps: float) -> str:
    """Of an equality that the paper states without its epsilon."""
    return measure.all_or_part(exact < EXACT, with_eps < NEARLY)


def _any_scale() -> Finding:
    factors, apart = (0.1, 10.0), {}
    for eps in (0.0, EPS):
        result, slope = _layer(eps=eps)
        others = [_layer(scale=factor, eps=eps) for factor in factors]
        apart[eps] = max(
            max(_apart(result, other), _apart(slope, factor * its_slope))
            for factor, (other, its_slope) in zip(factors, others, strict=True)
        )
    return Finding(
        f"weights times {' and '.join(f'{factor:g}' for factor in factors)}: result and scaled gradient differ by "
        f"{apart[0.0]:.0e} without epsilon, by {apart[EPS]:.0e} with epsilon {EPS:g} (relative, float64)",
        _verdict(apart[0.0], apart[EPS]),
        "up to epsilon, which counts once the weights are so small that the channel's variance comes near it",
    )


def _no_bias() -> Finding:
    apart = _apart(_layer()[0], _layer(shift=3.0)[0])
    return Finding(
        f"a bias of 3 in every channel changes the result by {apart:.0e} (relative, float64)",
        "holds" if apart < EXACT else "does not hold",
        "the channel's mean holds the bias, and is taken off; the course's ConvBNAct has none",
    )


def _identity() -> Finding:
    draws = torch.Generator().manual_seed(0)
    x = 2 + 3 * torch.randn(16, 4, 6, 6, generator=draws, dtype=torch.float64)
    mean, variance = by_hand.statistics(x)
    as_printed, with_eps = (
        _apart(x, by_hand.normalise(x, torch.sqrt(variance + added), mean, EPS)) for added in (0.0, EPS)
    )
    return Finding(
        f"with gamma the root of the variance the result differs from x by {as_printed:.0e}; with epsilon {EPS:g} under "
        f"that root too, by {with_eps:.0e} (relative)",
        _verdict(with_eps, as_printed),
        "gamma and beta are the same for all batches, and a batch's statistics are not: it holds for one batch at a time",
    )


def _stable() -> Finding:
    without, normalised = (drift.follow(normalised=each) for each in (False, True))
    calmer, better = normalised.wandering < without.wandering / 2, normalised.late_accuracy > without.late_accuracy
    return Finding(
        f"scikit-learn's digits, mean of the last quarter of the steps: accuracy {normalised.late_accuracy:.1f} % with, {without.late_accuracy:.1f} % "
        f"without; a unit's median wanders over {normalised.wandering:.2f} with, {without.wandering:.2f} without",
        measure.all_or_part(calmer, better),
        "one seed, smaller images and fewer steps than the paper's 50,000 on MNIST; “much more stable” is read as half "
        "the wandering or less",
    )


CLAIMS = (
    Claim(
        10,
        "Two 3×3 for each 5×5 make the network nine weight layers deeper.",
        "appendix",
        f"{PRINTED_EXTRA_DEPTH} layers",
        _deeper,
    ),
    Claim(
        11,
        "BN-Inception has 25 % more parameters than GoogLeNet.",
        "appendix",
        f"{PRINTED_EXTRA_PARAMETERS} %",
        _more_parameters,
    ),
    Claim(12, "It costs about 30 % more computation.", "appendix", f"about {PRINTED_EXTRA_COST} %", _more_cost),
    Claim(13, "The network has 13.6 million parameters.", "section 4.2", "13.6·10⁶", _size),
    Claim(
        14,
        "Modules 4c and 4d put out 576 channels, with 128 behind the pool.",
        "figure 5",
        f"{PRINTED_CHANNELS}",
        _printed_channels,
    ),
    Claim(
        50,
        "The weights' scale does not change a normalised layer's result; larger weights get smaller gradients.",
        "section 3.3",
        "BN(aWu) = BN(Wu), ∂BN/∂(aW) = 1/a · ∂BN/∂W",
        _any_scale,
    ),
    Claim(
        51,
        "A bias before the normalisation has no effect.",
        "section 3.2",
        "the bias can be ignored",
        _no_bias,
    ),
    Claim(
        52,
        "The layer can represent the identity.",
        "section 3",
        "γ = √Var[x], β = E[x]",
        _identity,
    ),
    Claim(
        53,
        "Normalised, a network is more accurate, and what its units get is much more stable.",
        "section 4.1, figure 1",
        "a figure, without numbers",
        _stable,
    ),
)
