"""The curves of a training run: three pictures, of the loss, the accuracy and the learning rate, drawn as it goes on."""

import io
import math
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg

from utils.page.html import Html, embedded, output, panels, tag
from utils.show import colors, plot
from utils.train.runs import Run

WIDTH, HEIGHT = 300, 215  # pixels of one picture on the page, where there is room; drawn at 1.5 times that
NARROWEST = 240  # pixels: narrower than this a picture moves below the others, before its letters become too small
GRID = f"repeat(auto-fit, minmax({NARROWEST}px, 1fr))"  # of the live pictures: as many beside each other as there is room for
WIDEST = 3 * WIDTH + 20  # pixels of all three beside each other


class Picture:
    """One pair of axes that is drawn again and again."""

    def __init__(self, run: Run, title: str, unit: str):
        figure, (self.axes,) = plot.panels(1, "", width=WIDTH / 100, height=HEIGHT / 100)
        figure.set_dpi(150)
        self.canvas = FigureCanvasAgg(figure)
        plot.label(self.axes, x="epoch", y=unit, title=title)
        self.axes.set_xlim(0, run.recipe.epochs)
        self.axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
        self.axes.grid(alpha=0.3)

    def line(self, style: str, words: str = "", **look: Any) -> Any:
        """A line without points yet; with words it stands in the legend."""
        (line,) = self.axes.plot([], [], style, label=words or "_", markersize=3, clip_on=False, **look)
        line.set_in_layout(False)  # a marker on the frame makes no room for itself
        return line

    def png(self) -> bytes:
        """The picture as it stands."""
        file = io.BytesIO()
        self.canvas.print_png(file)
        self.canvas.figure.set_layout_engine("none")  # keep the first drawing's layout: most of the time goes there
        return file.getvalue()


class Curves:
    """Loss, accuracy and learning rate by epoch. `add` gives the loss within an epoch; the rest is the run's history."""

    def __init__(self, run: Run):
        self.run = run
        self.passed = 0.0  # epochs, with the begun one's part
        self.batches: list[tuple[float, float]] = []  # (epochs passed, mean loss of the batches since the last entry)

        self.loss = Picture(run, "loss", "nats")
        self.batch_loss = self.loss.line("-", "training batches", color=colors.GREY, alpha=0.5, linewidth=1)
        self.loss.axes.legend(loc="upper right", fontsize=9)
        self.accuracy = Picture(run, "accuracy", "%")
        self.accuracy.axes.set_ylim(0, 101)
        self.lines = {}
        for picture, figure in ((self.loss, "loss"), (self.accuracy, "accuracy")):
            self.lines[f"train_{figure}"] = picture.line("o--", "training", color=colors.GREY)
            self.lines[f"test_{figure}"] = picture.line("o-", "test", color=colors.BLUE)
            if run.recipe.averaging:
                words = "test, averaged weights"
                self.lines[f"averaged_{figure}"] = picture.line("o-", words, color=colors.VERMILION)
        self.accuracy.axes.legend(loc="lower right", fontsize=9)

        self.rate = Picture(run, "learning rate", "")
        plan = [epoch * run.recipe.epochs / 300 for epoch in range(301)]
        self.plan = (plan, [run.recipe.learning_rate_at(min(epoch, run.recipe.epochs - 1e-9)) for epoch in plan])
        self.rate.line("-", color=colors.GREY, alpha=0.5).set_data(*self.plan)
        self.rate_so_far = self.rate.line("-", color=colors.BLUE)
        self.rate.axes.set_ylim(0, 1.08 * max(self.plan[1]))

    def add(self, passed: float, loss: float) -> None:
        """So many epochs are passed, and the batches since the last call had this mean loss."""
        self.passed = passed
        if math.isfinite(loss):
            self.batches.append((passed, loss))

    def pngs(self) -> tuple[bytes, bytes, bytes]:
        """The pictures as they stand: loss, accuracy, learning rate."""
        losses = [loss for _, loss in self.batches]
        self.batch_loss.set_data([passed for passed, _ in self.batches], losses)
        for name, line in self.lines.items():
            epochs, values = zip(*self._points(name), strict=True) if self._points(name) else ((), ())
            line.set_data(epochs, [100 * value for value in values] if name.endswith("accuracy") else values)
            losses += values if name.endswith("loss") else ()
        self.loss.axes.set_ylim(0, 1.3 * max(losses, default=1.0) or 1.0)  # the legend has its place above the curves
        so_far = [
            point for point in zip(*self.plan, strict=True) if point[0] <= max(self.passed, len(self.run.history))
        ]
        self.rate_so_far.set_data(*zip(*so_far, strict=True))
        return self.loss.png(), self.accuracy.png(), self.rate.png()

    def _points(self, name: str) -> list[tuple[int, float]]:
        """(epoch, figure) of every epoch that has this figure as a finite number."""
        found = ((epoch.epoch, getattr(epoch, name)) for epoch in self.run.history)
        return [(epoch, value) for epoch, value in found if value is not None and math.isfinite(value)]

    def texts(self) -> tuple[str, str, str]:
        """The pictures in words."""
        of = f"{self.run.network['name']} on {self.run.data['name']}"
        heads = f"Loss of {of} by epoch.", f"Accuracy of {of} by epoch.", f"Learning rate of {of} by epoch."
        low, high = min(self.plan[1]), max(self.plan[1])
        rate = f"{low:.3g} throughout." if low == high else f"{self.plan[1][0]:.3g} first, {high:.3g} at its highest."
        if not self.run.history:
            nothing = "No epoch is finished yet."
            return f"{heads[0]} {nothing}", f"{heads[1]} {nothing}", f"{heads[2]} {rate}"
        first, last = self.run.history[0], self.run.history[-1]
        loss = (
            f"Test loss goes from {first.test_loss:.3f} after epoch 1 to {last.test_loss:.3f} after epoch {last.epoch}, "
            f"training loss from {first.train_loss:.3f} to {last.train_loss:.3f}."
        )
        accuracy = (
            f"Test accuracy goes from {first.test_accuracy:.1%} after epoch 1 to {last.test_accuracy:.1%} "
            f"after epoch {last.epoch}"
        )
        if last.averaged_accuracy is not None:
            accuracy += f"; with the averaged weights it ends at {last.averaged_accuracy:.1%}"
        rate += f" {last.learning_rate:.3g} after epoch {last.epoch}."
        return f"{heads[0]} {loss}", f"{heads[1]} {accuracy}.", f"{heads[2]} {rate}"

    def html(self, caption: str) -> Html:
        """A line, and under it the pictures with their text alternatives."""
        drawn = zip(self.pngs(), self.texts(), strict=True)
        images = (embedded(png, words, width=WIDTH, height=HEIGHT) for png, words in drawn)
        pictures = panels(*images, least=NARROWEST, most=WIDEST)
        return output(tag("figure", tag("figcaption", caption), pictures, cls="course-figure"))
