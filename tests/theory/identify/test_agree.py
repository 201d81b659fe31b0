"""Whether what was identified is what a recipe's law would have drawn."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from identified import cast, raw_of
from initcli.core.dtypes import DTYPES
from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.statistics.fold import summarise
from initcli.theory.identify.agree import agrees
from initcli.theory.identify.identity import Fit, Identity, Kind
from raw import draw_of

LEVEL = 1e-4
NORMAL, WIDER = laws.normal(0, 0.02), laws.normal(0, 0.03)
FIT = Fit(NORMAL, ("normal(0, 0.02)",), 0.4, "mean", -1.0)
CONSISTENT = Identity(Kind.CONSISTENT, LEVEL, (FIT,))
STRUCTURED = Identity(Kind.STRUCTURED, LEVEL, structure="anything")
TRAINED = Identity(Kind.NOT_INITIAL, LEVEL, (FIT,), reason="row means")
UNKNOWN = Identity(Kind.UNKNOWN_LAW, LEVEL, (FIT,))
SILENT = Identity(Kind.CANNOT_TELL, LEVEL, reason="3 values")

torch.manual_seed(0)
DRAWN = torch.randn(40, 40) * 0.02
ZEROS, ONES = torch.zeros(8, 8), torch.ones(8, 8)
ISOMETRY = torch.nn.init.orthogonal_(torch.empty(40, 40))
ORTHOGONAL = draw_of("orthogonal", (40, 40)).law

CASES = {
    "its law is kept": (NORMAL, DRAWN, CONSISTENT, True),
    "its law is an equal one": (laws.normal(0.0, 0.1 / 5), DRAWN, CONSISTENT, True),
    "its law is not kept": (WIDER, DRAWN, CONSISTENT, False),
    "its law is the nearest": (NORMAL, DRAWN, UNKNOWN, False),
    "trained": (NORMAL, DRAWN, TRAINED, False),
    "structured, and to be drawn": (NORMAL, ZEROS, STRUCTURED, False),
    "too few": (NORMAL, DRAWN, SILENT, None),
    "zeros as said": (laws.constant(0), ZEROS, STRUCTURED, True),
    "ones that are zeros": (laws.constant(1), ZEROS, STRUCTURED, False),
    "ones as said": (laws.constant(1), ONES, STRUCTURED, True),
    "zeros that are drawn": (laws.constant(0), DRAWN, CONSISTENT, False),
    "nearly ones": (laws.constant(1), ONES + 0.01, SILENT, False),
    "few ones": (laws.constant(1), torch.ones(1), SILENT, True),
    "no finite value": (laws.constant(1), ONES * torch.nan, TRAINED, None),
    "an isometry as said": (ORTHOGONAL, ISOMETRY, STRUCTURED, True),
    "an isometry of another gain": (ORTHOGONAL, ISOMETRY * 2, STRUCTURED, False),
    "drawn as large as an isometry": (
        ORTHOGONAL,
        DRAWN / DRAWN.norm() * ISOMETRY.norm(),
        CONSISTENT,
        False,
    ),
}


@pytest.mark.parametrize(("law", "values", "identity", "expected"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("code", ["F32", "BF16"])
def test_agreement(
    law: Law, values: Tensor, identity: Identity, expected: bool | None, code: str
) -> None:
    summary = summarise(raw_of(cast(values, code)), DTYPES[code])
    assert agrees(law, DTYPES[code], summary, identity) is expected
