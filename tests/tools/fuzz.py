"""Damaged files and random text for every reader and command: `python tests/tools/fuzz.py --inputs 100000`.

Every input must have an answer, or one line that says why it has none; anything else is a failure. A child process
tries one input after another, with a limit of memory and of time for each. Where it dies, that input has failed, and a
new child continues with the next. Inputs that failed are kept in a folder.

The same seed makes the same inputs: `--seed 1 --first 1234 --inputs 1` makes one of them again. `--file FILE` tries a
kept one. With `--guided`, atheris chooses the inputs: it looks for those that reach new code.
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
MEMORY = 1 << 30  # bytes beyond what the process has at its start
TRIED, ANSWERED, FAILED = range(3)  # the counts of each target; all other inputs were refused


class FuzzRun:
    """The inputs of one run. Input number `n` belongs to target `n % len(names)`.

    The number of the current input and the counts are in shared memory, so that they outlive a child that dies.
    """

    def __init__(self, names: list[str], seed: int, folder: Path) -> None:
        from fuzz_targets import TARGETS

        self.names, self.seed, self.folder = names, seed, folder
        self.targets = [TARGETS[name] for name in names]
        self.current = memoryview(mmap.mmap(-1, 8)).cast("q")
        self.counts = [memoryview(mmap.mmap(-1, 24)).cast("q") for _ in names]

    def target_of(self, number: int) -> int:
        """Return the index of the target that an input belongs to."""
        return number % len(self.names)

    def make(self, number: int) -> bytes:
        """Make the input of that number."""
        return self.targets[self.target_of(number)].make(Random(f"{self.seed} {number}"))

    def attempt(self, target: int, content: bytes) -> str | None:
        """Try an input on a target, and return the traceback of a failure or None."""
        from convcli.core.errors import ConvcliError

        self.counts[target][TRIED] += 1
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            self.targets[target].use(content)
            self.counts[target][ANSWERED] += 1
        except ConvcliError:
            pass
        except BaseException:
            return traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return None

    def report_failure(self, target: int, content: bytes, cause: str) -> None:
        """Count a failure, keep its input in the folder, and print its cause."""
        self.counts[target][FAILED] += 1
        file = self.folder / f"{self.names[target]}-{self.seed}-{self.current[0]}"
        file.write_bytes(content)
        print(f"{file}: {cause}", flush=True)

    def try_here(self, stop: int) -> None:
        """Try the inputs before number `stop` in this process."""
        limit_memory()
        while self.current[0] < stop:
            content = self.make(self.current[0])
            target = self.target_of(self.current[0])
            cause = self.attempt(target, content)
            if cause is not None:
                self.report_failure(target, content, cause)
            self.current[0] += 1

    def try_in_children(self, stop: int) -> None:
        """Try the inputs before number `stop` in a child process, with a new child after each that dies."""
        while self.current[0] < stop:
            child = os.fork()
            if child == 0:
                try:
                    self.try_here(stop)
                except BaseException:  # an input could not be made, which is not a failure of what is tried
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            if os.WIFEXITED(status) and os.WEXITSTATUS(status):
                sys.exit(f"input {self.current[0]} could not be made")
            if os.WIFSIGNALED(status):
                cause = "no end" if os.WTERMSIG(status) == signal.SIGALRM else f"signal {os.WTERMSIG(status)}"
                self.report_failure(self.target_of(self.current[0]), self.make(self.current[0]), cause)
                self.current[0] += 1

    def summary(self) -> str:
        """Return the counts, a line for each target."""
        lines = []
        for name, (tried, answered, failed) in zip(self.names, self.counts, strict=True):
            refused = tried - answered - failed
            lines.append(f"{name:12}{tried:9,} tried{answered:9,} answered{refused:9,} refused{failed:5,} failed")
        return "\n".join(lines)


def limit_memory() -> None:
    """Limit this process to the memory that it has now and `MEMORY` bytes more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)


def run_guided(run: FuzzRun, inputs: int) -> None:
    """Let atheris choose the inputs, starting from random ones. The first byte of an input chooses its target."""
    import atheris

    atheris.instrument_all()
    corpus = run.folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number in range(10 * len(run.names)):
        (corpus / str(number)).write_bytes(bytes([run.target_of(number)]) + run.make(number))

    def attempt(content: bytes) -> None:
        target, chosen = content[0] % len(run.names) if content else 0, content[1:]
        if run.targets[target].from_seed:
            chosen = run.targets[target].make(Random(chosen))
        cause = run.attempt(target, chosen)
        if cause is not None:
            run.current[0] += 1
            run.report_failure(target, chosen, cause)
        if sum(counts[TRIED] for counts in run.counts) == inputs:
            print(run.summary(), flush=True)  # libFuzzer ends the process itself

    atheris.Setup([sys.argv[0], f"-runs={inputs}", f"-timeout={SECONDS}", "-max_len=20000", str(corpus)], attempt)
    atheris.Fuzz()


def main() -> int:
    """Run the command line; return 1 where an input failed."""
    from fuzz_targets import TARGETS

    parser = argparse.ArgumentParser(description="Try damaged files and random text on every reader and command.")
    parser.add_argument("--inputs", type=int, default=10_000, help="how many inputs are tried")
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=list(TARGETS), action="append", help="try this target only (repeatable)")
    parser.add_argument(
        "--keep", type=Path, default=Path(tempfile.gettempdir()) / "convcli-fuzz", help="the folder for failed inputs"
    )
    parser.add_argument("--file", type=Path, help="try a kept input")
    parser.add_argument("--guided", action="store_true", help="choose inputs by coverage, with atheris")
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    if arguments.file:
        arguments.target = [arguments.file.name.partition("-")[0]]
    run = FuzzRun(arguments.target or list(TARGETS), arguments.seed, arguments.keep)
    run.current[0] = arguments.first
    if arguments.file:
        print(run.attempt(0, arguments.file.read_bytes()) or "no failure")
        return run.counts[0][FAILED]
    if arguments.guided:
        run_guided(run, arguments.inputs)
    else:
        run.try_in_children(arguments.first + arguments.inputs)
    print(run.summary())
    return int(any(counts[FAILED] for counts in run.counts))


if __name__ == "__main__":
    sys.exit(main())
