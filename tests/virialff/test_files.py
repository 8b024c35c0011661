"""Files are there whole or as they were, whoever writes them at the same time and whatever the disk says."""

import errno
import os
import subprocess
import sys
import threading

import pytest

from tests.limits import files_end_at
from virialff.files import disk_problem, replace_file, replacing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_write_that_fails_leaves_the_former_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.bin"
    replace_file(file, b"before")
    with files_end_at(1000), pytest.raises(OSError, match="File too large") as caught:
        replace_file(file, b"x" * 5000)
    assert disk_problem(caught.value).endswith(": File too large; choose a folder that takes larger files")

    def interrupted() -> None:
        with replacing(file) as half:
            half.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_bytes() == b"before"
    assert names(tmp_path) == ["a.bin"]


def test_what_a_killed_writer_left_goes_with_the_next_write_and_a_living_one_is_left_alone(tmp_path):
    script = "import sys, os; from pathlib import Path; from virialff.files import replacing\n"
    script += "with replacing(Path(sys.argv[1])) as file:\n"
    script += "    file.write(b'half'); file.flush(); print('ready', flush=True); input()\n"
    command = [sys.executable, "-c", script, tmp_path / "a.bin"]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=os.getcwd())
        for _ in range(2)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    assert len(names(tmp_path)) == 2
    writers[0].kill()
    writers[0].communicate()
    replace_file(tmp_path / "a.bin", b"mine")
    (left,) = set(names(tmp_path)) - {"a.bin"}
    assert f"-{writers[1].pid}-" in left
    writers[1].communicate("\n")
    assert writers[1].returncode == 0
    assert names(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"half"


def test_threads_that_write_one_file_do_not_mix(tmp_path):
    contents = [bytes([65 + number]) * 20_000 for number in range(6)]
    threads = [threading.Thread(target=replace_file, args=(tmp_path / "a.bin", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a.bin").read_bytes() in contents
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device; make room and try again"),
        (errno.EACCES, "Permission denied; allow it, or choose another folder"),
        (errno.EROFS, "Read-only file system; choose a folder that can be written"),
        (errno.ENAMETOOLONG, "File name too long; choose a shorter name"),
        (errno.ENOENT, "No such file or directory"),
    ],
)
def test_what_the_system_says_is_a_sentence_with_the_file_and_what_to_do(number, words):
    assert disk_problem(OSError(number, os.strerror(number), "/a/b.json")) == f"/a/b.json: {words}"
    partial = "/a/b.json.0123abcd-77-89abcdef.partial"
    assert disk_problem(OSError(number, os.strerror(number), partial)) == f"/a/b.json: {words}"


def test_a_name_that_no_file_can_have_and_a_folder_that_is_none_are_refused(tmp_path):
    with pytest.raises(OSError, match="File name too long"):
        replace_file(tmp_path / ("a" * 300), b"")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        replace_file(tmp_path / "file" / "b", b"")
    assert names(tmp_path) == ["file"]
