"""Checks of configuration fields against their declared choices and bounds."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from korlm.config import setting, validate
from korlm.errors import InputError
from korlm.generation.config import GenerationConfig
from korlm.nn.config import NetConfig
from korlm.training.config import TrainConfig


@dataclass
class Example:
    rate: float | None = setting(None, "비율", "the rate", kind=float, gt=0, le=1)
    mode: str = setting("fast", "방식", "the mode", choices=("fast", "slow"))

    def __post_init__(self) -> None:
        validate(self)


def test_values_at_an_inclusive_bound_and_none_are_valid() -> None:
    assert Example(rate=1, mode="slow").rate == 1 and Example().rate is None


@pytest.mark.parametrize("rate", [0, 1.01, float("nan")])
def test_an_error_names_the_option_its_range_and_its_help(rate: float) -> None:
    with pytest.raises(InputError) as caught:
        Example(rate=rate)
    assert caught.value.message("en") == f"rate cannot be {rate}. It must be more than 0 and at most 1. (the rate)"
    assert caught.value.message("ko") == f"rate에 쓸 수 없는 값입니다: {rate}. 0 초과 1 이하인 값을 쓰세요. (비율)"


def test_an_error_lists_the_choices() -> None:
    with pytest.raises(InputError) as caught:
        Example(mode="medium")
    assert caught.value.message("en") == "There is no mode 'medium'. Choose from fast, slow."


@pytest.mark.parametrize(
    "config", [TrainConfig(), GenerationConfig(), NetConfig(100)], ids=lambda config: type(config).__name__
)
def test_options_have_help_in_both_languages_and_a_type(config: object) -> None:
    for field in fields(config):  # type: ignore[arg-type]
        assert field.metadata["ko"] and field.metadata["en"]
        assert field.name == "vocab_size" or field.metadata["kind"] in (int, float, str, bool)


@pytest.mark.parametrize(("n", "beams"), [(3, 2), (0, 1), (1001, 1)])
def test_beam_search_returns_at_most_as_many_texts_as_it_has_beams(n: int, beams: int) -> None:
    with pytest.raises(InputError, match=r"^n"):
        GenerationConfig(n=n, beams=beams)
    assert GenerationConfig(n=3, beams=1).n == 3
