"""Lesson 09."""

from tests.lessons.answers import Answers, function

ROW = "parameters, macs, activations"
COSTS = "seconds, batch_size, warm_up"
BUDGET = "networks, max_parameters, max_macs"
DEAL = "batch_size, learning_rate, processes, grows"


def front(condition: str, before: str = "", end: str = "return names") -> str:
    """A loop over all pairs; `condition` says when b dominates a."""
    return (
        f"def Answer(points):\n    names = []\n{before}    for a, (ca, ea) in points.items():\n        for b, (cb, eb) in points.items():\n"
        f"            if a != b and ({condition}):\n                break\n        else:\n            names.append(a)\n    {end}\n"
    )


RIGHT_FRONT = "cb <= ca and eb <= ea and (cb < ca or eb < ea)"


def chosen(fits: str = "n.top1 is not None and n.parameters <= max_parameters and n.macs <= max_macs",
           key: str = "(n.top1, n.macs)", end: str = "return best.name") -> str:  # fmt: skip
    return (
        f"def Answer({BUDGET}):\n    fits = [n for n in networks if {fits}]\n    if not fits:\n        return None\n"
        f"    best = min(fits, key=lambda n: {key})\n    {end}\n"
    )


def frozen(
    init: str, train: str = "super().train(mode)\nself.net.eval()\nreturn self", forward: str = "return self.net(x)"
) -> str:
    def indented(lines: str) -> str:
        return "\n".join("        " + line for line in lines.strip().splitlines())

    own = f"    def train(self, mode=True):\n{indented(train)}\n" if train else ""
    return (
        f"class Answer(nn.Module):\n    def __init__(self, net, classes):\n        super().__init__()\n{indented(init)}\n{own}"
        f"    def forward(self, x):\n{indented(forward)}\n"
    )


INIT = "self.net = net.requires_grad_(False)\nself.net.classifier = nn.Linear(net.classifier.in_features, classes)"

ANSWERS = {
    "read_row": Answers(
        right=(
            function(ROW, "torch.tensor([4 * parameters / 1e6, 4 * activations / 1e6, macs / parameters])"),
            function(
                ROW, "__import__('numpy').array([4 * parameters / 1e6, 4 * activations / 1e6, macs / parameters])"
            ),
            function(ROW, "(parameters * 4e-6, activations * 4e-6, macs / parameters)"),
            function(ROW, "[32 * parameters / 8 / 10**6, activations / 250_000, macs / parameters]"),
        ),
        wrong=(
            (function(ROW, "(parameters / 1e6, 4 * activations / 1e6, macs / parameters)"), "four bytes"),
            (function(ROW, "(4 * parameters / 1e6, activations / 1e6, macs / parameters)"), "four bytes"),
            (function(ROW, "(4 * parameters / 1e6, 4 * activations / 1e6, parameters / macs)"), "the other way round"),
            (function(ROW, "(32 * parameters / 1e6, 4 * activations / 1e6, macs / parameters)"), "eight bits"),
            (
                function(ROW, "(4 * parameters / 2**20, 4 * activations / 2**20, macs / parameters)"),
                "a million bytes here",
            ),
            (function(ROW, "(4 * parameters // 10**6, 4 * activations / 1e6, macs / parameters)"), "cuts off"),
            (
                function(ROW, "(4 * activations / 1e6, 4 * parameters / 1e6, macs / parameters)"),
                "The weights come first",
            ),
            (function(ROW, "(4 * parameters, 4 * activations, macs / parameters)"), "Those are bytes"),
            (function(ROW, "(4 * parameters / 1e3, 4 * activations / 1e3, macs / parameters)"), "yours has a thousand"),
            (function(ROW, "(4 * parameters / 1e6, 4 * activations / 1e6, macs // parameters)"), "cuts off"),
            (function(ROW, "(4 * parameters / 1e6, 4 * activations / 1e6, macs / (4 * parameters))"), "not per byte"),
            (
                function(ROW, "(4 * parameters / 1e6, 4 * activations / 1e6, macs / activations)"),
                "not per number of the activations",
            ),
            (function(ROW, "(4 * parameters / 1e6, 4 * activations / 1e6 or 1, macs / parameters)"), "activations=0"),
            (function(ROW, "(4 * parameters / 1e6, 4 * activations / 1e6)"), "3 results are needed"),
        ),
    ),
    "improvement": Answers(
        right=(
            function("before, after", "[before - after, (1 - after / before) * 100]"),
            function("before, after", "__import__('numpy').array([before - after, (1 - after / before) * 100])"),
            "def Answer(b, a):\n    points = torch.tensor(b - a, dtype=torch.float64)\n    return points, points / b * 100\n",
        ),
        wrong=(
            (
                "import math\ndef Answer(before, after):\n    return (before - after, round(100 * (before - after) / before))\n",
                "do not round",
            ),
            (function("before, after", "(before - after, (before - after) / before)"), "100 times as much"),
            (function("before, after", "(before - after, 100 * (before - after) / after)"), "of the error *before*"),
            (function("before, after", "(after - before, 100 * (before - after) / before)"), "falls is an improvement"),
            (function("before, after", "(100 * (before - after) / before, before - after)"), "the points come first"),
            (
                function("before, after", "(before - after, 100 * (before - after) / (100 - before))"),
                "gain of the accuracy",
            ),
            (function("before, after", "(before - after, 100 * after / before)"), "what is left"),
            (
                function("before, after", "(abs(before - after), 100 * abs(before - after) / before)"),
                "Here the error rises",
            ),
            (
                function("before, after", "(before - after, 200 * (before - after) / (before + after))"),
                "the mean of both",
            ),
            (
                function("before, after", "(before - after, 100 * (before - after) / max(before, after))"),
                "of the error *before*",
            ),
            (
                function("before, after", "(100 * (before - after), 100 * (before - after) / before)"),
                "in per cent already",
            ),
            (function("before, after", "(before - after, 100 * (before - after))"), "divide by it"),
            (
                function("before, after", "(round(before - after, 1), round(100 * (before - after) / before, 1))"),
                "Do not round",
            ),
            (function("before, after", "(before - after, 100 * (before - after) // before)"), "cuts off"),
            (
                function("before, after", "(max(before - after, 0), max(100 * (before - after) / before, 0))"),
                "Here the error rises",
            ),
            (
                function("before, after", "(before - after, 100 * (before - after) / before if after else 0)"),
                "after=0.0",
            ),
            (function("before, after", "100 * (before - after) / before"), "a pair is needed"),
        ),
    ),
    "pareto": Answers(
        right=(
            front(RIGHT_FRONT),
            front(RIGHT_FRONT, end="import numpy as np\n    return np.array(names)"),
            front("(cb, eb) != (ca, ea) and cb <= ca and eb <= ea", end="return set(names)"),
            "def Answer(points):\n    front, best = [], float('inf')\n    for cost in sorted({c for c, _ in points.values()}):\n"
            "        least = min(e for c, e in points.values() if c == cost)\n        if least < best:\n"
            "            front += [n for n, p in points.items() if p == (cost, least)]\n            best = least\n    return tuple(front)\n",
        ),
        wrong=(
            (front("cb <= ca and eb <= ea"), "neither takes the other's place"),
            (front("cb < ca and eb < ea"), "enough, if it is not worse in the other"),
            (front("cb <= ca and eb < ea"), "as good and costs less"),
            (front("cb < ca and eb <= ea"), "as dear and errs less"),
            (front("cb < ca or eb < ea"), "better on one axis only does not dominate"),
            (front("eb < ea"), "better on one axis only does not dominate"),
            (front("cb >= ca and eb >= ea and (cb > ca or eb > ea)"), "is right"),
            (front(RIGHT_FRONT, end="return [points[n] for n in names]"), "names are needed"),
            (front(RIGHT_FRONT, end="return len(names)"), "a list of names is needed"),
            (
                front(RIGHT_FRONT, end="return (each for each in names)"),
                "gives back a generator; a list of names is needed",
            ),
            (front(RIGHT_FRONT, end="return filter(None, names)"), "a list of names is needed"),
            (front(RIGHT_FRONT, end="names"), "gives back nothing"),
            (
                front("cb >= ca and eb >= ea and (cb > ca or eb > ea)", end="return set(names)"),
                "Of both, less is better",
            ),
            (front(RIGHT_FRONT, end="return set(points) - set(names)"), "the others are asked"),
            (function("points", "[min(points, key=lambda name: points[name][1])]"), "errs least alone"),
            (
                front("abs(cb) <= abs(ca) and abs(eb) <= abs(ea) and (abs(cb) < abs(ca) or abs(eb) < abs(ea))"),
                "For points below zero",
            ),
            (
                "def Answer(points):\n    front = []\n    for name in sorted(points, key=lambda name: points[name]):\n"
                "        if not front or points[name][1] < points[front[-1]][1]:\n            front.append(name)\n    return front\n",
                "equal in both",
            ),
            (
                "def Answer(points):\n    front, best = [], float('inf')\n    for name in sorted(points, key=lambda name: points[name][0]):\n"
                "        if points[name][1] <= best:\n            front.append(name)\n            best = points[name][1]\n    return front\n",
                "so nobody would take b",
            ),
            ("seen = []\n" + front(RIGHT_FRONT, end="seen.extend(names)\n    return seen"), "a name comes twice"),
            (front(RIGHT_FRONT, end="return names + names[:1]"), "a name comes twice"),
            (front(RIGHT_FRONT, before="    least = min(points)\n"), "For nobody, {}"),
            (front(RIGHT_FRONT, end="points.clear()\n    return names"), "your function changes `points`"),
        ),
    ),
    "throughput": Answers(
        right=(
            "import numpy as np\ndef Answer(seconds, batch_size, warm_up):\n    return batch_size / np.median(seconds[warm_up:])\n",
            "def Answer(seconds, batch_size, warm_up):\n    s = sorted(seconds[warm_up:])\n    m = len(s)\n"
            "    return batch_size / ((s[(m - 1) // 2] + s[m // 2]) / 2)\n",
        ),
        wrong=(
            (function(COSTS, "batch_size / __import__('statistics').median(seconds)"), "rounds that warm up are in it"),
            (
                function(COSTS, "batch_size * len(seconds[warm_up:]) / sum(seconds[warm_up:])"),
                "That is the mean: one slow round",
            ),
            (function(COSTS, "batch_size / min(seconds[warm_up:])"), "fastest round"),
            (function(COSTS, "1 / __import__('statistics').median(seconds[warm_up:])"), "batches a second"),
            (function(COSTS, "__import__('statistics').median(seconds[warm_up:]) / batch_size"), "seconds an image"),
            (
                function(COSTS, "batch_size / seconds[warm_up:][len(seconds[warm_up:]) // 2]"),
                "sorted before its middle",
            ),
            (
                function(COSTS, "batch_size / sorted(seconds[warm_up:])[len(seconds[warm_up:]) // 2]"),
                "even number of rounds",
            ),
            (function(COSTS, "batch_size / torch.tensor(seconds[warm_up:]).median()"), "even number of rounds"),
            (
                function(COSTS, "batch_size / __import__('statistics').median(seconds[warm_up + 1:])"),
                "no more and no less",
            ),
            (function(COSTS, "batch_size / __import__('statistics').median(seconds[:warm_up])"), "the others count"),
            (
                function(COSTS, "__import__('statistics').median(batch_size / s for s in seconds[warm_up:])"),
                "median of the rounds' speeds",
            ),
            (function(COSTS, "batch_size // __import__('statistics').median(seconds[warm_up:])"), "cuts off"),
            (function(COSTS, "batch_size / max(seconds[warm_up:])"), "the slowest round"),
            (function(COSTS, "batch_size / sum(seconds[warm_up:])"), "all rounds together"),
            (function(COSTS, "batch_size / seconds[-1]"), "the last round"),
            (
                function(COSTS, "batch_size * __import__('statistics').median(seconds[warm_up:])"),
                "not `batch_size * time`",
            ),
            (
                function(COSTS, "batch_size / __import__('statistics').median(sorted(seconds)[warm_up:])"),
                "before you sort",
            ),
            (
                function(COSTS, "batch_size / __import__('statistics').median(seconds[1:] or seconds)"),
                "no more and no less",
            ),
            (
                function(COSTS, "batch_size / __import__('statistics').median(seconds[max(warm_up, 1):] or seconds)"),
                "warm_up=0",
            ),
            (
                function(COSTS, "batch_size / __import__('statistics').median(set(seconds[warm_up:]))"),
                "[0.1, 0.3, 0.3, 0.3, 0.6, 0.2]",
            ),
            (
                function(COSTS, "round(batch_size / __import__('statistics').median(seconds[warm_up:]), 1)"),
                "Do not round",
            ),
            (
                "def Answer(seconds, batch_size, warm_up):\n    seconds.sort()\n    return batch_size / seconds[len(seconds) // 2]\n",
                "your function changes `seconds`",
            ),
            (
                "def Answer(seconds, batch_size, warm_up):\n    del seconds[:warm_up]\n    return batch_size / __import__('statistics').median(seconds)\n",
                "your function changes `seconds`",
            ),
        ),
    ),
    "choose": Answers(
        right=(
            chosen(),
            f"def Answer({BUDGET}):\n    best = None\n    for n in networks:\n        if n.top1 is None or n.parameters > max_parameters or n.macs > max_macs:\n"
            "            continue\n        if best is None or n.top1 < best.top1 or (n.top1 == best.top1 and n.macs < best.macs):\n            best = n\n"
            "    return best.name if best else None\n",
            f"def Answer({BUDGET}):\n    order = sorted(networks, key=lambda n: (n.top1 is None, n.top1, n.macs) if n.top1 is not None else (True, 0, 0))\n"
            "    fits = (n.name for n in order if n.top1 is not None and n.parameters <= max_parameters and n.macs <= max_macs)\n    return next(fits, None)\n",
        ),
        wrong=(
            (
                chosen(fits="n.top1 is not None and n.parameters <= max_parameters"),
                "more multiply-adds than the budget",
            ),
            (chosen(fits="n.top1 is not None and n.macs <= max_macs"), "more parameters than the budget"),
            (
                chosen(fits="n.top1 is not None and n.parameters < max_parameters and n.macs < max_macs"),
                "exactly the budget still fits",
            ),
            (chosen(key="n.top1"), "the one with fewer multiply-adds"),
            (chosen(fits="n.parameters <= max_parameters and n.macs <= max_macs"), "compares None with a number"),
            (
                chosen(fits="n.parameters <= max_parameters and n.macs <= max_macs", key="(n.top1 or 0, n.macs)"),
                "Nothing is known of its error",
            ),
            (chosen(end="return best"), "its name is asked"),
            (chosen(end="return best.top1"), "its name is asked"),
            (chosen(end="print(best.name)"), "as a function without `return` does"),
            (
                chosen(fits="n.top1 and n.parameters <= max_parameters and n.macs <= max_macs"),
                "ask whether it `is not None`",
            ),
            (
                chosen(fits="n.top1 is not None and (n.parameters <= max_parameters or n.macs <= max_macs)"),
                "Both budgets have to be kept",
            ),
            (chosen(fits="n.top1 is not None"), "no network that does can be chosen"),
            (
                chosen(fits="n.top1 is not None and n.parameters <= max_parameters and n.macs < max_macs"),
                "exactly the budget still fits",
            ),
            (chosen(key="(n.top1, n.parameters)"), "the one with fewer multiply-adds"),
            (chosen(key="n.macs"), "yours takes fewest multiply-adds"),
            (chosen(key="-n.macs"), "spends most of a budget"),
            (chosen(key="0"), "the first that fits"),
            (chosen().replace("return None", "return 'None'"), "you choose 'None'; None is right"),
            (chosen().replace("return None", "raise ValueError('none fits')"), "give back None where no network fits"),
            (
                function(
                    BUDGET,
                    "min((n for n in networks if n.top1 is not None and n.parameters <= max_parameters and n.macs <= max_macs), key=lambda n: (n.top1, n.macs)).name",
                ),
                "None where no network fits",
            ),
            (chosen(key="(-n.top1, n.macs)"), "The least error is asked, not the largest"),
        ),
    ),
    "frozen_trunk": Answers(
        right=(
            frozen(INIT),
            frozen(
                INIT,
                train="super().train(mode)\nfor layer in self.net.modules():\n    layer.training = False\nreturn self",
            ),
            frozen(
                "self.trunk = net\nself.head = nn.Linear(net.classifier.in_features, classes)\nnet.classifier = nn.Identity()\nfor p in net.parameters():\n    p.requires_grad = False",
                train="",
                forward="self.trunk.eval()\nwith torch.no_grad():\n    features = self.trunk(x)\nreturn self.head(features)",
            ),
            frozen(
                "self.net = net.requires_grad_(False)\nfeatures = net.classifier.in_features\nself.net.classifier = nn.Identity()\n"
                "self.w, self.b = nn.Parameter(torch.randn(classes, features)), nn.Parameter(torch.zeros(classes))",
                forward="return self.net(x) @ self.w.T + self.b",
            ),
            "def Answer(net, classes):\n    net.requires_grad_(False)\n    net.classifier = nn.Linear(net.classifier.in_features, classes)\n    net.eval()\n"
            "    net.train = lambda mode=True: net\n    return net\n",
        ),
        wrong=(
            (
                frozen(
                    INIT
                    + "\nfor m in net.modules():\n    if isinstance(m, nn.BatchNorm2d):\n        m.train = lambda mode=True, m=m: m\n        m.training = False",
                    train="",
                ),
                "but dropout is on",
            ),
            (frozen(INIT, forward="return self.net(x).softmax(dim=1)"), "before any softmax"),
            (frozen(INIT, forward="return self.net(x).relu()"), "A ReLU follows the classifier"),
            (frozen(INIT, forward="with torch.no_grad():\n    x.relu_()\nreturn self.net(x)"), "changes its input"),
            (frozen(INIT, forward="out = self.net(x)\nx.data.zero_()\nreturn out"), "changes its input"),
            (frozen(INIT).replace("mode=True", "").replace("(mode)", "()"), "torch calls `train(mode)`"),
            (
                frozen(INIT.replace("net.classifier.in_features", "128")),
                "is made for 128 numbers an image, and 48 reach it",
            ),
            (frozen(INIT.replace("classes)", "classes + 1)")), "puts out `classes` numbers"),
            (frozen(INIT.replace("classes)", "classes, bias=False)")), "has no bias"),
            (frozen(INIT, train=""), "batch normalisation collects new statistics"),
            (
                frozen(INIT + "\nself.net.eval()", train="super().train(mode)\nreturn self"),
                "batch normalisation collects new statistics",
            ),
            (
                frozen(
                    "net.classifier = nn.Linear(net.classifier.in_features, classes)\nself.net = net.requires_grad_(False)"
                ),
                "No parameter is trained",
            ),
            (
                frozen("self.net = net\nself.net.classifier = nn.Linear(net.classifier.in_features, classes)"),
                "Every parameter is trained",
            ),
            (frozen(INIT, train="super().train(mode)\nself.net.eval()"), "return self"),
            (
                frozen(INIT, train="super().train()\nself.net.eval()\nreturn self"),
                "the module itself is in training mode: hand `mode` on",
            ),
            (frozen("self.net = net.requires_grad_(False)"), "is expected. Is the classifier new?"),
            (
                frozen(
                    "self.net = net\nfor m in net.modules():\n    if isinstance(m, nn.Conv2d):\n        m.requires_grad_(False)\nself.net.classifier = nn.Linear(net.classifier.in_features, classes)"
                ),
                "Batch normalisation has a weight and a bias",
            ),
            (
                frozen(
                    INIT + "\nfor m in net.modules():\n    if isinstance(m, nn.BatchNorm2d):\n        m.momentum = 0.0",
                    train="super().train(mode)\nreturn self",
                ),
                "has changed",
            ),
            (
                frozen(
                    INIT
                    + "\nfor m in net.modules():\n    if isinstance(m, nn.BatchNorm2d):\n        m.reset_running_stats()"
                ),
                "something else than the given network",
            ),
            (frozen(INIT, forward="with torch.no_grad():\n    return self.net(x)"), "No gradient comes out"),
            (
                frozen(
                    INIT
                    + "\nfor m in net.modules():\n    if isinstance(m, nn.BatchNorm2d):\n        m.track_running_stats = False\n        m.running_mean = m.running_var = None",
                    train="",
                ),
                "something else than",
            ),
        ),
    ),
    "for_processes": Answers(
        right=(
            "def Answer(batch_size, learning_rate, processes, grows):\n    if grows:\n        return torch.tensor([batch_size, learning_rate * processes])\n"
            "    each = batch_size / processes\n    if each != int(each):\n        raise ValueError\n    return each, learning_rate\n",
            "class Uneven(ValueError):\n    pass\ndef Answer(batch_size, learning_rate, processes, grows):\n"
            "    if not grows and batch_size % processes:\n        raise Uneven(processes)\n"
            "    return (batch_size, learning_rate * processes) if grows else (batch_size // processes, learning_rate)\n",
            "def Answer(batch_size, learning_rate, processes, grows):\n    if not grows:\n        each, rest = divmod(batch_size, processes)\n        if rest:\n"
            "            raise ValueError('uneven')\n        return each, learning_rate\n    return [batch_size, processes * learning_rate]\n",
            "def Answer(batch_size, learning_rate, processes, grows):\n    scale = processes if grows else 1\n    if (batch_size * scale) % processes:\n"
            "        raise ValueError('uneven')\n    return batch_size * scale // processes, learning_rate * scale\n",
        ),
        wrong=(
            (
                "def Answer(batch_size, learning_rate, processes, grows):\n    if grows:\n        return batch_size, learning_rate * processes\n"
                "    assert batch_size % processes == 0\n    return batch_size // processes, learning_rate\n",
                "stops with an `assert`",
            ),
            (
                "def Answer(batch_size, learning_rate, processes, grows):\n    if grows:\n        return batch_size, learning_rate * processes\n"
                "    return batch_size // processes, learning_rate / processes\n",
                "and so does the rate",
            ),
            (function(DEAL, "(batch_size, learning_rate * processes)"), "`grows` is not looked at"),
            (
                function(
                    DEAL,
                    "(batch_size // processes, learning_rate * processes) if not grows else (batch_size, learning_rate)",
                ),
                "so its rate is the same",
            ),
            (
                function(
                    DEAL,
                    "(batch_size // processes, learning_rate) if grows else (batch_size, learning_rate * processes)",
                ),
                "have changed places",
            ),
            (
                function(
                    DEAL,
                    "(learning_rate, batch_size // processes) if not grows else (learning_rate * processes, batch_size)",
                ),
                "the images come first",
            ),
            (
                "def Answer(batch_size, learning_rate, processes, grows):\n    if grows:\n        return batch_size, learning_rate * processes\n"
                "    if batch_size % processes:\n        return ValueError('uneven')\n    return batch_size // processes, learning_rate\n",
                "a ValueError is expected: 64 images cannot be dealt out evenly",
            ),
            (
                "def Answer(batch_size, learning_rate, processes, grows):\n    if grows:\n        return batch_size, learning_rate * processes\n"
                "    if batch_size % 2:\n        raise ValueError('uneven')\n    return batch_size // processes, learning_rate\n",
                "batch_size=7",
            ),
            (
                "def Answer(batch_size, learning_rate, processes, grows):\n    if grows:\n        return batch_size, learning_rate * processes\n"
                "    if batch_size % processes:\n        raise TypeError('uneven')\n    return batch_size // processes, learning_rate\n",
                "a ValueError is expected. TypeError: uneven",
            ),
            (
                function(DEAL, "(batch_size if grows else batch_size // processes, learning_rate)"),
                "the linear rule lets the rate grow",
            ),
            (
                function(DEAL, "(batch_size if grows else batch_size // processes, learning_rate * processes)"),
                "so its rate is the same",
            ),
            (
                function(DEAL, "(batch_size, learning_rate * processes if grows else learning_rate)"),
                "takes its part of the batch",
            ),
            (
                function(DEAL, "(batch_size // processes, learning_rate * processes if grows else learning_rate)"),
                "keeps a whole batch",
            ),
            (
                function(
                    DEAL,
                    "(batch_size if grows else batch_size // processes, learning_rate * processes if grows else learning_rate)",
                ),
                "cannot be dealt out evenly",
            ),
            (
                function(
                    DEAL,
                    "(batch_size if grows else batch_size // processes, learning_rate * processes**0.5 if grows else learning_rate)",
                ),
                "square root rule",
            ),
            (
                function(
                    DEAL,
                    "(batch_size * processes if grows else batch_size // processes, learning_rate * processes if grows else learning_rate)",
                ),
                "what all processes see together",
            ),
            (
                "def Answer(batch_size, learning_rate, processes, grows):\n    if batch_size % processes:\n        raise ValueError('uneven')\n"
                "    return (batch_size, learning_rate * processes) if grows else (batch_size // processes, learning_rate)\n",
                "any number of processes fits",
            ),
        ),
    ),
}
