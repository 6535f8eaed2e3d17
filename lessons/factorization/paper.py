"""What "Rethinking the Inception architecture" (arXiv 1512.00567) claims of cost and depth, and how to measure it."""

from dataclasses import replace
from itertools import pairwise

import torch
from torch import nn

from course.ledger import Claim, Finding
from lessons.batch_norm.paper import cost_without_five
from lessons.factorization.reductions import REDUCTIONS
from networks import measure
from networks.googlenet import MODULES as GOOGLENET_MODULES
from networks.inception_v2 import Conv, MaxPool
from networks.inception_v3 import TABLE_V3, InceptionV3
from utils.cost.table import Table, profile

TITLE = "Rethinking the Inception architecture for computer vision"

# Table 3, column "cost": billions of operations.
TABLE_3 = {
    "GoogLeNet": 1.5,
    "BN-GoogLeNet": 1.5,
    "BN-Inception": 2.0,
    "Inception-v2": 3.8,
    "Inception-v2, RMSProp": 3.8,
    "Inception-v2, label smoothing": 3.8,
    "Inception-v2, factorized 7×7": 4.8,
    "Inception-v3": 4.8,
}
PRINTED_BILLIONS = 5  # abstract
PRINTED_PARAMETERS = 25e6  # abstract: fewer than
PRINTED_DEPTH = 42  # section 6
PRINTED_TIMES_GOOGLENET = 2.5  # section 6
PRINTED_TIMES_BN_INCEPTION = 2.5  # section 11
PRINTED_TIMES_ALEXNET = 3  # section 1, of VGGNet
PRINTED_DOUBLED = 4  # section 1
PRINTED_FIVE_OVER_THREE, PRINTED_TWO_THREES = 25 / 9, 28  # section 3.1: a factor, per cent saved
PRINTED_ASYMMETRIC, PRINTED_TWO_TWOS = 33, 11  # section 3.2: per cent saved
PRINTED_QUARTER = 1 / 4  # section 5: of the cost, if the pool comes first
PRINTED_SIZES = (  # Table 1: (channels, height, width) of what each row reads
    (3, 299, 299), (32, 149, 149), (32, 147, 147), (64, 147, 147), (64, 73, 73), (80, 71, 71), (192, 35, 35),
    (288, 35, 35), (768, 17, 17), (1280, 8, 8), (2048, 8, 8),
)  # fmt: skip
PRINTED_WITHIN = 1  # section 9: per cent, between the three resolutions

WIDTH, GRID = 64, 35  # of the equal layers that sections 3.1 and 3.2 compare


def equal_layers(*kernels: tuple[int, int]) -> int:
    """Multiply-adds of convolutions one after another that keep the channels and the grid."""
    with torch.device("meta"):
        layers = nn.Sequential()
        for height, width in kernels:  # padded at the far ends, so that an even kernel keeps the grid as well
            layers.append(nn.ZeroPad2d((0, width - 1, 0, height - 1)))
            layers.append(nn.Conv2d(WIDTH, WIDTH, (height, width), bias=False))
    return profile(layers, (WIDTH, GRID, GRID)).macs


def _saved(after: float, before: float) -> float:
    """In per cent."""
    return 100 * (1 - after / before)


def with_stem(*rows: Conv | MaxPool) -> type[InceptionV3]:
    """Inception-v3 behind another stem."""
    return type("InceptionV3", (InceptionV3,), {"TABLE": replace(InceptionV3.TABLE, stem=rows)})


def cost_with_stem(rows: tuple[Conv | MaxPool, ...], side: int) -> Table:
    """Its cost on images of that side."""
    with torch.device("meta"):
        return profile(with_stem(*rows)().eval(), (3, side, side))


# Section 9: as it is; the first convolution without its stride; that, and without the pool behind the first layers.
_first, *_rest = TABLE_V3.stem
STRIDE_1 = (replace(_first, stride=1), *_rest)
STRIDE_1_NO_POOL = (STRIDE_1[0], *(row for row in _rest if row != MaxPool("pool_3a")))
STEM_BY_SIDE = {299: TABLE_V3.stem, 151: STRIDE_1, 79: STRIDE_1_NO_POOL}

# What the first three convolutions of the stem stand for: one of 7 × 7.
SEVEN = (Conv("conv_1a", 64, kernel_size=7, stride=2), *TABLE_V3.stem[3:])


def _two_threes() -> Finding:
    five, three, two = equal_layers((5, 5)), equal_layers((3, 3)), equal_layers((3, 3), (3, 3))

    def five_branches(table: Table, module: str) -> int:
        """Without the 1 × 1 before, which stays as it is."""
        return sum(
            row.macs
            for row in table.rows
            if row.name.startswith(f"{module}.five.") and not row.name.startswith(f"{module}.five.0")
        )

    before = measure.cost("googlenet")
    after = cost_without_five()
    saved = [_saved(five_branches(after, name), five_branches(before, name)) for name in GOOGLENET_MODULES]
    exact = f"{five / three:.2f}" == f"{PRINTED_FIVE_OVER_THREE:.2f}" and f"{_saved(two, five):.0f}" == str(
        PRINTED_TWO_THREES
    )
    there = [saving >= PRINTED_TWO_THREES - 0.5 for saving in saved]
    return Finding(
        f"one 5×5 costs {five / three:.2f} times one 3×3; two 3×3 cost {_saved(two, five):.0f} % less than it, at equal "
        f"widths; in GoogLeNet's own branches they cost {-max(saved):+.0f} to {-min(saved):+.0f} %",
        measure.all_or_part(exact, all(there)),
        f"for as many channels in as out; {sum(saving < 0 for saving in saved)} of GoogLeNet's {len(saved)} branches with "
        "a 5×5 would cost more, as the second 3×3 reads more channels than the 5×5 did",
    )


def _asymmetric() -> Finding:
    three = equal_layers((3, 3))
    factors, twos = equal_layers((3, 1), (1, 3)), equal_layers((2, 2), (2, 2))
    return Finding(
        f"3×1 and 1×3 cost {_saved(factors, three):.1f} % less than a 3×3, two 2×2 {_saved(twos, three):.1f} % less",
        measure.all_or_part(
            f"{_saved(factors, three):.0f}" == str(PRINTED_ASYMMETRIC),
            f"{_saved(twos, three):.0f}" == str(PRINTED_TWO_TWOS),
        ),
        "at equal widths: 6 weights, or 8, in place of 9 for each pair of channels",
    )


def _doubled() -> Finding:
    ratios = {}
    for name in ("googlenet", "inception_v3"):
        single, double = measure.cost(name), measure.cost(name, width=2.0)
        ratios[name] = double.parameters / single.parameters, double.macs / single.macs
    verdicts = [measure.about(ratio, PRINTED_DOUBLED) for pair in ratios.values() for ratio in pair]
    return Finding(
        "; ".join(
            f"{name} {params:.2f} times the parameters, {macs:.2f} times the multiply-adds"
            for name, (params, macs) in ratios.items()
        )
        + " (variants paper, width=2.0)",
        measure.all_or_part(*(verdict == "holds" for verdict in verdicts)),
        "the image's three channels and the thousand classes do not double with the filters",
    )


def _vgg() -> Finding:
    large, small = (measure.cost(name).parameters for name in ("vgg_16", "alexnet"))
    return Finding(
        f"VGG-16 {large:,}, AlexNet {small:,}: {large / small:.2f} times",
        measure.about(large / small, PRINTED_TIMES_ALEXNET),
        f"{large - small:,} more; the figure is a rounded one, {abs(large / small / PRINTED_TIMES_ALEXNET - 1):.0%} off",
    )


def _times_googlenet() -> Finding:
    base = measure.cost("googlenet").macs
    ratios = {name: measure.cost(name).macs / base for name in ("inception_v2", "inception_v3")}
    verdicts = [measure.about(ratio, PRINTED_TIMES_GOOGLENET) for ratio in ratios.values()]
    printed = TABLE_3["Inception-v2"] / TABLE_3["GoogLeNet"], TABLE_3["Inception-v3"] / TABLE_3["GoogLeNet"]
    return Finding(
        ", ".join(f"{name} {ratio:.2f} times" for name, ratio in ratios.items()) + " GoogLeNet (variants paper)",
        measure.all_or_part(*(verdict == "holds" for verdict in verdicts)),
        f"the paper's own Table 3 has {printed[0]:.2f} times for Inception-v2 and {printed[1]:.2f} for v3; its text does not "
        "give the modules' widths, and these are the released code's",
    )


def _times_bn_inception() -> Finding:
    base = {variant: measure.cost("bn_inception", variant).macs for variant in ("paper", "released")}
    v3 = measure.cost("inception_v3").macs
    printed = TABLE_3["Inception-v3"] / TABLE_3["BN-Inception"]
    return Finding(
        ", ".join(f"{v3 / macs:.2f} times BN-Inception ({variant})" for variant, macs in base.items()),
        measure.about(v3 / base["paper"], PRINTED_TIMES_BN_INCEPTION),
        f"Table 3's own figures give {printed:.1f}: {TABLE_3['Inception-v3']} billion for v3, which takes {v3 / 1e9:.1f} here, "
        f"and {TABLE_3['BN-Inception']:.1f} for BN-Inception, which takes {base['paper'] / 1e9:.1f}",
    )


def _five_billion() -> Finding:
    macs = measure.cost("inception_v3").macs
    return Finding(
        f"{macs:,} multiply-adds (variant paper, 299 × 299)",
        measure.all_or_part(
            f"{macs / 1e9:.0f}" == str(PRINTED_BILLIONS), f"{macs / 1e9:.1f}" == str(TABLE_3["Inception-v3"])
        ),
        f"{macs / 1e9 / PRINTED_BILLIONS - 1:+.0%} against the abstract, {macs / 1e9 / TABLE_3['Inception-v3'] - 1:+.0%} "
        "against Table 3; the widths that the paper leaves out are those of the released code, and may not be those "
        "that it counted",
    )


def _grows() -> Finding:
    sizes = (3, 5, 7, 9)
    saved = [_saved(equal_layers((1, n), (n, 1)), equal_layers((n, n))) for n in sizes]
    return Finding(
        "; ".join(f"{n}×{n}: {share:.0f} %" for n, share in zip(sizes, saved, strict=True)) + " saved by 1×n and n×1",
        measure.all_or_part(all(before < after for before, after in pairwise(saved))),
        "2n weights in place of n², at equal widths",
    )


def _pool_first() -> Finding:
    channels, grid = WIDTH, 2 * GRID
    costs = {}
    for name, reduction in REDUCTIONS.items():
        with torch.device("meta"):
            costs[name] = profile(reduction(channels), (channels, grid, grid)).macs
    dear, cheap = costs["convolution first"], costs["pool first"]
    return Finding(
        f"convolution first {dear:,} multiply-adds, pool first {cheap:,}: {cheap / dear:.2f} of it; side by side "
        f"{costs['parallel']:,}: {costs['parallel'] / dear:.3f} of it",
        measure.all_or_part(cheap == PRINTED_QUARTER * dear),
        f"{channels} channels on {grid}×{grid} become {2 * channels} on half the side; the formulas divide by four, and the "
        "sentence around them can be read as a quarter less",
    )


def _table_1() -> Finding:
    rows = measure.cost("inception_v2").rows
    sizes = [(3, 299, 299)] + [row.shape for row in rows if len(row.shape) == 3]
    missing = [size for size in PRINTED_SIZES if size not in sizes]
    found = [sizes.index(size) for size in PRINTED_SIZES if size in sizes]
    return Finding(
        f"inception_v2 (variant paper) goes through {len(PRINTED_SIZES) - len(missing)} of the {len(PRINTED_SIZES)} sizes, "
        f"{'in the order of the table' if found == sorted(found) else 'in another order'}",
        measure.all_or_part(not missing and found == sorted(found)),
        "every size follows from windows, strides and padding, but for the widths of the modules, which the table leaves out "
        "and which were chosen here so that they add up",
    )


def _dearer_stem() -> Finding:
    seven, factorized = cost_with_stem(SEVEN, 299).macs, measure.cost("inception_v3").macs
    rise = (factorized - seven) / 1e9
    printed = TABLE_3["Inception-v2, factorized 7×7"] - TABLE_3["Inception-v2, label smoothing"]
    return Finding(
        f"Inception-v3 with one 7×7 of stride 2 takes {seven:,} multiply-adds, with three 3×3 {factorized:,}: "
        f"{rise:+.2f} billion (variant paper)",
        measure.all_or_part(rise > 0, measure.about(rise, printed) == "holds"),
        f"two of the three 3×3 read 32 channels where the 7×7 reads the image's 3; the rise here is {rise:.2f} and not "
        f"{printed:.1f} billion",
    )


def _fewer_parameters() -> Finding:
    trunk = measure.cost("inception_v3").parameters
    whole = measure.cost("inception_v3", aux_heads=True).parameters
    return Finding(
        f"{trunk:,} without the auxiliary head, {whole:,} with it (variant paper)",
        measure.all_or_part(trunk < PRINTED_PARAMETERS, whole < PRINTED_PARAMETERS),
        "the head is thrown away after training",
    )


def _depth() -> Finding:
    depths = {name: measure.cost(name).depth for name in ("inception_v2", "inception_v3")}
    return Finding(
        ", ".join(f"{name} {depth}" for name, depth in depths.items()) + " layers on the longest path (variants paper)",
        measure.all_or_part(*(depth == PRINTED_DEPTH for depth in depths.values())),
        "convolutions and the dense layer, counted along the deepest branches, where a factorised 7×7 is two layers",
    )


def _resolutions() -> Finding:
    costs = {side: cost_with_stem(stem, side) for side, stem in STEM_BY_SIDE.items()}
    base = costs[299].macs
    away = {side: 100 * (table.macs / base - 1) for side, table in costs.items()}

    def grid(side: int, name: str) -> str:
        shape = next(row.shape for row in costs[side].rows if row.name == name)
        return f"{shape[1]}×{shape[2]}"

    return Finding(
        "; ".join(f"{side}: {table.macs:,} multiply-adds ({away[side]:+.1f} %)" for side, table in costs.items())
        + " (Inception-v3, variant paper)",
        measure.all_or_part(*(abs(away[side]) <= PRINTED_WITHIN for side in (151, 79))),
        f"in front of the pool the third convolution's grid is {grid(299, 'stem.conv_2b.conv')} at 299, "
        f"{grid(151, 'stem.conv_2b.conv')} at 151 and {grid(79, 'stem.conv_2b.conv')} at 79; the first modules see "
        f"{grid(299, 'mixed_5b.concat')}, {grid(151, 'mixed_5b.concat')} and {grid(79, 'mixed_5b.concat')}",
    )


CLAIMS = (
    Claim(
        16,
        "A 5×5 costs 25/9 = 2.78 times a 3×3; two 3×3 in its place save 28 %.",
        "section 3.1",
        f"{PRINTED_FIVE_OVER_THREE:.2f}×, {PRINTED_TWO_THREES} %",
        _two_threes,
    ),
    Claim(
        17,
        "3×1 and 1×3 in place of a 3×3 save 33 %, two 2×2 only 11 %.",
        "section 3.2",
        f"{PRINTED_ASYMMETRIC} %, {PRINTED_TWO_TWOS} %",
        _asymmetric,
    ),
    Claim(
        18,
        "Twice as many filters everywhere mean four times the parameters and the cost.",
        "section 1",
        f"{PRINTED_DOUBLED}×",
        _doubled,
    ),
    Claim(19, "VGGNet has about three times AlexNet's parameters.", "section 1", f"{PRINTED_TIMES_ALEXNET}×", _vgg),
    Claim(
        20,
        "The new network costs about 2.5 times GoogLeNet.",
        "section 6",
        f"{PRINTED_TIMES_GOOGLENET}×",
        _times_googlenet,
    ),
    Claim(
        21,
        "Inception-v3 costs 2.5 times BN-Inception.",
        "section 11",
        f"{PRINTED_TIMES_BN_INCEPTION}×",
        _times_bn_inception,
    ),
    Claim(
        22,
        "Inception-v3 takes 5 billion multiply-adds for one image.",
        "abstract, Table 3",
        f"{PRINTED_BILLIONS} billion, {TABLE_3['Inception-v3']} in the table",
        _five_billion,
    ),
    Claim(
        23,
        "Factorizing the 7×7 raises the cost from 3.8 to 4.8 billion.",
        "Table 3",
        f"{TABLE_3['Inception-v2, label smoothing']} → {TABLE_3['Inception-v2, factorized 7×7']}",
        _dearer_stem,
    ),
    Claim(
        24,
        "Inception-v3 has fewer than 25 million parameters.",
        "abstract",
        f"< {PRINTED_PARAMETERS / 1e6:.0f} million",
        _fewer_parameters,
    ),
    Claim(25, "The network is 42 layers deep.", "section 6", f"{PRINTED_DEPTH}", _depth),
    Claim(
        26,
        "Networks for 299 (stride 2), 151 (stride 1) and 79 pixels (stride 1, no pool) cost almost the same.",
        "section 9",
        f"within {PRINTED_WITHIN} %",
        _resolutions,
    ),
    Claim(
        55,
        "What 1×n and n×1 save in place of n×n grows with n.",
        "section 3.2",
        "dramatically; no figure given",
        _grows,
    ),
    Claim(
        56,
        "Pooling before the convolution, in place of after it, takes the cost of a reduction from 2d²k² to 2(d/2)²k².",
        "section 5",
        f"{PRINTED_QUARTER:.2f} of the cost",
        _pool_first,
    ),
    Claim(
        57,
        "The grids and channels that Inception-v2 goes through, from 299×299×3 to 8×8×2048.",
        "Table 1",
        f"{len(PRINTED_SIZES)} sizes",
        _table_1,
    ),
)
