"""AccessService: its messages → what the use cases ask, and their answers → messages."""

from __future__ import annotations

from collections.abc import Sequence

from policy_service.api.v1 import access_pb2 as pb
from policy_service.model.facts import RolePurpose, System, Token, User
from policy_service.model.vocabulary import Purpose, StaffRole, UserKind, Verb
from policy_service.server.bounds import count, read_message, text, texts, word, words
from policy_service.server.convert_attributes import attribute_messages, attribute_values
from policy_service.server.convert_past import as_of, earlier_page_of, history_of, version_message
from policy_service.server.convert_writes import keyed_note_of, note_of, timestamp
from policy_service.service.access import GetUser, RevokeToken, TokenIssued
from policy_service.service.access_asked import IssueToken, PutSystem, PutUser
from policy_service.service.asking import Done, Listed
from policy_service.service.history import HistoryOf, Version
from policy_service.service.pages import PageAsked


def parse_put_system(data: bytes) -> PutSystem:
    request = read_message(pb.PutSystemRequest, data)
    system, grant = request.system, request.system.grant
    return PutSystem(
        name=text(system.name, "system.name", required=True),
        controller=text(system.controller, "system.controller"),
        record_types=texts(grant.record_types, "system.grant.record_types", most=256),
        verbs=words(Verb, grant.verbs, "system.grant.verbs"),
        purposes=words(Purpose, grant.purposes, "system.grant.purposes"),
        may_describe=grant.may_describe,
        assert_roles=texts(grant.assert_roles, "system.grant.assert_roles"),
        assert_teams=texts(grant.assert_teams, "system.grant.assert_teams", most=256),
        self_service=grant.self_service,
        suspended=system.suspended,
        role_purposes=_role_purposes(grant.role_purposes, "system.grant.role_purposes"),
        declare_contents=grant.declare_contents,
        may_explain=grant.may_explain,
        assert_attributes=texts(grant.assert_attributes, "system.grant.assert_attributes", most=256),
        note=keyed_note_of(request),
    )


def _role_purposes(messages: Sequence[pb.RolePurpose], field: str) -> tuple[RolePurpose, ...]:
    count(messages, field, len(Purpose))
    return tuple(
        RolePurpose(
            word(Purpose, message.purpose, f"{field}[{i}].purpose"),
            texts(message.roles, f"{field}[{i}].roles"),
        )
        for i, message in enumerate(messages)
    )


def system_response(done: Done[System]) -> bytes:
    return pb.PutSystemResponse(system=_system(done.answer), facts_token=done.facts_token).SerializeToString()


def parse_put_user(data: bytes) -> PutUser:
    request = read_message(pb.PutUserRequest, data)
    user = request.user
    return PutUser(
        reference=text(user.reference, "user.reference", required=True),
        controller=text(user.controller, "user.controller"),
        kind=word(UserKind, user.kind or UserKind.STAFF, "user.kind"),
        person=text(user.person, "user.person"),
        roles=texts(user.roles, "user.roles"),
        teams=texts(user.teams, "user.teams"),
        organisation=text(user.organisation, "user.organisation"),
        owner=text(user.owner, "user.owner"),
        record_types=texts(user.record_types, "user.record_types", most=256),
        suspended=user.suspended,
        attributes=attribute_values(user.attributes, "user.attributes"),
        note=keyed_note_of(request),
    )


def user_response(done: Done[User]) -> bytes:
    return pb.PutUserResponse(user=_user(done.answer), facts_token=done.facts_token).SerializeToString()


def parse_get_user(data: bytes) -> GetUser:
    request = read_message(pb.GetUserRequest, data)
    return GetUser(text(request.reference, "reference", required=True), as_of(request))


def get_user_response(found: User) -> bytes:
    return pb.GetUserResponse(user=_user(found)).SerializeToString()


def parse_list_users(data: bytes) -> PageAsked:
    return earlier_page_of(read_message(pb.ListUsersRequest, data))


def users_response(listed: Listed[User]) -> bytes:
    return pb.ListUsersResponse(
        users=[_user(user) for user in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_issue_token(data: bytes) -> IssueToken:
    request = read_message(pb.IssueTokenRequest, data)
    return IssueToken(
        system=text(request.system, "system"),
        principal=text(request.principal, "principal"),
        roles=words(StaffRole, request.roles, "roles"),
        controller=text(request.controller, "controller"),
        valid_days=request.valid_days,
        note=note_of(request),
    )


def issued_response(done: Done[TokenIssued]) -> bytes:
    """The only message that ever holds a secret."""
    return pb.IssueTokenResponse(
        token=_token(done.answer.token), secret=done.answer.secret, facts_token=done.facts_token
    ).SerializeToString()


def parse_revoke_token(data: bytes) -> RevokeToken:
    request = read_message(pb.RevokeTokenRequest, data)
    return RevokeToken(text(request.token_id, "token_id", required=True), note_of(request))


def revoked_response(done: Done[Token]) -> bytes:
    return pb.RevokeTokenResponse(token=_token(done.answer), facts_token=done.facts_token).SerializeToString()


def parse_list_systems(data: bytes) -> PageAsked:
    return earlier_page_of(read_message(pb.ListSystemsRequest, data))


def systems_response(listed: Listed[System]) -> bytes:
    return pb.ListSystemsResponse(
        systems=[_system(system) for system in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_list_tokens(data: bytes) -> PageAsked:
    return earlier_page_of(read_message(pb.ListTokensRequest, data))


def tokens_response(listed: Listed[Token]) -> bytes:
    return pb.ListTokensResponse(
        tokens=[_token(token) for token in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def parse_history(data: bytes) -> HistoryOf:
    request = read_message(pb.AccessServiceHistoryRequest, data)
    return history_of(request, {"user_reference": User, "system_name": System, "token_id": Token})


def history_response(listed: Listed[Version[System | User | Token]]) -> bytes:
    return pb.AccessServiceHistoryResponse(
        versions=[_version(version) for version in listed.items], next_page_token=listed.next_page_token
    ).SerializeToString()


def _version(version: Version[System | User | Token]) -> pb.AccessServiceVersion:
    told = version_message(version)
    match version.fact:
        case User():
            return pb.AccessServiceVersion(version=told, user=_user(version.fact))
        case System():
            return pb.AccessServiceVersion(version=told, system=_system(version.fact))
        case Token():
            return pb.AccessServiceVersion(version=told, token=_token(version.fact))
        case None:
            return pb.AccessServiceVersion(version=told)


def _system(system: System) -> pb.System:
    return pb.System(
        name=system.name,
        controller=system.controller,
        grant=pb.Grant(
            record_types=system.record_types,
            verbs=system.verbs,
            purposes=system.purposes,
            may_describe=system.may_describe,
            assert_roles=system.assert_roles,
            assert_teams=system.assert_teams,
            self_service=system.self_service,
            role_purposes=[
                pb.RolePurpose(purpose=each.purpose, roles=each.roles) for each in system.role_purposes
            ],
            declare_contents=system.declare_contents,
            may_explain=system.may_explain,
            assert_attributes=system.assert_attributes,
        ),
        suspended=system.suspended,
    )


def _user(user: User) -> pb.User:
    return pb.User(
        reference=user.reference,
        kind=user.kind,
        person=f"person:{user.person_id}" if user.person_id else "",
        roles=user.roles,
        teams=user.teams,
        organisation=user.organisation,
        owner=user.owner,
        record_types=user.record_types,
        suspended=user.suspended,
        controller=user.controller,
        attributes=attribute_messages(user.attributes),
    )


def _token(token: Token) -> pb.Token:
    """Without the secret's hash, which nobody needs to see."""
    return pb.Token(
        token_id=token.token_id,
        system=token.system,
        principal=token.principal,
        roles=token.roles,
        controller=token.controller,
        created_at=timestamp(token.created_at),
        expires_at=timestamp(token.expires_at),
        revoked_at=timestamp(token.revoked_at),
    )
