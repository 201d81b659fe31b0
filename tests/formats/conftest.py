from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RawFile = Callable[..., Path]


@pytest.fixture
def raw_file(tmp_path: Path) -> RawFile:
    """Writes a safetensors file whose header is any text or bytes at all."""

    def write(header: str | bytes, data: bytes = b"", *, length: int | None = None) -> Path:
        raw = header.encode() if isinstance(header, str) else header
        path = tmp_path / "raw.safetensors"
        prefix = (len(raw) if length is None else length).to_bytes(8, "little")
        path.write_bytes(prefix + raw + data)
        return path

    return write
