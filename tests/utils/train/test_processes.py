"""Several real processes on this machine's CPU: the same weights as one, and an end in any case."""

import os
import re
import signal
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from torch import nn

from tests.utils.forks import FORKS
from tests.utils.tiny import TinyNet, tiny_data
from utils.data.sets import load
from utils.system.places import CHECKOUT
from utils.train import processes
from utils.train.loop import Diverged, Recipe, Run, fit
from utils.train.processes import ALONE, SyncBatchNorm, Team

LIMIT = 150  # seconds; alone on its machine each of these takes a tenth of that
RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.1, momentum=0.9, weight_decay=1e-3, clip=1.0)
CHANGED = replace(RECIPE, flip="alternated", shift=1, crop=(0.3, 1.0), cutout=2, color=0.3, averaging=0.9)
Outputs = namedtuple("Outputs", ["logits", "aux"])

pytestmark = [pytest.mark.slow]


def launch(function: Callable, *arguments: object, folder: Path) -> list:
    """What a function returns in each of two new processes, in the order of their ranks; `fit` in it trains in both."""
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    given = (store.port, function, arguments, folder)
    multiprocessing.start_processes(_work, given, nprocs=2, start_method=FORKS.get_start_method())
    return [torch.load(folder / str(rank), weights_only=False) for rank in range(2)]


def _work(rank: int, port: int, function: Callable, arguments: tuple, folder: Path) -> None:
    """One of the processes: what torchrun would tell it, and then the function."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "CUDA_VISIBLE_DEVICES": ""}
    # The process that starts them holds the meeting place, as torchrun's does.
    os.environ |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)
    torch.save(function(*arguments), folder / str(rank))
    dist.destroy_process_group()


class WithHead(nn.Module):
    """A network with an auxiliary classifier, which only some recipes train, and a frozen layer."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
        self.main, self.head = nn.Linear(64, 4), nn.Linear(64, 4)
        self.body[0].requires_grad_(False)

    def forward(self, images, *, with_aux=False):
        seen = self.body(images)
        return Outputs(self.main(seen), (self.head(seen),)) if with_aux else self.main(seen)


class Spy(TinyNet):
    """Notes which images it sees in training, and what its dropout would draw."""

    def __init__(self):
        super().__init__(dropout=0.0)
        self.seen, self.masks = [], []

    def forward(self, images):
        if self.training:
            self.seen.append(images[:, 0, 0, 0].tolist())
            self.masks.append(nn.functional.dropout(torch.ones(20)).tolist())
        return super().forward(images)


def trained(net, recipe: Recipe, **options) -> Run:
    return fit(net, tiny_data(), recipe, seed=3, show=False, **options)


def no_dropout() -> TinyNet:
    return TinyNet(dropout=0.0)


def several_trainings(folder: str) -> dict:
    """What one of the processes has done and seen."""
    steps = []
    results = {
        "plain": trained(no_dropout, RECIPE),
        "changed": trained(no_dropout, CHANGED, on_step=lambda run, done: steps.append(done)),
        "head off": trained(WithHead, replace(RECIPE, aux_weight=0.0)),
        "head on": trained(WithHead, replace(RECIPE, aux_weight=0.3)),
        "spy": trained(Spy, replace(RECIPE, epochs=1)),
        "steps": steps,
        "normalised": normalised(),
        "whole": trained(lambda: TinyNet(dropout=0.5), RECIPE),
    }
    here = str(Path(folder) / f"{os.environ['RANK']}.checkpoint")  # another name in each: only the first may write one
    stop = {"on_step": lambda run, done: stop_in_the_middle(done)}
    results["stopped"] = trained(lambda: TinyNet(dropout=0.5), RECIPE, checkpoint=here, **stop)
    results["resumed"] = trained(lambda: TinyNet(dropout=0.5), RECIPE, checkpoint=here, resume=True)
    for name, recipe in {"odd": replace(RECIPE, batch_size=15), "wild": replace(RECIPE, learning_rate=1e30)}.items():
        try:
            trained(lambda: nn.Sequential(nn.Flatten(), nn.Linear(72, 9), nn.Linear(9, 4)), recipe)
        except (ValueError, Diverged) as problem:
            results[name] = f"{type(problem).__name__}: {problem}"
    return results


def stop_in_the_middle(done: float) -> None:
    if done >= 0.5:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What both processes have done, and the folder that they wrote to."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return (*launch(several_trainings, str(folder), folder=tmp_path_factory.mktemp("results")), folder)


def assert_same_weights(one: nn.Module, other: nn.Module, **tolerance) -> None:
    for (name, first), second in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(first, second, msg=lambda text, name=name: f"{name}: {text}", **tolerance)


@pytest.mark.parametrize(
    ("name", "net", "recipe"),
    [
        ("plain", no_dropout, RECIPE),
        ("changed", no_dropout, CHANGED),
        ("head off", WithHead, RECIPE),
        ("head on", WithHead, replace(RECIPE, aux_weight=0.3)),
    ],
)
def test_two_processes_end_where_one_does(both, name, net, recipe):
    """Twelve steps: weights, running statistics, history, with the same augmentation and with averaged weights."""
    alone = trained(net, recipe)
    for run in both[:2]:
        assert_same_weights(run[name].net, alone.net, rtol=1e-4, atol=2e-6)
        if recipe.averaging:
            assert_same_weights(run[name].averaged, alone.averaged, rtol=1e-4, atol=2e-6)
        for epoch, expected in zip(run[name].history, alone.history, strict=True):
            assert epoch.train_accuracy == expected.train_accuracy
            assert epoch.test_accuracy == expected.test_accuracy
            assert epoch.train_loss == pytest.approx(expected.train_loss, rel=1e-4)
            assert epoch.test_loss == pytest.approx(expected.test_loss, rel=1e-4)
        assert run[name].key == alone.key and run[name].completed
        assert run[name].machine["processes"] == 2 and alone.machine["processes"] == 1


def test_networks_come_back_as_they_were(both):
    for run in (both[0]["changed"], both[1]["changed"]):
        for net in (run.net, run.averaged):
            assert type(net) is TinyNet and type(net[1]) is nn.BatchNorm2d
            assert not any(layer.training for layer in net.modules())


def test_each_process_sees_its_own_share_of_every_batch(both):
    alone = trained(Spy, replace(RECIPE, epochs=1)).net.seen
    first, second = both[0]["spy"].net.seen, both[1]["spy"].net.seen
    assert len(first) == len(second) == len(alone) == 4
    for mine, yours, whole in zip(first, second, alone, strict=True):
        assert len(mine) == len(yours) == 8
        assert [image for pair in zip(mine, yours, strict=True) for image in pair] == whole


def test_each_process_draws_its_own_dropout(both):
    masks = both[0]["spy"].net.masks + both[1]["spy"].net.masks
    assert len(masks) == 8 and len({tuple(mask) for mask in masks}) == 8


def test_only_the_first_process_speaks_and_writes(both):
    first, second, folder = both
    assert first["steps"] == pytest.approx([step / 12 for step in range(1, 13)]) and second["steps"] == []
    assert [path.name for path in folder.iterdir()] == ["0.checkpoint"]


def test_one_that_is_stopped_stops_all_and_goes_on_at_the_very_step(both):
    first, second, _ = both
    assert len(first["stopped"].history) == len(second["stopped"].history) == 1
    assert not first["stopped"].completed and not second["stopped"].completed
    assert_same_weights(first["stopped"].net, second["stopped"].net, rtol=0, atol=0)
    for run in (first, second):  # with dropout, that each process draws for itself
        assert run["resumed"].history == run["whole"].history
        assert_same_weights(run["resumed"].net, run["whole"].net, rtol=0, atol=0)


def test_what_goes_wrong_is_said_in_every_process(both):
    for run in both[:2]:
        assert re.match("ValueError: batch_size is 15, and there are 2 processes.* 14 for example", run["odd"])
        assert run["wild"].startswith("Diverged: The loss is")


# --- batch normalisation ----------------------------------------------------------------------------------------------


def test_a_team_of_one_changes_nothing():
    net, batch = TinyNet(), torch.arange(5)
    assert ALONE.shared(net) is net and ALONE.sum(batch) is batch
    with processes.synchronised(net, ALONE):
        assert type(net[1]) is nn.BatchNorm2d


MOMENTA = (0.1, None)  # None: the running statistics are plain means


def normalised() -> list:
    """Of torch's layer on a batch, and of the synchronised one on this process's share of it: all that comes out."""
    team, results = processes.join("cpu"), []
    images, factors = torch.randn(2, 8, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    for momentum in MOMENTA:
        for kind, mine in ((nn.BatchNorm2d, ALONE), (SyncBatchNorm, team)):
            share = slice(mine.rank, None, mine.size)
            layer, own = kind(3, momentum=momentum), (2 * images + 3)[share].requires_grad_()
            layer.weight.data.copy_(torch.tensor([0.5, 1.0, 2.0]))
            for _ in range(2):
                out = layer(own)
            (out * factors[share]).sum().backward()
            seen = {"out": out.detach(), "gradient": own.grad, "weight": mine.sum(layer.weight.grad)}
            results.append(seen | dict(layer.named_buffers()) | {"tested": layer.eval()(images).detach()})
    return results


def test_synchronised_normalisation_is_torchs_on_the_whole_batch(both):
    for rank in range(2):
        results = both[rank]["normalised"]
        for alone, shared in zip(results[::2], results[1::2], strict=True):
            assert alone["gradient"].abs().max() > 0.1
            for name, whole in alone.items():
                expected = whole[rank::2] if name in ("out", "gradient") else whole
                torch.testing.assert_close(shared[name], expected, rtol=1e-4, atol=1e-5, msg=name)


def descended(team: Team, *, synchronise: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Ten steps of plain gradient descent on handwritten digits: (weights at the end, weights at the start)."""
    data = load("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(576, 10))
    start = nn.utils.parameters_to_vector(net.parameters()).detach().clone()
    called, optimizer = team.shared(net), torch.optim.SGD(net.parameters(), lr=0.1)
    with processes.synchronised(net, team if synchronise else ALONE):
        for step in range(10):
            batch = torch.arange(16 * step, 16 * (step + 1))[team.rank :: team.size]
            optimizer.zero_grad()
            logits = called(data.normalise(data.train.images[batch]))
            nn.functional.cross_entropy(logits, data.train.labels[batch]).backward()
            optimizer.step()
    return nn.utils.parameters_to_vector(net.parameters()).detach(), start


def descended_both_ways() -> list[torch.Tensor]:
    team = processes.join("cpu")
    return [descended(team)[0], descended(team, synchronise=False)[0]]


def test_statistics_that_are_not_synchronised_lead_elsewhere(tmp_path):
    alone, start = descended(ALONE)
    weights, _ = launch(descended_both_ways, folder=tmp_path)
    synchronised, unsynchronised = ((each - alone).norm() / (alone - start).norm() for each in weights)
    assert synchronised < 1e-4 < 1e-3 < unsynchronised


# --- launching --------------------------------------------------------------------------------------------------------


def test_a_batch_that_cannot_be_dealt_out_evenly():
    with pytest.raises(ValueError, match=r"batch_size is 7, and there are 3 processes.* 6 for example"):
        Team(size=3).require_divisible(7)


SCRIPT = """
import os, signal, sys
from tests.utils.tiny import TinyNet, tiny_data
from utils.train import Recipe, fit

def on_step(run, done):
    if done == 0.5:
        print("half", flush=True)

class Net(TinyNet):
    steps = 0
    def forward(self, images):
        self.steps += self.training
        if self.steps == 9 and os.environ["RANK"] == "1" and "kill" in sys.argv:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)

recipe = Recipe(epochs=3 if "kill" in sys.argv else 100_000, batch_size=16)
run = fit(Net, tiny_data(), recipe, device="cpu", on_step=on_step)
print(f"rank {os.environ['RANK']} of {run.machine['processes']}: {len(run.history)} epochs", flush=True)
"""


def started(launcher: list[str], script: Path, *words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, script, *words],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT), "GLOO_SOCKET_IFNAME": "lo"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc_per_node=2"]
# --multi_gpu: for GPUs it starts several processes as torchrun does; for CPUs it would need MPI. The script keeps to the CPU.
ACCELERATE = ["accelerate.commands.launch", "--multi_gpu", "--num_processes=2"]


def test_a_killed_worker_ends_the_job(tmp_path):
    script = tmp_path / "training.py"
    script.write_text(SCRIPT)
    job = started(TORCHRUN, script, "kill")
    said, _ = job.communicate(timeout=LIMIT)
    assert job.returncode != 0
    assert "rank 0 of 2" not in said and "SIGKILL" in said, said


@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_an_interrupt_keeps_the_run_in_all_processes(tmp_path, launcher):
    script = tmp_path / "training.py"
    script.write_text(SCRIPT.replace("if done == 0.5", "if done > 40 / 400_000 and not len(run.history) % 10"))
    job = started(launcher, script)
    said = ""
    while "half" not in said:
        line = job.stdout.readline()
        assert line, said
        said += line
    os.killpg(job.pid, signal.SIGINT)  # as a terminal does; the launcher then passes it on to the workers once more
    said += job.communicate(timeout=LIMIT)[0]
    counts = re.findall(r"rank (\d) of 2: (\d+) epochs", said)
    assert sorted(rank for rank, _ in counts) == ["0", "1"], said
    assert counts[0][1] == counts[1][1] and int(counts[0][1]) >= 10
