// mamba-pack inspect.
#include "tools/mamba-pack/Sizes.h"
#include "tools/mamba-pack/Table.h"
#include "tools/mamba-pack/Verbs.h"

#include "runtime/device/cpu/ElfImage.h"
#include "runtime/pack/Cubin.h"
#include "runtime/pack/Pack.h"
#include "runtime/support/Format.h"
#include "runtime/support/Quote.h"
#include "runtime/support/Safetensors.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>

namespace mamba::pack {

static std::string rowsText(const RowCount &rows) {
  return rows.kind == RowKind::T   ? "T"
         : rows.kind == RowKind::S ? "S"
                                   : std::to_string(rows.value);
}

/// "ceil(T/96)*12".
static std::string gridText(const Grid &grid) {
  std::string text = rowsText(grid.of);
  if (grid.block != 1)
    text = "ceil(" + text + "/" + std::to_string(grid.block) + ")";
  if (grid.times != 1)
    text += "*" + std::to_string(grid.times);
  return text;
}

/// "input_ids I32 [T, 64]".
static std::string tensorText(const TensorSpec &tensor) {
  std::string shape = tensor.rows == RowKind::T   ? "T"
                      : tensor.rows == RowKind::S ? "S"
                                                  : "";
  for (int64_t extent : tensor.shape)
    shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
  return tensor.name + " " + std::string(dtypeName(tensor.dtype)) + " [" + shape + "]" +
         (tensor.below ? " below " + std::to_string(tensor.below) : "");
}

static std::string listText(const std::vector<TensorSpec> &tensors) {
  std::string text;
  for (const TensorSpec &tensor : tensors)
    text += (text.empty() ? "" : ", ") + tensorText(tensor);
  return text;
}

/// Bytes of each kernel's code, read off the distance to the next entry.
static std::vector<uint64_t> kernelBytes(const TargetSpec &target, const ElfLayout &layout) {
  std::vector<uint64_t> ends;
  for (const KernelSpec &kernel : target.kernels)
    ends.push_back(kernel.entry);
  for (const ElfLayout::Segment &segment : layout.segments)
    if (segment.executable)
      ends.push_back(segment.address + segment.bytes);
  std::sort(ends.begin(), ends.end());
  std::vector<uint64_t> bytes;
  for (const KernelSpec &kernel : target.kernels) {
    auto end = std::upper_bound(ends.begin(), ends.end(), kernel.entry);
    bytes.push_back(end == ends.end() ? 0 : *end - kernel.entry);
  }
  return bytes;
}

/// How often a kernel occurs, and over which grids: a kernel may run over T and
/// over S, and as a variant for few sequences.
struct KernelUse {
  size_t count = 0;
  std::vector<std::string> grids;
  void add(const std::string &grid) {
    ++count;
    if (std::find(grids.begin(), grids.end(), grid) == grids.end())
      grids.push_back(grid);
  }
  /// "ceil(T/96)*12 | S <= 4: S*8".
  std::string tiles() const {
    std::string text;
    for (const std::string &grid : grids)
      text += (text.empty() ? "" : " | ") + grid;
    return text;
  }
};

static std::vector<KernelUse> kernelUses(const TargetSpec &target) {
  std::vector<KernelUse> uses(target.kernels.size());
  auto note = [&](const std::vector<Dispatch> &dispatches) {
    for (const Dispatch &dispatch : dispatches) {
      uses[dispatch.kernel].add(gridText(dispatch.grid));
      for (const DispatchVariant &variant : dispatch.variants)
        uses[variant.kernel].add("S <= " + std::to_string(variant.maxSequences) + ": " +
                                 gridText(variant.grid));
    }
  };
  note(target.recipe);
  for (const Program &program : target.programs)
    note(program.dispatches);
  return uses;
}

/// "default", "database: which entry".
static std::string originText(const KernelSpec &kernel) {
  return kernel.scheduleFrom + (kernel.scheduleEntry ? ": " + *kernel.scheduleEntry : "");
}

static void printKernels(std::ostream &os, const TargetSpec &target, const ElfLayout &layout) {
  std::vector<uint64_t> sizes = kernelBytes(target, layout);
  std::vector<KernelUse> uses = kernelUses(target);
  Table table({"kernel", "code", "scratch", "runs", "tests", "tiles", "from", "schedule"});
  for (uint32_t i = 0; i < target.kernels.size(); ++i) {
    const KernelSpec &kernel = target.kernels[i];
    table.add({kernel.symbol, bytesText(sizes[i]), bytesText(kernel.scratch),
               std::to_string(uses[i].count), std::to_string(kernel.golden.size()),
               uses[i].tiles(), originText(kernel), kernel.schedule});
  }
  table.print(os);
}

/// "1.2 kB" of the kernel's machine code; "-" where there is none.
static std::string machineCodeText(const Cubin &cubin, const std::string &kernel) {
  for (const CubinKernel &found : cubin.kernels)
    if (found.name == kernel)
      return bytesText(found.code.size());
  return "-";
}

/// Of a cuda target: what a block takes of a multiprocessor.
static void printCudaKernels(std::ostream &os, const TargetSpec &target, const Cubin &cubin) {
  std::vector<KernelUse> uses = kernelUses(target);
  Table table({"kernel", "code", "threads", "registers", "shared", "overlap", "runs", "tests",
               "blocks", "from", "schedule"});
  for (uint32_t i = 0; i < target.kernels.size(); ++i) {
    const KernelSpec &kernel = target.kernels[i];
    const LaunchSpec &launch = *kernel.launch; // Verified: cuda kernels have one.
    table.add({kernel.symbol, machineCodeText(cubin, kernel.symbol),
               std::to_string(launch.threads),
               launch.registers ? std::to_string(*launch.registers) : "unknown",
               std::to_string(launch.shared), launch.overlap ? "yes" : "no",
               std::to_string(uses[i].count),
               std::to_string(kernel.golden.size()), uses[i].tiles(), originText(kernel),
               kernel.schedule});
  }
  table.print(os);
}

static void printPrograms(std::ostream &os, const Manifest &manifest, const TargetSpec &target) {
  Table table({"program", "class", "for steps with", "dispatches", "bytes a token", "a sequence",
               "once"});
  for (const Program &program : target.programs) {
    std::string fits;
    auto add = [&](const std::string &condition) {
      fits += (fits.empty() ? "" : ", ") + condition;
    };
    const StepBounds &bounds = program.bounds;
    if (bounds.maxLength)
      add(*bounds.maxLength == 1 ? "sequences of 1 token"
                                 : "sequences up to " + std::to_string(*bounds.maxLength));
    if (bounds.maxTokens)
      add("T <= " + std::to_string(*bounds.maxTokens));
    if (bounds.minTokens)
      add("T >= " + std::to_string(*bounds.minTokens));
    if (bounds.maxSequences)
      add("S <= " + std::to_string(*bounds.maxSequences));
    if (program.invariant)
      add("--batch-invariant");
    if (program.slices)
      add("in " + std::to_string(*program.slices) + " slices");
    table.add({manifest.entries[program.entry].name, program.className,
               fits.empty() ? "any T" : fits, std::to_string(program.dispatches.size()),
               std::to_string(program.arenaT), std::to_string(program.arenaS),
               std::to_string(program.arenaC)});
  }
  table.print(os);
}

static Status printTarget(std::ostream &os, const Pack &pack, const TargetSpec &target) {
  MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> code, pack.code(target.code));
  bool isCuda = target.device == "cuda";
  std::string features;
  for (const std::string &feature : target.features)
    features += " " + feature;
  os << "\ntarget " << target.name << ": " << target.arch << features << "\n"
     << (isCuda ? "  PTX " : "  code ") << bytesText(code.size());
  std::vector<uint8_t> machineCode;
  Cubin cubin;
  if (target.cubin) {
    MAMBA_ASSIGN_OR_RETURN(machineCode, pack.code(*target.cubin));
    MAMBA_ASSIGN_OR_RETURN(cubin, readCubin(machineCode, *target.cubin));
    os << ", cubin " << bytesText(machineCode.size());
  } else if (isCuda) {
    os << ", no cubin";
  }
  if (target.cuda) {
    MAMBA_ASSIGN_OR_RETURN(std::vector<uint8_t> source, pack.code(*target.cuda));
    os << ", CUDA C++ " << bytesText(source.size());
  } else if (isCuda) {
    os << ", no CUDA C++";
  }
  os << ", " << target.kernels.size() << " kernels; packed weights "
     << bytesText(target.packedBytes) << " by " << target.recipe.size() << " dispatches\n";
  if (isCuda) {
    printCudaKernels(os, target, cubin);
  } else {
    MAMBA_ASSIGN_OR_RETURN(ElfLayout layout, parseElf(code, target.arch));
    printKernels(os, target, layout);
  }
  printPrograms(os, pack.manifest(), target);
  return {};
}

/// The kernels of a tuning pack: what can be chosen from, and what is predicted.
static void printTuning(std::ostream &os, const Manifest &manifest) {
  std::string target;
  size_t variants = 0;
  for (const TuningSpec &tuning : manifest.tuning)
    variants += tuning.variants.size();
  os << "a tuning pack: " << variants << " variants of " << manifest.tuning.size()
     << " kernels, for mamba-tune\nprecisions: weights " << manifest.weights << ", activations "
     << manifest.activations << "\n";
  for (const TuningSpec &tuning : manifest.tuning) {
    const TargetSpec &first = tuning.variants.front().target;
    if (first.name != target)
      os << "\ntarget " << first.name << ", " << tuning.target << " in databases\n";
    target = first.name;
    os << "  " << tuning.key << "\n";
    for (const VariantSpec &variant : tuning.variants) {
      os << "    " << variant.schedule;
      if (variant.predictedUs > 0)
        os << format(": %.1f us predicted", variant.predictedUs);
      if (const auto &launch = variant.target.kernels[0].launch; launch && launch->registers)
        os << ", " << *launch->registers << " registers";
      os << "\n";
    }
  }
}

static void printModel(std::ostream &os, const Pack &pack) {
  const Manifest &manifest = pack.manifest();
  if (const auto &model = manifest.model) {
    os << "model " << model->architecture << ", " << model->layers << " layers, vocabulary "
              << model->vocabSize << ", signature " << model->signature.substr(0, 16) << "\n";
  }
  if (!manifest.source.empty())
    os << "from " << inQuotes(manifest.source) << "\n";
  uint64_t bytes = 0;
  for (const WeightSpec &weight : manifest.checkpoint)
    bytes += tensorBytes(weight.dtype, weight.shape).value_or(0);
  os << "weights " << manifest.checkpoint.size() << " tensors, " << bytesText(bytes)
            << (pack.hasEmbeddedWeights() ? ", embedded" : ", not embedded") << "\n"
            << "precisions: weights " << manifest.weights << ", activations "
            << manifest.activations << "\n"
            << "config.json " << (pack.configJson() ? "yes" : "no") << ", tokenizer.json "
            << (pack.tokenizerJson() ? "yes" : "no") << ", generation_config.json "
            << (pack.generationJson() ? "yes" : "no") << "\n";
  if (const auto &check = manifest.check)
    os << "end-to-end check: " << check->steps.size() << " steps of " << check->steps[0].size()
       << " sequences, tolerance " << check->tolerance << ", weights "
       << check->weights.substr(0, 16) << "\n";
  else
    os << "no end-to-end check\n";
  for (const EntrySpec &entry : manifest.entries) {
    uint64_t slot = 0;
    for (const StateSpec &state : entry.states)
      slot += tensorBytes(state.dtype, state.shape).value_or(0);
    os << "entry " << entry.name << ": " << listText(entry.inputs) << " -> "
              << listText(entry.outputs) << "; " << entry.states.size() << " states, "
              << bytesText(slot) << " a slot\n";
  }
}

/// Names in a pack are its author's: nothing of them steers the terminal.
static std::string printable(std::string text) {
  for (char &c : text)
    if (c != '\n' && (static_cast<unsigned char>(c) < ' ' || c == 0x7f))
      c = '?';
  return text;
}

static Result<std::string> inspect(const std::string &path, bool json) {
  MAMBA_ASSIGN_OR_RETURN(std::shared_ptr<const Pack> pack, Pack::open(path));
  if (json)
    return writeManifest(pack->manifest()) + "\n";
  std::error_code ignored;
  std::ostringstream os;
  os << path << ": " << bytesText(std::filesystem::file_size(path, ignored)) << ", format "
     << kManifestFormat << "." << pack->manifest().minor << ", built by "
     << pack->manifest().compiler << "\n";
  if (pack->isTuning()) {
    printTuning(os, pack->manifest());
    return printable(os.str());
  }
  printModel(os, *pack);
  printSizes(os, *pack);
  for (const TargetSpec &target : pack->manifest().targets)
    MAMBA_RETURN_IF_ERROR(printTarget(os, *pack, target));
  return printable(os.str());
}

void addInspect(CLI::App &app, Work &work) {
  struct Arguments {
    std::string path;
    bool json = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App *verb = app.add_subcommand("inspect", "Show what a pack holds");
  verb->add_option("pack", arguments->path, "The pack, X.mpk")->required()->type_name("X.mpk");
  verb->add_flag("--json", arguments->json, "The manifest as JSON, see runtime/pack/FORMAT.md");
  verb->footer("Example: mamba-pack inspect mamba-130m.mpk");
  verb->callback([arguments, &work] {
    work = [arguments] { return inspect(arguments->path, arguments->json); };
  });
}

} // namespace mamba::pack
