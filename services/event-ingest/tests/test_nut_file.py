from pathlib import Path

import pytest

from ups_event_ingest.adapters.nut_file import WatchedUps, read_nut_file
from ups_runtime.errors import ExitCode, Fatal


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "nut.toml"
    path.write_text(text)
    return path


def test_each_entry_is_a_ups_and_its_device(tmp_path: Path) -> None:
    text = """
        [devices]
        "rack@nut.example" = "dev-1"
        "rack@192.0.2.7:3500" = "dev-2"
        "ups-2.a_b@[2001:DB8:0::1]" = "dev-3"
        "rack@[::1]:4000" = "dev-4"
    """

    upses = read_nut_file(file(tmp_path, text))

    assert upses == (
        WatchedUps("dev-1", "rack", "nut.example", 3493),
        WatchedUps("dev-2", "rack", "192.0.2.7", 3500),
        WatchedUps("dev-3", "ups-2.a_b", "2001:db8::1", 3493),
        WatchedUps("dev-4", "rack", "::1", 4000),
    )
    assert upses[3].place == "rack@[::1]:4000"


def test_every_wrong_entry_is_named_with_what_is_right(tmp_path: Path) -> None:
    text = r"""
        retries = 3
        [devices]
        "rack" = "dev-1"
        "rack@host:0" = "dev-2"
        "rack@host:99999" = "dev-3"
        "rack@2001:db8::1" = "dev-4"
        "rack@[2001:db8::zz]" = "dev-5"
        "rack@[1.2.3]" = "dev-6"
        "a\nLIST UPS@host" = "dev-7"
        "number@host" = 7
        "space@host" = "dev 8"
        "good@host" = "dev-9"
        "good@HOST:3493" = "dev-10"
        "other@host" = "dev-9"
    """

    with pytest.raises(Fatal) as raised:
        read_nut_file(file(tmp_path, text))

    assert raised.value.exit_code is ExitCode.SETTINGS
    lines = str(raised.value).replace("a\nLIST", "a LIST").splitlines()
    assert len(lines) == 12
    assert all(line.startswith("UPS_INGEST_NUT_FILE: ") for line in lines)
    for wrong, said in {
        "retries": "only the table [devices]",
        '"rack"': '"ups@host:3493"',
        "rack@host:0": "1 to 65535",
        "rack@host:99999": "1 to 65535",
        "rack@2001:db8::1": "in brackets",
        "rack@[2001:db8::zz]": "in brackets",
        "rack@[1.2.3]": "IPv6",
        "a LIST UPS@host": "no place",
        "number@host": "in quotes",
        "space@host": "id of a device",
        "good@HOST:3493": "twice",
        "other@host": "dev-9 has another UPS already",
    }.items():
        assert any(wrong in line and said in line for line in lines), wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[devices]"),
        ("devices = 3", "[devices]"),
        ("[devices", "is not TOML"),
        ('[devices]\n"a@b" = "1"\n"a@b" = "2"', "is not TOML"),
    ],
)
def test_a_file_without_the_table_says_how_it_looks(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Fatal, match="UPS_INGEST_NUT_FILE") as raised:
        read_nut_file(file(tmp_path, text))

    assert said in str(raised.value)


def test_an_empty_table_is_nothing_to_watch(tmp_path: Path) -> None:
    assert read_nut_file(file(tmp_path, "[devices]\n")) == ()


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    with pytest.raises(Fatal, match="No such file"):
        read_nut_file(tmp_path / "missing.toml")
    with pytest.raises(Fatal, match="not TOML"):
        read_nut_file(binary)
