"""What lesson 07 answers to its exercises."""

import re
from collections.abc import Callable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lessons.residual_scaling import ensemble_gain
from networks.inception_resnet_v1 import InceptionResNetA, ResidualWidths
from networks.layers import ConvBNAct
from utils.feedback.answers import close, expect
from utils.feedback.exercises import Feedback, Unexplained, Wrong
from utils.feedback.functions import Case, number, same_function, tensor
from utils.feedback.modules import build, layers_of, same_module, settle

feedback = Feedback("residual_scaling", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


def residual(x: Tensor, f) -> Tensor:
    """x + f(x): what f finds is added to what is there. The shapes of x and f(x) must agree."""
    return x + f(x)


@feedback.exercise(
    "7.1",
    title="a residual connection",
    difficulty="worked",
    minutes=2,
    hints=(
        "Two things are added: what came in, and what f makes of it.",
        "`x` itself must stay as it is: others may read it, too. So `+`, and not `+=`.",
        "`return x + f(x)`",
    ),
    reference=residual,
)
def residual_connection(answer: Any) -> str:
    draws = torch.Generator().manual_seed(0)

    def case(shape: tuple[int, ...], text: str, f: Callable[[Tensor], Tensor]) -> Case:
        return Case((torch.randn(shape, generator=draws), f), text)

    slips = {
        "That is f(x) alone: x has to be added.": lambda x, f: f(x),
        "That is x as it came: f(x) has to be added.": lambda x, f: x,
        "The two are multiplied; they are added.": lambda x, f: x * f(x),
        "f(x) is taken away; it is added.": lambda x, f: x - f(x),
        "x is taken away; it is added.": lambda x, f: f(x) - x,
        "x comes in twice.": lambda x, f: 2 * x + f(x),
        "f(x) comes in twice, and x not at all.": lambda x, f: 2 * f(x),
        "f(x) comes in twice.": lambda x, f: x + 2 * f(x),
        "f is applied twice: once is enough.": lambda x, f: x + f(f(x)),
        "f reads x alone; you hand it the sum.": lambda x, f: f(x + f(x)),
        "f reads x alone, and x is added behind it; you hand f its double.": lambda x, f: f(x + x),
        "There is no ReLU in it.": (lambda x, f: (x + f(x)).relu(), lambda x, f: x + f(x).relu(), lambda x, f: x.relu() + f(x)),
        "That is the mean of the two; their sum is asked.": lambda x, f: (x + f(x)) / 2,
        "The two are concatenated; they are added.": lambda x, f: torch.cat([x, f(x)], dim=1),
    }  # fmt: skip
    cases = (
        case((2, 3), "f = the square of x", lambda x: x.square()),
        case((2, 4, 5, 5), "f = a constant", lambda x: torch.full_like(x, -0.7)),
        case((3, 6), "f = a ReLU", lambda x: x.relu()),
        case((4, 4), "f = x times x, as matrices", lambda x: x @ x),
        case((2, 3), "f = 0", torch.zeros_like),
    )
    same_function(answer, residual, cases, result=tensor(), slips=slips)
    for each in cases:
        _both_ways_back(answer, *each.arguments, each.text)
    return "Where f gives 0, nothing changes. That is the point of it."


def _both_ways_back(answer, x: Tensor, f, name: str) -> None:
    """Raise `Wrong` where the gradient does not come back to x on both ways, past f and through it."""
    mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    total = (theirs + f(theirs)) * weights
    (want,) = torch.autograd.grad(total.sum(), theirs)
    result = answer(mine, f) * weights
    got = torch.autograd.grad(result.sum(), mine, allow_unused=True)[0] if result.requires_grad else None
    got = torch.zeros_like(x) if got is None else got
    slips = {
        "It comes back through f alone: the way past f, along x itself, is cut off.": want - weights,
        "It comes back past f alone: the way through f is cut off.": weights,
        "None comes back.": torch.zeros_like(x),
    }
    expect(got, want, f"For {name} the values are right, and the gradient that comes back to x is not.", slips)


def channels_after_of(in_channels: int, branches: Sequence[Sequence[int]]) -> int:
    """Channels behind a reduction: the last width of each branch of convolutions, and the pool, which passes on what came in."""
    return in_channels + sum(branch[-1] for branch in branches)


@feedback.exercise(
    "7.2",
    title="channels that reach the sum",
    difficulty="warm-up",
    minutes=4,
    hints=(
        "What does each branch hand to the concatenation? Only its last convolution counts.",
        "The pool has no convolution: it hands on as many channels as came in.",
        "`return in_channels + sum(branch[-1] for branch in branches)`",
    ),
    reference=channels_after_of,
)
def channels_after(answer: Any) -> str:
    slips = {
        "The pool is missing: it passes its channels on.": lambda in_channels, branches: sum(b[-1] for b in branches),
        "All convolutions are counted: of each branch only the last one reaches the concatenation.": (
            lambda in_channels, branches: in_channels + sum(map(sum, branches))
        ),
        "Without the pool, and with all convolutions: count what reaches the concatenation.": (
            lambda in_channels, branches: sum(map(sum, branches))
        ),
        "You take the first convolution of each branch; the last one reaches the concatenation.": (
            lambda in_channels, branches: in_channels + sum(branch[0] for branch in branches)
        ),
        "You take the widest convolution of each branch; the last one reaches the concatenation.": (
            lambda in_channels, branches: in_channels + sum(map(max, branches))
        ),
        "The widest branch alone? They are concatenated, so all of them count.": (
            lambda in_channels, branches: max(branch[-1] for branch in branches)
        ),
        "The pool and the widest branch alone? They are concatenated, so all of them count.": (
            lambda in_channels, branches: in_channels + max(branch[-1] for branch in branches)
        ),
        "Only the last branch is counted beside the pool; all of them are concatenated.": (
            lambda in_channels, branches: in_channels + branches[-1][-1]
        ),
        "Only the first branch is counted. Does the `return` stand inside of the loop?": (
            lambda in_channels, branches: in_channels + branches[0][-1]
        ),
        "There is one pool: its channels come in once, not once a branch.": (
            lambda in_channels, branches: sum(in_channels + branch[-1] for branch in branches)
        ),
        "The branches that put out as many channels all count: a set or a dictionary keeps one of them.": (
            lambda in_channels, branches: in_channels + sum({branch[-1] for branch in branches})
        ),
        "Those are the branches; their channels are asked.": lambda in_channels, branches: in_channels + len(branches),
    }
    cases = (
        (20, [[3], [4, 5, 9], [6, 7]]),
        (256, [[384], [192, 192, 256]]),
        (8, [[2, 5], [3, 4], [6, 2, 9]]),
        (6, [[9, 4, 7], [7], [1, 7]]),
        (5, ((3, 1),)),
        (7, []),
    )
    said = "For {} you find {} channels; {} are expected.".format
    same_function(answer, channels_after_of, cases, result=number(whole=True), slips=slips, said=said)
    return "So many channels come to the blocks behind it, and so many must be added to them."


class ScaledResidual(nn.Module):
    """x + scale * expansion(branches of x), then ReLU; the expansion is a linear 1 x 1 with a bias. (N, C, H, W) -> the same"""

    def __init__(self, in_channels: int, branches: Sequence[nn.Module], concatenated: int, scale: float):
        super().__init__()
        self.parts = nn.ModuleList(branches)
        self.up = nn.Conv2d(concatenated, in_channels, kernel_size=1)
        self.scale = scale

    def branches(self) -> nn.ModuleList:
        """The modules that see the input side by side."""
        return self.parts

    def forward(self, x: Tensor) -> Tensor:
        residual = self.up(torch.cat([branch(x) for branch in self.parts], dim=1))
        return (x + self.scale * residual).relu()


_SUM = {
    "No ReLU follows the sum.": lambda x, r, s: x + s * r,
    "A ReLU stands in front of the sum: the expansion is linear, and the ReLU comes after the sum.": lambda x, r, s: (
        x + s * r.relu()
    ).relu(),
    "The ReLU stands in front of the sum and not behind it.": lambda x, r, s: x + s * r.relu(),
    "The scale is missing.": lambda x, r, s: (x + r).relu(),
    "The scale multiplies the whole sum: it multiplies the residual alone.": lambda x, r, s: (s * (x + r)).relu(),
    "The scale multiplies the input: it multiplies the residual.": lambda x, r, s: (s * x + r).relu(),
    "The input is given the rest, 1 − scale; it comes into the sum whole.": lambda x, r, s: (
        (1 - s) * x + s * r
    ).relu(),
    "The input is not added.": lambda x, r, s: (s * r).relu(),
    "The input is not added, and the scale is missing.": lambda x, r, s: r.relu(),
    "The residual is divided by the scale.": lambda x, r, s: (x + r / s).relu(),
    "The residual is scaled twice.": lambda x, r, s: (x + s * s * r).relu(),
    "The residual is taken away; it is added.": lambda x, r, s: (x - s * r).relu(),
    "The ReLU is that of the input alone: it comes after the sum.": lambda x, r, s: x.relu() + s * r,
    "The scale is 0.17, whatever number is handed over.": lambda x, r, _s: (x + 0.17 * r).relu(),
    "The scale is 0.1, whatever number is handed over.": lambda x, r, _s: (x + 0.1 * r).relu(),
}


def _same_residual(mine: nn.Module, reference: nn.Module, shape: tuple[int, int, int]) -> None:
    """`same_module`, with the words for slips around a sum: at its first difference in values, weights are equal already."""
    settle(mine, shape)
    own = [part for part in mine.modules() if not type(part).__module__.startswith("torch.")]
    if any(parameter.numel() == 1 for part in own for parameter in part.parameters(recurse=False)):
        raise Wrong("The scale is a constant, and yours is a parameter, which training changes: `self.scale = scale`.")
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
    try:
        same_module(mine, reference, shape)
    except Wrong as wrong:
        if "the values are not" not in str(wrong):
            said = _about_layers(str(wrong), mine, reference)
            raise (type(wrong) if said == str(wrong) else Unexplained)(said) from None
        with torch.no_grad():
            said = _about_sum(mine.eval()(images), images, reference.eval())
            raise (Unexplained(said) if said else wrong) from None


def _about_sum(got: Tensor, x: Tensor, reference: nn.Module) -> str:
    """What is wrong, from the values of a module whose layers and weights are the reference's; "" for no slip that is known."""
    intro = "Shapes and parameters are right, the values are not: "
    if close(got, reference(x)):
        return ""  # it is wrong elsewhere: for larger values, or in training
    outputs, s = [branch(x) for branch in reference.branches()], reference.scale
    bias = reference.up.bias[:, None, None]
    for order in permutations(range(len(outputs))):
        r = reference.up(torch.cat([outputs[place] for place in order], dim=1))
        if order == tuple(range(len(outputs))):
            for words, slip in _SUM.items():
                if close(got, slip(x, r, s)):
                    return intro + words[0].lower() + words[1:]
            if close(got, (x + s * (r - bias) + bias).relu()):
                return f"{intro}the scale stands in front of the expansion, so that its bias is not scaled."
        elif close(got, (x + s * r).relu()):
            return (
                f"{intro}the branches are concatenated in another order than asked, and public weights would not fit."
            )
    if close(got, (x + s * reference.up(torch.cat(outputs, dim=1).relu())).relu()):
        return (
            f"{intro}a ReLU stands behind the concatenation; the expansion reads what the branches put out, as it is."
        )
    if close(got, reference(x.relu())):
        return f"{intro}a ReLU stands in front of everything: the branches and the sum read the input as it is."
    return ""


def _about_layers(text: str, mine: nn.Module, reference: nn.Module) -> str:
    """The sentence of `same_module`, in the words of this block where it can be said more plainly."""
    channels, concatenated = reference.up.out_channels, reference.up.in_channels
    made = re.search(r"weight of size \[(\d+), (\d+), \d+, \d+\].* but got (\d+) channels", text)
    sizes = re.search(
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension 1", text
    )
    if made:
        out, expects, gets = map(int, made.groups())
        if (out, expects, gets) == (concatenated, channels, concatenated):
            return f"Your expansion reads {channels} channels and puts out {concatenated}: the two are swapped."
        if out == channels and gets == concatenated:
            if expects == channels:
                return f"Your expansion is made for {expects} channels, as many as come in; {gets} reach it, those that are concatenated."
            of_all = sum(each.out_channels for each in layers_of(reference, nn.Conv2d)) - channels
            why = ": of each branch only the last convolution is concatenated" if expects == of_all else ""
            return f"Your expansion is made for {expects} channels, and {gets} reach it{why}."
        if expects == channels:
            return (
                f"A layer of your branches gets {gets} channels and is made for {expects}, as many as come in: each branch begins "
                "with x itself, not with what another branch puts out."
            )
    if sizes and str(channels) in sizes.groups():
        other = next(size for size in sizes.groups() if size != str(channels))
        return (
            f"{channels} channels come in, and {other} are to be added to them: the expansion must put out {channels}."
        )
    if sizes:
        return "The branches have different widths and cannot be added: concatenate them. The sum comes after the expansion."
    if "batch norm" in text and not layers_of(mine, nn.BatchNorm2d):
        return "No convolution of your branches is normalised. Write each of them as `ConvBNAct(...)`; the expansion stays without."
    if "batch norm" in text and "Too many" in text:
        text += " Nothing is normalised behind the expansion or on the sum."
    elif f"to {channels} channels without bias" in text:
        text += " The expansion has a bias, as no normalisation follows it; the branches' convolutions have none."
    return text


def _branches(channels: int, widths: Sequence[int]) -> list[nn.Module]:
    """Branches of different kinds: a linear 1 x 1, and a 1 x 1 with a 3 x 3 for each further width."""
    first, *others = widths
    made: list[nn.Module] = [ConvBNAct(channels, first, kernel_size=1, activation=None)]
    for width in others:
        made.append(nn.Sequential(ConvBNAct(channels, 2, kernel_size=1), ConvBNAct(2, width, kernel_size=3)))
    return made


@feedback.exercise(
    "7.3",
    title="expansion, scale, sum",
    difficulty="medium",
    minutes=8,
    hints=(
        "Make the parts in `__init__`: the branches in an `nn.ModuleList`, and one 1×1 convolution. Then four steps in `forward`.",
        "Concatenate what the branches make of x, expand it with the 1×1, multiply by the scale, add x, and only then take the ReLU.",
        "`residual = self.expansion(torch.cat([branch(x) for branch in self.branches], dim=1))`, then "
        "`return torch.relu(x + self.scale * residual)`. The expansion is `nn.Conv2d(concatenated, in_channels, 1)`.",
    ),
    reference=ScaledResidual,
)
def scaled_residual(answer: Any) -> str:
    for channels, widths, scale, grid in ((7, (3, 2), 0.3, (6, 5)), (5, (2, 4, 3), 0.6, (4, 7))):
        mine = build(answer, channels, _branches(channels, widths), sum(widths), scale)
        reference = ScaledResidual(channels, _branches(channels, widths), sum(widths), scale)
        _same_residual(mine, reference, (channels, *grid))
    return "That is figure 20 of the paper: any branches, a linear expansion, a scale, a sum."


@feedback.exercise(
    "7.4",
    title="Inception-ResNet-A",
    difficulty="hard",
    minutes=12,
    hints=(
        "Three branches, then the expansion, the scale and the sum of 7.3. How many channels come out of the three together?",
        "The branches are 1×1; 1×1 and 3×3; 1×1, 3×3 and 3×3. Each `ConvBNAct` reads what the one before puts out, the first the input.",
        "`a, b, c = widths.stacked`, then `nn.Sequential(ConvBNAct(in_channels, a, kernel_size=1), ConvBNAct(a, b, kernel_size=3), "
        "ConvBNAct(b, c, kernel_size=3))`. Concatenated they have `widths.pointwise + widths.single[-1] + widths.stacked[-1]` channels.",
    ),
    reference=InceptionResNetA,
)
def inception_resnet_a(answer: Any) -> str:
    cases = (
        (9, ResidualWidths(pointwise=3, single=(2, 4), stacked=(3, 5, 6)), 0.4, (7, 6)),
        (6, ResidualWidths(pointwise=2, single=(5, 3), stacked=(4, 2, 5)), 0.17, (5, 5)),
    )
    for channels, widths, scale, grid in cases:
        mine = build(answer, channels, widths, scale=scale)
        _same_residual(mine, InceptionResNetA(channels, widths, scale=scale), (channels, *grid))
    try:
        _same_residual(build(answer, channels, widths), InceptionResNetA(channels, widths), (channels, *grid))
    except Wrong as wrong:
        raise type(wrong)(f"Where no scale is handed over, it is 0.17: keep `scale=0.17`. {wrong}") from None
    return "It computes what the first blocks of Inception-ResNet do: v1's and v2's differ in widths only."


def size_after_of(blocks: int, scale: float, normalised: bool) -> float:
    """The root of the mean square after so many blocks that add independent residuals, from a size of 1."""
    return (1 + blocks * scale**2) ** 0.5 if normalised else (1 + scale**2) ** (blocks / 2)


@feedback.exercise(
    "7.5",
    title="how large activations become",
    difficulty="medium",
    minutes=8,
    hints=(
        "Follow the mean square, not the size: independent things add in their squares. What does one block add to it?",
        "Normalised: each block adds scale² × 1. Not normalised: each block adds scale² times what is there, so it multiplies by "
        "1 + scale². The size is the root.",
        "`square = 1 + blocks * scale**2 if normalised else (1 + scale**2) ** blocks`, then `return square**0.5`",
    ),
    reference=size_after_of,
)
def size_after(answer: Any) -> str:
    def following(normalised_adds: Callable[[float], float], other_times: Callable[[float], float]) -> Callable:
        """`size_after_of` from what a normalised block adds to the mean square, and by what another multiplies it."""

        def size(blocks: int, scale: float, normalised: bool) -> float:
            return (1 + blocks * normalised_adds(scale) if normalised else other_times(scale) ** blocks) ** 0.5

        return size

    def blocks_more(more: int) -> Callable:
        return lambda blocks, scale, normalised: size_after_of(blocks + more, scale, normalised)

    def rounded(digits: int) -> Callable:
        return lambda blocks, scale, normalised: round(size_after_of(blocks, scale, normalised), digits)

    slips = {
        "The two cases have changed places.": lambda blocks, scale, normalised: size_after_of(
            blocks, scale, not normalised
        ),
        "Both cases give the same: they differ.": (
            lambda blocks, scale, normalised: size_after_of(blocks, scale, True),
            lambda blocks, scale, normalised: size_after_of(blocks, scale, False),
        ),
        "That is the mean square: the size is its root.": lambda blocks, scale, normalised: (
            size_after_of(blocks, scale, normalised) ** 2
        ),
        "The scale is missing: what a block adds is scale × residual.": lambda blocks, scale, normalised: size_after_of(
            blocks, 1.0, normalised
        ),
        "That is one block too few.": blocks_more(-1),
        "That is one block too many.": blocks_more(1),
        "The scale multiplies the residual, so it goes into the mean square as scale².": following(
            lambda scale: scale, lambda scale: 1 + scale
        ),
        "Sizes of independent things do not add: their squares do.": lambda blocks, scale, normalised: (
            1 + blocks * scale if normalised else (1 + scale) ** blocks
        ),
        "A sum of `blocks` residuals has `blocks` times the mean square of one, not blocks² times.": (
            lambda blocks, scale, normalised: (
                (1 + (blocks * scale) ** 2) ** 0.5 if normalised else size_after_of(blocks, scale, False)
            )
        ),
        "What is there at the start, a mean square of 1, is missing.": (
            lambda blocks, scale, normalised: (blocks * scale**2 if normalised else (1 + scale**2) ** blocks) ** 0.5,
            lambda blocks, scale, normalised: (blocks * scale**2 if normalised else scale ** (2 * blocks)) ** 0.5,
        ),
        "One block only: each of them adds.": lambda blocks, scale, normalised: (1 + scale**2) ** 0.5,
        "Not normalised, what a block adds depends on what is there: (1 + scale²) multiplies `blocks` times.": (
            lambda blocks, scale, normalised: (
                size_after_of(blocks, scale, True) if normalised else (1 + scale**2) * blocks**0.5
            )
        ),
        "Do not round.": [rounded(digits) for digits in (0, 1, 2, 3)],
    }
    cases = [(blocks, scale, normalised) for blocks, scale in ((20, 0.5), (9, 0.3), (1, 0.7), (4, 1.0), (3, 2.0), (5, 0.0), (0, 0.8))
             for normalised in (True, False)]  # fmt: skip
    same_function(answer, size_after_of, cases, result=number(digits=4), slips=slips)
    return "Normalised residuals let the size grow like a root, others let it grow without bounds: by a factor a block."


def kept_for_norms_of(sums: Sequence[tuple[int, int, int]], images: int, bytes_each: int = 4) -> int:
    """Bytes that normalisations on the sums would keep: their inputs. Each entry: how many, channels, side of the grid."""
    return sum(count * channels * side**2 for count, channels, side in sums) * images * bytes_each


@feedback.exercise(
    "7.6",
    title="what normalised sums would keep",
    difficulty="medium",
    minutes=6,
    hints=(
        "One sum on one image: how many numbers are on its grid?",
        "channels × side × side numbers, for each sum of that kind and for each image. Each number takes `bytes_each` bytes.",
        "`numbers = sum(count * channels * side**2 for count, channels, side in sums)`, then "
        "`return numbers * images * bytes_each`",
    ),
    reference=kept_for_norms_of,
)
def kept_for_norms(answer: Any) -> str:
    def counting(
        numbers: Callable[[int, int, int], float] = lambda count, channels, side: count * channels * side**2,
        factor: Callable[[int, int], float] = lambda images, bytes_each: images * bytes_each,
    ) -> Callable:
        """`kept_for_norms_of` from the numbers of an entry for one image, and from by what they are multiplied."""

        def kept(sums: Sequence[tuple[int, int, int]], images: int, bytes_each: int = 4) -> float:
            return sum(numbers(*entry) for entry in sums) * factor(images, bytes_each)

        return kept

    def in_units(unit: float) -> Callable:
        return lambda sums, images, bytes_each=4: kept_for_norms_of(sums, images, bytes_each) / unit

    slips = {
        "That is for one image.": counting(factor=lambda images, bytes_each: bytes_each),
        "Those are numbers; each of them takes bytes_each bytes.": counting(factor=lambda images, bytes_each: images),
        "Those are the numbers of one image: there are several images, and each number takes bytes_each bytes.": counting(
            factor=lambda images, bytes_each: 1
        ),
        "Every number takes four bytes in yours: bytes_each says how many.": counting(
            factor=lambda images, bytes_each: 4 * images
        ),
        "The grid has side × side places.": counting(lambda count, channels, side: count * channels * side),
        "The grid has side × side places, not twice `side`.": counting(
            lambda count, channels, side: count * channels * 2 * side
        ),
        "Each entry stands for several sums: the first number says how many.": counting(
            lambda count, channels, side: channels * side**2
        ),
        "You count what comes out as well. That would be kept for the ReLU in any case; count what goes in.": counting(
            factor=lambda images, bytes_each: 2 * images * bytes_each
        ),
        "A sum has as many numbers as channels × side × side: the channels are missing.": counting(
            lambda count, channels, side: count * side**2
        ),
        "That is the last entry alone: add all of them.": (
            lambda sums, images, bytes_each=4: kept_for_norms_of(sums[-1:], images, bytes_each)
        ),
        "That is the first entry alone: add all of them. Does the `return` stand inside of the loop?": (
            lambda sums, images, bytes_each=4: kept_for_norms_of(sums[:1], images, bytes_each)
        ),
        "Bytes are asked, no larger unit.": [in_units(unit) for unit in (1e3, 1024, 1e6, 1024**2, 1e9, 1024**3)],
        "Those are bits; a byte has eight.": counting(factor=lambda images, bytes_each: 8 * images * bytes_each),
        "Each channel's mean and variance are few; the text leaves them out.": (
            lambda sums, images, bytes_each=4: (
                kept_for_norms_of(sums, images, bytes_each) + 2 * bytes_each * sum(n * c for n, c, _ in sums)
            )
        ),
    }  # fmt: skip
    cases = (
        ([(1, 3, 5)], 1, 4),
        ([(2, 7, 6), (3, 10, 4)], 5, 4),
        ([(4, 8, 9)], 2, 2),
        ([(5, 320, 35), (10, 1088, 17), (5, 2080, 8)], 32),
        (((1, 2, 3), (7, 4, 5), (1, 2, 3)), 3, 1),
        ([], 6, 2),
    )
    said = "For {} you find {} bytes; {} are expected.".format
    same_function(answer, kept_for_norms_of, cases, result=number(whole=True), slips=slips, said=said)
    return "Next, autograd is asked what it really keeps."


@feedback.exercise(
    "7.7",
    title="an ensemble",
    difficulty="medium",
    minutes=4,
    hints=(
        "Which dimension holds the classes, which the networks?",
        "Softmax over the classes, dim 2, for each network by itself; then the mean over the networks, dim 0.",
        "`return logits.softmax(dim=2).mean(dim=0)`",
    ),
    reference=ensemble_gain.ensemble,
)
def ensemble(answer: Any) -> str:
    draws = torch.Generator().manual_seed(0)
    slips = {
        "You average logits, and take the softmax then: a network that is surer of itself gets more weight so. Softmax comes "
        "first.": lambda logits: logits.mean(dim=0).softmax(dim=1),
        "Those are averaged logits: where is the softmax?": lambda logits: logits.mean(dim=0),
        "The softmax runs over the images: the classes are dim 2.": lambda logits: logits.softmax(dim=1).mean(dim=0),
        "The softmax runs over the networks: the classes are dim 2.": lambda logits: logits.softmax(dim=0).mean(dim=0),
        "The softmax runs over everything: the classes are dim 2.": lambda logits: logits.flatten().softmax(dim=0).view_as(logits).mean(dim=0),
        "The mean runs over the images: the networks are dim 0.": lambda logits: logits.softmax(dim=2).mean(dim=1),
        "The mean runs over the classes: the networks are dim 0.": lambda logits: logits.softmax(dim=2).mean(dim=2),
        "Leave out `keepdim=True`: the networks' dimension goes.": lambda logits: logits.softmax(dim=2).mean(dim=0, keepdim=True),
        "One mean over everything: only the networks are averaged, dim 0.": lambda logits: logits.softmax(dim=2).mean(),
        "Those are the probabilities of each network by itself: their mean is asked.": lambda logits: logits.softmax(dim=2),
        "Classes and images have changed places: (N, K) is asked.": lambda logits: logits.softmax(dim=2).mean(dim=0).T,
        "You give back classes; the probabilities are asked.": lambda logits: logits.softmax(dim=2).mean(dim=0).argmax(dim=1),
        "You give back the largest probability of each image; those of all classes are asked.": (
            lambda logits: logits.softmax(dim=2).mean(dim=0).amax(dim=1)
        ),
        "You take the sum over the networks: the mean is asked.": lambda logits: logits.softmax(dim=2).sum(dim=0),
        "You take the largest probability of all networks: the mean is asked.": lambda logits: logits.softmax(dim=2).amax(dim=0),
        "That is the first network alone.": lambda logits: logits.softmax(dim=2)[0],
        "That is the last network alone.": lambda logits: logits.softmax(dim=2)[-1],
        "The softmax is applied twice.": (
            lambda logits: logits.softmax(dim=2).mean(dim=0).softmax(dim=1),
            lambda logits: logits.softmax(dim=2).softmax(dim=2).mean(dim=0),
        ),
        "The probabilities are multiplied: the mean is asked.": (
            lambda logits: logits.log_softmax(dim=2).sum(dim=0).softmax(dim=1),
            lambda logits: logits.softmax(dim=2).prod(dim=0),
        ),
        "That is the geometric mean: add the probabilities, and divide by how many networks there are.": (
            lambda logits: logits.log_softmax(dim=2).mean(dim=0).exp()
        ),
        "Those are means of logarithms: a `softmax` is asked, no `log_softmax`.": lambda logits: logits.log_softmax(dim=2).mean(dim=0),
        "That is the logarithm of the mean: the probabilities themselves are asked.": lambda logits: logits.softmax(dim=2).mean(dim=0).log(),
        "That is the median of the networks: the mean is asked.": lambda logits: logits.softmax(dim=2).median(dim=0).values,
        "That counts votes, the largest class of each network: the mean of the probabilities is asked.": (
            lambda logits: nn.functional.one_hot(logits.argmax(dim=2), logits.shape[2]).double().mean(dim=0)
        ),
        "A sigmoid judges each class by itself; the softmax makes them sum to 1.": lambda logits: logits.sigmoid().mean(dim=0),
        "The logits are divided by their sum: the softmax takes their exponentials first.": (
            lambda logits: (logits / logits.sum(dim=2, keepdim=True)).mean(dim=0)
        ),
        "Divide by as many networks as there are; yours divides by 3.": lambda logits: logits.softmax(dim=2).sum(dim=0) / 3,
    }  # fmt: skip
    shapes = ((3, 4, 5), (2, 6, 3), (1, 2, 4), (5, 1, 2), (4, 3, 1), (3, 3, 3))
    cases = [Case((3 * torch.randn(shape, generator=draws),), f"logits of shape {shape}") for shape in shapes]
    same_function(answer, ensemble_gain.ensemble, cases, result=tensor(), slips=slips, gradient=True)
    return "A network that is unsure says so, and counts for less."


@feedback.exercise(
    "7.8",
    title="what is left of the error",
    difficulty="medium",
    minutes=8,
    hints=(
        "Write the mean of M errors down and square it: M² products. How many of them are squares, how many are of two different "
        "networks?",
        "M squares of size 1, and M² − M products of size `similarity`, all of it divided by M².",
        "`return (networks + networks * (networks - 1) * similarity) / networks**2`",
    ),
    reference=ensemble_gain.error_left,
)
def error_left(answer: Any) -> str:
    def of_products(
        count: Callable[[int], float], squares: float = 1.0, divided: Callable[[int], float] = lambda m: m**2
    ) -> Callable:
        """The mean of all products of M errors, had `count(M)` of them been of two different networks."""
        return lambda similarity, networks: (squares * networks + count(networks) * similarity) / divided(networks)

    def from_right(change: Callable[[float, int], float]) -> Callable:
        """What is made of the right share and the number of networks."""
        return lambda similarity, networks: change(ensemble_gain.error_left(similarity, networks), networks)

    slips = {
        "That holds for independent errors only: what of the products of two different networks?": of_products(lambda m: 0),
        "The squared error falls like 1 / M, not like its root.": lambda similarity, networks: 1 / networks**0.5,
        "There are M² − M products of two different networks; you count them once a pair.": of_products(lambda m: m * (m - 1) / 2),
        "A network and itself are no pair: M² − M products are of two different ones.": of_products(lambda m: m**2),
        "That is what is gone; what is left is asked.": from_right(lambda left, m: 1 - left),
        "Similar errors are what stays: `similarity` and 1 − `similarity` have changed places.": (
            lambda similarity, networks: 1 - similarity + similarity / networks
        ),
        "The sum of M errors is divided by M, so its square by M².": from_right(lambda left, m: left * m),
        "The squares of the single networks are missing.": of_products(lambda m: m * (m - 1), squares=0),
        "So little is left with ever more networks. With M of them their own squares count, too.": lambda similarity, networks: similarity,
        "The products of two different networks are M² − M of M²; their own squares are the other M.": (
            lambda similarity, networks: similarity / networks
        ),
        "M networks make M × (M − 1) products of two different ones.": of_products(lambda m: m - 1),
        "M² products in all, M of them squares: M² − M are of two different networks.": of_products(lambda m: m**2 - 1),
        "What all networks have in common is missing: `similarity` itself.": lambda similarity, networks: (1 - similarity) / networks,
        "What the networks do not have in common falls like 1 / M, not like 1 / M².": (
            lambda similarity, networks: similarity + (1 - similarity) / networks**2
        ),
        "The squared error is asked, not its root.": from_right(lambda left, m: left**0.5),
        "The sum of all M² products is still to be divided by M².": from_right(lambda left, m: left * m**2),
        "A share from 0 to 1 is asked, no per cent.": from_right(lambda left, m: 100 * left),
        "Similar errors are no less similar for that they are squared: the products are of size `similarity` already.": (
            lambda similarity, networks: similarity**2 + (1 - similarity**2) / networks
        ),
        "Do not round.": [from_right(lambda left, m, digits=digits: round(left, digits)) for digits in (0, 1, 2, 3)],
    }  # fmt: skip
    cases = ((0.38, 7), (0.0, 4), (1.0, 4), (0.5, 2), (0.3, 1), (-0.1, 5), (0.9, 100))
    same_function(answer, ensemble_gain.error_left, cases, result=number(digits=4), slips=slips)
    return "With ever more networks `similarity` is left: what all of them get wrong, no mean repairs."
