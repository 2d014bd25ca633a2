"""The algebra: interning, grouping, powers, sums that rename, deep and large expressions."""

import copy
import gc
import pickle
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp

from varprop import Axis, ExpressionError, Normal, ParameterError, RandomVariable, relu, sum_over, symbol
from varprop.model.expressions import Add, Product, Scalar, SumOver, as_expression
from varprop.model.walks import replace_indices, walk

n = symbol("n")
X, Y, Z = (RandomVariable(name, Normal()) for name in "xyz")
ROW = Axis("i", n)
W = RandomVariable("w", Normal(), axes=ROW)
V = RandomVariable("v", Normal(), axes=ROW)


def test_one_structure_is_one_object():
    assert X * Y is Y * X
    assert X + Y is Y + X
    assert X * X is X**2
    assert (X * Y) * Z is X * (Z * Y)
    assert relu(X * Y) is relu(Y * X)
    assert 2 * X is X * 2 is X + X
    assert (X * Y) ** 3 is X**3 * Y**3
    assert (X**2) ** 3 is X**6


def test_numbers_are_collected():
    assert X - X is Scalar(0)
    assert 0 * X is Scalar(0)
    assert X / 2 + X / 2 is X
    assert -1 * (-X) is X
    assert X**0 is Scalar(1)
    assert 3 - X is -1 * X + 3
    assert X * n / n is X
    assert X * "1/2" is X / 2
    assert 0.1 * X is X / 10
    assert np.float64(0.5) * X is X / 2
    assert X + 1 - 1 is (X + 1) - 1


def test_sums_keep_the_grouping_they_were_given():
    total = X + (Y + Z)
    assert isinstance(total, Add)
    assert total.terms == (X, Y + Z)
    assert total is not (X + Y) + Z
    assert (X + Y) * Z is not X * Z + Y * Z
    assert ((X + Y) ** 2).factors == ((X + Y, 2),)


def test_alpha_equivalent_sums_are_one_object():
    j = Axis("j", n)
    first, second = ROW.places(2)
    assert (
        sum_over(ROW, W * V)
        is sum_over(first, W[first] * V[first])
        is sum_over(second, W[second] * V[second])
    )
    nested = sum_over(ROW, W * sum_over(ROW, V))
    assert nested is sum_over(first, W[first] * sum_over(second, V[second]))
    w = RandomVariable("w", Normal(), axes=(j, ROW))
    assert sum_over(j, sum_over(ROW, w)) is not sum_over(ROW, sum_over(j, w))


def test_a_sum_of_what_does_not_vary_counts():
    assert sum_over(ROW, X) is n * X
    assert sum_over(ROW, 3) is Scalar(3 * n)
    assert sum_over(Axis("j", 5), W) is 5 * W
    assert sum_over(ROW, sum_over(ROW, W)) is n * sum_over(ROW, W)  # the inner sum has no free place left


def test_nothing_is_captured():
    inner = sum_over(ROW, V)
    outer = sum_over(ROW, W * inner)
    assert isinstance(outer, SumOver)
    # The outer index is not that of the inner sum.
    (index,) = {
        i for node in walk(outer) if isinstance(node, SumOver) for i in (node.index,) if node is outer
    }
    assert index not in {node.index for node in walk(outer.body) if isinstance(node, SumOver)}
    place = ROW.places(1)[0]
    opened = outer.opened(place)
    assert opened is W[place] * inner
    # Putting a place into an expression with a sum over the same axis leaves that sum alone.
    assert replace_indices(W * inner, {ROW.index: place}) is W[place] * inner
    assert sum_over(ROW, inner * W) is outer
    triple = sum_over(ROW, W * sum_over(ROW, V * sum_over(ROW, W * V)))
    assert len({node.index for node in walk(triple) if isinstance(node, SumOver)}) == 3


def test_free_indices():
    (k,) = ROW.places(1)
    assert (W * V[k]).indices == {ROW.index, k}
    assert sum_over(ROW, W * V[k]).indices == {k}
    assert sum_over(k, W * V[k]).indices == {ROW.index}
    with pytest.raises(ExpressionError, match="one fixed place"):
        sum_over(ROW.at(0), W)


def test_values_for_symbols_reach_every_part():
    v = symbol("v")
    w = RandomVariable("w", Normal(variance=v / n), axes=ROW)
    e = relu(n * sum_over(ROW, w * V)) + v
    fixed = e.at({n: 4, v: "1/2"})
    nodes = list(walk(fixed))
    assert not any(node.value.free_symbols for node in nodes if isinstance(node, Scalar))
    assert not any(node.coefficient.free_symbols for node in nodes if isinstance(node, Product))
    assert {node.index.axis.size for node in nodes if isinstance(node, SumOver)} == {4}
    assert fixed is e.at({"n": 4}).at({"v": 0.5})
    assert sum_over(ROW, X).at({n: 7}) is 7 * X


@pytest.mark.parametrize("exponent", [-1, 0.5, 1.5, sp.Rational(1, 2), "2", None, True, n, 2.0])
def test_powers_are_whole_numbers(exponent):
    with pytest.raises(ExpressionError, match="powers are whole numbers"):
        X**exponent


@pytest.mark.parametrize("divisor", [0, X, X - X, X + Y])
def test_only_nonzero_numbers_divide(divisor):
    with pytest.raises(ExpressionError, match="can divide"):
        X / divisor
    with pytest.raises(ExpressionError, match="a random quantity cannot divide"):
        1 / X


@pytest.mark.parametrize(
    "other", [None, True, "x y", "import os", [1], {}, object(), np.ones(3), 1j, float("nan"), float("inf")]
)
def test_strangers_do_not_enter(other):
    for use in (lambda: X + other, lambda: X * other, lambda: other * X, lambda: X - other):
        with pytest.raises((ParameterError, ValueError)):
            use()


def test_arrays_do_not_spread_into_expressions():
    with pytest.raises(ParameterError):
        np.ones(3) * X
    with pytest.raises(ParameterError):
        np.ones((2, 2)) + X


def test_an_expression_is_no_sequence_and_no_truth_value():
    for use in (lambda: list(X * Y), lambda: next(iter(X)), lambda: 1 in (X + Y)):
        with pytest.raises((TypeError, ExpressionError)):
            use()
    with pytest.raises((TypeError, ExpressionError)):
        bool(X > 0)


def test_copies_are_the_thing_itself():
    e = relu(sum_over(ROW, W * V) + X) ** 2 - Y / 3
    assert copy.copy(e) is e
    assert copy.deepcopy(e) is e
    assert pickle.loads(pickle.dumps(e)) is e
    assert copy.deepcopy({"e": [e]})["e"][0] is e


def test_nodes_that_nobody_holds_are_forgotten():
    from varprop.model.nodes import _INTERNED

    gc.collect()
    before = len(_INTERNED)
    e = sum_over(ROW, W * V) + X**5
    assert len(_INTERNED) > before
    del e
    gc.collect()
    assert len(_INTERNED) == before


def test_depth_is_no_limit(at_most):
    with at_most(10_000_000):
        e = X
        for _ in range(10_000):
            e = relu(e) + Y
        assert e.depth == 20_001
        assert len(list(walk(e))) == 20_002
        assert pickle.loads(pickle.dumps(e)) is e
        assert copy.deepcopy(e) is e
        assert isinstance(str(e), str) and isinstance(hash(e), int)
        assert (e * symbol("n")).at({"n": 1}) is e


def test_shared_parts_are_stored_once():
    e = X
    for _ in range(200):
        e = e + relu(e)
    assert sum(1 for _ in walk(e)) == 401
    assert len(pickle.dumps(e)) < 60_000


SESSION = """
import sys
from varprop import *
x = RandomVariable("x", Unknown(mean="m", third_moment="t", fourth_moment="k"))
y = RandomVariable("y", Unknown(mean="m", third_moment="t", fourth_moment="k"))
i = Axis("i", "n")
w = RandomVariable("w", Unknown(third_moment="s", fourth_moment="r"), axes=i)
z = sum_over(i, w * x)
if len(sys.argv) > 1:
    kept = [x**4, x**3 * y, abs_(x) + relu(x), abs_(x) * relu(x), x**3 + x**2, relu(x) ** 2 * y, y * w**2]
    kept += [derive(Mean((x + y) ** 4)), RandomVariable("q", Normal()), derive(Kurtosis(z)), y * (x**2 + x)]
print(relu(x) * abs_(x), relu(x) + abs_(x), x**2 + x**3, relu(x) * y + abs_(x) * y)
for quantity in (Mean((x + y) ** 4), Kurtosis(z), Mean((x**2 + x + y) ** 2), Covariance(x**2 * y, x * y)):
    for step in derive(quantity):
        print(step, *step.assumptions)
"""


def test_what_is_shown_does_not_depend_on_what_came_before():
    def shown(*arguments):
        run = subprocess.run(
            [sys.executable, "-c", SESSION, *arguments], capture_output=True, text=True, check=True
        )
        return run.stdout

    fresh = shown()
    assert fresh == shown("after other work")
    assert "no rule" not in fresh and fresh.count("\n") > 15


def test_as_expression():
    assert as_expression(X) is X
    assert as_expression("1/2") is Scalar(sp.Rational(1, 2))
    assert as_expression(n) is Scalar(n)
