"""Running a lesson's notebook from top to bottom in a fresh kernel, as a learner would."""

import os
import time

import nbclient
from nbformat import NotebookNode


def run(notebook: NotebookNode, *, allow_errors: bool = False) -> tuple[NotebookNode, float]:
    """The notebook with its outputs, and the seconds that it took."""
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", allow_errors=allow_errors, store_widget_state=False
    )
    began = time.monotonic()
    client.execute(env=dict(os.environ))
    return notebook, time.monotonic() - began


def texts(cell: NotebookNode) -> str:
    """All that a cell shows as plain text."""
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append(f"{output.ename}: {output.evalue}")
        else:
            parts.append(output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)
