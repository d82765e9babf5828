"""Faults on purpose, counted: `python tests/tools/faults.py [CHECK ...]`. Exits 1 where anything was lost.

Programs are killed while they write and while they learn, disks are full, folders and files read-only, pipes closed;
several programs write the same file. A file is then old or new, whole, and alone; an error is one line. The quickest
also run in the suite.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
PROGRAM = (sys.executable, "-m", "convcli")
QUIET: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
OLD = b"old"

APPLY = ("apply", SAMPLES / "lines.yaml", SAMPLES / "line-detectors.yaml")
FIT = ("fit", SAMPLES / "bumps.npy", SAMPLES / "bump-maps.npy", "-l", "Conv1D(1, 3)")
EPOCHS = 8000  # of a fit that is stopped
SHORT = (*FIT, "--epochs", 2)
# Every way to write a file.
WRITERS: tuple[tuple[Any, ...], ...] = (
    *((*APPLY, "-o", f"{{out}}.{form}") for form in ("txt", "json", "yaml", "csv", "npy", "npz", "png", "html")),
    ("explain", *APPLY[1:], "--walk", "-o", "{out}.gif"),
    ("shape", SAMPLES / "mnist.yaml", "-o", "{out}.dot"),
    (*SHORT, "-o", "{out}.npz"),
    (*SHORT, "-o", "{aside}.npz", "--checkpoint", "{out}.npz"),
    (*SHORT, "-o", "{aside}.npz", "--plot", "{out}.html"),
)


class Count:
    """What was tried, and what was lost of it; `seen` counts what happened besides."""

    def __init__(self) -> None:
        self.tried = 0
        self.lost: list[str] = []
        self.seen: dict[str, int] = {}

    def check(self, holds: bool, what: object) -> None:
        """Count a try."""
        self.tried += 1
        if not holds:
            self.lost.append(str(what))

    def note(self, what: str) -> None:
        """Count what happened."""
        self.seen[what] = self.seen.get(what, 0) + 1


def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
    """The program with these arguments, at work."""
    return subprocess.Popen([*PROGRAM, *map(str, arguments)], env=ENVIRONMENT, **{**QUIET, **options})


def finished(*arguments: Any, before: Sequence[str] = (), **options: Any) -> tuple[int, str]:
    """Its exit code and standard error; `before` is a command that starts it."""
    command = [*before, *PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, env=ENVIRONMENT, check=False, timeout=120, **{**QUIET, **options})
    return done.returncode, (done.stderr or b"").decode()


def one_error(told: tuple[int, str]) -> bool:
    """Whether the program ended with one line that says what is wrong."""
    code, error = told
    return code == 1 and error.startswith("Error: ") and error.count("\n") == 1


def litter(folder: Path) -> list[Path]:
    """Unfinished files."""
    return list(folder.glob(".convcli-*"))


# ---- writing ----


def pair_of_outputs(folder: Path) -> tuple[dict[Path, bytes], Path]:
    """Two inputs with what must come of each, and the file where it is to go, which holds one of them."""
    outputs = {}
    for value in (1.0, 2.0):
        name = folder / f"{value:g}.npy"
        np.save(name, np.full(int(1_000_000 * value), value))
        finished("apply", name, "-l", "Conv1D([[1]])", "-o", folder / "out.npy")
        outputs[name] = (folder / "out.npy").read_bytes()
    return outputs, folder / "out.npy"


def kills_while_writing(folder: Path, times: int) -> Count:
    """kill -9 at random moments, most of them within the write: the file is one of the two, whole."""
    count, (outputs, out) = Count(), pair_of_outputs(folder)
    for turn in range(times):
        name = list(outputs)[turn % 2]
        before = out.read_bytes()
        status = out.stat()
        work = start("apply", name, "-l", "Conv1D([[1]])", "-o", out)
        while work.poll() is None and not litter(folder) and out.stat() == status:
            time.sleep(0.0002)
        time.sleep(random.uniform(0, 0.015))
        work.kill()
        work.communicate()
        now = out.read_bytes()
        count.check(now in outputs.values(), f"turn {turn}: {len(now)} bytes that are neither")
        count.note("unfinished beside it" if litter(folder) else "new" if now != before else "as before")
        for each in litter(folder):
            each.unlink()
    return count


def interrupts(folder: Path, times: int) -> Count:
    """SIGINT or SIGTERM at random moments, from the start: its exit code, no traceback, nothing unfinished."""
    count, (outputs, out) = Count(), pair_of_outputs(folder)
    heed_interrupts()
    began = time.monotonic()
    finished("apply", next(iter(outputs)), "-l", "Conv1D([[1]])", "-o", out)
    usual = time.monotonic() - began
    for turn in range(times):
        asked = (signal.SIGINT, signal.SIGTERM)[turn % 2]
        work = start("apply", list(outputs)[turn // 2 % 2], "-l", "Conv1D([[1]])", "-o", out)
        while not catches_signals(work.pid):
            time.sleep(0.001)
        time.sleep(random.uniform(0, usual))
        work.send_signal(asked)
        error = work.communicate(timeout=60)[1].decode()
        fine = (128 + asked, "Interrupted\n" if asked == signal.SIGINT else "")
        after = (0, ""), (-asked, "")  # Python, on its way out, has it as it was
        count.check((work.returncode, error) in (fine, *after), f"turn {turn}: {work.returncode}, {error!r}")
        count.check(not litter(folder) and out.read_bytes() in outputs.values(), f"turn {turn}: {litter(folder)}")
        count.note("ended by it" if (work.returncode, error) == fine else "was done before")
    return count


def heed_interrupts() -> None:
    """Have programs that are started heed SIGINT, which a shell has those in its background ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def catches_signals(process: int) -> bool:
    """Whether a process has come so far; before that Python is starting, which is not for a program to say."""
    status = Path(f"/proc/{process}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def crowds(folder: Path, times: int) -> Count:
    """Several programs at once, from the same inputs to the same file: whenever it is read, it is one of theirs."""
    count, (outputs, out) = Count(), pair_of_outputs(folder)
    for turn in range(times):
        works = [start("apply", name, "-l", "Conv1D([[1]])", "-o", out) for name in list(outputs) * 2]
        while any(work.poll() is None for work in works):
            count.check(out.read_bytes() in outputs.values(), f"turn {turn}: read half")
        codes = [(work.communicate(), work.returncode)[1] for work in works]
        count.check(codes == [0] * 4 and not litter(folder), f"turn {turn}: exit codes {codes}, {litter(folder)}")
    return count


# ---- where nothing can be written ----


def failing(folder: Path, elsewhere: Path, count: Count, before: Sequence[str] = ()) -> None:
    """Count every way to write a file where that fails: one line says so, and the file that was there is as it was."""
    for place, writer in enumerate(WRITERS):
        arguments = [str(each).format(out=folder / f"{place}", aside=elsewhere / "aside") for each in writer]
        out = next(Path(each) for each in arguments if each.startswith(str(folder)))
        told = finished(*arguments, "-q", before=before)
        count.check(one_error(told), f"{writer[0]} {writer[-1]}: {told}")
        count.check(out.read_bytes() == OLD and not litter(folder), f"{out} is no longer as it was")


def old_files(folder: Path) -> None:
    """Make the files that are to be replaced."""
    for place, writer in enumerate(WRITERS):
        name = next(each for each in writer if str(each).startswith("{out}"))
        (folder / name.format(out=place)).write_bytes(OLD)


def full_disks(folder: Path, times: int) -> Count:
    """A disk without room, where one may be mounted, and a limit on the size of files."""
    count, disk, elsewhere = Count(), folder / "disk", folder / "elsewhere"
    disk.mkdir()
    elsewhere.mkdir()
    with mounted(disk) as is_disk:
        old_files(disk)
        if is_disk:
            with suppress(OSError):
                (disk / "filler").write_bytes(bytes(1 << 20))
            failing(disk, elsewhere, count)
            count.note("on a full disk")
        failing(disk, elsewhere, count, ["sh", "-c", 'ulimit -f 0 && exec "$@"', "sh"])
        count.note("under a limit of size")
    return count


@contextmanager
def mounted(folder: Path) -> Iterator[bool]:
    """Whether a disk of 64 KiB could be mounted there."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    done = shutil.which("mount") is not None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", str(folder)], check=True)


def unprivileged() -> list[str] | None:
    """What starts a program that permissions bind; None where root cannot give up its rights."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if shutil.which("setpriv") else None


def read_only(folder: Path, times: int) -> Count:
    """A folder, and files in another, that must not be written."""
    count, locked, elsewhere = Count(), folder / "locked", folder / "elsewhere"
    before = unprivileged()
    if before is None:
        count.note("left out: root, and no setpriv")
        return count
    for each in (locked, elsewhere):
        each.mkdir()
    old_files(locked)
    for mode, file_mode in ((0o555, 0o644), (0o755, 0o444)):
        for each in locked.iterdir():
            each.chmod(file_mode)
        locked.chmod(mode)
        failing(locked, elsewhere, count, before)
    return count


def streams(folder: Path, times: int) -> Count:
    """Standard output to a full device, to a pipe that nobody reads, and closed."""
    count = Count()
    for arguments in (("--help",), ("apply", "--help"), ("--version",), APPLY, (*APPLY, "-f", "npy"), ("filters",)):
        with open("/dev/full", "wb") as full:
            count.check(one_error(finished(*arguments, stdout=full)), f"{arguments}: full")
        read, write = os.pipe()
        os.close(read)
        told = finished(*arguments, stdout=write)
        os.close(write)
        count.check(told == (128 + signal.SIGPIPE, ""), f"{arguments}: a closed pipe: {told}")
        told = finished(*arguments, before=["sh", "-c", 'exec "$@" >&-', "sh"])
        count.check(one_error(told), f"{arguments}: closed: {told}")
    return count


# ---- learning ----


def fits(folder: Path, times: int) -> Count:
    """SIGINT or kill -9 at random moments of a fit, and again of those that go on: the same weights in the end."""
    count, whole, checkpoint, out = Count(), folder / "whole.npz", folder / "checkpoint.npz", folder / "out.npz"
    heed_interrupts()
    fit = (*FIT, "--epochs", EPOCHS, "--threads", 1)
    began = time.monotonic()
    finished(*fit, "-o", whole)
    usual = time.monotonic() - began
    for turn in range(times):
        checkpoint.unlink(missing_ok=True)
        for stop in (signal.SIGINT, signal.SIGKILL, signal.SIGINT, None):
            going_on = ("--resume", checkpoint) if checkpoint.exists() else ("--checkpoint", checkpoint)
            work = start(*fit, *going_on, "-o", out)
            if stop is not None:
                time.sleep(random.uniform(0.2, usual))
                work.send_signal(stop)
            error = work.communicate(timeout=120)[1].decode()
            ended = {None: (0,), signal.SIGINT: (0, 130), signal.SIGKILL: (0, -9)}[stop]
            count.check(work.returncode in ended and "Traceback" not in error, f"turn {turn}: {stop}: {error}")
            count.note(f"{going_on[0][2:]}: {'whole' if work.returncode == 0 else 'stopped'}")
            for each in litter(folder):
                count.check(stop == signal.SIGKILL, f"turn {turn}: {each}")
                each.unlink()
        count.check(same_arrays(whole, out), f"turn {turn}: other weights")
    return count


def same_arrays(one: Path, other: Path) -> bool:
    """Whether two NPZ files hold the same bits."""
    with np.load(one) as a, np.load(other) as b:
        return set(a) == set(b) and all(a[name].tobytes() == b[name].tobytes() for name in a)


# What is checked, and how often unless --times says otherwise.
CHECKS: dict[str, tuple[Callable[[Path, int], Count], int]] = {
    "kills": (kills_while_writing, 200),
    "interrupts": (interrupts, 200),
    "crowds": (crowds, 20),
    "full-disks": (full_disks, 1),
    "read-only": (read_only, 1),
    "streams": (streams, 1),
    "fits": (fits, 10),
}


def main() -> int:
    """Run the checks, print what they count; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"some of {', '.join(CHECKS)} [all]")
    parser.add_argument("--times", type=int, metavar="N", help="how often each that is random is tried")
    asked = parser.parse_args()
    if unknown := set(asked.checks) - set(CHECKS):
        parser.error(f"no check {', '.join(unknown)}")
    lost = 0
    for name in asked.checks or CHECKS:
        check, usual = CHECKS[name]
        with tempfile.TemporaryDirectory() as folder:
            count = check(Path(folder), asked.times or usual)
        seen = "".join(f"; {number} {what}" for what, number in sorted(count.seen.items()))
        print(f"{name}: {count.tried} checked, {len(count.lost)} lost{seen}", *count.lost, sep="\n  ", flush=True)
        lost += len(count.lost)
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
