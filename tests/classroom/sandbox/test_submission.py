"""Marking that holds against whoever wants points without an answer, and against code that ends, hangs or eats memory."""

import os
import socket
import sys
import time
import weakref
from fractions import Fraction
from types import SimpleNamespace

import psutil
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from classroom.sandbox import submission
from classroom.sandbox.channel import Channel, Disconnected
from classroom.sandbox.jobs import Cell, Job, Outcome, Timeouts, defined_names
from classroom.sandbox.stand_in import Student
from classroom.sandbox.wire import NotSerializable
from classroom.sandbox.workers import Workers
from tests.classroom.submissions import answers_of, failed, job, said
from utils.cost.table import profile
from utils.system.places import CHECKOUT

SLUG = "inception_module"
TESTS = {"five_branches", "largest_reduction", "choose_widths", "repaired_runs", "repaired_computes"}
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the isolation tried here is Linux's")

SHAPES_ONLY = """
class FiveBranches(nn.Module):
    def __init__(self, c, pointwise, three_reduce, three, five_reduce, five, max_pool, avg_pool):
        super().__init__()
        self.out = pointwise + three + five + max_pool + avg_pool
        self.fill = nn.Parameter(torch.zeros(427))
    def forward(self, x):
        return torch.zeros(len(x), self.out, *x.shape[2:], requires_grad=True)
class Repaired(nn.Module):
    def __init__(self, c, pointwise, three_reduce, three, five_reduce, five, pool):
        super().__init__()
        self.out = pointwise + three + five + pool
    def forward(self, x):
        return torch.zeros(len(x), self.out, *x.shape[2:], requires_grad=True)
def largest_reduction(*case):
    return 0
def choose_widths(*case):
    return dict.fromkeys(("pointwise", "three_reduce", "three", "five_reduce", "five", "pool"), 1)
"""
# The shapes that a visible test asks for are earned; what follows never earns anything else.
EARNED_BY_SHAPES = {"repaired_runs"}

ATTACKS = {
    "replaces torch's comparisons": """
torch.allclose = torch.equal = torch.isclose = torch.Tensor.allclose = torch.Tensor.equal = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
torch.Tensor.__eq__ = torch.Tensor.__le__ = torch.Tensor.__ge__ = lambda *a: torch.tensor(True)
""",
    "replaces the check functions": """
import utils.feedback.modules, utils.cost.table, networks.googlenet as blocks
utils.feedback.modules.same_module = lambda *a, **k: ""
utils.cost.table.profile = lambda *a, **k: None
blocks.InceptionModule = Repaired
""",
    "replaces what marks": """
import classroom.sandbox.stand_in, classroom.sandbox.submission, classroom.sandbox.jobs, classroom.sandbox.student_process as own
classroom.sandbox.submission.mark = lambda job, session: [classroom.sandbox.jobs.Outcome() for cell in job.cells]
classroom.sandbox.submission._execute = lambda *a: None
classroom.sandbox.stand_in.Student.request = lambda *a: None
own.RequestHandler.bring_up_to_date = lambda self: None
""",
    "replaces Python's own": """
import builtins
builtins.isinstance = lambda *a: True
builtins.AssertionError = Warning
builtins.max = builtins.set = builtins.all = builtins.any = lambda *a, **k: True
AssertionError = ()
""",
    "catches the check's errors": """
import sys
get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)
get_ipython().showtraceback = lambda *a, **k: None
sys.excepthook = sys.unraisablehook = lambda *a: None
""",
    "returns what equals everything": """
class Yes(int):
    __eq__ = __le__ = __ge__ = __lt__ = __gt__ = __rmul__ = __mul__ = __radd__ = __add__ = lambda *a: True
    __hash__ = int.__hash__
class Agree:
    __class__ = int
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __eq__(self, other): return True
    __ge__ = __le__ = __eq__
largest_reduction = lambda *a: Yes(3)
choose_widths = lambda *a: Agree()
FiveBranches = Repaired = Agree
""",
    "hands on a tensor that equals everything": """
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
make = lambda *a: torch.zeros(1).as_subclass(Yes)
largest_reduction = choose_widths = make
""",
    "prints instead of returning": """
def largest_reduction(*case):
    print({(192, 128, 3): 164}.get(case, 31))
def choose_widths(*case):
    print({"pointwise": 1})
""",
    "asks the reference that the test holds": """
import sys, gc
def above(name):
    frame = sys._getframe()
    while frame:
        for names in (frame.f_locals, frame.f_globals):
            if name in names:
                return names[name]
        frame = frame.f_back
    for found in gc.get_objects():
        if isinstance(found, dict) and name in found:
            return found[name]
largest_reduction = lambda *case: above("_by_trying")(*case)
class FiveBranches(nn.Module):
    def __new__(cls, *args): return above("_Reference")(*args)
class Repaired(nn.Module):
    def __new__(cls, *args): return above("_Right")(*args)
""",
    "reads the course's files": """
import pathlib, lessons, subprocess, os
place = pathlib.Path(lessons.__file__).parent
def solution(*case):
    for path in [place / "inception_module" / "assignment.md", *pathlib.Path("/").glob("tmp/*/gradebook.db")]:
        code = path.read_text(errors="ignore")
        start = code.index("def _by_trying")
        exec(code[start:code.index("for _case")], globals())
        return _by_trying(*case)
largest_reduction = solution
""",
    "writes to the check's files": """
import utils.feedback.modules, classroom.sandbox.submission, os, tempfile, glob
for path in [utils.feedback.modules.__file__, classroom.sandbox.submission.__file__, *glob.glob("/tmp/*/*.db"), "/tmp/owned-by-a-student"]:
    try:
        open(path, "a").write("")
        print("WRITTEN", path)
        os.utime(path)
    except OSError:
        pass
""",
    "talks to the other side": """
import os, json, struct
def forge(*case):
    said = json.dumps([{"value": 164, "nodes": [["op", "aten::from_file", "", ["tuple", "/etc/passwd"], ["dict"], True, 1]],
                        "alive": [], "random": None}, []]).encode()
    for number in range(3, 64):
        try:
            os.write(number, struct.pack("<Q", len(said)) + said)
        except OSError:
            pass
    return 31
largest_reduction = forge
choose_widths = lambda *a: (forge(), os._exit(0))
""",
    "asks the other side for memory": """
import classroom.sandbox.student_process as own
answered = own.RequestHandler.respond
def respond(self, response):
    self.nodes = [["op", "aten::ones", "", ["tuple", ["list", 10**11]], ["dict"], False, self.last - 1]]
    answered(self, response)
def largest_reduction(*case):
    own.RequestHandler.respond = respond
    return 31
""",
    "signals the marking process": """
import os, signal
for number in [os.getppid(), *range(1, 400), -1]:
    try:
        if number != os.getpid():
            os.kill(number, 0 if number == 1 else signal.SIGTERM)
    except OSError:
        pass
""",
    "leaves early": "import atexit, os\natexit.register(os._exit, 0)\nexit(0)",
    "leaves early, with quit": "quit()",
    "leaves with SystemExit": "import sys\nsys.exit(0)",
    "ends the process": "import os\nos._exit(0)",
    "leaves in the answer": """
import sys, os
def largest_reduction(*case):
    sys.exit(0)
def choose_widths(*case):
    os._exit(0)
class FiveBranches(nn.Module):
    def __init__(self, *a, **k):
        raise SystemExit(0)
class Repaired(nn.Module):
    def __init__(self, *a, **k):
        raise KeyboardInterrupt
""",
}


@pytest.fixture(scope="module")
def workers():
    with Workers(2) as workers:
        yield workers


def cheat(code):
    """The stub, behind it answers of the right shapes, and behind those the attack."""
    made = job(SLUG, {})
    place = next(number for number, cell in enumerate(made.cells) if cell.name == "test_five_branches")
    made.cells[place:place] = [
        Cell("student", "", "import torch\nfrom torch import nn"),
        Cell("student", "", SHAPES_ONLY),
    ]
    made.cells.insert(place + 2, Cell("student", "", code))
    for cell in made.cells:  # the stubs would take the place of the attack's answers
        if cell.role == "student" and cell.name:
            cell.source = "pass"
    return made


@pytest.fixture(scope="module")
def attacked(workers):
    jobs = {name: cheat(code) for name, code in ATTACKS.items()}
    names = list(jobs)
    return {names[number]: (jobs[names[number]], found) for number, found in workers.mark(list(jobs.values()))}


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_earns_a_point(attacked, name):
    made, outcomes = attacked[name]
    (own,) = (each for cell, each in zip(made.cells, outcomes, strict=True) if cell.source == ATTACKS[name])
    if "import classroom" in ATTACKS[name] or "import utils" in ATTACKS[name]:
        stopped = ("TimeoutError", "ProcessEnded")
        assert own.error is None or own.error[0] in stopped, "what it replaces is not there"
    assert TESTS - failed(made, outcomes) <= EARNED_BY_SHAPES
    written = [line for outcome in outcomes for line in outcome.text.splitlines() if line.startswith("WRITTEN")]
    assert set(written) <= {"WRITTEN /tmp/owned-by-a-student"} and not os.path.exists("/tmp/owned-by-a-student")


@needs_linux
@pytest.mark.slow
def test_an_attack_takes_no_points_from_right_answers_and_the_next_submission_is_marked_as_ever(workers):
    """What hangs, dies or eats memory costs its own task; the others are marked."""
    solutions = answers_of(SLUG)
    hostile = {
        "hangs": "def largest_reduction(*case):\n    while True: pass",
        "dies": "import os\ndef largest_reduction(*case):\n    os.kill(os.getpid(), 9)",
        "eats": "def largest_reduction(*case):\n    return [bytearray(2**28) for _ in range(1000)]",
        "floods": "def largest_reduction(*case):\n    while True: print('x' * 10**6)",
        "sleeps on a signal": "import signal, time\ndef largest_reduction(*case):\n    signal.pthread_sigmask(0, range(1, 60)); time.sleep(100)",
        "recurses": "def largest_reduction(*case):\n    return largest_reduction(*case)",
        "gives back without end": "def largest_reduction(*case):\n    own = []\n    own.append(own)\n    return own",
        "gives back too much": "def largest_reduction(*case):\n    return list(range(10**8))",
    }
    jobs = [job(SLUG, solutions | {"largest_reduction": code}, times=Timeouts(4, 8, 60)) for code in hostile.values()]
    jobs.append(job(SLUG, solutions))
    found = {number: failed(jobs[number], outcomes) for number, outcomes in workers.mark(jobs)}
    assert found == {number: {"largest_reduction"} for number in range(len(hostile))} | {len(hostile): set()}


@needs_linux
@pytest.mark.slow
def test_a_cell_that_ends_or_hangs_the_process_costs_nothing_but_itself(workers):
    solutions = answers_of(SLUG)
    cells = (
        "import os\nos._exit(1)", "while True: pass", "import os\nos.abort()",
        "import os, time\nif not os.fork():\n    time.sleep(0.2)\n    os._exit(0)",
        "memory = []\nwhile True: memory.append(bytearray(2**26))", "import sys\nsys.stdout.close()",
        "print('x' * 10**9)", "input()", "raise KeyboardInterrupt", "%magic_that_is_none", "!ls /", "this is no python",
        "import torch\ntorch.set_grad_enabled(False)",
    )  # fmt: skip
    made = job(SLUG, solutions, added=cells, times=Timeouts(4, 20, 100))
    ((_, outcomes),) = workers.mark([made])
    assert failed(made, outcomes) == set()
    assert max(len(outcome.text) for outcome in outcomes) < 25_000


@needs_linux
@pytest.mark.slow
def test_a_cell_that_hangs_only_when_it_is_run_again_costs_nothing_but_itself(workers):
    made = job(SLUG, answers_of(SLUG), times=Timeouts(4, 20, 100))
    list(workers.mark([Job([], [])]))  # the worker has started: the first cell is run before it is late
    late = time.time() + 3
    hangs = Cell("student", "", f"import time\nwhile time.time() > {late}: pass")
    ends = Cell("student", "", f"import os, time\ntime.sleep(max({late} + 0.1 - time.time(), 0))\nos._exit(1)")
    first = next(number for number, cell in enumerate(made.cells) if cell.role == "test")
    made.cells[first:first] = [ends]
    made.cells[:0] = [hangs]
    ((_, outcomes),) = workers.mark([made])
    assert failed(made, outcomes) == set()


@needs_linux
@pytest.mark.slow
def test_a_cell_that_leaves_no_memory_costs_nothing_but_itself(workers):
    hog = (
        "memory = []\nfor size in (2**26, 2**20, 2**14, 2**10):\n    try:\n        while True: memory.append(bytearray(size))\n"
        "    except MemoryError: pass\nraise MemoryError"
    )
    made = job(SLUG, answers_of(SLUG), added=(hog,))
    ((_, outcomes),) = workers.mark([made])
    assert failed(made, outcomes) == set()


@needs_linux
@pytest.mark.slow
def test_a_fork_bomb_and_an_endless_notebook_are_stopped_and_the_worker_goes_on(workers):
    bomb = Job([Cell("student", "", "import os\nwhile True: os.fork()")], [], Timeouts(2, 2, 4))
    endless = Job([Cell("student", "", "while True: pass")] * 5, [], Timeouts(1, 1, 3))
    began = time.monotonic()
    outcomes = dict(workers.mark([bomb, endless, job(SLUG, answers_of(SLUG))]))
    assert outcomes[0][0].error[0] in ("TimeoutError", "ProcessEnded", "MemoryError")
    assert [outcome.error[0] for outcome in outcomes[1]] == ["TimeoutError"] * 5
    assert not any(outcome.error for outcome in outcomes[2])
    assert time.monotonic() - began < 60


# What is told, and to whom


HIDDEN = """
### BEGIN HIDDEN TESTS
assert answer(31337, "secret-of-the-test") == 1, "the answer for a hidden case is wrong"
### END HIDDEN TESTS
"""
RECORDS = """
asked = []
def answer(*case):
    asked.append(case)
    open("asked", "a").write(repr(case))
    print("asked", case)
    import sys
    print("asked", case, file=sys.__stderr__)
    {0}
"""
TELLS = """
import os
print(asked, os.path.exists("asked"))
"""


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    ["return 2", "raise ValueError(str(case))", "raise type('E' + str(case[0]), (KeyError,), {})(case)", "return case[1]",
     "return {'key ' + str(case[0]): 1}", "import os; os._exit(case[0] % 256)", "return open(case[1])", "return FakeNumber(case)"],
)  # fmt: skip
def test_what_a_hidden_test_asks_is_not_told_to_the_student(workers, way):
    test = "value = answer(1, 'a')\n" + HIDDEN
    cells = [
        Cell("student", "answer", RECORDS.format(way)),
        Cell("test", "test_answer", test),
        Cell("student", "", TELLS),
    ]
    cells += [
        Cell("test", "test_again", "assert answer(2, 'b') == 1, f'that is {answer(2, str(2))}'"),
        Cell("student", "", TELLS),
    ]
    ((_, outcomes),) = workers.mark([Job(cells, ["answer"], Timeouts(10, 20, 60))])
    assert outcomes[1].error and outcomes[3].error
    told = repr(outcomes)
    assert "31337" not in told and "secret-of-the-test" not in told, told
    assert outcomes[2].text == "[] False\n" and not outcomes[2].error


SLIPS = {  # by answer: a part of the solution and what a student writes in its place; each is undone with the first edits
    "largest_reduction": ("kernel_size**2 * out_channels\n", "kernel_size**2 + out_channels\n"),
    "choose_widths": ("grid * grid", "grid + grid"),
}


def test_the_one_slip_that_fails_a_test_is_named_once_all_is_marked(workers):
    answers = answers_of(SLUG)
    for name, (right, wrong) in SLIPS.items():
        assert right in answers[name]
        answers[name] = answers[name].replace(right, wrong, 1)
    made = job(SLUG, answers)
    ((_, outcomes),) = workers.mark([made])
    assert failed(made, outcomes) == set(SLIPS)
    for name in SLIPS:
        sentence = said(made, outcomes, name)
        assert "All else is right: in line" in sentence, sentence
        assert sentence.endswith("you add, where another operation belongs."), sentence


def test_more_time_for_slips_is_more_for_each_answer(monkeypatch):
    """A third of it: a class whose teacher lets marking take longer has more slips named."""
    made = Job(
        [
            Cell("student", "answer", "def answer(n):\n    return n"),
            Cell("test", "test_answer", "assert answer(2) == 3"),
        ],
        ["answer"],
    )
    outcomes = {0: Outcome(), 1: Outcome(error=("AssertionError", "", []))}
    given = []
    monkeypatch.setattr(submission, "_slip", lambda *those: given.append(those[5]) or "")
    for slips in (6.0, 60.0, 0.0):
        made.times = Timeouts(slips=slips)
        submission._name_slips(made, SimpleNamespace(left=1000.0), {}, outcomes, set())
    assert given == [2.0, 20.0]


ENDLESS = """
def answer(n):
    rest = n
    while rest > 0:
        rest = rest - 1
    for _ in range(10**n):
        rest += 1
    return rest + 2
"""


def test_an_edit_that_does_not_end_costs_no_mark_and_little_time(workers):
    """Without its slip the answer is right; before that is tried, edits make its loops endless, or leave them nothing to go on."""
    cells = [
        Cell("student", "answer", ENDLESS),
        Cell("test", "test_answer", "assert answer(2) == 101, 'not 101'"),
        Cell("student", "other", "import os\ndef ends(n):\n    return n if n < 3 else os._exit(1)"),
        Cell("test", "test_ends", "assert ends(2) == 3"),
        Cell("test", "test_right", "assert ends(2) == 2"),
    ]
    made = Job(cells, ["answer", "ends"], Timeouts(10, 20, 60))
    began = time.monotonic()
    ((_, outcomes),) = workers.mark([made])
    assert time.monotonic() - began < 30
    assert failed(made, outcomes) == {"answer", "ends"}
    assert not outcomes[4].error


@needs_linux
@pytest.mark.slow
@pytest.mark.parametrize("role", ["student", "test"])
def test_both_processes_are_confined(workers, role, tmp_path):
    """What a flaw in the boundary would give to a student: the tests' process has no more than the student's."""
    (tmp_path / "gradebook.db").write_text("marks")
    tries = "\n".join(
        [
            "import pathlib, lessons, os",
            "found = []",
            f"places = [{str(tmp_path / 'gradebook.db')!r}, pathlib.Path(lessons.__file__).parent / 'inception_module' / 'assignment.md']",
            "for place in places:",
            "    try:",
            "        found.append(open(place).read())",
            "    except OSError:",
            "        pass",
            "    try:",
            "        os.rename(place, str(place) + '.gone')",
            "        found.append('moved')",
            "    except OSError:",
            "        pass",
            "assert not found and len(os.environ) < 12, found",
            "print('tried')",
        ]
    )
    ((_, outcomes),) = workers.mark([Job([Cell(role, "tries", tries)], [])])
    assert outcomes[0].error is None and outcomes[0].text == "tried\n", outcomes
    assert (tmp_path / "gradebook.db").read_text() == "marks"


@needs_linux
def test_words_of_the_course_and_of_torch_are_not_taken_for_the_students(student):
    there = student(
        "def layer(): return nn.Conv2d(1, 1, 3, padding=1)\ndef text(n): return ['same words', f'made up {n}']\n"
    )
    layer = there.name("layer")()
    assert layer.padding_mode == "zeros" and there.name("text")(5) == ["same words", "made up 5"]
    there.sources = ["'same words'"]
    sentence = "a list of zeros: tuple, float32, made up 5, same words"
    assert there.without_its_words(sentence) == sentence.replace("made up 5", "...").replace("same words", "...")
    there.words.clear()
    there.name("text")(5)
    assert there.without_its_words(sentence) == sentence.replace("made up 5", "...")


@needs_linux
@pytest.mark.slow
def test_an_error_of_the_students_in_a_test_is_told_by_its_kind_and_its_place(workers):
    source = "def answer(case):\n    table = {1: 2}\n    return table[case]"
    cells = [Cell("student", "answer", source), Cell("test", "test_answer", "assert answer(5) == 1")]
    ((_, outcomes),) = workers.mark([Job(cells, ["answer"])])
    name, text, lines = outcomes[1].error
    assert name == "KeyError" and "where the test asked" in text
    assert "line 3: return table[case]" in lines


@needs_linux
@pytest.mark.slow
def test_memory_that_ran_out_and_too_much_output_have_a_remark_of_their_own(workers):
    from classroom.marking import _remarks_on

    sources = {
        "python": "x = bytearray(2**33)", "torch": "import torch\nx = torch.ones(2**32)", "much": "print('x' * 10**6)",
        "forks": "import os, time\nfor _ in range(3): os.fork()\nhold = bytearray(os.urandom(2**20)) * 600\ntime.sleep(5)",
    }  # fmt: skip
    cells = [Cell("student", name, source) for name, source in sources.items()]
    cells.append(Cell("student", "answer", "import torch\ndef answer(): return torch.ones(2**32)"))
    cells.append(Cell("test", "test_answer", "answer()"))
    made = Job(cells, ["answer"], Timeouts(10, 20, 100))
    ((_, outcomes),) = workers.mark([made])
    remarks = dict(remark.split(": ", 1) for remark in _remarks_on(made, outcomes))
    for name in ("python", "torch", "test_answer"):
        assert remarks[name] == "Your code needs more memory than the 2 GB that there are."
    assert remarks["forks"] == "Your code used more memory than the 2 GB that there are, and was stopped."
    assert "980,001 characters beyond the first 20,000" in remarks["much"]
    assert set(remarks) == {"python", "torch", "much", "forks", "test_answer"}


@pytest.mark.slow
def test_a_worker_that_cannot_start_is_an_error_that_names_the_reason(monkeypatch, tmp_path):
    from classroom.sandbox.workers import Worker, WorkerFailed

    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'libtorch.so: cannot open shared object file' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(WorkerFailed, match="cannot open shared object file"):
        Worker().mark(Job([Cell("student", "", "1")], []))
    with Workers(2) as workers, pytest.raises(WorkerFailed):
        list(workers.mark([Job([Cell("student", "", "1")], [])] * 3))


def test_a_control_group_is_asked_for_only_where_systemd_makes_one(monkeypatch, tmp_path):
    from classroom.sandbox import workers

    said = tmp_path / "asked"
    for status, expected in ((1, False), (0, True)):
        fake = tmp_path / f"systemd-run-{status}"
        fake.write_text(f'#!/bin/sh\necho "$@" >> {said}\nexit {status}\n')
        fake.chmod(0o755)
        monkeypatch.setattr(workers.shutil, "which", lambda _, fake=fake: str(fake))
        workers._systemd.cache_clear()
        group = workers.control_group(2**31, 64)
        workers._systemd.cache_clear()
        assert bool(group) is (expected and sys.platform == "linux")
    if sys.platform == "linux":
        assert f"MemoryMax={7 * 2**30}" in group and "TasksMax=1024" in group and group[-1] == "--"


# Stand-ins: what the tests get of a student's code behaves as if it were theirs


@pytest.fixture
def student():
    """A function that runs code in a student's process and gives its names to the tests."""
    from classroom.sandbox.submission import Session, Students, new_shell

    opened = []

    def start(code):
        made = Job([], sorted(defined_names(code)))
        opened.append(Students(new_shell()))
        session = Session(made, opened[-1].open)
        outcome = session.run(
            "import copy\nimport torch\nfrom torch import nn\nimport torch.nn.functional as F\n" + code
        )
        assert outcome.error is None, outcome
        return session.student

    yield start
    for students in opened:
        students.close()


@needs_linux
def test_layers_that_wait_for_an_input_take_their_shape_in_several_branches(student):
    net = student(
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.a = nn.Sequential(nn.LazyConv2d(3, 1), nn.ReLU())\n"
        "        self.b = nn.Sequential(nn.LazyConv2d(4, 1), nn.ReLU(), nn.LazyConv2d(5, 3, padding=1))\n"
        "    def forward(self, x):\n        return torch.cat([self.a(x), self.b(x)], 1)\n"
    ).name("Net")()
    for size in (8, 9, 7):
        x = torch.randn(2, 6, size, size, requires_grad=True)
        result = net(x)
        (w, b), (w1, b1), (w2, b2) = ((each.weight, each.bias) for each in (net.a[0], net.b[0], net.b[2]))
        first = torch.conv2d(x, w, b).relu()
        expected = torch.cat([first, torch.conv2d(torch.conv2d(x, w1, b1).relu(), w2, b2, padding=1)], 1)
        assert torch.allclose(result, expected, atol=1e-6)
        sought = (x, *net.parameters())
        for mine, own in zip(
            *(torch.autograd.grad(each.square().sum(), sought) for each in (result, expected)), strict=True
        ):
            assert torch.allclose(mine, own, rtol=1e-4, atol=1e-5)


@needs_linux
def test_a_layer_that_gets_a_hook_later_is_asked_from_then_on(student):
    names = student(
        "def make():\n    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())\n"
        "def hooked(net):\n    net.register_forward_hook(lambda module, given, result: 0 * result - 1)\n"
    )
    net, x = names.name("make")(), torch.randn(1, 3, 4, 4)
    assert net(x).min() >= 0
    names.name("hooked")(net)
    assert torch.equal(net(x), -torch.ones(1, 4, 4, 4))


@needs_linux
def test_plain_values_come_over_as_themselves(student):
    values = [1, -2.5, float("inf"), "text", None, True, [1, (2, {"a": 3})], {4: "b"}, {5}, 2 + 3j, Fraction(3, 7), slice(1, None), range(3),
              b"bytes", torch.Size([1, 2]), torch.float16, torch.device("cpu"), ...]  # fmt: skip
    echo = student("def echo(value):\n    return value").name("echo")
    for value in values:
        found = echo(value)
        assert found == value and type(found) is type(value)
    assert echo(torch.tensor([1.0, float("nan")])).isnan().tolist() == [False, True]
    with pytest.raises(NotSerializable, match="socket"):
        echo(socket.socket())


@needs_linux
def test_gradients_views_and_changes_in_place_are_what_they_are_in_one_process(student):
    there = student(
        "def f(x, w):\n    return (x @ w).relu().sum()\n"
        "def scale(x):\n    x.mul_(2)\n"
        "def part(x):\n    return x[1:, :2]\n"
        "def cut(x):\n    return x.detach() * 3\n"
        "def quiet(x):\n    with torch.no_grad():\n        return x * 3\n"
        "def descend(x):\n    x = x.clone().requires_grad_()\n    best = torch.optim.SGD([x], lr=0.1)\n"
        "    for _ in range(50):\n        best.zero_grad(); ((x - 3) ** 2).sum().backward(); best.step()\n    return x\n"
    )
    x, w = torch.randn(3, 4, requires_grad=True), torch.randn(4, 2, requires_grad=True)
    there.name("f")(x, w).backward()
    own = torch.autograd.grad((x @ w).relu().sum(), (x, w))
    assert torch.equal(x.grad, own[0]) and torch.equal(w.grad, own[1])
    values = torch.ones(3, 3)
    there.name("scale")(values)
    assert values.eq(2).all()
    there.name("part")(values).zero_()
    assert values.sum() == 2 * 5
    assert not there.name("cut")(x).requires_grad and not there.name("quiet")(x).requires_grad
    assert torch.allclose(there.name("descend")(torch.zeros(2)), torch.full((2,), 3.0), atol=1e-3)


@needs_linux
def test_modules_come_over_with_their_layers_modes_and_changes(student):
    there = student(
        "class Net(nn.Module):\n"
        "    def __init__(self, width):\n        super().__init__()\n"
        "        self.conv, self.norm = nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)\n"
        "        self.gain = nn.Parameter(torch.ones(1)); self.calls = 0\n"
        "    def forward(self, x, twice=False):\n"
        "        self.calls += 1\n"
        "        x = self.gain * F.relu(self.norm(self.conv(x)))\n"
        "        return (x, 2 * x) if twice else x\n"
        "    def width(self):\n        return self.conv.out_channels\n"
        "def fold(conv):\n    new = copy.deepcopy(conv)\n    new.weight.data = new.weight.data * 2\n    return new\n"
        "def same(net):\n    return net\n"
        "def freeze(net):\n    net.eval()\n    for p in net.parameters():\n        p.requires_grad_(False)\n    net.extra = 5\n"
        "class Lazy(nn.Module):\n    def __init__(self):\n        super().__init__(); self.layer = nn.LazyConv2d(4, 1)\n"
        "    def forward(self, x):\n        return self.layer(x)\n"
    )
    torch.manual_seed(0)
    net = there.name("Net")(5)
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, 3)
    assert torch.equal(net.conv.weight, conv.weight), "the tests' seed decides the weights"
    assert isinstance(net, nn.Module) and type(net.conv) is nn.Conv2d and net.width() == 5
    assert [name for name, _ in net.named_parameters()] == [
        "gain",
        "conv.weight",
        "conv.bias",
        "norm.weight",
        "norm.bias",
    ]
    images = torch.randn(2, 3, 6, 6)
    own = nn.Sequential(conv, nn.BatchNorm2d(5), nn.ReLU())
    assert torch.allclose(net(images), own(images), atol=1e-6)
    assert torch.allclose(net.norm.running_mean, own[1].running_mean), "batch norm's statistics moved here too"
    with torch.no_grad():
        net.gain.fill_(3)
    first, second = net.eval()(images, twice=True)
    assert torch.allclose(first, 3 * own.eval()(images), atol=1e-5) and torch.equal(second, 2 * first)
    assert net.calls == 2
    net.zero_grad()
    net(images).sum().backward()
    assert net.gain.grad is not None and net.conv.weight.grad is not None
    folded = there.name("fold")(conv)
    assert folded is not conv and torch.equal(folded.weight, 2 * conv.weight)
    assert there.name("same")(conv) is conv
    there.name("freeze")(conv)
    assert not conv.training and not conv.weight.requires_grad
    lazy = there.name("Lazy")()
    assert lazy(images).shape == (2, 4, 6, 6) and lazy.layer.weight.shape == (4, 3, 1, 1)


@needs_linux
def test_tensors_and_layers_under_two_names_are_one(student):
    there = student(
        "class Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.a, self.b = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1)\n        self.b.weight = self.a.weight\n"
        "        self.path = nn.Sequential(self.a, nn.ReLU()); self.shift = self.again = Shift()\n"
        "    def forward(self, x):\n        return self.b(self.path(x)) + self.a(x) + self.shift(self.again(x))\n"
        "class Shift(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.by = nn.Parameter(torch.ones(2, 1, 1))\n"
        "    def forward(self, x):\n        return x + self.by\n"
    )
    net, x = there.name("Net")(), torch.randn(1, 2, 3, 3)
    want = net.b(net.a(x).relu()) + net.a(x) + x + 2
    for _ in range(2):  # counting, on `meta`, leaves the tensors as they are
        assert profile(net, (2, 3, 3)).parameters == 4 + 2 + 2 + 2
        assert torch.allclose(net(x), want)
    net(x).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


@needs_linux
def test_what_a_hook_of_the_students_on_a_layer_of_the_tests_makes_comes_over(student):
    there = student(
        "def means(net, x):\n    seen = []\n"
        "    handles = [each.register_forward_hook(lambda m, i, out: seen.append(out.mean())) for each in net]\n"
        "    net(x)\n    for each in handles: each.remove()\n    return torch.stack(seen)\n"
    )
    net, x = nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU(), nn.Conv2d(3, 1, 1)), torch.randn(1, 2, 3, 3)
    found = there.name("means")(net, x)
    stages = [net[0](x), net[0](x).relu(), net(x)]
    assert torch.allclose(found, torch.stack([each.mean() for each in stages]))


@needs_linux
def test_a_long_loop_needs_no_more_memory_than_it_would_elsewhere(student):
    there = student(
        "def total(x, steps):\n    y = torch.zeros_like(x)\n    for i in range(steps):\n        y = y + x\n    return y\n"
    )
    x = torch.randn(250_000)
    before = psutil.Process().memory_info().rss
    found, most_alive, most_bytes = [], 0, 0

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal most_alive, most_bytes
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.numel() == x.numel():
                found.append(weakref.ref(result))
            most_alive = max(most_alive, sum(ref() is not None for ref in found))
            most_bytes = max(most_bytes, psutil.Process().memory_info().rss - before)
            return result

    with Watching():
        total = there.name("total")(x, 400)
    assert torch.allclose(total, 400 * x, rtol=1e-4)
    assert len(found) >= 400  # every sum was seen: a megabyte each, 400 together
    assert most_alive < 100
    assert most_bytes < 100e6  # what an earlier test gave back may serve here: it can be none


@needs_linux
def test_objects_errors_and_the_tests_own_functions(student):
    there = student(
        "class Average:\n"
        "    def __init__(self, net, decay):\n        self.module, self.decay = copy.deepcopy(net), decay\n"
        "    def update(self, net):\n        with torch.no_grad():\n"
        "            for a, p in zip(self.module.parameters(), net.parameters()):\n                a.lerp_(p, 1 - self.decay)\n"
        "    def __iter__(self):\n        yield from (1, 2)\n    def __getitem__(self, key):\n        return key * 2\n"
        "    def __eq__(self, other):\n        return True\n    def __len__(self):\n        return 7\n"
        "def twice(function, x):\n    return function(function(x))\n"
        "def fail():\n    raise ValueError('so it is')\n"
        "class Own(KeyError):\n    pass\n"
        "def fail_in_an_own_way():\n    raise Own('key')\n"
    )
    net = nn.Linear(2, 2)
    average = there.name("Average")(net, 0.9)
    start = net.weight.detach().clone()
    with torch.no_grad():
        net.weight.add_(1)
    average.update(net)
    assert torch.allclose(average.module.weight, start + 0.1) and torch.equal(net.weight, start + 1)
    assert average.decay == 0.9 and list(average) == [1, 2] and average[3] == 6 and len(average) == 7
    assert average != 5 and average == average
    assert isinstance(average, there.name("Average")) and not isinstance(5, there.name("Average"))
    x = torch.ones(2, requires_grad=True)
    there.name("twice")(lambda value: value * 3, x).sum().backward()
    assert x.grad.tolist() == [9, 9]
    with pytest.raises(ValueError, match="so it is"):
        there.name("fail")()
    with pytest.raises(KeyError):
        there.name("fail_in_an_own_way")()
    with pytest.raises(KeyError):
        there.name("not_there")


@needs_linux
def test_layers_that_wait_for_their_first_input_are_what_they_are_in_one_process(student):
    there = student(
        "class Lazy(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.body = nn.Sequential(nn.LazyConv2d(4, 1), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))\n"
        "    def forward(self, x):\n        return self.body(x)\n"
        "def sequence():\n    return nn.Sequential(nn.LazyConv2d(4, 1), nn.ReLU())\n"
    )
    images = torch.randn(5, 2, 3, 3, requires_grad=True)
    net = there.name("Lazy")()
    assert net.training and type(net.body[2]) is nn.ReLU
    first = net(images)
    assert first.shape == (5, 3) and net.body[0].weight.shape == (4, 2, 1, 1)
    own = nn.Sequential(nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    own.load_state_dict(net.body.state_dict())
    assert torch.allclose(net(images), own(images), atol=1e-6) and torch.allclose(
        net(images[:1]), own(images[:1]), atol=1e-5
    )
    net(images).sum().backward()
    assert images.grad is not None and net.body[4].weight.grad is not None
    sequence = there.name("sequence")()
    assert sequence(images).shape == (5, 4, 3, 3) and sequence[0].weight.shape == (4, 2, 1, 1)
    counted = there.name("Lazy")()
    counted(torch.zeros(2, 2, 3, 3))
    assert profile(counted, (2, 3, 3)).parameters == 12 + 8 + 36 * 3 + 3


@needs_linux
def test_a_buffer_that_is_filled_in_place_comes_over(student):
    there = student(
        "class Whitened(nn.Module):\n    def __init__(self, channels):\n        super().__init__()\n"
        "        self.register_buffer('mean', torch.zeros(channels)); self.register_buffer('calls', torch.tensor(0))\n"
        "        self.mean[0] = 1; self.mean[1:] = 2.0; self.mean.mul_(2)\n"
        "        self.table = torch.empty(2, 2); self.table.fill_(3); nn.init.eye_(self.table)\n"
        "    def forward(self, x):\n        self.calls += 1\n        self.calls.add_(1)\n"
        "        if self.training:\n            self.mean.copy_(0.5 * self.mean + 0.5 * x.detach().mean((0, 2, 3)))\n"
        "        return x - self.mean[:, None, None] + self.table.sum()\n"
    )
    net, images = there.name("Whitened")(2), torch.randn(3, 2, 4, 4)
    assert net.mean.tolist() == [2, 4]
    mean = 0.5 * torch.tensor([2.0, 4.0]) + 0.5 * images.mean((0, 2, 3))
    assert torch.allclose(net(images), images - mean[:, None, None] + 2, atol=1e-6)
    assert torch.allclose(net.mean, mean) and net.calls == 2
    net.eval()
    assert torch.allclose(net(images), images - mean[:, None, None] + 2, atol=1e-6) and net.calls == 4
    with torch.no_grad():
        net.mean.fill_(7)
    assert torch.allclose(net(images), images - 7 + 2, atol=1e-6)


@needs_linux
def test_what_draws_random_numbers_draws_the_tests_own_in_training(student):
    there = student(
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.drop, self.layer = nn.Dropout(0.5), nn.Linear(6, 6)\n"
        "    def forward(self, x):\n"
        "        if self.training:\n            x = x + torch.rand_like(x) + torch.rand(6)\n"
        "        x = F.dropout(self.layer(self.drop(x)), 0.3, self.training)\n        return self.drop(x)\n"
    )
    net, x = there.name("Net")(), torch.randn(4, 6, requires_grad=True)

    def own(x):
        x = x + torch.rand_like(x) + torch.rand(6)
        return nn.functional.dropout(nn.functional.dropout(net.layer(nn.functional.dropout(x, 0.5)), 0.3), 0.5)

    for seed in (0, 1):
        torch.manual_seed(seed)
        found = net(x)
        torch.manual_seed(seed)
        expected = own(x)
        assert torch.allclose(found, expected, atol=1e-6)
        gradients = [torch.autograd.grad(each.sum(), x, retain_graph=True)[0] for each in (found, expected)]
        assert torch.allclose(*gradients, atol=1e-6) and gradients[0].abs().sum() > 0
    assert not torch.equal(net(x), net(x)), "two calls draw two sets of numbers"
    assert torch.equal(net.eval()(x), net(x))


def outcomes_of(workers, source, test):
    ((_, found),) = workers.mark(
        [Job([Cell("student", "answer", source), Cell("test", "test_answer", test)], ["answer"], Timeouts(slips=0))]
    )
    return found


@needs_linux
@pytest.mark.parametrize(
    ("body", "change"),
    [
        ("things.pop()", True), ("things.sort()", True), ("things[1].append(4)", True), ("named['k'] = 2", True),
        ("things[1].append(4); things[1].pop()", False), ("things = sorted(things, key=str)", False), ("named = named | {'k': 2}", False),
    ],
)  # fmt: skip
def test_lists_and_dictionaries_that_are_changed_are_told(workers, body, change):
    source = f"def answer(things, named):\n    {body}\n    return 5"
    test = "assert answer([3, [1, float('nan')], 'x'] if {sort} else [3, 1, 2], {'k': 1}) == 5".replace(
        "{sort}", str("sort()" not in body)
    )
    said = outcomes_of(workers, source, test)[1].error
    place = 2 if "named" in body else 1
    if change:
        assert tuple(said[:2]) == (
            "AssertionError",
            f"your function changes its argument {place}: whoever calls it needs that as it was",
        )
    else:
        assert said is None


@needs_linux
@pytest.mark.parametrize(
    "line",
    ["%matplotlib inline", "%matplotlib widget", "!nvidia-smi", "files = !ls", "%pip install torchinfo", "%conda install x", "%load_ext tensorboard",
     "%tensorboard --logdir x", "%config InlineBackend.figure_format = 'svg'", "%load_ext autoreload\n%autoreload 2", "%%time"],
)  # fmt: skip
def test_what_a_notebook_asks_of_its_screen_or_its_shell_stops_no_cell(workers, line):
    cell, test = outcomes_of(workers, f"{line}\ndef answer():\n    return 5", "assert answer() == 5")
    assert cell.error is None and test.error is None, (cell, test)
    assert CHECKOUT.as_posix() not in cell.text


@needs_linux
def test_an_open_task_is_called_so_and_words_that_stand_in_a_visible_test_are_told(workers):
    test = "### BEGIN HIDDEN TESTS\nanswer(5)\n### END HIDDEN TESTS"
    _, said = outcomes_of(workers, "def answer(n):\n    raise NotImplementedError()", test)
    assert tuple(said.error[:2]) == (
        "NotImplementedError",
        "This task is open: its cell still raises NotImplementedError, as it came.",
    )
    source = "def answer(*pair):\n    return max(pair, key=len)"
    test = "found = answer('wide', 'narrow')\nassert found == 'wide', f'the wide one is right, not the {found} one'\n"
    _, said = outcomes_of(workers, source, test)
    assert said.error[1] == "the wide one is right, not the narrow one"
    hidden = "### BEGIN HIDDEN TESTS\n" + test + "### END HIDDEN TESTS"
    _, said = outcomes_of(workers, source, hidden)
    assert said.error[1] == "the wide one is right, not the ... one"


@needs_linux
@pytest.mark.slow
def test_what_cannot_be_brought_over_is_left_to_a_person_and_not_marked_as_wrong_in_silence(workers):
    own = """
class OwnRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)
    @staticmethod
    def backward(ctx, gradient):
        return gradient * (ctx.saved_tensors[0] > 0)
"""
    solutions = answers_of(SLUG)
    answer = own + solutions["repaired"].replace("return torch.cat([", "return OwnRelu.apply(torch.cat([").replace(
        ", dim=1)", ", dim=1))"
    )
    made = job(SLUG, solutions | {"repaired": answer})
    ((_, outcomes),) = workers.mark([made])
    undecided = {
        cell.name: outcome.undecided for cell, outcome in zip(made.cells, outcomes, strict=True) if outcome.undecided
    }
    assert set(undecided) <= {"test_repaired_runs", "test_repaired_computes"} and undecided
    assert all("torch.autograd.Function" in text for text in undecided.values())


def test_an_answer_that_makes_no_sense_ends_the_conversation():
    end, other = socket.socketpair()
    there, here = Student(Channel(end)), Channel(other)
    for response in (
        {"value": ["record", "os", "system", ["command", "true"]], "nodes": [], "alive": []},
        {"value": ["tensor", -5], "nodes": [], "alive": []},
        {
            "value": 1,
            "nodes": [["op", "aten::from_file", "", ["tuple", "/etc/passwd"], ["dict"], True, -1]],
            "alive": [],
        },
        {"value": 1, "nodes": [["module", -1, {"classes": ["os.path.join"], "native": True}]], "alive": []},
        {"value": 1},
        [],
    ):
        here.send(response, [])
        with pytest.raises(Exception) as caught:
            there.request("len", [1])
        assert isinstance(caught.value, (Disconnected, NotSerializable))
    end.close(), other.close()
