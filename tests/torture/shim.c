/* Lets the k-th of some system calls on files below a folder fail: loaded by LD_PRELOAD, armed by shim_arm.

   Calls have the names of shim_names; rmdir counts as unlink, creat as open. A closed descriptor is closed even when the
   call reports a failure, as Linux does. Not for programs that write from several threads. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN, WRITE, FSYNC, CLOSE, FTRUNCATE, RENAME, LINK, UNLINK, MKDIR, CALLS };
enum { KILL = -9 }; /* instead of an error: kill -9 before the call, or after half of a write */

static char below[PATH_MAX];
static int chosen = -1, place, code, is_short, armed;
static int counts[CALLS];

void shim_arm(const char *folder, int call, int k, int error, int short_write) {
    snprintf(below, sizeof below, "%s/", folder);
    chosen = call, place = k, code = error, is_short = short_write, armed = 1;
    memset(counts, 0, sizeof counts);
}

void shim_disarm(void) { armed = 0; }

int shim_count(int call) { return counts[call]; }

static int lies_below(const char *path) {
    char whole[2 * PATH_MAX];
    if (!armed || path == NULL) return 0;
    if (path[0] != '/') {
        char folder[PATH_MAX];
        if (getcwd(folder, sizeof folder) == NULL) return 0;
        snprintf(whole, sizeof whole, "%s/%s/", folder, path);
    } else {
        snprintf(whole, sizeof whole, "%s/", path);
    }
    return strncmp(whole, below, strlen(below)) == 0;
}

static int is_of_file_below(int descriptor) {
    char link[64], path[PATH_MAX];
    if (!armed) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return path[0] == '/' && lies_below(path); /* not "socket:[7]" */
}

static int is_struck(int call) {
    int struck = ++counts[call] == place && call == chosen;
    if (struck && code == KILL && call != WRITE) kill(getpid(), SIGKILL);
    return struck;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (real == NULL) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define FAIL return errno = code, -1

#define OPENING(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        if (lies_below(path) && is_struck(OPEN)) FAIL; \
        return real(path, flags, mode); \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(int, #name, int, const char *, int, ...); \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
        if ((folder == AT_FDCWD ? lies_below(path) : is_of_file_below(folder)) && is_struck(OPEN)) FAIL; \
        return real(folder, path, flags, mode); \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

ssize_t write(int descriptor, const void *content, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (is_of_file_below(descriptor) && is_struck(WRITE)) {
        if (!is_short && code != KILL) FAIL;
        if (size > 1) size /= 2;
        if (code == KILL) {
            if (real(descriptor, content, size) >= 0) kill(getpid(), SIGKILL);
        }
    }
    return real(descriptor, content, size);
}

#define ON_DESCRIPTOR(name, call) \
    int name(int descriptor) { \
        REAL(int, #name, int); \
        if (is_of_file_below(descriptor) && is_struck(call)) { if (call == CLOSE) real(descriptor); FAIL; } \
        return real(descriptor); \
    }
ON_DESCRIPTOR(fsync, FSYNC)
ON_DESCRIPTOR(fdatasync, FSYNC)
ON_DESCRIPTOR(close, CLOSE)

#define TRUNCATING(name, offset) \
    int name(int descriptor, offset size) { \
        REAL(int, #name, int, offset); \
        if (is_of_file_below(descriptor) && is_struck(FTRUNCATE)) FAIL; \
        return real(descriptor, size); \
    }
TRUNCATING(ftruncate, off_t)
TRUNCATING(ftruncate64, off64_t)

#define ON_TWO(name, call) \
    int name(const char *from, const char *to) { \
        REAL(int, #name, const char *, const char *); \
        if ((lies_below(from) || lies_below(to)) && is_struck(call)) FAIL; \
        return real(from, to); \
    }
ON_TWO(rename, RENAME)
ON_TWO(link, LINK)

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    if ((lies_below(from) || lies_below(to)) && is_struck(LINK)) FAIL;
    return real(from_folder, from, to_folder, to, flags);
}

#define ON_PATH(name) \
    int name(const char *path) { \
        REAL(int, #name, const char *); \
        if (lies_below(path) && is_struck(UNLINK)) FAIL; \
        return real(path); \
    }
ON_PATH(unlink)
ON_PATH(rmdir)

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    if ((folder == AT_FDCWD ? lies_below(path) : is_of_file_below(folder)) && is_struck(UNLINK)) FAIL;
    return real(folder, path, flags);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    if (lies_below(path) && is_struck(MKDIR)) FAIL;
    return real(path, mode);
}
