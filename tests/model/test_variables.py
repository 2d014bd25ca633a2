"""Random variables: identity, axes, slots and values for symbols."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from scipy import stats

from varprop import (
    Axis,
    Empirical,
    ExpressionError,
    Normal,
    Orthogonal,
    ParameterError,
    RandomVariable,
    RandomVector,
    Uniform,
    symbol,
)
from varprop.model.variables import variables

n = symbol("n")


def test_two_variables_of_one_name_are_two():
    a, b = RandomVariable("w", Normal()), RandomVariable("w", Normal())
    assert a != b and a is not b
    assert str(a * b) == "w*w'"
    assert str(a * a) == "w**2"
    assert a * a is a**2


def test_identity_survives_copies_and_pickles():
    i = Axis("i", n)
    w = RandomVariable("w", Normal(variance=1 / n), axes=i, role="weights")
    for other in (copy.copy(w), copy.deepcopy(w), pickle.loads(pickle.dumps(w)), copy.deepcopy([w, i])[0]):
        assert other is w
    pair = pickle.loads(pickle.dumps((w, RandomVariable("w", Normal(), axes=i))))
    assert pair[0] is w and pair[1] is not w


def test_identity_survives_another_process():
    code = (
        "import pickle, sys; from varprop import *; x = RandomVariable('x', Normal());"
        "sys.stdout.buffer.write(pickle.dumps((x, x + RandomVariable('x', Normal()))))"
    )
    data = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    x, total = pickle.loads(data)
    assert x in total.children
    assert [v.name for v in variables(total)] == ["x", "x"]
    # The first variable of this process is not the first one of the other.
    ours = RandomVariable("x", Normal())
    assert ours not in total.children and ours != x


def test_equal_distributions_do_not_make_equal_variables():
    i = Axis("i", 3)
    a, b = (RandomVariable("w", "Normal(variance=0.5)", axes=i) for _ in range(2))
    assert a.distribution == b.distribution == Normal(variance=sp.Rational(1, 2))
    assert a != b


@pytest.mark.parametrize("law", ["Normal(variance=1/n)", stats.norm(0, 2), 3, Uniform(0, 1)])
def test_what_stands_for_a_distribution(law):
    assert RandomVariable("x", law).distribution.mean is not None


def test_indexing():
    i, j = Axis("i", 4), Axis("j", n)
    w = RandomVariable("w", Normal(), axes=(j, i))
    a, b = j.places(2)
    assert str(w[a, 3]) == "w[j1,3]"
    assert w[j, i] is w
    assert w[a, i] is not w[b, i]
    assert w[a, i].indices == {a, i.index}
    assert w.at(i=2) is w[j, 2]
    with pytest.raises(ExpressionError, match="it has 2 axes, not 1"):
        w[a]
    with pytest.raises(ExpressionError, match="is not its axis"):
        w[i, j]
    with pytest.raises(ExpressionError, match="0 to 3"):
        w[a, 4]
    with pytest.raises(ExpressionError, match="no single free index k"):
        w.at(k=0)


def test_two_slots_on_one_axis_need_places():
    axis = Axis("a", n)
    w = RandomVariable("W", Normal(), axes=(axis, axis))
    for use in (lambda: w * 2, lambda: w + 1, lambda: w**2, lambda: -w):
        with pytest.raises(ExpressionError, match=r"Write W\[a, b\]"):
            use()
    a, b = axis.places(2)
    assert w[a, b] is not w[b, a]
    assert w[a, a].indices == {a}
    assert str(w[axis, axis] * 2) == "2*W_aa"


def test_the_single_axis():
    i = Axis("i", 4)
    assert RandomVariable("w", Normal(), axes=i).axis == i
    with pytest.raises(ExpressionError, match="0 axes"):
        RandomVariable("b", Normal()).axis


def test_random_vectors():
    data = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    x = RandomVector("x", Empirical(data))
    assert x.axis.size == 3 and isinstance(x, RandomVector)
    own = Axis("p", 3)
    assert RandomVector("x", Empirical(data), axes=own).axis == own
    assert RandomVector("u", Uniform(0, 1), size=n).axis.size == n
    assert RandomVector("q", Orthogonal(n)).variable.axes[0].size == n
    with pytest.raises(ParameterError, match="not those of"):
        RandomVector("x", Empirical(data), axes=Axis("p", 4))
    with pytest.raises(ParameterError, match="its size is missing"):
        RandomVector("u", Uniform(0, 1))


def test_tables_of_equal_data_are_two_vectors():
    data = np.array([[1.0, 2.0], [4.0, 5.0]])
    x, y = RandomVector("x", Empirical(data)), RandomVector("x", Empirical(data))
    assert x.distribution == y.distribution
    assert x != y
    data[0, 0] = 100
    assert x.distribution.data[0, 0] == 1


def test_a_variable_keeps_its_token_at_values():
    i = Axis("i", n)
    w = RandomVariable("w", Normal(variance=1 / n), axes=i)
    at_four = w.at({n: 4})
    assert at_four.variable.token == w.variable.token
    assert at_four.distribution == Normal(variance=sp.Rational(1, 4))
    assert at_four.axis.size == 4
    assert w.at({"n": 4}) is at_four
    with pytest.raises(ParameterError, match=r"a value for m: it does not occur in w_i.*in it are: n"):
        w.at({"m": 4})


def test_weights_come_first():
    x = RandomVariable("x", Normal(), role="inputs")
    w = RandomVariable("w", Normal(), role="weights")
    b = RandomVariable("b", Normal(), role="bias")
    assert str(x * w) == "w*x"
    assert str(b * x * w) == "w*x*b"


@pytest.mark.parametrize("name", ["", "2x", "w w", None, 3, "x'"])
def test_bad_names(name):
    with pytest.raises(ParameterError, match="not a name"):
        RandomVariable(name, Normal())


@pytest.mark.parametrize("axes", ["i", 3, [3], (Axis("i", 2), "j"), None])
def test_bad_axes(axes):
    with pytest.raises(ParameterError, match="Axis"):
        RandomVariable("x", Normal(), axes=axes)
