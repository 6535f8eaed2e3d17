"""What "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261) claims of its residual networks, and how to measure it."""

from lessons import measure
from lessons.residual_scaling.blocks import ResidualBlock
from utils.ledger import Claim, Finding
from utils.trace import Trace

TITLE = "Inception-v4, Inception-ResNet and the impact of residual connections on learning"

PRINTED_SUM_B, PRINTED_SUM_C = 1154, 2048  # figures 17 and 19, the linear 1 × 1 before the sum


def _v1_costs_v3() -> Finding:
    residual, plain = measure.cost("inception_resnet_v1").macs, measure.cost("inception_v3").macs
    return Finding(
        f"Inception-ResNet-v1 {residual:,} multiply-adds, Inception-v3 {plain:,}: {residual / plain - 1:+.1%} "
        "(variants paper)",
        measure.about(residual / plain, 1),
        f"roughly means within {measure.ABOUT:.0%} here",
    )


def _v2_costs_v4() -> Finding:
    plain = measure.cost("inception_v4").macs
    variants = {variant: measure.cost("inception_resnet_v2", variant).macs for variant in ("paper", "released")}
    verdicts = {variant: measure.about(macs / plain, 1) for variant, macs in variants.items()}
    blocks = {
        variant: sum(
            isinstance(child, ResidualBlock) for child in measure.network("inception_resnet_v2", variant).children()
        )
        for variant in variants
    }
    return Finding(
        f"Inception-v4 {plain:,} multiply-adds; Inception-ResNet-v2 "
        + ", ".join(f"{macs:,} ({variant}, {macs / plain - 1:+.0%})" for variant, macs in variants.items()),
        measure.all_or_part(*(verdict == "holds" for verdict in verdicts.values())),
        f"with the {blocks['paper']} residual blocks of the figures it {verdicts['paper']}, with the {blocks['released']} of "
        f"the released network it {verdicts['released']} (within {measure.ABOUT:.0%})",
    )


def normalised_sums(record: Trace) -> tuple[int, int]:
    """How many sums of two branches a network has, and how many of them a batch normalisation reads."""
    readers: dict[int, list[str]] = {}
    for operation in record.operations:
        for source in operation.reads:
            readers.setdefault(source, []).append(operation.name)
    sums = [o for o in record.operations if o.name.startswith("add") and not o.has_weights and len(o.reads) == 2]
    return len(sums), sum(any("batch_norm" in name for name in readers.get(o.index, [])) for o in sums)


def _sums_without_normalisation() -> Finding:
    found, results = [], []
    for name in ("inception_resnet_v1", "inception_resnet_v2"):
        for variant in ("paper", "released"):
            sums, normalised = normalised_sums(measure.graph(name, variant))
            kinds = [row.kind for row in measure.cost(name, variant).rows]
            results.append(sums > 0 and normalised == 0)
            found.append(
                f"{normalised} of {sums} sums and {kinds.count('norm')} of {kinds.count('conv')} convolutions in "
                f"{name} ({variant})"
            )
    return Finding(
        "normalised are " + "; ".join(found),
        measure.all_or_part(*results),
        "the convolution in front of each sum has a bias and no normalisation either",
    )


def _printed_sums() -> Finding:
    def channels(stage: str) -> int:
        rows = measure.cost("inception_resnet_v2").rows
        return next(row.shape[0] for row in rows if row.name == f"{stage}.concat")

    b, c = channels("reduction_a"), channels("reduction_b")
    return Finding(
        f"{b} channels reach the B blocks, {c} the C blocks (variant paper)",
        measure.all_or_part(b == PRINTED_SUM_B, c == PRINTED_SUM_C),
        f"a sum needs as many channels as come in: {PRINTED_SUM_B} is {PRINTED_SUM_B - b:+d}, {PRINTED_SUM_C} is "
        f"{PRINTED_SUM_C - c:+d} away; the reductions before them concatenate what their own figures print",
    )


CLAIMS = (
    Claim(
        28,
        "Inception-ResNet-v1 has roughly the cost of Inception-v3.",
        "section 3.2",
        "no figure given",
        _v1_costs_v3,
    ),
    Claim(
        29,
        "Inception-ResNet-v2 matches the raw cost of Inception-v4.",
        "section 3.2",
        "no figure given",
        _v2_costs_v4,
    ),
    Claim(
        31,
        "The residual sums are not normalised.",
        "section 3.2",
        "no figure given",
        _sums_without_normalisation,
    ),
    Claim(
        32,
        "The residual blocks B and C of Inception-ResNet-v2 end in 1154 and 2048 filters.",
        "figures 17 and 19",
        f"{PRINTED_SUM_B}, {PRINTED_SUM_C}",
        _printed_sums,
    ),
)
