// What compilers write: the texts that the fuzzer starts from.
#include "PtxText.h"

#include "runtime/support/File.h"

#include <filesystem>

using namespace mamba;
using namespace mamba::ptx;

TEST(PtxText, TextsOfCompilersAreRead) {
  size_t texts = 0;
  for (const auto &entry : std::filesystem::directory_iterator(MAMBA_PTX_TEXTS)) {
    if (entry.path().extension() != ".ptx")
      continue;
    auto file = MappedFile::open(entry.path().string());
    ASSERT_TRUE(file.ok());
    auto module = parse(file->view(), entry.path().string());
    ASSERT_TRUE(module.ok()) << module.status().message();
    for (const Function &function : (*module)->functions)
      EXPECT_EQ(function.isDefined, !function.instructions.empty()) << function.name;
    ++texts;
  }
  EXPECT_GE(texts, 6u);
}

TEST(PtxText, LinesAreThoseOfTheText) {
  auto file = MappedFile::open(MAMBA_PTX_TEXTS "/nvcc-sm_80.ptx");
  ASSERT_TRUE(file.ok());
  auto module = parse(file->view(), "text");
  ASSERT_TRUE(module.ok()) << module.status().message();
  std::vector<std::string_view> lines;
  for (std::string_view rest = file->view(); !rest.empty();) {
    size_t end = std::min(rest.find('\n'), rest.size() - 1);
    lines.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  for (const Function &function : (*module)->functions)
    for (const Instruction &instruction : function.instructions)
      EXPECT_NE(lines.at(instruction.line - 1).find(instruction.opcode), std::string_view::npos)
          << instruction.text;
}
