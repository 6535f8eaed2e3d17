"""Lesson 08. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {
    "separable_stem": 2, "as_one": 3, "fewest_groups": 2, "mobile_block": 3, "repaired_mixes": 1, "repaired_computes": 2,
}  # fmt: skip
BY_TEACHER = 2
TOLD = ("overwrites_the_input", "overwrites its input")
SECRETS = ("_reference", "_Middle", "same_module", "A full answer")

WRONG = {
    "adds_a_skip_where_it_fits": (
        "mobile_block", "return self.layers(x)", "y = self.layers(x)\n        return x + y if x.shape == y.shape else y", {"mobile_block"},
    ),
    "mixes_only_where_the_width_changes": (
        "mobile_block", "nn.Conv2d(comes, goes, 1, bias=False),", "nn.Conv2d(comes, goes, 1, bias=False) if comes != goes else nn.Identity(),", {"mobile_block"},
    ),
    "one_filter_a_channel": ("separable_stem", "nn.Conv2d(in_channels, m * in_channels, 7", "nn.Conv2d(in_channels, in_channels, 7", {"separable_stem"}),
    "groups_of_outputs": ("separable_stem", "groups=in_channels", "groups=m", {"separable_stem"}),
    "puts_a_relu_between": ("separable_stem", "return nn.Sequential(filters, ", "return nn.Sequential(filters, nn.ReLU(), ", {"separable_stem"}),
    "keeps_the_biases": ("separable_stem", ", bias=False", "", {"separable_stem"}),
    "strides_in_the_mix": (
        "separable_stem", "7, stride=2, padding=3, groups=in_channels, bias=False)\n    return nn.Sequential(filters, nn.Conv2d(m * in_channels, out_channels, 1,",
        "7, padding=3, groups=in_channels, bias=False)\n    return nn.Sequential(filters, nn.Conv2d(m * in_channels, out_channels, 1, stride=2,",
        {"separable_stem"},
    ),
    "counts_filters_first": ("as_one", "filters.view(in_channels, m, size, size)", "filters.view(m, in_channels, size, size).transpose(0, 1)", {"as_one"}),
    "loses_digits": ("as_one", "factors, windows)", "factors.float(), windows.float())", {"as_one"}),
    "knows_three_by_three_only": ("as_one", "filters.shape[-1]", "3", {"as_one"}),
    "averages_the_filters": ("as_one", '"oim,imhw->oihw", factors, windows)', '"oim,imhw->oihw", factors, windows) / m', {"as_one"}),
    "turns_the_windows": ("as_one", "filters.view(in_channels, m, size, size)", "filters.view(in_channels, m, size, size).flip(-2, -1)", {"as_one"}),
    "divides_both": ("fewest_groups", "channels * (channels // groups)", "(channels // groups) ** 2", {"fewest_groups"}),
    "stops_before_the_end": ("fewest_groups", "range(1, channels + 1)", "range(1, channels)", {"fewest_groups"}),
    "spends_less_than_all": ("fewest_groups", "<= budget", "< budget", {"fewest_groups"}),
    "forgets_the_grid": ("fewest_groups", "at_each_place * grid**2 <=", "at_each_place <=", {"fewest_groups"}),
    "forgets_what_divides": ("fewest_groups", "if channels % groups == 0:", "if channels // groups:", {"fewest_groups"}),
    "takes_groups_that_do_not_divide": (
        "fewest_groups", "if channels % groups == 0:\n            at_each_place = channels * (channels // groups)",
        "if True:\n            at_each_place = channels * (channels / groups)", {"fewest_groups"},
    ),
    "rounds_the_width": ("mobile_block", "int(alpha * channels)", "round(alpha * channels)", {"mobile_block"}),
    "narrows_the_output_only": ("mobile_block", "for channels in (in_channels, out_channels))", "for channels in (in_channels / alpha, out_channels))", {"mobile_block"}),
    "strides_in_the_wrong_half": (
        "mobile_block", "nn.Conv2d(comes, comes, 3, stride=stride, padding=1, groups=comes, bias=False)",
        "nn.Conv2d(comes, comes, 3, padding=1, groups=comes, bias=False), nn.AvgPool2d(stride, ceil_mode=True)", {"mobile_block"},
    ),
    "allows_no_channel": ("mobile_block", "max(1, int(alpha * channels))", "int(alpha * channels)", {"mobile_block"}),
    "takes_torch_s_eps": ("mobile_block", ", eps=1e-3", "", {"mobile_block"}),
    "overwrites_the_input": ("repaired", "nn.ReLU(),", "nn.ReLU(inplace=True),", {"repaired_computes"}),
    "leaves_the_groups": (
        "repaired", "nn.Conv2d(channels, channels, 1, bias=False)", "nn.Conv2d(channels, channels, 1, groups=channels, bias=False)",
        {"repaired_mixes", "repaired_computes"},
    ),
    "leaves_the_order": (
        "repaired", "nn.Conv2d(channels, channels, 1, bias=False),\n                nn.BatchNorm2d(channels, eps=1e-3),",
        "nn.BatchNorm2d(channels, eps=1e-3),\n                nn.Conv2d(channels, channels, 1, bias=False),", {"repaired_computes"},
    ),
    "adds_what_is_activated": ("repaired", "self.body(x) + x", "self.body(x) + torch.relu(x)", {"repaired_computes"}),
    "repeats_one_layer": ("repaired", "nn.Sequential(*layers)", "nn.Sequential(*layers[:4] * count)", {"repaired_computes"}),
    "always_takes_double": (
        "as_one", 'factors, windows)',
        'factors.double(), windows.double())', {"as_one"},
    ),
    "knows_few_filters_only": (
        "as_one", 'in_channels, size = len(filters) // m, filters.shape[-1]',
        'm = min(m, 4)\n    in_channels, size = len(filters) // m, filters.shape[-1]', {"as_one"},
    ),
    "turns_it_where_widths_are_equal": (
        "as_one", '    return torch.einsum("oim,imhw->oihw", factors, windows)',
        "    return torch.einsum('oim,imhw->oihw', factors, windows).transpose(0, 1) if len(mix) == in_channels else torch.einsum('oim,imhw->oihw', factors, windows)", {"as_one"},
    ),
    "has_no_defaults": (
        "mobile_block", 'stride=1, alpha=1.0',
        'stride, alpha', {"mobile_block"},
    ),
    "has_other_defaults": (
        "mobile_block", 'stride=1, alpha=1.0',
        'stride=2, alpha=0.5', {"mobile_block"},
    ),
    "allows_no_channel_at_the_end": (
        "mobile_block", 'comes, goes = (max(1, int(alpha * channels)) for channels in (in_channels, out_channels))',
        'comes, goes = max(1, int(alpha * in_channels)), int(alpha * out_channels)', {"mobile_block"},
    ),
    "stops_at_three": (
        "repaired", 'for _ in range(count)',
        'for _ in range(min(count, 3))', {"repaired_computes"},
    ),
}  # fmt: skip

RIGHT = {
    "separable_stem": (
        """
class Stem(nn.Module):
    def __init__(self, i, o, m):
        super().__init__()
        self.look = nn.Conv2d(i, i * m, (7, 7), (2, 2), (3, 3), groups=i, bias=False)
        self.mix = nn.Conv2d(i * m, o, 1, bias=False)

    def forward(self, x):
        return self.mix(self.look(x))


separable_stem = Stem
""",
        """
def separable_stem(in_channels, out_channels, m):
    net = nn.Sequential()
    net.add_module("pad", nn.ZeroPad2d(3))
    net.add_module("filters", nn.Conv2d(in_channels, in_channels * m, 7, stride=2, groups=in_channels, bias=False))
    net.add_module("mix", nn.Conv2d(in_channels * m, out_channels, 1, bias=False))
    return net
""",
        """
separable_stem = lambda in_channels, out_channels, m: nn.Sequential(
    nn.Conv2d(in_channels, m * in_channels, 7, 2, 3, 1, in_channels, False),
    nn.Sequential(nn.Conv2d(m * in_channels, out_channels, 1, bias=False)),
)
""",
    ),
    "as_one": (
        """
def as_one(filters, mix, m):
    out, count = mix.shape[:2]
    size = filters.shape[-1]
    result = filters.new_zeros(out, count // m, size, size)
    for o in range(out):
        for c in range(count):
            result[o, c // m] += mix[o, c, 0, 0] * filters[c, 0]
    return result
""",
        """
def as_one(filters, mix, m):
    each = mix * filters.transpose(0, 1)  # (out, m * in, k, k)
    return each.unflatten(1, (-1, m)).sum(dim=2)
""",
        """
def as_one(filters, mix, m):
    count, size = len(filters) // m, filters.shape[-1]
    images = torch.zeros(count, count, 2 * size - 1, 2 * size - 1, dtype=filters.dtype)
    images[range(count), range(count), size - 1, size - 1] = 1
    seen = torch.nn.functional.conv2d(torch.nn.functional.conv2d(images, filters, groups=count), mix)
    return seen.flip(-2, -1).transpose(0, 1)
""",
    ),
    "fewest_groups": (
        """
def fewest_groups(channels, out_channels, kernel_size, grid, budget):
    left = budget - channels * out_channels * grid**2
    wide = {{grouped}}
    fits = [g for g in range(1, wide + 1) if wide % g == 0 and wide**2 // g * kernel_size**2 * grid**2 {{within}} left]
    return min(fits, default=None)
""",
        """
def fewest_groups(channels, out_channels, kernel_size, grid, budget):
    answer = None
    for groups in reversed(range(1, {{grouped}} + 1)):
        if {{grouped}} % groups:
            continue
        macs = grid * grid * ({{grouped}} * ({{grouped}} // groups) * kernel_size * kernel_size + channels * out_channels)
        if not macs {{within}} budget:
            break
        answer = groups
    return answer
""",
        """
def fewest_groups(channels, out_channels, kernel_size, grid, budget):
    groups = 1
    while groups <= {{grouped}}:
        if {{grouped}} % groups == 0:
            window = nn.Conv2d({{grouped}}, {{grouped}}, kernel_size, groups=groups, bias=False, device="meta")
            if (window.weight.numel() + channels * out_channels) * grid**2 {{within}} budget:
                return groups
        groups += 1
""",
    ),
    "mobile_block": (
        """
class MobileBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, alpha=1.0):
        super().__init__()
        comes, goes = (max({{least}}, int(alpha * each)) for each in (in_channels, out_channels))
        self.net = nn.Sequential(
            nn.LazyConv2d(comes, {{window}}, stride=stride, padding={{edge}}, groups=comes, bias=False), nn.LazyBatchNorm2d(eps=1e-3), nn.ReLU(),
            nn.LazyConv2d(goes, 1, bias=False), nn.LazyBatchNorm2d(eps=1e-3), nn.ReLU(),
        )

    def forward(self, x):
        return self.net(x)
""",
        """
class MobileBlock(nn.Sequential):
    def __init__(self, in_channels, out_channels, stride=1, alpha=1.0):
        a, b = [int(alpha * c) if alpha * c >= {{least}} else {{least}} for c in (in_channels, out_channels)]
        super().__init__(
            nn.Conv2d(a, a, {{window}}, stride, {{edge}}, groups=a, bias=False), nn.BatchNorm2d(a, 1e-3), nn.ReLU(inplace=True),
            nn.Conv2d(a, b, 1, bias=False), nn.BatchNorm2d(b, 1e-3), nn.ReLU(inplace=True),
        )
""",
        """
class MobileBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, alpha=1.0):
        super().__init__()
        a = max(int(alpha * in_channels), {{least}})
        b = max(int(alpha * out_channels), {{least}})
        self.dw = nn.Conv2d(a, a, kernel_size={{window}}, stride=stride, padding={{edge}}, groups=a, bias=False)
        self.n1 = nn.BatchNorm2d(a, eps=0.001)
        self.pw = nn.Conv2d(a, b, kernel_size=1, bias=False)
        self.n2 = nn.BatchNorm2d(b, eps=0.001)

    def forward(self, x):
        x = torch.relu(self.n1(self.dw(x)))
        return torch.relu(self.n2(self.pw(x)))
""",
        """
class MobileBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, alpha=1.0):
        super().__init__()
        widths = [max({{least}}, int(alpha * each)) for each in (in_channels, in_channels, out_channels)]
        options = ({"kernel_size": {{window}}, "stride": stride, "padding": {{edge}}, "groups": widths[0]}, {"kernel_size": 1})
        self.halves = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, bias=False, **more), nn.BatchNorm2d(b, eps=1e-3), nn.ReLU())
            for a, b, more in zip(widths, widths[1:], options)
        )

    def forward(self, x):
        for half in self.halves:
            x = half(x)
        return x
""",
    ),
    "repaired": (
        """
class Repaired(nn.Module):
    def __init__(self, channels, count):
        super().__init__()
        self.steps = nn.ModuleList()
        for _ in range(count):
            space = nn.Conv2d(channels, channels, 3, padding="same", groups=channels, bias=False)
            mix = nn.Conv2d(channels, channels, 1, bias=False)
            self.steps.append(nn.Sequential(nn.ReLU(), space, mix, nn.BatchNorm2d(channels, eps=1e-3)))

    def forward(self, x):
        out = x
        for step in self.steps:
            out = step(out)
        return x + out
""",
        """
class Repaired(nn.Module):
    def __init__(self, channels, count):
        super().__init__()
        self.dw = nn.ModuleList(nn.Conv2d(channels, channels, 3, 1, 1, groups=channels, bias=False) for _ in range(count))
        self.pw = nn.ModuleList(nn.Conv2d(channels, channels, 1, bias=False) for _ in range(count))
        self.bn = nn.ModuleList(nn.BatchNorm2d(channels, eps=1e-3) for _ in range(count))

    def forward(self, x):
        y = x
        for dw, pw, bn in zip(self.dw, self.pw, self.bn):
            y = bn(pw(dw(y.relu())))
        return y + x
""",
        """
class Repaired(nn.Module):
    def __init__(self, channels, count):
        super().__init__()
        one = lambda: [
            nn.ReLU(inplace=True), nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels, eps=1e-3),
        ]
        self.body = nn.Sequential(*[layer for _ in range(count) for layer in one()])

    def forward(self, x):
        return self.body(x.clone()) + x
""",
    ),
}
