"""solve: which variance keeps the variance, with its derivation."""

import pytest
import sympy as sp

from varprop import (
    Axis,
    DerivationError,
    Equal,
    Mean,
    Normal,
    ParameterError,
    RandomVariable,
    Uniform,
    Unknown,
    Variance,
    at,
    dot,
    neuron,
    relu,
    solve,
    symbol,
)

n, v, s, q = (symbol(name) for name in "nvsq")
PIXEL = RandomVariable("x", Uniform(0, 1))


def output(inputs, bias=None):
    return Variance(neuron(weights=Normal(variance=v), inputs=inputs, fan_in=n, bias=bias))


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (Equal(output(Unknown(variance=q)), Variance(RandomVariable("x", Unknown(variance=q)))), 1 / n),
        (Equal(output(Unknown()), 1), 1 / n),
        (Equal(output(relu(Normal())), 1), 2 / n),
        (Equal(output(Uniform(0, 1)), 1), 3 / n),
        (Equal(output(Uniform(0, 1)), Variance(PIXEL)), 1 / (4 * n)),
        (Equal(output(Unknown(), Normal(variance="1/2")), 1), 1 / (2 * n)),
    ],
)
def test_the_variance_that_is_asked_for(claim, expected):
    proof = solve(claim, v)
    assert sp.simplify(proof.result - expected) == 0
    assert proof.validity == "exact"
    assert len(proof) >= 3
    # What was solved for makes the claim true.
    left, right = proof.sides
    assert sp.simplify((left - right).subs(v, proof.result)) == 0


def test_the_unknown_may_be_a_name():
    assert solve(Equal(output(Unknown()), 1), unknown="v").result == 1 / n


def test_a_scale_is_found_as_the_positive_root():
    z = Normal(variance="s**2")
    claim = Equal(Variance(dot(weights=z, inputs="Unknown()", fan_in="n")), 1)
    assert sp.simplify(solve(claim, s).result - 1 / sp.sqrt(n)) == 0


def test_no_positive_solution_is_refused():
    with pytest.raises(DerivationError, match=r"one positive solution is needed, there is: none"):
        solve(Equal(output(Unknown(), Normal(variance=2)), 1), v)


def test_an_unknown_that_drops_out_is_named():
    with pytest.raises(ParameterError, match="s drops out"):
        solve(Equal(output(Unknown()), 1), s)


def test_only_claims_are_solved():
    with pytest.raises(ParameterError, match=r"vp\.Equal"):
        solve(output(Unknown()), v)
    with pytest.raises(ParameterError, match="no symbol"):
        solve(Equal(output(Unknown()), 1), 2)


def test_at_reaches_sizes_parameters_and_lines():
    z = dot(weights=Normal(variance=1 / n), inputs=Unknown(variance=q), fan_in=n)
    line = n * Variance(z) + q
    fixed = at(line, {n: 4, "q": 3})
    (noun,) = fixed.atoms(Variance)
    (w, x) = noun.expression.body.children
    assert (w.variable.axes[0].size, w.distribution, x.distribution) == (
        4,
        Normal(variance="1/4"),
        Unknown(variance=3),
    )
    assert fixed == 4 * noun + 3


def test_at_keeps_the_identity_of_variables():
    i = Axis("i", n)
    x = RandomVariable("x", Normal(variance=v), axes=i)
    assert at(x, {n: 4}) * at(x, {n: 4}) == at(x, {n: 4}) ** 2
    assert at(x, {n: 4}).variable.token == x.variable.token
    claim = at(Equal(Mean(x**2), v), {v: 2})
    assert str(claim) == "E[x_i**2] = 2"
