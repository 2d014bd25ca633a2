"""What `check` refuses and why, and the premise `bounded` on every kind of expression."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy as sp

import varprop as vp

U = vp.RandomVariable("u", vp.Uniform(-1, 2))
B = vp.RandomVariable("b", vp.Bernoulli("1/3"))
K = sp.Symbol("k", real=True)


def told(*arguments: Any, **settings: Any) -> str:
    with pytest.raises(vp.VarpropError) as failure:
        vp.check(*arguments, **settings)
    return str(failure.value)


def test_a_profile_brings_its_own_simulation() -> None:
    profile = vp.propagate(vp.Network([vp.Dense(2)], fan_in=2), input=vp.Normal())
    for settings in ({"premise": vp.Bounded()}, {"deadline": 5.0}, {"checkpoint": "file"}):
        assert "it brings its own simulation" in told(profile, **settings)
    for budget in (0, -1.0, math.nan, math.inf, "2"):
        assert "no number of seconds" in told(profile, budget=budget)


@pytest.mark.parametrize("value", ["1/3", "123456789/1000", "1/1000003"])
def test_numbers_do_not_vary_by_rounding(value: str) -> None:
    u = vp.RandomVariable("u", vp.Constant(value))
    x = vp.RandomVariable("x", "Normal()")
    for quantity in (
        vp.Variance(u),
        vp.CentralMoment(u, 3),
        vp.Cumulant(u, 4),
        vp.Covariance(u, x),
        vp.Variance(u * vp.RandomVariable("s", "Rademacher()") ** 2),
    ):
        assert vp.check(quantity, equals=0, seed=3, budget=0.2).verdict == "agrees"


def test_nothing_to_check() -> None:
    class Silent:
        def claims(self) -> tuple[vp.Equal, ...]:
            return ()

    assert "claims nothing that can be tested" in told(Silent())
    assert "has no claims" in told(3.5)
    assert "no symbol and no name" in told(vp.Mean(U), equals="1/2", at={3: 4})
    assert "it is no number" in told(vp.Mean(U * K), equals=K / 2, at={"k": "n"})


def test_a_claim_that_is_no_polynomial_in_its_symbols_gets_values() -> None:
    x = vp.RandomVariable("x", vp.Normal(mean=K, variance=1))
    claim = vp.Equal(vp.Mean(x), sp.sqrt(K**2))
    assert vp.check(claim, at={"k": 3}, seed=1, budget=0.2).verdict == "agrees"
    assert vp.check(claim, at={"k": -3}, seed=1, budget=0.2).verdict == "disagrees"
    assert "is no real number" in told(vp.Equal(vp.Mean(x), sp.sqrt(K)), at={"k": -1})


@pytest.mark.parametrize(
    ("quantity", "truth"),
    [
        (vp.Mean(3 * U**2 - U + 1), "7/2"),
        (vp.Variance(U), "3/4"),
        (vp.Variance(vp.relu(U)), "4/9"),
        (vp.Covariance(U * B, B), "1/9"),
        (vp.Mean(vp.relu(-U) ** 3 * B), "1/36"),
    ],
)
def test_bounded_variables(quantity: Any, truth: str) -> None:
    settings: dict[str, Any] = {"premise": vp.Bounded(), "seed": 4, "budget": 2.0, "resolution": 1.2}
    assert vp.check(quantity, equals=truth, **settings).verdict == "agrees"
    assert vp.check(quantity, equals=f"({truth})*3/2", **settings).verdict == "disagrees"


def test_sums_and_tables_are_bounded_too() -> None:
    z = vp.dot(weights=vp.Rademacher(), inputs=vp.Uniform(0, 1), fan_in=3)
    settings: dict[str, Any] = {"premise": vp.Bounded(), "seed": 4, "resolution": 1.3}
    assert vp.check(vp.Variance(z), equals=1, **settings).verdict == "agrees"
    table = vp.Empirical(np.array([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]]))
    rows = vp.dot(weights=vp.Rademacher(), inputs=vp.RandomVector("x", table))
    assert vp.check(vp.Variance(rows), equals="40/3", **settings).verdict == "agrees"


def test_what_has_no_known_bounds() -> None:
    bounded = vp.Bounded()
    assert "no known bounds" in told(vp.Mean(vp.RandomVariable("g", "Normal()")), equals=0, premise=bounded)
    assert "raw moments" in told(vp.CentralMoment(U, 3), equals=0, premise=bounded)
    tanh = vp.activation("tanh")
    assert "powers on each side of zero" in told(vp.Mean(tanh(U)), equals="1/3", premise=bounded)
