//! `azup token`

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;

use crate::sandbox::Sandbox;

/// 2026-11-20, 10:00 UTC.
const NOW: &str = "1795168800";

#[test]
fn a_token_is_the_only_thing_on_standard_output() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_NOW", NOW);
    let done = sandbox.azup(["token", "--quiet"]).ok();
    assert_eq!(done.stderr, "");
    let token = done.stdout.strip_suffix('\n').unwrap();
    let parts: Vec<String> = token
        .split('.')
        .map(|part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_snapshot!(parts.join("\n"), @r#"
    {"alg":"none","typ":"JWT"}
    {"aud":"https://storage.azure.com","iss":"https://sts.windows.net/00000000-0000-0000-0000-000000000000/","iat":1795168500,"nbf":1795168500,"exp":1795255200,"oid":"00000000-0000-0000-0000-000000000000","sub":"00000000-0000-0000-0000-000000000000","tid":"00000000-0000-0000-0000-000000000000","ver":"1.0"}
    "#);
    assert!(!sandbox.own().exists(), "nothing is written for a token");
}

#[test]
fn programs_are_told_when_it_expires() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_NOW", NOW);
    let scope = [
        "token",
        "--json",
        "--resource",
        "https://storage.azure.com/.default",
    ];
    let mut answer = sandbox.azup(scope).ok().json();
    let token = answer["access_token"].take();
    assert_eq!(token.as_str().unwrap().split('.').count(), 3);
    assert_snapshot!(answer, @r#"{"version":1,"access_token":null,"expires_on":1795255200,"resource":"https://storage.azure.com","token_type":"Bearer"}"#);
}

#[test]
fn an_emulator_on_this_machine_gets_one_too() {
    let sandbox = Sandbox::new();
    let scope = "https://primary.localhost:8443/.default";
    let answer = sandbox
        .azup(["token", "--json", "--resource", scope])
        .ok()
        .json();
    assert_eq!(answer["resource"], "https://primary.localhost:8443");
    let elsewhere = "https://localhost@vault.azure.net/.default";
    assert_eq!(sandbox.azup(["token", "--resource", elsewhere]).code, 1);
}

#[test]
fn anything_but_storage_is_left_to_az() {
    let sandbox = Sandbox::new();
    let done = sandbox.azup(["token", "--resource", "https://vault.azure.net/.default"]);
    assert_snapshot!(sandbox.shown(&done), @r"
    exit: 1
    --- stdout
    --- stderr
    error: no local token for https://vault.azure.net/.default: azup answers for Azure Storage (https://storage.azure.com) and for this machine
    hint: az account get-access-token --resource https://vault.azure.net
    ");
    let done = sandbox.azup(["token", "--json", "--resource", "$(id)"]);
    assert_eq!(done.code, 1);
    assert_eq!(
        done.json()["error"]["hint"],
        "az account get-access-token --resource '$(id)'"
    );
}
