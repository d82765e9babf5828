"""The help of a command: every option once, under a heading that says what it is about."""

from __future__ import annotations

import re

import pytest

from convcli.cli import COMMANDS, main
from convcli.cli.command_help import HEADINGS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_stands_under_its_heading(command, convcli):
    _, *parts = re.split(r"^(\S.*):$", convcli(command, "--help").stdout, flags=re.MULTILINE)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    assert list(sections) == [heading for heading in HEADINGS if heading in sections]
    flags = {heading: re.findall(r"^  (?:-\w, )?(--[\w-]+)", rows, re.MULTILINE) for heading, rows in sections.items()}
    assert flags.pop("Other") == ["--help"]
    options = [option.opts[-1] for option in main.get_command(None, command).params if option.opts[-1].startswith("--")]
    assert sorted(flag for names in flags.values() for flag in names) == sorted(options)


def test_a_heading_gathers_what_belongs_together(convcli):
    training = convcli("fit", "--help").stdout.split("\nTraining:\n")[1].partition("\n\n")[0]
    assert all(flag in training for flag in ("--loss ", "--optimizer ", "--epochs ", "--patience "))
    assert "--weights " not in training


def test_no_option_has_two_headings():
    names = " ".join(HEADINGS.values()).split()
    assert len(set(names)) == len(names)
