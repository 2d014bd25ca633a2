"""Hypothesis strategies for distributions, neurons, expressions and claims, true and false.

All shrink towards few terms, small sizes and the first law of a list. Random numbers are never drawn by
Hypothesis: a check draws them itself, from a seed.
"""

from __future__ import annotations

import math
from fractions import Fraction

import sympy as sp
from hypothesis import assume, strategies as st

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Equal, Mean, Moment, Quantity, Variance
from varprop.errors import DerivationError, MomentError
from varprop.model.activations import Activation, HomogeneousActivation, abs_, identity, leaky_relu, relu
from varprop.model.axes import Axis
from varprop.model.distributions import (
    DISTRIBUTIONS,
    Bernoulli,
    Constant,
    Distribution,
    Dropout,
    Laplace,
    Mixture,
    Normal,
    Rademacher,
    Rectified,
    TruncatedNormal,
    Uniform,
    Unknown,
)
from varprop.model.domains import Parameter
from varprop.model.expressions import Expression, sum_over
from varprop.model.neurons import neuron
from varprop.model.variables import RandomVariable
from varprop.networks.branches import Residual
from varprop.networks.layers import Dense, Layer
from varprop.networks.network import Network

__all__ = [
    "activations",
    "claims",
    "distributions",
    "expressions",
    "from_parameters",
    "layers",
    "networks",
    "neurons",
    "numbers",
    "parameters",
    "register",
]

FALSE_FROM = 1.1
"""A false claim is off by this factor or more."""


def numbers(low: float, high: float) -> st.SearchStrategy[Fraction]:
    """Generate decimals with two digits between two bounds.

    Example:
        >>> strategy = numbers(0.1, 0.9)
    """
    return st.integers(math.ceil(low * 100), math.floor(high * 100)).map(lambda k: Fraction(k, 100))


def parameters(parameter: Parameter) -> st.SearchStrategy[Fraction]:
    """Generate ordinary values of a declared parameter."""
    if parameter.integer:
        low, high = parameter.typical
        return st.integers(math.ceil(low), math.floor(high)).map(Fraction)
    return numbers(*parameter.typical)


def from_parameters(cls: type[Distribution]) -> st.SearchStrategy[Distribution]:
    """Generate instances of one class from the declared domains of its parameters, nothing else."""
    return st.builds(cls, **{p.name: parameters(p) for p in cls.parameters})


def _known() -> dict[str, st.SearchStrategy[Distribution]]:
    parents = st.one_of(
        *(from_parameters(cls) for cls in (Normal, Uniform, TruncatedNormal, Laplace, Bernoulli))
    )
    weights = numbers(0.1, 0.9).map(lambda w: [w, 1 - w])
    special: dict[str, st.SearchStrategy[Distribution]] = {
        "Rectified": st.builds(Rectified, parents),
        "Mixture": st.builds(lambda a, b, w: Mixture([a, b], w), parents, parents, weights),
    }
    names = (name for name in DISTRIBUTIONS if name != Unknown.__name__)
    return {
        name: special[name] if name in special else from_parameters(DISTRIBUTIONS[name]) for name in names
    }


def distributions(
    *, name: str | None = None, symmetric: bool = False, moments: int = 0
) -> st.SearchStrategy[Distribution]:
    """Generate distributions with ordinary numbers as parameters; shrinks to the first class in the list.

    Args:
        name: of one class only, such as "Normal".
        symmetric: only laws that do not change with the sign.
        moments: only laws with a finite moment of this order.

    Example:
        >>> strategy = distributions(symmetric=True, moments=4)
    """
    if symmetric:
        kinds = [
            numbers(0.1, 3).map(lambda v: Normal(variance=v)),
            numbers(0.1, 3).map(lambda v: Uniform(variance=v)),
            st.just(Rademacher()),
            numbers(0.1, 3).map(lambda v: Laplace(variance=v)),
        ]
        return st.one_of(*kinds)
    known = _known()
    drawn = known[name] if name is not None else st.one_of(*known.values())
    return drawn.filter(lambda law: law.moment_exists(moments) is True) if moments else drawn


def activations() -> st.SearchStrategy[Activation]:
    """Generate positively homogeneous activations, for which second moments are exact."""
    slopes = numbers(-0.5, 0.9).map(leaky_relu)
    plain: st.SearchStrategy[HomogeneousActivation] = st.sampled_from([identity, relu, abs_])
    return st.one_of(plain, slopes)


def _light() -> st.SearchStrategy[Distribution]:
    """Laws whose fourth powers are quickly estimated."""
    return st.one_of(
        distributions(symmetric=True),
        from_parameters(Uniform),
        from_parameters(Bernoulli),
        numbers(-1, 2).map(Constant),
    )


@st.composite
def neurons(draw: st.DrawFn, symbolic: bool = False) -> Expression:
    """Generate neurons sum_i w_i phi(h_i) + b with a number, or the symbol n, of terms.

    Example:
        >>> strategy = neurons(symbolic=True)
    """
    weights = draw(distributions(symmetric=True))
    law = draw(_light())
    inputs = draw(activations())(law) if law.symmetric else law
    bias = draw(st.one_of(st.none(), distributions(symmetric=True), numbers(-1, 1)))
    fan_in = "n" if symbolic else draw(st.integers(1, 8))
    return neuron(weights=weights, inputs=inputs, fan_in=fan_in, bias=bias)


@st.composite
def expressions(draw: st.DrawFn, most_leaves: int = 4) -> Expression:
    """Generate sums and products of shared variables, sums over an axis, and activations of neurons.

    Args:
        most_leaves: how many variables at most.

    Example:
        >>> strategy = expressions(most_leaves=3)
    """
    axis = Axis("i", draw(st.integers(1, 4)))
    leaves = [
        RandomVariable(name, draw(_light()), axes=(axis,) if draw(st.booleans()) else ())
        for name in "uvwx"[: draw(st.integers(1, most_leaves))]
    ]
    pieces = st.sampled_from(leaves)

    def product_of(factors: list[Expression]) -> Expression:
        result = factors[0]
        for factor in factors[1:]:
            result = result * factor
        return result

    terms = [
        product_of(draw(st.lists(pieces, min_size=1, max_size=3))) for _ in range(draw(st.integers(1, 2)))
    ]
    result: Expression = terms[0]
    for term in terms[1:]:
        result = result + draw(numbers(-2, 2)) * term
    if axis.index in result.indices:
        result = sum_over(axis, result)
    if draw(st.booleans()):
        sign = RandomVariable("s", Rademacher())
        result = draw(activations())(sign * result)
    return result


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    """Generate a mean, a variance or a second moment of a random expression."""
    expression = draw(st.one_of(neurons(), expressions()))
    kind = draw(st.sampled_from(["variance", "mean", "second moment"]))
    if kind == "second moment":
        return Moment(expression, 2)
    return Variance(expression) if kind == "variance" else Mean(expression)


def layers(fan_out: int | None = None) -> st.SearchStrategy[Dense]:
    """Generate dense layers with centered symmetric weights, and a bias at times.

    Args:
        fan_out: of all of them; from 1 to 6 if not given.

    Example:
        >>> strategy = layers(fan_out=3)
    """
    sizes = st.integers(1, 6) if fan_out is None else st.just(fan_out)
    weights = st.sampled_from(["he_normal", "lecun_uniform", "glorot_normal", "Rademacher()"])
    biases = st.one_of(st.none(), numbers(0.1, 2).map(lambda v: Normal(variance=v)))
    return st.builds(Dense, sizes, weights=weights, bias=biases)


@st.composite
def networks(draw: st.DrawFn, most_layers: int = 3) -> Network:
    """Generate small networks: dense layers, activations, skip connections, dropout.

    Args:
        most_layers: dense layers outside blocks, at most.

    Example:
        >>> strategy = networks(most_layers=2)
    """
    made: list[object] = []
    for _ in range(draw(st.integers(1, most_layers))):
        dense = draw(layers())
        made.append(dense)
        extra = draw(st.sampled_from(["activation", "skip", "dropout", "none"]))
        if extra == "activation":
            made.append(draw(activations()))
        elif extra == "skip":
            made.append(Residual([draw(activations()), draw(layers(int(dense.fan_out)))]))
        elif extra == "dropout":
            made.append(Dropout(draw(numbers(0.5, 0.95))))
    return Network(made, fan_in=draw(st.integers(1, 5)))


@st.composite
def claims(draw: st.DrawFn, *, true: bool = True) -> Equal:
    """Generate claims about random expressions: derived ones, or ones that are wrong by at least 10 percent.

    Args:
        true: whether the claims hold.

    Example:
        >>> strategy = claims(true=False)
    """
    quantity = draw(quantities())
    try:
        result = derive(quantity).result
    except (DerivationError, MomentError):
        assume(False)
    assume(result.is_finite)
    if true:
        return Equal(quantity, result)
    factor = draw(st.one_of(numbers(FALSE_FROM, 3), numbers(0.2, 1 / FALSE_FROM)))
    wrong = result * sp.Rational(factor.numerator, factor.denominator) if result != 0 else sp.Integer(1)
    return Equal(quantity, wrong)


def register() -> None:
    """Make `st.from_type` know the nouns of the library; Hypothesis calls it by its entry point."""
    st.register_type_strategy(Distribution, st.deferred(distributions))
    st.register_type_strategy(Activation, st.deferred(activations))
    st.register_type_strategy(Expression, expressions())
    st.register_type_strategy(Equal, claims())
    st.register_type_strategy(Layer, layers())
    st.register_type_strategy(Network, networks())
