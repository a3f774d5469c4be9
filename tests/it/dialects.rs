//! Every provider's language, through Envoy: whoever fails, whoever answers, the caller hears its own language.

mod failing; // what each language's failures mean, before and after the first byte
mod ingress; // callers that speak Anthropic's language, or OpenAI's responses
mod odd; // answers and fields that nobody asked for
mod pairs; // for every ordered pair: the first fails, the second answers
mod stage; // one gateway with every kind of provider; no assertions on behaviour
