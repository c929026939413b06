"""Jinja templates of reports and cards, packaged beside the modules that use them.

>>> fill_template("korlm.reporting", "report.html.jinja", title="<x>", blocks=[]).splitlines()[6]
'<title>&lt;x&gt;</title>'
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def template_environment(package: str) -> Environment:
    """Return the environment of a package's ``templates`` folder; templates of HTML are autoescaped."""
    return Environment(
        loader=PackageLoader(package), autoescape=lambda name: name is not None and ".html" in name,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip


def fill_template(package: str, name: str, **values: Any) -> str:
    """Return a template of a package, such as ``report.html.jinja``, filled with values."""
    return template_environment(package).get_template(name).render(values)
