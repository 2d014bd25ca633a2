"""The edge of chaos: where gradients neither vanish nor explode, and whether lengths stay there."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy.optimize import brentq

from varprop.errors import DerivationError, ParameterError
from varprop.model.activations import Activation, HomogeneousActivation
from varprop.model.gaussian.pair_forms import Q
from varprop.networks.fixed_points import FLAT, Kind
from varprop.networks.kernels import Kernel, kernel
from varprop.networks.length_map import Layer, affine, gradient_map, length_map
from varprop.networks.mean_field import MeanField, mean_field
from varprop.networks.phase_diagram import draw
from varprop.render import Document, Documented, Heading, Math, Plot, Series, Table, Text

__all__ = ["CriticalPoint", "EdgeOfChaos", "Universality", "edge_of_chaos"]

Array = NDArray[np.float64]
LOW, HIGH, PER_DECADE = -6, 6, 16
ROUNDING = 1e-13


@dataclass(frozen=True)
class CriticalPoint:
    """Variances at which chi_1 = 1 at a fixed length, and whether lengths stay there.

    Attributes:
        weight_variance: sigma_w^2.
        bias_variance: sigma_b^2.
        length: the fixed length q.
        chi_q: d q' / d q there.
        kind: "attracting", "neutral", "half-stable" or "repelling", of the length.
    """

    weight_variance: float
    bias_variance: float
    length: float
    chi_q: float
    kind: Kind


@dataclass(frozen=True)
class Universality:
    """The class of an activation by its critical point with chi_1 = chi_q = 1.

    Attributes:
        name: "scale-invariant", "K* = 0", "half-stable" or "none".
        point: the critical point; None if there is none.
    """

    name: Literal["scale-invariant", "K* = 0", "half-stable", "none"]
    point: CriticalPoint | None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class EdgeOfChaos(Documented):
    r"""The curve chi_1 = 1 at a fixed length q. `edge_of_chaos` makes it.

        sigma_w^2 = keep (1 - skip^2) / E phi'^2,  sigma_b^2 = (1 - skip^2) (q - E phi^2 / E phi'^2) >= 0,

    expectations of sqrt(q) N. Lengths stay there if chi_q = 1 + sigma_w^2 E phi phi'' / keep is below 1.

    Attributes:
        activation: phi.
        keep: probability that dropout keeps a unit.
        skip: factor of the skip connection.
    """

    activation: Activation
    keep: float
    skip: float

    @property
    def _kernel(self) -> Kernel:
        return kernel(self.activation)

    @property
    def is_point(self) -> bool:
        """Whether the curve is a single point, since every length behaves alike."""
        return isinstance(self.activation, HomogeneousActivation) and self.activation.degree == 1

    @cached_property
    def _factors(self) -> tuple[float, float, float]:
        """chi_1 = direct + slope sigma_w^2 E phi'^2, q' = direct q + inside sigma_w^2 E phi^2 + sigma_b^2."""
        unit = Layer(self.skip, self.keep, 1.0, 0.0)
        direct, _, slope = affine(gradient_map(), unit)
        return direct, slope, affine(length_map(), unit)[2]

    @cached_property
    def formula(self) -> tuple[sp.Expr, sp.Expr] | None:
        """sigma_w^2 and sigma_b^2 as formulas in the length q, None where there is no closed form."""
        second, slope = self._kernel.second_form, self._kernel.slope_form
        if second is None or slope is None:
            return None
        q = sp.Symbol("q", positive=True)
        keep, rest = sp.nsimplify(str(self.keep)), 1 - sp.nsimplify(str(self.skip)) ** 2
        return (keep * rest / slope).xreplace({Q: q}), (rest * (q - second / slope)).xreplace({Q: q})

    def _place(self, q: float) -> tuple[float, float]:
        """Return weight and bias variance at length q; the bias variance may come out negative."""
        direct, slope, inside = self._factors
        weight = (1 - direct) / (slope * self._kernel.slope(q))
        return weight, (1 - direct) * q - weight * inside * self._kernel.second(q)

    def point(self, q: float) -> CriticalPoint | None:
        """Return the critical point of a length q > 0, None if the bias variance would be negative.

        Raises:
            ParameterError: q is not above zero.
        """
        if not 0 < q < math.inf:
            raise ParameterError(f"point({q!r:.40})", "a length is a positive number", "Give one.")
        weight, bias = self._place(q)
        if self.is_point:
            return CriticalPoint(weight, 0.0, q, 1.0, "neutral")
        if bias < -FLAT * q:
            return None
        chi_q = 1 + weight * self._factors[2] * self._kernel.curvature(q)
        return CriticalPoint(weight, max(bias, 0.0), q, chi_q, self._kind(chi_q))

    @staticmethod
    def _kind(chi_q: float) -> Kind:
        if abs(chi_q - 1) <= ROUNDING:
            return "half-stable"
        return "attracting" if -1 <= chi_q < 1 else "repelling"

    @cached_property
    def _table(self) -> tuple[Array, Array, Array]:
        """Lengths, and weight and bias variances, also where the bias variance is negative."""
        q = np.logspace(LOW, HIGH, (HIGH - LOW) * PER_DECADE + 1)
        direct, slope, inside = self._factors
        with np.errstate(all="ignore"):
            weight = (1 - direct) / (slope * self._kernel.slopes(q))
            bias = (1 - direct) * q - weight * inside * self._kernel.seconds(q)
        return q, weight, bias

    @cached_property
    def origin(self) -> CriticalPoint | None:
        """The critical point at length 0, without bias; None if phi(0) is not 0, or flat there."""
        if self.is_point or float(self.activation.value(np.zeros(1))[0]) != 0:
            return None
        direct, slope, _ = self._factors
        steepness = mean_field(self.activation, weight_variance=1.0).chi_1(0.0)
        if steepness < 1e-200:
            return None
        weight = (1 - direct) / (slope * steepness)
        field = mean_field(self.activation, weight_variance=weight, keep=self.keep, skip=self.skip)
        return CriticalPoint(weight, 0.0, 0.0, 1.0, field.fixed_points[0].kind)

    @cached_property
    def curve(self) -> tuple[CriticalPoint, ...]:
        """Points of the curve by growing length, where the bias variance is not negative."""
        if self.is_point:
            point = self.point(1.0)
            return (point,) if point else ()
        q, weight, bias = self._table
        legal = np.flatnonzero(np.isfinite(weight) & (bias > FLAT * q))
        chi_q = 1 + weight[legal] * self._factors[2] * self._kernel.bends(q[legal])
        found = [
            CriticalPoint(float(weight[k]), float(bias[k]), float(q[k]), float(slope), self._kind(slope))
            for k, slope in zip(legal, chi_q, strict=True)
        ]
        return ((self.origin,) if self.origin else ()) + tuple(found)

    def at(self, bias_variance: float) -> tuple[CriticalPoint, ...]:
        """Return all critical points of a bias variance, by growing length.

        Raises:
            ParameterError: the bias variance is negative or no finite number.
        """
        if not (isinstance(bias_variance, (int, float, np.number)) and 0 <= bias_variance < math.inf):
            raise ParameterError(f"at({bias_variance!r:.40})", "a bias variance is from 0 on", "Give one.")
        if self.is_point:
            return self.curve if bias_variance == 0 else ()
        found = [self.origin] if bias_variance == 0 and self.origin else []
        q, _, bias = self._table
        gap = bias - bias_variance
        known = np.flatnonzero(np.isfinite(gap) & (np.abs(gap) > FLAT * q))
        for i, j in itertools.pairwise(known):
            if (gap[i] > 0) != (gap[j] > 0):
                root = brentq(
                    lambda s: self._place(s)[1] - bias_variance, q[i], q[j], xtol=1e-300, rtol=1e-14
                )
                point = self.point(float(root))
                found += [point] if point else []
        return tuple(found)

    @cached_property
    def universality(self) -> Universality:
        """The class of the activation: which critical point with chi_1 = chi_q = 1 it has, if any.

        Source:
            Roberts, Yaida, Hanin, The principles of deep learning theory, 2022, chapter 5.
        """
        if self.is_point:
            return Universality("scale-invariant", self.curve[0] if self.curve else None)
        if self.origin and self.origin.kind == "attracting":
            return Universality("K* = 0", self.origin)
        q, _, bias = self._table
        bend = self._kernel.bends(q)
        for k in np.flatnonzero((bend[:-1] > 0) != (bend[1:] > 0)):
            if bias[k] > 0 or bias[k + 1] > 0:
                root = float(brentq(self._kernel.curvature, q[k], q[k + 1], rtol=1e-14, xtol=1e-14))
                weight, left = self._place(root)
                if left >= 0:
                    return Universality("half-stable", CriticalPoint(weight, left, root, 1.0, "half-stable"))
        return Universality("none", None)

    def field(self, weight_variance: float, bias_variance: float = 0.0) -> MeanField:
        """Return the mean field at one place of the diagram."""
        return mean_field(
            self.activation,
            weight_variance=weight_variance,
            bias_variance=bias_variance,
            keep=self.keep,
            skip=self.skip,
        )

    def plot(self) -> Document:
        """Return the curve as a plot in characters or SVG, one series for each kind of stability."""
        kinds = dict.fromkeys(point.kind for point in self.curve)
        series = [
            Series(
                kind,
                [math.sqrt(p.weight_variance) for p in self.curve if p.kind == kind],
                [math.sqrt(p.bias_variance) for p in self.curve if p.kind == kind],
            )
            for kind in kinds
        ]
        return Document([Plot(series, f"Edge of chaos of {self.activation}", "sigma_w", "sigma_b")])

    def phase_diagram(self, axes: Any = None, *, weight_std: float = 3.0, bias_std: float = 1.0) -> Any:
        """Draw the ordered, chaotic and divergent phases and the edge over sigma_w and sigma_b.

        It needs matplotlib. Colors can be told apart without color vision, and fit light and dark styles.

        Args:
            axes: where to draw; new ones if not given.
            weight_std: the largest sigma_w.
            bias_std: the largest sigma_b.

        Returns:
            The axes.

        Raises:
            ParameterError: matplotlib is not installed, or a range is not positive.
        """
        return draw(self, axes, weight_std, bias_std)

    def document(self) -> Document:
        """Return the class, the formula and some points of the curve as a document."""
        universality = self.universality
        blocks: list[Any] = [Heading(f"Edge of chaos of {self.activation}")]
        blocks.append(Text(f"Universality class: {universality}"))
        if self.formula is not None and not self.is_point:
            for name, latex, form in zip(
                ("weight_variance", "bias_variance"),
                (r"\sigma_w^2", r"\sigma_b^2"),
                self.formula,
                strict=True,
            ):
                blocks.append(Math(f"{latex} = {sp.latex(form)}", f"{name} = {form}"))
        chosen = self.curve[:: max(1, len(self.curve) // 12)]
        rows = [
            [
                f"{math.sqrt(p.weight_variance):.6g}",
                f"{math.sqrt(p.bias_variance):.6g}",
                f"{p.length:.6g}",
                f"{p.chi_q:.6g}",
                p.kind,
            ]
            for p in chosen
        ]
        blocks.append(
            Table(["sigma_w", "sigma_b", "length q", "chi_q", "lengths"], rows or [["none", "", "", "", ""]])
        )
        return Document(blocks)

    def __str__(self) -> str:
        return self.to_text()


def edge_of_chaos(activation: Activation | str, *, keep: float = 1.0, skip: float = 0.0) -> EdgeOfChaos:
    r"""Return the variances of weights and biases at which gradients neither vanish nor explode.

    chi_1 = 1 alone is not enough: lengths may leave the fixed point, so every point says whether it attracts.

    Args:
        activation: an activation, or its name.
        keep: probability that dropout keeps a unit, in (0, 1]; with dropout, two inputs still drift apart.
        skip: factor of a skip connection around the layer, in [0, 1).

    Raises:
        ParameterError: a parameter is outside its domain, or the activation jumps.
        DerivationError: with a skip of factor 1 or more, gradients grow at every weight variance.

    Example:
        >>> edge_of_chaos("relu").curve
        (CriticalPoint(weight_variance=2.0, bias_variance=0.0, length=1.0, chi_q=1.0, kind='neutral'),)
        >>> edge = edge_of_chaos("tanh")
        >>> [point] = edge.at(bias_variance=0.05)
        >>> round(point.weight_variance, 6), point.kind, edge.universality.name
        (1.760955, 'attracting', 'K* = 0')

    Source:
        Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli, 2016; Hayou, Doucet, Rousseau, On the impact of the
        activation function on deep neural networks training, 2019.
    """
    field = mean_field(activation, weight_variance=1.0, keep=keep, skip=skip)
    if field.layer.skip >= 1:
        raise DerivationError(
            f"edge_of_chaos({field.activation}, skip={skip})",
            "chi_1 = skip^2 + ... is above 1 at every weight variance",
            "Give a skip below 1.",
        )
    return EdgeOfChaos(field.activation, field.layer.keep, field.layer.skip)
