"""Every word that the app shows, in Korean and in English.

>>> translate("run", "ko"), translate("run", "en")
('나누어 보기', 'Split the text')
"""

from __future__ import annotations

from korlm.app.strings import chat, generate
from korlm.i18n import localize

_TEXTS: dict[str, tuple[str, str]] = {
    # the page
    "title": ("한국어를 자르는 여러 방법", "Many ways to cut Korean"),
    "purpose": (
        "같은 글을 토크나이저마다 어떻게 나누는지 나란히 보고, 그 조각으로 배운 언어 모델이 쓰는 글을 읽고, 챗봇과 이야기해 보세요.",
        "See side by side how each tokenizer cuts the same text, read what language models trained on those pieces "
        "write, and talk to chatbots.",
    ),
    "tab_compare": ("토크나이저 비교", "Compare"),
    "tab_generate": ("문장 생성", "Generate text"),
    # units
    "unit_word": ("어절", "eojeol"),
    "unit_morpheme": ("형태소", "morpheme"),
    "unit_subword": ("서브워드", "subword"),
    "unit_morpheme-subword": ("형태소+서브워드", "morpheme + subword"),
    "unit_syllable": ("음절", "syllable"),
    "unit_jamo": ("자모", "jamo"),
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
    "lane_mine": ("kiwi + 내 사전", "kiwi + my words"),
    "lane_tuned": ("kiwi + 내 설정", "kiwi + my settings"),
    "not_installed": ("여기에 설치되지 않음: {names}", "Not installed here: {names}"),
    "example_ambiguity": ("중의성", "Ambiguity"),
    "example_contraction": ("준말", "Contraction"),
    "example_compounds": ("합성어", "Compounds"),
    "example_loanwords": ("외래어", "Loanwords"),
    "example_net": ("인터넷 말", "Net speech"),
    "example_rare": ("드문 글자", "Rare characters"),
    # how it is drawn
    "reference": ("기준 분석기", "Reference"),
    "reference_info": ("자른 곳을 이 분석에 견줍니다.", "Cuts are judged against it."),
    "reference_none": ("없음", "none"),
    "color": ("색", "Colour"),
    "color_pos": ("품사", "part of speech"),
    "color_piece": ("조각", "piece"),
    "form": ("형태", "Form"),
    "form_surface": ("표면", "surface"),
    "form_restored": ("원형", "restored"),
    "link": ("링크 복사", "Copy link"),
    "linked": ("이 화면의 링크를 복사했습니다.", "The link to this view is copied."),
    "linked_without": (
        "링크를 복사했습니다. 글이나 사전이 길어 링크에는 넣지 않았습니다.",
        "The link is copied, without the text or dictionary, which are too long for it.",
    ),
    "not_copied": ("복사하지 못했습니다. 브라우저가 막았습니다.", "Not copied: the browser did not allow it."),
    "csv": ("CSV 내려받기", "Download CSV"),
    "json": ("JSON 내려받기", "Download JSON"),
    # stress
    "stress": ("글을 흔들어 보기", "Stress the text"),
    "stress_spaces": ("띄어쓰기 없애기", "No spaces"),
    "stress_nfd": ("NFD로 풀기", "NFD"),
    "stress_laugh": ("ㅋㅋ 붙이기", "Add ‘kk’ (laughter)"),
    "stress_typo": ("오타 내기", "Typos"),
    "stress_coined": ("새말 넣기", "A coined word"),
    "stress_hanja": ("한자로 쓰기", "Hanja"),
    "restore": ("원래 글로", "Restore"),
    "stressed": (
        "‘{kind}’를 한 글입니다. 아래 표의 토큰 수는 원래 글과 견준 것입니다.",
        "The text after “{kind}”. The token counts below are held against the text before.",
    ),
    "not_stressed": ("‘{kind}’: 이 글에는 바꿀 곳이 없습니다.", "“{kind}”: nothing in this text to change."),
    # Kiwi as the visitor sets it
    "kiwi_settings": ("Kiwi 설정 · 내 사전", "Kiwi settings · my dictionary"),
    "words": ("내 사전", "My dictionary"),
    "words_info": (
        "한 줄에 한 낱말, 품사는 탭이나 / 뒤에. 없으면 고유 명사(NNP). {most}개까지. 저장하지 않습니다.",
        "One word a line, its tag after a tab or /; a proper noun (NNP) without one. {most} at most. Nothing is stored.",
    ),
    "switch_typos": ("오타 교정", "Correct typos"),
    "switch_coda": ("덧붙은 받침 떼기 (했엌 → 했어)", "Detach added codas"),
    "switch_compounds": ("합성어 나누기", "Split compounds"),
    "switch_letters": ("자모까지 나누기", "Cut between letters"),
    "own_change": (
        "{name}: 조각 {pieces} ({more}), 토큰 {ids} ({much}). kiwi 줄과 견준 것입니다.",
        "{name}: pieces {pieces} ({more}), tokens {ids} ({much}), against the lane kiwi.",
    ),
    # legend
    "legend_lines": ("선", "Lines"),
    "legend_cut": ("자른 곳", "a cut"),
    "legend_all": ("모두 자른 곳", "all cut here"),
    "legend_lonely": ("혼자 자른 곳", "nobody else cuts here"),
    "legend_fallback": ("어휘에 없어 더 잘게 나눈 곳", "cut further: not in the vocabulary"),
    "legend_verdicts": ("{reference}에 견주면", "Against {reference}"),
    "verdict_boundary": ("형태소 경계", "morpheme boundary"),
    "verdict_inside_morpheme": ("형태소 안", "inside a morpheme"),
    "verdict_inside_syllable": ("음절 안", "inside a syllable"),
    "verdict_inside_bytes": ("바이트 안", "inside bytes"),
    "verdict_eojeol": ("어절 경계", "eojeol boundary"),
    "legend_groups": ("품사", "Parts of speech"),
    "group_noun": ("체언", "nominal"),
    "group_verb": ("용언", "predicate"),
    "group_modifier": ("수식언", "modifier"),
    "group_particle": ("조사", "particle"),
    "group_ending": ("어미", "ending"),
    "group_affix": ("접사", "affix"),
    "group_symbol": ("부호", "symbol"),
    "group_other": ("그 밖", "other"),
    "legend_boxes": ("칸", "Cells"),
    "legend_space": ("띄어쓰기", "a space"),
    "legend_bytes": ("바이트로 나눈 글자", "cut into bytes"),
    "legend_letters": ("낱자로 나눈 음절", "cut into letters"),
    "legend_tip": (
        "조각을 가리키거나 누르면 ID, 바이트, 품사가 나옵니다. Tab으로 들어가 화살표·Home·End 키로 옮겨 다닐 수 있습니다.",
        "Point at or tap a piece for ids, bytes and tags. Tab into the lanes; arrows, Home and End move between pieces.",
    ),
    # a piece
    "piece_span": ("글자 {start}–{end}", "characters {start}–{end}"),
    "piece_id": ("ID {ids}", "id {ids}"),
    "piece_ids": ("토큰 {count}개", "{count} tokens"),
    "piece_bytes": ("바이트 {bytes}", "bytes {bytes}"),
    "piece_sejong": ("(세종 {tag})", "(Sejong {tag})"),
    "piece_cut": ("앞에서 자름: {verdict} ({reference} 기준)", "cut before it: {verdict} (against {reference})"),
    "piece_inside": ("안에서 자름: {verdicts}", "cuts inside it: {verdicts}"),
    "piece_lonely": ("다른 줄은 여기서 자르지 않음", "no other lane cuts here"),
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
    "col_copy": ("복사", "copy"),
    "copy": ("ID 복사", "Copy ids"),
    "copy_label": ("{name}의 ID 복사", "Copy the ids of {name}"),
    "copied": ("{name}의 ID {count}개를 복사했습니다.", "Copied {count} ids of {name}."),
    "from_none": ("새로", "new"),
    # what the lanes say together
    "verdicts_name": ("{reference}에 견준 자른 곳", "Cuts against {reference}"),
    "verdicts_note": (
        "모델이 읽는 ID 사이를 모두 셉니다. 띄어쓰기에서 자른 곳은 뺍니다.",
        "Every cut between the ids that a model reads, those at spaces left out.",
    ),
    "no_cuts": ("어절 안에서 자르지 않음", "no cut inside an eojeol"),
    "agreement_name": ("같이 자르는 정도 (%)", "Agreement of cuts (%)"),
    "agreement_note": (
        "두 줄이 어절 안에서 자른 곳 가운데 둘 다 자른 곳의 몫(자카드). 100이면 똑같이 자릅니다.",
        "Of the places inside eojeol where either lane cuts, the share where both do (Jaccard). 100: the same cuts.",
    ),
    "spread_name": ("토큰 수의 폭", "Spread of token counts"),
    "spread": (
        "가장 적게 {low}개({least}), 가장 많이 {high}개({most}), 가운데 {middle}개. {times}배 차이입니다.",
        "Fewest {low} ({least}), most {high} ({most}), median {middle}: {times} times apart.",
    ),
}


_TEXTS |= generate.GENERATE_TEXTS | chat.CHAT_TEXTS
_CUSTOM_LANES = {"kiwi*": "lane_mine", "kiwi**": "lane_tuned"}  # as in `korlm.app.view_models`


def translate(key: str, language: str, **values: object) -> str:
    """Return a text in ``"ko"`` or ``"en"``, with its ``{places}`` filled in."""
    ko, en = _TEXTS[key]
    text = localize(ko, en, language=language)
    return text.format(**values) if values else text


def lane_name(lane: str, language: str) -> str:
    """Return what a lane is called: the tokenizer's name, or words for Kiwi as the visitor has set it.

    >>> lane_name("kiwi", "ko"), lane_name("kiwi*", "en")
    ('kiwi', 'kiwi + my words')
    """
    return translate(_CUSTOM_LANES[lane], language) if lane in _CUSTOM_LANES else lane


def tokenizer_display_name(tokenizer: str, unit: str, language: str) -> str:
    """Return a tokenizer's name with its unit, once where they are the same word.

    >>> tokenizer_display_name("kiwi", "morpheme", "ko"), tokenizer_display_name("byte", "byte", "en")
    ('kiwi · 형태소', 'byte')
    """
    spoken = translate("unit_" + unit, language) if unit else tokenizer
    return tokenizer if spoken == tokenizer else f"{tokenizer} · {spoken}"
