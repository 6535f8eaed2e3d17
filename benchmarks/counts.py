"""Multiply-adds of fifty odd modules by hand, by `profile`, and by three other counters: `python -m benchmarks.counts`.

Each case states its count by hand, from its sizes. `docs/counting.md` is what this prints; fvcore, which the course does not
need, has to be installed for its column (`pip install fvcore`). Counted are multiply-adds of convolutions, matrix products and
Euclidean distances, whoever calls them; additions alone (biases, sums, pools), normalisations and element-wise products count nothing, as in the papers.
"""

import contextlib
import importlib.util
import io
import logging
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
import torchinfo
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from utils.cost import profile
from utils.system.files import write_whole

DOCS = Path(__file__).parents[1] / "docs" / "counting.md"
WHY = """Where they differ:

- **profile** runs the module on `meta` and reads torch's operations, one by one, before they become kernels. What is not among these has no count: an
  operation written in C++ outside of torch, a sparse product, a Fourier transform, a product of two grids that is summed up (as `torch.linalg.vecdot` is).
- **torch** (`torch.utils.flop_counter`) watches the operations too, when the module runs. On a CPU it has no formula for fused attention, for the LSTM of
  oneDNN and for the transformer layer's fast path, and none for products with a vector.
- **fvcore** traces with `torch.jit`. It counts normalisations and upsampling as well, and leaves out recurrent layers, fused attention and some calls.
- **torchinfo** looks at modules and never at calls: a functional convolution, a product or an attention is 0. Biases count as multiply-adds, a linear layer
  on a series counts for one place, and a transposed convolution for each place that it writes.

A wrong count is no reason to leave a tool: for plain convolutions and dense layers without biases all four agree. Lesson 02 has an exercise on torchinfo's rule.
"""


@dataclass(frozen=True)
class Case:
    """A module, the shape of what it gets (N = 1 first), and its multiply-adds by hand."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    macs: int


class Calls(nn.Module):
    """A module that is a function of its input and of named children and weights."""

    def __init__(self, function: Callable[..., Tensor], **parts: nn.Module | Tensor):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                self.add_module(name, part)
            else:
                self.register_parameter(name, nn.Parameter(part))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def _drawn(*shape: int) -> Tensor:
    return torch.randn(shape)


def _run_once(module: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    module(torch.zeros(shape))
    return module


IMAGE, SERIES, VECTOR = (1, 8, 14, 14), (1, 10, 16), (1, 16)
PLACES = 14 * 14
# 10 places of 16 numbers, 4 heads: queries, keys, values and the output's projection; scores and their sums.
ATTENTION = 4 * 10 * 16 * 16 + 2 * 10 * 10 * 16

CASES: dict[str, Case] = {
    # Convolutions that are modules.
    "convolution": Case(lambda: nn.Conv2d(8, 12, 3), IMAGE, 12 * 12 * 12 * 8 * 9),
    "convolution, no bias": Case(lambda: nn.Conv2d(8, 12, 3, bias=False), IMAGE, 12 * 12 * 12 * 8 * 9),
    "convolution, padding and stride": Case(lambda: nn.Conv2d(8, 12, 3, 2, 1), IMAGE, 7 * 7 * 12 * 8 * 9),
    "convolution, dilated": Case(lambda: nn.Conv2d(8, 12, 3, dilation=2), IMAGE, 10 * 10 * 12 * 8 * 9),
    "convolution, groups": Case(lambda: nn.Conv2d(8, 12, 3, padding=1, groups=4), IMAGE, PLACES * 12 * 2 * 9),
    "convolution, depthwise": Case(lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8), IMAGE, PLACES * 8 * 9),
    "convolution, 1×7": Case(lambda: nn.Conv2d(8, 8, (1, 7), padding=(0, 3)), IMAGE, PLACES * 8 * 8 * 7),
    "convolution, padded in a circle": Case(
        lambda: nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular"), IMAGE, PLACES * 8 * 8 * 9
    ),
    "transposed convolution": Case(lambda: nn.ConvTranspose2d(8, 4, 2, 2), IMAGE, PLACES * 8 * 4 * 4),
    "transposed convolution, groups": Case(lambda: nn.ConvTranspose2d(8, 4, 2, 2, groups=2), IMAGE, PLACES * 8 * 2 * 4),
    "convolution over a series": Case(lambda: nn.Conv1d(10, 6, 3), SERIES, 14 * 6 * 10 * 3),
    "convolution in three dimensions": Case(
        lambda: nn.Conv3d(2, 4, 3, padding=1), (1, 2, 4, 6, 6), 4 * 6 * 6 * 4 * 2 * 27
    ),
    "lazy convolution, after its first image": Case(
        lambda: _run_once(nn.LazyConv2d(12, 3), IMAGE), IMAGE, 12 * 12 * 12 * 8 * 9
    ),
    # Convolutions that are calls.
    "F.conv2d": Case(
        lambda: Calls(lambda m, x: F.conv2d(x, m.w, padding=1), w=_drawn(12, 8, 3, 3)), IMAGE, PLACES * 12 * 8 * 9
    ),
    "F.conv_transpose2d": Case(
        lambda: Calls(lambda m, x: F.conv_transpose2d(x, m.w, stride=2), w=_drawn(8, 4, 2, 2)),
        IMAGE,
        PLACES * 8 * 4 * 4,
    ),
    "F.unfold and a product": Case(
        lambda: Calls(lambda m, x: m.w @ F.unfold(x, 3, padding=1), w=_drawn(12, 72)), IMAGE, PLACES * 12 * 72
    ),
    # Products of matrices that are modules.
    "linear": Case(lambda: nn.Linear(16, 5), VECTOR, 16 * 5),
    "linear, no bias": Case(lambda: nn.Linear(16, 5, bias=False), VECTOR, 16 * 5),
    "linear on a series": Case(lambda: nn.Linear(16, 5), SERIES, 10 * 16 * 5),
    "bilinear": Case(lambda: Calls(lambda m, x: m.b(x, x), b=nn.Bilinear(16, 16, 3)), VECTOR, 3 * 16 * 16 + 3 * 16),
    "embedding": Case(lambda: Calls(lambda m, x: m.e(x.argmax(-1)), e=nn.Embedding(16, 5)), SERIES, 0),
    # Products of matrices that are calls.
    "F.linear": Case(lambda: Calls(lambda m, x: F.linear(x, m.w), w=_drawn(5, 16)), SERIES, 10 * 16 * 5),
    "matmul": Case(lambda: Calls(lambda m, x: x @ m.w, w=_drawn(16, 5)), SERIES, 10 * 16 * 5),
    "matrix by vector": Case(lambda: Calls(lambda m, x: x[0] @ m.w, w=_drawn(16)), SERIES, 10 * 16),
    "dot": Case(lambda: Calls(lambda m, x: torch.dot(x[0], m.w), w=_drawn(16)), VECTOR, 16),
    "outer": Case(lambda: Calls(lambda m, x: torch.outer(x[0], m.w), w=_drawn(5)), VECTOR, 0),
    "bmm": Case(lambda: Calls(lambda m, x: torch.bmm(x, x.mT)), SERIES, 10 * 10 * 16),
    "baddbmm": Case(lambda: Calls(lambda m, x: torch.baddbmm(m.b, x, x.mT), b=_drawn(1, 10, 10)), SERIES, 10 * 10 * 16),
    "addmv": Case(lambda: Calls(lambda m, x: torch.addmv(m.b, x[0], m.w), b=_drawn(10), w=_drawn(16)), SERIES, 10 * 16),
    "tensordot": Case(
        lambda: Calls(lambda m, x: torch.tensordot(x, m.w, dims=([2], [0])), w=_drawn(16, 5)), SERIES, 10 * 16 * 5
    ),
    "addbmm": Case(lambda: Calls(lambda m, x: torch.addbmm(m.b, x, x.mT), b=_drawn(10, 10)), SERIES, 10 * 10 * 16),
    "einsum, a product": Case(
        lambda: Calls(lambda m, x: torch.einsum("ntc,cd->ntd", x, m.w), w=_drawn(16, 5)), SERIES, 10 * 16 * 5
    ),
    "einsum, squeeze-and-excite": Case(
        lambda: Calls(lambda m, x: torch.einsum("nchw,dc->ndhw", x, m.w), w=_drawn(4, 8)), IMAGE, PLACES * 4 * 8
    ),
    "einsum, three factors": Case(
        lambda: Calls(lambda m, x: torch.einsum("ni,ij,nj->n", x, m.w, x), w=_drawn(16, 16)), VECTOR, 16 * 16 + 16
    ),
    "distances": Case(lambda: Calls(lambda m, x: torch.cdist(x, m.w), w=_drawn(1, 7, 16)), SERIES, 10 * 7 * 16),
    "distances to many": Case(
        lambda: Calls(lambda m, x: torch.cdist(x, m.w), w=_drawn(1, 30, 16)), SERIES, 10 * 30 * 16
    ),
    "distances, sums of magnitudes": Case(
        lambda: Calls(lambda m, x: torch.cdist(x, m.w, p=1), w=_drawn(1, 7, 16)), SERIES, 0
    ),
    "distances of all pairs": Case(lambda: Calls(lambda m, x: torch.pdist(x[0])[None]), SERIES, 45 * 16),
    # Attention.
    "attention, module": Case(
        lambda: Calls(
            lambda m, x: m.a(x, x, x, need_weights=False)[0], a=nn.MultiheadAttention(16, 4, batch_first=True)
        ),
        SERIES,
        ATTENTION,
    ),
    "attention, with its weights": Case(
        lambda: Calls(lambda m, x: m.a(x, x, x)[0], a=nn.MultiheadAttention(16, 4, batch_first=True)), SERIES, ATTENTION
    ),
    "scaled dot product": Case(
        lambda: Calls(lambda m, x: F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None])),
        SERIES,
        2 * 10 * 10 * 16,
    ),
    "scaled dot product, fewer keys": Case(
        lambda: Calls(lambda m, x: F.scaled_dot_product_attention(x[:, None], x[:, None, :4], x[:, None, :4])),
        SERIES,
        2 * 10 * 4 * 16,
    ),
    "attention by hand": Case(lambda: Calls(lambda m, x: (x @ x.mT / 4).softmax(-1) @ x), SERIES, 2 * 10 * 10 * 16),
    "transformer layer": Case(
        lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), SERIES, ATTENTION + 2 * 10 * 16 * 32
    ),
    "transformer of two layers": Case(
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2, enable_nested_tensor=False
        ),
        SERIES,
        2 * (ATTENTION + 2 * 10 * 16 * 32),
    ),
    # Recurrent layers: each step multiplies the input and the state by a matrix for each gate.
    "RNN": Case(lambda: Calls(lambda m, x: m.r(x)[0], r=nn.RNN(16, 6, batch_first=True)), SERIES, 10 * 6 * (16 + 6)),
    "LSTM": Case(
        lambda: Calls(lambda m, x: m.r(x)[0], r=nn.LSTM(16, 6, batch_first=True)), SERIES, 10 * 4 * 6 * (16 + 6)
    ),
    "LSTM, both ways, two layers": Case(
        lambda: Calls(lambda m, x: m.r(x)[0], r=nn.LSTM(16, 6, 2, batch_first=True, bidirectional=True)),
        SERIES,
        2 * 10 * 4 * 6 * (16 + 6) + 2 * 10 * 4 * 6 * (12 + 6),
    ),
    "GRU": Case(
        lambda: Calls(lambda m, x: m.r(x)[0], r=nn.GRU(16, 6, batch_first=True)), SERIES, 10 * 3 * 6 * (16 + 6)
    ),
    "LSTM cell": Case(lambda: Calls(lambda m, x: m.r(x)[0], r=nn.LSTMCell(16, 6)), VECTOR, 4 * 6 * (16 + 6)),
    # What only adds, chooses or normalises.
    "batch normalisation": Case(lambda: nn.BatchNorm2d(8), IMAGE, 0),
    "layer normalisation": Case(lambda: nn.LayerNorm(16), SERIES, 0),
    "group normalisation": Case(lambda: nn.GroupNorm(2, 8), IMAGE, 0),
    "local response normalisation": Case(lambda: nn.LocalResponseNorm(5), IMAGE, 0),
    "average pool": Case(lambda: nn.AvgPool2d(2), IMAGE, 0),
    "softmax": Case(lambda: nn.Softmax(1), VECTOR, 0),
    "bilinear upsampling": Case(lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE, 0),
    "pixel shuffle": Case(lambda: nn.PixelShuffle(2), IMAGE, 0),
    # Ways to put them together.
    "a layer used twice": Case(
        lambda: Calls(lambda m, x: m.c(m.c(x)), c=nn.Conv2d(8, 8, 3, padding=1)), IMAGE, 2 * PLACES * 8 * 8 * 9
    ),
    "a layer never used": Case(
        lambda: Calls(lambda m, x: m.c(x), c=nn.Conv2d(8, 8, 1), d=nn.Conv2d(8, 8, 3)), IMAGE, PLACES * 8 * 8
    ),
    "one weight in two layers": Case(
        lambda: Calls(lambda m, x: F.linear(m.one(x), m.one.weight), one=nn.Linear(16, 16)), SERIES, 2 * 10 * 16 * 16
    ),
    "weights from a parametrisation": Case(
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(16, 5)), SERIES, 10 * 16 * 5
    ),
    "checkpointed": Case(
        lambda: Calls(lambda m, x: checkpoint(m.c, x, use_reentrant=False), c=nn.Conv2d(8, 8, 3, padding=1)),
        IMAGE,
        PLACES * 8 * 8 * 9,
    ),
    "a loop over the rows": Case(
        lambda: Calls(lambda m, x: torch.stack([m.l(row) for row in x.unbind(1)], 1), l=nn.Linear(16, 5)),
        SERIES,
        10 * 16 * 5,
    ),
}


def by_profile(module: nn.Module, x: Tensor) -> int:
    return profile(module, x).macs


def by_torch(module: nn.Module, x: Tensor) -> int:
    """Torch's counter counts an addition and a product as two."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    return counter.get_total_flops() // 2


def by_fvcore(module: nn.Module, x: Tensor) -> int:
    """fvcore counts a multiply-add as one, and normalisations and pools as well."""
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(module, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return round(analysis.total())


def by_torchinfo(module: nn.Module, x: Tensor) -> int:
    return torchinfo.summary(module, input_data=x, verbose=0).total_mult_adds


COUNTERS = {"profile": by_profile, "torch": by_torch, "fvcore": by_fvcore, "torchinfo": by_torchinfo}


def counted(counter: Callable[[nn.Module, Tensor], int], case: Case) -> int | str:
    """What a counter says of a case; why not, where it does not."""
    torch.manual_seed(0)
    module, x = case.build().eval(), torch.randn(case.shape)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return counter(module, x)
    except ImportError:
        return "not here"
    except Exception as problem:
        return type(problem).__name__


def table(rows: dict[str, dict[str, int | str]]) -> str:
    """The page: how many each counter has right, and every case; what is not the count by hand stands in italics."""
    right = {by: sum(row[by] == CASES[name].macs for name, row in rows.items()) for by in COUNTERS}
    others = [by for by in COUNTERS if by != "profile" and importlib.util.find_spec(by)]
    versions = ", ".join(f"{by} {version(by)}" for by in others)
    lines = [
        "# Who counts what",
        "",
        f"Written by `python -m benchmarks.counts --write` with {versions}. Multiply-adds of {len(CASES)} modules for one input,",
        "as `benchmarks/counts.py` states them by hand: products of convolutions and matrices, whoever calls them, and squares of distances. Biases, sums, pools and",
        "normalisations count nothing, as in the papers. Torch's counter counts two operations for each; half of that stands here. In italics: what is",
        "not the count by hand.",
        "",
        f"Right: {', '.join(f'{by} {count}' for by, count in right.items())}.",
        "",
        f"| module | by hand | {' | '.join(COUNTERS)} |",
        f"| --- | ---: | {' | '.join('---:' for _ in COUNTERS)} |",
    ]
    for name, row in rows.items():
        by_hand = CASES[name].macs
        cells = [f"{n:,}" if isinstance(n, int) else n for n in row.values()]
        marked = [cell if n == by_hand else f"*{cell}*" for cell, n in zip(cells, row.values(), strict=True)]
        lines.append(f"| {name} | {by_hand:,} | {' | '.join(marked)} |")
    return "\n".join([*lines, "", WHY])


def main() -> None:
    logging.disable(logging.WARNING)
    rows = {name: {by: counted(counter, case) for by, counter in COUNTERS.items()} for name, case in CASES.items()}
    text = table(rows)
    if "--write" in sys.argv[1:]:
        write_whole(DOCS, text)
    print(text)


if __name__ == "__main__":
    main()
