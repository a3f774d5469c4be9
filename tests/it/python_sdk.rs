//! The callers are programs with the official SDKs for Python: what they get, and what they can catch.

mod caller; // the program, as a process; no assertions on behaviour
mod chat; // the `openai` SDK: whoever fails, whoever answers
mod chat_errors; // the `openai` SDK: what it raises, and what it makes of it
mod messages; // the `anthropic` SDK: whoever fails, whoever answers
mod messages_errors; // the `anthropic` SDK: what it raises, and what it makes of it
mod responses; // the `openai` SDK's newer part, where providers have it
mod stage; // the gateway, before providers of every kind; no assertions on behaviour
