"""Lessons opened alone, on a machine that has only their notebook: `python -m tests.opened_alone PYTHON start_here googlenet`.

PYTHON is an interpreter with torch and ipykernel, and nothing of the course. Each notebook is put into an empty folder, with its
solutions, and runs there from the first cell to the last. The course that its first cell fetches is this checkout's last commit.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat

from course.build import alone, solved
from course.syllabus import Lesson, lesson
from utils.system.places import CHECKOUT


def open_alone(entry: Lesson, folder: Path) -> str:
    """What a lesson's first cell said. Raises CellExecutionError at the first cell that fails."""
    head = [cell for cell in alone(entry, CHECKOUT.as_uri()).cells if cell.id == "alone"]
    notebook = nbformat.v4.new_notebook(cells=head + solved(entry).cells)
    client = nbclient.NotebookClient(
        notebook, timeout=900, kernel_name="alone", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return "".join(output.get("text", "") for output in notebook.cells[0].outputs)


def main(python: str, *slugs: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        kernel = Path(place) / "kernels" / "alone"
        kernel.mkdir(parents=True)
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "alone", "language": "python"}))
        os.environ["JUPYTER_PATH"] = place
        for name in ("COURSE_WORK", "PYTHONPATH"):
            os.environ.pop(name, None)
        folder = Path(place) / "empty"
        folder.mkdir()
        for slug in slugs:
            began = time.monotonic()
            said = open_alone(lesson(slug), folder)
            print(f"{slug}: every cell ran, in {time.monotonic() - began:.0f} s.\n{said}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
