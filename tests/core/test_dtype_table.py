from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save

from initcli.core.dtypes import DTYPES, STORAGE_RANK, DType, Kind, parse_dtype
from initcli.core.errors import OptionError
from initcli.core.tensor import TensorSpec

ALL = pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.code)
DECODED = pytest.mark.parametrize(
    "dtype",
    [dtype for dtype in DTYPES.values() if dtype.is_decoded and not dtype.is_packed],
    ids=lambda dtype: dtype.code,
)


@DECODED
def test_numpy_and_torch_agree_on_what_bytes_mean(dtype: DType) -> None:
    raw = np.arange(256, dtype=np.uint8)[: 2 if dtype.kind is Kind.BOOL else 256]
    ours = raw.view(dtype.numpy)
    theirs = torch.from_numpy(raw.copy()).view(getattr(torch, dtype.torch))
    wide = torch.complex128 if dtype.kind is Kind.COMPLEX else torch.float64
    as_numpy = np.complex128 if dtype.kind is Kind.COMPLEX else np.float64
    np.testing.assert_array_equal(ours.astype(as_numpy), theirs.to(wide).numpy())


@DECODED
def test_a_value_takes_the_bytes_it_says(dtype: DType) -> None:
    assert dtype.numpy.itemsize == dtype.itemsize == dtype.bits // 8


@pytest.mark.parametrize(
    "dtype",
    [dtype for dtype in DTYPES.values() if dtype.is_float and not dtype.is_packed],
    ids=lambda dtype: dtype.code,
)
def test_epsilon_is_the_spacing_above_one(dtype: DType) -> None:
    if dtype.bits > 16:
        assert dtype.epsilon == np.finfo(dtype.numpy).eps
        return
    patterns = np.arange(2**dtype.bits, dtype=f"u{dtype.itemsize}")
    with np.errstate(invalid="ignore"):
        values = patterns.view(dtype.numpy).astype(np.float64)
    assert dtype.epsilon == values[values > 1].min() - 1


@ALL
def test_a_dtype_is_known_by_its_code_and_torchs_name_in_any_case(dtype: DType) -> None:
    for name in filter(None, (dtype.code, dtype.code.lower(), dtype.torch, dtype.torch.upper())):
        assert parse_dtype(name) is dtype


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("bf16", "BF16"),
        ("half", "F16"),
        ("float", "F32"),
        ("double", "F64"),
        ("fp8_e4m3", "F8_E4M3"),
    ],
)
def test_a_dtype_is_known_by_what_people_call_it(text: str, code: str) -> None:
    assert parse_dtype(text).code == code


@pytest.mark.parametrize(
    ("text", "hint"), [("bfloat61", "bfloat16"), ("flaot32", "float32"), ("", "")]
)
def test_an_unknown_dtype_is_refused_with_the_closest(text: str, hint: str) -> None:
    with pytest.raises(OptionError, match="unknown dtype") as caught:
        parse_dtype(text)
    assert hint in caught.value.hint


def test_the_table_is_in_the_reference_writers_order() -> None:
    tensors = {
        code: torch.zeros(8, dtype=torch.uint8).view(getattr(torch, dtype.torch))
        for code, dtype in DTYPES.items()
        if dtype.torch
    }
    header = save(tensors).decode("latin1")
    ranks = [
        STORAGE_RANK[code]
        for code in sorted(tensors, key=lambda code: header.index(f'"{code}":{{'))
    ]
    assert ranks == sorted(ranks, reverse=True)


@pytest.mark.parametrize(
    ("code", "shape", "parameters", "nbytes"),
    [
        ("F32", (), 1, 4),
        ("BF16", (3, 5), 15, 30),
        ("C64", (2,), 2, 16),
        ("F4", (3, 2), 6, 3),
        ("F6_E2M3", (4,), 4, 3),
        ("F64", (0, 9), 0, 0),
    ],
)
def test_sizes_follow_from_dtype_and_shape(
    code: str, shape: tuple[int, ...], parameters: int, nbytes: int
) -> None:
    spec = TensorSpec("w", DTYPES[code], shape)
    assert (spec.parameters, spec.nbytes) == (parameters, nbytes)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), False),
        ((5,), False),
        ((1, 5), False),
        ((5, 1, 1), False),
        ((2, 2), True),
        ((1, 2, 3), True),
    ],
)
def test_a_matrix_has_two_dimensions_longer_than_one(
    shape: tuple[int, ...], expected: bool
) -> None:
    assert TensorSpec("w", DTYPES["F32"], shape).is_matrix == expected
