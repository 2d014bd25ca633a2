"""Declared modes for weights of which every draw is a fair sign times a magnitude."""

from __future__ import annotations

from varprop.model.distributions import Laplace, Normal, Rademacher, StudentT, Uniform
from varprop.model.expressions import Expression, Product, SumOver
from varprop.model.variables import RandomVariable, Variable
from varprop.model.walks import walk
from varprop.simulation.schedule import scaled_sum

__all__ = ["averaged", "sign_times_magnitude"]


def sign_times_magnitude(variable: Variable) -> bool:
    """Whether a variable has independent copies of a law about zero that is a fair sign times a magnitude.

    Empirical, SciPy and user distributions never count: nothing is known of how they are drawn.

    Example:
        >>> sign_times_magnitude(RandomVariable("w", "Uniform(-1, 1)").variable)
        True
    """
    law = variable.distribution
    if type(law) in (Normal, Laplace):
        return bool(law.mean == 0)  # type: ignore[union-attr]
    if type(law) is Uniform:
        return bool(law.low == -law.high)
    if type(law) is StudentT:
        return bool(law.center == 0)
    return type(law) is Rademacher


def averaged(expression: Expression) -> Expression | None:
    """c^2 sum_i (w_i g_i)^2 for z = c sum_i w_i g_i, the mean of z^2 over all signs of the w_i; else None.

    The w_i must be drawn as signs times magnitudes and stand nowhere else in z, so that z has mean zero.

    Example:
        >>> from varprop.model.neurons import dot
        >>> averaged(dot(weights="Normal()", inputs="Uniform(0, 1)", fan_in=4))
        sum_i w_i**2*x_i**2
    """
    scaled = scaled_sum(expression)
    if scaled is None:
        return None
    coefficient, index, body = scaled[0], scaled[1].index, scaled[1].body
    factors: tuple[tuple[Expression, int], ...] = ((body, 1),)
    if isinstance(body, Product):
        factors = body.factors
    found: list[RandomVariable] = [leaf for leaf in walk(body) if isinstance(leaf, RandomVariable)]
    for leaf in found:
        alone = [other.variable for other in found].count(leaf.variable) == 1
        along = list(leaf.slots).count(index) == 1 and not leaf.variable.is_joint
        if (leaf, 1) in factors and alone and along and sign_times_magnitude(leaf.variable):
            return SumOver.of(index, body**2) * coefficient**2
    return None
