"""What "Inception-v4, Inception-ResNet ..." (arXiv 1602.07261) claims of its residual networks, and how to measure it."""

from dataclasses import dataclass

from course.ledger import Claim, Finding
from lessons.residual_scaling import memory
from networks import measure
from networks.inception_resnet_v1 import ResidualBlock
from utils.cost.trace import Trace

TITLE = "Inception-v4, Inception-ResNet and the impact of residual connections on learning"

PRINTED_SUM_B, PRINTED_SUM_C = 1154, 2048  # figures 17 and 19, the linear 1 × 1 before the sum


RESNETS = "Deep residual learning for image recognition"
PRINTED_RESNET_50, PRINTED_VGG_16 = 3.8, 15.3  # its Table 1, and section 4.1: billions of multiply-adds, "FLOPs" there

SCALES = (0.1, 0.3)  # section 3.3: the scales that were picked, from and to


@dataclass(frozen=True)
class Errors:
    """Errors in per cent on ImageNet's validation images, as the paper prints them."""

    top1: float
    top5: float


SINGLE_CROP = {  # Table 2: one network, one crop
    "Inception-v3": Errors(21.2, 5.6),
    "Inception-ResNet-v1": Errors(21.3, 5.5),
    "Inception-v4": Errors(20.0, 5.0),
    "Inception-ResNet-v2": Errors(19.9, 4.9),
}
CROPS_144 = {  # Table 4: one network, 144 crops
    "Inception-v3": Errors(18.9, 4.3),
    "Inception-ResNet-v1": Errors(18.8, 4.3),
    "Inception-v4": Errors(17.7, 3.8),
    "Inception-ResNet-v2": Errors(17.8, 3.7),
}
ENSEMBLES = {  # Table 5: four networks, 144 crops
    "4 × Inception-v3": Errors(17.3, 3.6),
    "Inception-v4 and 3 × Inception-ResNet-v2": Errors(16.4, 3.1),
}
TITLES = {"inception_resnet_v1": "Inception-ResNet-v1", "inception_resnet_v2": "Inception-ResNet-v2"}
SUBSTANTIALLY = 0.25  # a quarter more blocks, where the paper says that their number rose substantially


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
        f"to match means within {measure.ABOUT:.0%} here; the figures have {blocks['paper']} residual blocks, the released network "
        f"{blocks['released']}",
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
    for name in TITLES:
        for variant in ("paper", "released"):
            sums, normalised = normalised_sums(measure.graph(name, variant))
            kinds = [row.kind for row in measure.cost(name, variant).rows]
            results.append(sums > 0 and normalised == 0)
            found.append(
                f"{normalised} of {sums} sums and {kinds.count('norm')} of {kinds.count('conv')} convolutions in "
                f"{TITLES[name]} ({variant})"
            )
    return Finding(
        "normalised are " + "; ".join(found),
        measure.all_or_part(*results),
        "the convolution in front of each sum has a bias and no normalisation either",
    )


def _too(difference: int) -> str:
    return f"{abs(difference)} too {'many' if difference > 0 else 'few'}"


def _printed_sums() -> Finding:
    def channels(stage: str) -> int:
        rows = measure.cost("inception_resnet_v2").rows
        return next(row.shape[0] for row in rows if row.name == f"{stage}.concat")

    b, c = channels("reduction_a"), channels("reduction_b")
    return Finding(
        f"{b} channels reach the B blocks, {c} the C blocks (variant paper)",
        measure.all_or_part(b == PRINTED_SUM_B, c == PRINTED_SUM_C),
        f"a sum needs as many channels as come in: {PRINTED_SUM_B} is {_too(PRINTED_SUM_B - b)}, {PRINTED_SUM_C} is "
        f"{_too(PRINTED_SUM_C - c)}; the reductions before them concatenate what their own figures print",
    )


def block_bytes(name: str, variant: str = "paper") -> int:
    """Bytes that the residual blocks of a network keep in a training step on one image of 299 pixels."""
    network = measure.network(name, variant)
    kept, seen = 0, {}
    for count, channels, side in memory.sums(name, variant):
        seen[channels] = count, side
    for block in network.children():
        if isinstance(block, ResidualBlock) and block.up.out_channels in seen:
            count, side = seen.pop(block.up.out_channels)
            kept += count * memory.block_bytes(block, side)
    return kept


def _memory_saved() -> Finding:
    found, results = [], []
    for variant in ("paper", "released"):
        plain = memory.network_bytes("inception_resnet_v2", variant)
        saved = memory.network_bytes("inception_resnet_v2", variant, normalised=True) - plain
        more = saved / block_bytes("inception_resnet_v2", variant)
        results.append(more >= SUBSTANTIALLY)
        found.append(
            f"{saved / 1e6:.1f} MB an image beside the {plain / 1e6:.1f} MB that a step keeps, as much as {more:.0%} more "
            f"blocks keep ({variant})"
        )
    return Finding(
        "; ".join(found),
        measure.all_or_part(*results),
        f"substantially means {SUBSTANTIALLY:.0%} more blocks or above here; in single precision, counted by what autograd keeps",
    )


def _ensembles_gain_less() -> Finding:
    single = {name: CROPS_144[name] for name in ("Inception-v3", "Inception-ResNet-v2")}
    before, after = single.values()
    four_before, four_after = ENSEMBLES.values()
    shares, found = [], []
    for what in ("top1", "top5"):
        alone = getattr(before, what) - getattr(after, what)
        together = getattr(four_before, what) - getattr(four_after, what)
        shares.append(together / alone)
        found.append(f"{what.replace('top', 'top-')}: {alone:.1f} points better alone, {together:.1f} together")
    return Finding(
        f"{' → '.join(single)}, {'; '.join(found)}",
        "holds" if max(shares) < 0.5 else "holds in part" if max(shares) < 1 else "does not hold",
        f"arithmetic on the paper's own tables: {shares[0]:.0%} and {shares[1]:.0%} of the gain remain in the ensemble; "
        "holds would mean less than half",
    )


def _size_decides() -> Finding:
    pairs = (("Inception-v3", "Inception-ResNet-v1"), ("Inception-v4", "Inception-ResNet-v2"))
    apart = [abs(SINGLE_CROP[plain].top1 - SINGLE_CROP[residual].top1) for plain, residual in pairs]
    by_size = [SINGLE_CROP[small].top1 - SINGLE_CROP[large].top1 for small, large in zip(*pairs, strict=True)]
    plain, residual = measure.cost("inception_v4").macs, measure.cost("inception_resnet_v2", "released").macs
    return Finding(
        f"top-1 errors of plain and residual differ by {apart[0]:.1f} and {apart[1]:.1f} points, those of the sizes by "
        f"{by_size[0]:.1f} and {by_size[1]:.1f}",
        measure.all_or_part(*(each < min(by_size) / 2 for each in apart)),
        f"from the paper's Table 2; the released Inception-ResNet-v2 takes {residual / plain - 1:+.0%} multiply-adds against "
        "Inception-v4",
    )


def _scales() -> Finding:
    found, results = [], []
    for name in TITLES:
        blocks = [each for each in measure.network(name, "released").children() if isinstance(each, ResidualBlock)]
        within = [SCALES[0] <= block.scale <= SCALES[1] for block in blocks]
        results += within
        scales = ", ".join(f"{scale:g}" for scale in dict.fromkeys(block.scale for block in blocks))
        found.append(f"{sum(within)} of {len(blocks)} blocks of {TITLES[name]} (scales {scales})")
    return Finding(
        "; ".join(found),
        measure.all_or_part(*results),
        "released variants; the paper gives no scale for each grid, the public code does, and leaves the last block's residual "
        "as it is",
    )


def _cheaper_blocks() -> Finding:
    found, results = [], []
    for plain, residual in (("a", "a"), ("b", "b"), ("c", "c")):
        costs = []
        for name, prefix in (
            ("inception_v4", f"inception_{plain}"),
            ("inception_resnet_v2", f"inception_resnet_{residual}"),
        ):
            rows = [row for row in measure.cost(name).rows if row.name.startswith(prefix)]
            blocks = {row.name.split(".")[0] for row in rows}
            costs.append(sum(row.macs for row in rows) / len(blocks))
        results.append(costs[1] < costs[0])
        found.append(f"{plain.upper()} {costs[1] / 1e6:.0f} M against {costs[0] / 1e6:.0f} M")
    return Finding(
        f"multiply-adds of a block, Inception-ResNet-v2 against Inception-v4: {'; '.join(found)}",
        measure.all_or_part(*results),
        "variants paper, the expansion counted in",
    )


def _resnet_against_vgg() -> Finding:
    resnet, plain = measure.cost("resnet_50").macs, measure.cost("vgg_16")
    convolutions = sum(row.macs for row in plain.rows if row.kind == "conv")
    return Finding(
        f"ResNet-50 {resnet:,} multiply-adds (variant paper), VGG-16 {convolutions:,} in its convolutions",
        measure.all_or_part(
            measure.about(resnet / 1e9, PRINTED_RESNET_50) == "holds",
            measure.about(convolutions / 1e9, PRINTED_VGG_16) == "holds",
        ),
        f"a FLOP is a multiply-add there; with its dense layers VGG-16 has {plain.macs:,}, {plain.macs / resnet:.1f} times as many",
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
    Claim(
        71,
        "Without batch normalisation on the sums there is memory for substantially more blocks.",
        "section 3.2",
        "no figure given",
        _memory_saved,
    ),
    Claim(
        72,
        "Gains of single networks do not become similarly large gains of ensembles.",
        "sections 1 and 5, Tables 4 and 5",
        "17.3 → 16.4, 3.6 → 3.1 (four networks)",
        _ensembles_gain_less,
    ),
    Claim(
        73,
        "The final accuracy depends on the size of a network more than on its residual connections.",
        "section 5, Table 2",
        "smaller ones: 21.2 plain, 21.3 residual; larger ones: 20.0, 19.9",
        _size_decides,
    ),
    Claim(
        74,
        "Residuals are scaled by 0.1 to 0.3.",
        "section 3.3",
        f"{SCALES[0]} to {SCALES[1]}",
        _scales,
    ),
    Claim(
        75,
        "The residual networks use cheaper Inception blocks than the others.",
        "section 3.2",
        "no figure given",
        _cheaper_blocks,
    ),
    Claim(
        82,
        "ResNet-50 takes 3.8 billion operations, VGG-16 takes 15.3 billion.",
        "Table 1, section 4.1",
        f"{PRINTED_RESNET_50} and {PRINTED_VGG_16} billion",
        _resnet_against_vgg,
        RESNETS,
    ),
)
