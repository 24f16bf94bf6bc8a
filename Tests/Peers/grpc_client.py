"""A gRPC client on grpcio that checks a server which offers every endpoint of peer.proto.

    python3 grpc_client.py --address 127.0.0.1:PORT [CHECK ...]
    python3 grpc_client.py --address ... --ca ca.pem [--cert client.pem --key client-key.pem
        [--stranger-cert stranger.pem --stranger-key stranger-key.pem]] [--server-name NAME]

Without names it makes every check. It prints a line for each, `ok NAME`, `skip NAME reason` or
`FAIL NAME reason`, and exits with 1 if any failed.
"""

import argparse
import sys

import grpc

from checks import CHECKS, Target


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address")
    parser.add_argument("--ca", help="speak TLS, and trust this authority")
    parser.add_argument("--cert", help="our certificate, for mTLS")
    parser.add_argument("--key")
    parser.add_argument("--stranger-cert", help="a certificate that the server must refuse")
    parser.add_argument("--stranger-key")
    parser.add_argument("--server-name", help="the name that the server must prove in place of the address")
    parser.add_argument("--list", action="store_true", help="print the names of the checks")
    parser.add_argument("checks", nargs="*", metavar="CHECK")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.checks if name not in CHECKS]
    if unknown:
        parser.error(f"there is no check {', '.join(unknown)}; --list prints them")
    if not chosen.list and not chosen.address:
        parser.error("--address is missing")
    return chosen


def describe(error):
    if isinstance(error, grpc.RpcError) and callable(getattr(error, "code", None)):
        return f"the call failed with {error.code()}: {error.details()}"
    return f"{type(error).__name__}: {error}"


def main():
    chosen = options()
    if chosen.list:
        print("\n".join(CHECKS))
        return
    target = Target(chosen)
    failed = False
    for name in chosen.checks or CHECKS:
        try:
            reason = CHECKS[name](target)
            print(f"skip {name} {reason}" if reason else f"ok {name}", flush=True)
        except Exception as error:  # A check that fails in any way is a failed check.
            failed = True
            print(f"FAIL {name} {describe(error)}".replace("\n", " "), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
