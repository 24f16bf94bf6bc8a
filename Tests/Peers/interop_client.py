"""The gRPC project's interoperability test on grpcio, the client's side, for our server's tests.

    python3 interop_client.py --address 127.0.0.1:PORT [--ca FILE] [CASE ...]

Without names it runs every case. It prints a line for each, `ok NAME` or `FAIL NAME reason`, and exits with 1 if
any failed. grpcio doesn't tell whether a response came compressed: the cases of compressed responses check that
they arrive.
"""

import argparse
import os
import sys
import time

import grpc

from checks.shapes import Requests
from checks.target import PATIENCE, Target, expect, expect_error
from grpc_client import describe
from interop_messages import body, echo_status, input_request, output_request, simple_request
from peer_messages import encode, number

CASES = {}
SERVICE = "/grpc.testing.TestService/"
LARGE = (314159, 271828)
ECHO = [("x-grpc-test-echo-initial", "test_initial_metadata_value"),
        ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab")]
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
GZIP, DEFLATE = grpc.Compression.Gzip, grpc.Compression.Deflate


def case(function):
    CASES[function.__name__] = function
    return function


class Calls:
    """The calls of the service on one channel."""

    def __init__(self, channel):
        self.channel = channel
        self.empty = channel.unary_unary(SERVICE + "EmptyCall")
        self.unary = channel.unary_unary(SERVICE + "UnaryCall")
        self.cacheable = channel.unary_unary(SERVICE + "CacheableUnaryCall")
        self.output = channel.unary_stream(SERVICE + "StreamingOutputCall")
        self.input = channel.stream_unary(SERVICE + "StreamingInputCall")
        self.duplex = channel.stream_stream(SERVICE + "FullDuplexCall")

    def large(self, compression=None, **fields):
        request = simple_request(*LARGE, **fields)
        answer = self.unary(request, timeout=PATIENCE, compression=compression)
        expect(body(answer), bytes(LARGE[0]), "the payload")


def sizes(answers):
    return [len(body(answer)) for answer in answers]


@case
def empty_unary(calls):
    expect(calls.empty(b"", timeout=PATIENCE), b"", "the answer")


@case
def cacheable_unary(calls):
    request = simple_request(body=str(time.time_ns()).encode())
    first, second = [calls.cacheable(request, timeout=PATIENCE, metadata=[("x-user-ip", "1.2.3.4")])
                     for _ in range(2)]
    expect(body(first), body(second), "the second payload")


@case
def large_unary(calls):
    calls.large()


@case
def client_compressed_unary(calls):
    expect_error(lambda: calls.large(expect_compressed=True), grpc.StatusCode.INVALID_ARGUMENT)
    calls.large(expect_compressed=True, compression=GZIP)
    calls.large(expect_compressed=True, compression=DEFLATE)
    calls.large(expect_compressed=False)


@case
def server_compressed_unary(calls):
    calls.large(response_compressed=True)
    calls.large(response_compressed=False)


@case
def client_streaming(calls):
    answer = calls.input(iter([input_request(size) for size in (27182, 8, 1828, 45904)]), timeout=PATIENCE)
    expect(number(answer, 1), 74922, "the aggregated size")


@case
def client_compressed_streaming(calls):
    """grpcio can't leave one message of a stream as it is, but does so with one that doesn't get smaller."""
    compressed = input_request(27182, expect_compressed=True)
    uncompressed = input_request(body=os.urandom(45904), expect_compressed=False)
    expect_error(lambda: calls.input(iter([compressed]), timeout=PATIENCE), grpc.StatusCode.INVALID_ARGUMENT)
    answer = calls.input(iter([compressed, uncompressed]), timeout=PATIENCE, compression=GZIP)
    expect(number(answer, 1), 73086, "the aggregated size")


@case
def server_streaming(calls):
    wanted = [31415, 9, 2653, 58979]
    expect(sizes(calls.output(output_request(wanted), timeout=PATIENCE)), wanted, "the sizes")


@case
def server_compressed_streaming(calls):
    wanted = [31415, 92653]
    request = output_request(wanted, compressed=[True, False])
    expect(sizes(calls.output(request, timeout=PATIENCE)), wanted, "the sizes")


@case
def ping_pong(calls):
    requests = Requests()
    answers = calls.duplex(requests, timeout=PATIENCE)
    for sent, wanted in [(27182, 31415), (8, 9), (1828, 2653), (45904, 58979)]:
        requests.send(output_request([wanted], size=sent))
        expect(len(body(next(answers))), wanted, "the size of an answer")
    requests.end()
    expect(list(answers), [], "what comes behind the last answer")


@case
def empty_stream(calls):
    expect(list(calls.duplex(iter([]), timeout=PATIENCE)), [], "the answers")


@case
def status_code_and_message(calls):
    wanted = echo_status(2, "test status message")
    one = expect_error(lambda: calls.unary(simple_request(status=wanted), timeout=PATIENCE),
                       grpc.StatusCode.UNKNOWN)
    expect(one.details(), "test status message", "the message of the unary call")
    other = expect_error(lambda: list(calls.duplex(iter([output_request(status=wanted)]), timeout=PATIENCE)),
                         grpc.StatusCode.UNKNOWN)
    expect(other.details(), "test status message", "the message of the stream")


@case
def special_status_message(calls):
    error = expect_error(
        lambda: calls.unary(simple_request(status=echo_status(2, SPECIAL)), timeout=PATIENCE),
        grpc.StatusCode.UNKNOWN)
    expect(error.details(), SPECIAL, "the message")


@case
def unimplemented_method(calls):
    call = calls.channel.unary_unary(SERVICE + "UnimplementedCall")
    expect_error(lambda: call(b"", timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)


@case
def unimplemented_service(calls):
    call = calls.channel.unary_unary("/grpc.testing.UnimplementedService/UnimplementedCall")
    expect_error(lambda: call(b"", timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)


@case
def cancel_after_begin(calls):
    requests = Requests()
    call = calls.input.future(requests, timeout=PATIENCE)
    call.cancel()
    requests.end()
    expect(call.cancelled(), True, "that the call was cancelled")
    expect(call.code(), grpc.StatusCode.CANCELLED, "the status")


@case
def cancel_after_first_response(calls):
    requests = Requests()
    requests.send(output_request([31415], size=27182))
    call = calls.duplex(requests, timeout=PATIENCE)
    next(call)
    call.cancel()
    requests.end()
    expect_error(lambda: next(call), grpc.StatusCode.CANCELLED)


@case
def timeout_on_sleeping_server(calls):
    requests = Requests()
    requests.send(output_request(size=27182))
    expect_error(lambda: next(calls.duplex(requests, timeout=0.001)), grpc.StatusCode.DEADLINE_EXCEEDED)
    requests.end()


@case
def custom_metadata(calls):
    answer, call = calls.unary.with_call(simple_request(*LARGE), timeout=PATIENCE, metadata=ECHO)
    expect(len(body(answer)), LARGE[0], "the size of the answer")
    streamed = calls.duplex(iter([output_request(LARGE[:1], size=LARGE[1])]), timeout=PATIENCE, metadata=ECHO)
    expect(sizes(streamed), [LARGE[0]], "the sizes of the stream")
    for one in (call, streamed):
        expect([tuple(field) for field in one.initial_metadata() if field[0] == ECHO[0][0]], ECHO[:1],
               "the initial metadata")
        expect([tuple(field) for field in one.trailing_metadata() if field[0] == ECHO[1][0]], ECHO[1:],
               "the trailing metadata")


@case
def rpc_soak(calls):
    for _ in range(10):
        calls.large()


@case
def channel_soak(calls):
    for _ in range(10):
        with calls.target.stub() as stub:
            Calls(stub.channel).large()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True)
    parser.add_argument("--ca", help="speak TLS, and trust this authority")
    parser.add_argument("--server-name", help="the name that the server must prove in place of the address")
    parser.add_argument("cases", nargs="*", metavar="CASE", choices=[[], *CASES])
    options = parser.parse_args()
    options.cert = options.key = options.stranger_cert = options.stranger_key = None
    target = Target(options)
    failed = False
    for name in options.cases or CASES:
        try:
            with target.stub() as stub:
                calls = Calls(stub.channel)
                calls.target = target
                CASES[name](calls)
            print(f"ok {name}", flush=True)
        except Exception as error:  # A case that fails in any way is a failed case.
            failed = True
            print(f"FAIL {name} {describe(error)}".replace("\n", " "), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
