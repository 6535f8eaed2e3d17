"""What "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261) claims of Inception-v4, and how to measure it."""

from collections import Counter

from lessons import measure
from lessons.batch_norm.blocks import InceptionA
from lessons.factorization.blocks import InceptionB, InceptionC
from utils.ledger import Claim, Finding

TITLE = "Inception-v4, Inception-ResNet and the impact of residual connections on learning"

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


CLAIMS = (
    Claim(
        27,
        "Inception-v4 has more modules than Inception-v3, and uniform ones.",
        "sections 1 and 3.1",
        "no figure given",
        _more_and_uniform,
    ),
)
