//! What is left when the user has changed the file since.

use serde_json::json;

use super::*;

const BEFORE: &str = "{\n  \"a\": 1, // one\n  \"files\": \"x.yml\"\n}\n";

fn edits() -> [Edit; 5] {
    [
        item("files", json!("ours.yml")),
        member("features", "./tools", json!({})),
        item("ports", json!(10000)),
        item("ports", json!(10001)),
        member(
            "attributes",
            "10000",
            json!({"label": "blob", "protocol": "https"}),
        ),
    ]
}

fn replacing<'a>(from: &'a str, to: &'a str) -> impl Fn(&str) -> String + use<'a> {
    move |text| {
        assert!(text.contains(from), "{text}");
        text.replacen(from, to, 1)
    }
}

#[test]
fn members_and_comments_of_the_user_around_ours_stay() {
    let user = |text: &str| {
        let text = text.replace(
            "\"features\": {",
            "// mine\n  \"mine\": [1],\n  \"features\": {",
        );
        text.replace("  }\n}\n", "  },\n  // last\n  \"last\": {}\n}\n")
    };
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        "{\n  \"a\": 1, // one\n  \"files\": \"x.yml\",\n  // mine\n  \"mine\": [1],\n  // last\n  \"last\": {}\n}\n"
    );
}

#[test]
fn containers_that_we_made_stay_if_the_user_fills_them() {
    let user = replacing("[10000, 10001]", "[3000, 10000, 10001, 3001]");
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        "{\n  \"a\": 1, // one\n  \"files\": \"x.yml\",\n  \"ports\": [3000, 3001]\n}\n"
    );
    let user = replacing(
        "\"./tools\": {}",
        "\"./tools\": {}, // why\n    \"node\": {}",
    );
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        "{\n  \"a\": 1, // one\n  \"files\": \"x.yml\",\n  \"features\": {\n    // why\n    \"node\": {}\n  }\n}\n"
    );
    let user = replacing("[10000, 10001]", "[10000, 10001 /* ? */]");
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        "{\n  \"a\": 1, // one\n  \"files\": \"x.yml\",\n  \"ports\": [/* ? */]\n}\n"
    );
}

#[test]
fn a_list_that_we_made_of_a_value_stays_if_the_user_uses_it() {
    let user = replacing("\"ours.yml\"]", "\"ours.yml\", \"y.yml\"]");
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        "{\n  \"a\": 1, // one\n  \"files\": [\"x.yml\", \"y.yml\"]\n}\n"
    );
    let user = replacing("[\"x.yml\",", "[/* base */ \"x.yml\",");
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        "{\n  \"a\": 1, // one\n  \"files\": [/* base */ \"x.yml\"]\n}\n"
    );
    let user = replacing("\"x.yml\", ", "");
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        "{\n  \"a\": 1, // one\n  \"files\": \"ours.yml\"\n}\n".replace("\"ours.yml\"", "[]")
    );
}

#[test]
fn converted_line_ends_are_kept() {
    let user = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        BEFORE.replace('\n', "\r\n")
    );
    let drops = [dropped("", "a"), replaced("l", json!([1]), json!([2]))];
    let before = "{\n  \"a\": {\n    \"x\": 1\n  },\n  \"l\": [\n    1\n  ]\n}\n";
    assert_eq!(
        removed(before, &drops, user).unwrap(),
        before.replace('\n', "\r\n")
    );
    let windows = before.replace('\n', "\r\n");
    let user = |text: &str| text.replace("\r\n", "\n");
    assert_eq!(removed(&windows, &drops, user).unwrap(), before);
}

#[test]
fn a_file_in_another_layout_loses_ours_alone() {
    let user = |_: &str| {
        "{ \"attributes\": { \"10000\": { \"protocol\": \"https\", \"label\": \"blob\" } },\n\
         \"ports\": [\n10000,\n10001,\n], \"files\": [\n    \"x.yml\",\n    \"ours.yml\"\n ],\n\
         \"features\": { \"./tools\": {} }, \"a\": 1 }"
            .to_owned()
    };
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap(),
        "{\n\"files\": \"x.yml\",\n\"a\": 1 }"
    );
}

#[test]
fn braces_that_were_laid_out_anew_stay_so() {
    let user = |_: &str| "{\"a\":{\"b\":1}}".to_owned();
    let edits = [member("a", "b", json!(1))];
    assert_eq!(
        removed("{ \"a\": { } }", &edits, user).unwrap(),
        "{\"a\":{}}"
    );
}

#[test]
fn a_bracket_behind_ours_does_not_join_a_comment() {
    let user = replacing("\"b\"", "// mine\n  \"b\"");
    let edits = [member("", "b", json!(1))];
    assert_eq!(
        removed("{ // one\n  \"a\": 1 }", &edits, user).unwrap(),
        "{ // one\n  \"a\": 1\n  // mine\n  }"
    );
}

#[test]
fn what_the_user_changed_is_not_taken_out() {
    let user = replacing("\"blob\"", "\"my blob\"");
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap_err().0,
        "`attributes.10000` was changed since it was added"
    );
    let user = replacing("\"label\": \"blob\",", "\"label\": \"blob\", // mine");
    assert_eq!(
        removed(BEFORE, &edits(), user).unwrap_err().0,
        "`attributes.10000` has got a comment since it was added"
    );
    let task = [item(
        "tasks",
        json!({"label": "tools: check", "type": "process"}),
    )];
    assert_eq!(
        removed("{}", &task, replacing("process", "shell"))
            .unwrap_err()
            .0,
        "`tasks[label=tools: check]` was changed since it was added"
    );
}

#[test]
fn what_is_gone_already_is_no_error() {
    for gone in [
        "{\n  \"a\": 1\n}\n",
        "{\n  \"files\": \"x.yml\", \"ports\": {}, \"features\": [], \"attributes\": null\n}\n",
        "{}",
    ] {
        assert_eq!(
            removed(BEFORE, &edits(), |_| gone.to_owned()).unwrap(),
            gone
        );
    }
}

#[test]
fn what_was_dropped_or_replaced_comes_back_amid_changes() {
    let before = "{\n  \"image\": \"x\",\n  \"l\": [1], // one\n  \"z\": 0 // zero\n}\n";
    let edits = [
        dropped("", "image"),
        replaced("l", json!([1]), json!([2])),
        dropped("", "z"),
        member("", "service", json!("app")),
    ];
    let user = replacing("  \"service\"", "  // mine\n  \"mine\": 1,\n  \"service\"");
    assert_eq!(
        removed(before, &edits, user).unwrap(),
        "{\n  \"image\": \"x\",\n  \"l\": [1], // one\n  // mine\n  \"mine\": 1,\n  \"z\": 0\n  // zero\n}\n"
    );
    let user = replacing("[2]", "[2, 3]");
    assert_eq!(
        removed(before, &edits, user).unwrap_err().0,
        "`l` was changed since it was added"
    );
    let user = replacing("\"service\"", "\"image\": \"mine\", \"service\"");
    let kept = removed(before, &edits, user).unwrap();
    assert!(
        kept.contains("\"image\": \"mine\"") && !kept.contains("\"x\""),
        "{kept}"
    );
}

#[test]
fn the_record_reads_well() {
    let edits = [item("tasks[label=build].dependsOn", json!("tools: check"))];
    let before = "{ \"tasks\": [{ \"label\": \"build\" }] }";
    let additions = add(before.as_bytes(), &edits).unwrap().additions;
    assert_eq!(
        serde_json::to_value(additions).unwrap(),
        json!([{"item": {
            "at": [{"key": "tasks"}, {"with": {"key": "label", "value": "build"}}, {"key": "dependsOn"}],
            "value": "tools: check",
            "made": 1,
            "wraps": false,
        }}])
    );
}
