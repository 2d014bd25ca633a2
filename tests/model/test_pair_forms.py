"""Formulas of E phi(U) phi(V) against quadrature, many digits and each other."""

import functools
import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.model import gaussian
from varprop.model.gaussian.pair_forms import C, Q, R, pair_form, slope_pair_form
from varprop.model.gaussian.pairs import by_quadrature

x = sp.Symbol("x")
ANYWHERE = ["identity", "square", "sin", "cos", "exp", x**3 - 2 * x + 1, 3 * sp.sin(2 * x), sp.exp(-x) / 2]
CENTERED = ["relu", "relu2", "abs", "step", "leaky_relu(0.1)", "erf", "gelu", sp.erf(x)]
WRITTEN = [
    sp.Max(x, 0),
    sp.Abs(x),
    sp.Max(x, x / 10),
    3 * sp.erf(-x / 3),
    x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
]
SHIFTED = [([0.0, 0.0], each) for each in [*ANYWHERE, *CENTERED, *WRITTEN]] + [
    ([0.4, -0.8], each) for each in ANYWHERE
]
LAWS = [(1.0, 1.0, 0.5), (0.3, 2.5, -0.7), (4.0, 0.01, 0.99), (1.0, 1.0, -0.96), (2.0, 1.0, 0.0)]
FUNCTIONS = ((gaussian.cross_moment, False), (gaussian.slope_cross_moment, True))


def covariances(laws):
    q, r, c = map(np.array, zip(*laws, strict=True))
    across = c * np.sqrt(q * r)
    return np.stack([np.stack([q, across], -1), np.stack([across, r], -1)], -2)


@pytest.mark.parametrize(("means", "given"), SHIFTED, ids=str)
def test_formulas_are_what_quadrature_finds(means, given):
    phi, matrices = vp.activation(given), covariances(LAWS)
    for function, slope in FUNCTIONS:
        found = function(phi, means, matrices)
        assert found.precision == "closed form"
        expected, doubt = by_quadrature(phi, np.tile(means, (len(LAWS), 1)), matrices, slope)
        assert np.all(np.abs(found.value - expected) <= 1e-12 * np.abs(expected) + doubt + found.error)
        turned = function(phi, means[::-1], matrices[:, ::-1, ::-1])
        assert turned.value == pytest.approx(found.value, rel=1e-14)


@pytest.mark.parametrize("given", ["tanh", "relu6", "elu", x**13], ids=str)
def test_without_a_formula_it_is_an_estimate(given):
    assert gaussian.cross_moment(given, [0, 0], np.eye(2)).precision == "estimate"


@pytest.mark.parametrize("given", CENTERED[:5], ids=str)
def test_formulas_of_kinked_functions_are_those_of_mean_zero(given):
    assert gaussian.cross_moment(given, [0.1, 0], [[1, 0.5], [0.5, 1]]).precision == "estimate"
    assert pair_form(vp.activation(given), sp.Symbol("m")) is None


@pytest.mark.parametrize("q", [1e-8, 1.0, 1e8])
def test_copies_have_the_second_moment(q):
    for name in ("relu", "relu2", "abs", "erf", "gelu", "sin", "step"):
        same = gaussian.cross_moment(name, [0, 0], np.full((2, 2), q))
        assert float(same) == pytest.approx(float(gaussian.second_moment(name, 0, math.sqrt(q))), rel=1e-14)
        assert same.precision == "closed form" and same.error <= 1e-12 * same.value


def test_digits_survive_where_terms_cancel():
    """Almost opposite inputs of relu^2, and GELU of opposite ones, against many digits."""
    c = -1 + 1e-9
    found = gaussian.cross_moment("relu2", [0, 0], [[1, c], [c, 1]])
    with mpmath.workdps(60):
        k = mpmath.mpf(c)
        exact = (3 * mpmath.sqrt(1 - k * k) * k + mpmath.acos(-k) * (1 + 2 * k * k)) / (2 * mpmath.pi)
        assert float(found) == pytest.approx(float(exact), rel=1e-15)

    with mpmath.workdps(30):

        def opposite(u):
            return -(u**2) * mpmath.ncdf(u) * mpmath.ncdf(-u) * mpmath.npdf(u / 1e4) / 1e4

        exact = 2 * mpmath.quad(opposite, [0, 1, 2, 4, 8, 16, 40])
    found = gaussian.cross_moment("gelu", [0, 0], [[1e8, -1e8], [-1e8, 1e8]])
    assert float(found) == pytest.approx(float(exact), rel=1e-14)


def test_the_bump_is_the_slope_of_the_error_function():
    bump = gaussian.cross_moment(sp.exp(-(x**2)), [0, 0], [[1, 0.5], [0.5, 2]])
    slope = gaussian.slope_cross_moment("erf", [0, 0], [[1, 0.5], [0.5, 2]])
    assert float(slope) == pytest.approx(4 / math.pi * float(bump), rel=1e-15)


def test_two_lengths_on_one_line_keep_the_rounding_of_their_covariance():
    """The angle between them is that of the given matrix, of which one rounding is the root."""
    q, r = 3.0, 2.0
    k = math.sqrt(q * r)
    found = float(gaussian.cross_moment("step", [0, 0], [[q, k], [k, r]]))
    with mpmath.workdps(50):
        c = min(mpmath.mpf(k) / mpmath.sqrt(mpmath.mpf(q) * r), mpmath.mpf(1))
        assert found == pytest.approx(float(mpmath.acos(-c) / (2 * mpmath.pi)), rel=1e-15)
    opposite = gaussian.cross_moment("relu", [0, 0], [[q, -k], [-k, r]])
    with mpmath.workdps(80):
        c = max(-mpmath.mpf(k) / mpmath.sqrt(mpmath.mpf(q) * r), mpmath.mpf(-1))
        exact = mpmath.sqrt(q * r) * (mpmath.sqrt(1 - c * c) + c * mpmath.acos(-c)) / (2 * mpmath.pi)
        assert abs(float(opposite) - exact) <= opposite.error and 0 < opposite.error < 1e-30


def test_what_does_not_vary_is_taken_at_its_value():
    for first, second in itertools.permutations(([1, 0], [0, 0])):
        matrix = np.diag([first[0], second[0]]).astype(float)
        assert float(gaussian.cross_moment("step", [0, 0], matrix)) == pytest.approx(
            float(vp.activation("step").value(np.array(0.0))) / 2, rel=1e-12
        )
        assert float(gaussian.cross_moment("cos", [0, 0], matrix)) == pytest.approx(math.exp(-1 / 2))


@pytest.mark.parametrize("name", ["relu", "erf", "gelu", "step", "abs", "tanh"])
def test_one_that_does_not_vary_is_a_factor(name):
    """E phi(m) phi(Y) = phi(m) E phi(Y), of the kind of number that E phi(Y) is."""
    phi = vp.activation(name)
    for first, second, at, law in (
        ([0.0, 2.0], [0.3, -0.7], 0.3, -0.7),
        ([2.0, 0.0], [-0.7, 0.3], 0.3, -0.7),
    ):
        found = gaussian.cross_moment(phi, second, np.diag(first))
        alone = gaussian.mean(phi, law, math.sqrt(2))
        assert found.precision == alone.precision == ("estimate" if name == "tanh" else "closed form")
        assert float(found) == pytest.approx(float(phi(at)) * float(alone), rel=1e-14)
        slopes = gaussian.slope_cross_moment(phi, second, np.diag(first))
        by_parts = by_quadrature(phi, np.array([second]), np.array([np.diag(first)]), slope=True)[0][0]
        assert float(slopes) == pytest.approx(by_parts, rel=1e-12, abs=1e-15)
    mixed = gaussian.cross_moment("tanh", [[0.3, 0.0], [0.3, 0.1]], [np.diag([1.0, 0.0]), np.eye(2)])
    assert mixed.precision == "estimate" and mixed.value[0] == 0.0


def test_a_slope_is_zero_where_there_is_none():
    found = gaussian.slope_cross_moment("step", [0, 0], np.eye(2))
    assert (float(found), found.precision) == (0.0, "closed form")


def test_polynomials_follow_the_theorem_of_isserlis():
    assert sp.expand(pair_form(vp.activation(x**3)) - (6 * C**3 + 9 * C) * sp.sqrt(Q * R) ** 3) == 0


@pytest.mark.parametrize("name", ["sin", "cos", "exp"])
@pytest.mark.parametrize(
    ("q", "c"), [(924.0, 0.5), (1e300, 1.0), (1e300, -1.0), (600.0, -0.9), (1e-300, 1.0)]
)
def test_waves_keep_their_digits_to_the_end_of_floats(name, q, c):
    """By the characteristic function: exp(-462) is there although exp(-924) is not."""
    with mpmath.workdps(700):
        near, far = (mpmath.exp(-mpmath.mpf(q) * (1 - sign * mpmath.mpf(c))) / 2 for sign in (1, -1))
        exact = {"sin": near - far, "cos": near + far, "exp": mpmath.exp(mpmath.mpf(q) * (1 + mpmath.mpf(c)))}
    found = gaussian.cross_moment(name, [0, 0], [[q, c * q], [c * q, q]])
    assert float(found) == pytest.approx(float(exact[name]), rel=1e-12)
    assert found.precision == "closed form"


def test_long_polynomials_at_other_means_are_left_to_quadrature():
    """E (U - 1)^12 (V - 1)^12 by the recursion of Stein, in whole numbers."""

    @functools.cache
    def stein(a, b):
        if min(a, b) < 0 or a + b == 0:
            return int(a + b == 0)
        if a == 0:
            return 2 * stein(0, b - 1) + 2 * (b - 1) * stein(0, b - 2)
        return -3 * stein(a - 1, b) + (a - 1) * stein(a - 2, b) + b * stein(a - 1, b - 1)

    found = gaussian.cross_moment((x - 1) ** 12, [-2, 3], [[1, 1], [1, 2]])
    assert found.precision == "estimate"
    assert float(found) == pytest.approx(stein(12, 12), rel=1e-11)


def test_a_growing_exponential_is_no_bump():
    """exp(x^2) has no moment under N(0, 1), though a formula continued to it gives a number."""
    with pytest.raises(vp.MomentError, match="slower than"):
        gaussian.cross_moment(sp.exp(x**2), [0, 0], [[1, 0.5], [0.5, 1]])


def test_parameters_without_a_value_are_asked_for():
    for ask in (
        lambda phi: gaussian.mean(phi, 0, 1),
        lambda phi: gaussian.cross_moment(phi, [0, 0], np.eye(2)),
    ):
        with pytest.raises(vp.ParameterError, match=r"a has no value. Give it one"):
            ask("leaky_relu(a)")


@pytest.mark.parametrize("name", ["abs", "relu", "leaky_relu(0.1)", "relu2", "erf", "gelu"])
def test_errors_of_formulas_hold_near_a_line(name):
    """Correlations of 1 - 10^-k and -1 + 10^-k, lengths of any size, by the formula in 120 digits."""
    phi, rng = vp.activation(name), np.random.default_rng(5)
    q, r = 10.0 ** rng.uniform(-8, 8, (2, 100))
    c = rng.choice([-1, 1], 100) * (1 - 10.0 ** -rng.uniform(0, 15, 100))
    matrices = covariances(list(zip(q, r, c, strict=True)))
    for function, form in (
        (gaussian.cross_moment, pair_form),
        (gaussian.slope_cross_moment, slope_pair_form),
    ):
        exact = sp.lambdify((Q, R, C), form(phi), "mpmath")
        for matrix in matrices:
            found = function(phi, [0, 0], matrix)
            with mpmath.workdps(120):
                (first, across), (_, second) = ([mpmath.mpf(entry) for entry in row] for row in matrix)
                expected = exact(first, second, across / mpmath.sqrt(first * second))
                assert abs(float(found) - expected) <= found.error
