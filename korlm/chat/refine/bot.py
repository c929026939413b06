"""`RefineBot`: retrieves answers, lets a network write more, and gives the best of all.

>>> from korlm.chat.registry import load_chat
>>> bot = load_chat("refine")
>>> reply = bot.reply("아 배고파")
>>> len(reply.candidates) > 1, reply.attention.shape == (len(reply.tokens), len(reply.question_tokens))
(True, True)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from korlm.chat.encoder.model import QuestionEncoder
from korlm.chat.intent_bot import IntentBot, Retrieval, to_retrieval_result
from korlm.chat.intent_weights import IntentBotWeights
from korlm.chat.question_index import IntentMatch, QuestionIndex
from korlm.chat.refine.examples import NUM_RETRIEVED, RefineExample
from korlm.chat.refine.lexicon import WordLexicon, has_repeated_words
from korlm.chat.refine.model import RefineModel
from korlm.chat.refine.reranking import AnswerFeatures, RankingWeights, find_closest_match
from korlm.chat.reply import Reply
from korlm.corpora.intents import Intent
from korlm.generation.config import GenerationConfig
from korlm.generation.generate import generate_texts
from korlm.generation.results import GeneratedText
from korlm.generation.state import Prompt
from korlm.tokenizers.base import BOS_ID, EOS_ID

NUM_CANDIDATES = 5  # retrieved answers that are ranked with the generated ones
DECODING = GenerationConfig(
    temperature=0, beams=5, n=5, no_repeat_ngram=4, min_tokens=3, max_tokens=50, length_penalty=1.0
)

_SENTENCE_ENDS = (".", "!", "?", "…")  # each answer of the data ends in one
_REPETITION_PENALTY = 1.5  # subtracted from the score of an answer that was given before in the conversation


@dataclass(frozen=True)
class RankedAnswer:
    """A candidate for the answer.

    Attributes:
        text: the answer.
        match: the retrieved intent that it belongs to or resembles most.
        features: the components of its score.
        score: their weighted sum.
    """

    text: str
    match: IntentMatch
    features: AnswerFeatures
    score: float


class RefineBot(IntentBot):
    """An intent bot whose network ranks the retrieved answers and those that it makes of them.

    It abstains where the intent bot does.

    Args:
        model: the network.
        intents: from which answers are retrieved; at least one.
        held_out: also search the questions that are held out for evaluation.
        encoder: see `IntentBot`, as for ``weights`` and ``index``.
        ranking: the weights of the ranking; those in the model's build information by default.
        generates_only: rank the answers of the beam alone and never abstain; to measure the network. If none passes the filters,
            the retrieved answers are ranked.
    """

    def __init__(
        self, model: RefineModel, intents: Sequence[Intent], *, held_out: bool = True,
        encoder: QuestionEncoder | None = None, weights: IntentBotWeights | None = None,
        index: QuestionIndex | None = None, ranking: RankingWeights | None = None, generates_only: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(intents, held_out=held_out, encoder=encoder, weights=weights, index=index)
        self.model = model
        self.ranking = ranking or RankingWeights.from_info(model.info)
        self.generates_only = generates_only
        texts = (text for intent in intents for text in (*intent.all_questions, intent.answer))
        self.lexicon = WordLexicon(texts)

    def generate_answers(self, example: RefineExample) -> list[GeneratedText]:
        """Return the answers of the beam search that pass the filters, the best first."""
        [source] = self.model.encode_sources([example])
        [texts] = generate_texts(self.model.net, self.model.tokenizer, [Prompt(source, is_reply=True)], DECODING)
        context = " ".join((example.question, *example.history))
        stripped = (replace(text, text=text.text.strip()) for text in texts if text.finish_reason == "eos")
        return [text for text in stripped if text.text in example.retrieved or self._is_well_formed(text.text, context)]

    def rank_answers(
        self, text: str, history: Sequence[str] = (), *, retrieval: Retrieval | None = None
    ) -> list[RankedAnswer]:
        """Return the candidates for the answer to a message, the best first.

        Args:
            text: the message.
            history: the turns before it.
            retrieval: of the message; by default it is looked up.
        """
        retrieval = retrieval or self.retrieve_matches(text, history)
        matches = retrieval.matches[:NUM_CANDIDATES]
        answers = tuple(match.intent.answer for match in matches[:NUM_RETRIEVED])
        example = RefineExample(text, "", tuple(history[-2:]), answers)
        generated = [answer.text for answer in self.generate_answers(example)]
        ranked = self.score_candidates(example, generated, matches)
        if self.generates_only and generated:
            ranked = [answer for answer in ranked if answer.text in generated]
        given = set(history[1::2])
        return sorted(ranked, key=lambda answer: _REPETITION_PENALTY * (answer.text in given) - answer.score)

    def score_candidates(
        self, example: RefineExample, generated: Sequence[str], matches: Sequence[IntentMatch]
    ) -> list[RankedAnswer]:
        """Return the generated and the retrieved answers with their scores, in no order."""
        answers = list(dict.fromkeys([*generated, *(match.intent.answer for match in matches)]))
        forward = self.model.score_options(example, answers)
        reversed_examples = [RefineExample("", example.question, (), (answer,)) for answer in answers]
        reverse = self.model.score_answers(reversed_examples)
        retrieved = {match.intent.answer for match in matches}
        ranked = []
        for answer, answer_bits, question_bits in zip(answers, forward, reverse, strict=True):
            match, likeness = find_closest_match(answer, matches)
            features = AnswerFeatures(
                likelihood=-float(answer_bits.mean()) * math.log(2),
                reverse=-float(question_bits.mean()) * math.log(2),
                retrieval=likeness * match.score - matches[0].score,
                generated=float(answer not in retrieved),
            )
            ranked.append(RankedAnswer(answer, match, features, self.ranking.score_features(features)))
        return ranked

    def _is_well_formed(self, answer: str, context: str) -> bool:
        return (
            answer.endswith(_SENTENCE_ENDS)
            and not has_repeated_words(answer)
            and not self.lexicon.find_strange_words(answer, context)
        )

    def _answer_message(self, text: str, history: Sequence[str], abstain: bool) -> Reply:
        if self.generates_only:  # without the rules of the intent bot
            return self._answer_retrieval(text, history, self.retrieve_matches(text, history), abstain)
        return super()._answer_message(text, history, abstain)

    def _answer_retrieval(self, text: str, history: Sequence[str], retrieval: Retrieval, abstain: bool) -> Reply:
        """Return the reply with the best candidate; the intent bot's where it abstains or repeats itself on request."""
        reply = super()._answer_retrieval(text, history, retrieval, abstain)
        if (reply.abstain_reason or retrieval.wants_another) and not self.generates_only:
            return reply
        ranked = self.rank_answers(text, history, retrieval=retrieval)
        best = ranked[0]
        if best.match.intent.answer != reply.answer:
            confidence = self._estimate_confidence(
                retrieval.query,
                retrieval.vector,
                retrieval.matches,
                best.match,
                in_conversation=bool(history),
                wants_another=retrieval.wants_another,
            )
            if confidence.abstain_reason and not self.generates_only:
                return reply
            reply = replace(reply, confidence=confidence)
        reply = replace(
            reply,
            text=best.text,
            answer=best.text,
            nearest=to_retrieval_result(best.match),
            candidates=tuple(GeneratedText(answer.text, (), 0.0, 0.0, answer.score, "eos") for answer in ranked),
        )
        return self._explain_reply(
            reply, RefineExample(text, best.text, tuple(history[-2:]), (best.match.intent.answer,))
        )

    @torch.inference_mode()
    def _explain_reply(self, reply: Reply, example: RefineExample) -> Reply:
        """Add the tokens and the decoder's attention while it writes the answer."""
        [(source, answer)] = self.model.encode_examples([example])
        net, tokenizer = self.model.net, self.model.tokenizer
        memory, state = net.encode(torch.tensor([source]), torch.tensor([len(source)]))
        _, attention, _ = net.decode(memory, torch.tensor([[BOS_ID, *answer]]), state)
        return replace(
            reply,
            question_tokens=tuple(map(tokenizer.token_text, source)),
            tokens=tuple(map(tokenizer.token_text, (*answer, EOS_ID))),
            attention=attention[0].numpy(),
        )
