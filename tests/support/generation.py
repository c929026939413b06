"""Small tokenizers and random models that the tests of generation write with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from korlm.models.language_model import LanguageModel
from korlm.nn.lm import NetConfig, RecurrentLM
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.segmented import SegmentedTokenizer
from korlm.tokenizers.segmenters.character import JamoSegmenter, SyllableSegmenter
from korlm.tokenizers.vocabulary import Vocabulary

RANDOM = {"temperature": 1.5, "top_p": 1.0}


def syllables(letters: str = "가나다라 마.", on_unknown: str = "fallback") -> Tokenizer:
    return SegmentedTokenizer("syllable", SyllableSegmenter(), Vocabulary(list(letters), on_unknown=on_unknown))


def jamo() -> Tokenizer:
    return SegmentedTokenizer(
        "jamo", JamoSegmenter(), Vocabulary(["ㅋ", " ", "."], required=JamoSegmenter.conjoining_jamo)
    )


def model(tokenizer: Tokenizer, seed: int = 1, *, end: float = 0.0, rare_bytes: bool = True, sharp: float = 4) -> Any:
    """Return a random model that has its preferences, seldom writes bytes, and ends more or less often."""
    config = NetConfig(tokenizer.vocab_size, embedding=12, hidden=16)
    net = RecurrentLM(config, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        net.embedding.weight *= sharp
        net.output.bias[EOS_ID] = end
        if rare_bytes and tokenizer.byte_ids:
            net.output.bias[list(tokenizer.byte_ids.values())] = -6.0
    return LanguageModel(tokenizer, net)


def logits_after(net: RecurrentLM, ids: Sequence[int]) -> Tensor:
    with torch.inference_mode():
        logits = net.compute_logits(net(torch.tensor([[EOS_ID, *ids]]))[0][0, -1]).float()
    return logits.clone()


def cut(text: str, stops: Sequence[str]) -> str:
    """The text before the stop string that is whole first, the longer where two are."""
    found = [(match.end(), match.start()) for stop in stops for match in re.finditer(f"(?={re.escape(stop)})", text)]
    ends = [(start + len(stop), start) for stop in stops for start in range(len(text)) if text.startswith(stop, start)]
    assert len(found) == len(ends)
    return text[: min(ends)[1]] if ends else text
