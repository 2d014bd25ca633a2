"""Rules of users: right ones, false ones, and ones that raise, loop or return what is no line."""

import copy
import pickle
from dataclasses import replace

import pytest
import sympy as sp

import varprop as vp
from varprop.derivation.assumptions import Assumption, zero_mean
from varprop.derivation.rules import RULES

X = vp.RandomVariable("x", "Uniform(0, 1)")
Y = vp.RandomVariable("y", "Normal(variance=v)")
U = vp.RandomVariable("u", "Normal()")


def variances(noun, structure):
    if isinstance(noun, vp.Variance):
        yield {"x": noun.expression}


def single(noun, structure):
    return [p for p in variances(noun, structure) if isinstance(p["x"], vp.RandomVariable)]


def variance(x):
    return vp.Variance(x)


def second_moment(x):
    return vp.Mean(x**2)


def example():
    return {"x": Y}


def skewed():
    return {"x": X}


def centered(structure, x):
    return zero_mean(structure, x)


CENTERED = vp.Requirement(test=centered, witness=skewed, remainder=lambda x: -(vp.Mean(x) ** 2))
MINE = vp.Rule(
    name="second moment for variance",
    theorem=r"\operatorname{Var}[x] = \operatorname{E}[x^2]",
    source="a mistake of every beginner",
    match=single,
    claim=variance,
    formula=second_moment,
    example=example,
)
RIGHT = replace(MINE, requirements=(CENTERED,))


def derived(quantity=None, **fields):
    return vp.derive(
        vp.Variance(X) if quantity is None else quantity, rules=(replace(MINE, **fields), *RULES)
    )


def test_a_missing_assumption_is_found_and_its_line_named():
    proof = derived()
    assert proof.result == sp.Rational(1, 3)
    found = vp.check(proof, seed=3, budget=0.2)
    assert found.verdict == "disagrees"
    assert [claim.verdict for claim in found.claims] == ["disagrees", "agrees"]
    assert str(proof.steps[0].claims[0]) == str(found.claims[0].claim) == "Var[x] = E[x**2]"
    with_it = vp.derive(vp.Variance(X), rules=(RIGHT, *RULES))
    assert with_it.result == sp.Rational(1, 12)
    assert RIGHT.name not in {step.rule.name for step in with_it}


def test_the_order_of_rules_is_the_order_of_trying():
    assert vp.derive(vp.Variance(X), rules=(*RULES, MINE)).result == sp.Rational(1, 12)
    assert vp.derive(vp.Variance(X), rules=(MINE, MINE, *RULES)).result == sp.Rational(1, 3)
    assert vp.derive(vp.Variance(X)).result == sp.Rational(1, 12)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"match": lambda noun, structure: 1 / 0}, "its match raised ZeroDivisionError: division by zero"),
        ({"match": lambda noun, structure: None}, "its match raised TypeError"),
        ({"match": lambda noun, structure: [noun]}, r"its match yields Var\[x\]. Yield a dict"),
        ({"match": lambda noun, structure: [{"y": X}]}, "its formula raised TypeError.*'y'"),
        ({"formula": lambda x: 1 / 0}, "its formula raised ZeroDivisionError: division by zero"),
        ({"formula": lambda x: x**2}, "the formula of rule 'second moment for variance'=x"),
        ({"formula": lambda x: None}, "the formula of rule 'second moment for variance'=None"),
        ({"formula": lambda x: float("nan")}, "not a finite number"),
        (
            {"requirements": (vp.Requirement(lambda s, x: 1 / 0, skewed),)},
            "test of an assumption raised Zero",
        ),
        (
            {"requirements": (vp.Requirement(lambda s, x: True, skewed),)},
            "test of an assumption answers True",
        ),
        (
            {"requirements": (vp.Requirement(lambda s, x: Assumption("k", "it", (x,), "yes"), skewed),)},
            "whose verdict is proven, refuted or unknown",
        ),
    ],
)
def test_what_a_rule_does_wrong_is_said_in_words(fields, told):
    with pytest.raises(vp.ParameterError, match=told) as refused:
        derived(**fields)
    assert "'second moment for variance'" in str(refused.value)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("requirement", "told"),
    [
        (replace(CENTERED, remainder=lambda x: 1 / 0), "its remainder raised ZeroDivisionError"),
        (replace(CENTERED, remainder=lambda x: None), "the remainder of rule '.*'=None"),
        (vp.Requirement(centered, lambda: 1 / 0), "its witness raised ZeroDivisionError"),
        (vp.Requirement(centered, lambda: None), "its witness is None"),
        (vp.Requirement(centered, example), r"its witness breaks nothing: Var\[y\] is v with it and without"),
    ],
)
def test_what_is_wrong_with_an_assumption_is_said_where_it_is_shown(requirement, told):
    proof = derived(vp.Variance(Y), requirements=(requirement,))
    assert proof.result == vp.symbol("v")
    with pytest.raises(vp.ParameterError, match=told):
        str(proof)


def test_kinds_of_number_and_notes_are_said_in_words_too():
    with pytest.raises(vp.ParameterError, match=r"its precision is 'great'. Choose of closed form"):
        str(derived(precision=lambda x: "great"))
    with pytest.raises(vp.ParameterError, match="its note raised ZeroDivisionError"):
        str(derived(note=lambda x: f"{1 / 0}"))
    assert derived(precision=lambda x: "estimate").precision == "estimate"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": " "},
        {"name": None},
        {"theorem": None},
        {"limit": None},
        {"match": 3},
        {"formula": None},
        {"note": "estimate"},
        {"requirements": None},
        {"requirements": [CENTERED]},
        {"requirements": (centered,)},
    ],
)
def test_a_record_of_another_kind_is_refused_at_construction(fields):
    with pytest.raises(vp.ParameterError, match=r"Rule\(") as refused:
        replace(MINE, **fields)
    assert refused.value.remedy


def test_requirements_and_calls_with_other_arguments_are_refused():
    with pytest.raises(vp.ParameterError, match=r"Requirement\(witness="):
        vp.Requirement(centered, {"x": X})
    with pytest.raises(vp.ParameterError, match="It takes test, witness, remainder"):
        vp.Requirement(centered)
    with pytest.raises(vp.ParameterError, match="missing a required argument: 'theorem'"):
        vp.Rule("a name")


@pytest.mark.parametrize(
    ("formula", "value"), [(lambda x: 1, 1), (lambda x: 0.1, sp.Rational(1, 10)), (lambda x: "2/n", "2/n")]
)
def test_a_formula_may_be_a_plain_number_or_a_text(formula, value):
    assert str(derived(formula=formula).result) == str(value)


def test_a_symbol_of_another_kind_in_a_formula_is_refused():
    with pytest.raises(vp.ParameterError, match=r"called v. Use varprop.symbol\('v'\)"):
        derived(vp.Variance(Y), formula=lambda x: sp.Symbol("v") * vp.Mean(x**2))


def test_a_rule_that_needs_itself_is_passed_by():
    same = replace(MINE, formula=variance)
    assert vp.derive(vp.Variance(X), rules=(same, *RULES)).result == sp.Rational(1, 12)
    with pytest.raises(vp.DerivationError, match="leads back to where it came from: 'second moment for"):
        vp.derive(vp.Variance(X), rules=(same,))


def means(noun, structure):
    if isinstance(noun, vp.Mean):
        yield {"x": noun.expression}


@pytest.mark.parametrize(
    "fields",
    [
        {"match": variances, "formula": lambda x: vp.Variance(x + 1)},
        {"match": means, "formula": lambda x: vp.Mean(x + U)},
    ],
)
def test_a_rule_that_always_needs_more_is_given_up(fields):
    noun = vp.Variance(X) if fields["match"] is variances else vp.Mean(X)
    with pytest.raises(vp.WorkLimitError, match="by 'second moment for variance'"):
        derived(noun, **fields)


def test_storage_never_takes_a_rule_for_another_one():
    namesake = replace(MINE, name=RULES[0].name)
    for rule in (RIGHT, namesake):
        whole = replace(rule, requirements=())
        assert pickle.loads(pickle.dumps(whole)) == whole != RULES[0]
        assert copy.deepcopy(rule) == rule
    assert pickle.loads(pickle.dumps(derived())).result == sp.Rational(1, 3)
