# Finds LLVM/MLIR 22 and offers mamba_tablegen() and mamba_mlir_library().
if(NOT MLIR_DIR)
  set(MLIR_DIR /usr/lib/llvm-22/lib/cmake/mlir CACHE PATH "")
endif()
find_package(MLIR CONFIG)
if(NOT MLIR_FOUND)
  message(FATAL_ERROR "MLIR 22 was not found in ${MLIR_DIR}: install llvm-22-dev, libmlir-22-dev "
    "and mlir-22-tools, or configure with -DMAMBA_BUILD_COMPILER=OFF for the runtime alone")
endif()
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "LLVM 22 is needed, ${LLVM_VERSION} was found in ${LLVM_DIR}")
endif()
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
set(LLVM_EXTERNAL_LIT ${LLVM_TOOLS_BINARY_DIR}/lit)
include(TableGen)
separate_arguments(MAMBA_LLVM_DEFINITIONS NATIVE_COMMAND ${LLVM_DEFINITIONS})

# What every unit that includes LLVM or MLIR headers needs.
add_library(mamba_mlir INTERFACE)
target_link_libraries(mamba_mlir INTERFACE mamba_flags MLIR LLVM)
target_include_directories(mamba_mlir SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_compile_definitions(mamba_mlir INTERFACE ${MAMBA_LLVM_DEFINITIONS})

# One precompiled header for all such units: the MLIR headers cost more than our
# code. Only clang's is small enough to be worth it.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_library(mamba_mlir_pch OBJECT ${CMAKE_SOURCE_DIR}/cmake/MLIRHeaders.cpp)
  target_link_libraries(mamba_mlir_pch PUBLIC mamba_mlir)
  target_precompile_headers(mamba_mlir_pch PRIVATE ${CMAKE_SOURCE_DIR}/cmake/MLIRHeaders.h)
  target_compile_options(mamba_mlir_pch PRIVATE -Xclang -fno-pch-timestamp)
endif()

# mamba_mlir_target(<target>): an existing target of ours that uses MLIR.
function(mamba_mlir_target name)
  target_link_libraries(${name} PUBLIC mamba_mlir)
  if(TARGET mamba_mlir_pch)
    target_precompile_headers(${name} REUSE_FROM mamba_mlir_pch)
    target_compile_options(${name} PRIVATE -Xclang -fno-pch-timestamp)
    get_target_property(type ${name} TYPE)
    if(type STREQUAL "EXECUTABLE")
      # -fPIE would not match the header, which is compiled with -fPIC.
      set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(${name} PRIVATE -fPIC)
    endif()
  endif()
endfunction()

# mamba_mlir_library(<name> SOURCES... DEPENDS generated targets... LINK libraries...)
function(mamba_mlir_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  mamba_mlir_target(${name})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# mamba_tablegen(<target> <file.td> <output> <generator args>...), several
# outputs as further groups after the word AND.
function(mamba_tablegen target td)
  set(outputs)
  set(group)
  set(LLVM_TARGET_DEFINITIONS ${td})
  foreach(word ${ARGN} AND)
    if(word STREQUAL "AND")
      list(POP_FRONT group output)
      add_custom_command(
        OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${output}
        COMMAND ${LLVM_TOOLS_BINARY_DIR}/mlir-tblgen ${group}
                -I ${CMAKE_SOURCE_DIR} -I ${LLVM_INCLUDE_DIRS} -I ${CMAKE_CURRENT_SOURCE_DIR}
                ${CMAKE_CURRENT_SOURCE_DIR}/${td} -d ${CMAKE_CURRENT_BINARY_DIR}/${output}.d
                --write-if-changed -o ${CMAKE_CURRENT_BINARY_DIR}/${output}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${td}
        DEPFILE ${CMAKE_CURRENT_BINARY_DIR}/${output}.d
        COMMENT "tblgen ${output}")
      list(APPEND outputs ${CMAKE_CURRENT_BINARY_DIR}/${output})
      set(group)
    else()
      list(APPEND group ${word})
    endif()
  endforeach()
  add_custom_target(${target} DEPENDS ${outputs})
endfunction()
