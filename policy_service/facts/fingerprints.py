"""Keyed fingerprints: they tell that two values are the same, and nothing else about them.

A fingerprint is HMAC-SHA-256 under a key that is not in the database, of what the value is (a phone, an
identifier of a scheme), and of the value in one spelling. Each part is preceded by its length, so that values
of different kinds, or parts cut differently, never meet.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import date
from functools import lru_cache
from typing import assert_never

import email_validator
import phonenumbers

from policy_service.model.errors import InvalidArgumentError
from policy_service.model.facts import Fingerprint, PersonId
from policy_service.model.vocabulary import ContactKind

DEFAULT_REGION = "GB"
"""Where a phone number without a country code is at home."""
MAX_LENGTH = 1_000
"""Characters of a value; so that what is remembered is bounded."""
REMEMBERED = 65_536
"""Values whose one spelling is remembered; finding it takes 20 to 50 µs, remembering it less than one."""

_BLOCK = 64
"""Bytes of a block of SHA-256."""

_PLAIN_GB = re.compile(r"0[1-357-9][0-9]{9}")
"""What phonenumbers would make of it in 40 µs is known: ten digits of the general form of GB behind the 0."""
_NO_WORD = re.compile(r"[\W_]+")
_POSTCODE = re.compile(r"\b([a-z]{1,2}[0-9][a-z0-9]?) ([0-9][a-z]{2})\b")  # GOV.UK: outward code, inward code
_DOTS_MEAN_NOTHING = frozenset({"gmail.com", "googlemail.com"})

_APOSTROPHES = re.compile("['\u2018\u2019\u02bc`\u00b4]")
_DIACRITICS = re.compile("[\u0300-\u036f]")
"""Marks over and under Latin, Greek and Cyrillic letters; in other scripts marks are vowels."""
_STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
"""Letters that Unicode takes for one, and clerks for another with something through it."""
_TITLES = frozenset(
    {
        *("mr", "mrs", "ms", "miss", "mx", "master", "dr", "prof", "professor"),
        *("sir", "dame", "lord", "lady", "rev", "revd", "reverend"),
    }
)


class Fingerprinter:
    """Makes fingerprints with one key. `generation` numbers the keys; a log entry names the one it was made
    with.
    """

    __slots__ = ("_inner", "_outer", "generation")

    def __init__(self, key: bytes, generation: int = 1) -> None:
        if len(key) < 32:
            raise ValueError("a key of at least 32 bytes is needed")
        # HMAC (RFC 2104) by its two halves, each begun with the key once: `hmac.new` and its copies take
        # three times as long.
        block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self.generation = generation

    def identifier(self, scheme: str, value: str) -> Fingerprint:
        """Of an identifier. InvalidArgumentError where the scheme or the value is empty or too long."""
        return self._of("identifier", *_one_spelling_of_identifier(_bounded(scheme), _bounded(value)))

    def contact(self, kind: ContactKind, value: str) -> Fingerprint:
        """Of a contact point's value. InvalidArgumentError (`CONTACT_UNREADABLE`) where it is no value of its
        kind.

        The error's `field` is `value`; the caller, who knows where it stood, puts the path before it.
        """
        return self._of("contact", kind.value, _one_spelling_of_contact(kind, _bounded(value)))

    def uprn(self, value: str) -> Fingerprint:
        """Of a Unique Property Reference Number. InvalidArgumentError where it is not 1 to 12 digits, or
        nought, which stands for many properties in many files.
        """
        digits = _bounded(value).strip()
        if not (digits.isascii() and digits.isdigit() and 1 <= len(digits.lstrip("0")) <= 12):
            raise InvalidArgumentError("uprn", "UPRN_UNREADABLE", "a UPRN has 1 to 12 digits, not all nought")
        return self._of("uprn", digits.lstrip("0"))  # it is written with and without leading zeros

    def name(self, value: str) -> Fingerprint:
        """Of a person's name, however it is written. InvalidArgumentError (`NAME_UNREADABLE`) where no letter
        is in it.
        """
        return self._of("name", _one_spelling_of_name(_bounded(value)))

    def name_with_birth_date(self, name: Fingerprint, born: date) -> Fingerprint:
        """Of a name (its fingerprint) and a birth date together."""
        return self._of("name_with_birth_date", name, born.isoformat())

    def check(self) -> Fingerprint:
        """Tells this key from every other, and nothing about it."""
        return self._of("key_check")

    def roster_token(self, person_id: PersonId) -> str:
        """What names a person to an agency that must not send her, and to nobody else; 32 hex digits."""
        return self._of("roster_token", person_id)[:32]

    def asserted(self, path: str, value: str) -> Fingerprint:
        """Of a value that a caller asserts for an attribute, as a log entry holds it: of exactly these
        characters.
        """
        return self._of("asserted", path, value)

    def _of(self, *parts: str) -> Fingerprint:
        encoded = [part.encode() for part in parts]
        # Not `hmac.digest`, which lets go of the interpreter's lock for each.
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(b"".join([len(part).to_bytes(4, "big") + part for part in encoded]))
        outer.update(inner.digest())
        return Fingerprint(outer.hexdigest())


def _bounded(value: str) -> str:
    if not value or len(value) > MAX_LENGTH:
        raise InvalidArgumentError("value", "VALUE_LENGTH", f"a value has 1 to {MAX_LENGTH} characters")
    return value


@lru_cache(REMEMBERED)
def _one_spelling_of_identifier(scheme: str, value: str) -> tuple[str, str]:
    """Without regard to case and to spaces: `943 476 5919` is `9434765919`. Hyphens count, since references
    are told apart by them.
    """
    return _folded(scheme).strip(), "".join(_folded(value).split())


@lru_cache(REMEMBERED)
def _one_spelling_of_name(value: str) -> str:
    """The words in the order of the alphabet, without case, diacritics, apostrophes and titles: `Dr Ana
    O'Brien` is `OBRIEN, Ána`.

    Two names of one spelling are a possible match and no more, so that too few spellings only ask for a look.
    """
    folded = _folded(_APOSTROPHES.sub("", value))
    if folded.isascii():
        words = _NO_WORD.sub(" ", folded).split()
    else:
        plain = _DIACRITICS.sub("", unicodedata.normalize("NFD", folded))
        # Not `_NO_WORD`: to it the vowel signs of many scripts are no part of a word.
        words = "".join(
            c if unicodedata.category(c)[0] in "LMN" else " " for c in plain.translate(_STROKES)
        ).split()
    if not any(character.isalpha() for word in words for character in word):
        raise InvalidArgumentError("value", "NAME_UNREADABLE", "a name has at least one letter")
    return " ".join(sorted([word for word in words if word not in _TITLES] or words))


@lru_cache(REMEMBERED)
def _one_spelling_of_contact(kind: ContactKind, value: str) -> str:
    match kind:
        case ContactKind.PHONE:
            return _phone(value)
        case ContactKind.EMAIL:
            return _email(value)
        case ContactKind.POST:
            return _post(value)
        case ContactKind.ACCOUNT:
            # whether case counts is the account's own affair
            return _some(unicodedata.normalize("NFC", value).strip())
        case _:
            assert_never(kind)


def _phone(value: str) -> str:
    """E.164, so without an extension: who shares a switchboard shares a phone."""
    plain = value.replace(" ", "")
    if len(value) < 20 and _PLAIN_GB.fullmatch(plain):
        return f"+44{plain[1:]}"
    try:
        number = phonenumbers.parse(value, DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        raise _unreadable("phone number") from None
    # Possible, not valid: numbers come into use before the library hears of it, and examples use those that
    # never will.
    if not phonenumbers.is_possible_number(number):
        raise _unreadable("phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(value: str) -> str:
    """The mailbox: without regard to case, and without what providers ignore, since `anna+bills@` is read by
    whoever reads `anna@`.
    """
    try:
        checked = email_validator.validate_email(
            value.strip(), check_deliverability=False, test_environment=True
        )
    except email_validator.EmailNotValidError:
        raise _unreadable("e-mail address") from None
    local, domain = _folded(checked.local_part), _folded(checked.domain)
    mailbox = local.partition("+")[0] or local
    if domain in _DOTS_MEAN_NOTHING:
        mailbox, domain = mailbox.replace(".", ""), "gmail.com"
    return f"{mailbox}@{domain}"


def _post(value: str) -> str:
    """The words and numbers, however they are separated, and a postcode in one piece.

    Equal spellings are equal addresses; unequal ones may be the same, which is why only a UPRN tells that an
    address is not shared.
    """
    words = _NO_WORD.sub(" ", _folded(value)).strip()
    return _some(_POSTCODE.sub(_in_one_piece, words))


def _in_one_piece(postcode: re.Match[str]) -> str:
    return f"{postcode[1]}{postcode[2]}"


def _folded(value: str) -> str:
    if value.isascii():
        return value.lower()  # as the rest would make of it, in a tenth of the time
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())


def _some(value: str) -> str:
    if not value:
        raise _unreadable("address")
    return value


def _unreadable(what: str) -> InvalidArgumentError:
    return InvalidArgumentError("value", "CONTACT_UNREADABLE", f"the {what} cannot be read")
