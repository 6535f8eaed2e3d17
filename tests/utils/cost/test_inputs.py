"""What may be handed to `profile` and `draw`: several inputs, tensors, values that decide, wrapped and scripted modules."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from utils.cost import profile
from utils.cost.table import field_text
from utils.cost.trace import CannotRun, trace
from utils.diagram import draw


def conv(**options):
    return nn.Conv2d(3, 3, 3, padding=1, **options)


class Two(nn.Module):
    """Two inputs of several shapes, two outputs."""

    def __init__(self):
        super().__init__()
        self.first, self.second = conv(), nn.Conv2d(4, 3, 1)

    def forward(self, image, mask):
        joined = self.first(image) + self.second(mask)
        return {"joined": joined, "mean": joined.mean((2, 3))}


class Decides(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.bright, self.dark, self.how = conv(), nn.Conv2d(3, 8, 1), how
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, image):
        self.calls += 1
        return self.bright(image) if self.how(image) else self.dark(image)


HOW = {
    "branch": lambda image: image.mean() > 0,
    "item": lambda image: image.mean().item() > 0,
    "float": lambda image: float(image.max()) > 0,
    "numpy": lambda image: image.numpy().mean() > 0,
    "list": lambda image: image.flatten().tolist()[0] > 0,
    "nonzero": lambda image: len((image > 0).nonzero()) > 0,
}


@pytest.mark.parametrize(
    "shape", [(np.int64(3), np.int64(8), np.int64(8)), torch.Size((3, 8, 8)), [3, 8, 8], np.array((3, 8, 8))]
)
def test_whole_numbers_of_every_kind_are_a_shape(shape):
    assert profile(conv(), tuple(shape)) == profile(conv(), (3, 8, 8))


@pytest.mark.parametrize("shape", [(), (3, 8), (3, 0, 8), (3, 8.0, 8), (True, 8, 8), ((3, 8), (3, 8)), "abc"])
def test_what_is_no_shape_is_said(shape):
    with pytest.raises(ValueError, match="image's shape is"):
        profile(conv(), shape)


@pytest.mark.parametrize(
    "given",
    [
        [(3, 8, 8), (4, 8, 8)],
        ((3, 8, 8), (4, 8, 8)),
        (torch.rand(5, 3, 8, 8), torch.rand(5, 4, 8, 8)),
        [torch.rand(5, 3, 8, 8), (4, 8, 8)],
    ],
)
def test_several_inputs_and_outputs(given):
    table = profile(Two(), given)
    assert table.macs == 64 * (3 * 3 * 9 + 4 * 3) and table.parameters == sum(p.numel() for p in Two().parameters())
    picture = draw(Two(), given)
    assert picture.alternative.startswith("From inputs of 3×8×8 and 4×8×8: ")
    arrows = [line for line in picture.source.splitlines() if "->" in line]
    assert sum("input ->" in line for line in arrows) == sum("input2 ->" in line for line in arrows) == 1
    assert "output 1" in picture.source and "output 2" in picture.source
    last = [line.split("->")[1].split()[0] for line in arrows]
    ends = [line.split()[0] for line in picture.source.splitlines() if "output" in line and "label" in line]
    assert len(ends) == 2 and all(last.count(end) == 1 for end in ends)  # each has its arrow


def test_one_tensor_is_an_image():
    assert profile(conv(), torch.rand(7, 3, 8, 8)) == profile(conv(), (3, 8, 8))
    words = profile(nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 5)), torch.randint(0, 10, (2, 6)))
    assert words.macs == 6 * 4 * 5


def test_an_input_that_is_missing_is_said():
    with pytest.raises(
        CannotRun, match=r"Two takes several inputs \(image, mask\), and 1 was given. Give the shape of each"
    ):
        profile(Two(), (3, 8, 8))


@pytest.mark.parametrize("how", HOW)
def test_values_that_decide_need_an_image(how):
    net = Decides(HOW[how])
    with pytest.raises(CannotRun, match="Decides needs the numbers in its image") as caught:
        profile(net, (3, 8, 8))
    assert "hand in images in place of their shape" in str(caught.value)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    light, dark = torch.ones(2, 3, 8, 8), -torch.ones(2, 3, 8, 8)
    assert profile(net, light).macs == 64 * 81 and profile(net, dark).macs == 64 * 24
    assert "3×3 conv" in draw(net, light).alternative and "1×1 conv" in draw(net, dark).alternative
    assert net.training and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_without_weights_there_are_no_numbers():
    with torch.device("meta"):
        net = Decides(HOW["item"])
    with pytest.raises(CannotRun, match="build it with its weights, and hand in images"):
        profile(net, torch.rand(1, 3, 8, 8))


@pytest.mark.parametrize("make", [torch.jit.script, lambda net: torch.jit.trace(net, torch.rand(1, 3, 8, 8))])
@pytest.mark.parametrize("outer", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_module_is_told(make, outer):
    net = make(conv())
    for work in (profile, draw):
        with pytest.raises(ValueError, match="is scripted") as caught:
            work(nn.Sequential(conv(), net) if outer else net, (3, 8, 8))
    assert ("1 in Sequential" in str(caught.value)) is outer


@pytest.mark.parametrize("wrap", [torch.compile, nn.DataParallel])
def test_a_wrapped_module_is_what_is_inside(wrap):
    net = nn.Sequential(conv(), nn.ReLU())
    assert profile(wrap(net), (3, 8, 8)) == profile(net, (3, 8, 8))


# --- receptive fields, against gradients ------------------------------------------------------------------------------


class Between(nn.Module):
    """Something between two convolutions."""

    def __init__(self, do):
        super().__init__()
        self.first, self.second, self.do = conv(), conv(), do

    def forward(self, image):
        return self.second(self.do(self.first(image)))


class Standardised(nn.Conv2d):
    def forward(self, image):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        weight = weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
        return nn.functional.conv2d(image, weight, self.bias, padding=1)


def weighted(parametrize):
    return lambda: parametrize(conv())


KNOWN = {
    "plain": (conv, (3, 3)),
    "weight_norm": (weighted(nn.utils.parametrizations.weight_norm), (3, 3)),
    "spectral_norm": (weighted(nn.utils.parametrizations.spectral_norm), (3, 3)),
    "standardised": (lambda: Standardised(3, 3, 3), (3, 3)),
    "circular": (lambda: conv(padding_mode="circular"), (3, 3)),
    "reflected": (lambda: conv(padding_mode="reflect"), (3, 3)),
    "adaptive": (lambda: nn.Sequential(conv(), nn.AdaptiveAvgPool2d(12)), (4, 4)),
    "adaptive unequal": (lambda: nn.Sequential(conv(), nn.AdaptiveAvgPool2d((12, 8))), (4, 5)),
    "crop": (lambda: Between(lambda x: x[:, :, 2:-2, 2:-2]), (5, 5)),
    "every other": (lambda: Between(lambda x: x[:, :, ::2]), (7, 5)),
    "unshuffle": (lambda: nn.PixelUnshuffle(2), (2, 2)),
    "unshuffle, conv": (lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 3, 3)), (6, 6)),
    "shuffle": (lambda: nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2), conv()), (4, 4)),
    "channels shuffled": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ChannelShuffle(2)), (3, 3)),
    "nearest": (lambda: nn.Sequential(conv(), nn.Upsample(scale_factor=2), conv()), (4, 4)),
    "bilinear": (lambda: nn.Sequential(conv(), nn.Upsample(scale_factor=2, mode="bilinear"), conv()), (5, 5)),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose2d(3, 3, 4, 2, 1), conv()), (3, 3)),
    "two ways": (lambda: Between(lambda x: x + nn.functional.avg_pool2d(x, 5, 1, 2)), (9, 9)),
    "shifted": (lambda: Between(lambda x: x[..., 2:] - x[..., :-2]), (5, 7)),
    "shifted down": (lambda: Between(lambda x: x.narrow(2, 4, 16) + x.narrow(2, 0, 16)), (9, 5)),
    "shifted and padded": (lambda: Between(lambda x: nn.functional.pad(x[..., 2:], (0, 2)) + x), (5, 7)),
    "a difference": (lambda: Between(lambda x: x.diff(dim=-1)), (5, 6)),
    "from the end": (lambda: Between(lambda x: x[..., -20:] + x[..., :20]), (5, 9)),
    "enlarged, an even window": (lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 3, 4)), (3, 3)),
    "enlarged, with itself": (
        lambda: nn.Sequential(nn.Upsample(scale_factor=2), Between(lambda x: x + x.relu())),
        (3, 3),
    ),
    "volume": (lambda: Between(lambda x: nn.functional.avg_pool3d(x[:, None], (3, 1, 1), 1, (1, 0, 0))[:, 0]), (5, 5)),
}


def laid_into(x):
    """Each unit beside its left neighbour, by way of room that is written into."""
    room = torch.zeros_like(x)
    room[..., 1:].copy_(x[..., :-1])
    return room + x


def seen(net, shape):
    """(height, width) of what units far from the edge see, at most, by their gradients."""
    torch.manual_seed(0)
    net = net.double().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_().add_(0.1)
    extents = [(0, 0)]
    image = torch.rand(1, *shape, dtype=torch.double, requires_grad=True)
    result = net(image)
    rows, columns = (range(side // 2 - 1, side // 2 + 2) for side in result.shape[2:])
    for row in rows:
        for column in columns:
            (gradient,) = torch.autograd.grad(result[0, :, row, column].sum(), image, retain_graph=True)
            where = gradient.abs().amax((0, 1)).nonzero()
            extents.append(tuple((where.amax(0) - where.amin(0) + 1).tolist()))
    return max(height for height, _ in extents), max(width for _, width in extents)


@pytest.mark.parametrize("name", KNOWN)
def test_a_receptive_field_is_what_gradients_reach(name):
    build, field = KNOWN[name]
    assert profile(build(), (3, 24, 24)).receptive_field == field
    assert seen(build(), (3, 24, 24)) == field


def test_the_finding_of_the_pool_that_divides():
    assert profile(nn.Sequential(conv(), nn.AdaptiveAvgPool2d(4)), (3, 8, 8)).receptive_field == (4, 4)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Between(lambda x: x.roll(1, 3)),
        lambda: Between(lambda x: x.flip(2)),
        lambda: nn.Sequential(conv(), nn.AdaptiveAvgPool2d(7)),
        lambda: Between(lambda x: x.permute(0, 3, 1, 2)[:, :3]),
        lambda: Between(lambda x: x[:, :, torch.randperm(24)]),
        lambda: nn.Unfold(3),
        lambda: Between(lambda x: nn.functional.interpolate(x[..., ::2, ::2], scale_factor=2) + x),
        lambda: Between(lambda x: nn.functional.avg_pool3d(x, (1, 3, 3), 1, (0, 1, 1))),
        lambda: Between(lambda x: nn.functional.pad(x, (1, 1, 1, 1), mode="circular")[..., 2:, 2:] + x),
        lambda: Between(laid_into),
        lambda: Between(lambda x: x.softmax(3)),
        lambda: Between(lambda x: x.cummax(3)[0]),
        lambda: Between(lambda x: x.logcumsumexp(3)),
    ],
)
def test_what_cannot_be_told_is_not_known(build):
    field = profile(build(), (3, 24, 24)).receptive_field
    assert field == (0, 0) and field_text(field) == "not known"


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Sequential(conv(), nn.AdaptiveAvgPool2d(1)),
        lambda: nn.Sequential(conv(), nn.AdaptiveMaxPool2d(1)),
        lambda: nn.Sequential(conv(), nn.Flatten(), nn.Linear(3 * 24 * 24, 2)),
        lambda: Between(lambda x: x * x.mean((2, 3), keepdim=True)),
        lambda: Between(lambda x: x * x.amax((2, 3), keepdim=True)),
        lambda: Between(nn.GroupNorm(3, 3)),
        lambda: Between(nn.InstanceNorm2d(3)),
        lambda: Between(nn.LayerNorm((3, 24, 24))),
        lambda: Between(nn.BatchNorm2d(3, track_running_stats=False)),
    ],
)
def test_what_goes_over_the_grid_sees_the_whole_image(build):
    assert profile(build(), (3, 24, 24)).receptive_field is None


def test_the_trace_names_its_inputs_and_outputs():
    record = trace(Two(), [(3, 8, 8), (4, 8, 8)])
    assert record.inputs == ((3, 8, 8), (4, 8, 8)) and record.image_shape == (3, 8, 8)
    assert [record.operations[index].name for index in record.outputs] == ["add", "mean"]
    assert trace(conv(), (3, 8, 8)).outputs == (0,)


class Calls(nn.Module):
    """A forward of one's own around a dense layer's weight."""

    def __init__(self, does):
        super().__init__()
        self.does, self.weight = does, nn.Parameter(torch.zeros(48, 5))

    def forward(self, x):
        return self.does(x.flatten(1), self.weight)


@pytest.mark.parametrize(
    ("does", "macs"),
    [
        (lambda x, w: torch.zeros(1, 5, device=x.device).addmm_(x, w), 240),
        (lambda x, w: torch.zeros(1, 1, 5, device=x.device).baddbmm_(x[None], w[None]), 240),
        (lambda x, w: torch.zeros(1, 5, device=x.device).addbmm_(x[None], w[None]), 240),
        (lambda x, w: torch.zeros(5, device=x.device).addmv_(w.T, x[0]), 240),
        (lambda x, w: torch.conv_tbc(x.view(6, 1, 8), w.view(3, 8, 10), w[0].repeat(2)), 4 * 10 * 3 * 8),
    ],
)
def test_products_in_place_and_of_other_kinds_count(does, macs):
    assert profile(Calls(does), (3, 4, 4)).macs == macs


@pytest.mark.parametrize("constant", [lambda: torch.arange(8.0), lambda: torch.tensor([1.0] * 8)])
def test_a_constant_that_the_forward_makes_on_the_cpu_needs_no_image(constant):
    assert profile(Between(lambda x: x + constant()), (3, 8, 8)).macs == profile(Between(lambda x: x), (3, 8, 8)).macs


@pytest.mark.parametrize(
    ("build", "given", "same"),
    [
        (partial(nn.LSTM, 8, 16), (torch.zeros(5, 3, 8),), (torch.zeros(3, 5, 8),)),
        (partial(nn.GRU, 8, 16), (torch.zeros(5, 3, 8),), (torch.zeros(3, 5, 8),)),
        (partial(nn.MultiheadAttention, 8, 2), [torch.zeros(5, 3, 8)] * 3, [torch.zeros(3, 5, 8)] * 3),
        (partial(nn.TransformerEncoderLayer, 8, 2, 16), (torch.zeros(5, 3, 8),), (torch.zeros(3, 5, 8),)),
    ],
)
def test_torchs_own_modules_of_sequences_say_where_their_batch_is(build, given, same):
    """By default it comes second: the whole sequence counts."""
    macs = profile(build(), given).macs
    assert macs == profile(build(batch_first=True), same).macs > 0
    if isinstance(build(), nn.RNNBase):
        assert macs == profile(build(), given[0][:, 0]).macs  # a sequence without a batch


@pytest.mark.parametrize("given", [None, 224, {"x": torch.zeros(1, 3, 8, 8)}])
def test_what_is_no_shape_is_told_in_a_line(given):
    with pytest.raises(ValueError, match=r"The image's shape is .*; it must be \(channels, height, width\)") as told:
        profile(conv(), given)
    assert len(str(told.value)) < 300


def test_what_torch_cannot_follow_is_told():
    class Branching(nn.Module):
        def forward(self, x):
            return torch.cond(x.sum() > 5, lambda x: x + 1, lambda x: x - 1, (x,))

    with pytest.raises(CannotRun, match="calls an operation that torch cannot follow without running it"):
        profile(Branching(), (3, 8, 8))


# --- what a forward keeps ---------------------------------------------------------------------------------------------


class Remembering(nn.Module):
    """Keeps positions for the next image: as an attribute, in a dictionary, as a buffer; and counts."""

    def __init__(self, needs_numbers=False):
        super().__init__()
        self.conv, self.positions, self.by_size, self.images, self.sizes = conv(), None, {}, 0, []
        self.needs_numbers = needs_numbers

    def forward(self, image):
        y, self.images = self.conv(image), self.images + 1
        self.sizes.append(y.shape[-1])
        if self.positions is None:
            self.positions = torch.linspace(0, 1, y.shape[-1], device=y.device)
            self.by_size[y.shape[-1]] = self.positions * 2
            self.register_buffer("mask", torch.ones(y.shape[-1], device=y.device), persistent=True)
        if self.needs_numbers and y.sum() > 1e9:
            return y
        return (y + self.positions + self.by_size[y.shape[-1]]) * self.mask


@pytest.mark.parametrize("given", [(3, 8, 8), torch.rand(1, 3, 8, 8)], ids=["shape", "image"])
@pytest.mark.parametrize("needs_numbers", [False, True])
@pytest.mark.parametrize("look", [profile, trace, draw])
def test_what_a_forward_keeps_is_not_kept(look, needs_numbers, given):
    net = Remembering(needs_numbers)
    before = {name: copy.copy(value) for name, value in vars(net).items()}
    if needs_numbers and not isinstance(given, torch.Tensor):
        with pytest.raises(ValueError, match="needs the numbers"):
            look(net, given)
    else:
        look(net, given)
    assert {name: value for name, value in vars(net).items() if name != "_modules"} == {
        name: value for name, value in before.items() if name != "_modules"
    }
    image = torch.rand(2, 3, 8, 8)
    assert net(image).device.type == "cpu" and net.images == 1 and "mask" in net.state_dict()


def test_a_lazy_layer_without_weights_stays_lazy():
    net = nn.Sequential(conv(), nn.LazyBatchNorm2d(affine=False, track_running_stats=False))
    profile(net, (3, 8, 8))
    assert type(net[1]) is nn.LazyBatchNorm2d and net(torch.rand(2, 3, 8, 8)).shape == (2, 3, 8, 8)


def test_a_batch_without_images_is_named():
    with pytest.raises(ValueError, match=r"There is no image in a tensor of shape \(0, 3, 8, 8\)"):
        profile(conv(), torch.rand(0, 3, 8, 8))


# --- kinds of numbers -------------------------------------------------------------------------------------------------


class HalfAtTheEnd(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.scale, self.dense = nn.Conv2d(3, 4, 3), nn.Parameter(torch.ones(4)), nn.Linear(4, 2).half()

    def forward(self, image):
        return self.dense((self.conv(image).mean((2, 3)) * self.scale).half())


def test_an_image_is_of_the_first_weights_kind():
    assert profile(HalfAtTheEnd(), (3, 8, 8)).macs == 6 * 6 * 4 * 27 + 8


@pytest.mark.parametrize(
    "net",
    [nn.Sequential(conv(), conv().double()), nn.Conv2d(3, 4, 3, dtype=torch.complex64)],
    ids=["double behind single", "complex"],
)
def test_what_torch_refuses_is_not_counted(net):
    with pytest.raises(ValueError, match=r"cannot take an image of 3 x 8 x 8: .*(same|type)"):
        profile(net, (3, 8, 8))


# --- depth ------------------------------------------------------------------------------------------------------------


class Joined(nn.Module):
    """One convolution, whose filters stand in two tensors."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Parameter(torch.rand(2, 3, 3, 3)) for _ in range(2))

    def forward(self, image):
        return nn.functional.conv2d(image, torch.cat([self.first, self.second]))


def pruned():
    return prune.random_unstructured(nn.Conv2d(3, 4, 3, bias=False), "weight", 0.5)


@pytest.mark.parametrize(
    "build",
    [
        lambda: nn.Conv2d(3, 4, 3, bias=False),
        lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3, bias=False)),
        lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)),
        pruned,
        lambda: Standardised(3, 4, 3, bias=False),
        Joined,
    ],
)
def test_a_computed_weight_is_a_layers_weight_and_no_layer(build):
    assert profile(nn.Sequential(build(), nn.ReLU(), nn.Conv2d(4, 4, 1)), (3, 8, 8)).depth == 2


# --- what cannot be handed in -----------------------------------------------------------------------------------------


class ByName(nn.Module):
    def forward(self, image, *, mask):
        return image * mask


def test_an_input_that_has_to_be_named_is_told():
    with pytest.raises(ValueError, match=r"ByName takes mask by name alone.* wrap it in"):
        profile(ByName(), (3, 8, 8))


@pytest.mark.parametrize(
    "given", [[{"image": torch.rand(2, 3, 8, 8)}], [(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8))]]
)
def test_dictionaries_and_tuples_in_each_other_are_refused_in_few_words(given):
    with pytest.raises(ValueError, match="cannot be handed in: wrap the module") as refused:
        profile(conv(), given)
    assert len(str(refused.value)) < 500
