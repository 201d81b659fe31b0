"""What is wrong with a checkpoint: one function a check, findings, and the gate."""

from initcli.checks import (
    against_model,
    coverage,
    difference,
    drift,
    initial,
    peers,
    range_of_dtype,
    roles,
    storage,
    theory,
    values,
)

__all__ = [
    "against_model",
    "coverage",
    "difference",
    "drift",
    "initial",
    "peers",
    "range_of_dtype",
    "roles",
    "storage",
    "theory",
    "values",
]
