#include "runtime/pack/Combine.h"

#include "runtime/pack/JoinTargets.h"
#include "runtime/pack/PackWriter.h"
#include "runtime/support/Quote.h"

#include <algorithm>
#include <map>
#include <set>

using namespace mamba;

namespace {

using OpenPack = std::shared_ptr<const Pack>;

/// Takes over what a finished pack has, each blob once and checked.
class Taker {
public:
  explicit Taker(PackContent &content) : content_(content) {}

  Status takeTarget(const Pack &pack, const TargetSpec &target) {
    Manifest &manifest = content_.manifest;
    MAMBA_RETURN_IF_ERROR(joinTarget(manifest, pack.manifest(), target));
    Status status;
    forEachBlob(manifest.targets.back(),
                [&](const char *kind, std::string &name) {
                  if (status.ok())
                    status = take(pack, kind, name);
                });
    return status;
  }

  Status takeCheck(const Pack &pack) {
    CheckSpec check = *pack.manifest().check;
    MAMBA_RETURN_IF_ERROR(take(pack, "golden", check.blob));
    for (uint32_t i = 0; i < content_.manifest.entries.size(); ++i)
      if (content_.manifest.entries[i].name ==
          pack.manifest().entries[check.entry].name)
        check.entry = i;
    content_.manifest.check = std::move(check);
    return {};
  }

private:
  /// The blob gets the name that it has in the content.
  Status take(const Pack &pack, const char *kind, std::string &name) {
    auto [known, isNew] = names_.try_emplace({&pack, name});
    if (isNew && std::string_view(kind) == "golden") {
      MAMBA_ASSIGN_OR_RETURN(std::vector<float> values, pack.golden(name));
      known->second = content_.addGolden(values);
    } else if (isNew) {
      MAMBA_ASSIGN_OR_RETURN(StoredBlob blob, pack.stored(name));
      known->second = content_.addBlob(kind, std::move(blob));
    }
    name = known->second;
    return {};
  }

  PackContent &content_;
  std::map<std::pair<const Pack *, std::string>, std::string> names_;
};

} // namespace

/// A pack of a model.
static Result<OpenPack> openModel(const std::string &path) {
  MAMBA_ASSIGN_OR_RETURN(OpenPack pack, Pack::open(path));
  if (pack->isTuning())
    return invalidArgument(inQuotes(path) + " is a tuning pack, which stays as "
                                            "it is: build one with other targets");
  return pack;
}

static std::optional<std::string> textOf(std::optional<std::string_view> text) {
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

/// What the pack says of itself and its model.
static void takeHead(const Pack &pack, PackContent &content) {
  const Manifest &manifest = pack.manifest();
  content.manifest.compiler = manifest.compiler;
  content.manifest.source = manifest.source;
  content.manifest.weights = manifest.weights;
  content.manifest.activations = manifest.activations;
  content.manifest.model = manifest.model;
  content.configJson = textOf(pack.configJson());
  content.tokenizerJson = textOf(pack.tokenizerJson());
  content.generationJson = textOf(pack.generationJson());
  // In their order: the check's fingerprint is over it.
  content.manifest.checkpoint = manifest.checkpoint;
  content.manifest.entries = manifest.entries;
}

/// What two packs of one model have in common.
static Status compare(const Pack &a, const Pack &b) {
  const Manifest &x = a.manifest(), &y = b.manifest();
  auto differ = [&](const std::string &what) {
    return invalidData(inQuotes(a.path()) + " and " + inQuotes(b.path()) +
                       " cannot be merged: " + what);
  };
  if (x.weights != y.weights || x.activations != y.activations)
    return differ("the precisions differ, weights " + x.weights +
                  " and activations " + x.activations + " against weights " +
                  y.weights + " and activations " + y.activations);
  if (x.model != y.model)
    return differ("the models differ");
  if (a.configJson() != b.configJson())
    return differ("their config.json differ");
  if (a.tokenizerJson() != b.tokenizerJson())
    return differ("their tokenizer.json differ");
  if (a.generationJson() != b.generationJson())
    return differ("their generation_config.json differ");
  // The fingerprint is over the tables in their order, which older packs chose.
  if (x.check && y.check && x.checkpoint == y.checkpoint &&
      x.check->weights != y.check->weights)
    return differ("they check the weights of different checkpoints");
  if (!a.hasEmbeddedWeights() || !b.hasEmbeddedWeights())
    return {};
  for (const WeightSpec &weight : x.checkpoint) {
    const TensorView *mine = a.embeddedWeight(weight.name),
                     *other = b.embeddedWeight(weight.name);
    if (mine && other &&
        !std::equal(mine->data, mine->data + mine->bytes, other->data,
                    other->data + other->bytes))
      return differ("the embedded weights " + inQuotes(weight.name) + " differ");
  }
  return {};
}

Status mamba::mergePacks(const std::string &first, const std::string &second,
                         const std::string &output) {
  MAMBA_ASSIGN_OR_RETURN(OpenPack a, openModel(first));
  MAMBA_ASSIGN_OR_RETURN(OpenPack b, openModel(second));
  MAMBA_RETURN_IF_ERROR(compare(*a, *b));
  PackContent content;
  takeHead(*a, content);
  if (content.manifest.source.empty())
    content.manifest.source = b->manifest().source;
  if (a->manifest().compiler != b->manifest().compiler)
    content.manifest.compiler += " and " + b->manifest().compiler;
  const Pack *checked = a->manifest().check   ? a.get()
                        : b->manifest().check ? b.get()
                                              : nullptr;
  if (checked) {
    content.manifest.checkpoint = checked->manifest().checkpoint;
    content.manifest.entries = checked->manifest().entries;
  }
  Taker taker(content);
  for (const OpenPack &pack : {a, b})
    for (const TargetSpec &target : pack->manifest().targets)
      MAMBA_RETURN_IF_ERROR(
          taker.takeTarget(*pack, target)
              .withContext(inQuotes(first) + " and " + inQuotes(second) +
                           " cannot be merged"));
  if (checked) {
    MAMBA_RETURN_IF_ERROR(taker.takeCheck(*checked));
    // Rows may be rounded at other places in the other's kernels.
    if (b->manifest().check)
      content.manifest.check->tolerance = std::max(
          content.manifest.check->tolerance, b->manifest().check->tolerance);
  }
  if (a->hasEmbeddedWeights() || b->hasEmbeddedWeights())
    MAMBA_RETURN_IF_ERROR(
        content.embedWeights(a->hasEmbeddedWeights() ? *a : *b));
  return writePack(content, output);
}

Status mamba::stripPack(const std::string &input, const StripOptions &options,
                        const std::string &output) {
  MAMBA_ASSIGN_OR_RETURN(OpenPack pack, openModel(input));
  for (const std::string &name : options.keep)
    MAMBA_RETURN_IF_ERROR(pack->findTarget(name).status());
  PackContent content;
  takeHead(*pack, content);
  Taker taker(content);
  for (const TargetSpec &target : pack->manifest().targets) {
    if (!options.keep.empty() &&
        std::find(options.keep.begin(), options.keep.end(), target.name) ==
            options.keep.end())
      continue;
    TargetSpec kept = target;
    if (options.dropCubin)
      kept.cubin.reset();
    if (options.dropCudaSource)
      kept.cuda.reset();
    if (options.dropGolden)
      for (KernelSpec &kernel : kept.kernels)
        kernel.golden.clear();
    MAMBA_RETURN_IF_ERROR(taker.takeTarget(*pack, kept));
  }
  if (pack->manifest().check && !options.dropGolden)
    MAMBA_RETURN_IF_ERROR(taker.takeCheck(*pack));
  if (pack->hasEmbeddedWeights())
    MAMBA_RETURN_IF_ERROR(content.embedWeights(*pack));
  return writePack(content, output);
}
