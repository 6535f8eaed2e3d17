"""Lesson 06."""

import torch
from torch import nn

from lessons.inception_v4.checks import along as grids
from lessons.inception_v4.grids import after as grid_after
from networks.bn_inception import InceptionA, ReductionA, Widths
from networks.inception_v2 import InceptionB, ReductionB
from networks.inception_v4 import PoolAndConv
from networks.layers import ConvBNAct
from tests.lessons.answers import Answers, function, module

SCOPE = {
    "torch": torch, "nn": nn, "ConvBNAct": ConvBNAct, "InceptionA": InceptionA, "ReductionA": ReductionA,
    "InceptionB": InceptionB, "ReductionB": ReductionB, "Widths": Widths, "PoolAndConv": PoolAndConv,
    "grid_after": grid_after, "grids": grids,
}  # fmt: skip

AFTER = "grid, window, stride, padding"
FACTS = "in_channels, widths, windows, grid"


def steps(update: str, start: str = "[side]", last: str = "return sides") -> str:
    return f"def Answer(side, layers):\n    sides = {start}\n    for layer in layers:\n        {update}\n    {last}\n"


NEXT = "sides.append(grid_after(sides[-1], layer.window, layer.stride, layer.padding))"


def concatenated(
    width: str = "width = layer.width or width", start: str = "channels", add: str = "total += width",
    end: str = "return (total, ends[0]) if len(set(ends)) == 1 else None",
) -> str:  # fmt: skip
    return (
        "def Answer(channels, grid, branches):\n    total, ends = 0, []\n    for branch in branches:\n"
        f"        width = {start}\n        for layer in branch:\n            {width}\n        {add}\n"
        f"        ends.append(grids(grid, branch)[-1])\n    {end}\n"
    )


FORK_2 = """
self.short = nn.Sequential(ConvBNAct(in_channels, reduce, kernel_size=1), ConvBNAct(reduce, width, kernel_size=3, padding="valid"))
self.long = nn.Sequential(
    ConvBNAct(in_channels, reduce, kernel_size=1), ConvBNAct(reduce, reduce, kernel_size=(1, 7)),
    ConvBNAct(reduce, reduce, kernel_size=(7, 1)), ConvBNAct(reduce, width, kernel_size=3, padding="valid"))
"""
JOIN = "return torch.cat([self.short(x), self.long(x)], dim=1)"


def fork_2(before: str = "", after: str = "", forward: str = JOIN) -> str:
    assert before in FORK_2
    return module(FORK_2.replace(before, after) if before else FORK_2, forward, head="in_channels, reduce, width")


REDUCTION = """
self.a = ConvBNAct(in_channels, n, kernel_size=3, stride=2, padding="valid")
self.b = nn.Sequential(ConvBNAct(in_channels, k, kernel_size=1), ConvBNAct(k, l, kernel_size=3),
                       ConvBNAct(l, m, kernel_size=3, stride=2, padding="valid"))
self.c = nn.MaxPool2d(3, stride=2)
"""
THREE = "return torch.cat([self.a(x), self.b(x), self.c(x)], dim=1)"


LAZY = "nn.Sequential(nn.LazyConv2d(n, 3, stride=2, bias=False), nn.BatchNorm2d(n, eps=1e-3), nn.ReLU())"


def reduction(before: str = "", after: str = "", forward: str = THREE) -> str:
    assert before in REDUCTION
    return module(REDUCTION.replace(before, after) if before else REDUCTION, forward, head="in_channels, k, l, m, n")


LOOP = """height = width = 1
parameters = macs = 0
for out, (h, w) in zip(widths, windows):
    height, width = height + h - 1, width + w - 1
    weights = in_channels * out * h * w
    parameters += weights + 2 * out
    macs += weights * grid * grid
    in_channels = out
return {"field": (height, width), "parameters": parameters, "macs": macs}"""


def facts(before: str = "", after: str = "") -> str:
    assert before in LOOP
    lines = (LOOP.replace(before, after) if before else LOOP).splitlines()
    return f"def Answer({FACTS}):\n" + "".join(f"    {line}\n" for line in lines)


C = """
w = widths
self.a = ConvBNAct(in_channels, w.pointwise, kernel_size=1)
self.b = ConvBNAct(in_channels, w.single[0], kernel_size=1)
self.b_wide = ConvBNAct(w.single[0], w.single[1], kernel_size=(1, 3))
self.b_tall = ConvBNAct(w.single[0], w.single[1], kernel_size=(3, 1))
self.c = nn.Sequential(ConvBNAct(in_channels, w.stacked[0], kernel_size=1), ConvBNAct(w.stacked[0], w.stacked[1], kernel_size=(3, 1)),
                       ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(1, 3)))
self.c_wide = ConvBNAct(w.stacked[2], w.stacked[3], kernel_size=(1, 3))
self.c_tall = ConvBNAct(w.stacked[2], w.stacked[3], kernel_size=(3, 1))
self.d = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), ConvBNAct(in_channels, w.pool, kernel_size=1))
"""
SIX = (
    "b, c = self.b(x), self.c(x)\n"
    "return torch.cat([self.a(x), self.b_wide(b), self.b_tall(b), self.c_wide(c), self.c_tall(c), self.d(x)], 1)"
)


def forked(before: str = "", after: str = "", forward: str = SIX) -> str:
    assert before in C
    return module(C.replace(before, after) if before else C, forward)


def network(inner: str = "m.append(s.block(c, s.widths))", update: str = "c = s.out_channels", last: str = "nn.Sequential(*m)") -> str:  # fmt: skip
    return (
        "def Answer(c, stages):\n    m = []\n    for s in stages:\n        for _ in range(s.repeats):\n"
        f"            {inner}\n            {update}\n    return {last}\n"
    )


ANSWERS = {
    "grid_after": Answers(
        right=(
            function(AFTER, "len(range(0, grid - window + 1, stride)) if padding == 'valid' else -(-grid // stride)"),
            function(AFTER, "__import__('fractions').Fraction((grid - (window if padding == 'valid' else 1)) // stride + 1)"),
            function(AFTER, "torch.tensor([(grid - (window if padding == 'valid' else 1)) // stride + 1])"),
            f"def Answer({AFTER}):\n    zeros = window // 2 if padding == 'same' else 0\n"
            "    layer = nn.Conv2d(1, 1, window, stride=stride, padding=zeros)\n"
            "    return layer(torch.zeros(1, 1, grid, grid)).shape[-1]\n",
        ),
        wrong=(
            ("def Answer(grid, window, stride, padding):\n    return grid // stride\n", "the grid divided by the stride"),
            (function(AFTER, "(grid - 1) // stride + 1"), 'for "same" padding'),
            (function(AFTER, "((grid - window) if padding == 'valid' else grid - 1) // stride"), "The first place counts"),
            (function(AFTER, "grid - window + 1 if padding == 'valid' else grid"), "in steps of `stride`"),
            (function(AFTER, "(grid - window) / stride + 1 if padding == 'valid' else (grid - 1) // stride + 1"), "divide with `//`"),
            (function(AFTER, "(grid - window) // stride + 1 if padding == 'valid' else grid // stride"), "of an odd grid one more than half"),
            (function(AFTER, "round((grid - window) / stride) + 1 if padding == 'valid' else (grid - 1) // stride + 1"), "the nearest whole number"),
            (function(AFTER, "-(-(grid - window) // stride) + 1 if padding == 'valid' else -(-grid // stride)"), "hangs over the far edge"),
            (function(AFTER, "(grid - 3) // stride + 1 if padding == 'valid' else (grid - 1) // stride + 1"), "For grid=7, window=7"),
            (function(AFTER, "None"), "Is the `return` missing?"),
            ("Answer = 17", "Hand over the function itself"),
        ),
    ),
    "grids": Answers(
        right=(
            "def ga(g, w, s, p):\n    return (g - w if p == 'valid' else g - 1) // s + 1\ndef Answer(side, layers):\n    from itertools import accumulate\n    return list(accumulate(layers, lambda g, l: ga(g, l.window, l.stride, l.padding), initial=side))\n",
            steps(NEXT),
            "from itertools import accumulate\nAnswer = lambda side, layers: list(accumulate(layers, lambda g, a: "
            "(g - a.window if a.padding == 'valid' else g - 1) // a.stride + 1, initial=side))\n",
            "import numpy as np\ndef Answer(side, layers):\n    out = np.full(len(layers) + 1, side)\n    for i, layer in enumerate(layers):\n"
            "        out[i + 1] = grid_after(out[i], *layer[:3])\n    return out\n",
            "def Answer(side, layers):\n    return torch.tensor([side, *[side := grid_after(side, *layer[:3]) for layer in layers]])\n",
            "def Answer(side, layers):\n    if not layers:\n        return (side,)\n    first, *rest = layers\n"
            "    return (side, *Answer(grid_after(side, *first[:3]), rest))\n",
        ),
        wrong=(
            (steps(NEXT, last="return sides[1:]"), "start it with `side`"),
            (steps(NEXT.replace("sides[-1]", "side")), "start from the grid before it"),
            (steps("sides.append(grid_after(sides[-1], layer.window, layer.stride))"), "own padding on"),
            (steps("sides.append(grid_after(sides[-1], layer.window, padding=layer.padding))"), "own stride on"),
            (steps(NEXT, last="return sides[-1]"), "a list of numbers is needed"),
            (steps(NEXT, start="[0]"), "it starts with the image's side"),
            (steps(NEXT, last="pass"), "Is the `return` missing?"),
            (steps(NEXT + "\n        return sides", last="return sides"), "2 numbers; 10 are expected"),
            ("def Answer(side, layers):\n    yield side\n    for layer in layers:\n"
             "        side = grid_after(side, layer.window, layer.stride, layer.padding)\n        yield side\n", "gives back a generator"),
            (steps(NEXT).replace("in layers", "in reversed(layers)"), "from the last one to the first"),
            (steps("sides.append(sides[-1] // layer.stride if layer.padding == 'same' else grid_after(sides[-1], *layer[:3]))"),
             "keeps the middle of an odd grid"),
            (steps("sides.append(grid_after(sides[-1], *layer[:3]) - 1)"), "The first place of each window counts"),
            (steps("sides.append(sides[-1] if layer.padding == 'same' else grid_after(sides[-1], *layer[:3]))"), "only where the stride is 1"),
            (steps("sides.append((sides[-1] - (layer.window if layer.padding == 'valid' else 1)) / layer.stride + 1)"), "divide with `//`"),
            (steps(NEXT, last="return sides[:-1]"), "The last layer is missing"),
            (steps("sides.insert(0, grid_after(sides[0], *layer[:3]))"), "the wrong way round"),
            (steps(NEXT, last="return sides if layers else []"), "For side=9 and no layers"),
            ("def Answer(side, layers, sides=[]):\n    sides.append(side)\n    for layer in layers:\n"
             "        sides.append(grid_after(sides[-1], *layer[:3]))\n    return sides\n", "5 are expected"),
            ("def Answer(side, layers):\n    sides = [side]\n    for layer in layers:\n        sides.append(grid_after(sides[-1], *layer[:3]))\n"
             "    if isinstance(layers, list):\n        layers.reverse()\n    return sides\n", "your function changes `layers`"),
            ("def grid_after(grid, window, stride, padding):\n    return grid // stride\n" + steps(NEXT), "your `grid_after` of exercise 6.1"),
        ),
    ),
    "fork_shape": Answers(
        right=(
            concatenated(),
            "def Answer(channels, grid, branches):\n    ends = {grids(grid, b)[-1] for b in branches}\n"
            "    last = lambda b: ([channels] + [a.width for a in b if a.width is not None])[-1]\n"
            "    if len(ends) > 1:\n        return None\n    return [sum(map(last, branches)), *ends]\n",
            "def Answer(channels, grid, branches):\n    found = []\n    for branch in branches:\n        c, g = channels, grid\n"
            "        for window, stride, padding, width in branch:\n            g = grid_after(g, window, stride, padding)\n"
            "            c = c if width is None else width\n        found.append((c, g))\n"
            "    if any(g != found[0][1] for _, g in found):\n        return\n"
            "    return sum(c for c, _ in found), found[0][1]\n",
        ),
        wrong=(
            (concatenated(end="return total, ends[0]"), "cannot be concatenated and `None` is expected"),
            (concatenated(end="return (total, ends[0]) if ends[0] == ends[1] else None"), "not the first two"),
            (concatenated(start="0"), "A pool's channels are concatenated too"),
            (concatenated(width="width = layer.width or channels"), "behind a convolution these are"),
            (concatenated(start="0", width="width += layer.width or 0"), "not what flows inside"),
            (concatenated(add="total = max(total, width)"), "add their channels up"),
            (concatenated(end="return (ends[0], total) if len(set(ends)) == 1 else None"), "the wrong way round"),
            (concatenated(end="return total if len(set(ends)) == 1 else None"), "a pair is needed, (channels, grid)"),
            (concatenated(end="pass"), "gives back `None`"),
            ("def Answer(channels, grid, branches):\n    total, ends = 0, set()\n    for branch in branches:\n        for layer in branch:\n"
             "            channels = layer.width or channels\n        total += channels\n        ends.add(grids(grid, branch)[-1])\n"
             "    return (total, ends.pop()) if len(ends) == 1 else None\n", "Each branch begins with the fork's `channels` again"),
            (concatenated().replace("total, ends = 0, []", "total, ends = channels, []"), "only what its branches put out"),
            (concatenated(width="width = layer.width"), "A pool's `width` is `None`"),
            (concatenated(end="return (total, grids(grid, branch)) if len(set(ends)) == 1 else None"), "one number is needed"),
            (concatenated(end="return (total, ends[0]) if max(ends) - min(ends) < 2 else None"), "cannot be concatenated and `None` is expected"),
            (concatenated(end="return (total, ends[-1]) if ends[-1] == ends[-2] else None"), "Compare all branches, not the last two"),
            (concatenated(end="return (total, ends[0]) if len(set(ends)) == 1 else (None, None)"), "you find (None, None); None is expected"),
            (concatenated(end="if len(set(ends)) > 1:\n        raise ValueError('no')\n    return total, ends[0]"), "and None is expected. ValueError: no"),
            (concatenated(end="return (total, grid) if len(set(ends)) == 1 else None"), "not the one that they read"),
            (concatenated(width="width += layer.width or 0"), "not what flows inside"),
            ("def Answer(channels, grid, branches):\n    ends = {grids(grid, b)[-1] for b in branches}\n"
             "    last = {([channels] + [a.width for a in b if a.width])[-1] for b in branches}\n"
             "    return (sum(last), *ends) if len(ends) == 1 else None\n", "count twice"),
            ("def grids(side, layers):\n    return [side, *(grid_after(side, *layer[:3]) for layer in layers)]\n" + concatenated(),
             "your `grids` of exercise 6.2"),
            (concatenated().replace("branch)[-1]", "branch)[1]"), "not the grid behind its first layer"),
            (concatenated(end="    return (total, ends[0]) if len(set(ends)) == 1 else None"), "Only the first branch is counted"),
            (concatenated().replace("for branch in branches", "for branch in branches[:1]"), "Only the first branch is counted"),
            ("def Answer(channels, grid, branches):\n    ends = [grids(grid, b)[-1] for b in branches]\n"
             "    outs = [([channels] + [a.width for a in b if a.width])[-1] for b in branches]\n"
             "    if len(set(ends)) > 1 or len(set(outs)) > 1:\n        return None\n    return sum(outs), ends[0]\n",
             "Only the grids have to be the same"),
        ),
    ),
    "short_and_long": Answers(
        right=(
            fork_2(),
            fork_2("self.short = nn.Sequential(ConvBNAct(in_channels, reduce, kernel_size=1), ConvBNAct(reduce, width, kernel_size=3, padding=\"valid\"))",
                   "self.short = nn.Sequential(nn.Conv2d(in_channels, reduce, 1, bias=False), nn.BatchNorm2d(reduce, eps=1e-3), nn.ReLU(), "
                   "nn.Conv2d(reduce, width, 3, bias=False), nn.BatchNorm2d(width, eps=1e-3), nn.ReLU())"),
            "def Answer(in_channels, reduce, width):\n    class Both(nn.Module):\n        def __init__(self):\n            super().__init__()\n"
            "            self.parts = nn.ModuleList()\n            for windows in ((1, 3), (1, (1, 7), (7, 1), 3)):\n"
            "                layers, c = [], in_channels\n                for window in windows:\n                    last = window == 3\n"
            "                    layers.append(ConvBNAct(c, width if last else reduce, kernel_size=window, padding='valid' if last else 'same'))\n"
            "                    c = reduce\n                self.parts.append(nn.Sequential(*layers))\n"
            "        def forward(self, x):\n            return torch.cat([part(x) for part in self.parts], 1)\n    return Both()\n",
            # the same zeros, put there by a layer of their own
            fork_2("ConvBNAct(reduce, reduce, kernel_size=(1, 7))", "nn.ZeroPad2d((3, 3, 0, 0)), ConvBNAct(reduce, reduce, kernel_size=(1, 7), padding='valid')"),
        ),
        wrong=(
            (fork_2(', padding="valid"', ""), "7×9 is expected, with stride 1 and no padding"),
            (fork_2('kernel_size=3, padding="valid"))\nself.long', "kernel_size=3))\nself.long"), "makes a grid of 9×11 out of 9×11; 7×9 is expected"),
            (fork_2("kernel_size=(7, 1))", "kernel_size=(7, 1), padding='valid')"), "with stride 1 and padding (3, 0)"),
            (fork_2("(1, 7)),\n    ConvBNAct(reduce, reduce, kernel_size=(7, 1))", "(7, 1)),\n    ConvBNAct(reduce, reduce, kernel_size=(1, 7))"), "The code's order is asked"),
            (fork_2(forward="return torch.cat([self.long(x), self.short(x)], dim=1)"), "in another order"),
            (fork_2(forward="return self.short(x)"), "are missing"),
            (fork_2(forward="return self.long(self.short(x))"), "another number of channels"),
            (fork_2(forward=JOIN.replace("dim=1", "dim=0")), "along dimension 0, the images"),
            (fork_2(forward=JOIN.replace("dim=1", "dim=-1")), "along dimension 3, the width"),
            (fork_2(forward="return self.short(x) + self.long(x)"), "You add what the branches give"),
            (module(FORK_2.replace("self.long = nn.Sequential(\n    ConvBNAct(in_channels,", "self.long = nn.Sequential(\n    ConvBNAct(width,"),
                    "short = self.short(x)\nreturn torch.cat([short, self.long(short)], dim=1)", head="in_channels, reduce, width"),
             "Each branch begins with `x`"),
            (module("self.a = nn.Sequential(nn.Conv2d(in_channels, reduce, 1), nn.Conv2d(reduce, width, 3))\n"
                    "self.b = nn.Sequential(nn.Conv2d(in_channels, reduce, 1), nn.Conv2d(reduce, reduce, (1, 7), padding=(0, 3)), "
                    "nn.Conv2d(reduce, reduce, (7, 1), padding=(3, 0)), nn.Conv2d(reduce, width, 3))",
                    "return torch.cat([self.a(x), self.b(x)], dim=1)", head="in_channels, reduce, width"), "a layer is a `ConvBNAct` here"),
            (fork_2("ConvBNAct(reduce, reduce, kernel_size=(1, 7)),", ""), "1×7 convolution from 4 to 4 channels"),
        ),
    ),
    "reduction_a": Answers(
        right=(
            reduction(),
            reduction("self.c = nn.MaxPool2d(3, stride=2)", "",
                      "pool = torch.nn.functional.max_pool2d(x, 3, 2)\nreturn torch.cat([self.a(x), self.b(x), pool], dim=1)"),
            "from networks.bn_inception import ReductionWidths\n"
            "Answer = lambda i, k, l, m, n: ReductionA(i, ReductionWidths(single=(n,), stacked=(k, l, m)))\n",
        ),
        wrong=(
            (reduction("nn.MaxPool2d(3, stride=2)", "nn.MaxPool2d(3)"), "The 3×3 pool makes a grid of 3×3 out of 9×11; 4×5 is expected, with stride 2"),
            (reduction("nn.MaxPool2d(3, stride=2)", "nn.MaxPool2d(3, stride=2, padding=1)"), "The 3×3 pool makes a grid of 5×6"),
            (reduction('n, kernel_size=3, stride=2, padding="valid"', "n, kernel_size=3, stride=2"), "makes a grid of 5×6 out of 9×11; 4×5 is expected"),
            (reduction('m, kernel_size=3, stride=2, padding="valid"', 'm, kernel_size=3, padding="valid"'), "with stride 2 and no padding"),
            (reduction("ConvBNAct(k, l, kernel_size=3)", 'ConvBNAct(k, l, kernel_size=3, padding="valid")'), "3 → 4 channels) makes a grid of 7×9 out of 9×11; 9×11 is expected"),
            (reduction("ConvBNAct(k, l, kernel_size=3)", "ConvBNAct(k, l, kernel_size=1)"), "Expected 3×3 convolution"),
            (reduction("ConvBNAct(in_channels, n,", "ConvBNAct(in_channels, m,"), "are missing"),
            (reduction(forward="return torch.cat([self.b(x), self.a(x), self.c(x)], dim=1)"), "in another order"),
            (reduction("nn.MaxPool2d(3, stride=2)", "nn.AvgPool2d(3, stride=2)"), "max pooling of 3×3"),
            (reduction(forward="return torch.cat([self.a(x), self.b(x)], dim=1)"), "as many as the pool branch"),
            (reduction('stride=2, padding="valid"', ""), "with stride 2 and no padding"),
            (reduction("nn.MaxPool2d(3, stride=2)", "nn.MaxPool2d(3, stride=2, ceil_mode=True)"), "`ceil_mode=True` adds a place"),
            (reduction(forward="a = self.a(x)\nreturn torch.cat([a, self.b(x), self.c(a)], dim=1)"), "Each branch begins with `x`"),
            (reduction(forward="return torch.cat([self.a(x), self.b(x), self.c(self.a(x))], dim=1)"), "Each branch begins with `x`"),
            (reduction(forward=THREE.replace("dim=1", "dim=0")), "along dimension 0, the images"),
            (reduction().replace("k, l, m, n", "n, k, l, m"), "letters came as n, k, l, m"),
            (reduction().replace("k, l, m, n", "k, m, l, n"), "letters came as k, m, l, n"),
            (
                reduction('ConvBNAct(in_channels, n, kernel_size=3, stride=2, padding="valid")', LAZY).replace("k, l, m, n", "k, m, l, n"),
                "letters came as k, m, l, n",
            ),
        ),
    ),
    "branch_facts": Answers(
        right=(
            facts(),
            "from math import prod\n"
            f"def Answer({FACTS}):\n    reads = (in_channels, *widths)\n"
            "    weights = [prod(w) * a * b for w, a, b in zip(windows, reads, reads[1:])]\n"
            "    field = [1 + sum(w[side] - 1 for w in windows) for side in (0, 1)]\n"
            "    return dict(field=field, parameters=sum(weights) + 2 * sum(widths), macs=grid**2 * sum(weights))\n",
            facts("(height, width)", "torch.tensor([height, width])"),
            facts('"macs": macs', '"macs": float(macs)'),
            "from utils.cost.table import profile\n"
            f"def Answer({FACTS}):\n    layers, c = [], in_channels\n    for w, k in zip(widths, windows):\n"
            "        layers.append(ConvBNAct(c, w, kernel_size=k)); c = w\n"
            "    table = profile(nn.Sequential(*layers), (in_channels, grid, grid))\n"
            "    return {'macs': table.macs, 'parameters': table.parameters, 'field': table.receptive_field}\n",
        ),
        wrong=(
            (facts("weights + 2 * out", "weights"), "The normalisation is missing"),
            (facts("out * h * w", "out * h * h"), "takes it for a square one"),
            (facts("out * h * w", "out"), "yours has one"),
            (facts("weights = in_channels * out", "weights = out"), "for each channel that it reads"),
            (facts("weights + 2 * out", "weights + 2"), "whatever the number of channels"),
            (facts("weights + 2 * out", "weights + 4 * out"), "are no parameters"),
            (facts("macs += weights", "macs = weights"), "the last one alone"),
            (facts("weights * grid * grid", "weights * grid * 2"), "not twice `grid`"),
            (facts("weights * grid * grid", "weights * (grid - h + 1) * (grid - w + 1)"), "nothing is to be taken off"),
            (facts("weights * grid * grid", "2 * weights * grid * grid"), "one multiply-add"),
            (facts("height + h - 1, width + w - 1", "height + h // 2, width + w // 2"), "half of them on each side"),
            (facts('"macs": macs', '"macs": None'), "your 'macs' is None"),
            (facts('"macs": macs', '"macs": macs / 1e6'), "A whole number is needed"),
            (facts("in_channels = out\n", "in_channels = out\n").replace("for out,", "if isinstance(widths, list):\n        widths.sort()\n    for out,"),
             "your function changes `widths`"),
            (facts("weights + 2 * out", "weights + out"), "two numbers a channel"),
            (facts("weights + 2 * out", "weights + 3 * out"), "no bias"),
            (facts("in_channels = out\n", "pass\n"), "only the first one reads `in_channels`"),
            (facts("weights * grid * grid", "weights"), "at every place of the grid"),
            (facts("weights * grid * grid", "weights * grid"), "The grid has two sides"),
            (facts("macs += weights * grid * grid", "macs += (weights + 2 * out) * grid * grid"), "does not count as multiply-adds"),
            (facts("(height, width)", "(width, height)"), "(height, width), and so is the field"),
            (facts("height + h - 1, width + w - 1", "height + h, width + w"), "adds h - 1 rows"),
            (facts("height + h - 1, width + w - 1", "h, w"), "the last window alone"),
            (facts("height + h - 1, width + w - 1", "height * h, width * w"), "Windows do not multiply"),
            (facts('"field": (height, width)', '"field": (min(height, grid), min(width, grid))'), "beyond the edge of the grid"),
            (facts("out * h * w", "out * (h + w)"), "not h + w"),
            (facts("weights + 2 * out", "weights + 2 * in_channels"), "stands behind its convolution"),
            (facts("height = width = 1", "height = width = 0"), "a unit sees 1×1"),
            (facts("height + h - 1, width + w - 1", "max(height, h), max(width, w)"), "windows add up"),
            (facts('return {"field"', 'x = {"field"'), "Is the `return` missing?"),
            (facts('"field": (height, width)', '"field": height * width'), "a pair is needed, (height, width)"),
            (facts('"macs": macs', '"MACs": macs'), "with the keys"),
        ),
    ),
    "inception_c": Answers(
        right=(
            forked(),
            "from networks.inception_v2 import InceptionC\n"
            "Answer = lambda i, w: InceptionC(i, w, stacked_kernels=((3, 1), (1, 3)))\n",
            "class Fork(nn.Module):\n    def __init__(self, i, o):\n        super().__init__()\n"
            "        self.parts = nn.ModuleList([ConvBNAct(i, o, kernel_size=(1, 3)), ConvBNAct(i, o, kernel_size=(3, 1))])\n"
            "    def forward(self, x):\n        return torch.cat([part(x) for part in self.parts], dim=1)\n"
            + module(
                "first, second, third, fork = widths.stacked\n"
                "self.branches = nn.ModuleList([\n"
                "    ConvBNAct(in_channels, widths.pointwise, kernel_size=1),\n"
                "    nn.Sequential(ConvBNAct(in_channels, widths.single[0], kernel_size=1), Fork(*widths.single)),\n"
                "    nn.Sequential(ConvBNAct(in_channels, first, kernel_size=1), ConvBNAct(first, second, kernel_size=(3, 1)),\n"
                "                  ConvBNAct(second, third, kernel_size=(1, 3)), Fork(third, fork)),\n"
                "    nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), ConvBNAct(in_channels, widths.pool, kernel_size=1))])",
                "return torch.cat([branch(x) for branch in self.branches], dim=1)",
            ),
        ),
        wrong=(
            (forked("kernel_size=(3, 1)),\n                       ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(1, 3))",
                    "kernel_size=(1, 3)),\n                       ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(3, 1))"), "the 3×1 comes before the 1×3"),
            (forked(forward="b, c = self.b(x), self.c(x)\nreturn torch.cat([self.a(x), self.b_wide(b), self.c_wide(c), self.d(x)], 1)"), "counts twice"),
            (forked(forward="b, c = (self.b(x),)\n" + SIX), "not enough values to unpack (expected 2, got 1)"),
            (forked(forward=SIX.replace("self.c_wide(c), self.c_tall(c)", "self.c_tall(c), self.c_wide(c)")), "in another order"),
            (forked("ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(1, 3))", "ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=3)"), "Expected 1×3"),
            (forked("kernel_size=(3, 1)),\n", "kernel_size=(3, 1), padding='valid'),\n"), "with stride 1 and padding (1, 0)"),
            (forked("self.c_tall = ConvBNAct(w.stacked[2],", "self.c_tall = ConvBNAct(w.stacked[3],",
                    SIX.replace("return", "wide = self.c_wide(c)\nreturn").replace("self.c_wide(c), self.c_tall(c)", "wide, self.c_tall(wide)")),
             "read the same grid"),
            (forked(forward=SIX.replace(", 1)", ", 2)")), "along dimension 2, the height"),
            (forked("", "", "b, c = self.b(x), self.c(x)\nreturn torch.cat([self.a(x), self.b_wide(b) + self.b_tall(b), self.c_wide(c) + "
                    "self.c_tall(c), self.d(x)], 1)"), "counts twice"),
            (forked(", count_include_pad=False", ""), "`count_include_pad=False` leaves them out"),
            (forked("nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)", "nn.MaxPool2d(3, stride=1, padding=1)"), "average pooling of 3×3"),
            (forked(forward=SIX.replace("self.b_tall(b), ", "")), "are missing"),
        ),
    ),
    "assemble": Answers(
        right=(
            network(),
            "def Answer(channels, stages):\n    lines = []\n    for block, widths, repeats, out in stages:\n"
            "        first = block(channels, widths)\n        rest = [block(out, widths) for _ in range(repeats - 1)]\n"
            "        lines.append(nn.Sequential(first, *rest))\n        channels = out\n    return nn.Sequential(*lines)\n",
            module("self.parts = nn.ModuleList()\nfor s in stages:\n    for _ in range(s.repeats):\n"
                   "        self.parts.append(s.block(c, s.widths))\n        c = s.out_channels",
                   "for part in self.parts:\n    x = part(x)\nreturn x", head="c, stages"),
        ),
        wrong=(
            (network(update="pass"), "brought up to date after each module"),
            (network(last="nn.Sequential(*m[:-1])"), "modules; 9 are expected"),
            ("def Answer(c, stages):\n    m = []\n    for s in stages:\n        one = s.block(c, s.widths)\n        c = s.out_channels\n"
             "        m += [one] * s.repeats\n    return nn.Sequential(*m)\n", "stands in your network more than once"),
            ("def Answer(c, stages):\n    m = []\n    for s in stages:\n        m.append(s.block(c, s.widths))\n        c = s.out_channels\n"
             "    return nn.Sequential(*m)\n", "Your network has 5 modules; 9 are expected"),
            (network().replace("            c = s.out_channels", "        c = s.out_channels"), "was made for 8 channels, and 14 reach it"),
            (network(last="m"), "where a torch module is needed"),
            (network(last="nn.Sequential(*reversed(m))"), "stands where InceptionA is expected"),
        ),
    ),
}  # fmt: skip
