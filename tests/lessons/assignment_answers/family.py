"""Lesson 09. The right answers are written for whatever numbers the class's seed chooses."""

POINTS = {
    "front_of": 3, "trains_best": 2, "readings": 2, "fair_times": 3, "tuned_leaves_the_trunk": 1, "tuned_learns": 2,
}  # fmt: skip
BY_TEACHER = 2
TOLD = ("trains_the_trunk", "the trunk")
SECRETS = ("_expected", "_right", "_memory", "A full answer")

LEAVES, LEARNS = "tuned_leaves_the_trunk", "tuned_learns"

WRONG = {
    "sweeps_once": (
        "front_of", "    return sorted(front)",
        "    best, front = None, []\n    for name, mine in sorted(points.items(), key=lambda each: each[1]):\n"
        "        if best is None or mine == best or any(a < b for a, b in zip(mine, best)):\n            front.append(name)\n"
        "            best = mine if best is None else tuple(map(min, best, mine))\n    return sorted(front)", {"front_of"},
    ),
    "empties_the_dictionary": ("front_of", "return sorted(front)", "points.popitem()\n    return sorted(front)", {"front_of"}),
    "sorts_the_list": ("trains_best", "    fits = []\n", "    networks.sort(key=str, reverse=True)\n    fits = []\n", {"trains_best"}),
    "drops_equal_ones": ("front_of", "theirs != mine and all(", "all(", {"front_of"}),
    "wants_better_in_all": ("front_of", "all(a <= b for", "all(a < b for", {"front_of"}),
    "better_in_one_is_enough": ("front_of", "all(a <= b for", "any(a < b for", {"front_of"}),
    "looks_at_two_numbers": ("front_of", "zip(theirs, mine, strict=True))", "zip(theirs[:2], mine[:2], strict=True))", {"front_of"}),
    "keeps_the_order": ("front_of", "return sorted(front)", "return front", {"front_of"}),
    "keeps_the_worst": ("front_of", "a <= b", "a >= b", {"front_of"}),
    "forgets_the_momentum": ("trains_best", "3 * parameters", "2 * parameters", {"trains_best"}),
    "forgets_the_batch": ("trains_best", "batch_size * activations", "activations", {"trains_best"}),
    "counts_values": ("trains_best", "memory = 4 * (", "memory = (", {"trains_best"}),
    "has_binary_gigabytes": ("trains_best", "gigabytes * 1e9", "gigabytes * 2**30", {"trains_best"}),
    "wants_room_left": ("trains_best", "memory <= gigabytes", "memory < 0.99 * gigabytes", {"trains_best"}),
    "takes_the_smallest": ("trains_best", "(error, memory, name)", "(memory, error, name)", {"trains_best"}),
    "takes_unknown_errors": ("trains_best", "if error is not None and memory", "error = error or 0\n        if memory", {"trains_best"}),
    "shares_of_what_is_left": ("readings", "100 * points / before", "100 * points / after", {"readings"}),
    "accuracy_of_after": ("readings", "(100 - before)", "(100 - after)", {"readings"}),
    "accuracy_in_points": ("readings", "100 * points / (100 - before)", "points", {"readings"}),
    "does_not_round": ("readings", "round(value, 1) == stated", "value == stated", {"readings"}),
    "takes_the_first_one": ("readings", "if round(value, 1) == stated]", "if round(value, 1) == stated][:1]", {"readings"}),
    "takes_no_turns": (
        "fair_times", "for _ in range(warm_up + rounds):\n        for name in names:", "for name in names:\n        for _ in range(warm_up + rounds):",
        {"fair_times"},
    ),
    "takes_the_mean": ("fair_times", "median(mine[warm_up:])", "sum(mine[warm_up:]) / rounds", {"fair_times"}),
    "lets_all_rounds_count": ("fair_times", "mine[warm_up:]", "mine", {"fair_times"}),
    "leaves_the_last_out": ("fair_times", "mine[warm_up:]", "mine[:rounds]", {"fair_times"}),
    "does_not_warm_up": ("fair_times", "range(warm_up + rounds)", "range(rounds)", {"fair_times"}),
    "takes_the_fastest": ("fair_times", "median(mine[warm_up:])", "min(mine[warm_up:])", {"fair_times"}),
    "takes_the_upper_middle": ("fair_times", "median(mine[warm_up:])", "sorted(mine[warm_up:])[rounds // 2]", {"fair_times"}),
    "trains_the_trunk": (
        "tuned", "torch.optim.SGD(net.classifier.parameters(), lr=rate)", "torch.optim.SGD(net.requires_grad_(True).parameters(), lr=rate)",
        {LEAVES, LEARNS},
    ),
    "moves_the_statistics": ("tuned", "for _ in range(steps):\n        optimizer", "net.train()\n    for _ in range(steps):\n        optimizer", {LEAVES, LEARNS}),
    "adds_up_gradients": ("tuned", "        optimizer.zero_grad()\n", "", {LEARNS}),
    "makes_the_optimizer_first": ("tuned", "torch.optim.SGD(net.classifier.parameters(), lr=rate)", "torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=rate)", {LEARNS}),
    "starts_anywhere": ("tuned", "    nn.init.zeros_(net.classifier.weight)\n", "", {LEARNS}),
    "has_momentum": ("tuned", "lr=rate)", "lr=rate, momentum=0.9)", {LEARNS}),
    "decays_the_weights": ("tuned", "lr=rate)", "lr=rate, weight_decay=1e-4)", {LEARNS}),
    "takes_what_is_near": ("readings", "round(value, 1) == stated", "abs(value - stated) <= 0.05 + 1e-9", {"readings"}),
    "stays_in_training_mode": ("tuned", "    return net", "    net.train()\n    return net", {LEARNS}),
    "gives_the_network_back": ("tuned", "    net.requires_grad_(False)\n", "    return net.eval()\n    net.requires_grad_(False)\n", {LEAVES, LEARNS}),
    "keeps_the_old_classes": ("tuned", "nn.Linear(net.classifier.in_features, classes)", "nn.Linear(net.classifier.in_features, net.classifier.out_features)", {LEARNS}),
    "compares_whole_numbers": (
        "front_of", 'all(a <= b for',
        'all(int(a) <= int(b) for', {"front_of"},
    ),
    "looks_at_four_numbers": (
        "front_of", 'zip(theirs, mine, strict=True)',
        'zip(theirs[:4], mine[:4])', {"front_of"},
    ),
    "takes_zero_for_unknown": (
        "trains_best", 'if error is not None and',
        'if error and', {"trains_best"},
    ),
    "compares_whole_errors": (
        "trains_best", 'return min(fits)[2]',
        'return sorted(fits, key=lambda f: (int(f[0]), f[1]))[0][2]', {"trains_best"},
    ),
    "takes_worse_for_better": (
        "readings", 'points = before - after',
        'points = abs(before - after)', {"readings"},
    ),
    "forgets_the_sign": (
        "readings", 'round(value, 1) == stated',
        'round(value, 1) == abs(stated)', {"readings"},
    ),
    "never_finds_zero": (
        "readings", 'round(value, 1) == stated',
        'stated and round(value, 1) == stated', {"readings"},
    ),
    "clips_the_gradient": (
        "tuned", '        optimizer.step()',
        '        nn.utils.clip_grad_norm_(net.classifier.parameters(), 1.0, foreach=False)\n        optimizer.step()', {"tuned_learns"},
    ),
    "trains_on_eight_images": (
        "tuned", 'cross_entropy(net(images), labels)',
        'cross_entropy(net(images[:8]), labels[:8])', {"tuned_learns"},
    ),
}  # fmt: skip

RIGHT = {
    "front_of": (
        """
def front_of(points):
    def beats(a, b):
        return all(x <= y for x, y in zip(a, b)) and any(x < y for x, y in zip(a, b))
    return sorted(n for n in points if not any(beats(points[m], points[n]) for m in points))
""",
        """
def front_of(points):
    names = sorted(points)
    table = torch.tensor([points[name] for name in names], dtype=torch.float64)
    no_worse = (table[:, None] <= table[None]).all(dim=2)
    better = (table[:, None] < table[None]).any(dim=2)
    dominated = (no_worse & better).any(dim=0)
    return [name for name, out in zip(names, dominated.tolist()) if not out]
""",
        """
def front_of(points):
    kept = dict(points)
    for a in points:
        for b in points:
            if points[a] != points[b] and all(points[b][i] <= points[a][i] for i in range(len(points[a]))):
                kept.pop(a, None)
    return sorted(kept)
""",
    ),
    "trains_best": (
        """
def trains_best(networks, batch_size, gigabytes):
    best = None
    for name, parameters, activations, error in networks:
        bytes_needed = 12 * parameters + 4 * {{kept}} * batch_size * activations
        if error is None or bytes_needed > gigabytes * 10**9:
            continue
        if best is None or (error, bytes_needed) < best[:2]:
            best = error, bytes_needed, name
    return None if best is None else best[2]
""",
        """
def trains_best(networks, batch_size, gigabytes):
    def memory(n):
        return (n[1] * 3 + n[2] * batch_size * {{kept}}) * 4
    fits = [n for n in networks if n[3] is not None and memory(n) <= gigabytes * 1e9]
    fits.sort(key=lambda n: (n[3], memory(n)))
    return fits[0][0] if fits else None
""",
        """
trains_best = lambda networks, batch_size, gigabytes: min(
    ((error, 12 * p + 4 * {{kept}} * a * batch_size, name) for name, p, a, error in networks
     if error is not None and 12 * p + 4 * {{kept}} * a * batch_size <= gigabytes * 1e9),
    default=(0, 0, None),
)[2]
""",
    ),
    "readings": (
        """
def readings(before, after, stated):
    found = []
    if round(before - after, 1) == stated:
        found.append("points")
    if round(100 * (before - after) / before, 1) == stated:
        found.append("errors")
    if round(100 * (before - after) / (100 - before), 1) == stated:
        found.append("accuracy")
    return found
""",
        """
def readings(before, after, stated):
    gone = before - after
    wholes = [("points", 100), ("errors", before), ("accuracy", 100 - before)]
    return [name for name, whole in wholes if abs(round(100 * gone / whole, 1) - stated) < 1e-9]
""",
        """
def readings(before, after, stated):
    right, more = 100 - before, 100 - after
    values = [before - after, (before - after) / before * 100, (more - right) / right * 100]
    return [n for n, v in zip(("points", "errors", "accuracy"), values) if round(v, 1) == stated]
""",
    ),
    "fair_times": (
        """
def fair_times(names, rounds, warm_up):
    log = []
    for _ in range(rounds + warm_up):
        for name in {{turns}}:
            run(name, log)
    found = {}
    for i, name in enumerate({{turns}}):
        mine = sorted(seconds for _, seconds in log[i + warm_up * len(names) :: len(names)])
        found[name] = (mine[(rounds - 1) // 2] + mine[rounds // 2]) / 2
    return found, log
""",
        """
import numpy as np

def fair_times(names, rounds, warm_up):
    log = []
    [run(name, log) for _ in range(warm_up + rounds) for name in {{turns}}]
    counted = log[warm_up * len(names):]
    return {name: float(np.median([s for who, s in counted if who == name])) for name in names}, log
""",
        """
def fair_times(names, rounds, warm_up):
    log, kept = [], {name: [] for name in names}
    for number in range(warm_up + rounds):
        for name in {{turns}}:
            run(name, log)
            if number >= warm_up:
                kept[name].append(log[-1][1])
    return {name: torch.tensor(each, dtype=torch.float64).quantile(0.5).item() for name, each in kept.items()}, log
""",
    ),
    "tuned": (
        """
def tuned(net, images, labels, classes, steps, rate):
    net.eval()
    for p in net.parameters():
        p.requires_grad = False
    new = nn.Linear(net.classifier.in_features, classes)
    with torch.no_grad():
        new.weight.zero_()
        new.bias.zero_()
    with torch.no_grad():
        features = net.features(images)
    sgd = torch.optim.SGD(new.parameters(), lr=rate)
    for _ in range(steps):
        sgd.zero_grad()
        nn.functional.cross_entropy(new(features), labels).backward()
        sgd.step()
    net.classifier = new
    return net.eval()
""",
        """
def tuned(net, images, labels, classes, steps, rate):
    net.classifier = nn.Linear(net.classifier.in_features, classes)
    for p in net.classifier.parameters():
        nn.init.constant_(p, 0.0)
    net.features.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=rate)
    net.train()
    net.features.eval()
    for _ in range(steps):
        loss = nn.CrossEntropyLoss()(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    return net
""",
        """
def tuned(net, images, labels, classes, steps, rate):
    net = net.eval().requires_grad_(False)
    layer = net.classifier = nn.Linear(net.classifier.in_features, classes)
    for parameter in (layer.weight, layer.bias):
        parameter.data.zero_()
    for _ in range(steps):
        loss = nn.functional.cross_entropy(net(images), labels)
        gradients = torch.autograd.grad(loss, [layer.weight, layer.bias])
        with torch.no_grad():
            for parameter, gradient in zip((layer.weight, layer.bias), gradients):
                parameter -= rate * gradient
    return net
""",
    ),
}
