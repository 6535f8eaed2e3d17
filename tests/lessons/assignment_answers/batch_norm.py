"""Lesson 03."""

POINTS = {"group_norm": 3, "fold_before": 2, "combine": 2, "population_statistics": 2, "population_leaves": 1}
BY_TEACHER = 2
TOLD = ("forgets_the_shift", "the relative error is")
SECRETS = ("_generator", "nn.functional.group_norm", "_twin", "A full answer")

WRONG = {
    "normalises_over_the_batch": ("group_norm", "dim=(2, 3, 4)", "dim=(0, 2, 3, 4)", {"group_norm"}),
    "takes_every_group_th_channel": (
        "group_norm", "x.reshape(n, groups, c // groups, h, w)",
        "x.reshape(n, c // groups, groups, h, w).transpose(1, 2)", {"group_norm"},
    ),
    "takes_the_unbiased_variance": ("group_norm", "unbiased=False", "unbiased=True", {"group_norm"}),
    "asks_torch": (
        "group_norm", "    n, c, h, w = x.shape\n", "    return nn.functional.group_norm(x, groups, gamma, beta, eps)\n", {"group_norm"},
    ),
    "scales_the_wrong_axis": ("fold_before", "conv.weight * scale.view(1, -1, 1, 1)", "conv.weight * scale.mean()", {"fold_before"}),
    "forgets_the_shift": ("fold_before", "shift = norm.bias - norm.running_mean * scale", "shift = -norm.running_mean * scale", {"fold_before"}),
    "works_on_what_was_given": ("fold_before", "folded = copy.deepcopy(conv)", "folded = conv", {"fold_before"}),
    "forgets_what_is_between": ("combine", "(within + between) / total", "within / total", {"combine"}),
    "takes_equal_parts": ("combine", "sum(count * each for count, each in zip(counts, means)) / total", "sum(means) / len(means)", {"combine"}),
    "subtracts_large_numbers": (
        "combine", "between = sum(count * (each - mean) ** 2 for count, each in zip(counts, means))",
        "between = sum(count * each**2 for count, each in zip(counts, means)) - total * mean**2", {"combine"},
    ),
    "stays_in_evaluation": ("population", "    net.train()\n", "    net.eval()\n", {"population_statistics"}),
    "mixes_in_the_old": ("population", "        norm.reset_running_stats()\n", "", {"population_statistics"}),
    "keeps_blending": ("population", "norm.momentum = None", "pass", {"population_statistics"}),
    "loses_the_momentum": ("population", "norm.momentum = momentum", "pass", {"population_leaves"}),
    "leaves_the_mode": ("population", "net.train(was_training)", "pass", {"population_leaves"}),
}  # fmt: skip
