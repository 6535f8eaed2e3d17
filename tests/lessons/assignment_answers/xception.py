"""Lesson 08."""

POINTS = {
    "separable_stem": 2, "as_one": 3, "fewest_groups": 2, "mobile_block": 3, "repaired_mixes": 1, "repaired_computes": 2,
}  # fmt: skip
BY_TEACHER = 2
TOLD = ("overwrites_the_input", "overwrites its input")
SECRETS = ("_reference", "_Middle", "same_module", "A full answer")

WRONG = {
    "one_filter_a_channel": ("separable_stem", "nn.Conv2d(in_channels, m * in_channels, 7", "nn.Conv2d(in_channels, in_channels, 7", {"separable_stem"}),
    "groups_of_outputs": ("separable_stem", "groups=in_channels", "groups=m", {"separable_stem"}),
    "puts_a_relu_between": ("separable_stem", "return nn.Sequential(filters, ", "return nn.Sequential(filters, nn.ReLU(), ", {"separable_stem"}),
    "counts_filters_first": ("as_one", "filters.view(in_channels, m, size, size)", "filters.view(m, in_channels, size, size).transpose(0, 1)", {"as_one"}),
    "loses_digits": ("as_one", "factors, windows)", "factors.float(), windows.float())", {"as_one"}),
    "knows_three_by_three_only": ("as_one", "filters.shape[-1]", "3", {"as_one"}),
    "divides_both": ("fewest_groups", "channels * (channels // groups)", "(channels // groups) ** 2", {"fewest_groups"}),
    "stops_before_the_end": ("fewest_groups", "range(1, channels + 1)", "range(1, channels)", {"fewest_groups"}),
    "spends_less_than_all": ("fewest_groups", "<= budget", "< budget", {"fewest_groups"}),
    "rounds_the_width": ("mobile_block", "int(alpha * channels)", "round(alpha * channels)", {"mobile_block"}),
    "narrows_the_output_only": ("mobile_block", "for channels in (in_channels, out_channels))", "for channels in (in_channels / alpha, out_channels))", {"mobile_block"}),
    "strides_in_the_wrong_half": (
        "mobile_block", "nn.Conv2d(comes, comes, 3, stride=stride, padding=1, groups=comes, bias=False)",
        "nn.Conv2d(comes, comes, 3, padding=1, groups=comes, bias=False), nn.AvgPool2d(stride, ceil_mode=True)", {"mobile_block"},
    ),
    "overwrites_the_input": ("repaired", "nn.ReLU(),", "nn.ReLU(inplace=True),", {"repaired_computes"}),
    "leaves_the_groups": (
        "repaired", "nn.Conv2d(channels, channels, 1, bias=False)", "nn.Conv2d(channels, channels, 1, groups=channels, bias=False)",
        {"repaired_mixes", "repaired_computes"},
    ),
    "leaves_the_order": (
        "repaired", "nn.Conv2d(channels, channels, 1, bias=False),\n                nn.BatchNorm2d(channels, eps=1e-3),",
        "nn.BatchNorm2d(channels, eps=1e-3),\n                nn.Conv2d(channels, channels, 1, bias=False),", {"repaired_computes"},
    ),
}  # fmt: skip
