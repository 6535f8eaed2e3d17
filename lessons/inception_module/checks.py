"""What lesson 01 answers to its exercises."""

import itertools
from pathlib import Path
from typing import Any

from torch import nn

from networks.googlenet import InceptionModule, NaiveInceptionModule, Widths
from networks.layers import ConvReLU
from utils.feedback.exercises import Feedback
from utils.feedback.functions import listed, number, same_function
from utils.feedback.modules import build, same_module

feedback = Feedback("inception_module", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

_COUNTED = "For {} you count {}; {} are expected.".format


def parameters_of(in_channels: int, out_channels: int, kernel_size: int) -> int:
    """Weights and biases of a square convolution."""
    return out_channels * (in_channels * kernel_size**2 + 1)


@feedback.exercise(
    "1.1",
    title="the parameters of a convolution",
    difficulty="worked",
    minutes=3,
    hints=(
        "One output channel looks at every input channel through a window of its own.",
        "One output channel holds `in_channels * kernel_size * kernel_size` weights, and there is one bias.",
        "`return out_channels * (in_channels * kernel_size**2 + 1)`",
    ),
    reference=parameters_of,
)
def conv_parameters(answer: Any) -> str:
    slips = {
        "The biases are missing: {out_channels} of them.": lambda in_channels, out_channels, kernel_size: (
            out_channels * in_channels * kernel_size**2
        ),
        "Each output channel has a bias of its own.": lambda in_channels, out_channels, kernel_size: (
            out_channels * in_channels * kernel_size**2 + 1
        ),
        "A bias belongs to an output channel, not to an input channel.": lambda in_channels, out_channels, kernel_size: (
            in_channels * (out_channels * kernel_size**2 + 1)
        ),
        "A filter has one bias, not one for each of its weights.": lambda in_channels, out_channels, kernel_size: (
            2 * out_channels * in_channels * kernel_size**2
        ),
        "A filter has one bias, not one for each channel that it reads.": lambda in_channels, out_channels, kernel_size: (
            out_channels * in_channels * (kernel_size**2 + 1)
        ),
        "The window is square: `kernel_size**2`.": [
            lambda in_channels, out_channels, kernel_size: out_channels * (in_channels * kernel_size + 1),
            lambda in_channels, out_channels, kernel_size: out_channels * in_channels * kernel_size,
            lambda in_channels, out_channels, kernel_size: out_channels * (2 * in_channels * kernel_size + 1),
        ],
        "Each output channel looks at all {in_channels} input channels.": lambda in_channels, out_channels, kernel_size: (
            out_channels * (kernel_size**2 + 1)
        ),
        "That is one filter: there is one for each of the {out_channels} output channels.": (
            lambda in_channels, out_channels, kernel_size: in_channels * kernel_size**2 + 1
        ),
    }
    cases = ((3, 64, 7), (192, 96, 1), (16, 32, 5), (1, 1, 1), (5, 2, 4))
    same_function(answer, parameters_of, cases, result=number(whole=True), slips=slips, said=_COUNTED)
    return "It agrees with torch for convolutions of different shapes."


def macs_of(in_channels: int, out_channels: int, kernel_size: int, grid: int) -> int:
    """Multiply-adds of a square convolution that puts out a grid of `grid` times `grid`."""
    return grid**2 * out_channels * in_channels * kernel_size**2


@feedback.exercise(
    "1.2",
    title="the multiply-adds of a convolution",
    difficulty="warm-up",
    minutes=5,
    hints=(
        "How many multiplications does a single number of the output take? And how many numbers are in the output?",
        "One output number takes `in_channels * kernel_size**2` multiply-adds. The output has `out_channels` grids.",
        "Multiply the two: each of the `out_channels * grid * grid` numbers takes `in_channels * kernel_size**2`.",
    ),
    reference=macs_of,
)
def conv_macs(answer: Any) -> str:
    slips = {
        "The grid has two sides: `grid * grid` places.": [
            lambda in_channels, out_channels, kernel_size, grid: grid * out_channels * in_channels * kernel_size**2,
            lambda in_channels, out_channels, kernel_size, grid: 2 * grid * out_channels * in_channels * kernel_size**2,
        ],
        "That is the cost at one place of the grid: the window visits `grid * grid` of them.": (
            lambda in_channels, out_channels, kernel_size, grid: out_channels * in_channels * kernel_size**2
        ),
        "You count a multiplication and an addition as two; a multiply-add counts as one.": (
            lambda in_channels, out_channels, kernel_size, grid: (
                2 * macs_of(in_channels, out_channels, kernel_size, grid)
            )
        ),
        "Biases are additions without a multiplication: leave them out.": [
            lambda in_channels, out_channels, kernel_size, grid: (
                grid**2 * parameters_of(in_channels, out_channels, kernel_size)
            ),
            lambda in_channels, out_channels, kernel_size, grid: (
                macs_of(in_channels, out_channels, kernel_size, grid) + out_channels
            ),
        ],
        "The window has two sides: `kernel_size**2` weights.": lambda in_channels, out_channels, kernel_size, grid: (
            grid**2 * out_channels * in_channels * kernel_size
        ),
        "Each number of the output reads all `in_channels`.": lambda in_channels, out_channels, kernel_size, grid: (
            macs_of(1, out_channels, kernel_size, grid)
        ),
        "The output has `out_channels` grids, not one.": lambda in_channels, out_channels, kernel_size, grid: macs_of(
            in_channels, 1, kernel_size, grid
        ),
        "`grid` is the output's grid already: nothing is to be taken off.": [
            lambda in_channels, out_channels, kernel_size, grid: macs_of(
                in_channels, out_channels, kernel_size, grid - kernel_size + 1
            ),
            lambda in_channels, out_channels, kernel_size, grid: macs_of(
                in_channels, out_channels, kernel_size, max(grid - kernel_size + 1, 0)
            ),
        ],
    }
    cases = ((192, 128, 3, 28), (3, 64, 7, 112), (16, 32, 5, 28), (1, 1, 1, 1), (7, 2, 3, 13))
    same_function(answer, macs_of, cases, result=number(whole=True), slips=slips, said=_COUNTED)
    return "A convolution's parameters do not depend on the grid; its multiply-adds do."


def naive_reference(in_channels: int, pointwise: int, three: int, five: int) -> nn.Module:
    """The course's naive module, built as the exercise asks."""
    return NaiveInceptionModule(in_channels, pointwise=pointwise, three=three, five=five)


@feedback.exercise(
    "1.3",
    title="the naive module",
    difficulty="medium",
    minutes=8,
    hints=(
        "Two branches are there. What keeps a 5×5 convolution's grid at its size? And a 3×3 pool's?",
        "A window of k keeps the grid with padding k // 2 and stride 1. A pool's stride is its window by default.",
        "`self.five = nn.Sequential(nn.Conv2d(in_channels, five, 5, padding=2), nn.ReLU())`, "
        "`self.pool = nn.MaxPool2d(3, stride=1, padding=1)`, and in the forward "
        "`torch.cat([...four branches of x...], dim=1)`.",
    ),
    reference=naive_reference,
)
def naive_module(answer: Any) -> str:
    for case, grid in (((8, 6, 5, 3), (9, 11)), ((12, 4, 10, 7), (8, 8))):
        note = same_module(build(answer, *case), naive_reference(*case), (case[0], *grid))
    return note


def channels_of_stack(in_channels: int, pointwise: int, three: int, five: int, modules: int) -> list[int]:
    """Output channels of each of several naive modules, one on the other."""
    return [in_channels + count * (pointwise + three + five) for count in range(1, modules + 1)]


@feedback.exercise(
    "1.4",
    title="how the naive module grows",
    difficulty="medium",
    minutes=6,
    hints=(
        "What comes out of one naive module? Add up its four branches; one of them depends on what came in.",
        "The pool passes on all that came in, so a module puts out `pointwise + three + five + what came in`.",
        "Keep a list; in a loop, `channels = channels + pointwise + three + five`, and append it.",
    ),
    reference=channels_of_stack,
)
def naive_growth(answer: Any) -> str:
    def grown(first, added, modules):
        return [first + count * added for count in range(1, modules + 1)]

    slips = {
        "Your list starts with what goes in; start it with what the first module puts out.": [
            lambda in_channels, pointwise, three, five, modules: [
                in_channels,
                *grown(in_channels, pointwise + three + five, modules),
            ],
            lambda in_channels, pointwise, three, five, modules: [
                in_channels,
                *grown(in_channels, pointwise + three + five, modules - 1),
            ],
        ],
        "Your list starts with what the second module puts out; start it with the first.": [
            lambda in_channels, pointwise, three, five, modules, more=more: grown(
                in_channels, pointwise + three + five, modules + more
            )[1:]
            for more in (0, 1)
        ],
        "The last module is missing.": lambda in_channels, pointwise, three, five, modules: grown(
            in_channels, pointwise + three + five, modules - 1
        ),
        "That is one module more than there are.": lambda in_channels, pointwise, three, five, modules: grown(
            in_channels, pointwise + three + five, modules + 1
        ),
        "In every module the pool's channels are missing: all that came in.": (
            lambda in_channels, pointwise, three, five, modules: [pointwise + three + five] * modules
        ),
        "Only the first module reads {in_channels} channels; each further one reads what the one before it puts out.": (
            lambda in_channels, pointwise, three, five, modules: [in_channels + pointwise + three + five] * modules
        ),
        "What goes into the first module passes through its pool as well.": (
            lambda in_channels, pointwise, three, five, modules: grown(0, pointwise + three + five, modules)
        ),
        "That is what the modules put out all together; each puts out its own.": (
            lambda in_channels, pointwise, three, five, modules: list(
                itertools.accumulate(grown(in_channels, pointwise + three + five, modules))
            )
        ),
        "A branch is missing: the 1×1, the 3×3 and the 5×5 all add their channels.": [
            lambda in_channels, pointwise, three, five, modules: grown(in_channels, three + five, modules),
            lambda in_channels, pointwise, three, five, modules: grown(in_channels, pointwise + five, modules),
            lambda in_channels, pointwise, three, five, modules: grown(in_channels, pointwise + three, modules),
        ],
    }
    cases = ((10, 1, 2, 3, 1), (192, 64, 128, 32, 4), (7, 2, 2, 2, 3), (3, 5, 1, 4, 2))
    said = "For {} you find {}; {} are expected: what comes in passes through the pool, and the three convolutions add theirs."
    result = listed(number(whole=True), of="one number a module is needed")
    same_function(answer, channels_of_stack, cases, result=result, slips=slips, said=said.format)
    return "The growth never stops, and each further module pays for all the channels before it."


def branch_reference(in_channels: int, reduce: int, out_channels: int, kernel_size: int) -> nn.Module:
    """A branch of figure 2(b): a 1×1 reduction, then the larger window."""
    return nn.Sequential(
        ConvReLU(in_channels, reduce, kernel_size=1), ConvReLU(reduce, out_channels, kernel_size=kernel_size)
    )


@feedback.exercise(
    "1.5",
    title="a branch with a reduction",
    difficulty="medium",
    minutes=8,
    hints=(
        "Two convolutions, one after the other, each with its ReLU. Which of them sees all the input's channels?",
        "The 1×1 takes `in_channels` to `reduce`, the larger window takes `reduce` to `out_channels`.",
        "`nn.Sequential(nn.Conv2d(in_channels, reduce, 1), nn.ReLU(), "
        "nn.Conv2d(reduce, out_channels, kernel_size, padding=kernel_size // 2), nn.ReLU())`",
    ),
    reference=branch_reference,
)
def reduced_branch(answer: Any) -> str:
    for case, grid in (((12, 3, 7, 5), (9, 10)), ((6, 4, 9, 3), (8, 7))):
        note = same_module(build(answer, *case), branch_reference(*case), (case[0], *grid))
    return note


def module_reference(in_channels: int, widths: Widths) -> nn.Module:
    """The course's module with dimension reduction."""
    return InceptionModule(in_channels, widths)


@feedback.exercise(
    "1.6",
    title="the module with dimension reduction",
    difficulty="hard",
    minutes=12,
    hints=(
        "Draw figure 2(b) on paper first: four ways from below to above. Which of them have two layers?",
        "The 3×3 and 5×5 branches are those of 1.5. The pool comes before its 1×1. Each convolution has a ReLU.",
        "In the forward: `torch.cat([self.pointwise(x), self.three(x), self.five(x), self.pool(x)], dim=1)`, "
        "with `self.pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(in_channels, widths.pool, 1), "
        "nn.ReLU())`.",
    ),
    reference=module_reference,
)
def inception_module(answer: Any) -> str:
    cases = ((8, Widths(5, 4, 6, 2, 3, 7)), (12, Widths(3, 6, 10, 4, 5, 2)))
    for (in_channels, widths), grid in zip(cases, ((9, 11), (7, 7)), strict=True):
        reference = InceptionModule(in_channels, widths)
        same_module(build(answer, in_channels, widths), reference, (in_channels, *grid), ordered=True)
    return "Your module computes what GoogLeNet's does, and its channels stand where public weights expect them."


def field_of(layers) -> int:
    """Receptive field of one unit after layers of (window, stride)."""
    field, step = 1, 1
    for window, stride in layers:
        field += (window - 1) * step
        step *= stride
    return field


def _field_by_adding(layers) -> int:
    """The receptive field if the last stride were the step, not the product of all: a common slip."""
    field, step = 1, 1
    for window, stride in layers:
        field += (window - 1) * step
        step = stride
    return field


@feedback.exercise(
    "1.7",
    title="how far a unit sees",
    difficulty="hard",
    minutes=10,
    hints=(
        "A single 3×3 sees 3 pixels. A second 3×3 on top of it sees how many more, and why not three more?",
        "Keep two numbers: how far a unit sees, and how many pixels lie between neighbouring units (1 at the start).",
        "For each layer, first `field += (window - 1) * step`, then `step *= stride`.",
    ),
    reference=field_of,
)
def receptive_field(answer: Any) -> str:
    def found(window_adds=lambda window: window - 1, *, stride_first=False, keep=lambda step, stride: step * stride):
        """`field_of` with a slip in it."""

        def field(layers):
            field, step = 1, 1
            for window, stride in layers:
                step_behind = keep(step, stride)
                field += window_adds(window) * (step_behind if stride_first else step)
                step = step_behind
            return field

        return field

    slips = {
        "Without any layer a unit is one pixel of the image.": lambda layers: field_of(layers) if layers else 0,
        "A layer's stride spreads the next layer's units, not its own window: multiply it in afterwards.": found(
            stride_first=True
        ),
        "A window adds `(window - 1)` steps, and a step is the product of the strides *before* it: here it is its own stride.": (
            lambda layers: 1 + sum((window - 1) * stride for window, stride in layers)
        ),
        "Strides are left out: after a stride of 2, neighbouring units are 2 pixels apart.": found(
            keep=lambda step, stride: 1
        ),
        "Strides multiply: two layers of stride 2 put neighbouring units 4 pixels apart.": _field_by_adding,
        "A 1×1 with a stride widens nothing itself, and what comes after it is spread all the same.": lambda layers: (
            field_of([(window, stride if window > 1 else 1) for window, stride in layers])
        ),
        "Windows overlap: the second 3×3 adds 2 pixels, not 3.": lambda layers: sum(window for window, _ in layers),
        "A window adds the cells beside the one that is there already: `window - 1`, not `window`.": found(
            lambda window: window
        ),
        "That is right for odd windows alone: `window // 2` on both sides is one too many for an even one.": found(
            lambda window: 2 * (window // 2)
        ),
        "That is half of it: a window of 3 adds a cell on both sides.": found(lambda window: window // 2),
        "The walk starts at a field of 1, the unit itself.": lambda layers: field_of(layers) - 1,
        "That is the field of the layers in reverse order. With `(field - 1) * stride + window` the walk starts at the last layer; from "
        "the first one on, count how many pixels a step has become.": lambda layers: field_of(list(layers)[::-1]),
        "The last layer is missing.": lambda layers: field_of(layers[:-1]),
        "The first layer is missing.": lambda layers: field_of(layers[1:]),
        "That is the field after the first layer: is the `return` inside of the loop?": lambda layers: field_of(
            layers[:1]
        ),
    }
    cases = (
        ([(3, 1)],),
        ([(3, 1), (3, 1)],),
        ([(7, 2), (3, 2)],),
        ([(2, 2), (4, 1), (2, 3)],),
        ([(3, 3), (1, 1), (5, 1)],),
        ([(3, 2), (1, 2), (3, 1)],),
        ([(7, 2), (3, 2), (1, 1), (3, 1), (3, 2), (5, 1)],),
        ([],),
    )
    said = "For {} you find {}; {} pixels are expected.".format
    same_function(answer, field_of, cases, result=number(whole=True), slips=slips, said=said)
    return "You will see these fields on a photograph in a moment."
