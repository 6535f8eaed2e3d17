"""Lesson 10."""

import json
import re
from pathlib import Path

from lessons import capstone

POINTS = {
    "design_in_budget": 1, "design_trains": 1, "run_is_sound": 2, "run_belongs": 1, "largest_side": 2, "fair_choice": 2,
}  # fmt: skip
BY_TEACHER = 6
TOLD = ("edits_the_accuracy", "no count of 2,000 test images")
SECRETS = ("_dead", "_trained", "_runs", "A full answer")

_SOURCE = Path(capstone.__file__).with_name("assignment.md").read_text(encoding="utf-8")
_RUN = re.search(r"return r'''\n(.*?)\n'''", _SOURCE, re.DOTALL)[1]
_RECORD = json.loads(_RUN)
_LAST = _RUN.splitlines()[-3].strip()  # the last epoch
_ACCURACY = f'"test_accuracy": {_RECORD["history"][-1]["test_accuracy"]}'
_LOSS = f'"test_loss": {_RECORD["history"][-1]["test_loss"]}'

WRONG = {
    "turns_the_list": ("largest_side", "    best, side = 0, 16\n", "    parts.append(parts.pop(0))\n    best, side = 0, 16\n", {"largest_side"}),
    "looks_at_the_first_runs_length": ("fair_choice", "run[-1] for run", "run[len(of_design[0]) - 1] for run", {"fair_choice"}),
    "too_wide": ("design", '"googlenet", 1, 80', '"googlenet", 1, 120', {"design_in_budget", "run_belongs"}),
    "too_deep": ("design", '"xception", 2', '"xception", 3', {"design_in_budget", "run_belongs"}),
    "spends_little": ("design", '("googlenet", 1, 40),\n        ("xception", 2, 56),\n        ("googlenet", 1, 80)',
                      '("googlenet", 1, 16),\n        ("xception", 2, 24),\n        ("googlenet", 1, 32)',
                      {"design_in_budget", "run_belongs"}),
    "a_preset": ("design", '("googlenet", 1, 40),\n        ("xception", 2, 56),\n        ("googlenet", 1, 80)',
                 '("xception", 1, 36),\n        ("xception", 2, 56),\n        ("xception", 1, 72)', {"design_in_budget", "run_belongs"}),
    "shuts_a_residual_off": ("design", '("googlenet", 1, 40)', '("resnet_v1_a", 1, 40, 0.0)', {"design_trains", "run_belongs"}),
    "no_such_block": ("design", '"xception"', '"mobilenet"', {"design_in_budget", "design_trains", "run_belongs"}),
    "another_run": ("design", '("xception", 2, 56)', '("xception", 2, 48)', {"run_belongs"}),
    "edits_the_accuracy": ("run_file", _ACCURACY, '"test_accuracy": 0.93472', {"run_is_sound"}),
    "edits_the_loss": ("run_file", _LOSS, '"test_loss": 0.0421', {"run_is_sound"}),
    "edits_the_parameters": ("run_file", f'"parameters": {_RECORD["network"]["parameters"]}', '"parameters": 20000', {"run_is_sound"}),
    "trains_longer": ("run_file", '"epochs": 4', '"epochs": 8', {"run_is_sound"}),
    "another_seed": ("run_file", '"seed": 0', '"seed": 1', {"run_is_sound"}),
    "loses_an_epoch": ("run_file", ",\n    " + _LAST, "", {"run_is_sound"}),
    "says_another_design": ("run_file", r'(\"xception\", 2, 56)', r'(\"xception\", 2, 48)', {"run_is_sound", "run_belongs"}),
    "loses_its_backslashes": ("run_file", "return r'''", "return '''", {"run_is_sound", "run_belongs"}),
    "cut_off": ("run_file", _LAST + "\n  ]\n}", "", {"run_is_sound", "run_belongs"}),
    "widens_the_classifier": ("largest_side", 'macs if name == "classifier" else ', "", {"largest_side"}),
    "one_side_only": ("largest_side", "side**2 // 32**2", "side // 32", {"largest_side"}),
    "below_the_budget": ("largest_side", "total > budget", "total >= budget", {"largest_side"}),
    "too_far_by_one": ("largest_side", "return best\n", "return side\n", {"largest_side"}),
    "steps_of_32": ("largest_side", "side, side + 16", "side, side + 32", {"largest_side"}),
    "never_below_32": ("largest_side", "best, side = 0, 16", "best, side = 16, 32", {"largest_side"}),
    "stops_at_256": ("largest_side", "    while True:", "    while side <= 256:", {"largest_side"}),
    "takes_the_median": (
        "fair_choice", "sum(run[-1] for run in of_design) / len(of_design)", "__import__('statistics').median(run[-1] for run in of_design)",
        {"fair_choice"},
    ),
    "takes_one_in_the_middle": (
        "fair_choice", "sum(run[-1] for run in of_design) / len(of_design)", "sorted(run[-1] for run in of_design)[len(of_design) - 2]",
        {"fair_choice"},
    ),
    "best_epoch": ("fair_choice", "sum(run[-1] for", "sum(max(run) for", {"fair_choice"}),
    "best_seed": ("fair_choice", "sum(run[-1] for run in of_design) / len(of_design)", "max(run[-1] for run in of_design)", {"fair_choice"}),
    "adds_up": ("fair_choice", " / len(of_design)", "", {"fair_choice"}),
    "takes_a_single_run": ("fair_choice", ">= 2", ">= 1", {"fair_choice"}),
    "wants_three": ("fair_choice", ">= 2", ">= 3", {"fair_choice"}),
    "nothing_for_none": ("fair_choice", ", default=None", ", default=''", {"fair_choice"}),
    "first_epoch": ("fair_choice", "run[-1]", "run[0]", {"fair_choice"}),
    "takes_the_last_for_the_classifier": (
        "largest_side", 'sum(macs if name == "classifier" else macs * side**2 // 32**2 for name, macs in parts)',
        "sum(macs * side**2 // 32**2 for _, macs in parts[:-1]) + parts[-1][1]", {"largest_side"},
    ),
    "leaves_zeros_out": ("fair_choice", ">= 2", ">= 2 and sum(run[-1] for run in of_design)", {"fair_choice"}),
    "counts_two_seeds": (
        "fair_choice", "sum(run[-1] for run in of_design) / len(of_design)", "sum(run[-1] for run in of_design[:2]) / 2", {"fair_choice"},
    ),
    "rounds_to_whole_per_cent": ("fair_choice", "/ len(of_design)", "// (len(of_design) / 100)", {"fair_choice"}),
}  # fmt: skip


def _file(text: str) -> str:
    return f"\ndef run_file():\n    return {text!r}\n"


RIGHT = {
    "design": (
        '''
TEXT = """Design(stages=[["googlenet", 1, 40], ["xception", 2, 56], ["googlenet", 1, 80]], reductions=["max_pool", "max_pool"])"""


def design():
    return TEXT
''',
        '''
def design():
    return """# three kinds of scales
from networks.design import Design

mine = Design(
    dropout=0, stem_width=16, stem="plain", reductions=("max_pool", "max_pool"),
    stages=(("googlenet", 1, 40, 0.2), ("xception", 2, 56), ("googlenet", 1, 80)),
)"""
''',
        """
def design():
    stages = (("googlenet", 1, 40), ("xception", 2, 56), ("googlenet", 1, 80))
    return f"Design(stages={stages!r}, reductions={('max_pool',) * 2!r}, dropout=0.0)"
""",
    ),
    "run_file": (
        _file(json.dumps(_RECORD)),
        _file(json.dumps(_RECORD, indent=2, sort_keys=True)),
        f"\nTEXT = {_RUN!r}\n\n\ndef run_file():\n    return TEXT + '\\n\\n'\n",
    ),
    "largest_side": (
        """
def largest_side(parts, budget):
    costs = dict(parts)
    fixed = costs.pop("classifier", 0)
    place = sum(costs.values()) / 32**2
    side = 0
    while fixed + place * (side + 16) ** 2 <= budget:
        side += 16
    return side
""",
        """
import math


def largest_side(parts, budget):
    fixed = sum(macs for name, macs in parts if name == "classifier")
    rest = sum(macs for name, macs in parts) - fixed
    if budget < fixed:
        return 0
    return 16 * math.isqrt((budget - fixed) * 4 // rest)
""",
        """
import math

largest_side = lambda parts, budget: max(
    (s for s in range(16, 32 * math.isqrt(budget) + 48, 16) if sum(m if n == "classifier" else m * (s / 32) ** 2 for n, m in parts) <= budget),
    default=0,
)
""",
    ),
    "fair_choice": (
        """
def fair_choice(runs):
    best, found = -1, None
    for name, of_design in runs.items():
        if len(of_design) < 2:
            continue
        mean = sum([run[len(run) - 1] for run in of_design]) / len(of_design)
        if mean > best:
            best, found = mean, name
    return found
""",
        """
from statistics import mean


def fair_choice(runs):
    ranked = sorted((mean(run[-1] for run in of), name) for name, of in runs.items() if len(of) > 1)
    return ranked[-1][1] if ranked else None
""",
        """
def fair_choice(runs):
    left = [name for name in runs if len(runs[name]) not in (0, 1)]
    if not left:
        return None
    return max(left, key=lambda name: torch.tensor([run[-1] for run in runs[name]], dtype=torch.float64).mean().item())


import torch
""",
    ),
}
