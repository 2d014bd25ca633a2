"""What no array can have as its shape."""

from __future__ import annotations

import numpy as np
import pytest

import varprop as vp
from varprop.errors import ParameterError


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (-1, "no whole number from 0"),
        ((2.5,), "no whole number from 0"),
        ((2**40, 2**40), "no array is so large"),
    ],
)
@pytest.mark.parametrize(
    "law", [vp.Normal(), vp.he_normal((3, 4)), vp.orthogonal((3, 4)), vp.Empirical(np.eye(3))], ids=str
)
def test_arrays_of_impossible_shape_are_refused(law, shape, message) -> None:
    with pytest.raises(ParameterError, match=message):
        law.draw(np.random.default_rng(0), shape)
    assert law.draw(np.random.default_rng(0), np.int64(2)).shape[0] == 2
    assert law.draw(np.random.default_rng(0), [2, 0]).shape[:2] == (2, 0)


@pytest.mark.parametrize(
    ("draw", "size"),
    [
        (lambda: vp.he_normal((10**9, 10**9)).draw(0), 8 * 10**18),
        (lambda: vp.orthogonal((10**11, 8)).draw(0), 64 * 10**11),
        (lambda: vp.Normal().draw(np.random.default_rng(0), (10**9, 10**9)), 8 * 10**18),
        (lambda: vp.Laplace().draw_single(np.random.default_rng(0), (10**9, 10**9)), 8 * 10**18),
        (lambda: vp.Uniform(0, 1).draw_single(np.random.default_rng(0), (10**9, 10**9)), 4 * 10**18),
    ],
    ids=["normal", "orthogonal", "distribution", "single-in-double", "single"],
)
def test_what_does_not_fit_into_memory_is_refused_in_bytes(draw, size):
    with pytest.raises(vp.ParameterError, match=rf"{size:,} bytes.*Draw parts"):
        draw()
