"""The example of docs/how-to/extend-with-plug-ins.md, built and installed as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.support import write_template

PAGE = Path(__file__).parents[2] / "docs/how-to/extend-with-plug-ins.md"


def test_an_installed_package_brings_actions_and_filters(tmp_path: Path) -> None:
    code, project = re.findall(r"```(?:python|toml)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(code.splitlines()) <= 30
    package, site = tmp_path / "package", tmp_path / "site"
    package.mkdir()
    (package / "acme_kickstart.py").write_text(code)
    (package / "pyproject.toml").write_text(project)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", site, package], check=True, timeout=120)
    steps = [
        {"id": "v", "action": "acme:version", "input": {"version": "${{ 'one' | shout }}"}},
        {"action": "fs:rename", "input": {"files": [{"from": "${{ steps.v.output.filePath }}", "to": "V"}]}},
    ]
    page = {"properties": {"name": {"type": "string"}}}
    for dialect in ("backstage", "kickstart"):
        annotations = {"kickstart/dialect": dialect}
        metadata = {"name": "t", "annotations": annotations}
        template = write_template(tmp_path / dialect, steps, page, metadata=metadata)

        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "kickstart",
                "render",
                "demo",
                "-t",
                template,
                "-d",
                tmp_path / f"out-{dialect}",
            ],
            env={**os.environ, "PYTHONPATH": str(site), "KICKSTART_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            timeout=60,
        )

        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"out-{dialect}/demo/V").read_text() == "ONE!\n"
