"""Lesson 04."""

import torch
from torch import nn

from networks.bn_inception import InceptionA, ReductionA
from networks.inception_v2 import InceptionB, InceptionC, ReductionB, forked_out_channels
from networks.layers import ConvBNAct
from tests.lessons.answers import Answers, function, module

SCOPE = {
    "ConvBNAct": ConvBNAct, "InceptionA": InceptionA, "ReductionA": ReductionA, "InceptionB": InceptionB,
    "InceptionC": InceptionC, "ReductionB": ReductionB, "forked_out_channels": forked_out_channels,
    "torch": torch, "nn": nn,
}  # fmt: skip

SAVING = "kernel_size, factors"
CHAIN = "plain, factors, widths"
PAIR = "in_channels, between, out_channels, windows, linear=False"
REDUCE = "channels, grid"


def chain(
    after: str, before: str = "plain[0] * plain[1] * widths[0] * widths[-1]", last: str = "1 - after / before"
) -> str:
    return f"def Answer({CHAIN}):\n    before = {before}\n    after = {after}\n    return {last}\n"


STEPS = "zip(factors, widths, widths[1:])"
PRODUCTS = f"sum(h * w * a * b for (h, w), a, b in {STEPS})"


def pair(first: str = "conv(in_channels, between, windows[0])", second: str = "conv(between, out_channels, windows[1])",
         padding: str = "(w[0] // 2, w[1] // 2)", middle: str = "[] if linear else [nn.ReLU()]", end: str = ", nn.ReLU()") -> str:  # fmt: skip
    return (
        f"def conv(i, o, w):\n    return nn.Conv2d(i, o, w, padding={padding}, bias=False)\n"
        f"def Answer({PAIR}):\n    middle = {middle}\n    return nn.Sequential({first}, *middle, {second}{end})\n"
    )


def composed(
    update: str, size: int = 5, start: str = "first.new_zeros(second.shape[0], first.shape[1], {0}, {0})"
) -> str:
    return (
        f"def Answer(first, second):\n    out = {start.format(size)}\n    for r in range(3):\n        for c in range(3):\n"
        f"            {update}\n    return out\n"
    )


ADD = "out[:, :, r : r + 3, c : c + 3] += torch.einsum('om,mihw->oihw', second[:, :, r, c], first)"
SLIDE = "torch.nn.functional.conv2d(first.transpose(0, 1), second{flip}, padding={pad}).transpose(0, 1)"

B = """
w = widths
def path(channels, widths, windows):
    layers = []
    for width, window in zip(widths, windows):
        layers.append(ConvBNAct(channels, width, kernel_size=window))
        channels = width
    return nn.Sequential(*layers)
self.a = path(in_channels, [w.pointwise], [1])
self.b = path(in_channels, w.single, [1, (1, 7), (7, 1)])
self.c = path(in_channels, w.stacked, [1, (7, 1), (1, 7), (7, 1), (1, 7)])
self.d = nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), ConvBNAct(in_channels, w.pool, kernel_size=1))
"""
JOIN = "return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], dim=1)"


def middle(before: str = "", after: str = "", forward: str = JOIN) -> str:
    assert before in B
    return module(B.replace(before, after) if before else B, forward)


C = """
w = widths
self.a = ConvBNAct(in_channels, w.pointwise, kernel_size=1)
self.b = ConvBNAct(in_channels, w.single[0], kernel_size=1)
self.b_wide = ConvBNAct(w.single[0], w.single[1], kernel_size=(1, 3))
self.b_tall = ConvBNAct(w.single[0], w.single[1], kernel_size=(3, 1))
self.c = ConvBNAct(in_channels, w.stacked[0], kernel_size=1)
self.c_three = ConvBNAct(w.stacked[0], w.stacked[1], kernel_size=3)
self.c_wide = ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(1, 3))
self.c_tall = ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(3, 1))
self.pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
self.d = ConvBNAct(in_channels, w.pool, kernel_size=1)
"""
FORKS = (
    "b, c = self.b(x), self.c_three(self.c(x))\n"
    "return torch.cat([self.a(x), self.b_wide(b), self.b_tall(b), self.c_wide(c), self.c_tall(c), self.d(self.pool(x))], 1)"
)


def forked(before: str = "", after: str = "", forward: str = FORKS) -> str:
    assert before in C
    return module(C.replace(before, after) if before else C, forward)


def three(first: str = "18 * grid**2 * channels**2", pool: str = "18 * (grid // 2) ** 2 * channels**2",
          beside: str = "9 * (grid // 2) ** 2 * channels**2") -> str:  # fmt: skip
    return function(REDUCE, f"{{'convolution first': {first}, 'pool first': {pool}, 'parallel': {beside}}}")


def network(a: str = "c = w.out_channels", to_17: str = "m.append(ReductionA(c, table.to_17)); c = table.to_17.out_channels(c)",
            b: str = "c = w.out_channels", to_8: str = "m.append(ReductionB(c, table.to_8)); c = table.to_8.out_channels(c)",
            fork: str = "c = forked_out_channels(w)", kernel: str = "single_kernel=table.single_kernel",
            last: str = "return nn.Sequential(*m)") -> str:  # fmt: skip
    return (
        f"def Answer(table, c):\n    m = []\n    for w in table.figure_5:\n        m.append(InceptionA(c, w, {kernel})); {a}\n"
        f"    {to_17}\n    for w in table.figure_6:\n        m.append(InceptionB(c, w)); {b}\n    {to_8}\n"
        f"    for w in table.figure_7:\n        m.append(InceptionC(c, w)); {fork}\n    {last}\n"
    )


ANSWERS = {
    "saving": Answers(
        right=(
            function(SAVING, "(kernel_size * kernel_size - sum(f * f for f in factors)) / (kernel_size * kernel_size)"),
            f"import torch\ndef Answer({SAVING}):\n    return 1 - torch.tensor(factors).square().sum() / kernel_size**2\n",
            "from fractions import Fraction\nAnswer = lambda kernel_size, factors: Fraction(kernel_size**2 - sum(f**2 for f in factors), kernel_size**2)\n",
        ),
        wrong=(
            ('def Answer(kernel_size, factors):\n    return max(0, 1 - sum(k * k for k in factors) / kernel_size**2)\n', 'let it stand'),
            (function(SAVING, "sum(f**2 for f in factors) / kernel_size**2"), "What is saved is the rest"),
            (function(SAVING, "100 * (1 - sum(f**2 for f in factors) / kernel_size**2)"), "in per cent"),
            (function(SAVING, "1 - sum(factors) / kernel_size"), "square each"),
            (f"import math\ndef Answer({SAVING}):\n    return 1 - math.prod(f * f for f in factors) / kernel_size**2\n", "not multiplied"),
            (function(SAVING, "None"), "Is the `return` missing?"),
            ("Answer = 0.28", "Hand over the function itself"),
            ("Answer = lambda kernel_size, factors: 1 - sum(f**2 for f in factors) // kernel_size**2\n", 'divide with `/`'),
            ("Answer = lambda kernel_size, factors: 1 - len(factors) * factors[0]**2 / kernel_size**2\n", 'each has its own size'),
            ("Answer = lambda kernel_size, factors: 1 - sum(factors)**2 / kernel_size**2\n", 'you square the sum'),
        ),
    ),
    "factor_saving": Answers(
        right=(
            chain(PRODUCTS),
            f"import math\ndef Answer({CHAIN}):\n    cost = 0\n    for i, window in enumerate(factors):\n"
            "        cost += math.prod(window) * widths[i] * widths[i + 1]\n"
            "    return (math.prod(plain) * widths[0] * widths[-1] - cost) / (math.prod(plain) * widths[0] * widths[-1])\n",
            f"from fractions import Fraction\ndef Answer({CHAIN}):\n    after = {PRODUCTS}\n"
            "    return 1 - Fraction(after, plain[0] * plain[1] * widths[0] * widths[-1])\n",
            f"import numpy as np\ndef Answer({CHAIN}):\n    w = np.array(widths)\n    sizes = np.array(factors).prod(axis=1)\n"
            "    return 1 - (sizes * w[:-1] * w[1:]).sum() / (np.prod(plain) * w[0] * w[-1])\n",
            "from utils.cost.table import profile\n"
            f"def Answer({CHAIN}):\n    def macs(convs):\n"
            "        net = nn.Sequential(*[nn.Conv2d(a, b, w, padding='same', bias=False) for a, b, w in convs])\n"
            "        return sum(p.numel() for p in net.parameters())\n"
            "    return 1 - macs(list(zip(widths, widths[1:], factors))) / macs([(widths[0], widths[-1], plain)])\n",
        ),
        wrong=(
            (chain("sum(h * w for h, w in factors)", "plain[0] * plain[1]"), "The channels are left out"),
            (chain(f"sum(h * h * a * b for (h, w), a, b in {STEPS})"), "you square one side"),
            (chain(PRODUCTS, last="after / before"), "the share that is left"),
            (chain(PRODUCTS, last="100 * (1 - after / before)"), "in per cent"),
            (chain(PRODUCTS, last="max(0, 1 - after / before)"), "A loss is a saving below zero"),
            (chain(PRODUCTS, "plain[0] * plain[1] * widths[0] * widths[1]"), "puts out the last one"),
            (chain(PRODUCTS, last="after / before - 1"), "The sign"),
            (chain(PRODUCTS, last="None"), "gives back nothing"),
            (chain(PRODUCTS, last="round(1 - after / before, 2)"), "rounded. Give back the share as it comes out"),
            (f"import math\ndef Answer({CHAIN}):\n    after = math.prod(h * w * a * b for (h, w), a, b in {STEPS})\n"
             "    return 1 - after / (plain[0] * plain[1] * widths[0] * widths[-1])\n", "they are not multiplied"),
            (f"def Answer({CHAIN}):\n    before = plain[0] * plain[1] * widths[0] * widths[-1]\n    after, reads = 0, widths.pop(0)\n"
             "    for h, w in factors:\n        after += h * w * reads * widths[0]\n        reads = widths.pop(0)\n"
             "    return 1 - after / before\n", "your function changes `widths`"),
            (f"def Answer({CHAIN}):\n    before = plain[0] * plain[1] * widths[0] * widths[-1]\n    after = 0\n"
             "    for a, b in zip(widths, widths[1:]):\n        h, w = factors.pop(0)\n        after += h * w * a * b\n"
             "    return 1 - after / before\n", "your function changes `factors`"),
            ("def Answer(plain, factors, widths):\n    b = plain[0] * plain[1] * widths[0] * widths[-1]\n    a = sum(h * w * i * o for (h, w), i, o in zip(factors, widths, widths[1:]))\n    return 1 - a // b\n", 'divide with `/`'),
            ("def Answer(plain, factors, widths):\n    b = plain[1] ** 2 * widths[0] * widths[-1]\n    a = sum(h * w * i * o for (h, w), i, o in zip(factors, widths, widths[1:]))\n    return 1 - a / b\n", 'its sides may differ'),
            ("def Answer(plain, factors, widths):\n    widths.sort()\n    b = plain[0] * plain[1] * widths[0] * widths[-1]\n    a = sum(h * w * i * o for (h, w), i, o in zip(factors, widths, widths[1:]))\n    return 1 - a / b\n", 'your function changes `widths`'),
            ("def Answer(plain, factors, widths):\n    b = plain[0] * plain[1] * widths[0] * widths[-1]\n    a = sum(h * w * i * o for (h, w), i, o in zip(factors, widths, widths[1:]))\n    return (b - a) / a\n", "measure it against the one window's"),
        ),
    ),
    "two_factors": Answers(
        right=(
            pair(),
            pair(padding="'same'"),
            f"def Answer({PAIR}):\n    (h, w), (k, m) = windows\n"
            "    layers = [nn.ZeroPad2d((w // 2, w // 2, h // 2, h // 2)), nn.Conv2d(in_channels, between, (h, w), bias=False)]\n"
            "    layers += [] if linear else [nn.ReLU()]\n"
            "    layers += [nn.ZeroPad2d((m // 2, m // 2, k // 2, k // 2)), nn.Conv2d(between, out_channels, (k, m), bias=False)]\n"
            "    return nn.Sequential(*layers, nn.ReLU())\n",
            f"class Answer(nn.Module):\n    def __init__(self, {PAIR}):\n        super().__init__()\n"
            "        (h, w), (k, m) = windows\n        self.linear = linear\n"
            "        self.one = nn.Conv2d(in_channels, between, (h, w), padding=((h - 1) // 2, (w - 1) // 2), bias=False)\n"
            "        self.two = nn.Conv2d(between, out_channels, (k, m), padding=((k - 1) // 2, (m - 1) // 2), bias=False)\n"
            "    def forward(self, x):\n        x = self.one(x)\n        return self.two(x if self.linear else x.relu()).relu()\n",
        ),
        wrong=(
            (pair(padding="(w[1] // 2, w[0] // 2)"), "The 1×7 convolution makes a grid of 16×3 out of 10×9"),
            (pair(padding="w[0] // 2"), "with padding (0, 3)"),
            (pair(padding="0"), "with padding (1, 1)"),
            (pair(padding="3"), "with padding (1, 1)"),
            (pair(middle="[nn.ReLU()]"), "linear=True: Shapes and parameters are right"),
            (pair(middle="[]"), "no ReLU follows the 3×3"),
            (pair(middle="[nn.ReLU()] if linear else []"), "no ReLU follows the 3×3"),
            (pair(end=""), "no ReLU follows the 3×3"),
            (pair(first="conv(in_channels, out_channels, windows[0])", second="conv(out_channels, out_channels, windows[1])"), "Expected"),
            (pair(first="conv(in_channels, between, windows[1])", second="conv(between, out_channels, windows[0])"), "Expected"),
            (pair().replace(", bias=False", ""), "There is a bias too many in each of 2 layers"),
            (f"def Answer({PAIR}):\n    (h, w), (k, m) = windows\n"
             "    layers = [nn.ZeroPad2d((h // 2, h // 2, w // 2, w // 2)), nn.Conv2d(in_channels, between, (h, w), bias=False)]\n"
             "    layers += [] if linear else [nn.ReLU()]\n"
             "    layers += [nn.ZeroPad2d((k // 2, k // 2, m // 2, m // 2)), nn.Conv2d(between, out_channels, (k, m), bias=False)]\n"
             "    return nn.Sequential(*layers, nn.ReLU())\n", "The 1×7 convolution makes a grid of 16×3 out of 10×9"),
            (f"def Answer({PAIR}):\n    nn.Sequential()\n", "Is the `return` missing?"),
        ),
    ),
    "compose": Answers(
        right=(
            composed(ADD),
            f"def Answer(first, second):\n    return {SLIDE.format(flip='.flip(-2, -1)', pad=2)}\n",
            "def Answer(first, second):\n"
            "    f = torch.fft.rfft2(first, s=(5, 5))\n    s = torch.fft.rfft2(second, s=(5, 5))\n"
            "    return torch.fft.irfft2(torch.einsum('omhw,mihw->oihw', s, f), s=(5, 5))\n",
            "def Answer(first, second):\n    return torch.nn.functional.conv_transpose2d(second, first)\n",
            "def Answer(first, second):\n    out = torch.zeros(second.shape[0], first.shape[1], 5, 5, dtype=first.dtype)\n"
            "    for r in range(5):\n        for c in range(5):\n            for i in range(3):\n                for j in range(3):\n"
            "                    if 0 <= r - i < 3 and 0 <= c - j < 3:\n"
            "                        out[:, :, r, c] += second[:, :, i, j] @ first[:, :, r - i, c - j]\n    return out\n",
            "def Answer(first, second):\n    F = torch.fft.fft2(first, s=(5, 5))\n    S = torch.fft.fft2(second, s=(5, 5))\n    return torch.fft.ifft2(torch.einsum(\"omhw,mihw->oihw\", S, F)).real\n",
        ),
        wrong=(
            (f"def Answer(first, second):\n    return {SLIDE.format(flip='', pad=2)}\n", "turned by half a turn"),
            (composed(ADD.replace("second[:, :, r, c]", "second[:, :, 2 - r, 2 - c]")), "turned by half a turn"),
            (composed(ADD).replace("return out", "return out.flip(-2, -1)"), "flip neither"),
            (composed(ADD.replace("second[:, :, r, c]", "second[:, :, c, r]")), "swapped in one of the two windows"),
            (composed(ADD).replace("return out", "return out.transpose(-2, -1)"), "swapped in the result"),
            (f"def Answer(first, second):\n    return {SLIDE.format(flip='.flip(-2, -1)', pad=0)}\n", "in a single place"),
            (f"def Answer(first, second):\n    return {SLIDE.format(flip='.flip(-2, -1)', pad=1)}\n", "sees 5 cells"),
            (composed(ADD).replace("return out", "return out.transpose(0, 1)"), "In and out are swapped"),
            (composed(ADD, start="torch.zeros(second.shape[0], first.shape[1], {0}, {0})"), "numbers of torch.float64 go in and torch.float32 comes out"),
            (composed(ADD).replace("return out", "return out / first.shape[0]"), "averaged"),
            (composed("out[:, :, r : r + 3, c : c + 3] += second[:, :1, r, c].unsqueeze(-1).unsqueeze(-1) * first[:1]"), "Only the first channel between"),
            (composed(ADD.replace("+=", "=")), "yours are written over one another: `+=`"),
            (composed(ADD).replace("return out", "first *= 2\n    return out"), "your function changes `first`"),
            (composed(ADD).replace("return out", "pass"), "Is the `return` missing?"),
            ("def Answer(first, second):\n    return second * first\n", "A unit behind two windows of 3 sees 5 cells"),
            (composed("out[:, :, r : r + 3, c : c + 3] += torch.einsum('om,mihw->oihw', second[:, :, r, c].T, first)"),
             "For first of shape (2, 1, 3, 3) and second of shape (1, 2, 3, 3) your code stops. RuntimeError"),
            ("def Answer(first, second):\n    return first @ second\n", "A unit behind two windows of 3 sees 5 cells"),
            (composed(ADD, start="torch.zeros(second.shape[0], first.shape[1], {0}, {0})")
             .replace("for r in", "first, second = first.float(), second.float()\n    for r in")
             .replace("return out", "return out.double()"), "work in that precision"),
            ("def Answer(first, second):\n    return nn.functional.conv_transpose2d(second, first).double()\n", 'numbers of torch.float32 go in and torch.float64 comes out'),
            ("def Answer(first, second):\n    F = torch.fft.fft2(first, s=(5, 5))\n    S = torch.fft.fft2(second, s=(5, 5))\n    return torch.fft.ifft2(torch.einsum(\"omhw,mihw->oihw\", S, F))\n", 'torch.complex128 comes out'),
            ("def Answer(first, second):\n    return nn.functional.conv_transpose2d(second[:, -1:], first[-1:])\n", 'Only the last channel between'),
        ),
    ),
    "inception_b": Answers(
        right=(
            middle(),
            module(B, "parts = []\nfor branch in self.children():\n    parts.append(branch(x))\nreturn torch.cat(parts, dim=1)"),
            middle(
                "self.c = path(in_channels, w.stacked, [1, (7, 1), (1, 7), (7, 1), (1, 7)])",
                "def layer(i, o, k):\n    return nn.Sequential(nn.Conv2d(i, o, k, padding=(k[0] // 2, k[1] // 2), bias=False), "
                "nn.BatchNorm2d(o, eps=1e-3), nn.ReLU())\n"
                "s = w.stacked\n"
                "self.c = nn.Sequential(layer(in_channels, s[0], (1, 1)), layer(s[0], s[1], (7, 1)), layer(s[1], s[2], (1, 7)), "
                "layer(s[2], s[3], (7, 1)), layer(s[3], s[4], (1, 7)))",
            ),
        ),
        wrong=(
            (middle("[1, (7, 1), (1, 7), (7, 1), (1, 7)]", "[1, (1, 7), (7, 1), (1, 7), (7, 1)]"), "stand in the other order: behind its 1×1 comes a 7×1"),
            (middle("w.stacked, [1, (7, 1), (1, 7), (7, 1), (1, 7)]", "w.stacked[:3], [1, (7, 1), (1, 7)]"), "2 are missing"),
            (middle("[1, (7, 1), (1, 7), (7, 1), (1, 7)]", "[1, 7, 7, 7, 7]"), "Expected"),
            (middle(forward=JOIN.replace("self.c(x), ", "")), "as many as the 1×7"),
            (middle(forward="return torch.cat([self.a(x), self.c(x), self.b(x), self.d(x)], dim=1)"), "in another order"),
            (middle("count_include_pad=False", "count_include_pad=True"), "the pool counts the zeros of its padding"),
            (middle("self.c = path(in_channels,", "self.c = path(w.pointwise,"), "another number of channels"),
            (middle("def path", "layer = lambda i, o, kernel_size: nn.Conv2d(i, o, kernel_size, padding='same', bias=False)\ndef path")
             .replace("layers.append(ConvBNAct(", "layers.append(layer("), "Missing"),
            (middle("layers.append(ConvBNAct(channels, width, kernel_size=window))",
                    "layers.append(nn.Sequential(nn.Conv2d(channels, width, window, padding=3, bias=False), "
                    "nn.BatchNorm2d(width, eps=1e-3), nn.ReLU()))"), "keeps the grid with padding (0, 0)"),
        ),
    ),
    "inception_c": Answers(
        right=(
            forked(),
            "class Fork(nn.Module):\n    def __init__(self, i, o):\n        super().__init__()\n"
            "        self.parts = nn.ModuleList([ConvBNAct(i, o, kernel_size=(1, 3)), ConvBNAct(i, o, kernel_size=(3, 1))])\n"
            "    def forward(self, x):\n        return torch.cat([part(x) for part in self.parts], 1)\n"
            + module(
                "w = widths\n"
                "s, t = w.single, w.stacked\n"
                "self.branches = nn.ModuleList([ConvBNAct(in_channels, w.pointwise, kernel_size=1),\n"
                "    nn.Sequential(ConvBNAct(in_channels, s[0], kernel_size=1), Fork(*s)),\n"
                "    nn.Sequential(ConvBNAct(in_channels, t[0], kernel_size=1), ConvBNAct(t[0], t[1], kernel_size=3), Fork(t[1], t[2])),\n"
                "    nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), ConvBNAct(in_channels, w.pool, kernel_size=1))])",
                "return torch.cat([branch(x) for branch in self.branches], 1)",
            ),
        ),
        wrong=(
            (forked("self.b_tall = ConvBNAct(w.single[0], w.single[1], kernel_size=(3, 1))",
                    "self.b_tall = ConvBNAct(w.single[1], w.single[1], kernel_size=(3, 1))")
             .replace("self.b_wide(b), self.b_tall(b)", "self.b_tall(self.b_wide(b))")
             .replace("self.c_wide(c), self.c_tall(c)", "self.c_wide(c)"), "stand side by side"),
            (forked(forward=FORKS.replace("self.b_wide(b), self.b_tall(b)", "self.b_tall(b), self.b_wide(b)")), "in another order"),
            (forked(forward=FORKS.replace("self.c_three(self.c(x))", "self.c(x)")), "another number of channels"),
            (forked("w.stacked[1], kernel_size=3)", "w.stacked[1], kernel_size=1)"), "Expected"),
            (forked("self.c_tall = ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(3, 1))",
                    "self.c_tall = ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(1, 3))"), "Expected"),
            (forked(forward=FORKS.replace("self.c_tall(c), ", "")), "are missing"),
            (forked(", count_include_pad=False", ""), "the pool counts the zeros of its padding"),
            (module(C.replace("w.single[0], w.single[1],", "w.single[0], w.single[1] // 2,")
                    .replace("w.stacked[1], w.stacked[2],", "w.stacked[1], w.stacked[2] // 2,"), FORKS), "has the full last width"),
            (forked(forward=FORKS.replace("self.c(x)", "b").replace("b, c = self.b(x), ", "b = self.b(x)\nc = ")),
             "another number of channels"),
            (forked("self.c = ConvBNAct(in_channels, w.stacked[0], kernel_size=1)", "self.c = self.b"),
             "A convolution gets another number of channels than it was made for"),
            (forked(forward=FORKS.replace("self.d(self.pool(x))", "self.d(x)")), "`pool` is made in `__init__` but never used"),
            (forked("nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)", "nn.MaxPool2d(3, stride=1, padding=1)"),
             "expected average pooling of 3×3; yours has max pooling"),
            (forked(forward=FORKS.replace("b_wide(b), self.b_tall(b)", "b_wide(b) / 2, self.b_tall(b) / 2")
                    .replace(".d(self", ".d(1 * self")), "belong to"),
            (module("pass", "raise NotImplementedError('Exercise 4.6, the module of the smallest grid: write this part.')"), "one in `forward`"),
        ),
    ),
    "reduction_macs": Answers(
        right=(
            three(),
            "from lessons.factorization.reductions import REDUCTIONS\nfrom utils.cost.table import profile\n"
            f"def Answer({REDUCE}):\n"
            "    return {name: profile(way(channels), (channels, grid, grid)).macs for name, way in REDUCTIONS.items()}\n",
            f"def Answer({REDUCE}):\n    one = 9 * (grid / 2) ** 2 * channels * channels\n"
            "    return {'parallel': one, 'pool first': 2 * one, 'convolution first': 8 * one}\n",
            "import numpy as np\ndef Answer(channels, grid):\n    u = np.int64(9 * (grid // 2) ** 2 * channels**2)\n    return {'convolution first': 8 * u, 'pool first': 2 * u, 'parallel': u}\n",
            "def Answer(channels, grid):\n    u = torch.tensor(9 * (grid // 2) ** 2 * channels**2)\n    return {'convolution first': 8 * u, 'pool first': 2 * u, 'parallel': u}\n",
        ),
        wrong=(
            (three(beside="18 * (grid // 2) ** 2 * channels**2"), "the convolution puts out the other half"),
            (three(first="18 * (grid // 2) ** 2 * channels**2"), "works on the whole grid"),
            (three(pool="18 * (grid**2 // 2) * channels**2"), "a quarter of the places is left"),
            (three(beside="9 * grid**2 * channels**2"), "With stride 2"),
            (three(beside="9 * (grid // 2) ** 2 * channels * (channels // 2)"), "reads all channels"),
            (three(first="9 * grid**2 * channels**2"), "twice as many channels as it reads"),
            (three(first="2 * grid**2 * channels**2"), "takes nine multiply-adds"),
            (function(REDUCE, "(18 * grid**2 * channels**2, 0, 0)"), "a dictionary with the keys"),
            (three(first="18 * grid**2 * channels**2 + 2 * channels"), "Biases do not count"),
            (three(beside="(9 * channels + 1) * (grid // 2) ** 2 * channels"), "A bias is added"),
            (three(pool="18 * (grid // 2) ** 2 * channels**2 + 9 * (grid // 2) ** 2 * channels"), "A pool compares values"),
            (function(REDUCE, "None"), "gives back nothing"),
            ("def Answer(channels, grid):\n    u = 9 * (grid // 2) ** 2 * channels**2\n    return {'convolution first': 18 * grid * channels**2, 'pool first': 18 * (grid // 2) * channels**2, 'parallel': 9 * (grid // 2) * channels**2}\n", 'The grid has two sides'),
            ("def Answer(channels, grid):\n    u = 9 * (grid // 2) ** 2 * channels**2\n    return {'convolution first': 16 * u, 'pool first': 4 * u, 'parallel': 2 * u}\n", 'counts as one, not as two'),
            ("def Answer(channels, grid):\n    u = 9 * (grid // 2) ** 2 * channels**2\n    return {'convolution first': 2 * u, 'pool first': 8 * u, 'parallel': u}\n", "For 'convolution first' you find"),
        ),
    ),
    "assemble": Answers(
        right=(
            network(),
            "def Answer(table, channels):\n    net = nn.Sequential()\n"
            "    def put(module, out):\n        nonlocal channels\n        net.append(module)\n        channels = out\n"
            "    for w in table.figure_5:\n        put(InceptionA(channels, w, single_kernel=table.single_kernel), w.out_channels)\n"
            "    put(ReductionA(channels, table.to_17), table.to_17.out_channels(channels))\n"
            "    for w in table.figure_6:\n        put(InceptionB(channels, w), w.out_channels)\n"
            "    put(ReductionB(channels, table.to_8), table.to_8.out_channels(channels))\n"
            "    for w in table.figure_7:\n        put(InceptionC(channels, w), forked_out_channels(w))\n    return net\n",
        ),
        wrong=(
            (network(fork="c = w.out_channels"), "Forks count twice"),
            (network(to_17="m.append(ReductionA(c, table.to_17))"), "pool passes all its channels on"),
            (network(b="pass"), "brought up to date"),
            (network(to_8="pass"), "modules one after another"),
            (network(to_8="m.append(ReductionA(c, table.to_8)); c = table.to_8.out_channels(c)"),
             "Module 6 should be ReductionB; you made ReductionA from `to_8`"),
            (network(to_17="m.append(ReductionB(c, table.to_17)); c = table.to_17.out_channels(c)"),
             "Module 3 should be ReductionA; you made ReductionB from `to_17`"),
            (network().replace("m.append(InceptionC", "m.append(InceptionB"), "Module 7 should be InceptionC; you made InceptionB from `figure_7`"),
            (network().replace("m.append(InceptionB", "m.append(InceptionA"), "Module 4 should be InceptionB; you made InceptionA from `figure_6`"),
            (network().replace("for w in table.figure_6:\n        m.append(InceptionB(c, w)); c = w.out_channels",
                               "m.append(InceptionB(c, table.figure_6)); c = 7"), "`figure_6` is a list of rows"),
            (network(a="c = 288"), "The check uses a smaller table: write no numbers"),
            (network(b="c = 768"), "write no numbers"),
            (network(kernel="single_kernel=3"), "hand over `single_kernel=table.single_kernel`"),
            (network(kernel=""), "hand over `single_kernel=table.single_kernel`"),
            (network(last="m"), "Is the `return` missing?"),
            (network(to_17="m.append(ReductionA(c, table.to_17)); c = table.to_17.single[-1] + table.to_17.stacked[-1]"), "passes all its channels on"),
        ),
    ),
}  # fmt: skip
