"""The program, as the shell calls it: `convcli`, or `python -m convcli`."""

from __future__ import annotations

from convcli.core.signals import exit_on_signals


def run() -> None:
    """Run the command that the arguments name."""
    exit_on_signals()  # before the rest is imported
    from convcli import cli

    cli.run()


if __name__ == "__main__":
    run()
