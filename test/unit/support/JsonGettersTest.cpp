#include "runtime/support/Json.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mamba;
using nlohmann::json;

namespace {

json sample() {
  return *parseJson(R"({
    "int": 7, "negative": -3, "float": 3.0, "huge": 18446744073709551615,
    "text": "x", "yes": true, "nothing": null, "infinite": Infinity,
    "ints": [1, 2, 3], "mixed": [1, "x"], "texts": ["a", "b"], "object": {"k": 1}
  })",
                    "sample");
}

/// The message of a failure, "" of a value.
template <typename T> std::string messageOf(const Result<T> &result) {
  return result.status().message();
}

} // namespace

TEST(JsonGetters, Int) {
  json object = sample();
  EXPECT_EQ(*getInt(object, "int"), 7);
  EXPECT_EQ(*getInt(object, "negative"), -3);
  EXPECT_EQ(*getInt(object, "int", 7, 7), 7);
  EXPECT_EQ(messageOf(getInt(object, "text")),
            "'text' must be an integer, got a string");
  EXPECT_EQ(messageOf(getInt(object, "float")),
            "'float' must be an integer, got 3.0");
  EXPECT_EQ(messageOf(getInt(object, "huge")),
            "'huge' must be an integer, got 18446744073709551615");
  EXPECT_EQ(messageOf(getInt(object, "yes")),
            "'yes' must be an integer, got true");
  EXPECT_EQ(messageOf(getInt(object, "infinite")),
            "'infinite' must be an integer, got Infinity");
  EXPECT_EQ(messageOf(getInt(object, "negative", 1)),
            "'negative' must be an integer of at least 1, got -3");
  EXPECT_EQ(messageOf(getInt(object, "int", 1, 4)),
            "'int' must be an integer from 1 to 4, got 7");
  EXPECT_EQ(messageOf(getInt(object, "int", INT64_MIN, 4)),
            "'int' must be an integer of at most 4, got 7");
}

TEST(JsonGetters, MissingKeysAreNotFound) {
  json object = sample();
  EXPECT_EQ(getInt(object, "absent").status().code(), StatusCode::NotFound);
  EXPECT_EQ(messageOf(getInt(object, "absent", 1)),
            "'absent' is missing, it must be an integer of at least 1");
  EXPECT_EQ(messageOf(getString(object, "nothing")),
            "'nothing' is missing, it must be a string");
}

TEST(JsonGetters, WhatIsNoObjectHasNoMembers) {
  EXPECT_EQ(messageOf(getInt(json::array(), "k")),
            "expected an object with the key 'k', got an array");
  EXPECT_FALSE(getOptionalInt(json(3), "k").ok());
}

TEST(JsonGetters, OptionalForms) {
  json object = sample();
  EXPECT_EQ(**getOptionalInt(object, "int"), 7);
  EXPECT_FALSE((*getOptionalInt(object, "absent")).has_value());
  EXPECT_FALSE((*getOptionalInt(object, "nothing")).has_value());
  EXPECT_EQ(messageOf(getOptionalInt(object, "text")),
            "'text' must be an integer, got a string");
  EXPECT_EQ(**getOptionalString(object, "text"), "x");
  EXPECT_FALSE((*getOptionalString(object, "absent")).has_value());
  EXPECT_EQ(**getOptionalBool(object, "yes"), true);
  EXPECT_FALSE((*getOptionalBool(object, "absent")).has_value());
  EXPECT_EQ(**getOptionalDouble(object, "int"), 7.0);
  EXPECT_FALSE((*getOptionalDouble(object, "absent")).has_value());
  EXPECT_EQ((*getOptionalArray(object, "ints"))->size(), 3u);
  EXPECT_EQ(*getOptionalArray(object, "absent"), nullptr);
  EXPECT_EQ((*getOptionalObject(object, "object"))->size(), 1u);
  EXPECT_EQ(*getOptionalObject(object, "nothing"), nullptr);
  EXPECT_FALSE(getOptionalObject(object, "ints").ok());
}

TEST(JsonGetters, Double) {
  json object = sample();
  EXPECT_EQ(*getDouble(object, "float"), 3.0);
  EXPECT_EQ(*getDouble(object, "int"), 7.0);
  EXPECT_TRUE(std::isinf(*getDouble(object, "infinite")));
  EXPECT_EQ(messageOf(getDouble(object, "text")),
            "'text' must be a number, got a string");
}

TEST(JsonGetters, BoolAndString) {
  json object = sample();
  EXPECT_TRUE(*getBool(object, "yes"));
  EXPECT_EQ(messageOf(getBool(object, "int")),
            "'int' must be true or false, got a number");
  EXPECT_EQ(*getString(object, "text"), "x");
  EXPECT_EQ(messageOf(getString(object, "object")),
            "'object' must be a string, got an object");
}

TEST(JsonGetters, ArraysAndObjects) {
  json object = sample();
  EXPECT_EQ((*getArray(object, "mixed"))->size(), 2u);
  EXPECT_EQ(messageOf(getArray(object, "object")),
            "'object' must be an array, got an object");
  EXPECT_EQ((*getObject(object, "object"))->size(), 1u);
  EXPECT_EQ(messageOf(getObject(object, "ints")),
            "'ints' must be an object, got an array");
  EXPECT_EQ(*getIntArray(object, "ints"), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(messageOf(getIntArray(object, "mixed")),
            "'mixed[1]' must be an integer, got a string");
  EXPECT_EQ(messageOf(getIntArray(object, "ints", 0, 2)),
            "'ints[2]' must be an integer from 0 to 2, got 3");
  EXPECT_EQ(*getStringArray(object, "texts"),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(messageOf(getStringArray(object, "mixed")),
            "'mixed[0]' must be a string, got a number");
}
