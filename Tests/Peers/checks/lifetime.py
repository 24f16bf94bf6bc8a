"""Deadlines, cancellation, and connections."""

import uuid

import grpc
from peer_messages import encode, payload, text

from .shapes import Requests
from .target import PATIENCE, check, expect, expect_error


def _name():
    return str(uuid.uuid4())


def _await(stub, name, state):
    """Waits until the server says that a call is in a state."""
    answer = stub.unary("Await")(encode(name, state), timeout=PATIENCE)
    expect(text(answer, 1), state, "what the server knows of the call")


@check
def deadline_exceeded(target):
    """The client's call ends at its deadline, and the server's handler is cancelled."""
    with target.stub() as stub:
        name = _name()
        expect_error(
            lambda: stub.unary("Sleep")(encode(60_000, name), timeout=0.3), grpc.StatusCode.DEADLINE_EXCEEDED)
        _await(stub, name, "cancelled")


@check
def deadline_of_stream_exceeded(target):
    with target.stub() as stub:
        name = _name()
        expect_error(
            lambda: list(stub.server_stream("Ticks")(encode(60_000, name), timeout=0.3)),
            grpc.StatusCode.DEADLINE_EXCEEDED)
        _await(stub, name, "cancelled")


@check
def slow_call_in_time(target):
    with target.stub() as stub:
        name = _name()
        expect(stub.unary("Sleep")(encode(50, name), timeout=PATIENCE), b"", "the answer")
        _await(stub, name, "finished")


@check
def cancelled_unary(target):
    with target.stub() as stub:
        name = _name()
        future = stub.unary("Sleep").future(encode(60_000, name), timeout=6 * PATIENCE)
        _await(stub, name, "running")
        future.cancel()
        _await(stub, name, "cancelled")


@check
def cancelled_stream(target):
    with target.stub() as stub:
        name = _name()
        answers = stub.server_stream("Ticks")(encode(60_000, name), timeout=6 * PATIENCE)
        expect(payload(next(answers)), b"tick", "the first answer")
        answers.cancel()
        _await(stub, name, "cancelled")


@check
def lost_connection(target):
    """A connection that closes cancels the calls on it."""
    name = _name()
    with target.stub() as observer:
        with target.stub() as stub:
            call = stub.unary("Sleep").future(encode(60_000, name), timeout=6 * PATIENCE)
            _await(observer, name, "running")
            expect(call.done(), False, "whether the call is over")
        _await(observer, name, "cancelled")


@check
def cancellations_leave_others_alone(target):
    """Calls beside cancelled ones, on the same connection, go on."""
    with target.stub() as stub:
        requests = Requests()
        answers = stub.bidi("Bidi")(requests, timeout=3 * PATIENCE)
        for index in range(50):
            name = _name()
            future = stub.unary("Sleep").future(encode(60_000, name), timeout=6 * PATIENCE)
            message = b"%d" % index
            requests.send(encode(message))
            expect(payload(next(answers)), message, "the answer")
            future.cancel()
        requests.end()
        expect(list(answers), [], "what follows the end of the requests")


@check
def connection_is_reused(target):
    with target.stub() as stub:
        addresses = {text(stub.unary("Caller")(b"", timeout=PATIENCE), 1) for _ in range(20)}
        expect(len(addresses), 1, "the number of connections that the server saw")


@check
def many_calls_on_one_connection(target):
    """More calls, one after the other, than any table of streams holds."""
    with target.stub() as stub:
        method = stub.unary("Unary")
        for index in range(2000):
            message = encode(b"%d" % index)
            expect(method(message, timeout=PATIENCE), message, "the answer")


@check
def keepalive_pings(target):
    """A server answers the pings of a long call, and does not take them for an attack.

    grpcio sends one a second at most, and servers of its kind lose patience at the third.
    """
    with target.stub(
        keepalive_time_ms=100, keepalive_timeout_ms=900, keepalive_permit_without_calls=1,
        http2__max_pings_without_data=0,
    ) as stub:
        before = text(stub.unary("Caller")(b"", timeout=PATIENCE), 1)
        expect(stub.unary("Sleep")(encode(4500, _name()), timeout=PATIENCE), b"", "the answer")
        expect(text(stub.unary("Caller")(b"", timeout=PATIENCE), 1), before, "the connection")
