"""Binomial(n, 1/2) by tables: the tables against exact counts, the draws against the law."""

import math

import mpmath
import numpy as np
import pytest
import scipy.stats

from varprop.networks.fair_counts import REACH, FairCounts, log_ratio


def block_probabilities(counts):
    """What the alias tables give, by adding up."""
    size = counts.mask + 1
    keep = counts.thresholds / 2.0**63
    found = np.zeros(size)
    for column in range(size):
        own, partner = counts.others[2 * column : 2 * column + 2]
        found[own] += keep[column] / size
        found[partner] += (1 - keep[column]) / size
    assert (found[len(counts.starts) :] == 0).all()
    return found[: len(counts.starts)]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 64, 1000])
def test_small_tables_hold_the_law(n):
    counts = FairCounts(n)
    assert counts.width == 1
    exact = [math.comb(n, n // 2 + int(j)) / 2**n for j in counts.starts]
    np.testing.assert_allclose(block_probabilities(counts), exact, rtol=1e-11, atol=1e-18)
    assert sum(exact) == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("n", [10**6, 10**9 + 1, 10**18])
def test_large_tables_follow_the_tops_of_their_blocks(n):
    counts = FairCounts(n)
    heights = np.exp(counts.tops)
    np.testing.assert_allclose(block_probabilities(counts), heights / heights.sum(), rtol=1e-9, atol=1e-18)
    assert counts.width > 1 and counts.floors.min() > 0.8
    for k in (0, 100, 2000, len(counts.starts) - 1):
        places = counts.starts[k] + np.arange(min(counts.width, 1000)) * 1.0
        ratio = np.exp(log_ratio(n, places) - counts.tops[k])
        assert ratio.max() <= 1 + 1e-12 and ratio.min() >= counts.floors[k] * (1 - 1e-12)


@pytest.mark.parametrize("n", [5, 999, 1000, 1001, 4096, 10**6 + 1, 10**9, 10**12, 10**18])
def test_heights_against_forty_digits(n):
    reach = min(n // 2, int(REACH * math.sqrt(n) / 2))
    with mpmath.workdps(60):
        for j in (-reach, -reach // 3, -1, 0, 1, reach // 2, reach):
            center = n // 2
            exact = mpmath.loggamma(center + 1) + mpmath.loggamma(n - center + 1)
            exact -= mpmath.loggamma(center + j + 1) + mpmath.loggamma(n - center - j + 1)
            found = float(log_ratio(n, np.array([float(j)]))[0])
            assert found == pytest.approx(float(exact), rel=1e-12, abs=2e-12)


@pytest.mark.parametrize("n", [3, 200, 10**6, 10**9])
def test_draws(n):
    counts, size = FairCounts(n), 200_000
    drawn = 2 * counts.halves(np.random.default_rng(5), size)
    assert (drawn == np.round(drawn)).all() and drawn.min() >= 0 and drawn.max() <= n
    edges = np.unique(scipy.stats.binom.ppf(np.linspace(0.02, 0.98, 49), n, 0.5))
    expected = np.diff(np.concatenate([[0], scipy.stats.binom.cdf(edges, n, 0.5), [1]])) * size
    found = np.bincount(np.searchsorted(edges, drawn), minlength=len(expected))
    filled = expected > 0
    assert scipy.stats.chisquare(found[filled], expected[filled]).pvalue > 1e-3
