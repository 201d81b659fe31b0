"""What a bug report should say of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("numpy", "scipy", "torch", "safetensors", "ml_dtypes", "blake3", "typer", "rich")


def describe_environment() -> Iterator[str]:
    """Yields lines: Python, the inner loops in use, and the packages that are installed."""
    import platform

    from initcli.kernels import loops

    yield f"Python {platform.python_version()} on {platform.platform()}"
    yield f"inner loops: {loops.NAME}"
    for package in _PACKAGES:
        yield f"{package} {_version(package)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is not installed"
