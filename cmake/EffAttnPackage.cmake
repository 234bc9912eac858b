# `cpack -G DEB` in the build tree makes a Debian package of what is installed.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME effattn)
set(CPACK_PACKAGE_VENDOR effattn)
set(CPACK_PACKAGE_CONTACT "The effattn authors <maintainers@effattn.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "compiler of efficient attention")
set(CPACK_PACKAGE_DESCRIPTION
  "The MLIR dialect effattn: its compiler and tools, the libraries and headers \
to build on, scripts that begin passes, ops and masks, and the documentation.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE
  GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
# The libraries that are linked. dpkg-shlibdeps does not find out where libLLVM
# is from: the link beside libMLIR belongs to a package for development.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS libllvm${LLVM_VERSION_MAJOR})
# For shared libraries and OpenMP, headers of compiled models, own plugins and
# own tests.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS
  "libomp-22-dev, lld-22, libdlpack-dev, libmlir-22-dev, mlir-22-tools, llvm-22-tools")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" RENAME copyright)
include(CPack)
