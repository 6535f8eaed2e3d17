"""Parameters, multiply-adds, activations and receptive field of a network, layer by layer."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from torch import nn

from utils.cost import units
from utils.cost.trace import Input, Operation, Trace, trace
from utils.page import html

Grid = tuple[int, int]

_KIND_OF_OPERATION = {
    "convolution": "conv",
    "addmm": "linear",
    "mm": "linear",
    "cat": "concat",
    "add": "sum",
    "add_": "sum",
    "mul": "scale",
    "mean": "pool",
    "relu": "activation",
    "relu_": "activation",
}


@dataclass(frozen=True)
class Row:
    """One layer: one call of a module without children, or one operation that stands in a forward itself.

    Attributes:
        name: where it is, "inception_3a.three.1.conv"; an operation without a module is named after its module.
        kind: "conv", "linear", "norm", "activation", "pool", "concat", "sum", "scale", "dropout" or "other".
        label: what it is in a few words, "3×3 conv /2".
        branch: the branch of the module that concatenates it, "three"; empty outside of any.
        shape: of its result, without the batch: (channels, height, width), or (features,).
        parameters: numbers that training changes; 0 where an earlier row uses the same ones.
        macs: multiply-adds for one image.
        activations: values that it puts out if it is a convolution or dense layer, else 0.
        receptive_field: (height, width) in pixels of what one unit sees; None for the whole image, (0, 0) where it is not known.
    """

    name: str
    kind: str
    label: str
    branch: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    activations: int
    receptive_field: Grid | None


@dataclass(frozen=True)
class Cost:
    """Parameters, multiply-adds and activations of a group of layers."""

    parameters: int = 0
    macs: int = 0
    activations: int = 0


@dataclass(frozen=True)
class Table:
    """The cost of a network, one row a layer in the order of execution.

    A MAC is one multiply and one add. Convolutions and dense layers count; biases, pooling, normalisation and
    activations do not, as in the papers. `activations` counts the values that convolutions and dense layers put out.
    `unused` names parameters that this forward never read, an auxiliary head's for instance: they are in
    `parameters` and in no row.
    """

    name: str
    image_shape: tuple[int, ...]
    rows: tuple[Row, ...]
    parameters: int
    unused: tuple[str, ...]
    depth: int

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(row.macs for row in self.rows)

    @property
    def activations(self) -> int:
        """Values put out by convolutions and dense layers, for one image."""
        return sum(row.activations for row in self.rows)

    @property
    def receptive_field(self) -> Grid | None:
        """(height, width) in pixels of what a unit of the result sees; None for the whole image, (0, 0) where it is not known."""
        return self.rows[-1].receptive_field if self.rows else (1, 1)

    def by_branch(self) -> dict[str, Cost]:
        """Cost of each branch, in the order in which they run. Layers outside of every branch are left out."""
        return self._grouped(lambda row: row.branch)

    def by_stage(self) -> dict[str, Cost]:
        """Cost of each direct child of the network, in the order in which they run."""
        return self._grouped(lambda row: row.name.split(".")[0])

    def _grouped(self, key: Callable[[Row], str]) -> dict[str, Cost]:
        groups: dict[str, Cost] = {}
        for row in self.rows:
            if key(row):
                groups[key(row)] = total((groups.get(key(row), Cost()), row))
        return groups

    def __repr__(self) -> str:
        width = max([len(row.name) for row in self.rows] + [4])
        lines = [
            f"{self._summary()}",
            f"{'name':<{width}}  {'layer':<16} {'output':>13} {'parameters':>12} {units.letters():>15}",
        ]
        for row in self.rows:
            lines.append(
                f"{row.name:<{width}}  {row.label:<16} {shape_text(row.shape):>13}"
                f" {row.parameters:>12,} {units.count(row.macs):>15,}"
            )
        return "\n".join(lines)

    def _summary(self) -> str:
        return (
            f"{self.name} on {shape_text(self.image_shape)}: {self.parameters:,} parameters, {units.count(self.macs):,} {units.letters()}, "
            f"{self.activations:,} activations"
        )

    def _repr_html_(self) -> str:
        rows = (
            (
                *(row.name, row.label, row.branch, shape_text(row.shape)),
                *(f"{count:,}" for count in (row.parameters, units.count(row.macs), row.activations)),
                field_text(row.receptive_field),
            )
            for row in self.rows
        )
        head = ("name", "layer", "branch", "output", "parameters", units.letters(), "activations", "receptive field")
        table = html.table(rows, head=head, caption=self._summary(), align="lllrrrrr", cls="tight small")
        return html.output(html.scrolled(table, "The cost of each layer"))


def profile(module: nn.Module, image_shape: Input | Sequence[Input]) -> Table:
    """The cost of a module on one image of shape (channels, height, width), in evaluation mode.

    Nothing is computed and no weight is allocated or changed, so a module on the `meta` device is fine.

    Args:
        module: any torch module but a scripted one.
        image_shape: (channels, height, width). For several inputs, a sequence of shapes. Images (N, ...) may be handed in
            too, of which the first is taken: a forward that decides by their values runs on them.

    Raises:
        TypeError: not a module.
        ValueError: not a shape of three whole numbers, a scripted module, or one that cannot take such an image.
    """
    return table_of(trace(module, image_shape))


def table_of(record: Trace) -> Table:
    """`profile` of a module that is traced already."""
    concatenating = {operation.call: operation.index for operation in record.operations if operation.name == "cat"}
    rows = []
    for name, call, operations in layer_groups(record):
        shown = [operation for operation in operations if not operation.is_view] or operations
        main = max(shown, key=lambda operation: operation.macs) if any(o.macs for o in shown) else shown[-1]
        field = operations[-1].receptive_field
        leaf = record.calls[call].module if name == record.calls[call].name else None
        kind = kind_of(leaf, main, operations)
        rows.append(
            Row(
                name=name or type(record.root).__name__,
                kind=kind,
                label=label_of(kind, leaf, main),
                branch=_branch(record, call, operations[0].index, concatenating),
                shape=operations[-1].shape[1:],
                parameters=sum(record.parameters[weight] for o in operations for weight in o.weights),
                macs=sum(operation.macs for operation in operations),
                activations=sum(math.prod(operation.shape) for operation in operations if operation.macs),
                receptive_field=None if field is None else (_pixels(field.size[0]), _pixels(field.size[1])),
            )
        )
    return Table(
        name=type(record.root).__name__,
        image_shape=record.image_shape,
        rows=tuple(rows),
        parameters=sum(record.parameters.values()),
        unused=record.unread,
        depth=record.depth(),
    )


def _pixels(size: float) -> int:
    """Whole pixels: a unit that sees a part of one sees it."""
    return math.ceil(size - 1e-6)


def total(costs: Iterable[Cost | Row | Table]) -> Cost:
    """The sum of several costs."""
    costs = list(costs)
    return Cost(
        parameters=sum(cost.parameters for cost in costs),
        macs=sum(cost.macs for cost in costs),
        activations=sum(cost.activations for cost in costs),
    )


def layer_groups(record: Trace) -> list[tuple[str, int, list[Operation]]]:
    """(name, call, operations) of each layer: a childless module's call, or one operation of a forward itself."""
    groups: list[tuple[str, int, list[Operation]]] = []
    for operation in record.operations:
        call = record.calls[operation.call]
        is_leaf = next(call.module.children(), None) is None
        if is_leaf and groups and groups[-1][1] == operation.call:
            groups[-1][2].append(operation)
        elif is_leaf:
            groups.append((call.name, operation.call, [operation]))
        elif not operation.is_view:
            word = _KIND_OF_OPERATION.get(operation.name, operation.name)
            groups.append((f"{call.name}.{word}" if call.name else word, operation.call, [operation]))
    return groups


def kind_of(module: nn.Module | None, main: Operation, operations: Sequence[Operation] = ()) -> str:
    """The kind of a layer, from the class of torch's that it is or derives from, else from what it does.

    Args:
        module: the layer, None for an operation that stands in a forward itself.
        main: its operation that says most.
        operations: all of them. Several that multiply and add nothing are "other": none says what they are together.
    """
    of_torch = _class_of_torch(module)
    if of_torch is not None:
        name = of_torch.__name__
        if "Dropout" in name:
            return "dropout"
        if "Pool" in name:
            return "pool"
        if "Norm" in name:
            return "norm"
        if of_torch.__module__.endswith("activation"):
            return "activation"
    elif module is not None and not main.macs and sum(o.call == main.call and not o.is_view for o in operations) > 1:
        return "other"
    if main.name in ("mm", "addmm") and not main.has_weights:
        return "other"
    return _KIND_OF_OPERATION.get(main.name, "pool" if "pool" in main.name else "other")


def _class_of_torch(module: nn.Module | None) -> type | None:
    """The nearest class of torch's that a layer is or derives from; None where that is any module."""
    classes = (each for each in type(module).__mro__ if each.__module__.startswith("torch.nn"))
    found = next(classes, None)
    return None if found is nn.Module else found


def label_of(kind: str, module: nn.Module | None, main: Operation) -> str:
    """A layer in a few words: "3×3 conv /2", "max pool 3×3", "BN", "concat"."""
    window = ""
    if main.geometry:
        reach, stride = main.geometry
        window = f"{reach[0] + 1}×{reach[1] + 1}"
        down, across = (f"{step:g}" for step in stride)
        suffix = "" if stride == (1, 1) else f" /{down}" if down == across else f" /{down},{across}"
    if kind == "conv" and main.geometry:
        word = "conv"
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            window = "×".join(str(size) for size in module.kernel_size)
            if module.groups > 1:
                word = "depthwise" if module.groups == module.in_channels else "grouped"
        if isinstance(module, nn.ConvTranspose2d):  # its stride makes the grid larger
            suffix = "" if set(module.stride) == {1} else f" ×{','.join(map(str, dict.fromkeys(module.stride)))}"
            word = "transposed conv"
        return f"{window} {word}{suffix}"
    if kind == "pool" and main.geometry:
        return f"{'max' if 'max' in main.name else 'avg'} pool {window}{suffix}"
    if kind == "pool":
        grid = main.shape[2:]  # what is left of it
        where = f" to {'×'.join(map(str, grid))}" if math.prod(grid) > 1 else ", global"
        return f"{'max' if 'max' in main.name else 'avg'} pool{where}"
    if kind in ("norm", "activation", "other") and module is not None:
        own, of_torch = type(module).__name__, _class_of_torch(module)
        return (
            own if of_torch is None else {"BatchNorm2d": "BN", "LocalResponseNorm": "LRN"}.get(of_torch.__name__, own)
        )
    if kind == "scale" and main.factor is not None:
        return f"× {main.factor:g}"
    return {"linear": "dense", "activation": "ReLU", "other": main.name}.get(kind, kind)


def _branch(record: Trace, call: int, operation: int, concatenating: dict[int, int]) -> str:
    """The child of the module around it that concatenates; what comes behind the concatenation is in no branch."""
    path = record.ancestors(call)
    for outer, inner in itertools.pairwise(path):
        if operation < concatenating.get(outer, 0):
            prefix = record.calls[outer].name
            return record.calls[inner].name[len(prefix) :].lstrip(".").split(".")[0]
    return ""


def shape_text(shape: Sequence[int]) -> str:
    """(192, 28, 28) as "192×28×28"."""
    return "×".join(str(length) for length in shape)


def field_text(field: Grid | None) -> str:
    """(5, 5) as "5×5"; None as "whole image"; (0, 0) as "not known"."""
    if field is None:
        return "whole image"
    return shape_text(field) if any(field) else "not known"


def short(number: float, digits: int = 3) -> str:
    """A count for a label, to three significant digits: 163696 as "164 k", 128049152 as "128 M"."""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(number) >= size * (1 - 0.5 * 10**-digits):
            scaled = number / size
            whole = len(str(int(abs(scaled))))
            return f"{scaled:.{max(digits - whole, 0)}f}{letter}"
    return f"{number:,.0f}" if number == int(number) else f"{number:.{digits}g}"
