//===- StageTimes.h - How long each stage takes, and progress -------------===//
#ifndef EFFATTN_DRIVER_STAGETIMES_H
#define EFFATTN_DRIVER_STAGETIMES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mlir::effattn {

struct StageTime {
  std::string name;
  /// In seconds; `start` counts from the creation of the clock.
  double start = 0, duration = 0;
};

/// Measures stages that follow each other.
class StageTimes {
public:
  StageTimes() : origin(Clock::now()) {}

  /// Ends the running stage and starts the next one.
  void begin(llvm::StringRef name);
  void end();
  /// Seconds since the clock was created.
  double now() const;
  /// When a time of the monotonic clock was, in seconds since this clock was
  /// created.
  double since(std::chrono::nanoseconds time) const;

  /// The finished stages; call it when no other thread adds to them.
  const std::vector<StageTime> &stages() const { return finished; }
  /// The running stage, for another thread; an empty name between stages.
  StageTime running() const;

  /// A table with a line a stage and the total.
  void print(llvm::raw_ostream &os) const;

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point origin;
  std::vector<StageTime> finished;
  mutable std::mutex mutex;
  StageTime current;
};

/// Shows the running stage on a terminal once the work has taken a second, and
/// wipes its line away at the end. Does nothing when standard error is no
/// terminal.
class Progress {
public:
  explicit Progress(const StageTimes &times);
  ~Progress() { stop(); }
  /// Wipes the line; nothing is shown from then on.
  void stop();

private:
  void show();
  const StageTimes &times;
  std::mutex mutex;
  std::condition_variable wake;
  bool stopped = false, shown = false;
  std::thread thread;
};

} // namespace mlir::effattn

#endif // EFFATTN_DRIVER_STAGETIMES_H
