// nghttp2, the HTTP/2 framing and HPACK library (https://nghttp2.org).
#pragma once
#include <nghttp2/nghttp2.h>

// Versions since 1.57, and Debian's 1.52, close connections by bounds of their own: so many resets, so many
// unanswered pings, so many CONTINUATION frames. Where a function is missing there is no such bound.
extern void nghttp2_option_set_stream_reset_rate_limit(nghttp2_option *option, uint64_t burst, uint64_t rate)
    __attribute__((weak));

// Versions before 1.50 take white space at the edges of values without being asked to.
extern void nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(nghttp2_option *option, int val)
    __attribute__((weak));

static inline void micro_nghttp2_allow_white_space_at_edges(nghttp2_option *option) {
    if (nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation)
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
}

static inline void micro_nghttp2_lift_reset_limit(nghttp2_option *option) {
    if (nghttp2_option_set_stream_reset_rate_limit)
        nghttp2_option_set_stream_reset_rate_limit(option, UINT64_C(1) << 40, UINT64_C(1) << 40);
}
