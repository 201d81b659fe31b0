from __future__ import annotations

from both_kernels import kernel

__all__ = ["kernel"]
