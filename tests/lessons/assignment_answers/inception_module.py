"""Lesson 01."""

POINTS = {"five_branches": 3, "largest_reduction": 2, "choose_widths": 2, "repaired_runs": 1, "repaired_computes": 2}
BY_TEACHER = 2
TOLD = ("leaves_a_bug", "no ReLU follows the")
SECRETS = ("_Reference", "same_module", "A full answer")

WRONG = {
    "forgets_a_relu": (
        "five_branches",
        "return nn.Sequential(nn.Conv2d(channels, width, window, padding=window // 2), nn.ReLU())",
        "return nn.Sequential(nn.Conv2d(channels, width, window, padding=window // 2))",
        {"five_branches"},
    ),
    "rounds_the_wrong_way": ("largest_reduction", "return (plain - 1) // each", "return plain // each", {"largest_reduction"}),
    "spends_too_little": ("choose_widths", "return places * (ones", "return 2 * places * (ones", {"choose_widths"}),
    "leaves_a_bug": ("repaired", "nn.ReLU(), nn.Conv2d(three_reduce, three, 3", "nn.Conv2d(three_reduce, three, 3", {"repaired_computes"}),
    "leaves_the_stride": (
        "repaired", "nn.MaxPool2d(3, stride=1, padding=1)", "nn.MaxPool2d(3, padding=1)", {"repaired_runs", "repaired_computes"},
    ),
}  # fmt: skip
