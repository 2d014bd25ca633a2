"""The maps of single layers: each derived once, with symbols for what comes in, then used as a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NoReturn, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp

from varprop.derivation.derive import derive
from varprop.derivation.proofs import Derivation, tidy
from varprop.derivation.quantities import Mean
from varprop.errors import DerivationError, MomentError
from varprop.model.activations import Activation, HomogeneousActivation
from varprop.model.axes import Axis
from varprop.model.distributions import Distribution, Normal, Unknown
from varprop.model.expressions import Expression, as_expression, sum_over
from varprop.model.gaussian.inert import GaussianMean
from varprop.model.scalars import symbol
from varprop.model.variables import RandomVariable
from varprop.networks.weights import FAN_IN, FAN_OUT

__all__ = ["Map", "Number", "exact_number", "number"]

Number: TypeAlias = Any
"""A SymPy expression where anything is symbolic, else an mpmath float: its exponent has no bounds."""

ONE = sp.S.One
MEAN, SECOND, FOURTH, COINCIDENT, GRADIENT = map(symbol, "m_1 m_2 m_4 m_22 g_2".split())


FUNCTIONS = frozenset((sp.exp, sp.erf, sp.erfc, sp.sin, sp.cos, sp.sinh, sp.cosh, sp.asin, sp.acos, sp.atan))
"""What `math` knows too."""
LITTLE, MUCH = 1e-70, 1e70
"""Between these, products of a few numbers stay within the range of floats."""


@lru_cache(maxsize=4096)
def number(value: sp.Expr) -> Number:
    """The float of unbounded exponent that an exact number stands for."""
    if value.is_Rational:
        return mp.mpf(int(value.p)) / int(value.q)
    return sp.lambdify((), value, modules="mpmath")()


def exact_number(value: Number) -> sp.Expr:
    """The exact SymPy number of a float."""
    return value if isinstance(value, sp.Basic) else sp.Rational(*map(int, mp.mpf(value).as_integer_ratio()))


@dataclass(frozen=True)
class Map:
    """A formula that `derive` found, as a function of what comes in.

    Args:
        proof: the derivation.
        arguments: the symbols, in the order of the arguments.
    """

    proof: Derivation
    arguments: tuple[sp.Symbol, ...]

    @cached_property
    def formula(self) -> sp.Expr:
        """The derived formula."""
        return self.proof.result

    @cached_property
    def closed(self) -> bool:
        """Whether it is a closed form, with no mean under a normal law left to quadrature."""
        return not self.formula.has(GaussianMean)

    @cached_property
    def _function(self) -> Callable[..., Number]:
        compiled: Callable[..., Number] = sp.lambdify(self.arguments, self.formula, modules="mpmath")
        return compiled

    @cached_property
    def _in_floats(self) -> Callable[..., float] | None:
        numbers = (abs(part) for part in self.formula.atoms(sp.Number) if part)
        functions = {type(part) for part in self.formula.atoms(sp.Function)}
        if not functions <= FUNCTIONS or not all(LITTLE < part < MUCH for part in numbers):
            return None
        compiled: Callable[..., float] = sp.lambdify(self.arguments, self.formula, modules="math")
        return compiled

    @cached_property
    def _in_numpy(self) -> Callable[..., Any]:
        compiled: Callable[..., Any] = sp.lambdify(self.arguments, self.formula, modules="numpy")
        return compiled

    def of_floats(self, *values: Any) -> Any:
        """The formula on arrays of floats, all at once."""
        return self._in_numpy(*values)

    def _float(self, values: Sequence[Number]) -> float | None:
        """The result by floats, None where one of them may end."""
        function = self._in_floats
        if function is None:
            return None
        floats = []
        for value in values:
            if type(value) is not mp.mpf:
                return None
            one = float(value)
            if one and not LITTLE < abs(one) < MUCH:
                return None
            floats.append(one)
        try:
            found = function(*floats)
        except (ArithmeticError, ValueError):
            return None
        return found if LITTLE < abs(found) < MUCH or self.formula.is_zero else None

    def __call__(self, *values: Number) -> Number:
        if (found := self._float(values)) is not None:
            return mp.mpf(found)
        if any(isinstance(value, np.ndarray) for value in values):
            return np.frompyfunc(self, len(values), 1)(*values)
        if any(isinstance(value, sp.Basic) for value in values):
            return tidy(self.formula.xreplace(dict(zip(self.arguments, values, strict=True))))
        return mp.mpf(self._function(*values))


def like(value: Number, exact: sp.Expr) -> Number:
    """An exact number, in the kind that goes with a value: symbolic or float."""
    return exact if isinstance(value, sp.Basic) else number(exact)


def root(value: Number) -> Number:
    """The square root of a number, symbolic or not."""
    if isinstance(value, np.ndarray):
        return np.frompyfunc(mp.sqrt, 1, 1)(value)
    return sp.sqrt(value) if isinstance(value, sp.Basic) else mp.sqrt(value)


def is_zero(value: Number | None) -> bool:
    """Whether a number is known to be zero."""
    if isinstance(value, np.ndarray):
        return all(entry == 0 for entry in value.flat)
    return value is not None and bool(value.is_zero if isinstance(value, sp.Basic) else value == 0)


def worst(*kinds: str) -> str:
    """The worst of some kinds of number."""
    return max(kinds, key=("closed form", "enclosure", "estimate").index)


def _input(mean: sp.Expr = MEAN) -> Distribution:
    return Unknown(mean=mean, variance=SECOND - mean**2)


def _bias(law: Distribution | None) -> Expression | None:
    if law is None:
        return None
    value = getattr(law, "value", None)
    return RandomVariable("b", law, role="bias") if value is None else as_expression(value)


def _sum(weights: Distribution, inputs: Expression, axis: Axis) -> Expression:
    return sum_over(axis, RandomVariable("w", weights, axes=axis, role="weights") * inputs)


def _neuron(weights: Distribution, bias: Distribution | None) -> Expression:
    i = Axis("i", FAN_IN)
    total, shift = _sum(weights, RandomVariable("h", _input(), axes=i), i), _bias(bias)
    return total if shift is None else total + shift


@lru_cache(maxsize=1024)
def dense(weights: Distribution, bias: Distribution | None, power: int) -> Map:
    """E z^power of z = sum_i w_i h_i + b, for powers 1 and 2, from fan_in, fan_out, E h and E h^2.

    The rule used is the one for centered weights, which lets the h_i depend on each other in any way.
    """
    proof = derive(Mean(_neuron(weights, bias) ** power))
    return Map(proof, (FAN_IN, FAN_OUT, MEAN, SECOND))


@lru_cache(maxsize=1024)
def pairs(weights: Distribution, bias: Distribution | None) -> Map:
    """E z z' of one unit and two inputs, from fan_in, fan_out and E h h' (the argument `m_2`)."""
    i = Axis("i", FAN_IN)
    w = RandomVariable("w", weights, axes=i, role="weights")
    h = RandomVariable("h", Unknown(variance=SECOND), axes=i)
    k = RandomVariable("k", Unknown(mean=1, variance=1), axes=i)
    shift = _bias(bias)
    first, second = sum_over(i, w * h), sum_over(i, w * h * k)  # E h (h k) = E h^2
    if shift is not None:
        first, second = first + shift, second + shift
    return Map(derive(Mean(first * second)), (FAN_IN, FAN_OUT, SECOND))


def _units() -> tuple[Expression, Axis]:
    """Units r a_i, so that E h_i^4 and E h_i^2 h_k^2 are two free numbers."""
    i = Axis("i", FAN_IN)
    r = RandomVariable("r", Unknown(variance=1, moments={4: COINCIDENT}))
    a = RandomVariable("a", Unknown(variance=1, moments={4: FOURTH / COINCIDENT}), axes=i)
    return r * a, i


@lru_cache(maxsize=1024)
def dense_fourth(weights: Distribution, coincident: bool) -> Map:
    """E z_j^4, or E z_j^2 z_k^2, of units without bias, from fan_in, fan_out, E h_i^4 and E h_i^2 h_k^2."""
    units, i = _units()
    j = Axis("j", FAN_OUT)
    w = RandomVariable("w", weights, axes=(j, i), role="weights")
    first, second = (sum_over(i, w[place, i] * units) for place in j.places(2))
    return Map(
        derive(Mean(first**2 * second**2 if coincident else first**4)), (FAN_IN, FAN_OUT, FOURTH, COINCIDENT)
    )


def _derived(line: Expression, arguments: Sequence[sp.Symbol]) -> Map | None:
    try:
        return Map(derive(Mean(line)), tuple(arguments))
    except (DerivationError, MomentError):
        return None


@lru_cache(maxsize=1024)
def symmetric_unit(activation: Activation, power: int) -> Map | None:
    """E phi(z)^power for a symmetric z of any law, from its second (or, for power 4, fourth) moment."""
    moment = FOURTH if power == 4 else SECOND
    declared = {4: FOURTH} if power == 4 else {}
    law = Unknown(variance=SECOND, symmetric=True, moments=declared)
    found = _derived(activation(RandomVariable("z", law)) ** power, (moment,))
    return (
        found
        if found is None or found.formula.free_symbols <= {moment} | activation_symbols(activation)
        else None
    )


@lru_cache(maxsize=1024)
def symmetric_pair(activation: Activation) -> Map | None:
    """E phi(z_j)^2 phi(z_k)^2 for two units whose signs may change separately, from E z_j^2 z_k^2."""
    j = Axis("j", FAN_OUT)
    r = RandomVariable("r", Unknown(variance=1, moments={4: COINCIDENT}))
    a = RandomVariable("a", Unknown(variance=1, symmetric=True), axes=j)
    first, second = (activation(r * a[place]) for place in j.places(2))
    return _derived(first**2 * second**2, (COINCIDENT,))


def activation_symbols(activation: Activation) -> set[sp.Symbol]:
    """The symbols in the parameters of an activation."""
    parts = (getattr(activation, name, None) for name in getattr(activation, "__dataclass_fields__", ()))
    return set().union(*(part.free_symbols for part in parts if isinstance(part, sp.Basic)))


@lru_cache(maxsize=1024)
def normal_unit(activation: Activation, power: int, centered: bool) -> Map | None:
    """E phi(z)^power for z ~ N(mean, variance), in closed form, from E z and E z^2; None if there is none."""
    mean = sp.S.Zero if centered else MEAN
    z = RandomVariable("z", Normal(mean=mean, variance=SECOND - mean**2))
    return _derived(activation(z) ** power, (MEAN, SECOND))


@lru_cache(maxsize=1024)
def normal_slope(activation: Activation, centered: bool) -> Map | None:
    """E phi'(z)^2 for z ~ N(mean, variance), in closed form, from E z and E z^2; None if there is none."""
    if not isinstance(activation, HomogeneousActivation) or activation.degree == 0:
        return None
    return normal_unit(activation.slope, 2, centered)


@lru_cache(maxsize=1024)
def symmetric_slope(activation: HomogeneousActivation) -> Map | None:
    """E phi'(z)^2 for a symmetric z of any law without an atom at zero, from its second moment."""
    z = RandomVariable("z", Unknown(variance=SECOND, symmetric=True, atom_at_zero=False))
    return _derived(activation.slope(z) ** 2, (SECOND,))


def no_law(what: str) -> NoReturn:
    """Refuse a moment of a unit whose law is not known.

    Raises:
        DerivationError: always.
    """
    raise DerivationError(
        f"the moments of {what} here",
        "its argument is neither symmetric nor normal in the limit of wide layers",
        "Put a dense layer in front of it.",
    )


@lru_cache(maxsize=1024)
def noisy(law: Distribution, power: int) -> Map:
    """E (d h)^power for noise d independent of h, from E h^power."""
    moments = {3: symbol("m_3"), 4: FOURTH} if power == 4 else {}
    mean = sp.S.Zero if power == 4 else MEAN
    h = RandomVariable("h", Unknown(mean=mean, variance=SECOND - mean**2, moments=moments))
    d = RandomVariable("d", law)
    return Map(derive(Mean((d * h) ** power)), ({1: MEAN, 2: SECOND, 4: FOURTH}[power],))


@lru_cache(maxsize=1024)
def noisy_pair(law: Distribution) -> Map:
    """E (d_j h_j)^2 (d_k h_k)^2 for noise d independent from unit to unit, from E h_j^2 h_k^2."""
    j = Axis("j", FAN_OUT)
    r = RandomVariable("r", Unknown(variance=1, moments={4: COINCIDENT}))
    a, d = RandomVariable("a", Unknown(variance=1), axes=j), RandomVariable("d", law, axes=j)
    first, second = ((r * a[place] * d[place]) ** 2 for place in j.places(2))
    return Map(derive(Mean(first * second)), (COINCIDENT,))


@lru_cache(maxsize=1024)
def dense_gradient(weights: Distribution) -> Map:
    """E (sum_j w_j g_j)^2 over the units that a unit feeds, from fan_in, fan_out and E g^2."""
    j = Axis("j", FAN_OUT)
    g = RandomVariable("g", Unknown(variance=GRADIENT), axes=j)
    return Map(derive(Mean(_sum(weights, g, j) ** 2)), (FAN_IN, FAN_OUT, GRADIENT))


BRANCH_MEAN, BRANCH, SCALE, CROSS = map(symbol, "m_f q_f s_f m_11".split())
OTHER_MEAN, OTHER_BRANCH_MEAN = map(symbol, "n_1 n_f".split())


@lru_cache(maxsize=1)
def residual() -> Map:
    """E (h + s f)(h' + s f') of a skip connection with fresh weights in its branch: h and f are uncorrelated.

    The arguments are E h, E h', E h h', E f, E f', E f f', s; with h' = h and f' = f it is E (h + s f)^2.
    """
    h = RandomVariable("h", Unknown(variance=SECOND - MEAN * OTHER_MEAN))
    f = RandomVariable("f", Unknown(variance=BRANCH - BRANCH_MEAN * OTHER_BRANCH_MEAN))
    first, second = MEAN + SCALE * BRANCH_MEAN, OTHER_MEAN + SCALE * OTHER_BRANCH_MEAN
    proof = derive(Mean((h + SCALE * f + first) * (h + SCALE * f + second)))
    return Map(proof, (MEAN, OTHER_MEAN, SECOND, BRANCH_MEAN, OTHER_BRANCH_MEAN, BRANCH, SCALE))


@lru_cache(maxsize=1)
def gated() -> Map:
    """E (a p)^2 of a gated product whose two sides are independent, from E a^2 and E p^2."""
    a, p = (RandomVariable(name, Unknown(variance=q)) for name, q in (("a", SECOND), ("p", BRANCH)))
    return Map(derive(Mean((a * p) ** 2)), (SECOND, BRANCH))


@lru_cache(maxsize=1)
def pooled() -> Map:
    """E of the squared mean of k units, from k, E h^2 and E h_i h_j of two of them."""
    i = Axis("i", FAN_IN)
    r = RandomVariable("r", Unknown(variance=CROSS))
    a = RandomVariable("a", Unknown(variance=SECOND - CROSS), axes=i)
    return Map(derive(Mean((sum_over(i, r + a) / FAN_IN) ** 2)), (FAN_IN, SECOND, CROSS))
