"""Values as data: `Codec.encode` here and `Codec.decode` there, in two processes that do not trust each other.

A student's code and the tests that mark it live in two processes (`classroom.sandbox.student_process`, `classroom.sandbox.stand_in`). Between
them goes JSON with the bytes of tensors behind it, never a pickle. What a message names is looked up in tables that are made
when this module is loaded: kinds of numbers, classes of layers and records. Nothing that it says is imported or looked up elsewhere.
"""

import binascii
import dataclasses
import importlib
import pkgutil
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

import networks

Encoded = list[Any]  # a value as data: its kind, then what it takes to make it again
_PLAIN = {type(None), bool, int, float, str}
_TORCH: dict[str, dict[str, Any]] = {
    kind.__name__: {str(value).removeprefix("torch."): value for value in vars(torch).values() if type(value) is kind}
    for kind in (torch.dtype, torch.memory_format, torch.layout)
}
_ARRAYS = {np.dtype(code).str: np.dtype(code) for code in "?bBhHiIlLqQefdFD"}
_DEVICES = {"cpu": torch.device("cpu"), "meta": torch.device("meta")}
KINDS = frozenset(  # what an encoded value begins with
    [
        "list",
        "tuple",
        "named",
        "dict",
        "set",
        "frozenset",
        "size",
        "torch",
        "bytes",
        "slice",
        "range",
        "complex",
        "fraction",
        "...",
        "array",
        "record",
        "tensor",
        "parameter",
        "module",
        "given",
        "object",
    ]
)
LAZY = "lazy"  # in place of a tensor: it takes its shape from the first input
_MOST_FIELDS = 64  # of a named tuple
MOST_NESTED = 100  # values in one another: a bound of its own, since libraries raise Python's


def _classes() -> dict[str, type]:
    """Classes that both processes have, by their path: torch's layers, those of the family, and what describes them."""
    names = [f"networks.{module.name}" for module in pkgutil.iter_modules(networks.__path__)]
    names += ["utils.cost.table", "utils.train.recipe", "course.leaderboard"]
    places = [importlib.import_module(name) for name in names]
    places += [module for name, module in sys.modules.items() if name.startswith("torch.nn.modules.")]
    return {
        f"{place.__name__}.{name}": kind
        for place in places
        for name, kind in vars(place).items()
        if isinstance(kind, type)
        and (kind.__module__, kind.__qualname__) == (place.__name__, name)
        and (issubclass(kind, nn.Module) or dataclasses.is_dataclass(kind))
        and "__deprecated__" not in vars(kind)  # nobody's network needs it, and each use would warn the teacher
    }


CLASSES = _classes()


class Description(TypedDict):
    """A module as data: the classes by which it is known, and its parts by name, tensors as `Encoded` and modules as numbers."""

    classes: list[str]
    name: str
    native: bool
    plain: list[Encoded]
    parameters: list[Encoded]
    buffers: list[Encoded]
    unsaved: list[str]
    modules: list[Encoded]
    training: bool


class NotSerializable(TypeError):
    """A value that has no form as data, such as an open file; the message names it."""


class Codec:
    """Values as data and back. The two sides add what is theirs: tensors that both know, modules, objects."""

    def __init__(self) -> None:
        self.blobs: list[bytes] = []  # of the message that is being written
        self.arrived: list[bytearray] = []  # of the message that is being read
        self._depth = 0  # of what is being written or read

    def blob(self, content: bytes) -> int:
        self.blobs.append(content)
        return len(self.blobs) - 1

    def random_state(self) -> int:
        """Put the state of torch's random numbers into the message: where it is."""
        return self.blob(torch.get_rng_state().numpy().tobytes())

    def set_random_state(self, where: int) -> None:
        torch.set_rng_state(torch.frombuffer(bytearray(self._bytes(where)), dtype=torch.uint8))

    def _bytes(self, where: object) -> bytearray:
        if type(where) is not int or where < 0:
            raise ValueError("no place of bytes")
        return self.arrived[where]

    # Tensors by value

    def tensor_data(self, tensor: Tensor) -> Encoded:
        """dtype, shape, requires_grad, is it a Parameter, and where its bytes are; None for a tensor on `meta`."""
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type not in ("cpu", "meta"):
            raise NotSerializable(f"a tensor with layout {tensor.layout} on {tensor.device}")
        where = None if tensor.is_meta else self.blob(tensor_bytes(tensor))
        leaf = tensor.is_leaf and tensor.requires_grad
        return [str(tensor.dtype)[6:], list(tensor.shape), leaf, isinstance(tensor, nn.Parameter), where]

    def tensor_of(self, data: Encoded) -> Tensor:
        name, shape, requires_grad, is_parameter, where = data
        dtype = _TORCH["dtype"][name]
        if where is None:
            tensor = torch.empty(shape, dtype=dtype, device="meta")
        else:
            content = self._bytes(where)
            tensor = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
            tensor = tensor.reshape(shape)
        if is_parameter:
            return nn.Parameter(tensor, requires_grad=requires_grad is True)
        return tensor.requires_grad_() if requires_grad is True else tensor

    # Anything

    def encode(self, value: Any) -> Any:
        """The value as JSON has it.

        Raises:
            NotSerializable: it has no form as data, or nests more than `MOST_NESTED` deep.
        """
        if type(value) in _PLAIN:
            return value
        with self._one_deeper(NotSerializable):
            return self._encoded(value)

    @contextmanager
    def _one_deeper(self, refusal: type[Exception]) -> Iterator[None]:
        if self._depth == MOST_NESTED:
            raise refusal(f"a value with more than {MOST_NESTED} others in one another")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _encoded(self, value: Any) -> Encoded | str | float:
        kind = type(value)
        if isinstance(value, Tensor):
            return self.tensor_out(value)
        if isinstance(value, nn.Module):
            return self.module_out(value)
        if isinstance(value, torch.Size):
            return ["size", *value]
        if (kind.__name__ in _TORCH and kind.__module__ == "torch") or kind is torch.device:
            return ["torch", kind.__name__, str(value).removeprefix("torch.")]
        if isinstance(value, tuple):
            if hasattr(value, "_fields"):
                return ["named", kind.__name__, list(value._fields), *map(self.encode, value)]
            return ["tuple", *map(self.encode, value)]
        if isinstance(value, list):
            return ["list", *map(self.encode, value)]
        if isinstance(value, (set, frozenset)):
            return ["set" if isinstance(value, set) else "frozenset", *map(self.encode, value)]
        if isinstance(value, dict):
            return ["dict", *([self.encode(key), self.encode(each)] for key, each in value.items())]
        if isinstance(value, (bytes, bytearray)):
            return ["bytes", binascii.b2a_base64(value, newline=False).decode()]
        if kind is slice:
            return ["slice", *map(self.encode, (value.start, value.stop, value.step))]
        if kind is range:
            return ["range", value.start, value.stop, value.step]
        if kind is complex:
            return ["complex", value.real, value.imag]
        if kind is Fraction:
            return ["fraction", value.numerator, value.denominator]
        if value is Ellipsis:
            return ["..."]
        if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc":
            form = [value.dtype.str, list(value.shape), isinstance(value, np.generic)]
            return ["array", *form, self.blob(np.ascontiguousarray(value).tobytes())]
        # A subclass says of itself what it likes; its value does not.
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, int):
            return int.__pos__(value)
        if isinstance(value, float):
            return float.__pos__(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type) and is_trusted(kind):
            fields = [[each.name, self.encode(getattr(value, each.name))] for each in dataclasses.fields(value)]
            return ["record", kind.__module__, kind.__qualname__, *fields]
        return self.object_out(value)

    def decode(self, data: Any) -> Any:
        """The value of what `encode` made.

        Raises:
            ValueError, TypeError, KeyError, IndexError: the data is not of that making.
        """
        if not isinstance(data, list):
            return data
        with self._one_deeper(ValueError):
            return self._decoded(*data)

    def _decoded(self, kind: str, *rest: Any) -> Any:
        match kind:
            case "list":
                return [self.decode(each) for each in rest]
            case "tuple":
                return tuple(self.decode(each) for each in rest)
            case "named":
                name, fields, *values = rest
                if len(fields) > _MOST_FIELDS or not all(isinstance(each, str) for each in (name, *fields)):
                    raise ValueError("no named tuple")
                return namedtuple(name, fields, rename=True)(*map(self.decode, values))
            case "dict":
                return {self.decode(key): self.decode(each) for key, each in rest}
            case "set" | "frozenset":
                return (set if kind == "set" else frozenset)(self.decode(each) for each in rest)
            case "size":
                return torch.Size(rest)
            case "torch":
                place, name = rest
                return _DEVICES[name] if place == "device" else _TORCH[place][name]
            case "bytes":
                return binascii.a2b_base64(rest[0], strict_mode=True)
            case "slice":
                return slice(*map(self.decode, rest))
            case "range":
                return range(*rest)
            case "complex":
                real, imaginary = rest
                return complex(float(real), float(imaginary))
            case "fraction":
                numerator, denominator = rest
                if type(numerator) is not int or type(denominator) is not int or denominator < 1:
                    raise ValueError("no fraction")
                return Fraction(numerator, denominator)
            case "...":
                return Ellipsis
            case "array":
                form, shape, is_scalar, where = rest
                array = np.frombuffer(self._bytes(where), dtype=_ARRAYS[form]).reshape(shape)
                return array[()] if is_scalar else array
            case "record":
                module, name, *fields = rest
                made = trusted_class(f"{module}.{name}", object)
                if not dataclasses.is_dataclass(made):
                    raise ValueError(f"{name} is no dataclass")
                return made(**{str(key): self.decode(each) for key, each in fields})
        return self.special(kind, list(rest))

    def tensor_out(self, tensor: Tensor) -> Encoded:
        raise NotImplementedError

    def module_out(self, module: nn.Module) -> Encoded:
        raise NotImplementedError

    def object_out(self, value: object) -> Encoded:
        raise NotImplementedError

    def special(self, kind: str, rest: list[Any]) -> Any:
        """Decode what only one side knows: tensors, modules and objects by number."""
        raise NotImplementedError


class Plain(Codec):
    """Only what is data by itself: no tensors, modules or objects."""

    def tensor_out(self, tensor: Tensor) -> Encoded:
        raise NotSerializable("a tensor")

    def module_out(self, module: nn.Module) -> Encoded:
        raise NotSerializable("a module")

    def object_out(self, value: object) -> Encoded:
        raise NotSerializable(f"{type(value).__name__}: {value!r:.80}")


def plain_attributes(module: nn.Module) -> list[Encoded] | None:
    """A module's own attributes beside parameters, buffers and modules, as data; None where one is not plain."""
    codec = Plain()
    own = [(name, value) for name, value in module.__dict__.items() if name not in OF_EVERY_MODULE]
    try:
        found = [[name, value if type(value) in _PLAIN else codec.encode(value)] for name, value in own]
    except (NotSerializable, RecursionError):
        return None
    return found if not codec.blobs else None


OF_EVERY_MODULE = set(nn.Module().__dict__) | {"_is_full_backward_hook"}
_HOOKS = [name for name in nn.Module().__dict__ if name.endswith("_hooks")]


def has_hooks(module: nn.Module) -> bool:
    return any(getattr(module, name) for name in _HOOKS)


def is_trusted(kind: type) -> bool:
    """Is it one of `CLASSES`?"""
    return CLASSES.get(f"{kind.__module__}.{kind.__qualname__}") is kind


def trusted_class(path: str, base: type) -> type:
    """The class of that path in `CLASSES`.

    Raises:
        ValueError: there is none.
    """
    found = CLASSES.get(path) if isinstance(path, str) else None
    if found is None or not issubclass(found, base):
        raise ValueError(f"{path!r:.80} is no {base.__name__} of torch or of the course")
    return found


def tensor_bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def names_of(error: BaseException) -> list[str]:
    """The names of an exception's class and of what it derives from."""
    return [kind.__name__ for kind in type(error).__mro__ if kind is not object]
