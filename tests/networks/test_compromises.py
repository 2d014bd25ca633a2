"""The curve between 1/n_in and 1/n_out: its ends, Glorot's point, the balanced point, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop.errors import ParameterError


def test_the_ends_and_the_middle_are_the_known_rules() -> None:
    curve = vp.compromises(("n_out", "n_in"))
    for share, made in ((1, vp.lecun_normal), (0, vp.lecun_normal), ("1/2", vp.glorot_normal)):
        options = {"mode": "fan_out"} if share == 0 else {}
        assert sp.simplify(curve.variance(share) - made(("n_out", "n_in"), **options).variance) == 0
    relu = vp.compromises(("n_out", "n_in"), "relu")
    assert sp.simplify(relu.variance("1/2") - 2 * curve.variance("1/2")) == 0


@pytest.mark.parametrize("shape", [(256, 784), (1000, 10), (7, 7)])
@pytest.mark.parametrize("share", [0, "1/5", "1/2", 1])
def test_the_factors_are_those_of_drawn_matrices(shape: tuple[int, int], share: object) -> None:
    curve = vp.compromises(shape)
    rng = np.random.default_rng(0)
    w = rng.standard_normal((4000 // min(shape) + 50, *shape)) * float(sp.sqrt(curve.variance(share)))
    x, d = rng.standard_normal((len(w), shape[1], 1)), rng.standard_normal((len(w), shape[0], 1))
    for product, promised in (
        (w @ x, curve.factors(share).forward),
        (w.mT @ d, curve.factors(share).backward),
    ):
        each = (product**2).mean((1, 2))
        assert abs(each.mean() - float(promised)) < 5 * each.std() / np.sqrt(len(each))


def test_the_balanced_share_makes_the_factors_multiply_to_one() -> None:
    for shape in ((256, 784), (100, 400), (5, 5)):
        curve = vp.compromises(shape)
        forward, backward = curve.factors(curve.balanced)
        assert sp.simplify(forward * backward) == 1
        assert sp.simplify(curve.variance(curve.balanced) - 1 / sp.sqrt(shape[0] * shape[1])) == 0
    symbolic = vp.compromises(("n_out", "n_in"))
    expected = 1 / sp.sqrt(vp.symbol("n_in") * vp.symbol("n_out"))
    assert sp.simplify(symbolic.variance(symbolic.balanced) - expected) == 0


def test_it_is_shown_as_table_and_plot() -> None:
    curve = vp.compromises((256, 784))
    text = curve.to_text()
    for part in ("1/784", "1/520", "1/256", "4/11", "They differ", "gradient"):
        assert part in text
    assert "nothing is to settle" in vp.compromises((9, 9)).to_text()
    [plot] = curve.plot().blocks
    assert plot.series[0].y[-1] == plot.series[1].y[0] == 1
    assert "sqrt(n_in)" in vp.compromises(("n_out", "n_in")).table().to_text()


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), True])
def test_a_share_outside_the_curve_is_refused(share: object) -> None:
    with pytest.raises(ParameterError):
        vp.compromises((3, 4)).variance(share)


def test_bad_shapes_and_symbolic_plots_are_refused() -> None:
    with pytest.raises(ParameterError, match="rank 1"):
        vp.compromises((3,))
    with pytest.raises(ParameterError, match="symbol"):
        vp.compromises(("n", 3)).plot()
