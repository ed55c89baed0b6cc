"""MIDI in and out: nothing is lost, and what is no MIDI is one clear line."""

import numpy as np
import pytest

from gen_core.score.midi import find_midi, read_midi, write_midi
from gen_core.spec.errors import UsageError
from tests.fixtures import tunes


@pytest.mark.parametrize("name", tunes.ALL)
def test_a_score_survives_a_file_note_for_note(name, tmp_path):
    score = tunes.ALL[name]()
    write_midi(score, tmp_path / "a.mid")
    back = read_midi(tmp_path / "a.mid")
    assert [t.program for t in back.tracks] == [t.program for t in score.tracks]
    assert all(np.array_equal(a.notes, b.notes) for a, b in zip(score.tracks, back.tracks, strict=True))
    assert [(m.tick, m.numerator, m.denominator) for m in back.meters] == [tuple(m) for m in score.meters]
    assert [t.bpm for t in back.tempos] == pytest.approx([t.bpm for t in score.tempos], rel=1e-5)


@pytest.mark.parametrize(
    "data",
    [b"", b"MThd", b"RIFF....", b"<?xml version='1.0'?>", b"MThd\0\0\0\x06\0\x01\0\x02\x01\xe0MTrk\0\0\xff\xff\0"],
)
def test_what_is_no_midi_is_one_line_with_cause_and_next_step(data, tmp_path):
    path = tmp_path / "broken.mid"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="broken.mid is not a readable MIDI file") as caught:
        read_midi(path)
    assert caught.value.next_step and "\n" not in str(caught.value)


def test_a_file_cut_short_is_refused(tmp_path):
    write_midi(tunes.music_box(), tmp_path / "whole.mid")
    data = (tmp_path / "whole.mid").read_bytes()
    (tmp_path / "cut.mid").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UsageError):
        read_midi(tmp_path / "cut.mid")


def test_a_missing_file_is_named():
    with pytest.raises(UsageError, match=r"nowhere\.mid does not exist"):
        from pathlib import Path

        read_midi(Path("nowhere.mid"))


def test_files_are_found_in_the_same_order_whatever_their_case(tmp_path):
    for name in ("b.MID", "a.mid", "sub/c.midi", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in find_midi(tmp_path)] == ["a.mid", "b.MID", "c.midi"]
