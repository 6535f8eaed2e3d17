"""What lesson 00 answers to its exercises."""

from pathlib import Path

import torch
from torch import Tensor

from utils.feedback.answers import named_slip, require_function, returned
from utils.feedback.exercises import Feedback, Wrong

feedback = Feedback("start_here", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


def numbers_of(channels: int, height: int, width: int) -> int:
    """How many numbers an image is made of."""
    return channels * height * width


@feedback.exercise(
    "0.1",
    title="the numbers in an image",
    difficulty="worked",
    minutes=2,
    hints=(
        "An image is one grid of numbers for each channel.",
        "A grid has `height * width` numbers, and there are `channels` of them.",
        "`return channels * height * width`",
    ),
    reference=numbers_of,
)
def image_numbers(answer):
    require_function(answer)
    for case in ((1, 8, 8), (3, 224, 224), (3, 5, 7)):
        got = returned(answer(*case), f"channels, height, width = {case}")
        if got != numbers_of(*case):
            raise Wrong(f"For channels, height, width = {case} you count {got!r}; {numbers_of(*case):,} are expected.")
    return "This is how a right answer looks. Change a number in the cell above, run both again, and see a wrong one."


def size_after(size: int, window: int, stride: int, padding: int) -> int:
    """Places that a window has along one side of a grid."""
    return (size + 2 * padding - window) // stride + 1


@feedback.exercise(
    "0.2",
    title="the grid after a window",
    difficulty="warm-up",
    minutes=5,
    hints=(
        "Put the window at the left edge. How far can its left side move until the right side leaves the padded grid?",
        "It can move `size + 2 * padding - window` cells, in steps of `stride`. Count the place where it starts, too.",
        "`return (size + 2 * padding - window) // stride + 1`",
    ),
    reference=size_after,
)
def output_size(answer):
    require_function(answer)
    for case in ((8, 3, 1, 0), (28, 5, 1, 2), (224, 7, 2, 3), (35, 3, 2, 0), (10, 1, 1, 0), (12, 3, 2, 1)):
        size, window, stride, padding = case
        text = f"size={size}, window={window}, stride={stride}, padding={padding}"
        got, want = returned(answer(*case), text), size_after(*case)
        if got == want and isinstance(got, int):
            continue
        if got == want:
            raise Wrong(
                f"For {text} you find {got!r}, which is right in value; a grid has whole numbers of cells: use `//`."
            )
        told = f"For {text} you find {got}; {want} are expected."
        if isinstance(got, float) and not got.is_integer():
            raise Wrong(
                f"{told} A window that would stick out has no place there: divide with `//`, which rounds down."
            )
        slips = {
            "The + 1 belongs after the division: it is the place where the window starts.": (
                (size + 2 * padding - window + 1) // stride if stride > 1 else want
            ),
            "One place is missing: the one where the window starts.": want - 1,
            "A window that would hang over the edge has no place there: round down.": want + 1,
            "Window and stride are swapped.": (size + 2 * padding - stride) // window + 1,
            "The padding is left out.": (size - window) // stride + 1,
            "Padding is added on both sides.": (size + padding - window) // stride + 1,
            "The stride is left out.": size + 2 * padding - window + 1,
        }
        raise Wrong(f"{told}{named_slip(got, want, slips)}")
    return "With padding window // 2 and stride 1 an odd window keeps the grid, as all branches of a module must."


def share_right(logits: Tensor, labels: Tensor) -> float:
    """Share of images whose largest logit is that of their class."""
    return (logits.argmax(dim=1) == labels).float().mean().item()


@feedback.exercise(
    "0.3",
    title="accuracy",
    difficulty="medium",
    minutes=6,
    hints=(
        "For each image, which class has the largest logit? `argmax` finds places of largest values.",
        "`logits` has one row an image and one column a class, so look along `dim=1`, and compare with `labels`.",
        "`return (logits.argmax(dim=1) == labels).float().mean().item()`",
    ),
    reference=share_right,
)
def accuracy(answer):
    require_function(answer)
    draws = torch.Generator().manual_seed(0)
    for images, classes in ((4, 3), (50, 10), (7, 7)):
        logits = torch.randn(images, classes, generator=draws)
        labels = logits.argmax(dim=1)
        wrong = torch.randperm(images, generator=draws)[: images // 4 + 1]
        labels[wrong] = (labels[wrong] + 1) % classes
        text = f"For {images} images and {classes} classes"
        try:
            got = answer(logits, labels)
        except RuntimeError as error:
            if "must match the size" in str(error):
                raise Wrong(
                    f"{text} torch cannot compare: {error}. Each image needs one answer: look along `dim=1`."
                ) from error
            raise
        want = share_right(logits, labels)
        if got is None:
            raise Wrong(f"{text} your function gives back nothing. Is the `return` missing?")
        if isinstance(got, Tensor):
            if got.numel() != 1:
                raise Wrong(
                    f"{text} you give back a tensor of shape {tuple(got.shape)}; one number is needed: its mean."
                )
            got = got.item()
        if not isinstance(got, (int, float)):
            raise Wrong(f"{text} you give back {got!r}; one number from 0 to 1 is needed.")
        if abs(got - want) <= 1e-6:
            continue
        if abs(got - 100 * want) <= 1e-3:
            raise Wrong(f"{text} you find {got:.3f}, which is in per cent; a share from 0 to 1 is needed: {want:.3f}.")
        if abs(got - (1 - want)) <= 1e-6:
            raise Wrong(
                f"{text} you find {got:.3f}; {want:.3f} is expected. You count the wrong ones, not the right ones."
            )
        if abs(got - want * images) <= 1e-4:
            raise Wrong(f"{text} you find {got:g}, the number of right ones; divide by the number of images.")
        if images == classes and abs(got - (logits.argmax(dim=0) == labels).float().mean().item()) <= 1e-6:
            raise Wrong(f"{text} you find {got:.3f}; {want:.3f} is expected. Look along `dim=1`: a row is an image.")
        if abs(got - want * images / classes) <= 1e-6:
            raise Wrong(
                f"{text} you find {got:.3f}; {want:.3f} is expected. Divide by the number of images, not of classes."
            )
        raise Wrong(
            f"{text} you find {got:.3f}; {want:.3f} is expected. Compare the *place* of the largest logit in each row with "
            "the label, and take the mean over the images."
        )
    return "The course measures every network with this number."
