"""Mean field: how length and correlation move through the layers of a net of infinite width."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from varprop.errors import DerivationError, MomentError, ParameterError
from varprop.model.activations import Activation, HomogeneousActivation, activation as named
from varprop.model.scalars import scalar
from varprop.networks.fixed_points import FixedPoint, at_zero, growth_roots, kind_of
from varprop.networks.kernels import Kernel, kernel
from varprop.networks.length_map import Layer, affine, covariance_map, gradient_map, length_map
from varprop.networks.mean_field_courses import Trajectory, clipped, course, scale_free_course
from varprop.networks.mean_field_report import report
from varprop.networks.mean_field_scales import CRITICAL, CorrelationPoint, fixed_correlations, scale
from varprop.render import Document, Documented, Plot, Series

__all__ = ["MeanField", "mean_field"]

Array = NDArray[np.float64]

BESIDE = 1e-160
"""An argument beside 0."""
SMALL = 1e-30
"""A length where an activation is its first power that is not 0."""


@dataclass(frozen=True)
class MeanField(Documented):
    r"""A layer z' = skip z + W d phi(z) + b in the limit of infinite width. `mean_field` makes it.

        q' = skip^2 q + sigma_w^2 E phi(sqrt(q) N)^2 / keep + sigma_b^2
        c' q' = skip^2 c q + sigma_w^2 E phi(u) phi(v) + sigma_b^2,  u, v ~ N(0, q) of correlation c
        chi_1 = skip^2 + sigma_w^2 E phi'(sqrt(q) N)^2 / keep,  chi_q = d q' / d q

    Attributes:
        activation: phi.
        layer: skip, keep, weight variance and bias variance, as floats.
    """

    activation: Activation
    layer: Layer

    @cached_property
    def kernel(self) -> Kernel:
        """The expectations of the activation."""
        return kernel(self.activation)

    @property
    def precision(self) -> str:
        """ "closed form", or "estimate" where the activation takes quadrature."""
        return self.kernel.precision

    @property
    def validity(self) -> str:
        """The limit in which all of it holds."""
        return "limit, width -> oo"

    @cached_property
    def _length(self) -> tuple[float, float, float]:
        return affine(length_map(), self.layer)

    @cached_property
    def _covariance(self) -> tuple[float, float, float]:
        return affine(covariance_map(), self.layer)

    @cached_property
    def _gradient(self) -> tuple[float, float]:
        constant, _, inside = affine(gradient_map(), self.layer)
        return constant, inside

    @property
    def scale_free(self) -> bool:
        """Whether a layer multiplies all lengths by one factor: phi of degree 1 and no bias."""
        phi = self.activation
        return isinstance(phi, HomogeneousActivation) and phi.degree == 1 and self._length[0] == 0

    def next_length(self, q: float) -> float:
        """Return q' for one length q >= 0; inf where it leaves the range of floats."""
        if not q >= 0:
            raise ParameterError(f"length {q}", "a length is a number from 0 on", "Give a variance.")
        constant, below, inside = self._length
        if math.isinf(q) or (self.scale_free and q > 1e280):
            return math.inf
        try:
            return constant + below * q + inside * self.kernel.second(q)
        except MomentError:
            return math.inf

    def chi_1(self, q: float) -> float:
        """Return the factor of the gradient's second moment per layer, at length q."""
        direct, inside = self._gradient
        return direct + inside * (self._slope_at_zero if q == 0 else self.kernel.slope(q))

    def chi_q(self, q: float) -> float:
        """Return d q' / d q at length q."""
        _, below, inside = self._length
        if q == 0 and self._at_origin == 0:
            return below + inside * self._slope_at_zero
        q = max(q, 1e-280)
        return below + inside * (self.kernel.slope(q) + self.kernel.curvature(q))

    @cached_property
    def _at_origin(self) -> float:
        return float(self.activation.value(np.zeros(1))[0])

    @cached_property
    def _slope_at_zero(self) -> float:
        """Half of the sum of the squared slopes beside 0."""
        return float(np.mean(self.activation.derivative(np.array([-BESIDE, BESIDE])) ** 2))

    def _growth(self, q: float) -> float:
        return self.next_length(q) / q - 1

    def _growths(self, q: Array) -> tuple[Array, Array]:
        """Return q'/q - 1 and its derivative by log q."""
        constant, below, inside = self._length
        moments = self.kernel
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            ratio = inside * (moments.seconds(q) / q)
            growth = (constant / q + (below - 1)) + ratio
            return growth, inside * (moments.slopes(q) + moments.bends(q)) - ratio - constant / q

    def _turn(self, q: float) -> float:
        return self.chi_q(q) - self.next_length(q) / q

    @cached_property
    def fixed_points(self) -> tuple[FixedPoint, ...]:
        """All lengths that a layer leaves as they are, in ascending order, each classified.

        A scale-invariant layer fixes every length: one neutral point that stands for all.
        """
        constant = self._length[0]
        fixes_zero = constant == 0 and self._at_origin == 0
        if self.scale_free:
            factor = self.chi_q(1.0)
            if abs(factor - 1) <= CRITICAL:
                return (FixedPoint(1.0, "neutral", factor, self.chi_1(1.0), every=True),)
            return (FixedPoint(0.0, "attracting" if factor < 1 else "repelling", factor, self.chi_1(0.0)),)
        found = []
        if fixes_zero:
            found.append(at_zero(self._roots, self.chi_q(0.0)))
        for q, left, right in self._roots.points:
            chi_q = self.chi_q(q)
            found.append(FixedPoint(q, kind_of(left, right, chi_q), chi_q, self.chi_1(q)))
        return tuple(found)

    @cached_property
    def _roots(self) -> Any:
        constant, _, inside = self._length
        return growth_roots(self._growths, self._growth, self._turn, constant, max(constant, inside))

    @property
    def diverges(self) -> bool:
        """Whether large lengths grow without bound."""
        return self.chi_q(1.0) > 1 + CRITICAL if self.scale_free else bool(self._roots.last > 0)

    def limit(self, q: float = 1.0) -> float:
        """Return where lengths go from a start q: a fixed point, 0, or inf where they diverge."""
        growth = self._growth(q) if q > 0 else 0.0
        if q == 0 and self.next_length(0.0) > 0:
            growth = 1.0
        if abs(growth) <= CRITICAL:
            return q
        lengths = [point.length for point in self.fixed_points if not point.every]
        if growth > 0:
            return min((length for length in lengths if length > q), default=math.inf)
        return max((length for length in lengths if length < q), default=0.0)

    @cached_property
    def length(self) -> float:
        """q*, where the lengths go from q = 1; inf where they diverge."""
        return self.limit(1.0)

    def _reached(self, what: str) -> float:
        if math.isinf(self.length):
            growth = float(self._growths(np.array([1e6]))[0][0])
            raise DerivationError(
                f"{what} of {self}",
                "the lengths diverge from q = 1: there is no fixed point above it, and q' / q is "
                f"{1 + growth:.6g} at q = 10^6",
                "Lower weight_variance; varprop.edge_of_chaos shows what the activation allows.",
            )
        return self.length

    @property
    def chi(self) -> float:
        """chi_1 at q*.

        Raises:
            DerivationError: the lengths diverge.
        """
        return self.chi_1(self._reached("chi_1"))

    @property
    def phase(self) -> str:
        """ "ordered" (gradients vanish), "critical", "chaotic" (they explode), or "divergent" lengths."""
        if math.isinf(self.length):
            return "divergent"
        if abs(self.chi - 1) <= CRITICAL:
            return "critical"
        return "ordered" if self.chi < 1 else "chaotic"

    @property
    def length_scale(self) -> float:
        """xi_q = -1 / ln chi_q at q*: the number of layers over which a length is forgotten."""
        return scale(self.chi_q(self._reached("xi_q")))

    @property
    def gradient_scale(self) -> float:
        """1 / |ln chi_1| at q*: the layers over which a gradient's second moment changes by a factor e."""
        return scale(self.chi)

    @property
    def correlation_scale(self) -> float:
        """xi_c = -1 / ln(d c' / d c) at c*: the number of layers over which two inputs are told apart."""
        return scale(self.attracting_correlation.slope)

    @cached_property
    def _tangent(self) -> MeanField:
        """The layer along the tangents of phi at 0, as ever smaller lengths see it; scale free."""
        below, above = map(float, self.activation.derivative(np.array([-BESIDE, BESIDE])))
        if max(abs(below), abs(above)) < math.sqrt(BESIDE) and self.layer.skip == 0:
            return self  # phi is of a higher degree there
        return replace(
            self,
            activation=HomogeneousActivation("tangents", scalar(above, "slope"), scalar(-below, "slope"), 1),
        )

    def _turning(self, q: float | None) -> tuple[MeanField, float]:
        """A layer and a length at which correlations move as here at q, q* if not given."""
        at = self._reached("the correlation map") if q is None else q
        if self.scale_free:
            return self, 1.0
        if at > 0 or self._length[0] or self._at_origin:
            return self, at
        return self._tangent, 1.0 if self._tangent.scale_free else SMALL

    def next_correlation(self, c: float, q: float | None = None) -> float:
        """Return c' for two inputs of the same length q, q* if not given; at q = 0 its limit for small q."""
        if not -1 <= c <= 1:
            raise ParameterError(f"correlation {c}", "a correlation lies in [-1, 1]", "Give one.")
        layer, at = self._turning(q)
        constant, below, inside = layer._covariance
        cross = layer.kernel.cross(at, at, c) if at else self._at_origin**2
        return clipped((constant + below * c * at + inside * cross) / layer.next_length(at))

    def correlation_slope(self, c: float) -> float:
        """Return d c' / d c at q*; at c = 1, without dropout, it is chi_1 where q* > 0."""
        layer, at = self._turning(None)
        _, below, inside = layer._covariance
        return (below + inside * layer.kernel.slope_cross(at, c)) * at / layer.next_length(at)

    @cached_property
    def correlation_points(self) -> tuple[CorrelationPoint, ...]:
        """All correlations that a layer leaves as they are at q*, in ascending order.

        A layer that is linear there keeps every one: one neutral point that stands for all.
        """
        odd = self._turning(None)[0].activation.parity == "odd" and self.layer.bias_variance == 0
        return fixed_correlations(self.next_correlation, self.correlation_slope, odd, self.layer.keep < 1)

    @property
    def attracting_correlation(self) -> CorrelationPoint:
        """c*: where correlations of two inputs go."""
        points = self.correlation_points
        return next((point for point in points if point.kind == "attracting"), points[-1])

    def iterate(
        self,
        depth: int,
        q: float = 1.0,
        r: float | None = None,
        c: float = 0.5,
        *,
        compiled: bool = False,
    ) -> Trajectory:
        """Return the lengths of two inputs and their correlation, layer by layer.

        Args:
            depth: number of layers, from 0 on.
            q: length of one input: the variance of its pre-activations in the first layer.
            r: length of the other; q if not given.
            c: their correlation.
            compiled: whether closed forms run as machine code (extra `compiled`): the first call with an
                activation takes seconds, those that follow a fraction of the time.

        Raises:
            ParameterError: a length is negative or no finite number, or c is outside [-1, 1]; numba is not
                installed.

        Example:
            >>> mean_field("erf", weight_variance=1.5).iterate(2, compiled=True).first.round(4).tolist()
            [1.0, 0.6968, 0.5935]
        """
        r = q if r is None else r
        if isinstance(depth, bool) or not isinstance(depth, (int, np.integer)) or depth < 0:
            raise ParameterError(
                f"iterate(depth={depth!r:.40})", "a depth is a whole number from 0 on", "Give one."
            )
        for value in (q, r):
            if not (isinstance(value, (int, float, np.number)) and 0 <= value < math.inf):
                raise ParameterError(
                    f"iterate(q={value!r:.40})", "a length is a number from 0 on", "Give one."
                )
        if not (isinstance(c, (int, float, np.number)) and -1 <= c <= 1):
            raise ParameterError(f"iterate(c={c!r:.40})", "a correlation lies in [-1, 1]", "Give one.")
        run = scale_free_course if self.scale_free else course
        start = float(q), float(r), float(c)
        return run(self.kernel, self._length, self._covariance, int(depth), start, compiled)

    def plot(self) -> Document:
        """Return the map of lengths against q, beside the line of rest, in characters or SVG."""
        center = self.length if 0 < self.length < math.inf else 1.0
        q = np.linspace(0, 3 * center, 61)[1:]
        lines = [
            Series("q'", q, [self.next_length(float(value)) for value in q]),
            Series("q' = q", [0, q[-1]], [0, q[-1]]),
        ]
        return Document([Plot(lines, f"Length map of {self.activation}", "q", "q'")])

    def document(self) -> Document:
        """Return fixed points, slopes and depth scales as a document."""
        return report(self)

    def __str__(self) -> str:
        skip, keep, weight, bias = self.layer
        more = (f", keep={keep:g}" if keep != 1 else "") + (f", skip={skip:g}" if skip else "")
        return f"mean_field({self.activation}, weight_variance={weight:g}, bias_variance={bias:g}{more})"


def mean_field(
    activation: Activation | str,
    *,
    weight_variance: float,
    bias_variance: float = 0.0,
    keep: float = 1.0,
    skip: float = 0.0,
) -> MeanField:
    r"""Return the mean-field theory of a layer: its maps of length and correlation and their fixed points.

    Args:
        activation: an activation, or its name.
        weight_variance: sigma_w^2 > 0, where Var w = sigma_w^2 / fan_in.
        bias_variance: sigma_b^2 >= 0.
        keep: probability that dropout keeps a unit, in (0, 1].
        skip: factor of a skip connection around the layer, 0 without one, 1 for a plain residual net; a
            factor of the branch belongs into both variances, squared.

    Raises:
        ParameterError: a parameter is outside its domain, or the activation jumps.

    Example:
        >>> net = mean_field("tanh", weight_variance=1.5, bias_variance=0.05)
        >>> net.phase, round(net.length, 6), round(net.chi, 6), round(net.correlation_scale, 3)
        ('ordered', 0.418037, 0.938636, 15.791)
        >>> mean_field("relu", weight_variance=2).fixed_points[0].kind
        'neutral'

    Source:
        Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli, Exponential expressivity in deep neural networks
        through transient chaos, 2016; Schoenholz, Gilmer, Ganguli, Sohl-Dickstein, Deep information
        propagation, 2017.
    """
    phi = named(activation)
    low, high = phi.sides(0) if len(phi.breaks) else (np.zeros(0), np.zeros(0))
    if not np.allclose(low, high, rtol=1e-6, atol=1e-9):
        raise ParameterError(
            f"mean_field({phi})", "it jumps: two close inputs are torn apart", "Use a continuous one."
        )
    layer = Layer(
        _number("skip", skip, "[0, oo)"),
        _number("keep", keep, "(0, 1]"),
        _number("weight_variance", weight_variance, "(0, oo)"),
        _number("bias_variance", bias_variance, "[0, oo)"),
    )
    return MeanField(phi, layer)


def _number(name: str, value: object, domain: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    legal = 0 <= number < math.inf and (number > 0 or domain[0] == "[") and (number <= 1 or domain[-1] == ")")
    if not legal:
        raise ParameterError(
            f"mean_field({name}={value!r:.40})", "outside its domain", f"Choose it in {domain}."
        )
    return number
