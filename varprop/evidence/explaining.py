"""explain: the derivation of a variance, each line with the verdict of its own check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from varprop.derivation.derive import derive
from varprop.derivation.proofs import Derivation
from varprop.derivation.quantities import Quantity, Variance
from varprop.errors import ParameterError, brief
from varprop.evidence.checking import check
from varprop.evidence.report import Evidence
from varprop.model.calls import explained
from varprop.model.expressions import Expression
from varprop.render import Badge, Document, Documented, Text
from varprop.render.blocks import Tone

__all__ = ["Explanation", "explain"]

TONES: dict[str, Tone] = {"agrees": "good", "disagrees": "bad", "inconclusive": "unclear"}


@dataclass(frozen=True)
class Explanation(Documented):
    """A derivation together with the evidence for each of its lines.

    Args:
        proof: the derivation.
        evidence: what the check of each step found, in order; None for a line that rests on lemmas alone.
    """

    proof: Derivation
    evidence: tuple[Evidence | None, ...]

    @property
    def checked(self) -> tuple[Evidence, ...]:
        """The evidence of the lines that claim something of their own."""
        return tuple(found for found in self.evidence if found is not None)

    @property
    def verdict(self) -> str:
        """ "disagrees" if any line does, "agrees" if all do, else "inconclusive"."""
        verdicts = {found.verdict for found in self.checked}
        if "disagrees" in verdicts:
            return "disagrees"
        return "agrees" if verdicts <= {"agrees"} else "inconclusive"

    def document(self) -> Document:
        """Return the derivation with a badge on every line."""
        badges = {
            k: Badge(found.verdict, TONES[found.verdict])
            for k, found in enumerate(self.evidence)
            if found is not None
        }
        return self.proof.document(badges) + Document([self._summary()])

    def _summary(self) -> Text:
        first = self.checked[0]
        values = ", ".join(f"{name} = {value}" for name, value in sorted(self._values().items()))
        samples = sum(found.samples for found in self.checked)
        return Text(
            f"Checked line by line{f' at {values}' if values else ''}: {self.verdict}; {samples:,} "
            f"samples, premise {first.premise}, factor {first.resolution.factor:g} at power "
            f"{first.resolution.power:g}."
        )

    def _values(self) -> dict[str, str]:
        return {name: value for found in self.checked for name, value in found.at.items()}

    def __str__(self) -> str:
        return self.to_text()


@explained
def explain(
    thing: object,
    *,
    at: Mapping[Any, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> Explanation:
    """Derive a variance line by line and put every line to the test of simulation.

    Args:
        thing: a random expression, whose variance is meant, or a quantity, or a derivation.
        at: values of symbols for the checks; what is missing gets a default that the result reports.
        progress: called with the number of lines done, and of all lines.
        settings: more keywords of `check`: seed, resolution, power, alpha, budget.

    Raises:
        DerivationError: no rule covers the quantity.
        ParameterError: none of the three was given.

    Examples:
        >>> from varprop.model.neurons import neuron
        >>> explained = explain(neuron(weights="Normal(variance=1/n)", inputs="Uniform(-1, 1)", fan_in="n"))
        >>> explained.proof.result, explained.verdict
        (1/3, 'agrees')
    """
    if isinstance(thing, Expression):
        thing = Variance(thing)
    if isinstance(thing, Quantity):
        thing = derive(thing)
    if not isinstance(thing, Derivation):
        raise ParameterError(
            f"explain({brief(thing)})",
            "it is no random expression, quantity or derivation",
            "Give vp.neuron(...)",
        )
    evidence: list[Evidence | None] = []
    for done, step in enumerate(thing.steps):
        if progress is not None:
            progress(done, len(thing.steps))
        found = check(step, at=at, **settings) if step.claims else None
        evidence.append(found)
        if found is not None and found.interrupted:
            break
    if progress is not None:
        progress(len(thing.steps), len(thing.steps))
    return Explanation(thing, tuple(evidence))
