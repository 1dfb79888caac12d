// Stands between the managed code of a test's keelson and libc: any call site of PID 1 can be told to fail.
//
// The constraint: the code under test is the product's own object file, byte for byte; only its calls of libc are sent here
// (Faults.targets), those of the runtime are not. C, because managed code can't run where it has just left its runtime. The
// scheme: a file that the test maps as well holds what is to fail, and takes down each call site that was passed. A site is
// the libc function with the stack of managed code that leads to it, so that it is the same one in the next run.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#define FRAMES 24
#define SITES 4096
#define PHASES 4

// Pinned by FaultFile.cs.
struct site {
  uint64_t hash;
  char function[48];
  uint32_t calls[PHASES];
  uint32_t second, third; // arguments, of the first call
  uint64_t frames[FRAMES];
};

struct file {
  volatile uint32_t phase;  // 0 boot, 1 run, 2 stop: the test's to say
  volatile uint32_t depth;  // how many frames make a site
  volatile uint64_t target; // the site that fails, 0 for none
  volatile uint32_t error;  // with what
  volatile uint32_t in;     // in which phase
  volatile uint32_t times;  // how often, at most
  volatile uint32_t hits;   // how often it did
  volatile uint32_t count;  // of sites
  volatile uint32_t lost;   // sites beyond the last that has room
  volatile uint64_t calls;  // of all sites
  struct site sites[SITES];
};

static struct file *file;

extern char __start___managedcode[], __stop___managedcode[];

struct walk {
  uint64_t frames[FRAMES];
  uint32_t count;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *argument) {
  struct walk *walk = argument;
  char *at = (char *)_Unwind_GetIP(context);
  if (at >= __start___managedcode && at < __stop___managedcode)
    walk->frames[walk->count++] = (uint64_t)at;
  return walk->count < FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

__attribute__((constructor)) static void begin(void) {
  if (getpid() != 1)
    return;
  int fd = open("/opt/keelson/faults", O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return;
  void *mapped = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED)
    file = mapped;
}

/// What the call is to fail with, 0 for a call that goes on.
static int fault(const char *function, long second, long third) {
  if (!file)
    return 0;
  int before = errno;
  struct walk walk = {.count = 0};
  _Unwind_Backtrace(step, &walk);
  uint64_t hash = 14695981039346656037u;
  for (const char *c = function; *c; c++)
    hash = (hash ^ (unsigned char)*c) * 1099511628211u;
  for (uint32_t i = 0; i < walk.count && i < file->depth; i++)
    hash = (hash ^ walk.frames[i]) * 1099511628211u;
  uint32_t phase = file->phase % PHASES;
  file->calls++;
  uint32_t i = 0;
  while (i < file->count && file->sites[i].hash != hash)
    i++;
  if (i == SITES) {
    file->lost++;
  } else {
    struct site *site = &file->sites[i];
    if (i == file->count) {
      site->hash = hash;
      strncpy(site->function, function, sizeof site->function - 1);
      site->second = (uint32_t)second;
      site->third = (uint32_t)third;
      memcpy(site->frames, walk.frames, walk.count * sizeof walk.frames[0]);
      file->count = i + 1;
    }
    site->calls[phase]++;
  }
  errno = before;
  if (hash != file->target || phase != file->in || file->hits >= file->times)
    return 0;
  file->hits++;
  return file->error;
}

// These have their error as the result instead of in errno.
static int returns_error(const char *function) { return !strncmp(function, "posix_", 6) || !strncmp(function, "pthread_", 8); }

// Six words are the most that any of them takes, and none of them takes or gives anything but words and pointers. close(2)
// closes whatever it says.
#define FUNCTION(name)                                                                     \
  extern long real_##name(long, long, long, long, long, long) __asm__(#name);              \
  long faulty_##name(long a, long b, long c, long d, long e, long f) {                     \
    int error = fault(#name, b, c);                                                        \
    if (!error)                                                                            \
      return real_##name(a, b, c, d, e, f);                                                \
    if (!strcmp(#name, "close"))                                                           \
      real_##name(a, b, c, d, e, f);                                                       \
    errno = error;                                                                         \
    return returns_error(#name) ? error : -1;                                              \
  }
#include "functions.h"
