"""Random vectors and matrices whose entries are not independent copies."""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
import sympy as sp

from varprop.errors import MomentError, ParameterError, brief
from varprop.model.distributions import Array, Distribution, Precision
from varprop.model.distributions.arguments import Called
from varprop.model.distributions.orders import MAX_ORDER
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike, scalar, substitute, symbol
from varprop.model.shapes import as_generator, drawn_shape
from varprop.model.tables import as_table

__all__ = ["Empirical", "Enclosed", "Joint", "Orthogonal"]

Place: TypeAlias = int | str | tuple[int, ...]

_ROUND_OFF = np.finfo(np.float64).eps
_LARGEST_POWER = 1000
_MOST_WORK = 10**14
"""More operations for a matrix take hours."""


class Joint(metaclass=Called):
    """The law of a random vector or matrix; what its entries have in common is stated, never assumed."""

    @property
    @abstractmethod
    def shape(self) -> tuple[sp.Expr, ...]:
        """The number of entries along each slot."""

    @property
    def ndim(self) -> int:
        """The number of slots: 1 for a vector, 2 for a matrix."""
        return len(self.shape)

    @property
    @abstractmethod
    def alike(self) -> bool | None:
        """Whether all entries have one marginal law."""

    @property
    @abstractmethod
    def uncorrelated(self) -> bool | None:
        """Whether different entries are uncorrelated."""

    @property
    def row_flips(self) -> bool:
        """Whether any row may change its sign without changing the joint law."""
        return False

    @property
    def unfolded(self) -> Distribution | Joint:
        """What a random variable of this law is stored with: that of an entry, if these are independent."""
        return self

    @property
    def row_law(self) -> Distribution | Joint:
        """The same as the weights of units, one row for each, of `terms` entries."""
        return self.unfolded

    @property
    def terms(self) -> sp.Expr:
        """The number of terms of one unit's sum."""
        return self.shape[-1]

    @property
    def precision(self) -> Precision:
        """The kind of number its moments are."""
        return "closed form"

    @abstractmethod
    def entry_moment(self, k: int, place: Place | None = None) -> sp.Expr:
        """E X_place^k; without a place, that of any entry, which needs all of them alike.

        Raises:
            MomentError: the entries differ and no place is named, or the moment is not declared.
        """

    @property
    def entry_mean(self) -> sp.Expr:
        """E X of any entry."""
        return self.entry_moment(1)

    def moment_exists(self, k: int) -> bool | None:
        """Whether E |X|^k of every entry is known to be finite: where an even moment of all is declared."""
        try:
            return True if k <= MAX_ORDER and self.entry_moment(k + k % 2).is_finite else None
        except MomentError:
            return None

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        """The symbols in its sizes and parameters."""
        return frozenset().union(*(size.free_symbols for size in self.shape))

    def at(self, values: Mapping[sp.Symbol | str, ScalarLike]) -> Joint:
        """The same law with symbols replaced."""
        return self

    def latex(self) -> str:
        """A formula for reports."""
        return rf"\operatorname{{{type(self).__name__}}}"

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Independent samples of the whole object: an array `shape + self.shape`."""


class Enclosed(NamedTuple):
    """A float and a proven bound on its error."""

    value: float
    bound: float


@dataclass(frozen=True, init=False, repr=False)
class Empirical(Joint):
    """One row of a real table, each row with the same probability; dependence between columns is kept.

    Its moments are exact for the table, up to a proven round-off bound; as estimates for the population
    that the rows came from they have a `standard_error`.

    Args:
        data: numbers in rows and columns; a mapping or a frame gives the columns names.

    Raises:
        ParameterError: not a table of finite numbers, or fewer than two rows.

    Example:
        >>> table = Empirical({"size": [1, 2, 3], "weight": [2, 4, 9]})
        >>> table
        Empirical(3 rows: size, weight)
        >>> table.moment({"size": 1, "weight": 1}).value
        12.333333333333334
        >>> table.draw(np.random.default_rng(0), 4).shape
        (4, 2)

    Source: Efron, Tibshirani, An Introduction to the Bootstrap, 1993, chapter 4 (the empirical distribution);
    Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 4 (the bound).
    """

    digest: str
    columns: tuple[str, ...]
    data: Array = field(compare=False)

    def __init__(self, data: object) -> None:
        names, array = as_table(data)
        array.setflags(write=False)
        digest = hashlib.blake2b(array.tobytes() + repr(array.shape).encode(), digest_size=16).hexdigest()
        for name, value in (("digest", digest), ("columns", names), ("data", array)):
            object.__setattr__(self, name, value)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.data.shape[0])

    @property
    def shape(self) -> tuple[sp.Expr, ...]:
        return (sp.Integer(self.data.shape[1]),)

    @property
    def alike(self) -> bool | None:
        """True for one column; of several, nothing is assumed to be alike."""
        return len(self.columns) == 1

    @property
    def uncorrelated(self) -> bool | None:
        """True for one column; the columns of a table are correlated until shown otherwise."""
        return len(self.columns) == 1

    @property
    def precision(self) -> Precision:
        return "enclosure"

    def moment_exists(self, k: int) -> bool:
        """True: a table is bounded."""
        return True

    def moment(self, powers: Mapping[Place, int]) -> Enclosed:
        """The mean of a product of powers of columns, such as `{0: 1, "weight": 2}`, and its round-off bound.

        Raises:
            ParameterError: no such column, or a power that is not a whole number from 0 on.
            MomentError: the products leave the range of float64.
        """
        return _table_moment(self, self._powers(powers))

    def standard_error(self, powers: Mapping[Place, int]) -> float:
        """The standard error of `moment(powers)` as an estimate for the population of rows."""
        products = _products(self, self._powers(powers))
        return float(np.std(products, ddof=1) / math.sqrt(self.rows))

    def entry_moment(self, k: int, place: Place | None = None) -> sp.Expr:
        if place is None:
            if len(self.columns) > 1:
                remedy = f"Name a column, 0 to {len(self.columns) - 1}."
                raise MomentError(f"E x_i^{k} of {self}", "its columns are not alike", remedy)
            place = 0
        return sp.Float(self.moment({place: k}).value)

    def entry_bound(self, k: int, place: Place) -> float:
        """The round-off bound of `entry_moment`."""
        return self.moment({place: k}).bound

    def total_moment(self, k: int) -> Enclosed:
        """sum_i E x_i^k over all columns, with its round-off bound."""
        each = [self.moment({column: k}) for column in range(len(self.columns))]
        _within_range(sum(abs(part.value) for part in each), k, self)
        value = math.fsum(part.value for part in each)
        return Enclosed(value, math.fsum(part.bound for part in each) + abs(value) * _ROUND_OFF)

    def draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Whole rows, with replacement."""
        chosen: Array = self.data[as_generator(rng).integers(0, self.rows, drawn_shape(shape))]
        return chosen

    def _powers(self, powers: Mapping[Place, int]) -> tuple[tuple[int, int], ...]:
        if not isinstance(powers, Mapping):
            raise ParameterError(
                f"powers {brief(powers, 60)} of columns",
                "no mapping",
                "Give {column: power}, such as {0: 2}.",
            )
        return tuple(sorted((self._column(place), _power(k)) for place, k in powers.items()))

    def _column(self, place: Place) -> int:
        if isinstance(place, str) and place in self.columns:
            return self.columns.index(place)
        is_position = isinstance(place, (int, np.integer, sp.Integer)) and not isinstance(place, bool)
        if is_position and 0 <= place < len(self.columns):  # type: ignore[operator]
            return int(place)  # type: ignore[arg-type]
        if isinstance(place, tuple) and len(place) == 1:
            return self._column(place[0])
        known = ", ".join(self.columns[:8])
        raise ParameterError(
            f"column {brief(place, 60)} of {self}", "no such column", f"The columns are {known}."
        )

    def __str__(self) -> str:
        names = ", ".join(self.columns[:4]) + (", ..." if len(self.columns) > 4 else "")
        return f"Empirical({self.rows} rows: {names})"

    def __repr__(self) -> str:
        return str(self)

    def latex(self) -> str:
        """A formula for reports."""
        return rf"\operatorname{{Empirical}}_{{{self.rows} \times {len(self.columns)}}}"


@dataclass(frozen=True, init=False, repr=False)
class Orthogonal(Joint):
    """A random matrix with orthonormal rows or columns, whichever are fewer, uniform on all of them (Haar).

    E W_ij = 0 and E W_ij W_kl = [ij = kl] gain^2 / max(size, columns). Any row and any column may change its
    sign without changing the law. Moments of order four and more are not declared.

    Args:
        size: the number of rows.
        columns: the number of columns; that of the rows if not given.
        gain: a factor on the matrix.

    Raises:
        ParameterError: a size is not a positive whole number or a symbol, or the gain is not positive.

    Example:
        >>> Orthogonal("n").entry_moment(2)
        1/n
        >>> w = Orthogonal(3, 5).draw(np.random.default_rng(0), 5)
        >>> bool(np.allclose(w @ w.transpose(0, 2, 1), np.eye(3)))
        True

    Source: Stewart, The efficient generation of random orthogonal matrices, 1980; Mezzadri, 2007.
    """

    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("size", "n", low=1, integer=True, typical=(1, 6)),
        Parameter("columns", "m", low=1, integer=True, typical=(1, 6)),
        Parameter("gain", "g", low=0, low_open=True, typical=(0.5, 2)),
    )
    size: sp.Expr
    columns: sp.Expr
    gain: sp.Expr

    def __init__(self, size: ScalarLike, columns: ScalarLike | None = None, gain: ScalarLike = 1) -> None:
        values = (size, size if columns is None else columns, gain)
        for parameter, value in zip(self.parameters, values, strict=True):
            object.__setattr__(self, parameter.name, parameter.validate(value, "Orthogonal"))

    @property
    def shape(self) -> tuple[sp.Expr, ...]:
        return self.size, self.columns

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
        """True: entries are at most the gain."""
        return True

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        sizes = super().free_symbols
        return sizes.union(self.gain.free_symbols)

    def entry_moment(self, k: int, place: Place | None = None) -> sp.Expr:
        if _power(k) % 2:
            return sp.Integer(0)
        if k > 2:
            raise MomentError(f"E W_ij^{k} of {self}", "not declared", "Only second moments are known here.")
        return self.gain**2 / sp.Max(self.size, self.columns) if k else sp.Integer(1)

    def at(self, values: Mapping[sp.Symbol | str, ScalarLike]) -> Orthogonal:
        exact = {symbol(s) if isinstance(s, str) else s: scalar(v, str(s)) for s, v in values.items()}
        return Orthogonal(*(substitute(part, exact) for part in (*self.shape, self.gain)))

    def draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        for part in (*self.shape, self.gain):
            if part.free_symbols:
                raise ParameterError(f"draw from {self}", f"it holds {part}", f"Give at={{{part}: 8}}.")
        lead = drawn_shape(shape)
        rows, columns = int(self.size), int(self.columns)
        work = 4 * rows * columns * min(rows, columns) * math.prod(lead)
        if work > _MOST_WORK:
            missing = f"it takes about {work:.1e} operations, more than {_MOST_WORK:.0e}"
            raise ParameterError(f"draw from {self}", missing, "Draw smaller or fewer matrices.")
        tall = as_generator(rng).standard_normal((*lead, max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(tall)
        signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
        matrices: Array = float(self.gain) * q * signs[..., np.newaxis, :]
        return np.swapaxes(matrices, -1, -2) if rows < columns else matrices

    def __str__(self) -> str:
        shown = [f"size={self.size}", *[f"columns={self.columns}"] * (self.columns != self.size)]
        return f"Orthogonal({', '.join([*shown, *[f'gain={self.gain}'] * (self.gain != 1)])})"

    def __repr__(self) -> str:
        return str(self)

    def latex(self) -> str:
        r"""A formula such as `O(n)`."""
        sizes = ", ".join(map(sp.latex, dict.fromkeys(self.shape)))
        return rf"{'' if self.gain == 1 else sp.latex(self.gain)} O\left({sizes}\right)".lstrip()


def _power(k: object) -> int:
    whole = isinstance(k, (int, np.integer, sp.Integer)) and not isinstance(k, bool)
    if whole and 0 <= k <= _LARGEST_POWER:  # type: ignore[operator]
        return int(k)  # type: ignore[call-overload, no-any-return]
    remedy = f"Use a whole number from 0 to {_LARGEST_POWER}."
    raise ParameterError(f"power {brief(k, 40)}", "not a power", remedy)


def _within_range(size: float, order: int, table: Empirical) -> None:
    if not math.isfinite(size):
        raise MomentError(f"moment of order {order} of {table}", "beyond the range of float64", "Rescale it.")


def _products(table: Empirical, powers: tuple[tuple[int, int], ...]) -> Array:
    factors = [table.data[:, column] for column, power in powers for _ in range(power)]
    with np.errstate(over="ignore"):
        products: Array = reduce(np.multiply, factors, np.ones(table.rows))
        sizes = np.abs(products).sum()
    _within_range(float(sizes), len(factors), table)
    return products


@lru_cache(maxsize=4096)
def _table_moment(table: Empirical, powers: tuple[tuple[int, int], ...]) -> Enclosed:
    """Each product is off by at most (degree - 1) roundings, fsum by one, the division by one."""
    products = _products(table, powers)
    value = math.fsum(products.tolist()) / table.rows
    roundings = sum(power for _, power in powers) + 2
    size = float(np.abs(products).mean()) * (1 + table.rows * _ROUND_OFF)
    return Enclosed(value, roundings * _ROUND_OFF * size + np.finfo(np.float64).tiny)
