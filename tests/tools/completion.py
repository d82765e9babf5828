"""Tries completion in bash, zsh and fish, each in a terminal of its own: `python tests/tools/completion.py`.

Prints a line for each trial that fails, and exits 1 if one does. A shell that is not installed is named and left out.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent.parent
SHELLS = {  # by name: how it is started, and the line that turns completion on
    "bash": (["bash", "--norc", "-i"], 'eval "$(_CONVCLI_COMPLETE=bash_source convcli)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -u; eval "$(_CONVCLI_COMPLETE=zsh_source convcli)"',
    ),
    "fish": (["fish", "--no-config", "-i"], "_CONVCLI_COMPLETE=fish_source convcli | source"),
}
TRIALS = {  # a line before the tab key: what follows
    "convcli app": "ly",
    "convcli shape mnist.ya": "ml",
    "convcli diff mnist.yaml mnist-sep": "arable.yaml",
    "convcli apply lines.yaml stack.yaml --layer-output max": "_pooling2d",
    "convcli shape mnist.yaml --get layers.flatten.par": "ams",
    "convcli apply lines.yaml --filter gauss": "ian",
    "convcli shape -l MaxPooling2": "D",
    "convcli apply lines.yaml stack.yaml -f heat": "map",
    "convcli help first": "-steps",
}
KILL_LINE, TAB = b"\x15", b"\t"
ANSWERS = {b"\x1b[c": b"\x1b[?62c", b"\x1b[0c": b"\x1b[?62c", b"\x1b[6n": b"\x1b[1;1R"}  # of a terminal, when asked
SECONDS = 20


def plain(text: str) -> str:
    """Return what a terminal was sent without the commands to it."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\a\b\r]", "", text)


class Terminal:
    """A shell in a terminal, with `convcli` on its path, in the folder of samples."""

    def __init__(self, command: list[str], folder: str) -> None:
        self.process, self.descriptor = pty.fork()
        if not self.process:
            os.chdir(ROOT / "samples")
            path = f"{folder}:{os.environ['PATH']}"
            os.execvpe(
                command[0], command, {**os.environ, "PATH": path, "TERM": "xterm", "HOME": folder, "COLUMNS": "200"}
            )

    def write(self, text: bytes) -> None:
        os.write(self.descriptor, text)

    def shows(self, text: str) -> bool:
        """Wait until the terminal shows a text, or the time is over."""
        shown, end = "", time.monotonic() + SECONDS
        while text not in plain(shown) and time.monotonic() < end:
            if select.select([self.descriptor], [], [], 0.2)[0]:
                part = os.read(self.descriptor, 1 << 16)
                shown += part.decode(errors="replace")
                for question, answer in ANSWERS.items():
                    if question in part:
                        self.write(answer)
        return text in plain(shown)

    def close(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.descriptor)


def failures(shell: str) -> list[str]:
    """Return the lines that a shell does not complete."""
    command, setup = SHELLS[shell]
    with TemporaryDirectory() as folder:
        program = Path(folder) / "convcli"
        program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m convcli "$@"\n')
        program.chmod(0o755)
        terminal = Terminal(command, folder)
        try:
            terminal.write(f"{setup}; echo rea''dy\r".encode())
            if not terminal.shows("ready"):
                return ["does not start"]
            failed = []
            for line, rest in TRIALS.items():
                terminal.write(line.encode() + TAB)
                if not terminal.shows(line + rest):
                    failed.append(line)
                terminal.write(KILL_LINE)
            return failed
        finally:
            terminal.close()


def main() -> int:
    failed = False
    for shell in SHELLS:
        if shutil.which(shell) is None:
            print(f"{shell} is not installed")
            continue
        for line in failures(shell):
            print(f"{shell}: {line}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
