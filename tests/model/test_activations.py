"""Activations as objects: what they accept, and distributions of activated variables."""

import numpy as np
import pytest
import sympy as sp

from varprop import (
    Activation,
    Axis,
    Mean,
    MomentError,
    Normal,
    ParameterError,
    RandomVariable,
    Transformed,
    Unknown,
    Variance,
    VarpropError,
    celu,
    derive,
    dot,
    elu,
    hardtanh,
    leaky_relu,
    prelu,
    relu,
    step,
    symbol,
)
from varprop.model.expressions import Scalar


class Softsign(Activation):
    """An activation of a user: x / (1 + |x|)."""

    name = "softsign"
    growth = 0

    @property
    def parity(self):
        return "odd"

    def value(self, x):
        return x / (1 + np.abs(x))

    def derivative(self, x):
        return 1 / (1 + np.abs(x)) ** 2


def test_an_activation_of_a_user():
    phi = Softsign()
    i = Axis("i", "n")
    z = dot(weights=Normal(), inputs=Unknown(), fan_in="n")
    assert derive(Mean(phi(z))).result == 0  # odd
    with pytest.raises(VarpropError):
        derive(Mean(phi(z) ** 2))
    with pytest.raises(MomentError, match="no closed form"):
        phi.moment(2, Normal())
    w = RandomVariable("w", Normal(variance=symbol("v")), axes=i)
    assert phi(w) is phi(w)
    np.testing.assert_allclose(phi([1.0, -3.0]), [0.5, -0.75])


@pytest.mark.parametrize("x", ["text", None, object(), {}, [1, "a"], 1j, "1.5", [[1], [2, 3]]])
def test_what_is_no_argument(x):
    with pytest.raises(ParameterError, match="relu"):
        relu(x)


def test_a_constant_is_no_random_argument():
    with pytest.raises(ParameterError, match="it is not random"):
        relu(Scalar(2))


def test_a_variable_without_places_is_no_argument():
    axis = Axis("a", 3)
    with pytest.raises(VarpropError, match="two slots"):
        relu(RandomVariable("W", Normal(), axes=(axis, axis)))


@pytest.mark.parametrize("slope", [float("nan"), float("inf"), "x y", None, 1j, True, {0.1}])
def test_bad_slopes(slope):
    with pytest.raises(ValueError, match=r"."):
        leaky_relu(slope)


def test_transformed_distributions():
    law = relu(Normal(variance=4))
    assert isinstance(law, Transformed)
    assert (law.moment(2), law.variance) == (2, 2 - 4 / (2 * sp.pi))
    assert law == relu(Normal(variance=4)) and hash(law) == hash(relu(Normal(variance=4)))
    assert str(law) == "relu(Normal(variance=4))"
    assert law.at({"v": 3}) == law
    assert relu(Normal(variance="v")).at({symbol("v"): sp.Integer(4)}) == law
    assert relu(Normal(variance="v")).free_symbols == {symbol("v")}
    assert relu(Normal(variance="v")).moment_exists(3)


def test_a_transformed_distribution_and_an_expression_agree():
    x = RandomVariable("x", Normal(mean=1, variance=2))
    law = relu(Normal(mean=1, variance=2))
    assert sp.simplify(derive(Variance(relu(x))).result - law.variance) == 0
    assert sp.simplify(derive(Mean(step(x))).result - step.moment(1, Normal(mean=1, variance=2))) == 0
    whole = RandomVariable("y", law)
    assert sp.simplify(derive(Variance(whole)).result - law.variance) == 0


@pytest.mark.parametrize("family", [leaky_relu, prelu, elu, celu, hardtanh])
def test_a_family_is_applied_to_arrays_as_relu_is_and_numbers_are_its_parameters(family):
    values = [-2.0, 0.0, 3.0]
    for given in (values, tuple(values), np.array(values), np.array([values], dtype=np.float32)):
        assert np.array_equal(family(given), family()(given))
        assert np.shape(family(given)) == np.shape(relu(given))
    assert isinstance(family(0.5), Activation)
    with pytest.raises(ParameterError, match="it is no number, array"):
        family(["a", "b"])


def test_a_number_given_to_clip_is_told_to_be_a_bound():
    with pytest.raises(ParameterError, match=r"hardtanh\(\)\(x\) clips x"):
        hardtanh(3.0)
    assert hardtanh()(3.0) == 1
