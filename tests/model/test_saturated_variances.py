"""Variances where an activation is almost flat: differences of its values lose all digits there."""

import mpmath
import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.model import gaussian
from varprop.model.activations.base import X

VARIANCES = [
    ("tanh", 10.03, 0.34, "1.4069286229574735961e-17"),
    ("tanh", -10.03, 0.34, "1.4069286229574735961e-17"),
    ("tanh", 100, 4, "2.9782483760201274206e-118"),
    ("tanh", 2, 0.11, "6.4487684869942114069e-5"),
    ("sigmoid", 40, 1, "8.4300534243733316548e-35"),
    ("sigmoid", 100, 6, "2.5721891127592306575e-56"),
    ("erf", 19.8, 0.15, "3.6247302239896590365e-316"),
    ("erf", -12, 2, "4.8753546572233386349e-9"),
    ("softsign", 1e8, 1e-3, "9.9999996000000104163e-39"),
    ("softsign", -1e3, 400, "2.3958185116080267891e-2"),
    ("mish", -30, 2, "1.2414973483391055185e-20"),
]
"""By Gauss and Legendre on panels, in 480 digits."""


@pytest.mark.parametrize("name, mean, std, exact", VARIANCES)
def test_variances_of_what_is_almost_constant_have_their_digits(name, mean, std, exact):
    found = gaussian.variance(name, mean, std)
    exact = mpmath.mpf(exact)
    assert abs(float(found) - exact) <= found.error <= 1e-12 * exact + 1e-320
    assert abs(float(found) - exact) <= 1e-13 * exact + 5e-324


LIMITS = {
    "tanh": (-1, 1),
    "erf": (-1, 1),
    "softsign": (-1, 1),
    "sigmoid": (0, 1),
    "elu": (-1, 0),
    "celu(2)": (-2, 0),
}


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("above", [False, True])
def test_differences_from_the_limit_are_those_of_the_formula(name, above):
    phi, places = vp.activation(name), [-40.0, -3.0, -0.5, 0.5, 3.0, 40.0]
    found = phi.beside_limit(np.array(places), np.array(above))
    for place, value in zip(places, found, strict=True):
        exact = phi.pieces[-1 if place > 0 else 0].subs(X, sp.Rational(place)) - LIMITS[name][above]
        assert value == pytest.approx(float(exact.evalf(40, maxn=400)), rel=1e-13, abs=0)
