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
endfunction()
