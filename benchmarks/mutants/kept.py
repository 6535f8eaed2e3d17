"""What is known to go wrong in the sample that the tests try, each with its reason. This list only ever gets shorter.

A key is (exercise, operator, changed lines), as `Trial.key` has it.
"""

KEPT: dict[tuple[str, str, str], str] = {
    (
        "factorization.inception_c",
        "dropout_added",
        "- self.single_wide = ConvBNAct(reduce, fork, kernel_size=(1, 3))\n"
        "+ self.single_wide = nn.Sequential(ConvBNAct(reduce, fork, kernel_size=(1, 3)), nn.Dropout(0.2))",
    ): "Values are compared in evaluation mode only.",
    (
        "label_smoothing.clip_together",
        "visible_case",
        "- factor = longest / length if length > longest else 1.0\n"
        "+ factor = longest / length if length > 2.0 else 1.0",
    ): "No case has a limit above 2 and a length between the two.",
    (
        "capstone.margin",
        "fractions",
        "- def margin(accuracy, images):\n+ from benchmarks.mutants.helpers import in_fractions\n+ \n"
        "+ def Own(accuracy, images):\n+ \n+ def margin(*arguments, **options):\n"
        "+ return in_fractions(Own(*arguments, **options))",
    ): "The check formats the result, which a Fraction does not allow in Python 3.11.",
}  # fmt: skip
