// Single operators as modules: a table of forms, each with its sizes.
#include "compiler/import/FunctionBuilder.h"
#include "compiler/import/Import.h"
#include "dialects/ssm/SSMDialect.h"
#include "runtime/support/Quote.h"

#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace mamba {
namespace {

/// No size of a single operator is larger.
constexpr int64_t kMaxSize = 1 << 24;

/// The sizes of one form, in the order of its table row.
using Sizes = llvm::ArrayRef<int64_t>;

struct ScanForm {
  bool gated = false, constantBC = false, plain = false;
};

void buildScan(ModuleOp module, llvm::StringRef entry, Sizes sizes,
               ScanForm form) {
  int64_t e = sizes[0], n = sizes[1];
  FunctionBuilder function(module, entry);
  auto inner = function.rows({e});
  auto selected = form.constantBC ? function.fixed({n}) : function.rows({n});
  Value u = function.addInput("u", inner);
  Value delta = function.addInput("delta", inner);
  Value A = function.addInput("A", function.fixed({e, n}));
  Value B = function.addInput("B", selected);
  Value C = function.addInput("C", selected);
  Value D, bias, z;
  if (!form.plain) {
    D = function.addInput("D", function.fixed({e}));
    bias = function.addInput("delta_bias", function.fixed({e}));
  }
  if (form.gated)
    z = function.addInput("z", inner);
  Value batch = function.addBatch();
  Value h0 = function.addState("h0", "h", function.rows({e, n}));
  auto scan = ssm::SelectiveScanOp::create(
      function.builder(), function.location({"y", "h_last"}),
      TypeRange{inner, h0.getType()}, u, delta, bias,
      /*softplus=*/!form.plain, A, /*log2_decay=*/false, B, C, D, z, h0,
      /*slices=*/Value(), batch);
  function.addResult("y", scan.getY());
  function.addNewState("h_last", "h", scan.getNewState());
  function.finish();
}

void buildConv1d(ModuleOp module, llvm::StringRef entry, Sizes sizes) {
  int64_t e = sizes[0], w = sizes[1];
  FunctionBuilder function(module, entry);
  auto inner = function.rows({e});
  Value x = function.addInput("x", inner);
  Value weight = function.addInput("weight", function.fixed({e, w}));
  Value bias = function.addInput("bias", function.fixed({e}));
  Value batch = function.addBatch();
  Value state =
      function.addState("conv_state", "conv_state", function.rows({w - 1, e}));
  auto conv = ssm::Conv1dOp::create(
      function.builder(), function.location({"y", "conv_next"}),
      TypeRange{inner, state.getType()}, x, weight, bias, state, batch);
  function.addResult("y", conv.getY());
  function.addNewState("conv_state", "conv_state", conv.getNewState());
  function.finish();
}

void buildRmsNorm(ModuleOp module, llvm::StringRef entry, Sizes sizes) {
  FunctionBuilder function(module, entry);
  OpBuilder &b = function.builder();
  Value x = function.addInput("x", function.rows({sizes[0]}));
  Value weight = function.addInput("weight", function.fixed({sizes[0]}));
  function.addBatch();
  function.addResult("y", ssm::RMSNormOp::create(b, function.location({"y"}),
                                                 x.getType(), x, weight,
                                                 b.getF64FloatAttr(1e-5)));
  function.finish();
}

void buildLinear(ModuleOp module, llvm::StringRef entry, Sizes sizes) {
  int64_t k = sizes[0], o = sizes[1];
  FunctionBuilder function(module, entry);
  Value x = function.addInput("x", function.rows({k}));
  Value weight = function.addInput("weight", function.fixed({o, k}));
  Value bias = function.addInput("bias", function.fixed({o}));
  function.addBatch();
  function.addResult(
      "y", ssm::LinearOp::create(function.builder(), function.location({"y"}),
                                 function.rows({o}), x, weight, bias));
  function.finish();
}

void buildEmbedding(ModuleOp module, llvm::StringRef entry, Sizes sizes) {
  FunctionBuilder function(module, entry);
  OpBuilder &b = function.builder();
  Value tokens = function.addInput("input_ids", function.tokens());
  Value table =
      function.addInput("table", function.fixed({sizes[0], sizes[1]}));
  function.addBatch();
  function.addResult("y", ssm::EmbeddingOp::create(b, function.location({"y"}),
                                                   function.rows({sizes[1]}),
                                                   table, tokens));
  function.finish();
}

/// A size that a form asks for.
struct SizeSpec {
  llvm::StringRef name;
  int64_t min = 1;
};

struct OperatorForm {
  llvm::StringRef name;
  llvm::ArrayRef<SizeSpec> sizes;
  void (*build)(ModuleOp, Sizes);
};

constexpr SizeSpec kScanSizes[] = {{"E"}, {"N"}};
constexpr SizeSpec kConvSizes[] = {{"E"}, {"W", 2}};
constexpr SizeSpec kNormSizes[] = {{"D"}};
constexpr SizeSpec kLinearSizes[] = {{"K"}, {"O"}};
constexpr SizeSpec kEmbeddingSizes[] = {{"V"}, {"D"}};

const OperatorForm kForms[] = {
    {"scan", kScanSizes,
     [](ModuleOp module, Sizes sizes) {
       buildScan(module, "scan", sizes, {});
       buildScan(module, "scan_gated", sizes, {.gated = true});
     }},
    {"scan_lti", kScanSizes, // B and C constant in time: S4
     [](ModuleOp module, Sizes sizes) {
       buildScan(module, "scan_lti", sizes, {.constantBC = true});
     }},
    {"scan_plain", kScanSizes, // no D, no bias, no softplus
     [](ModuleOp module, Sizes sizes) {
       buildScan(module, "scan_plain", sizes, {.plain = true});
     }},
    {"conv1d", kConvSizes,
     [](ModuleOp module, Sizes sizes) {
       buildConv1d(module, "conv1d", sizes);
     }},
    {"rms_norm", kNormSizes,
     [](ModuleOp module, Sizes sizes) {
       buildRmsNorm(module, "rms_norm", sizes);
     }},
    {"linear", kLinearSizes,
     [](ModuleOp module, Sizes sizes) {
       buildLinear(module, "linear", sizes);
     }},
    {"embedding", kEmbeddingSizes,
     [](ModuleOp module, Sizes sizes) {
       buildEmbedding(module, "embedding", sizes);
     }},
};

/// The sizes in the order of the form; each once, none missing or unknown.
FailureOr<SmallVector<int64_t>> orderSizes(const OperatorForm &form,
                                           const NamedSizes &given,
                                           std::string &error) {
  auto wish = [&] {
    return "operator '" + form.name.str() + "' needs the sizes " +
           llvm::join(llvm::map_range(
                          form.sizes,
                          [](const SizeSpec &spec) { return spec.name.str(); }),
                      ", ");
  };
  SmallVector<int64_t> ordered;
  for (const SizeSpec &spec : form.sizes) {
    auto found = llvm::find_if(
        given, [&](const auto &size) { return size.first == spec.name; });
    if (found == given.end()) {
      error = wish() + "; " + spec.name.str() + " is missing";
      return failure();
    }
    if (found->second < spec.min || found->second > kMaxSize) {
      error = "size " + spec.name.str() + " must be between " +
              std::to_string(spec.min) + " and " + std::to_string(kMaxSize) +
              ", got " + std::to_string(found->second);
      return failure();
    }
    ordered.push_back(found->second);
  }
  for (const auto &[name, value] : given)
    if (llvm::none_of(form.sizes, [&](const SizeSpec &spec) {
          return spec.name == name;
        })) {
      error = wish() + ", got " + inQuotes(name) + " too";
      return failure();
    }
  return ordered;
}

} // namespace

FailureOr<NamedSizes> parseSizes(llvm::StringRef text, std::string &error) {
  NamedSizes sizes;
  SmallVector<llvm::StringRef> items;
  text.split(items, ',');
  for (llvm::StringRef item : items) {
    auto [name, number] = item.split('=');
    int64_t value;
    if (name.empty() || number.getAsInteger(10, value)) {
      error = "sizes are written as E=19,N=5, got " + inQuotes(text);
      return failure();
    }
    if (llvm::any_of(sizes,
                     [&](const auto &size) { return size.first == name; })) {
      error = "size " + inQuotes(name) + " is given twice";
      return failure();
    }
    sizes.emplace_back(name.str(), value);
  }
  return sizes;
}

std::string describeOperators() {
  auto describe = [](const OperatorForm &form) {
    return form.name.str() + " (" +
           llvm::join(llvm::map_range(
                          form.sizes,
                          [](const SizeSpec &spec) { return spec.name.str(); }),
                      ", ") +
           ")";
  };
  return llvm::join(llvm::map_range(kForms, describe), ", ");
}

FailureOr<OwningOpRef<ModuleOp>> importOperator(llvm::StringRef op,
                                                const NamedSizes &sizes,
                                                MLIRContext &context,
                                                std::string &error) {
  auto form = llvm::find_if(
      kForms, [&](const OperatorForm &form) { return form.name == op; });
  if (form == std::end(kForms)) {
    error = "unknown operator " + inQuotes(op) +
            ", the operators and their sizes are " + describeOperators();
    return failure();
  }
  auto ordered = orderSizes(*form, sizes, error);
  if (failed(ordered))
    return failure();
  context.loadDialect<ssm::SSMDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  form->build(*module, *ordered);
  if (failed(verify(*module))) {
    error = "internal error: operator '" + op.str() +
            "' does not verify, report this as a defect";
    return failure();
  }
  return module;
}

} // namespace mamba
