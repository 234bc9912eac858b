//===- LargeStack.cpp - Room for input that nests deeply ------------------===//
#include "effattn/Driver/LargeStack.h"

#include <pthread.h>

using Work = llvm::function_ref<void()>;

static void *run(void *work) {
  (*static_cast<Work *>(work))();
  return nullptr;
}

void mlir::effattn::runOnLargeStack(Work work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  bool started = false;
  for (size_t size : {size_t(1) << 30, size_t(1) << 28, size_t(1) << 26}) {
    started = !pthread_attr_setstacksize(&attributes, size) &&
              !pthread_create(&thread, &attributes, run, &work);
    if (started)
      break;
  }
  pthread_attr_destroy(&attributes);
  if (started)
    pthread_join(thread, nullptr);
  else
    work();
}
