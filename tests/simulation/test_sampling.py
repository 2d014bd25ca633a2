"""Sampling: the evaluator against arithmetic by hand, on draws it shares."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

from varprop.errors import SamplingError
from varprop.model.activations import HomogeneousActivation, activation, relu
from varprop.model.axes import Axis
from varprop.model.distributions import Constant, Normal
from varprop.model.expressions import Expression, sum_over
from varprop.model.joint import Empirical, Orthogonal
from varprop.model.neurons import dot
from varprop.model.variables import RandomVariable, RandomVector
from varprop.simulation.functionals import Functional
from varprop.simulation.layout import Design
from varprop.simulation.sampling import Program
from varprop.simulation.schedule import first_group
from varprop.simulation.streams import Streams
from varprop.simulation.twoway import Crossed, Signed, is_one_sum

PLAIN, CROSSED = Design(5), Design(4, 3)


class Recorded:
    """A law that draws normals and keeps them."""

    independent = False

    def __init__(self) -> None:
        self.drawn = np.empty(0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        self.drawn = rng.standard_normal(shape)
        return self.drawn

    def numbers(self, places: int) -> int:
        return places


def normal(name: str, *axes: Axis) -> RandomVariable:
    return RandomVariable(name, "Normal()", axes=axes)


def values(
    root: Expression, design: Design = PLAIN, blocks: int = 2
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Samples of an expression, and the draws of its variables by name, (blocks, rows, *places)."""
    bare = Program([root])
    laws = {variable: Recorded() for variable in bare.variables}
    group = first_group(root) if design.crossed else frozenset()
    (samples,) = Program([root], laws, group).run(Streams(1), chunk=0, blocks=blocks, design=design)
    drawn = {v.name: law.drawn.reshape(blocks, -1, *law.drawn.shape[1:]) for v, law in laws.items()}
    return samples, drawn


i, j, k = Axis("i", 4), Axis("j", 3), Axis("k", 6)
w, x, v, W, b = normal("w", i), normal("x", i), normal("v", j), normal("W", j, i), normal("b", j)


@pytest.mark.parametrize(
    ("root", "by_hand"),
    [
        (sum_over(i, w * x), lambda w, x: np.einsum("bsi,bsi->bs", w, x)),
        (sum_over(i, w * x) ** 3 - 2, lambda w, x: np.einsum("bsi,bsi->bs", w, x) ** 3 - 2),
        (sum_over(i, w**2 * x**3 / 4), lambda w, x: (w**2 * x**3).sum(-1) / 4),
        (sum_over(i, w * x + 3), lambda w, x: (w * x).sum(-1) + 12),
        (sum_over(i, w - x * w**2), lambda w, x: (w - x * w**2).sum(-1)),
        (sum_over(i, relu(w + x) * x), lambda w, x: (np.maximum(w + x, 0) * x).sum(-1)),
        (
            sum_over(j, v * relu(sum_over(i, W * x) + b)),
            lambda v, W, x, b: (v * np.maximum(np.einsum("bsji,bsi->bsj", W, x) + b, 0)).sum(-1),
        ),
        (sum_over(i, w * sum_over(i, x)), lambda w, x: w.sum(-1) * x.sum(-1)),
        (sum_over(i, w * x * sum_over(i, w * x)), lambda w, x: (w * x).sum(-1) ** 2),
        (sum_over(j, sum_over(i, W * x * v)), lambda W, x, v: np.einsum("bsji,bsi,bsj->bs", W, x, v)),
        (sum_over(i, w * x * normal("u", i)), lambda w, x, u: (w * x * u).sum(-1)),
        (sum_over(j, W * x), lambda W, x: W[..., 0].sum(-1) * x[..., 0]),
        (w * x, lambda w, x: (w * x)[..., 0]),
    ],
)
def test_against_arithmetic(root: Expression, by_hand: Callable[..., np.ndarray]) -> None:
    samples, drawn = values(root)
    names = by_hand.__code__.co_varnames[: by_hand.__code__.co_argcount]
    assert samples == pytest.approx(by_hand(**{name: drawn[name] for name in names}))


def test_crossed_is_every_row_with_every_column() -> None:
    z = sum_over(j, v * relu(sum_over(i, W * x) + b)) + normal("c")
    samples, drawn = values(z, CROSSED)
    inner = np.maximum(np.einsum("bsji,bsi->bsj", drawn["W"], drawn["x"]) + drawn["b"], 0)
    assert samples == pytest.approx(np.einsum("brj,bsj->brs", drawn["v"], inner) + drawn["c"][:, :, None])
    assert samples.shape == (2, 4, 3)


def test_long_products_are_cut_into_blocks() -> None:
    long = Axis("i", 700)
    samples, drawn = values(sum_over(long, normal("w", long) * normal("x", long)), CROSSED)
    assert samples == pytest.approx(drawn["w"] @ drawn["x"].transpose(0, 2, 1))


def test_a_sum_without_its_index_counts_the_places() -> None:
    shared = normal("s")
    samples, drawn = values(sum_over(i, w * shared + shared))
    assert samples == pytest.approx((drawn["w"].sum(-1) + 4) * drawn["s"])


def test_only_named_places_are_drawn() -> None:
    one, two = i.places(2)
    samples, drawn = values(x[one] * x[two] - x[3])
    assert drawn["x"].shape == (2, 5, 3)
    assert samples == pytest.approx(drawn["x"][..., 0] * drawn["x"][..., 1] - drawn["x"][..., 2])
    _, drawn = values(x[one] * sum_over(i, x))
    assert drawn["x"].shape == (2, 5, 4)


def test_bound_and_named_places_meet() -> None:
    """E x_k sum_i x_i: the sum runs over the named place too."""
    one = i.places(1)[0]
    samples, drawn = values(x[one] * sum_over(i, x))
    assert samples == pytest.approx(drawn["x"][..., 0] * drawn["x"].sum(-1))


def test_two_slots_on_one_axis() -> None:
    tied = normal("T", i, i)
    one, two = i.places(2)
    samples, drawn = values(sum_over(two, tied[one, two] * x[two]))
    assert samples == pytest.approx(np.einsum("bsi,bsi->bs", drawn["T"][:, :, 0, :], drawn["x"]))
    trace, drawn = values(sum_over(one, tied[one, one] * x[one]))
    assert trace == pytest.approx(np.einsum("bsii,bsi->bs", drawn["T"], drawn["x"]))


def test_joint_laws_are_drawn_whole() -> None:
    table = RandomVector("x", Empirical([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]))
    (samples,) = (
        Program([table.at(j=1) - 10 * table.at(j=0)]).run(Streams(1), chunk=0, blocks=1, design=Design(64))
        if table.axis.name == "j"
        else Program([table.at(i=1) - 10 * table.at(i=0)]).run(
            Streams(1), chunk=0, blocks=1, design=Design(64)
        )
    )
    assert (samples == 0).all()
    rotation = RandomVector("Q", Orthogonal(3))
    a, c = rotation.variable.axes
    (length,) = Program([sum_over(c, rotation**2)]).run(Streams(1), chunk=0, blocks=1, design=Design(8))
    assert length == pytest.approx(1)
    assert a != c


def test_expressions_of_one_program_share_their_draws() -> None:
    first, second = Program([w * x, w]).run(Streams(3), chunk=4, blocks=2, design=PLAIN)
    assert first.shape == second.shape == (2, 5)
    (alone,) = Program([w]).run(Streams(3), chunk=4, blocks=2, design=PLAIN)
    assert (alone == second).all()  # the first variable of both has stream 0


def test_streams_do_not_depend_on_names() -> None:
    def drawn(name: str) -> np.ndarray:
        return Program([normal(name) * normal("y")]).run(Streams(3), chunk=0, blocks=1, design=PLAIN)[0]

    assert (drawn("x") == drawn("renamed")).all()
    assert (drawn("y") == drawn("x")).all()


def test_depth_and_sharing_are_no_limit() -> None:
    e: Expression = normal("x")
    for _ in range(10_000):
        e = relu(e) + 1
    assert Program([e]).run(Streams(1), chunk=0, blocks=1, design=Design(2))[0].min() >= 10_000
    e = normal("x")
    for _ in range(200):
        e = e + relu(e) * e / 1_000_000  # 2^200 paths, 200 nodes
    assert np.isfinite(Program([e]).run(Streams(1), chunk=0, blocks=1, design=Design(2))[0]).all()


def test_arrays_are_freed_after_their_last_use() -> None:
    e: Expression = normal("x")
    for _ in range(50):
        e = relu(e) + 1
    assert Program([e]).work(Design(100)).entries <= 400


@pytest.mark.parametrize(
    ("root", "part"),
    [
        (sum_over(Axis("i", "n"), normal("x")) * normal("y"), "no value"),
        (RandomVariable("x", "Normal()", axes=Axis("i", "n")) + 1, "whole number"),
    ],
)
def test_missing_values_are_named(root: Expression, part: str) -> None:
    with pytest.raises(SamplingError, match=part):
        Program([root]).run(Streams(1), chunk=0, blocks=1, design=PLAIN)


def test_too_few_places() -> None:
    open_axis = Axis("i", "n")
    one, two, three = open_axis.places(3)
    u = normal("u", open_axis)
    with pytest.raises(SamplingError, match="only 2"):
        Program([(u[one] * u[two] * u[three]).at({"n": 2})])


def test_values_reach_every_symbol() -> None:
    axis = Axis("i", "n")
    root = sum_over(axis, RandomVariable("x", "Normal(mean=m, variance=1/n)", axes=axis) * "a") * 1
    (samples,) = Program([root.at({"n": 3, "m": 100, "a": 2})]).run(
        Streams(1), chunk=0, blocks=1, design=Design(99)
    )
    assert samples.mean() == pytest.approx(600, rel=0.01)


@pytest.mark.parametrize(
    ("root", "names"),
    [
        (sum_over(i, w * x) + normal("c"), {"w", "c"}),
        (sum_over(j, v * relu(sum_over(i, W * x))), {"v"}),
        (sum_over(i, w * x) + sum_over(j, v * b), {"w", "v"}),
        (sum_over(i, w * w * w), set()),
        (sum_over(i, w * x) * sum_over(i, x * w**2), {"w"}),
        (sum_over(i, w * x) * sum_over(j, b * sum_over(i, w)), set()),
        (sum_over(i, relu(w)), set()),
        (w, set()),
    ],
)
def test_groups_come_from_structure(root: Expression, names: set[str]) -> None:
    found = {variable.name for variable in first_group(root)}
    assert found in (names, {"x"} if names == {"w", "c"} else names)


def drawn_in_single(program: Program, seed: int, design: Design) -> list[np.ndarray]:
    streams = Streams(seed)
    drawn = [s.draw(streams.generator(s.key, chunk=0), 1, design)[0] for s in program.sources]
    return [part.astype(np.float64) for part in drawn]


@pytest.mark.parametrize("inputs", ["Normal()", "Rectified(Uniform(-1, 3))", "Laplace()"])
def test_in_single_only_products_are_rounded(inputs: str) -> None:
    z = dot(weights="Normal()", inputs=inputs, fan_in=200)
    program, design = Program([z], {}, first_group(z)), Design(5, 4, single=True)
    values = program.run(Streams(3), chunk=0, blocks=1, design=design)[0][0]
    assert values.dtype == np.float64
    assert [source.has_single for source in program.sources] == [True, inputs != "Laplace()"]
    rows, columns = drawn_in_single(program, 3, design)
    np.testing.assert_allclose(values, rows @ columns.T, atol=200**0.5 * 1e-5)
    assert np.abs(values - rows @ columns.T).max() > 0


@pytest.mark.parametrize("n", [16, 255])
@pytest.mark.parametrize(
    ("weights", "inputs"), [("Normal(8)", "Normal(8)"), ("Uniform(8, 9)", "Laplace(1e8)")]
)
def test_rounding_to_single_is_far_below_the_spread(weights: str, inputs: str, n: int) -> None:
    """At the farthest centers that are drawn in float32."""
    z = dot(weights=weights, inputs=inputs, fan_in=n)
    program, design = Program([z], {}, first_group(z)), Design(512, 16, single=True)
    values = program.run(Streams(1), chunk=0, blocks=1, design=design)[0][0]
    rows, columns = drawn_in_single(program, 1, design)
    rounded = values - rows @ columns.T
    assert 0 < rounded.std() < 1e-4 * values.std() and abs(rounded.mean()) < 1e-5 * values.std()


@pytest.mark.parametrize("slope", [10**-44, 10**44])
def test_slopes_beyond_float32_are_applied_in_float64(slope: float) -> None:
    thin = HomogeneousActivation("thin", sp.sympify(slope), sp.S.Zero, 1)
    z = sum_over(i, normal("w", i) * thin(normal("x", i)))
    program, design = Program([z], {}, first_group(z)), Design(8, 8, single=True)
    with np.errstate(all="ignore"):  # as estimates are made
        values = program.run(Streams(2), chunk=0, blocks=1, design=design)[0][0]
    w, x = drawn_in_single(program, 2, design)
    np.testing.assert_allclose(values / slope, w @ np.maximum(x, 0).T, atol=1e-5)


def test_other_laws_keep_the_split() -> None:
    z = dot(weights="Normal()", inputs="Normal()", fan_in=4)
    program = Program([z], {}, first_group(z))
    assert [source.first_group for source in program.with_laws({}).sources] == [True, False]
    assert not any(source.first_group for source in Program([z]).with_laws({}).sources)


def test_rare_values_are_not_drawn_again_until_they_come() -> None:
    """A block of zeros counts: draws made again because of what was seen would be other ones."""
    z = dot(weights="Normal()", inputs="Bernoulli(1/4000)", fan_in=64)
    block = Crossed(Program([z], {}, first_group(z)), Functional("variance"), 16, 8, single=True)
    found = np.array([block.results(Streams(5), chunk=chunk)[0, 0] for chunk in range(3000)])
    assert (found == 0).mean() == pytest.approx((1 - 1 / 4000) ** (64 * 8), abs=0.03)
    assert abs(found.mean() - 64 / 4000) < 5 * found.std() / 3000**0.5


@pytest.mark.parametrize(
    ("law", "single"),
    [
        ("Normal(3, 4)", True), ("Normal(1e8, 1)", False), ("Normal(20, 1)", False),
        ("Normal(5.1234567, 1)", False), ("Normal(0.3, 1)", True),
        ("Normal(std=1e-13)", False), ("Uniform(1, 2)", True), ("Uniform(1000000, 1000001)", False),
        ("Rectified(Normal(1e8, 1))", False), ("Laplace()", False),
        ("Uniform(998.92276, 999.92276)", False), ("Constant(2)", False), ("Normal(8.5, 1)", False),
        ("Normal(300000.01, std=1000000)", True), ("Normal(1/1024, std=1/100000)", False),
        ("Normal(1/10000000, std=1/10000000)", True),
    ],
)  # fmt: skip
def test_laws_that_float32_would_blur_are_drawn_in_float64(law: str, single: bool) -> None:
    x = RandomVariable("x", law).variable.distribution
    drawn = x.draw_single(np.random.default_rng(1), 2000)
    assert drawn.dtype == (np.float32 if single else np.float64)
    assert x.has_single is single
    if not isinstance(x, Constant):
        assert drawn.std() == pytest.approx(float(x.variance) ** 0.5, rel=0.2)


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("z", True),
        ("3 * z + b", True),
        ("z - y", False),
        ("b * z", False),
        ("relu(z)", False),
        ("z of relu", True),
        ("z of tanh", False),
        ("z of step", False),
        ("z of relu(x - 1)", False),
    ],
)
def test_what_is_one_sum(text: str, one: bool) -> None:
    z, y = (dot(weights="Normal()", inputs="Normal()", fan_in=4) for _ in range(2))
    b = RandomVariable("b", "Normal()")
    roots = {"z": z, "3 * z + b": 3 * z + b, "z - y": z - y, "b * z": b * z, "relu(z)": relu(z)}
    w, x = normal("w", i), normal("x", i)
    inner = {
        "relu": relu(x),
        "tanh": activation("tanh")(x),
        "step": activation("step")(x),
        "relu(x - 1)": relu(x - 1),
    }
    roots |= {f"z of {name}": sum_over(i, w * value) for name, value in inner.items()}
    assert is_one_sum(roots[text]) is one


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_copies_of_a_draw_differ_by_fair_signs(kind: type) -> None:
    signed = Signed(Normal(2), 4)
    draw = signed.draw if kind is np.float64 else signed.draw_single
    values = draw(np.random.default_rng(1), (400, 50)).reshape(100, 4, 50)
    assert values.dtype == kind
    np.testing.assert_array_equal(np.abs(values), np.abs(values[:, :1]).repeat(4, axis=1))
    signs = np.sign(values)
    assert abs(signs.mean()) < 5 / 20_000**0.5
    for other in range(1, 4):  # the four copies, and places beside each other, agree half the time
        assert abs((signs[:, 0] * signs[:, other]).mean()) < 5 / 5_000**0.5
        assert abs((signs[:, :, other:] * signs[:, :, :-other]).mean()) < 5 / 18_800**0.5


def test_draws_in_float32_cost_a_third() -> None:
    for law, quick in (("Normal()", True), ("Laplace()", False)):
        z = dot(weights=law, inputs=law, fan_in=64)
        program = Program([z], {}, first_group(z))
        double, single = (program.work(Design(64, 32, single)) for single in (False, True))
        assert double.draws == single.draws == 64 * 96
        assert double.cost > 18 * double.draws
        assert double.cost - single.cost == (pytest.approx(12 * 64 * 96 + 0.025 * 64**2 * 32) if quick else 0)
