"""Each fault of the fault proxy."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.project.proxy.server import MIB, Talk, Upstream, digest, in_background
from tests.support.proxy import Proxy, Request, parts
from tests.support.waiting import wait_for


def statuses(talk: Talk, count: int, method: str = "PUT") -> list[int]:
    return [talk(method, "/", b"body")[0] for _ in range(count)]


def test_every_third_request_fails_and_the_server_never_sees_it(
    proxy: Proxy, upstream: Upstream, talk: Talk
) -> None:
    fault = proxy.fail_every(3)
    assert statuses(talk, 7) == [200, 200, 503, 200, 200, 503, 200]
    assert (fault.matched, fault.struck) == (7, 2)
    assert len(upstream.seen) == 5
    assert [request.fault for request in proxy.log][:3] == [None, None, "fail"]
    assert proxy.sent() == 5 * 4


def test_a_failure_looks_like_an_error_of_s3(proxy: Proxy, talk: Talk) -> None:
    proxy.fail_every(1, 500)
    status, body = talk("PUT", "/", bytes(MIB))
    assert status == 500
    assert b"<Code>SlowDown</Code>" in body


@pytest.mark.parametrize("cors", [True, False])
def test_a_failure_may_lack_cors_headers(proxy: Proxy, talk: Talk, cors: bool) -> None:
    proxy.fail_every(1, cors=cors)
    talk.connection.request("PUT", "/", b"x")
    response = talk.connection.getresponse()
    response.read()
    assert response.headers["Access-Control-Allow-Origin"] == ("*" if cors else None)


def test_only_matching_requests_are_counted(proxy: Proxy, talk: Talk) -> None:
    fault = proxy.fail_every(2, match=parts)
    assert statuses(talk, 3, "POST") == [200, 200, 200]
    assert statuses(talk, 2) == [200, 503]
    assert fault.matched == 2


def test_a_fault_can_be_limited_to_some_requests(proxy: Proxy, talk: Talk) -> None:
    proxy.fail_every(1, times=2)
    assert statuses(talk, 3) == [503, 503, 200]


def test_preflights_fail_only_if_requested(proxy: Proxy, talk: Talk) -> None:
    proxy.fail_every(1)
    assert statuses(talk, 1, "OPTIONS") == [200]
    proxy.reset()
    proxy.fail_every(1, preflights=True)
    assert statuses(talk, 1, "OPTIONS") == [503]
    assert proxy.requests() == []
    assert len(proxy.log) == 1


@pytest.mark.parametrize("size", [2, 2 * MIB])
def test_a_cut_breaks_the_connection_in_the_middle_of_the_body(
    proxy: Proxy, upstream: Upstream, talk: Talk, size: int
) -> None:
    proxy.cut_every(2)
    assert talk("PUT", "/", bytes(size))[0] == 200
    assert talk.fails("PUT", "/", bytes(size))
    assert talk("PUT", "/", bytes(size))[0] == 200
    assert [request.sent for request in proxy.log] == [size, size // 2, size]
    assert [request.status for request in proxy.log] == [200, None, 200]
    assert len(upstream.seen) == 2


def test_a_request_whose_response_is_lost_takes_effect(
    proxy: Proxy, upstream: Upstream, talk: Talk
) -> None:
    proxy.lose_every(1, times=1)
    assert talk.fails("PUT", "/", b"x")
    assert upstream.seen
    assert (proxy.log[0].sent, proxy.log[0].status) == (1, None)


def test_a_flip_changes_one_bit(proxy: Proxy, talk: Talk) -> None:
    body = bytes(MIB)
    proxy.flip_every(1, times=1)
    assert talk("PUT", "/", body) == (200, digest(b"\x01" + body[1:]))
    assert talk("PUT", "/", body) == (200, digest(body))
    assert [request.fault for request in proxy.log] == ["flip", None]


def test_held_requests_wait_until_they_are_released(
    proxy: Proxy, upstream: Upstream, talk: Talk
) -> None:
    proxy.hold(parts)
    assert talk("GET")[0] == 200
    waiting = in_background(lambda: talk("PUT", "/", b"x"))
    [request] = wait_for(lambda: proxy.requests(parts))
    time.sleep(0.1)  # That nothing happens cannot be shown by waiting for a condition.
    assert (request.status, len(upstream.seen)) == (None, 1)
    proxy.release()
    waiting.join()
    assert request.status == 200


def test_a_held_request_has_no_other_fault(proxy: Proxy, talk: Talk) -> None:
    broken = proxy.fail_every(1)
    proxy.hold(parts)
    waiting = in_background(lambda: talk("PUT", "/", b"x"))
    [request] = wait_for(proxy.requests)
    proxy.release()
    waiting.join()
    assert (request.status, request.fault, broken.matched) == (200, "hold", 0)


def test_refusing_drops_connections_and_accepts_no_new_ones(proxy: Proxy, talk: Talk) -> None:
    assert talk()[0] == 200
    proxy.refuse()
    assert talk.fails()
    assert talk.fails()
    proxy.accept()
    assert talk()[0] == 200


def test_latency_is_added_to_each_request(proxy: Proxy, talk: Talk) -> None:
    proxy.latency = 0.1
    began = time.monotonic()
    statuses(talk, 3)
    assert time.monotonic() - began >= 0.3


def test_the_bandwidth_is_shared_by_all(proxy: Proxy) -> None:
    proxy.bandwidth = 4 * MIB
    began = time.monotonic()
    talks = [Talk(proxy), Talk(proxy)]
    for thread in [in_background(partial(talk, "PUT", "/", bytes(MIB))) for talk in talks]:
        thread.join()
    assert time.monotonic() - began >= 0.5
    for talk in talks:
        talk.connection.close()


def test_a_reset_ends_every_fault_and_empties_the_log(proxy: Proxy, talk: Talk) -> None:
    for spoil in (proxy.fail_every, proxy.cut_every, proxy.lose_every, proxy.flip_every):
        spoil(1)
    proxy.latency, proxy.bandwidth = 10, 1
    proxy.hold()
    proxy.refuse()
    proxy.reset()
    assert talk("PUT", "/", b"x") == (200, digest(b"x"))
    assert [request.status for request in proxy.log] == [200]


def test_the_log_can_be_filtered(proxy: Proxy, talk: Talk) -> None:
    def third(request: Request) -> bool:
        return request.path == "/3"

    for number in range(5):
        talk("PUT", f"/{number}", b"x" * number)
    assert [request.path for request in proxy.requests(third)] == ["/3"]
    assert proxy.sent(third) == 3
