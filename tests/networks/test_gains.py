"""Gains: formulas, proven digits, the quadrature of SciPy, and quoted constants."""

import json
import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate

import varprop as vp
from varprop.cli import main
from varprop.model.activations import NAMED
from varprop.networks.gain_tables import QUOTED, over_depth
from varprop.networks.gains import KINDS
from varprop.numerics import enclosures

NAMES = [
    "relu",
    "leaky_relu(0.01)",
    "gelu",
    "tanh",
    "silu",
    "celu(2)",
    "hardswish",
    "sin",
    "softsign",
    "square",
]


def rms(function, q, kinks=()):
    """sqrt(E f(z)^2) by SciPy, split at kinks."""
    ends = [-12 * math.sqrt(q), *kinks, 12 * math.sqrt(q)]
    total = 0.0
    for low, high in pairwise(ends):
        total += integrate.quad(
            lambda x: function(np.array(x)) ** 2 * math.exp(-x * x / (2 * q)) / math.sqrt(2 * math.pi * q),
            low,
            high,
            epsabs=1e-13,
            epsrel=1e-13,
        )[0]
    return math.sqrt(total)


@pytest.mark.parametrize("q", [1, 2.25])
@pytest.mark.parametrize("name", NAMES)
def test_gains_are_one_over_rms(name, q):
    phi, found = vp.activation(name), vp.gain(name, q=q)
    kinks = [float(kink) for kink in phi.kinks]
    size = rms(phi.value, q, kinks)
    slope = rms(phi.derivative, q, kinks)
    mean = float(sp.N(found.mean))
    assert float(found.forward) == pytest.approx(math.sqrt(q) / size, rel=1e-10)
    assert float(found.backward) == pytest.approx(1 / slope, rel=1e-10)
    assert float(found.centered) == pytest.approx(math.sqrt(q / (size**2 - mean**2)), rel=1e-9)
    assert float(found.compromise) == pytest.approx(math.sqrt(2 / (size**2 / q + slope**2)), rel=1e-10)
    assert float(found.chi_1) == pytest.approx(q * slope**2 / size**2, rel=1e-9)
    assert float(found.growth("backward") * found.backward**-2) == pytest.approx(size**2 / q, rel=1e-9)


def test_exact_forms():
    assert vp.gain("gelu").forward.equals(sp.sqrt(6 * sp.pi) / sp.sqrt(sp.sqrt(3) + 2 * sp.pi))
    assert vp.gain("relu", q="q").forward == sp.sqrt(2)
    assert vp.gain("leaky_relu(a)").forward.equals(sp.sqrt(2 / (1 + vp.symbol("a") ** 2)))
    assert vp.gain("erf").backward.equals((sp.pi**2 * 5 / 16) ** sp.Rational(1, 4))
    assert vp.gain("selu").mean == 0 and float(vp.gain("selu").forward) == 1
    assert vp.gain("step").backward == sp.oo and vp.gain("step").chi_1 == 0
    assert vp.gain("tanh", q="q").forward.free_symbols == {vp.symbol("q")}


def test_digits_are_proven_where_flint_is():
    pytest.importorskip("flint")
    found = vp.gain("tanh")
    assert found.precision == "enclosure"
    with mpmath.workdps(40):
        square = mpmath.quad(lambda z: mpmath.tanh(z) ** 2 * mpmath.npdf(z), range(-15, 16))
        assert abs(mpmath.mpf(str(found.digits("forward", 30))) - 1 / mpmath.sqrt(square)) < mpmath.mpf(
            "3e-29"
        )
    low, high = float(found.forward) - found.error(), float(found.forward) + found.error()
    assert low <= 1.5925374197228315 <= high and found.error() < 1e-15


def test_std():
    assert vp.gain("relu").std(fan_in="n") == sp.sqrt(2 / vp.symbol("n"))
    assert float(vp.gain("tanh").std(100, "backward")) == pytest.approx(0.1467413591630795, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vp.gain("gleu"), "Did you mean gelu"),
        (lambda: vp.gain("zzzzzz"), "There are abs"),
        (lambda: vp.gain("relu(2)"), "takes no parameters"),
        (lambda: vp.gain("celu(1, 2)"), "too many positional arguments"),
        (lambda: vp.gain("celu(-1)"), "outside its domain"),
        (lambda: vp.gain("hardtanh(1, -1)"), "below high"),
        (lambda: vp.gain(3.5), "it is no name"),
        (lambda: vp.gain("relu", q=0), "outside its domain"),
        (lambda: vp.gain("relu", q=-1), "outside its domain"),
        (lambda: vp.gain("relu", q=math.nan), "finite"),
        (lambda: vp.gain("relu").std(fan_in=0), "outside its domain"),
        (lambda: vp.gain("relu").std(10, "sideways"), "Use forward"),
        (lambda: vp.gain("step").std(10, "backward"), "infinite"),
        (lambda: vp.gain("tanh", q="q").digits(), "depends on"),
        (lambda: vp.gain_table(["relu"], depth=-1), "no number of layers"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(vp.VarpropError, match=message):
        make()


def test_quoted_gains_are_near_the_exact_ones_or_known_not_to_be():
    off = {}
    for quote in QUOTED:
        exact = float(vp.gain(quote.activation).digits(quote.kind))
        off[quote.source, quote.activation, quote.kind] = quote.value / exact - 1
    assert max(abs(value) for key, value in off.items() if key[0] == "nfnets") < 1e-3
    assert off["torch", "tanh", "forward"] == pytest.approx(0.0465, abs=1e-4)
    assert off["torch", "selu", "forward"] == pytest.approx(-0.25, abs=1e-12)
    assert 0.01 < max(abs(value) for key, value in off.items() if key[0] == "unit-scaling") < 0.04


def test_over_depth_of_homogeneous_activations_is_a_power():
    signal, gradient = over_depth("leaky_relu(1/2)", 1.1, depth=20)
    assert signal == pytest.approx((1.21 * 0.625) ** 20, rel=1e-12)
    assert gradient == pytest.approx((1.21 * 0.625) ** 20, rel=1e-12)
    assert over_depth("square", 10, depth=50)[0] == math.inf
    assert over_depth("step", 1, depth=3)[1] == 0


def test_without_names_the_table_holds_every_registered_activation(capsys):
    assert main(["gain", "--depth", "0", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    found = {gains["activation"].partition("(")[0] for gains in record["gains"]}
    assert found == set(NAMED) - {"polynomial", "prelu", "swish"}
    assert len(record["gains"]) == len(found) + 1  # leaky_relu with the slopes of both names
    assert len(record["quoted"]) == len(QUOTED)
    by_name = {gains["activation"]: gains["numbers"]["forward"] for gains in record["gains"]}
    assert by_name["cos"] == pytest.approx(math.sqrt(2 / (1 + math.exp(-2))), rel=1e-14)
    assert by_name["exp"] == pytest.approx(math.exp(-1), rel=1e-14)


def test_the_command(capsys):
    assert main(["gain", "relu", "tanh", "--depth", "2"]) == 0
    text = capsys.readouterr().out
    assert "1.4142136" in text and "torch" in text and "over 2 layers" in text
    assert main(["gain", "tanh", "--depth", "2"]) == 0
    assert "over 2 layers" in capsys.readouterr().out
    assert main(["gain", "leaky_relu(0.2)", "--q", "2", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)["gains"][0]
    assert record["numbers"]["forward"] == pytest.approx(math.sqrt(2 / 1.04))
    assert main(["gain", "rellu"]) == 2
    assert "Did you mean relu" in " ".join(capsys.readouterr().err.split())


def test_the_table_fits_a_terminal_of_80_columns(capsys):
    assert main(["gain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines[lines.index("") :]]
    shown = {row[0]: row[1:6] for row in rows if len(row) == 6}
    for gains in vp.gain_table().records():  # one row each, none of them wrapped
        numbers = [gains["numbers"][kind] for kind in KINDS]
        expected = ["inf" if number is None else f"{number:.8g}" for number in numbers]
        assert shown[gains["activation"]][:4] == expected
    assert ("- Enclosure: " in "\n".join(lines)) == enclosures.available()


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--depth", "-1"], "no number of layers"), (["--depth", "3", "--q", "2"], "followed from q = 1")],
)
def test_a_depth_that_means_nothing_is_refused(options, message, capsys):
    assert main(["gain", "relu", *options]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_gains_of_a_constant_are_infinite_where_nothing_passes() -> None:
    for zero in (vp.polynomial(0), lambda x: 0 * x):
        nothing = vp.gain(zero)
        assert {nothing.forward, nothing.centered, nothing.backward, nothing.compromise} == {sp.oo}
        assert nothing.record()["numbers"]["compromise"] is None
    three = vp.gain(lambda x: 0 * x + 3)
    assert (three.centered, three.backward) == (sp.oo, sp.oo)
    assert float(three.forward) == pytest.approx(1 / 3, rel=1e-14)


def test_what_is_not_in_l2_is_named_by_its_second_moment() -> None:
    with pytest.raises(vp.MomentError, match=r"E lambda\^2 under N\(0, 1\^2\)"):
        vp.gain(lambda x: np.exp(x * x / 2))


def test_tables_take_callables_and_no_bare_name() -> None:
    table = vp.gain_table([np.tanh, "gelu"], depth=3)
    assert [quote.source for quote in table.quotes(vp.activation("gelu"))] == [
        "nfnets",
        *["unit-scaling"] * 2,
    ]
    assert "tanh" in str(table) and table.quotes(vp.activation(lambda x: x**3)) == ()
    with pytest.raises(vp.ParameterError, match="it is no list"):
        vp.gain_table("relu")
    assert "What libraries quote" not in str(vp.gain_table([np.arctan]))


def test_small_spreads_keep_their_digits_or_are_refused() -> None:
    assert float(vp.gain("sigmoid", q="1e-16").centered) == pytest.approx(4, rel=1e-12)
    by_values = vp.gain(lambda x: 1 / (1 + np.exp(-x)), q="1e-10")
    assert float(by_values.centered) == pytest.approx(4, abs=by_values.error("centered"))
    with pytest.raises(vp.MomentError, match="too small against E phi"):
        _ = vp.gain(lambda x: 1 / (1 + np.exp(-x)), q="1e-16").centered


@pytest.mark.parametrize("share", ["1/10", "1/5", "6/25"])
def test_digits_reach_as_far_as_the_integrand(share: str) -> None:
    x, c = sp.Symbol("x"), sp.Rational(share)
    found = vp.gain(sp.exp(c * x**2))
    assert float(found.forward) == pytest.approx((1 - 4 * float(c)) ** 0.25, rel=1e-13)
    assert found.second_moment.evalf(25) == pytest.approx(1 / sp.sqrt(1 - 4 * c).evalf(30), rel=1e-22)


def test_a_constant_signal_and_vanishing_layers_over_depth() -> None:
    assert over_depth("relu", 1e-200, depth=3) == (0.0, 0.0)
    assert math.isnan(over_depth("exp", 30, depth=9)[1])
    assert vp.gain("relu", q="q").chi("centered") == sp.pi / (sp.pi - 1)
    assert "q" in vp.gain("tanh", q="q").to_text()
