"""What may be owed with an answer, and who is held able to do it."""

from __future__ import annotations

from enum import StrEnum


class ObligationKind(StrEnum):
    """What may be owed. Protective ones that the caller cannot do turn a permit into a deny; supportive ones
    become a task.
    """

    REDACT = "redact"
    OMIT_SILENTLY = "omit_silently"
    MASK = "mask"
    SPLIT_PER_RECIPIENT = "split_per_recipient"
    SECOND_APPROVER = "second_approver"
    HUMAN_REVIEW = "human_review"
    VERIFY_CONTACT = "verify_contact"
    USE_CONTACT_POINT = "use_contact_point"
    CONTACT_WINDOW = "contact_window"
    NO_VOICEMAIL = "no_voicemail"
    NEUTRAL_SENDER = "neutral_sender"
    SUBSTITUTE_ADDRESS = "substitute_address"
    NO_ONWARD = "no_onward"
    RECHECK_BEFORE = "recheck_before"
    RECORD_JUSTIFICATION = "record_justification"
    STEP_UP = "step_up"
    BOOK_INTERPRETER = "book_interpreter"
    TRANSLATE = "translate"
    FORMAT = "format"
    ACCESS_NEEDS = "access_needs"
    SHOW_WARNING = "show_warning"
    NOTIFY = "notify"

    @property
    def is_supportive(self) -> bool:
        """True for what becomes a task, and never turns a permit into a deny."""
        return self in SUPPORTIVE


SUPPORTIVE = frozenset(
    {
        ObligationKind.BOOK_INTERPRETER,
        ObligationKind.TRANSLATE,
        ObligationKind.FORMAT,
        ObligationKind.ACCESS_NEEDS,
        ObligationKind.SHOW_WARNING,
        ObligationKind.NOTIFY,
    }
)

ANY_CALLER = frozenset(
    {
        ObligationKind.OMIT_SILENTLY,
        ObligationKind.SPLIT_PER_RECIPIENT,
        ObligationKind.RECHECK_BEFORE,
        ObligationKind.RECORD_JUSTIFICATION,
        ObligationKind.NO_ONWARD,
    }
)
"""Protective obligations that need no tool: to leave out, to send apart, to ask again, to write down and to
say so. Whoever asks is held able to do them, unless the call claims less; every other needs a capability on
file.
"""
