"""Where a GitHub's repositories and its API are: pure, so that a plan can promise addresses."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from msgspec import Struct

from kickstart.tools import Repository
from kickstart.tools.web import address as web_address

PUBLIC = "https://github.com"


class GithubAddress(Struct, frozen=True):
    """github.com, or the URL of a GitHub Enterprise. Neither URL ends with a slash."""

    web: str = PUBLIC
    api: str = "https://api.github.com"

    @property
    def name(self) -> str:
        return "GitHub" if self.web == PUBLIC else self.host

    @property
    def host(self) -> str:
        """The host's name, with its port where it has one."""
        return urlsplit(self.web).netloc

    def clone_url(self, repository: Repository) -> str:
        return f"{self.web}/{repository}.git"

    def ssh_url(self, repository: Repository) -> str:
        return f"git@{urlsplit(self.web).hostname}:{repository}.git"  # the port is that of the pages

    def contents_url(self, repository: Repository, branch: str) -> str:
        return f"{self.web}/{repository}/blob/{branch}"

    def proposal_url(self, repository: Repository, branch: str) -> str:
        return f"{self.web}/{repository}/pulls?q=is%3Apr+head%3A{quote(branch, safe='')}"

    def issue_url(self, repository: Repository, title: str) -> str:
        words = quote(title.replace('"', " "), safe="")
        return f"{self.web}/{repository}/issues?q=is%3Aissue+in%3Atitle+%22{words}%22"


def parse(url: str) -> GithubAddress:
    """Return the address for the URL of a GitHub's pages, or of its API. Raises ParameterError."""
    parts = web_address(url, "a GitHub", hint="--github-url https://github.example.com")
    if parts.netloc in {"github.com", "www.github.com", "api.github.com"}:
        return GithubAddress()
    web = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/api/v3')}"
    if parts.netloc.endswith(".ghe.com"):  # Enterprise Cloud with data residency
        tenant = parts.netloc.removeprefix("api.")
        return GithubAddress(f"https://{tenant}", f"https://api.{tenant}")
    return GithubAddress(web, f"{web}/api/v3")
