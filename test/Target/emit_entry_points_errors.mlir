// RUN: effattn-opt %s -split-input-file -verify-diagnostics -effattn-emit-entry-points

// expected-error @below {{expected the name of a public function to be an identifier of C, but got "a.b"}}
llvm.func @a.b() attributes {effattn.signature = {inputs = [], outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': expected an array 'inputs'}}
llvm.func @no_inputs() attributes {effattn.signature = {outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': input 0: expected a name}}
llvm.func @no_name() attributes {effattn.signature = {inputs = [{element = f32, sizes = []}], outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': input 0 'x': expected an element type with a counterpart in DLPack, but got 'i7'}}
llvm.func @odd_type() attributes {effattn.signature = {inputs = [{name = "x", element = i7, sizes = []}], outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': input 0 'x': expected every size to be an integer or a symbol, but got 1.0}}
llvm.func @odd_size() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = [1.0]}], outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': input 0 'x': expected every size of an input to be known or a symbol, but got "?"}}
llvm.func @unknown_input() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = ["?"]}], outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': input 0 'x': expected sizes that are not negative, but got -2}}
llvm.func @negative_size() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = [-2]}], outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': input 0 'x': unknown key "stat"}}
llvm.func @unknown_key() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = [], stat = 0}], outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': input 0 'x': only an input of rank 0 can be 'by_value'}}
llvm.func @tensor_by_value() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = [2], by_value}], outputs = []}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': output 0 'y': an output is 'callee_allocated' exactly when one of its sizes is "?"}}
llvm.func @needless_allocation() attributes {effattn.signature = {inputs = [], outputs = [{name = "y", element = f32, sizes = [2], callee_allocated}]}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': output 0 'y': there is no input 1 that it could succeed}}
llvm.func @no_such_state() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = [2]}], outputs = [{name = "y", element = f32, sizes = [2], state = 1}]}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': output 0 'y': expected the type of the state it succeeds, f32[2], but got f32[B]}}
llvm.func @other_state() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = [2]}], outputs = [{name = "y", element = f32, sizes = ["B"], state = 0}]}} {
  llvm.return
}

// -----

// expected-error @below {{'effattn.signature': output 1 'z': succeeds input 0 'x' as output 'y' does}}
llvm.func @two_successors() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = [2]}], outputs = [{name = "y", element = f32, sizes = [2], state = 0}, {name = "z", element = f32, sizes = [2], state = 0}]}} {
  llvm.return
}

// -----

// expected-error @below {{expected a body and a wrapper made by 'llvm.emit_c_interface'}}
llvm.func @no_wrapper() attributes {effattn.signature = {inputs = [], outputs = []}} {
  llvm.return
}

// -----

llvm.func @other_arguments() attributes {effattn.signature = {inputs = [{name = "x", element = f32, sizes = [], by_value}], outputs = []}} {
  llvm.return
}
// expected-error @below {{expected the type}}
llvm.func @_mlir_ciface_other_arguments(%x: f64) -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}

// -----

// expected-error @below {{expected a function @no_sizes_sizes with 'llvm.emit_c_interface', as no input has the size U of output 'y'}}
llvm.func @no_sizes() attributes {effattn.signature = {inputs = [], outputs = [{name = "y", element = f32, sizes = ["U"]}]}} {
  llvm.return
}
llvm.func @_mlir_ciface_no_sizes(%y: !llvm.ptr) -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}

// -----

// expected-error @below {{needs the name @f_plain for its C functions, but the module has it already}}
llvm.func @f() attributes {effattn.signature = {inputs = [], outputs = []}} {
  llvm.return
}
llvm.func @_mlir_ciface_f() -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}
llvm.func @f_plain() {
  llvm.return
}

// -----

// The compiled code may call tanhf: it must not find itself.
// expected-error @below {{needs the name @tanhf for its C functions, but it is a name of the C library; use another name or a symbol prefix}}
llvm.func @tanhf() attributes {effattn.signature = {inputs = [], outputs = []}} {
  llvm.return
}
llvm.func @_mlir_ciface_tanhf() -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}

// -----

// expected-error @below {{needs the name @effattn_call for its C functions, but it is a name of the support code of effattn; use another name or a symbol prefix}}
llvm.func @effattn_call() attributes {effattn.signature = {inputs = [], outputs = []}} {
  llvm.return
}
llvm.func @_mlir_ciface_effattn_call() -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}

// -----

// expected-error @below {{needs the name @omp_get_wtime for its C functions, but it is a name of the OpenMP runtime; use another name or a symbol prefix}}
llvm.func @omp_get_wtime() attributes {effattn.signature = {inputs = [], outputs = []}} {
  llvm.return
}
llvm.func @_mlir_ciface_omp_get_wtime() -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}

// -----

// expected-error @below {{needs the name @__kmpc_fork_call for its C functions, but it is a name of the compiler and its runtimes; use another name or a symbol prefix}}
llvm.func @__kmpc_fork_call() attributes {effattn.signature = {inputs = [], outputs = []}} {
  llvm.return
}
llvm.func @_mlir_ciface___kmpc_fork_call() -> i32 {
  %0 = llvm.mlir.constant(0 : i32) : i32
  llvm.return %0 : i32
}
