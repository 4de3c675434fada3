//! git's index, as untrusted bytes: reading them takes no more memory than the file has, whatever
//! they are, and an incomplete index is rejected.

/// Paths longer than this (bytes) cannot be opened.
const LONGEST_PATH: usize = 4096;

/// What is tracked under one path.
pub(super) struct Entry<'a> {
    pub(super) path: &'a [u8],
    pub(super) size: u32,
    /// In a sparse index: the entry stands for everything in the folder.
    pub(super) is_folder: bool,
}

/// Passes every entry to `show` (gitformat-index: versions 2 and 3, and 4 with its compressed
/// paths), one at a time: expanded, those of version 4 can be a thousand times as long as the file.
/// Returns the name of the shared index that a split index refers to, empty if it is not split.
/// `None` if it is not an index, or incomplete.
pub(super) fn entries<'i>(
    index: &'i [u8],
    id_length: usize,
    show: &mut impl FnMut(Entry<'_>),
) -> Option<&'i [u8]> {
    let number = |at: usize| -> Option<u32> {
        Some(u32::from_be_bytes(index.get(at..at + 4)?.try_into().ok()?))
    };
    let version = number(4)?;
    if !index.starts_with(b"DIRC") || !(2..=4).contains(&version) {
        return None;
    }
    let mut written_out: Vec<u8> = Vec::new();
    let mut at = 12;
    for _ in 0..number(8)? {
        let start = at;
        let is_folder = number(at + 24)? == 0o040_000;
        let size = number(at + 36)?;
        at += 40 + id_length;
        let flags = u16::from_be_bytes(index.get(at..at + 2)?.try_into().ok()?);
        at += 2;
        if version >= 3 && flags & 0x4000 != 0 {
            at += 2;
        }
        if version == 4 {
            let dropped = variable_length(index, &mut at)?;
            written_out.truncate(written_out.len().checked_sub(dropped)?);
        }
        let end = at + memchr::memchr(0, index.get(at..)?)?;
        let rest = &index[at..end];
        let path = if version == 4 {
            if written_out.len() + rest.len() > LONGEST_PATH {
                return None;
            }
            written_out.extend_from_slice(rest);
            at = end + 1;
            &written_out
        } else {
            // One to eight NUL bytes pad an entry.
            at = start + ((end - start + 8) & !7);
            rest
        };
        if path.len() > LONGEST_PATH {
            return None;
        }
        // An entry without a path replaces one in the shared index.
        if !path.is_empty() {
            show(Entry {
                path,
                size,
                is_folder,
            });
        }
    }
    base(index.get(at..)?, id_length)
}

/// The name of the shared index that a split index refers to, from the extensions after its
/// entries; a checksum follows those.
fn base(mut extensions: &[u8], id_length: usize) -> Option<&[u8]> {
    let mut found = &extensions[..0];
    while extensions.len() != id_length {
        let length = u32::from_be_bytes(extensions.get(4..8)?.try_into().ok()?);
        let (head, rest) = extensions.split_at(8);
        let length = usize::try_from(length).ok()?;
        let content = rest.get(..length)?;
        match &head[..4] {
            b"link" => {
                let id = content.get(..id_length)?;
                if id.iter().any(|byte| *byte != 0) {
                    found = id;
                }
            }
            b"sdir" => {}
            // An index with an unknown extension of this kind cannot be interpreted.
            name if name[0].is_ascii_lowercase() => return None,
            _ => {}
        }
        extensions = &rest[length..];
    }
    Some(found)
}

/// The variable-length number of git's offset encoding.
fn variable_length(index: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0_usize;
    loop {
        let byte = *index.get(*at)?;
        *at += 1;
        value = value
            .checked_mul(128)?
            .checked_add(usize::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        value = value.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(index: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        entries(index, 20, &mut |entry| found.push(entry.path.to_owned()))?;
        Some(found)
    }

    fn one_entry() -> Vec<u8> {
        let mut index = b"DIRC\0\0\0\x02\0\0\0\x01".to_vec();
        index.extend([0; 62]);
        index.extend(b"key.pem\0\0\0");
        index.extend([0; 20]);
        index
    }

    #[test]
    fn no_index_however_damaged_is_a_panic() {
        let mut index = one_entry();
        assert_eq!(paths(&index), Some(vec![b"key.pem".to_vec()]));
        for version in 0..6 {
            index[7] = version;
            for at in 12..index.len() {
                let mut damaged = index.clone();
                damaged[at] = 0xff;
                let _ = paths(&damaged);
            }
        }
    }

    #[test]
    fn what_was_cut_off_is_no_index() {
        let index = one_entry();
        for end in 0..index.len() {
            assert_eq!(paths(&index[..end]), None, "{end}");
        }
    }

    /// Entries of version 4 add to the path before: without a limit, this one takes the
    /// square of its size.
    #[test]
    fn no_path_is_longer_than_the_system_allows() {
        let entry = |number: usize, index: &mut Vec<u8>| {
            index.extend([0; 62]);
            index.push(0);
            index.extend(format!("{number:063}/\0").bytes());
        };
        for (count, fits) in [(LONGEST_PATH / 64, true), (LONGEST_PATH / 64 + 1, false)] {
            let mut index = b"DIRC\0\0\0\x04".to_vec();
            index.extend(u32::try_from(count).expect("few").to_be_bytes());
            (0..count).for_each(|number| entry(number, &mut index));
            index.extend([0; 20]);
            assert_eq!(paths(&index).is_some(), fits, "{count}");
        }
    }
}
