"""Long sums, long products and deep nets: an answer or a WorkLimitError in bounded time, and short texts."""

import pytest
import sympy as sp

import varprop as vp
from varprop.derivation.eliding import line_math
from varprop.derivation.proofs import tidy
from varprop.derivation.structure import opened_sum
from varprop.model.expressions import Add

CALLS = 40_000_000


@pytest.fixture(autouse=True)
def bounded(at_most):
    with at_most(CALLS):
        yield


def variable(name, law):
    return vp.RandomVariable(name, law)


def total(terms):
    terms = list(terms)
    return sum(terms[1:], start=terms[0])


def test_a_sum_of_many_terms_with_a_shared_input():
    x, v = variable("x", "Uniform(0, 1)"), vp.symbol("v")
    z = total(x * variable(f"w{k}", "Normal(variance=v)") for k in range(200))
    proof = vp.derive(vp.Variance(z))
    assert sp.expand(proof.result - 200 * v / 3) == 0
    assert len(proof) < 12
    assert len(str(proof)) < 100_000
    assert "[200 terms]" in str(proof) and "200 terms" in proof.to_latex()
    assert "more of this kind" in str(proof)


def test_a_sum_of_many_dependent_terms_is_refused():
    x = variable("x", "Uniform(0, 1)")
    z = Add.of(x * variable(f"w{k}", "Exponential()") for k in range(60))
    with pytest.raises(vp.WorkLimitError, match="more than 3000 terms") as refused:
        vp.derive(vp.Moment(z, 4))
    assert refused.value.remedy


def test_an_order_beyond_the_bound_is_an_error_of_its_own():
    x = variable("x", "Uniform(0, 1)")
    for order in (201, 10**9, 10**5000):
        with pytest.raises(vp.VarpropError):
            vp.derive(vp.Moment(x * variable("w", "Exponential()"), order))


@pytest.mark.parametrize("law", ["Unknown(mean=m{0}, variance=v{0})", "Normal(mean=m{0}, variance=v{0})"])
def test_a_product_of_many_factors_with_symbols_of_their_own(law):
    z = variable("x", law.format("x"))
    for k in range(59):
        z = z * variable(f"x{k}", law.format(k))
    proof = vp.derive(vp.Variance(z))
    values = {name: sp.Rational(1, 2) for name in proof.result.free_symbols}
    assert proof.result.xreplace(values) == sp.Rational(3, 4) ** 60 - sp.Rational(1, 4) ** 60
    assert len(str(proof)) < 40_000
    assert "[60 factors]" in str(proof)


def test_blocks_with_symbols_of_their_own_stay_a_product():
    e = variable("x", "Normal(variance=q)")
    for k in range(40):
        e = e + variable(f"w{k}", f"Normal(variance=c{k})") * e
    expected = vp.symbol("q") * sp.Mul(*(1 + vp.symbol(f"c{k}") for k in range(40)))
    assert vp.derive(vp.Variance(e)).result == expected


def test_a_text_with_large_powers_stays_as_it_is():
    x = variable("x", "Normal(variance=((n + 1)**8 + m + 1)**8)")
    n, m = vp.symbol("n"), vp.symbol("m")
    assert vp.derive(vp.Variance(x)).result == ((n + 1) ** 8 + m + 1) ** 8
    many = sp.Add(*(vp.symbol(f"a{k}") * vp.symbol(f"b{k}") for k in range(90)))
    assert tidy(many) == many


def test_inner_sums_are_opened_where_they_are_used_once():
    x, y, w = (variable(name, "Normal()") for name in "xyw")
    assert set(opened_sum(x + (y + w))) == {x, y, w}
    e = x + y
    assert set(opened_sum(e + w * e)) == {e, w * e}
    assert opened_sum(x) == (x,)
    assert set(opened_sum((x + y) + (x + w))) == {x + y, x + w}  # x would be a term twice


def test_a_few_of_many_terms_are_shown():
    symbols = [vp.symbol(f"a{k}") for k in range(500)]
    short = line_math(sp.Add(*symbols[:20]))
    assert "[" not in short.plain
    long = line_math(1 / (1 + sp.Add(*symbols)) ** 2 + sp.exp(symbols[0]))
    assert "... " in long.plain and "[501 terms])**(-2)" in long.plain
    assert r"\dots" in long.latex and r"\text{[501 terms]}" in long.latex
    assert len(long.plain) < 100


def test_cumulants_of_high_orders_are_quick_or_refused() -> None:
    squared = variable("x", "Normal()") ** 2
    assert vp.derive(vp.Cumulant(squared, 20)).result == sp.factorial(19) * 2**19  # chi-square, one degree
    with pytest.raises(vp.WorkLimitError, match="order up to 26"):
        vp.derive(vp.Cumulant(squared, 30))


def test_deep_nestings_of_one_variable_are_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("varprop.derivation.structure.MOST_VISITS", 100_000)
    x, w = variable("x", "Normal()"), variable("w", "Normal()")
    e = x
    for _ in range(1000):
        e = (e + 1) * w
    with pytest.raises(vp.WorkLimitError, match="more than 100000 parts"):
        vp.derive(vp.Variance(e))
    chain = x
    for k in range(300):
        chain = (chain + 1) * variable(f"w{k}", "Normal()")
    assert vp.derive(vp.Variance(chain)).result == 301  # each factor lets through what it gets, and 1
