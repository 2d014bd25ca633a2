"""Streams: any integer is a seed, keys never collide, a chunk is found again."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from varprop.errors import SamplingError
from varprop.simulation.streams import Streams, seed_words


def test_spellings_never_collide() -> None:
    seeds = (0, 1, -1, 7, 2**32, 2**32 + 1, 2**64, -(2**64), 10**40)
    keys = ((), (0,), (1,), (0, 0), (0, 1), (1, 0), (2**32,), (0, 1, 0))
    spelled = [tuple(seed_words(seed, key)) for seed, key in itertools.product(seeds, keys)]
    assert len(set(spelled)) == len(spelled)
    states = {Streams(s, *k).generator(chunk=0).integers(2**63) for s, k in itertools.product(seeds, keys)}
    assert len(states) == len(spelled)


@pytest.mark.parametrize("seed", [0, -3, 2**200, np.int64(5)])
def test_any_integer_is_a_seed(seed: int) -> None:
    first, second = (Streams(seed, 2).generator(1, chunk=9).standard_normal(4) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("seed", [1.0, True, "7", None])
def test_a_seed_that_is_no_integer_is_refused(seed: object) -> None:
    with pytest.raises(SamplingError, match="integer"):
        Streams(seed)  # type: ignore[arg-type]


def test_negative_keys_are_refused() -> None:
    with pytest.raises(SamplingError, match="not negative"):
        Streams(1, -1)


def test_spawn_works_and_the_key_is_kept() -> None:
    streams = Streams(-3, 1).at(2)
    assert (streams.seed, streams.key, repr(streams)) == (-3, (1, 2), "Streams(-3, 1, 2)")
    children = streams.generator(chunk=0).spawn(2)
    assert children[0].integers(2**63) != children[1].integers(2**63)
