"""What every verb has in common, as tables."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from gen_core.spec import errors
from host_tools import main as cli

ROOT = Path(__file__).resolve().parents[2]


def run(*words, capsys):
    code = cli.main(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help_with_an_example_and_json(verb, capsys):
    module = cli.command(verb)
    assert module.HELP and module.HELP[0].islower() and not module.HELP.endswith(".")
    with pytest.raises(SystemExit) as done:
        cli.main([verb, "--help"])
    out = capsys.readouterr().out
    assert done.value.code == 0
    assert f"Example: limonaire {verb}" in out and "--json" in out


@pytest.mark.parametrize("verb", cli.VERBS)
def test_an_option_that_does_not_exist_is_one_line_and_usage(verb, capsys):
    code, out, err = run(verb, "--no-such-option", capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"see `limonaire {verb} --help`" in err


@pytest.mark.parametrize(
    ("word", "meant"), [("flahs", "flash"), ("bench_board", "bench-board"), ("param", "params"), ("recrod", "record")]
)
def test_a_mistyped_verb_suggests_the_nearest(word, meant, capsys):
    code, out, err = run(word, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "did you mean" in err and meant in err


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["--version"], 0), ([], 2), (["--what"], 2), ([""], 2)])
def test_the_bare_command_answers(words, code, capsys):
    assert run(*words, capsys=capsys)[0] == code


WRONG = {  # what was done → exit code, and a word of the line that says so
    errors.LimonaireError("a", "b"): (1, "a; b"),
    errors.UsageError("a", "b"): (2, "a; b"),
    errors.NoBoardError("a", "b"): (3, "a; b"),
    errors.NoPermissionError("a", "b"): (4, "a; b"),
    errors.BusyError("a", "b"): (5, "a; b"),
    errors.BoardTimeoutError("a", "b"): (6, "a; b"),
    errors.VerificationError("a", "b"): (7, "a; b"),
    errors.RefusedError("a", "b"): (8, "a; b"),
    KeyboardInterrupt(): (130, "interrupted"),
    FileNotFoundError(errno.ENOENT, "No such file", "x.mid"): (2, "x.mid: No such file; check the path"),
    PermissionError(errno.EACCES, "Permission denied", "x.mid"): (4, "x.mid: Permission denied"),
    OSError(errno.ENOSPC, "No space left on device", "x.wav"): (1, "x.wav: No space left"),
    ModuleNotFoundError("no", name="torch"): (1, "limonaire[train]"),
    ModuleNotFoundError("no", name="symusic"): (1, "limonaire[host]"),
    ZeroDivisionError("two\nlines"): (1, "unexpected ZeroDivisionError: two lines"),
}


@pytest.mark.parametrize("error", WRONG, ids=lambda error: type(error).__name__)
def test_an_error_is_one_line_and_its_own_exit_code(error, monkeypatch, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr(cli, "dispatch", fail)
    code, words = WRONG[error]
    assert cli.main(["demo"]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("limonaire: ") and err.count("\n") == 1 and words in err


def test_a_reader_who_has_seen_enough_is_no_error():
    command = f"{sys.executable} -m host_tools.main --help | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


BOARD_VERBS = ["info", "params", "get bpm", "set bpm 90", "stream --curve bpm=0:90", "record -o x.mid"]


@pytest.mark.parametrize("verb", BOARD_VERBS)
def test_without_a_board_every_board_verb_says_how_to_get_one(verb, capsys, monkeypatch, tmp_path):
    from host_tools import ports

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ports, "boards", lambda: [])
    code, out, err = run(*verb.split(), capsys=capsys)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "bench-board" in err
