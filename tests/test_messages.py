"""Bad input at every public entry: an error that says what was asked, what is missing, and what helps."""

import math

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop import (
    Axis,
    CentralMoment,
    Covariance,
    Cumulant,
    Empirical,
    Equal,
    Kurtosis,
    Mean,
    Moment,
    Normal,
    Orthogonal,
    RandomVariable,
    RandomVector,
    Skewness,
    Uniform,
    Unknown,
    Variance,
    VarpropError,
    at,
    derive,
    dot,
    leaky_relu,
    neuron,
    relu,
    solve,
    sum_over,
    symbol,
)

N = symbol("n")
ROW = Axis("i", N)
X, Y = RandomVariable("x", Normal()), RandomVariable("y", Normal())
W = RandomVariable("w", Normal(), axes=ROW)
TIED_AXIS = Axis("a", 3)
TIED = RandomVariable("T", Normal(), axes=(TIED_AXIS, TIED_AXIS))
TABLE = RandomVector("t", Empirical([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]]))
V = symbol("v")

STRANGERS = [
    None,
    True,
    object(),
    [],
    {},
    [1, 2],
    np.ones(3),
    1j,
    math.nan,
    math.inf,
    -math.inf,
    "",
    "a b",
    "1/0",
    "nan",
    "__import__('os').system('true')",
    "x" * 10_000,
    "(" * 500 + "1" + ")" * 500,
    "9**9**9**9",
    b"1",
    lambda: 1,
    X,
    Normal(),
    Mean(X),
    sp.Symbol("q"),
    sp.zoo,
    sp.nan,
]
"""Things that are no number, size, name, distribution or quantity; some entries take a few of them."""

ENTRIES = {
    "Axis name": lambda bad: Axis(bad, 3),
    "Axis size": lambda bad: Axis("i", bad),
    "Axis.places": ROW.places,
    "Axis.at": ROW.at,
    "RandomVariable name": lambda bad: RandomVariable(bad, Normal()),
    "RandomVariable distribution": lambda bad: RandomVariable("x", bad),
    "RandomVariable axes": lambda bad: RandomVariable("x", Normal(), axes=bad),
    "RandomVector distribution": lambda bad: RandomVector("x", bad),
    "RandomVector size": lambda bad: RandomVector("x", Normal(), size=bad),
    "index": lambda bad: W[bad],
    "sum_over axis": lambda bad: sum_over(bad, X),
    "sum_over body": lambda bad: sum_over(ROW, bad),
    "plus": lambda bad: X + bad,
    "right plus": lambda bad: bad + X,
    "times": lambda bad: X * bad,
    "right times": lambda bad: bad * X,
    "minus": lambda bad: X - bad,
    "divided": lambda bad: X / bad,
    "divides": lambda bad: bad / X,
    "power": lambda bad: X**bad,
    "at of an expression": X.at,
    "at of a place": lambda bad: W.at(i=bad),
    "relu": relu,
    "leaky_relu": leaky_relu,
    "dot weights": lambda bad: dot(weights=bad, inputs=Normal(), fan_in=3),
    "dot inputs": lambda bad: dot(weights=Normal(), inputs=bad, fan_in=3),
    "dot fan_in": lambda bad: dot(weights=Normal(), inputs=Normal(), fan_in=bad),
    "neuron bias": lambda bad: neuron(weights=Normal(), inputs=Normal(), fan_in=3, bias=bad),
    "Mean": lambda bad: derive(Mean(bad)),
    "Variance": lambda bad: derive(Variance(bad)),
    "Covariance": lambda bad: derive(Covariance(X, bad)),
    "Skewness": lambda bad: derive(Skewness(bad)),
    "Kurtosis": lambda bad: derive(Kurtosis(bad)),
    "Moment order": lambda bad: Moment(X, bad),
    "CentralMoment order": lambda bad: CentralMoment(X, bad),
    "Cumulant order": lambda bad: Cumulant(X, bad),
    "Equal left": lambda bad: Equal(bad, 1),
    "Equal right": lambda bad: Equal(Mean(X), bad),
    "derive": derive,
    "derive rules": lambda bad: derive(Mean(X), rules=bad),
    "solve claim": lambda bad: solve(bad, V),
    "solve unknown": lambda bad: solve(Equal(Variance(V * X), 1), bad),
    "at": lambda bad: at(bad, {"n": 3}),
    "at values": lambda bad: at(Mean(W), bad),
    "at value": lambda bad: at(Variance(sum_over(ROW, W)), {"n": bad}),
    "at key": lambda bad: at(Mean(W), {bad: 3}) if bad.__hash__ else at(Mean(W), bad),
    "symbol": symbol,
    "parse_scalar": vp.parse_scalar,
    "as_distribution": vp.as_distribution,
    "parse_distribution": vp.parse_distribution,
    "Normal variance": lambda bad: Normal(variance=bad),
    "Unknown fourth moment": lambda bad: Unknown(fourth_moment=bad),
    "Empirical": Empirical,
    "Orthogonal": Orthogonal,
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_strangers_get_an_answer_or_an_explanation(entry, at_most):
    refused = 0
    with at_most(200_000):
        for bad in STRANGERS:
            try:
                ENTRIES[entry](bad)
            except VarpropError as error:
                refused += 1
                assert error.asked
                assert len(str(error)) < 3000
                assert error.missing or error.remedy
    assert refused >= 8


MISUSES = {
    # what was done, what the message names
    "an expression instead of a quantity": (lambda: derive(X * Y), r"x\*y.*no number.*vp\.Variance"),
    "an expression in a claim": (lambda: Equal(X, 1), r"Equal with x.*vp\.Mean"),
    "a number instead of a quantity": (lambda: derive(sp.Integer(3)), r"no quantity.*vp\.Variance"),
    "an expression checked": (lambda: vp.check(X), r"x.*claims nothing"),
    "a quantity checked without a claim": (lambda: vp.check(Mean(X)), r"claims nothing.*equals="),
    "a quotient of a variable and itself": (lambda: X / X, r"x / x.*nonzero number can divide"),
    "a quotient": (lambda: 1 / X, r"1 / x.*random quantity cannot divide"),
    "a negative power": (lambda: X**-1, r"\(x\)\*\*-1.*whole numbers"),
    "a root": (lambda: X**0.5, r"\(x\)\*\*0\.5.*whole numbers"),
    "iteration": (lambda: list(X), r"x.*not a sequence"),
    "unpacking": (lambda: [*W], r"w_i.*not a sequence"),
    "a truth value": (lambda: bool(X), r"x.*neither true nor false"),
    "a condition": (lambda: 1 if X * Y else 0, r"x\*y.*neither true nor false"),
    "a comparison with a number": (lambda: X > 0, r"x > 0.*vp\.step"),
    "a comparison": (lambda: X * Y <= X, r"x\*y <= x.*vp\.step"),
    "a number compared": (lambda: X < 0, r"x < 0.*vp\.step"),
    "an array times an expression": (lambda: np.ones(3) * X, r"scalar was expected, not ndarray"),
    "an expression plus an array": (lambda: X + np.ones(3), r"scalar was expected, not ndarray"),
    "fan_in 0": (lambda: dot(weights=Normal(), inputs=Normal(), fan_in=0), r"fan_in = 0.*at least 1"),
    "fan_in 1.5": (lambda: dot(weights=Normal(), inputs=Normal(), fan_in=1.5), r"fan_in = 3/2.*whole number"),
    "no fan_in": (lambda: dot(weights=Normal(), inputs=Normal()), r"number of terms.*fan_in="),
    "an axis of size 0": (lambda: Axis("i", 0), r"size of axis i = 0.*at least 1"),
    "a negative variance": (lambda: Normal(variance=-1), r"variance.*-1"),
    "a negative variance in text": (lambda: vp.parse_distribution("Normal(variance=-1)"), r"variance.*-1"),
    "a variance that is not a number": (lambda: Normal(variance=math.nan), r"variance.*finite"),
    "low above high": (lambda: Uniform(2, 1), r"low"),
    "a free index of a table": (lambda: derive(Mean(TABLE)), r"not alike.*\.at\(i=0\)"),
    "more places than the axis has": (
        lambda: derive(Mean(math.prod(W.at({N: 2})[k] for k in (*Axis.places(W.at({N: 2}).axis, 2), 0)))),
        r"3 places of axis i, which has 2",
    ),
    "too many places at once": (lambda: Axis("i", 2).places(3), r"3 different places of axis i.*only 2"),
    "a place past the end": (lambda: TABLE.at(i=3), r"place 3 of axis i.*0 to 2"),
    "a place of no axis": (lambda: W.at(k=0), r"k=0.*no single free index k"),
    "two specializations": (
        lambda: derive(Variance(sum_over(ROW, W).at({N: 3}) + sum_over(ROW, W).at({N: 4}))),
        r"w appears with two different values.*vp\.at",
    ),
    "two sizes of one axis": (
        lambda: derive(
            Variance(sum_over(ROW, W).at({N: 3}) * sum_over(ROW, RandomVariable("u", Normal(), axes=ROW)))
        ),
        r"axis i appears with two different sizes",
    ),
    "two symbols of one name": (
        lambda: derive(
            Variance(
                dot(
                    weights=Normal(variance=1 / sp.Symbol("n", positive=True, integer=True)),
                    inputs=Normal(),
                    fan_in="n",
                )
            )
        ),
        r"two different symbols are called n.*symbol\('n'\)",
    ),
    "two slots on one axis": (lambda: sum_over(TIED_AXIS, TIED), r"T with two slots on axis a.*T\[a, b\]"),
    "two slots, in a product": (lambda: TIED * X, r"T with two slots on axis a.*T\[a, b\]"),
    "the wrong number of places": (lambda: TIED[0], r"it has 2 axes, not 1"),
    "a place of another axis": (lambda: W[TIED_AXIS], r"a is not its axis i"),
    "a sum over a number": (lambda: sum_over(ROW.at(0), W), r"one fixed place.*Axis"),
    "a sum over a name": (lambda: sum_over("i", W), r"neither an Axis.*vp\.Axis|Axis\("),
    "a moment that was not declared": (
        lambda: derive(Kurtosis(RandomVariable("u", Unknown()))),
        r"fourth_moment=",
    ),
    "a moment that does not exist": (
        lambda: derive(Variance(RandomVariable("u", vp.StudentT(2)))),
        r"does not exist",
    ),
    "a law of a vector": (lambda: RandomVariable("x", Empirical([[1, 2], [3, 5]])), r"RandomVector"),
    "a value out of the domain": (
        lambda: at(Variance(RandomVariable("u", Normal(variance=V))), {V: -1}),
        r"variance.*-1",
    ),
    "a size out of the domain": (lambda: at(Variance(sum_over(ROW, W)), {N: 0}), r"size of axis i = 0"),
    "a fractional size": (lambda: at(Variance(sum_over(ROW, W)), {N: "5/2"}), r"size of axis i = 5/2"),
    "an unknown that drops out": (lambda: solve(Equal(Variance(X), 1), V), r"v drops out"),
    "no solution": (
        lambda: solve(Equal(Variance(RandomVariable("u", Normal(variance=V)) + X), 1), V),
        r"none",
    ),
    "a relu of a constant": (lambda: relu(Mean(X)), r"relu"),
    "two different bad numbers": (lambda: CentralMoment(X, 0), r"order 0.*at least 1"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_the_message_names_the_remedy(misuse):
    act, pattern = MISUSES[misuse]
    with pytest.raises(VarpropError, match=f"(?s){pattern}") as caught:
        act()
    assert caught.value.asked and caught.value.missing


def test_the_same_variable_twice_is_its_square():
    assert derive(Variance(X + X)).result == 4
    assert derive(Mean(X * X)).result == 1
    assert derive(Covariance(X, X)).result == 1


def test_clashing_names_are_told_apart():
    twin = RandomVariable("x", Normal(variance=4))
    proof = derive(Variance(X + twin))
    assert proof.result == 5
    assert "Var[x']" in proof.to_text()


def test_a_refusal_names_the_rules_that_came_close():
    with pytest.raises(vp.DerivationError) as caught:
        derive(Mean(relu(RandomVariable("u", Unknown()) + X) ** 2))
    assert "'the even part counts' needs that" in str(caught.value)
    assert "which is unknown" in str(caught.value)


def test_an_error_survives_a_process():
    import pickle

    with pytest.raises(VarpropError) as caught:
        X**-1
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.remedy) == (
        type(caught.value),
        str(caught.value),
        caught.value.remedy,
    )
