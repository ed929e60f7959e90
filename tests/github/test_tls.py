from __future__ import annotations

from pathlib import Path

import pytest

from kickstart.cli.connect import CERTIFICATES
from tests.cli.support import Cli
from tests.github.fake import running
from tests.github.support import TOKEN, certified, create


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "GIT_SSL_CAINFO"])
def test_one_file_of_certificates_holds_for_rest_and_for_git(
    cli: Cli, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    certificate, key = certified(tmp_path)
    for name in CERTIFICATES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", TOKEN)
    with running(tmp_path / "github") as fake:
        fake.encrypt(certificate, key)

        untrusted = create(cli, two, "--github-url", fake.url)
        monkeypatch.setenv(variable, str(certificate))
        trusted = create(cli, two, "--github-url", fake.url)

        assert untrusted.code == 4
        assert "the certificate of localhost is not trusted" in untrusted.err
        assert "waiting" not in untrusted.err
        assert trusted.code == 0, trusted.err
        assert len(fake.heads()) == 2
