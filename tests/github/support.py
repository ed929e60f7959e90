"""What the tests of publishing to GitHub share: a template with every setting, and commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cli.support import NAME, NOTE, OWNER, Cli, Result, fetch, page, publish, write_template

TOKEN = "ghp_ada"
SECRET = "correct horse battery staple"
PASSWORD = {"type": "string", "ui:field": "Secret", "default": SECRET}
SETTINGS: Mapping[str, Any] = {
    "description": "Answers\nquestions",
    "homepage": "https://shop.example.com",
    "repoVisibility": "private",
    "topics": ["RAG", "python"],
    "defaultBranch": "trunk",
    "access": "acme/platform",
    "collaborators": [{"user": "grace", "access": "push"}],
    "protectDefaultBranch": True,
    "requiredApprovingReviewCount": 2,
    "requiredStatusCheckContexts": ["test"],
    "requiredCommitSigning": True,
    "bypassPullRequestAllowances": {"users": ["Grace"], "teams": ["platform"]},
    "restrictions": {"users": [], "teams": ["platform"], "apps": ["renovate"]},
    "blockCreations": True,
    "deleteBranchOnMerge": True,
    "allowMergeCommit": False,
    "squashMergeCommitTitle": "PR_TITLE",
    "squashMergeCommitMessage": "PR_BODY",
    "hasWiki": False,
    "repoVariables": {"region": "eu"},
    "customProperties": {"cost-centre": "r-and-d", "languages": ["python", "go"]},
    "oidcCustomization": {"useDefault": False, "includeClaimKeys": ["repo", "context"]},
    "subscribe": True,
    "secrets": {"TOKEN": "${{ secrets.password }}"},
}


def one_repository(folder: Path, **settings: Any) -> Path:
    """Write a template that publishes one repository."""
    step = publish(input={**publish()["input"], **settings})
    parameters = page(name=NAME, owner=OWNER, note=NOTE, password=PASSWORD)
    return write_template(folder, [fetch(), step], parameters)


def create(cli: Cli, template: Path, *more: str, owner: str = "acme") -> Result:
    """Create the project demo on the GitHub of this test."""
    return cli("create", "demo", "--template", template, "--forge", "github", "--owner", owner, *more)


def command(template: Path, *more: str) -> list[str]:
    """Return the same as a command for a process of its own."""
    arguments = ("create", "demo", "--template", str(template), "--forge", "github", "--owner", "acme")
    return [sys.executable, "-m", "kickstart", *arguments, *more]


def start(template: Path) -> subprocess.Popen[bytes]:
    """Start it, and let nobody hear what it says."""
    nobody = subprocess.DEVNULL
    return subprocess.Popen(command(template), stdin=nobody, stdout=nobody, stderr=nobody)


def certified(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that nobody trusts for localhost, and return it with its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", str(key)]
    more = ["-out", str(certificate), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, *more], check=True, capture_output=True)
    return certificate, key
