"""Policy sets of a service that a fake stands for, and a folder of one."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.timestamp_pb2 import Timestamp

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.service.policies import set_of
from policy_service.service.policy_diff import compare

TEXTS = {
    "b.yaml": "uid: b\r\n",
    "base_types/base.x.yaml": "name: base.x",
    "messages/en.yaml": "outsider: é\n",
    "own/a.yaml": "uid: a\n",
}
CASE = {"tests/own/a.yaml": "cases: []\n"}


@dataclass
class Library:
    """A service with sets on file, of which the last one is published."""

    sets: list[dict[str, str]] = field(default_factory=lambda: [{}])
    published: list[str] = field(default_factory=list)
    cases: list[pb.PolicyFile] = field(default_factory=list)
    """Of the set that was put on file last."""

    @property
    def by_id(self) -> dict[str, dict[str, str]]:
        return {set_of(texts.items()).policy_set_id: texts for texts in self.sets}

    def diff(self, request: pb.PolicyServiceDiffRequest) -> pb.PolicyServiceDiffResponse:
        known = self.by_id
        before = request.before or self.published[-1]
        files = {file.name: file.text for file in request.files}
        after = set_of(files.items()).policy_set_id if files else request.after or self.published[-1]
        return pb.PolicyServiceDiffResponse(
            before=before,
            after=after,
            published=self.published[-1],
            changes=[
                pb.PolicyFileChange(name=each.name, change=each.kind, diff=each.diff)
                for each in compare(known[before].items(), (files or known[after]).items())
            ],
        )

    def put(self, request: pb.PolicyServicePutSetRequest) -> pb.PolicyServicePutSetResponse:
        self.sets.append({file.name: file.text for file in request.files})
        self.cases = [*request.cases]
        return pb.PolicyServicePutSetResponse(policy_set=set_of(self.sets[-1].items()).policy_set_id)

    def publish(self, request: pb.PolicyServicePublishRequest) -> pb.PolicyServicePublishResponse:
        assert request.expected == self.published[-1]
        self.published.append(request.policy_set)
        return pb.PolicyServicePublishResponse(policy_set=request.policy_set)

    def rollback(self, request: pb.PolicyServiceRollbackRequest) -> pb.PolicyServiceRollbackResponse:
        assert request.expected == self.published[-1]
        self.published.append(request.policy_set)
        return pb.PolicyServiceRollbackResponse(policy_set=request.policy_set)

    def get(self, request: pb.PolicyServiceGetSetRequest) -> pb.PolicyServiceGetSetResponse:
        """A file a page, and the cases with the last one."""
        name = request.policy_set or self.published[-1]
        files = list(self.by_id[name].items())
        at = int(request.page_token or 0)
        more = at + 1 < len(files)
        return pb.PolicyServiceGetSetResponse(
            policy_set=pb.PolicySetOnFile(policy_set=name),
            files=[pb.PolicyFile(name=files[at][0], text=files[at][1])],
            next_page_token=str(at + 1) if more else "",
            cases=() if more else self.cases,
        )

    def list(self, _: pb.PolicyServiceListSetsRequest) -> pb.PolicyServiceListSetsResponse:
        return pb.PolicyServiceListSetsResponse(
            policy_sets=[
                pb.PolicySetOnFile(
                    policy_set=name,
                    is_published=name == self.published[-1],
                    filed_at=Timestamp(seconds=1_700_000_000),
                    filed_by="installation:priya",
                    reason="for later",
                    tried=len(self.cases) if name == [*self.by_id][-1] else 0,
                    publications=[
                        pb.PolicyPublication(
                            published_at=Timestamp(seconds=1_700_000_000 + at),
                            published_by="installation:priya",
                            reason=f"reason {at}",
                            ended_at=None
                            if at + 1 == len(self.published)
                            else Timestamp(seconds=1_700_000_001 + at),
                        )
                        for at, published in reversed([*enumerate(self.published)])
                        if published == name
                    ],
                )
                for name in reversed(self.by_id)
            ]
        )
