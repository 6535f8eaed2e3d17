"""Lesson 02."""

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
    "takes_a_thousand": ("agrees", "(printed_params + 0.5) * 1024", "(printed_params + 0.5) * 1000", {"agrees"}),
    "gives_no_margin": ("agrees", "(printed_params + 0.5) * 1024", "printed_params * 1024", {"agrees"}),
    "forgets_a_side": ("agrees", "1e6 / grid**2)\n    most", "1e6 / grid)\n    most", {"agrees"}),
    "averages_logits": ("ten_crops", ".softmax(dim=1).mean(dim=0)", ".mean(dim=0).softmax(dim=0)", {"ten_crops"}),
    "trains_on": ("ten_crops", "    net.eval()\n", "", {"ten_crops"}),
    "turns_upside_down": ("ten_crops", "crop.flip(-1)", "crop.flip(-2)", {"ten_crops"}),
    "leaves_a_detach": ("repaired", "self.head1(after_second.mean", "self.head1(after_second.detach().mean", {"repaired_network"}),
    "leaves_the_axes": ("repaired", "self.classifier(x.mean(dim=(2, 3)))", "self.classifier(x.mean(dim=(1, 2)))", {"repaired_network"}),
    "swaps_the_heads": (
        "repaired",
        "(self.head1(after_second.mean(dim=(2, 3))), self.head2(after_third.mean(dim=(2, 3))))",
        "(self.head2(after_third.mean(dim=(2, 3))), self.head1(after_second.mean(dim=(2, 3))))",
        {"repaired_network"},
    ),
    "adds_the_logits": (
        "repaired", "0.3 * sum(F.cross_entropy(each, labels) for each in aux)", "0.3 * F.cross_entropy(sum(aux), labels)",
        {"repaired_loss"},
    ),
}  # fmt: skip
