"""Samples of the norm of a net, a binomial and a gamma draw per layer, however wide it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from varprop.networks.fair_counts import fair_counts
from varprop.simulation.streams import seed_words

__all__ = ["log_samples"]

BLOCK = 32768  # draws at a time: they stay in the cache


def log_samples(
    widths: NDArray[np.float64], counts: NDArray[np.int64], ratio: float, size: int, seed: int
) -> NDArray[np.float64]:
    """Draw log prod_l (chi2_{K_l} + ratio^2 chi2_{n_l - K_l}) / n_l, K_l ~ Binomial(n_l, 1/2).

    Args:
        widths: the different widths n.
        counts: how many layers have each.
        ratio: the smaller slope of the activation over the larger; 0 for ReLU, 1 or -1 for a linear net.
        size: how many.
        seed: any integer.

    Raises:
        SamplingError: the seed is no integer.

    Example:
        >>> log_samples(np.array([1e9]), np.array([1000]), 0.0, 3, seed=1).shape
        (3,)
    """
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed_words(seed))))
    total = np.zeros(size)
    often = counts >= BLOCK // 64
    plans = [
        (np.full(1, width), int(count)) for width, count in zip(widths[often], counts[often], strict=True)
    ]
    rest = np.repeat(widths[~often], counts[~often])
    single = rest[:1] if len(rest) and rest[0] == rest[-1] and np.all(rest == rest[0]) else None
    if single is not None:
        plans.append((single, len(rest)))
    elif len(rest):
        plans.append((rest, 1))
    for row, repeats in plans:
        _add(rng, total, row, repeats, ratio)
    return total


def _add(
    rng: np.random.Generator, total: NDArray[np.float64], row: NDArray[np.float64], repeats: int, ratio: float
) -> None:
    """Add the logs of layers of these widths, either one width `repeats` times or each width once."""
    layers = repeats if len(row) == 1 else len(row)
    across = min(layers, BLOCK)
    down = max(1, BLOCK // across)
    for top in range(0, len(total), down):
        part = total[top : top + down]
        for left in range(0, layers, across):
            n = row if len(row) == 1 else row[left : left + across]
            shape = (len(part), min(across, layers - left))
            with np.errstate(divide="ignore"):  # no unit is on: log 0 = -inf
                part += np.log(_factors(rng, n, shape, ratio)).sum(axis=1)


def _factors(
    rng: np.random.Generator, n: NDArray[np.float64], shape: tuple[int, int], ratio: float
) -> NDArray[np.float64]:
    if abs(ratio) == 1:
        return rng.standard_gamma(n / 2, shape) / (n / 2)
    if len(n) == 1:
        halves = fair_counts(int(n[0])).halves(rng, shape[0] * shape[1]).reshape(shape)
    else:
        halves = rng.binomial(n.astype(np.int64), 0.5, shape) / 2
    made = rng.standard_gamma(halves)
    if ratio:
        made += ratio**2 * rng.standard_gamma(n / 2 - halves)
    made /= n / 2
    return made
