"""The configuration of a training run. Its fields are also the options of the command line.

>>> TrainConfig(batch=8).bptt
64
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from korlm.config import setting, validate
from korlm.errors import InputError

OPTIMIZERS = {"adamw": 8e-3, "sgd": 1.0, "asgd": 1.0}  # with the default learning rate
SCHEDULES = ("cosine", "linear", "constant")
LINE_LAYOUTS = ("padded", "packed")
FORCING_DECAYS = ("constant", "linear", "exponential", "inverse-sigmoid")


@dataclass(frozen=True)
class TokenizerConfig:
    """The tokenizer of a model; see each field's help."""

    tokenizer: str = setting(
        "unigram", "토크나이저: 이름, 폴더, 사용자/저장소", "tokenizer: a name, a folder, or user/repo on the Hub"
    )
    vocab_size: int = setting(0, "어휘 크기 (0이면 이름의 기본값)", "vocabulary size (0: the name's default)")


@dataclass(frozen=True)
class TrainConfig:
    """A training run; see each field's help.

    Attributes:
        bptt: length of truncated backpropagation through time (Werbos 1990; Williams and Peng 1990). The state is
            carried from window to window; gradients stop at the edge. 0: every line on its own, whole.
        jitter: draw window lengths as AWD-LSTM does (Merity et al. 2018): from N(T, 5), one in twenty around T/2, with
            the learning rate in proportion to the length.
        teacher_forcing: probability of a gold input; the others are samples of the model's own prediction (scheduled
            sampling, Bengio et al. 2015). Below 1 windows are read token by token, which is slower.
        forcing_decay: ``constant``: that probability from the start; else it falls from 1 to it over the run, along one
            of Bengio et al.'s curves (see `korlm.training.schedule.teacher_forcing_ratio`).
        optimizer: ``adamw`` (Loshchilov and Hutter 2019), ``sgd`` (learning rate divided by ``anneal`` whenever
            validation does not improve) or ``asgd`` (NT-ASGD, Merity et al. 2018: SGD whose weights are averaged once
            validation has not improved for five checks).
        average: decay of an exponential moving average of the weights, which is what is validated and saved.
        activation: AR, alpha of Merity et al. (2017), on the outputs after dropout.
        temporal: TAR, beta, on the change of the outputs between time steps.

    Raises:
        InputError: a value out of its range.
    """

    batch: int = setting(32, "나란히 읽는 글줄기의 수 B", "streams read side by side, B", ge=1)
    bptt: int = setting(
        64, "잘린 역전파의 길이 T (토큰, 0이면 줄 하나씩)", "length of truncated BPTT, T (tokens; 0: whole lines)", ge=0
    )
    jitter: bool = setting(False, "창의 길이를 흔듦 (AWD-LSTM)", "draw the windows' lengths (AWD-LSTM)")
    layout: str = setting(
        "padded", "--bptt 0의 줄 묶음: padded, packed", "lines of --bptt 0: padded or packed", choices=LINE_LAYOUTS
    )
    teacher_forcing: float = setting(
        1.0, "참 토큰을 넣는 비율", "fraction of inputs that are the true token", ge=0, le=1
    )
    forcing_decay: str = setting(
        "constant",
        "그 비율까지: constant, linear, exponential, inverse-sigmoid",
        "how it gets there: constant, linear, exponential or inverse-sigmoid",
        choices=FORCING_DECAYS,
    )
    epochs: float = setting(1.0, "말뭉치를 몇 번 읽나", "passes over the corpus", gt=0)
    minutes: float = setting(
        0.0, "몇 분 동안 배우나 (0이면 epochs만 따름)", "time limit in minutes (0: epochs alone)", ge=0
    )
    optimizer: str = setting("adamw", "최적화: adamw, sgd, asgd", "optimizer: adamw, sgd or asgd", choices=OPTIMIZERS)
    learning_rate: float = setting(
        0.0, "가장 높은 학습률 (0이면 최적화의 기본값)", "peak learning rate (0: the optimizer's own)", ge=0
    )
    schedule: str = setting(
        "cosine", "학습률: cosine, linear, constant", "learning rate: cosine, linear or constant", choices=SCHEDULES
    )
    warmup: float = setting(0.02, "학습률을 올리는 구간의 비율", "share of the run spent warming up", ge=0, le=1)
    final_rate: float = setting(0.02, "끝 학습률의 비율", "final share of the learning rate", ge=0, le=1)
    anneal: float = setting(
        4.0, "sgd: 나아지지 않으면 학습률을 나눔", "sgd: divide the rate where nothing improves", ge=1
    )
    weight_decay: float = setting(0.01, "가중치 감쇠", "weight decay", ge=0)
    clip: float = setting(1.0, "기울기 자르기 (노름, 0이면 안 자름)", "gradient clipping (norm; 0: none)", ge=0)
    clip_value: float = setting(0.0, "기울기 자르기 (값, 0이면 안 자름)", "gradient clipping (by value; 0: none)", ge=0)
    frequencies: bool = setting(
        True, "출력 편향을 토큰의 빈도로 시작", "start the output biases at the token frequencies"
    )
    sampled: int = setting(
        0,
        "한 스텝에 견줄 어휘의 수 (표본 소프트맥스, 0이면 모두)",
        "entries a step compares (sampled softmax; 0: all)",
        ge=0,
    )
    smoothing: float = setting(0.0, "라벨 스무딩 (챗봇)", "label smoothing (chatbots)", ge=0, le=1)
    average: float = setting(
        0.0, "가중치의 이동 평균 (감쇠, 0이면 없음)", "moving average of weights (decay; 0: none)", ge=0, le=1
    )
    activation: float = setting(0.0, "활성 규제 AR의 α", "activation regularization, AR's alpha", ge=0)
    temporal: float = setting(0.0, "시간 활성 규제 TAR의 β", "temporal activation regularization, TAR's beta", ge=0)
    validations: int = setting(10, "학습하는 동안 검증하는 횟수", "validations in the course of the run", ge=1)
    patience: int = setting(
        0,
        "이만큼 검증해도 나아지지 않으면 멈춤 (0이면 끝까지)",
        "stop after this many validations without improvement (0: never)",
        ge=0,
    )
    save_every: float = setting(60.0, "저장 사이의 초", "seconds between checkpoints", ge=0)
    valid_lines: int = setting(2000, "검증에 쓰는 줄 수 (0이면 모두)", "validation lines (0: all)", ge=0)
    bf16: bool = setting(
        True, "CPU나 GPU가 빠르게 하면 bf16으로 계산", "compute in bf16 where the processor is fast at it"
    )
    seed: int = setting(7, "난수 시드", "random seed", ge=0)

    def __post_init__(self) -> None:
        validate(self)

    @property
    def peak_learning_rate(self) -> float:
        """The peak learning rate: `learning_rate`, or the default of the optimizer.

        >>> TrainConfig(optimizer="sgd").peak_learning_rate
        1.0
        """
        return self.learning_rate or OPTIMIZERS[self.optimizer]


def split_options(options: dict[str, Any], *kinds: type) -> list[dict[str, Any]]:
    """Split options by the configuration that has a field of their name.

    Raises:
        InputError: an option is not a field of any configuration.
    """
    by_class: dict[type, dict[str, Any]] = {kind: {} for kind in kinds}
    for name, value in options.items():
        owner = next((kind for kind in kinds if name in kind.__dataclass_fields__), None)  # type: ignore[attr-defined]
        if owner is None:
            known = ", ".join(entry.name for kind in kinds for entry in fields(kind))
            raise InputError(
                f"모르는 선택지입니다: {name}. 쓸 수 있는 것: {known}.", f"Unknown option: {name}. Options: {known}."
            )
        by_class[owner][name] = value
    return list(by_class.values())
