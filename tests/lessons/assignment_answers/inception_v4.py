"""Lesson 06. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {
    "whole_sides": 2, "small_stem": 3, "letters": 3, "depth_and_field": 2, "repaired_sees": 1, "repaired_computes": 2,
}  # fmt: skip
BY_TEACHER = 2
TOLD = ("turns_a_fork_round", "in another order")
SECRETS = ("_reference", "_Halve", "same_module", "_brute", "A full answer")

RIGHT = {
    "whole_sides": (
        """
def fits(side, layers):
    if not layers:
        return True
    ({{order}}), *rest = layers
    if not valid:
        return fits(-(-side // stride), rest)
    steps, over = divmod(side - window, stride)
    return steps >= 0 and over == 0 and fits(steps + 1, rest)

def whole_sides(low, high, layers):
    return [side for side in range(low, high + 1) if fits(side, layers)]
""",
        """
def whole_sides(low, high, layers):
    sides = list(range(low, high + 1))
    grids = {side: side for side in sides}
    for layer in layers:
        {{order}} = layer
        for side in list(grids):
            grid = grids[side]
            if valid:
                last = window
                while last < grid:
                    last += stride
                if last != grid:
                    del grids[side]
                else:
                    grids[side] = (grid - window) // stride + 1
            else:
                padding = window // 2
                grids[side] = (grid + 2 * padding - window) // stride + 1
    return sorted(grids)
""",
        """
import math

def whole_sides(low, high, layers):
    answer = []
    for side in range(low, high + 1):
        sizes = [side]
        for {{order}} in layers:
            if valid:
                sizes.append((sizes[-1] - window) / stride + 1)
                if sizes[-1] < 1 or sizes[-1] != int(sizes[-1]):
                    break
            else:
                sizes.append(math.ceil(sizes[-1] / stride))
        else:
            answer += [side]
    return answer
""",
    ),
    "small_stem": (
        """
class ConvNormReLU(nn.Module):
    def __init__(self, i, o, k, s=1, p=0):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, s, p, bias=False)
        self.bn = nn.BatchNorm2d(o, eps=0.001)

    def forward(self, x):
        return nn.functional.relu(self.bn(self.conv(x)), inplace=True)

class SmallStem(nn.Module):
    def __init__(self, in_channels, u):
        super().__init__()
        self.conv1 = ConvNormReLU(in_channels, 3 * u, 3, s=2)
        self.conv2 = ConvNormReLU(3 * u, 3 * u, 3)
        self.conv3 = ConvNormReLU(3 * u, 6 * u, 3, p=1)
        self.conv4 = ConvNormReLU(6 * u, 9 * u, 3, s=2)
        self.left1 = ConvNormReLU(15 * u, 4 * u, 1)
        self.left2 = ConvNormReLU(4 * u, 8 * u, 3)
        self.right1 = ConvNormReLU(15 * u, 4 * u, 1)
        self.right2 = ConvNormReLU(4 * u, 4 * u, ({{first_bar}}), p=({{first_padding}}))
        self.right3 = ConvNormReLU(4 * u, 4 * u, ({{second_bar}}), p=({{second_padding}}))
        self.right4 = ConvNormReLU(4 * u, 8 * u, 3)

    def forward(self, x):
        x = self.conv3(self.conv2(self.conv1(x)))
        x = torch.cat((nn.functional.max_pool2d(x, 3, 2), self.conv4(x)), 1)
        left = self.left2(self.left1(x))
        right = self.right4(self.right3(self.right2(self.right1(x))))
        return torch.cat((left, right), 1)
""",
        """
class Fork(nn.Module):
    def __init__(self, *sides):
        super().__init__()
        self.sides = nn.ModuleList(sides)

    def forward(self, x):
        return torch.concat([side(x) for side in self.sides], dim=-3)

def row(width, *layers):
    parts = []
    for wide, window, stride, padding in layers:
        parts += [nn.Conv2d(width, wide, window, stride, padding, bias=False), nn.BatchNorm2d(wide, 1e-3), nn.ReLU(True)]
        width = wide
    return nn.Sequential(*parts)

class SmallStem(nn.Sequential):
    def __init__(self, in_channels, u):
        super().__init__(
            row(in_channels, (3 * u, 3, 2, "valid"), (3 * u, 3, 1, "valid"), (6 * u, 3, 1, "same")),
            Fork(nn.MaxPool2d((3, 3), (2, 2)), row(6 * u, (9 * u, 3, 2, "valid"))),
            Fork(
                row(15 * u, (4 * u, 1, 1, 0), (8 * u, 3, 1, 0)),
                row(15 * u, (4 * u, 1, 1, 0), (4 * u, ({{first_bar}}), 1, "same"), (4 * u, ({{second_bar}}), 1, "same"), (8 * u, 3, 1, 0)),
            ),
        )
""",
        """
class SmallStem(nn.Module):
    def __init__(self, in_channels, u):
        super().__init__()
        plan = dict(
            a=(in_channels, 3 * u, 3), b=(3 * u, 3 * u, 3), c=(3 * u, 6 * u, 3), d=(6 * u, 9 * u, 3),
            e=(15 * u, 4 * u, 1), f=(4 * u, 8 * u, 3),
            g=(15 * u, 4 * u, 1), h=(4 * u, 4 * u, ({{first_bar}})), i=(4 * u, 4 * u, ({{second_bar}})), j=(4 * u, 8 * u, 3),
        )
        pads = dict(c=1, h=({{first_padding}}), i=({{second_padding}}))
        self.convs, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for name, (comes, goes, window) in plan.items():
            stride = 2 if name in "ad" else 1
            self.convs[name] = nn.Conv2d(comes, goes, window, stride=stride, padding=pads.get(name, 0), bias=False)
            self.norms[name] = nn.BatchNorm2d(goes, eps=1e-3)
        self.pool = nn.MaxPool2d(3, stride=2)

    def walk(self, names, x):
        for name in names:
            x = torch.relu(self.norms[name](self.convs[name](x)))
        return x

    def forward(self, x):
        x = self.walk("abc", x)
        x = torch.cat([self.pool(x), self.walk("d", x)], dim=1)
        return torch.cat([self.walk("ef", x), self.walk("ghij", x)], dim=1)
""",
    ),
    "letters": (
        """
def macs_of(i, k, l, m, n, grid):
    out = (grid - 1) // 2
    return grid * grid * (i * k + 9 * k * l) + out * out * 9 * (l * m + i * n)

def letters(in_channels, out_channels, grid, budget):
    both = out_channels - in_channels
    for m in range(both - 1, 0, -1):
        for l in range(m, 0, -1):
            low, high = 0, l
            while low < high:
                k = (low + high + 1) // 2
                if macs_of(in_channels, k, l, m, both - m, grid) <= budget:
                    low = k
                else:
                    high = k - 1
            if low and macs_of(in_channels, low, l, m, both - m, grid) >= 0.95 * budget:
                return low, l, m, both - m
""",
        """
def letters(in_channels, out_channels, grid, budget):
    small = len(range(0, grid - 2, 2))
    width = torch.arange(1, out_channels - in_channels, dtype=torch.int64)
    k, l = width[:, None], width[None, :]
    for m in reversed(range(1, out_channels - in_channels)):
        n = out_channels - in_channels - m
        macs = grid**2 * k * (in_channels + 9 * l) + 9 * small**2 * (l * m + in_channels * n)
        good = (k <= l) & (l <= m) & (macs <= budget) & (macs * 100 >= budget * 95)
        if good.any():
            place = good.nonzero()[0].tolist()
            return place[0] + 1, place[1] + 1, m, n
""",
        """
import numpy as np

def letters(in_channels, out_channels, grid, budget):
    half, free = (grid - 1) // 2, out_channels - in_channels
    k, l = np.ogrid[1:free, 1:free]
    for m in range(free - 1, 0, -1):
        macs = grid**2 * k * (in_channels + 9 * l) + 9 * half**2 * (l * m + in_channels * (free - m))
        good = np.argwhere((k <= l) & (l <= m) & (macs <= budget) & (macs >= 0.95 * budget))
        if len(good):
            return np.array([*(good[0] + 1), m, free - m])
""",
        """
from itertools import combinations_with_replacement

def letters(in_channels, out_channels, grid, budget):
    side, spare = (grid - 3) // 2 + 1, out_channels - in_channels
    found, dearest = None, 0
    for l, m in combinations_with_replacement(range(1, spare), 2):
        last = 9 * side * side * (in_channels * (spare - m) + l * m)
        one = grid * grid * (in_channels + 9 * l)
        k = min(l, (budget - last) // one)
        if k > 0 and last + k * one > dearest:
            found, dearest = [k, l, m, spare - m], last + k * one
            if dearest > 0.99 * budget:
                break
    return found
""",
    ),
    "depth_and_field": (
        """
def depth_and_field(a, b, c):
    depth = 9 + 3 * a + 3 + 5 * b + 4 + 4 * c + 1
    return depth, 215 + 32 * a + 192 * b + 128 * c
""",
        """
def depth_and_field(a, b, c):
    parts = ["3/2 3 3 3/2 1 7 1 3 3/2"] + ["1 3 3"] * a + ["1 3 3/2"] + ["1 1 7 1 7"] * b + ["1 7 1 3/2"] + ["1 1 3 3"] * c
    layers = " ".join(parts).split()
    pixels = 1
    for layer in layers[::-1]:
        window, _, stride = layer.partition("/")
        pixels = (pixels - 1) * int(stride or 1) + int(window)
    return len(layers) + 1, pixels
""",
        """
class Walk:
    def __init__(self):
        self.depth, self.field, self.jump = 0, 1, 1

    def take(self, *windows, stride=1, times=1):
        for _ in range(times):
            for window in windows:
                self.depth += 1
                self.field += (window - 1) * self.jump
        self.jump *= stride

def depth_and_field(a, b, c):
    walk = Walk()
    walk.take(3, stride=2)
    walk.take(3, 3, 3, stride=2)
    walk.take(1, 7, 1, 3, 3, stride=2)
    walk.take(1, 3, 3, times=a)
    walk.take(1, 3, 3, stride=2)
    walk.take(1, 1, 7, 1, 7, times=b)
    walk.take(1, 7, 1, 3, stride=2)
    walk.take(1, 1, 3, 3, times=c)
    walk.take(1)
    return [walk.depth, walk.field]
""",
    ),
    "repaired": (
        """
class Unit(nn.Sequential):
    def __init__(self, i, o, h=1, w=1):
        super().__init__(nn.Conv2d(i, o, (h, w), padding=(h // 2, w // 2), bias=False), nn.BatchNorm2d(o, eps=1e-3), nn.ReLU(inplace=True))

class Repaired(nn.Module):
    def __init__(self, in_channels, pointwise, single, stacked, pool):
        super().__init__()
        self.one = Unit(in_channels, pointwise)
        self.two = Unit(in_channels, single[0])
        self.two_a, self.two_b = Unit(single[0], single[1], 1, 3), Unit(single[0], single[1], 3, 1)
        a, b, c, d = stacked
        self.three = nn.Sequential(Unit(in_channels, a), Unit(a, b, 3, 1), Unit(b, c, 1, 3))
        self.three_a, self.three_b = Unit(c, d, 1, 3), Unit(c, d, 3, 1)
        self.four = Unit(in_channels, pool)

    def forward(self, x):
        two, three = self.two(x), self.three(x)
        pooled = nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return torch.cat((self.one(x), *(self.two_a(two), self.two_b(two)){{turned}}, *(self.three_a(three), self.three_b(three)){{turned}}, self.four(pooled)), 1)
""",
        """
class Repaired(Colleague):
    def __init__(self, in_channels, pointwise, single, stacked, pool):
        super().__init__(in_channels, pointwise, single, stacked, pool)
        self.single_fork[1] = self.half(*single)
        self.stacked_fork[1] = self.half(*stacked[-2:])
        self.pool[0].count_include_pad = False

    def half(self, channels, width):
        conv = nn.Conv2d(channels, width, ({{second_half}}), padding="same", bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(width, eps=1e-3), nn.ReLU())

    def forward(self, x):
        single, stacked = self.single(x), self.stacked(x)
        result = self.pointwise(x)
        for fork, seen in ((self.single_fork, single), (self.stacked_fork, stacked)):
            for half in fork:
                result = torch.cat([result, half(seen)], dim=1)
        return torch.cat([result, self.pool(x)], dim=1)
""",
        """
class Fork(nn.Module):
    def __init__(self, make, channels, width):
        super().__init__()
        self.left, self.right = make(channels, width, ({{first_half}})), make(channels, width, ({{second_half}}))

    def forward(self, x):
        return torch.cat([self.left(x), self.right(x)], dim=1)

class Repaired(nn.Module):
    def __init__(self, in_channels, pointwise, single, stacked, pool):
        super().__init__()

        def make(channels, width, window=1):
            conv = nn.Conv2d(channels, width, window, padding="same", bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(width, eps=1e-3), nn.ReLU())

        self.branches = nn.ModuleList()
        self.branches.append(make(in_channels, pointwise))
        self.branches.append(nn.Sequential(make(in_channels, single[0]), Fork(make, *single)))
        self.branches.append(nn.Sequential(
            make(in_channels, stacked[0]), make(stacked[0], stacked[1], (3, 1)), make(stacked[1], stacked[2], (1, 3)),
            Fork(make, *stacked[2:]),
        ))
        self.branches.append(nn.Sequential(nn.AvgPool2d(3, 1, 1, False, False), make(in_channels, pool)))

    def forward(self, x):
        outputs = []
        for branch in self.branches:
            outputs.append(branch(x))
        return torch.cat(outputs, dim=1)
""",
    ),
}

WRONG = {
    "forgets_what_fits": ("whole_sides", "grid < window or (grid - window) % stride", "(grid - window) % stride", {"whole_sides"}),
    "asks_it_of_every_layer": ("whole_sides", "if valid and (grid < window or (grid - window) % stride)", "if grid < window or (grid - window) % stride", {"whole_sides"}),
    "stops_before_the_last": ("whole_sides", "range(low, high + 1)", "range(low, high)", {"whole_sides"}),
    "rounds_same_padding_down": ("whole_sides", "(grid - window if valid else grid - 1) // stride + 1", "((grid - window) // stride + 1) if valid else grid // stride", {"whole_sides"}),
    "takes_a_v_everywhere": ("whole_sides", "(grid - window if valid else grid - 1) // stride", "(grid - window) // stride", {"whole_sides"}),
    "keeps_the_image": ("whole_sides", "            grid = (grid - window if valid else grid - 1) // stride + 1\n", "", {"whole_sides"}),
    "pads_the_first_fork": ("small_stem", "self.pool = nn.MaxPool2d(3, stride=2)", "self.pool = nn.MaxPool2d(3, stride=2, padding=1)", {"small_stem"}),
    "pads_both_halves": (
        "small_stem", "self.pool = nn.MaxPool2d(3, stride=2)\n        self.conv = layer(6 * u, 9 * u, 3, stride=2)",
        "self.pool = nn.MaxPool2d(3, stride=2, padding=1)\n        self.conv = layer(6 * u, 9 * u, 3, stride=2, padding=1)", {"small_stem"},
    ),
    "turns_the_windows": (
        "small_stem", "layer(4 * u, 4 * u, (5, 1), padding=(2, 0)),\n            layer(4 * u, 4 * u, (1, 5), padding=(0, 2))",
        "layer(4 * u, 4 * u, (1, 5), padding=(0, 2)),\n            layer(4 * u, 4 * u, (5, 1), padding=(2, 0))", {"small_stem"},
    ),
    "turns_a_fork_round": ("small_stem", "[self.short(x), self.long(x)]", "[self.long(x), self.short(x)]", {"small_stem"}),
    "takes_torch_s_eps": ("small_stem", ", eps=1e-3", "", {"small_stem"}),
    "keeps_the_biases": ("small_stem", ", bias=False", "", {"small_stem"}),
    "forgets_the_pool": ("letters", "free = out_channels - in_channels", "free = out_channels", {"letters"}),
    "halves_too_early": ("letters", "each = grid**2", "each = half**2", {"letters"}),
    "spends_too_little": ("letters", "half = (grid - 3) // 2 + 1", "half, budget = (grid - 3) // 2 + 1, budget * 9 // 10", {"letters"}),
    "leaves_the_order_of_letters": ("letters", "k = min((budget - fixed) // each, l)", "k = (budget - fixed) // each", {"letters"}),
    "counts_the_whole_grid": ("letters", "9 * half**2", "9 * grid**2", {"letters"}),
    "turns_the_letters": ("letters", "(k, l, m, n)))", "(m, l, k, n)))", {"letters"}),
    "forgets_the_dense_layer": ("depth_and_field", "len(layers) + 1", "len(layers)", {"depth_and_field"}),
    "forgets_strides": ("depth_and_field", "step *= stride", "step = stride", {"depth_and_field"}),
    "sees_both_sevens": ("depth_and_field", "module_b = [(1, 1), (1, 1), (7, 1), (1, 1), (7, 1)]", "module_b = [(1, 1), (7, 1), (7, 1), (7, 1), (7, 1)]", {"depth_and_field"}),
    "begins_with_nothing": ("depth_and_field", "field, step = 1, 1", "field, step = 0, 1", {"depth_and_field"}),
    "adds_whole_windows": ("depth_and_field", "(window - 1) * step", "window * step", {"depth_and_field"}),
    "counts_both_halves": ("depth_and_field", "module_c = [(1, 1), (1, 1), (3, 1), (3, 1)]", "module_c = [(1, 1), (1, 1), (3, 1), (1, 1), (3, 1)]", {"depth_and_field"}),
    "leaves_the_bars": (
        "repaired", "layer(reduce, fork, (1, 3)), layer(reduce, fork, (3, 1))", "layer(reduce, fork, (1, 3)), layer(reduce, fork, (1, 3))",
        {"repaired_sees", "repaired_computes"},
    ),
    "leaves_the_chain": (
        "repaired", "parts += [half(stacked) for half in self.stacked_fork]",
        "for half in self.stacked_fork:\n            stacked = half(stacked)\n            parts.append(stacked)",
        {"repaired_sees", "repaired_computes"},
    ),
    "leaves_the_zeros": ("repaired", ", count_include_pad=False", "", {"repaired_computes"}),
    "turns_the_forks": ("repaired", "fork, (1, 3)), layer(reduce, fork, (3, 1))", "fork, (3, 1)), layer(reduce, fork, (1, 3))", {"repaired_computes"}),
    "turns_the_bars_of_the_row": (
        "repaired", "layer(first, second, (3, 1)), layer(second, third, (1, 3))", "layer(first, second, (1, 3)), layer(second, third, (3, 1))", {"repaired_computes"},
    ),
    "takes_the_largest": ("repaired", "nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)", "nn.MaxPool2d(3, stride=1, padding=1)", {"repaired_computes"}),
    "takes_the_stride_for_the_window": (
        "whole_sides", '(grid - window) % stride',
        '(grid - max(window, stride)) % stride', {"whole_sides"},
    ),
    "knows_small_images_only": (
        "small_stem", 'x = self.row(x)',
        'x = x if x.shape[2] <= 48 else x[:, :, :48]\n        x = self.row(x)', {"small_stem"},
    ),
    "looks_at_wide_grids_only": (
        "repaired", 'parts = [self.pointwise(x)]',
        'x = x if x.shape[2] <= x.shape[3] else x.transpose(2, 3)\n        parts = [self.pointwise(x)]', {"repaired_computes"},
    ),
}  # fmt: skip
