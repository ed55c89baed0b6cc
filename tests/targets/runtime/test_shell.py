"""The board's shell through SMP group 9: what may be typed, and nothing else."""

import pytest
from bench_kit import Rig, signed_book
from smp import shell_management as shell

from targets.runtime.shell import VERBS


@pytest.fixture
def rig(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "factory.book").write_bytes(signed_book(tmp_path, "0.9.0"))
    return Rig(state, serial="0badcafe")


def typed(rig, *argv):
    reply = rig.ask(shell.ExecuteRequest(argv=list(argv)), shell.ExecuteResponse)
    return reply.o, reply.ret


ANSWERS = {  # typed → what the answer holds
    "param set fake_bpm 90": "fake_bpm 90 bpm from bar 1 beat 0",
    "param set fake_bpm 90 now": "fake_bpm 90 bpm from bar 0",
    "param set fake_bpm 90 8bars phrase": "fake_bpm 90 bpm from bar",
    "param set fake_key d": "fake_key d",
    "param set 'fake_key' \"c\"": "fake_key c",
    "param get fake_bpm": "fake_bpm 120 bpm",
    "param list": "fake_key any",
    "info": "bench, serial 0badcafe",
    "health": "nothing has sounded yet",
    "log": "playing test book 0.9.0",
    "log 1": "playing",
    "file list": "no files",
    "help": "param set ID VALUE [OVER] [QUANTUM]",
}


@pytest.mark.parametrize("line", ANSWERS)
def test_a_command_is_answered_in_text(rig, line):
    text, code = typed(rig, line)
    assert ANSWERS[line] in text and code == 0


def test_a_command_in_words_is_the_same_as_in_one_line(rig):
    assert typed(rig, "param", "set", "fake_bpm", "90") == typed(rig, "param set fake_bpm 90")
    assert rig.machine.performance.get("fake_bpm") == 90


WRONG = {  # typed → what the line says; the exit code is that of a wrong command line
    "param set fake_bpm 9000": "out of range",
    "param set fake_bpm fast": "cannot be 'fast'",
    "param set fake_bpn 90": "did you mean fake_bpm",
    "param set fake_bpm": "param set ID VALUE [OVER] [QUANTUM]",
    "param set fake_bpm 1 2 3 4": "was given 5 words",
    "param get nothing": "no parameter 'nothing'",
    "param": "no command 'param'",
    "reboot": "no command 'reboot'",
    "sh -c 'rm -rf /'": "no command 'sh -c'",
    "log many": "cannot show 'many' lines",
    "log 0": "cannot show '0' lines",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_command_is_a_line_and_a_code(rig, line):
    before = rig.machine.performance.values()
    text, code = typed(rig, line)
    assert WRONG[line] in text and "\n" not in text and code == 2
    assert rig.machine.performance.values() == before


def test_files_are_listed_and_removed(rig):
    rig.raw(2, 8, 0, {"off": 0, "data": b"abc", "name": "/bundles/x", "len": 3})
    assert typed(rig, "file list") == ("3 /bundles/x", 0)
    assert typed(rig, "file remove /bundles/x") == ("/bundles/x is gone", 0)
    text, code = typed(rig, "file remove /bundles/../settings.json")
    assert code == 8 and "cannot be called" in text


def test_the_help_names_every_command_and_fits_the_smallest_buffer(rig):
    rig.machine.buffer_bytes = 2048
    text, _ = typed(rig, "help")
    assert all(name in text for name in VERBS) and len(text.splitlines()) == len(VERBS)


@pytest.mark.parametrize("buffer_bytes", [160, 200, 256])
def test_text_that_does_not_fit_is_cut_and_says_so(rig, buffer_bytes):
    rig.machine.buffer_bytes = buffer_bytes
    rig.machine.log.say("é" * 300)
    text, code = typed(rig, "log")
    assert text.endswith("\n...") and code == 0


def test_what_is_no_command_at_all_is_refused(rig):
    for argv, code in (([], 3), (["  "], 3), (["'"], 3), (["x" * 300], 7), ("text", 3), ([1], 3)):
        assert rig.raw(2, 9, 0, {"argv": argv})["rc"] == code, argv
