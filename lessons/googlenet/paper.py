"""What "Going deeper with convolutions" (arXiv 1409.4842) claims in sections 5 to 7, and how to measure it."""

from dataclasses import dataclass

import torch

from course.ledger import Claim, Finding
from lessons.googlenet.gradients import STARTS, before_training
from lessons.inception_module import paper as first_half
from lessons.inception_module.paper import weights_of
from networks import measure
from networks.layers import SeparableConv
from utils.cost.table import profile

TITLE = "Going deeper with convolutions"


@dataclass(frozen=True)
class Row:
    """One row of Table 1 that has weights: the network's modules, parameters in K and operations in millions."""

    name: str
    modules: tuple[str, ...]
    printed_params: float
    printed_ops: float


def _module(name: str) -> Row:
    row = first_half.TABLE_1[name]
    return Row(f"inception ({name})", (f"inception_{name}",), row.printed_params, row.printed_ops)


# Table 1, from top to bottom.
TABLE_1 = (
    Row("convolution 7×7/2", ("conv1",), 2.7, 34),
    Row("convolution 3×3/1", ("conv2_reduce", "conv2"), 112, 360),
    _module("3a"),
    _module("3b"),
    Row("inception (4a)", ("inception_4a",), 364, 73),
    Row("inception (4b)", ("inception_4b",), 437, 88),
    Row("inception (4c)", ("inception_4c",), 463, 100),
    Row("inception (4d)", ("inception_4d",), 580, 119),
    Row("inception (4e)", ("inception_4e",), 840, 170),
    Row("inception (5a)", ("inception_5a",), 1072, 54),
    Row("inception (5b)", ("inception_5b",), 1388, 71),
    Row("linear", ("classifier",), 1000, 1),
)
# A printed figure agrees with the network if it lies this near, in the table's units (K or M): most figures of the
# table are cut off where others are rounded. Rows that are further away are misprints, or mean something else.
NEAR = 1.5

# Section 5.
PRINTED_DEPTH, PRINTED_DEPTH_WITH_POOLS, PRINTED_BLOCKS = 22, 27, 100

# Section 5: the weight of each auxiliary head's loss. A gradient counts as stronger if it is longer by half.
AUX_WEIGHT, STRONGER = 0.3, 1.5

# Section 7: scales, squares of each, crops of each square (4 corners, centre, the square resized), mirror images.
CROPS = (4, 3, 6, 2)
PRINTED_CROPS = 144
# Table 2: top-5 error in per cent.
TABLE_2 = {
    "SuperVision": 16.4,
    "SuperVision, with external data": 15.3,
    "Clarifai": 11.7,
    "Clarifai, with external data": 11.2,
    "GoogLeNet": 6.67,
}
PRINTED_OVER_SUPERVISION, PRINTED_OVER_CLARIFAI = 56.5, 40  # per cent, section 7


@dataclass(frozen=True)
class Ensemble:
    """One row of Table 3; `printed_gain` is against the first row, in points of top-5 error."""

    models: int
    crops: int
    top5_error: float
    printed_gain: float


TABLE_3 = (
    Ensemble(1, 1, 10.07, 0.0),
    Ensemble(1, 10, 9.15, -0.92),
    Ensemble(1, 144, 7.89, -2.18),
    Ensemble(7, 1, 8.09, -1.98),
    Ensemble(7, 10, 7.62, -2.45),
    Ensemble(7, 144, 6.67, -3.45),
)


@dataclass(frozen=True)
class Comparison:
    """A row of Table 1 beside the course's network, variant "paper". Biases are left out, and K is 1024."""

    row: Row
    weights: int
    macs: int

    @property
    def kilo(self) -> float:
        return self.weights / 1024

    @property
    def millions(self) -> float:
        return self.macs / 1e6

    @property
    def params_agree(self) -> bool:
        return abs(self.kilo - self.row.printed_params) <= NEAR

    @property
    def ops_agree(self) -> bool:
        return abs(self.millions - self.row.printed_ops) <= NEAR


def table_1() -> tuple[Comparison, ...]:
    """Every row of Table 1, printed and measured."""
    net, stages = measure.network("googlenet"), measure.cost("googlenet").by_stage()
    return tuple(
        Comparison(
            row,
            weights=sum(weights_of(net.get_submodule(name)) for name in row.modules),
            macs=sum(stages[name].macs for name in row.modules),
        )
        for row in TABLE_1
    )


def separable_first_layer() -> Comparison:
    """The first row as a separable convolution of depth multiplier 8: 7 × 7 on each colour, then 1 × 1."""
    with torch.device("meta"):
        layer = SeparableConv(3, 64, kernel_size=7, stride=2, depth_multiplier=8)
    table = profile(layer, measure.image_shape("googlenet"))
    return Comparison(TABLE_1[0], weights=weights_of(layer), macs=table.macs)


def _depth() -> Finding:
    record = measure.graph("googlenet")
    depth, with_pools = record.depth(), record.depth(pools=True)
    return Finding(
        f"{depth} layers on the longest path, {with_pools} with pooling (variant paper)",
        measure.all_or_part(depth == PRINTED_DEPTH, with_pools == PRINTED_DEPTH_WITH_POOLS),
        "if convolutions and the dense layer count, one Inception module as two of them, and the global average pool "
        "as a pool",
    )


def _blocks() -> Finding:
    kinds = [row.kind for row in measure.cost("googlenet").rows]
    weighted = kinds.count("conv") + kinds.count("linear")
    readings = {
        "with weights": weighted,
        "with pools": weighted + kinds.count("pool"),
        "with pools, concatenations and normalisations": len(kinds) - kinds.count("activation"),
        "with each ReLU as well": len(kinds),
    }
    near = {
        words: count for words, count in readings.items() if measure.about(count, PRINTED_BLOCKS) != "does not hold"
    }
    return Finding(
        "; ".join(f"{count} {words}" for words, count in readings.items()) + " (variant paper)",
        measure.all_or_part(*(words in near for words in readings)),
        f"near {PRINTED_BLOCKS} only if the blocks are counted {' or '.join(near)}: the paper says itself that it "
        "depends on how one counts"
        if near
        else f"no way of counting comes within a quarter of {PRINTED_BLOCKS}",
    )


def _first_layer() -> Finding:
    plain, separable = table_1()[0], separable_first_layer()
    agrees = [each.params_agree and each.ops_agree for each in (plain, separable)]
    thousands, printed = separable.weights / 1000, separable.row.printed_params
    fits = "not the row's figures either"
    if agrees[1]:
        fits = f"{thousands:.1f} K and {separable.millions:.0f} M"
        fits += " as printed" if f"{thousands:.1f}" == f"{printed:.1f}" else ""
        fits += f", if K is 1000 in this row; with 1024, as in the other rows, it is {separable.kilo:.1f} K"
    return Finding(
        f"a plain 7×7 (variant paper) has {plain.weights:,} weights and takes {plain.macs:,} multiply-adds; "
        f"a separable one {separable.weights:,} and {separable.macs:,}",
        measure.all_or_part(*agrees),
        f"the layer that the row names is {plain.weights / separable.weights:.1f} times as large; a separable 7×7 of "
        f"depth multiplier 8, which later networks of the family have, gives {fits}",
    )


def _params_column() -> Finding:
    modules = [each for each in table_1() if each.row.name.startswith("inception")]
    off = [each for each in modules if not each.params_agree]
    far = max(off, key=lambda each: abs(each.kilo - each.row.printed_params), default=None)
    return Finding(
        f"{len(modules) - len(off)} of {len(modules)} modules agree; "
        + ", ".join(f"{_short(each)} is {each.kilo:.1f} for {each.row.printed_params:g}" for each in off),
        measure.all_or_part(*(each.params_agree for each in modules)),
        "if K is 1024 and biases are left out (variant paper)"
        + (
            f"; the table's own widths make other figures in the rows that disagree, in {_short(far)} by "
            f"{abs(far.kilo / far.row.printed_params - 1):.0%}"
            if far
            else ""
        ),
    )


def _ops_column() -> Finding:
    rows = table_1()
    off = [each for each in rows if not each.ops_agree]
    printed = sum(each.row.printed_ops for each in rows)
    separable = sum(each.millions for each in rows) - rows[0].millions + separable_first_layer().millions
    return Finding(
        f"{len(rows) - len(off)} of {len(rows)} rows agree; "
        + ", ".join(f"{_short(each)} takes {each.millions:.1f} M for {each.row.printed_ops:g} M" for each in off)
        + f"; the column's sum is {sum(each.millions for each in rows):,.0f} M for {printed:,.0f} M (variant paper)",
        measure.all_or_part(*(each.ops_agree for each in rows)),
        f"if an operation is one multiply-add; with a separable first layer the sum is {separable:,.0f} M",
    )


def _short(each: Comparison) -> str:
    return each.row.name.removeprefix("inception ").strip("()")


def _crops() -> Finding:
    ours = TABLE_2["GoogLeNet"]
    over = {name: 100 * (1 - ours / error) for name, error in TABLE_2.items() if name != "GoogLeNet"}
    crops = 1
    for count in CROPS:
        crops *= count
    supervision, clarifai = over["SuperVision, with external data"], over["Clarifai, with external data"]
    return Finding(
        f"{' × '.join(map(str, CROPS))} = {crops} crops; "
        + ", ".join(f"{reduction:.1f} % below {name}" for name, reduction in over.items()),
        measure.all_or_part(
            crops == PRINTED_CROPS,
            f"{supervision:.1f}" == f"{PRINTED_OVER_SUPERVISION:.1f}",
            f"{clarifai:.0f}" == f"{PRINTED_OVER_CLARIFAI:.0f}",
        ),
        f"arithmetic on Table 2: the reductions are those over the entries with external data, and the one over "
        f"SuperVision is {supervision:.1f} %, not {PRINTED_OVER_SUPERVISION} %",
    )


def _last_gain() -> Finding:
    base = TABLE_3[0].top5_error
    gains = {row: round(row.top5_error - base, 2) for row in TABLE_3}
    right = [row for row, gain in gains.items() if gain == row.printed_gain]
    last = TABLE_3[-1]
    return Finding(
        f"{last.top5_error} − {base} = {gains[last]:.2f} points",
        "holds" if last in right else "does not hold",
        f"arithmetic on the table's own column; {len(right)} of its {len(TABLE_3)} rows are right",
    )


def _stronger_gradient() -> Finding:
    factors = {}
    for name in STARTS:
        without, with_heads = (before_training(name, aux_weight=weight)["conv1"] for weight in (0.0, AUX_WEIGHT))
        factors[name] = with_heads / without
    return Finding(
        "the gradient at the first layer, before training: "
        + ", ".join(f"{factor:,.1f} times as long with {name}" for name, factor in factors.items())
        + " (variant paper)",
        measure.all_or_part(*(factor > STRONGER for factor in factors.values())),
        "it depends on the initial weights, of which the paper says nothing: the smaller they are, the more the heads bring",
    )


CLAIMS = (
    Claim(
        2,
        "GoogLeNet is 22 layers deep, 27 with pooling.",
        "section 5",
        f"{PRINTED_DEPTH}, {PRINTED_DEPTH_WITH_POOLS}",
        _depth,
    ),
    Claim(3, "It is made of about 100 independent building blocks.", "section 5", f"about {PRINTED_BLOCKS}", _blocks),
    Claim(
        5, "The first convolution has 2.7 K parameters and takes 34 M operations.", "Table 1", "2.7K, 34M", _first_layer
    ),
    Claim(
        6,
        "The parameter column of the nine modules.",
        "Table 1",
        ", ".join(f"{row.printed_params:g}" for row in TABLE_1 if row.name.startswith("inception")) + " K",
        _params_column,
    ),
    Claim(
        7,
        "The operations column.",
        "Table 1",
        ", ".join(f"{row.printed_ops:g}" for row in TABLE_1) + " M",
        _ops_column,
    ),
    Claim(
        39,
        "144 crops of an image; the winning error is 56.5 % below SuperVision's and about 40 % below Clarifai's.",
        "section 7, Table 2",
        f"{PRINTED_CROPS}, {PRINTED_OVER_SUPERVISION} %, about {PRINTED_OVER_CLARIFAI} %",
        _crops,
    ),
    Claim(
        40,
        "Seven models and 144 crops lower the error by 3.45 points against one model and one crop.",
        "Table 3, last row",
        f"{TABLE_3[-1].printed_gain} points",
        _last_gain,
    ),
    Claim(
        44,
        "Auxiliary classifiers make the gradient stronger that comes back to the lower layers.",
        "section 5",
        "no figure given",
        _stronger_gradient,
    ),
)
