"""Memory has a ceiling that does not depend on the file's size."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIZE = 512 << 20
WIDTH = 4096

MEASURE = """
import resource, sys
from initcli.core.dtypes import DTYPES
from initcli.engine.pairs import Pair, pair_summaries
from initcli.engine.strands import Strand, courses
from initcli.engine.stream import portraits
from initcli.engine.views import View, ViewPair, view_summaries
from initcli.formats.detect import open_checkpoint
from initcli.statistics.fold import summarise
from initcli.statistics.pair import Tolerance

summarise(memoryview(bytes(2)), DTYPES["BF16"])  # imports what reading will need
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
opened = open_checkpoint(sys.argv[1])
w, exact = opened.tensors["w"], Tolerance(0, 0)
if sys.argv[2] == "pairs":
    pair = Pair("w", w, w, exact)
    assert dict(pair_summaries([pair], 2))["w"].distance.compared == w.spec.parameters
elif sys.argv[2] == "transposed":
    square = range(w.spec.shape[1])
    pair = ViewPair(View(w, square, square), View(w, square, square, True), exact)
    (found,) = view_summaries([pair], 2)
    assert found.distance.compared == len(square) ** 2
elif sys.argv[2] == "strands":
    course = dict(courses([Strand("w", (w,) * 4, (exact,) * 4)], 2))["w"]
    assert [each.distance.compared for each in course.steps] == [w.spec.parameters] * 3
else:
    assert dict(portraits(opened, ["w"], 2))["w"].summary.zeros == opened.specs["w"].parameters
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("what", ["summaries", "pairs", "transposed", "strands"])
def test_a_tensor_of_half_a_gibibyte_takes_tens_of_megabytes(what: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    size = SIZE if what == "summaries" else SIZE // 4
    shape = [size // 2 // WIDTH, WIDTH]
    header = f'{{"w":{{"dtype":"BF16","shape":{shape},"data_offsets":[0,{size}]}}}}'
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header.encode())
        file.truncate(8 + len(header) + size)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, path, what], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 100 << 10
