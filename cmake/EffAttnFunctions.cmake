# What a project that found effattn can call.

# effattn_add_object(TARGET FILE.mlir [OPTION...])
#
# Compiles FILE.mlir with effattn-compile and the options (-O2, --threads=none,
# ...), and makes a library TARGET to link: the object, what it needs, and the
# folder of its header TARGET.h. Options may not choose the output or its kind.
function(effattn_add_object target source)
  get_filename_component(source "${source}" ABSOLUTE)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}.effattn")
  set(object "${folder}/${target}.o")
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${object}" "${folder}/${target}.h" "${folder}/${target}.json"
    COMMAND effattn-compile "${source}" -o "${object}" ${ARGN}
    DEPENDS "${source}" effattn-compile VERBATIM
    COMMENT "Compiling ${target} with effattn")
  add_library(${target} STATIC "${object}")
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  set_source_files_properties("${object}" PROPERTIES
    EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_link_libraries(${target} INTERFACE m)
  if(NOT "--threads=none" IN_LIST ARGN)
    find_library(EFFATTN_OPENMP_LIBRARY NAMES omp libomp.so.5
      HINTS "${EFFATTN_LLVM_LIBRARY_DIR}")
    if(NOT EFFATTN_OPENMP_LIBRARY)
      message(FATAL_ERROR "libomp was not found: install libomp-22-dev, or "
        "give effattn_add_object the option --threads=none")
    endif()
    target_link_libraries(${target} INTERFACE "${EFFATTN_OPENMP_LIBRARY}")
  endif()
  find_path(EFFATTN_DLPACK_INCLUDE_DIR dlpack/dlpack.h)
  if(NOT EFFATTN_DLPACK_INCLUDE_DIR)
    message(FATAL_ERROR "dlpack/dlpack.h was not found: install libdlpack-dev, "
      "or set EFFATTN_DLPACK_INCLUDE_DIR")
  endif()
  target_include_directories(${target} INTERFACE
    "${folder}" "${EFFATTN_DLPACK_INCLUDE_DIR}")
endfunction()

# effattn_add_pass_plugin(TARGET SOURCE...)
#
# Builds TARGET.so for `effattn-opt --load-pass-plugin`. It links nothing: MLIR
# and effattn are in the tool that loads it, and a second copy of effattn's
# libraries would make types of its own.
function(effattn_add_pass_plugin target)
  if(NOT EffAttn_Libraries_FOUND)
    message(FATAL_ERROR "${EffAttn_NOT_FOUND_MESSAGE}")
  endif()
  add_library(${target} MODULE ${ARGN})
  set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so")
  target_compile_features(${target} PRIVATE cxx_std_17)
  target_include_directories(${target} PRIVATE ${EFFATTN_INCLUDE_DIRS})
  target_include_directories(${target} SYSTEM PRIVATE
    ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_definitions(${target} PRIVATE ${EFFATTN_LLVM_DEFINITIONS})
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${target} PRIVATE -fno-rtti)
  endif()
  set_target_properties(${target} PROPERTIES
    EFFATTN_PLUGIN_FLAGS --load-pass-plugin)
endfunction()

# effattn_add_dialect_plugin(TARGET DIALECT FILE.td SOURCE...)
#
# Builds TARGET.so for `effattn-opt --load-dialect-plugin`, and also for
# --load-pass-plugin: it has the functions that both look for. From FILE.td,
# which defines DIALECT and its ops and can build on effattn's definitions,
# mlir-tblgen writes FILEDialect.h.inc, FILEDialect.cpp.inc, FILE.h.inc and
# FILE.cpp.inc.
function(effattn_add_dialect_plugin target dialect definitions)
  effattn_add_pass_plugin(${target} ${ARGN})
  list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
  include(TableGen)
  include(AddLLVM)
  include(AddMLIR)
  get_filename_component(name "${definitions}" NAME_WE)
  set(LLVM_TARGET_DEFINITIONS "${definitions}")
  set(includes EXTRA_INCLUDES ${EFFATTN_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  mlir_tablegen(${name}Dialect.h.inc -gen-dialect-decls -dialect=${dialect} ${includes})
  mlir_tablegen(${name}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect} ${includes})
  mlir_tablegen(${name}.h.inc -gen-op-decls ${includes})
  mlir_tablegen(${name}.cpp.inc -gen-op-defs ${includes})
  add_public_tablegen_target(${target}IncGen)
  add_dependencies(${target} ${target}IncGen)
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
  set_property(TARGET ${target} APPEND PROPERTY
    EFFATTN_PLUGIN_FLAGS --load-dialect-plugin)
endfunction()

# effattn_add_lit_suite(TARGET FOLDER [PLUGINS target...] [DEPENDS target...])
#
# Makes a target that runs lit on the tests (*.mlir, *.test) in FOLDER. They
# find effattn's tools, FileCheck and mlir-opt, and the flags that load PLUGINS
# in %plugins; a lit.cfg.py in FOLDER can change the configuration.
function(effattn_add_lit_suite target folder)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "" "" "PLUGINS;DEPENDS")
  get_filename_component(llvm_tools "${EFFATTN_LLVM_LIBRARY_DIR}/../bin" ABSOLUTE)
  find_program(EFFATTN_LIT NAMES lit llvm-lit HINTS "${llvm_tools}")
  if(NOT EFFATTN_LIT OR NOT EXISTS "${llvm_tools}/FileCheck")
    message(FATAL_ERROR "lit and FileCheck were not found: install llvm-22-tools")
  endif()
  get_filename_component(source "${folder}" ABSOLUTE)
  set(suite "${CMAKE_CURRENT_BINARY_DIR}/${target}.lit")
  set(plugins "")
  foreach(plugin ${ARG_PLUGINS})
    get_target_property(flags ${plugin} EFFATTN_PLUGIN_FLAGS)
    foreach(flag ${flags})
      string(APPEND plugins " ${flag}=$<TARGET_FILE:${plugin}>")
    endforeach()
  endforeach()
  file(GENERATE OUTPUT "${suite}/lit.site.cfg.py" CONTENT "\
import os
import sys

sys.path.insert(0, '${CMAKE_CURRENT_FUNCTION_LIST_DIR}')
import effattn_lit

config.name = '${PROJECT_NAME}'
effattn_lit.configure(config, '${source}', '${suite}',
                      ['$<TARGET_FILE_DIR:effattn-opt>', '${llvm_tools}'], '${plugins}')
if os.path.exists('${source}/lit.cfg.py'):
    lit_config.load_config(config, '${source}/lit.cfg.py')
")
  add_custom_target(${target}
    COMMAND "${EFFATTN_LIT}" -sv "${suite}"
    DEPENDS ${ARG_PLUGINS} ${ARG_DEPENDS} VERBATIM USES_TERMINAL
    COMMENT "Running the tests in ${folder}")
endfunction()
