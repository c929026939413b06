"""`LanguageModel`: a tokenizer and a recurrent net as one object that scores, generates, saves and loads.

>>> from korlm.nn.recurrent import NetConfig, RecurrentLM
>>> from korlm.tokenizers.byte import byte_tokenizer
>>> lm = LanguageModel(byte_tokenizer(), RecurrentLM(NetConfig(260, hidden=8)))
>>> lm.score(["가나"]).characters
3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from korlm.artifacts import FORMAT, new_folder, read_config, read_json, write_json
from korlm.errors import ArtifactError, CorpusError, InputError
from korlm.generation.config import SamplingConfig
from korlm.generation.stream import stream_text
from korlm.nn.recurrent import NetConfig, RecurrentLM
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.registry import load_tokenizer
from korlm.training.scoring import bits_per_character, line_nats


@dataclass(frozen=True)
class Score:
    """What a text costs under a model.

    Attributes:
        bits_per_character: total code length in bits over `characters`.
        characters: code points of the lines, and one end-of-line character a line.
        pieces: ids predicted, one ``</s>`` a line included.
        surprisals: for each line the bits of each of its pieces, ``</s>`` last.
        signature: what was measured and how, so that the figure can be made again.
    """

    bits_per_character: float
    characters: int
    pieces: int
    surprisals: list[np.ndarray] = field(repr=False)
    signature: str


class LanguageModel:
    """A recurrent language model over the pieces of a tokenizer.

    Args:
        tokenizer: cuts and joins text.
        net: predicts the next piece; put into evaluation mode.
        info: what made it (``build_info.json``), shown in cards.
    """

    def __init__(self, tokenizer: Tokenizer, net: RecurrentLM, *, info: dict[str, Any] | None = None) -> None:
        if net.config.vocab_size != tokenizer.vocab_size:
            raise ArtifactError(
                f"모델의 어휘 {net.config.vocab_size}개와 토크나이저의 {tokenizer.vocab_size}개가 다릅니다. 짝이 맞는 것을 쓰세요.",
                f"The model has {net.config.vocab_size} ids, the tokenizer {tokenizer.vocab_size}. Use a matching pair.",
            )
        self.tokenizer = tokenizer
        self.net = net.eval()
        self.info = info or {}

    @property
    def parameters(self) -> int:
        """Number of weights; tied ones count once."""
        return sum(parameter.numel() for parameter in self.net.parameters())

    def score(
        self, lines: Sequence[str], *, workers: int = 2, progress: Callable[[int, int], None] | None = None
    ) -> Score:
        """Measure lines: each by itself, from the zero state, its end included.

        Bits per character is an upper bound on the code length of the text under the model (the chain rule over one
        tokenization of it), so it can be compared across tokenizers; perplexity per piece cannot.

        Args:
            lines: the text, a line each, without line ends.
            workers: the analyzer's threads.
            progress: called with lines done and lines in all.

        Raises:
            CorpusError: no lines.

        Example:
            >>> import korlm
            >>> korlm.load_model("reviews-syllable-lstm").score(["재미있다"]).characters
            5
        """
        if isinstance(lines, str):
            raise InputError("줄의 목록을 넣으세요: score([글]).", "Pass a list of lines: score([text]).")
        if not lines:
            raise CorpusError(
                "잴 글이 없습니다. 한 줄 이상 넣으세요.", "There is no text to score. Give at least a line."
            )
        nats = line_nats(self.net, self.tokenizer.encode_ids(lines, workers=workers), progress=progress)
        characters = sum(len(line) + 1 for line in lines)
        return Score(
            bits_per_character=bits_per_character(sum(float(line.sum()) for line in nats), characters),
            characters=characters,
            pieces=sum(len(line) for line in nats),
            surprisals=[line / np.log(2) for line in nats],
            signature=f"bpc|eol:1|state:zero|lines:{len(lines)}|{self.tokenizer.signature}",
        )

    def generate(self, prompt: str = "", **options: Any) -> str:
        """Return the text that follows a prompt; the options are the fields of `SamplingConfig`.

        Raises:
            InputError: an option out of its range.

        Example:
            >>> import korlm
            >>> lm = korlm.load_model("reviews-unigram-lstm")
            >>> lm.generate("이 영화는", seed=7) == lm.generate("이 영화는", seed=7)
            True
        """
        return "".join(self.stream(prompt, **options))

    def stream(self, prompt: str = "", *, stopped: Callable[[], bool] = lambda: False, **options: Any) -> Iterator[str]:
        """Yield the text that follows a prompt as it comes, never half a syllable. See `generate`.

        Args:
            prompt: any string.
            stopped: asked before each piece; True ends the text.
            **options: the fields of `SamplingConfig`.
        """
        config = _sampling(options)
        return stream_text(self.net, self.tokenizer, prompt, config, stopped=stopped)

    def save(self, folder: str | Path, *, half: bool = False) -> None:
        """Write the model to a folder, atomically: config, weights, tokenizer, build information.

        Args:
            folder: where; a model that stands there is replaced.
            half: weights as float16, half the size. `load` gives float32 again.

        Raises:
            ArtifactError: it cannot be written.
        """
        with new_folder(folder) as temporary:
            self.write(temporary, half=half)

    def write(self, folder: Path, *, half: bool = False) -> None:
        """Write the model's files into an existing folder. See `save`."""
        dtype = torch.float16 if half else torch.float32
        weights = {name: value.detach().to("cpu", dtype).contiguous() for name, value in self.net.named_parameters()}
        save_file(weights, folder / "model.safetensors")
        write_json(folder / "config.json", {"kind": "model", "format": FORMAT, "net": asdict(self.net.config)})
        write_json(folder / "build_info.json", self.info)
        self.tokenizer.save(folder / "tokenizer")

    @classmethod
    def load(cls, folder: str | Path) -> LanguageModel:
        """Read a folder that `save` wrote.

        Raises:
            ArtifactError: missing, corrupt, foreign, of a newer format, or with a pickle in it.
            MissingDependencyError: its tokenizer needs an analyzer that is not installed.
        """
        folder = Path(folder)
        config = read_config(folder, "model")
        tokenizer = load_tokenizer(folder / "tokenizer")
        try:
            net = RecurrentLM(NetConfig(**config["net"]))
            weights = load_file(folder / "model.safetensors")
            if set(weights) != {name for name, _ in net.named_parameters()}:
                raise KeyError("weights")
            with torch.no_grad():
                for name, parameter in net.named_parameters():
                    parameter.copy_(weights[name])
        except (SafetensorError, OSError, KeyError, TypeError, RuntimeError) as error:
            raise ArtifactError(
                f"{folder}의 가중치를 읽지 못했습니다. 폴더가 온전한지 보고 다시 내려받거나 다시 만드세요.",
                f"Cannot read the weights of {folder}. Check that the folder is whole; fetch or make it again.",
            ) from error
        return cls(tokenizer, net, info=read_json(folder / "build_info.json"))


def _sampling(options: dict[str, Any]) -> SamplingConfig:
    try:
        return SamplingConfig(**options)
    except TypeError as error:
        known = ", ".join(SamplingConfig.__dataclass_fields__)
        raise InputError(
            f"모르는 선택지가 있습니다: {', '.join(options)}. 쓸 수 있는 것: {known}.",
            f"Unknown option among {', '.join(options)}. Options: {known}.",
        ) from error
