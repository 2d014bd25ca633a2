"""Random vectors and matrices whose entries are not independent copies."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np
import sympy as sp

from varprop.errors import MomentError, ParameterError
from varprop.model.distributions import Array, Precision
from varprop.model.distributions.base import MAX_ORDER
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike, scalar, substitute, symbol

__all__ = ["Empirical", "Enclosed", "Joint", "Orthogonal"]

Place: TypeAlias = int | str | tuple[int, ...]

_ROUND_OFF = np.finfo(np.float64).eps


class Joint(ABC):
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
        names, array = _table(data)
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
        value = math.fsum(part.value for part in each)
        return Enclosed(value, math.fsum(part.bound for part in each) + abs(value) * _ROUND_OFF)

    def draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Whole rows, with replacement."""
        chosen: Array = self.data[rng.integers(0, self.rows, shape)]
        return chosen

    def _powers(self, powers: Mapping[Place, int]) -> tuple[tuple[int, int], ...]:
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
        raise ParameterError(f"column {place!r:.60} of {self}", "no such column", f"The columns are {known}.")

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
    """A random orthogonal matrix, uniform on all of them (Haar): E W_ij = 0, E W_ij W_kl = [ij = kl] / size.

    Any row and any column may change its sign without changing the law. Moments of order four and more are
    not declared.

    Args:
        size: the number of rows, which is the number of columns.

    Raises:
        ParameterError: the size is not a positive whole number or a symbol.

    Example:
        >>> Orthogonal("n").entry_moment(2)
        1/n
        >>> w = Orthogonal(3).draw(np.random.default_rng(0), 5)
        >>> bool(np.allclose(w @ w.transpose(0, 2, 1), np.eye(3)))
        True

    Source: Stewart, The efficient generation of random orthogonal matrices, 1980; Mezzadri, 2007.
    """

    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("size", "n", low=1, integer=True, typical=(1, 6)),
    )
    size: sp.Expr

    def __init__(self, size: ScalarLike) -> None:
        object.__setattr__(self, "size", self.parameters[0].validate(size, "Orthogonal"))

    @property
    def shape(self) -> tuple[sp.Expr, ...]:
        return self.size, self.size

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
        """True: entries of an orthogonal matrix are at most 1."""
        return True

    def entry_moment(self, k: int, place: Place | None = None) -> sp.Expr:
        if _power(k) % 2:
            return sp.Integer(0)
        if k > 2:
            raise MomentError(f"E W_ij^{k} of {self}", "not declared", "Only second moments are known here.")
        return 1 / self.size if k else sp.Integer(1)

    def at(self, values: Mapping[sp.Symbol | str, ScalarLike]) -> Orthogonal:
        exact = {symbol(s) if isinstance(s, str) else s: scalar(v, str(s)) for s, v in values.items()}
        return Orthogonal(substitute(self.size, exact))

    def draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        if not self.size.is_Integer:
            raise ParameterError(
                f"draw from {self}", f"its size is {self.size}", f"Give at={{{self.size}: 8}}."
            )
        lead = (shape,) if isinstance(shape, int) else shape
        q, r = np.linalg.qr(rng.standard_normal((*lead, int(self.size), int(self.size))))
        signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
        matrices: Array = q * signs[..., np.newaxis, :]
        return matrices

    def __str__(self) -> str:
        return f"Orthogonal(size={self.size})"

    def __repr__(self) -> str:
        return str(self)

    def latex(self) -> str:
        r"""A formula such as `O(n)`."""
        return rf"O\left({sp.latex(self.size)}\right)"


def _power(k: object) -> int:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer, sp.Integer)) or k < 0:
        raise ParameterError(f"power {k!r:.40}", "not a power", "Use a whole number from 0 on.")
    return int(k)


def _products(table: Empirical, powers: tuple[tuple[int, int], ...]) -> Array:
    factors = [table.data[:, column] for column, power in powers for _ in range(power)]
    with np.errstate(over="ignore"):
        products: Array = np.prod(factors, axis=0) if factors else np.ones(table.rows)
    if not np.isfinite(products).all():
        raise MomentError(
            f"moment of order {len(factors)} of {table}", "beyond the range of float64", "Rescale it."
        )
    return products


@lru_cache(maxsize=4096)
def _table_moment(table: Empirical, powers: tuple[tuple[int, int], ...]) -> Enclosed:
    """Each product is off by at most (degree - 1) roundings, fsum by one, the division by one."""
    products = _products(table, powers)
    value = math.fsum(products.tolist()) / table.rows
    roundings = sum(power for _, power in powers) + 2
    size = float(np.abs(products).mean()) * (1 + table.rows * _ROUND_OFF)
    return Enclosed(value, roundings * _ROUND_OFF * size + np.finfo(np.float64).tiny)


def _table(data: object) -> tuple[tuple[str, ...], Array]:
    names: list[str] | None = None
    if isinstance(data, Mapping):
        names, data = [str(name) for name in data], _rows_of(data)
    elif isinstance(data, np.ndarray) and data.dtype.names:
        names = list(data.dtype.names)
        data = np.column_stack([data[name] for name in names])
    elif hasattr(data, "columns"):
        names = [str(name) for name in data.columns]
    try:
        array = np.asarray(data)
    except ValueError:
        raise ParameterError(
            "Empirical(data)", "the rows differ in length", "Give one number per cell."
        ) from None
    if array.dtype.kind not in "iuf":
        missing = f"the cells are {array.dtype}, not numbers"
        raise ParameterError("Empirical(data)", missing, "Convert or drop the columns that are not numbers.")
    if array.ndim != 2 or array.shape[0] < 2 or array.shape[1] < 1:
        missing = f"an array of shape {array.shape} is not a table of at least two rows"
        raise ParameterError(
            "Empirical(data)", missing, "Give rows and columns; one column is data[:, None]."
        )
    table = np.array(array, dtype=np.float64, order="C")
    table += 0.0
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        missing = f"row {row}, column {column} is {table[row, column]}"
        raise ParameterError("Empirical(data)", missing, "Drop or fill such rows first.")
    names = names or [str(column) for column in range(table.shape[1])]
    if len(set(names)) < len(names):
        raise ParameterError("Empirical(data)", "two columns have one name", "Rename one of them.")
    return tuple(names), table


def _rows_of(columns: Mapping[object, object]) -> list[tuple[object, ...]]:
    try:
        return list(zip(*(list(column) for column in columns.values()), strict=True))  # type: ignore[call-overload]
    except (TypeError, ValueError):
        missing = "the columns are not lists of one length"
        raise ParameterError("Empirical(data)", missing, "Give one list per column.") from None
