"""Whole templates of the shapes that portals have: what they ask, what they do, what lies beside them."""

# ruff: noqa: E501 - templates are data

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPO_URL = "github.com?owner=acme&repo=shop"


@dataclass(frozen=True)
class Shape:
    """A template with values for it. executable: of its files; links: of its files, to where."""

    name: str
    properties: Mapping[str, Any]
    steps: list[dict[str, Any]]
    files: Mapping[str, str | bytes]
    values: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    executable: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write the template, and return its template.yaml."""
        import json

        template = {
            "apiVersion": "scaffolder.backstage.io/v1beta3",
            "kind": "Template",
            "metadata": {"name": self.name, "title": self.name},
            "spec": {
                "type": "service",
                "owner": "group:default/platform",
                "parameters": [{"title": "All", "properties": dict(self.properties)}],
                "steps": self.steps,
                "output": dict(self.output),
            },
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "template.yaml").write_text(json.dumps(template, indent=1, ensure_ascii=False), "utf-8")
        for path, content in self.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            file.chmod(0o755 if path in self.executable else 0o644)
        for path, target in self.links.items():
            (folder / path).symlink_to(target)
        return folder / "template.yaml"


def _string(default: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "string", **({"default": default} if default is not None else {}), **more}


def _fetch(url: str = "./skeleton", values: Any = None, **more: Any) -> dict[str, Any]:
    given = {"url": url, **({"values": values} if values is not None else {}), **more}
    return {"id": "fetch", "name": "Fetch", "action": "fetch:template", "input": given}


def _register() -> dict[str, Any]:
    return {
        "id": "register",
        "name": "Register",
        "action": "my:register",
        "input": {"url": "${{ steps['publish'].output.repoContentsUrl }}", "path": "/catalog-info.yaml"},
    }


def _publish(action: str = "my:publish", **more: Any) -> dict[str, Any]:
    return {
        "id": "publish",
        "name": "Publish",
        "action": action,
        "input": {
            "allowedHosts": ["github.com"],
            "description": "This is ${{ parameters.name }}",
            "repoUrl": "${{ parameters.repoUrl }}",
            **more,
        },
    }


_NAMES = {"name": _string("shop"), "repoUrl": _string(REPO_URL, **{"ui:field": "RepoUrlPicker"})}

CATALOG_INFO = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: ${{ values.name | dump }}
  {%- if values.description %}
  description: ${{ values.description | dump }}
  {%- endif %}
  annotations:
    github.com/project-slug: ${{ values.destination.owner + "/" + values.destination.repo }}
  tags:
  {%- for tag in values.tags %}
    - ${{ tag }}
  {%- endfor %}
spec:
  type: service
  lifecycle: experimental
  owner: ${{ values.owner | dump }}
"""

NODE_SERVICE = Shape(
    "node-service",
    {
        **_NAMES,
        "owner": _string("group:default/web", **{"ui:field": "OwnerPicker"}),
        "description": _string('A "quoted" shop & more'),
        "port": {"type": "number", "default": 3000},
        "tags": {"type": "array", "items": {"type": "string"}, "default": ["node", "web"]},
        "private": {"type": "boolean", "default": True},
        "missing": _string(),
    },
    [
        _fetch(
            values={
                "name": "${{ parameters.name }}",
                "owner": "${{ parameters.owner }}",
                "description": "${{ parameters.description }}",
                "destination": "${{ parameters.repoUrl | parseRepoUrl }}",
                "port": "${{ parameters.port }}",
                "tags": "${{ parameters.tags }}",
                "private": "${{ parameters.private }}",
                "absent": "${{ parameters.missing }}",
            }
        ),
        _publish(repoVisibility="${{ 'private' if parameters.private else 'public' }}"),
        _register(),
    ],
    {
        "skeleton/catalog-info.yaml": CATALOG_INFO,
        "skeleton/package.json": '{\n  "name": "${{ values.name }}",\n  "private": ${{ values.private }},\n'
        '  "keywords": ${{ values.tags | dump }}\n}\n',
        "skeleton/src/index.js": "const port = process.env.PORT || ${{ values.port }};\n"
        "const text = `${name} on ${port}`;\nconsole.log(text, '${{ values.absent }}');",
        "skeleton/.github/workflows/ci.yaml": "on: push\njobs:\n  build:\n    runs-on: x\n    steps:\n"
        "      - run: echo ${{ '${{ github.ref }}' }} {% raw %}${{ secrets.TOKEN }}{% endraw %}"
        " [${{ github.sha }}]\n",
        "skeleton/run.sh": '#!/bin/sh\nexec node src/index.js "$@"\n',
        "skeleton/logo.png": b"\x89PNG\r\n\x1a\n\0\0${{ values.name }}",
        "skeleton/.gitignore": "node_modules\n",
        "skeleton/empty": "",
    },
    output={
        "links": [
            {"title": "Repository", "url": "${{ steps.publish.output.remoteUrl }}"},
            {"title": "Hidden", "if": "${{ parameters.missing }}", "url": "x"},
        ],
        "text": [{"title": "Port", "content": "It listens on ${{ parameters.port }}"}],
    },
    executable=("skeleton/run.sh",),
)

SPRING_BOOT = Shape(
    "spring-boot",
    {
        **_NAMES,
        "package": _string("com.acme.shop"),
        "java": {"type": "integer", "default": 21},
        "database": _string("postgres", enum=["postgres", "none"]),
        "features": {"type": "array", "items": {"type": "string"}, "default": ["web", "actuator"]},
    },
    [
        _fetch(
            values={
                "name": "${{ parameters.name }}",
                "packagePath": "${{ parameters.package | replace('.', '/') }}",
                "package": "${{ parameters.package }}",
                "className": "${{ parameters.name | capitalize }}",
                "java": "${{ parameters.java }}",
                "database": "${{ parameters.database }}",
                "features": "${{ parameters.features }}",
            }
        ),
        {
            "id": "noDatabase",
            "name": "No database",
            "if": "${{ parameters.database === 'none' }}",
            "action": "fs:delete",
            "input": {"files": ["src/main/resources/db"]},
        },
        _publish("publish:github", defaultBranch="main"),
    ],
    {
        "skeleton/pom.xml": "<project>\n  <artifactId>${{ values.name }}</artifactId>\n"
        "  <java.version>${{ values.java }}</java.version>\n"
        "{%- for feature in values.features %}\n  <dependency>spring-boot-starter-${{ feature }}</dependency>"
        "{%- endfor %}\n{%- if values.database != 'none' %}\n  <dependency>${{ values.database }}</dependency>\n"
        "{%- endif %}\n  <version>${project.version}</version>\n</project>\n",
        "skeleton/src/main/java/${{ values.packagePath }}/${{ values.className }}Application.java": "package ${{ values.package }};\r\n\r\npublic class ${{ values.className }}Application {\r\n"
        "{% if 'web' in values.features %}    int port = 8080;\r\n{% endif %}}\r\n",
        "skeleton/src/main/resources/{% if values.database == 'postgres' %}db{% endif %}/init.sql": "select 1;\n",
        "skeleton/src/main/resources/application.yaml": "spring:\n  application:\n    name: ${{values.name}}\n"
        "  url: ${DATABASE_URL:jdbc}\n",
    },
)

DOCS_SITE = Shape(
    "docs-site",
    {"name": _string("handbook"), "title": _string("Das große Handbuch 😀"), "sections": {"type": "array"}},
    [
        _fetch(
            values={"title": "${{ parameters.title }}", "sections": "${{ parameters.sections }}"},
            targetPath="site",
        ),
        {
            "action": "fetch:plain",
            "input": {"url": "./static", "targetPath": "site/static"},
        },
        {
            "action": "fetch:template:file",
            "input": {
                "url": "./one.md",
                "targetPath": "site/docs/one-${{ parameters.name }}.md",
                "values": {"n": "${{ parameters.sections | length }}"},
            },
        },
        {"action": "fs:rename", "input": {"files": [{"from": "site/readme.txt", "to": "README.md"}]}},
        {
            "action": "catalog:write",
            "input": {
                "filePath": "site/catalog-info.yaml",
                "entity": {
                    "apiVersion": "backstage.io/v1alpha1",
                    "kind": "Component",
                    "metadata": {
                        "name": "${{ parameters.name }}",
                        "title": "${{ parameters.title }}",
                        "description": "A handbook that goes on and on: well beyond the eighty columns which a line has"
                        " room for, with 'quotes' and \"more of them\", and with a https://example.com/very/long/address",
                        "annotations": {
                            "backstage.io/techdocs-ref": "dir:.",
                            "n": "42",
                            "yes": "true",
                            "10": "# x",
                        },
                        "links": [{"url": "https://example.com", "title": "a: b"}, {}, []],
                        "tags": [],
                    },
                    "spec": {
                        "type": "documentation",
                        "lifecycle": "${{ parameters.missing }}",
                        "notes": "one\ntwo\n",
                        "long": "- one\n- a line that is long enough to be folded, as it goes beyond the eightieth column\n",
                        "version": 1.5,
                        "none": None,
                    },
                },
            },
        },
    ],
    {
        "skeleton/mkdocs.yml": "site_name: ${{ values.title }}\nnav:\n{% for s in values.sections %}  - "
        "${{ s.title | title }}: ${{ s.file or (s.title | lower | replace(' ', '-')) + '.md' }}\n"
        "{% else %}  - none\n{% endfor %}",
        "skeleton/readme.txt": "${{ values.title | upper }} (${{ values.title | length }})\n"
        "${{ values.title | truncate(12) }}|${{ values.title | wordcount }}|${{ values.title | urlencode }}\n",
        "skeleton/docs/index.md": "# ${{ values.title }}\n\n{# not shown #}{{ jekyll }} `${{'{{ x }}'}}`\n",
        "skeleton/latin1.txt": "na\xefve caf\xe9 with a rather long line of plain text around\n".encode(
            "latin-1"
        ),
        "static/plain.html": "<p>${{ untouched }}</p>\n",
        "one.md": "One of ${{ values.n }}: {{ x }}\n",
    },
    {"sections": [{"title": "Getting started"}, {"title": "faq", "file": "q.md"}]},
)

COOKIECUTTER = Shape(
    "cookiecutter-compat",
    {"name": _string("tool"), "license": _string("MIT"), "deps": {"type": "object"}},
    [
        _fetch(
            values={
                "component_id": "${{ parameters.name }}",
                "license": "${{ parameters.license }}",
                "deps": "${{ parameters.deps }}",
                "list": ["a", "b", "c"],
                "flag": True,
                "none": None,
            },
            cookiecutterCompat=True,
            copyWithoutTemplating=["raw/**", "*.lock"],
        )
    ],
    {
        "skeleton/{{ cookiecutter.component_id }}/setup.py": 'name="{{ cookiecutter.component_id }}"\n'
        "{% if cookiecutter.license == 'MIT' -%}\nlicense = 'MIT'\n{%- endif %}\n"
        "deps = {{ cookiecutter.deps | jsonify }}\n{% for k, v in cookiecutter.deps.items() %}{{ k }}=={{ v }}\n"
        "{% endfor %}{{ cookiecutter.list[1:] }}{{ cookiecutter.list.index('b') }}\n"
        "{% if cookiecutter.flag == True and cookiecutter.none is null %}yes{{ None }}{% endif %}\n"
        "${{ nothing.ours }} {{ cookiecutter['license'] | lower }}{{ cookiecutter.deps.get('x', 'none') }}\n",
        "skeleton/{% if cookiecutter.license %}LICENSE-{{ cookiecutter.license }}{% endif %}": "text\n",
        "skeleton/{% if not cookiecutter.license %}NOTHING{% endif %}": "text\n",
        "skeleton/raw/{{ cookiecutter.component_id }}.txt": "{{ cookiecutter.component_id }} {% broken\n",
        "skeleton/poetry.lock": "{{ cookiecutter.untouched }}\n",
        "skeleton/sub/poetry.lock": "{{ cookiecutter.license }}\n",
    },
    {"deps": {"requests": "2.0", "attrs": ">1"}},
)

MONOREPO = Shape(
    "monorepo-each",
    {
        **_NAMES,
        "services": {"type": "array", "items": {"type": "object"}},
        "teams": {"type": "object"},
    },
    [
        {
            "id": "base",
            "action": "fetch:template",
            "input": {"url": "./base", "values": {"all": "${{ parameters.services }}"}},
        },
        {
            "id": "services",
            "name": "Services",
            "each": "${{ parameters.services }}",
            "if": "${{ each.value.enabled }}",
            "action": "fetch:template",
            "input": {
                "url": "./service",
                "targetPath": "./services/${{ each.value.name }}",
                "values": {"service": "${{ each.value }}", "index": "${{ each.key }}"},
            },
        },
        {
            "id": "notify",
            "each": "${{ parameters.teams }}",
            "action": "my:notify",
            "input": {
                "team": "${{ each.key }}",
                "address": "${{ each.value }}",
                "n": "${{ parameters.services.length }}",
            },
        },
        {
            "id": "list",
            "action": "fs:readdir",
            "input": {"paths": ["services"], "recursive": False},
        },
        {
            "id": "tell",
            "action": "my:tell",
            "input": {
                "folders": "${{ steps.list.output.folders[0].path }}",
                "who": "${{ steps.notify.output.id }}",
            },
        },
    ],
    {
        "base/README.md": "{% for s in all %}x{% endfor %}{% for s in values.all %}${{ loop.index }}. ${{ s.name }}"
        "${{ ' (off)' if not s.enabled }}\n{% endfor %}",
        "service/service.yaml": "name: ${{ values.service.name }}\nindex: ${{ values.index }}\n"
        "replicas: ${{ values.service.replicas | default(1) }}\n"
        "{% if values.service.env %}env:{% for k, v in values.service.env %}\n  ${{ k }}: ${{ v | dump }}{% endfor %}\n"
        "{% endif %}",
    },
    {
        "services": [
            {"name": "api", "enabled": True, "replicas": 3, "env": {"A": "1", "B": True}},
            {"name": "old", "enabled": False},
            {"name": "web", "enabled": True},
        ],
        "teams": {"red": "r@x.org", "blue": None},
    },
)

TERRAFORM = Shape(
    "terraform-module",
    {
        "name": _string("network"),
        "cidr": _string("10.0.0.0/16"),
        "zones": {"type": "integer", "default": 3},
        "tags": {"type": "object", "default": {"team": "net", "cost": 12.50}},
    },
    [
        _fetch(
            values={
                "name": "${{ parameters.name }}",
                "cidr": "${{ parameters.cidr }}",
                "zones": "${{ parameters.zones }}",
                "tags": "${{ parameters.tags }}",
            },
            trimBlocks=True,
            lstripBlocks=True,
        )
    ],
    {
        "skeleton/main.tf": 'resource "vpc" "${{ values.name }}" {\n  cidr = "${{ values.cidr }}"\n'
        "  {% for i in range(values.zones) %}\n  subnet = cidrsubnet(${var.cidr}, 4, ${{ i }})\n  {% endfor %}\n"
        '  tags = {\n    {% for k, v in values.tags %}\n    ${{ k }} = "${{ v }}"\n    {% endfor %}\n  }\n'
        "  half = ${{ values.zones / 2 }} pow = ${{ 2 ** values.zones }} mod = ${{ -7 % values.zones }}\n}\n",
        "skeleton/variables.tf": "  {% if values.zones > 2 -%}\n  many\n  {%- endif %}\n  {# c #}\nend\n",
        "skeleton/.terraform.lock.hcl": "# {% set hash = 'h1' %}${{ hash }}\n",
    },
)

PYTHON_LIBRARY = Shape(
    "python-library",
    {
        "name": _string("My Cool-Library"),
        "docs": {"type": "boolean", "default": False},
        "tests": {"type": "boolean", "default": True},
        "extras": {"type": "array"},
    },
    [
        _fetch(
            values={
                "name": "${{ parameters.name }}",
                "module": "${{ parameters.name | lower | replace(' ', '_') | replace('-', '_') }}",
                "docs": "${{ parameters.docs }}",
                "tests": "${{ parameters.tests }}",
                "extras": "${{ parameters.extras }}",
            },
            templateFileExtension=".jinja",
        )
    ],
    {
        "skeleton/pyproject.toml.jinja": '[project]\nname = "${{ values.name.split(" ").join("-").toLowerCase() }}"\n'
        "{% set count = 0 %}{% for e in values.extras %}{% set count = count + 1 %}{% endfor %}"
        "extras = ${{ count }} ${{ values.extras | sort | join(', ') }} ${{ values.extras | first }}\n"
        "{% macro row(key, value='-') %}${{ key }}=${{ value }};{% endmacro %}${{ row('a') }}${{ row('b', 2) }}\n",
        "skeleton/src/${{ values.module }}/__init__.py": "untouched ${{ values.name }} {{ x }} {% broken\n",
        "skeleton/src/${{ values.module }}/version.py.jinja": "# ${{ values.name | length }}\n",
        "skeleton/{% if values.docs %}docs{% endif %}/index.md.jinja": "docs ${{ nothing }}\n",
        "skeleton/{% if values.tests %}tests{% endif %}/test_it.py": "def test(): ...\n",
        "skeleton/.jinja": "a name, not an extension: ${{ x }}\n",
        "skeleton/run": "#!/bin/bash\necho ${#array[@]} ${{ x }}\n",
    },
    {"extras": ["cli", "Async", "b"]},
    executable=("skeleton/run",),
)

LAYERS = Shape(
    "layers-that-overlap",
    {"name": _string("x"), "kind": _string("b"), "replace": {"type": "boolean", "default": True}},
    [
        _fetch("./first", {"v": 1}),
        _fetch("./second", {"v": 2}) | {"id": "second"},
        _fetch("./third", {"v": 3}, replace="${{ parameters.replace }}", targetPath="./nested/../")
        | {"id": "third"},
        _fetch("./${{ parameters.kind }}", {"v": "${{ steps.fetch.output }}"}, targetPath="kind")
        | {"id": "fourth"},
        {"action": "fs:delete", "input": {"files": ["a/gone", "*.tmp", "none"]}},
        {
            "action": "fs:rename",
            "input": {"files": [{"from": "b.txt", "to": "c/b.txt"}, {"from": "a", "to": "z"}]},
        },
        {"if": "${{ parameters.replace and false }}", "action": "no:such", "input": {"a": "${{ x }}"}},
        {"if": "${{ [] }}", "action": "no:such"},
        {"if": False, "action": "no:such"},
        {
            "if": "${{ {} }}",
            "id": "runs",
            "action": "my:runs",
            "input": {"keys": {"${{ no }}": "${{ 1 + 1 }}"}},
        },
    ],
    {
        "first/a/one.txt": "first ${{ values.v }}\n",
        "first/a/gone/x.txt": "x",
        "first/b.txt": "first\n",
        "first/x.tmp": "x",
        "second/a/one.txt": "second ${{ values.v }}\n",
        "second/a/two.txt": "second ${{ values.v }}\n",
        "third/b.txt": "third ${{ values.v }}\n",
        "third/new.txt": "third\n",
        "b/k.txt": "[${{ values.v }}]",
    },
    links={"first/link": "b.txt", "first/a/up": "../b.txt"},
)

TYPES = Shape(
    "types-of-inputs",
    {
        "n": {"type": "number", "default": 3},
        "text": _string("42"),
        "yes": {"type": "boolean", "default": True},
        "list": {"type": "array", "default": [1, "b", None]},
        "map": {"type": "object", "default": {"a": {"b": 1}, "10": "x", "2": "y"}},
        "multi": _string("one\n  two\n"),
    },
    [
        {
            "id": "types",
            "action": "my:types",
            "input": {
                "number": "${{ parameters.n }}",
                "text": "n=${{ parameters.n }}",
                "blank": " ${{ parameters.n }}",
                "block": "${{ parameters.n }}\n",
                "missing": "${{ parameters.missing }}",
                "deep": "${{ parameters.missing.a.b }}",
                "string": "${{ parameters.text }}",
                "sum": "${{ parameters.text + 1 }}",
                "sum2": "${{ parameters.n + 1 }}",
                "both": "${{ parameters.n }}${{ parameters.yes }}",
                "list": "${{ parameters.list }}",
                "in_text": "x${{ parameters.list }} ${{ parameters.map }} ${{ parameters.yes }}",
                "items": [
                    "${{ parameters.n }}",
                    "${{ parameters.missing }}",
                    {"x": "${{ parameters.map.a }}"},
                ],
                "typo": "${{ parameters.n || 1 }}",
                "unknown_filter": "${{ parameters.n | now }}",
                "bad_url": "${{ parameters.text | parseRepoUrl }}",
                "hyphen": "${{ steps.fetch-base.output.x }}",
                "inline": "${{ 'x' if parameters.no }}",
                "if": "{% if parameters.yes %}true{% endif %}",
                "none": "{% if parameters.no %}true{% endif %}",
                "empty": "",
                "comment": "{# c #}${{ parameters.n }}",
                "dump": "${{ parameters.map | dump }}",
                "map": "${{ parameters.map }}",
                "object": "${{ {'a': parameters.n} }}",
                "half": "${{ parameters.n / 2 }}",
                "whole": "${{ 4 / 2 }}",
                "multi": "${{ parameters.multi }}",
                "multi_text": "-${{ parameters.multi | indent(4) }}-",
                "user": "${{ user.entity.metadata.name }}",
                "always": "${{ always() }}",
                "slug": "${{ 'github.com?owner=o&repo=r' | projectSlug }}",
                "picked": "${{ 'github.com?owner=o&repo=r' | parseRepoUrl | pick('owner') }}",
                "ref": "${{ 'group:web' | parseEntityRef }}",
                "ref2": "${{ 'web' | parseEntityRef({ defaultKind: 'group', defaultNamespace: 'n' }) | pick('namespace') }}",
                "plain": "123",
                "yaml": True,
                "escaped": "${{ '${{ x }}' }}",
                "script": "${#array[@]}",
                "braces": "{{ x }} ${VAR}",
            },
        },
        {
            "id": "next",
            "action": "my:next",
            "input": {"of": "${{ steps.types.output.thing }}", "id": "${{ steps['types'].output.thing }}"},
        },
    ],
    {"skeleton/x": "x"},
    output={
        "text": [{"title": "${{ parameters.n }}", "content": "${{ steps.next.output.done }}"}],
        "links": [],
    },
)

WORKFLOWS = Shape(
    "copied-workflows",
    {"name": _string("svc"), "env": {"type": "array", "default": ["dev", "prod"]}},
    [
        _fetch(
            values={"name": "${{ parameters.name }}", "env": "${{ parameters.env }}"},
            copyWithoutTemplating=[
                ".github/workflows",
                "charts/*/templates/**",
                "**/*.tpl",
                "!keep.tpl",
                "docs/raw?.md",
            ],
        ),
        _fetch("./ignored", {"name": "${{ parameters.name }}"}, copyWithoutRender=["*.yaml"])
        | {"id": "ignored"},
    ],
    {
        "skeleton/.github/workflows/ci.yaml": "run: ${{ github.sha }} {% nope\n",
        "skeleton/.github/CODEOWNERS": "* @${{ values.name }}\n",
        "skeleton/charts/${{ values.name }}/templates/deploy.yaml": "{{ .Values.x }} ${{ values.name }}\n",
        "skeleton/charts/app/templates/${{ values.name }}.yaml": "{{- if .Values.x }} ${{ values.name }}\n",
        "skeleton/charts/app/Chart.yaml": "name: ${{ values.name }}\n",
        "skeleton/a/b.tpl": "${{ values.name }}",
        "skeleton/keep.tpl": "${{ values.name }}",
        "skeleton/docs/raw1.md": "${{ values.name }}",
        "skeleton/docs/raw10.md": "${{ values.name }}",
        "skeleton/{% for e in values.env %}${{ e }}{% if not loop.last %}-{% endif %}{% endfor %}/values.yaml": "x",
        "ignored/ignored.yaml": "name: ${{ values.name }}\n",
    },
)

_LONG = "A sentence that is longer than a line has columns is broken at a blank, and goes on below it. "

PLATFORM = Shape(
    "shared-skeletons",
    {
        "name": _string("shop"),
        "owner": _string("group:default/web_team"),
        "notes": _string(f"{_LONG}\n\n  - an item, deeper\n  - {_LONG}\n\tafter a tab \nand an end\n"),
        "secrets": {"type": "array", "default": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]},
        "queue": _string("topic", enum=["topic", "queue", "none"]),
        "stages": {"type": "object", "default": {"dev": {"replicas": 1}, "prod": {"replicas": 3}}},
        "gitops": {"type": "boolean", "default": True},
    },
    [
        _fetch(
            "./info",
            {
                "name": "${{ parameters.name }}",
                "owner": "${{ parameters.owner }}",
                "tags": ["go", "api"],
                "labels": {"acme.example/tier": "1", "note": "x: y"},
            },
            targetPath="source",
        ),
        _fetch(
            "./info",
            {"name": "${{ parameters.name }}-gitops", "kind": "Resource", "of": "${{ parameters.name }}"},
            targetPath="gitops",
        )
        | {"id": "second", "if": "${{ parameters.gitops }}"},
        _fetch(
            "./infra",
            {
                "name": "${{ parameters.name }}",
                "secrets": "${{ parameters.secrets }}",
                "queue": "${{ parameters.queue }}",
                "absent": "${{ parameters.absent }}",
            },
            targetPath="infra",
        )
        | {"id": "infra"},
        _fetch(
            "./stage",
            {"stage": "${{ each.key }}", "of": "${{ each.value }}"},
            targetPath="stages/${{ each.key }}",
        )
        | {"id": "stages", "each": "${{ parameters.stages }}", "if": "${{ each.value.replicas > 0 }}"},
        {
            "id": "entity",
            "action": "catalog:write",
            "input": {
                "filePath": "docs/entity.yaml",
                "entity": {
                    "kind": "Component",
                    "metadata": {
                        "name": "${{ parameters.name }}",
                        "description": "${{ parameters.notes }}",
                        "annotations": {
                            "acme.example/quoted": "\x07 ${{ parameters.notes }}",
                            "n": "%a\n 'b'\n ",
                        },
                    },
                },
            },
        },
        {
            "id": "notify",
            "action": "my:notify",
            "if": "${{ steps.infra.output == undefined or parameters.queue !== 'none' }}",
            "input": {
                "to": "${{ parameters.owner | parseEntityRef | pick('name') }}",
                "body": '{\n  "name": "${{ parameters.name }}",\n  "tags": [ ${{ parameters.queue }} ]\n}\n',
                "none": None,
                "absent": "${{ parameters.absent }}",
                "file": "<${{ steps.second.output.files[0] }}>",
            },
        },
    ],
    {
        "info/catalog-info.yaml": "{%- if(values.kind) %}\nkind: ${{ values.kind }}\n{%- else %}\nkind: Component\n{%- endif %}\n"
        "name: ${{ values.name | dump }}\n{%- if values.labels %}\nlabels:\n  ${{ values.labels | dump(2) | indent(2) }}\n{%- endif %}\n"
        "{%- if values.tags and values.tags.length > 0 %}\ntags:\n{%- for tag in values.tags %}\n  - ${{ tag }}\n{%- endfor %}\n{%- endif %}\n"
        "owner: ${{ values.owner }}\n{%- if values.of %}\ndependsOn: [component:${{ values.of }}]\n{%- endif %}\n",
        "infra/main.tf": 'name = "${{ values.name | replace("-", "_") }}"\nregion = "${var.region}-${local.x}"\nall = {\n'
        '    {%- for item in values.secrets %}\n    "${{ item.key }}" = "${{ item.value }}"{% if not loop.last %},{% endif %}\n    {%- endfor %}\n}\n'
        'keys = [{% for item in values.secrets %}"${{ item.key }}"{% if not loop.last %}, {% endif %}{% endfor %}]\n',
        "infra/values.yaml": "# head\n\n{# nobody reads this #}\n{%- if values.queue == 'queue' -%}\nqueues:\n{%- endif -%}\n\n"
        "{%- if values.queue == 'topic' -%}\ntopics:\n  - name: ${{ values.name }}\n    {%- if values.absent == 'x' -%}\n    owner: 'no'\n    {%- endif -%}\n{%- endif -%}\n\n",
        "infra/${{ 'migration.sql' if values.absent == 'yes' }}": "x",
        "infra/.github/workflows/${{ values.name }}-ci.yaml": "name: ${{ values.name }}\nuser: ${{ '${{ secrets.USER }}' }}\n"
        "tag: \"${{'${{needs.ci.outputs.id}}' }}\" {% raw %}${{ github.sha }}{% endraw %}\n"
        'run: echo "ID=${GITHUB_SHA::6}" >> "$GITHUB_ENV"\n',
        "infra/chart/templates/_helpers.tpl": '{{/* ${{ values.name }} */}}\n{{- define "${{ values.name }}.name" -}}\n{{- end }}\n',
        "stage/values.yaml": "stage: ${{ values.stage | upper }}\nreplicas: ${{ values.of.replicas }}\n",
    },
    output={
        "links": [
            {"title": "Pull request", "icon": "github"},
            {"title": "Queue", "if": "${{ parameters.queue === 'queue' }}", "url": "https://x.example"},
        ],
        "text": [{"title": "Next", "content": "**${{ parameters.name }}**\n"}],
        "summary": "${{ parameters.name }}",
    },
)

WORKSPACE = Shape(
    "rendered-in-the-workspace",
    {"name": _string("shop")},
    [
        {"action": "fetch:plain", "input": {"url": "./raw", "targetPath": "raw"}},
        {
            "action": "workspace:template",
            "input": {
                "sourcePath": "./raw",
                "targetPath": "out",
                "values": {"name": "${{ parameters.name }}"},
                "copyWithoutTemplating": ["*.md"],
            },
        },
        {
            "action": "workspace:template:file",
            "input": {"sourcePath": "raw/run.sh", "targetPath": "run.sh", "values": {"name": "x"}},
        },
        {
            "action": "workspace:template:file",
            "input": {"sourcePath": "raw/run.sh", "targetPath": "out/run.sh", "values": {"name": "y"}},
        },
        {
            "action": "fetch:template:file",
            "input": {"url": "./raw/run.sh", "targetPath": "plain.sh", "values": {"name": "z"}},
        },
        {
            "action": "fetch:template:file",
            "input": {"url": "./raw/data.bin", "targetPath": "data.txt", "values": {"name": "z"}},
        },
    ],
    {
        "raw/${{ values.name }}/a.txt": "${{ values.name }}\n",
        "raw/keep.md": "${{ values.name }}\n",
        "raw/run.sh": "#!/bin/sh\necho ${{ values.name }}\n",
        "raw/data.bin": b"\0${{ values.name }}\xff",
    },
    executable=("raw/run.sh",),
    links={"raw/link.sh": "run.sh"},
)

SHAPES = [
    NODE_SERVICE,
    SPRING_BOOT,
    DOCS_SITE,
    COOKIECUTTER,
    MONOREPO,
    TERRAFORM,
    PYTHON_LIBRARY,
    LAYERS,
    TYPES,
    WORKFLOWS,
    PLATFORM,
    WORKSPACE,
]
