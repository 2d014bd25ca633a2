"""Results that were worked out by hand or measured by simulation, as exact equalities."""

import pytest
import sympy as sp

from varprop import (
    Axis,
    CentralMoment,
    Covariance,
    Cumulant,
    DerivationError,
    Exponential,
    Kurtosis,
    LogNormal,
    Mean,
    Moment,
    MomentError,
    Normal,
    Orthogonal,
    RandomVariable,
    RandomVector,
    Rectified,
    Skewness,
    StudentT,
    Uniform,
    Unknown,
    Variance,
    abs_,
    derive,
    dot,
    leaky_relu,
    neuron,
    relu,
    step,
    sum_over,
    symbol,
)

n, m, v, s, k, mu = (symbol(name) for name in ("n", "m", "v", "s", "k", "mu"))
n0, n1, n2 = (symbol(f"n{index}") for index in range(3))
HALF = sp.Rational(1, 2)


def equal(found, expected):
    return sp.simplify(found - expected) == 0


def test_neuron_with_a_random_bias():
    proof = derive(
        Variance(
            neuron(weights="Normal(variance=1/n)", inputs="Unknown()", fan_in="n", bias="Normal(variance=s)")
        )
    )
    assert equal(proof.result, 1 + s)
    assert len(proof) == 4


def test_relu_inputs_need_twice_the_variance():
    z = dot(weights=Normal(variance=2 / n), inputs=relu(Normal(variance=1)), fan_in=n)
    proof = derive(Variance(z))
    assert (proof.result, proof.validity, proof.precision) == (1, "exact", "closed form")


def test_pixels_and_a_constant_bias():
    z = neuron(weights="Normal(variance=1/n)", inputs="Uniform(0, 1)", fan_in="n", bias=HALF)
    assert derive(Variance(z)).result == sp.Rational(1, 3)
    assert derive(Mean(z)).result == HALF


def test_weights_of_any_mean_on_pixels():
    z = dot(weights=Normal(mean=mu, variance=v), inputs="Uniform(0, 1)", fan_in="n")
    assert equal(derive(Variance(z)).result, n * (mu**2 + 4 * v) / 12)


@pytest.mark.parametrize("depth", [2, 3])
def test_relu_net_is_exact_at_every_width(relu_net, depth):
    proof = derive(Variance(relu_net(depth)))
    assert (proof.result, proof.validity) == (2, "exact")


def test_relu_net_with_a_random_symmetric_bias_per_unit(relu_net):
    def bias(*axes):
        return RandomVariable("b", Normal(variance=sp.Rational(1, 9)), axes=axes)

    # q_1 = 2 + s, q_(l+1) = q_l + s
    assert derive(Variance(relu_net(3, bias))).result == 2 + 3 * sp.Rational(1, 9)


@pytest.mark.parametrize("depth", [2, 3])
def test_a_constant_bias_breaks_the_symmetry_and_is_refused(relu_net, depth):
    with pytest.raises(DerivationError, match="symmetric about zero"):
        derive(Variance(relu_net(depth, lambda *axes: HALF)))


def test_skewed_first_weights_are_refused_in_three_layers(relu_net):
    skewed = Unknown(variance=2 / n0, symmetric=False, third_moment=1)
    with pytest.raises(DerivationError, match="symmetric about zero"):
        derive(Variance(relu_net(3, first=skewed, inputs="Uniform(0, 1)", widths=(3, 3, 3))))
    # A third moment that stays while the variance shrinks has no Gaussian limit either.
    with pytest.raises(DerivationError, match="symmetric about zero"):
        derive(Variance(relu_net(3, first=skewed, inputs="Uniform(0, 1)")))
    # Symmetric inputs make every unit of the first layer symmetric, whatever its weights.
    assert derive(Variance(relu_net(3, first=skewed))).result == 2


@pytest.mark.parametrize("inputs", [Unknown(fourth_moment=k), Unknown(symmetric=True, fourth_moment=k)])
def test_kurtosis_of_independent_inputs(inputs):
    z = dot(weights=Normal(variance=1 / n), inputs=inputs, fan_in=n)
    assert equal(derive(Kurtosis(z)).result, 3 + 3 * (k - 1) / n)


def test_kurtosis_with_one_shared_input():
    i = Axis("i", n)
    x = RandomVariable("x", Unknown(fourth_moment=k))
    z = sum_over(i, RandomVariable("w", Normal(variance=1 / n), axes=i) * x)
    proof = derive(Kurtosis(z))
    assert equal(proof.result, 3 * k)
    assert "independent copies" not in {line.rule.name for line in proof}


def test_fourth_moments_of_relu_nets(relu_net):
    assert equal(derive(Moment(relu_net(2), 4)).result, 12 * (n0 + 2) * (n1 + 5) / (n0 * n1))
    expected = 12 * (n0 + 2) * (n1 + 5) * (n2 + 5) / (n0 * n1 * n2)
    assert equal(derive(Moment(relu_net(3), 4)).result, expected)


@pytest.mark.parametrize("depth", [2, 3])
def test_kurtosis_of_relu_nets(relu_net, depth):
    expected = 3 * (1 + 2 / n0) * sp.prod([1 + 5 / width for width in (n1, n2)[: depth - 1]])
    assert equal(derive(Kurtosis(relu_net(depth))).result, expected)


def test_orthogonal_weights():
    matrix = RandomVector("W", Orthogonal(n))
    axis = matrix.variable.axes[1]
    z = sum_over(axis, matrix * RandomVariable("x", Unknown(mean=mu), axes=axis))
    assert equal(derive(Variance(z)).result, mu**2 + 1)


def test_kurtosis_with_orthogonal_weights_is_refused():
    matrix = RandomVector("W", Orthogonal(n))
    axis = matrix.variable.axes[1]
    z = sum_over(axis, matrix * RandomVariable("x", Normal(), axes=axis))
    with pytest.raises((DerivationError, MomentError), match=r"Orthogonal|W|fourth"):
        derive(Kurtosis(z))


def units(inputs, weights=None):
    """Return two units of one layer, which read the same inputs."""
    i, j = Axis("i", n0), Axis("j", m)
    w = RandomVariable("w", weights or Normal(variance=1 / n0), axes=(j, i))
    x = RandomVariable("x", inputs, axes=i)
    return tuple(sum_over(i, w[place, i] * x) for place in j.places(2))


def test_two_units_are_uncorrelated_but_their_squares_are_not():
    first, second = units(Unknown(fourth_moment=k))
    assert derive(Covariance(first, second)).result == 0
    assert equal(derive(Covariance(first**2, second**2)).result, (k - 1) / n0)
    assert equal(derive(Covariance(relu(first) ** 2, relu(second) ** 2)).result, (k - 1) / (4 * n0))


def test_means_of_two_relu_units():
    first, second = units(Unknown(fourth_moment=k), Normal(variance=v))
    proof = derive(Mean(relu(first) * relu(second)))
    assert equal(proof.result, n0 * v / (2 * sp.pi))
    assert proof.validity == "exact"
    assert equal(derive(Mean(relu(first) * relu(second) ** 3)).result, n0 * v**2 * (k + n0 - 1) / sp.pi)


def test_mean_of_one_relu_unit_is_a_limit():
    first, _ = units(Unknown())
    proof = derive(Mean(relu(first)))
    assert equal(proof.result, 1 / sp.sqrt(2 * sp.pi))
    assert proof.validity == "limit, fan_in -> oo"


def test_mean_of_one_relu_unit_of_known_width_is_refused():
    z = dot(weights=Normal(variance=1), inputs=Unknown(), fan_in=5)
    with pytest.raises(DerivationError, match="no rule covers"):
        derive(Mean(relu(z)))


def test_covariance_of_relu_units_needs_the_odd_moment():
    z1, z2 = (dot(weights=Normal(variance=1), inputs=Unknown(), fan_in=5) for _ in range(2))
    with pytest.raises(DerivationError):
        derive(Covariance(relu(z1), relu(z1) * z2**2))


def test_gradient_of_three_layers():
    i, j, h = Axis("i", n0), Axis("j", n1), Axis("h", n2)
    x = RandomVariable("x", Normal(), axes=i)
    w1 = RandomVariable("w1", Normal(variance=2 / n0), axes=(j, i))
    w2 = RandomVariable("w2", Normal(variance=2 / n1), axes=(h, j))
    w3 = RandomVariable("w3", Normal(variance=2 / n2), axes=h)
    (place,) = i.places(1)
    z1 = sum_over(i, w1 * x)
    z2 = sum_over(j, w2 * relu(z1))
    above = sum_over(h, w3 * step(z2) * w2)
    gradient = sum_over(j, above * step(z1) * w1[j, place])
    assert equal(derive(Moment(gradient, 2)).result, 2 / n0)
    assert derive(Mean(gradient)).result == 0


def test_tied_weights_used_twice():
    axis = Axis("a", n)
    w = RandomVariable("W", Normal(variance=1 / n), axes=(axis, axis))
    x = RandomVariable("x", Normal(), axes=axis)
    a, b, c = axis.places(3)
    y = sum_over(b, w[c, b] * sum_over(a, w[b, a] * x[a]))
    assert equal(derive(Moment(y, 2)).result, 1 + 2 / n**2)


def test_high_moments_of_one_sum():
    z = dot(weights=Normal(variance=1 / n), inputs=Normal(), fan_in=n)
    # |x|^2 is chi-squared with n degrees of freedom: E |x|^6 = n (n+2)(n+4), and E N^6 = 15, E N^8 = 105
    assert equal(derive(Moment(z, 6)).result, 15 * (n + 2) * (n + 4) / n**2)
    assert equal(derive(Moment(z, 8)).result, 105 * (n + 2) * (n + 4) * (n + 6) / n**3)


def test_cumulants_and_skewness_add():
    z = dot(weights=Exponential(mean=1), inputs=Uniform(0, 1), fan_in=n)
    # one term e = w x: E e = 1/2, E e^2 = 2/3, E e^3 = 6/4
    third = sp.Rational(6, 4) - 3 * HALF * sp.Rational(2, 3) + 2 * HALF**3
    second = sp.Rational(2, 3) - HALF**2
    assert equal(derive(Cumulant(z, 3)).result, n * third)
    assert equal(derive(CentralMoment(z, 3)).result, n * third)
    assert equal(derive(Skewness(z)).result, third / second ** sp.Rational(3, 2) / sp.sqrt(n))


def test_goodman_product_of_two_with_means():
    w = RandomVariable("w", Normal(mean=mu, variance=v))
    x = RandomVariable("x", Unknown(mean=m, variance=s))
    assert equal(derive(Variance(w * x)).result, v * s + mu**2 * s + m**2 * v)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [(relu, HALF), (leaky_relu("a"), (1 + symbol("a") ** 2) / 2), (abs_, 1)],
)
def test_even_parts_of_homogeneous_activations(activation, expected):
    i, j = Axis("i", n), Axis("j", m)
    w1 = RandomVariable("w1", Normal(variance=1 / n), axes=(j, i))
    w2 = RandomVariable("w2", Unknown(variance=1 / m), axes=j, role="weights")
    z = sum_over(j, w2 * activation(sum_over(i, w1 * RandomVariable("x", Normal(), axes=i))))
    assert equal(derive(Variance(z)).result, expected)


def test_a_moment_that_does_not_exist_is_named():
    z = dot(weights=StudentT(3), inputs=Normal(), fan_in=n)
    assert equal(derive(Variance(z)).result, 3 * n)
    with pytest.raises(MomentError, match=r"X\^[34] of StudentT.*does not exist"):
        derive(Moment(z, 4))
    with pytest.raises(MomentError, match=r"X\^[34] of StudentT.*does not exist"):
        derive(Mean(relu(z) ** 4))  # nor does the Gaussian limit lend one


def test_a_moment_that_was_not_declared_names_its_keyword():
    z = dot(weights=Unknown(), inputs=Normal(), fan_in=n)
    with pytest.raises(MomentError, match="fourth_moment="):
        derive(Kurtosis(z))


def test_heavy_but_finite_moments_are_exact():
    z = dot(weights=LogNormal(0, 1), inputs=Rectified(Normal()), fan_in=3)
    # E w^2 = e^2, E w = sqrt(e); E relu^2 = 1/2, E relu = 1/sqrt(2 pi)
    expected = 3 * (sp.exp(2) / 2 - sp.E / (2 * sp.pi))
    assert equal(derive(Variance(z)).result, expected)


def test_the_first_cumulant_is_the_mean_also_of_a_constant():
    x = RandomVariable("x", Normal(mean=mu))
    assert equal(derive(Cumulant(2 * x + 3, 1)).result, 2 * mu + 3)
    assert [derive(Cumulant(x - x + 3, order)).result for order in (1, 2, 3)] == [3, 0, 0]
