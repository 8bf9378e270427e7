"""Files that ship with the product."""

from __future__ import annotations

from pathlib import Path


def shipped(*parts: str) -> Path:
    """Find what ships with the product: in the wheel, or in the checkout that this runs from."""
    package = Path(__file__).parents[1]
    installed = package.joinpath("shipped", *parts)
    return installed if installed.exists() else package.parent.joinpath(*parts)
