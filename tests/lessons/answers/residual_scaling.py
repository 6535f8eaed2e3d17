"""Lesson 07."""

from networks.layers import ConvBNAct
from tests.lessons.answers import Answers, function, module

SCOPE = {"ConvBNAct": ConvBNAct}

CONNECTION = "x, f"
REDUCE = "in_channels, branches"
SIZE = "blocks, scale, normalised"
KEPT = "sums, images, bytes_each=4"
LOGITS = "logits"
LEFT = "similarity, networks"


def scaled(forward: str, init: str = "") -> str:
    """Exercise 7.3 from the last line of its forward, in `x`, `r` and `s`; `init` replaces the expansion."""
    made = init or "self.up = nn.Conv2d(concatenated, in_channels, 1)"
    return module(
        f"self.parts = nn.ModuleList(branches)\nself.s = scale\n{made}",
        f"r, s = self.up(torch.cat([part(x) for part in self.parts], 1)), self.s\nreturn {forward}",
        head="in_channels, branches, concatenated, scale",
    )


A = """
def path(*widths):
    layers = []
    for before, after, k in zip(widths, widths[1:], (1, 3, 3)):
        layers.append(ConvBNAct(before, after, kernel_size=k))
    return nn.Sequential(*layers)
w = widths
self.a = path(in_channels, w.pointwise)
self.b = path(in_channels, *w.single)
self.c = path(in_channels, *w.stacked)
self.up = nn.Conv2d(w.pointwise + w.single[-1] + w.stacked[-1], in_channels, 1)
self.s = scale
"""
JOIN = "r = self.up(torch.cat([self.a(x), self.b(x), self.c(x)], dim=1))\n"
SUM = "return (x + self.s * r).relu()"


def block_a(before: str = "", after: str = "", forward: str = JOIN + SUM) -> str:
    assert before in A
    return module(A.replace(before, after) if before else A, forward, head="in_channels, widths, scale=0.17")


ANSWERS = {
    "residual_connection": Answers(
        right=(
            function(CONNECTION, "f(x) + x"),
            function(CONNECTION, "(x.double() + f(x).double()).float()"),
            "def Answer(x, f):\n    out = x.clone()\n    out += f(x)\n    return out\n",
            "import torch\ndef Answer(x, f):\n    return torch.stack([x, f(x)]).sum(dim=0)\n",
        ),
        wrong=(
            (function(CONNECTION, "f(x)"), "x has to be added"),
            (function(CONNECTION, "x"), "f(x) has to be added"),
            (function(CONNECTION, "x * f(x)"), "they are added"),
            (function(CONNECTION, "x - f(x)"), "is taken away"),
            (function(CONNECTION, "(x + f(x)).relu()"), "no ReLU in it"),
            (function(CONNECTION, "f(x) + f(x)"), "f(x) comes in twice, and x not at all"),
            (function(CONNECTION, "x + f(f(x))"), "f is applied twice"),
            (function(CONNECTION, "f(x + f(x))"), "f reads x alone"),
            ("def Answer(x, f):\n    x += f(x)\n    return x\n", "your function changes `x`"),
            (function(CONNECTION, "x.detach() + f(x)"), "the gradient that comes back to x is not"),
            (function(CONNECTION, "x + f(x).detach()"), "the gradient that comes back to x is not"),
            (function(CONNECTION, "x + f(x.detach())"), "the gradient that comes back to x is not"),
            ("def Answer(x, f):\n    with torch.no_grad():\n        return x + f(x)\n", "None comes back"),
            (function(CONNECTION, "x + f(x.relu_())"), "your function changes `x`"),
            (function(CONNECTION, "x + f(x) if x.dim() == 2 else f(x)"), "x has to be added"),
            (
                function(CONNECTION, "x + f(x).T if x.shape[0] == x.shape[-1] else x + f(x)"),
                "f = x times x, as matrices",
            ),
            (function(CONNECTION, "(x + f(x)) / 2"), "the mean of the two"),
            (
                "kept = {}\ndef Answer(x, f):\n    if x.shape not in kept:\n        kept[x.shape] = x + f(x)\n    return kept[x.shape]\n",
                "For f = 0",
            ),
            (function(CONNECTION, "None"), "Is the `return` missing?"),
            (function(CONNECTION, "x.detach() + f(x)"), "the way past f, along x itself, is cut off"),
            (function(CONNECTION, "x + f(x).detach()"), "the way through f is cut off"),
            (function(CONNECTION, "x + f(x.detach())"), "the way through f is cut off"),
            ("def Answer(x, f):\n    with torch.no_grad():\n        return x + f(x)\n", "None comes back"),
        ),
    ),
    "channels_after": Answers(
        right=(
            function(REDUCE, "sum([branch[-1] for branch in branches], in_channels)"),
            function(REDUCE, "torch.tensor(in_channels + sum(branch[-1] for branch in branches))"),
            "import numpy as np\nAnswer = lambda channels, paths: np.sum([channels, *(path[-1] for path in paths)])\n",
            "def Answer(channels, paths):\n    for *_, last in paths:\n        channels += last\n    return channels\n",
        ),
        wrong=(
            (function(REDUCE, "sum(branch[-1] for branch in branches)"), "The pool is missing"),
            (function(REDUCE, "in_channels + sum(map(sum, branches))"), "only the last one reaches"),
            (function(REDUCE, "in_channels + sum(branch[0] for branch in branches)"), "the first convolution of each"),
            (function(REDUCE, "sum(map(sum, branches))"), "Without the pool"),
            (function(REDUCE, "in_channels + branches[-1][-1]"), "Only the last branch is counted"),
            (
                function(REDUCE, "in_channels + max(branch[-1] for branch in branches)"),
                "The pool and the widest branch",
            ),
            (
                "def Answer(channels, paths):\n    for path in paths:\n        channels += path[-1]\n        return channels\n",
                "inside of the loop?",
            ),
            (
                function(REDUCE, "in_channels + sum(max(branch) for branch in branches)"),
                "the widest convolution of each",
            ),
            (
                function(REDUCE, "in_channels + sum({branch[-1] for branch in branches})"),
                "a set or a dictionary keeps one",
            ),
            (function(REDUCE, "sum(in_channels + branch[-1] for branch in branches)"), "not once a branch"),
            (function(REDUCE, "in_channels + len(branches)"), "their channels are asked"),
            (
                "def Answer(channels, paths):\n    for path in paths:\n        last = path[-1]\n        channels += last\n    return channels + 0 * last\n",
                "branches=[] your code stops",
            ),
            (
                "def Answer(channels, paths):\n    for path in paths:\n        path.reverse()\n    return channels + sum(path[0] for path in paths)\n",
                "your function changes `branches`",
            ),
            (function(REDUCE, "[branch[-1] for branch in branches]"), "one number is needed"),
            (
                function(REDUCE, "in_channels + sum(branch.pop() for branch in branches)"),
                "your function changes `branches`",
            ),
        ),
    ),
    "scaled_residual": Answers(
        right=(
            scaled("torch.relu(x + s * r)"),
            scaled("nn.functional.relu(torch.add(x, r, alpha=s))"),
            scaled("(r * s + x).clamp(min=0)"),
            scaled("torch.relu(x + s * r)", "self.line = nn.Linear(concatenated, in_channels)").replace(
                "self.up(torch.cat([part(x) for part in self.parts], 1))",
                "self.line(torch.cat([part(x) for part in self.parts], 1).movedim(1, -1)).movedim(-1, 1)",
            ),
            scaled("self.act(x + s * r)", "self.up = nn.LazyConv2d(in_channels, 1)\nself.act = nn.ReLU()"),
            module(
                "self.parts = nn.Sequential(*branches)\nself.up = nn.Conv2d(concatenated, in_channels, (1, 1))\n"
                "self.register_buffer('scale', torch.tensor(float(scale)))",
                "parts = tuple(part(x) for part in self.parts)\nreturn torch.relu(x + self.up(torch.cat(parts, 1)) * self.scale)",
                head="in_channels, branches, concatenated, scale",
            ),
        ),
        wrong=(
            (
                scaled("torch.relu(x.detach() + s * r)"),
                "gradient that reaches the input is not the one that is expected",
            ),
            (
                scaled("torch.relu(x + s * r.detach())"),
                "No gradient reaches `parts.0.conv.weight`: training would never change it. A `detach`",
            ),
            (
                scaled("nn.functional.dropout(torch.relu(x + s * r), 0.1, self.training)"),
                "in training mode the values are not",
            ),
            (scaled("x + s * r"), "no ReLU follows the sum"),
            (scaled("torch.relu(x + s * r.relu())"), "the expansion is linear"),
            (scaled("x + s * r.relu()"), "not behind it"),
            (scaled("torch.relu(x + r)"), "the scale is missing"),
            (scaled("torch.relu(s * (x + r))"), "multiplies the residual alone"),
            (scaled("torch.relu(s * x + r)"), "the scale multiplies the input"),
            (scaled("torch.relu((1 - s) * x + s * r)"), "comes into the sum whole"),
            (scaled("torch.relu(s * r)"), "the input is not added"),
            (scaled("torch.relu(x - s * r)"), "is taken away"),
            (scaled("torch.relu(x) + s * r"), "it comes after the sum"),
            (scaled("nn.functional.relu6(x + s * r)"), "A ReLU cuts off what is below zero only"),
            (scaled("torch.relu(x.add_(s * r))"), "Your forward changes its input"),
            (
                scaled("torch.relu(x + r)").replace("self.up(torch.cat(", "self.up(self.s * torch.cat("),
                "its bias is not scaled",
            ),
            (
                scaled("torch.relu(x + s * r)").replace(
                    "for part in self.parts], 1)", "for part in self.parts], 1).relu()"
                ),
                "a ReLU stands behind the concatenation",
            ),
            (
                scaled("torch.relu(x + s * r)").replace("r, s =", "x = x.relu()\n        r, s ="),
                "in front of everything",
            ),
            (scaled("nn.functional.leaky_relu(x + s * r)"), "leaky_relu follows the sum where ReLU should"),
            (scaled("torch.relu(x + r * r)"), "what all layers before it put out is right, and the result is not"),
            (
                scaled(
                    "torch.relu(x + s * r)",
                    "self.up = nn.Conv2d(concatenated, in_channels, 1)\nself.s = nn.Parameter(torch.tensor(scale))",
                ),
                "yours is a parameter, which training changes",
            ),
            (
                scaled("torch.relu(x + s * r)", "self.up = nn.Conv2d(concatenated, concatenated, 1)"),
                "the expansion must put out 7",
            ),
            (
                scaled("torch.relu(x + s * r)", "self.up = nn.Conv2d(in_channels, in_channels, 1)"),
                "5 reach it, those that are concatenated",
            ),
            (
                scaled("torch.relu(x + s * r)").replace(
                    "torch.cat([part(x) for part in self.parts], 1)", "sum(part(x) for part in self.parts)"
                ),
                "cannot be added: concatenate them",
            ),
            (
                scaled("torch.relu(x + s * self.up(y))").replace(
                    "r, s = self.up(torch.cat([part(x) for part in self.parts], 1)), self.s",
                    "y, s = x, self.s\n        for part in self.parts:\n            y = part(y)",
                ),
                "each branch begins with x itself",
            ),
            (
                scaled("torch.relu(x + s * r)", "self.up = nn.Conv2d(in_channels, concatenated, 1)"),
                "puts out 5: the two are swapped",
            ),
            (
                scaled("torch.relu(x + s * r)", "self.up = nn.Conv2d(concatenated, in_channels, 1, bias=False)"),
                "The expansion has a bias",
            ),
            (
                scaled(
                    "torch.relu(x + s * r)",
                    "self.up = nn.Sequential(nn.Conv2d(concatenated, in_channels, 1), nn.BatchNorm2d(in_channels))",
                ),
                "Nothing is normalised behind the expansion",
            ),
            (
                scaled(
                    "torch.relu(self.norm(x + s * r))",
                    "self.up = nn.Conv2d(concatenated, in_channels, 1)\nself.norm = nn.BatchNorm2d(in_channels)",
                ),
                "or on the sum",
            ),
            (
                scaled("torch.relu(x + s * r)", "self.up = ConvBNAct(concatenated, in_channels, kernel_size=1)"),
                "1×1 convolution",
            ),
            (
                scaled("torch.relu(x + s * r)").replace("for part in self.parts", "for part in reversed(self.parts)"),
                "another order than asked",
            ),
        ),
    ),
    "inception_resnet_a": Answers(
        right=(
            block_a(),
            block_a(forward=JOIN + "return nn.functional.relu(self.s * r + x)"),
            module(
                "w = widths\nself.one = ConvBNAct(in_channels, w.pointwise, kernel_size=1)\n"
                "self.two = nn.ModuleList([ConvBNAct(in_channels, w.single[0], kernel_size=1), ConvBNAct(*w.single, kernel_size=3)])\n"
                "self.three = nn.ModuleList([ConvBNAct(in_channels, w.stacked[0], kernel_size=1), "
                "ConvBNAct(w.stacked[0], w.stacked[1], kernel_size=3), ConvBNAct(w.stacked[1], w.stacked[2], kernel_size=(3, 3))])\n"
                "self.expand = nn.LazyConv2d(in_channels, 1)\nself.scale, self.relu = scale, nn.ReLU()",
                "b = c = x\nfor layer in self.two:\n    b = layer(b)\nfor layer in self.three:\n    c = layer(c)\n"
                "return self.relu(x + self.scale * self.expand(torch.cat((self.one(x), b, c), 1)))",
                head="in_channels, widths, scale=0.17",
            ),
        ),
        wrong=(
            (
                block_a(forward=JOIN + "return (x.detach() + self.s * r).relu()"),
                "A `detach` in your forward cuts it off",
            ),
            (
                block_a("ConvBNAct(before, after, kernel_size=k)", "ConvBNAct(before, after, kernel_size=k, eps=1e-5)"),
                "has eps=1e-05; eps=0.001 is expected",
            ),
            (block_a(forward=JOIN + "return x + self.s * r"), "no ReLU follows the sum"),
            (block_a(forward=JOIN + "return (x + r).relu()"), "the scale is missing"),
            (block_a(forward=JOIN + "return (x + 0.17 * r).relu()"), "whatever number is handed over"),
            (
                block_a(forward="r = self.up(torch.cat([self.c(x), self.b(x), self.a(x)], dim=1))\n" + SUM),
                "another order than asked",
            ),
            (block_a("(1, 3, 3)", "(1, 3, 1)"), "3×3 convolution"),
            (
                block_a("ConvBNAct(before, after, kernel_size=k)", "nn.Conv2d(before, after, k, padding=k // 2)"),
                "as `ConvBNAct(...)`",
            ),
            (block_a("w.single[-1] + w.stacked[-1]", "sum(w.single) + sum(w.stacked)"), "only the last convolution is"),
            (block_a().replace("scale=0.17", "scale=1.0"), "keep `scale=0.17`"),
            (
                block_a("return nn.Sequential(*layers)", "return nn.ModuleList([layers])"),
                "`nn.ModuleList` takes layers, not a list",
            ),
            (
                block_a("self.c = path(in_channels, *w.stacked)", "self.c = path(in_channels, *w.stacked[:2])"),
                "channels",
            ),
            (block_a(", in_channels, 1)", ", in_channels, 1, bias=False)"), "The expansion has a bias"),
            (
                block_a(
                    "self.up = nn.Conv2d(w.pointwise",
                    "self.up = nn.Conv2d(in_channels + w.pointwise",
                    JOIN.replace("[self.a", "[x, self.a") + SUM,
                ),
                "Expected",
            ),
            (
                "class Answer(nn.Module):\n    def __init__(self, in_channels, widths, scale=0.17):\n        super().__init__()\n"
                "        raise NotImplementedError('Exercise 7.3, expansion, scale, sum: write this part.')\n",
                "what you write in exercise 7.3",
            ),
        ),
    ),
    "size_after": Answers(
        right=(
            function(
                SIZE, "(1 + blocks * scale * scale) ** 0.5 if normalised else (1 + scale * scale) ** (blocks / 2)"
            ),
            "import torch\ndef Answer(blocks, scale, normalised):\n    square = torch.tensor(1.0)\n    for _ in range(blocks):\n"
            "        square = square + scale**2 * (1 if normalised else square)\n    return square.sqrt()\n",
        ),
        wrong=(
            (
                function(SIZE, "1 + blocks * scale**2 if normalised else (1 + scale**2) ** blocks"),
                "the size is its root",
            ),
            (
                function(SIZE, "(1 + scale**2) ** (blocks / 2) if normalised else (1 + blocks * scale**2) ** 0.5"),
                "changed places",
            ),
            (function(SIZE, "1 + blocks * scale if normalised else (1 + scale) ** blocks"), "their squares do"),
            (function(SIZE, "(1 + blocks * scale**2) ** 0.5"), "Both cases give the same"),
            (function(SIZE, "(1 + scale**2) ** (blocks / 2)"), "Both cases give the same"),
            (
                function(SIZE, "(1 + blocks * scale**2) ** 0.5 if normalised else 2 ** (blocks / 2)"),
                "The scale is missing",
            ),
            (
                function(SIZE, "1 + blocks * scale**2 if normalised else (1 + scale**2) ** (blocks / 2)"),
                "the size is its root",
            ),
            (
                function(SIZE, "(1 + (blocks * scale)**2) ** 0.5 if normalised else (1 + scale**2) ** (blocks / 2)"),
                "not blocks² times",
            ),
            (
                function(SIZE, "(1 + blocks * scale**2) ** 0.5 if normalised else (1 + scale**2) * blocks**0.5"),
                "depends on what is there",
            ),
            (
                function(
                    SIZE, "round((1 + blocks * scale**2) ** 0.5 if normalised else (1 + scale**2) ** (blocks / 2), 3)"
                ),
                "Do not round",
            ),
            (
                function(
                    SIZE,
                    "(1 + blocks * scale**2) ** 0.5 if normalised and blocks else (1 + scale**2) ** (blocks / 2) if blocks else 0",
                ),
                "For blocks=0",
            ),
            (
                function(SIZE, "(1 + blocks * 0.25) ** 0.5 if normalised else 1.25 ** (blocks / 2)"),
                "For blocks=9, scale=0.3",
            ),
            (
                function(
                    SIZE, "(1 + (blocks - 1) * scale**2) ** 0.5 if normalised else (1 + scale**2) ** (blocks / 2)"
                ),
                "one block too few",
            ),
            (
                function(SIZE, "(blocks * scale**2) ** 0.5 if normalised else (1 + scale**2) ** (blocks / 2)"),
                "is missing",
            ),
            (function(SIZE, "(1 + scale**2) ** 0.5"), "each of them adds"),
            (function(SIZE, "None"), "Is the `return` missing?"),
        ),
    ),
    "kept_for_norms": Answers(
        right=(
            function(KEPT, "images * bytes_each * sum(n * c * side * side for n, c, side in sums)"),
            function(KEPT, "float(images) * bytes_each * sum(n * c * s * s for n, c, s in sums)"),
            "import numpy as np\ndef Answer(sums, images, bytes_each=4):\n    n, c, s = np.array(sums, dtype=np.int64).reshape(-1, 3).T\n"
            "    return (n * c * s**2).sum() * images * bytes_each\n",
            "import math\ndef Answer(sums, images, bytes_each=4):\n    total = 0\n    for count, channels, side in sums:\n"
            "        total += count * math.prod((images, channels, side, side)) * bytes_each\n    return total\n",
        ),
        wrong=(
            (function(KEPT, "bytes_each * sum(n * c * s * s for n, c, s in sums)"), "That is for one image"),
            (function(KEPT, "images * sum(n * c * s * s for n, c, s in sums)"), "Those are numbers"),
            (function(KEPT, "images * 4 * sum(n * c * s * s for n, c, s in sums)"), "bytes_each says how many"),
            (function(KEPT, "images * bytes_each * sum(n * c * s for n, c, s in sums)"), "side × side places"),
            (function(KEPT, "images * bytes_each * sum(c * s * s for n, c, s in sums)"), "stands for several sums"),
            (function(KEPT, "2 * images * bytes_each * sum(n * c * s * s for n, c, s in sums)"), "count what goes in"),
            (function(KEPT, "images * bytes_each * sum(n * s * s for n, c, s in sums)"), "the channels are missing"),
            (function(KEPT, "images * bytes_each * sum(n * c * s * s for n, c, s in sums) / 1e6"), "no larger unit"),
            (function(KEPT, "sum(n * c * s * s for n, c, s in sums)"), "the numbers of one image"),
            (function(KEPT, "images * bytes_each * sum(n * c * 2 * s for n, c, s in sums)"), "not twice `side`"),
            (function(KEPT, "8 * images * bytes_each * sum(n * c * s * s for n, c, s in sums)"), "a byte has eight"),
            (
                function(KEPT, "images * bytes_each * sum(n * c * s * s for n, c, s in set(sums))"),
                "For sums=((1, 2, 3)",
            ),
            (
                function("sums, images, bytes_each=2", "images * bytes_each * sum(n * c * s * s for n, c, s in sums)"),
                "images=32 you find",
            ),
            (
                "def Answer(sums, images, bytes_each=4):\n    total = 0\n    while sums:\n        n, c, s = sums.pop()\n"
                "        total += n * c * s * s\n    return total * images * bytes_each\n",
                "your function changes `sums`",
            ),
            (function(KEPT, "[images * bytes_each * n * c * s * s for n, c, s in sums][-1]"), "the last entry alone"),
            (function(KEPT, "[images * bytes_each * n * c * s * s for n, c, s in sums][0]"), "the first entry alone"),
        ),
    ),
    "ensemble": Answers(
        right=(
            "import math\ndef Answer(logits):\n    return torch.logsumexp(logits.log_softmax(-1), 0).exp() / len(logits)\n",
            function(LOGITS, "logits.softmax(-1).mean(0)"),
            function(LOGITS, "logits.double().softmax(2).mean(0)"),
            function(LOGITS, "logits.permute(1, 2, 0).softmax(1).mean(-1)"),
            function(LOGITS, "sum(nn.functional.softmax(one, dim=1) for one in logits) / len(logits)"),
            "def Answer(logits):\n    e = logits.exp()\n    return torch.einsum('mnk->nk', e / e.sum(2, keepdim=True)) / logits.shape[0]\n",
        ),
        wrong=(
            (function(LOGITS, "logits.mean(dim=0).softmax(dim=1)"), "Softmax comes first"),
            (function(LOGITS, "logits.mean(dim=0)"), "where is the softmax?"),
            (function(LOGITS, "logits.softmax(dim=1).mean(dim=0)"), "runs over the images"),
            (function(LOGITS, "logits.softmax(dim=0).mean(dim=0)"), "runs over the networks"),
            (function(LOGITS, "logits.softmax(dim=2).sum(dim=0)"), "the sum over the networks"),
            (function(LOGITS, "logits.softmax(dim=2).mean(dim=1)"), "The mean runs over the images"),
            (function(LOGITS, "logits.softmax(dim=2).mean(dim=2)"), "The mean runs over the classes"),
            (function(LOGITS, "logits.softmax(dim=2).mean(dim=0, keepdim=True)"), "Leave out `keepdim=True`"),
            (function(LOGITS, "logits.softmax(dim=2).mean()"), "One mean over everything"),
            (function(LOGITS, "logits.log_softmax(dim=2).mean(dim=0).exp()"), "the geometric mean"),
            (function(LOGITS, "logits.log_softmax(dim=2).mean(dim=0)"), "means of logarithms"),
            (function(LOGITS, "logits.softmax(dim=2).median(dim=0).values"), "the median of the networks"),
            (
                function(LOGITS, "nn.functional.one_hot(logits.argmax(2), logits.shape[2]).float().mean(0)"),
                "counts votes",
            ),
            (function(LOGITS, "logits.sigmoid().mean(dim=0)"), "A sigmoid judges each class by itself"),
            (
                "def Answer(logits):\n    logits -= logits.max()\n    return logits.softmax(2).mean(0)\n",
                "your function changes `logits`",
            ),
            (function(LOGITS, "logits.softmax(dim=2).mean(dim=0).argmax(dim=1)"), "You give back classes"),
            (function(LOGITS, "logits.softmax(dim=2).mean(dim=0).detach()"), "no gradient flows back through them"),
            (
                function(LOGITS, "torch.tensor(logits.softmax(dim=2).mean(dim=0).tolist())"),
                "no gradient flows back through",
            ),
            (
                function(LOGITS, "logits.softmax(dim=2).detach().mean(dim=0) + 0 * logits.mean()"),
                "the gradient that flows back into `logits` is not",
            ),
            (function(LOGITS, "logits.softmax(dim=2).sum(dim=0) / 3"), "yours divides by 3"),
            (function(LOGITS, "logits.softmax(dim=2).mean(dim=0).T"), "changed places"),
            (function(LOGITS, "logits.softmax(dim=2).prod(dim=0)"), "are multiplied"),
            (function(LOGITS, "logits.softmax(dim=2)"), "of each network by itself"),
            (function(LOGITS, "logits.softmax(dim=2)[-1]"), "the last network alone"),
            (function(LOGITS, "logits.flatten().softmax(0).view_as(logits).mean(0)"), "runs over everything"),
            (function(LOGITS, "logits.softmax(dim=2).mean(dim=0).log()"), "the logarithm of the mean"),
            (function(LOGITS, "(logits / logits.sum(2, keepdim=True)).mean(0)"), "takes their exponentials first"),
            (function(LOGITS, "logits.softmax(dim=2).mean(dim=0).numpy()"), "a tensor is needed"),
            (function(LOGITS, "logits.softmax(dim=2).amax(dim=0)"), "the largest probability"),
        ),
    ),
    "error_left": Answers(
        right=(
            function(LEFT, "similarity + (1 - similarity) / networks"),
            function(LEFT, "1 / networks + (1 - 1 / networks) * similarity"),
            function(LEFT, "__import__('numpy').float32(similarity + (1 - similarity) / networks)"),
            function(LEFT, "__import__('fractions').Fraction(similarity + (1 - similarity) / networks)"),
            "import torch\ndef Answer(similarity, networks):\n"
            "    products = torch.full((networks, networks), float(similarity)).fill_diagonal_(1)\n    return products.mean()\n",
        ),
        wrong=(
            (function(LEFT, "1 / networks"), "independent errors only"),
            (function(LEFT, "1 / networks**0.5"), "not like its root"),
            (function(LEFT, "(networks + networks * (networks - 1) / 2 * similarity) / networks**2"), "once a pair"),
            (function(LEFT, "1 / networks + similarity"), "are no pair"),
            (function(LEFT, "1 - similarity + similarity / networks"), "changed places"),
            (function(LEFT, "(1 - similarity) * (1 - 1 / networks)"), "what is gone"),
            (function(LEFT, "1 + (networks - 1) * similarity"), "its square by M²"),
            (function(LEFT, "similarity"), "their own squares count, too"),
            (function(LEFT, "similarity / networks"), "are the other M"),
            (function(LEFT, "(networks + (networks - 1) * similarity) / networks**2"), "M × (M − 1) products"),
            (
                function(LEFT, "(networks + (networks**2 - 1) * similarity) / networks**2"),
                "M² − M are of two different",
            ),
            (function(LEFT, "similarity + (1 - similarity) / networks**2"), "not like 1 / M²"),
            (function(LEFT, "similarity**2 + (1 - similarity**2) / networks"), "of size `similarity` already"),
            (function(LEFT, "max(similarity, 0) + (1 - max(similarity, 0)) / networks"), "For similarity=-0.1"),
            (
                function(LEFT, "similarity + (1 - similarity) / networks if networks > 1 else 0"),
                "networks=1 you find 0",
            ),
            (function(LEFT, "1 - similarity"), "you find 0.62; 0.4686 is expected."),
            (function(LEFT, "(1 - similarity) / networks"), "in common is missing"),
            (function(LEFT, "(similarity + (1 - similarity) / networks) ** 0.5"), "not its root"),
            (function(LEFT, "networks + networks * (networks - 1) * similarity"), "still to be divided by M²"),
            (function(LEFT, "100 * (similarity + (1 - similarity) / networks)"), "no per cent"),
            (function(LEFT, "round(similarity + (1 - similarity) / networks, 2)"), "Do not round"),
            (function(LEFT, "None"), "Is the `return` missing?"),
        ),
    ),
}
