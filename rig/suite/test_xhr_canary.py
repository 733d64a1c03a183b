"""The probe before a channel (the sample's canary): what it settles need not be settled on the channel."""

from __future__ import annotations

import pytest

from rig.peers import http_handlers as handlers
from rig.standby.api import ControlChannelTriggerStatus as Status
from rig.standby.api import HResult
from rig.suite.xhr_scene import XhrScene


@pytest.mark.requirement("CXR-006")
@pytest.mark.host_alone
def test_no_set_up_before_the_canary_has_succeeded(xhr: XhrScene) -> None:
    xhr.refused(HResult.INVALID_STATE, "set_up_behind_canary")
    assert xhr.xhr.call("probe", url=xhr.web.url("/poll"))
    assert xhr.xhr.call("canary_state") == "in process"
    xhr.refused(HResult.INVALID_STATE, "set_up_behind_canary")
    assert not xhr.xhr.call("probe", url=xhr.web.url("/poll")), "one at a time"
    probe = xhr.web.request(path="/poll")
    assert probe.method == "HEAD"
    probe.respond()
    xhr.timeline.wait("canary", state="succeeded")
    assert Status(xhr.xhr.call("set_up_behind_canary")) is Status.HARDWARE_SLOT_ALLOCATED
    xhr.refused(HResult.INVALID_STATE, "set_up_behind_canary")


@pytest.mark.requirement("CXR-006")
@pytest.mark.parametrize("how", ["reset", "401", "500"])
@pytest.mark.host_alone
def test_a_probe_that_fails_may_be_started_again(xhr: XhrScene, how: str) -> None:
    failing = handlers.reset if how == "reset" else handlers.answer(status=int(how))
    xhr.web.on("/config", handlers.in_turn(failing, handlers.answer()))
    xhr.xhr.call("probe", url=xhr.web.url("/config"))
    xhr.timeline.wait("canary", state="not started")
    xhr.refused(HResult.INVALID_STATE, "set_up_behind_canary")
    assert xhr.xhr.call("probe", url=xhr.web.url("/config"))
    xhr.timeline.wait("canary", state="succeeded")


@pytest.mark.requirement("CXR-006")
@pytest.mark.host_alone
def test_the_canary_settles_credentials(xhr: XhrScene) -> None:
    xhr.web.on("/secret", handlers.basic("ann", "pass:word", handlers.answer()))
    xhr.xhr.call("probe", url=xhr.web.url("/secret"), credentials=["ann", "pass:word"])
    xhr.timeline.wait("canary", state="succeeded")
    first, second = xhr.web.requests("/secret")
    assert first.header("Authorization") is None, "credentials are said to who asks for them"
    assert second.header("Authorization") is not None


@pytest.mark.requirement("CXR-007")
@pytest.mark.host_alone
def test_the_channel_goes_where_the_probe_was_redirected_to(xhr: XhrScene) -> None:
    xhr.web.on("/first", handlers.redirect("/second"))
    xhr.web.on("/second", handlers.redirect(xhr.web.url("/poll")))
    xhr.xhr.call("probe", url=xhr.web.url("/first"))
    xhr.web.request(path="/poll").respond()
    assert xhr.timeline.wait("canary", state="succeeded").url == xhr.web.url("/poll")
    before = len(xhr.web.requests())
    assert Status(xhr.xhr.call("set_up_behind_canary")) is Status.HARDWARE_SLOT_ALLOCATED
    held = xhr.web.request(1, path="/poll")
    assert [request.path for request in xhr.web.requests()[before:]] == ["/poll"]
    assert not [r for r in xhr.timeline.find("xhr-call") if r.call == "redirect"], "no redirect on the channel"
    xhr.answer_and_run(held, b"from where it is")
