"""One block for the whole course: every choice that its networks make, as a plain argument.

Each network has its blocks where its lesson builds them, written as its paper draws them. `AnyBlock` is for comparing:
two of its settings differ in what they name, and in nothing else.
"""

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from networks.layers import Branches, ConvBNAct, ConvReLU, HalvingMaxPool, average_pool, padding_of, require_positive

Window = tuple[int, int]

BRANCHES = ("pointwise", "three", "narrow", "five", "pool")  # from left to right, and so in the concatenation
POOLS = ("none", "max", "average")
FORMS = ("whole", "threes", "factors", "factors, three", "turned factors, three", "factors twice")
THREE_FORMS = ("whole", "factors")
WINDOWS = (3, 5, 7)
EACH = "one a channel"
RELUS = ("after each", "linear between windows", "before each", "before all but the first")
INSIDES = ("nothing", "ReLU", "BN", "BN and ReLU")
HALVINGS = ("none", "stride", "pool")
PADDINGS = ("same", "valid")
JOINS = ("concatenation", "residual", "skip")


def windows(form: str, window: int) -> tuple[Window, ...]:
    """The windows, one after another, that look at n × n places in this form.

    >>> windows("factors", 7)
    ((1, 7), (7, 1))
    """
    wide, tall, three = (1, window), (window, 1), (3, 3)
    return {
        "whole": ((window, window),),
        "threes": (three,) * (window // 2),
        "factors": (wide, tall),
        "factors, three": (wide, tall, three),
        "turned factors, three": (tall, wide, three),
        "factors twice": (tall, wide) * 2,
    }[form]


class AnyBlock(nn.Module):
    """One block of any network of the course, built from plain settings.

    (N, in_channels, H, W) -> (N, C, H', W'). A branch with a width of 0 is left out; the defaults have none at all.

    Args:
        in_channels: channels of the grid that comes in.
        pointwise: output channels of the 1 × 1 branch.
        three_reduce, three: the branch with one window, 3 × 3 in GoogLeNet: channels of the 1 × 1 before it (0: there
            is none), and its output channels.
        three_form, three_window: what that window is, one of `THREE_FORMS` with n one of `WINDOWS`.
        three_between: output channels of each of its windows but the last.
        narrow_reduce, narrow: a second branch with one 3 × 3 (Inception-ResNet's reduction B).
        five_reduce, five, five_form, five_window, five_between: the branch that looks furthest, 5 × 5 in GoogLeNet;
            its form is one of `FORMS`.
        pool_kind, pool: which 3 × 3 pool the last branch has, if any, and the channels of the 1 × 1 behind it (0: the
            pool passes its channels on).
        expanded: the last window of `three` and of `five` is 1 × n beside n × 1, each of the full width: the expanded
            filter banks of "Rethinking" (figure 7).
        norm: batch normalisation behind each convolution, which then has no bias.
        relu: where the activations stand, one of `RELUS`.
        groups: into how many groups, blind to each other, the channels of each window are divided; `EACH` is one a
            channel. A window with groups keeps its channels, and a 1 × 1 behind it mixes them: with `EACH`, the two are
            the separable convolution of Xception.
        inside: what stands between such a window and its 1 × 1, one of `INSIDES`.
        halving: how the grid is halved, one of `HALVINGS`: by the stride of the last window of each branch, or by a
            pool at its end.
        padding: that of the last window of each branch: "same", or "valid", as in the reductions since Inception-v2.
        join: "concatenation"; "residual": x + scale · (a 1 × 1 of the concatenation), Inception-ResNet; "skip": scale ·
            the concatenation + x, Xception, where x goes through a 1 × 1 if the shapes differ.
        scale: the factor before the sum.
        sum_relu: whether a ReLU follows the sum.

    Raises:
        ValueError: settings that cannot be, or, in `forward`, branches that end on different grids.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        pointwise: int = 0,
        three_reduce: int = 0,
        three: int = 0,
        three_form: str = "whole",
        three_window: int = 3,
        three_between: tuple[int, ...] = (),
        narrow_reduce: int = 0,
        narrow: int = 0,
        five_reduce: int = 0,
        five: int = 0,
        five_form: str = "whole",
        five_window: int = 5,
        five_between: tuple[int, ...] = (),
        pool_kind: str = "none",
        pool: int = 0,
        expanded: bool = False,
        norm: bool = False,
        relu: str = "after each",
        groups: int | str = 1,
        inside: str = "nothing",
        halving: str = "none",
        padding: str = "same",
        join: str = "concatenation",
        scale: float = 1.0,
        sum_relu: bool = True,
    ):
        super().__init__()
        widths = {
            "pointwise": pointwise, "three_reduce": three_reduce, "three": three, "narrow_reduce": narrow_reduce,
            "narrow": narrow, "five_reduce": five_reduce, "five": five, "pool": pool,
        }  # fmt: skip
        require_positive(in_channels=in_channels)
        require_positive(**{name: width for name, width in widths.items() if width != 0 or isinstance(width, bool)})
        _require_one_of(
            three_form=(three_form, THREE_FORMS), three_window=(three_window, WINDOWS), five_form=(five_form, FORMS),
            five_window=(five_window, WINDOWS), pool_kind=(pool_kind, POOLS), relu=(relu, RELUS),
            inside=(inside, INSIDES), halving=(halving, HALVINGS), padding=(padding, PADDINGS), join=(join, JOINS),
        )  # fmt: skip
        _require_flags(expanded=expanded, norm=norm, sum_relu=sum_relu)
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not 0 <= scale <= 1:
            raise ValueError(f"scale is {scale!r}; it must be a number from 0 to 1.")
        if groups != EACH:
            require_positive(groups=groups)
        if not (pointwise or three or narrow or five or pool_kind != "none"):
            raise ValueError("A block needs at least one branch: with all of them off there is nothing to concatenate.")
        self.norm, self.relu, self.groups, self.inside = norm, relu, groups, inside
        self.halving, self.padding, self.expanded = halving, padding, expanded

        if pointwise:
            self.pointwise = self._chain("1×1", in_channels, (pointwise,), ((1, 1),), reduce=0)
        for name, reduce, width, form, window, between in (
            ("three", three_reduce, three, three_form, three_window, three_between),
            ("narrow", narrow_reduce, narrow, "whole", 3, ()),
            ("five", five_reduce, five, five_form, five_window, five_between),
        ):
            if width:
                steps = windows(form, window)
                if not isinstance(between, tuple | list) or len(between) != len(steps) - 1:
                    raise ValueError(
                        f"{name}_between is {between!r}; between the {len(steps)} windows of this branch there must be "
                        f"{len(steps) - 1} widths."
                    )
                require_positive(**{f"{name}_between[{place}]": each for place, each in enumerate(between)})
                branch = self._chain(name, in_channels, (*between, width), steps, reduce=reduce)
                self.add_module(name, branch)
        if pool_kind != "none":
            self.pool = self._pool_branch(pool_kind, in_channels, pool)

        forks = 2 if expanded else 1
        self.width = pointwise + forks * three + narrow + forks * five
        self.width += (pool or in_channels) if pool_kind != "none" else 0
        self.join, self.scale = join, scale
        self.out_channels = in_channels if join == "residual" else self.width
        halves = halving != "none"
        if join == "residual":
            if halves or padding == "valid":
                raise ValueError(
                    "x can be added only to a grid of its own size, and here the branches make it smaller. Keep the "
                    'grid (halving "none", padding "same"), or join by concatenation.'
                )
            self.up = nn.Conv2d(self.width, in_channels, kernel_size=1)
        if join == "skip":
            if padding == "valid":
                raise ValueError(
                    'With "valid" padding the branches lose their border, and the way around them does not: the two '
                    'cannot be added. Use "same" padding, or join by concatenation.'
                )
            self.skip = self._skip(in_channels, stride=2 if halves else 1)
        if join != "concatenation":
            self.activation = nn.ReLU() if sum_relu else nn.Identity()

    def _chain(
        self, name: str, in_channels: int, widths: tuple[int, ...], steps: tuple[Window, ...], *, reduce: int
    ) -> nn.Sequential:
        """A branch: the 1 × 1 that reduces, the windows, and what halves the grid."""
        layers: list[nn.Module] = []
        if reduce:
            layers += self._conv(in_channels, reduce, (1, 1), is_first=True)
            in_channels = reduce
        stride = 2 if self.halving == "stride" else 1
        for number, (width, step) in enumerate(zip(widths, steps, strict=True), start=1):
            is_last = number == len(steps)
            end = {"stride": stride, "padding": self.padding} if is_last else {}
            options = {"is_first": not layers, "is_before_window": not is_last, **end}
            if is_last and self.expanded and step != (1, 1) and name != "narrow":
                layers.append(self._fork(in_channels, width, step, **options))
            else:
                layers += self._conv(in_channels, width, step, **options)
            in_channels = width
        if self.halving == "pool":
            layers.append(_pool("max", halves=True, padding=self.padding))
        return nn.Sequential(*layers)

    def _conv(
        self,
        in_channels: int,
        out_channels: int,
        window: Window,
        *,
        stride: int = 1,
        padding: str = "same",
        is_first: bool = False,
        is_before_window: bool = False,
    ) -> list[nn.Module]:
        """One convolution with its normalisation and activation, as the layers of a branch."""
        opens = self.relu == "before each" or (self.relu == "before all but the first" and not is_first)
        closes = self.relu == "after each" or (self.relu == "linear between windows" and not is_before_window)
        options = {"kernel_size": window, "stride": stride, "padding": padding}
        if self.groups != 1 and window != (1, 1):
            conv = self._grouped(in_channels, out_channels, closes=closes, **options)
        elif self.norm:
            conv = ConvBNAct(in_channels, out_channels, activation=nn.ReLU if closes else None, **options)
        elif closes:
            conv = ConvReLU(in_channels, out_channels, **options)
        else:
            conv = nn.Conv2d(in_channels, out_channels, window, stride=stride, padding=padding_of(padding, window))
        return [nn.ReLU(), conv] if opens else [conv]

    def _grouped(
        self, in_channels: int, out_channels: int, *, kernel_size: Window, stride: int, padding: str, closes: bool
    ) -> nn.Module:
        """A window with groups, and the 1 × 1 that mixes its channels."""
        groups = in_channels if self.groups == EACH else self.groups
        if in_channels % groups:
            fitting = [str(each) for each in range(1, min(in_channels, 64) + 1) if in_channels % each == 0]
            raise ValueError(
                f"A window here reads {in_channels} channels, which cannot be divided into {groups} equal groups. "
                f"These numbers of groups can be: {', '.join(fitting)}, or {EACH}."
            )
        layers = OrderedDict()
        layers["window"] = nn.Conv2d(
            in_channels,
            in_channels,
            kernel_size,
            stride=stride,
            padding=padding_of(padding, kernel_size),
            groups=groups,
            bias=False,
        )
        if "BN" in self.inside:
            layers["inner_norm"] = nn.BatchNorm2d(in_channels, eps=1e-3)
        if "ReLU" in self.inside:
            layers["inner_activation"] = nn.ReLU()
        layers["pointwise"] = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=not self.norm)
        if self.norm:
            layers["norm"] = nn.BatchNorm2d(out_channels, eps=1e-3)
        if closes:
            layers["activation"] = nn.ReLU()
        return SeparableLayer(layers) if groups == in_channels else nn.Sequential(layers)

    def _fork(self, in_channels: int, width: int, window: Window, *, padding: str, **options) -> nn.Module:
        """1 × n beside n × 1 in the place of n × n."""
        height, across = window
        if height != across:
            raise ValueError(
                "An expanded filter bank stands in the place of a square window, and one branch ends in "
                f"{height}×{across}. Choose a form that ends in n×n or 3×3, or no expansion."
            )
        if padding == "valid":
            raise ValueError(
                'Without padding 1×n and n×1 end on different grids, and cannot be concatenated. Use "same" padding, '
                "or no expansion."
            )
        return Fork(
            wide=nn.Sequential(*self._conv(in_channels, width, (1, across), **options)),
            tall=nn.Sequential(*self._conv(in_channels, width, (height, 1), **options)),
        )

    def _pool_branch(self, kind: str, in_channels: int, width: int) -> nn.Module:
        pool = _pool(kind, halves=self.halving != "none", padding=self.padding)
        return nn.Sequential(pool, *self._conv(in_channels, width, (1, 1), is_first=True)) if width else pool

    def _skip(self, in_channels: int, *, stride: int) -> nn.Module:
        """The way around the branches: the identity where the shapes agree."""
        if stride == 1 and in_channels == self.width:
            return nn.Identity()
        if self.norm:
            return ConvBNAct(in_channels, self.width, kernel_size=1, stride=stride, activation=None)
        return nn.Conv2d(in_channels, self.width, kernel_size=1, stride=stride)

    @property
    def branches(self) -> dict[str, nn.Module]:
        """The branches by name, from left to right."""
        children = dict(self.named_children())
        return {name: children[name] for name in BRANCHES if name in children}

    def forward(self, x: Tensor) -> Tensor:
        views = {name: branch(x) for name, branch in self.branches.items()}
        _require_one_grid(views)
        joined = torch.cat(list(views.values()), dim=1) if len(views) > 1 else next(iter(views.values()))
        if self.join == "concatenation":
            return joined
        if self.join == "residual":
            joined = self.up(joined)
        around = self.skip(x) if self.join == "skip" else x
        return self.activation(around + (joined if self.scale == 1 else self.scale * joined))


class Fork(Branches):
    """1 × n and n × 1 on the same grid, side by side.

    (N, in_channels, H, W) -> (N, 2 width, H', W')
    """

    def __init__(self, *, wide: nn.Module, tall: nn.Module):
        super().__init__()
        self.wide, self.tall = wide, tall


class SeparableLayer(nn.Sequential):
    """A depthwise convolution and its 1 × 1, with what stands between and behind them: one box in a diagram."""


def _pool(kind: str, *, halves: bool, padding: str) -> nn.Module:
    """The 3 × 3 pool whose result fits beside that of a 3 × 3 convolution with this stride and padding."""
    if padding == "valid":
        return (nn.MaxPool2d if kind == "max" else nn.AvgPool2d)(3, stride=2 if halves else 1)
    if kind == "max":
        return HalvingMaxPool() if halves else nn.MaxPool2d(3, stride=1, padding=1)
    return nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False) if halves else average_pool()


def _require_one_of(**given: tuple[object, tuple]) -> None:
    for name, (value, allowed) in given.items():
        if isinstance(value, bool) or value not in allowed:
            raise ValueError(f"{name} is {value!r}; it can be {', '.join(map(repr, allowed))}.")


def _require_flags(**given: object) -> None:
    for name, value in given.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}; it can be True or False.")


def _require_one_grid(views: Mapping[str, Tensor]) -> None:
    grids = {name: tuple(view.shape[-2:]) for name, view in views.items()}
    for (first, one), (second, other) in pairwise(grids.items()):
        if one != other:
            raise ValueError(
                f"Branch {first} ends on a grid of {one[0]}×{one[1]}, branch {second} on {other[0]}×{other[1]}, and "
                'different grids cannot be concatenated. "valid" padding needs branches that all end in the same window.'
            )
