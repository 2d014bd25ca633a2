"""What a block costs, by a fixed formula and never by a clock, and the memory it needs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from varprop.errors import SamplingError
from varprop.model.axes import Index
from varprop.model.expressions import Expression, Product, SumOver
from varprop.model.variables import RandomVariable
from varprop.simulation.layout import (
    CALL_COST,
    DRAW_COST,
    ENTRY_COST,
    PRODUCT_COST,
    SINGLE_DRAW_COST,
    SINGLE_PRODUCT_COST,
    Design,
    Label,
    Source,
    Work,
)
from varprop.simulation.schedule import bodies, operands, places_of
from varprop.simulation.streaming import Group

__all__ = ["streamed_in", "within_reach", "work_of"]

MOST_OVER = 20
"""How many budgets two blocks may cost, which is the least that gives an estimate with its error."""


class Scheduled(Protocol):
    """What is evaluated, and from which sources."""

    @property
    def nodes(self) -> Sequence[Expression]: ...
    @property
    def sources(self) -> Sequence[Source]: ...
    @property
    def source_of(self) -> Mapping[RandomVariable, Source]: ...
    @property
    def groups(self) -> Sequence[Group]: ...
    @property
    def uses(self) -> Mapping[Expression, int]: ...
    @property
    def shapes(self) -> dict[bool, dict[Expression, tuple[Label, ...]]]: ...


def _entries(design: Design, labels: Iterable[Label]) -> int:
    return math.prod(
        places_of(label.axis) if isinstance(label, Index) else design.size(label) for label in labels
    )


def _labels(node: RandomVariable, program: Scheduled, design: Design) -> tuple[Label, ...]:
    """The dimensions of a variable: samples, and the indices that sums bind."""
    sample = design.labels(program.source_of[node].first_group)
    return (*sample, *dict.fromkeys(slot for slot in node.slots if slot.is_bound))


def _raised(node: Expression) -> set[Expression]:
    """What a product or a sum takes to a power: an array more while it is evaluated."""
    found = bodies(node) if isinstance(node, SumOver) else []
    if isinstance(node, Product):
        found = [(1.0, node.factors)]
    return {base for _, factors in found for base, power in factors if power != 1}


def _shapes(program: Scheduled, design: Design) -> dict[Expression, tuple[Label, ...]]:
    """The dimensions of all nodes, found once for plain and once for crossed layouts."""
    if design.crossed in program.shapes:
        return program.shapes[design.crossed]
    shapes = program.shapes[design.crossed] = {}
    for node in program.nodes:
        if isinstance(node, RandomVariable):
            shapes[node] = _labels(node, program, design)
        else:
            labels = dict.fromkeys(label for operand in operands(node) for label in shapes[operand])
            if isinstance(node, SumOver):
                labels.pop(node.index, None)
            shapes[node] = tuple(labels)
    return shapes


def streamed_in(program: Scheduled, design: Design) -> dict[Group, int]:
    """The groups of sums that are drawn block by block in a layout, with the places of a block."""
    if not program.groups:
        return {}
    shapes = _shapes(program, design)
    found: dict[Group, int] = {}
    for group in program.groups:
        each = (
            _entries(
                design, [at for at in shapes[node] if not (isinstance(at, Index) and at.axis == group.axis)]
            )
            for node in group.inner
        )
        places = group.places(sum(each))
        if places < places_of(group.axis):
            found[group] = places
    return found


def work_of(program: Scheduled, design: Design) -> Work:
    """The cost of one block by a fixed formula, and the memory it needs."""
    quick = {source.key for source in program.sources if design.single and source.has_single}
    per_product = SINGLE_PRODUCT_COST if quick else PRODUCT_COST
    shapes = _shapes(program, design)
    uses = Counter(program.uses)
    pieces = streamed_in(program, design)
    share = {node: places / places_of(group.axis) for group, places in pieces.items() for node in group.inner}
    drawn: set[int] = set()
    alive = most = 0.0
    draws = 0
    cost = 0.0
    for node in program.nodes:
        touched = raised = 0.0
        part = share.get(node, 1.0)
        if isinstance(node, RandomVariable):
            source = program.source_of[node]
            if source.key not in drawn:
                drawn.add(source.key)
                per_block = _entries(design, design.labels(source.first_group))
                draws += source.numbers * per_block
                each = SINGLE_DRAW_COST if source.key in quick else DRAW_COST
                cost += each * source.numbers * per_block
                alive += per_block * math.prod(source.extents) * part
        else:
            labels = {label for operand in operands(node) for label in shapes[operand]}
            if isinstance(node, SumOver):
                sides = max((_entries(design, shapes[o]) for o in operands(node)), default=1)
                cost += per_product * _entries(design, labels) + ENTRY_COST * sides
            size = _entries(design, shapes[node])
            touched = size * part
            raised = sum(_entries(design, shapes[base]) * share.get(base, 1.0) for base in _raised(node))
            cost += ENTRY_COST * size * max(1, len(operands(node)))
        alive += touched
        most = max(most, alive + raised)
        for operand in operands(node):
            uses[operand] -= 1
            if not uses[operand] and not isinstance(operand, RandomVariable):
                alive -= _entries(design, shapes[operand]) * share.get(operand, 1.0)
    calls = len(program.nodes) + 12 * len(program.sources)
    for group, places in pieces.items():  # every block of places begins anew
        calls += (len(group.inner) + len(group.slots)) * -(-places_of(group.axis) // places)
    return Work(cost, CALL_COST * calls, max(1, math.ceil(most)), draws)


def within_reach(cost: float, nanoseconds: float) -> None:
    """Refuse blocks that cost many times the budget; ten seconds are always granted.

    Raises:
        SamplingError: two blocks cost more.
    """
    if 2 * cost > max(MOST_OVER * nanoseconds, 1e10):
        raise SamplingError(
            f"a budget of {nanoseconds / 1e9:g} seconds",
            f"a single block takes about {cost / 1e9:.2g} seconds",
            "Choose smaller sizes or a larger budget.",
        )
