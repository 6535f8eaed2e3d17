"""Lesson 01. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {"five_branches": 3, "largest_reduction": 2, "choose_widths": 2, "repaired_runs": 1, "repaired_computes": 2}
BY_TEACHER = 2
TOLD = ("leaves_a_bug", "no ReLU follows the")
SECRETS = ("_Reference", "same_module", "A full answer")

_LAYER = "return nn.Sequential(nn.Conv2d(channels, width, window, padding=window // 2), nn.ReLU())"
_HEAD = (
    "in_channels, pointwise, three_reduce, three, {{word}}_reduce, {{word}}, {{first_pool}}_pool, {{second_pool}}_pool"
)
_REPAIRED = "in_channels, pointwise, three_reduce, three, five_reduce, five, pool"

RIGHT = {
    "five_branches": (
        """class FiveBranches(nn.Module):
    def __init__(self, in_channels, pointwise, three_reduce, three, {{word}}_reduce, {{word}}, {{first_pool}}_pool, {{second_pool}}_pool):
        super().__init__()
        def conv(o, k=1):
            return nn.LazyConv2d(o, k, padding=k // 2)
        plan = [[conv(pointwise)], [conv(three_reduce), conv(three, 3)], [conv({{word}}_reduce), conv({{word}}, {{window}})],
                [{{first_layer}}, conv({{first_pool}}_pool)], [{{second_layer}}, conv({{second_pool}}_pool)]]
        self.all = nn.ModuleList(nn.Sequential(*[m for each in row for m in ((each, nn.ReLU()) if isinstance(each, nn.LazyConv2d) else (each,))]) for row in plan)
    def forward(self, *xs, **kw):
        (x,) = xs
        shape = (len(x), -1, *x.shape[2:])
        return torch.stack([c for b in self.all for c in b(x).unbind(1)], dim=1).reshape(shape)
""",
        f"""class FiveBranches(nn.Module):
    def __init__(self, {_HEAD}):
        super().__init__()
        self.a = nn.Conv2d(in_channels, pointwise, 1)
        self.b, self.bb = nn.Conv2d(in_channels, three_reduce, 1), nn.Conv2d(three_reduce, three, (3, 3), padding="same")
        self.c = nn.Conv2d(in_channels, {{{{word}}}}_reduce, 1)
        self.cc = nn.Conv2d({{{{word}}}}_reduce, {{{{word}}}}, {{{{window}}}}, padding={{{{window}}}} // 2)
        self.d, self.e = nn.Conv2d(in_channels, {{{{first_pool}}}}_pool, 1), nn.Conv2d(in_channels, {{{{second_pool}}}}_pool, 1)

    def forward(self, x):
        pools = {{"max": nn.functional.max_pool2d(x, 3, 1, 1), "avg": nn.functional.avg_pool2d(x, 3, 1, 1)}}
        b, c = self.bb(torch.relu(self.b(x))), self.cc(torch.relu(self.c(x)))
        d, e = self.d(pools["{{{{first_pool}}}}"]), self.e(pools["{{{{second_pool}}}}"])
        return torch.relu(torch.cat((self.a(x), b, c, d, e), 1))
""",
        f"""import torch.nn.functional as F

class Conv(nn.Conv2d):
    def forward(self, x):
        return F.relu(super().forward(x), inplace=True)

class FiveBranches(nn.Module):
    def __init__(self, {_HEAD}):
        super().__init__()
        first, second = {{{{first_layer}}}}, {{{{second_layer}}}}
        self.branches = nn.ModuleList([
            Conv(in_channels, pointwise, 1),
            nn.Sequential(Conv(in_channels, three_reduce, 1), Conv(three_reduce, three, 3, padding=1)),
            nn.Sequential(Conv(in_channels, {{{{word}}}}_reduce, 1), Conv({{{{word}}}}_reduce, {{{{word}}}}, {{{{window}}}}, 1, {{{{window}}}} // 2)),
            nn.Sequential(first, Conv(in_channels, {{{{first_pool}}}}_pool, 1)),
            nn.Sequential(second, Conv(in_channels, {{{{second_pool}}}}_pool, 1)),
        ])

    def forward(self, x):
        out = []
        for branch in self.branches:
            out.append(branch(x))
        return torch.cat(out, dim=-3)
""",
        f"""class Reduced(nn.Module):
    def __init__(self, first, channels, width, window=1):
        super().__init__()
        self.first, self.conv = first, nn.Conv2d(channels, width, window)
        self.edge = window // 2
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(nn.functional.pad(self.first(x), (self.edge,) * 4)))

class FiveBranches(nn.Module):
    def __init__(self, {_HEAD}):
        super().__init__()
        def reduce(width):
            return Reduced(nn.Identity(), in_channels, width)
        self.parts = nn.ModuleDict(dict(
            one=reduce(pointwise), two=Reduced(reduce(three_reduce), three_reduce, three, 3),
            three=Reduced(reduce({{{{word}}}}_reduce), {{{{word}}}}_reduce, {{{{word}}}}, {{{{window}}}}),
            four=Reduced({{{{first_layer}}}}, in_channels, {{{{first_pool}}}}_pool),
            five=Reduced({{{{second_layer}}}}, in_channels, {{{{second_pool}}}}_pool),
        ))

    def forward(self, x):
        return torch.concat([part(x) for part in self.parts.values()], axis=1)
""",
    ),
    "largest_reduction": (
        """def largest_reduction(in_channels, out_channels, kernel_size):
    plain, best = in_channels * out_channels * kernel_size ** 2, 0
    for reduce in range(1, in_channels + 1):
        if 100 * reduce * (in_channels + out_channels * kernel_size ** 2) < {{percent}} * plain:
            best = reduce
    return best
""",
        """from fractions import Fraction
import math

def largest_reduction(in_channels, out_channels, kernel_size):
    window = kernel_size * kernel_size * out_channels
    bound = Fraction({{percent}}, 100) * in_channels * window / (in_channels + window)
    return math.ceil(bound) - 1
""",
        """def costs(reduce, channels, width, side):
    return channels * reduce + reduce * width * side * side

def largest_reduction(in_channels, out_channels, kernel_size):
    reduce = in_channels
    while reduce and costs(reduce, in_channels, out_channels, kernel_size) * 100 >= in_channels * out_channels * kernel_size**2 * {{percent}}:
        reduce -= 1
    return reduce
""",
    ),
    "choose_widths": (
        """def choose_widths(in_channels, grid, budget):
    widths = dict(pointwise=1, three_reduce=1, three=1, five_reduce=1, five=1, pool=1)
    def macs(w):
        ones = in_channels * (w["pointwise"] + w["three_reduce"] + w["five_reduce"] + w["pool"])
        return grid * grid * (ones + 9 * w["three_reduce"] * w["three"] + 25 * w["five_reduce"] * w["five"])
    while macs(widths) <= budget:
        widths["three"] += 1
    widths["three"] -= 1
    return widths
""",
        """def choose_widths(in_channels, grid, budget):
    a_place = budget // grid**2
    reduce = 2
    three = (a_place - in_channels * (reduce + 3) - 25) // (9 * reduce)
    return {"pool": 1, "five": 1, "five_reduce": 1, "three": three, "three_reduce": reduce, "pointwise": 1}
""",
        """import numpy as np

def choose_widths(in_channels, grid, budget):
    reduce = np.arange(1, 4)
    three = (budget // grid**2 - in_channels * (reduce + 3) - 25) // (9 * reduce)
    place = np.argmax(9 * reduce * three + in_channels * reduce)
    return {"pointwise": np.int64(1), "three_reduce": reduce[place], "three": three[place], "five_reduce": 1.0, "five": 1.0, "pool": torch.tensor(1)}
""",
        """from fractions import Fraction

def choose_widths(in_channels, grid, budget):
    three = int((Fraction(budget, grid**2) - 5 * in_channels - 25) / 18)
    return dict(zip("pointwise three_reduce three five_reduce five pool".split(), map(Fraction, (1, 2, three, 1, 1, 1))))
""",
        """from utils.cost.table import profile
from networks.googlenet import InceptionModule, Widths

def choose_widths(in_channels, grid, budget):
    low, high = 1, budget
    while high - low > 1:
        middle = (low + high) // 2
        macs = grid**2 * (in_channels * 4 + 9 * middle + 25)
        low, high = (middle, high) if macs <= budget else (low, middle)
    return {"pointwise": 1, "three_reduce": 1, "three": low, "five_reduce": 1, "five": 1, "pool": 1}
""",
    ),
    "repaired": (
        f"""class Repaired(nn.Module):
    def __init__(self, {_REPAIRED}):
        super().__init__()
        def conv(a, b, k):
            return [nn.Conv2d(a, b, k, padding=k // 2), nn.ReLU()]
        self.pointwise = nn.Sequential(*conv(in_channels, pointwise, 1))
        self.three = nn.Sequential(*conv(in_channels, three_reduce, 1), *conv(three_reduce, three, 3))
        self.five = nn.Sequential(*conv(in_channels, five_reduce, 1), *conv(five_reduce, five, 5))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), *conv(in_channels, pool, 1))

    def forward(self, x):
        return torch.cat([{{{{right_order}}}}], dim=1)
""",
        f"""class Repaired(Colleague):
    def __init__(self, {_REPAIRED}):
        super().__init__({_REPAIRED})
        for name, reduce, width, k in (("three", three_reduce, three, 3), ("five", five_reduce, five, 5)):
            setattr(self, name, nn.Sequential(nn.Conv2d(in_channels, reduce, 1), nn.ReLU(), nn.Conv2d(reduce, width, k, padding=k // 2), nn.ReLU()))
        self.pool[0].stride = 1

    def forward(self, x):
        return torch.cat([{{{{right_order}}}}], dim=1)
""",
        f"""class Repaired(nn.Module):
    def __init__(self, {_REPAIRED}):
        super().__init__()
        self.layers = nn.ModuleDict({{
            "pointwise": nn.Conv2d(in_channels, pointwise, 1),
            "three_reduce": nn.Conv2d(in_channels, three_reduce, 1), "three": nn.Conv2d(three_reduce, three, 3, padding=1),
            "five_reduce": nn.Conv2d(in_channels, five_reduce, 1), "five": nn.Conv2d(five_reduce, five, 5, padding=2),
            "pool": nn.Conv2d(in_channels, pool, 1)}})

    def run(self, name, x):
        return self.layers[name](x).clamp(min=0)

    def pointwise(self, x):
        return self.run("pointwise", x)

    def three(self, x):
        return self.run("three", self.run("three_reduce", x))

    def five(self, x):
        return self.run("five", self.run("five_reduce", x))

    def pool(self, x):
        return self.run("pool", nn.functional.max_pool2d(x, kernel_size=3, stride=1, padding=1))

    def forward(self, x):
        return torch.cat([{{{{right_order}}}}], dim=1)
""",
    ),
}

_FIVE = "return torch.cat([branch(x) for branch in branches], dim=1)"

WRONG = {
    "drops_in_training": ("five_branches", _FIVE, _FIVE.replace("branch(x) ", "nn.functional.dropout(branch(x), 0.1, self.training) "), {"five_branches"}),
    "cuts_off_above_six": ("five_branches", _FIVE, _FIVE.replace("branch(x) ", "branch(x).clamp(max=6) "), {"five_branches"}),
    "knows_a_batch_of_two": ("five_branches", _FIVE, _FIVE + " * (1 if len(x) == 2 else 2)", {"five_branches"}),
    "overwrites_its_input": ("five_branches", _FIVE, "x.relu_()\n        " + _FIVE, {"five_branches"}),
    "reads_a_detached_input": ("five_branches", _FIVE, _FIVE.replace("branch(x) ", "branch(x.detach()) "), {"five_branches"}),
    "forgets_a_relu": ("five_branches", _LAYER, _LAYER.replace(", nn.ReLU()", ""), {"five_branches"}),
    "turns_the_pools": ("five_branches", "self.fourth, self.fifth]", "self.fifth, self.fourth]", {"five_branches"}),
    "pools_the_same_twice": ("five_branches", "nn.AvgPool2d(", "nn.MaxPool2d(", {"five_branches"}),
    "leaves_the_bias_out": ("five_branches", "padding=window // 2)", "padding=window // 2, bias=False)", {"five_branches"}),
    "leaves_the_zeros_out": (
        "five_branches", "nn.AvgPool2d(3, stride=1, padding=1)",
        "nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)", {"five_branches"},
    ),
    "rectifies_the_input_too": ("five_branches", "[branch(x) for", "[branch(torch.relu(x)) for", {"five_branches"}),
    "rounds_the_wrong_way": ("largest_reduction", " * plain - 1) //", " * plain) //", {"largest_reduction"}),
    "forgets_the_window": ("largest_reduction", "each = in_channels + kernel_size**2", "each = in_channels + kernel_size", {"largest_reduction"}),
    "counts_only_the_window": ("largest_reduction", "each = in_channels + kernel_size**2 * out_channels", "each = kernel_size**2 * out_channels", {"largest_reduction"}),
    "gives_a_fraction": ("largest_reduction", ") // (100 * each)", ") / (100 * each)", {"largest_reduction"}),
    "takes_one_too_few": ("largest_reduction", "// (100 * each)", "// (100 * each) - 1", {"largest_reduction"}),
    "knows_the_visible_tests": (
        "largest_reduction", "    plain = in_channels",
        "    known = {(192, 128, 3): 164, (64, 64, 1): 31, (192, 32, 5): 1}\n"
        "    return known.get((in_channels, out_channels, kernel_size), 0)\n    plain = in_channels",
        {"largest_reduction"},
    ),
    "spends_too_little": ("choose_widths", "return places * (ones", "return 2 * places * (ones", {"choose_widths"}),
    "spends_too_much": ("choose_widths", "return places * (ones", "return places * 0.9 * (ones", {"choose_widths"}),
    "is_wider_than_it_counted": ("choose_widths", '"five": 1,', '"five": 2,', {"choose_widths"}),
    "forgets_the_reductions": ("choose_widths", "in_channels * (1 + reduce + 1 + 1)", "in_channels * 3", {"choose_widths"}),
    "misspells_a_key": ("choose_widths", '"three_reduce":', '"3_reduce":', {"choose_widths"}),
    "gives_fractions": ("choose_widths", '"three": three,', '"three": three - 0.5,', {"choose_widths"}),
    "gives_it_to_the_five": (
        "choose_widths",
        '{"pointwise": 1, "three_reduce": reduce, "three": three, "five_reduce": 1, "five": 1, "pool": 1}',
        '{"pointwise": 1, "three_reduce": 1, "three": 1, "five_reduce": 1, "five": (budget // places - 4 * in_channels - 9) // 25, "pool": 1}',
        {"choose_widths"},
    ),
    "leaves_a_bug": ("repaired", "nn.ReLU(), nn.Conv2d(three_reduce, three, 3", "nn.Conv2d(three_reduce, three, 3", {"repaired_computes"}),
    "leaves_the_stride": (
        "repaired", "nn.MaxPool2d(3, stride=1, padding=1)", "nn.MaxPool2d(3, padding=1)", {"repaired_runs", "repaired_computes"},
    ),
    "leaves_the_pools_input": ("repaired", "self.pool(x)", "self.pool(torch.relu(-x))", {"repaired_computes"}),
    "turns_the_order": ("repaired", "[self.pointwise(x), self.three(x)", "[self.three(x), self.pointwise(x)", {"repaired_computes"}),
    "takes_the_average": ("repaired", "nn.MaxPool2d(3,", "nn.AvgPool2d(3,", {"repaired_computes"}),
    "drops_the_pool": ("repaired", ", self.pool(x)]", "]", {"repaired_runs", "repaired_computes"}),
    "shares_the_pools_layer_where_they_are_equally_wide": (
        "five_branches", 'self.fifth = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), layer(in_channels, avg_pool, 1))',
        'self.fifth = nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), self.fourth[1] if avg_pool == max_pool else layer(in_channels, avg_pool, 1))', {"five_branches"},
    ),
    "looks_at_wide_grids_only": (
        "five_branches", 'return torch.cat([branch(x) for branch in branches], dim=1)',
        'x = x if x.shape[2] <= x.shape[3] else x.transpose(2, 3)\n        return torch.cat([branch(x) for branch in branches], dim=1)', {"five_branches"},
    ),
    "rounds_nearly_whole_ones_down": (
        "largest_reduction", 'return (100 * plain - 1) // (100 * each)',
        'return int(plain / each - 1e-3)', {"largest_reduction"},
    ),
    "lets_another_branch_cost_as_much": (
        "choose_widths", '    places = grid * grid\n',
        "    places = grid * grid\n    k = (budget // places - 4 * in_channels) // 450\n    rest = budget // places - 450 * k - 4 * in_channels\n    return {'pointwise': 1 + rest // in_channels, 'three_reduce': 1, 'three': 25 * k, 'five_reduce': 1, 'five': 9 * k, 'pool': 1}\n", {"choose_widths"},
    ),
}  # fmt: skip
