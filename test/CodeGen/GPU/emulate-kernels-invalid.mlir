// RUN: effattn-opt %s -effattn-emulate-kernels -verify-diagnostics -split-input-file

module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @wait() attributes {gpu.kernel, nvvm.kernel} {
      // expected-error @below {{'nvvm.cluster.wait' op has no emulation}}
      nvvm.cluster.wait
      llvm.return
    }
  }
}

// -----

module attributes {gpu.container_module} {
  gpu.module @kernels {
    llvm.func @wait_for_some(%number: i32, %threads: i32) attributes {gpu.kernel, nvvm.kernel} {
      // expected-error @below {{'nvvm.barrier' op has no emulation}}
      nvvm.barrier id = %number number_of_threads = %threads
      llvm.return
    }
  }
}
