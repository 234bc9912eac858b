//===- StageTimes.cpp - How long each stage takes, and progress -----------===//
#include "effattn/Driver/StageTimes.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/Process.h"

#include <unistd.h>

using namespace mlir::effattn;

double StageTimes::now() const {
  return std::chrono::duration<double>(Clock::now() - origin).count();
}

// libstdc++ and libc++ take their steady clock from CLOCK_MONOTONIC.
double StageTimes::since(std::chrono::nanoseconds time) const {
  return std::chrono::duration<double>(Clock::time_point(time) - origin)
      .count();
}

void StageTimes::begin(llvm::StringRef name) {
  end();
  std::lock_guard<std::mutex> lock(mutex);
  current = {name.str(), now(), 0};
}

void StageTimes::end() {
  std::lock_guard<std::mutex> lock(mutex);
  if (current.name.empty())
    return;
  current.duration = now() - current.start;
  finished.push_back(std::move(current));
  current = {};
}

StageTime StageTimes::running() const {
  std::lock_guard<std::mutex> lock(mutex);
  return current;
}

void StageTimes::print(llvm::raw_ostream &os) const {
  double total = 0;
  os << "stage           seconds\n";
  for (const StageTime &stage : finished) {
    total += stage.duration;
    os << llvm::format("%-14s %8.4f\n", stage.name.c_str(), stage.duration);
  }
  os << llvm::format("%-14s %8.4f\n", "total", total);
}

Progress::Progress(const StageTimes &times) : times(times) {
  if (llvm::sys::Process::StandardErrIsDisplayed())
    thread = std::thread([this] { show(); });
}

void Progress::show() {
  using namespace std::chrono_literals;
  std::unique_lock<std::mutex> lock(mutex);
  for (auto wait = 1000ms; !wake.wait_for(lock, wait, [&] { return stopped; });
       wait = 200ms) {
    StageTime stage = times.running();
    if (stage.name.empty())
      continue;
    char line[120];
    int length = std::snprintf(line, sizeof line, "\r\033[K%s, %.0f s",
                               stage.name.c_str(), times.now());
    shown = ::write(STDERR_FILENO, line, length) > 0;
  }
}

void Progress::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopped = true;
  }
  wake.notify_all();
  if (thread.joinable())
    thread.join();
  if (std::exchange(shown, false))
    (void)!::write(STDERR_FILENO, "\r\033[K", 4);
}
