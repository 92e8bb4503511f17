"""Kafka Streams as a contender: its jars fetched, the rule compiled, on the Java that runs the broker."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.process import Contender
from ups_devstack import jars
from ups_devstack.kafka import java_path
from ups_devstack.progress import Report

FOLDER = Path(__file__).parent
COMPILE_WITHIN_S = 120
# As much as the broker has. Without a limit the JVM takes a quarter of the machine before it collects.
HEAP_MB = 512


def streams(environ: Mapping[str, str], folder: Path, report: Report) -> Contender:
    """The compiled rule, not started yet.

    Raises:
        DevstackError: its jars are not to be had.
    """
    class_path = ":".join(map(str, jars.classpath(FOLDER, report)))
    classes = folder / "classes"
    compiler = [str(java_path()), "-cp", class_path, "org.eclipse.jdt.internal.compiler.batch.Main"]
    command = [*compiler, "-21", "-cp", class_path, "-d", str(classes), str(FOLDER / "BareRule.java")]
    subprocess.run(command, check=True, timeout=COMPILE_WITHIN_S)
    java = [str(java_path()), f"-Xmx{HEAP_MB}m", "--enable-native-access=ALL-UNNAMED"]
    return Contender("streams", [*java, "-cp", f"{classes}:{class_path}", "BareRule"], environ, folder)
