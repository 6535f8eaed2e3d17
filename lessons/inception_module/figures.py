"""The pictures of lesson 01."""

import numpy as np
import torch
from matplotlib.patches import Rectangle
from PIL import Image
from torch import nn

from networks.googlenet import InceptionModule, Widths
from utils.data.photo import photograph
from utils.show import colors
from utils.show.plot import Picture, image_row, label, panels

GRID = 28  # the grid of modules 3a and 3b


def three_distances() -> Picture:
    """One flower near, further and far, each on a 28 x 28 grid, with windows of 1, 3 and 5 cells on its middle."""
    near = photograph("flower")[72:372, 158:458]
    figure, axes = panels(3, "The same flower needs another window at every distance", width=8.4, height=3.1)
    for axis, (name, share) in zip(axes, (("near", 1.0), ("further", 0.45), ("far", 0.2)), strict=True):
        side = round(GRID * share)
        canvas = np.empty((GRID, GRID, 3), dtype=np.uint8)
        canvas[:] = np.median(near[:40, :40].reshape(-1, 3), axis=0)
        start = (GRID - side) // 2
        small = Image.fromarray(near).resize((side, side), Image.Resampling.BOX)
        canvas[start : start + side, start : start + side] = np.asarray(small)
        axis.imshow(canvas, interpolation="nearest")
        for window, branch in ((1, "pointwise"), (3, "three"), (5, "five")):
            corner = GRID / 2 - window / 2 - 0.5
            axis.add_patch(
                Rectangle(
                    (corner, corner), window, window, fill=False, linewidth=2, edgecolor=colors.branch_color(branch)
                )
            )
        axis.set(xticks=[], yticks=[])
        label(axis, title=f"{name}: about {round(side * 0.88)} cells across")
    handles = [
        Rectangle((0, 0), 1, 1, fill=False, linewidth=2, edgecolor=colors.branch_color(branch))
        for branch in ("pointwise", "three", "five")
    ]
    figure.legend(handles, ["1×1", "3×3", "5×5"], loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return Picture(
        figure,
        "A flower near, further and far on a grid of 28 by 28 cells. The 5 by 5 window covers a few petals of the near "
        "one and the whole of the far one.",
    )


def views_of_a_photograph() -> Picture:
    """One module with a filter set by hand in each branch, on a grey photograph: four views of one grid."""
    module = InceptionModule(1, Widths(1, 1, 1, 1, 1, 1))
    laplace = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])
    inner = torch.zeros(5, 5)
    inner[1:4, 1:4] = 1 / 9
    outer = torch.full((5, 5), 1 / 16)
    outer[1:4, 1:4] = 0
    by_hand = {1: torch.ones(1, 1), 3: laplace, 5: inner - outer}
    with torch.no_grad():
        for conv in module.modules():
            if isinstance(conv, nn.Conv2d):
                conv.weight.copy_(by_hand[conv.kernel_size[0]])
                conv.bias.zero_()
        gray = torch.tensor(photograph("china", 160)).float().mean(dim=2) / 255
        views = module(gray[None, None])[0].numpy()
    names = ("1×1: as it came", "3×3: fine edges", "5×5: coarser spots", "pool: the brightest near by")
    return image_row(
        {"input": gray.numpy(), **dict(zip(names, views, strict=True))},
        "Four views of one grid, of the same size, so that they can be stacked",
    )
