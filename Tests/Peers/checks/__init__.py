"""The checks that `grpc_client.py` makes; importing this collects all of them."""

from . import lifetime, metadata, security, shapes, status  # noqa: F401
from .target import CHECKS, Target  # noqa: F401
