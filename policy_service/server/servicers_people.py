"""PeopleService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_import
from policy_service.server import convert_people as convert
from policy_service.server.handlers import Method
from policy_service.service.people import People

SERVICE = "PeopleService"


def people_methods(people: People) -> tuple[Method[Any, Any], ...]:
    return (
        Method(SERVICE, "PutPerson", convert.parse_put_person, people.put_person, convert.person_response),
        Method(
            SERVICE,
            "PutRelationship",
            convert.parse_put_relationship,
            people.put_relationship,
            convert.relationship_response,
        ),
        Method(
            SERVICE,
            "PutContactPoint",
            convert.parse_put_contact_point,
            people.put_contact_point,
            convert.contact_point_response,
        ),
        Method(
            SERVICE, "GetPerson", convert.parse_get_person, people.get_person, convert.get_person_response
        ),
        Method(SERVICE, "History", convert.parse_history, people.history, convert.history_response),
        Method(
            SERVICE,
            "Import",
            convert_import.parse_people,
            people.import_people,
            convert_import.people_response,
            convert_import.STREAM,
        ),
    )
