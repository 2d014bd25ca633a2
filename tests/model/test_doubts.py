"""Callables are known by their values alone: the errors that their moments state are never below the real."""

import math

import mpmath
import numpy as np
import pytest

import varprop as vp
from varprop.model import gaussian
from varprop.model.activations import slope_of

ROOT = math.sqrt(2 / math.pi)


def wave(x):
    return np.sin(5 * x)


def sharp(x):
    """Its slope is continuous, its second derivative has no bound at 0."""
    return np.sign(x) * np.abs(x) ** 1.5


def bent(x):
    """elu, whose second derivative jumps at 0."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def moments_of_wave(m, s):
    """Those of sin(5 X) for X of N(m, s^2), in closed form."""
    with mpmath.workdps(60):
        m, s = mpmath.mpf(m), mpmath.mpf(s)
        double, fourfold = (mpmath.cos(k * m) * mpmath.exp(-((k * s) ** 2) / 2) for k in (10, 20))
        mean, second = mpmath.sin(5 * m) * mpmath.exp(-25 * s**2 / 2), (1 - double) / 2
        exact = {
            "mean": mean,
            "second_moment": second,
            "fourth_moment": (3 - 4 * double + fourfold) / 8,
            "variance": second - mean**2,
            "slope_second_moment": 25 * (1 + double) / 2,
            "curvature": -25 * second,
        }
        return {what: float(value) for what, value in exact.items()}


def moments_of_cube(m, s):
    v = s * s
    return {
        "mean": m**3 + 3 * m * v,
        "second_moment": m**6 + 15 * m**4 * v + 45 * m**2 * v**2 + 15 * v**3,
        "fourth_moment": sum(
            math.comb(12, k) * m ** (12 - k) * s**k * math.prod(range(1, k, 2)) for k in range(0, 13, 2)
        ),
        "variance": 9 * m**4 * v + 36 * m**2 * v**2 + 15 * v**3,
        "slope_second_moment": 9 * (m**4 + 6 * m**2 * v + 3 * v**2),
        "curvature": 6 * (m**4 + 6 * m**2 * v + 3 * v**2),
    }


LAWS = [(0, 1), (2, 0.3), (-1, 1e-4), (0, 1e-8), (0, 1e4), (3, 1e2), (15, 0.5), (25, 1)]


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize(
    ("function", "exact"), [(wave, moments_of_wave), (lambda x: x**3, moments_of_cube)], ids=["wave", "cube"]
)
def test_stated_errors_of_moments_cover(function, exact, law) -> None:
    for what, value in exact(*law).items():
        found = getattr(gaussian, what)(function, *law)
        assert abs(float(found.value) - value) <= found.error + 1e-14 * abs(value), what
        if law[1] <= 1 and value:
            assert found.error <= 1e-5 * abs(value) or function is wave, what


@pytest.mark.parametrize(
    ("function", "kinks", "what", "law", "value", "useful"),
    [
        (np.tanh, None, "slope_second_moment", (0, 1), 0.46440290244826824, 1e-10),
        (np.tanh, None, "curvature", (0, 1e-8), -2e-16, 0.2),
        (lambda x: np.logaddexp(0, x), None, "variance", (0, 1e-8), 0.25e-16, 1e-10),
        (lambda x: 0 * x + 0.7, None, "slope_second_moment", (0, 1), 0, None),
        (lambda x: 0 * x + 0.7, None, "curvature", (2, 0.3), 0, None),
        (lambda x: 0 * x + 0.7, None, "variance", (-1, 1e-4), 0, None),
        (lambda x: np.maximum(x, 0), [], "slope_second_moment", (0, 1e-8), 0.5, None),
        (lambda x: np.maximum(x, 0), None, "slope_second_moment", (0, 1e-8), 0.5, 1e-9),
        (sharp, None, "curvature", (0, 1e-8), 0.75e-8 * ROOT, None),
        (sharp, None, "slope_second_moment", (0, 1), 2.25 * ROOT, 1e-6),
        (bent, None, "curvature", (0, 1e-8), -0.5e-8 * ROOT, None),
        (lambda x: np.abs(np.sin(x)), None, "curvature", (0, 1e-8), -1e-16, None),
        (lambda x: np.clip(x, -1, 2.5), None, "curvature", (2.5, 1e-8), -2.5e8 * ROOT / 2, 1e-9),
        (np.tanh, None, "slope_second_moment", (0.5, 0), (1 - math.tanh(0.5) ** 2) ** 2, 1e-10),
    ],
)
def test_differences_say_what_they_do_not_see(function, kinks, what, law, value, useful) -> None:
    """Rounding, kinks that nobody told of, and slopes without bound."""
    found = getattr(gaussian, what)(vp.activation(function, kinks=kinks), *law)
    assert abs(float(found.value) - value) <= found.error + 1e-15 * abs(value)
    assert useful is None or found.error <= useful * abs(value)


@pytest.mark.parametrize(
    "law", [((0, 0), (1, 1), 0.5), ((2, -1), (0.3, 0.5), -0.25), ((-1, -1), (1e-4, 1e-4), 0.5)]
)
def test_stated_errors_of_pairs_cover(law) -> None:
    (m, n), (s, t), rho = law
    c, v = rho * s * t, s * s + t * t
    apart = math.cos(5 * (m - n)) * math.exp(-12.5 * (v - 2 * c))
    together = math.cos(5 * (m + n)) * math.exp(-12.5 * (v + 2 * c))
    covariance = [[s * s, c], [c, t * t]]
    found = gaussian.cross_moment(wave, [m, n], covariance)
    assert abs(found.value - (apart - together) / 2) <= found.error + 1e-16 <= 1e-13
    if s < 1:
        found = gaussian.slope_cross_moment(wave, [m, n], covariance)
        assert abs(found.value - 12.5 * (apart + together)) <= found.error <= 1e-9


def test_a_pair_at_two_points_states_what_its_slopes_doubt() -> None:
    for second in (0, 0.25):
        found = gaussian.slope_cross_moment(wave, [0.3, 0.2], [[0, 0], [0, second]])
        value = 25 * math.cos(1.5) * math.cos(1) * math.exp(-12.5 * second)
        assert abs(found.value - value) <= found.error <= 1e-8


@pytest.mark.parametrize("mean", [0.3, 1.0])
def test_means_of_slopes_state_what_differences_doubt(mean) -> None:
    """The slope of a slope is a difference, of a registered activation too."""
    for phi in (vp.tanh, vp.activation(np.tanh)):
        found, wide = (gaussian.mean(slope_of(phi), mean, std) for std in (1e-3, 0.09))
        t = math.tanh(mean)
        bend = (1 - t * t) * (6 * t * t - 2)
        assert abs(found.value - (1 - t * t + bend * 1e-6 / 2)) <= found.error + 1e-11
        exact = vp.activation("tanh").slope.pieces[0]
        expected = gaussian.mean(vp.activation(exact), mean, 0.09)
        assert abs(wide.value - expected.value) <= wide.error + expected.error
