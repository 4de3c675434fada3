//! The laws of the gate, on documents that nobody wrote, judged by a reader and rules of
//! their own: nothing here uses how the gate reads, compares or counts.

use proptest::prelude::*;
use serde_json::Value;

use super::generated::{Choices, document, edits, mutated, takings};
use super::*;

/// Takes comments and trailing commas out, for a reader that knows neither.
fn plain_json(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|each| {
                let end = each == '"' && !escaped;
                escaped = each == '\\' && !escaped;
                end
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.find("*/").map_or(rest.len(), |end| end + 4)
        } else {
            first.len_utf8()
        };
        let (piece, more) = rest.split_at(length);
        rest = more;
        if piece.starts_with("//") || piece.starts_with("/*") {
            continue;
        }
        if (piece == "}" || piece == "]") && out.trim_end().ends_with(',') {
            let comma = out.trim_end().len() - 1;
            out.remove(comma);
        }
        out.push_str(piece);
    }
    out
}

fn read(text: &str) -> Value {
    serde_json::from_str(&plain_json(text)).unwrap()
}

/// How many elements `new` has more than `old`, of which everything else is there, in
/// order; `None` where something is not.
fn more(old: &Value, new: &Value) -> Option<usize> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut count = new.len().checked_sub(old.len())?;
            for ((key, old), (new_key, new)) in old.iter().zip(new) {
                count += (key == new_key).then(|| more(old, new))??;
            }
            Some(count)
        }
        (Value::Array(old), Value::Array(new)) => {
            let mut count = new.len().checked_sub(old.len())?;
            for (old, new) in old.iter().zip(new) {
                count += more(old, new)?;
            }
            Some(count)
        }
        (old, Value::Array(new)) if new.first() == Some(old) => Some(new.len() - 1),
        _ => (old == new).then_some(0),
    }
}

/// How many lines of `old` are not in `new`, in order.
fn lines_gone(old: &str, new: &str) -> usize {
    let difference = similar::TextDiff::from_lines(old, new);
    let changes = difference.iter_all_changes();
    changes
        .filter(|change| change.tag() == similar::ChangeTag::Delete)
        .count()
}

fn line_ends(text: &str) -> (bool, bool) {
    let windows = text.matches("\r\n").count();
    (windows > 0, text.matches('\n').count() > windows)
}

/// Everything that has to hold of an accepted change.
fn check(before: &str, edits: &[Edit], edited: &Edited) -> Result<String, TestCaseError> {
    let after = String::from_utf8(edited.bytes.clone()).unwrap();
    let (old, new) = (read(before), read(&after));
    prop_assert_eq!(parse(&edited.bytes).unwrap(), new.clone());
    for edit in edits {
        let there = match edit {
            Edit::Member { at, key, value } => {
                find(&new, at).is_some_and(|object| &object[key] == value)
            }
            Edit::Item { at, value } => find(&new, at).is_some_and(|list| {
                let elements = list
                    .as_array()
                    .map_or(std::slice::from_ref(list), Vec::as_slice);
                elements
                    .iter()
                    .any(|each| each == value || each["label"] == value["label"])
            }),
            Edit::Replace { at, to, .. } => find(&new, at) == Some(to),
            Edit::Drop { at, key } => find(&new, at).is_none_or(|object| object.get(key).is_none()),
        };
        prop_assert!(there, "{:?} is not in\n{}", edit, after);
    }
    let taking = |edit: &Edit| matches!(edit, Edit::Replace { .. } | Edit::Drop { .. });
    if !edits.iter().any(taking) {
        let count = edited.additions.len();
        let came = more(&old, &new);
        prop_assert!(
            came.is_some_and(|came| came <= count),
            "{}\n->\n{}",
            before,
            after
        );
        let wraps = edited
            .additions
            .iter()
            .filter(|each| matches!(each, Addition::Item { wraps: true, .. }));
        let gone = lines_gone(before, &after);
        prop_assert!(gone <= count + wraps.count(), "{}\n->\n{}", before, after);
        let mut rest = after.chars();
        prop_assert!(before.chars().all(|old| rest.any(|new| new == old)));
    }
    if line_ends(before) == (true, false) {
        prop_assert!(!line_ends(&after).1);
    }
    prop_assert!(line_ends(before).0 || !line_ends(&after).0);
    prop_assert_eq!(
        before.starts_with('\u{feff}'),
        after.starts_with('\u{feff}')
    );
    prop_assert_eq!(before.ends_with('\n'), after.ends_with('\n'));
    let back = remove(&edited.bytes, &edited.additions).unwrap();
    prop_assert_eq!(std::str::from_utf8(&back).unwrap(), before);
    let again = add(&edited.bytes, edits).unwrap();
    prop_assert_eq!(&again.bytes, &edited.bytes);
    prop_assert!(again.additions.is_empty());
    Ok(after)
}

/// Whether a refusal is for what the document holds, not for a splice that went wrong.
fn is_for_the_document(Refusal(why): &Refusal) -> bool {
    why.starts_with('`')
        || why.starts_with("no element")
        || why.starts_with("there is no")
        || why.starts_with("several elements")
}

fn choices() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..400)
}

proptest! {
    #[test]
    fn additions_to_any_document_keep_every_law(bytes in choices()) {
        let mut choices = Choices(&bytes);
        let edits = edits(&mut choices);
        let (value, before) = document(&mut choices);
        prop_assert_eq!(parse(before.as_bytes()), Ok(value));
        match add(before.as_bytes(), &edits) {
            Ok(edited) => {
                check(&before, &edits, &edited)?;
            }
            Err(why) => prop_assert!(is_for_the_document(&why), "{:?}\n{}", why, before),
        }
    }

    #[test]
    fn drops_and_replacements_in_any_document_come_back(bytes in choices()) {
        let mut choices = Choices(&bytes);
        let mut edits = edits(&mut choices);
        edits.truncate(1);
        let (value, before) = document(&mut choices);
        let mut all = takings(&mut choices, &value);
        all.extend(edits);
        match add(before.as_bytes(), &all) {
            Ok(edited) => {
                check(&before, &all, &edited)?;
            }
            Err(why) => prop_assert!(
                is_for_the_document(&why)
                    || why.0.ends_with("again each time")
                    // The only line end was within what was dropped.
                    || why.0.ends_with("(line ends)"),
                "{:?}\n{:?}\n{}", why, all, before
            ),
        }
    }

    #[test]
    fn a_line_of_the_user_stays_where_it_is(bytes in choices()) {
        let mut choices = Choices(&bytes);
        let (edits, at) = (edits(&mut choices), choices.below(256));
        let (_, before) = document(&mut choices);
        let Ok(edited) = add(before.as_bytes(), &edits) else {
            return Ok(());
        };
        let after = String::from_utf8(edited.bytes).unwrap();
        let mut lines: Vec<&str> = after.split_inclusive('\n').collect();
        let at = at % lines.len();
        let line = if after.contains("\r\n") { "// of the user\r\n" } else { "// of the user\n" };
        lines.insert(at, line);
        let now = lines.concat();
        // Not within a comment of several lines, nor before the byte order mark.
        prop_assume!(parse(now.as_bytes()) == parse(after.as_bytes()));
        prop_assume!(plain_json(&now).trim_start_matches('\u{feff}').len() < now.len());
        match remove(now.as_bytes(), &edited.additions) {
            Ok(back) => {
                let back = String::from_utf8(back).unwrap();
                prop_assert!(back.contains("// of the user"), "{}\n->\n{}", now, back);
                let simple = |each: &Addition| matches!(
                    each,
                    Addition::Member { made: 0, inside: None, .. }
                        | Addition::Item { made: 0, inside: None, wraps: false, .. }
                );
                if edited.additions.iter().all(simple) {
                    let rest = back.replacen(line, "", 1);
                    // A bracket that stood behind ours may not join the comment.
                    let apart = rest.len() > before.len()
                        && rest.split_whitespace().collect::<String>()
                            == before.split_whitespace().collect::<String>();
                    prop_assert!(apart || rest == before, "{}\n->\n{}", now, back);
                }
            }
            Err(why) => prop_assert!(why.0.contains("has got a comment"), "{:?}\n{}", why, now),
        }
    }

    #[test]
    fn a_member_of_the_user_stays_in_another_layout(bytes in choices()) {
        let mut choices = Choices(&bytes);
        let (edits, first, layout) = (edits(&mut choices), choices.below(2), choices.below(4));
        let (value, before) = document(&mut choices);
        let Ok(edited) = add(before.as_bytes(), &edits) else {
            return Ok(());
        };
        let mut now = parse(&edited.bytes).unwrap();
        let members = now.as_object_mut().unwrap();
        members.shift_insert(if first == 0 { 0 } else { members.len() }, "user".into(), 1.into());
        let text = match layout {
            0 => now.to_string(),
            1 => serde_json::to_string_pretty(&now).unwrap(),
            2 => serde_json::to_string_pretty(&now).unwrap().replace('\n', "\r\n"),
            _ => serde_json::to_string_pretty(&now).unwrap().replace("\": ", "\" :\n// x\n"),
        };
        match remove(text.as_bytes(), &edited.additions) {
            Ok(back) => {
                let back = String::from_utf8(back).unwrap();
                let mut left = read(&back);
                prop_assert_eq!(left.as_object_mut().unwrap().shift_remove("user"), Some(1.into()));
                // With comments, what we made of a value or for a value may have to stay.
                if layout < 3 {
                    prop_assert_eq!(left, value, "{}", back);
                }
            }
            Err(why) => prop_assert!(
                layout == 3 && why.0.contains("has got a comment"),
                "{:?}\n{}", why, text
            ),
        }
    }

    #[test]
    fn nothing_that_is_accepted_breaks_a_law(bytes in choices()) {
        let mut choices = Choices(&bytes);
        let (edits, count) = (edits(&mut choices), choices.below(3) + 1);
        let place = choices.0.split_off(..choices.0.len().min(16)).unwrap_or_default();
        let (_, mut before) = document(&mut choices);
        let mut mutations = Choices(place);
        for _ in 0..count {
            before = mutated(&mut mutations, &before);
        }
        if let Ok(edited) = add(before.as_bytes(), &edits) {
            check(&before, &edits, &edited)?;
        }
    }

    #[test]
    fn nothing_but_ours_is_ever_taken_out(bytes in choices()) {
        let mut choices = Choices(&bytes);
        let (edits, count) = (edits(&mut choices), choices.below(3) + 1);
        let place = choices.0.split_off(..choices.0.len().min(16)).unwrap_or_default();
        let (_, before) = document(&mut choices);
        let Ok(edited) = add(before.as_bytes(), &edits) else {
            return Ok(());
        };
        let mut now = String::from_utf8(edited.bytes).unwrap();
        let mut mutations = Choices(place);
        for _ in 0..count {
            now = mutated(&mut mutations, &now);
        }
        if let Ok(back) = remove(now.as_bytes(), &edited.additions) {
            let back = String::from_utf8(back).unwrap();
            let mut rest = now.chars();
            prop_assert!(back.chars().all(|old| rest.any(|new| new == old)));
            // What is missing is as much as was added, at most.
            let came = more_in_any_order(&read(&back), &read(&now));
            prop_assert!(came.is_some_and(|came| came <= edited.additions.len() * 3));
        }
    }
}

/// As [`more`], for elements that need not stand at the end.
fn more_in_any_order(old: &Value, new: &Value) -> Option<usize> {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let mut count = new.len().checked_sub(old.len())?;
            for (key, old) in old {
                count += more_in_any_order(old, new.get(key)?)?;
            }
            Some(count)
        }
        (Value::Array(old), Value::Array(new)) => {
            let mut left = new.iter();
            let mut count = new.len().checked_sub(old.len())?;
            for old in old {
                count += left.find_map(|new| more_in_any_order(old, new))?;
            }
            Some(count)
        }
        (old, Value::Array(new)) if new.contains(old) => Some(new.len() - 1),
        _ => (old == new).then_some(0),
    }
}
