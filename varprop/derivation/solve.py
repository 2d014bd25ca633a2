"""solve: the value of a symbol that makes a claim true, with its derivation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.proofs import Derivation, Solution, tidy
from varprop.derivation.quantities import Equal, Quantity
from varprop.errors import DerivationError, ParameterError, brief
from varprop.model.calls import explained
from varprop.model.expressions import Expression
from varprop.model.scalars import scalar, substitute
from varprop.model.walks import require_known, specialize, symbols_of, table_of

__all__ = ["at", "solve"]


@explained
def solve(claim: Equal, unknown: object) -> Derivation:
    """Solve a claim for a symbol: "which Var(w) keeps Var(z) = Var(x)?".

    Args:
        claim: an equation between quantities, or a quantity and a number.
        unknown: the symbol to solve for, or its name; it stands for a positive number.

    Returns:
        The derivation of both sides, whose `result` is the solution.

    Raises:
        DerivationError: no positive solution, more than one, or a side that no rule covers.
        ParameterError: the unknown does not occur.

    Examples:
        >>> from varprop.derivation.quantities import Variance
        >>> from varprop.model.neurons import dot
        >>> z = dot(weights="Normal(variance=v)", inputs="relu(Normal())", fan_in="n")
        >>> solve(Equal(Variance(z), 1), unknown="v").result
        2/n
    """
    if not isinstance(claim, Equal):
        raise ParameterError(f"solve({brief(claim)})", "it is no claim", "Give vp.Equal(vp.Variance(z), 1)")
    symbol = scalar(unknown, "unknown")
    if not symbol.is_Symbol:
        raise ParameterError(f"solve for {unknown}", "it is no symbol", "Give vp.symbol('v') or 'v'")
    sides = [derive(side) if side.has(Quantity) else side for side in (claim.left, claim.right)]
    left, right = (side.result if isinstance(side, Derivation) else side for side in sides)
    equation = left - right
    if symbol not in equation.free_symbols:
        raise ParameterError(
            f"solve {claim} for {symbol}", f"{symbol} drops out", f"The sides are {left} and {right}"
        )
    try:
        roots = sp.solve(equation, symbol)
    except NotImplementedError as error:
        raise DerivationError(
            f"solve {claim} for {symbol}", f"no method is known for {left} = {right}"
        ) from error
    positive = [
        root
        for root in roots
        if root.is_positive is not False and root.is_real is not False and _in_domain(claim, symbol, root)
    ]
    if len(positive) != 1:
        found = ", ".join(map(str, positive)) or "none"
        raise DerivationError(
            f"solve {claim} for {symbol}", f"one positive solution is needed, there is: {found}"
        )
    steps = tuple(step for side in sides if isinstance(side, Derivation) for step in side.steps)
    value = tidy(positive[0])
    return Solution(claim.left, steps, value, claim, symbol, (left, right))


def _in_domain(claim: Equal, symbol: sp.Symbol, root: sp.Expr) -> bool:
    """Whether every distribution and size of a claim admits a solution."""
    try:
        at(claim, {symbol: root})
    except ParameterError:
        return False
    return True


@explained
def at(thing: Any, values: Mapping[Any, Any]) -> Any:
    """Return an expression or a line of quantities with values in place of symbols, everywhere.

    Args:
        thing: an Expression, a quantity, a SymPy expression of quantities, or a claim.
        values: symbol or its name -> number or expression.

    Raises:
        ParameterError: a value leaves the domain of its parameter, or the thing is none of these.

    Examples:
        >>> from varprop.model.neurons import dot
        >>> at(dot(weights="Normal(variance=1/n)", inputs="Unknown()", fan_in="n"), {"n": 4}).index.axis.size
        4
    """
    if isinstance(thing, Expression):
        return thing.at(values)
    if not isinstance(thing, (sp.Expr, Equal)):
        raise ParameterError(
            f"at({brief(thing)})",
            "it is no expression, quantity or claim",
            "Give an expression, a quantity such as vp.Variance(z), or vp.Equal(...)",
        )
    table = table_of(values)
    lines = [thing.left, thing.right] if isinstance(thing, Equal) else [thing]
    expressions = [e for line in lines for noun in line.atoms(Quantity) for e in noun.expressions]
    known = symbols_of(*expressions).union(*(line.free_symbols for line in lines))
    require_known(table, known, str(thing))
    if isinstance(thing, Equal):
        return Equal(_line_at(thing.left, table), _line_at(thing.right, table), thing.any_dependence)
    return _line_at(thing, table)


def _line_at(line: sp.Expr, table: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    changed = {
        noun: noun.over(*(specialize(e, table) for e in noun.expressions)) for noun in line.atoms(Quantity)
    }
    return substitute(line, {**table, **changed})
