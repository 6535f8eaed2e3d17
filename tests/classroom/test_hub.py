"""A class on a real JupyterHub: a teacher and three students with accounts of their own log in through the web page.

The hub runs in a machine of its own inside this one (tests/classroom/hub_machine.sh), set up by the script that a department runs.
Chromium runs outside, as everybody's does. One student does everything by clicks; the other two log in through the
page, and their browser then asks nbgrader's pages for what a click asks for.
"""

import contextlib
import csv
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from shlex import quote

import pytest
import yaml

from classroom import student_copy
from tests.browser.learner import CHECKOUT, CHROMIUM, Learner, browser_page
from tests.classroom.submissions import answers_of

SLUG = "inception_module"
# Which ports other people's servers listen at, and what there is to read; and what who asks there gets.
LISTENING = """
import psutil
for process in psutil.process_iter(["username"]):
    if (name := process.info["username"]) in ("prof", "amara", "chloe"):
        for one in process.net_connections("tcp"):
            if one.status == "LISTEN":
                print(f"{one.laddr.port}/user/{name}/api/contents")
"""
KNOCK = """
import json, sys, urllib.error, urllib.request
answers = []
for door in sys.argv[1:]:
    try:
        answers.append([door, urllib.request.urlopen(f"http://127.0.0.1:{door}", timeout=5).status])
    except urllib.error.HTTPError as error:
        answers.append([door, error.code])
    except OSError:
        answers.append([door, "no answer"])
print(json.dumps(answers))
"""
CLASS = f"/home/prof/inception/{{}}/{SLUG}"
SOURCE = CLASS.format("source") + f"/{SLUG}.ipynb"
INBOUND = "/srv/nbgrader/exchange/inception/inbound"


def missing() -> str:
    """What a hub on this machine lacks; empty where it can be tried."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs Linux and root: it makes accounts, and lets servers run as them"
    for name in ("setpriv", "unshare", "nsenter", "prlimit", "runuser", "useradd", "chpasswd"):
        if shutil.which(name) is None:
            return f"needs {name}"
    if CHROMIUM is None:
        return "needs chromium"
    if shutil.which("configurable-http-proxy") is None:
        return "needs configurable-http-proxy: npm install -g configurable-http-proxy"
    try:
        import jupyterhub  # noqa: F401
    except ImportError:
        return "needs jupyterhub: pip install -e '.[hub]'"
    if Path(sys.prefix) != CHECKOUT / ".venv":
        return "needs the course's environment in .venv"
    overlay = "d=$(mktemp -d) && mount -t tmpfs t $d && cd $d && mkdir a b c && mount -t overlay o -o lowerdir=/etc,upperdir=a,workdir=b c"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", overlay], capture_output=True).returncode:
        return "needs to mount an overlay, which this container does not allow"
    return ""


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on."""
    for first in range(18100, 18900, 10):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no free ports")


class Hub:
    """A hub that runs, and its machine."""

    def __init__(self, process, address: str, passwords: dict[str, str], log: Path):
        self.process, self.address, self.passwords, self.log = process, address, passwords, log
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        self.inside = children[0]
        self.port = int(address.rsplit(":", 1)[1])

    def run(self, user: str, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run a program on the hub's machine as this account, as at a terminal of its own."""
        enter = ["nsenter", "--target", self.inside, "--mount", "--pid", "--wd=/", "runuser", "--user", user, "--"]
        own = [f"HOME=/home/{user}", f"PATH={CHECKOUT}/.venv/bin:/usr/bin:/bin"]
        done = subprocess.run([*enter, "env", "-i", *own, *words], capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    def wait_for(self, path: str, seconds: float = 60) -> None:
        """Until there is such a file on the hub's machine; a pattern of the shell will do."""
        deadline = time.monotonic() + seconds
        while self.run("root", "sh", "-c", f"ls -d {path}", check=False).returncode:
            assert time.monotonic() < deadline, f"no {path}: {self.log.read_text()[-3000:]}"
            time.sleep(0.3)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    if reason := missing():
        pytest.skip(reason)
    port = free_ports(3)
    log = tmp_path_factory.mktemp("hub") / "log.txt"
    passwords = {name: secrets.token_hex(8) for name in ("prof", "amara", "bruno", "chloe", "outsider")}
    # It ends with the tests, also where those are killed.
    words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "COURSE_"))}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*words, str(CHECKOUT / "tests" / "classroom" / "hub_machine.sh"), str(CHECKOUT), sys.base_prefix, str(port)],
            stdin=subprocess.PIPE, stdout=out, stderr=out, text=True, env=variables, start_new_session=True,
        )  # fmt: skip
    try:
        process.stdin.write("".join(f"{name}:{word}\n" for name, word in passwords.items()))
        process.stdin.close()
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 90
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/hub/login", timeout=5):
                break
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        yield Hub(process, address, passwords, log)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # --kill-child takes everything in it along
        process.wait()


def log_in(page, hub: Hub, name: str) -> None:
    page.goto(f"{hub.address}/hub/login")
    page.fill("#username_input", name)
    page.fill("#password_input", hub.passwords[name])
    page.click("#login_submit")
    page.wait_for_url(f"**/user/{name}/lab**", timeout=120_000)
    page.locator(".jp-LauncherCard").first.wait_for()


def terminal(page, *lines: str) -> None:
    """Type commands in a terminal of JupyterLab."""
    page.locator(".jp-LauncherCard[data-category=Other]").get_by_text("Terminal").first.click()
    page.locator(".jp-Terminal .xterm-screen").wait_for()
    page.wait_for_timeout(1500)
    at_terminal(page, *lines)


def at_terminal(page, *lines: str) -> None:
    """Type in the terminal that is open already."""
    page.locator(".jp-Terminal .xterm-screen").click()
    for line in lines:
        page.keyboard.type(line + "\n")


def ask(page, hub: Hub, path: str, method: str = "GET", body=None) -> tuple[int, object]:
    """What this browser gets from the hub with the cookies that it has: the status and the answer."""
    return tuple(
        page.evaluate(
            """async ([address, method, body]) => {
                const token = document.cookie.match(/_xsrf=([^;]*)/)?.[1] ?? '';
                const form = body !== null && !address.includes('/api/');
                const answer = await fetch(address, {method, headers: {'X-XSRFToken': token,
                    ...(body === null ? {} : {'Content-Type': form ? 'application/x-www-form-urlencoded' : 'application/json'})},
                    ...(body === null ? {} : {body: form ? new URLSearchParams(body) : JSON.stringify(body)})});
                const text = await answer.text();
                try { return [answer.status, JSON.parse(text)]; } catch { return [answer.status, text]; }
            }""",
            [hub.address + path, method, body],
        )
    )


def points(hub: Hub) -> dict[str, float]:
    """What the teacher's table of marks says, by student."""
    own = ["--folder", "/home/prof/inception", "--to", "/home/prof/marks.csv"]
    hub.run("prof", "python", "-m", "lessons", "classroom", "export", *own)
    rows = csv.DictReader(hub.run("prof", "cat", "/home/prof/marks.csv").stdout.splitlines())
    return {row["student_id"]: float(row["score"]) for row in rows}


def refused(done: subprocess.CompletedProcess) -> bool:
    return done.returncode != 0 and ("denied" in done.stderr or "not permitted" in done.stderr)


@pytest.mark.slow
@pytest.mark.browser
def test_a_class_from_release_to_feedback(hub):
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(browser_page(width=1500))
        browser = first.context.browser
        pages = {"prof": first}
        for name in ("amara", "bruno", "chloe", "outsider"):
            pages[name] = browser.new_context(viewport={"width": 1500, "height": 900}).new_page()
            pages[name].set_default_timeout(90_000)

        # The teacher makes the class and hands out its first assignment.
        prof = pages["prof"]
        log_in(prof, hub, "prof")
        say = "python -m lessons classroom {} --folder ~/inception"
        terminal(
            prof,
            f"python -m lessons classroom init ~/inception --lesson {SLUG}",
            say.format(f"release {SLUG} --exchange"),
        )
        hub.wait_for(f"/srv/nbgrader/exchange/inception/outbound/{SLUG}/{SLUG}.ipynb")

        # Who is in no group of the course does not come in; nor does a wrong password.
        for name, word in (("outsider", hub.passwords["outsider"]), ("amara", "wrong")):
            pages[name].goto(f"{hub.address}/hub/login")
            pages[name].fill("#username_input", name)
            pages[name].fill("#password_input", word)
            pages[name].click("#login_submit")
            pages[name].get_by_text("Invalid username or password").wait_for()

        # Amara does everything by clicks.
        page = pages["amara"]
        log_in(page, hub, "amara")
        page.locator(".lm-MenuBar-itemLabel").get_by_text("Nbgrader", exact=True).click()
        assert page.locator(".lm-Menu-itemLabel").get_by_text("Formgrader", exact=True).count() == 0
        page.locator(".lm-Menu-itemLabel").get_by_text("Assignment List", exact=True).click()
        page.get_by_role("button", name="Fetch", exact=True).click()
        page.get_by_role("button", name="Submit", exact=True).wait_for()
        learner = Learner(page)
        learner.in_file_browser(SLUG).dblclick()
        learner.open(f"{SLUG}.ipynb")
        answers = answers_of(SLUG)
        page.evaluate(
            """async answers => {
                const panel = window.jupyterapp.shell.currentWidget;
                for (const cell of panel.content.model.cells) {
                    const name = cell.getMetadata('nbgrader')?.grade_id;
                    if (name in answers) cell.sharedModel.setSource(answers[name]);
                }
                await panel.context.save();
            }""",
            answers,
        )
        page.locator(".lm-TabBar-tabLabel").get_by_text("Assignments", exact=True).first.click()
        page.get_by_role("button", name="Submit", exact=True).click()
        hub.wait_for(f"{INBOUND}/amara+{SLUG}+*")

        # Bruno does one exercise and Chloe none.
        for name, work in (("bruno", {"largest_reduction": answers["largest_reduction"]}), ("chloe", {})):
            page = pages[name]
            log_in(page, hub, name)
            status, said = ask(
                page, hub, f"/user/{name}/assignments/fetch", "POST", {"course_id": "inception", "assignment_id": SLUG}
            )
            assert status == 200 and said["success"], said
            status, model = ask(page, hub, f"/user/{name}/api/contents/{SLUG}/{SLUG}.ipynb")
            assert status == 200
            for cell in model["content"]["cells"]:
                cell["source"] = work.get(cell["metadata"].get("nbgrader", {}).get("grade_id"), cell["source"])
            status, _ = ask(page, hub, f"/user/{name}/api/contents/{SLUG}/{SLUG}.ipynb", "PUT",
                            {"type": "notebook", "format": "json", "content": model["content"]})  # fmt: skip
            assert status == 200
            status, said = ask(
                page, hub, f"/user/{name}/assignments/submit", "POST", {"course_id": "inception", "assignment_id": SLUG}
            )
            assert status == 200 and said["success"], said

        # What no student can see: another's work, the solutions, another's server, the hub's own files and rights.
        left = hub.run("root", "sh", "-c", f"ls -d {INBOUND}/amara+*").stdout.strip()
        assert left
        for path in (
            INBOUND,
            "/home/amara",
            f"/home/amara/{SLUG}/{SLUG}.ipynb",
            "/home/amara/.local/share/jupyter/nbgrader_cache",
            "/run/inception-hub/amara",
            "/home/prof/inception",
            SOURCE,
            "/home/prof/inception/gradebook.db",
            f"{CHECKOUT}/lessons/{SLUG}/assignment.md",
            f"{CHECKOUT}/tests/lessons/assignment_answers",
            f"{CHECKOUT}/.git",
            "/var/lib/inception-hub/jupyterhub.sqlite",
            "/etc/inception-hub/jupyterhub_config.py",
        ):
            hub.run("root", "ls", path)
            reading = hub.run(
                "bruno",
                "sh",
                "-c",
                f"if [ -d {quote(path)} ]; then ls {quote(path)}; else cat {quote(path)}; fi",
                check=False,
            )
            assert refused(reading), f"bruno reads {path}: {reading.stdout[:200]}{reading.stderr}"
        # Nor can anybody put the course aside, or a submission whose name they got to know.
        exchange = "/srv/nbgrader/exchange"
        assert refused(hub.run("bruno", "mv", f"{exchange}/inception", f"{exchange}/mine", check=False))
        assert refused(hub.run("bruno", "mv", left, f"{INBOUND}/gone", check=False))
        page = pages["bruno"]
        for path, method in (
            (f"/user/amara/api/contents/{SLUG}/{SLUG}.ipynb", "GET"),
            ("/user/prof/api/contents/inception/source", "GET"),
            ("/user/prof/formgrader/api/assignments", "GET"),
            ("/hub/api/users", "GET"),
            ("/hub/api/users/amara/server", "DELETE"),
            ("/hub/api/users/amara/tokens", "POST"),
            ("/user/bruno/formgrader/api/assignments", "GET"),
        ):
            status, _ = ask(page, hub, path, method)
            assert status in (401, 403, 404), f"{method} {path}: {status}"
        # From a terminal, past the proxy: the ports at which others' servers listen, and the proxy's own.
        doors = hub.run("root", "python", "-c", LISTENING).stdout.split()
        assert len(doors) >= 3, "the servers of prof, amara and chloe"
        answers_there = json.loads(hub.run("bruno", "python", "-c", KNOCK, *doors, f"{hub.port + 2}/api/routes").stdout)
        # A kernel's port takes in what its forked processes print, each line with a secret, and answers nobody.
        assert {status for _, status in answers_there} <= {401, 403, "no answer"}, answers_there
        assert sum(status in (401, 403) for _, status in answers_there) >= 4
        # What a kernel runs and prints goes through sockets in a folder that is closed to others.
        assert (
            json.loads(hub.run("root", "sh", "-c", "cat /run/inception-hub/amara/kernel-*.json").stdout)["transport"]
            == "ipc"
        )
        # A student's server has its limits.
        limits = hub.run("root", "sh", "-c", "cat /proc/$(pgrep -u chloe -f singleuser | head -1)/limits").stdout
        assert "Max data size             4294967296" in limits

        # The teacher collects, marks and gives feedback, and sees the points in the formgrader.
        at_terminal(prof, say.format(f"collect {SLUG}") + " > ~/collect.txt 2>&1; touch ~/collected")
        hub.wait_for("/home/prof/collected")
        assert "3 handed in" in (said := hub.run("prof", "cat", "/home/prof/collect.txt").stdout), said
        at_terminal(
            prof,
            say.format(f"autograde {SLUG}") + " > ~/autograde.txt 2>&1",
            say.format(f"feedback {SLUG} --exchange") + " > ~/feedback.txt 2>&1; touch ~/given",
        )
        hub.wait_for("/home/prof/given", 150)
        said = hub.run("prof", "cat", "/home/prof/autograde.txt", "/home/prof/feedback.txt").stdout
        assert "/feedback. Students: 3." in said, said
        assert points(hub) == {"amara": 10, "bruno": 2, "chloe": 0}
        prof.locator(".lm-MenuBar-itemLabel").get_by_text("Nbgrader", exact=True).click()
        prof.locator(".lm-Menu-itemLabel").get_by_text("Formgrader", exact=True).click()
        table = prof.frame_locator("iframe").first
        table.get_by_role("link", name="3", exact=True).wait_for()
        prof.goto(f"{hub.address}/user/prof/formgrader/manage_submissions/{SLUG}")
        prof.get_by_text("amara").first.wait_for()
        assert re.search(r"\b10(\.0)?\s*/\s*12", text := prof.inner_text("body")), text
        assert hub.run("root", "ls", "/home/prof/gradebook.db", check=False).returncode

        # The students see it: Amara by clicks, and her browser shows the page.
        page = pages["amara"]
        page.get_by_role("button", name="Fetch Feedback").click()
        page.get_by_text("view feedback").first.click()
        learner.in_file_browser(f"{SLUG}.html").wait_for()
        seen = {}
        for name in ("amara", "bruno", "chloe"):
            status, said = ask(pages[name], hub, f"/user/{name}/assignments/fetch_feedback", "POST",
                               {"course_id": "inception", "assignment_id": SLUG})  # fmt: skip
            assert status == 200 and said["success"], said
            seen[name] = hub.run(name, "sh", "-c", f"cat /home/{name}/{SLUG}/feedback/*/{SLUG}.html").stdout
        for name, score in (("amara", 10), ("bruno", 2), ("chloe", 0)):
            assert re.search(rf"Score: {score}(\.0)? / 12", seen[name]), name
            assert "HIDDEN" not in seen[name]
        assert refused(hub.run("bruno", "ls", "/srv/nbgrader/exchange/inception/feedback", check=False))

        # Chloe leaves a link to the solutions in her own name, a pipe beside it, and the same in Bruno's name.
        late = "2099-01-01 00:00:00 UTC"
        forge = f"""
        for name in chloe bruno; do
            mkdir "{INBOUND}/$name+{SLUG}+{late}+x" && cd "{INBOUND}/$name+{SLUG}+{late}+x"
            ln -s {SOURCE} {SLUG}.ipynb && mkfifo pipe && echo "{late}" > timestamp.txt && mkdir closed && chmod 0 closed
        done"""
        hub.run("chloe", "sh", "-c", forge)
        command = ["python", "-m", "lessons", "classroom", "collect", SLUG, "--folder", "/home/prof/inception"]
        said = hub.run("prof", *command).stdout
        assert f"bruno: chloe left a submission in this name ({late}): not taken" in said
        assert hub.run("prof", "ls", CLASS.format("submitted/chloe")).stdout.split() == ["timestamp.txt"]
        assert f"{SLUG}.ipynb" in hub.run("prof", "ls", CLASS.format("submitted/bruno")).stdout


# Which of Zero to JupyterHub's settings there are (its values.yaml, chart 3 and 4), of those that we could use.
CHART = {
    "hub": {"config": None},
    "proxy": {"https": {"enabled": bool, "hosts": list, "letsencrypt": {"contactEmail": str}}},
    "singleuser": {
        "image": {"name": str, "tag": str},
        "cmd": list,
        "defaultUrl": str,
        "memory": {"guarantee": str, "limit": str},
        "cpu": {"guarantee": float, "limit": int},
        "storage": {"capacity": str},
        "networkPolicy": {"enabled": bool},
        "cloudMetadata": {"blockWithIptables": bool},
        "startTimeout": int,
    },
    "cull": {"enabled": bool, "timeout": int},
    "prePuller": {"continuous": {"enabled": bool}},
}


def fits(values: dict, known: dict) -> None:
    for name, value in values.items():
        kind = known[name]
        if isinstance(kind, dict):
            fits(value, kind)
        else:
            assert kind is None or isinstance(value, kind), name


def test_the_values_for_kubernetes_are_ones_that_the_chart_knows():
    values = yaml.safe_load((CHECKOUT / "deploy/kubernetes/values.yaml").read_text())
    fits(values, CHART)
    assert values["singleuser"]["memory"]["guarantee"] != values["singleuser"]["memory"]["limit"]


def test_the_image_is_made_from_what_there_is():
    text = (CHECKOUT / "deploy/kubernetes/Dockerfile").read_text()
    assert "python bootstrap.py" in text and (CHECKOUT / "bootstrap.py").exists()
    stages = [part.splitlines() for part in re.split(r"(?m)^FROM ", text)[1:]]
    assert len(stages) == 2 and "RUN cd /whole && python -m classroom.student_copy /opt/inception-course" in stages[0]
    assert [line for line in stages[1] if line.startswith("COPY")] == ["COPY --from=course /opt/inception-course ."]
    settings = re.search(r"JUPYTER_CONFIG_PATH=/opt/inception-course/(\S+)", text)[1]
    assert (CHECKOUT / settings / "jupyter_server_config.json").exists()


def test_the_server_closes_what_a_students_copy_leaves_out():
    text = (CHECKOUT / "deploy/hub/setup.sh").read_text()
    closed = re.search(r"for secret in (.*); do", text)[1]
    assert {
        word.strip('"').removeprefix('$course"').strip('"/').removeprefix("$course/") for word in closed.split()
    } == set(student_copy.SECRET)


def test_the_settings_of_servers_can_be_read():
    for path in (CHECKOUT / "deploy/hub").rglob("*.json"):
        assert json.loads(path.read_text()), path
    for path in (CHECKOUT / "deploy/hub").rglob("*.py"):
        compile(path.read_text(), str(path), "exec")
