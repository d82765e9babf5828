"""`convcli help` lists the manual, shows a page on a terminal and in a pipe, and says what is near an unknown topic."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys

import pytest
from conftest import ROOT

from convcli import manual
from convcli.cli import COMMANDS


def on_terminal(*arguments: str, **environment: str) -> tuple[int, str]:
    """Return the exit code of a command on a terminal of 100 columns, and what it prints there."""
    pty = pytest.importorskip("pty", reason="needs a terminal")
    import fcntl
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    names = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LESS", "PAGER")
    env = {name: value for name, value in os.environ.items() if name not in names}
    env |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment}
    program = [sys.executable, "-m", "convcli", *arguments]
    with subprocess.Popen(program, stdin=follower, stdout=follower, stderr=follower, env=env, cwd=ROOT) as process:
        os.close(follower)
        parts = []
        try:
            while select.select([leader], [], [], 60)[0] and (part := os.read(leader, 65536)):
                parts.append(part)
        except OSError:  # Linux says so where nobody holds the other end any more
            pass
    os.close(leader)
    return process.returncode, b"".join(parts).decode()


def test_without_a_topic_it_lists_all_in_order(convcli):
    result = convcli("help")
    assert result.exit_code == 0
    listed = re.findall(r"^  (\S+) +(.*)$", result.stdout, re.MULTILINE)
    assert listed == [(topic, manual.summary(topic)) for topic in manual.TOPICS]
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_every_page_is_a_topic_and_no_topic_is_a_command():
    pages = {path.stem for path in (ROOT / "convcli" / "manual").glob("*.md")}
    assert pages == set(manual.TOPICS)
    assert len(manual.TOPICS) == len(pages)
    assert not pages & set(COMMANDS)


@pytest.mark.parametrize("topic", manual.TOPICS)
def test_a_page_begins_with_a_title_and_a_summary_of_one_line(topic):
    title, empty, summary, after = manual.source(topic).split("\n")[:4]
    assert re.fullmatch(r"# [A-Z][\w ]+", title)
    assert re.fullmatch(r"[A-Z].*[.?]", summary)
    assert empty == after == ""


def test_in_a_pipe_a_page_is_its_markdown_with_commands_for_links(convcli):
    result = convcli("help", "formats")
    assert result.exit_code == 0
    assert result.stdout.startswith("# Formats\n")
    assert "see Pictures (`convcli help pictures`)" in result.stdout
    assert "<!--" not in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_the_name_of_a_command_shows_its_help(command, convcli):
    assert convcli("help", command).stdout == convcli(command, "--help").stdout


@pytest.mark.parametrize(
    ("topic", "remedy"),
    [("lerning", "did you mean learning?"), ("aply", "did you mean apply?"), ("12345", "convcli help lists them")],
)
def test_an_unknown_topic_is_wrong_usage_and_suggests_the_nearest(topic, remedy, convcli):
    result = convcli("help", topic)
    assert result.exit_code == 2
    assert f"no topic '{topic}' ({remedy})" in result.stderr


def test_on_a_terminal_a_page_is_formatted_and_goes_through_the_pager():
    code, text = on_terminal("help", "sizes", PAGER="sed s/stride/STEP/")
    assert code == 0
    assert "\x1b[" in text
    assert "# Finding sizes" not in text
    assert "Finding sizes" in text
    assert "STEP" in text


def test_on_a_terminal_without_colour_a_page_has_no_codes():
    code, text = on_terminal("help", "sizes", PAGER="cat", NO_COLOR="1")
    assert code == 0
    assert "Finding sizes" in text
    assert "\x1b" not in text


def test_a_terminal_without_unicode_shows_a_page_in_plainer_characters():
    code, text = on_terminal("help", "graphs", PAGER="", TERM="dumb", PYTHONIOENCODING="ascii")
    assert code == 0
    assert "* down1 (Conv2D), 80 params" in text


def test_a_pager_that_ends_early_is_no_error():
    code, text = on_terminal("help", "options", PAGER="head -n 2")
    assert code == 0
    assert "Error" not in text
