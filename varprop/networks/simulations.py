"""A profile's network as a simulation: blocks of drawn networks, at its own widths or at larger ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.distributions import Distribution
from varprop.networks import brute
from varprop.networks.layers import Shape
from varprop.networks.network import Input, Network
from varprop.networks.unit_laws import Sample
from varprop.networks.widening import wider
from varprop.simulation.sequential import FIRST_LOOK
from varprop.simulation.streams import Streams
from varprop.simulation.threads import one_blas_thread

__all__ = ["NetworkSimulation"]

Array = NDArray[np.float64]

MOST_NUMBERS = 3_000_000
"""Numbers of one batch of networks that are held at once."""
SMALLEST_CHUNK = 5e6
"""Nanoseconds that a chunk takes at least."""


@dataclass(frozen=True)
class NetworkSimulation:
    """Draws a network again and again, with its inputs, and averages what every layer gives.

    Args:
        network: the layers, all numbers known.
        source: the input.
        factor: how many times wider than stated everything is.
        nanoseconds: what the first look may cost, by a fixed formula.
    """

    network: Network
    source: Input
    factor: sp.Rational
    nanoseconds: float

    @cached_property
    def _layers(self) -> tuple[Any, ...]:
        return wider(self.network.layers, self.factor)

    @cached_property
    def _shape(self) -> Shape:
        assert self.network.fan_in is not None
        return (self.network.fan_in[0] * self.factor, *self.network.fan_in[1:])

    @property
    def _inputs(self) -> int:
        law = self.source.law
        if isinstance(law, Sample) and law.fixed:
            return 1 if law.other is None else 2
        numbers = brute.numbers_of(self._layers, self._shape, 1)
        return 2 if numbers < 2000 else 16

    @cached_property
    def _cost(self) -> float:
        return brute.cost_of(self._layers, self._shape, self._inputs)

    @cached_property
    def networks(self) -> int:
        """Networks in one block."""
        return max(1, int(self.nanoseconds / FIRST_LOOK / self._cost))

    @property
    def cost(self) -> float:
        """Nanoseconds per block."""
        return self.networks * self._cost

    @property
    def samples(self) -> int:
        """Inputs that are run in one block."""
        return self.networks * self._inputs

    @cached_property
    def chunk_blocks(self) -> int:
        """Blocks per chunk."""
        return max(1, min(64, int(SMALLEST_CHUNK / self.cost)))

    @property
    def relied(self) -> tuple[str, ...]:
        """What it relies on."""
        width = "" if self.factor == 1 else f", widths times {self.factor}"
        return (
            f"independent networks{width}: {self.networks} per block, {self._inputs} inputs each",
            f"input {self.source}",
        )

    @cached_property
    def columns(self) -> dict[tuple[brute.Place, str], int]:
        """Which column of the block results holds what."""
        found = self._simulated(np.random.default_rng(0), 1)
        return {key: number for number, key in enumerate(found)}

    def results(self, streams: Streams, chunk: int) -> Array:
        """The block results of one chunk."""
        rng = streams.generator(0, chunk=chunk)
        total = self.chunk_blocks * self.networks
        batch = max(1, int(MOST_NUMBERS / brute.numbers_of(self._layers, self._shape, self._inputs)))
        parts = []
        for start in range(0, total, batch):
            found = self._simulated(rng, min(batch, total - start))
            parts.append(np.stack(list(found.values()), axis=1))
        values = np.concatenate(parts)
        blocks: Array = values.reshape(self.chunk_blocks, self.networks, -1).mean(axis=1)
        return blocks

    def _simulated(self, rng: np.random.Generator, networks: int) -> Any:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"), one_blas_thread():
            return brute.simulate(
                self._layers,
                self._shape,
                self._drawn_input,
                networks,
                self._inputs,
                rng,
                first_only=isinstance(self.source.law, Sample) and self.source.law.other is not None,
            )

    def _drawn_input(self, rng: np.random.Generator, networks: int, inputs: int) -> Array:
        law, size = self.source.law, math.prod(int(length) for length in self._shape)
        if isinstance(law, Distribution):
            return law.draw(rng, (networks, inputs, size))
        fixed = law.other is not None
        rows = law.rows if law.other is None else np.concatenate([law.rows, law.other])
        chosen = (
            np.tile(np.arange(2), (networks, 1)) if fixed else rng.integers(0, len(rows), (networks, inputs))
        )
        numbers: Array = rows[chosen]
        return np.tile(numbers, (1, 1, int(self.factor))) if self.factor > 1 else numbers


def refuse_symbols(network: Network, source: Input) -> None:
    """Raise if something is not a number yet.

    Raises:
        SamplingError: a size or a parameter is a symbol.
    """
    free: Sequence[sp.Symbol] = sorted(network.free_symbols | source.free_symbols, key=str)
    if free:
        names = ", ".join(map(str, free))
        raise SamplingError(
            f"simulation of {network}",
            f"{names} stands for no number",
            f"Give values: at={{'{free[0]}': 16}}.",
        )
