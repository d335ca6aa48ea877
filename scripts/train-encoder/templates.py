"""
Sentences by templates of our own. `{slot}` is a word of words.py or another rule, `[a|b|]` a choice; rules are weighted alike.
The rules are in grammar/*.txt: `name:` opens a rule, each further line is one of its forms.
"""
import functools
import os
import re

import words

HERE = os.path.dirname(os.path.abspath(__file__))
# Shard → (grammar, texts).
SIZES = {"questions": 60000, "flights": 10000, "requests": 16000, "support": 22000, "news": 34000, "reviews": 20000}


def grammar(name):
    rules, current = {}, None
    with open(f"{HERE}/grammar/{name}.txt", encoding="utf-8") as file:
        for line in map(str.rstrip, file):
            if line.startswith("#") or not line:
                continue
            if re.fullmatch(r"\w+:", line):
                current = rules.setdefault(line[:-1], [])
            else:
                current.append(line.strip())
    return rules


@functools.cache
def slots(raw):
    return words.load(raw)


class Writer:
    def __init__(self, random, rules):
        self.random, self.rules = random, rules

    def write(self, rule):
        text = self.random.choice(self.rules[rule])
        while (choice := re.search(r"\[([^\[\]]*)\]", text)) is not None:
            text = text[:choice.start()] + self.random.choice(choice[1].split("|")) + text[choice.end():]
        text = re.sub(r"\{(\w+)\}", lambda slot: self.fill(slot[1]), text)
        return text

    def fill(self, slot):
        if slot == "n":
            return str(self.random.choice([2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100, 150, 200, 300, 500]))
        if slot == "year":
            return str(self.random.randint(1850, 2024))
        if slot not in self.rules:
            raise KeyError(slot)
        return self.write(slot)


def tidy(text):
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return re.sub(r"\s+([,.?!;:])", r"\1", text)


def shard(name, random, raw, count):
    writer = Writer(random, {**slots(raw), **grammar("common"), **grammar(name)})
    texts = set()
    for _ in range(count * 3):
        if len(texts) >= count:
            break
        text = tidy(writer.write("start"))
        style = random.random()
        if style < 0.35:
            text = text.lower()
        elif style < 0.85:
            text = text[:1].upper() + text[1:]
        if random.random() < 0.25:
            text = text.rstrip(".?!")
        texts.add(text)
    return sorted(texts)


SHARDS = {name: (functools.partial(shard, name), count) for name, count in SIZES.items()}
