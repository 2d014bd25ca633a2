"""What distributions refuse, what they do not know, and how they say so."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from varprop.errors import MomentError, ParameterError
from varprop.model.activations import relu2, step
from varprop.model.distributions import (
    Bernoulli,
    Constant,
    Distribution,
    Dropout,
    Exponential,
    Laplace,
    LogNormal,
    Mixture,
    Normal,
    Rademacher,
    Rectified,
    StudentT,
    TruncatedNormal,
    Uniform,
    Unknown,
)
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Uniform(1, 1), "low is not below high"),
        (lambda: Uniform(2, -1), "low is not below high"),
        (lambda: Uniform("n", "n"), "low is not below high"),
        (lambda: Uniform(0), "an end is missing"),
        (Uniform, "an end is missing"),
        (lambda: Uniform(0, variance=1), "Give low and high, or variance"),
        (lambda: Uniform(variance=1, std=1), "both variance and std"),
        (lambda: Uniform(variance=-1), "outside its domain"),
        (lambda: Normal(variance=1, std=1), "both variance and std"),
        (lambda: Normal(std=-1), "outside its domain"),
        (lambda: Normal(std=0), "outside its domain"),
        (lambda: Laplace(std=-1), "std in \\(0, oo\\)"),
        (lambda: LogNormal(log_variance=1, log_std=1), "both log_variance and log_std"),
        (lambda: TruncatedNormal(1, -1), "low is not below high"),
        (lambda: TruncatedNormal(low=math.inf), "not a finite number"),
        (lambda: TruncatedNormal(parent_variance=1, parent_std=1), "both parent_variance and parent_std"),
        (lambda: StudentT(2, variance=1), "only for dof > 2"),
        (lambda: StudentT("d", variance=1), "only for dof > 2"),
        (lambda: StudentT(5, width=1, variance=1), "both width and variance"),
        (lambda: StudentT(5, variance=-1), "outside its domain"),
        (lambda: Rectified(3), "a distribution was expected"),
        (lambda: Mixture([]), "not a list with members"),
        (lambda: Mixture(Normal()), "not a list with members"),
        (lambda: Mixture("ab"), "not a list with members"),
        (lambda: Mixture([Normal(), 1]), "a distribution was expected"),
        (lambda: Mixture([Normal()], [0.5, 0.5]), "1 components and 2 weights"),
        (lambda: Mixture([Normal(), Normal()], [0.5, 0.6]), "sum to 11/10"),
        (lambda: Mixture([Normal(), Normal()], ["p", "q"]), "sum to p \\+ q"),
        (lambda: Mixture([Normal(), Normal()], [1.5, -0.5]), "outside its domain"),
        (lambda: Normal("n", sp.Symbol("n", real=True)), "two different symbols are called n"),
        (lambda: Unknown(variance=0), "outside its domain"),
        (lambda: Unknown(1, symmetric=True), "symmetric means about zero"),
        (lambda: Unknown("m", symmetric=True), "symmetric means about zero"),
        (lambda: Unknown(symmetric=1), "not a truth value"),
        (lambda: Unknown(atom_at_zero="no"), "not a truth value"),
        (lambda: Unknown(symmetric=True, third_moment=1), "of a symmetric distribution is 0"),
        (lambda: Unknown(moments={2: 1}), "not an order above 2"),
        (lambda: Unknown(moments={True: 1}), "not an order above 2"),
        (lambda: Unknown(moments=[1]), "not a mapping"),
        (lambda: Unknown(fourth_moment=3, moments={4: 3}), "given twice"),
        (lambda: Unknown(fourth_moment=math.nan), "not a finite number"),
        (lambda: Unknown(fourth_moment=0.99), "no distribution has"),
        (lambda: Unknown(fourth_moment=-1), "no distribution has"),
        (lambda: Unknown(third_moment=2, fourth_moment=3.9), "E X\\^2 E X\\^4 >= \\(E X\\^3\\)\\^2"),
        (lambda: Unknown(third_moment=2, fourth_moment=4.9), "kurtosis >= 1 \\+ skewness"),
        (lambda: Unknown(1, 1, third_moment=4, fourth_moment=7), "no distribution has"),
        (lambda: Unknown(variance="v", fourth_moment="v**2/2"), "no distribution has"),
        (lambda: Unknown(moments={6: 0.5}), "no distribution has"),
        (lambda: Unknown(fourth_moment=3, moments={6: 8}), "no distribution has"),
        (lambda: Unknown(symmetric=True, fourth_moment=3, moments={8: 8}), "no distribution has"),
        (lambda: Unknown().draw(np.random.default_rng(0), 1), "only its moments are known"),
        (lambda: Rectified(Unknown()).draw(np.random.default_rng(0), 1), "only its moments are known"),
        (lambda: Normal(variance=1e-300).at({"n": math.nan}), "not a finite number"),
        (lambda: Normal(variance="v").at({"v": -1}), "outside its domain"),
        (lambda: Normal(variance="1e-300*1e-300").draw(np.random.default_rng(0), 1), "beyond the range"),
        *((lambda k=k: Normal().moment(k), "not an order") for k in (-1, 1.0, True, "2", None, 10**9)),
        (lambda: Normal().cumulant(0), "not an order"),
        (lambda: Normal().positive_part_moment(0), "not an order"),
    ],
)  # fmt: skip
def test_refusals_say_why(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        make()
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: StudentT(4).moment(4), "E X\\^4 of StudentT\\(dof=4\\): it does not exist"),
        (lambda: StudentT(1).mean, "E X\\^1"),
        (lambda: StudentT(2).variance, "E X\\^2"),
        (lambda: StudentT(2).cumulant(2), "E X\\^2"),
        (lambda: StudentT(3).absolute_moment(3), "it does not exist"),
        (lambda: StudentT("d").moment(2), "depends on d.*exceeds 2"),
        (lambda: StudentT("3 + a").moment(4), "depends on a \\+ 3"),
        (lambda: Rectified(StudentT(3)).moment(3), "it does not exist"),
        (lambda: Mixture([Normal(), StudentT(3)]).moment(4), "it does not exist. Choose dof > 4"),
        (lambda: relu2(StudentT(3)).moment(2), "it does not exist. Choose dof > 4"),
        (lambda: Unknown(symmetric=True).moment(3), "third_moment=..."),
        (lambda: Unknown(symmetric=True, fourth_moment=3).moment(9), "moments={9: ...}"),
        (lambda: StudentT(9, center=1).positive_part_moment(1), "no closed form"),
        (lambda: Laplace(sp.Symbol("m", real=True)).positive_part_moment(1), "sign of the mean"),
        (lambda: Unknown().moment(3), "third_moment=..."),
        (lambda: Unknown().moment(4), "fourth_moment=..."),
        (lambda: Unknown().moment(6), "moments={6: ...}"),
        (lambda: Unknown().cumulant(4), "not declared"),
        (lambda: Unknown().positive_part_moment(1), "moments do not determine it"),
        (lambda: Unknown().absolute_moment(1), "moments do not determine it"),
        (lambda: Rectified(Unknown()).mean, "moments do not determine it"),
    ],
)
def test_moments_that_are_not_there(ask: Callable[[], object], words: str) -> None:
    with pytest.raises(MomentError, match=words) as caught:
        ask()
    assert caught.value.remedy


def test_existence_is_three_valued() -> None:
    assert Unknown().moment_exists(2) is Unknown(moments={6: 15}).moment_exists(6) is True
    assert Unknown().moment_exists(3) is Unknown(moments={6: 15}).moment_exists(7) is None
    assert step(StudentT(1)).moment_exists(100) is True
    assert relu2(StudentT(5)).moment_exists(2) is True
    assert relu2(StudentT(5)).moment_exists(3) is None
    assert StudentT("4 + a").moment_exists(4) is True
    assert StudentT(4).moment_exists(4) is False
    assert StudentT("a").moment_exists(1) is None
    assert StudentT("a").moment_exists(0) is True
    assert Mixture([StudentT("a"), StudentT(1)]).moment_exists(1) is False
    assert Mixture([StudentT("a"), Normal()]).moment_exists(1) is None
    assert Mixture([StudentT(1), Normal()], [0, 1]).moment_exists(4) is True
    assert StudentT(5, variance="v").variance == sp.Symbol("v", positive=True)


def test_symmetry_and_atoms_are_three_valued() -> None:
    mu = sp.Symbol("mu", real=True)
    for cls in (Normal, Laplace):
        assert [cls(m).symmetric for m in (0, 1, mu)] == [True, False, None]
    assert TruncatedNormal(-1, 1, parent_mean=mu).symmetric is None
    assert TruncatedNormal(-1, sp.Symbol("b", positive=True)).symmetric is None
    assert TruncatedNormal().symmetric is True
    assert Uniform(-1, "b").symmetric is None
    assert Constant(mu).atom_at_zero is None
    assert Bernoulli("p").atom_at_zero is None
    assert Rectified(Unknown()).atom_at_zero is None
    assert Rectified(Unknown(symmetric=True)).atom_at_zero is True
    assert Unknown(atom_at_zero=False).atom_at_zero is False
    assert Unknown(1).symmetric is False
    assert Rectified(Normal(mu)).atom_at_zero is True
    assert Rectified(Uniform(sp.Symbol("a", real=True), 5)).atom_at_zero is None
    assert Mixture([Unknown(), Normal()]).atom_at_zero is None
    assert Mixture([Unknown(), Constant(0)]).atom_at_zero is True
    assert not Mixture([Unknown(), Normal()]).can_draw
    assert not Rectified(Unknown()).can_draw


def test_unknown_gives_what_it_was_given() -> None:
    d = Unknown(mean="m", variance="v", third_moment="t", fourth_moment="f", moments={6: "s"})
    m, v, t, f, s = (sp.Symbol(name, positive=True) for name in "mvtfs")
    assert [d.moment(k) for k in (0, 1, 2, 3, 4, 6)] == [1, m, v + m**2, t, f, s]
    assert d.variance == d.cumulant(2) == v
    assert d.central_moment(3) == sp.expand(t - 3 * m * v - m**3)
    assert d.at({"m": 0, "v": 1, "t": 0, "f": 3, "s": 15}) == Unknown(
        third_moment=0, fourth_moment=3, moments={6: 15}
    )
    symmetric = Unknown(symmetric=True, fourth_moment=3)
    assert symmetric.moment(3) == 0
    assert symmetric.positive_part_moment(4) == sp.Rational(3, 2)
    assert Unknown(third_moment=2, fourth_moment=5).moment(4) == 5
    assert Unknown(fourth_moment=1).moment(4) == 1
    assert Unknown(symmetric=True, fourth_moment=1).moment(4) == 1


def test_floats_enter_as_the_decimal_they_print() -> None:
    assert Normal(variance=0.1) == Normal(variance="1/10") == Normal(variance=Fraction(1, 10))
    assert Normal(std=0.1) == Normal(variance=0.01)
    assert len({Normal(variance=0.5), Normal(variance=sp.Rational(1, 2))}) == 1
    assert Normal() != Laplace()


def test_signs_have_probabilities() -> None:
    real = sp.Symbol("x", real=True)
    assert Bernoulli("p").positive_probability == sp.Symbol("p", positive=True)
    assert Bernoulli("p").negative_probability == 0
    assert Dropout("k").positive_probability == sp.Symbol("k", positive=True)
    assert Normal(variance="v").positive_probability == sp.Rational(1, 2)
    assert Uniform(-1, "b").negative_probability == 1 - Uniform(-1, "b").positive_probability
    assert Mixture([Normal(), Constant(0)]).negative_probability == sp.Rational(1, 4)
    signs = Mixture([Constant(-1), Constant(0), Constant(1)], ["1/2", "1/4", "1/4"])
    assert signs.negative_probability == sp.Rational(1, 2)
    assert Unknown(symmetric=True, atom_at_zero=False).positive_probability == sp.Rational(1, 2)
    assert Rectified(Normal()).positive_probability == sp.Rational(1, 2)
    assert Mixture([Normal(), Uniform(0, 1)]).atomless
    assert not Mixture([Normal(), Constant(1)]).atomless
    for law in (
        Unknown(),
        Unknown(symmetric=True),
        Constant(real),
        StudentT(9, center=1),
        Rectified(Unknown()),
    ):
        with pytest.raises(MomentError, match=r"P\(X|E max") as caught:
            law.positive_probability
        assert caught.value.remedy
    with pytest.raises(MomentError):
        Unknown().negative_probability


def test_a_law_of_ones_own_needs_only_its_hooks() -> None:
    @dataclass(frozen=True)
    class Triangular(Distribution):
        """Density 1 - |x| on [-1, 1], times a width."""

        parameters = (Parameter("width", "b", low=0, low_open=True),)
        width: ScalarLike = 1

        @property
        def support(self) -> tuple[sp.Expr, sp.Expr]:
            return -self.width, self.width

        @property
        def symmetric(self) -> bool:
            return True

        @property
        def atom_at_zero(self) -> bool:
            return False

        def _moment(self, k: int) -> sp.Expr:
            return self.width**k * sp.Rational(2 * (1 - k % 2), (k + 1) * (k + 2))

        def _draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
            (width,) = self._numbers()
            return width * (rng.random(shape) - rng.random(shape))

    law = Triangular(0.5)
    assert law.variance == sp.Rational(1, 24)
    assert Triangular("b").at({"b": 0.5}) == law == Triangular(sp.Rational(1, 2))
    assert str(law) == "Triangular(width=1/2)"
    assert law.latex() == r"\operatorname{Triangular}\left(\frac{1}{2}\right)"
    assert Rectified(law).moment(2) == sp.Rational(1, 48)
    assert Mixture([law, Normal()]).cumulant(4) is not None
    assert law.draw(np.random.default_rng(0), 10_000).var() == pytest.approx(1 / 24, rel=0.1)
    for refused in (law.positive_part_moment, law.absolute_moment):
        with pytest.raises(MomentError, match="no closed form"):
            refused(1)
    with pytest.raises(ParameterError, match="Triangular"):
        Triangular(-1)


def test_text_is_the_shortest_that_makes_the_law_again() -> None:
    assert str(Uniform(-1, 1)) == "Uniform(low=-1, high=1)"
    assert str(Uniform(variance=1)) == "Uniform(variance=1)"
    assert str(Unknown(third_moment=0, fourth_moment=3, moments={6: 15})) == (
        "Unknown(third_moment=0, fourth_moment=3, moments={6: 15})"
    )


@pytest.mark.parametrize(
    ("make", "inside", "outside"),
    [
        (Bernoulli, [0, 1], [-0.01, 1.01]),
        (Dropout, [0.01, 1], [0, 1.01]),
        (lambda v: Normal(variance=v), [0.01], [0, -0.01]),
        (lambda v: Laplace(variance=v), [0.01], [0, -0.01]),
        (lambda v: Uniform(variance=v), [0.01], [0, -0.01]),
        (lambda v: TruncatedNormal(parent_variance=v), [0.01], [0, -0.01]),
        (lambda v: LogNormal(log_variance=v), [0.01], [0, -0.01]),
        (lambda v: Unknown(variance=v), [0.01], [0, -0.01]),
        (Exponential, [0.01], [0, -0.01]),
        (StudentT, [0.01], [0, -0.01]),
        (lambda v: StudentT(9, width=v), [0.01], [0, -0.01]),
        (lambda v: StudentT(9, variance=v), [0.01], [0, -0.01]),
        (lambda v: Mixture([Normal()] * 3, [v, (1 - v) / 2, (1 - v) / 2]), [0, 1], [-0.01, 1.01]),
    ],
)
def test_the_domain_of_every_parameter(
    make: Callable[[object], object], inside: list[float], outside: list[float]
) -> None:
    for value in inside:
        make(value)
    for value in outside:
        with pytest.raises(ParameterError, match="outside its domain"):
            make(value)


def test_orders_end_at_two_hundred() -> None:
    assert Rademacher().moment(200) == 1
    with pytest.raises(ParameterError, match="Use a whole number from 0 to 200"):
        Rademacher().moment(201)


def test_high_orders_do_not_hang() -> None:
    many = Mixture([Normal(f"m{i}", f"v{i}") for i in range(10)])
    assert many.central_moment(6).free_symbols == many.free_symbols
    assert Normal("m", "v").moment(200).free_symbols == Normal("m", "v").free_symbols
    assert TruncatedNormal("-a", "b").cumulant(4).has(sp.erf)


def test_the_positive_part_of_a_uniform_with_symbols_for_its_ends() -> None:
    """At ends of every sign: the integral of x^k from max(low, 0) to max(high, 0), over the width."""
    low, high = sp.symbols("low high", real=True)
    law = Uniform(low, high)
    for a, b in ((-2, -1), (-1, 3), (1, 3)):
        for k in (1, 2, 3):
            inside = sp.integrate(sp.Symbol("x") ** k, (sp.Symbol("x"), max(a, 0), max(b, 0)))
            assert law.positive_part_moment(k).subs({low: a, high: b}) == inside / (b - a)
