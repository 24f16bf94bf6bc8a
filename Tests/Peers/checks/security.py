"""What TLS must prove, for client and server."""

import grpc
from peer_messages import decode, encode, payload

from .target import PATIENCE, check, expect, expect_error


@check
def identity_of_client(target):
    """With mTLS the server knows the names that the client's certificate proves; else it knows none."""
    with target.stub() as stub:
        names = decode(stub.unary("Caller")(b"", timeout=PATIENCE)).get(2, [])
        wanted = [b"client.test", b"spiffe://test/client"] if target.is_mutual else []
        expect(sorted(names), wanted, "the proven names")


def _refused(target, **how):
    with target.stub(**how) as stub:
        expect_error(
            lambda: stub.unary("Unary")(encode(b"x"), timeout=PATIENCE), grpc.StatusCode.UNAVAILABLE)


@check
def client_without_certificate_is_refused(target):
    if not target.is_mutual:
        return "only with --cert"
    _refused(target, certificate=(None, None))
    with target.stub() as stub:
        expect(payload(stub.unary("Unary")(encode(b"x"), timeout=PATIENCE)), b"x", "a good client's answer")
    return None


@check
def client_of_stranger_is_refused(target):
    if not target.is_mutual or target.stranger[0] is None:
        return "only with --cert and --stranger-cert"
    _refused(target, certificate=target.stranger)
    with target.stub() as stub:
        expect(payload(stub.unary("Unary")(encode(b"x"), timeout=PATIENCE)), b"x", "a good client's answer")
    return None


@check
def plaintext_client_is_refused(target):
    """A client that speaks no TLS gets nothing from a server that does."""
    if not target.is_secure:
        return "only with --ca"
    with grpc.insecure_channel(target.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        call = channel.unary_unary("/peer.Peer/Unary")
        expect_error(lambda: call(b"", timeout=PATIENCE), grpc.StatusCode.UNAVAILABLE)
    with target.stub() as stub:
        expect(payload(stub.unary("Unary")(encode(b"x"), timeout=PATIENCE)), b"x", "a good client's answer")
    return None
