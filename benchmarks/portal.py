"""A template of a portal, rendered by kickstart and by Backstage's own code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from kickstart import document
from tests.dialect import portal

FILES = 50
_TEXT = """\
# ${{ values.name | title }}
{% for tag in values.tags %}- ${{ tag | upper }}{% if not loop.last %},{% endif %}
{% endfor %}{% if values.port > 1024 and 'web' in values.tags %}port: ${{ values.port }}{% endif %}
"""
_PLAIN = "A line as most files have them, with {{ braces }} and $(signs), but nothing to render.\n" * 40


def write(folder: Path) -> Path:
    """Write the template; each file has some tags and much text."""
    properties = {
        "name": {"type": "string"},
        "port": {"type": "integer", "default": 8080},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["web", "api"]},
    }
    values = {name: f"${{{{ parameters.{name} }}}}" for name in properties}
    steps = [{"id": "fetch", "action": "fetch:template", "input": {"url": "./skeleton", "values": values}}]
    template = {
        "apiVersion": "scaffolder.backstage.io/v1beta3",
        "kind": "Template",
        "metadata": {"name": "fifty"},
        "spec": {"type": "service", "parameters": [{"properties": properties}], "steps": steps},
    }
    for number in range(FILES):
        file = folder / f"skeleton/part-{number % 5}/${{{{ values.name }}}}-{number}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_TEXT + _PLAIN + f"file {number} of ${{{{ values.name }}}}\n")
    (folder / "template.yaml").write_text(document.dump(template))
    return folder


def command(template: Path, out: Path, modules: Path) -> list[str]:
    """Return what renders the template with Backstage's own runner and actions."""
    job = template / "job.json"
    job.write_text(
        json.dumps(
            {
                "template": str(template / "template.yaml"),
                "entity": document.load((template / "template.yaml").read_text()),
                "parameters": {"name": "bench", "port": 8080, "tags": ["web", "api"]},
                "out": str(out),
            }
        )
    )
    script = portal.SCRIPTS / "workflow.js"
    return [shutil.which("sh") or "/bin/sh", "-c", f"exec node '{script}' '{modules}' < '{job}'"]
