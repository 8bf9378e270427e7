"""Promise 3: who may ask is judged by what is on file when the call arrives, on both ports."""

from __future__ import annotations

import pytest

from policy_service.api.v1 import access_pb2
from tests.server.calling import Refused
from tests.support.asking import DENY, PERMIT, check
from tests.system.conftest import Clinic

TEXT = "send a valid API token as `authorization: Bearer ...`"


def test_a_token_works_from_the_call_after_it_was_issued_and_not_after_it_was_revoked(clinic: Clinic) -> None:
    for _ in range(20):
        token_id, token = clinic.manager.issue(system="ward-screens")
        assert check(clinic.worker, token).effect == PERMIT
        clinic.manager.revoke(token_id)
        with pytest.raises(Refused) as refused:
            check(clinic.worker, token)
        assert (refused.value.code.name, refused.value.text) == ("UNAUTHENTICATED", TEXT)


def test_the_same_holds_for_people_who_manage(clinic: Clinic) -> None:
    token_id, token = clinic.manager.issue(principal="ada", roles=("administrator",))
    list_tokens = access_pb2.ListTokensRequest()
    assert clinic.manager.call("AccessService/ListTokens", list_tokens, token=token)
    clinic.manager.revoke(token_id)
    with pytest.raises(Refused) as refused:
        clinic.manager.call("AccessService/ListTokens", list_tokens, token=token)
    assert (refused.value.code.name, refused.value.text) == ("UNAUTHENTICATED", TEXT)


def test_bad_input_under_a_revoked_token_is_a_strangers(clinic: Clinic) -> None:
    token_id, token = clinic.manager.issue(system="ward-screens")
    check(clinic.worker, token)
    clinic.manager.revoke(token_id)
    with pytest.raises(Refused) as refused:
        clinic.worker.call("DecisionService/Check", b"", token=token)
    assert refused.value.code.name == "UNAUTHENTICATED"


def test_a_suspended_system_is_refused_from_the_next_call_on_and_let_in_again(clinic: Clinic) -> None:
    clinic.manager.put_system("other-screens")
    _, token = clinic.manager.issue(system="other-screens")
    assert check(clinic.worker, token).effect == PERMIT
    clinic.manager.put_system("other-screens", suspended=True)
    with pytest.raises(Refused) as refused:
        check(clinic.worker, token)
    assert refused.value.text == TEXT
    clinic.manager.put_system("other-screens")
    assert check(clinic.worker, token).effect == PERMIT


def test_wrong_secrets_are_refused_like_wrong_tokens(clinic: Clinic) -> None:
    right = clinic.token
    last = "0" if right[-1] != "0" else "1"
    for wrong in (right[:-1] + last, right.upper(), right + "0", " " + right, "psk__", ""):
        for client, method in (
            (clinic.worker, "DecisionService/Check"),
            (clinic.manager.client, "AccessService/ListTokens"),
        ):
            with pytest.raises(Refused) as refused:
                client.call(method, b"", token=wrong)
            assert (refused.value.code.name, refused.value.text) == ("UNAUTHENTICATED", TEXT)


def test_a_request_that_was_recorded_protects_from_the_next_check_on(clinic: Clinic) -> None:
    for number in range(10):
        nurse = f"fresh-{number}"
        clinic.manager.put_nurse(nurse)
        assert check(clinic.worker, clinic.token, nurse).effect == PERMIT
        clinic.manager.exclude(nurse)
        assert check(clinic.worker, clinic.token, nurse).effect == DENY
