"""torchvision and timm, where their compiled operators do not load, as beside CPU builds of torch.

Installed beside such a build, torchvision would keep transformers from importing a model. So
`INITCLI_TEST_VISION` may name a folder that both were installed to apart, which only tests of
theirs put on the path. Where they lie beside torch as usual, nothing needs to be set.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from typing import Any

import pytest
import torch

# What is declared lasts as long as its library does.
_LIBRARIES: list[torch.library.Library] = []


def vision(name: str) -> Any:  # noqa: ANN401 - a module
    """Returns a module of torchvision or timm, and skips the test where there is none."""
    apart = os.environ.get("INITCLI_TEST_VISION")
    if apart and apart not in sys.path:
        importlib.import_module("transformers.utils")  # which looks for torchvision once
        sys.path.append(apart)
    _declare_operators()
    return pytest.importorskip(name)


def _declare_operators() -> None:
    """Models need none of the operators; their names must be known when torchvision is imported."""
    for _ in range(16):
        try:
            importlib.import_module("torchvision")
        except ImportError:
            return
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                pytest.skip(f"torchvision cannot be imported: {error}")
            _LIBRARIES.append(torch.library.Library("torchvision", "FRAGMENT"))
            _LIBRARIES[-1].define(f"{missing[1]}(Tensor boxes, Tensor scores, float at) -> Tensor")
