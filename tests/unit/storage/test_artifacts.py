"""Model folders: saved, loaded, and refused."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import korlm
from korlm.errors import ArtifactError, UnknownNameError
from korlm.models.language_model import LanguageModel
from korlm.nn.lm import RecurrentLM
from korlm.storage.artifacts import data_folder, new_folder, write_file, write_json, write_tensors

Make = Callable[..., RecurrentLM]


@pytest.fixture
def saved(tmp_path: Path, small_net: Make) -> Path:
    tokenizer = korlm.load_tokenizer("syllable")
    LanguageModel(tokenizer, small_net(tokenizer.vocab_size), info={"made": "here"}).save(tmp_path / "model")
    return tmp_path / "model"


def test_a_saved_model_gives_the_same_logits(saved: Path, small_net: Make) -> None:
    loaded = korlm.load_model(saved)
    ids = torch.tensor([[2, 300, 301]])
    net = small_net(loaded.tokenizer.vocab_size)
    assert torch.equal(loaded.net.compute_logits(loaded.net(ids)[0]), net.compute_logits(net(ids)[0]))
    assert loaded.info == {"made": "here"}


def test_half_precision_halves_the_file_and_hardly_moves_the_score(saved: Path, tmp_path: Path) -> None:
    lm = korlm.load_model(saved)
    lm.save(tmp_path / "half", precision="float16")
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (tmp_path / "half", saved)]
    assert sizes[0] < 0.55 * sizes[1]
    bits = [korlm.load_model(folder).score(["재미있다"]).bits_per_character for folder in (tmp_path / "half", saved)]
    assert bits[0] == pytest.approx(bits[1], rel=1e-3)


def test_saving_again_replaces_the_folder_and_leaves_no_litter(saved: Path) -> None:
    korlm.load_model(saved).save(saved)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]
    korlm.load_model(saved)


@pytest.mark.skipif(sys.platform != "linux", reason="the exchange of two names is Linux's")
def test_a_folder_is_replaced_at_one_stroke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "model"
    for content in ("old", "new"):
        with new_folder(target) as temporary:
            (temporary / "config.json").write_text(content)
            inode = temporary.stat().st_ino
            if content == "new":  # with two renames there would be a moment without the folder
                monkeypatch.delattr(Path, "rename")
    assert (target / "config.json").read_text() == "new" and target.stat().st_ino == inode
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_killed_writer_left_is_swept_away_in_time(tmp_path: Path) -> None:
    old, young = tmp_path / ".model-abcd1234", tmp_path / ".model-efgh5678"
    for folder in (old, young):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
    os.utime(old, (0, 0))
    with new_folder(tmp_path / "model") as temporary:
        (temporary / "config.json").write_text("{}")
    assert not old.exists() and young.exists()


def damage_missing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def damage_cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def damage_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def damage_foreign(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def damage_newer(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"format": 99}))


def damage_shape(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["net"]["hidden"] = 17
    (folder / "config.json").write_text(json.dumps(config))


def damage_pickle(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")


def damage_vocabulary(folder: Path) -> None:
    (folder / "tokenizer" / "vocabulary.json").write_text('["가", "나"]')


def damage_tokenizer(folder: Path) -> None:
    (folder / "tokenizer" / "config.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        damage_missing, damage_cut, damage_json, damage_foreign, damage_newer,
        damage_shape, damage_pickle, damage_vocabulary, damage_tokenizer,
    ],
)  # fmt: skip
def test_a_damaged_or_foreign_folder_is_a_clear_error(saved: Path, damage: Callable[[Path], None]) -> None:
    damage(saved)
    with pytest.raises(ArtifactError) as caught:
        korlm.load_model(saved)
    assert caught.value.ko.endswith(("요.", "요")) and caught.value.en


def test_an_unknown_model_lists_the_names() -> None:
    with pytest.raises(UnknownNameError, match="reviews-unigram-lstm"):
        korlm.load_model("no-such-model")


def test_a_folder_of_someone_else_is_not_overwritten(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("논문")
    with pytest.raises(ArtifactError, match="덮어쓰지"):
        korlm.load_model(saved).save(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "논문"


def test_a_failure_while_writing_leaves_the_old_folder(saved: Path) -> None:
    before = (saved / "model.safetensors").read_bytes()
    with pytest.raises(RuntimeError), new_folder(saved) as temporary:
        (temporary / "half").write_text("written")
        raise RuntimeError
    assert (saved / "model.safetensors").read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_file_where_a_folder_should_be_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArtifactError, match="쓰지"):
        write_file(tmp_path / "file" / "inside", b"x")


@pytest.mark.parametrize("name", korlm.list_models())
def test_a_bundled_model_is_whole_small_and_says_how_it_was_made(name: str) -> None:
    folder = data_folder() / "models" / name
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10_000_000
    lm = korlm.load_model(name)
    assert lm.info["command"].startswith("korlm train reviews")
    assert lm.info["test"]["bits_per_character"] < 4
    assert lm.info["test"]["signature"].endswith(lm.tokenizer.signature)


def test_the_three_bundled_models_cut_the_text_three_ways() -> None:
    units = {korlm.load_model(name).tokenizer.unit for name in korlm.list_models()}
    assert {"syllable", "morpheme", "subword"} <= units


@pytest.mark.parametrize("name", korlm.list_models())
def test_a_bundled_model_scores_as_it_says(name: str, corpora: Path) -> None:
    lm = korlm.load_model(name)
    score = lm.score(korlm.load_corpus("reviews").test[:1000])
    assert score.bits_per_character == pytest.approx(lm.info["test"]["bits_per_character"], abs=0.08)


@pytest.mark.skipif(os.name != "posix", reason="no such permissions on this system")
@pytest.mark.parametrize(("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o007, 0o660, 0o770)])
def test_what_is_written_is_as_readable_as_any_other_file(tmp_path: Path, umask: int, file: int, folder: int) -> None:
    before = os.umask(umask)
    try:
        write_json(tmp_path / "report.json", {})
        with new_folder(tmp_path / "model") as temporary:
            write_json(temporary / "config.json", {})
            (temporary / "tokenizer").mkdir()
            write_file(temporary / "tokenizer" / "vocabulary.txt", b"")
            write_tensors(temporary / "model.safetensors", {"weight": torch.zeros(2)})
    finally:
        os.umask(before)
    model = tmp_path / "model"
    files = [tmp_path / "report.json", *(path for path in model.rglob("*") if path.is_file())]
    assert len(files) == 4 and {path.stat().st_mode & 0o777 for path in files} == {file}
    assert {path.stat().st_mode & 0o777 for path in (model, model / "tokenizer")} == {folder}
