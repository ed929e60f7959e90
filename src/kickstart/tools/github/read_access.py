"""A deploy key by which somebody else, such as Argo CD, reads a private repository."""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from kickstart.tools import Repository
from kickstart.tools.github import things
from kickstart.tools.github.api import Api
from kickstart.tools.things import DeployKey, ReadAccess


def grant(api: Api, repository: Repository, title: str) -> ReadAccess:
    """Make a new pair of keys, and let it read. The key that had `title` before reads no more."""
    pair = Ed25519PrivateKey.generate()
    private = pair.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = pair.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    things.make(api, repository, DeployKey(title, public.decode(), read_only=True))
    url = str(api.get(f"/repos/{repository}", missing=False)["ssh_url"])
    return ReadAccess(url, SecretStr(private.decode()), fingerprint(public.decode()))


def reads(api: Api, repository: Repository, title: str, expected: str) -> bool:
    """Tell whether the key with that title is still the one with that fingerprint."""
    found = api.all(f"/repos/{repository}/keys")
    return any(key["title"] == title and fingerprint(key["key"]) == expected for key in found)


def fingerprint(public: str) -> str:
    """Return a public key's fingerprint, as `ssh-keygen -l` prints it."""
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
