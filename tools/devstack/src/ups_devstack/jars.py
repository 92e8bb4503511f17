"""Jars of Java programs: fetched once for each user, each checked against a committed lock."""

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ups_devstack.errors import DevstackError
from ups_devstack.progress import Report

# What the embedded broker runs on. Such a folder has what is wanted in `jgo.toml`, and every file of that in the lock.
KAFKA = Path(__file__).parents[2] / "kafka"
SPEC_NAME = "jgo.toml"
LOCK_NAME = "jgo.lock.toml"

# More at once is no faster behind a slow line, and repositories answer crowds with 429.
FETCHERS = 6
FETCH_TIMEOUT_S = 60


@dataclass(frozen=True)
class Jar:
    """One locked file: Maven coordinates and the SHA-256 sum its bytes must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name of the file in any Maven repository."""
        return f"{self.artifact}-{self.version}.jar"

    def path_in(self, repository: Path) -> Path:
        """Where the file is in a Maven repository."""
        return repository.joinpath(*self.group.split("."), self.artifact, self.version, self.file_name)

    def is_in(self, repository: Path) -> bool:
        """Whether the file is there, whole and unchanged."""
        path = self.path_in(repository)
        if not path.exists():
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def cache_dir() -> Path:
    """Give the user's cache folder for jars, shared by all stacks and checkouts (`UPS_DEVSTACK_CACHE` moves it)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("UPS_DEVSTACK_CACHE") or Path(base) / "ridethrough") / "jars"


def locked_jars(folder: Path) -> tuple[Jar, ...]:
    """Read the folder's lock. Every entry must be a plain jar with a checksum."""
    from jgo.env import LockFile

    entries = LockFile.load(folder / LOCK_NAME).dependencies
    if any(not entry.sha256 or entry.classifier or entry.packaging != "jar" for entry in entries):
        raise DevstackError(f"{folder / LOCK_NAME} has an entry that is no jar with a SHA-256 sum; write it anew")
    return tuple(Jar(entry.groupId, entry.artifactId, entry.version, str(entry.sha256)) for entry in entries)


def classpath(folder: Path, report: Report) -> tuple[Path, ...]:
    """Give all jars of the folder's lock as checked files of the cache, fetching those that are missing or damaged.

    Several stacks may ask at once: one fetches, the others wait for it.
    """
    jars, repository = locked_jars(folder), cache_dir()
    if not all(jar.is_in(repository) for jar in jars):
        repository.mkdir(parents=True, exist_ok=True)
        report("waits for another stack that is fetching jars")
        with _exclusive(repository / ".lock"):
            _fetch([jar for jar in jars if not jar.is_in(repository)], repository, report)
    return tuple(jar.path_in(repository) for jar in jars)


def _fetch(jars: Sequence[Jar], repository: Path, report: Report) -> None:
    if not jars:
        return
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    # A user's own mirrors, from jgo's configuration file, come first.
    repositories = {**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL}
    context = MavenContext(PythonResolver(), repo_cache=repository, remote_repos=repositories, timeout=FETCH_TIMEOUT_S)

    def fetch(jar: Jar) -> None:
        jar.path_in(repository).unlink(missing_ok=True)
        try:
            context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except Exception as error:
            raise DevstackError(
                f"{jar.file_name} could not be fetched ({type(error).__name__}). Jars come from Maven Central "
                "once, at the first start: is the network there? A mirror can be named in jgo's configuration file."
            ) from error
        if not jar.is_in(repository):
            jar.path_in(repository).unlink(missing_ok=True)
            raise DevstackError(f"{jar.file_name} as fetched does not have the SHA-256 sum that the lock names")

    report(f"fetching {len(jars)} jars (first start only)", notable=True)
    with ThreadPoolExecutor(FETCHERS) as pool:
        try:
            for done, _ in enumerate(pool.map(fetch, jars), start=1):
                report(f"fetching jars: {done} of {len(jars)} (first start only)")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    report(f"fetched {len(jars)} jars", notable=True)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_lock(folder: Path) -> int:
    """Resolve the folder's jgo.toml anew and write the lock; gives the number of jars.

    jgo's own `lock` command would also fetch a Java 11 to sort the jars into modules, which a class path ignores.
    """
    from jgo.env import EnvironmentSpec, LockFile, compute_spec_hash
    from jgo.maven import MavenContext, PythonResolver

    context = MavenContext(PythonResolver(), repo_cache=cache_dir(), timeout=FETCH_TIMEOUT_S)
    spec = EnvironmentSpec.load(folder / SPEC_NAME)
    inputs, transitive = context.resolver.resolve([context.create_dependency(each) for each in spec.coordinates])
    lock = LockFile.from_resolved_dependencies(
        [*inputs, *(each for each in transitive if each.scope in {"compile", "runtime"})],
        environment_name=spec.name,
        spec_hash=compute_spec_hash(folder / SPEC_NAME),
    )
    lock.dependencies.sort(key=lambda each: (each.groupId, each.artifactId))
    lock.save(folder / LOCK_NAME)
    return len(lock.dependencies)


if __name__ == "__main__":
    wanted = Path(sys.argv[1]) if sys.argv[1:] else KAFKA
    sys.stdout.write(f"{write_lock(wanted)} jars locked in {wanted / LOCK_NAME}\n")
