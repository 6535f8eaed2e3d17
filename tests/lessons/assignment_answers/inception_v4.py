"""Lesson 06."""

POINTS = {
    "whole_sides": 2, "small_stem": 3, "letters": 3, "depth_and_field": 2, "repaired_sees": 1, "repaired_computes": 2,
}  # fmt: skip
BY_TEACHER = 2
TOLD = ("turns_a_fork_round", "in another order")
SECRETS = ("_reference", "_Halve", "same_module", "_brute", "A full answer")

WRONG = {
    "forgets_what_fits": ("whole_sides", "grid < window or (grid - window) % stride", "(grid - window) % stride", {"whole_sides"}),
    "asks_it_of_every_layer": ("whole_sides", "if valid and (grid < window or (grid - window) % stride)", "if grid < window or (grid - window) % stride", {"whole_sides"}),
    "stops_before_the_last": ("whole_sides", "range(low, high + 1)", "range(low, high)", {"whole_sides"}),
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
    "forgets_the_pool": ("letters", "free = out_channels - in_channels", "free = out_channels", {"letters"}),
    "halves_too_early": ("letters", "each = grid**2", "each = half**2", {"letters"}),
    "spends_too_little": ("letters", "half = (grid - 3) // 2 + 1", "half, budget = (grid - 3) // 2 + 1, budget * 9 // 10", {"letters"}),
    "leaves_the_order_of_letters": ("letters", "k = min((budget - fixed) // each, l)", "k = (budget - fixed) // each", {"letters"}),
    "forgets_the_dense_layer": ("depth_and_field", "len(layers) + 1", "len(layers)", {"depth_and_field"}),
    "forgets_strides": ("depth_and_field", "step *= stride", "step = stride", {"depth_and_field"}),
    "sees_both_sevens": ("depth_and_field", "module_b = [(1, 1), (1, 1), (7, 1), (1, 1), (7, 1)]", "module_b = [(1, 1), (7, 1), (7, 1), (7, 1), (7, 1)]", {"depth_and_field"}),
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
}  # fmt: skip
