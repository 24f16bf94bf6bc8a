// zlib (https://zlib.net): deflate streams of mDNS records and gRPC messages.
#pragma once
#include <zlib.h>
