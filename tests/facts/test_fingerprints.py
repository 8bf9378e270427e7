"""Fingerprints: one value is one fingerprint however it is spelled, and different values never meet."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import random
import re
import struct
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_service.facts import fingerprints
from policy_service.facts.fingerprints import MAX_LENGTH, Fingerprinter
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import PersonId
from policy_service.model.vocabulary import ContactKind

MAKER = Fingerprinter(b"k" * 32)
OPENSSL = "ff62b3dd7fea4610d9efba5fe6dc4a722c0fc012ea284def81d259dd2787243c"

PHONE, EMAIL, POST, ACCOUNT = ContactKind.PHONE, ContactKind.EMAIL, ContactKind.POST, ContactKind.ACCOUNT

SAME = (
    (
        PHONE,
        "07700 900123",
        "+44 7700 900123",
        "0044 7700 900123",
        "+44 (0)7700-900-123",
        "tel:+44-7700-900123",
    ),
    (PHONE, "020 7946 0018", "(020) 7946 0018", "020 7946 0018 ext. 12"),
    (PHONE, "+39 06 698 12345", "0039 06 69812345"),
    (
        EMAIL,
        "Anna.Smith@Example.org",
        "anna.smith@example.org",
        " anna.smith@EXAMPLE.org ",
        "anna.smith+bills@example.org",
    ),
    (EMAIL, "anna.smith@gmail.com", "annasmith@googlemail.com", "ANNASMITH+x@gmail.com"),
    (EMAIL, "anna@münchen.example.org", "anna@xn--mnchen-3ya.example.org"),
    (
        POST,
        "Flat 2, 10 High Street\nLeeds LS1 4AP",
        "flat 2  10 high street, leeds, ls14ap",
        "FLAT 2 10 HIGH STREET LEEDS LS1 4AP.",
    ),
    (ACCOUNT, "vera", " vera "),
)
DIFFERENT = (
    (PHONE, "07700 900123", "07700 900124", "+33 7 70 09 00 12"),
    (EMAIL, "anna@example.org", "anna@example.com", "ann.a@example.org"),
    (POST, "Flat 1, 2 High Street", "Flat 12, High Street", "Flat 1 2a High Street"),
    (ACCOUNT, "vera", "Vera"),
)


@pytest.mark.parametrize("case", SAME, ids=lambda case: case[1])
def test_spellings_of_one_value_are_equal(case: tuple[ContactKind, *tuple[str, ...]]) -> None:
    kind, *spellings = case
    assert len({MAKER.contact(kind, spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize("case", DIFFERENT, ids=lambda case: case[1])
def test_different_values_are_not(case: tuple[ContactKind, *tuple[str, ...]]) -> None:
    kind, *values = case
    assert len({MAKER.contact(kind, value) for value in values}) == len(values)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (PHONE, "ask at the desk"),
        (PHONE, "12"),
        (PHONE, "+"),
        (EMAIL, "anna"),
        (EMAIL, "anna@"),
        (EMAIL, "a b@example.org"),
        (POST, " .,- "),
        (ACCOUNT, "  "),
        *((kind, "") for kind in ContactKind),
        *((kind, "1" * (MAX_LENGTH + 1)) for kind in ContactKind),
    ],
)
def test_what_is_no_value_of_its_kind_is_refused_and_not_repeated(kind: ContactKind, value: str) -> None:
    with pytest.raises(InvalidArgumentError) as refused:
        MAKER.contact(kind, value)
    assert refused.value.field == "value"
    assert refused.value.__cause__ is None
    assert "anna" not in str(refused.value)


def test_a_fingerprint_is_lower_case_hex_and_needs_the_key() -> None:
    fingerprint = MAKER.contact(PHONE, "07700 900123")
    assert len(fingerprint) == 64
    assert set(fingerprint) <= set("0123456789abcdef")
    assert Fingerprinter(b"o" * 32).contact(PHONE, "07700 900123") != fingerprint
    assert Fingerprinter(b"k" * 32, generation=2).contact(PHONE, "07700 900123") == fingerprint


def test_a_short_key_is_refused_and_no_key_is_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Fingerprinter(b"k" * 31)
    assert "k" * 8 not in repr(MAKER)


@given(st.integers(1, 10**12))
def test_kinds_never_meet(number: int) -> None:
    """The same text as an identifier of either scheme, an account, a UPRN and an asserted value."""
    text = str(number)
    made = [
        MAKER.identifier("scheme", text),
        MAKER.identifier("other", text),
        MAKER.contact(ACCOUNT, text),
        MAKER.contact(POST, text),
        MAKER.asserted("subject.team", text),
        MAKER.asserted("subject.role", text),
        *([MAKER.uprn(text)] if number < 10**12 else []),
    ]
    assert all(one != other for one, other in itertools.combinations(made, 2))


@given(st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9))
def test_parts_that_are_cut_differently_do_not_meet(path: str, value: str) -> None:
    assert MAKER.asserted(path + value, "") != MAKER.asserted(path, value)
    assert MAKER.asserted("", path + value) != MAKER.asserted(path, value)


def test_identifiers_are_compared_without_regard_to_spaces_and_case() -> None:
    assert MAKER.identifier("nhs_number", "943 476 5919") == MAKER.identifier("NHS_number", "9434765919")
    assert MAKER.identifier("nino", "qq 12 34 56 c") == MAKER.identifier("nino", "QQ123456C")
    assert MAKER.identifier("case", "12-3") != MAKER.identifier("case", "1-23")


def test_a_uprn_is_compared_without_regard_to_leading_zeros() -> None:
    assert MAKER.uprn("000010033544614") == MAKER.uprn(" 10033544614 ")


@pytest.mark.parametrize("value", ["", "12a", "1234567890123", "-1", "١٢", "0", "000000000000"])
def test_what_is_no_uprn_is_refused(value: str) -> None:
    with pytest.raises(InvalidArgumentError):
        MAKER.uprn(value)


def test_fingerprints_do_not_change_between_versions() -> None:
    """They are on file: a version that computed others would recognise nobody."""

    def mac(*parts: str) -> str:
        message = b"".join(struct.pack(">I", len(part)) + part.encode() for part in parts)
        return hmac.new(b"k" * 32, message, hashlib.sha256).hexdigest()

    assert MAKER.identifier("NHS_number", "943 476 5919") == mac("identifier", "nhs_number", "9434765919")
    assert MAKER.contact(PHONE, "07700 900123") == mac("contact", "phone", "+447700900123")
    assert MAKER.contact(EMAIL, "Anna+x@Example.org") == mac("contact", "email", "anna@example.org")
    assert MAKER.contact(POST, "1 High St, LS1 4AP") == mac("contact", "post", "1 high st ls14ap")
    assert MAKER.contact(ACCOUNT, "Vera ") == mac("contact", "account", "Vera")
    assert MAKER.uprn("0010033544614") == mac("uprn", "10033544614")
    assert MAKER.asserted("subject.team", "Unit ") == mac("asserted", "subject.team", "Unit ")
    # By `openssl dgst -sha256 -mac HMAC`.
    assert mac("contact", "phone", "+447700900123") == OPENSSL


SAME_NAMES = (
    ("Ana O'Brien", "O’BRIEN, Ána", "Dr Ana OBrien", "  obrien   ana ", "Mrs. Ána O\u02bcBrien"),
    ("Łukasz Müller-Strauß", "LUKASZ MULLER STRAUSS", "Strauss, Müller, Lukasz"),
    ("Zoë Ødegård", "Zoe\u0308 Odegard"),
    ("Sir Prof. Wen Li", "Li Wen"),
    ("Lord", "LORD"),
)
DIFFERENT_NAMES = (
    "Ana Brien",
    "Ana O Brien",
    "Anna OBrien",
    "Ana OBrien Ana",
    "Lord",
    "Lady",
    "अनिता",
    "अनीता",
)


@pytest.mark.parametrize("names", SAME_NAMES, ids=lambda names: names[0])
def test_spellings_of_one_name_are_equal(names: tuple[str, ...]) -> None:
    assert len({MAKER.name(name) for name in names}) == 1


def test_other_names_are_others() -> None:
    assert len({MAKER.name(name) for name in DIFFERENT_NAMES}) == len(DIFFERENT_NAMES)


@pytest.mark.parametrize("value", ["17", "-", "' '", "\u0301"])
def test_what_has_no_letter_is_no_name(value: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        MAKER.name(value)
    assert (caught.value.field, caught.value.reason) == ("value", "NAME_UNREADABLE")


def test_a_name_with_a_birth_date_is_another_value_for_each_of_both() -> None:
    born, name, other = date(1990, 5, 4), MAKER.name("Ana Brien"), MAKER.name("Eva Brien")
    made = {
        name,
        MAKER.name_with_birth_date(name, born),
        MAKER.name_with_birth_date(other, born),
        MAKER.name_with_birth_date(name, date(1990, 5, 5)),
    }
    assert len(made) == 4


def test_a_roster_token_tells_nothing_of_the_person() -> None:
    person_id = PersonId("2f0c9a52-6d0e-4b0e-9f5e-0f3b6f6c1d11")
    token = MAKER.roster_token(person_id)
    assert token == MAKER.roster_token(person_id)
    assert (len(token), token.isalnum()) == (32, True)
    assert person_id.replace("-", "")[:8] not in token
    assert token != Fingerprinter(b"j" * 32).roster_token(person_id)


@pytest.mark.parametrize("blanks", [0, 1, 3])
def test_a_plain_number_is_spelt_as_phonenumbers_spells_it(
    blanks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(blanks)
    for _ in range(500):
        digits = list("0" + dice.choice("1235789") + "".join(dice.choices("0123456789", k=9)))
        for _ in range(blanks):
            digits.insert(dice.randrange(len(digits)), " ")
        value = "".join(digits)
        quick = fingerprints._phone(value)
        with monkeypatch.context() as slowly:
            slowly.setattr(fingerprints, "_PLAIN_GB", re.compile("none"))
            assert quick == fingerprints._phone(value), value
