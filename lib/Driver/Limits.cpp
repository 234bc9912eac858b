//===- Limits.cpp - Time and memory that a tool may take ------------------===//
#include "effattn/Driver/Limits.h"
#include "effattn/Target/EmitFile.h"
#include "effattn/Target/RunProgram.h"

#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

using namespace llvm;
using namespace mlir::effattn;

/// Written in advance: where they are needed, nothing can be allocated.
static char outOfTime[200], outOfMemory[200];

/// Ends the tool from a signal handler, or from within an allocation.
[[noreturn]] static void stop(const char *sentence) {
  StringRef eraseProgress = "\r\033[K";
  if (::isatty(STDERR_FILENO))
    (void)!::write(STDERR_FILENO, eraseProgress.data(), eraseProgress.size());
  (void)!::write(STDERR_FILENO, sentence, std::strlen(sentence));
  stopProgram();
  removeTemporaries();
  ::_exit(1);
}

/// Seconds of the clock on the wall.
static void limitTime(const char *tool, double seconds) {
  std::snprintf(outOfTime, sizeof outOfTime,
                "%s: not done after %g s, the limit of --timeout\n", tool,
                seconds);
  struct sigaction action = {};
  action.sa_handler = [](int) { stop(outOfTime); };
  ::sigaction(SIGALRM, &action, nullptr);
  sigset_t alarms;
  ::sigemptyset(&alarms);
  ::sigaddset(&alarms, SIGALRM);
  ::pthread_sigmask(SIG_UNBLOCK, &alarms, nullptr);

  // Rounded up: a timer of nothing would never end.
  auto microseconds = int64_t(std::min(seconds, 1e9) * 1e6) + 1;
  itimerval timer = {};
  timer.it_value.tv_sec = microseconds / 1000000;
  timer.it_value.tv_usec = microseconds % 1000000;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

/// Pages of private memory that the process can write, as the kernel counts
/// them for RLIMIT_DATA.
static unsigned long countDataPages() {
  std::ifstream counts("/proc/self/statm");
  unsigned long pages = 0;
  for (int column = 0; column < 6; ++column)
    counts >> pages;
  return counts ? pages : 0;
}

/// MiB beyond what the process has now: its stack, which is reserved as a
/// whole, and what its libraries made when they were loaded.
static void limitMemory(const char *tool, double mebibytes) {
  rlimit limit;
  ::getrlimit(RLIMIT_DATA, &limit);
  auto bytes = rlim_t(std::min(mebibytes, 1e9) * (1 << 20)) +
               countDataPages() * ::sysconf(_SC_PAGESIZE);
  if (bytes >= limit.rlim_cur)
    return; // a limit that the process has already is lower
  limit.rlim_cur = bytes;
  ::setrlimit(RLIMIT_DATA, &limit);
  std::snprintf(
      outOfMemory, sizeof outOfMemory,
      "%s: needs more than %g MiB of memory, the limit of --max-memory\n", tool,
      mebibytes);
}

void mlir::effattn::endIfOutOfMemory() {
  // More than malloc adds to its heap at once.
  void *memory = ::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    stop(outOfMemory);
  ::munmap(memory, 1 << 20);
}

bool LimitFlags::Parser::parse(cl::Option &option, StringRef /*name*/,
                               StringRef text, double &value) {
  if (text.getAsDouble(value) || !(value > 0))
    return option.error("expected a number above 0, but got '" + text + "'");
  return false;
}

LimitFlags::LimitFlags(const char *program, cl::OptionCategory &category)
    : timeout("timeout", cl::value_desc("seconds"), cl::cat(category),
              cl::desc("End with an error when not done after this time "
                       "(default: no limit)"),
              cl::cb<void, double>(
                  [tool = sys::path::filename(program).str()](double seconds) {
                    limitTime(tool.c_str(), seconds);
                  })),
      memory("max-memory", cl::value_desc("MiB"), cl::cat(category),
             cl::desc("End with an error when more memory than this is needed "
                      "(default: no limit)"),
             cl::cb<void, double>(
                 [tool = sys::path::filename(program).str()](double mebibytes) {
                   limitMemory(tool.c_str(), mebibytes);
                 })) {
  std::snprintf(outOfMemory, sizeof outOfMemory, "%s: out of memory\n",
                sys::path::filename(program).str().c_str());
  std::set_new_handler([] { stop(outOfMemory); });
  install_bad_alloc_error_handler(
      [](void *, const char *, bool) { stop(outOfMemory); });
  // Comes before the handlers that print stacks.
  sys::AddSignalHandler([](void *) { endIfOutOfMemory(); }, nullptr);
}
