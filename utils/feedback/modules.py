"""Is the learner's module the same function as the reference, however it is written? If not: where does it differ?

The comparison looks in the order in which a person would: does it run, channels, height and width, the layers and
their parameters, values with the reference's weights copied in, gradients. It stops at the first difference.
Layers are matched by what they are and how they are wired, never by their names.
"""

import inspect
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from utils.cost.table import kind_of, label_of, shape_text
from utils.cost.trace import INPUT, CannotRun, Operation, Trace, trace
from utils.feedback.exercises import Wrong, article, explain

UNSEEN = (
    "torch does not see all of your layers: those in a plain Python list, or made in `forward`, are not trained. Make them in "
    "`__init__`, as attributes or in an `nn.ModuleList`."
)
_ACTIVATIONS = {"relu", "relu_", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "silu", "hardtanh"}
_ACTIVATIONS |= {"_softmax", "_log_softmax"}
SIDES = {0: "images", 2: "height", 3: "width"}  # of (N, C, H, W), where branches are not joined
_Layer = TypeVar("_Layer", bound=nn.Module)
LONG = 100  # characters; an argument that is longer is called by its name


def build(answer: Callable, *arguments: object, **named: object) -> nn.Module:
    """Make the learner's module, or say in a sentence why it cannot be made.

    Raises:
        Wrong: not something that builds a module from these arguments.
        NotImplementedError: the stub is still in it.
    """
    if isinstance(answer, nn.Module):
        raise Wrong(
            f"You handed over one {type(answer).__name__} that is already built. Hand over the class or function "
            "itself, without parentheses: the check builds several from it, in sizes of its own."
        )
    if not callable(answer):
        raise Wrong(f"A class or function that makes a module is needed, and this is {article(answer)}.")
    name = getattr(answer, "__name__", "your function")
    given = _given(answer, arguments, named)
    try:
        module = answer(*arguments, **named)
    except (NotImplementedError, Wrong):
        raise
    except Exception as error:
        if "is not a Module subclass" in str(error):
            raise Wrong(_no_layer(error)) from error
        raise Wrong(f"{name}({given}) stopped with {explain(error)}") from error
    if not isinstance(module, nn.Module):
        raise Wrong(
            f"{name}({given}) gave back {article(module)} where a torch module is needed"
            + (". Is the `return` missing?" if module is None else ".")
        )
    return module


def traced(module: nn.Module, image_shape: Sequence[int]) -> Trace | None:
    """What a module does with an image, as far as it runs; None where not even that can be said."""
    try:
        return trace(module, image_shape)
    except CannotRun as error:
        return error.before
    except (TypeError, ValueError):
        return None


def operations_of(module: nn.Module, image_shape: Sequence[int]) -> list[Operation]:
    """A module's operations on an image, as far as it runs."""
    record = traced(module, image_shape)
    return record.operations if record else []


def channels_of(module: nn.Module, image_shape: Sequence[int]) -> int | None:
    """How many channels come out of a module; None where it does not run."""
    try:
        return trace(module, image_shape).operations[-1].shape[1]
    except (CannotRun, TypeError, ValueError, IndexError):
        return None


def layers_of(module: nn.Module, kind: type[_Layer]) -> list[_Layer]:
    """All layers of a kind in a module, those inside of others too."""
    return [layer for layer in module.modules() if isinstance(layer, kind)]


def _given(answer: Callable, arguments: Sequence[object], named: Mapping[str, object]) -> str:
    """The arguments of a call as they are written: one that is long by its name, or the sentence would drown in it."""
    try:
        names = [
            name for name, each in inspect.signature(answer).parameters.items() if each.kind != each.VAR_POSITIONAL
        ]
    except (TypeError, ValueError):
        names = []
    names += [f"a {type(argument).__name__}" for argument in arguments[len(names) :]]
    texts = [_or(name, argument) for name, argument in zip(names, arguments, strict=False)]
    return ", ".join([*texts, *(f"{key}={_or(f'a {type(value).__name__}', value)}" for key, value in named.items())])


def _or(name: str, value: object) -> str:
    return text if len(text := repr(value)) <= LONG else name


def _no_layer(error: Exception) -> str:
    """What to say of something that torch does not take for a layer."""
    found = str(error)
    kind = "generator" if "<genexpr>" in found else found.split()[0]
    if kind in ("list", "tuple", "generator"):
        frame, holder = error.__traceback__, "Sequential"
        while frame:  # both of torch's containers say the same
            if isinstance(frame.tb_frame.f_locals.get("self"), nn.ModuleList):
                holder = "ModuleList"
            frame = frame.tb_next
        text = f"`nn.{holder}` takes layers, not a {kind}: `nn.Sequential(*layers)`, with the star"
        return f"{text}{'' if holder == 'Sequential' else ', makes one layer of several'}."
    return f"{found}: a layer stands there without its parentheses. Write `nn.ReLU()`, not `nn.ReLU`."


def same_module(
    answer: nn.Module, reference: nn.Module, image_shape: Sequence[int], *, seed: int = 0, ordered: bool = False
) -> str:
    """Raise `Wrong` at the first difference between two modules on images of shape (channels, height, width).

    Channels may come out in another order than the reference's unless `ordered`; the sentence that comes back says so.
    """
    expected = trace(reference, image_shape)
    found = _run(answer, expected)
    _compare_shapes(found, expected)
    _compare_layers(found, expected)
    pairs, is_wired_alike = _match(found, expected)
    note = _compare_values(found, expected, pairs, is_wired_alike, seed, ordered)
    _compare_gradients(answer, image_shape, seed)
    return note


def _run(answer: nn.Module, expected: Trace) -> Trace:
    shape = expected.image_shape
    try:
        found = trace(answer, shape)
    except CannotRun as error:
        cause = str(error.__cause__)
        try:  # on real numbers torch says more
            answer(torch.zeros(2, *shape))
        except Exception as real:
            cause = str(real)
        else:
            raise Wrong(UNSEEN) from error
        if "Sizes of tensors must match" in cause:
            side = re.search(r"except in dimension (\d)", cause)
            if side and int(side[1]) in SIDES and all(len(o.shape) == 4 for o in error.before.operations):
                raise Wrong(_joined_along(int(side[1]))) from error
            raise Wrong(_branches_do_not_fit(error.before)) from error
        if "expected input" in cause and "channels" in cause:
            raise Wrong(
                f"A convolution gets another number of channels than it was made for, on an input of "
                f"{shape_text(shape)} (channels×height×width). torch says: {cause}"
            ) from error
        sizes = re.search(r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x\d+\)", cause)
        if sizes:
            raise Wrong(_dense_does_not_fit(error.before, *map(int, sizes.groups()))) from error
        raise Wrong(f"It does not run on an input of {shape_text(shape)}. torch says: {cause}") from error
    except NotImplementedError as error:
        without = re.match(r"Module \[(\w+)\] is missing the required .forward.", str(error))
        if not without:
            raise
        if without[1] in ("ModuleList", "ModuleDict"):
            raise Wrong(
                f"An `nn.{without[1]}` only holds layers and cannot be run. `nn.Sequential(*layers)` runs them one after another."
            ) from error
        raise Wrong(f"`{without[1]}` has no `forward`: is the name misspelt, or the line indented too far?") from error
    except TypeError as error:
        if "float" in str(error) and "conv2d" in str(error):
            raise Wrong(
                "A padding or a stride is no whole number: divide with `//`, as in `kernel_size // 2`."
            ) from error
        raise
    except ValueError as error:
        raise Wrong(f"It does not run on an input of {shape_text(shape)}: {error}") from error
    with torch.no_grad():
        out = answer(torch.zeros(2, *shape))
    if not isinstance(out, Tensor):
        raise Wrong(f"Its forward gives back {article(out)} where one tensor is needed.")
    if not found.operations:
        raise Wrong("Its forward gives back the input as it came: nothing is computed.")
    return found


def _dense_does_not_fit(before: Trace, rows: int, numbers: int, made_for: int) -> str:
    """A dense layer reads another number of values than it was made for: `rows` times `numbers` for two images."""
    grid = next((o.shape[1:] for o in reversed(before.operations) if len(o.shape) == 4), before.image_shape)
    values = math.prod(grid)
    if rows != 2 and rows * numbers == 2 * values:  # rows of the grid, taken for images
        return (
            f"A dense layer gets a grid of {shape_text(grid)} (channels×height×width): flatten it first, so that {values} "
            f"numbers an image reach it{'' if made_for == values else f'. It is made for {made_for}'}."
        )
    which = f", a grid of {shape_text(grid)}," if numbers == values and min(grid[1:]) > 1 else ""
    return f"{numbers} numbers an image{which} reach your dense layer, which is made for {made_for}."


def _joined_along(side: int) -> str:
    return (
        f"You concatenate along dimension {side}, the {SIDES[side]}. Concatenate along dim=1: the branches stand beside each other in "
        "their channels."
    )


def _joined_otherwise(found: Trace, expected: Trace) -> str:
    """What to say where branches are joined along another side than the channels, or added; "" where they are not."""
    joins = [o for o in found.operations if o.name == "cat" and len(o.shape) == 4 and o.input_shapes]
    for join in joins[-1:]:
        grown = [side for side in SIDES if join.shape[side] != join.input_shapes[0][side]]
        if join.shape[1] == join.input_shapes[0][1] and grown:
            return _joined_along(grown[0])
    names = {operation.name for operation in found.operations}
    if not joins and names & {"add", "add_"} and any(operation.name == "cat" for operation in expected.operations):
        return "You add what the branches give. Concatenate along dim=1: the branches stand beside each other in their channels."
    return ""


def _branches_do_not_fit(before: Trace) -> str:
    for operation in before.operations:
        grid_in, grid_out = before.image_shape[1:], operation.shape[2:]
        if operation.geometry and operation.geometry[1] == (1, 1) and grid_out != grid_in:
            reach = operation.geometry[0]
            size = f"{reach[0] + 1}×{reach[1] + 1}"
            need = f"{reach[0] // 2}" if reach[0] == reach[1] else f"({reach[0] // 2}, {reach[1] // 2})"
            return (
                f"The branches cannot be concatenated: the {size} {_word(operation)} makes a grid of "
                f"{shape_text(grid_out)} out of {shape_text(grid_in)}. With padding {need} it keeps the grid."
            )
        if operation.geometry and operation.geometry[1] != (1, 1):
            return (
                f"The branches cannot be concatenated: a {_word(operation)} has stride "
                f"{operation.geometry[1][0]:g} and makes a grid of {shape_text(grid_out)}. With stride 1 it keeps it"
                + (
                    " (torch's pooling takes its window as stride unless you say otherwise)."
                    if _is_pool(operation)
                    else "."
                )
            )
    return (
        "The branches cannot be concatenated: they differ in more than channels. Concatenate along dim=1, and let "
        "every branch keep the grid's height and width."
    )


def _compare_shapes(found: Trace, expected: Trace) -> None:
    out, want = found.operations[-1].shape, expected.operations[-1].shape
    if len(out) != len(want):
        raise Wrong(f"Your result has {len(out)} dimensions where {len(want)} are expected: its shape is {tuple(out)}.")
    if tuple(out) != tuple(want) and (otherwise := _joined_otherwise(found, expected)):
        raise Wrong(otherwise)
    if out[1] != want[1]:
        difference = want[1] - out[1]
        sentence = f"Your block returned {out[1]} channels where {want[1]} were expected: "
        inner = next((o for o in expected.operations if o.macs and o.shape[1] == out[1]), None)
        if difference > 0 and not _ends_of_branches(expected) and inner is not None:
            sentence += f"{out[1]} is what the {_describe(expected, inner)} gives. Are two numbers swapped?"
        elif difference > 0:
            sentence += f"{difference} are missing"
            branches = {name for name, width in _ends_of_branches(expected).items() if width == difference}
            gives = f", as many as {' or '.join(sorted(branches))} gives: is it in the concatenation?"
            sentence += gives if branches else "."
        else:
            sentence += f"{-difference} too many."
            passed_on = _passed_on(found)
            if passed_on == "pool":
                sentence += f" The pool passes on all {found.image_shape[0]} channels of the input: its 1×1 convolution is missing."
            elif passed_on == "input":
                sentence += " The input itself goes into the concatenation."
        raise Wrong(sentence)
    if out[2:] != want[2:]:
        culprit = next((o for o in found.operations if o.geometry and o.shape[2:] != found.image_shape[1:]), None)
        raise Wrong(
            f"Your block returned a grid of {shape_text(out[2:])} where {shape_text(want[2:])} was expected."
            + (f" The {_describe(found, culprit)} changes it: look at its padding and stride." if culprit else "")
        )


def _passed_on(record: Trace) -> str:
    """What of the input goes into the last concatenation as it came: "input", "pool", or "" for nothing."""
    joins = [operation for operation in record.operations if operation.name == "cat"]
    for source in joins[-1].reads if joins else ():
        if source == INPUT:
            return "input"
        path = [record.operations[source], *_sources(record, record.operations[source])]
        if any(_is_pool(operation) for operation in path) and not any(operation.macs for operation in path):
            return "pool"
    return ""


def _ends_of_branches(record: Trace) -> dict[str, int]:
    """What each branch adds to the last concatenation, described by its last layer."""
    joins = [operation for operation in record.operations if operation.name == "cat"]
    if not joins:
        return {}
    ends = {}
    for source in joins[-1].reads:
        if source == INPUT:
            ends["the input"] = record.image_shape[0]
            continue
        operation = record.operations[source]
        layer = _last_layer(record, operation)
        path = _sources(record, layer)
        text = (
            "the pool branch" if any(_is_pool(o) for o in [layer, *path]) else f"the {_describe(record, layer)} branch"
        )
        ends[text] = operation.shape[1]
    return ends


def _compare_layers(found: Trace, expected: Trace) -> None:
    again = [operation for operation in found.operations if operation.has_weights and not operation.weights]
    if again and not any(operation.has_weights and not operation.weights for operation in expected.operations):
        name = found.calls[again[0].call].name or "a layer"
        raise Wrong(
            f"`{name}` runs twice in `forward`. Run each layer once, and keep its result in a variable if need be."
        )
    if found.unread:
        layers = sorted({name.rpartition(".")[0] or name for name in found.unread})
        names = _list(f"`{layer}`" for layer in layers)
        raise Wrong(f"{names} {'is' if len(layers) == 1 else 'are'} made in `__init__` but never used in `forward`.")
    mine = Counter(_signature(found, o) for o in _weighted(found))
    theirs = Counter(_signature(expected, o) for o in _weighted(expected))
    missing, extra = theirs - mine, mine - theirs
    if missing or extra:
        have, need = sum(found.parameters.values()), sum(expected.parameters.values())
        if not extra:
            is_hidden = any(o.macs and not o.has_weights for o in found.operations)  # weights that are no parameters
            sentence = UNSEEN if is_hidden else f"Missing: {_count(missing)}."
        elif not missing:
            sentence = f"Too many: {_count(extra)}."
        elif _without_biases(missing) == _without_biases(extra):
            layers = sum(extra.values())
            sentence = (
                f"{'A bias is missing' if have < need else 'There is a bias too many'}"
                f"{f' in each of {layers} layers' if layers > 1 else ''}: yours has {_count(extra)}."
            )
        else:
            sentence = f"Expected {_count(missing)}; yours has {_count(extra)} instead."
        if have != need:
            sentence += f" That makes {have:,} parameters where {need:,} are expected."
        raise Wrong(sentence)


def _compare_values(
    found: Trace,
    expected: Trace,
    pairs: list[tuple[Operation, Operation]],
    is_wired_alike: bool,
    seed: int,
    ordered: bool,
) -> str:
    generator = torch.Generator().manual_seed(seed)
    _randomize(expected.root, generator)
    _copy_weights(found, expected, pairs)
    images = torch.randn(2, *expected.image_shape, generator=generator)
    mine, theirs = _tested(found.root, images), _tested(expected.root, images)
    if _close(mine, theirs):
        return ""
    if _close(_sorted_channels(mine), _sorted_channels(theirs)):
        if ordered:
            raise Wrong(
                "All channels are right, and they stand in another order than asked: concatenate the branches in the "
                "order of the text."
            )
        return (
            "Your branches stand in another order than in the paper's figure. That computes the same; public weights "
            "would need the figure's order."
        )
    if _is_right_without_zeros(found.root, images, theirs):
        raise Wrong(
            "Shapes and parameters are right, the values are not: the pool counts the zeros of its padding, so that its means "
            "are too small at the border. `count_include_pad=False` leaves them out."
        )
    raise Wrong(_why_values_differ(found, expected, pairs, is_wired_alike, mine, theirs))


def _tested(module: nn.Module, images: Tensor) -> Tensor:
    """Its result in evaluation mode, with the mode put back."""
    mode = module.training
    try:
        with torch.no_grad():
            return module.eval()(images)
    finally:
        module.train(mode)


def _why_values_differ(
    found: Trace,
    expected: Trace,
    pairs: list[tuple[Operation, Operation]],
    is_wired_alike: bool,
    mine: Tensor,
    theirs: Tensor,
) -> str:
    intro = "Shapes and parameters are right, the values are not: "
    for own, other in pairs:
        have, need = _follows(found, own), _follows(expected, other)
        if have != need:
            layer = _describe(found, own)
            if need - have and not have - need:
                return f"{intro}no {_names(need - have)} follows the {layer}."
            if have - need and not need - have:
                loss = " The loss applies the softmax itself." if any("softmax" in name for name in have - need) else ""
                if _only_behind_a_sum(found, own, have - need):
                    layer = "sum"
                return f"{intro}{_names(have - need)} follows the {layer}, where nothing should.{loss}"
            return f"{intro}{_names(have)} follows the {layer} where {_names(need)} should."
    own_pools = Counter(_pool_text(found, o) for o in found.operations if _is_pool(o))
    need_pools = Counter(_pool_text(expected, o) for o in expected.operations if _is_pool(o))
    if own_pools != need_pools:
        if not own_pools:
            made = [name for name, child in found.root.named_modules() if "Pool" in type(child).__name__]
            if made:
                return f"{intro}`{made[0]}` is made in `__init__` but never used in `forward`."
            return f"{intro}there is no pooling, and {_count(need_pools)} is expected."
        return f"{intro}expected {_count(need_pools)}; yours has {_count(own_pools)}."
    if not is_wired_alike:
        for own, other in pairs:
            have = [_describe(found, o) if o else "the input" for o in _nearest(found, own)]
            need = [_describe(expected, o) if o else "the input" for o in _nearest(expected, other)]
            if Counter(have) != Counter(need):
                return f"{intro}the {_describe(found, own)} reads {_list(have)} where it should read {_list(need)}."
        return f"{intro}the same layers are there, but wired in another way."
    for own, other in pairs:
        have, need = (getattr(r.calls[o.call].module, "eps", None) for r, o in ((found, own), (expected, other)))
        if have != need and None not in (have, need):
            return f"{intro}the {_describe(found, own)} has eps={have:g}; eps={need:g} is expected."
    if mine.shape == theirs.shape:
        end = 0
        for name, width in _ends_of_branches(expected).items():
            start, end = end, end + width
            if not _close(mine[:, start:end], theirs[:, start:end]):
                return f"{intro}the first channels that differ ({start} to {end - 1}) belong to {name}."
    return f"{intro}the largest difference is {(mine - theirs).abs().max():.3g}."


def _is_right_without_zeros(answer: nn.Module, images: Tensor, theirs: Tensor) -> bool:
    """Would it give the right values if its average pools did not count the zeros of their padding?"""
    pools = [part for part in answer.modules() if isinstance(part, nn.AvgPool2d) and part.count_include_pad]
    try:
        for pool in pools:
            pool.count_include_pad = False
        return bool(pools) and _close(_tested(answer, images), theirs)
    finally:
        for pool in pools:
            pool.count_include_pad = True


def _compare_gradients(answer: nn.Module, image_shape: Sequence[int], seed: int) -> None:
    images = torch.randn(2, *image_shape, generator=torch.Generator().manual_seed(seed))
    answer.zero_grad()
    result = answer(images)
    if not result.requires_grad:
        raise Wrong("No gradient reaches the weights: is there a `detach`, a `no_grad` or a `.data` in the forward?")
    (result * torch.randn(result.shape, generator=torch.Generator().manual_seed(seed + 1))).sum().backward()
    for name, parameter in answer.named_parameters():
        if parameter.requires_grad and parameter.grad is None:
            raise Wrong(f"No gradient reaches `{name}`: training would never change it.")
    frozen = [name for name, parameter in answer.named_parameters() if not parameter.requires_grad]
    if frozen:
        raise Wrong(f"`{frozen[0]}` has requires_grad=False: training would never change it.")
    answer.zero_grad()


# Matching layers by what they are and how they are wired.


def _weighted(record: Trace) -> list[Operation]:
    return [operation for operation in record.operations if operation.has_weights]


def _signature(record: Trace, operation: Operation) -> str:
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
    return f"{_word(operation)} of {'+'.join(shape_text(shape) for shape in shapes)}"


def _without_biases(counts: Counter) -> Counter:
    return Counter(text.replace(" with bias", "").replace(" without bias", "") for text in counts.elements())


def _reduced(record: Trace) -> dict[int, list[int]]:
    """For each layer with weights and each pool: the layers, pools or input that it reads, past everything else."""
    kept: dict[int, list[int]] = {}
    behind: dict[int, list[int]] = {INPUT: [INPUT]}
    for operation in record.operations:
        sources = sorted({node for source in operation.reads for node in behind[source]})
        if operation.has_weights or _is_pool(operation):
            kept[operation.index] = sources
            behind[operation.index] = [operation.index]
        else:
            behind[operation.index] = sources
    return kept


def _labels(record: Trace) -> dict[int, int]:
    """A label for each layer that is equal for layers with equal surroundings (Weisfeiler and Lehman's colouring)."""
    graph = _reduced(record)
    readers: dict[int, list[int]] = defaultdict(list)
    for node, sources in graph.items():
        for source in sources:
            readers[source].append(node)
    labels = {INPUT: hash("input")}
    for node in graph:
        operation = record.operations[node]
        labels[node] = hash(_signature(record, operation) if operation.has_weights else "pool")
    for _ in range(len(graph)):
        updated = {
            node: hash(
                (
                    labels[node],
                    tuple(sorted(labels[s] for s in graph.get(node, []))),
                    tuple(sorted(labels[r] for r in readers[node])),
                )
            )
            for node in labels
        }
        if len(set(updated.values())) == len(set(labels.values())):
            return updated
        labels = updated
    return labels


def _match(found: Trace, expected: Trace) -> tuple[list[tuple[Operation, Operation]], bool]:
    """Pairs of (learner's, reference's) layers, and whether all of them are wired alike."""
    mine, theirs = _labels(found), _labels(expected)
    waiting: dict[int, list[Operation]] = defaultdict(list)
    for operation in _weighted(expected):
        waiting[theirs[operation.index]].append(operation)
    pairs, left = [], []
    for operation in _weighted(found):
        candidates = waiting[mine[operation.index]]
        if candidates:
            pairs.append((operation, candidates.pop(0)))
        else:
            left.append(operation)
    rest = [operation for operations in waiting.values() for operation in operations]
    for operation in left:  # wired differently: pair by what they are, for the sake of the message
        text = _signature(found, operation)
        partner = next((o for o in rest if _signature(expected, o) == text), None)
        if partner is not None:
            rest.remove(partner)
            pairs.append((operation, partner))
    return sorted(pairs, key=lambda pair: pair[0].index), not left


def _copy_weights(found: Trace, expected: Trace, pairs: list[tuple[Operation, Operation]]) -> None:
    mine, theirs = dict(found.root.named_parameters()), dict(expected.root.named_parameters())
    with torch.no_grad():
        for own, other in pairs:
            for name, source in zip(own.weights, other.weights, strict=True):
                mine[name].copy_(theirs[source])
            buffers = dict(expected.calls[other.call].module.named_buffers(recurse=False))
            for name, buffer in found.calls[own.call].module.named_buffers(recurse=False):
                if name in buffers and buffers[name].shape == buffer.shape:
                    buffer.copy_(buffers[name])


def _randomize(module: nn.Module, generator: torch.Generator) -> None:
    """Weights and statistics that are nowhere zero or one, so that no difference hides behind them."""
    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5)
        for name, buffer in module.named_buffers():
            if buffer.is_floating_point():
                values = torch.rand(buffer.shape, generator=generator)
                buffer.copy_(values + 0.5 if name.endswith("var") else values - 0.5)


# Words for what is found.


def _sources(record: Trace, operation: Operation) -> list[Operation]:
    """The operations on the way from the last fork to this one, as long as each reads one thing."""
    path = []
    while len(operation.reads) == 1 and operation.reads[0] != INPUT:
        operation = record.operations[operation.reads[0]]
        path.append(operation)
    return path


def _last_layer(record: Trace, operation: Operation) -> Operation:
    for candidate in [operation, *_sources(record, operation)]:
        if (candidate.has_weights and candidate.macs) or _is_pool(candidate):
            return candidate
    return operation


def _nearest(record: Trace, operation: Operation) -> list[Operation | None]:
    return [None if node == INPUT else record.operations[node] for node in _reduced(record)[operation.index]]


def _until_next_layer(record: Trace, operation: Operation) -> Iterator[Operation]:
    """What is done with an operation's result, in order, up to the next layers and pools."""
    front = {operation.index}
    for later in record.operations[operation.index + 1 :]:
        if front & set(later.reads) and not later.has_weights and not _is_pool(later):
            front.add(later.index)
            yield later


def _follows(record: Trace, operation: Operation) -> set[str]:
    """Activations between this layer and the next layer, pool or result, a concatenation passed through."""
    return {later.name.rstrip("_") for later in _until_next_layer(record, operation) if later.name in _ACTIVATIONS}


def _only_behind_a_sum(record: Trace, operation: Operation, names: set[str]) -> bool:
    """Do these activations follow this layer only where something was added to its result?"""
    summed: set[int] = set()
    for later in _until_next_layer(record, operation):
        if later.name in ("add", "add_") or summed & set(later.reads):
            summed.add(later.index)
        elif later.name.rstrip("_") in names:
            return False
    return bool(summed)


def _is_pool(operation: Operation) -> bool:
    return "pool" in operation.name


def _pool_text(record: Trace, operation: Operation) -> str:
    window = f" of {operation.geometry[0][0] + 1}×{operation.geometry[0][1] + 1}" if operation.geometry else ""
    return f"{'max' if 'max' in operation.name else 'average'} pooling{window}"


def _word(operation: Operation) -> str:
    if operation.name == "convolution":
        return "convolution"
    return "pooling" if _is_pool(operation) else {"native_batch_norm": "batch norm"}.get(operation.name, operation.name)


def _describe(record: Trace, operation: Operation) -> str:
    kind = kind_of(None, operation)
    text = label_of(kind, None, operation)
    if kind == "conv" and operation.input_shapes:
        text = (
            text.replace(" conv", "") + f" convolution ({operation.input_shapes[0][1]} → {operation.shape[1]} channels)"
        )
    if kind == "linear" and operation.input_shapes:
        text = f"dense layer ({operation.input_shapes[0][-1]} → {operation.shape[-1]})"
    if operation.name == "native_batch_norm":
        source = next((o for o in _sources(record, operation) if o.macs), None)
        text = "batch norm" + (f" of the {_describe(record, source)}" if source else "")
    return text


def _names(names: set[str]) -> str:
    return _list(sorted({"relu": "ReLU", "elu": "ELU"}.get(name, name).lstrip("_") for name in names))


def _count(texts: Counter) -> str:
    return _list(text if number == 1 else f"{number} × {text}" for text, number in texts.items())


def _list(texts) -> str:
    texts = list(texts)
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _close(mine: Tensor, theirs: Tensor) -> bool:
    return mine.shape == theirs.shape and bool((mine - theirs).abs().max() <= 1e-4 * theirs.abs().max().clamp(min=1e-6))


def _sorted_channels(values: Tensor) -> Tensor:
    order = values.transpose(0, 1).flatten(1).double().sum(dim=1).argsort()
    return values[:, order]
