"""JupyterHub for one class on one machine: accounts of the system log in, each works as itself. See docs/hub.md.

`deploy/hub/setup.sh` writes /etc/inception-hub/jupyterhub_config.py, which loads this file. Your own settings go there, below
that line, so that an update of the course does not touch them.
"""

import grp
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

c = get_config()  # noqa: F821

COURSE = Path(__file__).resolve().parents[2]
STATE, RUNTIME = Path("/var/lib/inception-hub"), Path("/run/inception-hub")
STUDENTS, TEACHERS = "inception-students", "inception-teachers"
SETTINGS = COURSE / "deploy" / "hub"

# The page. Passwords go over it: before it leaves this machine put a web server with a certificate in front of it, or name
# a certificate in c.JupyterHub.ssl_key and ssl_cert (docs/hub.md).
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")

# Who may come in: accounts of this machine in one of the two groups, with their own passwords.
c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {STUDENTS, TEACHERS}
# A log-in on the web opens no session of the system (which would want a terminal).
c.PAMAuthenticator.open_sessions = False

# Each server runs as its user. prlimit's limits hold for each process, --nproc for all processes and threads of the user:
# what takes more memory gets a MemoryError, and nobody else notices. `--fsize` also keeps out files of many gigabytes.
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
MEMORY, PROCESSES, FILE = 4 * 2**30, 1000, 8 * 2**30
c.Spawner.cmd = [
    shutil.which("prlimit") or "/usr/bin/prlimit",
    f"--data={MEMORY}",
    f"--nproc={PROCESSES}",
    f"--fsize={FILE}",
    "--core=0",
    sys.executable,
    "-m",
    "jupyterhub.singleuser",
]
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
# At the start of a lecture everybody comes at once: servers start ten at a time.
c.JupyterHub.concurrent_spawn_limit = 10

THREADS = 2  # of torch in one kernel; a machine that everybody shares is no place to take all processors


def is_teacher(name: str) -> bool:
    """Whether an account is in the teachers' group."""
    account = pwd.getpwnam(name)
    return any(grp.getgrgid(number).gr_name == TEACHERS for number in os.getgrouplist(name, account.pw_gid))


def prepare(spawner) -> None:
    """Before a user's server starts: nobody else looks into their home, and the course's notebooks are in it."""
    account = pwd.getpwnam(spawner.user.name)
    home = Path(account.pw_dir)
    home.chmod(home.stat().st_mode & 0o700)
    # Where the user's kernels listen. Paths of sockets may have 107 characters, which a home folder can use up.
    place = RUNTIME / account.pw_name
    place.mkdir(mode=0o700, exist_ok=True)
    os.chown(place, account.pw_uid, account.pw_gid)
    settings = [SETTINGS / ("teacher" if is_teacher(account.pw_name) else "student"), SETTINGS / "everyone"]
    spawner.environment = {
        **spawner.environment,
        "JUPYTER_CONFIG_PATH": os.pathsep.join(map(str, settings)),
        "JUPYTER_RUNTIME_DIR": str(place),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "COURSE_WORK": str(home / "inception-course"),
        "OMP_NUM_THREADS": str(THREADS),
        "GOMP_SPINCOUNT": "3000",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin:/usr/bin:/bin"]),
    }
    brought = subprocess.run(
        [sys.executable, "-m", "lessons", "workspace"],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
        env={"HOME": str(home), "COURSE_WORK": str(home / "inception-course"), "PATH": "/usr/bin:/bin"},
        cwd=COURSE,
        capture_output=True,
        text=True,
    )
    if brought.returncode:  # a full disk, say: the server can help to make room
        spawner.log.warning("%s has no up-to-date notebooks: %s", account.pw_name, brought.stdout + brought.stderr)


c.Spawner.pre_spawn_hook = prepare
c.Spawner.environment = {
    # Read by everyone/nbgrader_config.py and by `python -m lessons classroom init`.
    "COURSE_EXCHANGE": os.environ.get("COURSE_EXCHANGE", "/srv/nbgrader/exchange"),
    "COURSE_ID": os.environ.get("COURSE_ID", "inception"),
}
STATE.mkdir(mode=0o700, exist_ok=True)
RUNTIME.mkdir(mode=0o755, exist_ok=True)
