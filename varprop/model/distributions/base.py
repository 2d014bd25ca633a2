"""What every distribution can be asked, and the short forms that follow from its raw moments."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, NoReturn, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import sympy as sp

from varprop.errors import MomentError, ParameterError, brief
from varprop.model.decimals import decimal
from varprop.model.distributions import orders
from varprop.model.distributions.arguments import Called, defaults_of, latex_of, replaced, scalars_in, text_of
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike, one_meaning_per_name, scalar, symbol
from varprop.model.shapes import as_generator, drawn_shape, enough_memory
from varprop.model.sizes import expanded, length

__all__ = ["Array", "Distribution", "Precision", "Shape", "known", "tidy"]

Array: TypeAlias = npt.NDArray[np.float64]
Shape: TypeAlias = int | tuple[int, ...]
Precision: TypeAlias = Literal["closed form", "enclosure", "estimate"]

MAX_EXPANDED = 300


@dataclass(frozen=True)
class Distribution(metaclass=Called):
    """The law of one real random variable; immutable, compared by value.

    A new distribution is a frozen dataclass with a `parameters` declaration and the hooks `_moment`,
    `support`, `symmetric`, `atom_at_zero`, `_draw`, and `_positive_part_moment` where a closed form exists.

    Example:
        >>> @dataclass(frozen=True)
        ... class Arcsine(Distribution):
        ...     parameters = (Parameter("radius", "r", low=0, low_open=True),)
        ...     radius: ScalarLike = 1
        ...     support = property(lambda self: (-self.radius, self.radius))
        ...     symmetric = property(lambda self: True)
        ...     atom_at_zero = property(lambda self: False)
        ...     def _moment(self, k):
        ...         return 0 if k % 2 else self.radius**k * sp.binomial(k, k // 2) / 2**k
        ...     def _draw(self, rng, shape):
        ...         (radius,) = self._numbers()
        ...         return radius * np.sin(np.pi * rng.uniform(-1, 1, shape))
        >>> Arcsine("a").variance
        a**2/2
    """

    parameters: ClassVar[tuple[Parameter, ...]] = ()

    def __post_init__(self) -> None:
        for parameter in self.parameters:
            value = parameter.validate(getattr(self, parameter.name), type(self).__name__)
            object.__setattr__(self, parameter.name, value)
        self._check()
        one_meaning_per_name(scalars_in(self), type(self).__name__)

    def _set(self, **values: object) -> None:
        """Store the fields and validate them; the last line of a hand-written constructor."""
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def _check(self) -> None:
        """Refuse parameters that do not fit together; hook."""

    # ---- moments

    def moment(self, k: int) -> sp.Expr:
        """The raw moment E X^k, exact.

        Args:
            k: the order, a whole number from 0 on.

        Raises:
            MomentError: the moment does not exist, may not exist, or was not declared.
        """
        return orders.cached(orders.raw_moment, self, orders.order(k, 0))

    @abstractmethod
    def _moment(self, k: int) -> sp.Expr:
        """E X^k for k >= 1, known to exist; hook."""

    def moment_exists(self, k: int) -> bool | None:
        """Whether E |X|^k is finite; None if that depends on symbols, or was not declared; hook."""
        return True

    def why_no_moment(self, k: int) -> tuple[str, str]:
        """Why E |X|^k is not known to be finite, and what would grant it; hook, beside `moment_exists`."""
        if self.moment_exists(k) is False:
            return "it does not exist", "Choose lighter tails."
        return "whether it exists depends on symbols", "Write the parameters so that it does."

    @cached_property
    def mean(self) -> sp.Expr:
        """E X."""
        return self.moment(1)

    @cached_property
    def variance(self) -> sp.Expr:
        """E X^2 - (E X)^2."""
        return self.central_moment(2)

    def central_moment(self, k: int) -> sp.Expr:
        """E (X - E X)^k, exact."""
        return orders.cached(orders.central_moment, self, orders.order(k, 0))

    def _central_moment(self, k: int) -> sp.Expr:
        """E (X - E X)^k for k >= 2; hook, where a shorter form than the binomial sum exists."""
        mean = self.moment(1)
        return tidy(sum(sp.binomial(k, j) * (-mean) ** (k - j) * self.moment(j) for j in range(k + 1)))

    def cumulant(self, k: int) -> sp.Expr:
        """The cumulant of order k >= 1; cumulants of independent sums add."""
        return orders.cached(orders.cumulant, self, orders.order(k, 1))

    def _cumulant(self, k: int) -> sp.Expr:
        """The cumulant of order k >= 2, from the central moments by Smith's recursion; hook."""
        lower = (
            sp.binomial(k - 1, j - 1) * self.cumulant(j) * self.central_moment(k - j) for j in range(2, k - 1)
        )
        return tidy(self.central_moment(k) - sum(lower))

    def absolute_moment(self, k: int) -> sp.Expr:
        """E |X|^k, exact, where a closed form is known.

        Raises:
            MomentError: no closed form is known, or the moment does not exist.
        """
        if orders.order(k, 0) % 2 == 0 or self.support[0].is_nonnegative:
            return self.moment(k)
        if self.support[1].is_nonpositive:
            return -self.moment(k)
        return tidy(2 * self.positive_part_moment(k) - self.moment(k))

    def positive_part_moment(self, k: int) -> sp.Expr:
        """E max(X, 0)^k for k >= 1, exact, where a closed form is known.

        Raises:
            MomentError: no closed form is known, or the moment does not exist.
        """
        return orders.cached(orders.positive_part_moment, self, orders.order(k, 1))

    def _positive_part_moment(self, k: int) -> sp.Expr:
        """E max(X, 0)^k where X takes both signs, and P(X > 0) for k = 0; hook."""
        atoms = self.atoms or ()
        if not atoms or any(value.is_positive is None for value, _ in atoms):
            self._refuse_moment(f"E max(X, 0)^{k}", "no closed form is known", "Even powers may have one.")
        return sp.Add(*(chance * value**k for value, chance in atoms if value.is_positive))

    def _refuse_moment(self, asked: str, missing: str, remedy: str) -> NoReturn:
        raise MomentError(f"{asked} of {self}", missing, remedy)

    # ---- structure

    @property
    def atomless(self) -> bool:
        """Whether P(X = x) = 0 is known for every x."""
        return False

    @property
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...] | None:
        """All values with their probabilities, exact, where there are finitely many and all are known."""
        return None

    @property
    def positive_probability(self) -> sp.Expr:
        """P(X > 0), exact, where a closed form is known.

        Raises:
            MomentError: no closed form is known.
        """
        low, high = self.support
        if high.is_extended_nonpositive:
            return sp.S.Zero
        if self.atom_at_zero is False and low.is_extended_nonnegative:
            return sp.S.One
        if self.atom_at_zero is False and self.symmetric:
            return sp.Rational(1, 2)
        return self._positive_probability()

    def _positive_probability(self) -> sp.Expr:
        """P(X > 0) where X takes both signs: E max(X, 0)^k at k = 0; hook, where that is not the limit."""
        return self._positive_part_moment(0)

    @property
    def negative_probability(self) -> sp.Expr:
        """P(X < 0), exact, where a closed form is known.

        Raises:
            MomentError: no closed form is known.
        """
        if self.support[0].is_extended_nonnegative:
            return sp.S.Zero
        if self.atom_at_zero is False:
            return 1 - self.positive_probability
        if self.symmetric:
            return self.positive_probability
        return self._negative_probability()

    def _negative_probability(self) -> sp.Expr:
        """P(X < 0) where P(X = 0) is not known to be 0; hook."""
        self._refuse_moment("P(X < 0)", "no closed form is known", "Give a distribution without atoms.")

    @property
    @abstractmethod
    def symmetric(self) -> bool | None:
        """Whether X and -X have one law; None if that is unknown or depends on symbols."""

    @property
    @abstractmethod
    def atom_at_zero(self) -> bool | None:
        """Whether P(X = 0) > 0; None if that is unknown or depends on symbols."""

    @property
    @abstractmethod
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        """The ends of an interval that holds X with probability one."""

    @property
    def precision(self) -> Precision:
        """The kind of number its moments are."""
        return "closed form"

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        """The symbols in its parameters."""
        values = scalars_in(self)
        return frozenset().union(*(value.free_symbols for value in values))

    def at(self, values: Mapping[sp.Symbol | str, ScalarLike]) -> Self:
        """The same distribution with symbols replaced, all at once.

        Args:
            values: numbers or expressions by symbol, or by name.

        Raises:
            ParameterError: a value is not a scalar or leaves the domain of its parameter.
        """
        if not isinstance(values, Mapping):
            raise ParameterError(
                f"{self}.at({brief(values, 60)})", "it is no mapping", "Write {n: 256} or {'n': 256}."
            )
        exact = {symbol(s) if isinstance(s, str) else s: scalar(v, brief(s)) for s, v in values.items()}
        if self.free_symbols.isdisjoint(exact):
            return self
        return type(self)(**{name: replaced(value, exact) for name, value in self._arguments().items()})

    # ---- samples

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Independent samples as float64.

        Args:
            rng: the generator to use.
            shape: the shape of the array.

        Raises:
            ParameterError: a parameter is still a symbol, the distribution is known by its moments only, or
                the shape is none.
        """
        with enough_memory(self, sizes := drawn_shape(shape)):
            return np.asarray(self._draw(as_generator(rng), sizes), dtype=np.float64)

    def draw_single(self, rng: np.random.Generator, shape: Shape) -> npt.NDArray[Any]:
        """Independent samples for sums of many terms, float32 if the law `has_single`: not those of `draw`.

        Args:
            rng: the generator to use.
            shape: the shape of the array.

        Raises:
            ParameterError: as `draw`.

        Example:
            >>> from varprop.model.distributions import Normal
            >>> Normal(mean=3).draw_single(np.random.default_rng(1), 2).dtype
            dtype('float32')
        """
        with enough_memory(self, sizes := drawn_shape(shape), item=4):
            return self._draw_single(as_generator(rng), sizes)

    @abstractmethod
    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        """Independent samples; hook. It must not ask a moment or a symmetry."""

    @property
    def has_single(self) -> bool:
        """Whether `draw_single` gives float32: where that is faster and does not blur the law."""
        return False

    def _draw_single(self, rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """Independent samples, as float32 if the law `has_single`; hook."""
        return self.draw(rng, shape)

    @property
    def can_draw(self) -> bool:
        """Whether the law is known in full, so that `draw` works once no symbol is left."""
        return True

    def _numbers(self) -> tuple[float, ...]:
        """The parameters as floats, in the order of their declaration; found once, for draws are many."""
        return self._floats

    @cached_property
    def _floats(self) -> tuple[float, ...]:
        return tuple(self._number(p.name, getattr(self, p.name)) for p in self.parameters)

    def _number(self, name: str, value: sp.Expr) -> float:
        if value.free_symbols:
            n = ", ".join(sorted(s.name for s in value.free_symbols))
            raise ParameterError(f"draw from {self}", f"{name} depends on {n}", f"Give at={{{n}: ...}}.")
        number = float(decimal(value))
        if (np.isinf(number) and value.is_finite) or (number == 0 and not value.is_zero):
            raise ParameterError(f"draw from {self}", f"{name} is beyond the range of float64", "Rescale it.")
        return number

    # ---- text

    def _arguments(self) -> dict[str, Any]:
        """The keywords that make this instance again; hook, where they differ from the fields."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def __str__(self) -> str:
        defaults = defaults_of(type(self))
        shown = (
            f"{name}={text_of(value)}"
            for name, value in self._arguments().items()
            if not (value is defaults[name] or (defaults[name] is not None and value == defaults[name]))
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def __repr__(self) -> str:
        return str(self)

    def latex(self) -> str:
        r"""A formula such as `\mathcal{N}(0, 1/n)`."""
        values = ", ".join(latex_of(value) for value in self._arguments().values() if value is not None)
        return rf"{self._latex_name()}\left({values}\right)" if values else self._latex_name()

    def _latex_name(self) -> str:
        return rf"\operatorname{{{type(self).__name__}}}"

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def known(answer: object) -> bool | None:
    """A three-valued answer of SymPy as True, False or None."""
    return None if answer is None else bool(answer)


def tidy(expression: sp.Expr) -> sp.Expr:
    """Expanded, where that shortens: powers of sums with erf, and very long sums, only grow."""
    grows = expression.has(sp.erf, sp.erfc) or length(expression) > MAX_EXPANDED
    return expression if grows else expanded(expression)
