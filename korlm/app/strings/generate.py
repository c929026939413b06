"""The texts of the generate tab (문장 생성) in Korean and English, for `korlm.app.strings.common.translate`.

>>> GENERATE_TEXTS["generate"]
('생성', 'Generate')
"""

from __future__ import annotations

GENERATE_TEXTS: dict[str, tuple[str, str]] = {
    # models and buttons
    "models": ("모델", "Models"),
    "models_info": ("{most}개까지 나란히 볼 수 있습니다.", "Up to {most} side by side."),
    "model_cards": (
        "모델 카드: 무엇으로 배웠고 무엇을 못하나",
        "Model cards: what they learnt from, and their failings",
    ),
    "tab_write": ("이어 쓰기", "Continue a text"),
    "tab_score": ("점수 매기기", "Score a text"),
    "prompt": ("첫머리", "Prompt"),
    "prompt_hint": ("이어 쓸 글의 첫머리. 비워도 됩니다.", "How the text begins. May be empty."),
    "prompts": ("눌러서 해 보기", "Try one of these"),
    "generate": ("생성", "Generate"),
    "again": ("다시 (새 시드)", "Again (new seed)"),
    "stop": ("멈춤", "Stop"),
    # sampling controls
    "preset": ("고르는 방법", "Sampling"),
    "preset_stable": ("안정적", "stable"),
    "preset_balanced": ("균형", "balanced"),
    "preset_creative": ("창의적", "creative"),
    "preset_greedy": ("탐욕", "greedy"),
    "preset_beam": ("빔", "beam"),
    "preset_own": ("직접", "my own"),
    "preset_stable_info": ("그럴듯한 조각 가운데서 조심스럽게 뽑습니다.", "Draws with care among the likely pieces."),
    "preset_balanced_info": ("모델이 배운 대로에 가깝게 뽑습니다.", "Draws nearly as the model has learnt."),
    "preset_creative_info": (
        "드문 조각도 자주 뽑습니다. 엉뚱해질 수 있습니다.",
        "Draws rare pieces often, and may go astray.",
    ),
    "preset_greedy_info": (
        "늘 가장 그럴듯한 조각을 씁니다. 시드가 달라도 같은 글입니다.",
        "Always the likeliest piece: the same text for every seed.",
    ),
    "preset_beam_info": (
        "글 전체가 가장 그럴듯한 것을 찾아 한꺼번에 보입니다. 시드를 쓰지 않습니다.",
        "Searches for the likeliest text as a whole and shows it at once. The seed is not used.",
    ),
    "preset_own_info": ("아래에서 정한 대로 뽑습니다.", "Draws as set below."),
    "sampling": ("자세히 정하기", "All settings"),
    "temperature": ("온도", "Temperature"),
    "temperature_info": (
        "낮으면 뻔하게, 높으면 엉뚱하게. 0은 늘 가장 그럴듯한 조각.",
        "Low is plain, high is odd. 0: always the likeliest piece.",
    ),
    "top_p": ("top-p", "Top-p"),
    "top_p_info": ("확률의 합이 p가 될 때까지만. 1은 모두.", "Only until the probabilities sum to p. 1: all."),
    "top_k": ("top-k", "Top-k"),
    "top_k_info": ("가장 그럴듯한 k개 가운데서만. 0은 모두.", "Only the k likeliest pieces. 0: all."),
    "min_p": ("min-p", "Min-p"),
    "min_p_info": (
        "으뜸 확률의 이 배보다 낮은 조각은 뺌. 0은 모두.",
        "Only pieces of this share of the top one. 0: all.",
    ),
    "typical_p": ("typical-p", "Typical-p"),
    "typical_p_info": (
        "놀라움이 평균에 가까운 조각부터 이만큼. 1은 모두.",
        "The most typical pieces that sum to it. 1: all.",
    ),
    "repetition_penalty": ("되풀이 벌점", "Repetition penalty"),
    "repetition_penalty_info": ("이미 나온 조각을 누릅니다. 1은 없음.", "Pushes down pieces seen before. 1: none."),
    "no_repeat_ngram": ("같은 n조각 막기", "No repeated n pieces"),
    "no_repeat_ngram_info": (
        "조각 n개가 같은 차례로 두 번 나오지 않게. 0은 없음.",
        "No n pieces come twice in a row. 0: no rule.",
    ),
    "beams": ("빔의 너비", "Beam width"),
    "beams_info": (
        "2부터는 뽑지 않고 찾습니다. 온도와 거르기는 쓰지 않음.",
        "From 2 on nothing is drawn; filters are off.",
    ),
    "max_tokens": ("최대 조각", "Most pieces"),
    "max_tokens_info": ("글 하나에 많아야 이만큼.", "At most so many in a text."),
    "samples": ("글의 수", "Samples"),
    "samples_info": (
        "모델마다 몇 편. 둘째 글부터는 시드에 1씩 더합니다.",
        "Texts a model. Each further one adds 1 to the seed.",
    ),
    "seed": ("시드 (같으면 같은 글)", "Seed (same seed, same text)"),
    "draw_seed": ("새로 뽑기", "Draw"),
    # generated texts
    "no_models": (
        "아직 쓸 수 있는 모델이 없습니다. data/models 폴더를 확인하세요.",
        "There is no model to use yet. Check the folder data/models.",
    ),
    "empty_generate": (
        "‘생성’을 누르면 고른 모델들이 같은 첫머리를 나란히 이어 씁니다.",
        "Press “Generate”: the chosen models continue the same prompt side by side.",
    ),
    "state_waiting": ("차례를 기다리는 중…", "Waiting for its turn…"),
    "state_loading": ("모델을 불러오는 중…", "Loading the model…"),
    "state_writing": ("쓰는 중…", "Writing…"),
    "state_done": ("끝", "Done"),
    "state_stopped": ("멈춤", "Stopped"),
    "state_error": ("쓰지 못함", "Failed"),
    "ended_eos": ("스스로 끝맺음", "ended by itself"),
    "ended_length": ("최대 조각에서 끊김", "cut at the limit"),
    "ended_cancelled": ("여기서 멈춤", "stopped here"),
    "nothing_written": ("(모델이 바로 끝맺었습니다)", "(the model ended at once)"),
    "nothing_yet": ("(아직 쓰지 않음)", "(nothing written yet)"),
    "prompt_bits": ("첫머리: 글자당 {bits}비트", "Prompt: {bits} bits per character"),
    "prompt_bits_lowest": ("가장 쉽게 읽음", "read most easily"),
    "prompt_empty": ("첫머리 없음", "No prompt"),
    "text_bits": ("글자당 {bits}비트", "{bits} bits per character"),
    "text_label": ("{model}의 생성 결과", "What {model} wrote"),
    "card_seed": ("시드 {seed}", "seed {seed}"),
    "card_rank": ("{rank}위", "rank {rank}"),
    "copy_text": ("복사", "Copy"),
    "copy_text_label": ("{model}의 글 복사", "Copy the text of {model}"),
    "text_copied": ("{model}의 글을 복사했습니다.", "Copied the text of {model}."),
    # color scale and tooltips
    "scale_name": ("색: 놀라움(비트)", "Color: surprisal (bits)"),
    "scale_low": ("흐린 색 = 쉽게 맞힘", "faint = easily guessed"),
    "scale_high": ("뚜렷한 색 = 뜻밖", "strong = unexpected"),
    "scale_piece": (
        "조각 하나의 비트입니다. 1비트는 확률 50%, 2비트는 25%, 9비트는 0.2%.",
        "Bits of a piece. 1 bit is a probability of 50%, 2 bits 25%, 9 bits 0.2%.",
    ),
    "scale_character": (
        "글자당 비트입니다. 여러 글자에 걸친 조각은 그 비트를 글자 수로 나누어 칠합니다.",
        "Bits per character. A piece over several characters is shaded by its bits over their number.",
    ),
    "scale_piece_tip": (
        "조각을 가리키거나 누르면 다른 후보와 확률이 나옵니다. Tab으로 들어가 화살표로 옮겨 다닐 수 있습니다.",
        "Point at or tap a piece for what else was likely. Tab into a text; arrow keys move between pieces.",
    ),
    "scale_character_tip": (
        "조각을 가리키거나 누르면 비트와 확률이 나옵니다. Tab으로 들어가 화살표로 옮겨 다닐 수 있습니다.",
        "Point at or tap a piece for its bits and probability. Tab into the rows; arrow keys move between pieces.",
    ),
    "tip_bits": ("{bits}비트 · 확률 {chance}", "{bits} bits · probability {chance}"),
    "tip_probability": ("거른 뒤 뽑힐 확률 {chance}", "drawn with {chance} after the filters"),
    "tip_num_tokens": ("조각 {count}개가 이룬 글자", "made by {count} pieces"),
    "tip_token": ("{piece}: {bits}비트", "{piece}: {bits} bits"),
    "tip_alternatives": ("모델이 본 후보", "The model's own candidates"),
    "tip_end": ("글을 끝맺음", "end of the text"),
    "mark_end": ("끝", "end"),
    "tip_line_end": ("줄을 끝맺음", "end of the line"),
    "tip_prompt": ("사람이 쓴 첫머리", "typed by a person"),
    "tip_each": ("글자당 {bits}비트", "{bits} bits per character"),
    # scoring
    "score_text": ("점수를 매길 글", "Text to score"),
    "score_hint": ("한 줄을 한 글로 봅니다.", "Each line is a text of its own."),
    "score": ("점수 매기기", "Score"),
    "empty_score": (
        "글을 쓰고 ‘점수 매기기’를 누르면, 모델마다 어느 글자를 쉽게 맞히고 어느 글자에 놀라는지 같은 글자 아래에 나란히 보입니다.",
        "Type a text and press “Score”: under the same characters you see what each model guessed and what surprised it.",
    ),
    "scoring": ("재는 중… {names}", "Scoring… {names}"),
    "score_name": ("모델마다 잰 글", "The text as each model scores it"),
    "score_table": ("글 전체", "The whole text"),
    "score_size": (
        "{characters}자 · 줄 끝 {lines}개를 한 글자씩 셈",
        "{characters} characters, {lines} line end(s) counted",
    ),
    "col_model": ("모델", "model"),
    "col_bits": ("비트", "bits"),
    "col_bits_per_character": ("글자당 비트", "bits per character"),
    "col_tokens": ("조각", "pieces"),
    "best": ("가장 낮음", "lowest"),
    "mixture": ("섞은 것", "mixed"),
    "mixture_note": ("줄마다 확률의 평균", "the mean of the probabilities of each line"),
    "score_note": (
        "낮을수록 그 모델에게 뻔한 글입니다. 글자당 비트는 토크나이저가 달라도 견줄 수 있습니다. 칸 아래의 수는 그 조각의 비트이고, "
        "한 모델의 수를 모두 더하면 표의 비트가 됩니다.",
        "Lower: plainer to that model. Bits per character compare across tokenizers. The number under a box is that "
        "piece's bits; all numbers of a model add up to the bits in the table.",
    ),
    "segmentations": ("모델이 그럴듯하게 보는 자르기", "Segmentations that the models find likely"),
    "segmentations_note": (
        "토크나이저는 글을 한 가지로만 자르지만, 모델은 같은 글이 되는 다른 자르기에도 확률을 줍니다. 글의 확률은 그 모두의 합이라 글자당 비트가 그만큼 "
        "낮아집니다. 백분율은 이 글이 그렇게 잘렸을 확률이고, 색이 있는 조각은 토크나이저와 다르게 자른 곳입니다.",
        "A tokenizer cuts a text one way, but its model also believes in others that spell the same text. The text's "
        "probability is their sum, so its bits per character are lower by that. Percentages: how probable each way is, given "
        "the text. Colored pieces are cut otherwise than by the tokenizer.",
    ),
    "segmentations_marginal": ("모두 더하면 글자당 {all}비트", "{all} bits per character in all"),
    "segmentations_canonical": ("토크나이저의 것만으로는 {own}", "{own} by the tokenizer's own"),
    "segmentations_too_long": (
        "자르기는 {most}자까지의 글에서만 견줍니다.",
        "Segmentations are compared for texts of up to {most} characters.",
    ),
    "segmentations_truncated": ("앞의 {shown}줄만 보입니다.", "Only the first {shown} lines are shown."),
    "segmentation_canonical": ("토크나이저", "tokenizer"),
    # model cards
    "fact_tokenizer": ("토크나이저", "tokenizer"),
    "fact_vocabulary": ("어휘 {count}개", "vocabulary of {count}"),
    "fact_cell": ("셀", "cell"),
    "fact_layers": ("{cell} {layers}층 × {hidden}", "{cell}, {layers} × {hidden}"),
    "fact_parameters": ("매개변수", "parameters"),
    "fact_bits": ("글자당 비트 (test)", "bits per character (test)"),
    "fact_bits_valid": ("{bits} (검증 줄)", "{bits} (validation)"),
    "fact_corpus": ("배운 글", "learnt from"),
    "fact_lines": ("{count}줄", "{count} lines"),
    "fact_license": ("사용권", "license"),
    "fact_known_issues": ("알려진 흠", "known failings"),
    "fact_unknown": ("적혀 있지 않음", "not recorded"),
    "issue_small_model": (
        "작은 모델이라 앞뒤가 맞지 않고, 사실이 아닌 것을 지어냅니다. 배운 글의 말투만 압니다.",
        "Small: it loses the thread, makes things up, and knows only the manner of what it learnt from.",
    ),
    "card_parameters": ("매개변수 {count}", "{count} parameters"),
    "card_bits": ("글자당 {bits}비트", "{bits} bits per character"),
    "no_cards": ("모델을 고르면 여기에 카드가 나옵니다.", "Choose models to see their cards."),
}
