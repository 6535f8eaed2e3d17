"""The house: what `import-linter` cannot see. Its contracts are in pyproject.toml, and docs/architecture.md explains them."""

import ast
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from course.syllabus import LESSONS
from utils.system.places import CHECKOUT, PACKAGES

SOURCES = sorted(path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """The module that a file is."""
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in SOURCES}


def test_arrows_only_point_down():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lessons_holds_lessons_and_the_command_line():
    inside = {path.name for path in (CHECKOUT / "lessons").iterdir() if path.name != "__pycache__"}
    assert inside == {"__init__.py", "__main__.py", *(lesson.slug for lesson in LESSONS)}


def imported(tree: ast.Module) -> dict[str, str]:
    """What each name of a module stands for, where it was imported from the course: `{"cost": "utils.cost"}`."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            found |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return found


def private_names(source: str) -> list[str]:
    """The private names of other modules of the course that a source uses."""
    tree = ast.parse(source)
    names = imported(tree)
    found = [name for name in names.values() if name.rpartition(".")[2].startswith("_")]
    for node in ast.walk(tree):
        is_name = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if is_name and re.match(r"_(?!_)", node.attr) and names.get(node.value.id) in MODULES:
            found.append(f"{names[node.value.id]}.{node.attr}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_private_name_crosses_a_module(path):
    assert private_names(path.read_text(encoding="utf-8")) == []


def test_a_private_name_would_be_seen():
    assert private_names("from utils.cost.table import _sum") == ["utils.cost.table._sum"]
    assert private_names("from utils.cost import table\ntable._sum()") == ["utils.cost.table._sum"]
    assert private_names("from utils.cost import table\ntable.profile(); self._mine") == []


def distance_is_one(first: str, second: str) -> bool:
    """Whether one letter more, less or other makes one name of the other."""
    if abs(len(first) - len(second)) > 1:
        return False
    short, long = sorted((first, second), key=len)
    start = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    rest = short[start + (len(short) == len(long)) :]
    return long[start + 1 :] == rest


def test_distance():
    assert distance_is_one("recipe", "recipes") and distance_is_one("cost", "cast") and distance_is_one("ab", "xab")
    assert not distance_is_one("cost", "coast2") and not distance_is_one("run", "runner")


# Lessons and networks are called as their papers call them, and what every lesson has is called the same in each.
FIELD = {lesson.slug for lesson in LESSONS} | {
    f"inception_{name}" for name in ("v2", "v3", "v4", "resnet_v1", "resnet_v2")
}
FIELDS_OWN = {("race", "trace")}  # words of the field, for things that nobody takes for each other
IN_EVERY_LESSON = {"checks", "figures", "paper", "lab", "experiments", "__init__", "__main__"}


def test_no_two_names_differ_by_a_letter():
    """One name, one thing; a folder and a file of one name are two things as well."""
    of_lessons = {name for name in MODULES if name.startswith("lessons.")}
    shared = [name.rpartition(".")[2] for name in MODULES if name not in of_lessons]
    assert sorted(name for name in set(shared) if shared.count(name) > 1) == []
    names = sorted(set(shared) | {name.rpartition(".")[2] for name in of_lessons} - IN_EVERY_LESSON)
    pairs = [pair for pair in combinations(names, 2) if distance_is_one(*pair) and not FIELD.issuperset(pair)]
    pairs = [pair for pair in pairs if pair not in FIELDS_OWN]
    assert pairs == []


def test_the_tests_mirror_the_tree():
    """A test of a module lies where the module lies."""
    for path in sorted((CHECKOUT / "tests").rglob("test_*.py")):
        folder = path.parent.relative_to(CHECKOUT / "tests")
        if folder.parts and folder.parts[0] in PACKAGES:
            assert (CHECKOUT / folder).is_dir(), f"{path} tests something in {folder}, which is not there"


LOOKS = {"utils.page.html", "utils.page.svg", "utils.page.sheet"}


def inline_styles(source: str) -> list[int]:
    """The lines of a source that write an element's `style` by hand: in a string, or as an argument of `tag` and its like."""
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [node.lineno] if re.search(r"""(?<![\w-])style=["']""", node.value) else []
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("tag", "picture", "rectangle", "dot", "badge", "table"):
                found += [node.lineno for each in node.keywords if each.arg == "style"]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_how_things_look_is_said_in_the_style_sheet(path):
    if name_of(path) not in LOOKS:
        assert inline_styles(path.read_text(encoding="utf-8")) == []


def test_an_inline_style_would_be_seen():
    assert inline_styles("""a = f'<b style="color:{red}">x</b>'""") == [1]
    assert inline_styles('tag("b", "x", style="color:red")') == [1]
    assert inline_styles('axis.plot(linestyle=":")\nHTML(style={"width": "1px"})') == []
