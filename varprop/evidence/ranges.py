"""How far block results can lie apart, from the supports of the variables: for the premise `bounded`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from varprop.errors import CheckError
from varprop.model.activations import HomogeneousActivation
from varprop.model.distributions import Distribution
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver
from varprop.model.joint import Empirical, Orthogonal
from varprop.model.variables import RandomVariable, Variable
from varprop.model.walks import walk
from varprop.simulation.blocks import Part, SideSampler
from varprop.simulation.panel import Coupled, Flat, Points

__all__ = ["interval", "width"]

Interval = tuple[float, float]
Laws = Mapping[Variable, Coupled]


def width(sides: Iterable[SideSampler], laws: Laws, factor: float) -> float:
    """A length that no difference of block results, left - right or left - factor * right, exceeds.

    Args:
        sides: the left and the right side.
        laws: samplers that stand in for distributions.
        factor: the resolution.

    Raises:
        CheckError: a variable is not bounded, or the range of an estimate is not known.
    """
    lengths = [high - low for low, high in (_side(side, laws) for side in sides)]
    return lengths[0] + factor * sum(lengths[1:])


def _side(side: SideSampler, laws: Laws) -> Interval:
    total = 0.0, 0.0
    for term, parts in zip(side.terms, side.parts, strict=True):
        product = term.coefficient, term.coefficient
        for part in parts:
            product = _times(product, _part(part, laws))
        total = total[0] + product[0], total[1] + product[1]
    return total


def _part(part: Part, laws: Laws) -> Interval:
    """The range of an unbiased estimate from one block."""
    estimand, design = part.estimand, part.design
    if estimand.is_mean:
        return interval(estimand.expressions[0], laws)
    if estimand.order > 2:
        raise CheckError(
            f"a {estimand.kind} of order {estimand.order} under the premise bounded",
            "the range of its estimate is not known",
            "State the claim in raw moments.",
        )
    ends = [interval(expression, laws) for expression in estimand.expressions]
    half = math.prod((ends[place][1] - ends[place][0]) / 2 for place in (0, -1))
    square = len(estimand.expressions) == 1
    if design.crossed:  # a mean of products around the middle, less a mean of products of pairs
        return (-half, 2 * half) if square else (-2 * half, 2 * half)
    half *= design.rows / (design.rows - 1)
    return (0.0, half) if square else (-half, half)


def interval(expression: Expression, laws: Laws) -> Interval:
    """An interval that holds an expression, from the supports of its variables.

    Raises:
        CheckError: a variable is not bounded, or an activation is not piecewise a power.

    Example:
        >>> interval(RandomVariable("x", "Uniform(-1, 2)") ** 2 + 1, {})
        (1.0, 5.0)
    """
    found: dict[Expression, Interval] = {}
    for node in walk(expression):
        found[node] = _interval(node, found, laws)
    return found[expression]


def _interval(node: Expression, known: Mapping[Expression, Interval], laws: Laws) -> Interval:
    if isinstance(node, Scalar):
        return float(node.value), float(node.value)
    if isinstance(node, RandomVariable):
        return _support(node.variable, laws.get(node.variable, node.variable.distribution))
    if isinstance(node, Apply):
        return _applied(node, known[node.argument])
    if isinstance(node, Product):
        result = float(node.coefficient), float(node.coefficient)
        for base, power in node.factors:
            result = _times(result, _power(known[base], power))
        return result
    if isinstance(node, Add):
        ends = [known[term] for term in node.terms]
        return sum(low for low, _ in ends), sum(high for _, high in ends)
    if isinstance(node, SumOver):
        low, high = known[node.body]
        return int(node.index.axis.size) * low, int(node.index.axis.size) * high
    raise CheckError(f"the range of {node!s:.60}", "it is not known", "Choose the premise asymptotic.")


def _support(variable: Variable, law: Any) -> Interval:
    if isinstance(law, Empirical):
        return float(np.min(law.data)), float(np.max(law.data))
    if isinstance(law, Orthogonal):
        return -1.0, 1.0
    if isinstance(law, Coupled) and isinstance(law.shape, Points | Flat):
        ends = tuple(law.shape.atoms) if isinstance(law.shape, Points) else (-math.sqrt(3), math.sqrt(3))
        return law.mean + law.std * min(ends), law.mean + law.std * max(ends)
    if isinstance(law, Distribution) and all(end.is_finite for end in law.support):
        return float(law.support[0]), float(law.support[1])
    raise CheckError(
        f"the premise bounded for {variable.name} ~ {law.name if isinstance(law, Coupled) else law}",
        "its values have no known bounds",
        "Choose the premise asymptotic, or KurtosisBound(K).",
    )


def _applied(node: Apply, ends: Interval) -> Interval:
    if not isinstance(node.activation, HomogeneousActivation):
        raise CheckError(
            f"the range of {node.activation} of a bounded variable",
            "it is known only for activations that are powers on each side of zero",
            "Choose the premise asymptotic, or KurtosisBound(K).",
        )
    tiny = np.finfo(np.float64).tiny
    places = [*ends, *(place for place in (-tiny, 0.0, tiny) if ends[0] <= place <= ends[1])]
    values = node.activation.value(np.array(places))
    return float(values.min()), float(values.max())


def _power(ends: Interval, power: int) -> Interval:
    values = [end**power for end in ends]
    if power % 2 == 0 and ends[0] <= 0 <= ends[1]:
        values.append(0.0)
    return min(values), max(values)


def _times(first: Interval, second: Interval) -> Interval:
    products = [a * b for a in first for b in second]
    return min(products), max(products)
