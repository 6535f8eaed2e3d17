"""What a stranger sees of the project: continuous integration, forms, version. Each file is there, can be read, and names what exists."""

import importlib
import json
import re
import stat
import tomllib

import pytest
import yaml
from typer.main import get_command

from lessons.__main__ import app
from tests.conftest import fixtures_of_a_module, unit_of
from utils.setup.environment import COMMANDS
from utils.system.places import CHECKOUT

GITHUB = CHECKOUT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
TARGETS = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.M))


def read(path):
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # so that "on" stays a word


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def missing(text: str) -> list[str]:
    """The commands and files that a text names and that do not exist."""
    found = [f"make {name}" for name in re.findall(r"(?:^|[`;&|] *)make (\w+)", text, re.M) if name not in TARGETS]
    for name in re.findall(r"bootstrap\.py (?:--\S+ )*(\w+)", text):
        found += [] if name in COMMANDS else [f"bootstrap.py {name}"]
    for name in re.findall(r"python -m lessons (\w[\w-]*)", text):
        found += [] if name in get_command(app).commands else [f"lessons {name}"]
    for module in re.findall(r"python -m (tests\.\w+)", text):
        found += [] if importlib.util.find_spec(module) else [module]
    paths = re.findall(r"(?<![\w/.])(?:tests|utils|docs|course|deploy)/[\w/.]+\w/?", text)
    return found + [path for path in paths if not (CHECKOUT / path).exists()]


def test_the_workflows_are_these():
    assert [path.stem for path in WORKFLOWS] == ["site", "tests", "weekly"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_names_what_exists_and_may_only_read(path):
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert int(job["timeout-minutes"]) <= 180
        assert set(job.get("permissions", {})) <= {"pages", "id-token"}
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+(\.\d+)*|[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
        else:
            assert missing(step["run"]) == []


def test_the_tests_run_on_three_systems_and_all_pythons():
    matrix = read(GITHUB / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13"]


def test_what_is_published_is_what_make_site_writes():
    workflow = read(GITHUB / "workflows" / "site.yml")
    words = [step.get("run") or step["uses"].partition("@")[0] for step in steps(workflow)]
    assert words.index("make site") < words.index("actions/upload-pages-artifact")
    (upload,) = (step for step in steps(workflow) if "upload-pages" in step.get("uses", ""))
    assert upload["with"]["path"] == "site"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_for_what_makes_it_reproducible(path):
    form = read(path)
    assert form["name"] and form["description"]
    ids = [field["id"] for field in form["body"]]
    assert len(set(ids)) == len(ids)
    for field in form["body"]:
        assert field["type"] in {"input", "textarea", "dropdown"} and field["attributes"]["label"]
        assert (field["type"] == "dropdown") == ("options" in field["attributes"])
    required = {field["id"] for field in form["body"] if field.get("validations", {}).get("required") == "true"}
    assert {"version", {"answer": "answer", "lesson": "where"}[path.stem]} <= required and "machine" in ids
    assert missing(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "name", ["CODE_OF_CONDUCT.md", "SECURITY.md", "CONTRIBUTING.md", ".github/PULL_REQUEST_TEMPLATE.md"]
)
def test_a_text_names_what_exists(name):
    text = re.sub(r"tests/lessons/\S*(SLUG|<slug>)\S*", "", (CHECKOUT / name).read_text(encoding="utf-8"))
    assert len(text) > 300 and missing(text) == []


def test_dependabot_looks_after_what_there_is():
    settings = read(GITHUB / "dependabot.yml")
    assert settings["version"] == "2"
    assert {update["package-ecosystem"] for update in settings["updates"]} == {"github-actions", "pip"}


def test_a_codespace_and_binder_install_the_course():
    settings = json.loads((CHECKOUT / ".devcontainer" / "devcontainer.json").read_text())
    assert missing(settings["postCreateCommand"]) == []
    assert "bootstrap.py" in settings["postCreateCommand"]
    script = CHECKOUT / ".binder" / "postBuild"
    assert script.stat().st_mode & stat.S_IXUSR
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r'"\.\[(\w+)\]"', script.read_text())) == {"lab"} <= set(extras)
    assert re.fullmatch(r"python-3\.1[1-3]\n", (CHECKOUT / ".binder" / "runtime.txt").read_text())


def test_the_version_is_the_same_everywhere():
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    citation = read(CHECKOUT / "CITATION.cff")
    assert citation["version"] == version
    heading = re.search(r"^## (\S+) \((\S+)\)$", (CHECKOUT / "CHANGELOG.md").read_text(), re.M)
    assert heading.groups() == (version, citation["date-released"])


def test_what_shares_a_fixture_runs_on_one_worker_and_a_long_test_of_its_own_alone(request):
    for item in request.session.items:
        file = item.nodeid.split("::")[0]
        if fixtures_of_a_module(item):
            assert unit_of(item.nodeid, {item.nodeid: 1000.0}) == file
    sharing, alone = (f"tests/{name}::test_any" for name in ("classroom/test_assignments.py", "test_processors.py"))
    assert unit_of(sharing, {sharing: 1000.0}) == "tests/classroom/test_assignments.py"
    assert unit_of(alone, {alone: 1000.0}) == alone and unit_of(alone, {}) == "tests/test_processors.py"
