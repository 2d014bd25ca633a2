"""Inversion against formulas: normal, Laplace, gamma, Cauchy; its bounds must hold and be small."""

import math

import numpy as np
import pytest
from scipy import special

from varprop.numerics.inversion import Inversion, Transform
from varprop.numerics.rays import RayInversion

X = np.array([0.0, 1e-9, 1e-3, 0.5, 1.0, 3.0, 10.0, 37.0])


def holds(value, bound, truth, rounding=4e-15):
    assert (np.abs(value - truth) <= bound + rounding * (1 + np.abs(truth))).all()
    assert (bound < 1e-10).all()


def test_normal_tails_and_density():
    normal = Inversion(Transform(lambda s: s * s / 2, -math.inf, math.inf, 0.0, 1.0))
    holds(*normal.log_tail(X), special.log_ndtr(-X))
    holds(*normal.log_density(X), -X * X / 2 - math.log(2 * math.pi) / 2)


def test_laplace_tails_and_density():
    b = math.sqrt(0.5)
    laplace = Inversion(Transform(lambda s: -special.log1p(-((b * s) ** 2)), -1 / b, 1 / b, 0.0, 1.0))
    holds(*laplace.log_tail(X), -X / b - math.log(2))
    holds(*laplace.log_density(X), -X / b - math.log(2 * b))


@pytest.mark.parametrize("k", [1, 3, 400, 10**9])
def test_gamma_tails_on_both_sides(k):
    """(gamma(k) - k) / sqrt(k), skewed: the right tail is heavier than the left."""
    root = math.sqrt(k)
    transform = Transform(
        lambda s: -k * special.log1p(-s / root) - s * root, -math.inf, root, 0.0, 1.0, bend=1
    )
    x = np.array([0.1, 1.0, 2.5])
    value, bound = Inversion(transform).log_tail(x)
    truth = np.log(special.gammaincc(k, k + root * x))
    assert (np.abs(value - truth) <= bound + 1e-13 * root).all()
    assert (bound < 1e-9).all()


def test_the_far_tail_is_reached_in_log_space():
    normal = Inversion(Transform(lambda s: s * s / 2, -math.inf, math.inf, 0.0, 1.0))
    value, bound = normal.log_tail(np.array([1e3]))
    assert value[0] == pytest.approx(special.log_ndtr(-1e3), rel=1e-14)
    assert bound[0] < 1e-8


def test_the_bound_is_no_taste_a_coarser_step_raises_it(monkeypatch):
    """With a step four times too wide the result is wrong, and the bound says so."""
    from varprop.numerics import inversion

    transform = Transform(lambda s: -0.5 * special.log1p(-s * s), -1.0, 1.0, 0.0, 1.0)
    x = np.array([0.3])
    fine = Inversion(transform).log_tail(x)[0]
    true_nodes = inversion._Curves.through.__func__

    def wider(cls, *given):
        curves = true_nodes(cls, *given)
        object.__setattr__(curves, "step", curves.step * 6)
        return curves

    monkeypatch.setattr(inversion._Curves, "through", classmethod(wider))
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
