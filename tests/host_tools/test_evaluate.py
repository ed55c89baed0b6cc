"""`limonaire evaluate`: data on stdout, progress on stderr, and one line with its exit code for whatever is wrong."""

import json
import shutil

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from export.model import BASELINE, WEIGHTS
from host_tools import main as cli
from tests.fixtures import hostile, tunes


def run(capsys, *words):
    code = cli.main(["evaluate", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def folder(tmp_path):
    return tunes.write_folder(tmp_path / "tunes")


def test_nats_are_what_it_measures_unless_asked_for_more(capsys, folder):
    code, out, _ = run(capsys, "--corpus", folder, "--json")
    report = json.loads(out)
    assert code == 0 and report["pieces"] == len(tunes.ALL) and "likeness" not in report
    assert report["interval"][0] <= report["nats_per_note"] <= report["interval"][1]


def test_likeness_alone_needs_no_baseline(capsys, folder, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    shutil.copy(WEIGHTS, model)
    (model / BASELINE.name).write_bytes(b"broken")
    code, out, _ = run(capsys, "--corpus", folder, "--what", "likeness", "--model", model, "--json")
    report = json.loads(out)
    assert code == 0 and set(report) == {"likeness"} and report["likeness"]["pieces"] == len(tunes.ALL)


def test_both_measures_stand_in_one_document_or_in_one_table(capsys, folder):
    code, out, _ = run(capsys, "--corpus", folder, "--what", "nats,likeness")
    assert code == 0 and "nats_per_note" in out and "likeness.features.polyphony.ratio" in out


def nothing(folder):
    folder.mkdir()


def broken(folder):
    folder.mkdir()
    for name, data in hostile.UNREADABLE.items():
        (folder / f"{name}.mid").write_bytes(data)


def cut_archive(folder):
    folder.mkdir()
    (folder / "a.tar.xz").write_bytes(b"\xfd7zXZ\x00\x00\x04")
    (folder / "manifest.csv").write_text("path,source,split\na/b.mid,a,test\n")


def other_manifest(folder):
    tunes.write_folder(folder)
    (folder / "manifest.csv").write_text("midi_filename\na.mid\n")


FOLDERS = {  # how the corpus is made: (exit code, word of the line)
    nothing: (2, "holds no MIDI music"),
    broken: (2, f"holds no MIDI music, {len(hostile.UNREADABLE)} unreadable or empty"),
    cut_archive: (7, "a.tar.xz is damaged or cut short"),
    other_manifest: (2, "lacks the column"),
    lambda folder: None: (2, "is not a folder"),
    lambda folder: folder.write_bytes(b"x"): (2, "is not a folder"),
}


@pytest.mark.parametrize("make", FOLDERS)
@pytest.mark.parametrize("what", ["nats", "likeness"])
def test_a_folder_that_is_no_corpus_is_one_line(make, what, capsys, tmp_path):
    make(tmp_path / "corpus")
    code, out, err = run(capsys, "--corpus", tmp_path / "corpus", "--what", what, "--json")
    wanted, word = FOLDERS[make]
    assert (code, out, err.count("\n")) == (wanted, "", 1) and word in err


def other_version(model):
    tensors = {"a": np.zeros(3, np.float32)}
    save_file(tensors, model / WEIGHTS.name, metadata={"format": "limonaire-composer-999"})


def other_tensors(model):
    with safe_open(WEIGHTS, "np") as file:
        save_file({"a": np.zeros(3, np.float32)}, model / WEIGHTS.name, metadata=file.metadata())


def other_columns(model):
    with safe_open(WEIGHTS, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tensors["rows.table"] = tensors["rows.table"][:-9]
        save_file(tensors, model / WEIGHTS.name, metadata=file.metadata())


def no_baseline(model):
    shutil.copy(WEIGHTS, model)
    (model / BASELINE.name).write_bytes(BASELINE.read_bytes()[:1000])


MODELS = {  # how the model folder is made: (exit code, word of the line)
    lambda model: None: (2, "does not exist"),
    lambda model: (model / WEIGHTS.name).write_bytes(b"weights"): (7, "is not a weights file"),
    lambda model: (model / WEIGHTS.name).write_bytes(WEIGHTS.read_bytes()[:100_000]): (7, "is not a weights file"),
    other_version: (7, "holds limonaire-composer-999; this version reads"),
    other_tensors: (7, "lacks what this network needs ('rows.table')"),
    other_columns: (7, "this version has"),
    no_baseline: (7, "baseline.npz is not a baseline"),
}


@pytest.mark.parametrize("make", MODELS)
def test_a_model_that_is_none_or_of_another_version_is_one_line(make, capsys, folder, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    make(model)
    code, out, err = run(capsys, "--corpus", folder, "--model", model, "--json")
    wanted, word = MODELS[make]
    assert (code, out, err.count("\n")) == (wanted, "", 1) and word in err


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (["--what", "beauty"], "there is no measure 'beauty', only nats and likeness"),
        (["--what", ""], "there is no measure ''"),
        (["--split", "half"], "invalid choice: 'half'"),
        (["--what", "likeness", "--pieces", "3"], "3 pieces of 4 bars or more say nothing"),
        (["--what", "likeness", "--after", "500"], "0 pieces of 504 bars or more say nothing"),
        (["--what", "likeness", "--pieces", "-1"], "neither --pieces nor --after can be negative"),
        (["--split", "valid", "--corpus", "CORPUS_WITHOUT_VALID"], "in the split valid"),
    ],
)
def test_a_wish_that_cannot_be_met_is_one_line_and_usage(words, word, capsys, folder):
    (folder / "manifest.csv").write_text("\n".join(["path,source,split", *(f"{n}.mid,a,test" for n in tunes.ALL)]))
    words = [str(folder) if w == "CORPUS_WITHOUT_VALID" else w for w in words]
    code, out, err = run(capsys, "--corpus", folder, *words)
    assert (code, out, err.count("\n")) == (2, "", 1) and word in err


def test_hostile_files_beside_music_are_named_and_the_music_is_judged(capsys, folder):
    for name, data in hostile.UNREADABLE.items():
        (folder / f"{name}.mid").write_bytes(data)
    code, out, _ = run(capsys, "--corpus", folder, "--json")
    report = json.loads(out)
    assert code == 0 and report["pieces"] == len(tunes.ALL)
    assert {entry["file"] for entry in report["skipped"]} == {f"{name}.mid" for name in hostile.UNREADABLE}
