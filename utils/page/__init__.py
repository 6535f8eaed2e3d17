"""How everything looks that is no matplotlib picture: HTML, SVG and their style sheet. Nothing here knows what is shown."""
