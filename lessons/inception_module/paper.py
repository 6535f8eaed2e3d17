"""What "Going deeper with convolutions" (arXiv 1409.4842) claims in sections 1 to 4, and how to measure it."""

from dataclasses import dataclass

import torch
from torch import nn

from course.ledger import Claim, Finding
from networks.googlenet import InceptionModule, NaiveInceptionModule, Widths
from utils.cost.table import Table, profile

TITLE = "Going deeper with convolutions"


@dataclass(frozen=True)
class ModuleRow:
    """One Inception row of the paper's Table 1. `printed_params` is in K, `printed_ops` in millions, as printed."""

    in_channels: int
    grid: int
    widths: Widths
    printed_params: int
    printed_ops: int


# Table 1, rows "inception (3a)" and "inception (3b)".
TABLE_1 = {
    "3a": ModuleRow(192, 28, Widths(64, 96, 128, 16, 32, 32), printed_params=159, printed_ops=128),
    "3b": ModuleRow(256, 28, Widths(128, 128, 192, 32, 96, 64), printed_params=380, printed_ops=304),
}


def reduced(row: ModuleRow) -> Table:
    """Cost of a row's module as the paper has it."""
    with torch.device("meta"):
        module = InceptionModule(row.in_channels, row.widths)
    return profile(module, (row.in_channels, row.grid, row.grid))


def naive(row: ModuleRow, in_channels: int | None = None) -> Table:
    """Cost of the naive module that puts out as many channels of 1×1, 3×3 and 5×5 as the row's."""
    channels = in_channels or row.in_channels
    with torch.device("meta"):
        module = NaiveInceptionModule(
            channels, pointwise=row.widths.pointwise, three=row.widths.three, five=row.widths.five
        )
    return profile(module, (channels, row.grid, row.grid))


def stack(count: int, *, is_naive: bool) -> list[Table]:
    """Cost of each of `count` modules with 3a's widths, one on the other, each fed all that the one before puts out."""
    row, tables = TABLE_1["3a"], []
    channels = row.in_channels
    for _ in range(count):
        if is_naive:
            tables.append(naive(row, channels))
        else:
            tables.append(reduced(ModuleRow(channels, row.grid, row.widths, 0, 0)))
        channels = tables[-1].rows[-1].shape[0]
    return tables


def weights_of(module: nn.Module) -> int:
    """Parameters without the biases, which the paper's table leaves out."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.dim() > 1)


def _table_row(name: str) -> Finding:
    row = TABLE_1[name]
    with torch.device("meta"):
        module = InceptionModule(row.in_channels, row.widths)
    weights, table = weights_of(module), reduced(row)
    kilo, millions = weights / 1024, table.macs / 1e6
    holds = abs(kilo - row.printed_params) < 1.5 and abs(millions - row.printed_ops) < 1
    return Finding(
        f"{weights:,} weights = {kilo:.1f} × 1024, {table.parameters:,} with biases; {table.macs:,} multiply-adds",
        "holds" if holds else "does not hold",
        "within one K, if K is 1024 and biases are left out; an op is one multiply-add",
    )


def _growth() -> Finding:
    channels = [table.rows[-1].shape[0] for table in stack(4, is_naive=True)]
    start = TABLE_1["3a"].in_channels
    grows = all(after > before for before, after in zip([start, *channels], channels, strict=False))
    return Finding(
        f"{start} → " + " → ".join(str(count) for count in channels) + " channels with 3a's widths",
        "holds" if grows else "does not hold",
        "each pool passes on all that came in, and the convolutions add theirs",
    )


def _cheap() -> Finding:
    row = TABLE_1["3a"]
    dear, cheap = naive(row), reduced(row)
    return Finding(
        f"naive {dear.macs:,} multiply-adds for {dear.rows[-1].shape[0]} channels, reduced {cheap.macs:,} for "
        f"{cheap.rows[-1].shape[0]}: {dear.macs / cheap.macs:.2f} times fewer",
        "holds" if cheap.macs < dear.macs / 2 else "holds in part" if cheap.macs < dear.macs else "does not hold",
        "the 1×1 convolutions cost something themselves, and save more",
    )


def _five_is_dear() -> Finding:
    row = TABLE_1["3a"]
    branches = naive(row).by_branch()
    each = {
        name: branches[name].macs / width for name, width in (("three", row.widths.three), ("five", row.widths.five))
    }
    ratio = each["five"] / each["three"]
    return Finding(
        f"one 5×5 channel costs {ratio:.2f} times one 3×3 channel; {row.widths.five} of them cost "
        f"{branches['five'].macs / naive(row).macs:.0%} of the naive module",
        "holds" if ratio > 2 else "does not hold",
        "25 weights for each input channel in place of 9",
    )


CLAIMS = (
    Claim(
        8,
        "In the naive module the number of channels grows from stage to stage.",
        "section 4",
        "it must grow at every stage; no figure given",
        _growth,
    ),
    Claim(9, "The 1×1 reductions make the module cheap.", "sections 4 and 5", "no figure given", _cheap),
    Claim(
        41,
        "Even a modest number of 5×5 convolutions can be too expensive.",
        "section 4",
        "no figure given",
        _five_is_dear,
    ),
    Claim(
        42,
        "Module 3a has 159 K parameters and takes 128 M operations.",
        "Table 1",
        "159K, 128M",
        lambda: _table_row("3a"),
    ),
    Claim(
        43,
        "Module 3b has 380 K parameters and takes 304 M operations.",
        "Table 1",
        "380K, 304M",
        lambda: _table_row("3b"),
    ),
)
