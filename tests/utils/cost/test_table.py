"""The cost of any module: against torch's own counter, against torchinfo, and against arithmetic by hand."""

import pytest
import torch
import torchinfo
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from networks.googlenet import InceptionModule, NaiveInceptionModule, Widths, local_response_norm
from utils.cost.table import profile, short
from utils.cost.trace import trace

MODULE_3A = Widths(pointwise=64, three_reduce=96, three=128, five_reduce=16, five=32, pool=32)


class Twice(nn.Module):
    """One convolution used at two places."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(functional.relu(self.conv(x))) + x


class Functional(nn.Module):
    """Weights without a layer: used through functions, in the root's own forward."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(6, 3, 3, 3))
        self.matrix = nn.Parameter(torch.zeros(6, 5))
        self.layer = nn.Conv2d(6, 6, 1)

    def forward(self, x):
        grid = self.layer(functional.conv2d(x, self.kernel, stride=2))
        return grid.mean(dim=(2, 3)) @ self.matrix


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        return self.attend(tokens, tokens, tokens)[0]


class Head(nn.Module):
    """A network with a part that its forward leaves out."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.aux = nn.Linear(7, 5)

    def forward(self, x):
        return self.body(x)


class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(5, 4, 3)

    def forward(self, x):
        return self.second(self.first(x))


ZOO = {
    "inception 3a": (lambda: InceptionModule(192, MODULE_3A), (192, 28, 28)),
    "naive": (lambda: NaiveInceptionModule(192, pointwise=64, three=128, five=32), (192, 28, 28)),
    "groups": (lambda: nn.Conv2d(8, 12, 3, groups=4, bias=False), (8, 9, 9)),
    "depthwise": (lambda: nn.Conv2d(8, 16, 3, groups=8, padding=1), (8, 9, 7)),
    "dilation": (lambda: nn.Conv2d(3, 6, 3, dilation=3, stride=2), (3, 20, 21)),
    "asymmetric": (lambda: nn.Conv2d(3, 6, (1, 7), padding=(0, 3)), (3, 20, 21)),
    "transposed": (lambda: nn.ConvTranspose2d(6, 4, 4, stride=2, groups=2), (6, 5, 5)),
    "twice": (Twice, (4, 8, 8)),
    "functional": (Functional, (3, 9, 9)),
    "dense": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 10), nn.ReLU(), nn.Linear(10, 3, bias=False)),
        (3, 4, 4),
    ),
    "attention": (Attention, (8, 3, 3)),
    "nested": (
        lambda: nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(Twice())), nn.BatchNorm2d(4)),
        (3, 8, 8),
    ),
}


@pytest.mark.parametrize("name", ZOO)
def test_counts_agree_with_torch(name):
    build, shape = ZOO[name]
    module = build()  # in training mode: in evaluation torch fuses attention into one operation that it does not count
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, *shape))
    table = profile(module, shape)
    assert 2 * table.macs == counter.get_total_flops() > 0
    assert table.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert sum(row.parameters for row in table.rows) == table.parameters and table.unused == ()


@pytest.mark.parametrize("name", ["inception 3a", "naive", "groups", "asymmetric", "dense"])
def test_parameters_agree_with_torchinfo_layer_by_layer(name):
    build, shape = ZOO[name]
    module = build()
    summary = torchinfo.summary(module, (1, *shape), verbose=0)
    expected = [layer.num_params for layer in summary.summary_list if layer.is_leaf_layer and layer.num_params]
    assert [row.parameters for row in profile(module, shape).rows if row.parameters] == expected


def test_module_3a_by_hand():
    table = profile(InceptionModule(192, MODULE_3A), (192, 28, 28))
    assert table.parameters == 163_696  # 163,328 weights and 368 biases
    assert table.macs == 163_328 * 28 * 28
    assert table.activations == (64 + 96 + 128 + 16 + 32 + 32) * 28 * 28
    assert table.rows[-1].shape == (256, 28, 28) and table.depth == 2
    branches = table.by_branch()
    assert list(branches) == ["pointwise", "three", "five", "pool"]
    assert branches["five"].parameters == 192 * 16 + 16 + 16 * 32 * 25 + 32
    assert sum(branch.macs for branch in branches.values()) == table.macs


def test_a_module_used_twice_costs_twice_and_weighs_once():
    rows = [row for row in profile(Twice(), (4, 8, 8)).rows if row.kind == "conv"]
    assert [row.macs for row in rows] == [4 * 4 * 9 * 64] * 2
    assert [row.parameters for row in rows] == [4 * 4 * 9 + 4, 0]


def test_a_part_that_does_not_run_is_named():
    table = profile(Head(), (3, 5, 5))
    assert table.unused == ("aux.weight", "aux.bias")
    assert table.parameters == 3 * 4 * 9 + 4 + 7 * 5 + 5 and sum(row.parameters for row in table.rows) == 112


def test_receptive_fields_by_hand():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 7, stride=2, padding=3),  # 7, step 2
        nn.MaxPool2d(3, stride=2, padding=1),  # 7 + 2 * 2 = 11, step 4
        nn.Conv2d(4, 4, (1, 3), padding=(0, 1)),  # 11 x (11 + 2 * 4)
        nn.Conv2d(4, 4, 3, dilation=2, padding=2),  # + 4 * 4
        nn.LocalResponseNorm(5),
        nn.AdaptiveAvgPool2d(1),
    )
    fields = [row.receptive_field for row in profile(net, (3, 64, 64)).rows]
    assert fields == [(7, 7), (11, 11), (11, 19), (27, 35), (27, 35), None]
    assert profile(InceptionModule(192, MODULE_3A), (192, 28, 28)).receptive_field == (5, 5)


class Normalised(nn.Module):
    """A normalisation of one's own, of several operations."""

    def forward(self, x):
        return (x - x.mean(dim=(2, 3), keepdim=True)) / (x.var(dim=(2, 3), keepdim=True) + 1e-3).sqrt()


class Renamed(nn.BatchNorm2d):
    """Torch's, under another name."""


class Bent(nn.ReLU):
    """A torch activation that computes another thing."""

    def forward(self, x):
        return x * (x > 0)


def test_a_layer_is_called_what_it_is_and_not_what_its_last_operation_is():
    class Doubled(nn.Module):
        def forward(self, x):
            return 2 * x

    layers = (local_response_norm(), nn.LocalResponseNorm(5), Renamed(3), Bent(), Normalised(), Doubled())
    found = [(row.kind, row.label) for row in profile(nn.Sequential(*layers), (3, 8, 8)).rows]
    assert found == [
        ("norm", "LRN"),
        ("norm", "LRN"),
        ("norm", "BN"),
        ("activation", "Bent"),
        ("other", "Normalised"),
        ("scale", "× 2"),
    ]


def test_a_pool_is_global_where_one_cell_is_left():
    pools = (nn.AdaptiveAvgPool2d(4), nn.AdaptiveMaxPool2d((2, 1)), nn.AdaptiveAvgPool2d(1))
    labels = [row.label for row in profile(nn.Sequential(*pools), (3, 8, 8)).rows]
    assert labels == ["avg pool to 4×4", "max pool to 2×1", "avg pool, global"]


def test_works_on_meta_and_allocates_nothing():
    with torch.device("meta"):
        module = InceptionModule(192, MODULE_3A)
    assert profile(module, (192, 28, 28)).macs == 128_049_152
    assert all(parameter.is_meta for parameter in module.parameters())


def test_leaves_the_module_as_it_was():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    module[2].eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    profile(module, (3, 8, 8))
    assert module.training and module[1].training and not module[2].training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in module.modules())


def test_a_failing_forward_leaves_no_hooks_and_says_what_was_given():
    module = Failing().train()
    with pytest.raises(ValueError, match="Failing cannot take an image of 3 x 8 x 8"):
        profile(module, (3, 8, 8))
    assert not any(child._forward_hooks or child._forward_pre_hooks for child in module.modules())
    assert module.training and not any(parameter.is_meta for parameter in module.parameters())


@pytest.mark.parametrize("shape", [(3, 8), (3, 8, 0), (1, 3, 8, 8), (3, 8.0, 8), "abc"])
def test_a_wrong_shape_is_explained(shape):
    with pytest.raises(ValueError, match="must be \\(channels, height, width\\)"):
        profile(nn.Conv2d(3, 4, 3), shape)


def test_not_a_module():
    with pytest.raises(TypeError, match="torch module is needed, and this is function"):
        profile(lambda x: x, (3, 8, 8))


def test_an_exported_program_is_told_which_of_it_is_a_module():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    batch = {0: torch.export.Dim("batch")}
    exported = torch.export.export(net, (torch.randn(2, 3, 8, 8),), dynamic_shapes=(batch,))
    with pytest.raises(TypeError, match=r"this is ExportedProgram.*module\(\) gives one\.$"):
        profile(exported, (3, 8, 8))
    assert profile(exported.module(), (3, 8, 8)).macs == profile(net, (3, 8, 8)).macs > 0


def test_depth_is_the_longest_path():
    assert trace(nn.Sequential(Twice(), nn.Flatten(), nn.Linear(256, 2)), (4, 8, 8)).depth() == 3


def test_forms_of_the_table():
    table = profile(InceptionModule(192, MODULE_3A), (192, 28, 28))
    assert "163,696 parameters" in repr(table) and "three.1.conv" in repr(table)
    html = table._repr_html_()
    assert "<caption" in html and "86,704,128" in html and "5×5" in html


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (163_696, "164 k"), (999_700, "1.00 M"), (5_713_216_096, "5.71 G")],
)
def test_short_numbers(number, text):
    assert short(number) == text


def test_a_transposed_convolution_says_by_how_much_it_enlarges():
    layers = (
        nn.ConvTranspose2d(3, 4, 3, stride=2),
        nn.ConvTranspose2d(4, 4, (2, 3), stride=(1, 2)),
        nn.ConvTranspose2d(4, 4, 3),
    )
    labels = [row.label for row in profile(nn.Sequential(*layers), (3, 8, 8)).rows]
    assert labels == ["3×3 transposed conv ×2", "2×3 transposed conv ×1,2", "3×3 transposed conv"]
