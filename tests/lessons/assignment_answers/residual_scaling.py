"""Lesson 07."""

POINTS = {
    "reduction_shapes": 1, "reduction_computes": 2, "pre_activated": 2, "folded_computes": 2, "folded_rate": 1, "scale_for": 2,
    "repaired_passes": 1, "repaired_computes": 2,
}  # fmt: skip
BY_TEACHER = 2
TOLD = ("forgets_the_bias", "the folded block computes something else")
SECRETS = ("_Reduction", "_Pre(", "_Repaired", "A full answer", "_square")

WRONG = {
    "projects_with_a_relu": ("residual_reduction", "stride=2, relu=False", "stride=2", {"reduction_computes"}),
    "scales_the_projection": (
        "residual_reduction", "self.projection(x) + self.scale * residual", "self.scale * (self.projection(x) + residual)",
        {"reduction_computes"},
    ),
    "normalises_the_expansion": (
        "residual_reduction", "self.expansion = nn.Conv2d(single + stacked[1], out_channels, 1)",
        "self.expansion = layer(single + stacked[1], out_channels, 1, relu=False)", {"reduction_shapes", "reduction_computes"},
    ),
    "adds_what_is_activated": ("pre_activated", "return x + self.scale", "return ready + self.scale", {"pre_activated"}),
    "activates_behind_too": (
        "pre_activated", "return x + self.scale * residual", "return torch.relu(x + self.scale * residual)", {"pre_activated"},
    ),
    "forgets_the_bias": ("folded", "new.expansion.bias.mul_(block.scale)", "pass", {"folded_computes"}),
    "folds_in_place": ("folded", "new = copy.deepcopy(block)", "new = block", {"folded_computes"}),
    "takes_the_scale_once": ("folded", "rate * scale**2", "rate * scale", {"folded_rate"}),
    "turns_the_rate_round": ("folded", "rate * scale**2", "rate / scale**2", {"folded_rate"}),
    "forgets_the_root": ("scale_for", "return square**0.5", "return square", {"scale_for"}),
    "takes_one_law_for_both": (
        "scale_for", "(largest**2 - 1) / blocks if normalised else largest ** (2 / blocks) - 1", "(largest**2 - 1) / blocks",
        {"scale_for"},
    ),
    "keeps_the_first_relu": (
        "repaired", "self.scale * self.expansion(joined)", "self.scale * torch.relu(self.expansion(joined))", {"repaired_computes"},
    ),
    "scales_the_sum": (
        "repaired", "torch.relu(x + self.scale * self.expansion(joined))", "torch.relu(self.scale * (x + self.expansion(joined)))",
        {"repaired_passes", "repaired_computes"},
    ),
}  # fmt: skip
