"""Closed forms of E phi(U) phi(V) for a normal pair U, V of variances q and r and correlation c."""

from __future__ import annotations

import math
from functools import cache, lru_cache

import sympy as sp

from varprop.model.activations import Activation, HomogeneousActivation, gelu
from varprop.model.activations.base import X
from varprop.model.activations.formula import slope_of

__all__ = ["C", "Q", "R", "pair_form", "slope_pair_form"]

Q, R = sp.Symbol("q", positive=True), sp.Symbol("r", positive=True)
C = sp.Symbol("c", real=True)

ACROSS = C * sp.sqrt(Q) * sp.sqrt(R)
SINE_2 = (1 - C) * (1 + C)
LARGEST_DEGREE = 12
"""The formula of a polynomial of higher degree is longer than the quadrature is slow."""


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
    pieces = phi.pieces or ()
    if len(pieces) == 1:
        if pieces[0].is_polynomial(X) and sp.degree(pieces[0], X) <= LARGEST_DEGREE:
            return _polynomial(pieces[0], first, second)
        known = _of_waves(first, second) | ({} if first or second else _of_gates())
        for formula, found in known.items():
            factor = pieces[0] / formula
            if not factor.has(X):
                return factor**2 * found
    if isinstance(phi, HomogeneousActivation) and not (first or second):
        return _homogeneous(phi)
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


def _of_waves(first: sp.Expr, second: sp.Expr) -> dict[sp.Expr, sp.Expr]:
    """exp, sin and cos at any means."""
    fade, even, odd = sp.exp(-(Q + R) / 2), sp.cosh(ACROSS), sp.sinh(ACROSS)
    sines, cosines = sp.sin(first) * sp.sin(second), sp.cos(first) * sp.cos(second)
    return {
        sp.exp(X): sp.exp(first + second + (Q + R) / 2 + ACROSS),
        sp.sin(X): fade * (cosines * odd + sines * even),
        sp.cos(X): fade * (cosines * even + sines * odd),
    }


@cache
def _of_gates() -> dict[sp.Expr, sp.Expr]:
    """The error function, GELU and their slopes, at mean 0; GELU by parts."""
    wide, wider = (1 + k * (Q + R) + k**2 * Q * R * SINE_2 for k in (1, 2))
    turn, root = sp.atan(ACROSS / sp.sqrt(wide)), sp.sqrt(wide)
    bump = Q * R * SINE_2 + ACROSS**2 * (1 / (1 + Q) + 1 / (1 + R))
    slope_bump = ACROSS * (1 / (1 + Q) + 1 / (1 + R) + 1 / wide)
    return {
        sp.erf(X): 2 / sp.pi * sp.atan(2 * ACROSS / sp.sqrt(wider)),
        sp.exp(-(X**2)): 1 / sp.sqrt(wider),
        gelu.pieces[0]: ACROSS / 4 + (ACROSS * turn + bump / root) / (2 * sp.pi),
        sp.diff(gelu.pieces[0], X): sp.Rational(1, 4) + (turn + slope_bump / root) / (2 * sp.pi),
    }


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


def _homogeneous(phi: HomogeneousActivation) -> sp.Expr | None:
    same, other = _arc_cosine(phi.degree, C), _arc_cosine(phi.degree, -C)
    if same is None or other is None:
        return None
    size = sp.sqrt(Q) ** phi.degree * sp.sqrt(R) ** phi.degree
    mixed = (phi.above**2 + phi.below**2) * same + 2 * phi.above * phi.below * other
    return size * mixed / (2 * sp.pi)


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
