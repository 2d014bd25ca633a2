"""Proven gains against mpmath.quad, which proves nothing; length maps of 100 layers against scipy's quad.

    python tests/benchmarks/gains.py

prints the ratio of the times in one run, the best of several, the goal beside what was reached.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import mpmath
import numpy as np
import sympy as sp
from scipy import integrate

import varprop as vp
from varprop.model import gaussian
from varprop.model.activations.base import X
from varprop.model.gaussian.inert import enclosed
from varprop.numerics.enclosures import enclose

DEPTH = 100
IN_MPMATH: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "mish": lambda z: z * mpmath.tanh(mpmath.log1p(mpmath.exp(z))),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
}


def seconds(run: Callable[[], object], repeats: int = 9) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def proven(name: str, digits: int) -> mpmath.mpf:
    """1 / rms, its square proven to `digits` digits; nothing is cached."""
    phi = vp.activation(name)
    found = enclose([phi.pieces[0] ** 2], [], X, sp.S.Zero, sp.S.One, (sp.S.One, 2 * phi.growth), digits)
    return 1 / mpmath.sqrt(mpmath.mpf(found.middle._mpf_))


def by_mpmath(name: str) -> mpmath.mpf:
    phi = IN_MPMATH[name]
    square = mpmath.quad(lambda z: phi(z) ** 2 * mpmath.npdf(z), [-mpmath.inf, 0, mpmath.inf])
    return 1 / mpmath.sqrt(square)


def certified() -> None:
    print("certified gain, 12 and 15 digits, against mpmath.quad at 15 digits: goal >= 5x")
    columns = ("12 digits", "15 digits", "mpmath", "ratio 12", "ratio 15", "apart")
    print(f"{'phi':10}" + "".join(f"{column:>12}" for column in columns))
    for name in IN_MPMATH:
        twelve, fifteen = (seconds(lambda d=d, n=name: proven(n, d)) for d in (12, 15))
        rival = seconds(lambda n=name: by_mpmath(n), 5)
        apart = abs(float(proven(name, 15) - by_mpmath(name)))
        cells = (f"{twelve * 1e3:.2f} ms", f"{fifteen * 1e3:.2f} ms", f"{rival * 1e3:.2f} ms")
        ratios = (f"{rival / twelve:.1f}x", f"{rival / fifteen:.1f}x", f"{apart:.1e}")
        print(f"{name:10}" + "".join(f"{cell:>12}" for cell in (*cells, *ratios)))
    exact = seconds(lambda: float(vp.gain("gelu").forward))
    print(f"gain('gelu') whole, by closed form: {exact * 1e3:.1f} ms")


def length_map(phi: vp.Activation, size: float) -> float:
    q = 1.0
    for _ in range(DEPTH):
        q = size**2 * float(gaussian.second_moment(phi, 0.0, math.sqrt(q)).value)
    return q


def by_scipy(phi: vp.Activation, size: float) -> float:
    q = 1.0
    for _ in range(DEPTH):
        std = math.sqrt(q)
        points = sorted(float(kink) / std for kink in phi.kinks if abs(float(kink)) < 10 * std)
        q = (
            size**2
            * integrate.quad(
                lambda z, s=std: (
                    float(phi.value(np.array(s * z))) ** 2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
                ),
                -10,
                10,
                points=points or None,
                epsabs=1e-13,
                epsrel=1e-13,
            )[0]
        )
    return q


def maps() -> None:
    print(f"\nlength maps of {DEPTH} layers, one number a layer, against scipy.integrate.quad at 1e-13")
    print(f"{'phi':14} {'kind':12} {'varprop':>11} {'scipy':>11} {'ratio':>8} {'apart':>9}")
    for name in ("relu", "leaky_relu(0.1)", "erf", "elu", "hardtanh", "tanh", "silu", "softplus", "softsign"):
        phi, size = vp.activation(name), float(vp.gain(name).forward)
        kind = gaussian.second_moment(phi, 0.0, 1.0).precision
        ours = seconds(partial(length_map, phi, size), 3)
        rival = seconds(partial(by_scipy, phi, size), 1)
        apart = abs(length_map(phi, size) / by_scipy(phi, size) - 1)
        print(f"{name:16}{kind:12}{ours * 1e3:9.1f} ms{rival * 1e3:9.0f} ms{rival / ours:8.1f}x{apart:10.1e}")
    stds = np.geomspace(1e-3, 1e3, 10_000)
    for name in ("relu", "elu", "tanh", "hardtanh", "softsign"):
        took = seconds(lambda n=name: gaussian.second_moment(n, 0.0, stds), 3)
        print(f"{name:14} 10,000 stds at once: {took * 1e3:7.1f} ms")


if __name__ == "__main__":
    enclosed.cache_clear()
    certified()
    maps()
