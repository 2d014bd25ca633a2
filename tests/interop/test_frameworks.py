"""Adapters of torch, JAX and Keras against the frameworks themselves: variance, range, fan order, seeds.

Each test needs its framework and is skipped where that is not installed, unless VARPROP_FRAMEWORKS is set.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

import varprop as vp
from varprop.errors import ParameterError, SamplingError
from varprop.interop import jax as jax_adapter, keras as keras_adapter, torch as torch_adapter
from varprop.testing import DrawError, assert_variance
from varprop.testing.draws import Draws

Need: TypeAlias = Callable[[str], None]

N_IN, N_OUT = 784, 256
CUT = 0.7737413035  # what a normal variable keeps of its variance between -2 and 2
NORMAL = math.inf

TORCH: list[tuple[str, dict[str, Any], float, float]] = [
    ("kaiming_normal_", {}, 2 / N_IN, NORMAL),
    ("kaiming_normal_", {"nonlinearity": "relu", "mode": "fan_out"}, 2 / N_OUT, NORMAL),
    ("kaiming_normal_", {"nonlinearity": "tanh"}, (5 / 3) ** 2 / N_IN, NORMAL),
    ("kaiming_normal_", {"nonlinearity": "selu"}, (3 / 4) ** 2 / N_IN, NORMAL),
    ("kaiming_normal_", {"nonlinearity": "sigmoid"}, 1 / N_IN, NORMAL),
    ("kaiming_uniform_", {"a": math.sqrt(5)}, 1 / (3 * N_IN), 1 / math.sqrt(N_IN)),
    ("xavier_normal_", {"gain": 2.0}, 8 / (N_IN + N_OUT), NORMAL),
    ("xavier_uniform_", {}, 2 / (N_IN + N_OUT), math.sqrt(6 / (N_IN + N_OUT))),
    ("normal_", {"std": 0.3}, 0.09, NORMAL),
    ("uniform_", {"a": -0.1, "b": 0.1}, 0.01 / 3, 0.1),
    ("trunc_normal_", {"std": 0.02}, 0.0004, NORMAL),
    ("trunc_normal_", {"std": 1.0}, CUT, 2.0),
    ("trunc_normal_", {"std": 0.02, "a": -0.04, "b": 0.04}, CUT * 0.0004, 0.04),
    ("orthogonal_", {"gain": 3.0}, 9 / max(N_IN, N_OUT), 3.0),
    ("sparse_", {"sparsity": 0.25, "std": 0.1}, 0.75 * 0.01, NORMAL),
]
JAX: list[tuple[str, dict[str, Any], float, float]] = [
    ("he_normal", {}, 2 / N_IN, 2 * math.sqrt(2 / N_IN / CUT)),
    ("he_uniform", {}, 2 / N_IN, math.sqrt(6 / N_IN)),
    ("lecun_normal", {}, 1 / N_IN, 2 * math.sqrt(1 / N_IN / CUT)),
    ("glorot_normal", {}, 2 / (N_IN + N_OUT), 2 * math.sqrt(2 / (N_IN + N_OUT) / CUT)),
    ("xavier_uniform", {}, 2 / (N_IN + N_OUT), math.sqrt(6 / (N_IN + N_OUT))),
    ("truncated_normal", {"stddev": 0.02}, CUT * 0.0004, 0.04),
    ("normal", {"stddev": 0.02}, 0.0004, NORMAL),
    ("orthogonal", {"scale": 2.0}, 4 / N_IN, 2.0),
    (
        "variance_scaling",
        {"scale": 3.0, "mode": "fan_out", "distribution": "normal"},
        3 / N_OUT,
        NORMAL,
    ),
]
KERAS: list[tuple[str, dict[str, Any], float, float]] = [
    ("HeNormal", {}, 2 / N_IN, 2 * math.sqrt(2 / N_IN / CUT)),
    ("HeUniform", {}, 2 / N_IN, math.sqrt(6 / N_IN)),
    ("LecunNormal", {}, 1 / N_IN, 2 * math.sqrt(1 / N_IN / CUT)),
    ("GlorotUniform", {}, 2 / (N_IN + N_OUT), math.sqrt(6 / (N_IN + N_OUT))),
    ("TruncatedNormal", {"stddev": 0.02}, CUT * 0.0004, 0.04),
    ("RandomNormal", {"stddev": 0.02}, 0.0004, NORMAL),
    ("RandomUniform", {"minval": -0.1, "maxval": 0.1}, 0.01 / 3, 0.1),
    ("Orthogonal", {"gain": 2.0}, 4 / N_IN, 2.0),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_out"}, 2 / N_OUT, 2 * math.sqrt(2 / N_OUT / CUT)),
]


def examine(draw: Any, variance: float, end: float) -> None:
    """Three arrays against variance and range, by their own standard error; the contract of `draw(seed)`."""
    drawn = np.stack([draw(seed) for seed in range(3)])
    squares = drawn.ravel() ** 2
    error = squares.std() / math.sqrt(squares.size)
    assert abs(squares.mean() - variance) < 5 * error + 1e-6 * variance
    assert np.abs(drawn).max() <= end * (1 + 1e-5)
    assert Draws(draw, seed=1).shape == draw.shape  # repeats, depends on the seed, moves no global generator
    assert drawn.dtype == np.float64


@pytest.mark.parametrize(("name", "options", "variance", "end"), TORCH)
def test_torch(name: str, options: dict[str, Any], variance: float, end: float, need: Need) -> None:
    need("torch")
    draw = vp.framework_initializer(f"torch.nn.init.{name}", shape=(N_OUT, N_IN), **options)
    assert draw.connectivity.fans == (N_IN, N_OUT)
    examine(draw, variance, end)


@pytest.mark.parametrize(("name", "options", "variance", "end"), JAX)
def test_jax(name: str, options: dict[str, Any], variance: float, end: float, need: Need) -> None:
    need("jax")
    draw = vp.framework_initializer(f"jax.nn.initializers.{name}", shape=(N_IN, N_OUT), **options)
    assert draw.connectivity.fans == (N_IN, N_OUT)
    examine(draw, variance, end)


@pytest.mark.parametrize(("name", "options", "variance", "end"), KERAS)
def test_keras(name: str, options: dict[str, Any], variance: float, end: float, need: Need) -> None:
    need("keras")
    draw = vp.framework_initializer(f"keras.initializers.{name}", shape=(N_IN, N_OUT), **options)
    assert draw.connectivity.fans == (N_IN, N_OUT)
    examine(draw, variance, end)


@pytest.mark.parametrize(
    ("name", "arguments", "options", "fan"),
    [
        ("Linear", (300, 200), {}, 300),
        ("Conv2d", (24, 64, 3), {}, 216),
        ("Conv2d", (64, 96, 3), {"groups": 8, "stride": 2}, 72),
        ("Conv2d", (512, 512, 5), {"groups": 512}, 25),
        ("ConvTranspose2d", (64, 48, 3), {}, 48 * 9),
    ],
)
def test_torch_layers_have_a_third_over_the_fan_that_the_rule_reads(
    name: str, arguments: tuple[int, ...], options: dict[str, Any], fan: int, need: Need
) -> None:
    need("torch")
    draw = vp.framework_initializer(f"torch.nn.{name}", *arguments, **options)
    assert draw.connectivity.rule.fan_in == fan
    assert draw.connectivity.transposed == name.startswith("ConvT")
    assert draw.connectivity.groups == options.get("groups", 1)
    examine(draw, 1 / (3 * fan), 1 / math.sqrt(fan))


@pytest.mark.parametrize("framework", ["torch", "jax", "keras"])
def test_every_name_that_is_listed_is_there(framework: str, need: Need) -> None:
    need(framework)
    needed: dict[str, dict[str, Any]] = {
        "constant_": {"val": 2.0},
        "constant": {"value": 2.0},
        "sparse_": {"sparsity": 0.5},
        "variance_scaling": {"scale": 1.0, "mode": "fan_in", "distribution": "normal"},
    }
    for name in vp.framework_initializers(framework):
        word = name.rpartition(".")[2]
        shape = (3, 3, 4, 8) if word.startswith("delta") else (8, 4, 3, 3) if word == "dirac_" else (8, 8)
        drawn = vp.framework_initializer(name, shape=shape, **needed.get(word, {}))(1)
        assert drawn.shape == shape and np.isfinite(drawn).all()


@pytest.mark.parametrize("framework", ["torch", "jax", "keras"])
def test_the_lists_are_those_of_the_framework(framework: str, need: Need) -> None:
    need(framework)
    if framework == "torch":
        import torch

        there = {n for n in dir(torch.nn.init) if n.endswith("_") and not n.startswith("_")}
        assert set(torch_adapter.INITIALIZERS) == there
    elif framework == "jax":
        import jax

        there = {n for n in dir(jax.nn.initializers) if n[0].islower() and not n.startswith("_")}
        assert set(jax_adapter.INITIALIZERS) == there
    else:
        keras_adapter.initializer("Ones", (1,))  # chooses a backend
        import keras

        there = {n for n in dir(keras.initializers) if n[0].isupper() and not n.endswith("Initializer")}
        assert set(keras_adapter.INITIALIZERS) == there - {"STFT"}  # fills no weights


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("torch.nn.init.kaiming_norm_", {"shape": (3, 4)}, "Did you mean kaiming_normal_"),
        ("torch.nn.Lineer", {}, "Did you mean Linear"),
        ("jax.nn.initializers.he_norml", {"shape": (3, 4)}, "Did you mean he_normal"),
        ("keras.initializers.HeNorml", {"shape": (3, 4)}, "Did you mean HeNormal"),
        ("tensorflow.HeNormal", {"shape": (3, 4)}, "its home is not known"),
        ("he_normal", {"shape": (3, 4)}, "its home is not known"),
        ("torch.nn.init.normal_", {}, "its shape is missing"),
        ("torch.nn.init.normal_", {"shape": (3, 0)}, "no shape of an array"),
        ("torch.nn.init.normal_", {"shape": 3}, "no shape of an array"),
        ("keras.initializers.HeNormal", {"shape": ("n", 3)}, "no shape of an array"),
    ],
)
def test_unknown_names_and_shapes_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        vp.framework_initializer(name, **options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("torch.nn.init.normal_", {"stdev": 1.0}),
        ("torch.nn.init.kaiming_normal_", {"mode": "fan"}),
        ("jax.nn.initializers.he_normal", {"stddev": 1.0}),
        ("keras.initializers.HeNormal", {"stddev": 1.0}),
    ],
)
def test_what_the_framework_refuses_is_passed_on(name: str, options: dict[str, Any], need: Need) -> None:
    framework = name.partition(".")[0]
    need(framework)
    with pytest.raises(ParameterError, match=f"{framework} refuses"):
        vp.framework_initializer(name, shape=(3, 4), **options)


@pytest.mark.parametrize("seed", [-1, 2**31, 1.0, True, "1", None])
def test_a_seed_that_is_none_is_refused(seed: object, need: Need) -> None:
    need("torch")
    draw = vp.framework_initializer("torch.nn.init.normal_", shape=(3, 4))
    with pytest.raises(SamplingError, match="it is no seed"):
        draw(seed)  # type: ignore[arg-type]


def test_a_framework_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for framework, name in (("torch", "torch.nn.init.normal_"), ("jax", "jax.nn.initializers.normal")):
        monkeypatch.setitem(__import__("sys").modules, framework, None)
        with pytest.raises(ParameterError, match=f"Install it: pip install {framework}"):
            vp.framework_initializer(name, shape=(3, 4))


def test_what_torch_users_return_is_taken_as_it_is(need: Need) -> None:
    need("torch")
    import torch

    def layer(seed: int) -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return torch.nn.Linear(64, 32).weight

    def half(seed: int) -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return torch.randn(64, 32).bfloat16()

    settings: dict[str, Any] = {"resolution": 1.2, "budget": 0.3}
    assert assert_variance(layer, "1/192", **settings).verdict == "agrees"
    assert assert_variance(half, 1, **settings).verdict == "agrees"
    with pytest.raises(DrawError, match=r"generator of torch.*fork_rng"):
        assert_variance(lambda seed: torch.manual_seed(seed) and torch.randn(64), 1)


def test_what_jax_users_return_is_taken_as_it_is(need: Need) -> None:
    need("jax")
    import jax

    def half(seed: int) -> Any:
        return jax.random.normal(jax.random.key(seed), (64, 32), dtype="bfloat16")

    assert assert_variance(half, 1, resolution=1.2, budget=0.3).verdict == "agrees"
