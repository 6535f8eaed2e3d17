"""What is known to go wrong, each with its reason. This list only ever gets shorter.

A key is (exercise, operator, changed lines), as `Trial.key` has it.
"""

_GRADIENT_OF_X = "The exercise asks for the gradient of `x` alone: who fills the result channel by channel has none of gamma's, and is right."

KEPT: dict[tuple[str, str, str], str] = {
    ("family.frozen_trunk", "wrong_mode", "- self.train()\n+ self.eval()"): (
        "The mode in which a module is made is not asked: whoever trains it calls `train()` first, whoever measures it `eval()`."
    ),
    (
        "factorization.compose",
        "double_tensors",
        "- def compose(first, second):\n+ from benchmarks.mutants.helpers import in_double\n+ \n+ def Own(first, second):\n+ \n+ def compose(*arguments, **options):\n+ return in_double(Own(*arguments, **options))",
    ): (
        "The exercise asks for the weights in the same precision as those that are given, and this answer gives float64."
    ),
    (
        "batch_norm.assignment.group_norm",
        "detached",
        "- return gamma.view(1, -1, 1, 1) * normalised + beta.view(1, -1, 1, 1)\n+ return gamma.view(1, -1, 1, 1) * normalised + beta.detach().view(1, -1, 1, 1)",
    ): _GRADIENT_OF_X,
    (
        "batch_norm.assignment.group_norm",
        "detached",
        "- return gamma.view(1, -1, 1, 1) * normalised + beta.view(1, -1, 1, 1)\n+ return gamma.detach().view(1, -1, 1, 1) * normalised + beta.view(1, -1, 1, 1)",
    ): _GRADIENT_OF_X,
}
