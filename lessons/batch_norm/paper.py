"""What "Batch Normalization" (arXiv 1502.03167) claims of the size of its network, and how to measure it."""

import copy

from lessons import measure
from lessons.batch_norm.network import MODULES, PRINTED_POOL
from lessons.googlenet.network import MODULES as GOOGLENET_MODULES
from lessons.googlenet.network import GoogLeNet
from lessons.googlenet.paper import separable_first_layer
from lessons.layers import ConvReLU, chain
from utils.cost import Table, profile
from utils.ledger import Claim, Finding

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
)
