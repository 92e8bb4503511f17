import dataclasses
from pathlib import Path

import pytest
from jgo.env import LockFile, compute_spec_hash

from ups_devstack.jars import KAFKA, LOCK_NAME, SPEC_NAME, Jar, locked_jars

STREAMS = Path(__file__).parents[3] / "bench" / "streams"

each_lock = pytest.mark.parametrize("folder", [KAFKA, STREAMS], ids=["kafka", "streams"])


@each_lock
def test_the_lock_belongs_to_the_specification(folder: Path) -> None:
    assert LockFile.load(folder / LOCK_NAME).spec_hash == compute_spec_hash(folder / SPEC_NAME)


@each_lock
def test_the_lock_has_a_checksum_for_each_jar_and_no_address(folder: Path) -> None:
    assert all(len(jar.sha256) == 64 for jar in locked_jars(folder))
    assert "://" not in (folder / LOCK_NAME).read_text()


def test_kafka_streams_is_of_the_broker_s_version() -> None:
    version_by_artifact = {jar.artifact: jar.version for jar in (*locked_jars(KAFKA), *locked_jars(STREAMS))}

    assert version_by_artifact["kafka-streams"] == version_by_artifact["kafka_2.13"]


def test_a_changed_jar_is_not_taken(tmp_path: Path) -> None:
    jar = Jar("org.example", "tool", "1.0", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    jar.path_in(tmp_path).parent.mkdir(parents=True)
    jar.path_in(tmp_path).write_text("test")

    assert jar.is_in(tmp_path)
    assert not dataclasses.replace(jar, sha256="0" * 64).is_in(tmp_path)
    assert not dataclasses.replace(jar, version="1.1").is_in(tmp_path)
