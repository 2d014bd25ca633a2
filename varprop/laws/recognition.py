"""From an expression to its addends: which variables, how many copies, what is shared; structure only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import sympy as sp

from varprop.errors import LawError
from varprop.laws.digits import numbers
from varprop.laws.law import Array
from varprop.model.axes import Index
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver
from varprop.model.joint import Empirical, Joint
from varprop.model.variables import RandomVariable, Variable

__all__ = ["Addend", "Leaf", "addends_of", "refuse"]


@dataclass(frozen=True)
class Leaf:
    """A random variable under activations: one factor of a term.

    Args:
        node: the variable at its place.
        activations: applied to it, innermost first.
    """

    node: RandomVariable
    activations: tuple[Any, ...] = ()

    @property
    def variable(self) -> Variable:
        """The variable itself."""
        return self.node.variable

    def applied(self, values: Array) -> Array:
        """The activations, applied to numbers."""
        for activation in self.activations:
            values = activation.value(values)
        return values


@dataclass(frozen=True)
class Addend:
    """coefficient * product of leaves, in `count` copies along `bound` indices.

    Args:
        exact: the number in front.
        leaves: its random factors; none for a constant.
        bound: the indices of the sums around it.
    """

    exact: sp.Expr
    leaves: tuple[Leaf, ...]
    bound: tuple[Index, ...]
    where: Expression

    @property
    def coefficient(self) -> float:
        """The number in front as a float."""
        return number(self.exact, self.where)

    @property
    def count(self) -> int:
        """The number of copies."""
        return math.prod(int(index.axis.size) for index in self.bound)


def refuse(where: object, missing: str, remedy: str = "") -> NoReturn:
    """Raise the error of a law that is not known."""
    raise LawError(f"the law of {where!s:.300}", missing, remedy)


def number(value: sp.Expr, where: Expression) -> float:
    """The float of a number in an expression."""
    if value.free_symbols:
        names = ", ".join(sorted(s.name for s in value.free_symbols))
        refuse(where, f"it depends on {names}", f"Give at={{'{names}': ...}}.")
    return float(value)


def addends_of(expression: Expression, symbolic: bool = False) -> list[Addend]:
    """The addends of an expression, each a product of random factors.

    Args:
        expression: a random expression.
        symbolic: whether sizes and coefficients may be symbols.

    Raises:
        LawError: a factor is itself a sum, a power, or an activation of something composed.
    """
    found = list(_walk(expression, sp.S.One, ()))
    for addend in () if symbolic else found:
        number(addend.exact, expression)
        for index in addend.bound:
            number(index.axis.size, expression)
    return found


def _walk(node: Expression, coefficient: sp.Expr, bound: tuple[Index, ...]) -> Iterator[Addend]:
    waiting: list[tuple[Expression, sp.Expr, tuple[Index, ...]]] = [(node, coefficient, bound)]
    while waiting:
        node, coefficient, bound = waiting.pop()
        if isinstance(node, Add):
            waiting.extend((term, coefficient, bound) for term in reversed(node.terms))
        elif isinstance(node, SumOver):
            waiting.append((node.body, coefficient, (*bound, node.index)))
        elif isinstance(node, Scalar):
            yield Addend(coefficient * node.value, (), bound, node)
        elif isinstance(node, Product):
            inner = coefficient * node.coefficient
            (base, power), *rest = node.factors
            if not rest and power == 1 and isinstance(base, (Add, SumOver)):
                waiting.append((base, inner, bound))
                continue
            leaves: list[Leaf] = []
            for base, power in node.factors:
                if power != 1:
                    refuse(
                        node,
                        f"{base} enters as a power",
                        "Laws are known for products of different variables.",
                    )
                leaves.append(_leaf(base, node))
            yield Addend(inner, tuple(leaves), bound, node)
        else:
            yield Addend(coefficient, (_leaf(node, node),), bound, node)


def _leaf(node: Expression, where: Expression) -> Leaf:
    activations = []
    while isinstance(node, Apply):
        activations.append(node.activation)
        node = node.argument
    if not isinstance(node, RandomVariable):
        refuse(
            where, f"its factor {node!s:.80} is composed", "Laws are known for sums of products of variables."
        )
    return Leaf(node, tuple(reversed(activations)))


def independent(addends: list[Addend], expression: Expression) -> None:
    """Check that addends and their copies are independent of each other.

    Raises:
        LawError: a variable is shared.
    """
    seen: dict[Variable, Addend] = {}
    for addend in addends:
        for leaf in addend.leaves:
            name = leaf.variable.name
            if leaf.variable in seen:
                refuse(expression, f"{name} enters more than one addend", "Its addends must be independent.")
            if leaf.variable.is_joint:
                refuse(
                    expression, f"{name} is {leaf.variable.distribution}", "It needs normal weights alone."
                )
            seen[leaf.variable] = addend
            missing = [index.axis.name for index in addend.bound if index not in leaf.node.slots]
            if missing:
                refuse(expression, f"{name} is shared along {missing[0]}", "Its copies must be independent.")


def given_values(
    given: Mapping[Any, Any] | None, addends: list[Addend], where: Expression
) -> dict[Variable, Array]:
    """Values of variables, keyed by the variables themselves.

    Args:
        given: by variable or by name.
        addends: where they occur.
        where: the whole expression.

    Raises:
        LawError: no such variable, or not one finite number per place.
    """
    present = dict.fromkeys(leaf.variable for addend in addends for leaf in addend.leaves)
    found: dict[Variable, Array] = {}
    for key, value in (given or {}).items():
        name = key.variable.name if isinstance(key, RandomVariable) else str(key)
        named = [
            v for v in present if (v == key.variable if isinstance(key, RandomVariable) else v.name == name)
        ]
        if not named:
            known = ", ".join(sorted({v.name for v in present}))
            refuse(where, f"given {name}: no such variable", f"Its variables are {known}.")
        if len(named) > 1:
            refuse(where, f"given {name}: {len(named)} variables have this name", "Give the variable itself.")
        [variable] = named
        values = numbers(value, f"given {name}")
        sizes = tuple(int(axis.size) for axis in variable.axes)
        if not np.isfinite(values).all() or (values.shape != sizes and values.size != 1):
            refuse(
                where, f"given {name}: {values.shape} numbers", f"Give finite numbers, as many as {sizes}."
            )
        found[variable] = np.broadcast_to(values, sizes)
    return found


def rows_of(leaf: Leaf) -> Array:
    """The rows of the table a leaf comes from, activations applied."""
    law = leaf.variable.distribution
    if not isinstance(law, Empirical):
        known = "Empirical" if isinstance(law, Joint) else "a table"
        refuse(leaf.node, f"{law} is no {known}", "Laws of joint inputs are known for tables.")
    return leaf.applied(law.data)
