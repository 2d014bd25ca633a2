"""Every assumption answers proven, refuted or unknown, and says what it is about."""

import pytest
import sympy as sp

from varprop import (
    Axis,
    Bernoulli,
    Constant,
    Empirical,
    Mixture,
    Normal,
    Orthogonal,
    Rademacher,
    RandomVariable,
    RandomVector,
    Uniform,
    Unknown,
    relu,
    sum_over,
)
from varprop.derivation import assumptions as assume
from varprop.derivation.rules.addends import pairwise_orthogonal
from varprop.derivation.structure import Structure
from varprop.model.expressions import Scalar

ROW = Axis("i", "n")
A, B = ROW.places(2)
W = RandomVariable("w", Normal(), axes=ROW)
X = RandomVariable("x", Uniform(0, 1), axes=ROW)
U = RandomVariable("u", Unknown(mean=sp.Symbol("mu", real=True)), axes=ROW)
Y = RandomVariable("y", Uniform(0, 1))
S = RandomVariable("s", Rademacher(), axes=ROW)
ANY = RandomVariable("any", Unknown())
TABLE = RandomVector("t", Empirical([[1, 2], [3, 5], [2, 2]]))
Q = RandomVector("q", Orthogonal(3))
ONE = Scalar(1)
HALF = sp.Rational(1, 2)
SOMETIMES_ZERO = RandomVariable("g", Mixture([Constant(0), Normal()], [HALF, HALF]))


def verdict(test, *args):
    return test(Structure(), *args).verdict


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((W, X), "proven"),
        ((W, W * X), "refuted"),  # E w^4 x^2 is not E w^2 E w^2 x^2
        ((Y, relu(Y)), "unknown"),
        ((S, S * W), "unknown"),  # indeed independent, although they share s
        ((W[A], sum_over(ROW, W)), "unknown"),
        ((W, X, Y, S, U), "proven"),
    ],
)
def test_independence(parts, expected):
    assert verdict(assume.independent, *parts) == expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (W, "proven"),
        (X, "refuted"),
        (U, "unknown"),
        (W * X, "proven"),
        (W * U + S, "proven"),
        (sum_over(ROW, W * U), "proven"),
        (sum_over(ROW, W * U) + 1, "unknown"),
        (sum_over(ROW, W) * W[A], "unknown"),  # its mean is 1
        (S**3 * Y, "proven"),
        (Q.at(j=0, i=1), "proven"),
    ],
)
def test_zero_mean(subject, expected):
    assert verdict(assume.zero_mean, subject) == expected


def bound(e):
    """Return a sum along i, to ask about its places."""
    return sum_over(ROW, e)


@pytest.mark.parametrize(
    ("body", "leaf", "expected"),
    [
        (W * X, W, "proven"),
        (W * Y, Y, "refuted"),  # one and the same at all places
        (X * U, U, "proven"),
    ],
)
def test_no_correlation_along_an_axis(body, leaf, expected):
    total = bound(body)
    at_the_bound_place = next(child for child in total.body.children if child.variable == leaf.variable)
    assert verdict(assume.uncorrelated_along, at_the_bound_place, total.index) == expected


def test_joint_variables_say_themselves_whether_they_are_uncorrelated_and_alike():
    row = sum_over(Q.variable.axes[1], Q)
    assert verdict(assume.uncorrelated_along, row.body, row.index) == "proven"
    assert verdict(assume.one_along, row.body, row.index, "variance") == "proven"
    columns = sum_over(TABLE.axis, TABLE)
    assert verdict(assume.uncorrelated_along, columns.body, columns.index) == "refuted"
    assert verdict(assume.one_along, columns.body, columns.index, "variance") == "refuted"
    assert verdict(assume.alike, (columns,), ONE) == "refuted"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (W * X, "proven"),
        (W * Y, "refuted"),  # E y^2 is not (E y)^2, and w is the same law at both places
        (relu(W + Y), "unknown"),
    ],
)
def test_independent_copies(body, expected):
    assert verdict(assume.independent_copies, bound(body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [(W * X, "proven"), (W * W[A], "refuted"), (relu(W + W[A]), "unknown"), (W[A] * X, "unknown")],
)
def test_places_alike(body, expected):
    total = bound(body)
    assert verdict(assume.alike, (total,), ONE) == expected
    # Where named places are counted apart, the others are alike.
    assert assume.alike(Structure(), (total,), ONE, named_apart=True).verdict == "proven"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (W * X, X, "proven"),  # w is centered, and only on one side
        (X, W * X, "proven"),
        (W**3 * X, W**2, "proven"),  # odd against even
        (sum_over(ROW, W * X), Y, "proven"),
        (X, Y, "refuted"),
        (W, W, "refuted"),
        (X, U, "unknown"),
        (sum_over(ROW, W), W[A], "unknown"),
    ],
)
def test_orthogonality(left, right, expected):
    assert verdict(assume.orthogonal, left, right) == expected


@pytest.mark.parametrize(
    ("subject", "rest", "expected"),
    [
        (W, ONE, "proven"),
        (sum_over(ROW, W * X), sum_over(ROW, X), "proven"),
        (X, ONE, "refuted"),
        (U, ONE, "unknown"),
        (RandomVariable("v", Unknown(symmetric=False)), ONE, "refuted"),  # no third moment is declared
        (W, W, "unknown"),
    ],
)
def test_sign_symmetry(subject, rest, expected):
    structure = Structure()
    flips = (f for f in structure.odd_flips(subject) if structure.parity(rest, f) == 1)
    assert assume.sign_flip(structure, subject, rest, next(flips, None)).verdict == expected


@pytest.mark.parametrize(
    ("subject", "rest", "expected"),
    [
        (W, ONE, "proven"),
        (S, ONE, "proven"),
        (RandomVariable("c", Bernoulli(HALF)), ONE, "refuted"),
        (SOMETIMES_ZERO, ONE, "refuted"),
        (ANY, ONE, "unknown"),
        (W * X, ONE, "proven"),
        (W * ANY, ONE, "unknown"),
        (relu(W), ONE, "unknown"),
        (relu(W), relu(W), "proven"),  # harmless where its gate is a factor
        (sum_over(ROW, W * X), ONE, "proven"),
        (sum_over(ROW, W * relu(S)), ONE, "unknown"),  # a dead layer
        (sum_over(ROW, W * relu(S)), relu(S[A]), "proven"),
        (W + Y, ONE, "proven"),
        (S[A] + S[B], ONE, "unknown"),  # 0 half of the time
    ],
)
def test_no_atom_at_zero(subject, rest, expected):
    assert verdict(assume.no_atom_at_zero, subject, rest) == expected


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [(W, "proven"), (X, "refuted"), (RandomVariable("w", Normal(mean=1)), "refuted"), (U, "refuted")],
)
def test_normality(leaf, expected):
    assert verdict(assume.gaussian, leaf) == expected


def test_sentences_name_their_subjects():
    found = assume.independent(Structure(), W, X)
    assert str(found) == "w_i is independent of x_i"
    assert found.latex() == "$w_{i}$ is independent of $x_{i}$"
    many = assume.independent(Structure(), *(RandomVariable(f"x{k}", Normal()) for k in range(9)))
    assert str(many) == "x0, x1, x2, ..., x8 are independent"
    flip = Structure().odd_flips(sum_over(ROW, W * X))[0]
    symmetric = assume.sign_flip(Structure(), sum_over(ROW, W * X), X[A], flip)
    assert str(symmetric) == "sum_i w_i*x_i is symmetric about zero, by the signs of w, whatever x_i1 is"


def test_the_mean_of_a_monomial_is_a_product_only_of_different_variables():
    shifted = RandomVariable("y", Normal(mean=1))
    assert assume.exact_mean(Y**2 * shifted**3) == HALF * sp.Rational(2, 3) * 4  # 1/3 * (1 + 3)
    assert assume.exact_mean(Y * relu(Y)) is None


def test_pairwise_orthogonality_shows_the_first_and_the_last_addend():
    found = pairwise_orthogonal(Structure(), (W * Y, W[A] * X, X), ONE)
    assert found.subjects == (W * Y, X)
    assert found.verdict == "proven"
