"""Metadata both ways."""

import os

from peer_messages import encode, number

from .target import PATIENCE, check, expect


def _echoed(stub, fields):
    _, call = stub.unary("Metadata").with_call(b"", timeout=PATIENCE, metadata=fields)
    initial = [(name, value) for name, value in call.initial_metadata() if name.startswith("x-")]
    trailing = [(name, value) for name, value in call.trailing_metadata() if name.startswith("x-")]
    return initial, trailing


@check
def metadata_ascii(target):
    with target.stub() as stub:
        fields = [("x-echo-a", "one"), ("x-echo-b", "with, comma; and = more ~!"), ("x-echo-empty", "")]
        initial, trailing = _echoed(stub, fields)
        expect(sorted(initial), sorted(fields), "the initial metadata")
        expect(trailing, [], "the trailing metadata")


@check
def metadata_trailing(target):
    with target.stub() as stub:
        fields = [("x-trail-a", "one"), ("x-trail-b-bin", b"\0\xff\x80")]
        initial, trailing = _echoed(stub, fields)
        expect(initial, [], "the initial metadata")
        expect(sorted(trailing), sorted(fields), "the trailing metadata")


@check
def metadata_binary(target):
    """Lengths that leave each possible rest in base64, and every byte there is."""
    with target.stub() as stub:
        fields = [(f"x-echo-{size}-bin", os.urandom(size)) for size in range(7)]
        fields.append(("x-echo-all-bin", bytes(range(256))))
        initial, _ = _echoed(stub, fields)
        expect(sorted(initial), sorted(fields), "the initial metadata")


@check
def metadata_several_values(target):
    """A name may come several times, and the order of its values is kept."""
    with target.stub() as stub:
        fields = [("x-echo-many", "first"), ("x-echo-many", "second"), ("x-echo-many", "again"),
                  ("x-trail-many-bin", b"\1"), ("x-trail-many-bin", b"\2\3")]
        initial, trailing = _echoed(stub, fields)
        expect(initial, fields[:3], "the initial metadata")
        expect(trailing, fields[3:], "the trailing metadata")


@check
def metadata_large(target):
    with target.stub() as stub:
        fields = [(f"x-echo-{index}", "v" * 200) for index in range(20)]
        initial, _ = _echoed(stub, fields)
        expect(sorted(initial), sorted(fields), "the initial metadata")


@check
def deadline_is_known(target):
    """The server knows how much time is left, and that there is none where none was given."""
    with target.stub() as stub:
        answer = stub.unary("Deadline")(b"", timeout=3600)
        expect(number(answer, 1), 1, "whether there is a deadline")
        left = number(answer, 2)
        if not 3_500_000 <= left <= 3_600_000:
            raise AssertionError(f"the server believes that {left} ms of an hour are left")
        expect(stub.unary("Deadline")(b""), encode(), "the answer to a call without a deadline")
