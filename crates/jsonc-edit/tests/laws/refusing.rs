//! What is not edited, and the reason given.

use serde_json::json;

use super::*;

fn why(bytes: &[u8]) -> String {
    add(bytes, &[member("", "b", json!(2))]).unwrap_err().0
}

#[test]
fn what_is_not_json_with_comments() {
    assert_eq!(why(b""), "it is empty");
    assert_eq!(why(b" // nothing\n"), "it is empty");
    assert_eq!(why(b"[1]"), "what it holds is no object");
    assert_eq!(why(b"null"), "what it holds is no object");
    assert_eq!(why(b"{\n\"a\": \"\xff\"}"), "line 2: it is not UTF-8");
    assert_eq!(
        why(b"{\"a\": 1} {}"),
        "line 1, column 10: text cannot contain more than one json value"
    );
    for text in [
        "{a: 1}",
        "{'a': 1}",
        "{\"a\": 0x1}",
        "{\"a\": +1}",
        "{\"a\": .5}",
        "{\"a\": NaN}",
        "{\"a\": 1 \"b\": 2}",
        "{\"a\": [1 [2]]}",
        "{\"a\": [1 2]}",
        "{\"a\": 01}",
        "{\"a\": 1,,}",
        "{,}",
        "{\"a\": [,]}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\": 1",
        "{\"a\": \"\\x41\"}",
        "{\"a\": \"",
        "{\"a\": 1} /*",
        "{\"a\": \"\n\"}",
        "{\"a\": \"\t\"}",
        "{\"a\":\u{a0}1}",
        "{\u{b}}",
        "{\"a\": 1\r}",
        "{\"a\": 1e999}",
        "\u{feff}\u{feff}{}",
        "<<<<<<< HEAD\n{}",
        "{\"a\": tru}",
        "{\"a\": \"\\ud800\"}",
        "# no comment\n{}",
        "{]",
        "}",
        "{\"a\": 1}}",
    ] {
        why(text.as_bytes());
        assert!(parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn duplicate_keys() {
    assert_eq!(
        why(b"{\n  \"a\": 1,\n  \"\\u0061\": 2\n}"),
        "line 3, column 3: `a` stands there twice, first in line 2"
    );
    assert_eq!(
        why("{\"x\": [{\"é\": 1, \"é\": 2}]}".as_bytes()),
        "line 1, column 17: `é` stands there twice, first in line 1"
    );
}

#[test]
fn nesting_that_no_stack_could_hold() {
    for open in ["[", "{\"a\":"] {
        let text = format!("{{\"a\": {}", open.repeat(150_000));
        assert!(why(text.as_bytes()).ends_with("nested too deeply"));
    }
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(190), "]".repeat(190));
    assert!(add(deep.as_bytes(), &[member("", "b", json!(2))]).is_ok());
}

#[test]
fn more_than_a_person_writes() {
    let of = |length: usize| format!("{{\"a\": \"{}\"}}", "x".repeat(length));
    let why = why(of(3 << 20).as_bytes());
    assert_eq!(why, "it is too large (3 MB) to be edited");
    assert!(add(of(1 << 18).as_bytes(), &[member("", "b", json!(2))]).is_ok());
}

#[test]
fn null_where_an_object_or_list_is_expected() {
    let before = "{\n  \"a\": null\n}";
    assert_eq!(
        refused(before, &[item("a", json!(1))]),
        "`a` is null, not a list"
    );
    assert_eq!(
        refused(before, &[member("a", "b", json!(1))]),
        "`a` is null, not an object"
    );
    assert_eq!(
        refused(before, &[member("a.b", "c", json!(1))]),
        "`a` is null, not an object"
    );
}

#[test]
fn another_kind_of_value_than_expected() {
    let before = "{\n  \"a\": 1, \"l\": [], \"s\": \"x\"\n}";
    assert_eq!(
        refused(before, &[member("a", "b", json!(1))]),
        "`a` is a number, not an object"
    );
    assert_eq!(
        refused(before, &[member("l", "b", json!(1))]),
        "`l` is a list, not an object"
    );
    assert_eq!(
        refused(before, &[item("s.x", json!(1))]),
        "`s` is a string, not an object"
    );
    assert_eq!(
        refused(before, &[item("s[a=b].x", json!(1))]),
        "`s` is a string, not a list"
    );
}

#[test]
fn a_member_with_another_value() {
    assert_eq!(
        refused(
            "{\"a\": {\"b\": \"mine\"}}",
            &[member("a", "b", json!("ours"))]
        ),
        "`a.b` is \"mine\", not \"ours\""
    );
}

#[test]
fn an_element_that_is_not_there_or_not_the_only_one() {
    let before = "{\"tasks\": [{\"label\": \"x\"}, {\"label\": \"x\"}]}";
    assert_eq!(
        refused(before, &[item("tasks[label=y].dependsOn", json!(1))]),
        "no element of `tasks` has the label \"y\""
    );
    assert_eq!(
        refused(before, &[item("tasks[label=x].dependsOn", json!(1))]),
        "several elements of `tasks` have the label \"x\""
    );
    assert_eq!(
        refused("{}", &[item("tasks[label=y].dependsOn", json!(1))]),
        "there is no `tasks[label=y]` to add to"
    );
}

#[test]
fn a_value_to_replace_that_is_another_one() {
    assert_eq!(
        refused("{\"a\": 1}", &[replaced("a", json!(2), json!(3))]),
        "`a` is 1, not 2"
    );
    assert_eq!(
        refused("{\"a\": 1}", &[replaced("b", json!(2), json!(3))]),
        "there is no `b` to replace"
    );
}

#[test]
fn edits_that_undo_each_other() {
    assert_eq!(
        refused(
            "{\"a\": 1, \"c\": 1}",
            &[dropped("", "a"), member("", "a", json!(2))]
        ),
        "the edit would be made again each time"
    );
}

#[test]
fn one_refused_edit_refuses_all() {
    let edits = [member("", "b", json!(2)), item("a", json!(1))];
    assert_eq!(refused("{\"a\": null}", &edits), "`a` is null, not a list");
}

#[test]
fn a_snippet_says_what_to_paste_and_where() {
    let edits = [
        member("portsAttributes", "10000", json!({"label": "Blob"})),
        item("tasks[label=build].dependsOn", json!("tools: check")),
        member("", "service", json!("app")),
        replaced("preLaunchTask", json!("a"), json!("b")),
        dropped("", "image"),
    ];
    assert_eq!(
        snippet(&edits),
        r#"in "portsAttributes", add:
"10000": {
  "label": "Blob"
}

in the list "tasks", the one with "label": "build", "dependsOn", add:
"tools: check"

in the outermost braces, add:
"service": "app"

instead of "preLaunchTask", write:
"b"

in the outermost braces, remove "image"
"#
    );
}
