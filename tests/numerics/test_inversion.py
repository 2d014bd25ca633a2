"""Inversion against formulas: normal, Laplace, gamma, Cauchy; its bounds must hold and be small."""

import math

import numpy as np
import pytest
from scipy import special

from varprop.numerics import chebyshev, hyperbolas, inversion
from varprop.numerics.inversion import Inversion, Transform
from varprop.numerics.rays import RayInversion

X = np.array([0.0, 1e-9, 1e-3, 0.5, 1.0, 3.0, 10.0, 37.0])


def exact(log_mgf):
    """A transform whose only errors are those of its last digit."""
    return lambda s: (log_mgf(s), np.zeros(np.shape(s)))


def holds(value, bound, truth, rounding=4e-15):
    assert (np.abs(value - truth) <= bound + rounding * (1 + np.abs(truth))).all()
    assert (bound < 1e-10).all()


def test_normal_tails_and_density():
    normal = Inversion(Transform(exact(lambda s: s * s / 2), -math.inf, math.inf, 0.0, 1.0))
    holds(*normal.log_tail(X), special.log_ndtr(-X))
    holds(*normal.log_density(X), -X * X / 2 - math.log(2 * math.pi) / 2)


def test_laplace_tails_and_density():
    b = math.sqrt(0.5)
    laplace = Inversion(Transform(exact(lambda s: -special.log1p(-((b * s) ** 2))), -1 / b, 1 / b, 0.0, 1.0))
    holds(*laplace.log_tail(X), -X / b - math.log(2))
    holds(*laplace.log_density(X), -X / b - math.log(2 * b))


@pytest.mark.parametrize("k", [1, 3, 400, 10**9])
def test_gamma_tails_on_both_sides(k):
    """(gamma(k) - k) / sqrt(k), skewed: the right tail is heavier than the left."""
    root = math.sqrt(k)
    transform = Transform(
        exact(lambda s: -k * special.log1p(-s / root) - s * root), -math.inf, root, 0.0, 1.0, bend=1
    )
    x = np.array([0.1, 1.0, 2.5])
    value, bound = Inversion(transform).log_tail(x)
    truth = np.log(special.gammaincc(k, k + root * x))
    assert (np.abs(value - truth) <= bound + 1e-13 * root).all()
    assert (bound < 1e-9).all()


def test_the_far_tail_is_reached_in_log_space():
    normal = Inversion(Transform(exact(lambda s: s * s / 2), -math.inf, math.inf, 0.0, 1.0))
    value, bound = normal.log_tail(np.array([1e3]))
    assert value[0] == pytest.approx(special.log_ndtr(-1e3), rel=1e-14)
    assert bound[0] < 1e-8


def test_the_bound_is_no_taste_a_coarser_step_raises_it(monkeypatch):
    """With a step four times too wide the result is wrong, and the bound says so."""
    transform = Transform(exact(lambda s: -0.5 * special.log1p(-s * s)), -1.0, 1.0, 0.0, 1.0)
    x = np.array([0.3])
    fine = Inversion(transform).log_tail(x)[0]
    true_nodes = hyperbolas.Curves.through.__func__

    def wider(cls, *given):
        curves = true_nodes(cls, *given)
        object.__setattr__(curves, "step", curves.step * 6)
        return curves

    monkeypatch.setattr(hyperbolas.Curves, "through", classmethod(wider))
    value, bound = Inversion(transform).log_tail(x)
    assert 1e-9 < abs(value - fine)[0] < bound[0]


def test_rays_on_a_law_without_moments():
    cauchy = RayInversion(lambda s: np.where(s.imag >= 0, 1j, -1j) * s)
    x = np.array([-30.0, -1.0, 0.0, 0.2, 5.0, 1e4])
    value, bound = cauchy.tail(x)
    assert (np.abs(value - (0.5 - np.arctan(x) / math.pi)) <= bound).all()
    assert bound.max() < 1e-13
    value, bound = cauchy.density(x)
    assert (np.abs(value - 1 / (math.pi * (1 + x * x))) <= bound).all()


# ---- many places at once: panels and polynomials


def grid(unit=1.0):
    """A thousand places, and some that crowd at 0."""
    return unit * np.concatenate([np.linspace(0, 8, 1000), np.geomspace(1e-14, 1, 200)])


@pytest.mark.parametrize("n", [1, 2, 4, 40])
def test_many_places_agree_with_one_at_a_time(n):
    """Sums of n products of two normals: a spike, a kink, and nearly normal; tails and densities."""
    transform = Transform(
        exact(lambda s: -n / 2 * special.log1p(-s * s / n)), -math.sqrt(n), math.sqrt(n), 0.0, 1.0
    )
    x = grid()
    for ask in ("log_tail", "log_density"):
        value, bound = getattr(Inversion(transform), ask)(x[1:])
        some = slice(0, None, 61)
        for place, found, error in zip(x[1:][some], value[some], bound[some], strict=True):
            [one], [lost] = getattr(Inversion(transform), ask)(np.array([place]))
            assert abs(found - one) <= error + lost
        assert bound.max() < 1e-12


def test_many_places_against_formulas():
    x = grid()
    normal = Inversion(Transform(exact(lambda s: s * s / 2), -math.inf, math.inf, 0.0, 1.0))
    holds(*normal.log_tail(x), special.log_ndtr(-x), 1e-15)
    holds(*normal.log_density(x), -x * x / 2 - math.log(2 * math.pi) / 2, 1e-15)
    laplace = Inversion(Transform(exact(lambda s: -special.log1p(-s * s)), -1.0, 1.0, 0.0, math.sqrt(2)))
    holds(*laplace.log_tail(x), -x - math.log(2), 1e-15)
    product = Inversion(Transform(exact(lambda s: -special.log1p(-s * s) / 2), -1.0, 1.0, 0.0, 1.0))
    holds(*product.log_density(x[1:]), np.log(special.k0e(x[1:]) / math.pi) - x[1:], 1e-15)


def test_a_polynomial_of_too_low_degree_raises_the_bound(monkeypatch):
    laplace = Inversion(Transform(exact(lambda s: -special.log1p(-s * s)), -1.0, 1.0, 0.0, math.sqrt(2)))
    monkeypatch.setattr(inversion, "fewest", lambda largest, tolerance: 5)
    x = np.linspace(0.01, 3, 600)
    value, bound = laplace.log_tail(x)
    off = np.abs(value + x + math.log(2))
    assert (off <= bound + 1e-15).all()
    assert off.max() > 1e-9


def test_polynomials_through_chebyshev_points():
    t = np.linspace(-1, 1, 301)
    for count in (2, 3, 16, 80):
        found, error = chebyshev.evaluated(1 / (3 + chebyshev.points(count)), t, 1.0)
        rho = 3 + math.sqrt(8)  # the pole at -3
        largest = 1 / (3 - chebyshev.semiaxes(chebyshev.RADII)[0])
        largest[rho <= chebyshev.RADII] = math.inf
        off = np.abs(found - 1 / (3 + t)).max()
        assert off <= error + chebyshev.distance(largest, count)
        assert error < 1e-14
    least = chebyshev.fewest(largest, 1e-10)
    assert chebyshev.distance(largest, least) <= 1e-10 < chebyshev.distance(largest, least - 1)
    assert chebyshev.fewest(np.full(len(largest), math.inf), 1e-10) == 10**6
