"""The options of `--as picture`."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import click

from convcli.cli.options import decorate

if TYPE_CHECKING:
    from convcli.cli.output import Output
    from convcli.engine.run import NamedArrays
    from convcli.output.report.apply import Maps
    from convcli.output.report.picture import PictureReport, PictureStyle

NEED_PICTURE = ("tif", "jpg")  # formats that hold nothing else


def _range(context: click.Context, option: click.Parameter, text: str | None) -> tuple[float, float] | None:
    """Read the value of --range."""
    if text is None:
        return None
    low, _, high = text.partition(",")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = (0.0, 0.0)
    if not all(map(isfinite, ends)) or ends[0] >= ends[1]:
        raise click.BadParameter(f"{text!r} (LOW,HIGH: the values that are black and white, such as 0,255)")
    return ends


picture_options = decorate(
    click.option(
        "--as",
        "drawn_as",
        type=click.Choice(["picture"]),
        help="With -o F.png, F.tif or F.jpg: a picture for other programs, one map in grey or three as RGB.",
    ),
    click.option(
        "--range",
        "picture_range",
        metavar="LOW,HIGH",
        callback=_range,
        help="The values that are black and white in --as picture; values outside are clipped [those of an input of 8 "
        "or 16 bits, else the least and the greatest of the maps].",
    ),
    click.option(
        "--bits",
        type=click.Choice(["8", "16", "32"]),
        help="Bits of a value in --as picture; 32, in TIFF, are floats: the values as they are [8].",
    ),
)


def requested_picture(options: Mapping[str, Any], output: Output) -> PictureStyle | None:
    """Return the picture that the options request, None if they request none. Raises `UsageError`."""
    if options["drawn_as"] is None:
        for name, flag in (("picture_range", "--range"), ("bits", "--bits")):
            if options[name] is not None:
                raise click.UsageError(f"{flag} goes with --as picture")
        if output.format in NEED_PICTURE:
            raise click.UsageError(f"{output.format} goes with --as picture (or -o F.png: all maps on one sheet)")
        return None
    from convcli.output.report.picture import BITS, FLOAT_BITS, PictureStyle

    if output.format not in BITS:
        raise click.UsageError(f"--as picture is not written as {output.format} (-o F.png, F.tif or F.jpg)")
    bits, known = int(options["bits"] or 8), BITS[output.format]
    if bits not in known:
        raise click.UsageError(f"--bits {bits} in {output.format} ({' or '.join(map(str, known))})")
    if bits == FLOAT_BITS and options["picture_range"] is not None:
        raise click.UsageError(f"--range goes with 8 or 16 bits: {FLOAT_BITS} bits hold the values as they are")
    return PictureStyle(bits, options["picture_range"])


def picture_of(maps: Maps, style: PictureStyle, inputs: NamedArrays, output: Output) -> PictureReport:
    """Return maps as the requested picture, in the range of the inputs unless the style has one."""
    from convcli.output.report.picture import picture_report, range_of

    input_range = range_of((array.dtype for array in inputs.arrays.values()), inputs.preparation)
    return picture_report(maps, style, input_range, output.file or "the picture")
