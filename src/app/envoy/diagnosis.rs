//! Reads what an Envoy wrote before it ended, and says in a sentence what is wrong and what to do.
//!
//! Pure: lines in, a sentence out.

use std::io::ErrorKind;

use super::ports;

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diagnosis {
    /// For an operator: what, and what to do.
    pub(super) sentence: String,
    /// Starting it again will not help.
    pub(super) is_lasting: bool,
}

impl Diagnosis {
    fn lasting(sentence: String) -> Self {
        Self {
            sentence,
            is_lasting: true,
        }
    }

    fn passing(sentence: &str) -> Self {
        Self {
            sentence: sentence.to_owned(),
            is_lasting: false,
        }
    }
}

/// The diagnosis of an Envoy whose last lines were these: the first of them that means something.
pub(super) fn of<'l>(lines: impl IntoIterator<Item = &'l str> + Clone) -> Option<Diagnosis> {
    let known = lines.clone().into_iter().find_map(of_line);
    known.or_else(|| lines.into_iter().find_map(of_refused_configuration))
}

/// What one line means, if it is one of the well-known ones.
pub(super) fn of_line(line: &str) -> Option<Diagnosis> {
    address(line).or_else(|| file(line)).or_else(|| process(line))
}

/// `cannot bind '127.0.0.1:10000': Address already in use`
fn address(line: &str) -> Option<Diagnosis> {
    let (address, said) = line.split_once("cannot bind '")?.1.split_once("': ")?;
    let (kind, reason) = [
        (
            ErrorKind::AddrInUse,
            "Address already in use",
            "the port is taken",
        ),
        (
            ErrorKind::PermissionDenied,
            "Permission denied",
            "this user may not",
        ),
        (
            ErrorKind::AddrNotAvailable,
            "Cannot assign requested address",
            "this machine has no such address",
        ),
    ]
    .into_iter()
    .find_map(|(kind, text, reason)| said.starts_with(text).then_some((kind, reason)))?;
    let remedy = ports::remedy(kind)?;
    Some(Diagnosis::lasting(format!(
        "Envoy cannot listen on {address}: {reason}; {remedy}"
    )))
}

/// `Invalid path: /etc/ca.pem`, `Failed to load trusted CA certificates from /etc/ca.pem`, ...
fn file(line: &str) -> Option<Diagnosis> {
    let path_after = |text: &str| {
        let rest = line.split_once(text)?.1;
        Some(rest.split(['`', '\'', ' ']).next().unwrap_or(rest).to_owned())
    };
    if let Some(path) = path_after("Failed to load trusted CA certificates from ") {
        return Some(Diagnosis::lasting(format!(
            "`{path}` holds no certificates that Envoy can use; it must be a file of PEM certificates"
        )));
    }
    let path = path_after("Invalid path: ").or_else(|| path_after("unable to read file: "))?;
    Some(Diagnosis::lasting(format!(
        "Envoy cannot read `{path}`; see that the file is there and that this user may read it"
    )))
}

fn process(line: &str) -> Option<Diagnosis> {
    if line.contains("Too many open files") {
        return Some(Diagnosis::passing(
            "Envoy may not open more files; raise the limit (`ulimit -n`)",
        ));
    }
    if line.contains("Caught Segmentation fault") || line.contains("Caught Aborted") {
        return Some(Diagnosis::passing(
            "Envoy crashed; the lines above, with its version, belong in a report to its makers",
        ));
    }
    if line.contains("GLIBC_") && line.contains("not found") {
        return Some(Diagnosis::lasting(
            "this machine's C library is too old for this Envoy (glibc 2.31 or newer is needed)".to_owned(),
        ));
    }
    None
}

/// ``error `<reason>` initializing config '...'``
fn of_refused_configuration(line: &str) -> Option<Diagnosis> {
    let (reason, _) = line
        .split_once("error `")?
        .1
        .rsplit_once("` initializing config")?;
    Some(Diagnosis::lasting(format!(
        "Envoy refuses its configuration: {reason}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(lines: &[&str]) -> String {
        of(lines.iter().copied()).map_or_else(String::new, |diagnosis| diagnosis.sentence)
    }

    #[test]
    fn well_known_ends_become_sentences_with_a_remedy() {
        for (line, expected) in [
            (
                "[critical][main] error `cannot bind '127.0.0.1:10000': Address already in use` initializing config 'goo.gle/debugonly",
                "Envoy cannot listen on 127.0.0.1:10000: the port is taken; stop what listens there, or choose another port",
            ),
            (
                "cannot bind '0.0.0.0:443': Permission denied",
                "Envoy cannot listen on 0.0.0.0:443: this user may not; choose a port above 1023, \
                 or grant the right to bind lower ones (CAP_NET_BIND_SERVICE)",
            ),
            (
                "[error][config] listener 'l' failed to bind or apply socket options: cannot bind '8.8.8.8:80': Cannot assign requested address",
                "Envoy cannot listen on 8.8.8.8:80: this machine has no such address; \
                 choose an address of this machine, or 0.0.0.0 for all of them",
            ),
            (
                "error `Invalid path: /etc/ca.pem` initializing config '",
                "Envoy cannot read `/etc/ca.pem`; see that the file is there and that this user may read it",
            ),
            (
                "error `Failed to load trusted CA certificates from /tmp/junk.pem` initializing config '",
                "`/tmp/junk.pem` holds no certificates that Envoy can use; it must be a file of PEM certificates",
            ),
            (
                "error `yaml-cpp: error at line 2, column 1: end of sequence flow not found` initializing config 'x",
                "Envoy refuses its configuration: yaml-cpp: error at line 2, column 1: end of sequence flow not found",
            ),
        ] {
            assert_eq!(sentence(&[line]), expected);
            assert!(of([line]).unwrap().is_lasting, "{line}");
        }
    }

    #[test]
    fn a_known_cause_is_preferred_to_the_line_that_only_quotes_it() {
        let lines = [
            "error `odd` initializing config 'x",
            "cannot bind '127.0.0.1:1': Address already in use",
        ];

        assert!(sentence(&lines).starts_with("Envoy cannot listen on 127.0.0.1:1"));
    }

    #[test]
    fn a_crash_may_be_mended_by_a_restart() {
        let crash =
            of(["[critical][backtrace] Caught Segmentation fault, suspect faulting address 0x0"]).unwrap();

        assert!(!crash.is_lasting);
    }

    #[test]
    fn other_lines_mean_nothing() {
        for line in [
            "",
            "caught ENVOY_SIGTERM",
            "cannot bind 'half",
            "error ` initializing",
            "cannot bind 'a': odd",
        ] {
            assert_eq!(of([line]), None, "{line}");
        }
    }
}
