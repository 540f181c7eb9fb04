//! Text without the control codes IRC uses for colours and weight.

/// The text as people read it.
pub(super) fn plain(text: &str) -> String {
    if !text.bytes().any(|byte| byte < 0x20) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            // Bold, monospace, reset, reverse, italic, strike-through, underline.
            '\x02' | '\x0f' | '\x11' | '\x16' | '\x1d' | '\x1e' | '\x1f' => {}
            // Colour: up to two digits, and a comma with up to two more.
            '\x03' => {
                let digit = |c: &char| c.is_ascii_digit();
                if rest.next_if(digit).is_none() {
                    continue;
                }
                let _ = rest.next_if(digit);
                let mut ahead = rest.clone();
                if ahead.next_if_eq(&',').is_some() && ahead.next_if(digit).is_some() {
                    let _ = ahead.next_if(digit);
                    rest = ahead;
                }
            }
            // Colour in hexadecimal: six digits.
            '\x04' => {
                for _ in 0..6 {
                    if rest.next_if(char::is_ascii_hexdigit).is_none() {
                        break;
                    }
                }
            }
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn colours_and_weight_disappear_and_text_stays() {
        assert_eq!(
            plain("\x02bold\x02 \x034,12red\x03 \x0399,x"),
            "bold red ,x"
        );
        assert_eq!(plain("\x0304,5"), "");
        assert_eq!(plain("\x04ff8800orange\x0f"), "orange");
        assert_eq!(plain("3,4 \x03, 12"), "3,4 , 12");
        assert_eq!(plain("tab\tstays"), "tab\tstays");
    }
}
