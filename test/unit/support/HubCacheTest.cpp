#include "runtime/support/HubCache.h"

#include "TempFolder.h"

#include <map>
#include <optional>

using namespace mamba;

namespace {

/// The variables that lead to the cache, as they were before the test again.
class HubCache : public testing::Test {
protected:
  void SetUp() override {
    for (const char *name :
         {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"}) {
      const char *value = std::getenv(name);
      before[name] = value ? std::optional<std::string>(value) : std::nullopt;
      ::unsetenv(name);
    }
  }
  void TearDown() override {
    for (const auto &[name, value] : before)
      if (value)
        ::setenv(name.c_str(), value->c_str(), 1);
      else
        ::unsetenv(name.c_str());
  }

  void set(const char *name, const std::string &value) {
    ::setenv(name, value.c_str(), 1);
  }
  /// A model of one snapshot in a cache; the snapshot's folder.
  std::string addModel(const std::string &cache, const std::string &folder,
                       const std::string &ref = "0123abcd") {
    std::string model = cache + "/" + folder;
    std::filesystem::create_directories(model + "/refs");
    std::ofstream(model + "/refs/main") << ref;
    std::string snapshot = model + "/snapshots/0123abcd";
    std::filesystem::create_directories(snapshot);
    return snapshot;
  }
  std::string found(const std::string &name) {
    auto folder = findCheckpointFolder(name);
    return folder.ok() ? *folder : folder.status().message();
  }

  TempFolder temp;

private:
  std::map<std::string, std::optional<std::string>> before;
};

std::string missing(const std::string &name, const std::string &path) {
  return "there is no '" + name +
         "', and no model of that name in the cache of the Hugging Face hub "
         "(no '" +
         path + "'): get it with 'hf download " + name + "'";
}

} // namespace

TEST_F(HubCache, Names) {
  for (const char *name :
       {"org/name", "a/b", "state-spaces/mamba-130m-hf", "o_1/n.v0_1", "_/_"})
    EXPECT_TRUE(isHubName(name)) << name;
  for (const char *name :
       {"",       "name",   "/",     "/name", "org/",  "a/b/c", "../x", "x/..",
        "./x",    "x/.",    "/a/b",  "a//b",  "-a/b",  "a/b-",  ".a/b", "a/b.",
        "a--b/c", "a/b..c", "a b/c", "a/b\n", "a/\\b", "ä/b",   "~/x"})
    EXPECT_FALSE(isHubName(name)) << name;
  EXPECT_TRUE(isHubName(std::string(96, 'a') + "/" + std::string(96, 'b')));
  EXPECT_FALSE(isHubName(std::string(97, 'a') + "/b"));
  EXPECT_FALSE(isHubName("a/" + std::string(97, 'b')));
}

TEST_F(HubCache, TheFirstVariableThatIsSetLeadsToIt) {
  const std::string name = "org/name", folder = "models--org--name";
  std::string home = temp / "home", xdg = temp / "xdg", hf = temp / "hf",
              hub = temp / "hub";
  std::string byHome = addModel(home + "/.cache/huggingface/hub", folder),
              byXdg = addModel(xdg + "/huggingface/hub", folder),
              byHf = addModel(hf + "/hub", folder),
              byHub = addModel(hub, folder);
  EXPECT_EQ(found(name), "there is no 'org/name', and no cache of the "
                         "Hugging Face hub to look for that model in: set "
                         "HF_HUB_CACHE or HOME");
  set("HOME", home);
  EXPECT_EQ(found(name), byHome);
  set("XDG_CACHE_HOME", xdg);
  EXPECT_EQ(found(name), byXdg);
  set("HF_HOME", hf);
  EXPECT_EQ(found(name), byHf);
  set("HF_HUB_CACHE", hub);
  EXPECT_EQ(found(name), byHub);
  set("HF_HUB_CACHE", "");
  EXPECT_EQ(found(name), byHf);
}

TEST_F(HubCache, WhatIsThereComesFirst) {
  set("HF_HUB_CACHE", temp / "hub");
  EXPECT_EQ(found(temp.path()), temp.path());
  std::string before = std::filesystem::current_path();
  std::filesystem::create_directories(temp / "org/name");
  std::filesystem::current_path(temp.path());
  std::string there = found("org/name"), absent = found("org/other");
  std::filesystem::current_path(before);
  EXPECT_EQ(there, "org/name");
  EXPECT_EQ(absent,
            missing("org/other", temp / "hub/models--org--other/refs/main"));
}

// Whoever opens it says that it is not there.
TEST_F(HubCache, OtherNamesAreLeftAlone) {
  set("HF_HUB_CACHE", temp / "hub");
  for (const char *name : {"../nowhere/x", "nowhere", "nowhere/x/y", ""})
    EXPECT_EQ(found(name), name);
}

TEST_F(HubCache, WhatIsMissingIsNamed) {
  set("HF_HUB_CACHE", temp / "hub");
  std::string model = temp / "hub/models--org--name";
  EXPECT_EQ(found("org/name"), missing("org/name", model + "/refs/main"));
  EXPECT_EQ(findCheckpointFolder("org/name").status().code(),
            StatusCode::NotFound);
  addModel(temp / "hub", "models--org--name", "4567");
  EXPECT_EQ(found("org/name"), missing("org/name", model + "/snapshots/4567"));
  addModel(temp / "hub", "models--org--name", "0123abcd\n");
  EXPECT_EQ(found("org/name"), model + "/snapshots/0123abcd");
}

TEST_F(HubCache, ARefLeadsNowhereElse) {
  set("HF_HUB_CACHE", temp / "hub");
  std::string path = temp / "hub/models--org--name/refs/main";
  for (std::string ref : {"../../..", "..", "", "\n", "a/b", "a b"}) {
    addModel(temp / "hub", "models--org--name", ref);
    EXPECT_TRUE(found("org/name")
                    .starts_with("'" + path +
                                 "' must hold a commit's "
                                 "hash, got '"))
        << ref;
  }
  addModel(temp / "hub", "models--org--name", std::string(300, 'a'));
  EXPECT_NE(found("org/name").find("refs/main"), std::string::npos);
}
