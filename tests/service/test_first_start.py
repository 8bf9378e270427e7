"""What a first start finds is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from policy_service.facts.reader import FactsReader
from policy_service.facts.schema import migrate
from policy_service.facts.store import FactStore
from policy_service.service.first_start import FirstStart
from tests.service.control import VERSIONS


def test_a_token_of_another_installation_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    """Whoever puts the files back and starts before he restores has the only copy there."""
    url = f"sqlite:///{tmp_path}/facts.db"
    migrate(url)
    file = tmp_path / "admin.token"
    file.write_text("the only copy\n")
    reader = FactsReader(url)
    with FactStore(url, stream_id="control") as store:
        first = FirstStart(store, reader, VERSIONS, lambda: datetime.now(UTC))
        assert first.make_administrator(file)
        assert not first.make_administrator(file)
    reader.close()
    (kept,) = tmp_path.glob("admin.token.before-*")
    assert kept.read_text() == "the only copy\n"
    assert file.read_text().startswith("psk_")
