//===- Module.cpp - The native half of the Python package -----------------===//
#include "Compile.h"
#include "Function.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;
using namespace effattn;

NB_MODULE(_native, module) {
  nb::set_leak_warnings(false);
  keepSignalHandlers();
  module.attr("__version__") = EFFATTN_VERSION;

  nb::class_<CompiledFiles>(module, "CompiledFiles")
      .def_ro("content", &CompiledFiles::content)
      .def_ro("diagnostics", &CompiledFiles::diagnostics)
      .def_ro("json", &CompiledFiles::json)
      .def_ro("stage_times", &CompiledFiles::stageTimes);
  module.def(
      "compile",
      [](nb::bytes source, const std::string &sourceName,
         const std::string &stage, const std::string &output,
         const std::string &target, const std::string &gpu, bool gpuTf32,
         const std::string &cpu, unsigned optimization, bool openmp, bool tuned,
         bool trace, std::vector<std::string> tiling,
         const std::string &symbolPrefix, const std::string &name,
         const std::string &soname) {
        mlir::effattn::CompilerOptions options;
        options.target = mlir::effattn::readTarget(target);
        options.gpu = gpu;
        options.gpuTf32 = gpuTf32;
        options.machine.cpu = cpu;
        options.machine.optimization = optimization;
        options.openmp = openmp;
        options.tuned = tuned;
        options.trace = trace;
        options.tiling = std::move(tiling);
        options.symbolPrefix = symbolPrefix;
        options.name = name;
        options.soname = soname;
        return compile(source, sourceName, stage, output, std::move(options));
      },
      "source"_a, "source_name"_a, nb::kw_only(), "stage"_a = "",
      "output"_a = "", "target"_a = "cpu", "gpu"_a = "sm_80",
      "gpu_tf32"_a = false, "cpu"_a = "native", "optimization"_a = 3,
      "openmp"_a = true, "tuned"_a = true, "trace"_a = false,
      "tiling"_a = std::vector<std::string>(), "symbol_prefix"_a = "",
      "name"_a = "model", "soname"_a = "");
  module.def("read_tiling", &readTiling, "argument"_a);
  module.def("describe_tiling", &describeTiling, "cpu"_a, "tiling"_a);
  module.def("check_writable", &checkWritable, "path"_a);
  module.def("write_compiled", &writeCompiled, "path"_a, "files"_a);

  nb::class_<Function>(module, "Function")
      .def_prop_ro("signature", &Function::signature)
      .def(
          "describe",
          [](Function &function, std::vector<std::string> inputs,
             const std::vector<std::pair<std::pair<int, int>, int>> &outputs) {
            std::vector<Output> list;
            for (auto [type, rank] : outputs)
              list.push_back({{static_cast<uint8_t>(type.first),
                               static_cast<uint8_t>(type.second), 1},
                              rank});
            function.describe(std::move(inputs), std::move(list));
          },
          "inputs"_a, "outputs"_a)
      .def("call", &Function::call, "inputs"_a, "allocate"_a, "adopt"_a,
           "donated"_a)
      .def("take_spans", &Function::takeSpans);
  nb::class_<Library>(module, "Library")
      .def(nb::init<std::string>(), "path"_a)
      .def_prop_ro("functions", &Library::functions)
      .def("find", &Library::find, "name"_a);
}
