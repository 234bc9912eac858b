# One way to declare a library or a tool of the project: everything links the
# MLIR and LLVM dylibs, and nothing links their static libraries beside them.

add_custom_target(effattn-headers)

# effattn_add_library(NAME source... [LINK other project libraries...])
function(effattn_add_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${name} PRIVATE -fno-rtti)
  endif()
  target_compile_options(${name} PRIVATE
    $<BUILD_INTERFACE:$<TARGET_PROPERTY:effattn_options,INTERFACE_COMPILE_OPTIONS>>)
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
