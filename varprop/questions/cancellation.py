"""Signs cancel; why must each w_i x_i be small, and how probable is cancellation if nothing is known of x?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Mean, Variance
from varprop.errors import ParameterError
from varprop.laws import law
from varprop.model.activations import abs_
from varprop.model.axes import Axis
from varprop.model.distributions import Normal
from varprop.model.expressions import Expression, sum_over
from varprop.model.neurons import dot
from varprop.model.scalars import scalar
from varprop.model.variables import RandomVariable
from varprop.questions.findings import by_check, counted, equal
from varprop.questions.inputs import given_the_inputs, half_of_the_time, pixels, real_table, unknown_inputs
from varprop.questions.pictures import cancellation_pictures
from varprop.questions.settings import Setting, setting, signed
from varprop.questions.statements import Answer, Statement
from varprop.render import Math

__all__ = ["FORUM", "cancellation"]

FORUM = ("-999.99", "1000", "-100.99", "101")
"""-999.99 + 1000 - 100.99 + 101 = 0.02, as a learner wrote."""
LARGEST = Fraction(10) ** 100
"""Of an addend; the smallest is one over it: squares of both stay within float64."""
QUESTION = "Signs cancel: why must each w_i x_i be small, and how probable is cancellation?"
SHORT = (
    "The variance has counted every cancellation already: of n terms with random signs about sqrt(n) "
    "survive. That "
    "large terms cancel down to almost nothing needs magnitudes that match in all their digits, which is "
    "rare; so a "
    "sum is small because its terms are small."
)


def cancellation(
    n: int = 100,
    weights: object = "Normal(variance=1/n)",
    inputs: object = "Normal()",
    *,
    data: object = None,
    terms: Sequence[object] = FORUM,
    samples: int = 400_000,
    budget: float = 0.5,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Answer:
    """Answer why each w_i x_i must be small although signs cancel, and how probable cancellation is.

    Args:
        n: the number of terms, 1 to 10,000.
        weights: the distribution of each weight, mean zero; `n` in a formula is the number of terms.
        inputs: the distribution of each input.
        data: a table whose rows are inputs; by default 150 flowers.
        terms: the addends of an example, as exact decimals, at most 16.
        samples: draws behind each simulated number.
        budget: seconds behind each check, roughly.
        seed: of every simulation.
        progress: called with the number of statements done, and of all.

    Raises:
        ParameterError: a parameter is outside its domain, or a distribution has no variance.

    Example:
        >>> answer = cancellation(20, samples=20_000, budget=0.05)
        >>> answer["four numbers, given their sizes"].number
        1/4

    Source: Goodman, On the exact variance of products, 1960; Keller, Klein, 2022; see `varprop.laws.bounds`.
    """
    given = setting(n, weights, inputs, data, samples, budget, seed)
    example = _terms(terms)
    makers: list[Callable[[Setting], Statement]] = [
        counts_already,
        grows_like_root,
        stays_large,
        lambda s: given_sizes(s, example),
        lambda s: random_sizes(s, example),
        lambda s: outweighs(s, example),
        pixels,
        unknown_inputs,
        half_of_the_time,
        given_the_inputs,
        real_table,
        what_it_buys,
    ]
    made = []
    for done, maker in enumerate(makers):
        if progress is not None:
            progress(done, len(makers))
        made.append(maker(given))
    if progress is not None:
        progress(len(makers), len(makers))
    return Answer(
        "cancellation", QUESTION, SHORT, tuple(made), partial(cancellation_pictures, given, example)
    )


def _terms(given: Sequence[object]) -> tuple[Fraction, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not 2 <= len(given) <= 16:
        raise ParameterError(f"terms={given!r:.60}", "not 2 to 16 numbers", 'Give ["-999.99", "1000", ...].')
    exact = [scalar(value, "a term") for value in given]
    if any(not value.is_Rational or value.is_zero for value in exact):
        raise ParameterError(f"terms={given!r:.60}", "they are not nonzero decimals", "Give numbers.")
    terms = tuple(Fraction(int(value.p), int(value.q)) for value in exact)
    if not all(1 / LARGEST <= abs(term) <= LARGEST for term in terms):
        raise ParameterError(
            f"terms={given!r:.60}", "a size lies outside 1e-100 to 1e100", "Rescale all of them together."
        )
    return terms


def counts_already(s: Setting) -> Statement:
    """E z^2 is a sum of squares: the cross terms vanish."""
    proof = derive(Variance(s.symbolic))
    value = proof.result.subs("n", s.n) if proof.result.free_symbols else proof.result
    value = (
        sp.nsimplify(value)
        if value.is_Rational
        else sp.simplify(proof.result.xreplace({sp.Symbol("n", positive=True): sp.Integer(s.n)}))
    )
    return Statement(
        "the variance has counted it",
        "The mean of z^2 counts every cancellation: each cross term w_i x_i w_k x_k is as often positive "
        "as negative and "
        "averages to zero, only the squares are left.",
        Math(r"\operatorname{E} z^2 = \sum_i \operatorname{E} w_i^2 x_i^2", "E z^2 = sum_i E w_i^2 x_i^2"),
        ((f"Var z at n = {s.n}", value),),
        (by_check(proof, s.budget, at=s.few, seed=s.seed),),
        proof,
    )


def grows_like_root(s: Setting) -> Statement:
    """With signs sqrt n, without n."""
    z, sizes = s.pair
    top, below = s.size, s.sizes
    ratio, limit = top / below, s.std * math.sqrt(2 / math.pi) / below
    checks = [by_check(Mean(abs_(z)), s.budget, equals=float(top), seed=s.seed)]
    checks.append(by_check(Mean(sizes), s.budget, equals=below, seed=s.seed))
    return Statement(
        "with signs sqrt(n), without n",
        f"At n = {s.n:,} the sizes of the terms add up to {below:.3g}; with their signs the terms leave "
        f"{float(top):.3g} on average. With signs a sum grows like sqrt(n), without like n.",
        Math(
            r"\frac{\operatorname{E}|z|}{\operatorname{E}\sum_i |w_i x_i|} \approx \frac{c}{\sqrt n}",
            "E|z| / E sum_i |w_i x_i| = about c / sqrt(n)",
        ),
        (
            (f"cancellation ratio at n = {s.n}", ratio),
            ("by the normal limit", limit),
            ("E|z|", top),
            ("E sum_i |w_i x_i|", below),
        ),
        tuple(checks),
    )


def stays_large(s: Setting) -> Statement:
    """P(|z| <= t) for terms of size 1 and of size 1/n."""
    t = 0.02
    axis = Axis("i", s.n)
    big = sum_over(axis, RandomVariable("w", Normal(), axes=axis) * RandomVariable("x", Normal(), axes=axis))
    large, small = law(big), law(big * sp.Rational(1, max(1, s.n)))
    p, q = large.probability(-t, t), small.probability(-t, t)
    return Statement(
        "large terms do not cancel to nothing",
        f"At n = {s.n:,} a sum of terms of size 1 is within {t} of zero once in {1 / p:,.0f} draws, one of "
        f"terms of size 1/n in {100 * q:.3g} % of them. Smallness comes from the terms, not from the signs.",
        Math(r"P(|z| \le t)", "P(|z| <= t)"),
        ((f"P(|z| <= {t}), terms of size 1", p), (f"P(|z| <= {t}), terms of size 1/n", q)),
        (
            counted([big], lambda z: np.abs(z) <= t, float(p), samples=4 * s.draws(2 * s.n), seed=s.seed),
            counted(
                [big], lambda z: np.abs(z) <= t * s.n, float(q), samples=s.draws(2 * s.n), seed=s.seed + 1
            ),
        ),
    )


def given_sizes(s: Setting, terms: tuple[Fraction, ...]) -> Statement:
    """Given the magnitudes, by enumeration of signs."""
    sizes, target = [abs(t) for t in terms], abs(sum(terms, Fraction(0)))
    found: Any = law(signed(sizes))
    inside = [p for x, p in zip(found.values, found.exact, strict=True) if abs(x) <= float(target)]
    p = sp.Rational(sum(inside, Fraction(0)))
    patterns = list(itertools.product((-1, 1), repeat=len(sizes)))
    sums = [sum((x * a for x, a in zip(signs, sizes, strict=True)), Fraction(0)) for signs in patterns]
    hits = len([total for total in sums if abs(total) <= target])
    shown = " ".join(f"{float(t):+g}" for t in terms).lstrip("+")
    order = sorted(sizes)
    paired = len(sizes) % 2 == 0 and sum(order[1::2]) - sum(order[::2]) <= min(target, order[0] / 10)
    return Statement(
        "four numbers, given their sizes" if len(terms) == 4 else "the example, given its sizes",
        f"{shown} = {float(sum(terms)):g}: given these sizes, {hits} of the {len(patterns)} patterns of "
        f"signs leave no more than {float(target):g}."
        + (" That is frequent because the sizes match in pairs." if paired else ""),
        Math(r"P\left(\left|\sum_i \pm |w_i x_i|\right| \le t\right)", "P(|sum_i +-|w_i x_i|| <= t)"),
        ((f"P(|sum| <= {float(target):g}), given the sizes", p), ("patterns of signs", hits)),
        (
            equal(
                p, sp.Rational(hits, len(patterns)), f"counting {hits} of {len(patterns)} patterns one by one"
            ),
        ),
    )


def random_sizes(s: Setting, terms: tuple[Fraction, ...]) -> Statement:
    """Continuous terms of that size: the matching magnitudes are the rare thing."""
    target = abs(float(sum(terms))) or float(min(map(abs, terms))) / 100
    parts = [RandomVariable(f"y{k}", Normal(std=sp.Rational(abs(t)))) for k, t in enumerate(terms, start=1)]
    z: Expression = parts[0]
    for part in parts[1:]:
        z = z + part
    p = law(z).probability(-target, target)
    digits = math.ceil(math.log10(float(max(map(abs, terms))) / target))
    rare = f"the rare thing is not the pattern of signs but sizes that match to {digits} digits"
    return Statement(
        "the same four, sizes drawn too" if len(terms) == 4 else "the example, sizes drawn too",
        f"{len(terms)} terms of that size, drawn as normal variables, cancel to within {target:g} with "
        f"probability {p:.3g}" + (f": {rare}." if digits > 1 else "."),
        Math(r"y_i \sim \mathcal{N}(0, |w_i x_i|^2)", "y_i ~ N(0, |w_i x_i|^2)"),
        ((f"P(|sum| <= {target:g}), sizes random", p),),
        (counted([z], lambda v: np.abs(v) <= target, float(p), samples=20 * s.samples, seed=s.seed),),
    )


def outweighs(s: Setting, terms: tuple[Fraction, ...]) -> Statement:
    """A small part against a large one."""
    order = sorted((abs(t) for t in terms), reverse=True)
    half = max(1, len(order) // 2)
    big, small = (math.sqrt(float(sum(t * t for t in part))) for part in (order[:half], order[half:]))
    a, b = RandomVariable("a", Normal(std=big)), RandomVariable("b", Normal(std=small))
    r = small / big
    outweigh, flip = 2 / math.pi * math.atan(r), math.atan(r) / math.pi
    return Statement(
        "how often the small part decides",
        f"The large terms of the example together have size {big:.4g}, the small ones {small:.4g}. The "
        "small part outweighs "
        f"the large one in {100 * outweigh:.2g} % of draws and turns its sign in {100 * flip:.2g} %.",
        Math(
            r"P(|B| > |A|) = \tfrac{2}{\pi}\arctan r,\quad P(\text{flip}) = \tfrac{1}{\pi}\arctan r",
            "P(|B| > |A|) = (2/pi) atan r, P(B turns the sign) = (1/pi) atan r, r = std B / std A",
        ),
        (("P(the small part outweighs)", outweigh), ("P(the small part turns the sign)", flip), ("r", r)),
        (
            counted([a, b], lambda x, y: np.abs(y) > np.abs(x), outweigh, samples=s.samples, seed=s.seed),
            counted([a, b], lambda x, y: (x + y) * x < 0, flip, samples=s.samples, seed=s.seed + 1),
        ),
    )


def what_it_buys(s: Setting) -> Statement:
    """What Var(w) = 1/n buys, as a probability."""
    axis = Axis("i", s.n)
    sum_of_products = sum_over(
        axis, RandomVariable("w", Normal(), axes=axis) * RandomVariable("x", Normal(), axes=axis)
    )
    unscaled = law(sum_of_products)
    root, limit = math.sqrt(s.n), math.erf(3 / math.sqrt(2))
    p = unscaled.probability(-3, 3)
    numbers: list[tuple[str, Any]] = []
    for size in dict.fromkeys((s.n, 10**4, 10**6)):
        one = law(dot(weights="Normal(variance=1/n)", inputs="Normal()", fan_in="n"), at={"n": size})
        numbers.append((f"P(|z| <= 3), Var w = 1/n, n = {size:,}", one.probability(-3, 3)))
    numbers.append((f"P(|z| <= 3), Var w = 1, n = {s.n:,}", p))
    draws = 4 * s.draws(2 * s.n)
    return Statement(
        "what Var(w) = 1/n buys",
        "With Var(w) = 1/n the sum stays where activations work, |z| <= 3, in "
        f"{100 * float(numbers[0][1]):.2f} % of draws at n = {s.n:,}, and in {100 * limit:.2f} % in the "
        f"limit of large n. With Var(w) = 1 it does so in {100 * p:.3g} % at n = {s.n:,}, and in fewer and "
        "fewer as n grows.",
        Math(r"P(|z| \le 3)", "P(|z| <= 3)"),
        tuple(numbers),
        (
            counted(
                [sum_of_products],
                lambda z: np.abs(z) <= 3 * root,
                float(numbers[0][1]),
                samples=draws,
                seed=s.seed,
            ),
            counted([sum_of_products], lambda z: np.abs(z) <= 3, float(p), samples=draws, seed=s.seed + 1),
        ),
    )
