"""What is printed of the family as a whole: the errors of its public weights, and two claims about time."""

from dataclasses import dataclass

from course.ledger import Claim, Finding
from lessons.family import speeds
from networks import measure
from utils.cost.timing import machine

TITLE = "All papers of the course"


@dataclass(frozen=True)
class Accuracy:
    """What the publishers of weights say of them: ImageNet's 50,000 validation images, one crop, accuracies in per cent."""

    top1: float
    top5: float
    source: str


# Each belongs to variant="released" where that is another network than the paper's.
PUBLIC = {
    "googlenet": Accuracy(69.778, 89.530, "torchvision, its table of weights"),
    "bn_inception": Accuracy(73.524, 91.562, "R. Cadène's pretrained-models.pytorch, its table of weights"),
    "inception_v3": Accuracy(77.294, 93.450, "torchvision, its table of weights"),
    "inception_v4": Accuracy(80.144, 94.982, "timm, its table of results, tf_in1k"),
    "inception_resnet_v2": Accuracy(80.434, 95.312, "timm, its table of results, tf_in1k"),
    "xception": Accuracy(79.058, 94.396, "timm, its table of results, legacy_xception.tf_in1k"),
    "xception_65": Accuracy(79.558, 94.656, "timm, its table of results, xception65.tf_in1k"),
    "xception_71": Accuracy(79.920, 94.908, "timm, its table of results, xception71.tf_in1k"),
}

PUBLIC_RELATIVES = {  # the same of those that the family is compared with; the ResNet's are its first ones
    "alexnet": Accuracy(56.522, 79.066, "torchvision, its table of weights"),
    "vgg_16": Accuracy(71.592, 90.382, "torchvision, its table of weights"),
    "resnet_50": Accuracy(76.130, 92.862, "torchvision, its table of weights, IMAGENET1K_V1"),
    "mobilenet_v1": Accuracy(70.4, 89.5, "Keras, its table of applications"),
}

# "Xception", Table 3: steps of training a second on ImageNet, 60 NVIDIA K80, synchronous.
PRINTED_STEPS = {"inception_v3": 31, "xception": 28}
SIDE, ROUNDS = 149, 5  # images of half the side for a step of training, and how often each is timed
V4, RESNET, RELEASED = ("inception_v4", "paper"), ("inception_resnet_v2", "paper"), ("inception_resnet_v2", "released")


def _v4_is_slower() -> Finding:
    """Inception-v4 against both forms of Inception-ResNet-v2, and the reason that the paper supposes."""
    times = speeds.full_times((V4, RESNET, RELEASED), rounds=ROUNDS)
    costs = {key: measure.cost(*key) for key in times}
    layers = {key: sum(row.kind == "conv" for row in costs[key].rows) for key in times}
    parts, found = [], []
    for key, form in ((RESNET, "the paper's form"), (RELEASED, "the released form")):
        slower, rounds = speeds.slower_in(times[V4], times[key])
        parts.append(speeds.is_slower(times[V4], times[key]))
        share = costs[V4].macs / costs[key].macs - 1
        found.append(
            f"against {form} of Inception-ResNet-v2 ({share:+.0%} multiply-adds) {speeds.ratio_of(times[V4], times[key]):.2f} times "
            f"the time, longer in {slower} of {rounds} rounds"
        )
    more_layers = [layers[V4] > layers[key] for key in (RESNET, RELEASED)]
    return Finding(
        f"Inception-v4, {'; '.join(found)}",
        measure.all_or_part(*parts, all(more_layers)),
        f"one image of 299×299 in evaluation mode on {machine(threads=speeds.THREADS)}, in turns; the paper trained on GPUs. Slower "
        f"counts where it holds in four of five rounds. The supposed reason is counted: {layers[V4]} convolutions against {layers[RESNET]} and "
        f"{layers[RELEASED]}",
    )


def _xception_trains_slower() -> Finding:
    first, second = PRINTED_STEPS
    times = speeds.step_times((first, second), side=SIDE, rounds=ROUNDS)
    slower, rounds = speeds.slower_in(times[second], times[first])
    is_slower = speeds.is_slower(times[second], times[first])
    ratio = speeds.ratio_of(times[second], times[first])
    low, high = times[second].middle_half
    printed = PRINTED_STEPS[first] / PRINTED_STEPS[second]
    return Finding(
        f"a step takes Xception {ratio:.2f} times as long as Inception-v3, longer in {slower} of {rounds} rounds "
        f"({1 / times[first].median:.1f} and {1 / times[second].median:.1f} steps a second)",
        measure.all_or_part(is_slower, is_slower and measure.about(ratio, printed) == "holds"),
        f"one image of {SIDE}×{SIDE} a step, on {machine(threads=speeds.THREADS)}, in turns, slower where four of five rounds say so; half of Xception's rounds took {low:.2f} to "
        f"{high:.2f} s. The printed ratio is {printed:.2f}, on 60 GPUs with batches; slightly means within a tenth of it. A CPU says what "
        "a CPU does: which layers are quick differs from machine to machine",
    )


CLAIMS = (
    Claim(
        30,
        "Inception-v4 takes longer than Inception-ResNet-v2 at like cost, probably because it has more layers.",
        "Inception-v4 paper, section 3.2",
        "slower in practice, no figure given",
        _v4_is_slower,
    ),
    Claim(
        36,
        "Xception trains slightly slower than Inception-v3.",
        "Xception, Table 3",
        f"{PRINTED_STEPS['xception']} against {PRINTED_STEPS['inception_v3']} steps a second",
        _xception_trains_slower,
    ),
)
