"""The pictures of the answers, as data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import sympy as sp

from varprop.laws import law
from varprop.model.axes import Axis
from varprop.model.distributions import Normal
from varprop.model.expressions import sum_over
from varprop.model.variables import RandomVariable
from varprop.networks.finite_width import norm_law
from varprop.questions.drawing import Picture
from varprop.questions.settings import Setting
from varprop.render import Plot, Series

__all__ = ["cancellation_pictures", "vanishing_pictures"]


def cancellation_pictures(s: Setting, terms: Sequence[Fraction]) -> Iterator[Picture]:
    """Term sizes against their sum; a random walk in its envelope; the law of z with its spike."""
    values = [float(t) for t in terms]
    names = [f"{v:+g}" for v in values] + ["sum"]
    sizes = [abs(v) for v in values] + [abs(sum(values))]
    yield Picture(
        Plot(
            [Series("size", range(len(sizes)), sizes)],
            f"{len(values)} terms and their sum",
            ", ".join(names),
            "size",
            log_y=True,
        ),
        bars=True,
    )
    rng = np.random.default_rng(s.seed)
    w = s.weights.at(s.at).draw(rng, (5, s.n))
    x = s.inputs.at(s.at).draw(rng, (5, s.n))
    steps = np.concatenate([np.zeros((5, 1)), np.cumsum(w * x, axis=1)], axis=1)
    k = np.arange(s.n + 1)
    step = s.std / math.sqrt(s.n)
    walks = [
        Series("sum of sizes, on average", k, s.sizes / s.n * k),
        Series("+ std sqrt(k)", k, step * np.sqrt(k)),
    ]
    walks.append(Series("- std sqrt(k)", k, -step * np.sqrt(k)))
    walks += [Series(f"draw {j + 1}", k, path) for j, path in enumerate(steps)]
    yield Picture(Plot(walks, "With signs sqrt(k), without k", "terms added, k", "sum so far"))
    yield spike(s)


def spike(s: Setting) -> Picture:
    """The density of one product, of few and of many, all of variance 1."""
    grid = np.concatenate([-np.geomspace(3, 1e-4, 160), np.geomspace(1e-4, 3, 160)])
    series = []
    for n in (1, 2, 4, max(s.n, 5)):
        axis = Axis("i", n)
        product = RandomVariable("w", Normal(variance=sp.Rational(1, n)), axes=axis) * RandomVariable(
            "x", Normal(), axes=axis
        )
        series.append(Series(f"n = {n}", grid, np.asarray(law(sum_over(axis, product)).pdf(grid))))
    title = "Density of a sum of n products, variance 1"
    return Picture(Plot(series, title, "z", "density"), note="one product: a spike at 0")


def vanishing_pictures(s: Setting, depth: int) -> Iterator[Picture]:
    """The size of one product, the factors over depth, and mean against typical norm."""
    yield spike(s)
    layers = np.arange(depth + 1)
    factors = [(c, c / 2) for c in (1.8, 1.9, 2.0, 2.1, 2.2)]
    yield Picture(
        Plot(
            [Series(f"Var w = {c}/n", layers, f ** layers.astype(float)) for c, f in factors],
            "ReLU: E z^2 goes by (n Var(w) / 2)^L",
            "layers",
            "E z^2 relative",
            log_y=True,
        )
    )
    lines = []
    for width in (10, s.n):
        laws = norm_law([width] * depth)
        per_layer = float(laws.log_mean) / depth
        lines.append(Series(f"typical, width {width}", layers, np.exp(per_layer * layers)))
    drawn = norm_law([10])
    paths = np.stack([drawn.sample_log(24, seed=s.seed + k) for k in range(depth)])
    paths = np.concatenate([np.zeros((1, 24)), np.cumsum(paths, axis=0)])
    for j in range(6):
        alive = np.where(np.isfinite(paths[:, j]), np.exp(paths[:, j]), np.nan)  # the line of a dead net ends
        lines.append(Series(f"one net, width 10 ({j + 1})", layers, alive))
    mean = Series("mean over nets", layers, np.ones(depth + 1))
    title = "ReLU nets, Var w = 2/n: the mean stays, the typical net vanishes"
    yield Picture(Plot([mean, *lines], title, "layers", "squared norm per unit", log_y=True))
