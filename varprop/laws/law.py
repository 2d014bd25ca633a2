"""What every exact law can be asked; each number comes with a bound on its error."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, special

from varprop.errors import LawError, ParameterError
from varprop.laws.digits import Digits, numbers, with_error
from varprop.laws.moments import graded, refined
from varprop.laws.quantiles import bracketed
from varprop.render import Document, Documented, Table, Text
from varprop.simulation.streams import Streams

__all__ = ["Array", "Law"]

Array: TypeAlias = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)
MOST_DRAWS = 10**8


class Law(Documented, ABC):
    """The exact law of a random expression: what `vp.law(...)` returns.

    `cdf`, `survival`, `pdf`, `probability`, `quantile`, `log_mean` and `characteristic_function` take
    numbers or arrays and return them with `.error`, a bound on the absolute error; `logsf`, `logcdf` and
    `logpdf` reach the far tails. An error is infinite where all digits are lost; the value then lies below
    what is known, as Chernoff's bound.

    Attributes:
        of: the expression.
        known: the names of the variables that are given.
        method: how its numbers are computed.
        precision: "closed form", or "enclosure" where the bound is proven up to the evaluation of its
            constants.
        mean: E z; nan where it does not exist.
        std: the standard deviation of z; inf where it does not exist.
        offset: where the density may have a spike or a kink.
        grain: the length below which the density is smooth elsewhere.
        rebuilt: draws samples from the expression itself.
    """

    precision: ClassVar[str] = "closed form"
    reach: ClassVar[float] = 5.0  # nothing lies beyond exp(reach) standard deviations
    method: str = "formula"
    of: object = "z"
    known: tuple[str, ...] = ()
    estimated: float = 0.0
    offset: float = 0.0
    grain: float = math.inf
    mean: float
    std: float
    drawn: Callable[[int, int], Array] | None = None

    @property
    def text(self) -> str:
        """The expression, and what is given."""
        return str(self.of) + (f" given {', '.join(self.known)}" if self.known else "")

    # ---- hooks

    @abstractmethod
    def _tails(self, x: Array) -> tuple[Array, Array, Array]:
        """log P(z > x), log P(z <= x), and a bound on the relative error of the smaller one."""

    @abstractmethod
    def _log_density(self, x: Array) -> tuple[Array, Array]:
        """The log of the density beside atoms, and a bound on its absolute error."""

    @abstractmethod
    def _transform(self, t: Array) -> tuple[NDArray[np.complex128], Array]:
        """E exp(i t z) and a bound on its error."""

    @property
    def atoms(self) -> tuple[tuple[float, Digits], ...]:
        """The places z meets with positive probability, and these probabilities."""
        return ()

    # ---- probabilities

    def _probability(self, x: object, upper: bool, log: bool) -> Any:
        places = numbers(x, "x")
        up, down, relative = self._tails(np.atleast_1d(places).ravel())
        wanted, other = (up, down) if upper else (down, up)
        with np.errstate(all="ignore"):
            error = np.where(
                wanted <= other, relative, relative * np.exp(np.minimum(other - wanted, 700)) + 2 * EPS
            )
            error = np.where(np.isneginf(wanted), np.inf if log else TINY, error)
            error = np.where(log & (relative >= 1) & (wanted <= other), np.inf, error)
            if log:
                return with_error(
                    wanted.reshape(places.shape),
                    np.where(np.isneginf(wanted) & np.isfinite(relative), 0, error).reshape(places.shape),
                )
            value = np.exp(wanted)
            bound = np.where(np.isinf(error), 1.0, error * value) + np.where(value < TINY, TINY, 0.0)
            exact = np.isinf(np.atleast_1d(places).ravel())
        return with_error(value.reshape(places.shape), np.where(exact, 0.0, bound).reshape(places.shape))

    def cdf(self, x: object) -> Any:
        """P(z <= x).

        Args:
            x: a number or an array; infinities are allowed.

        Raises:
            ParameterError: x is no number, or nan.
        """
        return self._probability(x, upper=False, log=False)

    def survival(self, x: object) -> Any:
        """P(z > x), accurate in its digits also where it is small."""
        return self._probability(x, upper=True, log=False)

    def logcdf(self, x: object) -> Any:
        """log P(z <= x)."""
        return self._probability(x, upper=False, log=True)

    def logsf(self, x: object) -> Any:
        """log P(z > x), finite far beyond 1e-300."""
        return self._probability(x, upper=True, log=True)

    def probability(self, low: object, high: object) -> Any:
        """P(low <= z <= high), atoms at the ends included.

        Raises:
            ParameterError: an end is no number, or low > high.
        """
        a, b = np.broadcast_arrays(numbers(low, "low"), numbers(high, "high"))
        if (a > b).any():
            raise ParameterError(f"probability({low}, {high})", "low is above high", "Swap them.")
        up_a, down_a, error_a = self._tails(np.nextafter(a, -np.inf).ravel() if self.atoms else a.ravel())
        up_b, down_b, error_b = self._tails(b.ravel())
        # In the tail in which both ends lie, the difference of the small numbers keeps their digits.
        upper = down_a > up_b
        with np.errstate(all="ignore"):
            value = np.where(upper, np.exp(up_a) - np.exp(up_b), np.exp(down_b) - np.exp(down_a))
            smaller = [np.exp(np.minimum(up_a, down_a)) * error_a, np.exp(np.minimum(up_b, down_b)) * error_b]
            ends = np.where(upper, np.exp(up_a) + np.exp(up_b), np.exp(down_a) + np.exp(down_b))
            error = np.nan_to_num(smaller[0] + smaller[1], posinf=1.0) + 2 * EPS * ends
        narrow = self._narrow(a.ravel(), b.ravel(), value, error)
        if narrow is not None:
            value, error = narrow
        return with_error(np.maximum(value, 0).reshape(a.shape), error.reshape(a.shape))

    def _narrow(self, a: Array, b: Array, value: Array, error: Array) -> tuple[Array, Array] | None:
        """Short intervals by Gauss's rule on the density, where differences lose their digits."""
        from_a, from_b = a - self.offset, b - self.offset
        short = (b - a < 1e-3 * self.std) & (a < b) & (from_a * from_b > 0) & (error > 1e-13 * value)
        short &= np.minimum(np.abs(from_a), np.abs(from_b)) > 3 * (b - a)
        short &= b - a < self.grain
        if not short.any() or self.atoms or self.std == 0:
            return None
        nodes, weights = np.polynomial.legendre.leggauss(12)
        middle, half = (a[short] + b[short]) / 2, (b[short] - a[short]) / 2
        logs, bounds = self._log_density((middle[:, None] + half[:, None] * nodes).ravel())
        density = np.exp(logs).reshape(-1, 12)
        sums = half * (density @ weights)
        # The density is analytic but at the offset, three lengths away: the ellipse has radius 13, and
        # 13^-24 = 2e-27. A structure finer than that shows as a contradiction to the difference.
        lost = sums * (bounds.reshape(-1, 12).max(axis=1) + 4 * EPS)
        fits = (np.abs(sums - value[short]) <= error[short] + lost) & (lost < error[short])
        value, error = value.copy(), error.copy()
        value[short] = np.where(fits, sums, value[short])
        error[short] = np.where(fits, lost, error[short])
        return value, error

    def pdf(self, x: object) -> Any:
        """The density at x, beside atoms; infinite where it has a spike."""
        places = numbers(x, "x")
        logs, bounds = self._log_density(np.atleast_1d(places).ravel())
        with np.errstate(over="ignore", invalid="ignore"):
            value = np.exp(logs)
            error = np.where(value > 0, value * np.expm1(np.minimum(bounds, 700)), TINY)
            error = np.where(np.isinf(bounds), np.inf, error)
        error = np.where(np.isposinf(value), 0.0, error)
        return with_error(value.reshape(places.shape), error.reshape(places.shape))

    def logpdf(self, x: object) -> Any:
        """The log of the density at x, beside atoms, finite far beyond 1e-300."""
        places = numbers(x, "x")
        logs, bounds = self._log_density(np.atleast_1d(places).ravel())
        return with_error(
            logs.reshape(places.shape),
            np.where(np.isinf(logs) & np.isfinite(bounds), 0, bounds).reshape(places.shape),
        )

    def characteristic_function(self, t: object) -> Any:
        """E exp(i t z) as a complex array; its error is below `characteristic_error`."""
        places = numbers(t, "t")
        if np.isinf(places).any():
            raise ParameterError("characteristic_function(inf)", "it has no value there", "Give finite t.")
        value, _ = self._transform(np.atleast_1d(places).ravel())
        return value.reshape(places.shape)[()]

    def characteristic_error(self, t: object) -> Any:
        """A bound on the error of `characteristic_function`."""
        places = numbers(t, "t")
        return self._transform(np.atleast_1d(places).ravel())[1].reshape(places.shape)[()]

    # ---- quantiles, averages, samples

    def quantile(self, p: object) -> Any:
        """The smallest x with P(z <= x) >= p.

        Args:
            p: probabilities in [0, 1].

        Raises:
            ParameterError: a probability outside [0, 1].
        """
        given = numbers(p, "p")
        if ((given < 0) | (given > 1)).any():
            raise ParameterError(f"quantile({p!r:.60})", "not a probability", "Choose 0 <= p <= 1.")
        with np.errstate(divide="ignore"):
            low, high = bracketed(self, np.log(given.ravel()), np.log1p(-given.ravel()))
        middle = low / 2 + high / 2
        middle = np.where(given.ravel() == 0, -np.inf, np.where(given.ravel() == 1, np.inf, middle))
        middle = self._at_ends(given.ravel(), middle)
        with np.errstate(all="ignore"):
            up, down, relative = self._tails(np.where(np.isfinite(middle), middle, 0.0))
            logs, _ = self._log_density(np.where(np.isfinite(middle), middle, 0.0))
            slack = np.exp(np.log(relative + 2 * EPS) + np.minimum(up, down) - logs)
            error = np.where(np.isfinite(middle), high - low + np.nan_to_num(slack, posinf=0.0), 0.0)
        return with_error(middle.reshape(given.shape), error.reshape(given.shape))

    def _at_ends(self, p: Array, x: Array) -> Array:
        return x

    def _outside(self, x: Array) -> tuple[Array, Array]:
        """P(|z| > x), atoms included, and a bound on its error, for x > 0."""
        (up, other, above), (rest, down, below) = self._tails(x), self._tails(-x)
        with np.errstate(all="ignore"):
            lost = np.exp(np.minimum(up, other)) * above + np.exp(np.minimum(rest, down)) * below
        return np.exp(up) + np.exp(down), np.nan_to_num(lost, posinf=1.0)

    def _sizes(self) -> tuple[float, list[float], float]:
        """A scale of |z|; in its units the sizes where P(|z| > x) may have a kink, and its spread there."""
        spread = self.std
        size = max(spread, abs(self.mean), abs(self.offset))
        return size, [abs(x) / size for x in (self.mean, self.offset) if x], spread / size

    @property
    def log_mean(self) -> Digits:
        """E log|z|, minus infinity if z = 0 has positive probability.

        E log|z| = log c + int_1^oo P(|z| > c t) / t dt - int_0^1 P(|z| <= c t) / t dt by trapezoidal sums,
        graded towards the sizes of the mean and of the offset; the change when the step is halved is in the
        error.
        """
        if any(place == 0 for place, _ in self.atoms):
            return Digits(-math.inf)
        size, cuts, spread = self._sizes()

        def average(count: int) -> tuple[float, float]:
            x, weights = graded([*cuts, 1.0], spread, self.reach, count)
            outside, lost = self._outside(size * x)
            return float((outside - (x < 1)) @ (weights / x)), float(lost @ (weights / x))

        value = refined(average)
        log_size = math.log(size)
        return Digits(log_size + value, value.error + EPS * abs(log_size))

    @property
    def absolute_mean(self) -> Digits:
        """E|z| = int_0^oo P(|z| > t) dt, in the same way as `log_mean`."""
        size, cuts, spread = self._sizes()
        if not math.isfinite(size):
            return Digits(math.inf)
        if size == 0:
            return Digits(0.0)

        def average(count: int) -> tuple[float, float]:
            x, weights = graded(cuts, spread, self.reach, count)
            outside, lost = self._outside(size * x)
            return float(outside @ weights), float(lost @ weights)

        value = refined(average)
        return Digits(size * value, size * value.error)

    @property
    def typical_size(self) -> Digits:
        """exp(E log|z|), the geometric mean of |z|."""
        value = self.log_mean
        size = math.exp(value)
        return Digits(size, size * value.error)

    def sample(self, size: int, seed: int = 0) -> Array:
        """Independent draws: of the expression itself where that is feasible, else by its quantiles.

        Args:
            size: how many.
            seed: any integer.

        Raises:
            ParameterError: the size is no whole number from 1 on.
            SamplingError: the seed is no integer.
        """
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 1 <= size <= MOST_DRAWS:
            raise ParameterError(
                f"sample({size!r:.40})", "not a number of draws", "Give an int from 1 to 1e8."
            )
        if self.drawn is not None:
            return self.drawn(int(size), seed)
        if self.atoms:
            raise LawError(f"samples of {self.text}", "too many terms to draw one by one", "Draw from fewer.")
        rng = Streams(seed).generator(chunk=0)
        scores = np.linspace(-7.5, 7.5, 601)
        spline = interpolate.CubicSpline(scores, np.asarray(self.quantile(special.ndtr(scores))))
        drawn: Array = spline(np.clip(rng.standard_normal(size), -7.5, 7.5))
        return drawn

    # ---- text

    def document(self) -> Document:
        """Return a table of the law."""
        p = [0.001, 0.025, 0.16, 0.5, 0.84, 0.975, 0.999]
        rows = [[f"{100 * q:g} %", f"{x:.6g}"] for q, x in zip(p, np.asarray(self.quantile(p)), strict=True)]
        about = Text(f"The law of {self.text}: mean {self.mean:.6g}, std {self.std:.6g}, by {self.method}.")
        atoms = [f"P(z = {place:g}) = {chance:.6g}." for place, chance in self.atoms[:8]]
        return Document([about, *atoms, Table(["quantile", "z"], rows, align="rr")])

    def __repr__(self) -> str:
        return f"Law({self.text}: {self.method})"
