"""
The student's tokenizer, WORK/tokenizer.json: WordPiece, lower-casing, with a part of the teacher's vocabulary.

    python vocabulary.py MINILM WORK

The teacher's tokens stand in the order of how common they are. The first ones are kept whether the texts have them or not, since a
word that training never saw still has the teacher's vector; the rest are those the texts use most.
"""
import collections
import json
import os
import sys

from tokenizers import Tokenizer

SIZE = 18000
COMMON = 12000
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MAX_TOKENS = 128


def is_latin(token):
    return all(ord(c) < 0x180 or 0x2010 <= ord(c) <= 0x2030 or c in "€£¥₹™" for c in token.removeprefix("##"))


def count(tokenizer, work):
    """How often the texts use each token; single words of WordNet are left out."""
    uses = collections.Counter()
    for name in sorted(os.listdir(f"{work}/texts")):
        if name in ("wordnet-words.txt", "passages.txt"):
            continue
        with open(f"{work}/texts/{name}", encoding="utf-8") as file:
            texts = file.read().split("\n")[:-1]
        for start in range(0, len(texts), 5000):
            for encoded in tokenizer.encode_batch(texts[start:start + 5000], add_special_tokens=False):
                uses.update(encoded.tokens)
    return uses


def main(minilm, work):
    tokenizer = Tokenizer.from_file(f"{minilm}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    vocabulary = tokenizer.get_vocab()
    order = [t for t, _ in sorted(vocabulary.items(), key=lambda item: item[1]) if is_latin(t) and not t.startswith("[unused")]
    uses = count(tokenizer, work)
    letters = [t for t in order if len(t.removeprefix("##")) == 1]
    common = [t for t in order if vocabulary[t] < COMMON]
    used = sorted((t for t in order if uses[t] > 0), key=lambda t: (-uses[t], vocabulary[t]))
    kept = list(dict.fromkeys(SPECIAL + letters + common + used))[:SIZE]
    kept = SPECIAL + sorted(set(kept) - set(SPECIAL), key=vocabulary.get)
    with open(f"{minilm}/tokenizer.json", encoding="utf-8") as file:
        settings = json.load(file)
    new = {token: i for i, token in enumerate(kept)}
    settings["model"]["vocab"] = new
    settings["padding"] = None
    settings["truncation"] = {"direction": "Right", "max_length": MAX_TOKENS, "strategy": "LongestFirst", "stride": 0}
    for added in settings["added_tokens"]:
        added["id"] = new[added["content"]]
    for special in settings["post_processor"].get("special_tokens", {}).values():
        special["ids"] = [new[token] for token in special["tokens"]]
    for part in ("sep", "cls"):
        if part in settings["post_processor"]:
            settings["post_processor"][part][1] = new[settings["post_processor"][part][0]]
    with open(f"{work}/tokenizer.json", "w", encoding="utf-8") as file:
        json.dump(settings, file, ensure_ascii=False, separators=(",", ":"))
    check = Tokenizer.from_file(f"{work}/tokenizer.json")
    print(len(kept), "tokens;", check.encode("Which airports are near Pittsburgh?").tokens)


if __name__ == "__main__":
    main(*sys.argv[1:])
