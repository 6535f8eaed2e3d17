"""Imported before `nbformat`, so that a command starts two seconds earlier.

nbformat checks notebooks with jsonschema, which offers to check internationalised addresses, too, and builds a grammar for
that when it is imported (rfc3987-syntax, which JupyterLab installs). No notebook has such a thing: without that package
jsonschema leaves the check out by itself.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None: as if it was not installed
