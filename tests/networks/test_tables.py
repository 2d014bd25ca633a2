"""Tables as inputs: width does not make rows alike, so what stands above them is followed row by row."""

from __future__ import annotations

import numpy as np
import pytest

import varprop as vp
from varprop import (
    GLU,
    AveragePool,
    Concatenate,
    Dense,
    DerivationError,
    Dropout,
    LayerNorm,
    Network,
    Residual,
    RMSNorm,
    Uniform,
    propagate,
    relu,
    sigmoid,
    tanh,
)
from varprop.networks.samples import MOST_ROWS, row_squares
from varprop.networks.unit_laws import Sample

HE, LECUN = "he_normal", "lecun_normal"
ROWS = np.array([[0.1, 0.1, 0.1], [5.0, 5.0, -5.0], [1.0, 0.0, 2.0]])
LAYERS = {
    "tanh": [Dense(8, LECUN), tanh, Dense(8, LECUN), tanh, Dense(2, LECUN)],
    "constant bias": [Dense(8, LECUN, 1), relu, Dense(8, LECUN, 1), relu],
    "uniform bias": [Dense(8, LECUN, Uniform(0, 2)), tanh, Dense(2, LECUN)],
    "tanh of rows": [tanh, Dense(8, LECUN), sigmoid, Dense(2, LECUN)],
    "residual": [Dense(8, LECUN), Residual([tanh, Dense(8, LECUN)], multiplier="1/2"), sigmoid],
    "norms": [Dense(8, LECUN, 1), RMSNorm(), tanh, Dense(8, LECUN), LayerNorm(), sigmoid],
    "gates": [GLU(8, sigmoid, LECUN), Dense(8, LECUN), tanh],
    "side by side": [Dense(8, LECUN), Concatenate([tanh], [sigmoid]), Dense(4, LECUN), tanh],
    "dropout": [Dense(8, LECUN), tanh, Dropout(0.5), Dense(8, LECUN), tanh],
    "pool": [Dense(8, LECUN), tanh, AveragePool(2), Dense(2, LECUN)],
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_table_is_the_mean_of_its_rows(name: str) -> None:
    net = Network(LAYERS[name], fan_in=3)
    table = propagate(net, input=vp.Empirical(ROWS))
    each = [propagate(net, given=row) for row in ROWS]
    for place, row in enumerate(table.rows):
        for number in ("mean", "second_moment", "gradient", "weight_gradient"):
            found = getattr(row, number)
            if found is None:
                continue
            known = [float(getattr(one.rows[place], number)) for one in each]
            assert float(found) == pytest.approx(np.mean(known), rel=1e-9), (row.label, number)


def test_rows_of_different_size_are_seen_in_the_mean_of_tanh() -> None:
    net = Network([Dense(300, LECUN), tanh, Dense(300, LECUN)], fan_in=3)
    profile = propagate(net, input=vp.Empirical(ROWS))
    z = np.random.default_rng(2).normal(size=10**6)
    squares = np.mean([np.mean(np.tanh(np.sqrt(np.mean(row**2)) * z) ** 2) for row in ROWS])
    assert float(profile[2].second_moment) == pytest.approx(squares, rel=5e-3)
    assert profile[2].validity == "exact"  # normal weights: each row gives normal units
    assert (
        propagate(Network([Dense(3, "lecun_uniform"), tanh], fan_in=3), input=vp.Empirical(ROWS))[2].validity
        != "exact"
    )
    assert profile[1].pair is not None and profile[2].pair is None


def test_brute_force_agrees_on_a_table() -> None:
    net = Network([Dense(5, LECUN), tanh, Dense(2, HE)], fan_in=3)
    profile = propagate(net, input=vp.Empirical(ROWS)).only("second_moment", layers=[1, 2, 3])
    assert vp.check(profile, seed=5, budget=0.5).verdict == "agrees"


def test_very_many_rows_come_in_groups_of_one_weight() -> None:
    rows = np.random.default_rng(1).lognormal(size=(1200, 2))
    groups = row_squares(Sample(rows))
    assert groups is not None and len(groups) == MOST_ROWS
    assert float(sum(groups) / MOST_ROWS) == pytest.approx(np.mean(rows**2), rel=1e-12)
    last = propagate(Network([Dense(9, LECUN), tanh], fan_in=2), input=vp.Empirical(rows))[-1]
    nodes = np.linspace(-8, 8, 4001)
    weights = np.exp(-(nodes**2) / 2)
    sizes = np.sqrt(np.mean(rows**2, axis=1))
    known = np.tanh(sizes[:, None] * nodes) ** 2 @ (weights / weights.sum())
    assert float(last.second_moment) == pytest.approx(known.mean(), rel=1e-4)
    assert (last.precision, last.validity) == ("estimate", "limit, width -> oo")
    assert row_squares(Sample(rows[:1])) is None


def test_what_is_not_followed_row_by_row_is_refused() -> None:
    block = Residual([Dense(4, HE)], post=relu)
    with pytest.raises(DerivationError, match="moments of relu"):
        propagate(Network([Dense(4, HE), relu, block], fan_in=3), input=vp.Empirical(ROWS))
    zero = vp.Empirical(np.vstack([ROWS, np.zeros(3)]))
    with pytest.raises(DerivationError, match="0 / 0"):
        propagate(Network([Dense(4, HE), RMSNorm()], fan_in=3), input=zero)
    assert propagate(Network([Dense(4, HE), tanh], fan_in=3), input=zero)[-1].second_moment > 0


def test_a_table_far_from_one_keeps_its_digits() -> None:
    for size in (1e-150, 1e150):
        net = Network([Dense(4, HE), relu, Dense(2, HE)], fan_in=3)
        profile = propagate(net, input=vp.Empirical(size * ROWS))
        assert profile[3].second_moment / size**2 == pytest.approx(2 * np.mean(ROWS**2))
        assert profile[2].mean / size == pytest.approx(
            np.mean(np.sqrt(2 * np.mean(ROWS**2, axis=1))) / np.sqrt(2 * np.pi)
        )


def test_a_profile_says_where_a_correlation_ends() -> None:
    x, y = np.arange(8.0), np.ones(8)
    lost = propagate(Network([vp.Conv(3, 3, weights=HE), relu], fan_in=(2, 4)), given=x, against=y)
    assert "The correlation of the two inputs is not followed from input on." in " ".join(str(lost).split())
    kept = propagate(Network([Dense(3, HE), relu], fan_in=8), given=x, against=y)
    assert "correlation of the two" not in str(kept)


def test_convolutions_of_a_table_name_their_premise() -> None:
    rows = np.array([[0.1] * 8, [5.0] * 8])
    net = Network([vp.Conv(4, 3, weights=LECUN), tanh], fan_in=(2, 4))
    named = [
        [premise.name for premise in propagate(net, **source).premises]
        for source in ({"input": vp.Empirical(rows)}, {"given": rows[0]}, {"input": Uniform(0, 1)})
    ]
    assert ["pictures alike" in names for names in named] == [True, False, False]
    dense = Network([Dense(4, "lecun_uniform"), tanh], fan_in=8)
    assert "pictures alike" not in [p.name for p in propagate(dense, input=vp.Empirical(rows)).premises]
