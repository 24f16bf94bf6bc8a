// Tells Thread Sanitizer what Swift's libraries do, which aren't built for it; scripts/sanitize preloads this. Without it
// what follows is reported as a race.
//
// - A Mutex that has to be waited for. Without a contender the lock is atomics that are compiled into our code, which the
//   sanitizer sees; the rest is in the library Synchronization.
// - A continuation that was resumed before its task waits for it. The runtime tells the sanitizer of the resumption, but
//   not of the wait that then needs none.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Of the sanitizer's runtime, which is in the program. Foreign programs that tests start don't have it.
__attribute__((weak)) void __tsan_acquire(void *);
__attribute__((weak)) void __tsan_release(void *);

SWIFT void lock(uint32_t thread, SELF handle) __asm__(LOCK);
SWIFT void unlock(SELF handle) __asm__(UNLOCK);

__attribute__((weak)) SWIFT void *swift_task_getCurrent(void);

SWIFT void lock(uint32_t thread, SELF handle) {
    static SWIFT void (*next)(uint32_t, SELF);
    if (!next) next = (SWIFT void (*)(uint32_t, SELF))dlsym(RTLD_NEXT, LOCK);
    next(thread, handle);
    if (__tsan_acquire) __tsan_acquire(handle);
}

SWIFT void unlock(SELF handle) {
    static SWIFT void (*next)(SELF);
    if (!next) next = (SWIFT void (*)(SELF))dlsym(RTLD_NEXT, UNLOCK);
    if (__tsan_release) __tsan_release(handle);
    next(handle);
}

__attribute__((swiftasynccall)) void swift_continuation_await(void *context) {
    static __attribute__((swiftasynccall)) void (*next)(void *);
    if (!next) next = (__attribute__((swiftasynccall)) void (*)(void *))dlsym(RTLD_NEXT, "swift_continuation_await");
    if (__tsan_acquire) __tsan_acquire(swift_task_getCurrent());
    __attribute__((musttail)) return next(context);
}
