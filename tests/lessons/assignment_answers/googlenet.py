"""Lesson 02. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {"small_network": 3, "agrees": 2, "ten_crops": 2, "repaired_network": 2, "repaired_loss": 1}
BY_TEACHER = 2
TOLD = ("averages_logits", "the probabilities differ")
SECRETS = ("_Reference", "same_module", "_by_hand", "_ten(", "A full answer")

WRONG = {
    "rounds_down": (
        "small_network", "nn.MaxPool2d(3, stride=2, ceil_mode=True)", "nn.MaxPool2d(3, stride=2)", {"small_network"},
    ),
    "turns_the_pools": (
        "small_network", "[x.mean(dim=(2, 3)), x.amax(dim=(2, 3))]", "[x.amax(dim=(2, 3)), x.mean(dim=(2, 3))]",
        {"small_network"},
    ),
    "forgets_a_relu": ("small_network", "padding=1), nn.ReLU()]", "padding=1)]", {"small_network"}),
    "pads_the_pool": ("small_network", "stride=2, ceil_mode=True", "stride=2, padding=1", {"small_network"}),
    "takes_one_pool_twice": ("small_network", "x.amax(dim=(2, 3))", "x.mean(dim=(2, 3))", {"small_network"}),
    "mixes_the_pools": (
        "small_network", "torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)",
        "torch.stack([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=2).flatten(1)", {"small_network"},
    ),
    "forgets_the_stems_bias": ("small_network", "3, padding=1)", "3, padding=1, bias=False)", {"small_network"}),
    "keeps_the_first_width": ("small_network", "channels = entry.out_channels", "pass", {"small_network"}),
    "gives_probabilities": ("small_network", "dim=1))", "dim=1)).softmax(dim=1)", {"small_network"}),
    "takes_a_thousand": ("agrees", "(printed_params + 0.5) * 1024", "(printed_params + 0.5) * 1000", {"agrees"}),
    "gives_no_margin": ("agrees", "(printed_params + 0.5) * 1024", "printed_params * 1024", {"agrees"}),
    "forgets_a_side": ("agrees", "1e6 / grid**2)\n    most", "1e6 / grid)\n    most", {"agrees"}),
    "rounds_one_number": (
        "agrees", "return least <= most", "return round(printed_params * 1024 * grid**2 / 1e6) == printed_ops", {"agrees"},
    ),
    "asks_the_ends_to_fit": (
        "agrees", "return least <= most",
        "ends = [(printed_params + d) * 1024 * grid**2 / 1e6 for d in (-0.5, 0.5)]\n"
        "    return any(printed_ops - 0.5 <= end <= printed_ops + 0.5 for end in ends)",
        {"agrees"},
    ),
    "allows_one_million": (
        "agrees", "return least <= most",
        "return abs(printed_params * 1024 * grid**2 / 1e6 - printed_ops) <= 1", {"agrees"},
    ),
    "gives_a_number": ("agrees", "return least <= most", "return int(least <= most)", {"agrees"}),
    "averages_logits": ("ten_crops", ".softmax(dim=1).mean(dim=0)", ".mean(dim=0).softmax(dim=0)", {"ten_crops"}),
    "trains_on": ("ten_crops", "    net.eval()\n", "", {"ten_crops"}),
    "turns_upside_down": ("ten_crops", "crop.flip(-1)", "crop.flip(-2)", {"ten_crops"}),
    "rounds_the_centre": (
        "ten_crops", "(down // 2, across // 2)", "(round(down / 2), round(across / 2))", {"ten_crops"},
    ),
    "mirrors_the_photograph": (
        "ten_crops", "crops += [crop.flip(-1) for crop in crops]",
        "crops += [image.flip(-1)[:, top : top + side, left : left + side] for top, left in corners]", {"ten_crops"},
    ),
    "takes_height_for_width": (
        "ten_crops", "height, width = image.shape[1:]", "width, height = image.shape[1:]", {"ten_crops"},
    ),
    "forgets_the_mirror": ("ten_crops", "    crops += [crop.flip(-1) for crop in crops]\n", "", {"ten_crops"}),
    "sums_over_classes": ("ten_crops", "softmax(dim=1)", "softmax(dim=0)", {"ten_crops"}),
    "leaves_a_detach": ("repaired", "self.head1(after_second.mean", "self.head1(after_second.detach().mean", {"repaired_network"}),
    "leaves_the_axes": ("repaired", "self.classifier(x.mean(dim=(2, 3)))", "self.classifier(x.mean(dim=(1, 2)))", {"repaired_network"}),
    "swaps_the_heads": (
        "repaired",
        "(self.head1(after_second.mean(dim=(2, 3))), self.head2(after_third.mean(dim=(2, 3))))",
        "(self.head2(after_third.mean(dim=(2, 3))), self.head1(after_second.mean(dim=(2, 3))))",
        {"repaired_network"},
    ),
    "is_right_for_two_images_only": (
        "repaired", "self.classifier(x.mean(dim=(2, 3)))", "self.classifier(x.mean(dim=(2, 3)) * (len(x) == 2))", {"repaired_network"},
    ),
    "cuts_off_above_six": (
        "repaired", "3, padding=1), nn.ReLU())", "3, padding=1), nn.ReLU6())", {"repaired_network"},
    ),
    "detaches_the_last_stage": ("repaired", "self.last(x)", "self.last(x.detach())", {"repaired_network"}),
    "keeps_gradient_from_the_heads": (
        "repaired", "        aux = (", "        with torch.no_grad():\n            aux = (", {"repaired_network"},
    ),
    "drops_the_heads_in_evaluation": (
        "repaired", "return self.classifier(x.mean(dim=(2, 3))), aux", "return self.classifier(x.mean(dim=(2, 3))), aux if self.training else ()",
        {"repaired_network"},
    ),
    "halves_in_evaluation": (
        "repaired", "return self.classifier(x.mean(dim=(2, 3))), aux", "return self.classifier(x.mean(dim=(2, 3))) * (1 if self.training else 0.5), aux",
        {"repaired_network"},
    ),
    "pools_with_the_maximum": ("repaired", "after_third.mean(dim=(2, 3))", "after_third.amax(dim=(2, 3))", {"repaired_network"}),
    "loses_the_relu": (
        "repaired", "self.last = nn.Sequential(nn.Conv2d(3 * channels, 4 * channels, 3, padding=1), nn.ReLU())",
        "self.last = nn.Sequential(nn.Conv2d(3 * channels, 4 * channels, 3, padding=1))", {"repaired_network"},
    ),
    "averages_the_heads": (
        "repaired", "for each in aux)", "for each in aux) / len(aux)", {"repaired_loss"},
    ),
    "weighs_everything": (
        "repaired", "F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)",
        "0.3 * sum(F.cross_entropy(each, labels) for each in (logits, *aux))", {"repaired_loss"},
    ),
    "forgets_the_weight": ("repaired", "0.3 * sum(", "sum(", {"repaired_loss"}),
    "forgets_a_head": ("repaired", "for each in aux)", "for each in aux[:1])", {"repaired_loss"}),
    "takes_probabilities": ("repaired", "F.cross_entropy(each, labels)", "F.cross_entropy(each.softmax(dim=1), labels)", {"repaired_loss"}),
    "adds_the_logits": (
        "repaired", "0.3 * sum(F.cross_entropy(each, labels) for each in aux)", "0.3 * F.cross_entropy(sum(aux), labels)",
        {"repaired_loss"},
    ),
    "shares_modules_of_equal_records": (
        "small_network", 'self.trunk = nn.Sequential(*layers)',
        'same = {}\n        self.trunk = nn.Sequential(*[same.setdefault(repr(l), l) for l in layers])', {"small_network"},
    ),
    "freezes_the_network": (
        "ten_crops", '    net.eval()\n',
        '    net.eval().requires_grad_(False)\n', {"ten_crops"},
    ),
    "leaves_gradients": (
        "ten_crops", '    net.eval()\n',
        '    net.eval()\n    net(torch.stack(crops)).sum().backward()\n', {"ten_crops"},
    ),
    "gradient_of_heads_halved": (
        "repaired", 'after_second = x = self.second(x)',
        'x = self.second(x)\n        after_second = x / 2 + x.detach() / 2', {"repaired_network"},
    ),
    "head_reads_detached_images": (
        "repaired", 'self.head2(after_third',
        'self.head2(self.third(self.second(self.first(images.detach())))', {"repaired_network"},
    ),
    "images_detached_for_main": (
        "repaired", 'x = self.last(x)\n',
        'x = self.last(self.third(self.second(self.first(images.detach()))))\n', {"repaired_network"},
    ),
    "detaches_the_third_stage": (
        "repaired", 'after_third = x = self.third(x)',
        'after_third = x = self.third(x.detach() + 0 * x)', {"repaired_network"},
    ),
    "detaches_the_heads_in_the_loss": (
        "repaired", 'return F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)',
        'return F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each.detach(), labels) for each in aux)', {"repaired_loss"},
    ),
    "gives_a_loss_without_a_way_back": (
        "repaired", 'return F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)',
        'return torch.tensor(float(F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)))', {"repaired_loss"},
    ),
    "changes_the_logits_it_is_given": (
        "repaired", 'return F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)',
        'aux = list(aux)\n    logits -= logits.mean(dim=1, keepdim=True)\n    return F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)', {"repaired_loss"},
    ),
    "cuts_off_a_large_loss": (
        "repaired", 'return F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)',
        'return (F.cross_entropy(logits, labels) + 0.3 * sum(F.cross_entropy(each, labels) for each in aux)).clamp(max=4)', {"repaired_loss"},
    ),
}  # fmt: skip

_STAGES = """
        self.first = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.ReLU())
        self.third = nn.Sequential(nn.Conv2d(2 * channels, 3 * channels, 3, padding=1), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(3 * channels, 4 * channels, 3, padding=1), nn.ReLU())
"""

RIGHT = {
    "small_network": (
        """
class SmallNetwork(nn.Module):
    def __init__(self, in_channels, stem, table, num_classes):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, stem, kernel_size={{window}}, stride=1, padding={{edge}})
        self.table = table
        self.mods = nn.ModuleList()
        for row in table:
            if isinstance(row, Widths):
                self.mods.append(InceptionModule(stem, row))
                stem = row.out_channels
        self.avg, self.max = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)
        self.fc = nn.Linear(stem + stem, num_classes)

    def forward(self, images):
        x = F.relu(self.stem(images))
        mods = iter(self.mods)
        for row in self.table:
            if row == "pool":
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            else:
                x = next(mods)(x)
        both = torch.cat((self.avg(x), self.max(x)){{turned}}, 1)
        return self.fc(torch.flatten(both, 1))
""",
        """
class Ends(nn.Module):
    def forward(self, x):
        x = x.flatten(start_dim=2)
        return torch.hstack([x.mean(-1), x.max(-1).values]{{turned}})

class SmallNetwork(nn.Sequential):
    def __init__(self, in_channels, stem, table, num_classes):
        super().__init__(nn.Conv2d(in_channels, stem, {{window}}, padding="same"), nn.ReLU(inplace=True))
        width = stem
        for number, entry in enumerate(table):
            layer = nn.MaxPool2d(3, 2, ceil_mode=True) if isinstance(entry, str) else InceptionModule(width, entry)
            width = width if isinstance(entry, str) else entry.out_channels
            self.add_module(f"entry{number}", layer)
        self.add_module("ends", Ends())
        self.add_module("dense", nn.Linear(2 * width, num_classes))
""",
        """
def entries(table, channels):
    for entry in table:
        if entry == "pool":
            yield nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        else:
            yield InceptionModule(channels, entry)
            channels = entry.pointwise + entry.three + entry.five + entry.pool

class SmallNetwork(nn.Module):
    def __init__(self, in_channels, stem, table, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, stem, ({{window}}, {{window}}), padding=({{edge}}, {{edge}}), bias=True)
        self.layers = nn.ModuleList(entries(table, stem))
        last = [stem] + [entry.out_channels for entry in table if entry != "pool"]
        self.linear = nn.Linear(last[-1] * 2, num_classes)

    def forward(self, images):
        x = self.conv(images).clamp(min=0)
        for layer in self.layers:
            x = layer(x)
        n, c, h, w = x.shape
        average = x.sum(dim=[2, 3]) / (h * w)
        largest = F.max_pool2d(x, (h, w)).view(n, c)
        return self.linear(torch.cat([average, largest]{{turned}}, dim=-1))
""",
    ),
    "agrees": (
        """
def agrees(printed_params, printed_ops, grid):
    for weights in range({{kilo}} * printed_params - {{kilo}} // 2, {{kilo}} * printed_params + {{kilo}} // 2 + 1):
        if abs(weights * grid * grid - printed_ops * 1_000_000) <= 500_000:
            return True
    return False
""",
        """
from fractions import Fraction

def agrees(printed_params, printed_ops, grid):
    half = Fraction(1, 2)
    low, high = (Fraction({{kilo}}, 10**6) * (printed_params + side) * grid**2 for side in (-half, half))
    if high < printed_ops - half or low > printed_ops + half:
        return False
    return True
""",
        """
def agrees(printed_params, printed_ops, grid):
    k_at_least = (printed_ops - 0.5) * 1e6 / (grid * grid) / {{kilo}}
    k_at_most = (printed_ops + 0.5) * 1e6 / (grid * grid) / {{kilo}}
    return not (k_at_least > printed_params + 0.5 or printed_params - 0.5 > k_at_most)
""",
        """
def agrees(printed_params, printed_ops, grid):
    millions = printed_params * {{kilo}} * grid**2 / 1e6
    return abs(millions - printed_ops) <= 0.5 + 0.5 * {{kilo}} * grid**2 / 1e6
""",
    ),
    "ten_crops": (
        """
@torch.no_grad()
def ten_crops(net, image, side):
    was = net.training
    net.eval()
    _, h, w = image.shape
    total = 0
    for top, left in [(0, 0), (0, w - side), (h - side, 0), (h - side, w - side), ((h - side) // 2, (w - side) // 2)]:
        crop = image[:, top:top + side, left:left + side].unsqueeze(0)
        for view in (crop, torch.flip(crop, [3])):
            total = total + F.softmax(net(view), dim=-1).squeeze(0)
    net.train(was)
    return total / 10
""",
        """
def ten_crops(net, image, side):
    c, h, w = image.size()
    y, x = (h - side) // 2, (w - side) // 2
    five = torch.stack([
        image[:, :side, :side], image[:, :side, w - side:], image[:, h - side:, :side], image[:, h - side:, w - side:],
        image[:, y:y + side, x:x + side],
    ])
    net = net.eval()
    probabilities = [net(each).log_softmax(1).exp() for each in (five, five.flip(3))]
    return torch.cat(probabilities).mean(0).detach()
""",
        """
import copy

def ten_crops(net, image, side):
    net = copy.deepcopy(net).eval()
    down, right = image.shape[-2] - side, image.shape[-1] - side
    places = [(a, b) for a in (0, down) for b in (0, right)] + [(down // 2, right // 2)]
    batch = image.new_empty(10, image.shape[0], side, side)
    for i, (a, b) in enumerate(places):
        batch[2 * i] = image.narrow(1, a, side).narrow(2, b, side)
        for column in range(side):
            batch[2 * i + 1, :, :, column] = batch[2 * i, :, :, side - 1 - column]
    with torch.inference_mode():
        return nn.Softmax(dim=1)(net(batch)).sum(dim=0).div(10)
""",
    ),
    "repaired": (
        """
class Repaired(Colleague):
    def forward(self, images):
        second = self.second(self.first(images))
        third = self.third(second)
        last = self.last(third)
        pooled = [grid.mean(dim=(2, 3)) for grid in (second, third, last)]
        return self.classifier(pooled[2]), (self.head1(pooled[0]), self.head2(pooled[1]))

def repaired_loss(outputs, labels):
    logits, (one, two) = outputs
    loss = nn.CrossEntropyLoss()
    return loss(logits, labels) + {{share}} * loss(one, labels) + {{share}} * loss(two, labels)
""",
        f"""
class Repaired(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__(){_STAGES}
        self.head1, self.head2 = nn.Linear(2 * channels, num_classes), nn.Linear(3 * channels, num_classes)
        self.classifier = nn.Linear(4 * channels, num_classes)

    def forward(self, images):
        a = self.first(images)
        b = self.second(a)
        head1 = self.head1(F.adaptive_avg_pool2d(b, 1).flatten(1))
        c = self.third(b)
        head2 = self.head2(F.adaptive_avg_pool2d(c, (1, 1)).squeeze(-1).squeeze(-1))
        d = self.last(c)
        return self.classifier(d.flatten(2).mean(2)), [head1, head2]

def repaired_loss(outputs, labels):
    total = F.cross_entropy(outputs[0], labels)
    for head in outputs[1]:
        total += {{{{share}}}} * F.cross_entropy(head, labels)
    return total
""",
        """
class Repaired(nn.Module):
    def __init__(self, channels, num_classes):
        super().__init__()
        def stage(before, after):
            return nn.Sequential(nn.Conv2d(before, after, kernel_size=3, padding="same"), nn.ReLU(inplace=True))
        widths = [3, channels, 2 * channels, 3 * channels, 4 * channels]
        for name, before, after in zip(("first", "second", "third", "last"), widths, widths[1:]):
            setattr(self, name, stage(before, after))
        for name, width in zip(("head1", "head2", "classifier"), widths[2:]):
            setattr(self, name, nn.Linear(width, num_classes))

    def forward(self, images):
        x, seen = images, []
        for stage in (self.first, self.second, self.third, self.last):
            x = stage(x)
            seen.append(torch.mean(x, (-2, -1)))
        return self.classifier(seen[-1]), (self.head1(seen[1]), self.head2(seen[2]))

def repaired_loss(outputs, labels):
    logits, aux = outputs
    def one(scores):
        return -scores.log_softmax(dim=1)[torch.arange(len(labels)), labels].mean()
    return one(logits) + {{share}} * torch.stack([one(each) for each in aux]).sum()
""",
    ),
}
