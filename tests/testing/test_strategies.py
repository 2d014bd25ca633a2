"""The strategies, and what they are for: random claims derived and simulated, in any order of the rules."""

from __future__ import annotations

import contextlib
import random

import pytest
import sympy as sp
from hypothesis import assume, given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from varprop import (
    RULES,
    Distribution,
    Equal,
    Mean,
    Moment,
    MomentError,
    Network,
    Normal,
    Rademacher,
    RandomVariable,
    Uniform,
    VarpropError,
    derive,
    propagate,
    relu,
    sum_over,
)
from varprop.errors import DerivationError
from varprop.model.axes import Axis
from varprop.model.distributions import DISTRIBUTIONS
from varprop.model.domains import Parameter
from varprop.testing import Disagreement, Undecided, assert_agrees, strategies

FEW = settings(max_examples=6)


@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if name != "Unknown"])
def test_every_distribution_is_generated(name: str) -> None:
    @settings(max_examples=3, database=None)
    @given(strategies.distributions(name=name))
    def generated(law: Distribution) -> None:
        assert type(law).__name__ == name
        assert law.can_draw

    generated()


@settings(max_examples=20)
@given(strategies.distributions(symmetric=True), strategies.distributions(moments=4))
def test_what_is_asked_for_is_generated(symmetric: Distribution, light: Distribution) -> None:
    assert symmetric.symmetric
    assert symmetric.atom_at_zero is False
    assert light.moment(4).is_finite


@given(strategies.parameters(Parameter("k", "k", typical=(1, 5), integer=True)))
def test_whole_parameters(value: object) -> None:
    assert sp.Rational(str(value)).is_Integer


@FEW
@given(strategies.claims())
def test_derived_claims_are_never_called_wrong(claim: Equal) -> None:
    with contextlib.suppress(Undecided):
        assert_agrees(claim, budget=0.3, resolution=1.2)


@FEW
@given(strategies.claims(true=False))
def test_false_claims_never_agree(claim: Equal) -> None:
    with pytest.raises((Disagreement, Undecided)):
        assert_agrees(claim, budget=0.3, resolution=1.05)


def test_most_claims_are_decided() -> None:
    verdicts = []

    @settings(max_examples=12, database=None, derandomize=True)
    @given(strategies.claims(), strategies.claims(true=False))
    def tried(right: Equal, wrong: Equal) -> None:
        for claim in (right, wrong):
            try:
                verdicts.append(assert_agrees(claim, budget=0.3, resolution=1.1).verdict)
            except (Disagreement, Undecided) as failure:
                verdicts.append(failure.finding.verdict)

    tried()
    assert verdicts.count("inconclusive") <= len(verdicts) / 4
    assert verdicts.count("disagrees") >= len(verdicts) / 4


@settings(max_examples=4, deadline=None)
@given(strategies.networks())
def test_propagated_networks_are_never_called_wrong(net: Network) -> None:
    try:
        profile = propagate(net, input="Uniform(0, 1)")
    except DerivationError:
        assume(False)
    for names in (("second_moment",), ("gradient",)):
        with contextlib.suppress(Undecided):
            assert_agrees(profile.only(*names), budget=0.2, resolution=1.2)


EXACT = tuple(one for one in RULES if not one.limit and not one.is_value)
VALUES = tuple(one for one in RULES if not one.limit and one.is_value)


class AnyOrderOfRules(RuleBasedStateMachine):
    """Expressions grown step by step: whatever order the rules are tried in, the moments are the same."""

    @initialize(
        law=st.sampled_from([Rademacher(), Normal(variance=2), Uniform(0, 1)]), size=st.integers(1, 3)
    )
    def start(self, law: Distribution, size: int) -> None:
        self.axis = Axis("i", size)
        self.leaves = [
            RandomVariable("w", Normal(), axes=self.axis),
            RandomVariable("x", law, axes=self.axis),
            RandomVariable("c", law),
        ]
        self.expression = self.leaves[0] * self.leaves[1]
        self.steps = 0

    @rule(leaf=st.integers(0, 2))
    def multiply(self, leaf: int) -> None:
        if self.steps < 3:
            self.expression = self.expression * self.leaves[leaf]
            self.steps += 1

    @rule(leaf=st.integers(0, 2), factor=st.integers(-2, 2))
    def add(self, leaf: int, factor: int) -> None:
        if self.steps < 3:
            self.expression = self.expression + factor * self.leaves[leaf]
            self.steps += 1

    @rule()
    def gather(self) -> None:
        if self.axis.index in self.expression.indices:
            self.expression = sum_over(self.axis, self.expression)

    @rule()
    def rectify(self) -> None:
        if self.steps < 3:
            self.expression = relu(RandomVariable("s", Rademacher()) * self.expression)
            self.steps += 3

    @invariant()
    def moments_do_not_depend_on_the_order(self) -> None:
        if not hasattr(self, "expression"):
            return
        for quantity in (Mean(self.expression), Moment(self.expression, 2)):
            try:
                usual = derive(quantity).result
            except (DerivationError, MomentError):
                continue
            shuffled = list(EXACT)
            random.Random(str(quantity)).shuffle(shuffled)
            try:
                other = derive(quantity, rules=(*shuffled, *VALUES)).result
            except VarpropError:
                continue  # another order may lead into a dead end, never to another number
            assert sp.simplify(usual - other) == 0


TestAnyOrderOfRules = AnyOrderOfRules.TestCase
TestAnyOrderOfRules.settings = settings(max_examples=15, stateful_step_count=6, deadline=None)
