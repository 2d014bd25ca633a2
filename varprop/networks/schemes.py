"""The equations that initializers solve: what stays the same from layer to layer, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.proofs import Solution
from varprop.derivation.quantities import Equal, Variance
from varprop.derivation.solve import solve
from varprop.errors import ParameterError
from varprop.model.activations import Activation, identity, slope_of
from varprop.model.axes import Axis
from varprop.model.distributions import Distribution, Normal, Precision, Unknown
from varprop.model.expressions import Expression, sum_over
from varprop.model.gaussian import precision_of
from varprop.model.joint import Orthogonal
from varprop.model.neurons import dot
from varprop.model.scalars import substitute, symbol
from varprop.model.variables import RandomVariable
from varprop.networks.gains import Gain

__all__ = [
    "N_IN",
    "N_OUT",
    "Factors",
    "Scheme",
    "V",
    "backward",
    "factors",
    "forward",
]

N_IN, N_OUT, V, GAIN = symbol("n_in"), symbol("n_out"), symbol("v"), symbol("g")
SQUARE, SLOPE_SQUARE, AVERAGE = symbol("phi_2"), symbol("slope_2"), symbol("phi_1")
"""E phi(h)^2, E phi'(h)^2 and E phi(h) of a phi of which only values are known."""


class Factors(NamedTuple):
    """What one layer multiplies the second moment of signal and gradient by."""

    forward: sp.Expr
    backward: sp.Expr


@dataclass(frozen=True)
class Scheme:
    """A condition on a layer z = W phi(h), h ~ N(0, q), and on the gradient that comes back through it.

    share Var(z) / q + (1 - share) Var(dx) / Var(dz) = multiplier^2, solved for v = Var(w_ji); for an
    orthogonal W the forward condition is solved for its gain.

    Args:
        activation: phi.
        share: the weight of the forward condition: 1 forward alone, 0 backward alone, 1/2 both alike.
        multiplier: a factor on the weights.
        q: the second moment of h.
        isometric: whether W is orthogonal.
    """

    activation: Activation = identity
    share: sp.Expr = sp.S.One
    multiplier: sp.Expr = sp.S.One
    q: sp.Expr = sp.S.One
    isometric: bool = False

    @property
    def equation(self) -> Equal:
        """The condition, as a claim about quantities."""
        return _solved(self).claim

    @property
    def derivation(self) -> Solution:
        """The condition derived and solved."""
        return _solved(self)

    @property
    def solution(self) -> sp.Expr:
        """The variance of a weight by the fans n_in and n_out; the gain of an orthogonal matrix.

        A moment of phi that has no closed form stays in it as a GaussianMean, a number with known digits.
        """
        return with_moments(self.derivation.result, self.activation, self.q)

    @property
    def precision(self) -> Precision:
        """The kind of number the solution is."""
        return precision_of(self.solution)


def forward(activation: Activation, q: sp.Expr) -> Expression:
    """Return a pre-activation z = sum_i w_i phi(h_i), h_i ~ N(0, q); without phi, h_i of any law."""
    i = Axis("i", N_IN)
    return _weighted(i, _fed(activation, q, i))


def _fed(activation: Activation, q: sp.Expr, along: Axis) -> Expression:
    if activation == identity or activation.growth is None:
        return RandomVariable("x", _law(activation, q), axes=along)
    return activation(RandomVariable("h", Normal(variance=q), axes=along))


def _law(activation: Activation, q: sp.Expr) -> Distribution:
    """The law of phi(h), known by its moments alone where nothing is known of the tails of phi."""
    if activation == identity:
        return Unknown(mean=0, variance=q)
    if activation.growth is None:
        return Unknown(mean=AVERAGE, variance=SQUARE - AVERAGE**2)
    return activation(Normal(variance=q))


def backward(activation: Activation, q: sp.Expr) -> Expression:
    """Return what an input's gradient sums: sum_j w_j phi'(z_j) d_j, z_j ~ N(0, q), Var(d_j) = 1.

    That d is independent of z is the assumption known as gradient independence.

    Raises:
        ParameterError: phi' is 0 almost everywhere.
    """
    j = Axis("j", N_OUT)
    errors = RandomVariable("d", Unknown(mean=0, variance=1), axes=j)
    if activation == identity:
        return _weighted(j, errors)
    slope = slope_of(activation)
    if slope is None:
        missing = "its derivative is 0 almost everywhere"
        raise ParameterError(f"gradient through {activation}", missing, "Use mode='fan_in'.")
    if activation.growth is None:
        law = Unknown(mean=AVERAGE, variance=SLOPE_SQUARE - AVERAGE**2)
        return _weighted(j, errors * RandomVariable("s", law, axes=j))
    return _weighted(j, errors * slope(RandomVariable("z", Normal(variance=q), axes=j)))


def _weighted(along: Axis, terms: Expression) -> Expression:
    weights = RandomVariable("w", Unknown(mean=0, variance=V), axes=along, role="weights")
    return sum_over(along, weights * terms)


def with_moments(formula: sp.Expr, activation: Activation, q: sp.Expr) -> sp.Expr:
    """Return a formula with the moments of an activation whose tails are not known.

    Raises:
        ParameterError: a moment that it divides by is 0.
    """
    if formula.free_symbols.isdisjoint({SQUARE, SLOPE_SQUARE}):
        return formula
    found = Gain(activation, q)
    done = substitute(formula, {SQUARE: found.second_moment, SLOPE_SQUARE: found.slope_second_moment})
    if done.has(sp.zoo, sp.nan):
        raise ParameterError(
            f"weights around {activation}",
            "what it hands on has second moment 0, which no weights make up for",
            "Choose another activation, or the other mode.",
        )
    return done


@lru_cache(maxsize=1024)
def _solved(scheme: Scheme) -> Solution:
    activation, share, q, goal = scheme.activation, scheme.share, scheme.q, scheme.multiplier**2
    if scheme.isometric:
        z = dot(weights=Orthogonal("n", gain=GAIN), inputs=_law(activation, q))
        return _solution(Equal(Variance(z), goal * q), GAIN)
    line = sp.S.Zero
    if share != 0:
        line += share * Variance(forward(activation, q)) / q
    if share != 1:
        line += (1 - share) * Variance(backward(activation, q))
    return _solution(Equal(line, goal), V)


def _solution(claim: Equal, unknown: sp.Symbol) -> Solution:
    solved = solve(claim, unknown)
    assert isinstance(solved, Solution)
    return solved


@lru_cache(maxsize=1024)
def factors(activation: Activation, q: sp.Expr) -> Factors:
    """Return what a layer multiplies the second moments of signal and gradient by, with v = Var(w_ji).

    Args:
        activation: phi.
        q: the second moment of its normal argument.

    Raises:
        ParameterError: phi' is 0 almost everywhere.

    Example:
        >>> from varprop.model.activations import relu, tanh
        >>> factors(relu, sp.Integer(1))
        Factors(forward=n_in*v/2, backward=n_out*v/2)
        >>> factors(tanh, sp.Integer(1)).forward.evalf(6)
        0.394295*n_in*v
    """
    found = (
        derive(Variance(forward(activation, q))).result / q,
        derive(Variance(backward(activation, q))).result,
    )
    return Factors(*(with_moments(part, activation, q) for part in found))
