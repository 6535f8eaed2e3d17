"""The course's environment: making it, looking at it, JupyterLab's settings."""
