# `cpack -G DEB` in a build folder: mamba-runtime (mamba-run and the library; in a
# build without the compiler mamba-pack and mamba-tune too), libmamba-dev and, with
# the compiler, mamba-compiler. A machine of its own builds the first without LLVM.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mamba)
set(CPACK_PACKAGE_VENDOR "Mamba compiler")
set(CPACK_PACKAGE_CONTACT "Mamba compiler developers <mamba@localhost>" CACHE STRING
  "Who maintains the packages, with a mail address")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime devel)
if(MAMBA_BUILD_COMPILER)
  list(APPEND CPACK_COMPONENTS_ALL compiler)
endif()
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
foreach(component ${CPACK_COMPONENTS_ALL})
  set(CPACK_COMPONENT_${component}_GROUP ${component})
endforeach()

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
if(CMAKE_CROSSCOMPILING AND CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME mamba-runtime)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION science)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/cmake/debian/triggers)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "runs Mamba models from kernel packs
The runtime of the Mamba compiler: mamba-run, which generates and scores text
with a kernel pack, and the library that programs embed. It needs neither LLVM
nor Python; an NVIDIA GPU is used where its driver is installed.")

set(CPACK_DEBIAN_DEVEL_PACKAGE_NAME libmamba-dev)
set(CPACK_DEBIAN_DEVEL_PACKAGE_SECTION libdevel)
# The archive and its pkg-config file ask for these.
set(CPACK_DEBIAN_DEVEL_PACKAGE_DEPENDS "mamba-runtime (= ${PROJECT_VERSION}), \
libpcre2-dev, libutf8proc-dev, libzstd-dev, libmd-dev")
set(CPACK_DEBIAN_DEVEL_DESCRIPTION "runtime of the Mamba compiler, development files
The C header, the static library, and the files by which CMake and pkg-config
find them, to run Mamba models in programs of one's own.")

set(CPACK_DEBIAN_COMPILER_PACKAGE_NAME mamba-compiler)
set(CPACK_DEBIAN_COMPILER_PACKAGE_SECTION science)
set(CPACK_DEBIAN_COMPILER_PACKAGE_DEPENDS "mamba-runtime (= ${PROJECT_VERSION})")
# A mamba-runtime that was built without LLVM brings a mamba-pack that cannot build.
set(CPACK_DEBIAN_COMPILER_PACKAGE_REPLACES mamba-runtime)
set(CPACK_DEBIAN_COMPILER_DESCRIPTION "compiles Mamba checkpoints to kernel packs
mamba-pack makes a kernel pack of a checkpoint for CPUs and NVIDIA GPUs,
mamba-tune finds the best schedules of its kernels, mamba-import and mamba-opt
show what happens in between. Built on LLVM and MLIR.")

# Called with each package's folder: what Debian wants to find there.
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/DebianFiles.cmake)
include(CPack)
