// mamba_pack_*: what a pack holds.
#include "runtime/model/Api.h"
#include "runtime/support/Quote.h"

using namespace mamba;
using namespace mamba::api;

mamba_pack::mamba_pack(std::shared_ptr<const PackInfo> pack)
    : info(std::move(pack)) {
  for (const EntrySpec &entry : info->manifest().entries) {
    auto &dims = stateDims.emplace_back();
    for (const StateSpec &state : entry.states)
      dims.push_back(outsideShape(state));
  }
}

static Status outOfRange(const char *what, size_t index, size_t count) {
  return invalidArgument(std::string(what) + " " + std::to_string(index) +
                         " is out of range: there are " +
                         std::to_string(count));
}

extern "C" {

mamba_status mamba_pack_open(const char *path, mamba_pack **pack) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"path", path}, {"pack", pack}}));
    MAMBA_ASSIGN_OR_RETURN(auto info, PackInfo::open(path));
    *pack = new mamba_pack(std::move(info));
    return {};
  });
}

mamba_status mamba_pack_open_memory(const void *data, size_t bytes,
                                    const char *name, mamba_pack **pack) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"data", data}, {"name", name}, {"pack", pack}}));
    MAMBA_ASSIGN_OR_RETURN(
        auto file,
        Pack::parse(static_cast<const uint8_t *>(data), bytes, name));
    MAMBA_ASSIGN_OR_RETURN(auto info, PackInfo::make(std::move(file)));
    *pack = new mamba_pack(std::move(info));
    return {};
  });
}

void mamba_pack_close(mamba_pack *pack) { delete pack; }

mamba_status mamba_pack_get_info(const mamba_pack *pack,
                                 mamba_pack_info *info) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"pack", pack}, {"info", info}}));
    const Manifest &manifest = pack->info->manifest();
    const Pack &file = *pack->info->pack();
    mamba_pack_info filled{};
    filled.path = file.path().c_str();
    filled.compiler = manifest.compiler.c_str();
    filled.source = manifest.source.c_str();
    filled.architecture = filled.signature = "";
    if (const auto &model = manifest.model) {
      MAMBA_ASSIGN_OR_RETURN(uint64_t valid, pack->info->validVocabSize());
      filled.has_model = 1;
      filled.architecture = model->architecture.c_str();
      filled.signature = model->signature.c_str();
      filled.vocab_size = static_cast<int64_t>(model->vocabSize);
      filled.valid_vocab_size = static_cast<int64_t>(valid);
      filled.layers = static_cast<int64_t>(model->layers);
    }
    filled.has_config = file.configJson().has_value();
    filled.has_tokenizer = file.tokenizerJson().has_value();
    filled.has_embedded_weights = file.hasEmbeddedWeights();
    filled.needs_weights = !manifest.checkpoint.empty();
    filled.entry_count = manifest.entries.size();
    return giveStruct("info", filled, info);
  });
}

mamba_status mamba_pack_config(const mamba_pack *pack, const char **text,
                               size_t *length) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"pack", pack}, {"text", text}, {"length", length}}));
    auto config = pack->info->pack()->configJson();
    if (!config)
      return notFound("no config.json in pack " +
                      inQuotes(pack->info->pack()->path()));
    *text = config->data();
    *length = config->size();
    return {};
  });
}

mamba_status mamba_pack_generation_config(const mamba_pack *pack,
                                          const char **text, size_t *length) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"pack", pack}, {"text", text}, {"length", length}}));
    auto config = pack->info->pack()->generationJson();
    if (!config)
      return notFound("no generation_config.json in pack " +
                      inQuotes(pack->info->pack()->path()));
    *text = config->data();
    *length = config->size();
    return {};
  });
}

mamba_status mamba_pack_end_tokens(const mamba_pack *pack, int32_t *tokens,
                                   size_t capacity, size_t *count) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"pack", pack}, {"count", count}}));
    if (capacity != 0)
      MAMBA_RETURN_IF_ERROR(require({{"tokens", tokens}}));
    MAMBA_ASSIGN_OR_RETURN(auto found, pack->info->endTokens());
    std::copy_n(found.begin(), std::min(capacity, found.size()), tokens);
    *count = found.size();
    return {};
  });
}

mamba_status mamba_pack_get_entry(const mamba_pack *pack, size_t entry,
                                  mamba_entry_info *info) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"pack", pack}, {"info", info}}));
    const auto &entries = pack->info->manifest().entries;
    if (entry >= entries.size())
      return outOfRange("entry", entry, entries.size());
    mamba_entry_info filled{};
    filled.name = entries[entry].name.c_str();
    filled.input_count = entries[entry].inputs.size();
    filled.output_count = entries[entry].outputs.size();
    filled.state_count = entries[entry].states.size();
    return giveStruct("info", filled, info);
  });
}

mamba_status mamba_pack_find_entry(const mamba_pack *pack, const char *name,
                                   size_t *entry) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"pack", pack}, {"name", name}, {"entry", entry}}));
    MAMBA_ASSIGN_OR_RETURN(*entry, pack->info->findEntry(name));
    return {};
  });
}

mamba_status mamba_pack_get_tensor(const mamba_pack *pack, size_t entry,
                                   mamba_role role, size_t index,
                                   mamba_tensor_info *info) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"pack", pack}, {"info", info}}));
    const auto &entries = pack->info->manifest().entries;
    if (entry >= entries.size())
      return outOfRange("entry", entry, entries.size());
    const EntrySpec &spec = entries[entry];
    mamba_tensor_info filled{};
    if (role == MAMBA_STATE) {
      if (index >= spec.states.size())
        return outOfRange("state", index, spec.states.size());
      filled = describe(spec.states[index], pack->stateDims[entry][index]);
    } else if (role == MAMBA_INPUT || role == MAMBA_OUTPUT) {
      const auto &list = role == MAMBA_INPUT ? spec.inputs : spec.outputs;
      if (index >= list.size())
        return outOfRange(role == MAMBA_INPUT ? "input" : "output", index,
                          list.size());
      filled = describe(list[index]);
    } else {
      return invalidArgument("unknown role " + std::to_string(role));
    }
    return giveStruct("info", filled, info);
  });
}

} // extern "C"
