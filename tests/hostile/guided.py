"""Searches a parser for what breaks it, guided by the branches that are reached.

Where atheris is installed: `python tests/hostile/guided.py GGUF -max_total_time=600`. Further
options are libFuzzer's; without a parser all are named. What breaks one is written to a file
`crash-…`, and becomes a case.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).parents[1] / "support"))

with atheris.instrument_imports(include=["initcli.formats"]):
    import initcli.formats

    # Readers are imported when there is need of them, which would be too late.
    for each in pkgutil.walk_packages(initcli.formats.__path__, "initcli.formats."):
        importlib.import_module(each.name)

from test_fuzz import PARSERS, is_read_or_refused


def search(parser: str, options: list[str]) -> None:
    """Searches until an option ends it, or something breaks."""
    make, wrap = PARSERS[parser]
    with tempfile.TemporaryDirectory() as seeds:
        for number, raw in enumerate(_seeds(make())):
            Path(seeds, str(number)).write_bytes(raw)
        atheris.Setup([parser, *options, seeds], lambda raw: is_read_or_refused(wrap(raw)))
        atheris.Fuzz()


def _seeds(sound: bytes) -> Iterator[bytes]:
    """Yields where the search begins: a sound file, and its halves."""
    yield sound
    yield sound[: len(sound) // 2]
    yield sound[len(sound) // 2 :]


if __name__ == "__main__":
    if len(sys.argv) == 1 or sys.argv[1] not in PARSERS:
        sys.exit(f"name a parser: {', '.join(PARSERS)}")
    search(sys.argv[1], sys.argv[2:])
