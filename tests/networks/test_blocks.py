"""Blocks, given inputs and profiles where a user goes wrong, and what their numbers are where not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

import varprop as vp
from varprop import (
    GLU,
    Concatenate,
    Conv,
    Dense,
    Flatten,
    Network,
    Normal,
    Residual,
    Uniform,
    propagate,
    relu,
    repeat,
    tanh,
    tied,
)
from varprop.networks.kernels import kernel
from varprop.networks.widening import wider

HE, X = "he_normal", [1.0, -1.0, 2.0, 0.5]
SHARED = tied(Dense(4))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Residual([Dense(4)], post="relu"), "it is no activation"),
        (lambda: Concatenate([Dense(4)]), "1 branch to put side by side"),
        (
            lambda: Network([Concatenate([Conv(2)], [Conv(2, stride=2)])], fan_in=(1, 6)),
            "different positions",
        ),
        (lambda: tied([Dense(4), relu]), "it is not one layer"),
        (lambda: Network([SHARED, Dense(5), SHARED], 4), "of 5 units: after the input it reads 4 units"),
        (lambda: Network([Residual([SHARED]), Dense(5), Concatenate([], [SHARED])], 4), "cannot read both"),
        (lambda: Network([repeat(3, [tied(Dense(5))])], 4), "cannot read both"),
        (lambda: propagate(Network([relu], 4), given=X, against=[1, 2]), "it is not as long as given="),
        (lambda: propagate(Network([relu], 4), input=Normal(), against=X), "Give given= too"),
        (lambda: propagate(Network([relu], 4), given="four"), "no row of finite numbers"),
        (lambda: propagate(Network([relu], 4), given=[1, 2, np.inf, 3]), "no row of finite numbers"),
        (lambda: propagate(Network([relu], 4), given=[1, 2]), "an input of 2 numbers"),
        (lambda: propagate(Network([relu], 4), input=Normal()).row(7), "no such place"),
        (lambda: propagate(Network([Dense("n")], 4), input=Normal()).at({}), "they are missing"),
        (lambda: Network([Dense(2)] * 3 + [repeat(10**7, [relu])], 4), "more than 1000000"),
    ],
)
def test_what_is_wrong_is_named(make: object, words: str) -> None:
    with pytest.raises(vp.VarpropError, match=words):
        make()  # type: ignore[operator]


def test_numbers_beyond_floats_cannot_be_drawn() -> None:
    net = Network(repeat(4, [Dense(4, Normal(variance="1e200"))]), fan_in=4)
    small = Network([Dense(4, HE)], fan_in=4)
    for deep, inputs in ((net, Normal()), (small, Normal(variance="1e-300"))):
        with pytest.raises(vp.SamplingError, match=r"drawn is 1e-290 to 1e\+290\. Take variances of inputs"):
            vp.check(propagate(deep, input=inputs), budget=0.1)


def test_symbols_in_blocks_take_values() -> None:
    net = Network(
        [
            Concatenate([Dense("n")], [GLU("n", tanh)]),
            Dense("n"),
            tied(Dense("n")),
            Residual([Dense("n")], "c"),
        ],
        fan_in="n",
    )
    assert {s.name for s in net.free_symbols} == {"n", "c"}
    known = net.at({"n": 4, "c": 2})
    assert not known.free_symbols and known.depth == 4
    assert str(known.layers[-1]) == "Residual(2 * [Dense(4)])"


def test_a_student_input_has_no_fourth_moment_but_a_second() -> None:
    last = propagate(Network([Dense(3), relu, Dense(3)], fan_in=2), input=vp.StudentT(3, 1))[-1]
    assert last.fourth_moment is None and float(last.second_moment) > 0


def test_gates_from_the_input_on_are_no_exact_gradient() -> None:
    first = propagate(Network([relu, Dense(3, HE)], fan_in=4), input=Normal())[0]
    assert first.validity_of("gradient") != "exact"
    assert float(first.gradient) == pytest.approx(3 * 2 / 4 / 2)


def test_a_table_through_a_kink_has_the_slopes_of_its_rows() -> None:
    rows = np.array([[1.0, -2.0], [3.0, 0.5]])
    table = vp.RandomVector("x", vp.Empirical(rows))
    first = propagate(Network([vp.leaky_relu("1/2"), Dense(2)], fan_in=2), input=table)[0]
    assert float(first.gradient) == pytest.approx((3 + 1 / 4) / 4)


def test_positions_of_unlike_size_lose_their_law_behind_flatten() -> None:
    net = Network([Conv(2, 3, weights=HE), Flatten(), tanh], fan_in=(1, 4))
    with pytest.raises(vp.DerivationError, match="neither symmetric nor normal"):
        propagate(net, input=Uniform(0, 1))
    first = propagate(Network([Conv(2, 3, weights=HE), tanh, Flatten()], fan_in=(1, 4)), input=Normal())
    sizes = [kernel(tanh).second(2 * count / 3) for count in (2, 3, 3, 2)]
    assert float(first[-1].second_moment) == pytest.approx(np.mean(sizes), rel=1e-9)


def test_widths_of_all_blocks_grow_together() -> None:
    parts = [
        Residual([Dense(6, HE), relu], multiplier="1/2"),
        Concatenate([Dense(3, HE)], [Dense(5, HE)]),
        tied(Dense(4, HE)),
    ]
    six, rng = (sp.Integer(24),), np.random.default_rng(0)
    block, sides, shared = wider(Network(parts, fan_in=6).layers, sp.Integer(4))
    assert [part.shape_after(six) for part in (block, sides, shared)] == [(24,), (32,), (16,)]
    for inner in (block.branch[0], sides.branches[1][0], shared.layer):
        weights = inner.law(six).draw(rng, 40_000)
        assert np.var(weights) == pytest.approx(2 / 24, rel=0.05)  # He for 24 inputs
    net = Network(parts[:1], fan_in=6)
    assert float(propagate(net, input=Normal()).row(1).second_moment) == pytest.approx(1 + 1 / 4)


def test_courses_stop_where_numbers_end() -> None:
    path = vp.mean_field("relu2", weight_variance=4).iterate(200, q=10.0)
    assert path.first[1] == pytest.approx(4 * 1.5 * 100) and path.first[-1] == math.inf
    steady = vp.mean_field("relu", weight_variance=2).iterate(50, q=3.0, r=1.0, c=1.0)
    assert steady.first[-1] == pytest.approx(3) and steady.correlation[-1] == 1
    both = vp.mean_field("tanh", weight_variance=0.5).iterate(4000, q=1.0, r=0.5, c=0.2)
    assert both.first[-1] < 1e-300


def test_kernels_of_one_and_of_two_lengths() -> None:
    found = kernel(tanh)
    assert found.cross(1.0, 1.0, 1.0) == pytest.approx(found.second(1.0))
    assert found.second(0.25) < found.second(1.0) and found.cross(1.0, 0.25, 0.0) == pytest.approx(
        0, abs=1e-15
    )


@pytest.mark.parametrize("size", [2.0, 0.3, 1e-2, 1e-3, 1e-4, 0])
def test_the_gradient_below_a_post_activation_block_with_a_branch_of_any_size(size: float) -> None:
    """Both gates are open with probability 1/4 + arcsin(correlation) / (2 pi), at z and z + size z'."""
    block = Residual([Dense(4, "he_normal")], size, post=relu)
    net = Network([Dense(4, "he_normal"), relu, block, Dense(2)], fan_in=4)
    both = 1 / 2 - np.arctan(size) / (2 * np.pi)
    shut = 1 / 4 if size else 0  # the unit was 0, and the branch has opened it
    known = both + size**2 * (both + shut)  # dy/dh behind the block has a mean square of 1/2
    profile = propagate(net, input=Normal())
    assert float(profile[1].gradient) == pytest.approx(known / 2, rel=1e-8)
    assert float(profile[0].gradient) == pytest.approx(known, rel=1e-8)


def test_a_branch_too_small_or_too_large_to_follow_is_refused() -> None:
    def net(variance: object) -> Network:
        block = Residual([Dense(4, Normal(variance=variance))], post=relu)
        return Network([Dense(4, "he_normal"), relu, block, Dense(2)], fan_in=4)

    for variance in ("1e-12", "1e-300"):
        with pytest.raises(vp.DerivationError, match="smaller than 1/100,000"):
            propagate(net(variance), input=Normal())
    far = Network([Dense(4, Normal(variance="1e300")), *net("1e300").layers[1:]], fan_in=4)
    with pytest.raises(vp.MomentError, match="E relu\\^2 under N"):
        propagate(far, input=Normal())
