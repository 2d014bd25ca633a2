"""Sums so long that their places are drawn block by block: memory stays bounded whatever the fan-in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from varprop.model.axes import Axis
from varprop.model.expressions import Expression, SumOver
from varprop.model.variables import RandomVariable
from varprop.simulation.layout import Source
from varprop.simulation.schedule import operands, places_of

__all__ = ["Group", "groups_of"]

SHORTEST = 256
LONGEST = 1024
"""Places drawn at once at most."""
PIECE_ENTRIES = 2**19
"""Array entries of a block of places at most."""


@dataclass(frozen=True, eq=False)
class Group:
    """Sums over one axis that share variables, evaluated together, a block of places at a time.

    Args:
        axis: what they range over.
        sums: the sums, in the order of evaluation.
        inner: what depends on the place, in the order of evaluation; nothing else uses it.
        outer: what else they need.
        slots: of every variable inside, by its key, the slot that the axis fills.
    """

    axis: Axis
    sums: tuple[SumOver, ...]
    inner: tuple[Expression, ...]
    outer: tuple[Expression, ...]
    slots: Mapping[int, int]

    def places(self, entries: int) -> int:
        """Places per block: a power of two that depends on the layout alone.

        Args:
            entries: array entries per place.
        """
        most = max(1, min(LONGEST, PIECE_ENTRIES // max(1, entries)))
        return int(1 << (most.bit_length() - 1))


def groups_of(
    nodes: Sequence[Expression], source_of: Mapping[RandomVariable, Source], roots: Sequence[Expression]
) -> tuple[Group, ...]:
    """The sums that can be drawn block by block, the longest first, then the outermost.

    Every variable inside must have independent copies along the axis and be used nowhere else.
    """
    users: dict[Expression, set[Expression]] = {}
    for node in nodes:
        for operand in operands(node):
            users.setdefault(operand, set()).add(node)
    groups: list[Group] = []
    taken: set[Expression] = set()
    rank = {node: place for place, node in enumerate(nodes)}
    sums = [node for node in nodes if isinstance(node, SumOver)]
    for node in sorted(sums, key=lambda one: (places_of(one.index.axis), rank[one]), reverse=True):
        if node in taken or places_of(node.index.axis) < SHORTEST:
            continue
        group = _grown(node, nodes, source_of, users, rank)
        if group is None or taken & {*group.inner, *group.sums} or set(roots) & set(group.inner):
            continue
        groups.append(group)
        taken |= {*group.inner, *group.sums}
    return tuple(groups)


def _carries(node: Expression, sums: Sequence[SumOver]) -> bool:
    return any(one.index in node.indices for one in sums)


def _grown(
    first: SumOver,
    nodes: Sequence[Expression],
    source_of: Mapping[RandomVariable, Source],
    users: Mapping[Expression, set[Expression]],
    rank: Mapping[Expression, int],
) -> Group | None:
    """The group of a sum: with it all sums over its axis that read the same variables."""
    axis = first.index.axis
    over = [node for node in nodes if isinstance(node, SumOver) and node.index.axis == axis]
    sums: list[SumOver] = [first]
    while True:
        inner = [node for node in nodes if node not in sums and _carries(node, sums)]
        variables = {source_of[node].key for node in inner if isinstance(node, RandomVariable)}
        leaves = [leaf for leaf, source in source_of.items() if source.key in variables]
        more = [one for one in over if one not in sums and any(one.index in leaf.indices for leaf in leaves)]
        if not more:
            break
        sums += more
    if any(one in inner for one in sums):
        return None
    inside = {*inner, *sums}
    if any(not users.get(node, set()) <= inside for node in inner) or any(
        leaf not in inner for leaf in leaves
    ):
        return None
    slots: dict[int, int] = {}
    for leaf in leaves:
        source = source_of[leaf]
        filled = [k for k, slot in enumerate(leaf.slots) if any(slot == one.index for one in sums)]
        free = source.law is None or source.law.independent
        if len(filled) != 1 or slots.setdefault(source.key, filled[0]) != filled[0] or not free:
            return None
        if source.variable.is_joint or len(source.places[filled[0]]) != places_of(axis):
            return None
    ordered = sorted(sums, key=rank.__getitem__)
    outer = {o for node in inside for o in operands(node) if o not in inside}
    if any(rank[node] > rank[ordered[0]] for node in outer):
        return None
    return Group(axis, tuple(ordered), tuple(inner), tuple(outer), slots)
