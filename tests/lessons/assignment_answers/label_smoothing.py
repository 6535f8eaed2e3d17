"""Lesson 05. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {"similar_targets": 2, "penalised_loss": 2, "best_temperature": 3, "repaired_moves": 1, "repaired_computes": 2}
BY_TEACHER = 2
TOLD = ("forgets_the_buffers", "the buffers are not the network")
SECRETS = ("_by_hand", "Categorical", "_follow", "A full answer")

WRONG = {
    "follows_the_first_network": (
        "repaired", "self.module = copy.deepcopy(net)", "self.module, update = copy.deepcopy(net), self.update\n        self.update = lambda _: update(net)",
        {"repaired_moves"},
    ),
    "counts_the_diagonal": ("similar_targets", "others = similarity * (1 - own)", "others = similarity", {"similar_targets"}),
    "divides_by_zero": ("similar_targets", "others = torch.where(lonely, 1 - own, others)", "others = others", {"similar_targets"}),
    "rewards_certainty": ("penalised_loss", "(-right - beta * entropy)", "(-right + beta * entropy)", {"penalised_loss"}),
    "takes_a_logarithm_of_zero": (
        "penalised_loss",
        "log_probabilities = logits.log_softmax(dim=1)",
        "log_probabilities = logits.softmax(dim=1).log()",
        {"penalised_loss"},
    ),
    "gives_the_factor": ("best_temperature", "return 1 / middle", "return middle", {"best_temperature"}),
    "looks_too_near": ("best_temperature", "low, high = 0.01, 100.0", "low, high = 0.2, 1.0", {"best_temperature"}),
    "keeps_no_copy": (
        "repaired", "self.module = copy.deepcopy(net)", "self.module = net", {"repaired_moves", "repaired_computes"},
    ),
    "turns_the_decay": (
        "repaired", "self.decay * average + (1 - self.decay) * weight", "(1 - self.decay) * average + self.decay * weight",
        {"repaired_computes"},
    ),
    "forgets_the_buffers": ("repaired", "own.copy_(buffer)", "pass", {"repaired_computes"}),
    "writes_nowhere": (
        "repaired", "average.copy_(self.decay * average + (1 - self.decay) * weight)",
        "average = self.decay * average + (1 - self.decay) * weight", {"repaired_moves", "repaired_computes"},
    ),
    "shares_over_the_whole_row": (
        "similar_targets", "epsilon * others / others.sum(dim=1, keepdim=True)", "epsilon * others / similarity.sum(dim=1, keepdim=True)",
        {"similar_targets"},
    ),
    "takes_columns": ("similar_targets", "return rows[labels]", "return rows.T[labels]", {"similar_targets"}),
    "spreads_over_all": ("similar_targets", "torch.where(lonely, 1 - own, others)", "torch.where(lonely, torch.ones(classes, classes), others)", {"similar_targets"}),
    "leaves_the_lonely_hard": ("similar_targets", "torch.where(lonely, 1 - own, others)", "torch.where(lonely, own, others)", {"similar_targets"}),
    "empties_the_diagonal_handed_in": ("similar_targets", "others = similarity * (1 - own)", "others = similarity.fill_diagonal_(0)", {"similar_targets"}),
    "gives_all_the_classes": ("similar_targets", "return rows[labels]", "return rows", {"similar_targets"}),
    "takes_a_softmax": (
        "similar_targets", "epsilon * others / others.sum(dim=1, keepdim=True)", "epsilon * others.softmax(dim=1)", {"similar_targets"},
    ),
    "turns_the_epsilon": ("similar_targets", "(1 - epsilon) * own + epsilon * others", "epsilon * own + (1 - epsilon) * others", {"similar_targets"}),
    "adds_the_images": ("penalised_loss", "beta * entropy).mean()", "beta * entropy).sum()", {"penalised_loss"}),
    "counts_bits": ("penalised_loss", "log_probabilities.exp() * log_probabilities)", "log_probabilities.exp() * log_probabilities / math.log(2))", {"penalised_loss"}),
    "takes_the_mean_over_classes": ("penalised_loss", "log_probabilities).sum(dim=1)", "log_probabilities).mean(dim=1)", {"penalised_loss"}),
    "lets_no_gradient_through_the_entropy": ("penalised_loss", "- beta * entropy", "- beta * entropy.detach()", {"penalised_loss"}),
    "gives_a_plain_number": ("penalised_loss", "beta * entropy).mean()", "beta * entropy).mean().item()", {"penalised_loss"}),
    "loses_the_gradient_at_zero": (
        "penalised_loss", "entropy = -(log_probabilities.exp() * log_probabilities).sum(dim=1)",
        "entropy = torch.special.entr(logits.softmax(dim=1)).sum(dim=1)", {"penalised_loss"},
    ),
    "adds_a_little_in_the_logarithm": (
        "penalised_loss", "log_probabilities = logits.log_softmax(dim=1)", "log_probabilities = (logits.softmax(dim=1) + 1e-8).log()",
        {"penalised_loss"},
    ),
    "normalises_over_the_images": ("penalised_loss", "log_softmax(dim=1)", "log_softmax(dim=0)", {"penalised_loss"}),
    "looks_at_the_middle_only": ("best_temperature", "low, high = 0.01, 100.0", "low, high = 1 / 12, 1 / 0.15", {"best_temperature"}),
    "stops_too_early": ("best_temperature", "range(60)", "range(6)", {"best_temperature"}),
    "goes_the_wrong_way": ("best_temperature", "if slope > 0 else", "if slope < 0 else", {"best_temperature"}),
    "never_cools": ("best_temperature", "low, high = 0.01, 100.0", "low, high = 0.01, 1.0", {"best_temperature"}),
    "uses_the_unscaled_probabilities": ("best_temperature", "(middle * logits).softmax", "logits.softmax", {"best_temperature"}),
    "matches_confidence_and_accuracy": (
        "best_temperature", "slope = ((middle * logits).softmax(dim=1) * logits).sum(dim=1).mean() - right",
        "slope = (middle * logits).softmax(dim=1).amax(dim=1).mean() - (logits.argmax(dim=1) == labels).double().mean()",
        {"best_temperature"},
    ),
    "walks_too_short_a_way": (
        "best_temperature", "    low, high = 0.01",
        "    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)\n"
        "    walk = torch.optim.SGD([scale], lr=0.01)\n"
        "    for _ in range(50):\n"
        "        walk.zero_grad()\n"
        "        nn.functional.cross_entropy(logits / scale, labels).backward()\n"
        "        walk.step()\n"
        "    return scale.item()\n"
        "    low, high = 0.01",
        {"best_temperature"},
    ),
    "tries_whole_numbers": (
        "best_temperature", "    low, high = 0.01",
        "    return min(range(1, 21), key=lambda t: nn.functional.cross_entropy(logits / t, labels).item())\n    low, high = 0.01",
        {"best_temperature"},
    ),
    "changes_the_network": (
        "repaired", "own.copy_(buffer)", "own.copy_(buffer)\n            for p, a in zip(net.parameters(), self.module.parameters()):\n                p.copy_(a)",
        {"repaired_moves", "repaired_computes"},
    ),
    "averages_the_buffers": (
        "repaired", "own.copy_(buffer)", "own.copy_(self.decay * own + (1 - self.decay) * buffer)", {"repaired_computes"},
    ),
    "shares_the_buffers": ("repaired", "own.copy_(buffer)", "own.data = buffer.data", {"repaired_computes"}),
    "leaves_whole_number_buffers": (
        "repaired", "                own.copy_(buffer)", "                if buffer.is_floating_point():\n                    own.copy_(buffer)",
        {"repaired_computes"},
    ),
    "records_gradients": ("repaired", "with torch.no_grad():", "with torch.enable_grad():", {"repaired_moves", "repaired_computes"}),
    "takes_torchs_average": (
        "repaired", "self.module = copy.deepcopy(net)",
        "self.kept = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))\n"
        "        self.module = self.kept.module\n"
        "        self.update = self.kept.update_parameters",
        {"repaired_moves", "repaired_computes"},
    ),
    "asks_all_images_whether_they_are_lonely": (
        "similar_targets", '    rows = (1 - epsilon)',
        '    if not lonely[labels].all():\n        others = similarity * (1 - own)\n    rows = (1 - epsilon)', {"similar_targets"},
    ),
    "takes_little_for_nothing": (
        "similar_targets", 'keepdim=True) == 0',
        'keepdim=True) < 0.5', {"similar_targets"},
    ),
    "knows_the_lonely_by_its_diagonal": (
        "similar_targets", 'lonely = others.sum(dim=1, keepdim=True) == 0',
        'lonely = similarity.sum(dim=1, keepdim=True) == 1', {"similar_targets"},
    ),
    "cuts_off_what_is_nearly_certain": (
        "similar_targets", 'return rows[labels]',
        'rows = rows / rows.sum(dim=1, keepdim=True)\n    return rows[labels].clamp(max=0.95)', {"similar_targets"},
    ),
    "cuts_logits_off_in_the_entropy": (
        "penalised_loss", 'entropy = -(log_probabilities.exp() * log_probabilities).sum(dim=1)',
        'clamped = logits.clamp(-30, 30).log_softmax(dim=1)\n    entropy = -(clamped.exp() * clamped).sum(dim=1)', {"penalised_loss"},
    ),
    "cuts_off_a_large_loss": (
        "penalised_loss", 'right = log_probabilities[',
        'right = log_probabilities.clamp(min=-2500)[', {"penalised_loss"},
    ),
    "cuts_off_far_logits": (
        "penalised_loss", 'log_probabilities = logits.log_softmax(dim=1)',
        'log_probabilities = (logits - logits.amax(dim=1, keepdim=True).detach()).clamp(min=-5000).log_softmax(dim=1)', {"penalised_loss"},
    ),
    "rounds_to_two_digits": (
        "best_temperature", 'return 1 / middle',
        'return round(1 / middle, 2)', {"best_temperature"},
    ),
    "misses_by_more_than_one_percent": (
        "best_temperature", 'return 1 / middle',
        'return 1.012 / middle', {"best_temperature"},
    ),
    "turns_the_network_to_evaluation": (
        "repaired", 'with torch.no_grad():',
        'net.eval()\n        with torch.no_grad():', {"repaired_moves"},
    ),
    "empties_the_networks_gradients": (
        "repaired", 'with torch.no_grad():',
        'net.zero_grad()\n        with torch.no_grad():', {"repaired_moves"},
    ),
    "begins_by_turning_the_mode": (
        "repaired", 'self.module = copy.deepcopy(net)',
        'self.module = copy.deepcopy(net)\n        net.eval()', {"repaired_moves"},
    ),
    "shares_some_of_the_buffers": (
        "repaired", 'own.copy_(buffer)',
        'own.copy_(buffer)\n            for mine, theirs in zip(self.module.modules(), net.modules()):\n                if isinstance(mine, nn.BatchNorm2d):\n                    mine.running_var = theirs.running_var', {"repaired_computes"},
    ),
    "keeps_one_average_for_all": (
        "repaired", 'self.module = copy.deepcopy(net)',
        'Repaired.module = copy.deepcopy(net)', {"repaired_computes"},
    ),
    "begins_in_the_other_mode": (
        "repaired", 'self.module = copy.deepcopy(net)',
        'self.module = copy.deepcopy(net)\n        self.module.train(not net.training)', {"repaired_moves"},
    ),
}  # fmt: skip

RIGHT = {
    "similar_targets": (
        """
def similar_targets(labels, similarity, epsilon):
    n, k, similarity = len(labels), similarity.shape[0], similarity{{turned}}
    result = torch.zeros(n, k)
    for i, label in enumerate(labels.tolist()):
        total = sum(similarity[label, j].item() for j in range(k) if j != label)
        for j in range(k):
            if j == label:
                result[i, j] = 1 - (epsilon if total > 0 else {{lonely_epsilon}})
            elif total > 0:
                result[i, j] = epsilon * similarity[label, j] / total
            else:
                result[i, j] = {{lonely_epsilon}} / (k - 1)
    return result
""",
        """
def similar_targets(labels, similarity, epsilon):
    alike = similarity{{turned}}[labels].clone()
    alike.scatter_(1, labels.unsqueeze(1), 0.0)
    lonely = alike.sum(dim=1) == 0
    alike[lonely] = 1.0
    alike.scatter_(1, labels.unsqueeze(1), 0.0)
    epsilons = torch.full((len(labels),), epsilon)
    epsilons[lonely] = {{lonely_epsilon}}
    targets = nn.functional.normalize(alike, p=1, dim=1) * epsilons[:, None]
    targets[torch.arange(len(labels)), labels] = 1 - epsilons
    return targets
""",
        """
def similar_targets(labels, similarity, epsilon):
    s = similarity{{turned}}.double().clone().fill_diagonal_(0)
    own = nn.functional.one_hot(labels, s.size(0)).double()
    row = own @ s
    total = row.sum(1, keepdim=True)
    alone = {{lonely}}
    spread = (row / total).nan_to_num(0) + (total == 0) * alone / alone.sum(1, keepdim=True)
    return torch.lerp(own, spread, epsilon)
""",
        """
def similar_targets(labels, similarity, epsilon):
    rows, similarity = [], similarity{{turned}}
    for label in labels:
        i, part = int(label), epsilon
        others = torch.cat((similarity[i, :i], similarity[i, i + 1 :]))
        if not others.any():
            others, part = torch.ones_like(others), {{lonely_epsilon}}
        others = part * others / others.sum()
        rows.append(torch.cat((others[:i], torch.tensor([1.0 - part]), others[i:])))
    return torch.stack(rows)
""",
    ),
    "penalised_loss": (
        """
def penalised_loss(logits, labels, beta):
    hard = nn.functional.cross_entropy(logits, labels, reduction="{{over}}")
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    return hard - beta * entropy.{{over}}()
""",
        """
def penalised_loss(logits, labels, beta):
    total = 0
    for row, label in zip(logits, labels):
        z = row - row.max()
        e = z.exp()
        log_p = z - e.sum().log()
        h = -(e / e.sum() * log_p).sum()
        total = total - log_p[label] - beta * h
    return total{{per_image}}
""",
        """
import torch.nn.functional as F

def penalised_loss(logits, labels, beta):
    # H(p) = log K - KL(p || even)
    log_p = F.log_softmax(logits, dim=-1)
    even = torch.full_like(log_p, -math.log(logits.shape[-1]))
    divergence = F.kl_div(even, log_p, reduction="none", log_target=True).sum(dim=-1)
    losses = F.nll_loss(log_p, labels, reduction="none") - beta * (math.log(logits.shape[-1]) - divergence)
    return losses.sum(){{per_image}}
""",
        """
def penalised_loss(logits, labels, beta):
    p = torch.softmax(logits, 1)
    spread = torch.logsumexp(logits, 1)
    entropy = spread - (p * logits).sum(1)
    own = logits.gather(1, labels[:, None]).squeeze(1)
    return torch.{{over}}(spread - own - beta * entropy)
""",
    ),
    "best_temperature": (
        """
def best_temperature(logits, labels):
    scale = nn.Parameter(torch.zeros(()))  # the logarithm of T
    optimizer = torch.optim.LBFGS([scale], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(logits / scale.exp(), labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    return scale.exp().detach()
""",
        """
def best_temperature(logits, labels):
    def loss(t):
        return nn.functional.cross_entropy(logits.double() / t, labels).item()

    candidates = [0.05 * 1.005**i for i in range(1202)]
    return min(candidates, key=loss)
""",
        """
def best_temperature(logits, labels):
    loss = nn.CrossEntropyLoss()
    a, b = math.log(0.04), math.log(25.0)
    golden = (math.sqrt(5) - 1) / 2
    while b - a > 1e-4:
        c, d = b - golden * (b - a), a + golden * (b - a)
        if loss(logits.double() / math.exp(c), labels) < loss(logits.double() / math.exp(d), labels):
            b = d
        else:
            a = c
    return math.exp((a + b) / 2)
""",
        """
def best_temperature(logits, labels):
    log_t = torch.zeros(1, requires_grad=True)
    adam = torch.optim.Adam([log_t], lr=0.05)
    for _ in range(400):
        adam.zero_grad()
        nn.functional.cross_entropy(logits / log_t.exp(), labels).backward()
        adam.step()
    return log_t.exp().item()
""",
    ),
    "repaired": (
        """
class Repaired(nn.Module):
    def __init__(self, net, {{share}}):
        super().__init__()
        self.module, self.{{share}} = copy.deepcopy(net), {{share}}
        self.module.eval().requires_grad_(False)

    def update(self, net):
        torch._foreach_mul_(list(self.module.parameters()), {{kept}})
        torch._foreach_add_(list(self.module.parameters()), [each.detach() for each in net.parameters()], alpha={{taken}})
        for own, other in zip(self.module.buffers(), net.buffers()):
            own.copy_(other)
""",
        """
class Repaired:
    @torch.no_grad()
    def __init__(self, net, {{share}}):
        self.module = copy.deepcopy(net)
        self.{{share}} = {{share}}

    @torch.no_grad()
    def update(self, net):
        for mine, theirs in zip(self.module.parameters(), net.parameters()):
            mine.lerp_(theirs, {{taken}})
        for mine, theirs in zip(self.module.buffers(), net.buffers()):
            mine.copy_(theirs)
""",
        """
class Repaired:
    def __init__(self, net, {{share}}):
        self.module, self.{{share}} = copy.deepcopy(net).requires_grad_(False), {{share}}

    def update(self, net):
        new = net.state_dict()
        names = {name for name, _ in net.named_parameters()}
        for name, value in self.module.state_dict().items():
            if name in names:
                value.mul_({{kept}}).add_(new[name], alpha={{taken}})
            else:
                value.copy_(new[name])
""",
        """
class Repaired:
    def __init__(self, net, {{share}}):
        self.module = copy.deepcopy(net)
        self.{{share}} = {{share}}
        self.average = [p.detach().clone() for p in net.parameters()]

    def update(self, net):
        self.average = [{{kept}} * a + {{taken}} * p.detach() for a, p in zip(self.average, net.parameters())]
        self.module = copy.deepcopy(net)
        for p, a in zip(self.module.parameters(), self.average):
            p.data = a.clone()
""",
        """
class Repaired:
    def __init__(self, net, {{share}}):
        keep = torch.optim.swa_utils.AveragedModel(net, avg_fn=lambda old, new, count: {{kept_in_init}} * old + {{taken_in_init}} * new)
        keep.n_averaged += 1  # or the first update would copy
        self.keep, self.module = keep, keep.module

    def update(self, net):
        self.keep.update_parameters(net)
""",
    ),
}
