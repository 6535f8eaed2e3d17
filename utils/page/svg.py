"""SVG pictures of the labs: made in a millisecond, drawn in the colour of the text around them, so on light and dark."""

import math
from collections.abc import Iterable, Mapping, Sequence

from utils.page.html import Html, number, tag

Point = tuple[float, float]


def picture(*parts: Html, words: str, width: float, height: float, **attributes: object) -> Html:
    """A picture of these parts with its text alternative; it shrinks to the room there is."""
    return tag(
        "svg", *parts, **attributes, role="img", aria_label=words, width=width, height=height,
        viewBox=f"0 0 {number(width)} {number(height)}", fill="currentColor", font_size=11,
    )  # fmt: skip


def sheet(*parts: Html, words: str, width: float, height: float) -> str:
    """A picture that needs no page around it: white ground, dark ink, a font of its own."""
    ground = rectangle(0, 0, width, height, fill="#fff")
    own = {"xmlns": "http://www.w3.org/2000/svg", "color": "#212121", "font_family": "sans-serif"}
    return str(picture(ground, *parts, words=words, width=width, height=height, **own))


def text(x: float, y: float, words: object, *, anchor: str = "middle", **attributes: object) -> Html:
    """Words at a place; `anchor` says whether they start, end or have their middle there."""
    return tag("text", words, x=x, y=y, text_anchor=anchor, **attributes)


def line(
    points: Iterable[Point], color: str = "currentColor", *, width: float = 2, dashes: str = "", opacity: float = 1
) -> Html:
    """A line through points."""
    path = " ".join(f"{number(x)},{number(y)}" for x, y in points)
    return tag(
        "polyline", points=path, fill="none", stroke=color, stroke_width=width, stroke_dasharray=dashes or None,
        stroke_opacity=opacity if opacity < 1 else None,
    )  # fmt: skip


def dot(x: float, y: float, color: str = "currentColor", *, radius: float = 4, **attributes: object) -> Html:
    """A filled circle."""
    return tag("circle", **attributes, cx=x, cy=y, r=radius, fill=color)


def rectangle(x: float, y: float, width: float, height: float, **attributes: object) -> Html:
    """A rectangle with its upper left corner at a place."""
    return tag("rect", x=x, y=y, width=width, height=height, **attributes)


class Chart:
    """A pair of axes, and what is drawn in it, in units of the data.

    Args:
        across, up: from where to where the axes go.
        width, height: of the whole picture, in pixels.
        margins: what stays free on the left, right, top and bottom of the axes.
        logs: which axes are logarithmic: "", "x", "y" or "xy".
    """

    def __init__(
        self,
        across: tuple[float, float],
        up: tuple[float, float],
        *,
        width: float,
        height: float,
        margins: tuple[float, float, float, float] = (46, 12, 28, 42),
        logs: str = "",
    ):
        self.across, self.up, self.logs = across, up, logs
        self.width, self.height = width, height
        left, right, top, bottom = margins
        self.left, self.right, self.top, self.bottom = left, width - right, top, height - bottom
        self.parts: list[Html] = []

    def place(self, x: float, y: float) -> Point:
        """Where a point of the data stands in the picture, in pixels."""
        share_x = _share(x, *self.across, is_log="x" in self.logs)
        share_y = _share(y, *self.up, is_log="y" in self.logs)
        return self.left + share_x * (self.right - self.left), self.bottom - share_y * (self.bottom - self.top)

    def axes(
        self,
        across: Mapping[float, object],
        up: Mapping[float, object],
        *,
        x: str = "",
        y: str = "",
        title: str = "",
        grid: str = "xy",
    ) -> None:
        """Draw the axes with a text at each of these values, their names, and the title; `grid` says which have lines."""
        faint = {"stroke": "currentColor", "stroke_opacity": 0.2}
        for value, words in up.items():
            at = self.place(self.across[0], value)[1]
            if "y" in grid:
                self.parts.append(tag("path", d=f"M{self.left} {number(at)}H{self.right}", **faint))
            self.parts.append(text(self.left - 5, at + 4, words, anchor="end"))
        for value, words in across.items():
            at = self.place(value, self.up[0])[0]
            if "x" in grid:
                self.parts.append(tag("path", d=f"M{number(at)} {self.top}V{self.bottom}", **faint))
            self.parts.append(text(at, self.bottom + 15, words))
        frame = f"M{self.left} {self.top}V{self.bottom}H{self.right}"
        self.parts.append(tag("path", d=frame, fill="none", stroke="currentColor", stroke_opacity=0.6))
        if title:
            self.parts.append(text(4, 16, title, anchor="start", font_weight="bold", font_size=12))
        if x:
            self.parts.append(text((self.left + self.right) / 2, self.height - 8, x))
        if y:
            middle = number((self.top + self.bottom) / 2)
            self.parts.append(text(0, 0, y, transform=f"translate(12 {middle}) rotate(-90)"))

    def line(self, points: Iterable[Point], color: str = "currentColor", **look: object) -> None:
        """A line through points of the data; fewer than two make none."""
        placed = [self.place(*point) for point in points]
        if len(placed) > 1:
            self.parts.append(line(placed, color, **look))

    def dot(self, x: float, y: float, color: str, **look: object) -> None:
        """A dot on a point of the data."""
        self.parts.append(dot(*self.place(x, y), color, **look))

    def bar(self, left: float, right: float, height: float, color: str, **look: object) -> None:
        """A bar from the axis up to a height."""
        (x, y), (end, floor) = self.place(left, height), self.place(right, self.up[0])
        self.parts.append(rectangle(x, y, end - x - 1, floor - y, fill=color, **look))

    def svg(self, words: str, **attributes: object) -> Html:
        """The finished picture; `words` say what it shows."""
        return picture(*self.parts, words=words, width=self.width, height=self.height, **attributes)


def _share(value: float, low: float, high: float, *, is_log: bool) -> float:
    if is_log:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low)


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers from low to high."""
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (factor * step) < 6.5)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def numbered(values: Sequence[float]) -> dict[float, str]:
    """Values of an axis with their texts."""
    return {value: f"{value:g}" for value in values}
