"""What "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261) claims of Inception-v4, and how to measure it."""

from collections import Counter

from course.ledger import Claim, Finding
from lessons.inception_v4.grids import along, fork
from lessons.inception_v4.printed import FORK_1, FORK_2, FORK_3, LINE, TABLE_1
from networks import measure
from networks.bn_inception import InceptionA, ReductionA, ReductionWidths
from networks.inception_v2 import InceptionB, InceptionC
from utils.cost.table import profile

TITLE = "Inception-v4, Inception-ResNet and the impact of residual connections on learning"

PRINTED_STEM = ((32, 149), (32, 147), (64, 147), (160, 73), (192, 71), (384, 35))  # figure 3: channels, grid
PRINTED_TRUNK = {  # figure 9: the last module of each line, and (channels, grid) behind it
    "stem": (384, 35), "inception_a_3": (384, 35), "reduction_a": (1024, 17), "inception_b_6": (1024, 17),
    "reduction_b": (1536, 8), "inception_c_2": (1536, 8), "global_pool": (1536, 1),
}  # fmt: skip
PRINTED_REDUCED = {"Inception-v4": 1024, "Inception-ResNet-v1": 896}  # figures 9 and 15: channels behind reduction A

MODULES = (InceptionA, InceptionB, InceptionC)


def designs(name: str) -> dict[str, list[tuple[int, ...]]]:
    """The modules of each kind in a network, each as the widths of its convolutions in their order."""
    found: dict[str, list[tuple[int, ...]]] = {}
    table = measure.cost(name)
    for stage, module in measure.network(name).named_children():
        if isinstance(module, MODULES):
            rows = [row for row in table.rows if row.name.startswith(f"{stage}.") and row.kind == "conv"]
            found.setdefault(type(module).__name__, []).append(tuple(row.shape[0] for row in rows))
    return found


def _more_and_uniform() -> Finding:
    v3, v4 = designs("inception_v3"), designs("inception_v4")
    counts = [sum(map(len, kinds.values())) for kinds in (v3, v4)]
    different = [sum(len(Counter(widths)) for widths in kinds.values()) for kinds in (v3, v4)]
    uniform = different[1] == len(v4) and different[0] > len(v3)

    def each(kinds: dict[str, list]) -> str:
        return " + ".join(str(len(widths)) for widths in kinds.values())

    return Finding(
        f"v3 has {each(v3)} = {counts[0]} modules of {different[0]} designs, v4 {each(v4)} = {counts[1]} of "
        f"{different[1]}, besides two reductions in each (variants paper)",
        measure.all_or_part(counts[1] > counts[0], uniform),
        f"a design is the widths of a module's convolutions; v4 has one for each of its {len(v4)} grids",
    )


def stem_sizes() -> list[tuple[int, int] | None]:
    """(channels, grid) behind each line of figure 3 as it is printed; None where a fork cannot be concatenated."""
    sizes: list[tuple[int, int] | None] = [
        (layer.width, grid) for layer, grid in zip(LINE, along(299, LINE)[1:], strict=True)
    ]
    for branches in (FORK_1, FORK_2, FORK_3):
        sizes.append(fork(*sizes[-1], branches))
    return sizes


def _printed_stem() -> Finding:
    sizes = stem_sizes()
    right = [size == printed for size, printed in zip(sizes, PRINTED_STEM, strict=True)]
    ends = [along(sizes[-2][1], branch)[-1] for branch in FORK_3]
    table = measure.cost("inception_v4")
    behind = next(row.shape for row in table.rows if row.name == "stem.fork_3.conv.conv")
    return Finding(
        f"{sum(right)} of the {len(right)} sizes follow from the boxes above them; the branches of the last fork end on grids of "
        f"{ends[0]} and {ends[1]}",
        measure.all_or_part(all(right), any(right)),
        f"the last convolution is printed without a stride; with the stride of 2 that Google's code has it ends on "
        f"{behind[-1]} (variant paper)",
    )


def _printed_trunk() -> Finding:
    found = {}
    for row in measure.cost("inception_v4").rows:
        if len(row.shape) == 3:
            found[row.name.split(".")[0]] = (row.shape[0], row.shape[-1])
    right = [found.get(stage) == printed for stage, printed in PRINTED_TRUNK.items()]
    return Finding(
        f"{sum(right)} of {len(right)} sizes are those of the network (variant paper)",
        measure.all_or_part(all(right), any(right)),
        f"an A, B or C puts out what it reads: {found['reduction_a'][0]} channels in and out of each B",
    )


def reduced(name: str) -> int:
    """Channels behind figure 7 with a network's letters of Table 1."""
    channels, (k, l, m, n) = TABLE_1[name]
    module = ReductionA(channels, ReductionWidths(single=(n,), stacked=(k, l, m)))
    return profile(module, (channels, 35, 35)).rows[-1].shape[0]


def _table_1() -> Finding:
    found = {name: reduced(name) for name in TABLE_1}
    right = [found[name] == printed for name, printed in PRINTED_REDUCED.items()]
    return Finding(
        ", ".join(f"{name} {channels}" for name, channels in found.items()),
        measure.all_or_part(*right),
        "m and n and the pool's channels; no figure prints what comes out in Inception-ResNet-v2",
    )


CLAIMS = (
    Claim(
        27,
        "Inception-v4 has more modules than Inception-v3, and uniform ones.",
        "sections 1 and 3.1",
        "no figure given",
        _more_and_uniform,
    ),
    Claim(
        67,
        "The boxes of the stem lead to the sizes printed beside them.",
        "figure 3",
        f"{len(PRINTED_STEM)} sizes, from 149×149×32 to 35×35×384",
        _printed_stem,
    ),
    Claim(
        68,
        "The sizes that Inception-v4 goes through behind its stem.",
        "figure 9",
        f"{len(PRINTED_TRUNK)} sizes, from 35×35×384 to 1536",
        _printed_trunk,
    ),
    Claim(
        69,
        "Reduction A with the letters of Table 1 leads to the channels of the figures.",
        "Table 1, figures 7, 9 and 15",
        ", ".join(f"{name} {channels}" for name, channels in PRINTED_REDUCED.items()),
        _table_1,
    ),
)
