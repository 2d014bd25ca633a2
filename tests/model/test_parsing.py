"""Text and foreign objects as distributions."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pytest
import sympy as sp
from hypothesis import given, strategies as st

from varprop.errors import ParameterError, ParseError, VarpropError
from varprop.model.distributions import (
    DISTRIBUTIONS,
    Bernoulli,
    Constant,
    Distribution,
    Mixture,
    Normal,
    Rademacher,
    Rectified,
    StudentT,
    Uniform,
    Unknown,
)
from varprop.model.joint import Empirical
from varprop.model.parsing import as_distribution, parse_distribution
from varprop.model.scalars import symbol

n = symbol("n")
ZERO = Constant(0)


@dataclass
class Leaky:
    """A stand-in for an activation with a parameter."""

    slope: sp.Expr

    def __call__(self, parent: Distribution) -> Distribution:
        return Mixture([Rectified(parent), Constant(self.slope)])


LEAKY0 = Leaky(sp.Integer(0))(Normal())
ACTIVATIONS: dict[str, Callable[..., object]] = {"relu": Rectified, "leaky_relu": Leaky}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Normal(variance=1/n)", Normal(variance=1 / n)),
        ("Normal(0, 2)", Normal(0, 2)),
        (" Normal( std = 0.1 ) ", Normal(variance="1/100")),
        ("Normal()", Normal()),
        ("Normal", Normal()),
        ("Rademacher", Rademacher()),
        ("Uniform(-sqrt(3), sqrt(3))", Uniform(variance=1)),
        ("Rectified(Normal(mean=1))", Rectified(Normal(1))),
        ("Rectified(Normal)", Rectified(Normal())),
        ("Mixture([Normal(), Constant(0)], weights=[p, 1 - p])", Mixture([Normal(), ZERO], ["p", "1-p"])),
        ("Mixture((Normal, Constant(0)))", Mixture([Normal(), Constant(0)])),
        ("Unknown(mean=0, variance=v, symmetric=True)", Unknown(0, "v", symmetric=True)),
        ("Unknown(symmetric=None, moments={3: 0, 6: 20})", Unknown(moments={3: 0, 6: 20})),
        ("relu(Normal(variance=2))", Rectified(Normal(variance=2))),
        ("relu(relu(Normal))", Rectified(Rectified(Normal()))),
        ("leaky_relu(1/10)(Normal())", Leaky(sp.Rational(1, 10))(Normal())),
        ("Mixture([relu(Normal), leaky_relu(0)(Normal)])", Mixture([Rectified(Normal()), LEAKY0])),
        ("0.1", Constant("1/10")),
        ("2/n", Constant(2 / n)),
        ("sqrt(2)", Constant("sqrt(2)")),
        ("b", Constant("b")),
        ("-1", Constant(-1)),
    ],
)  # fmt: skip
def test_text(text: str, value: Distribution) -> None:
    assert parse_distribution(text, ACTIVATIONS) == value
    assert as_distribution(text, ACTIVATIONS) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Norml()", "Did you mean Normal?"),
        ("normal(variance=1)", "Did you mean Normal?"),
        ("normal", "Did you mean Normal?"),
        ("Rectified(Norml())", "Did you mean Normal?"),
        ("Gumbel()", "The distributions are Bernoulli"),
        ("rellu(Normal())", "Did you mean relu?"),
        ("Normal(varience=1)", "Did you mean variance?"),
        ("Normal(zzz=1)", "It takes mean, variance, std"),
        ("Rademacher(p=1)", "It takes none"),
        ("Normal(1, 2, 3)", "too many positional"),
        ("Normal(1, mean=2)", "multiple values"),
        ("Bernoulli()", "missing a required argument"),
        ("Normal(variance=1, variance=2)", "given twice"),
        ("Normal(*[1])", "not allowed"),
        ("Normal(**{})", "not allowed"),
        ("Normal(variance=-1)", "outside its domain"),
        ("Normal(variance=nan)", "no finite number"),
        ("Normal(variance='1')", "not a real number"),
        ("Normal(variance=True)", "truth value"),
        ("Normal(variance=Normal())", "a scalar was expected"),
        ("Rectified(3)", "a distribution was expected"),
        ("Mixture([])", "not a list with members"),
        ("Mixture(Normal)", "not a list with members"),
        ("Unknown(moments={**n})", "not allowed"),
        ("relu()", "applied to one distribution"),
        ("relu(Normal(), Normal())", "applied to one distribution"),
        ("relu(x=Normal())", "applied to one distribution"),
        ("leaky_relu(Normal())", "needs its parameters first"),
        ("leaky_relu(slope=1)(Normal())", "no keywords"),
        ("leaky_relu(1, 2, 3)(Normal())", "leaky_relu"),
        ("Normal(1)(2)", "Normal is not a distribution|not"),
        ("relu(1)(Normal())", "a distribution was expected"),
        ("sin(1)(Normal())", "sin is not a distribution"),
        ("Normal.__class__", "not allowed"),
        ("Normal().draw(1)", "not allowed"),
        ("__import__('os')", "is not a distribution"),
        ("(lambda: Normal())()", "not allowed"),
        ("[Normal() for _ in n]", "not allowed"),
        ("Normal() + 1", "not known|not allowed"),
        ("", "not an expression"),
        ("Normal(", "not an expression"),
        ("Rectified(" * 12 + "Normal" + ")" * 12, "nested deeper"),
        ("Mixture([[[[[[[[[[[[[1]]]]]]]]]]]]])", "nested deeper"),
        ("Normal(variance=9**9**9)", "exponents multiply"),
        ("x" * 600, "longer than"),
        ("FrozenScipy(1)", "is not a distribution"),
        ("Empirical([[1]])", "is not a distribution"),
        (None, "a text was expected"),
    ],
)
def test_refusals(text: str, words: str, at_most: Callable[[int], AbstractContextManager[None]]) -> None:
    with at_most(20_000), pytest.raises(VarpropError, match=words) as caught:
        parse_distribution(text, ACTIVATIONS)
    assert isinstance(caught.value, (ParseError, ParameterError))


NAMES = st.sampled_from(
    [*DISTRIBUTIONS, *ACTIVATIONS, "n", "1", "-1", "0.5", "(", ")", "[", "]", "{", ",", ":", "=", "."]
)


@given(st.lists(NAMES, max_size=12).map("".join))
def test_any_text_is_a_distribution_or_an_error(text: str) -> None:
    try:
        assert isinstance(parse_distribution(text, ACTIVATIONS), Distribution)
    except VarpropError as error:
        assert str(error)


def test_objects() -> None:
    assert as_distribution(Normal()) == Normal()
    assert as_distribution(3) == Constant(3)
    assert as_distribution(1 / n) == Constant(1 / n)
    for bad in (None, [], object(), Normal, Empirical([[1], [2]])):
        with pytest.raises(ParameterError, match="does not stand for one"):
            as_distribution(bad)
    for bad in (True, 1j, float("nan")):
        with pytest.raises(ParameterError):
            as_distribution(bad)


def test_sympy_stats_symbols_are_translated() -> None:
    from sympy import stats

    x, s = sp.Symbol("x", real=True), symbol("s")
    cases = {
        stats.Normal("X", x, s): Normal(x, std=s),
        stats.Uniform("X", -1, 2): Uniform(-1, 2),
        stats.Exponential("X", s): DISTRIBUTIONS["Exponential"](1 / s),
        stats.Laplace("X", 1, s): DISTRIBUTIONS["Laplace"](1, 2 * s**2),
        stats.LogNormal("X", 0, 1): DISTRIBUTIONS["LogNormal"](),
        stats.StudentT("X", 5): StudentT(5),
        stats.Bernoulli("X", sp.Rational(1, 3)): Bernoulli("1/3"),
        stats.Rademacher("X"): Rademacher(),
    }
    for theirs, ours in cases.items():
        assert as_distribution(theirs) == ours
    for theirs in list(cases)[1:4] + list(cases)[6:]:
        ours = cases[theirs]
        for k in (1, 2, 3):
            assert sp.simplify(stats.E(theirs**k) - ours.moment(k)) == 0
    for unknown in (
        stats.Gamma("X", 1, 2),
        stats.Bernoulli("X", 0.5, 2, -1),
        stats.Normal("X", [0, 0], sp.eye(2)),
    ):
        with pytest.raises(ParameterError, match="translated"):
            as_distribution(unknown)
    with pytest.raises(ParameterError):
        as_distribution(stats.Normal("X", 0, 1) + 1)
