"""`law`: the exact law of a random expression, by the first way that covers it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from varprop.errors import LawError, ParameterError
from varprop.laws.closed import IntervalProduct, InvertedLaw, NormalMixture
from varprop.laws.conditional import conditional_law
from varprop.laws.digits import fraction
from varprop.laws.enumeration import discrete_law, exact_mixture
from varprop.laws.factors import Factor, leaf_factor
from varprop.laws.heavy import ChainLaw, RayLaw, chain_log_mgf
from varprop.laws.inputs import Interval
from varprop.laws.law import TINY, Array, Law
from varprop.laws.nodes import sum_by_nodes
from varprop.laws.recognition import Addend, addends_of, given_values, independent, refuse
from varprop.laws.terms import NormalTerm, ProductTerm, Term, WeightedTerm, transform_of
from varprop.laws.variance_gamma import VarianceGamma, product_counts
from varprop.model.expressions import Expression
from varprop.model.variables import Variable
from varprop.numerics.rays import RayInversion
from varprop.simulation.layout import Design
from varprop.simulation.sampling import Program
from varprop.simulation.streams import Streams

__all__ = ["law"]

MOST_NUMBERS = 10**9


def law(z: object, at: Mapping[Any, Any] | None = None, *, given: Mapping[Any, Any] | None = None) -> Law:
    """The exact law of a sum of independent products: density, probabilities, quantiles, each with its error.

    Known are: products of two normal variables of any means; a normal weight times any input (uniform,
    rectified, discrete, of any activation); products of L centered normal variables in a row; sums of n
    independent copies of each, n from 1 to 10^12; a normal bias; normal weights times the rows of a table;
    and sums with random signs. It is recognized by structure.

    Args:
        z: a random expression.
        at: values of symbols.
        given: numbers for some variables, by name: the law given these; z given x is normal for normal
            weights.

    Raises:
        LawError: the law of this expression is not known; the message says what stands in the way.
        ParameterError: z is no random expression.

    Examples:
        >>> from varprop.model.neurons import dot
        >>> z = dot(weights="Normal(variance=1/n)", inputs="Normal()", fan_in="n")
        >>> two = law(z, at={"n": 2})
        >>> two.method, round(two.cdf(0.1), 12)
        ('Laplace law', 0.565938277303)
        >>> tail = law(z, at={"n": 10**6}).survival(5.0)
        >>> f"{tail:.10g}", tail.error < 1e-17
        ('2.866924583e-07', True)

    Source: Craig, On the frequency function of xy, 1936 (products); Trefethen, Weideman, 2014 (sums).
    """
    if not isinstance(z, Expression):
        raise ParameterError(
            f"law({z!r:.80})", "it is no random expression", "Give vp.dot(...), for example."
        )
    expression = z.checked() if at is None else z.at(at)
    if any(not index.is_bound and index.kind == "unset" for index in expression.indices):
        refuse(expression, "a place is not set")
    addends = addends_of(expression)
    fixed = given_values(given, addends, expression)
    found = _recognized(expression, addends, fixed)
    found.of, found.known = expression, tuple(v.name for v in fixed)
    if not fixed:
        found.drawn = _sampler(expression, addends)
    return found


def _recognized(expression: Expression, addends: list[Addend], fixed: Mapping[Variable, Array]) -> Law:
    constant = sum((fraction(a.exact) * a.count for a in addends if not a.leaves), Fraction(0))
    offset = float(constant)
    moving = [a for a in addends if a.leaves]
    if not moving:
        return NormalMixture(np.array([offset]), np.zeros(1), np.ones(1))
    if any(leaf.variable.is_joint or leaf.variable in fixed for a in moving for leaf in a.leaves):
        return conditional_law(expression, moving, fixed, constant)
    independent(moving, expression)
    signs = discrete_law(moving, constant)
    if signs is not None:
        return signs
    factors = [[leaf_factor(leaf) for leaf in a.leaves] for a in moving]
    if len(moving) == 1 and len(factors[0]) > 2 and all(f.normal and f.normal[0] == 0 for f in factors[0]):
        return _chain(moving[0], factors[0], offset, expression)
    sizes = [
        abs(a.coefficient) * math.prod(f.magnitude for f in fs) for a, fs in zip(moving, factors, strict=True)
    ]
    largest = max(sizes)
    if not TINY <= largest < math.inf:
        refuse(expression, f"its terms have the size {largest:g} in float64", "Rescale it.")
    unit = 2.0 ** math.floor(math.log2(largest))
    parts = [_weighted(a, found, unit, expression) for a, found in zip(moving, factors, strict=True)]
    return _summed(parts, offset, unit, expression)


def _weighted(
    addend: Addend, factors: list[Factor], unit: float, where: Expression
) -> tuple[int, Term | tuple[Any, ...]]:
    """A term in a unit as count and Term; or count, weight and nodes, for inputs without closed form."""
    scale = addend.coefficient / unit
    while len(factors) > 1 and any(f.points is not None and len(f.points[0]) == 1 for f in factors):
        place = next(k for k, f in enumerate(factors) if f.points is not None and len(f.points[0]) == 1)
        scale *= float(factors[place].points[0][0])  # type: ignore[index]
        factors = factors[:place] + factors[place + 1 :]
    normals = [f for f in factors if f.normal is not None]
    if len(factors) == 1 and normals:
        mean, std = normals[0].normal  # type: ignore[misc]
        return addend.count, NormalTerm(scale * mean, (scale * std) ** 2)
    if len(factors) == 2 and len(normals) == 2:
        (m, s), (mu, sigma) = normals[0].normal, normals[1].normal  # type: ignore[misc]
        return addend.count, ProductTerm(m * mu, s * sigma, math.hypot(m * sigma, mu * s)).scaled(scale)
    if len(factors) == 2 and normals:
        mean, std = normals[0].normal  # type: ignore[misc]
        [other] = [f for f in factors if f.normal is None]
        weight = (scale * mean, abs(scale) * std)
        if other.inputs is not None:
            return addend.count, WeightedTerm(weight[0] * other.size, weight[1] * other.size, other.inputs)
        assert other.nodes is not None
        return addend.count, (*weight, other.nodes())
    return refuse(
        addend.where,
        "it is no normal weight times one input",
        "Known: normal times any input, and products of centered normal variables.",
    )


def _summed(parts: list[tuple[int, Any]], offset: float, size: float, where: Expression) -> Law:
    """The law of offset + size times the sum of the parts."""
    if any(isinstance(part, tuple) for _, part in parts):
        return sum_by_nodes(parts, offset, size, where)
    own = math.sqrt(math.fsum(count * part.variance for count, part in parts))
    unit = own * size
    if not 0 < unit < math.inf:
        refuse(where, f"its standard deviation is {unit:g} in float64", "Rescale it.")
    if all(isinstance(part, NormalTerm) for _, part in parts):
        mean = offset + size * math.fsum(count * part.mean for count, part in parts)
        return NormalMixture(np.array([mean]), np.array([unit]), np.ones(1))
    terms = [(count, part.scaled(1 / own)) for count, part in parts]
    transform = transform_of(terms)
    products = product_counts(terms)
    if products is not None:
        return VarianceGamma(transform, offset, unit, *products)
    mixture = exact_mixture(parts, offset, size)
    if mixture is not None:
        return mixture
    (count, term), *others = terms
    if not others and count == 1 and isinstance(term, WeightedTerm) and term.w_mean == 0:
        x = term.inputs
        if isinstance(x, Interval) and x.low <= 0 <= x.high:
            return IntervalProduct(transform, offset, unit, (x.low, x.high), term.w_std)
    if any(isinstance(term, NormalTerm) for _, term in terms):
        decay = math.inf
    else:
        decays = [count * term.decay for count, term in terms]
        decay = min(term.decay for _, term in terms) if transform.log_atom > -math.inf else math.fsum(decays)
    return InvertedLaw(transform, offset, unit, decay)


def _chain(addend: Addend, factors: list[Factor], offset: float, where: Expression) -> Law:
    unit = abs(addend.coefficient) * math.prod(f.normal[1] for f in factors if f.normal)
    if not 0 < unit < math.inf:
        refuse(where, f"its standard deviation is {unit:g} in float64", "Rescale it.")
    if addend.count == 1 and offset == 0:
        return ChainLaw(len(factors), unit)
    n = addend.count
    if n > 10**12:
        refuse(where, "more than 10^12 terms")
    one = chain_log_mgf(len(factors))
    inversion = RayInversion(lambda s: n * one(s / math.sqrt(n)))
    unit *= math.sqrt(n)
    return RayLaw(inversion, offset, unit, (offset, unit), spike=n == 1)


def _sampler(expression: Expression, addends: list[Addend]) -> Callable[[int, int], Array] | None:
    """Draws of the expression itself, in chunks; None where that would take too long."""
    per_draw = sum(a.count * len(a.leaves) for a in addends)
    per_draw += max(
        (
            int(np.prod([int(x.size) for x in leaf.variable.axes] or [1]))
            for a in addends
            for leaf in a.leaves
        ),
        default=0,
    )
    if any(index.kind != "bound" for index in expression.indices) and len(expression.indices) > 8:
        return None
    if per_draw > 10**6:
        return None

    def drawn(size: int, seed: int) -> Array:
        if size * per_draw > MOST_NUMBERS:
            raise LawError(
                f"{size} samples of {expression!s:.80}", "more than 10^9 numbers", "Ask for fewer."
            )
        program, streams = Program([expression]), Streams(seed)
        chunk = max(1, min(size, 10**6 // max(1, per_draw)))
        starts = [*range(0, size, chunk), size]
        parts = [
            program.run(streams, chunk=k, blocks=b - a, design=Design(1))[0].reshape(-1)
            for k, (a, b) in enumerate(pairwise(starts))
        ]
        return np.concatenate(parts)

    return drawn
