"""Iterative walks over expression graphs: depth is no limit, and shared parts are met once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

import sympy as sp

from varprop.errors import ParameterError
from varprop.model.axes import Axis, Index
from varprop.model.scalars import scalar

__all__ = ["rebuild", "replace_indices", "specialize", "table_of", "walk"]


class Node(Protocol):
    """What a walk needs of a node."""

    @property
    def children(self) -> tuple[Any, ...]: ...
    @property
    def indices(self) -> frozenset[Index]: ...
    def rebuilt(self, children: tuple[Any, ...]) -> Any: ...
    def moved(self, places: Mapping[Index, Index]) -> Any: ...
    def specialized(self, values: Mapping[Any, Any], axis_at: Callable[[Axis], Axis]) -> Any: ...


N = TypeVar("N", bound=Node)


def walk(*roots: N, into: Callable[[N], bool] = lambda _: True) -> Iterator[N]:
    """Yield every node once, children before parents, in the order they are written.

    Args:
        roots: where to start.
        into: a node for which this is false is left out, with all below it.
    """
    seen: set[N] = set()
    stack = [root for root in reversed(roots) if into(root)]
    while stack:
        node = stack[-1]
        if node in seen:
            stack.pop()
            continue
        waiting = [child for child in node.children if child not in seen and into(child)]
        if waiting:
            stack.extend(reversed(waiting))
        else:
            stack.pop()
            seen.add(node)
            yield node


def rebuild(root: N, change: Callable[[N], N], keep: Callable[[N], bool] = lambda _: False) -> N:
    """Return the expression with `change` applied to every node, leaves first.

    Args:
        root: what to rebuild.
        change: maps a node, its children already rebuilt, to its replacement.
        keep: a node for which this is true stays as it is, with all below it.
    """
    done: dict[N, N] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
        elif keep(node):
            done[stack.pop()] = node
        else:
            waiting = [child for child in node.children if child not in done]
            if waiting:
                stack.extend(waiting)
            else:
                done[stack.pop()] = change(node.rebuilt(tuple(done[child] for child in node.children)))
    return done[root]


def replace_indices(root: N, places: Mapping[Index, Index]) -> N:
    """Return the expression with free indices replaced; no sum inside can capture them."""
    return rebuild(root, lambda node: node.moved(places), keep=lambda node: node.indices.isdisjoint(places))


def table_of(values: object) -> dict[sp.Expr, sp.Expr]:
    """Return values for symbols as SymPy expressions, the symbols given by themselves or by name.

    Raises:
        ParameterError: not a mapping of symbols or names to numbers.
    """
    if not isinstance(values, Mapping):
        raise ParameterError(f"values {values!r:.60}", "they are no mapping", "Write {n: 256} or {'n': 256}")
    return {scalar(key, "a symbol"): scalar(value, f"the value of {key}") for key, value in values.items()}


def specialize(root: N, values: Mapping[Any, Any]) -> N:
    """Return the expression with numbers or expressions in place of symbols, wherever they stand.

    Args:
        root: what to specialize.
        values: symbol or its name -> number, text or SymPy expression.
    """
    table = table_of(values)
    resized: dict[Axis, Axis] = {}

    def axis_at(axis: Axis) -> Axis:
        if axis not in resized:
            resized[axis] = axis.resized(axis.size.xreplace(table))
        return resized[axis]

    return rebuild(root, lambda node: node.specialized(table, axis_at))
