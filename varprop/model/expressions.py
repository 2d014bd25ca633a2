"""The algebra of random variables: sums of products, nested to any depth.

Nodes are immutable and interned: one structure is one object, so equality is identity and shared
parts are stored once. Every walk is iterative, so depth is no limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

import sympy as sp

from varprop.errors import ExpressionError, brief
from varprop.model.axes import Axis, Index, Token, as_index
from varprop.model.calls import explained
from varprop.model.nodes import Node, Order, brief_text, intern
from varprop.model.scalars import scalar, substitute
from varprop.model.walks import replace_indices, require_known, specialize, symbols_of, table_of

__all__ = [
    "Add",
    "Apply",
    "Expression",
    "Product",
    "Scalar",
    "SumOver",
    "as_expression",
    "sum_over",
]


LARGEST_POWER = 10**6
"""Higher powers are refused."""


class Nonlinearity(Protocol):
    """What `Apply` needs of an activation: to be hashable, and to take values for its symbols."""

    def at(self, values: Mapping[Any, Any]) -> Any: ...


class Expression(Node):
    """A random quantity built from random variables by `+ - * **`, sums along axes, and activations.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> 2 * RandomVariable("x", "Uniform(0, 1)") ** 2 + 1
        2*x**2 + 1
    """

    __slots__ = ()
    __array_ufunc__: ClassVar[None] = None

    children: tuple[Expression, ...]

    def __add__(self, other: object) -> Expression:
        return add(self, as_expression(other))

    def __radd__(self, other: object) -> Expression:
        return add(as_expression(other), self)

    def __neg__(self) -> Expression:
        return multiply(Scalar(-1), self)

    def __sub__(self, other: object) -> Expression:
        return add(self, -as_expression(other))

    def __rsub__(self, other: object) -> Expression:
        return add(as_expression(other), -self)

    def __mul__(self, other: object) -> Expression:
        return multiply(self, as_expression(other))

    def __rmul__(self, other: object) -> Expression:
        return multiply(as_expression(other), self)

    def __truediv__(self, other: object) -> Expression:
        divisor = as_expression(other)
        if not isinstance(divisor, Scalar) or divisor.value.is_zero:
            raise ExpressionError(
                f"{self} / {other}",
                "only a nonzero number can divide",
                "Multiply by a random variable of its own",
            )
        return multiply(Scalar(1 / divisor.value), self)

    def __rtruediv__(self, other: object) -> Expression:
        raise ExpressionError(
            f"{other} / {self}", "a random quantity cannot divide", "Only sums of products are known"
        )

    def __pow__(self, exponent: object) -> Expression:
        if isinstance(exponent, (int, sp.Integer)) and not isinstance(exponent, bool) and exponent >= 0:
            return Scalar(1) if exponent == 0 else product(sp.S.One, ((self.checked(), int(exponent)),))
        raise ExpressionError(
            f"({self})**{brief(exponent)}",
            "powers are whole numbers, 0, 1, 2, ...",
            "Use an activation such as vp.abs_",
        )

    def at(self, values: Mapping[Any, Any] | None = None, /, **places: int) -> Expression:
        """Return the expression with values for symbols, or at numbered places of named axes.

        Args:
            values: symbol or its name -> number or expression.
            places: axis name -> place, counted from 0, for each free index of that axis.

        Raises:
            ExpressionError: no free index belongs to an axis of that name.
            ParameterError: a symbol does not occur, or a value leaves the domain of its parameter.

        Examples:
            >>> from varprop.model.variables import RandomVariable
            >>> x = RandomVariable("x", "Normal()", axes=Axis("i", 5))
            >>> x.at(i=3)
            x[3]
        """
        result = self
        if values is not None:
            table = table_of(values)
            require_known(table, symbols_of(self), str(self))
            result = specialize(self, table)
        for name, position in places.items():
            found = [index for index in result.indices if index.axis.name == name and index.kind == "generic"]
            if len(found) != 1:
                raise ExpressionError(
                    f"place {name}={position} of {self}", f"it has no single free index {name}"
                )
            result = replace_indices(result, {found[0]: found[0].axis.at(position)})
        return result


class Scalar(Expression):
    """A number or symbol, the same in every draw."""

    __slots__ = ("value",)
    value: sp.Expr

    def __new__(cls, value: object) -> Scalar:
        number = scalar(value, "a number in an expression")
        node, new = intern((cls, number), cls)
        assert isinstance(node, Scalar)
        if new:
            node.value = number
            node._measure(())
        return node

    def label(self) -> str:
        return brief_text(self.value)

    def content(self) -> tuple[Any, ...]:
        return (self.value,)

    @classmethod
    def restored(cls, content: tuple[Any, ...], children: tuple[Expression, ...]) -> Expression:
        return cls(*content)

    def specialized(self, values: Mapping[Any, Any], axis_at: Callable[[Axis], Axis]) -> tuple[Any, ...]:
        return (substitute(self.value, values),)


class Product(Expression):
    """A product of powers with a number in front."""

    __slots__ = ("coefficient", "factors")
    coefficient: sp.Expr
    factors: tuple[tuple[Expression, int], ...]

    @staticmethod
    def of(coefficient: sp.Expr, powers: Mapping[Expression, int]) -> Expression:
        """Return coefficient * prod(base**power), in the order a reader expects: weights first."""
        if coefficient == 0 or not powers:
            return Scalar(coefficient)
        if coefficient == 1 and len(powers) == 1:
            ((base, power),) = powers.items()
            if power == 1:
                return base
        if max(powers.values()) > LARGEST_POWER:
            raise ExpressionError("a product", f"a power is above {LARGEST_POWER}", "Use lower ones")
        node, new = intern((Product, coefficient, frozenset(powers.items())), Product)
        assert isinstance(node, Product)
        if new:
            node.factors = tuple(sorted(powers.items(), key=_factor_order))
            node.coefficient = coefficient
            node._measure(tuple(base for base, _ in node.factors), (power for _, power in node.factors))
        return node

    def label(self) -> str:
        return brief_text(self.coefficient)

    def content(self) -> tuple[Any, ...]:
        return self.coefficient, tuple(power for _, power in self.factors)

    @classmethod
    def restored(cls, content: tuple[Any, ...], children: tuple[Expression, ...]) -> Expression:
        coefficient, exponents = content
        return product(coefficient, zip(children, exponents, strict=True))

    def specialized(self, values: Mapping[Any, Any], axis_at: Callable[[Axis], Axis]) -> tuple[Any, ...]:
        coefficient, exponents = self.content()
        return substitute(coefficient, values), exponents


def _factor_order(item: tuple[Expression, int]) -> tuple[int, Token, int, int, Order]:
    base, power = item
    return base.rank, base.first, base.depth, power, base.order


class Add(Expression):
    """A sum of terms, grouped as it was written."""

    __slots__ = ("terms",)
    terms: tuple[Expression, ...]

    @staticmethod
    def of(terms: Iterable[Expression]) -> Expression:
        """Return the sum of the terms, like terms merged."""
        merged: dict[Expression, sp.Expr] = {}
        number: sp.Expr = sp.S.Zero
        for term in terms:
            if isinstance(term, Scalar):
                number += term.value
                continue
            coefficient, core = split_coefficient(term)
            merged[core] = merged.get(core, sp.S.Zero) + coefficient
        kept = [multiply(Scalar(c), core) for core, c in merged.items() if c != 0]
        if number != 0 or not kept:
            kept.append(Scalar(number))
        if len(kept) == 1:
            return kept[0]
        node, new = intern((Add, frozenset(kept)), Add)
        assert isinstance(node, Add)
        if new:
            node.terms = tuple(sorted(kept, key=lambda term: term.order))
            node._measure(node.terms)
        return node

    @classmethod
    def restored(cls, content: tuple[Any, ...], children: tuple[Expression, ...]) -> Expression:
        return cls.of(children)


class SumOver(Expression):
    """A sum over all places of one axis."""

    __slots__ = ("body", "index")
    body: Expression
    index: Index

    @staticmethod
    def of(index: Index, body: Expression) -> SumOver:
        """Return the sum over an index that is bound already."""
        node, new = intern((SumOver, index, body), SumOver)
        assert isinstance(node, SumOver)
        if new:
            node.body, node.index = body, index
            node._measure((body,))
            node.height = max(body.height, index.key)
            node.indices = body.indices - {index}
        return node

    def content(self) -> tuple[Any, ...]:
        return (self.index,)

    def label(self) -> str:
        return self.index.axis.name

    def opened(self, place: Index) -> Expression:
        """Return the body at one place."""
        return replace_indices(self.body, {self.index: place})

    @classmethod
    def restored(cls, content: tuple[Any, ...], children: tuple[Expression, ...]) -> Expression:
        (index,), (body,) = content, children
        if body.height < index.key:
            return sum_bound(index, body)
        place = index.axis.places(1)[0]
        return sum_over(place, replace_indices(body, {index: place}))

    def specialized(self, values: Mapping[Any, Any], axis_at: Callable[[Axis], Axis]) -> tuple[Any, ...]:
        return (self.index.moved(axis_at(self.index.axis)),)


class Apply(Expression):
    """An activation applied to an expression."""

    __slots__ = ("activation", "argument")
    activation: Any
    argument: Expression

    @staticmethod
    def of(activation: Nonlinearity, argument: Expression) -> Apply:
        """Return activation(argument)."""
        node, new = intern((Apply, activation, argument), Apply)
        assert isinstance(node, Apply)
        if new:
            node.activation, node.argument = activation, argument
            node._measure((argument,))
        return node

    def label(self) -> str:
        return str(self.activation)

    def content(self) -> tuple[Any, ...]:
        return (self.activation,)

    @classmethod
    def restored(cls, content: tuple[Any, ...], children: tuple[Expression, ...]) -> Expression:
        return cls.of(content[0], children[0])

    def specialized(self, values: Mapping[Any, Any], axis_at: Callable[[Axis], Axis]) -> tuple[Any, ...]:
        return (self.activation.at(values),)


def as_expression(value: object) -> Expression:
    """Return an Expression unchanged, and a number, symbol or text as a Scalar.

    Raises:
        ExpressionError: a variable with two slots on one axis has no indices yet.
        ParameterError: the value is neither random nor a number.
    """
    return value.checked() if isinstance(value, Expression) else Scalar(value)


def multiply(left: Expression, right: Expression) -> Expression:
    """Return the product of two expressions."""
    return product(sp.S.One, ((left.checked(), 1), (right.checked(), 1)))


def product(coefficient: sp.Expr, factors: Iterable[tuple[Expression, int]]) -> Expression:
    """Return coefficient * prod(base**power), nested products flattened and equal bases merged."""
    powers: dict[Expression, int] = {}
    for base, power in factors:
        if isinstance(base, Scalar):
            coefficient = coefficient * base.value**power
        elif isinstance(base, Product):
            coefficient = coefficient * base.coefficient**power
            for inner, exponent in base.factors:
                powers[inner] = powers.get(inner, 0) + exponent * power
        else:
            powers[base] = powers.get(base, 0) + power
    return Product.of(coefficient, powers)


def split_coefficient(term: Expression) -> tuple[sp.Expr, Expression]:
    """Return the number in front of a term, and the rest."""
    if isinstance(term, Scalar):
        return term.value, Scalar(1)
    if isinstance(term, Product):
        return term.coefficient, Product.of(sp.S.One, dict(term.factors))
    return sp.S.One, term


def powers_of(node: Expression) -> tuple[tuple[Expression, int], ...]:
    """Return the factors of an expression with their powers; a single factor is its own."""
    if isinstance(node, Product):
        return node.factors
    return () if isinstance(node, Scalar) else ((node, 1),)


def add(left: Expression, right: Expression) -> Expression:
    """Return the sum of two expressions, grouped as given."""
    return Add.of((left.checked(), right.checked()))


def sum_bound(index: Index, body: Expression) -> Expression:
    """Return the sum over a bound index; a body without it is counted once per place."""
    if index in body.indices:
        return SumOver.of(index, body)
    return multiply(Scalar(index.axis.size), body)


@explained
def sum_over(axis: Axis | Index, body: object) -> Expression:
    """Return the sum of an expression over all places of an axis.

    Every variable that names the axis is a fresh copy at each place; a body that does not depend on
    the axis is the same at each place, so its sum is the size times the body.

    Args:
        axis: the Axis, or one of its named places, to sum over.
        body: an Expression, or a number.

    Raises:
        ExpressionError: the index is a numbered place, which cannot vary.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> i = Axis("i", "n")
        >>> sum_over(i, RandomVariable("w", "Normal()", axes=i))
        sum_i w_i
        >>> sum_over(i, RandomVariable("b", "Normal()"))
        n*b
    """
    index, inner = as_index(axis), as_expression(body)
    if index.kind in ("position", "bound"):
        raise ExpressionError(f"a sum over {index.name}", "it is one fixed place", "Sum over an Axis")
    height = max(inner.height, *(found.key for found in inner.indices if found.is_bound), 0)
    return sum_bound(bound := Index(index.axis, "bound", 1 + height), replace_indices(inner, {index: bound}))
