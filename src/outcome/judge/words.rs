//! What the `code`, `type` and kindred words of error bodies mean.
//!
//! Invariant: a word is listed only if it means the same wherever it was seen; generic words are left to the text
//! and the status. Money wins over every other word. Words are compared in letters and digits only.

use crate::outcome::class::Class;
use crate::outcome::error_body::ErrorBody;

/// Words that mean one class.
type Entry = (Class, &'static [&'static str]);

const WORDS: &[Entry] = &[
    (
        Class::QuotaExhausted,
        &[
            "insufficientquota",
            "creditbalanceexhausted",
            "organizationspendlimitexceeded",
            "projectspendlimitexceeded",
            "organizationusagelimitexceeded",
            "billinghardlimitreached",
            "billingnotactive",
            "billingerror",
            "enforcedspendlimitreached",
            "contractspendlimitreached",
            "insufficientbalance",
            "insufficientcredits",
            "exceededcurrentquotaerror",
            "paymentrequired",
            "quotaperday",
            "servicequotaexceededexception",
        ],
    ),
    (
        Class::RateLimited,
        &[
            "ratelimit",
            "ratelimited",
            "ratelimiterror",
            "ratelimitexceeded",
            "ratelimitreached",
            "ratelimitreachederror",
            "toomanyrequests",
            "slowdown",
            "throttlingexception",
        ],
    ),
    (
        Class::Overloaded,
        &[
            "serverisoverloaded",
            "overloaded",
            "overloadederror",
            "engineoverloaded",
            "engineoverloadederror",
            "serviceunavailable",
            "serviceunavailableerror",
            "serviceunavailableexception",
            "capacityexceeded",
            "nocapacity",
            "provideroverloaded",
            "providerunavailable",
            "modelnotreadyexception",
        ],
    ),
    (
        Class::Timeout,
        &[
            "timeout",
            "timeouterror",
            "requesttimeout",
            "deadlineexceeded",
            "modeltimeoutexception",
        ],
    ),
    (
        Class::Auth,
        &[
            "invalidapikey",
            "incorrectapikey",
            "apikeyinvalid",
            "apikeyexpired",
            "authentication",
            "authenticationerror",
            "invalidauthenticationerror",
            "unauthenticated",
            "unauthorized",
            "ipnotauthorized",
            "unrecognizedclientexception",
            "invalidsignatureexception",
            "expiredtokenexception",
            "invalidclienttokenid",
            "missingauthenticationtoken",
            "missingauthenticationtokenexception",
            "incompletesignatureexception",
            "signaturedoesnotmatch",
        ],
    ),
    (
        Class::Permission,
        &[
            "unsupportedcountryregionterritory",
            "dataresidencymismatch",
            "servicedisabled",
            "consumersuspended",
            "failedprecondition",
            "accessdeniedexception",
        ],
    ),
    (
        Class::ModelNotFound,
        &[
            "modelnotfound",
            "modelnotfounderror",
            "deploymentnotfound",
            "invalidmodel",
            "unknownmodel",
            "unavailablemodel",
            "modelnotavailable",
            "modeldecommissioned",
            "resourcenotfoundexception",
        ],
    ),
    (
        Class::ContextLength,
        &[
            "contextlengthexceeded",
            "contextwindowexceeded",
            "tokenlimitexceeded",
            "exceedcontextsizeerror",
        ],
    ),
    (
        Class::PayloadTooLarge,
        &["requesttoolarge", "payloadtoolarge", "requestentitytoolarge"],
    ),
    (
        Class::ContentFilter,
        &[
            "contentfilter",
            "contentpolicyviolation",
            "responsibleaipolicyviolation",
            "moderationblocked",
            "invalidprompt",
            "biopolicy",
            "refusal",
        ],
    ),
    (
        Class::Unsupported,
        &[
            "unsupportedparameter",
            "unsupportedvalue",
            "operationnotsupported",
            "notimplementederror",
            "extraforbidden",
            "maxtokensexceeded",
            // The model itself wrote a bad call; another may do better.
            "toolusefailed",
        ],
    ),
    (
        Class::ClientError,
        &[
            // The length of a field, never of the context.
            "stringabovemaxlength",
            "stringbelowminlength",
            "arrayabovemaxlength",
            "arraybelowminlength",
            "decimalabovemaxvalue",
            "decimalbelowminvalue",
            "integerabovemaxvalue",
            "integerbelowminvalue",
            "missingrequiredparameter",
        ],
    ),
];

/// `metadata.error_type` values that mean something else, or something at all, only there.
const STABLE_TYPES: &[Entry] = &[
    (Class::ContextLength, &["stringtoolong"]),
    (Class::Permission, &["permissiondenied"]),
    (Class::ModelNotFound, &["notfound"]),
    (Class::ServerError, &["server"]),
    (
        Class::ClientError,
        &[
            "invalidprompt",
            "invalidrequest",
            "preconditionfailed",
            "unprocessable",
        ],
    ),
];

/// The status that a word comes with at the vendors who use it, for an error that has none of its own: one within a
/// stream, or one that another service wraps.
const STATUSES: &[(u16, &[&str])] = &[
    (
        400,
        &[
            "invalidrequesterror",
            "badrequesterror",
            "invalidargument",
            "outofrange",
            "validationexception",
        ],
    ),
    (
        403,
        &["permissionerror", "permissiondenied", "accessdeniedexception"],
    ),
    (404, &["notfounderror", "notfound", "resourcenotfoundexception"]),
    (
        429,
        &[
            "ratelimiterror",
            "ratelimitexceeded",
            "resourceexhausted",
            "throttlingexception",
        ],
    ),
    (501, &["unimplemented"]),
    (503, &["unavailable"]),
];

/// Words for a failure of the provider's own. Beside an error status they say less than the status does.
const OWN_FAILURE: &[Entry] = &[(
    Class::ServerError,
    &[
        "servererror",
        "internalservererror",
        "internalerror",
        "internalserverexception",
        "internalfailure",
        "internal",
        "modelerrorexception",
        "modelstreamerrorexception",
        "apierror",
        "error",
    ],
)];

/// The class that the body's words name, if they do.
pub(super) fn class_of(body: &ErrorBody) -> Option<Class> {
    let stable = body.stable_type.as_deref();
    let stable = stable.and_then(|word| find(STABLE_TYPES, word).or_else(|| find(WORDS, word)));
    if stable.is_some() {
        return stable;
    }
    if body.moderated {
        return Some(Class::ContentFilter);
    }
    let mut named = body.words.iter().filter_map(|word| find(WORDS, word));
    let first = named.next()?;
    if named.any(|class| class == Class::QuotaExhausted) {
        Some(Class::QuotaExhausted)
    } else {
        Some(first)
    }
}

/// The status that the body's words stand for, where the answer has none that counts.
pub(super) fn status(body: &ErrorBody) -> Option<u16> {
    let of_word = |word: &str| {
        STATUSES
            .iter()
            .find(|(_, words)| words.contains(&word))
            .map(|(status, _)| *status)
    };
    body.words.iter().find_map(|word| of_word(word))
}

/// The provider's own failure, where there is no status to say so.
pub(super) fn own_failure(body: &ErrorBody) -> Option<Class> {
    body.words.iter().find_map(|word| find(OWN_FAILURE, word))
}

fn find(table: &[Entry], word: &str) -> Option<Class> {
    table
        .iter()
        .find(|(_, words)| words.contains(&word))
        .map(|(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_plain_and_listed_once() {
        let of_classes = |table: &[Entry]| table.iter().flat_map(|(_, words)| *words).copied().collect();
        let of_statuses = STATUSES.iter().flat_map(|(_, words)| *words).copied().collect();
        let tables: [Vec<&str>; 4] = [
            of_classes(WORDS),
            of_classes(STABLE_TYPES),
            of_classes(OWN_FAILURE),
            of_statuses,
        ];
        for words in tables {
            for (index, word) in words.iter().enumerate() {
                assert!(
                    word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
                    "{word}"
                );
                assert!(!words[..index].contains(word), "{word} is listed twice");
            }
        }
    }
}
