"""Downloads, from a real server on this machine that can be told to misbehave."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cstool.errors import CstoolError
from cstool.lexicons.dumps import fetch

PAGE = b"page " * 100_000
LINKS = b"langlinks " * 1000
TABLES = ("page", "langlinks")


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files`; each of `server.tricks` changes one answer about a dump."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Range"], self.headers["User-Agent"]))
        content = self.server.files.get(self.path)
        trick = self.server.tricks.pop(0) if self.server.tricks and ".sql" in self.path else None
        if self.server.cut_list and self.path.endswith("sha1sums.txt"):
            trick, self.server.cut_list = "cut list", False
        if content is None or isinstance(trick, int):
            self.send_error(trick or 404)
            return
        start = 0
        if self.headers["Range"] and trick != "no ranges":
            start = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            told = start + (7 if trick == "another range" else 0)
            self.send_header("Content-Range", f"bytes {told}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = {"cut": start + 100_000, "cut list": 70}.get(trick)
        self.wfile.write(content[start:end])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.asked, server.tricks, server.cut_list = [], [], False
    sums = "".join(
        f"{hashlib.sha1(content).hexdigest()}  enwiki-20260101-{table}.sql.gz\n"
        for table, content in (("page", PAGE), ("langlinks", LINKS), ("pagelinks", b"x"))
    )
    server.files = {
        "/enwiki/latest/enwiki-latest-sha1sums.txt": sums.encode(),
        "/enwiki/20260101/enwiki-20260101-sha1sums.txt": sums.encode(),
        "/enwiki/20260101/enwiki-20260101-page.sql.gz": PAGE,
        "/enwiki/20260101/enwiki-20260101-langlinks.sql.gz": LINKS,
    }
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetched(server, folder, **how):
    told = []

    def tell(*progress):
        told.append(progress)

    how = {"mirror": server.url, "pauses": (0, 0)} | how
    return fetch("enwiki", TABLES, folder, tell, **how), told


def ranges(server):
    return [asked for path, asked, _ in server.asked if path.endswith("page.sql.gz")]


@pytest.mark.parametrize("date", ["latest", "20260101"])
def test_dumps_are_fetched_checked_and_not_fetched_again(server, tmp_path, date):
    paths, told = fetched(server, tmp_path / "dumps", date=date)
    assert [path.name for path in paths] == [
        "enwiki-20260101-page.sql.gz",
        "enwiki-20260101-langlinks.sql.gz",
    ]
    assert [path.read_bytes() for path in paths] == [PAGE, LINKS]
    assert told[0] == ("enwiki-20260101-page.sql.gz", 0, len(PAGE))
    assert told[-1] == ("enwiki-20260101-langlinks.sql.gz", len(LINKS), len(LINKS))
    assert all(agent.startswith("cstool/") for _, _, agent in server.asked)
    assert fetched(server, tmp_path / "dumps", date=date) == (paths, [])
    assert ranges(server) == [None]
    assert {path.name for path in (tmp_path / "dumps").iterdir()} == {path.name for path in paths}


def test_a_connection_that_is_cut_goes_on_where_it_stopped(server, tmp_path):
    server.tricks = ["cut", 503, "cut", None]
    paths, told = fetched(server, tmp_path)
    assert paths[0].read_bytes() == PAGE
    assert ranges(server) == [None, "bytes=100000-", "bytes=100000-", "bytes=200000-"]
    assert [done for name, done, _ in told if "page" in name] == sorted(
        done for name, done, _ in told if "page" in name
    )


def test_a_list_of_checksums_that_is_cut_is_asked_for_again(server, tmp_path):
    server.cut_list = True
    assert len(fetched(server, tmp_path)[0]) == 2
    server.cut_list = True
    with pytest.raises(CstoolError, match=r"sha1sums\.txt: the connection ended too early"):
        fetched(server, tmp_path, pauses=())


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.tricks = ["cut", "no ranges"]
    assert fetched(server, tmp_path)[0][0].read_bytes() == PAGE


def test_what_has_come_is_kept_for_the_next_run(server, tmp_path):
    server.tricks = ["cut", 500, 500, 500]
    with pytest.raises(
        CstoolError, match=r"page\.sql\.gz: 500 .*100000 bytes are kept in .*\.part"
    ):
        fetched(server, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["enwiki-20260101-page.sql.gz.part"]
    assert fetched(server, tmp_path)[0][0].read_bytes() == PAGE
    assert ranges(server)[-1] == "bytes=100000-"


def test_a_part_that_is_whole_gets_its_name(server, tmp_path):
    (tmp_path / "enwiki-20260101-page.sql.gz.part").write_bytes(PAGE)
    assert fetched(server, tmp_path)[0][0].read_bytes() == PAGE
    assert ranges(server) == [f"bytes={len(PAGE)}-"]


@pytest.mark.parametrize("part", [b"", b"other bytes", PAGE + b"more"])
def test_a_wrong_checksum_is_an_error_and_nothing_is_kept(server, tmp_path, part):
    if part:
        (tmp_path / "enwiki-20260101-page.sql.gz.part").write_bytes(part)
    else:
        server.files["/enwiki/20260101/enwiki-20260101-page.sql.gz"] = PAGE[::-1]
    with pytest.raises(CstoolError, match=r"has the SHA-1 [0-9a-f]{40}, expected [0-9a-f]{40}"):
        fetched(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_lies_there_and_is_wrong_is_not_touched(server, tmp_path):
    (tmp_path / "enwiki-20260101-page.sql.gz").write_bytes(b"mine")
    with pytest.raises(CstoolError, match="remove it to have it fetched again"):
        fetched(server, tmp_path)
    assert (tmp_path / "enwiki-20260101-page.sql.gz").read_bytes() == b"mine"


def test_another_range_than_asked_for_is_an_error(server, tmp_path):
    server.tricks = ["cut", "another range"]
    with pytest.raises(CstoolError, match="another range came than that from byte 100000 on"):
        fetched(server, tmp_path)


def test_a_dump_that_is_not_there_is_told_at_once(server, tmp_path):
    with pytest.raises(CstoolError, match=r"20250101-sha1sums\.txt: 404 Not Found"):
        fetched(server, tmp_path, date="20250101")
    assert len(server.asked) == 1
    server.files["/enwiki/latest/enwiki-latest-sha1sums.txt"] = b"Not a list\n"
    with pytest.raises(CstoolError, match=r"lists no enwiki-DATE-page\.sql\.gz; .*--dump-date"):
        fetched(server, tmp_path)


def test_without_a_network_the_reason_is_told(tmp_path, server):
    server.shutdown()
    server.server_close()
    with pytest.raises(CstoolError, match=r"sha1sums\.txt: Connection refused"):
        fetched(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CstoolError, match="Not a directory"):
        fetched(server, tmp_path / "file" / "dumps")
