"""The lecture's words as results: each number by a second way, each plot and table as they are shown."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import varprop as vp
from varprop.cli import main
from varprop.errors import ParameterError
from varprop.networks.lengths import lengths, slopes
from varprop.questions.lecture import LESSONS

M, N, Q = vp.symbol("m"), vp.symbol("n"), vp.symbol("q")


def one_layer(q: float, function=math.tanh) -> float:
    return integrate.quad(
        lambda x: function(math.sqrt(q) * x) ** 2 * stats.norm.pdf(x), -12, 12, epsabs=1e-13
    )[0]


def test_the_length_map_is_derived_and_iterated() -> None:
    q, found = 1.0, lengths("tanh", 1.7, depth=5)
    for layer in range(1, 6):
        q = 1.7 * one_layer(q)
        assert found[layer] == pytest.approx(q, rel=1e-9)
    through = slopes("tanh", found[:1])
    assert through[0] == pytest.approx(
        integrate.quad(lambda x: (1 - math.tanh(x) ** 2) ** 2 * stats.norm.pdf(x), -12, 12)[0], rel=1e-9
    )
    assert lengths("relu", [1.0, 2.0, 4.0], q=3.0, depth=4)[-1].tolist() == [3 / 16, 3, 48]


def test_beyond_the_range_of_floats_lengths_are_zero_or_inf() -> None:
    assert lengths("gelu", 50.0, depth=400)[-1] == math.inf
    assert lengths("tanh", 1e-3, depth=400)[-1] == 0
    assert lengths("relu", 50.0, depth=400)[-1] == math.inf


@pytest.mark.parametrize(
    "arguments",
    [{"factor": 0.0}, {"factor": math.nan}, {"q": -1.0}, {"q": math.inf}, {"depth": -1}, {"depth": 1.5}],
)
def test_lengths_refuse_bad_input(arguments: dict) -> None:
    with pytest.raises(ParameterError):
        lengths("tanh", **arguments)


def test_the_root() -> None:
    found = vp.lesson("root", n_in=50, n_out=7)
    assert found.derivation.result == sp.sqrt(2) / sp.sqrt(N) and found.number == sp.Rational(1, 5)
    assert found.largest_difference == 0
    [(_, right), (_, wrong), (_, none)] = found._factors()
    assert (right, wrong, none) == (1, sp.Rational(2, 50), 25)


def test_one_for_tanh() -> None:
    found = vp.lesson("tanh", depth=200)
    assert found.number == 1 / N and found.slope == 1
    assert found.loss.result == Q - 2 * Q**2
    small = 1e-3
    assert one_layer(small) == pytest.approx(small - 2 * small**2, rel=2e-5)
    assert found.path[200] == pytest.approx(1 / 400, rel=0.03)
    assert lengths("tanh", depth=4000)[-1] == pytest.approx(1 / 8000, rel=3e-3)
    assert (np.diff(found.path) < 0).all()
    assert "1/(2 l)" in found.to_text()


def test_two_for_relu_is_the_second_moment_and_not_the_variance() -> None:
    found = vp.lesson("relu", depth=30)
    assert found.number == 2 / N
    assert found.second_moment.result == sp.Rational(1, 2)
    assert sp.simplify(found.variance.result - (sp.Rational(1, 2) - 1 / (2 * sp.pi))) == 0
    assert float(found.variance.result) == pytest.approx(0.3408450569)
    text = found.to_text()
    for part in ("0.3408", "2.9339/n", "1/2"):
        assert part in text
    assert [float(f) for _, f in found._rules()] == pytest.approx([1, 0.5, 0.25, 0.5 / 0.3408450569])


def test_another_version() -> None:
    found = vp.lesson("bengio", n_out=300, n_in=100)
    assert found.number == sp.Rational(1, 200)
    assert "3/2" in found.to_text() and "Xavier" in found.to_text()


def test_the_multiplier_is_exact_for_homogeneous_activations() -> None:
    for name in ("relu", "identity", "leaky_relu(0.2)", "abs"):
        found = vp.lesson("multiplier", m="3/2", depth=4, activation=name)
        assert found.number == sp.Rational(3, 2) ** 8
        assert found.derivation.result == M**6 * Q and found.derivation.validity == "exact"
        assert found.on_the_variance.result == M**3 * Q
        assert found._path(1.5)[-1] == pytest.approx(1.5**8)
    narrow = vp.at(found.derivation.goal, {"m": "11/10", "q": 1, "n_0": 4, "n_1": 3, "n_2": 3, "n_3": 2})
    assert vp.check(narrow, equals="1.1**6", seed=5, budget=0.5).verdict == "agrees"
    assert vp.check(narrow, equals="1.1**3", seed=5, budget=0.5).verdict == "disagrees"


def test_the_multiplier_goes_through_the_length_map_otherwise() -> None:
    found = vp.lesson("multiplier", m=1.2, depth=3, activation="tanh", q=0.5)
    q = 0.5
    for _ in range(3):
        q = 1.44 * one_layer(q)
    assert float(found.number) == pytest.approx(q / 0.5, rel=1e-9)
    assert float(found.number) < 1.2**6 / 1.5
    with pytest.raises(ParameterError, match="not homogeneous"):
        _ = found.on_the_variance


def test_the_starting_point_of_a_homogeneous_activation() -> None:
    found = vp.lesson("starting_point", depth=50)
    assert found.range == (10 ** sp.Rational(-1, 100), 10 ** sp.Rational(1, 100))
    assert found.derivation.result == 10 ** sp.Rational(1, 6)
    assert "m from 0.9772 to 1.0233" in found.to_text()


@pytest.mark.parametrize(
    ("activation", "start", "function"), [("tanh", 1.0, math.tanh), ("erf", math.pi / 4, math.erf)]
)
def test_the_starting_point_through_the_length_map(activation: str, start: float, function) -> None:
    found = vp.lesson("starting_point", activation=activation, depth=4, within=5)
    for end, goal in zip(found.range, (0.2, 5), strict=True):
        q = 1.0
        for _ in range(4):
            q = start * float(end) ** 2 * one_layer(q, function)
        assert q == pytest.approx(goal, rel=1e-4)


@pytest.mark.parametrize("topic", LESSONS)
def test_every_lesson_has_statement_derivation_number_table_and_plot(topic: str) -> None:
    depth = {} if topic == "bengio" else {"depth": 5}
    found = vp.lesson(topic, **depth)
    assert isinstance(found, vp.Lesson) and found.question.endswith("?")
    assert found.derivation.steps and found.claims and found.number is not None
    [table], [plot] = found.table().blocks, found.plot().blocks
    assert len(table.rows) >= 3 and len(plot.series) >= 2
    assert all(math.isfinite(y) for series in plot.series for y in series.y)
    assert max(map(len, str(found).splitlines())) <= 80
    assert found.to_html() and found.to_latex() and found.to_markdown()


@pytest.mark.parametrize("topic", LESSONS)
def test_the_command_shows_every_lesson(topic: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lesson", topic, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["topic"] == topic and record["steps"] and len(record["table"]) > 3


def test_the_command_passes_parameters_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lesson", "starting_point", "--depth", "8", "--within", "4", "--activation", "abs"]) == 0
    assert "Within a factor 4 of its start after 8 layers" in capsys.readouterr().out
    assert main(["lesson", "root", "--within", "4"]) == 2
    assert "it has no parameter within" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("topic", "parameters", "message"),
    [
        ("rellu", {}, "Did you mean 'relu'"),
        (3, {}, "none of this name"),
        ("relu", {"deepth": 3}, "no parameter deepth"),
        ("relu", {"depth": 0}, "Choose 1 to"),
        ("relu", {"depth": 10**9}, "Choose 1 to"),
        ("relu", {"depth": True}, "it is no depth"),
        ("tanh", {"q": 0}, "must be positive"),
        ("root", {"n_in": 0}, "at least 1"),
        ("root", {"n_in": "n"}, "a size is a symbol"),
        ("bengio", {"n_in": -4}, "at least 1"),
        ("multiplier", {"m": -1}, "outside its domain"),
        ("multiplier", {"m": "m"}, "it is a symbol"),
        ("starting_point", {"within": 1}, "outside its domain"),
        ("starting_point", {"q": math.nan}, "must be positive"),
    ],
)
def test_bad_input_is_refused(topic, parameters: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        vp.lesson(topic, **parameters)


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(ParameterError, match="no single range"):
        _ = vp.lesson("starting_point", activation="tanh", depth=5, within=10**9).range


def said(found: vp.Lesson) -> str:
    return "".join(map(str, found.statement.parts))


@pytest.mark.parametrize(("m", "power"), [(10**100, "1.0e+2000"), (sp.Rational(1, 10**100), "1.0e-2000")])
def test_powers_beyond_floats_are_written_all_the_same(m: object, power: str) -> None:
    found = vp.lesson("multiplier", m=m, depth=10)
    assert f"= {power}, exact" in said(found)
    assert found.number == sp.sympify(m) ** 20
    assert power in found.table().to_text()
    with pytest.raises(vp.ParameterError, match="positive and finite"):
        vp.lesson("multiplier", m=1e300).table()


@pytest.mark.parametrize("depth", [1, 3, 50])
@pytest.mark.parametrize(("activation", "end"), [("relu", "closes in"), ("tanh", "stays wide")])
def test_what_the_range_does_with_depth_is_told_at_every_depth(depth: int, activation: str, end: str) -> None:
    assert end in said(vp.lesson("starting_point", depth=depth, activation=activation))


def test_other_activations_are_derived_for_one_layer() -> None:
    m, n, v, first, second = map(vp.symbol, ("m", "n", "v", "phi_1", "phi_2"))
    for topic in ("multiplier", "starting_point"):
        found = vp.lesson(topic, activation="gelu", depth=2)
        assert sp.expand(found.derivation.result - m**2 * n * v * second) == 0
    assert first not in found.derivation.result.free_symbols
    text = said(vp.lesson("multiplier", activation="softplus", m=1, depth=4))
    assert "is not homogeneous" in text and f"n Var(w) = {1 / second_moment_of_softplus():.4g}" in text


def second_moment_of_softplus() -> float:
    return float(integrate.quad(lambda x: np.logaddexp(0, x) ** 2 * math.exp(-x * x / 2), -12, 12)[0]) / (
        math.sqrt(2 * math.pi)
    )
