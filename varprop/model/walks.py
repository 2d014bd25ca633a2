"""Iterative walks over expression graphs: depth is no limit, and shared parts are met once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import sympy as sp

from varprop.errors import ParameterError, brief
from varprop.model.axes import Axis, Index
from varprop.model.scalars import scalar, substitute, symbol, symbols_in

__all__ = [
    "rebuild",
    "replace_indices",
    "require_known",
    "specialize",
    "symbols_of",
    "table_of",
    "walk",
]


class Node(Protocol):
    """What a walk needs of a node."""

    @property
    def children(self) -> tuple[Any, ...]: ...
    @property
    def indices(self) -> frozenset[Index]: ...
    def rebuilt(self, children: tuple[Any, ...]) -> Any: ...
    def moved(self, places: Mapping[Index, Index]) -> Any: ...
    def content(self) -> tuple[Any, ...]: ...
    def specialized(self, values: Mapping[Any, Any], axis_at: Callable[[Axis], Axis]) -> tuple[Any, ...]: ...
    @classmethod
    def restored(cls, content: tuple[Any, ...], children: tuple[Any, ...]) -> Any: ...


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


def rebuild(
    root: N, change: Callable[[N, tuple[N, ...]], N], keep: Callable[[N], bool] = lambda _: False
) -> N:
    """Return the expression with `change` applied to every node, leaves first.

    Args:
        root: what to rebuild.
        change: maps a node and its new children to its replacement.
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
                done[stack.pop()] = change(node, tuple(done[child] for child in node.children))
    return done[root]


def replace_indices(root: N, places: Mapping[Index, Index]) -> N:
    """Return the expression with free indices replaced; no sum inside can capture them."""
    return rebuild(
        root,
        lambda node, children: node.rebuilt(children).moved(places),
        keep=lambda node: node.indices.isdisjoint(places),
    )


def table_of(values: object) -> dict[sp.Symbol, sp.Expr]:
    """Return values for symbols as SymPy expressions, the symbols given by themselves or by name.

    Raises:
        ParameterError: not a mapping of symbols or names to numbers, or two values for one symbol.
    """
    if not isinstance(values, Mapping):
        raise ParameterError(
            f"values {brief(values, 60)}", "they are no mapping", "Write {n: 256} or {'n': 256}"
        )
    table: dict[sp.Symbol, sp.Expr] = {}
    for key, value in values.items():
        name = symbol(key) if isinstance(key, str) else key
        if not isinstance(name, sp.Symbol):
            raise ParameterError(
                f"a value for {brief(key, 60)}",
                "it is no symbol and no name of one",
                "Write {n: 256} or {'n': 256}",
            )
        number = scalar(value, f"the value of {name}")
        if table.setdefault(name, number) != number:
            raise ParameterError(f"values for {name}", "there are two", "Give one")
    return table


@lru_cache(maxsize=64)
def symbols_of(*roots: Node) -> frozenset[sp.Symbol]:
    """Return the symbols in expressions, wherever they stand: in numbers, sizes, laws and activations."""
    contents = dict.fromkeys(part for node in walk(*roots) for part in node.content())
    return frozenset().union(*map(symbols_in, contents))


def require_known(table: Mapping[sp.Symbol, sp.Expr], symbols: frozenset[sp.Symbol], shown: str) -> None:
    """Raise if a value is given for a symbol that does not occur.

    Raises:
        ParameterError: one does not.
    """
    strange = [name for name in table if name not in symbols]
    if strange:
        known = ", ".join(sorted(map(str, symbols))) or "none"
        raise ParameterError(
            f"a value for {strange[0]}", f"it does not occur in {shown}", f"The symbols in it are: {known}"
        )


def specialize(root: N, table: Mapping[sp.Symbol, sp.Expr]) -> N:
    """Return the expression with numbers or expressions in place of symbols, wherever they stand.

    Args:
        root: what to specialize.
        table: what `table_of` returns; symbols that do not occur are left out.
    """
    resized: dict[Axis, Axis] = {}

    def axis_at(axis: Axis) -> Axis:
        if axis not in resized:
            resized[axis] = axis.resized(substitute(axis.size, table))
        return resized[axis]

    def change(node: N, children: tuple[N, ...]) -> N:
        content = node.specialized(table, axis_at)
        if children == node.children and content == node.content():
            return node
        return node.restored(content, children)  # type: ignore[no-any-return]

    return rebuild(root, change)
