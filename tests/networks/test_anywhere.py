"""Every network in every place where an engineer may put it: networks × ways, each held to what the network itself gives."""

import copy
import functools
import importlib
import pickle
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, fx, nn
from torch.export import Dim
from torch.func import functional_call, stack_module_state
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint

from networks.base import Network
from networks.catalog import NETWORKS, RELATIVES, create, entry, names, relatives
from networks.googlenet import LocalResponseNorm
from networks.layers import Outputs
from tests.networks import stage_tables
from utils.data.dataset import Data
from utils.data.sets import load
from utils.train.loop import Recipe, fit

REFERENCES = (*stage_tables.REFERENCES, *stage_tables.RELATIVES)
VARIANTS = [
    (each.name, variant) for each in (*NETWORKS, *RELATIVES) for variant in each.variants[: 1 + each.released_differs]
]
EACH = pytest.mark.parametrize(("name", "variant"), VARIANTS)
HEADS = [name for name, variant in VARIANTS if variant == "paper" and entry(name).aux_heads]


@functools.cache
def original(name: str, variant: str = "paper", *, aux_heads: bool = False) -> Network:
    """A mini network in evaluation mode whose normalisations have statistics of some batches. No test changes it."""
    torch.manual_seed(0)
    net = create(name, variant=variant, num_classes=10, size="mini", aux_heads=aux_heads)
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(8, 3, 32, 32), with_aux=True)
        if hasattr(net, "classifier"):
            net.classifier.weight.mul_(100)  # logits of about 1
    return net.eval()


def pictures(count: int = 2, side: int = 32) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


# --- Ways: what becomes of a network, as a function from images to logits -----------------------------------------------


class Features(nn.Module):
    """A network that gives what its stages put out: how `features` is traced and exported."""

    def __init__(self, net: Network):
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.net.features(images)


def from_last_stage(net: Network, stages: Callable[[Tensor], dict[str, Tensor]]) -> Callable[[Tensor], Tensor]:
    """Logits from the features' last one."""
    children = [child for name, child in net.named_children() if not name.startswith("aux")]
    behind = children[children.index(net.global_pool) + 1 :]

    def logits(images: Tensor) -> Tensor:
        return nn.Sequential(*behind)(net.global_pool(list(stages(images).values())[-1]).flatten(1))

    return logits


def scripted(net: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch advises against TorchScript
        return torch.jit.script(net)


def traced(net: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("error", torch.jit.TracerWarning)  # a value that the trace would keep for good
        return torch.jit.trace(net, pictures(3))


def exported(net: nn.Module, *, strict: bool = False) -> nn.Module:
    batch = {"images": {0: Dim("batch")}}
    return torch.export.export(net, (pictures(3),), dynamic_shapes=batch, strict=strict).module()


def compiled(net: nn.Module, backend: str) -> Callable[[Tensor], Tensor]:
    torch.compiler.reset()
    return torch.compile(net, backend=backend, fullgraph=True)


def in_machine_code(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """`torch.compile` as it is called; it has a C++ compiler build what runs."""
    if not any(map(shutil.which, ("g++", "clang++", "cl"))):
        pytest.skip("no C++ compiler")
    return compiled(net, backend="inductor")


def in_onnx(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """ONNX, with a dynamic batch, run by onnxruntime."""
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    program = torch.onnx.export(
        net, (pictures(3),), dynamo=True, dynamic_shapes={"images": {0: Dim("batch")}}, verbose=False
    )
    session = runtime.InferenceSession(program.model_proto.SerializeToString())
    (name,) = (each.name for each in session.get_inputs())
    return lambda images: torch.from_numpy(session.run(None, {name: images.numpy()})[0])


def one_by_one(net: nn.Module) -> Callable[[Tensor], Tensor]:
    return torch.vmap(lambda image: net(image[None])[0])


def as_ensemble(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """Two networks at once, the second the same again."""
    parameters, buffers = stack_module_state([net, net])
    both = torch.vmap(lambda *state, images: functional_call(net, state, images), in_dims=(0, 0))
    return lambda images: both(parameters, buffers, images=images)[1]


def with_other_weights(net: nn.Module) -> Callable[[Tensor], Tensor]:
    """`functional_call`: a network on the device meta, with the weights handed in."""
    empty = copy.deepcopy(net).to("meta")
    return lambda images: functional_call(empty, net.state_dict(), images)


def fused(net: nn.Module) -> nn.Module:
    """Every normalisation folded into its convolution by torch's own tool, in the traced graph."""
    graph, found = fx.symbolic_trace(net), 0
    for node in graph.graph.find_nodes(op="call_module"):
        before, norm = node.args[0], graph.get_submodule(node.target)
        if isinstance(norm, nn.BatchNorm2d):
            graph.set_submodule(before.target, fuse_conv_bn_eval(graph.get_submodule(before.target), norm))
            graph.set_submodule(node.target, nn.Identity())
            found += 1
    assert found == sum(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    return graph


def converted(net: nn.Module, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    net = copy.deepcopy(net).to(dtype)

    def logits(images: Tensor) -> Tensor:
        result = net(images.to(dtype))
        assert result.dtype == dtype
        return result

    return logits


def autocast(net: nn.Module) -> Callable[[Tensor], Tensor]:
    def logits(images: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return net(images)

    return logits


def channels_last(net: nn.Module) -> Callable[[Tensor], Tensor]:
    net = copy.deepcopy(net).to(memory_format=torch.channels_last)
    return lambda images: net(images.contiguous(memory_format=torch.channels_last))


@dataclass(frozen=True)
class Way:
    """What is made of a network, and how far its logits may then be from the network's, as a part of the largest.

    What takes seconds is tried on `networks` only: on a few of them with every change (the `quick` one is not even marked as slow),
    and on the others once a week.
    """

    make: Callable[[Network], Callable[[Tensor], Tensor]]
    tolerance: float = 1e-5
    networks: tuple[str, ...] = ()  # all of them, both variants, where none is named
    quick: str = ""

    def cases(self, key: str) -> list:
        """Its rows of the table."""
        if not self.networks:
            return [pytest.param(*case, self, id=f"{'-'.join(case)}-{key}") for case in VARIANTS]
        marks = {name: [pytest.mark.slow if name in FEW else pytest.mark.whole] for name in self.networks} | {
            self.quick: []
        }
        return [
            pytest.param(name, "paper", self, id=f"{name}-paper-{key}", marks=marks[name]) for name in self.networks
        ]


FEW = ("googlenet", "xception")  # no normalisation and auxiliary heads; normalised, separable and residual
MOST = (*names(), "alexnet", "network_in_network")  # groups and a fixed grid, and no dense layer: what no other has
WAYS = {
    "itself": Way(lambda net: net, tolerance=0),
    "symbolic_trace": Way(fx.symbolic_trace, tolerance=0),
    "features": Way(lambda net: from_last_stage(net, net.features), tolerance=0),
    "features, traced": Way(lambda net: from_last_stage(net, fx.symbolic_trace(Features(net))), tolerance=0),
    "features, exported": Way(
        lambda net: from_last_stage(net, exported(Features(net))), networks=(*FEW, "inception_v3"), quick="xception"
    ),
    "jit.trace": Way(traced, networks=MOST, quick="googlenet"),
    "jit.script": Way(scripted, networks=MOST, quick="xception"),
    "export": Way(exported, networks=(*names(), *relatives()), quick="googlenet"),
    "export, strict": Way(functools.partial(exported, strict=True), networks=("googlenet",)),
    "compile, eager": Way(functools.partial(compiled, backend="eager"), networks=MOST, quick="googlenet"),
    "compile, aot_eager": Way(functools.partial(compiled, backend="aot_eager"), networks=("xception",)),
    "compile, inductor": Way(in_machine_code, networks=("mobilenet_v1",)),
    "onnx": Way(in_onnx, networks=MOST),
    "vmap": Way(one_by_one),
    "vmap of an ensemble": Way(as_ensemble),
    "functional_call": Way(with_other_weights, tolerance=0),
    "fuse_conv_bn_eval": Way(fused),
    "deepcopy": Way(copy.deepcopy, tolerance=0),
    "pickle": Way(lambda net: pickle.loads(pickle.dumps(net)), tolerance=0),
    "float64": Way(functools.partial(converted, dtype=torch.float64)),
    "bfloat16": Way(functools.partial(converted, dtype=torch.bfloat16), tolerance=0.1),
    "half": Way(functools.partial(converted, dtype=torch.float16), tolerance=0.02),
    "autocast": Way(autocast, tolerance=0.1),
    "channels-last": Way(channels_last),
}


@pytest.mark.parametrize(("name", "variant", "way"), [case for key, way in WAYS.items() for case in way.cases(key)])
def test_logits_are_the_networks(name, variant, way):
    net = original(name, variant)
    run = way.make(net)
    for images in (pictures(2), pictures(5)):
        with torch.no_grad():
            expected, found = net(images), run(images).to(torch.float32)
        assert found.shape == expected.shape
        away = (found - expected).abs().max() / expected.abs().max()
        assert away <= way.tolerance


# --- Training -----------------------------------------------------------------------------------------------------------


def gradients(net: nn.Module, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(net.parameters())))


def loss_of(outputs: Outputs) -> Tensor:
    labels = torch.arange(len(outputs.logits))
    return sum(F.cross_entropy(logits, labels) for logits in (outputs.logits, *outputs.aux))


@EACH
def test_gradients_are_the_same_with_checkpoints_between(name, variant):
    """Gradient checkpointing: what a stage keeps for backward is made anew."""
    net = original(name, variant)
    images = pictures(2)
    stages, x = net.features(images.requires_grad_()), images
    for key in stages:
        x = checkpoint(net.get_submodule(key), x, use_reentrant=False)
    found, expected = (torch.autograd.grad(each.square().mean(), images) for each in (x, list(stages.values())[-1]))
    torch.testing.assert_close(found, expected)


@EACH
def test_gradients_of_each_image_by_itself(name, variant):
    """`functional_call`, `grad` and `vmap`: the gradients of every image's loss, at once, as autograd has them one by one.

    In float64: a sum in another order can turn a ReLU, and gradients with it.
    """
    net = copy.deepcopy(original(name, variant)).double()
    state = {key: parameter.detach() for key, parameter in net.named_parameters()}
    images, labels = pictures(2).double(), torch.tensor([3, 7])

    def loss(state: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(net, state, image[None]), label[None])

    found = torch.vmap(torch.func.grad(loss), in_dims=(None, 0, 0), randomness="error")(state, images, labels)
    for place in range(2):
        logits = net(images[place : place + 1])
        expected = gradients(net, F.cross_entropy(logits, labels[place : place + 1]))
        for key, each in zip(state, expected, strict=True):
            assert (found[key][place] - each).abs().max() <= 1e-9 * each.abs().max(), key


@EACH
@pytest.mark.parametrize("training", [True, False])
def test_channels_last_stays(name, variant, training):
    """No layer lays its grid out anew, on the way to the logits."""
    net = copy.deepcopy(original(name, variant)).to(memory_format=torch.channels_last).train(training)
    laid_out_anew = []

    def look(layer: str, output: Tensor) -> None:
        if output.ndim == 4 and not output.is_contiguous(memory_format=torch.channels_last):
            laid_out_anew.append(layer)

    for key, module in net.named_modules():
        module.register_forward_hook(lambda _module, _inputs, output, key=key: look(key, output))
    net(pictures(4).contiguous(memory_format=torch.channels_last))
    assert laid_out_anew == []


@pytest.mark.parametrize("name", HEADS)
def test_the_graph_with_auxiliary_heads(name):
    net = original(name, aux_heads=True)
    graph = fx.symbolic_trace(net, concrete_args={"with_aux": True})
    found, expected = graph(pictures(), True), net(pictures(), with_aux=True)
    torch.testing.assert_close(tuple(found), tuple(expected), rtol=0, atol=0)
    assert torch.equal(fx.symbolic_trace(net)(pictures()), expected.logits)


@EACH
def test_a_traced_network_trains_as_itself(name, variant):
    results = []
    for change in (lambda net: net, fx.symbolic_trace):
        net = change(copy.deepcopy(original(name, variant))).train()
        torch.manual_seed(0)
        logits = net(pictures(4))
        results.append([logits, *gradients(net, F.cross_entropy(logits, torch.arange(4))), *net.buffers()])
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("name", HEADS)
def test_every_parameter_is_used_in_distributed_training(name, tmp_path):
    """DistributedDataParallel without find_unused_parameters: all parameters get a gradient in each step, or it fails."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        net = copy.deepcopy(original(name, aux_heads=True)).train()
        parallel = nn.parallel.DistributedDataParallel(net)
        for _ in range(2):
            loss_of(parallel(pictures(4), with_aux=True)).backward()
        del parallel  # before its group goes: after that, it was once seen to wait for ever in being taken down
    finally:
        torch.distributed.destroy_process_group()
    assert all(parameter.grad is not None for parameter in net.parameters())


# --- Full size ----------------------------------------------------------------------------------------------------------


@EACH
def test_full_networks_are_traced_without_numbers(name, variant):
    with torch.device("meta"):
        net = create(name, variant=variant).eval()
    side = entry(name).input_size
    images = torch.empty(2, 3, side, side, device="meta")
    graph = fx.symbolic_trace(net)
    assert graph(images).shape == net(images).shape == (2, 1000)
    assert {node.op for node in graph.graph.nodes} <= {
        "placeholder",
        "call_module",
        "call_function",
        "call_method",
        "output",
    }


# --- Features -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", REFERENCES, ids=[reference.id for reference in REFERENCES])
def test_features_are_what_the_stages_put_out(reference):
    with torch.device("meta"):
        net = create(reference.name, variant=reference.variant, aux_heads=bool(reference.aux)).eval()
    found = net.features(torch.empty(2, 3, reference.side, reference.side, device="meta"))
    children = [name for name, _ in net.named_children() if not name.startswith("aux")]
    assert list(found) == children[: children.index("global_pool")]
    for stage in reference.stages:
        if stage.names[-1] in found:
            assert found[stage.names[-1]].shape == (2, *stage.out), stage.modules


@EACH
def test_features_in_training_feed_gradients(name, variant):
    net = copy.deepcopy(original(name, variant)).train()
    features = net.features(pictures(4))
    sum(each.mean() for each in features.values()).backward()
    missing = {key for key, parameter in net.named_parameters() if parameter.grad is None}
    assert missing == {key for key, _ in net.named_parameters() if key.startswith(("dense", "classifier"))}


def test_torchvisions_extractor_takes_the_networks():
    extraction = importable("torchvision.models.feature_extraction")
    net = original("inception_v3")
    found = extraction.create_feature_extractor(net, {"mixed_5c": "first", "mixed_6b": "second"})(pictures())
    stages = net.features(pictures())
    assert torch.equal(found["first"], stages["mixed_5c"]) and torch.equal(found["second"], stages["mixed_6b"])


def importable(module: str):
    """A module that is no requirement of the course, or a skipped test."""
    try:
        return importlib.import_module(module)
    except (ImportError, RuntimeError) as problem:  # torchvision without its operators raises the latter
        pytest.skip(f"{module}: {problem}")


# --- Quantised ----------------------------------------------------------------------------------------------------------


@functools.cache
def reader_of_digits() -> tuple[Network, Data]:
    """A network that has learnt the digits for three epochs."""
    data = load("digits")
    net = create("googlenet", variant="released", size="mini", in_channels=1, num_classes=10)
    recipe = Recipe(epochs=3, batch_size=64, learning_rate=0.003, optimizer="adamw")
    return fit(net, data, recipe, seed=0, show=False).net.eval(), data


def dynamic(net: Network, images: Tensor) -> nn.Module:
    """Dense layers in eight bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.ao.quantization.quantize_dynamic(copy.deepcopy(net), {nn.Linear})


def after_training(net: Network, images: Tensor) -> nn.Module:
    """PT2E: convolutions in eight bits, whose ranges some images give."""
    steps = importable("torchao.quantization.pt2e.quantize_pt2e")
    x86 = importable("torchao.quantization.pt2e.quantizer.x86_inductor_quantizer")
    quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
    graph = torch.export.export(net, (images[:2],), dynamic_shapes={"images": {0: Dim("batch")}}).module()
    prepared = steps.prepare_pt2e(graph, quantizer)
    prepared(images)
    return steps.convert_pt2e(prepared)


@pytest.mark.slow
@pytest.mark.parametrize("quantise", [dynamic, after_training])
def test_a_quantised_network_reads_as_well(quantise):
    net, data = reader_of_digits()
    images, labels = data.normalise(data.test.images), data.test.labels
    with torch.no_grad():
        before, after = net(images), quantise(net, data.normalise(data.train.images[:128]))(images)
    was, now = ((logits.argmax(1) == labels).float().mean().item() for logits in (before, after))
    assert was > 0.7
    assert abs(now - was) < 0.03
    assert 0 < (after - before).abs().mean() < 0.1 * before.abs().mean()


# --- Words --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_aux", [1, None, "yes"])
def test_with_aux_is_true_or_false(with_aux):
    with pytest.raises(ValueError, match=r"with_aux is .*; it must be True or False"):
        original("googlenet")(pictures(), with_aux=with_aux)


def smallest_in_training(net: Network, *, with_aux: bool, sides: range) -> int:
    """The side from which one image trains, found by trying."""
    net.check = lambda *_, **__: None
    try:
        for side in sides:
            try:
                net(torch.randn(1, net.in_channels, side, side), with_aux=with_aux)
            except (ValueError, RuntimeError):  # torch's: "Expected more than 1 value per channel", or too small
                continue
            return side
    finally:
        del net.check
    raise AssertionError("none of these sides")


@EACH
def test_one_image_that_a_normalisation_cannot_train_on_is_told(name, variant):
    heads = bool(entry(name).aux_heads)
    net = copy.deepcopy(original(name, variant, aux_heads=heads)).train()
    for with_aux in (False, True):
        smallest = smallest_in_training(net, with_aux=with_aux, sides=range(1, 60))
        net(torch.randn(1, 3, smallest, smallest), with_aux=with_aux)
        least = net.minimum_size_with_aux if with_aux else net.minimum_size
        if smallest > least:
            words = (
                rf"one image of {least} x {least}.*single value.*two images or more, images of {smallest} x {smallest}"
            )
            with pytest.raises(ValueError, match=words):
                net(torch.randn(1, 3, least, least), with_aux=with_aux)
            net(torch.randn(2, 3, least, least), with_aux=with_aux)
            net.eval()(torch.randn(1, 3, least, least), with_aux=with_aux)
            net.train()


def test_one_image_trains_where_the_normalisations_are_frozen():
    net = copy.deepcopy(original("inception_v3", aux_heads=True)).train()
    images = torch.randn(1, 3, net.minimum_size_with_aux, net.minimum_size_with_aux)
    with pytest.raises(ValueError, match="one image"):
        net(images, with_aux=True)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    assert net(images, with_aux=True).logits.shape == (1, 10)


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_local_response_normalisation_is_torchs(size):
    options = {"alpha": 0.02, "beta": 0.6, "k": 1.5}
    ours, torchs = LocalResponseNorm(size, **options), nn.LocalResponseNorm(size, **options)
    x = (torch.randn(2, 9, 5, 6) * 20).requires_grad_()
    found, expected = ours(x), torchs(x)
    torch.testing.assert_close(found, expected, rtol=2e-6, atol=1e-6)
    direction = torch.randn_like(x)
    torch.testing.assert_close(
        torch.autograd.grad(found, x, direction), torch.autograd.grad(expected, x, direction), rtol=1e-5, atol=1e-6
    )
