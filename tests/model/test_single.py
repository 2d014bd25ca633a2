"""Draws in float32: the laws they have, whatever generator they come from."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
from scipy import special, stats

from varprop.model.distributions.single import fits_single, normals, uniforms


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


class Words:
    """A generator that gives these words of 32 bits."""

    def __init__(self, *words: int) -> None:
        self.words = np.array(words, dtype=np.uint32)

    def integers(self, *args: Any, **kwargs: Any) -> np.ndarray:
        return self.words.view(np.uint64)


def test_a_word_is_the_middle_of_its_piece_of_the_line() -> None:
    """So that no logarithm of 0 is taken."""
    words = cast(np.random.Generator, Words(0, 1, 2**31, 2**32 - 1))
    np.testing.assert_allclose(uniforms(words, 4), [2.0**-33, 3 * 2.0**-33, 0.5, 1], rtol=1e-7)


def test_two_words_are_the_radius_and_the_angle_of_a_pair() -> None:
    """The lowest u = 2^-33 at 0 and 1/12 of a turn, u = 1/e^2 at 1/8 and 1/4 of a turn."""
    inner = int(2**32 * math.exp(-2))
    words = cast(np.random.Generator, Words(0, 0, inner, inner, 0, 2**32 // 12, 2**29, 2**30))
    far, cos, sin = math.sqrt(66 * math.log(2)), math.cos(math.pi / 6), 0.5
    truth = [far, far * cos, math.sqrt(2), 0, 0, far * sin, math.sqrt(2), 2]
    np.testing.assert_allclose(normals(words, 8), truth, rtol=1e-6, atol=1e-6)


def test_the_size_of_factors_is_that_of_the_largest_of_either_sign() -> None:
    for size, fits in ((1e-13, False), (1e-11, True), (1e11, True), (1e13, False)):
        for signs in ([1, 1e-30], [-1, -1e-30], [-1, 0.5], [0.5, -1]):
            assert fits_single(size * np.array(signs)) is fits
    assert not fits_single(np.zeros(3)) and not fits_single(np.array([]))
