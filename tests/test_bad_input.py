"""Whatever is given to a public entry: the right answer, or an error of ours with a remedy."""

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.errors import VarpropError


class Unprintable:
    __hash__ = None

    def __repr__(self):
        raise RuntimeError("it has no text")


i = vp.Axis("i", "n")
x, x_i = vp.RandomVariable("x", "Normal()"), vp.RandomVariable("x", "Normal()", axes=i)
THINGS = {
    "None": None,
    "nothing": "",
    "division": "1/0",
    "open": "Normal(",
    "long": "x" * 600,
    "bytes": b"a",
    "list": [],
    "nan": float("nan"),
    "inf": float("inf"),
    "minus": -1,
    "half": 0.5,
    "true": True,
    "huge": 10**400,
    "longer": 10**5000,
    "tiny": 5e-324,
    "object": object(),
    "unprintable": Unprintable(),
    "oo": sp.oo,
    "I": sp.I,
    "plain symbol": sp.Symbol("n"),
    "function": sp.Function("f"),
    "applied": sp.Function("f")(sp.Symbol("t")),
    "array": np.array([1.0, 2.0]),
    "type": int,
    "expression": x,
    "axis": i,
    "law": vp.Normal(),
    "activation": vp.relu,
    "quantity": vp.Mean(x),
    "claim": vp.Equal(vp.Mean(x), 0),
}
ENTRIES = {
    "Normal": lambda v: vp.Normal(variance=v),
    "Uniform": lambda v: vp.Uniform(v, 1),
    "StudentT": vp.StudentT,
    "Unknown": lambda v: vp.Unknown(fourth_moment=v),
    "Mixture": vp.Mixture,
    "Empirical": vp.Empirical,
    "symbol": vp.symbol,
    "parse_scalar": vp.parse_scalar,
    "parse_distribution": vp.parse_distribution,
    "as_distribution": vp.as_distribution,
    "read_table": vp.read_table,
    "generator": lambda v: vp.Normal().draw(v, 3),
    "generator of rows": lambda v: vp.Empirical([[1, 2], [3, 4]]).draw(v, 3),
    "powers of columns": vp.Empirical([[1, 2], [3, 4]]).moment,
    "power of a column": lambda v: vp.Empirical([[1, 2], [3, 4]]).moment({0: v}),
    "document": vp.Document,
    "law.at": lambda v: vp.Normal(variance="n").at(v),
    "moment": vp.Normal().moment,
    "variable's name": lambda v: vp.RandomVariable(v, "Normal()"),
    "variable's law": lambda v: vp.RandomVariable("x", v),
    "variable's axes": lambda v: vp.RandomVariable("x", "Normal()", axes=v),
    "size": lambda v: vp.Axis("i", v),
    "places": i.places,
    "place": i.at,
    "product": lambda v: x * v,
    "power": lambda v: x**v,
    "sum": lambda v: vp.sum_over(v, x_i),
    "dot": lambda v: vp.dot(weights=v, inputs="Normal()", fan_in="n"),
    "fan_in": lambda v: vp.dot(weights="Normal()", inputs="Normal()", fan_in=v),
    "relu": vp.relu,
    "leaky_relu": vp.leaky_relu,
    "Moment": lambda v: vp.Moment(x, v),
    "Equal": lambda v: vp.Equal(vp.Mean(x), v),
    "derive": vp.derive,
    "rules": lambda v: vp.derive(vp.Mean(x), rules=v),
    "solve": lambda v: vp.solve(v, "n"),
    "at": lambda v: vp.at(vp.Mean(x), v),
    "at n": lambda v: vp.at(vp.Variance(vp.sum_over(i, x_i)), {"n": v}),
    "check": lambda v: vp.check(v, budget=0.01),
    "equals": lambda v: vp.check(vp.Mean(x), equals=v, budget=0.01),
    "alpha": lambda v: vp.check(vp.Mean(x), equals=0, alpha=v, budget=0.01),
    "resolution": lambda v: vp.check(vp.Mean(x), equals=0, resolution=v, budget=0.01),
    "couplings": lambda v: vp.check(vp.Mean(x), equals=0, couplings=v, budget=0.01),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_no_foreign_error_and_always_a_remedy(entry):
    refused = 0
    for name, thing in THINGS.items():
        try:
            entry(thing)
        except VarpropError as error:
            refused += 1
            assert error.remedy, (name, str(error))
    assert refused >= 5


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: vp.Normal(0, 1, 2), "Normal(...): too many positional arguments. It takes mean, variance"),
        (lambda: vp.Normal(varience=2), "unexpected keyword argument 'varience'. It takes mean"),
        (vp.Bernoulli, "Bernoulli(...): missing a required argument: 'p'. It takes p"),
        (lambda: vp.Rademacher(1), "Rademacher(...): too many positional arguments. It takes no arguments"),
        (vp.Empirical, "Empirical(...): missing a required argument: 'data'. It takes data"),
        (vp.dot, "dot(...): missing a required argument: 'weights'. It takes weights, inputs, fan_in."),
        (lambda: vp.neuron(weights="Normal()"), "neuron(...): missing a required argument: 'inputs'."),
        (lambda: vp.neuron("Normal()"), "neuron(...): too many positional arguments. It takes weights"),
        (vp.RandomVariable, "RandomVariable(...): missing a required argument: 'name'. It takes name, dis"),
        (lambda: vp.RandomVector("x"), "RandomVector(...): missing a required argument: 'distribution'."),
        (lambda: vp.Axis("i"), "Axis(...): missing a required argument: 'size'. It takes name, size"),
        (lambda: vp.sum_over(i), "sum_over(...): missing a required argument: 'body'. It takes axis, body."),
        (vp.Variance, "Variance(...): missing a required argument: 'expression'. It takes expression."),
        (lambda: vp.Moment(x), "Moment(...): missing a required argument: 'order'."),
        (lambda: vp.Covariance(x), "Covariance(...): missing a required argument: 'right'."),
        (lambda: vp.Equal(1), "Equal(...): missing a required argument: 'right'. It takes left, right"),
        (vp.relu, "Activation(...): missing a required argument: 'x'. It takes x."),
        (lambda: vp.solve(vp.Equal(vp.Mean(x), 1)), "solve(...): missing a required argument: 'unknown'."),
        (lambda: vp.check(vp.Mean(x), fan_in=3), "check(...): got an unexpected keyword argument 'fan_in'."),
        (vp.derive, "derive(...): missing a required argument: 'quantity'. It takes quantity, rules."),
        (vp.answer, "answer(...): missing a required argument: 'question'. It takes question, parameters."),
        (lambda: vp.read(None), "read(...): missing a required argument: 'shape'. It takes model, shape"),
        (vp.compare, "compare(...): missing a required argument: 'reading'. It takes reading, input"),
        (lambda: vp.compare(3), "compare(3): it is no reading. Give vp.read(model, shape)."),
    ],
)
def test_a_call_with_other_arguments_says_what_is_taken(call, told):
    with pytest.raises(vp.ParameterError) as refused:
        call()
    assert told in str(refused.value)


def test_an_error_inside_a_call_stays_what_it_is():
    def broken(value):
        raise TypeError("its own")

    with pytest.raises(TypeError, match="its own"):
        vp.RandomVariable("x", "Normal()", axes=map(broken, [1]))


def test_errors_inside_a_constructor_stay_what_they_are():
    class Broken(vp.Normal):
        def __init__(self):
            raise TypeError("its own")

    with pytest.raises(TypeError, match="its own"):
        Broken()
    with pytest.raises(TypeError, match="abstract"):
        vp.Distribution()
