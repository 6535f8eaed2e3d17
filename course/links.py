"""Where a lesson opens with one click: on Colab, Kaggle, Binder, in a codespace, on a class's JupyterHub.

The addresses come from two lines of `[tool.course]` in pyproject.toml: `repository`, where the course is published, and `hub`, a
JupyterHub that has nbgitpuller. Without the first there are none.
"""

import tomllib
from urllib.parse import quote, urlencode, urlsplit

from course.syllabus import Lesson
from utils.system.places import CHECKOUT

BRANCH = "main"


def configured(key: str) -> str:
    """A text of `[tool.course]` in pyproject.toml; an empty one where it, or the file, is not there."""
    path = CHECKOUT / "pyproject.toml"
    settings = tomllib.loads(path.read_text(encoding="utf-8"))["tool"]["course"] if path.is_file() else {}
    return str(settings.get(key, ""))


def links(lesson: Lesson, repository: str | None = None, hub: str | None = None) -> dict[str, str]:
    """The addresses that open a lesson, by the service's name: colab, kaggle, binder, codespaces, nbgitpuller.

    Colab, Kaggle and codespaces open what lies on GitHub; Binder and a hub take any public https address. A codespace opens at the
    course, the others at the lesson. Empty where no repository is set.

    repository, hub: in place of the configured ones.
    """
    repository = (configured("repository") if repository is None else repository).rstrip("/").removesuffix(".git")
    hub = (configured("hub") if hub is None else hub).rstrip("/")
    address = urlsplit(repository)
    if address.scheme != "https" or not address.netloc:
        return {}
    path = f"notebooks/{lesson.notebook}"
    name = address.path.strip("/")
    there = {}
    on_binder = f"git/{quote(repository, safe='')}"
    if address.netloc == "github.com":
        on_binder = f"gh/{name}"
        there["colab"] = f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{path}"
        there["kaggle"] = "https://kaggle.com/kernels/welcome?" + urlencode(
            {"src": f"{repository}/blob/{BRANCH}/{path}"}
        )
        there["codespaces"] = f"https://codespaces.new/{name}?quickstart=1"
    there["binder"] = f"https://mybinder.org/v2/{on_binder}/{BRANCH}?" + urlencode({"labpath": path})
    if hub:
        where = {"repo": repository, "branch": BRANCH, "urlpath": f"lab/tree/{name.split('/')[-1]}/{path}"}
        there["nbgitpuller"] = f"{hub}/hub/user-redirect/git-pull?{urlencode(where)}"
    return there
