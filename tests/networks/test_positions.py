"""Convolutions place by place against plain sums, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

import varprop as vp
from varprop import AveragePool, Conv, Dense, Flatten, Network, Normal, propagate, relu


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "terms"),
    [
        (3, 1, "same", [2, 3, 3, 3, 2]),
        (3, 2, 1, [2, 3, 2]),
        (2, 1, "valid", [2, 2, 2, 2]),
        (5, 1, 2, [3, 4, 5, 4, 3]),
        (1, 3, 0, [1, 1]),
        (3, 4, 3, [0, 3, 0]),
    ],
)
def test_every_place_sums_what_lies_inside(
    kernel: int, stride: int, padding: object, terms: list[int]
) -> None:
    net = Network([Conv(2, kernel, stride, padding, weights=Normal(variance=1))], fan_in=(3, 5))
    last = propagate(net, input=Normal(variance=2))[-1]
    assert float(last.second_moment) == pytest.approx(3 * 2 * np.mean(terms))


def test_gradients_of_a_convolution_count_the_outputs_that_read_a_place() -> None:
    net = Network([Conv(4, 3, 2, 1, weights=Normal(variance=1))], fan_in=(1, 5))
    read = [1, 2, 1, 2, 1]  # outputs stand at 0, 2, 4
    assert float(propagate(net, input=Normal())[0].gradient) == pytest.approx(4 * np.mean(read))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Conv(2, kernel=2), "an even kernel has no middle"),
        (lambda: Conv(2, padding="full"), "it is none"),
        (lambda: Conv(2, kernel=0), "no whole number from 1 on"),
        (lambda: Conv(2, kernel=()), "no whole number"),
        (lambda: Conv(2, stride=True), "no whole number"),
        (lambda: Network([Conv(2)], fan_in=4), "reads channels and positions"),
        (lambda: Network([Conv(2, (3, 3))], fan_in=(1, 4)), "has not 1 directions"),
        (lambda: Network([Conv(2)], fan_in=(1, "n")), "is a symbol"),
        (lambda: Network([Conv(2, 5, padding="valid")], fan_in=(1, 4)), "does not fit 4 positions"),
        (lambda: Network([AveragePool(3)], fan_in=(1, 4)), "cannot be split into groups of 3"),
        (lambda: Network([Dense(3)], fan_in=(1, 4)), "Put vp.Flatten"),
        (lambda: Network([relu], fan_in=()), "it is no size"),
    ],
)
def test_what_does_not_fit_is_told(make: object, words: str) -> None:
    with pytest.raises(vp.ParameterError, match=words):
        make()  # type: ignore[operator]


def test_symbols_of_a_convolution_wait_for_numbers() -> None:
    net = Network([Conv("c", 3, weights=Normal(variance="1/n")), Flatten()], fan_in=(2, 4))
    with pytest.raises(vp.DerivationError, match="positions are counted one by one"):
        propagate(net, input=Normal())
    last = propagate(net.at({"c": 6}), input=Normal())[-1]
    assert last.shape == (24,) and float(last.second_moment) == pytest.approx((2 * 2 / 3 + 2) / 4)


def test_shapes_and_labels() -> None:
    pool = AveragePool(2)
    assert pool.label == "AveragePool(2)" and AveragePool().label == "AveragePool()"
    assert str(Flatten()) == "Flatten()" and Conv(2, (3, 1)).label == "Conv(2, 3 x 1)"
    net = Network([AveragePool()], fan_in=(3, 4, 4))
    assert propagate(net, given=np.arange(48.0))[-1].shape == (3,)
