"""Showing things: pictures, colours, and what stays in a notebook where there is no kernel."""
