"""Messages of the echo service, and as much HTTP/2 as it takes to make calls from Python.

Requests are written with literal header fields, so no HPACK state is needed. Of the answers only
the frames are looked at: contents are checked by `probe.py` through nghttp.
"""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
LARGE_WINDOW = 1 << 30

# What each call carries beside its path, as a C++ client in a real fleet would send it.
METADATA = [
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("grpc-timeout", "5S"),
    ("user-agent", "grpc-c++/1.60"),
    ("x-request-id", "6f1c0f9e-52a4-4f0f-9d3e-0a4f0d7c3b11"),
    ("x-tenant", "acme"),
]


def varint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def framed(message):
    """Returns a message behind its gRPC prefix."""
    return b"\0" + struct.pack(">I", len(message)) + message


def payload_message(size):
    """Returns an encoded `Payload` of `size` bytes, none of them alike in a row."""
    return b"\x0a" + varint(size) + bytes(index * 7 & 0xFF for index in range(size))


def zero_message(size):
    """Returns the encoded `Payload` of zeros that a server stream consists of."""
    return b"\x0a" + varint(size) + bytes(size) if size else b""


def numbers_message(*numbers):
    """Returns an encoded message whose fields 1, 2, ... are the numbers."""
    return b"".join(varint((field + 1) << 3) + varint(value) for field, value in enumerate(numbers))


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _text(value):
    encoded = value.encode()
    return bytes([len(encoded)]) + encoded if len(encoded) < 127 else _long_text(encoded)


def _long_text(encoded):
    return b"\x7f" + varint(len(encoded) - 127) + encoded


def header_block(path, authority, scheme="http"):
    fields = [(":method", "POST"), (":scheme", scheme), (":path", path), (":authority", authority)]
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in fields + METADATA)


def request(stream, block, body):
    """Returns the frames of one call with one message of at most one frame."""
    return frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, body)


class Connection:
    """A client's connection that knows which streams have ended and nothing else."""

    def __init__(self, port, tls=False):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            # The certificate was made for this run: who has it is not what is measured.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket)
        self._buffer = bytearray()
        self.socket.sendall(
            PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, LARGE_WINDOW))
            + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGE_WINDOW)))

    def receive(self):
        """Waits for bytes and returns the streams that they end; answers settings and pings."""
        received = self.socket.recv(1 << 16)
        if not received:
            raise ConnectionError("the server closed the connection")
        self._buffer += received
        ended, at = [], 0
        while len(self._buffer) - at >= 9:
            length = int.from_bytes(self._buffer[at:at + 3], "big")
            if len(self._buffer) - at < 9 + length:
                break
            kind, flags = self._buffer[at + 3], self._buffer[at + 4]
            stream = int.from_bytes(self._buffer[at + 5:at + 9], "big")
            payload = bytes(self._buffer[at + 9:at + 9 + length])
            at += 9 + length
            self._handle(kind, flags, stream, payload, ended)
        del self._buffer[:at]
        return ended

    def _handle(self, kind, flags, stream, payload, ended):
        if kind == SETTINGS and not flags & ACK:
            self.socket.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind in (RST_STREAM, GOAWAY):
            code = int.from_bytes(payload[-4:] if kind == RST_STREAM else payload[4:8], "big")
            raise ConnectionError(f"the server reset a call or the connection: code {code}")
        elif kind in (DATA, HEADERS) and flags & END_STREAM:
            ended.append(stream)

    def finish(self, streams):
        """Waits until all of some streams have ended."""
        left = set(streams)
        while left:
            left.difference_update(self.receive())

    def close(self):
        self.socket.close()
