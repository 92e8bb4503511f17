"""Pictures of every mail for docs: `python -m ups_devstack.pictures docs` writes mails.md and mails/*.png."""

import html
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from ups_devstack.errors import UnavailableError
from ups_notifier.preview import AnySample, all_samples, letter_of, render

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDE, PHONE = 640, 390
_GAP = 16
_TALLEST = 4_000
_COLOURS = 128
_DEADLINE_S = 120

_INTRODUCTION = """# Every mail as a picture

Left as in a light mail program, right as on a phone in the dark. `make pictures` draws them anew, in a headless
Chromium; a test compares this page with the mails that there are. Nothing in a mail is fetched: without images they
look the same. Their text parts are in [the notifier's golden files](../services/notifier/tests/golden).
"""


def draw(sample: AnySample) -> bytes:
    """A PNG of a mail: wide and light, and beside it narrow and dark.

    Raises:
        UnavailableError: no Chromium is installed.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UnavailableError(f"drawing needs one of {', '.join(BROWSERS)}; Debian's package is chromium")
    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        page.write_text(_side_by_side(render(sample)[0].html), encoding="utf-8")
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",  # our own page, without network: as root there is no sandbox
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--window-size={WIDE + _GAP + PHONE},{_TALLEST}",
                "--virtual-time-budget=5000",
                f"--screenshot={shot}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=_DEADLINE_S,
        )
        return _small(Image.open(shot).convert("RGB"))


def page() -> str:
    """The page that shows all pictures."""
    entries = (
        f"\n## {name}\n\n`{letter_of(sample).subject.replace('`', ' ')}`\n\n![{name}](mails/{name}.png)\n"
        for name, sample in all_samples().items()
    )
    return _INTRODUCTION + "".join(entries)


def _side_by_side(mail: str) -> str:
    # whoever asks for dark gets it, whatever the browser prefers
    dark = mail.replace("(prefers-color-scheme: dark)", "all")
    frames = "".join(
        f'<iframe srcdoc="{html.escape(each)}" width="{width}" style="border: 0; flex: none"></iframe>'
        for each, width in ((mail, WIDE), (dark, PHONE))
    )
    return f"""<!DOCTYPE html>
<meta charset="utf-8">
<body style="margin: 0; display: flex; gap: {_GAP}px; align-items: flex-start; background: #ffffff">{frames}
<script>
onload = () => document.querySelectorAll("iframe").forEach(
    frame => frame.style.height = frame.contentDocument.documentElement.scrollHeight + "px")
</script>"""


def _small(shot: Image.Image) -> bytes:
    drawn = ImageChops.difference(shot, Image.new("RGB", shot.size, "white")).getbbox()
    written = io.BytesIO()
    shot.crop(drawn).quantize(_COLOURS, Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE).save(
        written, "PNG", optimize=True
    )
    return written.getvalue()


def main() -> None:
    """Draw all mails below the folder named on the command line."""
    folder = Path(sys.argv[1])
    pictures = folder / "mails"
    pictures.mkdir(parents=True, exist_ok=True)
    for old in pictures.glob("*.png"):
        old.unlink()
    for name, sample in all_samples().items():
        (pictures / f"{name}.png").write_bytes(draw(sample))
        print(pictures / f"{name}.png")
    (folder / "mails.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
