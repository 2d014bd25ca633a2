"""Scalars: what enters, what it becomes, and that text is never run."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, strategies as st

from varprop.errors import ParameterError, ParseError, VarpropError
from varprop.model.domains import Parameter
from varprop.model.scalars import one_meaning_per_name, parse_scalar, scalar, substitute, symbol

n, m = symbol("n"), symbol("m")


def test_one_symbol_per_name() -> None:
    assert symbol("n") == sp.Symbol("n", positive=True) == scalar("n", "size")
    assert symbol("n").is_positive
    assert symbol("n").is_integer is None
    assert symbol("sigma_w2").name == "sigma_w2"


MALFORMED = ["", " ", "1n", "n m", "_n", "n-1", "µ", "n\n", "n" * 51, None, 3, ["n"]]
TAKEN = ["pi", "E", "sqrt", "nan", "NaN", "Inf", "oo", "I", "lambda", "None"]


@pytest.mark.parametrize("name", MALFORMED + TAKEN)
def test_names_that_are_not_names(name: object) -> None:
    with pytest.raises(ParameterError) as caught:
        symbol(name)  # type: ignore[arg-type]
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        (3, 3),
        (10**300, 10**300),
        (0.1, sp.Rational(1, 10)),
        (1e-300, sp.Rational(1, 10**300)),
        (0.1 + 0.2, sp.Rational(30000000000000004, 10**17)),
        (Fraction(2, 6), sp.Rational(1, 3)),
        (Decimal("1.50"), sp.Rational(3, 2)),
        (np.int8(-3), -3),
        (np.float32(0.1), sp.Rational(1, 10)),
        (np.float64(2.5), sp.Rational(5, 2)),
        (sp.Float(0.1) * n, n / 10),
        (sp.Float("0.25", 30), sp.Rational(1, 4)),
        (sp.sqrt(2) * sp.pi / n, sp.sqrt(2) * sp.pi / n),
        (sp.erf(n), sp.erf(n)),
        (sp.Max(n, m), sp.Max(n, m)),
        (sp.Symbol("mu", real=True), sp.Symbol("mu", real=True)),
    ],
)
def test_numbers_become_exact(value: object, exact: object) -> None:
    assert scalar(value, "x") == exact
    assert not scalar(value, "x").has(sp.Float)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_enters_as_the_decimal_it_prints(value: float) -> None:
    if value == 0 or 1e-300 < abs(value) < 1e300:
        assert scalar(value, "x") == sp.Rational(repr(value))
        assert float(scalar(value, "x")) == value


NOT_FINITE = [math.nan, -math.inf, np.float64("nan"), Decimal("NaN"), sp.nan, sp.oo, -sp.oo, sp.zoo]
NOT_REAL = [1j, sp.I, sp.sqrt(-n), sp.I * n, sp.Symbol("n"), sp.Symbol("n", commutative=False)]
NOT_SCALAR = [
    True,
    np.bool_(False),
    None,
    [1],
    (),
    {},
    b"1",
    object,
    np.array(1.0),
    sp.true,
    sp.eye(2),
    n < m,
]
NOT_PLAIN = [
    sp.Dummy(positive=True),
    sp.Wild("w"),
    sp.MatrixSymbol("A", 2, 2),
    sp.Function("f")(n),
    sp.Sum(n, (m, 1, 2)),
    sp.Symbol("n", positive=True, integer=True) / n,
]
TOO_LONG = [Decimal("1e1000"), 10**500, Fraction(1, 10**500)]


@pytest.mark.parametrize(
    "value", NOT_FINITE + NOT_REAL + NOT_SCALAR + NOT_PLAIN + TOO_LONG, ids=lambda v: repr(v)[:20]
)
def test_what_is_not_a_real_scalar(value: object) -> None:
    with pytest.raises(ParameterError, match="width") as caught:
        scalar(value, "width")
    assert caught.value.missing
    assert caught.value.remedy


def test_two_meanings_of_one_name() -> None:
    other = sp.Symbol("n", positive=True, integer=True)
    assert scalar(other, "size") == other
    with pytest.raises(ParameterError, match=r"Use varprop.symbol\('n'\)"):
        one_meaning_per_name([n * m, other], "z")
    one_meaning_per_name([n, n + m], "z")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/n", 1 / n),
        (" 2 / (n + m) ", 2 / (n + m)),
        ("-n**2", -(n**2)),
        ("(-n)**2", n**2),
        ("+3", 3),
        ("--3", 3),
        ("0.1", sp.Rational(1, 10)),
        (".5e-1", sp.Rational(1, 20)),
        ("1_000", 1000),
        ("0.1234567890123456789", sp.Rational(1234567890123456789, 10**19)),
        ("n**(1/3)", n ** sp.Rational(1, 3)),
        ("n**-2", n**-2),
        ("sqrt(2*n)", sp.sqrt(2 * n)),
        ("exp(-1/2) + log(2) + pi + E", sp.exp(-sp.Rational(1, 2)) + sp.log(2) + sp.pi + sp.E),
        ("n - n", 0),
        ("(n**8)**8", n**64),
    ],
)
def test_text(text: str, value: object) -> None:
    assert parse_scalar(text) == value
    assert scalar(text, "x") == value


ATTACKS = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "n.subs(n, 1)",
    "lambda: 1",
    "(lambda: 1)()",
    "[x for x in (1,)]",
    "{}",
    "{1: 2}",
    "n if n else m",
    "n and m",
    "not n",
    "n < m",
    "n := 1",
    "(n := 1)",
    "f'{n}'",
    "'n'",
    "b'n'",
    "...",
    "None",
    "True",
    "1j",
    "n[0]",
    "*n",
    "n, m",
    "await n",
    "yield n",
    "exec('1')",
    "eval('1')",
    "sqrt",
    "sqrt()",
    "sqrt(n, m)",
    "sqrt(x=n)",
    "sqrt(*n)",
    "sqrt(**n)",
    "exp.__call__(1)",
    "sqr(2)",
    "gamma(3)",
    "9**9**9",
    "9**(9**9)",
    "((9**64)**64)**64",
    "((2*n)**64)**2",
    "n**65",
    "n**n",
    "2**n",
    "exp(exp(1))",
    "exp(n**n)",
    "exp(1e300)",
    "exp(-1001)",
    "1e999999999",
    "1e-999999999",
    "9" * 450,
    "1/0",
    "0/0",
    "0**-1",
    "log(0)",
    "log(-1)",
    "sqrt(-1)",
    "(-1)**(1/2)",
    "nan",
    "inf",
    "-oo",
    "zoo",
    "I",
    "",
    " ",
    "\n",
    "2n",
    "2^n",
    "n!",
    "n // m",
    "n % m",
    "n @ m",
    "~n",
    "n << 2",
    "n | m",
    "1; 2",
    "import os",
    "x\x00",
    "µ",
    "ｎ + ２",
    "_n",
    "lambda",
    "-" * 400 + "1",
    "+".join(["n"] * 150),
    "n" * 501,
    "(" * 300,
]


@pytest.mark.parametrize("text", ATTACKS, ids=lambda text: text[:20].encode("unicode_escape").decode())
def test_hostile_text_is_refused_at_once(
    text: str, at_most: Callable[[int], AbstractContextManager[None]]
) -> None:
    with at_most(20_000), pytest.raises(ParseError) as caught:
        parse_scalar(text, "variance")
    assert "variance" in str(caught.value)
    assert caught.value.remedy
    assert len(str(caught.value)) < 400


@given(st.text(max_size=30))
def test_any_text_is_a_scalar_or_an_error(text: str) -> None:
    try:
        value = parse_scalar(text)
    except VarpropError:
        return
    assert isinstance(value, sp.Expr)
    assert value.is_finite is not False


@pytest.mark.parametrize(
    ("text", "remedy"), [("2^n", "**"), ("2n", "2*n"), ("sqr(2)", "Did you mean sqrt"), ("2**n", "exp")]
)
def test_remedies(text: str, remedy: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_scalar(text)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("text", [None, 3, b"n", ["n"]])
def test_only_text_is_parsed(text: object) -> None:
    with pytest.raises(ParseError, match="a text was expected"):
        parse_scalar(text)  # type: ignore[arg-type]


def test_substitution_is_simultaneous() -> None:
    assert substitute(n / m, {n: m, m: n}) == m / n


# ---- domains


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (Parameter("p", "p", low=0, high=1), "p in [0, 1]"),
        (Parameter("v", "v", low=0, low_open=True), "v in (0, oo)"),
        (Parameter("size", "n", low=1, integer=True), "size in integer [1, oo)"),
    ],
)
def test_domain_as_text(parameter: Parameter, text: str) -> None:
    assert str(parameter) == text


def test_a_symbol_is_refused_only_where_proven_outside() -> None:
    variance = Parameter("variance", "v", low=0, low_open=True)
    real = sp.Symbol("x", real=True)
    assert variance.validate(real, "Owner") == real
    assert variance.validate("n - 1", "Owner") == n - 1
    for outside in ("-n", -(real**2), 0, "-1/n"):
        with pytest.raises(ParameterError, match=r"Owner\(variance=.*outside its domain"):
            variance.validate(outside, "Owner")
    size = Parameter("size", "n", low=1, integer=True)
    assert size.validate(4.0, "Owner") == 4
    for outside in (1.5, 0, sp.Symbol("k", integer=False, real=True)):
        with pytest.raises(ParameterError, match="size in integer"):
            size.validate(outside, "Owner")
