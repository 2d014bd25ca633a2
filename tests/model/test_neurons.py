"""dot and neuron: what stands for weights, inputs, bias and fan-in."""

import numpy as np
import pytest
from scipy import stats

from varprop import (
    Axis,
    Constant,
    Empirical,
    ExpressionError,
    Normal,
    Orthogonal,
    ParameterError,
    RandomVariable,
    RandomVector,
    Uniform,
    Unknown,
    dot,
    leaky_relu,
    neuron,
    relu,
    sum_over,
    symbol,
)
from varprop.model.variables import variables

n = symbol("n")
DATA = [[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]]


@pytest.mark.parametrize(
    ("weights", "inputs", "text"),
    [
        ("Normal(variance=1/n)", "Unknown()", "sum_i w_i*x_i"),
        (Normal(), relu(Normal()), "sum_i w_i*relu(h_i)"),
        ("Normal()", "relu(Normal())", "sum_i w_i*relu(h_i)"),
        (Normal(), leaky_relu("1/5")(relu(Uniform(-1, 2))), "sum_i w_i*leaky_relu(1/5)(relu(h_i))"),
        (stats.norm(0, 1), stats.uniform(0, 1), "sum_i w_i*x_i"),
    ],
)
def test_distributions_along_a_new_axis(weights, inputs, text):
    z = dot(weights=weights, inputs=inputs, fan_in="n")
    assert str(z) == text
    assert z.index.axis.size == n
    assert [variable.role for variable in variables(z)] == ["weights", "inputs"]


@pytest.mark.parametrize("fan_in", [5, np.int64(5), "5", "n", n, 2 * n])
def test_fan_in(fan_in):
    assert str(dot(weights=Normal(), inputs=Unknown(), fan_in=fan_in).index.axis.size) == str(fan_in)


@pytest.mark.parametrize("fan_in", [0, -1, 1.5, float("nan"), float("inf"), True, [5], "0", "n;", {}])
def test_bad_fan_in(fan_in):
    with pytest.raises(ValueError, match=r"fan_in|text|n;"):
        dot(weights=Normal(), inputs=Unknown(), fan_in=fan_in)


def test_fan_in_is_needed_and_says_so():
    with pytest.raises(ParameterError, match="fan_in=256"):
        dot(weights=Normal(), inputs=Unknown())


def test_a_table_brings_its_axis():
    x = RandomVector("x", Empirical(DATA))
    z = dot(weights=Normal(), inputs=x)
    assert z.index.axis == x.axis
    assert dot(weights=Normal(), inputs=x, fan_in=3).index.axis == x.axis
    assert str(dot(weights=Normal(), inputs=relu(x))) == "sum_i w_i*relu(x_i)"
    with pytest.raises(ParameterError, match="has 3 places"):
        dot(weights=Normal(), inputs=x, fan_in=4)


def test_an_orthogonal_matrix_brings_its_rows():
    matrix = RandomVector("W", Orthogonal(n))
    z = dot(weights=matrix, inputs=Unknown())
    assert z.index.axis == matrix.variable.axes[1]
    assert z.indices == {matrix.variable.axes[0].index}


def test_expressions_share_their_axis():
    i, j = Axis("i", 4), Axis("j", "m")
    w = RandomVariable("w", Normal(), axes=(j, i))
    x = RandomVariable("x", Normal(), axes=i)
    assert dot(weights=w, inputs=x) is sum_over(i, w * x)
    assert dot(weights=w, inputs=relu(x)) is sum_over(i, w * relu(x))


def test_each_call_makes_new_variables():
    first, second = (dot(weights=Normal(), inputs=Unknown(), fan_in=n) for _ in range(2))
    assert first != second
    assert not set(variables(first)) & set(variables(second))


@pytest.mark.parametrize(
    ("bias", "text"),
    [
        (None, "sum_i w_i*x_i"),
        ("Normal(variance=s)", "(sum_i w_i*x_i) + b"),
        (0.5, "(sum_i w_i*x_i) + 1/2"),
        (Constant(2), "(sum_i w_i*x_i) + 2"),
        ("3", "(sum_i w_i*x_i) + 3"),
        (0, "sum_i w_i*x_i"),
        (RandomVariable("c", Normal()), None),
    ],
)
def test_bias(bias, text):
    z = neuron(weights=Normal(), inputs=Unknown(), fan_in=n, bias=bias)
    assert str(z) == text if text else bias in z.children


@pytest.mark.parametrize(
    "law", [None, [1, 2], object(), "Nrmal()", "Normal(variance=-1)", "__import__('os')", 1j, True]
)
def test_what_is_no_distribution(law):
    for given in ({"weights": law, "inputs": Unknown()}, {"weights": Normal(), "inputs": law}):
        with pytest.raises(ValueError, match=r"."):
            dot(**given, fan_in=3)
    if law is not None:
        with pytest.raises(ValueError, match=r"."):
            neuron(weights=Normal(), inputs=Unknown(), fan_in=3, bias=law)


def test_a_joint_law_is_no_vector_yet():
    with pytest.raises(ParameterError, match=r"vp\.RandomVector"):
        dot(weights=Normal(), inputs=Empirical(DATA))


def test_inputs_that_do_not_vary():
    i = Axis("i", 4)
    with pytest.raises(ExpressionError, match="do not vary along i"):
        dot(weights=RandomVariable("w", Normal(), axes=i), inputs=RandomVariable("x", Normal()))
