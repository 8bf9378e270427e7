"""What can be wrong with policies. A refused document or set changes nothing: the running set stays."""

from __future__ import annotations

from policy_service.model.errors import PolicyServiceError

_MAX_TEXT = 600


class PolicyDocumentError(PolicyServiceError):
    """One document is refused. `message` is `text` with `file:line:` before it.

    It stands for the first thing that is wrong; `others` are the rest, in the order of their lines.
    """

    def __init__(self, file: str, line: int, text: str, others: tuple[PolicyDocumentError, ...] = ()) -> None:
        text = one_line(text)
        super().__init__("POLICY_INVALID", f"{file}:{line}: {text}")
        self.file = file
        self.line = line
        self.text = text
        self.others = others

    @property
    def problems(self) -> tuple[PolicyDocumentError, ...]:
        """Everything that is wrong with the document, as far as it could be read."""
        return (self, *self.others)


class PolicySetError(PolicyServiceError):
    """Documents that are each right do not make a set, e.g. two have one uid."""

    def __init__(self, message: str) -> None:
        super().__init__("POLICY_SET_INVALID", message)


def one_line(text: str) -> str:
    """A message repeats what stands in the file: it may be long, on many lines, or not printable."""
    line = "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))
    # What is wrong stands at the beginning, and what to write instead at the end.
    half = _MAX_TEXT // 2
    return line if len(line) <= _MAX_TEXT else f"{line[:half]} … {line[-half:]}"
