"""Random variables: the leaves of the algebra, and what each of them is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from varprop.errors import ExpressionError, ParameterError, brief
from varprop.model.axes import Axis, Index, Token, as_index, new_token
from varprop.model.calls import explained
from varprop.model.distributions import Distribution
from varprop.model.expressions import Expression
from varprop.model.joint import Joint
from varprop.model.nodes import intern
from varprop.model.parsing import as_distribution
from varprop.model.scalars import scalar
from varprop.model.walks import walk

__all__ = ["RandomVariable", "RandomVector", "Variable", "leaf", "variables"]


@dataclass(frozen=True, eq=False)
class Variable:
    """What a random variable is: its distribution, its axes, and an identity that no name can take over."""

    name: str
    distribution: Distribution | Joint
    axes: tuple[Axis, ...] = ()
    role: str = ""
    token: Token = field(default_factory=new_token, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variable) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self.token)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.token, self.distribution, self.axes

    @property
    def is_joint(self) -> bool:
        """Whether its places are not independent copies but entries of one random vector or matrix."""
        return isinstance(self.distribution, Joint)


class RandomVariable(Expression):
    """A random variable, fresh along the axes it names and shared along all others.

    Args:
        name: what is shown; two variables of one name are two variables.
        distribution: a Distribution, or what stands for one: text, a number, a frozen SciPy distribution.
        axes: an Axis, or several; along each the variable has independent copies.
        role: "weights" makes rules try it first as the weight of a sum.

    Raises:
        ParameterError: the name or the distribution is not one.

    Examples:
        >>> i = Axis("i", "n")
        >>> w = RandomVariable("w", "Normal(variance=1/n)", axes=i)
        >>> w * w
        w_i**2
    """

    __slots__ = ("slots", "variable")
    variable: Variable
    slots: tuple[Index, ...]

    @explained
    def __new__(
        cls, name: str, distribution: object, axes: Axis | Iterable[Axis] = (), *, role: str = ""
    ) -> RandomVariable:
        if not isinstance(name, str) or not name.isidentifier():
            raise ParameterError(
                f"random variable named {brief(name)}", "it is not a name", "Use letters, such as 'w'"
            )
        along = _axes(axes, name)
        if isinstance(distribution, Joint) and isinstance(distribution.unfolded, Distribution):
            _fit(name, along, distribution)
            distribution = distribution.unfolded
        variable = Variable(name, as_distribution(distribution), along, role)
        return leaf(variable, tuple(axis.index if along.count(axis) == 1 else axis.unset for axis in along))

    @property
    def distribution(self) -> Distribution | Joint:
        """What the variable is drawn from."""
        return self.variable.distribution

    @property
    def axis(self) -> Axis:
        """The axis of a variable that has just one."""
        if len(self.variable.axes) != 1:
            raise ExpressionError(f"the axis of {self}", f"it has {len(self.variable.axes)} axes")
        return self.variable.axes[0]

    def __getitem__(self, places: object) -> RandomVariable:
        given = places if isinstance(places, tuple) else (places,)
        axes = self.variable.axes
        if len(given) != len(axes):
            raise ExpressionError(
                f"{self.variable.name}[{places}]", f"it has {len(axes)} axes, not {len(given)}"
            )
        slots = tuple(
            axis.at(place) if isinstance(place, int) else as_index(place)
            for axis, place in zip(axes, given, strict=True)
        )
        for slot, axis in zip(slots, axes, strict=True):
            if slot.axis != axis:
                raise ExpressionError(
                    f"{self.variable.name}[{places}]", f"{slot.axis.name} is not its axis {axis.name}"
                )
        return leaf(self.variable, slots)

    @property
    def rank(self) -> int:
        return int(self.variable.role != "weights")

    def label(self) -> str:
        places = (
            f"{slot.axis.name} {slot.kind} {slot.key if slot.kind == 'position' else ''}"
            for slot in self.slots
        )
        return f"{self.variable.name} {' '.join(places)}"

    def content(self) -> tuple[Any, ...]:
        return self.variable, self.slots

    @classmethod
    def restored(cls, content: tuple[Any, ...], children: tuple[Expression, ...]) -> Expression:
        return leaf(*content)

    def moved(self, places: Mapping[Index, Index]) -> Expression:
        return leaf(self.variable, tuple(places.get(slot, slot) for slot in self.slots))

    def specialized(self, values: Mapping[Any, Any], axis_at: Callable[[Axis], Axis]) -> tuple[Any, ...]:
        old = self.variable
        axes = tuple(axis_at(axis) for axis in old.axes)
        variable = Variable(old.name, old.distribution.at(values), axes, old.role, old.token)
        return variable, tuple(slot.moved(axis_at(slot.axis)) for slot in self.slots)

    def checked(self) -> RandomVariable:
        unset = [slot for slot in self.slots if slot.kind == "unset"]
        if unset:
            name, axis = self.variable.name, unset[0].axis.name
            raise ExpressionError(
                f"{name} with two slots on axis {axis}",
                "which place each slot means is not said",
                f"Write {name}[a, b] with a, b = axis.places(2)",
            )
        return self


def _axes(given: object, name: str) -> tuple[Axis, ...]:
    axes = (given,) if isinstance(given, Axis) or not isinstance(given, Iterable) else tuple(given)
    if not all(isinstance(axis, Axis) for axis in axes):
        raise ParameterError(f"axes of {name}", f"{brief(given, 60)} is no Axis", "Use vp.Axis('i', n)")
    return axes


def leaf(variable: Variable, slots: tuple[Index, ...]) -> RandomVariable:
    """Return the variable at these places."""
    node, new = intern(
        (RandomVariable, variable, slots), RandomVector if variable.is_joint else RandomVariable
    )
    assert isinstance(node, RandomVariable)
    if new:
        node.variable, node.slots = variable, slots
        node._measure(())
        node.first = variable.token
        node.indices = frozenset(slots)
        named = (slot.key for slot in slots if slot.kind == "place")
        node.order = (variable.token, 1, 1, node.order[3], sum(named, start=variable.token[0]))
    return node


class RandomVector(RandomVariable):
    """A random vector or matrix whose entries are not independent copies, such as one row of a real table.

    Args:
        name: what is shown.
        distribution: a Joint: `Empirical(data)`, `Orthogonal(n)`; or a Distribution, for independent entries.
        axes: the axes of its entries; by default new ones, `i` (and `j`), of the joint distribution's sizes.
        size: the number of entries, for a Distribution.

    Raises:
        ParameterError: the sizes of axes and joint distribution differ.

    Examples:
        >>> RandomVector("x", "Uniform(0, 1)", size=3).axis.size
        3
    """

    __slots__ = ()

    @explained
    def __new__(  # type: ignore[misc]  # independent entries make a plain RandomVariable
        cls,
        name: str,
        distribution: object,
        axes: Axis | Iterable[Axis] = (),
        *,
        size: object = None,
        role: str = "",
    ) -> RandomVariable:
        along = _axes(axes, name)
        if not isinstance(distribution, Joint):
            if size is None and not along:
                raise ParameterError(
                    f"random vector {name}", "its size is missing", "Give size=n or axes=axis"
                )
            return RandomVariable(name, distribution, along or Axis("i", scalar(size, "size")), role=role)
        shape = distribution.shape
        letters = "ji"[-len(shape) :] if len(shape) < 3 else "jiklm"
        along = along or tuple(map(Axis, letters, shape))
        _fit(name, along, distribution)
        law = distribution.unfolded
        if isinstance(law, Distribution):
            return RandomVariable(name, law, along, role=role)
        return leaf(Variable(name, law, along, role), tuple(axis.index for axis in along))


def _fit(name: str, along: tuple[Axis, ...], law: Joint) -> None:
    if tuple(axis.size for axis in along) != tuple(law.shape):
        raise ParameterError(
            f"axes of {name}", f"their sizes {[a.size for a in along]} are not those of {law}: {law.shape}"
        )


def variables(*roots: Expression) -> tuple[Variable, ...]:
    """Return the variables of expressions, each once, in the order of first appearance."""
    return tuple(dict.fromkeys(node.variable for node in walk(*roots) if isinstance(node, RandomVariable)))
