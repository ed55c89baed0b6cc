"""`evaluate` judges any folder of MIDI files, names what it could not read, and charges every note."""

import numpy as np
import pytest

from export.model import BASELINE
from gen_core.score.grid import encode
from gen_core.score.midi import write_midi
from gen_core.score.score import Score, Track, make_notes
from gen_core.sequence import vocabulary as v
from gen_core.spec.errors import UsageError
from gen_core.training.baseline import Baseline
from gen_core.training.columns import TARGETS, piece_rows
from gen_core.training.corpus import read_corpus
from gen_core.training.evaluate import evaluate, model_nats
from tests.fixtures import tunes
from tests.fixtures.models import Uniform


@pytest.fixture(scope="module")
def baseline():
    return Baseline.load(BASELINE)


@pytest.fixture
def folder(tmp_path):
    return tunes.write_folder(tmp_path / "tunes")


def test_a_model_that_knows_nothing_costs_the_logarithms_of_the_fields(baseline, folder):
    report = evaluate(Uniform(), baseline, folder)
    notes, bars = report["notes"], sum(len(encode(make()).bar_steps) - 1 for make in tunes.ALL.values())
    wanted = sum(np.log(size) for size in v.SIZES.values()) + np.log(v.SIZES["delta"]) * bars / notes
    assert report["nats_per_note"] == pytest.approx(wanted, abs=1e-3)


def test_the_default_model_foretells_old_tunes_better_than_counting(model, baseline, folder):
    report = evaluate(model, baseline, folder)
    assert report["notes"] == sum(make().n_notes for make in tunes.ALL.values())
    assert report["nats_per_note"] < report["baseline_nats_per_note"]
    assert report["pieces"] == len(tunes.ALL) and report["skipped"] == []
    assert sum(report["fields"].values()) == pytest.approx(report["nats_per_note"], abs=1e-3)


def test_pieces_read_side_by_side_cost_what_they_cost_alone(baseline, folder):
    from export.model import model_graphs
    from gen_core.playback.model import GraphModel

    exact = GraphModel(model_graphs(int8=False))
    tables = [piece_rows(encode(make())) for make in tunes.ALL.values()]
    together = model_nats(exact, tables)
    for table, nats in zip(tables, together, strict=True):
        assert np.allclose(model_nats(exact, [table])[0], nats, atol=2e-4)
        assert (nats[table[:, TARGETS.start] == v.BAR, 1:] == 0).all()


def test_a_note_that_the_grid_drops_is_charged_as_a_unigram_draw(baseline, tmp_path):
    rows = [(480 * i, 480, 60, 80) for i in range(8)]
    twice = sorted([*rows, *((t + 3, d, p, v_) for t, d, p, v_ in rows)])
    for name, notes in (("once", rows), ("twice", twice)):
        write_midi(Score((Track("t", 0, make_notes(notes)),)), tmp_path / name / "a.mid")
    once, both = (evaluate(Uniform(), baseline, tmp_path / name) for name in ("once", "twice"))
    assert both["grid"]["dropped"] == 8 and both["notes"] == 2 * once["notes"]
    assert both["nats_per_note"] * 16 == pytest.approx(once["nats_per_note"] * 8 + 8 * baseline.dropped_nats, abs=0.01)


def test_a_damaged_file_is_skipped_counted_and_named(folder):
    (folder / "cut.mid").write_bytes((folder / "music_box.mid").read_bytes()[:100])
    (folder / "no.mid").write_bytes(b"no music")
    items, skipped = read_corpus(folder)
    assert len(items) == len(tunes.ALL) and [file.name for file in skipped] == ["cut.mid", "no.mid"]
    assert all(file.name in file.reason for file in skipped)


@pytest.mark.parametrize("content", [{}, {"notes.txt": b"x"}, {"a.mid": b"broken"}])
def test_an_empty_corpus_is_one_clear_line(content, tmp_path):
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match="holds no MIDI music"):
        read_corpus(tmp_path)


def test_a_manifest_of_another_kind_is_one_clear_line(tmp_path):
    tunes.write_folder(tmp_path)
    (tmp_path / "manifest.csv").write_text("midi_filename,split\na.mid,train\n")
    with pytest.raises(UsageError, match="lacks the column path and source"):
        read_corpus(tmp_path)


def test_a_manifest_gives_source_and_split_and_archives_are_read(folder, tmp_path):
    import tarfile

    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / "old.tar.xz", "w:xz") as tar:
        for path in sorted(folder.glob("*.mid")):
            tar.add(path, f"old/{path.name}")
    splits = zip(sorted(tunes.ALL), ("train", "train", "valid", "test"), strict=True)
    lines = [f"old/{name}.mid,old,{split}" for name, split in splits]
    (packed / "manifest.csv").write_text("\n".join(["path,source,split", *lines]))
    items, _ = read_corpus(packed, ("train",))
    assert [item.name for item in items] == ["old/frere_jacques.mid", "old/limping_dance.mid"]
    assert {item.source for item in items} == {"old"}
