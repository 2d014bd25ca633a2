"""Nodes of expressions: interned, ordered by structure, and rebuilt without recursion."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Self, TypeAlias, TypeVar
from weakref import WeakValueDictionary
from zlib import crc32

from varprop.errors import ExpressionError
from varprop.model.axes import Axis, Index, Token
from varprop.model.walks import walk

__all__ = ["Node", "Order", "brief_text", "intern", "show_with"]

Order: TypeAlias = tuple[Token, int, int, int, int]
LARGEST = 10**19
N = TypeVar("N")

_INTERNED: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()
_LAST: Token = (2**62, 0)
_SERIAL = itertools.count()


brief_text = lru_cache(maxsize=1024)(str)


class Node:
    """A node of an expression: its structure, its place in every order, and how it is rebuilt.

    Attributes:
        indices: the indices that no sum inside binds.
        height: how deeply sums are nested inside; it names bound indices.
        depth: the longest way down to a leaf.
        first: the creation token of its oldest variable; it fixes the order of factors and terms.
        order: sorts expressions as they are shown, whatever the session did before: by oldest variable,
            depth, degree, structure, and places.
        serial: a number no other node of this process has; it decides only where `order` does not.
    """

    __slots__ = ("__weakref__", "children", "depth", "first", "height", "indices", "order", "serial")

    children: tuple[Any, ...]
    indices: frozenset[Index]
    height: int
    depth: int
    first: Token
    order: Order
    serial: int

    def _measure(self, children: tuple[Any, ...], powers: Iterable[int] = itertools.repeat(1)) -> None:
        self.children = children
        self.serial = next(_SERIAL)
        self.depth = 1 + max((child.depth for child in children), default=0)
        self.height = max((child.height for child in children), default=0)
        self.first = min((child.first for child in children), default=_LAST)
        self.indices = frozenset().union(*(child.indices for child in children))
        degree, places, structure = 0, 0, crc32(f"{type(self).__name__} {self.label()}".encode())
        for child, power in zip(children, powers, strict=False):
            degree += power * child.order[2]
            places += power * child.order[4]
            structure = crc32(b"%d %d" % (power, child.order[3]), structure)
        self.order = (self.first, self.depth, min(degree, LARGEST), structure, min(places, LARGEST))

    def label(self) -> str:
        """Return what the node holds besides its children, as a text that is the same in every session."""
        return ""

    @property
    def rank(self) -> int:
        """Where the node stands among factors: weights first, other variables next, the rest last."""
        return 2

    def content(self) -> tuple[Any, ...]:
        """Return what the node holds besides its children."""
        return ()

    @classmethod
    def restored(cls, content: tuple[Any, ...], children: tuple[Any, ...]) -> Any:
        """Return the node of this content and these children."""
        raise NotImplementedError  # pragma: no cover

    def rebuilt(self, children: tuple[Any, ...]) -> Any:
        """Return the same kind of node over other children."""
        return self if children == self.children else self.restored(self.content(), children)

    def moved(self, places: Mapping[Index, Index]) -> Any:
        """Return the node with its own free indices replaced."""
        return self

    def specialized(self, values: Mapping[Any, Any], axis_at: Callable[[Axis], Axis]) -> tuple[Any, ...]:
        """Return the content with values in place of its own symbols."""
        return self.content()

    def checked(self) -> Self:
        """Return the node, or raise if it cannot stand in an expression yet."""
        return self

    def __iter__(self) -> Iterator[Any]:
        raise ExpressionError(
            f"iteration over {self}",
            "it is not a sequence",
            "Name a place: x.at(i=0), or x[k] with k of axis.places(2)",
        )

    def __bool__(self) -> bool:
        raise ExpressionError(
            f"{self} as a condition",
            "it is neither true nor false",
            "Write `is None`, or ask about derive(...).result",
        )

    def _unordered(self, sign: str, other: object) -> bool:
        raise ExpressionError(
            f"{self} {sign} {other!s:.200}",
            "a random quantity is not ordered",
            "For the event that x > c write vp.step(x - c), and vp.Mean of it for its probability",
        )

    def __lt__(self, other: object) -> bool:
        return self._unordered("<", other)

    def __le__(self, other: object) -> bool:
        return self._unordered("<=", other)

    def __gt__(self, other: object) -> bool:
        return self._unordered(">", other)

    def __ge__(self, other: object) -> bool:
        return self._unordered(">=", other)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[..., Node], tuple[object, ...]]:
        place: dict[Node, int] = {}
        table: list[tuple[object, ...]] = []
        for node in walk(self):
            place[node] = len(table)
            table.append((type(node), node.content(), tuple(place[child] for child in node.children)))
        return _unpack, (tuple(table),)

    def __str__(self) -> str:
        return _show(self)

    __repr__ = __str__


_show: Callable[[Any], str] = object.__repr__


def show_with(printer: Callable[[Any], str]) -> None:
    """Set how expressions turn into text; the printer lives one module up."""
    global _show  # noqa: PLW0603
    _show = printer


def intern(key: tuple[Any, ...], cls: type[N]) -> tuple[N, bool]:
    found = _INTERNED.get(key)
    if found is not None:
        return found, False
    node = object.__new__(cls)
    _INTERNED[key] = node
    return node, True


def _unpack(table: tuple[tuple[type[Node], tuple[Any, ...], tuple[int, ...]], ...]) -> Node:
    built: list[Node] = []
    for cls, content, places in table:
        built.append(cls.restored(content, tuple(built[place] for place in places)))
    return built[-1]
