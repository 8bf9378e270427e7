"""RecordService, method by method."""

from __future__ import annotations

from typing import Any

from policy_service.server import convert_import
from policy_service.server import convert_records as convert
from policy_service.server.handlers import Method
from policy_service.service.records import Records

SERVICE = "RecordService"


def record_methods(records: Records) -> tuple[Method[Any, Any], ...]:
    return (
        Method(
            SERVICE,
            "PutRecordType",
            convert.parse_put_record_type,
            records.put_record_type,
            convert.record_type_response,
        ),
        Method(
            SERVICE,
            "PutArtefactType",
            convert.parse_put_artefact_type,
            records.put_artefact_type,
            convert.artefact_type_response,
        ),
        Method(SERVICE, "PutRecord", convert.parse_put_record, records.put_record, convert.record_response),
        Method(
            SERVICE,
            "DeclareContents",
            convert.parse_declare_contents,
            records.declare_contents,
            convert.declaration_response,
        ),
        Method(
            SERVICE, "GetRecord", convert.parse_get_record, records.get_record, convert.get_record_response
        ),
        Method(
            SERVICE,
            "ListRecordTypes",
            convert.parse_list_record_types,
            records.list_record_types,
            convert.record_types_response,
        ),
        Method(
            SERVICE,
            "ListArtefactTypes",
            convert.parse_list_artefact_types,
            records.list_artefact_types,
            convert.artefact_types_response,
        ),
        Method(
            SERVICE,
            "ListDeclarations",
            convert.parse_list_declarations,
            records.list_declarations,
            convert.declarations_response,
        ),
        Method(SERVICE, "History", convert.parse_history, records.history, convert.history_response),
        Method(
            SERVICE,
            "Import",
            convert_import.parse_records,
            records.import_records,
            convert_import.records_response,
            convert_import.STREAM,
        ),
    )
