"""Random small expressions of discrete variables: every result against a count of all outcomes.

The oracle knows no rule. Shared, tied, summed, named and numbered places meet in every way, so a rule that
overlooks one of them gives a wrong number here.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
import sympy as sp

from varprop import (
    Axis,
    Bernoulli,
    CentralMoment,
    Constant,
    Covariance,
    Cumulant,
    DerivationError,
    Empirical,
    ExpressionError,
    Joint,
    Mean,
    Mixture,
    MomentError,
    Rademacher,
    RandomVariable,
    RandomVector,
    Variance,
    abs_,
    at,
    derive,
    leaky_relu,
    relu,
    step,
    sum_over,
    symbol,
)
from varprop.model.expressions import Add, Apply, Product, Scalar, SumOver
from varprop.model.variables import variables
from varprop.model.walks import symbols_of, walk

THIRD = sp.Rational(1, 3)
LAWS = {
    "r": (Rademacher(), {-1: 1 / 2, 1: 1 / 2}),
    "t": (Mixture([Constant(2), Constant(-1)], [THIRD, 2 * THIRD]), {2: 1 / 3, -1: 2 / 3}),
    "u": (Bernoulli(sp.Rational(1, 2)), {0: 1 / 2, 1: 1 / 2}),
    "s": (Mixture([Constant(k) for k in (-1, 0, 1)], [THIRD] * 3), {-1: 1 / 3, 0: 1 / 3, 1: 1 / 3}),
}
ACTIVATIONS = {
    relu: lambda x: np.maximum(x, 0),
    abs_: np.abs,
    step: lambda x: 1.0 * (x > 0),
    leaky_relu("1/2"): lambda x: np.where(x > 0, x, x / 2),
}
MOST_OUTCOMES = 20_000


ROWS = np.array([[0, 2, -1], [1, 1, 3], [2, 0, 0], [1, -1, 0]])


class OneHot(Joint):
    """A random sign at one random place, zero elsewhere: alike and uncorrelated, but dependent."""

    shape = (sp.Integer(3),)
    alike = True
    uncorrelated = True

    def entry_moment(self, k, place=None):
        return sp.S.Zero if k % 2 else THIRD

    def draw(self, rng, shape):
        raise NotImplementedError


VECTORS = {"table": (Empirical(ROWS), ROWS), "hot": (OneHot(), np.vstack([np.eye(3), -np.eye(3)]))}


def support(variable):
    """Return the probabilities of the outcomes of each root of a variable, and the value at each place."""
    places = list(itertools.product(*(range(int(axis.size)) for axis in variable.axes)))
    if variable.name in VECTORS:
        rows = VECTORS[variable.name][1]
        return [(np.full(len(rows), 1 / len(rows)), {place: rows[:, place[0]] for place in places})]
    values, weights = (
        np.array(list(side), dtype=float) for side in zip(*LAWS[variable.name[0]][1].items(), strict=True)
    )
    return [(weights, {place: values}) for place in places]


def outcomes(expressions):
    """Return the probability of every outcome, and the value of every entry of every variable in it."""
    roots = [(variable, *root) for variable in variables(*expressions) for root in support(variable)]
    if math.prod(len(weights) for _, weights, _ in roots) > MOST_OUTCOMES:
        return None
    grids = np.meshgrid(*(np.arange(len(weights)) for _, weights, _ in roots), indexing="ij")
    chosen = [grid.ravel() for grid in grids]
    values = {
        (variable, place): at_place[pick]
        for (variable, _, places), pick in zip(roots, chosen, strict=True)
        for place, at_place in places.items()
    }
    weights = [weights[pick] for (_, weights, _), pick in zip(roots, chosen, strict=True)]
    return math.prod(weights, start=np.ones(1)), values


def evaluated(node, values, places):
    """Return the value of an expression in every outcome."""
    if isinstance(node, Scalar):
        return float(node.value)
    if isinstance(node, RandomVariable):
        return values[node.variable, tuple(places[slot] for slot in node.slots)]
    if isinstance(node, Product):
        return float(node.coefficient) * np.prod(
            np.broadcast_arrays(*(evaluated(base, values, places) ** power for base, power in node.factors)),
            axis=0,
        )
    if isinstance(node, Add):
        return sum(evaluated(term, values, places) for term in node.terms)
    if isinstance(node, Apply):
        return ACTIVATIONS[node.activation](evaluated(node.argument, values, places))
    assert isinstance(node, SumOver)
    return sum(
        evaluated(node.body, values, {**places, node.index: k}) for k in range(int(node.index.axis.size))
    )


def exact(noun):
    """Return the value of a quantity by counting and its scale, or None if there are too many outcomes."""
    found = outcomes(noun.expressions)
    if found is None:
        return None
    weights, values = found
    free = frozenset().union(*(e.indices for e in noun.expressions))
    places = {}
    for index in sorted(free, key=lambda i: (i.kind != "position", i.kind, i.key)):
        taken = {k for other, k in places.items() if other.axis == index.axis}
        places[index] = index.key if index.kind == "position" else min(set(range(9)) - taken)
    sides = [np.broadcast_to(evaluated(e, values, places), weights.shape) for e in noun.expressions]
    means = [np.dot(weights, side) for side in sides]
    left, right = (sides[k] - means[k] for k in (0, -1))
    scale = 1 + max(np.abs(side).max() for side in sides) ** (noun.order or 2)
    if isinstance(noun, Mean):
        return means[0], scale
    if isinstance(noun, (Variance, Covariance)):
        return np.dot(weights, left * right), scale
    assert isinstance(noun, (CentralMoment, Cumulant)) and noun.order in (3, 4)
    central = np.dot(weights, left**noun.order)
    if isinstance(noun, Cumulant) and noun.order == 4:
        central -= 3 * np.dot(weights, left**2) ** 2
    return central, scale


class World:
    """Random small expressions over a few axes, with shared, tied, summed and named variables."""

    def __init__(self, seed: int, vector: str = "", sizes: tuple[object, ...] = ()) -> None:
        self.random = random.Random(seed)
        first, second = sizes or (3 if vector else self.random.choice([2, 3]), 2)
        self.axes = [Axis("a", first), Axis("b", second)]
        self.named = [axis.places(2) for axis in self.axes]
        self.variables = []
        for k in range(self.random.choice([2, 3])):
            law = self.random.choice("rrtus")
            axes = self.random.choice([(), (0,), (0,), (1,), (0, 1), (0, 0)])
            self.variables.append(RandomVariable(f"{law}{k}", LAWS[law][0], [self.axes[n] for n in axes]))
        if vector:
            joint = RandomVector(vector, VECTORS[vector][0], axes=self.axes[0])
            self.variables[:2] = [joint, joint, self.variables[0]]

    def leaf(self):
        variable = self.random.choice(self.variables)
        slots = []
        for axis in variable.variable.axes:
            options = [axis.index, axis.index, axis.index, *self.named[self.axes.index(axis)], axis.at(0)]
            slots.append(self.random.choice(options))
        if len(slots) == 2 and slots[0] == slots[1] == variable.variable.axes[0].index:
            slots = [self.named[0][0]] * 2
        return variable[tuple(slots)] if slots else variable

    def expression(self, depth: int):
        pick = self.random.random()
        if depth == 0 or pick < 0.15:
            return self.leaf()
        if pick < 0.45:
            return self.expression(depth - 1) * self.expression(depth - 1)
        if pick < 0.6:
            return self.expression(depth - 1) + self.random.choice([1, -1, 2]) * self.expression(depth - 1)
        if pick < 0.85:
            axis = self.random.choice([0, 1])
            place = self.random.choice([self.axes[axis], self.axes[axis], self.named[axis][0]])
            return sum_over(place, self.expression(depth - 1))
        inner = self.expression(depth - 1)
        return inner if isinstance(inner, Scalar) else self.random.choice(list(ACTIVATIONS))(inner)

    def quantity(self):
        e = self.expression(self.random.choice([2, 3, 3, 4]))
        kind = self.random.choice("mmmvvccCk")
        if kind == "m":
            return Mean(e ** self.random.choice([1, 2, 2]))
        if kind == "v":
            return Variance(e)
        if kind == "c":
            return Covariance(e, self.expression(2))
        return Cumulant(e, self.random.choice([3, 4])) if kind == "k" else CentralMoment(e, 3)


def fits(noun) -> bool:
    """Whether no axis is asked for more places than it has, and there is something random."""
    free = frozenset().union(*(e.indices for e in noun.expressions))
    per_axis = {index.axis: sum(other.axis == index.axis for other in free) for index in free}
    size = sum(1 for e in noun.expressions for _ in walk(e))
    return all(count <= axis.size for axis, count in per_axis.items()) and size < 40


def outcome(seed, vector=""):
    """Return "refused", "right" or what is wrong, and whether the truth is 0."""
    noun = World(seed, vector).quantity()
    if not fits(noun) or (truth := exact(noun)) is None:
        return None
    try:
        proof = derive(noun)
    except (DerivationError, MomentError, ExpressionError):
        return "refused"
    value, scale = truth
    wrong = abs(float(proof.result) - value) > 1e-9 * scale
    assert proof.validity == "exact"
    if wrong:
        return f"seed {seed}: {noun} = {value}, not {proof.result}"
    return "right" if abs(value) > 1e-9 * scale else "right, and zero"


def counted(seeds, vector=""):
    found = Counter(outcome(seed, vector) for seed in seeds)
    assert not [text for text in found if text is not None and text.startswith("seed")]
    return found


@pytest.mark.parametrize("batch", range(5))
def test_every_result_is_the_count_of_all_outcomes(batch):
    found = counted(range(100 * batch, 100 * batch + 100))
    # Most quantities are derived, and most of them are not zero: the test is not empty.
    assert found["right"] >= 25
    assert found["right"] + found["right, and zero"] > 2 * found["refused"]


@pytest.mark.parametrize("vector", VECTORS)
def test_results_on_dependent_entries(vector):
    # Free places of a table are refused, so that many seeds are needed for as many results.
    assert counted(range(400), vector)["right"] >= 25


@pytest.mark.parametrize("sizes", [(2, 2), (3, 2), (2, 3)])
def test_formulas_in_symbolic_sizes(sizes):
    n, m = symbol("n"), symbol("m")
    values = dict(zip((n, m), sizes, strict=True))
    right = 0
    for seed in range(100):
        noun = World(seed, sizes=(n, m)).quantity()
        inside = symbols_of(*noun.expressions)
        there = at(noun, {name: size for name, size in values.items() if name in inside})
        if not fits(there) or (truth := exact(there)) is None:
            continue
        try:
            proof = derive(noun)
        except (DerivationError, MomentError):
            continue
        if proof.validity == "exact":
            assert float(proof.result.subs(values)) == pytest.approx(truth[0], abs=1e-9 * truth[1])
            right += abs(truth[0]) > 1e-9 * truth[1]
    assert right >= 25
