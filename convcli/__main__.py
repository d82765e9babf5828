"""The program, as the shell calls it: `convcli`, or `python -m convcli`."""

from __future__ import annotations

import gc

from convcli.core.signals import exit_on_signals

ALLOCATIONS = 100_000  # between two searches for cycles of objects; there are few, and a search at start-up finds none


def run() -> None:
    """Run the command that the arguments name."""
    exit_on_signals()  # before the rest is imported
    gc.set_threshold(ALLOCATIONS)
    from convcli import cli

    cli.run()


if __name__ == "__main__":
    run()
