"""Work on numbers and symbols is bounded: what is too large is refused, and never computed."""

import pytest
import sympy as sp

import varprop as vp
from varprop.errors import ParseError, VarpropError, WorkLimitError, brief
from varprop.model.sizes import expanded, length, substitute, terms_expanded, too_large

n = vp.symbol("n")
HUGE_TEXTS = [
    "exp(1e60*log(10))",
    "exp(1000*log(10**60))",
    "exp(log(2)*exp(5))",
    "(1 + 1e-300)**64",
    "(10**60 + 1/7)**64 * (10**64)**1",
    "sqrt(1e300)**63",
    "exp(1001)",
]


@pytest.mark.parametrize("text", HUGE_TEXTS)
def test_huge_numbers_are_refused_before_they_are_computed(text, at_most):
    with at_most(20_000), pytest.raises(ParseError) as refused:
        vp.parse_scalar(text)
    assert refused.value.remedy


@pytest.mark.parametrize(
    "text", ["exp(1000)", "exp(3*log(10))", "exp(60*log(n))", "10**64", "(1 + 1e-9)**64"]
)
def test_large_numbers_are_read(text):
    assert vp.parse_scalar(text).is_positive


@pytest.mark.parametrize(
    "value",
    [
        10**500,
        10**5000,
        sp.Integer(10) ** 5000,
        sp.Rational(1, sp.Integer(10) ** 5000),
        sp.Pow(10, sp.Integer(10) ** 60, evaluate=False),
        n ** (10**60),
        sp.exp(10**9 * n),
    ],
    ids=range(7),
)
def test_huge_scalars_are_refused(value):
    for use in (
        lambda: vp.Normal(variance=value),
        lambda: vp.at(n * vp.Mean(vp.RandomVariable("x", "Normal()")), {n: value}),
        lambda: vp.RandomVariable("x", "Normal()") * value,
        lambda: vp.Axis("i", value),
    ):
        with pytest.raises(VarpropError) as refused:
            use()
        assert len(str(refused.value)) < 3000


def test_values_for_symbols_do_not_blow_up():
    x = vp.RandomVariable("x", vp.Normal(variance=2**n))
    with pytest.raises(WorkLimitError, match="exponent"):
        vp.at(vp.Variance(x), {"n": 10**30})
    with pytest.raises(WorkLimitError, match="4000 digits"):
        substitute((n + 1) ** 64, {n: sp.Integer(10) ** 300})
    with pytest.raises(WorkLimitError, match="exponent"):
        substitute(sp.exp(n * sp.log(3)), {n: sp.Integer(10) ** 9})
    assert substitute(2**n, {n: sp.Integer(10)}) == 1024
    assert substitute(sp.exp(n), {n: sp.Integer(1000)}) == sp.exp(1000)
    z = vp.dot(weights="Normal()", inputs="Normal()", fan_in="n")
    assert vp.derive(vp.at(vp.Kurtosis(z), {"n": 10**30})).result == 3 + sp.Rational(6, 10**30)
    with pytest.raises(VarpropError, match="no run could draw so many"):
        vp.check(vp.Variance(z), equals="n", at={"n": 10**30}, budget=0.1)


def test_expansion_is_bounded():
    a, b, c = sp.symbols("a b c")
    assert expanded((a + b) ** 2) == a**2 + 2 * a * b + b**2
    for long in ((a + b + c) ** 100, sp.Mul(*(sp.Symbol(f"v{k}") + a for k in range(60)))):
        assert expanded(long) is long
    assert terms_expanded((a + b + 1) ** 2) == 6
    assert terms_expanded(1 / (a + b) ** 5000) > 3000
    assert terms_expanded(sp.sin((a + b) ** 5000)) > 3000
    assert terms_expanded((a * b) ** 5000) == 1
    assert terms_expanded((a + b) * (a + c) * (b + c)) == 8


def test_length_counts_shared_parts_as_often_as_they_are_written():
    e = sp.Symbol("a")
    for _ in range(40):
        e = sp.sin(e + 1) * sp.cos(e + 1)
    assert length(e) > 2**40
    assert length(n + 1) == 3


def test_sizes_are_named():
    assert too_large(n**5 + 7) == ""
    assert "digits" in too_large(n + sp.Integer(10) ** 4001)
    assert "exponent" in too_large(n ** (10**7))
    assert brief(object.__new__(vp.Axis)) == "a value of type Axis"


def test_values_are_put_in_all_at_once():
    """The size 1/n of an axis, and the n before the sum, are not looked at a second time."""
    i = vp.Axis("i", n)
    w, x = (vp.RandomVariable(name, vp.Normal(variance=n), axes=i) for name in "wx")
    z = n * vp.sum_over(i, w * x)
    m = vp.symbol("m")
    for value in (1 / n, n**2, m):
        assert sp.expand(vp.derive(vp.at(vp.Variance(z), {n: value})).result - value**5) == 0
    swapped = vp.at(vp.Variance(m * n**2 * w), {n: m, m: n})
    assert vp.derive(swapped).result == n**2 * m**5


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({3: 4}, "a value for 3"),
        ({"n + 1": 4}, "n \\+ 1"),
        ({n + 1: 4}, "n \\+ 1"),
        ({"m": 4}, "m.*does not occur.*n"),
        ({"n": 4, n: 5}, "there are two"),
        ({None: 4}, "a value for None"),
        ([("n", 4)], "no mapping"),
        ({"n": None}, "the value of n"),
    ],
)
def test_values_are_for_symbols_that_occur(values, words):
    x = vp.RandomVariable("x", vp.Normal(variance=n))
    for thing in (vp.Variance(x), x, vp.Equal(vp.Variance(x), 1)):
        with pytest.raises(VarpropError, match=words):
            vp.at(thing, values)


def test_symbols_are_found_wherever_they_stand():
    a, s, k = vp.symbol("a"), vp.symbol("s"), vp.symbol("k")
    i = vp.Axis("i", k)
    z = vp.sum_over(i, a * vp.leaky_relu(s)(vp.RandomVariable("w", vp.Normal(variance=n), axes=i)) + 1)
    for name in (n, a, s, k):
        assert vp.at(z, {name: 3}) is not z
    assert vp.Transformed(vp.leaky_relu(s), vp.Normal(variance=n)).free_symbols == {s, n}
