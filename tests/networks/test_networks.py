"""Every network and variant against its stage table, and what all networks promise."""

import dataclasses
import functools
import inspect

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course.syllabus import LESSONS
from networks.base import PAPER, Network, Options
from networks.catalog import NETWORKS, RELATIVES, create, entry, names, relatives
from networks.layers import HalvingMaxPool, Outputs
from networks.xception import Xception
from tests.networks import stage_tables
from tests.networks.stage_tables import REFERENCES, Reference
from utils.cost.table import profile
from utils.cost.trace import INPUT, Trace, trace

EVERY = (*REFERENCES, *stage_tables.RELATIVES)
ALL = pytest.mark.parametrize("reference", EVERY, ids=[reference.id for reference in EVERY])
CATALOG = (*NETWORKS, *RELATIVES)
EACH_ENTRY = pytest.mark.parametrize("each", CATALOG, ids=[*names(), *relatives()])
# Every network and variant, without the released ones that are the paper's.
VARIANTS = [(each.name, variant) for each in CATALOG for variant in each.variants[: 1 + each.released_differs]]
EACH = pytest.mark.parametrize(("name", "variant"), VARIANTS)


def build(reference: Reference, **options) -> Network:
    with torch.device("meta"):
        return create(reference.name, variant=reference.variant, **options).eval()


def image(side: int, *, channels: int = 3, batch: int = 1) -> torch.Tensor:
    return torch.empty(batch, channels, side, side, device="meta")


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def run_with_macs(net: Network, images: torch.Tensor, **options) -> tuple[FlopCounterMode, dict[str, tuple[int, ...]]]:
    """Torch's own counter of operations (two for one multiply-add), and each module's output shape by name."""
    shapes: dict[str, tuple[int, ...]] = {}
    handles = []
    for name, module in net.named_modules():

        def note(_module, _inputs, output, name=name):
            if isinstance(output, torch.Tensor):
                shapes[name] = tuple(output.shape[1:])

        handles.append(module.register_forward_hook(note))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(images, **options)
    for handle in handles:
        handle.remove()
    return counter, shapes


@functools.cache
def measured(reference: Reference):
    """A network without auxiliary heads, with what torch's counter says of it, built and run once for all tests."""
    net = build(reference)
    return net, *run_with_macs(net, image(reference.side)), profile(net, (3, reference.side, reference.side))


@ALL
def test_stages_are_the_references(reference):
    net, counter, shapes, _ = measured(reference)
    flops = {name: sum(by_kind.values()) for name, by_kind in counter.get_flop_counts().items()}
    root = type(net).__name__
    for stage in reference.stages:
        modules = [net.get_submodule(name) for name in stage.names]
        shape = shapes[stage.names[-1]]
        assert (shape if len(shape) == 3 else (*shape, 1, 1)) == stage.out, stage.modules  # a dense layer has one place
        if stage.parameters is not None:
            assert count(*modules) == stage.parameters, stage.modules
        if stage.macs is not None:
            macs = sum(flops.get(f"{root}.{name}", 0) for name in stage.names) / 2
            assert round(macs / 1e6, 1) == stage.macs, stage.modules


@ALL
def test_no_stage_is_missing_from_the_table(reference):
    net = measured(reference)[0]
    rows = {name.split(".")[0] for stage in reference.stages for name in stage.names}
    without_rows = {"norm1", "norm2", "global_pool", "dropout", "classifier"}
    assert {name for name, _ in net.named_children()} - without_rows == rows


@ALL
def test_totals(reference):
    net, counter, _, table = measured(reference)
    totals = count(net), counter.get_total_flops() // 2
    assert totals == reference.derived()
    if reference.printed:
        assert totals == reference.printed
    assert (table.parameters, table.macs) == totals


@pytest.mark.parametrize("reference", [r for r in REFERENCES if r.aux], ids=[r.id for r in REFERENCES if r.aux])
def test_totals_of_auxiliary_heads(reference):
    parameters, macs = reference.derived()
    net = build(reference, aux_heads=True)
    counter, _ = run_with_macs(net, image(reference.side), with_aux=True)
    added = count(net) - parameters, counter.get_total_flops() // 2 - macs
    assert added == reference.derived_aux()
    if reference.printed_aux:
        assert added == reference.printed_aux
    assert net.aux_taps() == tuple(head.after for head in reference.aux)


def test_conv2_of_googlenet_is_one_row_of_the_paper():
    net = measured(REFERENCES[0])[0]
    assert count(net.conv2_reduce, net.conv2) == 114_944


def longest_path(record: Trace, *, pools: bool = False, once: bool = False) -> int:
    """Layers on the longest path of the live graph: convolutions and dense ones, and pools where asked."""
    longest = {INPUT: 0}
    for operation in record.operations:
        module = record.calls[operation.call].module
        depthwise = isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
        layer = operation.has_weights and operation.macs > 0 and not (once and depthwise)
        pool = pools and isinstance(module, nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d)
        before = max((longest[source] for source in operation.reads), default=0)
        longest[operation.index] = before + (layer or pool)
    return longest[record.operations[-1].index]


@ALL
def test_depth_of_the_live_network(reference):
    net, _, _, table = measured(reference)
    record = trace(net, (3, reference.side, reference.side))
    twice, once = longest_path(record), longest_path(record, once=True)
    assert twice == reference.derived_depth(once=False) == table.depth
    assert once == reference.derived_depth(once=True)
    assert reference.depth in (None, twice)
    assert reference.depth_once in (None, once)


@ALL
def test_no_childs_name_hides_behind_a_method_of_torch(reference):
    net = measured(reference)[0]
    hidden = [
        (type(module).__name__, name)
        for module in net.modules()
        for name, child in module.named_children()
        if getattr(module, name) is not child
    ]
    assert hidden == []


def test_googlenet_is_27_layers_deep_with_pooling():
    assert longest_path(trace(measured(REFERENCES[0])[0], (3, 224, 224)), pools=True) == 27


def test_the_references_cover_the_catalog():
    assert [(reference.name, reference.variant) for reference in EVERY] == VARIANTS


def test_the_family_is_without_its_relatives():
    """What goes through all networks of the course goes through `names()`: a relative is only built where it is asked for."""
    assert names() == tuple(each.name for each in NETWORKS)
    assert relatives() == ("alexnet", "network_in_network", "vgg_16", "resnet_50", "mobilenet_v1")
    assert [each.year for each in RELATIVES] == sorted(each.year for each in RELATIVES)
    assert not set(names()) & set(relatives())


@EACH_ENTRY
def test_the_catalog_says_whether_a_released_network_differs(each):
    paper, released = (settings(create_on_meta(each.name, variant)) for variant in each.variants)
    assert (paper != released) == each.released_differs


def settings(net: Network) -> list:
    """Everything that its modules were built with: kernels, paddings, epsilons and so on."""
    return [
        (name, type(module), {key: value for key, value in vars(module).items() if key[0] != "_" and key != "variant"})
        for name, module in net.named_modules()
    ]


def test_full_width_is_the_papers_width_and_half_is_about_a_quarter_of_its_parameters():
    whole, half = (count(build(REFERENCES[4], width=width)) for width in (1.0, 0.5))
    assert 0.24 < half / whole < 0.28


@ALL
def test_every_module_runs_and_every_parameter_receives_a_gradient_at_full_size(reference):
    with torch.device("meta"):
        net = create(reference.name, variant=reference.variant, aux_heads=bool(reference.aux)).train()
    unused = {name for name, module in net.named_modules() if name}
    handles = [
        module.register_forward_hook(lambda _module, _inputs, _output, name=name: unused.discard(name))
        for name, module in net.named_modules()
    ]
    logits, aux = net(image(reference.side, batch=2), with_aux=True)
    for handle in handles:
        handle.remove()
    assert not unused
    sum(part.sum() for part in (logits, *aux)).backward()
    assert [name for name, parameter in net.named_parameters() if parameter.grad is None] == []


@EACH
def test_mini_networks_learn_with_every_parameter(name, variant):
    torch.manual_seed(0)
    net = create(name, variant=variant, num_classes=10, size="mini", aux_heads=bool(entry(name).aux_heads))
    images = torch.randn(4, 3, 32, 32)
    logits, aux = net(images, with_aux=True)
    assert len(aux) == entry(name).aux_heads
    loss = sum(nn.functional.cross_entropy(part, torch.arange(4)) for part in (logits, *aux))
    loss.backward()
    dead = [key for key, parameter in net.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert dead == []
    assert all(torch.isfinite(parameter.grad).all() for parameter in net.parameters())


@EACH
def test_mini_networks_are_small_and_keep_the_grid(name, variant):
    with torch.device("meta"):
        net = create(name, variant=variant, num_classes=10, size="mini").eval()
    assert count(net) < (600_000 if hasattr(net, "dense1") else 300_000)
    full = create_on_meta(name, variant)
    assert type(net) is type(full)
    blocks = {type(module) for module in net.modules()} - {nn.Identity, HalvingMaxPool}  # left out, or padded
    assert blocks <= {type(module) for module in full.modules()}
    _, shapes = run_with_macs(net, image(32))
    grids = [shape[1:] for key, shape in shapes.items() if "." not in key and len(shape) == 3 and key != "global_pool"]
    assert grids[-1] == (4, 4)
    assert (16, 16) in grids


def create_on_meta(name: str, variant: str, **options) -> Network:
    with torch.device("meta"):
        return create(name, variant=variant, **options).eval()


@EACH
def test_logits_in_training_and_evaluation_alike(name, variant):
    net = create_on_meta(name, variant, num_classes=7, in_channels=1, size="mini", width=0.5)
    images = image(32, channels=1, batch=2)
    for mode in (True, False):
        net.train(mode)
        logits = net(images)
        assert isinstance(logits, torch.Tensor)
        assert logits.shape == (2, 7)
        outputs = net(images, with_aux=True)
        assert isinstance(outputs, Outputs)
        assert outputs.logits.shape == (2, 7)
        assert outputs.aux == ()


@pytest.mark.parametrize("name", [each.name for each in NETWORKS if each.aux_heads])
def test_auxiliary_logits_only_where_asked_for(name):
    net = create_on_meta(name, "paper", num_classes=5, size="mini", aux_heads=True)
    images = image(32, batch=2)
    assert isinstance(net(images), torch.Tensor)
    for mode in (True, False):
        net.train(mode)
        outputs = net(images, with_aux=True)
        assert [part.shape for part in outputs.aux] == [(2, 5)] * entry(name).aux_heads


@EACH
@pytest.mark.parametrize("size", ["full", "mini"])
def test_the_smallest_image_is_the_smallest_that_runs(name, variant, size):
    heads = bool(entry(name).aux_heads)
    net = create_on_meta(name, variant, size=size, aux_heads=heads)
    for with_aux, smallest in ((False, net.minimum_size), (True, net.minimum_size_with_aux)):
        assert net(image(smallest), with_aux=with_aux) is not None
        if smallest == 1:
            continue
        with pytest.raises(ValueError, match=f"at least {smallest} x {smallest}"):
            net(image(smallest - 1), with_aux=with_aux)
        net.check = lambda *_, **__: None
        with pytest.raises(RuntimeError):
            net(image(smallest - 1), with_aux=with_aux)
        del net.check


@EACH
def test_images_of_other_sizes_fit(name, variant):
    full = create_on_meta(name, variant, num_classes=3)
    assert full(torch.empty(1, 3, 200, 231, device="meta")).shape == (1, 3)
    mini = create_on_meta(name, variant, num_classes=3, size="mini")
    assert mini(torch.empty(1, 3, 33, 47, device="meta")).shape == (1, 3)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.empty(3, 224, 224), r"3 dimensions.*images\[None\]"),
        (torch.empty(224, 224), "2 dimensions"),
        (torch.empty(1, 1, 224, 224), "1 channels.*built for 3.*in_channels=1"),
        (torch.empty(1, 3, 224, 224, dtype=torch.uint8), "uint8.*floating-point"),
        (
            torch.empty(1, 3, 224, 224, dtype=torch.float64),
            r"holds torch.float64, and the weights of this network torch.float32. .* images.to\(torch.float32\), or",
        ),
        (torch.empty(1, 3, 30, 224), r"30 x 224.*at least 31 x 31.*mini"),
        (torch.empty(1, 3, 30, 30, device="meta"), "at least 31 x 31"),
        (torch.empty(1, 3, 224, 224).numpy(), "ndarray"),
    ],
)
def test_images_that_do_not_fit(images, words):
    net = create_on_meta("googlenet", "paper")
    with pytest.raises(ValueError, match=words):
        net(images)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "inception_v5"}, "no network 'inception_v5'.*googlenet.*xception_71; and their relatives alexnet"),
        ({"variant": "public"}, "'public'.*'paper' or 'released'"),
        ({"size": "tiny"}, "'tiny'.*'full' or 'mini'"),
        ({"num_classes": 0}, "num_classes is 0.*1 or more"),
        ({"num_classes": 2.5}, "num_classes is 2.5"),
        ({"in_channels": -1}, "in_channels is -1"),
        ({"width": 0}, "width is 0.*above zero"),
        ({"width": float("nan")}, "width is nan"),
        ({"width": "wide"}, "width is 'wide'"),
        ({"name": "xception", "aux_heads": True}, "Xception has no auxiliary heads"),
    ],
)
def test_arguments_that_do_not_exist(options, words):
    with pytest.raises(ValueError, match=words):
        create(**{"name": "googlenet", **options})


def test_options_are_those_of_create_with_the_same_defaults():
    keywords = inspect.signature(create).parameters
    assert {each.name: each.default for each in dataclasses.fields(Options)} == {
        name: keywords[name].default for name in keywords if name not in ("name", "pretrained")
    }
    assert Options() == PAPER


def test_options_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().size = "mini"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "tiny"}, "size is 'tiny'; it can be 'full' or 'mini'"),
        ({"width": 0}, "width is 0; it must be a number above zero, such as 0.5, 1.0 or 2."),
        ({"num_classes": 0}, "num_classes is 0; it must be a whole number, 1 or more."),
        ({"in_channels": True}, "in_channels is True; it must be a whole number, 1 or more."),
    ],
)
def test_options_that_no_network_has(options, words):
    with pytest.raises(ValueError, match=words):
        Options(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(variant="v5"), "variant is 'v5'; for Xception it can be 'paper' or 'released'."),
        (Options(aux_heads=True), "Xception has no auxiliary heads; leave aux_heads at False."),
    ],
)
def test_options_that_this_network_does_not_have(options, words):
    with pytest.raises(ValueError, match=words):
        Xception(options)


@EACH_ENTRY
def test_a_class_and_create_build_the_same_network(each):
    options = Options(variant="released", num_classes=3, in_channels=1, size="mini", width=0.5)
    with torch.device("meta"):
        built, created = each.network(options), create(each.name, **dataclasses.asdict(options))
    assert repr(built) == repr(created)


@EACH_ENTRY
def test_catalog_records_are_whole(each):
    assert each.network.__module__ == each.module
    assert each.module.startswith("networks.") and each.lesson in {lesson.slug for lesson in LESSONS}
    assert each.variants == ("paper", "released")
    known = (*names(), *relatives()) if each in NETWORKS else relatives()
    assert all(parent in known[: known.index(each.name)] for parent in each.grew_from)
    assert bool(each.arxiv) != bool(each.address)
    assert (each.top1_error is None and each.top5_error is None) == (each.error_source == "")
    assert {reference.side for reference in EVERY if reference.name == each.name} == {each.input_size}


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [("googlenet", {"aux_heads": "no"}, "aux_heads is 'no'; it must be True or False"), (["a"], {}, "no network")],
)
def test_what_is_no_name_and_no_switch_is_named(name, options, words):
    with pytest.raises(ValueError, match=words):
        create(name, **options)
