"""Pairs whose means are not zero, against formulas by the distribution function of two normals."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest

from varprop.model import gaussian


def both_positive(a, b, c, rest):
    """P(U > -a, V > -b) at unit variances, along the correlation from 0 (Plackett 1954); rest = 1 - c^2."""
    start = mp.ncdf(a) * mp.ncdf(b)
    end = mp.asin(c) if abs(c) < 0.9 else mp.sign(c) * mp.acos(mp.sqrt(rest))

    def density(angle):
        k = mp.sin(angle)
        return mp.exp(-(a * a - 2 * a * b * k + b * b) / (2 * mp.cos(angle) ** 2)) / (2 * mp.pi)

    near = [end * (1 - mp.mpf(2) ** -k) for k in range(1, 48, 6)]
    return start + mp.quad(density, [0, *near, end])


def of_steps(m, n, q, r, across):
    c, rest = across / mp.sqrt(q * r), (q * r - across**2) / (q * r)
    return both_positive(m / mp.sqrt(q), n / mp.sqrt(r), c, rest)


def of_relus(m, n, q, r, across):
    """Rosenbaum 1961."""
    s, t = mp.sqrt(q), mp.sqrt(r)
    a, b, c, rest = m / s, n / t, across / (s * t), (q * r - across**2) / (q * r)
    root = mp.sqrt(rest)
    return (
        (m * n + across) * both_positive(a, b, c, rest)
        + s * n * mp.npdf(a) * mp.ncdf((b - c * a) / root)
        + t * m * mp.npdf(b) * mp.ncdf((a - c * b) / root)
        + s * t * root * mp.exp(-(a * a - 2 * a * b * c + b * b) / (2 * rest)) / (2 * mp.pi)
    )


def of_leaky(slope):
    """E of (relu(X) - slope relu(-X)) (relu(Y) - slope relu(-Y))."""

    def found(m, n, q, r, across):
        return sum(
            (-slope if i < 0 else 1) * (-slope if j < 0 else 1) * of_relus(i * m, j * n, q, r, i * j * across)
            for i, j in itertools.product((1, -1), repeat=2)
        )

    return found


def of_erfs(m, n, q, r, across):
    """erf(x) = E sign(x + N / sqrt 2)."""
    q, r = q + mp.mpf(1) / 2, r + mp.mpf(1) / 2
    a, b = m / mp.sqrt(q), n / mp.sqrt(r)
    return 4 * of_steps(m, n, q, r, across) - 2 * mp.ncdf(a) - 2 * mp.ncdf(b) + 1


KNOWN = {
    "step": of_steps,
    "relu": of_relus,
    "leaky_relu(0.25)": of_leaky(mp.mpf(1) / 4),
    "erf": of_erfs,
}
MEANS = [(0.3, -0.8), (-2.0, 1.5), (0.0, 0.7), (1e-3, 1e-3)]
SIZES = [(1.0, 1.0), (1e-8, 1e8), (1e-8, 1e-8), (3e7, 2e7)]
CORRELATIONS = [0.0, 1e-9, -0.2, 0.7, 1 - 1e-9, -1 + 1e-6, -1 + 1e-13]
DIGITS = 36


@pytest.mark.parametrize("name", KNOWN)
def test_shifted_pairs_of_every_size_and_correlation(name):
    """Means are in deviations; digits are those of the given matrix, and all of them."""
    laws = [
        (a * math.sqrt(q), b * math.sqrt(r), q, r, c * math.sqrt(q) * math.sqrt(r))
        for k, ((q, r), c) in enumerate(itertools.product(SIZES, CORRELATIONS))
        for a, b in [MEANS[k % len(MEANS)]]
    ]
    means = np.array([law[:2] for law in laws])
    matrices = np.array([[[q, k], [k, r]] for _, _, q, r, k in laws])
    found = gaussian.cross_moment(name, means, matrices)
    with mp.workdps(DIGITS + 4):
        for law, value, error in zip(laws, found.value, found.error, strict=True):
            exact = KNOWN[name](*map(mp.mpf, law))
            size = 1 if name in ("step", "erf") else math.sqrt(law[2] * law[3])
            assert abs(mp.mpf(value) - exact) <= 1e-12 * abs(exact) + size * mp.mpf(10) ** -DIGITS, law
            assert error <= 1e-10 * abs(value) + 1e-320


def test_weak_correlations_of_odd_functions_leave_what_they_add():
    """Mehler's series at means 0: E tanh(X) tanh(Y) = sum_k a_k^2 c^k, a_k = E tanh(N) He_k(N) / sqrt(k!)."""
    z, step = np.linspace(-12, 12, 2401, retstep=True)
    density = np.exp(-(z**2) / 2) * step / math.sqrt(2 * math.pi)
    first, third, fifth = (
        float((np.tanh(z) * he) @ density) ** 2
        for he in (z, (z**3 - 3 * z) / math.sqrt(6), (z**5 - 10 * z**3 + 15 * z) / math.sqrt(120))
    )
    for c in (4e-3, 1e-4, -5e-5, 1e-9, -1e-14):
        found = gaussian.cross_moment("tanh", [0, 0], [[1, c], [c, 1]])
        assert float(found) == pytest.approx(c * (first + c**2 * (third + c**2 * fifth)), rel=1e-12, abs=0)
        assert found.error <= 1e-12 * abs(found.value)
