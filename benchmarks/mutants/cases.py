"""Arguments for each exercise, which the benchmark makes for itself: as varied as the exercise's text allows.

A function here yields the calls of one exercise, with fresh arguments each time. The first call is the one that a learner sees in
mind: numbers of it are what "hard-coded" means in `operators`.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from benchmarks.mutants.differential import Call
from networks import bn_inception, googlenet
from networks.inception_v2 import Table
from networks.layers import ConvBNAct, Outputs

Maker = Callable[[], Iterator[Call]]
CASES: dict[str, Maker] = {}


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
        yield Call((normal(between, inside, 3, 3).double(), normal(out, between, 3, 3).double()))


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
