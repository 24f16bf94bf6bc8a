"""Calls that end with an error, and what the error says."""

import grpc
from peer_messages import encode, payload

from .target import PATIENCE, check, expect, expect_error

CODES = {code.value[0]: code for code in grpc.StatusCode}

MESSAGES = [
    "", "plain", "a % sign", "100%", "%20 is no space", "späte Grüße", "日本語", "emoji 😀", "line\nbreak",
    "tab\there", "{\"id\":\"x\",\"code\":400}", "quotes \" and \\ backslashes", "x" * 1000,
]


def _fail(stub, code, message):
    return expect_error(
        lambda: stub.unary("Status")(encode(code.value[0], message), timeout=PATIENCE), code)


@check
def status_codes(target):
    """Every code from 1 to 16."""
    with target.stub() as stub:
        for value in range(1, 17):
            error = _fail(stub, CODES[value], f"code {value}")
            expect(error.details(), f"code {value}", "the message")


@check
def status_messages(target):
    """Messages that must be percent-encoded, and some that look as if they were."""
    with target.stub() as stub:
        for message in MESSAGES:
            expect(_fail(stub, grpc.StatusCode.FAILED_PRECONDITION, message).details(), message, "the message")


@check
def status_ok(target):
    with target.stub() as stub:
        expect(stub.unary("Status")(encode(0, "ignored"), timeout=PATIENCE), b"", "the answer")


@check
def status_with_trailing_metadata(target):
    with target.stub() as stub:
        fields = [("x-trail-a", "one"), ("x-trail-b-bin", b"\0\1")]
        error = expect_error(
            lambda: stub.unary("Status")(encode(5, "no"), timeout=PATIENCE, metadata=fields),
            grpc.StatusCode.NOT_FOUND)
        found = [(name, value) for name, value in error.trailing_metadata() if name.startswith("x-trail-")]
        expect(sorted(found), sorted(fields), "the trailing metadata")


@check
def status_after_message(target):
    """An error behind a message: the message arrives first."""
    with target.stub() as stub:
        answers = stub.server_stream("StatusAfter")(encode(9, "späte % end"), timeout=PATIENCE)
        expect(payload(next(answers)), b"first", "the first answer")
        error = expect_error(lambda: next(answers), grpc.StatusCode.FAILED_PRECONDITION)
        expect(error.details(), "späte % end", "the message")


@check
def unimplemented_method(target):
    with target.stub() as stub:
        expect_error(lambda: stub.unary("Nothing")(b"", timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)
        expect(payload(stub.unary("Unary")(encode(b"x"), timeout=PATIENCE)), b"x", "the next call's answer")


@check
def unimplemented_service(target):
    with target.stub() as stub:
        call = stub.channel.unary_unary("/no.Such/Unary")
        expect_error(lambda: call(b"", timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)
        call = stub.channel.stream_stream("/no.Such/Bidi")
        expect_error(
            lambda: list(call(iter([b"a", b"b"]), timeout=PATIENCE)), grpc.StatusCode.UNIMPLEMENTED)


@check
def undecodable_message(target):
    """Bytes that are no message end the call with an error and nothing else."""
    with target.stub() as stub:
        try:
            stub.unary("Status")(b"\x0a\xff\xff\xff\xff\x0f", timeout=PATIENCE)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                raise AssertionError("the server did not answer") from error
        else:
            raise AssertionError("the server took bytes that are no message")
        expect(payload(stub.unary("Unary")(encode(b"x"), timeout=PATIENCE)), b"x", "the next call's answer")


@check
def too_large_message(target):
    """More than 4 MiB is refused, and the connection goes on."""
    with target.stub(max_send_message_length=-1, max_receive_message_length=-1) as stub:
        large = encode(bytes(4 * 1024 * 1024 + 1))
        expect_error(
            lambda: stub.unary("Unary")(large, timeout=PATIENCE), grpc.StatusCode.RESOURCE_EXHAUSTED)
        expect_error(
            lambda: stub.client_stream("ClientStream")(iter([encode(b"a"), large]), timeout=PATIENCE),
            grpc.StatusCode.RESOURCE_EXHAUSTED)
        expect(payload(stub.unary("Unary")(encode(b"x"), timeout=PATIENCE)), b"x", "the next call's answer")


@check
def compressed_message(target):
    """Requests that are compressed are understood, in both formats and of every shape."""
    with target.stub() as stub:
        message = encode(b"z" * 10_000)
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            answer = stub.unary("Unary")(message, timeout=PATIENCE, compression=compression)
            expect(answer, message, "the answer")
            answers = stub.bidi("Bidi")(iter([message] * 3), timeout=PATIENCE, compression=compression)
            expect(list(answers), [message] * 3, "the answers")
        expect(payload(stub.unary("Unary")(encode(b"x"), timeout=PATIENCE)), b"x", "the next call's answer")
