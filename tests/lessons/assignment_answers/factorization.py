"""Lesson 04. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {
    "compose_three": 2, "stem_widths": 3, "grid_of_twelve": 3, "reduction_cost": 2, "repaired_sees": 1, "repaired_computes": 2,
}  # fmt: skip
BY_TEACHER = 2
TOLD = ("turns_the_fork_round", "in another order")
SECRETS = ("_Reference", "_Repaired", "same_module", "A full answer")

WRONG = {
    "flips_a_window": (
        "compose_three", "outer[:, :, row, column]", "outer[:, :, rows - 1 - row, columns - 1 - column]", {"compose_three"},
    ),
    "knows_square_windows_only": ("compose_three", "width + columns - 1)", "height + rows - 1)", {"compose_three"}),
    "loses_digits": ("compose_three", "inner.new_zeros(", "torch.zeros(", {"compose_three"}),
    "forgets_the_larger_grid": ("stem_widths", "4 * first * second", "first * second", {"stem_widths"}),
    "spends_too_little": ("stem_widths", "return 9 * grid**2", "return 12 * grid**2", {"stem_widths"}),
    "turns_the_fork_round": (
        "grid_of_twelve", "self.wide(forked), self.tall(forked)", "self.tall(forked), self.wide(forked)", {"grid_of_twelve"},
    ),
    "swaps_the_padding": (
        "grid_of_twelve", "(window[0] // 2, window[1] // 2)", "(window[1] // 2, window[0] // 2)", {"grid_of_twelve"},
    ),
    "pools_another_way": ("grid_of_twelve", "nn.MaxPool2d(", "nn.AvgPool2d(", {"grid_of_twelve"}),
    "pads_the_reduction": ("reduction_cost", "(grid - 3) // 2 + 1", "(grid + 1) // 2", {"reduction_cost"}),
    "halves_too_early": ("reduction_cost", "9 * reduce * first) * grid**2", "9 * reduce * first) * half**2", {"reduction_cost"}),
    "leaves_the_padding": (
        "repaired", "layer(a, b, (1, 7), (0, 3)), layer(b, c, (7, 1), (3, 0))", "layer(a, b, (1, 7), (3, 0)), layer(b, c, (7, 1), (0, 3))",
        {"repaired_computes"},
    ),
    "leaves_the_direction": (
        "repaired", "layer(b, c, (1, 7), (0, 3)),", "layer(b, c, (7, 1), (3, 0)),", {"repaired_sees", "repaired_computes"},
    ),
    "leaves_the_order": (
        "repaired", "nn.BatchNorm2d(width, eps=1e-3), nn.ReLU()", "nn.ReLU(), nn.BatchNorm2d(width, eps=1e-3)", {"repaired_computes"},
    ),
    "composes_backwards": ("compose_three", "two(two(first, second), third)", "two(two(third, second), first)", {"compose_three"}),
    "keeps_the_last_part": ("compose_three", "+= part", "= part", {"compose_three"}),
    "pads_by_the_height": (
        "compose_three", "    return two(two(first, second), third)",
        "    def two(a, b):\n"
        "        return nn.functional.conv2d(a.transpose(0, 1), b.flip(2, 3), padding=b.shape[2] - 1).transpose(0, 1)\n\n"
        "    return two(two(first, second), third)",
        {"compose_three"},
    ),
    "forgets_to_turn_the_window": (
        "compose_three", "    return two(two(first, second), third)",
        "    def two(a, b):\n"
        "        edge = (b.shape[2] - 1, b.shape[3] - 1)\n"
        "        return nn.functional.conv2d(a.transpose(0, 1), b, padding=edge).transpose(0, 1)\n\n"
        "    return two(two(first, second), third)",
        {"compose_three"},
    ),
    "leaves_the_third_out": ("compose_three", "two(two(first, second), third)", "two(first, second)", {"compose_three"}),
    "forgets_the_smaller_grid": ("stem_widths", "second * out_channels)", "4 * second * out_channels)", {"stem_widths"}),
    "turns_the_widths": ("stem_widths", "return best[1:]", "return best[:0:-1]", {"stem_widths"}),
    "gives_fractions": ("stem_widths", "return best[1:]", "return best[1], best[2] - 0.5", {"stem_widths"}),
    "spends_one_too_much": ("stem_widths", "return best[1:]", "return best[1], best[2] + 1", {"stem_widths"}),
    "guesses_a_pair": (
        "stem_widths", "    best = (0, 1, 1)",
        "    return 16, 16\n    best = (0, 1, 1)", {"stem_widths"},
    ),
    "rounds_up": (
        "stem_widths", "    best = (0, 1, 1)",
        "    return 1, -(-(budget - 36 * grid**2 * in_channels) // (9 * grid**2 * (4 + out_channels)))\n    best = (0, 1, 1)",
        {"stem_widths"},
    ),
    "forgets_the_eps": ("grid_of_twelve", "nn.BatchNorm2d(width, eps=1e-3)", "nn.BatchNorm2d(width)", {"grid_of_twelve"}),
    "keeps_a_bias": ("grid_of_twelve", "bias=False", "bias=True", {"grid_of_twelve"}),
    "goes_down_before_across": (
        "grid_of_twelve", "layer(reduce, across, 1, 5), layer(across, down, 5, 1)",
        "layer(reduce, across, 5, 1), layer(across, down, 1, 5)", {"grid_of_twelve"},
    ),
    "stacks_the_fork": (
        "grid_of_twelve", "self.wide(forked), self.tall(forked)", "self.wide(forked), self.tall(self.wide(forked))", {"grid_of_twelve"},
    ),
    "leaves_the_relu_out": ("grid_of_twelve", "eps=1e-3), nn.ReLU())", "eps=1e-3))", {"grid_of_twelve"}),
    "knows_the_grid_of_twelve_only": (
        "grid_of_twelve", "parts = [", "x = x[..., :12, :12]\n        parts = [", {"grid_of_twelve"},
    ),
    "takes_the_courses_layer": (
        "grid_of_twelve",
        "return nn.Sequential(conv, nn.BatchNorm2d(width, eps=1e-3), nn.ReLU())",
        "from networks.layers import ConvBNAct\n            return ConvBNAct(channels, width, kernel_size=window)",
        {"grid_of_twelve"},
    ),
    "halves_the_grid": ("reduction_cost", "(grid - 3) // 2 + 1", "grid // 2", {"reduction_cost"}),
    "rounds_nothing": ("reduction_cost", "(grid - 3) // 2 + 1", "(grid - 3) / 2 + 1", {"reduction_cost"}),
    "takes_the_padding_everywhere_away": (
        "reduction_cost", "(in_channels * reduce + 9 * reduce * first) * grid**2",
        "in_channels * reduce * grid**2 + 9 * reduce * first * (grid - 2) ** 2", {"reduction_cost"},
    ),
    "leaves_the_pointwise_out": ("reduction_cost", "(in_channels * reduce + 9 * reduce * first)", "(9 * reduce * first)", {"reduction_cost"}),
    "counts_the_pool": ("reduction_cost", "return one + other", "return one + other + 9 * in_channels * half**2", {"reduction_cost"}),
    "counts_the_biases": (
        "reduction_cost", "return one + other", "return one + other + (single + second) * half**2 + (reduce + first) * grid**2", {"reduction_cost"},
    ),
    "counts_parameters": ("reduction_cost", "return one + other", "return one // half**2 + other // half**2", {"reduction_cost"}),
    "swaps_the_second_branch": (
        "repaired", "layer(a, b, (1, 7), (0, 3)), layer(b, c, (7, 1), (3, 0))", "layer(a, b, (7, 1), (3, 0)), layer(b, c, (1, 7), (0, 3))",
        {"repaired_computes"},
    ),
    "turns_the_wrong_window": (
        "repaired", "layer(a, b, (7, 1), (3, 0)), layer(b, c, (1, 7), (0, 3)),", "layer(a, b, (1, 7), (0, 3)), layer(b, c, (7, 1), (3, 0)),",
        {"repaired_computes"},
    ),
    "forgets_the_small_number": ("repaired", "nn.BatchNorm2d(width, eps=1e-3)", "nn.BatchNorm2d(width)", {"repaired_computes"}),
    "drops_the_relus": ("repaired", "nn.BatchNorm2d(width, eps=1e-3), nn.ReLU()", "nn.BatchNorm2d(width, eps=1e-3)", {"repaired_computes"}),
    "turns_the_branches": (
        "repaired", "self.pointwise(x), self.single(x), self.stacked(x)", "self.pointwise(x), self.stacked(x), self.single(x)",
        {"repaired_sees", "repaired_computes"},
    ),
    "turns_every_window": (
        "repaired", "layer(c, d, (7, 1), (3, 0)), layer(d, e, (1, 7), (0, 3)),", "layer(c, d, (1, 7), (0, 3)), layer(d, e, (1, 7), (0, 3)),",
        {"repaired_sees", "repaired_computes"},
    ),
    "leaves_a_window_out": (
        "repaired", "layer(a, b, (7, 1), (3, 0)), layer(b, c, (1, 7), (0, 3)),", "layer(a, c, (1, 7), (0, 3)),",
        {"repaired_sees", "repaired_computes"},
    ),
    "loses_the_padding": (
        "repaired", "padding=padding, bias=False", "bias=False", {"repaired_sees", "repaired_computes"},
    ),
    "always_takes_double": (
        "compose_three", 'return two(two(first, second), third)',
        'return two(two(first.double(), second.double()), third.double())', {"compose_three"},
    ),
    "looks_at_tall_grids_only": (
        "grid_of_twelve", 'parts = [self.pointwise(x)',
        'x = x if x.shape[2] >= x.shape[3] else x.transpose(2, 3).contiguous()\n        parts = [self.pointwise(x)', {"grid_of_twelve"},
    ),
}  # fmt: skip

RIGHT = {
    "compose_three": (
        """
def compose_three(first, second, third):
    F = torch.nn.functional
    return F.conv_transpose2d(F.conv_transpose2d(third, second), first)
""",
        """
def compose_three(first, second, third):
    whole = first
    for weights in (second, third):
        height, width = weights.shape[-2:]
        swapped = whole.permute(1, 0, 2, 3)
        turned = torch.flip(weights, dims=(2, 3))
        whole = nn.functional.conv2d(swapped, turned, padding=(height - 1, width - 1)).permute(1, 0, 2, 3)
    return whole
""",
        """
def compose_three(first, second, third):
    h = first.shape[2] + second.shape[2] + third.shape[2] - 2
    w = first.shape[3] + second.shape[3] + third.shape[3] - 2
    inputs = first.shape[1]
    # what comes out for a picture with a single one in it
    image = torch.zeros(inputs, inputs, 2 * h - 1, 2 * w - 1, dtype=first.dtype)
    for channel in range(inputs):
        image[channel, channel, h - 1, w - 1] = 1.0
    for weights in [first, second, third]:
        image = nn.functional.conv2d(image, weights)
    return image.flip([2, 3]).transpose(0, 1)
""",
        """
from itertools import product

def compose_three(first, second, third):
    (_, i, h1, w1), (_, _, h2, w2), (o, _, h3, w3) = first.shape, second.shape, third.shape
    out = torch.zeros((o, i, h1 + h2 + h3 - 2, w1 + w2 + w3 - 2), dtype=first.dtype)
    for y1, x1, y2, x2, y3, x3 in product(*map(range, (h1, w1, h2, w2, h3, w3))):
        out[:, :, y1 + y2 + y3, x1 + x2 + x3] += third[:, :, y3, x3] @ second[:, :, y2, x2] @ first[:, :, y1, x1]
    return out
""",
    ),
    "stem_widths": (
        """
def stem_widths(in_channels, out_channels, grid, budget):
    units = budget // (9 * grid * grid)
    # first stays at 1: 4 * in + second * (4 + out)
    return 1, (units - 4 * in_channels) // (4 + out_channels)
""",
        """
def stem_widths(in_channels, out_channels, grid, budget):
    units = budget / (9 * grid**2)
    return torch.tensor([2, math.floor((units - 8 * in_channels) / (8 + out_channels))])

import math
""",
        """
def stem_widths(in_channels, out_channels, grid, budget):
    return 1.0, (budget / (9 * grid**2) - 4 * in_channels) // (4 + out_channels)
""",
        """
import math

def stem_widths(in_channels, out_channels, grid, budget):
    large, small = (2 * grid) ** 2, grid**2
    a, b = 9 * large, 9 * (large * in_channels + small * out_channels)
    first = math.floor((-b + math.sqrt(b * b + 4 * a * budget)) / (2 * a))
    second = int((budget - 9 * large * in_channels * first) // (9 * (large * first + small * out_channels)))
    return first, second
""",
        """
def stem_widths(in_channels, out_channels, grid, budget):
    def macs(w1, w2):
        total = 0
        for a, b, side in ((in_channels, w1, 2 * grid), (w1, w2, 2 * grid), (w2, out_channels, grid)):
            total += a * b * 3 * 3 * side * side
        return total

    for w1 in range(1, 500):
        for w2 in range(w1, 3000):
            spent = macs(w1, w2)
            if spent > budget:
                break
            if spent >= budget * 0.95:
                return [w1, w2]
""",
        """
def stem_widths(in_channels, out_channels, grid, budget):
    def fits(width):
        net = nn.Sequential(
            nn.Conv2d(in_channels, 4, 3, bias=False, device="meta"), nn.Conv2d(4, width, 3, bias=False, device="meta"),
            nn.Conv2d(width, out_channels, 3, bias=False, device="meta"),
        )
        cells = (4 * grid**2, 4 * grid**2, grid**2)
        return sum(c * conv.weight.numel() for c, conv in zip(cells, net)) <= budget

    low, high = 4, 8
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return (4, low)
""",
    ),
    "grid_of_twelve": (
        """class GridOfTwelve(nn.Module):
    def __init__(self, in_channels, pointwise, reduce, across, down, second_reduce, three, fork, pool):
        super().__init__()
        def unit(width, window=1):
            return nn.Sequential(nn.LazyConv2d(width, window, padding="same", bias=False), nn.LazyBatchNorm2d(eps=1e-3), nn.ReLU())
        self.a, self.b = unit(pointwise), nn.Sequential(unit(reduce), unit(across, (1, {{long}})), unit(down, ({{long}}, 1)))
        self.c = nn.Sequential(unit(second_reduce), unit(three, 3))
        self.d, self.e, self.f = unit(fork, ({{first_bar}})), unit(fork, ({{second_bar}})), unit(pool)
    def forward(self, x):
        c = self.c(x)
        return torch.cat((self.a(x), self.b(x), self.d(c), self.e(c), self.f(nn.functional.max_pool2d(x, 3, 1, 1))), 1)
""",
        """
class ConvBN(nn.Module):
    def __init__(self, cin, cout, k, p=0):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, k, padding=p, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=0.001)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class GridOfTwelve(nn.Module):
    def __init__(self, in_channels, pointwise, reduce, across, down, second_reduce, three, fork, pool):
        super().__init__()
        self.b1 = ConvBN(in_channels, pointwise, 1)
        self.b2_1 = ConvBN(in_channels, reduce, 1)
        self.b2_2 = ConvBN(reduce, across, (1, {{long}}), (0, {{long}} // 2))
        self.b2_3 = ConvBN(across, down, ({{long}}, 1), ({{long}} // 2, 0))
        self.b3_1 = ConvBN(in_channels, second_reduce, 1)
        self.b3_2 = ConvBN(second_reduce, three, 3, 1)
        self.b3_3a = ConvBN(three, fork, (1, 3), (0, 1))
        self.b3_3b = ConvBN(three, fork, (3, 1), (1, 0))
        self.b4 = ConvBN(in_channels, pool, 1)

    def forward(self, x):
        x1 = self.b1(x)
        x2 = self.b2_3(self.b2_2(self.b2_1(x)))
        x3 = self.b3_2(self.b3_1(x))
        x3 = torch.cat([self.b3_3a(x3), self.b3_3b(x3)]{{turned}}, 1)
        x4 = self.b4(nn.functional.max_pool2d(x, 3, stride=1, padding=1))
        return torch.cat([x1, x2, x3, x4], 1)
""",
        """
class Side(nn.ModuleList):
    def forward(self, x):
        return torch.cat([each(x) for each in self], dim=1)


def row(channels, *layers):
    made = []
    for width, window in layers:
        made += [
            nn.Conv2d(channels, width, window, padding="same", bias=False),
            nn.BatchNorm2d(width, 1e-3), nn.ReLU(inplace=True),
        ]
        channels = width
    return nn.Sequential(*made)


class GridOfTwelve(Side):
    def __init__(self, in_channels, pointwise, reduce, across, down, second_reduce, three, fork, pool):
        super().__init__([
            row(in_channels, (pointwise, 1)),
            row(in_channels, (reduce, 1), (across, (1, {{long}})), (down, ({{long}}, 1))),
            nn.Sequential(
                row(in_channels, (second_reduce, 1), (three, 3)), Side([row(three, (fork, ({{first_bar}}))), row(three, (fork, ({{second_bar}})))]),
            ),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), row(in_channels, (pool, 1))),
        ])
""",
        """
class GridOfTwelve(nn.Module):
    def __init__(self, in_channels, **widths):
        super().__init__()
        w = dict(widths)
        plan = {
            "pointwise": (in_channels, w["pointwise"], 1, 1), "reduce": (in_channels, w["reduce"], 1, 1),
            "across": (w["reduce"], w["across"], 1, {{long}}), "down": (w["across"], w["down"], {{long}}, 1),
            "second_reduce": (in_channels, w["second_reduce"], 1, 1), "three": (w["second_reduce"], w["three"], 3, 3),
            "left": (w["three"], w["fork"], 1, 3), "right": (w["three"], w["fork"], 3, 1),
            "pool": (in_channels, w["pool"], 1, 1),
        }
        self.convs, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for name, (cin, cout, rows, columns) in plan.items():
            self.convs[name] = nn.Conv2d(cin, cout, (rows, columns), bias=False)
            self.norms[name] = nn.BatchNorm2d(cout, eps=1e-3)

    def run(self, x, *names):
        for name in names:
            rows, columns = self.convs[name].kernel_size
            x = nn.functional.pad(x, (columns // 2, columns // 2, rows // 2, rows // 2))
            x = nn.functional.relu(self.norms[name](self.convs[name](x)))
        return x

    def forward(self, x):
        trunk = self.run(x, "second_reduce", "three")
        pooled = nn.functional.max_pool2d(x, kernel_size=3, stride=1, padding=1)
        out = self.run(x, "pointwise")
        for more in (self.run(x, "reduce", "across", "down"), *(self.run(trunk, "left"), self.run(trunk, "right")){{turned}}, self.run(pooled, "pool")):
            out = torch.concat((out, more), dim=1)
        return out
""",
    ),
    "reduction_cost": (
        """
def reduction_cost(in_channels, single, stacked, grid):
    def conv(a, b, k, side):
        return a * b * k * k * side * side

    small = (grid - 1) // 2
    return (
        conv(in_channels, single, 3, small) + conv(in_channels, stacked[0], 1, grid)
        + conv(stacked[0], stacked[1], 3, grid) + conv(stacked[1], stacked[2], 3, small)
    )
""",
        """
def reduction_cost(in_channels, single, stacked, grid):
    a, b, c = stacked
    branches = (
        [nn.Conv2d(in_channels, single, 3, stride=2)],
        [nn.Conv2d(in_channels, a, 1), nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, c, 3, stride=2)],
    )
    total = 0
    for branch in branches:
        x = torch.zeros(1, in_channels, grid, grid)
        for conv in branch:
            x = conv(x)
            total += conv.weight.numel() * x.shape[-1] * x.shape[-2]
    return total
""",
        """
def reduction_cost(in_channels, single, stacked, grid):
    places = len(range(0, grid - 2, 2)) ** 2
    widths = [in_channels, *stacked]
    each = [before * after for before, after in zip(widths, widths[1:])]
    all_places = grid * grid
    return sum(n * m for n, m in zip(each, (all_places, 9 * all_places, 9 * places))) + 9 * in_channels * single * places
""",
    ),
    "repaired": (
        """
def _layer(channels, width, window):
    return nn.Sequential(
        nn.Conv2d(channels, width, window, padding=tuple(side // 2 for side in window), bias=False),
        nn.BatchNorm2d(width, eps=1e-3), nn.ReLU(),
    )


def _chain(channels, widths, windows):
    net = nn.Sequential()
    for width, window in zip(widths, windows):
        net.append(_layer(channels, width, window))
        channels = width
    return net


class Repaired(nn.Module):
    def __init__(self, in_channels, pointwise, single, stacked):
        super().__init__()
        one, wide, tall = (1, 1), (1, {{side}}), ({{side}}, 1)
        self.branches = nn.ModuleList((
            _chain(in_channels, [pointwise], [one]), _chain(in_channels, single, [one, wide, tall]),
            _chain(in_channels, stacked, [one, tall, wide, tall, wide]),
        ))

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)
""",
        """
class Repaired(Colleague):
    def __init__(self, in_channels, pointwise, single, stacked):
        super().__init__(in_channels, pointwise, single, stacked)
        self.single[1][0] = nn.Conv2d(single[0], single[1], (1, {{side}}), padding=(0, {{half}}), bias=False)
        self.single[2][0] = nn.Conv2d(single[1], single[2], ({{side}}, 1), padding=({{half}}, 0), bias=False)
        self.stacked[2][0] = nn.Conv2d(stacked[1], stacked[2], (1, {{side}}), padding=(0, {{half}}), bias=False)
        for layer in [self.pointwise, *self.single, *self.stacked]:
            layer[1], layer[2] = layer[2], layer[1]
""",
        """
class Repaired(nn.Module):
    def __init__(self, in_channels, pointwise, single, stacked):
        super().__init__()
        f, g = single, stacked
        shapes = [
            (in_channels, pointwise, 1, 1),
            (in_channels, f[0], 1, 1), (f[0], f[1], 1, {{side}}), (f[1], f[2], {{side}}, 1),
            (in_channels, g[0], 1, 1), (g[0], g[1], {{side}}, 1), (g[1], g[2], 1, {{side}}), (g[2], g[3], {{side}}, 1), (g[3], g[4], 1, {{side}}),
        ]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, (h, w), 1, (h // 2, w // 2), bias=False) for a, b, h, w in shapes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b, eps=1e-3) for _, b, _, _ in shapes)

    def forward(self, x):
        results = []
        for numbers in (range(1), range(1, 4), range(4, 9)):
            y = x
            for i in numbers:
                y = self.norms[i](self.convs[i](y)).clamp_min(0)
            results.append(y)
        return torch.cat(results, dim=1)
""",
    ),
}
