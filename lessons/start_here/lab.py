"""The window lab: where a window of some size, stride and padding can stand on a grid, and how large the result is."""

from lessons.start_here.checks import size_after
from utils.lab.frame import Lab, View, slider
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
    pictures = "".join(
        f"<div><b>{name}</b><br/>{_svg(each)}</div>"
        for name, each in (("A, pinned", pinned), ("B, now" if pinned else "", settings))
        if each
    )
    html = (
        f'<div style="display:flex;flex-wrap:wrap;gap:16px">{pictures}</div>'
        "<p style='margin:8px 0'>Pale cells are padding, filled with zeros. The frame is the window at its first place; each dot is the middle of "
        "one place that it takes, and gives one cell of the result.</p>"
    )
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


def _svg(settings: dict) -> str:
    size, window, stride, padding = (settings[name] for name in ("size", "window", "stride", "padding"))
    starts = places(size, window, stride, padding)
    side = (size + 2 * padding) * CELL
    cells = "".join(
        f'<rect x="{column * CELL}" y="{row * CELL}" width="{CELL}" height="{CELL}" stroke="#8C8C8C" stroke-width="1" '
        f'fill="{colors.tint(colors.SKY, 0.5) if _is_inside(row, column, size, padding) else colors.tint(colors.GREY, 0.15)}"/>'
        for row in range(size + 2 * padding)
        for column in range(size + 2 * padding)
    )
    middle = window * CELL / 2
    dots = "".join(
        f'<circle cx="{(x + padding) * CELL + middle}" cy="{(y + padding) * CELL + middle}" r="4" fill="{colors.BLACK}"/>'
        for x in starts
        for y in starts
    )
    frame = (
        f'<rect x="2" y="2" width="{window * CELL - 4}" height="{window * CELL - 4}" fill="none" '
        f'stroke="{colors.VERMILION}" stroke-width="4"/>'
    )
    label = f"A grid of {size} by {size} with a window of {window}, which takes {len(starts)} by {len(starts)} places."
    return f'<svg role="img" aria-label="{label}" width="{side}" height="{side}">{cells}{frame}{dots}</svg>'


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
