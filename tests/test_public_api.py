"""The public interface that users rely on; a change of it must be deliberate.

`python tests/test_public_api.py` writes the help pages of ``tests/golden/help`` and ``tests/golden/signatures.txt`` again.
"""

from __future__ import annotations

import inspect
import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import korlm
import korlm.generation.config
from korlm._deprecation import DeprecatedAlias
from korlm.chat.confidence import Confidence, ConfidenceThresholds
from korlm.chat.model import ChatModel
from korlm.chat.reply import Reply
from korlm.cli.main import COMMANDS, main
from korlm.corpora.dialogues import DialoguePair, PairCorpus
from korlm.generation.results import GeneratedText, generated_to_dict
from korlm.models.language_model import LanguageModel

GOLDEN = Path(__file__).parent / "golden" / "help"
SIGNATURES = Path(__file__).parent / "golden" / "signatures.txt"
PAGES = [(language, page) for language in ("ko", "en") for page in ("korlm", *COMMANDS)]

# --- names and signatures -------------------------------------------------------------------------------------------


def signature_of(function: Callable[..., Any]) -> str:
    """Return names, kinds and defaults of the parameters; the types are mypy's business."""
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    text = str(signature.replace(parameters=parameters, return_annotation=signature.empty))
    return re.sub(r"<function .*? at 0x\w+>", "...", text)


def signature_lines() -> Iterator[str]:
    """Yield a line for each public function, class, method, property and deprecated alias."""
    for name in sorted(set(korlm.__all__) - {"__version__"}):
        value = getattr(korlm, name)
        yield f"{name}{signature_of(value)}"
        if not inspect.isclass(value):
            continue
        members: dict[str, Any] = {}
        for base in reversed(value.__mro__):
            members |= vars(base) if base.__module__.startswith("korlm") else {}
        for member, attribute in sorted(members.items()):
            if member.startswith("_") or member in getattr(value, "__dataclass_fields__", ()):
                continue
            if isinstance(attribute, DeprecatedAlias):
                yield f"{name}.{member} -> {attribute.new}"
            elif callable(getattr(attribute, "__func__", attribute)):
                yield f"{name}.{member}{signature_of(getattr(attribute, '__func__', attribute))}"
            else:
                yield f"{name}.{member}"


def test_public_names_and_signatures_are_unchanged() -> None:
    assert sorted(signature_lines()) == sorted(SIGNATURES.read_text("utf-8").splitlines())


def test_type_checkers_see_every_public_name() -> None:
    source = Path(korlm.__file__).read_text("utf-8")
    assert all(f" as {name}\n" in source for name in korlm.__all__)


# --- deprecated names -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return korlm.load_model("reviews-syllable-lstm")


@pytest.fixture(scope="module")
def bot() -> ChatModel:
    return korlm.load_chat("chat-syllable-gru")


def test_each_deprecated_attribute_warns_and_gives_the_new_one(lm: LanguageModel, bot: ChatModel) -> None:
    [text] = lm.generate("가", n=1, max_tokens=3)
    pair = DialoguePair("뭐 해요?", "쉬어요.", ("안녕하세요?", "안녕하세요."))
    pairs = PairCorpus("one", [pair], [], [], num_incomplete=1, num_duplicates=2)
    reply = bot.reply("안녕하세요?")
    thresholds = ConfidenceThresholds(4.0, 0.5)
    objects = (lm, lm.score(["가"]), text, bot, reply, reply.confidence, thresholds, pair, pairs, bot.tokenizer)
    seen = 0
    for instance in objects:
        aliases = {
            name: attribute
            for base in type(instance).__mro__
            for name, attribute in vars(base).items()
            if isinstance(attribute, DeprecatedAlias)
        }
        for old, alias in aliases.items():
            with pytest.warns(DeprecationWarning, match=rf"\.{old} is deprecated; use .*\.{alias.new}$"):
                value = getattr(instance, old)
            assert value == getattr(instance, alias.new)
            seen += 1
    assert seen >= 18


def test_deprecated_methods_of_a_language_model_give_the_same_texts(lm: LanguageModel) -> None:
    options: dict[str, Any] = {"seed": 3, "max_tokens": 8, "alternatives": 2}
    with pytest.warns(DeprecationWarning, match="generate_n"):
        assert lm.generate_n("정말", 2, **options) == lm.generate("정말", n=2, **options)
    with pytest.warns(DeprecationWarning, match="generate_n"):
        assert lm.generate_n("정말", **options) == lm.generate("정말", n=1, **options)
    with pytest.warns(DeprecationWarning, match="generate_all"):
        assert lm.generate_all(["정말", ""], n=2, **options) == lm.generate_batch(["정말", ""], n=2, **options)
    with pytest.warns(
        DeprecationWarning, match=r"LanguageModel\.steps is deprecated; use LanguageModel\.stream_tokens"
    ):
        assert list(lm.steps("정말", seed=3, max_tokens=5)) == list(lm.stream_tokens("정말", seed=3, max_tokens=5))


def test_generate_returns_a_string_or_n_texts(lm: LanguageModel) -> None:
    options: dict[str, Any] = {"seed": 3, "max_tokens": 8}
    text = lm.generate("정말", **options)
    assert isinstance(text, str) and [one.text for one in lm.generate("정말", n=1, **options)] == [text]
    assert lm.generate_batch(["정말"], **options) == [text]
    assert [[one.text for one in texts] for texts in lm.generate_batch(["정말"], n=1, **options)] == [[text]]


@pytest.mark.parametrize(
    ("finish_reason", "reason"),
    [("eos", "end"), ("stop", "stop"), ("length", "limit"), ("cancelled", "asked"), ("blocked", "blocked")],
)
def test_json_and_the_deprecated_reason_keep_the_old_values(finish_reason: Any, reason: str) -> None:
    text = GeneratedText("가", (5,), 1.0, 1.0, -1.0, finish_reason)
    with pytest.warns(DeprecationWarning, match="finish_reason"):
        assert text.reason == reason
    assert generated_to_dict(text)["reason"] == reason


@pytest.mark.parametrize(
    ("options", "finish_reason"),
    [({"max_tokens": 2}, "length"), ({"stop": " "}, "stop"), ({"banned": ["."], "max_tokens": 300}, "eos")],
)
def test_texts_end_for_the_reason_they_name(lm: LanguageModel, options: dict[str, Any], finish_reason: str) -> None:
    [text] = lm.generate("이 영화는", n=1, temperature=0, **options)
    assert text.finish_reason == finish_reason


def test_the_old_name_of_the_generation_options_still_works() -> None:
    with pytest.warns(DeprecationWarning, match="GenerationConfig"):
        assert korlm.generation.config.SamplingConfig is korlm.GenerationConfig
    with pytest.raises(AttributeError, match="NoSuchConfig"):
        korlm.generation.config.NoSuchConfig  # noqa: B018


def test_old_keywords_of_a_chatbot_give_the_same_replies(bot: ChatModel) -> None:
    question = "QWERTY zxcvb 12345"
    with pytest.warns(DeprecationWarning, match=r"reply\(careful=\.\.\.\) is deprecated; use abstain=\.\.\."):
        assert bot.reply(question, careful=False).text == bot.reply(question, abstain=False).text
    assert bot.reply(question).text != bot.reply(question, abstain=False).text
    turns = ("안녕하세요?", "반가워요.")
    with pytest.warns(DeprecationWarning, match="history"):
        assert bot.reply_all([question], before=[turns])[0].text == bot.reply_all([question], history=[turns])[0].text
    with pytest.warns(DeprecationWarning, match="before"):
        old = [reply.text for reply in bot.stream_replies(question, before=turns)]
    assert old == [reply.text for reply in bot.stream_replies(question, history=turns)]
    with pytest.warns(DeprecationWarning, match="before"):
        assert list(bot.stream(question, before=turns)) == list(bot.stream(question, history=turns))


def test_a_reply_prints_its_text_and_names_its_reason_to_abstain(bot: ChatModel) -> None:
    reply = bot.reply("QWERTY zxcvb 12345")
    assert str(reply) == reply.text and not reply.is_confident
    assert reply.abstain_reason == reply.confidence.abstain_reason == "question"
    assert Reply("네.", "네.", Confidence(1.0)).abstain_reason == ""


def test_pieces_stay_another_name_of_the_tokens_of_an_encoding() -> None:
    encoding = korlm.load_tokenizer("byte").encode("가")
    assert encoding.pieces == encoding.tokens == ["<0xEA>", "<0xB0>", "<0x80>"]


# --- help pages -----------------------------------------------------------------------------------------------------


def help_page(page: str, language: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return ``korlm --help``, or that of a command, 100 columns wide."""
    monkeypatch.setenv("KORLM_LANG", language)
    monkeypatch.setenv("COLUMNS", "100")
    with redirect_stdout(io.StringIO()) as output, pytest.raises(SystemExit):
        main(["--help"] if page == "korlm" else [page, "--help"])
    return output.getvalue()


def normalize_help(text: str) -> str:
    """Remove what depends on Python's version: line breaks, and ``-n N, --n N`` instead of ``-n, --n N``."""
    return re.sub(r"(-\w) (\S+), (--[\w-]+ \2)", r"\1, \3", " ".join(text.split()))


@pytest.mark.parametrize(("language", "page"), PAGES)
def test_help_is_unchanged(language: str, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = (GOLDEN / language / f"{page}.txt").read_text("utf-8")
    assert normalize_help(help_page(page, language, monkeypatch)) == normalize_help(expected)


def test_every_golden_help_page_belongs_to_a_command() -> None:
    files = {path.relative_to(GOLDEN).with_suffix("").as_posix() for path in GOLDEN.rglob("*.txt")}
    assert files == {f"{language}/{page}" for language, page in PAGES}


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["experiment", "--help"], ["chat", "--help"]])
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    code = (
        f"import sys; from korlm.cli.main import main\ntry: main({arguments})\nexcept SystemExit: print(*sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "kiwipiepy", "sentencepiece", "gradio"} & set(output.splitlines()[-1].split())


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        for language, page in PAGES:
            (GOLDEN / language / f"{page}.txt").write_text(help_page(page, language, patch), "utf-8")
    SIGNATURES.write_text("".join(f"{line}\n" for line in signature_lines()), "utf-8")
