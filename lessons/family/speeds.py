"""How long the family's networks take on this machine: one after the other in every round, so that all meet the same weather."""

import statistics
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from networks import measure
from networks.catalog import create, entry
from utils.cost.timing import Timing, in_turns
from utils.show.display import passing_bar

THREADS = 1  # with one, nobody waits for another, and the times scatter least
Key = tuple[str, str]  # a network's name and its variant
WARM_UP = 1


def _images(name: str, size: str, batch_size: int, device: torch.device, side: int | None = None) -> Tensor:
    """The same random numbers for every network, cut to its size."""
    channels, *own = measure.image_shape(name, size)
    shape = own if side is None else (side, side)
    return torch.randn(batch_size, channels, *shape, generator=torch.Generator().manual_seed(0)).to(device)


def forward_times(
    keys: Sequence[Key],
    *,
    size: str = "full",
    batch_size: int = 1,
    rounds: int = 3,
    device: str | torch.device = "cpu",
    threads: int | None = THREADS,
    show: bool = True,
) -> dict[Key, Timing]:
    """Seconds that a batch takes through each network: evaluation mode, no gradients, each on images of its own size.

    A round before those that count warms up. On a GPU the clock waits until it has finished.
    """
    device = torch.device(device)
    networks = {key: _undrawn(*key, size, device).eval() for key in keys}
    images = {key: _images(key[0], size, batch_size, device) for key in keys}
    jobs = {_text(key): _forward(networks[key], images[key]) for key in keys}
    with torch.no_grad(), passing_bar(total=(rounds + WARM_UP) * len(keys), desc="timing", disable=not show) as bar:
        found = in_turns(
            jobs, rounds=rounds, warm_up=WARM_UP, device=device, threads=threads, on_run=_moving(bar, "timing")
        )
    return {key: found[_text(key)] for key in keys}


def _undrawn(name: str, variant: str, size: str, device: torch.device) -> nn.Module:
    """The network with weights that keep a signal's size. To draw fifty million by chance takes a second, and no clock sees them."""
    with torch.device("meta"):
        net = create(name, variant=variant, size=size)
    net.to_empty(device=device)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif list(module.parameters(recurse=False)):
            raise TypeError(f"A {type(module).__name__} has weights of its own: say here what they begin with.")
    return net


def _forward(net: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    return lambda: net(images)


def _moving(bar, word: str) -> Callable[[str], None]:
    def on_run(name: str) -> None:
        bar.set_description(f"{word} {name}", refresh=False)
        bar.update()

    return on_run


def _text(key: Key) -> str:
    name, variant = key
    return entry(name).title if variant == "paper" else f"{entry(name).title}, {variant}"


def step_times(
    names: Sequence[str],
    *,
    side: int,
    rounds: int = 5,
    batch_size: int = 1,
    device: str | torch.device = "cpu",
    threads: int | None = THREADS,
    show: bool = True,
) -> dict[str, Timing]:
    """Seconds that one step of training takes: forward, backward, and a step of SGD with momentum.

    Args:
        side: of the images, in pixels.
    """
    device = torch.device(device)
    jobs = {}
    for name in names:
        net = _undrawn(name, "paper", "full", device).train()
        images = _images(name, "full", batch_size, device, side)
        jobs[name] = _training_step(net, images, torch.arange(batch_size, device=device))
    with passing_bar(total=(rounds + WARM_UP) * len(jobs), desc="timing", disable=not show) as bar:
        return in_turns(
            jobs, rounds=rounds, warm_up=WARM_UP, device=device, threads=threads, on_run=_moving(bar, "training")
        )


def _training_step(net: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()

    return step


def quickest(times: Mapping[Key, Timing], key: Key) -> tuple[bool | None, Key]:
    """(whether this one is the quickest, the quickest of the others); None where the middle halves of the rounds of these two overlap."""
    rival = min((each for each in times if each != key), key=lambda each: times[each].median)
    (low, high), (rivals_low, rivals_high) = times[key].middle_half, times[rival].middle_half
    return (None if low <= rivals_high and rivals_low <= high else high < rivals_low), rival


def slower_in(first: Timing, second: Timing) -> tuple[int, int]:
    """(in how many rounds the first took longer than the second, of how many): they ran in turns, so rounds are pairs."""
    return sum(a > b for a, b in zip(first.seconds, second.seconds, strict=True)), len(first.seconds)


def is_slower(first: Timing, second: Timing) -> bool:
    """Whether the first took longer in every round, but for one in five: something else may have held that one up."""
    slower, rounds = slower_in(first, second)
    return slower >= rounds - rounds // 5


def ratio_of(first: Timing, second: Timing) -> float:
    """How many times as long the first took: the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(first.seconds, second.seconds, strict=True))


def images_per_second(timing: Timing, batch_size: int) -> float:
    """By the median of the rounds."""
    return batch_size / timing.median


_kept: dict[Key, Timing] = {}  # of networks that were timed in turns with each other


def full_times(keys: Sequence[Key], *, rounds: int = 5, show: bool = True) -> dict[Key, Timing]:
    """`forward_times` of networks of full size, one image at a time; what this session has timed together is not timed again."""
    if not set(keys) <= set(_kept):
        _kept.clear()
        _kept.update(forward_times(keys, rounds=rounds, show=show))
    return {key: _kept[key] for key in keys}
