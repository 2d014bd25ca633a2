"""Bounds: never violated where the truth is known, equal to it where they are sharp, silent elsewhere."""

import itertools
import math

import numpy as np
import pytest
from scipy import special

import varprop as vp
from varprop import LawError, ParameterError, law
from varprop.laws.bounds import (
    berry_esseen,
    cantelli,
    chebyshev,
    paley_zygmund,
    vysochanskii_petunin,
)
from varprop.laws.sign_bounds import keller_klein, littlewood_offord

W = "Normal(variance=1/n)"
INPUTS = ["Normal()", "Uniform(0, 1)", "relu(Normal())", "Rademacher()", "Laplace()"]
CENTERED = [(inputs, n) for inputs in INPUTS for n in (1, 2, 20)]


def exact(inputs, n):
    return law(vp.dot(weights=W, inputs=inputs, fan_in="n"), at={"n": n})


@pytest.mark.parametrize(("inputs", "n"), CENTERED)
@pytest.mark.parametrize("t", [0.5, 1.0, 2.0, 4.0])
def test_tail_bounds_are_never_violated(inputs, n, t):
    z, found = vp.dot(weights=W, inputs=inputs, fan_in="n").at({"n": n}), exact(inputs, n)
    truth = float(found.survival(t) + found.cdf(-t))
    for bound in vp.bounds(z, t).found:
        assert truth <= float(bound) + 1e-12
    for bound in vp.bounds(z, t, event="above").found:
        assert float(found.survival(t)) <= float(bound) + 1e-12


@pytest.mark.parametrize(("inputs", "n"), CENTERED)
def test_small_values_are_no_more_likely_than_paley_and_zygmund_say(inputs, n):
    z, found = vp.dot(weights=W, inputs=inputs, fan_in="n").at({"n": n}), exact(inputs, n)
    for share in (0.1, 0.5, 0.9):
        t = share * found.std
        assert float(found.probability(-t, t)) <= float(vp.bounds(z, t, event="small").best) + 1e-12


@pytest.mark.parametrize(
    ("inputs", "n"), [("Normal()", 1), ("Normal()", 10), ("Uniform(0, 1)", 5), ("relu(Normal())", 9)]
)
def test_the_distance_from_normal_is_within_berry_and_esseen(inputs, n):
    found = exact(inputs, n)
    x = np.linspace(-4, 4, 201) * found.std
    distance = np.abs(np.asarray(found.cdf(x)) - special.ndtr(x / found.std)).max()
    bound = float(vp.bounds(vp.dot(weights=W, inputs=inputs, fan_in="n"), event="normal", at={"n": n}).best)
    assert 0 < distance <= bound
    assert bound / distance < 60


@pytest.mark.parametrize(
    "magnitudes", [[1] * 8, [1, 1.5, 2, 2.5, 3, 7], [5, 1, 1, 1], [999.99, 1000, 100.99, 101], [1] * 9]
)
def test_signed_sums_by_enumeration(magnitudes):
    sums = np.sort(
        [np.dot(signs, magnitudes) for signs in itertools.product((-1, 1), repeat=len(magnitudes))]
    )
    for length in (2 * min(magnitudes), 1.0, 3.0):
        if not any(2 * a >= length for a in magnitudes):
            continue
        most = max(np.searchsorted(sums, s + length - 1e-9) - k for k, s in enumerate(sums)) / len(sums)
        assert most <= float(littlewood_offord(magnitudes, length)) + 1e-12
    inside = float((np.abs(sums) <= np.linalg.norm(magnitudes) + 1e-9).mean())
    assert inside >= float(keller_klein(magnitudes))


def test_where_bounds_are_sharp():
    """Two points for Chebyshev and Cantelli, equal terms for Littlewood and Offord, two for Keller."""
    assert float(chebyshev(1, 1)) == 1  # a fair sign
    p = 0.2  # z = (1-p)/s with probability p, else -p/s
    s = math.sqrt(p * (1 - p))
    assert float(cantelli(1, (1 - p) / s)) == pytest.approx(p)
    n = 12
    assert float(littlewood_offord([1] * n, 2)) == math.comb(n, n // 2) / 2**n
    sums = [a + b for a in (-3, 3) for b in (-1, 1)]
    assert sum(abs(x) <= math.sqrt(10) for x in sums) / 4 == float(keller_klein([3, 1]))
    t = math.sqrt(3)  # an atom and a uniform part reach 4 v / (9 t^2) at t^2 = 8 v / 3; t^2 = 3 v is close
    mass = 4 / 9 / 3
    assert float(vysochanskii_petunin(1, t, unimodal=True)) == pytest.approx(mass)
    share, spread = 0.25, 1.0  # z = 0 or +-1: E z^2 = E z^4 = p
    assert float(paley_zygmund(share, share, 0)) == share * spread


def test_unimodal_beats_chebyshev_by_nine_quarters():
    z = vp.dot(weights=W, inputs="Unknown(mean=0, variance=1)", fan_in="n")
    found = vp.bounds(z, 3)
    assert found.best.theorem == "Vysochanskii and Petunin"
    assert float(found.found[1]) / float(found.best) == pytest.approx(9 / 4)
    assert "unimodal: proven" in found.to_text()


REFUSED = {
    "a small threshold": (
        lambda: vysochanskii_petunin(1, 1, unimodal=True),
        r"t\^2 >= 8 variance / 3 is refuted",
    ),
    "unimodality unknown": (lambda: vysochanskii_petunin(1, 3, unimodal=None), "unimodal is unknown"),
    "unimodality refuted": (lambda: vysochanskii_petunin(1, 3, unimodal=False), "unimodal is refuted"),
    "a share above one": (lambda: paley_zygmund(1, 3, 2), "share <= 1 is refuted"),
    "impossible moments": (lambda: paley_zygmund(2, 3, 0), r"E z\^4 >= .* is refuted"),
    "short terms": (lambda: littlewood_offord([0.1, 0.2], 1), r"\|a_i\| >= length / 2 is refuted"),
    "signs unknown": (lambda: keller_klein([1, 2], signs=None), "signs are fair.*unknown"),
    "terms dependent": (lambda: berry_esseen(1, 2, n=4, independent=False), "independent is refuted"),
    "impossible third moment": (lambda: berry_esseen(1, 0.5, n=4), "Correct the moments"),
    "no fourth moment": (
        lambda: vp.bounds(vp.dot(weights=W, inputs="Unknown()", fan_in="n"), 0.5, event="small", at={"n": 4}),
        "Paley and Zygmund: not declared",
    ),
    "unknown inputs are not independent": (
        lambda: vp.bounds(vp.dot(weights=W, inputs="Unknown()", fan_in="n"), event="normal", at={"n": 4}),
        "not known to be independent",
    ),
    "no variance": (
        lambda: vp.bounds(vp.dot(weights=W, inputs="StudentT(2)", fan_in=4), 1),
        "does not exist",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_outside_its_hypotheses_a_bound_names_the_failed_one(case):
    ask, message = REFUSED[case]
    with pytest.raises(LawError, match=message):
        ask()


@pytest.mark.parametrize("t", [0, -1, math.nan, math.inf, None, "x y", True])
def test_thresholds_are_positive_numbers(t):
    z = vp.dot(weights=W, inputs="Normal()", fan_in=4)
    with pytest.raises(vp.VarpropError):
        vp.bounds(z, t)
    with pytest.raises(vp.VarpropError):
        chebyshev(1, t)


def test_other_bad_input():
    z = vp.dot(weights=W, inputs="Normal()", fan_in=4)
    with pytest.raises(ParameterError, match="no such event"):
        vp.bounds(z, 1, event="tail")
    with pytest.raises(ParameterError, match="no random expression"):
        vp.bounds(3, 1)
    for bad in ([], [math.nan], [[1, 2]], "abc", [math.inf]):
        with pytest.raises(ParameterError):
            keller_klein(bad)
