"""The body of a chatbot's card: what it is, how to use it, its figures, how it was made, what it answers, its failings.

print(render_chat_card(bot, "law", "user/law", corpus_facts(bot.info)))
"""

from __future__ import annotations

from typing import Any

from korlm.chat.model import ChatModel
from korlm.chat.reply import Reply
from korlm.corpora.dataset_info import DatasetInfo
from korlm.hub.model_card import model_rows, results_section, training_section
from korlm.i18n import localize
from korlm.nn.seq2seq import Seq2Seq
from korlm.reporting.markdown import (
    bilingual_page,
    card_section,
    card_table,
    code_block,
    install_command,
    unit_label,
)


def render_chat_card(bot: ChatModel, title: str, address: str, facts: DatasetInfo) -> str:
    """Return the body in Korean and English.

    Args:
        bot: the chatbot.
        title: what it is called.
        address: what `korlm.load_chat` takes to open it.
        facts: what is known of the pairs that it learnt from; its prompts are asked.

    Raises:
        MissingDependencyError: its analyzer is not installed.
    """
    answers = [(question, bot.reply(question)) for question in facts.prompts if question]

    def render_page(language: str) -> str:
        return "\n\n".join([
            _describe_bot(bot, language),
            card_table([*model_rows(bot, facts, language), *_initial_weights_rows(bot.info, language)], language),
            _usage_section(bot, address, language),
            results_section(bot.info, language),
            _thresholds_section(bot, language),
            training_section(bot.info, facts, language),
            _answers_section(answers, language),
            _limitations_section(bot, facts, language),
        ])  # fmt: skip

    return bilingual_page(title, render_page)


def _describe_bot(bot: ChatModel, language: str) -> str:
    cell, net = bot.net.config.cell.upper(), bot.net
    if isinstance(net, Seq2Seq):
        kind = localize(
            f"{cell} 인코더-디코더({net.config.attention} 주의)",
            f"{cell} encoder-decoder ({net.config.attention} attention)",
            language=language,
        )
    else:
        kind = localize(
            f"대화 틀을 이어 쓰는 {cell} 언어 모델", f"{cell} language model with a chat template", language=language
        )
    return localize(
        f"한국어 한마디에 한마디로 답하는 작은 챗봇입니다: {unit_label(bot.tokenizer, 'ko')} 단위의 {kind}. `korlm`으로 배우고 엽니다.",
        f"A small chatbot that answers a Korean sentence with another: {kind}, by {unit_label(bot.tokenizer, 'en')}. "
        "Trained and opened with `korlm`.",
        language=language,
    )


def _initial_weights_rows(info: dict[str, Any], language: str) -> list[tuple[str, str]]:
    """Return the row that says what it began with, if with anything."""
    if "start" not in info:
        return []
    name, pieces, layers = info["start"]["name"], info["start"]["pieces"], bool(info["start"]["weights"])
    ko = f"`{name}`의 임베딩 {pieces:,}조각" + ("과 순환층" if layers else "")
    en = f"{pieces:,} embeddings" + (" and the recurrent layers" if layers else "") + f" of `{name}`"
    return [(localize("처음 가중치", "began with", language=language), localize(ko, en, language=language))]


def _usage_section(bot: ChatModel, address: str, language: str) -> str:
    code = "\n".join([
        "import korlm",
        "",
        f'bot = korlm.load_chat("{address}")',
        'reply = bot.reply("안녕하세요?")',
        "print(reply.text, reply.confidence)",
    ])  # fmt: skip
    shell = f"{install_command(address, bot.tokenizer.name)}\nkorlm chat {address}"
    return card_section(
        ("쓰는 법", "How to use it"), code_block(code, "python"), code_block(shell, "bash"), language=language
    )


def _thresholds_section(bot: ChatModel, language: str) -> str:
    if bot.thresholds is None:
        return card_section(
            ("모른다고 할 때", "When it does not know"),
            localize("한도가 없습니다. 늘 답합니다.", "It has no limits: it always answers.", language=language),
            language=language,
        )
    said = localize(
        f"검증 물음에서 고른 한도입니다. 답의 놀라움이 조각마다 평균 {bot.thresholds.surprisal:.2f}비트를 넘거나, 물음의 글자 쌍 가운데 배운 "
        f"물음에 있던 것이 {bot.thresholds.familiarity:.0%}보다 적으면 모른다고 합니다. 글자가 낯선지만 보므로, 낯익은 말로 된 모르는 "
        "물음에는 엉뚱하게 답합니다.",
        f"Its limits were chosen on validation questions. Where its answer's surprisal is above {bot.thresholds.surprisal:.2f} bits a "
        f"piece, or less than {bot.thresholds.familiarity:.0%} of the question's character bigrams were among those learnt, it says "
        "that it does not know. That looks at letters alone: to what is unknown in familiar words it answers beside the point.",
        language=language,
    )
    return card_section(("모른다고 할 때", "When it does not know"), said, language=language)


def _answers_section(answers: list[tuple[str, Reply]], language: str) -> str:
    said = localize(
        "고르지도 고치지도 않았습니다 (그리디).", "Neither chosen nor edited (greedy decoding).", language=language
    )
    lines = [f"{question}\n  → {reply.text}" for question, reply in answers]
    return card_section(("이렇게 답합니다", "What it answers"), said, code_block("\n".join(lines)), language=language)


def _limitations_section(bot: ChatModel, facts: DatasetInfo, language: str) -> str:
    known = [
        localize(*facts.failing, language=language),
        localize(
            f"작은 모델입니다(매개변수 {bot.parameters:,}개). 사실을 알지 못하고, 물음과 어긋난 답을 하기도 합니다. 건강, 법, 돈의 "
            "상담에 쓰지 마세요.",
            f"It is small ({bot.parameters:,} parameters): it knows no facts and often misses the point. Not for advice on "
            "health, law or money.",
            language=language,
        ),
    ]
    if isinstance(bot.net, Seq2Seq):
        known.append(
            localize(
                "앞의 말을 기억하지 못합니다: 물음 하나만 읽습니다.",
                "It reads one question alone, not what was said before.",
                language=language,
            )
        )
    return card_section(
        ("알려진 흠", "Known failings"), "\n".join(f"- {one}" for one in known if one), language=language
    )
