"""A length that lies and a file that ends early are told apart, and nothing is read past them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors

from initcli.core.errors import InitcliError, MalformedError, TruncatedError, UnknownFormatError
from initcli.formats.safetensors import HEADER_LIMIT, read_shard

RawFile = Callable[..., Path]
HEADER = '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
FOUR = bytes(4)


@pytest.mark.parametrize(
    ("length", "error"),
    [
        (len(HEADER) + 5, TruncatedError),
        (HEADER_LIMIT, TruncatedError),
        (HEADER_LIMIT + 1, UnknownFormatError),
        (2**63, UnknownFormatError),
        (2**64 - 1, UnknownFormatError),
        (0, MalformedError),
        (len(HEADER) - 1, MalformedError),
    ],
)
def test_a_length_that_lies_is_told_by_how_it_lies(
    length: int, error: type[InitcliError], raw_file: RawFile
) -> None:
    path = raw_file(HEADER, FOUR, length=length)
    with pytest.raises(safetensors.SafetensorError):
        safetensors.deserialize(path.read_bytes())
    with pytest.raises(error):
        read_shard(path)


def test_a_file_cut_anywhere_is_refused(raw_file: RawFile, tmp_path: Path) -> None:
    whole = raw_file(HEADER, FOUR).read_bytes()
    cut = tmp_path / "cut.safetensors"
    for size in range(len(whole)):
        cut.write_bytes(whole[:size])
        expected = UnknownFormatError if size < 8 else TruncatedError
        with pytest.raises(expected):
            read_shard(cut)


def test_data_cut_short_tells_what_is_missing(raw_file: RawFile) -> None:
    with pytest.raises(TruncatedError, match="promises 4,000 bytes of data, the file holds 4"):
        read_shard(raw_file(HEADER.replace("[1]", "[1000]").replace("[0,4]", "[0,4000]"), FOUR))
