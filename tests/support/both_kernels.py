"""Runs tests of statistics with the compiled loops and with their NumPy twin."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import pytest

from initcli.kernels import loops, twin


def served_by(name: str) -> ModuleType:
    """Returns the loops of a name; skips where the package was built without a compiler."""
    if name == "numpy":
        return twin
    if importlib.util.find_spec("initcli.kernels._compiled") is None:
        pytest.skip("built without a compiler")
    from initcli.kernels import _compiled

    return _compiled


@pytest.fixture(params=["compiled", "numpy"], scope="module", autouse=True)
def kernel(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """Lets each of the two serve in turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "CHOSEN", served_by(request.param))
        yield loops.CHOSEN
