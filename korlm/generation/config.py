"""The options of generation, which are also those of the command line.

>>> GenerationConfig(temperature=0, stop=".").stop
('.',)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from korlm._deprecation import deprecated_module_names
from korlm.config import setting, validate
from korlm.errors import InputError
from korlm.text.spans import check_text

_STRING_FIELDS = ("banned", "forced", "stop")


@dataclass(frozen=True)
class GenerationConfig:
    """The options of generation.

    At each step the logits pass in this order: the repetition penalty; the mask of forbidden tokens (repeated n-grams,
    banned strings, an early end); the temperature; top-k; top-p; min-p; typical. Each filter works on the renormalized
    result of the one before and always leaves a token.

    Attributes:
        temperature: divides the logits; 0 takes the most probable token (greedy).
        top_k: keep the k most probable tokens; 0 keeps all (Fan et al. 2018).
        top_p: keep the fewest most probable tokens whose probabilities sum to at least this (nucleus sampling,
            Holtzman et al. 2020); 1 keeps all.
        min_p: keep tokens with at least this fraction of the highest probability (Nguyen et al. 2024); 0 keeps all.
        typical_p: keep the fewest tokens whose surprisal is nearest to the entropy and whose probabilities sum to at
            least this (locally typical sampling, Meister et al. 2023); 1 keeps all.
        repetition_penalty: divides the positive logits, and multiplies the negative ones, of the tokens that occur in
            the prompt or the text so far (CTRL, Keskar et al. 2019); 1 for none.
        no_repeat_ngram: size of n-grams of tokens that may not occur twice in prompt and text (Paulus et al. 2018); 0
            for no rule.
        min_tokens: neither the end nor a stop string comes before this many tokens.
        max_tokens: maximum number of tokens, the end of the text included.
        beams: beam width; 1 samples (or is greedy). A beam search does not use the temperature, the filters and the seed.
        length_penalty: alpha of GNMT's length normalization in a beam search (Wu et al. 2016): a hypothesis of n tokens,
            its end included, is ranked by log p / ((5 + n) / 6) ** alpha; 0 ranks by log p.
        banned: strings that never occur in the text or across its seam to the prompt, in any tokenization.
        forced: strings that the text contains, in any order. A beam search places each where the whole text is most
            probable (Hokamp and Liu 2017; Post and Vilar 2018). A sampled text may contain them by chance; the missing ones
            are written where it would end or where ``max_tokens`` leaves just enough room. One is left out only if the
            banned strings exclude it.
        stop: strings that end the text; it ends before the one that is complete first.
        n: number of texts per prompt; in a beam search, the n best distinct ones.
        seed: makes texts reproducible, alone or in a batch; None draws one. The first text of a prompt uses the seed
            itself, further ones (``n``) a seed derived from it and their index.
    """

    temperature: float = setting(
        0.8, "온도 (0이면 늘 가장 그럴듯한 토큰)", "temperature (0: the most probable token)", ge=0, le=10
    )
    top_k: int = setting(0, "그럴듯한 k개 가운데서만 (0이면 모두)", "only the k likeliest pieces (0: all)", ge=0)
    top_p: float = setting(
        0.95, "확률의 합이 p가 될 때까지의 토큰만", "the most probable tokens that sum to p", gt=0, le=1
    )
    min_p: float = setting(
        0.0, "가장 그럴듯한 토큰의 확률의 이 배 이상만", "at least this fraction of the highest probability", ge=0, le=1
    )
    typical_p: float = setting(
        1.0, "놀라움이 엔트로피에 가까운, 합이 이만큼인 토큰만", "the most typical tokens that sum to this", gt=0, le=1
    )
    repetition_penalty: float = setting(
        1.0, "나온 토큰을 누르는 힘 (1이면 없음)", "penalty on tokens seen before (1: none)", ge=0.01, le=100
    )
    no_repeat_ngram: int = setting(0, "토큰 n개가 이어서 두 번 나오지 않게", "no n-gram of tokens twice (0: off)", ge=0)
    min_tokens: int = setting(0, "적어도 몇 토큰", "minimum number of tokens", ge=0)
    max_tokens: int = setting(60, "많아야 몇 토큰", "maximum number of tokens", ge=1, le=10_000)
    beams: int = setting(
        1, "빔의 너비 (2 이상이면 온도와 필터는 쓰지 않음)", "beam width (2 or more: nothing is drawn)", ge=1, le=1000
    )
    length_penalty: float = setting(
        0.6, "빔의 길이 보정 (GNMT의 알파)", "the beam's length normalization (alpha)", ge=0, le=10
    )
    banned: tuple[str, ...] = setting(
        (), "나오면 안 되는 글 (여러 번)", "text that must not come (repeatable)", kind=str
    )
    forced: tuple[str, ...] = setting((), "꼭 나와야 하는 글 (여러 번)", "text that must come (repeatable)", kind=str)
    stop: tuple[str, ...] = setting((), "이 글 앞에서 끝냄 (여러 번)", "text to end before (repeatable)", kind=str)
    n: int = setting(1, "프롬프트마다 몇 개", "texts per prompt", ge=1, le=1000)
    seed: int | None = setting(
        None, "난수 시드 (같으면 같은 글)", "random seed (the same gives the same)", kind=int, ge=-(2**63), lt=2**64
    )

    def __post_init__(self) -> None:
        for name in _STRING_FIELDS:
            object.__setattr__(self, name, _normalize_strings(name, getattr(self, name)))
        validate(self)
        for name, limit in (("min_tokens", "max_tokens"), *((("n", "beams"),) if self.beams > 1 else ())):
            if (value := getattr(self, name)) > getattr(self, limit):
                raise InputError(
                    f"{name}에 쓸 수 없는 값입니다: {value}. {limit}({getattr(self, limit)}) 이하인 값을 쓰세요.",
                    f"{name} cannot be {value}. It must be at most {limit} ({getattr(self, limit)}).",
                )
        self._check_forced()

    def _check_forced(self) -> None:
        for name in ("banned", "stop"):
            for text in self.forced:
                if inside := [part for part in getattr(self, name) if part in text]:
                    raise InputError(
                        f"forced '{text}'에 {name} '{inside[0]}'이(가) 들어 있어 둘 다 지킬 수 없습니다. 하나를 빼세요.",
                        f"forced '{text}' contains {name} '{inside[0]}': both cannot hold. Leave one out.",
                    )


def _normalize_strings(name: str, value: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return a string, several or None as a tuple without duplicates."""
    try:
        strings = tuple(dict.fromkeys([value] if isinstance(value, str) else value or ()))
    except TypeError:
        strings = ("",)
    if not all(check_text(text) for text in strings):
        raise InputError(
            f"{name}에는 한 글자 이상의 글이나 그런 글의 목록을 쓰세요.",
            f"{name} takes a string of at least a character, or a list of such strings.",
        )
    return strings


def build_generation_config(options: dict[str, Any]) -> GenerationConfig:
    """Return options as a configuration.

    Raises:
        InputError: an unknown option, or a value out of its range.

    >>> build_generation_config({"top_k": 5}).top_k
    5
    """
    known = ", ".join(GenerationConfig.__dataclass_fields__)
    if strange := [name for name in options if name not in GenerationConfig.__dataclass_fields__]:
        raise InputError(
            f"모르는 선택지가 있습니다: {', '.join(strange)}. 쓸 수 있는 것: {known}.",
            f"Unknown option: {', '.join(strange)}. Options: {known}.",
        )
    try:
        return GenerationConfig(**options)
    except TypeError as error:
        raise InputError(
            f"선택지에 숫자가 아닌 값이 있습니다: {options}. 숫자로 바꾸세요.",
            f"An option that takes a number got something else: {options}. Give a number.",
        ) from error


__getattr__ = deprecated_module_names(globals(), SamplingConfig="GenerationConfig")
