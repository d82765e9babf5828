"""Draw the images in samples/screens: what commands print on a terminal in colour, as SVG by rich, and a GIF.

    python tests/tools/screens.py

The README and the manual show them with the command that printed them. A test checks that they are up to date.
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
LEAST_WIDTH = 80  # characters, so that the command fits into the title
# An SVG in a README cannot load fonts, so it names those that its readers have.
SVG_FRAME = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code, monospace", "Fira Code, ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
)


def run_in_colour(command: str) -> str:
    """Return what a command prints on a terminal that has all colours."""
    arguments = [sys.executable, "-m", *command.split()]
    colours = {"FORCE_COLOR": "1", "COLORTERM": "truecolor", "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | colours
    completed = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return completed.stdout


def draw_screen(name: str) -> str:
    """Return the screen of that name as SVG."""
    text = Text.from_ansi(run_in_colour(SCREENS[name]))
    width = max(LEAST_WIDTH, *map(len, text.plain.splitlines()))
    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=width, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(text)
    return console.export_svg(title=f"$ {SCREENS[name]}", code_format=SVG_FRAME, unique_id=f"convcli-{name}")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in SCREENS:
        (FOLDER / f"{name}.svg").write_text(draw_screen(name), "utf-8")
    run_in_colour(f"{WALK} {FOLDER / 'walk.gif'}")
