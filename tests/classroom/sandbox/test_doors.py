"""What comes from a student's process and makes no sense, or does harm where it is believed."""

import functools
import json
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch._ops import OpOverload

from classroom.sandbox.channel import NO_SENSE, Channel, Disconnected, ResponseTimeout
from classroom.sandbox.operations import OPERATIONS
from classroom.sandbox.stand_in import Student
from classroom.sandbox.wire import CLASSES, MOST_NESTED, NotSerializable, Plain
from utils.system.places import CHECKOUT

NOTHING = {"value": None, "nodes": [], "alive": [], "random": None}


def operation(name, overload="default", args=(), number=-1):
    return ["op", name, overload, ["tuple", *args], ["dict"], False, number]


def described(classes=("torch.nn.modules.linear.Identity",), plain=(), native=True, name="Identity"):
    return {"classes": list(classes), "name": name, "native": native, "plain": list(plain), "parameters": [], "buffers": [],
            "unsaved": [], "modules": [], "training": True}  # fmt: skip


def nested(depth):
    value = "end"
    for _ in range(depth):
        value = ["list", value]
    return value


HOSTILE = {
    "is no operation": {"nodes": [operation("aten::__setattr__", "__call__", ["relu", 1])]},
    "is a method of the table of operations": {"nodes": [operation("aten::relu", "op", [1])]},
    "is another library's operation": {"nodes": [operation("prims::device_put")]},
    "reads a file": {"nodes": [operation("aten::from_file", "default", ["/etc/passwd"])]},
    "puts memory under a tensor": {"nodes": [operation("aten::set_", "source_Storage")]},
    "changes a tensor's size": {"nodes": [operation("aten::resize_", "default", [["tensor", -1], ["list", 10**9]])]},
    "asks for memory": {"nodes": [operation("aten::ones", "default", [["list", 10**13]])]},
    "asks for more than there are numbers": {"nodes": [operation("aten::ones", "default", [["list", 2**62, 2**62]])]},
    "names a module to import": {"value": ["record", "lessons.inception_module.checks", "Feedback"]},
    "names a class of the system": {"value": ["record", "subprocess", "Popen", ["args", ["list", "true"]]]},
    "names a class in a class": {"value": ["record", "networks.base", "Scale.__init__"]},
    "makes a module of a function": {"nodes": [["module", -1, described(["os.system"])]]},
    "makes a module of a class to import": {"nodes": [["module", -1, described(["lessons.batch_norm.by_hand.BatchNorm"])]]},
    "puts itself in the place of torch's parts": {"nodes": [["module", -1, described(plain=[["_parameters", ["dict"]]])]]},
    "puts itself in the place of the stand-in's parts": {
        "nodes": [["module", -1, described(plain=[["_student", ["object", 1, "x"]]], native=False)]]
    },
    "names an attribute of torch": {"value": ["torch", "dtype", "load"]},
    "names a device": {"value": ["torch", "device", "cuda:0"]},
    "makes an array of objects": {"value": ["array", "|O", [1], False, 0]},
    "has a tensor of no kind": {"nodes": [["new", -1, ["hub", [1], False, False, None]]]},
    "has a tensor of bytes that are not there": {"nodes": [["new", -1, ["float32", [1], False, False, 7]]]},
    "has a tensor larger than its bytes": {"nodes": [["new", -1, ["float32", [10**6], False, False, 0]]]},
    "looks beyond a tensor's memory": {
        "nodes": [["new", -1, ["float32", [2], False, False, 0]], ["alias", -2, -1, [10**6], [1], 0, False, False]]
    },
    "closes what it never opened": {"nodes": [["leave", -1, None]], "value": ["tensor", -1]},
    "opens what it never closes": {"nodes": [["module", -1, described()], ["enter", -1, ["tuple"], ["dict"], False]]},
    "gives random numbers of no generator": {"nodes": [["random", 0]]},
    "calls a function that was not given": {"callback": 99, "args": ["tuple"], "kwargs": ["dict"]},
    "nests without end": {"value": nested(700)},
    "nests one value too deep": {"value": nested(MOST_NESTED + 1)},
    "names a tuple in code": {"value": ["named", "x=__import__('os')", ["a"], 1]},
    "fails with a class that is none": {"error": [["SystemExit", "KeyboardInterrupt", "os"], "text", []]},
    "fails in no words": {"error": 5},
    "fails without a place": {"error": [["ValueError"], "text", [[10**30, None], 3]]},
    "counts gradients of nothing": {"needs_gradient": [[1], {}]},
    "has no entries": {"nodes": None},
    "is alive in no number": {"alive": [["x"]]},
}  # fmt: skip


class Conversation:
    """A student's process that answers whatever it is told to, and the tests' side of it."""

    def __init__(self):
        end, self.other = socket.socketpair()
        self.there = Student(Channel(end), seconds=5)
        self.layer, self.images = nn.Linear(2, 2), torch.ones(2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.other.close()
        self.there.channel.end.close()

    def give(self, response, blobs=()):
        """What the tests will be told, whatever they ask."""
        head = json.dumps([response, [len(blob) for blob in blobs]]).encode()
        self.other.sendall(len(head).to_bytes(8, "little") + head + b"".join(map(bytes, blobs)))

    def answer(self, response=None, blobs=()):
        """What the tests get, or the exception that they see."""
        if response is not None:
            self.give(response, blobs)
        try:
            return self.there.request("call", self.layer, self.images, [1])
        except Exception as error:
            return error


TORCH = str(Path(torch.__file__).parent)


class Watch:
    """What is imported, opened, started or connected while a message is read. An audit hook stays for good: there is one."""

    def __init__(self):
        self.on, self.seen = False, []
        sys.addaudithook(self.hook)

    def hook(self, event, arguments):
        if not self.on or event in ("socket.sendto", "socket.__new__"):
            return
        place = event.split(".")[0]
        # What an operation loads of its own, and the line of torch's source that Python shows with a first warning.
        of_torch = event == "import" and str(arguments[0]).startswith("torch.")
        of_torch |= event == "open" and arguments[1] == "r" and str(arguments[0]).startswith(TORCH)
        if (
            place in ("import", "open", "os", "subprocess", "ctypes", "shutil", "socket", "pickle", "marshal")
            and not of_torch
        ):
            self.seen.append((event, repr(arguments)[:200]))

    @contextmanager
    def __call__(self):
        before = set(sys.modules)
        self.seen.clear()
        self.on = True
        try:
            yield
        finally:
            self.on = False
        assert not self.seen, list(self.seen)
        new = {name for name in set(sys.modules) - before if not name.startswith("torch.")}
        assert not new, f"imported: {new}"


@functools.cache
def watch():
    made = Watch()
    with Conversation() as first:  # what Python loads when it first reads a message
        first.answer(NOTHING)
    return made


def test_operations_and_classes_are_in_tables_and_no_others_cross():
    assert all(isinstance(each, OpOverload) and each._schema.name == name for (name, _), each in OPERATIONS.items())
    assert all(name.startswith("aten::") for name, _ in OPERATIONS)
    reach_out = (
        "file",
        "print",
        "save",
        "load",
        "pin_memory",
        "sparse",
        "nested",
        "quantize",
        "set_data",
        "resize",
        "record_stream",
        "cuda",
    )
    assert not [name for name, _ in OPERATIONS if any(word in name for word in reach_out)]
    assert not [
        name for (name, _), each in OPERATIONS.items()
        if any("Storage" in str(part.type) or "Stream" in str(part.type) for part in each._schema.arguments)
    ]  # fmt: skip
    assert all(path.startswith(("torch.nn.modules.", "networks.", "utils.", "course.")) for path in CLASSES)
    assert "torch.nn.modules.conv.Conv2d" in CLASSES and "networks.googlenet.Widths" in CLASSES
    assert "torch.nn.modules.container.Container" not in CLASSES  # deprecated: it would warn in the tests' process


@pytest.mark.parametrize("what", HOSTILE)
def test_what_makes_no_sense_is_refused_in_words_and_nothing_is_imported_or_opened(what):
    watching = watch()
    with Conversation() as talk:
        talk.give(NOTHING | HOSTILE[what], [bytes(8)])
        with watching():
            found = talk.answer()
    assert isinstance(found, Exception), f"{what}: {found!r}"
    assert isinstance(found, (Disconnected, NotSerializable)) or getattr(found, "of_student", False), repr(found)
    if isinstance(found, Disconnected):
        assert str(found) == NO_SENSE


@pytest.mark.parametrize(
    "head",
    [b"", b"[]", b"{}", b"[1, 2]", b"[{}, 1]", b"[{}, [-1]]", b'[{}, ["1"]]', b"[{}, [true]]", b"[{}, [1e3]]", b"[{}, [1099511627776]]",
     b"[{}, " + str([2**28] * 8).encode() + b"]", b"[" * 100_000, b"\xff\xfe", b"[{}, []] more", b'["a", []]'],
)  # fmt: skip
def test_a_message_of_no_form_or_without_a_bound_is_refused_before_there_is_memory_for_it(head):
    with Conversation() as talk:
        talk.other.sendall(len(head).to_bytes(8, "little") + head)
        with pytest.raises(Disconnected, match=NO_SENSE):
            talk.there.channel.receive(2)


def test_a_head_of_any_length_is_not_waited_for():
    with Conversation() as talk:
        talk.other.sendall((2**40).to_bytes(8, "little"))
        with pytest.raises(Disconnected, match=NO_SENSE):
            talk.there.channel.receive(2)


def test_a_message_that_comes_drop_by_drop_does_not_hold_the_tests_up():
    with Conversation() as talk:
        stop = threading.Event()

        def drip():
            talk.other.sendall((1000).to_bytes(8, "little"))
            while not stop.wait(0.1):
                talk.other.sendall(b" ")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(ResponseTimeout):
            talk.there.channel.receive(0.5)
        stop.set()
        thread.join()


def test_a_process_that_does_not_listen_does_not_hold_the_tests_up():
    with Conversation() as talk:
        talk.there.seconds = 0.5
        with pytest.raises(ResponseTimeout):
            talk.there.request("len", torch.zeros(10**7))


def test_the_other_side_cannot_choose_the_tests_random_numbers():
    drawn = []
    for zeros in (bytes(5056), torch.Generator().manual_seed(5).get_state().numpy().tobytes()):
        with Conversation() as talk:
            torch.manual_seed(0)
            talk.answer(NOTHING | {"random": True, "nodes": [["random", 0]]}, [zeros])
            drawn.append(torch.randn(100))
            assert drawn[-1].std() > 0.5
    torch.manual_seed(5)
    assert not torch.equal(torch.randn(100), drawn[-1])
    torch.manual_seed(0)
    expected = torch.randn(3)
    with Conversation() as talk:
        torch.manual_seed(0)
        talk.answer(NOTHING)
        assert torch.equal(torch.randn(3), expected), "an answer that draws nothing changes nothing"


@pytest.fixture
def high_recursion_limit():
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)  # as jedi, mypy and networkx do in a process that has imported them
    yield
    sys.setrecursionlimit(before)


def test_how_deep_a_value_nests_is_bounded_whatever_python_allows(high_recursion_limit):
    for depth in (MOST_NESTED + 1, 700):
        with Conversation() as talk:
            found = talk.answer(NOTHING | {"value": nested(depth)})
            assert isinstance(found, Disconnected) and str(found) == NO_SENSE, found
    with Conversation() as talk:
        found = talk.answer(NOTHING | {"value": nested(MOST_NESTED)})
    codec, itself = Plain(), []
    assert codec.encode(found) == nested(MOST_NESTED), "to the bound it goes there and back"
    itself.append(itself)
    for value in ([found], itself):
        with pytest.raises(NotSerializable, match=f"more than {MOST_NESTED} others"):
            codec.encode(value)
    assert codec.encode([1]) == ["list", 1], "a refusal leaves nothing behind"


# Ten thousand messages


numbers = st.integers(-4, 4) | st.integers() | st.sampled_from([2**31, 2**63, -(2**63), 10**13])
texts = st.text(max_size=8) | st.sampled_from(
    ["os", "os.system", "__class__", "__import__", "lessons.xception.checks", "float32", "torch.nn.modules.conv.Conv2d", "networks.base",
     "/etc/passwd", "default", "Tensor", "cpu", "load", "forward", "_script", "ValueError", "SystemExit"]
)  # fmt: skip
leaves = st.none() | st.booleans() | numbers | st.floats() | texts
KINDS = ["list", "tuple", "named", "dict", "set", "frozenset", "size", "torch", "bytes", "slice", "range", "complex", "fraction", "...", "array",
         "record", "tensor", "parameter", "module", "given", "object"]  # fmt: skip
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.tuples(st.sampled_from(KINDS), inner, inner).map(list)
    | st.tuples(st.sampled_from(KINDS), inner).map(list) | st.dictionaries(texts, inner, max_size=2), max_leaves=8,
)  # fmt: skip
operations = st.sampled_from(sorted(OPERATIONS)) | st.tuples(texts, texts)
small = st.integers(-3, 3)
tensors = st.tuples(st.just("tensor"), st.sampled_from([-1, -2, 1])).map(list)
shapes = st.tuples(st.just("list"), st.integers(-2, 9), st.integers(0, 9)).map(list)
entries = (
    st.tuples(st.just("op"), operations, st.lists(tensors | tensors | values | shapes, max_size=4), st.booleans(), small).map(
        lambda parts: ["op", *parts[1], ["tuple", *parts[2]], ["dict"], parts[3], parts[4]]
    )
    | st.tuples(st.just("module"), small, st.sampled_from(sorted(CLASSES)) | texts, st.lists(st.tuples(texts, values), max_size=2), st.booleans()).map(
        lambda parts: ["module", parts[1], described([parts[2]], [list(each) for each in parts[3]], parts[4])]
    )
    | st.tuples(st.sampled_from(["call", "enter", "new", "alias", "value", "random", "data", "flag", "grad", "leave", "nothing", "op", "module"]),
                values, values, values).map(list)
    | st.tuples(st.just("new"), small, st.tuples(st.sampled_from(["float32", "int64", "bool"]), st.lists(st.integers(0, 3), max_size=3),
                st.booleans(), st.booleans(), st.sampled_from([None, 0, 1])).map(list)).map(list)
    | st.tuples(st.just("alias"), small, small, st.lists(small, max_size=3), st.lists(small, max_size=3), small, st.booleans(), st.booleans()).map(list)
    | st.tuples(st.just("call"), small, values, values, st.booleans(), values).map(list)
    | st.tuples(st.just("enter"), small, values, values, st.booleans()).map(list)
    | values
)  # fmt: skip
messages = st.fixed_dictionaries(
    {"value": values, "nodes": st.lists(entries, max_size=6) | values, "alive": st.lists(small, max_size=4) | values, "random": st.sampled_from([None, True])},
    optional={"error": st.tuples(st.lists(texts, max_size=2), texts, values).map(list) | values, "needs_gradient": values, "callback": small,
              "args": values, "kwargs": values},
) | values  # fmt: skip


def try_messages(count):
    """Send so many messages; each is refused or ignored, and nothing else happens. How many were sent comes back."""
    watching, tried = watch(), [0]

    @settings(
        max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(messages, st.lists(st.binary(max_size=24), max_size=2))
    def send(message, blobs):
        with Conversation() as talk:
            talk.there.functions[0] = lambda *arguments, **named: None
            talk.give(message, blobs)
            talk.other.shutdown(socket.SHUT_WR)
            with watching():
                talk.answer()
        assert torch.is_grad_enabled()
        tried[0] += 1

    send()
    return tried[0]


def test_malformed_and_hostile_messages_are_refused_or_ignored():
    assert try_messages(400) >= 400


@pytest.mark.whole
def test_ten_thousand_malformed_and_hostile_messages_are_refused_or_ignored():
    """In a process of its own, which would show a crash, with the memory that the tests' process has."""
    code = (
        "import resource\nfrom classroom.sandbox.isolation import limit_memory\n"
        "from tests.classroom.sandbox import test_doors\nlimit_memory(4 * 2**30)\nprint(test_doors.try_messages(10_000))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert int(ended.stdout.split()[-1]) >= 10_000
