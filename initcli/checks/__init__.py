"""What is wrong with a checkpoint: one function a check, findings, and the gate."""

from initcli.checks import coverage, drift, theory, values

__all__ = ["coverage", "drift", "theory", "values"]
