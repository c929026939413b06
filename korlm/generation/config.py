"""How a text is sampled; the command line's options are these fields.

>>> SamplingConfig(temperature=0).top_p
0.95
"""

from __future__ import annotations

from dataclasses import dataclass

from korlm.errors import InputError
from korlm.language import option


@dataclass(frozen=True)
class SamplingConfig:
    """How to sample.

    Attributes:
        temperature: logits are divided by it; 0 takes the most probable piece (greedy).
        top_k: keep the k most probable pieces; 0 keeps all (Fan et al. 2018).
        top_p: keep the fewest most probable pieces whose probabilities sum to at least this (nucleus sampling,
            Holtzman et al. 2020); 1 keeps all.
        max_tokens: at most so many pieces.
        seed: the same seed gives the same text; None draws one.
    """

    temperature: float = option(0.8, "온도 (0이면 늘 가장 그럴듯한 조각)", "temperature (0: the likeliest piece)")
    top_k: int = option(0, "그럴듯한 k개 가운데서만 (0이면 모두)", "only the k likeliest pieces (0: all)")
    top_p: float = option(0.95, "확률의 합이 p가 될 때까지의 조각만", "the likeliest pieces that sum to p")
    max_tokens: int = option(60, "많아야 몇 조각", "at most so many pieces")
    seed: int | None = option(None, "난수 씨 (같으면 같은 글)", "random seed (the same gives the same)", kind=int)

    def __post_init__(self) -> None:
        wrong = [
            name
            for name, fine in (
                ("temperature", 0 <= self.temperature <= 10),
                ("top_k", self.top_k >= 0),
                ("top_p", 0 < self.top_p <= 1),
                ("max_tokens", 1 <= self.max_tokens <= 10_000),
            )
            if not fine
        ]
        if wrong:
            value = getattr(self, wrong[0])
            rule = "temperature 0~10, top_k 0~, top_p (0, 1], max_tokens 1~10000"
            raise InputError(
                f"{wrong[0]}에 쓸 수 없는 값입니다: {value}. ({rule})", f"{wrong[0]} cannot be {value}. ({rule})"
            )
