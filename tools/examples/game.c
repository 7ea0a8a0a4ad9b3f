/* game PACK [--budget MS] [--frames N] [--row-ms MS] [--save FILE]: characters
 * of a game that speak, each in a slot of one session, all of them in one
 * ragged batch, in no more time a frame than the game gives them. */
#include <mamba/runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CAST = 3, QUEUE = 256, LINE = 512, MOST_TOKENS = 48, FRAME_STEPS = 4 };

struct character {
  const char *name;
  mamba_sampler *sampler;
  int32_t queue[QUEUE]; /* tokens that its slot has not seen yet */
  size_t queued, fed;
  int is_asked, is_speaking;
  char line[LINE]; /* what it says, until the line is whole */
  size_t length, said;
};

struct game {
  mamba_session *session;
  mamba_tokenizer *tokenizer;
  struct character cast[CAST];
  uint32_t first; /* who comes first in the next step */
  int frame;
  double budget;   /* milliseconds a frame; 0: no limit */
  double row_ms;   /* what a row of a step is thought to take */
  double clock_ms; /* a row moves the clock by it, for tests; 0: real time */
  double fake_now;
  double slowest, longest_step;
};

static void check(mamba_status status) {
  if (status == MAMBA_OK)
    return;
  fprintf(stderr, "game: %s\n", mamba_last_error());
  exit(1);
}

static double now_ms(const struct game *game) {
  if (game->clock_ms > 0)
    return game->fake_now;
  struct timespec time;
  timespec_get(&time, TIME_UTC);
  return 1e3 * (double)time.tv_sec + 1e-6 * (double)time.tv_nsec;
}

/* Something is said to a character; it will hear it when there is time. */
static void tell(struct game *game, struct character *to, const char *text) {
  int32_t *tokens;
  size_t count;
  check(mamba_tokenizer_encode(game->tokenizer, text, strlen(text), &tokens,
                               &count));
  if (to->queued + count > QUEUE) {
    fprintf(stderr, "game: %s cannot listen to that much\n", to->name);
    exit(1);
  }
  memcpy(to->queue + to->queued, tokens, count * sizeof *tokens);
  to->queued += count;
  to->is_asked = 1;
  mamba_free(tokens);
}

/* The next token of what a character says; at the end of the line it is silent
 * again, and the token that ended it is left for its slot to see. */
static void speak(struct game *game, struct character *who, uint32_t slot) {
  const float *logits;
  size_t count, length;
  int32_t token;
  char *text;
  check(mamba_session_logits(game->session, slot, &logits, &count));
  check(mamba_sampler_sample(who->sampler, logits, count, &token));
  check(mamba_tokenizer_decode(game->tokenizer, &token, 1, 1, &text, &length));
  who->queue[who->queued++] = token;
  size_t shown = strcspn(text, "\n");
  if (who->length + shown < LINE) {
    memcpy(who->line + who->length, text, shown);
    who->length += shown;
  }
  if (shown < length || ++who->said == MOST_TOKENS) {
    printf("frame %3d  %s: %.*s\n", game->frame, who->name, (int)who->length,
           who->line);
    who->is_speaking = 0;
    who->length = who->said = 0;
  }
  mamba_free(text);
}

/* One step of at most `most` rows: who speaks gets a row, who listens as many
 * as are left. Returns how many rows there were. */
static size_t step(struct game *game, size_t most) {
  mamba_sequence batch[CAST];
  size_t sequences = 0, rows = 0;
  for (uint32_t i = 0; i < CAST && rows < most; ++i) {
    uint32_t slot = (game->first + i) % CAST;
    struct character *who = &game->cast[slot];
    if (who->is_speaking && who->queued == 0)
      speak(game, who, slot);
    size_t count = who->queued - who->fed;
    if (count > most - rows)
      count = most - rows;
    if (count == 0)
      continue;
    batch[sequences++] = (mamba_sequence){slot, who->queue + who->fed, count};
    who->fed += count;
    rows += count;
  }
  if (rows == 0)
    return 0;

  double begin = now_ms(game);
  check(mamba_session_step(game->session, batch, sequences, MAMBA_WANT_NONE,
                           NULL, 0));
  game->fake_now += game->clock_ms * (double)rows;
  double took = now_ms(game) - begin;
  if (took > game->longest_step)
    game->longest_step = took;
  /* Learns fast that a row is dear and slowly that it is cheap. */
  double row = took / (double)rows;
  game->row_ms = row > game->row_ms ? row : 0.9 * game->row_ms + 0.1 * row;

  for (uint32_t slot = 0; slot < CAST; ++slot) {
    struct character *who = &game->cast[slot];
    if (who->fed < who->queued)
      continue;
    who->queued = who->fed = 0;
    if (who->is_asked) { /* It has heard all of it. */
      who->is_asked = 0;
      who->is_speaking = 1;
    }
  }
  game->first = (batch[sequences - 1].slot + 1) % CAST;
  return rows;
}

/* A frame's share: steps that should fit into what is left of the budget, but
 * at least one row, so that too small a budget slows the characters down and
 * stops none. Only the last step can be longer than thought. */
static void run_frame(struct game *game) {
  double begin = now_ms(game);
  for (int i = 0; i < FRAME_STEPS; ++i) {
    size_t rows = SIZE_MAX;
    if (game->budget > 0) {
      double left = game->budget - (now_ms(game) - begin);
      double fits = game->row_ms > 0 ? left / game->row_ms : 1;
      if (i > 0 && fits < 1)
        break;
      rows = fits < 1 ? 1 : (size_t)fits;
    }
    if (step(game, rows) == 0)
      break;
  }
  double took = now_ms(game) - begin;
  if (took > game->slowest)
    game->slowest = took;
  ++game->frame;
}

static int is_idle(const struct character *who) {
  return !who->is_asked && !who->is_speaking && who->queued == 0;
}

/* Frames until a character has nothing to hear or to say. */
static void run_until_idle(struct game *game, struct character *who, int most) {
  while (!is_idle(who) && game->frame < most)
    run_frame(game);
}

/* A character leaves and comes back: its slot is saved, cleared and loaded. */
static void leave_and_return(struct game *game, uint32_t slot,
                             const char *path) {
  struct character *who = &game->cast[slot];
  check(mamba_session_save(game->session, slot, who->sampler, path));
  check(mamba_session_clear(game->session, slot));
  FILE *file = fopen(path, "rb");
  long bytes = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  if (file)
    fclose(file);
  printf("frame %3d  (%s leaves; all that it remembers are %ld KB)\n",
         game->frame, who->name, bytes / 1024);
  check(mamba_session_load(game->session, slot, who->sampler, path));
}

/* A number of at least 0, all of the text. */
static int number(const char *text, double *value) {
  char *end;
  *value = strtod(text, &end);
  return end != text && *end == 0 && *value >= 0 && *value < 1e9;
}

int main(int argc, char **argv) {
  struct game game = {
      .cast = {{.name = "ROMEO"}, {.name = "JULIET"}, {.name = "GLOUCESTER"}}};
  const char *save = "romeo.state";
  double frames = 1000;
  for (int i = 2; i + 1 < argc; i += 2) {
    int known = 1;
    if (strcmp(argv[i], "--budget") == 0)
      known = number(argv[i + 1], &game.budget);
    else if (strcmp(argv[i], "--frames") == 0)
      known = number(argv[i + 1], &frames);
    else if (strcmp(argv[i], "--row-ms") == 0)
      known = number(argv[i + 1], &game.clock_ms);
    else if (strcmp(argv[i], "--save") == 0)
      save = argv[i + 1];
    else
      known = 0;
    if (!known)
      argc = 0;
  }
  if (argc < 2 || argc % 2 != 0) {
    fprintf(stderr, "usage: game PACK [--budget MS] [--frames N] [--row-ms MS] "
                    "[--save FILE]\n");
    return 2;
  }

  mamba_pack *pack;
  mamba_model *model;
  check(mamba_pack_open(argv[1], &pack));
  mamba_model_options device = {.struct_size = sizeof device, .device = "cpu"};
  check(mamba_model_create(pack, &device, &model));
  check(mamba_model_load_weights(model, NULL, NULL, NULL));
  mamba_session_options slots = {.struct_size = sizeof slots, .slots = CAST};
  /* What is said does then not depend on who else speaks, or on the budget. */
  slots.batch_invariant = 1;
  mamba_status made = mamba_session_create(model, &slots, &game.session);
  if (made == MAMBA_UNAVAILABLE) { /* a pack that was built without it */
    slots.batch_invariant = 0;
    made = mamba_session_create(model, &slots, &game.session);
  }
  check(made);
  check(mamba_tokenizer_create(pack, &game.tokenizer));
  mamba_pack_info info = {.struct_size = sizeof info};
  check(mamba_pack_get_info(pack, &info));
  mamba_sampler_options options;
  mamba_sampler_options_init(&options);
  options.temperature = 0.7;
  for (uint32_t i = 0; i < CAST; ++i) {
    options.seed = i;
    check(mamba_sampler_create(info.vocab_size, info.valid_vocab_size, &options,
                               &game.cast[i].sampler));
  }

  /* Two are spoken to in one frame, the third while they answer. */
  struct character *romeo = &game.cast[0];
  tell(&game, romeo, "FRIAR LAURENCE:\nWhat news, my son?\n\nROMEO:\n");
  tell(&game, &game.cast[1], "NURSE:\nMadam, your mother calls.\n\nJULIET:\n");
  run_frame(&game);
  tell(&game, &game.cast[2],
       "KING EDWARD IV:\nBrother, good day.\n\n"
       "GLOUCESTER:\n");
  run_until_idle(&game, romeo, (int)frames);
  if (is_idle(romeo))
    leave_and_return(&game, 0, save);
  tell(&game, romeo, "\nFRIAR LAURENCE:\nAnd what of Juliet?\n\nROMEO:\n");
  for (uint32_t i = 0; i < CAST; ++i)
    run_until_idle(&game, &game.cast[i], (int)frames);
  printf("%d frames\n", game.frame);
  fprintf(stderr, "slowest frame %.3f ms, longest step %.3f ms\n", game.slowest,
          game.longest_step);

  for (uint32_t i = 0; i < CAST; ++i)
    mamba_sampler_destroy(game.cast[i].sampler);
  mamba_tokenizer_destroy(game.tokenizer);
  mamba_session_destroy(game.session);
  mamba_model_destroy(model);
  mamba_pack_close(pack);
  return 0;
}
