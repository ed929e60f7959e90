"""Templates of Backstage from the command line: how they are told, rendered, shown and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.support import NAME, OWNER, Cli, fetch, page, publish, write_files, write_template

PLAIN = {"name": "portal", "title": "From a portal"}
FILES = {"{% if values.list %}a{% endif %}.txt": b"${{ values.list }} ${{ values.absent }}\n"}


def _template(
    folder: Path, steps: list[dict[str, Any]] | None = None, annotations: dict[str, str] | None = None
) -> Path:
    names = {f"kickstart/{name}": value for name, value in (annotations or {}).items()}
    metadata = {**PLAIN, "annotations": names} if names else PLAIN
    steps = steps or [fetch({"list": "${{ [1, [2]] }}"}, templateFileExtension=False)]
    return write_template(folder, steps, page(name={"type": "string"}, owner=OWNER), FILES, metadata=metadata)


@pytest.mark.parametrize(
    ("annotations", "flags", "portal"),
    [
        ({}, [], True),
        ({"version": "1.0.0"}, [], False),
        ({"dialect": "kickstart"}, [], False),
        ({"version": "1.0.0", "dialect": "backstage"}, [], True),
        ({}, ["--dialect", "kickstart"], False),
        ({"dialect": "kickstart"}, ["--dialect", "backstage"], True),
    ],
)
def test_whose_template_it_is_shows_in_its_annotations(
    cli: Cli, tmp_path: Path, annotations: dict[str, str], flags: list[str], portal: bool
) -> None:
    template = _template(tmp_path / "t", annotations=annotations)

    result = cli("render", "demo", "--template", template, "-d", tmp_path / "out", *flags)

    assert result.code == (0 if portal else 3), result.err
    if portal:
        assert (tmp_path / "out/demo/a.txt").read_text() == "1,2 \n"


def test_an_unknown_dialect_is_refused(cli: Cli, tmp_path: Path) -> None:
    asked = cli("render", "demo", "--template", _template(tmp_path / "a"), "-d", "out", "--dialect", "jinja")
    named = cli(
        "render",
        "demo",
        "--template",
        _template(tmp_path / "b", annotations={"dialect": "backstag"}),
        "-d",
        "out",
    )

    assert asked.code == 2
    assert "there is no dialect 'jinja'\nHint: --dialect backstage, or --dialect kickstart\n" in asked.err
    assert named.code == 3
    assert "metadata.annotations.kickstart/dialect: must be backstage or kickstart" in named.err


FOREIGN = [
    fetch({"list": "${{ [1] }}"}, templateFileExtension=False),
    publish(),
    {
        "id": "register",
        "action": "acme:register",
        "input": {
            "url": "${{ steps.publish.output.remoteUrl }}",
            "n": "${{ 1 + 1 }}",
            "x": "${{ a || b }}",
            "t": "one\n\n",
        },
    },
    {"id": "tell", "action": "acme:tell", "input": {"ref": "see ${{ steps.register.output.entityRef }}"}},
]


def test_a_dry_run_shows_the_inputs_of_what_only_a_portal_can_do(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", FOREIGN)

    result = cli("create", "demo", "--template", template, "--owner", "acme", "--dry-run")

    assert result.code == 0, result.err
    assert "left to a portal, which would give it" in result.out
    assert "n: 2" in result.out
    assert "t: |" in result.out
    assert "..." not in result.out  # by which YAML ends a block with blank lines
    assert "ref: see <register.entityRef>" in result.out
    assert "x: ${{ a || b }}" in result.out


def test_what_needs_a_step_that_was_left_out_is_shown_with_it(cli: Cli, tmp_path: Path) -> None:
    steps = [
        {"id": "make", "action": "acme:make", "input": {}},
        {"id": "move", "action": "fs:rename", "input": {"files": [{"from": "made", "to": "kept"}]}},
        publish(),
        {"id": "wait", "action": "debug:wait", "input": {"seconds": "${{ steps.make.output.pause }}"}},
    ]
    template = _template(tmp_path / "t", steps)

    shown = cli("create", "demo", "--template", template, "--owner", "acme", "--dry-run")
    created = cli("create", "demo", "--template", template, "--owner", "acme")

    assert shown.code == 0, shown.err
    assert "left to a portal (needs what make would bring), which would give it" in shown.out
    assert "left to a portal (needs what make, move would bring), which would give it" in shown.out
    assert "seconds: <make.pause>" in shown.out
    assert "Nothing is published." in shown.out
    assert created.code == 3
    assert "spec.steps.1.action: needs what make would bring" in created.err


def test_members_of_what_only_a_portal_knows_are_shown_by_their_names(cli: Cli, tmp_path: Path) -> None:
    steps = [
        {"id": "shop", "action": "catalog:fetch", "input": {"entityRef": "component:default/shop"}},
        fetch(
            {"list": "${{ steps.shop.output.entity.spec.lists[0] }}"},
            templateFileExtension=False,
            targetPath="${{ each.value.name }}",
        )
        | {"each": "${{ steps.shop.output.entity.spec.zones }}"},
        {
            "id": "tell",
            "action": "acme:tell",
            "input": {"of": "to/${{ steps.shop.output.entity.a.b }}", "n": 2.0},
        },
        fetch() | {"id": "again", "if": "${{ not steps.shop.output.entity }}"},
        {"id": "told", "if": "${{ steps.tell.output.x === 'y' }}", "action": "debug:log"},
        {"id": "never", "if": "${{ parameters.name === 'y' }}", "action": "debug:log"},
        {
            "id": "some",
            "each": ["y", "z"],
            "if": "${{ each.value === steps.tell.output.x }}",
            "action": "debug:log",
            "input": {"message": "for ${{ each.value }}"},
        },
        publish(),
    ]
    template = _template(tmp_path / "t", steps)

    shown = cli("create", "demo", "--template", template, "--owner", "acme", "--dry-run")
    rendered = cli("render", "demo", "-t", template, "--set", "owner=acme", "-d", tmp_path / "out")

    assert (shown.code, rendered.code) == (0, 0), shown.err + rendered.err
    assert "of: to/<shop.entity.a.b>\n" in shown.out
    assert "n: 2\n" in shown.out
    assert "left to a portal (its 'if' depends on what shop would bring)" in shown.out
    assert "left to a portal (its 'if' depends on what tell would bring)" in shown.out
    assert shown.out.count("(skipped)") == 1
    assert "message: for y\n" in shown.out
    assert "message: for z\n" in shown.out
    assert (
        "Note: without --dry-run this is refused, since only a portal can do "
        "shop (no portal is configured: KICKSTART_PORTAL_URL), "
        "tell (kickstart does not have the action acme:tell), "
        "again (its 'if' depends on what shop would bring), "
        "told (its 'if' depends on what tell would bring), some (its 'if' depends on what tell would bring)\n"
        in shown.out
    )
    path = "<shop.entity.spec.zones.EACH.name>/a.txt"
    assert (tmp_path / "out/demo" / path).read_text() == "<shop.entity.spec.lists.0> \n"
    assert f"Note: what only a portal knows stands as <shop.NAME> and the like in {path}" in rendered.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"entity": "a ${{ parameters.where }}"},
            ": spec.steps.1.input.entity: must be a mapping, and is text\n",
        ),
        (
            {"entity": "${{ parameters.where }}"},
            ": spec.steps.1.input.entity: is required, and ${{ parameters.where }} is empty: "
            "'where' was not given\n",
        ),
        (
            {"entity": "${{ steps.skipped.output.a.b }}"},
            " and ${{ steps.skipped.output.a.b }} is empty: steps.skipped.output.a.b is empty\n",
        ),
        (
            {"entity": "${{ 'a' if parameters.name === 'x' }}", "filePath": 3},
            ": spec.steps.1.input.filePath: must be text, and is a number\n",
        ),
    ],
)
def test_why_a_required_input_has_no_value_is_told(
    cli: Cli, tmp_path: Path, given: dict[str, Any], said: str
) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "skipped", "if": False, "action": "debug:log"},
        {"action": "catalog:write", "input": given},
    ]
    parameters = {"properties": {"name": {"type": "string"}, "where": {"type": "string"}}}
    template = write_template(tmp_path / "t", steps, parameters, metadata=PLAIN)

    result = cli("create", "demo", "-t", template, "--dry-run")

    assert result.code == 3
    assert said in result.err


def test_why_a_part_of_a_text_is_empty_is_told(cli: Cli, tmp_path: Path) -> None:
    address = "github.com?owner=${{ parameters.team }}&repo=${{ parameters.name }}"
    more = {"description": "${{ parameters.where }} of it"}
    parameters = {"properties": {name: {"type": "string"} for name in ("name", "team", "where")}}
    steps = [fetch(), publish() | {"input": {"repoUrl": address, **more}}]
    template = write_template(tmp_path / "t", steps, parameters, metadata=PLAIN)

    result = cli("create", "demo", "-t", template, "--dry-run")

    assert result.code == 3
    assert "'github.com?owner=&repo=demo' names no owner; 'team' was not given\n" in result.err


def test_a_step_with_extensions_of_cookiecutter_is_left_to_a_portal(cli: Cli, tmp_path: Path) -> None:
    given = {"url": "./skeleton", "values": {"a": 1}, "extensions": ["jinja2_time.TimeExtension"]}
    steps = [{"id": "bake", "action": "fetch:cookiecutter", "input": given}, publish()]
    template = _template(tmp_path / "t", steps)
    own = _template(tmp_path / "o", steps, {"dialect": "kickstart"})
    command = ("create", "demo", "--owner", "acme", "--forge", f"local:{tmp_path}/f", "-t")

    shown, created = cli(*command, template, "--dry-run"), cli(*command, template)
    rendered = cli("render", "demo", "-t", template, "-d", tmp_path / "out", "--owner", "acme")
    refused = cli(*command, own, "--dry-run")

    why = "cookiecutter's extensions are not there, such as jinja2_time.TimeExtension"
    assert (shown.code, rendered.code) == (0, 0), shown.err + rendered.err
    assert f"left to a portal ({why}), which would give it" in shown.out
    assert "- jinja2_time.TimeExtension" in shown.out
    assert "left to a portal (needs what bake would bring)" in shown.out
    assert f"Left out: bake (fetch:cookiecutter): left to a portal ({why})" in rendered.err
    assert (created.code, refused.code) == (3, 3)
    assert f"spec.steps.0.action: {why}" in created.err
    assert why in refused.err
    assert not (tmp_path / "f").exists()


GITHUB_LOGIN = "${{ user.entity.metadata.annotations['github.com/user-login'] }}"


def test_what_only_a_portal_knows_of_the_user_is_left_to_it(cli: Cli, tmp_path: Path) -> None:
    known = "${{ user.ref }} ${{ user.entity.metadata.name }} ${{ user.entity.spec.profile.email }}"
    steps = [
        {"id": "tell", "action": "debug:log", "input": {"message": f"{known} ${{{{ user.entity | dump }}}}"}},
        {"id": "log", "action": "debug:log", "input": {"message": "${{ user.entity.spec.memberOf[0] }}"}},
        fetch(templateFileExtension=False, values={"list": "by ${{ user.entity.relations }}"}),
        {"id": "in", "if": "${{ 'a' in user.entity.spec.memberOf }}", "action": "debug:log"},
        publish() | {"input": {"repoUrl": f"github.com?owner={GITHUB_LOGIN}&repo=demo"}},
    ]
    template = _template(tmp_path / "t", steps)
    command = ("create", "demo", "-t", template, "--owner", "acme", "--forge", f"local:{tmp_path}/f")

    shown, created = cli(*command, "--dry-run"), cli(*command)
    rendered = cli("render", "demo", "-t", template, "-d", tmp_path / "out", "--owner", "acme")

    assert (shown.code, rendered.code) == (0, 0), shown.err + rendered.err
    assert "user:default/" in shown.out
    assert '"metadata":{"name":' in shown.out
    assert "annotations" not in shown.out.partition("<user.")[0]  # a whole entity is what is known of it
    assert "<user.entity.spec.memberOf.0>" in shown.out
    assert "left to a portal (its 'if' depends on user.entity.spec.memberOf)" in shown.out
    assert "left to a portal (needs what only a portal knows: user.entity.metadata.annotations)" in shown.out
    assert "owner=<user.entity.metadata.annotations.github.com/user-login>&repo=demo" in shown.out
    assert (
        "refused, since only a portal can do fetch (needs what only a portal knows: user.entity.relations), "
        "in (its 'if' depends on user.entity.spec.memberOf), "
        "publish (needs what only a portal knows: user.entity." in shown.out
    )
    assert (tmp_path / "out/demo/a.txt").read_text() == "by <user.entity.relations> \n"
    assert "stands as <user.entity.NAME> and the like in a.txt" in rendered.err
    assert created.code == 3
    assert "spec.steps.2.action: needs what only a portal knows: user.entity.relations" in created.err
    assert not (tmp_path / "f").exists()


def test_a_file_is_never_published_with_a_name_for_what_a_portal_knows(cli: Cli, tmp_path: Path) -> None:
    login = GITHUB_LOGIN.replace(" }}", " | upper }}")
    template = _template(tmp_path / "t", [fetch({"list": login}, templateFileExtension=False), publish()])

    result = cli("create", "demo", "-t", template, "--owner", "acme", "--forge", f"local:{tmp_path}/f")

    assert result.code == 3
    assert "needs what only a portal knows: user.entity.metadata.annotations" in result.err
    assert not (tmp_path / "f").exists()


def test_nothing_is_left_to_a_portal_where_there_is_nothing_to_repeat(cli: Cli, tmp_path: Path) -> None:
    steps = [
        fetch(),
        {"id": "make", "action": "acme:make", "each": []},
        {"id": "ask", "action": "catalog:fetch", "each": ["a"], "if": "${{ each.value === 'b' }}"},
        publish(),
    ]
    template = _template(tmp_path / "t", steps)

    shown = cli("create", "demo", "--template", template, "--owner", "acme", "--dry-run")
    rendered = cli("render", "demo", "-t", template, "--set", "owner=acme", "-d", tmp_path / "out")
    created = cli("create", "demo", "--template", template, "--owner", "acme")

    assert (shown.code, rendered.code, created.code) == (0, 0, 0), shown.err + rendered.err + created.err
    assert shown.out.count("(skipped)") == 2
    assert "left to a portal" not in shown.out
    assert "Left out" not in rendered.err


@pytest.mark.parametrize(
    ("url", "content", "said"),
    [("./nosuch", b"", "./nosuch does not exist in"), ("./skeleton", b"x ${{ values.a | }}", "a.txt:1: ")],
)
def test_a_filter_of_a_portals_own_hides_nothing_else(
    cli: Cli, tmp_path: Path, url: str, content: bytes, said: str
) -> None:
    step = {"action": "fetch:template", "input": {"url": url, "values": {"a": "${{ 'My App' | kebabCase }}"}}}
    template = write_template(tmp_path / "t", [step], page(name=OWNER), {"a.txt": content}, metadata=PLAIN)

    shown = cli("create", "demo", "--template", template, "--dry-run")

    assert shown.code == 3
    assert said in shown.err


def test_what_is_wrong_with_a_condition_is_said_once(cli: Cli, tmp_path: Path) -> None:
    steps = [{"action": "debug:log", "if": "${{ parameters.name && parameters.name }}"}]

    shown = cli("create", "demo", "--template", _template(tmp_path / "t", steps), "--dry-run")

    assert shown.code == 0, shown.err
    assert shown.out.count("'&' is not part of the language; write 'and'") == 1


def test_a_loop_over_what_only_a_portal_knows_is_made_once(cli: Cli, tmp_path: Path) -> None:
    shop = {"id": "shop", "action": "catalog:fetch", "input": {"entityRef": "component:default/shop"}}
    listed = "${{ steps.shop.output.entity.spec.lists }}"
    steps: list[dict[str, Any]] = [shop, fetch({"list": listed}, templateFileExtension=False)]
    loops = (
        b"{% for each in values.list %}${{ loop.index }} ${{ each }} ${{ each.name }}{% endfor %}\n"
        b"{% for key, value in values.list %}${{ key }}=${{ value }}{% endfor %}\n"
    )
    template = write_template(tmp_path / "t", steps, page(name=OWNER), {"a.txt": loops}, metadata=PLAIN)

    assert cli("render", "demo", "--template", template, "-d", tmp_path / "out").code == 0

    shown = "shop.entity.spec.lists"
    assert (tmp_path / "out" / "demo" / "a.txt").read_text() == (
        f"1 <{shown}.EACH> <{shown}.EACH.name>\n<{shown}.KEY>=<{shown}.EACH>\n"
    )


@pytest.mark.parametrize(
    ("action", "input_", "said"),
    [
        ("catalog:write", {"component": {"a": 1}}, "spec.steps.1.input.entity: is required"),
        ("debug:log", {"message": [1]}, "spec.steps.1.input.message"),
        ("fs:delete", {"files": "a"}, "spec.steps.1.input.files"),
    ],
)
def test_an_input_is_wrong_whatever_a_left_out_step_would_bring(
    cli: Cli, tmp_path: Path, action: str, input_: dict[str, Any], said: str
) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "make", "action": "acme:make"},
        {"id": "x", "action": action, "input": input_},
    ]
    template = _template(tmp_path / "t", steps)

    shown = cli("create", "demo", "--template", template, "--dry-run")

    assert shown.code == 3
    assert said in shown.err


PICKER: dict[str, Any] = {"type": "string", "ui:field": "RepoUrlPicker"}


@pytest.mark.parametrize(
    ("more", "flags", "url"),
    [
        ({}, ["--owner", "acme"], "github.com?owner=acme&repo=demo"),
        ({"default": "github.com?owner=a&repo=b"}, ["--owner", "acme"], "github.com?owner=a&repo=b"),
        (
            {"ui:options": {"allowedHosts": ["git.test", "github.com"], "allowedOwners": ["team"]}},
            [],
            "github.com?owner=team&repo=demo",
        ),
        (
            {"ui:options": {"allowedHosts": ["git.test"], "allowedOwners": ["team"], "allowedRepos": ["x"]}},
            ["--owner", "acme"],
            "git.test?owner=acme&repo=x",
        ),
        ({"default": "git.test?owner=a/b"}, [], "git.test?owner=a%2Fb&repo=demo"),
        (
            {"ui:options": {"allowedHosts": ["dev.azure.com"], "allowedProjects": ["shop"]}},
            ["--owner", "acme"],
            "dev.azure.com?organization=acme&project=shop&repo=demo",
        ),
        (
            {
                "ui:options": {
                    "allowedHosts": ["bitbucket.org"],
                    "allowedProjects": ["P"],
                    "allowedOwners": ["w"],
                }
            },
            [],
            "bitbucket.org?workspace=w&project=P&repo=demo",
        ),
    ],
)
def test_a_repository_picker_is_filled_within_its_choice(
    cli: Cli, tmp_path: Path, more: dict[str, Any], flags: list[str], url: str
) -> None:
    parameters = page(name={"type": "string"}, repoUrl={**PICKER, **more})
    template = write_template(
        tmp_path / "t",
        [{"action": "debug:log", "input": {"message": "to ${{ parameters.repoUrl }}"}}],
        parameters,
        metadata={"name": "portal", "title": "Portal"},
    )

    shown = cli("create", "demo", "--template", template, "--dry-run", *flags)

    assert shown.code == 0, shown.err
    assert f"to {url}\n" in shown.out


def test_a_repository_picker_with_a_part_that_only_its_user_knows_stays_open(
    cli: Cli, tmp_path: Path
) -> None:
    picker = {**PICKER, "ui:options": {"allowedHosts": ["dev.azure.com"]}}
    template = write_template(
        tmp_path / "t",
        [{"action": "debug:log", "input": {"message": "to ${{ parameters.repoUrl }}"}}],
        page(name={"type": "string"}, repoUrl=picker),
        metadata={"name": "portal", "title": "Portal"},
    )

    shown = cli("create", "demo", "--template", template, "--dry-run", "--owner", "acme")

    assert shown.code == 2
    assert "  repoUrl: is required\n" in shown.err


@pytest.mark.parametrize(
    ("host", "action", "more", "owners"),
    [
        ("dev.azure.com", "publish:azure", {}, "organization=acme&project=WEB"),
        ("bitbucket.org", "publish:bitbucketCloud", {}, "workspace=acme&project=WEB"),
        ("bb.test", "publish:bitbucketServer", {}, "project=acme"),
        ("gerrit.test", "publish:gerrit", {}, "workspace=acme"),
        ("gitea.test", "publish:gitea", {"description": "x"}, "owner=acme"),
        ("gitlab.test", "publish:gitlab", {}, "owner=acme"),
    ],
)
def test_a_picker_is_filled_with_what_its_forge_needs(
    cli: Cli, tmp_path: Path, host: str, action: str, more: dict[str, Any], owners: str
) -> None:
    picker = {**PICKER, "ui:options": {"allowedHosts": [host], "allowedProjects": ["WEB"]}}
    steps = [
        {"action": "debug:log", "input": {"message": "to ${{ parameters.repoUrl }}"}},
        {"action": action, "input": {"repoUrl": "${{ parameters.repoUrl }}", **more}},
    ]
    parameters = page(name={"type": "string"}, repoUrl=picker)
    template = write_template(tmp_path / "t", steps, parameters, metadata={"name": "portal", "title": "P"})

    shown = cli("create", "demo", "--template", template, "--dry-run", "--owner", "acme")

    assert shown.code == 0, shown.err
    assert f"to {host}?{owners}&repo=demo\n" in shown.out
    owned = "acme-WEB" if owners.endswith("WEB") else "acme"
    assert f"repository {owned}/demo" in shown.out


def test_the_owner_in_a_catalog_is_nobody_on_a_forge(cli: Cli, tmp_path: Path) -> None:
    picker = {"type": "string", "ui:field": "OwnerPicker"}
    steps = [{"action": "debug:log", "input": {"message": "by ${{ parameters.owner or 'nobody' }}"}}]
    metadata = {"name": "portal", "title": "Portal"}
    free = page(name={"type": "string"})
    free["properties"]["owner"] = picker
    template = write_template(tmp_path / "t", steps, free, metadata=metadata)
    plain = page(name={"type": "string"})
    plain["properties"]["owner"] = {"type": "string"}
    other = write_template(tmp_path / "u", steps, plain, metadata=metadata)

    by_picker = cli("create", "demo", "--template", template, "--dry-run", "--owner", "acme")
    unasked = cli("create", "demo", "--template", other, "--dry-run")
    named = cli("create", "demo", "--template", other, "--dry-run", "--owner", "acme")

    assert "by nobody" in by_picker.out, by_picker.err
    assert "by nobody" in unasked.out, unasked.err
    assert "by acme" in named.out, named.err


def test_why_an_input_is_empty_is_told_with_what_is_wrong_with_it(cli: Cli, tmp_path: Path) -> None:
    step = publish() | {"input": {"repoUrl": "${{ parameters.repoUrl }}"}}
    result = cli("create", "demo", "-t", _template(tmp_path / "t", [step]), "--dry-run")

    assert result.code == 3
    faults = [line.partition(": ")[2] for line in result.err.splitlines() if "template.yaml" in line]
    assert faults == [
        "spec.steps.0.input.repoUrl: is required, and ${{ parameters.repoUrl }} is empty: "
        "'repoUrl' was not given",
        "spec.steps.0.input.repoUrl: parameters.repoUrl: there is no parameter 'repoUrl'",
    ]


def test_a_portals_template_may_publish_a_repository_without_files(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [publish()])

    created = cli("create", "demo", "-t", template, "--owner", "acme")
    again = cli("create", "demo", "-t", template, "--owner", "acme")

    assert created.code == 0, created.err
    assert again.out.startswith("demo is unchanged")


def test_what_was_not_registered_is_told_in_the_end(cli: Cli, tmp_path: Path) -> None:
    register = {"repoContentsUrl": "${{ steps.publish.output.repoContentsUrl }}"}
    steps = [
        fetch(),
        publish() | {"id": "publish"},
        {"id": "register", "action": "catalog:register", "input": register},
    ]
    output = {"links": [{"title": "Open in catalog", "url": "${{ steps.register.output.nothing }}"}]}
    spec = {"type": "service", "parameters": [page(name=NAME, owner=OWNER)], "steps": steps, "output": output}
    template = write_template(tmp_path / "t", files=FILES, metadata={"name": "portal"}, spec=spec)

    created = cli("create", "demo", "-t", template, "--owner", "acme")

    assert created.code == 0, created.err
    assert "Note: step 'register': not registered, since no portal is configured: file:" in created.err
    assert "Open in catalog" not in created.out


def test_a_wrong_step_after_one_that_was_left_out_is_still_wrong(cli: Cli, tmp_path: Path) -> None:
    steps = [fetch(), {"action": "acme:make"}, publish() | {"input": {"repoUrl": "nowhere"}}]
    template = _template(tmp_path / "t", steps)

    result = cli("create", "demo", "--template", template, "--owner", "acme", "--dry-run")

    assert result.code == 3
    assert "'nowhere' is not of the form github.com?owner=OWNER&repo=NAME" in result.err


def test_a_misspelt_skeleton_after_one_that_was_left_out_is_still_misspelt(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [{"action": "acme:make"}, fetch(url="./skeletno"), publish()])

    result = cli("create", "demo", "--template", template, "--owner", "acme", "--dry-run")

    assert result.code == 3
    assert "./skeletno does not exist" in result.err


def test_a_step_that_needs_a_portals_own_filter_is_left_to_it(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", [fetch(), publish("${{ parameters.name | slug }}")])

    shown = cli("create", "demo", "--template", template, "--owner", "acme", "--dry-run")
    created = cli("create", "demo", "--template", template, "--owner", "acme")

    assert shown.code == 0, shown.err
    assert "left to a portal (there is no filter 'slug'), which would give it" in shown.out
    assert created.code == 3
    assert "spec.steps.1.action: there is no filter 'slug'" in created.err


def test_a_dry_run_shows_a_template_that_publishes_nothing(cli: Cli, tmp_path: Path) -> None:
    steps = [{"id": "tell", "action": "debug:log", "input": {"message": "Hello ${{ parameters.name }}"}}]

    template = _template(tmp_path / "t", steps)
    told = {"text": [{"title": "For you", "content": "Go to **${{ parameters.name }}**"}]}
    whole = yaml.safe_load((template / "template.yaml").read_text())
    (template / "template.yaml").write_text(json.dumps(whole | {"spec": whole["spec"] | {"output": told}}))

    result = cli("create", "demo", "--template", template, "--dry-run")
    rendered = cli("render", "demo", "--template", template, "-d", tmp_path / "out")

    assert result.code == 0, result.err
    assert "Hello demo" in result.out
    assert "Nothing is published." in result.out
    assert "without --dry-run this is refused, since the template publishes nothing" in result.out
    assert result.out.endswith("\nFor you\nGo to **demo**\n")
    assert rendered.out.endswith("\nFor you\nGo to **demo**\n")


def test_a_folder_whose_own_path_cannot_be_rendered_fails_as_in_a_portal(cli: Cli, tmp_path: Path) -> None:
    steps = [fetch(templateFileExtension=False)]
    folder = write_template(tmp_path / "t", steps, page(name=NAME), {"x.txt": b"x"}, metadata=PLAIN)
    files = {"src/${{ values.name | replace('-', '/') }}/a.txt": b"x", "${{ values.name }}/b.txt": b"x"}
    write_files(folder / "skeleton", files)

    rendered = cli("render", "demo", "--template", folder, "-d", tmp_path / "out")
    linted = cli("template", "lint", folder)

    place = "skeleton/src/${{ values.name | replace('-', '"
    assert (rendered.code, linted.code) == (3, 8)
    assert rendered.err.count("skeleton/") == linted.err.count("skeleton/") == 1
    assert f"  {place}:1: " in rendered.err
    assert f"  {place}: " in linted.err


def test_what_is_passed_on_unevaluated_is_noted_with_line_and_expression(cli: Cli, tmp_path: Path) -> None:
    template = _template(tmp_path / "t", FOREIGN)

    result = cli("render", "demo", "--template", template, "--owner", "acme", "-d", tmp_path / "out")

    line = next(
        number
        for number, text in enumerate((template / "template.yaml").read_text().splitlines(), start=1)
        if "a || b" in text
    )
    assert result.code == 0
    assert f"Note: template.yaml:{line}: spec.steps.2.input.x: ${{{{ a || b }}}}: '|'" in result.err
    assert "the text is passed on as it is, as a portal does" in result.err
    assert "Left out: register (acme:register)" in result.err


def test_create_refuses_what_only_a_portal_can_do_before_anything_is_written(
    cli: Cli, tmp_path: Path
) -> None:
    template = _template(tmp_path / "t", FOREIGN)

    result = cli(
        "create", "demo", "--template", template, "--owner", "acme", "--forge", f"local:{tmp_path}/f"
    )

    assert result.code == 3
    assert "spec.steps.2.action: kickstart does not have the action acme:register" in result.err
    assert "spec.steps.3.action: kickstart does not have the action acme:tell" in result.err
    assert f"kickstart render demo --template {template} --output-dir DIR" in result.err
    assert not (tmp_path / "f").exists()


def test_a_hostile_template_of_a_portal_is_refused_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    values = {"x": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"}
    template = _template(tmp_path / "t", [fetch(values, templateFileExtension=False)])

    result = cli("render", "demo", "--template", template, "-d", tmp_path / "out")

    assert result.code == 3
    assert "the template takes more than 2,000,000 steps" in result.err
    assert not (tmp_path / "out").exists()


def test_a_path_cannot_leave_the_folder(cli: Cli, tmp_path: Path) -> None:
    template = _template(
        tmp_path / "t", [fetch({"up": "../.."}, url="./skeleton", templateFileExtension=False)]
    )
    (template / "skeleton/${{ values.up }}").mkdir()
    (template / "skeleton/${{ values.up }}/evil.txt").write_text("x")

    result = cli("render", "demo", "--template", template, "-d", tmp_path / "out")

    assert result.code == 3
    assert "evil.txt: renders to ../../evil.txt, which leaves the target folder" in result.err
    assert not (tmp_path / "out").exists()
