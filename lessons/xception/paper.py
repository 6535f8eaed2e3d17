"""What "Xception" (arXiv 1610.02357) claims of size, depth and accuracy, and how to measure or recompute it."""

from dataclasses import replace

import torch
from torch import nn

from course.ledger import Claim, Finding
from lessons.xception.towers import Towers, as_grouped
from networks import measure
from networks.inception_v3 import TABLE_V3, InceptionV3
from networks.layers import SeparableConv
from networks.xception import MIDDLE_FLOW
from utils.cost.table import profile, shape_text

TITLE = "Xception: deep learning with depthwise separable convolutions"

# Table 3: parameters.
TABLE_3 = {"Inception V3": 23_626_728, "Xception": 22_855_952}
# Table 2: FastEval14k MAP@100 on JFT.
TABLE_2 = {"no FC": {"Inception V3": 6.36, "Xception": 6.70}, "with FC": {"Inception V3": 6.50, "Xception": 6.78}}

PRINTED_WITHIN = 3.5  # per cent, section 4.5.2
PRINTED_CONVOLUTIONS, PRINTED_MODULES = 36, 14  # section 3
PRINTED_IMPROVEMENT = 4.3  # per cent, section 4.5.1

MOBILENETS = "MobileNets: efficient convolutional neural networks for mobile vision applications"
PRINTED_SMALLER, PRINTED_LESS_WORK = 32, 27  # "MobileNets", the text on Table 8, against VGG-16
PRINTED_LESS_THAN_GOOGLENET = 2.5  # "MobileNets", the same text: more than

PRINTED_GRID, PRINTED_VECTOR = (728, 19, 19), 2048  # figure 5

GRID = 19  # of the middle flow
WIDTH = MIDDLE_FLOW.widths[0]


def _gap(larger: float, smaller: float) -> float:
    """In per cent of the smaller."""
    return 100 * (larger / smaller - 1)


class EarlyInceptionV3(InceptionV3):
    """Inception-v3 as its Keras copy was when the Xception paper was written (August 2016), without its biases.

    Its first module pools to 32 channels like the released one, but so do the two after it, and one branch of the last
    17 × 17 module begins with 160 channels in place of 192. (It also averages where the released one does not; that
    changes no count.)
    """

    _last = TABLE_V3.figure_6[-1]
    TABLE = replace(
        TABLE_V3,
        figure_5=tuple(replace(widths, pool=32) for widths in TABLE_V3.figure_5),
        figure_6=(*TABLE_V3.figure_6[:-1], replace(_last, stacked=(160, *_last.stacked[1:]))),
    )


def early_parameters() -> int:
    """Parameters of that copy, in which every convolution had a bias besides its normalisation."""
    with torch.device("meta"):
        table = profile(EarlyInceptionV3().eval(), measure.image_shape("inception_v3"))
    return table.parameters + sum(row.shape[0] for row in table.rows if row.kind == "conv")


def _same_size() -> Finding:
    v3, xception = measure.cost("inception_v3").parameters, measure.cost("xception").parameters
    live, printed = _gap(v3, xception), _gap(TABLE_3["Inception V3"], TABLE_3["Xception"])
    early = early_parameters()
    return Finding(
        f"Inception-v3 {v3:,}, Xception {xception:,}: {live:.1f} % apart (variants paper); Table 3's own figures are "
        f"{printed:.1f} % apart",
        measure.all_or_part(abs(live) <= PRINTED_WITHIN, abs(printed) <= PRINTED_WITHIN),
        f"the table's Inception V3 has {v3 - TABLE_3['Inception V3']:,} parameters fewer than the network as released; "
        f"an early copy of it, narrower in three places and with biases, has {early:,}: "
        + ("the table's figure" if early == TABLE_3["Inception V3"] else "not the table's figure either"),
    )


def _parameters() -> Finding:
    count = measure.cost("xception").parameters
    return Finding(
        f"{count:,} (variant paper)",
        "holds" if count == TABLE_3["Xception"] else "does not hold",
        "counting the weights and the two numbers of each normalised channel that are trained, not its running mean "
        "and variance",
    )


def _convolutions() -> Finding:
    record = measure.graph("xception")
    once, each = record.depth(separable_once=True), record.depth()
    dense = sum(row.kind == "linear" for row in measure.cost("xception").rows)
    modules = [name for name, _ in measure.network("xception").named_children() if name.startswith("block")]
    skips = sum(row.kind == "conv" and ".skip." in row.name for row in measure.cost("xception").rows)
    return Finding(
        f"{once - dense} convolutions on the longest path, in {len(modules)} modules (variant paper)",
        measure.all_or_part(once - dense == PRINTED_CONVOLUTIONS, len(modules) == PRINTED_MODULES),
        f"if a separable convolution counts once ({each - dense} if its halves count), and the {skips} convolutions on "
        "the skips do not",
    )


def _improvement() -> Finding:
    gains = {row: _gap(scores["Xception"], scores["Inception V3"]) for row, scores in TABLE_2.items()}
    right = {row: f"{gain:.1f}" == f"{PRINTED_IMPROVEMENT}" for row, gain in gains.items()}
    return Finding(
        ", ".join(f"{row} {gain:+.1f} %" for row, gain in gains.items()),
        measure.all_or_part(*right.values()),
        "arithmetic on Table 2 (MAP@100 with and without fully connected layers before the last); the figure is that of "
        + (" and ".join(f'the row "{row}"' for row, is_right in right.items() if is_right) or "no row"),
    )


def _separable_is_cheaper() -> Finding:
    with torch.device("meta"):
        dense = profile(nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False), (WIDTH, GRID, GRID))
        separable = profile(SeparableConv(WIDTH, WIDTH), (WIDTH, GRID, GRID))
    ratio = dense.macs / separable.macs
    whole, v3 = measure.cost("xception").macs, measure.cost("inception_v3").macs
    return Finding(
        f"{WIDTH} to {WIDTH} channels on {GRID}×{GRID}: dense {dense.macs:,}, separable {separable.macs:,} "
        f"multiply-adds, {ratio:.1f} times fewer",
        "holds" if ratio > 2 else "holds in part" if ratio > 1 else "does not hold",
        f"counted, not timed; and the network spends it on width and large grids: Xception takes {_gap(whole, v3):+.0f} % "
        "against Inception-v3, with about as many parameters",
    )


def _towers_are_groups() -> Finding:
    draws = torch.Generator().manual_seed(0)
    away = []
    for count in (2, 3, 6):
        towers = Towers(12, count=count, reduce=12 // count).double()
        grouped = as_grouped(list(towers.children())).double()
        images = torch.randn(2, 12, 9, 9, generator=draws, dtype=torch.float64)
        with torch.no_grad():
            away.append((towers(images) - grouped(images)).abs().max().item())
    return Finding(
        f"2, 3 and 6 towers on 12 channels, and one 1×1 with a 3×3 of as many groups: outputs at most {max(away):.0e} apart",
        "holds" if max(away) < 1e-12 else "does not hold",
        "with the towers' weights copied, in double precision; towers with windows of other sizes, or a pool, would not fit",
    )


def _residual() -> Finding:
    net = measure.network("xception")
    blocks = {name: child for name, child in net.named_children() if name.startswith("block")}
    without = [name for name, block in blocks.items() if not hasattr(block, "skip")]
    identity = sum(isinstance(getattr(block, "skip", None), nn.Identity) for block in blocks.values())
    return Finding(
        f"{len(blocks) - len(without)} of {len(blocks)} blocks have a skip, all but {' and '.join(without)} (variant paper)",
        "holds" if without == [next(iter(blocks)), list(blocks)[-1]] else "does not hold",
        f"{identity} skips pass their input on as it is, {len(blocks) - len(without) - identity} are a 1×1 convolution of stride 2",
    )


def _flows() -> Finding:
    rows = {row.name: row.shape for row in measure.cost("xception").rows}
    ends = [rows["block4.sum"], rows["block12.sum"]]
    vector = rows["global_pool"][0]
    return Finding(
        f"the entry flow ends in {shape_text(ends[0])}, the middle flow in {shape_text(ends[1])}, the exit flow in {vector} "
        "numbers (variant paper)",
        measure.all_or_part(*(end == PRINTED_GRID for end in ends), vector == PRINTED_VECTOR),
        "follows from windows, strides and padding, for an image of 299×299; written channels×height×width here",
    )


def _mobilenet_against(name: str) -> tuple[float, float]:
    """How many times the parameters and the multiply-adds of MobileNet a network has."""
    other, mobile = measure.cost(name), measure.cost("mobilenet_v1")
    return other.parameters / mobile.parameters, other.macs / mobile.macs


def _mobilenet_and_vgg() -> Finding:
    smaller, less = _mobilenet_against("vgg_16")
    mobile, printed = measure.cost("mobilenet_v1"), (PRINTED_SMALLER, PRINTED_LESS_WORK)
    close = [abs(found / each - 1) < 0.05 for found, each in zip((smaller, less), printed, strict=True)]
    return Finding(
        f"MobileNet {mobile.parameters:,} parameters and {mobile.macs:,} multiply-adds: {smaller:.1f} times fewer and "
        f"{less:.1f} times fewer than VGG-16",
        measure.all_or_part(*close),
        "both networks live, on images of 224 × 224; that the one errs about as often as the other is not measured here",
    )


def _mobilenet_and_googlenet() -> Finding:
    smaller, less = _mobilenet_against("googlenet")
    return Finding(
        f"{smaller:.2f} times fewer parameters, {less:.2f} times fewer multiply-adds than GoogLeNet (variant paper)",
        measure.all_or_part(smaller > 1, less > PRINTED_LESS_THAN_GOOGLENET),
        "GoogLeNet without its auxiliary heads, which are not used in the end",
    )


CLAIMS = (
    Claim(
        33,
        "Xception has about as many parameters as Inception-v3.",
        "section 4.5.2",
        f"within {PRINTED_WITHIN} %",
        _same_size,
    ),
    Claim(34, "Xception has 22,855,952 parameters.", "Table 3", f"{TABLE_3['Xception']:,}", _parameters),
    Claim(
        35,
        "It has 36 convolutional layers in 14 modules.",
        "section 3",
        f"{PRINTED_CONVOLUTIONS}, {PRINTED_MODULES}",
        _convolutions,
    ),
    Claim(
        37,
        "On JFT it is 4.3 % better than Inception-v3, relatively.",
        "section 4.5.1, Table 2",
        f"{PRINTED_IMPROVEMENT} %",
        _improvement,
    ),
    Claim(
        38,
        "A separable 3×3 convolution is much cheaper than a dense one.",
        "sections 1 and 2",
        "no figure given",
        _separable_is_cheaper,
    ),
    Claim(
        77,
        "An Inception module of equal towers is one 1×1 and a 3×3 on separate segments of its output.",
        "section 1.2, figures 2 and 3",
        "strictly equivalent",
        _towers_are_groups,
    ),
    Claim(
        78,
        "All modules but the first and the last have a residual connection around them.",
        "section 3",
        "12 of 14",
        _residual,
    ),
    Claim(
        79,
        "The flows hand on 19×19×728 values, and the last one ends in a vector of 2048.",
        "figure 5",
        "19×19×728, 2048",
        _flows,
    ),
    Claim(
        80,
        "MobileNet has 32 times fewer parameters than VGG-16, and computes 27 times less.",
        "the text on Table 8",
        f"{PRINTED_SMALLER}×, {PRINTED_LESS_WORK}×",
        _mobilenet_and_vgg,
        MOBILENETS,
    ),
    Claim(
        81,
        "MobileNet is smaller than GoogLeNet, and computes more than 2.5 times less.",
        "the text on Table 8",
        f"more than {PRINTED_LESS_THAN_GOOGLENET}×",
        _mobilenet_and_googlenet,
        MOBILENETS,
    ),
)
