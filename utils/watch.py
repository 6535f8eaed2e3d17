"""What is seen while a network trains: a progress bar in a terminal; a bar and a live curve in a notebook."""

import base64
import html
import io
import sys
import time
from collections.abc import Callable

from torch import Tensor
from tqdm import tqdm

from utils.runs import Run

EVERY = 0.2  # seconds between two updates of the bar
DRAW_EVERY = 0.5  # seconds between two drawings of the curve, at least
DRAW_SHARE = 0.04  # of the time may go into drawing


def watch(run: Run, *, steps: int, show: bool, on_step: Callable[[Run, float], None] | None = None) -> "Watch":
    """The view that fits the place: a notebook, a terminal, or none of the two (a file, a test), where it is silent."""
    if show and _in_notebook():
        return NotebookWatch(run, steps, on_step)
    if show and sys.stderr.isatty():
        return TerminalWatch(run, steps, on_step)
    return Watch(run, steps, on_step)


def _in_notebook() -> bool:
    """Is this process the kernel of a notebook?"""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


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

    def __exit__(self, *error) -> None:
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
        self.said = 0.0
        return self

    def _say(self, text: str) -> None:
        raise NotImplementedError

    def _say_in_time(self, text: Callable[[], str]) -> None:
        """Say it, unless the last word was only just said."""
        clock = time.perf_counter()
        if clock - self.said >= EVERY:
            self.said = clock
            epoch = f"epoch {min(len(self.run.history) + 1, self.epochs)} of {self.epochs}"
            score = [] if self.run.accuracy is None else [f"test accuracy {self.run.accuracy:.1%}"]
            self._say(" · ".join([epoch, text(), *score]))

    def step(self, epoch: int, step: int, loss: Tensor) -> None:
        super().step(epoch, step, loss)

        def text() -> str:
            value = loss.item()  # waits for a GPU to come this far: what is counted is done
            speed = (step + 1) * self.run.recipe.batch_size / (time.perf_counter() - self.epoch_began)
            return f"{speed:,.0f} images/s · {self._left()} · loss {value:.3f}"

        self._say_in_time(text)

    def test(self) -> None:
        self._say_in_time(lambda: f"testing · {self._left()}")

    def epoch(self) -> None:
        self.epoch_began = time.perf_counter()
        self._say_in_time(lambda: f"{self.run.history[-1].images_per_second:,.0f} images/s · {self._left()}")

    def _left(self) -> str:
        """Time left, as minutes and seconds, if it goes on as it went so far."""
        seconds = round((time.perf_counter() - self.began) * (1 / self.done - 1)) if self.done else 0
        return f"{seconds // 60}:{seconds % 60:02d} left"


class TerminalWatch(_Timed):
    """One line: the bar, and beside it what is being done."""

    def __enter__(self) -> Watch:
        super().__enter__()
        self.bar = tqdm(
            total=1.0, bar_format="{percentage:3.0f} % |{bar:20}| {desc}", desc="starting", dynamic_ncols=True
        )
        return self

    def _say(self, text: str) -> None:
        self.bar.n = self.done
        self.bar.set_description_str(text)

    def __exit__(self, *error) -> None:
        self.bar.n = self.done
        self.bar.set_description_str(repr(self.run))
        self.bar.close()
        if self.sentence:
            print(self.sentence)


class NotebookWatch(_Timed):
    """A bar with its text, and under it a curve, both replaced in place; at the end, a picture that stays."""

    def __enter__(self) -> Watch:
        from IPython.display import display
        from ipywidgets import HTML, FloatProgress, HBox, Image, Label, Layout, VBox

        super().__enter__()
        self.curve = Curve(self.run)
        self.bar = FloatProgress(max=1.0, layout=Layout(width="240px"))
        self.label = Label(value="starting")
        # An image widget has no text alternative: the words stand beside it, where only a screen reader finds them.
        self.image = Image(format="png", width=str(Curve.WIDTH), height=str(Curve.HEIGHT))
        self.words = HTML(layout=Layout(width="1px", height="1px", margin="0", overflow="hidden"))
        self._draw()
        self.drawn, self.cost = time.perf_counter(), 0.0
        self.box = VBox([HBox([self.bar, self.label]), self.image, self.words])
        self.handle = display(self.box, display_id=True)
        return self

    def _say(self, text: str) -> None:
        self.bar.value, self.label.value = self.done, text

    def _draw(self) -> None:
        self.image.value, self.words.value = self.curve.png(), html.escape(self.curve.text())

    def epoch(self) -> None:
        super().epoch()
        clock = time.perf_counter()
        if clock - self.drawn >= max(DRAW_EVERY, self.cost / DRAW_SHARE):
            self._draw()
            self.drawn = time.perf_counter()
            self.cost = self.drawn - clock

    def __exit__(self, *error) -> None:
        caption = self.sentence or repr(self.run)
        final = {"text/html": self.curve.html(caption), "text/plain": f"{self.curve.text()} {caption}"}
        self.handle.update(final, raw=True)
        _close(self.box)


def _close(widget) -> None:
    """Close a widget and all that belongs to it, here and in the browser."""
    for child in getattr(widget, "children", ()):
        _close(child)
    for part in ("layout", "style"):
        if getattr(widget, part, None) is not None:
            getattr(widget, part).close()
    widget.close()


class Curve:
    """Accuracy and loss by epoch, one figure that is drawn again and again."""

    WIDTH, HEIGHT = 760, 260  # pixels on the page; drawn at 1.5 times that, for sharp screens

    def __init__(self, run: Run):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        from utils import colors
        from utils.plot import label, panels

        self.run = run
        title = f"{run.network['name']} learns {run.data['name']} (seed {run.seed})"
        figure, (left, self.loss_axes) = panels(2, title, width=self.WIDTH / 100, height=self.HEIGHT / 100)
        figure.set_dpi(150)
        self.canvas = FigureCanvasAgg(figure)
        self.lines = {}
        for axes, name, unit in ((left, "accuracy", "accuracy, %"), (self.loss_axes, "loss", "loss, nats")):
            for split, words, color, style in (
                ("train", "training", colors.GREY, "--"),
                ("test", "test", colors.BLUE, "-"),
            ):
                (line,) = axes.plot([], [], style, color=color, marker="o", markersize=3, label=words)
                self.lines[f"{split}_{name}"] = line
            label(axes, x="epoch", y=unit)
            axes.set_xlim(0.5, run.recipe.epochs + 0.5)
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.grid(alpha=0.3)
        left.set_ylim(0, 101)
        left.legend(loc="lower right", fontsize=9)

    def png(self) -> bytes:
        """The picture as it stands."""
        epochs = self.run.column("epoch")
        for name, line in self.lines.items():
            values = self.run.column(name)
            line.set_data(epochs, [100 * value for value in values] if name.endswith("accuracy") else values)
        losses = [value for name in ("train_loss", "test_loss") for value in self.run.column(name)]
        self.loss_axes.set_ylim(0, 1.05 * max(losses, default=1.0))
        picture = io.BytesIO()
        self.canvas.print_png(picture)
        self.canvas.figure.set_layout_engine("none")  # keep the first drawing's layout: most of the time goes there
        return picture.getvalue()

    def text(self) -> str:
        """The picture in words."""
        title = f"Curves of accuracy and loss by epoch, {self.run.network['name']} on {self.run.data['name']}."
        if not self.run.history:
            return f"{title} No epoch is finished yet."
        first, last = self.run.history[0], self.run.history[-1]
        return (
            f"{title} Test accuracy goes from {first.test_accuracy:.1%} after epoch 1 to {last.test_accuracy:.1%} "
            f"after epoch {last.epoch}, test loss from {first.test_loss:.3f} to {last.test_loss:.3f}."
        )

    def html(self, caption: str) -> str:
        """A line where the bar was, and under it the picture with its text alternative."""
        picture, text = base64.b64encode(self.png()).decode(), html.escape(self.text())
        return (
            f'<figure style="margin:0"><figcaption style="line-height:32px">{html.escape(caption)}</figcaption>'
            f'<img width="{self.WIDTH}" height="{self.HEIGHT}" alt="{text}" src="data:image/png;base64,{picture}"></figure>'
        )
