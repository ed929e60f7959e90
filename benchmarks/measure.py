"""CPU time and peak memory of whole processes, paired."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: user and system CPU of the process and its children in seconds, peak memory in MiB."""

    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, and what is done before each run."""

    arguments: Sequence[str]
    before: Callable[[], None] | None = None
    environment: Mapping[str, str] | None = None


# The launcher forks before it measures, so that each sample is of one child alone.
_LAUNCHER = """
import os, resource, sys
child = os.fork()
if not child:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, used = os.wait4(child, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status))
"""


def run(command: Command) -> Sample:
    """Run a command once. Raises RuntimeError when it fails."""
    if command.before:
        command.before()
    environment = {**os.environ, **(command.environment or {})}
    launched = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command.arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    cpu, memory, code = launched.stdout.split()
    if int(code) != 0:
        raise RuntimeError(f"exit code {code} from {' '.join(command.arguments)}")
    return Sample(float(cpu), float(memory))


def interleaved(commands: Mapping[str, Command], rounds: int) -> dict[str, list[Sample]]:
    """Run all commands in turn, `rounds` times, so that each round sees the same machine."""
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            samples[name].append(run(command))
    return samples


def ratio(samples: Mapping[str, list[Sample]], name: str, base: str) -> float:
    """Return the median over the rounds of CPU(name) / CPU(base)."""
    pairs = zip(samples[name], samples[base], strict=True)
    return statistics.median(one.cpu / other.cpu for one, other in pairs)


def cpu(samples: Mapping[str, list[Sample]], name: str) -> float:
    """Return the median CPU in seconds."""
    return statistics.median(sample.cpu for sample in samples[name])


def memory(samples: Mapping[str, list[Sample]], name: str) -> float:
    """Return the median peak memory in MiB."""
    return statistics.median(sample.memory for sample in samples[name])


def same_files(one: Path, other: Path, except_: Sequence[str] = (".kickstart.yaml",)) -> bool:
    """Tell whether two folders hold the same files, those aside that are called as in `except_`."""
    done = subprocess.run(
        ["diff", "-r", *(f"--exclude={name}" for name in except_), str(one), str(other)],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
