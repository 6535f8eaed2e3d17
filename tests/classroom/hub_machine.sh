#!/usr/bin/env bash
# A machine of its own for a JupyterHub, for tests: run as `unshare --mount --pid --fork --kill-child --mount-proc
# hub_machine.sh COURSE PYTHON PORT`. What is written below, accounts and permissions among it, is in memory and is gone
# with this process; the network is the real machine's.
set -euo pipefail
course=$1 python=$2 port=$3

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/{course,changes,work,python,etc}
mount -t overlay overlay -o "lowerdir=$course,upperdir=/mnt/changes,workdir=/mnt/work,metacopy=on" /mnt/course
mount --bind "$python" /mnt/python
cp -a /etc/. /mnt/etc
mount --bind /mnt/etc /etc
for place in /home /srv /run /var/lib; do mount -t tmpfs -o mode=755 tmpfs "$place"; done
mount -t tmpfs -o mode=1777 tmpfs /tmp

# The course and its Python where everybody may read them: a folder on the way that is closed is covered by an open one.
cd /
for place in "$course" "$python"; do
    way=
    IFS=/ read -ra names <<<"${place#/}"
    for name in "${names[@]::${#names[@]}-1}"; do
        way=$way/$name
        if [ ! -d "$way" ] || [[ $(stat -c %A "$way") != *x ]]; then
            [ ! -d "$way" ] || mount -t tmpfs -o mode=755 tmpfs "$way"
            break
        fi
    done
    mkdir -p "$place"
done
mount --bind /mnt/course "$course"
mount --bind /mnt/python "$python"

useradd --create-home prof
for name in amara bruno chloe outsider; do useradd --create-home "$name"; done
cd "$course"
deploy/hub/setup.sh prof
for name in amara bruno chloe; do usermod --append --groups inception-students "$name"; done
chpasswd  # from what the test writes: NAME:PASSWORD, a line for each

cat >>/etc/inception-hub/jupyterhub_config.py <<END
c.JupyterHub.bind_url = "http://127.0.0.1:$port"
c.JupyterHub.hub_port = $((port + 1))
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:$((port + 2))"
c.Spawner.args = ["--LabApp.expose_app_in_browser=True"]  # the open notebook's model, for tests.browser.learner
END
exec .venv/bin/jupyterhub --config /etc/inception-hub/jupyterhub_config.py
