"""Expression + values + stream -> samples, on arrays whose dimensions are labelled.

Every sample dimension and every index is a label. A sum of a product contracts over its index, so a crossed
design (weights drawn along one sample label, inputs along another) is the same evaluator as a plain one.
No rule, no moment and no declared symmetry is asked here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.activations import HomogeneousActivation
from varprop.model.axes import Index
from varprop.model.distributions.single import fits_single, narrowed
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver
from varprop.model.variables import RandomVariable, Variable, variables
from varprop.simulation.costs import streamed_in, work_of
from varprop.simulation.layout import (
    BLOCK,
    COLUMN,
    COORDINATES,
    ROW,
    SINGLE_COORDINATES,
    Design,
    Drawn,
    Label,
    Law,
    Source,
    Work,
)
from varprop.simulation.rare import atoms, rarest
from varprop.simulation.schedule import bodies, number, number_places, operands, places_of, schedule
from varprop.simulation.streaming import Group, groups_of
from varprop.simulation.streams import Streams
from varprop.simulation.threads import one_blas_thread

__all__ = ["Program"]

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Labelled:
    data: Drawn
    labels: tuple[Label, ...]


class Program:
    """A schedule that evaluates expressions on samples, each shared part once.

    Arrays are freed after their last use. An index that a sum binds is a dimension; every other index is one
    place: 0, 1, ... in the order met, leaving out places named by number. A variable is drawn at the places
    that are needed, from the stream numbered by its position in the order of first visit.

    Args:
        roots: expressions that depend on each other through their variables; sizes must be numbers.
        laws: samplers that stand in for the distributions of some variables.
        first_group: the variables drawn along the rows of a crossed design.

    Raises:
        SamplingError: a size is no number, or smaller than the number of named places; a symbol has no value.

    Example:
        >>> from varprop.model.axes import Axis
        >>> from varprop.model.expressions import sum_over
        >>> i = Axis("i", 4)
        >>> z = sum_over(i, RandomVariable("x", "Constant(3)", axes=i))
        >>> Program([z]).run(Streams(1), chunk=0, blocks=1, design=Design(2))[0]
        array([[12., 12.]])
    """

    def __init__(
        self,
        roots: Sequence[Expression],
        laws: Mapping[Variable, Law] | None = None,
        first_group: Iterable[Variable] = (),
    ) -> None:
        self.roots = tuple(roots)
        self.nodes = schedule(self.roots)
        self.variables = variables(*self.roots)
        self._places = number_places(self.nodes)
        found: dict[Variable, list[RandomVariable]] = {}
        for node in self.nodes:
            if isinstance(node, RandomVariable):
                found.setdefault(node.variable, []).append(node)
        rows, others = frozenset(first_group), laws or {}
        self.sources = [
            Source(key, v, others.get(v), v in rows, self._needed(v, found[v]), len(found[v]))
            for key, v in enumerate(self.variables)
        ]
        self.source_of = {node: source for source in self.sources for node in found[source.variable]}
        self._rank: dict[Label, int] = {BLOCK: 0, ROW: 1, COLUMN: 2}
        for node in self.nodes:
            for index in sorted((i for i in node.indices if i.is_bound), key=lambda i: (i.key, i.axis.token)):
                self._rank.setdefault(index, len(self._rank))
        self.groups = groups_of(self.nodes, self.source_of, self.roots)
        self.uses = Counter(operand for node in self.nodes for operand in operands(node))
        self.uses.update(self.roots)
        self._works: dict[Design, Work] = {}
        self.shapes: dict[bool, dict[Expression, tuple[Label, ...]]] = {}

    def _needed(self, variable: Variable, leaves: list[RandomVariable]) -> tuple[Sequence[int], ...]:
        """Per slot the places to draw: all, where a sum ranges over it, else those that are named."""
        needed: list[Sequence[int]] = []
        for slot, axis in enumerate(variable.axes):
            indices = [leaf.slots[slot] for leaf in leaves]
            if variable.is_joint or any(index.is_bound for index in indices):
                needed.append(range(places_of(axis)))
            else:
                needed.append(tuple(sorted({self._places[index] for index in indices})))
        return tuple(needed)

    def with_laws(self, laws: Mapping[Variable, Law]) -> Program:
        """The same program with other samplers, not compiled again."""
        other = copy(self)
        other.sources = [replace(source, law=laws.get(source.variable)) for source in self.sources]
        other.source_of = {node: other.sources[source.key] for node, source in self.source_of.items()}
        if self.groups and [s.law for s in other.sources] != [s.law for s in self.sources]:
            other.groups = groups_of(self.nodes, other.source_of, self.roots)
        other._works, other.shapes = {}, {}
        return other

    def draws(self, group: Iterable[Variable] | None = None) -> int:
        """Random numbers behind one draw of all variables, or of a group of them."""
        chosen = None if group is None else set(group)
        return sum(source.numbers for source in self.sources if chosen is None or source.variable in chosen)

    def rarest(self, design: Design) -> float:
        """How often the rarest known value of a variable is expected in one block; inf if none is rare."""
        chances = ((rarest(source.sampler), source.draws(design)) for source in self.sources)
        return min((chance * draws for chance, draws in chances if chance < 1), default=math.inf)

    @property
    def rarest_outcome(self) -> float:
        """The probability of the rarest outcome of all variables in one sample; 0 if they vary smoothly."""
        chance = 1.0
        for source in self.sources:
            values = atoms(source.sampler)
            chance *= min(values.values()) ** source.numbers if values else 0.0
        return chance

    def run(self, streams: Streams, *, chunk: int, blocks: int, design: Design) -> list[Array]:
        """Evaluate the expressions on a chunk of blocks.

        Args:
            streams: where to draw from; the key of a variable is its position.
            chunk: the number of the chunk.
            blocks: how many blocks it holds.
            design: the layout of a block.

        Returns:
            Per expression an array (blocks, rows) or (blocks, rows, columns).
        """
        with one_blas_thread():
            return self._run(streams, chunk, blocks, design)

    def _run(self, streams: Streams, chunk: int, blocks: int, design: Design) -> list[Array]:
        sizes = {BLOCK: blocks, ROW: design.rows, COLUMN: design.columns}
        bases: dict[int, Drawn] = {}
        waiting = [source.leaves for source in self.sources]
        uses = Counter(self.uses)
        values: dict[Expression, _Labelled] = {}
        streamed = streamed_in(self, design)
        hidden = {node for group in streamed for node in (*group.inner, *group.sums)}
        leads = {group.sums[0]: group for group in streamed}
        for node in self.nodes:
            ended: Iterable[Expression] = operands(node)
            if node in leads:
                group = leads[node]
                self._stream(group, streamed[group], streams, chunk, blocks, design, values)
                ended = [operand for part in (*group.inner, *group.sums) for operand in operands(part)]
            elif node in hidden:
                continue
            elif isinstance(node, RandomVariable):
                source = self.source_of[node]
                if source.key not in bases:
                    rng = streams.generator(source.key, chunk=chunk)
                    bases[source.key] = source.draw(rng, blocks, design)
                values[node] = self._leaf(node, source, bases[source.key], design)
                waiting[source.key] -= 1
                if not waiting[source.key]:
                    del bases[source.key]
            else:
                values[node] = self._value(node, values)
            for operand in ended:
                uses[operand] -= 1
                if not uses[operand]:
                    values.pop(operand, None)
        labels = (BLOCK, ROW, COLUMN) if design.crossed else (BLOCK, ROW)
        shape = tuple(sizes[str(label)] for label in labels)
        ends = [self._aligned(values[root], labels).astype(np.float64, copy=False) for root in self.roots]
        return [np.broadcast_to(end, shape) for end in ends]

    def _stream(
        self,
        group: Group,
        places: int,
        streams: Streams,
        chunk: int,
        blocks: int,
        design: Design,
        values: dict[Expression, _Labelled],
    ) -> None:
        """Evaluate sums over an axis a block of places at a time, all from one generator per variable."""
        rngs = {key: streams.generator(key, chunk=chunk) for key in group.slots}
        size = places_of(group.axis)
        for start in range(0, size, places):
            count = min(places, size - start)
            bases = {
                key: self.sources[key].draw(rng, blocks, design, {group.slots[key]: count})
                for key, rng in rngs.items()
            }
            local = {node: values[node] for node in group.outer}
            for node in group.inner:
                if isinstance(node, RandomVariable):
                    source = self.source_of[node]
                    local[node] = self._leaf(node, source, bases[source.key], design)
                else:
                    local[node] = self._value(node, local)
            for one in group.sums:
                part = self._value(one, local, count)
                values[one] = _Labelled(values[one].data + part.data, part.labels) if start else part
            del bases, local  # before the next piece is drawn

    def _leaf(self, node: RandomVariable, source: Source, base: Drawn, design: Design) -> _Labelled:
        labels: list[Label] = list(design.labels(source.first_group))
        data = base
        for slot, places in zip(node.slots, source.places, strict=True):
            dimension = len(labels)
            if not slot.is_bound:
                data = np.asarray(data.take(places.index(self._places[slot]), axis=dimension))
            elif slot in labels:
                data = np.moveaxis(
                    np.diagonal(data, axis1=labels.index(slot), axis2=dimension), -1, labels.index(slot)
                )
            else:
                labels.append(slot)
        return self._sorted(data, labels)

    def _sorted(self, data: Drawn, labels: Sequence[Label]) -> _Labelled:
        order = sorted(range(len(labels)), key=lambda place: self._rank[labels[place]])
        return _Labelled(data.transpose(order), tuple(labels[place] for place in order))

    def _union(self, parts: Iterable[_Labelled]) -> tuple[Label, ...]:
        return tuple(sorted({label for part in parts for label in part.labels}, key=self._rank.__getitem__))

    @staticmethod
    def _aligned(part: _Labelled, labels: tuple[Label, ...]) -> Drawn:
        sizes = dict(zip(part.labels, part.data.shape, strict=True))
        return part.data.reshape([sizes.get(label, 1) for label in labels])

    def _value(
        self, node: Expression, values: Mapping[Expression, _Labelled], places: int | None = None
    ) -> _Labelled:
        if isinstance(node, Scalar):
            return _Labelled(np.asarray(number(node.value)), ())
        if isinstance(node, Apply):
            inner = values[node.argument]
            if inner.data.dtype == np.float32 and isinstance(node.activation, HomogeneousActivation):
                value = node.activation.value(inner.data)
                if fits_single(value):
                    return _Labelled(value, inner.labels)
            value = np.asarray(node.activation.value(_double(inner).data), dtype=np.float64)
            return _Labelled(value, inner.labels)
        if isinstance(node, Product):
            return self._multiplied(
                number(node.coefficient), [_raised(values[b], p) for b, p in node.factors]
            )
        if isinstance(node, Add):
            return self._added([values[term] for term in node.terms])
        if isinstance(node, SumOver):
            terms = [
                self._contracted(node.index, coefficient, [_raised(values[b], p) for b, p in factors], places)
                for coefficient, factors in bodies(node)
            ]
            return self._added(terms)
        raise SamplingError(
            f"a sample of {type(node).__name__}",
            "the sampler does not know this kind of expression",
            "Build it from + - * **, sums and activations.",
        )

    def _multiplied(self, coefficient: float, parts: list[_Labelled]) -> _Labelled:
        parts = sorted(parts, key=lambda part: part.data.size)
        if not parts:
            return _Labelled(np.asarray(coefficient), ())
        result = _double(parts[0])
        if coefficient != 1:
            result = _Labelled(result.data * coefficient, result.labels)
        for part in parts[1:]:
            labels = self._union((result, part))
            result = _Labelled(self._aligned(result, labels) * self._aligned(part, labels), labels)
        return result

    def _added(self, parts: list[_Labelled]) -> _Labelled:
        labels = self._union(parts)
        parts = sorted(parts, key=lambda part: part.data.size)
        total = self._aligned(_double(parts[0]), labels)
        for part in parts[1:]:
            total = total + self._aligned(part, labels)
        return _Labelled(total, labels)

    def _contracted(
        self, index: Index, coefficient: float, parts: list[_Labelled], places: int | None
    ) -> _Labelled:
        """Sum a product over an index, or so many places of it; what does not carry it stays outside."""
        inside = [part for part in parts if index in part.labels]
        outside = [part for part in parts if index not in part.labels]
        if not inside:
            return self._multiplied(coefficient * (places or places_of(index.axis)), outside)
        while len(inside) > 2:
            inside.sort(key=lambda part: part.data.size)
            inside[:2] = [self._multiplied(1.0, inside[:2])]
        if len(inside) == 1:
            axis = inside[0].labels.index(index)
            total = _Labelled(
                inside[0].data.sum(axis=axis, dtype=np.float64),
                tuple(label for label in inside[0].labels if label != index),
            )
        else:
            total = self._dot(index, *inside)
        return self._multiplied(coefficient, [total, *outside])

    def _dot(self, index: Index, left: _Labelled, right: _Labelled) -> _Labelled:
        common = [label for label in left.labels if label in right.labels and label != index]
        only_left = [label for label in left.labels if label not in right.labels]
        only_right = [label for label in right.labels if label not in left.labels]
        a, rows = _as_matrices(left, common, only_left, index, last=True)
        b, columns = _as_matrices(right, common, only_right, index, last=False)
        if np.float32 in (a.dtype, b.dtype):
            a, b = narrowed(a), narrowed(b)
        if not only_left and not only_right:
            total = np.einsum("bi,bi->b", a.reshape(len(a), -1), b.reshape(len(b), -1), dtype=np.float64)
        else:
            step = SINGLE_COORDINATES if a.dtype == np.float32 else COORDINATES
            total = np.matmul(a[:, :, :step], b[:, :step]).astype(np.float64, copy=False)
            for start in range(step, a.shape[2], step):
                total += np.matmul(a[:, :, start : start + step], b[:, start : start + step])
        shape = [*(left.data.shape[left.labels.index(label)] for label in common), *rows, *columns]
        return self._sorted(total.reshape(shape), [*common, *only_left, *only_right])

    def work(self, design: Design) -> Work:
        """The cost of one block by a fixed formula, and the memory it needs."""
        if design not in self._works:
            self._works[design] = work_of(self, design)
        return self._works[design]


def _as_matrices(
    part: _Labelled, common: list[Label], only: list[Label], index: Index, *, last: bool
) -> tuple[Drawn, list[int]]:
    order = [*common, *only, index] if last else [*common, index, *only]
    data = part.data.transpose([part.labels.index(label) for label in order])
    count = math.prod(data.shape[: len(common)])
    free = [part.data.shape[part.labels.index(label)] for label in only]
    shape = (
        (count, math.prod(free), -1)
        if last
        else (count, part.data.shape[part.labels.index(index)], math.prod(free))
    )
    return data.reshape(shape), free


def _double(part: _Labelled) -> _Labelled:
    return _Labelled(part.data.astype(np.float64, copy=False), part.labels)


def _raised(part: _Labelled, power: int) -> _Labelled:
    if power == 1:
        return part
    result, square = None, _double(part).data
    while power:
        if power & 1:
            result = square if result is None else result * square
        power >>= 1
        if power:
            square = square * square
    assert result is not None
    return _Labelled(result, part.labels)
