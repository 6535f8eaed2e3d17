"""A first claim to test: GoogLeNet against AlexNet ("Going deeper with convolutions", arXiv 1409.4842, section 1)."""

from course.ledger import Claim, Finding
from networks import measure

WHERE = "Going deeper with convolutions, section 1"
PRINTED_FACTOR = 12  # "12 times fewer parameters", section 1
PRINTED_BUDGET = 1.5e9  # multiply-adds at inference, section 1


def _fewer_than_alexnet() -> Finding:
    before, after = measure.cost("alexnet"), measure.cost("googlenet")
    factor = before.parameters / after.parameters
    holds = abs(factor - PRINTED_FACTOR) < 0.5
    return Finding(
        f"AlexNet {before.parameters:,}, GoogLeNet (paper) {after.parameters:,} parameters: {factor:.1f} times fewer",
        "holds" if holds else "holds in part" if factor > 2 else "does not hold",
        "far fewer, but not by that factor: a later paper counts 5 million for GoogLeNet, and 60 / 5 = 12",
    )


def _budget() -> Finding:
    macs = measure.cost("googlenet").macs
    return Finding(
        f"{macs:,} multiply-adds (variant paper, 224 × 224)",
        "holds" if macs <= PRINTED_BUDGET else "holds in part",
        "a little over with the 7×7 first layer of the text; lesson 02 finds the layer that fits the table",
    )


CLAIMS = (
    Claim(1, "GoogLeNet has 12 times fewer parameters than AlexNet.", WHERE, "12×", _fewer_than_alexnet),
    Claim(4, "GoogLeNet stays within 1.5 billion multiply-adds at inference.", WHERE, "1.5 billion", _budget),
)
