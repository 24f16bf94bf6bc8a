// nghttp2, the HTTP/2 framing and HPACK library (https://nghttp2.org).
#pragma once
#include <nghttp2/nghttp2.h>
