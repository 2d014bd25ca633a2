"""Axes and indices: along what a variable has copies, and which copy is meant."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from typing import TypeAlias

import sympy as sp

from varprop.errors import ExpressionError, ParameterError, brief
from varprop.model.calls import explained
from varprop.model.scalars import scalar

__all__ = ["Axis", "Index", "Token", "new_token"]

Token: TypeAlias = tuple[int, int]
"""Identity of a variable, an axis or a place: creation order, then a number of its process."""

MOST_PLACES = 10_000
"""So many places can be named at once."""

_COUNTER = itertools.count()
_PROCESS = secrets.randbits(63)


def new_token() -> Token:
    """Return an identity that no other object has, in this process or in another."""
    return next(_COUNTER), _PROCESS


def as_size(value: object, what: str) -> sp.Expr:
    """Return a number of places as a SymPy expression: a positive whole number, or a symbol."""
    size = scalar(value, what)
    if size.is_positive is False or (size.is_number and not size.is_Integer):
        raise ParameterError(
            f"{what} = {size}",
            "a number of copies is a whole number of at least 1",
            "Give an int, or a name such as 'n' to keep it symbolic",
        )
    return size


@explained
@dataclass(frozen=True, eq=False)
class Axis:
    """A direction along which random variables have copies, `size` of them.

    Two axes are never the same because they share a name or a size; only the object counts.

    Args:
        name: the letter shown for its index, such as "i".
        size: a positive whole number, or a symbol or text such as "n".

    Raises:
        ParameterError: the size is zero, negative or fractional.

    Examples:
        >>> i = Axis("i", "n")
        >>> i.size
        n
        >>> i == Axis("i", "n")
        False
    """

    name: str
    size: sp.Expr
    token: Token = field(default_factory=new_token, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ParameterError(
                f"Axis name {brief(self.name)}", "it is not a name", "Use letters, such as 'i'"
            )
        object.__setattr__(self, "size", as_size(self.size, f"the size of axis {self.name}"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Axis) and (self.token, self.size) == (other.token, other.size)

    def __hash__(self) -> int:
        return hash(self.token)

    @property
    def index(self) -> Index:
        """The axis' own index: one arbitrary place."""
        return Index(self, "generic", 0)

    @property
    def unset(self) -> Index:
        """What stands in a slot until it is said which place is meant."""
        return Index(self, "unset", 0)

    def places(self, count: int) -> tuple[Index, ...]:
        """Return `count` new indices, all different places of this axis.

        Examples:
            >>> j, k = Axis("j", 4).places(2)
            >>> j == k
            False
        """
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_PLACES:
            raise ParameterError(
                f"places({brief(count)})",
                "a number of places is a whole number from 1 on",
                f"Give one from 1 to {MOST_PLACES}",
            )
        if self.size.is_Integer and count > self.size:
            raise ExpressionError(f"{count} different places of axis {self.name}", f"it has only {self.size}")
        return tuple(Index(self, "place", new_token()[0], f"{self.name}{k}") for k in range(1, count + 1))

    def at(self, position: int) -> Index:
        """Return the place of this number, counted from 0."""
        if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < 10**18:
            raise ParameterError(
                f"place {brief(position)} of axis {self.name}",
                "places are counted 0, 1, 2, ...",
                "Write axis.at(0) for the first one",
            )
        if self.size.is_Integer and position >= self.size:
            raise ExpressionError(
                f"place {position} of axis {self.name}", f"its places are 0 to {int(self.size) - 1}"
            )
        return Index(self, "position", position, str(position))

    def resized(self, size: sp.Expr) -> Axis:
        """Return the same axis with another size: what `at` does when a symbol gets a value."""
        return self if size == self.size else Axis(self.name, size, self.token)


@dataclass(frozen=True)
class Index:
    """One place of an axis: arbitrary, named, numbered, bound by a sum, or not yet set.

    Two different indices of one axis are two different places; a bound index ranges over all of them.

    Attributes:
        axis: the axis.
        kind: "generic", "place", "position", "bound" or "unset".
        key: what tells places of one kind apart.
        label: the letter shown for it, if not that of the axis.

    Examples:
        >>> first, second = Axis("i", "n").places(2)
        >>> first.name, second.name, first == second
        ('i1', 'i2', False)
    """

    axis: Axis
    kind: str
    key: int
    label: str = field(default="", compare=False)

    @property
    def is_bound(self) -> bool:
        """Whether a sum ranges over this index."""
        return self.kind == "bound"

    @property
    def name(self) -> str:
        """The letter shown for it."""
        return self.label or self.axis.name

    def named(self, label: str) -> Index:
        """Return the same place under another label."""
        return Index(self.axis, self.kind, self.key, label)

    def moved(self, axis: Axis) -> Index:
        """Return the same place on a resized axis, or raise if that axis has no such place."""
        if self.kind == "position":
            return axis.at(self.key)
        return Index(axis, self.kind, self.key, self.label)


def as_index(value: object) -> Index:
    """Return an Axis' own index, or the Index itself."""
    if isinstance(value, Axis):
        return value.index
    if isinstance(value, Index):
        return value
    raise ExpressionError(
        f"{brief(value)} as an index",
        "it is neither an Axis nor one of its places",
        "Use Axis('i', n) or axis.places(2)",
    )
