"""Test that the server does not keep what visitors typed, and that late values of a page are no errors."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest

httpx = pytest.importorskip("httpx")
pytest.importorskip("gradio", reason="the app needs gradio: pip install 'korlm[ui]'")

from korlm.app.chat.service import ChatService  # noqa: E402
from korlm.app.main import build_app  # noqa: E402
from korlm.app.service import Service  # noqa: E402

TYPED = "남몰래 쓴 글"
SESSION = "session"


def test_closing_the_page_deletes_the_session() -> None:
    demo = build_app(Service(runs=None), ChatService(Path("nowhere")))
    index = next(index for index, function in demo.fns.items() if function.name == "restore_original_text")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", share=False)
    try:
        with httpx.stream("GET", f"{url}gradio_api/heartbeat/{SESSION}", timeout=None) as heartbeat:
            lines = heartbeat.iter_lines()  # collecting this iterator would close the connection
            next(lines)  # the page is open
            request = {"data": [TYPED, None], "fn_index": index, "session_hash": SESSION}
            response = httpx.post(f"{url}gradio_api/run/predict", json=request, timeout=None)
            assert response.json()["data"][0] == TYPED
            assert TYPED in str(demo.state_holder.session_data[SESSION].config_values)
        while SESSION in demo.state_holder.session_data:  # the page is closed
            time.sleep(0.05)
        assert not demo.state_holder.session_data
        assert TYPED not in str(demo.get_config_file())
    finally:
        demo.close()


def test_a_reference_that_is_no_longer_offered_is_replaced_without_an_error() -> None:
    client = pytest.importorskip("gradio_client")
    demo = build_app(Service(runs=None), ChatService(Path("nowhere")))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", share=False)
    try:
        visitor = client.Client(url, verbose=False)
        values = ["가나", ["syllable"], "", False, False, False, False, "kiwi", "pos", "no such form", "ko"]
        _, reference, _ = visitor.predict(*values, api_name="/run")
        assert [value for _, value in reference["choices"]] == [""]
        view, *_ = visitor.predict(*values, api_name="/redraw_views")  # the page has not received the choices
        assert "kl-counts" in view
        visitor.close()
    finally:
        demo.close()


def test_comparisons_can_be_stored_in_the_session() -> None:
    comparison = Service().compare("가나 다", ["syllable", "byte"])
    assert pickle.loads(pickle.dumps(comparison)) == comparison
