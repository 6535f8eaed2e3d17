"""What a layer is called in a sentence, and what stands around it, read from a trace."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from utils.cost.table import kind_of, label_of, shape_text
from utils.cost.trace import INPUT, Operation, Trace

_ACTIVATIONS = {"relu", "relu_", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "silu", "hardtanh", "hardswish"}
_ACTIVATIONS |= {"clamp", "clamp_", "clamp_min", "maximum", "threshold", "where", "_softmax", "_log_softmax"}


def weighted(record: Trace) -> list[Operation]:
    """The operations with weights: the layers that are trained."""
    return [operation for operation in record.operations if operation.has_weights]


def signature(record: Trace, operation: Operation) -> str:
    """A layer in words: what it is and its sizes, without its name."""
    parameters = dict(record.root.named_parameters())
    shapes = [tuple(parameters[name].shape) for name in operation.weights]
    main = next((shape for shape in shapes if len(shape) > 1), None)
    bias = ""
    if operation.macs and main is not None:
        bias = " with bias" if any(len(shape) == 1 for shape in shapes) else " without bias"
    if operation.name == "convolution" and main is not None and len(main) == 4:
        out_channels, per_group, height, width = main
        in_channels = operation.input_shapes[0][1] if operation.input_shapes else per_group
        groups = "" if per_group == in_channels else f" in {in_channels // per_group} groups"
        stride = operation.geometry[1] if operation.geometry else (1, 1)
        step = "" if stride == (1, 1) else f" with stride {stride[0]:g}"
        reach = operation.geometry[0] if operation.geometry else (height - 1, width - 1)
        spread = "" if reach == (height - 1, width - 1) else " dilated"
        return f"{height}×{width} convolution from {in_channels} to {out_channels} channels{step}{spread}{groups}{bias}"
    if operation.macs and main is not None:
        return f"dense layer of {main[0]}×{main[1]}{bias}"
    return f"{word(operation)} of {'+'.join(shape_text(shape) for shape in shapes)}"


def without_biases(counts: Counter) -> Counter:
    """Signatures without what they say of a bias."""
    return Counter(text.replace(" with bias", "").replace(" without bias", "") for text in counts.elements())


def reduced(record: Trace) -> dict[int, list[int]]:
    """For each layer with weights and each pool: the layers, pools or input that it reads, past everything else."""
    kept: dict[int, list[int]] = {}
    behind: dict[int, list[int]] = {INPUT: [INPUT]}
    for operation in record.operations:
        sources = sorted({node for source in operation.reads for node in behind[source]})
        if operation.has_weights or is_pool(operation):
            kept[operation.index] = sources
            behind[operation.index] = [operation.index]
        else:
            behind[operation.index] = sources
    return kept


def sources_of(record: Trace, operation: Operation) -> list[Operation]:
    """The operations on the way from the last fork to this one, as long as each reads one thing."""
    path = []
    while len(operation.reads) == 1 and operation.reads[0] != INPUT:
        operation = record.operations[operation.reads[0]]
        path.append(operation)
    return path


def way_to(record: Trace, operation: Operation | None) -> tuple[list[Operation], list[Operation | None]]:
    """What lies between the layers before and this one (None: the result), and those layers (None: the input)."""
    waiting = list(operation.reads) if operation else [record.operations[-1].index]
    seen: dict[int, None] = {}
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen[place] = None
        if place != INPUT and not record.operations[place].has_weights:
            waiting += record.operations[place].reads
    between = [record.operations[p] for p in sorted(seen) if p != INPUT and not record.operations[p].has_weights]
    ends = [None if p == INPUT else record.operations[p] for p in sorted(seen)]
    return between, [end for end in ends if end is None or end.has_weights]


def nearest(record: Trace, operation: Operation) -> list[str]:
    """What a layer reads, past everything that has no weights and is no pool, in words."""
    nodes = reduced(record)[operation.index]
    return ["the input" if node == INPUT else describe(record, record.operations[node]) for node in nodes]


def _until_next_layer(record: Trace, operation: Operation) -> Iterator[Operation]:
    """What is done with an operation's result, in order, up to the next layers and pools."""
    front = {operation.index}
    for later in record.operations[operation.index + 1 :]:
        if front & set(later.reads) and not later.has_weights and not is_pool(later):
            front.add(later.index)
            yield later


def activations(operations: Iterable[Operation]) -> set[str]:
    """The activations among operations, by torch's names."""
    return {operation.name.rstrip("_") for operation in operations if operation.name in _ACTIVATIONS}


def follows(record: Trace, operation: Operation) -> set[str]:
    """Activations between this layer and the next layer, pool or result, a concatenation passed through."""
    return activations(_until_next_layer(record, operation))


def only_behind_a_sum(record: Trace, operation: Operation, which: set[str]) -> bool:
    """Do these activations follow this layer only where something was added to its result?"""
    summed: set[int] = set()
    for later in _until_next_layer(record, operation):
        if later.name in ("add", "add_") or summed & set(later.reads):
            summed.add(later.index)
        elif later.name.rstrip("_") in which:
            return False
    return bool(summed)


def is_pool(operation: Operation) -> bool:
    """Is it a pooling layer?"""
    return "pool" in operation.name


def pool_text(operation: Operation) -> str:
    """A pooling layer in words: its kind and window."""
    window = f" of {operation.geometry[0][0] + 1}×{operation.geometry[0][1] + 1}" if operation.geometry else ""
    return f"{'max' if 'max' in operation.name else 'average'} pooling{window}"


def word(operation: Operation) -> str:
    """One word for what an operation is."""
    if operation.name == "convolution":
        return "convolution"
    return "pooling" if is_pool(operation) else {"native_batch_norm": "batch norm"}.get(operation.name, operation.name)


def describe(record: Trace, operation: Operation) -> str:
    """A layer in words, with its channels."""
    kind = kind_of(None, operation)
    text = label_of(kind, None, operation)
    if kind == "conv" and operation.input_shapes:
        text = (
            text.replace(" conv", "") + f" convolution ({operation.input_shapes[0][1]} → {operation.shape[1]} channels)"
        )
    if kind == "linear" and operation.input_shapes:
        text = f"dense layer ({operation.input_shapes[0][-1]} → {operation.shape[-1]})"
    if operation.name == "native_batch_norm":
        source = next((o for o in sources_of(record, operation) if o.macs), None)
        text = "batch norm" + (f" of the {describe(record, source)}" if source else "")
    return text


def ends_of_branches(record: Trace) -> list[tuple[str, int]]:
    """What each branch adds to the last concatenation, described by its last layer, and its channels; [] without one."""
    joins = [operation for operation in record.operations if operation.name == "cat"]
    ends = []
    for source in joins[-1].reads if joins else ():
        if source == INPUT:
            ends.append(("the input", record.image_shape[0]))
            continue
        operation = record.operations[source]
        path = [operation, *sources_of(record, operation)]
        layer = next((o for o in path if (o.has_weights and o.macs) or is_pool(o)), operation)
        is_pooled = any(is_pool(o) for o in [layer, *sources_of(record, layer)])
        text = "the pool branch" if is_pooled else f"the {describe(record, layer)} branch"
        ends.append((text, operation.shape[1]))
    return ends


def passed_on(record: Trace) -> set[str]:
    """What of the input goes into the last concatenation as it came: the "input", the input behind a "pool"."""
    joins, found = [operation for operation in record.operations if operation.name == "cat"], set()
    for source in joins[-1].reads if joins else ():
        path = [] if source == INPUT else [record.operations[source], *sources_of(record, record.operations[source])]
        if not any(operation.macs for operation in path):
            found.add("pool" if any(is_pool(operation) for operation in path) else "input" if source == INPUT else "")
    return found


def grid_at_fault(found: Trace, expected: Trace) -> str:
    """A sentence about the first window that makes another grid than the reference's of its kind makes of the same grid."""
    for known in (_by_channels, _by_window):
        theirs = defaultdict(list)
        for operation in expected.operations:
            if operation.geometry and operation.input_shapes:
                theirs[known(operation), operation.input_shapes[0][2:]].append(operation)
        for operation in found.operations:
            if not operation.geometry or not operation.input_shapes:
                continue
            before, after = operation.input_shapes[0][2:], operation.shape[2:]
            others = theirs.get((known(operation), before), [])
            grids = {other.shape[2:] for other in others}
            if len(grids) == 1 and after not in grids:
                want = others[0].shape[2:]
                name = f"{shape_text(window(operation))} pooling" if is_pool(operation) else describe(found, operation)
                how = _other_settings(found, operation, expected, others[0])
                keeps = f" With {how} it {'keeps the grid' if want == before else 'does'}." if how else ""
                return (
                    f"the {name} makes a grid of {shape_text(after)} out of {shape_text(before)}; {shape_text(want)} is "
                    f"expected.{keeps}"
                )
    return ""


def _by_channels(operation: Operation) -> tuple:
    return (*_by_window(operation), operation.input_shapes[0][1], operation.shape[1])


def _by_window(operation: Operation) -> tuple:
    return (pool_text(operation) if is_pool(operation) else operation.name, window(operation))


def window(operation: Operation) -> tuple[int, ...]:
    """(height, width) of a sliding window."""
    return tuple(round(reach) + 1 for reach in operation.geometry[0]) if operation.geometry else ()


def settings_of(record: Trace, operation: Operation) -> dict[str, object]:
    """How a layer is set that is a module of torch's; {} for a function, which tells nothing."""
    module, kept = record.calls[operation.call].module, {}
    for name in ("stride", "padding", "dilation", "ceil_mode", "padding_mode", "groups", "eps"):
        if (value := getattr(module, name, None)) is not None:
            both = isinstance(value, (tuple, list)) and len(set(value)) == 1
            kept[name] = value[0] if both else value
    return kept


def _other_settings(found: Trace, own: Operation, expected: Trace, other: Operation) -> str:
    """Stride and padding of the reference's layer, where the learner's has others."""
    mine, theirs = settings_of(found, own), settings_of(expected, other)
    differ = [name for name in ("stride", "padding", "ceil_mode") if name in theirs and mine.get(name) != theirs[name]]
    texts = [f"`ceil_mode={theirs[name]}`" if name == "ceil_mode" else f"{name} {theirs[name]}" for name in differ]
    if "stride" in differ and is_pool(own) and own.geometry and own.geometry[1] == window(own):
        texts[-1] += " (torch's pooling takes its window as stride unless you say otherwise)"
    return listed(texts) if texts else ""


def names(which: set[str]) -> str:
    """Activations as they are written in a text."""
    return listed(
        sorted(
            {"relu": "ReLU", "elu": "ELU", "hardtanh": "ReLU6 or Hardtanh"}.get(name, name).lstrip("_")
            for name in which
        )
    )


def counted(texts: Counter) -> str:
    """Things with their number, where there are several of a kind."""
    return listed(text if number == 1 else f"{number} × {text}" for text, number in texts.items())


def listed(texts: Iterable[object]) -> str:
    """ "a, b and c"."""
    words = [str(text) for text in texts]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
