"""Closed forms of E phi(u) phi(v) for centered normal u, v of variances q and r and correlation c."""

from __future__ import annotations

import sympy as sp

from varprop.model.activations import Activation, HomogeneousActivation, cos, erf, exp, gelu, sin

__all__ = ["C", "Q", "R", "correlation_form"]

Q, R = sp.Symbol("q", positive=True), sp.Symbol("r", positive=True)
C = sp.Symbol("c", real=True)


def _arc_cosine(degree: int, c: sp.Expr, angle: sp.Expr) -> sp.Expr | None:
    """Return 2 pi E max(u, 0)^d max(v, 0)^d for unit variances."""
    sine = sp.sqrt((1 - c) * (1 + c))
    if degree == 0:
        return sp.pi - angle
    if degree == 1:
        return sine + (sp.pi - angle) * c
    if degree == 2:
        return 3 * sine * c + (sp.pi - angle) * (1 + 2 * c**2)
    return None


def correlation_form(phi: Activation) -> sp.Expr | None:
    """Return E phi(u) phi(v) as a formula in `Q`, `R` and `C`, None if there is none.

    Example:
        >>> from varprop.model.activations import erf
        >>> correlation_form(erf)
        2*asin(2*c*sqrt(q)*sqrt(r)/(sqrt(2*q + 1)*sqrt(2*r + 1)))/pi

    Source:
        Williams, Computing with infinite networks, 1997, for erf; Cho, Saul, Kernel methods for deep
        learning, 2009, for ReLU and its powers; sin, cos, exp by the characteristic function; GELU by parts.
    """
    across = C * sp.sqrt(Q) * sp.sqrt(R)
    if isinstance(phi, HomogeneousActivation):
        angle = sp.acos(C)
        same, other = _arc_cosine(phi.degree, C, angle), _arc_cosine(phi.degree, -C, sp.pi - angle)
        if same is None or other is None:
            return None
        size = sp.sqrt(Q) ** phi.degree * sp.sqrt(R) ** phi.degree
        if phi.above == -phi.below and phi.degree == 1:
            return phi.above**2 * across
        mixed = (phi.above**2 + phi.below**2) * same + 2 * phi.above * phi.below * other
        return size * mixed / (2 * sp.pi)
    if phi == erf:
        return 2 / sp.pi * sp.asin(2 * across / (sp.sqrt(1 + 2 * Q) * sp.sqrt(1 + 2 * R)))
    if phi == gelu:
        wide = (1 + Q) * (1 + R)  # E u v F(u) F(v), F the normal distribution function, by parts twice
        bump = Q * R * (1 - C) * (1 + C) + across**2 * (1 / (1 + Q) + 1 / (1 + R))
        turn = across * sp.asin(across / sp.sqrt(wide))
        return across / 4 + (turn + bump / sp.sqrt(wide - across**2)) / (2 * sp.pi)
    if phi == sin:
        return sp.exp(-(Q + R) / 2) * sp.sinh(across)
    if phi == cos:
        return sp.exp(-(Q + R) / 2) * sp.cosh(across)
    if phi == exp:
        return sp.exp((Q + R) / 2 + across)
    return None
