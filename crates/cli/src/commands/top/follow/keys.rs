//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Characters that a filter may have.
const MAX_FILTER: usize = 60;

/// What somebody looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// Which of the rankings.
    pub(super) ranking: usize,
    /// Only rows in whose keys there is this text.
    pub(super) filter: String,
    /// A filter that is being written, in place of the other.
    pub(super) edited: Option<String>,
    /// Whether what is shown stands still.
    pub(super) paused: bool,
    /// Whether the keys are explained.
    pub(super) help: bool,
}

/// What is to happen beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    None,
    Quit,
    Suspend,
}

impl Choice {
    /// The filter that holds, as far as it is written.
    pub(super) fn active_filter(&self) -> &str {
        self.edited.as_deref().unwrap_or(&self.filter)
    }

    /// Somebody has pressed a key, where there are so many rankings.
    pub(super) fn press(&mut self, key: KeyEvent, rankings: usize) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Action::Quit,
                KeyCode::Char('z') => Action::Suspend,
                _ => Action::None,
            };
        }
        if self.edited.is_some() {
            self.edit(key.code);
            return Action::None;
        }
        match key.code {
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Char('/') => self.edited = Some(self.filter.clone()),
            KeyCode::Tab | KeyCode::Right | KeyCode::Char('n') => {
                self.ranking = (self.ranking + 1) % rankings;
            }
            KeyCode::BackTab | KeyCode::Left => {
                self.ranking = (self.ranking + rankings - 1) % rankings;
            }
            KeyCode::Char(digit @ '1'..='9') => {
                let index = digit as usize - '1' as usize;
                if index < rankings {
                    self.ranking = index;
                }
            }
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Esc => self.filter.clear(),
            _ => {}
        }
        Action::None
    }

    fn edit(&mut self, code: KeyCode) {
        let Some(text) = &mut self.edited else { return };
        match code {
            KeyCode::Enter => self.filter = self.edited.take().unwrap_or_default(),
            KeyCode::Esc => self.edited = None,
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Char(character)
                if !character.is_control() && text.chars().count() < MAX_FILTER =>
            {
                text.push(character);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(choice: &mut Choice, codes: &[KeyCode]) -> Action {
        let mut action = Action::None;
        for code in codes {
            action = choice.press(KeyEvent::new(*code, KeyModifiers::NONE), 3);
        }
        action
    }

    #[test]
    fn keys_choose_what_is_shown() {
        let mut choice = Choice::default();
        typed(
            &mut choice,
            &[KeyCode::Tab, KeyCode::Tab, KeyCode::Tab, KeyCode::BackTab],
        );
        assert_eq!(choice.ranking, 2);
        typed(&mut choice, &[KeyCode::Char('2'), KeyCode::Char('9')]);
        assert_eq!(choice.ranking, 1);
        typed(&mut choice, &[KeyCode::Char('p'), KeyCode::Char('?')]);
        assert!(choice.paused && choice.help);
        typed(&mut choice, &[KeyCode::Esc, KeyCode::Char(' ')]);
        assert!(!choice.paused && !choice.help);
        assert_eq!(typed(&mut choice, &[KeyCode::Char('q')]), Action::Quit);
        let stop = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(choice.press(stop, 1), Action::Quit);
    }

    #[test]
    fn a_filter_is_written_and_dropped() {
        let mut choice = Choice::default();
        // A `q` in it is a letter.
        let keys = ['/', 'q', '2'].map(KeyCode::Char);
        assert_eq!(typed(&mut choice, &keys), Action::None);
        assert_eq!((choice.active_filter(), choice.filter.as_str()), ("q2", ""));
        typed(&mut choice, &[KeyCode::Backspace, KeyCode::Enter]);
        assert_eq!((choice.filter.as_str(), &choice.edited), ("q", &None));
        typed(
            &mut choice,
            &[KeyCode::Char('/'), KeyCode::Char('x'), KeyCode::Esc],
        );
        assert_eq!(choice.active_filter(), "q");
        typed(&mut choice, &[KeyCode::Esc]);
        assert_eq!(choice.active_filter(), "");
    }
}
