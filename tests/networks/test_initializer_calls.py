"""Initializers called with what they do not take, or asked for what would not end."""

import numpy as np
import pytest

import varprop as vp
from varprop.errors import ParameterError
from varprop.networks.catalogue import INITIALIZERS


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if hasattr(vp, name)])
def test_wrong_calls_of_initializers_are_told_in_their_own_name(name: str) -> None:
    make, told = getattr(vp, name), rf"^{name}\(\.\.\.\): .*"
    for call, why in (
        (make, "missing a required argument: 'shape'. It takes shape, activation, mode"),
        (lambda: make((3, 4), (3, 4)), "too many positional arguments"),
        (lambda: make((3, 4), gian=2), "unexpected keyword argument 'gian'"),
        (lambda: make((3, 4), name="he_normal"), "unexpected keyword argument 'name'"),
    ):
        with pytest.raises(ParameterError, match=told + why):
            call()
    for call in (lambda: vp.initializer(name), lambda: vp.initializer(name, (3, 4), gian=2)):
        with pytest.raises(ParameterError, match=r"^initializer\(\.\.\.\): .*It takes name, shape"):
            call()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vp.he_normal(vp.Connectivity((3, 4)), stride=np.array([2, 2])), "says layout"),
        (lambda: vp.he_normal((3, 4), fans=np.array(["true", "rule"])), "Use 'true' or 'rule'"),
        (lambda: vp.orthogonal((40_000, 40_000)).draw(0), "more than 1e"),
        (lambda: vp.orthogonal((9, 9)).draw(0, 10**12), "more than 1e"),
    ],
)
def test_what_has_no_truth_value_or_no_end_is_refused(make, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()


def test_a_wrong_keyword_of_a_draw_is_answered_with_what_it_takes() -> None:
    with pytest.raises(ParameterError, match=r"draw\(\.\.\.\): .*'seed'\. It takes rng, shape, dtype\."):
        vp.he_normal((2, 3)).draw(seed=3)
