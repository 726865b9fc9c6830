"""Sphinx builds the site from this: `make site`. Pages below `generated/` are made anew from the code each time."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "exude"
author = "The exude developers"
copyright = author
extensions = [
    "sphinx.ext.autodoc",
    "myst_nb",
    "sphinx_copybutton",
    "generate.access",
    "generate.docstrings",
    "generate.mathml",
    "generate.pages",
]
exclude_patterns = ["generate", "README.md", "**/.ipynb_checkpoints"]

# Markdown: the same files are read on a forge, so little beyond plain Markdown is switched on.
myst_enable_extensions = ["attrs_inline", "attrs_block", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the tests run the notebooks; `make site` runs them to show what they print
nb_execution_timeout = 300
nb_execution_raise_on_error = True
smartquotes = False  # "--knock-down" is an option, not a dash

# Python reference.
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
python_use_unqualified_type_names = True
default_role = "code"
nitpick_ignore_regex = [
    ("py:.*", r"(?!exude\.).*"),  # types of other packages, and of rooms within: no page of theirs is built
    ("py:.*", r"exude\.\w+\..*"),
]

# Nothing is loaded from outside: equations are MathML, fonts are the reader's own.
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "exude"
html_static_path = ["_static"]
html_css_files = ["exude.css"]
html_copy_source = False
html_show_sourcelink = False
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
BLUE, LIGHT_BLUE = "#0b5394", "#8ec7ff"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": BLUE, "color-brand-content": BLUE, "color-brand-visited": BLUE},
    "dark_css_variables": {
        "color-brand-primary": LIGHT_BLUE,
        "color-brand-content": LIGHT_BLUE,
        "color-brand-visited": LIGHT_BLUE,
    },
}
