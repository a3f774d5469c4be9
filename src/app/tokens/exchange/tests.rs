use proptest::prelude::*;

use super::*;
use crate::app::tokens::tests::{SECRET, account, endpoint, entra};

fn source() -> TokenSource {
    TokenSource::Entra(entra(endpoint("127.0.0.1:4100")))
}

#[test]
fn an_applications_form_holds_its_secret_encoded() {
    let form = form(&source(), SystemTime::UNIX_EPOCH).unwrap();

    assert_eq!(
        form,
        "grant_type=client_credentials&client_id=app-1&client_secret=s3cret%7E%2B%26%3Dx\
         &scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"
    );
}

#[test]
fn a_service_accounts_form_holds_its_statement() {
    let source = TokenSource::ServiceAccount(account(endpoint("127.0.0.1:4100")));

    let form = form(&source, SystemTime::UNIX_EPOCH).unwrap();

    let statement = form
        .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
        .unwrap();
    assert_eq!(statement.split('.').count(), 3, "{form}");
}

#[test]
fn tokens_are_read_with_their_lifetime() {
    for (answer, lifetime) in [
        (
            r#"{"access_token":"t","expires_in":3599,"token_type":"Bearer"}"#,
            3599,
        ),
        (
            r#"{"access_token":"t","expires_in":"3599","token_type":"bearer"}"#,
            3599,
        ),
        (r#"{"access_token":"t","expires_in":60.9}"#, 60),
        (r#"{"access_token":"t"}"#, 600),
        (r#"{"access_token":"t","expires_in":null}"#, 600),
        (r#"{"access_token":"t","expires_in":-5}"#, 600),
        (r#"{"access_token":"t","expires_in":"NaN"}"#, 600),
        (r#"{"access_token":"t","expires_in":0}"#, 0),
        (r#"{"access_token":"t","expires_in":1e300}"#, 600),
        (r#"{"access_token":"t","expires_in":999999}"#, 86_400),
    ] {
        let fresh = token(answer.as_bytes()).unwrap();
        assert_eq!(
            (fresh.token.expose(), fresh.lifetime.as_secs()),
            ("t", lifetime),
            "{answer}"
        );
    }
}

#[test]
fn what_holds_no_token_that_can_be_sent_is_none() {
    for answer in [
        "",
        "<html>",
        "{}",
        "[]",
        r#"{"id_token":"t"}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":5}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\r\nx: y"}"#,
        r#"{"access_token":"t","token_type":"mac"}"#,
    ] {
        let failure = token(answer.as_bytes()).err();
        assert!(matches!(failure, Some(Failure::NoToken)), "{answer}");
    }
}

#[test]
fn a_refusal_says_what_the_server_says() {
    for (status, body, told) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
            "HTTP 400: invalid_grant: Invalid JWT Signature.",
        ),
        (
            401,
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}"#,
            "HTTP 401: invalid_client: AADSTS7000215: Invalid client secret provided.",
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"Denied.","status":"PERMISSION_DENIED"}}"#,
            "HTTP 403: Denied.",
        ),
        (400, r#"{"error":"invalid_request"}"#, "HTTP 400: invalid_request"),
        (503, "", "HTTP 503"),
        (
            502,
            "<html><title>502 Bad Gateway</title></html>",
            "HTTP 502: 502 Bad Gateway",
        ),
    ] {
        let failure = refusal(&source(), status, body.as_bytes(), None);

        assert_eq!(failure.to_string(), told);
        assert_eq!(failure.is_refusal(), status < 500);
    }
    assert!(!refusal(&source(), 429, b"", None).is_refusal());
}

#[test]
fn a_secret_that_is_repeated_is_not_told() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl";
    let body = format!(r#"{{"error":"invalid_client","error_description":"bad {SECRET} and {token}"}}"#);

    let told = refusal(&source(), 401, body.as_bytes(), None).to_string();

    assert_eq!(told, "HTTP 401: invalid_client: bad *** and ***");
    // As it stood in the form.
    let body =
        br#"{"error":"invalid_client","error_description":"bad client_secret=s3cret%7E%2B%26%3Dx in it"}"#;
    let told = refusal(&source(), 401, body, None).to_string();

    assert_eq!(told, "HTTP 401: invalid_client: bad client_secret=*** in it");
}

proptest! {
    #[test]
    fn any_answer_is_read(body in proptest::collection::vec(any::<u8>(), 0..200), status in 100_u16..600) {
        let _is_token = token(&body).is_ok();
        let told = refusal(&source(), status, &body, None).to_string();

        prop_assert!(told.chars().count() < 330 && !told.contains('\n'));
    }
}
