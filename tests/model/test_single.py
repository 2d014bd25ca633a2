"""Draws in float32: the laws they have, whatever generator they come from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from varprop.model.distributions.single import normals, uniforms


@pytest.mark.parametrize("bits", [np.random.Philox, np.random.MT19937, np.random.SFC64])
def test_normals_are_normal_and_independent(bits: type[np.random.BitGenerator]) -> None:
    drawn = normals(np.random.Generator(bits(3)), 400_000).astype(float)
    assert stats.kstest(drawn, special.ndtr).pvalue > 1e-4
    for k, moment in ((2, 1), (4, 3), (6, 15), (8, 105)):
        spread = float(special.factorial2(2 * k - 1) / 400_000) ** 0.5
        assert abs((drawn**k).mean() - moment) < 5 * spread
    half = len(drawn) // 2
    for lag in (1, 2, half, 2**14):  # the partner of a pair stands half a piece further
        assert abs((drawn[lag:] * drawn[:-lag]).mean()) < 5 / (len(drawn) - lag) ** 0.5
        both = (drawn[lag:] ** 2 - 1) * (drawn[:-lag] ** 2 - 1)
        assert abs(both.mean()) < 5 * 2 / (len(drawn) - lag) ** 0.5


def test_uniforms_are_uniform() -> None:
    drawn = uniforms(np.random.Generator(np.random.MT19937(3)), 400_001)
    assert drawn.size == 400_001 and drawn.dtype == np.float32
    assert stats.kstest(drawn.astype(float), lambda u: u).pvalue > 1e-4
    assert 0 < drawn.min() < 1e-4 and 1 - 1e-4 < drawn.max() <= 1


@pytest.mark.parametrize("count", [0, 1, 2, 3, 2**15 - 1, 2**15 + 1])
def test_any_number_of_them(count: int) -> None:
    assert normals(np.random.default_rng(1), count, 5.0, 0.1).shape == (count,)
    assert uniforms(np.random.default_rng(1), count).shape == (count,)
    assert np.all(np.abs(normals(np.random.default_rng(1), count, 5.0, 0.1) - 5) < 0.7)
