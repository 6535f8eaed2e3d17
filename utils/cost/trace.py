"""What a module does with one image: every operation, in order, with its shapes, its cost and what it reads.

The module runs once on the `meta` device, where tensors have shapes and no numbers: nothing is computed, no weight is
allocated or changed. `utils.cost.table` and `utils.diagram` are two ways to read the result.
"""

import inspect
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from numbers import Integral
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from utils.system.modes import inside_of, unaltered

INPUT = -1  # the producer of the image itself; a second input's is -2, a third one's -3

Input = Sequence[int] | Tensor  # an image's shape, (channels, height, width), or images (N, ...)
Grid = tuple[int, int]  # (height, width), or what a window does in the one direction and in the other
# (reach, stride): how many steps beyond the first a window covers, and its own step
Window = tuple[Grid, tuple[float, float]]
Spread = tuple[tuple[float, float], tuple[float, float]]  # the same, where a window may reach over a part of a step
Arguments = Sequence[Any]  # those of one of torch's operations, in its order
Lines = tuple[
    tuple[CodeType, int], ...
]  # (code, line number) of a call and of those around it, up to a module's forward
Layer = Callable[[Any, Tensor, int, tuple[int, ...]], Tensor]  # (module, image, its producer, its shape) -> result

# Operations that only look at a tensor in another way, or make an empty one: no layer of a network.
_VIEWS = {
    "view", "_unsafe_view", "reshape", "_reshape_alias", "permute", "transpose", "t", "unsqueeze", "squeeze", "expand",
    "detach", "alias", "clone", "contiguous", "empty", "empty_like", "zeros", "zeros_like", "ones", "ones_like", "full",
    "to", "_to_copy", "select", "slice", "narrow", "as_strided", "unbind", "split", "split_with_sizes", "chunk",
    "lift_fresh", "copy_", "flatten", "arange", "scalar_tensor",
}  # fmt: skip


@dataclass(frozen=True)
class ReceptiveField:
    """How far one unit sees on the image, (height, width) in pixels, and the step between neighbouring units.

    `place` is where the upper left unit's begins, (row, column) of a pixel, below zero in the padding. It is counted from the
    image's corner; or, behind an operation that puts its units at places that cannot be told, from where that one's begin:
    then `origin` is the operation's index.

    Where a grid was enlarged, several units see the same: what they see moves on by a whole `block` of pixels at a time, which was
    the step before. From there on windows add to `reach`, and what is seen grows once that has passed a block.
    """

    base: tuple[float, float]  # what a unit saw before its grid was enlarged, if it was; else what it sees
    step: tuple[float, float]
    place: tuple[float, float] = (0, 0)
    origin: int = INPUT
    block: tuple[float, float] = (0, 0)
    reach: tuple[float, float] = (0, 0)

    @property
    def size(self) -> tuple[float, float]:
        """(height, width) in pixels, of the units that see most."""
        down, across = (
            base + (math.floor(reach / block + 1e-9) * block if block else 0)
            for base, block, reach in zip(self.base, self.block, self.reach, strict=True)
        )
        return down, across

    @property
    def first(self) -> tuple[float, float] | None:
        """`place` on the image; None where that cannot be told."""
        return self.place if self.origin == INPUT else None

    def behind(self, window: Spread, padding: tuple[float, float] | None, index: int) -> "ReceptiveField":
        """What a unit sees behind a window that slides over these units.

        Args:
            window: how many units it reaches beyond its first, and its step. A step below 1 makes the grid larger, and then the reach is
                counted in the units that come out: over how many of them one of these is spread.
            padding: rows and columns that are put before them; None where it cannot be told at which places it puts its units.
            index: of the operation that does this.
        """
        bases, steps, blocks, reaches = [], [], [], []
        for axis, (further, stride) in enumerate(zip(*window, strict=True)):
            base, block, reach = self.base[axis], self.block[axis], self.reach[axis]
            step = self.step[axis] * stride
            if stride < 1:
                block = block or self.step[axis]
            elif stride > 1 and block:  # of the units that see less and more, some are passed over
                return UNKNOWN
            added = further * (step if stride < 1 else self.step[axis])
            bases.append(base if block else base + added)
            reaches.append(reach + added if block else 0.0)
            steps.append(step)
            blocks.append(block)
        place, origin = (0.0, 0.0), index
        if padding is not None:
            place = (self.place[0] - padding[0] * self.step[0], self.place[1] - padding[1] * self.step[1])
            origin = self.origin
        return ReceptiveField(_pair(bases), _pair(steps), place, origin, _pair(blocks), _pair(reaches))

    @staticmethod
    def together(fields: "Sequence[ReceptiveField]") -> "ReceptiveField":
        """What a unit sees that reads a unit of each of these.

        Not known where it is not known how they lie to each other, or where they move apart from unit to unit.
        """
        first = fields[0]
        if len({(field.origin, field.step, field.block) for field in fields}) > 1:
            return UNKNOWN
        places, bases, reaches = [], [], []
        for axis in (0, 1):
            places.append(min(field.place[axis] for field in fields))
            if first.block[axis]:
                if len({field.base[axis] for field in fields}) > 1:
                    return UNKNOWN
                bases.append(first.base[axis])
                reaches.append(max(field.place[axis] + field.reach[axis] for field in fields) - places[axis])
            else:
                bases.append(max(field.place[axis] + field.base[axis] for field in fields) - places[axis])
                reaches.append(0.0)
        return ReceptiveField(_pair(bases), first.step, _pair(places), first.origin, first.block, _pair(reaches))


def _pair(values: Sequence[float]) -> tuple[float, float]:
    return values[0], values[1]


UNKNOWN = ReceptiveField((0, 0), (1, 1), origin=-1000)  # of a unit of which it is not known what it sees


_PADS = ("constant_pad", "reflection_pad", "replication_pad")

# Operations after which a place in the result is not the place of the same number in what was read.
_MOVING = {
    "roll", "flip", "rot90", "sort", "argsort", "topk", "cumsum", "cumprod", "cummax", "cummin", "_cummax_helper", "_cummin_helper",
    "logcumsumexp", "_logcumsumexp", "gather", "index", "index_select", "scatter", "take",
    "mm", "bmm", "addmm", "baddbmm", "grid_sampler_2d", "im2col", "col2im", "_fft_r2c", "_fft_c2c", "_fft_c2r",
}  # fmt: skip


@dataclass
class Call:
    """One call of one module. `parent` is the index of the call around it, None for the root; `lines` as in `trace`."""

    index: int
    parent: int | None
    module: nn.Module
    name: str
    lines: Lines = ()


@dataclass
class Operation:
    """One tensor operation.

    `reads` are the indices of the operations whose results it takes (`INPUT` for the image), each once.
    `call` is the innermost module call that it happened in. `macs` are multiply-adds for one image.
    `weights` are the names of the parameters that no operation before it had read. `has_weights`: it reads some, or one that is computed
    from such; `sees_image` is False where it computes a weight.
    `receptive_field` is None where a unit sees the whole image, and `UNKNOWN` where that cannot be told. `factor` is the plain number that a "mul" multiplies by.
    `lines` are as in `trace`; it has none in a module without children, which is one layer.
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
    sees_image: bool
    receptive_field: ReceptiveField | None
    geometry: Window | None = None
    factor: float | None = None
    lines: Lines = ()

    @property
    def is_view(self) -> bool:
        """Does it leave the values as they are (a reshape, a transposition, an allocation)?"""
        return self.name in _VIEWS


@dataclass
class Trace:
    """A module's calls and operations in the order of execution, and its parameters' sizes by name."""

    root: nn.Module
    image_shape: tuple[int, ...]
    calls: list[Call]
    operations: list[Operation]
    parameters: dict[str, int]
    unread: tuple[str, ...] = ()
    inputs: tuple[tuple[int, ...], ...] = ()  # the shape of each, without the batch; the first one's is `image_shape`
    outputs: tuple[int, ...] = ()  # the operations whose results are the module's, each once

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
        longest = {INPUT: 0} | {-1 - number: 0 for number in range(len(self.inputs))}
        for operation in self.operations:
            module = self.calls[operation.call].module
            is_layer = operation.has_weights and operation.sees_image and operation.macs > 0
            if separable_once and isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
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


def trace(module: nn.Module, image_shape: Input | Sequence[Input], *, with_lines: bool = False) -> Trace:
    """Run the module once on an image of shape (channels, height, width) without numbers, and note what it does.

    The module is run in evaluation mode and is afterwards as it was, also when its forward fails. One that is compiled, or
    wrapped for several devices, is traced as what is inside.

    Args:
        module: any torch module but a scripted one.
        image_shape: (channels, height, width); for several inputs a sequence of shapes. Tensors may be handed in as well, with
            their batch, of which the first is taken (the batch is the first dimension, but for torch's own modules of sequences,
            which say where it is): where the forward needs numbers, it runs on these.
        with_lines: note for each call and operation the lines that it stands in, innermost first, up to the forward of the
            module around it. That takes a fifth longer.

    Raises:
        TypeError: not a module.
        ValueError: a shape that is not three whole numbers above zero, a scripted module, a lazy one that has had no image yet,
            or (as `CannotRun`) a module that cannot take such an image, or that needs numbers to decide what it does.
    """
    if not isinstance(module, nn.Module):
        way = " Its method module() gives one." if isinstance(module, torch.export.ExportedProgram) else ""
        raise TypeError(f"A torch module is needed, and this is {type(module).__name__}: {module!r:.80}.{way}")
    module = inside_of(module)
    scripted = next((name for name, each in module.named_modules() if isinstance(each, torch.jit.ScriptModule)), None)
    if scripted is not None:
        where = f"{scripted} in {type(module).__name__}" if scripted else "This module"
        raise ValueError(
            f"{where} is scripted (torch.jit): it runs outside of Python, where its layers cannot be seen. Count or draw it as it "
            "was before torch.jit.script or torch.jit.trace."
        )
    inputs = _inputs(image_shape, _batch_place(module))
    lazy = next(
        (name for name, weight in (*module.named_parameters(), *module.named_buffers()) if is_lazy(weight)), None
    )
    if lazy is not None:
        where = f"{lazy.rpartition('.')[0]} in {type(module).__name__}" if "." in lazy else "This module"
        raise ValueError(
            f"{where} is lazy: it has no weights before its first image says how many it needs. Call the module once, as "
            "net(images), and count then."
        )
    if len(inputs) == 1 and isinstance(inputs[0], tuple):
        # What the quick way cannot do, the thorough one does, or says why it cannot be done.
        with suppress(Exception), unaltered(module):
            return _trace_quickly(module, inputs[0], with_lines=with_lines)
    try:
        with unaltered(module):
            return _trace_thoroughly(module, *inputs, with_lines=with_lines)
    except _NeedsNumbers as problem:
        tensors = [given if isinstance(given, Tensor) else torch.zeros(1, *given) for given in inputs]
        has_numbers = not any(tensor.is_meta for tensor in (*tensors, *module.parameters(), *module.buffers()))
        # A constant that the forward makes on the CPU asks for the device of the image, and for none of its numbers.
        if has_numbers and ("expected device" in str(problem) or all(isinstance(given, Tensor) for given in inputs)):
            with unaltered(module):
                return _trace_thoroughly(module, *tensors, with_numbers=True, with_lines=with_lines)
        hint = (
            "hand in images in place of their shape" if has_numbers else "build it with its weights, and hand in images"
        )
        raise CannotRun(
            f"{type(module).__name__} needs the numbers in its image, where a shape has none ({problem}): what it does may be "
            f"another thing for another image. To see what it does with yours, {hint}: profile(net, images).",
            problem.before,
        ) from problem


_SEQUENCES = (nn.RNNBase, nn.MultiheadAttention, nn.Transformer, nn.TransformerEncoder, nn.TransformerDecoder,
              nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)  # fmt: skip


def _batch_place(module: nn.Module) -> int:
    """Which dimension of three is the batch's: the first, unless one of torch's own modules of sequences says otherwise."""
    if not isinstance(module, _SEQUENCES):
        return 0
    return 0 if next((each.batch_first for each in module.modules() if hasattr(each, "batch_first")), False) else 1


def _inputs(given: Input | Sequence[Input], batch_place: int = 0) -> list[tuple[int, int, int] | Tensor]:
    """What `trace` was given, as one or several shapes and tensors; of each tensor the first of its batch."""
    if not isinstance(given, Sequence | Tensor):
        raise ValueError(
            f"The image's shape is {' '.join(repr(given).split()):.60}; it must be (channels, height, width), as in (3, 224, 224), or images."
        )
    several: list[Any] = [given] if isinstance(given, Tensor) else list(given)
    if several and not all(isinstance(each, Tensor | Sequence) for each in several):
        several = [several]
    inputs: list[tuple[int, int, int] | Tensor] = []
    for each in several:
        if isinstance(each, Tensor) and not each.numel():
            raise ValueError(f"There is no image in a tensor of shape {tuple(each.shape)}: hand in one at least.")
        if isinstance(each, Tensor):
            inputs.append(each.narrow(batch_place, 0, 1) if each.dim() > 2 * batch_place else each)
            continue
        sizes = [int(size) for size in each if isinstance(size, Integral) and not isinstance(size, bool)]
        whole = [size for size in sizes if size > 0]
        if len(each) != 3 or len(whole) != 3:
            raise ValueError(
                f"The image's shape is {' '.join(repr(given).split()):.60}; it must be (channels, height, width), each a whole number above "
                "zero and without the batch, as in (3, 224, 224). Several inputs have a shape each: [(3, 32, 32), (4, 8, 8)]. A dictionary, "
                "or tuples in each other, cannot be handed in: wrap the module in one whose forward takes tensors and hands them on so."
            )
        inputs.append((whole[0], whole[1], whole[2]))
    if not inputs:
        raise ValueError("There is no input: the image's shape is needed, as in (3, 224, 224).")
    return inputs


class _NeedsNumbers(Exception):
    """The forward asks for a number, and on `meta` there is none."""

    def __init__(self, message: str, before: Trace):
        super().__init__(message)
        self.before = before


def _trace_thoroughly(
    module: nn.Module, *inputs: tuple[int, int, int] | Tensor, with_numbers: bool = False, with_lines: bool = False
) -> Trace:
    """Every operation runs on `meta`, as torch itself would run it; or with the numbers that are given."""
    recorder = _Recorder(module, with_lines=with_lines)
    recorder.stand_in(with_numbers=with_numbers)
    modes = [(child, child.training) for child in module.modules()]
    tensors = [(child, dict(child._parameters), dict(child._buffers)) for child in module.modules()]
    handles = []
    for child in module.modules():
        handles.append(child.register_forward_pre_hook(recorder.enter))
        handles.append(child.register_forward_hook(recorder.leave))
    try:
        for child, _ in modes:
            child.training = False
        images = []
        for given in inputs:
            if isinstance(given, tuple):
                image = torch.empty((1, *given), device="meta", dtype=recorder.dtype)
            else:
                image = given.detach().clone() if with_numbers else torch.empty_like(given, device="meta")
            recorder.note_image(image)
            images.append(image)
        with torch.no_grad(), recorder:
            outputs = torch.func.functional_call(module, recorder.stand_ins, tuple(images))
    except (NotImplementedError, RuntimeError, TypeError) as error:
        if not with_numbers and ("meta" in str(error).lower() or "Tensor.__format__" in str(error)):
            raise _NeedsNumbers(str(error).partition("\n")[0].rstrip("."), recorder.result()) from error
        if isinstance(error, TypeError) and "forward() missing" in str(error):
            parameters = inspect.signature(module.forward).parameters
            by_name = [
                each.name
                for each in parameters.values()
                if each.kind is each.KEYWORD_ONLY and each.default is each.empty
            ]
            if by_name:
                raise CannotRun(
                    f"{type(module).__name__} takes {', '.join(by_name)} by name alone, and what is handed in here comes in order: wrap it in "
                    "a module whose forward hands that on.",
                    recorder.result(),
                ) from error
            names = ", ".join(parameters)
            raise CannotRun(
                f"{type(module).__name__} takes several inputs ({names}), and {len(inputs)} was given. Give the shape of each: "
                "profile(net, [(3, 32, 32), (4, 8, 8)]); or hand in tensors.",
                recorder.result(),
            ) from error
        if isinstance(error, NotImplementedError) and ("::" in str(error) or "HigherOrderOperator" in str(error)):
            raise CannotRun(
                f"{type(module).__name__} calls an operation that torch cannot follow without running it "
                f"({str(error).partition('.')[0].partition(': We could')[0]}). Count it in a form without that: before it was "
                "quantised, or with a plain `if`.",
                recorder.result(),
            ) from error
        if not isinstance(error, RuntimeError) or isinstance(error, NotImplementedError):
            raise  # a stub of the learner's, or a slip of theirs, which is no fault of the image
        size = " and ".join(
            " x ".join(map(str, given if isinstance(given, tuple) else given.shape)) for given in inputs
        )
        message = f"{type(module).__name__} cannot take an image of {size}: {error}"
        raise CannotRun(message, recorder.result()) from error
    finally:
        for handle in handles:
            handle.remove()
        for child, training in modes:
            child.training = training
        for child, parameters, buffers in tensors:  # torch gives a module with two names its stand-ins back
            child._parameters.update(parameters)
            child._buffers.update(buffers)
    return recorder.result(outputs)


class _Recorder(TorchDispatchMode):
    """Sees every operation below the modules, and through hooks which module it belongs to."""

    def __init__(self, module: nn.Module, *, with_lines: bool):
        super().__init__()  # type: ignore[no-untyped-call]  # torch: a dispatch mode has no types
        self.root = module
        self.with_lines = with_lines
        self.names: dict[nn.Module, str] = {child: name for name, child in module.named_modules()}
        self.inputs: list[tuple[int, ...]] = []
        self.calls: list[Call] = []
        self.stack: list[int] = []
        self.operations: list[Operation] = []
        self.stand_ins: dict[str, Tensor] = {}
        self.sizes: dict[str, int] = {}
        self.seen_weights: set[str] = set()
        self.weight_of: dict[int, str] = {}
        self.producer: dict[int, int] = {}
        self.base_of: dict[int, Tensor] = {}  # what a slice, or another view, is a part of
        self.fields: dict[int, ReceptiveField | None] = {}
        self.constant: set[int] = set()  # operations that read weights alone, or nothing: they see no image
        self.computed: set[int] = set()  # those of them that weights are computed by
        self.kept: list[Tensor] = []  # so that no id is used twice
        self.dtypes: list[torch.dtype] = []  # of the parameters, but for whole numbers: an image is of the first one's
        for child, prefix in self.names.items():
            for key, parameter in child._parameters.items():
                if parameter is None or id(parameter) in self.weight_of:
                    continue
                name = f"{prefix}.{key}" if prefix else key
                self.sizes[name] = parameter.numel()
                self.weight_of[id(parameter)] = name
                if parameter.dtype.is_floating_point or parameter.dtype.is_complex:
                    self.dtypes.append(parameter.dtype)
        self.dtype = next((each for each in self.dtypes if each.is_floating_point), torch.get_default_dtype())

    def stand_in(self, *, with_numbers: bool = False) -> None:
        """Make a tensor without numbers for every parameter and buffer; or one with theirs, that may be changed."""
        for name, parameter in self.root.named_parameters():
            stand_in = parameter.detach().clone() if with_numbers else torch.empty_like(parameter, device="meta")
            self.stand_ins[name] = stand_in.requires_grad_(False)
            self.weight_of[id(self.stand_ins[name])] = name
        for name, buffer in self.root.named_buffers():
            self.stand_ins[name] = buffer.clone() if with_numbers else torch.empty_like(buffer, device="meta")

    def result(self, outputs: object = None) -> Trace:
        found = [self.producer[id(tensor)] for tensor in _every_tensor(outputs) if id(tensor) in self.producer]
        return Trace(
            root=self.root,
            image_shape=self.inputs[0] if self.inputs else (),
            inputs=tuple(self.inputs),
            outputs=tuple(dict.fromkeys(found)),
            calls=self.calls,
            operations=self.operations,
            parameters=self.sizes,
            unread=tuple(name for name in self.sizes if name not in self.seen_weights),
        )

    def note_image(self, image: Tensor) -> None:
        self.kept.append(image)
        self.inputs.append(tuple(image.shape[1:]))
        self.producer[id(image)] = -len(self.inputs)
        self.fields[-len(self.inputs)] = ReceptiveField((1, 1), (1, 1))

    def enter(self, module: nn.Module, _inputs: object) -> None:
        parent = self.stack[-1] if self.stack else None
        lines = _lines() if self.with_lines and parent is not None else ()
        self.calls.append(Call(len(self.calls), parent, module, self.names.get(module, ""), lines))
        self.stack.append(len(self.calls) - 1)

    def leave(self, _module: nn.Module, _inputs: object, _outputs: object) -> None:
        self.stack.pop()

    def run(self, func: OpOverload[..., Any], args: Arguments, kwargs: dict[str, Any]) -> Any:
        """The result of one operation."""
        return func(*args, **kwargs)

    def __torch_dispatch__(
        self, func: OpOverload[..., Any], types: object, args: Arguments = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        outputs = self.run(func, args, kwargs or {})
        if not self.stack:
            return outputs
        reads: dict[int, None] = {}
        shapes, weights = [], []
        for tensor in _tensors(args) + (_tensors(tuple(kwargs.values())) if kwargs else []):
            key = id(tensor)
            if key in self.weight_of:
                weights.append(self.weight_of[key])
            elif key in self.producer:
                if self.producer[key] not in reads:
                    shapes.append(tuple(tensor.shape))
                reads[self.producer[key]] = None
        results = _tensors((outputs,))
        if not results:
            return outputs
        name = func._schema.name.split("::")[-1]
        first = results[0]
        if name == "empty" and not first.numel():
            return outputs  # room that batch normalisation reserves and does not use
        if name in _VIEWS and weights and not reads:
            # A transposed weight is still that weight, not something the network made of the image.
            self.kept.extend(results)
            self.weight_of |= {id(result): weights[0] for result in results}
            return outputs
        if name.startswith("new_") or name.endswith("_like"):
            reads, shapes = {}, []  # of another tensor it takes the kind and the size, and no value
        index = self.write(
            name,
            reads=tuple(reads),
            input_shapes=tuple(shapes),
            shape=tuple(first.shape),
            macs=_macs(name, args, first),
            weights=weights,
            geometry=_geometry(name, args),
            step=_step(name, args, first),
            padding=_padding(name, args),
            moves=name in _MOVING or not _keeps_places(name, args),
            reads_grid=_reads_grid(name, args),
            factor=_factor(args) if name == "mul" else None,
        )
        for result in results:
            self.kept.append(result)
            self.producer[id(result)] = index
            if func.is_view:
                self.base_of[id(result)] = args[0]
        written = args[0] if name.endswith("_") else None
        while (
            written := self.base_of.get(id(written))
        ) is not None:  # who reads the whole reads what is written into a part
            if written.shape[2:] != args[0].shape[2:]:
                self._lay_into(index, self.producer.get(id(written)))
            self.producer[id(written)] = index
        return outputs

    def write(
        self,
        name: str,
        *,
        weights: Sequence[str],
        step: Spread | None = None,
        padding: tuple[float, float] | None = (0, 0),
        moves: bool = False,
        reads_grid: bool = False,
        **what: Any,
    ) -> int:
        """Write an operation down, with the names of the weights that it reads; returns its index.

        Args:
            step: what its window does, where it has one that is no convolution's or pool's; as in `ReceptiveField.behind`.
            padding: rows and columns that it puts before the grid; None where that cannot be told.
            moves: whether a place in its result is another one than that of the same number in what it reads.
            reads_grid: whether each unit of its result is computed from the whole grid.
        """
        fresh = tuple(weight for weight in dict.fromkeys(weights) if weight not in self.seen_weights)
        self.seen_weights.update(fresh)
        index, call = len(self.operations), self.stack[-1]
        operation = Operation(
            index=index,
            name=name,
            call=call,
            lines=_lines() if self.with_lines and self.calls[call].module._modules else (),
            weights=fresh,
            has_weights=bool(weights) or not self.computed.isdisjoint(what["reads"]),
            sees_image=not self.constant.issuperset(what["reads"]),
            receptive_field=None,
            **what,
        )
        if operation.has_weights and not operation.sees_image:
            self.computed.add(index)
        field = self._receptive_field(operation, step, padding, moves)
        operation.receptive_field = self.fields[index] = None if reads_grid else field
        self.operations.append(operation)
        return index

    def _lay_into(self, index: int, before: int | None) -> None:
        """What an operation writes lies somewhere in a larger grid now, of which the rest was what another has made."""
        fields = [self.fields[each] for each in (index, before) if each is not None and each not in self.constant]
        known = [field for field in fields if field is not None]
        if not fields or len(known) < len(fields) or UNKNOWN in known:
            merged = UNKNOWN if UNKNOWN in known else None if fields else self.fields[index]
        else:
            height, width = (max(field.size[axis] for field in known) for axis in (0, 1))
            merged = ReceptiveField((height, width), known[0].step, origin=index)
            if any(any(field.block) for field in known):
                merged = UNKNOWN
        self.operations[index].receptive_field = self.fields[index] = merged

    def _receptive_field(
        self, operation: Operation, step: Spread | None, padding: tuple[float, float] | None, moves: bool
    ) -> ReceptiveField | None:
        reads = [source for source in operation.reads if source not in self.constant]
        if not reads:  # room for values that are written into it, or a weight that is computed
            self.constant.add(operation.index)
            return ReceptiveField((1, 1), (1, 1))
        if operation.name == "copy_":
            reads = reads[-1:]  # what it writes over is of no account
        first = operation.input_shapes[operation.reads.index(reads[0])]
        sources = [field for source in reads if (field := self.fields[source]) is not None]
        if len(sources) < len(reads) or (
            len(first) == 4 and math.prod(operation.shape[2:]) == 1 < math.prod(first[2:])
        ):
            return None  # a mean over the grid, a global pool: from here on a unit sees everything
        if len(operation.shape) < 4:  # what is flattened goes into dense layers, which see all of it
            return None if len(operation.shape) == 2 and operation.name not in ("select", "unbind") else UNKNOWN
        if UNKNOWN in sources:
            return UNKNOWN
        seen = ReceptiveField.together(sources)
        if seen == UNKNOWN:
            return UNKNOWN
        if operation.geometry is not None:
            return seen.behind(operation.geometry, padding, operation.index)
        if step is not None:
            return seen.behind(step, padding, operation.index)
        if moves:
            return UNKNOWN
        if first[-2:] == operation.shape[-2:] or operation.name.startswith(_PADS):
            return seen.behind(((0, 0), (1, 1)), padding, operation.index)
        return UNKNOWN


# --- The quick way ----------------------------------------------------------------------------------------------------
# Torch takes about 0.1 ms for an operation on `meta`, a network of this family has a thousand, and nearly all of them
# are five layers whose result has a shape that a line of arithmetic gives. A network whose parameters all sit in such
# layers is traced by that arithmetic; the rest of its operations run as on the thorough way. The tests compare the two.


class _NotQuick(Exception):
    """A layer is used in a way that the arithmetic does not know."""


def _is_plain(module: nn.Module) -> bool:
    """Does the module keep its parameters, if it has any, as a plain convolution, normalisation or dense layer does?"""
    if type(module) in (nn.Conv2d, nn.BatchNorm2d, nn.Linear):
        return True
    own = (*module._parameters.values(), *module._buffers.values())
    return all(tensor is None for tensor in own) and not isinstance(module, torch.jit.ScriptModule)


def _trace_quickly(module: nn.Module, shape: tuple[int, int, int], *, with_lines: bool = False) -> Trace:
    """Every module's forward is replaced for the one call: by arithmetic, or by itself between two notes."""
    recorder = _QuickRecorder(module, with_lines=with_lines)
    if not all(map(_is_plain, recorder.names)) or any(each != recorder.dtype for each in recorder.dtypes):
        raise _NotQuick
    before = []
    try:
        for child in recorder.names:
            state = child.__dict__
            before.append((state, state.get("forward"), state["training"], state["_parameters"]))
            layer = recorder.layers.get(type(child))
            if type(child) is nn.Linear:
                state["_parameters"] = recorder.without_numbers(child._parameters)
            if layer is not None and "forward" not in state:
                state["forward"] = recorder.arithmetic(child, layer)
            else:
                state["forward"] = recorder.between_notes(child)
            state["training"] = False
        image = torch.empty((1, *shape), device="meta", dtype=recorder.dtype)
        recorder.note_image(image)
        with torch.no_grad(), recorder:
            outputs = module(image)
    finally:
        for state, forward, training, parameters in before:
            state.pop("forward")
            if forward is not None:
                state["forward"] = forward
            state["training"], state["_parameters"] = training, parameters
    return recorder.result(outputs)


class _QuickRecorder(_Recorder):
    """A recorder that knows by itself what the commonest layers do."""

    def __init__(self, module: nn.Module, *, with_lines: bool):
        super().__init__(module, with_lines=with_lines)
        self.layers: dict[type, Layer] = {
            nn.Conv2d: self.conv,
            nn.BatchNorm2d: self.batch_norm,
            nn.ReLU: self.relu,
            nn.MaxPool2d: self.pool,
            nn.AvgPool2d: self.pool,
            nn.LocalResponseNorm: self.local_response_norm,
        }

    def run(self, func: OpOverload[..., Any], args: Arguments, kwargs: dict[str, Any]) -> Any:
        """What stands between the layers: a concatenation, a sum, a scaled tensor."""
        shape = None if kwargs else _shape_of(func, args)
        if shape is None:
            return func(*args, **kwargs)
        return torch.empty(shape, device="meta", dtype=self.dtype)

    def without_numbers(self, parameters: Mapping[str, Tensor | None]) -> dict[str, Tensor | None]:
        """Tensors on `meta` in place of a dense layer's parameters."""
        stand_ins: dict[str, Tensor | None] = dict(parameters)
        for name, parameter in parameters.items():
            if parameter is not None:
                stand_in = stand_ins[name] = torch.empty_like(parameter, device="meta")
                self.weight_of[id(stand_in)] = self.weight_of[id(parameter)]
                self.kept.append(stand_in)
        return stand_ins

    def between_notes(self, module: nn.Module) -> Callable[..., Any]:
        """The module's own forward, with a note of where it begins and ends."""
        forward = module.forward

        def noted(*args: Any, **kwargs: Any) -> Any:
            self.enter(module, args)
            outputs = forward(*args, **kwargs)
            self.leave(module, args, outputs)
            return outputs

        return noted

    def arithmetic(self, module: nn.Module, layer: Layer) -> Callable[[Tensor], Tensor]:
        """A layer's rule in place of its forward."""

        def noted(x: Tensor) -> Tensor:
            source = self.producer.get(id(x))
            if source is None or x.dim() != 4:
                raise _NotQuick
            self.enter(module, (x,))
            output = layer(module, x, source, tuple(x.shape))
            self.stack.pop()
            return output

        return noted

    def note(
        self,
        name: str,
        source: int,
        before: tuple[int, ...],
        after: tuple[int, ...],
        *,
        macs: int = 0,
        parameters: Sequence[Tensor | None] = (),
        geometry: Window | None = None,
        padding: Grid = (0, 0),
        in_place: Tensor | None = None,
    ) -> Tensor:
        """Write an operation down, and make its result."""
        weights = [self.weight_of[id(parameter)] for parameter in parameters if parameter is not None]
        index = self.write(
            name,
            reads=(source,),
            input_shapes=(before,),
            shape=after,
            macs=macs,
            weights=weights,
            geometry=geometry,
            padding=padding,
        )
        output = in_place
        if output is None:
            with torch._C._DisableTorchDispatch():
                output = torch.empty(after, device="meta", dtype=self.dtype)
            self.kept.append(output)
        self.producer[id(output)] = index
        return output

    def conv(self, module: nn.Conv2d, x: Tensor, source: int, before: tuple[int, ...]) -> Tensor:
        if before[1] != module.in_channels or module.padding_mode != "zeros" or isinstance(module.padding, str):
            raise _NotQuick
        kernel, stride, dilation = _two(module.kernel_size), _two(module.stride), _two(module.dilation)
        padding = _two(module.padding)
        height, width = _grid(before, kernel, stride, padding, dilation)
        return self.note(
            "convolution",
            source,
            before,
            (1, module.out_channels, height, width),
            macs=height * width * module.out_channels * (module.in_channels // module.groups) * math.prod(kernel),
            parameters=(module._parameters["weight"], module._parameters["bias"]),
            geometry=(_reach(kernel, dilation), stride),
            padding=padding,
        )

    def batch_norm(self, module: nn.BatchNorm2d, x: Tensor, source: int, before: tuple[int, ...]) -> Tensor:
        if before[1] != module.num_features or module._buffers["running_mean"] is None:
            raise _NotQuick
        parameters = (module._parameters["weight"], module._parameters["bias"])
        return self.note("native_batch_norm", source, before, before, parameters=parameters)

    def relu(self, module: nn.ReLU, x: Tensor, source: int, before: tuple[int, ...]) -> Tensor:
        if module.inplace:
            return self.note("relu_", source, before, before, in_place=x)
        return self.note("relu", source, before, before)

    def local_response_norm(
        self, module: nn.LocalResponseNorm, x: Tensor, source: int, before: tuple[int, ...]
    ) -> Tensor:
        """The ten operations that torch makes of it: squares, their local mean by a pool over channels, a quotient."""
        channels, *grid = before[1:]
        as_volume, padded = (1, 1, channels, *grid), (1, 1, channels + module.size - 1, *grid)
        shapes = [before, as_volume, padded, as_volume, *[before] * 6]
        names = ["mul", "view", "constant_pad_nd", "avg_pool3d", "squeeze", "view", "mul", "add", "pow", "div"]
        last, shape = source, before
        for name, after in zip(names, shapes, strict=True):
            output = self.note(name, last, shape, after)
            last, shape = len(self.operations) - 1, after
        scaled, quotient = self.operations[-4], self.operations[-1]
        scaled.factor = module.alpha
        quotient.reads, quotient.input_shapes = (source, *quotient.reads), (before, before)
        return output

    def pool(self, module: nn.MaxPool2d | nn.AvgPool2d, x: Tensor, source: int, before: tuple[int, ...]) -> Tensor:
        kernel, stride, padding = _two(module.kernel_size), _two(module.stride), _two(module.padding)
        if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
            raise _NotQuick
        name, dilation = "avg_pool2d", (1, 1)
        if isinstance(module, nn.MaxPool2d):
            if module.return_indices:
                raise _NotQuick
            name, dilation = "max_pool2d_with_indices", _two(module.dilation)
        grid = _grid(before, kernel, stride, padding, dilation, ceil_mode=module.ceil_mode)
        window = (_reach(kernel, dilation), stride)
        return self.note(name, source, before, (1, before[1], *grid), geometry=window, padding=padding)


def _shape_of(func: OpOverload[..., Any], args: Arguments) -> tuple[int, ...] | None:
    """The shape of a concatenation of channels, a sum of equals or a product with a number; else None."""
    if func is torch.ops.aten.cat.default and len(args) == 2 and args[1] == 1:
        shapes = [tensor.shape for tensor in args[0]]
        if all(len(shape) == 4 and shape[2:] == shapes[0][2:] for shape in shapes):
            return (1, sum(shape[1] for shape in shapes), *shapes[0][2:])
    if func is torch.ops.aten.add.Tensor and isinstance(args[1], Tensor) and args[0].shape == args[1].shape:
        return tuple(args[0].shape)
    if func is torch.ops.aten.mul.Tensor and (not isinstance(args[1], Tensor) or not args[1].dim()):
        return tuple(args[0].shape)
    return None


def _grid(
    before: tuple[int, ...],
    kernel: Grid,
    stride: Grid,
    padding: Grid,
    dilation: Grid,
    *,
    ceil_mode: bool = False,
) -> list[int]:
    """(height, width) that a window leaves of a grid, as torch counts them."""
    grid = []
    for axis in (0, 1):
        side, p, s = before[axis + 2], padding[axis], stride[axis]
        room = side + 2 * p - dilation[axis] * (kernel[axis] - 1) - 1
        if room < 0:
            raise _NotQuick
        count = (room + s - 1 if ceil_mode else room) // s + 1
        if ceil_mode and (count - 1) * s >= side + p:  # the last window must begin on the grid or its near padding
            count -= 1
        grid.append(count)
    return grid


def _lines() -> Lines:
    """Where the module or operation that is being noted is called, innermost first, up to the forward that it stands in."""
    found: list[tuple[CodeType, int]] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename in _BETWEEN:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_filename not in _BETWEEN:
        found.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return tuple(found)


_BETWEEN = {
    function.__code__.co_filename for function in (_lines, nn.Module._call_impl)
}  # what a module is called through


def _tensors(values: Arguments) -> list[Tensor]:
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found.extend(item for item in value if isinstance(item, Tensor))
    return found


def _every_tensor(value: object) -> Iterator[Tensor]:
    """The tensors in what a forward returns: a tensor, or tuples, lists and mappings of these."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _every_tensor(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _every_tensor(each)


def _macs(name: str, args: Arguments, output: Tensor) -> int:
    """Multiply-adds of one operation. Biases, pooling and normalisation count nothing, as in the papers."""
    tensors = _tensors(args)
    name = name.removesuffix("_")  # in place
    if name == "convolution":
        source, weight, transposed = tensors[0], tensors[1], args[6]
        return (source if transposed else output).numel() * weight[0].numel()
    if name == "conv_tbc":  # a 1-D convolution of (time, batch, channels)
        return output.numel() * tensors[1][..., 0].numel()
    if name == "_grouped_mm" and tensors[0].dim() == tensors[1].dim() == 2:  # what is added up is divided into groups
        return tensors[0].numel() * tensors[1].shape[-1]
    if name in ("mm", "bmm", "mv", "dot", "vdot", "_grouped_mm", "_int_mm", "_scaled_mm"):
        return output.numel() * tensors[0].shape[-1]
    if name in ("addmm", "baddbmm", "addmv"):
        return output.numel() * tensors[1].shape[-1]
    if name == "addbmm":  # the products of a batch, added up
        return output.numel() * tensors[1].shape[-1] * tensors[1].shape[0]
    if name == "_trilinear":  # nn.Bilinear: the first input times a matrix for each output, and that times the second
        first, weight, _ = tensors
        return first[..., 0].numel() * weight.numel() + output.numel() * weight.shape[-1]
    if name in ("_euclidean_dist", "_cdist_forward", "_pdist_forward"):  # Euclidean: squares of differences, added up
        norm = 2 if name == "_euclidean_dist" else [*args[len(tensors) :], 2][0]
        return output.numel() * tensors[0].shape[-1] if norm == 2 else 0
    if name.startswith("_scaled_dot_product"):
        query, key, value = tensors[:3]
        return math.prod(query.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1])
    return 0


def _geometry(name: str, args: Arguments) -> Window | None:
    """(reach, stride) of a sliding window on a 2-D grid; None for anything else."""
    if name == "convolution" and args[1].dim() == 4:
        weight, (down, across), dilation, transposed = args[1], _two(args[3]), _two(args[5]), args[6]
        reach = _reach(_two(weight.shape[2:]), dilation)
        return reach, (1 / down, 1 / across) if transposed else (down, across)
    if name in ("max_pool2d_with_indices", "max_pool2d", "avg_pool2d"):
        kernel = _two(args[1])
        stride = _two(args[2]) if len(args) > 2 and args[2] else kernel
        dilation = _two(args[4]) if name != "avg_pool2d" and len(args) > 4 else (1, 1)
        return _reach(kernel, dilation), stride
    return None


def _step(name: str, args: Arguments, output: Tensor) -> Spread | None:
    """(reach, stride) of what changes a grid otherwise: a slice, an upsampling, pixels that become channels; else None."""
    if not args or not isinstance(args[0], Tensor) or args[0].dim() != 4 or output.dim() != 4:
        return None
    before, after = args[0].shape[2:], output.shape[2:]
    shrink = (before[0] / after[0], before[1] / after[1]) if 0 not in after else (1.0, 1.0)
    if name == "slice":
        dim, every = args[1] if len(args) > 1 else 0, args[4] if len(args) > 4 else 1
        return (0, 0), (every if dim % 4 == 2 else 1, every if dim % 4 == 3 else 1)
    if name.startswith("upsample") or name == "pixel_shuffle":  # of how many pixels each is made
        made_of = 4 if "bicubic" in name else 2 if "bilinear" in name else 1
        spread = (made_of * (1 if each >= 1 else 1 / each) for each in shrink)  # over how many units, that is
        down, across = (each - (1 if each.is_integer() else 1e-6) for each in map(float, spread))
        return (down, across), shrink
    if name == "pixel_unshuffle" or (
        name in ("_adaptive_avg_pool2d", "adaptive_max_pool2d") and _divides(after, before)
    ):
        return (round(shrink[0]) - 1, round(shrink[1]) - 1), shrink
    return None


def _padding(name: str, args: Arguments) -> tuple[float, float] | None:
    """Rows and columns that an operation puts before a 2-D grid; None where that cannot be told."""
    if name == "convolution":
        return None if args[6] else _two(args[4])
    if name in ("max_pool2d_with_indices", "max_pool2d", "avg_pool2d"):
        return _two(args[3]) if len(args) > 3 else (0, 0)
    if name.startswith(_PADS):
        left, _, top, _ = [*args[1], 0, 0, 0, 0][:4]
        return top, left
    if name == "slice" and args[0].dim() == 4 and len(args) > 2 and (axis := args[1] % 4 - 2) >= 0:
        begins = min(max(args[2] + (args[0].shape[axis + 2] if args[2] < 0 else 0), 0), args[0].shape[axis + 2])
        return (0, -begins) if axis else (-begins, 0)
    if name.startswith("upsample") or name == "pixel_shuffle":
        return None
    return 0, 0


def _divides(after: Sequence[int], before: Sequence[int]) -> bool:
    return all(big % small == 0 for big, small in zip(before, after, strict=True))


def _reads_grid(name: str, args: Arguments) -> bool:
    """Is each unit computed from all of the grid, as by a normalisation with statistics of this very image?"""
    if name in ("native_batch_norm", "cudnn_batch_norm"):
        return bool(args[5])
    if name == "native_layer_norm":
        return bool(args[0].dim() == 4 and len(args[1]) > 1)
    return name in ("native_group_norm", "_native_batch_norm_legit")


def _keeps_places(name: str, args: Arguments) -> bool:
    """Are the grid's two dimensions where they were, and does a unit read its own place alone?"""
    dims = args[0].dim() if args and isinstance(args[0], Tensor) else 0
    if name in ("_softmax", "_log_softmax"):
        return bool(args[1] % dims < dims - 2)
    if name == "native_layer_norm":
        return False
    if "pool3d" in name:
        return all(size == 1 for size in ([*args[1]] * 3)[-2:])
    if name == "permute":
        return [dim % dims for dim in args[1]][-2:] == [dims - 2, dims - 1]
    if name == "transpose":
        return all(dim % dims < dims - 2 for dim in args[1:3])
    return name != "t"


def _reach(kernel: Grid, dilation: Grid) -> Grid:
    return dilation[0] * (kernel[0] - 1), dilation[1] * (kernel[1] - 1)


def _factor(args: Arguments) -> float | None:
    """The plain number among a product's two factors; None where both are tensors that vary."""
    for value in args:
        if isinstance(value, int | float):
            return value
        if isinstance(value, Tensor) and value.dim() == 0 and not value.is_meta:
            return value.item()
    return None


def _two(values: int | Sequence[int]) -> Grid:
    """A size in both directions, given as one number or as two, or as a list of one."""
    if isinstance(values, int):
        return values, values
    return values[0], values[-1]
