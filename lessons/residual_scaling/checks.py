"""What lesson 07 answers to its exercises."""

import copy
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import torch
from torch import Tensor, nn

from lessons.layers import ConvBNAct
from lessons.residual_scaling import ensembles
from lessons.residual_scaling.blocks import InceptionResNetA, ResidualWidths
from utils.answers import close, named_slip, number_of, require_function, tensor_of
from utils.compare import build, same_module
from utils.feedback import Feedback, Wrong

feedback = Feedback("residual_scaling", Path(__file__).with_name("lesson.md"))
check, hint, solution, use = feedback.check, feedback.hint, feedback.solution, feedback.use
predict, truth, progress = feedback.predict, feedback.truth, feedback.progress


def _unchanged(given: object, before: object, name: str) -> None:
    if given != before:
        raise Wrong(f"Your function changes the list `{name}` that it gets. Read from it, and leave it as it is.")


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
def residual_connection(answer):
    require_function(answer)
    draws = torch.Generator().manual_seed(0)
    for shape, name, f in (
        ((2, 3), "f = a third of x", lambda x: x / 3),
        ((2, 4, 5, 5), "f = a constant", lambda x: torch.full_like(x, -0.7)),
        ((3, 6), "f = a ReLU", lambda x: x.relu()),
    ):
        x = torch.randn(shape, generator=draws)
        given = x.clone()
        got = tensor_of(answer(given, f), name, shape)
        if not torch.equal(given, x):
            raise Wrong(f"For {name} your function changes x itself. Write `x + ...`: `+=` writes into the tensor.")
        slips = {
            "That is f(x) alone: x has to be added.": f(x),
            "That is x as it came: f(x) has to be added.": x,
            "The two are multiplied; they are added.": x * f(x),
            "f(x) is taken away; it is added.": x - f(x),
            "x comes in twice.": 2 * x + f(x),
            "There is no ReLU in it.": (x + f(x)).relu(),
        }
        if not close(got, x + f(x)):
            raise Wrong(f"For {name} the values differ from x + f(x).{named_slip(got, x + f(x), slips)}")
    return "Where f gives 0, nothing changes. That is the point of it."


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
def channels_after(answer):
    require_function(answer)
    for channels, branches in (
        (10, [[3], [4, 5, 7]]),
        (256, [[384], [192, 192, 256]]),
        (8, [[2, 5], [3, 4], [6, 2, 9]]),
    ):
        case = f"in_channels={channels}, branches={branches}"
        given = copy.deepcopy(branches)
        got, want = number_of(answer(channels, given), case), channels_after_of(channels, branches)
        _unchanged(given, branches, "branches")
        slips = {
            "The pool is missing: it passes its channels on.": want - channels,
            "All convolutions are counted: of each branch only the last one reaches the concatenation.": channels
            + sum(map(sum, branches)),
            "Without the pool, and with all convolutions: count what reaches the concatenation.": sum(
                map(sum, branches)
            ),
            "You take the first convolution of each branch; the last one reaches the concatenation.": channels
            + sum(branch[0] for branch in branches),
            "The widest branch alone? They are concatenated, so all of them count.": max(b[-1] for b in branches),
        }
        if got != want:
            raise Wrong(f"For {case} you find {got:g} channels; {want} are expected.{named_slip(got, want, slips)}")
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
    "The scale is that of the figure's code, 0.17, whatever is handed over.": lambda x, r, _s: (x + 0.17 * r).relu(),
    "The scale is 0.1, whatever is handed over.": lambda x, r, _s: (x + 0.1 * r).relu(),
}


def _same_residual(mine: nn.Module, reference: nn.Module, shape: tuple[int, int, int]) -> None:
    """`same_module`, with the words for slips around a sum: at its first difference in values, weights are equal already."""
    if any(isinstance(parameter, nn.UninitializedParameter) for parameter in mine.parameters()):
        mine(torch.zeros(2, *shape))  # layers that find out their sizes on the first run
    try:
        same_module(mine, reference, shape)
    except Wrong as wrong:
        if "the values are not" not in str(wrong):
            raise _about_layers(wrong) from None
        images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            got = mine.eval()(images)
            outputs = [branch(images) for branch in reference.eval().branches()]
            found = _about_sum(got, images, outputs, reference)
        raise Wrong(found or str(wrong)) from None


def _about_sum(got: Tensor, x: Tensor, outputs: list[Tensor], reference: nn.Module) -> str:
    intro = "Shapes and parameters are right, the values are not: "
    for order in permutations(range(len(outputs))):
        joined = reference.up(torch.cat([outputs[place] for place in order], dim=1))
        in_order = order == tuple(range(len(outputs)))
        if not in_order and close(got, (x + reference.scale * joined).relu()):
            return (
                f"{intro}the branches are concatenated in another order than asked, and public weights would not fit."
            )
        for words, slip in _SUM.items():
            if in_order and close(got, slip(x, joined, reference.scale)):
                return intro + words[0].lower() + words[1:]
    return ""


def _about_layers(wrong: Wrong) -> Wrong:
    text = str(wrong)
    if "batch norm" in text and "Too many" in text:
        text += " Nothing is normalised behind the expansion or on the sum."
    elif "bias" in text and "1×1" in text:
        text += " The expansion has a bias, as no normalisation follows it; the branches' convolutions have none."
    return Wrong(text)


def _branches(channels: int, widths: Sequence[int]) -> list[nn.Module]:
    """Branches of different kinds: a 1 x 1, and a 1 x 1 with a 3 x 3 for each further width."""
    first, *others = widths
    made: list[nn.Module] = [ConvBNAct(channels, first, kernel_size=1)]
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
def scaled_residual(answer):
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
def inception_resnet_a(answer):
    cases = (
        (9, ResidualWidths(pointwise=3, single=(2, 4), stacked=(3, 5, 6)), 0.4, (7, 6)),
        (6, ResidualWidths(pointwise=2, single=(5, 3), stacked=(4, 2, 5)), 0.17, (5, 5)),
    )
    for channels, widths, scale, grid in cases:
        mine = build(answer, channels, widths, scale=scale)
        _same_residual(mine, InceptionResNetA(channels, widths, scale=scale), (channels, *grid))
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
def size_after(answer):
    require_function(answer)
    for blocks, scale, normalised in (
        (20, 0.5, True),
        (20, 0.5, False),
        (9, 0.3, True),
        (9, 0.3, False),
        (0, 1.0, True),
    ):
        case = f"blocks={blocks}, scale={scale}, normalised={normalised}"
        got, want = number_of(answer(blocks, scale, normalised), case), size_after_of(blocks, scale, normalised)
        slips = {
            "That is the mean square: the size is its root.": want**2,
            "The two cases have changed places.": size_after_of(blocks, scale, not normalised),
            "The scale multiplies the residual, so it goes into the mean square as scale².": (1 + blocks * scale) ** 0.5
            if normalised
            else (1 + scale) ** (blocks / 2),
            "Sizes of independent things do not add: their squares do.": 1 + blocks * scale
            if normalised
            else (1 + scale) ** blocks,
            "What is there at the start, a mean square of 1, is missing.": (blocks * scale**2) ** 0.5,
            "One block only: each of them adds.": (1 + scale**2) ** 0.5,
        }
        if not close(got, want):
            raise Wrong(f"For {case} you find {got:.4g}; {want:.4g} is expected.{named_slip(got, want, slips)}")
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
def kept_for_norms(answer):
    require_function(answer)
    for sums, images, each in (([(1, 3, 5)], 1, 4), ([(2, 7, 6), (3, 10, 4)], 5, 4), ([(4, 8, 9)], 2, 2)):
        case = f"sums={sums}, images={images}, bytes_each={each}"
        given = copy.deepcopy(sums)
        got, want = number_of(answer(given, images, each), case), kept_for_norms_of(sums, images, each)
        _unchanged(given, sums, "sums")
        slips = {
            "That is for one image.": want / images,
            "Those are numbers; each of them takes bytes_each bytes.": want / each,
            "Every number takes four bytes in yours: bytes_each says how many.": want / each * 4,
            "The grid has side × side places.": sum(n * c * s for n, c, s in sums) * images * each,
            "Each entry stands for several sums: the first number says how many.": sum(c * s * s for _, c, s in sums)
            * images
            * each,
            "You count what comes out as well. That would be kept for the ReLU in any case; count what goes in.": 2
            * want,
            "Those are bits; a byte has eight.": 8 * want,
            "Each channel's mean and variance are few; the text leaves them out.": want
            + 2 * each * sum(n * c for n, c, _ in sums),
        }
        if got != want:
            raise Wrong(f"For {case} you find {got:,.0f} bytes; {want:,} are expected.{named_slip(got, want, slips)}")
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
    reference=ensembles.ensemble,
)
def ensemble(answer):
    require_function(answer)
    draws = torch.Generator().manual_seed(0)
    for networks, images, classes in ((3, 4, 5), (2, 6, 3), (1, 2, 4)):
        case = f"logits of shape {(networks, images, classes)}"
        logits = 3 * torch.randn(networks, images, classes, generator=draws)
        result = answer(logits.clone())
        want = ensembles.ensemble(logits)
        if isinstance(result, Tensor) and result.shape == want.argmax(dim=1).shape and not result.is_floating_point():
            raise Wrong(f"For {case} you give back classes; the probabilities are asked, {tuple(want.shape)}.")
        got = tensor_of(result, case, want.shape)
        p = logits.softmax(dim=2)
        slips = {
            "You average logits, and take the softmax then: a network that is surer of itself gets more weight so. Softmax comes "
            "first.": logits.mean(dim=0).softmax(dim=1),
            "Those are averaged logits: where is the softmax?": logits.mean(dim=0),
            "The softmax runs over the images: the classes are dim 2.": logits.softmax(dim=1).mean(dim=0),
            "The softmax runs over the networks: the classes are dim 2.": logits.softmax(dim=0).mean(dim=0),
            "You take the sum over the networks: the mean is asked.": p.sum(dim=0),
            "You take the largest probability of all networks: the mean is asked.": p.max(dim=0).values,
            "That is the first network alone.": p[0],
            "The softmax is applied twice.": p.mean(dim=0).softmax(dim=1),
            "The probabilities are multiplied: the mean is asked.": p.log().sum(dim=0).softmax(dim=1),
        }
        if not close(got, want):
            raise Wrong(f"For {case} the values differ.{named_slip(got, want, slips)}")
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
    reference=ensembles.error_left,
)
def error_left(answer):
    require_function(answer)
    for similarity, networks in ((0.6, 5), (0.0, 4), (1.0, 4), (0.5, 2), (0.3, 1)):
        case = f"similarity={similarity}, networks={networks}"
        got, want = number_of(answer(similarity, networks), case), ensembles.error_left(similarity, networks)
        slips = {
            "That holds for independent errors only: what of the products of two different networks?": 1 / networks,
            "The squared error falls like 1 / M, not like its root.": 1 / networks**0.5,
            "There are M² − M products of two different networks; you count them once a pair.": (
                networks + networks * (networks - 1) / 2 * similarity
            )
            / networks**2,
            "A network and itself are no pair: M² − M products are of two different ones.": (
                networks + networks**2 * similarity
            )
            / networks**2,
            "That is what is gone; what is left is asked.": 1 - want,
            "Similar errors are what stays: `similarity` and 1 − `similarity` have changed places.": 1
            - similarity
            + similarity / networks,
            "The sum of M errors is divided by M, so its square by M².": want * networks,
            "The squares of the single networks are missing.": (networks - 1) * similarity / networks,
        }
        if not close(got, want):
            raise Wrong(f"For {case} you find {got:.4g}; {want:.4g} is expected.{named_slip(got, want, slips)}")
    return "With ever more networks `similarity` is left: what all of them get wrong, no mean repairs."
