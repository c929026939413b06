"""`LanguageModel`: a tokenizer and a recurrent network as one object that scores, generates, saves and loads.

>>> from korlm.nn.lm import NetConfig, RecurrentLM
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> lm = LanguageModel(byte_tokenizer(), RecurrentLM(NetConfig(260, hidden=8)))
>>> lm.score(["가나"]).characters
3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np

from korlm._deprecation import DeprecatedAlias, warn_deprecated
from korlm.errors import CorpusError, InputError
from korlm.generation.config import build_generation_config
from korlm.generation.generate import generate_texts, stream_steps, stream_text
from korlm.generation.results import GeneratedText, Step
from korlm.models.base import PretrainedModel
from korlm.models.results import Score
from korlm.models.scoring import bits_per_character, dynamic_token_nlls, token_nlls
from korlm.nn.lm import NetConfig, RecurrentLM
from korlm.tokenizers.lattice import LatticeBuilder


class LanguageModel(PretrainedModel[RecurrentLM]):
    """A recurrent language model over the tokens of a tokenizer. See `PretrainedModel`."""

    kind = "model"
    lattices = DeprecatedAlias("lattice_builder")

    @cached_property
    def lattice_builder(self) -> LatticeBuilder:
        """Builds the lattice of a text over the vocabulary.

        Raises:
            InputError: the tokenizer is lossy.
        """
        return LatticeBuilder(self.tokenizer)

    @classmethod
    def make_net(cls, config: dict[str, Any]) -> RecurrentLM:
        """Return a network of the shape in a ``config.json``."""
        return RecurrentLM(NetConfig(**config))

    def score(
        self,
        lines: Sequence[str],
        *,
        workers: int = 2,
        dynamic: float = 0.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Score:
        """Compute the bits per character of lines, each on its own from the zero state, including its end.

        Bits per character is an upper bound on the code length of the text under the model (the chain rule over one
        tokenization), so it can be compared across tokenizers; perplexity per token cannot.

        Args:
            lines: the text, one string per line, without line ends.
            workers: threads of the analyzer.
            dynamic: learning rate of dynamic evaluation (Krause et al. 2018): a copy of the model trains on lines once
                it has scored them; 0 for none. The signature says so.
            progress: called with the number of lines done and in all.

        Raises:
            CorpusError: no lines.

        Example:
            >>> import korlm
            >>> korlm.load_model("reviews-syllable-lstm").score(["재미있다"]).characters
            5
        """
        return self.score_ids(lines, self.encode_lines(lines, workers=workers), dynamic=dynamic, progress=progress)

    def encode_lines(self, lines: Sequence[str], *, workers: int = 2) -> list[list[int]]:
        """Return the ids of lines to be scored, after the checks of `score`."""
        if isinstance(lines, str):
            raise InputError("줄의 목록을 넣으세요: score([글]).", "Pass a list of lines: score([text]).")
        if not lines:
            raise CorpusError(
                "잴 글이 없습니다. 한 줄 이상 넣으세요.", "There is no text to score. Give at least a line."
            )
        return self.tokenizer.encode_ids(lines, workers=workers)

    def score_ids(
        self,
        lines: Sequence[str],
        ids: Sequence[Sequence[int]],
        *,
        dynamic: float = 0.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Score:
        """Score lines that are already encoded. See `score`."""
        if dynamic:
            nlls, method = dynamic_token_nlls(self.net, ids, dynamic, progress=progress), f"dynamic:{dynamic:g}|"
        else:
            nlls, method = token_nlls(self.net, ids, progress=progress), ""
        characters = sum(len(line) + 1 for line in lines)
        return Score(
            bits_per_character=bits_per_character(sum(float(line.sum()) for line in nlls), characters),
            characters=characters,
            num_tokens=sum(len(line) for line in nlls),
            surprisals=[line / np.log(2) for line in nlls],
            signature=f"bpc|eol:1|state:zero|{method}lines:{len(lines)}|{self.tokenizer.signature}",
        )

    @overload
    def generate(self, prompt: str = "", n: None = None, **options: Any) -> str: ...
    @overload
    def generate(self, prompt: str, n: int, *, alternatives: int = 0, **options: Any) -> list[GeneratedText]: ...
    @overload
    def generate(self, prompt: str = "", *, n: int, alternatives: int = 0, **options: Any) -> list[GeneratedText]: ...
    def generate(
        self, prompt: str = "", n: int | None = None, *, alternatives: int = 0, **options: Any
    ) -> str | list[GeneratedText]:
        """Return the text that follows a prompt or, with ``n``, several texts with their bits and steps.

        Args:
            prompt: any string.
            n: number of samples; with ``beams`` over 1 the n best distinct texts, the best first (fewer where the beam
                found fewer). Without it the text alone is returned, as a string.
            alternatives: with ``n``, the number of most probable tokens named in each step.
            **options: the fields of `GenerationConfig`.

        Raises:
            InputError: an option out of its range, an unpaired surrogate, or a forced string that cannot be written.

        Example:
            >>> import korlm
            >>> lm = korlm.load_model("reviews-unigram-lstm")
            >>> lm.generate("이 영화는", seed=7) == lm.generate("이 영화는", seed=7)
            True
            >>> "배우" in lm.generate("이 영화는", forced="배우", banned=["!", "?"], beams=4)
            True
            >>> best, second = lm.generate("정말 ", n=2, beams=4, max_tokens=30)
            >>> best.text != second.text, best.score >= second.score
            (True, True)
        """
        if n is None:
            return "".join(self.stream(prompt, **options))
        return self.generate_batch([prompt], n=n, alternatives=alternatives, **options)[0]

    @overload
    def generate_batch(self, prompts: Sequence[str], n: None = None, **options: Any) -> list[str]: ...
    @overload
    def generate_batch(
        self, prompts: Sequence[str], n: int, *, alternatives: int = 0, **options: Any
    ) -> list[list[GeneratedText]]: ...
    def generate_batch(
        self, prompts: Sequence[str], n: int | None = None, *, alternatives: int = 0, **options: Any
    ) -> list[str] | list[list[GeneratedText]]:
        """Return the text that follows each prompt or, with ``n``, the texts; all are generated side by side.

        Each text is that of `generate` with the same options, the seed included: equal prompts give equal texts where a
        seed is given, so ask for several texts of a prompt with ``n``. (The batch size can change the last bit of a sum,
        and so, very rarely, a draw.)

        Args:
            prompts: any strings.
            n: see `generate`.
            alternatives: see `generate`.
            **options: the fields of `GenerationConfig`.

        Raises:
            InputError: see `generate`.

        Example:
            >>> import korlm
            >>> lm = korlm.load_model("reviews-unigram-gru")
            >>> lm.generate_batch(["이 영화는", "배우"], temperature=0)[0] == lm.generate("이 영화는", temperature=0)
            True
        """
        if isinstance(prompts, str):
            raise InputError("프롬프트의 목록을 넣으세요: [프롬프트].", "Pass a list of prompts: [prompt].")
        _check_alternatives(alternatives)
        config = build_generation_config(options if n is None else {**options, "n": n})
        wanted = None if n is None else alternatives
        results = generate_texts(self.net, self.tokenizer, prompts, config, alternatives=wanted)
        return [texts[0].text for texts in results] if n is None else results

    def stream(self, prompt: str = "", *, stopped: Callable[[], bool] = lambda: False, **options: Any) -> Iterator[str]:
        """Yield the text that follows a prompt as it grows, never half a syllable. See `generate`.

        Args:
            prompt: any string.
            stopped: called before each token; True ends the text.
            **options: the fields of `GenerationConfig`. A beam search yields its text at once, at the end.
        """
        return stream_text(self.net, self.tokenizer, prompt, build_generation_config(options), stopped=stopped)

    def stream_tokens(
        self, prompt: str = "", *, alternatives: int = 5, stopped: Callable[[], bool] = lambda: False, **options: Any
    ) -> Iterator[Step]:
        """Yield the tokens that follow a prompt, each with its surprisal and the most probable tokens.

        Args:
            prompt: any string.
            alternatives: number of most probable tokens named in each step, at least 0.
            stopped: called before each token; True ends the text.
            **options: the fields of `GenerationConfig`. A beam search yields its steps at the end.

        Raises:
            InputError: see `generate`.

        Example:
            >>> import korlm
            >>> for step in korlm.load_model("reviews-unigram-lstm").stream_tokens("이 영화는", temperature=0, max_tokens=2):
            ...     print(step.text, round(step.surprisal), [text for text, _ in step.alternatives[:2]])
              3 [' ', ' 정말']
            단순히 6 ['단순히', '고']
        """
        config = build_generation_config(options)
        _check_alternatives(alternatives)
        return stream_steps(self.net, self.tokenizer, prompt, config, alternatives=alternatives, stopped=stopped)

    steps = DeprecatedAlias("stream_tokens")

    def generate_n(self, prompt: str = "", n: int = 1, **options: Any) -> list[GeneratedText]:
        """Deprecated: see `generate`."""
        warn_deprecated("LanguageModel.generate_n(prompt, n)", "LanguageModel.generate(prompt, n=n)")
        return self.generate(prompt, n=n, **options)

    def generate_all(self, prompts: Sequence[str], *, n: int = 1, **options: Any) -> list[list[GeneratedText]]:
        """Deprecated: see `generate_batch`."""
        warn_deprecated("LanguageModel.generate_all(prompts, n=n)", "LanguageModel.generate_batch(prompts, n=n)")
        return self.generate_batch(prompts, n, **options)


def _check_alternatives(number: int) -> None:
    if number < 0:
        raise InputError(
            f"alternatives에 쓸 수 없는 값입니다: {number}. 0 이상으로 하세요.",
            f"alternatives cannot be {number}. Give 0 or more.",
        )
