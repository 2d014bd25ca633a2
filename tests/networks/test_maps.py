"""Derived maps as functions: by floats and beyond their range, the numbers are the same."""

import math

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

from varprop.model.activations import erf, tanh
from varprop.model.distributions import Normal, Uniform
from varprop.networks import maps
from varprop.networks.weights import FAN_IN


@pytest.mark.parametrize("size", ["1", "1e-90", "1e-400", "1e90", "1e400"])
@pytest.mark.parametrize("variance", [sp.Integer(2), sp.Rational(1, 10**300), sp.Integer(10) ** 300])
def test_a_layer_of_any_size(size, variance):
    weights, bias = Normal(variance=variance / FAN_IN), Uniform(0, 1)
    q, fan = mp.mpf(size), mp.mpf(784)
    second = maps.dense(weights, None, 2)(fan, fan, mp.mpf(0), q)
    assert abs(second / (mp.mpf(int(variance.p)) / int(variance.q) * q) - 1) < 1e-13
    shifted = maps.dense(weights, bias, 2)(fan, fan, mp.mpf(0), q)
    assert abs(shifted / (second + mp.mpf(1) / 3) - 1) < 1e-13
    fourth = maps.dense_fourth(weights, coincident=True)(fan, fan, 3 * q**2, q**2)
    inner = mp.mpf(int(variance.p)) / int(variance.q) * q
    assert abs(fourth / (inner**2 * (783 + 3) / mp.mpf(784)) - 1) < 1e-13
    assert maps.dense(weights, None, 1)(fan, fan, q, q**2) == 0


def test_functions_beyond_plain_arithmetic():
    arcsine = maps.normal_unit(erf, 2, centered=True)(mp.mpf(0), mp.mpf("0.7"))
    assert arcsine == pytest.approx(2 / math.pi * math.asin(1.4 / 2.4), rel=1e-15)
    assert maps.normal_unit(tanh, 2, centered=True)(mp.mpf(0), mp.mpf(1)) == pytest.approx(0.39429449039784)
    pooled = maps.pooled()
    both = pooled(mp.mpf(4), np.array([mp.mpf(1), mp.mpf(2)]), mp.mpf(1))
    assert [float(each) for each in both] == [1.0, 1.25]
    with pytest.raises(ZeroDivisionError):
        pooled(mp.mpf(0), mp.mpf(1), mp.mpf(1))
