"""What lesson 01 answers to its exercises."""

from pathlib import Path

from torch import nn

from networks.googlenet import InceptionModule, NaiveInceptionModule, Widths
from networks.layers import ConvReLU
from utils.feedback.answers import expect, named_slip, number_of, require_function, returned
from utils.feedback.exercises import Feedback, Wrong
from utils.feedback.modules import build, same_module

feedback = Feedback("inception_module", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress

EXACT = 1e-9  # counts are whole numbers


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
def conv_parameters(answer):
    require_function(answer)
    for case in ((3, 64, 7), (192, 96, 1), (16, 32, 5), (1, 1, 1)):
        text = f"in_channels={case[0]}, out_channels={case[1]}, kernel_size={case[2]}"
        got, want = number_of(answer(*case), text, whole=True), parameters_of(*case)
        slips = {
            f"The biases are missing: {case[1]} of them.": want - case[1],
            "Each output channel has a bias of its own.": want - case[1] + 1,
            "The window is square: `kernel_size**2`.": case[1] * (case[0] * case[2] + 1),
        }
        expect(got, want, f"For {text} you count {got:,}; {want:,} are expected.", slips, EXACT)
    return "It agrees with torch for four convolutions of different shapes."


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
def conv_macs(answer):
    require_function(answer)
    for case in ((192, 128, 3, 28), (3, 64, 7, 112), (16, 32, 5, 28), (1, 1, 1, 1)):
        text = f"in_channels={case[0]}, out_channels={case[1]}, kernel_size={case[2]}, grid={case[3]}"
        got, want = number_of(answer(*case), text, whole=True), macs_of(*case)
        in_channels, out_channels, kernel_size, grid = case
        slips = {
            "The grid has two sides: `grid * grid` places.": want / grid,
            "That is the cost at one place of the grid: the window visits `grid * grid` of them.": want / grid**2,
            "You count a multiplication and an addition as two; a multiply-add counts as one.": 2 * want,
            "Biases are additions without a multiplication: leave them out.": want + grid**2 * out_channels,
            "The window has two sides: `kernel_size**2` weights.": want / kernel_size,
            "Each number of the output reads all `in_channels`.": want / in_channels,
            "The output has `out_channels` grids, not one.": want / out_channels,
            "`grid` is the output's grid already: nothing is to be taken off.": (
                want * max(grid - kernel_size + 1, 0) ** 2 / grid**2
            ),
        }
        expect(got, want, f"For {text} you count {got:,}; {want:,} are expected.", slips, EXACT)
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
def naive_module(answer):
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
def naive_growth(answer):
    require_function(answer)
    for case in ((10, 1, 2, 3, 1), (192, 64, 128, 32, 4), (7, 2, 2, 2, 3)):
        want = channels_of_stack(*case)
        text = f"in_channels={case[0]}, widths {case[1]}, {case[2]} and {case[3]}, {case[4]} modules"
        got = returned(answer(*case), text)
        try:
            got = [int(channels) for channels in got]
        except TypeError:
            raise Wrong(
                f"For {text} your function gives back {got!r}; a list with one number a module is needed."
            ) from None
        if got == [case[0], *want] or got == [case[0], *want[:-1]]:
            raise Wrong(f"For {text} your list starts with what goes in; start it with what the first module puts out.")
        if len(got) != len(want):
            raise Wrong(
                f"For {text} the length of your list is {len(got)}; one number a module is needed: {len(want)}."
            )
        if got == [sum(case[1:4])] * len(want):
            raise Wrong(f"For {text} every module gives {got[0]}: the pool's channels are missing, all that came in.")
        if got != want:
            first = next(i for i, (mine, right) in enumerate(zip(got, want, strict=True)) if mine != right)
            came_in = case[0] if first == 0 else want[first - 1]
            raise Wrong(
                f"For {text} your module {first + 1} puts out {got[first]}; {want[first]} are expected: "
                f"{came_in} come in and pass through the pool, the convolutions add {sum(case[1:4])}."
            )
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
def reduced_branch(answer):
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
def inception_module(answer):
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
def receptive_field(answer):
    require_function(answer)
    cases = ([], [(3, 1)], [(3, 1), (3, 1)], [(7, 2), (3, 2)], [(7, 2), (3, 2), (1, 1), (3, 1), (3, 2), (5, 1)])
    for layers in cases:
        want = field_of(layers)
        got = answer(layers)
        if got is None and not layers:
            raise Wrong(
                "For layers=[] your function gives back nothing. Is the `return` missing, or inside of the loop, which never "
                "runs here?"
            )
        got = number_of(got, f"layers={layers}", whole=True)
        if got == want:
            continue
        told = f"For layers={layers} you find {got}; {want} pixels are expected."
        if not layers:
            raise Wrong(f"{told} Without any layer a unit is one pixel of the image.")
        step_first, step = 1, 1
        for window, stride in layers:
            step *= stride
            step_first += (window - 1) * step
        slips = {
            "A layer's stride spreads the next layer's units, not its own window: multiply it in afterwards.": step_first,
            "Strides are left out: after a stride of 2, neighbouring units are 2 pixels apart.": 1
            + sum(window - 1 for window, _ in layers),
            "Strides multiply: two layers of stride 2 put neighbouring units 4 pixels apart.": _field_by_adding(layers),
            "Windows overlap: the second 3×3 adds 2 pixels, not 3.": sum(window for window, _ in layers),
        }
        raise Wrong(f"{told}{named_slip(got, want, slips)}")
    return "You will see these fields on a photograph in a moment."
