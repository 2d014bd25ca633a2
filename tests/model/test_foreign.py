"""Frozen SciPy distributions: numeric moments with an error, never called exact."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, special, stats
from sympy import stats as sympy_stats

from varprop.errors import MomentError, ParameterError
from varprop.model.distributions import FrozenScipy, Mixture, Normal, Rectified
from varprop.model.distributions.foreign import is_frozen_scipy, is_sympy_stats
from varprop.model.parsing import as_distribution


@pytest.mark.parametrize(
    ("frozen", "moments"),
    [
        (stats.norm(1, 2), [1, 5, 13, 73]),
        (stats.expon(scale=2), [2, 8, 48, 384]),
        (stats.gamma(2.5), [2.5, 8.75, 39.375, 216.5625]),
        (stats.beta(0.5, 0.5), [1 / 2, 3 / 8, 5 / 16, 35 / 128]),
        (stats.uniform(-1, 3), [0.5, 1, 1.25, 11 / 5]),
        (stats.poisson(3), [3, 12, 57, 309]),
        (stats.binom(4, 0.25), [1, 1.75, 3.625, 8.59375]),
        (stats.lognorm(1), [math.exp(k * k / 2) for k in (1, 2, 3, 4)]),
    ],
    ids=lambda value: getattr(getattr(value, "dist", None), "name", ""),
)
def test_moments_within_their_error(frozen: object, moments: list[float]) -> None:
    law = as_distribution(frozen)
    assert isinstance(law, FrozenScipy)
    assert law.precision == "estimate"
    assert law.moment(0) == 1
    for k, truth in enumerate(moments, start=1):
        assert abs(float(law.moment(k)) - truth) <= law.moment_error(k) + 1e-12 * truth
        assert law.moment_error(k) < 1e-4 * (1 + truth)
    assert float(law.variance) == pytest.approx(moments[1] - moments[0] ** 2, rel=1e-6)
    samples = law.draw(np.random.default_rng(4), (200, 100))
    assert samples.dtype == np.float64
    assert abs(samples.mean() - moments[0]) < 6 * math.sqrt(float(law.variance) / samples.size)
    np.testing.assert_array_equal(samples, law.draw(np.random.default_rng(4), (200, 100)))
    low, high = (float(end) for end in law.support)
    assert low <= samples.min() <= samples.max() <= high


def test_positive_part_and_absolute() -> None:
    law, ours = FrozenScipy(stats.norm(0.5, 1)), Normal(0.5)
    for k in (1, 2, 3):
        assert float(law.positive_part_moment(k)) == pytest.approx(
            float(ours.positive_part_moment(k)), rel=1e-8
        )
        assert float(law.absolute_moment(k)) == pytest.approx(float(ours.absolute_moment(k)), rel=1e-8)
    assert Rectified(law).precision == Mixture([law, Normal()]).precision == "estimate"
    assert law.symmetric is None
    assert law.atom_at_zero is False
    assert FrozenScipy(stats.poisson(1)).atom_at_zero is True


@pytest.mark.parametrize("unit", [1e-10, 1e6])
def test_any_unit(unit: float) -> None:
    """Quadrature to infinity looks at distances around 1, wherever the distribution is."""
    laplace, t = FrozenScipy(stats.laplace(scale=unit)), FrozenScipy(stats.t(9, scale=unit))
    for k in (1, 2, 4, 6):
        assert float(laplace.positive_part_moment(k)) == pytest.approx(
            math.factorial(k) * unit**k / 2, rel=1e-9
        )
        assert float(laplace.absolute_moment(k)) == pytest.approx(math.factorial(k) * unit**k, rel=1e-9)
    fourth = 3 * 81 / (7 * 5)  # 3 nu^2 / ((nu - 2) (nu - 4)), Johnson, Kotz, Balakrishnan 2, (28.7)
    assert float(t.moment(4)) == pytest.approx(fourth * unit**4, rel=1e-9)
    far = FrozenScipy(stats.norm(1e8 * unit, unit))
    assert float(far.central_moment(6)) == pytest.approx(15 * unit**6, rel=1e-6)
    assert abs(float(far.central_moment(5))) < 1e-6 * unit**5


def lattice(law: Any, low: int, high: int) -> Callable[[int, Callable[[np.ndarray], np.ndarray]], float]:
    """E f(X)^k as one long sum."""
    x = np.arange(low, high + 1.0)
    return lambda k, function: float(np.sum(function(x) ** k * law.pmf(x)))


@pytest.mark.parametrize(
    ("law", "low", "high"),
    [
        (stats.randint(-10_000, 10_000), -10_000, 9_999),
        (stats.dlaplace(0.001), -60_000, 60_000),
        (stats.binom(100_000, 0.5, loc=-50_000), -50_000, 50_000),
        (stats.poisson(1e5), 90_000, 110_000),
        (stats.poisson(1e4, loc=-10_300), -10_300, 2_000),  # its median is far below zero
    ],
    ids=lambda value: getattr(getattr(value, "dist", None), "name", ""),
)
def test_sums_over_many_values(law: Any, low: int, high: int) -> None:
    """SciPy's `expect` gives up after 1000 values without a word."""
    ours, truth = FrozenScipy(law), lattice(law, low, high)
    for k in (1, 2, 5):
        size = truth(k, np.abs)
        for found, part in (
            (ours.moment(k), np.positive),
            (ours.positive_part_moment(k), lambda x: np.maximum(x, 0)),
            (ours.absolute_moment(k), np.abs),
        ):
            assert float(found) == pytest.approx(truth(k, part), rel=1e-8, abs=1e-8 * size)


def test_slow_sums_say_so() -> None:
    """The tail of E X^4 for P(X = x) ~ x^-6 is 1/N after N values; that of E X^3 for x^-4.3 hardly falls."""
    law = FrozenScipy(stats.zipf(6))
    truth = special.zeta(2) / special.zeta(6)
    assert abs(float(law.moment(4)) - truth) <= law.moment_error(4) < 1e-2
    with pytest.raises(MomentError, match="did not converge"):
        FrozenScipy(stats.zipf(4.3)).moment(3)


@pytest.mark.parametrize(
    ("law", "last"), [(stats.zipf(4.3), 3), (stats.yulesimon(2.5), 2)], ids=["zipf", "yule"]
)
def test_power_tails_of_discrete_laws(law: Any, last: int) -> None:
    """P(X = x) ~ x^-(a + 1) has moments below a; SciPy seeks its far quantiles until memory is full."""
    assert [FrozenScipy(law).moment_exists(k) for k in (last, last + 1)] == [True, False]
    assert FrozenScipy(stats.geom(0.3)).moment_exists(100)
    assert not FrozenScipy(stats.zipf(4.3, loc=-7)).moment_exists(4)


def test_numbers_beyond_float64() -> None:
    tiny = FrozenScipy(stats.norm(0, 1e-100))
    assert float(tiny.moment(2)) == pytest.approx(1e-200)
    with pytest.raises(MomentError, match="range of float64"):
        tiny.moment(4)


def test_any_finite_set_of_values() -> None:
    law = FrozenScipy(stats.rv_discrete(values=([-2, 1, 3], [0.5, 0.25, 0.25]))())
    assert float(law.positive_part_moment(1)) == pytest.approx(1)
    assert float(law.moment(2)) == pytest.approx(4.5)


def test_signs_of_frozen_laws() -> None:
    shifted = FrozenScipy(stats.binom(4, 0.25, loc=-1))
    assert float(shifted.positive_probability) == pytest.approx(1 - 0.75**4 - 4 * 0.25 * 0.75**3)
    assert float(shifted.negative_probability) == pytest.approx(0.75**4)
    assert not shifted.atomless
    assert shifted.atom_at_zero is True
    assert FrozenScipy(stats.binom(4, 0.25, loc=1)).atom_at_zero is False
    normal = FrozenScipy(stats.norm(0.5, 1))
    assert float(normal.negative_probability) == pytest.approx(stats.norm.cdf(-0.5))
    assert normal.atomless


def test_a_frozen_law_is_a_value() -> None:
    law = FrozenScipy(stats.gamma(2, scale=3))
    assert law == FrozenScipy(stats.gamma(2, scale=3.0)) == pickle.loads(pickle.dumps(law))
    assert hash(law) == hash(FrozenScipy(stats.gamma(2, scale=3)))
    assert law != FrozenScipy(stats.gamma(2, scale=4))
    assert str(law) == "scipy.stats.gamma(2.0, scale=3.0)"
    assert "gamma" in law.latex()
    values = [([0, 1], [0.5, 0.5]), ([0, 3], [0.5, 0.5]), ([0, 1], [0.25, 0.75]), ([0, 1], [0.5, 0.5])]
    one, wider, heavier, again = (FrozenScipy(stats.rv_discrete(values=pair)()) for pair in values)
    assert [float(law.mean) for law in (one, wider, heavier)] == pytest.approx([0.5, 1.5, 0.75])
    assert one == again == pickle.loads(pickle.dumps(one)) and len({one, wider, heavier, again}) == 3
    assert str(one) == "scipy.stats.rv_discrete(values=((0.0, 1.0), (0.5, 0.5)))"
    first, second = (stats.rv_histogram(np.histogram(data, bins=2)) for data in ([0, 1, 1], [0, 0, 1]))
    assert FrozenScipy(first.freeze()) != FrozenScipy(second.freeze())
    assert law.at({"n": 3}) is law


@pytest.mark.parametrize(("dof", "k"), [(1, 1), (3, 3), (3, 4), (2, 2)])
def test_moments_that_do_not_exist(dof: int, k: int) -> None:
    with pytest.raises(MomentError):
        FrozenScipy(stats.t(dof)).moment(k)


@pytest.mark.parametrize("shift", [0, -5])
def test_a_formula_continued_past_its_last_moment_is_not_believed(shift: int) -> None:
    """SciPy 1.17 says E X^3 = -5 for a Pareto law of index 2.5, and so does quadrature by extrapolation."""
    law = FrozenScipy(stats.pareto(2.5, loc=shift))
    assert [law.moment_exists(k) for k in (0, 1, 2, 3, 4)] == [True, True, True, False, False]
    second = 5 + 2 * shift * 5 / 3 + shift**2  # a / (a - k) for k = 1, 2
    assert float(law.moment(2)) == pytest.approx(second, rel=1e-9)
    with pytest.raises(MomentError, match="does not exist"):
        law.moment(3)


def test_a_law_on_a_circle_has_no_moments_on_the_line() -> None:
    law = FrozenScipy(stats.vonmises(2))
    assert (law.moment(0), law.moment_exists(1)) == (1, False)
    with pytest.raises(MomentError, match="it is a law on a circle"):
        law.moment(2)
    scale = 2 * np.pi * special.i0(2)
    truth, _ = integrate.quad(lambda x: x**2 * np.exp(2 * np.cos(x)) / scale, -np.pi, np.pi)
    line = FrozenScipy(stats.vonmises_line(2))
    assert float(line.moment(2)) == pytest.approx(truth, rel=1e-9)


def test_no_positive_part_below_zero() -> None:
    below, lowest = FrozenScipy(stats.uniform(-3, 1)), FrozenScipy(stats.randint(-3, 1))
    for k in (1, 2, 3):
        assert below.positive_part_moment(k) == lowest.positive_part_moment(k) == 0
        assert float(below.absolute_moment(k)) == pytest.approx((3 ** (k + 1) - 2 ** (k + 1)) / (k + 1))
        assert float(lowest.absolute_moment(k)) == pytest.approx((1 + 2**k + 3**k) / 4)


@pytest.mark.parametrize(
    "bad",
    [stats.norm, stats.gamma(-1), stats.gamma([1, 2]), stats.multivariate_normal(), 3, None, "norm"],
    ids=repr,
)
def test_what_is_not_frozen(bad: object) -> None:
    with pytest.raises(ParameterError) as caught:
        FrozenScipy(bad)
    assert caught.value.remedy


def test_quantiles_that_scipy_does_not_find_are_done_without() -> None:
    """The variance of a normal-inverse Gaussian law with a = 5/4, b = 1/2 is a^2 / (a^2 - b^2)^(3/2)."""
    law = FrozenScipy(stats.norminvgauss(1.25, 0.5))
    assert float(law.variance) == pytest.approx(1.25**2 / (1.25**2 - 0.25) ** 1.5, rel=1e-9)


def test_an_error_is_told_only_of_a_moment_that_exists() -> None:
    law = FrozenScipy(stats.t(3))
    assert law.moment_error(0) == law.moment_error(0, central=True) == 0
    with pytest.raises(MomentError, match="it does not exist"):
        law.moment_error(3)


@pytest.mark.parametrize(
    ("frozen", "ends"),
    [
        (stats.expon(), (0, sp.oo)),
        (stats.weibull_max(2), (-sp.oo, 0)),
        (stats.t(5), (-sp.oo, sp.oo)),
        (stats.uniform(0.1, 0.2), (sp.Rational(1, 10), sp.Rational(3, 10))),
    ],
    ids=["low", "high", "none", "both"],
)
def test_ends_of_frozen_laws(frozen: object, ends: tuple[sp.Expr, sp.Expr]) -> None:
    assert FrozenScipy(frozen).support == pytest.approx(ends, rel=1e-15)


def test_orders_of_moments_have_an_end() -> None:
    law = FrozenScipy(stats.norm())
    assert [law.moment_exists(k) for k in (200, 201)] == [True, None]
    assert law.why_no_moment(201)[0] == "no moment of order above 200 is computed"
    with pytest.raises(MomentError):
        FrozenScipy(stats.t(100)).moment(200)


def test_tails_that_fall_faster_than_any_power_have_all_moments() -> None:
    law = FrozenScipy(stats.lognorm(1))
    assert law.moment_exists(20) is True
    assert float(law.moment(3)) == pytest.approx(np.exp(4.5), rel=1e-6)


def test_laws_are_known_by_where_their_classes_come_from() -> None:
    class rv_frozen:
        """No law of SciPy."""

    class RandomSymbol:
        """No symbol of SymPy."""

    assert is_frozen_scipy(stats.norm()) and not is_frozen_scipy(rv_frozen())
    assert is_sympy_stats(sympy_stats.Normal("x", 0, 1)) and not is_sympy_stats(RandomSymbol())


def test_central_moments_of_frozen_laws() -> None:
    """A gamma law of shape a and scale c has mu_2..mu_5 = c^k times a, 2 a, 3 a^2 + 6 a, 20 a^2 + 24 a."""
    a, scale = 2.5, 3.0
    law = FrozenScipy(stats.gamma(a, scale=scale))
    for k, truth in ((2, a), (3, 2 * a), (4, 3 * a**2 + 6 * a), (5, 20 * a**2 + 24 * a)):
        truth *= scale**k
        assert float(law.central_moment(k)) == pytest.approx(truth, rel=1e-9)
        assert 0 <= law.moment_error(k, central=True) < 1e-6 * truth


def test_what_the_tails_do_not_show_scipy_knows() -> None:
    """E X^k of an F law exists below half the second degrees of freedom."""
    law = FrozenScipy(stats.f(4, 7))
    assert [law.moment_exists(k) for k in (3, 4)] == [True, False]
    assert not FrozenScipy(stats.f(4, 2)).moment_exists(1)


def test_moments_beside_the_index_of_a_tail() -> None:
    for k in (2, 3):
        for side, exists in ((-0.02, False), (0.02, True)):
            assert FrozenScipy(stats.pareto(k + side)).moment_exists(k) is exists


def test_moments_about_zero_of_a_narrow_law_far_from_it() -> None:
    """(1 / std)^100 is beyond float64, the moment is near 1."""
    law, truth = FrozenScipy(stats.norm(1, 1e-4)), float(Normal(1, sp.Rational(1, 10**8)).moment(100))
    assert truth == pytest.approx(1 + 4950e-8, rel=1e-7)
    assert float(law.moment(100)) == pytest.approx(truth, rel=1e-9)


def test_a_sum_has_an_error_of_its_rounding() -> None:
    """Half a unit in the last place of the addends at least, also where they cancel or one is far off."""
    far = stats.rv_discrete(values=([0, 1, 1000], [0.4975, 0.4975, 0.005]))()
    signs = stats.rv_discrete(values=([-1, 1], [0.5, 0.5]))()
    laws = (stats.poisson(3), stats.binom(4, 0.25), stats.geom(0.5), stats.randint(-3, 4), far, signs)
    for law, k in ((FrozenScipy(frozen), k) for frozen in laws for k in (5, 6, 20)):
        size = float(law.absolute_moment(k))
        assert np.finfo(float).eps / 2 * size <= law.moment_error(k) < 1e-2 * size
    truth = sum(x**20 * 2.0**-x for x in range(1, 400))
    geometric = FrozenScipy(stats.geom(0.5))
    assert abs(float(geometric.moment(20)) - truth) < geometric.moment_error(20) < 1e-8 * truth


def test_the_error_of_a_slow_sum_covers_what_remains_of_its_tail() -> None:
    """E X^6 for P(X = x) = x^-7.7 / zeta(7.7): the terms fall as x^-1.7."""
    law, truth = FrozenScipy(stats.zipf(7.7)), special.zeta(1.7) / special.zeta(7.7)
    missing = truth - float(law.moment(6))
    assert 1e-5 < missing < law.moment_error(6) < 2.5 * missing
