"""Looks: levels hold, alarms see heavy tails, and without them the promise breaks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from varprop.errors import SamplingError
from varprop.simulation.premises import Asymptotic
from varprop.simulation.sequential import Band, Plan, Resolution, decide


def squared_dots(rng: np.random.Generator, n: int, runs: int, size: int) -> np.ndarray:
    """Squares of sum_i w_i x_i over n normals, variance 1: given x it is normal with variance |x|^2."""
    return rng.normal(size=(runs, size)) ** 2 * 2 * rng.standard_gamma(n / 2, size=(runs, size)) / n


def false_alarms(rows: np.ndarray, alpha: float, premise: Asymptotic, truth: float = 1.0) -> float:
    """How often a true claim is called wrong, over alpha."""
    plan = Plan.doubling(rows.shape[1], alpha=alpha)
    wrong = 0
    for row in rows:
        for look in plan.looks:
            limits = premise.limits(row[:look], plan.alarm_tail)
            if not limits.alarm and not limits.low <= truth <= limits.high:
                wrong += 1
                break
    return wrong / len(rows) / alpha


def test_false_alarms_stay_below_the_level() -> None:
    rows = squared_dots(np.random.default_rng(5), 16, 1500, 4096)
    assert 0.2 < false_alarms(rows, 0.1, Asymptotic()) < 1.0


def test_the_alarms_are_what_holds_heavy_tails() -> None:
    rng = np.random.default_rng(6)
    rows = rng.normal(size=(400, 2048)) ** 2
    for _ in range(7):
        rows *= rng.normal(size=rows.shape) ** 2
    assert false_alarms(rows, 0.01, Asymptotic()) == 0
    assert false_alarms(rows, 0.01, Asymptotic(alarms=False)) > 15
    assert false_alarms(rows, 0.01, Asymptotic(correct=False, alarms=False)) > 25


def test_limits_solve_the_corrected_equation() -> None:
    values = np.random.default_rng(7).exponential(size=400)
    limits = Asymptotic().limits(values, 0.01)
    skewness = np.mean((values - values.mean()) ** 3) / values.std() ** 3
    bend = skewness / 3 / math.sqrt(400)
    quantile = -stdtrit(399, 0.01)
    for bound, wanted in ((limits.low, quantile), (limits.high, -quantile)):
        t = (values.mean() - bound) / (values.std(ddof=1) / 20)
        assert t + bend * t**2 + bend**2 * t**3 / 3 + bend / 2 == pytest.approx(wanted)
    plain = Asymptotic(correct=False).limits(values, 0.01)
    assert plain.high - values.mean() == pytest.approx(values.mean() - plain.low)
    assert limits.high > plain.high


def test_one_block_that_carries_all_raises_an_alarm() -> None:
    values = np.random.default_rng(8).normal(size=256)
    values[3], values[4] = 40, -40
    assert "one block" in Asymptotic().limits(values, 0.1).alarm
    assert "skewness" in Asymptotic().limits(np.exp(values), 1e-6).alarm


def test_constant_blocks_decide() -> None:
    ones = np.ones(256)
    plan = Plan((256,))
    assert decide(ones, 1.0, plan).verdict == "agrees"
    assert decide(ones + 1e-15 * np.arange(256), 1.0, plan).verdict == "agrees"
    assert decide(ones, 1.001, plan).verdict == "disagrees"
    assert decide(0 * ones, 0.0, plan, band=Band(0.0)).verdict == "agrees"
    assert decide(-ones, -ones, plan).verdict == "agrees"


@pytest.mark.parametrize(("off", "verdict"), [(1.0, "agrees"), (1.1, "disagrees"), (-1.0, "disagrees")])
def test_two_sides(off: float, verdict: str) -> None:
    rng = np.random.default_rng(9)
    for sign in (1, -1):
        left, right = sign * rng.normal(2, 0.1, 512), sign * off * rng.normal(2, 0.1, 512)
        assert decide(left, right, Plan((512,))).verdict == verdict


def test_agreement_needs_the_whole_band() -> None:
    rng = np.random.default_rng(10)
    values = rng.normal(1, 0.32, 1024)
    look = decide(values, 1.0, Plan((1024,), factor=1.02))
    assert look.verdict == "inconclusive" and look.factor == math.inf
    look = decide(values, 1.0, Plan((1024,), factor=1.1))
    assert look.verdict == "agrees" and 1.02 < look.factor <= 1.1


def test_a_zero_claim_is_measured_by_its_width() -> None:
    values = np.random.default_rng(11).normal(0, 1, 1024)
    assert decide(values, 0.0, Plan((1024,)), band=Band(0.5)).verdict == "agrees"
    assert decide(values, 0.0, Plan((1024,)), band=Band(0.01)).verdict == "inconclusive"
    assert decide(values + 0.5, 0.0, Plan((1024,)), band=Band(0.01)).verdict == "disagrees"


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(SamplingError, match="not finite"):
        decide(np.array([1.0, math.inf]), 1.0, Plan((2,)))


@pytest.mark.parametrize(
    "wrong",
    [{"alpha": 0}, {"power": 1}, {"factor": 1.0}, {"factor": math.inf}, {"looks": (2, 1)}, {"looks": (0,)}],
)
def test_bad_plans_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SamplingError, match=r"Choose|Use"):
        Plan(**{"looks": (256,), **wrong})  # type: ignore[arg-type]


def test_a_single_block_decides_nothing() -> None:
    assert Asymptotic().limits(np.ones(1), 0.1).alarm == "a single block"
    assert decide(np.ones(1), 1.0, Plan((1,))).verdict == "inconclusive"
    assert str(Resolution(1.02, 0.999)) == "factor 1.02 of the claim at power 0.999"
