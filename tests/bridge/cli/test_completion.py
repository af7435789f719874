"""Completion, as a shell uses it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bridge.cli.programs import PATIENCE_S, VIN, Done, environment

Driveway = Callable[..., Done]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(driveway: Driveway, shell: str) -> None:
    done = driveway("completion", shell)
    assert (done.status, done.err) == (0, "")
    assert f"{shell}_complete" in done.out
    assert "driveway" in done.out
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=done.out, text=True, check=True, timeout=PATIENCE_S)


def test_another_shell_is_refused(driveway: Driveway) -> None:
    assert driveway("completion", "tcsh").status == 2


@pytest.fixture
def bash(driveway: Driveway, tmp_path: Path) -> Callable[[str], list[str]]:
    """Complete the last word of a line as bash does when Tab is pressed."""
    program = shutil.which("bash")
    if program is None:
        pytest.skip("there is no bash")
    script = tmp_path / "completion.bash"
    script.write_text(driveway("completion", "bash").out)
    command = tmp_path / "driveway"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m driveway_bridge "$@"\n')
    command.chmod(0o755)

    def complete(line: str) -> list[str]:
        words = line.split(" ")
        done = subprocess.run(
            [
                program, "--norc", "-c",
                ('source "$1"; shift; complete -p driveway >/dev/null || exit 9\n'
                'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
                '_driveway_completion driveway; printf "%s\\n" "${COMPREPLY[@]}"'),
                "bash", script, *words,
            ],
            env=environment(PATH=f"{tmp_path}:/usr/bin:/bin"), capture_output=True, text=True, timeout=PATIENCE_S,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return complete


def test_bash_completes_commands_and_options(bash: Callable[[str], list[str]]) -> None:
    assert bash("driveway do") == ["doctor"]
    assert bash("driveway doctor --wi") == ["--without-home-assistant"]
    assert bash("driveway completion z") == ["zsh"]


def test_bash_completes_the_names_of_cars(bash: Callable[[str], list[str]], tmp_path: Path) -> None:
    file = tmp_path / "driveway.yaml"
    file.write_text(f"cars: [{{vin: {VIN}, name: Anna}}, {{vin: 5YJ3F1FB9JF111111, name: Bert}}]\n")
    assert bash(f"driveway doctor --config {file} --car ") == ["Anna", "Bert"]
    assert bash(f"driveway doctor --config {file} --car b") == ["Bert"]
    file.write_text("nonsense: [")
    assert bash(f"driveway doctor --config {file} --car ") == []
