"""Mistakes of initializers, each drawn with NumPy and named from what was measured."""

import math

import numpy as np
import pytest

from varprop.testing.causes import Measured, likely_causes

SHAPE = (300, 200)
V = 0.02
RNG = np.random.default_rng(4)


def measured(draw):
    return Measured(float(draw.mean()), float((draw**2).mean()), SHAPE)


NORMAL = RNG.standard_normal((40, *SHAPE))
UNIFORM = RNG.uniform(-1, 1, (40, *SHAPE))
CASES = {
    "bound of a uniform draw used as its std": UNIFORM * 3 * np.sqrt(V),
    "uniform draw on": UNIFORM * np.sqrt(V),
    "variance passed as std": NORMAL * V,
    "std passed as variance": NORMAL * V**0.25,
    "factor 2 of ReLU is missing": NORMAL * np.sqrt(V / 2),
    "not promised": NORMAL * np.sqrt(2 * V),
    "fan_out used for fan_in": NORMAL * np.sqrt(V * 200 / 300),
    "mean of fan_in and fan_out": NORMAL * np.sqrt(V * 2 * 200 / 500),
}


@pytest.mark.parametrize("cause", CASES)
def test_a_mistake_is_named(cause):
    found = measured(CASES[cause])
    assert any(cause in text for text in likely_causes("variance", V, found.variance, found))


def test_moments_taken_for_each_other():
    shifted = NORMAL * np.sqrt(V - 0.01) + 0.1
    found = measured(shifted)
    assert "second moment claimed for the variance" in likely_causes("variance", V, found.variance, found)[0]
    moved = measured(NORMAL * np.sqrt(V) + 0.08)
    assert (
        "variance claimed for the second moment"
        in likely_causes("second moment", V, moved.second_moment, moved)[0]
    )


def test_nothing_is_named_without_a_reason():
    right = measured(NORMAL * np.sqrt(1.17 * V))
    assert likely_causes("variance", V, right.variance, right) == ()
    assert likely_causes("mean", V, 0.5, right) == ()
    assert likely_causes("variance", 0.0, 0.5, right) == ()
    assert likely_causes("variance", V, 0.0, Measured(0.3, 0.09, (5,))) == (
        "a constant: all entries are the same",
    )


def test_a_mistake_that_would_hardly_change_the_number_is_not_named():
    measured = Measured(0, 1.0, (8,))
    assert likely_causes("variance", 1.021, 1.0, measured) == ()
    assert likely_causes("variance", 1.2, math.sqrt(1.2), measured)[0].startswith("std passed as variance")
