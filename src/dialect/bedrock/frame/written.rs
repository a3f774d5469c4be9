//! Writes frames: what a provider's streams are made of in tests.

/// A frame with these headers, each with a text.
pub(in crate::dialect) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    for (name, value) in headers {
        written.push(u8::try_from(name.len()).unwrap());
        written.extend_from_slice(name.as_bytes());
        written.push(7);
        written.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        written.extend_from_slice(value.as_bytes());
    }
    with_headers(&written, payload)
}

/// A frame with headers that are written already.
pub(in crate::dialect) fn with_headers(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let mut written = [length(headers.len() + payload.len() + 16), length(headers.len())].concat();
    written.extend(crc32fast::hash(&written).to_be_bytes());
    written.extend_from_slice(headers);
    written.extend_from_slice(payload);
    written.extend(crc32fast::hash(&written).to_be_bytes());
    written
}

/// A frame with an event, in the order of headers that the provider uses.
pub(in crate::dialect) fn event(name: &str, payload: &str) -> Vec<u8> {
    let headers = [
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    frame(&headers, payload.as_bytes())
}

/// A frame with an exception.
pub(in crate::dialect) fn exception(name: &str, payload: &str) -> Vec<u8> {
    let headers = [
        (":exception-type", name),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    frame(&headers, payload.as_bytes())
}

/// A frame with an error, which has no payload.
pub(in crate::dialect) fn error(code: &str, message: &str) -> Vec<u8> {
    let headers = [
        (":error-code", code),
        (":error-message", message),
        (":message-type", "error"),
    ];
    frame(&headers, &[])
}

/// The bytes that are written in `hex`.
pub(in crate::dialect) fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs.map(|pair| u8::from_str_radix(&pair, 16).unwrap()).collect()
}
