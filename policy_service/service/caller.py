"""From an `authorization` header to a caller, by what is on file.

The token's text is `psk_<public prefix>_<secret>`; the prefix finds the token, the hash of the secret proves
it (RFC 6750 carries it as a bearer token). Which of the refusals it was is for counters and the log; the
caller is told one text for all.
"""

from __future__ import annotations

from datetime import datetime

from policy_service.facts.tokens import parse_token, secret_matches
from policy_service.facts.view import FactsView
from policy_service.model.caller import Caller
from policy_service.model.errors import UnauthenticatedError

__all__ = ["Caller", "authenticate"]

_TEXT = "send a valid API token as `authorization: Bearer ...`"


def authenticate(view: FactsView, authorization: str, now: datetime) -> Caller:
    """Return the caller that the bearer token in `authorization` names, at the view's revision and at `now`
    (UTC).

    Raises `UnauthenticatedError` with the reason `TOKEN_MISSING`, `TOKEN_MALFORMED`, `TOKEN_UNKNOWN`,
    `TOKEN_REVOKED`, `TOKEN_EXPIRED` or `SYSTEM_SUSPENDED`, and `ColdFacts` where the view must first be
    loaded.
    """
    if not authorization:
        raise UnauthenticatedError("TOKEN_MISSING", _TEXT)
    parsed = parse_token(authorization)
    if parsed is None:
        raise UnauthenticatedError("TOKEN_MALFORMED", _TEXT)
    token = view.token(parsed.token_id)
    if token is None or not secret_matches(parsed, token.secret_hash):
        raise UnauthenticatedError("TOKEN_UNKNOWN", _TEXT)
    if token.revoked_at is not None:
        raise UnauthenticatedError("TOKEN_REVOKED", _TEXT)
    if now >= token.expires_at:
        raise UnauthenticatedError("TOKEN_EXPIRED", _TEXT)
    if token.system:
        system = view.system(token.controller, token.system)
        if system is None or system.suspended:
            raise UnauthenticatedError("SYSTEM_SUSPENDED", _TEXT)
    return Caller(
        token_id=token.token_id,
        controller=token.controller,
        system=token.system,
        principal=token.principal,
        roles=frozenset(token.roles),
    )
