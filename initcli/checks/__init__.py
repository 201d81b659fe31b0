"""What is wrong with a checkpoint: one function a check, findings, and the gate."""

from initcli.checks import coverage, difference, drift, theory, values

__all__ = ["coverage", "difference", "drift", "theory", "values"]
