"""What is wrong with a checkpoint: one function a check, findings, and the gate."""

from initcli.checks import coverage, peers, range_of_dtype, theory, values

__all__ = ["coverage", "peers", "range_of_dtype", "theory", "values"]
