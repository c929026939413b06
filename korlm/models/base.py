"""`PretrainedModel`: a tokenizer and a neural network as one object, and its folder on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file

from korlm.errors import ArtifactError
from korlm.models.results import Score
from korlm.nn.quantization import dequantize, quantize
from korlm.storage.artifacts import (
    FORMAT_VERSION,
    new_folder,
    read_artifact_config,
    read_json,
    unreadable_weights_error,
    write_json,
    write_tensors,
)
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.registry import load_tokenizer

if TYPE_CHECKING:
    from korlm.nn.seq2seq import TextModel

N = TypeVar("N", bound="TextModel")


class PretrainedModel(Generic[N]):
    """A neural network over the tokens of a tokenizer.

    Args:
        tokenizer: the tokenizer.
        net: the network; put into evaluation mode.
        info: build information (``build_info.json``), shown in cards.

    Attributes:
        kind: the kind in the ``config.json`` of its folders.

    Raises:
        ArtifactError: network and tokenizer have vocabularies of different sizes.
    """

    kind: ClassVar[str]

    def __init__(self, tokenizer: Tokenizer, net: N, *, info: dict[str, Any] | None = None) -> None:
        if net.config.vocab_size != tokenizer.vocab_size:
            raise ArtifactError(
                f"모델의 어휘 {net.config.vocab_size}개와 토크나이저의 {tokenizer.vocab_size}개가 다릅니다. 짝이 맞는 것을 쓰세요.",
                f"The model has {net.config.vocab_size} ids, the tokenizer {tokenizer.vocab_size}. Use a matching pair.",
            )
        self.tokenizer = tokenizer
        self.net: N = net
        self.net.eval()
        self.info = info or {}

    @property
    def parameters(self) -> int:
        """Number of parameters; tied ones count once."""
        return sum(parameter.numel() for parameter in self.net.parameters())

    @classmethod
    def make_net(cls, config: dict[str, Any]) -> N:
        """Return a network of the shape in a ``config.json``."""
        raise NotImplementedError

    def score(self, examples: Sequence[Any]) -> Score:
        """Score lines or dialogue pairs."""
        raise NotImplementedError

    def save(self, folder: str | Path, *, precision: str = "float32") -> None:
        """Write the model to a folder, atomically: config, weights, tokenizer, build information.

        Args:
            folder: the folder; an existing model is replaced.
            precision: of the weights in the file: ``float32``, ``float16`` or ``int8``. `load` returns float32.

        Raises:
            ArtifactError: it cannot be written.
            InputError: an unknown precision.
        """
        with new_folder(folder) as temporary:
            self.write(temporary, precision=precision)

    def write(self, folder: Path, *, precision: str = "float32") -> None:
        """Write the model's files into an existing folder. See `save`."""
        write_tensors(folder / "model.safetensors", quantize(self.net.weight_dict(), precision))
        write_json(
            folder / "config.json", {"kind": self.kind, "format": FORMAT_VERSION, "net": asdict(self.net.config)}
        )
        write_json(folder / "build_info.json", self.info)
        self.tokenizer.save(folder / "tokenizer")

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load a folder written by `save`.

        Raises:
            ArtifactError: missing, corrupt, of another kind or a newer format, or containing a pickle.
            MissingDependencyError: its tokenizer needs an analyzer that is not installed.
        """
        folder = Path(folder)
        config = read_artifact_config(folder, cls.kind)
        tokenizer = load_tokenizer(folder / "tokenizer")
        try:
            net = cls.make_net(config["net"])
            net.load_weights(dequantize(load_file(folder / "model.safetensors")))
        except (SafetensorError, OSError, KeyError, TypeError, RuntimeError) as error:
            raise unreadable_weights_error(folder) from error
        return cls(tokenizer, net, info=read_json(folder / "build_info.json"))
