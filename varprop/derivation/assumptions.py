"""What a rule needs to be true: each assumption names its subject and is proven, refuted or unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import sympy as sp

from varprop.derivation.integrability import has_mean
from varprop.derivation.structure import EVEN, ODD, Flip, Structure
from varprop.errors import MomentError, ParameterError
from varprop.model.axes import Index
from varprop.model.distributions import Distribution, Normal
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver, powers_of, product
from varprop.model.joint import Joint
from varprop.model.printing import to_latex, to_text
from varprop.model.variables import RandomVariable
from varprop.model.walks import replace_indices

__all__ = ["Assumption", "Truth"]

Truth: TypeAlias = Literal["proven", "refuted", "unknown"]


@dataclass(frozen=True)
class Assumption:
    """One condition of a rule, about named expressions.

    Attributes:
        kind: what kind of condition it is, such as "zero mean".
        sentence: the condition, with {0}, {1}, ... for its subjects; empty where there is nothing to assume.
        subjects: the expressions it is about.
        verdict: whether it is proven, refuted, or neither.
    """

    kind: str
    sentence: str
    subjects: tuple[Expression, ...]
    verdict: Truth

    def __str__(self) -> str:
        return self.sentence.format(*map(to_text, self.subjects))

    def latex(self) -> str:
        """Return the sentence with its subjects as inline math."""
        return self.sentence.format(*(f"${to_latex(subject)}$" for subject in self.subjects))


def truth(value: bool | None) -> Truth:
    """Return "proven" for True, "refuted" for False, "unknown" for None."""
    return "unknown" if value is None else "proven" if value else "refuted"


def independent(structure: Structure, *parts: Expression) -> Assumption:
    """No two of the parts share a root."""
    verdict: Truth = "proven"
    if not structure.independent(*parts):
        verdict = "refuted" if any(_counter_moment(parts)) else "unknown"
    if len(parts) == 2:
        return Assumption("independence", "{0} is independent of {1}", parts, verdict)
    shown = parts if len(parts) <= 5 else (*parts[:3], parts[-1])
    names = [f"{{{k}}}" for k in range(len(shown))]
    if len(shown) < len(parts):
        names.insert(-1, "...")
    return Assumption("independence", f"{', '.join(names)} are independent", shown, verdict)


def _counter_moment(parts: Sequence[Expression]) -> Iterable[bool]:
    """Yield True if E[a^2 b^2] is known to differ from E[a^2] E[b^2]: then a and b are dependent."""
    for position, right in enumerate(parts[:8]):
        for left in parts[:position]:
            one, two, both = (exact_mean(e) for e in (left**2, right**2, left**2 * right**2))
            yield (
                one is not None and two is not None and both is not None and sp.expand(both - one * two) != 0
            )


def exact_mean(monomial: Expression) -> sp.Expr | None:
    """Return the mean of a product of powers of variables and activations of variables, else None."""
    if isinstance(monomial, Scalar):
        return monomial.value
    result = monomial.coefficient if isinstance(monomial, Product) else sp.S.One
    seen: set[Expression] = set()
    for base, power in powers_of(monomial):
        leaf = base.argument if isinstance(base, Apply) else base
        if (
            not isinstance(leaf, RandomVariable)
            or leaf in seen
            or not isinstance(leaf.distribution, Distribution)
        ):
            return None
        seen.add(leaf)
        try:
            law = leaf.distribution
            result *= base.activation.moment(power, law) if isinstance(base, Apply) else law.moment(power)
        except (MomentError, ParameterError):  # orders have a bound
            return None
    return result


def mean_of(leaf: RandomVariable) -> sp.Expr | None:
    """Return the mean of a variable, None if it is not known or not the same at all places."""
    law = leaf.distribution
    try:
        if isinstance(law, Joint):
            return law.entry_mean
        return law.moment(1)
    except MomentError:
        return None


def zero_mean(structure: Structure, subject: Expression) -> Assumption:
    """The subject has mean zero."""
    return Assumption("zero mean", "{0} has mean zero", (subject,), truth(has_zero_mean(structure, subject)))


def has_zero_mean(structure: Structure, subject: Expression) -> bool | None:
    """Return whether an expression has mean zero, by its own structure alone."""
    if isinstance(subject, RandomVariable):
        mean = mean_of(subject)
        return None if mean is None else mean.is_zero
    waiting = [subject]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Add):
            waiting.extend(node.terms)
        elif isinstance(node, SumOver):
            waiting.append(node.body)
        elif isinstance(node, RandomVariable):
            if has_zero_mean(structure, node) is not True:
                return None
        elif not vanishing_factors(structure, node) and not structure.odd_flips(node):
            return None
    return True if has_mean(structure, subject) else None


def vanishing_factors(structure: Structure, node: Expression) -> list[tuple[Expression, Expression]]:
    """Return (factor, rest) for each factor that has mean zero and is independent of the rest."""
    found: list[tuple[Expression, Expression]] = []
    for base, power in powers_of(node):
        if isinstance(base, RandomVariable) and power == 1 and has_zero_mean(structure, base):
            rest = without_factor(node, base)
            if structure.independent(base, rest):
                found.append((base, rest))
    return found


def without_factor(node: Expression, base: Expression, power: int = 1) -> Expression:
    """Return a product with one factor divided out."""
    coefficient = node.coefficient if isinstance(node, Product) else sp.S.One
    powers = dict(powers_of(node))
    powers[base] -= power
    return product(coefficient, [(b, p) for b, p in powers.items() if p])


def copies_along(leaf: RandomVariable, index: Index) -> bool:
    """Whether a variable has a slot at this index, so that it differs from place to place."""
    return index in leaf.slots


def uncorrelated_along(structure: Structure, leaf: RandomVariable, index: Index) -> Assumption:
    """A variable at different places of an axis is pairwise uncorrelated."""
    if not copies_along(leaf, index):
        verdict: Truth = "refuted"
    elif isinstance(leaf.distribution, Joint):
        verdict = truth(leaf.distribution.uncorrelated)
    else:
        verdict = "proven"
    return Assumption(
        "no correlation",
        f"the {{0}} are uncorrelated along {index.axis.name}",
        (shown_at(leaf, index),),
        verdict,
    )


def one_along(structure: Structure, leaf: RandomVariable, index: Index, what: str) -> Assumption:
    """A variable has one mean, or one variance, at all places of an axis."""
    law = leaf.distribution
    verdict = truth(law.alike) if isinstance(law, Joint) and copies_along(leaf, index) else "proven"
    sentence = f"all {{0}} along {index.axis.name} have one {what}"
    return Assumption(f"one {what}", sentence, (shown_at(leaf, index),), verdict)


def shown_at(body: Expression, index: Index) -> Expression:
    """Return a sum's body at the axis' own index, or at a new place if that one is taken."""
    own = index.axis.index
    place = own if own not in body.indices else index.axis.places(1)[0]
    return replace_indices(body, {index: place})


def alike(
    structure: Structure, sums: Sequence[SumOver], rest: Expression, named_apart: bool = False
) -> Assumption:
    """The body of a sum has one law at all places, also together with the rest.

    A body that also holds a named place of the axis differs there, unless named places are counted apart.
    """
    verdict: Truth = "proven"
    for sum_ in sums:
        axis = sum_.index.axis
        named = () if named_apart else [index for index in sum_.indices if index.axis == axis]
        if named:
            verdict = "refuted" if any(_differs(sum_, place) for place in named) else "unknown"
        if structure.uneven_along(axis, sum_.body, rest):
            verdict = "refuted"
    subjects = tuple(shown_at(s.body, s.index) for s in sums[:1])
    return Assumption(
        "places alike", f"{{0}} has one law at every place along {sums[0].index.axis.name}", subjects, verdict
    )


def _differs(sum_: SumOver, place: Index) -> bool:
    """Whether the second moment of a sum's body at a named place is known to be another one."""
    here, there = (exact_mean(sum_.opened(k) ** 2) for k in (place, place.axis.places(1)[0]))
    return here is not None and there is not None and sp.expand(here - there) != 0


def independent_copies(structure: Structure, sum_: SumOver) -> Assumption:
    """The terms of a sum at different places are independent."""
    first, second = structure.two_places(sum_.body, sum_.index)
    verdict: Truth = "proven"
    if not structure.independent(first, second):
        verdict = "refuted" if any(_counter_moment((first, second))) else "unknown"
    subject = shown_at(sum_.body, sum_.index)
    return Assumption(
        "independent copies", f"the {{0}} are independent along {sum_.index.axis.name}", (subject,), verdict
    )


def orthogonal(structure: Structure, left: Expression, right: Expression) -> Assumption:
    """E[left * right] = 0, because a zero-mean weight or a sign flip makes it vanish."""
    verdict: Truth = "unknown"
    if _hero(structure, left, right) or _hero(structure, right, left):
        verdict = "proven"
    else:
        mean = exact_mean(left * right)
        if mean is not None and mean.is_zero is False:
            verdict = "refuted"
    return Assumption("orthogonality", "E[{0} * ({1})] = 0", (left, right), verdict)


def _hero(structure: Structure, hero: Expression, other: Expression) -> bool:
    """Whether `hero` has a zero-mean weight that `other` lacks, or is odd where `other` is even."""
    terms = [hero]
    while terms:
        term = terms.pop()
        if isinstance(term, Add):
            terms.extend(term.terms)
        elif isinstance(term, SumOver):
            terms.append(term.body)
        elif not any(structure.independent(weight, other) for weight in zero_mean_weights(structure, term)):
            break
    else:
        return True
    return any(structure.parity(other, flip) == EVEN for flip in structure.odd_flips(hero))


def zero_mean_weights(structure: Structure, term: Expression) -> list[Expression]:
    """Return the factors of a term that have mean zero and are independent of its other factors."""
    return [factor for factor, _ in vanishing_factors(structure, term)]


def sign_flip(structure: Structure, subject: Expression, rest: Expression, flip: Flip | None) -> Assumption:
    """The subject changes its sign under a flip of symmetric variables; the rest does so too, or stays."""
    if flip is None:
        verdict: Truth = "refuted" if _skewed(subject) else "unknown"
    else:
        verdict = "proven"
    flipped = sorted({variable.name for variable, _ in flip or ()})
    by = f", by the signs of {', '.join(flipped)}" if flipped else ""
    sentence = f"{{0}} is symmetric about zero{by}"
    if isinstance(rest, Scalar):
        return Assumption("sign symmetry", sentence, (subject,), verdict)
    together = flip is not None and structure.parity(rest, flip) == ODD
    sentence += ", and {1} with it" if together else ", whatever {1} is"
    return Assumption("sign symmetry", sentence, (subject, rest), verdict)


def _skewed(subject: Expression) -> bool:
    """Whether a third moment, or the distribution itself, is known to tell the two signs apart.

    Moments of activations are left out: they are long, and a search needs to know proofs only.
    """
    if any(isinstance(base, Apply) for base, _ in powers_of(subject)):
        return False
    third = exact_mean(subject**3)
    if (
        third is None
        and isinstance(subject, RandomVariable)
        and isinstance(subject.distribution, Distribution)
    ):
        return subject.distribution.symmetric is False
    return third is not None and third.is_zero is False


def no_atom_at_zero(structure: Structure, subject: Expression, rest: Expression) -> Assumption:
    """P(subject = 0 and rest != 0) = 0: a dead layer below is harmless if the rest holds its gate."""
    verdict: Truth = "unknown"
    if isinstance(subject, RandomVariable) and isinstance(subject.distribution, Distribution):
        verdict = truth(None if (atom := subject.distribution.atom_at_zero) is None else not atom)
    elif _never_zero(structure, subject, rest):
        verdict = "proven"
    alone = isinstance(rest, Scalar)
    sentence = "P({0} = 0) = 0" if alone else "P({0} = 0) = 0 wherever {1} is not 0"
    return Assumption("no atom at zero", sentence, (subject,) if alone else (subject, rest), verdict)


def _never_zero(structure: Structure, subject: Expression, rest: Expression) -> bool:
    """Whether an expression is proven to be nonzero, almost surely, where `rest` is not 0."""
    gates = {
        base.argument for base, _ in powers_of(rest) if isinstance(base, Apply) and base.activation.gates
    }
    waiting = [subject]
    while waiting:
        node = waiting.pop()
        if isinstance(node, RandomVariable):
            if not isinstance(node.distribution, Distribution) or node.distribution.atom_at_zero is not False:
                return False
        elif isinstance(node, Product):
            if not node.coefficient.is_nonzero:  # a symbol may be 0
                return False
            waiting.extend(base for base, _ in node.factors)
        elif isinstance(node, Apply):
            if not node.activation.vanishes_only_at_zero and not (
                node.activation.gates and node.argument in gates
            ):
                return False
            if node.argument not in gates:
                waiting.append(node.argument)
        elif isinstance(node, SumOver):
            found = _weight_and_input(structure, node, rest)
            if found is None:
                return False
            waiting.append(found)
        elif isinstance(node, Add):
            terms = node.terms
            if not any(
                structure.independent(t, *(o for o in terms if o is not t)) and _spread(structure, t, rest)
                for t in terms
            ):
                return False
        else:
            return False
    return True


def _spread(structure: Structure, term: Expression, rest: Expression) -> bool:
    """Whether a term has no atoms at all: a continuous variable, or a sum with continuous weights."""
    if isinstance(term, SumOver):
        return _never_zero(structure, term, rest)
    law = term.distribution if isinstance(term, RandomVariable) else None
    return isinstance(law, Distribution) and law.atomless


def _weight_and_input(structure: Structure, total: SumOver, rest: Expression) -> Expression | None:
    """Return an input of a weighted sum; where it is not 0, its atomless weight keeps the sum from 0."""
    for base, power in powers_of(total.body):
        if isinstance(base, RandomVariable) and power == 1 and copies_along(base, total.index):
            law = base.distribution
            inputs = without_factor(total.body, base)
            if isinstance(law, Distribution) and law.atomless and structure.independent(base, inputs):
                named = [index for index in rest.indices if index.axis == total.index.axis]
                place = min(named, key=lambda index: index.key, default=total.index.axis.index)
                return replace_indices(inputs, {total.index: place})
    return None


def gaussian(structure: Structure, leaf: RandomVariable) -> Assumption:
    """A variable is normal with mean zero."""
    law = leaf.distribution
    verdict: Truth = "proven" if isinstance(law, Normal) and law.mean.is_zero else "refuted"
    return Assumption("normality", "{0} is normal with mean zero", (leaf,), verdict)
