"""A race: two networks or more, trained in the background for about a minute, and the statement what can be concluded.

    race({"one scale": lambda data: OneScale(data), "several": lambda data: Several(data)})    # in a notebook: a panel

    one = Race({"one scale": OneScale, "several": Several}, data="scales", seconds=60)
    one.start()                 # computes in a process of its own: cells run meanwhile
    one.wait(); one.result      # mean, spread, difference
    one.save("runs/mine")

Entries are functions from the data to a new network: a class or a lambda of the notebook will do. All of them are trained by
the same recipe on the same images; the first seed of every entry comes before the second, so that a stop leaves a fair
comparison. A second race, in this notebook or another, waits for the first. See `labs.race.process` and
`labs.race.training` for the other process.
"""

import contextlib
import math
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from labs.race.drawing import Track, picture
from labs.race.messages import Job
from utils.data.dataset import Data
from utils.page.html import SHEET, Html, box, output, tag, text
from utils.show.colors import ARMS
from utils.show.display import Still, show_widget
from utils.train.comparison import Comparison, compare
from utils.train.recipe import Recipe
from utils.train.runs import Epoch, Run
from utils.train.watch import hear_beside_cells

Build = Callable[[Data], nn.Module]
RECIPE = Recipe(epochs=3, batch_size=64, optimizer="adamw", learning_rate=0.02, schedule="one_cycle", weight_decay=0.01)
SAY_EVERY = 0.2  # seconds between two updates of bar and words, at least
DRAW_EVERY = 0.5  # seconds between two drawings of the picture, at least
DATA = ("scales", "digits", "cifar10")


class Race:
    """Trains networks against each other in a process of its own. It runs once; a further one is a new `Race`.

    `runs` holds the whole runs by entry; their networks stay in the other process and are not kept. `state` is "ready",
    "starting", "waiting" (for another race), "running" or "over"; `words` say what goes on, `done` how much of it is
    done, 0 to 1. `trouble` says why it ended early, where something was wrong with it.

    Args:
        entries: functions from the data to a new network, by name; the others are held against the first.
        data: a name or folder that `utils.data.sets.load` knows. CIFAR-10 has to be on this machine.
        recipe: how all of them are trained.
        seeds: whole numbers; every entry is trained once with each.
        limit: so many of the training images at most.
        seconds: a budget for the whole race. The first steps of each network are timed, and epochs (the recipe's at
            least) and images are chosen so that all runs fit in. A budget that is too small even for a few batches is
            exceeded. None: the recipe's epochs, however long they take.
        device: "cpu", "cuda", "mps"; the best that there is, where nothing is said.
        on_change: called with the race after every news of it, in a thread.

    Raises:
        ValueError: something here cannot be, or an entry cannot be handed to another process; the message names it.
    """

    def __init__(
        self,
        entries: Mapping[str, Build],
        *,
        data: str | os.PathLike[str] = "scales",
        recipe: Recipe = RECIPE,
        seeds: Sequence[int] = (0, 1, 2),
        limit: int | None = None,
        seconds: float | None = None,
        device: str | None = None,
        on_change: Callable[["Race"], None] | None = None,
    ):
        self.data, self.recipe, self.seeds = os.fspath(data), recipe, tuple(seeds)
        _require_budget(recipe, self.seeds, limit, seconds)
        self.entries = dict(entries)
        self._job = Job(
            entries=_pickled(self.entries),
            recipe=recipe,
            data=self.data,
            limit=limit,
            seeds=self.seeds,
            seconds=seconds,
            device=device,
            parent=os.getpid(),
        )
        self.images: int | None = None  # training images that are used; known when they are loaded
        self.needed: float | None = None  # seconds of training, as measured before it, where there is a budget
        self.tracks: dict[tuple[str, int], Track] = {}  # by entry and seed
        self.runs: dict[str, list[Run]] = {name: [] for name in self.entries}
        self.state, self.words, self.done, self.trouble = "ready", "", 0.0, ""
        self.was_stopped = False
        self._is_whole = False  # has the other process come to its end?
        self._on_change = on_change
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._began = 0.0  # when the first run began

    # --- start, stop, wait ---

    def start(self) -> None:
        """Begin, and return at once.

        Raises:
            RuntimeError: it was started before.
        """
        if self._process is not None:
            raise RuntimeError("This race was started before. Make a new Race to run it again.")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, it is closed where the process ends
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from labs.race.process import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # One core is left to the notebook. No data set is downloaded unasked.
            env=os.environ
            | {
                "OMP_NUM_THREADS": str(max(1, torch.get_num_threads() - 1)),
                "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
                "HF_HUB_OFFLINE": "1",
            },
            start_new_session=True,  # an interrupt of a cell is not meant for the race
        )
        self.state, self.words = "starting", "starting a process"
        self._forget = when_run_again(this_cell(), self.stop)
        self._thread = threading.Thread(target=self._follow, args=(self._process,), name="race", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it now; whole runs are kept. Nothing happens where it is over."""
        if self._process is None or self._over.is_set():
            return
        self.was_stopped = True
        self._process.kill()
        if threading.current_thread() is not self._thread:
            self._over.wait(5)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over, or so many seconds; is it over?

        Raises:
            RuntimeError: it was not started.
        """
        if self._process is None:
            raise RuntimeError("This race was not started: call start() first.")
        return self._over.wait(timeout)

    @property
    def is_on(self) -> bool:
        """Was it started, and is not over?"""
        return self.state not in ("ready", "over")

    # --- what came of it ---

    @property
    def result(self) -> Comparison | None:
        """All entries beside each other, by the seeds that are whole in each of them; None where there is no such seed."""
        whole = {name: {run.seed: run for run in runs} for name, runs in self.runs.items()}
        shared = [seed for seed in self.seeds if all(seed in by_seed for by_seed in whole.values())]
        if not shared:
            return None
        return compare({name: [by_seed[seed] for seed in shared] for name, by_seed in whole.items()})

    @property
    def statement(self) -> str:
        """How it ended and what can be concluded; while it is on, what is trained."""
        length = f"{self.recipe.epochs} epoch{'' if self.recipe.epochs == 1 else 's'}"
        images = f", {self.images:,} training images" if self.images else ""
        plan = f"{len(self.seeds)} run{'' if len(self.seeds) == 1 else 's'} each, {length} of {self.data}{images}"
        if self.state == "ready":
            return f"{' against '.join(self.entries)}: not started."
        if self.state == "waiting":
            return "This race waits for the other race, and starts when that is over."
        if self.state != "over":
            return f"The race is on: {' against '.join(self.entries)}" + (
                f", {plan}.{self._budget}" if self.images else "."
            )
        parts = [self.trouble] if self.trouble else []
        result = self.result
        if self.was_stopped or self.trouble:
            count = len(result.arms[0].values) if result else 0
            parts.append(f"{'' if self.trouble else 'Stopped. '}Of {len(self.seeds)} seeds, {count} came to the end.")
        if result is None:
            return " ".join([*parts, "There is nothing to compare."])
        return " ".join([*parts, result.sentence, f"({length} of {self.data}{images}.)"])

    @property
    def _budget(self) -> str:
        """What the budget comes to, in words."""
        if self.needed is None:
            return ""
        more = " That is more than asked for, but fewer images would teach nothing."
        return f" That takes about {self.needed:.0f} s.{more if self.needed > (self._job.seconds or math.inf) else ''}"

    @property
    def picture(self) -> Html:
        """Loss and test accuracy of all runs as they stand, as HTML."""
        return picture(list(self.entries), list(self.tracks.values()), self.recipe.epochs)

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write a file for each whole run, and return their paths; `Run.load` reads them."""
        return [
            run.save(Path(folder) / f"entry{number}_seed{run.seed}.json")
            for number, runs in enumerate(self.runs.values(), start=1)
            for run in runs
        ]

    def __repr__(self) -> str:
        result = self.result
        return self.statement if result is None else f"{result.table}\n\n{self.statement}"

    def _repr_html_(self) -> str:
        result = self.result
        return output(self.picture, "" if result is None else result.html, tag("p", self.statement))

    # --- the other process ---

    def _follow(self, process: subprocess.Popen[bytes]) -> None:
        """In a thread: hand over the job, and hear the news until the other process ends."""
        has_hung_up = False
        assert process.stdin is not None and process.stdout is not None  # both are pipes
        try:
            pickle.dump(self._job, process.stdin)
            process.stdin.flush()  # and left open: when it closes, the other process ends
            while True:
                kind, *news = pickle.load(process.stdout)
                getattr(self, f"_hear_{kind}")(*news)
                self._changed()
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):  # it has ended, perhaps in the middle of a word
            has_hung_up = True
        finally:
            process.kill()
            status = process.wait()
            if has_hung_up and not self._is_whole and not self.was_stopped:
                self.trouble = self._how_it_ended(status)
            for file in (process.stdin, process.stdout, self._errors):
                with contextlib.suppress(OSError):  # what was still to be written has no reader
                    file.close()
            self._forget()
            self.state = "over"
            self._over.set()
        self._changed()

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self)

    def _hear_waits(self) -> None:
        self.state, self.words = "waiting", "waits for the other race"

    def _hear_begins(self) -> None:
        self.state, self.words = "running", "starting"

    def _hear_says(self, words: str) -> None:
        self.words = words

    def _hear_plan(self, recipe: Recipe, images: int, needed: float | None) -> None:
        self.recipe, self.images, self.needed, self._began = recipe, images, needed, time.perf_counter()

    def _hear_loss(self, entry: str, seed: int, passed: float, loss: float, done: float) -> None:
        self._track(entry, seed).losses.append((passed, loss))
        self.done = done
        left = round((time.perf_counter() - self._began) * (1 - done) / done)
        epoch = min(math.floor(passed) + 1, self.recipe.epochs)
        self.words = (
            f"{entry}, seed {seed} · epoch {epoch} of {self.recipe.epochs} · loss {loss:.3f} · "
            f"{left // 60}:{left % 60:02d} left"
        )

    def _hear_epoch(self, entry: str, seed: int, epoch: Epoch) -> None:
        self._track(entry, seed).epochs.append(epoch)

    def _hear_run(self, entry: str, run: Run) -> None:
        self._track(entry, run.seed).whole = True
        self.runs[entry].append(run)

    def _hear_trouble(self, sentence: str) -> None:
        self.trouble = sentence

    def _hear_over(self) -> None:
        self._is_whole = True

    def _track(self, entry: str, seed: int) -> Track:
        return self.tracks.setdefault((entry, seed), Track(entry, seed))

    def _how_it_ended(self, status: int) -> str:
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        if status == -9:
            return "The race's process was ended by the system, which does that when memory runs out."
        return f"The race's process ended by itself (exit status {status}{'; ' + said[-1] if said else ''})."


def _pickled(entries: dict[str, Build]) -> dict[str, bytes]:
    import cloudpickle

    if not 2 <= len(entries) <= len(ARMS):
        raise ValueError(f"entries has {len(entries)} entries; a race has 2 to {len(ARMS)}.")
    pickled = {}
    for name, build in entries.items():
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"An entry's name is {name!r}; it must be some words.")
        if isinstance(build, nn.Module) or not callable(build):
            kind = "a network" if isinstance(build, nn.Module) else repr(build)
            raise ValueError(
                f"“{name}” is {kind}; it must be a function that builds a new network for the data: lambda data: Net(...)."
            )
        try:
            pickled[name] = cloudpickle.dumps(build)
        except Exception as error:  # whatever the entry's objects raise when they are taken apart
            raise ValueError(f"“{name}” cannot be handed to another process: {error}") from error
    return pickled


def _require_budget(recipe: Recipe, seeds: tuple[int, ...], limit: int | None, seconds: float | None) -> None:
    if not isinstance(recipe, Recipe):
        raise ValueError(f"recipe is {recipe!r}; it must be a Recipe.")
    whole = all(isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in seeds)
    if not seeds or not whole or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds is {seeds!r}; it must be one or more whole numbers, 0 or more, each of them once.")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(f"limit is {limit!r}; it must be a whole number of images, 1 or more, or None.")
    if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < math.inf):
        raise ValueError(f"seconds is {seconds!r}; it must be a number above 0, or None.")


# --- the cell in which something was made -----------------------------------------------------------------------------


def this_cell() -> str | None:
    """The id of the notebook's cell that is being run; None in other places, and where the front end gives none."""
    kernel = getattr(_shell(), "kernel", None)
    return None if kernel is None else kernel.get_parent().get("metadata", {}).get("cellId")


def when_run_again(cell: str | None, call: Callable[[], None]) -> Callable[[], None]:
    """Call something when that cell is run again; returns a function after which it is not called any more."""
    if cell is None:
        return lambda: None
    events = _shell().events

    def look(info: Any) -> None:
        if info.cell_id == cell:
            forget()
            call()

    def forget() -> None:
        if look in events.callbacks["pre_run_cell"]:
            events.unregister("pre_run_cell", look)

    events.register("pre_run_cell", look)
    return forget


def _shell() -> Any:
    """IPython, where this is it."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


# --- the panel --------------------------------------------------------------------------------------------------------


class RacePanel:
    """A race with its controls, for a lab or by itself: what to train on, how often and how long; start, stop, picture.

    `race` is the last race, or None. Running the cell again in which the panel was made, and closing its widget, end the
    race that is on.

    Args:
        entries: gives what is to race, as `Race` takes it, at each start. A ValueError of it is shown as a sentence.
        recipe: how all are trained; a budget of minutes may choose more epochs.
        data: the data set that is chosen at first.
        seeds: at first, 1 to 5.
        minutes: at first, 0.5 to 5.
    """

    def __init__(
        self,
        entries: Callable[[], Mapping[str, Build]],
        *,
        recipe: Recipe = RECIPE,
        data: str = "scales",
        seeds: int = 3,
        minutes: float = 1.0,
    ):
        from ipywidgets import HTML, Button, Dropdown, FloatProgress, FloatSlider, HBox, IntSlider, Layout, VBox

        self._entries, self._recipe = entries, recipe
        self.race: Race | None = None
        self.race_button = Button(
            description="Race",
            icon="play",
            button_style="primary",
            tooltip="Train all of them in the background, by the same recipe on the same images; cells run meanwhile",
        )
        self.stop_button = Button(
            description="Stop", icon="stop", disabled=True, tooltip="End the race now; whole runs are kept"
        )
        look = {"style": {"description_width": "66px"}, "layout": Layout(width="250px")}
        self.data = Dropdown(options=DATA, value=data, description="data", tooltip="The images", **look)
        self.seeds = IntSlider(
            value=seeds,
            min=1,
            max=5,
            description="seeds",
            tooltip="How often each of them is trained: with one run nobody knows the spread",
            **look,
        )
        self.minutes = FloatSlider(
            value=minutes,
            min=0.5,
            max=5,
            step=0.5,
            readout_format=".1f",
            description="minutes",
            tooltip="How long the whole race may take, about; epochs and images are chosen to fit",
            **look,
        )
        self.controls = (self.data, self.seeds, self.minutes)
        self.bar = FloatProgress(max=1.0, layout=Layout(width="auto", max_width="810px"))
        self.words = HTML(layout=Layout(width="auto", min_height="1.8em"))
        self.statement = HTML(layout=Layout(width="auto", min_height="3.2em"))
        self.picture = HTML(value=picture((), (), recipe.epochs), layout=Layout(width="auto"))
        self.widget = VBox(
            [
                HBox([self.race_button, self.stop_button]),
                HBox(self.controls, layout=Layout(flex_flow="row wrap")),
                *(self.bar, self.words, self.statement, self.picture, HTML(SHEET)),
            ]
        )
        self.widget.add_class("course-race")
        self.widget.add_class("course-widget")
        self.race_button.on_click(lambda _button: self.start())
        self.stop_button.on_click(lambda _button: self.stop())
        hear_beside_cells(self.stop_button)
        self.widget.observe(self._closed, names="comm")
        self._forget = when_run_again(this_cell(), self.close)
        self._still: Still | None = None  # once the panel is shown
        self._is_closed = False
        self._said = self._drawn = 0.0
        self._say("Nothing has been trained yet. Press Race.")

    def start(self) -> None:
        """Race what there is now. Nothing happens while a race of this panel is on."""
        if self._is_closed or (self.race is not None and self.race.is_on):
            return
        try:
            race = Race(
                self._entries(),
                data=self.data.value,
                recipe=self._recipe,
                seeds=range(self.seeds.value),
                seconds=60 * self.minutes.value,
                on_change=self._show,
            )
        except ValueError as error:
            self._say(str(error), is_trouble=True)
            return
        self.race, self._said, self._drawn = race, 0.0, 0.0
        race.start()
        self._lock(True)
        self._show(race)

    def stop(self) -> None:
        """End the race that is on; whole runs are kept."""
        if self.race is not None:
            self.race.stop()

    def _closed(self, change: dict[str, Any]) -> None:
        if change["new"] is None:
            self.close()

    def close(self) -> None:
        """End the race that is on, and start no more."""
        self._is_closed = True
        self._forget()
        self.stop()

    def _show(self, race: Race) -> None:
        """Put what is known of the race on the page; called in the race's thread, and more often than anybody can read."""
        clock = time.perf_counter()
        if race.is_on and clock - self._said < SAY_EVERY:
            return
        self._said = clock
        self.bar.value = race.done
        self.words.value = tag("div", race.words if race.is_on else "", cls="course-digits")
        self._say(race.statement, is_trouble=bool(race.trouble))
        if clock - self._drawn >= DRAW_EVERY or not race.is_on:
            self._drawn = clock
            table = "" if race.is_on or race.result is None else race.result.html
            self.picture.value = text(race.picture, table)
        if not race.is_on:
            self._lock(False)
            if self._still is not None:
                self._still.follow(self._forms)

    def _lock(self, is_on: bool) -> None:
        for control in (self.race_button, *self.controls):
            control.disabled = is_on
        self.stop_button.disabled = not is_on

    def _say(self, words: str, *, is_trouble: bool = False) -> None:
        """The statement. One that is there already is not said again: a screen reader reads each change."""
        if is_trouble:
            said = box("wrong", words, cls="course-statement")
        else:
            said = tag("div", words, role="status", cls="course-statement")
        if self.statement.value != said:
            self.statement.value = said

    def __repr__(self) -> str:
        if self.race is None:
            return "A race that has not been started. Press Race in a notebook, or call start()."
        return repr(self.race)

    def _forms(self) -> dict[str, str]:
        """What stays of the race where there is no kernel."""
        return {"text": repr(self), "html": output(Html(self.statement.value + self.picture.value))}

    def _ipython_display_(self) -> None:
        self._still = show_widget(self.widget, **self._forms())


def race(entries: Mapping[str, Build], **options: Any) -> RacePanel:
    """A panel that races these entries, shown where it is a cell's last line. Options are those of `RacePanel`.

    Raises:
        ValueError: what `Race` says of the entries.
    """
    Race(entries)  # what is wrong with them is said now, and not at the first click
    return RacePanel(lambda: entries, **options)
