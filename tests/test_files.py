import gzip
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool import files
from cstool.errors import CstoolError, DataError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def python(code: str, **settings) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, check=False, **settings)


# Reading


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"1\n2\nthree\n", 3, "invalid literal"),
        (b"1\nthree", 2, "invalid literal"),
        (b"1\n\n2\n", 2, "invalid literal"),
        (b"\n", 1, "invalid literal"),
        (b"1\n2\xff3\n", 2, "byte 2 is 0xff, expected UTF-8"),
        (b"\xef\xbb\xbf1\n", 1, "byte order mark"),
    ],
)
def test_a_bad_line_is_named(tmp_path, content, line, problem):
    path = tmp_path / "n.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{path}:{line}: .*{problem}"):
        list(files.read(path, int))


def test_bad_lines_can_be_rejected(tmp_path):
    path = tmp_path / "n.txt"
    path.write_bytes(b"1\nx\n\xff\n4\ny")
    rejected = []
    numbers = files.read(path, int, reject=lambda error, line: rejected.append((str(error), line)))
    assert list(numbers) == [1, 4]
    assert [line for _, line in rejected] == [b"x\n", b"\xff\n", b"y"]
    assert [error.split(": ")[0] for error, _ in rejected] == [f"{path}:{n}" for n in (2, 3, 5)]


def test_a_bug_in_a_parser_is_not_the_files_fault(tmp_path):
    path = tmp_path / "n.txt"
    path.write_bytes(b"1\n")
    with pytest.raises(KeyError):
        list(files.read(path, lambda line: {}[line]))


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_odd_separators_survive(tmp_path, name):
    path = tmp_path / name
    lines = ["a\rb", "c\u2028d", "e\x0bf\x0cg\x1dh\x85i", " j\t", "", "k\r"]
    assert files.write(path, lines, str) == 6
    assert list(files.read(path, str)) == lines


def test_the_last_line_may_lack_its_end(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"1\n2")
    assert list(files.read(path, int)) == [1, 2]


def test_an_empty_file_has_no_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    assert list(files.read(path, int)) == []


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_the_digest_is_of_the_file_on_disk(tmp_path, name):
    path = tmp_path / name
    files.write(path, range(60_000), str)
    reading = files.Reading(path)
    assert sum(files.read(path, int, reading=reading)) == 60_000 * 59_999 // 2
    assert reading.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert reading.size == reading.position == path.stat().st_size
    assert reading.lines == 60_000


def test_a_file_not_read_to_its_end_has_no_digest(tmp_path):
    path = tmp_path / "a.txt"
    files.write(path, range(60_000), str)
    reading = files.Reading(path)
    lines = files.read(path, int, reading=reading)
    assert next(lines) == 0
    lines.close()
    assert reading.sha256 is None


def test_several_gzip_members_are_one_file(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n"))
    assert list(files.read(path, int)) == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"1\n" * 9999)[:-9],
        gzip.compress(b"1\n" * 9999)[:-8] + b"\0" * 8,
        gzip.compress(b"1\n") + b"garbage",
        b"1\n",
    ],
    ids=["truncated", "wrong checksum", "garbage behind", "not packed"],
)
def test_a_broken_gzip_file_is_named(tmp_path, content):
    path = tmp_path / "x.gz"
    path.write_bytes(content)
    with pytest.raises(CstoolError, match=rf"^{path}: "):
        list(files.read(path, int))


def test_a_folder_is_no_input(tmp_path):
    with pytest.raises(CstoolError, match=rf"^{tmp_path}: Is a directory"):
        list(files.read(tmp_path, int))
    with pytest.raises(CstoolError, match="is a folder, expected a file"):
        files.check_input(tmp_path)


def test_a_missing_input_is_told_before_it_is_read(tmp_path):
    with pytest.raises(CstoolError, match=r"no\.txt: no such file$"):
        files.check_input(tmp_path / "no.txt")
    with pytest.raises(CstoolError, match="File name too long"):
        files.check_input(tmp_path / ("x" * 300))


def test_stdin_and_stdout():
    code = (
        "from cstool import files\n"
        "from hashlib import sha256\n"
        "reading = files.Reading(files.STDIO)\n"
        "assert files.write(files.STDIO, files.read(files.STDIO, int, reading=reading), str) == 2\n"
        "assert reading.sha256 == sha256(b'01\\n2').hexdigest()\n"
    )
    done = python(code, input=b"01\n2")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n2\n", b"")


def test_a_line_from_a_slow_pipe_is_passed_on_at_once():
    code = (
        "from cstool import files\n"
        "for number in files.read(files.STDIO, int):\n"
        "    print(number, flush=True)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"1\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"1\n"


# Blocks


@given(
    st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"") + b"\n"), max_size=9),
    st.sampled_from([b"", b"no line break"]),
    st.integers(1, 4),
    st.integers(1, 30),
)
def test_blocks_of_all_shards_hold_every_line_once(given, last, count, size):
    given += [last] if last else []
    found = {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BLOCK", size)
        path = Path(folder) / "x"
        path.write_bytes(b"".join(given))
        for index in range(count):
            reading = files.Reading(path)
            for block in files.blocks(path, shard=(index, count), reading=reading):
                assert (block.path, block.step) == (path, count)
                assert sum(map(len, block.lines[:-1])) < size
                found |= {block.first + n * count: line for n, line in enumerate(block.lines)}
                assert block.first % count == (index + 1) % count
            assert reading.lines == len(given)
            assert reading.sha256 == hashlib.sha256(b"".join(given)).hexdigest()
    assert found == dict(enumerate(given, start=1))


def test_a_bad_line_of_a_block_is_named(tmp_path):
    path = tmp_path / "n.txt"
    path.write_bytes(b"1\n2\n3\nfour\n5\n\xff\n7\n")
    [block] = files.blocks(path, shard=(1, 2))
    with pytest.raises(DataError, match=f"^{path}:4: invalid literal"):
        list(block.parse(int))
    rejected = []
    assert list(block.parse(int, lambda *wrong: rejected.append(wrong))) == [2]
    assert [(str(error), line) for error, line in rejected] == [
        (f"{path}:4: invalid literal for int() with base 10: 'four'", b"four\n"),
        (f"{path}:6: byte 1 is 0xff, expected UTF-8", b"\xff\n"),
    ]


# Writing


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.txt"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        files.write(path, (1 // n for n in (1, 0)), str)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["out.txt"]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "out.txt"
    with files.atomic(path) as out:
        out.write(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert names(path.parent) == ["out.txt"]


def test_a_new_file_has_the_usual_rights(tmp_path):
    mask = os.umask(0o027)
    try:
        files.write(tmp_path / "out.txt", ["x"], str)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "out.txt").stat().st_mode) == 0o640


def test_packed_bytes_tell_neither_time_nor_name(tmp_path):
    """RFC 1952: bytes 4 to 8 of a member are its flags (of a name, too) and its time."""
    files.write(tmp_path / "a.gz", ["x"], str)
    packed = (tmp_path / "a.gz").read_bytes()
    assert packed[3:8] == bytes(5)
    assert gzip.decompress(packed) == b"x\n"
    files.write(tmp_path / "b.gz", ["x"], str)
    assert (tmp_path / "b.gz").read_bytes() == packed


def test_a_file_can_be_rewritten_in_place(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"01\n02\n")
    assert files.write(path, files.read(path, int), str) == 2
    assert path.read_bytes() == b"1\n2\n"


def test_a_record_that_is_no_line_is_refused(tmp_path):
    with pytest.raises(CstoolError, match="out: record 2 holds a line break"):
        files.write(tmp_path / "out", ["a", "b\nc"], str)
    with pytest.raises(CstoolError, match="out: record 1: invalid literal"):
        files.write(tmp_path / "out", ["a"], lambda text: str(int(text)))
    assert names(tmp_path) == []


def test_a_link_stays_a_link(tmp_path):
    link, target = tmp_path / "link", tmp_path / "folder" / "target"
    link.symlink_to(target)
    for text in ("made", "replaced"):
        files.write(link, [text], str)
        assert link.is_symlink()
        assert target.read_text(encoding="utf-8") == f"{text}\n"


def test_a_pipe_is_written_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as cat:
        files.check_output(pipe)
        files.write(pipe, ["x"], str)
        assert cat.stdout and cat.stdout.read() == b"x\n"
    assert pipe.is_fifo()


def test_a_full_device_is_one_sentence():
    with pytest.raises(CstoolError, match=r"^/dev/full: No space left on device$"):
        files.write(Path("/dev/full"), range(100_000), str)


@pytest.mark.parametrize("name", ["out.txt", "out.txt.gz"])
def test_a_full_disk_leaves_no_file(tmp_path, name):
    """The limit on a file's size fails a write as a full disk does."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from cstool import files\n"
        "from cstool.errors import CstoolError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    files.write(Path(sys.argv[1]), (n * n * n for n in range(100_000)), str)\n"
        "except CstoolError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert (done.stdout, done.stderr) == (f"{tmp_path / name}: File too large\n", "")
    assert names(tmp_path) == []


def test_a_folder_is_no_output(tmp_path):
    for call in (files.check_output, lambda path: files.write(path, ["x"], str)):
        with pytest.raises(CstoolError, match=rf"^{tmp_path}: "):
            call(tmp_path)
    assert names(tmp_path) == []


def test_an_output_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file" / "out", tmp_path / "file" / "more" / "out"):
        for call in (files.check_output, lambda path: files.write(path, ["x"], str)):
            with pytest.raises(CstoolError, match=rf"^{path}: "):
                call(path)


@contextmanager
def nobody():
    """Be a user without rights: root may write everywhere."""
    was = os.getresuid()
    if was[1] == 0:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(*was)


def test_a_read_only_folder_is_refused():
    # Not in tmp_path, whose parents others may not enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        with nobody(), pytest.raises(CstoolError, match="not a writable folder"):
            files.check_output(folder / "new" / "out")


def test_an_output_may_lie_in_a_folder_to_come(tmp_path):
    files.check_output(tmp_path / "new" / "folder" / "out")
    files.check_folder(tmp_path / "new" / "model")
    assert names(tmp_path) == []


def test_what_a_killed_process_left_does_not_stop_the_next(tmp_path):
    (tmp_path / f".file.{os.getpid()}.part").write_bytes(b"half")
    (tmp_path / f".folder.{os.getpid()}.part").mkdir()
    files.write(tmp_path / "file", ["x"], str)
    with files.atomic_folder(tmp_path / "folder") as folder:
        (folder / files.CARD).write_bytes(b"{}")
    assert names(tmp_path) == ["file", "folder"]


# Folders


def model(path: Path, content: bytes) -> None:
    with files.atomic_folder(path) as folder:
        (folder / files.CARD).write_bytes(content)


def test_a_folder_replaces_the_whole_older_one(tmp_path):
    path = tmp_path / "models" / "one"
    model(path, b"old")
    (path / "more").mkdir()
    model(path, b"new")
    assert names(path) == [files.CARD]
    assert (path / files.CARD).read_bytes() == b"new"
    assert names(path.parent) == ["one"]


def test_a_failed_folder_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "one"
    model(path, b"old")
    with pytest.raises(KeyboardInterrupt), files.atomic_folder(path) as folder:
        (folder / files.CARD).write_bytes(b"new")
        raise KeyboardInterrupt
    assert (path / files.CARD).read_bytes() == b"old"
    assert names(tmp_path) == ["one"]


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"mine")
    for call in (files.check_folder, lambda path: model(path, b"new")):
        with pytest.raises(CstoolError, match=r"is in use, and holds no cstool\.json"):
            call(tmp_path)
    assert names(tmp_path) == ["notes.txt"]


def test_an_empty_folder_is_filled_and_a_file_is_not_replaced(tmp_path):
    (tmp_path / "empty").mkdir()
    model(tmp_path / "empty", b"new")
    assert names(tmp_path / "empty") == [files.CARD]
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(CstoolError, match="file is not a writable folder"):
        model(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_several_files_get_their_names_together_or_not_at_all(tmp_path):
    def outputs(last):
        yield tmp_path / "new" / "a.txt", ["1", "2"]
        assert not (tmp_path / "new" / "a.txt").exists()
        yield tmp_path / "new" / "b.txt", last

    with pytest.raises(CstoolError, match="record 1 holds a line break"):
        files.write_together(outputs(["3\n"]), str)
    assert list(tmp_path.iterdir()) == []
    files.write_together(outputs(["3"]), str)
    assert sorted(path.read_text() for path in (tmp_path / "new").iterdir()) == ["1\n2\n", "3\n"]


def test_a_folder_made_for_a_file_that_failed_goes_with_it(tmp_path):
    with pytest.raises(CstoolError):
        files.write(tmp_path / "x" / "y" / "a.txt", ["\n"], str)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x").mkdir()
    with pytest.raises(CstoolError):
        files.write(tmp_path / "x" / "y" / "a.txt", ["\n"], str)
    assert list((tmp_path / "x").iterdir()) == []
