"""Estimators: unbiased on small blocks, exactly where enumeration allows it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from varprop.errors import SamplingError
from varprop.simulation import estimators as est
from varprop.simulation.moments import Moments

VALUES, MASSES = np.array([-1.0, 0.5, 3.0]), np.array([0.3, 0.5, 0.2])
MEAN = float(VALUES @ MASSES)


def central(order: int) -> float:
    return float((VALUES - MEAN) ** order @ MASSES)


def cumulant(order: int) -> float:
    raw = [float(VALUES**k @ MASSES) for k in range(order + 1)]
    kappa = [0.0]
    for k in range(1, order + 1):
        kappa.append(raw[k] - sum(math.comb(k - 1, j - 1) * kappa[j] * raw[k - j] for j in range(1, k)))
    return kappa[order]


def all_blocks(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Every block of this size with its probability."""
    places = np.array(list(itertools.product(range(3), repeat=size)))
    return VALUES[places], MASSES[places].prod(axis=1)


@pytest.mark.parametrize("order", range(7))
@pytest.mark.parametrize("extra", [0, 1])
def test_plain_statistics_are_exactly_unbiased(order: int, extra: int) -> None:
    blocks, masses = all_blocks(max(1, order) + extra)
    assert est.central_moment(blocks, order) @ masses == pytest.approx(central(order), abs=1e-9)
    assert est.raw_moment(blocks, order) @ masses == pytest.approx(float(VALUES**order @ MASSES))
    if order:
        assert est.cumulant(blocks, order) @ masses == pytest.approx(cumulant(order), abs=1e-9)


def test_variance_and_covariance_are_exactly_unbiased() -> None:
    blocks, masses = all_blocks(4)
    assert est.variance(blocks) @ masses == pytest.approx(central(2))
    truth = float(VALUES**3 @ MASSES) - MEAN * float(VALUES**2 @ MASSES)
    assert est.covariance(blocks, blocks**2) @ masses == pytest.approx(truth)


def test_crossed_variance_is_exactly_unbiased_with_means() -> None:
    """z = a b + b with a, b of the three-point law: enumerate all blocks of 2 x 2."""
    draws, masses = all_blocks(4)
    z = draws[:, :2, None] * draws[:, None, 2:] + draws[:, None, 2:]
    second = float(VALUES**2 @ MASSES)
    truth = second * (second + 2 * MEAN + 1) - (MEAN * (MEAN + 1)) ** 2
    assert est.crossed_covariance(z, z) @ masses == pytest.approx(truth)
    assert est.mean(z) @ masses == pytest.approx(MEAN * (MEAN + 1))


def test_crossed_variance_is_the_brute_force_statistic() -> None:
    z = np.random.default_rng(1).normal(size=(1, 4, 3)) + 100
    pairs = [
        (z[0, i, j] - z[0, k, m]) ** 2 / 2
        for i, k in itertools.permutations(range(4), 2)
        for j, m in itertools.permutations(range(3), 2)
    ]
    assert est.crossed_covariance(z, z)[0] == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize("kind", ["central moment", "cumulant"])
@pytest.mark.parametrize("order", [2, 3, 4])
def test_grouped_statistics_are_exactly_unbiased(kind: str, order: int) -> None:
    """Two samples to a group that are equal: dependence inside a group does no harm."""
    draws, masses = all_blocks(order)
    groups = np.repeat(draws.reshape(-1, 1), 2, axis=1)
    truth = central(order) if kind == "central moment" else cumulant(order)
    assert est.grouped(groups, kind, order) @ masses == pytest.approx(truth)


def test_statistics_ignore_a_large_shift() -> None:
    block = np.random.default_rng(2).gamma(2, size=(50, 8))
    for order in (2, 3, 4):
        assert est.cumulant(block + 2.0**20, order) == pytest.approx(
            est.cumulant(block, order), rel=1e-6, abs=1e-6
        )


@pytest.mark.parametrize(
    "call",
    [
        lambda: est.variance(np.ones((2, 1))),
        lambda: est.cumulant(np.ones((2, 3)), 4),
        lambda: est.cumulant(np.ones((2, 3)), 0),
        lambda: est.central_moment(np.ones((2, 30)), 9),
        lambda: est.crossed_covariance(np.ones((2, 1, 3)), np.ones((2, 1, 3))),
    ],
)
def test_what_has_no_estimate_says_so(call: object) -> None:
    with pytest.raises(SamplingError, match=r"Use|Check|Ask"):
        call()  # type: ignore[operator]


def test_moments_merge_as_if_seen_together() -> None:
    values = np.random.default_rng(3).gamma(2, size=1000) + 50
    merged = Moments()
    for piece in np.array_split(values, [1, 7, 400, 400]):
        merged = merged + Moments.of(piece)
    whole = Moments.of(values)
    for name in ("count", "mean", "variance", "skewness", "kurtosis", "standard_error"):
        assert getattr(merged, name) == pytest.approx(getattr(whole, name), rel=1e-10)
    away = values - values.mean()
    assert whole.skewness == pytest.approx(np.mean(away**3) / np.mean(away**2) ** 1.5)
    assert whole.kurtosis == pytest.approx(np.mean(away**4) / np.mean(away**2) ** 2)


def test_moments_of_little() -> None:
    one = Moments.of(np.array([3.0]))
    assert (one.skewness, one.kurtosis) == (0.0, 0.0)
    assert math.isnan(one.variance) and math.isnan(one.standard_error)
