"""Large crossed blocks, each of which tells its own error from two-way components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from varprop.model.activations import HomogeneousActivation
from varprop.model.expressions import Add, Apply, Expression, SumOver
from varprop.model.variables import RandomVariable
from varprop.model.walks import walk
from varprop.simulation.estimators import centered
from varprop.simulation.functionals import Functional, Scaling
from varprop.simulation.layout import Design
from varprop.simulation.methods import BLOCK_COST, merged
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import scaled_sum
from varprop.simulation.streams import Streams

__all__ = ["Crossed", "Signed", "is_one_sum", "shapes"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Signed:
    """Independent copies of a symmetric law, each used with several random signs.

    Args:
        law: a law whose draw is a sign times a magnitude.
        signs: rows that share their magnitudes.
    """

    law: Any
    signs: int
    independent: ClassVar[bool] = True

    def numbers(self, places: int) -> int:
        """Random numbers behind one sample: the magnitudes are shared."""
        return max(1, places // self.signs)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Draw (rows, *places); consecutive rows share magnitudes."""
        return self._copied(rng, self.law.draw, shape)

    @property
    def has_single(self) -> bool:
        """Whether the magnitudes can be drawn in float32."""
        return bool(self.law.has_single)

    def draw_single(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """The same in float32."""
        return self._copied(rng, self.law.draw_single, shape)

    def _copied(
        self, rng: np.random.Generator, draw: Callable[..., NDArray[Any]], shape: tuple[int, ...]
    ) -> NDArray[Any]:
        """Draws and their copies with random signs: the highest bit of a number."""
        drawn = draw(rng, (shape[0] // self.signs, *shape[1:]))
        word: Any = np.uint32 if drawn.dtype == np.float32 else np.uint64
        magnitudes = drawn.reshape(len(drawn), 1, -1).view(word)
        bits = rng.integers(0, np.iinfo(word).max, magnitudes.shape, dtype=word, endpoint=True)
        copies = bits << np.arange(self.signs, dtype=word)[:, None]
        copies &= word(1 << (8 * magnitudes.itemsize - 1))
        copies ^= magnitudes
        signed: NDArray[Any] = copies.view(drawn.dtype).reshape(shape)
        return signed


@dataclass
class Crossed:
    """Blocks of m draws of the row variables against k draws of all others.

    A block gives the estimate, the estimate of its variance from two-way components, and its third cumulant:
    with the entries P, row means r and column means c,
    Var = var(r) / m + var(c) / k - residual mean square / (m k).

    Args:
        program: what is evaluated, with its row variables.
        functional: a mean, a variance or a covariance.
        rows: m.
        columns: k.
        cluster: consecutive rows that share their magnitudes; one cluster counts as one row.
        pieces: blocks merged into one chunk, where more results would not fit into memory.
        units: what the samples of every expression are divided by, where their powers would leave float64.
        single: whether draws and matrix products are taken in float32 where laws allow it.

    Source:
        S. R. Searle, G. Casella, C. E. McCulloch, "Variance components", 1992, chapter 4.
    """

    program: Program
    functional: Functional
    rows: int
    columns: int
    cluster: int = 1
    pieces: int = 1
    units: tuple[float, ...] = ()
    single: bool = False

    @property
    def design(self) -> Design:
        """The layout of a block."""
        return Design(self.rows, self.columns, self.single)

    @property
    def chunk_cost(self) -> float:
        """Nanoseconds per chunk."""
        work = self.program.work(self.design)
        return float(work.cost + work.overhead + BLOCK_COST + 5.0 * self.design.samples) * self.pieces

    @property
    def entries(self) -> int:
        """Array entries alive at once, at most."""
        return self.program.work(self.design).entries + 4 * self.design.samples

    @property
    def unit(self) -> float:
        """What results are to be multiplied by."""
        return float(self.functional.unit(Scaling((0.0,), self.units))) if self.units else 1.0

    def shaped(self, rows: int, columns: int) -> Crossed:
        """The same with another layout."""
        return replace(self, rows=rows, columns=columns)

    def results(self, streams: Streams, *, chunk: int) -> Array:
        """One row: estimate, its variance and third cumulant, the largest share of a draw, s10, s01, s11.

        Every one of them is the mean over the blocks of the chunk.
        """
        return merged(self.pieces, chunk, lambda piece: self._block(streams, piece))

    def _block(self, streams: Streams, block: int) -> Array:
        drawn = self.program.run(streams, chunk=block, blocks=1, design=self.design)
        if self.units:
            drawn = [values / size for values, size in zip(drawn, self.units, strict=True)]
        first, *others = (values[0] for values in self.functional.seen(drawn))
        if self.functional.statistic == "mean":
            shift, entries = 0.0, self._by_cluster(first)
        else:
            left = centered(first[None])[0]
            right = centered(others[0][None])[0] if others else left
            shift = self._pairs(self._by_cluster(left), self._by_cluster(right))
            entries = self._by_cluster(left * right)
        mean, *components = _components(entries)
        return np.array([[mean - shift, *components]])

    def _by_cluster(self, entries: Array) -> Array:
        if self.cluster == 1:
            return entries
        return np.asarray(entries.reshape(-1, self.cluster, self.columns).mean(axis=1))

    @staticmethod
    def _pairs(left: Array, right: Array) -> float:
        """The mean product of entries that share neither row nor column, of centered entries."""
        m, k = left.shape
        same = left is right
        rows, columns = left.sum(axis=1), left.sum(axis=0)
        others = (rows, columns) if same else (right.sum(axis=1), right.sum(axis=0))
        total = float(rows.sum()) * float(others[0].sum())
        both = float(np.einsum("ij,ij->", left, right))
        pairs = total - float(rows @ others[0]) - float(columns @ others[1]) + both
        return float(pairs / (m * (m - 1) * k * (k - 1)))


def is_one_sum(root: Expression) -> bool:
    """Whether an expression is a sum of products, times a number, plus terms without sums.

    Then float32 will do: a law that is drawn in it has a spread of the size of its values, so that the sum
    varies far more than its pieces round. No function may stand between a variable and a product but
    homogeneous ones: others magnify a rounding.
    """
    terms = root.terms if isinstance(root, Add) else (root,)
    sums = [scaled[1] for scaled in map(scaled_sum, terms) if scaled]
    inside = [node for node in walk(root) if isinstance(node, SumOver)]
    if not len(sums) == 1 == len(inside) or isinstance(sums[0].body, Add):
        return False
    applied = [node for node in walk(root) if isinstance(node, Apply)]
    return all(
        isinstance(node.activation, HomogeneousActivation)
        and node.activation.degree > 0
        and isinstance(node.argument, RandomVariable)
        for node in applied
    )


def _components(entries: Array) -> tuple[float, ...]:
    """The mean of entries, its variance and third cumulant, the largest share of a draw, s10, s01, s11."""
    m, k = entries.shape
    rows, columns = entries.sum(axis=1) / k, entries.sum(axis=0) / m
    center = float(rows.mean())
    rows, columns = rows - center, columns - center
    a, b = float(rows @ rows) / (m - 1), float(columns @ columns) / (k - 1)
    total = float(np.einsum("ij,ij->", entries, entries)) - m * k * (center * center)
    rest = max(0.0, total - k * (m - 1) * a - m * (k - 1) * b) / ((m - 1) * (k - 1))
    variance = max(a / m, b / k, a / m + b / k - rest / (m * k))
    third = float((rows**3).sum()) / m**3 + float((columns**3).sum()) / k**3
    shares = [
        float((part**2).max()) / size if (size := float(part @ part)) > 0 else 0.0 for part in (rows, columns)
    ]
    both = a / m + b / k
    weight = (a / m) / both if both > 0 else 0.0
    share = weight * shares[0] + (1 - weight) * shares[1]
    return center, variance, third, share, max(0.0, a - rest / k), max(0.0, b - rest / m), rest


@cache
def shapes(limit: int, cluster: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Layouts to choose from, smallest first: rows and columns in steps of a fourth root of 2.

    Args:
        limit: most entries.
        cluster: rows that share their magnitudes; there are at least 8 clusters.
    """
    sizes = np.unique((2 ** (np.arange(20, 53) / 4)).astype(np.int64) // 8 * 8)
    m, k = (side.ravel() for side in np.meshgrid(sizes, sizes, indexing="ij"))
    fits = (m * k <= limit) & (m % cluster == 0) & (m // cluster >= 8)
    return m[fits], k[fits]
