"""How values are drawn: one function a scheme, with its formula, citation and law.

The order of imports is the order of the table: what torch itself has comes first.
"""

from initcli.schemes import torch_default, torch_init

# isort: split

# isort: split
from initcli.schemes import depth, isometries, mamba, mimetic, single_purpose, variance_scaling

__all__ = [
    "depth",
    "isometries",
    "mamba",
    "mimetic",
    "single_purpose",
    "torch_default",
    "torch_init",
    "variance_scaling",
]
