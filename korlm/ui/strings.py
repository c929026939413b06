"""Every word that the app shows, in Korean and in English.

>>> say("run", "ko"), say("run", "en")
('나누어 보기', 'Split the text')
"""

from __future__ import annotations

from korlm.language import pick

_TEXTS: dict[str, tuple[str, str]] = {
    # the page
    "title": ("한국어를 자르는 여러 방법", "Many ways to cut Korean"),
    "purpose": (
        "같은 글을 토크나이저마다 어떻게 나누는지 나란히 보고, 그 조각으로 배운 언어 모델이 쓰는 글을 읽어 보세요.",
        "See side by side how each tokenizer cuts the same text, and read what language models trained on those "
        "pieces write.",
    ),
    "tab_compare": ("토크나이저 비교", "Compare tokenizers"),
    "tab_generate": ("문장 생성", "Generate text"),
    # units
    "unit_word": ("어절", "eojeol"),
    "unit_morpheme": ("형태소", "morpheme"),
    "unit_subword": ("서브워드", "subword"),
    "unit_syllable": ("음절", "syllable"),
    "unit_byte": ("바이트", "byte"),
    # compare
    "text": ("글", "Text"),
    "text_hint": (
        "여기에 한국어를 써 보세요. Shift+Enter로 바로 볼 수 있습니다.",
        "Type Korean here. Shift+Enter runs it.",
    ),
    "tokenizers": ("토크나이저", "Tokenizers"),
    "run": ("나누어 보기", "Split the text"),
    "examples": ("눌러서 해 보기", "Try one of these"),
    "source": ("원문", "text"),
    "lanes_name": ("토크나이저마다 나눈 글", "The text as each tokenizer cuts it"),
    "waiting": ("분석 중… {names} 준비에 몇 초 걸립니다.", "Working… {names} needs a few seconds to load."),
    "empty": ("글을 쓰고 ‘나누어 보기’를 누르면 여기에 나타납니다.", "Type a text and press “Split the text”."),
    "drawn": (
        "그림에는 앞의 {shown}자만 그렸습니다. 아래 표의 수는 {total}자 전체를 센 것입니다.",
        "Only the first {shown} characters are drawn. The counts below cover all {total}.",
    ),
    "legend_piece": ("조각", "piece"),
    "legend_space": ("띄어쓰기 (뒤 조각에 붙음)", "space (joins the piece after it)"),
    "legend_fallback": ("어휘에 없어 더 잘게 나눈 조각", "not in the vocabulary, cut further"),
    "legend_bytes": ("바이트로 나눈 글자", "character cut into bytes"),
    "legend_tip": (
        "조각을 가리키거나 누르면 ID와 품사가 나옵니다. 화살표 키로 옮겨 다닐 수 있습니다.",
        "Point at or tap a piece for its ids and tags. Arrow keys move between pieces.",
    ),
    # a piece
    "piece_span": ("글자 {start}–{end}", "characters {start}–{end}"),
    "piece_id": ("ID {ids}", "id {ids}"),
    "piece_ids": ("토큰 {count}개", "{count} tokens"),
    "piece_fallback": ("어휘에 없어서 더 잘게 나눔", "not in the vocabulary: cut further"),
    # counts
    "table_name": ("토크나이저마다 센 수", "Counts of each tokenizer"),
    "col_tokenizer": ("토크나이저", "tokenizer"),
    "col_pieces": ("조각", "pieces"),
    "col_ids": ("토큰(ID)", "tokens (ids)"),
    "col_per_eojeol": ("어절당 토큰", "tokens per eojeol"),
    "col_per_id": ("토큰당 글자", "characters per token"),
    "col_fallback": ("어휘에 없던 조각", "pieces not in vocabulary"),
    "col_bytes": ("바이트 토큰", "byte tokens"),
    "col_vocabulary": ("어휘 크기", "vocabulary"),
    "text_size": ("{characters}자 · {eojeol}어절", "{characters} characters · {eojeol} eojeol"),
    # generate
    "model": ("모델", "Model"),
    "all_models": ("모두 나란히", "All side by side"),
    "prompt": ("첫머리", "Prompt"),
    "prompt_hint": ("이어 쓸 글의 첫머리. 비워도 됩니다.", "How the text begins. May be empty."),
    "sampling": ("고르는 방법", "Sampling"),
    "temperature": ("온도", "Temperature"),
    "temperature_info": (
        "낮으면 뻔하게, 높으면 엉뚱하게. 0은 늘 같은 글.",
        "Low is plain, high is odd. 0: always the same.",
    ),
    "top_k": ("top-k", "Top-k"),
    "top_k_info": ("가장 그럴듯한 k개 가운데서만. 0은 모두.", "Only the k likeliest tokens. 0: all."),
    "top_p": ("top-p", "Top-p"),
    "top_p_info": ("확률의 합이 p가 될 때까지만.", "Only until the probabilities sum to p."),
    "max_tokens": ("최대 토큰", "Most tokens"),
    "seed": ("시드", "Seed"),
    "seed_info": ("같은 시드는 같은 글.", "The same seed, the same text."),
    "random_seed": ("시드를 매번 새로", "A new seed each time"),
    "generate": ("생성", "Generate"),
    "stop": ("멈춤", "Stop"),
    "prompts": ("눌러서 해 보기", "Try one of these"),
    "no_models": (
        "아직 쓸 수 있는 모델이 없습니다. data/models 폴더를 확인하세요.",
        "There is no model to use yet. Check the folder data/models.",
    ),
    "empty_generate": (
        "‘생성’을 누르면 모델이 쓴 글이 여기에 나타납니다.",
        "Press “Generate” and the models write here.",
    ),
    "state_loading": ("모델을 불러오는 중…", "Loading the model…"),
    "state_writing": ("쓰는 중…", "Writing…"),
    "state_done": ("끝", "Done"),
    "state_stopped": ("멈춤", "Stopped"),
    "state_error": ("쓰지 못함", "Failed"),
    "nothing_written": ("(모델이 바로 끝맺었습니다)", "(the model ended at once)"),
    "card_parameters": ("매개변수 {count}", "{count} parameters"),
    "card_bits": ("글자당 {bits}비트", "{bits} bits per character"),
    "card_seed": ("시드 {seed}", "seed {seed}"),
}


def say(key: str, language: str, **values: object) -> str:
    """Return a text in ``"ko"`` or ``"en"``, with its ``{places}`` filled in."""
    ko, en = _TEXTS[key]
    text = pick(ko, en, language=language)
    return text.format(**values) if values else text


def named(tokenizer: str, unit: str, language: str) -> str:
    """Return a tokenizer's name with its unit, once where they are the same word.

    >>> named("kiwi", "morpheme", "ko"), named("byte", "byte", "en")
    ('kiwi · 형태소', 'byte')
    """
    spoken = say("unit_" + unit, language) if unit else tokenizer
    return tokenizer if spoken == tokenizer else f"{tokenizer} · {spoken}"
