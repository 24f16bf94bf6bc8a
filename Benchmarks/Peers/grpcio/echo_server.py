"""The benchmarks' echo service on grpcio's asyncio server, one process.

    python3 echo_server.py --port 0 [--tls-cert FILE --tls-key FILE]

Messages pass as bytes: a unary answer is the request's own bytes, neither decoded nor encoded.
"""

import argparse
import asyncio
import time

import grpc


def encode_varint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_numbers(message):
    """Returns the varint fields of a message by their number."""
    numbers, value, shift, key = {}, 0, 0, None
    for byte in message:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte >= 0x80:
            continue
        if key is None:
            key = value >> 3
        else:
            numbers[key], key = value, None
        value, shift = 0, 0
    return numbers


async def unary(request, context):
    return request


async def server_stream(request, context):
    numbers = read_numbers(request)
    size = numbers.get(2, 0)
    message = b"\x0a" + encode_varint(size) + bytes(size) if size else b""
    for _ in range(numbers.get(1, 0)):
        yield message


async def spin(request, context):
    end = time.monotonic_ns() + read_numbers(request).get(1, 0) * 1000
    while time.monotonic_ns() < end:
        pass
    return b""


def credentials(options):
    with open(options.tls_key, "rb") as key, open(options.tls_cert, "rb") as certificate:
        return grpc.ssl_server_credentials([(key.read(), certificate.read())])


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    options = parser.parse_args()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers([
        grpc.method_handlers_generic_handler("echo.Echo", {
            "Unary": grpc.unary_unary_rpc_method_handler(unary),
            "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
            "Spin": grpc.unary_unary_rpc_method_handler(spin),
        })
    ])
    address = f"127.0.0.1:{options.port}"
    if options.tls_cert:
        port = server.add_secure_port(address, credentials(options))
    else:
        port = server.add_insecure_port(address)
    await server.start()
    print(f"listening 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
