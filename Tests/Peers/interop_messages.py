"""The messages of the gRPC project's interoperability test, by the field numbers of Interop/Protos."""

from peer_messages import decode, encode, number, text


def payload(size):
    """Returns a `Payload` of zeros."""
    return encode(0, bytes(size))


def boolean(value):
    """Returns a `BoolValue`, which is there also when it is false; `None` for none."""
    return None if value is None else encode(value)


class Nested(bytes):
    """A nested message, which is written even if it has no field set."""


def message(**fields):
    """Returns a message whose fields are given as `f1=...`; `None` leaves one out."""
    encoded = b""
    for name, value in fields.items():
        field = int(name[1:])
        for one in value if isinstance(value, list) else [value]:
            encoded += _field(field, one)
    return encoded


def _field(field, value):
    if value is None:
        return b""
    if isinstance(value, Nested) and not value:
        return bytes([field << 3 | 2, 0])
    # `encode` numbers its values from 1.
    return encode(*[0] * (field - 1), value)


def nested(value):
    return None if value is None else Nested(value)


def simple_request(response_size=0, size=None, response_compressed=None, status=None, expect_compressed=None,
                   body=None):
    inner = encode(0, body) if body is not None else None if size is None else payload(size)
    return message(f2=response_size, f3=nested(inner), f6=nested(boolean(response_compressed)),
                   f7=nested(status), f8=nested(boolean(expect_compressed)))


def input_request(size=0, expect_compressed=None, body=None):
    return message(f1=nested(encode(0, body) if body is not None else payload(size)),
                   f2=nested(boolean(expect_compressed)))


def parameters(size, compressed=None):
    return message(f1=size, f3=nested(boolean(compressed)))


def output_request(sizes=(), size=None, compressed=None, status=None):
    """`compressed` has a boolean for each of the sizes."""
    wanted = [nested(parameters(one, compressed[index] if compressed else None))
              for index, one in enumerate(sizes)]
    return message(f2=wanted, f3=None if size is None else nested(payload(size)), f7=nested(status))


def echo_status(code, detail):
    return encode(code, detail)


def inner(encoded, field):
    """Returns a nested message, or `None` if it isn't there."""
    found = decode(encoded).get(field)
    return found[-1] if found else None


def body(encoded, field=1):
    """Returns the bytes of the payload in a field of a message."""
    found = inner(encoded, field)
    return b"" if found is None else decode(found).get(2, [b""])[-1]


def truth(encoded, field):
    """Returns the boolean in a field, or `None` if it isn't there."""
    found = inner(encoded, field)
    return None if found is None else number(found, 1) != 0


def status(encoded, field=7):
    """Returns the code and the message that a request asks for, or `None`."""
    found = inner(encoded, field)
    return None if found is None else (number(found, 1), text(found, 2))
