"""check: true claims agree, planted errors disagree, what cannot be decided is never green."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.quantities import (
    CentralMoment,
    Covariance,
    Cumulant,
    Equal,
    Kurtosis,
    Mean,
    Moment,
    Skewness,
    Variance,
)
from varprop.errors import CheckError, ParseError, SamplingError, VarpropError
from varprop.evidence import ClaimEvidence, Evidence, check
from varprop.evidence.translation import question
from varprop.evidence.values import completed
from varprop.model.activations import abs_, relu
from varprop.model.axes import Axis
from varprop.model.distributions import Normal, Unknown
from varprop.model.expressions import sum_over
from varprop.model.joint import Empirical
from varprop.model.scalars import symbol
from varprop.model.variables import RandomVariable, RandomVector
from varprop.simulation.panel import COUPLINGS
from varprop.simulation.sequential import Look

n = symbol("n")
i = Axis("i", n)
w = RandomVariable("w", "Normal(variance=1/n)", axes=i, role="weights")
x = RandomVariable("x", "Normal()", axes=i)
pixel = RandomVariable("x", "Uniform(0, 1)", axes=i)
skewed = RandomVariable("e", "Exponential(mean=1)")
b = RandomVariable("b", "Normal(variance=1/4)")
z = sum_over(i, w * x)
unknown = RandomVariable("x", Unknown(mean=0, variance=1), axes=i)
u = sum_over(i, w * unknown)

TRUE = {
    "a number": Equal(Variance(z + b), sp.Rational(5, 4)),
    "a line": Equal(Variance(z + b), n * Variance(w) * Mean(x**2) + Variance(b)),
    "pixels": Equal(Variance(sum_over(i, w * pixel)), sp.Rational(1, 3)),
    "relu": Equal(Variance(sum_over(i, w * relu(x))), sp.Rational(1, 2)),
    "a zero": Equal(Mean(z), 0),
    "zero on both sides": Equal(Mean(w * pixel), Mean(w) * Mean(pixel)),
    "no correlation": Equal(Covariance(z, z**2), 0),
    "definition": Equal(Variance(skewed), Mean(skewed**2) - Mean(skewed) ** 2),
    "third": Equal(CentralMoment(skewed, 3), 2),
    "moment": Equal(Moment(skewed, 3), 6),
    "cumulant": Equal(Cumulant(skewed, 2), Cumulant(skewed, 1) ** 2),
    "quotient": Equal(Variance(skewed) / Mean(skewed**2), sp.Rational(1, 2)),
    "kurtosis": Equal(Kurtosis(pixel), sp.Rational(9, 5)),
    "no skewness": Equal(Skewness(pixel), 0),
    "root": Equal(Mean(abs_(x)), sp.sqrt(2 * Variance(x) / sp.pi)),
    "negative": Equal(Mean(-skewed), -1),
    "a constant": Equal(Variance(RandomVariable("c", "Constant(3)")), 0),
    "numbers": Equal(sp.Integer(2), 2),
}

WRONG = {
    "variance for second moment": (Equal(Variance(pixel), Mean(pixel**2)), {}),
    "n for n - 1 at 8": (Equal(Variance(z), (n - 1) * Variance(w) * Mean(x**2)), {"at": {n: 8}}),
    "a factor 1.02 at 256": (Equal(Variance(z), sp.Rational(102, 100)), {"at": {n: 256}}),
    "a dropped mean": (Equal(Variance(sum_over(i, w * pixel)), n * Variance(w) * Variance(pixel)), {}),
    "a wrong symmetry": (Equal(Mean(skewed**3), 0), {}),
    "a wrong sign": (Equal(Mean(skewed), -1), {}),
    "a wrong sign of the skewness": (Equal(Skewness(relu(x)), -Skewness(relu(x))), {"budget": 4}),
    "halves that are not": (Equal(Mean(relu(skewed - 1) ** 2), Mean((skewed - 1) ** 2) / 2), {}),
    "a product that does not factor": (Equal(Mean(pixel * pixel), Mean(pixel) * Mean(pixel)), {}),
    "a factor 1.005": (
        Equal(Variance(sum_over(i, w * x)), sp.Rational(1005, 1000)),
        {"at": {n: 16}, "resolution": 1.003, "budget": 10},
    ),
    "numbers": (Equal(sp.Integer(2), 3), {}),
}


@pytest.mark.parametrize("name", TRUE)
def test_true_claims_agree(name: str) -> None:
    assert check(TRUE[name], seed=7).verdict == "agrees"


@pytest.mark.parametrize("name", WRONG)
def test_planted_errors_disagree(name: str) -> None:
    claim, settings = WRONG[name]
    assert check(claim, seed=7, **settings).verdict == "disagrees"  # type: ignore[arg-type]


def test_a_small_budget_is_inconclusive() -> None:
    for wrong in (1, sp.Rational(11, 10)):
        found = check(Variance(z), equals=wrong, at={n: 256}, budget=0.01)
        assert (found.verdict, found.claims[0].look) == ("inconclusive", 0)
        assert math.isfinite(found.claims[0].estimate)


def test_a_heavy_tail_is_inconclusive() -> None:
    heavy = math.prod(RandomVariable(name, "Normal()") for name in "abcdefgh")
    found = check(Variance(heavy), equals=1, budget=0.5)
    assert found.verdict == "inconclusive" and found.claims[0].alarm


def test_dependence_does_not_matter_where_the_claim_says_so() -> None:
    found = check(Equal(Variance(u), n * Variance(w) * Mean(unknown**2)), couplings=COUPLINGS, panel="short")
    assert found.verdict == "agrees" and len(found.claims) == 4
    relied = " ".join(claim.relied[0] for claim in found.claims)
    assert all(word in relied for word in (*COUPLINGS, "two points", "skewed", "heavy-tailed", "symmetric"))
    assert len(check(Variance(u), equals=1, couplings=COUPLINGS, budget=0.1).claims) == 12


def test_a_claim_that_needs_independence_fails_under_coupling() -> None:
    claim = Equal(Variance(sum_over(i, unknown)), n * Variance(unknown))
    assert check(claim, panel="short").verdict == "agrees"
    assert check(claim, couplings=("all equal",), panel="short").verdict == "disagrees"


def test_a_claim_about_one_place_needs_no_coupling() -> None:
    assert len(check(Mean(unknown**2), equals=1, couplings=COUPLINGS).claims) == 4


def test_derivations_steps_and_lines() -> None:
    proof = derive(Variance(z + b))
    whole = check(proof, at={"n": 5}, seed=-3)
    assert whole.verdict == "agrees" and len(whole.claims) == len(proof.claims()) > 3
    assert (whole.seed, dict(whole.at)) == (-3, {"n": "5"})
    for step in proof:
        assert check(step).verdict == "agrees"


def test_unknown_inputs_of_a_derivation_are_coupled() -> None:
    found = check(derive(Variance(u)), panel="short", budget=1)
    assert found.verdict == "agrees"
    assert any("all equal" in claim.relied[0] for claim in found.claims)


def test_limits_are_trends() -> None:
    proof = derive(Mean(abs_(sum_over(i, w * pixel - w / 2))))
    assert proof.validity.startswith("limit")
    found = check(proof, budget=1)
    assert found.verdict == "agrees"
    assert any("16 times the size" in claim.note for claim in found.claims)


def test_tables() -> None:
    rows = np.random.default_rng(0).gamma(2, size=(50, 3)) @ np.array([[1.0, 1, 0], [0, 1, 1], [0, 0, 1]])
    table = RandomVector("x", Empirical(rows))
    weights = RandomVariable("w", "Normal(variance=1/3)", axes=table.axis)
    claim = Equal(Variance(sum_over(table.axis, weights * table)), (rows**2).sum() / 150)
    assert check(claim, seed=1).verdict == "agrees"
    with pytest.raises(VarpropError, match="not alike"):
        check(Mean(table), equals=1)
    assert check(Mean(table[1]), equals=rows[:, 1].mean()).verdict == "agrees"


def test_the_same_seed_gives_the_same_evidence() -> None:
    claim = TRUE["a number"]
    assert check(claim) == check(claim) != check(claim, seed=1)
    assert check(claim).seed != check(claim, at={n: 9}).seed
    assert check(claim, seed=1) == check(claim, seed=1)


def test_evidence_is_readable_and_stored() -> None:
    found = check(derive(Variance(z + b)))
    assert isinstance(found, Evidence) and isinstance(found.claims[0], ClaimEvidence)
    text = str(found)
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("agrees: factor 1.02 of the claim at power 0.999, alpha 1e-06, premise asymptotic")
    stored = json.loads(found.to_json())
    assert stored["kind"] == "evidence" and stored["schema"] == 2
    assert stored["claims"][0]["verdict"] == "agrees" and stored["at"] == {"n": "8"}
    assert json.loads(check(Variance(z), equals=1, budget=1e-4).to_json())["claims"][0]["low"] is None


def test_evidence_comes_back_from_json() -> None:
    for found in (check(derive(Variance(z + b))), check(Variance(z), equals=1, budget=1e-4)):
        back = Evidence.from_json(found.to_json())
        assert back == found and hash(back) == hash(found)
    for text in (
        "",
        "[]",
        "{}",
        '{"kind": "evidence", "schema": 99}',
        found.to_json().replace("relied", "x"),
    ):
        with pytest.raises(ParseError, match="to_json"):
            Evidence.from_json(text)


@pytest.mark.parametrize(
    ("field", "value"),
    [("alpha", None), ("at", "n = 3"), ("verdict", "<b>"), ("verdict", []), ("estimate", "1"), ("high", {})],
)
def test_damaged_evidence_is_refused_when_it_is_read(field: str, value: object) -> None:
    stored = json.loads(check(Variance(z), equals=1, budget=1e-4).to_json())
    (stored if field in stored else stored["claims"][0])[field] = value
    with pytest.raises(ParseError, match="to_json"):
        Evidence.from_json(json.dumps(stored))


def test_evidence_is_shown() -> None:
    found = check(Variance(z), equals=1)
    assert "| verdict" in found.to_markdown() and "tabular" in found.to_latex()
    assert found._repr_html_() == found.to_html() and "<table" in found.to_html()


def test_limits_hold_the_estimate() -> None:
    claim = check(Variance(z), equals=1, seed=5).claims[0]
    low, high = claim.limits
    assert low < claim.estimate < high and low < 1 < high
    assert 1 < claim.factor <= 1.02 and claim.numeric


def test_interrupts_keep_what_was_complete() -> None:
    def stop(text: str, look: Look) -> None:
        raise KeyboardInterrupt

    found = check(derive(Variance(z + b)), on_look=stop)
    assert found.interrupted and found.verdict == "inconclusive" and len(found.claims) == 1
    assert found.claims[0].look == 1 and "interrupted" in str(found)


def test_default_values_fit_the_distributions() -> None:
    low, high, p = symbol("low"), symbol("high"), symbol("p")
    x1 = RandomVariable("x", "Uniform(high, low)")  # needs high < low
    x2 = RandomVariable("y", "Bernoulli(p)")
    values, sizes = completed((Equal(Variance(x1 * x2), 1),), None)
    assert values[high] < values[low] and 0 < values[p] < 1 and len(set(values.values())) == 3
    assert sizes == frozenset()
    places = i.places(3)
    values, sizes = completed(
        (Equal(Mean(x[places[0]] * x[places[1]] * x[places[2]] * sum_over(i, w)), 1),), None
    )
    assert values[n] >= 3 and sizes == {n}


def test_distinct_sizes_get_distinct_values() -> None:
    j = Axis("j", "m")
    values, _ = completed(
        (Equal(Variance(z + sum_over(j, RandomVariable("v", "Normal()", axes=j))), 1),), None
    )
    assert len(set(values.values())) == 2


def test_given_values() -> None:
    assert (
        check(Variance(z), equals=1, at={"n": 3}).at
        == check(Variance(z), equals=1, at={n: 3}).at
        == {"n": "3"}
    )
    fraction = check(Variance(RandomVariable("x", "Normal(variance=v)")), equals="v", at={"v": 0.25})
    assert fraction.verdict == "agrees" and fraction.at == {"v": "1/4"}


def test_one_claim_that_cannot_be_tested_does_not_stop_the_others() -> None:
    class Both:
        def claims(self) -> tuple[Equal, ...]:
            return (Equal(sp.exp(Variance(z)), sp.E), TRUE["a zero"])

    found = check(Both())
    assert [claim.verdict for claim in found.claims] == ["inconclusive", "agrees"]
    assert found.verdict == "inconclusive" and "not tested" in found.claims[0].note
    assert "nan" not in found.to_json().lower()


def test_quotients_are_cross_multiplied() -> None:
    asked = question(Equal(Mean(x) / Variance(x), 2 / Mean(x**2)), {})
    assert [len(term.estimands) for term in asked.left + asked.right] == [2, 1]
    squared = question(Equal(Skewness(x), 2), {})
    assert squared.exponent == 2 and squared.sign


@pytest.mark.parametrize(
    ("arguments", "settings", "part"),
    [
        ((Variance(z),), {}, "equals"),
        ((z,), {"equals": 1}, "quantity"),
        ((z,), {}, "claims nothing"),
        ((3,), {}, "no claims"),
        ((TRUE["a line"],), {"equals": 1}, "quantity"),
        ((Variance(z),), {"equals": 1, "resolution": 1.0}, "above 1"),
        ((Variance(z),), {"equals": 1, "resolution": math.nan}, "finite"),
        ((Variance(z),), {"equals": 1, "alpha": 0}, "probability"),
        ((Variance(z),), {"equals": 1, "power": "high"}, "finite"),
        ((Variance(z),), {"equals": 1, "couplings": ("tight",)}, "couplings"),
        ((Variance(z),), {"equals": 1, "couplings": "independent"}, "couplings"),
        ((Variance(z),), {"equals": 1, "budget": 0}, "seconds"),
        ((Variance(z),), {"equals": 1, "seed": 1.5}, "integer"),
        ((Variance(z),), {"equals": 1, "at": {"n": "m"}}, "no number"),
        ((Variance(z),), {"equals": 1, "at": 3}, "mapping"),
        ((Variance(z),), {"equals": 1, "at": {"n": 1.5}}, "whole number"),
        ((Variance(z),), {"equals": 1, "at": {"n": 10**12}}, "smaller"),
        ((sp.exp(Variance(z)),), {"equals": 1}, "polynomial"),
        ((Cumulant(z, 9),), {"equals": 1}, "order 8"),
        ((Variance(RandomVariable("x", Unknown(moments={6: 99}))),), {"equals": 1}, "order 6"),
        ((Variance(RandomVariable("x", "Normal()")),), {"equals": sp.I}, "real"),
    ],
)
def test_bad_input_names_a_remedy(
    arguments: tuple[object, ...], settings: dict[str, object], part: str
) -> None:
    with pytest.raises(VarpropError, match=part) as caught:
        check(*arguments, **settings)  # type: ignore[arg-type]
    assert isinstance(caught.value, CheckError | SamplingError | ValueError)
    assert caught.value.remedy


@pytest.mark.parametrize("variance", ["1e-200", "1e-155", "1e150", "1e200"])
def test_numbers_beyond_the_range_of_float64_get_no_verdict(variance):
    exact = sp.Rational(variance)
    y = RandomVariable("y", Normal(variance=exact))
    assert check(Variance(y), equals=exact).verdict == "agrees"
    if variance == "1e150":  # 3e300 is a number of float64
        assert check(Moment(y, 4), equals=3 * exact**2).verdict == "agrees"
        assert check(Moment(y, 4), equals=3.3 * exact**2).verdict == "disagrees"
    else:
        with pytest.raises(SamplingError):
            check(Moment(y, 4), equals=3 * exact**2)
