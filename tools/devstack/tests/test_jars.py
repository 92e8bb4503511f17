import dataclasses
from pathlib import Path

from jgo.env import LockFile, compute_spec_hash

from ups_devstack.jars import LOCK_PATH, SPEC_PATH, Jar, locked_jars


def test_the_lock_belongs_to_the_specification() -> None:
    assert LockFile.load(LOCK_PATH).spec_hash == compute_spec_hash(SPEC_PATH)


def test_the_lock_has_a_checksum_for_each_jar_and_no_address() -> None:
    assert all(len(jar.sha256) == 64 for jar in locked_jars())
    assert "://" not in LOCK_PATH.read_text()


def test_a_changed_jar_is_not_taken(tmp_path: Path) -> None:
    jar = Jar("org.example", "tool", "1.0", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    jar.path_in(tmp_path).parent.mkdir(parents=True)
    jar.path_in(tmp_path).write_text("test")

    assert jar.is_in(tmp_path)
    assert not dataclasses.replace(jar, sha256="0" * 64).is_in(tmp_path)
    assert not dataclasses.replace(jar, version="1.1").is_in(tmp_path)
