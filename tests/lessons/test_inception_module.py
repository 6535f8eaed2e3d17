"""Lesson 01: what its text says of recorded runs is what they say."""

import re

from course.experiments import experiment
from utils.system.places import LESSONS
from utils.train.comparison import compare

TEXT = re.sub(r"\s+", " ", (LESSONS / "inception_module" / "lesson.md").read_text(encoding="utf-8"))


def test_what_the_text_says_of_the_recorded_runs_is_what_they_say():
    entry = experiment("multi_scale")
    longer, photographs = entry.recorded("longer"), entry.recorded("full")
    two = ("3×3 only", "3×3 only, reduced")
    (on_scales,) = compare({arm: longer.runs[arm] for arm in two}).differences
    assert {len(runs) for runs in longer.runs.values()} == {5}
    assert f"their difference, {on_scales.mean:+.1f} points, has a 95 % interval" in TEXT
    assert f"from {on_scales.low:.1f} to {on_scales.high:+.1f}.".replace("-", "−") in TEXT

    (on_photographs,) = compare({arm: photographs.runs[arm] for arm in two}, matters=entry.matters).differences
    assert on_photographs.verdict == "equal" and entry.matters == 1.5
    interval = f"({on_photographs.mean:+.1f} points, {on_photographs.low:.1f} to {on_photographs.high:+.1f})"
    assert interval.replace("-", "−") in TEXT
    below = photographs.mean("several scales") - photographs.mean("3×3 only")
    assert 3.5 < below < 4 and "by more than three and a half points" in TEXT
    means = {arm: photographs.mean(arm) for arm in photographs.runs}
    assert min(means, key=means.get) == "several scales, naive" and "The naive module comes last again" in TEXT
