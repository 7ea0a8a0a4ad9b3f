# Run by cpack before it packs: into each package's tree what Debian wants there.
set(notices /usr/share/doc/nlohmann-json3-dev/copyright /usr/share/doc/libcli11-dev/copyright)
find_program(gzip gzip REQUIRED)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} upper)
  set(name ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component}/usr/share)
  file(WRITE ${share}/doc/${name}/changelog
    "${name} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n  * Built from source.\n\n"
    " -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
  # Terms of what is compiled into the programs, by the packages that it came from.
  file(WRITE ${share}/doc/${name}/copyright
    "The Mamba compiler and its runtime. Their sources tell their terms.\n")
  foreach(notice ${notices})
    file(READ ${notice} text)
    file(APPEND ${share}/doc/${name}/copyright "\nPart of it, from ${notice}:\n\n${text}")
  endforeach()
  if(IS_DIRECTORY ${share}/zsh)
    file(RENAME ${share}/zsh/site-functions ${share}/zsh/vendor-completions)
  endif()
  file(GLOB pages ${share}/man/man1/*.1)
  execute_process(COMMAND ${gzip} -9nf ${share}/doc/${name}/changelog ${pages}
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
