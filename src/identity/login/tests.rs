use super::*;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

fn ended(code: i32, stdout: &str, stderr: &str) -> End {
    End {
        status: ExitStatus::from_raw(code << 8),
        stdout: stdout.into(),
        stderr: stderr.into(),
    }
}

fn az(code: i32, stdout: &str, stderr: &str) -> Result<Token, String> {
    let now = OffsetDateTime::from_unix_timestamp(1_000).expect("a time");
    answered(Forward::Az, Ok(ended(code, stdout, stderr)), "https://x", now)
}

#[test]
fn the_end_of_a_token_is_read_wherever_it_stands() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":5000}"#);
    for (document, end) in [
        (r#"{"accessToken":"a","expires_on":4000}"#.to_owned(), 4_000),
        (r#"{"accessToken":"a","expires_on":"4000"}"#.to_owned(), 4_000),
        // An az before 2.54.
        (format!(r#"{{"accessToken":"h.{claims}.s","expiresOn":"2026-01-01 10:00:00.000000"}}"#), 5_000),
        (r#"{"accessToken":"opaque"}"#.to_owned(), 1_000 + SHORT),
    ] {
        let token = az(0, &document, "").expect(&document);
        assert_eq!(token.expires_on, end, "{document}");
    }
    let now = OffsetDateTime::from_unix_timestamp(1_000).expect("a time");
    let azd = r#"{"token":"a","expiresOn":"1970-01-01T01:00:00Z"}"#;
    let token = answered(Forward::Azd, Ok(ended(0, azd, "")), "https://x", now).expect("a token");
    assert_eq!((token.text.as_str(), token.expires_on), ("a", 3_600));
}

#[test]
fn what_it_says_is_one_line_without_its_warnings() {
    for (said, why) in [
        ("ERROR: Please run 'az login'\n", "Please run 'az login'"),
        (
            "WARNING: old\nERROR: AADSTS1: expired.\nInteractive authentication is needed. Run:\n az login\n",
            "AADSTS1: expired. Interactive authentication is needed. Run: az login",
        ),
        ("no ERROR at all\n", "no ERROR at all"),
        ("", "it gave no reason (exit status: 1)"),
    ] {
        assert_eq!(az(1, "", said).expect_err("a reason"), why);
    }
    let long = az(1, "", &"x".repeat(10_000)).expect_err("a reason");
    assert_eq!(long.len(), WORDS);
}

#[test]
fn in_ci_nobody_is_asked_unless_somebody_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    std::fs::copy("/bin/true", bin.join("az")).expect("a program");
    let names = |wish: Option<Forward>, ci: &str| {
        let machine = Machine::for_test(home.path(), &[("PATH", bin.as_ref()), ("CI", ci.as_ref())]);
        let login = Login::find(wish, &machine).expect("found");
        login.map(|login| login.names())
    };
    assert_eq!(names(None, ""), Some("az".to_owned()));
    assert_eq!(names(None, "true"), None);
    assert_eq!(names(Some(Forward::Az), "true"), Some("az".to_owned()));
    assert_eq!(names(Some(Forward::None), ""), None);
    let machine = Machine::for_test(home.path(), &[("PATH", bin.as_ref())]);
    let error = Login::find(Some(Forward::Azd), &machine).expect_err("none");
    assert!(error.to_string().contains("cannot ask azd for tokens"), "{error}");
}
