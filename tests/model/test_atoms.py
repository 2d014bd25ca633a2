"""Laws with finitely many values: the values themselves, and activations of them, exact."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.errors import MomentError
from varprop.model.activations.registry import NAMED
from varprop.model.distributions import Bernoulli, Constant, Dropout, Mixture, Normal, Rademacher, Rectified

p = vp.symbol("p")
FINITE = [
    Constant(-2),
    Rademacher(),
    Bernoulli("1/3"),
    Dropout("3/4"),
    Rectified(Rademacher()),
    Mixture([Constant(3), Rademacher(), Dropout("1/2")]),
    vp.tanh(Rademacher()),
]
ACTIVATIONS = [made if isinstance(made, vp.Activation) else None for made in NAMED.values()]


@pytest.mark.parametrize("law", FINITE, ids=str)
def test_values_with_their_probabilities_give_every_moment(law: vp.Distribution) -> None:
    assert law.atoms is not None
    assert sum(chance for _, chance in law.atoms) == 1
    for k in range(5):
        assert sp.simplify(sum(chance * value**k for value, chance in law.atoms) - law.moment(k)) == 0
    drawn = law.draw(np.random.default_rng(1), (1000,))
    assert set(np.round(drawn, 9)) <= {round(float(value), 9) for value, _ in law.atoms}


def test_other_laws_have_none() -> None:
    laws = (Normal(), Rectified(Normal()), Mixture([Constant(1), Normal()]), vp.Unknown(), vp.tanh(Normal()))
    assert [law.atoms for law in laws] == [None] * 5
    assert vp.activation(np.tanh, growth=1)(Rademacher()).atoms is None


@pytest.mark.parametrize("law", FINITE, ids=str)
@pytest.mark.parametrize("phi", [phi for phi in ACTIVATIONS if phi is not None], ids=str)
def test_moments_of_an_activation_are_finite_sums(phi: vp.Activation, law: vp.Distribution) -> None:
    x = vp.RandomVariable("x", law)
    numbers = np.array([float(value) for value, _ in law.atoms or ()])
    chances = np.array([float(chance) for _, chance in law.atoms or ()])
    for power in (1, 2):
        proof = vp.derive(vp.Mean(phi(x) ** power))
        assert proof.precision == "closed form"
        assert float(proof.result) == pytest.approx(float(chances @ phi.value(numbers) ** power), abs=1e-14)


def test_a_jump_has_the_value_of_the_activation() -> None:
    for value in (0, 3):
        for name in ("step", "relu", "hardsigmoid", "softsign"):
            phi = vp.activation(name)
            assert float(phi.exact(sp.Integer(value))) == float(phi.value(np.array(float(value))))


def test_symbols_stay() -> None:
    x = vp.RandomVariable("x", Bernoulli(p))
    assert sp.simplify(vp.derive(vp.Variance(vp.tanh(x))).result - p * (1 - p) * sp.tanh(1) ** 2) == 0
    c = vp.symbol("c")
    assert vp.tanh(Constant(c)).moment(3) == sp.tanh(c) ** 3
    with pytest.raises(MomentError, match="no closed form"):
        vp.hardtanh()(Constant(c)).moment(2)  # on which side of 1 the value lies is not known
    z = vp.dot(weights="Normal(variance=1/n)", inputs=vp.tanh(Rademacher()), fan_in="n")
    assert vp.derive(vp.Variance(z)).result == sp.tanh(1) ** 2
