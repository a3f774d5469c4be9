//! Looking at response headers without owning them.
//!
//! Invariant: names are asked for in lower case, and values are bytes, since nobody checked them. It knows neither
//! who holds the headers nor what any of them means.

/// Read access to response headers, wherever they live.
pub trait HeaderView {
    /// The first value of a header; `name` is in lower case.
    fn header(&self, name: &str) -> Option<&[u8]>;

    /// That value without the blanks around it, if it is text.
    fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.header(name)?).ok().map(str::trim)
    }
}

impl HeaderView for http::HeaderMap {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.get(name).map(http::HeaderValue::as_bytes)
    }
}
