"""Expectations of one activation under centered normal laws, fast, by variance and correlation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache, cached_property, lru_cache

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import MomentError, ParameterError
from varprop.model import gaussian
from varprop.model.activations import Activation
from varprop.model.distributions import Normal
from varprop.model.gaussian.pair_forms import C, Q, R, pair_form
from varprop.networks.machine_code import PairCourse, TurnCourse, compiled, pair_course, turn_course
from varprop.networks.mehler import LARGEST, Conditional, Mehler, quick
from varprop.networks.unrolled import LAYERS, Unrolled, unrolled

__all__ = ["Kernel", "kernel"]

Array = NDArray[np.float64]
Function = Callable[[float], float]
Pair = Callable[[float, float, float], float]

ONE = sp.S.One
P = sp.Symbol("p", real=True)
LENGTH, COVARIANCE = sp.symbols("a_q b_q s_q"), sp.symbols("a_p b_p s_p")
"""A constant, the factor of the moment below and of the one inside the activation."""
SMALLEST, WIDE = 1e-140, 1e140
"""Lengths whose products are floats."""
REACH = 9.5
"""Where grids end; the square of a function that grows like x^4 has lost 16 digits there."""
SIZES = (32, 48, 64, 96, 128, 192, 256, 384)
SAME = 2e-13
TRUST = 1e-12
"""What a formula may lose by cancellation, relative to its value."""
FALL = 700.0
"""exp(-x) up to here has all its digits."""
OCTAVES = 60
SHARES = (1.0, 0.85, 0.7, 0.5)
WIDEST = 9
"""Beyond a variance of 2^8 the bend of an activation is too narrow for a grid."""


class Kernel:
    """E phi^2, E phi'^2, E phi phi'' of N(0, q), and E phi(u) phi(v) of a normal pair.

    Closed forms where there are any; for analytic activations the trapezoidal rule, which converges
    geometrically, on a product grid of two independent normals turned by 45 degrees against the pair; the
    adaptive quadrature of `varprop.model.gaussian` for what is left.

    Args:
        phi: the activation.
    """

    def __init__(self, phi: Activation) -> None:
        self.phi = phi
        self._levels: dict[tuple[str, int], int] = {}
        self.layers = cache(self._layers)
        self.turns = cache(self._turns)
        self.pair_course = cache(self._pair_course)
        self.turn_course = cache(self._turn_course)

    @cached_property
    def second_form(self) -> sp.Expr | None:
        """E phi(X)^2 for X of N(0, q) as a formula in `Q`, None if there is none."""
        return _form(self.phi, 2)

    @cached_property
    def slope_form(self) -> sp.Expr | None:
        """E phi'(X)^2 for X of N(0, q) as a formula in `Q`, None if there is none."""
        slope = getattr(self.phi, "slope", None)
        return _form(slope, 2) if isinstance(slope, Activation) else None

    @property
    def precision(self) -> str:
        """The kind of number that `second` gives."""
        return "estimate" if self.second_form is None else "closed form"

    @cached_property
    def second(self) -> Function:
        """E phi(X)^2 as a function of q >= 0."""
        rest = self._second_on_a_grid if self.phi.analytic else lambda q: self._quadrature("second_moment", q)
        fast = self.quick if self.second_form is None else None
        if isinstance(fast, Mehler):
            return lambda q: fast.second(q) if 0 < q <= LARGEST else rest(q)
        return self._guarded(self.second_form, "second_moment", rest)

    @cached_property
    def slope(self) -> Function:
        """E phi'(X)^2 as a function of q >= 0."""
        what = "slope_second_moment"
        return self._guarded(self.slope_form, what, lambda q: self._quadrature(what, q))

    def curvature(self, q: float) -> float:
        """E phi(X) phi''(X) for q > 0, half of d E phi^2 / d q less half of E phi'^2."""
        return self._quadrature("curvature", q)

    @property
    def crosses_closed(self) -> bool:
        """Whether `cross` is a closed form."""
        return pair_form(self.phi) is not None

    @cached_property
    def quick(self) -> Mehler | Conditional | None:
        return quick(self.phi)

    @cached_property
    def closed(self) -> tuple[tuple[sp.Expr, ...], float, float] | None:
        """Both maps in closed form, E phi(u)^2, E phi(v)^2 and E phi(u) phi(v) by `Q`, `R` and `P` = E u v.

        With them come the lengths between which they keep their digits; None if there are no closed forms.
        """
        across = pair_form(self.phi)
        if self.second_form is None or across is None:
            return None
        _, low, high = self._trusted(self.second_form, "second_moment")
        forms = self.second_form, self.second_form.xreplace({Q: R}), _of_product(across)
        falls = [-part.args[0].xreplace({Q: ONE, R: ONE, P: sp.S.Zero}) for part in forms[2].atoms(sp.exp)]
        return forms, max(low, SMALLEST), min(high, WIDE, *(FALL / float(fall) for fall in falls if fall > 0))

    def _layers(self, skips: bool, still: bool, count: int = LAYERS) -> Unrolled:
        """Layers in closed form, from both lengths and E z y, or from E z y alone where lengths stand still.

        Args:
            skips: whether a skip connection leads around the layer.
            still: whether only E z y moves; both lengths stand behind it.
            count: how many.

        Returns:
            A function of the state and of the coefficients of both maps, in one row.
        """
        assert self.closed is not None
        state, rest = ((P,), (Q, R)) if still else ((Q, R, P), ())
        rows = zip((LENGTH, LENGTH, COVARIANCE), (Q, R, P), self.closed[0], strict=True)
        after = {below: a + int(skips) * b * below + s * inside for (a, b, s), below, inside in rows}
        return unrolled(state, [after[one] for one in state], (*rest, *LENGTH, *COVARIANCE), count)

    def _turns(self, skips: bool, count: int = LAYERS) -> Unrolled:
        """The map of correlations of a phi of degree 1, from c and its two coefficients, as for `layers`."""
        across = pair_form(self.phi)
        assert across is not None
        _, below, inside = COVARIANCE
        turned = int(skips) * below * C + inside * across.xreplace({Q: ONE, R: ONE})
        return unrolled((C,), (turned,), (below, inside), count)

    def _pair_course(self, skips: bool) -> PairCourse:
        """The course of two inputs in closed form, as machine code; arguments as for `layers`."""
        assert self.closed is not None
        step, turn = (compiled(self.layers(skips, still, 1)) for still in (False, True))
        return compiled(pair_course(step, turn, *self.closed[1:]))

    def _turn_course(self, skips: bool) -> TurnCourse:
        """The course of a correlation, as machine code; arguments as for `turns`."""
        return compiled(turn_course(compiled(self.turns(skips, 1))))

    def _guarded(self, form: sp.Expr | None, what: str, rest: Function) -> Function:
        """Return a formula where it keeps its digits, and another way elsewhere."""
        if form is None:
            return rest
        function, low, high = self._trusted(form, what)

        def guarded(q: float) -> float:
            return float(function(q)) if low <= q <= high else rest(q)

        return guarded

    def _trusted(self, form: sp.Expr, what: str) -> tuple[Function, float, float]:
        """Return a formula as a function of floats, and the octaves around 1 in which it does not cancel."""
        function: Function = _function((Q,), form)
        if form.is_polynomial(Q):
            return function, 0.0, math.inf
        q: Array = np.ldexp(1.0, np.arange(-OCTAVES, OCTAVES + 1))
        exact = self._many(q, what)
        good = np.array([_close(function, *pair) for pair in zip(q, exact, strict=True)])
        up, down = np.argmin(np.append(good[OCTAVES:], False)), np.argmin(np.append(good[OCTAVES::-1], False))
        if not up:
            return function, math.inf, 0.0
        return function, float(q[OCTAVES - down + 1]), float(q[OCTAVES + up - 1])

    @cached_property
    def cross(self) -> Pair:
        """E phi(u) phi(v) as a function of the variances q and r and the correlation c."""
        form = pair_form(self.phi)
        rest = self._cross_on_a_grid if self.phi.analytic else self._cross
        if form is None:
            fast = self.quick
            if fast is None:
                return rest

            def first_try(q: float, r: float, c: float) -> float:
                if c == 1 and q == r:
                    return self.second(q)
                found = fast.cross(q, r, c)
                return rest(q, r, c) if found is None else found

            return first_try
        function: Pair = _function((Q, R, C), form)

        def safe(q: float, r: float, c: float) -> float:
            try:
                return float(function(q, r, c))
            except (ArithmeticError, ValueError):
                return rest(q, r, c)

        return safe

    def slope_cross(self, q: float, c: float) -> float:
        """E phi'(u) phi'(v) for two of variance q and correlation c."""
        if c == 1:
            return self.slope(q)
        found = gaussian.slope_cross_moment(self.phi, [0, 0], [[q, c * q], [c * q, q]])
        return float(found)

    def seconds(self, q: Array) -> Array:
        """E phi^2 for many q at once; inf where it is not found."""
        return self._many(q, "second_moment")

    def slopes(self, q: Array) -> Array:
        """E phi'^2 for many q at once; inf where it is not found."""
        return self._many(q, "slope_second_moment")

    def bends(self, q: Array) -> Array:
        """E phi phi'' for many q at once; inf where it is not found."""
        return self._many(q, "curvature")

    def _many(self, q: Array, what: str) -> Array:
        found = np.empty(len(q))
        for part in np.array_split(np.arange(len(q)), max(1, len(q) // 16)):
            try:
                found[part] = getattr(gaussian, what)(self.phi, 0.0, np.sqrt(q[part])).value
            except MomentError:
                found[part] = [self._one(what, value) for value in q[part]]
        return found

    def _one(self, what: str, q: float) -> float:
        try:
            return self._quadrature(what, q)
        except MomentError:
            return math.inf

    def _quadrature(self, what: str, q: float) -> float:
        return float(getattr(gaussian, what)(self.phi, 0.0, math.sqrt(q)))

    def _cross(self, q: float, r: float, c: float) -> float:
        across = c * math.sqrt(q) * math.sqrt(r)
        return float(gaussian.cross_moment(self.phi, [0, 0], [[q, across], [across, r]]))

    def _second_on_a_grid(self, q: float) -> float:
        level = self._level("second", q, self._second_at)
        return self._second_at(q, level) if level else self._quadrature("second_moment", q)

    def _second_at(self, q: float, size: int) -> float:
        nodes, weights = _grid(size)
        return float((self.phi.value(math.sqrt(q) * nodes) ** 2) @ weights)

    def _cross_on_a_grid(self, q: float, r: float, c: float) -> float:
        if q == r and c == 1:
            return self.second(q)
        level = self._level("cross", max(q, r), lambda s, size: self._cross_at(s, s, 0.5, size))
        return self._cross_at(q, r, c, level) if level else self._cross(q, r, c)

    def _cross_at(self, q: float, r: float, c: float, size: int) -> float:
        nodes, weights = _grid(size)
        along, across = math.sqrt((1 + c) / 2), math.sqrt(max(1 - c, 0.0) / 2)
        inner = nodes * across
        first = self.phi.value(math.sqrt(q) * (along * nodes[:, None] + inner))
        second = first[:, ::-1] if q == r else self.phi.value(math.sqrt(r) * (along * nodes[:, None] - inner))
        return float(weights @ ((first * second) @ weights))

    def _level(self, what: str, q: float, at: Callable[[float, int], float]) -> int:
        """Return the size of a grid on which the rule has converged in the octave of q, 0 if none has."""
        octave = math.frexp(q)[1]
        size = self._levels.get((what, octave))
        if size is None:
            size = self._converged(math.ldexp(1.0, octave), at) if octave < WIDEST else 0
            self._levels[what, octave] = size
        return size

    def _converged(self, q: float, at: Callable[[float, int], float]) -> int:
        places = [q * share for share in SHARES]  # the error swings with q, and is 0 here and there
        with np.errstate(all="ignore"):
            best = [at(place, SIZES[-1]) for place in places]
            whole = self._second_at(q, SIZES[-1])
            try:
                exact = self._quadrature("second_moment", q)
            except MomentError:
                return 0
            # A grid that ends too early converges too, to another number.
            fine = abs(whole - exact) <= 10 * SAME * abs(whole)
            for size, larger in itertools.pairwise(SIZES if fine else ()):
                if all(abs(at(p, size) - b) <= SAME * abs(b) for p, b in zip(places, best, strict=True)):
                    return larger
        return 0


@lru_cache(maxsize=256)
def kernel(phi: Activation) -> Kernel:
    """Return the kernel of an activation; what it has compiled is kept."""
    return Kernel(phi)


@cache
def _grid(size: int) -> tuple[Array, Array]:
    nodes, step = np.linspace(-REACH, REACH, size, retstep=True)
    weights = np.exp(-(nodes**2) / 2) * (step / math.sqrt(2 * math.pi))
    return nodes, weights


def _form(phi: Activation, power: int) -> sp.Expr | None:
    try:
        return phi.moment(power, Normal(variance=Q))
    except (MomentError, ParameterError):  # the slope of a step has no power of its own
        return None


def _of_product(across: sp.Expr) -> sp.Expr:
    """A form in the variances and the correlation, by E u v in place of the correlation.

    What the variances alone make up stands apart, so that it is computed once where lengths stand still.
    """
    rest = (1 - C, 1 + C)

    def beside(product: sp.Expr) -> sp.Expr:
        return sp.Mul(*(factor for factor in product.args if factor not in rest)) * (Q * R - P**2) / (Q * R)

    whole = across.replace(lambda part: part.is_Mul and set(rest) <= set(part.args), beside)
    whole = whole.xreplace({C: P / (sp.sqrt(Q) * sp.sqrt(R))})
    whole = whole.xreplace({part: sp.exp(sp.expand(part.args[0])) for part in whole.atoms(sp.exp)})
    whole = whole.replace(sp.atan, _sine_of).replace(_is_sum_of_exps, _hyperbolic)
    return whole.replace(sp.tanh, lambda part: sp.sinh(part) / sp.cosh(part))


def _sine_of(tangent: sp.Expr) -> sp.Expr:
    """An angle by its sine: u / sqrt(v) is the tangent where u / sqrt(v + u^2) is the sine."""
    up, down = tangent.as_numer_denom()
    return sp.asin(up / sp.sqrt(sp.factor(sp.expand(down**2 + up**2))))


def _is_sum_of_exps(part: sp.Expr) -> bool:
    ends = [end.as_coeff_Mul() for end in part.args] if part.is_Add else []
    return len(ends) == 2 and ends[0][0] == ends[1][0] and all(isinstance(end, sp.exp) for _, end in ends)


def _hyperbolic(total: sp.Expr) -> sp.Expr:
    """The sum of k exp(a + b) and k exp(a - b)."""
    (factor, first), (_, second) = (end.as_coeff_Mul() for end in total.args)
    middle, half = (sp.expand((first.args[0] + sign * second.args[0]) / 2) for sign in (1, -1))
    return 2 * factor * sp.exp(middle) * sp.cosh(half)


def _function(arguments: tuple[sp.Symbol, ...], form: sp.Expr) -> Callable[..., float]:
    made: Callable[..., float] = sp.lambdify(arguments, form, modules="math", cse=True)
    return made


def _close(function: Function, q: float, exact: float) -> bool:
    try:
        return abs(function(float(q)) - exact) <= TRUST * abs(exact)
    except (ArithmeticError, ValueError):
        return False
