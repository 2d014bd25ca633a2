"""Fans against a count of every single connection, and against the rules of the frameworks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy as sp

from varprop.errors import ParameterError
from varprop.networks.connectivity import Connectivity, Fans

CONVOLUTIONS = [
    # out, in per group, kernel, groups, stride, dilation, padding, size
    (6, 4, (3,), 1, 1, 1, 0, 11),
    (6, 4, (3,), 1, 2, 1, 1, 12),
    (6, 2, (2,), 3, 3, 1, 0, 9),
    (4, 3, (3, 2), 2, 1, 2, 1, 9),
    (8, 1, (3, 3), 8, 2, 1, 1, 8),
    (3, 5, (1, 4), 1, 4, 1, 2, 10),
    (2, 2, (2, 3, 2), 1, 2, 1, 0, 6),
]


def count(
    out: int, into: int, kernel: tuple[int, ...], groups: int, step: int, spread: int, pad: int, size: int
):
    """Mean numbers of connections of a unit and of an input: every (output, input, tap) is visited."""
    places = [range((size + 2 * pad - spread * (k - 1) - 1) // step + 1) for k in kernel]
    found = 0
    for unit in itertools.product(*places):
        for tap in itertools.product(*map(range, kernel)):
            met = (u * step + t * spread - pad for u, t in zip(unit, tap, strict=True))
            found += all(0 <= place < size for place in met)
    units = sp.prod(map(len, places))
    return Fans(sp.Rational(into * found, units), sp.Rational(out // groups * found, size ** len(kernel)))


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_the_fans_within_an_image_are_those_counted(case: tuple) -> None:
    out, into, kernel, groups, step, spread, pad, size = case
    made = Connectivity((out, into, *kernel), groups=groups, stride=step)
    assert made.within(size, padding=pad, dilation=spread) == count(*case)


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_the_fans_are_those_of_a_large_image(case: tuple) -> None:
    out, into, kernel, groups, step, *_ = case
    made = Connectivity((out, into, *kernel), groups=groups, stride=step)
    assert made.fans.fan_in == into * sp.prod(kernel)
    within = made.within(4000)
    assert abs(within.fan_out / made.fans.fan_out - 1) < 0.01
    assert within.fan_in == made.fans.fan_in


def test_a_transposed_convolution_swaps_the_fans_of_the_plain_one() -> None:
    plain = Connectivity((12, 8, 3, 3), stride=2, groups=2)  # maps 16 channels to 12
    swapped = Connectivity((12, 8, 3, 3), "IOHW", stride=2, groups=2, transposed=True)  # maps 12 to 16
    assert swapped == Connectivity((12, 8, 3, 3), stride=2, groups=2, transposed=True)
    assert swapped.fans == plain.fans[::-1]


@pytest.mark.parametrize(
    ("shape", "layout", "groups", "fans", "rule"),
    [
        ((10, 20), "OI", 1, (20, 10), (20, 10)),
        ((20, 10), "IO", 1, (20, 10), (20, 10)),
        ((32, 16, 3, 5), "OIHW", 1, (240, 480), (240, 480)),
        ((3, 5, 16, 32), "HWIO", 1, (240, 480), (240, 480)),
        ((32, 4, 3, 3), "OIHW", 8, (36, 36), (36, 288)),
        ((3, 3, 4, 32), "HWIO", 8, (36, 36), (36, 288)),
        ((3, 3, 64, 2), "HWIM", 1, (9, 18), (576, 18)),
        ((64, 1, 3, 3), "OIHW", 64, (9, 9), (9, 576)),
        ((7, 5, 4, 3, 2), "OIDHW", 1, (120, 168), (120, 168)),
    ],
)
def test_true_fans_and_the_rule_of_the_frameworks(shape, layout, groups, fans, rule) -> None:
    made = Connectivity(shape, layout, groups)
    assert (made.fans, made.rule) == (fans, rule)


def test_sizes_may_be_symbols() -> None:
    made = Connectivity(("c_out", "c_in", "k", "k"))
    c_in, c_out, k = sp.symbols("c_in c_out k", positive=True)
    assert made.fans == (c_in * k**2, c_out * k**2)
    assert made.at({"c_in": 3, "c_out": 5, "k": 2}) == Connectivity((5, 3, 2, 2))
    assert str(Connectivity((5, 3, 2, 2), stride=(1, 2), groups=5)) == (
        "O=5, I=3, H=2, W=2, groups=5, stride=(1, 2)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": 512}, "it is no tuple of sizes"),
        ({"shape": "512"}, "it is no tuple of sizes"),
        ({"shape": ()}, "rank 0 has no fan_in"),
        ({"shape": (3,)}, r"rank 1 has no fan_in and fan_out. Give \(n_out, n_in\)"),
        ({"shape": (1, 2, 3, 4, 5, 6)}, "rank above 5"),
        ({"shape": (0, 3)}, "at least 1"),
        ({"shape": (4, -3)}, "at least 1"),
        ({"shape": (4, 2.5)}, "at least 1"),
        ({"shape": (4, True)}, "truth value"),
        ({"shape": (4, float("nan"))}, "finite"),
        ({"shape": (4, 3), "layout": "OO"}, "does not name"),
        ({"shape": (4, 3), "layout": "oi"}, "capital letters"),
        ({"shape": (4, 3), "layout": "OIH"}, "does not name the 2 axes of the shape. Write 'OI' or 'IO'"),
        (
            {"shape": (4, 3, 2, 2), "layout": "OIHX"},
            "X names no axis.* Write 'OIHW', 'IOHW', 'HWIO', 'HWOI' or",
        ),
        ({"shape": (4, 3, 2), "layout": "OIL"}, "L names no axis.* Write 'OIW'"),
        ({"shape": itertools.count(1)}, "rank above 5"),
        ({"shape": {3, 4}}, "no tuple of sizes"),
        ({"shape": b"abc"}, "no tuple of sizes"),
        ({"shape": np.array(3)}, "no tuple of sizes"),
        ({"shape": (4, 3), "stride": 0}, "at least 1"),
        ({"shape": (4, 3, 2, 2), "stride": {"a": 1, "b": 2}}, "not dict"),
        ({"shape": (4, 3), "transposed": "no"}, "Use True or False"),
        ({"shape": (4, 3), "layout": "OM"}, "needs one I"),
        ({"shape": (4, 3, 2), "layout": "OHI"}, "neither the first two axes nor the last two"),
        ({"shape": (4, 3, 2, 2), "groups": 3}, "do not split into 3 groups"),
        ({"shape": (3, 3, 4, 2), "layout": "HWIM", "groups": 4}, "already says"),
        ({"shape": (4, 3, 2, 2), "stride": 0}, "at least 1"),
        ({"shape": (4, 3, 2, 2), "stride": (1, 1, 1)}, "3 strides for 2 spatial axes"),
    ],
)
def test_a_kernel_that_cannot_be_is_refused_with_a_remedy(arguments: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        Connectivity(**arguments)
    assert caught.value.remedy


@pytest.mark.parametrize("layout", ["OIHW", "IOHW", "HWIO", "WHOI", "HWIM"])
def test_the_letters_of_a_layout_come_in_any_order(layout: str) -> None:
    sizes = dict(zip("OIMHW", (8, 4, 2, 3, 5), strict=True))
    out = sizes["M" if "M" in layout else "O"]
    into = 1 if "M" in layout else sizes["I"]
    assert Connectivity([sizes[letter] for letter in layout], layout).fans == (into * 15, out * 15)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 2}, "does not fit"),
        ({"size": 0}, "whole numbers from 1"),
        ({"size": 10**9}, "whole numbers from 1"),
        ({"size": (8, 8, 8)}, "2 whole numbers"),
        ({"size": 8, "padding": -1}, "whole numbers from 0"),
        ({"size": 8, "dilation": 0}, "whole numbers from 1"),
    ],
)
def test_an_image_that_cannot_be_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Connectivity((4, 3, 3, 3)).within(**arguments)


def test_a_symbol_cannot_be_counted_and_a_transposed_kernel_is_not() -> None:
    with pytest.raises(ParameterError, match="no value"):
        Connectivity((4, 3, "k", 3)).within(8)
    with pytest.raises(ParameterError, match="transposed"):
        Connectivity((4, 3, 3, 3), "IOHW", transposed=True).within(8)
