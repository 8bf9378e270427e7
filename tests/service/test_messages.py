"""The messages of a policy set: complete, told in the language asked for, and refused where broken."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import policy_service.model.decision
from policy_service.engine import PolicyDocumentError, Tell
from policy_service.engine.combine import NO_BASIS as NOTHING_APPLIED
from policy_service.model.decision import NOT_AVAILABLE
from policy_service.model.obligation import ObligationKind
from policy_service.model.vocabulary import Effect, Gate, Tier
from policy_service.service.message_files import MAX_TEXT, OF_THE_SERVICE, is_part, parse_messages
from policy_service.service.messages import Messages
from policy_service.service.policies import (
    PolicySetUnreadableError,
    PublishedPolicies,
    published,
    shipped_policy_set,
)

POLICIES = Path(__file__).parents[2] / "policies"
EN = (POLICIES / "messages" / "en.yaml").read_text("utf-8")

SMALL = """\
outsider: Nobody may know.
reasons:
  NOT_AVAILABLE: {staff: It is not here., next_step: Ask.}
  USER_REQUIRED: {staff: Who asks., next_step: Sign in.}
  OBLIGATION_UNSUPPORTED: {staff: Not proven., next_step: Hold it.}
  NO_BASIS: {staff: No reason to have it., next_step: Record one.}
obligations:
  redact: Take it out.
prompts:
  order_used: Compare.
"""
CY = "outsider: Neb.\nreasons:\n  NOT_AVAILABLE: {staff: Nid yw yma., next_step: Gofynnwch.}\n"
CY_GB = "reasons:\n  USER_REQUIRED: {staff: Pwy sy'n gofyn., next_step: Mewngofnodwch.}\n"


def small(**others: str) -> Messages:
    files = {"en": SMALL, **{tag.replace("_", "-"): text for tag, text in others.items()}}
    return parse_messages((f"messages/{tag}.yaml", text) for tag, text in files.items())


@pytest.fixture(scope="module")
def shipped() -> PublishedPolicies:
    return published(shipped_policy_set(POLICIES))


# --- complete -----------------------------------------------------------------------------------------------


def test_a_file_of_a_set_that_would_be_passed_over_is_refused(tmp_path: Path) -> None:
    directory = tmp_path / "set"
    shutil.copytree(POLICIES, directory)
    (directory / "disclosure" / "mine.yml").write_text("uid: x")
    with pytest.raises(PolicySetUnreadableError, match="would be passed over: give it a name"):
        shipped_policy_set(directory)


def test_every_deny_of_a_shipped_policy_has_a_text(shipped: PublishedPolicies) -> None:
    reasons = {d.reason for d in shipped.plan.documents if d.tier and d.tier.effect is Effect.DENY}
    assert len(reasons) > 10
    assert {told.reason for told in shipped.messages.texts(reasons, "en")} == reasons


def test_every_code_that_the_service_gives_has_a_text(shipped: PublishedPolicies) -> None:
    """Each code of `model.decision` and the default deny: there is no other that a caller can be told."""
    codes = {
        value
        for name, value in vars(policy_service.model.decision).items()
        if isinstance(value, str) and name == value and name.isupper()
    } | {NOTHING_APPLIED.reason}
    assert codes == set(OF_THE_SERVICE)
    assert {told.reason for told in shipped.messages.texts(codes, "en")} == codes


@pytest.mark.parametrize("kind", ObligationKind)
def test_every_kind_of_obligation_has_a_sentence(shipped: PublishedPolicies, kind: ObligationKind) -> None:
    assert shipped.messages.obligation(kind, "en")


def test_every_text_is_a_sentence_with_a_next_step() -> None:
    data = yaml.safe_load(EN)
    texts = [data["outsider"], *data["obligations"].values(), *data["prompts"].values()]
    for entry in data["reasons"].values():
        texts += [entry["staff"], entry["next_step"]]
    assert len(texts) > 80
    for text in texts:
        assert re.fullmatch(r"[A-Z].*\.", text), text
        # A code in a sentence is jargon, and might be the code of something else.
        assert not re.search(r"[A-Z]{2,}|_", text), text


def test_a_text_that_another_reader_may_cause_is_right_for_both(shipped: PublishedPolicies) -> None:
    """She is the recipient, and he shares her mailbox: nobody is to be told to keep it from her."""
    by_who_reads = re.compile(r"\$\.(recipient\.(adverse|associate|excluded)|requests_naming_recipient): ")
    reasons = {
        d.reason
        for d in shipped.plan.documents
        if d.gate is Gate.DISCLOSURE
        and d.tier in (Tier.ABSOLUTE, Tier.REQUEST)
        and by_who_reads.search(d.source)
        and "send" not in d.source  # DO_NOT_SHARE has a text that speaks of no recipient
    }
    assert reasons == {"ADVERSE_PERSON", "EXCLUDED_PERSON", "WITHHOLD_LOCATION"}
    for told in shipped.messages.texts(reasons, "en"):
        assert "somebody else who may open what arrives" in told.text, told.reason
        assert "tell the recipient" not in told.next_step, told.reason


def test_a_set_without_a_text_for_a_reason_is_refused(tmp_path: Path) -> None:
    directory = copy(tmp_path)
    file = directory / "delivery" / "baseline" / "voicemail.yaml"
    file.write_text(file.read_text().replace("VOICEMAIL_NOT_SAFE", "A_NEW_REASON"))
    line = EN.splitlines().index("reasons:") + 1

    with pytest.raises(PolicyDocumentError) as refused:
        shipped_policy_set(directory)

    assert refused.value.message.startswith(f"messages/en.yaml:{line}: reasons: no text for `A_NEW_REASON`")
    assert "delivery.baseline.voicemail" in refused.value.message


def test_a_set_without_a_text_for_an_obligation_is_refused(tmp_path: Path) -> None:
    directory = copy(tmp_path)
    file = directory / "messages" / "en.yaml"
    without = re.sub(r"(?m)^  show_warning: .*\n", "", EN)
    file.write_text(without.replace("  no_safe_contact:", "  other:"))

    with pytest.raises(PolicyDocumentError) as refused:
        shipped_policy_set(directory)

    said = sorted(each.message for each in refused.value.problems)
    assert len(said) == 2
    assert re.search(r"en.yaml:\d+: obligations: no text for `show_warning`, which the policy", said[0])
    assert re.search(r"en.yaml:\d+: prompts: no text for `no_safe_contact`, the prompt of", said[1])


def test_a_set_without_messages_is_refused_when_it_is_read(tmp_path: Path) -> None:
    directory = copy(tmp_path)
    shutil.rmtree(directory / "messages")
    with pytest.raises(PolicyDocumentError, match=r"messages/en.yaml:1: the file is missing"):
        shipped_policy_set(directory)


def test_a_text_in_a_folder_of_ones_own_makes_a_set_complete(tmp_path: Path) -> None:
    directory = copy(tmp_path)
    file = directory / "delivery" / "baseline" / "voicemail.yaml"
    file.write_text(file.read_text().replace("VOICEMAIL_NOT_SAFE", "A_NEW_REASON"))
    own = directory / "messages" / "own"
    own.mkdir()
    (own / "en.yaml").write_text("reasons:\n  A_NEW_REASON: {staff: New., next_step: Ask.}\n")
    (own / "cy.yaml").write_text("reasons:\n  A_NEW_REASON: {staff: Newydd., next_step: Gofynnwch.}\n")

    found = shipped_policy_set(directory)

    names = ["messages/en.yaml", "messages/own/cy.yaml", "messages/own/en.yaml"]
    assert [name for name, _ in found.messages] == names
    told = published(found).messages
    assert [each.text for each in told.texts(["A_NEW_REASON"], "en-GB")] == ["New."]
    assert [each.text for each in told.texts(["A_NEW_REASON"], "cy")] == ["Newydd."]
    assert len(told.texts(["VOICEMAIL_NOT_SAFE", "NOT_AVAILABLE"], "cy")) == 2


def test_what_nobody_is_told_needs_a_text_too(shipped: PublishedPolicies, tmp_path: Path) -> None:
    untold = {d.reason for d in shipped.plan.documents if d.tier and d.tell is Tell.NOBODY}
    assert untold
    directory = copy(tmp_path)
    file = directory / "disclosure" / "statute" / "secret_role.yaml"
    file.write_text(file.read_text().replace("WITHHELD_BY_LAW", "A_NEW_REASON"))
    with pytest.raises(PolicyDocumentError, match="A_NEW_REASON"):
        shipped_policy_set(directory)


# --- part of the set ----------------------------------------------------------------------------------------


def test_the_sets_id_covers_the_messages(tmp_path: Path) -> None:
    directory = copy(tmp_path)
    before = shipped_policy_set(directory)
    (directory / "messages" / "cy.yaml").write_text(CY)
    after = shipped_policy_set(directory)

    assert after.policy_set_id != before.policy_set_id
    assert [name for name, _ in after.messages] == ["messages/cy.yaml", "messages/en.yaml"]
    assert (after.documents, after.base_types) == (before.documents, before.base_types)
    assert published(after).messages.outsider("cy") == "Neb."


def test_a_set_from_before_there_were_messages_still_decides() -> None:
    none = parse_messages(())
    assert (none.texts([NOT_AVAILABLE], "cy-GB"), none.outsider("en"), none.obligation("redact", "en")) == (
        (),
        "",
        "",
    )


# --- told ---------------------------------------------------------------------------------------------------


def test_the_files_of_a_language_are_one_catalogue() -> None:
    """Whatever their order, and each language may have a file in each folder."""
    files = [
        ("messages/own/cy.yaml", "obligations: {redact: Tynnwch.}\nprompts: {call_first: Ffoniwch.}\n"),
        ("messages/own/deeper/en.yaml", "prompts: {call_first: Call first.}\n"),
        ("messages/own/en.yaml", "reasons:\n  OWN: {staff: Ours., next_step: Ask us.}\n"),
        ("messages/cy.yaml", CY),
        ("messages/en.yaml", SMALL),
    ]
    for messages in (parse_messages(files), parse_messages(files[::-1])):
        told = messages.texts(["OWN", "NO_BASIS", "NOT_AVAILABLE"], "cy")
        assert [each.text for each in told] == ["Ours.", "No reason to have it.", "Nid yw yma."]
        assert messages.outsider("cy") == "Neb."
        assert messages.obligation("redact", "cy", prompt="call_first") == "Tynnwch. Ffoniwch."
        assert messages.obligation("redact", "en", prompt="call_first") == "Take it out. Call first."


def test_each_reason_is_told_once_in_the_order_of_the_answer() -> None:
    told = small().texts(["NO_BASIS", "", "NOT_AVAILABLE", "NO_BASIS", "UNHEARD_OF"], "en")
    assert [(each.reason, each.text, each.next_step) for each in told] == [
        ("NO_BASIS", "No reason to have it.", "Record one."),
        ("NOT_AVAILABLE", "It is not here.", "Ask."),
    ]


@pytest.mark.parametrize(
    ("language", "here", "who", "outsider"),
    [
        ("en", "It is not here.", "Who asks.", "Nobody may know."),
        ("en-GB", "It is not here.", "Who asks.", "Nobody may know."),
        ("cy", "Nid yw yma.", "Who asks.", "Neb."),
        ("cy-GB", "Nid yw yma.", "Pwy sy'n gofyn.", "Neb."),
        ("CY-gb-x-anything", "Nid yw yma.", "Pwy sy'n gofyn.", "Neb."),
        ("cy-AR", "Nid yw yma.", "Who asks.", "Neb."),
        ("cym", "It is not here.", "Who asks.", "Nobody may know."),
        ("", "It is not here.", "Who asks.", "Nobody may know."),
        ("-", "It is not here.", "Who asks.", "Nobody may know."),
    ],
)
def test_a_language_falls_back_entry_by_entry(language: str, here: str, who: str, outsider: str) -> None:
    messages = small(cy=CY, cy_GB=CY_GB)
    told = messages.texts(["NOT_AVAILABLE", "USER_REQUIRED"], language)
    assert [each.text for each in told] == [here, who]
    assert messages.outsider(language) == outsider
    assert messages.obligation("redact", language) == "Take it out."


@given(st.text(max_size=40))
def test_no_language_is_a_dead_end(language: str) -> None:
    told = small(cy=CY).texts(OF_THE_SERVICE, language)
    assert [each.reason for each in told] == list(OF_THE_SERVICE)


def test_a_review_says_what_to_look_at() -> None:
    messages = small()
    assert messages.obligation("redact", "en", prompt="order_used") == "Take it out. Compare."
    assert messages.obligation("redact", "en", prompt="unheard_of") == "Take it out."
    assert messages.obligation("unheard_of", "en") == ""


# --- refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (SMALL.replace("prompts:", "hints:"), 9, "no such key"),
        (SMALL.replace("next_step: Ask.", "next: Ask."), 3, "no such key, perhaps `next_step` is meant"),
        (SMALL.replace(", next_step: Sign in.", ""), 4, "reasons.USER_REQUIRED: `next_step` is missing"),
        (SMALL.replace("Nobody may know.", '""'), 1, "write a sentence"),
        (SMALL.replace("Nobody may know.", '" Nobody"'), 1, "write a sentence"),
        (SMALL.replace("Nobody may know.", "[a, b]"), 1, "write a text"),
        (SMALL.replace("Take it out.", '"Take\\nit out."'), 8, "line break or another control character"),
        (SMALL.replace("Take it out.", '"Take \\u202e it out."'), 8, "control character"),
        (SMALL.replace("Take it out.", '"Take {name} out."'), 8, "no placeholders"),
        (SMALL.replace("Take it out.", "a" * (MAX_TEXT + 1)), 8, f"may have {MAX_TEXT}"),
        (SMALL.replace("order_used", "Order used"), 10, "not the shape of a code"),
        (SMALL.replace("  redact", "  redacd"), 8, "no obligation `redacd`, perhaps `redact` is meant"),
        (SMALL.replace("NO_BASIS", "No_basis"), 6, "not the shape of a code"),
        (SMALL.replace("  NO_BASIS", "  NO_BASE"), 2, "no text for `NO_BASIS`, which the service gives"),
        (SMALL.replace("outsider: Nobody may know.\n", ""), 1, "`outsider` is missing"),
        (SMALL + "outsider: Twice.\n", 11, "key `outsider` stands here and in line 1"),
        ("- a list\n", 1, "a catalogue of messages is a mapping"),
        (SMALL + "x: [\n", 12, "not readable as YAML"),
    ],
)
def test_a_broken_catalogue_is_refused_with_file_and_line(text: str, line: int, why: str) -> None:
    with pytest.raises(PolicyDocumentError) as refused:
        parse_messages([("messages/en.yaml", text)])
    assert refused.value.message.startswith(f"messages/en.yaml:{line}: ")
    assert why in refused.value.message


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        (
            "messages/cy.yaml",
            "reasons:\n  NO_BASE: {staff: A., next_step: B.}\n",
            "perhaps `NO_BASIS` is meant",
        ),
        ("messages/cy.yaml", "prompts:\n  other: A.\n", "`en.yaml` has no `other`"),
        ("messages/cy.yaml", "reasons:\n  NO_BASIS: {staff: A.}\n", "`next_step` is missing"),
        ("messages/Welsh.yaml", "outsider: A.\n", "named by its language"),
        ("messages/en-.yaml", "outsider: A.\n", "named by its language"),
    ],
)
def test_a_broken_translation_is_refused(name: str, text: str, why: str) -> None:
    with pytest.raises(PolicyDocumentError) as refused:
        parse_messages([("messages/en.yaml", SMALL), (name, text)])
    assert refused.value.message.startswith(f"{name}:")
    assert why in refused.value.message


def test_everything_that_is_wrong_is_told_of_all_files() -> None:
    en = SMALL.replace("Nobody may know.", '""').replace(", next_step: Sign in.", "")
    with pytest.raises(PolicyDocumentError) as refused:
        parse_messages([("a/en.yaml", en), ("a/cy.yaml", "other: 1\n"), ("a/x.yaml", "- 1\n")])
    assert [(each.file, each.line) for each in refused.value.problems] == [
        ("a/x.yaml", 1),
        ("a/en.yaml", 1),
        ("a/en.yaml", 4),
        ("a/cy.yaml", 1),
    ]


@pytest.mark.parametrize(
    ("text", "line", "at", "first"),
    [
        ("outsider: We may say.\n", 1, "outsider", 1),
        ("reasons:\n  OWN: {staff: A., next_step: B.}\n  NO_BASIS: {}\n", 3, "reasons.NO_BASIS", 6),
        ("obligations:\n  redact: Cut.\n", 2, "obligations.redact", 8),
        ("prompts:\n\n  order_used: Read.\n", 3, "prompts.order_used", 10),
    ],
)
def test_an_entry_that_stands_twice_is_refused_with_both_places(
    text: str, line: int, at: str, first: int
) -> None:
    files = [("messages/a/en.yaml", text), ("messages/en.yaml", SMALL)]
    with pytest.raises(PolicyDocumentError) as refused:
        parse_messages(files)
    said = f"{at}: this stands in messages/en.yaml:{first} as well: keep one of the two"
    assert f"messages/a/en.yaml:{line}: {said}" in [each.message for each in refused.value.problems]


def test_one_entry_in_three_files_is_told_of_each_with_all_else_that_is_wrong() -> None:
    other = "reasons:\n  OWN: {staff: A.}\nprompts: {order_used: A.}\n"
    names = ("messages/en.yaml", "messages/a/en.yaml", "messages/b/en.yaml")
    with pytest.raises(PolicyDocumentError) as refused:
        parse_messages(zip(names, (SMALL, other, other.replace("OWN", "OTHER")), strict=True))
    assert [(each.file, each.line) for each in refused.value.problems] == [
        *[("messages/a/en.yaml", 2), ("messages/a/en.yaml", 3)],
        *[("messages/b/en.yaml", 2), ("messages/b/en.yaml", 3)],
    ]


@pytest.mark.parametrize(
    ("names", "part"),
    [
        (["messages/en.yaml"], False),
        (["my-set/messages/own/en.yaml", "my-set/messages/en.yaml"], False),
        (["/messages/set/messages/en.yaml"], False),
        (["en.yaml"], False),  # validated from within the folder
        (["messages/own/en.yaml", "messages/cy.yaml"], True),
        (["messages/en-GB.yaml"], True),
        ([], True),
    ],
)
def test_files_without_what_ships_are_part_of_a_set(names: list[str], part: bool) -> None:
    assert is_part(names) is part


def test_of_a_part_nothing_is_missed() -> None:
    """A translation may be of a text that ships; what is written is read as strictly."""
    own = "reasons:\n  OWN: {staff: Ours., next_step: Ask us.}\n"
    files = [("messages/own/en.yaml", own), ("messages/cy.yaml", CY)]
    assert parse_messages(files, part=True).texts(["OWN"], "cy")[0].text == "Ours."
    with pytest.raises(PolicyDocumentError, match=r"own/en.yaml:2: reasons.OWN.next: no such key"):
        parse_messages([("messages/own/en.yaml", own.replace("next_step", "next"))], part=True)
    with pytest.raises(PolicyDocumentError, match=r"en.yaml:2: .* perhaps `no_voicemail` is meant"):
        parse_messages([("messages/own/en.yaml", "obligations:\n  no_voicemale: Leave none.\n")], part=True)
    with pytest.raises(PolicyDocumentError, match=r"messages/own/en.yaml:1: `outsider` is missing"):
        parse_messages(files)


def test_a_language_has_one_file_in_a_folder() -> None:
    with pytest.raises(PolicyDocumentError, match="another file in this folder"):
        small(cy_GB=CY_GB, cy_gb=CY_GB)


def test_a_translation_alone_is_refused() -> None:
    with pytest.raises(PolicyDocumentError, match=r"`en\.yaml`, for what this language lacks"):
        parse_messages([("messages/cy.yaml", CY)])


def test_the_letters_of_other_languages_are_texts() -> None:
    persian = "\N{ARABIC LETTER MEEM}\N{ZERO WIDTH NON-JOINER}\N{ARABIC LETTER REH}"
    assert small(fa=f"outsider: {persian}\n").outsider("fa") == persian


def test_the_readmes_example_is_a_catalogue() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (POLICIES / "messages" / "README.md").read_text(), re.DOTALL)
    parse_messages([("messages/en.yaml", EN), ("messages/cy.yaml", block)])


def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))
