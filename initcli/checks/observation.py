"""All that was learnt of one tensor: what a check may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from initcli.core.tensor import TensorSpec
    from initcli.recipes.assign import Assignment
    from initcli.statistics.portrait import Distribution
    from initcli.statistics.spectrum import Spectrum
    from initcli.statistics.summary import Summary
    from initcli.theory.identify.identity import Identity
    from initcli.theory.judge import Judgment
    from initcli.theory.outlying import LineVerdict
    from initcli.theory.structure import StructureVerdict


@dataclass(frozen=True, slots=True)
class Observation:
    """A tensor, its values, and what theory expects of them.

    Attributes:
        checkpoint: The path of its checkpoint as the user gave it.
        spec: Name, dtype and shape.
        summary: Its values; None if they were not read or cannot be decoded.
        assignment: The scheme it should follow; None if no theory was asked for.
        judgment: Its moments beside the scheme's law; None if there is nothing to judge.
        mean_off: Whether the mean departs from the law, over all tensors' errors.
        variance_off: Whether the second moment does.
        distribution: Quantiles and histogram; None if not asked for.
        rows: What its rows show; None if not asked for, or if it has none.
        columns: What its columns show, likewise.
        digest: A hash of its bytes; None if not asked for.
        duplicate_of: The first tensor of the checkpoint that holds the same bytes.
        is_tied: Whether the two are declared to be one tensor.
        spectrum: Singular values; None if not asked for, or if it is no matrix.
        structure: What its scheme owes to the place of values; None if that is nothing.
        identity: Which initialisation it carries; None if not asked for.
        unmeasured: What was asked for and could not be measured, and why.
    """

    EVIDENCE: ClassVar[str] = "nan"
    """The column that is empty where no value was read."""

    checkpoint: str
    spec: TensorSpec
    summary: Summary | None
    assignment: Assignment | None = None
    judgment: Judgment | None = None
    mean_off: bool = False
    variance_off: bool = False
    distribution: Distribution | None = None
    rows: LineVerdict | None = None
    columns: LineVerdict | None = None
    digest: str | None = None
    duplicate_of: str | None = None
    is_tied: bool = False
    spectrum: Spectrum | None = None
    structure: StructureVerdict | None = None
    identity: Identity | None = None
    unmeasured: tuple[str, ...] = ()

    @property
    def tensor(self) -> str:
        """The tensor's name."""
        return self.spec.name

    @property
    def is_as_expected(self) -> bool:
        """Whether a scheme is expected of it, and its moments are that scheme's."""
        return self.judgment is not None and not (self.mean_off or self.variance_off)
