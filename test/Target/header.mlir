// RUN: effattn-translate %s -effattn-to-header -header-name=my-model > %t.h
// RUN: FileCheck %s < %t.h
// RUN: clang -x c -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only %t.h
// RUN: clang -x c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only %t.h
// RUN: cat %t.h %t.h > %t_twice.h
// RUN: clang -x c -Werror -fsyntax-only %t_twice.h
// RUN: effattn-translate %s -effattn-to-json | %python -m json.tool --compact | FileCheck %s --check-prefix=JSON

// CHECK:      #ifndef EFFATTN_GENERATED_MY_MODEL_H
// CHECK:      const char *effattn_last_error(void);
// CHECK:      /* mix
// CHECK-NEXT:  *   input 0: q f32[B, T, 64]
// CHECK-NEXT:  *   input 1: scale f32[]
// CHECK-NEXT:  *   input 2: register bool[T]
// CHECK-NEXT:  *   input 3: 1* /x bf16[T, 2]
// CHECK-NEXT:  *   input 4: state f32[U]
// CHECK-NEXT:  *   output 0: T f32[U], the next state of input 4, whose memory it may have
// CHECK-NEXT:  *   output 1: concepts f16[?, U], allocated by the function; release its data with free
// CHECK-NEXT:  */
// CHECK-NEXT: int mix(const DLTensor *const *inputs, DLTensor *const *outputs);
// CHECK-NEXT: int mix_output_shapes(const DLTensor *const *inputs, int64_t *const *shapes);
// CHECK-NEXT: int mix_plain(const float *q, float scale, const uint8_t *register_,
// CHECK-NEXT:               const uint16_t *_1__x, const float *state, float *T,
// CHECK-NEXT:               uint16_t **concepts, int64_t *concepts_sizes, int64_t B,
// CHECK-NEXT:               int64_t T_, int64_t U);
// CHECK-NEXT: extern const char mix_signature[];

// JSON: {"inputs":[{"name":"q","shape":["B","T",64],"type":"f32"},{"by_value":true,"name":"scale","shape":[],"type":"f32"},{"name":"register","shape":["T"],"type":"bool"},
// JSON-SAME: "name":"mix","outputs":[{"name":"T","shape":["U"],"state":4,"type":"f32"},{"callee_allocated":true,"name":"concepts","shape":["?","U"],"type":"f16"}]}
llvm.func @mix() attributes {effattn.signature = {
    inputs = [{name = "q", element = f32, sizes = ["B", "T", 64]},
              {name = "scale", element = f32, sizes = [], by_value},
              {name = "register", element = i1, sizes = ["T"]},
              {name = "1*/x", element = bf16, sizes = ["T", 2]},
              {name = "state", element = f32, sizes = ["U"]}],
    outputs = [{name = "T", element = f32, sizes = ["U"], state = 4},
               {name = "concepts", element = f16, sizes = ["?", "U"], callee_allocated}]}}

// C does not let a library declare main.
// CHECK:      C keeps the name main for itself
// CHECK-NOT:  int main(
// CHECK:      int main_output_shapes(
// CHECK-NEXT: int main_plain(void);
llvm.func @main() attributes {effattn.signature = {inputs = [], outputs = []}}
