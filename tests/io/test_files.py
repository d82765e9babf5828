"""Files and standard input as bytes; files are replaced whole or not at all."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace

import pytest

from convcli.core import memory
from convcli.core.errors import ConvcliError
from convcli.io.files import check_writable, display_name, read_bytes, write_bytes


def test_a_dash_is_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"\0\r\n\xff")))
    assert read_bytes("-") == b"\0\r\n\xff"
    assert display_name("-") == "standard input"
    assert display_name("./-") == "./-"


def test_bytes_come_back_as_they_were(tmp_path):
    write_bytes(str(tmp_path / "out"), b"\0\r\n\xff")
    assert read_bytes(str(tmp_path / "out")) == b"\0\r\n\xff"


@pytest.mark.parametrize(
    ("name", "message"),
    [("none", "no such file or directory"), (".", "is a directory"), ("a\0b", "embedded null byte")],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConvcliError) as caught:
        read_bytes(name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none/out", "none/out: no such file or directory"),
        (".", ".: is a directory"),
        ("out/", "out/: no such file or directory"),
        ("loop", "loop: too many levels of symbolic links"),
        ("a\0b", "a\0b: embedded null byte"),
        ("long" * 100, "long" * 100 + ": file name too long"),
    ],
)
def test_a_file_that_cannot_be_written_is_an_error(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConvcliError) as caught:
        write_bytes(name, b"new")
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_an_error(name):
    with pytest.raises(ConvcliError):
        check_writable(name)
    with pytest.raises(ConvcliError):
        write_bytes(name, b"")


def test_a_device_without_an_end_is_not_read_for_ever():
    assert read_bytes("/dev/null") == b""
    with pytest.raises(ConvcliError, match=r"^more than 16,777,216 bytes, and no end \(a file\)$"):
        read_bytes("/dev/zero")


def test_a_pipe_is_read_only_as_far_as_memory_goes(monkeypatch):
    monkeypatch.setattr(memory, "NEGLIGIBLE", 0)
    monkeypatch.setattr(memory, "available", lambda: 10 << 10)
    reading, writing = os.pipe()
    os.write(writing, bytes(11 << 10))
    os.close(writing)
    with pytest.raises(ConvcliError, match=r"^needs 11.0 KiB of memory, 10.0 KiB is free"):
        read_bytes(f"/dev/fd/{reading}")
    os.close(reading)


def test_a_file_is_replaced_and_keeps_its_permissions(tmp_path):
    out = tmp_path / "out"
    out.write_bytes(b"longer than the new")
    out.chmod(0o640)
    old_inode = out.stat().st_ino
    write_bytes(str(out), b"new")
    assert out.read_bytes() == b"new"
    assert out.stat().st_mode & 0o7777 == 0o640
    assert (
        out.stat().st_ino != old_inode
    )  # a new file was renamed: a reader sees the old content or the new, never half
    assert os.listdir(tmp_path) == ["out"]


def test_a_new_file_has_the_permissions_that_umask_leaves(tmp_path):
    mask = os.umask(0o027)
    try:
        write_bytes(str(tmp_path / "out"), b"new")
    finally:
        os.umask(mask)
    assert (tmp_path / "out").stat().st_mode & 0o7777 == 0o640


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/real")
    write_bytes(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "real").read_bytes() == b"new"


def test_writing_to_a_dangling_link_makes_the_file_it_points_to(tmp_path):
    (tmp_path / "link").symlink_to("real")
    write_bytes(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    longest = "x" * os.pathconf(tmp_path, "PC_NAME_MAX")
    write_bytes(str(tmp_path / longest), b"new")
    assert os.listdir(tmp_path) == [longest]


def test_the_name_of_an_open_file_is_written_to_at_its_position(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"before ")
    with open(log, "ab") as stream:
        for folder in ("/dev/fd", "/proc/self/fd"):
            check_writable(f"{folder}/{stream.fileno()}")
            write_bytes(f"{folder}/{stream.fileno()}", b"new ")
    assert log.read_bytes() == b"before new new "


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_bytes(str(pipe), b"new")
        assert os.read(reader, 9) == b"new"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ConvcliError, match=r"out: no space left on device$"):
        write_bytes(str(out), b"new")
    assert out.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out"]


def test_a_sparse_file_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / "x.json", "wb") as stream:
        stream.truncate(1 << 28)
    with pytest.raises(ConvcliError, match="begins with 1,048,576 zero bytes"):
        read_bytes(str(tmp_path / "x.json"))
