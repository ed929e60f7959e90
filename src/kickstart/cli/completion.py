"""`kickstart completion`: the script of a shell, as other command lines of the field print it."""

from __future__ import annotations

from typing import Annotated

import typer

SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def completion(
    shell: Annotated[str, typer.Argument(metavar="|".join(SHELLS), help="The shell.", show_default=False)],
) -> None:
    """Print what makes a shell complete commands, options and values.

    For good: `source <(kickstart completion bash)` in ~/.bashrc, the same with zsh in ~/.zshrc after
    compinit, or `kickstart completion fish > ~/.config/fish/completions/kickstart.fish`.
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    from kickstart.cli.app import COMPLETING
    from kickstart.errors import ParameterError
    from kickstart.naming import closest

    if shell not in SHELLS:
        raise ParameterError(
            f"there is no script for '{shell}'{closest(shell, SHELLS)}",
            hint=f"known are {', '.join(SHELLS)}",
        )
    typer.echo(get_completion_script(prog_name="kickstart", complete_var=COMPLETING, shell=shell))
