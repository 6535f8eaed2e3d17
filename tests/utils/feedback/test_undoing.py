"""The one slip in a function, found by undoing it."""

import copy
import linecache
import time

import pytest
from torch import nn

from utils.feedback.exercises import Feedback, Wrong
from utils.feedback.functions import number, same_function
from utils.feedback.modules import build, same_module
from utils.feedback.undoing import SECONDS, undone

CASES = ((3, 4, [(1, 2), (5, 3)]), (7, 2, [(4, 4)]), (1, 1, []), (10, 6, [(2, 9), (3, 9), (8, 1), (7, 4)]))
RIGHT = """def cost(width, grid, layers):
    total = -width
    for place, (window, stride) in enumerate(layers):
        if place > 0 and stride < 9:
            total += window**2 * grid
        total += max(window, stride) // 2
    return total - len(layers[1:]) / 4
"""


def defined(code, name="cost"):
    """What a learner's cell defines."""
    defined.count += 1
    file = f"<a cell {defined.count}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    scope = {}
    exec(compile(code, file, "exec"), scope)
    return scope[name]


defined.count = 0


def is_right(function):
    try:
        return all(function(*copy.deepcopy(case)) == defined.right(*case) for case in CASES)
    except Exception:
        return False


defined.right = defined(RIGHT)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("window**2 * grid", "window**2 + grid", "line 5, `window ** 2 + grid`, you add, where another operation"),
        ("window**2 * grid", "window**2 * width", "line 5, `window ** 2 * width`, you take `width` in place of another argument"),
        ("window**2 * grid", "window**2 * place", "you take `place` in place of another argument"),
        ("window**2 * grid", "window**2 * 4", "the number 4 stands where an argument belongs"),
        ("window**2 * grid", "window**3 * grid", "the exponent 3 is off by one"),
        ("window**2 * grid", "window * grid", "`window` is taken as it is, where its square belongs"),
        ("    total = -width", "    grid = 4; total = -width", "line 2, `grid = 4`, the argument `grid` is overwritten"),
        ("total = -width", "total = width", "a minus is missing"),
        ("max(window, stride)", "min(window, stride)", "you take `min`, where another function belongs"),
        ("// 2", "/ 2", "where the other division belongs"),
        ("max(window, stride) // 2", "-(-max(window, stride) // 2)", "where another rounding belongs"),
        ("stride < 9", "stride > 9", "the comparison is not the right one"),
        ("stride < 9", "stride <= 9", "the border itself"),
        ("place > 0", "place >= 0", "the border itself"),
        ("and stride", "or stride", "`or` is the wrong one of `and` and `or`"),
        ("layers[1:]", "layers[2:]", "the slice starts or ends one place off"),
        ("    return total - len", "        return total - len", "the `return` stands inside of the loop"),
        ("return total - len(layers[1:]) / 4", "return int(total - len(layers[1:]) / 4)", "`int` rounds it"),
        ("return total - len(layers[1:]) / 4", "return [total - len(layers[1:]) / 4]", "the list around it gives it another type"),
        ("        total += max", "        total = max", "each round sets `total` anew"),
        ("total -", "total - 5 * width -", "`5 * width` is a term too many"),
        ("    return total - len", "    total - len", "a `return` is missing"),
        ("    for place", "    layers.append((1, 1))\n    for place", "there is a line too many: it does something to the argument `layers`"),
        ("total -", "total - width -", "`width` is a term too many"),
        ("total -", "total**3 - 5 * width -", ""),
    ],
)  # fmt: skip
def test_the_place_and_the_kind_of_a_slip_are_told(right, wrong, said):
    code = RIGHT.replace(right, wrong)
    assert code != RIGHT
    sentence = undone(defined(code), is_right)
    assert said in sentence and bool(said) == bool(sentence)


@pytest.mark.parametrize(
    "code",
    [
        "def cost(width, grid, layers):\n    found = [1]\n    for each in found:\n        layers.append(each)\n    return found",
        "def cost(width, grid, layers):\n    total = 9\n    for each in range(99):\n        total = total + total\n    return total",
        "def cost(width, grid, layers):\n    n = 10**7 + 10**7\n    return len([0] + [n]) + sum(range(width))",
        "def cost(width, grid, layers):\n    while width + 1 > 0:\n        width -= 1\n    return 5",
    ],
)  # fmt: skip
def test_an_edit_that_makes_code_endless_is_stopped(code):
    began = time.thread_time()
    assert undone(defined(code), is_right) == ""
    assert time.thread_time() - began < 2 * SECONDS


def test_a_sentence_does_not_hang_on_what_else_the_machine_does(monkeypatch):
    monkeypatch.setattr("utils.feedback.undoing.SECONDS", 0.5)

    def is_right_at_last(function):
        time.sleep(0.005)  # another process has the processor
        return is_right(function)

    code = RIGHT.replace("window**2 * grid", "window * grid")
    assert "where its square belongs" in undone(defined(code), is_right_at_last)


def test_what_has_no_code_of_its_own_is_left_alone():
    assert undone(max, is_right) == undone(lambda *case: 1, is_right) == undone(None, is_right) == ""


def test_an_answer_stays_as_it_is():
    code = RIGHT.replace("// 2", "/ 2")
    answer = defined(code)
    undone(answer, is_right)
    assert answer.__globals__["cost"] is answer and not is_right(answer)


def test_a_check_of_a_function_tells_the_slip_that_its_table_does_not_have():
    def area(height, width):
        return height * width

    with pytest.raises(
        Wrong, match=r"you find 12; 35 is expected. All else is right: in line 2, `height \+ width`, you add"
    ):
        same_function(
            defined("def area(height, width):\n    return height + width\n", "area"),
            area,
            [(5, 7), (1, 4)],
            result=number(whole=True),
        )


def test_a_slip_of_the_table_that_explains_some_of_the_cases_gives_way_to_one_that_explains_all():
    def area(height, width):
        return height * width

    code = "def area(height, width):\n    return height * 4\n"
    with pytest.raises(Wrong, match="the number 4 stands where an argument belongs") as told:
        same_function(
            defined(code, "area"), area, [(4, 7), (4, 5), (2, 3)], result=number(whole=True),
            slips={"The height is squared.": lambda height, width: height**2},
        )  # fmt: skip
    assert "squared" not in str(told.value)


CLASS = """class Sum(nn.Module):
    def __init__(self, channels, scale):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
        self.scale = scale

    def forward(self, x):
        return x + self.scale * self.conv(x)
"""


class Sum(nn.Module):
    def __init__(self, channels, scale):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
        self.scale = scale

    def forward(self, x):
        return x + self.scale * self.conv(x)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("self.scale * self", "self.scale / self", "line 9, `self.scale / self.conv(x)`, you divide"),
        ("self.scale = scale", "self.scale = channels", "line 6, `channels`, you take `channels` in place of another argument"),
        ("self.conv(x)", "self.conv(y)", "you take `y` in place of another"),
        ("self.conv(x)", "self.conv(x).detach()", ""),
        ("1)\n", "1, groups=1, stride=1, padding=1)\n", "the number 1 (`padding`) is off by one"),
    ],
)  # fmt: skip
def test_a_check_of_a_module_tells_the_slip_where_it_saw_no_cause(right, wrong, said, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(tmp_path))
    monkeypatch.setattr("utils.feedback.undoing.SECONDS", 60.0)
    feedback = Feedback("some", tmp_path / "lesson.md")

    @feedback.exercise("1.1", title="a sum", difficulty="hard", minutes=1, hints=("", "", ""))
    def summed(answer):
        same_module(build(answer, 5, 0.3), Sum(5, 0.3), (5, 4, 6))

    answer = defined("from torch import nn\n" + CLASS.replace(right, wrong), "Sum")
    body = feedback.check.summed(answer).body
    assert (f"All else is right: in {said}" in body or said in body) and bool(said) == ("All else" in body)


def test_what_an_edit_makes_of_the_code_is_not_told_to_the_learner(recwarn):
    """Python warns, as it compiles, of a list that is called: one edit leaves `[number](number)`."""
    answer = defined("def cost(number):\n    return list([number])(number)\n")
    assert undone(answer, lambda candidate: False) == ""
    assert [str(each.message) for each in recwarn] == []
