"""What is wrong with a checkpoint: one function a check, findings, and the gate."""

from initcli.checks import coverage, difference, drift, peers, range_of_dtype, theory, values

__all__ = ["coverage", "difference", "drift", "peers", "range_of_dtype", "theory", "values"]
