"""The tests' side of the boundary: stand-ins for what a student wrote, in a process that runs none of the student's code.

    student = Student(channel)
    FiveBranches = student.name("FiveBranches")     # a stand-in for the class in the other process
    block = FiveBranches(8, 2, 3, 4, 2, 3, 5, 6)    # a real nn.Module here: its parameters, its layers
    block(images)                                   # the operations are asked for, and run here, on tensors of this side

A number, a text or a list comes over as itself. A tensor comes over as the operations that made it, so gradients, views
and changes in place are what they would be in one process. Anything else is a `Remote`: asked, never believed: whether
two things are equal is decided here.
"""

import builtins
import hashlib
import time
import types
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils.weak import TensorWeakRef, WeakTensorKeyDictionary

from classroom.sandbox.channel import NO_SENSE, Channel, Disconnected, Message, ResponseTimeout
from classroom.sandbox.operations import OPERATIONS
from classroom.sandbox.wire import (
    KINDS,
    LAZY,
    OF_EVERY_MODULE,
    Codec,
    Description,
    Encoded,
    NotSerializable,
    is_trusted,
    plain_attributes,
    tensor_bytes,
    trusted_class,
)
from utils.feedback.functions import CHANGES

_EXCEPTIONS = {
    name: kind for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
}
_HOSTILE = (  # what reading a message raises that makes no sense
    ValueError, TypeError, LookupError, AttributeError, RuntimeError, MemoryError, OverflowError,
)  # fmt: skip
_MOST_LINES = 8  # of the student's, behind an exception
_OF_TORCH = {name.partition(".")[0] for name in torch._C._dispatch_get_all_op_names() if name.startswith("aten::")}
_SHORT = 4  # characters: a text that is shorter tells nothing
_Content = tuple[str, tuple[int, ...], bool, bytes]  # of a tensor: dtype, shape, requires_grad, values
_OF_A_FUNCTION = ("__code__", "__defaults__", "__annotations__")


class StudentError(Exception):
    """The student's code raised something that is no exception of Python's own."""


class Student(Codec):
    """What the tests know of a student's process.

    Args:
        channel: to the process.
        seconds: how long it may take for one answer, at most; `deadline` (of `time.monotonic`) can end it sooner.
        seed: what this side's random numbers follow from, which the other one cannot choose and does not know.
    """

    def __init__(self, channel: Channel, seconds: float = 30, seed: bytes = b""):
        super().__init__()
        self.channel = channel
        self.seconds = seconds
        self.seed = seed
        self.sources: list[str] = []  # the cells that the student handed in
        self.visible: list[str] = []  # what everybody may read of the tests
        self.words: set[str] = set()  # texts that came over and do not stand in these
        self.deadline = float("inf")
        self.undecided = ""  # what the student's code does and cannot be brought here
        self.last = 0
        self.numbers: MutableMapping[Tensor, int] = WeakTensorKeyDictionary()
        self.tensors: dict[int, TensorWeakRef] = {}
        self.shared: set[int] = set()  # tensors that the other side has too
        self.sent: dict[int, _Content] = {}
        self.kept: dict[int, Tensor] = {}  # what the other side holds on to
        self.in_flight: list[Tensor] = []  # what the message on its way there speaks of
        self.gradients: dict[int, int | None] = {}
        self.modules: dict[int, nn.Module] = {}
        self.module_numbers: dict[int, int] = {}
        self.training: dict[int, bool] = {}
        self.objects: dict[int, Remote] = {}
        self.functions: dict[int, Callable[..., object]] = {}
        self.new_tensors: list[Encoded] = []
        self.environment: dict[int, Tensor] = {}  # what the entries that are being run speak of
        self.last_use: dict[int, list[int]] = {}  # by an entry's position: the numbers that no later one has

    # What is asked

    def has(self, name: str) -> bool:
        """Does the student's notebook define this name?"""
        return not self._exchange("name", (name,))[0]["missing"]

    def name(self, name: str) -> Any:
        """What stands under a name in the student's notebook.

        Raises:
            KeyError: nothing does.
        """
        response, value = self._exchange("name", (name,))
        if response["missing"]:
            raise KeyError(name)
        return value

    def request(self, function: str, *args: object) -> Any:
        """Ask for one of the operations in `classroom.sandbox.student_process.OPERATIONS`."""
        return self._exchange(function, args)[1]

    def _exchange(self, function: str, args: tuple[object, ...]) -> tuple[Message, Any]:
        with _disable_current_modes():
            message = {"kind": "request", "function": function, "grad": torch.is_grad_enabled()}
            end = min(time.monotonic() + self.seconds, self.deadline)
            self._send(message | {"args": self.encode(args)}, end)
        while True:
            response, self.arrived = self.channel.receive(max(end - time.monotonic(), 0.001))
            with self._sense():
                value = self._replay_response(response)
            if "callback" not in response:
                break
            with self._sense():
                asked = self.functions[response["callback"]]
                named = self._answer(response["kwargs"])
                if not isinstance(value, tuple) or not isinstance(named, dict):
                    raise ValueError("no arguments")
            self._call_back(asked, value, named, end)
        if "error" in response:
            with self._sense():
                raised = self._exception(*response["error"])
            raise raised
        with self._sense():
            of_gradient = [self._known(number) for number in response.get("needs_gradient", [])]
        if torch.is_grad_enabled() and any(tensor is not None and not tensor.requires_grad for tensor in of_gradient):
            self.undecided = "a gradient that is not torch's own, as of a torch.autograd.Function"
            raise NotSerializable(self.undecided)
        with self._sense():
            changed = [place if str(place).isidentifier() else int(place) for place in response.get("changed", [])]
        if changed:  # lists and dictionaries are changed there alone
            raise AssertionError(CHANGES.format(changed[0]))
        return response, value

    @contextmanager
    def _sense(self) -> Iterator[None]:
        """What is read in here came from the student's process: where it makes no sense, the conversation is over."""
        try:
            yield
        except (NotSerializable, Disconnected, ResponseTimeout):
            raise
        except _HOSTILE as error:
            raise Disconnected(NO_SENSE) from error

    def _send(self, message: Message, end: float) -> None:
        with torch.no_grad():
            self._forget()
            message["tensors"] = self._changed()
            message["training"] = self._changed_modes()
            message["gradients"] = self._changed_gradients()
            message["tensors"] += self.new_tensors
        message["random"] = self.random_state()
        blobs, self.blobs, self.new_tensors = self.blobs, [], []
        self.channel.send(message, blobs, max(end - time.monotonic(), 0.001))

    def _replay_response(self, response: Message) -> Any:
        self.environment, self.last_use = {}, {}
        state = torch.get_rng_state()
        position, nodes = 0, response["nodes"]
        ends = {number: place for place, node in enumerate(nodes) for number in _whole_numbers(node)}
        for number in (
            ends.keys() - _whole_numbers(response.get("value", response.get("args"))) - set(response["alive"])
        ):
            self.last_use.setdefault(ends[number], []).append(number)
        try:
            while position < len(nodes):
                position = self.replay(nodes, position)
            with _disable_current_modes():
                value = self._answer(response.get("value", response.get("args")))
                self._settle(set(response["alive"]))
        finally:
            self.environment = {}
            torch.set_rng_state(state)
        if response["random"] is not None:
            self._reseed()
        return value

    def _reseed(self) -> None:
        """Go on with random numbers that the student's process, which has drawn some, cannot choose."""
        self.seed = hashlib.sha256(self.seed).digest()
        torch.default_generator.manual_seed(int.from_bytes(self.seed[:8], "little"))

    def _call_back(
        self, function: Callable[..., object], args: tuple[Any, ...], named: dict[str, Any], end: float
    ) -> None:
        message: Message = {"kind": "request"}
        try:
            value = function(*args, **named)
            with _disable_current_modes():
                message["value"] = self.encode(value)
        except Exception as error:
            message["error"] = f"{type(error).__name__}: {error}"
        with _disable_current_modes():
            self._send(message, end)

    # Keeping both sides alike

    def _register(self, tensor: Tensor, number: int) -> None:
        self.numbers[tensor] = number
        self.tensors[number] = TensorWeakRef(tensor)
        self.environment[number] = tensor

    def _known(self, number: int) -> Tensor | None:
        ref = self.tensors.get(number)
        return ref() if ref is not None else None

    def _forget(self) -> None:
        for number in [number for number, ref in self.tensors.items() if ref() is None]:
            for table in (self.tensors, self.sent, self.gradients):
                table.pop(number, None)
            self.shared.discard(number)

    def _changed(self) -> list[Encoded]:
        changed = []
        for number in sorted(self.shared):
            tensor = self._known(number)
            if tensor is None or tensor.is_meta:
                continue
            content = _content(tensor)
            if self.sent.get(number) != content:
                self.sent[number] = content
                changed.append([number, self.tensor_data(tensor)])
        return changed

    def _changed_gradients(self) -> list[Encoded]:
        changed = []
        for number in sorted(self.shared):
            tensor = self._known(number)
            if tensor is None or not tensor.is_leaf or not tensor.requires_grad:
                continue
            gradient = None if tensor.grad is None else self.tensor_out(tensor.grad)[1]
            if self.gradients.get(number) != gradient:
                self.gradients[number] = gradient
                changed.append([number, gradient])
        return changed

    def _changed_modes(self) -> list[Encoded]:
        changed = []
        for number, module in self.modules.items():
            if self.training.get(number) != module.training:
                self.training[number] = module.training
                changed.append([number, module.training])
        return changed

    def _settle(self, alive: set[int]) -> None:
        """After an answer: what the other side still has, and with which numbers in it."""
        found = {number: tensor for number in alive if (tensor := self._known(number)) is not None}
        self.shared, self.kept, self.in_flight = set(found), found, []
        self.sent.update((number, _content(tensor)) for number, tensor in found.items() if not tensor.is_meta)

    # Running what was written down

    def replay(self, nodes: list[Encoded], position: int) -> int:
        """Run one entry; the position of the next comes back."""
        following = self._replay(nodes, position)
        self._drop(position)
        return following

    def _drop(self, position: int) -> None:
        """What no later entry speaks of is held no longer, so that a long loop needs no more memory than it would elsewhere."""
        for number in self.last_use.get(position, ()):
            self.environment.pop(number, None)

    def _replay(self, nodes: list[Encoded], position: int) -> int:
        kind, *rest = nodes[position]
        match kind:
            case "op":
                self._operation(*rest)
            case "call":
                number, args, kwargs, grad, results = rest
                args, kwargs = self.decode(args), self.decode(kwargs)
                with torch.set_grad_enabled(grad):
                    self._bind(self.modules[number](*args, **kwargs), results)
            case "enter":
                return self._enter(nodes, position)
            case "new":
                with _disable_current_modes():
                    self._register(self.tensor_of(rest[1]), rest[0])
            case "alias":
                self._alias(*rest)
            case "value":
                with torch.no_grad():
                    self._tensor(rest[0]).detach().copy_(self.tensor_of(rest[1]))
            case "random":
                self.set_random_state(rest[0])
            case "data":
                self._tensor(rest[0]).data = self.decode(rest[1])
            case "flag":
                if (tensor := self._tensor(rest[0])).is_leaf:
                    tensor.requires_grad_(rest[1])
            case "grad":
                self._tensor(rest[0]).grad = None if rest[1] is None else self._tensor(rest[1])
                self.gradients[rest[0]] = rest[1]
            case "module":
                self._describe(*rest)
            case "leave" | "nothing":
                pass
            case _:
                raise ValueError(f"no entry {kind!r}")
        return position + 1

    def _operation(self, name: str, overload: str, args: Encoded, kwargs: Encoded, grad: bool, results: object) -> None:
        function = OPERATIONS.get((name, overload))
        if function is None:
            known = name if name in _OF_TORCH else "another than torch's"
            self.undecided = f"the operation {known}"
            raise NotSerializable(self.undecided)
        positional, named = self.decode(args), self.decode(kwargs)
        with torch.set_grad_enabled(grad):
            self._bind(function(*positional, **named), results)

    def _bind(self, value: Any, results: object) -> None:
        """Give the tensors of a result the numbers that the other side gave them."""
        if isinstance(results, int):
            if not isinstance(value, Tensor):
                raise ValueError("a tensor was expected")
            if self._find(results) is not value:
                self._register(value, results)
        elif isinstance(results, list):
            values = list(value.values()) if isinstance(value, dict) else value
            for each, result in zip(values, results, strict=True):
                self._bind(each, result)

    def _alias(self, number: int, base: int, shape: list[int], stride: list[int], offset: int, requires_grad: bool, is_parameter: bool) -> None:  # fmt: skip
        with _disable_current_modes():
            tensor = self._tensor(base).detach().as_strided(shape, stride, offset)
            if is_parameter:
                tensor = nn.Parameter(tensor, requires_grad=requires_grad)
            elif requires_grad:
                tensor.requires_grad_()
            self._register(tensor, number)

    def _enter(self, nodes: list[Encoded], position: int) -> int:
        _, number, args, kwargs, grad = nodes[position]
        depth, end = 0, position
        while True:  # the entry that belongs to this one
            depth += (nodes[end][0] == "enter") - (nodes[end][0] == "leave")
            if not depth:
                break
            end += 1
        module = self.modules[number]
        args, kwargs = self.decode(args), self.decode(kwargs)

        def script() -> object:
            inner = position + 1
            while inner < end:
                inner = self.replay(nodes, inner)
            return self.decode(nodes[end][2])

        # A module of the tests' comes here too, where the student's code has put a hook on it.
        place, what = ("_script", script) if isinstance(module, _StandIn) else ("forward", lambda *_, **__: script())
        before = {place: module.__dict__[place]} if place in module.__dict__ else {}
        module.__dict__[place] = what
        try:
            with torch.set_grad_enabled(grad):
                module(*args, **kwargs)
        finally:
            module.__dict__.pop(place, None)
            module.__dict__.update(before)
        self._drop(end)
        return end + 1

    def _find(self, number: int) -> Tensor | None:
        found = self.environment.get(number)
        return found if found is not None else self._known(number)

    def _tensor(self, number: int) -> Tensor:
        found = self._find(number)
        if found is None:
            raise ValueError(f"there is no tensor {number}")
        return found

    # Modules

    def _describe(self, number: int, description: Description) -> None:
        module = self.modules.get(number)
        kind = self._class_of(description) if number < 0 else None
        if module is None:
            if kind is None:
                raise ValueError(f"there is no module {number}")
            module = kind.__new__(kind)
            nn.Module.__init__(module)
            self.modules[number], self.module_numbers[id(module)] = module, number
        elif kind is not None and _told_apart(type(module)) != _told_apart(kind):
            module.__class__ = kind
        if isinstance(module, _StandIn):
            module.__dict__["_student"], module.__dict__["_number"] = self, number
        if description["plain"] and isinstance(module, _StandIn):
            raise ValueError("attributes of what is asked for")
        for name, value in description["plain"]:
            if name in OF_EVERY_MODULE:
                raise ValueError(f"{name} is torch's")
            module.__dict__[name] = self.decode(value)
        groups: list[tuple[dict[str, Any], list[Encoded], type[Tensor]]] = [
            (module._parameters, description["parameters"], UninitializedParameter),
            (module._buffers, description["buffers"], UninitializedBuffer),
        ]
        for own, entries, lazy in groups:
            found = {name: self._part(own.get(name), data, lazy) for name, data in entries}
            if list(found) != list(own) or any(found[name] is not own[name] for name in found):
                own.clear()
                own.update(found)
        module._non_persistent_buffers_set = set(description["unsaved"])
        children = {name: None if child is None else self.modules[child] for name, child in description["modules"]}
        if list(children.items()) != list(module._modules.items()):
            module._modules.clear()
            module._modules.update(children)
        module.training = self.training[number] = description["training"]

    def _part(self, own: Tensor | None, data: Encoded | str | None, lazy: type[Tensor]) -> Tensor | None:
        """A parameter or a buffer of a module; `own` is what stands under its name so far."""
        if data == LAZY:
            return own if type(own) is lazy else lazy()
        found = self.decode(data)
        if found is not None and not isinstance(found, Tensor):
            raise ValueError("no tensor")
        return found

    def _class_of(self, description: Description) -> type[nn.Module]:
        base = next((trusted_class(path, nn.Module) for path in description["classes"]), nn.Module)
        if description["native"]:
            return base
        return types.new_class(description["name"], (_StandIn, base))

    # Words

    def _answer(self, data: Any) -> Any:
        """What the tests get to see: its texts are noted. Those of operations and layers, such as `padding_mode`, are torch's."""
        waiting = [data]
        while waiting:
            match waiting.pop():
                case ["torch", *_]:
                    pass
                case ["record", _, _, *fields]:
                    waiting += [value for _, value in fields]
                case [*parts]:
                    waiting += parts
                case str(text) if text not in KINDS:
                    self._heard(text)
        return self.decode(data)

    def _heard(self, text: str) -> None:
        if len(text) >= _SHORT and not any(text in source for source in (*self.sources, *self.visible)):
            self.words.add(text)

    def without_its_words(self, text: str) -> str:
        """What a test says, without the texts that the student's code has made up since tests ask: they can hold what was asked."""
        for words in sorted(self.words, key=len, reverse=True):
            text = text.replace(words, "...").replace(repr(words)[1:-1], "...")
        return text.removesuffix(" torch says: ...")

    def _exception(self, names: list[str], text: str, lines: list[Encoded]) -> Exception:
        """An exception like the student's: the nearest one of Python's own, with the lines of the student's that led to it."""
        kind = next((_EXCEPTIONS[name] for name in names if name in _EXCEPTIONS and name != "Exception"), None)
        self._heard(text)
        try:
            error = kind(text) if kind else StudentError(text)
        except TypeError:  # one that takes more than a text
            error = StudentError(text)
        setattr(error, "of_student", True)  # noqa: B010 (no attribute of every exception)
        shown = [
            f"line {number}: {line.strip()}"
            for number, line in lines[-_MOST_LINES:]
            if any(source.splitlines()[number - 1 : number] == [line] for source in self.sources)
        ]
        if shown:
            error.add_note("\n".join(["In your code:", *shown]))
        return error

    # Values

    def tensor_out(self, tensor: Tensor) -> Encoded:
        number = self.numbers.get(tensor)
        if number is None:
            if tensor.device.type not in ("cpu", "meta"):
                raise NotSerializable(f"a tensor on {tensor.device}")
            self.last += 1
            number = self.last
            self._register(tensor, number)
        self.in_flight.append(tensor)
        if number not in self.shared:
            self.shared.add(number)
            self.new_tensors.append([number, self.tensor_data(tensor)])
            if not tensor.is_meta:
                self.sent[number] = _content(tensor)
        return ["tensor", number]

    def module_out(self, module: nn.Module) -> Encoded:
        number = self.module_numbers.get(id(module))
        if number is not None:
            return ["module", number]
        kind = type(module)
        plain = plain_attributes(module)
        own = kind.__module__ == "__main__"
        if plain is None or not (own or is_trusted(kind)):
            raise NotSerializable(f"a {kind.__name__}")
        self.last += 1
        number = self.last
        self.modules[number], self.module_numbers[id(module)] = module, number
        self.training[number] = module.training
        tensors = [
            [[name, None if tensor is None else self.tensor_out(tensor)] for name, tensor in group.items()]
            for group in (module._parameters, module._buffers)
        ]
        parts = [[name, self.encode(child)] for name, child in module._modules.items()]
        unsaved = sorted(module._non_persistent_buffers_set)
        path = f"{kind.__module__}.{kind.__qualname__}"
        return ["build", number, path, plain, *tensors, unsaved, parts, module.training]

    def object_out(self, value: object) -> Encoded:
        if isinstance(value, Remote):
            return ["object", value._number]
        if isinstance(value, type) and is_trusted(value):
            raise NotSerializable(f"the class {value.__name__}")
        if not callable(value):
            raise NotSerializable(f"{type(value).__name__}: {value!r:.80}")
        number = next((number for number, function in self.functions.items() if function is value), None)
        if number is None:
            number = len(self.functions)
            self.functions[number] = value
        return ["function", number]

    def special(self, kind: str, rest: list[Any]) -> Any:
        match kind:
            case "tensor":
                return self._tensor(rest[0])
            case "parameter":
                module = self.modules[rest[0]]
                return module._parameters[rest[1]] if rest[1] in module._parameters else module._buffers[rest[1]]
            case "module":
                return self.modules[rest[0]]
            case "given":
                return self.functions[rest[0]]
            case "object":
                number, name = rest
                if number not in self.objects:
                    self.objects[number] = Remote(self, number, name)
                return self.objects[number]
        raise ValueError(f"no value {kind!r}")


def _told_apart(kind: type[nn.Module]) -> tuple[str, bool]:
    """What makes a module's class another one: a layer can begin or cease to be asked for, and keep its name."""
    return kind.__name__, issubclass(kind, _StandIn)


class _StandIn(nn.Module):
    """A module whose forward the student wrote: its layers are here, what happens between them is asked for."""

    _student: Student
    _number: int

    def forward(self, *args: object, **kwargs: object) -> object:
        script = self.__dict__.pop("_script", None)
        if script is not None:
            return script()
        return self._student.request("forward", self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__") or "_student" not in self.__dict__:
                raise
        return self._student.request("getattr", self, name)

    def __deepcopy__(self, memo: dict[int, object]) -> Any:
        return self._student.request("copy", self)


class Remote:
    """Something in the student's process: a function, a class, an object of the student's own.

    It can be called, read, indexed and gone through. It is equal to itself only, whatever it says.
    """

    _student: Student
    _number: int
    __name__: str

    def __init__(self, student: Student, number: int, name: str):
        self.__dict__.update(_student=student, _number=number, __name__=name)

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self._student.request("call", self, args, kwargs)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name.endswith("__") and name not in _OF_A_FUNCTION:
            raise AttributeError(name)
        return self._student.request("getattr", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._student.request("setattr", self, name, value)

    def __getitem__(self, key: object) -> object:
        return self._student.request("getitem", self, key)

    def __len__(self) -> Any:
        return self._student.request("len", self)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        iterator = self._student.request("iter", self)
        if not isinstance(iterator, Remote):
            raise TypeError(f"{self!r} cannot be gone through")
        while True:
            try:
                value = self._student.request("next", iterator)
            except StopIteration:
                return
            yield value

    def __next__(self) -> object:
        return self._student.request("next", self)

    def __instancecheck__(self, instance: object) -> bool:
        if not isinstance(instance, (Remote, _StandIn)):
            return False
        return self._student.request("isinstance", instance, self) is True

    def __repr__(self) -> str:
        return f"<the student's {self.__name__}>"


def _whole_numbers(data: object) -> set[int]:
    """All whole numbers in JSON: those of tensors among them, whatever else there is."""
    found: set[int] = set()
    waiting: list[object] = [data]
    while waiting:
        each = waiting.pop()
        if isinstance(each, int):
            found.add(each)
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
    return found


def _content(tensor: Tensor) -> _Content:
    return (str(tensor.dtype), tuple(tensor.shape), tensor.requires_grad, tensor_bytes(tensor))


def is_out_of_memory(name: str, text: str) -> bool:
    """Does an exception say that there was no more memory? torch says it in words."""
    return name == "MemoryError" or (name == "RuntimeError" and "allocate memory" in text)
