"""Checks under other premises, on other engines, repeated and continued."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

from varprop.derivation.quantities import CentralMoment, Covariance, Equal, Mean, Skewness, Variance
from varprop.errors import CheckError, SamplingError
from varprop.evidence import Evidence, check
from varprop.evidence.ranges import interval
from varprop.model.activations import abs_, relu, step
from varprop.model.axes import Axis
from varprop.model.expressions import sum_over
from varprop.model.joint import Empirical
from varprop.model.variables import RandomVariable, RandomVector
from varprop.simulation.premises import Bounded, KurtosisBound
from varprop.simulation.sequential import Look, Plan, Resolution, Verdict
from varprop.simulation.trials import Outcome, Trial

i = Axis("i", 4)
w = RandomVariable("w", "Rademacher()", axes=i, role="weights")
x = RandomVariable("x", "Uniform(-1, 1)", axes=i)
z = sum_over(i, w * x)
g = RandomVariable("g", "Normal()")


@pytest.mark.parametrize("premise", [Bounded(), "bounded", KurtosisBound(9), "kurtosis <= 9"])
def test_true_and_wrong_claims_under_proven_premises(premise: object) -> None:
    settings = {"premise": premise, "resolution": 1.05, "seed": 3}
    assert check(Variance(z), equals=sp.Rational(4, 3), **settings).verdict == "agrees"  # type: ignore[arg-type]
    assert check(Variance(z), equals=sp.Rational(16, 10), **settings).verdict == "disagrees"  # type: ignore[arg-type]


def test_the_range_of_blocks_comes_from_supports() -> None:
    found = check(Equal(Mean(z**2), Variance(z)), premise=Bounded(), resolution=1.2, budget=4, seed=3)
    assert (found.verdict, found.premise) == ("agrees", "bounded")
    assert (
        check(Covariance(z, z), equals=sp.Rational(4, 3), premise="bounded", resolution=1.1).verdict
        == "agrees"
    )
    table = RandomVector("t", Empirical([[1.0, -2.0], [0.0, 5.0]]))
    assert interval(sum_over(table.axis, table), {}) == (-4.0, 10.0)
    assert interval(relu(x) * abs_(x - 2) ** 2, {}) == (0.0, 9.0)
    assert interval(step(x), {}) == (0.0, 1.0) and interval(-x * x, {}) == (-1.0, 0.0)


def test_what_has_no_bounds_is_refused() -> None:
    with pytest.raises(CheckError, match="no known bounds"):
        check(Variance(g), equals=1, premise=Bounded())
    with pytest.raises(CheckError, match="raw moments"):
        check(CentralMoment(z, 4), equals=1, premise=Bounded())
    for wrong in ("bound", "kurtosis <= many", 3, None):
        with pytest.raises(CheckError, match="no premise"):
            check(Variance(g), equals=1, premise=wrong)  # type: ignore[arg-type]


def test_a_rerun_repeats_every_bit_and_so_do_the_stored_settings() -> None:
    found = check(Variance(z), equals=sp.Rational(4, 3), seed=-(10**30))
    assert found.rerun() == found
    with pytest.raises(CheckError, match=r"rerun\(budget, seed=\.\.\.\): it would change the result"):
        found.rerun(seed=3, budget=1)
    with ThreadPoolExecutor(2) as pool:
        assert found.rerun(executor=pool) == found
    stored = Evidence.from_json(found.to_json())
    assert stored == found and stored.fingerprint == found.fingerprint
    with pytest.raises(CheckError, match=r"evidence\.settings"):
        stored.rerun()
    assert check(Variance(z), equals=sp.Rational(4, 3), **stored.settings) == found
    claim = found.claims[0]
    assert claim.plan[0] == 256 and claim.plan[claim.look - 1] == claim.blocks and claim.chunks


def test_a_rerun_that_differs_is_an_error() -> None:
    found = check(Variance(z), equals=sp.Rational(4, 3))
    near = replace(found.claims[0], estimate=found.claims[0].estimate * (1 + 1e-12))
    far = replace(found.claims[0], estimate=found.claims[0].estimate * (1 + 1e-6))
    with pytest.raises(CheckError, match="arithmetic is the same"):
        replace(found, claims=(near,)).rerun()
    elsewhere = replace(found, claims=(near,), fingerprint="elsewhere")
    assert elsewhere.rerun().fingerprint != "elsewhere"
    with pytest.raises(CheckError, match="1e-9"):
        replace(found, claims=(far,), fingerprint="elsewhere").rerun()


def test_an_interrupted_check_continues_to_the_same_bits(tmp_path: Path) -> None:
    settings = {"at": {}, "seed": 5, "resolution": 1.003, "budget": 3.0}
    claim = Equal(Variance(z), sp.Rational(4, 3))
    whole = check(claim, **settings)  # type: ignore[arg-type]

    def stop(text: str, look: Look) -> None:
        if look.blocks == 2048:
            raise KeyboardInterrupt

    path = tmp_path / "run"
    stopped = check(claim, on_look=stop, checkpoint=path, **settings)  # type: ignore[arg-type]
    assert stopped.interrupted and stopped.verdict == "inconclusive"
    with pytest.raises(CheckError, match="interrupted"):
        stopped.rerun()
    assert check(claim, checkpoint=path, **settings) == whole  # type: ignore[arg-type]
    with pytest.raises(SamplingError, match="another run"):
        check(claim, checkpoint=path, **{**settings, "seed": 6})  # type: ignore[arg-type]


def test_deadlines_and_progress() -> None:
    found = check(Variance(z), equals=sp.Rational(4, 3), deadline=1e-9)
    assert np.isnan(found.claims[0].estimate) and found.claims[0].standard_error == np.inf
    assert (found.verdict, found.interrupted) == ("inconclusive", True)
    for settings in ({"panel": "foo"}, {"panel": []}, {"progress": 5}, {"on_look": 5}):
        with pytest.raises(CheckError, match="check with"):
            check(Variance(z), equals=1, **settings)  # type: ignore[arg-type]
    assert "no estimate: no look was complete" in str(found.claims[0]) and "nan" not in str(found)
    seen: list[float] = []
    check(Equal(Variance(z), Mean(z**2)), progress=seen.append)
    assert seen and all(0 < share <= 1 for share in seen)
    for wrong in (0, -1, math.nan, "2", True):
        for name in ("deadline", "budget"):
            with pytest.raises(CheckError, match="seconds"):
                check(Variance(z), equals=1, **{name: wrong})  # type: ignore[arg-type]
    for settings in ({"budget": math.inf}, {"budget": 10**400}, {"power": 10**400}):
        with pytest.raises(CheckError):
            check(Variance(z), equals=1, **settings)  # type: ignore[arg-type]
    assert check(Variance(z), equals=sp.Rational(4, 3), budget=np.float32(1), power=np.float64(0.9)).claims
    assert np.isfinite(check(Variance(z), equals=1, deadline=60).claims[0].estimate)


def _look(low: float, high: float, verdict: Verdict = "inconclusive", alarm: str = "") -> Look:
    return Look(256, verdict, 4.0, 4.0, 0.1, low, high, 1.01, alarm)


@pytest.mark.parametrize(
    ("sign", "verdict", "note"),
    [
        (_look(3, 5, "disagrees"), "agrees", ""),
        (_look(-5, -3, "disagrees"), "disagrees", ", and of different sign"),
        (_look(-1, 5), "inconclusive", ", and their sign is open"),
        (_look(3, 5, alarm="skewness"), "inconclusive", ", and their sign is open"),
        (_look(-5, -3, alarm="skewness"), "inconclusive", ", and their sign is open"),
        (None, "inconclusive", ", and their sign is open"),
    ],
)
def test_squared_sides_and_their_sign_share_the_level(
    monkeypatch: pytest.MonkeyPatch, sign: Look | None, verdict: str, note: str
) -> None:
    told, levels = iter((_look(-1, 1, "agrees"), sign)), []

    def run(trial: Trial, *_: object, **__: object) -> Outcome:
        levels.append(trial.alpha)
        plan = Plan((256,), trial.alpha)
        return Outcome(next(told), plan, Resolution(1.02, 0.999), 4.0, 4.0, 0.1, 256, 256, False, ())

    monkeypatch.setattr(Trial, "run", run)
    found = check(Equal(Skewness(relu(g)), Skewness(w[0] + relu(g))), alpha=1e-4)
    assert (found.verdict, found.claims[0].note) == (verdict, f"both sides squared{note}")
    assert sum(levels) == pytest.approx(1e-4) and len(levels) == 2
