"""The inner loops that serve: compiled where the package was built with a compiler, else NumPy.

`INITCLI_KERNELS=numpy` in the environment chooses the NumPy twin.
"""

from __future__ import annotations

import os
from typing import Any

from initcli.kernels import twin


def _choose() -> Any:  # noqa: ANN401 - a module is its own protocol
    if os.environ.get("INITCLI_KERNELS") == "numpy":
        return twin
    try:
        from initcli.kernels import _compiled
    except ImportError:  # built without a compiler, which is allowed
        return twin
    return _compiled


CHOSEN = _choose()
NAME = "numpy" if CHOSEN is twin else "compiled"
