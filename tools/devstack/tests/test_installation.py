import json
import stat
from pathlib import Path

from ups_devstack.installation import _kept_secrets


def test_secrets_are_made_once_and_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"

    first = _kept_secrets(path)

    assert set(first) == {"operator_token", "link_key", "invite_secret", "session_key", "shop_secret"}
    assert _kept_secrets(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_of_an_earlier_release_gets_what_it_lacks_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps({"operator_token": "o" * 32, "link_key": "l" * 32}))

    now = _kept_secrets(path)

    assert (now["operator_token"], now["link_key"]) == ("o" * 32, "l" * 32)
    assert _kept_secrets(path) == now
    assert len(now["invite_secret"]) >= 32
