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


@pytest.mark.parametrize("mean, std", [(31234, 2e4), (31234, 1e3), (1e10, 1e9), (-400.0, 11.0)])
def test_bends_far_from_the_mean_of_a_wide_law_are_found(mean, std):
    """E tanh'^2 = E cosh^-4: beside 0 alone; the trapezoid rule in 1/16 of x, in 40 digits."""
    with mpmath.workdps(40):
        steps = [mpmath.mpf(k) / 16 for k in range(-1600, 1601)]
        terms = (mpmath.sech(x) ** 4 * mpmath.npdf(x, mean, std) for x in steps)
        exact = mpmath.fsum(terms) / 16
        found = gaussian.slope_second_moment("tanh", [mean, 1.0], [std, 1.0])
        value, error = found.value[0], found.error[0]
        assert abs(value - exact) <= error < 1e-10 * exact
        assert abs(value - exact) < 1e-15 * exact * max(1, (mean / std) ** 2)


def test_bends_at_the_end_of_a_panel_count_on_both_sides():
    """E silu silu'' of N(1e9, 1e16): 0 lies at ten deviations; the trapezoid rule in x."""
    with mpmath.workdps(40):

        def product(x):
            gate = 1 / (1 + mpmath.exp(-x))
            return x * gate * gate * (1 - gate) * (2 - x * mpmath.tanh(x / 2))

        terms = (
            product(mpmath.mpf(k) / 16) * mpmath.npdf(mpmath.mpf(k) / 16, 1e9, 1e8)
            for k in range(-1600, 1601)
        )
        exact = mpmath.fsum(terms) / 16
        found = gaussian.curvature("silu", 1e9, 1e8)
        assert abs(float(found) - exact) <= found.error < 1e-11 * abs(exact)


def test_what_lies_beyond_the_end_of_float64_is_no_exact_zero():
    found = gaussian.slope_second_moment("tanh", 400.0, 1.0)
    assert float(found) == 0.0 < found.error < 1e-320


def test_closed_forms_keep_their_digits_to_the_end_of_float64():
    found = gaussian.curvature("elu(0.5)", 13679.4, 372.2)
    exact = mpmath.mpf("-5.6139059940815571696e-298")
    assert found.precision == "closed form"
    assert abs(float(found) - exact) <= found.error < 1e-14 * abs(exact)


@pytest.mark.parametrize("wide, narrow", [(1e8, 1e-8), (1e6, 1e-7)])
def test_pairs_of_very_different_width_are_found_at_once(wide, narrow, monkeypatch):
    """E tanh(X) tanh(Y) is c E tanh'(X) up to 1e-14, by Stein, for Y so narrow."""
    asked = []
    phi = vp.activation("tanh")
    second = type(phi)._second
    monkeypatch.setattr(type(phi), "_second", lambda self, x: (asked.append(x.size), second(self, x))[1])
    covariance = 0.5 * wide * narrow
    found = gaussian.cross_moment(phi, [0, 0], [[wide**2, covariance], [covariance, narrow**2]])
    exact = covariance * 2 / np.sqrt(2 * np.pi) / wide
    assert float(found) == pytest.approx(exact, rel=1e-12, abs=0) and found.error < 1e-12 * exact
    assert sum(asked) < 1e6
