"""The command line: one module a command, and what they share."""

from __future__ import annotations

import click

from convcli.cli.apply import apply
from convcli.cli.shape import shape

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=HELP, epilog="COMMAND --help says more and gives examples.")
@click.version_option(package_name="convcli", prog_name="convcli", message="%(prog)s %(version)s")
def main() -> None:
    """A convolution calculator: what a filter does to an array, what shape comes out, and what it costs.

    Names and meanings are those of Keras 3. "Convolution" is cross-correlation, as in all of deep learning, unless
    flip_kernel says otherwise.
    """


main.add_command(apply)
main.add_command(shape)
