"""The buttons that open a lesson elsewhere: each address leads to the lesson's notebook, and none to nowhere."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from course.links import configured, links
from course.syllabus import LESSONS
from utils.system.places import NOTEBOOKS

GITHUB = "https://github.com/someone/inception-course"


def test_without_a_repository_there_are_none():
    assert links(LESSONS[0], repository="") == {}


@pytest.mark.parametrize(
    "repository", ["/home/someone/course", "file:///srv/course", "git@github.com:someone/course", "https:///x"]
)
def test_an_address_that_no_service_can_read_gives_none(repository):
    assert links(LESSONS[0], repository=repository, hub="https://hub.example") == {}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_each_leads_to_the_lesson_s_notebook(lesson):
    there = links(lesson, repository=GITHUB, hub="https://hub.example")
    assert set(there) == {"colab", "kaggle", "binder", "codespaces", "nbgitpuller"}
    assert (NOTEBOOKS / lesson.notebook).is_file()
    for service in set(there) - {"codespaces"}:  # which opens at the course
        assert f"notebooks/{lesson.notebook}" in unquote(there[service]), service
    assert all(urlsplit(address).scheme == "https" for address in there.values())


def test_the_addresses_have_the_services_forms():
    there = links(LESSONS[2], repository=GITHUB, hub="https://hub.example/")
    notebook = "notebooks/02_googlenet.ipynb"
    assert there["colab"] == f"https://colab.research.google.com/github/someone/inception-course/blob/main/{notebook}"
    assert parse_qs(urlsplit(there["kaggle"]).query) == {"src": [f"{GITHUB}/blob/main/{notebook}"]}
    assert there["binder"].startswith("https://mybinder.org/v2/gh/someone/inception-course/main?")
    assert parse_qs(urlsplit(there["binder"]).query) == {"labpath": [notebook]}
    assert there["codespaces"] == "https://codespaces.new/someone/inception-course?quickstart=1"
    assert there["nbgitpuller"].startswith("https://hub.example/hub/user-redirect/git-pull?")
    assert parse_qs(urlsplit(there["nbgitpuller"]).query) == {
        "repo": [GITHUB],
        "branch": ["main"],
        "urlpath": [f"lab/tree/inception-course/{notebook}"],
    }


@pytest.mark.parametrize("written", [f"{GITHUB}/", f"{GITHUB}.git"])
def test_the_repository_may_be_written_as_git_prints_it(written):
    assert links(LESSONS[1], repository=written) == links(LESSONS[1], repository=GITHUB)


def test_elsewhere_than_on_github_binder_and_the_hub_remain():
    there = links(LESSONS[1], repository="https://gitlab.com/a/group/course", hub="https://hub.example")
    assert set(there) == {"binder", "nbgitpuller"}
    assert there["binder"].startswith("https://mybinder.org/v2/git/https%3A%2F%2Fgitlab.com%2Fa%2Fgroup%2Fcourse/main?")


def test_the_configured_repository_is_what_is_taken():
    assert links(LESSONS[0]) == links(LESSONS[0], repository=configured("repository"), hub=configured("hub"))
    assert configured("nothing of that name") == ""
