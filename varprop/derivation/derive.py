"""derive: from an inert quantity to a formula, every line by one named rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sympy as sp

from varprop.derivation.proofs import Derivation
from varprop.derivation.quantities import nouns
from varprop.derivation.rules import RULES, Rule
from varprop.derivation.search import Search
from varprop.derivation.validation import validated
from varprop.derivation.writing import written
from varprop.errors import ParameterError, brief
from varprop.model.calls import explained

__all__ = ["derive"]


@explained
def derive(quantity: sp.Expr, *, rules: Sequence[Rule] = RULES) -> Derivation:
    """Derive a formula for a quantity, every line by one named rule whose assumptions are proven.

    Args:
        quantity: a quantity such as `Variance(z)`, or a SymPy expression of quantities.
        rules: what may be used, in the order it is tried; a rule of your own goes in front: `(mine, *RULES)`.

    Returns:
        A Derivation: `result`, `steps`, `assumptions`, `validity`, `precision`.

    Raises:
        DerivationError: no rule covers the quantity; the message names the assumption that is missing.
        MomentError: a moment is needed that does not exist or was not declared.
        ExpressionError: the quantity itself is ambiguous.

    Examples:
        >>> from varprop.model.variables import RandomVariable
        >>> from varprop.derivation.quantities import Variance
        >>> w = RandomVariable("w", "Normal(variance=v)")
        >>> x = RandomVariable("x", "Unknown(mean=m, variance=1)")
        >>> derive(Variance(w * x)).result
        m**2*v + v
    """
    goal = validated(quantity)
    chosen = tuple(rules) if isinstance(rules, Iterable) else (rules,)
    if not all(isinstance(rule, Rule) for rule in chosen):
        raise ParameterError(
            f"derive with rules={brief(rules, 60)}", "they are not rules", "Give (rule, *vp.RULES)"
        )
    search = Search(chosen)
    search.run(nouns(goal))
    return written(goal, search.found)
