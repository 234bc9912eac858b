# One way to declare a library or a tool of the project: everything links the
# MLIR and LLVM dylibs, and nothing links their static libraries beside them.

add_custom_target(effattn-headers)

# What the compilation of every file of C++ has in common.
function(_effattn_compile_options name)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${name} PRIVATE -fno-rtti)
  endif()
  target_compile_options(${name} PRIVATE
    $<BUILD_INTERFACE:$<TARGET_PROPERTY:effattn_options,INTERFACE_COMPILE_OPTIONS>>)
endfunction()

# Parsing MLIR's headers would take most of the time of a build, so it is done
# once: a file then takes a fifth of the time in the mean. Source files name the
# headers they use all the same: test/Dev/new_in_tree_builds.test, a long one,
# builds with CMAKE_DISABLE_PRECOMPILE_HEADERS.
set(precompiled_headers
  <mlir/Dialect/Arith/IR/Arith.h>
  <mlir/Dialect/Bufferization/IR/Bufferization.h>
  <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/GPU/IR/GPUDialect.h>
  <mlir/Dialect/LLVMIR/NVVMDialect.h>
  <mlir/Dialect/Linalg/IR/Linalg.h>
  <mlir/Dialect/Math/IR/Math.h>
  <mlir/Dialect/MemRef/IR/MemRef.h>
  <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/Dialect/Tensor/IR/Tensor.h>
  <mlir/Dialect/Vector/IR/VectorOps.h>
  <mlir/IR/PatternMatch.h>
  <mlir/IR/Remarks.h>
  <mlir/Pass/Pass.h>)
file(WRITE "${PROJECT_BINARY_DIR}/precompiled.cpp" "")
add_library(effattn-precompiled OBJECT "${PROJECT_BINARY_DIR}/precompiled.cpp")
_effattn_compile_options(effattn-precompiled)
target_precompile_headers(effattn-precompiled PRIVATE ${precompiled_headers})
# Precompiled headers hold the path of the build tree. For ccache they are what
# they are made from, so that another tree finds what this one has compiled, but
# they are not kept themselves. It knows the path behind -include, but none of
# those that CMake passes behind -Xclang.
set_target_properties(effattn-precompiled PROPERTIES CXX_COMPILER_LAUNCHER "")
set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -include <PCH_HEADER>)
file(TIMESTAMP "${MLIR_DIR}/MLIRConfig.cmake" mlir_timestamp UTC)
file(WRITE
  "${PROJECT_BINARY_DIR}/CMakeFiles/effattn-precompiled.dir/cmake_pch.hxx.pch.sum"
  "${precompiled_headers} ${LLVM_PACKAGE_VERSION} ${mlir_timestamp}")

# effattn_add_library(NAME source... [LINK other project libraries...])
function(effattn_add_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  _effattn_compile_options(${name})
  target_precompile_headers(${name} REUSE_FROM effattn-precompiled)
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${name} PUBLIC cxx_std_17)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  add_dependencies(${name} effattn-headers)
  set_property(GLOBAL APPEND PROPERTY EFFATTN_LIBRARIES ${name})
  install(TARGETS ${name} EXPORT EffAttnTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# effattn_add_tool(NAME source... [LINK project libraries...])
function(effattn_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE
    $<TARGET_PROPERTY:effattn_options,INTERFACE_COMPILE_OPTIONS>)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
  install(TARGETS ${name} EXPORT EffAttnToolTargets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()
