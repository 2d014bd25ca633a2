"""Averages over positions behind convolutions, against enumeration, plain quadrature and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import varprop as vp
from varprop import (
    AveragePool,
    Concatenate,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Network,
    Normal,
    Residual,
    Uniform,
    propagate,
    relu,
    tanh,
)
from varprop.networks import brute, spatial_units

X = np.array([0.5, -1.0, 2.0, 0.25])
SIGNS = vp.Rademacher()


def read(kernel: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A convolution of one channel with as many outputs as inputs."""
    return np.convolve(np.pad(x, 1), kernel[::-1], mode="valid")


def covariance(x: np.ndarray) -> np.ndarray:
    """E z_p z_q of a convolution of kernel 3 with weights of variance 1/3."""
    rows = np.array([read(tap, x) for tap in np.eye(3)])
    return rows.T @ rows / 3


def nodes(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places and weights of the trapezoidal rule for a normal pair."""
    x, step = np.linspace(-9, 9, 400, retstep=True)
    u, v = np.meshgrid(x, x, indexing="ij")
    (a, b), (_, c) = matrix
    weights = np.exp(-(u**2 + v**2) / 2) * step**2 / (2 * np.pi)
    return np.sqrt(a) * u, b / np.sqrt(a) * u + np.sqrt(max(c - b**2 / a, 0)) * v, weights


def test_every_kernel_of_signs_is_averaged() -> None:
    layers = [Conv(1, weights=SIGNS, bias=SIGNS), AveragePool(2), Conv(1, weights=SIGNS), AveragePool()]
    profile = propagate(Network(layers, fan_in=(1, 4)), given=X)
    first, last, slopes = [], [], []
    for *kernel, bias in itertools.product((-1.0, 1.0), repeat=4):
        pooled = (read(np.array(kernel), X) + bias).reshape(2, 2).mean(axis=1)
        first.append(np.mean(pooled**2))
        for upper in itertools.product((-1.0, 1.0), repeat=3):
            last.append(read(np.array(upper), pooled).mean() ** 2)
            above = np.array([upper[1] + upper[0], upper[1] + upper[2]]).repeat(2) / 4
            seen = np.array([read(tap, X) for tap in np.eye(3)])
            slopes.append(np.mean((seen @ above) ** 2))
    assert profile[2].second_moment == pytest.approx(np.mean(first)) and profile[2].validity == "exact"
    assert profile[4].second_moment == pytest.approx(np.mean(last)) and profile[4].validity == "exact"
    assert profile[1].weight_gradient == pytest.approx(np.mean(slopes))
    assert [row.precision for row in profile] == ["closed form"] * 5


def test_normal_weights_and_one_input_make_a_pool_of_relus_exact() -> None:
    c = covariance(X)
    size = np.sqrt(np.outer(np.diag(c), np.diag(c)))
    angle = np.arccos(np.clip(c / size, -1, 1))
    expected = np.mean(size * (np.sin(angle) + (np.pi - angle) * np.cos(angle))) / (2 * np.pi)
    pooled = propagate(Network([Conv(5), relu, AveragePool()], fan_in=(1, 4)), given=X)[-1]
    assert pooled.second_moment == pytest.approx(expected, rel=1e-12)
    assert pooled.validity == "exact" and pooled.shape == (5,)
    tiny = propagate(Network([Conv(5), relu, AveragePool()], fan_in=(1, 4)), given=1e-200 * X)[-1]
    assert float(tiny.second_moment / 1e-200 / 1e-200) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("bias", [0.0, 0.7])
def test_gradients_of_weights_below_a_pool_of_smooth_units(bias: float) -> None:
    net = Network([Conv(3, bias=bias), tanh, AveragePool(2), Flatten(), Dense(1)], fan_in=(1, 4))
    profile = propagate(net, given=X)
    c = covariance(X)
    units, slopes = np.empty((4, 4)), np.empty((4, 4))
    for p, q in itertools.product(range(4), repeat=2):
        u, v, w = nodes(c[np.ix_([p, q], [p, q])])
        units[p, q] = (w * np.tanh(u + bias) * np.tanh(v + bias)).sum()
        slopes[p, q] = (w / np.cosh(u + bias) ** 2 / np.cosh(v + bias) ** 2).sum()
    pools = units.reshape(2, 2, 2, 2).mean(axis=(1, 3))
    assert profile[3].second_moment == pytest.approx(np.diag(pools).mean(), rel=1e-9)
    above = (
        slopes * np.kron(np.eye(2), np.ones((2, 2))) / 4 / 6
    )  # 1/6 is the variance of a weight of the readout
    assert profile[2].gradient == pytest.approx(1 / 24)
    assert profile[1].gradient == pytest.approx(np.diag(above).mean(), rel=1e-9)
    seen = np.array([read(tap, X) for tap in np.eye(3)])
    expected = np.mean([one @ above @ one for one in seen])
    assert profile[1].weight_gradient == pytest.approx(expected, rel=1e-9)
    assert profile[3].precision == "estimate"


def test_every_kernel_of_signs_in_blocks_is_averaged() -> None:
    """Skip connections and branches, with all weights written out; outputs are linear in each of them."""
    signs = [Conv(1, weights=SIGNS)]

    def skipped(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        h = read(a, X)
        return read(c, (h + read(b, h) / 2).reshape(2, 2).mean(axis=1))

    def parallel(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
        h = read(a, X)
        pooled = [part.reshape(2, 2).mean(axis=1) for part in (h, read(b, h))]
        return np.array([read(c, part) for part in pooled])

    cases = (
        (skipped, [*signs, Residual(signs, "1/2"), AveragePool(2), *signs], ((1,), (2, 1, 1), (4,))),
        (parallel, [*signs, Concatenate([], signs), AveragePool(2)], ((1,), (2, 2, 1))),
    )
    for function, layers, places in cases:
        profile = propagate(Network(layers, fan_in=(1, 4)), given=X)
        last = len(places) == 2
        middle = np.array([0.0, 1.0, 0.0])
        seconds, slopes = [], []
        for weights in itertools.product((-1.0, 1.0), repeat=6 if last else 9):
            kernels = np.array([*weights, *middle[: 9 - len(weights)]]).reshape(3, 3)
            found = function(*kernels)
            seconds.append(np.mean(found**2))
            nudged = kernels + np.eye(9).reshape(9, 3, 3)
            moved = [np.sum((function(*one) - found) ** 2) for one in nudged]
            slopes.append(np.reshape(moved, (3, 3)).mean(axis=1))
        assert (
            profile[-1].second_moment == pytest.approx(np.mean(seconds)) and profile[-1].validity == "exact"
        )
        for place, expected in zip(places, np.mean(slopes, axis=0), strict=False):
            assert profile.row(*place).weight_gradient == pytest.approx(expected)


def test_branches_side_by_side_are_pooled_and_followed_back_one_by_one() -> None:
    branches = [Conv(2)], [Conv(2, weights=Normal(variance=1), bias=1)]
    rest = [relu, AveragePool(2), Conv(3, weights=Normal(variance=1))]
    for middle in ([], [AveragePool(2)]):
        start = (1, 4 + 4 * len(middle))
        given = np.resize(X, start[1]) + np.arange(start[1])
        both = propagate(Network([Concatenate(*branches), *middle, *rest], fan_in=start), given=given)
        alone = [propagate(Network([*one, *middle, *rest], fan_in=start), given=given) for one in branches]
        at = 3 + len(middle)
        assert both[at + 2].second_moment == pytest.approx(np.mean([one[at].second_moment for one in alone]))
        for number, one in enumerate(alone, 1):
            row = both.row(1, number, 1)
            assert row.gradient == pytest.approx(one[1].gradient)
            assert row.weight_gradient == pytest.approx(one[1].weight_gradient)
        assert both[0].gradient == pytest.approx(sum(one[0].gradient for one in alone))


def test_gradients_of_branches_stay_apart_below_a_skip_connection() -> None:
    branches = [Dense(3)], [Dense(3, bias=2)]
    skip = Residual([relu, Dense(6, weights=Normal(variance="1/3"))])
    profile = propagate(Network([Concatenate(*branches), skip], fan_in=2), given=[1.0, 1.0])
    # P(z > 0) for N(0, 1) and N(2, 1): through the branch go 6 / 3 gradients, half of them and nearly all
    for number, alive in ((1, 0.5), (2, 0.9772498680518208)):
        assert profile.row(1, number, 1).gradient == pytest.approx(1 + 2 * alive)


def test_a_skip_connection_over_branches_and_a_pool() -> None:
    branches = [Conv(2)], [Conv(2, weights=Normal(variance=1), bias=1)]
    skip = Residual([relu, Conv(4, 1, weights=Normal(variance="1/4"))])
    profile = propagate(Network([Concatenate(*branches), skip, AveragePool()], fan_in=(1, 4)), given=X)
    seen = np.array([read(tap, X) for tap in np.eye(3)])
    for number, (size, bias) in enumerate([(1 / 3, 0.0), (1.0, 1.0)], 1):
        c = size * seen.T @ seen
        gates = np.empty((4, 4))
        for p, q in itertools.product(range(4), repeat=2):
            matrix = c[np.ix_([p, q], [p, q])] + 1e-12 * np.eye(2)
            gates[p, q] = orthant(matrix, bias)
        above = (1 + gates) / 16
        expected = np.mean([one @ above @ one for one in seen])
        assert profile.row(1, number, 1).weight_gradient == pytest.approx(expected, rel=1e-4)


def orthant(matrix: np.ndarray, bias: float) -> float:
    """P(u + bias > 0, v + bias > 0) of a normal pair, by an integral over u."""
    (a, b), (_, c) = matrix
    u = np.linspace(-bias, 9 * np.sqrt(a), 20_001)
    spread = np.sqrt(max(c - b * b / a, 1e-300))
    inner = np.array([math.erfc(-(bias + b / a * x) / spread / math.sqrt(2)) / 2 for x in u])
    return float(np.trapezoid(inner * np.exp(-(u**2) / 2 / a), u) / np.sqrt(2 * np.pi * a))


def test_dropout_keeps_products_of_two_positions() -> None:
    net = Network([Conv(2), vp.identity, Dropout("1/2"), AveragePool()], fan_in=(1, 4))
    profile = propagate(net, given=X)
    c = covariance(X)
    assert profile[-1].second_moment == pytest.approx((c.sum() + np.trace(c)) / 16)
    seen = np.array([read(tap, X) for tap in np.eye(3)])
    above = (np.ones((4, 4)) + np.eye(4)) / 16
    assert profile[1].weight_gradient == pytest.approx(np.mean([one @ above @ one for one in seen]))


def test_independent_positions_are_averaged_like_units() -> None:
    net = Network([tanh, AveragePool(2), Conv(2, 1), AveragePool()], fan_in=(3, 4, 4))
    profile = propagate(net, input=Uniform(0, 1))
    x = np.linspace(0, 1, 20_001)
    mean, second = np.trapezoid(np.tanh(x), x), np.trapezoid(np.tanh(x) ** 2, x)
    pooled = second / 4 + mean**2 * 3 / 4
    assert profile[2].second_moment == pytest.approx(pooled, rel=1e-7) and profile[2].shape == (3, 2, 2)
    assert profile[4].second_moment == pytest.approx(second / 16 + mean**2 * 15 / 16, rel=1e-7)
    assert profile[4].validity == "exact"
    assert profile[1].gradient == pytest.approx(2 / 3 / 16 / 16)


def test_a_pool_of_a_picture_passes_gradients_to_windows() -> None:
    net = Network([AveragePool(2), Flatten(), Dense(3)], fan_in=(2, 4, 4))
    assert propagate(net, given=np.arange(32.0))[0].gradient == pytest.approx(3 / 8 / 16)
    assert propagate(Network([AveragePool()], fan_in=(2, 4, 4)), given=np.arange(32.0))[0].gradient == (
        pytest.approx(1 / 256)
    )


def test_brute_force_pools_along_positions() -> None:
    rng = np.random.default_rng(3)
    for size in (2, None):
        net = Network([Conv(2, weights=Normal(variance=1)), AveragePool(size)], fan_in=(3, 4, 2))
        x = rng.normal(size=(2, 1, 3, 4, 2))
        drawn, y = brute.run(net.layers, x, net.fan_in, rng, {})
        below = drawn[0].y
        expected = (
            below.mean(axis=(3, 4))
            if size is None
            else np.stack([below[:, :, :, k : k + 2].mean(axis=(3, 4)) for k in (0, 2)], axis=3)[..., None]
        )
        assert np.allclose(y, expected)
        g, _ = brute._KINDS["pool"][1](drawn[1], np.ones_like(y))
        assert g.shape == below.shape and np.allclose(g, 1 / (8 if size is None else 4))


NETS = {
    "one pool": ([Conv(8, weights="he_normal"), relu, AveragePool(), Dense(4)], 3),
    "two pools": ([Conv(8, bias=1), tanh, AveragePool(2), Conv(8), AveragePool(2)], 5),
}
"""With one input and normal weights all of it is exact; `tests/benchmarks/networks.py` asks for the rest."""


@pytest.mark.parametrize("name", NETS)
def test_brute_force_agrees(name: str) -> None:
    layers, last = NETS[name]
    profile = propagate(Network(layers, fan_in=(2, 4)), given=np.arange(8.0) / 4)
    assert profile[last].validity == "exact"
    assert vp.check(profile.only("second_moment", layers=[last]), seed=7, budget=2.0).verdict == "agrees"


@pytest.mark.parametrize("name", NETS)
def test_positions_taken_as_independent_are_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true = spatial_units.pair_products

    def independent(phi: object, means: np.ndarray, covariance: np.ndarray, *rest: object) -> object:
        return true(phi, means, np.diag(np.diag(covariance)), *rest)

    monkeypatch.setattr(spatial_units, "pair_products", independent)
    layers, last = NETS[name]
    profile = propagate(Network(layers, fan_in=(2, 4)), given=np.arange(8.0) / 4)
    assert vp.check(profile.only("second_moment", layers=[last]), seed=7, budget=2.0).verdict == "disagrees"


@pytest.mark.parametrize(
    ("layers", "shape", "words"),
    [
        ([Conv(1), AveragePool()], (1, 6000), "72000000 numbers, more than 60000000"),
        ([Conv(1), Dropout("1/2"), vp.leaky_relu(1), AveragePool()], (1, 4), "how is not followed here"),
        ([Conv(1), Dropout("1/2"), vp.leaky_relu(1), Conv(1), AveragePool()], (1, 4), "is not followed here"),
    ],
)
def test_what_is_not_followed_is_refused(layers: list[object], shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(vp.DerivationError, match=words):
        propagate(Network(layers, fan_in=shape), input=Normal())


def test_pools_behind_convolutions_in_symbols_and_beyond_floats_are_refused() -> None:
    with pytest.raises(vp.DerivationError, match="one by one"):
        propagate(Network([Conv("c"), AveragePool()], fan_in=(1, 4)), input=Normal())
    branches = Network([Concatenate([], [relu]), AveragePool()], fan_in=(1, 4))
    with pytest.raises(vp.DerivationError, match="Give numbers for all symbols"):
        propagate(branches, input=Normal(variance="v"))
    assert propagate(branches, input=Normal(variance=2))[-1].second_moment > 0
    far = Network([Conv(2), tanh, AveragePool()], fan_in=(1, 4))
    with pytest.raises(vp.DerivationError, match="beyond the range of floats"):
        propagate(far, given=1e-160 * X)


# ---- a bias of any law, the same at all positions of a channel


def smooth_oracle(bias: np.ndarray, chances: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """E tanh tanh and E tanh' tanh' at every two positions, by a sum over the bias and over normal pairs."""
    c = size * covariance(X)
    units, slopes = np.zeros((4, 4)), np.zeros((4, 4))
    for p, q in itertools.product(range(4), repeat=2):
        u, v, w = nodes(c[np.ix_([p, q], [p, q])])
        for b, chance in zip(bias, chances, strict=True):
            units[p, q] += chance * (w * np.tanh(u + b) * np.tanh(v + b)).sum()
            slopes[p, q] += chance * (w / np.cosh(u + b) ** 2 / np.cosh(v + b) ** 2).sum()
    return units, slopes


@pytest.mark.parametrize("law", [Uniform(-1, "1/2"), SIGNS])
def test_a_random_bias_is_shared_by_positions(law: vp.Distribution) -> None:
    x, w = np.polynomial.legendre.leggauss(24)
    bias, chances = ((x * 0.75 - 0.25), w / 2) if law != SIGNS else (np.array([-1.0, 1.0]), np.full(2, 0.5))
    units, slopes = smooth_oracle(bias, chances, 1.0)
    net = Network([Conv(3, bias=law), tanh, AveragePool(2), Flatten(), Dense(1)], fan_in=(1, 4))
    profile = propagate(net, given=X)
    assert profile[2].second_moment == pytest.approx(np.diag(units).mean(), rel=1e-8)
    assert profile[3].second_moment == pytest.approx(units.reshape(2, 2, 2, 2).mean(axis=(1, 3)).trace() / 2)
    above = slopes * np.kron(np.eye(2), np.ones((2, 2))) / 24
    assert profile[1].gradient == pytest.approx(np.diag(above).mean(), rel=1e-8)
    seen = np.array([read(tap, X) for tap in np.eye(3)])
    assert profile[1].weight_gradient == pytest.approx(np.mean([one @ above @ one for one in seen]), rel=1e-8)


@pytest.mark.parametrize("size", [1.0, 1e-2, 1e-200])
def test_a_random_bias_behind_a_pool_and_beyond_the_border(size: float) -> None:
    """E relu(b + g)^2 in closed form given b, one standard deviation per window; two see the bias alone."""
    layers = [Conv(2, 1, 1, 2, weights=Normal(variance=size), bias=Uniform(-1, "1/2")), AveragePool(2), relu]
    profile = propagate(Network(layers, fan_in=(1, 2)), given=[3.0, -1.0])
    b, step = np.linspace(-1, 0.5, 300_001, retstep=True)
    expected = []
    for std in (0.0, np.sqrt(size), 0.0):
        r = b / std if std else np.sign(b) * 1e9
        tail = np.array([math.erfc(-one / math.sqrt(2)) / 2 for one in r[::100]])
        tail = np.interp(b, b[::100], tail)
        inner = (b**2 + std**2) * tail + b * std * np.exp(-(r**2) / 2) / np.sqrt(2 * np.pi)
        expected.append(np.trapezoid(inner, dx=step) / 1.5)
    assert profile[3].second_moment == pytest.approx(np.mean(expected), rel=1e-5)


def test_one_pool_over_all_positions_leaves_one_normal_variable_beside_the_bias() -> None:
    layers = [Conv(2, bias=vp.Laplace(variance=1)), AveragePool(), tanh]
    profile = propagate(Network(layers, fan_in=(1, 4)), given=X)
    std = np.sqrt(covariance(X).sum()) / 4
    b = np.linspace(-30, 30, 6001)
    z = np.linspace(-9, 9, 721)
    inner = np.tanh(b[:, None] + std * z) ** 2 @ np.exp(-(z**2) / 2) * (z[1] - z[0]) / np.sqrt(2 * np.pi)
    density = np.exp(-np.sqrt(2) * np.abs(b)) / np.sqrt(2)
    assert profile[3].second_moment == pytest.approx(np.trapezoid(inner * density, b), rel=1e-4)
    dense = Network(
        [Dense(2, weights=Normal(variance=float(std**2)), bias=vp.Laplace(variance=1)), tanh], fan_in=1
    )
    unit = propagate(dense, given=[1.0])[-1]
    assert unit.second_moment == pytest.approx(float(profile[3].second_moment), rel=1e-8)


def test_random_biases_that_are_not_known_are_refused() -> None:
    unknown = vp.Unknown(mean=0, variance=1)
    with pytest.raises(vp.DerivationError, match="neither symmetric nor normal"):
        propagate(Network([Conv(2, bias=unknown), tanh], fan_in=(1, 4)), input=Normal())
    with pytest.raises(vp.DerivationError, match="not known in numbers"):
        propagate(Network([Conv(2, bias=SIGNS), relu, tanh], fan_in=(1, 4)), input=Normal())


def test_brute_force_agrees_on_a_random_bias() -> None:
    net = Network([Conv(8, weights="he_normal", bias=Uniform(-1, 1)), relu, AveragePool()], fan_in=(1, 4))
    profile = propagate(net, given=X)
    assert profile[3].validity == "exact"
    assert vp.check(profile.only("second_moment", layers=[3]), seed=7, budget=2.0).verdict == "agrees"


def test_a_tied_convolution_is_followed_like_a_convolution() -> None:
    layers = [Conv(2, bias=SIGNS), AveragePool(2)]
    plain = propagate(Network([*layers, Flatten()], fan_in=(1, 4)), given=X)
    both = propagate(Network([vp.tied(layers[0]), *layers[1:], Flatten()], fan_in=(1, 4)), given=X)
    assert [row.second_moment for row in both] == [row.second_moment for row in plain]
    assert [row.gradient for row in both] == [row.gradient for row in plain]
    shared = vp.tied(Conv(1, weights=SIGNS))
    twice = Network([shared, shared], fan_in=(1, 3))
    expected = [read(k, read(k, X[:3])) for k in map(np.array, itertools.product((-1.0, 1.0), repeat=3))]

    def drawn(_: object, networks: int, inputs: int) -> np.ndarray:
        return np.tile(X[:3], (networks, inputs, 1))

    found = brute.simulate(twice.layers, twice.fan_in, drawn, 4000, 1, np.random.default_rng(1))
    values = found[(2,), "second_moment"]
    assert abs(values.mean() - np.mean(np.square(expected))) < 5 * values.std() / np.sqrt(4000)
