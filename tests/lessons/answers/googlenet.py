"""Lesson 02."""

import math

from torch.nn import functional as F

from lessons.googlenet.table import lines
from networks.googlenet import MODULES, InceptionModule
from tests.lessons.answers import Answers, function

SCOPE = {"math": math, "F": F, "InceptionModule": InceptionModule, "MODULES": MODULES, "table": lines()}


def grid(steps: str, result: str) -> str:
    return (
        "def Answer(size, layers):\n    for window, stride, padding, rounds_up in layers:\n"
        f"        steps = {steps}\n        size = {result}\n    return size\n"
    )


STEPS = "(size + 2 * padding - window) / stride"
ROUNDED = "(math.ceil(steps) if rounds_up else math.floor(steps)) + 1"

LRN = "x, size=5, alpha=1e-4, beta=0.75, k=1.0"


def lrn(sums: str, result: str = "x / (k + alpha / size * sums) ** beta", head: str = LRN) -> str:
    lines = "\n".join("    " + line for line in sums.strip().splitlines())
    return f"def Answer({head}):\n    half = size // 2\n{lines}\n    return {result}\n"


PADDED = """padded = F.pad(x**2, (0, 0, 0, 0, half, half))
sums = sum(padded[:, i : i + x.shape[1]] for i in range(size))"""
CHANNELS = """sums = torch.stack([
    (x[:, max(c - half, 0) : c + half + 1] ** 2).sum(dim=1) for c in range(x.shape[1])
], dim=1)"""


def trunk(body: str, start: str = "layers = []", end: str = "return nn.Sequential(*layers)") -> str:
    lines = "\n".join("        " + line for line in body.strip().splitlines())
    return f"def Answer(in_channels, table):\n    {start}\n    for name, widths in table.items():\n{lines}\n    {end}\n"


POOL = """if name in ("inception_4a", "inception_5a"):
    layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
"""
MODULE = "layers.append(InceptionModule(in_channels, widths))\nin_channels = widths.out_channels\n"


def off(condition: str, collected: str = "line.name") -> str:
    return f"def Answer(lines, tolerance=1.5):\n    return [{collected} for line in lines if {condition}]\n"


PARAMS = "abs(line.weights / 1024 - line.printed_params) > tolerance"
OPS = "abs(line.macs / 1e6 - line.printed_ops) > tolerance"

HEAD = (
    "nn.AvgPool2d(5, stride=3), nn.Conv2d(in_channels, 128, 1), nn.ReLU(), nn.Flatten(), "
    "nn.Linear(2048, 1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, num_classes)"
)


def head(before: str = "", after: str = "") -> str:
    assert before in HEAD
    layers = HEAD.replace(before, after) if before else HEAD
    return f"def Answer(in_channels, num_classes):\n    return nn.Sequential({layers})\n"


def loss(lines: str) -> str:
    body = "\n".join("    " + line for line in lines.strip().splitlines())
    return f"def Answer(outputs, labels, aux_weight=0.3):\n{body}\n"


CROPS = """def Answer(height, width):
    boxes = []
    for scale in (256, 288, 320, 352):
        longer = round(max(height, width) * scale / min(height, width))
        for offset in (0, (longer - scale) // 2, longer - scale):
            left, top = (offset, 0) if width >= height else (0, offset)
            free = scale - 224
            five = [(0, 0), (0, free), (free, 0), (free, free), (free // 2, free // 2)]
            for down, across, side in [(d, a, 224) for d, a in five] + [(0, 0, scale)]:
                for mirrored in (False, True):
                    boxes.append((scale, left + across, top + down, side, mirrored))
    return boxes
"""


def crops(before: str, after: str) -> str:
    assert before in CROPS
    return CROPS.replace(before, after)


ANSWERS = {
    "grid_after": Answers(
        right=(
            grid(STEPS, ROUNDED),
            "def Answer(size, layers):\n    for window, stride, padding, rounds_up in layers:\n"
            "        room = size + 2 * padding - window + (stride - 1 if rounds_up else 0)\n"
            "        size = room // stride + 1\n    return size\n",
            "def Answer(size, layers):\n    if not layers:\n        return size\n    w, s, p, up = layers[0]\n"
            "    pool = nn.MaxPool2d(w, s, p, ceil_mode=up)\n"
            "    return Answer(pool(torch.zeros(1, 1, size, size)).shape[-1], layers[1:])\n",
            "def Answer(size, layers):\n    x = torch.tensor(float(size))\n    for w, s, p, up in layers:\n        x = (x + 2 * p - w) / s\n        x = (x.ceil() if up else x.floor()) + 1\n    return x\n",
        ),
        wrong=(
            ("Answer = lambda size, layers: size", "you find 224; 112 is expected."),
            (grid(STEPS, "math.floor(steps) + 1"), "this one does"),
            (grid(STEPS, "math.ceil(steps) + 1"), "this one rounds down"),
            (grid("(size + padding - window) / stride", ROUNDED), "Padding lies on both sides"),
            (grid(STEPS, ROUNDED.removesuffix(" + 1")), "The first place of the window counts"),
            (grid("(size + 2 * padding) / stride", ROUNDED), "is expected"),
            (function("size, layers", "None"), "Is the `return` missing"),
            (grid(STEPS, ROUNDED).replace("    return", "        return"), "That is the grid after the first layer: is the `return` inside of the loop?"),
            ("def Answer(size, layers):\n    for w, s, p, up in layers:\n        size = (size + 2 * p - w + up) // s + 1\n    return size\n", 'For size=10, layers=[(3, 3, 0, True)] you find 3; 4 is expected'),
            ("def Answer(size, layers):\n    while layers:\n        w, s, p, up = layers.pop(0)\n        size = (math.ceil if up else math.floor)((size + 2 * p - w) / s) + 1\n    return size\n", 'your function changes `layers`'),
        ),
    ),
    "global_average": Answers(
        right=(
            function("x", "x.mean((-2, -1))"),
            function("x", "nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)"),
            function("x", "x.flatten(2).sum(dim=2) / (x.shape[2] * x.shape[3])"),
            "Answer = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())\n",
            "Answer = lambda x: torch.einsum('nchw->nc', x) / (x.shape[2] * x.shape[3])\n",
        ),
        wrong=(
            ('def Answer(x):\n    return torch.nn.functional.adaptive_avg_pool2d(x, 1).squeeze()\n', 'takes away each axis of length 1'),
            (function("x", "x.mean(dim=(2, 3), keepdim=True)"), "The axes of the grid are still there"),
            (function("x", "x.flatten(1)"), "Flattening keeps all numbers of an image"),
            (function("x", "x.sum(dim=(2, 3))"), "divide by their number"),
            (function("x", "x.amax(dim=(2, 3))"), "global max pooling"),
            (function("x", "x.sum(dim=(2, 3)) / 49"), "You divide by the same number whatever the grid"),
            ("Answer = nn.AdaptiveAvgPool2d(1)\n", "The axes of the grid are still there"),
            ("Answer = torch.rand(2, 5)\n", "Hand over the function itself"),
            (function("x", "x.mean(dim=1)"), "is expected"),
            (function("x", "x.mean(dim=(1, 2))"), "is expected"),
            (function("x", "None"), "Is the `return` missing?"),
            (function("x", "x.mean()"), "(2, 5) is expected"),
            (function("x", "x.detach().mean(dim=(2, 3))"), "no gradient flows back"),
            ("Answer = lambda x: x.mean(dim=(2, 3)).squeeze()\n", 'It has shape (3,); (1, 3) is expected'),
            ("Answer = lambda x: x.sum(dim=(2, 3)) / x.shape[2] ** 2\n", 'its sides may differ'),
            ("def Answer(x):\n    return x.mul_(2).mean(dim=(2, 3)) / 2\n", 'your function changes `x`'),
            ("Answer = lambda x: x.mean(dim=(2, 3)).relu()\n", 'your result is not right'),
            ("Answer = lambda x: x.mean(dim=(2, 3)).T\n", 'an image a row'),
        ),
    ),
    "local_response_norm": Answers(
        right=(
            lrn(PADDED),
            lrn(CHANNELS),
            lrn("kernel = torch.ones(x.shape[1], x.shape[1]).tril(half).triu(-half)\n"
                "sums = torch.einsum('nchw,dc->ndhw', x**2, kernel)"),
            lrn("kernel = torch.ones(1, 1, size, 1, 1)\n"
                "sums = F.conv3d(x[:, None] ** 2, kernel, padding=(half, 0, 0))[:, 0]"),
            lrn("totals = F.pad(torch.cumsum(F.pad(x**2, (0, 0, 0, 0, half, half)), dim=1), (0, 0, 0, 0, 1, 0))\n"
                "sums = totals[:, size:] - totals[:, :-size]"),
        ),
        wrong=(
            (lrn(PADDED, "x / (k + alpha * sums) ** beta"), "You leave `alpha` whole"),
            (lrn("sums = F.avg_pool2d(x**2, size, stride=1, padding=half) * size**2"), "The neighbours are channels"),
            (lrn(PADDED.replace("x**2", "x")), "their squares are to be added"),
            (lrn(PADDED, "x / (alpha / size * sums) ** beta"), "`k` is missing"),
            (lrn(PADDED, "x / (k + alpha / size * sums)"), "The power `beta` is missing"),
            (lrn(CHANNELS.replace("c + half + 1", "c + half")), "one channel short"),
            (lrn(CHANNELS.replace("max(c - half, 0)", "c")), "Your window begins at the channel itself"),
            (lrn(PADDED.replace("half, half", "0, size - 1")), "from the channel itself onwards"),
            (lrn(PADDED, "x * (k + alpha / size * sums) ** beta"), "the formula divides"),
            (lrn("sums = (x**2).sum(dim=1, keepdim=True)"), "The sum goes over all channels"),
            (lrn(CHANNELS.replace(".sum(dim=1)", ".mean(dim=1)"), "x / (k + alpha * sums) ** beta"), "the number of neighbours that are there"),
            (lrn("sums = sum((x**2).roll(i, dims=1) for i in range(-half, half + 1))"), "wrap around"),
            (lrn(PADDED, "x.div_((k + alpha / size * sums) ** beta)"), "your function changes `x`"),
            (lrn(PADDED, head="x, size=5, alpha=1e-4, beta=0.75, k=2.0"), "with the constants left out (size=5, alpha=1e-4, beta=0.75 and k=1.0), your result is not right"),
            (lrn(PADDED, "None"), "Is the `return` missing?"),
            (lrn("sums = (x**2).unfold(1, size, 1).sum(dim=-1)"), "must match"),
            (lrn("pass", "nn.LocalResponseNorm(size, alpha, beta, k)(x)"), "is torch's own"),
            (lrn("pass", "F.local_response_norm(x, size, alpha, beta, k)"), "write the sum over the window yourself"),
            (lrn(CHANNELS.replace("max(c - half, 0)", "c - half")), "your slice starts below 0, which Python counts from the end"),
            (lrn(PADDED.replace("(0, 0, 0, 0, half, half)", "(half, half)")), "the channels are its third pair"),
            (lrn("padded = F.pad(x**2, (half, half))\nsums = sum(padded[..., i : i + x.shape[3]] for i in range(size))"), "on the width"),
            (lrn("padded = F.pad(x**2, (0, 0, half, half))\nsums = sum(padded[:, :, i : i + x.shape[2]] for i in range(size))"), "on the height"),
            (lrn(PADDED, "x / (k + 1e-4 / size * sums) ** beta"), "You write 0.0001 for `alpha`; take the argument"),
            (lrn(PADDED, "x / (k + alpha / size * sums) ** 0.75"), "You write 0.75 for `beta`"),
            (lrn(PADDED, "x / (1 + alpha / size * sums) ** beta"), "You write 1 for `k`"),
            (lrn(PADDED.replace("range(size)", "range(5)").replace("half, half", "2, 2"), "x / (k + alpha / 5 * sums) ** beta"), "You write 5 for `size`"),
            (lrn(PADDED, "x / (1 + 1e-4 / size * sums) ** 0.75"), "take the arguments `size`, `alpha`, `beta` and `k`"),
            (lrn(PADDED.replace("x**2", "x"), "x / (k + alpha / size * sums**2) ** beta"), "You square the sum"),
            ("def Answer(x, size=5, alpha=1e-4, beta=0.75, k=1.0):\n    half = size // 2\n    p = F.pad(x**2, (0, 0, 0, 0, half, half))\n    sums = sum(p[:, i : i + x.shape[1]] for i in range(size))\n    return x.detach() / (k + alpha / size * sums) ** beta\n", 'the gradient that flows back into `x` is not'),
            ("def Answer(x, size=5, alpha=1e-4, beta=0.75, k=1.0):\n    half = size // 2\n    p = F.pad(x**2, (0, 0, 0, 0, half, half))\n    sums = sum(p[:, i : i + x.shape[1]] for i in range(size))\n    return x / (k + alpha / size * sums.detach()) ** beta\n", 'the gradient that flows back into `x` is not'),
            ("def Answer(x, size=5, alpha=1e-4, beta=0.75, k=1.0):\n    half = size // 2\n    p = F.pad(x.abs(), (0, 0, 0, 0, half, half))\n    sums = sum(p[:, i : i + x.shape[1]] for i in range(size))\n    return x / (k + alpha / size * sums) ** beta\n", "You add the neighbours' magnitudes"),
            ("def Answer(x, size=5, alpha=1e-4, beta=0.75, k=1.0):\n    half = size // 2\n    p = F.pad(x**2, (0, 0, 0, 0, half, half))\n    sums = sum(p[:, i : i + x.shape[1]] for i in range(size))\n    return 1 / (k + alpha / size * sums) ** beta\n", 'your result is not right'),
        ),
    ),
    "modules_from_table": Answers(
        right=(
            # One pool, which has no weights, at two places.
            "def Answer(in_channels, table):\n    layers, pool = [], nn.MaxPool2d(3, stride=2, ceil_mode=True)\n"
            "    for name, widths in table.items():\n"
            "        if name in ('inception_4a', 'inception_5a'):\n            layers.append(pool)\n"
            "        layers.append(InceptionModule(in_channels, widths))\n        in_channels = widths.out_channels\n"
            "    return nn.Sequential(*layers)\n",
            trunk(POOL + MODULE),
            trunk(
                "if name[-2:] == '4a' or name[-2:] == '5a':\n"
                "    net.add_module('halve' + name[-2:], nn.MaxPool2d(3, 2, ceil_mode=True))\n"
                "net.add_module(name, InceptionModule(in_channels, widths))\nin_channels = widths.out_channels",
                "net = nn.Sequential()", "return net",
            ),
            "def Answer(in_channels, table):\n    rows = list(table.values())\n"
            "    inputs = [in_channels] + [row.out_channels for row in rows]\n"
            "    made = [InceptionModule(before, row) for before, row in zip(inputs, rows)]\n"
            "    halve = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)\n"
            "    return nn.Sequential(*made[:2], halve(), *made[2:7], halve(), *made[7:])\n",
        ),
        wrong=(
            (trunk(POOL.replace(", ceil_mode=True", "") + MODULE), "The pools round up"),
            (trunk(MODULE), "comes out as it went in"),
            (trunk(POOL + MODULE).replace("    return", "    table.clear()\n    return"), "changes the dict that it is given"),
            (trunk(MODULE + POOL), "A pool stands before 4b"),
            (trunk(POOL.replace('"inception_4a"', '"inception_3b"') + MODULE), "A pool stands before 3b"),
            (trunk(POOL + MODULE.splitlines()[0]), "another number of channels"),
            (trunk(POOL.replace("3, stride=2", "3, stride=1, padding=1") + MODULE), "comes out as it went in"),
            (trunk(POOL.replace("nn.MaxPool2d(3", "nn.AvgPool2d(3") + MODULE), "expected max pooling of 3×3; yours has average pooling"),
            (trunk(POOL.replace("nn.MaxPool2d(3", "nn.MaxPool2d(2") + MODULE), "max pooling of 2×2"),
            (trunk(POOL + MODULE, end="return layers"), "Answer(6, table) gave back a list where a torch module is needed"),
            (trunk(POOL + MODULE, end="return nn.Sequential(layers)"), "takes layers, not a list: `nn.Sequential(*layers)`"),
            (trunk(POOL + MODULE, end="return nn.ModuleList(layers)"), "only holds layers and cannot be run"),
            (trunk(POOL.replace("ceil_mode=True", "padding=1") + MODULE), "Your pool has padding 1; the lesson's rounds up instead"),
            (trunk(POOL.replace('in ("inception_4a", "inception_5a")', '== "inception_4a"') + MODULE), "A pool is missing before 5a."),
            (trunk(POOL.replace('in ("inception_4a", "inception_5a")', '== "inception_5a"') + MODULE), "A pool is missing before 4a."),
            (trunk(POOL + MODULE).replace("table.items()", "MODULES.items()"), "loop over the argument `table`, not over `MODULES`"),
            ("def Answer(in_channels, table):\n    rows = list(table.values())\n    inputs = [in_channels, *rows]\n"
             "    return nn.Sequential(*[InceptionModule(b, r) for b, r in zip(inputs, rows)])\n", "Answer(6, table) stopped with"),
            (trunk(POOL + MODULE, end="pass"), "Is the `return` missing?"),
        ),
    ),
    "rows_off": Answers(
        right=(
            off(f"{PARAMS} or {OPS}"),
            "def Answer(lines, tolerance=1.5):\n    found = set()\n    for name, kilo, million, weights, macs, grid in lines:\n"
            "        if max(abs(weights / 2**10 - kilo), abs(macs / 10**6 - million)) > tolerance:\n"
            "            found.add(name)\n    return found\n",
            "def Answer(lines, tolerance=1.5):\n    return [l.name for l in lines if not ("
            "-tolerance <= l.weights / 1024 - l.printed_params <= tolerance and "
            "-tolerance <= l.macs / 1e6 - l.printed_ops <= tolerance)]\n",
        ),
        wrong=(
            ('def Answer(lines, tolerance=1.5):\n    return [l.name for l in lines if abs(l.weights / 1024 / l.printed_params - 1) * 100 > tolerance or abs(l.macs / 1e6 - l.printed_ops) > tolerance]\n', 'no per cent'),
            (off(f"{PARAMS.replace('1024', '1000')} or {OPS}"), "K is 1024"),
            (off(f"{PARAMS} and {OPS}"), "`or`, not `and`"),
            (off(PARAMS), "The operations are not looked at"),
            (off(OPS), "The parameters are not looked at"),
            (off(f"{PARAMS.replace('abs', '')} or {OPS.replace('abs', '')}"), "can be too large as well"),
            (off(f"{PARAMS} or {OPS.replace('1e6', '1024**2')}"), "1,000,000"),
            (off(f"{PARAMS} or {OPS}", "line"), "Names are asked"),
            (off(f"{PARAMS} or {OPS}").replace("in lines", "in table"), "loop over the argument `lines`, not over `table`"),
            (off(f"not ({PARAMS} or {OPS})"), "the rows that agree"),
            (off(f"{PARAMS} or {OPS}").replace("> tolerance", "> 1.5"), "You write 1.5 for the tolerance"),
            (off(f"{PARAMS} or {OPS}").replace("return ", ""), "Is the `return` missing?"),
            (off("True", f"{PARAMS} or {OPS}"), "a yes or no for each row"),
            ("Answer = lambda lines, tolerance=1.5: [l.name for l in lines if abs(l.weights // 1024 - l.printed_params) > tolerance or abs(l.macs / 1e6 - l.printed_ops) > tolerance]\n", 'divide with `/`'),
            ("Answer = lambda lines, tolerance=1.5: [l.name for l in lines if abs(l.weights / 1024 - l.printed_params) > tolerance or abs(l.macs // 1e6 - l.printed_ops) > tolerance]\n", 'divide with `/`'),
            ("Answer = lambda lines, tolerance=1.5: [l.name for l in lines if abs(l.weights / 1024 - l.printed_params) >= tolerance or abs(l.macs / 1e6 - l.printed_ops) >= tolerance]\n", '`>`, not `>=`'),
            ("Answer = lambda lines, tolerance=1.5: [l.name for l in lines if abs(l.weights / 1024 - l.printed_params + l.macs / 1e6 - l.printed_ops) > tolerance]\n", 'Each figure is compared by itself'),
        ),
    ),
    "aux_head": Answers(
        right=(
            head(),
            head("nn.AvgPool2d(5, stride=3)", "nn.AvgPool2d(kernel_size=5, stride=3, padding=0)"),
            "class Answer(nn.Module):\n    def __init__(self, in_channels, num_classes):\n        super().__init__()\n"
            "        self.conv = nn.Conv2d(in_channels, 128, 1)\n        self.dense = nn.Linear(128 * 16, 1024)\n"
            "        self.logits = nn.Linear(1024, num_classes)\n"
            "    def forward(self, x):\n        x = self.conv(F.avg_pool2d(x, 5, 3)).relu().flatten(1)\n"
            "        x = F.dropout(self.dense(x).relu(), 0.7, training=self.training)\n        return self.logits(x)\n",
            # The same values in another order; the check says so.
            head("nn.AvgPool2d(5, stride=3), nn.Conv2d(in_channels, 128, 1)", "nn.Conv2d(in_channels, 128, 1), nn.AvgPool2d(5, stride=3)"),
            head("nn.ReLU(), nn.Dropout(0.7)", "nn.Dropout(0.7), nn.ReLU()"),
            # The pointwise convolution as a product, and no convolution anywhere.
            "class Answer(nn.Module):\n    def __init__(self, in_channels, num_classes):\n        super().__init__()\n"
            "        self.mix, self.bias = nn.Parameter(torch.randn(128, in_channels, 1, 1)), nn.Parameter(torch.zeros(128))\n"
            "        self.rest = nn.Sequential(nn.Linear(2048, 1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, num_classes))\n"
            "    def forward(self, x):\n        x = torch.einsum('nchw,oc->nohw', F.avg_pool2d(x, 5, 3), self.mix[:, :, 0, 0])\n"
            "        return self.rest((x + self.bias.view(1, -1, 1, 1)).relu().flatten(1))\n",
        ),
        wrong=(
            ('import torch.nn.functional as F\nimport math\ndef Answer(in_channels, num_classes):\n    return nn.Sequential(nn.AvgPool2d(5, 3), nn.Conv2d(in_channels, 128, 1), nn.ReLU(), nn.Flatten(0), nn.Linear(2048, 1024), nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024, num_classes))\n', 'stops on a batch of two'),
            (head("nn.Dropout(0.7)", "nn.Dropout(0.3)"), "not the share that is kept"),
            (head("nn.Dropout(0.7), ", ""), "No dropout"),
            (head("nn.Flatten(), ", "nn.Dropout(0.7), nn.Flatten(), ").replace("nn.ReLU(), nn.Dropout(0.7), nn.Linear(1024", "nn.ReLU(), nn.Linear(1024"),
             "Dropout stands in another place"),
            (head("nn.AvgPool2d", "nn.MaxPool2d"), "expected average pooling of 5×5; yours has max pooling"),
            (head("nn.Linear(2048, 1024), nn.ReLU()", "nn.Linear(2048, 1024)"), "no ReLU follows"),
            (head("128, 1), nn.ReLU()", "128, 1)"), "no ReLU follows the 1×1"),
            (head("nn.Flatten(), ", ""), "a grid of 128×4×4 (channels×height×width): flatten it first, so that 2048 numbers"),
            (head("nn.Linear(2048, 1024)", "nn.Linear(128, 1024)"), "2048 numbers an image, a grid of 128×4×4, reach your dense layer, which is made for 128"),
            (head("5, stride=3", "5"), "512 numbers an image, a grid of 128×2×2, reach your dense layer"),
            (head("nn.Linear(1024, num_classes)", "nn.Linear(1024, num_classes), nn.Softmax(dim=1)"), "The loss applies the softmax itself"),
            (head("nn.Linear(1024, num_classes)", "nn.Linear(1024, num_classes), nn.ReLU()"), "ReLU follows"),
            (head("nn.Linear(2048, 1024)", "nn.Linear(2048, 512)").replace("nn.Linear(1024", "nn.Linear(512"), "dense layer"),
            (
                "class Answer(nn.Module):\n    def __init__(self, in_channels, num_classes):\n        super().__init__()\n"
                "        self.conv = nn.Conv2d(in_channels, 128, 1)\n        self.dense = nn.Linear(2048, 1024)\n"
                "        self.logits = nn.Linear(1024, num_classes)\n"
                "    def forward(self, x):\n        x = self.conv(F.avg_pool2d(x, 5, 3)).relu().flatten(1)\n"
                "        return self.logits(F.dropout(self.dense(x).relu(), 0.7))\n",
                "as a dropout, must be off there",
            ),
        ),
    ),
    "loss_with_aux": Answers(
        right=(
            'import torch.nn.functional as F\nimport math\ndef Answer(outputs, labels, aux_weight=0.3):\n    terms = torch.stack([F.cross_entropy(a, labels) for a in (outputs.logits, *outputs.aux)])\n    return terms @ torch.tensor([1.0] + [aux_weight] * len(outputs.aux)).to(terms)\n',
            loss("total = F.cross_entropy(outputs.logits, labels)\nfor logits in outputs.aux:\n"
                 "    total = total + aux_weight * F.cross_entropy(logits, labels)\nreturn total"),
            loss("logits, aux = outputs\nce = nn.CrossEntropyLoss()\n"
                 "return ce(logits, labels) + aux_weight * sum(ce(each, labels) for each in aux)"),
            loss("each = [F.cross_entropy(l, labels) for l in (outputs.logits, *outputs.aux)]\n"
                 "weights = [1.0] + [aux_weight] * len(outputs.aux)\n"
                 "return sum(w * l for w, l in zip(weights, each))"),
            loss("nll = lambda l: -l.log_softmax(1)[range(len(labels)), labels].mean()\n"
                 "return nll(outputs.logits) + aux_weight * sum(map(nll, outputs.aux))"),
        ),
        wrong=(
            (loss("ce = F.cross_entropy\nreturn ce(outputs.logits, labels) + sum(ce(a, labels) for a in outputs.aux)"),
             "The heads are weighted"),
            (loss("return F.cross_entropy(outputs.logits, labels)"), "The heads are missing"),
            (loss("ce = F.cross_entropy\nreturn aux_weight * (ce(outputs.logits, labels) + sum(ce(a, labels) for a in outputs.aux))"),
             "the main loss counts in full"),
            (loss("ce = F.cross_entropy\nside = [ce(a, labels) for a in outputs.aux]\n"
                  "return ce(outputs.logits, labels) + aux_weight * sum(side) / max(len(side), 1)"), "added, not averaged"),
            (loss("ce = lambda l: F.cross_entropy(l.softmax(1), labels)\n"
                  "return ce(outputs.logits) + aux_weight * sum(ce(a) for a in outputs.aux)"), "hand it the logits"),
            (loss("ce = F.cross_entropy\nreturn ce(outputs.logits, labels) + aux_weight * ce(outputs.aux[0], labels)"),
             "Only one head is in it: the first"),
            (loss("ce = F.cross_entropy\nfor a in outputs.aux:\n    total = ce(outputs.logits, labels) + aux_weight * ce(a, labels)\nreturn total"),
             "Only one head is in it: the last"),
            (loss("ce = F.cross_entropy\nreturn aux_weight * sum(ce(a, labels) for a in outputs.aux)"), "The main loss is missing"),
            (loss("ce = F.cross_entropy\no = outputs\nreturn ce(o.logits, labels) + aux_weight * (ce(o.aux[0], labels) + ce(o.aux[1], labels))"),
             "For 1 head and aux_weight=0.5 your code stops. IndexError: tuple index out of range. It happened in line 4 of your code. `outputs.aux` holds 1 here"),
            (loss("ce = F.cross_entropy\nside = torch.stack([ce(a, labels) for a in outputs.aux])\nreturn ce(outputs.logits, labels) + aux_weight * side.sum()"),
             "For 0 heads and aux_weight=0.3 your code stops"),
            (loss("ce = F.cross_entropy\nreturn ce(labels, outputs.logits) + aux_weight * sum(ce(labels, a) for a in outputs.aux)"),
             "takes the logits first, then the labels"),
            (loss("ce = F.cross_entropy\nreturn (1 - aux_weight) * ce(outputs.logits, labels) + aux_weight * sum(ce(a, labels) for a in outputs.aux)"),
             "`1 - aux_weight`"),
            (loss("ce = F.cross_entropy\nreturn (ce(outputs.logits, labels) + aux_weight * sum(ce(a, labels) for a in outputs.aux)).item()"),
             "no gradient flows back through them: is there a `detach`, a `no_grad`, an `item`"),
            (loss("ce = F.cross_entropy\nreturn ce(outputs.logits, labels) + aux_weight * sum(ce(a.detach(), labels) for a in outputs.aux)"),
             "no gradient flows back into `outputs.aux[0]`"),
            (loss("ce = F.cross_entropy\nreturn ce(outputs.logits, labels) + 0.3 * sum(ce(a, labels) for a in outputs.aux)"),
             "take the argument `aux_weight`"),
            (loss("F.cross_entropy(outputs.logits, labels)"), "Is the `return` missing?"),
            ("def Answer(outputs, labels, aux_weight=0.3):\n    ce = F.cross_entropy\n    return sum(ce(outputs.logits, labels) + aux_weight * ce(a, labels) for a in outputs.aux)\n", 'it counts once'),
            ("def Answer(outputs, labels, aux_weight=0.3):\n    ce = F.cross_entropy\n    return torch.tensor(float(ce(outputs.logits, labels) + aux_weight * sum(ce(a, labels) for a in outputs.aux)), requires_grad=True)\n", 'no gradient flows back into `outputs.logits`'),
            ("def Answer(outputs, labels, aux_weight=0.3):\n    ce = F.cross_entropy\n    return ce(outputs.logits, labels) + aux_weight * ce(torch.stack(outputs.aux).mean(0), labels) if outputs.aux else ce(outputs.logits, labels)\n", 'averaged before the loss is taken'),
        ),
    ),
    "test_crops": Answers(
        right=(
            CROPS,
            "import itertools\ndef Answer(height, width):\n    out = []\n"
            "    for scale, where, mirrored in itertools.product((256, 288, 320, 352), (0, 1, 2), (0, 1)):\n"
            "        short = min(height, width)\n"
            "        h, w = round(height * scale / short), round(width * scale / short)\n"
            "        y, x = ((h - scale) * where // 2, (w - scale) * where // 2)\n"
            "        m = scale - 224\n"
            "        out.append((scale, x, y, scale, mirrored))\n"
            "        for dy, dx in ((0, 0), (0, m), (m, 0), (m, m), (m // 2, m // 2)):\n"
            "            out.append((scale, x + dx, y + dy, 224, mirrored))\n    return out\n",
        ),
        wrong=(
            ('def Answer(height, width):\n    out = []\n    for scale in (256, 288, 320, 352):\n        longer = round(max(height, width) * scale / min(height, width))\n        m = scale - 224\n        for off in (0, (longer - scale) // 2, longer - scale):\n            left, top = (off, 0) if width >= height else (0, off)\n            for x, y, side in ((0, 0, 224), (m, 0, 224), (0, m, 224), (m, m, 224), (m // 2, m // 2, 224), (0, 0, scale)):\n                for flip in (False, True):\n                    out.append((scale, left + x, top + y, side, flip))\n    return iter(out)\n', 'a list of tuples'),
            (crops("for mirrored in (False, True):\n                    ", "for mirrored in (False,):\n                    "), "as it is and mirrored"),
            (CROPS.replace("def Answer", "def listed") + "Answer = lambda height, width: set(listed(height, width))\n", "and a set keeps one of them: give a list"),
            (crops(" + [(0, 0, scale)]", ""), "The whole square, resized, is missing"),
            (crops("[(0, 0, scale)]", "[(0, 0, 224)]"), "its side is the scale"),
            (crops("for offset in (0, (longer - scale) // 2, longer - scale):", "for offset in ((longer - scale) // 2,):"), "One square of three"),
            (crops("(offset, 0) if width >= height else (0, offset)", "(offset, 0)"), "Are top and left swapped?"),
            (crops("left + across, top + down", "across, down"), "yours are counted from the square's"),
            (crops("256, 288, 320, 352", "224, 256, 288, 320"), "your scales are"),
            (crops("longer = round(max(height, width) * scale / min(height, width))", "longer = max(height, width)"), "reaches out of it"),
            (crops("free // 2, free // 2", "free, free // 2"), "one of them the centre crop of the left square at scale 256: left=16, top=16, side=224"),
            (crops("round(max", "int(max"), "Yours is cut off"),
            (crops("(longer - scale) // 2", "-(-(longer - scale) // 2)"), "Yours is rounded up"),
            (crops("(longer - scale) // 2", "round((longer - scale) / 2)"), "`round` goes to the even number"),
            (crops("(longer - scale) // 2", "(longer - scale) / 2"), "`left` is 64.0, a float. Pixels are counted in whole numbers: divide with `//`."),
            (crops("(longer - scale) // 2", "longer // 2"), "Yours starts in the middle of the photograph"),
            (crops("free = scale - 224", "free = scale - 225"), "Yours starts a pixel before it"),
            (crops("(free // 2, free // 2)", "(0, free // 2)"), "it is in the middle downwards too"),
            (crops("(free // 2, free // 2)", "(free // 2, 0)"), "it is in the middle across too"),
            (crops("(free // 2, free // 2)", "(scale // 2, scale // 2)"), "Yours starts in the middle of the square"),
            (crops("(False, True)", "('no', 'yes')"), "Say True or False, without quotes"),
            (crops("boxes.append((scale, left + across, top + down, side, mirrored))", "boxes.append((scale, left, top, side))"), "Your list holds (256, 0, 0, 224); a tuple"),
            (crops("return boxes", "return len(boxes)"), "a list of tuples"),
            (crops("return boxes", "pass"), "Is the `return` missing?"),
            (crops("(256, 288, 320, 352)", "(256,)"), "One scale of four"),
            ("kept = {}\ndef Answer(height, width):\n    if (height, width) in kept:\n        return []\n    kept[height, width] = 1\n    boxes = []\n    for scale in (256, 288, 320, 352):\n        longer = round(max(height, width) * scale / min(height, width))\n        for offset in (0, (longer - scale) // 2, longer - scale):\n            left, top = (offset, 0) if width >= height else (0, offset)\n            free = scale - 224\n            five = [(0, 0), (0, free), (free, 0), (free, free), (free // 2, free // 2)]\n            for down, across, side in [(d, a, 224) for d, a in five] + [(0, 0, scale)]:\n                for mirrored in (False, True):\n                    boxes.append((scale, left + across, top + down, side, mirrored))\n    return boxes\n", 'For height=400, width=600 you find 0 crops'),
        ),
    ),
    "by_torchinfo": Answers(
        right=(
            function("kind, parameters, shape", "parameters * (math.prod(shape[1:]) if 'Conv' in kind else 1)"),
            function("kind, parameters, shape", "parameters if kind.find('Conv') < 0 else parameters * math.prod(shape) // shape[0]"),
            "def Answer(kind, parameters, shape):\n    places = 1\n    if 'Conv' in kind:\n        for side in shape[1:]:\n"
            "            places *= side\n    return places * parameters\n",
        ),
        wrong=(
            (function("kind, parameters, shape", "parameters * math.prod(shape[1:])"), "counted once, whatever the grid"),
            (function("kind, parameters, shape", "parameters"), "works at each place of the grid"),
            (function("kind, parameters, shape", "parameters * (math.prod(shape) if 'Conv' in kind else 1)"), "The channels are no places"),
            (function("kind, parameters, shape", "parameters * (shape[1] ** 2 if 'Conv' in kind else 1)"), "height times width"),
            (function("kind, parameters, shape", "parameters * (shape[-1] ** 2 if 'Conv' in kind else 1)"), "height times width"),
            (function("kind, parameters, shape", "parameters * (shape[1] * shape[2] if kind == 'Conv2d' else 1)"), "wherever `Conv` stands in the name"),
            (function("kind, parameters, shape", "parameters * (math.prod(shape[1:]) if kind.startswith('Conv') else 1)"), "wherever `Conv` stands in the name"),
            (function("kind, parameters, shape", "parameters * (math.prod(shape[1:]) if kind != 'Linear' else 1)"), "wherever `Conv` stands in the name"),
            (function("kind, parameters, shape", "(parameters - shape[0]) * math.prod(shape[1:]) if 'Conv' in kind else parameters"), "The biases are counted as well"),
            (function("kind, parameters, shape", "parameters * (math.prod(shape[:-1]) if 'Conv' in kind else 1)"), "is expected"),
            (function("kind, parameters, shape", "None"), "Is the `return` missing"),
        ),
    ),
}  # fmt: skip
