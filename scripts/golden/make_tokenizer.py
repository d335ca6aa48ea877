#!/usr/bin/env python3
"""Token ids by Python's transformers for texts that tokenizers tend to get wrong: the fixture of the tokenizer tests.

    pip install transformers
    python scripts/golden/make_tokenizer.py [MODEL_FOLDER]

Writes test/golden/fixtures/tokenizer/: a WordPiece vocabulary of our own (uncased, and cased from vocab.txt alone), a Unigram one
as T5 has (NFKC in the place of its precompiled table) and a byte-level BPE as RoBERTa and ModernBERT have, trained on the texts
below, and golden.json. With MODEL_FOLDER nothing is written: prints {"text": ids} of that folder's tokenizer, to compare a real one by hand.
"""
import json
import os
import sys

import tokenizers
import transformers
from transformers import AutoTokenizer, BertTokenizerFast

HERE = os.path.join(os.path.dirname(__file__), "..", "..", "test", "golden", "fixtures", "tokenizer")

TEXTS = [
    "hello world",
    "HELLO World, hello!",
    "  leading and trailing \t\n spaces  ",
    "unaffable playing replayed",
    "a",
    "!?.,;:'\"()[]{}<>@#$%^&*-_=+|\\/~`",
    "don't can't it's",
    "3.14 1,000,000 50% a1b2",
    "caf\u00e9 na\u00efve \u00fcber \u00c5ngstr\u00f6m \u00d1and\u00fa",
    "cafe\u0301 (decomposed) \u1e69 \u0323",
    "\u0130stanbul \u0131 \u1e9e stra\u00dfe \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2",
    "\u4f60\u597d\u4e16\u754c hello\u4f60\u597d \u3053\u3093\u306b\u3061\u306f \ud55c\uad6d\uc5b4 \U00020000",
    "emoji \U0001f600\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1eb\U0001f1f7",
    "nul\u0000inside \u0001\u0002 bell\u0007 del\u007f \u0085 c1\u009f",
    "replacement \ufffd char \ufeffbom zero\u200bwidth soft\u00adhyphen",
    "no\u00a0break \u2003em \u3000ideographic \u2028line \u2029par \u1680ogham \u180emongol",
    "tab\tnew\nline\r\nvt\u000bff\u000c",
    "[MASK] in [SEP] the text [CLS] [PAD] [UNK] [mask]",
    "\u2018quotes\u2019 \u201cdouble\u201d \u2013 \u2014 \u2026 \u00ab\u00bb \u00a1\u00bf",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\ufb01ne \ufb03 \u2126 \u00bd \u2460 \u00b2 \u2122 \u20ac\u00a3\u00a5 \uff21\uff22\uff23 \uff0c",
    "private \ue000 unassigned \u0378 tag \U000e0041 nonchar \uffff",
    "x" * 100,
    "x" * 101,
    "hello " * 40,
    "\u0301",
    "http://example.com/a?b=c&d=e#f user@host.org",
    "snake_case camelCase $100 C++ C# .NET",
]

WORDS = """the a an and or of to in is it hello world text line cafe naive uber play replay char emoji
lead ##ing trail space ##s un ##aff ##able play ##ed ##er re ##play don can t s quotes double nul inside bell bom
example com user host org http snake case camel ##case net hyphen width zero soft no break x ##x ##xx ##xxxx""".split()


def vocabulary():
    characters = [chr(c) for c in range(33, 127)] + list("äéñåüßıςσ你好世こん한語€½²Ω") + ["\u0301", "\u2764", "\U0001f600", "\ufffd"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS + characters + ["##" + chr(c) for c in range(97, 123)]
    tokens += ["##" + d for d in "0123456789"] + ["##é", "##ß", "##ς", "##\u0301", "##한", "##국", "Hello", "HELLO"]
    return list(dict.fromkeys(tokens))


def trained(model, trainer, parts, special, begin, end):
    """A tokenizer trained on TEXTS, with its special tokens around each text."""
    tokenizer = tokenizers.Tokenizer(model)
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    tokenizer.train_from_iterator(TEXTS * 2, trainer)
    template = " ".join([*begin, "$A", *end])
    ids = [(token, tokenizer.token_to_id(token)) for token in begin + end]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(single=template, special_tokens=ids)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def unigram():
    """As transformers converts T5's: Metaspace, </s> at the end and nothing before."""
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False)
    parts = {
        "normalizer": normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")]),
        "pre_tokenizer": pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always"),
        "decoder": decoders.Metaspace(replacement="\u2581", prepend_scheme="always"),
    }
    return trained(models.Unigram(), trainer, parts, {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}, [], ["</s>"])


def byte_bpe():
    """As RoBERTa's: bytes, no prefix space, <s> … </s>."""
    from tokenizers import decoders, models, pre_tokenizers, trainers

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=sorted(alphabet), show_progress=False)
    parts = {"pre_tokenizer": pre_tokenizers.ByteLevel(add_prefix_space=False), "decoder": decoders.ByteLevel()}
    names = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    return trained(models.BPE(), trainer, parts, names, ["<s>"], ["</s>"])


def save_small(tokenizer, folder):
    """tokenizer.json and tokenizer_config.json alone, the former on one line."""
    os.makedirs(folder, exist_ok=True)
    tokenizer.save_pretrained(folder)
    for extra in os.listdir(folder):
        if extra not in ("tokenizer.json", "tokenizer_config.json"):
            os.remove(f"{folder}/{extra}")
    compact = json.load(open(f"{folder}/tokenizer.json", encoding="utf-8"))
    json.dump(compact, open(f"{folder}/tokenizer.json", "w", encoding="utf-8"), ensure_ascii=False)


def cases(tokenizer, limits=(16, 3, 512)):
    out = []
    for text in TEXTS:
        for limit in limits:
            encoded = tokenizer(text, truncation=True, max_length=limit)
            case = {"text": text, "maxTokens": limit, "ids": encoded["input_ids"], "typeIds": encoded.get("token_type_ids", [0] * len(encoded["input_ids"]))}
            if limit == 512 or len(encoded["input_ids"]) == limit:
                out.append(case)
    return out


def main():
    if len(sys.argv) > 1:
        tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
        json.dump({text: tokenizer(text, truncation=True, max_length=512)["input_ids"] for text in TEXTS}, sys.stdout)
        return
    for name, cased in (("uncased", False), ("cased-vocab-only", True)):
        os.makedirs(f"{HERE}/{name}", exist_ok=True)
        with open(f"{HERE}/{name}/vocab.txt", "w", encoding="utf-8") as file:
            file.write("\n".join(vocabulary()) + "\n")
    uncased = BertTokenizerFast(f"{HERE}/uncased/vocab.txt", do_lower_case=True, model_max_length=64)
    save_small(uncased, f"{HERE}/uncased")
    others = {"unigram": unigram(), "byte-bpe": byte_bpe()}
    for name, tokenizer in others.items():
        save_small(tokenizer, f"{HERE}/{name}")
    cased = BertTokenizerFast(f"{HERE}/cased-vocab-only/vocab.txt", do_lower_case=False)
    json.dump({"do_lower_case": False}, open(f"{HERE}/cased-vocab-only/tokenizer_config.json", "w"))
    golden = {
        "made_by": f"scripts/golden/make_tokenizer.py, transformers {transformers.__version__}, tokenizers {tokenizers.__version__}",
        "uncased": cases(uncased),
        "cased-vocab-only": cases(cased, (512,)),
        **{name: cases(tokenizer, (16, 512)) for name, tokenizer in others.items()},
    }
    json.dump(golden, open(f"{HERE}/golden.json", "w", encoding="utf-8"), ensure_ascii=True)


main()
