"""Every user's own server."""

c = get_config()  # noqa: F821

# Kernels talk through sockets in a folder that only their user can enter. Through ports, as they do otherwise, every user
# of the machine could listen in on what another's kernel prints.
c.KernelManager.transport = "ipc"

# What a kernel says reaches the page at once: a lab's picture follows the hand.
c.ServerApp.kernel_websocket_connection_class = "utils.setup.jupyter.at_once.AtOnce"

# What nobody uses goes: a kernel after an hour (its variables are lost, the notebook is not), the server after two.
c.MappingKernelManager.cull_idle_timeout = 3600
c.MappingKernelManager.cull_interval = 300
c.ServerApp.shutdown_no_activity_timeout = 7200
# Files that are deleted are gone, and take no room in a hidden folder.
c.FileContentsManager.delete_to_trash = False

# A terminal finds the course's Python: a log-in shell, which it would be otherwise, forgets where.
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
