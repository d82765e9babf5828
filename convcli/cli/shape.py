"""`convcli shape`: layer arithmetic without data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from convcli.cli.common import data_format_option, layer_option, reports
from convcli.cli.models import load_model

if TYPE_CHECKING:
    from convcli.geometry import DataFormat, Shape
    from convcli.model import Model
    from convcli.report import Report

EXAMPLES = """\b
Examples:
  convcli shape samples/mnist.yaml
  convcli shape -i 224x224x3 -l 'Conv2D(64, 7, strides=2, padding="same")' -f json
"""


@click.command(epilog=EXAMPLES)
@click.argument("source", required=False, metavar="[MODEL]")
@layer_option
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="SHAPE",
    help="One sample's shape: 28x28x1 (or 28,28,1); ? for an unknown extent; NAME=28x28x1 for each of several.",
)
@data_format_option
@reports("table", "json", "yaml", "csv")
def shape(
    source: str | None, layers: tuple[str, ...], inputs: tuple[str, ...], data_format: DataFormat | None
) -> Report:
    """Print each layer's output shape, parameters, multiply-accumulates and receptive field, without any data.

    MODEL is a YAML or JSON file of layers, a bare kernel, or - for standard input. The input's shape is the model's own
    unless -i gives it.

    Multiply-accumulates (macs) are multiplications by kernel weights for one sample. The receptive field is the extent
    of the input that one output cell sees, the jump the distance between the windows of neighbouring output cells.
    """
    from convcli import api, report

    if (source is None) == (not layers):
        raise click.UsageError("either MODEL or layers with -l 'Conv2D(40, 3)'")
    model = load_model(source, layers, data_format=data_format)
    shapes = _shapes(model, inputs)
    for name, own in model.inputs.items():
        if own is None and name not in shapes:
            which = "" if len(model.inputs) == 1 else f"{name}="
            raise click.UsageError(f"the input's shape is missing (-i {which}28x28x1, or input: in the model)")
    return report.Report(api.summarize(model, shapes or None, data_format=data_format))


def _shapes(model: Model, inputs: tuple[str, ...]) -> dict[str, Shape]:
    from convcli import spec
    from convcli.errors import ConvcliError

    shapes = {}
    for text in inputs:
        name, equals, rest = text.rpartition("=")
        key = name if equals else next(iter(model.inputs))
        if key not in model.inputs or (not equals and len(model.inputs) > 1):
            raise click.UsageError(f"-i {text}: for which input? (NAME=SHAPE, of {', '.join(model.inputs)})")
        if key in shapes:
            raise click.UsageError(f"-i {text}: {key} has a shape already")
        try:
            shapes[key] = spec.shape(rest)
        except ConvcliError as error:
            raise click.UsageError(f"-i {text}: {error}") from None
    return shapes
