"""Whatever lies in a folder: it is read, or skipped and named, in little time; a broken corpus is one clear line."""

import io
import tarfile
import time

import numpy as np
import pytest

from export.model import BASELINE
from gen_core.score.grid import MOST_BARS, decode, encode
from gen_core.score.midi import parse_midi
from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError, VerificationError
from gen_core.training import corpus
from gen_core.training.baseline import Baseline
from gen_core.training.columns import piece_rows
from tests.fixtures import hostile, tunes

SOON_S = 5.0  # a file of a few kilobytes must not cost more, even on a busy machine


@pytest.mark.parametrize("name", hostile.UNREADABLE)
def test_a_file_without_music_is_skipped_and_named(name, tmp_path):
    tunes.write_folder(tmp_path)
    (tmp_path / f"{name}.mid").write_bytes(hostile.UNREADABLE[name])
    began_s = time.process_time()
    items, skipped = corpus.read_corpus(tmp_path)
    assert time.process_time() - began_s < SOON_S
    assert len(items) == len(tunes.ALL)
    assert [file.name for file in skipped] == [f"{name}.mid"]
    assert name in skipped[0].reason and "\n" not in skipped[0].reason


@pytest.mark.parametrize("name", hostile.ABSURD)
def test_an_absurd_file_is_read_for_what_music_it_holds(name):
    data, wanted = hostile.ABSURD[name]
    began_s = time.process_time()
    piece = encode(parse_midi(data, f"{name}.mid"))
    rows = piece_rows(piece)
    assert time.process_time() - began_s < SOON_S
    assert piece.n_notes == wanted and len(piece.programs) <= v.MAX_PARTS
    assert np.isfinite(piece.bar_bpm).all() and (piece.bar_bpm > 0).all()
    assert (piece.bar_steps > 0).all() and (piece.bar_steps <= v.MAX_BAR_STEPS).all()
    assert len(rows) == len(piece.events) - 1
    assert encode(decode(piece)).n_notes == wanted


def test_seven_eight_is_bars_of_seven_eighths():
    piece = encode(parse_midi(hostile.ABSURD["seven_eight"][0], "a"))
    assert piece.bar_steps.tolist() == [84, 84]


def test_a_score_of_more_bars_than_a_day_has_is_refused():
    with pytest.raises(UsageError, match=f"a goes on for more than {MOST_BARS} bars"):
        encode(parse_midi(hostile.UNREADABLE["a_note_after_a_century"], "a.mid"))


def test_a_file_of_a_size_that_no_music_has_is_not_even_read(tmp_path, monkeypatch):
    tunes.write_folder(tmp_path)
    monkeypatch.setattr(corpus, "LARGEST_BYTES", (tmp_path / "music_box.mid").stat().st_size - 1)
    items, skipped = corpus.read_corpus(tmp_path)
    assert "music_box.mid" in [file.name for file in skipped] and "more than music needs" in skipped[0].reason
    assert items


def packed(folder, keep=1.0):
    """The tunes as one archive with a manifest; `keep`: how much of the archive survives."""
    folder.mkdir()
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:xz") as tar:
        tar.add(tunes.write_folder(folder / "loose"), "old")
    for path in (folder / "loose").iterdir():
        path.unlink()
    data = memory.getvalue()
    (folder / "old.tar.xz").write_bytes(data[: int(len(data) * keep)])
    lines = [f"old/{name}.mid,old,test" for name in tunes.ALL]
    (folder / "manifest.csv").write_text("\n".join(["path,source,split", *lines]))
    return folder


@pytest.mark.parametrize("keep", [0.9, 0.5, 0.1, 0.005, 0.0])
def test_an_archive_that_was_cut_is_named_and_not_judged_in_part(keep, tmp_path):
    with pytest.raises(VerificationError, match=r"old.tar.xz is damaged or cut short .*; fetch it again"):
        corpus.read_corpus(packed(tmp_path / "cut", keep))


def test_a_whole_archive_is_read(tmp_path):
    assert len(corpus.read_corpus(packed(tmp_path / "whole"))[0]) == len(tunes.ALL)


MANIFESTS = {  # bytes: word of the line
    b"midi_filename,split\na.mid,train\n": "lacks the column path and source",
    b"": "lacks the column path and source and split",
    b"path,source,split\n\xff\xfe.mid,a,train\n": "is not UTF-8 text",
}


@pytest.mark.parametrize("data", MANIFESTS)
def test_a_manifest_of_another_kind_is_one_clear_line(data, tmp_path):
    tunes.write_folder(tmp_path)
    (tmp_path / "manifest.csv").write_bytes(data)
    with pytest.raises(UsageError, match=MANIFESTS[data]):
        corpus.read_corpus(tmp_path)


def test_a_manifest_that_was_cut_inside_a_line_still_serves_the_other_lines(tmp_path):
    tunes.write_folder(tmp_path)
    (tmp_path / "manifest.csv").write_text("path,source,split\nmusic_box.mid,old,test\nfrere_jacques.mid,o")
    items, _ = corpus.read_corpus(tmp_path, ("test",))
    assert "music_box.mid" in [item.name for item in items]


DAMAGED = {  # what happened to baseline.npz → word of the line
    "not there": (lambda data: None, "does not exist"),
    "cut": (lambda data: data[: len(data) // 2], "is not a baseline"),
    "empty": (lambda data: b"", "is not a baseline"),
    "a text": (lambda data: b"no table", "is not a baseline"),
    "a hole": (lambda data: data[:3000] + bytes(2000) + data[5000:], "is not a baseline"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_baseline_that_is_missing_or_damaged_is_one_clear_line(damage, tmp_path):
    make, word = DAMAGED[damage]
    data = make(BASELINE.read_bytes())
    if data is not None:
        (tmp_path / "baseline.npz").write_bytes(data)
    with pytest.raises(VerificationError, match=word) as error:
        Baseline.load(tmp_path / "baseline.npz")
    assert "\n" not in str(error.value) and error.value.next_step


def test_a_table_that_lacks_a_level_or_counts_other_classes_is_of_another_version(tmp_path):
    with np.load(BASELINE) as table:
        arrays = dict(table)
    np.savez(tmp_path / "less.npz", **{name: array for name, array in arrays.items() if name != "micro.6.counts"})
    np.savez(tmp_path / "more.npz", **arrays | {"micro.0.symbols": arrays["micro.0.symbols"] + np.uint16(9)})
    for name, word in (("less", "is not a baseline"), ("more", "other classes of micro")):
        with pytest.raises(VerificationError, match=word):
            Baseline.load(tmp_path / f"{name}.npz")
