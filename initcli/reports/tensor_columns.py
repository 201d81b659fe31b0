"""The columns of reports on tensors; known without reading a value or importing what would."""

from __future__ import annotations

from initcli.reports.table import Column, Form

QUANTILES = {f"p{percent:02}": percent / 100 for percent in (1, 5, 25, 50, 75, 95, 99)}
"""Probability by column."""

COLUMNS = (
    Column("checkpoint", Form.TEXT, 99),
    Column("name", Form.TEXT, 100),
    Column("tensors", Form.COUNT, 85),
    Column("action", Form.TEXT, 96),
    Column("scheme", Form.TEXT, 64, is_default=False),
    Column("shape", Form.SHAPE, 80),
    Column("dtype", Form.TEXT, 70),
    Column("parameters", Form.COUNT, 65),
    Column("mean", Form.NUMBER, 88),
    Column("std", Form.NUMBER, 90),
    Column("variance", Form.NUMBER, 63),
    Column("skewness", Form.NUMBER, 10, is_default=False),
    Column("kurtosis", Form.NUMBER, 10, is_default=False),
    Column("min", Form.NUMBER, 50),
    *(Column(key, Form.NUMBER, 10, is_default=False) for key in QUANTILES),
    Column("max", Form.NUMBER, 50),
    Column("hist", Form.HISTOGRAM, 10, is_default=False),
    Column("distinct", Form.COUNT, 10, is_default=False),
    Column("zeros", Form.COUNT, 66),
    Column("subnormal", Form.COUNT, 10, is_default=False),
    Column("nan", Form.COUNT, 68, is_urgent=True),
    Column("inf", Form.COUNT, 67, is_urgent=True),
    Column("inf_positive", Form.COUNT, 10, is_default=False),
    Column("inf_negative", Form.COUNT, 10, is_default=False),
    Column("gain", Form.NUMBER, 62),
    Column("theory_mean", Form.NUMBER, 60),
    Column("theory_variance", Form.NUMBER, 87),
    Column("ratio", Form.NUMBER, 89),
    Column("z", Form.NUMBER, 86),
    Column("structure", Form.TEXT, 10, is_default=False),
    Column("verdict", Form.TEXT, 95),
    Column("identity", Form.TEXT, 99),
    Column("identity_p", Form.NUMBER, 84),
    Column("zero_rows", Form.COUNT, 94),
    Column("constant_rows", Form.COUNT, 84),
    Column("nonfinite_rows", Form.COUNT, 83),
    Column("outlying_rows", Form.COUNT, 94),
    Column("worst_row", Form.TEXT, 94),
    Column("zero_columns", Form.COUNT, 82),
    Column("constant_columns", Form.COUNT, 81),
    Column("nonfinite_columns", Form.COUNT, 81),
    Column("outlying_columns", Form.COUNT, 82),
    Column("worst_column", Form.TEXT, 82),
    Column("largest_singular", Form.NUMBER, 94),
    Column("stable_rank", Form.NUMBER, 94),
    Column("orthogonality", Form.NUMBER, 94),
    Column("hash", Form.TEXT, 94),
    Column("duplicate_of", Form.TEXT, 94),
    Column("findings", Form.TEXT, 20, is_default=False),
    Column("mean_imaginary", Form.NUMBER, 10, is_default=False),
    Column("mean_z", Form.NUMBER, 10, is_default=False),
    Column("stored_variance", Form.NUMBER, 10, is_default=False),
    Column("fan_in", Form.COUNT, 10, is_default=False),
    Column("reason", Form.TEXT, 10, is_default=False),
)

METADATA_KEYS = frozenset(
    {"checkpoint", "name", "tensors", "shape", "dtype", "parameters", "fan_in"}
)
DISTRIBUTION_KEYS = frozenset({*QUANTILES, "hist", "distinct"})
LINE_KEYS = frozenset(
    {
        *(f"{kind}_rows" for kind in ("zero", "constant", "nonfinite", "outlying")),
        *(f"{kind}_columns" for kind in ("zero", "constant", "nonfinite", "outlying")),
        "worst_row",
        "worst_column",
    }
)
HASH_KEYS = frozenset({"hash", "duplicate_of"})
SPECTRUM_KEYS = frozenset({"largest_singular", "stable_rank", "orthogonality"})
IDENTITY_KEYS = frozenset({"identity", "identity_p"})
UNPOOLED_KEYS = DISTRIBUTION_KEYS | LINE_KEYS | HASH_KEYS | SPECTRUM_KEYS | IDENTITY_KEYS
"""What is known of single tensors, and of those only whose values `stats` reads."""
