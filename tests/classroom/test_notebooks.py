"""Files that are no notebooks, or nearly: each is put right with a remark, or named with its reason."""

import contextlib
import copy
import json
import random
import warnings

import nbformat
import pytest

from classroom import assignments, autograding, intake
from classroom.cleaning import Clean
from classroom.notebooks import LARGEST, NotANotebook, grade_id, new_notebook, read, read_with_remarks
from classroom.sandbox.isolation import Limits
from classroom.sandbox.jobs import Timeouts
from course.syllabus import lesson

SLUG = "inception_module"


@pytest.fixture(scope="module")
def good():
    """A notebook as a student hands it in: outputs, pictures, everything."""
    made = assignments.source(lesson(SLUG))
    words = next(cell for cell in made.cells if cell.cell_type == "markdown")
    words.attachments = {"a.png": {"image/png": "aGk="}}
    code = next(cell for cell in made.cells if cell.cell_type == "code")
    code.outputs = [
        nbformat.v4.new_output("stream", text="seen\n"),
        nbformat.v4.new_output("display_data", {"text/html": "<b>x</b>", "image/png": "aGk="}),
        nbformat.v4.new_output("error", ename="E", evalue="v", traceback=["t"]),
    ]
    return json.loads(nbformat.writes(made))


def written(folder, content):
    path = folder / f"{SLUG}.ipynb"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def changed(good, edit):
    made = copy.deepcopy(good)
    edit(made)
    return made


def a_code_cell(made):
    return next(cell for cell in made["cells"] if cell["cell_type"] == "code" and "nbgrader" in cell["metadata"])


def test_a_good_notebook_is_read_as_it_is(good, tmp_path):
    path = written(tmp_path, good)
    notebook, remarks = read_with_remarks(path)
    assert remarks == [] and notebook == nbformat.read(path, as_version=4)


DAMAGED = {
    "its kernelspec is damaged": [
        lambda made: made["metadata"].update(kernelspec=None),
        lambda made: made["metadata"].update(kernelspec="python3"),
        lambda made: made["metadata"].update(kernelspec={"name": 3}),
    ],
    "its language_info is damaged": [lambda made: made["metadata"].update(language_info=[1])],
    "its metadata is damaged": [lambda made: made.update(metadata=None), lambda made: made.pop("metadata")],
    "damaged data of nbgrader's": [
        lambda made: a_code_cell(made)["metadata"]["nbgrader"].update(grade_id=["five_branches"]),
        lambda made: a_code_cell(made)["metadata"].update(nbgrader="x"),
        lambda made: a_code_cell(made)["metadata"].update(nbgrader=None),
    ],
    "no source": [
        lambda made: a_code_cell(made).pop("source"),
        lambda made: a_code_cell(made).update(source=None),
        lambda made: a_code_cell(made).update(source={"a": 1}),
        lambda made: a_code_cell(made).update(source=["a", 1]),
    ],
    "damaged metadata": [lambda made: a_code_cell(made).update(metadata=[]), lambda made: a_code_cell(made).pop("metadata")],
    "": [  # what nobody has to know
        lambda made: [cell.update(id="same") for cell in made["cells"]],
        lambda made: [cell.pop("id") for cell in made["cells"]],
        lambda made: made["cells"][0].update(id="no id, with spaces and ünicode" * 9),
        lambda made: made["cells"][0].update(id=7),
        lambda made: a_code_cell(made).pop("outputs"),
        lambda made: a_code_cell(made).update(outputs="none"),
        lambda made: a_code_cell(made).update(outputs=[{"output_type": "strange"}]),
        lambda made: a_code_cell(made).update(outputs=[{"output_type": "display_data", "metadata": {}, "data": {"text/plain": 3}}]),
        lambda made: a_code_cell(made).update(execution_count="nine"),
        lambda made: a_code_cell(made).update(execution_count=float("nan")),
        lambda made: a_code_cell(made).update(execution_count=-(10**30)),
        lambda made: a_code_cell(made)["metadata"].update(points=float("inf"), tags="x", collapsed=3, name=[]),
        lambda made: a_code_cell(made).update(source="'\ud800' # half a letter"),
        lambda made: a_code_cell(made)["metadata"].update({"\udfff": 1, "a": {"b": "\ud800"}}),
        lambda made: made.update(nbformat_minor="x"),
        lambda made: made.update(nbformat_minor=99, more={"a": 1}),
        lambda made: made["metadata"].update(title=3, authors="me", orig_nbformat="x"),
        lambda made: made["cells"][0].update(attachments=3, execution_count=4, unknown=True),
        lambda made: made["cells"][0].update(attachments={"a": {"image/png": 3}}),
        lambda made: made.update(cells=[]),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("remark", "edit"), [(remark, edit) for remark, edits in DAMAGED.items() for edit in edits])
def test_what_can_be_put_right_is_and_is_told(remark, edit, good, tmp_path):
    notebook, remarks = read_with_remarks(written(tmp_path, changed(good, edit)))
    nbformat.validate(notebook)
    json.dumps(notebook, allow_nan=False).encode()
    nbformat.writes(notebook).encode()
    assert bool(remarks) == bool(remark) and remark in " ".join(remarks)
    assert all(isinstance(grade_id(cell), str) for cell in notebook.cells)


def nested(depth):
    made = found = {}
    for _ in range(depth):
        found["a"] = {}
        found = found["a"]
    return made


REFUSED = {
    "it is empty": [b""],
    "it is no text in UTF-8": [bytes(range(256)) * 50, "{}".encode("utf-16")],
    "it is no JSON": [b"{", b"from torch import nn\n", b"\0" * 100, b'{"a": 1' + b"0" * 5000 + b"}", b"<html></html>"],
    "it is JSON, but no notebook": [b"[1, 2]", b'"text"', b"3", b"null"],
    "it does not say which format it has": [{}, {"cells": 3}, {"nbformat": "4", "cells": []}, {"nbformat": True}],
    "its format is 5": [{"nbformat": 5, "nbformat_minor": 0, "cells": [], "metadata": {}}],
    "it has no list of cells": [{"nbformat": 4}, {"nbformat": 4, "cells": {"a": 1}}, {"nbformat": 4, "cells": None}],
    "its cell 1 is no cell": [
        {"nbformat": 4, "cells": [cell]}
        for cell in (None, 3, "x", [], {}, {"cell_type": "strange"}, {"cell_type": None}, {"cell_type": ["code"]})
    ],
    "nested too deeply": [b"[" * 100_000, b'{"a":' * 100_000, {"nbformat": 4, "cells": [], "metadata": nested(200)}],
    "20000 cells": [{"nbformat": 4, "cells": [{"cell_type": "code", "source": ""}] * 20_000}],
    "no notebook that can be read": [{"nbformat": 3, "worksheets": 3}, {"nbformat": -1}, {"nbformat": 2, "worksheets": [None]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "content"), [(reason, content) for reason, contents in REFUSED.items() for content in contents]
)
def test_what_cannot_be_read_is_named_with_its_reason(reason, content, tmp_path):
    with pytest.raises(NotANotebook, match=rf"^{SLUG}\.ipynb .*{reason}"):
        read(written(tmp_path, content))


def test_a_file_of_a_hundred_megabytes_is_not_read_and_its_size_is_told(tmp_path):
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    assert path.stat().st_size > LARGEST
    with pytest.raises(NotANotebook, match=r"large\.ipynb has 100 MB; more than 50 MB is not read"):
        read(path)


def test_old_formats_are_brought_up_to_date(good, tmp_path):
    old = nbformat.convert(nbformat.reads(json.dumps(good), as_version=4), 3)
    notebook, remarks = read_with_remarks(written(tmp_path, json.loads(nbformat.writes(old, version=3))))
    assert remarks == [] and notebook.nbformat == 4
    assert [cell.source for cell in notebook.cells] == ["".join(cell["source"]) for cell in good["cells"]]


# 500 notebooks broken by chance


VALUES = [
    None,
    True,
    -1,
    10**40,
    float("nan"),
    "",
    "x",
    "\ud800",
    "\0",
    "<script>1</script>",
    [],
    [[]],
    {},
    {"a": [None]},
    "é" * 999,
]


def breakages(good, count):
    """Notebooks with one to five damages each, the same at every run."""
    chance = random.Random(2026)
    for _ in range(count):
        made = copy.deepcopy(good)
        for _ in range(chance.randint(1, 5)):
            place, before = made, None
            while isinstance(place, (dict, list)) and place and (before is None or chance.random() < 0.8):
                before, key = place, chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
                place = before[key]
            if before is None:
                continue
            action = chance.random()
            if action < 0.25:
                del before[key]
            elif action < 0.35 and isinstance(before, list):
                before.insert(key, copy.deepcopy(chance.choice(before)))
            elif action < 0.45 and isinstance(before, dict):
                before[chance.choice(["source", "metadata", "nbgrader", "outputs", "id", "extra"])] = chance.choice(
                    VALUES
                )
            else:
                before[key] = copy.deepcopy(chance.choice(VALUES))
        text = json.dumps(made).encode("utf-8", "surrogatepass")
        if chance.random() < 0.2:  # a transfer that went wrong
            place = chance.randrange(len(text))
            text = text[:place] + bytes(chance.randrange(256) for _ in range(chance.randint(0, 4))) + text[place + 3 :]
        if chance.random() < 0.05:
            text = text[: chance.randrange(len(text))]
        yield text


def test_500_broken_notebooks_end_no_run(good, tmp_path):
    """What is read can be restored, made a job, cleaned and written; what is not has its reason. Nothing else comes out."""
    source = [cell for cell in nbformat.reads(json.dumps(good), as_version=4).cells if grade_id(cell)]
    counts = {"read": 0, "remarks": 0, "refused": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in breakages(good, 500):
            path = written(tmp_path, text)
            try:
                notebook, remarks = read_with_remarks(path)
            except NotANotebook as error:
                assert str(error).startswith(path.name) and "\n" not in str(error) and len(str(error)) < 300
                counts["refused"] += 1
                continue
            counts["read"] += 1
            counts["remarks"] += bool(remarks)
            chosen, told = intake.choose([path], {"five_branches"}, SLUG)
            assert chosen == path and bool(told) == ("five_branches" not in intake.cell_names(path))
            made = new_notebook(autograding.restored(notebook, source))
            job = autograding.job_of(made, ["five_branches"], Timeouts(), Limits())
            assert len(autograding.digest(job)) == 64
            shown, _ = Clean().preprocess(made, {})
            nbformat.validate(shown)
            json.dumps(shown, allow_nan=False).encode()
    assert sum(counts.values()) - counts["remarks"] == 500
    assert min(counts.values()) >= 50, counts


def test_reading_says_nothing_on_the_terminal(good, tmp_path, capfd, caplog):
    for edits in DAMAGED.values():
        for edit in edits:
            with contextlib.suppress(NotANotebook):
                read(written(tmp_path, changed(good, edit)))
    said = capfd.readouterr()
    assert said.out == said.err == "" and caplog.records == []
