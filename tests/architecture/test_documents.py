"""What documents claim is what the code declares."""

import re
from pathlib import Path

import pytest

from yundian.app.rooms import rooms
from yundian.platform.room import Room

ROOT = Path(__file__).parents[2]
DECISIONS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Alternatives", "Check"]
ROOM_SECTIONS = ["Owns", "Invariants", "States", "Events out", "Events in", "Jobs"]
BUSINESS_ROOMS = [room for room in rooms() if not room.package.startswith("yundian.platform.")]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_why_and_names_its_check(path: Path) -> None:
    text = path.read_text()
    check = text.partition("\n## Check")[2]

    assert re.match(rf"# {path.stem[:4]}: \S", text)
    assert [s for s in re.findall(r"^## (.+)$", text, re.MULTILINE) if s in SECTIONS] == SECTIONS
    named = re.findall(r"`((?:tests|alembic|benchmarks|\.ci|\.importlinter|pyproject)[\w./]*)(?:::\w+)?`", check)
    assert named, "the check is a test, a lint or a step that one can run"
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_decisions_are_numbered_without_gaps_and_all_in_the_index() -> None:
    index = (ROOT / "docs/adr/README.md").read_text()

    assert [path.stem[:4] for path in DECISIONS] == [f"{n:04}" for n in range(1, len(DECISIONS) + 1)]
    assert re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index) == [path.name for path in DECISIONS]


@pytest.mark.parametrize("room", BUSINESS_ROOMS, ids=lambda room: room.name)
def test_the_readme_of_a_room_lists_what_the_room_declares(room: Room) -> None:
    sections = _sections(_folder(room) / "README.md")

    assert [name for name in ROOM_SECTIONS if name not in sections] == []
    assert _names(sections["Events out"]) == {event.tag_of() for event in room.events}
    assert _names(sections["Events in"]) == {subscriber.name for subscriber in room.subscribers}
    assert _names(sections["Jobs"]) == {cron.name for cron in room.crons} | {timer.name for timer in room.timers}


def test_links_between_documents_lead_somewhere() -> None:
    documents = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *(_folder(r) / "README.md" for r in BUSINESS_ROOMS),
    ]
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in documents
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text())
        if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists()
    ]

    assert broken == []


def _sections(path: Path) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", path.read_text(), flags=re.MULTILINE)
    return {name.strip().capitalize(): body for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _names(section: str) -> set[str]:
    """The dotted names in backquotes at the start of the section's list items or table rows."""
    return set(re.findall(r"^\s*[-*|]\s*`([a-z_]+(?:\.[a-z0-9_]+)+)`", section, re.MULTILINE))


def _folder(room: Room) -> Path:
    parts = room.package.split(".")
    return (ROOT / "src" if parts[0] == "yundian" else ROOT).joinpath(*parts)
