"""The texts of the chat tab (챗봇) in Korean and English, for `korlm.app.strings.common.translate`.

>>> CHAT_TEXTS["send"]
('보내기', 'Send')
"""

from __future__ import annotations

CHAT_TEXTS: dict[str, tuple[str, str]] = {
    # bots and decoding methods
    "tab_chat": ("챗봇", "Chatbot"),
    "chat_about": (
        "말의 뜻을 GRU로 읽어 아는 물음에서 가장 가까운 것을 찾는 코름을, 대화 봇의 역사와 견주어 봅니다: 1966년의 규칙, 검색, 2014년의 인코더-디코더. 사실은 모릅니다. "
        "상담사가 아니니, 마음이 위태롭거나 급한 일에는 109(자살예방)나 119에 전화해 주세요. "
        "쓴 글은 이 화면이 열려 있는 동안만 쓰고, 저장하거나 기록하지 않습니다.",
        "Compare korlm, which reads what you mean with a GRU and finds the nearest of the questions it knows, with the history of "
        "chatbots: the rules of 1966, retrieval, and the encoder-decoders of 2014. None knows facts. They are no counselors: in a crisis, call 109 (suicide "
        "prevention in Korea) or 119. What you type is used while this page is open, and neither stored nor logged.",
    ),
    "chat_count": ("몇 상대와 이야기할까요", "How many bots"),
    "count_1": ("한 상대", "one bot"),
    "count_2": ("두 상대", "two bots"),
    "count_3": ("세 상대", "three bots"),
    "chat_bot": ("상대 {number}", "Bot {number}"),
    "chat_decoding": ("고르는 법", "Decoding"),
    "bot_net": ("인코더-디코더 (2014) · {unit} {cell}", "Encoder-decoder (2014): {unit} {cell}"),
    "bot_eliza": ("일라이자 · 규칙 (1966)", "ELIZA: rules (1966)"),
    "bot_intents": ("코름 · 가장 가까운 뜻", "korlm: nearest intent"),
    "bot_refine": ("찾아서 고쳐 쓰기 (2018)", "Retrieve and refine (2018)"),
    "bot_retrieval": ("검색 · 가장 가까운 물음", "Retrieval: nearest question"),
    "decoding_greedy": ("그리디", "greedy"),
    "decoding_beam": ("빔", "beam"),
    "decoding_sample": ("뽑기", "sampling"),
    # conversation and controls
    "chat_empty": (
        "말을 걸어 보세요. 아래에서 골라도 됩니다.\n\n모르는 이야기에는 모른다고 답합니다.",
        "Say something in Korean, or choose a line below.\n\nWhat it does not know, it says that it does not know.",
    ),
    "chat_text": ("할 말", "Your message"),
    "chat_hint": ("Enter로 보내기 · Shift+Enter로 줄 바꾸기", "Enter sends · Shift+Enter breaks the line"),
    "send": ("보내기", "Send"),
    "chat_stop": ("멈춤", "Stop"),
    "chat_new": ("새 대화", "New chat"),
    "chat_chips": ("이렇게 시작해 보세요", "Try one of these"),
    "chat_options": ("자세히 정하기", "All settings"),
    "chat_temperature": ("온도", "Temperature"),
    "chat_temperature_info": ("뽑기에서. 높으면 엉뚱하게.", "For sampling. High is odd."),
    "chat_top_p": ("top-p", "Top-p"),
    "chat_top_p_info": ("뽑기에서. 확률의 합이 p가 될 때까지만.", "For sampling. Only until probabilities sum to p."),
    "chat_beams": ("빔의 너비", "Beam width"),
    "chat_beams_info": ("빔에서. 함께 견주는 답의 수.", "For the beam. How many answers compete."),
    "chat_min_tokens": ("가장 짧은 답 (조각)", "Shortest answer (pieces)"),
    "chat_min_tokens_info": ("이만큼은 쓰고 끝맺음.", "It does not end before so many."),
    "chat_seed": ("시드", "Seed"),
    "chat_seed_info": (
        "뽑기에서. 같으면 같은 답. ‘다시’를 누르면 바뀜.",
        "For sampling. Same seed, same answer; “retry” draws one.",
    ),
    "chat_abstain": ("모르면 모른다고 말하기", "Say so when it does not know"),
    "chat_abstain_info": ("끄면 자신이 없어도 하려던 말을 합니다.", "Off: it speaks even where it is not sure."),
    "chat_failed": ("(답하지 못했습니다)", "(no answer)"),
    "chat_stopped": ("(멈췄습니다)", "(stopped)"),
    "chat_busy": (
        "아직 답하고 있습니다. 기다리거나 ‘멈춤’을 누른 뒤에 보내 주세요. 쓴 글은 그대로 있습니다.",
        "An answer is still under way. Wait, or press “Stop”, then send. Your text is still here.",
    ),
    # labels of answers
    "label_question": ("못 알아들음", "not understood"),
    "label_answer": ("모름", "does not know"),
    "label_unanswerable": ("알 수 없는 것", "cannot know this"),
    "label_crisis": ("안전 안내", "safety notice"),
    "label_no_other": ("다른 답 없음", "no other answer"),
    "label_unsure": ("자신 없이 한 말", "said without being sure"),
    # buttons of the bubbles, labeled by chat.js
    "tool_copy": ("이 말 복사", "Copy this message"),
    "tool_copied": ("복사함", "Copied"),
    "tool_retry": ("다시 답하기", "Retry"),
    "tool_undo": ("마지막 말 물리기 (글은 입력란으로)", "Undo the last message (its text goes back into the box)"),
    "tool_edit": ("고쳐서 다시 묻기", "Edit and ask again"),
    "tool_submit": ("고친 말 보내기", "Send the edited message"),
    "tool_cancel": ("그만두기", "Cancel"),
    "tool_clear": ("이 대화 비우기", "Clear this chat"),
    "tool_down": ("아래로", "Scroll down"),
    "tool_mine": ("내 말", "My message"),
    "tool_its": ("봇의 말", "The bot's message"),
    "tool_why": ("눌러서 이 답의 설명 보기", "Press to see why this answer"),
    "tool_log": ("대화", "Conversation"),
    # explanation
    "explanation": ("왜 이렇게 답했을까요?", "Why this answer?"),
    "explanation_empty": (
        "답이 나오면 무엇을 보고 그렇게 답했는지, 얼마나 자신 있는지 여기에 보입니다. 지난 답도 누르면 보입니다.",
        "After an answer you see here what it came from and how sure the bot was. Press an earlier answer to see its own.",
    ),
    "explanation_waiting": ("차례를 기다리는 중…", "Waiting for its turn…"),
    "explanation_loading": (
        "봇을 불러오는 중… 처음에는 몇 초 걸립니다.",
        "Loading the bot… the first time takes seconds.",
    ),
    "explanation_question": ("물음", "To"),
    "explanation_missing": ("이 답의 설명은 남아 있지 않습니다.", "The explanation of this answer was not kept."),
    "explanation_writing": ("답하는 중…", "Answering…"),
    "explanation_crisis": (
        "안전 장치가 이 말을 먼저 보고 정해진 답을 드렸습니다. 봇은 이 말을 읽지 않았습니다.",
        "The safety guard saw this message first and gave a fixed answer. The bot did not read it.",
    ),
    "safety_title": ("사람의 도움이 필요한 이야기 같아요", "This seems to need help from people"),
    "safety_note": (
        "코름은 상담사가 아닙니다. 전화는 모두 밤낮없이 받습니다. 잘못 알아들었다면 그냥 이어서 말씀하세요.",
        "The bot is no counselor. The lines are open day and night. If it misunderstood you, simply go on.",
    ),
    "explanation_stopped": ("도중에 멈춘 답입니다.", "The answer was stopped on its way."),
    "confidence_yes": ("자신 있음", "sure"),
    "confidence_so": ("그럭저럭", "not quite sure"),
    "confidence_no": ("모름", "does not know"),
    "confidence_unknown": ("한도 없음", "no limits"),
    "confidence": ("자신감", "Confidence"),
    "confidence_no_limits": (
        "이 봇에는 모른다고 할 한도가 정해져 있지 않아 늘 답합니다.",
        "No limits were chosen for this bot, so it always answers.",
    ),
    "abstained_question": (
        "물음에 배울 때 보지 못한 글자 짝이 많아서, 하려던 말 대신 모른다고 했습니다.",
        "The question has many pairs of characters that it never saw, so it says that it does not know.",
    ),
    "abstained_answer": (
        "하려던 말이 스스로에게도 뜻밖이어서, 그 말 대신 모른다고 했습니다.",
        "It was surprised at its own words, so it says that it does not know instead.",
    ),
    "abstain_disabled": (
        "자신은 없지만 ‘모르면 모른다고 말하기’를 꺼 두어서 하려던 말을 그대로 했습니다.",
        "It is not sure, but was told to speak all the same.",
    ),
    "withheld_answer": ("하려던 말", "What it would have said"),
    "meter_surprisal": ("답의 놀라움", "Surprise at its answer"),
    "meter_bits": ("조각당 {bits}비트", "{bits} bits a piece"),
    "meter_familiarity": ("낯익은 물음", "Familiar question"),
    "meter_most": ("{limit}보다 낮아야 답합니다", "it answers under {limit}"),
    "meter_least": ("{limit}보다 높아야 답합니다", "it answers over {limit}"),
    "meter_probability": ("답이 알맞을 확률", "Probability that the answer is sensible"),
    "meter_between": (
        "{least}에 못 미치면 답하지 않고, {sure}부터 자신 있다고 봅니다",
        "it does not answer below {least}, and is sure from {sure}",
    ),
    "calibration_note": (
        "확률은 어림값입니다. 검증용 말에 한 답을 언어 모델들이 읽고 알맞은지 판정했고, 그 판정에 맞추었습니다. 사람이 판정한 것은 아닙니다.",
        "The probability is an estimate. It was calibrated on answers to validation messages, which language models, not people, "
        "judged sensible or not.",
    ),
    # what the probability depends on
    "components": ("무엇으로 어림했나", "What it was estimated from"),
    "components_measured": ("물음을 견준 값", "How the questions compare"),
    "components_unanswerable": (
        "알 수 없는 것을 묻는 말에는 확률을 쓰지 않습니다. 그보다 먼저 알아봅니다.",
        "The probability is not used for questions that it cannot know: these are recognized before.",
    ),
    "component_meaning": ("뜻", "Meaning"),
    "component_meaning_note": (
        "고른 물음과 뜻이 얼마나 가까운가: GRU 인코더의 코사인",
        "How close it is to the chosen question in meaning: cosine by the GRU encoder",
    ),
    "component_characters": ("글자", "Characters"),
    "component_characters_note": (
        "고른 물음과 글자가 얼마나 겹치는가: TF-IDF의 코사인",
        "How many characters it shares with that question: cosine of TF-IDF",
    ),
    "component_answer_fit": ("답과 맞음", "Fit of the answer"),
    "component_answer_fit_note": (
        "물음과 그 답이 얼마나 어울리는가: 인코더의 코사인",
        "How well the answer goes with the message: cosine by the encoder",
    ),
    "component_lead": ("앞선 정도", "Lead"),
    "component_lead_note": (
        "다른 뜻 가운데 으뜸보다 점수가 얼마나 높은가",
        "How far its score is above the best other intent",
    ),
    "component_agreement": ("한 주제", "Agreement"),
    "component_agreement_note": (
        "가까운 뜻들 가운데 고른 것과 주제가 같은 비율",
        "The fraction of the nearest intents with the same topic",
    ),
    "component_answerable": ("답할 만함", "Answerable"),
    "component_answerable_note": (
        "코름이 답할 수 있는 말인가: 분류기의 로그 오즈, −6에서 6까지",
        "Whether korlm can answer such a message: log odds of a classifier, −6 to 6",
    ),
    "component_length": ("길이", "Length"),
    "component_length_note": (
        "말의 글자 수. 길수록 알아듣기 어렵습니다",
        "Characters of the message. Long ones are harder",
    ),
    "component_characters_count": ("{count}자", "{count} characters"),
    "attention": ("답을 쓰며 물음의 어디를 보았나", "Where it looked while it wrote"),
    "attention_note": (
        "줄은 답의 조각, 칸은 물음의 조각입니다. 색이 뚜렷할수록 많이 본 것이고, 수는 %입니다. 한 줄의 합은 100입니다. "
        "어디를 보았는지가 왜 그렇게 답했는지는 아닙니다.",
        "A row is a piece of the answer, a column one of the question. The stronger the color, the more it looked there. "
        "Numbers are %; a row sums to 100. Where it looked is not why it answered so.",
    ),
    "attention_truncated": (
        "앞의 {rows}줄 × {columns}칸만 그렸습니다.",
        "Only the first {rows} rows and {columns} columns are drawn.",
    ),
    "candidates": ("견준 답", "The answers it weighed"),
    "candidates_note": (
        "점수는 로그 확률을 길이로 고른 것입니다. 0에 가까울수록 그럴듯합니다.",
        "The score is the log probability, evened out for length. Nearer to 0 is likelier.",
    ),
    "candidates_note_ranked": (
        "점수는 여러 근거를 더한 것입니다. 높을수록 좋은 답으로 보았습니다.",
        "The score is a sum of several grounds. Higher is better.",
    ),
    "col_rank": ("차례", "rank"),
    "col_answer": ("답", "answer"),
    "col_score": ("점수", "score"),
    "candidates_one": (
        "‘빔’으로 답하게 하면 견준 답들이 점수와 함께 나옵니다.",
        "With “beam” you see the answers it weighed, with their scores.",
    ),
    "empty_answer": ("(빈 답)", "(an empty answer)"),
    "rule": ("쓴 규칙", "The rule it used"),
    "rule_note": (
        "일라이자는 배우지 않습니다. 형태소에 맞는 첫 규칙의 답틀을 차례로 씁니다.",
        "ELIZA learns nothing: the first rule that fits the morphemes gives its answers in turn.",
    ),
    "rule_note_memory": (
        "찾아온 답이 아니라, 이 대화에서 오간 말을 보고 한 말입니다.",
        "This answer was not retrieved: it was made from the messages of this conversation.",
    ),
    "nearest": ("가장 가까운 물음", "The nearest questions it knows"),
    "nearest_query": ("이 말 대신 찾아본 것", "Looked up instead of this message"),
    "nearest_unused": (
        "이 물음들의 답은 쓰지 않았습니다. 알 수 없는 것에 두루 쓰는 말로 답했습니다.",
        "None of their answers was used: it gave a general answer to what it cannot know.",
    ),
    "col_question": ("아는 물음 → 그 답", "known question → its answer"),
    "answer_diff": ("찾은 답에서 바꾼 것", "What it changed in the retrieved answer"),
    "answer_diff_note": (
        "줄 그은 말은 찾은 답에서 뺀 것, 밑줄 그은 말은 새로 넣은 것, 나머지는 그대로 둔 것입니다.",
        "Struck out: left out of the retrieved answer. Underlined: put in. The rest was kept.",
    ),
    "note_intents": (
        "이 프로젝트가 언어 모델로 쓰고 다시 읽은 물음 {count}개에서 가장 가까운 뜻을 찾아 그 답을 합니다. 뜻은 GRU 물음 인코더로, 글자는 글자와 글자 짝 "
        "TF-IDF로 견줍니다. 닮음은 두 코사인의 평균입니다. 차례는 같은 뜻의 다른 물음들과 답까지 견주어 정하므로 닮음의 차례와 다를 수 있습니다.",
        "It finds the nearest intent among {count} questions that language models wrote and reread for this project, and gives "
        "its answer. A GRU question encoder compares what is meant, TF-IDF the characters and their pairs. Likeness is the mean of "
        "the two cosines. The order also counts the other questions of an intent and its answer, so it can differ from that of "
        "likeness.",
    ),
    "abstained_similarity": (
        "닮은 물음이 없어서, 찾은 답 대신 못 알아들었다고 했습니다.",
        "No known question is similar enough, so it says that it did not understand.",
    ),
    "abstained_probability": (
        "찾은 답이 알맞을 확률이 한도에 못 미쳐서, 그 답 대신 미리 정해 둔 말을 했습니다.",
        "The answer that it found is too likely not to be sensible, so it gave a stock reply instead.",
    ),
    "abstained_unknown_words": (
        "아는 낱말이 하나도 없는 말이라, 찾은 답 대신 미리 정해 둔 말을 했습니다.",
        "It knows no word of this message, so it gave a stock reply instead of the answer that it found.",
    ),
    "abstained_unanswerable": (
        "알 수 없는 것을 묻는 말로 알아듣고, 모른다고 답했습니다.",
        "It recognized a question that it cannot know, and says so.",
    ),
    "note_refine": (
        "물음 {count}개에서 찾은 답 셋을 순환 신경망이 읽고, 베끼거나 바꾸어 답의 후보를 씁니다. 찾은 답과 쓴 답을 그 망의 확률(답의 것과, "
        "답에서 물음을 되짚은 것)과 뜻의 닮음으로 순위를 매겨 첫째를 답합니다. 거의 늘 찾은 답을 그대로 베낍니다.",
        "A recurrent network reads three answers found among {count} questions, and copies or changes them. Found and written "
        "answers are ranked by the network's probabilities (of the answer, and of the question given the answer) and by "
        "likeness. It nearly always copies an answer as it is.",
    ),
    "note_retrieval": (
        "함께 든 대화의 배움 몫 {count}쌍에서만 찾습니다. 닮음은 형태소 TF-IDF의 코사인입니다.",
        "It looks only in the {count} training pairs of the bundled dialogues. Likeness is the cosine of TF-IDF over "
        "morphemes.",
    ),
    "meter_similarity": ("닮음", "Likeness"),
    "nearest_none": ("닮은 물음이 없어 아무 답이나 한 것입니다.", "No question is like it: the answer means nothing."),
    "bot_facts": (
        "매개변수 {parameters} · 어휘 {vocabulary} · {layers}층 × {hidden} · 배운 대화 {pairs}쌍",
        "{parameters} parameters · vocabulary {vocabulary} · {layers} × {hidden} · {pairs} pairs learnt",
    ),
    # rules of ELIZA, and that of bots that retrieve
    "rule_reaction": ("앞말에 기대는 짧은 말(그치?, 왜요?)", "a reaction to what was said before"),
    "rule_memory": (
        "이 대화에서 오간 말을 묻거나 이름을 알려 주는 말",
        "a question about this conversation, or a name that is told",
    ),
    "rule_greeting": ("인사", "a greeting"),
    "rule_parting": ("헤어지는 말", "a parting"),
    "rule_thanks": ("고맙다는 말", "thanks"),
    "rule_sorry": ("미안하다는 말", "an apology"),
    "rule_want": ("‘-고 싶다’", "“I want to …”"),
    "rule_because": ("‘때문’", "“because of …”"),
    "rule_feeling": ("마음을 나타내는 말", "a feeling"),
    "rule_family": ("가까운 사람", "somebody close"),
    "rule_always": ("‘늘, 아무도’", "“always, nobody”"),
    "rule_cannot": ("‘못하다’", "“I cannot …”"),
    "rule_question": ("물음표", "a question mark"),
    "rule_yes": ("그렇다는 말", "a yes"),
    "rule_no": ("아니라는 말", "a no"),
    "rule_noun": ("이름씨 되받기", "a noun taken up"),
    "rule_other": ("맞는 규칙이 없어 이어 가는 말", "no rule fits: it keeps you talking"),
}
