"""Real tables: what depends on one row of a table alone is averaged over its rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import sympy as sp

from varprop.derivation.quantities import CentralMoment, Cumulant, Mean, Quantity, Variance
from varprop.derivation.rules.base import Parts, Rule
from varprop.derivation.rules.worlds import table_row
from varprop.derivation.structure import Structure
from varprop.errors import MomentError
from varprop.model.activations import HomogeneousActivation
from varprop.model.distributions import Array
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver, sum_over
from varprop.model.joint import Empirical
from varprop.model.variables import RandomVariable, variables
from varprop.model.walks import walk
from varprop.render.rounding import upward

__all__ = ["average_over_rows", "row_average"]

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)


def _match(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        yield from _about_table(noun, structure, None)
    elif isinstance(noun, Variance):
        yield from _about_table(noun, structure, 2)
    elif isinstance(noun, CentralMoment) or (isinstance(noun, Cumulant) and noun.order in (2, 3, 4)):
        yield from _about_table(noun, structure, noun.order)


def _about_table(noun: Quantity, structure: Structure, central: int | None) -> Iterator[Parts]:
    only = structure.only_variable(noun.expression)
    if only is not None and isinstance(only.distribution, Empirical) and _computable(noun.expression):
        yield {"noun": noun, "central": central}


def _computable(e: Expression) -> bool:
    """Whether an expression is a polynomial with numbers, in entries and their homogeneous activations."""
    if any(index.kind != "position" for index in e.indices):
        return False
    for node in walk(e):
        if sum(index.is_bound for index in node.indices) > 1:  # arrays have one dimension for columns
            return False
        number = (
            node.value
            if isinstance(node, Scalar)
            else node.coefficient
            if isinstance(node, Product)
            else None
        )
        if number is not None and not number.is_number:
            return False
        if isinstance(node, Apply) and not isinstance(node.activation, HomogeneousActivation):
            return False
    return True


class RowAverage(NamedTuple):
    """A mean over the rows of a table: exact for the table up to a bound, an estimate for the population."""

    value: float
    bound: float
    standard_error: float
    number: sp.Expr
    """The value without the lower end of float64: quotients of small central moments keep their digits."""


def row_average(e: Expression, central: int | None = None) -> RowAverage:
    """Return the mean of an expression over the rows of its table, with a proven bound on the round-off.

    The expression is computed twice, the second time with every number replaced by its size; the sum of
    the sizes times the number of roundings on any path bounds the error. With `central` it is the mean of
    that power of the distance from the mean, so that a large mean does not cancel.

    Raises:
        MomentError: a number on the way is beyond the range of float64.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, 2002, sections 1.9 and 3.1.
    """
    try:
        with np.errstate(over="raise", invalid="raise"):
            found = _row_average(e, central)
    except FloatingPointError:
        found = RowAverage(np.inf, np.inf, np.inf, sp.oo)
    if not np.isfinite(found[:3]).all():
        raise MomentError(
            f"the average of {e} over the rows", "beyond the range of float64", "Rescale the table."
        )
    return found


def _row_average(e: Expression, central: int | None) -> RowAverage:
    (table,) = (variable.distribution for variable in variables(e))
    assert isinstance(table, Empirical)
    # Arrays have two dimensions: rows, and the columns a sum ranges over (one column outside of it).
    done: dict[Expression, tuple[Array, Array, int]] = {}
    for node in walk(e):
        done[node] = _evaluate(node, done, table)
    value, size, roundings = done[e]
    each = np.broadcast_to(value, (table.rows, 1))
    sizes = np.broadcast_to(size, (table.rows, 1))
    mean = float(each.sum() / table.rows)
    number = sp.Float(mean, 17)
    bound = float(sizes.sum() / table.rows) * (roundings + table.rows + 1) * EPS * 1.01
    if central is not None:
        apart = each - mean
        error = roundings * EPS * sizes + bound + EPS * np.abs(apart)
        largest = (np.abs(apart) + error) ** central
        each = apart**central
        mean = float(each.sum() / table.rows)
        number = _central_mean(apart, central)
        bound = float(
            (largest - np.abs(each) + (central + table.rows + 2) * EPS * largest).sum() / table.rows
        )
        bound += TINY if apart.any() else 0.0
    unit = float(np.abs(each).max()) or 1.0
    error_of_mean = unit * float((each / unit).std(ddof=1) / np.sqrt(table.rows))
    return RowAverage(mean, bound * 1.01, error_of_mean, number)


def _central_mean(apart: Array, central: int) -> sp.Expr:
    """Return the mean of a power of distances, taken in a unit of their size, a power of two."""
    exponent = int(np.frexp(np.abs(apart).max())[1])
    scaled = float((np.ldexp(apart, -exponent) ** central).mean())
    return sp.Float(scaled, 17) * sp.Integer(2) ** (exponent * central)


def _average(noun: Quantity, central: int | None) -> RowAverage:
    """Return what a quantity of a table is; its fourth cumulant is mu_4 - 3 Var^2."""
    found = row_average(noun.expression, central)
    if not (isinstance(noun, Cumulant) and noun.order == 4):
        return found
    square = row_average(noun.expression, 2)
    bound = found.bound + 3 * square.bound * (2 * square.value + square.bound)
    number = found.number - 3 * square.number**2
    return RowAverage(float(number), bound, found.standard_error, number)


def _note(noun: Quantity, central: int | None) -> str:
    found = _average(noun, central)
    shown = f"{found.value:.6g}" if abs(found.value) >= TINY or found.number == 0 else f"{found.number.n(6)}"
    return (
        f"{noun} = {shown}: exact for the table, round-off below {upward(found.bound)}; "
        f"for the population of its rows an estimate, standard error {found.standard_error:.2g}"
    )


def _evaluate(
    node: Expression, done: dict[Expression, tuple[Array, Array, int]], table: Empirical
) -> tuple[Array, Array, int]:
    if isinstance(node, Scalar):
        number = np.full((1, 1), float(node.value))
        return number, np.abs(number), 1
    if isinstance(node, RandomVariable):
        (slot,) = node.slots
        column = table.data if slot.is_bound else table.data[:, slot.key : slot.key + 1]
        return column, np.abs(column), 0
    parts = [done[child] for child in node.children]
    if isinstance(node, Product):
        number = np.full((1, 1), float(node.coefficient))
        value, size, roundings = number, np.abs(number), 1
        for (_, power), (one, one_size, one_roundings) in zip(node.factors, parts, strict=True):
            underflow = np.where((size > 0) & (one_size > 0), TINY / EPS, 0.0)  # a result may be off by TINY
            value, size = value * one**power, size * one_size**power + underflow
            roundings += power * (one_roundings + 2)
        return value, size, roundings
    if isinstance(node, Add):
        value = np.sum(np.broadcast_arrays(*(p[0] for p in parts)), axis=0)
        size = np.sum(np.broadcast_arrays(*(p[1] for p in parts)), axis=0)
        return value, size, len(parts) + max(p[2] for p in parts)
    ((value, size, roundings),) = parts
    if isinstance(node, SumOver):
        return (
            value.sum(axis=1, keepdims=True),
            size.sum(axis=1, keepdims=True),
            roundings + len(table.columns),
        )
    assert isinstance(node, Apply)
    phi: HomogeneousActivation = node.activation
    steepest = max(abs(float(phi.above)), abs(float(phi.below)))
    return phi.value(value), steepest * size**phi.degree, phi.degree * (roundings + 2) + 1


average_over_rows = Rule(
    name="average over the rows",
    theorem=(
        r"\operatorname{E}[f(x)] = \frac1N \sum_{r=1}^N f(x_r)"
        r" \text{ for a row } x \text{ of a table of } N \text{ rows}"
    ),
    source="definition of the empirical distribution",
    match=_match,
    claim=lambda noun, central: noun,
    formula=lambda noun, central: _average(noun, central).number,
    example=lambda: {"noun": Mean(sum_over((x := table_row("x")).axis, x**2)), "central": None},
    is_value=True,
    precision=lambda noun, central: "enclosure",
    note=_note,
)
