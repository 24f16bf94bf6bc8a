"""The gRPC project's interoperability test on grpcio, the server's side, for our client's tests.

    python3 interop_server.py --port 0 [--tls-cert FILE --tls-key FILE]

It prints `listening 127.0.0.1:PORT` when it is ready. With `--until-stdin-ends` it stops when its standard input
does. grpcio doesn't tell whether a request came compressed, so `expect_compressed` is not checked.
"""

import argparse
import asyncio
import time

import grpc

from grpc_server import CODES, add_port, stdin_end
from interop_messages import body, message, nested, payload, status, truth
from peer_messages import decode, encode, number

INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"


async def echo_metadata(context):
    received = context.invocation_metadata()
    initial = [field for field in received if field[0] == INITIAL]
    if initial:
        await context.send_initial_metadata(initial)
    context.set_trailing_metadata([field for field in received if field[0] == TRAILING])


async def end(request, context):
    """Ends the call with the status that the request asks for, if it does."""
    wanted = status(request)
    if wanted and wanted[0] != 0:
        await context.abort(CODES[wanted[0]], wanted[1])


def response(size):
    return message(f1=nested(payload(size)))


class TestService:
    """The calls of grpc.testing.TestService. Requests and answers are bytes."""

    def __init__(self):
        self._cache = {}

    async def empty(self, request, context):
        await echo_metadata(context)
        return b""

    async def unary(self, request, context):
        if truth(request, 6):
            context.set_compression(grpc.Compression.Gzip)
            # grpcio forgets the compression of a unary answer unless its metadata are sent by hand.
            await context.send_initial_metadata(())
        else:
            await echo_metadata(context)
        await end(request, context)
        return response(number(request, 2))

    async def cacheable(self, request, context):
        """Does what the proxy would that the test wants in front of a server."""
        answer = self._cache.setdefault(body(request, 3), str(time.monotonic_ns()).encode())
        await context.send_initial_metadata([("cache-control", "max-age=60, public")])
        return message(f1=nested(encode(0, answer)))

    async def output(self, request, context):
        async for answer in self._answers(request, context, is_first=True):
            yield answer

    async def input(self, requests, context):
        await echo_metadata(context)
        size = 0
        async for request in requests:
            size += len(body(request))
        return encode(size)

    async def full_duplex(self, requests, context):
        is_first = True
        async for request in requests:
            async for answer in self._answers(request, context, is_first):
                yield answer
            is_first = False

    async def half_duplex(self, requests, context):
        for request in [request async for request in requests]:
            async for answer in self._answers(request, context, is_first=False):
                yield answer

    async def _answers(self, request, context, is_first):
        wanted = decode(request).get(2, [])
        if is_first:
            if any(truth(one, 3) for one in wanted):
                context.set_compression(grpc.Compression.Gzip)
            await echo_metadata(context)
        await end(request, context)
        for one in wanted:
            await asyncio.sleep(number(one, 2) / 1_000_000)
            if truth(one, 3) is False:
                context.disable_next_message_compression()
            yield response(number(one, 1))

    def handler(self):
        unary, both = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        return grpc.method_handlers_generic_handler("grpc.testing.TestService", {
            "EmptyCall": unary(self.empty),
            "UnaryCall": unary(self.unary),
            "CacheableUnaryCall": unary(self.cacheable),
            "StreamingOutputCall": grpc.unary_stream_rpc_method_handler(self.output),
            "StreamingInputCall": grpc.stream_unary_rpc_method_handler(self.input),
            "FullDuplexCall": both(self.full_duplex),
            "HalfDuplexCall": both(self.half_duplex),
        })


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--until-stdin-ends", action="store_true")
    options = parser.parse_args()
    options.client_ca = None
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([TestService().handler()])
    port = add_port(server, options)
    await server.start()
    print(f"listening {options.host}:{port}", flush=True)
    if options.until_stdin_ends:
        await stdin_end()
        await server.stop(grace=0)
    else:
        await server.wait_for_termination()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
