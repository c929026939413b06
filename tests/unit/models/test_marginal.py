"""Scores over all segmentations: lattices against enumeration, the beam search against the exact sum, commands."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strings import NASTY
from support.toy_models import Make, stirred

import korlm
from korlm.cli.main import main
from korlm.errors import CorpusError, InputError
from korlm.models import segmentation_search
from korlm.models.language_model import LanguageModel
from korlm.models.marginal import likely_segmentations, score_marginal
from korlm.models.scoring import token_nlls
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.lattice import Lattice, LatticeBuilder
from korlm.tokenizers.segmented import SegmentedTokenizer
from korlm.tokenizers.segmenters.character import JamoSegmenter
from korlm.tokenizers.segmenters.word import WordSegmenter
from korlm.tokenizers.vocabulary import Vocabulary

FAST = ["byte", "jamo", "syllable", "word", "unigram", "bpe", "kiwi", "kiwi+unigram", "kiwi/jamo", "mecab/jamo"]
LETTERS = ("\u1112", "\u1161", "\u11ab", "\u11ba")  # what 한, 하 and 핬 are made of


def load(name: str) -> Tokenizer:
    base, _, split = name.partition("/")
    return korlm.load_tokenizer(base, split=split) if split else korlm.load_tokenizer(base)


def small(*pieces: str) -> SegmentedTokenizer:
    return SegmentedTokenizer("word", WordSegmenter(), Vocabulary(pieces))


def joining(*pieces: str) -> SegmentedTokenizer:
    return SegmentedTokenizer("jamo", JamoSegmenter(), Vocabulary([*LETTERS, *pieces]))


def paths(lattice: Lattice, node: int = 0) -> Iterator[tuple[int, ...]]:
    if node == len(lattice.edges) - 1:
        yield ()
    for to, number in lattice.edges[node]:
        yield from ((number, *rest) for rest in paths(lattice, to))


def spelt_in_bytes(tokenizer: Tokenizer, ids: Sequence[int]) -> bool:
    """Return whether a character that is a piece stands there in bytes."""
    data = b"".join(tokenizer.token_bytes[number] if number in tokenizer.byte_token_ids else b"\xff" for number in ids)
    own = {surface for surface in tokenizer.surfaces if surface and len(surface) == 1}
    return any(character.encode() in data for character in own)


@pytest.mark.parametrize("name", FAST)
def test_lattice_paths_decode_to_text_and_include_the_tokenizers(name: str) -> None:
    tokenizer = load(name)
    lattices, draw = LatticeBuilder(tokenizer), random.Random(5)
    for text in NASTY:
        lattice = lattices.build(text)
        ids = tokenizer.encode_ids([text])[0]
        nodes = lattice.path_nodes(ids)
        assert nodes[0] == 0 and nodes[-1] == len(lattice.edges) - 1 and nodes == sorted(nodes)
        for _ in range(5):
            node, drawn = 0, []
            while lattice.edges[node]:
                node, number = draw.choice(lattice.edges[node])
                drawn.append(number)
            assert node == len(lattice.edges) - 1 and tokenizer.decode(drawn) == text


@settings(deadline=None)
@given(st.text(max_size=12), st.sampled_from(["jamo", "unigram", "word"]))
def test_lattice_of_any_text_includes_the_tokenizers_path(text: str, name: str) -> None:
    tokenizer = korlm.load_tokenizer(name)
    assert LatticeBuilder(tokenizer).build(text).path_nodes(tokenizer.encode_ids([text])[0])


@pytest.mark.parametrize(
    ("tokenizer", "texts"),
    [
        (small("가", "나", "가나", "나가", "가나가"), ["가나가", "나나가가", "가나가나"]),
        (small("a", "ab", "é", "éa"), ["abé", "éab", "éé", "aßa"]),
        (joining("하", "한", "핬", "한하"), ["한", "핬한", "하하"]),
        (joining("한"), ["한", "핬"]),
    ],
    ids=["syllables", "bytes", "letters", "letters and bytes"],
)
def test_lattice_paths_are_all_sequences_that_decode_to_text(tokenizer: Tokenizer, texts: list[str]) -> None:
    for text in texts:
        found = list(paths(LatticeBuilder(tokenizer).build(text)))
        assert len(set(found)) == len(found)
        alphabet = sorted({number for ids in found for number in ids} | set(range(260, tokenizer.vocab_size)))
        longest = max(map(len, found))
        every = (ids for size in range(longest + 1) for ids in itertools.product(alphabet, repeat=size))
        expected = {ids for ids in every if tokenizer.decode(ids) == text and not spelt_in_bytes(tokenizer, ids)}
        assert set(found) == expected


@pytest.mark.parametrize(
    "shape",
    [
        {"cell": "lstm"},
        {"cell": "gru", "layers": 2},
        {"cell": "rnn", "ngrams": 3, "buckets": 64, "ngram_width": 4},
        {"cell": "lstm", "softmax": "adaptive", "cutoffs": [100], "tied": False},
    ],
    ids=["lstm", "gru", "ngrams", "adaptive"],
)
def test_wide_beam_finds_exact_sum(small_net: Make, shape: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation_search, "_MAX_NLL_GAP", math.inf)
    tokenizer = small("가", "나", "가나", "나가", "가나가")
    lm = LanguageModel(tokenizer, stirred(small_net(tokenizer.vocab_size, **shape)))
    lines = ["가나가", "", "나나가가", "가나b가나", "가나가나가"]
    found = score_marginal(lm, lines, beam=10_000)
    for line, bits, share in zip(lines, found.bits, found.canonical_probabilities, strict=True):
        every = list(paths(LatticeBuilder(tokenizer).build(line)))
        nats = np.array([one.sum() for one in token_nlls(lm.net, every)])
        assert bits == pytest.approx(-np.logaddexp.reduce(-nats) / math.log(2), abs=1e-4)
        own = nats[every.index(tuple(tokenizer.encode_ids([line])[0]))]
        assert share == pytest.approx(math.exp(-own) / np.exp(-nats).sum(), abs=1e-4)
        best = likely_segmentations(lm, line, 3, beam=10_000)
        assert [tuple(cut.ids) for cut in best[:3]] == [every[index] for index in np.argsort(nats)[:3]]
        assert best[0].bits == pytest.approx(nats.min() / math.log(2), abs=1e-4)
    np.testing.assert_allclose(
        found.best_bits, [likely_segmentations(lm, line, 1, beam=10_000)[0].bits for line in lines], atol=1e-3
    )
    assert (found.bits <= found.best_bits + 1e-6).all() and (found.best_bits <= found.canonical_score.bits).all()


@settings(deadline=None, max_examples=30)
@given(st.text("가나b ", max_size=8), st.integers(1, 4))
def test_narrow_beam_is_between_canonical_and_exact(text: str, beam: int) -> None:
    tokenizer = small("가", "나", "가나", "나가", "가나가")
    from korlm.nn.lm import NetConfig, RecurrentLM

    lm = LanguageModel(tokenizer, stirred(RecurrentLM(NetConfig(tokenizer.vocab_size, hidden=8))))
    narrow, wide = (score_marginal(lm, [text], beam=size) for size in (beam, 10_000))
    slack = 1e-4
    assert wide.bits[0] - slack <= narrow.bits[0] <= float(narrow.canonical_score.surprisals[0].sum()) + slack
    cuts = likely_segmentations(lm, text, 100, beam=beam)
    assert sum(cut.probability for cut in cuts) == pytest.approx(1) and sum(cut.is_canonical for cut in cuts) == 1
    assert [cut.bits for cut in cuts] == sorted(cut.bits for cut in cuts)
    assert all(tokenizer.decode(cut.ids) == text for cut in cuts)


def test_many_lines_match_each_line_alone(small_net: Make) -> None:
    tokenizer = korlm.load_tokenizer("unigram")
    lm = LanguageModel(tokenizer, small_net(tokenizer.vocab_size))
    lines = [f"{number}번째 영화는 정말 재미있다 {'ㅋ' * (number % 7)}" for number in range(150)]
    seen: list[tuple[int, int]] = []
    found = score_marginal(lm, lines, progress=lambda done, all_: seen.append((done, all_)))
    assert seen[-1] == (150, 150) and found.characters == sum(map(len, lines)) + 150
    for index in (0, 63, 64, 149):
        assert found.bits[index] == pytest.approx(score_marginal(lm, lines[index : index + 1]).bits[0], abs=1e-3)
    assert found.bits_per_character <= found.canonical_score.bits_per_character
    assert "|segmentations:beam8|lines:150|" in found.signature and tokenizer.signature in found.signature


def test_lattice_work_is_linear_in_text_length() -> None:
    class Counted(dict):  # type: ignore[type-arg]
        looked_up = 0

        def get(self, *given: Any) -> Any:
            self.looked_up += 1
            return super().get(*given)

    tokenizer = korlm.load_tokenizer("unigram")
    lattices = LatticeBuilder(tokenizer)
    line = "이 영화는 정말 재미있다. 뷁! " * 6
    work = []
    for text in (line, line * 1_000):
        lattices._ids_by_prefix = pieces = Counted(lattices._ids_by_prefix)
        nodes = lattices.build(text).path_nodes(tokenizer.encode_ids([text])[0])
        work.append(pieces.looked_up)
    assert len(nodes) > 50_000 and work[1] < 1_050 * work[0]


def test_unsupported_input_is_a_clear_error(small_net: Make) -> None:
    lossy = SegmentedTokenizer("word", WordSegmenter(), Vocabulary(["가"], on_unknown="unk"))
    with pytest.raises(InputError, match="word 토크나이저는 글을 잃으므로"):
        score_marginal(LanguageModel(lossy, small_net(lossy.vocab_size)), ["가"])
    lm = LanguageModel(small("가"), small_net(261))
    with pytest.raises(InputError, match="beam"):
        score_marginal(lm, ["가"], beam=0)
    with pytest.raises(InputError, match="beam"):
        likely_segmentations(lm, "가", beam=0)
    with pytest.raises(InputError, match="n에"):
        likely_segmentations(lm, "가", 0)
    with pytest.raises(CorpusError):
        score_marginal(lm, [])
    with pytest.raises(InputError, match="줄의 목록"):
        score_marginal(lm, "가")
    with pytest.raises(ValueError, match="no segmentation"):
        LatticeBuilder(lm.tokenizer).build("가").path_nodes([260, 260])


def test_commands_print_library_results(
    small_net: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KORLM_LANG", "ko")
    lm = LanguageModel(small("가", "나", "가나"), stirred(small_net(263)))
    folder, file = str(tmp_path / "model"), tmp_path / "lines.txt"
    lm.save(folder)
    file.write_text("\n".join(f"{'가나' * (number % 5)} {number}" for number in range(60)), "utf-8")
    lines = korlm.load_corpus(file).test
    found = score_marginal(lm, lines)
    assert main(["evaluate", folder, str(file), "--marginal", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["bits_per_character"] == round(found.bits_per_character, 4)
    assert values["best_segmentation"] == round(found.best_bits.sum() / found.characters, 4)
    assert values["own_segmentation"] == round(lm.score(lines).bits_per_character, 4)
    assert values["signature"] == found.signature and values["own_share"] == round(
        float(found.canonical_probabilities.mean()), 4
    )
    mixed = ["evaluate", folder, str(file), "--with", folder, "--marginal", "3", "--json"]
    assert main(mixed) == 0  # a model mixed with itself is that model
    values = json.loads(capsys.readouterr().out)
    assert values["bits_per_character"] == round(score_marginal(lm, lines, beam=3).bits_per_character, 4)
    assert "|mix:line/2|segmentations:beam3|" in values["signature"]
    assert main(["evaluate", folder, str(file), "--marginal", "--dynamic", "0.1"]) == 2
    assert "--marginal와(과) --dynamic" in capsys.readouterr().err
    assert main(["segment", folder, "가나가", "-n", "2", "--json"]) == 0
    cuts = json.loads(capsys.readouterr().out)["segmentations"]
    assert [cut["pieces"] for cut in cuts][:2] == [
        cut.tokens for cut in likely_segmentations(lm, "가나가", 2)[:2]
    ] and sum(cut["own"] for cut in cuts) == 1
    assert main(["segment", folder, "가나가"]) == 0
    said = capsys.readouterr().out
    assert said.count("← 토크나이저") == 1 and "가나│가" in said and "가│나│가" in said


def test_canonical_segmentation_is_kept_in_a_full_beam(small_net: Make) -> None:
    tokenizer = small("가", "나", "가나", "나가", "가나가")
    lm = LanguageModel(tokenizer, small_net(tokenizer.vocab_size))
    with torch.no_grad():  # the own piece 가나가 is costly, and whatever the others lead to even more so
        lm.net.output.bias[tokenizer.encode_ids(["가나가"])[0]] -= 3
        lm.net.output.bias[2] += 12  # </s> at once
    lines = ["가나가" * 4, "가나가나가나가나가"]
    found = score_marginal(lm, lines, beam=1)
    assert (found.bits <= found.canonical_score.bits + 1e-6).all() and (found.canonical_probabilities > 0).all()
    for line in lines:
        cuts = likely_segmentations(lm, line, 1, beam=1)
        assert sum(cut.is_canonical for cut in cuts) == 1
