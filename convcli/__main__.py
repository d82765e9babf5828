"""`python -m convcli`."""

from convcli.cli import run

run()
