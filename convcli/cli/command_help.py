"""The help of a command: its examples first, its options under headings."""

from __future__ import annotations

import click

# The options under each heading, by the names of their parameters. Any other stands under the last heading.
HEADINGS = {
    "Model": "layers filters normalize dialect listed_order",
    "Input": "inputs output_size scale gray axes data_format",
    "A single layer": "kernel_size strides padding padding_mode dilation_rate groups bias activation flip_kernel "
    "transpose output_padding",
    "Weights": "weights seed",
    "Training": "loss optimizer learning_rate momentum epochs batch_size validation_split freeze patience "
    "checkpoint resume",
    "What to show": "layer_output map_name all_layers show_weights at sample walk limit explain count batch keys "
    "claims compare_with plot profile",
    "Output": "weights_file format_name output_file output_dir drawn_as picture_range bits no_footer quiet",
    "Computation": "dtype algorithm tolerance threads max_memory",
    "Other": "help",
}


class HelpfulCommand(click.Command):
    """A command whose help begins with examples, its epilog, and has its options under headings."""

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_usage(context, formatter)
        self.format_epilog(context, formatter)
        self.format_help_text(context, formatter)
        self.format_options(context, formatter)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        *_, last = HEADINGS
        headings = {name: heading for heading, names in HEADINGS.items() for name in names.split()}
        rows: dict[str, list[tuple[str, str]]] = {heading: [] for heading in HEADINGS}
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None and isinstance(parameter, click.Option):
                rows[headings.get(parameter.name or "", last)].append(record)
        for heading, records in rows.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
