"""What single rules read, claim and leave over, and what their parts answer."""

import copy
import pickle

import pytest
import sympy as sp

from varprop import (
    Axis,
    Empirical,
    Normal,
    Orthogonal,
    Rademacher,
    RandomVariable,
    RandomVector,
    Unknown,
    abs_,
    derive,
    relu,
    relu2,
    step,
    sum_over,
    tanh,
)
from varprop.derivation.quantities import CentralMoment, Cumulant, Mean, Skewness, Variance, nouns
from varprop.derivation.rules import RULES
from varprop.derivation.rules.addends import (
    MOST_CROSS_TERMS,
    independent_addends,
    orthogonal_addends,
    pairwise_orthogonal,
    uncorrelated_addends,
)
from varprop.derivation.rules.gaussian import (
    all_normal,
    given_inputs,
    linear_law,
    linear_normal,
    normal_parts,
)
from varprop.derivation.rules.means import (
    activation_value,
    linearity,
    place_by_place,
    vanishing_factor,
    variable_value,
)
from varprop.derivation.rules.tables import average_over_rows, row_average
from varprop.derivation.rules.worlds import axis, normal, table_row, uneven_weights, uniform
from varprop.derivation.structure import Structure
from varprop.errors import MomentError
from varprop.model.expressions import Add, Scalar
from varprop.render.rounding import upward

NAMED = {rule.name: rule for rule in RULES}
ALONG, WIDTH = axis("i"), Axis("j", "n")
X, Y, P, A, B = uniform("x"), uniform("y"), uniform("p"), normal("a"), normal("b", variance=2)
V = sp.Symbol("v", positive=True)


def read(rule, noun):
    return list(rule.match(noun, Structure()))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_survives_storage_as_itself(rule):
    assert pickle.loads(pickle.dumps(rule)) is rule
    assert copy.deepcopy(rule) is rule


def test_the_rules_whose_formulas_are_values():
    values = {rule for rule in RULES if rule.is_value}
    assert all(not nouns(rule.formula(**rule.example())) for rule in values)
    assert {rule.name for rule in values} == {
        "a constant does not vary",
        "a sum of normals is normal",
        "activation of a known distribution",
        "average over the rows",
        "moments of the distributions",
    }


def test_a_sum_of_centered_weights_is_orthogonal_to_what_stands_beside_it():
    """Nothing is known of the signs of u, and the last term holds the second."""
    total = sum_over(ALONG, RandomVariable("u", Unknown(), axes=ALONG) * uniform("x", ALONG))
    terms = (P, total, total * A)
    assert pairwise_orthogonal(Structure(), terms, Y).verdict == "proven"
    assert pairwise_orthogonal(Structure(), terms, Y + total).verdict != "proven"


def test_nested_sums_are_read_in_their_groups_too():
    grouped = (X + X * A) + B
    assert [len(parts["terms"]) for parts in read(independent_addends, Variance(grouped))] == [3, 2]
    assert [len(parts["terms"]) for parts in read(independent_addends, Variance(X + B))] == [2]
    assert derive(Variance(grouped)).result == sp.Rational(1, 12) + sp.Rational(1, 3) + 2


@pytest.mark.parametrize("noun", [Mean(X + B), Variance(X), Cumulant(X + B, 2)])
def test_only_variances_of_sums_are_read_as_uncorrelated_addends(noun):
    assert read(uncorrelated_addends, noun) == []


@pytest.mark.parametrize("noun", [Mean(X**2 * Y), Mean((X + B) ** 3), Variance(X + B)])
def test_only_squares_of_sums_are_read_as_orthogonal_addends(noun):
    assert read(orthogonal_addends, noun) == []


def test_a_pair_is_tried_in_both_orders():
    """Of p, ap, abp only the last has a centered factor of its own, and p ap needs that of its second."""
    terms = (P, A * P, A * B * P)
    for rest in (Scalar(1), Y):
        assert pairwise_orthogonal(Structure(), terms, rest).verdict == "proven"
    assert pairwise_orthogonal(Structure(), terms, A).verdict != "proven"
    assert derive(Mean((P + A * P + A * B * P) ** 2 * Y)).result == sp.Rational(1, 3) * (1 + 1 + 2) / 2


@pytest.mark.parametrize("count", [2, MOST_CROSS_TERMS, MOST_CROSS_TERMS + 1])
def test_what_a_formula_leaves_out_is_its_remainder(count):
    """E (sum x_k)^2 y = (n E x^2 + n (n-1) (E x)^2) E y, and Var of all alike is n^2 Var x."""
    terms = tuple(uniform(f"x{k}") for k in range(count))
    parts = {"total": Add.of(terms), "terms": terms, "rest": Y}
    (requirement,) = orthogonal_addends.requirements
    whole = orthogonal_addends.formula(**parts) + requirement.remainder(**parts)
    truth = (sp.Rational(count, 3) + sp.Rational(count * (count - 1), 4)) / 2
    assert sum(derive(part).result for part in sp.Add.make_args(whole)) == truth
    alike = tuple((k + 1) * X for k in range(count))
    for rule, parts in (
        (uncorrelated_addends, {"total": Add.of(alike), "terms": alike}),
        (independent_addends, {"noun": Variance(Add.of(alike)), "terms": alike}),
    ):
        (requirement,) = rule.requirements
        whole = rule.formula(**parts) + requirement.remainder(**parts)
        truth = sp.Rational(sum(range(count + 1)) ** 2, 12)
        assert sum(derive(part).result for part in sp.Add.make_args(whole)) == truth


def test_a_product_of_one_group_is_not_taken_apart():
    assert read(NAMED["variance of a product"], Variance(X * (X + B))) == []
    assert len(read(NAMED["variance of a product"], Variance(X * B))) == 1


@pytest.mark.parametrize(
    "noun",
    [Cumulant(X + 3, 2), Cumulant(X + 3, 3), CentralMoment(X + 3, 3), Skewness(X + 3)],
)
def test_a_shift_is_taken_out(noun):
    assert len(read(NAMED["constants move out"], noun)) == 1


def test_the_law_of_a_sum_counts_the_copies_of_numbers():
    n = WIDTH.size
    assert linear_law(sum_over(WIDTH, 2 * normal("x", WIDTH) + 3)) == (3 * n, 4 * n, True)
    assert linear_law(sum_over(ALONG, sum_over(WIDTH, normal("x", WIDTH) + 3)))[0] == 12 * n


def test_only_a_jump_asks_whether_the_sum_varies():
    still = RandomVariable("x", Normal(variance=sp.Symbol("s", nonnegative=True)))
    assert [all_normal(Structure(), phi, still).verdict for phi in (relu, step)] == ["proven", "unknown"]
    assert [all_normal(Structure(), phi, A).verdict for phi in (relu, step)] == ["proven", "proven"]
    assert all_normal(Structure(), relu, A + X).verdict == "refuted"


def test_the_addends_inside_a_sum_have_to_be_independent():
    x, y = normal("x", ALONG), normal("y", ALONG)
    assert normal_parts(Structure(), sum_over(ALONG, x + y)).verdict == "proven"
    assert normal_parts(Structure(), sum_over(ALONG, x + (x + y))).verdict != "proven"
    truth = 4 * (4 + 1)  # Var(2x + y), four times
    assert derive(Mean(abs_(sum_over(ALONG, x + (x + y))) ** 2)).result == truth


@pytest.mark.parametrize(
    ("rule", "argument", "name"), [(linear_normal, A + B, "z"), (activation_value, X, "x")], ids=str
)
def test_a_claim_holds_the_power_of_the_argument(rule, argument, name):
    (parts,) = read(rule, Mean(tanh(argument) ** 2 * argument**3))
    assert (parts["k"], parts["times"], parts[name]) == (2, 3, argument)
    assert rule.claim(**parts) == Mean(tanh(argument) ** 2 * argument**3)


@pytest.mark.parametrize(("power", "count"), [(1, 1), (2, 1), (3, 0)])
def test_limits_in_law_are_read_up_to_the_second_moment(power, count):
    z = sum_over(WIDTH, normal("w", WIDTH) * uniform("x", WIDTH))
    assert len(read(NAMED["the Gaussian limit"], Mean(relu(z) ** power))) == count


@pytest.mark.parametrize(("e", "count"), [(X, 0), (X * Y, 0), (2 * X, 1), (X + B, 1), (Scalar(2), 1)])
def test_means_are_opened_where_something_can_be_taken_out(e, count):
    assert len(read(linearity, Mean(e))) == count


@pytest.mark.parametrize("e", [X**2 * B, relu(X) * B])
def test_a_vanishing_factor_is_one_variable(e):
    assert [parts["factor"] for parts in read(vanishing_factor, Mean(e))] == [B]


def test_places_of_other_axes_may_stay_arbitrary():
    w, y = uneven_weights("w"), uniform("y", WIDTH)
    noun = Mean(sum_over(w.axis, w**2 * y))
    assert len(read(place_by_place, noun)) == 1
    assert derive(noun).result == sp.Rational(1 + 4 + 9, 2)


def test_even_parts_are_read_where_they_are_polynomials():
    assert read(NAMED["the even part counts"], Mean(relu(B) * B**2)) == []
    assert read(NAMED["the even part counts"], Mean(tanh(B) ** 2)) == []
    assert len(read(NAMED["the even part counts"], Mean(relu(B) ** 2 * Y))) == 1


@pytest.mark.parametrize("signs", [(0,), (1,), (0, 1)])
def test_all_weights_have_to_be_normal(signs):
    """One of two weights that is a sign is found wherever it stands."""
    laws = [Rademacher() if k in signs else "Normal()" for k in range(2)]
    weights = tuple(RandomVariable(f"w{k}", law, axes=ALONG) for k, law in enumerate(laws))
    test = given_inputs.requirements[0].test
    assert test(Structure(), neurons=(), weights=weights, rest=Scalar(1)).verdict != "proven"
    normals = tuple(normal(f"v{k}", ALONG) for k in range(2))
    assert test(Structure(), neurons=(), weights=normals, rest=Scalar(1)).verdict == "proven"


def test_of_entries_only_second_moments_are_read():
    entry = RandomVector("W", Orthogonal(3))[0, 1]
    assert variable_value.formula(noun=Cumulant(entry, 2)) == sp.Rational(1, 3)
    for order in (1, 3):
        with pytest.raises(MomentError, match="only second moments"):
            variable_value.formula(noun=Cumulant(entry, order))


def test_the_bound_of_a_fourth_cumulant_counts_both_parts():
    """mu_4 - 3 v^2 with v off by b moves by at most 3 b (2 v + b)."""
    signs = RandomVector("x", Empirical([[1.0], [-1.0], [3.0], [-3.0]]))[0]
    fourth, second = row_average(signs, 4), row_average(signs, 2)
    bound = fourth.bound + 3 * second.bound * (2 * second.value + second.bound)
    (parts,) = read(average_over_rows, Cumulant(signs, 4))
    assert f"round-off below {upward(bound)};" in average_over_rows.note(**parts)
    assert len({upward(bound * factor) for factor in (0.7, 1, 1.3)}) == 3


def test_the_bound_of_a_central_moment_is_near_the_rounding():
    x = RandomVector("x", Empirical([[1.0, 0.1], [2.0, 0.7], [4.0, -0.3]]))
    found = row_average(3 * x[0] + x[1], 2)
    assert 0 < found.bound < 1e-13 * found.value


def test_the_bound_of_a_square_is_that_of_its_size():
    found = row_average(relu2(RandomVector("x", Empirical([[1e8], [3e8]]))[0]))
    assert found.value == 5e16 and found.bound > 1e-16 * found.value


@pytest.mark.parametrize(
    ("noun", "central"),
    [
        (lambda x: Mean(x**2), None),
        (Variance, 2),
        (lambda x: CentralMoment(x, 5), 5),
        (lambda x: Cumulant(x, 2), 2),
        (lambda x: Cumulant(x, 3), 3),
        (lambda x: Cumulant(x, 4), 4),
        (lambda x: Cumulant(x, 5), "unread"),
        (Skewness, "unread"),
        (lambda x: Mean(V * x), "unread"),
        (lambda x: Mean(x + V), "unread"),
        (lambda x: Mean(tanh(x)), "unread"),
        (lambda x: Mean(relu(x)), None),
    ],
)
def test_rows_are_averaged_where_numbers_can_be_computed(noun, central):
    found = [parts["central"] for parts in read(average_over_rows, noun(table_row("x")[0]))]
    assert found == ([] if central == "unread" else [central])


def test_an_entry_of_uneven_weights_needs_its_place():
    with pytest.raises(MomentError, match="Name a place"):
        uneven_weights("w").distribution.entry_moment(2)
