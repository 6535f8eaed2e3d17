"""Commands that read notebooks start without a grammar that no notebook needs; notebooks are checked as before."""

import subprocess
import sys

import nbformat
import pytest

LATE = "import sys, {}, nbformat; sys.exit(any(name.startswith(('lark', 'rfc3987_syntax.')) for name in sys.modules))"


@pytest.mark.parametrize("package", ["course", "classroom"])
def test_no_grammar_of_addresses_is_built(package):
    assert subprocess.run([sys.executable, "-c", LATE.format(package)]).returncode == 0


def test_a_broken_notebook_is_still_refused():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    nbformat.validate(notebook)
    notebook.cells[0].cell_type = "no such type"
    with pytest.raises(nbformat.ValidationError):
        nbformat.validate(notebook)


def test_a_process_of_the_course_looks_for_circles_less_and_not_at_its_end():
    words = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 1000));"
        "from utils.system.quick_start import search_less; search_less(); print(gc.get_threshold()[0], gc.get_freeze_count())"
    )
    ended = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["10000", "0", "True"]
