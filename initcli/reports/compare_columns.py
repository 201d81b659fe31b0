"""The columns of reports on differences."""

from __future__ import annotations

from initcli.reports.table import Column, Form

COLUMNS = (
    Column("name", Form.TEXT, 100),
    Column("status", Form.TEXT, 99),
    Column("name_b", Form.TEXT, 96),
    Column("matched", Form.TEXT, 92),
    Column("within", Form.TEXT, 70),
    Column("shape", Form.TEXT, 80),
    Column("dtype", Form.TEXT, 78),
    Column("max_abs", Form.NUMBER, 95),
    Column("mean_abs", Form.NUMBER, 81),
    Column("relative", Form.NUMBER, 94),
    Column("cosine", Form.NUMBER, 93),
    Column("training", Form.TEXT, 84),
    Column("changed", Form.NUMBER, 82),
    Column("beyond", Form.COUNT, 85),
    Column("factor", Form.NUMBER, 83, is_urgent=True),
    Column("incomparable", Form.COUNT, 83, is_urgent=True),
    Column("delta_norm", Form.NUMBER, 89),
    Column("delta_rank", Form.COUNT, 90),
    Column("looks_like", Form.TEXT, 90),
    Column("drifted", Form.TEXT, 97),
    Column("mean_a", Form.NUMBER, 75),
    Column("mean_b", Form.NUMBER, 75),
    Column("std_a", Form.NUMBER, 76),
    Column("std_b", Form.NUMBER, 76),
    Column("unequal", Form.COUNT, 50, is_default=False),
    Column("sign_flips", Form.COUNT, 50, is_default=False),
    Column("max_ulp", Form.COUNT, 50, is_default=False),
    Column("mean_ulp", Form.NUMBER, 50, is_default=False),
    Column("ks", Form.NUMBER, 50, is_default=False),
    Column("psi", Form.NUMBER, 50, is_default=False),
    Column("shape_a", Form.SHAPE, 50, is_default=False),
    Column("shape_b", Form.SHAPE, 50, is_default=False),
    Column("dtype_a", Form.TEXT, 50, is_default=False),
    Column("dtype_b", Form.TEXT, 50, is_default=False),
    Column("parameters", Form.COUNT, 50, is_default=False),
)

GROUP_COLUMNS = (
    Column("name", Form.TEXT, 100),
    Column("tensors", Form.COUNT, 85),
    Column("uncompared", Form.COUNT, 84, is_urgent=True),
    Column("parameters", Form.COUNT, 80),
    Column("within", Form.TEXT, 86),
    Column("training", Form.TEXT, 99),
    Column("changed", Form.NUMBER, 92),
    Column("relative", Form.NUMBER, 94),
    Column("cosine", Form.NUMBER, 93),
    Column("max_abs", Form.NUMBER, 90),
    Column("mean_abs", Form.NUMBER, 50, is_default=False),
    Column("sign_flips", Form.COUNT, 50, is_default=False),
)
"""Of what `compare --by` pools."""

ULP_KEYS = frozenset({"max_ulp", "mean_ulp"})
SHIFT_KEYS = frozenset({"ks", "psi"})
SPECTRUM_KEYS = frozenset({"delta_norm", "delta_rank", "looks_like"})
"""What takes another reading of both tensors, each, and is measured on request only."""
