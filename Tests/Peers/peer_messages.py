"""As much of Protobuf as the messages of peer.proto need: varints and bytes, by field number."""


def _varint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode(*fields):
    """Returns a message whose fields 1, 2, ... are the values; empty ones are left out.

    A value is a number, text, bytes, or a list of text for a repeated field.
    """
    encoded = b""
    for number, value in enumerate(fields, start=1):
        for one in value if isinstance(value, list) else [value]:
            encoded += _field(number, one)
    return encoded


def _field(number, value):
    if not value:
        return b""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(int(value))
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def decode(message):
    """Returns the values of a message as a dictionary from field number to a list."""
    fields, at = {}, 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if key & 7 == 2:
            if at + value > len(message):
                raise ValueError("a field is longer than its message")
            value, at = message[at:at + value], at + value
        elif key & 7 != 0:
            raise ValueError(f"a field has the unexpected wire type {key & 7}")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def _read_varint(message, at):
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(message):
            raise ValueError("a number is cut off")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise ValueError("a number is too long")


def number(message, field):
    """Returns a number of a message, 0 if it isn't there."""
    return decode(message).get(field, [0])[-1]


def text(message, field):
    """Returns a text of a message, empty if it isn't there."""
    return decode(message).get(field, [b""])[-1].decode()


def payload(message):
    """Returns the bytes of a `Payload`."""
    return decode(message).get(1, [b""])[-1]
