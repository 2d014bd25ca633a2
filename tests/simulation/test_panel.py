"""The panel: exactly the declared moments, one law at every place, whatever the coupling."""

from __future__ import annotations

import numpy as np
import pytest

from varprop.errors import SamplingError
from varprop.model.distributions import Unknown
from varprop.simulation.panel import COUPLINGS, Coupled, Points, panel, standardized

DECLARED = [
    Unknown(mean=1, variance=4),
    Unknown(symmetric=True),
    Unknown(symmetric=False, variance=2),
    Unknown(third_moment=2),
    Unknown(mean="1/2", variance=2, third_moment=-3),
    Unknown(fourth_moment=5),
    Unknown(symmetric=True, fourth_moment="3/2"),
    Unknown(mean=1, variance=1, third_moment=4, fourth_moment=12),
    Unknown(mean=1, variance=2, fourth_moment=60),
    Unknown(fourth_moment=1),
    Unknown(atom_at_zero=False),
]


def members() -> list[tuple[Unknown, Coupled]]:
    return [(unknown, law) for unknown in DECLARED for law in panel(unknown, COUPLINGS)]


@pytest.mark.parametrize(("unknown", "law"), members(), ids=lambda part: getattr(part, "name", str(part)))
def test_every_member_has_the_declared_moments_at_every_place(unknown: Unknown, law: Coupled) -> None:
    drawn = law.draw(np.random.default_rng(11), (200_000, 2))
    higher = dict(unknown.higher) | ({3: 0} if unknown.declared_symmetric else {})
    wanted = {1: unknown.mean, 2: unknown.variance + unknown.mean**2, **higher}
    for order, value in wanted.items():
        powers = drawn**order
        error = powers.std(axis=0) / np.sqrt(len(drawn)) + 1e-9
        assert (abs(powers.mean(axis=0) - float(value)) < 5 * error).all()
    a, b = drawn.T
    gap = {"independent": 0.0, "all equal": 1.0}.get(law.coupling)
    correlation = float(np.corrcoef(a, b)[0, 1])
    assert correlation < -0.02 if gap is None else abs(correlation - gap) < 0.02


@pytest.mark.parametrize(("unknown", "law"), members(), ids=lambda part: getattr(part, "name", str(part)))
def test_places_cancel_exactly_where_their_sum_is_constant(unknown: Unknown, law: Coupled) -> None:
    for places in (1, 2, 3, 4):
        sums = law.draw(np.random.default_rng(5), (2000, places)).sum(axis=1)
        assert law.cancels(places) == (np.ptp(sums) < 1e-9)


def test_the_panel_is_diverse() -> None:
    names = [law.name for law in panel(Unknown(mean=1, variance=4), COUPLINGS)]
    assert len(names) == len(set(names)) == 12
    skews = [
        np.mean((law.draw(np.random.default_rng(1), (10**5, 1)) - 1) ** 3) / 8 for law in panel(DECLARED[0])
    ]
    assert max(skews) > 1 and min(map(abs, skews)) < 0.2


def test_points_are_exact() -> None:
    law = Points(1.0, 4.0)
    drawn, mirror = law.pair(np.random.default_rng(1), (10**6,))
    values, counts = np.unique(drawn, return_counts=True)
    mass = counts / counts.sum()
    for order, wanted in ((1, 0.0), (2, 1.0), (3, 1.0), (4, 4.0)):
        assert values**order @ mass == pytest.approx(wanted, abs=0.02)
    assert np.corrcoef(drawn, mirror)[0, 1] < -0.3


@pytest.mark.parametrize(
    ("unknown", "part"),
    [
        (Unknown(moments={6: 40}), "order 6"),
        (Unknown(variance="v"), "no value"),
        (Unknown(fourth_moment=1, atom_at_zero=False), "two points"),
        (Unknown(atom_at_zero=True), "atom at zero"),
    ],
)
def test_what_has_no_sampler_says_so(unknown: Unknown, part: str) -> None:
    with pytest.raises(SamplingError, match=part):
        panel(unknown)


def test_infeasible_moments_are_refused() -> None:
    with pytest.raises(SamplingError, match="kurtosis >= skewness"):
        standardized(2.0, 4.0, None)
