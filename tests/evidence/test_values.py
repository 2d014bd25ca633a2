"""Numbers for symbols that a check was given no value of."""

from __future__ import annotations

import pytest

import varprop as vp


def chosen(quantity: object, **settings: object) -> dict[str, str]:
    """The values of a check with next to no budget."""
    return dict(vp.check(vp.derive(quantity), budget=0.001, **settings).at)  # type: ignore[arg-type]


def test_defaults_are_positive_where_the_symbol_is() -> None:
    """A text's symbols are positive; the usual range of a lower bound is not."""
    x = vp.RandomVariable("x", "Uniform(a, b)")
    assert chosen(vp.Mean(x)) == {"a": "7/10", "b": "13/10"}
    assert chosen(vp.Mean(x), at={"b": 1}) == {"a": "7/10", "b": "1"}
    assert chosen(vp.Mean(vp.RandomVariable("x", "Uniform(-a, b)"))) == {"a": "7/10", "b": "13/10"}


def test_where_no_default_fits_values_are_asked_for() -> None:
    with pytest.raises(vp.CheckError, match=r"Give them: at=\{a: \.\.\.\}"):
        chosen(vp.Mean(vp.RandomVariable("x", "Uniform(a, b)")), at={"b": "1/10"})


def test_a_symbol_of_the_claim_alone_has_no_default() -> None:
    x = vp.RandomVariable("x", "Uniform(0, 6)")
    with pytest.raises(vp.CheckError, match=r"values for p, q: .* at=\{'p': ..., 'q': ...\}"):
        vp.check(vp.Variance(x), equals="p*q")
    assert vp.check(vp.Variance(x), equals="p*q", at={"p": 6, "q": "1/2"}).verdict == "agrees"


def test_a_coarse_resolution_is_refused() -> None:
    """Within a factor 2 an agreeing zero would say nothing: |E z| never exceeds the natural scale."""
    x = vp.RandomVariable("x", "Uniform(0, 6)")
    with pytest.raises(vp.CheckError, match=r"above 1 and at most 1\.5"):
        vp.check(vp.Mean(x), equals=0, resolution=2)
    assert vp.check(vp.Mean(x), equals=0, resolution=1.5).verdict == "disagrees"


def test_values_of_names_that_no_claim_contains_are_refused() -> None:
    proof = vp.derive(vp.Variance(vp.neuron(weights="Normal(variance=v)", inputs="Normal()", fan_in="n")))
    with pytest.raises(vp.CheckError, match=r"^at 'm': no claim contains it\. There are: n, v"):
        vp.check(proof, at={"n": 8, "m": 9})
    with pytest.raises(vp.CheckError, match="no symbols"):
        vp.check(vp.Mean(vp.RandomVariable("x", "Uniform(0, 6)")), equals=3, at={vp.symbol("n"): 8})
    for step in proof:  # the values of a proof serve each of its steps
        assert vp.check(step, at={"n": 8, "v": "1/8"}, resolution=1.1).verdict == "agrees"
