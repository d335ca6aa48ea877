"""What the official Python client makes of the server at argv[1], as JSON."""

import json
import sys

import openai

client = openai.OpenAI(
    base_url=sys.argv[1], api_key="theirs", max_retries=0, default_headers={"x-fungi-index": "help-desk"}
)
messages = [{"role": "user", "content": "my card was stolen!"}]


def complete(**more):
    return client.chat.completions.create(model="m", messages=messages, **more)


def embed(**more):
    return [row.embedding for row in client.embeddings.create(model="help-desk", input=["a card", "eee"], **more).data]


def refusal(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, error.param]


def broken_stream():
    text = ""
    try:
        for chunk in complete(stream=True):
            text += chunk.choices[0].delta.content or ""
    except openai.APIError as error:
        return [text, error.code]


raw = client.chat.completions.with_raw_response.create(model="m", messages=messages)
print(
    json.dumps(
        {
            "text": raw.parse().choices[0].message.content,
            "examples": raw.headers["x-fungi-examples"],
            "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in complete(stream=True)),
            "options": complete(extra_body={"fungi": {"k": 2}}).usage.total_tokens,
            "refused": refusal(complete),
            "broken": broken_stream(),
            "models": [model.id for model in client.models.list()],
            "embeddings": embed(),
            "floats": embed(encoding_format="float"),
            "cut": embed(dimensions=2),
            "no_model": refusal(lambda: client.embeddings.create(model="none", input="a")),
            "no_text": refusal(lambda: client.embeddings.create(model="help-desk", input="")),
        }
    )
)
