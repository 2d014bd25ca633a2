"""Averages over the rows of a table: the number, its proven bound, and what the proof says about it."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from varprop import (
    DerivationError,
    Empirical,
    Mean,
    MomentError,
    Normal,
    RandomVariable,
    RandomVector,
    abs_,
    derive,
    relu,
    sum_over,
)
from varprop.derivation.quantities import CentralMoment, Covariance, Cumulant, Kurtosis, Skewness, Variance
from varprop.derivation.rules.tables import row_average
from varprop.model.distributions import FrozenScipy
from varprop.model.expressions import Scalar

DATA = np.random.default_rng(3).normal(size=(40, 3)) * [1e-3, 1, 1e3] + 1
ROWS = [[Fraction(cell) for cell in row] for row in DATA.tolist()]
X = RandomVector("x", Empirical(DATA))
FIRST, LAST = X[0], X[2]


def positive(value):
    return max(value, Fraction(0))


CASES = {
    "a power": (FIRST**3, lambda row: row[0] ** 3),
    "a product": (FIRST * LAST**2 / 3, lambda row: row[0] * row[2] ** 2 / 3),
    "addends": ((FIRST - 2 * LAST + 1) ** 2, lambda row: (row[0] - 2 * row[2] + 1) ** 2),
    "a sum": (sum_over(X.axis, X) ** 2, lambda row: sum(row) ** 2),
    "a sum of squares": (sum_over(X.axis, X**2), lambda row: sum(cell**2 for cell in row)),
    "a sum with an entry": (sum_over(X.axis, X * FIRST), lambda row: sum(row) * row[0]),
    "relu": (relu(FIRST - LAST) ** 2, lambda row: positive(row[0] - row[2]) ** 2),
    "relu of a sum": (relu(sum_over(X.axis, -X)), lambda row: positive(-sum(row))),
    "size": (abs_(LAST) * FIRST, lambda row: abs(row[2]) * row[0]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_average_is_exact_within_its_bound(name):
    expression, of = CASES[name]
    each = [of(row) for row in ROWS]
    exact = sum(each) / len(each)
    found = row_average(expression)
    assert abs(Fraction(found.value) - exact) <= Fraction(found.bound)
    assert found.bound <= 1e-12 * float(sum(map(abs, each)) / len(each)) * (1e4 if "addends" in name else 1)
    assert found.standard_error == pytest.approx(np.std([float(x) for x in each], ddof=1) / np.sqrt(40))
    proof = derive(Mean(expression))
    assert float(proof.result) == pytest.approx(float(exact), rel=1e-12)
    assert proof.precision == "enclosure"


def test_the_bound_counts_every_rounding_of_a_power():
    x = RandomVector("x", Empirical([[0.1], [0.7]]))
    found = row_average(x[0] ** 40)
    exact = sum(Fraction(cell) ** 40 for cell in (0.1, 0.7)) / 2
    assert found.bound >= 40 * 2.0**-53 * float(exact)
    assert abs(Fraction(found.value) - exact) <= Fraction(found.bound)


def test_a_number_counts_as_one_rounding():
    assert row_average(FIRST * Scalar(2)).value == 2 * row_average(FIRST).value


def test_an_arbitrary_place_of_one_column_is_that_column():
    x = RandomVector("x", Empirical([[1], [2], [6]]))
    (place,) = x.axis.places(1)
    assert float(derive(Mean(x[place] ** 3)).result) == 75 == float(derive(Mean(x[0] ** 3)).result)
    assert float(derive(Mean(sum_over(x.axis, x * x[place]))).result) == pytest.approx(41 / 3)


def shown_bound(note):
    return float(note.split("round-off below ")[1].split(";")[0])


def test_the_proof_says_what_the_average_is_for_the_population():
    proof = derive(Mean(FIRST**2))
    (line,) = proof.steps
    (note,) = line.notes
    found = row_average(FIRST**2)
    assert "exact for the table" in note
    assert f"standard error {found.standard_error:.2g}" in note
    assert found.bound <= shown_bound(note) <= 2 * found.bound


def test_a_numeric_distribution_shows_the_error_of_its_variance():
    stats = pytest.importorskip("scipy.stats")
    law = FrozenScipy(stats.lognorm(1))
    assert law.moment_error(2) > 2 * law.moment_error(1)
    proof = derive(Variance(RandomVariable("x", law)))
    largest = law.moment_error(2, central=True)
    assert any(f"error estimate {largest:.1g}" in note for note in proof.notes)
    assert proof.precision == "estimate"


@pytest.mark.parametrize(("columns", "named"), [(64, True), (65, False)])
def test_a_sum_is_opened_place_by_place_up_to_sixty_four(columns, named):
    x = RandomVector("x", Empirical(np.arange(2.0 * columns).reshape(2, columns)))
    y = RandomVariable("y", Normal(mean=1), axes=x.axis)
    noun = Mean(sum_over(x.axis, x * y**2))
    if named:
        assert float(derive(noun).result) == pytest.approx(2 * columns * (2 * columns - 1) / 2)
    else:
        with pytest.raises(DerivationError, match="one law at every place"):
            derive(noun)


def test_constants_leave_a_covariance_whatever_their_product():
    x, y = RandomVariable("x", Normal()), RandomVariable("y", Normal(mean=1))
    for s, t in ((2, 2), (2, sp.Rational(1, 2)), (-1, -1), (3, 1)):
        proof = derive(Covariance(s * x, t * x * y))
        assert proof.result == s * t
        if s * t != 1:
            assert proof.steps[0].rule.name == "constants in a covariance"


ROUNDINGS = {
    "an entry": (FIRST, 0, lambda row: row[0]),
    "a power": (FIRST**3, 1 + 3 * 2, lambda row: row[0] ** 3),
    "a product with a number": (FIRST * LAST**2 / 3, 1 + 2 + 2 * 2, lambda row: row[0] * row[2] ** 2 / 3),
    "relu of an entry": (relu(LAST) ** 2, 1 + 2 * (3 + 2), lambda row: row[2] ** 2),
    "a sum over the columns": (sum_over(X.axis, X), 3, lambda row: sum(map(abs, row))),
    "an entry and a number": (LAST + 2, 2 + 1, lambda row: abs(row[2]) + 2),
    "addends that cancel": (FIRST - X[1] + 2, 3 + 2 + 2, lambda row: abs(row[0]) + abs(row[1]) + 2),
}


@pytest.mark.parametrize("name", ROUNDINGS)
def test_the_bound_is_roundings_times_sizes(name):
    """Roundings on the longest path, of the sum over the rows and of the division; two percent more."""
    expression, roundings, size = ROUNDINGS[name]
    sizes = float(sum(abs(size(row)) for row in ROWS) / len(ROWS))
    unit = sizes * float(np.finfo(np.float64).eps)
    found = row_average(expression).bound / unit
    assert roundings + len(ROWS) + 1 <= found <= (roundings + len(ROWS) + 1) * 1.03


@pytest.mark.parametrize("power", [2, 3, 4])
@pytest.mark.parametrize("column", range(3))
def test_the_bound_of_a_central_power_is_the_propagated_error(column, power):
    """To first order: the round-off of a distance from the mean, times the slope, and that of the power."""
    cells = [row[column] for row in ROWS]
    eps, rows = float(np.finfo(np.float64).eps), len(cells)
    mean = sum(cells) / rows
    apart = [abs(float(cell - mean)) for cell in cells]
    size = float(sum(map(abs, cells)) / rows)
    found = row_average(X[column], power)
    assert abs(Fraction(found.value) - sum((cell - mean) ** power for cell in cells) / rows) <= found.bound
    errors = [eps * (size * (rows + 1) + distance) for distance in apart]
    slopes = [power * distance ** (power - 1) for distance in apart]
    powers = (power + rows + 2) * eps * sum(distance**power for distance in apart)
    least = (float(np.dot(slopes, errors)) + powers) / rows
    assert least <= found.bound <= 1.03 * least


def test_the_bound_of_a_fourth_cumulant_holds_where_all_digits_of_the_variance_cancel():
    cells = [1e8, 1e8 + 1.5e-8, 1e8 + 1e-7, 1e8 - 3e-8]
    x = RandomVector("x", Empirical([[cell] for cell in cells]))
    mean = sum(map(Fraction, cells)) / 4
    second, fourth = (sum((Fraction(cell) - mean) ** k for cell in cells) / 4 for k in (2, 4))
    proof = derive(Cumulant(x[0], 4))
    ((note,),) = (line.notes for line in proof.steps)
    bound = shown_bound(note)
    assert abs(Fraction(float(proof.result)) - (fourth - 3 * second**2)) <= bound
    variance, power = row_average(x[0], 2), row_average(x[0], 4)
    assert variance.bound > 2 * variance.value
    worst = power.bound + 3 * ((variance.value + variance.bound) ** 2 - variance.value**2)
    assert worst <= bound <= 2 * worst


@pytest.mark.parametrize("order", [2, 3, 4])
def test_a_cumulant_of_a_table_is_averaged_about_its_mean(order):
    """With a mean of 1e8 all digits of raw moments of a spread of 1 would cancel from order 3 on."""
    cells = [1e8, 1e8 + 1, 1e8 + 3, 1e8 + 3.5]
    mean = sum(map(Fraction, cells)) / 4
    second, same = (sum((Fraction(cell) - mean) ** k for cell in cells) / 4 for k in (2, order))
    exact = same - 3 * second**2 if order == 4 else same
    proof = derive(Cumulant(RandomVector("x", Empirical([[cell] for cell in cells]))[0], order))
    (line,) = proof.steps
    assert line.rule.name == "average over the rows"
    assert abs(Fraction(float(proof.result)) - exact) <= shown_bound(line.notes[0]) <= 1e-5


@pytest.mark.parametrize("large", [1e155, 1e200, 1e308])
@pytest.mark.parametrize("quantity", [Variance, lambda e: Mean(e**2), lambda e: CentralMoment(e, 4)])
def test_what_leaves_float64_is_refused_and_never_infinite(large, quantity):
    x = RandomVector("x", Empirical([[large, 1.0], [-large, 2.0]]))
    with pytest.raises(MomentError, match=r"beyond the range of float64\. Rescale"):
        derive(quantity(x.at(i=0) + x.at(i=1)))
    assert float(derive(Mean(x.at(i=1))).result) == 1.5


def test_a_sum_that_leaves_float64_is_refused():
    table, wide = Empirical([[1e308, 1e308], [1e308, 1e308]]), Empirical([[8e307] * 5] * 2)
    assert wide.moment({0: 1}).value == 8e307
    for ask in (lambda: table.moment({0: 1}), lambda: wide.total_moment(1), lambda: table.moment({0: 2})):
        with pytest.raises(MomentError, match=r"beyond the range of float64\. Rescale"):
            ask()


def test_what_falls_below_float64_lies_within_its_bound():
    data = [[1e-200, 3e-200], [2e-200, 1e-200]]
    x = RandomVector("x", Empirical(data))
    for e, truth in (
        (x.at(i=0) ** 2, Fraction(data[0][0]) ** 2 + Fraction(data[1][0]) ** 2),
        (10**300 * (x.at(i=0) * x.at(i=1) + 0), sum(10**300 * Fraction(a) * Fraction(b) for a, b in data)),
    ):
        found = row_average(e)
        assert abs(Fraction(found.value) - truth / 2) <= Fraction(found.bound) < Fraction(1, 10**6)
    spread = row_average(x.at(i=0), central=2)
    assert 0 < (Fraction(data[0][0]) - Fraction(data[1][0])) ** 2 / 4 <= Fraction(spread.bound)


def test_the_standard_error_of_a_large_table_is_finite():
    found = row_average(RandomVector("x", Empirical([[1e200, 0.0], [3e200, 0.0]])).at(i=0))
    assert found.standard_error == pytest.approx(1e200, rel=1e-12)


@pytest.mark.parametrize("unit", [1.0, 1e-60, 1e-80, 1e-100, 1e-160, 1e-300])
def test_quotients_of_central_moments_keep_their_digits_below_float64(unit):
    """Distances -2, -1, 1, 2 have Var = 5/2 and mu_4 = 17/2; the unit falls out of the quotient."""
    column = RandomVector("x", Empirical([[cell * unit] for cell in (1.0, 2.0, 4.0, 5.0)]))[0]
    assert float(derive(Kurtosis(column)).result) == pytest.approx(8.5 / 2.5**2, rel=1e-12)
    assert float(derive(Skewness(column)).result) == pytest.approx(0, abs=1e-12)
    proof = derive(Variance(column))
    assert float(proof.result / sp.Rational(unit) ** 2) == pytest.approx(2.5, rel=1e-12)
    assert "= 2.5" in proof.steps[0].notes[0]
