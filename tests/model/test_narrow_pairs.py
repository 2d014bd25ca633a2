"""Narrow laws, alone and in pairs, and means of odd activations of wide laws."""

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
from mpmath.calculus.quadrature import GaussLegendre

import varprop as vp
from varprop.model import gaussian
from varprop.model.gaussian.narrow import narrow_excess

DIGITS = 30
with mpmath.workdps(DIGITS):
    NODES = GaussLegendre(mpmath.mp).calc_nodes(4, mpmath.mp.prec)


def clipped(c, s):
    """E hardtanh(Y) for Y of N(c, s^2)."""
    total = mpmath.mpf(-1)
    for kink, sign in ((-1, 1), (1, -1)):
        far = (c - kink) / s
        total += sign * ((c - kink) * mpmath.ncdf(far) + s * mpmath.npdf(far))
    return total


def exponential(c, s):
    """E elu(Y) for Y of N(c, s^2)."""
    below = mpmath.ncdf(-c / s)
    above = c * mpmath.ncdf(c / s) + s * mpmath.npdf(c / s)
    return above + mpmath.exp(c + s * s / 2) * mpmath.ncdf(-c / s - s) - below


def soft(c, s):
    """E softsign(Y), whose series is y - y |y| + y^3 - ... at 0, for c and s of order 1e-8."""
    absolute = (c * c + s * s) * (1 - 2 * mpmath.ncdf(-c / s)) + 2 * c * s * mpmath.npdf(c / s)
    return c - absolute + c**3 + 3 * c * s * s


VALUES = {
    "hardtanh": (clipped, lambda x: max(-1, min(1, x)), (-1, 1)),
    "elu": (exponential, lambda x: x if x > 0 else mpmath.expm1(x), (0,)),
    "softsign": (soft, lambda x: x / (1 + abs(x)), (0,)),
}


def expected(name, means, stds, rho):
    """The mean given the wide one in closed form, the rest by mpmath, split wherever something bends."""
    inner, value, kinks = VALUES[name]
    with mpmath.workdps(DIGITS):
        m, n, s, t, rho = map(mpmath.mpf, (*means, *stds, rho))
        rest = t * mpmath.sqrt(1 - rho * rho)
        far = [sign * mpmath.mpf(4) ** k for k in range(14) for sign in (-1, 1)]
        bends = [(kink + step - m) / s for kink in kinks for step in (0, *far)]
        ends = sorted({z for z in (*map(mpmath.mpf, range(-10, 11)), *bends) if abs(z) <= 10})
        total = mpmath.mpf(0)
        for low, high in pairwise(ends):
            for node, weight in NODES:
                z = (high + low) / 2 + (high - low) / 2 * node
                mean = inner(n + rho * t * z, rest)
                total += weight * (high - low) / 2 * value(m + s * z) * mean * mpmath.npdf(z)
        return total


@pytest.mark.parametrize("rho", [0.5, -0.9])
@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("hardtanh", (0.3, 1)),
        ("hardtanh", (0.3, 1 + 5e-9)),
        ("hardtanh", (0.3, 0.2)),
        ("elu", (0.3, 0)),
        ("elu", (0.3, -1e-8)),
        ("softsign", (0, 0)),
        ("softsign", (0.3, 2e-8)),
    ],
)
def test_a_wide_and_a_narrow_law(name, means, rho):
    wide, narrow = 1e8, 2.0**-26
    covariance = [[wide**2, rho * wide * narrow], [rho * wide * narrow, narrow**2]]
    truth = float(expected(name, means, (wide, narrow), rho))
    for turned in (1, -1):
        found = gaussian.cross_moment(name, means[::turned], np.array(covariance)[::turned, ::turned])
        assert float(found) == pytest.approx(truth, rel=1e-11, abs=0)
        assert abs(float(found) - truth) <= found.error + 1e-15 * abs(truth)
        assert found.error <= 1e-11 * abs(truth)


@pytest.mark.parametrize("name", ["elu", "softsign"])
def test_two_narrow_laws_keep_what_is_left_beside_a_root(name):
    """phi(y) = y + k min(y, 0)^2 or y - y |y|: only the second order has a mean."""
    s, rho = 2.0**-26, 0.5
    covariance = [[s * s, rho * s * s], [rho * s * s, s * s]]
    value, slope, mean = {"elu": (0.3, 1.0, s * s / 4), "softsign": (0.3 / 1.3, 1.3**-2, 0.0)}[name]
    found = gaussian.cross_moment(name, (0.3, 0.0), covariance)
    assert float(found) == pytest.approx(value * mean + slope * rho * s * s, rel=1e-7, abs=0)
    assert found.error <= 1e-11 * float(found)


def test_a_kink_within_reach_is_counted_from_both_sides():
    relu6 = vp.relu6
    std = np.array([[1e-8]])
    step = np.linspace(-5, 5, 41)[None] * 1e-8
    for kink, sign in ((0.0, 1), (6.0, -1)):
        value, error = narrow_excess(relu6, np.array([[kink]]), step, std)
        for at, found in zip(step[0], value[0], strict=True):
            far = mpmath.mpf(at) / mpmath.mpf(1e-8)
            tail = 1e-8 * (mpmath.npdf(far) - abs(far) * mpmath.ncdf(-abs(far)))
            assert found == pytest.approx(sign * float(tail), rel=1e-9, abs=1e-23)
        assert (error < 1e-22).all()


def test_steep_formulas_are_not_taken_for_parabolas():
    """tanh(10^7 x) bends within 1e-7: there a law of that width is no narrow one."""
    steep = vp.activation(sp.tanh(10**7 * sp.Symbol("x")))
    q = np.array([[1.0, 0.5], [0.5, 1.0]])
    found = gaussian.cross_moment(steep, (0, 0), 1e-14 * q)
    assert float(found) == pytest.approx(float(gaussian.cross_moment("tanh", (0, 0), q)), rel=1e-10)
    close = vp.hardtanh("-1/1000000000", "1/1000000000")
    found = gaussian.cross_moment(close, (0, 0), 1e-18 * q)
    assert float(found) == pytest.approx(
        1e-18 * float(gaussian.cross_moment("hardtanh", (0, 0), q)), rel=1e-10
    )


def test_means_of_odd_activations_of_wide_laws_keep_their_digits():
    mean, std = -32.36965357034844, 1e8
    found = gaussian.mean("tanh", mean, std)
    assert float(found) == pytest.approx(math.erf(mean / std / math.sqrt(2)), rel=1e-13, abs=0)
    assert found.error <= 1e-13 * abs(float(found))
    # mpmath, 60 digits
    found = gaussian.mean("softsign", [-113.56874555388451, 113.56874555388451], std)
    assert found.value == pytest.approx([-9.0614747531486744e-7, 9.0614747531486744e-7], rel=1e-12, abs=0)


@pytest.mark.parametrize("at", [-3.0, -1.0, -0.1, 0.1, 1.0, 3.0])
@pytest.mark.parametrize(("name", "kink"), [("hardtanh", 1), ("relu6", 6), ("hardsigmoid", -3)])
def test_a_narrow_law_beside_a_kink_that_is_not_at_zero(name, kink, at):
    """P(X below or above the kink) hangs on mean - kink, a tiny part of the mean."""
    slope, std = {"hardsigmoid": 1 / 6}.get(name, 1.0), 1e-8
    mean = kink + at * std
    far = (mpmath.mpf(mean) - kink) / std * (1 if kink < 0 else -1)
    found = gaussian.slope_second_moment(name, mean, std)
    assert found.precision == "closed form"
    assert float(found) == pytest.approx(slope**2 * float(mpmath.ncdf(far)), rel=1e-13, abs=0)


def test_a_narrow_law_beside_the_kink_of_an_exponential():
    """exp(x - 5) below 5, 3 above."""
    x, std = sp.Symbol("x"), 1e-8
    phi = vp.activation(sp.Piecewise((sp.exp(x - 5), x < 5), (3, True)), growth=0)
    for at in (-1.0, 0.3):
        mean = 5 + at * std
        c = mpmath.mpf(mean) - 5
        below = mpmath.exp(c + mpmath.mpf(std) ** 2 / 2) * mpmath.ncdf(-c / std - std)
        truth = below + 3 * mpmath.ncdf(c / std)
        assert float(gaussian.mean(phi, mean, std)) == pytest.approx(float(truth), rel=1e-13)


def test_two_narrow_laws_away_from_roots():
    s, rho = 1e-8, 0.5
    covariance = [[s * s, rho * s * s], [rho * s * s, s * s]]
    for name, function in (("tanh", math.tanh), ("softsign", lambda x: x / (1 + x))):
        found = gaussian.cross_moment(name, (0.3, 0.2), covariance)
        assert float(found) == pytest.approx(function(0.3) * function(0.2), rel=1e-14)
