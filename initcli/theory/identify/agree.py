"""Whether what was identified is what a law would have drawn."""

from __future__ import annotations

from initcli.core.dtypes import DType
from initcli.schemes.law import Fixed, Law
from initcli.statistics.summary import Summary
from initcli.theory.identify.catalogue import key_of
from initcli.theory.identify.identity import Identity, Kind
from initcli.theory.judge import cannot_judge, judge


def agrees(law: Law, dtype: DType, summary: Summary, identity: Identity) -> bool | None:
    """Returns whether a tensor is consistent with a law; None where nothing can be told.

    A law of independent values must be among those that are kept. Of what is fixed in every draw,
    moments must agree, and an isometry must be one.
    """
    if law.fixed is Fixed.NOTHING and law.structure is None:
        if identity.kind is Kind.CANNOT_TELL:
            return None
        kept = identity.fits if identity.kind is Kind.CONSISTENT else ()
        return key_of(law) in {key_of(fit.law) for fit in kept}
    if cannot_judge(law, summary):
        return None
    if law.fixed is Fixed.ENERGY and identity.kind is not Kind.STRUCTURED:
        return False
    judgment = judge(law, dtype, summary)
    return min(judgment.mean.p, judgment.variance.p) >= identity.level
