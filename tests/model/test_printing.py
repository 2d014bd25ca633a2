"""Expressions as text and as LaTeX: names, primes, indices, brackets."""

import pytest
from matplotlib.mathtext import MathTextParser

from varprop import Axis, Normal, RandomVariable, leaky_relu, relu, sum_over, symbol
from varprop.model.printing import Names, naming, to_latex, to_text

n, v = symbol("n"), symbol("v")
ROW, COLUMN = Axis("i", n), Axis("j", 3)
X, Y = (RandomVariable(name, Normal()) for name in "xy")
W = RandomVariable("w", Normal(), axes=ROW, role="weights")
M = RandomVariable("m", Normal(), axes=(COLUMN, ROW), role="weights")
T = RandomVariable("t", Normal(), axes=(ROW, ROW))
Z = RandomVariable("z", Normal())
A, B = ROW.places(2)


@pytest.mark.parametrize(
    ("e", "text", "latex"),
    [
        (X, "x", "x"),
        (2 * X, "2*x", "2 x"),
        (-X, "-x", "-x"),
        (X / 2, "1/2*x", r"\frac{1}{2} x"),
        (X - Y, "x - y", "x - y"),
        (3 - X, "-x + 3", "-x + 3"),
        (X**2 * Y, "x**2*y", "x^{2} y"),
        ((X + Y) ** 2, "(x + y)**2", r"\left(x + y\right)^{2}"),
        ((X + Y) * X, "x*(x + y)", r"x \left(x + y\right)"),
        (X + (Y + 1), "x + (y + 1)", r"x + \left(y + 1\right)"),
        ((n + 1) * X, "(n + 1)*x", r"\left(n + 1\right) x"),
        (relu(X + Y), "relu(x + y)", r"\operatorname{relu}\left(x + y\right)"),
        (relu(X) ** 2, "relu(x)**2", r"\operatorname{relu}\left(x\right)^{2}"),
        (leaky_relu("a")(X), "leaky_relu(a)(x)", r"\operatorname{leaky\_relu(a)}\left(x\right)"),
        (W, "w_i", "w_{i}"),
        (M, "m_ji", "m_{ji}"),
        (W[A], "w_i1", "w_{i1}"),
        (W.at(i=0), "w[0]", "w_{0}"),
        (M[COLUMN.at(1), A], "m[1,i1]", "m_{1,i1}"),
        (sum_over(ROW, W * X), "sum_i w_i*x", r"\sum_{i} w_{i} x"),
        (sum_over(ROW, W) + Z, "(sum_i w_i) + z", r"\left(\sum_{i} w_{i}\right) + z"),
        (X * sum_over(ROW, W), "x*(sum_i w_i)", r"x \left(\sum_{i} w_{i}\right)"),
        (sum_over(ROW, W) ** 2, "(sum_i w_i)**2", r"\left(\sum_{i} w_{i}\right)^{2}"),
        (sum_over(ROW, W + Z), "sum_i (w_i + z)", r"\sum_{i} \left(w_{i} + z\right)"),
        (
            sum_over(ROW, W * sum_over(ROW, W)),
            "sum_i w_i*(sum_i' w_i')",
            r"\sum_{i} w_{i} \left(\sum_{i'} w_{i'}\right)",
        ),
        (T[A, B], "t[i1,i2]", "t_{i1,i2}"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_text_and_latex(e, text, latex):
    assert to_text(e) == str(e) == repr(e) == text
    assert to_latex(e) == latex


def test_a_second_variable_of_a_name_is_primed():
    first, second, third = (RandomVariable("w", Normal()) for _ in range(3))
    assert str(third * second + first) == "w + w'*w''"
    assert str(second) == "w"
    primed = RandomVariable("x", Normal())
    assert str(X + primed) == "x + x'"


def test_places_and_indices_never_share_a_name():
    free = W * sum_over(ROW, W)
    assert str(free) == "w_i*(sum_i' w_i')"
    other = Axis("i", 5)
    u = RandomVariable("u", Normal(), axes=other)
    assert str(W * u) == "w_i*u_i'"
    c, d = (ROW.places(1)[0] for _ in range(2))
    assert str(W[c] * W[d]) == "w_i1*w_i1'"


def test_names_of_many_lines_are_the_same_in_all():
    first, second = (RandomVariable("w", Normal()) for _ in range(2))
    with naming(Names((first, second))):
        assert (str(second), str(first)) == ("w'", "w")
    assert str(second) == "w"


def test_an_alias_stands_for_a_whole_expression():
    z = sum_over(ROW, W * X)
    with naming(Names((z**2 + X,), {z: "z"})):
        assert str(z**2 + X) == "x + z**2"
        assert to_latex(relu(z)) == r"\operatorname{relu}\left(z\right)"


def test_greek_names_and_digits_in_latex():
    assert to_latex(RandomVariable("beta", Normal()) * RandomVariable("w1", Normal())) == r"\beta w_{1}"


def test_endless_text_is_cut():
    e = X
    for _ in range(100):
        e = e + relu(e)
    assert len(str(e)) < 5000
    assert "..." in str(e)


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("w1", r"\sum_{i} w_{1,i}^{2} w_{1,i}'^{2}"),
        ("w_in", r"\sum_{i} w_{in,i}^{2} w_{in,i}'^{2}"),
        ("alpha2", r"\sum_{i} \alpha_{2,i}^{2} \alpha_{2,i}'^{2}"),
        ("x__2", r"\sum_{i} {x^{2}}_{i}^{2} {x^{2}}_{i}'^{2}"),
        ("W", r"\sum_{i} W_{i}^{2} W_{i}'^{2}"),
    ],
)
def test_a_name_with_an_index_of_its_own_takes_one_subscript(name, latex):
    first, second = (RandomVariable(name, Normal(), axes=ROW) for _ in range(2))
    written = to_latex(sum_over(ROW, first**2 * second**2))
    assert written == latex
    MathTextParser("path").parse(f"${written}$")  # it refuses a double subscript, as TeX does
