# What `cmake --install` puts below a prefix, in components: runtime (no LLVM),
# devel (to compile against it), compiler. The tree may be moved as a whole.
include(CMakePackageConfigHelpers)

install(TARGETS mamba_runtime_shared EXPORT mambaTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT devel)
# Apart: it asks for the packages that the archive needs.
install(TARGETS mamba_runtime EXPORT mambaStaticTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT devel)
set_target_properties(mamba_runtime_shared PROPERTIES EXPORT_NAME runtime)
set_target_properties(mamba_runtime PROPERTIES EXPORT_NAME runtime_static)
install(FILES runtime/include/mamba/runtime.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/mamba COMPONENT devel)

set(mamba_config ${CMAKE_INSTALL_LIBDIR}/cmake/mamba)
foreach(set Targets StaticTargets)
  install(EXPORT mamba${set} NAMESPACE mamba:: DESTINATION ${mamba_config} COMPONENT devel)
endforeach()
configure_package_config_file(cmake/mambaConfig.cmake.in
  ${CMAKE_BINARY_DIR}/cmake/mambaConfig.cmake INSTALL_DESTINATION ${mamba_config}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/cmake/mambaConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_BINARY_DIR}/cmake/mambaConfig.cmake
  ${CMAKE_BINARY_DIR}/cmake/mambaConfigVersion.cmake
  DESTINATION ${mamba_config} COMPONENT devel)

# From the file's own place to the prefix, so that it may move.
file(RELATIVE_PATH MAMBA_PC_PREFIX
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" MAMBA_PC_PREFIX ${MAMBA_PC_PREFIX})
configure_file(cmake/mamba.pc.in ${CMAKE_BINARY_DIR}/cmake/mamba.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/cmake/mamba.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT devel)

# Tools that hold the compiler need LLVM's libraries; without it none does.
foreach(tool mamba-run mamba-pack mamba-tune mamba-import mamba-opt)
  if(TARGET ${tool})
    set(component runtime)
    if(MAMBA_BUILD_COMPILER AND NOT tool STREQUAL "mamba-run")
      set(component compiler)
      # LLVM's own folder, which the system may not search.
      set_target_properties(${tool} PROPERTIES INSTALL_RPATH_USE_LINK_PATH TRUE)
    endif()
    install(TARGETS ${tool} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component})
  endif()
endforeach()

install(FILES README.md runtime/pack/FORMAT.md
  DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/mamba COMPONENT runtime)
install(DIRECTORY tools/examples DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/mamba
  COMPONENT devel PATTERN CMakeLists.txt EXCLUDE)
