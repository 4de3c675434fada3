//! Where new elements go, and how they look.

use serde_json::json;

use super::*;

/// Adds `"b": 2` to the outermost object.
fn with_b(before: &str) -> String {
    added(before, &[member("", "b", json!(2))])
}

/// Adds 3 to the list `a`.
fn with_3(before: &str) -> String {
    added(before, &[item("a", json!(3))])
}

#[test]
fn a_new_member_goes_after_the_last_one() {
    assert_eq!(
        with_b("{\n  \"a\": 1\n}\n"),
        "{\n  \"a\": 1,\n  \"b\": 2\n}\n"
    );
}

#[test]
fn every_indentation_is_followed() {
    for unit in ["\t", " ", "  ", "   ", "    ", "        "] {
        let before = format!("{{\n{unit}\"a\": {{\n{unit}{unit}\"x\": 1\n{unit}}}\n}}\n");
        assert_eq!(
            added(&before, &[member("", "b", json!({"c": {"d": 1}}))]),
            format!(
                "{{\n{unit}\"a\": {{\n{unit}{unit}\"x\": 1\n{unit}}},\n{unit}\"b\": {{\n\
                 {unit}{unit}\"c\": {{\n{unit}{unit}{unit}\"d\": 1\n{unit}{unit}}}\n{unit}}}\n}}\n"
            )
        );
    }
}

#[test]
fn lines_that_end_with_cr_lf_stay_so() {
    assert_eq!(
        with_b("{\r\n  \"a\": 1 // one\r\n}\r\n"),
        "{\r\n  \"a\": 1, // one\r\n  \"b\": 2\r\n}\r\n"
    );
}

#[test]
fn a_byte_order_mark_stays() {
    assert_eq!(
        with_b("\u{feff}{\n  \"a\": 1\n}"),
        "\u{feff}{\n  \"a\": 1,\n  \"b\": 2\n}"
    );
}

#[test]
fn a_final_newline_stays_missing() {
    assert_eq!(with_b("{\n  \"a\": 1\n}"), "{\n  \"a\": 1,\n  \"b\": 2\n}");
}

#[test]
fn a_file_of_one_line_stays_one() {
    assert_eq!(with_b("{\"a\":1}"), "{\"a\":1,\"b\":2}");
    assert_eq!(with_b("{ \"a\": 1 }\n"), "{ \"a\": 1, \"b\": 2 }\n");
    assert_eq!(with_b("{ \"a\": 1, }\n"), "{ \"a\": 1, \"b\": 2, }\n");
    assert_eq!(
        added("{\"a\":[1,2]}", &[item("a", json!({"x": [1, 2]}))]),
        "{\"a\":[1,2,{\"x\":[1,2]}]}"
    );
}

#[test]
fn a_list_in_one_line_stays_so() {
    assert_eq!(with_3("{\n  \"a\": [1, 2]\n}"), "{\n  \"a\": [1, 2, 3]\n}");
    assert_eq!(with_3("{\n  \"a\": [1,2]\n}"), "{\n  \"a\": [1,2,3]\n}");
    assert_eq!(with_3("{\n  \"a\": [ 1 ]\n}"), "{\n  \"a\": [ 1, 3 ]\n}");
    assert_eq!(
        with_3("{\n  \"a\": [\n    1, 2\n  ]\n}"),
        "{\n  \"a\": [\n    1, 2,\n    3\n  ]\n}"
    );
    assert_eq!(
        with_3("{\n  \"a\": [1,\n        2]\n}"),
        "{\n  \"a\": [1,\n        2,\n        3]\n}"
    );
}

#[test]
fn blank_lines_and_trailing_blanks_stay_where_they_are() {
    assert_eq!(
        with_b("{\n  \"a\": 1\n\n}\n"),
        "{\n  \"a\": 1,\n  \"b\": 2\n\n}\n"
    );
    assert_eq!(
        with_b("{\n  \"a\": 1  \n}\n"),
        "{\n  \"a\": 1,  \n  \"b\": 2\n}\n"
    );
}

#[test]
fn a_comment_after_the_last_element_stays_with_it() {
    assert_eq!(
        with_b("{\n  \"a\": 1 // x\n}"),
        "{\n  \"a\": 1, // x\n  \"b\": 2\n}"
    );
    assert_eq!(
        with_b("{\n  \"a\": 1 /* x */\n}"),
        "{\n  \"a\": 1, /* x */\n  \"b\": 2\n}"
    );
    assert_eq!(
        with_b("{\n  \"a\": 1 /* x\n  y */ // z\n}"),
        "{\n  \"a\": 1, /* x\n  y */ // z\n  \"b\": 2\n}"
    );
    assert_eq!(
        with_b("{\n  \"a\": 1\n  // \"c\": 3\n}"),
        "{\n  \"a\": 1,\n  \"b\": 2\n  // \"c\": 3\n}"
    );
    assert_eq!(
        with_3("{\"a\": [2 /* two */ ]}"),
        "{\"a\": [2 /* two */, 3 ]}"
    );
    assert_eq!(
        with_3("{\n  \"a\": [2 // two\n  ]\n}"),
        "{\n  \"a\": [2, // two\n    3\n  ]\n}"
    );
}

#[test]
fn trailing_commas_are_followed_and_never_introduced() {
    assert_eq!(
        with_b("{\n  \"a\": 1,\n}"),
        "{\n  \"a\": 1,\n  \"b\": 2,\n}"
    );
    assert_eq!(
        with_b("{\n  \"a\": 1, // x\n}"),
        "{\n  \"a\": 1, // x\n  \"b\": 2,\n}"
    );
    assert_eq!(
        with_b("{\n  \"a\": 1 /* x */ , // y\n}"),
        "{\n  \"a\": 1 /* x */ , // y\n  \"b\": 2,\n}"
    );
    assert_eq!(
        with_b("{\n  \"a\": 1\n  ,\n}"),
        "{\n  \"a\": 1\n  ,\n  \"b\": 2,\n}"
    );
    assert_eq!(
        with_3("{\n  \"a\": [\n    1,\n  ]\n}"),
        "{\n  \"a\": [\n    1,\n    3,\n  ]\n}"
    );
    assert_eq!(
        with_b("{\n  \"a\": [\n    1,\n  ]\n}"),
        "{\n  \"a\": [\n    1,\n  ],\n  \"b\": 2\n}"
    );
}

#[test]
fn comments_everywhere_stay() {
    let before = "// 1\n/* 2 */ { // 3\n  // 4\n  /* 5 */ \"a\" /* 6 */ : /* 7 */ [ // 8\n    1 /* 9 */ , // 10\n    2 // 11\n    // 12\n  ] // 13\n  // 14\n} // 15\n// 16";
    let after = "// 1\n/* 2 */ { // 3\n  // 4\n  /* 5 */ \"a\" /* 6 */ : /* 7 */ [ // 8\n    1 /* 9 */ , // 10\n    2, // 11\n    3\n    // 12\n  ], // 13\n  \"b\": 2\n  // 14\n} // 15\n// 16";
    let edits = [item("a", json!(3)), member("", "b", json!(2))];
    assert_eq!(added(before, &edits), after);
}

#[test]
fn strings_with_braces_and_comment_marks_are_strings() {
    assert_eq!(
        with_b("{\n  \"a\": \"}, // ] /* \\\" {\"\n}"),
        "{\n  \"a\": \"}, // ] /* \\\" {\",\n  \"b\": 2\n}"
    );
}

#[test]
fn keys_are_compared_as_they_read() {
    assert_eq!(with_b("{\n  \"\\u0062\": 2\n}"), "{\n  \"\\u0062\": 2\n}");
    assert_eq!(
        added(
            "{\n  \"x\\ny\": {}\n}",
            &[member("x\ny", "k\"\n", json!("ä€😀"))]
        ),
        "{\n  \"x\\ny\": {\n    \"k\\\"\\n\": \"ä€😀\"\n  }\n}"
    );
    assert_eq!(
        with_b("{\n  \"ключ\": \"значение\" // 注\n}"),
        "{\n  \"ключ\": \"значение\", // 注\n  \"b\": 2\n}"
    );
}

#[test]
fn empty_objects_and_lists_are_filled() {
    assert_eq!(with_b("{}"), "{\n  \"b\": 2\n}");
    assert_eq!(with_b("{}\r\n"), "{\r\n  \"b\": 2\r\n}\r\n");
    assert_eq!(with_b("{\n}"), "{\n  \"b\": 2\n}");
    assert_eq!(with_b("{\n\n}"), "{\n  \"b\": 2\n\n}");
    assert_eq!(
        with_b("{\n\t// nothing yet\n}"),
        "{\n\t// nothing yet\n\t\"b\": 2\n}"
    );
    assert_eq!(with_b("{ /* nothing */ }"), "{ /* nothing */ \"b\": 2 }");
    assert_eq!(with_b("{ // nothing\n}"), "{ // nothing\n  \"b\": 2\n}");
    assert_eq!(with_3("{\n    \"a\": []\n}"), "{\n    \"a\": [3]\n}");
    assert_eq!(with_3("{\n    \"a\": [ ]\n}"), "{\n    \"a\": [ 3 ]\n}");
    assert_eq!(
        added("{\n\t\"a\": []\n}", &[item("a", json!({"label": "x"}))]),
        "{\n\t\"a\": [\n\t\t{\n\t\t\t\"label\": \"x\"\n\t\t}\n\t]\n}"
    );
    assert_eq!(
        added("{ \"a\": {}, \"c\": 1 }", &[member("a", "b", json!(2))]),
        "{ \"a\": { \"b\": 2 }, \"c\": 1 }"
    );
    assert_eq!(
        added("{\"a\":{\"c\":{}}}", &[member("a.c", "b", json!([]))]),
        "{\"a\":{\"c\":{\"b\":[]}}}"
    );
}

#[test]
fn what_stands_where_a_list_may_stand_becomes_its_first_element() {
    assert_eq!(
        added(
            "{\n  \"dockerComposeFile\": /* mine */ \"\\u0061.yml\", // here\n  \"x\": 1\n}",
            &[item("dockerComposeFile", json!("b.yml"))]
        ),
        "{\n  \"dockerComposeFile\": /* mine */ [\"\\u0061.yml\", \"b.yml\"], // here\n  \"x\": 1\n}"
    );
    assert_eq!(
        added(
            "{\n  \"dependsOn\": {\n    \"type\": \"npm\" // ?\n  }\n}",
            &[item("dependsOn", json!("tools: check"))]
        ),
        "{\n  \"dependsOn\": [{\n    \"type\": \"npm\" // ?\n  }, \"tools: check\"]\n}"
    );
}

#[test]
fn what_is_missing_on_the_way_is_made() {
    assert_eq!(
        added(
            "{\n  \"a\": 1\n}",
            &[
                member("x.y", "z", json!(true)),
                item("x.list", json!(1)),
                item("x.list", json!(2)),
            ]
        ),
        "{\n  \"a\": 1,\n  \"x\": {\n    \"y\": {\n      \"z\": true\n    },\n    \"list\": [1, 2]\n  }\n}"
    );
}

#[test]
fn tasks_are_found_by_their_label() {
    let before = "{\n  \"tasks\": [\n    { \"label\": \"build\", \"dependsOn\": \"clean\" },\n    { \"label\": \"clean\" }\n  ]\n}";
    let after = "{\n  \"tasks\": [\n    { \"label\": \"build\", \"dependsOn\": [\"clean\", \"tools: check\"] },\n    { \"label\": \"clean\", \"dependsOn\": [\"tools: check\"] }\n  ]\n}";
    let edits = [
        item("tasks[label=build].dependsOn", json!("tools: check")),
        item("tasks[label=clean].dependsOn", json!("tools: check")),
    ];
    assert_eq!(added(before, &edits), after);
}

#[test]
fn what_is_there_already_is_not_added() {
    let before = "{\n  \"a\": [3], \"b\": 2, \"c\": \"x\",\n  \"tasks\": [{ \"label\": \"tools: check\", \"mine\": 1 }]\n}";
    let edits = [
        item("a", json!(3)),
        member("", "b", json!(2)),
        item("c", json!("x")),
        item("tasks", json!({"label": "tools: check", "type": "process"})),
        dropped("", "gone"),
    ];
    let edited = add(before.as_bytes(), &edits).unwrap();
    assert_eq!(edited.bytes, before.as_bytes());
    assert_eq!(edited.additions, []);
}

#[test]
fn values_are_replaced_and_members_dropped_where_asked_for() {
    assert_eq!(
        added(
            "{\n  \"image\": \"x\", // old\n  \"args\": [\n    1 // one\n  ],\n  \"last\": 1\n}",
            &[
                dropped("", "image"),
                replaced("args", json!([1]), json!([2])),
                dropped("", "last"),
                member("", "service", json!("app")),
            ]
        ),
        "{\n  // old\n  \"args\": [2],\n  \"service\": \"app\"\n}"
    );
}
