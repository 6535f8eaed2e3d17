"""Lesson 04."""

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
}  # fmt: skip
