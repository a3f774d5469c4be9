"""What callers with any official SDK have in common.

    python3 -I openai_client.py SDK_FOLDER BASE_URL KEY

Each line of the input is one order, as in `{"do": "chat", "model": "gpt-4o"}`, and is answered by one line of JSON: what
came of it. `key` and `retries` of an order (of the SDK itself; none unless said) hold for that order alone. The process
ends with its input.
"""

import json
import sys
import traceback


def serve(open_client, scenarios):
    """Carries out orders; `open_client` makes the SDK's client of the base URL and the key."""
    base_url, key = sys.argv[2:4]
    client = open_client(base_url, key)
    for line in sys.stdin:
        order = json.loads(line)
        told = {}
        options = {"max_retries": order.get("retries", 0)}
        if "key" in order:
            options["api_key"] = order["key"]
        try:
            scenarios[order["do"]](client.with_options(**options), order, told)
        except Exception as error:  # What it is, the test judges.
            told["raised"] = raised(error)
        print(json.dumps(told), flush=True)


def scenarios(*functions):
    return {function.__name__: function for function in functions}


def ours(headers):
    return {name: value for name, value in headers.items() if name.startswith("x-understudy-")}


def plain(value):
    """An object of an SDK as JSON has it, without what nobody said."""
    return value.model_dump(mode="json", exclude_unset=True)


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
        "error_code": getattr(error, "error_code", None),
        "body": getattr(error, "body", None),
        "request_id": getattr(error, "request_id", None),
        "retry_after": headers.get("retry-after"),
        "should_retry": headers.get("x-should-retry"),
        "where": traceback.format_exception(error)[-4:],
    }


# One white pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mP8/x8AAwMCAO+ip1sAAAAASUVORK5CYII="

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
