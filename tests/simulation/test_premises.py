"""Premises with limits that hold at every sample size, and what rare values do to the asymptotic one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from varprop.errors import SamplingError
from varprop.model.activations import relu, step
from varprop.model.axes import Axis
from varprop.model.distributions import Bernoulli, Constant, Mixture, Normal, Rademacher, Rectified, Unknown
from varprop.model.expressions import Expression, sum_over
from varprop.model.variables import RandomVariable
from varprop.simulation.blocks import Estimand, Term
from varprop.simulation.crossing import two_way
from varprop.simulation.panel import panel
from varprop.simulation.premises import Asymptotic, Bounded, KurtosisBound, Premise
from varprop.simulation.rare import atoms, rarest, single_valued
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Trial


def missed(premise: Premise, rows: np.ndarray, truth: float, tail: float) -> tuple[int, int]:
    limits = [premise.limits(row, tail) for row in rows]
    return sum(one.low > truth for one in limits), sum(one.high < truth for one in limits)


def test_what_one_block_may_carry_is_a_choice() -> None:
    values = np.random.default_rng(1).normal(size=1000)
    values[0] = 0.118**0.5 * 999**0.5  # a share of about 0.106 of the sum of squares
    share = float(((values - values.mean()) ** 2).max() / ((values - values.mean()) ** 2).sum())
    assert 0.4 / 1.96**2 < share < 0.5 / 1.97**2
    assert not Asymptotic().limits(values, 0.025).alarm
    assert "carries" in Asymptotic(carried=0.4).limits(values, 0.025).alarm


@pytest.mark.parametrize("size", [1024, 4096])
def test_a_stated_kurtosis_holds_and_costs_little(size: int) -> None:
    rows = np.random.default_rng(3).normal(size=(400, size)) ** 2  # kurtosis 15
    low, high = missed(KurtosisBound(15), rows, 1.0, 0.05)
    assert low + high <= 40  # the bound of 10 percent, the rate itself is far below
    limits = KurtosisBound(15).limits(rows[0], 1e-3)
    plain = -2 * stdtrit(size - 1, 1e-3) * rows[0].std(ddof=1) / math.sqrt(size)
    assert 1 < (limits.high - limits.low) / plain < (3.2 if size == 1024 else 2.2)


def test_a_stated_kurtosis_needs_enough_blocks() -> None:
    values = np.random.default_rng(4).normal(size=256)
    assert KurtosisBound(100).limits(values, 1e-6).alarm.startswith("too few")
    assert KurtosisBound(3).limits(values[:64], 0.1).alarm.startswith("too few")
    limits = KurtosisBound(3).limits(np.full(512, 2.0), 0.01)
    assert (limits.low, limits.high) == (2.0, 2.0)


def test_kurtosis_limits_move_with_the_values() -> None:
    values = np.random.default_rng(5).exponential(size=2048)
    one, two = KurtosisBound(9).limits(values, 0.01), KurtosisBound(9).limits(3 - 2 * values, 0.01)
    assert one.low < 1 < one.high
    assert two.low == pytest.approx(3 - 2 * one.high, abs=1e-3)
    assert two.high == pytest.approx(3 - 2 * one.low, abs=1e-3)


def test_an_outlier_hardly_moves_kurtosis_limits() -> None:
    values = np.random.default_rng(6).normal(size=4096)
    calm = KurtosisBound(9).limits(values, 0.01)
    values[4000] = 1e4
    wild = KurtosisBound(9).limits(values, 0.01)
    assert wild.low < 0 < wild.high
    assert calm.low < 0 < calm.high


def test_bounded_limits_hold() -> None:
    rows = (np.random.default_rng(7).random((400, 1024)) < 0.01).astype(float)
    assert sum(missed(Bounded(1.0), rows, 0.01, 0.05)) <= 40
    nothing = Bounded(1.0).limits(np.zeros(256), 1e-6)
    assert nothing.high > 1e-2 and nothing.low < 0
    assert Bounded(1.0).limits(np.zeros(1), 0.1).alarm == "a single block"


@pytest.mark.parametrize("wrong", [0.5, math.nan, math.inf, "3", True])
def test_bad_premises_are_refused(wrong: object) -> None:
    with pytest.raises(SamplingError, match="at least 1"):
        KurtosisBound(wrong)  # type: ignore[arg-type]
    if wrong != 0.5:
        with pytest.raises(SamplingError, match="finite interval"):
            Bounded(wrong)  # type: ignore[arg-type]
    with pytest.raises(SamplingError, match=r"Bounded\(width"):
        Bounded().limits(np.ones(3), 0.1)


def test_names_say_what_is_premised() -> None:
    names = [premise.name for premise in (Asymptotic(), KurtosisBound(15), Bounded(), Bounded(2.0))]
    assert names == ["asymptotic", "kurtosis <= 15", "bounded", "bounded, width 2.0"]
    assert [p.proven for p in (Asymptotic(), KurtosisBound(15), Bounded())] == [False, True, True]


def mean(expression: Expression, claim: float, **settings: object) -> str:
    trial = Trial((Term(1.0, (Estimand("mean", (expression,)),)),), (Term(claim),), budget=0.2, **settings)  # type: ignore[arg-type]
    return trial.run(Streams(3)).verdict


def variable(law: object) -> RandomVariable:
    return RandomVariable("x", law)  # type: ignore[arg-type]


RARE = {
    "an event": (variable(Bernoulli("1/10000000")), 1e-7),
    "a rectified event": (variable(Rectified(Bernoulli("1/10000000"))), 1e-7),
    "a threshold": (step(variable(Normal()) - 6), 1e-9),
    "a large jump": (variable(Normal()) + 10**6 * variable(Bernoulli("1/1000000")), 1.0),
    "a component": (variable(Mixture([Normal(), Constant(10**8)], ["1 - 1/10**8", "1/10**8"])), 1.0),
    "a product": (variable(Normal(mean=1)) * relu(variable(Bernoulli("1/10000000"))), 1e-7),
}


@pytest.mark.parametrize("name", RARE)
def test_rare_values_never_give_a_verdict_from_samples_that_missed_them(name: str) -> None:
    expression, truth = RARE[name]
    for claim in (0.0, truth, 2 * truth, 0.5):
        assert mean(expression, claim) == "inconclusive"


def test_constants_still_decide() -> None:
    i = Axis("i", 64)
    signs = RandomVariable("s", Rademacher(), axes=i)
    square = sum_over(i, signs**2)
    assert (mean(square, 64.0), mean(square, 65.0)) == ("agrees", "disagrees")
    unknown = RandomVariable("u", Unknown(mean=0, variance=1, third_moment=0, fourth_moment=1), axes=i)
    for law in panel(unknown.variable.distribution, ("all equal",)):  # type: ignore[arg-type]
        laws = {unknown.variable: law}
        assert mean(sum_over(i, unknown**2), 64.0, laws=laws) == "agrees"
        assert mean(sum_over(i, unknown) ** 2, 64.0**2, laws=laws) == "agrees"  # all places are one draw
    assert mean(variable(Bernoulli(1)), 1.0) == "agrees"


def test_atoms() -> None:
    assert atoms(Mixture([Rademacher(), Constant(1)])) == {-1.0: 0.25, 1.0: 0.75}
    assert atoms(relu(Rademacher())) == {0.0: 0.5, 1.0: 0.5}
    assert atoms(Normal()) is None and atoms(Mixture([Normal(), Constant(0)])) is None
    assert rarest(Rectified(Mixture([Normal(), Bernoulli("1/10")], ["0.9", "0.1"]))) == pytest.approx(0.01)
    x, y = variable(Rademacher()), variable(Rademacher())
    assert single_valued([x**2 * y**4 + 2], {}) and not single_valued([x * y], {})
    assert not single_valued([variable(Normal()) ** 2], {}) and single_valued([abs(1) * x**2], {})


@pytest.mark.parametrize(
    ("skewness", "share", "alarm"),
    [
        (0.38, 0.0, ""),
        (-0.40, 0.0, "skewness"),
        (0.0, 0.47, ""),
        (0.0, 0.48, "one draw carries the estimate"),
        (0.40, 0.51, "skewness"),
    ],
)
def test_crossed_blocks_raise_the_alarms_of_plain_ones(skewness: float, share: float, alarm: str) -> None:
    rows = columns = 96  # x = 1.972 at 190 degrees of freedom: 3 / x^3 = 0.391, 10 ln(96) / 96 = 0.475
    table = np.array([[5.0, 1.0, skewness, share, 48.0, 48.0, 0.0]])
    assert two_way(table, 1, rows, columns, 0.025)[0].alarm == alarm
