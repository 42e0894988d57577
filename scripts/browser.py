"""Finds or makes a headless Chromium for the tests, with a Chinese font; prints how to start it, as JSON.

In this order: ``$CHROMIUM``, a Chromium or Chrome on the PATH, the Chromium packed into the npm package locked in
tests/browser. It never gives up silently: what is missing is said and the exit code is 1.
"""

import fcntl
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.assets import npm_ci

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "browser"
BUILT = ROOT / "build" / "browser"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FONT = "@fontsource/noto-sans-sc/files/noto-sans-sc-chinese-simplified-{weight}-normal.woff"
_PACKED = "@sparticuz/chromium/bin"

_FONTS_CONF = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <alias><family>sans-serif</family><accept><family>Noto Sans SC</family></accept></alias>
</fontconfig>
"""


def main() -> None:
    """Print ``{"executable": ..., "environment": {...}}``."""
    executable, environment = _named() or _installed() or _packed()
    json.dump({"executable": str(executable), "environment": environment}, sys.stdout)


def _named() -> tuple[Path, dict[str, str]] | None:
    given = os.environ.get("CHROMIUM")
    if not given:
        return None
    found = shutil.which(given)
    if found is None:
        sys.exit(f"CHROMIUM={given} cannot be run")
    return Path(found), {}


def _installed() -> tuple[Path, dict[str, str]] | None:
    for name in _NAMES:
        found = shutil.which(name)
        # Some systems ship a stub that only tells how to install the real one.
        if found and _runs(Path(found), {}):
            return Path(found), {}
    return None


def _packed() -> tuple[Path, dict[str, str]]:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit("No Chromium found. Install one, or name it: CHROMIUM=/path/to/chromium make test")
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = BUILT / ".stamp"
        digest = hashlib.sha256(
            (FOLDER / "package-lock.json").read_bytes() + Path(__file__).read_bytes() + str(ROOT).encode()
        ).hexdigest()
        if not stamp.exists() or stamp.read_text() != digest:
            npm_ci(FOLDER)
            _unpack(FOLDER / "node_modules")
            stamp.write_text(digest)
    executable = BUILT / "chromium"
    environment = {"FONTCONFIG_FILE": str(BUILT / "fonts.conf")}
    if not _runs(executable, environment):
        # A machine without NSS: the package brings it along.
        environment["LD_LIBRARY_PATH"] = str(BUILT / "lib")
        if not _runs(executable, environment):
            sys.exit(f"The packed Chromium does not run here:\n{_complaint(executable, environment)}")
    return executable, environment


def _unpack(modules: Path) -> None:
    import brotli  # noqa: PLC0415  (only where no browser is installed)
    from fontTools.ttLib import TTFont  # noqa: PLC0415

    packed = modules / _PACKED
    executable = BUILT / "chromium"
    executable.unlink(missing_ok=True)
    executable.write_bytes(brotli.decompress((packed / "chromium.br").read_bytes()))
    executable.chmod(0o755)
    for name in ("swiftshader", "al2023", "fonts"):
        archive = io.BytesIO(brotli.decompress((packed / f"{name}.tar.br").read_bytes()))
        with tarfile.open(fileobj=archive) as tar:
            # As an attribute: Python before 3.11.4 takes no filter argument, and ignores this one.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(BUILT)
    fonts = BUILT / "fonts"
    for weight in (400, 700):
        font = TTFont(modules / _FONT.format(weight=weight))
        font.flavor = None  # the browser takes web fonts from pages only; its system fonts are plain
        font.save(fonts / f"noto-sans-sc-{weight}.ttf")
    (BUILT / "fonts.conf").write_text(_FONTS_CONF.format(fonts=fonts, cache=BUILT / "font-cache"))
    shutil.rmtree(modules)


def _runs(executable: Path, environment: dict[str, str]) -> bool:
    return not _complaint(executable, environment)


def _complaint(executable: Path, environment: dict[str, str]) -> str:
    try:
        done = subprocess.run(
            [executable, "--version"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr or f"exit code {done.returncode}"


if __name__ == "__main__":
    main()
