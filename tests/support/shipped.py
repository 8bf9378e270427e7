"""The policies that ship, compiled once for all tests of a process."""

from __future__ import annotations

from pathlib import Path

from policy_service.service.policies import published, shipped_policy_set

DIRECTORY = Path(__file__).parents[2] / "policies"
POLICY_SET = shipped_policy_set(DIRECTORY)
POLICIES = published(POLICY_SET)
