"""How samples lie in arrays: labels, the design of a block, what is drawn, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.axes import Index
from varprop.model.variables import Variable

__all__ = ["BLOCK", "COLUMN", "ROW", "Design", "Drawn", "Label", "Law", "Source", "Work"]

Array = NDArray[np.float64]
Drawn: TypeAlias = NDArray[np.floating[Any]]
"""Draws, and products of them: in float32 where a design allows it and the law can."""
Label: TypeAlias = str | Index

BLOCK, ROW, COLUMN = "block", "row", "column"
COORDINATES = 256
"""Coordinates that are drawn, and multiplied, at once."""
SINGLE_COORDINATES = 128
"""Coordinates of a product in float32, whose rounding grows faster than their number."""

CHUNK_NANOSECONDS = 2e8
"""The work of a chunk of many blocks, at most."""

CROSS_FROM = 4
"""Random numbers behind a row and behind a column from which crossed blocks pay."""

DRAW_COST, ENTRY_COST, PRODUCT_COST, CALL_COST = 18.0, 2.0, 0.05, 4000.0
SINGLE_DRAW_COST, SINGLE_PRODUCT_COST = 6.0, 0.025


class Law(Protocol):
    """Where samples of a variable come from, if not from its own distribution."""

    @property
    def independent(self) -> bool:
        """Whether places are independent copies, drawn from the generator one block after the other."""
        ...

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Draw (samples, *places)."""
        ...

    def numbers(self, places: int) -> int:
        """Random numbers behind one sample at so many places."""
        ...


@dataclass(frozen=True, slots=True)
class Design:
    """How the samples of one block are laid out.

    Args:
        rows: draws of the first group of variables in a block.
        columns: draws of all others, each combined with every row; 0 for plain blocks, where all are drawn
            together.
        single: whether variables are drawn, and matrix products taken, in float32 where their laws allow it.
    """

    rows: int
    columns: int = 0
    single: bool = False

    @property
    def crossed(self) -> bool:
        """Whether every row meets every column."""
        return self.columns > 0

    @property
    def samples(self) -> int:
        """Values of the expression in one block."""
        return self.rows * max(1, self.columns)

    def labels(self, first_group: bool) -> tuple[Label, ...]:
        """The sample labels of a variable."""
        return (BLOCK, COLUMN if self.crossed and not first_group else ROW)

    def size(self, label: str) -> int:
        """The size of a sample label within one block."""
        return {BLOCK: 1, ROW: self.rows, COLUMN: self.columns}[label]


@dataclass(frozen=True, slots=True)
class Work:
    """What one block costs, by a fixed formula in nanoseconds, and the entries it holds at most.

    Args:
        cost: nanoseconds per block.
        overhead: nanoseconds per chunk of blocks.
        entries: most array entries alive at once, per block.
        draws: random numbers per block.
    """

    cost: float
    overhead: float
    entries: int
    draws: int


@dataclass(frozen=True, slots=True)
class Source:
    """A variable with its stream, its law, its group, and the places to draw."""

    key: int
    variable: Variable
    law: Law | None
    first_group: bool
    places: tuple[Sequence[int], ...]
    leaves: int

    @property
    def extents(self) -> tuple[int, ...]:
        return tuple(map(len, self.places))

    @property
    def sampler(self) -> Any:
        """What is drawn from."""
        return self.law or self.variable.distribution

    @property
    def has_single(self) -> bool:
        """Whether it can be drawn in float32: joint laws and stand-ins for laws need not know of it."""
        return bool(getattr(self.sampler, "has_single", False))

    @property
    def numbers(self) -> int:
        count = math.prod(self.extents)
        return self.law.numbers(count) if self.law else count

    def draws(self, design: Design) -> int:
        """Random numbers of this variable in one block."""
        return design.size(str(design.labels(self.first_group)[1])) * self.numbers

    def draw(
        self, rng: np.random.Generator, blocks: int, design: Design, piece: Mapping[int, int] | None = None
    ) -> Drawn:
        """Draw (blocks, samples, *places); of some slots only so many further places, if a piece says so."""
        per_block = design.size(str(design.labels(self.first_group)[1]))
        extents = tuple((piece or {}).get(slot, extent) for slot, extent in enumerate(self.extents))
        count = blocks * per_block
        law = self.sampler
        whole = self.law is None and self.variable.is_joint
        shape = (count,) if whole else (count, *extents)
        if design.single and self.has_single:
            drawn = law.draw_single(rng, shape)
        else:
            drawn = np.asarray(law.draw(rng, shape), dtype=np.float64)
        if drawn.shape != (count, *extents):
            raise SamplingError(
                f"draws of {self.variable.name}",
                f"{law} gave shape {drawn.shape}, not {(count, *extents)}",
                "A draw has the shape it is asked for.",
            )
        reshaped: Drawn = drawn.reshape(blocks, per_block, *extents)
        return reshaped
