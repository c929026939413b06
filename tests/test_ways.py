"""What the app shows of segmentations: those of the library, text that stays text, and limits."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from net_fixtures import Make, stirred

from korlm.lm import LanguageModel
from korlm.marginal import BEAM, likely_segmentations
from korlm.tokenizers.pieces import PieceTokenizer
from korlm.tokenizers.vocabulary import Vocabulary
from korlm.tokenizers.word import WordSegmenter
from korlm.ui.limits import MAX_CUT
from korlm.ui.plain import ModelCard, Way
from korlm.ui.scoring import scored, scored_view
from korlm.ui.service import Service
from korlm.ui.ways import ways_view


@pytest.fixture
def mine(tmp_path: Path, small_net: Make) -> tuple[LanguageModel, Service]:
    tokenizer = PieceTokenizer("word", WordSegmenter(), Vocabulary(["가", "나", " 가", "가나", "나가", "가나가"]))
    lm = LanguageModel(tokenizer, stirred(small_net(tokenizer.vocab_size)))
    lm.save(tmp_path / "mine" / "best")
    return lm, Service(runs=tmp_path)


def test_the_ways_are_the_librarys_and_add_up(mine: tuple[LanguageModel, Service]) -> None:
    lm, service = mine
    name = service.models()[-1].name
    text = "가나가 가\n\n나나\n가\n나\n가나"
    found = [*scored(service, [name], text)][-1]
    page = scored_view(found, "ko").split('class="kl-section kl-ways"')[1]
    lines = text.split("\n")
    for line, ways in zip(lines, found.good[0].ways, strict=True):
        cuts = likely_segmentations(lm, line, 3, beam=BEAM)
        assert [list(way.pieces) for way in ways] == [cut.pieces for cut in cuts]
        assert sum(way.own for way in ways) == 1
    own = lm.score(lines)
    shares = [way.share for ways in found.good[0].ways for way in ways if way.own]
    total = own.bits_per_character * own.characters + sum(map(math.log2, shares))
    summed = re.search(r'data-summed="([\d.]+)"', page)
    assert summed and float(summed[1]) == pytest.approx(total / own.characters)
    assert page.count("kl-given") == page.count("<ol>") == 3  # the second of the first four lines is empty
    assert "앞의 4줄만" in page and '<i class="w">가</i>' in page


def test_a_long_text_is_told_of_and_a_lossy_tokenizer_is_passed_over(
    mine: tuple[LanguageModel, Service], tmp_path: Path, small_net: Make
) -> None:
    service = mine[1]
    lossy = PieceTokenizer("word", WordSegmenter(), Vocabulary(["가"], on_unknown="unk"))
    LanguageModel(lossy, small_net(lossy.vocab_size)).save(tmp_path / "lossy" / "best")
    names = [card.name for card in service.models()[-2:]]
    found = [*scored(service, names, "가" * (MAX_CUT + 1))][-1]
    assert all(not row.ways for row in found.good) and f"{MAX_CUT}자까지의 글에서만" in scored_view(found, "ko")
    both = {row.card.name: row for row in [*scored(service, names, "가나")][-1].good}
    unk = next(name for name in names if "lossy" in name)
    assert len(both) == 2 and not both[unk].ways and both[unk].bits > 0
    alone = [*scored(service, [unk], "가나")][-1]
    assert "kl-ways" not in scored_view(alone, "ko") and "kl-scores" in scored_view(alone, "ko")


def test_pieces_and_names_are_never_markup() -> None:
    text, name = "<script>x</script>\u202e\"'", "<b>\"'"
    card = ModelCard(name, name, "subword", name, 10, None, corpus=name, licence=name)
    way = Way((text, " ", " <b>"), 1.0, True)
    for language in ("ko", "en"):
        page = ways_view([(card, ((way,),), 3.0)], "가", language)
        assert "<script" not in page and "\u202e" not in page and "<i>␣</i>" in page.replace(' class="w"', "")
