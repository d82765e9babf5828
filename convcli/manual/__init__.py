"""The manual: one Markdown page a topic, as `convcli help` lists and shows them.

To add a page, write `TOPIC.md` (a title, then its summary in one line) and enter TOPIC in `TOPICS`.
"""

from __future__ import annotations

import os
import re

# Every topic, in the order in which people learn.
TOPICS = (
    "first-steps",
    "arrays",
    "filter-bank",
    "explaining",
    "pictures",
    "shapes",
    "counting",
    "receptive-field",
    "sizes",
    "models",
    "layer-types",
    "graphs",
    "keras-files",
    "pytorch",
    "checks",
    "learning",
    "python",
    "formats",
    "options",
    "algorithms",
    "large-data",
    "files-and-errors",
    "glossary",
)


def source(topic: str) -> str:
    """Return the Markdown of a topic's page, as it stands in the file."""
    with open(os.path.join(os.path.dirname(__file__), f"{topic}.md"), encoding="utf-8") as file:
        return file.read()


def summary(topic: str) -> str:
    """Return the line that says what a page is about: the one under its title."""
    return source(topic).split("\n", 3)[2]


def page(topic: str) -> str:
    """Return the Markdown of a topic's page for a terminal, where nobody can follow a link between files.

    A link to another page names the command that shows it, and the marks around generated tables are left out.
    """
    text = re.sub(r"^<!--.*-->\n", "", source(topic), flags=re.MULTILINE)
    return re.sub(r"\[([^\]]+)\]\(([\w-]+)\.md(?:#[\w-]+)?\)", r"\1 (`convcli help \2`)", text)
