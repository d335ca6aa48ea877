"""What Schemathesis cannot know by itself: lines of JSON, and which refusals are about the shape of a request."""

import json

import schemathesis

# Refusals that JSON Schema has no words for (how deep a filter may nest, a key in any open object); descriptions have them.
BEYOND_SCHEMAS = ("nests deeper than", "the key __proto__ is not taken")


@schemathesis.serializer("application/x-ndjson")
def one_line(ctx, value):
    # The document's schema is that of a line. What is not valid is a line, too, and not none.
    return value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"


@schemathesis.deserializer("application/x-ndjson")
def last_line(ctx, response):
    return json.loads(response.content.decode().splitlines()[-1])


@schemathesis.check
def valid_shape_accepted(ctx, response, case):
    """What the document allows is not refused for its shape.

    The built-in check `positive_data_acceptance` takes any 400 and 422 for that. Here INVALID_REQUEST says it; other codes refuse what no
    schema can tell: more dimensions than the index has, a filter that leaves nothing to vote.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    body = response.json()
    code = body.get("code") or body["error"]["code"]
    if any(words in response.text for words in BEYOND_SCHEMAS):
        return
    assert code != "INVALID_REQUEST", f"valid by the document, and refused for its shape: {response.text}"
