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
        (
            type("Mine", (nn.Module,), {"foward": lambda self, x: x})(),
            "`Mine` has no `forward`, but a `foward`: the name is misspelt",
        ),
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


class Two(nn.Module):
    """Two branches, concatenated; `before`, `after` and `inside` are what is done around them."""

    def __init__(self, before=None, after=None, inside=None, act=functional.relu):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(4, 3, 1, bias=False), nn.BatchNorm2d(3))
        self.three = nn.Sequential(nn.Conv2d(4, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5))
        self.before, self.after, self.inside = (each or (lambda x: x) for each in (before, after, inside))
        self.act = act

    def forward(self, x):
        x = self.before(x)
        return self.after(torch.cat([self.act(self.one(x)), self.act(self.three(self.inside(x)))], 1))


TWO = (4, 6, 7)


def refused(answer, reference=None, shape=TWO, **options):
    """The sentence with which an answer is refused."""
    with pytest.raises(Wrong) as caught:
        same_module(answer, reference or Two(), shape, **options)
    return str(caught.value)


class Sliced(nn.Module):
    def forward(self, x):
        x[:, :1] = 0
        return x


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: Two(before=lambda x: x.relu_()), "changes its input, which others read, too: `relu_` writes into it."),
        (lambda: Two(before=nn.ReLU(inplace=True)), "`nn.ReLU(inplace=True)` writes into it"),
        (lambda: Two(before=lambda x: x.mul_(2)), "`mul_`, or `*=`, writes into it"),
        (lambda: Two(before=lambda x: (x[:, :2].add_(1), x)[1]), "`add_`, or `+=`, writes into it"),
        (lambda: Two(before=Sliced()), "changes its input"),
        (lambda: Two(after=lambda y: y.relu_()), ""),
    ],
)
def test_an_answer_that_changes_what_it_was_given_is_refused(answer, words):
    if not words:
        assert same_module(answer(), Two(), TWO, ordered=True) == ""  # its own results are its own
    else:
        assert words in refused(answer())


def test_an_input_that_is_changed_in_training_only_is_refused_too():
    class Late(Two):
        def forward(self, x):
            out = super().forward(x)
            if self.training:
                x.zero_()
            return out

    said = refused(Late())
    assert "it does so in training mode" in said or "stops in a step of training" in said


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: Two(before=lambda x: x.detach()), "No gradient reaches the input.* A `detach` in your forward cuts it off"),
        (lambda: Two(before=lambda x: x.data), "No gradient reaches the input.* A `.data` in your forward"),
        (lambda: Two(inside=lambda x: x.detach()), "gradient that reaches the input is not the one .* A `detach`"),
        (lambda: Two(act=lambda x: x.relu() + 0 * x.detach()), None),
        (lambda: Two(after=lambda y: y.relu() * (y > 0).detach()), None),
        (lambda: Two(act=lambda x: x.relu().detach() + x.relu() - x.relu().detach()), None),
        (lambda: Two(act=lambda x: x.relu() * 2 - x.relu().detach()), "gradient that reaches `one.0.weight` is not the one"),
        (lambda: Two(act=torch.no_grad()(lambda x: x.relu())), "No gradient reaches the weights. A `no_grad`"),
        (lambda: Two(inside=torch.no_grad()(lambda x: x * 1)), "gradient that reaches the input is not .* A `no_grad`"),
    ],
)  # fmt: skip
def test_gradients_are_compared_by_value_down_to_the_input(answer, words):
    if words is None:
        assert same_module(answer(), Two(), TWO, ordered=True) == ""
    else:
        import re

        assert re.search(words, said := refused(answer())), said


def test_a_gradient_of_another_kind_is_not_blamed_on_a_detach():
    class Reversed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return -gradient

    said = refused(Two(before=Reversed.apply))
    assert "gradient that reaches the input is not the one that is expected" in said and "cuts it off" not in said


class Momentum(Two):
    def __init__(self):
        super().__init__()
        self.one[1].momentum = 0.5


class Bypassed(Two):
    """Its batch norm never looks at the batch."""

    def train(self, mode=True):
        super().train(mode)
        self.one[1].eval()
        return self


class Switching(Two):
    def forward(self, x):
        self.three.eval()
        return super().forward(x)


class Fixed(Two):
    def forward(self, x):
        norm = self.one[1]
        kept = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        one = functional.batch_norm(self.one[0](x), *kept, training=False)
        return torch.cat([one.relu(), self.three(x).relu()], 1)


class Writing(Two):
    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.one[0].weight.mul_(0.9)
        return super().forward(x)


class Dropping(Two):
    def __init__(self):
        super().__init__(after=nn.Dropout(0.2))


TRAINING = "In evaluation mode all is right, in training mode the values are not: "


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Dropping, TRAINING + "`after` drops values at random. Without dropout they are right."),
        (lambda: Two(inside=nn.Dropout(0.2)), TRAINING + "`inside` drops values at random"),
        (lambda: Two(after=lambda y: y + 0.1 * torch.randn_like(y) * (y.requires_grad)), "Something draws random numbers"),
        (lambda: Two(after=lambda y: y * (1 - 0.5 * y.requires_grad)), TRAINING + "the first channels that differ (0 to 2)"),
        (Momentum, "The batch norm of the 1×1 convolution (4 → 3 channels) has momentum=0.5; momentum=0.1 is expected."),
        (Bypassed, "After `train()` `one.1` is in evaluation mode still"),
        (Switching, "Your forward puts `three` into another mode"),
        (Writing, "Your forward writes into `one.0.weight`"),
        (Fixed, "normalises by its running statistics, in training mode too"),
    ],
)  # fmt: skip
def test_a_step_of_training_is_compared(answer, words):
    made = answer()
    assert words in (said := refused(made, ordered=True)), said
    assert made.training


class ByBatch(Two):
    def __init__(self):
        super().__init__()
        self.one[1].track_running_stats = False
        self.one[1].running_mean = self.one[1].running_var = None


def test_a_norm_by_the_batch_in_evaluation_mode_is_told_so():
    assert "batch norm of the 1×1 convolution (4 → 3 channels) normalises by the batch's" in refused(ByBatch())


def test_a_dropout_that_belongs_there_is_compared_by_the_same_random_numbers():
    assert same_module(Two(after=lambda y: y), Two(), TWO, ordered=True) == ""
    assert same_module(Dropping(), Dropping(), TWO, ordered=True) == ""
    assert "a dropout is expected, and on the same images yours are the same each time" in refused(Two(), Dropping())
    assert "with the same random numbers" in refused(Two(after=nn.Dropout(0.4)), Dropping())
    assert "another result each time on the same images" in refused(Two(after=functional.dropout), Dropping())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: Two(after=lambda y: y if len(y) == 2 else 2 * y), "right for a batch of two images, and others for a batch of 5"),
        (lambda: Two(after=lambda y: y if len(y) > 1 else 2 * y), "not for a batch of one: the same image alone"),
        (lambda: Two(after=lambda y: y - y.mean(0) * 0 if len(y) > 1 else y.reshape(2, 8, 6, 7)), "batch of two images, and stops on a batch of one"),
        (lambda: Two(after=lambda y: y.reshape(2, 8, 6, 7)), "stops on a batch of one"),
        (lambda: Two(after=lambda y: y[:2]), "For 5 images the result has shape (2, 8, 6, 7)"),
        (lambda: Two(act=functional.relu6), "in the result, what is above 6 is cut off"),
        (lambda: Two(act=functional.leaky_relu), "leaky_relu follows the batch norm"),
    ],
)  # fmt: skip
def test_other_batches_and_large_values_are_tried(answer, words):
    assert words in (said := refused(answer(), ordered=True)), said


def test_a_relu6_inside_of_a_chain_is_found_where_it_stands():
    def chained(act):
        return nn.Sequential(nn.Conv2d(4, 3, 1), act, nn.Conv2d(3, 2, 1))

    said = refused(chained(nn.ReLU6()), chained(nn.ReLU()))
    assert "in what reaches the 1×1 convolution (3 → 2 channels), what is above 6 is cut off" in said


class Filled(nn.Module):
    """`Two`, with its result written into a buffer; `inner` takes the result further."""

    def __init__(self, inner=None):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(4, 3, 1, bias=False), nn.BatchNorm2d(3), nn.ReLU())
        self.three = nn.Sequential(nn.Conv2d(4, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU())
        self.inner = inner or nn.Identity()

    def forward(self, x):
        out = x.new_empty(len(x), 8, *x.shape[2:])
        out[:, :3] = self.one(x)
        out[:, 3:] = self.three(x)
        return self.inner(out)


def test_a_result_written_into_a_buffer_has_the_result_s_shape():
    assert same_module(Filled(), Two(), TWO, ordered=True) == ""
    followed = nn.Sequential(Two(), nn.Conv2d(8, 2, 1))
    assert same_module(Filled(nn.Conv2d(8, 2, 1)), followed, TWO, ordered=True) == ""


def test_lazy_layers_run_once_before_anything_is_counted():
    def lazy():
        return nn.Sequential(nn.LazyConv2d(3, 1), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))

    plain = nn.Sequential(nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(126, 2))
    assert same_module(lazy(), plain, TWO) == ""
    assert channels_of(lazy(), TWO) == 2 and len(operations_of(lazy(), TWO)) > 3


def test_a_module_of_torch_jit_is_told_what_is_needed():
    plain = nn.Sequential(nn.Conv2d(4, 3, 1), nn.ReLU())
    for scripted in (torch.jit.script(plain), torch.jit.trace(plain, torch.zeros(1, *TWO)), nn.Sequential(torch.jit.script(plain))):  # fmt: skip
        assert "scripted or traced" in refused(scripted, plain)
    with pytest.raises(Wrong, match="scripted or traced"):
        build(lambda: torch.jit.script(plain))


def test_a_module_without_weights_may_be_used_twice_and_one_with_weights_not():
    pool = nn.MaxPool2d(3, 1, 1)

    def stack(first, second):
        return nn.Sequential(first, nn.Conv2d(4, 4, 1), second, nn.Conv2d(4, 2, 1))

    assert same_module(stack(pool, pool), stack(nn.MaxPool2d(3, 1, 1), nn.MaxPool2d(3, 1, 1)), TWO) == ""
    conv = nn.Conv2d(4, 4, 1)
    two = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1))
    assert "Make a layer of its own for each place" in refused(nn.Sequential(conv, conv), two)

    class Again(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 1)

        def forward(self, x):
            return self.conv(x) + self.conv(x)

    assert "on the same thing. Run it once, and keep its result" in refused(Again(), two)


# The same function, written in other layers.


class Wide(nn.Module):
    """The first 1x1s of three branches in one, then split."""

    def __init__(self, order=(0, 1, 2), norm=True, cut=None):
        super().__init__()
        self.widths = [(3, 2, 4)[place] for place in order]
        self.back = [order.index(place) for place in range(3)]
        self.wide = nn.Conv2d(4, 9, 1, bias=not norm)
        self.norm = nn.BatchNorm2d(9) if norm else nn.Identity()
        self.three, self.five = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(4, 3, 5, padding=2)
        self.cut = cut or self.widths

    def forward(self, x):
        parts = self.norm(self.wide(x)).relu().split(self.cut, dim=1)
        a, b, c = (parts[place] for place in self.back)
        return torch.cat([a, self.three(b), self.five(c)], 1)


class Apart(nn.Module):
    def __init__(self, norm=True):
        super().__init__()

        def layer(width):
            one = nn.Conv2d(4, width, 1, bias=not norm)
            return nn.Sequential(one, nn.BatchNorm2d(width) if norm else nn.Identity(), nn.ReLU())

        self.a, self.b, self.c = layer(3), layer(2), layer(4)
        self.three, self.five = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(4, 3, 5, padding=2)

    def forward(self, x):
        return torch.cat([self.a(x), self.three(self.b(x)), self.five(self.c(x))], 1)


class Alike(nn.Module):
    """Two branches of equal widths, the first 1x1s of both in one or apart."""

    def __init__(self, apart):
        super().__init__()

        def layer(before, width, window):
            conv = nn.Conv2d(before, width, window, padding=window // 2, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU())

        self.first = nn.ModuleList([layer(4, 3, 1), layer(4, 3, 1)] if apart else [layer(4, 6, 1)])
        self.three = layer(3, 3, 3)

    def forward(self, x):
        a, b = torch.cat([first(x) for first in self.first], 1).chunk(2, 1)
        return torch.cat([a, self.three(b)], 1)


class Depthwise(nn.Module):
    def __init__(self, channels=4, reverse=False, kernel=3):
        super().__init__()
        self.each = nn.ModuleList(nn.Conv2d(1, 1, kernel, padding=kernel // 2) for _ in range(channels))
        self.mix, self.reverse = nn.Conv2d(channels, 3, 1), reverse

    def forward(self, x):
        parts = [conv(x[:, i : i + 1]) for i, conv in enumerate(self.each)]
        return self.mix(torch.cat(parts[::-1] if self.reverse else parts, 1))


class Product(nn.Module):
    """A 1x1 convolution as a product of matrices."""

    def __init__(self, turned=False):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(3))
        self.turned = turned

    def forward(self, x):
        x = x.transpose(-1, -2) if self.turned else x
        return (torch.einsum("oc,nchw->nohw", self.weight, x) + self.bias[:, None, None]).relu()


class Points(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(4, 3)

    def forward(self, x):
        return self.line(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).relu()


def depthwise(channels):
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, groups=channels), nn.Conv2d(channels, 3, 1))


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        (lambda: Wide(), Apart),
        (lambda: Wide((1, 2, 0)), Apart),
        (lambda: Wide((2, 0, 1), norm=False), lambda: Apart(norm=False)),
        (lambda: Apart(), Wide),
        (lambda: Alike(apart=False), lambda: Alike(apart=True)),
        (lambda: Depthwise(), lambda: depthwise(4)),
        (lambda: Product(), lambda: nn.Sequential(nn.Conv2d(4, 3, 1), nn.ReLU())),
        (lambda: Points(), lambda: nn.Sequential(nn.Conv2d(4, 3, 1), nn.ReLU())),
    ],
)
def test_the_same_function_in_other_layers_is_the_same(answer, reference):
    assert same_module(answer(), reference(), (4, 6, 6), ordered=True) == ""


def test_a_window_turned_round_is_not_said_to_be_another_way_of_writing_it():
    def window(*size):
        return nn.Sequential(nn.Conv2d(4, 4, size, padding=(size[0] // 2, size[1] // 2)), nn.Conv2d(4, 4, 1))

    said = refused(window(1, 3), window(3, 1))
    assert said.startswith("Expected 3×1 convolution") and "written so" not in said
    dilated = nn.Sequential(nn.Conv2d(4, 4, 3, padding=2, dilation=2))
    assert "written so" not in refused(dilated, nn.Sequential(nn.Conv2d(4, 4, 3, padding=1)))


def test_layers_that_were_not_compared_one_by_one_are_not_said_to_be_right():
    said = refused(nn.Sequential(Wide(), nn.Dropout(0.2)), Apart(), (4, 6, 6))
    assert "drops values at random" in said

    class Late(Wide):
        def forward(self, x):
            return super().forward(x) * (0.5 if self.training else 1)

    said = refused(Late(), Apart(), (4, 6, 6))
    assert "in training mode the values are not: " in said and "put out is right" not in said


def test_many_channels_one_by_one_are_a_depthwise_convolution():
    assert same_module(Depthwise(9), depthwise(9), (9, 5, 6), ordered=True) == ""


def strided(first, second):
    """A stride in the one layer or in the other: the same values, for another number of multiply-adds."""
    return nn.Sequential(nn.Conv2d(4, 4, 3, first, 1), nn.Conv2d(4, 3, 1, second))


@pytest.mark.parametrize(
    ("answer", "reference", "words"),
    [
        (lambda: Wide(cut=[2, 3, 4]), Apart, ""),
        (lambda: nn.Sequential(Wide(), nn.ReLU()), Apart, "Expected 1×1 .* Layers may be written so; with the same weights"),
        (lambda: Wide(norm=False), Apart, "Expected .*batch norm"),
        (lambda: Depthwise(reverse=True), lambda: depthwise(4), "Expected 3×3 convolution from 4 to 4 channels in 4 groups"),
        (lambda: strided(1, 2), lambda: strided(2, 1), "Expected 3×3 convolution from 4 to 4 channels with stride 2"),
        (lambda: Depthwise(kernel=5), lambda: depthwise(4), "Expected 3×3 convolution"),
        (lambda: Product(turned=True), lambda: nn.Sequential(nn.Conv2d(4, 3, 1), nn.ReLU()), "Expected 1×1 convolution"),
    ],
)  # fmt: skip
def test_another_function_in_other_layers_is_refused(answer, reference, words):
    import re

    assert re.search(words, said := refused(answer(), reference(), (4, 6, 6), ordered=True)), said


# A sentence is a finding.


class Naive(nn.Module):
    """The naive module: its pool passes on what comes in."""

    def __init__(self, five=3, with_pool=True, pool=None, more=None):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(8, w, k, padding=k // 2) for w, k in ((6, 1), (5, 3), (five, 5)))
        self.pool = pool or nn.MaxPool2d(3, 1, 1)
        self.with_pool, self.more = with_pool, more

    def forward(self, x):
        parts = [conv(x).relu() for conv in self.convs]
        parts += [self.pool(x)] if self.with_pool else []
        return torch.cat(parts + ([x] if self.more else []), 1)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Naive(five=4), "23 channels where 22 were expected: 1 too many. You concatenate 6, 5, 4 and 8 channels; 6, 5, 3 and 8 are expected."),
        (Naive(five=2), "1 are missing. You concatenate 6, 5, 2 and 8 channels; 6, 5, 3 and 8 are expected."),
        (Naive(with_pool=False), "8 are missing. That is as many as the pool branch gives, and what is concatenated has 6, 5 and 3 channels."),
        (Naive(more=True), "8 too many. The input itself goes into the concatenation."),
        (Naive(pool=nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(8, 7, 1))), "You concatenate 6, 5, 3 and 7 channels"),
        (Naive(pool=nn.MaxPool2d(3, padding=1)), "The branches cannot be concatenated: the 3×3 pooling makes a grid of 3×3 out of 9×7; 9×7 is expected. With stride 1 (torch's pooling takes"),
        (Naive(pool=nn.MaxPool2d(3)), "With stride 1 and padding 1 (torch's pooling"),
        (Naive(pool=lambda x: functional.avg_pool2d(x, 2, 1)), "they end on different grids. They end on grids of 9×7 and 8×6."),
    ],
)  # fmt: skip
def test_channels_and_grids_are_explained_by_what_the_reference_has(answer, words):
    assert words in (said := refused(answer, Naive(), (8, 9, 7))), said


def reduction(stride=2, padding=0, first=1):
    """Halves the grid, as it should; a stride, a padding or the first padding can be another."""

    class Halving(nn.Module):
        def __init__(self):
            super().__init__()
            self.long = nn.Sequential(
                nn.Conv2d(4, 3, 3, padding=first), nn.Conv2d(3, 5, 3, stride=stride, padding=padding)
            )
            self.pool = nn.MaxPool2d(3, stride=2)

        def forward(self, x):
            return torch.cat([self.long(x), self.pool(x)], 1)

    return Halving()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reduction(stride=1), "3×3 convolution (3 → 5 channels) makes a grid of 7×9 out of 9×11; 4×5 is expected. With stride 2 it does."),
        (reduction(padding=1), "makes a grid of 5×6 out of 9×11; 4×5 is expected. With padding 0 it does."),
        (reduction(first=0), "(4 → 3 channels) makes a grid of 7×9 out of 9×11; 9×11 is expected. With padding 1 it keeps the grid."),
    ],
)  # fmt: skip
def test_no_layer_of_a_reduction_is_told_to_keep_a_grid_that_it_halves(answer, words):
    assert words in (said := refused(answer, reduction(), (4, 9, 11))), said


def test_sums_that_do_not_fit_are_told_before_torch_s_words():
    class Skip(nn.Module):
        def __init__(self, stride):
            super().__init__()
            self.body, self.skip = nn.Conv2d(4, 4, 3, 2, 1), nn.Conv2d(4, 4, 1, stride)

        def forward(self, x):
            return self.body(x) + self.skip(x)

    said = refused(Skip(1), Skip(2), (4, 8, 8))
    assert "differ in their width: 4 and 8" in said or "differ in their height: 4 and 8" in said
    assert (
        "The 1×1 convolution (4 → 4 channels) makes a grid of 8×8 out of 8×8; 4×4 is expected. With stride 2 it does."
        in said
    )


@pytest.mark.parametrize(
    "act", [lambda x: x.clamp(min=0), lambda x: torch.where(x > 0, x, 0 * x), lambda x: (x + x.abs()) / 2]
)
def test_a_relu_in_another_form_is_not_said_to_be_missing(act):
    assert same_module(Two(act=act), Two(), TWO, ordered=True) == ""
    assert "ReLU follows" not in refused(Two(act=act, inside=lambda x: x + 1), ordered=True)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: Two(inside=lambda x: -x), "what reaches the 3×3 convolution (4 → 5 channels) is not"),
        (lambda: Two(before=functional.relu), "a ReLU stands in front of the 1×1 convolution (4 → 3 channels), where nothing should"),
        (lambda: Two(inside=functional.relu), "a ReLU stands in front of the 3×3 convolution (4 → 5 channels)"),
        (lambda: Two(inside=lambda x: x.flip(1)), "what reaches the 3×3 convolution (4 → 5 channels) all channels are right, and they stand in another order"),
        (lambda: Two(inside=lambda x: 2 * x), "what reaches the 3×3 convolution (4 → 5 channels) is not: the largest difference"),
        (lambda: Two(inside=nn.MaxPool2d(3, 1, 1)), "max pooling of 3×3 stands where none should"),
        (lambda: Two(after=lambda y: 2 * y), "first channels that differ (0 to 2) belong to the 1×1 convolution"),
    ],
)  # fmt: skip
def test_values_are_told_where_they_first_differ(answer, words):
    assert words in (said := refused(answer(), ordered=True)), said


def test_a_relu_that_is_missing_at_the_input_is_found():
    assert "a ReLU is missing in front of the 1×1" in refused(Two(), Two(before=functional.relu), ordered=True)
    leaky = Two(before=functional.leaky_relu)
    assert "leaky_relu stands in front of the 1×1" in refused(leaky, Two(before=functional.relu), ordered=True)


def test_hidden_layers_are_found_by_running_not_guessed():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = [nn.Conv2d(4, 3, 1), nn.ReLU()]

        def forward(self, x):
            return self.parts[1](self.parts[0](x))

    class Reading(nn.Module):
        def __init__(self, most):
            super().__init__()
            self.conv = nn.Conv2d(4, 3, 1)
            self.most = most

        def forward(self, x):
            return self.conv(x).relu() * (1 if x.detach().sum().item() < self.most else 2)

    reference = nn.Sequential(nn.Conv2d(4, 3, 1), nn.ReLU())
    assert "torch does not see all of your layers" in refused(Hidden(), reference)
    assert same_module(Reading(1e9), reference, (4, 7, 9), ordered=True) == ""
    for most in (-1e9, 0.0, 5.0):
        said = refused(Reading(most), reference, ordered=True)
        assert "does not see" not in said and ("values" in said or "difference" in said), said


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect"), "padding_mode='reflect'; padding_mode='zeros' is expected"),
        (nn.Conv2d(4, 3, 3, padding=1.5), "a Conv2d has padding=(1.5, 1.5): divide with `//`"),
    ],
)  # fmt: skip
def test_a_layer_set_otherwise_is_told_how(layer, words):
    assert words in refused(nn.Sequential(layer), Odd())


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 3, 3, padding=1)

        def forward(self, x):
            return self.conv(x)


class Extra(Odd):
    """A head that runs in training, as one for an auxiliary loss would."""

    def __init__(self, always=False, gives_both=False):
        super().__init__()
        self.head, self.always, self.gives_both = nn.Conv2d(4, 3, 1), always, gives_both

    def forward(self, x):
        if self.training and not self.gives_both and not self.always:
            return self.conv(x) + self.head(x)
        return super().forward(x)


class Pair(Odd):
    def forward(self, x):
        out = super().forward(x)
        return (out, out) if self.training else out


class Unwritten(Odd):
    def forward(self, x):
        if self.training:
            raise NotImplementedError("Exercise 1.3, a part of it")
        return super().forward(x)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Nested, "`Nested` has no `forward` of its own: yours stands inside of `__init__`, indented too far."),
        (type("Empty", (nn.Module,), {}), "`Empty` has no `forward`."),
        (lambda: Extra(always=True), "`head` is made in `__init__` but never used in `forward`."),
        (Extra, "`head` is made in `__init__` but used in training mode alone."),
        (Pair, "In training mode its forward gives back a tuple where one tensor is needed."),
    ],
)
def test_what_is_said_of_a_forward_was_seen(answer, words):
    assert refused(answer(), Odd()) == words


def test_a_stub_in_the_training_branch_is_a_stub():
    with pytest.raises(NotImplementedError):
        same_module(Unwritten(), Odd(), TWO)


def test_a_relu_done_otherwise_is_not_blamed_for_another_slip():
    said = refused(Two(act=lambda x: (x + x.abs()) / 2, after=lambda y: 2 * y), ordered=True)
    assert "ReLU" not in said and "first channels that differ" in said


class Backwards(nn.Module):
    """Two equal branches but for what follows them, written into a buffer last one first, and a layer that reads it."""

    def __init__(self, in_a_buffer):
        super().__init__()
        self.ones = nn.ModuleList(nn.Conv2d(4, 2, 1) for _ in range(3))
        self.threes = nn.ModuleList(nn.Conv2d(2, 2, 3, padding=1) for _ in range(2))
        self.up, self.in_a_buffer = nn.Conv2d(6, 4, 1), in_a_buffer

    def forward(self, x):
        plain, single, double = (lambda: self.ones[0](x)), (lambda: self.threes[0](self.ones[1](x))), (
            lambda: self.threes[1](self.ones[2](x).relu())
        )  # fmt: skip
        if not self.in_a_buffer:
            return self.up(torch.cat([plain(), single(), double()], 1))
        out = x.new_zeros(len(x), 6, *x.shape[2:])
        for place, branch in ((4, double), (2, single), (0, plain)):
            out[:, place : place + 2] = branch()
        return self.up(out)


def test_layers_that_are_read_through_a_buffer_are_matched_by_their_wiring():
    trace_of = operations_of(Backwards(in_a_buffer=True), TWO)
    (up,) = [operation for operation in trace_of if operation.name == "convolution" and operation.shape[1] == 4]
    assert up.reads and trace_of[up.reads[0]].name == "copy_"
    assert same_module(Backwards(in_a_buffer=True), Backwards(in_a_buffer=False), TWO, ordered=True) == ""


class ByFunction(Two):
    """Its normalisations by torch's function, with what the layers keep."""

    def normalised(self, layer, x):
        norm = layer[1]
        kept = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return functional.batch_norm(layer[0](x), *kept, training=self.training, momentum=0.1)

    def forward(self, x):
        return torch.cat([self.normalised(layer, x).relu() for layer in (self.one, self.three)], 1)


class Recomputed(Two):
    """It keeps nothing of its forward for the way back."""

    def forward(self, x):
        from torch.utils.checkpoint import checkpoint

        return checkpoint(super().forward, x, use_reentrant=False)


@pytest.mark.parametrize("answer", [ByFunction, Recomputed, lambda: Two().requires_grad_(True).eval(), lambda: Two(after=lambda y: y.contiguous(memory_format=torch.channels_last))])  # fmt: skip
def test_a_normalisation_by_function_and_other_forms_are_right_in_training_too(answer):
    assert same_module(answer(), Two(), TWO, ordered=True) == ""
