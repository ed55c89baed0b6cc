"""Training learns, is the same from the same seed, and goes on after a kill as if nothing had been."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'limonaire[train]'")

from gen_core.score.grid import encode  # noqa: E402
from gen_core.sequence import vocabulary as v  # noqa: E402
from gen_core.spec.errors import UsageError  # noqa: E402
from gen_core.training import fit  # noqa: E402
from gen_core.training.columns import PITCH_COLUMNS, TARGETS, make_rows  # noqa: E402
from gen_core.training.stream import Streams, piece_weights  # noqa: E402
from gen_core.training.train import train  # noqa: E402
from tests.fixtures import tunes  # noqa: E402

torch.set_num_threads(1)  # tiny matrices: a second thread only waits
SMALL = fit.Shape(width=32, blocks=2, hidden=32, head=32)
PLAN = fit.Plan(steps=12, batch=4, length=32, warmup=2, valid_lines=2, valid_length=40, valid_every=100, save_every=4)


@pytest.fixture(scope="module")
def rows():
    return make_rows([encode(make()) for make in tunes.ALL.values()])


def run(rows, plan, path):
    return fit.fit(rows, np.full(4, 0.25), rows, plan, SMALL, path, lambda line: None)


def test_a_few_steps_learn_something(rows, tmp_path):
    before = fit.quick_validation(fit.Network(SMALL), fit.excerpts(rows, PLAN), "cpu")
    trained = run(rows, replace(PLAN, steps=60), tmp_path / "a.pt")
    after = fit.quick_validation(trained, fit.excerpts(rows, PLAN), "cpu")
    assert after < 0.7 * before


def test_training_killed_and_taken_up_again_ends_at_the_same_weights(rows, tmp_path):
    whole = run(rows, PLAN, tmp_path / "whole.pt")

    class Killed(Exception):
        pass

    def power_cut(module, inputs, output, count=[0]):  # noqa: B006
        count[0] += 1
        if count[0] > 9 * SMALL.blocks:
            raise Killed

    original, hooked = fit.Network, fit.Network

    def fragile(shape):
        network = original(shape)
        for block in network.blocks:
            block.register_forward_hook(power_cut)
        return network

    fit.Network = fragile
    try:
        with pytest.raises(Killed):
            run(rows, PLAN, tmp_path / "cut.pt")
    finally:
        fit.Network = hooked
    resumed = run(rows, PLAN, tmp_path / "cut.pt")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_checkpoint_of_another_run_is_not_gone_on_from(rows, tmp_path):
    run(rows, replace(PLAN, steps=4), tmp_path / "a.pt")
    run(rows, replace(PLAN, steps=5), tmp_path / "a.pt")  # longer is the same run
    with pytest.raises(UsageError, match="another seed"):
        run(rows, replace(PLAN, seed=2), tmp_path / "a.pt")


def test_a_validation_split_of_short_pieces_is_judged_as_far_as_it_goes(rows):
    longest = int(np.diff(rows.starts).max())
    assert fit.excerpts(rows, replace(PLAN, valid_length=10 * longest)).shape[:2] == (longest, PLAN.valid_lines)


def test_the_rate_warms_up_holds_and_falls_to_nothing():
    plan = fit.Plan(steps=100, warmup=10, decay=0.3, rate=1.0)
    rates = [plan.rate_at(step) for step in range(101)]
    assert rates[0] == 0.1 and rates[10] == rates[69] == 1.0 and rates[100] == pytest.approx(0)
    assert all(a >= b for a, b in zip(rates[70:], rates[71:], strict=False))


def test_transposed_lines_stay_on_the_keyboard_and_leave_percussion_alone(rows):
    streams = Streams(rows, np.full(4, 0.25), 8, seed=3)
    for _ in range(20):
        table, _, _ = streams.next(64)
        pitch = table[..., PITCH_COLUMNS]
        assert pitch.min() >= 0 and pitch.max() <= v.SIZES["pitch"]
    original = np.unique(rows.table[:, TARGETS.start + 2][rows.table[:, TARGETS.start + 2] >= v.PITCHES])
    heard = np.unique(table[..., TARGETS.start + 2][table[..., TARGETS.start + 2] >= v.PITCHES])
    assert set(heard) <= set(original)


def test_a_source_is_heard_by_its_share_whatever_its_size(rows):
    weights = piece_weights(rows, ["big", "big", "big", "small"], {"big": 0.25, "small": 0.75})
    heard = weights * np.minimum(np.diff(rows.starts), 3072)
    assert heard[3] / heard.sum() == pytest.approx(0.75)


def test_a_folder_of_music_becomes_a_model_folder(tmp_path, monkeypatch):
    tunes.write_folder(tmp_path / "corpus")
    splits = ["train", "train", "train", "valid"]
    lines = [f"{name}.mid,old,{split},CC0" for name, split in zip(sorted(tunes.ALL), splits, strict=True)]
    (tmp_path / "corpus" / "manifest.csv").write_text("\n".join(["path,source,split,licence", *lines]))
    monkeypatch.setattr(fit, "Shape", lambda: SMALL)
    monkeypatch.setattr(fit, "Plan", lambda **given: replace(PLAN, **given))
    said = []
    report = train(tmp_path / "corpus", tmp_path / "model", seed=3, workers=1, say=said.append)
    made = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"weights.safetensors", "baseline.npz", "provenance.csv", "checkpoint.pt", "curve.png"} <= made
    assert report["valid_nats_per_note"] > 0 < report["baseline_nats_per_note"]
    assert any("validation" in line for line in said) and any("baseline" in line for line in said)
    assert (tmp_path / "model" / "provenance.csv").read_text().count("CC0") == 3


def test_too_little_music_to_train_on_is_one_clear_line(tmp_path):
    tunes.write_folder(tmp_path / "corpus")
    (tmp_path / "corpus" / "manifest.csv").write_text("path,source,split\nmusic_box.mid,old,train\n")
    for path in (tmp_path / "corpus").glob("*.mid"):
        if path.stem != "music_box":
            path.unlink()
    with pytest.raises(UsageError, match="1 pieces to train on and 0 to validate with"):
        train(tmp_path / "corpus", tmp_path / "model", say=lambda line: None)
