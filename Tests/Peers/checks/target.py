"""The server under test, how to reach it, and the list of checks."""

import contextlib

import grpc

# The checks by name, in the order in which they are written down.
CHECKS = {}

# No call of a check takes longer, so a server that hangs fails instead of hanging us.
PATIENCE = 10


def check(function):
    """Adds a function to the checks under its own name."""
    CHECKS[function.__name__] = function
    return function


def expect(found, wanted, what):
    """Raises an error that shows both unless two values are equal."""
    if found != wanted:
        raise AssertionError(f"{what} is {_short(found)}, not {_short(wanted)}")


def _short(value):
    shown = repr(value)
    return shown if len(shown) <= 200 else f"{shown[:200]}... ({len(shown)} characters)"


def expect_error(call, code):
    """Makes a call that must fail and returns its error."""
    try:
        call()
    except grpc.RpcError as error:
        if error.code() != code:
            raise AssertionError(f"the status is {error.code()} ({error.details()}), not {code}") from error
        return error
    raise AssertionError(f"the call succeeded; it should have failed with {code}")


def _read(path):
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


class Stub:
    """The endpoints of `peer.Peer`, with bytes as messages."""

    def __init__(self, channel):
        self.channel = channel

    def unary(self, method):
        return self.channel.unary_unary(f"/peer.Peer/{method}")

    def server_stream(self, method):
        return self.channel.unary_stream(f"/peer.Peer/{method}")

    def client_stream(self, method):
        return self.channel.stream_unary(f"/peer.Peer/{method}")

    def bidi(self, method):
        return self.channel.stream_stream(f"/peer.Peer/{method}")


class Target:
    """The server under test."""

    def __init__(self, options):
        self.address = options.address
        self.ca = options.ca
        self.certificate = (options.cert, options.key)
        self.stranger = (options.stranger_cert, options.stranger_key)
        self.server_name = options.server_name

    @property
    def is_secure(self):
        return self.ca is not None

    @property
    def is_mutual(self):
        return self.is_secure and self.certificate[0] is not None

    @contextlib.contextmanager
    def stub(self, certificate=None, ca=None, **options):
        """Opens a channel that shares no connection with any other.

        `certificate` is a pair of files in place of our own, or a pair of `None` for none at all;
        `options` are channel arguments, with `__` for each dot.
        """
        arguments = [("grpc.use_local_subchannel_pool", 1)]
        arguments += [(f"grpc.{name.replace('__', '.')}", value) for name, value in options.items()]
        if not self.is_secure:
            channel = grpc.insecure_channel(self.address, options=arguments)
        else:
            chain, key = certificate or self.certificate
            if self.server_name:
                arguments.append(("grpc.ssl_target_name_override", self.server_name))
            credentials = grpc.ssl_channel_credentials(_read(ca or self.ca), _read(key), _read(chain))
            channel = grpc.secure_channel(self.address, credentials, options=arguments)
        with channel:
            yield Stub(channel)
