//! An upper bound for the nesting of a YAML text, counted in one pass before it is parsed: the
//! parser looks at every open level for each token, so 120 kB of brackets take it half a minute,
//! only to be refused as too deep.
//!
//! Brackets in quotes and comments count as well: telling them apart would take a parser, and
//! hiding brackets there only leads to the second limit. Files written by people stay far below
//! both.

/// How many levels a file may have (the parser's own limit).
const DEEPEST: usize = 128;

/// How many brackets a file may have (with twice as many the parser takes a second).
const MOST: usize = 5_000;

/// Refuses a text that would keep the parser busy.
pub(super) fn check(text: &str) -> Result<(), String> {
    let (mut open, mut all) = (0_usize, 0_usize);
    for (number, line) in text.lines().enumerate() {
        let deep = || {
            let line = number + 1;
            Err(format!(
                "line {line}: it is nested more than {DEEPEST} levels deep"
            ))
        };
        if compact(line) > DEEPEST {
            return deep();
        }
        let mut last = 0;
        for byte in line.bytes() {
            match byte {
                // `${NAME}` is a string.
                b'[' | b'{' if last != b'$' => {
                    open += 1;
                    all += 1;
                }
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
            last = byte;
            if open > DEEPEST {
                return deep();
            }
        }
    }
    if all > MOST {
        return Err(format!("it has {all} brackets, more than {MOST}"));
    }
    Ok(())
}

/// How many lists and keys one line opens (`- - ? - a`), with any of YAML's line endings.
fn compact(line: &str) -> usize {
    let lines = line.split(['\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let begun = lines.map(|line| {
        let words = line.split(' ').filter(|word| !word.is_empty());
        words.take_while(|word| matches!(*word, "-" | "?")).count()
    });
    begun.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_not_too_deep() {
        let services = (0..1_500).map(|number| {
            format!(
                "  s{number}: {{image: \"a:${{TAG}}\", ports: ['1:1'], test: [CMD, '[']}} # {{\n"
            )
        });
        let text: String = std::iter::once("services:\n".to_owned())
            .chain(services.take(100))
            .collect();
        assert_eq!(check(&text), Ok(()));
        assert_eq!(check(&format!("{}x", "- ".repeat(DEEPEST))), Ok(()));
        assert_eq!(check(&"# - - - - - - -\n".repeat(10_000)), Ok(()));
    }

    #[test]
    fn every_way_down_is_counted() {
        for (text, why) in [
            ("[".repeat(200), "line 1: it is nested more than 128"),
            ("x:\n a: {a: ".repeat(200), "line 130: it is nested"),
            ("- ".repeat(200), "line 1: it is nested more than 128"),
            (
                format!("a:\n  {}", "? - ".repeat(65)),
                "line 2: it is nested",
            ),
            ("{'}': ".repeat(5_001), "it has 5001 brackets"),
        ] {
            let refused = check(&text).expect_err(why);
            assert!(refused.starts_with(why), "{refused}");
        }
    }
}
