"""Initializers: distributions over a matrix whose variance is the solution of a stated equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import sympy as sp

from varprop.derivation.proofs import Solution
from varprop.derivation.quantities import Claims, Equal
from varprop.errors import ParameterError
from varprop.model.activations import Activation, activation as as_named
from varprop.model.calls import explained
from varprop.model.distributions import Distribution, Normal, Precision, TruncatedNormal, Uniform
from varprop.model.domains import Parameter
from varprop.model.gaussian import GaussianMean
from varprop.model.joint import Joint, Orthogonal, Place
from varprop.model.scalars import ScalarLike, scalar, substitute, symbol
from varprop.model.shapes import drawn_shape, enough_memory
from varprop.networks.connectivity import Connectivity, Fans
from varprop.networks.schemes import N_IN, N_OUT, Factors, Scheme, V, factors
from varprop.networks.writing import shown
from varprop.render import Block, Bullets, Document, Documented, Heading, Math, Text
from varprop.render.rounding import upward

__all__ = ["Initializer", "Seed", "generator", "second_moment"]

Array: TypeAlias = npt.NDArray[Any]
Seed: TypeAlias = (
    int | np.random.Generator | np.random.BitGenerator | np.random.SeedSequence | np.random.RandomState | None
)

_USUAL_CUT = sp.Integer(2)


@dataclass(frozen=True, repr=False)
class Initializer(Joint, Documented):
    """The law of a weight matrix or kernel, of mean zero, with the variance that its scheme asks for.

    It is drawn from, stands as the law of a RandomVector, and gives `dot` and `neuron` their weights.
    Make one with `he_normal(shape)` and its siblings.

    Args:
        name: what it is called.
        connectivity: the shape and what it connects.
        scheme: the equation that the variance solves.
        kind: "normal", "uniform", "truncated_normal" or "orthogonal".
        cut: where a normal variable is truncated, in standard deviations of its parent.
        corrected: whether the parent's variance makes good for the truncation.
        fans: "true" for the connections as they are, "rule" for what frameworks read from the shape.
    """

    name: str
    connectivity: Connectivity
    scheme: Scheme
    kind: str = "normal"
    cut: sp.Expr = _USUAL_CUT
    corrected: bool = True
    fans: str = "true"

    # ---- what it promises

    @property
    def used(self) -> Fans:
        """The fans that enter the variance."""
        return self.connectivity.fans if self.fans == "true" else self.connectivity.rule

    @property
    def equation(self) -> Equal:
        """The condition that was solved, with the symbols n_in and n_out."""
        return self.scheme.equation

    @property
    def derivation(self) -> Solution:
        """The condition derived line by line and solved."""
        return self.scheme.derivation

    @property
    def claims(self) -> Claims:
        """The local equations of the derivation: what `check` tests."""
        return self.derivation.claims

    @property
    def promised(self) -> sp.Expr:
        """The variance that the scheme asks for."""
        solution = self.scheme.solution
        if self.kind == "orthogonal":
            return Orthogonal(*self._matrix, gain=solution).entry_moment(2)
        return substitute(solution, {N_IN: self.used.fan_in, N_OUT: self.used.fan_out})

    @property
    def variance(self) -> sp.Expr:
        """The variance of an entry; a truncation that is not corrected makes it less than promised."""
        law = self.row_law
        return law.variance if isinstance(law, Distribution) else law.entry_moment(2)

    @property
    def std(self) -> sp.Expr:
        """The standard deviation of an entry."""
        return sp.sqrt(self.variance)

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        """The ends of an interval that holds every entry."""
        law = self.row_law
        if isinstance(law, Distribution):
            return law.support
        return -self.scheme.solution, self.scheme.solution

    def factors(self, activation: Activation | str | None = None, q: ScalarLike | None = None) -> Factors:
        """Return what one such layer multiplies the second moments of signal and gradient by.

        Args:
            activation: phi; that of the scheme if not given.
            q: the second moment of its argument; that of the scheme if not given.

        Example:
            >>> lecun = Initializer("lecun_normal", Connectivity((256, 512)), Scheme())
            >>> lecun.factors()
            Factors(forward=1, backward=1/2)
            >>> lecun.factors("relu")
            Factors(forward=1/2, backward=1/4)
        """
        phi = self.scheme.activation if activation is None else as_named(activation)
        found = factors(phi, self.scheme.q if q is None else second_moment(q))
        into, out = self.connectivity.fans
        values = {N_IN: into, N_OUT: out, V: self.variance}
        return Factors(*(substitute(factor, values) for factor in found))

    # ---- the law of a matrix

    @property
    def shape(self) -> tuple[sp.Expr, ...]:
        return self.connectivity.shape

    @property
    def terms(self) -> sp.Expr:
        return self.connectivity.fans.fan_in

    @property
    def _matrix(self) -> tuple[sp.Expr, sp.Expr]:
        """The kernel as a matrix: a row of weights per output channel."""
        layout, shape = self.connectivity.layout, self.shape
        units = shape[layout.index("M" if "M" in layout else "O")]
        return units, sp.prod(shape) / units

    @property
    def _kept(self) -> sp.Expr:
        """What the truncation leaves of the variance of a normal law."""
        return TruncatedNormal(-self.cut, self.cut).variance

    @property
    def row_law(self) -> Distribution | Joint:
        variance = self.promised
        if self.kind == "orthogonal":
            return Orthogonal(*self._matrix, gain=self.scheme.solution)
        if self.kind == "uniform":
            return Uniform(variance=variance)
        if self.kind == "normal":
            return Normal(variance=variance)
        kept = self._kept if self.corrected else sp.S.One
        end = self.cut * sp.sqrt(variance / kept)
        return TruncatedNormal(-end, end, parent_variance=variance / kept)

    @property
    def unfolded(self) -> Distribution | Joint:
        law = self.row_law
        if isinstance(law, Orthogonal) and len(self.shape) == 2:
            return Orthogonal(*self.shape, gain=law.gain)
        return law if isinstance(law, Distribution) else self

    @property
    def alike(self) -> bool | None:
        return True

    @property
    def uncorrelated(self) -> bool | None:
        return True

    @property
    def row_flips(self) -> bool:
        return True

    def moment_exists(self, k: int) -> bool:
        """True: all its laws have all moments."""
        return True

    @property
    def precision(self) -> Precision:
        """The kind of number its variance is."""
        return self.scheme.precision

    def entry_moment(self, k: int, place: Place | None = None) -> sp.Expr:
        law = self.row_law
        return law.moment(k) if isinstance(law, Distribution) else law.entry_moment(k)

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        scheme = (self.scheme.multiplier, self.scheme.q, self.scheme.share, self.scheme.solution)
        free: frozenset[sp.Symbol] = frozenset().union(*(part.free_symbols for part in scheme))
        return self.connectivity.free_symbols | (free - {N_IN, N_OUT})

    def at(self, values: Mapping[sp.Symbol | str, ScalarLike]) -> Initializer:
        """The same initializer with numbers for symbols."""
        exact = {symbol(s) if isinstance(s, str) else s: scalar(v, str(s)) for s, v in values.items()}
        old = self.scheme
        scheme = Scheme(
            old.activation.at(exact),
            substitute(old.share, exact),
            substitute(old.multiplier, exact),
            substitute(old.q, exact),
            old.isometric,
        )
        return Initializer(
            self.name, self.connectivity.at(exact), scheme, self.kind, self.cut, self.corrected, self.fans
        )

    @explained
    def draw(
        self, rng: Seed = None, shape: int | tuple[int, ...] = (), dtype: npt.DTypeLike = np.float64
    ) -> Array:
        """Draw the weights as a NumPy array of the kernel's shape.

        Args:
            rng: a Generator, or whatever `np.random.default_rng` takes: a seed, a SeedSequence, a
                BitGenerator, None for fresh entropy; or a legacy RandomState.
            shape: leading axes, for many independent matrices at once.
            dtype: of the array.

        Raises:
            ParameterError: a size is a symbol, rng or shape is none of these, dtype holds no fractions, or
                the array does not fit into memory.

        Example:
            >>> Initializer("lecun_normal", Connectivity((2, 3)), Scheme()).draw(0).shape
            (2, 3)
        """
        source, kind = generator(rng), _floating(dtype)
        lead = drawn_shape(shape)
        if self.free_symbols:
            names = ", ".join(sorted(name.name for name in self.free_symbols))
            raise ParameterError(f"draw from {self}", f"{names} has no value", f"Give at({{{names}: ...}}).")
        kernel = tuple(int(size) for size in self.shape)
        with enough_memory(self, (*lead, *kernel)):
            return self._drawn(source, lead, kernel, kind)

    def _drawn(
        self, source: Any, lead: tuple[int, ...], kernel: tuple[int, ...], kind: np.dtype[Any]
    ) -> Array:
        law = self.row_law
        if isinstance(law, Distribution):
            return law.draw(source, (*lead, *kernel)).astype(kind, copy=False)
        layout = self.connectivity.layout
        units = layout.index("M" if "M" in layout else "O")
        rows = law.draw(source, lead)
        first = (kernel[units], *kernel[:units], *kernel[units + 1 :])
        matrix = np.moveaxis(rows.reshape(*lead, *first), len(lead), len(lead) + units)
        return np.ascontiguousarray(matrix, dtype=kind)

    # ---- text

    def __str__(self) -> str:
        return f"{self.name}({self.connectivity})"

    def __repr__(self) -> str:
        return str(self)

    def latex(self) -> str:
        """A formula for reports."""
        return str(self.row_law.latex())

    def document(self) -> Document:
        """The equation, its solution, and what it does to this shape."""
        low, high = self.support
        ends = ("no bound",) if high == sp.oo else (shown(low), " to ", shown(high))
        blocks: list[Block] = [
            Heading(str(self)),
            Text("Asked: ", Math(self.equation.latex(), str(self.equation))),
            self.derivation.conclusion(),
            Bullets(
                [
                    *self._numbers(),
                    *self._fans(),
                    Text("entries: ", *self._entries(), ", variance ", shown(self.variance)),
                    Text("range: ", *ends),
                    *self._effects(),
                ]
            ),
        ]
        return Document(blocks)

    def _entries(self) -> list[Math | str]:
        law = self.row_law
        if isinstance(law, TruncatedNormal):
            parent, cut = shown(law.parent_variance), shown(self.cut)
            return ["normal of variance ", parent, ", then cut at ", cut, " standard deviations"]
        return [Math(law.latex(), str(law))]

    def _fans(self) -> list[Text]:
        if self.used == (N_IN, N_OUT):
            return []  # n_in = n_in says nothing
        fans = "" if self.fans == "true" else ", as the frameworks' rule reads them"
        return [Text("n_in = ", shown(self.used.fan_in), ", n_out = ", shown(self.used.fan_out), fans)]

    def _numbers(self) -> list[Text]:
        means = sorted(self.scheme.solution.atoms(GaussianMean), key=str)
        return [
            Text(
                Math(sp.latex(m), str(m)),
                f" = {float(m):.12g}, error {upward(m.uncertainty[0])}, {m.precision}",
            )
            for m in means
            if m.is_number
        ]

    def _effects(self) -> list[Text]:
        done = self.factors()
        words = f"with {self.scheme.activation}, a layer multiplies the second moment of "
        lines = [
            Text(words, "the signal by ", shown(done.forward), ", of the gradient by ", shown(done.backward))
        ]
        if self.kind == "orthogonal" and self._matrix[0] != self._matrix[1]:
            lines.append(
                Text(
                    "the gain is solved for a square matrix: for ",
                    Math(r"n_{in} < n_{out}", "n_in < n_out"),
                    " the columns are orthonormal and the signal gets ",
                    Math(r"n_{in} / n_{out}", "n_in/n_out"),
                    " of it; for ",
                    Math(r"n_{in} > n_{out}", "n_in > n_out"),
                    " the gradient gets ",
                    Math(r"n_{out} / n_{in}", "n_out/n_in"),
                )
            )
        return lines


def generator(rng: object) -> np.random.Generator | np.random.RandomState:
    """The generator that `rng` stands for.

    Raises:
        ParameterError: it stands for none.
    """
    if isinstance(rng, np.random.RandomState):
        return rng
    known = (int, np.integer, np.random.Generator, np.random.BitGenerator, np.random.SeedSequence)
    bad = isinstance(rng, bool) or (isinstance(rng, int) and rng < 0)
    if bad or not (rng is None or isinstance(rng, known)):
        remedy = "Give np.random.default_rng(seed), a whole number from 0 on, or None."
        raise ParameterError(f"draw with rng={rng!r:.60}", "it is no generator and no seed", remedy)
    return np.random.default_rng(rng)


def _floating(dtype: npt.DTypeLike) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = np.dtype(bool)
    if found.kind != "f":
        raise ParameterError(f"draw with dtype={dtype!r:.40}", "it holds no fractions", "Use np.float32.")
    return found


def second_moment(q: object) -> sp.Expr:
    """The exact positive number of a second moment."""
    return Parameter("q", "q", low=0, low_open=True).validate(q, "initializer")
