"""Lists, describes and calls a server's services by reflection, as grpcurl does: reflection.py ADDRESS."""
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

channel = grpc.insecure_channel(sys.argv[1])

# Version 1 differs in its path alone.
info = channel.stream_stream(
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
    response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
)
reply = next(iter(info(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=10)))
services = [service.name for service in reply.list_services_response.service]
for service in services:
    print("v1", service)

database = ProtoReflectionDescriptorDatabase(channel)
print("v1alpha", "agrees" if list(database.get_services()) == services else "differs")

pool = DescriptorPool(database)
for service in services:
    pool.FindServiceByName(service)
guide = pool.FindServiceByName("routeguide.RouteGuide")
for method in guide.methods:
    shape = ["stream" if streams else "unary" for streams in (method.client_streaming, method.server_streaming)]
    print(method.name, method.input_type.full_name, method.output_type.full_name, *shape)


def call(name, **fields):
    method = guide.methods_by_name[name]
    kind = channel.unary_stream if method.server_streaming else channel.unary_unary
    function = kind(
        f"/{guide.full_name}/{name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return function(GetMessageClass(method.input_type)(**fields), timeout=10)


print("called", call("GetFeature", latitude=407838351, longitude=-746143763).name)
area = {
    "low": {"latitude": 400000000, "longitude": -750000000},
    "high": {"latitude": 410000000, "longitude": -740000000},
}
print("listed", ", ".join(feature.name for feature in call("ListFeatures", **area)))
try:
    pool.FindMessageTypeByName("no.such.Message")
except KeyError:
    print("no such symbol")
