"""`initcli gains`: the table of nonlinearities with their gains, or one of them in full."""

from __future__ import annotations

from initcli.core.errors import OptionError
from initcli.core.text import plural
from initcli.reports.listing import (
    FIELD_COLUMNS,
    GAIN_COLUMNS,
    FieldRow,
    GainRow,
    ListingReport,
    listing,
)
from initcli.schemes.activation import ACTIVATIONS, Activation, find_activation
from initcli.schemes.gain import torch_gain, warning_of
from initcli.schemes.propagation import propagation
from initcli.schemes.registry import FLOAT32_MAX

_DIGITS = 12


def list_gains(name: str | None = None, *, negative_slope: float = 0.01) -> ListingReport:
    """Lists every nonlinearity with its gains, or shows one of them in full.

    Args:
        name: The one to show.
        negative_slope: Of leaky_relu; the others have none.

    Raises:
        OptionError: No nonlinearity has that name, or the slope does not fit float32.
    """
    if not abs(negative_slope) <= FLOAT32_MAX:
        message = f"negative_slope must be a number that fits float32, not {negative_slope}"
        raise OptionError(message)
    if name is not None:
        return _detail(find_activation(name), negative_slope)
    rows = [_row(each, negative_slope) for each in ACTIVATIONS]
    verdict = plural(len(rows), "nonlinearity", "nonlinearities")
    return ListingReport("initcli.gains/1", listing(GAIN_COLUMNS, rows), verdict)


def _row(name: str, negative_slope: float) -> GainRow:
    found = propagation(name, negative_slope)
    return GainRow(
        name,
        torch_gain(name, negative_slope),
        found.gain,
        found.std_gain,
        found.backward_gain,
        found.chi,
        found.slope,
        found.fixed_point,
    )


def _detail(chosen: Activation, negative_slope: float) -> ListingReport:
    found = propagation(chosen.name, negative_slope)
    known = torch_gain(chosen.name, negative_slope)
    values = {
        "name": ", ".join((chosen.name, *chosen.aliases)),
        "what it does": chosen.summary,
        "formula": f"φ(z) = {chosen.formula}",
        "negative_slope": str(negative_slope) if chosen.has_slope else None,
        "torch gain": "none: torch's calculate_gain raises" if known is None else _number(known),
        "moment gain": f"E[φ²]^(−1/2) = {_number(found.gain)}",
        "std gain": f"Var[φ]^(−1/2) = {_number(found.std_gain)}",
        "backward gain": f"E[φ′²]^(−1/2) = {_number(found.backward_gain)}",
        # An odd φ has mean 0, which its sum only comes near to.
        "mean": f"E[φ] = {_number(round(found.mean, _DIGITS) + 0.0)}",
        "chi 1": f"χ₁ = E[φ′²]/E[φ²] = {_number(found.chi)}",
        "slope": f"V′ = E[φφ′z]/E[φ²] = {_number(found.slope)}",
        "fixed point": found.fixed_point,
        "citation": chosen.citation,
    }
    rows = [FieldRow(field, value) for field, value in values.items() if value is not None]
    verdict = warning_of(chosen.name) or f"{chosen.name}: a {found.fixed_point} fixed point"
    return ListingReport("initcli.gain/1", listing(FIELD_COLUMNS, rows), verdict)


def _number(value: float) -> str:
    return f"{value:.{_DIGITS}g}"
