#include "tools/mamba-pack/Sizes.h"
#include "tools/mamba-pack/Table.h"

#include "runtime/pack/JoinTargets.h"

#include <map>
#include <set>
#include <string>

namespace mamba::pack {

namespace {

/// Blobs by kind, each once.
class Blobs {
public:
  explicit Blobs(const Pack &pack) : pack_(pack) {}
  void add(const std::string &kind, const std::string &name) { names_[kind].insert(name); }
  void add(const TargetSpec &target) {
    forEachBlob(target, [&](const char *kind, const std::string &name) { add(kind, name); });
  }
  uint64_t bytes(const std::string &kind) const {
    uint64_t sum = 0;
    auto found = names_.find(kind);
    if (found != names_.end())
      for (const std::string &name : found->second)
        sum += pack_.storedBytes(name);
    return sum;
  }

private:
  const Pack &pack_;
  std::map<std::string, std::set<std::string>> names_;
};

} // namespace

void printSizes(std::ostream &os, const Pack &pack) {
  const Manifest &manifest = pack.manifest();
  const std::vector<std::string> kinds = {"code", "cubin", "cuda", "golden"};
  Table table({"stored", "code", "cubin", "CUDA C++", "self-tests", "together"});
  auto addLine = [&](const std::string &title, const Blobs &blobs) {
    std::vector<std::string> cells = {title};
    uint64_t sum = 0;
    for (const std::string &kind : kinds) {
      cells.push_back(bytesText(blobs.bytes(kind)));
      sum += blobs.bytes(kind);
    }
    cells.push_back(bytesText(sum));
    table.add(std::move(cells));
  };
  Blobs all(pack);
  for (const TargetSpec &target : manifest.targets) {
    Blobs own(pack);
    own.add(target);
    addLine(target.name, own);
    all.add(target);
  }
  if (manifest.check)
    all.add("golden", manifest.check->blob);
  addLine("all, each once", all);
  table.print(os);
  uint64_t weights = 0;
  for (const WeightSpec &weight : manifest.checkpoint)
    if (const TensorView *embedded = pack.embeddedWeight(weight.name))
      weights += embedded->bytes;
  os << "    manifest " << bytesText(pack.manifestBytes()) << ", embedded weights "
     << bytesText(weights) << "\n";
}

} // namespace mamba::pack
