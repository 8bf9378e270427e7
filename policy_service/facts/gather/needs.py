"""What somebody needs in order to understand and to be understood: communication_support requests,
together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from policy_service.facts.fingerprints import Fingerprinter
from policy_service.model.facts import CommunicationSupport, PrivacyRequest


@dataclass(frozen=True, slots=True)
class Needs:
    """Each empty where nothing is needed. `exclusions` are opaque: an agency's roster alone resolves them."""

    languages: tuple[str, ...] = ()
    sign_languages: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    access: tuple[str, ...] = ()

    @property
    def interpreter(self) -> bool:
        """True where somebody has to interpret for her."""
        return bool(self.languages or self.sign_languages)


NO_NEEDS = Needs()


def needs(requests: Iterable[PrivacyRequest], fingerprints: Fingerprinter) -> Needs:
    """Everything that `requests`, communication_support in force, ask for; what is asked twice counts
    once.
    """
    found = [request.communication for request in requests if request.communication is not None]
    if not found:
        return NO_NEEDS

    def together(of: Callable[[CommunicationSupport], Iterable[str]]) -> tuple[str, ...]:
        return tuple(sorted({str(value) for support in found for value in of(support) if value}))

    return Needs(
        languages=together(lambda support: (support.language,)),
        sign_languages=together(lambda support: (support.sign_language,)),
        modes=together(lambda support: support.modes),
        genders=together(lambda support: support.interpreter_gender),
        exclusions=together(
            lambda support: (fingerprints.roster_token(excluded) for excluded in support.not_these)
        ),
        formats=together(lambda support: support.written_formats),
        access=together(lambda support: support.access_needs),
    )
