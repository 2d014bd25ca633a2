"""Cases where a general symbolic engine hangs, gives up, or is silently wrong.

Measured against sympy.stats: Var(w relu(x)) with means did not end within two minutes, E relu(x)^4 neither,
a sum of two or three such products came out as 45 and 72, where 36 and 54 is right.
"""

import mpmath
import pytest
import sympy as sp

from varprop import (
    CentralMoment,
    Mean,
    Moment,
    Normal,
    RandomVariable,
    Rectified,
    Uniform,
    Variance,
    derive,
    dot,
    relu,
    symbol,
)

a, b = sp.symbols("a b", real=True)
s, t, v = (symbol(name) for name in "stv")


def w(mean, std):
    return RandomVariable("w", Normal(mean=mean, std=std), role="weights")


def x(mean, std):
    return RandomVariable("x", Normal(mean=mean, std=std))


def quadrature(mean, std, power):
    """Return E relu(X)^k by numerical integration."""
    mean, std = mpmath.mpf(mean), mpmath.mpf(std)
    return mpmath.quad(
        lambda y: y**power * mpmath.npdf(y, mean, std), [0, mean + std, mean + 10 * std, mean + 40 * std]
    )


def equal(found, expected):
    return sp.simplify(found - expected) == 0


def test_normal_times_normal_with_symbolic_means():
    found = derive(Variance(w(a, s) * x(b, t))).result
    assert equal(found, a**2 * t**2 + b**2 * s**2 + s**2 * t**2)


def test_normal_times_uniform_with_means():
    low, high = sp.Integer(1), sp.Integer(4)
    found = derive(Variance(w(2, 3) * RandomVariable("x", Uniform(low, high)))).result
    mean, square = sp.Rational(5, 2), sp.Rational(21, 3)
    assert found == 9 * square + 4 * (square - mean**2)


@pytest.mark.parametrize(("count", "expected"), [(1, 18), (2, 36), (3, 54), (1000, 18_000)])
def test_sums_of_normal_times_rectified_normal(count, expected):
    for inputs in (relu(Normal(std=3)), Rectified(Normal(std=3))):
        z = dot(weights=Normal(std=2), inputs=inputs, fan_in=count)
        assert derive(Variance(z)).result == expected
        assert derive(Moment(z, 2)).result == expected


@pytest.mark.parametrize(("mean", "std"), [("1", "3"), ("-1/2", "2"), ("3", "1/4"), ("-4", "1")])
@pytest.mark.parametrize("power", [1, 2, 3, 4, 7])
def test_moments_of_a_rectified_normal_with_a_mean(mean, std, power):
    found = derive(Mean(relu(x(mean, std)) ** power)).result
    expected = quadrature(sp.Rational(mean).p / mpmath.mpf(sp.Rational(mean).q), sp.Rational(std), power)
    assert float(found.evalf(30)) == pytest.approx(float(expected), rel=1e-11)


def test_variance_of_normal_times_rectified_normal_with_means():
    found = derive(Variance(w(2, 3) * relu(x(1, 3)))).result
    first, second = (quadrature(1, 3, k) for k in (1, 2))
    assert float(found.evalf(30)) == pytest.approx(float(13 * second - 4 * first**2), rel=1e-11)


def test_variance_of_normal_times_rectified_normal_in_symbols():
    found = derive(Variance(w(a, s) * relu(x(b, t)))).result
    values = {a: 2, b: sp.Rational(-1, 2), s: sp.Rational(3, 2), t: 2}
    first, second = (quadrature(mpmath.mpf("-0.5"), 2, k) for k in (1, 2))
    expected = (4 + 2.25) * second - 4 * first**2
    assert float(found.subs(values).evalf(30)) == pytest.approx(float(expected), rel=1e-11)


def test_ten_products_of_normals():
    assert derive(Variance(dot(weights=Normal(variance=v), inputs=Normal(), fan_in=10))).result == 10 * v


def test_fourth_central_moments():
    assert derive(CentralMoment(w(0, 2) * x(0, 3), 4)).result == 9 * 16 * 81
    found = derive(CentralMoment(w(a, s) * x(b, t), 4)).result
    # k-th raw moments of both factors, put into the binomial theorem by hand
    raw = [derive(Moment(w(a, s), k)).result * derive(Moment(x(b, t), k)).result for k in (1, 2, 3, 4)]
    expected = raw[3] - 4 * raw[0] * raw[2] + 6 * raw[0] ** 2 * raw[1] - 3 * raw[0] ** 4
    assert equal(sp.expand(found), sp.expand(expected))
    assert derive(CentralMoment(w(0, 2) * relu(x(0, 3)), 4)).result == 3 * 16 * 3 * 81 // 2


def test_fourth_moment_of_a_normal_with_a_symbolic_mean():
    assert equal(derive(Moment(x(a, s), 4)).result, a**4 + 6 * a**2 * s**2 + 3 * s**4)
