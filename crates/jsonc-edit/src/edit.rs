//! Makes edits one by one, checking each, and then the whole.

use super::document::Document;
use super::edits::apply;
use super::invariants;
use super::undo::undo;
use super::{Addition, Edit, Edited, Refusal};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Byte order mark and text of a file.
pub(super) fn text(bytes: &[u8]) -> Result<(&str, &str), Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        Refusal(format!("line {line}: it is not UTF-8"))
    })?;
    Ok(match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (BYTE_ORDER_MARK, text),
        None => ("", text),
    })
}

pub(super) fn add(before: &[u8], edits: &[Edit]) -> Result<Edited, Refusal> {
    let (mark, old) = text(before)?;
    let (new, additions) = grown(old, edits)?;
    invariants::surroundings(old, &new)?;
    let bytes = [mark, &new].concat().into_bytes();
    let back = remove(&bytes, &additions).map_err(|Refusal(why)| {
        Refusal(format!("the edit could not be taken back later ({why})"))
    })?;
    if back != before {
        return Err(Refusal(
            "the edit could not be taken back later to the same bytes".to_owned(),
        ));
    }
    let again = grown(&new, edits)?;
    if again.0 != new || !again.1.is_empty() {
        return Err(Refusal("the edit would be made again each time".to_owned()));
    }
    Ok(Edited { bytes, additions })
}

pub(super) fn remove(now: &[u8], additions: &[Addition]) -> Result<Vec<u8>, Refusal> {
    let (mark, old) = text(now)?;
    let new = shrunk(old, additions)?;
    invariants::surroundings(old, &new)?;
    Ok([mark, &new].concat().into_bytes())
}

fn grown(text: &str, edits: &[Edit]) -> Result<(String, Vec<Addition>), Refusal> {
    let mut text = text.to_owned();
    let mut value = Document::read(&text)?.root.value();
    let mut additions = Vec::new();
    for edit in edits {
        let Some((changed, addition)) = apply(&text, edit)? else {
            continue;
        };
        invariants::lines(&text, &changed)?;
        let after = Document::read(&changed.text)?.root.value();
        invariants::added(value, edit, &after)?;
        (text, value) = (changed.text, after);
        additions.push(addition);
    }
    Ok((text, additions))
}

fn shrunk(text: &str, additions: &[Addition]) -> Result<String, Refusal> {
    let mut text = text.to_owned();
    let mut value = Document::read(&text)?.root.value();
    for addition in additions.iter().rev() {
        let undone = undo(&text, addition)?;
        if undone.changes.is_empty() {
            continue;
        }
        for changed in &undone.changes {
            invariants::lines(&text, changed)?;
            text.clone_from(&changed.text);
        }
        let after = Document::read(&text)?.root.value();
        invariants::removed(value, addition, &undone, &after)?;
        value = after;
    }
    Ok(text)
}
