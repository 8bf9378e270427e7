"""The policies that ship, compiled once for all tests of a process."""

from __future__ import annotations

from policy_service.service.policies import published, shipped_policy_set
from tests.support.installation import POLICIES as DIRECTORY

POLICY_SET = shipped_policy_set(DIRECTORY)
POLICIES = published(POLICY_SET)
