"""The documents' links into this repository lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)|<(?:a|img)\b[^>]*?(?:href|src)=\"([^\"]+)\"")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//")
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_NAMED = re.compile(r"<a\b[^>]*?(?:id|name)=\"([^\"]+)\"")


def links(text: str) -> Iterator[str]:
    """The targets inside the repository that a document names, outside of code."""
    prose = _CODE.sub("", _FENCED.sub("", text))
    targets = (first or second for first, second in _LINK.findall(prose))
    return (target for target in targets if not _ELSEWHERE.match(target))


def anchors(text: str) -> set[str]:
    """The anchors of a document, as GitHub makes them of its headings."""
    found: set[str] = set(_NAMED.findall(text))
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found


def dead(document: Path) -> list[str]:
    """The links of a document that lead nowhere."""
    return [link for link in links(document.read_text()) if not _leads_somewhere(document, link)]


def _leads_somewhere(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target.read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_into_the_repository_leads_somewhere(document: Path) -> None:
    assert dead(document) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# The `first` one\n```\n# no heading\n```\n## Twice\n## Twice\n")
    document = tmp_path / "document.md"
    document.write_text(
        "# Own\n[a](there.md) [b](there.md#the-first-one) [c](there.md#twice-1) [d](#own) [e](https://example.org)\n"
        "`[code](nowhere)` [f](nowhere.md) [g](there.md#no-heading) [h](#other) ![i](none.png)\n"
    )
    assert dead(document) == ["nowhere.md", "there.md#no-heading", "#other", "none.png"]
