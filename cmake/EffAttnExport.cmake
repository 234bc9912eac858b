# What is installed, and the package that find_package(EffAttn) finds, in the
# build tree as in an install tree.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/effattn")
set(build_package_dir "${PROJECT_BINARY_DIR}/lib/cmake/effattn")
get_property(EFFATTN_LIBRARIES GLOBAL PROPERTY EFFATTN_LIBRARIES)
string(REPLACE ";" " " EFFATTN_LIBRARIES "${EFFATTN_LIBRARIES}")

configure_package_config_file(cmake/EffAttnConfig.cmake.in
  "${build_package_dir}/EffAttnConfig.cmake"
  INSTALL_DESTINATION "${package_dir}"
  NO_SET_AND_CHECK_MACRO)
# The C++ interface changes with every minor version.
write_basic_package_version_file("${build_package_dir}/EffAttnConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
set(package_files cmake/EffAttnFunctions.cmake cmake/effattn_lit.py)
foreach(file ${package_files})
  configure_file(${file} "${build_package_dir}" COPYONLY)
endforeach()
foreach(set EffAttnTargets EffAttnToolTargets)
  export(EXPORT ${set} FILE "${build_package_dir}/${set}.cmake")
  install(EXPORT ${set} DESTINATION "${package_dir}")
endforeach()
install(FILES
  "${build_package_dir}/EffAttnConfig.cmake"
  "${build_package_dir}/EffAttnConfigVersion.cmake"
  ${package_files}
  DESTINATION "${package_dir}")

install(DIRECTORY include/effattn DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h" PATTERN "*.td")
install(DIRECTORY "${PROJECT_BINARY_DIR}/include/effattn"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h.inc" PATTERN "CMakeFiles" EXCLUDE)
# Scripts that begin a project, and write the checks of its tests.
set(scripts tools/dev/generate_checks.py tools/dev/new_mask.py
  tools/dev/new_op.py tools/dev/new_pass.py)
set(scripts_dir "${CMAKE_INSTALL_DATADIR}/effattn")
install(PROGRAMS ${scripts} DESTINATION "${scripts_dir}")
install(FILES tools/dev/skeleton.py DESTINATION "${scripts_dir}")
install(DIRECTORY tools/dev/templates DESTINATION "${scripts_dir}")
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/share")
file(CREATE_LINK "${PROJECT_SOURCE_DIR}/tools/dev"
  "${PROJECT_BINARY_DIR}/share/effattn" SYMBOLIC)

install(FILES CHANGELOG.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs/design docs/tutorials DESTINATION "${CMAKE_INSTALL_DOCDIR}")
