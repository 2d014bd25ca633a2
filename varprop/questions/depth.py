"""What depth does: the factor of a layer and its power, slopes, skip connections, mean against typical."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Mean, Variance
from varprop.errors import ParameterError
from varprop.laws import law
from varprop.laws.law import Array
from varprop.model import gaussian
from varprop.model.activations import Activation, activation as named
from varprop.model.axes import Axis
from varprop.model.distributions import Normal
from varprop.model.expressions import Expression, sum_over
from varprop.model.neurons import dot
from varprop.model.scalars import symbol
from varprop.model.variables import RandomVariable
from varprop.networks.finite_width import norm_law
from varprop.networks.mean_field import mean_field
from varprop.questions.findings import average, by_check, counted, same
from varprop.questions.settings import Setting
from varprop.questions.statements import Statement, many, shown
from varprop.render import Math

DRAWS = 4000

__all__ = [
    "derivative_of",
    "factor_of_a_layer",
    "goldilocks",
    "skips",
    "slopes",
    "standardizing",
    "typical_chain",
    "typical_nets",
]


def factor_of_a_layer(s: Setting, depth: int) -> Statement:
    """ReLU: the factor n Var(w) / 2."""
    proof = derive(Variance(dot(weights="Normal(variance=v)", inputs="relu(Normal())", fan_in="n")))
    rows: list[tuple[str, object]] = [("factor per layer", proof.result)]
    for c in (1, 2, 3):
        rows.append((f"over {many(depth, 'layer')}, Var w = {c}/n", sp.Rational(c, 2) ** depth))
    back = derive(Mean(_backward()))
    agree = sp.simplify(back.result - proof.result) == 0
    return Statement(
        "ReLU: its derivative is 0 or 1, the weights multiply",
        "ReLU passes half of the mean square, the n weights multiply it by n Var(w): forward and backward "
        "the factor of a "
        f"layer is n Var(w)/2. Only 2/n keeps it; over {many(depth, 'layer')} 1/n vanishes and 3/n explodes.",
        Math(
            r"\operatorname{E} z_{l+1}^2 = \tfrac12 n \operatorname{Var}(w) \operatorname{E} z_l^2",
            "E z_(l+1)^2 = n Var(w)/2 * E z_l^2",
        ),
        tuple(rows),
        (
            by_check(proof, s.budget, at=s.few | {"v": sp.Rational(1, 7)}, seed=s.seed),
            by_check(back, s.budget, at=s.few | {"v": sp.Rational(1, 7)}, seed=s.seed),
            same(1.0, 1.0 if agree else 0.0, 0.0, "forward and backward give one formula"),
        ),
        proof,
    )


def _backward() -> Expression:
    """The square of sum_j w_j d_j step(z_j): a gradient of mean square 1 after one ReLU layer."""
    from_above = Axis("j", "n")
    w = RandomVariable("w", "Normal(variance=v)", axes=from_above, role="weights")
    d, z = RandomVariable("d", "Normal()", axes=from_above), RandomVariable("z", "Normal()", axes=from_above)
    total: Expression = sum_over(from_above, w * d * named("step")(z)) ** 2
    return total


def derivative_of(s: Setting, phi: Activation, depth: int) -> Statement:
    """The derivative of sigmoid: at most 1/4, 42 % of that at 2, 7 % at 4.

    Raises:
        ParameterError: it vanishes, or has no bound.
    """
    grid = np.linspace(-40, 40, 16_001)
    slope = np.abs(phi.derivative(grid))
    top = float(slope.max())
    if not 0 < top < math.inf or top > 1.01 * float(slope[4_000:12_001].max()):
        missing = "its derivative is 0" if top == 0 else "its derivative has no bound"
        raise ParameterError(f"activation={phi}", missing, 'Choose "sigmoid", for example.')
    at = np.array([2.0, 4.0])
    shares = np.abs(phi.derivative(at)) / top
    percent = [f"{100 * share:.0f}" if share >= 0.01 else f"{100 * share:.2g}" for share in shares]
    h = 1e-6
    slopes_again = (phi.value(at + h) - phi.value(at - h)) / (2 * h)
    highest = np.flatnonzero(slope == top)
    best = float(grid[highest[len(highest) // 2]])
    power = sp.Float(top) ** depth
    best_case = f"multiplies {many(depth, 'layer')} {'down' if top < 1 else 'up'} to {shown(power, 2)}"
    if math.isclose(top, 1, rel_tol=1e-9):
        best_case = "only keeps a gradient"
    top_again = abs(float((phi.value(np.array([best + h])) - phi.value(np.array([best - h])))[0])) / (2 * h)
    return Statement(
        f"the derivative of {phi.name}",
        f"The derivative of {phi.name} is at most {top:.4g}; at 2 it is {percent[0]} % of that, at "
        f"4 {percent[1]} %. Even at its best it {best_case}.",
        Math(r"\max_z |\varphi'(z)|", "max |phi'(z)|"),
        (
            ("maximum of the derivative", top),
            ("share of its maximum at 2", float(shares[0])),
            ("share of its maximum at 4", float(shares[1])),
            (f"maximum to the power of {depth}", power),
        ),
        (
            same(top, top_again, 1e-5 * top, "differences of the function itself"),
            same(
                float(shares[0]),
                abs(float(slopes_again[0])) / top_again,
                1e-5,
                "the share at 2 by differences",
            ),
            same(
                float(shares[1]),
                abs(float(slopes_again[1])) / top_again,
                1e-5,
                "the share at 4 by differences",
            ),
        ),
    )


def slopes(s: Setting, phi: Activation, depth: int) -> Statement:
    """n Var(w) E phi'^2 for the activation, tanh and ReLU at Var w = 1/n, and its product over depth."""
    rows: list[tuple[str, Any]] = []
    checks = []
    draws = np.random.default_rng(s.seed).standard_normal(max(s.samples, 400_000))
    for one in dict.fromkeys((phi.name, "tanh", "relu")):
        act = phi if one == phi.name else named(one)
        value = float(gaussian.slope_second_moment(act, 0, 1))
        field = mean_field(act, weight_variance=1)
        course = field.iterate(depth - 1).first
        slope = np.array([field.chi_1(float(q)) for q in course])
        steps = slope[slope > 0]
        product = sp.exp(sp.Float(float(np.log(steps).sum()))) if len(steps) == len(slope) else sp.S.Zero
        rows.append((f"backward factor of {one}, n Var w = 1, E z^2 = 1", value))
        rows.append((f"{one}: over {many(depth, 'layer')}", product))
        checks.append(average(act.derivative(draws) ** 2, value, 0.02 * value, f"squared slopes of {one}"))
        if ((slope > 0) & np.isfinite(slope)).all():
            again = _drawn_products(act, depth, s.seed)
            total = float(np.log(slope).sum())
            checks.append(
                average(
                    again, total, 0.03 * math.sqrt(depth), f"logs of the product for {one}, layer by layer"
                )
            )
    return Statement(
        "over depth the product of factors decides",
        "Backward a wide layer multiplies by n Var(w) E phi'(z)^2. At n Var(w) = 1 and E z^2 = 1 this is "
        f"{float(rows[0][1]):.3g} for {phi.name}; over {many(depth, 'layer')}, each at the E z^2 that the "
        "layers "
        f"before it leave, the product is {shown(rows[1][1], 2)}. What vanishes is the product of the "
        "factors, never a single product of two numbers.",
        Math(
            r"\prod_l n \operatorname{Var}(w) \operatorname{E}\varphi'(z_l)^2",
            "product over layers of n Var(w) E phi'(z_l)^2",
        ),
        tuple(rows),
        tuple(checks),
    )


def _drawn_products(phi: Activation, depth: int, seed: int) -> Array:
    """32 logs of products of mean squared slopes, each layer from fresh draws at the length of the last."""
    rng, logs, q = np.random.default_rng(seed + 1), np.zeros(32), np.ones(32)
    for _ in range(depth):
        z = np.sqrt(q)[:, None] * rng.standard_normal((32, DRAWS))
        logs += np.log((phi.derivative(z) ** 2).mean(axis=1))
        q = (phi.value(z) ** 2).mean(axis=1)
    return logs


def goldilocks(s: Setting, m: sp.Expr, depth: int) -> Statement:
    """A multiplier of all standard deviations."""
    v = symbol("v")
    proof = derive(
        Variance(dot(weights=Normal(variance=2 * v / symbol("n")), inputs="relu(Normal())", fan_in="n"))
    )
    up, down = m ** (2 * depth), (1 / m) ** (2 * depth)
    return Statement(
        "neither too large nor too small",
        f"Multiply all weights by {float(m):g}: the variance is multiplied by {float(m):g}^2 in every "
        "layer, over "
        f"{many(depth, 'layer')} by "
        f"{shown(sp.N(up), 3)}; divide by it, and the factor is {shown(sp.N(down), 2)}.",
        Math(r"\operatorname{Var} z_L = m^{2L} \operatorname{Var} z_0", "Var z_L = m^(2L) Var z_0"),
        (
            (f"factor over {many(depth, 'layer')}, weights times {float(m):g}", up),
            (f"weights divided by {float(m):g}", down),
            ("factor of one layer, Var w = 2 v/n", proof.result),
        ),
        (by_check(proof, s.budget, at=s.few | {"v": m**2}, seed=s.seed),),
        proof,
    )


def skips(s: Setting, depth: int) -> Statement:
    """Skip connections: 1 + c^2 per block."""
    n, c = symbol("n"), symbol("c")
    i = Axis("i", n)
    h = RandomVariable("h", Normal(), axes=i)
    k = i.places(1)[0]
    w = RandomVariable("w", Normal(variance=2 / n), axes=i, role="weights")
    block = h[k] + c * sum_over(i, w * named("relu")(h))
    proof = derive(Variance(block))
    plain, scaled = sp.Integer(2) ** depth, float((1 + sp.Rational(1, depth)) ** depth)
    return Statement(
        "skip connections",
        "A block h + c f(h) keeps the 1 of its shortcut: it multiplies by 1 + c^2, never below 1. With c "
        f"= 1 that is 2^{depth} "
        f"over {many(depth, 'block')}; with c = 1/sqrt(L) it is (1 + 1/L)^L = {scaled:.4g}, below e.",
        Math(
            r"\operatorname{Var}(h + c f(h)) = (1 + c^2) \operatorname{Var} h",
            "Var(h + c f(h)) = (1 + c^2) Var h",
        ),
        (
            ("factor of a block", proof.result),
            (f"over {many(depth, 'block')}, c = 1", plain),
            (f"over {many(depth, 'block')}, c = 1/sqrt(L)", scaled),
        ),
        (by_check(proof, s.budget, at={"n": min(s.n, 8), "c": sp.Rational(1, 2)}, seed=s.seed),),
        proof,
    )


def typical_chain(s: Setting, depth: int) -> Statement:
    """Width 1: the variance is preserved, the typical size vanishes."""
    length = min(max(depth, 2), 60)
    chain = math.prod(
        (RandomVariable(f"w{k}", Normal()) for k in range(2, length + 1)),
        start=RandomVariable("w1", Normal()),
    )
    found = law(chain)
    t = float(f"{float(found.quantile(0.95)):.1g}")
    p = found.probability(-t, t)
    return Statement(
        "width 1: the variance lies",
        f"A chain of {length} weights of variance 1 has variance 1, yet its typical size is "
        f"{float(found.typical_size):.2g}: it is "
        f"below {t:g} in {100 * p:.3g} % of draws, and few huge draws keep the variance.",
        Math(r"\operatorname{E}\ln|z| = -\tfrac{L}{2}(\gamma + \ln 2)", "E log|z| = -L (gamma + log 2)/2"),
        (
            (f"typical size after {many(length, 'layer')}", found.typical_size),
            (f"P(|z| < {t:g})", p),
            ("Var z", sp.Integer(1)),
        ),
        (counted([chain], lambda v: np.abs(v) < t, float(p), samples=s.draws(length), seed=s.seed),),
        derive(Variance(chain)) if length <= 8 else derive(Variance(_short_chain())),
        note="" if length <= 8 else "The derivation shows four factors.",
    )


def _short_chain() -> Expression:
    return math.prod(
        (RandomVariable(f"w{k}", Normal()) for k in (2, 3, 4)), start=RandomVariable("w1", Normal())
    )


def typical_nets(s: Setting, depth: int) -> Statement:
    """Width n, linear and ReLU: exact mean and typical squared norm, against nets that are drawn."""
    rows: list[tuple[str, Any]] = []
    checks = []
    for name, kind in (("ReLU", "relu"), ("linear", "identity")):
        found = norm_law([s.n] * depth, activation=kind)
        rows += [
            (f"{name}: typical squared norm, width {s.n}", sp.exp(sp.Float(float(found.log_mean)))),
            (f"{name}: mean", found.mean),
        ]
        width, layers = 12, 6
        small = norm_law([width] * layers, activation=kind)
        drawn = _log_norms(kind, width, layers, 3_000, s.seed)
        alive = drawn[np.isfinite(drawn)]
        checks.append(
            average(
                alive,
                float(small.log_mean),
                0.15,
                f"log norms of {name} nets, {layers} layers of width {width}",
            )
        )
    wide = sp.exp(-sp.Float(5 * depth / (2 * s.n)))
    return Statement(
        "width n: the mean stays, the typical net shrinks",
        f"Over {many(depth, 'ReLU layer')} of width {s.n} with Var w = 2/n the mean of the squared norm "
        f"stays exactly, but the typical living net is left with {shown(rows[0][1], 3)} of it; for wide "
        f"layers that is about exp(-5 L/(2 n)), here {shown(wide, 3)}. Wide and shallow is safe, deep and "
        "narrow is not.",
        Math(
            r"\operatorname{E} R = 1,\quad e^{\operatorname{E}\ln R} \approx e^{-5L/(2n)}",
            "E R = 1, exp(E log R) = about exp(-5 L/(2 n))",
        ),
        tuple(rows),
        tuple(checks),
    )


def _log_norms(kind: str, width: int, layers: int, nets: int, seed: int) -> Array:
    """log of the squared norm per unit of nets that are drawn, weight by weight."""
    rng = np.random.default_rng(seed)
    h = np.ones((nets, width, 1))
    scale = math.sqrt((2 if kind == "relu" else 1) / width)
    for _ in range(layers):
        h = scale * rng.standard_normal((nets, width, width)) @ h
        h = np.maximum(h, 0) if kind == "relu" else h
    with np.errstate(divide="ignore"):
        return np.asarray(np.log((h[:, :, 0] ** 2).mean(axis=1)))


def standardizing(s: Setting) -> Statement:
    """What standardizing x buys: E x^2 = 1 instead of mean^2 + variance."""
    proof = derive(
        Variance(dot(weights="Normal(variance=1/n)", inputs="Unknown(mean=m, variance=s)", fan_in="n"))
    )
    raw = proof.result.xreplace({symbol("m"): sp.Rational(255, 2), symbol("s"): sp.Rational(255**2, 12)})
    return Statement(
        "what standardizing the inputs buys",
        "It is E x^2 that enters, mean squared plus variance. Raw pixels between 0 and 255 make Var z = "
        f"{float(raw):,.0f} instead of 1, "
        f"so z is {math.sqrt(float(raw)):.0f} times too large and every sigmoid is saturated; standardized "
        "inputs have E x^2 = 1.",
        Math(r"\operatorname{Var} z = \mu^2 + \sigma^2", "Var z = m^2 + s"),
        (
            ("Var z, inputs of mean m and variance s", proof.result),
            ("Var z, raw pixels", raw),
            ("Var z, standardized", sp.Integer(1)),
        ),
        (
            by_check(
                proof,
                s.budget,
                at={"n": min(s.n, 8), "m": 1, "s": sp.Rational(1, 2)},
                seed=s.seed,
                panel="short",
            ),
        ),
        proof,
    )
