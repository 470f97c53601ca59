# ruff: noqa: INP001 - settings, not a package
"""How the documentation is built: `pyrun docs`."""

from runner import __version__

project = "pyrun"
author = "the pyrun developers"
version = release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

html_theme = "alabaster"
html_theme_options = {
    "description": "One file to install, build, run and ship every service",
    "page_width": "60em",
}
