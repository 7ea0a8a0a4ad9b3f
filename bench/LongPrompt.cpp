// mamba-long-prompt X.mpk [TOKENS]: feeds a prompt of a million tokens and
// prints how much memory the process has on the way: it stays flat.
#include "mamba/runtime.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

double residentMegabytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with("VmRSS:"))
      return std::strtod(line.c_str() + 6, nullptr) / 1024;
  return 0;
}

void check(mamba_status status) {
  if (status == MAMBA_OK)
    return;
  std::fprintf(stderr, "mamba-long-prompt: %s\n", mamba_last_error());
  std::exit(1);
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: mamba-long-prompt X.mpk [TOKENS]\n");
    return 2;
  }
  long total = argc > 2 ? std::atol(argv[2]) : 1'000'000;
  mamba_pack *pack;
  mamba_model *model;
  mamba_session *session;
  mamba_pack_info info = {};
  info.struct_size = sizeof info;
  check(mamba_pack_open(argv[1], &pack));
  check(mamba_pack_get_info(pack, &info));
  check(mamba_model_create(pack, nullptr, &model));
  check(mamba_model_load_weights(model, nullptr, nullptr, nullptr));
  check(mamba_session_create(model, nullptr, &session));
  std::vector<int32_t> prompt(total);
  for (long i = 0; i < total; ++i)
    prompt[i] = int32_t(i * 7919 % info.vocab_size);
  auto start = std::chrono::steady_clock::now();
  long piece = (total + 9) / 10;
  std::printf("%12s %12s %12s\n", "tokens", "resident MB", "tok/s");
  for (long done = 0; done < total;) {
    long count = std::min(piece, total - done);
    mamba_sequence sequence = {0, prompt.data() + done, size_t(count)};
    check(mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, nullptr, 0));
    done += count;
    std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    std::printf("%12ld %12.1f %12.0f\n", done, residentMegabytes(), done / elapsed.count());
    std::fflush(stdout);
  }
  mamba_session_destroy(session);
  mamba_model_destroy(model);
  mamba_pack_close(pack);
  return 0;
}
