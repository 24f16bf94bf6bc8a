// The C client of NATS (libnats), doing what nats-bench does. It also answers requests (respond), and
// publishes for those who subscribe (feed, feed-events).
//
//     nats_bench MODE PORT COUNT SIZE

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(natsStatus status, const char *what) {
    if (status == NATS_OK) return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static void say_cpu(double begun) {
    printf("cpu %.6f\n", cpu_seconds() - begun);
    fflush(stdout);
}

static void publish(natsConnection *nc, const char *payload, int size, long count) {
    for (long i = 0; i < count; i++) check(natsConnection_Publish(nc, "bench", payload, size), "publish");
    check(natsConnection_FlushTimeout(nc, 60000), "flush");
}

static volatile long left;

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure) {
    (void)nc, (void)sub, (void)closure;
    natsMsg_Destroy(msg);
    __atomic_sub_fetch(&left, 1, __ATOMIC_RELEASE);
}

static void on_request(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure) {
    (void)sub, (void)closure;
    natsConnection_Publish(nc, natsMsg_GetReply(msg), natsMsg_GetData(msg), natsMsg_GetDataLength(msg));
    natsMsg_Destroy(msg);
}

static void pause_briefly(void) {
    struct timespec pause = {0, 2000000};
    nanosleep(&pause, NULL);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    const char *mode = argv[1];
    long count = atol(argv[3]);
    int size = atoi(argv[4]);
    char url[64];
    snprintf(url, sizeof url, "nats://127.0.0.1:%s", argv[2]);
    char *payload = malloc((size_t)size + 1);
    memset(payload, 'x', (size_t)size);

    natsConnection *nc = NULL;
    natsOptions *options = NULL;
    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, url), "options");
    // Answers are sent at once, so that a requester's time is its own.
    check(natsOptions_SetSendAsap(options, strcmp(mode, "respond") == 0), "options");
    check(natsConnection_Connect(&nc, options), "connect");
    natsSubscription *sub = NULL;
    if (strcmp(mode, "publish") == 0) {
        publish(nc, payload, size, count / 10);
        double begun = cpu_seconds();
        publish(nc, payload, size, count);
        say_cpu(begun);
    } else if (strcmp(mode, "feed-events") == 0) {
        // An event as go-micro sends it; the body is base64 of so many bytes.
        int body = (size + 2) / 3 * 4;
        char *event = malloc((size_t)body + 128);
        int begin = sprintf(
            event, "{\"Header\":{\"Content-Type\":\"application/json\",\"Micro-Topic\":\"bench\"},\"Body\":\"");
        for (int i = 0; i < body; i++) event[begin + i] = "eHh4"[i % 4];
        memcpy(event + begin + body, "\"}", 3);
        publish(nc, event, begin + body + 2, count);
        free(event);
    } else if (strcmp(mode, "feed") == 0) {
        publish(nc, payload, size, count);
    } else if (strcmp(mode, "subscribe") == 0) {
        left = count;
        check(natsConnection_Subscribe(&sub, nc, "bench", on_message, NULL), "subscribe");
        check(natsSubscription_SetPendingLimits(sub, -1, -1), "limits");
        check(natsConnection_FlushTimeout(nc, 10000), "flush");
        double begun = cpu_seconds();
        printf("ready\n");
        fflush(stdout);
        while (__atomic_load_n(&left, __ATOMIC_ACQUIRE) > 0) pause_briefly();
        say_cpu(begun);
    } else if (strcmp(mode, "request") == 0) {
        double begun = 0;
        for (long i = 0; i < count + count / 10; i++) {
            if (i == count / 10) begun = cpu_seconds();
            natsMsg *reply = NULL;
            check(natsConnection_Request(&reply, nc, "echo", payload, size, 5000), "request");
            natsMsg_Destroy(reply);
        }
        say_cpu(begun);
    } else if (strcmp(mode, "respond") == 0) {
        check(natsConnection_Subscribe(&sub, nc, "echo", on_request, NULL), "subscribe");
        check(natsConnection_FlushTimeout(nc, 10000), "flush");
        printf("ready\n");
        fflush(stdout);
        for (;;) pause_briefly();
    } else {
        return 2;
    }
    natsSubscription_Destroy(sub);
    natsConnection_Destroy(nc);
    natsOptions_Destroy(options);
    free(payload);
    nats_Close();
    return 0;
}
