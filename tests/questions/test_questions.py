"""The two questions: the forum's numbers, every verdict, parameters, bad input, the command, the pictures."""

import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.special import digamma, erf, k0

import varprop as vp
from varprop import ParameterError, answer
from varprop.cli import main
from varprop.model.activations import NAMED, activation as named
from varprop.model.parsing import as_distribution
from varprop.questions.cancellation import given_sizes, grows_like_root, random_sizes
from varprop.questions.depth import derivative_of, goldilocks, skips, typical_nets
from varprop.questions.findings import average, counts, within
from varprop.questions.settings import setting
from varprop.questions.sizes import _by_characteristic_function, mean_size_of_sum
from varprop.questions.vanishing import sum_over_paths

QUICK = {"samples": 40_000, "budget": 0.5}


@pytest.fixture(scope="module")
def signs():
    return answer("cancellation", **QUICK)


@pytest.fixture(scope="module")
def products():
    return answer("vanishing", **QUICK)


def test_every_statement_has_a_sentence_a_formula_numbers_and_evidence(signs, products):
    for found in (signs, products):
        assert found.verdict == "agrees", [(s.key, s.evidence) for s in found if s.verdict != "agrees"]
        for statement in found:
            assert statement.sentence and statement.formula.latex and statement.numbers and statement.evidence
            assert max(map(len, statement.to_text(80).splitlines())) <= 80
        assert sum(statement.derivation is not None for statement in found) >= 4


def test_the_forums_four_numbers(signs):
    given = signs["four numbers, given their sizes"]
    assert (given.number, given["patterns of signs"]) == (Fraction(1, 4), 4)
    drawn = float(signs["the same four, sizes drawn too"].number)
    size = math.sqrt(999.99**2 + 1000**2 + 100.99**2 + 101**2)
    assert drawn == pytest.approx(math.erf(0.02 / size / math.sqrt(2)), rel=1e-12)
    assert 1e-5 < drawn < 1.3e-5
    decides = signs["how often the small part decides"]
    assert float(decides.number) == pytest.approx(2 * float(decides["P(the small part turns the sign)"]))


def test_the_posters_own_numbers(products):
    box = products["the intervals of the question"]
    assert [round(float(v), 4) for _, v in box.numbers] == [0.9973, 0.9973]
    corner = products["the product keeps away from the corner"]
    point = float(corner["99.73 % point of |w x|"])
    assert 2 / np.pi * quad(k0, 10 * point, np.inf)[0] == pytest.approx(1 - erf(3 / np.sqrt(2)), rel=1e-6)
    assert point < 0.55 * corner["product of the 99.73 % points"]
    assert 0.0045 < float(products["a product as small as 0.0001 is rare"].number) < 0.0055
    slope = products["the derivative of sigmoid"]
    assert slope.number == 0.25
    assert round(slope["share of its maximum at 2"], 2) == 0.42
    assert round(slope["share of its maximum at 4"], 2) == 0.07
    relu = products["ReLU: its derivative is 0 or 1, the weights multiply"]
    assert str(relu.number) == "n*v/2"
    assert relu["over 50 layers, Var w = 1/n"] == sp.Rational(1, 2) ** 50
    assert str(products["skip connections"].number) == "c**2 + 1"
    nets = products["width n: the mean stays, the typical net shrinks"]
    assert nets["ReLU: mean"] == 1
    assert float(nets.number) == pytest.approx(math.exp(-5 * 50 / 200), rel=0.03)
    chain = products["width 1: the variance lies"]
    assert float(chain.number) == pytest.approx(math.exp(-25 * (np.euler_gamma + math.log(2))))


def test_cancellation_for_other_parameters():
    data = [[1.0, 2.0], [3.0, 5.0]]
    found = answer("cancellation", n=9, inputs="relu(Normal())", terms=["3", "-2", "1"], data=data, **QUICK)
    assert found.verdict == "agrees"
    assert found["the example, given its sizes"].number == Fraction(1, 2)
    assert str(found[0].number) == "1/2"


def test_cancellation_for_weights_whose_law_with_the_inputs_is_not_known():
    """Uniform weights and rectified inputs, as frameworks start: E|z| by the characteristic function."""
    made = setting(6, "Uniform(-1, 1)", "relu(Normal())", None, 40_000, 0.2, 1)
    found = grows_like_root(made)
    assert found.verdict == "agrees", found.evidence
    assert made.std == pytest.approx(1)
    w, x = as_distribution("Uniform(-1, 1)"), as_distribution("relu(Normal())", NAMED)
    assert found["E sum_i |w_i x_i|"] == pytest.approx(6 / 2 / math.sqrt(2 * math.pi))
    one = mean_size_of_sum(vp.dot(weights=w, inputs=x, fan_in=1), 1, w, x)
    assert one == pytest.approx(0.5 / math.sqrt(2 * math.pi), rel=1e-9)


@pytest.mark.parametrize("n", [2, 9])
def test_the_mean_size_of_a_sum_where_the_law_is_known(n):
    """Normal weights: the way around the law meets the law, within what it says of itself."""
    w, x = as_distribution("Normal()"), as_distribution("Laplace()")
    truth = float(vp.law(vp.dot(weights=w, inputs=x, fan_in=n)).absolute_mean)
    rough, good = (_by_characteristic_function(n, w, x, fine) for fine in (1, 2))
    assert abs(good - truth) < abs(good - rough) < 1e-3 * truth


def test_vanishing_for_other_parameters():
    found = vp.answer("vanishing", n=30, depth=4, activation="softsign", multiplier=2, **QUICK)
    assert found.verdict == "agrees"
    assert found["the derivative of softsign"].number == pytest.approx(1.0)
    assert found["neither too large nor too small"].number == 2**8


def test_a_gradient_is_the_sum_over_all_open_paths():
    """Every path of drawn ReLU nets, gate by gate: their squares alone make the gradient's mean square."""
    rng, n, nets = np.random.default_rng(3), 3, 200_000
    first, second = (rng.normal(scale=math.sqrt(2 / n), size=(nets, n, n)) for _ in range(2))
    v, x = rng.normal(scale=math.sqrt(2 / n), size=(nets, n)), rng.normal(size=(nets, n))
    below = np.einsum("boi,bi->bo", first, x)
    above = np.einsum("boi,bi->bo", second, np.maximum(below, 0))
    paths = np.stack(
        [
            first[:, a, 0] * (below[:, a] > 0) * second[:, b, a] * (above[:, b] > 0) * v[:, b]
            for a, b in itertools.product(range(n), repeat=2)
        ]
    )
    squares, total = (paths**2).sum(axis=0), paths.sum(axis=0) ** 2
    layers = [vp.Dense(n, "he_normal"), vp.relu] * 2 + [vp.Dense(1, "he_normal")]
    known = float(vp.propagate(vp.Network(layers, fan_in=n), input=vp.Normal())[0].gradient)
    for found in (squares, total):
        assert abs(found.mean() - known) < 5 * found.std() / math.sqrt(nets)
    assert known == pytest.approx(n**2 * (2 / n) ** 3 / 4, rel=1e-12)


def test_the_check_of_the_paths_does_not_count_them(monkeypatch):
    """A recursion that is off by a percent is noticed."""
    made = setting(5, "Normal(variance=1/n)", "Normal()", None, 10_000, 0.05, 1)
    assert sum_over_paths(made, 40).evidence[1].verdict == "agrees"
    monkeypatch.setattr(
        "varprop.questions.vanishing.Dense", lambda width: vp.Dense(width, "Normal(variance=1.01/n)")
    )
    assert sum_over_paths(made, 40).evidence[1].verdict == "disagrees"


def test_what_a_sentence_says_depends_on_its_numbers():
    """No pairs, no digits that match, slopes that keep or grow, factors beyond float64."""
    made = setting(5, "Normal(variance=1/n)", "Normal()", None, 10_000, 0.05, 1)
    loose = (Fraction(1), Fraction(2), Fraction(4), Fraction(9))
    assert given_sizes(made, loose).sentence.endswith("leave no more than 16.")
    assert random_sizes(made, loose).sentence.endswith("with probability 0.887.")
    assert "sizes match in pairs" in given_sizes(made, (Fraction(-5), Fraction("5.01"))).sentence
    assert random_sizes(made, (Fraction(-5), Fraction("5.01"))).sentence.endswith("match to 3 digits.")
    sentences = [derivative_of(made, named(name), 1000).sentence for name in ("softplus", "gelu", "sigmoid")]
    assert "is at most 1; at 2 it is 88 %" in sentences[0] and "only keeps a gradient" in sentences[0]
    largest = (1 + erf(1)) / 2 + math.exp(-1) / math.sqrt(math.pi)  # Phi + z phi at z = sqrt 2
    assert f"multiplies 1000 layers up to {largest**1000:.2g}" in sentences[1]
    assert "multiplies 1000 layers down to 8.7e-603" in sentences[2]
    assert (
        "is multiplied by 2^2 in every layer, over 1000 layers by 1.15e+602"
        in goldilocks(made, sp.S(2), 1000).sentence
    )


def test_sentences_about_one_layer_and_about_a_thousand_narrow_ones():
    made = setting(3, "Normal(variance=1/n)", "Normal()", None, 10_000, 0.02, 1)
    assert "Over 1 ReLU layer of width 3" in typical_nets(made, 1).sentence
    assert "over 1 block;" in skips(made, 1).sentence
    assert "is a single weight" in sum_over_paths(made, 1).sentence
    assert "each of the n^2 paths" in sum_over_paths(made, 3).sentence
    assert "at 4 0.13 %" in derivative_of(made, named("tanh"), 2).sentence
    # exp(-5 L / (2 n)) = exp(-2500/3) is below float64.
    deep = typical_nets(made, 1000)
    assert "here 1.22e-362." in deep.sentence
    assert 0 < deep.number < sp.Float("1e-340")


@pytest.mark.parametrize("name", ["relu6", "hardtanh", "hardsigmoid", "hardswish", "abs", "selu", "mish"])
def test_slopes_with_kinks_agree_with_differences(name):
    made = setting(5, "Normal(variance=1/n)", "Normal()", None, 10_000, 0.05, 1)
    assert derivative_of(made, named(name), 3).verdict == "agrees"


def test_findings_can_fail():
    assert counts(500, 1000, 0.25).verdict == "disagrees"
    assert counts(0, 10_000, 1e-2).verdict == "disagrees"
    assert counts(3, 1000, 3e-3).verdict == "inconclusive"
    assert counts(250_000, 10**6, 0.25).verdict == "agrees"
    assert counts(251_000, 10**6, 0.25).verdict == "agrees"
    assert counts(254_000, 10**6, 0.25).verdict == "disagrees"
    values = np.random.default_rng(1).normal(size=10_000)
    assert average(values, 0.1, 0.05, "numbers").verdict == "disagrees"
    assert average(values, 0.0, 0.05, "numbers").verdict == "agrees"
    assert average(values, 0.0, 0.001, "numbers").verdict == "inconclusive"
    assert within(2.0, 1.0, "a bound").verdict == "disagrees"


BAD = [
    ("cancellation", {"n": 0}),
    ("cancellation", {"n": -3}),
    ("cancellation", {"n": 2.5}),
    ("cancellation", {"n": 10**7}),
    ("cancellation", {"n": math.nan}),
    ("cancellation", {"weights": "Normal(mean=1)"}),
    ("cancellation", {"weights": "Unknown()"}),
    ("cancellation", {"inputs": "StudentT(1)"}),
    ("cancellation", {"inputs": "Normal(variance=q)"}),
    ("cancellation", {"terms": ["1"]}),
    ("cancellation", {"terms": ["x", "1"]}),
    ("cancellation", {"terms": [0, 1]}),
    ("cancellation", {"terms": "12"}),
    ("cancellation", {"terms": ["1e400", "1"]}),
    ("cancellation", {"terms": ["1e-101", "1"]}),
    ("cancellation", {"samples": 10}),
    ("cancellation", {"budget": -1}),
    ("cancellation", {"seed": "x"}),
    ("cancellation", {"depth": 3}),
    ("cancellation", {"data": [[math.nan, 1], [2, 3]]}),
    ("vanishing", {"depth": 0}),
    ("vanishing", {"depth": 10**6}),
    ("vanishing", {"n": 1}),
    ("vanishing", {"activation": "nonsense"}),
    ("vanishing", {"activation": 3}),
    ("vanishing", {"activation": "step"}),
    ("vanishing", {"activation": "exp"}),
    ("vanishing", {"multiplier": 0}),
    ("vanishing", {"multiplier": "__import__('os')"}),
    ("nonsense", {}),
]


@pytest.mark.parametrize(("question", "parameters"), BAD)
def test_bad_parameters(question, parameters):
    with pytest.raises(vp.VarpropError) as caught:
        answer(question, **parameters)
    assert caught.value.missing or caught.value.remedy


def test_the_setting_knows_its_table_by_heart():
    assert setting(3, "Normal()", "Normal()", None, 10_000, 0.1, 1).data.rows == 150


def test_the_command(capsys, tmp_path):
    image = tmp_path / "picture.png"
    quick = ["--samples", "20000", "--budget", "0.05", "--n", "12"]
    assert main(["answer", "cancellation", *quick, "--terms", "-3", "2", "1", "--plot", str(image)]) in (0, 3)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "disagrees" not in text
    assert image.read_bytes()[:4] == b"\x89PNG"
    assert main(["answer", "vanishing", *quick, "--depth", "3", "--json"]) in (0, 3)
    record = json.loads(capsys.readouterr().out)
    assert record["command"] == "answer"
    assert len(record["statements"]) == 14
    assert record["statements"][2]["numbers"]["P(|w x| < 0.0001)"]["error"] < 1e-12


def test_it_is_written_as_markdown_with_every_derivation(signs):
    text = signs.document(full=True).to_markdown()
    assert "$$" in text
    assert "by " in text
    assert len(signs.summary().to_text().splitlines()) < 40


def test_the_command_refuses(capsys, tmp_path):
    assert main(["answer", "vanishing", "--depth", "0"]) == 2
    assert "Choose depth=50" in " ".join(capsys.readouterr().err.split())
    assert main(["answer"]) == 2
    found = vp.Answer("a", "b", "c", ())
    with pytest.raises(ParameterError, match="no such format"):
        found.plot(tmp_path / "x.txt")
    with pytest.raises(ParameterError, match="No such file"):
        found.plot(tmp_path / "nowhere" / "x.png")


def test_the_product_of_slopes_follows_the_lengths():
    """At n Var w = 1 tanh shrinks z and its slopes rise to 1: the product falls like 1/L, not 0.46^L."""
    statement = answer("vanishing", n=50, depth=50, samples=20_000, budget=0.05)[
        "over depth the product of factors decides"
    ]
    values = dict(statement.numbers)
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    weights = weights / weights.sum()
    q, product = 1.0, 1.0
    for _ in range(50):
        z = math.sqrt(q) * nodes
        product *= float(weights @ (1 - np.tanh(z) ** 2) ** 2)
        q = float(weights @ np.tanh(z) ** 2)
    assert values["tanh: over 50 layers"] == pytest.approx(product, rel=1e-6)
    assert values["relu: over 50 layers"] == pytest.approx(2.0**-50, rel=1e-12)
    assert statement.verdict == "agrees"


def test_progress_is_told_and_statements_are_found_by_place():
    for question in ("cancellation", "vanishing"):
        told = []
        found = answer(
            question,
            n=4,
            samples=10_000,
            budget=0.01,
            progress=lambda done, total, told=told: told.append((done, total)),
        )
        assert told == [(k, len(found)) for k in range(len(found) + 1)]
        assert found[0] is found.statements[0]
        assert found.to_dict()["verdict"] == found.verdict
        assert str(found) == found.to_text()
    with pytest.raises(ParameterError, match="unexpected keyword"):
        answer("cancellation", width=3)


def test_the_pictures_hold_the_numbers_of_the_answers(signs, products):
    spike, factors, norms = (picture.plot for picture in products.pictures)
    density = spike.series[0]  # one product of two standard normals: K0(|z|) / pi
    np.testing.assert_allclose(density.y, k0(np.abs(density.x)) / np.pi, rtol=1e-6)
    for line, variance in zip(factors.series, (1.8, 1.9, 2.0, 2.1, 2.2), strict=True):
        np.testing.assert_allclose(line.y, (variance / 2) ** np.asarray(line.x, dtype=float))
    mean, typical, *rest = norms.series
    assert set(mean.y) == {1.0} and len(rest) == 7
    # the living squared norm of a layer of 10 is 2/10 times a chi-square of binomially many degrees
    k = np.arange(1, 11)
    share = np.array([math.comb(10, j) for j in k]) / (2**10 - 1)
    step = float(share @ (digamma(k / 2) + math.log(2 * 2 / 10)))
    np.testing.assert_allclose(np.log(typical.y), step * np.asarray(typical.x, dtype=float), atol=1e-9)
    sizes = signs.pictures[0]
    assert sizes.bars and sizes.plot.series[0].y[-1] == pytest.approx(
        abs(sum(float(v) for v in sizes.plot.x_label.replace(", sum", "").split(", ")))
    )
