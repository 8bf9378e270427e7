"""Examples at the end of `--help`, for commands whose options explain themselves; others have their own."""

from __future__ import annotations

from typing import Final

_ID: Final = "019cae6b-6600-7193-b2a4-fb2f2b292c41"
_POLICE: Final = "--controller example-police"
_TRUST: Final = "--controller example-nhs-trust"
_MOST: Final = 78
_LINES: Final[dict[str, tuple[str, ...]]] = {
    "artefacts history": (f"nhs.letter {_TRUST}",),
    "artefacts list": (_TRUST,),
    "example load": ("",),
    "orders end": (f"{_ID} \\", f"    --reason 'set aside on appeal' {_POLICE}"),
    "orders history": (f"{_ID} \\", f"    {_POLICE}"),
    "orders list": (f"--record OM-1001 {_POLICE}",),
    "overrides end": (f"{_ID} \\", f"    --reason 'no longer needed' {_POLICE}"),
    "overrides history": (f"{_ID} \\", f"    {_POLICE}"),
    "overrides list": (f"--record OM-1001 {_POLICE}",),
    "policies list": ("",),
    "policies show": ("disclosure.absolute.adverse_person",),
    "records declarations": ("--controller example-court-team",),
    "records types": (_POLICE,),
    "requests list": (f"--person police-ref:P-1001 {_POLICE}",),
    "requests show": (f"{_ID} \\", f"    {_POLICE}"),
    "retention history": (f"contact_point {_POLICE}",),
    "retention holds": (f"--person police-ref:P-1001 {_POLICE}",),
    "retention lift": (f"{_ID} \\", f"    --reason 'the claim is settled' {_POLICE}"),
    "retention run": (f"--dry-run {_POLICE}",),
    "retention show": (_POLICE,),
    "systems list": ("",),
    "tokens history": (f"0123456789abcdef {_POLICE}",),
    "tokens list": (_POLICE,),
    "tokens revoke": (f"0123456789abcdef {_POLICE}",),
    "version": ("--json",),
}


def example_of(command: str, then: str = "") -> str:
    """The end of a command's help: a line that can be typed, and `then` what else there is to say."""
    first, *more = _LINES[command]
    line = f"  policy-service {command} {first}".rstrip()
    if len(line) > _MOST:
        line = line.replace(" --controller", " \\\n      --controller")
    lines = [line, *(f"  {each}" for each in more)]
    return "\b\nExample\n" + "\n".join(lines) + (f"\n\n{then}" if then else "\n")
