"""Where derivation and simulation meet: `check` puts what an object claims to the test."""

from __future__ import annotations

from varprop.evidence.checking import Checkable, check
from varprop.evidence.report import ClaimEvidence, Evidence
from varprop.simulation.sequential import Resolution

__all__ = ["Checkable", "ClaimEvidence", "Evidence", "Resolution", "check"]
