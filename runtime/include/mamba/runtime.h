/* The runtime of the Mamba compiler: opens a kernel pack, binds weights, and
 * produces logits, states and text. A C ABI; the one installed header.
 *
 * Failures.  Every function that can fail returns a mamba_status; the sentence
 *   that goes with it is mamba_last_error(). After a failure outputs are
 *   untouched unless stated otherwise. Nothing exits, aborts or throws.
 * Handles.  Opaque, made by *_open, *_create or *_load, and given back by the
 *   function of the same family (null is allowed there). A handle keeps alive
 *   what it was made from: any order of giving back is right. A null handle
 *   anywhere else is MAMBA_INVALID_ARGUMENT.
 * Structs.  Those that start with `struct_size` must have it set to their
 *   sizeof by the caller, so that later versions can grow them: a program that
 *   was compiled with an older, smaller struct is served as far as its struct
 *   goes, and options that it does not have keep their defaults. To a newer,
 *   larger one an older library gives zeros in the fields that it does not
 *   know; options in such fields, where they are not zero, are
 *   MAMBA_INVALID_ARGUMENT.
 * Strings.  UTF-8, zero-terminated. `const char *` that come out are borrowed
 *   from the handle and live as long as it.
 * Threads.  Packs, models and tokenizers may be used by any number of threads
 *   at once, also by the sessions of one model in several threads (their steps
 *   take turns on a device's threads or queue; each gives the bits that it gives
 *   alone). Sessions, samplers and decoders belong to one thread at a time. A
 *   handle is given back when nothing else uses it. Callbacks may use other
 *   handles, but not the one whose call they come from unless it is said. After
 *   fork() a child uses no handle of its parent: the device's threads are gone.
 * Tensors.  Row-major and packed, in host memory; any alignment. `count`s are
 *   of elements, `bytes` and `length`s of bytes. What is written overlaps nothing
 *   that is read, which nobody changes meanwhile.
 */
#ifndef MAMBA_RUNTIME_H
#define MAMBA_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MAMBA_API __attribute__((visibility("default")))
#else
#define MAMBA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status, version, log ---------------------------------------------- */

typedef enum mamba_status {
  MAMBA_OK = 0,
  MAMBA_INVALID_ARGUMENT = 1, /* the caller's value is wrong */
  MAMBA_INVALID_DATA = 2,     /* a file's content is wrong */
  MAMBA_NOT_FOUND = 3,        /* a file, tensor, entry or token is missing */
  MAMBA_IO_ERROR = 4,         /* the operating system refused */
  MAMBA_OUT_OF_MEMORY = 5,
  MAMBA_UNAVAILABLE = 6, /* this machine or build lacks what is needed */
  MAMBA_INTERNAL = 7     /* our own defect */
} mamba_status;

/* One line, lower case, no full stop: what is wrong, where, what to do. Of the
 * last call of this thread that failed; "" before the first. Borrowed until
 * this thread's next failure. */
MAMBA_API const char *mamba_last_error(void);

/* "0.1.0". Never null. */
MAMBA_API const char *mamba_version(void);

/* One line for people: version, then in brackets the revision of the sources if
 * it was known, the compiler and the type of the build, "mamba 0.1.0 (5d0b6dd,
 * clang 22.1.8, Release)". Never null. Since version 6. */
MAMBA_API const char *mamba_build_info(void);

/* Grows when this header gains something; a program may refuse a library whose
 * number is smaller than the MAMBA_ABI_VERSION it was compiled with. */
#define MAMBA_ABI_VERSION 7
MAMBA_API uint32_t mamba_abi_version(void);

typedef enum mamba_log_level {
  MAMBA_LOG_INFO = 0,
  MAMBA_LOG_WARNING = 1
} mamba_log_level;

/* `message` is one line, borrowed for the call. */
typedef void (*mamba_log_fn)(void *user, mamba_log_level level,
                             const char *message);

/* Where notes of the whole process go; null (the default) drops them. `fn` may
 * be called by any thread that is inside the runtime, one at a time, and must
 * not call mamba_set_log; what it makes the runtime note is dropped. Any thread;
 * the function before is not called any more once this one returns. */
MAMBA_API void mamba_set_log(mamba_log_fn fn, void *user);

/* Work done so far of `total`, in bytes or steps. Called by the thread that
 * asked for the work. */
typedef void (*mamba_progress_fn)(void *user, uint64_t done, uint64_t total);

/* Frees memory that this header says to free with it. Null is allowed. */
MAMBA_API void mamba_free(void *memory);

/* A deleter for tensors that a program lends by DLPack, where none of its own
 * functions can be one: those in Python, as consumers give back on any thread
 * and with an exception on its way. `managed` is the lender's DLManagedTensor or
 * DLManagedTensorVersioned; its first 8 bytes, the address of the data or the
 * version, become zero, by which the lender finds what it has got back. Any
 * thread; null is allowed. Since version 7. */
MAMBA_API void mamba_dlpack_delete(void *managed);

/* ---- Packs ------------------------------------------------------------- */

typedef struct mamba_pack mamba_pack;

/* Maps and verifies a kernel pack. A pack holds native code: open only what you
 * would run. MAMBA_NOT_FOUND, MAMBA_IO_ERROR, MAMBA_INVALID_DATA;
 * MAMBA_INVALID_ARGUMENT for a tuning pack, which holds no model to run. */
MAMBA_API mamba_status mamba_pack_open(const char *path, mamba_pack **pack);

/* The same over the `bytes` of a pack's file in memory, which stay as they are
 * until the pack and all that was made from it are given back; any alignment.
 * `name` stands for the path in messages and in mamba_pack_info.
 * MAMBA_INVALID_DATA, MAMBA_INVALID_ARGUMENT. Since version 6. */
MAMBA_API mamba_status mamba_pack_open_memory(const void *data, size_t bytes,
                                              const char *name,
                                              mamba_pack **pack);
MAMBA_API void mamba_pack_close(mamba_pack *pack);

typedef struct mamba_pack_info {
  size_t struct_size;
  const char *path;
  const char *compiler;         /* "mamba 0.1.0, LLVM 22.1.8" */
  int32_t has_model;            /* the fields down to `layers` say something */
  const char *architecture;     /* "mamba1" or "falcon_mamba"; "" without a model */
  const char *source;           /* folder noted when it was built, or "" */
  const char *signature;        /* hex over config and checkpoint table */
  int64_t vocab_size;           /* columns of logits, V */
  int64_t valid_vocab_size;     /* columns that mean a token, at most V */
  int64_t layers;
  int32_t has_config;           /* mamba_pack_config works */
  int32_t has_tokenizer;        /* mamba_tokenizer_create works */
  int32_t has_embedded_weights; /* mamba_model_load_weights needs no folder */
  int32_t needs_weights;        /* 0 for operators without any */
  size_t entry_count;
} mamba_pack_info;

/* `valid_vocab_size` is the manifest's; where that is unknown, the tokenizer's
 * size, and without a tokenizer `vocab_size`. */
MAMBA_API mamba_status mamba_pack_get_info(const mamba_pack *pack,
                                           mamba_pack_info *info);

/* The text of the checkpoint's config.json; MAMBA_NOT_FOUND without one. */
MAMBA_API mamba_status mamba_pack_config(const mamba_pack *pack,
                                         const char **text, size_t *length);

/* The text of the checkpoint's generation_config.json; MAMBA_NOT_FOUND without
 * one. mamba_pack_sampler_options reads it. Since version 6. */
MAMBA_API mamba_status mamba_pack_generation_config(const mamba_pack *pack,
                                                    const char **text,
                                                    size_t *length);

/* The tokens that end a text: `eos_token_id` of generation_config.json, else of
 * config.json, a number or a list; null there means that no token ends a text.
 * If neither has such a key (original checkpoints have none), the tokenizer's
 * special token `<|endoftext|>`, if there is one. Writes up to `capacity` ids
 * and the full count. MAMBA_INVALID_DATA if the value is none of these. */
MAMBA_API mamba_status mamba_pack_end_tokens(const mamba_pack *pack,
                                             int32_t *tokens, size_t capacity,
                                             size_t *count);

typedef struct mamba_entry_info {
  size_t struct_size;
  const char *name;
  size_t input_count, output_count, state_count;
} mamba_entry_info;

typedef enum mamba_rows {
  MAMBA_ROWS_TOKENS = 0,    /* one row a token of the step: [T, dims...] */
  MAMBA_ROWS_SEQUENCES = 1, /* one row a sequence: [S, dims...] */
  MAMBA_ROWS_ONE = 2        /* exactly [dims...] */
} mamba_rows;

/* Values that come in are plain numbers, so that a wrong one is an answer. */
typedef int32_t mamba_role;
enum { MAMBA_INPUT = 0, MAMBA_OUTPUT = 1, MAMBA_STATE = 2 };

typedef struct mamba_tensor_info {
  size_t struct_size;
  const char *name;        /* of a state: the name of the tensor that sets it */
  const char *output_name; /* of a state: the name that reads it; else "" */
  const char *state_id;    /* of a state: "conv_state.0"; else "" */
  const char *dtype;       /* as in safetensors: "F32" */
  size_t element_size;     /* bytes */
  mamba_rows rows;         /* of a state: MAMBA_ROWS_SEQUENCES */
  const int64_t *dims;     /* static dimensions after the rows; of a state those
                            * of one sequence in the outside layout,
                            * [C, W-1] for conv_state */
  size_t rank;
} mamba_tensor_info;

/* `entry` below mamba_pack_info.entry_count. */
MAMBA_API mamba_status mamba_pack_get_entry(const mamba_pack *pack,
                                            size_t entry,
                                            mamba_entry_info *info);
/* The index of an entry; MAMBA_NOT_FOUND names those that there are. */
MAMBA_API mamba_status mamba_pack_find_entry(const mamba_pack *pack,
                                             const char *name, size_t *entry);
/* Input, output or state `index` of an entry. */
MAMBA_API mamba_status mamba_pack_get_tensor(const mamba_pack *pack,
                                             size_t entry, mamba_role role,
                                             size_t index,
                                             mamba_tensor_info *info);

/* ---- Models: a pack on a device ---------------------------------------- */

typedef struct mamba_model mamba_model;

typedef struct mamba_model_options {
  size_t struct_size;
  const char *device; /* "cpu": this processor; "sim": a simulated GPU, which
                       * runs the pack's PTX and checks every access; "cuda":
                       * the first NVIDIA GPU, "cuda:N": number N from 0;
                       * "auto" or null: "cuda" where there is a driver and
                       * code for it (if that fails, a warning tells), else
                       * "cpu" */
  uint32_t threads;   /* 0: one for each processor that this process may use;
                       * at most 1024. Results do not depend on it. */
  int32_t counts;     /* of "cpu": look at the clock between kernels, of "sim":
                       * count what they do (a fifth of the speed); for
                       * mamba_model_profile */
  const char *target; /* the pack's code to run by its name, "cpu:x86-64-v3";
                       * "auto" then is its device. Null: the best; of "cpu" the
                       * target with the most features of those whose features
                       * this processor and its operating system all have, the
                       * first of equals. Since version 4. */
} mamba_model_options;

/* Loads the pack's best code for a device. `options` null: the defaults.
 * MAMBA_UNAVAILABLE names what this machine, this build or the pack lacks,
 * MAMBA_NOT_FOUND the targets that the pack has. Of
 * "sim", two environment variables are read: MAMBA_SIM_TARGET, the target to
 * run if options name none (without it the newest chip's), and
 * MAMBA_SIM_CHECKS: "all"
 * (as without it), "memory" (no races) or "off" (only what costs nothing).
 * A kernel that breaks a rule makes the call fail that ran it, and the message
 * names kernel, PTX line, block, warp and lane.
 * Of "cuda": the kernels are the pack's machine code for this GPU, else its PTX
 * compiled by the driver, else its CUDA C++ compiled by NVRTC;
 * MAMBA_CUDA_PREFER ("cubin", "ptx" or "nvrtc") forces one. What was compiled,
 * and that the self-tests were passed, which the first load on such a GPU runs,
 * are kept in the folder that MAMBA_CACHE names (the user's cache folder without
 * it, nothing if it is "off"). MAMBA_CUDA_GRAPHS=off launches the kernels of a
 * decode step one by one, MAMBA_CUDA_OVERLAP=off each when the one before has
 * ended (where it is on, from chip 9.0 and a driver for CUDA 12.3 on, it may
 * begin earlier and wait itself). MAMBA_CUDA_DRIVER and MAMBA_CUDA_NVRTC name other
 * libraries than libcuda.so.1 and libnvrtc.so. */
MAMBA_API mamba_status mamba_model_create(const mamba_pack *pack,
                                          const mamba_model_options *options,
                                          mamba_model **model);
MAMBA_API void mamba_model_destroy(mamba_model *model);

/* Binds the weights and prepares them for the kernels, once for a model. From
 * `folder` if not null (a checkpoint's folder, or, where there is none of that
 * name, the `org/name` of a model in the cache of the Hugging Face hub: where
 * HF_HUB_CACHE, HF_HOME or XDG_CACHE_HOME say), else those embedded in the pack,
 * else the folder noted in the pack. Nothing to do for a pack without weights.
 * A tensor that is missing or of another type or shape is MAMBA_NOT_FOUND or
 * MAMBA_INVALID_DATA and named with what was expected and found. `progress`
 * may be null; its unit is bytes of the checkpoint's tensors that the device
 * reads: it rises with every call, and the last one says all of them. One
 * thread; before the first session.
 * On device "cuda", the pack's end-to-end check must then pass, if it has one
 * for these weights: tokens through the whole model, against the logits that
 * were computed in float64 when the pack was built. That it did is kept where
 * mamba_model_create keeps what was compiled, and the check then not run again;
 * for other weights it is not run, which the log says. A failure is
 * MAMBA_INTERNAL and names step, sequence, token, error and tolerance. Of device
 * "auto", a GPU that fails here gives its place to the processor, with a
 * warning; mamba_model_info.device says so. A folder without a checkpoint that
 * can be opened changes nothing; after any other failure the model is of no use. */
MAMBA_API mamba_status mamba_model_load_weights(mamba_model *model,
                                                const char *folder,
                                                mamba_progress_fn progress,
                                                void *user);

typedef struct mamba_model_info {
  size_t struct_size;
  const char *device;    /* "cpu", "cuda", "sim" */
  const char *target;    /* "cpu:x86-64-v4": the code that was chosen */
  const char *weights;   /* folder, "(embedded)", or "" while there are none */
  uint64_t packed_bytes; /* weights as the kernels read them */
  uint64_t state_bytes;  /* of one sequence */
  size_t state_count;    /* distinct states */
  uint64_t decode_bytes; /* of the weights, what a decode step reads: each but
                          * tables that it looks rows up in. Since version 4. */
} mamba_model_info;

/* What is borrowed here, and by mamba_model_get_state, lives until
 * mamba_model_load_weights or the model's end. */
MAMBA_API mamba_status mamba_model_get_info(const mamba_model *model,
                                            mamba_model_info *info);

/* State `index` below state_count, in the order of first use by the entries. */
MAMBA_API mamba_status mamba_model_get_state(const mamba_model *model,
                                             size_t index,
                                             mamba_tensor_info *info);

/* Runs every kernel on the pack's golden inputs, and, where weights are loaded
 * that the pack's end-to-end check is for, that check; the log says what came of
 * it, or why it was not run. A failure (MAMBA_INTERNAL or the device's) names
 * kernel, case, error and tolerance, or what mamba_model_load_weights says.
 * `progress` may be null; its unit is cases, the check is one. */
MAMBA_API mamba_status mamba_model_self_test(mamba_model *model,
                                             mamba_progress_fn progress,
                                             void *user);

/* What the kernels have done so far as a text for people, zero-terminated;
 * `*length` bytes without the zero. Of "sim" by kernel the instructions, memory
 * traffic and the time predicted for `chip` ("sm_90a" or a product's name; null:
 * the target's), with the limit that binds. Of "cpu", where `chip` is null, by
 * entry, class of steps and kernel the time that it took, what share of it
 * threads waited, and the bytes of weights, states and rows (these as the
 * self-test has them; no rows without one). Give `*text` back with mamba_free.
 * MAMBA_UNAVAILABLE without mamba_model_options.counts and on other devices;
 * MAMBA_INVALID_ARGUMENT for a chip that is not known. On "sim" it waits for a
 * step that is under way. */
MAMBA_API mamba_status mamba_model_profile(const mamba_model *model,
                                           const char *chip, char **text,
                                           size_t *length);
/* The same as one JSON object. Since version 5. */
MAMBA_API mamba_status mamba_model_profile_json(const mamba_model *model,
                                                const char *chip, char **text,
                                                size_t *length);
/* Forgets what the kernels have done so far. Since version 5. */
MAMBA_API mamba_status mamba_model_clear_profile(mamba_model *model);

/* ---- Sessions: sequences with their states ----------------------------- */

/* A session has slots; a slot holds the state of one sequence, how many tokens
 * it has seen, and its pending logits: those of its last token. */
typedef struct mamba_session mamba_session;

#define MAMBA_DEFAULT_STEP_TOKENS 1024
#define MAMBA_GPU_STEP_TOKENS 2048

typedef struct mamba_session_options {
  size_t struct_size;
  uint32_t slots;           /* at least 1, at most 1048576; 0 is 1 */
  uint32_t max_step_tokens; /* tokens of all sequences that one run of the
                             * kernels takes; longer input is cut. Memory for
                             * activations grows with it, not with a prompt.
                             * 0: MAMBA_GPU_STEP_TOKENS on "cuda", which long
                             * steps fill, else MAMBA_DEFAULT_STEP_TOKENS. */
  int32_t batch_invariant;  /* results are the same bits for any split of the
                             * tokens and any neighbours; MAMBA_UNAVAILABLE if
                             * the pack was built without it */
} mamba_session_options;

/* All slots empty. `options` null: the defaults. The weights must be loaded. */
MAMBA_API mamba_status
mamba_session_create(mamba_model *model, const mamba_session_options *options,
                     mamba_session **session);
MAMBA_API void mamba_session_destroy(mamba_session *session);
/* Its max_step_tokens, 0 for null. */
MAMBA_API uint32_t mamba_session_step_tokens(const mamba_session *session);

typedef struct mamba_sequence {
  uint32_t slot;         /* no slot twice in one step */
  const int32_t *tokens; /* [count], each from 0 to vocab_size - 1 */
  size_t count;          /* 0 is allowed and changes nothing */
} mamba_sequence;

typedef int32_t mamba_want;
enum {
  MAMBA_WANT_NONE = 0, /* only the pending logits of the slots */
  MAMBA_WANT_LAST = 1, /* [sequences, V]; zeros for a sequence of no tokens */
  MAMBA_WANT_ALL = 2   /* [sum of counts, V], sequence by sequence */
};

/* Appends tokens to sequences. Input longer than max_step_tokens runs in
 * pieces, sequences in order. `logits` holds `logit_count` floats, exactly as
 * `want` says; null and 0 with MAMBA_WANT_NONE. Arguments are checked before
 * anything runs; the message for a wrong token names sequence, index, value and
 * bound. If the device fails midway, the step's slots are unusable until they
 * are cleared, loaded or copied to. With MAMBA_OUT_OF_MEMORY they are not: they
 * are as they were before the piece that was too large for the device, and
 * mamba_session_position tells which tokens they have. Either way `logits` may
 * hold those of pieces that were done. */
MAMBA_API mamba_status mamba_session_step(mamba_session *session,
                                          const mamba_sequence *sequences,
                                          size_t sequence_count,
                                          mamba_want want, float *logits,
                                          size_t logit_count);

/* The logits of the slot's last token: `*logits` [V], borrowed until the slot
 * next changes. MAMBA_NOT_FOUND if it has seen none, or was changed by
 * mamba_session_call or mamba_session_write_state since. */
MAMBA_API mamba_status mamba_session_logits(mamba_session *session,
                                            uint32_t slot,
                                            const float **logits,
                                            size_t *count);

/* Appends `count` tokens to the slot and adds up what the model says of them:
 * `*nll` is the sum of -log p(token | all before), natural logarithm, softmax
 * over the valid vocabulary in float64, and `*predicted` the number of tokens
 * that it covers: all of them if the slot has pending logits, else all but the
 * first, which is context only. Memory does not grow with `count`. A token
 * at or above valid_vocab_size, or logits that are not finite, are failures. */
MAMBA_API mamba_status mamba_session_score(mamba_session *session,
                                           uint32_t slot,
                                           const int32_t *tokens, size_t count,
                                           double *nll, size_t *predicted);

/* How many tokens the slot has seen. */
MAMBA_API mamba_status mamba_session_position(const mamba_session *session,
                                              uint32_t slot,
                                              int64_t *position);

/* The newest tokens of the slot, oldest first: `*count` of them, at most 32,
 * enough to prime a decoder. Borrowed until the slot next changes. */
MAMBA_API mamba_status mamba_session_recent(const mamba_session *session,
                                            uint32_t slot,
                                            const int32_t **tokens,
                                            size_t *count);

/* Back to an empty sequence; and all that `from` holds into `to`. */
MAMBA_API mamba_status mamba_session_clear(mamba_session *session,
                                           uint32_t slot);
MAMBA_API mamba_status mamba_session_copy(mamba_session *session, uint32_t from,
                                          uint32_t to);

/* One state of one slot in the outside layout (mamba_model_get_state). `bytes`
 * is its exact size. Writing drops the slot's pending logits. */
MAMBA_API mamba_status mamba_session_read_state(mamba_session *session,
                                                uint32_t slot,
                                                const char *state_id, void *to,
                                                size_t bytes);
MAMBA_API mamba_status mamba_session_write_state(mamba_session *session,
                                                 uint32_t slot,
                                                 const char *state_id,
                                                 const void *from,
                                                 size_t bytes);

/* Runs any entry of the pack once over a ragged batch. Sequence s has slot
 * slots[s] and lengths[s] rows of the tensors that have one row a token; T is
 * the sum of lengths. inputs[i] points to the entry's i-th input, exactly
 * input_bytes[i] long; outputs likewise, where null throws the result away
 * (its output_bytes are not read). Token ids of a model are checked. The slots'
 * states and positions move on, their pending logits are dropped. After a failure
 * of the device, as in mamba_session_step, outputs hold anything. */
MAMBA_API mamba_status mamba_session_call(
    mamba_session *session, size_t entry, const uint32_t *slots,
    const int64_t *lengths, size_t sequence_count, const void *const *inputs,
    const size_t *input_bytes, size_t input_count, void *const *outputs,
    const size_t *output_bytes, size_t output_count);

/* ---- Samplers ---------------------------------------------------------- */

/* Chooses tokens from logits. It remembers which tokens a sequence holds (for
 * the repetition penalty) and how many random numbers it has drawn. */
typedef struct mamba_sampler mamba_sampler;

/* Applied in this order, as the field does. The numbers in brackets switch a
 * thing off. Same logits, options and seed give the same tokens on every
 * machine: the softmax is float64 with an exp of our own; of equal logits the
 * lower id comes first; draw i (from 0) is
 *   x = splitmix64(splitmix64(seed) + i * 0x9e3779b97f4a7c15)
 *   u = (x >> 11) * 2^-53
 * with the splitmix64 of runtime/pack/FORMAT.md, and picks the first candidate
 * whose running sum of probabilities exceeds u, in order of id. */
typedef struct mamba_sampler_options {
  size_t struct_size;
  double repetition_penalty; /* > 0 [1]: logits of tokens that the sequence
                              * holds are divided by it if positive, multiplied
                              * if negative */
  double temperature;        /* >= 0 [1]; 0 is greedy: the largest logit, and
                              * no number is drawn */
  uint32_t top_k;            /* the k largest [0] */
  double top_p;              /* in (0, 1] [1]: the fewest candidates whose
                              * probability reaches p */
  double min_p;              /* in [0, 1] [0]: those at least this probable,
                              * as a share of the most probable one */
  uint64_t seed;
} mamba_sampler_options;

/* Everything off, temperature 1, seed 0; sets struct_size too, to the struct's
 * size in version 6, however it grows. */
MAMBA_API void mamba_sampler_options_init(mamba_sampler_options *options);

/* The same with what the pack's generation_config.json says: do_sample (false is
 * temperature 0), temperature, top_k, top_p, min_p, repetition_penalty. Set
 * struct_size. MAMBA_INVALID_DATA, with key and value. Since version 6. */
MAMBA_API mamba_status mamba_pack_sampler_options(
    const mamba_pack *pack, mamba_sampler_options *options);

/* `vocab_size` columns, of which the first `valid_vocab_size` may be chosen.
 * `options` null: the defaults. */
MAMBA_API mamba_status mamba_sampler_create(
    int64_t vocab_size, int64_t valid_vocab_size,
    const mamba_sampler_options *options, mamba_sampler **sampler);
MAMBA_API void mamba_sampler_destroy(mamba_sampler *sampler);

MAMBA_API mamba_status
mamba_sampler_get_options(const mamba_sampler *sampler,
                          mamba_sampler_options *options);
/* Another seed starts its numbers from the first; the same one goes on. Options
 * that a smaller struct does not have stay as they are. */
MAMBA_API mamba_status
mamba_sampler_set_options(mamba_sampler *sampler,
                          const mamba_sampler_options *options);

/* Tells the sampler that the sequence has got these tokens (prompt and chosen
 * ones alike). */
MAMBA_API mamba_status mamba_sampler_accept(mamba_sampler *sampler,
                                            const int32_t *tokens,
                                            size_t count);
/* Forgets all tokens and starts the random numbers from the first. */
MAMBA_API mamba_status mamba_sampler_reset(mamba_sampler *sampler);

/* Chooses; does not accept. `count` is vocab_size. MAMBA_INVALID_DATA for a
 * logit that is NaN or +infinity, or when all are -infinity; names the id. */
MAMBA_API mamba_status mamba_sampler_sample(mamba_sampler *sampler,
                                            const float *logits, size_t count,
                                            int32_t *token);

/* ---- Text that goes on by itself --------------------------------------- */

/* Gets one token of each sequence, `count` of them in the order of the slots,
 * which the sequences hold from now on; borrowed for the call. Other than 0 goes
 * on. It may ask this session for positions and recent tokens and nothing else,
 * and must neither throw nor jump. Of the samplers it may ask for options and
 * save them with a slot of another session; what would change one is
 * MAMBA_INVALID_ARGUMENT, and none may be destroyed. */
typedef int32_t (*mamba_tokens_fn)(void *user, const int32_t *tokens,
                                   size_t count);

/* Continues `count` sequences with tokens that their samplers choose, a sampler
 * for each, until `on_tokens` says 0 or each has got `max_tokens`. Every slot
 * needs pending logits (MAMBA_NOT_FOUND). Samplers accept what they choose.
 * Devices with kernels for it choose by themselves, as mamba_sampler describes
 * but in float32, and run one step ahead of `on_tokens`, so that the device
 * never waits for the host: "cuda" and "sim", where the pack has the entry
 * `sample` and no sampler has a repetition penalty; a warning tells if not.
 * After a failure on the device the slots are unusable until they are cleared,
 * loaded or copied to, but for MAMBA_OUT_OF_MEMORY: they hold what was handed
 * out. MAMBA_INVALID_DATA for logits that are not finite. */
MAMBA_API mamba_status mamba_session_generate(
    mamba_session *session, const uint32_t *slots,
    mamba_sampler *const *samplers, size_t count, uint64_t max_tokens,
    mamba_tokens_fn on_tokens, void *user);

/* ---- State files ------------------------------------------------------- */

/* A slot on disk: a safetensors file with the states in the outside layout, the
 * position, the pending logits and, if `sampler` is not null, the sampler; so a
 * loaded sequence goes on with the same bits. Written whole or not at all.
 * runtime/model/README.md describes the file. MAMBA_NOT_FOUND for a folder that
 * is not there, MAMBA_IO_ERROR; MAMBA_UNAVAILABLE where the pack holds no model. */
MAMBA_API mamba_status mamba_session_save(mamba_session *session,
                                          uint32_t slot,
                                          const mamba_sampler *sampler,
                                          const char *path);

/* Replaces the slot and, if `sampler` is not null and the file has one, the
 * sampler with its options. A file of another model (by signature), a damaged
 * or truncated one is MAMBA_INVALID_DATA, says what was expected and found, and
 * changes nothing; so does MAMBA_NOT_FOUND where there is no file. */
MAMBA_API mamba_status mamba_session_load(mamba_session *session, uint32_t slot,
                                          mamba_sampler *sampler,
                                          const char *path);

/* The same bytes in memory: `*size` of them, to be given back with mamba_free.
 * Since version 6. */
MAMBA_API mamba_status mamba_session_save_memory(mamba_session *session,
                                                 uint32_t slot,
                                                 const mamba_sampler *sampler,
                                                 void **data, size_t *size);

/* As mamba_session_load from such bytes, `size` of them; they are not needed
 * afterwards. Since version 6. */
MAMBA_API mamba_status mamba_session_load_memory(mamba_session *session,
                                                 uint32_t slot,
                                                 mamba_sampler *sampler,
                                                 const void *data, size_t size);

/* ---- Text -------------------------------------------------------------- */

typedef struct mamba_tokenizer mamba_tokenizer;

/* The pack's; MAMBA_NOT_FOUND if it has none. */
MAMBA_API mamba_status mamba_tokenizer_create(const mamba_pack *pack,
                                              mamba_tokenizer **tokenizer);
MAMBA_API void mamba_tokenizer_destroy(mamba_tokenizer *tokenizer);

/* One more than the largest id; 0 for a null handle. */
MAMBA_API int32_t mamba_tokenizer_size(const mamba_tokenizer *tokenizer);

/* The ids of `length` bytes of text. Nothing is prepended or appended; special
 * tokens written in the text are recognised. Give `*tokens` back with
 * mamba_free; it is null when `*count` is 0. */
MAMBA_API mamba_status mamba_tokenizer_encode(const mamba_tokenizer *tokenizer,
                                              const char *text, size_t length,
                                              int32_t **tokens, size_t *count);

/* The text of `count` ids, zero-terminated; `*length` bytes without the zero.
 * Give `*text` back with mamba_free. */
MAMBA_API mamba_status mamba_tokenizer_decode(const mamba_tokenizer *tokenizer,
                                              const int32_t *tokens,
                                              size_t count,
                                              int32_t skip_special, char **text,
                                              size_t *length);

/* Ids to text one at a time; the pieces are whole characters and together what
 * mamba_tokenizer_decode gives. */
typedef struct mamba_decoder mamba_decoder;

MAMBA_API mamba_status mamba_decoder_create(const mamba_tokenizer *tokenizer,
                                            int32_t skip_special,
                                            mamba_decoder **decoder);
MAMBA_API void mamba_decoder_destroy(mamba_decoder *decoder);

/* The text that `token` completes, often "". Borrowed until the next call on
 * this decoder. MAMBA_INVALID_ARGUMENT for an id without a token. */
MAMBA_API mamba_status mamba_decoder_push(mamba_decoder *decoder, int32_t token,
                                          const char **text, size_t *length);
/* What was held back for want of its end; the decoder starts afresh. */
MAMBA_API mamba_status mamba_decoder_flush(mamba_decoder *decoder,
                                           const char **text, size_t *length);

#ifdef __cplusplus
}
#endif

#endif
