"""Damaged files and random text for every reader and command: `python tests/tools/fuzz.py --inputs 100000`.

Any input has an answer, or one line that says why not. A child tries one input after another, under a limit of memory
and of time for each; where it dies, the next one goes on behind that input. What failed is kept in a folder. The same
seed makes the same inputs: `--seed 1 --first 1234 --inputs 1` makes one of them again, `--file FILE` tries a kept one.
`--guided` leaves the choice to atheris, which looks for inputs that reach new code, until it has made as many.
"""

from __future__ import annotations

import argparse
import mmap
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))
SECONDS = 20  # for one input, on a machine with other work
MEMORY = 1 << 30  # beside what the process has when it begins
TRIED, ANSWERED, FAILED = range(3)  # what is counted for each target; the rest was refused


class Run:
    """Inputs by their numbers, which fall to the targets in turn; counts that outlive a child."""

    def __init__(self, names: list[str], seed: int, keep: Path) -> None:
        from fuzz_targets import TARGETS

        self.names, self.seed, self.keep = names, seed, keep
        self.targets = [TARGETS[name] for name in names]
        self.number = memoryview(mmap.mmap(-1, 8)).cast("q")
        self.counts = [memoryview(mmap.mmap(-1, 24)).cast("q") for _ in names]

    def content(self, number: int) -> bytes:
        """The input of that number."""
        return self.targets[number % len(self.names)].make(Random(f"{self.seed} {number}"))

    def attempt(self, place: int, content: bytes) -> str | None:
        """What is wrong with what a target makes of an input; None where nothing is."""
        from convcli.core.errors import ConvcliError

        self.counts[place][TRIED] += 1
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            self.targets[place].use(content)
            self.counts[place][ANSWERED] += 1
        except ConvcliError:
            pass
        except BaseException:
            return traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return None

    def failed(self, place: int, content: bytes, cause: str) -> None:
        """Count a failure, keep its input, and say how it is made again."""
        self.counts[place][FAILED] += 1
        file = self.keep / f"{self.names[place]}-{self.seed}-{self.number[0]}"
        file.write_bytes(content)
        print(f"{file}: {cause}", flush=True)

    def work(self, stop: int) -> None:
        """Try all inputs up to one, as a child does."""
        limit_memory()
        while self.number[0] < stop:
            content = self.content(self.number[0])
            place = self.number[0] % len(self.names)
            cause = self.attempt(place, content)
            if cause is not None:
                self.failed(place, content, cause)
            self.number[0] += 1

    def all(self, stop: int) -> None:
        """Try all inputs up to one, with a new child behind each that dies."""
        while self.number[0] < stop:
            child = os.fork()
            if child == 0:
                try:
                    self.work(stop)
                except BaseException:  # of what makes the inputs, which is no failure of what is tried
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            if os.WIFEXITED(status) and os.WEXITSTATUS(status):
                sys.exit(f"input {self.number[0]} could not be made")
            if os.WIFSIGNALED(status):
                cause = "no end" if os.WTERMSIG(status) == signal.SIGALRM else f"signal {os.WTERMSIG(status)}"
                self.failed(self.number[0] % len(self.names), self.content(self.number[0]), cause)
                self.number[0] += 1

    def summary(self) -> str:
        """A line for each target."""
        lines = []
        for name, (tried, answered, failed) in zip(self.names, self.counts, strict=True):
            refused = tried - answered - failed
            lines.append(f"{name:12}{tried:9,} tried{answered:9,} answered{refused:9,} refused{failed:5,} failed")
        return "\n".join(lines)


def limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)


def guided(run: Run, inputs: int) -> None:
    """Let atheris choose the inputs, beginning with some of chance."""
    import atheris

    atheris.instrument_all()
    first = run.keep / "corpus"
    first.mkdir(exist_ok=True)
    for number in range(10 * len(run.names)):
        place = number % len(run.names)
        (first / str(number)).write_bytes(bytes([place]) + run.content(number))

    def attempt(content: bytes) -> None:
        place, chosen = content[0] % len(run.names) if content else 0, content[1:]
        if run.targets[place].made:
            chosen = run.targets[place].make(Random(chosen))
        cause = run.attempt(place, chosen)
        if cause is not None:
            run.number[0] += 1
            run.failed(place, chosen, cause)
        if sum(counts[TRIED] for counts in run.counts) == inputs:
            print(run.summary(), flush=True)  # libFuzzer ends the process by itself

    atheris.Setup([sys.argv[0], f"-runs={inputs}", f"-timeout={SECONDS}", "-max_len=20000", str(first)], attempt)
    atheris.Fuzz()


def main() -> int:
    """Try the inputs that are asked for; 1 where one failed."""
    from fuzz_targets import TARGETS

    parser = argparse.ArgumentParser(description="Damaged files and random text for every reader and command.")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=list(TARGETS), action="append", help="this one alone")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "convcli-fuzz", help="a folder")
    parser.add_argument("--file", type=Path, help="one that was kept")
    parser.add_argument("--guided", action="store_true", help="by coverage, with atheris")
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    if asked.file:
        asked.target = [asked.file.name.partition("-")[0]]
    run = Run(asked.target or list(TARGETS), asked.seed, asked.keep)
    run.number[0] = asked.first
    if asked.file:
        print(run.attempt(0, asked.file.read_bytes()) or "no failure")
        return run.counts[0][FAILED]
    if asked.guided:
        guided(run, asked.inputs)
    else:
        run.all(asked.first + asked.inputs)
    print(run.summary())
    return int(any(counts[FAILED] for counts in run.counts))


if __name__ == "__main__":
    sys.exit(main())
