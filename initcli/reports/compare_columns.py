"""The columns of reports on differences."""

from __future__ import annotations

from initcli.reports.table import Column, Form

COLUMNS = (
    Column("name", Form.TEXT, 100),
    Column("name_b", Form.TEXT, 96),
    Column("status", Form.TEXT, 99),
    Column("matched", Form.TEXT, 92),
    Column("within", Form.TEXT, 70),
    Column("shape", Form.TEXT, 80),
    Column("dtype", Form.TEXT, 78),
    Column("max_abs", Form.NUMBER, 95),
    Column("mean_abs", Form.NUMBER, 85),
    Column("relative", Form.NUMBER, 94),
    Column("cosine", Form.NUMBER, 93),
    Column("beyond", Form.COUNT, 84),
    Column("incomparable", Form.COUNT, 83, is_urgent=True),
    Column("mean_a", Form.NUMBER, 75),
    Column("mean_b", Form.NUMBER, 75),
    Column("std_a", Form.NUMBER, 76),
    Column("std_b", Form.NUMBER, 76),
    Column("unequal", Form.COUNT, 50, is_default=False),
    Column("shape_a", Form.SHAPE, 50, is_default=False),
    Column("shape_b", Form.SHAPE, 50, is_default=False),
    Column("dtype_a", Form.TEXT, 50, is_default=False),
    Column("dtype_b", Form.TEXT, 50, is_default=False),
    Column("parameters", Form.COUNT, 50, is_default=False),
)
