"""Modules are compared by what they compute and how they are wired, never by names."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from networks.layers import ConvBNAct
from utils.feedback.exercises import Wrong
from utils.feedback.modules import build, channels_of, layers_of, operations_of, same_module


class Normalised(nn.Module):
    """Two branches of normalised layers with equal sizes, and a residual sum."""

    def __init__(self, second_kernel=3, scale=0.5):
        super().__init__()
        self.scale = scale
        self.left = nn.Sequential(ConvBNAct(6, 4, kernel_size=1), ConvBNAct(4, 3, kernel_size=3))
        self.right = nn.Sequential(ConvBNAct(6, 4, kernel_size=1), ConvBNAct(4, 3, kernel_size=second_kernel))
        self.up = nn.Conv2d(6, 6, 1)

    def forward(self, x):
        return torch.relu(x + self.scale * self.up(torch.cat([self.left(x), self.right(x)], 1)))


class Rewritten(nn.Module):
    """The same with other names, another order of making, and functions in place of modules."""

    def __init__(self, second_kernel=3, scale=0.5, act=functional.relu, norm_after=True):
        super().__init__()
        self.scale, self.act, self.norm_after = scale, act, norm_after
        self.join = nn.Conv2d(6, 6, 1)
        self.convs = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        for name, size, i, o in (("b2", second_kernel, 4, 3), ("b1", 1, 6, 4), ("a2", 3, 4, 3), ("a1", 1, 6, 4)):
            self.convs[name] = nn.Conv2d(i, o, size, padding=size // 2, bias=False)
            self.norms[name] = nn.BatchNorm2d(o if norm_after else i, eps=1e-3)

    def layer(self, name, x):
        if self.norm_after:
            return self.act(self.norms[name](self.convs[name](x)))
        return self.act(self.convs[name](self.norms[name](x)))

    def forward(self, x):
        parts = [self.layer("a2", self.layer("a1", x)), self.layer("b2", self.layer("b1", x))]
        return functional.relu(self.join(torch.cat(parts, 1)) * self.scale + x)


SHAPE = (6, 7, 8)


@pytest.mark.parametrize("second_kernel", [3, 5])
def test_the_same_function_written_in_another_way_is_the_same(second_kernel):
    assert same_module(Rewritten(second_kernel), Normalised(second_kernel), SHAPE) == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: Rewritten(scale=1.0), "largest difference|channels that differ"),
        (lambda: Rewritten(act=lambda x: x), "no ReLU follows"),
        (lambda: Rewritten(act=functional.elu), "ELU follows the .* where ReLU should"),
        (lambda: Rewritten(norm_after=False), "Expected"),
        (lambda: Rewritten(second_kernel=5), "5×5 convolution"),
        (lambda: nn.Identity(), "nothing is computed"),
        (lambda: nn.Conv2d(6, 6, 3, padding=1), "Expected|Missing|Too many"),
        (lambda: nn.Conv2d(6, 6, 3), "grid of 5×6 where 7×8 was expected.*padding"),
        (lambda: nn.Conv2d(6, 7, 1), "7 channels where 6 were expected: 1 too many"),
        (lambda: nn.Conv2d(5, 6, 1), "another number of channels"),
        (lambda: nn.Sequential(nn.Conv2d(6, 6, 1), nn.Flatten()), "2 dimensions where 4 are expected"),
        (lambda: nn.LSTM(8, 6), "where one tensor is needed|does not run"),
    ],
)
def test_a_difference_is_named(answer, words):
    with pytest.raises(Wrong) as caught:
        same_module(answer(), Normalised(), SHAPE)
    import re

    assert re.search(words, str(caught.value)), str(caught.value)


class Frozen(Normalised):
    def __init__(self):
        super().__init__()
        self.up.bias.requires_grad_(False)


class Detached(Normalised):
    def forward(self, x):
        return torch.relu(x + self.scale * self.up(torch.cat([self.left(x).detach(), self.right(x)], 1)))


def test_gradients_must_reach_every_parameter():
    with pytest.raises(Wrong, match=r"No gradient reaches `left\.0\.conv\.weight`"):
        same_module(Detached(), Normalised(), SHAPE)
    with pytest.raises(Wrong, match=r"`up.bias` has requires_grad=False"):
        same_module(Frozen(), Normalised(), SHAPE)


class Swapped(Normalised):
    def forward(self, x):
        return torch.relu(x + self.scale * self.up(torch.cat([self.right(x), self.left(x)], 1)))


def test_order_counts_where_something_reads_it():
    # Two branches of different windows into a 1x1: the order of concatenation decides which weights meet which channels.
    with pytest.raises(Wrong):
        same_module(Swapped(5), Normalised(5), SHAPE)


def test_a_free_order_is_accepted_with_a_word_and_refused_where_it_is_asked_for():
    def two(first, second):
        class Two(nn.Module):
            def __init__(self):
                super().__init__()
                self.one, self.three = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 4, 3, padding=1)

            def forward(self, x):
                return torch.cat([getattr(self, first)(x), getattr(self, second)(x)], 1)

        return Two()

    assert "another order" in same_module(two("three", "one"), two("one", "three"), (3, 6, 6))
    with pytest.raises(Wrong):
        same_module(two("three", "one"), two("one", "three"), (3, 6, 6), ordered=True)


def test_modules_are_left_in_the_mode_they_had():
    answer = Rewritten().train()
    same_module(answer, Normalised(), SHAPE)
    assert answer.training and all(parameter.grad is None for parameter in answer.parameters())


def test_building_says_what_was_handed_over():
    for thing, words in (
        (nn.ReLU(), "already built.*without parentheses"),
        (3, "class or function that makes a module is needed.*int"),
        (lambda: None, "nothing \\(None\\).*Is the `return` missing"),
        (lambda: 5, "gave back an int"),
        (lambda: 1 / 0, "stopped with ZeroDivisionError"),
        (lambda: nn.Sequential([nn.ReLU()]), "takes layers, not a list: .*\\*layers"),
        (lambda: nn.Sequential(nn.ReLU() for _ in "ab"), "takes layers, not a generator"),
        (lambda: nn.Sequential(nn.ReLU), "without its parentheses"),
    ):
        with pytest.raises(Wrong, match=words):
            build(thing)
    with pytest.raises(Wrong, match="TypeError"):
        build(nn.ReLU, 1, 2, 3)

    def stub():
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        build(stub)


def test_a_long_argument_goes_by_its_name():
    long = {number: "a row of a table" for number in range(9)}
    for answer, words in (
        (lambda channels, table: None, r"\(6, table\) gave back nothing"),
        (lambda *arguments: None, r"\(6, a dict\) gave back"),
        (lambda channels, **named: None, r"\(6, table=a dict\) gave back"),
    ):
        with pytest.raises(Wrong, match=words):
            build(answer, 6, table=long) if "table=" in words else build(answer, 6, long)


def classifier(*layers):
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), *layers)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            classifier(nn.Linear(4 * 5 * 6, 7)),
            "a grid of 4×5×6 .*flatten it first, so that 120 numbers an image reach it[.]$",
        ),
        (classifier(nn.Flatten(), nn.Linear(30, 7)), "120 numbers an image, a grid of 4×5×6, reach .* made for 30"),
        (classifier(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(120, 7)), "24 numbers an image, a grid of 4×2×3"),
        (classifier(nn.Flatten(), nn.Linear(120, 7), nn.Softmax(dim=1)), "softmax follows the dense layer .*120 → 7"),
        (nn.ModuleList([nn.Flatten(), nn.Linear(90, 7)]), "ModuleList` only holds layers"),
        (classifier(nn.ModuleList([nn.Flatten()])), "ModuleList` only holds layers"),
        (type("Mine", (nn.Module,), {"foward": lambda self, x: x})(), "`Mine` has no `forward`"),
    ],
)
def test_a_classifier_that_does_not_fit_is_told_why(answer, words):
    with pytest.raises(Wrong, match=words):
        same_module(answer, classifier(nn.Flatten(), nn.Linear(120, 7)), (3, 5, 6))


def pooled(**options):
    return nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1, **options), nn.Conv2d(2, 3, 1))


def test_a_pool_that_counts_its_zeros_is_told_so_and_left_as_it_was():
    answer = pooled()
    with pytest.raises(Wrong, match="counts the zeros of its padding"):
        same_module(answer, pooled(count_include_pad=False), (2, 6, 6))
    assert answer[0].count_include_pad
    with pytest.raises(Wrong, match="counts the zeros") as found:
        same_module(nn.Sequential(pooled()), pooled(count_include_pad=False), (2, 5, 7))
    assert "count_include_pad=False" in str(found.value)
    with pytest.raises(Wrong, match="the values are not") as found:
        same_module(pooled(count_include_pad=False), pooled(), (2, 6, 6))
    assert "counts the zeros" not in str(found.value)


def test_biases_in_several_layers_are_counted():
    def two(bias):
        return nn.Sequential(nn.Conv2d(2, 3, 1, bias=bias), nn.Conv2d(3, 2, 1, bias=bias))

    with pytest.raises(Wrong, match="a bias too many in each of 2 layers"):
        same_module(two(True), two(False), (2, 5, 5))
    with pytest.raises(Wrong, match="A bias is missing in each of 2 layers"):
        same_module(two(False), two(True), (2, 5, 5))


class Residual(nn.Module):
    """A normalised convolution and a sum; a ReLU behind the one, or behind the other."""

    def __init__(self, *, eps=1e-3, inside=False, behind=False):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(6, 6, 1, bias=False), nn.BatchNorm2d(6, eps=eps)
        self.inside, self.behind = inside, behind

    def forward(self, x):
        found = self.norm(self.conv(x))
        total = x + (found.relu() if self.inside else found)
        return total.relu() if self.behind else total


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Residual(eps=1e-5), r"the batch norm of the 1×1 convolution \(6 → 6 channels\) has eps=1e-05; eps=0.001 is expected"),
        (Residual(behind=True), "ReLU follows the sum, where nothing should"),
        (Residual(inside=True), r"ReLU follows the batch norm of the 1×1 convolution \(6 → 6 channels\), where nothing should"),
    ],
)  # fmt: skip
def test_a_residual_block_that_differs_is_told_where(answer, words):
    with pytest.raises(Wrong, match=words):
        same_module(answer, Residual(), SHAPE)


def test_a_module_that_cannot_be_built_is_told_the_line():
    scope = {"nn": nn}
    exec(compile("def mine():\n    return nn.Conv2d(4, 6, 3, groups=4)\n", "a learner's cell", "exec"), scope)
    with pytest.raises(Wrong, match=r"must be divisible by groups[.] It happened in line 2 of your code"):
        build(scope["mine"])


def test_a_module_that_stops_is_seen_as_far_as_it_runs():
    stops = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 6, 3))
    assert [operation.shape[1] for operation in operations_of(stops, (3, 8, 8))] == [4]
    assert channels_of(stops, (3, 8, 8)) is None and channels_of(stops[0], (3, 8, 8)) == 4
    assert layers_of(stops, nn.Conv2d) == list(stops) and layers_of(stops, nn.BatchNorm2d) == []
