"""Quasi-random points and inverse distribution functions, against SciPy and against draws."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import stats

from varprop.model.activations import relu
from varprop.model.distributions import Distribution, Normal, Rectified, StudentT, Unknown
from varprop.model.parsing import as_distribution
from varprop.simulation.quasi import DIMENSIONS, net, quantile, scrambled

LAWS = (
    "Normal(mean=1, variance=4)",
    "Uniform(-1, 3)",
    "Exponential(mean=2)",
    "Laplace(mean=1, variance=2)",
    "LogNormal(0, 1/4)",
    "StudentT(dof=9, center=1, width=2)",
    "TruncatedNormal(-1, 2)",
    "TruncatedNormal(1, 4, parent_mean=-2)",
    "Rademacher()",
    "Bernoulli(1/3)",
    "Dropout(3/4)",
    "Constant(2)",
    "Rectified(Normal(mean=1))",
)


def test_the_net_is_that_of_scipy() -> None:
    points = net(8).T
    order = np.arange(256) ^ (np.arange(256) >> 1)  # SciPy walks in Gray order
    wanted = stats.qmc.Sobol(DIMENSIONS, scramble=False, bits=32).random(256)
    np.testing.assert_array_equal(points[order] / 256, wanted)


def test_scrambled_points_fill_every_dyadic_box_evenly() -> None:
    points = scrambled(np.random.default_rng(3), 5, 2, 8)[3]
    for rows in (1, 4, 16, 64, 256):
        boxes = np.floor(points * [rows, 256 // rows]).astype(int)
        assert len({tuple(box) for box in boxes}) == 256
    assert points.min() > 0 and points.max() < 1
    assert scrambled(np.random.default_rng(3), 2, 1, 0).shape == (2, 1, 1)


@pytest.mark.parametrize(("power", "bits"), [(1, 7), (2, 10)])
def test_means_over_scrambles_are_close_to_normal(power: int, bits: int) -> None:
    points = scrambled(np.random.default_rng(6), 4000, 2, bits)
    means = (points**power).prod(axis=2).mean(axis=1)
    assert abs(means.mean() - (power + 1.0) ** -2) < 4.5 * means.std() / np.sqrt(4000)
    assert stats.kurtosis(means) < 0.5  # 5 under linear scrambles


def test_every_point_is_uniform_over_scrambles() -> None:
    rng = np.random.default_rng(4)
    first = scrambled(rng, 400, DIMENSIONS, 1)
    assert stats.kstest(first.ravel(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("text", LAWS)
def test_inverse_functions_have_the_law_of_draws(text: str) -> None:
    law = as_distribution(text)
    rng = np.random.default_rng(5)
    inverse = quantile(law)
    assert inverse is not None
    sent = pickle.loads(pickle.dumps(inverse))
    made, drawn = sent(rng.random(4000)), law.draw(rng, (4000,))
    assert stats.ks_2samp(made, drawn).pvalue > 1e-3
    if text not in ("Rademacher()", "Bernoulli(1/3)", "Dropout(3/4)"):
        rising = inverse(np.array([2.0**-33, 0.1, 0.5, 0.9, 1 - 2.0**-33]))
        assert np.isfinite(rising).all() and (np.diff(rising) >= 0).all()


def test_laws_without_an_inverse() -> None:
    class Own(Normal):
        pass

    laws: list[Distribution] = [Unknown(mean=0, variance=1), Own(), Rectified(Own()), relu(Own())]
    laws += [StudentT(dof=8), relu(StudentT(dof=3))]  # single points would carry a replicate
    assert [quantile(law) for law in laws] == [None] * 6
    inverse = quantile(relu(Normal()))
    sent = pickle.loads(pickle.dumps(inverse))
    assert (sent(np.array([0.2, 0.5])) == 0).all() and sent(np.array([0.9])) > 1
