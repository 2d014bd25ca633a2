"""What one wide layer does to second moments, derived once; mean-field maps iterate these formulas."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.proofs import Derivation
from varprop.derivation.quantities import Mean
from varprop.model.axes import Axis
from varprop.model.distributions import Dropout, Normal, Unknown
from varprop.model.expressions import Expression, sum_over
from varprop.model.scalars import symbol
from varprop.model.variables import RandomVariable

__all__ = ["Layer", "affine", "covariance_map", "gradient_map", "length_map"]

SKIP, KEEP, WEIGHT, BIAS, BELOW, INSIDE, GRADIENT = map(
    symbol, "skip keep weight_variance bias_variance m_below m_inside g_2".split()
)
N = symbol("n")


class Layer(NamedTuple):
    """z' = skip z + sum_i w_i d_i h_i + b.

    Attributes:
        skip: factor of the skip connection, 0 without one.
        keep: probability that dropout keeps a unit, 1 without it; d_i is 1/keep or 0.
        weight_variance: sigma_w^2, where Var w = sigma_w^2 / fan_in.
        bias_variance: sigma_b^2.
    """

    skip: float
    keep: float
    weight_variance: float
    bias_variance: float


def _addends(names: str, axis: Axis) -> tuple[Expression, Expression, Expression]:
    """Return z, h_i and d_i; d_i is drawn afresh for every input."""
    z = RandomVariable(names[0], Unknown(variance=BELOW))
    h = RandomVariable(names[1], Unknown(variance=INSIDE), axes=axis)
    return z, h, RandomVariable(names[2], Dropout(keep=KEEP), axes=axis)


@cache
def length_map() -> Derivation:
    """E z'^2 from E z^2 and E h^2.

    Example:
        >>> length_map().result
        bias_variance + m_below*skip**2 + m_inside*weight_variance/keep
    """
    i = Axis("i", N)
    z, h, d = _addends("zhd", i)
    w = RandomVariable("w", Normal(variance=WEIGHT / N), axes=i, role="weights")
    b = RandomVariable("b", Normal(variance=BIAS), role="bias")
    return derive(Mean((SKIP * z + sum_over(i, w * d * h) + b) ** 2))


@cache
def covariance_map() -> Derivation:
    """E z' y' of one unit and two inputs, from E z y and E h k; the dropout of both is independent.

    Example:
        >>> covariance_map().result
        bias_variance + m_below*skip**2 + m_inside*weight_variance
    """
    i = Axis("i", N)
    z, h, d = _addends("zhd", i)
    ratio = RandomVariable("r", Unknown(mean=1, variance=1))  # y = r z, k = r h: E z y and E h k are free
    e = RandomVariable("e", Dropout(keep=KEEP), axes=i)
    w = RandomVariable("w", Normal(variance=WEIGHT / N), axes=i, role="weights")
    b = RandomVariable("b", Normal(variance=BIAS), role="bias")
    first = SKIP * z + sum_over(i, w * d * h) + b
    second = SKIP * (z * ratio) + sum_over(i, w * e * (h * ratio)) + b
    return derive(Mean(first * second))


@cache
def gradient_map() -> Derivation:
    """E (dL/dz)^2 from E g^2 of the layer above and E phi'(z)^2: the factor is chi_1.

    The sum runs over the units above; their gradients are independent of the weights by assumption.

    Example:
        >>> gradient_map().result
        g_2*(skip**2 + m_inside*weight_variance/keep)
    """
    j = Axis("j", N)
    direct = RandomVariable("g", Unknown(variance=GRADIENT))
    g = RandomVariable("g", Unknown(variance=GRADIENT), axes=j)
    slope = RandomVariable("s", Unknown(variance=INSIDE))
    d = RandomVariable("d", Dropout(keep=KEEP))
    w = RandomVariable("w", Normal(variance=WEIGHT / N), axes=j, role="weights")
    return derive(Mean((SKIP * direct + sum_over(j, w * g) * (slope * d)) ** 2))


def affine(proof: Derivation, layer: Layer) -> tuple[float, float, float]:
    """Return the constant of a derived map and its factors of the moments below and inside the activation.

    Example:
        >>> affine(length_map(), Layer(skip=0.0, keep=0.5, weight_variance=1.5, bias_variance=0.1))
        (0.1, 0.0, 3.0)
    """
    formula = sp.expand(proof.result.xreplace({GRADIENT: sp.S.One}))
    values = dict(zip((SKIP, KEEP, WEIGHT, BIAS), map(sp.Float, layer), strict=True))
    inside, below = formula.coeff(INSIDE), formula.coeff(INSIDE, 0)
    if below.has(BELOW):
        below, rest = below.coeff(BELOW), below.coeff(BELOW, 0)
    else:  # of the gradient: one number comes in, and what does not pass the activation is its own
        below, rest = sp.S.Zero, below
    constant, outer, inner = (float(part.xreplace(values)) for part in (rest, below, inside))
    return constant, outer, inner
