//! The status page: three fixed files that draw the status JSON in a browser.
//!
//! The files hold no data, so that they can be loaded before a token is known; the script fetches the JSON and writes
//! every value as text, never as markup. Script and style are files of their own, because then the policy that is
//! sent with every answer can forbid anything inline.

/// What a browser may do with anything this server answers: run its script, use its style, talk to it.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    pub(super) body: &'static str,
}

/// The file at `path`.
pub(super) fn asset(path: &str) -> Option<Asset> {
    let (content_type, body) = match path {
        "/" => ("text/html; charset=utf-8", include_str!("assets/page.html")),
        "/page.css" => ("text/css; charset=utf-8", include_str!("assets/page.css")),
        "/page.js" => ("text/javascript; charset=utf-8", include_str!("assets/page.js")),
        _ => return None,
    };
    Some(Asset { content_type, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_works_under_its_own_policy() {
        let html = asset("/").unwrap().body;
        let script = asset("/page.js").unwrap().body;

        for inline in [
            "<script>", "<style", " style=", "onclick", "onload", "http://", "https://",
        ] {
            assert!(!html.contains(inline), "{inline} in the page");
        }
        for markup in [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            ".style",
        ] {
            assert!(!script.contains(markup), "{markup} in the script");
        }
    }
}
