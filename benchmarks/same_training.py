"""Does changed code train as before, to the last bit? What `utils.train.moved` needs to know of a file that changed.

In a checkout from before the change, with this file from after it, and then in the changed one:

    PYTHONPATH=. python ../course/benchmarks/same_training.py before.json
    python -m benchmarks.same_training before.json

Every arm of every experiment is trained in each of its forms, two epochs of two steps, and the digest of its weights and its
losses are written; where the file is there, they are compared, and the exit status is 1 where one differs.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from course.experiments import Experiment, experiment, names
from utils.data.sets import load
from utils.train.loop import fit

STEPS, EPOCHS, TESTED = 2, 2, 50


def trained(entry: Experiment, form_name: str, arm: str) -> list[object]:
    """[digest of all weights and buffers, the loss of each epoch] of one arm after a few steps."""
    form = entry.form(form_name)
    recipe = entry.recipe(form, arm)
    recipe = replace(recipe, epochs=min(recipe.epochs, EPOCHS), warm_up=min(recipe.warm_up, EPOCHS - 1))
    data = load(form.data, limit=STEPS * recipe.batch_size)
    data = replace(data, test=replace(data.test, images=data.test.images[:TESTED], labels=data.test.labels[:TESTED]))
    run = fit(entry.network(form, arm, data), data, recipe, seed=3, device="cpu", show=False)
    digest = hashlib.sha256()
    for tensor in run.net.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return [digest.hexdigest(), [epoch.train_loss for epoch in run.history]]


def everything(chosen: Sequence[str]) -> Iterator[tuple[str, list[object]]]:
    """("experiment, form, arm", what `trained` gives) for all forms and arms of these experiments."""
    for name in chosen:
        entry = experiment(name)
        for form in entry.forms:
            for arm in entry.arms:
                yield f"{name}, {form}, {arm}", trained(entry, form, arm)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or compare with it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="written where it is not there, else compared with")
    parser.add_argument("--only", action="append", choices=names(), help="an experiment; may be given several times")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = dict(everything(given.only or names()))
    if not given.file.exists():
        given.file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"{len(found)} trainings are in {given.file}.")
        return 0
    before = json.loads(given.file.read_text(encoding="utf-8"))
    both = before.keys() & found.keys()
    other = [training for training in found if training in both and before[training] != found[training]]
    print(f"Of {len(both)} trainings that are in both, these differ: {'; '.join(other) or 'none'}.")
    return 1 if other or not both else 0


if __name__ == "__main__":
    sys.exit(main())
