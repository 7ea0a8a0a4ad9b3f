// score PACK FILE: how likely a model finds a text, in C++.
#include <mamba/runtime.h>

#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

void check(mamba_status status) {
  if (status != MAMBA_OK)
    throw std::runtime_error(mamba_last_error());
}

// Handles own what they hold, as everything in C++ does.
struct GiveBack {
  void operator()(mamba_pack *pack) const { mamba_pack_close(pack); }
  void operator()(mamba_model *model) const { mamba_model_destroy(model); }
  void operator()(mamba_session *s) const { mamba_session_destroy(s); }
  void operator()(mamba_tokenizer *t) const { mamba_tokenizer_destroy(t); }
  void operator()(int32_t *tokens) const { mamba_free(tokens); }
};
template <typename T> using Handle = std::unique_ptr<T, GiveBack>;

// make<mamba_pack>(mamba_pack_open, path): the last argument is what is made.
template <typename T, typename Function, typename... Arguments>
Handle<T> make(Function function, Arguments... arguments) {
  T *made = nullptr;
  check(function(arguments..., &made));
  return Handle<T>(made);
}

void score(const char *packPath, const char *textPath) {
  std::ifstream file(textPath, std::ios::binary);
  if (!file)
    throw std::runtime_error(std::string("cannot read '") + textPath + "'");
  const std::string text{std::istreambuf_iterator<char>(file), {}};

  auto pack = make<mamba_pack>(mamba_pack_open, packPath);
  auto model = make<mamba_model>(mamba_model_create, pack.get(), nullptr);
  check(mamba_model_load_weights(model.get(), nullptr, nullptr, nullptr));
  auto session =
      make<mamba_session>(mamba_session_create, model.get(), nullptr);
  auto tokenizer = make<mamba_tokenizer>(mamba_tokenizer_create, pack.get());

  int32_t *encoded = nullptr;
  size_t count = 0, predicted = 0;
  double nll = 0;
  check(mamba_tokenizer_encode(tokenizer.get(), text.data(), text.size(),
                               &encoded, &count));
  Handle<int32_t> tokens(encoded);
  check(mamba_session_score(session.get(), 0, tokens.get(), count, &nll,
                            &predicted));
  if (predicted == 0)
    throw std::runtime_error("the text has less than two tokens");
  std::printf("tokens %zu, nll per token %.6f, perplexity %.6f\n", predicted,
              nll / predicted, std::exp(nll / predicted));
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: score PACK FILE\n");
    return 2;
  }
  try {
    score(argv[1], argv[2]);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "score: %s\n", error.what());
    return 1;
  }
  return 0;
}
