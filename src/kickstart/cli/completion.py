"""`kickstart completion`: the script of a shell, as other command lines of the field print it."""

from __future__ import annotations

from typing import Annotated

import typer

# bash parts words at `=` and `:` as well, and Typer's own script leaves them so. Here they are put together
# again by where there is a space, and what bash keeps of the word is taken off each answer.
_BASH = r"""_kickstart_completion() {
    local IFS=$'\n' rest=$COMP_LINE word i last=-1
    local -a words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((last >= 0)) && [[ -n $rest && $rest != [[:space:]]* ]]; then
            words[last]+=$word
        else
            last=$((last + 1))
            words[last]=$word
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
    done
    word=${words[last]}
    COMPREPLY=( $( env COMP_WORDS="${words[*]}" COMP_CWORD=$last _KICKSTART_COMPLETE=complete_bash "$1" ) )
    if [[ $word == *[=:]* ]]; then
        COMPREPLY=( "${COMPREPLY[@]#"${word%"${word##*[=:]}"}"}" )
    fi
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2> /dev/null
    fi
    return 0
}

complete -o default -F _kickstart_completion kickstart"""
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
    if shell == "bash":
        typer.echo(_BASH)
        return
    typer.echo(get_completion_script(prog_name="kickstart", complete_var=COMPLETING, shell=shell))
