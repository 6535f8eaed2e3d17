"""What a module does with one image: every operation, in order, with its shapes, its cost and what it reads.

The module runs once on the `meta` device, where tensors have shapes and no numbers: nothing is computed, no weight is
allocated or changed. `utils.cost` and `utils.diagram` are two ways to read the result.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

INPUT = -1  # the producer of the image itself

# Operations that only look at a tensor in another way, or make an empty one: no layer of a network.
_VIEWS = {
    "view", "_unsafe_view", "reshape", "_reshape_alias", "permute", "transpose", "t", "unsqueeze", "squeeze", "expand",
    "detach", "alias", "clone", "contiguous", "empty", "empty_like", "zeros", "zeros_like", "ones", "ones_like", "full",
    "to", "_to_copy", "select", "slice", "narrow", "as_strided", "unbind", "split", "split_with_sizes", "chunk",
    "lift_fresh", "copy_", "flatten", "arange", "scalar_tensor",
}  # fmt: skip


@dataclass(frozen=True)
class ReceptiveField:
    """How far one unit sees on the image, (height, width) in pixels, and the step between neighbouring units."""

    size: tuple[float, float]
    step: tuple[float, float]


@dataclass
class Call:
    """One call of one module. `parent` is the index of the call around it, None for the root."""

    index: int
    parent: int | None
    module: nn.Module
    name: str


@dataclass
class Operation:
    """One tensor operation.

    `reads` are the indices of the operations whose results it takes (`INPUT` for the image), each once.
    `call` is the innermost module call that it happened in. `macs` are multiply-adds for one image.
    `weights` are the names of the parameters that no operation before it had read.
    `receptive_field` is None where a unit sees the whole image. `factor` is the plain number that a "mul" multiplies by.
    """

    index: int
    name: str
    call: int
    reads: tuple[int, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    shape: tuple[int, ...]
    macs: int
    weights: tuple[str, ...]
    has_weights: bool
    receptive_field: ReceptiveField | None
    geometry: tuple = ()
    factor: float | None = None

    @property
    def is_view(self) -> bool:
        """Does it leave the values as they are (a reshape, a transposition, an allocation)?"""
        return self.name in _VIEWS


@dataclass
class Trace:
    """A module's calls and operations in the order of execution, and its parameters' sizes by name."""

    root: nn.Module
    image_shape: tuple[int, int, int]
    calls: list[Call]
    operations: list[Operation]
    parameters: dict[str, int]
    unread: tuple[str, ...] = field(default=())

    def ancestors(self, call: int) -> list[int]:
        """The call and those around it, outermost first."""
        path = []
        current: int | None = call
        while current is not None:
            path.append(current)
            current = self.calls[current].parent
        return path[::-1]

    def depth(self, *, pools: bool = False, separable_once: bool = False) -> int:
        """Convolution and dense layers on the longest path from image to result.

        Args:
            pools: count pooling layers as well (a mean over the grid is one).
            separable_once: count a depthwise convolution and the pointwise one behind it as one layer.
        """
        longest = {INPUT: 0}
        for operation in self.operations:
            module = self.calls[operation.call].module
            is_layer = operation.has_weights and operation.macs > 0
            if separable_once and isinstance(module, nn.Conv2d) and module.groups > 1:
                is_layer = False
            is_pool = pools and ("pool" in operation.name or operation.name == "mean")
            if isinstance(module, nn.LocalResponseNorm):  # torch computes its local sums with a pool
                is_pool = False
            before = max((longest[source] for source in operation.reads), default=0)
            longest[operation.index] = before + (is_layer or is_pool)
        return max(longest.values())


class CannotRun(ValueError):
    """A module's forward failed; `before` is the trace of what ran until then."""

    def __init__(self, message: str, before: Trace):
        super().__init__(message)
        self.before = before


def trace(module: nn.Module, image_shape: Sequence[int]) -> Trace:
    """Run the module once on an image of shape (channels, height, width) without numbers, and note what it does.

    The module is run in evaluation mode and is afterwards as it was, also when its forward fails.

    Raises:
        TypeError: not a module.
        ValueError: a shape that is not three whole numbers above zero, or (as `CannotRun`) a module that cannot take
            such an image.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"A torch module is needed, and this is {type(module).__name__}: {module!r:.80}")
    shape = tuple(image_shape)
    if len(shape) != 3 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(
            f"The image's shape is {image_shape!r}; it must be (channels, height, width), each a whole number above "
            "zero and without the batch, as in (3, 224, 224)."
        )
    recorder = _Recorder(module)
    modes = [(child, child.training) for child in module.modules()]
    handles = []
    for child in module.modules():
        handles.append(child.register_forward_pre_hook(recorder.enter))
        handles.append(child.register_forward_hook(recorder.leave))
    try:
        for child, _ in modes:
            child.training = False
        image = torch.empty((1, *shape), device="meta", dtype=recorder.dtype)
        recorder.note_image(image)
        with torch.no_grad(), recorder:
            torch.func.functional_call(module, recorder.stand_ins, (image,))
    except RuntimeError as error:
        size = " x ".join(map(str, shape))
        message = f"{type(module).__name__} cannot take an image of {size}: {error}"
        raise CannotRun(message, recorder.result(shape)) from error
    finally:
        for handle in handles:
            handle.remove()
        for child, training in modes:
            child.training = training
    return recorder.result(shape)


class _Recorder(TorchDispatchMode):
    """Sees every operation below the modules, and through hooks which module it belongs to."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.root = module
        self.names: dict[nn.Module, str] = {child: name for name, child in module.named_modules()}
        self.calls: list[Call] = []
        self.stack: list[int] = []
        self.operations: list[Operation] = []
        self.stand_ins: dict[str, Tensor] = {}
        self.sizes: dict[str, int] = {}
        self.seen_weights: set[str] = set()
        self.weight_of: dict[int, str] = {}
        self.producer: dict[int, int] = {}
        self.fields: dict[int, ReceptiveField | None] = {}
        self.kept: list[Tensor] = []  # so that no id is used twice
        self.dtype = torch.get_default_dtype()
        for name, parameter in module.named_parameters():
            self.sizes[name] = parameter.numel()
            self.stand_ins[name] = torch.empty_like(parameter, device="meta", requires_grad=False)
            self.weight_of[id(self.stand_ins[name])] = name
            if parameter.is_floating_point():
                self.dtype = parameter.dtype
        for name, buffer in module.named_buffers():
            self.stand_ins[name] = torch.empty_like(buffer, device="meta")

    def result(self, image_shape: tuple[int, int, int]) -> Trace:
        return Trace(
            root=self.root,
            image_shape=image_shape,
            calls=self.calls,
            operations=self.operations,
            parameters=self.sizes,
            unread=tuple(name for name in self.sizes if name not in self.seen_weights),
        )

    def note_image(self, image: Tensor) -> None:
        self.kept.append(image)
        self.producer[id(image)] = INPUT
        self.fields[INPUT] = ReceptiveField((1, 1), (1, 1))

    def enter(self, module: nn.Module, _inputs) -> None:
        parent = self.stack[-1] if self.stack else None
        self.calls.append(Call(len(self.calls), parent, module, self.names.get(module, "")))
        self.stack.append(len(self.calls) - 1)

    def leave(self, _module: nn.Module, _inputs, _outputs) -> None:
        self.stack.pop()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        outputs = func(*args, **(kwargs or {}))
        if not self.stack:
            return outputs
        reads: dict[int, None] = {}
        shapes, fresh = [], []
        has_weights = False
        for tensor in _tensors(args) + (_tensors(tuple(kwargs.values())) if kwargs else []):
            key = id(tensor)
            weight = self.weight_of.get(key)
            if weight is not None:
                has_weights = True
                if weight not in self.seen_weights:
                    self.seen_weights.add(weight)
                    fresh.append(weight)
            elif key in self.producer:
                if self.producer[key] not in reads:
                    shapes.append(tuple(tensor.shape))
                reads[self.producer[key]] = None
        results = _tensors((outputs,))
        if not results:
            return outputs
        index = len(self.operations)
        name = func._schema.name.split("::")[-1]
        first = results[0]
        if name in _VIEWS and has_weights and not reads:
            # A transposed weight is still that weight, not something the network made of the image.
            self.kept.extend(results)
            for result in results:
                self.weight_of[id(result)] = next(
                    self.weight_of[id(t)] for t in _tensors(args) if id(t) in self.weight_of
                )
            self.seen_weights.difference_update(fresh)
            return outputs
        operation = Operation(
            index=index,
            name=name,
            call=self.stack[-1],
            reads=tuple(reads),
            input_shapes=tuple(shapes),
            shape=tuple(first.shape),
            macs=_macs(name, args, first),
            weights=tuple(fresh),
            has_weights=has_weights,
            receptive_field=None,
            geometry=_geometry(name, args),
            factor=_factor(args) if name == "mul" else None,
        )
        operation.receptive_field = self._receptive_field(operation)
        self.operations.append(operation)
        self.fields[index] = operation.receptive_field
        for result in results:
            self.kept.append(result)
            self.producer[id(result)] = index
        return outputs

    def _receptive_field(self, operation: Operation) -> ReceptiveField | None:
        sources = [self.fields[source] for source in operation.reads]
        if not sources or None in sources or len(operation.shape) < 4:
            return None
        size = tuple(max(source.size[axis] for source in sources) for axis in (0, 1))
        step = tuple(max(source.step[axis] for source in sources) for axis in (0, 1))
        if operation.geometry:
            reach, stride = operation.geometry
            size = tuple(size[axis] + reach[axis] * step[axis] for axis in (0, 1))
            return ReceptiveField(size, tuple(step[axis] * stride[axis] for axis in (0, 1)))
        grid_before, grid_after = operation.input_shapes[0][-2:], operation.shape[-2:]
        if grid_before == grid_after:
            return ReceptiveField(size, step)
        if operation.name.startswith("upsample"):
            scale = tuple(before / after for before, after in zip(grid_before, grid_after, strict=True))
            return ReceptiveField(size, tuple(step[axis] * scale[axis] for axis in (0, 1)))
        if operation.name.startswith(("constant_pad", "reflection_pad", "replication_pad")):
            return ReceptiveField(size, step)
        return None  # a mean over the grid, an adaptive pool: from here on a unit sees everything


def _tensors(values: Sequence) -> list[Tensor]:
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found.extend(item for item in value if isinstance(item, Tensor))
    return found


def _macs(name: str, args: tuple, output: Tensor) -> int:
    """Multiply-adds of one operation. Biases, pooling and normalisation count nothing, as in the papers."""
    if name == "convolution":
        source, weight, transposed = args[0], args[1], args[6]
        return (source if transposed else output).numel() * weight[0].numel()
    if name == "mm":
        return output.numel() * args[0].shape[-1]
    if name == "addmm":
        return output.numel() * args[1].shape[-1]
    if name == "bmm":
        return output.numel() * args[0].shape[-1]
    if name == "baddbmm":
        return output.numel() * args[1].shape[-1]
    if name.startswith("_scaled_dot_product"):
        query, key, value = args[:3]
        return math.prod(query.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1])
    return 0


def _geometry(name: str, args: tuple) -> tuple:
    """(reach, stride) of a sliding window on a 2-D grid, each (vertical, horizontal); empty for anything else.

    The reach is how many input steps beyond the first a window covers.
    """
    if name == "convolution" and args[1].dim() == 4:
        weight, stride, dilation, transposed = args[1], args[3], args[5], args[6]
        reach = [d * (k - 1) for d, k in zip(_two(dilation), weight.shape[2:], strict=True)]
        if transposed:
            return tuple(math.ceil((r + 1) / s) - 1 for r, s in zip(reach, _two(stride), strict=True)), tuple(
                1 / s for s in _two(stride)
            )
        return tuple(reach), tuple(_two(stride))
    if name in ("max_pool2d_with_indices", "max_pool2d", "avg_pool2d"):
        kernel = _two(args[1])
        stride = _two(args[2]) if len(args) > 2 and args[2] else kernel
        dilation = _two(args[4]) if name != "avg_pool2d" and len(args) > 4 else (1, 1)
        return tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True)), tuple(stride)
    return ()


def _factor(args: tuple) -> float | None:
    """The plain number among a product's two factors; None where both are tensors that vary."""
    for value in args:
        if isinstance(value, int | float):
            return value
        if isinstance(value, Tensor) and value.dim() == 0 and not value.is_meta:
            return value.item()
    return None


def _two(values) -> tuple[int, int]:
    values = (values,) if isinstance(values, int) else tuple(values)
    return values * 2 if len(values) == 1 else values
