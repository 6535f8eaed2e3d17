"""Lesson 10."""

import math

from networks.design import BUDGET, PRESETS, Design
from tests.lessons.answers import Answers, function

SCOPE = {"math": math, "Design": Design, "PRESETS": PRESETS, "BUDGET": BUDGET}

STAGE = "in_channels, width, blocks, grid"
LIMITS = "parameters, macs, max_parameters, max_macs"
CHOICE = "cost_of, widths, max_parameters, max_macs"


def wide(comes: str = "i if n == 0 else i * times", goes: str = "o if n == len(layers) - 1 else o * times",
         cost: str = "(a * b) * w * w * g * g", end: str = "total") -> str:  # fmt: skip
    return (
        "def Answer(layers, times):\n    total = 0\n    for n, (i, o, w, g) in enumerate(layers):\n"
        f"        a = {comes}\n        b = {goes}\n        total += {cost}\n    return {end}\n"
    )


def bound(parameters: str = "1 - parameters / max_parameters", macs: str = "1 - macs / max_macs", pick: str = "<",
          share: str = "{}") -> str:  # fmt: skip
    return (
        f"def Answer({LIMITS}):\n    a = {parameters}\n    b = {macs}\n"
        f'    return ("parameters", {share.format("a")}) if a {pick} b else ("macs", {share.format("b")})\n'
    )


def chosen(test: str = "p <= max_parameters and m <= max_macs", start: str = "None", keep: str = "best is None or w > best",
           otherwise: str = "pass") -> str:  # fmt: skip
    return (
        f"def Answer({CHOICE}):\n    best = {start}\n    for w in widths:\n        p, m = cost_of(w)\n        if {test}:\n"
        f"            if {keep}:\n                best = w\n        else:\n            {otherwise}\n    return best\n"
    )


def design(stages: str, reductions: str = '("max_pool", "max_pool")', more: str = "") -> str:
    return f"def Answer():\n    return Design(stages={stages}, reductions={reductions}{more})\n"


MINE = '(("googlenet", 1, 36), ("xception", 2, 56), ("xception", 1, 80))'

ANSWERS = {
    "stage_macs": Answers(
        right=(
            function(STAGE, "__import__('fractions').Fraction(grid * grid * 9 * width * (in_channels + (blocks - 1) * width))"),
            function(STAGE, "grid * grid * 9 * width * (in_channels + (blocks - 1) * width)"),
            f"def Answer({STAGE}):\n    total, comes = 0, in_channels\n    for _ in range(blocks):\n"
            "        total += comes * width * 3**2 * grid**2\n        comes = width\n    return float(total)\n",
            function(STAGE, "torch.tensor(grid**2 * 9 * width * (in_channels + (blocks - 1) * width))"),
        ),
        wrong=(
            (function(STAGE, "9 * in_channels * width * blocks * grid**2"), "Only the first block reads"),
            (function(STAGE, "9 * width * width * blocks * grid**2"), "not `width`"),
            (function(STAGE, "9 * width * (in_channels + (blocks - 1) * width) * grid"), "two sides"),
            (function(STAGE, "9 * width * (in_channels + (blocks - 1) * width)"), "at one place"),
            (function(STAGE, "3 * width * (in_channels + (blocks - 1) * width) * grid**2"), "nine places"),
            (function(STAGE, "9 * width * (in_channels + blocks * width) * grid**2"), "one less reads `width`"),
            (function(STAGE, "9 * width * in_channels * grid**2"), "the first block alone"),
            (function(STAGE, "9 * width * (blocks - 1) * width * grid**2"), "The first block is missing"),
            (function(STAGE, "18 * width * (in_channels + (blocks - 1) * width) * grid**2"), "are one multiply-add"),
            (function(STAGE, "9 * width * (in_channels + (blocks - 1) * width) * 2 * grid"), "not twice `grid`"),
            (function(STAGE, "9 * width * (in_channels + (blocks - 1) * width) * 256"), "grid=8"),
            (function(STAGE, "9 * width * (in_channels + (blocks - 1) * width) * grid**2 / 1e6"), "A whole number is needed"),
            (function(STAGE, "None"), "Is the `return` missing?"),
            ("Answer = 7", "Hand over the function itself"),
        ),
    ),
    "dearest": Answers(
        right=(
            "def Answer(rows):\n    names, weights, macs = zip(*rows)\n"
            "    return [names[weights.index(max(weights))], names[macs.index(max(macs))]]\n",
            "def Answer(rows):\n    return sorted(rows, key=lambda r: -r[1])[0][0], sorted(rows, key=lambda r: -r[2])[0][0]\n",
            "def Answer(rows):\n    a = b = rows[0]\n    for row in rows:\n        a = row if row[1] > a[1] else a\n"
            "        b = row if row[2] > b[2] else b\n    return a[0], b[0]\n",
        ),
        wrong=(
            (function("rows", "(max(rows, key=lambda r: r[2])[0], max(rows, key=lambda r: r[1])[0])"), "The first name is"),
            (function("rows", "(max(rows, key=lambda r: r[1]), max(rows, key=lambda r: r[2]))"), "not the whole rows"),
            (function("rows", "(min(rows, key=lambda r: r[1])[0], min(rows, key=lambda r: r[2])[0])"), "the cheapest"),
            (function("rows", "(max(rows, key=lambda r: r[1])[0],) * 2"), "need not be the one"),
            (function("rows", "max(rows, key=lambda r: r[1])[0]"), "a pair is needed, (by parameters"),
            (function("rows", "(rows.sort(key=lambda r: r[1]) or rows[-1][0], max(rows, key=lambda r: r[2])[0])"), "your function changes `rows`"),
            (function("rows", "(rows[0][0], rows[0][0])"), "the first row, whatever stands in it"),
            (function("rows", "(max(rows, key=lambda r: r[1] + r[2])[0],) * 2"), "no common unit"),
            (function("rows", "(max(range(len(rows)), key=lambda i: rows[i][1]), max(range(len(rows)), key=lambda i: rows[i][2]))"),
             "not their places"),
            (function("rows", "(max(rows[:-1] or rows, key=lambda r: r[1])[0], max(rows[:-1] or rows, key=lambda r: r[2])[0])"), "('stem', 'classifier') is expected"),
            (function("rows", "('stage 3', 'stage 1')"), "('stem', 'classifier') is expected"),
            ("def Answer(rows):\n    a = b = ('', 0, 0)\n    for row in rows:\n        if row[1] > a[1]:\n            a = row\n"
             "        elif row[2] > b[2]:\n            b = row\n    return a[0], b[0]\n", "is expected"),
            (function("rows", "(max(rows)[0], max(rows)[0])"), "compares the names"),
            (function("rows", "(max(r[1] for r in rows), max(r[2] for r in rows))"), "not the numbers"),
            (function("rows", "None"), "Is the `return` missing?"),
        ),
    ),
    "widened": Answers(
        right=(
            wide(),
            "import numpy as np\ndef Answer(layers, times):\n    i, o, w, g = np.array(layers).T\n    i[1:] *= times\n    o[:-1] *= times\n"
            "    return (i * o * w**2 * g**2).sum()\n",
            "def Answer(layers, times):\n    last = len(layers) - 1\n    powers = [(n > 0) + (n < last) for n in range(len(layers))]\n"
            "    return sum(times**p * i * o * (w * g) ** 2 for p, (i, o, w, g) in zip(powers, layers))\n",
            "def Answer(layers, times):\n    wider = [[i * times, o * times, w, g] for i, o, w, g in layers]\n"
            "    wider[0][0] = layers[0][0]\n    wider[-1][1] = layers[-1][1]\n"
            "    return sum(i * o * w**2 * g**2 for i, o, w, g in wider)\n",
        ),
        wrong=(
            (wide("i", "o", "a * b * w * w * g * g * times"), "times² as much"),
            (wide("i * times", "o * times"), "these two layers"),
            (wide(goes="o * times"), "puts out as many as before"),
            (wide(comes="i * times"), "image's channels stay"),
            (wide("i", "o"), "Nothing is widened"),
            (wide(cost="a * b * w * w * g"), "The grid has two sides"),
            (wide(cost="a * b * w * g * g"), "The window has two sides"),
            (wide(cost="a * b * w * w"), "cost at one place"),
            (wide(goes="o if g == 1 else o * times"), "whatever the grids"),
            (wide(goes="o if w == 1 else o * times"), "12, 20, 3, 4"),
            ("def Answer(layers, times):\n    total = 0\n    for n, (i, o, w, g) in enumerate(layers):\n        if n == 0:\n            o *= times\n"
             "        elif n == len(layers) - 1:\n            i *= times\n        else:\n            i, o = i * times, o * times\n"
             "        total += i * o * w * w * g * g\n    return total\n", "A single layer is the first and the last"),
            (wide("i if layers.index((i, o, w, g)) == 0 else i * times"), "Layers can be alike"),
            (wide("i if layers.index((i, o, w, g)) == 0 else i * times", "o if layers.index((i, o, w, g)) == len(layers) - 1 else o * times"),
             "Layers can be alike"),
            (wide(goes="o if (i, o, w, g) == layers[-1] else o * times"), "Layers can be alike"),
            (wide("i if i < 4 else i * times"), "is widened"),
            (wide("i", "o if n == len(layers) - 1 else o * times"), "widened on one side"),
            (wide(cost="a * b * (w * times) ** 2 * g * g"), "The windows and the grids stay"),
            (wide(cost="2 * a * b * w * w * g * g"), "are one multiply-add"),
            (wide().replace("total +=", "total ="), "the last layer alone"),
            (wide(goes="o * 2 if n < len(layers) - 1 else o"), "times=1"),
            (wide(end="None"), "Is the `return` missing?"),
            (wide().replace("total = 0", "total, layers[-1] = 0, (1, 1, 1, 1)"), "your function changes `layers`"),
        ),
    ),
    "tighter": Answers(
        right=(
            bound(),
            "from fractions import Fraction\n" + bound("1 - Fraction(parameters, max_parameters)", "1 - Fraction(macs, max_macs)"),
            f"def Answer({LIMITS}):\n    import numpy as np\n    left = 1 - np.array([parameters, macs]) / np.array([max_parameters, max_macs])\n"
            "    return np.array(['parameters', 'macs'])[left.argmin()], left.min()\n",
            bound("(max_parameters - parameters) / max_parameters", "(max_macs - macs) / max_macs", "<="),
            f"def Answer({LIMITS}):\n    used = [(parameters / max_parameters, 'parameters'), (macs / max_macs, 'macs')]\n"
            "    share, name = max(used)\n    return [name, 1 - share]\n",
        ),
        wrong=(
            (bound(pick=">"), "of which more is left"),
            (bound("max_parameters - parameters", "max_macs - macs"), "not a share of the limit"),
            (bound("max_parameters - parameters", "max_macs - macs").replace("a) if", "1 - parameters / max_parameters) if")
             .replace('"macs", b', '"macs", 1 - macs / max_macs'), "no common unit"),
            (bound(share="1 - {}"), "the share that is used"),
            (bound(share="max(0.0, {})"), "Below 0 is right"),
            (bound(share="100 * {}"), "in per cent"),
            (bound(share="-{}"), "The sign"),
            (bound("abs(1 - parameters / max_parameters)", "abs(1 - macs / max_macs)"), "keep the sign"),
            (bound("(max_parameters - parameters) // max_parameters", "(max_macs - macs) // max_macs"), "rounds down"),
            (bound("parameters / max_parameters", "macs / max_macs"), "the share that is used"),
            (bound("parameters / max_parameters", "macs / max_macs", ">"), "the share that is used"),
            (bound("max_parameters / parameters - 1", "max_macs / macs - 1"), "a share of the limit"),
            (bound("1 - parameters / 40_000", "1 - macs / 2_500_000"), "30 of 50 parameters"),
            (function(LIMITS, "('parameters', 1 - parameters / max_parameters)"), "of which more is left"),
            (function(LIMITS, "('parameters', 1 - max(parameters / max_parameters, macs / max_macs))"), "the name is that of the other limit"),
            (bound("parameters / max_parameters - 1", "macs / max_macs - 1", ">"), "The sign"),
            (bound("1 - parameters // max_parameters", "1 - macs // max_macs"), "rounds down"),
            (bound(share="round({}, 3)"), "Do not round"),
            (bound(share="{0} if {0} >= 0 else None"), "your share left is None"),
            (function(LIMITS, "'macs'"), "a pair is needed"),
            (function(LIMITS, "('MACs', 0.1)"), "the first of the pair"),
            (function(LIMITS, "None"), "Is the `return` missing?"),
        ),
    ),
    "widest": Answers(
        right=(
            chosen(),
            f"def Answer({CHOICE}):\n    for w in sorted(widths, reverse=True):\n"
            "        if all(c <= m for c, m in zip(cost_of(w), (max_parameters, max_macs))):\n            return w\n",
            function(CHOICE, "max((w for w in widths if cost_of(w)[0] <= max_parameters and not cost_of(w)[1] > max_macs), default=None)"),
        ),
        wrong=(
            ('def Answer(cost_of, widths, max_parameters, max_macs):\n    ws = sorted(widths)\n    lo, hi = 0, len(ws)\n    while lo < hi:\n        mid = (lo + hi) // 2\n        p, m = cost_of(ws[mid])\n        if p <= max_parameters and m <= max_macs:\n            lo = mid + 1\n        else:\n            hi = mid\n    return ws[lo - 1] if lo else None\n', 'You halve the choice at each look'),
            (chosen("p <= max_parameters"), "too many multiply-adds"),
            (chosen("m <= max_macs"), "too many parameters"),
            (chosen("p < max_parameters and m < max_macs"), "meets a limit exactly"),
            (chosen("p <= max_parameters or m <= max_macs"), "too many"),
            (chosen(keep="best is None or w < best"), "That is the smallest"),
            (chosen(otherwise="break"), "Do not stop at the first"),
            (chosen(start="0"), "give back None"),
            (chosen(start="min(widths, default=None)"), "give back None"),
            (chosen("True"), "whatever it costs"),
            (chosen("p <= max_parameters and m < max_macs"), "meets a limit exactly"),
            (chosen(keep="best is None"), "the first that fits"),
            (function(CHOICE, "int((max_parameters / 10) ** 0.5)"), "One of the widths is asked"),
            (function(CHOICE, "next(w for w in sorted(widths)[::-1] if cost_of(w)[0] <= max_parameters and cost_of(w)[1] <= max_macs)"),
             "There it should give back None"),
            ("def Answer(cost_of, widths, max_parameters, max_macs):\n    if isinstance(widths, list):\n        widths.sort()\n"
             "    fits = [w for w in widths if cost_of(w)[0] <= max_parameters and cost_of(w)[1] <= max_macs]\n    return max(fits, default=None)\n",
             "your function changes `widths`"),
            ("def Answer(cost_of, widths, max_parameters, max_macs):\n    best = None\n    for w in sorted(widths):\n        p, m = cost_of(w)\n"
             "        if p > max_parameters or m > max_macs:\n            return best\n        best = w\n    return best\n", "Do not stop at the first"),
            (chosen(keep="True"), "a wider one fits"),
            (chosen(keep="best is None or cost_of(w) > cost_of(best)"), "not the dearest"),
            (function(CHOICE, "max(w for w in widths if cost_of(w)[0] <= max_parameters and cost_of(w)[1] <= max_macs)"),
             "There it should give back None"),
            (chosen().replace("    best = None\n", ""), "not associated with a value"),
            (chosen(start="[]", keep="True").replace("best = w", "best.append(w)"), "one number is needed"),
            (function(CHOICE, "None"), "as a function without `return` does"),
        ),
    ),
    "my_design": Answers(
        right=(
            design(MINE),
            design('[["resnet_v2_a", 1, 40, 0.3], ["bn_inception", 1, 56]]', '["v4"]', ', stem="forked", dropout=0.2'),
            "import dataclasses\ndef Answer():\n    return dataclasses.replace(PRESETS['GoogLeNet'], dropout=0.1)\n",
        ),
        wrong=(
            (design(MINE).replace("36", "56"), "over the budget"),
            (design('(("plain", 1, 8), ("plain", 1, 16))', '("max_pool",)'), "Spend at least"),
            ("def Answer():\n    return PRESETS['Xception']\n", "the preset Xception"),
            ("Answer = PRESETS['Xception']\n", "without calling it"),
            ("def Answer():\n    return PRESETS['Xception'].code\n", "Take the quotes away"),
            ("def Answer():\n    return nn.Conv2d(3, 8, 3)\n", "a Design is needed"),
            ("def Answer():\n    Design(stages=" + MINE + ', reductions=("max_pool",) * 2)\n', "Is the `return` missing?"),
            (design('(("resnet_v2_a", 1, 40, 0.0), ("bn_inception", 1, 56))', '("v4",)'), "scale of 0"),
            (design(MINE, '("max_pool",)'), "reductions is"),
            (design(MINE).replace("xception", "mobilenet"), "in line 2 of your code"),
        ),
    ),
    "margin": Answers(
        right=(
            function("accuracy, images", "1.96 * (accuracy * (1 - accuracy) / images) ** 0.5"),
            function("accuracy, images", "1.959964 * math.sqrt((accuracy - accuracy**2) / images)"),
            function("accuracy, images", "1.96 * torch.sqrt(torch.tensor(accuracy * (1 - accuracy) / images))"),
        ),
        wrong=(
            (function("accuracy, images", "math.sqrt(accuracy * (1 - accuracy) / images)"), "one deviation"),
            (function("accuracy, images", "2 * 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)"), "the whole interval"),
            (function("accuracy, images", "1.96 * accuracy * (1 - accuracy) / images"), "its root is asked"),
            (function("accuracy, images", "196 * math.sqrt(accuracy * (1 - accuracy) / images)"), "percentage points"),
            (function("accuracy, images", "1.96 * math.sqrt(accuracy * (1 - accuracy))"), "divide by `images`"),
            (function("accuracy, images", "1.96 * math.sqrt(accuracy * (1 - accuracy)) / images"), "inside the root"),
            (function("accuracy, images", "1.96 * math.sqrt(accuracy / images)"), "right and wrong count"),
            (function("accuracy, images", "2 * math.sqrt(accuracy * (1 - accuracy) / images)"), "Those are 2 deviations"),
            (function("accuracy, images", "1.96 * math.sqrt(accuracy * (1 - accuracy) / (images - 1))"), "not by one less"),
            (function("accuracy, images", "round(1.96 * math.sqrt(accuracy * (1 - accuracy) / images), 2)"), "Do not round"),
            (function("accuracy, images", "1.96 * math.sqrt(0.25 / images)"), "for an accuracy of a half"),
            (function("accuracy, images", "1.645 * math.sqrt(accuracy * (1 - accuracy) / images)"), "90 % of all draws"),
            (function("accuracy, images", "2.576 * math.sqrt(accuracy * (1 - accuracy) / images)"), "99 % of all draws"),
            (function("accuracy, images", "math.sqrt(1.96 * accuracy * (1 - accuracy) / images)"), "in front of the root"),
            (function("accuracy, images", "1.96 * math.sqrt((1 - accuracy) / images)"), "right and wrong count"),
            (function("accuracy, images", "accuracy + 1.96 * math.sqrt(accuracy * (1 - accuracy) / images)"), "an end of the interval"),
            (function("accuracy, images", "max(1.96 * math.sqrt(accuracy * (1 - accuracy) / images), 0.001)"), "accuracy=1.0"),
            (function("accuracy, images", "min(1.96 * math.sqrt(accuracy * (1 - accuracy) / images), 0.5)"), "images=1"),
            (function("accuracy, images", "None"), "Is the `return` missing?"),
        ),
    ),
}  # fmt: skip
