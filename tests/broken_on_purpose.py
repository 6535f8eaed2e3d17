"""Thirty breaks, made on purpose one at a time in a copy of the checkout: the tests that are named are to find each.

    python -m tests.broken_on_purpose                   # all of them, some ten minutes
    python -m tests.broken_on_purpose branches noise    # only these

Whoever makes the tests quicker runs it before and after: what found a break has to go on finding it.
"""

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Break:
    """One line made wrong, and the tests that are to fail then: words for pytest, a file first."""

    name: str
    file: str
    text: str  # stands in the file; its first place is replaced
    replacement: str
    tests: tuple[str, ...]


BREAKS = (
    Break("padding", "networks/layers.py", "return height // 2, width // 2", "return height // 2, height // 2",
          ("tests/networks/test_layers.py",)),
    Break("branches", "networks/googlenet.py", "[self.pointwise(x), self.three(x), self.five(x), self.pool(x)]",
          "[self.pointwise(x), self.five(x), self.three(x), self.pool(x)]",
          ("tests/lessons/test_checks.py", "-k", "right and inception_module")),
    Break("out_channels", "networks/googlenet.py", "self.pointwise + self.three + self.five + self.pool",
          "self.pointwise + self.three + self.five + self.three",
          ("tests/networks/test_networks.py", "-k", "totals and googlenet")),
    Break("unplaced_weight", "networks/weights.py", "else unplaced).append(original[key])", "else skipped).append(original[key])",
          ("tests/networks/test_weights.py", "-k", "missing_unknown")),
    Break("budget", "networks/design.py", "BUDGET = Budget(parameters=40_000, macs=2_500_000)",
          "BUDGET = Budget(parameters=60_000, macs=2_500_000)", ("tests/lessons/test_capstone.py", "-k", "budget")),
    Break("macs", "utils/cost/table.py", "return sum(row.macs for row in self.rows)",
          "return sum(row.activations for row in self.rows)", ("tests/utils/cost/test_table.py",)),
    Break("median", "utils/cost/timing.py", "return float(np.median(self.seconds))",
          "return float(np.max(self.seconds))", ("tests/utils/cost/test_timing.py", "-k", "middle_half")),
    Break("crop_box", "lessons/googlenet/crops.py", "(left + side) * across, (top + side) * down",
          "(left + side) * across, (top + side) * across", ("tests/lessons/test_googlenet.py", "-k", "144_looks or boxes_by_hand")),
    Break("noise", "utils/data/scales.py", "NOISE = 24", "NOISE = 23",
          ("tests/utils/data/test_sets.py", "-k", "last_byte")),
    Break("cosine", "utils/train/recipe.py", "return (1 + math.cos(math.pi * done)) / 2", "return 1 - done",
          ("tests/utils/train/test_recipe.py",)),
    Break("rmsprop_start", "utils/train/optim.py", '{"square": torch.ones_like(weight)',
          '{"square": torch.zeros_like(weight)', ("tests/utils/train/test_optim.py", "-k", "rmsprop")),
    Break("clear_difference", "utils/train/comparison.py", "(self.low > 0 or self.high < 0)",
          "(self.low > 0 or self.high > 0)", ("tests/utils/train/test_comparison.py",)),
    Break("prediction_closed", "utils/feedback/exercises.py", 'if self._kept().get("truth") is not None:',
          'if self._kept().get("truth") == "never":', ("tests/utils/feedback/test_exercises.py",)),
    Break("courses_own", "utils/feedback/exercises.py", "if self.judge(entry, (answer,), {}):", "if answer:",
          ("tests/utils/feedback/test_exercises.py",)),
    Break("whole_number", "utils/feedback/answers.py", "or number != int(number)", "or False",
          ("tests/utils/feedback/test_answers.py",)),
    Break("paste_too_long", "utils/lab_frame/paste.py", "if len(text) > LONGEST:", "if len(text) < 0:",
          ("tests/utils/lab_frame/test_paste.py",)),
    Break("walk", "utils/lab_frame/frame.py", "self.control.value += self.control.step",
          "self.control.value += 2 * self.control.step", ("tests/utils/lab_frame/test_frame.py", "-k", "walk")),
    Break("smoothed_targets", "lessons/label_smoothing/smoothing.py", "classes - 1 if others_only else classes",
          "classes if others_only else classes", ("tests/lessons/test_label_smoothing.py", "-k", "targets_sum_to_one")),
    Break("places", "labs/receptive_field.py", "count = left // stride + 1", "count = left // stride",
          ("tests/labs/test_receptive_field.py",)),
    Break("b_against_a", "labs/design_costs.py", '"multiply-adds": "macs"', '"multiply-adds": "parameters"',
          ("tests/labs/test_block_lab.py", "-k", "words_compare")),
    Break("edited_copy", "course/workspace.py", "return self.built is None or self.built != self.says",
          "return self.built != self.says", ("tests/course/test_workspace.py", "-k", "cannot_be_read")),
    Break("stub", "course/build.py", 'lines += [f"{indent}# YOUR CODE HERE", f"{indent}{stub}"]',
          'lines += [f"{indent}# YOUR CODE HERE", f"{indent}pass"]',
          ("tests/course/test_build.py", "-k", "a_student_gets_stubs and start_here")),
    Break("moodle_columns", "classroom/export.py", '"ID number", "Email address"', '"Email address", "ID number"',
          ("tests/classroom/test_export.py", "-k", "moodle")),
    Break("a_check", "lessons/batch_norm/checks.py", "each place of the grid has a mean of its own\": (0,)",
          "each place of the grid has a mean of its own\": (0, 2, 3)",
          ("tests/lessons/test_checks.py", "-k", "batch_norm and explained")),
    Break("grid", "lessons/inception_v4/grids.py", "return (grid - 1) // stride + 1", "return grid // stride + 1",
          ("tests/lessons/test_inception_v4.py", "-k", "grids_are_those_of_torch")),
    Break("title_of_a_figure", "lessons/googlenet/figures.py", 'title = f"{off_rows} of', 'title = f"{off_rows + 1} of',
          ("tests/lessons/test_googlenet.py", "-k", "the_table_s_picture")),
    Break("unequal_arms", "lessons/inception_module/experiments/multi_scale.py",
          "NaiveBlock(STEM, pointwise=5, three=5, five=3)", "NaiveBlock(STEM, pointwise=5, three=9, five=3)",
          ("tests/course/test_experiments.py", "-k", "cost_what_they_say and multi_scale")),
    Break("a_solution", "lessons/start_here/lesson.md", "(size + 2 * padding - window) // stride + 1",
          "(size + 2 * padding - window) // stride",
          ("tests/lessons/test_checks.py", "-k", "the_solution_passes and start_here")),
    Break("notebook_out_of_step", "notebooks/00_start_here.ipynb", "You are going to build", "You will build",
          ("tests/course/test_build.py", "-k", "the_committed_notebook and start_here")),
    Break("environment", "environment.yml", "pytest >=8", "pytest >=7",
          ("tests/test_commands.py", "-k", "conda_users")),
)  # fmt: skip


def copy_of(checkout: Path, into: Path) -> None:
    """The files of a checkout that git knows or would take."""
    words = ["git", "-C", str(checkout), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in filter(None, subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\0")):
        if (checkout / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout / name, into / name)


def is_found(each: Break, folder: Path) -> bool:
    """Whether the tests of a break fail with it, in a copy of the checkout that is left as it was.

    Raises:
        ValueError: the text is not in the file, or no test ran.
    """
    path = folder / each.file
    whole = path.read_text(encoding="utf-8")
    if each.text not in whole:
        raise ValueError(f"{each.name}: {each.file} no longer has {each.text!r}.")
    path.write_text(whole.replace(each.text, each.replacement, 1), encoding="utf-8")
    try:
        words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *each.tests]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    finally:
        path.write_text(whole, encoding="utf-8")
    if done.returncode not in (0, 1):  # 5: no test by those words
        raise ValueError(
            f"{each.name}: pytest ended with {done.returncode}.\n{done.stdout[-2000:]}{done.stderr[-500:]}"
        )
    return done.returncode == 1


def main(names: list[str]) -> int:
    unknown = set(names) - {each.name for each in BREAKS}
    if unknown:
        raise SystemExit(f"There is no break {', '.join(sorted(unknown))}.")
    missed = 0
    with tempfile.TemporaryDirectory(prefix="broken-") as folder:
        copy_of(CHECKOUT, Path(folder))
        for each in BREAKS:
            if not names or each.name in names:
                found = is_found(each, Path(folder))
                missed += not found
                print(f"{'found' if found else 'NOT FOUND':<10} {each.name:<22} {each.file}", flush=True)
    return missed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
