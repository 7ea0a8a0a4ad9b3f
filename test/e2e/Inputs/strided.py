"""What perplexity --window --stride must say, step by step.

ids TEXT TOKENIZER: the text's tokens, by a byte-level BPE of its own, into ids.json
windows N M: the windows into `windows`, a row each, for mamba-run logits
check ANSWER N M: the answer against what `logits` holds
"""
import array
import json
import math
import re
import struct
import sys


def bytes_to_unicode():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    table = {b: chr(b) for b in plain}
    table.update({b: chr(256 + i) for i, b in enumerate(others)})
    return table


def encode(text, model):
    ranks = {tuple(m.split(" ") if isinstance(m, str) else m): i for i, m in enumerate(model["merges"])}
    table = bytes_to_unicode()
    words = re.findall(r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", text)
    ids = []
    for word in words:
        parts = [table[b] for b in word.encode()]
        while len(parts) > 1:
            pairs = list(zip(parts, parts[1:]))
            best = min(pairs, key=lambda pair: ranks.get(pair, math.inf))
            if best not in ranks:
                break
            i = pairs.index(best)
            parts[i : i + 2] = ["".join(best)]
        ids += [model["vocab"][part] for part in parts]
    return ids


def windows(count, window, stride):
    """(begin, first that counts, end) of each."""
    done, begin, found = 0, 0, []
    while done < count:
        end = min(begin + window, count)
        found.append((begin, max(done, begin + 1), end))
        done, begin = end, begin + stride
    return found


def write(path, rows):
    longest = max(map(len, rows))
    ids = array.array("q", [i for row in rows for i in row + [0] * (longest - len(row))])
    lengths = array.array("q", map(len, rows))
    bodies = {"input_ids": ([len(rows), longest], ids.tobytes()), "lengths": ([len(rows)], lengths.tobytes())}
    header, start = {}, 0
    for name, (shape, body) in bodies.items():
        header[name] = {"dtype": "I64", "shape": shape, "data_offsets": [start, start + len(body)]}
        start += len(body)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + b"".join(body for _, body in bodies.values()))


def read_logits(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack_from("<Q", data)[0]
    tensor = json.loads(data[8 : 8 + size])["logits"]
    begin, end = tensor["data_offsets"]
    return tensor["shape"], array.array("f", data[8 + size + begin : 8 + size + end])


def main():
    what = sys.argv[1]
    if what == "ids":
        text = open(sys.argv[2], newline="").read()
        model = json.load(open(sys.argv[3]))["model"]
        json.dump({"ids": encode(text, model), "bytes": len(text.encode())}, open("ids.json", "w"))
        return
    known = json.load(open("ids.json"))
    ids = known["ids"]
    window, stride = map(int, sys.argv[-2:])
    spans = windows(len(ids), window, stride)
    if what == "windows":
        write("windows", [ids[begin:end] for begin, _, end in spans])
        return
    (_, length, vocabulary), logits = read_logits("logits")
    nll, counted = 0.0, []
    for row, (begin, first, end) in enumerate(spans):
        for t in range(first, end):
            at = (row * length + t - begin - 1) * vocabulary
            column = logits[at : at + vocabulary]
            largest = max(column)
            nll += math.log(math.fsum(math.exp(x - largest) for x in column)) + largest - column[ids[t]]
            counted.append(t)
    answer = json.load(open(sys.argv[2]))
    print(answer)
    if stride < window:
        assert counted == list(range(1, len(ids))), counted
    assert (answer["window"], answer["stride"]) == (window, stride)
    assert answer["tokens"] == len(counted), (answer["tokens"], len(counted))
    wanted = nll / len(counted)
    assert abs(answer["nll_per_token"] - wanted) < 2e-5, (answer, wanted)
    assert abs(answer["perplexity"] / math.exp(wanted) - 1) < 2e-5
    assert abs(answer["bits_per_byte"] - nll / math.log(2) / known["bytes"]) < 2e-5


main()
