"""Prints the methods of a server's services, as reflection tells them: list_methods.py ADDRESS."""
import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

database = ProtoReflectionDescriptorDatabase(grpc.insecure_channel(sys.argv[1]))
pool = DescriptorPool(database)
for name in database.get_services():
    for method in pool.FindServiceByName(name).methods:
        print(f"{name}/{method.name} {method.input_type.full_name} {method.output_type.full_name}")
