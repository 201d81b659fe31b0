"""How values are drawn: one function a scheme, with its formula, citation and law."""

from initcli.schemes import torch_default, torch_init

__all__ = ["torch_default", "torch_init"]
