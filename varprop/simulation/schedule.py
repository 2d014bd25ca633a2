"""What has to be evaluated, in which order, at which places, and how variables split into two groups."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from varprop.errors import SamplingError, brief
from varprop.model.axes import Axis, Index
from varprop.model.expressions import Add, Expression, Product, Scalar, SumOver
from varprop.model.variables import RandomVariable, Variable, variables
from varprop.model.walks import walk

__all__ = [
    "bodies",
    "first_group",
    "number",
    "number_places",
    "operands",
    "places_of",
    "scaled_sum",
    "schedule",
]

MOST_PLACES = 10**18
"""Places of an axis that a run can number."""


def bodies(node: SumOver) -> list[tuple[float, tuple[tuple[Expression, int], ...]]]:
    """The addends of the body of a sum, each as a number and factors: the sum is linear."""
    bodies: list[tuple[float, tuple[tuple[Expression, int], ...]]] = []
    for term in _addends(node):
        if isinstance(term, Product | Scalar):
            coefficient = number(term.coefficient if isinstance(term, Product) else term.value)
        else:
            coefficient = 1.0
        bodies.append((coefficient, _factors(term)))
    return bodies


def operands(node: Expression) -> tuple[Expression, ...]:
    """What must have a value before the node can have one."""
    if isinstance(node, SumOver):
        return tuple(dict.fromkeys(base for term in _addends(node) for base, _ in _factors(term)))
    return node.children


def _addends(node: SumOver) -> tuple[Expression, ...]:
    return node.body.terms if isinstance(node.body, Add) else (node.body,)


def _factors(term: Expression) -> tuple[tuple[Expression, int], ...]:
    if isinstance(term, Product):
        return term.factors
    return () if isinstance(term, Scalar) else ((term, 1),)


def scaled_sum(node: Expression) -> tuple[float, SumOver] | None:
    """A sum and the number that it is multiplied by; None if the node is anything else.

    Example:
        >>> from varprop.model.neurons import dot
        >>> scaled_sum(3 * dot(weights="Normal()", inputs="Uniform(0, 1)", fan_in=4))
        (3.0, sum_i w_i*x_i)
    """
    coefficient = 1.0
    if isinstance(node, Product) and len(node.factors) == 1 and node.factors[0][1] == 1:
        coefficient, node = number(node.coefficient), node.factors[0][0]
    return (coefficient, node) if isinstance(node, SumOver) else None


def schedule(roots: tuple[Expression, ...]) -> list[Expression]:
    """The nodes that need a value, operands first: a product inside a sum needs none of its own."""
    needed, stack = set(roots), list(roots)
    while stack:
        for operand in operands(stack.pop()):
            if operand not in needed:
                needed.add(operand)
                stack.append(operand)
    return [node for node in walk(*roots) if node in needed]


def number_places(nodes: Iterable[Expression]) -> dict[Index, int]:
    """A place for every index that no sum binds."""
    met: dict[Axis, dict[Index, None]] = {}
    for node in nodes:
        if isinstance(node, RandomVariable):
            for slot in node.slots:
                if not slot.is_bound:
                    met.setdefault(slot.axis, {})[slot] = None
    places: dict[Index, int] = {}
    for axis, indices in met.items():
        fixed = {index.key for index in indices if index.kind == "position"}
        size = places_of(axis)
        if len(indices) > size or max(fixed, default=0) >= size:
            raise SamplingError(
                f"{len(indices)} different places of axis {axis.name}",
                f"it has only {size}",
                "Choose a larger size.",
            )
        free = (place for place in range(size) if place not in fixed)
        for index in indices:
            places[index] = index.key if index.kind == "position" else next(free)
    return places


def places_of(axis: Axis) -> int:
    """How many places an axis has.

    Raises:
        SamplingError: its size is no whole number, or beyond what can be counted through.
    """
    size = axis.size
    places = int(size) if size.is_Integer else 0
    if places < 1:
        raise SamplingError(
            f"samples along axis {axis.name} of size {size}",
            "the size is no whole number",
            f"Give a value to every symbol in {size}, such that it is a whole number of at least 1.",
        )
    if places > MOST_PLACES:
        raise SamplingError(
            f"samples along axis {axis.name} of {brief(str(places), 30)} places",
            "no run could draw so many",
            "Choose a smaller size; vp.law(...) has the exact law of a long sum.",
        )
    return places


def number(value: Any) -> float:
    """A coefficient as a float.

    Raises:
        SamplingError: it holds symbols, or is not finite and real.
    """
    if value.free_symbols:
        names = ", ".join(sorted(map(str, value.free_symbols)))
        raise SamplingError(
            f"a sample with the number {value}", f"{names} has no value", f"Give values: at={{{names}: ...}}."
        )
    try:
        return float(value)
    except (TypeError, OverflowError) as problem:
        raise SamplingError(
            f"a sample with the number {value}",
            "it is no finite real number",
            "Choose other values for the symbols.",
        ) from problem


def first_group(*roots: Expression) -> frozenset[Variable]:
    """Choose the variables along the rows of a crossed design, from structure alone.

    In every outermost sum the first single variable of each product goes to the rows and all that stands in
    the other factors to the columns; variables outside the sums go to the rows. Empty if that does not split
    them.
    """
    rows: set[Variable] = set()
    others: set[Expression] = set()
    seen, stack = set(roots), list(roots)
    while stack:
        node = stack.pop()
        if isinstance(node, SumOver):
            for _, factors in bodies(node):
                head = next((base for base, _ in factors if isinstance(base, RandomVariable)), None)
                if head is None:
                    return frozenset()
                rows.add(head.variable)
                others.update(base for base, _ in factors if base is not head)
        else:
            stack.extend(child for child in node.children if child not in seen)
            seen.update(node.children)
    columns = set(variables(*others)) if others else set()
    if not rows or not columns or rows & columns:
        return frozenset()
    return frozenset(variable for variable in variables(*roots) if variable not in columns)
