"""What the system reports of memory."""

from __future__ import annotations

from convcli.core import system_memory


def test_this_system_reports_plausible_amounts():
    available = system_memory.available()
    assert available is not None
    assert 1 << 20 < available < 1 << 50
    assert 1 << 20 < system_memory.resident() < 1 << 40


def make_group(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)


def test_control_groups_leave_what_is_unused_or_only_cached(tmp_path):
    make_group(tmp_path, memory_max="max", memory_current="900", memory_stat="inactive_file 0")
    make_group(tmp_path / "a", memory_max="1000", memory_current="900", memory_stat="anon 5\ninactive_file 300\n")
    make_group(tmp_path / "a/b", memory_max="500", memory_current="450", memory_stat="inactive_file 10\n")

    def left(path):
        return list(system_memory.left_by_group(str(tmp_path), path, *system_memory.CGROUP_V2_FILES))

    assert left("/a/b") == [500 - 450 + 10, 1000 - 900 + 300]  # the group, then the one around it
    assert left("/") == []  # the outermost has no limit
    assert left("/gone/a") == []
