"""How long does a lab take to answer? From a click in headless Chromium to the changed picture.

    python -m benchmarks.lab_latency [clicks]

Starts a JupyterLab with a folder of its own, opens the block lab of lesson 01, clicks its handles in turn, and takes the
time in the page: from the click event to the first frame after the lab's picture was replaced. The goal is 100 ms in
the median and 150 ms for 95 of 100 clicks.
"""

import platform
import statistics
import sys
import tempfile
from pathlib import Path

from tests.learner import Learner, browser_page, server

CLICKS = 100

MEASURE = """async ([lab, handle]) => {
    const picture = lab.querySelector('.course-picture').parentElement;
    return await new Promise((resolve, reject) => {
        const patience = setTimeout(() => reject(new Error('the picture did not change')), 20000);
        const start = performance.now();
        const watch = new MutationObserver(() => {
            watch.disconnect();
            clearTimeout(patience);
            const change = performance.now() - start;
            requestAnimationFrame(() => requestAnimationFrame(() => resolve([change, performance.now() - start])));
        });
        watch.observe(picture, {childList: true, subtree: true, characterData: true});
        handle.click();
    });
}"""

HANDLES = {  # role and names of what is clicked in turn
    "naive or reduced": ("button", ("naive", "reduced")),
    "5×5 branch off or on": ("checkbox", ("5×5 branch",)),
}


def times(lab, role: str, names: tuple[str, ...], clicks: int) -> list[list[float]]:
    """Milliseconds to the changed page and to the frame that shows it, for each click."""
    handles = [lab.get_by_role(role, name=name, exact=True).element_handle() for name in names]
    found = []
    for number in range(clicks):
        found.append(lab.page.evaluate(MEASURE, [lab.element_handle(), handles[number % len(handles)]]))
        lab.page.wait_for_timeout(150)  # a learner looks at the answer
    return found


def main(clicks: int) -> None:
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as address, browser_page() as page:
        learner = Learner(page)
        learner.enter(address)
        learner.open("01_inception_module.ipynb")
        learner.run("progress()")
        learner.run("block_lab()")
        lab = learner.output("block_lab()").locator(".course-lab")
        rows = []
        for pinned in ("", ", A pinned"):
            if pinned:
                lab.get_by_role("button", name="Pin as A").click()
                lab.locator("svg").nth(1).wait_for()
            for name, (role, names) in HANDLES.items():
                measured = times(lab, role, names, clicks)
                rows += [
                    (f"{name}{pinned}", what, [each[place] for each in measured])
                    for place, what in enumerate(("page changed", "frame after it"))
                ]
    print(f"{platform.machine()}, Python {platform.python_version()}, {clicks} clicks a row, milliseconds\n")
    print(f"{'handle':<34}{'until':<16}{'median':>8}{'95th':>8}{'worst':>8}")
    for name, what, values in rows:
        ninety_five = statistics.quantiles(values, n=20)[-1]
        print(f"{name:<34}{what:<16}{statistics.median(values):>8.0f}{ninety_five:>8.0f}{max(values):>8.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CLICKS)
