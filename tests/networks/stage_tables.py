"""The networks' stage tables, written down once more from the papers, and the arithmetic to cost them.

Nothing here uses the course's networks: the tests hold the networks against it. A cell reads like a figure, bottom up:

    1x1 64 ; 1x1 96 -> 3x3 128 ; max 3x3 /1 -> 1x1 32      branches, joined along the channels
    3x3 384 /2 V                                           stride 2, valid padding (else "same")
    {1x3 384 | 3x1 384}                                    two convolutions of one input, joined
    [1x1 32 ; 1x1 32 -> 3x3 32] -> linear 256              a residual block: the sum costs nothing
    sep 128 -> sep 128 -> max 3x3 /2 + 1x1 128 /2          two paths, summed
    sep7x7*8 64 /2                                         separable, kernel 7 x 7, depth multiplier 8
    5x5 256 g2                                             in two groups of channels that do not see each other
    11x11 96 /4 p2                                         two rows of zeros on each side
"""

import re
from dataclasses import dataclass

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Convention:
    """What comes with each channel of a convolution: a bias is one number, BN has two; a depthwise one may have none."""

    per_channel: int
    per_depthwise_channel: int = 0


BIAS = Convention(per_channel=1)
BN = Convention(per_channel=2)
BIAS_AND_BN = Convention(per_channel=3)
BN_TWICE = Convention(per_channel=2, per_depthwise_channel=2)


@dataclass(frozen=True)
class Stage:
    """One row: `modules` (names in the course's network) all do what `cell` says, one after another."""

    modules: str
    cell: str
    out: Shape
    parameters: int | None = None  # of all of them together, where the reference prints it
    macs: float | None = None  # in millions, likewise

    @property
    def names(self) -> list[str]:
        return self.modules.split()


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that stand outside of all brackets."""
    parts, depth = [""], 0
    for word in text.split():
        if depth == 0 and word == separator:
            parts.append("")
            continue
        depth += word.count("[") + word.count("{") - word.count("]") - word.count("}")
        parts[-1] += " " + word
    return [part.strip() for part in parts]


def cost(cell: str, shape: Shape, convention: Convention) -> tuple[int, int, Shape]:
    """(parameters, multiply-adds, output shape) of a cell."""
    for separator, joined in ((";", True), ("|", True), ("+", False)):
        parts = split(cell, separator)
        if len(parts) > 1:
            costs = [cost(part, shape, convention) for part in parts]
            grids = {out[1:] for _, _, out in costs}
            assert len(grids) == 1, f"{cell}: the grids differ, {grids}"
            widths = [out[0] for _, _, out in costs]
            assert joined or len(set(widths)) == 1, f"{cell}: the widths differ, {widths}"
            channels = sum(widths) if joined else widths[0]
            return sum(c[0] for c in costs), sum(c[1] for c in costs), (channels, *grids.pop())
    steps = split(cell, "->")
    if len(steps) > 1:
        parameters = macs = 0
        for step in steps:
            more, work, shape = cost(step, shape, convention)
            parameters, macs = parameters + more, macs + work
        return parameters, macs, shape
    if cell[0] in "[{":
        return cost(cell[1:-1].strip(), shape, convention)
    return _layer(cell, shape, convention)


def _layer(text: str, shape: Shape, convention: Convention) -> tuple[int, int, Shape]:
    channels, height, width = shape
    words = text.split()
    stride = next((int(word[1:]) for word in words if word[0] == "/"), 1)
    valid = "V" in words
    kernel = re.search(r"(\d+)x(\d+)", text)
    kernel_height, kernel_width = (int(kernel[1]), int(kernel[2])) if kernel else (3, 3)

    zeros = next((int(word[1:]) for word in words if word[0] == "p"), None)

    def side(n: int, k: int) -> int:
        if zeros is not None:
            return (n + 2 * zeros - k) // stride + 1
        return (n - k) // stride + 1 if valid else -(-n // stride)

    grid = side(height, kernel_height), side(width, kernel_width)
    places = grid[0] * grid[1]
    if words[0] in ("max", "avg"):
        return 0, 0, (channels, *grid)
    out = int(words[1])
    if words[0] == "linear":
        return channels * out + out, channels * out * places, (out, *grid)
    window = kernel_height * kernel_width
    groups = next((int(word[1:]) for word in words if word[0] == "g"), 1)
    if words[0].startswith("sep"):
        multiplier = int(words[0].split("*")[1]) if "*" in words[0] else 1
        depthwise = channels * multiplier
        weights = depthwise * window + depthwise * out
        extra = depthwise * convention.per_depthwise_channel + out * convention.per_channel
        return weights + extra, weights * places, (out, *grid)
    weights = channels // groups * out * window
    return weights + out * convention.per_channel, weights * places, (out, *grid)


def depth(cell: str, *, once: bool) -> int:
    """Convolutions on the longest path of a cell; `once` counts a separable one once, else twice."""
    for separator in (";", "|", "+"):
        parts = split(cell, separator)
        if len(parts) > 1:
            return max(depth(part, once=once) for part in parts)
    steps = split(cell, "->")
    if len(steps) > 1:
        return sum(depth(step, once=once) for step in steps)
    if cell[0] in "[{":
        return depth(cell[1:-1].strip(), once=once)
    if cell.startswith(("max", "avg")):
        return 0
    return 2 if cell.startswith("sep") and not once else 1


def googlenet_rows(*, five: int, last_pool: str) -> tuple[Stage, ...]:
    five = f"{five}x{five}"
    pool = "max 3x3 /1"

    def module(name, widths, out, parameters, macs):
        a, b, c, d, e, f = widths
        cell = f"1x1 {a} ; 1x1 {b} -> 3x3 {c} ; 1x1 {d} -> {five} {e} ; {pool} -> 1x1 {f}"
        printed = (parameters, macs) if five == "5x5" else (None, None)
        return Stage(name, cell, out, *printed)

    return (
        Stage("conv1", "7x7 64 /2", (64, 112, 112), *((9_472, 118.0) if five == "5x5" else (None, None))),
        Stage("pool1", "max 3x3 /2", (64, 56, 56), 0, 0.0),
        Stage("conv2_reduce", "1x1 64", (64, 56, 56)),
        Stage("conv2", "3x3 192", (192, 56, 56)),
        Stage("pool2", "max 3x3 /2", (192, 28, 28), 0, 0.0),
        module("inception_3a", (64, 96, 128, 16, 32, 32), (256, 28, 28), 163_696, 128.0),
        module("inception_3b", (128, 128, 192, 32, 96, 64), (480, 28, 28), 388_736, 304.3),
        Stage("pool3", "max 3x3 /2", (480, 14, 14), 0, 0.0),
        module("inception_4a", (192, 96, 208, 16, 48, 64), (512, 14, 14), 376_176, 73.6),
        module("inception_4b", (160, 112, 224, 24, 64, 64), (512, 14, 14), 449_160, 87.9),
        module("inception_4c", (128, 128, 256, 24, 64, 64), (512, 14, 14), 510_104, 99.9),
        module("inception_4d", (112, 144, 288, 32, 64, 64), (528, 14, 14), 605_376, 118.5),
        module("inception_4e", (256, 160, 320, 32, 128, 128), (832, 14, 14), 868_352, 170.0),
        Stage("pool4", last_pool, (832, 7, 7), 0, 0.0),
        module("inception_5a", (256, 160, 320, 32, 128, 128), (832, 7, 7), 1_043_456, 51.1),
        module("inception_5b", (384, 192, 384, 48, 128, 128), (1024, 7, 7), 1_444_080, 70.7),
    )


def bn_inception_rows(*, first: str, pool_4cd: int) -> tuple[Stage, ...]:
    wide = 480 + pool_4cd  # 576, or 608 with the projection that figure 5 prints
    return (
        Stage("conv1", first, (64, 112, 112)),
        Stage("pool1", "max 3x3 /2", (64, 56, 56)),
        Stage("conv2_reduce", "1x1 64", (64, 56, 56)),
        Stage("conv2", "3x3 192", (192, 56, 56)),
        Stage("pool2", "max 3x3 /2", (192, 28, 28)),
        Stage(
            "inception_3a",
            "1x1 64 ; 1x1 64 -> 3x3 64 ; 1x1 64 -> 3x3 96 -> 3x3 96 ; avg 3x3 /1 -> 1x1 32",
            (256, 28, 28),
        ),
        Stage(
            "inception_3b",
            "1x1 64 ; 1x1 64 -> 3x3 96 ; 1x1 64 -> 3x3 96 -> 3x3 96 ; avg 3x3 /1 -> 1x1 64",
            (320, 28, 28),
        ),
        Stage("inception_3c", "1x1 128 -> 3x3 160 /2 ; 1x1 64 -> 3x3 96 -> 3x3 96 /2 ; max 3x3 /2", (576, 14, 14)),
        Stage(
            "inception_4a",
            "1x1 224 ; 1x1 64 -> 3x3 96 ; 1x1 96 -> 3x3 128 -> 3x3 128 ; avg 3x3 /1 -> 1x1 128",
            (576, 14, 14),
        ),
        Stage(
            "inception_4b",
            "1x1 192 ; 1x1 96 -> 3x3 128 ; 1x1 96 -> 3x3 128 -> 3x3 128 ; avg 3x3 /1 -> 1x1 128",
            (576, 14, 14),
        ),
        Stage(
            "inception_4c",
            f"1x1 160 ; 1x1 128 -> 3x3 160 ; 1x1 128 -> 3x3 160 -> 3x3 160 ; avg 3x3 /1 -> 1x1 {pool_4cd}",
            (wide, 14, 14),
        ),
        Stage(
            "inception_4d",
            f"1x1 96 ; 1x1 128 -> 3x3 192 ; 1x1 160 -> 3x3 192 -> 3x3 192 ; avg 3x3 /1 -> 1x1 {pool_4cd}",
            (wide, 14, 14),
        ),
        Stage(
            "inception_4e",
            "1x1 128 -> 3x3 192 /2 ; 1x1 192 -> 3x3 256 -> 3x3 256 /2 ; max 3x3 /2",
            (wide + 448, 7, 7),
        ),
        Stage(
            "inception_5a",
            "1x1 352 ; 1x1 192 -> 3x3 320 ; 1x1 160 -> 3x3 224 -> 3x3 224 ; avg 3x3 /1 -> 1x1 128",
            (1024, 7, 7),
        ),
        Stage(
            "inception_5b",
            "1x1 352 ; 1x1 192 -> 3x3 320 ; 1x1 192 -> 3x3 224 -> 3x3 224 ; max 3x3 /1 -> 1x1 128",
            (1024, 7, 7),
        ),
    )


def sevens(width: int) -> str:
    """A 17 x 17 module of Inception-v3, with its inner width."""
    w = width
    return (
        f"1x1 192 ; 1x1 {w} -> 1x7 {w} -> 7x1 192 ; 1x1 {w} -> 7x1 {w} -> 1x7 {w} -> 7x1 {w} -> 1x7 192 ; "
        "avg 3x3 /1 -> 1x1 192"
    )


V3_6A = "3x3 384 /2 V ; 1x1 64 -> 3x3 96 -> 3x3 96 /2 V ; max 3x3 /2 V"
V3_7A = "1x1 192 -> 3x3 320 /2 V ; 1x1 192 -> 1x7 192 -> 7x1 192 -> 3x3 192 /2 V ; max 3x3 /2 V"
V3_7BC = "1x1 320 ; 1x1 384 -> {1x3 384 | 3x1 384} ; 1x1 448 -> 3x3 384 -> {1x3 384 | 3x1 384} ; avg 3x3 /1 -> 1x1 192"

INCEPTION_V2 = (
    Stage("stem.conv1", "3x3 32 /2 V", (32, 149, 149)),
    Stage("stem.conv2", "3x3 32 V", (32, 147, 147)),
    Stage("stem.conv3_padded", "3x3 64", (64, 147, 147)),
    Stage("stem.pool", "max 3x3 /2 V", (64, 73, 73)),
    Stage("stem.conv4", "3x3 80 V", (80, 71, 71)),
    Stage("stem.conv5", "3x3 192 /2 V", (192, 35, 35)),
    Stage("stem.conv6", "3x3 288", (288, 35, 35)),
    Stage(
        "mixed_5b mixed_5c mixed_5d",
        "1x1 64 ; 1x1 48 -> 3x3 64 ; 1x1 64 -> 3x3 96 -> 3x3 96 ; avg 3x3 /1 -> 1x1 64",
        (288, 35, 35),
    ),
    Stage("mixed_6a", V3_6A, (768, 17, 17)),
    Stage("mixed_6b", sevens(128), (768, 17, 17)),
    Stage("mixed_6c mixed_6d mixed_6e", sevens(160), (768, 17, 17)),
    Stage("mixed_6f", sevens(192), (768, 17, 17)),
    Stage("mixed_7a", V3_7A, (1280, 8, 8)),
    Stage("mixed_7b", V3_7BC, (2048, 8, 8)),
    Stage("mixed_7c", V3_7BC, (2048, 8, 8)),
)

V3_STEM = (
    Stage("stem.conv_1a", "3x3 32 /2 V", (32, 149, 149), 928, 19.2),
    Stage("stem.conv_2a", "3x3 32 V", (32, 147, 147), 9_280, 199.1),
    Stage("stem.conv_2b", "3x3 64", (64, 147, 147), 18_560, 398.3),
    Stage("stem.pool_3a", "max 3x3 /2 V", (64, 73, 73), 0, 0.0),
    Stage("stem.conv_3b", "1x1 80", (80, 73, 73), 5_280, 27.3),
    Stage("stem.conv_4a", "3x3 192 V", (192, 71, 71), 138_624, 696.9),
)
V3_POOL_5A = Stage("stem.pool_5a", "max 3x3 /2 V", (192, 35, 35), 0, 0.0)
V3_5 = "1x1 64 ; 1x1 48 -> 5x5 64 ; 1x1 64 -> 3x3 96 -> 3x3 96 ; avg 3x3 /1 -> 1x1 "

INCEPTION_V3 = (
    *V3_STEM,
    V3_POOL_5A,
    Stage("mixed_5b", V3_5 + "32", (256, 35, 35), 255_904, 312.3),
    Stage("mixed_5c", V3_5 + "64", (288, 35, 35), 277_472, 338.7),
    Stage("mixed_5d", V3_5 + "64", (288, 35, 35), 285_152, 348.1),
    Stage("mixed_6a", V3_6A, (768, 17, 17), 1_153_280, 401.9),
    Stage("mixed_6b", sevens(128), (768, 17, 17), 1_297_408, 374.1),
    Stage("mixed_6c mixed_6d", sevens(160), (768, 17, 17), 3_382_016, 975.4),
    Stage("mixed_6e", sevens(192), (768, 17, 17), 2_141_952, 617.9),
    Stage("mixed_7a", V3_7A, (1280, 8, 8), 1_698_304, 291.0),
    Stage("mixed_7b", V3_7BC, (2048, 8, 8), 5_044_608, 322.4),
    Stage("mixed_7c", V3_7BC, (2048, 8, 8), 6_076_800, 388.5),
)


def several(name: str, count: int) -> str:
    return " ".join(f"{name}_{number}" for number in range(count))


V4_STEM_END = (
    Stage("stem.fork_1", "max 3x3 /2 V ; 3x3 96 /2 V", (160, 73, 73), 55_488, 294.7),
    Stage(
        "stem.fork_2",
        "1x1 64 -> 3x3 96 V ; 1x1 64 -> 1x7 64 -> 7x1 64 -> 3x3 96 V",
        (192, 71, 71),
        189_312,
        972.2,
    ),
    Stage("stem.fork_3", "3x3 192 /2 V ; max 3x3 /2 V", (384, 35, 35), 332_160, 406.4),
)
V4_STEM = (
    Stage("stem.conv_1", "3x3 32 /2 V", (32, 149, 149)),
    Stage("stem.conv_2", "3x3 32 V", (32, 147, 147)),
    Stage("stem.conv_3", "3x3 64", (64, 147, 147)),
    *V4_STEM_END,
)

INCEPTION_V4 = (
    *V4_STEM,
    Stage(
        several("inception_a", 4),
        "1x1 96 ; 1x1 64 -> 3x3 96 ; 1x1 64 -> 3x3 96 -> 3x3 96 ; avg 3x3 /1 -> 1x1 96",
        (384, 35, 35),
        1_270_528,
        1_550.4,
    ),
    Stage(
        "reduction_a",
        "3x3 384 /2 V ; 1x1 192 -> 3x3 224 -> 3x3 256 /2 V ; max 3x3 /2 V",
        (1024, 17, 17),
        2_306_112,
        1_097.2,
    ),
    Stage(
        several("inception_b", 7),
        "1x1 384 ; 1x1 192 -> 1x7 224 -> 7x1 256 ; 1x1 192 -> 7x1 192 -> 1x7 224 -> 7x1 224 -> 1x7 256 ; "
        "avg 3x3 /1 -> 1x1 128",
        (1024, 17, 17),
        20_553_792,
        5_930.9,
    ),
    Stage(
        "reduction_b",
        "1x1 192 -> 3x3 192 /2 V ; 1x1 256 -> 1x7 256 -> 7x1 320 -> 3x3 320 /2 V ; max 3x3 /2 V",
        (1536, 8, 8),
        2_747_392,
        511.1,
    ),
    Stage(
        several("inception_c", 3),
        "1x1 256 ; 1x1 384 -> {1x3 256 | 3x1 256} ; 1x1 384 -> 3x1 448 -> 1x3 512 -> {1x3 256 | 3x1 256} ; "
        "avg 3x3 /1 -> 1x1 256",
        (1536, 8, 8),
        13_659_264,
        872.9,
    ),
)


def resnet_v1_rows(*, blocks_c: int) -> tuple[Stage, ...]:
    return (
        *V3_STEM,
        Stage("stem.conv_4b", "3x3 256 /2 V", (256, 35, 35)),
        Stage(
            several("inception_resnet_a", 5),
            "[1x1 32 ; 1x1 32 -> 3x3 32 ; 1x1 32 -> 3x3 32 -> 3x3 32] -> linear 256",
            (256, 35, 35),
        ),
        Stage("reduction_a", "3x3 384 /2 V ; 1x1 192 -> 3x3 192 -> 3x3 256 /2 V ; max 3x3 /2 V", (896, 17, 17)),
        Stage(
            several("inception_resnet_b", 10), "[1x1 128 ; 1x1 128 -> 1x7 128 -> 7x1 128] -> linear 896", (896, 17, 17)
        ),
        Stage(
            "reduction_b",
            "1x1 256 -> 3x3 384 /2 V ; 1x1 256 -> 3x3 256 /2 V ; 1x1 256 -> 3x3 256 -> 3x3 256 /2 V ; max 3x3 /2 V",
            (1792, 8, 8),
        ),
        Stage(
            several("inception_resnet_c", blocks_c),
            "[1x1 192 ; 1x1 192 -> 1x3 192 -> 3x1 192] -> linear 1792",
            (1792, 8, 8),
        ),
    )


V2_A = "[1x1 32 ; 1x1 32 -> 3x3 32 ; 1x1 32 -> 3x3 48 -> 3x3 64] -> linear "
V2_B = "[1x1 192 ; 1x1 128 -> 1x7 160 -> 7x1 192] -> linear "
V2_C = "[1x1 192 ; 1x1 192 -> 1x3 224 -> 3x1 256] -> linear "
V2_REDUCTION_A = "3x3 384 /2 V ; 1x1 256 -> 3x3 256 -> 3x3 384 /2 V ; max 3x3 /2 V"
V2_REDUCTION_B = "1x1 256 -> 3x3 384 /2 V ; 1x1 256 -> 3x3 288 /2 V ; 1x1 256 -> 3x3 288 -> 3x3 320 /2 V ; max 3x3 /2 V"

RESNET_V2_PAPER = (
    *V4_STEM,
    Stage(several("inception_resnet_a", 5), V2_A + "384", (384, 35, 35)),
    Stage("reduction_a", V2_REDUCTION_A, (1152, 17, 17)),
    Stage(several("inception_resnet_b", 10), V2_B + "1152", (1152, 17, 17)),
    Stage("reduction_b", V2_REDUCTION_B, (2144, 8, 8)),
    Stage(several("inception_resnet_c", 5), V2_C + "2144", (2144, 8, 8)),
)
RESNET_V2_RELEASED = (
    *V3_STEM,
    V3_POOL_5A,
    Stage(
        "mixed_5b",
        "1x1 96 ; 1x1 48 -> 5x5 64 ; 1x1 64 -> 3x3 96 -> 3x3 96 ; avg 3x3 /1 -> 1x1 64",
        (320, 35, 35),
        268_320,
        327.4,
    ),
    Stage(several("inception_resnet_a", 10), V2_A + "320", (320, 35, 35), 1_231_680, 1_499.0),
    Stage("reduction_a", V2_REDUCTION_A, (1088, 17, 17), 2_664_960, 1_398.2),
    Stage(several("inception_resnet_b", 20), V2_B + "1088", (1088, 17, 17), 22_535_680, 6_498.8),
    Stage("reduction_b", V2_REDUCTION_B, (2080, 8, 8), 3_880_960, 585.4),
    Stage(several("inception_resnet_c", 9), V2_C + "2080", (2080, 8, 8), 18_318_816, 1_170.2),
    Stage("inception_resnet_c_9", V2_C + "2080", (2080, 8, 8), 2_035_424, 130.0),
    Stage("conv_7b", "1x1 1536", (1536, 8, 8), 3_197_952, 204.5),
)


def xception_block(*widths: int, skip: bool = True) -> str:
    body = " -> ".join(f"sep {width}" for width in widths)
    return f"{body} -> max 3x3 /2 + 1x1 {widths[-1]} /2" if skip else body


XCEPTION = (
    Stage("block1.conv1", "3x3 32 /2 V", (32, 149, 149), 928, 19.2),
    Stage("block1.conv2", "3x3 64 V", (64, 147, 147), 18_560, 398.3),
    Stage("block2", xception_block(128, 128), (128, 74, 74), 35_264, 613.3),
    Stage("block3", xception_block(256, 256), (256, 37, 37), 136_064, 602.1),
    Stage("block4", xception_block(728, 728), (728, 19, 19), 915_944, 1_060.1),
    Stage(
        " ".join(f"block{number}" for number in range(5, 13)),
        xception_block(728, 728, 728, skip=False),
        (728, 19, 19),
        12_911_808,
        4_648.5,
    ),
    Stage("block13", xception_block(728, 1024), (1024, 10, 10), 2_039_584, 539.7),
    Stage("block14.0", "sep 1536", (1536, 10, 10), 1_585_152, 158.2),
    Stage("block14.1", "sep 2048", (2048, 10, 10), 3_163_648, 316.0),
)


def aligned_block(*widths: int, stride: int = 1) -> str:
    *before, last = widths
    body = " -> ".join([*(f"sep {width}" for width in before), f"sep {last} /{stride}"])
    return f"{body} + 1x1 {last} /{stride}"


ALIGNED_STEM = (Stage("conv1", "3x3 32 /2", (32, 150, 150)), Stage("conv2", "3x3 64", (64, 150, 150)))
ALIGNED_END = (
    Stage(several("middle", 16), "sep 728 -> sep 728 -> sep 728", (728, 19, 19)),
    Stage("exit_0", aligned_block(728, 1024, 1024, stride=2), (1024, 10, 10)),
    Stage("exit_1", "sep 1536 -> sep 1536 -> sep 2048", (2048, 10, 10)),
)
XCEPTION_65 = (
    *ALIGNED_STEM,
    Stage("entry_0", aligned_block(128, 128, 128, stride=2), (128, 75, 75)),
    Stage("entry_1", aligned_block(256, 256, 256, stride=2), (256, 38, 38)),
    Stage("entry_2", aligned_block(728, 728, 728, stride=2), (728, 19, 19)),
    *ALIGNED_END,
)
XCEPTION_71 = (
    *ALIGNED_STEM,
    Stage("entry_0", aligned_block(128, 128, 128, stride=2), (128, 75, 75)),
    Stage("entry_1", aligned_block(256, 256, 256), (256, 75, 75)),
    Stage("entry_2", aligned_block(256, 256, 256, stride=2), (256, 38, 38)),
    Stage("entry_3", aligned_block(728, 728, 728), (728, 38, 38)),
    Stage("entry_4", aligned_block(728, 728, 728, stride=2), (728, 19, 19)),
    *ALIGNED_END,
)


@dataclass(frozen=True)
class Aux:
    """An auxiliary head: the stage it looks at, and its parts: a convolutional cell, then dense widths."""

    after: str
    cell: str
    dense: tuple[int, ...] = (1000,)


V3_AUX = "avg 5x5 /3 V -> 1x1 128 -> 5x5 768 V"
ONE_BY_ONE = "1x1 128"


@dataclass(frozen=True)
class Reference:
    """A network as the reference has it. `printed` are (parameters, multiply-adds), None where it prints none.

    `depth` is that of the longest path of convolutions and dense layers; `depth_once` counts a separable one once; None
    where it prints none.
    """

    name: str
    variant: str
    side: int
    convention: Convention
    stages: tuple[Stage, ...]
    printed: tuple[int, int] | None = None
    printed_aux: tuple[int, int] | None = None  # what the heads add
    aux: tuple[Aux, ...] = ()
    depth: int | None = None
    depth_once: int | None = None
    ends_dense: bool = True  # in a dense classifier, which is no row

    @property
    def id(self) -> str:
        return f"{self.name}-{self.variant}"

    def derived(self) -> tuple[int, int]:
        """(parameters, multiply-adds) of the whole by the arithmetic of this file."""
        shape = (3, self.side, self.side)
        parameters = macs = 0
        for stage in self.stages:
            for _ in stage.names:
                more, work, shape = cost(stage.cell, shape, self.convention)
                parameters, macs = parameters + more, macs + work
            assert shape == stage.out, f"{self.id}, {stage.modules}: {shape} by arithmetic, {stage.out} in the table"
        if not self.ends_dense:
            return parameters, macs
        return parameters + shape[0] * 1000 + 1000, macs + shape[0] * 1000

    def derived_depth(self, *, once: bool) -> int:
        """Convolution and dense layers on the longest path, the classifier included."""
        return self.ends_dense + sum(depth(stage.cell, once=once) * len(stage.names) for stage in self.stages)

    def derived_aux(self) -> tuple[int, int]:
        """(parameters, multiply-adds) that the heads add."""
        parameters = macs = 0
        for head in self.aux:
            shape = next(stage.out for stage in self.stages if head.after in stage.names)
            if self.name == "googlenet":
                shape = (shape[0], 4, 4)  # averaged to 4 x 4 first
            more, work, out = cost(head.cell, shape, self.convention)
            parameters, macs = parameters + more, macs + work
            features = out[0] * out[1] * out[2]
            for width in head.dense:
                parameters, macs = parameters + features * width + width, macs + features * width
                features = width
        return parameters, macs


def googlenet_aux() -> tuple[Aux, ...]:
    return tuple(Aux(after, ONE_BY_ONE, (1024, 1000)) for after in ("inception_4a", "inception_4d"))


def same_twice(**values) -> tuple[Reference, ...]:
    """A network whose released variant differs, but has the same stages."""
    return tuple(Reference(variant=variant, **values) for variant in ("paper", "released"))


REFERENCES = (
    Reference(
        name="googlenet",
        variant="paper",
        side=224,
        convention=BIAS,
        stages=googlenet_rows(five=5, last_pool="max 3x3 /2"),
        printed=(6_998_552, 1_582_671_872),
        printed_aux=(6_379_728, 8_372_224),
        aux=googlenet_aux(),
        depth=22,
        depth_once=22,
    ),
    Reference(
        name="googlenet",
        variant="released",
        side=224,
        convention=BN,
        stages=googlenet_rows(five=3, last_pool="max 2x2 /2"),
        printed=(6_624_904, 1_498_376_192),
        printed_aux=(6_379_984, 8_372_224),
        aux=googlenet_aux(),
        depth=22,
        depth_once=22,
    ),
    Reference(
        name="bn_inception",
        variant="paper",
        side=224,
        convention=BN,
        stages=bn_inception_rows(first="sep7x7*8 64 /2", pool_4cd=96),
    ),
    Reference(
        name="bn_inception",
        variant="released",
        side=224,
        convention=BIAS_AND_BN,
        stages=bn_inception_rows(first="7x7 64 /2", pool_4cd=128),
    ),
    Reference(
        name="inception_v2",
        variant="paper",
        side=299,
        convention=BN,
        stages=INCEPTION_V2,
        aux=(Aux("mixed_6f", V3_AUX),),
    ),
    *same_twice(
        name="inception_v3",
        side=299,
        convention=BN,
        stages=INCEPTION_V3,
        printed=(23_834_568, 5_713_216_096),
        printed_aux=(3_326_696, 5_683_200),
        aux=(Aux("mixed_6e", V3_AUX),),
        depth=48,
        depth_once=48,
    ),
    Reference(
        name="inception_v4",
        variant="paper",
        side=299,
        convention=BN,
        stages=INCEPTION_V4,
        printed=(42_679_816, 12_253_974_624),
        printed_aux=(3_359_464, 6_502_400),
        aux=(Aux("inception_b_6", V3_AUX),),
        depth=76,
        depth_once=76,
    ),
    Reference(
        name="inception_resnet_v1",
        variant="paper",
        side=299,
        convention=BN,
        stages=resnet_v1_rows(blocks_c=5),
    ),
    Reference(
        name="inception_resnet_v1",
        variant="released",
        side=299,
        convention=BN,
        stages=resnet_v1_rows(blocks_c=6),
    ),
    Reference(
        name="inception_resnet_v2",
        variant="paper",
        side=299,
        convention=BN,
        stages=RESNET_V2_PAPER,
        aux=(Aux("inception_resnet_b_9", V3_AUX),),
    ),
    Reference(
        name="inception_resnet_v2",
        variant="released",
        side=299,
        convention=BN,
        stages=RESNET_V2_RELEASED,
        printed=(55_843_464, 13_155_794_016),
        printed_aux=(3_367_656, 6_707_200),
        aux=(Aux("inception_resnet_b_19", V3_AUX),),
        depth=176,
        depth_once=176,
    ),
    *same_twice(
        name="xception",
        side=299,
        convention=BN,
        stages=XCEPTION,
        printed=(22_855_952, 8_357_403_496),
        depth=71,
        depth_once=37,
    ),
    Reference(name="xception_65", variant="paper", side=299, convention=BN_TWICE, stages=XCEPTION_65),
    Reference(name="xception_71", variant="paper", side=299, convention=BN_TWICE, stages=XCEPTION_71),
)


# --- The relatives ----------------------------------------------------------------------------------------------------
# A dense layer is a convolution whose window is the whole grid.


def alexnet_rows(widths: tuple[int, int, int, int, int], *, groups: int) -> tuple[Stage, ...]:
    a, b, c, d, e = widths
    return (
        Stage("conv1", f"11x11 {a} /4 p2", (a, 55, 55)),
        Stage("pool1", "max 3x3 /2 V", (a, 27, 27)),
        Stage("conv2", f"5x5 {b} g{groups}", (b, 27, 27)),
        Stage("pool2", "max 3x3 /2 V", (b, 13, 13)),
        Stage("conv3", f"3x3 {c}", (c, 13, 13)),
        Stage("conv4", f"3x3 {d} g{groups}", (d, 13, 13)),
        Stage("conv5", f"3x3 {e} g{groups}", (e, 13, 13)),
        Stage("pool5", "max 3x3 /2 V", (e, 6, 6)),
        Stage("dense1", "6x6 4096 V", (4096, 1, 1)),
        Stage("dense2", "1x1 4096", (4096, 1, 1)),
    )


NETWORK_IN_NETWORK = (
    Stage("mlpconv1", "11x11 96 /4 V -> 1x1 96 -> 1x1 96", (96, 54, 54)),
    Stage("pool1", "max 3x3 /2", (96, 27, 27)),
    Stage("mlpconv2", "5x5 256 -> 1x1 256 -> 1x1 256", (256, 27, 27)),
    Stage("pool2", "max 3x3 /2 V", (256, 13, 13)),
    Stage("mlpconv3", "3x3 384 -> 1x1 384 -> 1x1 384", (384, 13, 13)),
    Stage("pool3", "max 3x3 /2 V", (384, 6, 6)),
    Stage("maps", "3x3 1024 -> 1x1 1024 -> 1x1 1000", (1000, 6, 6)),
)

VGG_16 = (
    Stage("block1", "3x3 64 -> 3x3 64", (64, 224, 224)),
    Stage("pool1", "max 2x2 /2 V", (64, 112, 112)),
    Stage("block2", "3x3 128 -> 3x3 128", (128, 112, 112)),
    Stage("pool2", "max 2x2 /2 V", (128, 56, 56)),
    Stage("block3", "3x3 256 -> 3x3 256 -> 3x3 256", (256, 56, 56)),
    Stage("pool3", "max 2x2 /2 V", (256, 28, 28)),
    Stage("block4", "3x3 512 -> 3x3 512 -> 3x3 512", (512, 28, 28)),
    Stage("pool4", "max 2x2 /2 V", (512, 14, 14)),
    Stage("block5", "3x3 512 -> 3x3 512 -> 3x3 512", (512, 14, 14)),
    Stage("pool5", "max 2x2 /2 V", (512, 7, 7)),
    Stage("dense1", "7x7 4096 V", (4096, 1, 1)),
    Stage("dense2", "1x1 4096", (4096, 1, 1)),
)


def resnet_rows(*, stride_in_three: bool) -> tuple[Stage, ...]:
    rows = [Stage("conv1", "7x7 64 /2", (64, 112, 112)), Stage("pool1", "max 3x3 /2", (64, 56, 56))]
    for number, (blocks, width, side) in enumerate(((3, 64, 56), (4, 128, 28), (6, 256, 14), (3, 512, 7)), start=2):
        halves = " /2" if number > 2 else ""
        one, three = ("", halves) if stride_in_three else (halves, "")
        out = 4 * width
        first = f"1x1 {width}{one} -> 3x3 {width}{three} -> 1x1 {out} + 1x1 {out}{halves}"
        rows.append(Stage(f"conv{number}_1", first, (out, side, side)))
        others = " ".join(f"conv{number}_{block}" for block in range(2, blocks + 1))
        rows.append(Stage(others, f"1x1 {width} -> 3x3 {width} -> 1x1 {out}", (out, side, side)))
    return tuple(rows)


MOBILENET = (
    Stage("conv1", "3x3 32 /2", (32, 112, 112)),
    Stage("separable_1", "sep 64", (64, 112, 112)),
    Stage("separable_2", "sep 128 /2", (128, 56, 56)),
    Stage("separable_3", "sep 128", (128, 56, 56)),
    Stage("separable_4", "sep 256 /2", (256, 28, 28)),
    Stage("separable_5", "sep 256", (256, 28, 28)),
    Stage("separable_6", "sep 512 /2", (512, 14, 14)),
    Stage("separable_7 separable_8 separable_9 separable_10 separable_11", "sep 512", (512, 14, 14)),
    Stage("separable_12", "sep 1024 /2", (1024, 7, 7)),
    Stage("separable_13", "sep 1024", (1024, 7, 7)),
)

# `printed`: AlexNet's paper variant and Network in Network as their Caffe models count; torchvision 0.29.1 for its three; Keras
# 3.15 for MobileNet's parameters, whose multiply-adds its paper prints as 569 million.
RELATIVES = (
    Reference(
        name="alexnet",
        variant="paper",
        side=224,
        convention=BIAS,
        stages=alexnet_rows((96, 256, 384, 384, 256), groups=2),
        printed=(60_965_224, 724_406_816),
        depth=8,
    ),
    Reference(
        name="alexnet",
        variant="released",
        side=224,
        convention=BIAS,
        stages=alexnet_rows((64, 192, 384, 256, 256), groups=1),
        printed=(61_100_840, 714_188_480),
        depth=8,
    ),
    Reference(
        name="network_in_network",
        variant="paper",
        side=224,
        convention=BIAS,
        stages=NETWORK_IN_NETWORK,
        printed=(7_595_176, 1_100_188_800),
        depth=12,
        ends_dense=False,
    ),
    Reference(
        name="vgg_16",
        variant="paper",
        side=224,
        convention=BIAS,
        stages=VGG_16,
        printed=(138_357_544, 15_470_264_320),
        depth=16,
    ),
    Reference(
        name="resnet_50",
        variant="paper",
        side=224,
        convention=BN,
        stages=resnet_rows(stride_in_three=False),
        printed=(25_557_032, 3_857_973_248),
        depth=50,
    ),
    Reference(
        name="resnet_50",
        variant="released",
        side=224,
        convention=BN,
        stages=resnet_rows(stride_in_three=True),
        printed=(25_557_032, 4_089_184_256),
        depth=50,
    ),
    *same_twice(
        name="mobilenet_v1",
        side=224,
        convention=BN_TWICE,
        stages=MOBILENET,
        printed=(4_231_976, 568_740_352),
        depth=28,
        depth_once=15,
    ),
)
