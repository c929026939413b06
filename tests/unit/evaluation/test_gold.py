"""Gold morphemes from CoNLL-U, and the scores of tokenizers against them."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from korlm.errors import CorpusError, MissingDependencyError
from korlm.evaluation.gold.alignment import GoldSentence, read_gold
from korlm.evaluation.gold.scores import GoldCounts, lcs_length, reference_eojeols, score_sentence, to_treebank_form
from korlm.morph.base import Morpheme
from korlm.tokenizers.encoding import Encoding, Segment
from korlm.tokenizers.registry import load_tokenizer


def row(number: str, form: str, lemma: str, tags: str = "", misc: str = "_") -> str:
    tags = tags or "+".join("x" for _ in lemma.split("+"))
    return "\t".join([number, form, lemma, "X", tags, "_", "0", "dep", "_", misc])


def write(folder: Path, *sentences: list[str], name: str = "a.conllu") -> Path:
    content = "\n\n".join("\n".join(sentence) for sentence in sentences) + "\n\n"
    path = folder / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode())
    return path


SENTENCE = [
    "# sent_id = s1",
    "# text = 나는 갔다. (C++) 1+1은",
    row("1", "나는", "나+는", "npp+jxt"),
    row("2", "갔다", "가+았+다", "pvg+ep+ef", "SpaceAfter=No"),
    row("3", ".", ".", "sf"),
    row("4", "(", "(", "sl", "SpaceAfter=No"),
    row("5", "C++", "C++", "f", "SpaceAfter=No"),
    row("6", ")", ")", "sr"),
    row("7", "1+1은", "1+++1+은", "nnc+sy+nnc+jxt", "Translit=x|SpaceAfter=No"),
]


def forms(sentence: GoldSentence) -> list[list[tuple[str, int, int]]]:
    return [[(m.form, m.start, m.end) for m in eojeol.morphemes] for eojeol in sentence.eojeol]


def encoding_of_segments(text: str, segments: list[Segment]) -> Encoding:
    """Return an encoding with one token per segment."""
    spans = [segment[:2] for segment in segments]
    tokens = [text[start:end] for start, end in spans]
    return Encoding(text, list(range(len(segments))), tokens, spans, segments, list(range(len(segments))))


def gold_encoding(sentence: GoldSentence) -> Encoding:
    """Return the gold analysis as the encoding of a perfect morphological analyzer."""
    from korlm.tokenizers.segmenters.morpheme import merge_morphemes

    segments, position = [], 0
    for segment in merge_morphemes(sentence.morphemes):
        if segment.start > position:
            segments.append(Segment(position, segment.start))
        segments.append(segment)
        position = segment.end
    if position < len(sentence.text):
        segments.append(Segment(position, len(sentence.text)))
    return encoding_of_segments(sentence.text, segments)


def total(encodings: list[Encoding], gold: list[GoldSentence]) -> GoldCounts:
    scores = [
        score_sentence(encoding, reference_eojeols(sentence))
        for encoding, sentence in zip(encodings, gold, strict=True)
    ]
    return GoldCounts(*map(sum, zip(*scores, strict=True)))


def test_morphemes_have_spans_in_the_text(tmp_path: Path) -> None:
    (sentence,) = read_gold(write(tmp_path, SENTENCE))
    assert (sentence.name, sentence.num_tokens, sentence.num_unaligned) == ("s1", 7, 0)
    assert [sentence.text[eojeol.start : eojeol.end] for eojeol in sentence.eojeol] == [
        "나는",
        "갔다.",
        "(C++)",
        "1+1은",
    ]
    assert forms(sentence) == [
        [("나", 0, 1), ("는", 1, 2)],
        [("가", 3, 4), ("았", 3, 4), ("다", 4, 5), (".", 5, 6)],
        [("(", 7, 8), ("C++", 8, 11), (")", 11, 12)],
        [("1", 13, 14), ("+", 14, 15), ("1", 15, 16), ("은", 16, 17)],
    ]
    assert sentence.morphemes[1].tag == "jxt"


def test_gzip_crlf_and_missing_text_comment_give_the_same_sentences(tmp_path: Path) -> None:
    plain = read_gold(write(tmp_path, SENTENCE))
    assert read_gold(write(tmp_path, SENTENCE, name="a.conllu.gz")) == plain
    windows = tmp_path / "w.conllu"
    windows.write_bytes(("\ufeff" + "\r\n".join(SENTENCE) + "\r\n").encode())
    assert read_gold(windows) == plain
    assert read_gold(write(tmp_path, [SENTENCE[0], *SENTENCE[2:]])) == plain


def test_multiword_token_has_the_morphemes_of_its_words(tmp_path: Path) -> None:
    lines = [
        "# text = 학교에서는 논다",
        row("1-2", "학교에서는", "_", "_"),
        row("1", "학교", "학교", "ncn"),
        row("2", "에서는", "에서+는", "jca+jxt"),
        row("2.1", "빈", "비+ㄴ", "paa+etm"),
        row("3", "논다", "놀+ㄴ다", "pvg+ef"),
    ]
    (sentence,) = read_gold(write(tmp_path, lines))
    assert forms(sentence)[0] == [("학교", 0, 2), ("에서", 2, 4), ("는", 4, 5)]
    assert (sentence.name, sentence.num_tokens) == ("1", 2)


@pytest.mark.parametrize(
    ("lemma", "tags"),
    [("있", "px+ecs"), ("_", "px+ecs"), ("바다+보+다", "a+b+c"), ("있+어+서", "px+ecs"), ("+", "px+ecs"), ("++", "a")],
)
def test_token_with_incomplete_morphemes_is_counted_and_not_scored(tmp_path: Path, lemma: str, tags: str) -> None:
    lines = ["# text = 있어서 나는", row("1", "있어서", lemma, tags), row("2", "나는", "나+는", "npp+jxt")]
    (sentence,) = read_gold(write(tmp_path, lines))
    assert [eojeol.fully_aligned for eojeol in sentence.eojeol] == [False, True]
    assert sentence.num_unaligned == 1
    counts = score_sentence(load_tokenizer("syllable").encode(sentence.text), reference_eojeols(sentence))
    assert (counts.gold_eojeol, counts.boundaries, counts.gold_ids) == (1, 1, 2)


def test_short_allomorphs_of_the_treebanks_are_aligned(tmp_path: Path) -> None:
    lines = ["# text = 많은 하여", row("1", "많은", "많+ㄴ"), row("2", "하여", "하+어")]
    (sentence,) = read_gold(write(tmp_path, lines))
    assert forms(sentence) == [[("많", 0, 1), ("ㄴ", 1, 2)], [("하", 3, 4), ("어", 4, 5)]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "문장이 없습니다"),
        (b"# text = \n\n\n", "문장이 없습니다"),
        ("\n".join(["# sent_id = q", "# text = 나는 감", row("1", "나는", "나+는")]).encode(), "문장 q"),
        (
            "\n".join(["# sent_id = q", "# text = 나 는", row("1", "나", "나+ㅏ"), row("2", "늘", "늘")]).encode(),
            "4번째 줄",
        ),
        ("\n".join(["# text = 나는", row("1", "나", "나"), row("2", "는", "는")]).encode(), "'나'"),
        (row("1", "나는", "나는").encode(), "+로 이은"),
        ((row("1", "나는", "나+는") + "\n2\t하나\n").encode(), "2번째 줄"),
        ("나는 간다\n".encode(), "1번째 줄"),
        (b"# text = a\n" + "가".encode("euc-kr"), "2번째 줄이 UTF-8"),
    ],
)
def test_invalid_file_error_names_the_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.conllu"
    path.write_bytes(content)
    with pytest.raises(CorpusError) as caught:
        read_gold(path)
    assert message in caught.value.ko and "bad.conllu" in caught.value.ko and "bad.conllu" in caught.value.en


def test_missing_or_damaged_file_raises(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="읽지 못했습니다"):
        read_gold(tmp_path / "none.conllu")
    damaged = write(tmp_path, SENTENCE, name="d.conllu.gz")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(CorpusError, match="읽지 못했습니다"):
        read_gold(damaged)
    damaged.write_bytes(b"no gzip")
    with pytest.raises(CorpusError, match="읽지 못했습니다"):
        read_gold(damaged)


def test_missing_conllu_names_the_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "conllu", None)
    with pytest.raises(MissingDependencyError, match=r"korlm\[gold\]"):
        read_gold(write(tmp_path, SENTENCE))


def test_gold_encoding_has_perfect_scores(tmp_path: Path) -> None:
    gold = read_gold(write(tmp_path, SENTENCE))
    counts = total([gold_encoding(sentence) for sentence in gold], gold)
    assert counts.correct_boundaries == counts.boundaries == counts.gold_boundaries == 8
    assert counts.exact == counts.gold_eojeol == 4
    assert counts.gold_forms == counts.forms == counts.common_forms == 13
    assert (
        counts.in_syllable_boundaries == 1
        and counts.inside_morpheme == counts.inside_syllable == counts.inside_bytes == 0
    )


def test_counts_by_hand(tmp_path: Path) -> None:
    gold = read_gold(
        write(tmp_path, ["# text = 학교에 갔다", row("1", "학교에", "학교+에"), row("2", "갔다", "가+았+다")])
    )
    text = gold[0].text  # gold 학교|에 갔|다
    counts = total([encoding_of_segments(text, [Segment(0, 1), Segment(1, 3), Segment(3, 6)])], gold)  # 학|교에| 갔다
    assert counts.boundaries == 1 and counts.correct_boundaries == 0 and counts.gold_boundaries == 2
    counts = total(
        [encoding_of_segments(text, [Segment(0, 1), Segment(1, 2), Segment(2, 3), Segment(3, 5), Segment(5, 6)])], gold
    )
    assert (counts.boundaries, counts.correct_boundaries, counts.exact) == (3, 2, 1)  # 학|교|에| 갔|다
    assert counts.inside_morpheme == 1 and counts.gold_ids == 5
    assert (counts.gold_forms, counts.forms, counts.common_forms) == (5, 5, 2)  # 에, 다


def test_boundary_before_a_shared_syllable_is_inside_the_morpheme(tmp_path: Path) -> None:
    gold = read_gold(write(tmp_path, ["# text = 떠나간", row("1", "떠나간", "떠나가+ㄴ")]))
    counts = total([encoding_of_segments("떠나간", [Segment(0, 2), Segment(2, 3)])], gold)
    assert (
        counts.gold_boundaries,
        counts.in_syllable_boundaries,
        counts.boundaries,
        counts.correct_boundaries,
        counts.inside_morpheme,
    ) == (0, 1, 1, 0, 1)


def test_syllable_tokenizer_recalls_all_boundaries_and_word_tokenizer_none(tmp_path: Path) -> None:
    gold = read_gold(write(tmp_path, SENTENCE))
    texts = [sentence.text for sentence in gold]
    syllable = total(load_tokenizer("syllable").encode_batch(texts), gold)
    assert syllable.correct_boundaries == syllable.gold_boundaries == 8
    word = total(load_tokenizer("word").encode_batch(texts), gold)
    assert (word.boundaries, word.correct_boundaries, word.recalled_in_syllable) == (0, 0, 0)


def test_jamo_split_syllables_and_bytes_split_characters(tmp_path: Path) -> None:
    gold = read_gold(write(tmp_path, ["# text = 갔다", row("1", "갔다", "가+았+다")]))
    segments = [Segment(0, 1), Segment(1, 2)]
    spans = [(0, 1), (0, 1), (0, 1), (1, 2), (1, 2)]
    jamo_encoding = Encoding("갔다", [0] * 5, ["ㄱ", "ㅏ", "ㅆ", "ㄷ", "ㅏ"], spans, segments, [0, 0, 0, 1, 1])
    counts = total([jamo_encoding], gold)
    assert (
        counts.in_syllable_boundaries,
        counts.recalled_in_syllable,
        counts.inside_syllable,
        counts.correct_boundaries,
    ) == (1, 1, 3, 1)
    counts = total([load_tokenizer("byte").encode("갔다")], gold)
    assert (counts.recalled_in_syllable, counts.inside_bytes, counts.gold_ids) == (0, 4, 6)


def test_morpheme_of_several_subwords_counts_once(tmp_path: Path) -> None:
    gold = read_gold(write(tmp_path, ["# text = 학교에", row("1", "학교에", "학교+에")]))
    noun, particle = Morpheme("학교", "NNG", 0, 2), Morpheme("에", "JKB", 2, 3)
    segments = [Segment(0, 1, (noun,)), Segment(1, 2, (noun,)), Segment(2, 3, (particle,))]
    assert total([encoding_of_segments("학교에", segments)], gold).forms == 2


def test_conjoining_jamo_are_compared_as_compatibility_jamo() -> None:
    assert to_treebank_form("\u11b8니다") == to_treebank_form("ㅂ니다")
    assert lcs_length("ABCBDAB", "BDCABA") == 4
    assert lcs_length("", "가") == 0


def test_kaist_treebank_is_read_completely_and_kiwi_agrees_with_it(corpora: Path) -> None:
    path = corpora / "ud_korean_kaist" / "ko_kaist-ud-dev.conllu.gz"
    if not path.is_file():
        pytest.skip(f"{path} does not exist")
    gold = read_gold(path)
    assert len(gold) == 2066 and sum(sentence.num_tokens for sentence in gold) == 25278
    eojeol = [word for sentence in gold for word in sentence.eojeol]
    assert len(eojeol) == 22467
    assert sum(word.fully_aligned for word in eojeol) / len(eojeol) > 0.96
    assert sum(sentence.num_unaligned for sentence in gold) < 720, "672 have a lemma without its endings"
    for sentence in gold:
        assert all(0 <= m.start < m.end <= len(sentence.text) for m in sentence.morphemes)
    counts = total([gold_encoding(sentence) for sentence in gold], gold)
    assert (
        counts.correct_boundaries == counts.boundaries == counts.gold_boundaries and counts.exact == counts.gold_eojeol
    )
    sample = gold[:100]
    kiwi = total(load_tokenizer("kiwi").encode_batch([sentence.text for sentence in sample]), sample)
    assert 2 * kiwi.correct_boundaries / (kiwi.boundaries + kiwi.gold_boundaries) > 0.9
    assert 2 * kiwi.common_forms / (kiwi.forms + kiwi.gold_forms) > 0.85
