//! Why this crate does not use the editor that `jsonc-parser` has (its feature `cst`): each test
//! shows a law that it breaks. One that fails is good news: read README.md and try again.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstRootNode};

fn root(text: &str) -> CstRootNode {
    CstRootNode::parse(text, &ParseOptions::default()).expect("a document")
}

fn with_b(text: &str) -> String {
    let root = root(text);
    let object = root.object_value().expect("an object");
    object.append("b", CstInputValue::Number("2".to_owned()));
    root.to_string()
}

fn without_b(text: &str) -> String {
    let root = root(text);
    let object = root.object_value().expect("an object");
    object.get("b").expect("a member").remove();
    root.to_string()
}

#[test]
fn blank_lines_of_the_user_go() {
    assert_eq!(
        with_b("{\n\n  \"a\": 1\n\n}\n"),
        "{\n  \"a\": 1,\n  \"b\": 2\n}\n"
    );
}

#[test]
fn a_file_of_one_line_is_broken_into_several() {
    assert_eq!(with_b("{ \"a\": 1 }\n"), "{\n  \"a\": 1,\n  \"b\": 2\n}\n");
}

#[test]
fn white_space_behind_the_last_element_moves_to_the_new_one() {
    assert_eq!(
        with_b("{\n  \"a\": 1  \n}\n"),
        "{\n  \"a\": 1,\n  \"b\": 2  \n}\n"
    );
}

#[test]
fn a_comment_of_the_user_goes_with_the_member_beside_it() {
    assert_eq!(
        without_b("{\n  \"a\": 1,\n  /* mine */ \"b\": 2 // mine too\n}\n"),
        "{\n  \"a\": 1\n}\n"
    );
}

#[test]
fn removing_what_was_added_does_not_give_the_first_bytes_back() {
    let before = "{\n  // nothing yet\n  \n}\n";
    assert_ne!(without_b(&with_b(before)), before);
}
