"""A notebook that was opened alone, as on Colab or Kaggle: what its first cell does (course/build.py writes it).

The cell fetches the course beside the notebook where it is missing, and calls `prepare`. Where the course is installed that does
nothing. Needs nothing but Python.
"""

import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from utils.system.places import CHECKOUT, NOTEBOOKS

FRONT_END = "jupyterlab"  # the machine shows the notebook already
WIDGETS = ("ipywidgets", "anywidget")  # a page takes up their part of the front end when it is loaded
PYTHON_NEEDED = (3, 11)
TORCH_NEEDED = (2, 11)


def prepare() -> None:
    """Make this machine ready for the notebook, and say what is done. On an installed course: nothing, silently.

    Raises:
        RuntimeError: Python or PyTorch is too old, or a package cannot be installed; the message says what to do.
    """
    if sys.version_info[:2] < PYTHON_NEEDED:
        raise RuntimeError(
            f"This kernel is Python {dotted(sys.version_info[:2])}, and the course needs {dotted(PYTHON_NEEDED)} or later. Choose a newer "
            "kernel or environment (on Kaggle: Settings, Environment), and run this cell again."
        )
    colab = "google.colab" in sys.modules
    if colab:
        from google.colab import output

        output.enable_custom_widget_manager()  # the labs' own widgets; in this kernel
    work = work_of_the_service(colab)
    if work:
        os.environ.setdefault("COURSE_WORK", work)
    if os.environ.get("BINDER_LAUNCH_HOST"):
        print("Binder keeps no files: before you leave, download your notebook (File, Download).")
    if version_of("inception-course") or all(version_of(name_of(line)) for line in requirements()):
        return
    has_torch = version_of("torch")
    if has_torch and tuple(int(part) for part in re.findall(r"\d+", has_torch)[:2]) < TORCH_NEEDED:
        raise RuntimeError(
            f"PyTorch {has_torch} is here, and the course needs {dotted(TORCH_NEEDED)} or later. Run %pip install -U torch, "
            "restart the kernel, and run this cell again."
        )
    there = f"PyTorch {has_torch} stays as it is" if has_torch else "PyTorch comes with it, which is large"
    print(f"The course is not installed here. Installing what it needs takes a few minutes; {there}.", flush=True)
    widgets = all(version_of(name) for name in WIDGETS)
    install()
    kept = os.environ.get("COURSE_WORK") or str(CHECKOUT / "work")
    lasting = "lasts" if work else "lasts as long as this machine's files do"
    print(f"Ready, {device()}. Your progress is kept in {kept}: it {lasting}.")
    if not (work or colab):  # those open no notebook from the machine's files
        print(f"The other lessons are in {NOTEBOOKS}.")
    if not (widgets or colab):
        print("Reload this page once now: until then the labs are still pictures, whose handles do not move.")


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def version_of(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def work_of_the_service(colab: bool) -> str:
    """The folder whose files the service keeps when the machine goes; an empty text where there is none."""
    if colab:
        drive = Path("/content/drive")
        if not (drive / "MyDrive").is_dir():
            from google.colab import drive as google_drive

            print(
                "Your progress can be kept in your Google Drive, in the folder inception-course. Colab asks you for that."
            )
            try:
                google_drive.mount(str(drive))
            except Exception as error:  # turned down, or no Drive
                print(f"Without it ({error}) your progress is gone when Colab ends this machine.")
                return ""
        return str(drive / "MyDrive" / "inception-course")
    if os.environ.get("KAGGLE_KERNEL_RUN_TYPE"):
        return "/kaggle/working/inception-work"  # kept with each saved version of the notebook
    return ""


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0]


def requirements() -> list[str]:
    """What the lessons need, from pyproject.toml, but for the front end."""
    import tomllib  # Python 3.10, which is told that it is too old, has none

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["train"], *extras["lab"]]
    return [line for line in lines if name_of(line) not in (FRONT_END, project["name"])]


def install() -> None:
    """Install what is missing, beside the torch that is there: with uv where it is there, else with pip.

    Raises:
        RuntimeError: they could not; the message says what to do.
    """
    torch, uv = version_of("torch"), shutil.which("uv")
    tools = [[sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]]
    if uv:
        tools.insert(0, [uv, "pip", "install", "--python", sys.executable])
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(f"torch=={torch}\n" if torch else "", encoding="utf-8")
        words = ["--quiet", "--constraint", str(constraints), *requirements(), "--editable", str(CHECKOUT)]
        for tool in tools:
            done = subprocess.run([*tool, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode == 0:
                break
    if done.returncode:
        raise RuntimeError(
            f"pip could not install what the course needs. Is the network on (on Kaggle: Settings, Internet)? It said:\n{done.stdout}"
        )
    importlib.invalidate_caches()
    if str(CHECKOUT) not in sys.path:
        sys.path.insert(0, str(CHECKOUT))


def device() -> str:
    import torch

    return f"on {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "on the CPU, which is enough"
