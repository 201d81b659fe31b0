"""Each parser on bytes that nobody thought of: what Hypothesis makes of sound files.

`INITCLI_FUZZ=20000` tries so many of each parser, others in every run.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives import PICKLED, archive, legacy
from attacked import LONGEST_MESSAGE, MOST_SECONDS, lay
from cases import HUGE, Content
from dcp_files import METADATA, sound_dcp
from gguf_files import SOUND_FILE as GGUF
from hdf5_files import sound_hdf5
from headers import SOUND_FILE as SAFETENSORS
from headers import safetensors
from indexes import AGREED, sharded, told
from initcli.cli.message import describe
from initcli.commands.stats import stats
from initcli.core.errors import InitcliError
from numpy_files import npy, npz
from onnx_bytes import message, model, tensor

EXAMPLES = int(os.environ.get("INITCLI_FUZZ", "60"))
HEADER = SAFETENSORS[8:-24]
Wrap = Callable[[bytes], Content]


def whole(raw: bytes) -> Content:
    return raw


def in_dcp(raw: bytes) -> Content:
    return sound_dcp() | {METADATA: raw}


# What checksums or lengths would stop is put where they are right.
PARSERS: dict[str, tuple[Callable[[], bytes], Wrap]] = {
    "safetensors": (lambda: SAFETENSORS, whole),
    "a header": (lambda: HEADER, lambda raw: safetensors(raw, bytes(24))),
    "an index": (lambda: told(AGREED), sharded),
    "an archive": (archive, whole),
    "a pickle": (lambda: PICKLED, archive),
    "a legacy file": (legacy, whole),
    "metadata": (lambda: sound_dcp()[METADATA], in_dcp),
    "GGUF": (lambda: GGUF, whole),
    "npy": (npy, whole),
    "npz": (lambda: npz(deflated=True), whole),
    "HDF5": (sound_hdf5, whole),
    "ONNX": (lambda: model(tensor(), tensor(name=message(8, b"v"))), whole),
}

PIECES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from([size.to_bytes(8, "little") for size in HUGE]),
    st.sampled_from([b"PK\3\4", b"PK\1\2", b"PK\5\6", b"[", b"{", b'"', b"\x80\x02", b"(", b"R."]),
)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=6)


def changed(raw: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Returns a file of which some bytes are replaced by others, as many or not."""
    for place, length, piece in changes:
        at = int(place * len(raw))
        raw = raw[:at] + piece + raw[at + length :]
    return raw


@pytest.mark.parametrize("parser", PARSERS)
def test_whatever_is_changed_is_read_or_refused(parser: str) -> None:
    make, wrap = PARSERS[parser]
    sound = make()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="INITCLI_FUZZ" not in os.environ,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(changes=CHANGES)
    def search(changes: list[tuple[float, int, bytes]]) -> None:
        is_read_or_refused(wrap(changed(sound, changes)))

    is_read_or_refused(wrap(sound))
    search()


def is_read_or_refused(content: Content) -> None:
    """Fails by whatever else is raised, and by a long or an acting message."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "w"
        lay(path, content)
        began = time.process_time()
        try:
            failures = stats(path).failures
        except InitcliError as error:
            failures = (error,)
        assert time.process_time() - began < MOST_SECONDS
    for each in failures:
        assert each.exit_code == 2
        assert len(describe(each)) < LONGEST_MESSAGE
