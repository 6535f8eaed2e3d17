"""The crop lab: what of a photograph GoogLeNet sees in training and when it is tested, and what the looks cost."""

import base64
import io
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image
from torch import Tensor

from lessons.googlenet.crops import PAPERS_SIZE, some_crops, times_seen
from lessons.googlenet.paper import TABLE_3
from networks import measure
from utils.cost import units
from utils.cost.table import short
from utils.data.photo import photograph
from utils.lab_frame.frame import Lab, View, choice, slider
from utils.page import svg
from utils.page.html import BREAK, Html, bold, side_by_side, tag, text
from utils.show import colors
from utils.train.augment import INTERPOLATIONS, crop_boxes, resize_boxes

PHOTO = "flower"
MIDDLE = (306, 219)  # of the flower, in pixels from the left and from the top
COUNT = 12  # training crops that are drawn
SHOWN = 320  # pixels that the photograph is wide on the page
THUMBNAIL = 64
DRAWN = "drawn for each"  # an interpolation of its own for each crop, as in the paper


@dataclass(frozen=True)
class Design:
    """The settings of the crop lab.

    `smallest` is the lowest share of the area in per cent, `widest` the largest width for a height of 1 (and height for a
    width of 1) of a training crop. `scales`, `squares`, `places` and `mirrors` are the four factors of the looks at test
    time, `models` how many networks are averaged.
    """

    smallest: int
    widest: float
    interpolation: str
    seed: int
    scales: int
    squares: int
    places: int
    mirrors: int
    models: int

    @property
    def passes(self) -> int:
        """How often a network runs for one photograph."""
        return self.scales * self.squares * self.places * self.mirrors * self.models

    @property
    def macs(self) -> int:
        """Multiply-adds for one photograph: those of GoogLeNet, variant "paper", at each pass."""
        return self.passes * measure.cost("googlenet").macs


@lru_cache(maxsize=1)
def _photo() -> np.ndarray:
    return photograph(PHOTO)


@lru_cache(maxsize=1)
def _small() -> Tensor:
    """The photograph as it is shown: (3, H, W) from 0 to 1."""
    height, width = _photo().shape[:2]
    small = Image.fromarray(_photo()).resize((SHOWN, round(SHOWN * height / width)), Image.Resampling.BOX)
    return torch.tensor(np.asarray(small)).permute(2, 0, 1).float() / 255


@lru_cache(maxsize=1)
def _background() -> str:
    return _data_uri(_small().permute(1, 2, 0).mul(255).byte().numpy())


def _data_uri(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def training_boxes(smallest: int, widest: float, interpolation: str, seed: int) -> tuple[list[list[int]], list[str]]:
    """(left, top, right, bottom) of the training crops in the photograph's pixels, and the interpolation of each."""
    generator = torch.Generator().manual_seed(seed)
    aspect = (1 / widest, widest)
    boxes = crop_boxes(COUNT, *_photo().shape[:2], (smallest / 100, 1.0), aspect, generator)
    drawn = torch.randint(len(INTERPOLATIONS), (COUNT,), generator=generator)
    names = [INTERPOLATIONS[number] if interpolation == DRAWN else interpolation for number in drawn]
    return boxes.tolist(), names


@lru_cache(maxsize=64)
def seen(scales: int, squares: int, places: int, mirrors: int) -> np.ndarray:
    """How many looks at test time contain each pixel of the photograph: int (height, width)."""
    height, width = _photo().shape[:2]
    looks = some_crops(height, width, scales=scales, squares=squares, places=places, mirrors=mirrors)
    return times_seen(looks, height, width)


def view(settings: dict, pinned: dict | None) -> View:
    """What the crop lab shows: training crops and test-time looks on the photograph, of both designs where one is pinned."""
    designs = {"A, pinned": Design(**pinned), "B, now": Design(**settings)} if pinned else {"": Design(**settings)}
    words, rows = [], []
    for name, design in designs.items():
        letter = f"<b>{name[0]}</b> " if name else ""
        words.append(f"{letter}{describe(design)}")
        rows.append(_row(name, design))
    return View(words="<br/>".join(words), html=text(*rows))


def describe(design: Design) -> str:
    """Both halves of the lab in words."""
    height, width = _photo().shape[:2]
    boxes, _ = training_boxes(design.smallest, design.widest, design.interpolation, design.seed)
    shares = [(right - left) * (bottom - top) / (height * width) for left, top, right, bottom in boxes]
    inside = sum(left <= MIDDLE[0] < right and top <= MIDDLE[1] < bottom for left, top, right, bottom in boxes)
    shortest = min(min(right - left, bottom - top) for left, top, right, bottom in boxes)
    counts = seen(design.scales, design.squares, design.places, design.mirrors)
    factors = " × ".join(map(str, (design.scales, design.squares, design.places, design.mirrors)))
    looks = design.passes // design.models
    printed = next((row for row in TABLE_3 if (row.models, row.crops) == (design.models, looks)), None)
    standard = printed is not None and factors in ("1 × 1 × 1 × 1", "1 × 1 × 5 × 2", "4 × 3 × 6 × 2")
    return (
        f"<b>Training:</b> {COUNT} crops of {min(shares):.0%} to {max(shares):.0%} of the area; {inside} of them contain the "
        f"middle of the flower; the shortest side is {shortest} pixels, for an input of {PAPERS_SIZE}. "
        f"<b>Test:</b> {factors} = {looks} look{'s' if looks > 1 else ''}; {(counts == 0).mean():.0%} of the pixels are "
        f"never seen, the one seen most is seen {_times(counts.max())}. With {design.models} "
        f"model{'s' if design.models > 1 else ''}: {design.passes:,} forward pass{'es' if design.passes > 1 else ''}, {short(units.count(design.macs))} {units.words()}"
        + (f". The paper's error with these: {printed.top5_error} % top-5." if standard else ".")
    )


def _row(name: str, design: Design) -> Html:
    training = _training(design.smallest, design.widest, design.interpolation, design.seed)
    heat = _heat(design.scales, design.squares, design.places, design.mirrors)
    test = (bold("At test time"), ": how often each pixel is seen", BREAK, heat)
    halves = side_by_side(
        text(bold("In training"), ": twelve crops, and what the network gets", BREAK, training),
        tag("div", *test, data_passes=design.passes, data_macs=design.macs),
    )
    return text(bold(name), BREAK, halves) if name else halves


# Half of a picture stays as it is when a handle of the other half moves, and so does a pinned design.
@lru_cache(maxsize=64)
def _training(smallest: int, widest: float, interpolation: str, seed: int) -> Html:
    """The photograph with the frames of the training crops, and under it the crops themselves."""
    height, width = _photo().shape[:2]
    boxes, methods = training_boxes(smallest, widest, interpolation, seed)
    factor = SHOWN / width
    size = {"width": SHOWN, "height": round(height * factor)}
    parts = [tag("image", href=_background(), **size)]
    for place, box in enumerate(boxes):
        left, top, right, bottom = (side * factor for side in box)
        color = colors.ARMS[place % len(colors.ARMS)]
        parts.append(svg.rectangle(left, top, right - left, bottom - top, fill="none", stroke=color, stroke_width=2))
    photo = svg.picture(*parts, words=f"A photograph with the frames of {COUNT} training crops.", **size)
    crops = tag("img", alt=f"The {COUNT} crops, each resized to a square.", src=_sheet(boxes, methods, factor))
    return text(photo, BREAK, crops)


def _sheet(boxes: list[list[int]], methods: list[str], factor: float) -> str:
    """The crops as the network gets them, in two rows, as the address of a picture."""
    small = torch.tensor(boxes).mul(factor).round().long()
    small[:, 2:] = torch.maximum(small[:, 2:], small[:, :2] + 1)
    images = _small()[None]
    gap, between = 4, 128  # grey, which glares neither on a light page nor on a dark one
    across = COUNT // 2
    sheet = np.full((2 * THUMBNAIL + gap, across * (THUMBNAIL + gap) - gap, 3), between, dtype=np.uint8)
    for place, (box, method) in enumerate(zip(small, methods, strict=True)):
        made = resize_boxes(images, box[None], size=(THUMBNAIL, THUMBNAIL), interpolation=method)[0]
        top, left = place // across * (THUMBNAIL + gap), place % across * (THUMBNAIL + gap)
        sheet[top : top + THUMBNAIL, left : left + THUMBNAIL] = made.permute(1, 2, 0).mul(255).byte().numpy()
    return _data_uri(sheet)


@lru_cache(maxsize=64)
def _heat(scales: int, squares: int, places: int, mirrors: int) -> Html:
    """The photograph in tones that say how many looks at test time contain each pixel, and the key under it."""
    counts = seen(scales, squares, places, mirrors)
    most = int(counts.max())
    _, height, width = _small().shape
    rows = np.arange(height) * counts.shape[0] // height
    columns = np.arange(width) * counts.shape[1] // width
    at = counts[np.ix_(rows, columns)]
    tones = colormaps["viridis"](at / most)[:, :, :3]
    tones[at == 0] = 0.12
    brightness = _small().mean(dim=0).numpy()[:, :, None]
    picture = (tones * (0.45 + 0.55 * brightness / brightness.max()) * 255).astype(np.uint8)
    words = f"The photograph in tones from black, where no look reaches, to yellow. {(counts == 0).mean():.0%} is never seen; at most {most} looks see a pixel."
    key = f"black: never seen · violet to yellow: seen up to {_times(most)}"
    return text(tag("img", alt=words, src=_data_uri(picture)), BREAK, key)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


PRESETS = {
    "1 look": {"scales": 1, "squares": 1, "places": 1, "mirrors": 1, "models": 1},
    "10 looks": {"scales": 1, "squares": 1, "places": 5, "mirrors": 2, "models": 1},
    "144 looks": {"scales": 4, "squares": 3, "places": 6, "mirrors": 2, "models": 1},
    "144 looks, 7 models": {"scales": 4, "squares": 3, "places": 6, "mirrors": 2, "models": 7},
}


def crop_lab() -> Lab:
    """The crop lab of lesson 02, set to the paper's training crops and to ten looks at test time."""

    controls = {
        "smallest": slider(8, 1, 100, "area from, %", "Training: the lowest share of the area that a crop can have"),
        "widest": choice(
            4 / 3,
            [("1", 1.0), ("4/3", 4 / 3), ("2", 2.0)],
            "aspect up to",
            "Training: the largest side for the shortest",
        ),
        "interpolation": choice(DRAWN, [DRAWN, *INTERPOLATIONS], "resized by", "Training: how a crop is resized"),
        "seed": slider(8, 0, 20, "seed", "Training: another seed, other crops"),
        "scales": slider(1, 1, 4, "scales", "Test: so many of 256, 288, 320 and 352, from the smallest"),
        "squares": choice(1, [("centre", 1), ("left, centre, right", 3)], "squares", "Test: which squares"),
        "places": choice(
            5,
            [("centre", 1), ("centre, corners", 5), ("centre, corners, whole", 6)],
            "in a square",
            "Test: which crops of each square",
        ),
        "mirrors": choice(2, [("as it is", 1), ("and mirrored", 2)], "mirror", "Test: the mirror images as well"),
        "models": slider(1, 1, 7, "models", "Test: so many networks, their answers averaged"),
    }
    assert list(controls) == [field.name for field in fields(Design)]
    question = (
        f"<b>Crop lab.</b> How much of a photograph does the network see, how often, and for how many {units.words()}? "
        "The upper four handles are those of training, the others those of the test."
    )
    return Lab(question, controls, view, PRESETS)
