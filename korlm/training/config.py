"""What a training run is asked for: the model, and how it learns. The command line's options are these fields.

>>> TrainConfig(batch=8).window
64
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from korlm.errors import InputError
from korlm.language import option


@dataclass(frozen=True)
class ModelConfig:
    """What net to train on which pieces; see each field's help."""

    tokenizer: str = option("unigram", "토크나이저 이름이나 폴더", "tokenizer: a name or a folder")
    vocab_size: int = option(0, "어휘 크기 (0이면 이름의 기본값)", "vocabulary size (0: the name's default)")
    cell: str = option("lstm", "셀: rnn, gru, lstm", "cell: rnn, gru or lstm")
    embedding: int = option(256, "임베딩 너비 E", "embedding width, E")
    hidden: int = option(512, "은닉 너비 H", "hidden width, H")
    layers: int = option(1, "층 수 L", "layers, L")
    dropout: float = option(0.0, "드롭아웃", "dropout")
    tied: bool = option(True, "출력 가중치를 임베딩과 함께 씀", "tie the output weights to the embedding")


@dataclass(frozen=True)
class TrainConfig:
    """A training run; see each field's help."""

    batch: int = option(64, "나란히 읽는 글줄기의 수 B", "streams read side by side, B")
    window: int = option(64, "잘린 역전파의 길이 T (조각)", "length of truncated back-propagation, T (pieces)")
    epochs: float = option(1.0, "말뭉치를 몇 번 읽나", "passes over the corpus")
    minutes: float = option(0.0, "몇 분 동안 배우나 (0이면 epochs만 따름)", "time limit in minutes (0: epochs alone)")
    learning_rate: float = option(3e-3, "가장 높은 학습률 (AdamW)", "peak learning rate (AdamW)")
    warmup: float = option(0.02, "학습률을 올리는 구간의 비율", "share of the run spent warming up")
    final_rate: float = option(0.02, "끝 학습률의 비율 (코사인)", "final share of the learning rate (cosine)")
    weight_decay: float = option(0.01, "가중치 감쇠", "weight decay")
    clip: float = option(1.0, "기울기 자르기 (노름, 0이면 안 자름)", "gradient clipping (norm; 0: none)")
    validate_every: float = option(120.0, "검증과 저장 사이의 초", "seconds between validations with a checkpoint")
    valid_lines: int = option(2000, "검증에 쓰는 줄 수 (0이면 모두)", "validation lines (0: all)")
    bf16: bool = option(
        True, "CPU나 GPU가 빠르게 하면 bf16으로 계산", "compute in bf16 where the processor is fast at it"
    )
    seed: int = option(7, "난수 씨", "random seed")

    def __post_init__(self) -> None:
        positive = ("batch", "window", "epochs", "learning_rate", "validate_every")
        for entry in fields(self):
            value = getattr(self, entry.name)
            wrong = value < 0 or (entry.name in positive and value <= 0)
            if wrong or (entry.name in ("warmup", "final_rate") and value > 1):
                raise InputError(
                    f"{entry.name}에 쓸 수 없는 값입니다: {value}. ({entry.metadata['ko']})",
                    f"{entry.name} cannot be {value}. ({entry.metadata['en']})",
                )
