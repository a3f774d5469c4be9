"""A caller with the official `openai` SDK: does one thing with it, and prints what came of it as one line of JSON.

    python3 -I openai_client.py SDK_FOLDER BASE_URL SCENARIO [OPTIONS as JSON]

Options: `model`, `key`, `retries` (of the SDK itself; none unless said).
"""

import json
import sys


def chat(client, model, told):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=question())
    told["headers"] = ours(raw.headers)
    answer = raw.parse()
    told["text"] = answer.choices[0].message.content
    told["finish"] = answer.choices[0].finish_reason
    told["total_tokens"] = answer.usage.total_tokens


def stream(client, model, told):
    read(client, model, told)


def stream_with_usage(client, model, told):
    read(client, model, told, stream_options={"include_usage": True})


def embeddings(client, model, told):
    asked = "What does an understudy do?"
    # Unless it is told otherwise the SDK asks for base64 and decodes it; both ways are the same numbers.
    told["decoded"] = list(client.embeddings.create(model=model, input=asked).data[0].embedding)
    plain = client.embeddings.create(model=model, input=asked, encoding_format="float")
    told["plain"] = list(plain.data[0].embedding)


def models(client, _model, told):
    told["models"] = [model.id for model in client.models.list()]


SCENARIOS = {
    scenario.__name__: scenario for scenario in (chat, stream, stream_with_usage, embeddings, models)
}


def question():
    return [{"role": "user", "content": "What does an understudy do?"}]


def read(client, model, told, **more):
    told.update(pieces=[], finish=None, usage=None, ended=False)
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=question(), stream=True, **more
    )
    told["headers"] = ours(raw.headers)
    for chunk in raw.parse():
        if chunk.usage is not None:
            told["usage"] = chunk.usage.total_tokens
        for choice in chunk.choices:
            if choice.delta.content:
                told["pieces"].append(choice.delta.content)
            told["finish"] = choice.finish_reason or told["finish"]
    told["ended"] = True


def ours(headers):
    return {name: value for name, value in headers.items() if name.startswith("x-understudy-")}


def raised(error):
    """What a program that catches `error` can see of it."""
    response = getattr(error, "response", None)
    headers = response.headers if response is not None else {}
    return {
        "kind": type(error).__name__,
        "kinds": [kind.__name__ for kind in type(error).__mro__],
        "text": str(error),
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "type": getattr(error, "type", None),
        "body": getattr(error, "body", None),
        "request_id": getattr(error, "request_id", None),
        "retry_after": headers.get("retry-after"),
        "should_retry": headers.get("x-should-retry"),
    }


def main():
    folder, base_url, name = sys.argv[1:4]
    options = json.loads(sys.argv[4]) if len(sys.argv) > 4 else {}
    sys.path.insert(0, folder)
    import openai

    client = openai.OpenAI(
        base_url=base_url,
        api_key=options.get("key", "sk-of-a-caller"),
        max_retries=options.get("retries", 0),
        timeout=15,
    )
    told = {"sdk": openai.__version__}
    try:
        SCENARIOS[name](client, options.get("model", "gpt-4o"), told)
    except openai.OpenAIError as error:
        told["raised"] = raised(error)
    print(json.dumps(told))


main()
