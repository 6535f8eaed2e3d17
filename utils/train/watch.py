"""What is seen while a network trains: one line in a terminal; a bar, curves and a stop button in a notebook.

A click on the stop button has to reach a kernel that is busy with the cell that trains. JupyterLab (4.4 or later) sends
what a widget says on a subshell, which is a thread of the kernel's own (ipykernel 7 or later), and from there the click
interrupts the run. Where front end or kernel know no subshells, the button is not shown: the kernel's own interrupt does
the same, as Ctrl-C does in a terminal.
"""

import _thread
import importlib.util
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from utils.page.html import SHEET, Html, bold, tag, text
from utils.train.runs import Run

EVERY = 0.2  # seconds between two updates of the bar
DRAW_EVERY = 0.5  # seconds between two drawings of the curves, at least
DRAW_SHARE = 0.04  # of the time may go into drawing


def watch(
    run: Run,
    *,
    steps: int,
    show: "bool | Callable[..., Watch]",
    on_step: Callable[[Run, float], None] | None = None,
) -> "Watch":
    """The view that fits the place: a notebook, a terminal, or none of the two (a file, a test), where it is silent.

    Where `show` is no truth value, it makes the view: `show(run, steps, on_step)`.
    """
    if callable(show):
        return show(run, steps, on_step)
    if show and in_notebook():
        return NotebookWatch(run, steps, on_step)
    if show and sys.stderr.isatty() and importlib.util.find_spec("tqdm") is not None:
        return TerminalWatch(run, steps, on_step)
    return Watch(run, steps, on_step)


def in_notebook() -> bool:
    """Is this process the kernel of a notebook, and not one that was forked from it?"""
    return _kernel() is not None and multiprocessing.parent_process() is None


def _kernel() -> Any:
    """The kernel that this process is, or None."""
    if "IPython" not in sys.modules:
        return None
    return getattr(sys.modules["IPython"].get_ipython(), "kernel", None)


class Watch:
    """Follows a run, and shows nothing. `fit` calls `step`, `test` and `epoch`; the views below build on it."""

    def __init__(self, run: Run, steps: int, on_step: Callable[[Run, float], None] | None = None):
        self.run = run
        self.steps = steps  # steps an epoch
        self.epochs = run.recipe.epochs
        self.on_step = on_step
        self.done = 0.0  # of the run, 0 to 1
        self.sentence = ""  # how the run ended, where it ended early

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def step(self, epoch: int, step: int, loss: Tensor) -> None:
        """A step of training is done."""
        self.done = (epoch + (step + 1) / self.steps) / self.epochs
        if self.on_step is not None:
            self.on_step(self.run, self.done)

    def test(self) -> None:
        """A batch of test images is done."""

    def epoch(self) -> None:
        """An epoch is done, and stands in the run's history."""


class _Timed(Watch):
    """Says what is being done, how fast and how long it will go on, a few times a second; `_say` shows it."""

    def __enter__(self) -> Watch:
        self.began = self.epoch_began = time.perf_counter()
        # How much of the run was done before the first step: more than 0 in one resumed.
        self.first: float | None = None
        self.said = 0.0
        self.counted = 0  # steps in this epoch
        self.losses: list[Tensor] = []  # of the steps since it was last said
        return self

    def _say(self, parts: list[str]) -> None:
        """Show some pieces of news, the most important first."""
        raise NotImplementedError

    def _say_in_time(self, news: Callable[[], list[str]]) -> None:
        """Say it, unless the last word was only just said."""
        clock = time.perf_counter()
        if clock - self.said >= EVERY:
            self.said = clock
            parts = [f"epoch {min(len(self.run.history) + 1, self.epochs)} of {self.epochs}", *news()]
            if self.run.history:
                parts.append(f"test accuracy {self.run.accuracy:.1%}")
                if (averaged := self.run.history[-1].averaged_accuracy) is not None:
                    parts.append(f"with averaged weights {averaged:.1%}")
            rate = self.run.recipe.learning_rate_at(min(self.done, 1 - 1e-9) * self.epochs)
            self._say([*parts, f"learning rate {rate:.3g}", *filter(None, [memory_words(self.run.net)])])

    def step(self, epoch: int, step: int, loss: Tensor) -> None:
        before = (epoch + step / self.steps) / self.epochs
        self.first = before if self.first is None else self.first
        self.counted += 1
        self.losses.append(loss)
        super().step(epoch, step, loss)

        def news() -> list[str]:
            mean = torch.stack(self.losses).mean().item()  # waits for a GPU to come this far: what is counted is done
            self.losses.clear()
            self._heard(epoch + (step + 1) / self.steps, mean)
            speed = self.counted * self.run.recipe.batch_size / (time.perf_counter() - self.epoch_began)
            return [f"{speed:,.0f} images/s", self._left(), f"loss {mean:.3f}"]

        self._say_in_time(news)

    def _heard(self, passed: float, loss: float) -> None:
        """So many epochs are passed, and the steps since the last word had this mean loss."""

    def test(self) -> None:
        self._say_in_time(lambda: ["testing", self._left()])

    def epoch(self) -> None:
        self.epoch_began, self.counted = time.perf_counter(), 0
        self._say_in_time(lambda: [f"{self.run.history[-1].images_per_second:,.0f} images/s", self._left()])

    def _left(self) -> str:
        """Time left, as minutes and seconds, if it goes on as it went so far."""
        gone, first = time.perf_counter() - self.began, self.first or 0.0
        seconds = round(gone * (1 - self.done) / (self.done - first)) if self.done > first else 0
        return f"{seconds // 60}:{seconds % 60:02d} left"


def memory_words(net: torch.nn.Module | None) -> str:
    """The memory in use where the network is: a GPU's, now and at its peak; on a CPU, all that this process holds.

    Empty on a CPU where psutil is not installed.
    """
    device = torch.device("cpu") if net is None else next(net.parameters()).device
    if device.type == "cuda":
        now, peak = torch.cuda.memory_allocated(device), torch.cuda.max_memory_allocated(device)
        return f"GPU memory {now / 1e9:.2f} GB, peak {peak / 1e9:.2f}"
    if device.type == "mps":
        return f"GPU memory {torch.mps.current_allocated_memory() / 1e9:.2f} GB"
    try:
        import psutil
    except ModuleNotFoundError:
        return ""
    return f"process memory {psutil.Process().memory_info().rss / 1e9:.2f} GB"


class TerminalWatch(_Timed):
    """One line: the bar, and beside it what is being done, as far as there is room."""

    def __enter__(self) -> Watch:
        from tqdm import tqdm

        super().__enter__()
        self.bar = tqdm(
            total=1.0, bar_format="{percentage:3.0f} % |{bar:10}| {desc}", desc="starting", dynamic_ncols=True
        )
        return self

    def _say(self, parts: list[str]) -> None:
        columns = self.bar.format_dict["ncols"]  # None where nobody knows
        while columns and len(parts) > 1 and len("100 % || ") + 10 + len(" · ".join(parts)) > columns:
            parts.pop()
        self.bar.n = self.done
        self.bar.set_description_str(" · ".join(parts))

    def __exit__(self, *error: object) -> None:
        self.bar.n = self.done
        self.bar.set_description_str(repr(self.run))
        self.bar.close()
        if self.sentence:
            print(self.sentence)


class NotebookWatch(_Timed):
    """A bar with a stop button, words and curves, all replaced in place; at the end, pictures that stay."""

    def __enter__(self) -> Watch:
        from IPython.display import display
        from ipywidgets import HTML, FloatProgress, GridBox, HBox, Image, Layout, VBox

        from utils.show.display import heard
        from utils.train import curves

        super().__enter__()
        self.curves = curves.Curves(self.run)
        self.bar = FloatProgress(max=1.0, layout=Layout(flex="1 1 auto", max_width="480px"))
        self.button = StopButton()
        # Two lines are kept free for the words, so that what is below does not move when they need the second one.
        self.words = HTML(layout=Layout(width="auto", min_height="3em", margin="0 2px"))
        pixels = {"width": str(curves.WIDTH), "height": str(curves.HEIGHT)}
        layout = {"width": "100%", "height": "auto", "margin": "0"}
        self.images = [Image(format="png", **pixels, layout=Layout(**layout)) for _ in range(3)]
        # An image widget has no text alternative: the words stand beside it, where only a screen reader finds them.
        self.spoken = HTML(layout=Layout(width="1px", height="1px", margin="0", overflow="hidden"))
        self._draw()
        self.drawn, self.cost = time.perf_counter(), 0.0
        grid = Layout(grid_template_columns=curves.GRID, grid_gap="10px", width="auto", max_width=f"{curves.WIDEST}px")
        self.box = VBox(
            [HBox([self.bar, self.button.widget]), self.words, GridBox(self.images, layout=grid), self.spoken, *heard()]
        )
        self.box.add_class("course-widget")
        self._say(["starting"])
        self.handle = display(self.box, display_id=True)
        return self

    def _say(self, parts: list[str]) -> None:
        self.bar.value = self.done
        title = bold(f"{self.run.network['name']} learns {self.run.data['name']}, seed {self.run.seed}")
        # A piece of news is not broken between lines, and digits are of one width: the words do not jitter.
        news = Html(" · ".join(tag("span", part, cls="course-whole") for part in parts))
        self.words.value = tag("div", title, " · ", news, cls="course-digits")
        self.button.show_where_it_works()

    def _draw(self) -> None:
        for image, png in zip(self.images, self.curves.pngs(), strict=True):
            image.value = png
        self.spoken.value = text(SHEET, " ".join(self.curves.texts()))

    def _draw_in_time(self) -> None:
        """Draw the curves, unless they were drawn only just, or drawing would take more than its share of the time."""
        clock = time.perf_counter()
        if clock - self.drawn >= max(DRAW_EVERY, self.cost / DRAW_SHARE):
            self._draw()
            self.drawn = time.perf_counter()
            self.cost = self.drawn - clock

    def _heard(self, passed: float, loss: float) -> None:
        self.curves.add(passed, loss)
        self._draw_in_time()

    def epoch(self) -> None:
        super().epoch()
        if len(self.run.history) == self.epochs:
            self.button.close()  # a click from here on comes too late
        self._draw_in_time()

    def __exit__(self, *error: object) -> None:
        self.button.close()
        caption = self.sentence or repr(self.run)
        final = {"text/html": self.curves.html(caption), "text/plain": " ".join([*self.curves.texts(), caption])}
        self.handle.update(final, raw=True)
        _close(self.box)


class StopButton:
    """A button whose click is what the kernel's interrupt is: the run stops after its step, or soon within it."""

    def __init__(self) -> None:
        from ipywidgets import Button, Layout

        words = "Stop the training here; the run and the weights so far are kept"
        layout = Layout(width="100px", visibility="hidden")
        self.widget = Button(description="Stop", icon="stop", tooltip=words, layout=layout)
        self.widget.on_click(self._clicked)
        hear_beside_cells(self.widget)
        self.lock = threading.Lock()
        self.is_open = True

    def show_where_it_works(self) -> None:
        """Show the button as soon as the front end has made a subshell: a thread that can hear a click now."""
        if self.widget.layout.visibility == "hidden" and _has_subshell():
            self.widget.layout.visibility = "visible"

    def _clicked(self, _button: object) -> None:
        """Called in the subshell's thread; the main thread trains."""
        self.widget.disabled, self.widget.description = True, "Stopping"
        with self.lock:
            if self.is_open:
                self.is_open = False
                _thread.interrupt_main()

    def close(self) -> None:
        """From here on a click interrupts nothing."""
        with self.lock:
            self.is_open = False


def hear_beside_cells(widget: Any) -> None:
    """Let a widget be heard while a cell runs, where front end and kernel know subshells.

    ipykernel answers a widget in the thread that last updated it, which is the busy one; what this one says goes where the
    front end sends it, to the subshell.
    """
    widget.comm._reply_subshell_for = lambda _data, subshell: subshell


def _has_subshell() -> bool:
    thread = getattr(_kernel(), "shell_channel_thread", None)
    return thread is not None and bool(thread.manager.list_subshell())


def _close(widget: Any) -> None:
    """Close a widget and all that belongs to it, here and in the browser."""
    for child in getattr(widget, "children", ()):
        _close(child)
    for part in ("layout", "style"):
        if getattr(widget, part, None) is not None:
            getattr(widget, part).close()
    widget.close()
