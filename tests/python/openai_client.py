"""A caller with the official `openai` SDK."""

import json
import sys
from pathlib import Path

sys.path[:0] = [sys.argv[1], str(Path(__file__).parent)]

import openai
from caller import CITY, PNG, ours, plain, scenarios, serve

TOOLS = [
    {
        "type": "function",
        "function": {"name": name, "description": f"Tells the {name}.", "parameters": CITY, "strict": True},
    }
    for name in ("weather", "tides")
]


def chat(client, order, told):
    ask(client, order, told, question())


def stream(client, order, told):
    read(client, order, told)


def stream_with_usage(client, order, told):
    read(client, order, told, stream_options={"include_usage": True})


def tools(client, order, told):
    """Tools are called, and their results sent back: `stream`ed or not, and from `then` where another model goes on."""
    turn = streamed_turn if order.get("stream") else plain_turn
    messages = question()
    told["headers"], first = turn(client, order["model"], messages, tools=TOOLS, tool_choice="required")
    told["finish"] = first.choices[0].finish_reason
    message = first.choices[0].message
    told["calls"] = [
        {"id": call.id, "name": call.function.name, "arguments": json.loads(call.function.arguments)}
        for call in message.tool_calls or []
    ]
    messages.append(said(message))
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name}: fine"}
        for call in message.tool_calls or []
    ]
    told["headers_then"], last = turn(client, order.get("then", order["model"]), messages, tools=TOOLS)
    told["text"] = last.choices[0].message.content
    told["finish_then"] = last.choices[0].finish_reason


def image(client, order, told):
    content = [
        {"type": "text", "text": "What is in the picture?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    ask(client, order, told, [{"role": "user", "content": content}])


def json_schema(client, order, told):
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY, "strict": True}}
    ask(client, order, told, question(), response_format=form)


def reasoning(client, order, told):
    """A thoughtful answer, and the conversation that goes on after it, `then` with another model."""
    messages = question()
    message = ask(client, order, told, messages, reasoning_effort="low").choices[0].message
    messages += [said(message), {"role": "user", "content": "And now?"}]
    model = order.get("then", order["model"])
    told["headers_then"], last = plain_turn(client, model, messages, reasoning_effort="low")
    told["text_then"] = last.choices[0].message.content


def embeddings(client, order, told):
    asked = "What does an understudy do?"
    # Unless it is told otherwise the SDK asks for base64 and decodes it; both ways are the same numbers.
    told["decoded"] = list(client.embeddings.create(model=order["model"], input=asked).data[0].embedding)
    floats = client.embeddings.create(model=order["model"], input=asked, encoding_format="float")
    told["plain"] = list(floats.data[0].embedding)


def models(client, _order, told):
    told["models"] = [model.id for model in client.models.list()]


def responses(client, order, told):
    raw = client.responses.with_raw_response.create(model=order["model"], input="What does an understudy do?")
    told["headers"] = ours(raw.headers)
    response = raw.parse()
    told.update(text=response.output_text, status=response.status, total_tokens=response.usage.total_tokens)


def responses_stream(client, order, told):
    told.update(pieces=[], events=[], ended=False)
    with client.responses.stream(model=order["model"], input="What does an understudy do?") as events:
        told["headers"] = ours(events._response.headers)
        for event in events:
            told["events"].append(event.type)
            if event.type == "response.output_text.delta":
                told["pieces"].append(event.delta)
        response = events.get_final_response()
    told.update(text=response.output_text, status=response.status, ended=True)


def question():
    return [{"role": "user", "content": "What does an understudy do?"}]


def said(message):
    """What a model said, to go back as it came; but for what the SDK has put into it when it put a stream together."""
    own = {"parsed": True, "tool_calls": {"__all__": {"index": True, "function": {"parsed_arguments"}}}}
    return message.model_dump(mode="json", exclude_unset=True, exclude=own)


def ask(client, order, told, messages, **more):
    told["headers"], answer = plain_turn(client, order["model"], messages, **more)
    told["answer"] = plain(answer)
    told["text"] = answer.choices[0].message.content
    told["finish"] = answer.choices[0].finish_reason
    told["total_tokens"] = answer.usage.total_tokens
    return answer


def plain_turn(client, model, messages, **more):
    raw = client.chat.completions.with_raw_response.create(model=model, messages=messages, **more)
    return ours(raw.headers), raw.parse()


def streamed_turn(client, model, messages, **more):
    """By the SDK's own way of putting a stream together."""
    with client.chat.completions.stream(model=model, messages=messages, **more) as events:
        headers = ours(events._response.headers)
        return headers, events.get_final_completion()


def read(client, order, told, **more):
    told.update(pieces=[], finish=None, usage=None, ended=False, ids=[])
    raw = client.chat.completions.with_raw_response.create(
        model=order["model"], messages=question(), stream=True, **more
    )
    told["headers"] = ours(raw.headers)
    for chunk in raw.parse():
        if chunk.id not in told["ids"]:
            told["ids"].append(chunk.id)
        if chunk.usage is not None:
            told["usage"] = chunk.usage.total_tokens
        for choice in chunk.choices:
            if choice.delta.content:
                told["pieces"].append(choice.delta.content)
            told["finish"] = choice.finish_reason or told["finish"]
    told["ended"] = True


serve(
    lambda base_url, key: openai.OpenAI(base_url=base_url + "/v1", api_key=key, timeout=15),
    scenarios(
        chat,
        stream,
        stream_with_usage,
        tools,
        image,
        json_schema,
        reasoning,
        embeddings,
        models,
        responses,
        responses_stream,
    ),
)
