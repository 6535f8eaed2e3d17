"""`serve(channel, shell)` is the process of a student's code: it computes, writes down what it computes, and judges nothing.

The tests run in another process (`classroom.sandbox.stand_in`), which asks this one to call a function or a module. The answer is
plain data, and, where tensors are concerned, the list of torch's operations that made them. The tests' process runs those
operations itself, on its own tensors. So what is marked is what the code computes: nothing that the code does to this
process, to torch or to the tests' tools reaches the one that marks.
"""

import copy
import io
import json
import linecache
import marshal
import operator
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypedDict

import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import TensorWeakRef, WeakTensorKeyDictionary

from classroom.sandbox.channel import Channel, Disconnected, Message
from classroom.sandbox.wire import (
    LAZY,
    Codec,
    Description,
    Encoded,
    NotSerializable,
    has_hooks,
    is_trusted,
    names_of,
    plain_attributes,
    trusted_class,
)

MOST_TEXT = 20_000  # characters of output kept of one cell
_MODULE_CALL = nn.Module.__call__
_RANDOM = torch.Tag.nondeterministic_seeded


def serve(channel: Channel, shell: InteractiveShell) -> None:
    """Answer until the other handler hangs up. `shell` runs the cells."""
    handler = RequestHandler(channel, shell.user_ns)

    def call(module: nn.Module, *args: object, **kwargs: object) -> object:
        return handler.call_module(module, args, kwargs)

    setattr(nn.Module, "__call__", call)  # noqa: B010 (an assignment to a method is no type's)
    while True:
        try:
            message, blobs = channel.receive()
        except Disconnected:
            return
        if message["kind"] == "cell":
            channel.send({**run_cell(shell, message["source"])})
        else:
            handler.handle(message, blobs)


class CappedOutput(io.TextIOBase):
    """A stream that keeps the first of what is written to it."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.remaining = MOST_TEXT
        self.dropped = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        kept = text[: self.remaining]
        if kept:
            self.kept.append(kept)
            self.remaining -= len(kept)
        self.dropped += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        more = f"\n... {self.dropped:,} more characters are left out ..." if self.dropped else ""
        return "".join(self.kept) + more


class CellResult(TypedDict):
    """What a cell printed, how many characters more than are kept, and name, message and lines of the exception that ended it."""

    text: str
    dropped: int
    error: tuple[str, str, list[str]] | None


def run_cell(shell: InteractiveShell, source: str) -> CellResult:
    """Run a notebook's cell: what it printed, and the exception that ended it."""
    stream = CappedOutput()
    before = sys.stdout, sys.stderr
    lines: list[str] = []

    def keep(kind: object, error: object, text: list[str]) -> None:
        lines.extend(text)

    setattr(shell, "_showtraceback", keep)  # noqa: B010 (an assignment to a method is no type's)
    sys.stdout = sys.stderr = stream
    try:
        result = shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
    finally:
        sys.stdout, sys.stderr = before
    ended_by = None
    if error is not None:
        ended_by = type(error).__name__, str(error)[:MOST_TEXT], [line[:MOST_TEXT] for line in lines[:100]]
    return {"text": "".join(stream.kept), "dropped": stream.dropped, "error": ended_by}


class _RecordingMode(TorchDispatchMode):
    def __init__(self, handler: "RequestHandler"):
        TorchDispatchMode.__init__(self)
        self.handler = handler

    def __torch_dispatch__(
        self, function: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        return self.handler.operation(function, args, kwargs or {})


class RequestHandler(Codec):
    """Runs what the tests' process asks for, and writes down the operations.

    Tensors have numbers that both sides know: those made here are below zero. They are held weakly, so that what the
    code drops is dropped. Modules and other objects that the tests may ask for again are kept.
    """

    def __init__(self, channel: Channel, names: dict[str, object]):
        super().__init__()
        self.channel = channel
        self.names = names
        self.nodes: list[Encoded] = []
        self.paused = True
        self.entered: nn.Module | None = None
        self.numbers: MutableMapping[Tensor, int] = WeakTensorKeyDictionary()
        self.tensors: dict[int, TensorWeakRef] = {}
        self.storages: dict[int, list[int]] = {}
        self.layouts: dict[int, tuple[Any, ...]] = {}
        self.held: dict[int, Tensor] = {}  # what was alive when the last answer went out: the tests may ask for it
        self.meta_tensors: MutableMapping[Tensor, tuple[nn.Module, str]] = WeakTensorKeyDictionary()
        self.last = 0
        self.modules: dict[int, nn.Module] = {}
        self.module_numbers: dict[int, int] = {}
        self.described: dict[int, bytes] = {}
        self.objects: dict[int, object] = {}
        self.object_numbers: dict[int, int] = {}
        self.gradients: dict[int, int | None] = {}

    # The conversation

    def handle(self, message: Message, blobs: list[bytearray]) -> None:
        self.synchronise(message, blobs)
        random_before = torch.get_rng_state()
        response: Message = {}
        try:
            args: tuple[Any, ...] = self.decode(message["args"])
            match message["function"]:
                case "name":
                    response["missing"] = args[0] not in self.names
                    value = self.names.get(args[0])
                case "forward":
                    value = self.forward(*args, grad=message["grad"])
                case "call":
                    _, given, named = args
                    before = _as_it_is([*given, *named.values()])
                    value = self.record(_call, args, message["grad"])
                    after = _as_it_is([*given, *named.values()])
                    places = [*range(1, len(given) + 1), *named]
                    response["changed"] = [
                        place for place, old, new in zip(places, before[1], after[1], strict=True) if old != new
                    ]
                case operation:
                    value = self.record(OPERATIONS[operation], args, message["grad"])
            response["value"] = self.encode(value)
            response["needs_gradient"] = [
                self.numbers.get(tensor) for tensor in _tensors([value]) if tensor.requires_grad
            ]
        except BaseException as error:
            response["error"] = [names_of(error), str(error)[:MOST_TEXT], _lines(error)]
        self.bring_up_to_date()
        is_same = torch.equal(random_before, torch.get_rng_state())
        response["random"] = None if is_same else True
        self.respond(response)

    def respond(self, response: Message) -> None:
        """Send what happened since the last message."""
        self.held = {}
        self.held = {number: tensor for number in self.tensors if (tensor := self.known(number)) is not None}
        for table in (self.tensors, self.layouts, self.gradients):
            for number in table.keys() - self.held.keys():
                del table[number]
        response["nodes"], response["alive"] = self.nodes, list(self.held)
        blobs, self.nodes, self.blobs = self.blobs, [], []
        self.channel.send(response, blobs)

    def synchronise(self, message: Message, blobs: list[bytearray]) -> None:
        """The state of what both sides have, as the tests' handler has it."""
        self.arrived = blobs
        for number, data in message["tensors"]:
            self.update(number, self.tensor_of(data))
        for number, gradient in message["gradients"]:
            tensor = self.known(number)
            if tensor is not None:
                tensor.grad = None if gradient is None else self.known(gradient)
                self.gradients[number] = gradient
        for number, training in message["training"]:
            if number in self.modules:
                self.modules[number].training = training
        self.set_random_state(message["random"])

    def update(self, number: int, value: Tensor) -> None:
        tensor = self.known(number)
        if tensor is None:
            self.register(value, number)
            self.held[number] = value
            return
        with torch.no_grad():
            if tensor.shape == value.shape and tensor.dtype == value.dtype:
                tensor.detach().copy_(value)
            else:
                tensor.data = value.detach()
                self.register(tensor, number)
        if tensor.is_leaf and tensor.requires_grad != value.requires_grad and tensor.is_floating_point():
            tensor.requires_grad_(value.requires_grad)
        self.layouts[number] = _layout(tensor)

    def call_back(self, number: int, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Call a function of the tests' that was handed over, such as a `lambda`."""
        paused, self.paused = self.paused, True
        try:
            self.bring_up_to_date()
            self.respond({"callback": number, "args": self.encode(args), "kwargs": self.encode(kwargs), "random": True})
            message, blobs = self.channel.receive()
            self.synchronise(message, blobs)
            if "error" in message:
                raise RuntimeError(message["error"])
            return self.decode(message["value"])
        finally:
            self.paused = paused

    # Recording

    def record(self, function: Callable[..., object], args: tuple[object, ...], grad: bool) -> object:
        with torch.set_grad_enabled(grad), _RecordingMode(self):
            self.paused = False
            try:
                return function(*args)
            finally:
                self.paused = True

    def forward(self, module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object], *, grad: bool) -> object:
        """A call that came through the module's stand-in, which has opened it there already."""

        def call() -> object:
            self.entered = module
            try:
                return module(*args, **kwargs)
            finally:
                self.entered = None

        if not any(isinstance(each, Tensor) and each.is_meta for each in [*args, *kwargs.values()]):
            return self.record(call, (), grad)
        with self.on_meta(module):
            return self.record(call, (), grad)

    @contextmanager
    def on_meta(self, module: nn.Module) -> Iterator[None]:
        """In here, the module's tensors have shapes and no values, as an input on `meta` needs it."""
        own: list[tuple[dict[str, Any], str, Tensor]] = []
        stand_ins: dict[int, Tensor] = {}  # a tensor under two names has one
        for child in module.modules():
            groups: list[dict[str, Any]] = [child._parameters, child._buffers]
            for group in groups:
                for name, tensor in group.items():
                    if tensor is None or is_lazy(tensor) or tensor.is_meta:
                        continue
                    own.append((group, name, tensor))
                    if id(tensor) not in stand_ins:
                        stand_ins[id(tensor)] = torch.empty_like(tensor, device="meta", requires_grad=False)
                        self.meta_tensors[stand_ins[id(tensor)]] = (child, name)
        for group, name, tensor in own:
            group[name] = stand_ins[id(tensor)]
        try:
            yield
        finally:
            for group, name, tensor in own:
                group[name] = tensor

    def operation(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        if self.paused:
            return function(*args, **kwargs)
        self.paused = True
        try:
            return self._operation(function, args, kwargs)
        finally:
            self.paused = False

    def _operation(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        if function._schema.name == "aten::set_":  # a copy's memory is put under it
            outputs = function(*args, **kwargs)
            number = self.numbers.get(args[0])
            if number is not None:
                self.layouts.pop(number, None)
                self.bring_tensor_up_to_date(number, args[0])
            return outputs
        is_random = _RANDOM in function.tags
        given = _tensors([*args, *kwargs.values()])
        if any(is_lazy(tensor) for tensor in given):  # a layer that waits for its first input is taking its shape
            return function(*args, **kwargs)
        if is_random and not any(tensor.requires_grad for tensor in given):
            outputs = function(*args, **kwargs)
            for tensor in _tensors([outputs]):
                number = self.numbers.get(tensor)
                if number is None:
                    self.tensor_out(tensor)
                else:
                    self.nodes.append(["value", number, self.tensor_data(tensor)])
            return outputs
        written = (
            self.encode(tuple(args)),
            self.encode({name: value for name, value in kwargs.items() if not isinstance(value, torch.Generator)}),
        )
        if is_random:
            self.nodes.append(["random", self.random_state()])
        outputs = function(*args, **kwargs)
        if not _tensors([outputs]) and not function._schema.is_mutable:
            return outputs
        name = function._schema.name
        grad = torch.is_grad_enabled()
        self.nodes.append(["op", name, function._overloadname, *written, grad, self.results(outputs)])
        return outputs

    def results(self, value: object) -> object:
        """Numbers for the tensors of a result, in its own nesting."""
        if isinstance(value, Tensor):
            number = self.numbers.get(value)
            return number if number is not None else self.register(value)
        if isinstance(value, (tuple, list)):
            return [self.results(each) for each in value]
        if isinstance(value, dict):
            return [self.results(each) for each in value.values()]
        return None

    def call_module(self, module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """What `module(...)` does while the student's code runs."""
        if self.paused:
            return _MODULE_CALL(module, *args, **kwargs)
        if self.entered is module:
            self.entered = None
            return _MODULE_CALL(module, *args, **kwargs)
        self.paused = True
        try:
            number = self.module_number(module)
            # a mode or a momentum may have changed since
            known = self.describe_all((self.module_number(child), child) for child in module.modules())
            written = self.encode(args), self.encode(kwargs)
            is_native = self.is_native(module, known)
            if is_native:
                state = torch.get_rng_state()
                outputs = _MODULE_CALL(module, *args, **kwargs)
                if not torch.equal(state, torch.get_rng_state()):  # the tests' process draws the same
                    self.nodes.append(["random", self.blob(state.numpy().tobytes())])
                self.nodes.append(["call", number, *written, torch.is_grad_enabled(), self.results(outputs)])
                return outputs
        except NotSerializable:
            is_native, number = False, None
        finally:
            self.paused = False
        if number is None:
            return _MODULE_CALL(module, *args, **kwargs)
        place = len(self.nodes)
        self.nodes.append(["enter", number, *written, torch.is_grad_enabled()])
        try:
            outputs = _MODULE_CALL(module, *args, **kwargs)
            self.paused = True
            self.nodes.append(["leave", number, self.encode(outputs)])
        except BaseException:
            self.nodes[place] = ["nothing"]
            raise
        finally:
            self.paused = False
        return outputs

    # Tensors

    def register(self, tensor: Tensor, number: int | None = None) -> int:
        if number is None:
            self.last -= 1
            number = self.last
        self.numbers[tensor] = number
        self.tensors[number] = TensorWeakRef(tensor)
        self.layouts[number] = _layout(tensor)
        if not tensor.is_meta and tensor.layout == torch.strided:
            self.storages.setdefault(tensor.untyped_storage()._cdata, []).append(number)
        return number

    def known(self, number: int) -> Tensor | None:
        ref = self.tensors.get(number)
        return ref() if ref is not None else None

    def tensor_out(self, tensor: Tensor) -> Encoded:
        place = self.meta_tensors.get(tensor)
        if place is not None:
            return ["parameter", self.module_number(place[0]), place[1]]
        number = self.numbers.get(tensor)
        if number is None:
            number = self._introduce(tensor)
        return ["tensor", number]

    def _introduce(self, tensor: Tensor) -> int:
        """Tell of a tensor that no recorded operation made."""
        if tensor.is_meta or tensor.layout != torch.strided:
            self.nodes.append(["new", self.last - 1, self.tensor_data(tensor)])
            return self.register(tensor)
        base = self._owner(tensor)
        flags = [tensor.is_leaf and tensor.requires_grad, isinstance(tensor, nn.Parameter)]
        if base is None:
            whole = torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())
            if tensor.storage_offset() == 0 and tensor.is_contiguous() and whole.numel() == tensor.numel():
                self.nodes.append(["new", self.last - 1, self.tensor_data(tensor)])
                return self.register(tensor)
            self.nodes.append(["new", self.last - 1, self.tensor_data(whole)])
            base = self.register(whole)
        place = [list(tensor.shape), list(tensor.stride()), tensor.storage_offset()]
        self.nodes.append(["alias", self.last - 1, base, *place, *flags])
        return self.register(tensor)

    def _owner(self, tensor: Tensor) -> int | None:
        """The number of a known tensor with the same numbers in memory."""
        place = tensor.untyped_storage()._cdata
        for number in self.storages.get(place, []):
            other = self.known(number)
            if other is not None and other.dtype == tensor.dtype and other.untyped_storage()._cdata == place:
                return number
        return None

    def bring_up_to_date(self) -> None:
        """Tell of what changed without an operation: `.data = ...`, `.grad`, a module's parts."""
        for number in list(self.tensors):
            tensor = self.known(number)
            if tensor is None or tensor.is_meta or tensor.layout != torch.strided:
                continue
            self.bring_tensor_up_to_date(number, tensor)
            if tensor.is_leaf and tensor.requires_grad:
                gradient = self.tensor_out(tensor.grad)[1] if tensor.grad is not None else None
                if self.gradients.get(number) != gradient:
                    self.gradients[number] = gradient
                    self.nodes.append(["grad", number, gradient])
        self.describe_all(self.modules.items())

    def bring_tensor_up_to_date(self, number: int, tensor: Tensor) -> None:
        before, now = self.layouts.get(number), _layout(tensor)
        if before == now:
            return
        self.layouts[number] = now
        if before is None or before[:-1] != now[:-1]:
            self.nodes.append(["data", number, self.tensor_out(tensor.detach())])
            self.storages.setdefault(now[0], []).append(number)
        if tensor.is_leaf:
            self.nodes.append(["flag", number, tensor.requires_grad])

    # Modules

    def module_out(self, module: nn.Module) -> Encoded:
        return ["module", self.module_number(module)]

    def module_number(self, module: nn.Module) -> int:
        number = self.module_numbers.get(id(module))
        if number is None:
            number = -1 - len(self.module_numbers)
            self.keep_module(number, module)
            self.describe(number, module)
        return number

    def keep_module(self, number: int, module: nn.Module) -> None:
        self.modules[number] = module
        self.module_numbers[id(module)] = number

    def is_native(self, module: nn.Module, known: dict[int, list[Encoded] | None]) -> bool:
        """Can the tests' process run it by itself: a layer of torch or of the course, nothing of the student's in it?

        Args:
            known: of modules that were asked about before, by `id`: their plain attributes, None for one that is not native. More are added.
        """
        if id(module) not in known:
            is_plain_layer = (
                is_trusted(type(module))
                and not has_hooks(module)
                and not any(each is not None and is_lazy(each) for each in module._parameters.values())
            )
            plain = plain_attributes(module) if is_plain_layer else None
            children = module._modules.values()
            is_native = plain is not None and all(child is None or self.is_native(child, known) for child in children)
            known[id(module)] = plain if is_native else None
        return known[id(module)] is not None

    def describe_all(self, modules: Iterable[tuple[int, nn.Module]]) -> dict[int, list[Encoded] | None]:
        """Tell what modules are made of, where that is new. What `is_native` knows of them comes back."""
        known: dict[int, list[Encoded] | None] = {}
        for number, module in list(modules):
            self.describe(number, module, known)
        return known

    def describe(
        self,
        number: int,
        module: nn.Module,
        known: dict[int, list[Encoded] | None] | None = None,
        *,
        silently: bool = False,
    ) -> None:
        """Tell what a module is made of, if that is new. `known` is what `is_native` has found out since code of the student's ran."""
        parts = [
            [name, None if child is None else self.module_number(child)] for name, child in module._modules.items()
        ]
        tensors = [
            [
                [name, None if tensor is None else LAZY if is_lazy(tensor) else self.tensor_out(tensor)]
                for name, tensor in group.items()
            ]
            for group in (module._parameters, module._buffers)
        ]
        known = {} if known is None else known
        is_native = self.is_native(module, known)
        description: Description = {
            "classes": [f"{kind.__module__}.{kind.__qualname__}" for kind in type(module).__mro__ if is_trusted(kind)],
            "name": type(module).__name__,
            "native": is_native,
            "plain": known[id(module)] or [],
            "parameters": tensors[0],
            "buffers": tensors[1],
            "unsaved": sorted(module._non_persistent_buffers_set),
            "modules": parts,
            "training": bool(module.training),
        }
        mark = _fingerprint(description)
        if self.described.get(number) != mark:
            self.described[number] = mark
            if not silently:
                self.nodes.append(["module", number, description])

    # Objects

    def object_out(self, value: object) -> Encoded:
        if isinstance(value, Callback):
            return ["given", value.number]
        number = self.object_numbers.get(id(value))
        if number is None:
            number = len(self.objects)
            self.objects[number], self.object_numbers[id(value)] = value, number
        name = getattr(value, "__name__", None)
        return ["object", number, str(name) if isinstance(name, str) else type(value).__name__]

    def special(self, kind: str, rest: list[Any]) -> Any:
        match kind:
            case "tensor":
                return self.known(rest[0])
            case "module":
                return self.modules[rest[0]]
            case "object":
                return self.objects[rest[0]]
            case "function":
                return Callback(self, rest[0])
            case "build":
                return self.build(*rest)
        raise ValueError(kind)

    def build(self, number: int, path: str, plain: list[Encoded], parameters: list[Encoded], buffers: list[Encoded],
              unsaved: list[str], modules: list[Encoded], training: bool) -> nn.Module:  # fmt: skip
        """A module of the tests', made again."""
        if path.startswith("__main__."):
            kind: Any = self.names[path.removeprefix("__main__.")]
        else:
            kind = trusted_class(path, nn.Module)
        module: nn.Module = kind.__new__(kind)
        nn.Module.__init__(module)
        module.__dict__.update({name: self.decode(value) for name, value in plain})
        for name, tensor in parameters:
            module._parameters[name] = self.decode(tensor)
        for name, tensor in buffers:
            module._buffers[name] = self.decode(tensor)
        for name, child in modules:
            module._modules[name] = self.decode(child)
        module._non_persistent_buffers_set = set(unsaved)
        module.training = training
        self.keep_module(number, module)
        self.describe(number, module, silently=True)
        return module


class Callback:
    """A function of the tests', as the student's code gets it."""

    __test__ = False

    def __init__(self, handler: RequestHandler, number: int):
        self.handler, self.number = handler, number

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self.handler.call_back(self.number, args, kwargs)


def _call(function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    return function(*args, **kwargs)


def _as_it_is(value: Any) -> Any:
    """A value's lists, tuples, dictionaries and sets as they are now, to be compared with what they are later."""
    if type(value) in (list, tuple):
        return type(value), [_as_it_is(each) for each in value]
    if type(value) is dict:
        return dict, {name: _as_it_is(each) for name, each in value.items()}
    if type(value) is set:
        return set, set(value)
    return value if value is None or type(value) in (bool, int, float, complex, str, bytes) else id(value)


# What the tests' process may ask for, besides a name, a call and a module's forward.
OPERATIONS: dict[str, Callable[..., object]] = {
    "getattr": getattr,
    "setattr": setattr,
    "getitem": operator.getitem,
    "len": len,
    "iter": iter,
    "next": next,
    "copy": copy.deepcopy,
    "isinstance": isinstance,
}


def _fingerprint(description: Description) -> bytes:
    data: Any = description
    try:
        return marshal.dumps(data, 2)  # a fifth of the time of JSON
    except ValueError:  # a name or number of a class of somebody's own
        return json.dumps(description).encode()


def _layout(tensor: Tensor) -> tuple[Any, ...]:
    if tensor.is_meta or tensor.layout != torch.strided:
        return (tensor.shape,)
    place = (tensor.untyped_storage()._cdata, tensor.shape, tensor.stride(), tensor.storage_offset())
    return (*place, tensor.requires_grad)


def _tensors(values: Iterable[object]) -> list[Tensor]:
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _tensors(value)
    return found


def _lines(error: BaseException) -> list[tuple[int | None, str | None]]:
    """Numbers and texts of the lines of the student's own code that led to the error."""
    return [
        (frame.lineno, linecache.getline(frame.filename, frame.lineno or 0).rstrip("\n"))
        for frame in traceback.extract_tb(error.__traceback__)
        if "ipykernel" in frame.filename or frame.filename.startswith("<ipython")
    ]
