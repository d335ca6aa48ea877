#!/usr/bin/env python3
"""Golden fixture of the reference word deletion: what nlpaug 1.1.11 returns when told which tokens to remove.

    pip install --no-deps nlpaug==1.1.11 && pip install numpy pandas requests gdown
    python3 scripts/golden/make_views.py test/golden/fixtures/views

The FUNGI text code calls RandomWordAug(action="delete", aug_p=0.1); only its random draw is replaced here. Each text is run
at p = 0.1 and at p = 0.5 (more removals, the same rules), once as drawn and once with the first candidates of the text.
"""
import json, os, random, sys
import nlpaug
import nlpaug.augmenter.word as naw

SEED = 7
TEXTS = [
    "What is the capital of France ?", "How far is it from Denver to Aspen?", "hello world", "Hello world", "Hello!", "Hello", "hello",
    "!", "?!", "... !!! ???", "a", "A b", "I am here", "I'm still waiting on my card, what's going on?", "Don't you think it's odd?",
    "can't", "We've been had; they'd've known.", "  leading and trailing   spaces  ", "tabs\tand\nnew\r\nlines\fand\vmore",
    "What country did Ponce de Leon roam ?", "My card payment was declined (twice!), and I was charged $3.50 - why?",
    "An (aside) in [square] {curly} <angle> brackets", "( opened and never closed", "closed ) and never opened",
    "She said \"no\" , then 'yes' .", "one ! two ? three . four , five", "wait ... what ?! no !!!", "100% sure , 50 % off", "`code` and ``quotes''",
    "snake_case and kebab-case _ alone __ twice", "http://example.org/a?b=c&d=e", "name@example.org #tag @user", "3.14 is pi, 2,000 is not",
    "McDonald opened a shop", "The iPhone broke", "My eBay account is locked", "USA won the match", "A1 sauce tastes good", "Über allen Gipfeln ist Ruh", "Straße und ßtrasse", "Die ß gibt es",
    "Élan vital était là", "E\u0301lan decomposed cafe\u0301 ole\u0301", "naïve café déjà vu", "¿Dónde está la biblioteca?", "«Bonjour», dit-il – puis rien…",
    "“Curly quotes” aren’t ASCII", "Ελλάδα είναι ωραία", "Привет мир, как дела?", "Москва стоит", "你好 世界", "你好世界,再见。", "これはテストです。 次の文", "안녕하세요 세계",
    "مرحبا بالعالم", "नमस्ते दुनिया", "Tbilisi საქართველო ქალაქი", "emoji 😀 in 👩‍👩‍👧 text 🇫🇷", "𝒜 mathematical 𝔞lphabet", "²³ ½ Ⅷ ⅷ ٣ numbers", "İstanbul ıssız", "ǅ is titlecase, ǆ not",
    "zero\u200bwidth and\ufeffbom and\xa0nbsp and\u3000wide", "control \x00 nul \x1c sep \x85 nel \x7f del", "\x1c hidden edges \ufeff", " ", "\t\n", "\ufeff",
    "x", "X y z", "The The the", "the quick brown fox jumps over the lazy dog near the bank of the river while nobody looks at it at all today",
    " ".join(f"word{i}" for i in range(130)), "A " * 30 + "end", "i I i", "O'Neill can't won't shan't", "Q: why? A: because.", "\\ backslash / slash | pipe ~ tilde ^ caret",
]


def main(out):
    assert nlpaug.__version__ == "1.1.11"
    rng, rows = random.Random(SEED), []
    for p in (0.1, 0.5):
        augmenter = naw.RandomWordAug(action="delete", aug_p=p)
        for text in TEXTS:
            for pick in (rng.sample, lambda candidates, count: candidates[:count]):
                asked = {"candidates": [], "count": 0, "positions": []}

                def sample(candidates, count):
                    positions = pick(candidates, count)
                    asked.update(candidates=list(candidates), count=count, positions=list(positions))
                    return positions

                augmenter.sample = sample
                row = {"p": p, "text": text, "output": augmenter.augment(text).pop(), **asked}
                if row not in rows:
                    rows.append(row)
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/nlpaug-delete.json", "w", encoding="utf-8") as file:
        body = ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows)
        file.write(f'{{"nlpaug":"{nlpaug.__version__}","seed":{SEED},"rows":[\n{body}\n]}}\n')
    print(f"{len(TEXTS)} texts, {len(rows)} rows")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
