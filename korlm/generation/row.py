"""`Row`: one text under way, from the pieces that are chosen to the text that is certain.

>>> from korlm.generation.config import SamplingConfig
>>> from korlm.tokenizers.byte import byte_tokenizer
>>> rules = Rules(byte_tokenizer(), SamplingConfig(), textual=True)
>>> row = Row(rules, rules.read([""])[0])
>>> [row.take(number) for number in (238, 180, 132, 2)], row.reason
(['', '', '가', ''], 'end')
"""

from __future__ import annotations

import copy

from torch import Tensor

from korlm.generation.forced import Target
from korlm.generation.results import Step
from korlm.generation.rules import Prompt, Rules
from korlm.generation.table import probe
from korlm.generation.writer import Writer
from korlm.text.utf8 import is_complete
from korlm.tokenizers.base import EOS_ID


class Row:
    """One text under way.

    Attributes:
        ids: the pieces; lone bytes once their character is whole.
        count: pieces chosen.
        begun: bytes of a character under way.
        text: what was given out.
        reason: why it ended (see `Generated`); empty while it goes on.
        state: of the automaton, after what is certain.
        held: letters that the decoder holds back, where strings are watched for.
        unmet: strings that must still come.
        queue: ids of one of them that are to be written next.
        sealed: such a string was just written: no letter may join its last syllable.
        steps: filled by the sampler, where they are wanted.
    """

    def __init__(self, rules: Rules, prompt: Prompt) -> None:
        self.rules = rules
        self.ids: list[int] = []
        self.count = 0
        self.begun = b""
        self.text = ""
        self.reason = ""
        self.state = prompt.state
        self.held = b""
        self.unmet = rules.targets
        self.queue: tuple[int, ...] = ()
        self._way = 0  # how long the queue was
        self.sealed = False
        self.steps: list[Step] = []
        self.decoder = rules.tokenizer.decoder()
        self._writer = Writer(rules.config.stop)
        self._healed = prompt.healed
        self._unwritten: list[int] = []
        self._written = b""

    def copy(self) -> Row:
        """Return a twin that goes its own way."""
        twin = copy.copy(self)
        twin.ids, twin.steps, twin._unwritten = self.ids.copy(), self.steps.copy(), self._unwritten.copy()
        if self.rules.textual:
            tokenizer = self.rules.tokenizer
            twin.decoder = copy.deepcopy(self.decoder, {id(tokenizer): tokenizer})
            twin._writer = copy.deepcopy(self._writer)
        return twin

    @property
    def key(self) -> tuple[object, ...]:
        """All that decides which pieces may come next."""
        return self.begun, self.state, self.held, self.may_end, self.strict, self.first, self.sealed

    @property
    def may_end(self) -> bool:
        """Whether ``</s>`` may come; in a sampled text a string that is forced is then written in its place."""
        if self.count < self.rules.config.min_tokens:
            return False
        return not self.unmet or (not self.rules.searching and bool(self.ways()))

    @property
    def strict(self) -> bool:
        """Whether stop strings may not come yet."""
        return bool(self.unmet) or self.count < self.rules.config.min_tokens

    @property
    def first(self) -> bool:
        """Whether the next piece must bring the prompt's last space."""
        return self._healed and not self.count

    def take(self, number: int) -> str:
        """Add a piece; return the text that is now certain."""
        self.count += 1
        self.sealed = False
        if number == EOS_ID:
            return self.end("end")
        byte = self.rules.byte_of.get(number)
        if byte is None:
            self._add([number])
        else:
            self.begun += bytes([byte])
            if is_complete(self.begun):
                begun, self.begun = self.begun, b""
                self._add([self.rules.tokenizer.byte_ids[byte] for byte in begun])
        if self.queue:
            self.queue = self.queue[1:]
            self.sealed = not self.queue
        delta = self._write() if self.rules.textual else ""
        if not self.reason and self.count >= self.rules.config.max_tokens:
            delta += self.end("limit")
        return delta

    def end(self, reason: str) -> str:
        """End the text; return what was still held back. A character or letter that cannot stay is left out."""
        self.reason = reason
        delta = self._write()
        data = self.decoder.finish()
        automaton = self.rules.automaton
        if automaton and automaton.completes(self.state, data):
            data = b""
        rest = self._writer.push(data) + self._writer.finish()
        self.text += rest
        if self._writer.stopped:
            self.reason = "stop"
        return delta + rest

    def start(self, scores: Tensor) -> bool:
        """Begin to write a string that must still come, the way whose first piece is likeliest; False if none fits.

        Args:
            scores: ``[V]``, logits or log-probabilities of the next piece.
        """
        ways = self.ways()
        if ways:
            self.write_out(max(ways, key=lambda way: float(scores[way[0]])))
        return bool(ways)

    def write_out(self, way: tuple[int, ...]) -> None:
        """Take these pieces next, one a step."""
        self.queue, self._way = way, len(way)

    @property
    def progress(self) -> int:
        """How many pieces of the strings that must come are there, by their longest ways."""
        met = sum(target.cost for target in self.rules.targets if target not in self.unmet)
        return met + (self._way - len(self.queue) if self.queue else 0)

    def ways(self) -> list[tuple[int, ...]]:
        """Return the ids of each way to write a string that must still come, here and now."""
        if self.begun or self.queue:
            return []
        return [way for target in self.unmet for way in target.ways if self._fits(target, way)]

    @property
    def must(self) -> bool:
        """Whether there is just room left for what must still come."""
        if not self.unmet or self.queue:
            return False
        needed = sum(target.cost for target in self.unmet)
        return self.rules.config.max_tokens - self.count <= needed + self.rules.room

    def _fits(self, target: Target, way: tuple[int, ...]) -> bool:
        decoder = self.rules.tokenizer.decoder()
        data = b"".join([*map(decoder.push, way), decoder.finish()])
        if self.first and not (data.startswith(b" ") and target.data in data[1:]):
            return False
        automaton = self.rules.automaton
        return not (automaton and automaton.completes(self.state, self.held + data, strict=True))

    def _add(self, ids: list[int]) -> None:
        self.ids += ids
        self._unwritten += ids

    def _write(self) -> str:
        """Decode what was not decoded yet; see which strings came."""
        rules = self.rules
        data = b"".join(map(self.decoder.push, self._unwritten))
        self._unwritten.clear()
        if rules.automaton:
            self.state = rules.automaton.run(self.state, data)
            if rules.table.letters:
                self.held = probe(rules.tokenizer, self.decoder)[1]
        if self._healed and data:
            data, self._healed = data[1:], False
        if self.unmet:
            self._written += data
            certain = self._written + (probe(rules.tokenizer, self.decoder)[1] if self.sealed else b"")
            self.unmet = tuple(target for target in self.unmet if target.data not in certain)
        delta = self._writer.push(data)
        self.text += delta
        if self._writer.stopped:
            self.reason = "stop"
        return delta
