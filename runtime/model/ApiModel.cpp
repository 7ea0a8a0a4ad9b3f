// mamba_model_*: a pack on a device.
#include "runtime/model/Api.h"
#include "runtime/pack/DecodeBytes.h"

using namespace mamba;
using namespace mamba::api;

mamba_model::mamba_model(std::shared_ptr<Model> m) : model(std::move(m)) {
  for (const StateSpec &state : model->executable().states())
    stateDims.push_back(outsideShape(state));
}

extern "C" {

mamba_status mamba_model_create(const mamba_pack *pack,
                                const mamba_model_options *options,
                                mamba_model **model) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"pack", pack}, {"model", model}}));
    mamba_model_options taken{};
    MAMBA_RETURN_IF_ERROR(takeStruct("options", options, taken));
    DeviceOptions deviceOptions;
    deviceOptions.threads = taken.threads;
    deviceOptions.counts = taken.counts != 0;
    if (taken.target)
      deviceOptions.target = taken.target;
    MAMBA_ASSIGN_OR_RETURN(auto created,
                           Model::create(pack->info,
                                         taken.device ? taken.device : "auto",
                                         deviceOptions));
    *model = new mamba_model(std::move(created));
    return {};
  });
}

void mamba_model_destroy(mamba_model *model) { delete model; }

mamba_status mamba_model_load_weights(mamba_model *model, const char *folder,
                                      mamba_progress_fn progress, void *user) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"model", model}}));
    std::optional<std::string> from;
    if (folder)
      from = folder;
    return model->model->loadWeights(from, makeProgress(progress, user));
  });
}

mamba_status mamba_model_get_info(const mamba_model *model,
                                  mamba_model_info *info) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"model", model}, {"info", info}}));
    const Executable &executable = model->model->executable();
    mamba_model_info filled{};
    filled.device = executable.device();
    filled.target = executable.target().name.c_str();
    filled.weights = model->model->weights().c_str();
    filled.packed_bytes = executable.target().packedBytes;
    filled.decode_bytes =
        decodeWeightBytes(executable.pack().manifest(), executable.target());
    filled.state_count = executable.states().size();
    for (const StateSpec &state : executable.states())
      filled.state_bytes += slotBytes(state);
    return giveStruct("info", filled, info);
  });
}

mamba_status mamba_model_get_state(const mamba_model *model, size_t index,
                                   mamba_tensor_info *info) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"model", model}, {"info", info}}));
    const auto &states = model->model->executable().states();
    if (index >= states.size())
      return invalidArgument("state " + std::to_string(index) +
                             " is out of range: there are " +
                             std::to_string(states.size()));
    mamba_tensor_info filled = describe(states[index], model->stateDims[index]);
    return giveStruct("info", filled, info);
  });
}

static mamba_status profileOf(const mamba_model *model, const char *chip,
                              ProfileForm form, char **text, size_t *length) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(
        require({{"model", model}, {"text", text}, {"length", length}}));
    MAMBA_ASSIGN_OR_RETURN(
        std::string profile,
        model->model->executable().profile(chip ? chip : "", form));
    *text = static_cast<char *>(
        copyForCaller(profile.c_str(), profile.size() + 1));
    *length = profile.size();
    return {};
  });
}

mamba_status mamba_model_profile(const mamba_model *model, const char *chip,
                                 char **text, size_t *length) {
  return profileOf(model, chip, ProfileForm::Text, text, length);
}

mamba_status mamba_model_profile_json(const mamba_model *model,
                                      const char *chip, char **text,
                                      size_t *length) {
  return profileOf(model, chip, ProfileForm::Json, text, length);
}

mamba_status mamba_model_clear_profile(mamba_model *model) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"model", model}}));
    model->model->executable().clearProfile();
    return {};
  });
}

mamba_status mamba_model_self_test(mamba_model *model,
                                   mamba_progress_fn progress, void *user) {
  return guarded([&]() -> Status {
    MAMBA_RETURN_IF_ERROR(require({{"model", model}}));
    return model->model->selfTest(makeProgress(progress, user)).status();
  });
}

} // extern "C"
