"""A teacher's own server."""

c = get_config()  # noqa: F821

# JupyterLab shows the formgrader in a frame, which JupyterHub forbids unless it is said. Pages of this address may.
c.ServerApp.tornado_settings = {"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}}
