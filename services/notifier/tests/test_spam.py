import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ups_notifier.preview import all_samples, render

RULES = Path("/usr/share/spamassassin")

# The text by which every installation of SpamAssassin can be tried: that it judges at all.
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

pytestmark = pytest.mark.skipif(
    shutil.which("spamassassin") is None or not RULES.is_dir(),
    reason="needs Debian's package spamassassin with its rules; .ci/run installs it",
)


def scores_of(messages, home):
    """The score of each by name, by the rules of the package: no network, no Bayes, nobody's own settings."""
    mbox = b"".join(
        b"From somebody Sun Nov 22 17:31:05 2026\nX-Sample: %s\n%s\n" % (name.encode(), each.replace(b"\r\n", b"\n"))
        for name, each in messages.items()
    )
    command = ["spamassassin", "--local", "--test-mode", "--mbox", "--nocreate-prefs", "--cf=use_bayes 0"]
    checked = subprocess.run(
        [*command, f"--configpath={RULES}"],
        input=mbox,
        capture_output=True,
        check=True,
        timeout=300,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )
    scores = {}
    for each in re.split(rb"^From somebody .*$", checked.stdout, flags=re.MULTILINE)[1:]:
        name = re.search(rb"^X-Sample: (.*)$", each, re.MULTILINE)[1].decode()
        scores[name] = float(re.search(rb"^X-Spam-Status: \w+, score=(-?[\d.]+)", each, re.MULTILINE)[1])
    return scores


@pytest.mark.timeout(300)
def test_no_mail_looks_like_spam(tmp_path):
    messages = {name: render(sample)[1] for name, sample in all_samples().items()}

    scores = scores_of(messages | {"spam": b"Subject: Try\r\n\r\n" + GTUBE + b"\r\n"}, tmp_path)

    assert scores.pop("spam") >= 1
    assert scores.keys() == messages.keys()
    assert {name: score for name, score in scores.items() if score >= 1} == {}
