"""The window lab: where a window of some size, stride and padding can stand on a grid, and how large the result is."""

from lessons.start_here.checks import size_after
from utils.lab_frame.frame import Lab, View, slider
from utils.page import svg
from utils.page.html import BREAK, Html, bold, side_by_side, tag, text
from utils.show import colors

CELL = 22  # pixels


def places(size: int, window: int, stride: int, padding: int) -> list[int]:
    """Left edges of the window along one side, in cells from the grid's own edge; negative ones stand in the padding.

    Raises:
        ValueError: the window does not fit on the padded grid.
    """
    if window > size + 2 * padding:
        raise ValueError(
            f"A window of {window} does not fit on a grid of {size} with {padding} cells of padding on each side: "
            f"{size} + 2·{padding} = {size + 2 * padding} cells. Make the grid larger, the window smaller, or add padding."
        )
    return [step * stride - padding for step in range(size_after(size, window, stride, padding))]


def view(settings: dict, pinned: dict | None) -> View:
    """What the window lab shows: the grid with its padding, the first window, the window's middles, and the result."""
    now = _words(settings)
    words = f"A: {_words(pinned)}<br/>B: {now}" if pinned else now
    pictures = (
        text(bold(name), BREAK, _svg(each))
        for name, each in (("A, pinned", pinned), ("B, now" if pinned else "", settings))
        if each
    )
    legend = (
        "Pale cells are padding, filled with zeros. The frame is the window at its first place; each dot is the middle of one "
        "place that it takes, and gives one cell of the result."
    )
    html = text(side_by_side(*pictures), tag("p", legend))
    return View(words=words, html=html)


def _words(settings: dict) -> str:
    size, window, stride, padding = (settings[name] for name in ("size", "window", "stride", "padding"))
    count = len(places(size, window, stride, padding))
    left = (size + 2 * padding - window) % stride
    unused = ""
    if stride > window and count > 1:
        gap = stride - window
        unused += (
            f" Between two places {f'{gap} rows and columns are' if gap > 1 else 'a row and a column are'} never read."
        )
    if left:
        ground = " (padding)" if left <= padding else ""
        rows = "row and column" if left == 1 else f"{left} rows and columns"
        unused += f" The last {rows}{ground} are never read."
    return (
        f"grid {size}×{size}, window {window}×{window}, stride {stride}, padding {padding}: the result is "
        f'<b class="course-size">{count}×{count}</b>, as ({size} + 2·{padding} − {window}) // {stride} + 1 = {count}.{unused}'
    )


def _svg(settings: dict) -> Html:
    size, window, stride, padding = (settings[name] for name in ("size", "window", "stride", "padding"))
    starts = places(size, window, stride, padding)
    cells = range(size + 2 * padding)
    parts = [
        svg.rectangle(
            column * CELL, row * CELL, CELL, CELL, stroke=colors.GREY,
            fill=colors.tint(*((colors.SKY, 0.5) if _is_inside(row, column, size, padding) else (colors.GREY, 0.15))),
        )
        for row in cells
        for column in cells
    ]  # fmt: skip
    frame = window * CELL - 4
    parts.append(svg.rectangle(2, 2, frame, frame, fill="none", stroke=colors.VERMILION, stroke_width=4))
    middles = [(start + padding + window / 2) * CELL for start in starts]
    parts += (svg.dot(x, y, colors.BLACK) for x in middles for y in middles)
    words = f"A grid of {size} by {size} with a window of {window}, which takes {len(starts)} by {len(starts)} places."
    return svg.picture(*parts, words=words, width=len(cells) * CELL, height=len(cells) * CELL)


def _is_inside(row: int, column: int, size: int, padding: int) -> bool:
    return padding <= row < size + padding and padding <= column < size + padding


def window_lab() -> Lab:
    """The window lab of lesson 00."""

    controls = {
        "size": slider(8, 1, 14, "grid", "Cells along one side of the grid"),
        "window": slider(3, 1, 7, "window", "Cells along one side of the window"),
        "stride": slider(1, 1, 4, "stride", "How many cells the window moves at a time"),
        "padding": slider(0, 0, 3, "padding", "Cells of zeros that are added on each side"),
    }
    question = "<b>Window lab.</b> How large is the result, and which cells does the window never see?"
    return Lab(question, controls, view)
