"""The engine: policies in, outcomes out. Pure: no input, no output, nothing logged. See README.md."""

from policy_service.engine.catalogue import CATALOGUE, Attribute, AttributeType, Catalogue
from policy_service.engine.combine import ErrorMeans, Outcome, Owed
from policy_service.engine.compile import Plan, compile_set
from policy_service.engine.documents import (
    DocumentKind,
    ObligationTemplate,
    PolicyDocument,
    Tell,
    parse_document,
)
from policy_service.engine.errors import PolicyDocumentError, PolicySetError
from policy_service.engine.explain import ExplainedCondition, ExplainedPolicy, Explanation
from policy_service.engine.truth import Truth
from policy_service.model.attributes import Attributes, Value

__all__ = [
    "CATALOGUE",
    "Attribute",
    "AttributeType",
    "Attributes",
    "Catalogue",
    "DocumentKind",
    "ErrorMeans",
    "ExplainedCondition",
    "ExplainedPolicy",
    "Explanation",
    "ObligationTemplate",
    "Outcome",
    "Owed",
    "Plan",
    "PolicyDocument",
    "PolicyDocumentError",
    "PolicySetError",
    "Tell",
    "Truth",
    "Value",
    "compile_set",
    "parse_document",
]
