"""What lesson 00 answers to its exercises."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from utils.feedback.exercises import Feedback
from utils.feedback.functions import Case, number, same_function

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
def image_numbers(answer: Any) -> str:
    slips = {
        "All channels count: there is a grid of numbers for each of the {channels}.": lambda channels, height, width: (
            height * width
        ),
        "A grid has `height * width` places, and there are as many grids as channels: multiply.": [
            lambda channels, height, width: channels + height + width,
            lambda channels, height, width: channels + height * width,
            lambda channels, height, width: channels * (height + width),
        ],
        "The grid is {height} high and {width} wide: each side counts once.": [
            lambda channels, height, width: channels * height**2,
            lambda channels, height, width: channels * width**2,
        ],
    }
    cases = ((3, 5, 7), (1, 8, 8), (3, 224, 224), (4, 7, 2), (1, 1, 1))
    said = "For {} you count {}; {} are expected.".format
    same_function(answer, numbers_of, cases, result=number(whole=True), slips=slips, said=said)
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
def output_size(answer: Any) -> str:
    slips = {
        "The + 1 belongs after the division: it is the place where the window starts.": (
            lambda size, window, stride, padding: (size + 2 * padding - window + 1) // stride
        ),
        "One place is missing: the one where the window starts.": (
            lambda size, window, stride, padding: size_after(size, window, stride, padding) - 1
        ),
        "A window that would hang over the edge has no place there: round down.": [
            lambda size, window, stride, padding: math.ceil((size + 2 * padding - window) / stride) + 1,
            lambda size, window, stride, padding: round((size + 2 * padding - window) / stride) + 1,
            lambda size, window, stride, padding: (size + 2 * padding - window) / stride + 1,
        ],
        "Window and stride are swapped.": lambda size, window, stride, padding: size_after(
            size, stride, window, padding
        ),
        "Stride and padding are swapped.": lambda size, window, stride, padding: size_after(
            size, window, padding, stride
        ),
        "The padding is left out.": lambda size, window, stride, padding: size_after(size, window, stride, 0),
        "Padding is added on both sides.": lambda size, window, stride, padding: (
            (size + padding - window) // stride + 1
        ),
        "The stride is left out.": lambda size, window, stride, padding: size_after(size, window, 1, padding),
        "The window takes its cells from the padded grid before it moves: `size + 2 * padding - window`.": (
            lambda size, window, stride, padding: size_after(size, 0, stride, padding)
        ),
        "That is right where the window fits the stride alone: count the places, not the windows side by side.": (
            lambda size, window, stride, padding: (size + 2 * padding) // stride
        ),
    }
    cases = (
        (8, 3, 1, 0),
        (28, 5, 1, 2),
        (224, 7, 2, 3),
        (35, 3, 2, 0),
        (10, 1, 1, 0),
        (12, 3, 2, 1),
        (13, 4, 3, 2),
        (11, 2, 5, 1),
        (5, 5, 2, 0),
        (12, 4, 3, 0),
        (14, 2, 2, 0),
        (1, 3, 4, 1),
    )
    same_function(answer, size_after, cases, result=number(whole=True), slips=slips)
    return "With padding window // 2 and stride 1 an odd window keeps the grid, as the branches of lesson 01's module must."


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
def accuracy(answer: Any) -> str:
    slips = {
        "That is in per cent; a share from 0 to 1 is needed.": lambda logits, labels: 100 * share_right(logits, labels),
        "You count the wrong ones, not the right ones.": lambda logits, labels: 1 - share_right(logits, labels),
        "That is the number of right ones: divide by the number of images.": lambda logits, labels: (
            len(labels) * share_right(logits, labels)
        ),
        "Divide by the number of images, not of classes.": lambda logits, labels: (
            len(labels) * share_right(logits, labels) / logits.shape[1]
        ),
        "That is one answer an image, right or not: take the mean over the images.": [
            lambda logits, labels: logits.argmax(dim=1) == labels,
            lambda logits, labels: (logits.argmax(dim=1) == labels).float(),
        ],
        "Look along `dim=1`: a row is an image.": lambda logits, labels: (
            (logits.argmax(dim=0) == labels).float().mean()
        ),
        "You look for the smallest logit of each row; the answer is the place of the *largest*.": lambda logits, labels: (
            share_right(-logits, labels)
        ),
        "You compare the largest logit itself with the label; it is its *place* in the row that is a class: `argmax`.": (
            lambda logits, labels: (logits.amax(dim=1) == labels).float().mean()
        ),
        "Rounding loses it: give back the share as it comes out.": [
            lambda logits, labels, digits=digits: round(share_right(logits, labels), digits) for digits in (0, 1, 2, 3)
        ]
        + [lambda logits, labels: int(share_right(logits, labels))],
    }
    draws = torch.Generator().manual_seed(0)
    cases = []
    # (images, classes, how many of them are wrong)
    for images, classes, wrong in ((11, 4, 4), (50, 10, 13), (7, 7, 2), (3, 5, 0), (6, 2, 6), (1, 4, 0)):
        logits = 3 * torch.randn(images, classes, generator=draws) - 2
        labels = logits.argmax(dim=1)
        places = torch.randperm(images, generator=draws)[:wrong]
        labels[places] = (labels[places] + 1) % classes
        cases.append(Case((logits, labels), f"{images} image{'s' * (images > 1)} and {classes} classes"))
    same_function(answer, share_right, cases, result=number(within=1e-6), slips=slips, stops=_why_accuracy_stops)
    return "The course measures every network with this number."


def _why_accuracy_stops(error: Exception, logits: Tensor, labels: Tensor) -> str:
    if "must match the size" in str(error):
        return "Each image needs one answer, to be compared with its label: look along `dim=1`."
    if "could not infer output dtype" in str(error):
        return (
            "Right and wrong are True and False, which torch does not average: make numbers of them first, `.float()`."
        )
    return ""
