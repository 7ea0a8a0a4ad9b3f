/* hello PACK [PROMPT [COUNT]]: continues a text with a pack that embeds its
 * weights, or knows where they are. */
#include <mamba/runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every call that can fail goes through here. */
static void check(mamba_status status) {
  if (status == MAMBA_OK)
    return;
  fprintf(stderr, "hello: %s\n", mamba_last_error());
  exit(1);
}

struct output {
  mamba_decoder *decoder;
  int32_t ends[8]; /* tokens that end a text */
  size_t end_count;
};

/* Called with each token that was chosen: shows the text that it completes. */
static int32_t show(void *user, const int32_t *tokens, size_t count) {
  struct output *output = user;
  const char *text;
  size_t length;
  (void)count; /* one sequence, one token */
  for (size_t i = 0; i < output->end_count && i < 8; ++i)
    if (tokens[0] == output->ends[i])
      return 0; /* no more */
  check(mamba_decoder_push(output->decoder, tokens[0], &text, &length));
  fwrite(text, 1, length, stdout);
  fflush(stdout);
  return 1;
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 4) {
    fprintf(stderr, "usage: hello PACK [PROMPT [COUNT]]\n");
    return 2;
  }
  const char *prompt = argc > 2 ? argv[2] : "ROMEO:\n";
  uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 10) : 64;

  /* A pack, on the best device there is, with its weights. */
  mamba_pack *pack;
  mamba_model *model;
  check(mamba_pack_open(argv[1], &pack));
  check(mamba_model_create(pack, NULL, &model));
  check(mamba_model_load_weights(model, NULL, NULL, NULL));

  /* One sequence, and what turns text to tokens and back. */
  mamba_session *session;
  mamba_tokenizer *tokenizer;
  struct output output;
  check(mamba_session_create(model, NULL, &session));
  check(mamba_tokenizer_create(pack, &tokenizer));
  check(mamba_decoder_create(tokenizer, 1, &output.decoder));
  check(mamba_pack_end_tokens(pack, output.ends, 8, &output.end_count));

  mamba_pack_info info = {.struct_size = sizeof info};
  check(mamba_pack_get_info(pack, &info));
  mamba_sampler_options options;
  mamba_sampler_options_init(&options);
  options.temperature = 0.8;
  options.seed = 7;
  mamba_sampler *sampler;
  check(mamba_sampler_create(info.vocab_size, info.valid_vocab_size, &options,
                             &sampler));

  /* The prompt goes in, text comes out. */
  int32_t *tokens;
  mamba_sequence sequence = {.slot = 0};
  check(mamba_tokenizer_encode(tokenizer, prompt, strlen(prompt), &tokens,
                               &sequence.count));
  sequence.tokens = tokens;
  check(mamba_session_step(session, &sequence, 1, MAMBA_WANT_NONE, NULL, 0));
  mamba_free(tokens);
  uint32_t slot = 0;
  check(mamba_session_generate(session, &slot, &sampler, 1, count, show,
                               &output));
  putchar('\n');

  mamba_sampler_destroy(sampler);
  mamba_decoder_destroy(output.decoder);
  mamba_tokenizer_destroy(tokenizer);
  mamba_session_destroy(session);
  mamba_model_destroy(model);
  mamba_pack_close(pack);
  return 0;
}
