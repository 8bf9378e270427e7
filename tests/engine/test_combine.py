"""Combination alone, apart from evaluation, against an oracle of ten lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policy_service.engine.combine import NO_BASIS, NOT_DENIED, Outcome, Voice, combine
from policy_service.engine.truth import Truth
from policy_service.model.vocabulary import Effect, Tier
from tests.engine import generators

Verdict = tuple[Voice, Truth]


def oracle(verdicts: list[Verdict]) -> Outcome:
    def counts(verdict: Verdict) -> bool:
        denies = verdict[0].tier in (Tier.ABSOLUTE, Tier.STATUTE, Tier.REQUEST, Tier.BASELINE)
        return verdict[1] is Truth.TRUE or (verdict[1] is Truth.ERROR and denies)

    counting = sorted((v for v in verdicts if counts(v)), key=lambda v: (-v[0].tier, v[0].uid))
    if not counting:
        return Outcome(Effect.DENY, None, "NO_BASIS", tell=True)
    tier = counting[0][0].tier
    deciding = [v for v in counting if v[0].tier == tier]
    uids = tuple(v[0].uid for v in deciding)
    errors = tuple(v[0].uid for v in deciding if v[1] is Truth.ERROR)
    tell = all(v[0].tell for v in deciding)
    return Outcome(tier.effect, tier, deciding[0][0].reason, tell, uids, errors)


verdicts = st.lists(
    st.tuples(
        st.builds(
            Voice,
            uid=st.text("abcdef", min_size=1, max_size=4),
            tier=st.sampled_from(list(Tier)),
            reason=st.sampled_from(["ONE", "TWO", "THREE"]),
            tell=st.booleans(),
        ),
        st.sampled_from(list(Truth)),
    ),
    max_size=12,
    unique_by=lambda verdict: verdict[0].uid,
)


@generators.times(10)
@given(verdicts)
def test_combine_equals_the_oracle(given_verdicts: list[Verdict]) -> None:
    by_tier = sorted(given_verdicts, key=lambda verdict: -verdict[0].tier)
    assert combine(by_tier) == oracle(given_verdicts)


def test_nothing_denies_by_default_and_permits_what_is_tested_against_denies_alone() -> None:
    assert combine([]) == NO_BASIS
    assert combine([], otherwise=NOT_DENIED) == Outcome(Effect.PERMIT, None, "", tell=True)


def test_what_comes_after_the_deciding_tier_is_not_evaluated() -> None:
    seen = []

    def lazily() -> object:
        for uid, tier in (("a", Tier.ABSOLUTE), ("b", Tier.STATUTE), ("c", Tier.BASIS)):
            seen.append(uid)
            yield Voice(uid, tier, "REASON", tell=True), Truth.TRUE

    assert combine(lazily()).policies == ("a",)  # type: ignore[arg-type]
    assert seen == ["a", "b"]  # one more, to see that the tier has ended
