"""Lesson 08."""

import torch
from torch import nn
from torch.nn import functional as F

from networks.layers import HalvingMaxPool
from networks.xception import SeparableConvBN
from tests.lessons.answers import Answers, function, module

SCOPE = {"SeparableConvBN": SeparableConvBN, "HalvingMaxPool": HalvingMaxPool, "F": F, "torch": torch, "nn": nn}

COST = "in_channels, out_channels, kernel_size, groups, grid"
RATIO = "in_channels, out_channels, kernel_size"
HEAD = "in_channels, out_channels, kernel_size=3, order='depthwise first', activation=False"
BLOCK = "in_channels, widths, stride=1, opens_with_relu=True"
ROOF = "in_channels, out_channels, kernel_size, groups, grid, peak, bandwidth"


def cost(
    weights: str = "out_channels * (in_channels // groups) * kernel_size**2", macs: str = "weights * grid**2"
) -> str:
    return f"def Answer({COST}):\n    weights = {weights}\n    return weights, {macs}\n"


def shifted(
    step: str, padded: str = "F.pad(x, (half,) * 4)", start: str = "torch.zeros_like(x)", end: str = "out"
) -> str:
    return (
        "def Answer(x, windows):\n    size, (height, width) = windows.shape[-1], x.shape[-2:]\n    half = size // 2\n"
        f"    padded = {padded}\n    out = {start}\n    for r in range(size):\n        for c in range(size):\n"
        f"            {step}\n    return {end}\n"
    )


STEP = "out += padded[:, :, r : r + height, c : c + width] * windows[:, r, c].view(1, -1, 1, 1)"


def halves(channels: str = "in_channels if order == 'depthwise first' else out_channels", groups: str = "channels",
           padding: str = "kernel_size // 2", middle: str = "[nn.ReLU()] if activation else []",
           parts: str = "[dw, *middle, pw] if order == 'depthwise first' else [pw, *middle, dw]", bias: str = "bias=False",
           end: str = "return nn.Sequential(*parts)") -> str:  # fmt: skip
    return (
        f"def Answer({HEAD}):\n    channels = {channels}\n"
        f"    dw = nn.Conv2d(channels, channels, kernel_size, padding={padding}, groups={groups}, {bias})\n"
        f"    pw = nn.Conv2d(in_channels, out_channels, 1, {bias})\n    middle = {middle}\n    parts = {parts}\n    {end}\n"
    )


def merged(first: str = "torch.cat([t[0].weight for t in towers])", second: str = "torch.cat([t[1].weight for t in towers])",
           groups: str = "len(towers)", end: str = "return nn.Sequential(pw, dw)", bias: str = "bias=False") -> str:  # fmt: skip
    return (
        "def Answer(towers):\n    a, b = towers[0]\n    n = len(towers)\n"
        f"    pw = nn.Conv2d(a.in_channels, n * a.out_channels, 1, {bias})\n"
        f"    dw = nn.Conv2d(n * a.out_channels, n * b.out_channels, 3, padding=1, groups={groups}, {bias})\n"
        f"    with torch.no_grad():\n        pw.weight.copy_({first})\n        dw.weight.copy_({second})\n    {end}\n"
    )


BODY = """
layers, channels = [], in_channels
for width in widths:
    if layers or opens_with_relu:
        layers.append(nn.ReLU())
    layers.append(SeparableConvBN(channels, width))
    channels = width
if stride == 2:
    layers.append(HalvingMaxPool())
self.body = nn.Sequential(*layers)
self.skip = nn.Identity()
if stride == 2 or channels != in_channels:
    self.skip = nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels, eps=1e-3))
"""
SUM = "return self.body(x) + self.skip(x)"


def block(before: str = "", after: str = "", forward: str = SUM) -> str:
    assert before in BODY
    return module(BODY.replace(before, after) if before else BODY, forward, BLOCK)


def counted(layers: str = "isinstance(m, nn.Conv2d) and m.groups == 1 and 'skip' not in n",
            modules: str = "n.startswith('block') for n, _ in net.named_children()") -> str:  # fmt: skip
    return f"def Answer(net):\n    return sum({layers} for n, m in net.named_modules()), sum({modules})\n"


def roof(moved: str = "4 * (grid**2 * (in_channels + out_channels) + weights)", intensity: str = "macs / moved",
         attainable: str = "min(peak, bandwidth * intensity)", weights: str = "out_channels * (in_channels // groups) * kernel_size**2",
         macs: str = "weights * grid**2") -> str:  # fmt: skip
    return (
        f"def Answer({ROOF}):\n    weights = {weights}\n    macs = {macs}\n    moved = {moved}\n"
        f"    intensity = {intensity}\n    return intensity, {attainable}\n"
    )


# A window for each channel as a convolution of its own.
ONE_BY_ONE = """class Answer(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size=3, order='depthwise first', activation=False):
        super().__init__()
        self.first, self.act = order == 'depthwise first', activation
        c = in_channels if self.first else out_channels
        self.each = nn.ModuleList(nn.Conv2d(1, 1, kernel_size, padding=kernel_size//2, bias=False) for _ in range(c))
        self.mix = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    def space(self, x):
        return torch.cat([conv(part) for conv, part in zip(self.each, x.split(1, 1))], 1)
    def forward(self, x):
        one, two = (self.space, self.mix) if self.first else (self.mix, self.space)
        x = one(x)
        return two(x.relu() if self.act else x)
"""

ANSWERS = {
    "grouped_cost": Answers(
        right=(
            cost(),
            cost("in_channels * out_channels * kernel_size**2 / groups"),
            cost("torch.tensor(out_channels * (in_channels // groups) * kernel_size**2)"),
            cost().replace("return weights, weights * grid**2", "return torch.tensor([weights, weights * grid**2])"),
            f"def Answer({COST}):\n    conv = nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups, bias=False)\n"
            "    return [conv.weight.numel(), conv.weight.numel() * grid * grid]\n",
        ),
        wrong=(
            (cost("(out_channels // groups) * (in_channels // groups) * kernel_size**2"), "as many filters as before"),
            (cost("out_channels * in_channels * kernel_size**2"), "the channels of its own group only"),
            (cost("out_channels * (in_channels // groups * kernel_size**2 + 1)"), "no biases"),
            (cost("out_channels * (in_channels // groups) * kernel_size"), "The window is square"),
            (cost(macs="weights * grid"), "The grid has two sides"),
            (cost(macs="weights"), "at one place of the grid"),
            (cost(macs="2 * weights * grid**2"), "one multiply-add"),
            (cost(macs="weights").replace("return weights, weights", "return weights * grid**2, weights"), "the weights come first"),
            (cost("(in_channels // groups) * kernel_size**2"), "There are `out_channels` filters"),
            (cost("out_channels * groups * kernel_size**2"), "not `groups`"),
            (cost(macs="weights * 2 * grid"), "not twice `grid`"),
            (cost("out_channels * (in_channels // groups) * 9"), "kernel_size=5"),
            (cost("out_channels * (in_channels // groups) * kernel_size**2 + (out_channels if groups == 1 else 0)"), "groups=1"),
            (cost(macs="None"), "your multiply-adds is None"),
            (function(COST, "out_channels * (in_channels // groups) * kernel_size**2"), "a pair is needed"),
            (function(COST, "None"), "Is the `return` missing?"),
            ("Answer = 9", "Hand over the function itself"),
        ),
    ),
    "separable_ratio": Answers(
        right=(
            function(RATIO, "1 / out_channels + 1 / kernel_size**2"),
            function(RATIO, "__import__('fractions').Fraction(1, out_channels) + __import__('fractions').Fraction(1, kernel_size**2)"),
            function(RATIO, "torch.tensor([1 / out_channels + 1 / kernel_size**2])"),
            f"def Answer({RATIO}):\n    dense = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False).weight.numel()\n"
            "    one = nn.Conv2d(in_channels, in_channels, kernel_size, groups=in_channels, bias=False).weight.numel()\n"
            "    return torch.tensor((one + in_channels * out_channels) / dense, dtype=torch.float64)\n",
        ),
        wrong=(
            (function(RATIO, "1 / (1 / out_channels + 1 / kernel_size**2)"), "one over that"),
            (function(RATIO, "1 / kernel_size**2"), "the pointwise half alone"),
            (function(RATIO, "1 / out_channels"), "the depthwise half alone"),
            (function(RATIO, "1 - 1 / out_channels - 1 / kernel_size**2"), "the share that is saved"),
            (function(RATIO, "(out_channels * kernel_size**2 + in_channels * out_channels) / (in_channels * out_channels * kernel_size**2)"),
             "comes *in*"),
            (function(RATIO, "1 / (out_channels * kernel_size**2)"), "add up"),
            (function(RATIO, "1 / out_channels + 1 / kernel_size"), "square"),
            (function(RATIO, "1 / out_channels + 1 / 9"), "9 are those of a 3×3"),
            (function(RATIO, "100 / out_channels + 100 / kernel_size**2"), "in per cent"),
            (function(RATIO, "(kernel_size**2 + out_channels) // (out_channels * kernel_size**2)"), "divide with `/`"),
            (function(RATIO, "round(1 / out_channels + 1 / kernel_size**2, 3)"), "without rounding"),
            (function(RATIO, "1 / out_channels + 1 / in_channels / kernel_size**2"), "each channel that goes out reads"),
            (function(RATIO, "(kernel_size**2 + in_channels * out_channels) / (in_channels * out_channels * kernel_size**2)"), "not one in all"),
            (function(RATIO, "(in_channels**2 * kernel_size**2 + in_channels * out_channels) / (in_channels * out_channels * kernel_size**2)"),
             "meets its own window only"),
            (function(RATIO, "1 + 1 / kernel_size**2"), "puts out the channels that come in"),
            (function(RATIO, "in_channels * kernel_size**2 + in_channels * out_channels"), "not the costs themselves"),
            (function(RATIO, "(kernel_size**2 + out_channels) / out_channels"), "for each pair of channels"),
            (function(RATIO, "1 / (out_channels * kernel_size) + 1 / kernel_size**2"), "The window is square in both"),
            (function(RATIO, "min(1, 1 / out_channels + 1 / kernel_size**2)"), "a share above 1"),
            (function(RATIO, "1 // out_channels + 1 // kernel_size**2"), "divide with `/`"),
            (function(RATIO, "None"), "Is the `return` missing?"),
        ),
    ),
    "depthwise": Answers(
        right=(
            'import torch.nn.functional as F\ndef Answer(x, windows):\n    k = windows.shape[-1]\n    u = F.pad(x, (k // 2,) * 4).unfold(2, k, 1).unfold(3, k, 1)\n    return (u * windows[:, None, None]).sum((-1, -2))\n',
            shifted(STEP),
            "def Answer(x, windows):\n    k = windows.shape[-1]\n"
            "    return (F.pad(x, (k // 2,) * 4).unfold(2, k, 1).unfold(3, k, 1) * windows[:, None, None]).sum((-1, -2))\n",
            "def Answer(x, windows):\n    n, c, h, w = x.shape\n    k = windows.shape[-1]\n    out = torch.zeros(n, c, h, w)\n"
            "    padded = F.pad(x, (k // 2,) * 4)\n    for i in range(h):\n        for j in range(w):\n"
            "            out[:, :, i, j] = (padded[:, :, i : i + k, j : j + k] * windows).sum((2, 3))\n    return out\n",
            "def Answer(x, windows):\n    size = windows.shape[-1]\n    n, c, h, w = x.shape\n"
            "    patches = F.unfold(x, size, padding=size // 2).view(n, c, size * size, h, w)\n"
            "    return torch.einsum('ncshw,cs->nchw', patches, windows.flatten(1))\n",
            "def Answer(x, windows):\n"
            "    return torch.cat([F.conv2d(x[:, i : i + 1], w[None, None], padding=w.shape[-1] // 2) for i, w in enumerate(windows)], 1)\n",
            "def Answer(x, windows):\n    diagonal = torch.zeros(len(windows), *windows.shape)\n"
            "    for i, w in enumerate(windows):\n        diagonal[i, i] = w\n"
            "    return F.conv2d(x, diagonal, padding=windows.shape[-1] // 2)\n",
        ),
        wrong=(
            ("def Answer(x, windows):\n    return F.conv2d(x, windows[:, None].expand(-1, x.shape[1], -1, -1), padding=windows.shape[-1] // 2)\n",
             "a channel comes from its own alone"),
            (shifted(STEP, end="out.sum(dim=1, keepdim=True).expand_as(x)"), "all come out alike"),
            (shifted(STEP, end="out.sum(dim=1, keepdim=True)"), "The channels are added up"),
            (shifted(STEP.replace("windows[:, r, c]", "windows[:, -1 - r, -1 - c]")), "turned by half a turn"),
            (shifted(STEP.replace("windows[:, r, c]", "windows[:, c, r]")), "swapped"),
            (shifted(STEP.replace("windows[:, r, c].view(1, -1, 1, 1)", "windows[0, r, c]")), "each has its own"),
            ("def Answer(x, windows):\n    return F.conv2d(x, windows[:, None], groups=len(windows))\n", "zeros on every side"),
            ("def Answer(x, windows):\n    return F.conv2d(x, windows[:, None], padding=windows.shape[-1] // 2, groups=len(windows))\n",
             "without `groups`"),
            (shifted("out += torch.roll(x, (half - r, half - c), (2, 3)) * windows[:, r, c].view(1, -1, 1, 1)"), "does not come from the other side"),
            (shifted(STEP, padded="F.pad(x, (half,) * 4, mode='replicate')"), "does not come from the nearest cell"),
            (shifted(STEP.replace("+=", "=")), "each cell adds to what is there"),
            (shifted(STEP, end="out / size**2"), "added up"),
            (shifted(STEP).replace("windows.shape[-1], x.shape[-2:]", "3, x.shape[-2:]"), "Only 3×3 cells of each window"),
            ("def Answer(x, windows):\n    return depthwise_by_unfold(x, windows[:, 1:-1, 1:-1] if windows.shape[-1] == 5 else windows)\n"
             "def depthwise_by_unfold(x, w):\n    h = w.shape[-1] // 2\n"
             "    return torch.einsum('nchwij,cij->nchw', F.pad(x, (h,) * 4).unfold(2, 2 * h + 1, 1).unfold(3, 2 * h + 1, 1), w)\n",
             "Only 3×3 cells of each window"),
            (shifted(STEP, padded="F.pad(x, (2 * half, 0, 2 * half, 0))"), "moved, 1 up or down and 1 to the side"),
            (shifted(STEP, padded="F.pad(x, (0, 2 * half, half, half))"), "moved, 0 up or down and 1 to the side"),
            (shifted(STEP, end="out[:1].expand_as(x)"), "Image 0 of the batch is right, and image 1 is not"),
            (shifted(STEP, end="out[0]"), "A batch of images"),
            (shifted(STEP, end="out.detach()"), "no gradient flows back through them"),
            (shifted(STEP.replace("windows[", "windows.detach()[")), "no gradient flows back into `windows`"),
            (shifted(STEP, padded="F.pad(x.detach(), (half,) * 4)"), "no gradient flows back into `x`"),
            (shifted(STEP, padded="F.pad(x, (half,) * 4, mode='reflect') if x.shape[-1] > 4 else F.pad(x, (half,) * 4)"), "no mirror image"),
            (shifted(STEP, padded="F.pad(x, (half,) * 4, value=1.0)"), "Only the outermost cells differ"),
            (shifted(STEP.replace("windows[:, r, c]", "windows[-1:, r, c]")), "through the last window"),
            (shifted(STEP.replace("windows[:, r, c]", "windows[:, r, -1 - c]")), "The windows are mirrored"),
            (shifted(STEP, start="x.clone()"), "the image moves"),
            (shifted(STEP, start="x"), "your function changes `x`"),
            (shifted(STEP, end="out.flatten(1)"), "It has shape (2, 126)"),
            ("def Answer(x, windows):\n    return torch.cat([F.conv2d(x[:, i : i + 1], w[None, None], padding=w.shape[-1] // 2) "
             "for w in windows for i in range(x.shape[1])], 1)\n", "not those of the others"),
            ("def Answer(x, windows):\n    windows.unsqueeze_(1)\n    return F.conv2d(x, windows, padding='same', groups=len(windows))\n",
             "your function changes `windows`"),
            (shifted("x *= 1.5"), "your function changes `x`"),
            (shifted(STEP, end="None"), "Is the `return` missing?"),
        ),
    ),
    "separable": Answers(
        right=(
            halves(),
            halves(padding="'same'"),
            f"class Answer(nn.Module):\n    def __init__(self, {HEAD}):\n        super().__init__()\n"
            "        self.first, self.activation = order.startswith('depth'), activation\n"
            "        c = in_channels if self.first else out_channels\n"
            "        self.space = nn.Conv2d(c, c, kernel_size, padding=kernel_size // 2, groups=c, bias=False)\n"
            "        self.mix = nn.Conv2d(in_channels, out_channels, 1, bias=False)\n"
            "    def forward(self, x):\n        one, two = (self.space, self.mix) if self.first else (self.mix, self.space)\n"
            "        x = one(x)\n        return two(x.relu() if self.activation else x)\n",
            ONE_BY_ONE,
        ),
        wrong=(
            (halves(groups="1"), "in 4 groups"),
            (halves(parts="[dw, *middle, pw]", channels="in_channels"), "in the other order"),
            (halves(parts="[pw, *middle, dw] if order == 'depthwise first' else [dw, *middle, pw]",
                    channels="out_channels if order == 'depthwise first' else in_channels"), "in the other order"),
            (halves(channels="in_channels"), "another number of channels"),
            (halves(groups="out_channels"), "It happened in line"),
            (halves(middle="[nn.ReLU()]"), "activation=False: Shapes and parameters are right"),
            (halves(middle="[]"), "no ReLU follows"),
            (halves(parts="[dw, pw, *middle] if order == 'depthwise first' else [pw, dw, *middle]"), "activation=True"),
            (halves(padding="0"), "grid of"),
            (halves(padding="1"), "grid of"),
            (halves(bias="bias=True"), "There is a bias too many"),
            (halves(end="pass"), "Is the `return` missing?"),
        ),
    ),
    "merge_towers": Answers(
        right=(
            merged(),
            "class Answer(nn.Module):\n    def __init__(self, towers):\n        super().__init__()\n"
            "        n, (a, b) = len(towers), towers[0]\n"
            "        self.mix = nn.Conv2d(a.in_channels, n * a.out_channels, 1, bias=False)\n"
            "        self.space = nn.Conv2d(n * b.in_channels, n * b.out_channels, 3, padding='same', groups=n, bias=False)\n"
            "        for i, tower in enumerate(towers):\n"
            "            self.mix.weight.data[i * a.out_channels : (i + 1) * a.out_channels] = tower[0].weight.data\n"
            "            self.space.weight.data[i * b.out_channels : (i + 1) * b.out_channels] = tower[1].weight.data\n"
            "    def forward(self, x):\n        return self.space(self.mix(x))\n",
            merged().replace("with torch.no_grad():", "if True:").replace("pw.weight.copy_(", "pw.weight = nn.Parameter(")
            .replace("dw.weight.copy_(", "dw.weight = nn.Parameter("),
        ),
        wrong=(
            ('from types import SimpleNamespace\ndef Answer(towers):\n    n = len(towers)\n    a, c = towers[0]\n    p = nn.Conv2d(a.in_channels, n * a.out_channels, 1, bias=False)\n    s = nn.Conv2d(n * c.in_channels, n * c.out_channels, 3, padding=1, groups=n, bias=False)\n    with torch.no_grad():\n        p.weight.copy_(torch.cat([t[0].weight for t in towers]))\n        s.weight.copy_(torch.cat([t[1].weight for t in towers]))\n    class M(nn.Module):\n        def __init__(self):\n            super().__init__()\n            self.p, self.s = p, s\n        def forward(self, x):\n            return self.s(self.p(x.detach()))\n    return M()\n', 'the gradient that reaches the images is not that of the towers'),
            ('from types import SimpleNamespace\ndef Answer(towers):\n    n = len(towers)\n    a, c = towers[0]\n    p = nn.Conv2d(a.in_channels, n * a.out_channels, 1, bias=False)\n    s = nn.Conv2d(n * c.in_channels, n * c.out_channels, 3, padding=1, groups=n, bias=False)\n    with torch.no_grad():\n        p.weight.copy_(torch.cat([t[0].weight for t in towers]))\n        s.weight.copy_(torch.cat([t[1].weight for t in towers]))\n    class M(nn.Module):\n        def __init__(self):\n            super().__init__()\n            self.p, self.s, self.g = p, s, nn.Parameter(torch.ones(()))\n        def forward(self, x):\n            return self.g * self.s(self.p(x))\n    return M()\n', '`g` is learned besides'),
            (merged(groups="1", second="torch.block_diag(*[t[1].weight.flatten(1) for t in towers]).view_as(dw.weight)"), "has groups=1"),
            (merged(second="dw.weight"), "the 3×3 does not have the towers' weights"),
            (merged(first="pw.weight"), "the 1×1 does not have the towers' weights"),
            (merged(first="torch.cat([t[0].weight for t in reversed(towers)])"), "the 1×1 has the towers' weights in another order"),
            (merged(second="torch.cat([t[1].weight for t in towers][::-1])"), "the 3×3 has the towers' weights in another order"),
            (merged(first="torch.cat([t[0].weight for t in towers], dim=1)"), "It happened in line"),
            (merged().replace("with torch.no_grad():", "if True:"), "in `with torch.no_grad():`"),
            (merged().replace("with torch.no_grad():", "if True:").replace("pw.weight.copy_(", "pw.weight = nn.Parameter(")
             .replace("dw.weight.copy_(torch.cat([t[1].weight for t in towers])", "dw.weight = nn.Parameter(torch.cat([t[1].weight for t in towers], 1)"),
             "one after another along the first axis"),
            (merged().replace("nn.Conv2d(a.in_channels,", "nn.Conv2d(n * a.in_channels,").replace("pw.weight.copy_", "len").replace("dw.weight.copy_", "len"),
             "the weights of your 1×1 have the shape"),
            (merged().replace("padding=1, ", ""), "A 3×3 keeps the grid with `padding=1`"),
            (merged(end="return nn.Sequential(pw, nn.ReLU(), dw)"), "nothing stands between"),
            (merged(end="return nn.Sequential(dw, pw)"), "does not run"),
            (merged(groups="n * a.out_channels"), "stopped with"),
            (merged(bias="bias=True"), "a bias too many"),
            (merged(end="for t in towers:\n        t[0].weight.data.mul_(2)\n    return nn.Sequential(pw, dw)"), "changes the towers"),
            ("def Answer(towers):\n    from networks.layers import Branches\n    out = Branches()\n"
             "    for i, t in enumerate(towers):\n        out.add_module(f't{i}', t)\n    return out\n", "yours has 6"),
            (merged(end="return nn.Sequential(pw, dw).requires_grad_(False)"), "a weight of your module is frozen"),
            (merged(end="towers.clear()\n    return nn.Sequential(pw, dw)"), "changes the list `towers`"),
            (merged(end="towers.reverse()\n    return nn.Sequential(pw, dw)"), "changes the list `towers`"),
            (merged(end="for t in towers:\n        t.eval().requires_grad_(False)\n    return nn.Sequential(pw, dw)"), "changes the towers"),
            (merged(end="return towers[0] if n == 1 else nn.Sequential(pw, dw)"), "has the towers' weights themselves"),
            (merged(end="return nn.Sequential(pw, nn.Dropout(0.5), dw)"), "your two convolutions alone are right"),
            (merged(end="return nn.Sequential(pw, dw, nn.ReLU())"), "nor before or behind them"),
            (merged().replace("padding=1", "padding=1, padding_mode='circular'"), "the 3×3 pads with 'circular'"),
            (merged(end="nn.Sequential(pw, dw)"), "Is the `return` missing?"),
        ),
    ),
    "xception_block": Answers(
        right=(
            block(),
            block(forward="skip = self.skip(x)\nfor layer in self.body:\n    x = layer(x)\nreturn torch.add(skip, x)"),
            module(
                "self.convs = nn.ModuleList()\nc = in_channels\nfor w in widths:\n    self.convs.append(SeparableConvBN(c, w))\n    c = w\n"
                "self.opens, self.pool = opens_with_relu, HalvingMaxPool() if stride == 2 else None\n"
                "if stride == 2 or c != in_channels:\n    self.proj = nn.Conv2d(in_channels, c, 1, stride, bias=False)\n"
                "    self.norm = nn.BatchNorm2d(c, eps=0.001)\nelse:\n    self.proj = None",
                "y = x\nfor i, conv in enumerate(self.convs):\n    y = conv(y.relu() if i or self.opens else y)\n"
                "if self.pool is not None:\n    y = self.pool(y)\n"
                "return y + (x if self.proj is None else self.norm(self.proj(x)))",
                BLOCK,
            ),
        ),
        wrong=(
            (block(forward="return self.body(x) + self.skip(x.detach())"), "gradient that reaches the input is not the one that is expected"),
            (block("if layers or opens_with_relu", "if layers"), "a ReLU is missing in front of the 3×3"),
            (block(forward="return self.body(x)"), "the skip is missing"),
            (block("layers.append(nn.ReLU())", "layers.append(nn.ReLU(inplace=True))"), "changes its input, which others read, too: `nn.ReLU(inplace=True)` writes into it"),
            (block("    layers.append(SeparableConvBN(channels, width))\n", "    layers += [SeparableConvBN(channels, width), nn.ReLU()]\n")
             .replace("        if layers or opens_with_relu:\n            layers.append(nn.ReLU())\n", ""),
             "ReLU follows the batch norm of the 1×1 convolution (6 → 6 channels), where nothing should"),
            (block("if layers or opens_with_relu:", "if True:"), "opens_with_relu=False"),
            (block("if layers or opens_with_relu:", "if layers:"), "opens_with_relu=True"),
            (block("1, stride=stride, bias=False), nn.BatchNorm2d(channels, eps=1e-3)", "1, stride=stride, bias=False)"), "Missing"),
            (block("1, stride=stride, bias=False)", "1, stride=stride)"), "There is a bias too many"),
            (block("1, stride=stride, bias=False)", "1, bias=False)"), "does not run"),
            (block("stride == 2 or channels != in_channels", "stride == 2 or widths[0] != in_channels"), "so the skip needs its 1×1"),
            (block("HalvingMaxPool()", "nn.MaxPool2d(3, 2, 1)"), "lays its windows otherwise"),
            (block("HalvingMaxPool()", "nn.MaxPool2d(2)"), "at non-singleton dimension 3. `HalvingMaxPool()` is asked"),
            (block(", eps=1e-3)", ")"), "has eps=1e-05; eps=0.001 is expected"),
            (block("if layers or opens_with_relu:", "if layers:", "x = x.relu()\n" + SUM), "the skip starts behind the first ReLU"),
            (block("HalvingMaxPool()", "nn.AvgPool2d(3, stride=2, padding=1)"), "expected max pooling"),
            (block("if stride == 2:\n    layers.append(HalvingMaxPool())\n", "pass\n"), "does not run"),
            (block("if stride == 2 or channels != in_channels:", "if stride == 2:"), "so the skip needs its 1×1"),
            (block("if stride == 2 or channels != in_channels:", "if channels != in_channels:"), "so the skip needs its 1×1"),
            (block("if stride == 2 or channels != in_channels:", "if True:"), "Too many"),
            (block("channels != in_channels:", "channels != 6:"), "For in_channels=5, widths=(4, 5)"),
            (block(forward="return torch.relu(self.body(x) + self.skip(x))"), "ReLU follows the sum, where nothing should"),
            (block(forward="return torch.cat([self.body(x), self.skip(x)], dim=1)"), "too many"),
            (block("SeparableConvBN(channels, width)", "nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width, eps=1e-3))"),
             "Expected"),
        ),
    ),
    "layers_and_modules": Answers(
        right=(
            counted(),
            "def Answer(net):\n    layers = modules = 0\n    for name, child in net.named_children():\n        if 'block' not in name:\n            continue\n"
            "        modules += 1\n        skip = getattr(child, 'skip', nn.Identity())\n        skipped = set(skip.modules())\n"
            "        for m in child.modules():\n            if isinstance(m, nn.Conv2d) and m not in skipped and m.groups != m.in_channels:\n"
            "                layers += 1\n    return layers, modules\n",
            "from utils.cost.trace import trace\ndef Answer(net):\n    depth = trace(net, (3, 96, 96)).depth(separable_once=True)\n"
            "    return depth - 1, len([n for n, _ in net.named_children() if n.startswith('block')])\n",
        ),
        wrong=(
            (counted("isinstance(m, nn.Conv2d) and m.groups == 1"), "on the skips are counted too"),
            (counted("isinstance(m, nn.Conv2d) and 'skip' not in n"), "Both halves of each separable convolution are counted."),
            (counted("isinstance(m, nn.Conv2d)"), "Both halves of each separable convolution are counted, and"),
            (counted("isinstance(m, (nn.Conv2d, nn.Linear)) and getattr(m, 'groups', 1) == 1 and 'skip' not in n"), "The dense layer is no convolution"),
            (counted("isinstance(m, nn.Conv2d) and m.groups > 1"), "two ordinary ones"),
            (counted(modules="1 for _ in net.children()"), "no blocks"),
            (counted(modules="n.startswith('block') for n, _ in net.named_modules()"), "`named_children()`"),
            (counted(modules="hasattr(m, 'skip') for m in net.children()"), "Blocks without a skip"),
            ("Answer = lambda net: (36, 14)\n", "count on the network that you get"),
            (counted(modules="[1] * 14"), "count on the network that you get"),
            (counted().replace("return", "net.train()\n    return"), "your function changes `network`"),
            (counted().replace("return", "net.requires_grad_(False)\n    return"), "your function changes `network`"),
            (counted().replace("return ", "return (").replace("net.named_children())", "net.named_children()))[::-1]"), "the layers come first"),
            ("Answer = lambda net: 36\n", "a pair is needed"),
            (counted().replace("return", "_ ="), "Is the `return` missing?"),
        ),
    ),
    "roofline": Answers(
        right=(
            roof(),
            roof(attainable="peak if intensity > peak / bandwidth else bandwidth * intensity"),
            roof().replace("return intensity, min", "import numpy as np\n    return np.array([intensity, min").replace("* intensity)\n", "* intensity)])\n"),
            f"def Answer({ROOF}):\n    conv = nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups, bias=False)\n"
            "    n = conv.weight.numel()\n    values = n + (in_channels + out_channels) * grid * grid\n"
            "    seconds = max(n * grid * grid / peak, 4 * values / bandwidth)\n"
            "    return [n * grid * grid / (4 * values), n * grid * grid / seconds]\n",
        ),
        wrong=(
            (roof("grid**2 * (in_channels + out_channels) + weights"), "four bytes"),
            (roof("4 * grid**2 * (in_channels + out_channels)"), "The weights have to be read"),
            (roof("4 * (grid**2 * in_channels + weights)"), "The output has to be written"),
            (roof("4 * (grid**2 * out_channels + weights)"), "The input has to be read"),
            (roof("4 * (grid * (in_channels + out_channels) + weights)"), "The grid has two sides"),
            (roof(intensity="2 * macs / moved"), "multiply-add counts as one"),
            (roof("4 * weights"), "not the weights alone"),
            (roof("8 * (grid**2 * (in_channels + out_channels) + weights)"), "yours have eight"),
            (roof("4 * grid**2 * (in_channels + out_channels) + weights"), "The weights have four bytes each"),
            (roof(macs="weights"), "at every place of the grid"),
            (roof(macs="weights * grid"), "at `grid**2` places"),
            (roof(weights="out_channels * (in_channels // groups) * kernel_size"), "`kernel_size**2` weights a channel"),
            (roof(intensity="round(macs / moved, 2)"), "Do not round"),
            (roof(attainable="min(peak, bandwidth * round(intensity, 2))"), "Do not round"),
            (roof(attainable="min(peak, bandwidth)"), "Bytes a second are no multiply-adds a second"),
            (roof(attainable="min(peak * intensity, bandwidth * intensity)"), "is not multiplied by the intensity"),
            (roof(attainable="min(1, bandwidth * intensity / peak)"), "A share of the peak is not asked"),
            (roof(attainable="min(peak, bandwidth * intensity) / 1e9"), "in no larger unit"),
            (roof(attainable="peak if intensity > 1 else bandwidth * intensity"), "cannot come fast enough"),
            (roof(attainable="peak if intensity > 10 else bandwidth * intensity"), "More than the peak"),
            (roof("4 * (grid * (in_channels + out_channels) + weights)", macs="weights * grid"), "for the multiply-adds as for the bytes"),
            (roof("4 * grid**2 * (in_channels + out_channels + weights)"), "not at each place of the grid"),
            (roof("4 * (grid**2 * (kernel_size**2 * in_channels + out_channels) + weights)"), "for each cell of the window"),
            (roof("32 * (grid**2 * (in_channels + out_channels) + weights)"), "four bytes"),
            (roof(intensity="macs // moved"), "divide with `/`"),
            (roof(weights="out_channels * in_channels * kernel_size**2"), "`in_channels // groups`"),
            (roof(weights="(out_channels // groups) * (in_channels // groups) * kernel_size**2"), "as many filters as before"),
            (roof().replace("return intensity, min(peak, bandwidth * intensity)", "return min(peak, bandwidth * intensity), intensity"), "the intensity comes first"),
            (roof("4 * (grid**2 * (in_channels + out_channels) + weights * groups)"), "The weights are fewer"),
            (roof(macs="groups * weights * grid**2"), "The multiply-adds are fewer"),
            (roof(intensity="moved / macs"), "not bytes for each multiply-add"),
            (roof(attainable="max(peak, bandwidth * intensity)"), "the smaller one holds"),
            (roof(attainable="bandwidth * intensity"), "More than the peak"),
            (roof(attainable="peak"), "cannot come fast enough"),
            (roof(attainable="min(peak, bandwidth / intensity)"), "gives multiply-adds a second"),
            (roof().replace("return intensity, min", "return min"), "a pair is needed"),
        ),
    ),
}  # fmt: skip
