"""Imported before `nbformat`, so that a command starts two seconds earlier.

nbformat checks notebooks with jsonschema, which offers to check internationalised addresses, too, and builds a grammar for
that when it is imported (rfc3987-syntax, which JupyterLab installs). No notebook has such a thing: without that package
jsonschema leaves the check out by itself.
"""

import atexit
import gc
import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None: as if it was not installed


def search_less() -> None:
    """For a process of the course's own: Python searches its objects for circles less often, and not when it ends.

    PyTorch brings a million objects that stay. To search them again and again while they come in, and once more at the end,
    took a third of the time of a command that trains a small network.
    """
    gc.set_threshold(10_000, 10, 10)
    atexit.register(gc.freeze)
