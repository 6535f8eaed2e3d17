"""Lesson 01."""

from networks.googlenet import Widths
from tests.lessons.answers import Answers, function, module

SCOPE = {"Widths": Widths}

LAYER = "def layer(i, o, k, **more):\n    return nn.Sequential(nn.Conv2d(i, o, k, padding=k // 2, **more), nn.ReLU())\n"

NAIVE_HEAD = "in_channels, pointwise, three, five"
NAIVE = """self.a = layer(in_channels, pointwise, 1)
self.b = layer(in_channels, three, 3)
self.c = layer(in_channels, five, 5)
self.d = nn.MaxPool2d(3, stride=1, padding=1)"""
JOIN = "return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], dim=1)"

REDUCED = """self.a = layer(in_channels, widths.pointwise, 1)
self.b = nn.Sequential(layer(in_channels, widths.three_reduce, 1), layer(widths.three_reduce, widths.three, 3))
self.c = nn.Sequential(layer(in_channels, widths.five_reduce, 1), layer(widths.five_reduce, widths.five, 5))
self.d = nn.Sequential(nn.MaxPool2d(3, 1, 1), layer(in_channels, widths.pool, 1))"""


def naive(before: str = "", after: str = "", forward: str = JOIN) -> str:
    assert before in NAIVE
    return LAYER + module(NAIVE.replace(before, after) if before else NAIVE, forward, NAIVE_HEAD)


def reduced(before: str = "", after: str = "", forward: str = JOIN) -> str:
    assert before in REDUCED
    return LAYER + module(REDUCED.replace(before, after) if before else REDUCED, forward)


PARAMS = "in_channels, out_channels, kernel_size"
MACS = "in_channels, out_channels, kernel_size, grid"
GROW = "in_channels, pointwise, three, five, modules"
BRANCH = "in_channels, reduce, out_channels, kernel_size"


def branch(layers: str) -> str:
    return f"def Answer({BRANCH}):\n    return nn.Sequential({layers})\n"


def field(step: str) -> str:
    return f"def Answer(layers):\n    field, step = 1, 1\n    for window, stride in layers:\n        {step}\n    return field\n"


# The three 1×1 that read the input as one, then split.
WIDE = """class Answer(nn.Module):
    def __init__(self, in_channels, widths):
        super().__init__()
        self.w = (widths.pointwise, widths.three_reduce, widths.five_reduce)
        self.wide = nn.Conv2d(in_channels, sum(self.w), 1)
        self.three = nn.Conv2d(widths.three_reduce, widths.three, 3, padding=1)
        self.five = nn.Conv2d(widths.five_reduce, widths.five, 5, padding=2)
        self.pool = nn.Conv2d(in_channels, widths.pool, 1)
    def forward(self, x):
        a, b, c = self.wide(x).relu().split(self.w, 1)
        parts = [a, self.three(b), self.five(c), self.pool(nn.functional.max_pool2d(x, 3, 1, 1))]
        return torch.cat(parts, 1).relu()
"""

ANSWERS = {
    "conv_parameters": Answers(
        right=(
            function(PARAMS, "kernel_size * kernel_size * in_channels * out_channels + out_channels"),
            f"def Answer({PARAMS}):\n    conv = nn.Conv2d({PARAMS})\n    return sum(p.numel() for p in conv.parameters())\n",
        ),
        wrong=(
            (function(PARAMS, "out_channels * in_channels * kernel_size**2"), "The biases are missing: 64 of them"),
            (function(PARAMS, "out_channels * in_channels * kernel_size**2 + 1"), "a bias of its own"),
            (function(PARAMS, "out_channels * (in_channels * kernel_size + 1)"), "The window is square"),
            (function(PARAMS, "in_channels * (out_channels * kernel_size**2 + 1)"), "A bias belongs to an output channel"),
            (function(PARAMS, "None"), "gives back nothing"),
        ),
    ),
    "conv_macs": Answers(
        right=(
            function(MACS, "(grid * kernel_size) ** 2 * in_channels * out_channels"),
            "from utils.cost.table import profile\n"
            f"def Answer({MACS}):\n"
            "    conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)\n"
            "    return profile(conv, (in_channels, grid, grid)).macs\n",
        ),
        wrong=(
            (function(MACS, "in_channels * out_channels * kernel_size**2"), "at one place of the grid"),
            (function(MACS, "in_channels * out_channels * kernel_size**2 * grid"), "The grid has two sides"),
            (function(MACS, "in_channels * out_channels * kernel_size * grid**2"), "The window has two sides"),
            (function(MACS, "2 * in_channels * out_channels * kernel_size**2 * grid**2"), "counts as one"),
            (function(MACS, "(in_channels * kernel_size**2 + 1) * out_channels * grid**2"), "leave them out"),
            (function(MACS, "out_channels * kernel_size**2 * grid**2"), "reads all `in_channels`"),
            (function(MACS, "in_channels * kernel_size**2 * grid**2"), "`out_channels` grids"),
            (function(MACS, "in_channels * out_channels * kernel_size**2 * (grid - kernel_size + 1)**2"), "the output's grid already"),
            (f"def Answer({MACS}):\n    return in_chanels * grid\n", "NameError"),
        ),
    ),
    "naive_module": Answers(
        right=(
            naive(),
            naive(forward="parts = [layer(x) for layer in self.children()]\nreturn torch.cat(parts, 1)"),
            naive(forward="return torch.cat([self.d(x), self.c(x), self.a(x), self.b(x)], dim=1)"),
            LAYER.replace(", nn.ReLU()", "")
            + module(NAIVE, "convs = torch.cat([self.a(x), self.b(x), self.c(x)], 1)\n"
                     "return torch.cat([torch.relu(convs), self.d(x)], 1)", NAIVE_HEAD),
        ),
        wrong=(
            (naive("layer(in_channels, five, 5)", "layer(in_channels, five + 1, 5)"), "1 too many. You concatenate 6, 5, 4 and 8 channels; 6, 5, 3 and 8 are expected."),
            (naive("stride=1, padding=1", "padding=1"), "takes its window as stride"),
            (naive("layer(in_channels, five, 5)", "nn.Sequential(nn.Conv2d(in_channels, five, 5), nn.ReLU())"), "With padding 2"),
            (naive("layer(in_channels, five, 5)", "nn.Conv2d(in_channels, five, 5, padding=2)"), "no ReLU follows the 5×5"),
            (naive("nn.MaxPool2d", "nn.AvgPool2d"), "expected max pooling of 3×3; yours has average pooling"),
            (naive(forward=JOIN.replace(", self.d(x)", "")), "as many as the pool branch gives"),
            (naive(forward=JOIN.replace("dim=1", "dim=2")), "Concatenate along dim=1"),
            (naive("five, 5", "five, 3"), "5×5 convolution"),
            (naive(forward=JOIN.replace("self.d(x)", "x")), "`d` is made in `__init__` but never used"),
            (naive(forward="self.b(x)\n" + JOIN), "`b.0` runs twice"),
            (naive() + "Answer = Answer(8, 2, 2, 2)", "without parentheses"),
        ),
    ),
    "naive_growth": Answers(
        right=(
            function(GROW, "[in_channels + (i + 1) * (pointwise + three + five) for i in range(modules)]"),
            f"def Answer({GROW}):\n    if modules == 0:\n        return []\n"
            "    first = in_channels + pointwise + three + five\n"
            "    return [first, *Answer(first, pointwise, three, five, modules - 1)]\n",
            "import numpy as np\nAnswer = lambda in_channels, pointwise, three, five, modules: np.arange(1, modules + 1) * (pointwise + three + five) + in_channels\n",
        ),
        wrong=(
            (function(GROW, "[pointwise + three + five] * modules"), "the pool's channels are missing"),
            (function(GROW, "[in_channels + i * (pointwise + three + five) for i in range(modules + 1)]"), "what goes in"),
            (function(GROW, "in_channels + modules * (pointwise + three + five)"), "a list of numbers is needed"),
            (function(GROW, "None"), "Is the `return` missing?"),
            (function(GROW, "[in_channels * 2 ** (i + 1) for i in range(modules)]"), "passes through the pool"),
            (function(GROW, "[in_channels + pointwise + three + five]"), "one number a module is needed"),
            ("Answer = lambda in_channels, pointwise, three, five, modules: [in_channels + pointwise + three + five] * modules\n", 'Only the first module reads 192 channels'),
            ("Answer = lambda in_channels, pointwise, three, five, modules: [in_channels + (i + 2) * (pointwise + three + five) for i in range(modules)]\n", 'start it with the first'),
        ),
    ),
    "reduced_branch": Answers(
        right=(
            branch("nn.Conv2d(in_channels, reduce, 1), nn.ReLU(inplace=True), "
                   "nn.Conv2d(reduce, out_channels, kernel_size, padding='same'), nn.ReLU()"),
            LAYER + branch("layer(in_channels, reduce, 1), layer(reduce, out_channels, kernel_size)"),
            LAYER + "def Answer(i, r, o, k):\n    return nn.Sequential(layer(i, r, 1), layer(r, o, k))\n",
            "class Answer(nn.Module):\n"
            f"    def __init__(self, {BRANCH}):\n        super().__init__()\n"
            "        self.first = nn.Conv2d(in_channels, reduce, 1)\n"
            "        self.second = nn.Conv2d(reduce, out_channels, kernel_size, padding=kernel_size // 2)\n"
            "    def forward(self, x):\n        return torch.relu(self.second(torch.relu(self.first(x))))\n",
        ),
        wrong=(
            (branch("nn.Conv2d(in_channels, reduce, 1), "
                    "nn.Conv2d(reduce, out_channels, kernel_size, padding=kernel_size // 2), nn.ReLU()"),
             "no ReLU follows the 1×1 convolution"),
            (branch("nn.Conv2d(in_channels, reduce, 1), nn.ReLU(), nn.Conv2d(reduce, out_channels, kernel_size), nn.ReLU()"),
             "With padding 2 it keeps the grid"),
            (LAYER + branch("layer(in_channels, out_channels, kernel_size)"), "Expected"),
            (LAYER + branch("layer(in_channels, reduce, kernel_size), layer(reduce, out_channels, 1)"), "Expected"),
            (LAYER + f"def Answer({BRANCH}):\n    layer(in_channels, reduce, 1)\n", "Is the `return` missing?"),
            (LAYER + branch("layer(in_channels, out_channels, 1), layer(out_channels, reduce, kernel_size)"), "the two numbers have changed places"),
            (branch("nn.Conv2d(in_channels, reduce, 1), nn.ReLU"), "without its parentheses"),
            (branch("nn.Conv2d(in_channels, reduce, 1), nn.Conv2d(reduce, out_channels, kernel_size, padding=kernel_size / 2)"), "divide with `//`"),
            (LAYER + branch("layer(in_channels, out_channels, 1), layer(reduce, out_channels, kernel_size)"),
             "another number of channels"),
        ),
    ),
    "inception_module": Answers(
        right=(
            reduced(),
            LAYER + module(
                "w = widths\n"
                "self.paths = nn.ModuleList([layer(in_channels, w.pointwise, 1),\n"
                "    nn.Sequential(layer(in_channels, w.three_reduce, 1), layer(w.three_reduce, w.three, 3)),\n"
                "    nn.Sequential(layer(in_channels, w.five_reduce, 1), layer(w.five_reduce, w.five, 5)),\n"
                "    nn.Sequential(nn.MaxPool2d(3, 1, 1), layer(in_channels, w.pool, 1))])",
                "return torch.cat([path(x) for path in self.paths], dim=1)",
            ),
            module(
                "w = widths\n"
                "self.one = nn.Conv2d(in_channels, w.pointwise, 1)\n"
                "self.r3 = nn.Conv2d(in_channels, w.three_reduce, 1)\n"
                "self.c3 = nn.Conv2d(w.three_reduce, w.three, 3, padding=1)\n"
                "self.r5 = nn.Conv2d(in_channels, w.five_reduce, 1)\n"
                "self.c5 = nn.Conv2d(w.five_reduce, w.five, 5, padding=2)\n"
                "self.proj = nn.Conv2d(in_channels, w.pool, 1)",
                "pooled = nn.functional.max_pool2d(x, 3, stride=1, padding=1)\n"
                "parts = [self.one(x), self.c3(self.r3(x).relu()), self.c5(self.r5(x).relu()), self.proj(pooled)]\n"
                "return torch.relu(torch.cat(parts, dim=1))",
            ),
            WIDE,
        ),
        wrong=(
            (reduced("layer(in_channels, widths.three_reduce, 1), layer(widths.three_reduce, widths.three, 3)",
                     "layer(in_channels, widths.five_reduce, 1), layer(widths.five_reduce, widths.three, 3)"), "Expected"),
            (reduced("nn.Sequential(nn.MaxPool2d(3, 1, 1), layer(in_channels, widths.pool, 1))", "layer(in_channels, widths.pool, 1)"),
             "no pooling"),
            (reduced("nn.Sequential(nn.MaxPool2d(3, 1, 1), layer(in_channels, widths.pool, 1))",
                     "nn.Sequential(layer(in_channels, widths.pool, 1), nn.MaxPool2d(3, 1, 1))"), "reads"),
            (reduced("nn.MaxPool2d(3, 1, 1)", "nn.MaxPool2d(3, padding=1)"), "takes its window as stride"),
            (reduced("layer(widths.five_reduce, widths.five, 5)", "nn.Conv2d(widths.five_reduce, widths.five, 5, padding=2)"),
             "no ReLU follows the 5×5 convolution"),
            (reduced(forward=JOIN.replace("self.c(x), ", "")), "as many as the 5×5"),
            (reduced(forward="return torch.cat([self.d(x), self.b(x), self.c(x), self.a(x)], dim=1)"), "in another order"),
            (reduced("nn.Sequential(nn.MaxPool2d(3, 1, 1), layer(in_channels, widths.pool, 1))", "nn.MaxPool2d(3, 1, 1)"),
             "The pool passes on all 8 channels"),
            (reduced(forward="raise NotImplementedError('Exercise 1.6, the module: write this part.')"), "one in `forward`"),
            (reduced("layer(in_channels, widths.three_reduce, 1)", "stub()")
             + "\ndef stub():\n    raise NotImplementedError('Exercise 1.5, a branch: write this part.')\n",
             "what you write in exercise 1.5"),
            (LAYER + module("self.all = [layer(in_channels, widths.pointwise, 1), "
                            "layer(in_channels, widths.three + widths.five + widths.pool, 1)]",
                            "return torch.cat([part(x) for part in self.all], 1)"), "torch does not see all of your layers"),
            (reduced(forward=JOIN.replace("self.b(x), ", "self.b(x).detach(), ")), "No gradient reaches `b."),
            (reduced("layer(in_channels, widths.pointwise, 1)", "layer(in_channels, widths.pointwise, 1, bias=False)"), "A bias is missing"),
            (LAYER + module(REDUCED + "\nself.e = nn.Conv2d(3, 3, 1)", JOIN), "never used in `forward`"),
            (LAYER + module(REDUCED, "torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], dim=1)"), "nothing (None)"),
        ),
    ),
    "receptive_field": Answers(
        right=(
            "def Answer(layers):\n    field, step = 1, 1\n    for window, stride in layers:\n"
            "        field = field + step * (window - 1)\n        step = step * stride\n    return field\n",
            "import math\ndef Answer(layers):\n"
            "    steps = [math.prod(s for _, s in layers[:i]) for i in range(len(layers))]\n"
            "    return 1 + sum((w - 1) * step for (w, _), step in zip(layers, steps))\n",
            "def Answer(layers):\n    size = 1\n    for window, stride in reversed(layers):\n"
            "        size = (size - 1) * stride + window\n    return size\n",
            "import numpy as np\ndef Answer(layers):\n    ks = np.array(layers).reshape(-1, 2)\n    j = np.cumprod(np.r_[1, ks[:, 1]])[:-1]\n    return 1 + ((ks[:, 0] - 1) * j).sum()\n",
        ),
        wrong=(
            (field("if window > 1:\n            field += (window - 1) * step\n            step *= stride"), "A 1×1 with a stride widens nothing itself"),
            (field("field += window - 1"), "Strides are left out"),
            (field("step *= stride; field += (window - 1) * step"), "multiply it in afterwards"),
            ("def Answer(layers):\n    return sum(window for window, _ in layers) or 1\n", "Windows overlap"),
            ("def Answer(layers):\n    return sum(window for window, _ in layers)\n", "Windows overlap"),
            (field("field += (window - 1) * step; step *= stride").replace("field, step = 1, 1", "field, step = 1, 1\n    if not layers:\n        return 0"), "Without any layer"),
            (field("field += (window - 1) * step; step += stride"), "are expected"),
            (field("field += (window - 1) * step; step = stride"), "Strides multiply"),
            ("def Answer(layers):\n    field, step = 1, 1\n    for window, stride in layers:\n"
             "        field += (window - 1) * step\n        step *= stride\n        return field\n", "inside of the loop"),
            ("def Answer(layers):\n    field, step = 1, 1\n    for window, stride in layers:\n        field += (window - 1) * stride\n        step *= stride\n    return field\n", 'here it is its own stride'),
            ("def Answer(layers):\n    field, step = 1, 1\n    for window, stride in layers:\n        field += window * step\n        step *= stride\n    return field\n", '`window - 1`, not `window`'),
            ("def Answer(layers):\n    field, step = 1, 1\n    for window, stride in layers:\n        field += 2 * (window // 2) * step\n        step *= stride\n    return field\n", 'right for odd windows alone'),
            ("def Answer(layers):\n    size = 1\n    while layers:\n        window, stride = layers.pop()\n        size = (size - 1) * stride + window\n    return size\n", 'your function changes `layers`'),
            ("def Answer(layers):\n    layers.reverse()\n    size = 1\n    for window, stride in layers:\n        size = (size - 1) * stride + window\n    return size\n", 'your function changes `layers`'),
        ),
    ),
}  # fmt: skip
