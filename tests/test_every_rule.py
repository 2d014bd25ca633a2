"""Every rule: its example holds in simulation, and without each of its assumptions it is off."""

from dataclasses import replace

import pytest
import sympy as sp

import varprop as vp
from varprop.derivation.proofs import at_numbered_places, counterexample
from varprop.derivation.quantities import Equal, Mean, Quantity
from varprop.derivation.rules import RULES, Requirement, Rule
from varprop.derivation.structure import Structure
from varprop.model.expressions import Apply

SEED = 20
BUDGET = 1
WITNESSES = [(rule, position) for rule in RULES for position in range(len(rule.requirements))]
REMAINDERS = [(rule, k) for rule, k in WITNESSES if rule.requirements[k].remainder is not None]


def named(pairs):
    return [
        f"{rule.name}, {rule.requirements[k].test(Structure(), **rule.example()).kind}" for rule, k in pairs
    ]


def claim(rule, parts, more=0):
    return Equal(rule.claim(**parts), at_numbered_places(rule.formula(**parts) + more))


def verdicts(rule, parts):
    return [assumption.verdict for assumption in rule.assumptions(Structure(), parts)]


def check(thing, **options):
    return vp.check(thing, seed=SEED, budget=BUDGET, **options)


def test_names_are_unique_and_everything_is_stated():
    assert len({rule.name for rule in RULES}) == len(RULES) >= 30
    for rule in RULES:
        assert rule.theorem.strip()
        assert rule.source.strip()
        assert isinstance(rule.claim(**rule.example()), Quantity)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_example_is_proven_and_leads_to_the_same_result_as_all_other_ways(rule):
    parts = rule.example()
    assert all(verdict == "proven" for verdict in verdicts(rule, parts))
    noun = rule.claim(**parts)
    first = vp.derive(noun, rules=(rule, *RULES))
    assert first.steps[0].rule is rule
    difference = first.result - vp.derive(noun).result
    assert abs(sp.N(difference)) < 1e-12 if difference.is_number else sp.simplify(difference) == 0


@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.limit], ids=lambda rule: rule.name)
def test_the_example_holds(rule):
    assert check(claim(rule, rule.example())).verdict == "agrees"


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.limit], ids=lambda rule: rule.name)
def test_the_example_of_a_limit_holds_as_a_trend(rule):
    noun = rule.claim(**rule.example())
    (step,) = [step for step in vp.derive(noun) if step.rule is rule]
    assert step.validity == f"limit, {rule.limit}"
    (found,) = check(step).claims
    assert found.verdict == "agrees"
    assert "times the size" in found.note


@pytest.mark.parametrize(("rule", "position"), WITNESSES, ids=named(WITNESSES))
def test_a_witness_breaks_one_assumption_only(rule, position):
    found = verdicts(rule, rule.requirements[position].witness())
    assert found[position] == "refuted"
    assert all(verdict == "proven" for k, verdict in enumerate(found) if k != position)


@pytest.mark.parametrize(("rule", "position"), WITNESSES, ids=named(WITNESSES))
def test_a_witness_shows_that_the_assumption_is_needed(rule, position):
    false = claim(rule, rule.requirements[position].witness())
    sizes = [{}] if not rule.limit else [{"n": 8}, {"n": 128}]
    for at in sizes:
        evidence = check(false, at=at)
        assert evidence.verdict == "disagrees"
        for found in evidence.claims:
            assert abs(found.estimate - found.claimed) > 0.1 * abs(found.claimed)
    numbers = counterexample(rule, position)
    assert numbers is not None
    truth, formula = (sp.N(value) for value in (numbers.truth, numbers.formula))
    assert abs(truth - formula) >= 0.1 * max(abs(truth), abs(formula))
    if not rule.limit:
        assert float(truth) == pytest.approx(found.estimate, rel=0.2)


@pytest.mark.parametrize(("rule", "position"), REMAINDERS, ids=named(REMAINDERS))
def test_the_remainder_is_what_is_missing(rule, position):
    requirement = rule.requirements[position]
    parts = requirement.witness()
    assert check(claim(rule, parts, requirement.remainder(**parts))).verdict == "agrees"


class OneOrThree(vp.Distribution):
    """A distribution of a user: 1 or 3, each with probability one half."""

    parameters = ()

    def _moment(self, k):
        return (sp.Integer(1) + sp.Integer(3) ** k) / 2

    def moment_exists(self, k):
        return True

    @property
    def symmetric(self):
        return False

    @property
    def atom_at_zero(self):
        return False

    @property
    def support(self):
        return sp.Integer(1), sp.Integer(3)

    def _draw(self, rng, shape):
        return rng.choice([1.0, 3.0], shape)


def test_a_distribution_of_a_user_plugs_in():
    z = vp.dot(weights=vp.Normal(variance="1/n"), inputs=OneOrThree(), fan_in="n")
    proof = vp.derive(vp.Variance(z))
    assert proof.result == 5
    assert check(proof, at={"n": 4}).verdict == "agrees"
    assert check(vp.Variance(z), equals=6, at={"n": 4}).verdict == "disagrees"


def relu_of_a_positive(noun, structure):
    e = noun.expression
    if isinstance(noun, Mean) and isinstance(e, Apply) and e.activation == vp.relu:
        yield {"x": e}


MINE = Rule(
    name="relu of a positive variable",
    theorem=r"\\operatorname{E}[\\mathrm{relu}(x)] = \\operatorname{E}[x] \\text{ for } x \\ge 0",
    source="definition",
    match=relu_of_a_positive,
    claim=Mean,
    formula=lambda x: Mean(x.argument),
    example=lambda: {"x": vp.relu(vp.RandomVariable("u", "Uniform(0, 1)") + 1)},
)


def test_a_rule_of_a_user_plugs_in():
    noun = vp.Mean(MINE.example()["x"])
    with pytest.raises(vp.DerivationError, match="add a rule"):
        vp.derive(noun)
    proof = vp.derive(noun, rules=(MINE, *RULES))
    assert proof.result == sp.Rational(3, 2)
    assert MINE.name in {step.rule.name for step in proof}
    assert check(proof).verdict == "agrees"


def test_a_rule_fires_on_proven_assumptions_only():
    def never(structure, x):
        return replace(next(iter(RULES[-1].assumptions(structure, RULES[-1].example()))), verdict="unknown")

    doubtful = replace(MINE, requirements=(Requirement(test=never, witness=MINE.example),))
    with pytest.raises(vp.DerivationError, match="which is unknown"):
        vp.derive(vp.Mean(MINE.example()["x"]), rules=(doubtful, *RULES))
