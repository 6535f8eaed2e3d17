"""The pictures of lesson 00."""

import io
import shutil

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import nn

from labs.family_map import family_map, still
from utils.data.photo import photograph
from utils.show.plot import Picture, label, panels
from utils.show.touch import Touch
from utils.system.packages import needed
from utils.system.places import LESSONS

COVER = LESSONS / "start_here" / "cover.png"
MARK = "Description"  # of the cover's file: the picture in words, with its figures


def family_tree() -> Touch:
    """The networks of the course by time and error, and what each grew from: to point at, and to go into their lessons."""
    return family_map()


def cover() -> tuple[str, str]:
    """The picture on the course's first screen, which needs no code, as SVG text; and the same in words."""
    full = family_map(progress=False)
    title = "Inception, built by you: eleven lessons from one module to a network of your own design"
    return still(full.data["networks"], full.data["layouts"]["wide"], title), f"{title}. {full.words}"


def write_cover() -> None:
    """Draw the cover of the course anew: `python -m lessons.start_here.figures` after a network or a count has changed.

    Raises:
        Missing: Playwright is not installed, which has Chromium make pixels of it.
    """
    with needed("Drawing the cover"):
        from playwright.sync_api import sync_playwright
    picture, words = cover()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(device_scale_factor=1.5)
        page.set_content(picture)
        pixels = page.locator("svg").screenshot()
        browser.close()
    mark = PngInfo()
    mark.add_text(MARK, words)
    Image.open(io.BytesIO(pixels)).convert("RGB").quantize(128).save(COVER, pnginfo=mark, optimize=True)


def first_filters(net: nn.Module, count: int = 6) -> Picture:
    """The first convolution's filters of a trained network for grey images, and what they do to a photograph."""
    conv = next(module for module in net.modules() if isinstance(module, nn.Conv2d))
    photo = torch.tensor(photograph("china", 200)).float().mean(dim=2)
    scaled = (photo - photo.mean()) / photo.std()
    with torch.no_grad():
        views = nn.functional.conv2d(scaled[None, None], conv.weight[:count].cpu(), padding=conv.padding)[0]
    figure, axes = panels(
        count + 1, "Six first filters, and what each of them lets through",
        width=1.4 * (count + 1), height=3.3, rows=2,
    )  # fmt: skip
    reach = conv.weight.abs().max().item()
    axes[0][0].axis("off")
    axes[1][0].imshow(photo, cmap="gray")
    label(axes[1][0], title="photograph")
    for number in range(count):
        weights = conv.weight[number, 0].detach().cpu().numpy()
        axes[0][number + 1].imshow(weights, cmap="PuOr", vmin=-reach, vmax=reach)
        label(axes[0][number + 1], title=f"filter {number + 1}")
        axes[1][number + 1].imshow(np.maximum(views[number].numpy(), 0), cmap="gray")
        label(axes[1][number + 1], title="after ReLU")
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    return Picture(
        figure, f"{count} learned filters of {weights.shape[0]} by {weights.shape[1]} and a photograph after each."
    )


if __name__ == "__main__":
    write_cover()
