"""A caller with the official `anthropic` SDK."""

import sys
from pathlib import Path

sys.path[:0] = [sys.argv[1], str(Path(__file__).parent)]

import anthropic
from caller import CITY, PNG, ours, plain, scenarios, serve

TOOLS = [
    {"name": name, "description": f"Tells the {name}.", "input_schema": CITY} for name in ("weather", "tides")
]


def create(client, order, told):
    ask(client, order, told, question())


def beta(client, order, told):
    """As programs ask that want what is new."""
    raw = client.beta.messages.with_raw_response.create(
        model=order["model"], max_tokens=1000, messages=question(), betas=["context-1m-2025-08-07"]
    )
    told["headers"] = ours(raw.headers)
    final(told, raw.parse())


def stream(client, order, told):
    """What a program reads piece by piece, and what the SDK makes of it in the end."""
    told.update(pieces=[], ended=False)
    with client.messages.stream(model=order["model"], max_tokens=1000, messages=question()) as events:
        told["headers"] = ours(events.response.headers)
        for piece in events.text_stream:
            told["pieces"].append(piece)
        final(told, events.get_final_message())
    told["ended"] = True


def events(client, order, told):
    """Every event as it comes."""
    told.update(events=[], ended=False)
    raw = client.messages.with_raw_response.create(
        model=order["model"], max_tokens=1000, messages=question(), stream=True
    )
    told["headers"] = ours(raw.headers)
    for event in raw.parse():
        told["events"].append(event.type)
    told["ended"] = True


def tools(client, order, told):
    """Tools are used, and their results sent back: `stream`ed or not, and from `then` where another model goes on."""
    turn = streamed_turn if order.get("stream") else plain_turn
    messages = question()
    told["headers"], first = turn(client, order["model"], messages, tools=TOOLS, tool_choice={"type": "any"})
    told["stop_reason"] = first.stop_reason
    uses = [block for block in first.content if block.type == "tool_use"]
    told["calls"] = [{"id": use.id, "name": use.name, "input": use.input} for use in uses]
    messages.append({"role": "assistant", "content": first.content})
    results = [
        {
            "type": "tool_result",
            "tool_use_id": use.id,
            "content": [{"type": "text", "text": f"{use.name}: fine"}],
        }
        for use in uses
    ]
    if order.get("is_error"):
        results[0].update(is_error=True, content="no such city")
    results.append({"type": "text", "text": "And now?"})
    messages.append({"role": "user", "content": results})
    told["headers_then"], last = turn(client, order.get("then", order["model"]), messages, tools=TOOLS)
    told["text"] = text_of(last)
    told["stop_reason_then"] = last.stop_reason


def rich(client, order, told):
    """A system prompt in blocks, and a picture."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    content = [{"type": "text", "text": "What is in the picture?"}, image]
    system = [
        {"type": "text", "text": "Be brief."},
        {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}},
    ]
    ask(client, order, told, [{"role": "user", "content": content}], system=system)


def thinking(client, order, told):
    """A thoughtful answer, and the conversation that goes on after it, `then` with another model."""
    turn = streamed_turn if order.get("stream") else plain_turn
    more = {"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    messages = question()
    told["headers"], message = turn(client, order["model"], messages, **more)
    final(told, message)
    messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": "And now?"}]
    told["headers_then"], last = turn(client, order.get("then", order["model"]), messages, **more)
    told["text_then"] = text_of(last)


def count_tokens(client, order, told):
    told["counted"] = plain(client.messages.count_tokens(model=order["model"], messages=question()))


def models(client, _order, told):
    told["models"] = [model.id for model in client.models.list()]


def question():
    return [{"role": "user", "content": "What does an understudy do?"}]


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def ask(client, order, told, messages, **more):
    told["headers"], message = plain_turn(client, order["model"], messages, **more)
    final(told, message)


def final(told, message):
    told["message"] = plain(message)
    told["text"] = text_of(message)


def plain_turn(client, model, messages, max_tokens=1000, **more):
    raw = client.messages.with_raw_response.create(model=model, max_tokens=max_tokens, messages=messages, **more)
    return ours(raw.headers), raw.parse()


def streamed_turn(client, model, messages, max_tokens=1000, **more):
    with client.messages.stream(model=model, max_tokens=max_tokens, messages=messages, **more) as told:
        return ours(told.response.headers), told.get_final_message()


serve(
    lambda base_url, key: anthropic.Anthropic(base_url=base_url, api_key=key, timeout=15),
    scenarios(create, beta, stream, events, tools, rich, thinking, count_tokens, models),
)
