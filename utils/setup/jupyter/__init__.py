"""JupyterLab as the course opens it: clean, on the learner's folder, and with none of their own settings changed.

The `.json` files beside this one are the settings: no news, no look-up of updates, no nbgrader menus (they are for a
teacher's course folder, where `jupyter lab` shows them), and cells that are drawn once (`windowingMode`): by default, one
at the window's lower edge can come and go with every frame, which keeps a third of a core busy. Settings that a learner
changes are kept in `.jupyter` in their own folder, so an installation of Jupyter that they have of their own neither
disturbs the course nor is disturbed.
"""

import json
import logging
import os
import platform
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path

SETTINGS = Path(__file__).parent


def environment(home: Path) -> dict[str, str]:
    """The environment variables that keep this JupyterLab's settings, kernels and records inside `home`."""
    return {
        "JUPYTER_CONFIG_PATH": str(SETTINGS),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "config" / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "config" / "lab" / "workspaces"),
        # The kernel "python3" is the one of this environment, whatever else is called so.
        "JUPYTER_PREFER_ENV_PATH": "1",
    }


def has_browser() -> bool:
    """Whether a browser with windows can be opened here: not so on a server, in a container, over ssh."""
    if os.environ.get("BROWSER") or sys.platform in ("darwin", "win32"):
        return True
    desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    windows_subsystem = "microsoft" in platform.release().lower()
    if not (desktop or windows_subsystem):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def arguments(root: Path, document: str = "", *, browser: bool = True, extra: Sequence[str] = ()) -> list[str]:
    """JupyterLab's arguments: `root` is what its file browser shows, `document` a path in it to open."""
    words = [
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url=/lab/tree/{document}" if document else "--LabApp.default_url=/lab",
        f"--ServerApp.open_browser={browser and has_browser()}",
        "--ServerApp.log_level=ERROR",
        "--LabApp.log_level=ERROR",
        "--ServerApp.kernel_websocket_connection_class=utils.setup.jupyter.at_once.AtOnce",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    return [*words, *extra]


def announce(runtime: Path, document: str, seconds: float = 60) -> None:
    """Waits until the server of this process has its port, and prints the address with which a browser gets in."""
    record = runtime / f"jpserver-{os.getpid()}.json"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            server = json.loads(record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            time.sleep(0.1)
            continue
        place = f"lab/tree/{document}" if document else "lab"
        token = f"?token={server['token']}" if server.get("token") else ""
        print(
            f"\nThe course is open at\n\n    {server['url']}{place}{token}\n\nCtrl-C in this window ends it.\n",
            flush=True,
        )
        return


def start(root: Path, home: Path, document: str = "", *, browser: bool = True, extra: Sequence[str] = ()) -> None:
    """Runs JupyterLab in this process until it is stopped.

    root: the folder that its file browser shows.
    home: the folder that its settings, records and layout are kept in.
    document: what to open, as a path in `root`.
    browser: False prints the address and opens nothing.
    extra: further arguments for JupyterLab, such as "--port=9000".
    """
    for name, value in environment(home).items():
        os.environ[name] = value
        if name.endswith("_DIR"):
            Path(value).mkdir(parents=True, exist_ok=True)

    # Kernels inherit it: torch's threads on Linux then spin only a moment before they sleep. Spinning for long, two kernels
    # at work at the same time slow each other down many times over; sleeping at once, one alone takes half as long again.
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

    # After the variables: Jupyter reads them when it is imported.
    from jupyterlab.labapp import LabApp

    runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
    # Jupyter prints three addresses, one of them a file; `announce` prints the one to click.
    logging.getLogger("ServerApp").addFilter(lambda record: "To access the server" not in record.getMessage())
    threading.Thread(target=announce, args=(runtime, document), daemon=True).start()
    LabApp.launch_instance(argv=arguments(root, document, browser=browser, extra=extra))
