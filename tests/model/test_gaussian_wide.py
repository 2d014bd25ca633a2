"""Normal laws that are wide, or narrow, against the bend of a smooth activation."""

import mpmath
import numpy as np
import pytest

import varprop as vp
from varprop.model import gaussian

STD = np.logspace(0, 3, 25)


def test_gelu_and_erf_slopes_against_their_closed_forms():
    """E gelu^2 = q/4 + q/(2 pi) (asin(q/(1+q)) + 2 q / ((1+q) sqrt(1+2q))), E erf'^2 = (4/pi)/sqrt(1+4q)."""
    q = STD**2
    bump = 2 * q / ((1 + q) * np.sqrt(1 + 2 * q))
    found = gaussian.second_moment("gelu", 0, STD)
    np.testing.assert_allclose(
        found.value, q / 4 + q / (2 * np.pi) * (np.arcsin(q / (1 + q)) + bump), rtol=1e-11
    )
    slopes = gaussian.slope_second_moment("erf", 0, STD)
    np.testing.assert_allclose(slopes.value, 4 / np.pi / np.sqrt(1 + 4 * q), rtol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "softplus", "mish"])
def test_one_wide_law_and_many_give_the_same(name):
    together = gaussian.second_moment(name, 0, STD).value
    alone = [float(gaussian.second_moment(name, 0, std)) for std in STD]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_errors_of_tiny_numbers_cover_their_own_rounding():
    """Var step(X) of N(0.7, 0.026^2) is P(X < 0) P(X > 0), against many digits."""
    with mpmath.workdps(200):
        below = mpmath.erfc(mpmath.mpf(0.7) / mpmath.mpf(0.026) / mpmath.sqrt(2)) / 2
        found = gaussian.variance("step", 0.7, 0.026)
        assert 0 < abs(mpmath.mpf(float(found)) - below * (1 - below)) <= found.error < 1e-14 * float(found)


@pytest.mark.parametrize("mean", [0.0, 1e-9])
@pytest.mark.parametrize("name", ["silu", "mish", "sigmoid", "gelu_tanh"])
def test_products_with_the_curvature_keep_their_digits_beside_a_root(name, mean):
    """phi phi'' is odd there to first order; the trapezoid rule in 60 digits, by differences in 200."""
    phi = {
        "silu": lambda x: x / (1 + mpmath.exp(-x)),
        "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
        "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
        "gelu_tanh": lambda x: (
            x / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(44715) / 10**6 * x**3)))
        ),
    }[name]
    std = np.array([1e-8, 8e-9, 1e-5])
    found = gaussian.curvature(vp.activation(name), mean, std)
    with mpmath.workdps(120):
        h = mpmath.mpf(10) ** -30

        def product(x):
            return phi(x) * (phi(x + h) - 2 * phi(x) + phi(x - h)) / h**2

        for s, value, error in zip(std, found.value, found.error, strict=True):
            steps = [mpmath.mpf(k) / 4 for k in range(-52, 53)]
            terms = (product(mpmath.mpf(mean) + mpmath.mpf(s) * z) * mpmath.npdf(z) for z in steps)
            exact = mpmath.fsum(terms) / 4
            assert abs(mpmath.mpf(value) - exact) <= 1e-14 * abs(exact)
            assert error <= 1e-12 * abs(value)
