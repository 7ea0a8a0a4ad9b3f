// Random checkpoints: the same for a seed, readable, and of sane statistics.
#include "compiler/import/RandomWeights.h"

#include "compiler/import/Mamba1Weights.h"
#include "test/unit/support/TempFolder.h"

#include <cmath>
#include <cstring>

using namespace mamba;

namespace {

const std::string kConfig = R"({"d_model": 64, "n_layer": 2, "vocab_size": 93,
  "ssm_cfg": {"bias": true}, "tie_embeddings": false})";

struct RandomFolder {
  TempFolder folder;
  std::string config = folder.add("config-in.json", kConfig);
  std::string dir = folder / "out";

  Status write(const std::string &to, RandomWeightsOptions options = {}) const {
    return writeRandomCheckpoint(config, to, options);
  }
};

std::vector<float> floats(const TensorView &tensor) {
  std::vector<float> values(tensor.bytes / sizeof(float));
  std::memcpy(values.data(), tensor.data, tensor.bytes);
  return values;
}

double deviation(const std::vector<float> &values) {
  double sum = 0, squares = 0;
  for (float value : values) {
    sum += value;
    squares += double(value) * value;
  }
  double mean = sum / values.size();
  EXPECT_LT(std::abs(mean), 0.05 * std::sqrt(squares / values.size()));
  return std::sqrt(squares / values.size() - mean * mean);
}

TEST(RandomWeights, CanBeBound) {
  RandomFolder random;
  ASSERT_TRUE(random.write(random.dir).ok());
  EXPECT_EQ(slurp(random.dir + "/config.json"), kConfig);
  auto config = readModelConfig(random.dir + "/config.json");
  ASSERT_TRUE(config.ok());
  auto checkpoint = openCheckpoint(random.dir);
  ASSERT_TRUE(checkpoint.ok());
  auto weights = bindMamba1Weights(*checkpoint, *config);
  ASSERT_TRUE(weights.ok()) << weights.status().message();
  EXPECT_TRUE(weights->warnings.empty());
  EXPECT_EQ(weights->sizes.vocab, 96); // Padded to a multiple of 8.
  EXPECT_EQ(weights->sizes.inner, 128);
  EXPECT_EQ(weights->sizes.state, 16);
  EXPECT_EQ(weights->sizes.conv, 4);
  EXPECT_EQ(weights->sizes.dtRank, 4);
  EXPECT_EQ(weights->embedding->name, "backbone.embedding.weight");
  EXPECT_EQ(weights->head->name, "lm_head.weight");

  const Mamba1Layer &layer = weights->layers[1];
  EXPECT_TRUE(layer.inProjBias && layer.outProjBias && layer.convBias);
  EXPECT_NEAR(deviation(floats(*layer.inProj)), 1 / 8.0, 0.002);
  EXPECT_NEAR(deviation(floats(*weights->embedding)), 0.02, 0.0005);
  std::vector<float> aLog = floats(*layer.aLog);
  EXPECT_FLOAT_EQ(aLog[0], 0);
  EXPECT_FLOAT_EQ(aLog[17], std::log(2.0f));
  EXPECT_FLOAT_EQ(aLog[31], std::log(16.0f));
  for (float bias : floats(*layer.dtBias)) {
    double dt = std::log1p(std::exp(double(bias)));
    EXPECT_GT(dt, 0.00099);
    EXPECT_LT(dt, 0.101);
  }
  for (float d : floats(*layer.d))
    EXPECT_EQ(d, 1);
  // Layers differ.
  EXPECT_NE(floats(*layer.inProj), floats(*weights->layers[0].inProj));
}

TEST(RandomWeights, DependOnTheSeedAlone) {
  RandomFolder random;
  ASSERT_TRUE(random.write(random.folder / "a", {.seed = 1}).ok());
  ASSERT_TRUE(random.write(random.folder / "b", {.seed = 1}).ok());
  ASSERT_TRUE(random.write(random.folder / "c", {.seed = 2}).ok());
  std::string a = slurp(random.folder / "a/model.safetensors");
  EXPECT_EQ(a, slurp(random.folder / "b/model.safetensors"));
  EXPECT_NE(a, slurp(random.folder / "c/model.safetensors"));
}

TEST(RandomWeights, LeaveACheckpointAlone) {
  RandomFolder random;
  ASSERT_TRUE(random.write(random.dir).ok());
  Status again = random.write(random.dir, {.seed = 9});
  EXPECT_EQ(again.message(), "'" + random.dir +
                                 "/model.safetensors' exists already, --force "
                                 "replaces it");
  std::string before = slurp(random.dir + "/model.safetensors");
  EXPECT_TRUE(random.write(random.dir, {.seed = 9, .overwrite = true}).ok());
  EXPECT_NE(before, slurp(random.dir + "/model.safetensors"));
}

TEST(RandomWeights, LeaveAnotherConfigAlone) {
  RandomFolder random;
  random.folder.add("config.json", "{}");
  Status status = random.write(random.folder.path());
  EXPECT_EQ(status.message(), "'" + random.folder.path() +
                                  "/config.json' is there and differs from '" +
                                  random.config + "', --force replaces it");
  EXPECT_EQ(random.folder.countFiles(), 2u);
}

TEST(RandomWeights, FolderThatCannotBeMade) {
  RandomFolder random;
  EXPECT_FALSE(random.write(random.config).ok()); // A file.
  EXPECT_FALSE(random.write(random.folder / "a/b").ok());
}

} // namespace
