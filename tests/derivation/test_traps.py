"""Wrong numbers that a first version of such a library produces, each a test of its own."""

import numpy as np
import pytest
import sympy as sp

from varprop import (
    Axis,
    Covariance,
    DerivationError,
    Empirical,
    Equal,
    Mean,
    Moment,
    Normal,
    ParameterError,
    RandomVariable,
    RandomVector,
    StudentT,
    Uniform,
    Unknown,
    Variance,
    VarpropError,
    abs_,
    check,
    derive,
    dot,
    relu,
    step,
    sum_over,
    symbol,
)
from varprop.derivation.rules import RULES
from varprop.model.walks import replace_indices

n, m, v, t = (symbol(name) for name in "nmvt")


def equal(found, expected):
    return sp.simplify(found - expected) == 0


# A bound index also meets the named places.


def test_a_sum_meets_the_place_that_is_named():
    i = Axis("i", n)
    x = RandomVariable("x", Normal(), axes=i)
    (k,) = i.places(1)
    assert derive(Mean(sum_over(i, x) * x[k])).result == 1
    assert derive(Covariance(sum_over(i, x), x.at(i=0))).result == 1
    assert equal(derive(Moment(sum_over(i, x) * x[k], 2)).result, n + 2)


def test_the_diagonal_of_a_tied_net():
    axis = Axis("a", n)
    w = RandomVariable("W", Normal(variance=1 / n), axes=(axis, axis))
    (k,) = axis.places(1)
    square = sum_over(axis, w[k, axis] * w[axis, k])
    assert equal(derive(Mean(square)).result, 1 / n)
    # n - 1 products of variance 1/n^2 and one square of variance 2/n^2
    assert equal(derive(Variance(square)).result, (n + 1) / n**2)


def test_a_flip_of_one_place_is_no_flip_of_a_bound_one():
    i = Axis("i", 3)
    r = RandomVariable("r", "Rademacher()", axes=i)
    (k,) = i.places(1)
    e = r[k] * sum_over(i, r)
    # e = 1 + r_k (r_1 + r_2), its mean is 1, its third cumulant E[(r_k T)^3] = 0
    assert derive(Mean(e)).result == 1
    assert derive(Moment(e, 3)).result == 7


def test_the_trace_is_a_sum_over_a_diagonal():
    axis = Axis("a", n)
    w = RandomVariable("W", Unknown(mean="mu", variance=v), axes=(axis, axis))
    (k,) = axis.places(1)
    trace = sum_over(k, w[k, k])
    assert equal(derive(Mean(trace)).result, n * symbol("mu"))
    assert equal(derive(Variance(trace)).result, n * v)


# Sums rename their index; nothing is captured.


def test_the_backward_expression_of_two_layers():
    i, j = Axis("i", n), Axis("j", m)
    x = RandomVariable("x", Normal(), axes=i)
    w1 = RandomVariable("w1", Normal(variance=2 / n), axes=(j, i))
    w2 = RandomVariable("w2", Normal(variance=2 / m), axes=j)
    z = sum_over(i, w1 * x)
    # The sum over j outside holds z_j, whose sum over i is also outside: E (sum_i dy/dx_i)^2 = n 2/n
    gradient = sum_over(i, sum_over(j, w2 * step(z) * w1))
    assert equal(derive(Moment(gradient, 2)).result, 2)


def test_a_loss_gradient_holds_the_forward_sum_of_the_same_axis():
    j = Axis("j", 3)
    w = RandomVariable("w", Normal(), axes=j)
    x = RandomVariable("x", Normal(), axes=j)
    y = sum_over(j, w * x)
    # d (y^2/2) / dx_j = y w_j, summed over j: E (sum_j y w_j)^2 = E y^2 (sum w)^2
    total = sum_over(j, y * w)
    # E (sum w_j x_j)^2 (sum w_j)^2 = E sum_j w_j^2 (sum w)^2 = 3 (3 + 2)
    assert derive(Moment(total, 2)).result == 15


# The parity of the rest is that of the product.


def test_two_odd_factors_are_even_together():
    i, j = Axis("i", n), Axis("j", m)
    w = RandomVariable("w", Normal(variance=1), axes=(j, i))
    x = RandomVariable("x", Unknown(mean=1, atom_at_zero=False), axes=i)
    z = sum_over(i, w * x)
    (a, b) = i.places(2)
    proof = derive(Mean(step(z) * w[j, a] * w[j, b]))
    assert proof.result == 0
    assert derive(Mean(step(z) * w[j, a] ** 2)).result == sp.Rational(1, 2)


# A bias that forgets the unit axis is one number for the whole layer.


def two_units(shared):
    """Return a weighted sum of ReLU units with a random bias, and the product of two squared units."""
    i, j = Axis("i", 3), Axis("j", 3)
    x = RandomVariable("x", Uniform(0, 1), axes=i)
    w1 = RandomVariable("w1", "Rademacher()", axes=(j, i))
    b = RandomVariable("b", Uniform(-3, 3), axes=() if shared else j)
    h = relu(sum_over(i, w1 * x) + b)
    z = sum_over(j, RandomVariable("w2", Normal(), axes=j) * h)
    first, second = (replace_indices(h**2, {j.index: place}) for place in j.places(2))
    return z, Mean(first * second)


def test_a_shared_bias_keeps_the_variance_and_changes_the_fourth_moment():
    (own, pair), (shared, shared_pair) = two_units(False), two_units(True)
    # E relu^2 = (3 E x^2 + E b^2) / 2 = (1 + 3) / 2 in each of three units
    assert derive(Variance(own)).result == derive(Variance(shared)).result == 6
    derive(Moment(own, 4))
    # The flip of one unit's weights and bias moves all other units that share the bias.
    with pytest.raises(DerivationError, match=r"whatever .* is, which is unknown"):
        derive(Moment(shared, 4))
    claimed = derive(pair).result
    assert check(pair, equals=claimed, seed=5).verdict == "agrees"
    assert check(shared_pair, equals=claimed, seed=5).verdict == "disagrees"


# The weight of the story is the variable in the role of the weights.


@pytest.mark.parametrize("weights_first", [True, False])
def test_the_weights_are_the_weights_whatever_was_created_first(weights_first):
    i = Axis("i", n)

    def make(name, role):
        return RandomVariable(name, Normal(variance=1), axes=i, role=role)

    if weights_first:
        w, x = make("w", "weights"), make("x", "inputs")
    else:
        x, w = make("x", "inputs"), make("w", "weights")
    for z in (sum_over(i, w * x), sum_over(i, x * w)):
        proof = derive(Variance(z))
        assert "all w_i are independent of all x_i along i" in [str(a) for a in proof.assumptions]
        assert str(z) == "sum_i w_i*x_i"


# SymPy's calculus on a line that still holds a quantity.


def test_sympy_calculus_sees_a_quantity_as_an_atom():
    z = dot(weights=Normal(variance=1), inputs=Unknown(), fan_in=n)
    noun = Variance(z)
    line = noun / n
    assert n not in noun.free_symbols
    assert line.subs(n, 5) == noun / 5  # the n inside stays: specialize with vp.at
    assert sp.diff(noun, n) == 0
    assert sp.expand((line + 1) * n) == noun + n
    # The result is an ordinary expression.
    assert sp.limit(derive(noun).result / n, n, sp.oo) == 1


def test_quantities_survive_sympy():
    x, y = RandomVariable("x", Normal()), RandomVariable("y", Normal())
    a, b = Variance(x), Variance(y)
    assert sp.simplify((a**2 - b**2) / (a - b) - (a + b)) == 0
    assert sp.factor(a**2 + 2 * a * b + b**2) == (a + b) ** 2
    assert sp.solve(a * n - 1, n) == [1 / a]
    assert a == Variance(x) and a != b and hash(a) == hash(Variance(x))
    assert Variance(x).is_nonnegative
    assert Equal(a, -1).left == a  # sp.Eq would turn this into False at once
    with pytest.raises(Exception, match=r"."):
        sp.lambdify(n, a * n)(2) + 1.0


# n is not n.


def test_two_symbols_of_one_name_are_refused():
    other = sp.Symbol("n", positive=True, integer=True)
    with pytest.raises(ParameterError, match=r"symbol\('n'\) for both"):
        derive(Variance(dot(weights=Normal(variance=1 / other), inputs=Unknown(), fan_in="n")))
    with pytest.raises(ParameterError, match=r"symbol\('v'\)"):
        Normal(variance=sp.Symbol("v"))


# A float that comes from a table is no closed form.


def test_numbers_from_a_table_are_labelled():
    x = RandomVector("x", Empirical([[0.1, 0.7], [0.2, 0.9], [0.4, 0.1]]))
    for noun in (Mean(x.at(i=0) ** 2), Variance(dot(weights=Normal(), inputs=x)), Mean(relu(x.at(i=1)))):
        proof = derive(noun)
        assert proof.precision == "enclosure"
        assert proof.result.atoms(sp.Float)


def test_no_closed_form_holds_a_float(relu_net):
    for noun in (
        Variance(relu_net(2)),
        Moment(dot(weights="Normal(variance=0.3)", inputs="Uniform(0, 0.7)", fan_in=3), 4),
    ):
        proof = derive(noun)
        assert proof.precision == "closed form"
        assert not proof.result.atoms(sp.Float)


# Further traps.


def test_a_step_is_zero_where_a_whole_layer_is_dead():
    i = Axis("i", 4)
    h = RandomVariable("h", Normal(), axes=i)
    z = sum_over(i, RandomVariable("w", Normal(), axes=i) * relu(h))
    # P(z > 0) = (1 - 2^-4) / 2, not 1/2
    with pytest.raises(DerivationError, match="= 0"):
        derive(Mean(step(z)))


def test_an_even_function_needs_no_symmetry():
    u = RandomVariable("u", "Exponential(mean=1)")
    proof = derive(Mean(abs_(u * RandomVariable("y", "Uniform(0, 1)") - 1) ** 2))
    # E (uy - 1)^2 = E u^2 E y^2 - 2 E u E y + 1
    assert equal(proof.result, sp.Rational(2, 3) - 1 + 1)
    assert "symmetric" not in " ".join(str(a) for a in proof.assumptions)


def test_a_limit_lends_no_moment_that_does_not_exist():
    z = dot(weights=StudentT(3), inputs=Normal(), fan_in=n)
    for power in (3, 4):
        with pytest.raises(VarpropError):
            derive(Mean(relu(z) ** power))
    assert derive(Mean(relu(z))).validity == "limit, fan_in -> oo"


def test_the_kurtosis_of_a_constant_is_undefined():
    from varprop import Constant, Kurtosis, Skewness

    c = RandomVariable("c", Constant(2))
    for noun in (Kurtosis(c), Skewness(c), Kurtosis(0 * c + 3)):
        with pytest.raises(DerivationError, match="undefined"):
            derive(noun)


def test_an_activation_meets_a_number_where_places_coincide():
    axis = Axis("a", 3)
    x = RandomVariable("x", Normal(), axes=axis)
    (k,) = axis.places(1)
    for phi, at_zero in ((abs_, 0), (relu, 0), (step, 0)):
        proof = derive(Mean(sum_over(axis, phi(x - x[k] + 1))))
        one = derive(Mean(phi(x - x[k] + 1))).result
        # phi(1) = 1 at the place itself, and twice the mean of phi(N(1, 2))
        assert equal(proof.result, 1 + 2 * one)
        same = derive(Mean(sum_over(axis, phi(x - x[k]))))
        assert equal(same.result, at_zero + 2 * derive(Mean(phi(x - x[k]))).result)
        assert check(same, seed=4, budget=1).verdict == "agrees"


def test_the_variance_of_a_plain_sum_needs_no_weights():
    i = Axis("i", n)
    proof = derive(Variance(sum_over(i, RandomVariable("x", Unknown(mean="mu", variance=v), axes=i))))
    assert equal(proof.result, n * v)
    assert len(proof) == 2
    assert "Var[n]" not in str(proof)


def test_every_rule_of_a_refusal_is_known():
    with pytest.raises(DerivationError) as caught:
        derive(Mean(relu(RandomVariable("u", Unknown(mean=1)) + 1)))
    named = [rule.name for rule in RULES if f"'{rule.name}'" in str(caught.value)]
    assert named
    assert "rules=(rule, *vp.RULES)" in str(caught.value)


def test_a_table_of_dependent_columns_is_not_taken_apart():
    data = np.array([[1.0, 1], [2, 2], [4, 4]])
    x = RandomVector("x", Empirical(data))
    assert float(derive(Covariance(x.at(i=0), x.at(i=1))).result) == pytest.approx(14 / 9)
    assert float(derive(Variance(sum_over(x.axis, x))).result) == pytest.approx(4 * 14 / 9)
