"""Tags of languages (BCP 47, RFC 5646 2.1), by their shape: `pl`, `cy`, `bfi`, `zh-Hant`."""

from __future__ import annotations

import re

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_MOST = 35
"""RFC 5646 4.4.1: the longest tag that it expects to be needed."""


def is_language_tag(text: str) -> bool:
    """Tell whether `text` has the shape of a tag. Which languages there are is not this service's to say."""
    return len(text) <= _MOST and _TAG.fullmatch(text) is not None
