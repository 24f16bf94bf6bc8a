// A gRPC-shaped echo server on libnghttp2 and epoll, with one thread and no framework: the floor
// that the benchmarks compare with. It has no metadata, no deadlines and no limits worth the name.
//
//     cc -O2 -o rawecho rawecho.c -lnghttp2 && ./rawecho PORT

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64 * 1024, BUFFER = 2 * BATCH, MAX_BODY = 8 * 1024 * 1024, MAX_STREAMS = 100 };

typedef enum { UNKNOWN, UNARY, SERVER_STREAM, SPIN } Method;

typedef struct {
    Method method;
    uint8_t *body;         // the request, and for a unary call also the answer
    size_t length, capacity;
    uint64_t sent, total;  // bytes of the answer
    uint8_t head[16];      // what stands in front of each message of a stream
    size_t headLength, messageLength;
} Stream;

typedef struct {
    int fd;
    nghttp2_session *session;
    uint8_t *pending;  // what the socket did not take
    size_t pendingLength, pendingSent;
} Connection;

static int poller;
static uint8_t input[BATCH], output[BUFFER];

static nghttp2_nv field(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
                        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static size_t putVarint(uint8_t *to, uint64_t value) {
    size_t length = 0;
    for (; value >= 0x80; value >>= 7) to[length++] = (uint8_t)(value | 0x80);
    to[length++] = (uint8_t)value;
    return length;
}

// Reads the varint fields 1 and 2 of a request; anything else ends the reading.
static void readNumbers(const Stream *stream, uint64_t numbers[2]) {
    size_t at = 5;
    while (at < stream->length) {
        uint8_t key = stream->body[at++];
        if (key != 0x08 && key != 0x10) return;
        uint64_t value = 0;
        for (unsigned shift = 0; at < stream->length && shift < 64; shift += 7) {
            uint8_t byte = stream->body[at++];
            value |= (uint64_t)(byte & 0x7F) << shift;
            if (byte < 0x80) break;
        }
        numbers[key == 0x10] = value;
    }
}

static void spin(uint64_t microseconds) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = now.tv_sec * 1000000000LL + now.tv_nsec + (int64_t)microseconds * 1000;
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec * 1000000000LL + now.tv_nsec < end);
}

// Gives nghttp2 the next bytes of an answer: the request's own for a unary call, else messages of zeros.
static ssize_t readAnswer(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                          nghttp2_data_source *source, void *user) {
    (void)user;
    Stream *stream = source->ptr;
    uint64_t left = stream->total - stream->sent;
    size_t count = left < room ? (size_t)left : room;
    if (stream->method == UNARY) {
        memcpy(to, stream->body + stream->sent, count);
    } else {
        memset(to, 0, count);
        for (size_t at = 0; at < count;) {
            size_t offset = (stream->sent + at) % stream->messageLength;
            if (offset < stream->headLength) to[at] = stream->head[offset], at++;
            else at += stream->messageLength - offset;
        }
    }
    stream->sent += count;
    if (stream->sent == stream->total) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_nv trailer = field("grpc-status", "0");
        nghttp2_submit_trailer(session, id, &trailer, 1);
    }
    return (ssize_t)count;
}

// Lays out a stream of `count` messages whose field 1 has `size` bytes.
static void prepareMessages(Stream *stream, uint64_t count, uint64_t size) {
    size_t prefix = 0;
    if (size > 0) {
        stream->head[5] = 0x0A;
        prefix = 1 + putVarint(stream->head + 6, size);
    }
    uint32_t length = htonl((uint32_t)(prefix + size));
    memcpy(stream->head + 1, &length, 4);
    stream->headLength = 5 + prefix;
    stream->messageLength = stream->headLength + size;
    stream->total = count * stream->messageLength;
}

static int answer(nghttp2_session *session, int32_t id, Stream *stream) {
    uint64_t numbers[2] = {0, 0};
    nghttp2_nv fields[] = {field(":status", "200"), field("content-type", "application/grpc"),
                           field("grpc-status", "12")};
    switch (stream->method) {
        case UNKNOWN: return nghttp2_submit_response(session, id, fields, 3, NULL);
        case UNARY: stream->total = stream->length; break;
        case SPIN:
            readNumbers(stream, numbers);
            if (numbers[0] <= 1000000) spin(numbers[0]);
            prepareMessages(stream, 1, 0);
            break;
        case SERVER_STREAM:
            readNumbers(stream, numbers);
            if (numbers[0] == 0 || numbers[0] > 1u << 30 || numbers[1] > MAX_BODY) numbers[0] = 1, numbers[1] = 0;
            prepareMessages(stream, numbers[0], numbers[1]);
    }
    nghttp2_data_provider provider = {{.ptr = stream}, readAnswer};
    return nghttp2_submit_response(session, id, fields, 2, &provider);
}

static int onBeginHeaders(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)user;
    Stream *stream = calloc(1, sizeof *stream);
    if (!stream) return NGHTTP2_ERR_CALLBACK_FAILURE;
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
}

static int onHeader(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t nameLength,
                    const uint8_t *value, size_t length, uint8_t flags, void *user) {
    (void)flags, (void)user;
    if (nameLength != 5 || memcmp(name, ":path", 5) != 0) return 0;
    Stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!stream) return 0;
    if (length == 16 && memcmp(value, "/echo.Echo/Unary", 16) == 0) stream->method = UNARY;
    if (length == 23 && memcmp(value, "/echo.Echo/ServerStream", 23) == 0) stream->method = SERVER_STREAM;
    if (length == 15 && memcmp(value, "/echo.Echo/Spin", 15) == 0) stream->method = SPIN;
    return 0;
}

static int onData(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t length,
                  void *user) {
    (void)flags, (void)user;
    Stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (!stream) return 0;
    if (stream->length + length > MAX_BODY) {
        return nghttp2_submit_rst_stream(session, 0, id, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    if (stream->length + length > stream->capacity) {
        size_t capacity = stream->capacity * 2 > stream->length + length ? stream->capacity * 2 : stream->length + length;
        uint8_t *grown = realloc(stream->body, capacity);
        if (!grown) return NGHTTP2_ERR_CALLBACK_FAILURE;
        stream->body = grown, stream->capacity = capacity;
    }
    memcpy(stream->body + stream->length, bytes, length);
    stream->length += length;
    return 0;
}

static int onFrame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    (void)user;
    bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!carries || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    Stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    return stream ? answer(session, frame->hd.stream_id, stream) : 0;
}

static int onClose(nghttp2_session *session, int32_t id, uint32_t code, void *user) {
    (void)code, (void)user;
    Stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (stream) free(stream->body);
    free(stream);
    return 0;
}

static void destroy(Connection *connection) {
    nghttp2_session_del(connection->session);
    close(connection->fd);
    free(connection->pending);
    free(connection);
}

static void watch(Connection *connection, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(poller, operation, connection->fd, &event);
}

// Writes some bytes and keeps what the socket does not take; false if the connection is dead.
static bool writeBytes(Connection *connection, const uint8_t *bytes, size_t length) {
    ssize_t written = send(connection->fd, bytes, length, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN && errno != EINTR) return false;
    size_t done = written < 0 ? 0 : (size_t)written;
    if (done == length) return true;
    connection->pending = malloc(length - done);
    if (!connection->pending) return false;
    memcpy(connection->pending, bytes + done, length - done);
    connection->pendingLength = length - done, connection->pendingSent = 0;
    watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    return true;
}

static bool writePending(Connection *connection) {
    ssize_t written = send(connection->fd, connection->pending + connection->pendingSent,
                           connection->pendingLength - connection->pendingSent, MSG_NOSIGNAL);
    if (written < 0) return errno == EAGAIN || errno == EINTR;
    connection->pendingSent += (size_t)written;
    if (connection->pendingSent < connection->pendingLength) return true;
    free(connection->pending);
    connection->pending = NULL;
    watch(connection, EPOLL_CTL_MOD, EPOLLIN);
    return true;
}

// Sends what the session has, in batches of one system call.
static bool flush(Connection *connection) {
    while (!connection->pending) {
        size_t length = 0;
        while (length < BATCH) {
            const uint8_t *bytes;
            ssize_t count = nghttp2_session_mem_send(connection->session, &bytes);
            if (count < 0 || (size_t)count > BUFFER - length) return false;
            if (count == 0) break;
            memcpy(output + length, bytes, (size_t)count);
            length += (size_t)count;
        }
        if (length == 0) break;
        if (!writeBytes(connection, output, length)) return false;
    }
    return connection->pending || nghttp2_session_want_read(connection->session)
           || nghttp2_session_want_write(connection->session);
}

static bool serve(Connection *connection, uint32_t events) {
    if ((events & EPOLLOUT) && connection->pending && !writePending(connection)) return false;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t count = recv(connection->fd, input, sizeof input, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return false;
        if (count > 0 && nghttp2_session_mem_recv(connection->session, input, (size_t)count) != count) return false;
    }
    return flush(connection);
}

static void acceptAll(int listener, nghttp2_session_callbacks *callbacks) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Connection *connection = calloc(1, sizeof *connection);
        if (!connection || nghttp2_session_server_new(&connection->session, callbacks, connection) != 0) {
            free(connection), close(fd);
            continue;
        }
        connection->fd = fd;
        nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}};
        nghttp2_submit_settings(connection->session, 0, settings, 2);
        nghttp2_session_set_local_window_size(connection->session, 0, 0, 1 << 24);
        watch(connection, EPOLL_CTL_ADD, EPOLLIN);
        if (!flush(connection)) destroy(connection);
    }
}

static int listenOn(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 1024) != 0) {
        perror("rawecho: cannot listen");
        exit(1);
    }
    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("listening 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    int listener = listenOn(count > 1 ? (uint16_t)atoi(arguments[1]) : 0);
    nghttp2_session_callbacks *callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, onBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, onHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, onData);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, onFrame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, onClose);
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[256];
        int ready = epoll_wait(poller, events, 256, -1);
        for (int index = 0; index < ready; index++) {
            Connection *connection = events[index].data.ptr;
            if (!connection) acceptAll(listener, callbacks);
            else if (!serve(connection, events[index].events)) destroy(connection);
        }
    }
}
