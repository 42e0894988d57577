"""Builds what the pages serve: files from npm into static/vendor, and the compiled translations. Run by make."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "src" / "yundian" / "platform" / "web"
VENDOR = WEB / "static" / "vendor"
LOCALE = WEB / "locale"

COPIES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "idiomorph/dist/idiomorph-ext.min.js": "idiomorph-ext.min.js",
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui/swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui.css": "swagger-ui/swagger-ui.css",
}
# What is too large to copy whole: a file of ours that names the parts we use.
BUNDLES = {"scripts/echarts.js": "echarts.js", "scripts/jweixin.js": "jweixin.js", "scripts/qr.js": "qr.js"}


def main() -> None:
    """Do what is not done yet."""
    build_vendor()
    compile_translations()


def build_vendor() -> None:
    """``npm ci`` and copy, unless the stamp in the target says that this was done for this very lock."""
    stamp = VENDOR / ".stamp"
    digest = _digest(ROOT / "package-lock.json", Path(__file__), *(ROOT / source for source in BUNDLES))
    if stamp.exists() and stamp.read_text() == digest:
        return
    npm_ci(ROOT)
    shutil.rmtree(VENDOR, ignore_errors=True)
    for source, name in COPIES.items():
        target = VENDOR / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "node_modules" / source, target)
    for source, name in BUNDLES.items():
        bundle(ROOT / source, VENDOR / name)
    stamp.write_text(digest)
    sys.stdout.write("Assets built\n")


def bundle(source: Path, target: Path) -> None:
    """One minified file of a script and what it imports, for the browsers inside WeChat."""
    options = ["--bundle", "--minify", "--format=iife", "--target=es2019", "--legal-comments=eof"]
    esbuild = str(ROOT / "node_modules/.bin/esbuild")
    command = [esbuild, str(source), *options, "--log-level=warning", f"--outfile={target}"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        sys.exit(f"{source.name} could not be bundled")


def npm_ci(folder: Path) -> None:
    """Install exactly what the folder's lock file says; npm comes from the machine or from our environment."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), str(ROOT / ".venv" / "bin")))
    npm = shutil.which("npm", path=path)
    if npm is None:
        sys.exit("There is no npm. Run `make assets`, which installs it where it is missing.")
    # Node is to trust what the machine trusts, as pip does: a company's proxy has a certificate of its own.
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": path}
    # Its summary goes to stderr: programs read the output of some callers.
    done = subprocess.run(
        [npm, "ci", "--loglevel=error"], cwd=folder, env=environment, stdout=sys.stderr, check=False
    )
    if done.returncode != 0:
        sys.exit(f"npm ci failed in {folder}")


def compile_translations() -> None:
    """Compile each catalogue that is newer than its compiled form."""
    stale = [po for po in LOCALE.rglob("*.po") if not _is_newer(po.with_suffix(".mo"), po)]
    if not stale:
        return
    from babel.messages.mofile import write_mo  # noqa: PLC0415  (most runs do not need it)
    from babel.messages.pofile import read_po  # noqa: PLC0415

    for po in stale:
        with po.open("rb") as source, po.with_suffix(".mo").open("wb") as target:
            write_mo(target, read_po(source, locale=po.parents[1].name))


def _is_newer(target: Path, source: Path) -> bool:
    return target.exists() and target.stat().st_mtime >= source.stat().st_mtime


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


if __name__ == "__main__":
    main()
