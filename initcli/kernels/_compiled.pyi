from numpy import float32, uint32
from numpy.typing import NDArray

from initcli.kernels.twin import Gap, Scan, Side

def count_bytes(values: memoryview, table: NDArray[uint32], /) -> None: ...
def count_halves(values: memoryview, table: NDArray[uint32], /) -> None: ...
def scan(values: memoryview, code: str, table: NDArray[uint32], /) -> Scan: ...
def compare(
    a: memoryview,
    b: memoryview,
    code: str,
    lookup: NDArray[float32],
    tolerance: tuple[float, float],
    /,
) -> tuple[Gap, Side, Side] | None: ...
def same(a: memoryview, b: memoryview, /) -> bool: ...
