"""What can be wrong with policies. A refused document or set changes nothing: the running set stays."""

from __future__ import annotations

from policy_service.model.errors import PolicyServiceError


class PolicyDocumentError(PolicyServiceError):
    """One document is refused. `message` is `text` with `file:line:` before it."""

    def __init__(self, file: str, line: int, text: str) -> None:
        super().__init__("POLICY_INVALID", f"{file}:{line}: {text}")
        self.file = file
        self.line = line
        self.text = text


class PolicySetError(PolicyServiceError):
    """Documents that are each right do not make a set, e.g. two have one uid."""

    def __init__(self, message: str) -> None:
        super().__init__("POLICY_SET_INVALID", message)
