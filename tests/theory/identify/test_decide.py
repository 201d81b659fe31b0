"""The verdict on a tensor, from what its values and their places show."""

from __future__ import annotations

import numpy as np
import pytest

from identified import cast, counted
from initcli.schemes import law as laws
from initcli.schemes.layer import Layer
from initcli.theory.identify.catalogue import Catalogue
from initcli.theory.identify.decide import Marginal, decide, judge_marginal
from initcli.theory.identify.identity import Fit, Kind, law_text
from initcli.theory.identify.places import Places

LEVEL = 1e-4
FIT = Fit(laws.normal(0, 0.02), ("normal(0, 0.02)",), 0.4, "mean", -1.0)
NEAR = Fit(laws.normal(0, 0.1), ("normal(0, 0.1)",), 1e-9, "variance", -9.0)
KEPT, UNKNOWN = Marginal((FIT,)), Marginal((), (NEAR,), "N(0, 0.0712²)", zero_rows=1)
SOUND, ODD = Places({"row means": 0.3, "tap means": 0.7}), Places({"row means": 1e-9, "a": 0.2})
VERDICTS = [
    (KEPT, SOUND, Kind.CONSISTENT, 0.4),
    (KEPT, Places({}), Kind.CONSISTENT, 0.4),
    (UNKNOWN, SOUND, Kind.UNKNOWN_LAW, 1e-9),
    (KEPT, ODD, Kind.NOT_INITIAL, 2e-9),
    (UNKNOWN, ODD, Kind.NOT_INITIAL, 2e-9),
    # Three tests at just the level are none of them less likely than chance makes one of three.
    (KEPT, Places(dict.fromkeys("abc", LEVEL)), Kind.CONSISTENT, 0.4),
    (KEPT, Places({"a": LEVEL / 2.1, "b": 1.0}), Kind.NOT_INITIAL, LEVEL / 1.05),
]


@pytest.mark.parametrize(("marginal", "places", "kind", "p"), VERDICTS)
def test_the_verdict(marginal: Marginal, places: Places, kind: Kind, p: float) -> None:
    one = decide(marginal, places, LEVEL)
    assert (one.kind, one.p) == (kind, pytest.approx(p))
    assert one.fits == (marginal.kept or marginal.nearest)
    assert one.zero_rows == marginal.zero_rows
    assert one.places == {
        name: pytest.approx(min(1, each * len(places.tests))) for name, each in places.tests.items()
    }
    assert one.schemes == (("normal(0, 0.02)",) if kind is Kind.CONSISTENT else ())
    assert bool(one.family) == (kind is Kind.UNKNOWN_LAW)


def test_the_line_says_what_speaks_against_or_fits() -> None:
    texts = [decide(marginal, places, LEVEL).text for marginal, places, *_ in VERDICTS[:5]]
    assert texts[0] == texts[1]
    assert texts[0].startswith("consistent with normal(0, 0.02)")
    assert law_text(FIT.law) in texts[0]
    assert "N(0, 0.0712²)" in texts[2]
    assert texts[3] == texts[4]
    assert texts[3].startswith("not at initialisation: row means")


LAYER = Layer((200, 100), "fc.weight")
CANDIDATES = Catalogue().candidates(LAYER, {})


def judged(values: np.ndarray, code: str = "F32") -> Marginal:
    return judge_marginal(counted(cast(values, code), code), CANDIDATES, LEVEL)


@pytest.mark.parametrize("code", ["F32", "BF16", "F16", "F8_E4M3", "F8_E5M2"])
def test_what_is_kept_is_likely_and_ranked_and_holds_the_truth(code: str) -> None:
    marginal = judged(np.random.default_rng(0).uniform(-0.1, 0.1, LAYER.shape), code)
    names = [name for fit in marginal.kept for name in fit.schemes]
    assert "torch_default" in names
    assert all(fit.p >= LEVEL for fit in marginal.kept)
    ranks = [fit.log_likelihood for fit in marginal.kept]
    assert ranks == sorted(ranks, reverse=True)
    assert (marginal.nearest, marginal.family) == ((), "")


def test_what_fits_nothing_has_its_nearest_laws_and_family() -> None:
    marginal = judged(np.random.default_rng(0).normal(0, 0.0731, LAYER.shape))
    assert marginal.kept == ()
    assert marginal.family.startswith("N(0, 0.07")
    assert 1 <= len(marginal.nearest) <= 3
    assert all(fit.p < LEVEL for fit in marginal.nearest)


def test_what_is_far_from_all_laws_has_no_nearest() -> None:
    marginal = judged(np.random.default_rng(0).normal(0, 1e6, LAYER.shape))
    assert (marginal.kept, marginal.nearest) == ((), ())
    assert marginal.family.startswith("N(0, ")


@pytest.mark.parametrize("code", ["F32", "BF16", "F16"])
def test_what_is_not_even_tried_would_have_been_refused(code: str) -> None:
    """Candidates too far off in scale are left out; none of them reaches the level."""
    from initcli.theory.identify.decide import _is_hopeless
    from initcli.theory.identify.marginal import hold

    values = counted(cast(np.random.default_rng(3).normal(0, 0.02, LAYER.shape), code), code)
    left_out = [each.law for each in CANDIDATES if _is_hopeless(each.law, values)]
    assert left_out
    assert max(one.p for one in hold(values, left_out, len(CANDIDATES))) < 1e-12


@pytest.mark.parametrize("code", ["BF16", "F16"])
def test_of_two_readings_of_a_scheme_the_better_counts(code: str) -> None:
    """Drawn in the dtype or rounded to it: the scheme is kept, once."""
    import torch

    generator = torch.Generator().manual_seed(0)
    dtype = {"BF16": torch.bfloat16, "F16": torch.float16}[code]
    in_dtype = torch.empty(400_000, dtype=dtype).uniform_(0, 1, generator=generator)
    rounded = torch.empty(400_000).uniform_(0, 1, generator=generator).to(dtype)
    for stored in (in_dtype, rounded):
        marginal = judge_marginal(counted(stored, code), CANDIDATES, LEVEL)
        names = [name for fit in marginal.kept for name in fit.schemes]
        assert names.count("uniform(0, 1)") == 1
