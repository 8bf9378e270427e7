"""PolicyService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policy_service.api.v1 import policy_pb2 as pb
from policy_service.engine.catalogue import Attribute
from policy_service.engine.documents import DocumentKind, PolicyDocument
from policy_service.model.errors import InvalidArgumentError
from policy_service.model.set_files import MAX_FILES
from policy_service.model.vocabulary import Gate
from policy_service.server.bounds import count, read_message, text, unique
from policy_service.server.convert_past import as_of, earlier_page_of
from policy_service.service.policy_questions import (
    GetPolicy,
    ListAttributes,
    ListPolicies,
    Published,
    PublishedPage,
    TestFiles,
    ValidateFiles,
)
from policy_service.service.validate_policies import PolicyFile, Problem, Validation

MAX_UID = 1_200
"""Characters; the longest that a document may have is below it."""


def parse_validate(data: bytes) -> ValidateFiles:
    """The files' texts are judged by the use case: whatever is in them is a problem, not a refusal."""
    message = read_message(pb.PolicyServiceValidateRequest, data)
    sent = [*message.documents, *message.base_types, *message.messages, *message.attributes]
    count(sent, "documents", MAX_FILES)
    if not sent:
        raise InvalidArgumentError("documents", "REQUIRED", "`documents` must not be empty")
    asked = ValidateFiles(
        _files(message.documents, "documents"),
        _files(message.base_types, "base_types"),
        _files(message.messages, "messages"),
        _files(message.attributes, "attributes"),
    )
    # A problem names its file, so two files of one name could not be told apart.
    unique([file.name for file in asked.documents], "documents", "name")
    unique([file.name for file in (*asked.documents, *asked.base_types)], "base_types", "name")
    unique([file.name for file in (*asked.documents, *asked.base_types, *asked.messages)], "messages", "name")
    unique([file.name for file in asked.files], "attributes", "name")
    return asked


def parse_test(data: bytes) -> TestFiles:
    """As `parse_validate`."""
    message = read_message(pb.PolicyServiceTestRequest, data)
    count([*message.documents, *message.cases, *message.attributes], "documents", MAX_FILES)
    for sent, field in ((message.documents, "documents"), (message.cases, "cases")):
        if not sent:
            raise InvalidArgumentError(field, "REQUIRED", f"`{field}` must not be empty")
    asked = TestFiles(
        _files(message.documents, "documents"),
        _files(message.cases, "cases"),
        _files(message.attributes, "attributes"),
    )
    unique([file.name for file in asked.documents], "documents", "name")
    unique([file.name for file in (*asked.documents, *asked.cases)], "cases", "name")
    unique([file.name for file in asked.files], "attributes", "name")
    return asked


def parse_list(data: bytes) -> ListPolicies:
    return ListPolicies(earlier_page_of(read_message(pb.PolicyServiceListRequest, data)))


def parse_get(data: bytes) -> GetPolicy:
    message = read_message(pb.PolicyServiceGetRequest, data)
    return GetPolicy(text(message.uid, "uid", required=True, limit=MAX_UID), as_of(message))


def parse_list_attributes(data: bytes) -> ListAttributes:
    return ListAttributes(as_of(read_message(pb.PolicyServiceListAttributesRequest, data)))


def validate_response(validation: Validation) -> bytes:
    return pb.PolicyServiceValidateResponse(
        problems=[problem_message(problem) for problem in validation.problems],
        checked=validation.checked,
        warnings=[problem_message(warning) for warning in validation.warnings],
    ).SerializeToString()


def problem_message(problem: Problem) -> pb.PolicyProblem:
    return pb.PolicyProblem(file=problem.file, line=problem.line, text=problem.text)


def list_response(page: PublishedPage) -> bytes:
    return pb.PolicyServiceListResponse(
        policy_set=page.policy_set_id,
        policies=[_policy(document) for document in page.listed.items],
        next_page_token=page.listed.next_page_token,
    ).SerializeToString()


def get_response(published: Published) -> bytes:
    return pb.PolicyServiceGetResponse(
        policy=_policy(published.document),
        file=pb.PolicyFile(name=published.file.name, text=published.file.text),
        policy_set=published.policy_set_id,
    ).SerializeToString()


def list_attributes_response(attributes: Iterable[Attribute]) -> bytes:
    return pb.PolicyServiceListAttributesResponse(
        attributes=[_attribute(attribute) for attribute in attributes]
    ).SerializeToString()


def _files(messages: Sequence[pb.PolicyFile], field: str) -> tuple[PolicyFile, ...]:
    return tuple(
        PolicyFile(text(message.name, f"{field}[{i}].name", required=True), message.text)
        for i, message in enumerate(messages)
    )


def _policy(document: PolicyDocument) -> pb.Policy:
    return pb.Policy(
        uid=document.uid,
        title=document.title,
        kind=document.kind,
        gate=document.gate,
        tier="" if document.tier is None else document.tier.label,
        effect="" if document.tier is None else document.tier.effect,
        reason=document.reason,
        tell=document.tell if document.kind is DocumentKind.POLICY else "",
        owner=document.owner,
    )


def _attribute(attribute: Attribute) -> pb.PolicyAttribute:
    return pb.PolicyAttribute(
        path=attribute.path,
        type=attribute.type,
        total=attribute.total,
        gates=[gate for gate in Gate if gate in attribute.gates],
        sentence=attribute.sentence,
        example=attribute.example,
        values=sorted(attribute.values),
        families=sorted(attribute.families),
        obligations_only=attribute.obligations_only,
        declared=attribute.declared,
    )
