"""The page with its header, language switch and tabs, and the server.

`build_app` creates the `gr.Blocks`; `launch` serves them and loads models in a thread.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Gradio reads this on import: no usage statistics leave the machine by default.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Torch reads this on import: a generation step is too small to share between cores, and the threads of several
# visitors that each use all cores wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gradio as gr

from korlm.app.chat.service import ChatService
from korlm.app.chat.tab import build_chat_tab
from korlm.app.compare.handlers import CompareFields
from korlm.app.compare.tab import AS_SENT, build_compare_tab
from korlm.app.generate.tab import build_generate_tab
from korlm.app.localize import UNQUEUED, LocalizedComponents
from korlm.app.service import Service
from korlm.app.strings.common import translate
from korlm.app.templating import render_template
from korlm.i18n import localize

_APP_FOLDER = Path(__file__).parent
# Gradio does not fetch fonts that are plain strings: they are the reader's own.
_SANS_FONTS = (
    "Pretendard", "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic",
    "system-ui", "sans-serif",
)  # fmt: skip
_MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "D2Coding", "NanumGothicCoding", "monospace")
MAX_SESSIONS = 1_000  # that Gradio stores: a client that never opened the page does not close it either
MAX_QUEUED_REQUESTS = 32  # of waiting requests; a further one gets an error at once
# For screen readers and the browser's choice of glyphs.
_SET_LANGUAGE = "(language) => { document.documentElement.lang = language; return language; }"


def build_app(service: Service | None = None, chat_service: ChatService | None = None) -> gr.Blocks:
    """Create the app over the given tokenizers, language models and bots; over new ones by default."""
    service, chat_service = service or Service(), chat_service or ChatService()
    localized = LocalizedComponents()
    with gr.Blocks(title="korlm · " + translate("title", "ko"), analytics_enabled=False) as demo:
        with gr.Row(elem_classes="kl-top"):
            header = gr.HTML(elem_id="header", js_on_load=None, scale=8, min_width=280)
            language_switch = gr.Radio(
                [("한국어", "ko"), ("English", "en")], value="ko", label="언어 / Language", show_label=False,
                container=False, elem_id="language", min_width=210, scale=0,
            )  # fmt: skip
        localized.add(header, value=lambda language: render_template("header", language))
        with gr.Tabs():
            with localized.add(gr.Tab(id="compare"), label="tab_compare"):
                script = _read_static_files("pieces.js", "view.js")
                compare = build_compare_tab(service, localized, language_switch, script)
            with localized.add(gr.Tab(id="generate"), label="tab_generate"):
                generate = build_generate_tab(service, localized, language_switch, _read_static_files("pieces.js"))
            with localized.add(gr.Tab(id="chat"), label="tab_chat"):
                build_chat_tab(chat_service, localized, language_switch, _read_static_files("chat.js"))

        def switch_language(comparison: Any, names: Any, preset: Any, job: Any, scores: Any, *values: Any) -> list[Any]:
            language = CompareFields(*values).language
            return [
                *localized.language_updates(language),
                *compare.redraw_views(comparison, *values),
                *generate.redraw_views(names, preset, job, scores, language),
            ]

        def load_page(names: Any, preset: Any, request: gr.Request) -> list[Any]:
            values = compare.values_from_query(dict(request.query_params))
            return [
                *values,
                *localized.language_updates(values.language),
                *generate.redraw_views(names, preset, None, None, values.language),
            ]

        controls = list(compare.controls)
        views = [compare.view, compare.controls.reference, compare.note, *generate.redraw_outputs]
        language_switch.input(
            switch_language, [compare.state, *generate.redraw_inputs, *controls], [*localized.components, *views],
            **UNQUEUED,
        )  # fmt: skip
        language_switch.change(None, language_switch, None, js=_SET_LANGUAGE)
        loaded = demo.load(
            load_page, generate.redraw_inputs[:2], [*controls, *localized.components, *generate.redraw_outputs],
            show_progress="hidden",
        )  # fmt: skip
        loaded.then(compare.open_kiwi_settings, controls, compare.kiwi_settings, **UNQUEUED, **AS_SENT)
        loaded.then(**compare.run_event)

        def forget_session(request: gr.Request) -> None:
            """Delete what Gradio stores of a session: it keeps the last value of every component for deep links."""
            demo.state_holder.session_data.pop(request.session_hash or "", None)

        demo.unload(forget_session)
    return demo


def launch(*, port: int | None = None) -> None:
    """Serve the app until it is interrupted.

    Only this machine can open it, except on a Hugging Face Space (``SPACE_ID``) or with ``GRADIO_SERVER_NAME``.

    The port is by default ``GRADIO_SERVER_PORT``, else the first free one from 7860.
    """
    _declare_zero_gpu_function()
    service, chat_service = Service(), ChatService()
    demo = build_app(service, chat_service)
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
        ssr_mode=False,  # a Space would start a Node server first; the page is quick without
        share=False,
        prevent_thread_lock=True,
        state_session_capacity=MAX_SESSIONS,
    )
    ko, en = f"앱이 열렸습니다: {address} (끝내려면 Ctrl-C)", f"The app is open at {address} (Ctrl-C ends it)"
    print(localize(ko, en), flush=True)
    # after the page is served: loading blocks the interpreter for seconds
    chat_service.start_warm_up(after=service.start_warm_up())
    demo.block_thread()


def _read_static_files(*names: str) -> str:
    return "\n".join((_APP_FOLDER / "static" / name).read_text("utf-8") for name in names)


def _declare_zero_gpu_function() -> None:
    """Declare one GPU function on a ZeroGPU Space, which does not start without one.

    Nothing calls it: the models are small and run on the CPU.
    """
    if os.environ.get("SPACES_ZERO_GPU"):
        import spaces

        spaces.GPU(lambda: None)


def build_theme() -> gr.themes.Base:
    """Return Gradio's default theme with fonts that have Hangul and a calm indigo."""
    return gr.themes.Default(
        primary_hue="indigo", neutral_hue="slate", radius_size="md", font=list(_SANS_FONTS), font_mono=list(_MONO_FONTS)
    ).set(  # the theme's grays, and white on its indigo 500, have less than the contrast of 4.5 that small text needs
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        block_info_text_color="*neutral_500",
        block_info_text_color_dark="*neutral_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
    )
