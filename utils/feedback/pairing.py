"""Which of the learner's weights are which of the reference's, by what the layers are and how they are wired, never by name."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

import torch
from torch import Tensor, nn

from utils.cost.trace import INPUT, Operation, Trace
from utils.feedback.wording import follows, reduced, signature, weighted

FEW = 4  # so many parts of a wide layer are tried in every order


@dataclass
class Pairing:
    """Layers of the two modules that are the same, and tensors that are: joined along their first axis, they are equal."""

    layers: list[tuple[Operation, Operation]]
    weights: list[tuple[list[Tensor], list[Tensor]]] = field(default_factory=list)  # (learner's, reference's)
    statistics: list[tuple[list[Tensor], list[Tensor]]] = field(default_factory=list)

    def copy(self) -> None:
        """Give the learner's module the reference's weights and statistics."""
        with torch.no_grad():
            for mine, theirs in [*self.weights, *self.statistics]:
                rows = rows_of(theirs).split([len(_as_rows(each)) for each in mine])
                for each, values in zip(mine, rows, strict=True):
                    each.copy_(values.reshape(each.shape))


def _as_rows(tensor: Tensor) -> Tensor:
    return tensor.reshape(len(tensor) if tensor.dim() else 1, -1)


def rows_of(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one after another along their first axis, the other axes as one."""
    return torch.cat([_as_rows(tensor) for tensor in tensors])


def pair(found: Trace, expected: Trace, *, by_kind: bool = True) -> Pairing:
    """The pairs of layers that are the same and stand in the same surroundings; what is left, `by_kind`, by what it is."""
    pairs, left, rest = _matched(found, expected, with_activations=True)
    if left:  # an activation may be written in another form
        pairs, left, rest = _matched(found, expected, with_activations=False)
    for operation in left if by_kind else []:
        text = signature(found, operation)
        partner = next((other for other in rest if signature(expected, other) == text), None)
        if partner is not None:
            rest.remove(partner)
            pairs.append((operation, partner))
    pairing = Pairing(sorted(pairs, key=lambda each: each[0].index))
    for own, other in pairing.layers:
        for (_, one), (_, two) in zip(_weights(found, own), _weights(expected, other), strict=True):
            pairing.weights.append(([one], [two]))
        statistics = dict(_statistics(expected, other))
        for name, buffer in _statistics(found, own):
            if name in statistics and statistics[name].shape == buffer.shape:
                pairing.statistics.append(([buffer], [statistics[name]]))
    return pairing


def _matched(
    found: Trace, expected: Trace, *, with_activations: bool
) -> tuple[list[tuple[Operation, Operation]], list[Operation], list[Operation]]:
    """(pairs of equal labels, the learner's layers without one, the reference's)."""
    mine, theirs = _labels(found, with_activations), _labels(expected, with_activations)
    waiting: dict[int, list[Operation]] = defaultdict(list)
    for operation in weighted(expected):
        waiting[theirs[operation.index]].append(operation)
    pairs, left = [], []
    for operation in weighted(found):
        candidates = waiting[mine[operation.index]]
        if candidates:
            pairs.append((operation, candidates.pop(0)))
        else:
            left.append(operation)
    return pairs, left, [operation for operations in waiting.values() for operation in operations]


def rewritten(found: Trace, expected: Trace) -> Iterator[Pairing]:
    """Pairings where several layers of the one may be one wide layer of the other, or the same product in another form.

    All weights of a role that no pair of layers has are taken as one, in the order of execution; where one side has few,
    in every order. Whether one of these is right, the values have to tell.
    """
    for by_kind in (True, False):
        yield from _rewritten(found, expected, pair(found, expected, by_kind=by_kind))


def _rewritten(found: Trace, expected: Trace, pairs: Pairing) -> Iterator[Pairing]:
    mine = [o for o in weighted(found) if all(o is not own for own, _ in pairs.layers)]
    theirs = [o for o in weighted(expected) if all(o is not other for _, other in pairs.layers)]
    for parts in (_weights, _statistics):
        one, two = (_by_role(record, left, parts) for record, left in ((found, mine), (expected, theirs)))
        if {role: len(rows_of(each)) for role, each in one.items()} != {
            role: len(rows_of(each)) for role, each in two.items()
        }:
            return
    roles = [_by_role(found, mine, parts) for parts in (_weights, _statistics)]
    others = [_by_role(expected, theirs, parts) for parts in (_weights, _statistics)]
    most = max((len(each) for side in (*roles, *others) for each in side.values()), default=0)
    for order in permutations(range(most)) if most <= FEW else [range(most)]:

        def ordered(tensors: list[Tensor], order: Sequence[int] = tuple(order)) -> list[Tensor]:
            return [tensors[place] for place in order] if len(tensors) == len(order) > 1 else tensors

        more = [[(ordered(one[r]), ordered(two[r])) for r in one] for one, two in zip(roles, others, strict=True)]
        yield Pairing(pairs.layers, pairs.weights + more[0], pairs.statistics + more[1])


Parts = Callable[[Trace, Operation], list[tuple[object, Tensor]]]


def _by_role(record: Trace, layers: Sequence[Operation], parts: Parts) -> dict[object, list[Tensor]]:
    tensors: dict[object, list[Tensor]] = defaultdict(list)
    for layer in layers:
        for role, tensor in parts(record, layer):
            tensors[role].append(tensor)
    return tensors


def _weights(record: Trace, operation: Operation) -> list[tuple[object, Tensor]]:
    """The weights of a layer, each with its role: two of one role can be parts of a wider one."""
    parameters = dict(record.root.named_parameters())
    tensors = [parameters[name] for name in operation.weights]
    if "norm" in operation.name:
        return [(("norm", place), tensor) for place, tensor in enumerate(tensors)]
    return [("bias" if tensor.dim() < 2 else _window_of(tensor), tensor) for tensor in tensors]


def _window_of(weight: Tensor) -> tuple[int, ...]:
    """What each filter reads: (channels, height, width), or (channels,) where it reads one place, as a dense layer does."""
    return tuple(weight.shape[1:]) if max(weight.shape[2:], default=1) > 1 else tuple(weight.shape[1:2])


def _statistics(record: Trace, operation: Operation) -> list[tuple[object, Tensor]]:
    module = record.root.get_submodule(operation.weights[0].rpartition(".")[0]) if operation.weights else record.root
    return [(name, buffer) for name, buffer in module.named_buffers(recurse=False) if buffer.is_floating_point()]


def _labels(record: Trace, with_activations: bool) -> dict[int, int]:
    """A label for each layer that is equal for layers with equal surroundings (Weisfeiler and Lehman's colouring)."""
    graph = reduced(record)
    readers: dict[int, list[int]] = defaultdict(list)
    for node, sources in graph.items():
        for source in sources:
            readers[source].append(node)
    labels = {INPUT: hash("input")}
    for node in graph:
        operation = record.operations[node]
        words = signature(record, operation) if operation.has_weights else "pool"
        labels[node] = hash((words, tuple(sorted(follows(record, operation))) if with_activations else ()))
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


def randomize(module: nn.Module, generator: torch.Generator) -> None:
    """Weights and statistics that are nowhere zero or one, so that no difference hides behind them."""
    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5)
        for name, buffer in module.named_buffers():
            if buffer.is_floating_point():
                values = torch.rand(buffer.shape, generator=generator)
                buffer.copy_(values + 0.5 if name.endswith("var") else values - 0.5)


def missing_and_extra(found: Trace, expected: Trace) -> tuple[Counter, Counter]:
    """Layers in words: those that the learner's module lacks, and those that it has and should not."""
    mine = Counter(signature(found, operation) for operation in weighted(found))
    theirs = Counter(signature(expected, operation) for operation in weighted(expected))
    return theirs - mine, mine - theirs
