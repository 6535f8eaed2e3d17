"""Arguments for each exercise, which the benchmark makes for itself: as varied as the exercise's text allows.

A function here yields the calls of one exercise, with fresh arguments each time. The first call is the one that a learner sees in
mind: numbers of it are what "hard-coded" means in `operators`.
"""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.mutants.differential import Call
from classroom.assignments import numbers
from course.syllabus import lesson
from networks import bn_inception, googlenet, measure
from networks.design import BUDGET, PRESETS, Design
from networks.inception_v2 import Table
from networks.layers import ConvBNAct, Outputs

Maker = Callable[[], Iterator[Call]]
CASES: dict[str, Maker] = {}


def _are_whole(numbers: Iterable[Any]) -> bool:
    """Is each a whole number from 1, of whatever type?"""
    try:
        return all(each % 1 == 0 and each >= 1 for each in numbers)
    except (TypeError, ValueError):
        return False


def of(key: str) -> Callable[[Maker], Maker]:
    """Register a maker of calls for an exercise, "lesson.name"."""

    def register(maker: Maker) -> Maker:
        CASES[key] = maker
        return maker

    return register


def _draws(seed: int) -> tuple[random.Random, Callable[..., Tensor]]:
    """A source of numbers, and one of normal tensors by their shape."""
    generator = torch.Generator().manual_seed(seed)
    return random.Random(seed), lambda *shape: torch.randn(*shape, generator=generator)


def _numbers(*rows: tuple) -> Maker:
    return lambda: (Call(row) for row in rows)


# 00 and 01

CASES["start_here.image_numbers"] = _numbers((3, 224, 200), (1, 5, 7), (4, 2, 9), (2, 2, 3))
CASES["start_here.output_size"] = lambda: (
    Call((size, window, stride, padding))
    for size, window, stride, padding in itertools.product((224, 9, 12, 7), (1, 3, 2, 5), (1, 2, 3), (0, 1, 2))
)


@of("start_here.accuracy")
def _():
    draw, normal = _draws(1)
    for images, classes in ((8, 5), (7, 3), (1, 4), (12, 12), (5, 8)):
        labels = torch.tensor([draw.randrange(classes) for _ in range(images)])
        yield Call((normal(images, classes), labels), gradients=False)


CASES["inception_module.conv_parameters"] = _numbers((192, 64, 3), (3, 8, 1), (5, 2, 7), (1, 1, 2), (2, 9, 4))
CASES["inception_module.conv_macs"] = _numbers((192, 32, 5, 28), (3, 8, 1, 7), (5, 2, 7, 9), (1, 1, 2, 3), (4, 9, 3, 1))
CASES["inception_module.naive_module"] = lambda: iter(
    [
        Call((6, 4, 5, 3), images=((2, 6, 9, 7), (1, 6, 3, 8)), ordered=False),
        Call((3, 2, 7, 4), images=((3, 3, 6, 11),), ordered=False),
    ]
)
CASES["inception_module.naive_growth"] = _numbers(
    (192, 64, 128, 32, 3), (5, 1, 2, 3, 4), (7, 4, 2, 9, 1), (3, 1, 1, 2, 0)
)
CASES["inception_module.reduced_branch"] = lambda: iter(
    [Call((6, 3, 5, kernel), images=((2, 6, 9, 7), (1, 6, 4, 8))) for kernel in (3, 5, 1, 7)]
)


@of("inception_module.inception_module")
def _():
    yield Call((6, googlenet.Widths(4, 3, 5, 2, 7, 8)), images=((2, 6, 9, 7), (1, 6, 6, 8)))
    yield Call((5, googlenet.Widths(2, 4, 3, 6, 9, 1)), images=((3, 5, 5, 8),))


@of("inception_module.receptive_field")
def _():
    draw, _ = _draws(2)
    yield Call(([(7, 2), (3, 2), (1, 1), (3, 1)],))
    for count in (0, 1, 2, 3, 5, 4, 3):
        yield Call(([(draw.randint(1, 7), draw.randint(1, 3)) for _ in range(count)],))


# 02


@of("googlenet.grid_after")
def _():
    draw, _ = _draws(3)
    yield Call((224, [(7, 2, 3, False), (3, 2, 0, True)]))
    yield Call((30, []))
    for count in (1, 1, 1, 2, 2, 3, 3):
        layers = [
            (draw.randint(1, 5), draw.randint(1, 3), draw.randint(0, 2), draw.random() < 0.5) for _ in range(count)
        ]
        yield Call((draw.randint(60, 90), layers))


@of("googlenet.global_average")
def _():
    _, normal = _draws(4)
    for shape in ((2, 5, 7, 7), (3, 4, 6, 9), (1, 3, 1, 1), (5, 5, 5, 5), (1, 1, 2, 3)):
        yield Call((normal(*shape),))


CASES["googlenet.by_torchinfo"] = _numbers(
    ("Conv2d", 2320, (16, 14, 14)), ("Conv2d", 90, (5, 4, 9)), ("Linear", 272, (14, 14, 16)), ("Linear", 30, (10,)),
    ("ConvTranspose2d", 1024, (16, 28, 26)), ("Window", 2304, (16, 14, 14)), ("BatchNorm2d", 32, (16, 12, 14)),
    ("DepthwiseConv2d", 144, (16, 7, 5)), ("Conv1d", 12, (2, 11)), ("Conv3d", 54, (2, 3, 4, 5)), ("MaxPool2d", 0, (16, 7, 7)),
)  # fmt: skip


@of("googlenet.local_response_norm")
def _():
    _, normal = _draws(5)
    yield Call((normal(2, 8, 5, 6) * 60,))
    for shape, size, alpha, beta, k in (
        ((2, 9, 4, 7), 5, 0.8, 0.75, 2.0), ((1, 6, 5, 3), 3, 1.5, 0.5, 1.0), ((3, 3, 4, 4), 5, 0.5, 1.25, 1.5),
        ((1, 4, 2, 3), 1, 2.0, 0.75, 1.0), ((2, 12, 3, 3), 7, 0.3, 0.6, 0.5),
    ):  # fmt: skip
        yield Call((normal(*shape),), {"size": size, "alpha": alpha, "beta": beta, "k": k})


def _googlenet_table(shift: int, names: tuple[str, ...]) -> dict[str, googlenet.Widths]:
    return {
        f"inception_{name}": googlenet.Widths(
            2 + number % 3, 1 + (number + shift) % 3, 3 + number % 4, 1 + number % 2, 2 + (number + shift) % 3, 1 + number % 4
        )
        for number, name in enumerate(names)
    }  # fmt: skip


@of("googlenet.modules_from_table")
def _():
    nine = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    yield Call((6, _googlenet_table(0, nine)), images=((2, 6, 9, 14),))
    yield Call((4, _googlenet_table(2, ("3a", "4a", "5a"))), images=((1, 4, 8, 5),))


@of("googlenet.rows_off")
def _():
    draw, _ = _draws(6)

    def row(number: int) -> SimpleNamespace:
        weights, macs = draw.randint(50, 400) * 1024 + draw.randint(-500, 500), draw.randint(20, 300) * 1_000_000
        off = draw.choice((-30, -4, -1, 0, 0, 1, 4, 30)), draw.choice((-30, -4, -1, 0, 0, 1, 4, 30))
        return SimpleNamespace(
            name=f"row {number}", weights=weights, macs=macs, grid=14,
            printed_params=round(weights / 1024) + off[0], printed_ops=round(macs / 1e6) + off[1],
        )  # fmt: skip

    for more in ((), (3,), (20,), (0.5,)):
        yield Call(([row(number) for number in range(14)], *more), ordered=False)
    yield Call(([],), ordered=False)


@of("googlenet.aux_head")
def _():
    yield Call((12, 7), images=((3, 12, 14, 14),))
    yield Call((5, 10), images=((1, 5, 14, 14),))


@of("googlenet.loss_with_aux")
def _():
    draw, normal = _draws(7)
    for images, classes, heads, more in (
        (6, 5, 2, ()),
        (4, 3, 1, (0.5,)),
        (5, 7, 3, (0.1,)),
        (3, 4, 0, ()),
        (1, 2, 2, (1.5,)),
    ):
        labels = torch.tensor([draw.randrange(classes) for _ in range(images)])
        yield Call(
            (Outputs(normal(images, classes), tuple(normal(images, classes) for _ in range(heads))), labels, *more)
        )


CASES["googlenet.test_crops"] = lambda: (
    Call(sides, ordered=False) for sides in ((375, 500), (500, 375), (300, 300), (160, 321), (427, 640), (333, 257))
)

# 03


@of("batch_norm.channel_statistics")
def _():
    _, normal = _draws(8)
    for shape in ((8, 3, 5, 6), (2, 4, 1, 3), (1, 2, 4, 4), (4, 4, 4, 4)):
        yield Call((normal(*shape) * 3 + 1,))


@of("batch_norm.normalise")
def _():
    _, normal = _draws(9)
    for shape, eps, scale in (
        ((8, 3, 5, 6), 1e-5, 3),
        ((2, 4, 1, 3), 1e-3, 0.05),
        ((1, 2, 4, 4), 0.3, 1),
        ((4, 4, 4, 4), 1e-2, 0.1),
    ):
        yield Call((normal(*shape) * scale + 1, normal(shape[1]), normal(shape[1]), eps))


@of("batch_norm.batch_norm")
def _():
    yield Call((3,), images=((8, 3, 5, 6), (2, 3, 2, 3)))
    yield Call((4,), {"eps": 0.1, "momentum": 0.3}, images=((4, 4, 4, 4), (1, 4, 3, 5)))


@of("batch_norm.normalise_backward")
def _():
    _, normal = _draws(10)
    for shape, eps, scale in (
        ((8, 3, 5, 6), 1e-5, 3),
        ((2, 4, 2, 3), 1e-3, 0.05),
        ((1, 2, 4, 4), 0.3, 1),
        ((4, 4, 4, 4), 1e-2, 0.1),
    ):
        yield Call((normal(*shape), normal(*shape) * scale + 1, normal(shape[1]), eps), gradients=False)


def _conv_and_norm(normal: Callable[..., Tensor], conv: nn.Conv2d, eps: float) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    norm = nn.BatchNorm2d(conv.out_channels, eps=eps)
    with torch.no_grad():
        for each in (conv.weight, conv.bias, norm.weight, norm.bias, norm.running_mean):
            if each is not None:
                each.copy_(normal(*each.shape))
        norm.running_var.copy_(normal(conv.out_channels).abs() * 0.2 + 0.01)
    return conv.eval(), norm.eval()


@of("batch_norm.fold")
def _():
    _, normal = _draws(11)
    for bias, stride, eps, window in ((False, 1, 1e-5, 3), (True, 2, 1e-3, 3), (True, 1, 0.1, (1, 5))):
        conv = nn.Conv2d(4, 6, window, stride=stride, padding=1, bias=bias)
        yield Call(_conv_and_norm(normal, conv, eps), images=((2, 4, 7, 9),), keeps_weights=True)
    conv = nn.Conv2d(4, 6, 3, groups=2, dilation=2, bias=False)
    yield Call(_conv_and_norm(normal, conv, 1e-3), images=((2, 4, 7, 9),), keeps_weights=True)


@of("batch_norm.predictions")
def _():
    _, normal = _draws(12)
    for images, training in ((6, True), (5, False), (1, True), (9, False)):
        torch.manual_seed(images)
        net = nn.Sequential(
            nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(80, 4)
        )
        yield Call((net.train(training), normal(images, 3, 6, 6)), gradients=False)


@of("batch_norm.inception_a")
def _():
    yield Call((6, bn_inception.Widths(4, (3, 5), (2, 7, 8), 9)), images=((2, 6, 9, 7), (1, 6, 3, 5)))
    yield Call((5, bn_inception.Widths(3, (6, 4), (7, 2, 9), 8)), images=((3, 5, 4, 8),))


# 04

CASES["factorization.saving"] = _numbers((5, (3, 3)), (7, (3, 3, 3)), (3, (2, 2)), (4, (5,)), (6, (1, 2, 3, 4)))
CASES["factorization.factor_saving"] = lambda: iter(
    [
        Call(case)
        for case in (
            ((3, 3), [(3, 1), (1, 3)], [64, 64, 64]), ((7, 5), [(1, 5), (7, 1)], [12, 9, 20]), ((5, 5), [(5, 5)], [3, 8]),
            ((4, 6), [(2, 3), (3, 1), (1, 4)], [5, 2, 7, 9]), ((2, 3), [(3, 3), (2, 2)], [2, 8, 3]),
        )
    ]
)  # fmt: skip


@of("factorization.two_factors")
def _():
    for windows, linear in (
        (((3, 3), (3, 3)), False),
        (((1, 7), (7, 1)), True),
        (((3, 1), (1, 5)), False),
        (((5, 3), (3, 7)), True),
    ):
        yield Call((6, 4, 5, windows), {"linear": linear}, images=((2, 6, 9, 7),))
    yield Call((3, 7, 4, ((3, 5), (1, 3))), images=((1, 3, 5, 8),))


@of("factorization.compose")
def _():
    _, normal = _draws(13)
    for inside, between, out in ((4, 2, 6), (1, 1, 1), (3, 5, 2), (3, 3, 3)):
        yield Call((normal(between, inside, 3, 3).double(), normal(out, between, 3, 3).double()), gradients=False)


@of("factorization.inception_b")
def _():
    yield Call((6, bn_inception.Widths(4, (3, 5, 7), (2, 8, 9, 10, 11), 12)), images=((2, 6, 9, 7), (1, 6, 3, 8)))
    yield Call((5, bn_inception.Widths(2, (7, 3, 4), (6, 9, 8, 11, 10), 1)), images=((3, 5, 8, 10),))


@of("factorization.inception_c")
def _():
    yield Call((6, bn_inception.Widths(4, (3, 5), (2, 8, 9), 7)), images=((2, 6, 9, 7), (1, 6, 3, 4)))
    yield Call((5, bn_inception.Widths(2, (7, 3), (6, 4, 8), 9)), images=((3, 5, 4, 8),))


CASES["factorization.reduction_macs"] = _numbers((320, 34), (7, 10), (64, 2), (5, 12), (1, 8))


@of("factorization.assemble")
def _():
    widths, halving = bn_inception.Widths, bn_inception.ReductionWidths
    yield Call(
        (
            Table(
                stem=(), figure_5=(widths(2, (3, 4), (2, 3, 5), 3), widths(3, (2, 3), (4, 2, 3), 2)),
                to_17=halving(single=(5,), stacked=(2, 4, 3)), figure_6=(widths(3, (2, 4, 3), (2, 3, 4, 5, 2), 4),),
                to_8=halving(single=(3, 4), stacked=(2, 3, 4, 5)), figure_7=(widths(4, (3, 2), (2, 4, 3), 2), widths(2, (4, 3), (3, 2, 5), 3)),
                single_kernel=3,
            ),
            6,
        ),
        images=((2, 6, 21, 23),),
    )  # fmt: skip
    yield Call(
        (
            Table(
                stem=(), figure_5=(widths(3, (2, 5), (3, 4, 2), 4),), to_17=halving(single=(4,), stacked=(3, 2, 6)),
                figure_6=(widths(2, (4, 3, 2), (3, 2, 5, 4, 3), 5), widths(3, (2, 4, 3), (2, 3, 4, 5, 2), 4)),
                to_8=halving(single=(2, 3), stacked=(4, 3, 2, 4)), figure_7=(widths(3, (2, 4), (4, 3, 2), 5),), single_kernel=5,
            ),
            4,
        ),
        images=((1, 4, 25, 21),),
    )  # fmt: skip


# 05


@of("label_smoothing.cross_entropy")
def _():
    draw, normal = _draws(14)
    for images, classes, scale in ((6, 5, 1), (1, 3, 2), (4, 4, 300), (3, 7, 0.1)):
        labels = torch.tensor([draw.randrange(classes) for _ in range(images)])
        yield Call((normal(images, classes) * scale, labels))


@of("label_smoothing.smoothed_targets")
def _():
    draw, _ = _draws(15)
    for images, classes, epsilon, others in (
        (4, 10, 0.1, False),
        (3, 5, 0.3, True),
        (1, 2, 0.5, False),
        (5, 3, 0.0, True),
    ):
        labels = torch.tensor([draw.randrange(classes - 1) for _ in range(images)])  # the last class is never there
        yield Call((labels, classes, epsilon), {"others_only": others} if others else {})


@of("label_smoothing.smoothed_loss")
def _():
    draw, normal = _draws(16)
    for images, classes, epsilon in ((6, 5, 0.1), (1, 3, 0.3), (4, 4, 0.0), (3, 8, 0.7)):
        labels = torch.tensor([draw.randrange(classes - 1) for _ in range(images)])
        yield Call((normal(images, classes), labels, epsilon))


CASES["label_smoothing.best_lead"] = _numbers(
    (0.1, 1000), (0.3, 5, True), (0.1, 2), (0.9, 10, True), (0.95, 4), (0.97, 3, True), (0.5, 2, True), (0.2, 7, False)
)


@of("label_smoothing.rmsprop_step")
def _():
    _, normal = _draws(17)
    for shape, rate, epsilon, inside, more in (
        ((4,), 0.045, 1.0, True, ()), ((2, 3), 0.3, 1e-3, False, ()), ((3, 2, 2), 0.01, 0.5, False, (0.8, 0.5)),
        ((5,), 1.0, 0.1, True, (0.99, 0.0)), ((2, 2), 0.2, 0.3, True, (0.5, 0.95)),
    ):  # fmt: skip
        tensors = normal(*shape), normal(*shape), normal(*shape).abs(), normal(*shape)
        yield Call((*tensors, rate, epsilon, inside, *more), gradients=False)


@of("label_smoothing.moved_average")
def _():
    _, normal = _draws(18)
    for shapes, decay in (
        (((3,), (2, 4)), 0.9),
        (((5,),), 0.999),
        (((2, 2), (1,), (3, 1, 2)), 0.3),
        (((2,), (3,)), 0.0),
    ):
        yield Call(([normal(*shape) for shape in shapes], [normal(*shape) for shape in shapes], decay), gradients=False)


@of("label_smoothing.clip_together")
def _():
    _, normal = _draws(19)
    for shapes, longest, scale in (
        (((3,), (2, 4)), 2.0, 1),
        (((5,),), 0.1, 1),
        (((2, 2), (1,), (3, 1, 2)), 9.0, 1),
        (((2,), (3,)), 1.0, 0),
    ):
        yield Call(([normal(*shape) * scale for shape in shapes], longest), gradients=False)
    yield Call(([torch.tensor([3.0]), torch.tensor([[4.0, 0.0]])], 5.0), gradients=False)


@of("label_smoothing.calibration_error")
def _():
    draw, normal = _draws(20)
    for images, classes, scale, more in (
        (200, 5, 1, ()),
        (60, 12, 0.5, (10,)),
        (30, 3, 4, (2,)),
        (1, 4, 1, (5,)),
        (80, 2, 1, (1,)),
    ):
        labels = torch.tensor([draw.randrange(classes) for _ in range(images)])
        yield Call(((normal(images, classes) * scale).softmax(dim=1), labels, *more), gradients=False)
    edges = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.25, 0.75, 0.0], [0.4, 0.35, 0.25]])
    yield Call((edges, torch.tensor([0, 1, 1, 2]), 4), gradients=False)
    yield Call((edges, torch.tensor([2, 0, 0, 0]), 2), gradients=False)


# 06


def _drawn_layer(draw: random.Random, width: int | None = None) -> SimpleNamespace:
    padding = draw.choice(("valid", "same"))
    return SimpleNamespace(window=draw.choice((1, 3, 5, 7)), stride=draw.randint(1, 3), padding=padding, width=width)


CASES["inception_v4.grid_after"] = lambda: (
    Call(case)
    for case in ((299, 3, 2, "valid"), *itertools.product((35, 36, 17, 8), (1, 3, 5, 7), (1, 2, 3), ("valid", "same")))
)


@of("inception_v4.grids")
def _():
    draw, _ = _draws(21)
    yield Call(
        (
            299,
            [
                SimpleNamespace(window=3, stride=2, padding="valid", width=32),
                SimpleNamespace(window=3, stride=1, padding="same", width=64),
            ],
        )
    )
    for count in (0, 1, 2, 3, 3):
        yield Call((draw.randint(90, 130), [_drawn_layer(draw) for _ in range(count)]))


@of("inception_v4.fork_shape")
def _():
    draw, _ = _draws(22)

    def layer(stride: int, padding: str, width: int | None, window: int = 3) -> SimpleNamespace:
        return SimpleNamespace(window=window, stride=stride, padding=padding, width=width)

    def branch(end: SimpleNamespace) -> list[SimpleNamespace]:
        return [
            layer(1, "same", draw.choice((None, 7, 12, 20)), draw.choice((1, 5))) for _ in range(draw.randint(0, 2))
        ] + [end]

    yield Call((64, 73, [[layer(2, "valid", None)], [layer(2, "valid", 96)]]))
    for grid, count in ((35, 2), (18, 3), (9, 4), (12, 2)):
        for padding in ("valid", "same"):
            yield Call(
                (
                    draw.randint(3, 60),
                    grid,
                    [branch(layer(2, padding, draw.choice((None, 8, 9)))) for _ in range(count)],
                )
            )
    yield Call((8, 12, [[layer(2, "valid", 4)], [layer(2, "same", None)]]))
    yield Call((8, 13, [[layer(1, "same", 4)], [layer(2, "same", 5)], [layer(1, "same", 4)]]))
    yield Call((8, 13, [[layer(2, "same", 4)], [layer(2, "same", 5)], [layer(1, "same", 4)]]))


@of("inception_v4.short_and_long")
def _():
    yield Call((6, 4, 5), images=((2, 6, 9, 7), (1, 6, 4, 8)))
    yield Call((3, 7, 2), images=((3, 3, 5, 8),))


@of("inception_v4.reduction_a")
def _():
    yield Call((6, 3, 4, 5, 7), images=((2, 6, 9, 7), (1, 6, 8, 11)))
    yield Call((5, 8, 2, 6, 3), images=((3, 5, 6, 10),))


CASES["inception_v4.branch_facts"] = lambda: (
    Call(case)
    for case in (
        (64, [64, 96], [(1, 1), (3, 3)], 35), (10, [8, 12, 5], [(1, 1), (1, 7), (7, 1)], 17), (7, [3], [(5, 3)], 8),
        (5, [2, 9, 4, 6], [(3, 1), (1, 3), (2, 4), (1, 1)], 6),
    )
)  # fmt: skip


@of("inception_v4.inception_c")
def _():
    yield Call((6, bn_inception.Widths(4, (3, 5), (2, 8, 9, 10), 7)), images=((2, 6, 9, 7), (1, 6, 3, 4)))
    yield Call((5, bn_inception.Widths(2, (7, 3), (6, 4, 8, 9), 1)), images=((3, 5, 4, 8),))


@of("inception_v4.assemble")
def _():
    def block(channels: int, width: int) -> nn.Module:
        return ConvBNAct(channels, width, kernel_size=3)

    def narrow(channels: int, width: int) -> nn.Module:
        return nn.Conv2d(channels, 2 * width, 1)

    def stage(make: Callable, widths: int, repeats: int, out: int) -> SimpleNamespace:
        return SimpleNamespace(block=make, widths=widths, repeats=repeats, out_channels=out)

    yield Call((3, [stage(block, 5, 2, 5), stage(narrow, 4, 1, 8), stage(block, 6, 3, 6)]), images=((2, 3, 7, 9),))
    yield Call((4, [stage(narrow, 3, 1, 6), stage(narrow, 2, 2, 4)]), images=((1, 4, 6, 5),))


# 07


@of("residual_scaling.residual_connection")
def _():
    _, normal = _draws(23)
    torch.manual_seed(0)
    for shape, function in (
        ((2, 3, 4, 5), torch.sin),
        ((1, 7), lambda x: x * 0),
        ((3, 2), lambda x: 3 * x.tanh() + 1),
        ((2, 4), nn.Linear(4, 4)),
    ):
        yield Call((normal(*shape), function))


CASES["residual_scaling.channels_after"] = lambda: (
    Call(case) for case in ((384, [[384], [192, 224, 256]]), (5, [[3, 7]]), (9, [[2], [4, 6], [8, 1, 5]]), (6, []))
)


@of("residual_scaling.scaled_residual")
def _():
    torch.manual_seed(0)
    for channels, widths, scale in ((6, (4, 3), 0.17), (5, (2, 7, 4), 0.5), (3, (8,), 1.0)):
        branches = [nn.Conv2d(channels, width, 3, padding=1) for width in widths]
        yield Call((channels, branches, sum(widths), scale), images=((2, channels, 5, 7), (1, channels, 4, 3)))


@of("residual_scaling.inception_resnet_a")
def _():
    widths = SimpleNamespace
    yield Call((6, widths(pointwise=4, single=(3, 5), stacked=(2, 7, 8))), images=((2, 6, 9, 7), (1, 6, 3, 4)))
    yield Call((5, widths(pointwise=2, single=(4, 3), stacked=(7, 6, 1)), 0.6), images=((3, 5, 4, 8),))


CASES["residual_scaling.size_after"] = _numbers(
    (10, 0.17, True), (10, 0.17, False), (3, 1.0, True), (4, 0.7, False), (0, 0.5, True), (1, 2.0, False)
)
CASES["residual_scaling.kept_for_norms"] = lambda: (
    Call(case)
    for case in (
        ([(10, 384, 35), (20, 1152, 17)], 32),
        ([(1, 3, 5)], 7, 2),
        ([], 4),
        ([(2, 6, 3), (4, 1, 8), (3, 5, 2)], 1, 8),
    )
)


@of("residual_scaling.ensemble")
def _():
    _, normal = _draws(24)
    for shape, scale in (((3, 4, 5), 1), ((1, 2, 6), 3), ((5, 1, 2), 2), ((4, 4, 4), 1)):
        yield Call((normal(*shape) * scale,))


CASES["residual_scaling.error_left"] = _numbers((0.6, 4), (0.0, 3), (1.0, 5), (0.25, 1), (-0.1, 7), (0.9, 144))

# 08

CASES["xception.grouped_cost"] = _numbers(
    (64, 128, 3, 4, 14), (12, 18, 5, 3, 7), (8, 8, 1, 8, 2), (6, 4, 3, 1, 9), (10, 4, 2, 2, 3)
)
CASES["xception.separable_ratio"] = _numbers((64, 128, 3), (5, 9, 7), (3, 2, 1), (16, 1, 5), (7, 7, 2))


@of("xception.depthwise")
def _():
    _, normal = _draws(25)
    for shape, size in (((2, 3, 6, 5), 3), ((1, 4, 7, 9), 5), ((3, 2, 4, 4), 1), ((2, 1, 3, 8), 7), ((3, 3, 3, 3), 3)):
        yield Call((normal(*shape), normal(shape[1], size, size)))


@of("xception.separable")
def _():
    yield Call((6, 4), images=((2, 6, 9, 7), (1, 6, 3, 4)))
    for kernel, order, activation in (
        (3, "pointwise first", True),
        (5, "depthwise first", True),
        (7, "pointwise first", False),
        (1, "depthwise first", False),
    ):
        yield Call((5, 8, kernel, order, activation), images=((2, 5, 6, 9),))


@of("xception.merge_towers")
def _():
    torch.manual_seed(0)
    for count, inside, between, out in ((3, 4, 2, 5), (1, 3, 4, 2), (4, 2, 3, 1), (2, 5, 3, 3)):
        towers = [
            nn.Sequential(nn.Conv2d(inside, between, 1, bias=False), nn.Conv2d(between, out, 3, padding=1, bias=False))
            for _ in range(count)
        ]
        yield Call((towers,), images=((2, inside, 6, 5),), keeps_weights=True)


@of("xception.xception_block")
def _():
    yield Call((6, (4, 8)), {"stride": 2}, images=((2, 6, 9, 7), (1, 6, 4, 6)))
    yield Call((5, (7, 5, 5)), images=((2, 5, 6, 9),))
    yield Call((5, (7, 4)), {"opens_with_relu": False}, images=((2, 5, 6, 9),))
    yield Call((4, (3, 2, 4), 2, False), images=((2, 4, 7, 8),))
    yield Call((3, (3,)), images=((1, 3, 4, 4),))


@of("xception.layers_and_modules")
def _():
    yield Call((measure.network("xception"),))
    yield Call((measure.network("xception", size="mini"),))


CASES["xception.roofline"] = _numbers(
    (64, 128, 3, 1, 14, 1e12, 2e11), (256, 512, 3, 1, 28, 5e10, 1e10), (32, 32, 5, 32, 56, 3e11, 4e9), (6, 4, 1, 2, 1, 1e9, 1e9), (12, 6, 7, 3, 5, 2e8, 8e7),
)  # fmt: skip

# 09

CASES["family.read_row"] = _numbers((6_998_552, 1_582_671_872, 3_227_160), (1000, 50_000, 250), (7, 3, 5))
CASES["family.improvement"] = _numbers((10.0, 9.0), (15.3, 6.67), (4.0, 5.0), (0.5, 0.25), (7.0, 7.0))


@of("family.pareto")
def _():
    draw, _ = _draws(26)
    yield Call(({"a": (1.0, 30.0), "b": (2.0, 20.0), "c": (3.0, 25.0)},), ordered=False)
    for count, most in ((12, 4), (6, 2), (20, 50), (1, 5), (9, 6)):
        yield Call(({f"net {n}": (draw.randint(0, most), draw.randint(0, most)) for n in range(count)},), ordered=False)
    yield Call(({},), ordered=False)


@of("family.throughput")
def _():
    draw, _ = _draws(27)
    yield Call(([0.9, 0.2, 0.3, 0.25], 16, 1))
    for count, batch, warm_up in ((5, 8, 0), (6, 32, 2), (7, 1, 3), (1, 4, 0), (9, 7, 1)):
        yield Call(([draw.uniform(0.01, 2) for _ in range(count)], batch, warm_up))


@of("family.choose")
def _():
    draw, _ = _draws(28)

    def row(number: int) -> SimpleNamespace:
        top1 = draw.choice((None, 20.0, 20.0, 22.0, 25.5))
        return SimpleNamespace(
            name=f"net {number}",
            parameters=draw.randint(1, 6),
            macs=draw.choice((1, 2, 3, 4, 5)) * 10 + number / 100,
            top1=top1,
        )

    yield Call(([row(number) for number in range(6)], 4, 45))
    for count in (1, 3, 5, 8, 8, 12, 12, 12):
        rows = [row(number) for number in range(count)]
        yield Call((rows, draw.randint(1, 6), rows[draw.randrange(count)].macs))
    yield Call(([], 3, 3))


class _Trunk(nn.Module):
    """A small network with all that a trunk of the course has."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3), nn.BatchNorm2d(channels), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(channels, channels + 1, 3), nn.BatchNorm2d(channels + 1), nn.ReLU())
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(channels + 1, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.dropout(self.body(self.stem(x)).mean(dim=(2, 3))))


@of("family.frozen_trunk")
def _():
    torch.manual_seed(0)
    for channels, old, new in ((6, 10, 3), (4, 7, 5)):
        yield Call((_Trunk(channels, old), new), images=((5, 3, 8, 9),), gradients=False, arguments_stay=False)


CASES["family.for_processes"] = _numbers(
    (64, 0.1, 2, False),
    (64, 0.1, 2, True),
    (96, 0.045, 8, False),
    (32, 0.045, 50, True),
    (32, 0.5, 1, False),
    (10, 0.1, 4, False),
    (9, 0.2, 3, True),
    (7, 0.3, 7, False),
)

# 10

CASES["capstone.stage_macs"] = _numbers((16, 24, 1, 16), (24, 36, 2, 8), (36, 48, 4, 4), (5, 7, 3, 3))
CASES["capstone.dearest"] = lambda: (
    Call((rows,))
    for rows in (
        [("stem", 30, 900), ("stage 1", 200, 500), ("stage 2", 100, 1200)], [("a", 5, 1)], [("b", 1, 9), ("a", 2, 8)],
        [("z", 7, 3), ("y", 4, 2), ("x", 1, 8), ("w", 6, 9), ("v", 8, 1)],
    )
)  # fmt: skip
CASES["capstone.widened"] = lambda: (
    Call((list(layers), times))
    for layers, times in itertools.product(
        (
            ((3, 16, 3, 32), (16, 32, 3, 16), (32, 10, 1, 1)), ((3, 5, 1, 4),), ((2, 7, 5, 3), (7, 4, 1, 2)),
            ((1, 2, 3, 4), (2, 3, 1, 4), (3, 5, 7, 2), (5, 6, 1, 1)),
        ),
        (2, 1, 3, 5),
    )
)  # fmt: skip
CASES["capstone.tighter"] = _numbers(
    (150_000, 30_000_000, 200_000, 50_000_000),
    (10, 90, 40, 100),
    (90, 10, 100, 40),
    (120, 90, 100, 80),
    (5, 200, 10, 150),
    (7, 8, 9, 100),
)


@of("capstone.widest")
def _():
    def square(width: int) -> tuple[int, int]:
        return 9 * width**2, 100 * width**2

    def uneven(width: int) -> tuple[int, int]:
        return (width * 13 % 7 + 1) * 100, (width * 5 % 11 + 1) * 10

    yield Call((square, [16, 24, 32, 40], 9 * 32**2, 10**9))
    for widths in ((8, 4, 6, 10), (3, 9, 12, 5, 7, 2), (1,), (20, 11, 13, 17, 19, 4)):
        for cost, parameters, macs in (
            (square, 700, 10**6),
            (square, 10**6, 4900),
            (uneven, 400, 60),
            (uneven, 800, 40),
            (uneven, 100, 200),
            (square, 1, 1),
        ):
            yield Call((cost, list(widths), parameters, macs))
    yield Call((square, [], 10, 10))


@of("capstone.my_design")
def _():
    def kept(design: object) -> object:
        if not isinstance(design, Design):
            return type(design).__name__
        table = design.table()
        spent = max(table.parameters / BUDGET.parameters, table.macs / BUDGET.macs)
        return [spent <= 1, spent >= 0.7, design in PRESETS.values()]

    yield Call((), seen=kept)


CASES["capstone.margin"] = _numbers((0.89, 2000), (0.5, 100), (0.97, 10_000), (1.0, 50), (0.25, 7))


# Assignments, with the numbers that they have where no class has chosen others.


def _modules(*calls: tuple) -> Maker:
    """Calls of something that makes a module, each with the shapes of its inputs."""
    return lambda: (Call(arguments, images=shapes) for arguments, shapes in calls)


CASES["inception_module.assignment.five_branches"] = _modules(
    ((6, 4, 3, 5, 2, 7, 8, 9), ((2, 6, 9, 7), (1, 6, 5, 8))), ((5, 3, 6, 2, 8, 4, 1, 7), ((3, 5, 6, 8),))
)
CASES["inception_module.assignment.largest_reduction"] = _numbers(
    (192, 32, 5), (64, 64, 3), (10, 4, 1), (3, 8, 3), (7, 5, 2), (2, 1, 1), (33, 12, 7), (256, 300, 3)
)


@of("inception_module.assignment.choose_widths")
def _():
    least: Any = numbers(lesson("inception_module"))["least"]  # per cent

    def meets(in_channels: int, grid: int, budget: int) -> Callable:
        keys = ("pointwise", "three_reduce", "three", "five_reduce", "five", "pool")

        def kept(widths: object) -> object:
            if not isinstance(widths, dict) or set(widths) != set(keys) or not _are_whole(widths.values()):
                return repr(widths)
            one, reduce, three, other, five, pool = (int(widths[key]) for key in keys)
            costs = [
                in_channels * one,
                in_channels * reduce + 9 * reduce * three,
                in_channels * other + 25 * other * five,
                in_channels * pool,
            ]
            total = sum(costs) * grid**2
            return [total <= budget, 100 * total >= least * budget, costs[1] > max(costs[0], *costs[2:])]

        return kept

    for case in ((192, 28, 192 * 28**2 * 120), (5, 7, 5 * 49 * 100), (64, 14, 64 * 14**2 * 333), (3, 9, 3 * 81 * 150)):
        yield Call(case, seen=meets(*case))


CASES["inception_module.assignment.repaired"] = _modules(
    ((6, 4, 3, 5, 2, 7, 8), ((2, 6, 9, 7), (1, 6, 5, 8))), ((5, 3, 6, 2, 8, 4, 1), ((3, 5, 6, 8),))
)


@of("googlenet.assignment.small_network")
def _():
    widths = googlenet.Widths
    for stem, table, shapes in (
        (4, [widths(3, 2, 4, 1, 2, 5), "pool", widths(2, 3, 5, 1, 2, 4), "pool"], ((2, 3, 10, 13), (1, 3, 6, 8))),
        (3, ["pool", "pool", widths(1, 2, 6, 3, 2, 4)], ((3, 3, 12, 9),)), (5, [widths(2, 3, 2, 1, 3, 4)], ((2, 3, 5, 7),)),
    ):  # fmt: skip
        yield Call((3, stem, table, 4), images=shapes)


CASES["googlenet.assignment.agrees"] = _numbers(
    (159, 128, 28),
    (159, 120, 28),
    (159, 124, 28),
    (7, 1, 14),
    (10, 8, 28),
    (100, 20, 14),
    (101, 20, 14),
    (98, 19, 14),
    (1, 0, 7),
    (0.5, 1, 30),
    (200, 160, 28),
)


@of("googlenet.assignment.ten_crops")
def _():
    _, normal = _draws(30)
    for shape, side in (((3, 10, 13), 8), ((3, 9, 8), 8), ((3, 13, 9), 6), ((1, 6, 6), 6)):
        torch.manual_seed(side)
        net = nn.Sequential(
            nn.Conv2d(shape[0], 2, 3),
            nn.BatchNorm2d(2),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(2 * (side - 2) ** 2, 5),
        )
        yield Call((net, normal(*shape), side), gradients=False, arguments_stay=False)


CASES["googlenet.assignment.repaired"] = _modules(((4, 6), ((2, 3, 9, 11), (1, 3, 5, 4))), ((3, 5), ((3, 3, 6, 6),)))


@of("batch_norm.assignment.group_norm")
def _():
    _, normal = _draws(31)
    for shape, groups, eps in (
        ((2, 6, 4, 5), 3, 1e-5),
        ((3, 4, 2, 3), 2, 0.1),
        ((1, 8, 3, 3), 4, 1e-3),
        ((2, 5, 2, 4), 1, 0.3),
        ((2, 3, 4, 2), 3, 1e-2),
    ):
        yield Call((normal(*shape) * 2 + 1, groups, normal(shape[1]), normal(shape[1]), eps))


@of("batch_norm.assignment.fold_before")
def _():
    _, normal = _draws(32)
    for bias, stride, eps, window in ((False, 1, 1e-5, 3), (True, 2, 1e-3, 3), (True, 1, 0.1, (1, 5))):
        conv, norm = _conv_and_norm(normal, nn.Conv2d(4, 4, window, stride=stride, bias=bias), eps)
        yield Call((norm, conv), images=((2, 4, 7, 9),), keeps_weights=True)


@of("batch_norm.assignment.combine")
def _():
    _, normal = _draws(33)
    for counts in ([3, 5], [4], [2, 9, 4, 7], [6, 6]):
        means, variances = [normal(3) * 2 for _ in counts], [normal(3).abs() for _ in counts]
        yield Call((counts, means, variances), gradients=False)


@of("batch_norm.assignment.population")
def _():
    _, normal = _draws(34)
    for training, momentum, sizes in ((True, 0.1, (4, 4)), (False, 0.3, (3, 6, 2)), (True, 0.2, (5,))):
        torch.manual_seed(len(sizes))
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4, momentum=momentum),
            nn.ReLU(),
            nn.Conv2d(4, 2, 1),
            nn.BatchNorm2d(2),
            nn.Dropout(0.5),
        )
        net(normal(4, 3, 5, 5))
        yield Call((net.train(training), [normal(size, 3, 5, 6) for size in sizes]), gradients=False)


@of("factorization.assignment.compose_three")
def _():
    _, normal = _draws(35)
    for widths, windows in (
        ((3, 2, 4, 5), ((3, 3), (1, 3), (3, 1))),
        ((1, 1, 1, 1), ((2, 3), (3, 2), (1, 1))),
        ((2, 4, 3, 2), ((1, 5), (5, 1), (3, 3))),
    ):
        yield Call(
            tuple(
                normal(after, before, *window).double()
                for before, after, window in zip(widths, widths[1:], windows, strict=False)
            ),
            gradients=False,
        )


@of("factorization.assignment.stem_widths")
def _():
    def meets(in_channels: int, out_channels: int, grid: int, budget: int) -> Callable:
        def kept(pair: object) -> object:
            if not isinstance(pair, (tuple, list, np.ndarray)) or len(pair) != 2 or not _are_whole(pair):
                return repr(pair)
            first, second = map(int, pair)
            cost = 9 * grid**2 * (4 * in_channels * first + 4 * first * second + second * out_channels)
            return [first <= second, cost <= budget, 10 * cost >= 9 * budget]

        return kept

    for inside, out, grid, times in ((3, 64, 112, 800), (1, 8, 5, 600), (5, 20, 9, 1500)):
        case = (inside, out, grid, times * (inside + out) * grid**2)
        yield Call(case, seen=meets(*case))


CASES["factorization.assignment.grid_of_twelve"] = _modules(
    ((6, 4, 3, 5, 7, 2, 8, 9, 10), ((2, 6, 9, 7), (1, 6, 6, 8))), ((5, 3, 6, 2, 8, 4, 1, 7, 9), ((3, 5, 6, 8),))
)
CASES["factorization.assignment.reduction_cost"] = lambda: (
    Call(case)
    for case in ((288, 384, (64, 96, 96), 35), (5, 7, (2, 3, 4), 9), (6, 1, (4, 9, 2), 8), (3, 2, (5, 1, 7), 12))
)
CASES["factorization.assignment.repaired"] = _modules(
    ((6, 4, (3, 5, 7), (2, 8, 9, 10, 11)), ((2, 6, 9, 7), (1, 6, 6, 8))),
    ((5, 3, (6, 2, 8), (4, 1, 7, 9, 10)), ((3, 5, 6, 8),)),
)


@of("label_smoothing.assignment.similar_targets")
def _():
    draw, normal = _draws(36)
    for classes, images, epsilon in ((4, 6, 0.1), (3, 2, 0.4), (5, 4, 0.0), (2, 3, 0.7)):
        similarity = normal(classes, classes).abs()
        similarity[:, 0] = similarity[0] = 0  # a class that is like no other
        yield Call(
            (torch.tensor([draw.randrange(classes) for _ in range(images)]), similarity, epsilon), gradients=False
        )
    yield Call((torch.tensor([1, 0, 2]), normal(3, 3).abs(), 0.3), gradients=False)


@of("label_smoothing.assignment.penalised_loss")
def _():
    draw, normal = _draws(37)
    for images, classes, beta in ((6, 5, 0.1), (1, 3, 0.5), (4, 4, 0.0), (3, 7, 1.5)):
        yield Call((normal(images, classes) * 2, torch.tensor([draw.randrange(classes) for _ in range(images)]), beta))


@of("label_smoothing.assignment.best_temperature")
def _():
    _, normal = _draws(38)
    for images, classes, scale in ((60, 5, 4.0), (40, 3, 0.5), (30, 8, 1.0)):
        logits = normal(images, classes)
        labels = torch.stack([each.softmax(dim=0) for each in logits * 1.5]).multinomial(
            1, generator=torch.Generator().manual_seed(images)
        )[:, 0]
        yield Call(
            (logits * scale, labels), gradients=False, seen=lambda found: torch.tensor([found + 0.0, found * 0 + 1.0])
        )


@of("inception_v4.assignment.whole_sides")
def _():
    layers = [(3, 2, True), (3, 1, True), (3, 1, False), (3, 2, True)]
    for low, high, chain in (
        (290, 310, layers),
        (5, 30, [(7, 3, True), (3, 2, False), (5, 2, True)]),
        (1, 6, [(4, 1, True)]),
        (3, 8, []),
        (9, 9, layers[:1]),
    ):
        yield Call((low, high, chain))


CASES["inception_v4.assignment.small_stem"] = _modules(
    ((3, 2), ((2, 3, 35, 31), (1, 3, 27, 40))), ((2, 1), ((3, 2, 30, 33),))
)


@of("inception_v4.assignment.letters")
def _():
    def meets(in_channels: int, out_channels: int, grid: int, budget: int) -> Callable:
        def kept(found: object) -> object:
            if not isinstance(found, (tuple, list, np.ndarray)) or len(found) != 4 or not _are_whole(found):
                return repr(found)
            k, l, m, n = map(int, found)
            half = (grid - 3) // 2 + 1
            cost = 9 * half**2 * (l * m + in_channels * n) + grid**2 * (in_channels * k + 9 * k * l)
            return [k <= l <= m, m + n + in_channels == out_channels, cost <= budget, 10 * cost >= 9 * budget]

        return kept

    for case in ((38, 100, 35, 60_000_000), (6, 20, 9, 200_000), (10, 30, 17, 2_000_000)):
        yield Call(case, seen=meets(*case))


CASES["inception_v4.assignment.depth_and_field"] = _numbers((4, 7, 3), (5, 10, 5), (1, 2, 3), (0, 0, 0), (2, 1, 1))
CASES["inception_v4.assignment.repaired"] = _modules(
    ((6, 4, (3, 5), (2, 8, 9, 10), 7), ((2, 6, 9, 7), (1, 6, 3, 4))), ((5, 2, (7, 3), (6, 4, 8, 9), 1), ((3, 5, 4, 8),))
)
CASES["residual_scaling.assignment.residual_reduction"] = _modules(
    ((6, 8, 4, (3, 5), 0.2), ((2, 6, 9, 7), (1, 6, 6, 8))), ((5, 3, 2, (7, 4), 0.7), ((3, 5, 6, 7),))
)


@of("residual_scaling.assignment.pre_activated")
def _():
    torch.manual_seed(0)
    for channels, widths, scale in ((6, (4, 3), 0.17), (5, (2, 7, 4), 0.5), (3, (8,), 1.0)):
        branches = [nn.Conv2d(channels, width, 3, padding=1) for width in widths]
        yield Call((channels, branches, sum(widths), scale), images=((2, channels, 5, 7), (1, channels, 4, 3)))


class _Block(nn.Module):
    """What the assignment calls `Block`."""

    def __init__(self, channels: int, width: int, scale: float):
        super().__init__()
        self.branch, self.scale = nn.Conv2d(channels, width, 3, padding=1), scale
        self.expansion = nn.Conv2d(width, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.scale * self.expansion(self.branch(x)))


@of("residual_scaling.assignment.folded")
def _():
    torch.manual_seed(0)
    for channels, width, scale in ((6, 4, 0.17), (3, 5, 0.5), (2, 2, 3.0)):
        yield Call((_Block(channels, width, scale),), images=((2, channels, 5, 4),), keeps_weights=True)


CASES["residual_scaling.assignment.scale_for"] = _numbers(
    (10, 2.0, True), (10, 2.0, False), (3, 5.0, True), (4, 1.5, False), (1, 3.0, False), (7, 1.0, True)
)
CASES["residual_scaling.assignment.repaired"] = _modules(
    ((6, 4, 0.2), ((2, 6, 9, 7), (1, 6, 6, 8))), ((3, 5, 1.0), ((3, 3, 4, 5),))
)
CASES["xception.assignment.separable_stem"] = _modules(
    ((3, 8, 4), ((2, 3, 15, 17), (1, 3, 8, 10))), ((2, 5, 1), ((3, 2, 9, 12),))
)


@of("xception.assignment.as_one")
def _():
    _, normal = _draws(39)
    for inside, m, out, size in ((3, 2, 5, 3), (1, 4, 2, 5), (4, 1, 3, 7), (2, 3, 6, 1)):
        yield Call((normal(inside * m, 1, size, size), normal(out, inside * m, 1, 1), m), gradients=False)


@of("xception.assignment.fewest_groups")
def _():
    for channels, out, size, grid in ((64, 128, 3, 14), (12, 20, 5, 7), (6, 6, 1, 3), (7, 4, 3, 5)):
        for groups in (1, 2, 3, channels):
            budget = (channels * channels // groups * size**2 + channels * out) * grid**2
            yield Call((channels, out, size, grid, budget))
            yield Call((channels, out, size, grid, budget - 1))


CASES["xception.assignment.mobile_block"] = _modules(
    ((6, 8), ((2, 6, 9, 7),)),
    ((6, 8, 2, 0.5), ((2, 3, 9, 8),)),
    ((5, 4, 1, 0.7), ((1, 3, 6, 5),)),
    ((3, 4, 2, 0.1), ((2, 1, 6, 7),)),
)
CASES["xception.assignment.repaired"] = _modules(((6, 2), ((2, 6, 9, 7), (1, 6, 4, 8))), ((3, 3), ((3, 3, 4, 5),)))


@of("family.assignment.front_of")
def _():
    draw, _ = _draws(40)
    yield Call(({"b": (1.0, 30.0), "a": (2.0, 20.0), "c": (3.0, 25.0)},))
    for count, costs, most in ((8, 3, 3), (6, 1, 4), (12, 2, 4), (9, 4, 2)):
        names = draw.sample("abcdefghijklmnop", count)
        yield Call(({name: tuple(draw.randint(0, most) for _ in range(costs)) for name in names},))


@of("family.assignment.trains_best")
def _():
    draw, _ = _draws(41)
    for count in (1, 3, 5, 8, 8, 8):
        rows = [
            (name, draw.randint(1, 60) * 10**6, draw.randint(1, 30) * 10**6, draw.choice((None, 20.0, 22.0, 25.5)))
            for name in draw.sample("abcdefghij", count)
        ]
        yield Call((rows, draw.choice((1, 8, 32)), draw.choice((0.5, 2, 4, 8))))


CASES["family.assignment.readings"] = _numbers(
    (10.0, 9.0, 1.0),
    (10.0, 9.0, 10.0),
    (20.0, 15.0, 25.0),
    (20.0, 15.0, 6.2),
    (50.0, 40.0, 20.0),
    (15.3, 6.67, 8.6),
    (15.3, 6.67, 56.4),
    (5.0, 5.0, 0.0),
    (30.0, 31.0, -1.0),
)
CASES["family.assignment.fair_times"] = lambda: (
    Call(case)
    for case in (
        (["first", "second"], 5, 1),
        (["second", "first"], 4, 2),
        (["first", "second", "third"], 6, 2),
        (["first"], 3, 0),
    )
)


@of("family.assignment.tuned")
def _():
    _, normal = _draws(42)
    for width, classes, steps, rate in ((6, 3, 4, 0.5), (4, 5, 1, 0.1), (5, 2, 6, 0.3)):
        torch.manual_seed(width)
        features = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        net = nn.Sequential()
        net.add_module("features", features)
        net.add_module("classifier", nn.Linear(width, 7))
        labels = torch.arange(8) % classes
        yield Call(
            (net, normal(8, 3, 5, 6), labels, classes, steps, rate),
            images=((4, 3, 5, 6),),
            keeps_weights=True,
            gradients=False,
            arguments_stay=False,
        )


CASES["capstone.assignment.largest_side"] = lambda: (
    Call(case)
    for case in (
        ([("stem", 442_368), ("classifier", 1280)], 10_000_000), ([("a", 3000), ("b", 7000), ("classifier", 500)], 40_500),
        ([("a", 4096)], 4096), ([("a", 4096)], 1023), ([("a", 4096)], 1024), ([("classifier", 10), ("a", 1000)], 5),
    )
)  # fmt: skip
CASES["capstone.assignment.fair_choice"] = lambda: (
    Call((runs,))
    for runs in (
        {"a": [[0.1, 0.5], [0.2, 0.6]], "b": [[0.9, 0.4], [0.3, 0.8]], "c": [[0.1, 0.99]]}, {}, {"a": [[0.5]]},
        {"x": [[0.3, 0.2, 0.7], [0.1, 0.1, 0.1], [0.5, 0.6, 0.6]], "y": [[0.9, 0.9, 0.5], [0.4, 0.45, 0.5]]},
    )
)  # fmt: skip
