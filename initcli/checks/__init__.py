"""What is wrong with a checkpoint: one function a check, findings, and the gate."""

from initcli.checks import coverage, differences, theory, values

__all__ = ["coverage", "differences", "theory", "values"]
