//! What judging costs.

use super::*;

#[test]
#[ignore = "a measurement: cargo test --release --lib judging_speed -- --ignored --nocapture"]
#[expect(clippy::print_stdout, reason = "it exists to print")]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn judging_speed() {
    const EVENTS: usize = 100_000;
    let padding =
        r#""id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz","object":"chat.completion.chunk","created":1790000000"#;
    let plain = content(" word").replace("\"id\":\"c\"", padding);
    let with_null = plain.replace("]}\n", "],\"usage\":null}\n");
    let cases = [
        ("passes", UsageFor::Client, &plain, 1),
        ("ten in a chunk", UsageFor::Client, &plain, 10),
        ("loses its usage key", UsageFor::Us, &with_null, 1),
    ];

    for (name, usage_for, event, in_chunk) in cases {
        let chunk = Bytes::from(event.repeat(in_chunk));
        let mut judge = StreamJudge::new(usage_for);
        let mut out = Vec::new();
        let start = std::time::Instant::now();
        for _ in 0..EVENTS / in_chunk {
            out.clear();
            judge.on_chunk(std::hint::black_box(&chunk), &mut out).unwrap();
        }
        let each = start.elapsed() / u32::try_from(EVENTS).unwrap();
        println!("{name}: {each:?} per event of {} bytes", event.len());
    }
}
