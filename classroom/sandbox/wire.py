"""Values as data: `Codec.encode` here and `Codec.decode` there, in two processes that do not trust each other.

A student's code and the tests that mark it live in two processes (`classroom.sandbox.student_process`, `classroom.sandbox.stand_in`). Between
them goes JSON with the bytes of tensors behind it, never a pickle: reading a message can build numbers, texts, lists and
tensors, and cannot call anything.
"""

import base64
import dataclasses
import importlib
from collections import namedtuple
from typing import Any, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from utils.system.places import PACKAGES

TRUSTED = ("torch.nn.modules.", *(f"{package}." for package in PACKAGES))  # packages whose classes both processes have
Encoded = list[Any]  # a value as data: its kind, then what it takes to make it again
_PLAIN = {type(None), bool, int, float, str}
_TORCH = {torch.dtype, torch.memory_format, torch.layout}


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

    def blob(self, content: bytes) -> int:
        self.blobs.append(content)
        return len(self.blobs) - 1

    def random_state(self) -> int:
        """Put the state of torch's random numbers into the message: where it is."""
        return self.blob(torch.get_rng_state().numpy().tobytes())

    def set_random_state(self, where: int) -> None:
        torch.set_rng_state(torch.frombuffer(bytearray(self.arrived[where]), dtype=torch.uint8))

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
        dtype = _named(torch, name, torch.dtype)
        if where is None:
            tensor = torch.empty(shape, dtype=dtype, device="meta")
        else:
            content = self.arrived[where]
            tensor = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
            tensor = tensor.reshape(shape)
        if is_parameter:
            return nn.Parameter(tensor, requires_grad=requires_grad)
        return tensor.requires_grad_(requires_grad) if requires_grad else tensor

    # Anything

    def encode(self, value: Any) -> Any:
        """The value as JSON has it.

        Raises:
            NotSerializable: it has no form as data.
        """
        kind = type(value)
        if kind in _PLAIN:
            return value
        if isinstance(value, Tensor):
            return self.tensor_out(value)
        if isinstance(value, nn.Module):
            return self.module_out(value)
        if isinstance(value, torch.Size):
            return ["size", *value]
        if kind in _TORCH or kind is torch.device:
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
            return ["bytes", base64.b64encode(value).decode()]
        if kind is slice:
            return ["slice", *map(self.encode, (value.start, value.stop, value.step))]
        if kind is range:
            return ["range", value.start, value.stop, value.step]
        if kind is complex:
            return ["complex", value.real, value.imag]
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
        kind, *rest = data
        match kind:
            case "list":
                return [self.decode(each) for each in rest]
            case "tuple":
                return tuple(self.decode(each) for each in rest)
            case "named":
                name, fields, *values = rest
                return namedtuple(name, fields, rename=True)(*map(self.decode, values))
            case "dict":
                return {self.decode(key): self.decode(each) for key, each in rest}
            case "set" | "frozenset":
                return (set if kind == "set" else frozenset)(self.decode(each) for each in rest)
            case "size":
                return torch.Size(rest)
            case "torch":
                return torch_value(*rest)
            case "bytes":
                return base64.b64decode(rest[0])
            case "slice":
                return slice(*map(self.decode, rest))
            case "range":
                return range(*rest)
            case "complex":
                return complex(*rest)
            case "...":
                return Ellipsis
            case "array":
                form, shape, is_scalar, where = rest
                array = np.frombuffer(self.arrived[where], dtype=np.dtype(form)).reshape(shape)
                return array[()] if is_scalar else array
            case "record":
                module, name, *fields = rest
                made = trusted_class(f"{module}.{name}", object)
                if not dataclasses.is_dataclass(made):
                    raise ValueError(f"{name} is no dataclass")
                return made(**{key: self.decode(each) for key, each in fields})
        return self.special(kind, rest)

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
    try:
        found = [[name, codec.encode(value)] for name, value in module.__dict__.items() if name not in _OF_EVERY_MODULE]
    except (NotSerializable, RecursionError):
        return None
    return found if not codec.blobs else None


_OF_EVERY_MODULE = set(nn.Module().__dict__) | {"_is_full_backward_hook"}
_HOOKS = [name for name in nn.Module().__dict__ if name.endswith("_hooks")]


def has_hooks(module: nn.Module) -> bool:
    return any(getattr(module, name) for name in _HOOKS)


def is_trusted(kind: type) -> bool:
    """Is it a class of torch's layers or of the course, under its own name?"""
    if not kind.__module__.startswith(TRUSTED) or "." in kind.__qualname__:
        return False
    return getattr(importlib.import_module(kind.__module__), kind.__qualname__, None) is kind


def trusted_class(path: str, base: type) -> type:
    """The class of that path among torch's layers and the course's classes.

    Raises:
        ValueError: there is none.
    """
    module, _, name = path.rpartition(".")
    if not f"{module}.".startswith(TRUSTED):
        raise ValueError(f"{path} is not the course's")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise ValueError(f"there is no {path}") from None
    if not isinstance(found, type) or not issubclass(found, base):
        raise ValueError(f"{path} is no {base.__name__}")
    return found


def torch_value(kind: str, name: str) -> object:
    if kind == "device":
        return torch.device(name)
    return _named(torch, name, {each.__name__: each for each in _TORCH}[kind])


def tensor_bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def _named(place: object, name: str, kind: type) -> Any:
    found = getattr(place, name)
    if not isinstance(found, kind):
        raise ValueError(f"{name} is no {kind.__name__}")
    return found


def names_of(error: BaseException) -> list[str]:
    """The names of an exception's class and of what it derives from."""
    return [kind.__name__ for kind in type(error).__mro__ if kind is not object]
