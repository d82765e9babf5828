"""The program, as the shell calls it: `convcli`, or `python -m convcli`."""

from __future__ import annotations

from convcli.core.signals import end_at_once


def run() -> None:
    """Run the command that the arguments name."""
    end_at_once()  # before the rest is imported
    from convcli import cli

    cli.run()


if __name__ == "__main__":
    run()
