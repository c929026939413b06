"""The body of a chatbot's card: description, usage, results, abstention, training, answers, limitations.

print(render_chat_card(bot, "law", "user/law", get_dataset_info(bot.info)))
"""

from __future__ import annotations

from typing import Any

from korlm.chat.model import ChatModel
from korlm.corpora.dataset_info import DatasetInfo
from korlm.hub.model_card import trained_model_values
from korlm.hub.rendering import Translate, install_command, render_bilingual_page
from korlm.nn.seq2seq import Seq2Seq

_PYTHON_EXAMPLE = """import korlm

bot = korlm.load_chat("{address}")
reply = bot.reply("안녕하세요?")
print(reply.text, reply.confidence)"""


def render_chat_card(bot: ChatModel, title: str, address: str, dataset: DatasetInfo) -> str:
    """Return the body in Korean and English.

    `korlm.load_chat` opens ``address``. The card shows the answers to the prompts of ``dataset``, the bot's training
    pairs.

    Raises:
        MissingDependencyError: its analyzer is not installed.
    """
    answers = "\n".join(f"{question}\n  → {bot.reply(question).text}" for question in dataset.prompts if question)

    def page_values(t: Translate) -> dict[str, Any]:
        values = trained_model_values(bot, dataset, t)
        return {
            **values,
            "model_rows": [*values["model_rows"], *_initial_model_rows(bot.info, t)],
            "attention": bot.net.config.attention if isinstance(bot.net, Seq2Seq) else None,
            "python_example": _PYTHON_EXAMPLE.format(address=address),
            "shell_example": f"{install_command(address, bot.tokenizer.name)}\nkorlm chat {address}",
            "thresholds": bot.thresholds,
            "answers": answers,
        }

    return render_bilingual_page("chat_card.md.jinja", title, page_values)


def _initial_model_rows(info: dict[str, Any], t: Translate) -> list[tuple[str, str]]:
    """Return the row that names the initial model, if there was one."""
    if "start" not in info:
        return []
    name, tokens, has_layers = info["start"]["name"], info["start"]["pieces"], bool(info["start"]["weights"])
    ko = f"`{name}`의 토큰 {tokens:,}개의 임베딩" + ("과 순환층" if has_layers else "")
    en = f"{tokens:,} embeddings" + (" and the recurrent layers" if has_layers else "") + f" of `{name}`"
    return [(t("처음 가중치", "began with"), t(ko, en))]
