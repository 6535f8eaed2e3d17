#!/usr/bin/env bash
# Makes this machine a JupyterHub for one class: sudo deploy/hub/setup.sh TEACHER. See docs/hub.md.
#
# It needs the course's environment in .venv (make setup) and in it the hub (.venv/bin/python -m pip install
# --no-build-isolation -e '.[hub]'). It installs nothing and can be run again: after an update of the course it must be.
set -euo pipefail

[ $# -eq 1 ] || { echo "Name the teacher's account: sudo $0 TEACHER" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "Run it as root: sudo $0 $1" >&2; exit 1; }
teacher=$1
course=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=$course/.venv/bin/python
exchange=${COURSE_EXCHANGE:-/srv/nbgrader/exchange}
course_id=${COURSE_ID:-inception}
own=/etc/inception-hub/jupyterhub_config.py

id "$teacher" >/dev/null || { echo "There is no account $teacher: useradd --create-home $teacher" >&2; exit 1; }
command -v configurable-http-proxy >/dev/null || { echo "configurable-http-proxy is missing: npm install -g configurable-http-proxy" >&2; exit 1; }
"$python" -c "import jupyterhub" || { echo "JupyterHub is missing: $python -m pip install -e '.[hub]'" >&2; exit 1; }
# What students run must be readable for them, up to the root of the disk.
runuser -u nobody -- "$python" -c "import lessons" || { echo "Not everybody can run $python. Put the course and its Python where everybody may read, as in /opt." >&2; exit 1; }

groupadd --force inception-students
groupadd --force inception-teachers
usermod --append --groups inception-teachers "$teacher"

# The course is for everybody to read, its assignments' solutions and what gives them away for teachers alone.
find "$course" ! -type l \( ! -user root -o -perm /022 \) -exec chown root: {} + -exec chmod go-w {} +
for secret in "$course"/lessons/*/assignment.md "$course/tests" "$course/.git"; do
    [ -e "$secret" ] || continue
    chgrp -R inception-teachers "$secret"
    chmod -R o-rwx "$secret"
done

# nbgrader's exchange: everybody may enter, nobody may put another's course aside (the 1 of 1777). The course in it is the
# teacher's. In `inbound` students can leave a submission, but see none, and remove none but their own (the 1 of 1733).
install -d -m 1777 "$exchange"
install -d -m 755 -o "$teacher" -g inception-teachers "$exchange/$course_id" "$exchange/$course_id/outbound"
install -d -m 1733 -o "$teacher" -g inception-teachers "$exchange/$course_id/inbound"
install -d -m 711 -o "$teacher" -g inception-teachers "$exchange/$course_id/feedback"

install -d -m 700 /etc/inception-hub /var/lib/inception-hub
if [ ! -e "$own" ]; then
    cat >"$own" <<END
load_subconfig("$course/deploy/hub/jupyterhub_config.py")

# Your own settings, for example:
# c.JupyterHub.bind_url = "https://:443"
# c.JupyterHub.ssl_key, c.JupyterHub.ssl_cert = "/etc/ssl/private/hub.key", "/etc/ssl/certs/hub.pem"
END
fi
chmod 600 "$own"
echo "Ready. Start it: $course/.venv/bin/jupyterhub --config $own"
