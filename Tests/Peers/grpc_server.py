"""A gRPC server on grpcio that offers every endpoint of peer.proto, for our client's tests.

    python3 grpc_server.py --port 0 [--tls-cert FILE --tls-key FILE [--client-ca FILE]]

It prints `listening 127.0.0.1:PORT` when it is ready. With `--until-stdin-ends` it stops when its
standard input does, so that it never outlives a test that dies.
"""

import argparse
import asyncio
import sys
import time

import grpc

from peer_messages import encode, number, payload, text

MAX_MESSAGE = 4 * 1024 * 1024
CODES = {code.value[0]: code for code in grpc.StatusCode}


class Calls:
    """What became of the calls that were given an id."""

    def __init__(self):
        self._states = {}
        self._changed = asyncio.Condition()

    async def set(self, name, state):
        async with self._changed:
            self._states[name] = state
            self._changed.notify_all()

    async def wait(self, name, state):
        """Returns a call's state as soon as it is `state`, or what it is after five seconds."""
        async with self._changed:
            try:
                async with asyncio.timeout(5):
                    await self._changed.wait_for(lambda: self._states.get(name) == state)
            except TimeoutError:
                pass
            return self._states.get(name, "unknown")


class Peer:
    """The endpoints. Requests and answers are bytes."""

    def __init__(self):
        self.calls = Calls()

    async def unary(self, request, context):
        return encode(payload(request))

    async def client_stream(self, requests, context):
        joined = b""
        async for request in requests:
            joined += payload(request)
            if len(joined) > MAX_MESSAGE - 16:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much for one message")
        return encode(joined)

    async def server_stream(self, request, context):
        size = number(request, 2)
        for index in range(number(request, 1)):
            yield encode(bytes([index & 0xFF]) * size)

    async def bidi(self, requests, context):
        async for request in requests:
            yield encode(payload(request))

    async def speak_first(self, requests, context):
        yield encode(b"hello")
        async for request in requests:
            yield encode(payload(request))
        yield encode(b"bye")

    async def first_only(self, requests, context):
        async for request in requests:
            yield encode(payload(request))
            return

    async def metadata(self, request, context):
        await self._echo_metadata(context)
        return b""

    async def _echo_metadata(self, context):
        received = context.invocation_metadata()
        await context.send_initial_metadata([field for field in received if field[0].startswith("x-echo-")])
        context.set_trailing_metadata([field for field in received if field[0].startswith("x-trail-")])

    async def status(self, request, context):
        context.set_trailing_metadata(
            [field for field in context.invocation_metadata() if field[0].startswith("x-trail-")])
        await self._end(request, context)
        return b""

    async def status_after(self, request, context):
        yield encode(b"first")
        await self._end(request, context)

    async def _end(self, request, context):
        code = number(request, 1)
        if code != 0:
            await context.abort(CODES.get(code, grpc.StatusCode.UNKNOWN), text(request, 2))

    async def sleep(self, request, context):
        async def work():
            await asyncio.sleep(number(request, 1) / 1000)

        await self._observed(text(request, 2), work())
        return b""

    async def ticks(self, request, context):
        name = text(request, 2)
        await self.calls.set(name, "running")
        state = "cancelled"
        try:
            end = time.monotonic() + number(request, 1) / 1000
            while time.monotonic() < end:
                yield encode(b"tick")
                await asyncio.sleep(0.01)
            state = "finished"
        finally:
            await asyncio.shield(self.calls.set(name, state))

    async def _observed(self, name, work):
        await self.calls.set(name, "running")
        try:
            await work
        except asyncio.CancelledError:
            await asyncio.shield(self.calls.set(name, "cancelled"))
            raise
        await self.calls.set(name, "finished")

    async def wait(self, request, context):
        return encode(await self.calls.wait(text(request, 1), text(request, 2)))

    async def deadline(self, request, context):
        left = context.time_remaining()
        # grpcio gives a very long time where the client gave none.
        if left is None or left > 86400 * 365:
            return b""
        return encode(True, int(left * 1000))

    async def caller(self, request, context):
        names = context.auth_context().get("x509_subject_alternative_name", [])
        address = context.peer().removeprefix("ipv4:").removeprefix("ipv6:").replace("%5B", "[").replace("%5D", "]")
        return encode(address, [name.decode() for name in names])

    def handler(self):
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        both = grpc.stream_stream_rpc_method_handler
        return grpc.method_handlers_generic_handler("peer.Peer", {
            "Unary": unary(self.unary),
            "ClientStream": grpc.stream_unary_rpc_method_handler(self.client_stream),
            "ServerStream": stream(self.server_stream),
            "Bidi": both(self.bidi),
            "SpeakFirst": both(self.speak_first),
            "FirstOnly": both(self.first_only),
            "Metadata": unary(self.metadata),
            "Status": unary(self.status),
            "StatusAfter": stream(self.status_after),
            "Sleep": unary(self.sleep),
            "Ticks": stream(self.ticks),
            "Await": unary(self.wait),
            "Deadline": unary(self.deadline),
            "Caller": unary(self.caller),
        })


def read(path):
    with open(path, "rb") as file:
        return file.read()


def add_port(server, options):
    address = f"{options.host}:{options.port}"
    if not options.tls_cert:
        return server.add_insecure_port(address)
    ca = read(options.client_ca) if options.client_ca else None
    credentials = grpc.ssl_server_credentials(
        [(read(options.tls_key), read(options.tls_cert))],
        root_certificates=ca, require_client_auth=ca is not None)
    return server.add_secure_port(address, credentials)


async def stdin_end():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--client-ca", help="ask clients for a certificate of this authority, and insist")
    parser.add_argument("--until-stdin-ends", action="store_true")
    options = parser.parse_args()
    server = grpc.aio.server(options=[
        ("grpc.so_reuseport", 0),
        # Frequent pings are no offence here: clients' keepalive is under test.
        ("grpc.http2.min_ping_interval_without_data_ms", 10),
        ("grpc.http2.max_ping_strikes", 0),
    ])
    server.add_generic_rpc_handlers([Peer().handler()])
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
