"""A client on grpcio's asyncio channel that makes calls when a line on standard input asks for them.

    python3 echo_client.py --address 127.0.0.1:PORT

Each line `run CALLS IN_FLIGHT BYTES` is answered with `done CALLS`. Messages pass as bytes.
"""

import argparse
import asyncio
import sys

import grpc

METADATA = (("x-request-id", "6f1c0f9e-52a4-4f0f-9d3e-0a4f0d7c3b11"), ("x-tenant", "acme"))


async def worker(method, request, budget):
    while budget:
        budget.pop()
        if await method(request, timeout=5, metadata=METADATA) != request:
            raise RuntimeError("the answer is not the request")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    address = parser.parse_args().address
    async with grpc.aio.insecure_channel(address) as channel:
        method = channel.unary_unary("/echo.Echo/Unary")
        for line in iter(sys.stdin.readline, ""):
            _, calls, in_flight, size = line.split()
            request = b"\x0a" + bytes([int(size)]) + bytes(int(size))
            budget = [None] * int(calls)
            await asyncio.gather(*(worker(method, request, budget) for _ in range(int(in_flight))))
            print(f"done {calls}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
