"""The same content as a template of ours, of cookiecutter and of copier."""

from __future__ import annotations

import json
from pathlib import Path

_LINES = [
    "# {0}, part {1}",
    "project = '{0}'",
    "package = '{2}'",
    "{3} values.frontend {4}",
    "frontend of {0} for {5}",
    "{6}",
    "replicas = {7}",
    *(
        f"line {index}: plain text that every renderer only copies, as most lines of a file are"
        for index in range(20)
    ),
    "owner = '{5}'",
]

_OURS = ("${{ values.name }}", "${{ values.package }}", "{% if", "%}", "${{ values.owner }}", "{% endif %}")
_THEIRS = (
    *("{{ cookiecutter.name }}", "{{ cookiecutter.package }}", "{% if", "%}"),
    *("{{ cookiecutter.owner }}", "{% endif %}"),
)
_COPIERS = ("{{ name }}", "{{ package }}", "{% if", "%}", "{{ owner }}", "{% endif %}")
_CONTEXT = {"name": "bench", "package": "bench", "owner": "acme", "frontend": True, "replicas": 3}

TEMPLATE = """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: bench, title: Bench, annotations: {kickstart/dialect: kickstart}}
spec:
  type: service
  parameters:
    - title: Project
      required: [name, owner]
      properties:
        name: {title: Name, type: string, pattern: '^[a-z][-a-z0-9]*$', maxLength: 40}
        owner: {title: Owner, type: string}
        frontend: {title: Frontend, type: boolean, default: true}
        replicas: {title: Replicas, type: integer, default: 3, minimum: 1}
        environments: {title: Environments, type: array, items: {type: string}, default: [dev, prod]}
        exposure: {title: Exposure, type: string, enum: [gateway, istio, none], default: gateway}
  steps:
"""

STEPS = """\
    - id: render{0}
      action: fetch:template
      input:
        url: ./skeletons/{0}
        targetPath: ./{0}
        values:
          name: ${{{{ parameters.name }}}}
          package: ${{{{ parameters.name | replace("-", "_") }}}}
          owner: ${{{{ parameters.owner }}}}
          frontend: ${{{{ parameters.frontend }}}}
          replicas: ${{{{ parameters.replicas }}}}
    - id: publish{0}
      action: publish:github
      input:
        repoUrl: github.com?owner=${{{{ parameters.owner }}}}&repo=${{{{ parameters.name }}}}-{0}
        sourcePath: ./{0}
"""


def write_ours(folder: Path, files: int, repositories: tuple[str, ...], settings: str = "") -> None:
    """Write a template with `files` files, spread evenly over `repositories`.

    settings: lines of YAML, more inputs of what publishes.
    """
    folder.mkdir(parents=True)
    steps = "".join(STEPS.format(name) + settings for name in repositories)
    (folder / "template.yaml").write_text(TEMPLATE + steps, "utf-8")
    for name in repositories:
        _write(
            folder / "skeletons" / name,
            files // len(repositories),
            _OURS,
            "values.",
            "${{ values.replicas }}",
        )


def write_theirs(folder: Path, files: int) -> None:
    """Write a cookiecutter template with `files` files of the same content."""
    folder.mkdir(parents=True)
    (folder / "cookiecutter.json").write_text(json.dumps(_CONTEXT), "utf-8")
    inside = folder / "{{ cookiecutter.name }}"
    _write(inside, files, _THEIRS, "cookiecutter.", "{{ cookiecutter.replicas }}")


def write_copiers(folder: Path, files: int) -> None:
    """Write a copier template with `files` files of the same content."""
    inside = folder / "template"
    inside.mkdir(parents=True)
    # JSON is YAML as well; without a suffix every file is rendered, as the others do.
    settings = {"_subdirectory": "template", "_templates_suffix": "", **_CONTEXT}
    (folder / "copier.yml").write_text(json.dumps(settings), "utf-8")
    answers = inside / "{{ _copier_conf.answers_file }}"
    answers.write_text("{{ _copier_answers|to_nice_yaml }}", "utf-8")
    _write(inside, files, _COPIERS, "", "{{ replicas }}")


def _write(folder: Path, files: int, words: tuple[str, ...], root: str, replicas: str) -> None:
    name, package, opening, closing, owner, end = words
    for index in range(files):
        target = folder / f"part{index // 20:03d}" / f"file{index:05d}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = [line.format(name, index, package, opening, closing, owner, end, replicas) for line in _LINES]
        text = "\n".join(lines).replace("values.frontend", f"{root}frontend") + "\n"
        target.write_text(text, "utf-8")
