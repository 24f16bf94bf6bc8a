"""Calls of each shape that succeed."""

import queue
import threading

from peer_messages import encode, payload

from .target import PATIENCE, check, expect


class Requests:
    """The requests of a stream, given one at a time while the call runs."""

    def __init__(self):
        self._queue = queue.Queue()

    def send(self, message):
        self._queue.put(message)

    def end(self):
        self._queue.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        # A check that fails leaves its requests open; the thread that waits for more must still end.
        message = self._queue.get(timeout=4 * PATIENCE)
        if message is None:
            raise StopIteration
        return message


def payloads(answers):
    return [payload(answer) for answer in answers]


@check
def unary(target):
    with target.stub() as stub:
        expect(payload(stub.unary("Unary")(encode(b"abc"), timeout=PATIENCE)), b"abc", "the answer")


@check
def unary_without_timeout(target):
    with target.stub() as stub:
        expect(payload(stub.unary("Unary")(encode(b"abc"))), b"abc", "the answer")


@check
def empty_message(target):
    with target.stub() as stub:
        expect(stub.unary("Unary")(b"", timeout=PATIENCE), b"", "the answer")


@check
def client_stream(target):
    with target.stub() as stub:
        requests = [encode(part) for part in [b"a", b"bc", b"", b"def"]]
        answer = stub.client_stream("ClientStream")(iter(requests), timeout=PATIENCE)
        expect(payload(answer), b"abcdef", "the answer")


@check
def client_stream_without_message(target):
    with target.stub() as stub:
        expect(stub.client_stream("ClientStream")(iter([]), timeout=PATIENCE), b"", "the answer")


@check
def server_stream(target):
    with target.stub() as stub:
        answers = payloads(stub.server_stream("ServerStream")(encode(300, 100), timeout=PATIENCE))
        expect(answers, [bytes([index & 0xFF]) * 100 for index in range(300)], "the answers")


@check
def server_stream_without_message(target):
    with target.stub() as stub:
        expect(list(stub.server_stream("ServerStream")(b"", timeout=PATIENCE)), [], "the answers")


@check
def server_stream_large(target):
    with target.stub() as stub:
        count, size = 64, 256 * 1024
        for index, answer in enumerate(stub.server_stream("ServerStream")(encode(count, size), timeout=PATIENCE)):
            expect(payload(answer), bytes([index]) * size, f"answer {index}")
        expect(index + 1, count, "the number of answers")


@check
def bidi_in_turn(target):
    """Each request is sent only when the answer to the one before is there."""
    with target.stub() as stub:
        requests = Requests()
        answers = stub.bidi("Bidi")(requests, timeout=PATIENCE)
        for index in range(20):
            message = b"message %d" % index
            requests.send(encode(message))
            expect(payload(next(answers)), message, "the answer")
        requests.end()
        expect(list(answers), [], "what follows the end of the requests")


@check
def bidi_large(target):
    with target.stub() as stub:
        sent = [bytes([index]) * 256 * 1024 for index in range(64)]
        answers = stub.bidi("Bidi")(map(encode, sent), timeout=PATIENCE)
        for index, answer in enumerate(answers):
            expect(payload(answer), sent[index], f"answer {index}")
        expect(index + 1, len(sent), "the number of answers")


@check
def bidi_without_message(target):
    with target.stub() as stub:
        expect(list(stub.bidi("Bidi")(iter([]), timeout=PATIENCE)), [], "the answers")


@check
def server_speaks_first(target):
    """No request is sent before the server's first message is there."""
    with target.stub() as stub:
        requests = Requests()
        answers = stub.bidi("SpeakFirst")(requests, timeout=PATIENCE)
        expect(payload(next(answers)), b"hello", "the first answer")
        requests.send(encode(b"hi"))
        expect(payload(next(answers)), b"hi", "the second answer")
        requests.end()
        expect(payloads(answers), [b"bye"], "the rest")


@check
def server_speaks_first_without_message(target):
    with target.stub() as stub:
        answers = payloads(stub.bidi("SpeakFirst")(iter([]), timeout=PATIENCE))
        expect(answers, [b"hello", b"bye"], "the answers")


@check
def server_ends_first(target):
    """The server ends the call successfully while the request is still open."""
    with target.stub() as stub:
        requests = Requests()
        answers = stub.bidi("FirstOnly")(requests, timeout=PATIENCE)
        requests.send(encode(b"one"))
        expect(payloads(answers), [b"one"], "the answers")
        requests.end()
        expect(payload(stub.unary("Unary")(encode(b"x"), timeout=PATIENCE)), b"x", "the next call's answer")


@check
def large_message(target):
    with target.stub() as stub:
        message = bytes(range(256)) * (3 * 4096)
        expect(payload(stub.unary("Unary")(encode(message), timeout=PATIENCE)), message, "the answer")


@check
def concurrent_streams(target):
    """A hundred calls are open on one connection at once, and each gets its own answers."""
    with target.stub() as stub:
        calls = []
        for index in range(100):
            requests = Requests()
            calls.append((index, requests, stub.bidi("Bidi")(requests, timeout=3 * PATIENCE)))
        for round_number in range(2):
            for index, requests, _ in calls:
                requests.send(encode(b"%d of %d" % (round_number, index)))
            for index, _, answers in calls:
                expect(payload(next(answers)), b"%d of %d" % (round_number, index), "the answer")
        for _, requests, answers in calls:
            requests.end()
            expect(list(answers), [], "what follows the end of the requests")


@check
def concurrent_unary(target):
    with target.stub() as stub:
        method = stub.unary("Unary")
        futures = [method.future(encode(b"%d" % index), timeout=PATIENCE) for index in range(500)]
        for index, future in enumerate(futures):
            expect(payload(future.result()), b"%d" % index, "the answer")


@check
def concurrent_shapes(target):
    """Large streams both ways do not disturb small calls beside them."""
    with target.stub() as stub:
        failures = []

        def stream():
            try:
                large = list(stub.server_stream("ServerStream")(encode(40, 100_000), timeout=PATIENCE))
                expect(len(large), 40, "the number of answers")
            except Exception as error:  # Reported by the thread that joins.
                failures.append(error)

        threads = [threading.Thread(target=stream) for _ in range(4)]
        for thread in threads:
            thread.start()
        for index in range(200):
            message = b"%d" % index
            expect(payload(stub.unary("Unary")(encode(message), timeout=PATIENCE)), message, "the answer")
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
