"""Make faults on purpose and count what they cost: `python tests/tools/faults.py [CHECK ...]`.

Programs are killed while they write and while they learn; disks are full; folders and files are read-only; pipes are
closed; several programs write the same file. Afterwards a file must be the old or the new one, whole, without an
unfinished file beside it, and an error must be one line. Exits 1 where that does not hold. The quickest checks also run
in the test suite.
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
STREAMS: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
OLD = b"old"

APPLY = ("apply", SAMPLES / "lines.yaml", SAMPLES / "line-detectors.yaml")
FIT = ("fit", SAMPLES / "bumps.npy", SAMPLES / "bump-maps.npy", "-l", "Conv1D(1, 3)")
EPOCHS = 8000  # of a fit that is stopped
SHORT_FIT = (*FIT, "--epochs", 2)
# Every way to write a file. {out} is the file that is watched, {other} a second one that the command also writes.
WRITERS: tuple[tuple[Any, ...], ...] = (
    *((*APPLY, "-o", f"{{out}}.{suffix}") for suffix in ("txt", "json", "yaml", "csv", "npy", "npz", "png", "html")),
    ("explain", *APPLY[1:], "--walk", "-o", "{out}.gif"),
    ("shape", SAMPLES / "mnist.yaml", "-o", "{out}.dot"),
    (*SHORT_FIT, "-o", "{out}.npz"),
    (*SHORT_FIT, "-o", "{other}.npz", "--checkpoint", "{out}.npz"),
    (*SHORT_FIT, "-o", "{other}.npz", "--plot", "{out}.html"),
)


class Tally:
    """How many claims were checked, which of them did not hold, and how often other things happened, by name."""

    def __init__(self) -> None:
        self.checked = 0
        self.lost: list[str] = []
        self.events: dict[str, int] = {}

    def check(self, holds: bool, otherwise: object) -> None:
        """Check a claim; `otherwise` is noted where it does not hold."""
        self.checked += 1
        if not holds:
            self.lost.append(str(otherwise))

    def count(self, event: str) -> None:
        """Count something that happened."""
        self.events[event] = self.events.get(event, 0) + 1


def start(*arguments: Any) -> subprocess.Popen[bytes]:
    """Start the program with these arguments."""
    return subprocess.Popen([*PROGRAM, *map(str, arguments)], env=ENVIRONMENT, **STREAMS)


def run(*arguments: Any, wrapper: Sequence[str] = (), **streams: Any) -> tuple[int, str]:
    """Run the program and return its exit code and standard error; `wrapper` is a command that starts it."""
    command = [*wrapper, *PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, env=ENVIRONMENT, check=False, timeout=120, **{**STREAMS, **streams})
    return done.returncode, (done.stderr or b"").decode()


def is_one_error(exit_code: int, error: str) -> bool:
    """Tell whether a program ended with one line that says what is wrong."""
    return exit_code == 1 and error.startswith("Error: ") and error.count("\n") == 1


def unfinished_files(folder: Path) -> list[Path]:
    """Return the files in a folder that a program has begun and not put in place."""
    return list(folder.glob(".convcli-*"))


def do_not_ignore_interrupts() -> None:
    """Let programs that are started receive SIGINT, which a shell makes its background jobs ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for_handlers(program: subprocess.Popen[bytes]) -> None:
    """Wait until a program handles signals itself, or has ended.

    Before that Python is starting, and a signal ends it in Python's own way. On a loaded machine that takes long.
    """
    while program.poll() is None:
        with suppress(FileNotFoundError, IndexError):  # it has just ended
            status = Path(f"/proc/{program.pid}/status").read_text()
            caught = int(status.partition("SigCgt:")[2].split()[0], 16)  # a bit for each signal, from 1
            if caught >> (signal.SIGTERM - 1) & 1:
                return
        time.sleep(0.001)


# ---- writing ----


def write_two_outputs(folder: Path) -> tuple[dict[Path, bytes], Path]:
    """Return two inputs with the bytes of each one's output, and the output file, which holds the second."""
    outputs, output = {}, folder / "out.npy"
    for value in (1.0, 2.0):
        file = folder / f"{value:g}.npy"
        np.save(file, np.full(int(1_000_000 * value), value))
        run("apply", file, "-l", "Conv1D([[1]])", "-o", output)
        outputs[file] = output.read_bytes()
    return outputs, output


def kill_while_writing(folder: Path, times: int) -> Tally:
    """Kill programs at random moments, most of them within the write: the file is one of the two outputs, whole."""
    tally, (outputs, output) = Tally(), write_two_outputs(folder)
    for turn in range(times):
        before, status = output.read_bytes(), output.stat()
        program = start("apply", list(outputs)[turn % 2], "-l", "Conv1D([[1]])", "-o", output)
        while program.poll() is None and not unfinished_files(folder) and output.stat() == status:
            time.sleep(0.0002)
        time.sleep(random.uniform(0, 0.015))
        program.kill()
        program.communicate()
        after = output.read_bytes()
        tally.check(after in outputs.values(), f"turn {turn}: {len(after)} bytes that are neither output")
        left = unfinished_files(folder)  # a program that is killed cannot remove them
        tally.count("left unfinished" if left else "replaced" if after != before else "as before")
        for file in left:
            file.unlink()
    return tally


def interrupt(folder: Path, times: int) -> Tally:
    """Send SIGINT or SIGTERM at random moments: the exit code says so, without a traceback or an unfinished file."""
    tally, (outputs, output) = Tally(), write_two_outputs(folder)
    do_not_ignore_interrupts()
    began = time.monotonic()
    run("apply", next(iter(outputs)), "-l", "Conv1D([[1]])", "-o", output)
    duration = time.monotonic() - began
    for turn in range(times):
        number = (signal.SIGINT, signal.SIGTERM)[turn % 2]
        program = start("apply", list(outputs)[turn // 2 % 2], "-l", "Conv1D([[1]])", "-o", output)
        wait_for_handlers(program)
        time.sleep(random.uniform(0, duration))
        program.send_signal(number)
        error = program.communicate(timeout=60)[1].decode()
        ending = program.returncode, error
        stopped = (128 + number, "Interrupted\n" if number == signal.SIGINT else "")
        finished = (0, ""), (-number, "")  # when Python ends, it takes the handlers away
        tally.check(ending in (stopped, *finished), f"turn {turn}: {program.returncode}, {error!r}")
        left = unfinished_files(folder)
        tally.check(not left and output.read_bytes() in outputs.values(), f"turn {turn}: {left}")
        tally.count("stopped" if ending == stopped else "finished before")
    return tally


def crowd(folder: Path, times: int) -> Tally:
    """Run four programs at once that write the same file: whenever it is read, it is the output of one of them."""
    tally, (outputs, output) = Tally(), write_two_outputs(folder)
    for turn in range(times):
        programs = [start("apply", file, "-l", "Conv1D([[1]])", "-o", output) for file in list(outputs) * 2]
        while any(program.poll() is None for program in programs):
            tally.check(output.read_bytes() in outputs.values(), f"turn {turn}: part of an output")
        codes = [(program.communicate(), program.returncode)[1] for program in programs]
        left = unfinished_files(folder)
        tally.check(codes == [0] * 4 and not left, f"turn {turn}: exit codes {codes}, {left}")
    return tally


# ---- where nothing can be written ----


def write_old_files(folder: Path) -> None:
    """Write the files that the writers would replace."""
    for index, writer in enumerate(WRITERS):
        name = next(argument for argument in writer if str(argument).startswith("{out}"))
        (folder / name.format(out=index)).write_bytes(OLD)


def check_failing_writers(tally: Tally, folder: Path, other: Path, wrapper: Sequence[str] = ()) -> None:
    """Run every writer where it must fail: one line says so, and the file that was there is as it was."""
    for index, writer in enumerate(WRITERS):
        arguments = [str(argument).format(out=folder / f"{index}", other=other / "other") for argument in writer]
        output = next(Path(argument) for argument in arguments if argument.startswith(str(folder)))
        exit_code, error = run(*arguments, "-q", wrapper=wrapper)
        tally.check(is_one_error(exit_code, error), f"{writer[0]} {writer[-1]}: {exit_code}, {error!r}")
        unchanged = output.read_bytes() == OLD and not unfinished_files(folder)
        tally.check(unchanged, f"{output} is no longer as it was")


def full_disk(folder: Path, times: int) -> Tally:
    """Write to a disk without room, where one can be mounted, and under a limit on the size of files."""
    tally, disk, other = Tally(), folder / "disk", folder / "other"
    disk.mkdir()
    other.mkdir()
    with small_disk(disk) as is_mounted:
        write_old_files(disk)
        if is_mounted:
            with suppress(OSError):
                (disk / "filler").write_bytes(bytes(1 << 20))
            check_failing_writers(tally, disk, other)
            tally.count("on a full disk")
        check_failing_writers(tally, disk, other, ["sh", "-c", 'ulimit -f 0 && exec "$@"', "sh"])
        tally.count("under a limit of size")
    return tally


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a disk of 64 KiB, and tell whether that was possible."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    mounted = (
        shutil.which("mount") is not None and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def unprivileged() -> list[str] | None:
    """Return a command that starts a program which permissions bind; None where root cannot give up its rights."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if shutil.which("setpriv") else None


def read_only(folder: Path, times: int) -> Tally:
    """Write in a read-only folder, and over read-only files in another."""
    tally, locked, other = Tally(), folder / "locked", folder / "other"
    wrapper = unprivileged()
    if wrapper is None:
        tally.count("left out: root, and no setpriv")
        return tally
    locked.mkdir()
    other.mkdir()
    write_old_files(locked)
    for folder_mode, file_mode in ((0o555, 0o644), (0o755, 0o444)):
        for file in locked.iterdir():
            file.chmod(file_mode)
        locked.chmod(folder_mode)
        check_failing_writers(tally, locked, other, wrapper)
    return tally


def bad_streams(folder: Path, times: int) -> Tally:
    """Print to a full device, to a pipe that nobody reads, and to a closed standard output."""
    tally = Tally()
    for arguments in (("--help",), ("apply", "--help"), ("--version",), APPLY, (*APPLY, "-f", "npy"), ("filters",)):
        with open("/dev/full", "wb") as full:
            tally.check(is_one_error(*run(*arguments, stdout=full)), f"{arguments}: full")
        read_end, write_end = os.pipe()
        os.close(read_end)
        ending = run(*arguments, stdout=write_end)
        os.close(write_end)
        tally.check(ending == (128 + signal.SIGPIPE, ""), f"{arguments}: a pipe that nobody reads: {ending}")
        ending = run(*arguments, wrapper=["sh", "-c", 'exec "$@" >&-', "sh"])
        tally.check(is_one_error(*ending), f"{arguments}: closed: {ending}")
    return tally


# ---- learning ----


def stop_fits(folder: Path, times: int) -> Tally:
    """Interrupt or kill fits at random moments, and again those that resume: in the end the weights are the same."""
    tally, whole, checkpoint, output = Tally(), folder / "whole.npz", folder / "checkpoint.npz", folder / "out.npz"
    do_not_ignore_interrupts()
    fit = (*FIT, "--epochs", EPOCHS, "--threads", 1)
    began = time.monotonic()
    run(*fit, "-o", whole)
    duration = time.monotonic() - began
    for turn in range(times):
        checkpoint.unlink(missing_ok=True)
        for number in (signal.SIGINT, signal.SIGKILL, signal.SIGINT, None):
            option = "--resume" if checkpoint.exists() else "--checkpoint"
            output.unlink(missing_ok=True)
            program = start(*fit, option, checkpoint, "-o", output)
            if number is not None:
                wait_for_handlers(program)
                time.sleep(random.uniform(0, duration))
                program.send_signal(number)
            error = program.communicate(timeout=120)[1].decode()
            fine = ended_as_asked(program.returncode, number, output.exists()) and "Traceback" not in error
            tally.check(fine, f"turn {turn}: signal {number}: {program.returncode}, {error!r}")
            tally.count(f"{option[2:]}: {'stopped' if program.returncode else 'finished'}")
            for file in unfinished_files(folder):
                tally.check(number == signal.SIGKILL, f"turn {turn}: {file}")
                file.unlink()
        tally.check(same_arrays(whole, output), f"turn {turn}: other weights")
    return tally


def ended_as_asked(exit_code: int, number: int | None, has_output: bool) -> bool:
    """Tell whether a fit ended as it should after a signal.

    When Python ends, it takes the handlers away: then SIGINT ends a program in the system's way, but its weights are
    written.
    """
    if number == signal.SIGINT:
        return exit_code in (0, 128 + number) or (exit_code == -number and has_output)
    return exit_code == 0 or (number is not None and exit_code == -number)


def same_arrays(file: Path, other: Path) -> bool:
    """Tell whether two NPZ files hold the same bits."""
    with np.load(file) as a, np.load(other) as b:
        return set(a) == set(b) and all(a[name].tobytes() == b[name].tobytes() for name in a)


# Each check, and how often it is tried unless --times says otherwise.
CHECKS: dict[str, tuple[Callable[[Path, int], Tally], int]] = {
    "kills": (kill_while_writing, 200),
    "interrupts": (interrupt, 200),
    "crowds": (crowd, 20),
    "full-disks": (full_disk, 1),
    "read-only": (read_only, 1),
    "streams": (bad_streams, 1),
    "fits": (stop_fits, 10),
}


def main() -> int:
    """Run the checks and print their tallies. Returns 1 where a claim did not hold."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"some of {', '.join(CHECKS)} [all]")
    parser.add_argument("--times", type=int, metavar="N", help="how often each check with a random part is tried")
    arguments = parser.parse_args()
    if unknown := set(arguments.checks) - set(CHECKS):
        parser.error(f"no check {', '.join(unknown)}")
    lost = 0
    for name in arguments.checks or CHECKS:
        check, times = CHECKS[name]
        with tempfile.TemporaryDirectory() as folder:
            tally = check(Path(folder), arguments.times or times)
        events = "".join(f"; {count} {event}" for event, count in sorted(tally.events.items()))
        print(f"{name}: {tally.checked} checked, {len(tally.lost)} lost{events}", *tally.lost, sep="\n  ", flush=True)
        lost += len(tally.lost)
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main())
