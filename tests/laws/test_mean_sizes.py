"""E log|z| and E|z| of laws that are moved: the atom and the spike stand away from 0."""

import math

import numpy as np
import pytest
from scipy import integrate, special

import varprop as vp
from varprop import RandomVariable, law
from varprop.laws.moments import log_size, mean_size


def normal(name, mean=0, std=1):
    return RandomVariable(name, vp.Normal(mean=mean, std=std))


def product(factors):
    return math.prod((normal(f"w{k}") for k in range(1, factors)), start=normal("w0"))


def over_normals(value, cuts=()):
    """E value(|N|), N standard normal, by nodes graded towards 0 and the cuts."""
    u = np.arange(-400, 401) * 0.1
    ends, total = [0.0, *cuts], 0.0
    for low, high in zip(ends, [*ends[1:], None], strict=True):
        near, far = special.expit(u), special.expit(-u)
        x = low + np.exp(np.minimum(u, 4)) if high is None else low + (high - low) * near
        dx = np.where(u <= 4, np.exp(np.minimum(u, 4)), 0) if high is None else (high - low) * near * far
        total += float((value(x) * np.exp(-x * x / 2)) @ dx) * 0.1 * math.sqrt(2 / math.pi)
    return total


@pytest.mark.parametrize("moved", [1, -1, 1000, 1e6])
def test_a_moved_product_of_two(moved):
    """Given x, w x + c is normal with mean c and std |x|."""
    found = law(normal("w") * normal("x") + moved)
    size = abs(moved)
    expected = over_normals(lambda x: np.log(x) + log_size(size / x))
    assert abs(float(found.log_mean) - expected) <= found.log_mean.error + 1e-13 * (1 + expected)
    assert found.log_mean.error < 2e-12
    expected = over_normals(lambda x: mean_size(np.full(x.shape, size), x))
    assert abs(float(found.absolute_mean) - expected) <= found.absolute_mean.error + 1e-13 * size
    assert found.absolute_mean.error < 1e-12 * size


@pytest.mark.parametrize("moved", [1, 50])
def test_a_moved_product_of_three(moved):
    found = law(product(3) + moved)

    def inner(function):
        return lambda x: np.array([over_normals(lambda y, x=x: function(x * y)) for x in x])

    expected = over_normals(inner(lambda s: np.log(s) + log_size(moved / s)))
    assert abs(float(found.log_mean) - expected) <= found.log_mean.error + 1e-12
    assert found.log_mean.error < 1e-11
    expected = over_normals(inner(lambda s: mean_size(np.full(s.shape, moved), s)))
    assert abs(float(found.absolute_mean) - expected) <= found.absolute_mean.error + 1e-12 * moved
    assert found.absolute_mean.error < 1e-11 * moved


@pytest.mark.parametrize("moved", [3, -3])
@pytest.mark.parametrize("mean", [0, 1])
def test_an_atom_away_from_zero_counts(mean, moved):
    """z = c where the input is 0; else z given the input x is normal with mean m x + c and std x."""
    found = law(vp.dot(weights=vp.Normal(mean=mean), inputs="relu(Normal())", fan_in=1) + moved)
    rest = over_normals(lambda x: np.log(x) + log_size((mean * x + moved) / x))
    expected = (math.log(abs(moved)) + rest) / 2
    assert abs(float(found.log_mean) - expected) <= found.log_mean.error + 1e-12
    assert found.log_mean.error < 1e-11


@pytest.mark.parametrize("place", [-2.0, 0.5, 1.0, 4.0])
def test_weights_with_a_large_mean_have_a_bound(place):
    """Two Laplace inputs of weights N(3, 1): given the inputs z is normal."""
    found = law(vp.dot(weights="Normal(mean=3)", inputs="Laplace()", fan_in=2))
    value = found.cdf(place)
    assert value.error < 1e-11
    root = math.sqrt(2)

    def transform(t):  # E exp(i t w x) = E exp(3 i t x - (t x)^2 / 2)
        return special.wofz(complex(3 * t, root) / (t * root)).real * math.sqrt(math.pi) / t

    total = integrate.quad(
        lambda t: transform(t) ** 2 * math.sin(t * place) / t, 0, 60, limit=2000, epsabs=1e-11
    )[0]
    assert float(value) == pytest.approx(0.5 + total / math.pi, abs=2e-6)
