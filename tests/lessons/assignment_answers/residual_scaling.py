"""Lesson 07. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {
    "reduction_shapes": 1, "reduction_computes": 2, "pre_activated": 2, "folded_computes": 2, "folded_rate": 1, "scale_for": 2,
    "repaired_passes": 1, "repaired_computes": 2,
}  # fmt: skip
BY_TEACHER = 2
TOLD = ("forgets_the_bias", "the folded block computes something else")
SECRETS = ("_Reduction", "_Pre(", "_Repaired", "A full answer", "_square")

RIGHT = {
    "residual_reduction": (
        """
class ResidualReduction(nn.Module):
    def __init__(self, in_channels, out_channels, single, stacked, scale):
        super().__init__()
        first, second = stacked
        self.a = layer(in_channels, single, 3, 2)
        self.b1 = layer(in_channels, first, 1)
        self.b2 = layer(first, second, {{wide}}, 2)
        self.up = nn.Conv2d(in_channels=single + second, out_channels=out_channels, kernel_size=(1, 1), bias=True)
        self.shortcut = layer(in_channels, out_channels, {{past}}, 2, False)
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, x):
        a = self.a(x)
        b = self.b2(self.b1(x))
        up = self.up(torch.cat((a, b), 1))
        return nn.functional.relu(self.shortcut(x) + up * self.scale)
""",
        """
class SideBySide(nn.ModuleList):
    def forward(self, x):
        return torch.cat([branch(x) for branch in self], dim=1)

class ResidualReduction(nn.Module):
    def __init__(self, in_channels, out_channels, single, stacked, scale):
        super().__init__()
        self.residual = nn.Sequential(
            SideBySide([
                layer(in_channels, single, window=3, stride=2),
                nn.Sequential(layer(in_channels, stacked[0], window=1), layer(*stacked, window={{wide}}, stride=2)),
            ]),
            nn.Conv2d(single + stacked[-1], out_channels, 1),
        )
        self.projection = layer(in_channels, out_channels, window={{past}}, stride=2, relu=False)
        self.relu = nn.ReLU(inplace=True)
        self.scale = scale

    def forward(self, x):
        return self.relu(torch.add(self.projection(x), self.residual(x), alpha=self.scale))
""",
        """
class ResidualReduction(nn.Module):
    def __init__(self, in_channels, out_channels, single, stacked, scale):
        super().__init__()
        self.parts = nn.ModuleDict()
        self.parts["past"] = layer(in_channels, out_channels, {{past}}, stride=2, relu=False)
        self.parts["left"] = layer(in_channels, single, 3, stride=2)
        steps, width = [], in_channels
        for wide, window, stride in zip(stacked, (1, {{wide}}), (1, 2)):
            steps.append(layer(width, wide, window, stride))
            width = wide
        self.parts["right"] = nn.Sequential(*steps)
        self.parts["expand"] = nn.Conv2d(single + width, out_channels, 1)
        self.scale = float(scale)

    def forward(self, x):
        found = {}
        for name in ("left", "right", "past"):
            found[name] = self.parts[name](x)
        sum = self.parts["expand"](torch.concat([found["left"], found["right"]], axis=1))
        sum *= self.scale
        sum += found["past"]
        return sum.clamp(min=0)
""",
    ),
    "pre_activated": (
        """
class PreActivated(nn.Module):
    def __init__(self, in_channels, branches, concatenated, scale):
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.up = nn.Conv2d(concatenated, in_channels, kernel_size=1, bias=True)
        self.scale = scale

    def forward(self, x):
        y = self.relu(self.norm(x))
        outputs = []
        for branch in self.branches:
            outputs.append(branch(y))
        y = torch.cat(outputs, 1)
        y = self.up(y)
        return y * self.scale + x
""",
        """
class PreActivated(nn.Module):
    def __init__(self, in_channels, branches, concatenated, scale):
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.before = nn.Sequential(nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True))
        self.expand = nn.Conv2d(concatenated, in_channels, (1, 1), padding="same")
        self.register_buffer("factor", torch.as_tensor(scale))

    def forward(self, x):
        ready = self.before(x)
        return torch.add(x, self.factor * self.expand(torch.hstack([each(ready) for each in self.branches])))
""",
        """
import torch.nn.functional as F

class PreActivated(nn.Module):
    def __init__(self, in_channels, branches, concatenated, scale):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.expansion = nn.Conv2d(concatenated, in_channels, 1)
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)
        self.count, self.scale = len(branches), scale

    def residual(self, x):
        x = F.relu(self.norm(x))
        parts = map(lambda number: getattr(self, f"branch{number}")(x), range(self.count))
        return self.expansion(torch.cat(tuple(parts), dim=-3))

    def forward(self, x):
        return x.add(self.residual(x), alpha=self.scale)
""",
    ),
    "folded": (
        """
def folded(block):
    channels, width = block.expansion.out_channels, block.expansion.in_channels
    new = Block(channels, copy.deepcopy(block.branch), width, {{goal}})
    new.expansion.load_state_dict({name: value * block.scale / {{goal}} for name, value in block.expansion.state_dict().items()})
    return new


def folded_rate(rate, scale):
    return rate * (scale / {{goal}}) ** 2
""",
        """
def folded(block):
    new = copy.deepcopy(block)
    new.scale = {{goal}}
    for parameter in new.expansion.parameters():
        parameter.data *= block.scale / {{goal}}
    return new


def folded_rate(rate, scale):
    return rate * scale * scale / {{goal}} / {{goal}}
""",
        """
def folded(block):
    old = block.expansion
    new = Block(old.out_channels, copy.deepcopy(block.branch), old.in_channels, {{goal}})
    new.expansion.weight = nn.Parameter(old.weight.detach() * block.scale / {{goal}})
    new.expansion.bias = nn.Parameter(old.bias.detach() * block.scale / {{goal}})
    new.train(block.training)
    return new


def folded_rate(rate, scale):
    return (rate**0.5 * scale / {{goal}}) ** 2
""",
        """
def folded(block):
    new, state = copy.deepcopy(block), copy.deepcopy(block.state_dict())
    for name in list(state):
        if name.startswith("expansion."):
            state[name] = block.scale / {{goal}} * state[name]
    new.load_state_dict(state)
    new.scale = block.scale / block.scale * {{goal}}
    return new


def folded_rate(rate, scale):
    for _ in range(2):
        rate = rate * scale / {{goal}}
    return rate
""",
        """
@torch.no_grad()
def folded(block):
    new = copy.deepcopy(block)
    new.scale, times = {{goal}}, new.scale / {{goal}}
    new.expansion = nn.Conv2d(new.expansion.in_channels, new.expansion.out_channels, 1)
    new.expansion.weight.copy_(block.expansion.weight * times)
    new.expansion.bias.copy_(block.expansion.bias * times)
    return new


def folded_rate(rate, scale):
    return rate / ({{goal}} / scale) ** 2
""",
    ),
    "scale_for": (
        """
import math

def scale_for(blocks, largest, normalised):
    if normalised:
        return math.sqrt((largest * largest - 1) / blocks)
    each = math.exp(math.log(largest) * 2 / blocks)
    return math.sqrt(each - 1)
""",
        """
def size_behind(blocks, scale, normalised):
    square = 1.0
    for _ in range(blocks):
        square = square + scale**2 if normalised else square * (1 + scale**2)
    return square**0.5

def scale_for(blocks, largest, normalised):
    low, high = 0.0, largest
    for _ in range(100):
        middle = (low + high) / 2
        if size_behind(blocks, middle, normalised) > largest:
            high = middle
        else:
            low = middle
    return low
""",
        """
def scale_for(blocks, largest, normalised):
    laws = {
        True: lambda square: (square - 1) / blocks,
        False: lambda square: torch.expm1(torch.log(square) / blocks),
    }
    return laws[normalised](torch.tensor(largest, dtype=torch.float64) ** 2).sqrt().item()
""",
    ),
    "repaired": (
        """
class Repaired(nn.Module):
    def __init__(self, channels, width, scale):
        super().__init__()
        self.left = layer(channels, width, 1)
        self.reduce, self.look = layer(channels, width, 1), layer(width, width, 3)
        self.up = nn.Conv2d(width + width, channels, 1)
        self.scale = scale

    def forward(self, x):
        left, right = self.left(x), self.look(self.reduce(x))
        return torch.add(x, self.up(torch.cat((left, right), 1)), alpha=self.scale).relu()
""",
        """
class Repaired(Colleague):
    def __init__(self, channels, width, scale):
        super().__init__(channels, width, scale)
        del self.norm

    def forward(self, x):
        residual = self.expansion(torch.cat([self.pointwise(x), self.single(x)], dim=1))
        return nn.functional.relu(x + residual * self.scale)
""",
        """
class Repaired(nn.Module):
    def __init__(self, channels, width, scale):
        super().__init__()
        self.branches = nn.ModuleList([
            layer(channels, width, 1),
            nn.Sequential(*layer(channels, width, 1), *layer(width, width, 3)),
        ])
        self.expansion = nn.Conv2d(2 * width, channels, (1, 1))
        self.relu = nn.ReLU(inplace=True)
        self.register_buffer("scale", torch.tensor(float(scale)))

    def forward(self, x):
        out = None
        for branch in self.branches:
            part = branch(x)
            out = part if out is None else torch.cat([out, part], dim=1)
        out = self.scale * self.expansion(out)
        out += x
        return self.relu(out)
""",
    ),
}

WRONG = {
    "projects_only_where_widths_differ": (
        "residual_reduction", "self.projection = layer(in_channels, out_channels, 1, stride=2, relu=False)",
        "self.projection = layer(in_channels, out_channels, 1, stride=2, relu=False) if in_channels != out_channels else nn.AvgPool2d(1, 2)",
        {"reduction_computes"},
    ),
    "projects_with_a_relu": ("residual_reduction", "stride=2, relu=False", "stride=2", {"reduction_computes"}),
    "scales_the_projection": (
        "residual_reduction", "self.projection(x) + self.scale * residual", "self.scale * (self.projection(x) + residual)",
        {"reduction_computes"},
    ),
    "normalises_the_expansion": (
        "residual_reduction", "self.expansion = nn.Conv2d(single + stacked[1], out_channels, 1)",
        "self.expansion = layer(single + stacked[1], out_channels, 1, relu=False)", {"reduction_shapes", "reduction_computes"},
    ),
    "strides_in_the_reduction": (
        "residual_reduction", "layer(in_channels, stacked[0], 1), layer(stacked[0], stacked[1], 3, stride=2)",
        "layer(in_channels, stacked[0], 1, stride=2), layer(stacked[0], stacked[1], 3)", {"reduction_computes"},
    ),
    "averages_before_it_projects": (
        "residual_reduction", "self.projection = layer(in_channels, out_channels, 1, stride=2, relu=False)",
        "self.projection = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), layer(in_channels, out_channels, 1, relu=False))",
        {"reduction_computes"},
    ),
    "turns_the_branches": ("residual_reduction", "[self.single(x), self.stacked(x)]", "[self.stacked(x), self.single(x)]", {"reduction_computes"}),
    "forgets_the_last_relu": (
        "residual_reduction", "torch.relu(self.projection(x) + self.scale * residual)", "self.projection(x) + self.scale * residual",
        {"reduction_shapes", "reduction_computes"},
    ),
    "adds_what_is_activated": ("pre_activated", "return x + self.scale", "return ready + self.scale", {"pre_activated"}),
    "activates_behind_too": (
        "pre_activated", "return x + self.scale * residual", "return torch.relu(x + self.scale * residual)", {"pre_activated"},
    ),
    "normalises_behind_the_relu": ("pre_activated", "torch.relu(self.norm(x))", "self.norm(torch.relu(x))", {"pre_activated"}),
    "leaves_the_norm_out": ("pre_activated", "torch.relu(self.norm(x))", "torch.relu(x)", {"pre_activated"}),
    "scales_all": ("pre_activated", "x + self.scale * residual", "self.scale * (x + residual)", {"pre_activated"}),
    "expands_without_a_bias": ("pre_activated", "nn.Conv2d(concatenated, in_channels, 1)", "nn.Conv2d(concatenated, in_channels, 1, bias=False)", {"pre_activated"}),
    "forgets_the_bias": ("folded", "new.expansion.bias.mul_(block.scale)", "pass", {"folded_computes"}),
    "folds_in_place": ("folded", "new = copy.deepcopy(block)", "new = block", {"folded_computes"}),
    "copies_the_shell_only": ("folded", "new = copy.deepcopy(block)", "new = copy.copy(block)", {"folded_computes"}),
    "divides_by_the_scale": ("folded", "mul_(block.scale)", "div_(block.scale)", {"folded_computes"}),
    "leaves_the_scale_on": ("folded", "    new.scale = 1.0\n", "", {"folded_computes"}),
    "folds_twice": ("folded", "mul_(block.scale)", "mul_(block.scale**2)", {"folded_computes"}),
    "shares_the_branch": (
        "folded", "new = copy.deepcopy(block)",
        "new = copy.copy(block)\n    new._modules = dict(block._modules, expansion=copy.deepcopy(block.expansion))", {"folded_computes"},
    ),
    "folds_into_the_norm": (
        "folded", "new.expansion.weight.mul_(block.scale)",
        "new.branch[1].weight.mul_(block.scale)\n        new.branch[1].bias.mul_(block.scale)", {"folded_computes"},
    ),
    "freezes_the_new_one": ("folded", "    return new\n", "    new.expansion.requires_grad_(False)\n    return new\n", {"folded_computes"}),
    "takes_the_negative_root": ("scale_for", "return square**0.5", "return square**0.5 if normalised else -(square**0.5)", {"scale_for"}),
    "takes_the_scale_once": ("folded", "rate * scale**2", "rate * scale", {"folded_rate"}),
    "turns_the_rate_round": ("folded", "rate * scale**2", "rate / scale**2", {"folded_rate"}),
    "keeps_the_rate": ("folded", "rate * scale**2", "rate", {"folded_rate"}),
    "takes_the_root": ("folded", "rate * scale**2", "rate * scale**0.5", {"folded_rate"}),
    "divides_once": ("folded", "rate * scale**2", "rate / scale", {"folded_rate"}),
    "forgets_the_root": ("scale_for", "return square**0.5", "return square", {"scale_for"}),
    "takes_one_law_for_both": (
        "scale_for", "(largest**2 - 1) / blocks if normalised else largest ** (2 / blocks) - 1", "(largest**2 - 1) / blocks",
        {"scale_for"},
    ),
    "takes_the_other_law": ("scale_for", "if normalised", "if not normalised", {"scale_for"}),
    "allows_nothing_above_one": ("scale_for", "return square**0.5", "return min(1.0, square**0.5)", {"scale_for"}),
    "forgets_the_square": ("scale_for", "largest ** (2 / blocks)", "largest ** (1 / blocks)", {"scale_for"}),
    "adds_sizes": ("scale_for", "(largest**2 - 1) / blocks if", "((largest - 1) / blocks) ** 2 if", {"scale_for"}),
    "keeps_the_first_relu": (
        "repaired", "self.scale * self.expansion(joined)", "self.scale * torch.relu(self.expansion(joined))", {"repaired_computes"},
    ),
    "scales_the_sum": (
        "repaired", "torch.relu(x + self.scale * self.expansion(joined))", "torch.relu(self.scale * (x + self.expansion(joined)))",
        {"repaired_passes", "repaired_computes"},
    ),
    "scales_in_front_of_the_bias": (
        "repaired", "self.scale * self.expansion(joined)", "self.expansion(self.scale * joined)", {"repaired_passes", "repaired_computes"},
    ),
    "keeps_a_norm": (
        "repaired", "self.expansion = nn.Conv2d(2 * width, channels, 1)",
        "self.expansion = nn.Sequential(nn.Conv2d(2 * width, channels, 1), nn.BatchNorm2d(channels))", {"repaired_computes"},
    ),
    "keeps_the_norm_behind_the_sum": (
        "repaired", "self.scale = scale\n\n    def forward(self, x):\n",
        "self.scale, self.norm = scale, nn.BatchNorm2d(channels)\n\n    def forward(self, x):\n"
        "        return torch.relu(self.norm(self.add(x)))\n\n    def add(self, x):\n",
        {"repaired_passes", "repaired_computes"},
    ),
    "loses_the_last_relu": (
        "repaired", "torch.relu(x + self.scale * self.expansion(joined))", "x + self.scale * self.expansion(joined)", {"repaired_computes"},
    ),
    "rounds_the_scale": (
        "residual_reduction", 'self.scale = scale',
        'self.scale = round(scale, 1)', {"reduction_computes"},
    ),
    "activates_the_branches_again": (
        "pre_activated", 'torch.cat([branch(ready)',
        'torch.cat([branch(ready).relu()', {"pre_activated"},
    ),
    "freezes_the_old_one": (
        "folded", 'new = copy.deepcopy(block)',
        'new = copy.deepcopy(block)\n    block.requires_grad_(False)', {"folded_computes"},
    ),
    "gives_it_in_evaluation_mode": (
        "folded", '    return new\n',
        '    return new.eval()\n', {"folded_computes"},
    ),
    "shares_the_statistics": (
        "folded", '    return new\n',
        '    for a, b in zip(new.modules(), block.modules()):\n        for name in list(a._buffers):\n            a._buffers[name] = b._buffers[name]\n    return new\n', {"folded_computes"},
    ),
    "scales_by_a_hook": (
        "folded", 'new.expansion.weight.mul_(block.scale)\n        new.expansion.bias.mul_(block.scale)',
        's = block.scale\n        new.expansion.register_forward_hook(lambda m, i, o: s * o)', {"folded_computes"},
    ),
    "leaves_a_large_scale_on": (
        "folded", 'new = copy.deepcopy(block)',
        'new = copy.deepcopy(block)\n    if block.scale > 1:\n        return new', {"folded_computes"},
    ),
    "rounds_the_rate": (
        "folded", 'rate * scale**2',
        'rate * round(scale**2, 2)', {"folded_rate"},
    ),
    "rounds_to_four_digits": (
        "scale_for", 'return square**0.5',
        'return round(square**0.5, 4)', {"scale_for"},
    ),
}  # fmt: skip
