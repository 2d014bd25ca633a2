"""Joint laws: tables keep their dependence and bound their round-off; orthogonal matrices are Haar."""

import copy
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from varprop.errors import MomentError, ParameterError
from varprop.model.joint import Empirical, Joint, Orthogonal
from varprop.model.scalars import symbol

RNG = np.random.default_rng(5)
DATA = RNG.lognormal(size=(300, 5)) * [1, -2, 0.1, 1e3, 1] + [0, 0, 0, 0, 7]


def exact(powers: dict[int, int]) -> Fraction:
    """The mean of products in exact arithmetic."""
    rows = [[Fraction(cell) for cell in row] for row in DATA]
    return sum(math.prod(row[c] ** k for c, k in powers.items()) for row in rows) / len(rows)


@pytest.mark.parametrize("powers", [{}, {0: 1}, {1: 3}, {0: 1, 1: 1}, {0: 2, 2: 2, 4: 4}, {3: 8}, {2: 0}])
def test_moments_are_exact_within_their_bound(powers: dict[int, int]) -> None:
    value, bound = Empirical(DATA).moment(powers)
    assert abs(Fraction(value) - exact(powers)) <= Fraction(bound)
    assert bound <= 1e-13 * max(1, float(exact({c: 2 * k for c, k in powers.items()})))


def test_entries_and_totals() -> None:
    table = Empirical(DATA)
    assert float(table.entry_moment(2, 1)) == pytest.approx((DATA[:, 1] ** 2).mean(), rel=1e-14)
    assert float(table.entry_moment(2, (1,))) == float(table.entry_moment(2, 1))
    assert table.entry_bound(2, 1) == table.moment({1: 2}).bound
    total, bound = table.total_moment(2)
    assert abs(Fraction(total) - sum(exact({c: 2}) for c in range(5))) <= Fraction(bound)
    assert table.standard_error({0: 1}) == pytest.approx(DATA[:, 0].std(ddof=1) / math.sqrt(300))
    assert table.precision == "enclosure"
    assert (table.alike, table.uncorrelated, table.row_flips, table.ndim) == (False, False, False, 1)
    assert table.shape == (5,)
    assert table.rows == 300
    assert table.free_symbols == frozenset()
    assert table.at({"n": 3}) is table
    single = Empirical(DATA[:, :1])
    assert (single.alike, single.uncorrelated) == (True, True)
    assert float(single.entry_mean) == pytest.approx(DATA[:, 0].mean())


def test_whole_rows_are_drawn() -> None:
    table = Empirical(DATA)
    rows = table.draw(np.random.default_rng(1), (4, 50))
    assert rows.shape == (4, 50, 5)
    known = {tuple(row) for row in DATA.tolist()}
    assert all(tuple(row) in known for row in rows.reshape(-1, 5).tolist())
    many = table.draw(np.random.default_rng(2), 100_000)
    for c in range(5):
        assert abs(many[:, c].mean() - DATA[:, c].mean()) < 6 * DATA[:, c].std() / math.sqrt(100_000)


def test_a_table_is_a_value() -> None:
    data = DATA.copy()
    table = Empirical(data)
    data[0, 0] = 99
    assert table == Empirical(DATA)
    assert hash(table) == hash(Empirical(DATA.copy(order="F")))
    assert table != Empirical(data)
    assert pickle.loads(pickle.dumps(table)) == table == copy.deepcopy(table)
    with pytest.raises(ValueError, match="read-only"):
        table.data[0, 0] = 1
    assert Empirical([[0.0, 1], [2, 3]]) == Empirical([[-0.0, 1], [2, 3]])
    assert Empirical([[1, 2, 3], [4, 5, 6]]) != Empirical([[1, 2], [3, 4], [5, 6]])
    assert Empirical({"a": [1, 2]}) != Empirical({"b": [1, 2]})


class Frame:
    """Looks like a data frame."""

    columns = ("size", "weight")

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.array([[1, 2], [3, 4]])


@pytest.mark.parametrize(
    "data",
    [
        {"size": [1, 3], "weight": (2, 4)},
        np.array([(1, 2), (3, 4)], dtype=[("size", int), ("weight", np.float32)]),
        Frame(),
    ],
)
def test_named_columns(data: object) -> None:
    table = Empirical(data)
    assert table.columns == ("size", "weight")
    assert table.moment({"size": 1, 1: 1}).value == 7
    assert str(table) == "Empirical(2 rows: size, weight)"
    assert "2 \\times 2" in table.latex()


def test_only_the_first_columns_are_named() -> None:
    four, five, nine = (Empirical({f"c{k}": [k, 1] for k in range(count)}) for count in (4, 5, 9))
    assert str(four) == "Empirical(2 rows: c0, c1, c2, c3)"
    assert str(five) == "Empirical(2 rows: c0, c1, c2, c3, ...)"
    with pytest.raises(ParameterError, match=r"The columns are c0, c1, c2, c3, c4, c5, c6, c7\."):
        nine.moment({"d": 1})


RAGGED = [[[1, 2], [3]], {"a": [1, 2], "b": [1]}, {"a": 1}]
NOT_NUMBERS = [
    [[1, "a"], [2, 3]],
    [[True], [False]],
    [[1j], [2]],
    [[None], [1]],
    [[Fraction(1)], [1]],
    "table",
    None,
]
NOT_FINITE = [[[math.nan, 1], [1, 2]], [[1, 2], [1, math.inf]]]
WRONG_SHAPE = [[], [[]], [1, 2], [[1, 2]], np.zeros((2, 2, 2)), np.zeros((2, 0)), {}, 3]


@pytest.mark.parametrize("data", RAGGED + NOT_NUMBERS + NOT_FINITE + WRONG_SHAPE, ids=repr)
def test_what_is_not_a_table(data: object) -> None:
    with pytest.raises(ParameterError, match="Empirical") as caught:
        Empirical(data)
    assert caught.value.remedy


def test_what_a_table_refuses() -> None:
    table = Empirical(DATA)
    for place in ("weight", 5, -1, 1.0, True, (1, 2)):
        with pytest.raises(ParameterError, match="no such column"):
            table.moment({place: 1})
    for power in (-1, 1.5, True, "2"):
        with pytest.raises(ParameterError, match="not a power"):
            table.moment({0: power})
    with pytest.raises(MomentError, match=r"not alike.* Name a column, 0 to 4\."):
        table.entry_moment(1)
    with pytest.raises(MomentError, match="beyond the range"):
        Empirical([[1e200], [1]]).moment({0: 2})
    with pytest.raises(ParameterError, match="two columns have one name"):
        Empirical(
            np.array([(1, 2), (3, 4)], dtype=[("1", int), ("2", int)]).tolist() and {1: [1, 2], "1": [3, 4]}
        )


def test_orthogonal_moments() -> None:
    w = Orthogonal("n")
    n = symbol("n")
    assert w.shape == (n, n)
    assert [w.entry_moment(k) for k in (0, 1, 2, 3)] == [1, 0, 1 / n, 0]
    assert w.entry_mean == 0
    assert (w.alike, w.uncorrelated, w.row_flips, w.ndim, w.precision) == (True, True, True, 2, "closed form")
    assert w.at({"n": 4}) == Orthogonal(4)
    assert str(w) == repr(w) == "Orthogonal(size=n)"
    assert w.latex() == r"O\left(n\right)"
    assert w.free_symbols == {n}
    assert pickle.loads(pickle.dumps(w)) == w
    with pytest.raises(MomentError, match="not declared"):
        w.entry_moment(4)
    with pytest.raises(ParameterError, match="at="):
        w.draw(np.random.default_rng(0), 3)
    for size in (0, -1, 1.5, math.nan, None, True):
        with pytest.raises(ParameterError, match="size"):
            Orthogonal(size)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_orthogonal_draws_are_haar(size: int) -> None:
    count = 40_000
    w = Orthogonal(size).draw(np.random.default_rng(3), (count,))
    np.testing.assert_allclose(w @ w.transpose(0, 2, 1), np.broadcast_to(np.eye(size), w.shape), atol=1e-12)
    flat = w.reshape(count, -1)
    limit = 6 / math.sqrt(count)
    assert abs(flat.mean(axis=0)).max() < limit
    assert abs(flat.T @ flat / count - np.eye(size**2) / size).max() < limit
    assert abs((flat**4).mean() - 3 / (size * (size + 2))) < limit
    assert abs((np.linalg.det(w) > 0).mean() - 0.5) < limit
    assert sp.Integer(size) == Orthogonal(size).size


def test_a_joint_law_states_everything() -> None:
    class Bare(Joint):
        """States nothing."""

    with pytest.raises(TypeError, match=r"alike.*draw.*entry_moment.*shape.*uncorrelated"):
        Bare()


def test_the_bound_holds_where_products_underflow() -> None:
    """1e-340 is no number of float64: the mean comes out as 0, and the bound says so."""
    value, bound = Empirical([[1e-170], [1e-170]]).moment({0: 2})
    assert value == 0
    assert Fraction(bound) >= Fraction(1e-170) ** 2
