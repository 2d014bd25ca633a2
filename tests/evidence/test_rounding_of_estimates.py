"""An interval that may rest on the rounding of samples is withheld; nothing else is."""

from __future__ import annotations

import math

import pytest

import varprop as vp
from varprop.simulation.lost import ROUNDED, Rounding

SHARED = vp.RandomVariable("y", vp.Normal(10**16, 1))
NEAR = vp.RandomVariable("x", "Normal()")


def at(center: int) -> vp.Expression:
    return vp.RandomVariable("x", vp.Normal(center, 1))


@pytest.mark.parametrize(
    "quantity",
    [
        vp.Variance(at(3 * 10**15)),
        vp.Variance(at(10**16)),
        vp.Mean(NEAR + SHARED - vp.RandomVariable("t", vp.Normal(10**16, 1))),
        vp.Kurtosis(at(10**15)),
        vp.Skewness(at(10**15)),
        vp.Cumulant(at(10**15), 4),
        vp.Covariance(at(3 * 10**15) + NEAR, NEAR),
    ],
    ids=str,
)
def test_rounding_that_is_all_there_is(quantity: vp.Quantity) -> None:
    found = vp.estimate(quantity, seed=1)
    assert found.alarm == ROUNDED
    assert found.interval == (-math.inf, math.inf)
    assert "rounding of the samples" in str(found)


def test_rounding_of_a_probability_and_of_a_log() -> None:
    for center, alarm in ((10**16, ROUNDED), (100, "")):
        found = vp.estimate(at(center) - center, statistic="tail probability", above=0.5, seed=1)
        assert found.alarm == alarm
    assert not vp.estimate(at(100) - 100, statistic="log moment", seed=1).alarm
    assert vp.estimate(at(10**15) + 1, statistic="log moment", seed=1).alarm == ROUNDED


@pytest.mark.parametrize(
    "quantity",
    [
        vp.Variance(at(10**8)),
        vp.Mean(at(10**6)),
        vp.Variance(at(1000) ** 2),
        vp.Mean(vp.step(NEAR) * NEAR),
        vp.Variance(vp.RandomVariable("b", "Bernoulli(1/100)")),
        vp.Mean(3 * vp.RandomVariable("c", "Constant(1/10)")),
        vp.Variance(3 * vp.RandomVariable("c", "Constant(1/10)")),
        vp.Variance(vp.RandomVariable("s", vp.Normal(variance="1e-250"))),
        vp.Variance(vp.RandomVariable("l", vp.Normal(variance="1e250"))),
        vp.Variance(vp.dot(weights="Normal(variance=1/512)", inputs="Rectified(Normal())", fan_in=512)),
        vp.Covariance(NEAR, NEAR**3),
        vp.Mean(SHARED * SHARED),
        vp.Variance(vp.dot(weights=vp.Normal(10**15, 1), inputs="Rademacher()", fan_in=1) - 10**15),
    ],
    ids=str,
)
def test_rounding_that_does_not_show(quantity: vp.Quantity) -> None:
    found = vp.estimate(quantity, seed=1, relative_error=0.01)
    assert not found.alarm and math.isfinite(found.interval[1])


def test_what_moves_a_mean_and_a_moment() -> None:
    moved = Rounding((5.0,), (2.0,), (0.5,))
    assert moved.size() == (5.0, 5.5)
    assert moved.spread(3) == (8.0, 2.5**3)
    assert Rounding((5.0, 1.0), (2.0, 3.0), (0.5, 0.25)).spread(2) == (6.0, 2.5 * 3.25)
