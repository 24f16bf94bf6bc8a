"""Asks a server's health by grpcio's own client: health.py ADDRESS. It watches until the server stops."""
import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

channel = grpc.insecure_channel(sys.argv[1])
stub = health_pb2_grpc.HealthStub(channel)


def name(status):
    return health_pb2.HealthCheckResponse.ServingStatus.Name(status)


def check(service):
    try:
        return name(stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status)
    except grpc.RpcError as error:
        return error.code().name


print("check:", check(""))
for service in ["routeguide.RouteGuide", "route-guide", "nothing"]:
    print(f"check {service}:", check(service))
listed = stub.List(health_pb2.HealthListRequest(), timeout=10)
print("list:", name(listed.statuses["routeguide.RouteGuide"].status))

replies = stub.Watch(health_pb2.HealthCheckRequest(service="routeguide.RouteGuide"), timeout=60)
try:
    first = True
    for reply in replies:
        print("watching" if first else "watched", name(reply.status), flush=True)
        first = False
except grpc.RpcError as error:
    print("ended", error.code().name)
