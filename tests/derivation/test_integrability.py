"""No number where a moment does not exist: nothing is called zero before its mean is known to exist."""

import pytest
import sympy as sp

import varprop as vp
from varprop.derivation.integrability import has_mean, powers_in
from varprop.derivation.structure import Structure
from varprop.model.activations import Activation

i, k = vp.Axis("i", "n"), vp.Axis("k", 3)


def student(dof, name="x", axes=()):
    return vp.RandomVariable(name, vp.StudentT(dof), axes=axes)


def unknown(name="u", axes=(), **declared):
    return vp.RandomVariable(name, vp.Unknown(**declared), axes=axes)


w, x = vp.RandomVariable("w", "Normal()"), student(1)
w_i, x_i = vp.RandomVariable("w", "Normal()", axes=i), student(1, axes=i)
NOWHERE = {
    "mean": lambda: vp.Mean(x),
    "odd power": lambda: vp.Mean(student(3) ** 3),
    "skewness": lambda: vp.Skewness(student(3)),
    "third cumulant": lambda: vp.Cumulant(student(3), 3),
    "product": lambda: vp.Mean(w * x),
    "product with a square": lambda: vp.Mean(w * student(2) ** 2),
    "sum of products": lambda: vp.Mean(vp.sum_over(i, w_i * x_i)),
    "sum in a product": lambda: vp.Mean(w * vp.sum_over(i, x_i)),
    "sum of sums": lambda: vp.Mean(vp.sum_over(i, w_i * vp.sum_over(k, x_i * student(3, "y", k)))),
    "difference of copies": lambda: vp.Mean(x - student(1, "y")),
    "size": lambda: vp.Mean(vp.abs_(x) * x),
    "ReLU": lambda: vp.Mean(vp.relu(x)),
    "ReLU of a product": lambda: vp.Mean(vp.relu(w * x) * w),
    "squared ReLU of an odd power": lambda: vp.Mean(w * vp.relu2(student(4)) ** 2),
    "first cumulant": lambda: vp.Cumulant(w * x, 1),
    "first central moment": lambda: vp.CentralMoment(x, 1),
    "covariance of independent ones": lambda: vp.Covariance(x, student(1, "y")),
    "covariance by a weight": lambda: vp.Covariance(w * (y := student(2)), y),
    "covariance with a number": lambda: vp.Covariance(3, x),
    "two places": lambda: vp.Mean(x_i[i.places(2)[0]] * x_i[i.places(2)[1]]),
    "in a mixture": lambda: vp.Mean(w * vp.RandomVariable("m", vp.Mixture([vp.Normal(), vp.StudentT(1)]))),
    "a negative part": lambda: vp.Mean(w * vp.RandomVariable("r", vp.Rectified(vp.StudentT(1)))),
}
UNSAID = {
    "symbolic degrees of freedom": (lambda: vp.Mean(student("nu")), "exceeds 1"),
    "their third moment": (lambda: vp.Mean(student("2 + a") ** 3), "exceeds 3"),
    "an undeclared power": (lambda: vp.Mean(w * unknown() ** 3), "third_moment="),
    "an undeclared odd power": (lambda: vp.Mean(unknown(symmetric=True) ** 5), r"moments=\{5: ...\}"),
    "skewness of a neuron": (
        lambda: vp.Skewness(vp.neuron(weights=vp.Normal(), inputs=vp.Unknown(), fan_in="n")),
        "third_moment=",
    ),
}


@pytest.mark.parametrize("quantity", NOWHERE.values(), ids=NOWHERE)
def test_a_moment_that_does_not_exist_is_no_number(quantity):
    with pytest.raises(vp.MomentError, match="does not exist") as refused:
        vp.derive(quantity())
    assert "dof >" in refused.value.remedy


@pytest.mark.parametrize(("quantity", "remedy"), UNSAID.values(), ids=UNSAID)
def test_what_may_not_exist_is_no_number_either(quantity, remedy):
    with pytest.raises(vp.MomentError, match=remedy):
        vp.derive(quantity())


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        (lambda: vp.Mean(student("1 + a")), 0),
        (lambda: vp.Mean(w * student(3) ** 2), 0),
        (lambda: vp.Mean(w * unknown(fourth_moment=3) ** 3), 0),
        (lambda: vp.Mean(unknown(symmetric=True, moments={6: 15}) ** 5), 0),
        (lambda: vp.Mean(w_i[i.places(1)[0]] * unknown("u", i)[i.places(1)[0]] * unknown("v") ** 2), 0),
        (lambda: vp.Mean(vp.step(x)), sp.Rational(1, 2)),
        (lambda: vp.Covariance(vp.step(x), student(1, "y") * 0 + w), 0),
        (lambda: vp.Covariance(3, student(2)), 0),
    ],
)
def test_a_zero_that_exists_is_found(quantity, value):
    assert vp.derive(quantity()).result == value


def test_places_apart_need_lower_moments():
    """E[w u_1 u_2] needs a mean of u only, E[w (sum_i u_i)^2] its second moment."""
    u = student(2, "u", i)
    first, second = i.places(2)
    assert vp.derive(vp.Mean(w * u[first] * u[second])).result == 0
    with pytest.raises(vp.MomentError, match=r"E X\^2|E\|u\|\^2"):
        vp.derive(vp.Mean(w * vp.sum_over(i, u) ** 2))


def test_powers_are_counted_by_place():
    u = unknown("u", i)
    first, second = i.places(2)
    structure = Structure()
    total = vp.sum_over(i, u)
    e = (u[first] ** 2 + u[first] * w**5) * vp.relu2(u[second]) * total**3
    powers = powers_in(structure, e)
    assert {places[0]: power for (_, places), power in powers.items()} == {first: 2, second: 2, None: 3}
    assert powers_in(structure, w**4) == {}  # a normal variable has all moments
    assert has_mean(structure, u[first] ** 2)
    assert not has_mean(structure, u[first] ** 2 * total)


class Cube(Activation):
    """An activation of a user, odd, of a growth that is or is not declared."""

    name = "cube"
    parity = "odd"

    def value(self, x):
        return x**3

    def derivative(self, x):
        return 3 * x**2


class DeclaredCube(Cube):
    growth = 3


def test_an_activation_states_how_it_grows():
    with pytest.raises(vp.MomentError, match="growth of cube") as refused:
        vp.derive(vp.Mean(w_i * Cube()(w)))
    assert "growth" in refused.value.remedy
    assert vp.derive(vp.Mean(DeclaredCube()(w))).result == 0
    assert vp.derive(vp.Mean(DeclaredCube()(student(4)))).result == 0
    with pytest.raises(vp.MomentError, match="dof > 3"):
        vp.derive(vp.Mean(DeclaredCube()(student(3))))
    assert Cube()(vp.Normal()).moment_exists(1) is None
    assert DeclaredCube()(vp.StudentT(4)).moment_exists(1) is True
    with pytest.raises(vp.MomentError, match="growth"):
        Cube()(vp.Normal()).moment(1)


def test_numeric_laws_say_which_orders_they_have():
    stats = pytest.importorskip("scipy.stats")
    law = vp.FrozenScipy(stats.t(4))
    assert law.moment_exists(3) is True
    assert law.moment_exists(4) is False
    assert law.moment_exists(10**9) is None
    y = vp.RandomVariable("y", law)
    assert vp.derive(vp.Mean(w * y**3)).result == 0
    with pytest.raises(vp.MomentError, match="does not exist"):
        vp.derive(vp.Mean(w * y**4))


def test_entries_of_tables_and_matrices_have_all_moments():
    table = vp.RandomVector("x", vp.Empirical([[1.0, 2.0], [3.0, 5.0]]))
    assert vp.derive(vp.Mean(w * vp.sum_over(table.axis, table) ** 7)).result == 0
    assert vp.Orthogonal(3).moment_exists(10**9)


def test_many_heavy_variables_are_a_bounded_work(monkeypatch):
    monkeypatch.setattr("varprop.derivation.integrability.MOST_ENTRIES", 50)
    e = unknown("u0")
    for k in range(1, 12):
        e = vp.relu(e + unknown(f"u{k}"))
    with pytest.raises(vp.WorkLimitError, match="more than 50"):
        has_mean(Structure(), e)
