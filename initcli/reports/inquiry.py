"""What checks were asked of which tensors, and what they found: the report for CI services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from initcli.checks.finding import Finding
from initcli.checks.gate import Gate
from initcli.checks.observation import Observation
from initcli.checks.registry import CHECKS, Check
from initcli.reports.tensor_row import TensorRow


@dataclass(frozen=True, slots=True)
class Examined:
    """What was asked of one tensor.

    Attributes:
        checkpoint: The checkpoint's path as the user gave it.
        tensor: The tensor's name; empty for the checkpoint as a whole.
        codes: The checks that looked at it.
    """

    checkpoint: str
    tensor: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What was asked, and what was found.

    Attributes:
        codes: The checks that were asked, in order.
        examined: What they were asked of; a check that could not look is not among its codes.
        findings: What they found.
        gate: Which findings fail the run.
    """

    codes: tuple[str, ...] = ()
    examined: Sequence[Examined] = ()
    findings: Sequence[Finding] = ()
    gate: Gate = field(default_factory=Gate)

    @property
    def checks(self) -> list[Check]:
        """The checks that were asked or found something, in the order of their codes."""
        codes = {*self.codes, *(finding.code for finding in self.findings)}
        return [CHECKS[code] for code in sorted(codes)]


NOTHING_ASKED = Inquiry()


def inquiry_of_tensors(
    rows: Sequence[TensorRow],
    whole: Sequence[Examined],
    codes: tuple[str, ...],
    findings: Sequence[Finding],
    gate: Gate,
) -> Inquiry:
    """Returns what was asked of measured tensors, and of their checkpoints as a whole."""
    single = [CHECKS[code] for code in codes if CHECKS[code].of is Observation]
    examined = (
        *whole,
        *(Examined(row.checkpoint, row.name, looked) for row, looked in _looked(rows, single)),
    )
    return Inquiry(codes, examined, findings, gate)


def inquiry_of_names(
    checkpoint: str,
    names: Iterable[str],
    codes: tuple[str, ...],
    findings: Sequence[Finding],
    gate: Gate,
) -> Inquiry:
    """Returns what was asked of names that one checkpoint is held against others by."""
    examined = tuple(Examined(checkpoint, name, codes) for name in names)
    return Inquiry(codes, examined, findings, gate)


def _looked(
    rows: Iterable[TensorRow], checks: Sequence[Check]
) -> Iterator[tuple[TensorRow, tuple[str, ...]]]:
    """Yields each row with the checks that could look at its tensor; equal ones are one object."""
    known = dict[tuple[str, ...], tuple[str, ...]]()
    needed = [(each.code, each.evidence) for each in checks]
    for row in rows:
        codes = tuple(
            code for code, evidence in needed if not evidence or getattr(row, evidence) is not None
        )
        yield row, known.setdefault(codes, codes)
