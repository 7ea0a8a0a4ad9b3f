"""Writes the *.tokenizer.json of this folder and the *.vectors.json beside
them: texts with the ids that the Hugging Face `tokenizers` library gives, and
what it decodes. Also the vectors of the bundled model's tokenizer.

    pip install tokenizers==0.23.3 && python3 make_vectors.py
"""

import json
import pathlib
import random

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent

TEXTS = [
    "",
    " ",
    "\n",
    "a",
    "Hello, world! It's 2024, isn't it? We'll see; they've gone.",
    "To be, or not to be, that is the question:\nWhether 'tis nobler",
    "  leading and trailing  ",
    "many          spaces\t\ttabs\t \n\n\nnewlines",
    " " * 67 + "x" + " " * 31,
    "CRLF line one\r\nline two\r\n\r\nline three\r",
    "control \x00\x01\x07\x1b[0m\x7f\x80\x85\x9f end",
    "café naïve Ångström",
    "cafe\u0301 nai\u0308ve A\u030angstro\u0308m",
    "q\u0307\u0323 q\u0323\u0307 \u0344 \u1e69 s\u0323\u0307",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 한글 각\u11a8",
    "Привет, мир! Ещё раз: ёлка.",
    "Γειά σου Κόσμε; ΟΔΟΣ ὀδός",
    "שלום עולם",
    "مرحبا بالعالم ٠١٢٣٤٥",
    "नमस्ते दुनिया १२३ क\u093c\u0958",
    "สวัสดีชาวโลก",
    "你好,世界。今天是2024年1月1日。",
    "こんにちは世界、カタカナ ﾊﾝｶｸ",
    "👍 👍🏽 👩‍👩‍👧‍👦 🇩🇪🇯🇵 ❤️ 🏳️‍🌈",
    "½ ² ³ ① Ⅷ ٣ ৪ 𝟛 123456789 1,234.56",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 \U0010ffff \ufffd \ufeff",
    "non\u00a0breaking\u2003em\u3000ideographic\u2028line\u180evowel\u200bzero",
    "snake_case camelCase kebab-case x1y2 foo.bar() {a: [1, 2]};",
    "def f(x):\n    if x:\n        return x  # ok\n\treturn None\n",
    "https://example.com/a?b=c&d=%20#frag user@example.com",
    "'s 't 're 've 'm 'll 'd 'S 'RE ’s",
    "AAAAAAAAAAAAAAAAaaaaaaaaaaaaaaaabbbbbbbbbbbbbbb",
    "======== -------- ........ !!!!! ?!?!",
    "<|endoftext|>",
    "<|endoftext|><|endoftext|> text<|endoftext|>\n",
    "a <|endoftext|> b <|endoftext> c <|end",
    "x <mask> y<mask>z  <mask>  <mask>",
    "one<left>two   <left>three <left>",
    "one<right>two<right>   three<right> \n\t four",
    "word words sword word, (word) word\u0301 _word word1 word",
    "<a><ab><abc><abcd> <ab",
    "e\u0301nd énd END e\u0301ndend",
    "\u212b\u212a \u2126 \ufb01 ſ ß",
    "<s>Hello</s> <unk> <0x41><0xC3>",
    "ſaint 'ſ K'K 'LL",
]

GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def split(pattern, behavior, invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def added(id, content, special=False, lstrip=False, rstrip=False, word=False, normalized=False):
    return {"id": id, "content": content, "single_word": word, "lstrip": lstrip,
            "rstrip": rstrip, "normalized": normalized, "special": special}


def trained(size):
    """A byte-level vocabulary and merges, learnt from the texts above."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(TEXTS * 2, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(m) for m in model["merges"]]


def bpe(vocab, merges, **options):
    model = {"type": "BPE", "dropout": None, "unk_token": None,
             "continuing_subword_prefix": None, "end_of_word_suffix": None,
             "fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return model | options | {"vocab": vocab, "merges": merges}


def strings(merges):
    return [" ".join(m) for m in merges]


def document(model, pre_tokenizer, added_tokens=(), normalizer=None, post=None, decoder=None):
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": list(added_tokens), "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer, "post_processor": post,
            "decoder": decoder or byte_level(), "model": model}


def without(vocab, merges, dropped):
    """The vocabulary without some letters, and the merges that remain."""
    kept = [t for t in vocab if t not in dropped]
    vocab = {t: i for i, t in enumerate(kept)}
    result = []
    for a, b in merges:
        if a in vocab and b in vocab and a + b in vocab:
            result.append((a, b))
    return vocab, result


def numbered(vocab, tokens):
    """With the ids that the library gives: the vocabulary's, or the next."""
    free = len(vocab)
    for token in tokens:
        if token["content"] in vocab:
            token["id"] = vocab[token["content"]]
        else:
            token["id"], free = free, free + 1
    return tokens


def documents():
    vocab, merges = trained(420)
    n = len(vocab)

    yield "nfc_added", document(
        bpe(vocab, strings(merges)), byte_level(), normalizer={"type": "NFC"},
        added_tokens=numbered(vocab, [
            added(0, "<|endoftext|>", special=True),
            added(0, "<mask>", special=True, lstrip=True, rstrip=True),
            added(0, "<left>", lstrip=True),
            added(0, "<right>", rstrip=True, normalized=True),
            added(0, "word", word=True, normalized=True),
            added(0, "<a>"), added(0, "<ab"), added(0, "<abc>"),
            added(0, "e\u0301nd", normalized=True),
            added(0, "A\u030a", special=True, normalized=True),
            added(0, "        ", normalized=True), added(0, "  ", normalized=True),
        ]))

    template = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                   {"Sequence": {"id": "A", "type_id": 0}},
                   {"SpecialToken": {"id": "</s>", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [n], "tokens": ["<s>"]},
                           "</s>": {"id": "</s>", "ids": [n + 1, n], "tokens": ["</s>", "<s>"]}},
    }
    yield "prefix_space", document(
        bpe(vocab, merges), byte_level(prefix=True),
        added_tokens=[added(n, "<s>", special=True), added(n + 1, "</s>", special=True)],
        post={"type": "Sequence", "processors": [byte_level(), template]})

    # "ignore_merges" finds words that no merges lead to.
    words = dict(vocab)
    for word in ["Ġquestion", "Hello", "isn", "12345", "'t", "ĠspacesĊ"]:
        words.setdefault(word, len(words))
    yield "split_ignore_merges", document(
        bpe(words, strings(merges), ignore_merges=True),
        sequence(split(GPT4, "Isolated"), byte_level(regex=False)))

    yield "split_behaviors", document(
        bpe(vocab, merges),
        sequence(split(" ", "MergedWithNext", kind="String"),
                 split(r"[0-9]{3}(?=\d)", "MergedWithPrevious"),
                 split(r"\p{Han}+|\p{Cyrillic}", "Removed"),
                 {"type": "Digits", "individual_digits": True},
                 split(r"\w+|[^\w\s]+", "Contiguous", invert=True),
                 byte_level(regex=False)))

    yield "punctuation", document(
        bpe(vocab, merges),
        sequence({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(),
                 {"type": "Digits", "individual_digits": False},
                 split("[0-9][0-9][0-9]", "Isolated")))

    few, fewer = without(vocab, merges, set("ÐÑĀĢx"))
    yield "unknown_fused", document(
        bpe(few, fewer, unk_token="?", fuse_unk=True), byte_level())
    yield "unknown_dropped", document(bpe(few, fewer), byte_level())

    # Characters of their own, the others as bytes; no byte-level letters.
    letters = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for b in range(256):
        letters["<0x%02X>" % b] = len(letters)
    for c in " \neEaAtoinshrld.,'é你好Привет":
        letters[c] = len(letters)
    pairs = [("t", "h"), ("th", "e"), (" ", "t"), ("l", "l"), ("你", "好"), ("е", "т"), (" ", " "),
             ("  ", "  "), ("<0xF0>", "<0x9F>"), ("e", " ")]
    for a, b in pairs:
        letters.setdefault(a + b, len(letters))
    fallback = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    yield "byte_fallback", document(
        bpe(letters, pairs, byte_fallback=True, unk_token="<unk>"), None, decoder=fallback,
        added_tokens=[added(0, "<unk>", special=True), added(1, "<s>", special=True),
                      added(2, "</s>", special=True)])

    # Some bytes are missing, so that some characters are unknown after all.
    partial = {t: i for i, t in enumerate(t for t in letters if t not in ("<0xC3>", "<0xE4>", "<0x2D>"))}
    yield "byte_fallback_partial", document(
        bpe(partial, [p for p in pairs if p[0] + p[1] in partial], byte_fallback=True, unk_token="<unk>"),
        split(r"\s+", "MergedWithPrevious"), decoder={"type": "ByteFallback"},
        added_tokens=[added(0, "<unk>", special=True)])


def vectors(tokenizer, source):
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        row = {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}
        special = tokenizer.encode(text, add_special_tokens=True).ids
        if special != ids:
            row["ids_with_special"] = special
        skipped = tokenizer.decode(ids, skip_special_tokens=True)
        if skipped != row["decoded"]:
            row["decoded_without_special"] = skipped
        rows.append(row)
    # Ids in any order, of which no text consists.
    chance = random.Random(7)
    known = sorted(set(tokenizer.get_vocab().values()))
    for _ in range(30):
        ids = [chance.choice(known) for _ in range(chance.randrange(1, 25))]
        row = {"ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}
        skipped = tokenizer.decode(ids, skip_special_tokens=True)
        if skipped != row["decoded"]:
            row["decoded_without_special"] = skipped
        rows.append(row)
    return {"tokenizer": source, "vectors": rows}


def write(path, value, **options):
    path.write_text(json.dumps(value, **options) + "\n", encoding="utf-8")


def main():
    for name, value in documents():
        path = HERE / (name + ".tokenizer.json")
        write(path, value, ensure_ascii=False, separators=(",", ":"))
        write(HERE / (name + ".vectors.json"),
              vectors(Tokenizer.from_file(str(path)), "tokenizer/" + path.name),
              separators=(",", ":"))
    bundled = "models/shakespeare/tokenizer.json"
    write(HERE / "shakespeare.vectors.json",
          vectors(Tokenizer.from_file(str(HERE.parent / bundled)), bundled), separators=(",", ":"))


if __name__ == "__main__":
    main()
