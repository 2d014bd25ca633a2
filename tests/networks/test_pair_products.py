"""E phi(X_p) phi(X_q) of many normal variables at once, against pairs one by one."""

from __future__ import annotations

import numpy as np
import pytest

import varprop as vp
from varprop import AveragePool, Conv, Network, Normal, propagate, relu
from varprop.model import gaussian
from varprop.model.gaussian.spread import numeric
from varprop.networks import pair_products


@pytest.mark.parametrize("name", ["tanh", "relu", "hardtanh"])
@pytest.mark.parametrize("slope", [False, True])
def test_products_of_many_pairs_are_those_of_single_ones(name: str, slope: bool) -> None:
    """Narrow, wide and fixed variables, nearly the same and nearly opposite ones."""
    phi = numeric(name)
    spread, turned = np.array([1.0, 1.0, 1e-3, 2.5, 0.0]), np.array([0.0, 1e-3, 1.0, 3.1, 0.0])
    vectors = spread * np.array([np.cos(turned), np.sin(turned)])
    c = vectors.T @ vectors
    p, q = np.triu_indices(5, 1)
    pairs = np.stack([p, q], axis=1)
    ask = gaussian.slope_cross_moment if slope else gaussian.cross_moment
    for means, shift in ((np.zeros(5), 0.0), (np.linspace(-1, 80, 5), 0.4)):
        shifts = np.ones(1), np.array([shift])
        made, _ = pair_products.pair_products(phi, means, c, shifts, slope)
        each = ask(phi, means[pairs] + shift, c[pairs[:, :, None], pairs[:, None, :]]).value
        assert made[p, q] == pytest.approx(each, rel=1e-9, abs=1e-13)
        assert np.array_equal(made, made.T)


def test_too_many_kinds_of_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_products, "MOST_PAIRS", 5)
    net = Network([Conv(2, bias=1), relu, AveragePool()], fan_in=(1, 4))
    with pytest.raises(vp.DerivationError, match="6 pairs that are not alike take a quadrature each, more"):
        propagate(net, given=[5.0, -10.0, 20.0, 2.5])
    assert propagate(net, input=Normal())[-1].second_moment > 0
