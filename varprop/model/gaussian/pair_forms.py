"""Closed forms of E phi(U) phi(V) for a normal pair U, V of variances q and r and correlation c."""

from __future__ import annotations

import math
from functools import lru_cache

import sympy as sp

from varprop.model.activations import Activation
from varprop.model.activations.base import X
from varprop.model.activations.closed import ERF, GELU, GELU_SLOPE, matched
from varprop.model.activations.formula import slope_of

__all__ = ["C", "Q", "R", "pair_form", "slope_pair_form"]

Q, R = sp.Symbol("q", positive=True), sp.Symbol("r", positive=True)
C = sp.Symbol("c", real=True)

ACROSS = C * sp.sqrt(Q) * sp.sqrt(R)
SINE_2 = (1 - C) * (1 + C)
LARGEST_DEGREE, LONGEST = 12, 24
"""Formulas of polynomials of higher degree, or at other means of more monomials times their degree, are
longer than the quadrature is slow."""


@lru_cache(maxsize=512)
def pair_form(phi: Activation, first: sp.Expr = sp.S.Zero, second: sp.Expr = sp.S.Zero) -> sp.Expr | None:
    """Return E phi(U) phi(V) as a formula in `Q`, `R` and `C`, None if there is none.

    Args:
        phi: an activation; it is known by its formula, so that the error function of a user is erf.
        first: the mean of U; polynomials, sin, cos and exp have a formula at any, others at zero alone.
        second: the mean of V.

    Example:
        >>> from varprop.model.activations import erf, square
        >>> pair_form(erf)
        2*atan(2*c*sqrt(q)*sqrt(r)/sqrt(4*q*r*(1 - c)*(c + 1) + 2*q + 2*r + 1))/pi
        >>> pair_form(square)
        2*c**2*q*r + q*r

    Source:
        Williams, Computing with infinite networks, 1997, for erf; Cho, Saul, Kernel methods for deep
        learning, 2009, for ReLU and its powers; Isserlis, Biometrika 12, 1918, for polynomials; sin, cos,
        exp by the characteristic function; GELU by parts.
    """
    pieces, shifted = phi.pieces or (), bool(first or second)
    if len(pieces) == 2 and phi.kinks == (0,) and not shifted:
        return _homogeneous(*pieces)
    if len(pieces) != 1:
        return None
    if pieces[0].is_polynomial(X):
        shape = sp.Poly(pieces[0], X)
        long = shifted and shape.degree() * len(shape.monoms()) > LONGEST
        return None if long or shape.degree() > LARGEST_DEGREE else _polynomial(pieces[0], first, second)
    for formula, form in (WAVES if shifted else WAVES | GATES).items():
        found = matched(pieces[0], formula)
        if found is not None:
            factor, stretch = found
            wider = {Q: stretch**2 * Q, R: stretch**2 * R}
            return factor**2 * form(stretch * first, stretch * second).xreplace(wider)
    return None


def slope_pair_form(
    phi: Activation, first: sp.Expr = sp.S.Zero, second: sp.Expr = sp.S.Zero
) -> sp.Expr | None:
    """Return E phi'(U) phi'(V) as a formula in `Q`, `R` and `C`, None if there is none; see `pair_form`.

    Example:
        >>> from varprop.model.activations import relu
        >>> slope_pair_form(relu)
        acos(-c)/(2*pi)
    """
    slope = slope_of(phi)
    return sp.S.Zero if slope is None else pair_form(slope, first, second)


def _exponents(sign: int) -> sp.Expr:
    """exp(-Var(U - sign V) / 2), with all digits where U and V are almost alike and wide."""
    return sp.exp(-((sp.sqrt(Q) - sp.sqrt(R)) ** 2) / 2 - (1 - sign * C) * sp.sqrt(Q) * sp.sqrt(R))


EVEN = (_exponents(1) + _exponents(-1)) / 2
ODD = EVEN * sp.tanh(ACROSS)
"""E cos U cos V and E sin U sin V at means 0, the latter a difference without cancellation."""


def _of_exp(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    return sp.exp(first + second + (sp.sqrt(Q) - sp.sqrt(R)) ** 2 / 2 + (1 + C) * sp.sqrt(Q) * sp.sqrt(R))


def _of_sin(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    return sp.cos(first) * sp.cos(second) * ODD + sp.sin(first) * sp.sin(second) * EVEN


def _of_cos(first: sp.Expr, second: sp.Expr) -> sp.Expr:
    return sp.cos(first) * sp.cos(second) * EVEN + sp.sin(first) * sp.sin(second) * ODD


WAVES = {sp.exp(X): _of_exp, sp.sin(X): _of_sin, sp.cos(X): _of_cos}
"""What has a formula at any means."""

WIDE, WIDER = (1 + k * (Q + R) + k**2 * Q * R * SINE_2 for k in (1, 2))
TURN, ROOT = sp.atan(ACROSS / sp.sqrt(WIDE)), sp.sqrt(WIDE)
ENDS = 1 / (1 + Q) + 1 / (1 + R)


def _of_gelu(*_: sp.Expr) -> sp.Expr:
    return ACROSS / 4 + (ACROSS * TURN + (Q * R * SINE_2 + ACROSS**2 * ENDS) / ROOT) / (2 * sp.pi)


def _of_gelu_slope(*_: sp.Expr) -> sp.Expr:
    return sp.Rational(1, 4) + (TURN + ACROSS * (ENDS + 1 / WIDE) / ROOT) / (2 * sp.pi)


GATES = {
    ERF: lambda *_: 2 / sp.pi * sp.atan(2 * ACROSS / sp.sqrt(WIDER)),
    sp.exp(-(X**2)): lambda *_: 1 / sp.sqrt(WIDER),
    GELU: _of_gelu,
    GELU_SLOPE: _of_gelu_slope,
}
"""What has a formula at means 0; GELU by parts."""


def _polynomial(phi: sp.Expr, first: sp.Expr, second: sp.Expr) -> sp.Expr:
    """Pairs across in every number, the rest in pairs of its own."""
    ours, theirs = (sp.Poly(phi.subs(X, X + mean), X).all_coeffs()[::-1] for mean in (first, second))
    total = sp.S.Zero
    for a, left in enumerate(ours):
        for b, right in enumerate(theirs):
            if (a + b) % 2 == 0:
                total += left * right * _mixed_moment(a, b)
    return sp.expand(total)


def _mixed_moment(a: int, b: int) -> sp.Expr:
    """E U^a V^b of centered variables."""
    return sp.Add(
        *(
            math.comb(a, j) * math.comb(b, j) * math.factorial(j) * ACROSS**j
            * sp.factorial2(a - j - 1) * sp.sqrt(Q) ** (a - j)
            * sp.factorial2(b - j - 1) * sp.sqrt(R) ** (b - j)
            for j in range(a % 2, min(a, b) + 1, 2)
        )
    )  # fmt: skip


def _homogeneous(low: sp.Expr, high: sp.Expr) -> sp.Expr | None:
    """Two monomials of one degree that meet at 0: b |x|^d below it, a x^d above."""
    degree = max(sp.degree(side, X) if side.is_polynomial(X) and side != 0 else 0 for side in (low, high))
    below, above = low.subs(X, -1), high.subs(X, 1)
    same, other = _arc_cosine(degree, C), _arc_cosine(degree, -C)
    if same is None or other is None or low != below * (-X) ** degree or high != above * X**degree:
        return None
    size = sp.sqrt(Q) ** degree * sp.sqrt(R) ** degree
    return size * ((above**2 + below**2) * same + 2 * above * below * other) / (2 * sp.pi)


def _arc_cosine(degree: int, c: sp.Expr) -> sp.Expr | None:
    """Return 2 pi E max(U, 0)^d max(V, 0)^d for unit variances."""
    rest = sp.acos(-c)
    if degree == 0:
        return rest
    if degree == 1:
        return sp.sqrt(SINE_2) + rest * c
    if degree == 2:
        return 3 * sp.sqrt(SINE_2) * c + rest * (1 + 2 * c**2)
    return None
