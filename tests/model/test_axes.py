"""Axes and places: sizes, identity, and which place is which."""

import pickle

import numpy as np
import pytest
import sympy as sp

from varprop import Axis, ExpressionError, ParameterError, symbol
from varprop.model.axes import Index, as_index, new_token


@pytest.mark.parametrize("size", [1, 7, np.int64(7), sp.Integer(7), "n", symbol("n"), "2*n"])
def test_sizes(size):
    assert Axis("i", size).size == (
        symbol("n") * 2 if size == "2*n" else sp.sympify(size, {"n": symbol("n")})
    )


@pytest.mark.parametrize(
    "size",
    [
        0,
        -3,
        1.5,
        "0",
        "-1",
        "1/2",
        float("nan"),
        float("inf"),
        True,
        None,
        [3],
        1j,
        "n*(",
        "__import__('os')",
    ],
)
def test_bad_sizes(size):
    with (
        pytest.raises(ParameterError)
        if not isinstance(size, str) or size in ("0", "-1", "1/2")
        else pytest.raises(ValueError)
    ):
        Axis("i", size)


@pytest.mark.parametrize("name", ["", "1", "a b", None, 3, "i;", b"i"])
def test_bad_names(name):
    with pytest.raises(ParameterError, match="not a name"):
        Axis(name, 3)


def test_only_the_object_counts():
    assert Axis("i", 3) != Axis("i", 3)
    i = Axis("i", 3)
    assert len({i, i, Axis("i", 3)}) == 2
    assert pickle.loads(pickle.dumps(i)) == i
    assert i != "i"


def test_tokens_are_unique_and_in_order_of_creation():
    tokens = [new_token() for _ in range(100)]
    assert len(set(tokens)) == 100
    assert sorted(tokens) == tokens


def test_places_are_all_different():
    i = Axis("i", "n")
    places = (*i.places(3), *i.places(2), i.index, i.at(0), i.at(1))
    assert len(set(places)) == len(places)
    assert [place.name for place in i.places(2)] == ["i1", "i2"]
    assert i.index == i.index and i.at(1) == i.at(1)


def test_an_axis_has_no_more_places_than_its_size():
    i = Axis("i", 2)
    assert len(i.places(2)) == 2
    with pytest.raises(ExpressionError, match="it has only 2"):
        i.places(3)
    with pytest.raises(ExpressionError, match="0 to 1"):
        i.at(2)


@pytest.mark.parametrize("count", [0, -1, 1.0, True, "2", None])
def test_bad_counts_of_places(count):
    with pytest.raises(ParameterError):
        Axis("i", 5).places(count)
    if count != 0:
        with pytest.raises(ParameterError):
            Axis("i", 5).at(count)


def test_a_label_is_no_identity():
    (place,) = Axis("i", 4).places(1)
    assert place.named("k") == place
    assert place.named("k").name == "k"


def test_resizing_keeps_the_token():
    i = Axis("i", "n")
    small = i.resized(sp.Integer(4))
    assert small != i and small.token == i.token and small.size == 4
    assert i.resized(i.size) is i
    (place,) = i.places(1)
    assert place.moved(small) == Index(small, place.kind, place.key)


def test_as_index():
    i = Axis("i", 3)
    assert as_index(i) == i.index
    assert as_index(i.at(2)) == i.at(2)
    with pytest.raises(ExpressionError, match="neither an Axis nor one of its places"):
        as_index("i")
