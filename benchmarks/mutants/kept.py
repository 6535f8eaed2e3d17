"""What is known to go wrong, each with its reason. This list only ever gets shorter.

A key is (exercise, operator, changed lines), as `Trial.key` has it.
"""

KEPT: dict[tuple[str, str, str], str] = {
    ("family.frozen_trunk", "wrong_mode", "- self.train()\n+ self.eval()"): (
        "The mode in which a module is made is not asked: whoever trains it calls `train()` first, whoever measures it `eval()`."
    ),
}
