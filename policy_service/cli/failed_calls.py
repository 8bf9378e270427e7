"""What a call that failed means to whoever typed the command, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import grpc

from policy_service.cli.exits import ConnectionLost, Exit, Failure
from policy_service.cli.not_published import not_published
from policy_service.cli.option_of import option_of
from policy_service.cli.run import Bearer
from policy_service.client.errors import InvalidQuestion, NotAllowed, NotFound, ServiceError

_NEVER_CONNECTED: Final = "failed to connect"  # grpc's words; without them the call may have arrived

_NEXT_STEPS: Final = {
    "IDEMPOTENCY_KEY_REUSED": "what that one did stands; choose another --idempotency-key here, or none",
    "LEGAL_HOLD": "`policy-service retention holds` shows it, with the same --controller;"
    " `policy-service retention lift ID` lifts it",
    "STILL_PROTECTS": "what protects ends first: requests when their time is over (none can be withdrawn"
    " yet), orders, allegations and parts in records, of this person and of whoever is tied to this person or"
    " shares a number or an address; `policy-service requests list --person REFERENCE` and `policy-service"
    " people show REFERENCE` show this person's, with the same --controller",
}
"""By reason: what stands against the call, and how it ends; nothing that was typed is wrong."""


@dataclass(frozen=True, slots=True)
class Port:
    """One of the two ports: the option that names it, and what a call to it that failed leaves and needs."""

    option: str
    default: str
    not_arrived: str
    not_heard: str
    not_accepted: str
    """What to do next where the token is not accepted."""


@dataclass(frozen=True, slots=True)
class Called:
    """What a call goes to, with which token, and how long it waits."""

    token: Bearer
    address: str
    timeout: float
    port: Port

    def failure(self, error: ServiceError) -> Failure:
        reason = f" ({error.reason})" if error.reason else ""
        at = f"`{error.field}`: " if error.field and error.field not in error.message else ""
        if (failure := not_published(error)) is not None:
            return failure
        match error:
            case NotAllowed():
                return self._not_allowed(error, reason)
            case InvalidQuestion(reason="TOKEN_MALFORMED"):
                return Failure(
                    f"{self.token.source} does not hold a token",
                    do_next="put the token alone there, as `tokens issue` showed it",
                    code=Exit.NOT_ALLOWED,
                )
            case InvalidQuestion(reason="CONTROLLER_REQUIRED"):
                return Failure(
                    f"the token from {self.token.source} acts for every organisation; say for which{reason}",
                    do_next="add --controller NAME; `policy-service systems list` shows the names",
                    code=Exit.USAGE,
                )
            case InvalidQuestion(reason=known) if known in _NEXT_STEPS:
                return Failure(f"{error.message}{reason}", do_next=_NEXT_STEPS[known], code=Exit.USAGE)
            case InvalidQuestion():
                option = option_of(error.field) or "it"
                return Failure(
                    f"{at}{error.message}{reason}",
                    do_next=f"correct {option} and try again; `--help` shows what can be said",
                    code=Exit.USAGE,
                )
            case NotFound():
                what = option_of(error.field) or "what the command names"
                return Failure(
                    f"{at}{error.message}{reason}",
                    do_next=f"look at {what}, and at --controller; what is unknown and what is not for this"
                    " token are told alike",
                    code=Exit.DENIED,
                )
            case _:
                return self._no_answer(error, reason)

    def _not_allowed(self, error: ServiceError, reason: str) -> Failure:
        if error.status is grpc.StatusCode.UNAUTHENTICATED:
            return Failure(
                f"the token from {self.token.source} is not accepted by {self.address}{reason}",
                do_next=self.port.not_accepted,
                code=Exit.NOT_ALLOWED,
            )
        match error.reason:
            case "NOT_A_SYSTEM":
                do_next = "ask with a system's token: name the system with --as SYSTEM"
            case "CONTROLLER_NOT_YOURS":
                do_next = "leave --controller out, or name the organisation that the token belongs to"
            case "INSTALLATION_ONLY":
                do_next = "use the first administrator's token, or one that was issued without --controller"
            case "ROLE_REQUIRED":
                return Failure(
                    f"the token from {self.token.source} may not do this: {error.message}{reason}",
                    do_next="use the token of somebody who has the role, with --token-file;"
                    " `policy-service tokens list` shows who has which",
                    code=Exit.NOT_ALLOWED,
                )
            case _:
                do_next = "use the token of somebody who may, with --token-file"
        return Failure(
            f"the token from {self.token.source} may not do this{reason}",
            do_next=do_next,
            code=Exit.NOT_ALLOWED,
        )

    def _no_answer(self, error: ServiceError, reason: str) -> Failure:
        if error.status is grpc.StatusCode.DEADLINE_EXCEEDED:
            return Failure(
                f"no answer from {self.address} within {self.timeout:g} s; {self.port.not_heard}",
                do_next="try again, or wait longer with --timeout",
                code=Exit.UNAVAILABLE,
            )
        if error.status is grpc.StatusCode.UNAVAILABLE and not error.reason:
            if _NEVER_CONNECTED not in error.message:
                return ConnectionLost(
                    f"the connection to {self.address} was lost; {self.port.not_heard}",
                    do_next="look whether the service runs, and try again",
                    code=Exit.UNAVAILABLE,
                )
            return Failure(
                f"nothing answers at {self.address}; {self.port.not_arrived}",
                do_next="start the service with `make run`, or name where it is with"
                f" {self.port.option} before the command, and --tls-ca if it has TLS",
                code=Exit.UNAVAILABLE,
            )
        if error.status is grpc.StatusCode.UNIMPLEMENTED:
            return Failure(
                f"{self.address} answers, but not this{reason}; {self.port.not_arrived}",
                do_next="questions go to --address, everything else to --control-address",
                code=Exit.UNAVAILABLE,
            )
        return Failure(
            f"{self.address}: {error.message}{reason}; {self.port.not_heard}",
            do_next="try again in a moment; the service's own log, on its standard error, says more",
            code=Exit.UNAVAILABLE,
        )
