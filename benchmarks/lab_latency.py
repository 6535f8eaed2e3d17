"""How long does a lab take to answer? From a click in headless Chromium to the changed picture.

    python -m benchmarks.lab_latency [clicks] [--only WORD ...]

Starts a JupyterLab with a folder of its own, opens the block lab of lesson 01 and then that of lesson 08, which has all
handles, clicks some of them in turn, and moves a slider of each other lab to and fro: alone, and beside a pinned A. The time is
taken in the page: from the event until the lab's picture was replaced, and to the first frame after it. The goal is 50 ms until it
was replaced in the median, and 90 ms for 95 of 100, on two quiet cores; what is over it is marked.

What is touched without a kernel is opened as a page, and moved by key or slider: the time is that of the whole answer, with styles and
layout worked out. The goal is one frame, 16 ms.

Then a slider is dragged through its whole range with a new value every few milliseconds, more than can be answered: the
picture at the end must be that of the last value, soon after the slider is let go, and few values may be answered
meanwhile.
"""

import argparse
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import nbformat

from labs.family_map import family_map
from labs.network_map import network_map
from labs.photo_maps import photo_maps
from labs.scrubber import scrubber
from labs.window import sliding_window
from networks import create
from tests.browser.learner import Learner, browser_page, server
from tests.browser.static import static_page
from tests.labs.test_scrubber import watched
from utils.show.touch import Touch

CLICKS = 100
MEDIAN, NINETY_FIVE, FRAME = 50, 90, 16  # milliseconds that are wanted, of what asks the kernel and of what does not
STEPS = 150  # values that a dragged slider takes, one every 8 ms

MEASURE = """async ([lab, handle, key]) => {
    const picture = lab.querySelector('.course-picture').parentElement;
    return await new Promise((resolve, reject) => {
        const patience = setTimeout(() => reject(new Error(`the picture did not change: ${handle.ariaValueText}`)), 20000);
        const start = performance.now();
        const watch = new MutationObserver(() => {
            watch.disconnect();
            clearTimeout(patience);
            const change = performance.now() - start;
            requestAnimationFrame(() => requestAnimationFrame(() => resolve([change, performance.now() - start])));
        });
        watch.observe(picture, {childList: true, subtree: true, characterData: true});
        if (key) handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
        else handle.click();
    });
}"""

# A move without a kernel, to and fro: a key on what has the focus, or the next place of a slider.
TOUCH = """([selector, keys, moves]) => {
    const at = document.querySelector(selector), found = [], touched = document.querySelector('.touch');
    at.focus();
    for (let number = 0; number < moves; number++) {
        const key = keys[Math.floor(number / 4) % keys.length], before = touched.outerHTML, start = performance.now();
        if (at.type === 'range') {
            at.value = Number(at.value) + (key === 'ArrowRight' ? 1 : -1);
            at.dispatchEvent(new Event('input', {bubbles: true}));
        } else document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
        document.body.getBoundingClientRect();  // styles and layout are worked out
        found.push(performance.now() - start);
        if (touched.outerHTML === before) throw new Error(`nothing moved with ${key}`);
    }
    return found;
}"""

COUNT = """lab => {
    const picture = lab.querySelector('.course-picture').parentElement;
    window.answers = [];
    window.watching = new MutationObserver(() => window.answers.push(performance.now()));
    window.watching.observe(picture, {childList: true, subtree: true, characterData: true});
}"""

WHAT = "page changed", "frame after it"
TOGETHER = "all worked out"
NEW = "another input, each new"  # what was seen before is not drawn again; this was never seen

Wanted = Callable[[str], bool]  # is a row of this name to be measured?
Handle = tuple[str, tuple[str, ...]]  # the role, and the names of what is clicked in turn
LABS: dict[str, tuple[str, str, dict[str, Handle]]] = {  # notebook, start of the lab's cell, handles
    "01": (
        "01_inception_module.ipynb",
        "block_lab()",
        {
            "naive or reduced": ("button", ("naive", "reduced")),
            "5×5 branch off or on": ("checkbox", ("5×5 branch",)),
            NEW: ("slider", ("input",)),
        },
    ),
    "08": (
        "08_xception.ipynb",
        'block_lab("xception")',
        {
            "naive or reduced": ("button", ("naive", "reduced")),
            "5×5 branch off or on": ("checkbox", ("5×5 branch",)),
            "pool branch off or on": ("checkbox", ("pool branch",)),
            NEW: ("slider", ("input",)),
        },
    ),
}
# The receptive-field lab of lesson 04 is that of lesson 01 with other stacks. The labs that train nothing for long: a cell, the slider that is moved, and how many places it goes before it turns back,
# to the left where that is negative.
OTHERS: dict[str, tuple[str, str, int]] = {
    "window": ("from lessons.start_here.lab import window_lab\nwindow_lab()", "grid", 6),
    "receptive field": ("from lessons.inception_module.lab import unit_lab\nunit_lab()", "layer", -6),
    "crop": ("from lessons.googlenet.lab import crop_lab\ncrop_lab()", "seed", 12),
    "BN": ("from lessons.batch_norm.lab import bn_lab\nbn_lab()", "step", -10),
    "factor": ("from lessons.factorization.lab import factor_lab\nfactor_lab()", "output", 150),
    "smoothing": ("from lessons.label_smoothing.lab import smoothing_lab\nsmoothing_lab()", "ε", 80),
    "stage": ("from lessons.inception_v4.lab import stage_lab\nstage_lab()", "Inception-B", 5),
    "scale": ("from lessons.residual_scaling.lab import scale_lab\nscale_lab()", "scale", -20),
    "groups": (
        "from lessons.xception.lab import groups_lab\nfrom lessons.xception.roofline import Limits\n"
        'groups_lab(Limits(peak=50e9, memory=10e9, cache=40e9, where="a machine"))',
        "grid",
        40,
    ),
    "Pareto": ("from lessons.family.lab import pareto_lab\npareto_lab()", "budget, %", -10),
    "network": ("from labs.network_lab import network_lab\nnetwork_lab()", "stem width", 12),
}
KEYS = ("ArrowRight", "ArrowLeft")
TOUCHED: dict[str, tuple[Callable[[], Touch], str, int]] = {  # what is made, what is moved in it, the first of its keys
    "map, the next block": (lambda: network_map("inception_v3", "inception_v4"), '[role=treeitem][tabindex="0"]', 0),
    "photograph, the next cell": (lambda: photo_maps(create("googlenet"), "inception_3a"), ".photo-maps", 0),
    "training, the next step": (lambda: scrubber(watched(epochs=12)), "input[type=range]", 1),
    "window, the next cell": (sliding_window, "input[type=range]", 0),
    "family, the next network": (family_map, '.family-one[tabindex="0"]', 0),
}
PRESET = "Inception-v4 C"  # in lesson 08: the block with the most layers


def times(lab, role: str, names: tuple[str, ...], clicks: int) -> list[list[float]]:
    """Milliseconds to the changed page and to the frame that shows it, for each click, or each step of a slider."""
    if role == "slider":
        handles, key = [slider(lab, name).locator(".noUi-handle").element_handle() for name in names], "ArrowRight"
    else:
        handles, key = [lab.get_by_role(role, name=name, exact=True).element_handle() for name in names], None
    found = []
    for number in range(clicks):
        found.append(lab.page.evaluate(MEASURE, [lab.element_handle(), handles[number % len(handles)], key]))
        lab.page.wait_for_timeout(150)  # a learner looks at the answer
    return found


def slider(lab, name: str):
    """A slider by its label, also where its heading is closed."""
    return lab.locator(".widget-hslider").filter(has=lab.page.get_by_text(name, exact=True))


def choose(lab, preset: str) -> None:
    """Choose a preset, and wait for its picture."""
    before = lab.locator(".course-picture").inner_html()
    lab.locator("select").first.select_option(preset)
    lab.page.wait_for_function(
        "([lab, before]) => lab.querySelector('.course-picture').innerHTML !== before",
        arg=[lab.element_handle(), before],
    )


def drag(lab, name: str) -> tuple[int, int, float]:
    """Drag a slider of the page: values it took, pictures that were drawn meanwhile, and ms until the last one stood."""
    row = slider(lab, name)
    row.scroll_into_view_if_needed()
    grip, track = row.locator(".noUi-handle"), row.locator(".noUi-base").bounding_box()
    at = grip.bounding_box()
    mouse, high = lab.page.mouse, at["y"] + at["height"] / 2
    mouse.move(at["x"] + at["width"] / 2, high)
    lab.page.evaluate(COUNT, lab.element_handle())
    mouse.down()
    for step in range(STEPS):
        mouse.move(track["x"] + track["width"] * (0.02 + 0.9 * step / STEPS), high)
        lab.page.wait_for_timeout(8)
    mouse.up()
    let_go = lab.page.evaluate("performance.now()")
    lab.page.wait_for_timeout(1500)
    answers = lab.page.evaluate("window.watching.disconnect() || window.answers")
    value = int(row.locator(".widget-readout").inner_text())
    # The widest 1×1 branch is the first box of the picture; its width is the slider's last value.
    if f"1×1 conv, {value}" not in lab.locator(".course-picture svg").last.get_attribute("aria-label"):
        raise AssertionError(f"The slider stands at {value}, and the picture shows another value.")
    return STEPS, len(answers), max([answer - let_go for answer in answers if answer > let_go], default=0.0)


def other_labs(
    learner: Learner, folder: Path, clicks: int, is_wanted: Wanted
) -> Iterator[tuple[str, str, list[float]]]:
    """Rows for the labs of `OTHERS`, each in a cell of one notebook."""
    wanted = {name: lab for name, lab in OTHERS.items() if is_wanted(name)}
    if not wanted:
        return
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell, *_ in wanted.values()])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, folder / "notebooks" / "other_labs.ipynb")
    learner.page.reload()
    learner.in_file_browser("other_labs.ipynb").wait_for()
    learner.open("other_labs.ipynb")
    for name, (cell, label, places) in wanted.items():
        start = cell.splitlines()[0]
        learner.run(start, timeout=300_000)  # some train small networks first
        lab = learner.output(start).locator(".course-lab")
        for pinned in ("", ", A pinned"):
            if pinned:
                lab.get_by_role("button", name="Start again").click()
                lab.page.wait_for_timeout(500)
                lab.get_by_role("button", name="Pin as A").click()
                lab.page.wait_for_timeout(1000)
            handle = slider(lab, label).locator(".noUi-handle").element_handle()
            found = []
            for number in range(clicks):
                is_back = bool(number // abs(places) % 2) != (places < 0)
                key = "ArrowLeft" if is_back else "ArrowRight"
                found.append(lab.page.evaluate(MEASURE, [lab.element_handle(), handle, key]))
                lab.page.wait_for_timeout(50)
            for place, what in enumerate(WHAT):
                yield f"{name}: {label}{pinned}", what, [each[place] for each in found]


def touched(folder: Path, moves: int, is_wanted: Wanted) -> Iterator[tuple[str, str, list[float]]]:
    """Rows for the pictures of `TOUCHED`, each on a page of its own."""
    for name, (make, selector, first) in TOUCHED.items():
        if not is_wanted(name):
            continue
        with static_page(folder, make().live_html(), still=True) as page:
            page.locator(selector).first.wait_for()
            yield name, TOGETHER, page.evaluate(TOUCH, [selector, [KEYS[first], KEYS[1 - first]], moves])


def block_labs(learner: Learner, clicks: int, is_wanted: Wanted) -> Iterator[tuple[str, str, list[float]]]:
    """Rows for the block lab of two lessons; then its slider is dragged, and what came of that is printed."""
    for lesson, (notebook, cell, every) in LABS.items():
        handles = {name: handle for name, handle in every.items() if is_wanted(f"{lesson}: {name}")}
        if not handles:
            continue
        learner.open(notebook)
        learner.run("progress()")
        learner.run(cell)
        lab = learner.output(cell).locator(".course-lab")
        if lesson == "08":
            choose(lab, PRESET)
        for pinned in ("", ", A pinned"):
            if pinned:
                lab.get_by_role("button", name="Pin as A").click()
                lab.locator(".course-picture svg").nth(1).wait_for()
            for name, (role, names) in handles.items():
                measured = times(lab, role, names, clicks)
                for place, what in enumerate(WHAT):
                    yield f"{lesson}: {name}{pinned}", what, [each[place] for each in measured]
        if lesson == "08":
            lab.get_by_text("Widths", exact=True).click()
        steps, answers, late = drag(lab, "1×1")
        print(
            f"{lesson}: dragged through {steps} places: {answers} pictures, the last {late:.0f} ms after it was let go"
        )


def show(rows: Iterable[tuple[str, str, list[float]]]) -> None:
    """A line for each row, as soon as it is measured."""
    for name, what, values in rows:
        median, ninety_five = statistics.median(values), statistics.quantiles(values, n=20)[-1]
        is_late = what == WHAT[0] and (median > MEDIAN or ninety_five > NINETY_FIVE)
        note = "  over" if is_late or (what == TOGETHER and ninety_five > FRAME) else ""
        print(f"{name:<48}{what:<16}{median:>8.1f}{ninety_five:>8.1f}{max(values):>8.1f}{note}", flush=True)


def main(clicks: int, only: list[str]) -> None:
    def is_wanted(name: str) -> bool:
        return not only or any(word in name for word in only)

    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {load}, Python {platform.python_version()}"
    print(f"{machine}, {clicks} moves a row\n")
    print(f"{'handle':<48}{'until':<16}{'median':>8}{'95th':>8}{'worst':>8}  milliseconds")
    with tempfile.TemporaryDirectory() as folder:
        show(touched(Path(folder), clicks, is_wanted))
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as address, browser_page() as page:
        learner = Learner(page)
        learner.enter(address)
        show(block_labs(learner, clicks, is_wanted))
        show(other_labs(learner, Path(folder), clicks, is_wanted))
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clicks", type=int, nargs="?", default=CLICKS, help="how often each handle is moved")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="only the rows that have one of these in their name"
    )
    given = parser.parse_args()
    main(given.clicks + given.clicks % 2, given.only)  # a pair of buttons ends as it began
