"""Brute force knows no formula: what it imports, and what it never asks."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import varprop as vp
from varprop.model.distributions import Distribution
from varprop.networks import brute


def test_it_imports_the_model_alone() -> None:
    tree = ast.parse(Path(brute.__file__).read_text(encoding="utf-8"))
    names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = [name for name in names if name.startswith("varprop")]
    assert own and all(name.startswith(("varprop.model", "varprop.simulation")) for name in own)


def test_it_asks_for_no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    net = vp.Network([vp.Dense(3, bias=vp.Normal()), vp.relu, vp.Dropout(0.5)], fan_in=2)

    def refuse(*_: object) -> None:
        raise AssertionError("a moment was asked for")

    for name in ("moment", "_moment", "central_moment", "positive_part_moment"):
        monkeypatch.setattr(Distribution, name, refuse)
    found = brute.simulate(
        net.layers, net.fan_in, lambda rng, b, i: rng.random((b, i, 2)), 5, 2, np.random.default_rng(1)
    )
    assert found[(1,), "second_moment"].shape == (5,)


def test_its_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(3)
    layers = vp.Network([vp.Dense(4, bias=vp.Normal()), vp.relu, vp.Dense(2)], fan_in=3).layers
    x = rng.normal(size=(1, 1, 3))
    drawn, y = brute.run(layers, x, (3,), rng, {})
    v = rng.normal(size=y.shape)
    g = v
    for one in reversed(drawn):
        g, _ = brute._KINDS[one.spec.kind][1](one, g)

    def output(at: np.ndarray) -> float:
        for one in drawn:
            at = (
                at @ one.parts["W"].transpose(0, 2, 1) + one.parts["b"]
                if one.parts
                else one.spec.activation(at)
            )
        return float((at * v).sum())

    for k in range(3):
        nudge = np.zeros_like(x)
        nudge[..., k] = 1e-6
        assert (output(x + nudge) - output(x - nudge)) / 2e-6 == pytest.approx(g[0, 0, k], rel=1e-6)


def test_both_sizes_are_looked_at_where_half_of_the_budget_is_no_look_at_the_wider_one() -> None:
    he = "he_normal"
    net = vp.Network([vp.Dense(128, he), vp.relu, vp.Dense(128, he), vp.relu], fan_in=128)
    one = vp.propagate(net, input=vp.Normal()).only("mean", layers=[4])
    look = 256 * one.simulation("own", 0.0).cost / 1e9
    (found,) = vp.check(one, seed=3, budget=1.6 * look).claims
    assert found.look == 1 and abs(found.estimate / found.claimed - 1) < 0.03
    assert found.note.count("to") == 2 and "inf" not in found.note


def test_products_are_averages_over_all_pairs_of_inputs() -> None:
    rows = np.random.default_rng(5).standard_normal((6, 3))
    dense = vp.Dense(3, weights=vp.Normal(variance=1))
    seen = []

    def inputs(rng: np.random.Generator, networks: int, count: int) -> np.ndarray:
        seen.append((networks, count))
        return np.tile(rows[:count], (networks, 1, 1))

    for count in (2, 6):
        found = brute.simulate([dense], (3,), inputs, 2, count, np.random.default_rng(1))
        products = [rows[i] @ rows[j] / 3 for i in range(count) for j in range(count) if i != j]
        assert found[(0,), "pair"] == pytest.approx([np.mean(products)] * 2, rel=1e-12)
    assert seen == [(2, 2), (2, 6)]
