"""Normal variables: linear combinations, neurons given their inputs, and the limit of wide layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy as sp

from varprop.derivation import assumptions as assume
from varprop.derivation.quantities import Mean, Quantity, Variance
from varprop.derivation.rules.addends import flattened
from varprop.derivation.rules.base import Parts, Requirement, Rule
from varprop.derivation.rules.means import mean_line
from varprop.derivation.rules.worlds import normal, uniform, variable
from varprop.derivation.structure import Structure
from varprop.model.activations import Activation, HomogeneousActivation, abs_, relu, tanh
from varprop.model.axes import Axis
from varprop.model.distributions import Distribution, Laplace, Normal, Rademacher, Uniform
from varprop.model.expressions import (
    Add,
    Apply,
    Expression,
    Scalar,
    SumOver,
    multiply,
    powers_of,
    product,
    split_coefficient,
    sum_over,
)
from varprop.model.gaussian.inert import GaussianMean, gaussian_mean, precision_of
from varprop.model.joint import Joint
from varprop.model.variables import RandomVariable, variables
from varprop.model.walks import replace_indices, walk
from varprop.render.rounding import upward

__all__ = ["gaussian_limit", "given_inputs", "linear_normal"]


def _applications(noun: Quantity) -> Iterator[tuple[Apply, int, Expression]]:
    if isinstance(noun, Mean):
        for base, power in powers_of(noun.expression):
            if isinstance(base, Apply):
                yield base, power, assume.without_factor(noun.expression, base, power)


def _match_linear(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        powers = dict(powers_of(noun.expression))
        for base, power in powers.items():
            if isinstance(base, Apply) and set(powers) <= {base, base.argument}:
                z = base.argument
                if not isinstance(z, Scalar):
                    yield {"activation": base.activation, "z": z, "k": power, "times": powers.get(z, 0)}


def linear_law(z: Expression) -> tuple[sp.Expr, sp.Expr, bool]:
    """Return mean and variance of a sum of independent variables, and whether all are normal."""
    mean, variance, normals = sp.S.Zero, sp.S.Zero, True
    waiting = [(z, sp.S.One, sp.S.One)]
    while waiting:
        node, factor, copies = waiting.pop()
        coefficient, core = split_coefficient(node)
        factor = factor * coefficient
        if isinstance(core, Add):
            waiting.extend((term, factor, copies) for term in core.terms)
        elif isinstance(core, SumOver):
            waiting.append((core.body, factor, copies * core.index.axis.size))
        elif isinstance(core, Scalar):
            mean += factor * copies  # the value is in the coefficient
        elif isinstance(core, RandomVariable) and isinstance(core.distribution, Distribution):
            mean += factor * copies * core.distribution.mean
            variance += factor**2 * copies * core.distribution.variance
            normals &= isinstance(core.distribution, Normal)
        else:
            return sp.S.Zero, sp.S.Zero, False
    return mean, variance, normals


def all_normal(structure: Structure, activation: Activation, z: Expression) -> assume.Assumption:
    """The expression is a linear combination of normal variables; it varies, if phi jumps at 0."""
    _, variance, normals = linear_law(z)
    varies = activation.even_part_holds_at_zero or variance.is_positive
    known = None if normals and not varies else normals
    return assume.Assumption("normality", "{0} is a sum of normal variables", (z,), assume.truth(known))


def normal_parts(structure: Structure, z: Expression) -> assume.Assumption:
    """The addends, and the copies in every sum, are independent."""
    if not structure.independent(*flattened(z)):
        return assume.independent(structure, *flattened(z))
    for node in walk(z):
        if isinstance(node, SumOver):
            copies = assume.independent_copies(structure, node)
            if copies.verdict != "proven":
                return copies
        elif isinstance(node, Add) and node is not z and not structure.independent(*node.terms):
            return assume.independent(structure, *node.terms)
    return assume.Assumption("independence", "all addends of {0} are independent", (z,), "proven")


def _normal_mean(activation: Activation, z: Expression, k: int, times: int) -> sp.Expr:
    mean, variance, _ = linear_law(z)
    if activation.growth is None:  # it exists if a closed form is known
        return activation.moment(k, Normal(mean=mean, variance=variance), times)
    return gaussian_mean(activation, k, mean, variance, times)


def _normal_note(activation: Activation, z: Expression, k: int, times: int) -> str:
    found = _normal_mean(activation, z, k, times)
    if not isinstance(found, GaussianMean) or not found.is_number:
        return ""
    error, kind = found.uncertainty
    shown = found.evalf(15)
    error += abs(float(shown)) * 1e-15
    size = f"at most {upward(error)}" if kind == "enclosure" else f"about {error:.1g}"
    return f"{found} = {shown}, error {size}"


def _two_normals() -> Expression:
    return normal("x") + 2 * normal("y") + 1


def _two_signs() -> Expression:
    return variable("r", Rademacher()) + variable("s", Rademacher())


def _shared_normal() -> Expression:
    x = normal("x")
    return x + (x + normal("y"))


linear_normal = Rule(
    name="a sum of normals is normal",
    theorem=(
        r"z = \sum_j c_j x_j \sim \mathcal{N}\left(\sum_j c_j \mu_j, \sum_j c_j^2 \sigma_j^2\right),"
        r" \quad \operatorname{E}[\phi(z)^k z^m] = \int \phi(x)^k x^m p(x) \, dx"
    ),
    source=(
        "Cramer, Random Variables and Probability Distributions,"
        " 1937 (the converse); by characteristic functions"
    ),
    match=_match_linear,
    claim=lambda activation, z, k, times: Mean(Apply.of(activation, z) ** k * z**times),
    formula=_normal_mean,
    example=lambda: {"activation": tanh, "z": _two_normals(), "k": 2, "times": 0},
    requirements=(
        Requirement(
            test=lambda structure, activation, z, k, times: all_normal(structure, activation, z),
            witness=lambda: {"activation": abs_, "z": _two_signs(), "k": 4, "times": 0},
        ),
        Requirement(
            test=lambda structure, activation, z, k, times: normal_parts(structure, z),
            witness=lambda: {"activation": abs_, "z": _shared_normal(), "k": 2, "times": 0},
        ),
    ),
    is_value=True,
    precision=lambda **parts: precision_of(_normal_mean(**parts)),
    note=_normal_note,
)


def _readings(z: Expression) -> Iterator[tuple[RandomVariable, Expression]]:
    """Yield (w, sum of g^2) for every reading of z = sum_i w_i g_i with a single variable w."""
    if isinstance(z, SumOver):
        for base, power in powers_of(z.body):
            if isinstance(base, RandomVariable) and power == 1 and z.index in base.slots:
                yield base, _squares(z, base)


def _squares(z: SumOver, w: RandomVariable) -> Expression:
    place = z.index.axis.places(1)[0]
    g = assume.without_factor(z.body, w)
    return sum_over(place, replace_indices(g**2, {z.index: place}))


def _match_given(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    read = []
    for applied, power, _ in _applications(noun):
        phi = applied.activation
        # A step is 0 where all inputs are, whatever the weights.
        if isinstance(phi, HomogeneousActivation) and phi.degree > 0:
            weights = {squares: w for w, squares in _readings(applied.argument)}
            read.append((applied, power, weights))
    for squares in dict.fromkeys(squares for *_, weights in read for squares in weights):
        chosen = [
            (applied, power, weights[squares]) for applied, power, weights in read if squares in weights
        ]
        rest = noun.expression
        for applied, power, _ in chosen:
            rest = assume.without_factor(rest, applied, power)
        neurons = tuple((applied.activation, applied.argument, power) for applied, power, _ in chosen)
        if half_power(squares, sum(phi.degree * k for phi, _, k in neurons)) is not None:
            yield {"neurons": neurons, "weights": tuple(w for *_, w in chosen), "rest": rest}


def half_power(squares: Expression, degree: int) -> Expression | None:
    """Return squares^(degree/2) if it is a polynomial in variables and their sizes."""
    if degree % 2 == 0:
        return squares ** (degree // 2)
    if isinstance(squares, Scalar) or any(power % 2 for _, power in powers_of(squares)):
        return None
    coefficient, _ = split_coefficient(squares)
    if not coefficient.is_nonnegative:
        return None
    sizes = [(abs_(base), power * degree // 2) for base, power in powers_of(squares)]
    return product(coefficient ** sp.Rational(degree, 2), sizes)


Neurons = tuple[tuple[HomogeneousActivation, SumOver, int], ...]
Weights = tuple[RandomVariable, ...]


def _given_claim(neurons: Neurons, weights: Weights, rest: Expression) -> Quantity:
    return Mean(product(sp.S.One, [*((phi(z), k) for phi, z, k in neurons), (rest, 1)]))


def _given_formula(neurons: Neurons, weights: Weights, rest: Expression) -> sp.Expr:
    constant, length = sp.S.One, sp.S.One
    for (phi, z, k), w in zip(neurons, weights, strict=True):
        degree = phi.degree * k
        constant *= phi.even_coefficient(k) * Normal().absolute_moment(degree)
        length *= Variance(assume.shown_at(w, z.index)) ** sp.Rational(degree, 2)
    squares = _squares(neurons[0][1], weights[0])
    size = half_power(squares, sum(phi.degree * k for phi, _, k in neurons))
    assert size is not None
    return constant * length * mean_line(size * rest)


def _normal_weights(
    structure: Structure, neurons: Neurons, weights: Weights, rest: Expression
) -> assume.Assumption:
    tests = [assume.gaussian(structure, w) for w in weights]
    return next((test for test in tests if test.verdict != "proven"), tests[0])


def _weights_apart(
    structure: Structure, neurons: Neurons, weights: Weights, rest: Expression
) -> assume.Assumption:
    squares = _squares(neurons[0][1], weights[0])
    return assume.independent(structure, *weights, multiply(squares, rest))


def _read(*neurons: tuple[HomogeneousActivation, Expression, int]) -> Parts:
    weights = tuple(next(_readings(z))[0] for _, z, _ in neurons)
    return {"neurons": neurons, "weights": weights, "rest": Scalar(1)}


def _units(weights_of: Callable[[Axis, Axis], RandomVariable]) -> Parts:
    i, j = Axis("i", sp.Integer(4)), Axis("j", sp.Integer(3))
    w = weights_of(j, i)
    x = uniform("x", i)
    a, b = j.places(2)
    first = sum_over(i, replace_indices(w, {j.index: a}) * x)
    second = sum_over(i, replace_indices(w, {j.index: b}) * x)
    return _read((relu, first, 1), (relu, second, 1))


def _one_row() -> Parts:
    """Return two units that share their weights."""
    i = Axis("i", sp.Integer(4))
    total = sum_over(i, normal("w", i) * uniform("x", i))
    return _read((relu, total, 1), (relu, total, 1))


def _sign_weights() -> Parts:
    i = Axis("i", sp.Integer(4))
    return _read((relu, sum_over(i, variable("w", Rademacher(), i) * uniform("x", i)), 4))


given_inputs = Rule(
    name="normal weights, given the inputs",
    theorem=(
        r"\sum_i w_i g_i \mid g \sim \mathcal{N}(0, \operatorname{Var}[w] |g|^2), \text{ so }"
        r" \operatorname{E}[\phi(z)^k] = \operatorname{E}[\phi(N)^k]"
        r" \operatorname{Var}[w]^{k/2} \operatorname{E}[|g|^k]"
    ),
    source="Cho, Saul, Kernel methods for deep learning, 2009, equations (1) to (5)",
    match=_match_given,
    claim=_given_claim,
    formula=_given_formula,
    example=lambda: _units(lambda j, i: normal("w", j, i)),
    requirements=(
        Requirement(test=_normal_weights, witness=_sign_weights),
        Requirement(test=_weights_apart, witness=_one_row),
    ),
)


def _match_limit(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    for applied, power, rest in _applications(noun):
        phi, z = applied.activation, applied.argument
        # Convergence in law does not carry over to moments beyond the second.
        low = isinstance(phi, HomogeneousActivation) and phi.degree * power <= 2
        if low and isinstance(rest, Scalar) and isinstance(z, SumOver):
            yield {"activation": phi, "z": z, "k": power}


def _limit_formula(activation: HomogeneousActivation, z: SumOver, k: int) -> sp.Expr:
    mean, variance = sp.Symbol("mean_of_z", real=True), sp.Symbol("variance_of_z", positive=True)
    centered = assume.has_zero_mean(Structure(), z)
    moment = activation.moment(k, Normal(mean=0 if centered else mean, variance=variance))
    return moment.xreplace({mean: Mean(z), variance: Variance(z)})


def _many_copies(
    structure: Structure, activation: HomogeneousActivation, z: SumOver, k: int
) -> assume.Assumption:
    copies = assume.independent_copies(structure, z)
    n = z.index.axis.size
    sentence = f"{copies.sentence}, of one shape, and their number {n} grows without bound"
    verdict: assume.Truth = copies.verdict if n.free_symbols else "refuted"
    if verdict == "proven" and not all(_keeps_shape(variable.distribution, n) for variable in variables(z)):
        verdict = "unknown"
    return assume.Assumption("central limit", sentence, copies.subjects, verdict)


def _keeps_shape(law: Distribution | Joint, n: sp.Expr) -> bool:
    """Whether a law does not depend on n, or only by its size: else terms may become rare and large."""
    if law.free_symbols.isdisjoint(n.free_symbols):
        return True
    return isinstance(law, (Normal, Laplace, Uniform)) and law.mean.is_zero is True


def _wide(shared: bool) -> Parts:
    i = Axis("i", sp.Symbol("n", positive=True))
    w = normal("w", i, variance=1 / i.size)
    total = sum_over(i, w * (uniform("x") if shared else uniform("x", i)))
    return {"activation": abs_, "z": total, "k": 1}


gaussian_limit = Rule(
    name="the Gaussian limit",
    theorem=(
        r"\sum_{i=1}^n e_i \to \mathcal{N}(\operatorname{E} z,"
        r" \operatorname{Var} z) \text{ in law as } n \to \infty"
    ),
    source="Lindeberg, 1922; Neal, Bayesian Learning for Neural Networks, 1996, chapter 2",
    match=_match_limit,
    claim=lambda activation, z, k: Mean(activation(z) ** k),
    formula=_limit_formula,
    example=lambda: _wide(shared=False),
    requirements=(Requirement(test=_many_copies, witness=lambda: _wide(shared=True)),),
    limit="fan_in -> oo",
)
