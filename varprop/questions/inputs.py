"""Cancellation for the inputs of practice: pixels, unknown distributions, given numbers, a real table."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Mean, Variance
from varprop.laws import law
from varprop.laws.bounding import bounds
from varprop.laws.sign_bounds import keller_klein
from varprop.model.activations import abs_
from varprop.model.axes import Axis
from varprop.model.distributions import Normal, Uniform
from varprop.model.expressions import sum_over
from varprop.model.neurons import dot
from varprop.model.variables import RandomVariable, RandomVector
from varprop.questions.findings import by_check, counted, same, within
from varprop.questions.settings import Setting, signed
from varprop.questions.statements import Statement
from varprop.render import Math

__all__ = ["given_the_inputs", "half_of_the_time", "pixels", "real_table", "unknown_inputs"]

UNKNOWN = "Unknown(mean=0, variance=1)"


def pixels(s: Setting) -> Statement:
    """All-positive terms; pixels in [0, 1] with signed weights."""
    proof = derive(Variance(dot(weights="Normal(variance=1/n)", inputs=Uniform(0, 1), fan_in="n")))
    axis = Axis("i", s.n)
    w, x = (
        RandomVariable("w", Normal(variance=sp.Rational(1, s.n)), axes=axis),
        RandomVariable("x", Uniform(0, 1), axes=axis),
    )
    positive = derive(Mean(sum_over(axis, abs_(w) * x))).result
    z = law(sum_over(axis, w * x))
    ratio = z.absolute_mean / float(positive)
    return Statement(
        "pixels are all positive",
        "If weights and inputs were all positive nothing would cancel: the sum would be the sum of the "
        "sizes. Pixels in "
        "[0, 1] are positive, but signed weights cancel all the same; only E x^2 = 1/3 counts, not Var x = "
        "1/12.",
        Math(
            r"\operatorname{Var} z = n \operatorname{Var}(w) \operatorname{E} x^2", "Var z = n Var(w) E x^2"
        ),
        (
            ("Var z for pixels, Var w = 1/n", proof.result),
            ("cancellation ratio, all positive", sp.Integer(1)),
            (f"cancellation ratio, signed weights, n = {s.n}", ratio),
        ),
        (
            by_check(proof, 3 * s.budget, at=s.few, seed=s.seed),
            by_check(Mean(abs_(sum_over(axis, w * x))), s.budget, equals=float(z.absolute_mean), seed=s.seed),
        ),
        proof,
    )


PANEL = ("Normal()", "Rademacher()", "Uniform(-sqrt(3), sqrt(3))", "Laplace()", "StudentT(5, variance=1)")
"""Inputs of mean 0 and variance 1, from two points to heavy tails."""


def unknown_inputs(s: Setting) -> Statement:
    """Nothing known of x but its variance: theorems."""
    t = 3
    z = dot(weights="Normal(variance=1/n)", inputs=UNKNOWN, fan_in="n")
    found = bounds(z, t)
    few = 4
    truths = []
    for inputs in PANEL:
        one = law(dot(weights="Normal(variance=1/n)", inputs=inputs, fan_in="n"), at={"n": few})
        truths.append(float(one.survival(t) + one.cdf(-t)))
    worst = max(truths)
    heavy = dot(weights="Normal(variance=1/n)", inputs=PANEL[-1], fan_in="n").at({"n": few})
    proof = derive(Variance(z))
    exact = f"the exact laws for {len(PANEL)} such inputs at n = {few}"
    return Statement(
        "inputs of unknown distribution",
        f"If nothing is known of x but its variance, z still exceeds {t} standard deviations at most in "
        f"{100 * float(found.best):.2g} % of draws, whatever the distribution and the dependence of the "
        "x_i: normal weights "
        "make z unimodal.",
        Math(r"P(|z| \ge t) \le \frac{4 \operatorname{Var} z}{9 t^2}", "P(|z| >= t) <= 4 Var z / (9 t^2)"),
        (
            (f"bound on P(|z| >= {t})", found.best.value),
            ("Chebyshev's bound", found.found[-1].value),
            ("worst of five", worst),
        ),
        (
            within(worst, float(found.best), exact),
            counted([heavy], lambda v: np.abs(v) >= t, truths[-1], samples=s.draws(2 * few), seed=s.seed),
        ),
        proof,
        note="; ".join(str(h) for h in found.best.hypotheses) + f". Source: {found.best.source}.",
    )


def half_of_the_time(s: Setting) -> Statement:
    """Given the |w_i x_i|: at least half of the time z^2 <= sum (w_i x_i)^2."""
    size = 12
    rng = np.random.default_rng(s.seed)
    sizes = [Fraction(int(v), 1000) for v in rng.integers(1, 5000, size)]
    bound = keller_klein([float(v) for v in sizes])
    found = law(signed(sizes))
    norm = math.sqrt(float(sum(v * v for v in sizes)))
    p = found.probability(-norm, norm)
    sums = np.array(list(itertools.product((-1, 1), repeat=size))) @ np.array([float(v) for v in sizes])
    return Statement(
        "at least half of the time",
        "Whatever the numbers w_i x_i are: if their signs are fair and independent, |z| is at most the root "
        "of the sum of their squares at least every second time, which is the size that n terms of random "
        "sign leave, sqrt(n) of them.",
        Math(
            r"P\left(z^2 \le \sum_i w_i^2 x_i^2\right) \ge \tfrac12",
            "P(z^2 <= sum_i w_i^2 x_i^2) >= 1/2",
        ),
        (("lower bound", bound.value), (f"for {size} sizes drawn at random", p)),
        (
            same(
                float(p),
                float((np.abs(sums) <= norm).mean()),
                1e-12,
                f"{2**size:,} patterns of signs one by one",
            ),
            within(0.5, float(p), "the bound of 1/2 against these patterns"),
        ),
        note=f"Source: {bound.source}.",
    )


def given_the_inputs(s: Setting) -> Statement:
    """z given x is normal for normal weights."""
    row = s.data.data[0]
    z = dot(weights="Normal(variance=1/n)", inputs=RandomVector("x", "Normal()", size=len(row)), fan_in=None)
    z = z.at({"n": len(row)})
    found = law(z, given={"x": row})
    t = round(float(found.quantile(0.6)), 2) or 0.1
    p = found.probability(-t, t)
    axis = Axis("i", len(row))
    w = RandomVariable("w", Normal(variance=sp.Rational(1, len(row))), axes=axis)
    drawn = w.at(i=0) * float(row[0])
    for k in range(1, len(row)):
        drawn = drawn + w.at(i=k) * float(row[k])
    return Statement(
        "given the inputs z is normal",
        "For normal weights nothing needs to be known of x at all: given x, z is exactly normal with "
        "variance Var(w) |x|^2. "
        f"For the first row of the table, |z| <= {t:g} has probability {p:.4g}.",
        Math(
            r"z \mid x \sim \mathcal{N}\left(0, \operatorname{Var}(w) \sum_i x_i^2\right)",
            "z given x ~ N(0, Var(w) sum_i x_i^2)",
        ),
        ((f"P(|z| <= {t:g} | x)", p), ("std of z given x", found.std)),
        (counted([drawn], lambda v: np.abs(v) <= t, float(p), samples=s.samples, seed=s.seed),),
    )


def real_table(s: Setting) -> Statement:
    """A real table as x: a mixture over its rows."""
    x = RandomVector("x", s.data)
    columns = len(s.data.columns)
    z = dot(weights="Normal(variance=v)", inputs=x).at({"v": sp.Rational(1, columns)})
    found = law(z)
    t = float(f"{0.1 * found.std:.2g}")
    p = found.probability(-t, t)
    return Statement(
        "a real table as inputs",
        f"The {s.data.rows} rows of a table, {columns} dependent columns: z is a mixture of {s.data.rows} "
        "normal laws, one "
        f"per row. |z| <= {t:g}, a tenth of its size, has probability {p:.4g}.",
        Math(
            r"P(|z| \le t) = \frac1m \sum_{\text{rows}} \operatorname{erf}"
            r"\frac{t}{\sqrt{2 \operatorname{Var}(w)}\,|x|}",
            "P(|z| <= t) = mean over rows of erf(t / sqrt(2 Var(w) |x|^2))",
        ),
        ((f"P(|z| <= {t:g})", p), ("std of z", found.std)),
        (counted([z], lambda v: np.abs(v) <= t, float(p), samples=s.samples, seed=s.seed),),
        derive(Variance(dot(weights="Normal(variance=v)", inputs=x))),
    )
