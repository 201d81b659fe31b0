"""The inner loops that serve: compiled where the package was built with a compiler, else NumPy.

`INITCLI_KERNELS=numpy` in the environment chooses the NumPy twin.
"""

from __future__ import annotations

import os
from typing import Any

from initcli.statistics import twin


def _choose() -> Any:  # noqa: ANN401 - a module is its own protocol
    if os.environ.get("INITCLI_KERNELS") == "numpy":
        return twin
    try:
        from initcli.statistics import _kernels
    except ImportError:  # built without a compiler, which is allowed
        return twin
    return _kernels


CHOSEN = _choose()
NAME = "numpy" if CHOSEN is twin else "compiled"
