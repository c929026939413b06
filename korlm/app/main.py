"""The page: header, language switch, three tabs; and how it is served.

`build_app` makes the `gr.Blocks`; `launch` serves it and warms the service up in a thread.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Read when gradio is first imported: no figures about visitors leave the machine unless somebody asks for that.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Read when torch is first imported: a step of generation is too small to share between cores, and visitors' threads
# that each ask for all of them wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gradio as gr
from gradio.state_holder import SessionState

from korlm.app.chat import tab as chat_tab
from korlm.app.chat.service import ChatService
from korlm.app.compare import tab as compare_tab
from korlm.app.generate import tab as generate_tab
from korlm.app.localize import LocalizedComponents
from korlm.app.service import Service
from korlm.app.strings.common import translate
from korlm.i18n import localize

_APP_FOLDER = Path(__file__).parent
# Plain strings are fonts of the reader's own machine: nothing is fetched from elsewhere.
_SANS_FONTS = (
    "Pretendard", "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic",
    "system-ui", "sans-serif",
)  # fmt: skip
_MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "D2Coding", "NanumGothicCoding", "monospace")
MAX_QUEUED_REQUESTS = 32  # requests that may wait; a further one is told so at once
# The page's own language, for screen readers and the browser's choice of glyphs.
_SET_LANGUAGE = "(language) => { document.documentElement.lang = language; return language; }"


def build_app(service: Service | None = None, chat_service: ChatService | None = None) -> gr.Blocks:
    """Return the app.

    Args:
        service: what does the work; a new one by default.
        chat_service: the bots; new ones by default.
    """
    service, chat_service = service or Service(), chat_service or ChatService()
    disable_session_memory()
    wording = LocalizedComponents()
    with gr.Blocks(title="korlm · " + translate("title", "ko"), analytics_enabled=False) as demo:
        with gr.Row(elem_classes="kl-top"):
            header = gr.HTML(elem_id="header", js_on_load=None, scale=8, min_width=280)
            language = gr.Radio(
                [("한국어", "ko"), ("English", "en")], value="ko", label="언어 / Language", show_label=False,
                container=False, elem_id="language", min_width=210, scale=0,
            )  # fmt: skip
        wording.add(header, value=_render_header)
        with gr.Tabs():
            with wording.add(gr.Tab(id="compare"), label="tab_compare"):
                compare = compare_tab.build_compare_tab(
                    service, wording, language, _read_static_files("pieces.js", "view.js")
                )
            with wording.add(gr.Tab(id="generate"), label="tab_generate"):
                generate = generate_tab.build_generate_tab(service, wording, language, _read_static_files("pieces.js"))
            with wording.add(gr.Tab(id="chat"), label="tab_chat"):
                chat_tab.build_chat_tab(chat_service, wording, language, _read_static_files("chat.js"))

        controls = compare.controls

        def switch_language(compared: Any, names: Any, preset: Any, job: Any, found: Any, *asked: Any) -> list[Any]:
            spoken = asked[controls.index(language)]
            again = [*compare.redraw_views(compared, *asked), *generate.redraw_views(names, preset, job, found, spoken)]
            return [*wording.language_updates(spoken), *again]

        def load_page(names: Any, preset: Any, request: gr.Request) -> list[Any]:
            asked = compare.values_from_query(dict(request.query_params))
            spoken = asked[controls.index(language)]
            return [
                *asked,
                *wording.language_updates(spoken),
                *generate.redraw_views(names, preset, None, None, spoken),
            ]

        again = [*wording.components, compare.view, compare.reference_control, compare.note, *generate.redraw_outputs]
        given = [compare.state, *generate.redraw_inputs, *controls]
        language.input(switch_language, given, again, show_progress="hidden", queue=False)
        language.change(None, language, None, js=_SET_LANGUAGE)
        filled = [*controls, *wording.components, *generate.redraw_outputs]
        first = demo.load(load_page, generate.redraw_inputs[:2], filled, show_progress="hidden")
        first.then(compare.open_kiwi_settings, controls, compare.kiwi_settings, show_progress="hidden", queue=False)
        first.then(**compare.run_event)
    return demo


def launch(*, port: int | None = None) -> None:
    """Serve the app until it is interrupted.

    On this machine alone, unless it runs as a Hugging Face Space (``SPACE_ID``) or ``GRADIO_SERVER_NAME`` says otherwise.

    Args:
        port: where to listen; by default ``GRADIO_SERVER_PORT``, else the first free one from 7860.
    """
    _declare_zero_gpu_function()
    service, talk = Service(), ChatService()
    demo = build_app(service, talk)
    host = os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1")
    demo.queue(max_size=MAX_QUEUED_REQUESTS, default_concurrency_limit=4)
    _, address, _ = demo.launch(
        quiet=True,
        server_name=host,
        server_port=port,
        theme=build_theme(),
        css=_read_static_files("app.css", "chat.css"),
        head='<script>document.documentElement.lang = "ko";</script>',
        footer_links=[],
        ssr_mode=False,  # a Space would start a Node server before the page; ours is quick without
        share=False,
        prevent_thread_lock=True,
    )
    print(
        localize(f"앱이 열렸습니다: {address} (끝내려면 Ctrl-C)", f"The app is open at {address} (Ctrl-C ends it)"),
        flush=True,
    )
    talk.start_warm_up(
        after=service.start_warm_up()
    )  # after the page is served: loading holds the interpreter up for seconds
    demo.block_thread()


def disable_session_memory() -> None:
    """Keep Gradio from remembering what visitors wrote.

    It notes the last value of every component in each session, for links to a state that this app does not offer, and keeps
    it until 10,000 further sessions have come.
    """
    SessionState._update_value_in_config = lambda self, key, value: None  # type: ignore[method-assign]


def _read_static_files(*names: str) -> str:
    return "\n".join((_APP_FOLDER / "static" / name).read_text("utf-8") for name in names)


def _declare_zero_gpu_function() -> None:
    """On a ZeroGPU Space, declare one function for the GPU: such a Space stops at start-up where there is none.

    The models here are small and run on the CPU; nothing calls it.
    """
    if os.environ.get("SPACES_ZERO_GPU"):
        import spaces

        spaces.GPU(lambda: None)


def build_theme() -> gr.themes.Base:
    """Return the theme: Gradio's own, with fonts that know Hangul and a calm indigo."""
    return gr.themes.Default(
        primary_hue="indigo", neutral_hue="slate", radius_size="md", font=list(_SANS_FONTS), font_mono=list(_MONO_FONTS)
    ).set(  # the theme's own greys, and white on its indigo 500, have less than the contrast of 4.5 that small text needs
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
    )


def _render_header(language: str) -> str:
    return f'<div class="kl kl-header"><h1>{translate("title", language)}</h1><p>{translate("purpose", language)}</p></div>'
