"""TeX is shown right or refused, and what is made is well-formed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import sympy as sp
from hypothesis import given, strategies as st

from varprop.render.mathml import UnknownTeX, to_mathml

x, n, s = sp.symbols("x n sigma_w", positive=True)


def words(tex: str) -> str:
    return "".join(ET.fromstring(to_mathml(tex)).itertext())


@pytest.mark.parametrize(
    "expression",
    [
        x**2 / n + sp.sqrt(2 / sp.pi) * sp.exp(-(x**2) / 2),
        sp.erf(x / sp.sqrt(2)) / 2,
        sp.Piecewise((x, x > 1), (n, True)),
        sp.Sum(x**n, (n, 1, sp.oo)),
        sp.Integral(x, (x, 0, 1)),
        sp.binomial(n, 2) * sp.factorial(n) * sp.gamma(x),
        sp.Abs(x - n) ** sp.Rational(1, 3),
        sp.Symbol("mu_x", real=True) ** 2 * s,
        sp.log(x) * sp.tanh(n) * sp.Max(x, n) * sp.floor(sp.Symbol("q")),
        sp.Matrix([[1, x]]).applyfunc(lambda entry: entry + 1)[0, 1],
        -x / (n - 1) - sp.Rational(3, 7) * sp.I,
        sp.cbrt(x) + sp.Symbol("a_{i,j}"),
    ],
    ids=str,
)
def test_what_sympy_writes_is_read(expression: sp.Expr) -> None:
    assert words(sp.latex(expression))


@pytest.mark.parametrize(
    ("tex", "shown"),
    [
        (r"\operatorname{Var}(z)", "Var(z)"),
        (r"\mathbb{E}[x^2] \le \mathcal{N}(0, 1)", "𝔼[x2]≤𝒩(0,1)"),
        (r"\mathcal{L} \mathbf{w} \mathbb{R} \mathsf{a} \mathbf{1}", "ℒ𝐰ℝ𝖺1"),
        (r"\sum_{i=1}^{n} w_i x_i", "∑i=1nwixi"),
        (r"\left(a \middle| b\right]", "(a|b]"),
        (r"\left. x \right|_{0}", "x|0"),
        (r"x'' + x'^2", "x′′+x′2"),
        (r"\text{if } x", "if\u00a0x"),
        (r"\text{100\% of a\_b}", "100%\u00a0of\u00a0a_b"),
        (r"\sqrt[3]{x}", "x3"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "a=bc=d"),
        (r"\hat{x} - \overline{y}", "x^−y¯"),
        (r"\binom{n}{2} {}^{2}", "(n2)2"),
        (r"\lim_{n \to \infty} \operatorname*{max}_i x_i", "limn→∞maxixi"),
        (r"\left\langle x \right\rangle \, \quad y", "⟨x⟩y"),
        (r"\mathrm{d}x \mathit{ab} \sigma*2 {}", "dxabσ*2"),
    ],
)
def test_the_signs_are_right(tex: str, shown: str) -> None:
    assert words(tex) == shown


@pytest.mark.parametrize(
    "tex",
    ["{", "}", "x^", r"\frac{1}", r"\nonsense", r"\left( x", r"\left\alpha x \right)",
     r"\begin{array} x \end{array}",
     "x_1_2", r"\text{a{b}", r"\text{a", r"\text{\frac}", "a & b", r"\begin{cases} x", r"\sqrt[3",
     "{" * 5_000,
     r"\sqrt" * 5_000 + "x", "$", r"\href{a}{b}"],
)  # fmt: skip
def test_what_is_not_known_is_refused(tex: str) -> None:
    with pytest.raises(UnknownTeX):
        to_mathml(tex)


@given(st.text(r"\{}^_&'[]()<>|ax1+- ", max_size=30))
def test_any_text_gives_well_formed_mathml_or_is_refused(tex: str) -> None:
    try:
        made = to_mathml(tex, alternative=tex, display=True)
    except UnknownTeX:
        return
    ET.fromstring(made)


@pytest.mark.parametrize(
    ("tex", "spaces"),
    [
        (r"n \operatorname{E}[x] \operatorname{Var}[w] + \operatorname{Var}[b]", 2),
        (r"\operatorname{E}\left[x\right] \operatorname{Var}[w]", 1),
        (r"\sum_{i} \operatorname*{Var}", 1),
        (r"x_{i}^{2} \log n", 1),
        (r"2\,\log n", 1),
        (r"(\log n", 0),
        (r"= \max x", 0),
    ],
)
def test_a_thin_space_stands_before_the_name_of_a_function(tex: str, spaces: int) -> None:
    assert to_mathml(tex).count('<mspace width="0.17em">') == spaces
