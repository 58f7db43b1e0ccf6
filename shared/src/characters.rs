//! Characters that make a name read as another one: invisible ones, and those that reorder the text around them.

/// Unicode's `Bidi_Control`: with U+202E in its name, `gpj.exe` is displayed as `exe.jpg`.
pub fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Unicode's `Default_Ignorable_Code_Point`, which HFS+ and Linux's case folding leave out when they compare names.
pub fn is_default_ignorable(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// True for a character that ends a line or paragraph without being a control character: U+2028 and U+2029.
pub fn is_line_separator(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}')
}

/// True for a character that a terminal cannot show as it is: one that moves the cursor, reorders what follows, or is
/// invisible. Joiners and variation selectors are `false`: some scripts and emoji cannot be written without them.
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || is_line_separator(character)
        || is_interlinear_annotation(character)
        || (is_default_ignorable(character) && !shapes_neighbours(character))
}

fn is_interlinear_annotation(character: char) -> bool {
    matches!(character, '\u{fff9}'..='\u{fffb}')
}

fn shapes_neighbours(character: char) -> bool {
    matches!(character,
        '\u{34f}' | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bidi_control_is_ignorable_and_unprintable() {
        let all = ('\0'..=char::MAX).filter(|character| is_bidi_control(*character));
        assert_eq!(all.clone().count(), 12);
        assert!(all.clone().all(is_default_ignorable));
        assert!(all.clone().all(is_unprintable));
    }

    #[test]
    fn joiners_and_emoji_selectors_are_printable() {
        for character in ['\u{200c}', '\u{200d}', '\u{fe0f}', 'é', '🎉', '\u{301}'] {
            assert!(!is_unprintable(character), "{character:?}");
        }
        for character in ['\n', '\u{9b}', '\u{ad}', '\u{200b}', '\u{2028}', '\u{2060}', '\u{feff}', '\u{e0041}'] {
            assert!(is_unprintable(character), "{character:?}");
        }
    }
}
