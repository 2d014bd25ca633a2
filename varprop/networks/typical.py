"""Where mean and typical size part ways: what the mean says, and what nearly every net does."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Typical", "direction"]

HALF = math.log(2)


def direction(log_factor: float) -> str:
    """Say where a size goes, by its log over the whole depth: a change by less than 2 is stable."""
    if log_factor <= -HALF:
        return "vanishes"
    return "explodes" if log_factor >= HALF else "stable"


@dataclass(frozen=True)
class Typical:
    """The squared size of a net by its mean over nets and by its typical net, over the whole depth.

    The typical net is the geometric mean of the nets that are alive, exp(E log R). Both differ as soon as the
    depth-to-width ratio, the sum of 1/n_l, is of order one.

    Args:
        depth: number of layers.
        log_mean: log of the mean of R.
        log_typical: E log R, alive.
        log_std: standard deviation of log R, alive.
        depth_to_width: sum of 1/n_l.
        dead_probability: P(R = 0).

    Example:
        >>> Typical(50, 0.0, -2.5, 1.6, 1.0, 0.0).verdict
        'the mean says stable, the typical net vanishes'
    """

    depth: int
    log_mean: float
    log_typical: float
    log_std: float
    depth_to_width: float
    dead_probability: float

    @property
    def mean_outlook(self) -> str:
        """ "vanishes", "stable" or "explodes" by the mean; stable is a change by less than a factor 2."""
        return direction(self.log_mean)

    @property
    def outlook(self) -> str:
        """ "vanishes", "stable" or "explodes" for the typical net; "vanishes" if most nets are dead."""
        return "vanishes" if self.dead_probability >= 0.5 else direction(self.log_typical)

    @property
    def agree(self) -> bool:
        """Whether both say the same."""
        return self.mean_outlook == self.outlook

    @property
    def half_life(self) -> float:
        """Layers in which the typical squared size halves, or doubles where it grows; inf if it stays."""
        rate = abs(self.log_typical)
        return self.depth * HALF / rate if rate else math.inf

    @property
    def verdict(self) -> str:
        """Both outlooks in one line."""
        says = {"vanishes": "vanishing", "stable": "stable", "explodes": "exploding"}[self.mean_outlook]
        does = "is stable" if self.outlook == "stable" else self.outlook
        return f"the mean says {says}, the typical net {does}"

    @property
    def sentence(self) -> str:
        """The verdict with its numbers."""
        made = (
            f"{self.verdict[0].upper()}{self.verdict[1:]}: over {self.depth} layers the squared norm goes by "
            f"exp({self.log_mean:.4g}) in the mean and by exp({self.log_typical:.4g} +- {self.log_std:.3g}) "
            f"in a typical net that is alive; depth to width {self.depth_to_width:.4g}"
        )
        if self.dead_probability > 0:
            made += f"; a net is dead with probability {self.dead_probability:.3g}"
        return made + "."
