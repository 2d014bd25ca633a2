"""Sign symmetry: odd quantities vanish, and activations may be replaced by their even part."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from varprop.derivation import assumptions as assume
from varprop.derivation.quantities import Mean, Quantity
from varprop.derivation.rules.base import Parts, Requirement, Rule
from varprop.derivation.rules.means import mean_line
from varprop.derivation.rules.worlds import axis, normal, uniform, variable
from varprop.derivation.structure import EVEN, ODD, Flip, Structure
from varprop.model.activations import Activation, abs_, relu, step
from varprop.model.distributions import Constant, Mixture, Normal, Uniform
from varprop.model.expressions import Apply, Expression, Scalar, powers_of, sum_over
from varprop.model.variables import RandomVariable

__all__ = ["odd_part", "even_function", "even_part", "odd_vanishes", "step_part"]


def _match_odd(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        flips = structure.odd_flips(noun.expression)
        yield {"e": noun.expression, "flip": flips[0] if flips else None}


odd_vanishes = Rule(
    name="odd under a change of sign",
    theorem=r"\operatorname{E}[e] = 0 \text{ if a change of signs turns } e \text{ into } -e",
    source="e and -e have one law",
    match=_match_odd,
    claim=lambda e, flip: Mean(e),
    formula=lambda e, flip: sp.S.Zero,
    example=lambda: {"e": (e := normal("w") ** 3 * uniform("x")), "flip": Structure().odd_flips(e)[0]},
    requirements=(
        Requirement(
            test=lambda structure, e, flip: assume.sign_flip(structure, e, Scalar(1), flip),
            witness=lambda: {"e": uniform("x"), "flip": None},
        ),
    ),
)


def _replaced(noun: Quantity) -> Iterator[tuple[Apply, int, Expression]]:
    """Yield each power of an activation that has an even part, with the other factors."""
    if isinstance(noun, Mean):
        for base, power in powers_of(noun.expression):
            if isinstance(base, Apply) and base.activation.even_part(power, base.argument) is not None:
                yield base, power, assume.without_factor(noun.expression, base, power)


def _match_even(noun: Quantity, structure: Structure, holds_at_zero: bool) -> Iterator[Parts]:
    for base, power, rest in _replaced(noun):
        if base.activation.even_part_holds_at_zero == holds_at_zero:
            flip = _suitable(structure, base.argument, rest)
            yield {"activation": base.activation, "z": base.argument, "k": power, "rest": rest, "flip": flip}


def _suitable(structure: Structure, z: Expression, rest: Expression, parity: int = EVEN) -> Flip | None:
    return next((f for f in structure.odd_flips(z) if structure.parity(rest, f) == parity), None)


def _claim(activation: Activation, z: Expression, k: int, rest: Expression, flip: Flip | None) -> Quantity:
    return Mean(activation(z) ** k * rest)


def _formula(activation: Activation, z: Expression, k: int, rest: Expression, flip: Flip | None) -> sp.Expr:
    replaced = activation.even_part(k, z)
    assert replaced is not None
    return mean_line(replaced * rest)


def _odd_remainder(
    activation: Activation, z: Expression, k: int, rest: Expression, flip: Flip | None
) -> sp.Expr:
    return mean_line(activation.odd_part(k, z) * rest)


def world(
    activation: Activation, z: Expression, k: int, rest: Expression | None = None, parity: int = EVEN
) -> Parts:
    """Return the parts of E[activation(z)^k rest]."""
    other = Scalar(1) if rest is None else rest
    flip = _suitable(Structure(), z, other, parity)
    return {"activation": activation, "z": z, "k": k, "rest": other, "flip": flip}


def _neuron() -> Expression:
    i = axis()
    return sum_over(i, normal("w", i) * uniform("x", i))


def _symmetric(
    structure: Structure, activation: Activation, z: Expression, k: int, rest: Expression, flip: Flip | None
) -> assume.Assumption:
    return assume.sign_flip(structure, z, rest, flip)


def _match_even_function(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    for base, power, rest in _replaced(noun):
        phi = base.activation
        even = phi.parity == "even" or (phi.parity == "odd" and power % 2 == 0)
        if even and phi.even_part_holds_at_zero:
            yield {"activation": phi, "z": base.argument, "k": power, "rest": rest}


even_function = Rule(
    name="an even function",
    theorem=r"\operatorname{E}[|z|^2 g] = \operatorname{E}[z^2 g]",
    source="definition",
    match=_match_even_function,
    claim=lambda activation, z, k, rest: _claim(activation, z, k, rest, None),
    formula=lambda activation, z, k, rest: _formula(activation, z, k, rest, None),
    example=lambda: {"activation": abs_, "z": uniform("x") - 1, "k": 2, "rest": uniform("y")},
)


even_part = Rule(
    name="the even part counts",
    theorem=(
        r"\operatorname{E}[\phi(z)^k g] = \operatorname{E}\left[\tfrac12(\phi(z)^k + \phi(-z)^k)\, g\right],"
        r" \text{ for ReLU } \operatorname{E}[\phi(z)^2] = \tfrac12 \operatorname{E}[z^2]"
    ),
    source="He et al., Delving deep into rectifiers, 2015, section 2.2; exact for every symmetric z",
    match=lambda noun, structure: _match_even(noun, structure, holds_at_zero=True),
    claim=_claim,
    formula=_formula,
    example=lambda: world(relu, _neuron(), 2),
    requirements=(
        Requirement(test=_symmetric, witness=lambda: world(relu, uniform("z"), 2), remainder=_odd_remainder),
    ),
)


def _match_odd_part(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        for base, power in powers_of(noun.expression):
            if isinstance(base, Apply) and base.activation.odd_power(power):
                rest = assume.without_factor(noun.expression, base, power)
                flip = _suitable(structure, base.argument, rest, ODD)
                yield {
                    "activation": base.activation,
                    "z": base.argument,
                    "k": power,
                    "rest": rest,
                    "flip": flip,
                }


def _even_remainder(
    activation: Activation, z: Expression, k: int, rest: Expression, flip: Flip | None
) -> sp.Expr:
    return mean_line((activation(z) ** k + activation(-z) ** k) * rest / 2)


odd_part = Rule(
    name="the odd part counts",
    theorem=(
        r"\operatorname{E}[\phi(z)^k g] = \operatorname{E}\left[\tfrac12(\phi(z)^k - \phi(-z)^k)\, g\right]"
        r" \text{ for } g \text{ odd in } z, \text{ for ReLU }"
        r" \operatorname{E}[z \phi(z)] = \tfrac12 \operatorname{E}[z^2]"
    ),
    source="z and -z have one law, and g changes its sign with z",
    match=_match_odd_part,
    claim=_claim,
    formula=_odd_remainder,
    example=lambda: world(relu, (z := _neuron()), 1, z, ODD),
    requirements=(
        Requirement(
            test=_symmetric,
            witness=lambda: world(relu, (z := uniform("z")), 1, z, ODD),
            remainder=_even_remainder,
        ),
    ),
)


def _atomless(
    structure: Structure, activation: Activation, z: Expression, k: int, rest: Expression, flip: Flip | None
) -> assume.Assumption:
    return assume.no_atom_at_zero(structure, z, rest)


def _gated() -> RandomVariable:
    """Return a symmetric variable that is 0 half of the time."""
    half = sp.Rational(1, 2)
    return variable("z", Mixture([Constant(0), Normal()], [half, half]))


step_part = Rule(
    name="the even part counts, off zero",
    theorem=(
        r"\operatorname{E}[\phi(z)^k g] = \tfrac12"
        r" \operatorname{E}[g] \text{ for the step } \phi = 1_{z > 0}"
    ),
    source="P(z > 0) = P(z < 0) = 1/2 for symmetric z without an atom at 0",
    match=lambda noun, structure: _match_even(noun, structure, holds_at_zero=False),
    claim=_claim,
    formula=_formula,
    example=lambda: world(step, normal("z"), 1),
    requirements=(
        Requirement(test=_symmetric, witness=lambda: world(step, variable("z", Uniform(-1, 3)), 1)),
        Requirement(test=_atomless, witness=lambda: world(step, _gated(), 1)),
    ),
)
