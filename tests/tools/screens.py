"""Draw the README's screens in samples/screens: what commands print on a terminal in colour, as rich's SVG, and a GIF.

    python tests/tools/screens.py

Each is made by running the command that README.md says it shows. A test checks that it is still what is printed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "samples" / "screens"
SCREENS = {
    "explain": "convcli explain samples/lines.yaml samples/line-detectors.yaml --at 0,2",
    "heatmap": "convcli apply samples/house.png --gray --filter sobel-x -f heatmap",
}
WALK = "convcli explain samples/lines.yaml samples/line-detectors.yaml --walk -o"
LEAST_WIDTH = 80  # so that the command has room above
# A picture in a README may load nothing, so the fonts are those that the reader has.
FRAME = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code, monospace", "Fira Code, ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
)


def printed(command: str) -> str:
    """What a command prints on a terminal that has all colours."""
    arguments = [sys.executable, "-m", *command.split()]
    colours = {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | colours
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def drawn(name: str) -> str:
    """The screen of that name as SVG."""
    text = Text.from_ansi(printed(SCREENS[name]))
    width = max(LEAST_WIDTH, *map(len, text.plain.splitlines()))
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=width, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(text)
    return console.export_svg(title=f"$ {SCREENS[name]}", code_format=FRAME, unique_id=f"convcli-{name}")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in SCREENS:
        (FOLDER / f"{each}.svg").write_text(drawn(each), "utf-8")
    printed(f"{WALK} {FOLDER / 'walk.gif'}")
