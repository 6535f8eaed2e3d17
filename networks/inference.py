"""A network made ready to run on a CPU, and for nothing else: what its layers compute alone is computed together.

    fast = frozen(net.eval(), images)        # images: a batch like those to come
    logits = fast(images)                    # those of net(images), to rounding

`torch.compile` does as much where there is a C++ compiler and a minute; this takes a second, and needs neither.
"""

import copy
import operator
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized

from networks.base import Network
from utils.system.modes import inside_of


class PackedConv(nn.Module):
    """A convolution, and the ReLU behind it if there is one, with its weights as oneDNN wants them for such images.

    (N, in_channels, H, W) -> (N, out_channels, H', W'); other images than those that it was packed for are possible.
    """

    def __init__(self, conv: nn.Conv2d, like: torch.Size, *, relu: bool):
        super().__init__()
        pack: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
        self.weight: Tensor = pack(
            conv.weight.detach().to_mkldnn(), conv.padding, conv.stride, conv.dilation, conv.groups, list(like)
        )
        self.bias = None if conv.bias is None else conv.bias.detach()
        self.geometry = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
        self.activation = "relu" if relu else "none"

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, *self.geometry, self.activation, [], ""
        )
        return y


def frozen(net: Network, images: Tensor) -> fx.GraphModule:
    """A network for evaluation on a CPU: normalisations and scales folded into their convolutions, ReLUs done with them, weights
    packed.

    `net` stays as it is. What comes back gives its logits alone, and cannot be trained, saved or moved: make it anew where it is
    to run.

    Args:
        net: a network in evaluation mode, on the CPU, in float32.
        images: (N, C, H, W), a batch like those to come, in their memory format; others run too, not always as fast.

    Raises:
        ValueError: a network in training mode, elsewhere or of another type, or with hooks, computed weights, or normalisations that keep
            no statistics; images that do not fit, here or where what comes back is called; a torch without oneDNN.
    """
    inside = inside_of(net)
    if not isinstance(inside, Network):
        raise ValueError(f"net is a {type(net).__name__}; it must be a network of the course, as `create` makes it.")
    net = inside
    for name, part in net.named_modules():
        _require_plain(name or type(net).__name__, part)
    if any(part.training for part in net.modules()):
        raise ValueError("The network is in training mode, and is to be frozen as it evaluates. Call net.eval() first.")
    first = next(net.parameters())
    if first.device.type != "cpu" or first.dtype != torch.float32:
        raise ValueError(
            f"The network is {first.dtype} on {first.device}; what is frozen runs on a CPU in torch.float32. "
            "Use net.cpu().float(), or torch.compile where it is."
        )
    if not torch.backends.mkldnn.is_available() or not hasattr(torch._C._nn, "mkldnn_reorder_conv2d_weight"):
        raise ValueError("This build of torch has no oneDNN, which packs the weights. Use torch.compile(net).")
    net.check(images, with_aux=False)
    graph = fx.symbolic_trace(net)
    for node in graph.graph.find_nodes(op="call_module"):
        norm, conv = graph.get_submodule(node.target), alone_before(node, graph)
        if isinstance(norm, nn.BatchNorm2d) and conv is not None:
            replace(graph, node.args[0], fuse_conv_bn_eval(conv, norm))
            leave_out(node)
    for node in graph.graph.find_nodes(op="call_function", target=operator.mul):  # the scale of a residual
        conv = alone_before(node, graph)
        scale = next((each for each in node.args if isinstance(each, int | float)), None)
        if conv is not None and scale is not None:
            replace(graph, node.all_input_nodes[0], scaled(conv, scale))
            leave_out(node)
    seen = Shapes(graph)
    with torch.no_grad():
        seen.run(images, False)
    for node in graph.graph.find_nodes(op="call_module"):
        conv = graph.get_submodule(node.target)
        if isinstance(conv, nn.Conv2d) and type(conv) is nn.Conv2d and conv.padding_mode == "zeros":
            behind = next(iter(node.users))
            relu = behind.op == "call_module" and isinstance(graph.get_submodule(str(behind.target)), nn.ReLU)
            relu = relu and len(node.users) == 1
            replace(graph, node, PackedConv(conv, seen.shapes[node], relu=relu))
            if relu:
                leave_out(behind)
    graph.delete_all_unused_submodules()
    graph.recompile()
    graph.register_forward_pre_hook(partial(_require_alike, images.shape[1]), with_kwargs=True)
    return graph.eval().requires_grad_(False)


def _require_plain(name: str, part: nn.Module) -> None:
    """What is folded is what weights say: hooks would be left out, and a weight that is computed is none that can be packed."""
    if part._forward_hooks or part._forward_pre_hooks:
        raise ValueError(
            f"{name} has forward hooks (pruning and the old weight_norm are such, too), and they would be left out. Take them away first: "
            "handle.remove(), prune.remove(layer, 'weight'), remove_weight_norm(layer)."
        )
    if is_parametrized(part):
        raise ValueError(
            f"The weight of {name} is computed by a parametrization. Make it a plain one first: "
            "torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')."
        )
    if isinstance(part, nn.BatchNorm2d) and part.running_mean is None:
        raise ValueError(
            f"{name} keeps no running statistics, and is another function for each batch: it cannot be folded."
        )


def _require_alike(channels: int, _graph: nn.Module, given: tuple[object, ...], options: dict[str, object]) -> None:
    """Images as a frozen network takes them: packed weights say nothing that can be understood of others.

    Raises:
        ValueError: others, or a wish for auxiliary logits.
    """
    images = given[0] if given else options.get("images")
    if any(given[1:]) or options.get("with_aux"):
        raise ValueError(
            "A frozen network gives its logits alone: with_aux=True is for the network that it was made from."
        )
    if not isinstance(images, Tensor):
        what, fits = f"{images!r:.60}", False
    else:
        what = f"{images.dtype} {tuple(images.shape)} on {images.device}"
        fits = images.dim() == 4 and images.shape[1] == channels
        fits = fits and images.dtype == torch.float32 and images.device.type == "cpu"
    if not fits:
        raise ValueError(f"images are {what}; a frozen network takes torch.float32 (N, {channels}, H, W) on the CPU.")


class Shapes(fx.Interpreter):
    """Runs a graph, and keeps the shape of what goes into each of its modules."""

    def __init__(self, graph: fx.GraphModule):
        super().__init__(graph)
        self.shapes: dict[fx.Node, torch.Size] = {}

    def run_node(self, n: fx.Node) -> object:
        if n.op == "call_module":
            self.shapes[n] = self.env[n.all_input_nodes[0]].shape
        return super().run_node(n)


def alone_before(node: fx.Node, graph: fx.GraphModule) -> nn.Conv2d | None:
    """The convolution whose result goes into this node and nowhere else."""
    before = node.all_input_nodes[0]
    if before.op != "call_module" or len(before.users) > 1:
        return None
    module = graph.get_submodule(str(before.target))
    return module if isinstance(module, nn.Conv2d) else None


def scaled(conv: nn.Conv2d, scale: float) -> nn.Conv2d:
    """A convolution whose result is so many times the given one's."""
    conv = copy.deepcopy(conv)
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.mul_(scale)
    return conv


def replace(graph: fx.GraphModule, node: fx.Node, module: nn.Module) -> None:
    graph.set_submodule(str(node.target), module)


def leave_out(node: fx.Node) -> None:
    """Take a node out of its graph: who used it uses what goes into it."""
    node.replace_all_uses_with(node.all_input_nodes[0])
    node.graph.erase_node(node)
