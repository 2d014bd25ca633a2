"""What a quantity must satisfy before anything is derived from it or checked."""

from __future__ import annotations

from collections import Counter

import sympy as sp

from varprop.derivation.quantities import Quantity, nouns
from varprop.errors import ExpressionError, ParameterError, brief
from varprop.model.axes import Axis, Index, Token
from varprop.model.expressions import Expression
from varprop.model.printing import to_text
from varprop.model.scalars import one_meaning_per_name
from varprop.model.variables import Variable, variables

__all__ = ["validated"]


def validated(quantity: object) -> sp.Expr:
    """Return a line of quantities, or raise if what it says is ambiguous.

    Raises:
        ExpressionError: a random expression was given instead of a quantity; a free index of a table;
            two specializations of one variable; more named places than an axis has.
        ParameterError: neither a quantity nor an expression of quantities.
    """
    if isinstance(quantity, Expression):
        raise ExpressionError(
            f"derive({to_text(quantity)})",
            "a random expression is no number",
            "Ask for vp.Variance(...) or vp.Mean(...)",
        )
    if not isinstance(quantity, sp.Expr) or not quantity.has(Quantity):
        raise ParameterError(
            f"derive({brief(quantity)})",
            "it holds no quantity",
            "Give vp.Variance(z), vp.Mean(z**2), ...",
        )
    for noun in nouns(quantity):
        _places(noun)
    _one_meaning(quantity)
    return quantity


def _places(noun: Quantity) -> None:
    free: dict[Axis, set[Index]] = {}
    for expression in noun.expressions:
        for index in expression.indices:
            free.setdefault(index.axis, set()).add(index)
    joint_axes = {
        axis
        for variable in variables(*noun.expressions)
        if variable.is_joint and not variable.distribution.alike  # type: ignore[union-attr]
        for axis in variable.axes
    }
    for axis, indices in free.items():
        if axis.size.is_Integer and len(indices) > axis.size:
            raise ExpressionError(
                f"{noun}", f"it names {len(indices)} places of axis {axis.name}, which has {axis.size}"
            )
        if axis in joint_axes and any(index.kind != "position" for index in indices):
            raise ExpressionError(
                f"{noun}",
                f"the places along {axis.name} are not alike, so an arbitrary one has no such number",
                f"Name a place: .at({axis.name}=0)",
            )


def _one_meaning(quantity: sp.Expr) -> None:
    by_token: dict[Token, Variable] = {}
    sizes: dict[Token, Axis] = {}
    symbols: set[sp.Symbol] = set(quantity.free_symbols)
    found = variables(*(e for noun in nouns(quantity) for e in noun.expressions))
    for variable in found:
        if by_token.setdefault(variable.token, variable) != variable:
            raise ExpressionError(
                f"{quantity}",
                f"{variable.name} appears with two different values of its symbols",
                "Specialize the whole expression at once: vp.at(expression, {...})",
            )
        for axis in variable.axes:
            if sizes.setdefault(axis.token, axis) != axis:
                raise ExpressionError(f"{quantity}", f"axis {axis.name} appears with two different sizes")
            symbols |= axis.size.free_symbols
        symbols |= variable.distribution.free_symbols
    if max(Counter(symbol.name for symbol in symbols).values(), default=0) > 1:
        one_meaning_per_name(symbols, str(quantity))
