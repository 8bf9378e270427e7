"""How much memory takes unless it is told otherwise; apart, since settings are read before any store is."""

from __future__ import annotations

from typing import Final

ROOM: Final = 256 * 1024 * 1024
"""Bytes: with the rest of a worker, under 600 MB."""
