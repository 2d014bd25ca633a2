"""Audits of torch, JAX and Keras themselves: every rule's words against what it draws, and the known traps.

Each test needs its framework and is skipped where that is not installed, unless VARPROP_FRAMEWORKS is set.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

import varprop as vp
from varprop.cli import main

Need: TypeAlias = Callable[[str], None]

KEPT = 0.7737413035


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "jax", "keras"])
def test_only_truncations_in_units_of_their_own_std_break_their_words(framework: str, need: Need) -> None:
    need(framework)
    every = vp.audit_framework(framework, activation="tanh", depth=10, shape=(300, 200))
    assert len(every.audits) > 15
    for found in every.audits:
        name = found.subject.partition("(")[0].rpartition(".")[2]
        truncation = name.lower().startswith("trunc") and (
            name != "trunc_normal_" or "std=" not in found.subject
        )
        kept = "none" if found.promise.variance is None else "kept"
        assert found.verdict == ("broken" if truncation else kept), found.subject
        if truncation:
            assert found.ratio == pytest.approx(KEPT, rel=0.01)
            assert any("uncorrected truncation" in cause for cause in found.causes)
            assert "cut at 2 std" in found.identified.name
    text = str(every)
    assert text.count("\n") > len(every.audits) and "Broken promises" in text
    json.dumps(every.to_dict())


def test_torch_cuts_at_absolute_bounds(need: Need) -> None:
    need("torch")
    small = vp.audit("torch.nn.init.trunc_normal_", std=0.02, shape=(256, 784))
    assert small.verdict == "kept" and small.identified.name == "normal"
    large = vp.audit("torch.nn.init.trunc_normal_", std=1.0, shape=(256, 784))
    assert large.verdict == "broken" and "cut at 2 std" in large.identified.name


def test_the_default_layer_of_torch_forgets_its_input(need: Need) -> None:
    need("torch")
    report = vp.audit("torch.nn.Linear", 784, 784, activation="relu")
    assert report.verdict == "kept" and report.identified.name.startswith("uniform on")
    assert report.effect.variance == pytest.approx(1 / (3 * 784))
    assert report.bias == pytest.approx(1 / (3 * 784))
    assert report.effect.chi_1 == pytest.approx(1 / 6)
    assert report.effect.limit == pytest.approx(report.bias / (1 - 1 / 6))
    assert report.effect.outlook == ("stable", "vanishes") and "the bias is 83%" in " ".join(
        report.to_text().split()
    )
    plain = vp.audit("torch.nn.Linear", 784, 784, bias=False)
    assert plain.bias == 0 and plain.effect.outlook == ("vanishes", "vanishes")
    assert plain.effect.gain == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize(
    ("nonlinearity", "signal", "gradient", "gain"),
    [
        ("tanh", "stable", "explodes", 1.5925),
        ("selu", "stable", "vanishes", 1),
        ("sigmoid", "stable", "vanishes", 1.8462),
    ],
)
def test_the_gains_of_torch_over_fifty_layers(
    nonlinearity: str, signal: str, gradient: str, gain: float, need: Need
) -> None:
    need("torch")
    report = vp.audit("torch.nn.init.kaiming_normal_", shape=(400, 400), nonlinearity=nonlinearity)
    assert str(report.activation) == nonlinearity
    assert report.effect.outlook == (signal, gradient)
    assert report.effect.gain == pytest.approx(gain, abs=1e-4)
    assert report.verdict == "kept"


@pytest.mark.parametrize(
    ("name", "arguments", "options", "fans", "rule"),
    [
        ("torch.nn.Conv2d", (64, 64, 3), {"groups": 4}, (144, 144), (144, 576)),
        ("torch.nn.Conv2d", (64, 64, 3), {"groups": 64}, (9, 9), (9, 576)),
        ("torch.nn.Conv2d", (64, 32, 3), {"stride": 2}, (576, 72), (576, 288)),
        ("torch.nn.ConvTranspose2d", (64, 32, 4), {"stride": 2}, (256, 512), (512, 1024)),
        ("jax.nn.initializers.he_normal", (), {"shape": (3, 3, 1, 64), "groups": 64}, (9, 9), (9, 576)),
        ("keras.initializers.HeNormal", (), {"shape": (3, 3, 64, 1), "layout": "HWIM"}, (9, 9), (576, 9)),
    ],
)
def test_grouped_and_depthwise_kernels_are_judged_by_their_true_connections(
    name: str, arguments: tuple[int, ...], options: dict[str, Any], fans: Any, rule: Any, need: Need
) -> None:
    need(name.partition(".")[0])
    report = vp.audit(name, *arguments, **options)
    assert report.connectivity is not None
    assert (report.connectivity.fans, report.connectivity.rule) == (fans, rule)
    assert report.verdict == "kept"
    assert report.effect.forward == pytest.approx((fans[0] * report.variance / 2) + report.bias, rel=1e-6)
    if fans != rule:
        assert f"rule reads {rule[0]} and {rule[1]}" in " ".join(report.to_text().split())


def test_the_command(capsys: pytest.CaptureFixture[str], need: Need) -> None:
    need("torch")
    assert main(["audit", "torch.nn.init.trunc_normal_", "std=1", "--shape", "64", "96", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["verdict"] == "broken" and record["activation"] == "relu"
    assert main(["audit", "torch.nn.Linear", "--shape", "64", "96", "--activation", "tanh"]) == 0
    assert "through tanh" in capsys.readouterr().out
    assert main(["audit", "torch", "std=3"]) == 2
    assert main(["audit", "torch.nn.init.normal_", "std", "--shape", "3", "4"]) == 2
    assert main(["audit", "torch.nn.init.normal_"]) == 2


def test_options_of_the_command(need: Need, capsys: pytest.CaptureFixture[str]) -> None:
    need("torch")
    assert main(["audit", "torch.nn.init.normal_", "std=0.1", "--shape", "300", "200", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "kept"
    assert main(["audit", "torch.nn.Linear", "bias=False", "--shape", "300", "200", "--depth", "5"]) == 0
    assert "Linear(300, 200, bias=False)" in " ".join(capsys.readouterr().out.split())
    for wrong in (
        ["torch.nn.init.normal_", "std"],
        ["torch", "std=1"],
        ["torch.nn.init.normal_", "mode=fan"],
    ):
        assert main(["audit", *wrong, "--shape", "30", "20"]) == 2
        assert capsys.readouterr().err.startswith("varprop: ")
