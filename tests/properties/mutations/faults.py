"""Faults that somebody could write into the rules, the facts or their combination, each small and by name.

Each replaces one thing while it is `seeded`. A fault whose place is gone fails: it shows nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from policy_service.facts.gather import matters, points, protections, reader_attributes, situation, user
from policy_service.facts.gather.cast import Cast
from policy_service.facts.gather.clock import Moment
from policy_service.facts.gather.contents import Contents
from policy_service.facts.gather.delivery_attributes import DeliveryAsked
from policy_service.facts.gather.matters import Matters
from policy_service.facts.gather.places import Places
from policy_service.facts.gather.protections import Protections
from policy_service.facts.gather.reader_attributes import ReaderAsked
from policy_service.facts.gather.readers import Readers
from policy_service.facts.gather.record import RecordSeen
from policy_service.facts.gather.standing import Standing
from policy_service.facts.gather.ties import Ties
from policy_service.facts.gather.warrants import Warrants
from policy_service.model.vocabulary import Effect, RelationKind, RequestState
from policy_service.service import decide, judge, obligations
from policy_service.service.judge import Judge

Replacement = Callable[[Any], Any]
"""From what stood there to what stands there now."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`rule` is what it breaks, in the domain's words; `done` is what was done."""

    rule: str
    done: str
    where: type | ModuleType
    name: str
    replacement: Replacement

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """The fault is there as long as this lasts."""
        original = self.where.__dict__[self.name]
        setattr(self.where, self.name, self.replacement(original))
        try:
            yield
        finally:
            setattr(self.where, self.name, original)


def always(value: Any) -> Replacement:
    """Whatever is asked, this is the answer."""
    return lambda _: lambda *_, **__: value


def with_keyword(name: str, value: Any) -> Replacement:
    """As it was, but with this keyword argument."""
    return lambda original: lambda *args, **kwargs: original(*args, **{**kwargs, name: value})


def changed(change: Callable[[Any], Any]) -> Replacement:
    """As it was, and then its answer changed."""
    return lambda original: lambda *args, **kwargs: change(original(*args, **kwargs))


_NOBODY: frozenset[str] = frozenset()


def _only_certain(_: Any) -> Any:
    return lambda _self, who: frozenset({who})


def _described_adversaries_left_out(original: Any) -> Any:
    return lambda self: (tie for tie in original(self) if tie.kind is not RelationKind.ADVERSE_TO)


def _an_allegation_is_one_for_ever(original: Any) -> Any:
    return lambda self, tie: original(self, replace(tie, alleged=True))


def _the_laxer_answer(original: Any) -> Any:
    """A cell is denied only where everybody whom it is about is denied."""

    def whole(self: Any, seen: Any, recipient: Any, delivery: Any, judged: Any) -> Any:
        everything = [j for _, of_unit in judged for j in of_unit]
        if any(not j.denied for j in everything):
            judged = [(matter, [j for j in of_unit if not j.denied]) for matter, of_unit in judged]
        return original(self, seen, recipient, delivery, judged)

    return whole


def _recipients_alone(original: Any) -> Any:
    return lambda self, matter, recipient: original(self, matter, replace(recipient, implied=()))


def _declared_alone(original: Any) -> Any:
    def unit(self: Any, matter: Any, recipient: Any) -> Any:
        named = tuple(each for each in matter.concerned if not each.implied)
        return original(self, replace(matter, concerned=named), recipient)

    return unit


def _all_lapse(original: Any) -> Any:
    def protects(self: Any, request: Any) -> bool:
        over = request.ends_at is not None and request.ends_at <= self._moment.now
        return bool(original(self, request)) and not over

    return protects


def _warrants_outrank_everybody(_: Any) -> Any:
    def outranked(judged: list[Any]) -> list[Any]:
        declared = [j for j in judged if not (j.concerned.implied or j.reader.implied)]
        warranted = declared and all(j.outcome.tier in judge._WARRANTED for j in declared)
        return [j for j in judged if not (j.denied and j.reader.implied)] if warranted else judged

    return staticmethod(outranked)


def _parts_always_separable(original: Any) -> Any:
    return lambda self, judged: original(
        self, [(replace(m, unit=replace(m.unit, separable=True)), of_unit) for m, of_unit in judged]
    )


def _every_point_is_hers(original: Any) -> Any:
    return lambda *args, **kwargs: replace(original(*args, **kwargs), belongs=True)


def _undeclared_is_declared(original: Any) -> Any:
    return lambda self, field: tuple(replace(unit, undeclared=False) for unit in original(self, field))


def _only_the_whole(original: Any) -> Any:
    return lambda self, field: original(self, field)[:1]


def _delivery_never_denies(original: Any) -> Any:
    def whole(self: Any, seen: Any, recipient: Any, delivery: Any, judged: Any) -> Any:
        return original(self, seen, recipient, replace(delivery, effect=Effect.PERMIT), judged)

    return whole


FAULTS: tuple[Fault, ...] = (
    # --- what is known of people
    Fault(
        "a possible match makes a recipient adverse",
        "possible matches are nobody",
        Cast,
        "suspected",
        always(_NOBODY),
    ),
    Fault(
        "a wrong merge takes the union of both sets of requests",
        "the same person is one person only by her id",
        Ties,
        "selves",
        _only_certain,
    ),
    Fault(
        "a described person protects like a registered one",
        "described adversity does not count",
        Ties,
        "_described_ties",
        _described_adversaries_left_out,
    ),
    Fault(
        "an associate of an adverse person",
        "a partner is nobody in particular",
        Ties,
        "is_associate",
        always(False),
    ),
    Fault(
        "protection covers the children who live with her",
        "she protects herself alone",
        Ties,
        "protectors",
        always(_NOBODY),
    ),
    Fault(
        "a counter-allegation denies her less",
        "every allegation counts in full",
        Ties,
        "is_counter_alleged",
        always(False),
    ),
    Fault(
        "until an officer confirms it",
        "a confirmed allegation is still only alleged",
        Ties,
        "_is_counter",
        _an_allegation_is_one_for_ever,
    ),
    Fault(
        "whoever holds a secret role is protected by law",
        "secret roles are like any other",
        RecordSeen,
        "shows_secretly",
        always(False),
    ),
    Fault(
        "never these people, under any identity or login",
        "a person's logins are not his",
        user,
        "logins",
        always(_NOBODY),
    ),
    # --- places and points
    Fault(
        "unknown counts as shared",
        "unknown sharing counts as no",
        points,
        "_more_may_open",
        always(False),
    ),
    Fault(
        "described as his counts where it is on file for nobody else",
        "every point is the recipient's",
        points,
        "_seen",
        _every_point_is_hers,
    ),
    Fault(
        "a place is about everyone who lives there",
        "nobody else lives there",
        Places,
        "residents",
        always(_NOBODY),
    ),
    Fault(
        "a contact field is about everyone who shares that point",
        "nobody shares it",
        Places,
        "sharers",
        always(_NOBODY),
    ),
    Fault(
        "a refuge is about those recorded there to whom he is adverse",
        "nobody is recorded there",
        Places,
        "recorded_at",
        always(_NOBODY),
    ),
    Fault("one's own place is not hidden", "no place is the recipient's own", Places, "own", always(False)),
    Fault(
        "towards an adverse person a place is his own only by a fact on file",
        "by his word, too",
        Places,
        "own",
        with_keyword("by_file_only", False),
    ),
    # --- requests
    Fault(
        "hold protects until reviewed", "what has an end is over then", Protections, "_protects", _all_lapse
    ),
    Fault(
        "a described point of a value that is on file is shared",
        "nobody else has it",
        Cast,
        "sharers_of",
        always(_NOBODY),
    ),
    Fault(
        "a copy list is about each other recipient, offices, too",
        "about private people alone",
        Matters,
        "_copied_to",
        always(_NOBODY),
    ),
    Fault(
        "what a document holds it holds, whichever party the call names",
        "the party that is named says what",
        Matters,
        "_holds",
        always(True),
    ),
    Fault(
        "a withdrawal that is pending still protects",
        "it does not",
        protections,
        "PROTECTING_STATES",
        lambda states: states - {RequestState.WITHDRAWAL_PENDING},
    ),
    Fault(
        "a request may name whom it is kept from",
        "it is kept from nobody",
        Protections,
        "covering",
        changed(lambda kinds: frozenset(k for k in kinds if not k.endswith(":named"))),
    ),
    Fault("an exclusion", "excludes nobody", Protections, "excludes", always(False)),
    Fault("an allow list", "lets everybody in", Protections, "shuts_out", always(False)),
    Fault(
        "an authorised representative, within scope",
        "represents in nothing",
        Protections,
        "represents",
        always(False),
    ),
    Fault(
        "a counter-request hides no joint paper from her",
        "it hides what it says",
        Protections,
        "_turns_on",
        always(False),
    ),
    Fault(
        "a request never hides from those it covers",
        "it covers nobody",
        Protections,
        "_is_covered",
        always(False),
    ),
    Fault(
        "a secret request is not told to staff", "it is", Protections, "may_be_told_to_staff", always(True)
    ),
    Fault(
        "scope: record types, records, systems, purposes",
        "every request is in scope",
        Protections,
        "_in_scope",
        always(True),
    ),
    # --- readers, contents, warrants
    Fault("whoever else can open the contact point reads it", "he does not", Readers, "_openers", always(())),
    Fault("what a representative is told his client is told", "he is not", Readers, "_clients", always(())),
    Fault("the interpreter and his agency learn it", "they do not", Readers, "_interpreters", always(())),
    Fault("the user who sends reads what he sends", "he does not", Readers, "_sender", always(())),
    Fault(
        "undeclared content counts as every category",
        "it is what it is called",
        Contents,
        "units",
        _undeclared_is_declared,
    ),
    Fault("each part of a document is decided", "only the whole is", Contents, "units", _only_the_whole),
    Fault(
        "an order names data subjects, fields and recipients",
        "it names everybody and everything",
        Warrants,
        "order_covers",
        always(True),
    ),
    Fault("an override ends", "it does not", Moment, "runs_out", always(False)),
    Fault("a permit waits for its first moment", "it does not", Moment, "begins", always(True)),
    Fault("own case", "nobody is a party at work", RecordSeen, "roles_of", always(_NOBODY)),
    # --- what the questions carry
    Fault(
        "an adverse holder of next of kin",
        "the holder is not looked at",
        matters,
        "_NEXT_OF_KIN",
        lambda _: "none",
    ),
    Fault(
        "exempt purposes lift some requests, towards public bodies on file",
        "they lift nothing",
        reader_attributes,
        "EXEMPT_PURPOSES",
        lambda _: frozenset(),
    ),
    Fault("an excluded interpreter", "interprets", DeliveryAsked, "has_excluded_interpreter", always(False)),
    Fault("an adverse interpreter", "interprets", DeliveryAsked, "has_adverse_interpreter", always(False)),
    Fault(
        "a protected person is known as one", "nobody is protected", Standing, "is_protected", always(False)
    ),
    Fault(
        "parents of one child know each other's names",
        "they do not",
        ReaderAsked,
        "is_co_parent",
        always(False),
    ),
    # --- combination
    Fault(
        "over data subjects and readers the stricter answer wins",
        "the laxer one wins",
        Judge,
        "_whole",
        _the_laxer_answer,
    ),
    Fault(
        "implied readers are tested against denies", "they are not tested", Judge, "_unit", _recipients_alone
    ),
    Fault(
        "implied data subjects are tested against denies",
        "they are not tested",
        Judge,
        "_unit",
        _declared_alone,
    ),
    Fault(
        "an order outranks denies for the user who sends, never for other readers",
        "for every reader",
        Judge,
        "_outranked",
        _warrants_outrank_everybody,
    ),
    Fault(
        "an order outranks lower denies for what is implied",
        "it outranks nothing",
        Judge,
        "_outranked",
        lambda _: lambda _self, judged: judged,
    ),
    Fault("the delivery gate must permit, too", "it never denies", Judge, "_whole", _delivery_never_denies),
    Fault(
        "a part that cannot be taken out denies the field",
        "every part can be",
        Judge,
        "_without_parts",
        _parts_always_separable,
    ),
    Fault("a denied part is redacted", "nothing is ever redacted", Judge, "_without_parts", always(None)),
    Fault("a service address stands for hers", "it never does", Judge, "_substitute", always("")),
    Fault(
        "a legal representative may have what his client may",
        "he may not",
        Judge,
        "_client_may",
        always(False),
    ),
    Fault(
        "what may not be told is NOT_AVAILABLE",
        "the reason is told",
        Judge,
        "told",
        lambda _: lambda self, seen, outcome, **__: outcome.reason,
    ),
    # --- obligations
    Fault(
        "what the caller cannot do denies",
        "capabilities are not checked",
        obligations,
        "_unsupported",
        always(False),
    ),
    Fault(
        "a capability ends",
        "it does not",
        situation,
        "_capabilities",
        lambda original: lambda artefact, call, moment: original(artefact, call, _Timeless(moment)),
    ),
    Fault(
        "a denied field whose existence is secret is left out silently",
        "nothing is said of it",
        decide,
        "silences",
        always(()),
    ),
    Fault(
        "supportive obligations become tasks", "nobody is asked to do them", decide, "tasks_of", always(())
    ),
    Fault(
        "a permit is bound to recipient, point and channel",
        "it is bound to nothing",
        decide,
        "_bound",
        always(()),
    ),
    Fault(
        "the whole answer's obligations can deny it", "it owes nothing", decide, "settle_whole", always(())
    ),
)


class _Timeless:
    """A moment at which nothing has ended."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment

    def ended(self, *_: object, **__: object) -> bool:
        return False
