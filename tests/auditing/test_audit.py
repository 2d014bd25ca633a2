"""Audits of draws without any framework: laws identified, promises judged, effects by a second way."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import varprop as vp
from varprop.auditing.effects import Effect
from varprop.auditing.identification import identify, sample
from varprop.auditing.promises import Promise, torch_gain
from varprop.errors import ParameterError
from varprop.model.activations import activation
from varprop.testing import DrawError

SHAPE = (64, 200)


def normal(std: float, mean: float = 0.0, shape=SHAPE):
    return lambda seed: np.random.default_rng(seed).normal(mean, std, shape)


def uniform(end: float, shape=SHAPE):
    return lambda seed: np.random.default_rng(seed).uniform(-end, end, shape)


def cut(std: float, low: float, high: float):
    law = vp.TruncatedNormal(low, high, parent_std=std)
    return lambda seed: law.draw(np.random.default_rng(seed), SHAPE)


def orthogonal(seed: int):
    return vp.orthogonal((40, 60), multiplier=2).draw(seed)


def sparse(seed: int):
    rng = np.random.default_rng(seed)
    return rng.normal(size=SHAPE) * (rng.random(SHAPE) < 0.25)


LAWS = [
    (normal(0.3), "normal"),
    (normal(0.3, 0.1), "normal"),
    (uniform(0.25), "uniform on [-0.25, 0.25]"),
    (lambda seed: np.random.default_rng(seed).uniform(0, 2, SHAPE), "uniform on"),
    (cut(1.0, -2, 2), "cut at 2 std"),
    (cut(0.02, -0.04, 0.04), "cut at 2 std"),
    (cut(1.0, -3, 3), "cut at 3 std"),
    (cut(1.3, -2, 2), "cut at 1.5"),
    (cut(0.02, -2, 2), "normal"),
    (orthogonal, "orthogonal, gain 2"),
    (sparse, "zero with probability 0.7"),
    (lambda seed: np.full(SHAPE, 0.5), "constant 0.5"),
    (lambda seed: np.random.default_rng(seed).choice([-1.0, 1.0], SHAPE), "discrete"),
    (lambda seed: np.random.default_rng(seed).laplace(size=SHAPE), "unknown"),
    (lambda seed: np.random.default_rng(seed).standard_t(3, SHAPE), "unknown"),
]


@pytest.mark.parametrize(("draw", "name"), LAWS, ids=[name for _, name in LAWS])
def test_the_law_is_identified(draw, name: str) -> None:
    found = identify(sample(draw))
    assert name in found.name
    assert found.evidence
    if found.law is not None:
        drawn = sample(draw)
        assert abs(float(found.law.variance) - drawn.variance) < 6 * drawn.error
        assert found.candidates[0].possible
        wrong = [candidate for candidate in found.candidates if not candidate.possible]
        assert len(wrong) >= 4  # the other laws are ruled out, not only less likely


def test_identification_is_no_accident_of_one_seed() -> None:
    for seed in range(1, 4):
        assert "cut at 2 std" in identify(sample(cut(1.0, -2, 2), seed)).name
        assert identify(sample(normal(1.0), seed)).name == "normal"


@pytest.mark.parametrize(
    ("draw", "promises", "verdict", "cause"),
    [
        (normal(math.sqrt(2 / 200)), "he_normal", "kept", ""),
        (normal(math.sqrt(2 / 200)), "2/200", "kept", ""),
        (normal(math.sqrt(2 / 200)), vp.lecun_normal(SHAPE, activation="relu"), "kept", ""),
        (uniform(math.sqrt(6 / 264)), "glorot_uniform", "kept", ""),
        (orthogonal, vp.orthogonal((40, 60), multiplier=2), "kept", ""),
        (normal(2 / 200), "he_normal", "broken", "variance passed as std"),
        (normal(math.sqrt(2 / 64)), "he_normal", "broken", "fan"),
        (cut(0.1, -0.2, 0.2), "1/100", "broken", "truncation"),
        (uniform(0.1), "1/100", "broken", "uniform"),
        (normal(math.sqrt(1 / 200)), "he_normal", "broken", "factor 2 of ReLU"),
        (normal(math.sqrt(2.06 / 200)), "he_normal", "broken", ""),
    ],
)
def test_promises_are_judged_and_causes_named(draw, promises, verdict: str, cause: str) -> None:
    shape = (40, 60) if draw is orthogonal else SHAPE
    report = vp.audit(draw, shape=shape, promises=promises)
    assert report.verdict == verdict
    assert not cause or any(cause in found for found in report.causes)
    assert verdict in report.to_text()


def moments(name: str, q: float) -> tuple[float, float]:
    phi = activation(name)

    def mean(function) -> float:
        def weighted(x: float) -> float:
            return float(function(np.array([math.sqrt(q) * x]))[0]) ** 2 * stats.norm.pdf(x)

        return sum(integrate.quad(weighted, *ends, epsabs=1e-12)[0] for ends in ((-12, 0), (0, 12)))

    return mean(phi.value), mean(phi.derivative)


@pytest.mark.parametrize(("name", "bias"), [("tanh", 0.0), ("selu", 0.0), ("sigmoid", 0.1), ("relu", 0.05)])
def test_the_effect_by_quadrature(name: str, bias: float) -> None:
    variance, n_in, n_out = 1.2 / 100, 100.0, 50.0
    effect = Effect(activation(name), variance, n_in, n_out, bias, depth=3, q=0.7)
    square, slope = moments(name, 0.7)
    assert effect.forward == pytest.approx((1.2 * square + bias) / 0.7, rel=1e-8)
    assert effect.backward == pytest.approx(n_out * variance * slope, rel=1e-8)
    q, gradient = 0.7, 1.0
    for _ in range(3):
        square, slope = moments(name, q)
        q, gradient = 1.2 * square + bias, gradient * n_out * variance * slope
    assert effect.signal[-1] == pytest.approx(q, rel=1e-8)
    assert effect.gradient[-1] == pytest.approx(gradient, rel=1e-8)
    kept = Effect(effect.activation, float(effect.corrected), n_in, n_out, bias, depth=1, q=0.7)
    assert kept.forward == pytest.approx(1, rel=1e-9)
    if 0 < effect.limit < math.inf:
        square, slope = moments(name, effect.limit)
        assert 1.2 * square + bias == pytest.approx(effect.limit, rel=1e-6)
        assert effect.chi_1 == pytest.approx(1.2 * slope, rel=1e-6)


def test_known_gains_over_depth() -> None:
    def at(gain: float, name: str) -> Effect:
        return Effect(activation(name), gain**2 / 100, 100, 100)

    tanh = at(5 / 3, "tanh")
    assert tanh.outlook == ("stable", "explodes") and tanh.limit == pytest.approx(1.178, abs=1e-3)
    assert tanh.gain == pytest.approx(1.5925374197)
    selu = at(3 / 4, "selu")
    assert selu.outlook[1] == "vanishes" and selu.gain == pytest.approx(1, rel=1e-9)
    assert at(1, "selu").limit == pytest.approx(1, rel=1e-6)
    assert at(1, "sigmoid").outlook[1] == "vanishes"
    he = at(math.sqrt(2), "relu")
    assert he.outlook == ("stable", "stable") and he.chi_1 == pytest.approx(1)
    assert at(1 / math.sqrt(3), "relu").outlook == ("vanishes", "vanishes")
    assert at(3, "relu").outlook == ("explodes", "explodes")


def test_the_gains_that_torch_quotes() -> None:
    assert torch_gain("conv2d") == torch_gain("sigmoid") == 1
    assert torch_gain("leaky_relu", math.sqrt(5)) == sp.sqrt(sp.Rational(1, 3))
    with pytest.raises(ParameterError, match="torch quotes none"):
        torch_gain("gelu")


def test_a_report_is_a_document_and_plain_values() -> None:
    report = vp.audit(normal(0.1), shape=SHAPE, promises="he_normal", activation="tanh", depth=10)
    record = json.loads(json.dumps(report.to_dict()))
    assert record["verdict"] == "kept" and record["activation"] == "tanh"
    text = str(report)
    for part in (
        "variance 1/100",
        "true connections: 200 terms per unit, 64 units",
        "chi_1",
        "is kept by variance",
    ):
        assert part in text
    [plot] = report.plot().blocks
    assert len(plot.series) == 2 and len(plot.series[0].x) == 11
    assert report.to_html() and report.to_markdown()


def test_what_has_no_effect_says_why() -> None:
    off = vp.audit(normal(0.1, 0.1), shape=SHAPE, promises="1/100")
    assert "the weights have mean" in off.without_effect and "No effects" in off.to_text()
    with pytest.raises(ParameterError, match="the weights have mean"):
        _ = off.effect
    row = vp.audit(normal(0.1, shape=(500,)), shape=(500,), promises="1/100")
    assert "no fans" in row.without_effect
    assert "not random" in vp.audit(lambda seed: np.ones(SHAPE), shape=SHAPE, promises="0").without_effect


def ignores(seed: int):
    return np.ones(SHAPE) * np.arange(200)


def moves_the_global_generator(seed: int):
    np.random.seed(seed)
    return np.random.normal(size=SHAPE)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (ignores, "seed is ignored"),
        (moves_the_global_generator, "global generator"),
        (lambda seed: np.full(SHAPE, np.nan), "nan"),
        (lambda seed: "weights", "Return real numbers"),
        (lambda seed: np.ones((seed % 7 + 1, 3)), "shape"),
        (lambda seed: np.empty((0, 3)), "shape"),
    ],
)
def test_draws_that_break_the_contract_are_refused(draw, message: str) -> None:
    with pytest.raises(DrawError, match=message):
        vp.audit(draw, shape=SHAPE, promises="he_normal")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"subject": 3, "shape": SHAPE, "promises": "he_normal"}, "it is no draw"),
        ({"subject": normal(1.0), "promises": "he_normal"}, "shape is missing"),
        ({"subject": normal(1.0), "shape": SHAPE}, "promises is missing"),
        ({"subject": normal(1.0), "shape": SHAPE, "promises": "1/10", "std": 3}, "takes no std"),
        ({"subject": normal(1.0), "shape": (0, 3), "promises": "1/10"}, "no shape"),
        ({"subject": "he_normal", "shape": SHAPE}, "its home is not known"),
        ({"subject": normal(1.0), "shape": (200, 64), "promises": "1/10"}, r"drew \(64, 200\)"),
    ],
)
def test_bad_input_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        vp.audit(**arguments)
    assert Promise(None, "").mean == 0
    with pytest.raises(ParameterError, match="not covered"):
        vp.audit_framework("tensorflow")
