"""Lesson 03. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {"group_norm": 3, "fold_before": 2, "combine": 2, "population_statistics": 2, "population_leaves": 1}
BY_TEACHER = 2
TOLD = ("forgets_the_shift", "the relative error is")
SECRETS = ("_generator", "nn.functional.group_norm", "_twin", "A full answer")

WRONG = {
    "empties_the_counts": ("combine", "    total = sum(counts)\n", "    total = sum(counts)\n    counts, _ = list(counts), counts.clear()\n", {"combine"}),
    "leaves_evaluation_mode": ("fold_before", "    folded = copy.deepcopy(conv)\n", "    norm.eval()\n    folded = copy.deepcopy(conv)\n", {"fold_before"}),
    "normalises_over_the_batch": ("group_norm", "dim=(2, 3, 4)", "dim=(0, 2, 3, 4)", {"group_norm"}),
    "takes_every_group_th_channel": (
        "group_norm", "x.reshape(n, groups, c // groups, h, w)",
        "x.reshape(n, c // groups, groups, h, w).transpose(1, 2)", {"group_norm"},
    ),
    "takes_the_unbiased_variance": ("group_norm", "unbiased=False", "unbiased=True", {"group_norm"}),
    "asks_torch": (
        "group_norm", "    n, c, h, w = x.shape\n", "    return nn.functional.group_norm(x, groups, gamma, beta, eps)\n", {"group_norm"},
    ),
    "asks_torch_through_another": (
        "group_norm", "def group_norm(x, groups, gamma, beta, eps):\n",
        "def helper(*given):\n    return nn.functional.group_norm(*given)\n\ndef group_norm(x, groups, gamma, beta, eps):\n"
        "    return helper(x, groups, gamma, beta, eps)\n",
        {"group_norm"},
    ),
    "asks_layer_norm": (
        "group_norm", "((parts - mean) / torch.sqrt(variance + eps))",
        "nn.functional.layer_norm(parts, parts.shape[2:], eps=eps)", {"group_norm"},
    ),
    "asks_torch_where_nobody_looks": (
        "group_norm", "    n, c, h, w = x.shape\n",
        "    from torch.utils._python_dispatch import _disable_current_modes\n    with _disable_current_modes():\n"
        "        return nn.functional.group_norm(x, groups, gamma, beta, eps)\n", {"group_norm"},
    ),
    "keeps_the_gradient_from_the_mean": (
        "group_norm", "mean = parts.mean(dim=(2, 3, 4), keepdim=True)", "mean = parts.detach().mean(dim=(2, 3, 4), keepdim=True)",
        {"group_norm"},
    ),
    "adds_eps_outside_the_root": ("group_norm", "torch.sqrt(variance + eps)", "(torch.sqrt(variance) + eps)", {"group_norm"}),
    "keeps_channels_apart": ("group_norm", "dim=(2, 3, 4)", "dim=(3, 4)", {"group_norm"}),
    "forgets_beta": ("group_norm", " + beta.view(1, -1, 1, 1)", "", {"group_norm"}),
    "scales_by_image": (
        "group_norm", "gamma.view(1, -1, 1, 1) * normalised", "gamma.mean() * normalised", {"group_norm"},
    ),
    "keeps_the_mean_of_a_shape": (
        "group_norm", "    mean = parts.mean(dim=(2, 3, 4), keepdim=True)",
        "    kept = group_norm.__dict__\n    mean = kept.setdefault((x.shape, groups), parts.mean(dim=(2, 3, 4), keepdim=True))",
        {"group_norm"},
    ),
    "averages_the_channels_variances": (
        "group_norm", "variance = parts.var(dim=(2, 3, 4), unbiased=False, keepdim=True)",
        "variance = parts.var(dim=(3, 4), unbiased=False, keepdim=True).mean(dim=2, keepdim=True)", {"group_norm"},
    ),
    "scales_the_wrong_axis": ("fold_before", "conv.weight * scale.view(1, -1, 1, 1)", "conv.weight * scale.mean()", {"fold_before"}),
    "forgets_the_shift": ("fold_before", "shift = norm.bias - norm.running_mean * scale", "shift = -norm.running_mean * scale", {"fold_before"}),
    "scales_the_results": (
        "fold_before", "bias = 0 if conv.bias is None else conv.bias",
        "bias = 0 if conv.bias is None else conv.bias * scale.mean()", {"fold_before"},
    ),
    "forgets_eps": ("fold_before", "torch.sqrt(norm.running_var + norm.eps)", "torch.sqrt(norm.running_var)", {"fold_before"}),
    "forgets_the_convolutions_bias": ("fold_before", "bias = 0 if conv.bias is None else conv.bias", "bias = 0", {"fold_before"}),
    "counts_on_a_bias": ("fold_before", "bias = 0 if conv.bias is None else conv.bias", "bias = conv.bias", {"fold_before"}),
    "averages_the_window": ("fold_before", ".sum(dim=(1, 2, 3))", ".sum(dim=1).mean(dim=(1, 2))", {"fold_before"}),
    "loses_the_stride": (
        "fold_before", "folded = copy.deepcopy(conv)",
        "folded = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size)", {"fold_before"},
    ),
    "loses_the_dilation": (
        "fold_before", "folded = copy.deepcopy(conv)",
        "folded = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride)", {"fold_before"},
    ),
    "folds_as_if_it_came_after": (
        "fold_before", "(bias + (conv.weight * shift.view(1, -1, 1, 1)).sum(dim=(1, 2, 3)))", "(bias + shift.mean())", {"fold_before"},
    ),
    "works_on_what_was_given": ("fold_before", "folded = copy.deepcopy(conv)", "folded = conv", {"fold_before"}),
    "forgets_what_is_between": ("combine", "(within + between) / total", "within / total", {"combine"}),
    "takes_equal_parts": ("combine", "sum(count * each for count, each in zip(counts, means)) / total", "sum(means) / len(means)", {"combine"}),
    "subtracts_large_numbers": (
        "combine", "between = sum(count * (each - mean) ** 2 for count, each in zip(counts, means))",
        "between = sum(count * each**2 for count, each in zip(counts, means)) - total * mean**2", {"combine"},
    ),
    "averages_the_variances": (
        "combine", "within = sum(count * each for count, each in zip(counts, variances))",
        "within = total * sum(variances) / len(variances)", {"combine"},
    ),
    "forgets_the_counts_between": (
        "combine", "between = sum(count * (each - mean) ** 2", "between = sum((each - mean) ** 2", {"combine"},
    ),
    "divides_by_one_less": ("combine", "(within + between) / total", "(within + between) / (total - 1)", {"combine"}),
    "loses_digits": ("combine", "for count, each in zip(counts, means)) / total", "for count, each in zip(counts, [m.float() for m in means])) / total", {"combine"}),
    "stays_in_evaluation": ("population", "    net.train()\n", "    net.eval()\n", {"population_statistics"}),
    "mixes_in_the_old": ("population", "        norm.reset_running_stats()\n", "", {"population_statistics"}),
    "keeps_blending": ("population", "norm.momentum = None", "pass", {"population_statistics"}),
    "weighs_by_images": (
        "population", "        for images in batches:\n            net(images)\n",
        "        for images in [batch for batch in batches for _ in batch]:\n            net(images)\n", {"population_statistics"},
    ),
    "joins_the_batches": ("population", "for images in batches:", "for images in [torch.cat(batches)]:", {"population_statistics"}),
    "sees_only_the_top": (
        "population", "for module in net.modules()", "for module in net.children()", {"population_statistics"},
    ),
    "takes_the_last_batch": ("population", "norm.momentum = None", "norm.momentum = 1.0", {"population_statistics"}),
    "resets_every_time": (
        "population", "            net(images)\n",
        "            for norm in norms:\n                norm.reset_running_stats()\n            net(images)\n", {"population_statistics"},
    ),
    "resets_the_weights": ("population", "norm.reset_running_stats()", "norm.reset_parameters()", {"population_leaves"}),
    "gives_all_the_usual_momentum": ("population", "norm.momentum = momentum", "norm.momentum = 0.1", {"population_leaves"}),
    "gives_all_the_first_momentum": ("population", "norm.momentum = momentum", "norm.momentum = momenta[0]", {"population_leaves"}),
    "ends_in_evaluation": ("population", "net.train(was_training)", "net.eval()", {"population_leaves"}),
    "turns_the_top_only": ("population", "net.train(was_training)", "net.training = was_training", {"population_leaves"}),
    "leaves_gradients": (
        "population", "    with torch.no_grad():\n        for images in batches:\n            net(images)\n",
        "    for images in batches:\n        net(images).square().sum().backward()\n", {"population_leaves"},
    ),
    "loses_the_momentum": ("population", "norm.momentum = momentum", "pass", {"population_leaves"}),
    "leaves_the_mode": ("population", "net.train(was_training)", "pass", {"population_leaves"}),
    "detaches_gamma": (
        "group_norm", 'gamma.view(1, -1, 1, 1) * norm',
        'gamma.detach().view(1, -1, 1, 1) * norm', {"group_norm"},
    ),
    "cuts_beta_off": (
        "group_norm", '+ beta.view',
        '+ beta.data.view', {"group_norm"},
    ),
    "freezes_what_was_given": (
        "fold_before", 'folded = copy.deepcopy(conv)',
        'folded = copy.deepcopy(conv)\n    conv.requires_grad_(False), norm.requires_grad_(False)', {"fold_before"},
    ),
    "hides_both_layers_in_one": (
        "fold_before", '    return folded',
        '    class Both(nn.Conv2d):\n        def forward(self, x):\n            return conv(norm(x))\n    folded.__class__ = Both\n    return folded', {"fold_before"},
    ),
    "freezes_the_network": (
        "population", '    net.train()\n',
        '    net.train().requires_grad_(False)\n', {"population_leaves"},
    ),
    "knows_no_momentum_of_none": (
        "population", 'norm.momentum = momentum',
        'norm.momentum = momentum or 0.1', {"population_leaves"},
    ),
    "gives_the_network_back": (
        "population", '    net.train(was_training)',
        '    net.train(was_training)\n    return net', {"population_statistics"},
    ),
    "changes_the_eps": (
        "population", '    net.train(was_training)',
        '    net.train(was_training)\n    for norm in norms:\n        norm.eps = 1e-3', {"population_leaves"},
    ),
}  # fmt: skip

RIGHT = {
    "group_norm": (
        """
def group_norm(x, groups, gamma, beta, eps):
    x = x{{gathered}}
    N, C, H, W = x.shape
    size = C // groups
    out = torch.zeros(N, C, H, W)
    for n in range(N):
        for g in range(groups):
            part = x[n, g * size:(g + 1) * size]
            mu = part.mean()
            var = ((part - mu) ** 2).mean()
            out[n, g * size:(g + 1) * size] = (part - mu) / (var + eps) ** 0.5
    out = out{{put_back}}
    return torch.stack([gamma[c] * out[:, c] + beta[c] for c in range(C)], dim=1)
""",
        """
def norm(values, eps):
    count = values.shape[-1]
    mean = values.sum(-1, keepdim=True) / count
    away = values - mean
    return away * torch.rsqrt(away.square().sum(-1, keepdim=True) / count + eps)

def group_norm(x, groups, gamma, beta, eps):
    flat = norm(x{{gathered}}.flatten(1).unflatten(1, (groups, -1)), eps)
    return flat.view_as(x){{put_back}} * gamma[None, :, None, None] + beta[None, :, None, None]
""",
        """
def group_norm(x, groups, gamma, beta, eps):
    done = []
    for part in x{{gathered}}.chunk(groups, 1):
        variance, mean = torch.var_mean(part, (1, 2, 3), correction=0, keepdim=True)
        done.append((part - mean) / (variance + eps).sqrt())
    return torch.einsum("nchw,c->nchw", torch.cat(done, dim=1){{put_back}}, gamma) + beta.reshape(-1, 1, 1)
""",
        """
def group_norm(x, groups, gamma, beta, eps):
    n, c, h, w = x.shape
    parts = x{{gathered}}.reshape(n * groups, -1)
    centred = parts - parts.mean(1, keepdim=True)
    length = torch.linalg.vector_norm(centred, dim=1, keepdim=True)
    scaled = centred / torch.sqrt(length**2 / parts.shape[1] + eps)
    return (scaled.reshape(n, c, h, w){{put_back}}.reshape(n, c, h * w) * gamma.unsqueeze(-1) + beta.unsqueeze(-1)).reshape(n, c, h, w)
""",
    ),
    "fold_before": (
        """
def fold_before(norm, conv):
    made = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, dilation=conv.dilation)
    with torch.no_grad():
        a = {{times}}norm.weight / (norm.running_var + norm.eps).sqrt()
        b = {{times}}norm.bias - a * norm.running_mean
        made.weight.copy_(conv.weight * a[None, :, None, None])
        made.bias.copy_(torch.einsum("oihw,i->o", conv.weight, b))
        if conv.bias is not None:
            made.bias += conv.bias
    return made
""",
        """
@torch.no_grad()
def fold_before(norm, conv):
    height, width = [step * (side - 1) + 1 for side, step in zip(conv.kernel_size, conv.dilation)]
    norm = copy.deepcopy(norm).eval()
    nothing = torch.zeros(1, conv.in_channels, height, width)
    scale = {{times}}(norm(torch.ones(1, conv.in_channels, 1, 1)) - norm(torch.zeros(1, conv.in_channels, 1, 1)))
    result = copy.deepcopy(conv)
    result.weight.mul_(scale)
    result.bias = nn.Parameter(conv({{times}}norm(nothing)).flatten())
    return result
""",
        """
def fold_before(norm, conv):
    std = torch.sqrt(norm.running_var + norm.eps)
    new = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, stride=conv.stride, dilation=conv.dilation, bias=True)
    for o in range(conv.out_channels):
        total = 0.0 if conv.bias is None else conv.bias[o].item()
        for i in range(conv.in_channels):
            gain = {{times}}(norm.weight[i] / std[i]).item()
            new.weight.data[o, i] = conv.weight.data[o, i] * gain
            total += conv.weight[o, i].sum().item() * ({{times}}norm.bias[i].item() - norm.running_mean[i].item() * gain)
        new.bias.data[o] = total
    return new
""",
    ),
    "combine": (
        """
def combine(counts, means, variances):
    n, mean, var = counts[0], means[0], variances[0]
    for count, m, v in zip(counts[1:], means[1:], variances[1:]):
        both = n + count
        step = m - mean
        var = (n * var + count * v) / both + step**2 * n * count / both**2
        mean = mean + step * count / both
        n = both
    total = n
    return mean, var * total / {{total}}
""",
        """
def combine(counts, means, variances):
    share = torch.tensor(counts, dtype=means[0].dtype) / sum(counts)
    means, variances = torch.stack(means), torch.stack(variances)
    mean = share @ means
    total = sum(counts)
    return mean, share @ (variances + (means - mean).square()) * total / {{total}}
""",
        """
def combine(counts, means, variances):
    total, base = sum(counts), means[0]
    first = torch.zeros_like(base)
    second = torch.zeros_like(base)
    for i in range(len(counts)):
        away = means[i] - base
        first += counts[i] * away
        second += counts[i] * (variances[i] + away * away)
    return base + first / total, (second - first**2 / total) / {{total}}
""",
    ),
    "population": (
        """
def population_statistics(net, batches):
    was_training, momenta = net.training, {}
    net.train()
    for name, layer in net.named_modules():
        if isinstance(layer, nn.BatchNorm2d):
            momenta[name] = layer.momentum
    with torch.no_grad():
        for i, images in enumerate(batches):
            for name in momenta:
                net.get_submodule(name).momentum = 1 / (i + 1)
            net(images)
    for name, momentum in momenta.items():
        net.get_submodule(name).momentum = momentum
    if not was_training:
        net.eval()
""",
        """
@torch.no_grad()
def population_statistics(net, batches):
    mode, norms = net.training, [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    seen = {norm: [] for norm in norms}
    def keep(norm, inputs):
        x = inputs[0]
        seen[norm].append((x.mean(dim=(0, 2, 3)).tolist(), x.var(dim=(0, 2, 3)).tolist()))
    hooks = [norm.register_forward_pre_hook(keep) for norm in norms]
    net.train()
    for images in batches:
        net(images)
    for hook in hooks:
        hook.remove()
    for norm in norms:
        means, variances = zip(*seen[norm])
        norm.running_mean.copy_(torch.tensor(means).mean(dim=0))
        norm.running_var.copy_(torch.tensor(variances).mean(dim=0))
    net.train(mode)
""",
        """
def population_statistics(net, batches):
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [(m.momentum, m.training) for m in norms]
    mode = net.training
    net.train(True)
    sums = [[torch.zeros_like(m.running_mean), torch.zeros_like(m.running_var)] for m in norms]
    for m in norms:
        m.momentum = 1.0
    with torch.no_grad():
        for images in batches:
            net(images)
            for m, both in zip(norms, sums):
                both[0] += m.running_mean
                both[1] += m.running_var
    for m, (mean, variance), (momentum, _) in zip(norms, sums, before):
        m.running_mean, m.running_var, m.momentum = mean / len(batches), variance / len(batches), momentum
    net.train(mode)
""",
    ),
}
