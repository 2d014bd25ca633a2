"""Independence by roots, flips and parity."""

import pytest

from varprop import (
    Axis,
    Empirical,
    Normal,
    Orthogonal,
    RandomVariable,
    RandomVector,
    Uniform,
    abs_,
    leaky_relu,
    relu,
    sum_over,
)
from varprop.derivation.structure import EVEN, NEITHER, ODD, Structure

ROW, J = Axis("i", "n"), Axis("j", "m")
A, B = ROW.places(2)
W = RandomVariable("w", Normal(), axes=(J, ROW))
V = RandomVariable("v", Normal(), axes=ROW)
X = RandomVariable("x", Uniform(0, 1), axes=ROW)
ONE = RandomVariable("b", Normal())
TABLE = RandomVector("t", Empirical([[1, 2], [3, 5], [2, 2]]))
MATRIX = RandomVector("q", Orthogonal(3))
DIAGONAL = Axis("a", "n")
TIED = RandomVariable("u", Normal(), axes=(DIAGONAL, DIAGONAL))
C, D = DIAGONAL.places(2)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((V, X), True),
        ((V, V), False),
        ((V[A], V[B]), True),  # two named places
        ((V, V[A]), True),  # an arbitrary place is another one than a named one
        ((V[A], sum_over(ROW, V)), False),  # a bound place can be any
        ((sum_over(ROW, V), sum_over(ROW, V * X)), False),
        ((V.at(i=0), V.at(i=1)), True),
        ((V.at(i=0), sum_over(ROW, V)), False),
        ((W[J, A], W[J, B]), True),
        ((sum_over(ROW, W), sum_over(ROW, W[J.places(1)[0], ROW])), True),  # two rows
        ((sum_over(J, W), sum_over(ROW, W)), False),  # a row meets a column
        ((ONE, ONE * V), False),
        ((ONE, V, X, W), True),
        ((ONE, V, X, relu(X + 1)), False),
        ((TABLE.at(i=0), TABLE.at(i=1)), False),  # one row is one root
        ((MATRIX.at(j=0, i=0), MATRIX.at(j=1, i=2)), False),
        ((TIED[C, D], TIED[D, C]), True),
        ((sum_over(DIAGONAL, TIED[C, DIAGONAL]), sum_over(DIAGONAL, TIED[DIAGONAL, D])), False),
    ],
)
def test_independence_is_disjointness_of_roots(parts, expected):
    assert Structure().independent(*parts) is expected
    assert Structure().independent(*reversed(parts)) is expected


def test_groups_share_nothing_with_each_other():
    parts = [V[A], X, V[A] * ONE, V[B], ONE, W]
    assert Structure().groups(parts) == [[0, 2, 4], [1], [3], [5]]
    assert Structure().groups([V[A], V[B], sum_over(ROW, V)]) == [[0, 1, 2]]


def test_ten_thousand_parts_are_compared_at_once():
    law = Normal()
    parts = [RandomVariable(f"x{k}", law) for k in range(10_000)]
    assert Structure().independent(*parts)
    assert not Structure().independent(*parts, parts[7] * ONE)


@pytest.mark.parametrize(
    ("e", "flips"),
    [
        (V, True),
        (X, False),  # not symmetric
        (V * X, True),
        (V**2, False),
        (V**3, True),
        (V + 1, False),  # the constant does not change
        (V * ONE, True),
        (sum_over(ROW, V * X), True),
        (sum_over(ROW, V * X) + ONE, True),  # both at once
        (sum_over(ROW, V * X) + X, False),
        (sum_over(ROW, V) * V[A], False),  # the flip of all of them leaves the product
        (relu(V), False),
        (leaky_relu(-1)(V), False),
        (abs_(V), False),
        (leaky_relu(1)(V), True),
    ],
)
def test_odd_flips(e, flips):
    structure = Structure()
    found = structure.odd_flips(e)
    assert bool(found) is flips
    assert all(structure.parity(e, flip) == ODD for flip in found)


def flip(*leaves):
    return frozenset((leaf.variable, leaf.slots) for leaf in leaves)


@pytest.mark.parametrize(
    ("e", "parity"),
    [
        (V[A], ODD),
        (V[A] ** 2, EVEN),
        (V[B], EVEN),
        (V, EVEN),  # another place
        (X[A], EVEN),
        (sum_over(ROW, V), NEITHER),  # one addend of many
        (V[A] * sum_over(ROW, V), NEITHER),
        (V[A] + V[B], NEITHER),
        (V[A] * V[B], ODD),
        (V[A] + 1, NEITHER),
        ((V[A] + 1) ** 2, NEITHER),
        (relu(V[A]), NEITHER),
        (abs_(V[A]), EVEN),
        (abs_(V[A] * X), EVEN),
        (relu(V[A] ** 2), EVEN),
        (V[A] * X + V[A], ODD),
        (V[A] * (V[A] + V[A] ** 3), EVEN),
    ],
)
def test_parity_under_the_flip_of_one_place(e, parity):
    assert Structure().parity(e, flip(V[A])) == parity


def test_parity_of_a_product_is_the_product_of_parities():
    structure = Structure()
    row = frozenset({(W.variable, (J.index, None))})
    assert structure.parity(W[J, A] * W[J, B], row) == EVEN
    assert structure.parity(sum_over(ROW, W * X), row) == ODD
    assert structure.parity(sum_over(ROW, W * X) ** 3 * W[J, A], row) == EVEN
    other = J.places(1)[0]
    assert structure.parity(sum_over(ROW, W[other, ROW] * X), row) == EVEN


def test_a_skewed_variable_is_never_flipped():
    z = sum_over(ROW, X * V)
    for found in Structure().odd_flips(z):
        assert {variable.name for variable, _ in found} == {"v"}
    exponential = RandomVariable("e", "Exponential(mean=1)")
    assert Structure().odd_flips((exponential - 1) * X) == ()


def test_the_entries_of_a_table_are_never_flipped():
    assert Structure().odd_flips(TABLE.at(i=0)) == ()
    row = sum_over(TABLE.axis, TABLE * RandomVariable("w", Normal(), axes=TABLE.axis))
    (found, *_) = Structure().odd_flips(row)
    assert {variable.name for variable, _ in found} == {"w"}
