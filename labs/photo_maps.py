"""A photograph through a network, stage by stage: the maps of each branch, what a cell has seen, and what speaks for a class.

The maps are those of a live network as it stands, with first weights if nobody has trained it. Of each branch only the
channels that vary most go to the front end, in 8 bits: what is sent stays below `MOST` bytes. Where a network ends in a mean
and a linear layer, its class activation maps are shown too.
"""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor, nn
from torch.nn import functional as F

from labs.receptive_field import layers_of
from networks.class_activation import end_of
from networks.pretrained import Preprocessing
from utils.cost.trace import INPUT, ReceptiveField, Trace, trace
from utils.data.photo import NAMES, photograph
from utils.page import svg
from utils.page.html import Html, tag
from utils.show.colors import BLUE, VERMILION, branch_color
from utils.show.touch import Touch
from utils.system.modes import restored

MOST = 560_000  # bytes of data for the front end, as JSON, whatever the network and the photograph
SHOWN = 8  # maps of each branch in its strip, at most
SIZE = 224
CLASSES = 5  # of which the map is shown: those with the highest logits
FIRST_WEIGHTS = "first weights"
END = "classes"  # the last of what can be chosen, behind the stages

_MAPS = 280_000  # bytes of all maps, before they are packed
_PIXELS = 100_000_000  # of a photograph's file

Photo = str | Path | bytes | np.ndarray | Tensor


@dataclass(frozen=True)
class Part:
    """What one branch, or one step, of a stage puts out: (C, H, W)."""

    name: str
    path: str
    maps: Tensor


@dataclass(frozen=True)
class Stage:
    """One stage of a network. `join` says how its parts make its output: "stack", "sum" (the last part), "steps", or "" where
    it is one part.
    """

    path: str
    join: str
    parts: tuple[Part, ...]

    @property
    def cells(self) -> int:
        """Cells of one channel of every part."""
        return sum(part.maps[0].numel() for part in self.parts)


def photo_maps(
    network: nn.Module,
    module: str | None = None,
    *,
    photo: Photo = "flower",
    size: int | None = None,
    weights: str = FIRST_WEIGHTS,
    classes: Sequence[str] = (),
    prepare: Callable[[Tensor], Tensor] | None = None,
    stages: Sequence[str] = (),
) -> Touch:
    """A photograph through a network: the maps of every stage and branch, and the class activation maps at the end.

    The photograph is shown to the network on this machine and goes nowhere else; so does one that is chosen in the notebook.

    Args:
        network: a network whose children are its stages, or one module whose children are its branches.
        module: which stage is shown first, or "classes"; by default the first one that has branches.
        photo: "flower" or "china", the path of an image file, or pixels: an array (H, W) or (H, W, 3), or a tensor (C, H, W)
            as data sets have them. The largest square in its middle is taken.
        size: side of the square that the network sees; by default 224, for pixels their own side up to that, and for published
            weights what they were trained with.
        weights: what the picture says of the network's weights. Other words than the default say that they are trained.
        classes: what the classes are called; by default their numbers.
        prepare: from pixels, uint8 (1, C, size, size), to what the network reads. By default the preprocessing of published
            weights, or each image's own mean and deviation.
        stages: the modules to show, by their names in the network, where it is not its children.

    Raises:
        ValueError: a photograph that is none, a module that is not there, or one that puts out no maps.
    """
    published = getattr(network, "preprocessing", None)
    if isinstance(published, Preprocessing):
        size = size or published.input_size
        prepare = prepare or replace(published, input_size=size, resize=size)
    if size is None:
        side = min(_image(photo).size) if isinstance(photo, np.ndarray | Tensor) else SIZE
        size = min(side, SIZE)
    view = _View(network, size, weights, tuple(classes), prepare or _standardised, tuple(stages))
    data, shown = view.of(square(photo, size))
    names = [stage["name"] for stage in data["stages"]]
    forked = [stage["name"] for stage in data["stages"] if stage["join"] == "stack"]
    first = module or (forked or names)[0]
    ends = [END] if data["end"] and "classes" in data["end"] else []
    if first not in names + ends:
        raise ValueError(f"There is no stage {first!r} in it. There are: {', '.join(names + ends)}.")
    drawn = names.index((forked or names)[-1] if first == END else first)
    stage = data["stages"][drawn]
    grid = data["end"]["grid"] if first == END else stage["grid"]
    state = {"stage": first, "row": grid[0] // 2, "column": grid[1] // 2, "map": 0, "class": 0}
    words = _words(data, stage)
    return Touch(
        front=Path(__file__).with_suffix(".js"),
        data=data,
        state=state,
        words=words,
        picture=_still(data, stage, shown[drawn], words),
        answer=lambda message: view.of(square(_sent(message), size))[0],
    )


# --- the photograph -------------------------------------------------------------------------------------------------------


def square(photo: Photo, size: int) -> np.ndarray:
    """The largest square in the middle of a photograph, as uint8 (size, size, 3).

    Raises:
        ValueError: not an image, in words; or one of more than a hundred million pixels.
    """
    if isinstance(photo, str) and photo in NAMES:
        return photograph(photo, size)
    image = _image(photo)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC))


def _image(photo: Photo) -> Image.Image:
    """A photograph as Pillow has it, upright, in red, green and blue; what is transparent becomes white."""
    if isinstance(photo, Tensor):
        if photo.ndim != 3:
            raise ValueError(
                f"photo is a tensor {tuple(photo.shape)}; it must be one image, (channels, height, width)."
            )
        photo = photo.detach().cpu().permute(1, 2, 0).numpy()
    if isinstance(photo, np.ndarray):
        pixels = photo[..., 0] if photo.ndim == 3 and photo.shape[2] == 1 else photo
        fits = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
        if pixels.dtype != np.uint8 or not fits or 0 in pixels.shape:
            raise ValueError(
                f"photo is an array {photo.dtype} {photo.shape}; it must hold bytes, 0 to 255, as (height, width) for grey or "
                "(height, width, 3) for colour."
            )
        image = Image.fromarray(pixels)
    else:
        image = _opened(photo)
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits a pixel: Pillow would cut them off at 255
        values = np.asarray(image, dtype=np.float64)
        low, high = values.min(), values.max()
        image = Image.fromarray(((values - low) / max(high - low, 1e-12) * 255).round().astype(np.uint8))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


def _opened(photo: str | Path | bytes) -> Image.Image:
    name = "What was chosen" if isinstance(photo, bytes) else str(photo)
    try:
        with Image.open(io.BytesIO(photo) if isinstance(photo, bytes) else photo) as image:
            if image.width * image.height > _PIXELS:
                raise ValueError(
                    f"{name} has {image.width:,} × {image.height:,} pixels, more than a hundred million. Make it smaller."
                )
            image.load()
            return ImageOps.exif_transpose(image)
    except FileNotFoundError as error:
        raise ValueError(
            f"There is no file {name}. photo is {' or '.join(map(repr, NAMES))}, or the path of an image."
        ) from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise ValueError(
            f"{name} cannot be read as an image. Take a photograph as JPEG, PNG or WebP that is whole."
        ) from error


def _sent(message: Any) -> bytes:
    """The file that the front end sends: the address of a picture that it has made small."""
    address = message.get("photo") if isinstance(message, dict) else None
    if not isinstance(address, str) or not address.startswith("data:image/") or len(address) > 8_000_000:
        raise ValueError("What was chosen cannot be read as an image. Take a photograph as JPEG, PNG or WebP.")
    return base64.b64decode(address.partition(",")[2])


def _standardised(images: Tensor) -> Tensor:
    pixels = images.float() / 255
    return (pixels - pixels.mean()) / pixels.std().clamp(min=1e-6)


# --- what the network makes of it ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _View:
    """How photographs are looked at: all that does not depend on the photograph."""

    network: nn.Module
    size: int
    weights: str
    classes: tuple[str, ...]
    prepare: Callable[[Tensor], Tensor]
    chosen: tuple[str, ...]

    def of(self, pixels: np.ndarray) -> tuple[dict[str, Any], list[list[np.ndarray]]]:
        """What the front end shows of one photograph; and the maps in it as bytes, stage by stage and part by part."""
        conv = next((part for part in self.network.modules() if isinstance(part, nn.Conv2d)), None)
        channels = 3 if conv is None else conv.in_channels
        if channels not in (1, 3):
            raise ValueError(f"The network reads images of {channels} channels; a photograph has 3, or 1 as grey.")
        if channels == 1:
            pixels = np.asarray(Image.fromarray(pixels).convert("L"))
        weight = next(self.network.parameters(), torch.empty(0))
        images = torch.tensor(pixels.reshape(self.size, self.size, channels)).permute(2, 0, 1)[None]
        images = self.prepare(images).to(device=weight.device, dtype=weight.dtype)
        with torch.no_grad():
            found = stages_of(self.network, images, self.chosen)
            ending = _ending(self.network, images, found, self.classes)
        fields = _fields(trace(self.network, images.shape[1:]))
        counts = _counts(found)
        made = [_stage(self.network, stage, count, fields) for stage, count in zip(found, counts, strict=True)]
        data = {
            "network": type(self.network).__name__,
            "weights": self.weights,
            "trained": self.weights != FIRST_WEIGHTS,
            "photo": _address(pixels, "jpeg", quality=85),
            "size": self.size,
            "stages": [stage for stage, _ in made],
            "end": ending,
        }
        return data, [maps for _, maps in made]


def stages_of(network: nn.Module, images: Tensor, chosen: Sequence[str] = ()) -> list[Stage]:
    """What the stages of a network put out for one image, and what their branches do, in the order in which they run.

    Args:
        network: run once, in evaluation mode.
        images: (1, C, H, W).
        chosen: names of the stages; by default the children that put out maps, or the network itself where it is one module.

    Raises:
        ValueError: a name that there is not, or nothing that puts out maps.
    """
    modules = dict(network.named_modules())
    for name in chosen:
        if name not in modules:
            raise ValueError(
                f"There is no module {name!r} in the network. Its children are: {', '.join(dict(network.named_children()))}."
            )
    outer = list(chosen) or ["", *dict(network.named_children())]
    wanted = {path: None for stage in outer for path in (stage, *_children(modules[stage], stage))}
    came: dict[str, Tensor] = {}
    went: dict[str, Tensor] = {}

    def look(path: str) -> Callable[..., None]:
        def note(_module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and path not in went:
                went[path] = output[0].clone()  # an activation in place would change it
                if inputs and isinstance(inputs[0], Tensor):
                    came[path] = inputs[0][0].clone()

        return note

    hooks = [modules[path].register_forward_hook(look(path)) for path in wanted]
    try:
        with restored(network), torch.no_grad():
            network.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()

    found = [_joined(modules[path], path, came, went) for path in outer if path in went]
    if not chosen and found and found[0].path == "":
        whole, *rest = found
        found = [whole] if whole.join in ("stack", "sum") or not rest else rest
    if not chosen:
        found = [stage for stage in found if _shows(modules[stage.path], stage, went)]
    if not found:
        raise ValueError(f"No stage of {type(network).__name__} puts out maps, (N, C, H, W).")
    return found


def _children(module: nn.Module, path: str) -> list[str]:
    return [f"{path}.{name}" if path else name for name, _ in module.named_children()]


def _shows(module: nn.Module, stage: Stage, went: Mapping[str, Tensor]) -> bool:
    """Not what leaves everything as it is, a head on the side, or a mean over the whole grid."""
    is_mean = went[stage.path][0].numel() == 1 < max(maps[0].numel() for maps in went.values())
    return not (is_mean or isinstance(module, nn.Identity | nn.Dropout) or stage.path.startswith("aux"))


def _joined(module: nn.Module, path: str, came: Mapping[str, Tensor], went: Mapping[str, Tensor]) -> Stage:
    """A stage as its parts, where they explain what it puts out; else as one part."""
    whole = went[path]
    parts = tuple(Part(each.rpartition(".")[2], each, went[each]) for each in went if each in _children(module, path))
    if isinstance(module, nn.Sequential):
        steps = [part for part in parts if _looks(module.get_submodule(part.name))]
        if len(steps) > 1 and path:
            return Stage(path, "steps", (Part("in", f"{path} in", came[path]), *steps))
    elif len(parts) > 1:
        if len({part.maps.shape[1:] for part in parts}) == 1:
            stack = torch.cat([part.maps for part in parts])
            if stack.shape == whole.shape and torch.equal(stack, whole):
                return Stage(path, "stack", parts)
        if {part.maps.shape for part in parts} == {whole.shape}:
            added = torch.stack([part.maps for part in parts]).sum(0)
            if torch.allclose(added, whole, rtol=1e-4, atol=1e-5 * float(whole.abs().max())):
                return Stage(path, "sum", (*parts, Part("sum", path, whole)))
    return Stage(path, "", (Part(path.rpartition(".")[2] or type(module).__name__, path, whole),))


def _looks(module: nn.Module) -> bool:
    """Has it a convolution in it?"""
    return any(isinstance(part, nn.Conv2d) for part in module.modules())


def _counts(stages: Sequence[Stage]) -> list[tuple[int, int]]:
    """How many maps of each part of each stage are shown, so that all of them are small: the dearest stage gives way.

    The second number is 1; where a single map of each part is still too much, a pixel is the mean of so many by so many cells.
    """
    counts = [(SHOWN, 1)] * len(stages)
    while True:
        costs = [count * stage.cells / every**2 for (count, every), stage in zip(counts, stages, strict=True)]
        if sum(costs) <= _MAPS:
            return counts
        dearest = costs.index(max(costs))
        count, every = counts[dearest]
        counts[dearest] = (count - 1, every) if count > 1 else (count, every + 1)


def _fields(record: Trace) -> dict[str, ReceptiveField | None]:
    """What a unit sees behind each module, by the module's name; behind its input, by the name and " in"."""
    found: dict[str, ReceptiveField | None] = {}
    for operation in record.operations:
        source = operation.reads[0] if operation.reads else INPUT
        before = record.operations[source].receptive_field if source >= 0 else ReceptiveField((1, 1), (1, 1))
        for call in record.ancestors(operation.call):
            found.setdefault(f"{record.calls[call].name} in", before)
            found[record.calls[call].name] = operation.receptive_field
    return found


def _stage(
    network: nn.Module, stage: Stage, count: tuple[int, int], fields: Mapping[str, ReceptiveField | None]
) -> tuple[dict[str, Any], list[np.ndarray]]:
    """A stage for the front end, and its shown maps as bytes, part by part."""
    strips, packed, first = [], [], 0
    most, every = count
    picks = [part.maps.flatten(1).std(dim=1).argsort(descending=True)[:most].sort().values for part in stage.parts]
    if stage.join == "sum":
        picks = [picks[-1]] * len(picks)
    if stage.join == "steps" and len(stage.parts[0].maps) == len(stage.parts[1].maps):
        picks[0] = picks[1]  # a depthwise step keeps its channels apart: the same ones before and behind it
    for number, (part, picked) in enumerate(zip(stage.parts, picks, strict=True)):
        maps = _as_bytes(F.avg_pool2d(part.maps[picked].float().cpu(), every, ceil_mode=True))
        field = fields.get(part.path, fields.get(f"{stage.path} in"))  # an identity does nothing that is traced
        strips.append(
            {
                "name": f"step {int(part.name) + 1}" if part.name.isdigit() and stage.join else part.name,
                "color": branch_color(part.name, number),
                "layers": _layers(network, part.path),
                "channels": len(part.maps),
                "grid": list(part.maps.shape[1:]),
                "first": first,
                "shown": picked.tolist(),
                "every": every,
                "sprite": _sprite(maps),
                **_axes(field, part.maps.shape[1:]),
            }
        )
        packed.append(maps)
        first += len(part.maps)
    whole = stage.parts[-1].maps
    name = stage.path or type(network).__name__
    title = name.removeprefix("inception_")
    if title.isdigit():  # a Sequential's have no names of their own
        title = f"{title} {type(network.get_submodule(stage.path)).__name__}"
    return {"name": name, "title": title, "join": stage.join, "grid": list(whole.shape[1:]), "strips": strips}, packed


def _axes(field: ReceptiveField | None, grid: Sequence[int]) -> dict[str, Any]:
    """What a cell sees, (rows, columns) each: nothing in "field" where that is the whole image, or cannot be told."""
    if field is None or field.first is None or not field.size[0]:
        return {"field": None, "step": [0, 0], "start": [0, 0]}
    whole = {"field": field.size, "step": field.step, "start": field.first}
    return {name: [round(number) for number in numbers] for name, numbers in whole.items()}


def _layers(network: nn.Module, path: str) -> str:
    """The convolutions and pools of a part in words, as far as they follow one another."""
    if path.endswith(" in"):
        return "what comes in"
    part = network.get_submodule(path)
    try:
        names = [layer.name for layer in layers_of(part)]
    except ValueError:
        count = sum(isinstance(each, nn.Conv2d) for each in part.modules())
        return f"{type(part).__name__} of {count} convolutions"
    return " → ".join(names) or {"Identity": "as it came"}.get(type(part).__name__, type(part).__name__)


def _ending(network: nn.Module, images: Tensor, stages: Sequence[Stage], names: Sequence[str]) -> dict[str, Any] | None:
    """The likeliest classes with their maps, numbers and strongest channels; or why there are none; None for a lone module."""
    if not any(isinstance(part, nn.Linear) for part in network.modules()):
        return None
    try:
        end = end_of(network, images)
    except ValueError as error:
        return {"none": str(error)}
    grid, logits = end.grid[0].float(), end.logits[0].float()
    weight = end.classifier.weight.float()
    bias = torch.zeros(len(logits)) if end.classifier.bias is None else end.classifier.bias.float()
    likely = logits.softmax(dim=0)
    last = [stage for stage in stages if stage.parts and sum(len(part.maps) for part in stage.parts) == len(grid)]
    parts = [(part.name, len(part.maps)) for part in last[-1].parts] if last and last[-1].join == "stack" else []
    owners = [name for name, count in parts for _ in range(count)]
    classes = []
    for number in logits.argsort(descending=True)[:CLASSES].tolist():
        shares = weight[number] * grid.mean(dim=(1, 2))  # what each channel adds to the logit
        strongest = shares.argsort(descending=True)[:SHOWN]
        classes.append(
            {
                "name": names[number] if number < len(names) else f"class {number}",
                "logit": float(logits[number]),
                "probability": float(likely[number]),
                "bias": float(bias[number]),
                "map": [
                    [float(f"{value:.4g}") for value in row] for row in end.maps(torch.tensor([number]))[0].tolist()
                ],
                "shown": strongest.tolist(),
                "adds": [float(f"{value:.4g}") for value in shares[strongest].tolist()],
                "from": [owners[channel] if owners else "" for channel in strongest.tolist()],
                "sprite": _sprite(_as_bytes(grid[strongest].cpu())),
            }
        )
    return {
        "grid": list(grid.shape[1:]),
        "channels": len(grid),
        "count": len(logits),
        "classes": classes,
        "stage": last[-1].path if last else "",
    }


def _as_bytes(maps: Tensor) -> np.ndarray:
    """Maps as uint8, (C, H, W), each from its own least value, 0, to its own greatest, 255."""
    low, high = (side.view(-1, 1, 1) for side in (maps.flatten(1).amin(1), maps.flatten(1).amax(1)))
    scaled: np.ndarray = ((maps - low) / (high - low).clamp(min=1e-12) * 255).round().byte().numpy()
    return scaled


def _sprite(maps: np.ndarray) -> str:
    """Maps side by side, as the address of one PNG."""
    return _address(np.concatenate(list(maps), axis=1), "png", optimize=True)


def _address(pixels: np.ndarray, form: str, **options: int) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"


# --- in words, and where no script runs ------------------------------------------------------------------------------------

BOLD = 8  # pixels that a bold letter of the still takes at most, on average
NOTHING_YET = "nobody has trained it: its maps mean nothing yet"


def _words(data: dict[str, Any], stage: dict[str, Any]) -> str:
    grid, strips = "×".join(map(str, stage["grid"])), stage["strips"]
    fields = ", ".join(f"{strip['name']} {_size(strip['field'])}" for strip in strips)
    words = (
        f"A photograph of {data['size']}×{data['size']} through {data['network']}, {data['weights']}"
        f"{'' if data['trained'] else f' ({NOTHING_YET})'}. {stage['name']}: {_channels(stage)} maps of {grid} cells from "
        f"{len(strips)} {'branches' if stage['join'] == 'stack' else 'part' if len(strips) == 1 else 'parts'}. One cell sees, in pixels: {fields}."
    )
    if data["end"] and "classes" in data["end"]:
        likeliest = data["end"]["classes"][0]
        words += (
            f" At its end, the likeliest class is {likeliest['name']}, {100 * likeliest['probability']:.3g} %: its class activation map of "
            f"{'×'.join(map(str, data['end']['grid']))} cells and its bias make the logit {likeliest['logit']:.3g}."
        )
    return words


def _size(field: Sequence[int] | None) -> str:
    return "×".join(map(str, field)) if field else "the whole image"


def _channels(stage: dict[str, Any]) -> int:
    counts: list[int] = [strip["channels"] for strip in stage["strips"]]
    return sum(counts) if stage["join"] == "stack" else counts[-1]


def _still(data: dict[str, Any], stage: dict[str, Any], maps: Sequence[np.ndarray], words: str) -> str:
    """The photograph with what the middle cell sees in each branch, a strip of maps for each, and the likeliest class's map."""
    side, left, top = 64, SIZE + 44.0, 22.0
    scale = SIZE / data["size"]
    photo = {"href": data["photo"], "width": SIZE, "height": SIZE}
    title = ["what one cell of", f"{stage['title']} sees"]
    if sum(map(len, title)) * BOLD < SIZE:
        title = [" ".join(title)]
    parts: list[Html] = [
        svg.text(16, 28 - 15 * place, line, anchor="start", font_weight="bold", font_size=13)
        for place, line in enumerate(reversed(title))
    ]
    frames: list[Html] = []
    for strip, of_strip in zip(stage["strips"], maps, strict=True):
        if strip["field"]:
            at = [
                start + length // 2 * step
                for start, length, step in zip(strip["start"], strip["grid"], strip["step"], strict=True)
            ]
            y, x, high, wide = (scale * length for length in (*at, *strip["field"]))
            frames.append(svg.rectangle(x, y, wide, high, fill="none", stroke=strip["color"], stroke_width=3))
        says = f"{strip['name']}: {strip['layers']}, {strip['channels']} channels, sees {_size(strip['field'])}"
        parts.append(svg.rectangle(left, top - 11, 12, 12, fill=strip["color"]))
        parts.append(svg.text(left + 18, top, says, anchor="start", font_size=12))
        parts.append(tag("image", href=_sprite(of_strip), x=left, y=top + 6, width=side * len(of_strip), height=side))
        top += side + 30
    # What a cell sees beyond the photograph is not drawn: there stand words.
    parts.append(tag("svg", tag("image", **photo), *frames, x=16, y=34, width=SIZE, height=SIZE))
    height = max(top, SIZE + 60)
    if data["end"] and "classes" in data["end"]:
        likeliest, (rows, columns) = data["end"]["classes"][0], data["end"]["grid"]
        most = max(abs(value) for row in likeliest["map"] for value in row) or 1
        says = f"where the logit {likeliest['logit']:.3g} of {likeliest['name']} comes from"
        parts.append(svg.text(16, height + 10, says, anchor="start", font_weight="bold", font_size=13))
        lines = [
            "orange speaks for the class, blue against it; the map's mean and the bias are the logit",
            f"the {len(likeliest['adds'])} of {data['end']['channels']} channels that add most to it:",
        ]
        if not data["trained"]:
            lines.insert(0, NOTHING_YET)
        for number, line in enumerate(lines):
            parts.append(svg.text(left, height + 32 + 20 * number, line, anchor="start", font_size=12))
        below = height + 20 + 20 * len(lines)
        parts.append(
            tag("image", href=likeliest["sprite"], x=left, y=below, width=side * len(likeliest["adds"]), height=side)
        )
        for number, value in enumerate(likeliest["adds"]):
            parts.append(
                svg.text(
                    left + side * (number + 0.5), below + side + 16, f"{value:+.3g}".replace("-", "−"), font_size=12
                )
            )
        parts.append(tag("image", **photo, x=16, y=height + 20))
        for row, line in enumerate(likeliest["map"]):
            for column, value in enumerate(line):
                parts.append(
                    svg.rectangle(
                        16 + SIZE * column / columns, height + 20 + SIZE * row / rows, SIZE / columns, SIZE / rows,
                        fill=VERMILION if value > 0 else BLUE, fill_opacity=round(0.8 * abs(value) / most, 2),
                    )
                )  # fmt: skip
        height += SIZE + 36
    width = left + side * SHOWN + 16
    return svg.sheet(*parts, words=words, width=width, height=height)
