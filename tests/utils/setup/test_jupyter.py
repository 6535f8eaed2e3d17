"""JupyterLab as the course opens it, in a real browser: clean, on the learner's folder, with the course's kernel."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from utils.setup import jupyter

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_settings_stay_in_the_learner_s_folder(tmp_path):
    variables = jupyter.environment(tmp_path)
    own = [value for name, value in variables.items() if name.endswith("_DIR")]
    assert own and all(Path(value).is_relative_to(tmp_path) for value in own)
    assert (Path(variables["JUPYTER_CONFIG_PATH"]) / "jupyter_server_config.json").is_file()


def test_arguments_open_the_document_in_the_root(tmp_path):
    words = jupyter.arguments(tmp_path, "notebooks/00_start_here.ipynb", browser=False, extra=["--port=9000"])
    assert f"--ServerApp.root_dir={tmp_path}" in words
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in words
    assert "--ServerApp.open_browser=False" in words
    assert words[-1] == "--port=9000"


def test_no_message_of_a_kernel_waits_for_the_page_to_confirm_another(monkeypatch):
    from jupyter_server.serverapp import ServerApp
    from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
    from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

    done = []
    words = jupyter.arguments(Path("anywhere"))
    name = next(word.partition("=")[2] for word in words if "kernel_websocket_connection_class" in word)
    handler = KernelWebsocketHandler.__new__(KernelWebsocketHandler)
    monkeypatch.setattr(handler, "set_nodelay", lambda value: done.append(value), raising=False)
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda _connection: done.append("connected"))
    ServerApp(kernel_websocket_connection_class=name).kernel_websocket_connection_class(
        websocket_handler=handler
    ).connect()
    assert done == [True, "connected"]


def test_root_is_allowed_only_to_root(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert "--allow-root" in jupyter.arguments(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    assert "--allow-root" not in jupyter.arguments(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a browser")
def test_a_machine_without_a_screen_has_no_browser(monkeypatch):
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(jupyter.platform, "release", lambda: "6.1.0-generic")
    assert not jupyter.has_browser()
    monkeypatch.setenv("BROWSER", "firefox")
    assert jupyter.has_browser()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_it_opens_clean(tmp_path):
    """One start, with a settings folder and a kernel of the learner's own that must neither matter nor change."""
    from playwright.sync_api import expect, sync_playwright

    home, work = tmp_path / "home", tmp_path / "work"
    rogue = home / ".local" / "share" / "jupyter" / "kernels" / "python3" / "kernel.json"
    rogue.parent.mkdir(parents=True)
    rogue.write_text('{"argv": ["/bin/false"], "display_name": "Not this one", "language": "python"}')
    (home / ".jupyter").mkdir()
    (home / ".jupyter" / "jupyter_server_config.py").write_text("raise SystemExit('not this one')\n")
    files_before = sorted(path for path in home.rglob("*") if "ipython" not in str(path))
    notebooks = work / "notebooks"
    notebooks.mkdir(parents=True)
    (notebooks / "00_first.ipynb").write_text(NOTEBOOK)
    (notebooks / "01_second.ipynb").write_text(NOTEBOOK)

    code = (
        "import sys, pathlib; from utils.setup import jupyter; work = pathlib.Path(sys.argv[1]); "
        "jupyter.start(work, work / '.jupyter', 'notebooks/00_first.ipynb', browser=False)"
    )
    variables = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(work)],
        env=variables | {"HOME": str(home), "IPYTHONDIR": str(tmp_path / "ipython")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    try:
        while "http" not in said:
            line = server.stdout.readline()
            assert line, said
            said += line
        address = re.search(r"http\S+/lab/tree/notebooks/00_first\.ipynb\?token=\w+", said)[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            refused = []
            page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
            page.goto(address)
            expect(page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")).to_be_visible(timeout=60_000)
            expect(page.locator(".jp-DirListing-itemText")).to_have_text(["00_first.ipynb", "01_second.ipynb"])
            # The notebook's own indicator says "idle" before there is a kernel; the status bar does not.
            expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
            page.locator(".jp-CodeCell .cm-content").first.click()
            page.keyboard.press("Shift+Enter")
            expect(page.locator(".jp-OutputArea-output pre").first).to_have_text(sys.prefix, timeout=60_000)
            time.sleep(2)  # Pop-ups come after a moment.
            assert page.locator(".jp-Dialog").count() == 0
            assert page.locator(".Toastify__toast").count() == 0
            assert page.get_by_text("nbgrader", exact=False).count() == 0
            assert refused == []
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            raise
    assert sorted(path for path in home.rglob("*") if "ipython" not in str(path)) == files_before


NOTEBOOK = """{
 "cells": [
  {"cell_type": "code", "id": "one", "metadata": {}, "execution_count": null, "outputs": [],
   "source": ["import sys; print(sys.prefix)"]}
 ],
 "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}},
 "nbformat": 4, "nbformat_minor": 5
}
"""
