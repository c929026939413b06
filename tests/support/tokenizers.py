"""Tokenizers for tests: bundled ones, loaded once, and word tokenizers with a few words; and short random texts."""

from __future__ import annotations

import functools

from hypothesis import strategies as st

from korlm.tokenizers import registry
from korlm.tokenizers.segmented import SegmentedTokenizer
from korlm.tokenizers.segmenters.word import WordSegmenter
from korlm.tokenizers.vocabulary import Vocabulary

TEXTS = st.text(st.sampled_from("가나다라 뷁a.ㅋ\t"), max_size=20)
load_tokenizer = functools.cache(registry.load_tokenizer)


def word_tokenizer(*tokens: str) -> SegmentedTokenizer:
    return SegmentedTokenizer("word", WordSegmenter(), Vocabulary(tokens))
