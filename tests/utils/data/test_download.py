"""A download is whole and unaltered, or not there, and the message says which and why."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from utils.data.download import fetch

CONTENT = b"weights" * 100_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        type(self).asked += 1
        if self.path == "/missing.pth":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        cut = self.path == "/cut.pth"
        self.wfile.write(CONTENT[:1000] if cut else CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Handler.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_is_downloaded_once_with_a_word_and_a_bar(server, tmp_path, capsys):
    path = fetch(f"{server}/net.pth", sha256=DIGEST[:8], folder=tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "net.pth"
    assert path.read_bytes() == CONTENT
    shown = capsys.readouterr()
    assert f"Downloading {server}/net.pth (1 MB); it is kept in {path.parent}." in shown.out
    assert "net.pth" in shown.err
    assert "100%" in shown.err
    assert fetch(f"{server}/net.pth", sha256=DIGEST[:8], folder=path.parent) == path
    assert Handler.asked == 1
    assert capsys.readouterr().out == ""


def test_another_folder_that_has_it_is_used(server, tmp_path):
    other = tmp_path / "torch"
    other.mkdir()
    (other / "net.pth").write_bytes(CONTENT)
    path = fetch(f"{server}/net.pth", sha256=DIGEST[:8], folder=tmp_path / "course", also=[other])
    assert path == other / "net.pth"
    assert Handler.asked == 0


def test_a_broken_file_elsewhere_is_left_alone(server, tmp_path):
    other = tmp_path / "torch"
    other.mkdir()
    (other / "net.pth").write_bytes(b"something else")
    path = fetch(f"{server}/net.pth", sha256=DIGEST[:8], folder=tmp_path / "course", also=[other])
    assert path.read_bytes() == CONTENT
    assert (other / "net.pth").read_bytes() == b"something else"


def test_a_broken_file_of_ours_is_replaced_with_a_word(server, tmp_path, capsys):
    (tmp_path / "net.pth").write_bytes(CONTENT[:1000])
    fetch(f"{server}/net.pth", sha256=DIGEST[:8], folder=tmp_path)
    assert (tmp_path / "net.pth").read_bytes() == CONTENT
    assert "net.pth is cut off or altered; it is deleted and downloaded again." in capsys.readouterr().out


def test_a_download_that_breaks_off_is_not_kept(server, tmp_path):
    with pytest.raises(ValueError, match=r"broke off after 1,000 of 700,000 bytes, and is not kept"):
        fetch(f"{server}/cut.pth", sha256=DIGEST[:8], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_altered_file_is_not_kept(server, tmp_path):
    with pytest.raises(ValueError, match=f"its SHA-256 begins {DIGEST[:8]}, and should begin 00000000"):
        fetch(f"{server}/net.pth", sha256="00000000", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["{server}/missing.pth", "http://127.0.0.1:9/net.pth", "file:///not/there/net.pth"])
def test_what_cannot_be_reached_is_said(server, tmp_path, address):
    with pytest.raises(FileNotFoundError, match=r"is not on this machine, and .* cannot be reached .* put it in"):
        fetch(address.format(server=server), sha256=DIGEST[:8], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
