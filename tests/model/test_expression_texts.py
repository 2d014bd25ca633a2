"""Expressions from text: what is in the language, and that all else is refused with a remedy."""

from __future__ import annotations

import pytest

from varprop import (
    Derivation,
    ParseError,
    Variance,
    VarpropError,
    derive,
    parse_expression,
    parse_scalar,
    symbol,
)

N = "Normal()"


def variance(text: str, laws: dict[str, object], **sizes: object) -> Derivation:
    return derive(Variance(parse_expression(text, laws, sizes)))


@pytest.mark.parametrize(
    ("text", "laws", "result"),
    [
        ("x", {"x": "Normal(variance=v)"}, "v"),
        ("-2*x + c", {"x": "Uniform(0, 1)"}, "1/3"),
        ("+x/2", {"x": "Uniform(0, 1)"}, "1/48"),
        ("x**2 - x*y", {"x": N, "y": "Rademacher()"}, "3"),
        (
            "sum(i, w[i]*x[i]) + b",
            {"w": "Normal(variance=1/n)", "x": "Unknown()", "b": "Normal(variance=s)"},
            "1 + s",
        ),
        ("sum(i, w[i]*relu(h[i]))", {"w": "Normal(variance=2/n)", "h": N}, "1"),
        ("sum(i, w[i]*x)", {"w": N, "x": "Unknown(mean=m, variance=1)"}, "n*(1 + m**2)"),
        ("leaky_relu(1/2)(x)**2", {"x": "Rademacher()"}, "9/64"),
        ("abs(x)", {"x": "Uniform(-1, 1)"}, "1/12"),
        ("sqrt(v)*x", {"x": N}, "v"),
        ("sum(i, v[i])*exp(1)", {"v": N}, "n*exp(2)"),
        (
            "sum(j, v[j]*relu(sum(i, W[j, i]*x[i])))",
            {"v": "Normal(variance=1/m)", "W": "Normal(variance=2/k)", "x": N},
            "1",
        ),
    ],
)
def test_the_variance_of_a_text(text: str, laws: dict[str, object], result: str) -> None:
    sizes = {"i": "k", "j": "m"} if "W" in laws else {}
    found = variance(text, laws, **sizes).result
    assert (found - parse_scalar(result)).simplify() == 0


def test_sizes_are_named_for_their_axes() -> None:
    two = parse_expression("sum(i, w[i]) + sum(j, v[j])", {"w": N, "v": N})
    assert derive(Variance(two)).result == symbol("n_i") + symbol("n_j")
    assert variance("sum(i, w[i])", {"w": N}, i=7).result == 7


def test_weights_are_known_by_their_letter() -> None:
    proof = variance("sum(i, x[i]*w[i])", {"w": "Normal(variance=1/n)", "x": N})
    assert str(proof.assumptions[0]) == "w_i has mean zero"


def test_one_name_is_one_variable() -> None:
    assert variance("x*x", {"x": "Rademacher()"}).result == 0
    assert variance("x*y", {"x": "Rademacher()", "y": "Rademacher()"}).result == 1


BAD = [
    ("", "not an expression"),
    ("x +", "not an expression"),
    ("2", "nothing in it is random"),
    ("rleu(x)", "Did you mean relu"),
    ("x.real", "not allowed"),
    ("x[0]", "does not name different axes"),
    ("x[i, i]", "does not name different axes"),
    ("x[i] + x[j]", "x stands along"),
    ("x[i] + x", "x stands along"),
    ("y[i]*x", "y has no law"),
    ("1/x", "divided by what is random"),
    ("x**y", "not a number|whole number"),
    ("x**x", "an exponent is random"),
    ("x**-1", "no whole number"),
    ("x**0.5", "no whole number"),
    ("x**99", "no whole number"),
    ("x % 2", "not allowed"),
    ("x ^ 2", "Write \\*\\* for a power"),
    ("x @ x", "not allowed"),
    ("sum(i, 3) + x", "is not random"),
    ("sum(i)", "the form sum"),
    ("sum(3, x)", "the form sum"),
    ("sum(x, x)", "is random, so it is no axis"),
    ("sum(i, x, key=1)", "keywords"),
    ("relu(2)", "is not random|not known"),
    ("relu(x, x)", "one expression"),
    ("leaky_relu(x)", "parameters first|random"),
    ("relu(3)(x)", "takes no parameters"),
    ("[x for x in x]", "not allowed"),
    ("lambda: x", "not allowed"),
    ("x if x else x", "not allowed"),
    ("x and x", "not allowed"),
    ("(x := 3)", "not allowed|not an expression"),
    ("x*__import__('os').system('true')", "not known"),
    ("x*().__class__", "not allowed"),
    ("x*'text'", "not a real number|not allowed"),
    ("f'{x}'", "not allowed"),
    ("x*" * 200 + "x", "parts|longer"),
    ("x*9**9**9", "exponent"),
    ("-" * 90 + "x", None),
]


@pytest.mark.parametrize(("text", "told"), BAD, ids=lambda value: str(value)[:30])
def test_a_text_outside_the_language_is_refused(text: str, told: str | None) -> None:
    if told is None:
        parse_expression(text, {"x": N})
        return
    with pytest.raises(ParseError, match=told):
        parse_expression(text, {"x": N})


@pytest.mark.parametrize("text", [None, 3, b"x", ["x"]])
def test_no_text_is_refused(text: object) -> None:
    with pytest.raises(ParseError):
        parse_expression(text, {"x": N})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("laws", "sizes"),
    [
        ({"x": N, "y": N}, {}),
        ({"x": N}, {"j": 3}),
        ({"x": "Nrml()"}, {}),
        ({"x": None}, {}),
        ({"x": "Normal(variance=-1)"}, {}),
        ({"x": N}, {"i": 0}),
        ({"x": N}, {"i": "1/2"}),
    ],
)
def test_bad_laws_and_sizes_are_refused(laws: dict[str, object], sizes: dict[str, object]) -> None:
    with pytest.raises(VarpropError):
        parse_expression("sum(i, x[i])", laws, sizes)


def test_too_many_axes_are_refused() -> None:
    text = "+".join(f"sum(i{k}, x)" for k in range(7))
    with pytest.raises(ParseError, match="axes"):
        parse_expression(text, {"x": N})
