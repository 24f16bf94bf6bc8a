#!/usr/bin/env python3
"""Python's client of NATS (nats-py), doing what nats-bench does: MODE PORT COUNT SIZE."""

import asyncio
import sys
import time

import nats


def say_cpu(begun):
    print(f"cpu {time.process_time() - begun:.6f}", flush=True)


async def publish(client, count, payload):
    for _ in range(count // 10):
        await client.publish("bench", payload)
    await client.flush(60)
    begun = time.process_time()
    for _ in range(count):
        await client.publish("bench", payload)
    await client.flush(60)
    say_cpu(begun)


async def subscribe(client, count, payload):
    done = asyncio.Event()
    left = count

    async def receive(message):
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    await client.subscribe("bench", cb=receive, pending_msgs_limit=-1, pending_bytes_limit=-1)
    await client.flush()
    begun = time.process_time()
    print("ready", flush=True)
    await done.wait()
    say_cpu(begun)


async def request(client, count, payload):
    for _ in range(count // 10):
        await client.request("echo", payload, timeout=5)
    begun = time.process_time()
    for _ in range(count):
        await client.request("echo", payload, timeout=5)
    say_cpu(begun)


async def main(mode, port, count, size):
    client = await nats.connect(f"nats://127.0.0.1:{port}")
    modes = {"publish": publish, "subscribe": subscribe, "request": request}
    await modes[mode](client, count, b"x" * size)
    await client.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
