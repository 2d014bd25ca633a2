"""Proofs as objects: length, assumptions, labels, lemmas, remainders, and bounded work."""

import numpy as np
import pytest
import scipy.stats
import sympy as sp

import varprop as vp
from varprop import (
    Axis,
    Covariance,
    Empirical,
    Kurtosis,
    Mean,
    Moment,
    Normal,
    RandomVariable,
    RandomVector,
    Uniform,
    Unknown,
    Variance,
    WorkLimitError,
    derive,
    dot,
    neuron,
    relu,
    sum_over,
    symbol,
)
from varprop.derivation.quantities import nouns

n, v = symbol("n"), symbol("v")
CALLS = 20_000_000


def sentences(proof):
    return [str(assumption) for assumption in proof.assumptions]


@pytest.fixture
def he():
    """Return the proof of He's result: the script of the documentation."""
    i = Axis("i", n)
    w = RandomVariable("w", Normal(variance=2 / n), axes=i)
    h = RandomVariable("h", Normal(variance=1), axes=i)
    return derive(Variance(sum_over(i, w * relu(h))))


def test_the_neuron_takes_at_most_six_lines():
    bias = "Normal(variance=s)"
    z = neuron(weights="Normal(variance=1/n)", inputs="Unknown()", fan_in="n", bias=bias)
    assert len(derive(Variance(z))) <= 6


def test_only_the_assumptions_that_were_used(he):
    assert sentences(he) == [
        "w_i has mean zero",
        "the w_i are uncorrelated along i",
        "all w_i along i have one variance",
        "all w_i are independent of all relu(h_i) along i",
        "relu(h_i)**2 has one law at every place along i",
        "h_i is symmetric about zero, by the signs of h",
    ]


def test_neither_normality_nor_independent_inputs_are_assumed(he):
    text = " ".join(sentences(he))
    assert "normal" not in text
    assert "the h_i are" not in text
    assert {line.rule.limit for line in he} == {""}


def test_lines_lead_from_the_goal_to_the_result(he):
    line = he.goal
    for step in he:
        assert step.before == line
        assert step.after == step.before.xreplace({claim.left: claim.right for claim in step.claims})
        line = step.after
    assert not nouns(line)
    assert sp.simplify(line - he.result) == 0


def test_every_claim_is_about_a_quantity_that_its_line_holds(he):
    for step in he:
        assert step.claims
        assert {claim.left for claim in step.claims} <= set(nouns(step.before))


def derived(proof):
    """Return the quantities that rules other than values were applied to, in the order of the lines."""
    return [claim.left for step in proof if not step.rule.is_value for claim in step.claims]


def test_each_quantity_is_derived_once(relu_net):
    found = derived(derive(Kurtosis(relu_net(3))))
    assert len(found) == len(set(found)) > 20


def test_a_lemma_stands_before_its_use(relu_net):
    proof = derive(Kurtosis(relu_net(3)))
    subjects = list(dict.fromkeys(step.subject for step in proof))
    assert subjects[-1] == proof.goal
    assert len(subjects) > 3
    for lemma in subjects[:-1]:
        own = [k for k, step in enumerate(proof) if step.subject == lemma]
        used = [k for k, step in enumerate(proof) if step.subject != lemma and lemma in nouns(step.after)]
        assert own == list(range(own[0], own[-1] + 1))
        assert min(used) > own[-1]


def test_without_each_assumption_there_is_a_term_or_a_counterexample(he):
    without = {w.assumption.kind: w for step in he for w in step.without}
    assert without["zero mean"].remainder is not None
    assert without["no correlation"].remainder is not None
    assert without["sign symmetry"].remainder is not None
    for kind in ("independence", "one variance", "places alike"):
        other = without[kind].counterexample
        assert other.truth != other.formula


def test_remainders_complete_the_line_when_a_mean_is_not_zero():
    i = Axis("i", n)
    w = RandomVariable("w", Normal(variance=v), axes=i)
    x = RandomVariable("x", Unknown(mean="mu"), axes=i)
    (first, *_) = derive(Variance(sum_over(i, w * x))).steps
    kept = {w.assumption.kind: w.remainder for w in first.without}
    # E[w]^2 Var[sum x] and n (n-1) Cov[w_1, w_2] E[x_1 x_2]
    assert str(kept["zero mean"]) == "E[w_i]**2*Var[sum_i x_i]"
    assert "Cov[" in str(kept["no correlation"])


@pytest.fixture
def table():
    """Return a small table with dependent columns of different means."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + np.arange(5)


def test_a_real_table_gives_an_enclosure_never_a_closed_form(table):
    x = RandomVector("x", Empirical(table))
    proof = derive(Variance(dot(weights=Normal(variance=v), inputs=x)))
    assert (proof.validity, proof.precision) == ("exact", "enclosure")
    expected = (table**2).mean(axis=0).sum()
    assert float(proof.result / v) == pytest.approx(expected, rel=1e-13)
    assert len(proof) <= 3


def test_a_column_of_a_table_keeps_its_precision(table):
    x = RandomVector("x", Empirical(table))
    proof = derive(Mean(x.at(i=3)))
    assert proof.precision == "enclosure"
    assert float(proof.result) == pytest.approx(table[:, 3].mean(), rel=1e-13)
    pair = derive(Covariance(x.at(i=0), x.at(i=2)))
    assert pair.precision == "enclosure"
    assert float(pair.result) == pytest.approx(np.cov(table.T, bias=True)[0, 2], rel=1e-10)


def test_a_relu_net_on_a_table(table):
    x = RandomVector("x", Empirical(table))
    j = Axis("j", "m")
    w1 = RandomVariable("w1", Normal(variance=v), axes=(j, x.axis))
    w2 = RandomVariable("w2", Normal(variance=2 / j.size), axes=j)
    proof = derive(Variance(sum_over(j, w2 * relu(sum_over(x.axis, w1 * x)))))
    assert float(proof.result / v) == pytest.approx((table**2).mean(axis=0).sum(), rel=1e-13)
    assert (proof.validity, proof.precision) == ("exact", "enclosure")


def test_scipy_inputs_give_an_estimate():
    z = dot(weights=Normal(variance=1 / n), inputs=scipy.stats.beta(2, 3), fan_in=n)
    proof = derive(Variance(z))
    assert proof.precision == "estimate"
    assert float(proof.result) == pytest.approx(0.04 + 0.16)


def test_a_float_enters_as_the_decimal_it_prints():
    proof = derive(Variance(RandomVariable("w", Normal(variance=0.1)) * RandomVariable("x", Uniform(0, 0.3))))
    assert proof.result == sp.Rational(1, 10) * sp.Rational(3, 100)
    assert proof.precision == "closed form"


@pytest.fixture
def within(at_most):
    def run(work):
        with at_most(CALLS):
            return work()

    return run


def residual(blocks):
    """Return h + sum_j w2 relu(sum_i w1 h), block after block."""
    i = Axis("i", "n")
    h = RandomVariable("x", Normal(), axes=i)
    for _ in range(blocks):
        j = Axis("j", "m")
        w1 = RandomVariable("w1", Normal(variance=1 / i.size), axes=(j, i), role="weights")
        w2 = RandomVariable("w2", Normal(variance=2 / j.size), axes=(i, j), role="weights")
        h = h + sum_over(j, w2 * relu(sum_over(i, w1 * h)))
    return h


def test_twenty_residual_blocks(within):
    proof = within(lambda: derive(Variance(residual(20))))
    assert proof.result == 2**20
    found = derived(proof)
    assert len(found) == len(set(found))


def test_a_hundred_dense_layers(within):
    axis = Axis("i", "n")
    h = RandomVariable("x", Normal(), axes=axis)
    for _ in range(100):
        above = Axis("i", "n")
        h = relu(sum_over(axis, RandomVariable("w", Normal(variance=2 / n), axes=(above, axis)) * h))
        axis = above
    z = sum_over(axis, RandomVariable("w", Normal(variance=1 / n), axes=axis) * h)
    assert within(lambda: derive(Variance(z)).result) == 1


def test_ten_thousand_terms(within):
    law = Normal(variance=2)
    total = sum(RandomVariable(f"x{k}", law) for k in range(10_000))
    assert within(lambda: derive(Variance(total)).result) == 20_000


def test_sixty_factors(within):
    factors = [RandomVariable(f"x{k}", Normal(mean=1, variance=2)) for k in range(60)]
    e = sp.prod(factors)
    assert within(lambda: derive(Variance(e)).result) == 3**60 - 1
    assert within(lambda: derive(Moment(e, 4)).result) == (1 + 6 * 2 + 3 * 4) ** 60


def test_ten_thousand_levels(within):
    e = RandomVariable("x", Normal())
    for _ in range(10_000):
        e = 2 * e if e.depth % 2 else e + 1
    proof = within(lambda: derive(Variance(e)))
    assert proof.result == 4 ** sum(1 for _ in range(0, 10_000, 2))


@pytest.mark.parametrize("power", [40, 100, 1000])
def test_a_power_that_is_too_large_states_its_bound(power, within):
    z = dot(weights=Normal(variance=1 / n), inputs=Normal(), fan_in=n)
    with pytest.raises(WorkLimitError, match="more than 3000 terms"):
        within(lambda: derive(Moment(z, power)))


@pytest.mark.parametrize("powers", [(27,), (9, 9), (13, 13)], ids=str)
def test_powers_that_are_too_large_together_are_named_as_asked(powers, within):
    i = Axis("i", n)
    x = RandomVariable("x", "Uniform(0, 1)", axes=i)
    sums = [sum_over(i, x ** (k + 1)) for k in range(len(powers))]
    noun = Mean(sp.prod([base**power for base, power in zip(sums, powers, strict=True)]))
    with pytest.raises(WorkLimitError) as refused:
        within(lambda: derive(noun))
    assert f"the power {' + '.join(map(str, powers))} of a sum" in str(refused.value)


def test_a_power_of_many_terms_states_its_bound(within):
    total = sum_over(Axis("i", 3), 1)
    terms = [RandomVariable(f"x{k}", "Exponential(mean=1)") for k in range(15)]
    flat = terms[0] + terms[1] + total
    for term in terms[2:]:
        flat = flat + term
    i = Axis("i", n)
    many = sp.Integer(1) * sum_over(i, RandomVariable("x", Unknown(mean=1), axes=i))
    with pytest.raises(WorkLimitError, match="more than 3000 terms"):
        within(lambda: derive(Mean((flat + many) ** 40)))


def test_derivations_steps_and_solutions_are_hashable():
    z = vp.dot(weights="Normal(variance=v)", inputs="Normal()", fan_in="n")
    proof, again = vp.derive(vp.Variance(z)), vp.derive(vp.Variance(z))
    assert proof == again
    assert hash(proof) == hash(again)
    assert {proof, again} == {proof}
    assert len({*proof.steps, *again.steps}) == len(proof)
    assert len({vp.solve(vp.Equal(vp.Variance(z), 1), "v") for _ in range(2)}) == 1


def test_nothing_is_said_of_factors_that_are_not_there():
    i = vp.Axis("i", "n")
    proof = vp.derive(vp.Variance(vp.sum_over(i, vp.RandomVariable("x", "Normal()", axes=i))))
    text = str(proof)
    assert "independent of all" not in text and "E[1]" not in text and "add 0" not in text
    assert "without zero mean: nothing changes here" in text
    assert len(proof.assumptions) == len(proof.steps[0].without) == 3


def test_places_of_unknown_variables_may_depend_where_no_step_minds():
    i, x = vp.Axis("i", "n"), vp.Unknown(mean=0, variance=1)
    weak = vp.derive(vp.Variance(vp.neuron(weights=vp.Normal(), inputs=x, fan_in="n")))
    assert "x_i ~ Unknown(mean=0, variance=1), along i = 1..n, dependent or not" in str(weak)
    total = vp.sum_over(i, vp.RandomVariable("x", vp.Unknown(third_moment=0, fourth_moment=9), axes=i))
    assert ", independent along i = 1..n" in " ".join(str(vp.derive(vp.Kurtosis(total))).split())
