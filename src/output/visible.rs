//! What a reader of a text gets to see: azup's own colours, and escapes for everything that a
//! terminal would obey.

use owo_colors::OwoColorize as _;

use crate::failure::is_unseen;

/// How a part of a text should look.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Good,
    Fair,
    Bad,
    Place,
    Warning,
    Error,
    Hint,
}

/// Every style with the character that begins it. Until it is printed, a text carries these
/// characters, which have no meaning in any language (Unicode's noncharacters): in foreign text
/// they could do no more than colour it.
const STYLES: [(char, Style); 7] = [
    ('\u{fdd0}', Style::Good),
    ('\u{fdd1}', Style::Fair),
    ('\u{fdd2}', Style::Bad),
    ('\u{fdd3}', Style::Place),
    ('\u{fdd4}', Style::Warning),
    ('\u{fdd5}', Style::Error),
    ('\u{fdd6}', Style::Hint),
];

/// Ends every style.
const PLAIN: char = '\u{fdef}';

impl Style {
    pub(super) fn mark(self, text: &str) -> String {
        format!("{}{text}{PLAIN}", STYLES[self as usize].0)
    }

    fn coloured(self, text: &str) -> String {
        match self {
            Self::Good => text.green().to_string(),
            Self::Fair => text.yellow().to_string(),
            Self::Bad => text.red().to_string(),
            Self::Place => text.cyan().to_string(),
            Self::Warning => text.yellow().bold().to_string(),
            Self::Error => text.red().bold().to_string(),
            Self::Hint => text.cyan().bold().to_string(),
        }
    }
}

/// What a reader gets to see: colours if they are wanted, and escapes for every character that a
/// terminal would obey.
pub(super) fn visible(text: &str, colours: bool) -> String {
    let mut all = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut styled: Option<(Style, String)> = None;
    while let Some(c) = rest.next() {
        let style = STYLES.iter().find(|(mark, _)| *mark == c);
        if style.is_some() || c == PLAIN {
            if let Some((style, text)) = styled.take() {
                all += &style.coloured(&text);
            }
            styled = style
                .filter(|_| colours)
                .map(|(_, style)| (*style, String::new()));
            continue;
        }
        let to = styled.as_mut().map_or(&mut all, |(_, text)| text);
        match c {
            '\n' | '\t' => to.push(c),
            '\r' if rest.peek() == Some(&'\n') => to.push(c),
            c if c.is_ascii_control() => *to += &format!("\\x{:02x}", u32::from(c)),
            c if is_unseen(c) => *to += &format!("\\u{{{:x}}}", u32::from(c)),
            c => to.push(c),
        }
    }
    if let Some((style, text)) = styled {
        all += &style.coloured(&text);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_azups_own_colours_reach_a_terminal() {
        let text = format!(
            "{} x\u{1b}[2J\u{9b}1A\u{7}\u{202e}y\tz\r\na\rb",
            Style::Good.mark("ok")
        );
        let plain = "ok x\\x1b[2J\\u{9b}1A\\x07\\u{202e}y\tz\r\na\\x0db";
        assert_eq!(visible(&text, false), plain);
        let coloured = visible(&text, true);
        assert_eq!(coloured, plain.replacen("ok", "\u{1b}[32mok\u{1b}[39m", 1));
    }

    #[test]
    fn every_style_has_its_own_mark() {
        for (at, (mark, style)) in STYLES.into_iter().enumerate() {
            assert_eq!(style as usize, at);
            assert!(style.mark("x").starts_with(mark));
            assert_eq!(visible(&style.mark("x"), false), "x");
        }
    }
}
