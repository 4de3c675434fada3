//! The gate itself: makes edits one by one, each checked by itself, and then the whole.

use super::document::Document;
use super::edits::apply;
use super::laws;
use super::undo::undo;
use super::{Addition, Edit, Edited, Refusal};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A file, taken apart.
pub(super) struct File<'b> {
    marked: bool,
    /// Without the byte order mark.
    pub(super) text: &'b str,
}

impl<'b> File<'b> {
    pub(super) fn read(bytes: &'b [u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n');
            Refusal(format!("line {}: it is not UTF-8", line.count() + 1))
        })?;
        Ok(match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => Self { marked: true, text },
            None => Self {
                marked: false,
                text,
            },
        })
    }

    fn with(&self, text: &str) -> Vec<u8> {
        let mark = if self.marked { BYTE_ORDER_MARK } else { "" };
        [mark, text].concat().into_bytes()
    }
}

pub(super) fn add(before: &[u8], edits: &[Edit]) -> Result<Edited, Refusal> {
    let file = File::read(before)?;
    let (after, additions) = grown(file.text, edits)?;
    laws::surroundings(file.text, &after)?;
    let after_bytes = file.with(&after);
    let back = remove(&after_bytes, &additions).map_err(|Refusal(why)| {
        Refusal(format!("the edit could not be taken back later ({why})"))
    })?;
    if back != before {
        return Err(Refusal(
            "the edit could not be taken back later to the same bytes".to_owned(),
        ));
    }
    let again = grown(&after, edits)?;
    if again.0 != after || !again.1.is_empty() {
        return Err(Refusal("the edit would be made again each time".to_owned()));
    }
    Ok(Edited {
        bytes: after_bytes,
        additions,
    })
}

pub(super) fn remove(now: &[u8], additions: &[Addition]) -> Result<Vec<u8>, Refusal> {
    let file = File::read(now)?;
    let after = shrunk(file.text, additions)?;
    laws::surroundings(file.text, &after)?;
    Ok(file.with(&after))
}

fn grown(text: &str, edits: &[Edit]) -> Result<(String, Vec<Addition>), Refusal> {
    let mut text = text.to_owned();
    let mut value = Document::read(&text)?.root.value();
    let mut additions = Vec::new();
    for edit in edits {
        let Some((changed, addition)) = apply(&text, edit)? else {
            continue;
        };
        laws::lines(&text, &changed)?;
        let after = Document::read(&changed.text)?.root.value();
        laws::added(value, edit, &after)?;
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
            laws::lines(&text, changed)?;
            text.clone_from(&changed.text);
        }
        let after = Document::read(&text)?.root.value();
        laws::removed(value, addition, &undone, &after)?;
        value = after;
    }
    Ok(text)
}
