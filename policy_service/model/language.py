"""Tags of languages (BCP 47, RFC 5646 2.1), by their shape: `pl`, `cy`, `bfi`, `zh-Hant`."""

from __future__ import annotations

import re

# The language itself is 2 or 3 letters of ISO 639 (RFC 5646 2.2.1). 4 are reserved, and of 5 to 8 none was
# ever registered: `polish` is a slip.
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_MOST = 35
"""RFC 5646 4.4.1: the longest tag that it expects to be needed."""


def is_language_tag(text: str) -> bool:
    """Tell whether `text` has the shape of a tag. Which languages there are is not this service's to say."""
    return len(text) <= _MOST and _TAG.fullmatch(text) is not None
