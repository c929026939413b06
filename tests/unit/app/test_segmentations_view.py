"""The segmentations that the app shows: those of the library, escaped, and with limits."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from support.lanes import lane_of_spans
from support.toy_models import Make, stirred

from korlm.app.generate.score import ModelScore, stream_scores
from korlm.app.generate.score_view import render_scores
from korlm.app.generate.segmentations_view import render_segmentations
from korlm.app.limits import MAX_SEGMENTATION_TEXT
from korlm.app.model_info import ModelCard
from korlm.app.service import Service
from korlm.models.language_model import LanguageModel
from korlm.models.marginal import DEFAULT_BEAM_SIZE, likely_segmentations
from korlm.models.results import Segmentation
from korlm.tokenizers.segmented import SegmentedTokenizer
from korlm.tokenizers.segmenters.word import WordSegmenter
from korlm.tokenizers.vocabulary import Vocabulary


@pytest.fixture
def model_and_service(tmp_path: Path, small_net: Make) -> tuple[LanguageModel, Service]:
    tokenizer = SegmentedTokenizer("word", WordSegmenter(), Vocabulary(["가", "나", " 가", "가나", "나가", "가나가"]))
    lm = LanguageModel(tokenizer, stirred(small_net(tokenizer.vocab_size)))
    lm.save(tmp_path / "mine" / "best")
    return lm, Service(runs=tmp_path)


def test_segmentations_and_their_sum_equal_those_of_the_library(
    model_and_service: tuple[LanguageModel, Service],
) -> None:
    lm, service = model_and_service
    name = service.list_models()[-1].name
    text = "가나가 가\n\n나나\n가\n나\n가나"
    scores = [*stream_scores(service, [name], text)][-1]
    page = render_scores(scores, "ko").split('class="kl-section kl-ways"')[1]
    lines = text.split("\n")
    for line, segmentations in zip(lines, scores.valid_rows[0].segmentations, strict=True):
        expected = likely_segmentations(lm, line, 3, beam=DEFAULT_BEAM_SIZE)
        assert [shown.tokens for shown in segmentations] == [segmentation.tokens for segmentation in expected]
        assert sum(segmentation.is_canonical for segmentation in segmentations) == 1
    canonical = lm.score(lines)
    probabilities = [
        segmentation.probability
        for line in scores.valid_rows[0].segmentations
        for segmentation in line
        if segmentation.is_canonical
    ]
    total = canonical.bits_per_character * canonical.characters + sum(map(math.log2, probabilities))
    summed = re.search(r'data-summed="([\d.]+)"', page)
    assert summed and float(summed[1]) == pytest.approx(total / canonical.characters)
    assert page.count("kl-given") == page.count("<ol>") == 3  # the second of the first four lines is empty
    assert "앞의 4줄만" in page and '<i class="w">가</i>' in page


def test_long_texts_and_lossy_tokenizers_show_no_segmentations(
    model_and_service: tuple[LanguageModel, Service], tmp_path: Path, small_net: Make
) -> None:
    _, service = model_and_service
    lossy = SegmentedTokenizer("word", WordSegmenter(), Vocabulary(["가"], on_unknown="unk"))
    LanguageModel(lossy, small_net(lossy.vocab_size)).save(tmp_path / "lossy" / "best")
    names = [card.name for card in service.list_models()[-2:]]
    scores = [*stream_scores(service, names, "가" * (MAX_SEGMENTATION_TEXT + 1))][-1]
    assert all(
        not row.segmentations for row in scores.valid_rows
    ) and f"{MAX_SEGMENTATION_TEXT}자까지의 글에서만" in render_scores(scores, "ko")
    both_rows = {row.card.name: row for row in [*stream_scores(service, names, "가나")][-1].valid_rows}
    lossy_name = next(name for name in names if "lossy" in name)
    assert len(both_rows) == 2 and not both_rows[lossy_name].segmentations and both_rows[lossy_name].bits > 0
    alone = [*stream_scores(service, [lossy_name], "가나")][-1]
    assert "kl-ways" not in render_scores(alone, "ko") and "kl-scores" in render_scores(alone, "ko")


def test_tokens_and_names_are_never_markup() -> None:
    text, name = "<script>x</script>\u202e\"'", "<b>\"'"
    card = ModelCard(name, name, "subword", name, 10, None, corpus=(name, name), license=name)
    segmentation = Segmentation([text, " ", " <b>"], [], 3.0, 1.0, True)
    score = ModelScore(card, lane_of_spans("가\n", [(0, 2)], segment_bits=(3.0,)), segmentations=[[segmentation]])
    for language in ("ko", "en"):
        page = render_segmentations([score], "가", language)
        assert "<script" not in page and "\u202e" not in page and "<i>␣</i>" in page.replace(' class="w"', "")
