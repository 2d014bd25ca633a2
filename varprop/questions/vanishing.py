"""0.01 * 0.01 = 0.0001: why do small products not make gradients vanish, and why care about ReLU's 0 or 1?"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Mean, Variance
from varprop.errors import ParameterError
from varprop.laws import law
from varprop.model.activations import Activation, activation as named
from varprop.model.axes import Axis
from varprop.model.distributions import Normal
from varprop.model.expressions import Expression, sum_over
from varprop.model.neurons import dot
from varprop.model.scalars import scalar, symbol
from varprop.model.variables import RandomVariable
from varprop.networks.layers import Dense
from varprop.networks.network import Network
from varprop.networks.propagating import propagate
from varprop.questions.depth import (
    derivative_of,
    factor_of_a_layer,
    goldilocks,
    skips,
    slopes,
    standardizing,
    typical_chain,
    typical_nets,
)
from varprop.questions.findings import by_check, counted, same
from varprop.questions.pictures import vanishing_pictures
from varprop.questions.settings import Setting, setting
from varprop.questions.statements import Answer, Statement
from varprop.render import Math

__all__ = ["vanishing"]

QUESTION = "0.01 * 0.01 = 0.0001: why do small products not make the gradients vanish?"
SHORT = (
    "Each product is tiny, but a neuron adds n of them and a gradient adds one product per path, of which "
    "there are "
    "n^(L-1): what counts is one factor per layer, n Var(w) E phi'^2, and its power over the depth. ReLU's "
    "derivative is 0 "
    "or 1, yet the weights multiply: the factor is n Var(w)/2."
)
MOST_LAYERS = 1000


def vanishing(
    n: int = 100,
    depth: int = 50,
    activation: str | Activation = "sigmoid",
    *,
    multiplier: object = "11/10",
    samples: int = 400_000,
    budget: float = 0.5,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Answer:
    """Answer why small products do not make gradients vanish, and what does.

    Args:
        n: the width of a layer, 2 to 10,000.
        depth: the number of layers L, 1 to 1,000.
        activation: the bounded one that is looked at beside tanh and ReLU.
        multiplier: of the standard deviation of all weights, a number above 0.
        samples: draws behind each simulated number.
        budget: seconds behind each check, roughly.
        seed: of every simulation.
        progress: called with the number of statements done, and of all.

    Raises:
        ParameterError: a parameter is outside its domain.

    Example:
        >>> answer = vanishing(20, 5, samples=20_000, budget=0.05)
        >>> round(float(answer["the derivative of sigmoid"]["share of its maximum at 2"]), 4)
        0.42

    Source: Hochreiter 1991; Glorot, Bengio 2010; He et al. 2015; Hanin, Nica 2019.
    """
    given = setting(n, "Normal(variance=1/n)", "Normal()", None, samples, budget, seed)
    if n < 2:
        raise ParameterError(f"n={n}", "one unit has no paths to add", "Choose n >= 2.")
    if isinstance(depth, bool) or not isinstance(depth, (int, np.integer)) or not 1 <= depth <= MOST_LAYERS:
        raise ParameterError(f"depth={depth!r:.40}", f"not 1 to {MOST_LAYERS} layers", "Choose depth=50.")
    layers = int(depth)
    phi = named(activation) if isinstance(activation, str) else activation
    if not isinstance(phi, Activation):
        raise ParameterError(f"activation={activation!r:.40}", "no activation", 'Choose "sigmoid".')
    factor = scalar(multiplier, "multiplier")
    if not factor.is_number or not factor.is_positive or not 1e-3 <= factor <= 1e3:
        raise ParameterError(f"multiplier={factor}", "not a number from 0.001 to 1000", 'Choose "11/10".')
    makers: list[Callable[[], Statement]] = [
        lambda: the_box(given),
        lambda: the_corner(given),
        lambda: tiny_products(given),
        lambda: many_add_up(given),
        lambda: spike_at_zero(given),
        lambda: sum_over_paths(given, layers),
        lambda: factor_of_a_layer(given, layers),
        lambda: derivative_of(given, phi, layers),
        lambda: slopes(given, phi, layers),
        lambda: goldilocks(given, factor, layers),
        lambda: skips(given, layers),
        lambda: typical_chain(given, layers),
        lambda: typical_nets(given, layers),
        lambda: standardizing(given),
    ]
    made = []
    for done, maker in enumerate(makers):
        if progress is not None:
            progress(done, len(makers))
        made.append(maker())
    if progress is not None:
        progress(len(makers), len(makers))
    return Answer("vanishing", QUESTION, SHORT, tuple(made), partial(vanishing_pictures, given, layers))


def _factors(s: Setting) -> tuple[RandomVariable, RandomVariable]:
    return RandomVariable("w", Normal(variance=sp.Rational(1, s.n))), RandomVariable("x", Normal())


def the_box(s: Setting) -> Statement:
    """The poster's own intervals."""
    w, x = _factors(s)
    edge = 3 / math.sqrt(s.n)
    p, q = law(w).probability(-edge, edge), law(x).probability(-3, 3)
    return Statement(
        "the intervals of the question",
        f"With Var(w) = 1/{s.n} a weight lies within +-{edge:.3g} and an input within +-3 in {100 * p:.2f} "
        "% of draws each.",
        Math(r"P(|w| \le 3/\sqrt n),\ P(|x| \le 3)", "P(|w| <= 3/sqrt(n)), P(|x| <= 3)"),
        ((f"P(|w| <= {edge:.3g})", p), ("P(|x| <= 3)", q)),
        (
            counted([w], lambda v: np.abs(v) <= edge, float(p), samples=s.samples, seed=s.seed),
            counted([x], lambda v: np.abs(v) <= 3, float(q), samples=s.samples, seed=s.seed + 1),
        ),
    )


def the_corner(s: Setting) -> Statement:
    """The three-sigma point of the product is far below the product of the three-sigma points."""
    w, x = _factors(s)
    found = law(w * x)
    level = float(law(x).probability(-3, 3))
    share = f"{100 * level:.2f} %"
    corner = 9 / math.sqrt(s.n)
    point = found.quantile(0.5 + level / 2)
    beyond = 2 * found.survival(corner)
    return Statement(
        "the product keeps away from the corner",
        f"The product of the two ends is {corner:.3g}, but |w x| stays below {float(point):.3g} in "
        f"{share} of draws: "
        f"both factors would have to be extreme at once, which happens once in {1 / beyond:,.0f}.",
        Math(rf"P(|w x| \le q) = {level:.4f}", f"P(|w x| <= q) = {level:.4f}"),
        (
            (f"{share} point of |w x|", point),
            (f"product of the {share} points", corner),
            (f"P(|w x| > {corner:.3g})", beyond),
        ),
        (
            counted(
                [w * x], lambda v: np.abs(v) > float(point), 1 - level, samples=4 * s.samples, seed=s.seed
            ),
            counted(
                [w * x], lambda v: np.abs(v) > corner, float(beyond), samples=20 * s.samples, seed=s.seed + 1
            ),
        ),
    )


def tiny_products(s: Setting) -> Statement:
    """P(|w x| < 1e-4)."""
    w, x = _factors(s)
    t = 1e-4
    p = law(w * x).probability(-t, t)
    half = law(w * x).quantile(0.75)
    return Statement(
        "a product as small as 0.0001 is rare",
        f"|w x| < 0.0001 happens in {100 * p:.2g} % of draws; half of all products are above "
        f"{float(half):.2g}.",
        Math(r"P(|w x| < 10^{-4})", "P(|w x| < 0.0001)"),
        (("P(|w x| < 0.0001)", p), ("median of |w x|", half)),
        (
            counted([w * x], lambda v: np.abs(v) < t, float(p), samples=4 * s.samples, seed=s.seed),
            counted([w * x], lambda v: np.abs(v) < float(half), 0.5, samples=s.samples, seed=s.seed + 1),
        ),
    )


def many_add_up(s: Setting) -> Statement:
    """Var z = 1 for every n."""
    proof = derive(Variance(dot(weights="Normal(variance=1/n)", inputs="Normal()", fan_in="n")))
    return Statement(
        "but n of them add up",
        "A product has variance 1/n, and n of them add up to variance 1, exactly and for every n.",
        Math(r"\operatorname{Var} z = n \cdot \tfrac1n = 1", "Var z = n * 1/n = 1"),
        (("Var z at every n", proof.result), (f"Var(w x) at n = {s.n}", sp.Rational(1, s.n))),
        (by_check(proof, s.budget, at=s.few, seed=s.seed),),
        proof,
    )


def spike_at_zero(s: Setting) -> Statement:
    """The logarithmic spike of one product, gone in the sum."""
    w, x = _factors(s)
    one, many = law(w * x), law(sum_over(axis := Axis("i", s.n), _along(s, axis)))
    eps = 1e-6
    unit = math.sqrt(s.n)
    near = one.pdf(eps / unit) / unit
    leading = (math.log(2 / eps) - float(np.euler_gamma)) / math.pi
    z = sum_over(axis, _along(s, axis))
    p = many.probability(-0.1, 0.1)
    return Statement(
        "the spike at zero belongs to one product",
        "The density of one product is infinite at 0, like -log|z|/pi: most single products are small. The "
        "sum of n has no "
        f"spike, its density at 0 is {float(many.pdf(0)):.3g}.",
        Math(r"f_{wx}(t) = K_0(|t|)/\pi \approx -\ln|t|/\pi", "f(t) = K_0(|t|)/pi, about -log|t|/pi"),
        (("density of z at 0", many.pdf(0)), (f"of one product of variance 1 at {eps:g}", near)),
        (
            same(near, leading, 1e-9, f"(log(2/t) - gamma)/pi at t = {eps:g}"),
            counted([z], lambda v: np.abs(v) <= 0.1, float(p), samples=s.draws(2 * s.n), seed=s.seed),
        ),
    )


def _along(s: Setting, axis: Axis) -> Expression:
    w = RandomVariable("w", Normal(variance=sp.Rational(1, s.n)), axes=axis, role="weights")
    return w * RandomVariable("x", Normal(), axes=axis)


def sum_over_paths(s: Setting, depth: int) -> Statement:
    """The gradient of a linear net is a sum over paths."""
    n = symbol("n")
    j = Axis("j", n)
    v = RandomVariable("v", Normal(variance=1 / n), axes=j, role="weights")
    w = RandomVariable("w", Normal(variance=1 / n), axes=j)
    proof = derive(Mean(sum_over(j, v * w) ** 2))
    paths = s.n ** (depth - 1)
    net = Network([*[Dense(s.n)] * (depth - 1), Dense(1)], fan_in=s.n)
    start = "dy/dx of one layer is a single weight, of L layers a sum over n^(L-1) paths from x to y."
    if depth > 1:
        start = f"dy/dx is not one product but a sum: one product of {depth} weights for each of the "
        start += f"n^{depth - 1} paths from x to y."
    return Statement(
        "a gradient is a sum over paths",
        f"{start} Squared, a path is worth n^-L, and n^(L-1) of them make 1/n, at every depth. The "
        "derivation shows two layers, of "
        "which each further one repeats the step.",
        Math(
            r"\operatorname{E}\left(\frac{\partial y}{\partial x_i}\right)^2 = n^{L-1} n^{-L} = \tfrac1n",
            "E (dy/dx_i)^2 = n^(L-1) * n^(-L) = 1/n",
        ),
        (
            (f"E (dy/dx)^2 at n = {s.n}", sp.Rational(1, s.n)),
            ("log10 of the number of paths", (depth - 1) * math.log10(s.n)),
            ("log10 of the mean square of one path", -depth * math.log10(s.n)),
        ),
        (
            by_check(proof, s.budget, at=s.few, seed=s.seed),
            same(
                float(sp.Rational(paths, s.n**depth)) * s.n,
                float(propagate(net, input=Normal())[0].gradient) * s.n,
                1e-9,
                f"n times the paths' mean squares at L = {depth}, and the gradient followed layer by layer",
            ),
        ),
        proof,
    )
