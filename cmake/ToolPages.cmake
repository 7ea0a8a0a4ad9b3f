# Man pages and completion of the tools, written by the tools themselves, so they
# say what --help says. Programs for another machine are not run.
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  return()
endif()

# mamba_tool_pages(<tool> <component>): writes and installs those of a tool.
function(mamba_tool_pages tool component)
  set(pages ${CMAKE_BINARY_DIR}/share)
  set(man man/man1/${tool}.1)
  set(bash bash-completion/completions/${tool})
  set(zsh zsh/site-functions/_${tool})
  set(fish fish/vendor_completions.d/${tool}.fish)
  set(outputs)
  foreach(page ${man} ${bash} ${zsh} ${fish})
    get_filename_component(folder ${page} DIRECTORY)
    file(MAKE_DIRECTORY ${pages}/${folder})
    list(APPEND outputs ${pages}/${page})
    install(FILES ${pages}/${page} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/${folder}
      COMPONENT ${component})
  endforeach()
  add_custom_command(OUTPUT ${outputs}
    COMMAND ${tool} --help-man > ${pages}/${man}
    COMMAND ${tool} --completion=bash > ${pages}/${bash}
    COMMAND ${tool} --completion=zsh > ${pages}/${zsh}
    COMMAND ${tool} --completion=fish > ${pages}/${fish}
    DEPENDS ${tool} COMMENT "Man page and completion of ${tool}" VERBATIM)
  add_custom_target(${tool}-pages ALL DEPENDS ${outputs})
endfunction()

foreach(tool mamba-run mamba-pack mamba-tune mamba-import mamba-opt)
  if(TARGET ${tool})
    set(component runtime)
    if(MAMBA_BUILD_COMPILER AND NOT tool STREQUAL "mamba-run")
      set(component compiler)
    endif()
    mamba_tool_pages(${tool} ${component})
  endif()
endforeach()
