//! What has to hold for any bytes whatever. The fuzz target calls this with bytes of the fuzzer's
//! making, and `tests/corpus.rs` with the inputs kept in `corpus/`.

use jsonc_edit::{Edit, Step};
use serde_json::{Value, json};

/// A document of a user takes edits and gives back its old bytes, or refuses. The first
/// byte chooses the edits.
pub fn edits(data: &[u8]) {
    let Some((choice, document)) = data.split_first() else {
        return;
    };
    let parsed = jsonc_edit::parse(document);
    let edits: Vec<Edit> = choice_of_edits(parsed.as_ref().ok())
        .into_iter()
        .enumerate()
        .filter(|(at, _)| choice >> (at % 8) & 1 == 1)
        .map(|(_, edit)| edit)
        .collect();
    let Ok(edited) = jsonc_edit::add(document, &edits) else {
        return;
    };
    assert!(parsed.is_ok(), "edited, but cannot be read");
    let value = jsonc_edit::parse(&edited.bytes).expect("it can still be read");
    for edit in &edits {
        match edit {
            Edit::Member {
                at,
                key,
                value: wanted,
            } => {
                let object = jsonc_edit::find(&value, at).expect("the object");
                assert_eq!(object.get(key), Some(wanted), "the member");
            }
            Edit::Item { at, .. } => {
                assert!(
                    jsonc_edit::find(&value, at).is_some_and(Value::is_array),
                    "the list"
                );
            }
            Edit::Replace { .. } | Edit::Drop { .. } => {}
        }
    }
    let back = jsonc_edit::remove(&edited.bytes, &edited.additions);
    assert_eq!(back.as_deref(), Ok(document), "old bytes are back");
    let again = jsonc_edit::add(&edited.bytes, &edits).expect("twice is once");
    assert_eq!(again.bytes, edited.bytes, "twice is once");
    assert!(again.additions.is_empty(), "nothing was left to add");
    // What is gone already is no error, and what was never there costs no byte.
    let gone = jsonc_edit::remove(document, &edited.additions);
    if let Ok(gone) = gone {
        assert!(jsonc_edit::parse(&gone).is_ok(), "it can still be read");
    }
}

/// Edits as tools make them, and some at the document's own first member.
fn choice_of_edits(document: Option<&Value>) -> Vec<Edit> {
    let key = |name: &str| Step::Key(name.to_owned());
    let member = |at: &[Step], name: &str, value| Edit::Member {
        at: at.to_vec(),
        key: name.to_owned(),
        value,
    };
    let item = |at: &[Step], value| Edit::Item {
        at: at.to_vec(),
        value,
    };
    let labelled = Step::Matching {
        key: "label".to_owned(),
        value: "install".to_owned(),
    };
    let mut all = vec![
        item(&[key("dockerComposeFile")], json!("tools/compose.yml")),
        member(&[key("features")], "./tools", json!({})),
        item(&[key("forwardPorts")], json!(10_000)),
        member(
            &[key("portsAttributes")],
            "10000",
            json!({"label": "Blob", "onAutoForward": "silent"}),
        ),
        item(
            &[key("tasks")],
            json!({"label": "tools: check", "type": "process"}),
        ),
        item(
            &[key("tasks"), labelled, key("dependsOn")],
            json!("tools: check"),
        ),
    ];
    if let Some(Value::Object(members)) = document
        && let Some((first, _)) = members.iter().next()
    {
        all.push(member(&[key(first)], "one", json!([1, {"two": null}])));
        all.push(item(&[key(first)], json!("ein \"Wort\"\\\n")));
    }
    all
}
