// RUN: effattn-opt %s -effattn-emulate-kernels -verify-diagnostics

module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @wait() attributes {gpu.kernel, nvvm.kernel} {
      // expected-error @below {{'nvvm.barrier0' op has no emulation}}
      nvvm.barrier0
      llvm.return
    }
  }
}
