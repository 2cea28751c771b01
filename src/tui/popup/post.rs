//! One post whole, over everything: text, tags, every call; scrolled by lines.
//! The lines come wrapped from the model; a long text costs nothing per frame.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::text::Safe;
use crate::tui::keymap::{Action, Section};
use crate::tui::locale::{t, tell};
use crate::tui::model::Model;
use crate::tui::model::post::{Ink, Post};
use crate::tui::theme::Theme;
use crate::tui::widget::frame;
use crate::tui::widget::paint::{self, Words, line};

/// Widest line that is pleasant to read, with borders and air.
const WIDTH: u16 = 104;

/// Columns and rows of the window.
pub fn place(size: (u16, u16)) -> (u16, u16) {
    (size.0.saturating_sub(4).min(WIDTH), size.1.saturating_sub(2))
}

/// Cells of a line of the window.
pub fn width(size: (u16, u16)) -> u16 {
    place(size).0.saturating_sub(4).max(8)
}

/// Lines of the window.
pub fn rows(size: (u16, u16)) -> usize {
    usize::from(place(size).1.saturating_sub(3).max(1))
}

/// How a line of a window looks.
pub fn inked(theme: Theme, ink: Ink) -> Style {
    match ink {
        Ink::Heading => theme.strong(),
        Ink::Text => Style::new(),
        Ink::Quiet => theme.quiet(),
        Ink::Good => theme.good(),
        Ink::Bad => theme.warn(),
    }
}

/// Draws the post.
pub fn draw(model: &Model, buffer: &mut Buffer, screen: Rect, post: &Post) {
    let theme = model.theme;
    let inside = frame::window(buffer, screen, place(model.size), &tell!("Post {}", post.id), theme.accent());
    if post.known.is_none() {
        paint::left(buffer, line(inside, 0), &Safe::fixed(t("Loading…")), theme.quiet());
    }
    let seen = rows(model.size);
    for (row, (ink, text)) in (0..).zip(post.lines.iter().skip(post.scroll).take(seen)) {
        paint::left(buffer, line(inside, row), text, inked(theme, *ink));
    }
    let foot = line(inside, inside.height.saturating_sub(1));
    let below = post.lines.len().saturating_sub(post.scroll + seen);
    let more = if below > 0 { tell!("↓ {} more", paint::number(below as i64)) } else { Safe::default() };
    paint::right(buffer, foot, &more, theme.quiet());
    let room = foot.width.saturating_sub(paint::cells(&more) + 1);
    let mut keys = Words::new();
    for action in [
        Action::Close,
        Action::Answers,
        Action::Retry,
        Action::Regenerate,
        Action::RegenerateWith,
        Action::Force,
        Action::EditTags,
        Action::Skip,
    ] {
        let Some(chord) = model.keymap.key(&[Section::Detail, Section::Popup], action) else { continue };
        let longer = keys.clone().spaced(2, chord.shown(), theme.accent()).word(t(action.short()), theme.quiet());
        if longer.width() <= room {
            keys = longer;
        }
    }
    keys.paint(buffer, foot);
}

#[cfg(test)]
mod tests {
    use crate::domain::{ImageId, ModelKey, PostDetail, PostImage, Status};
    use crate::tui::fixture::{self, SIZES};
    use crate::tui::model::Pane;
    use crate::tui::model::list::List;

    #[test]
    fn a_post_shows_what_stands_in_its_images_and_why_not() {
        let image = |id, path: &str, status, error: Option<&str>, text: Option<&str>| PostImage {
            id: ImageId(id),
            path: path.to_owned(),
            status: Some(status),
            error_class: None,
            error: error.map(str::to_owned),
            text: text.map(str::to_owned),
        };
        let mut posts = fixture::failed_posts();
        posts[0].images = vec![
            image(1, "/a/photo_1.jpg", Status::Success, None, Some("ОБЪЯВЛЕНИЕ\nЗавтра отключат воду")),
            image(2, "/a/photo_2.jpg", Status::Success, None, Some("")),
            image(3, "/a/photo_3.jpg", Status::Failed, Some("photo_3.jpg: it is not an image that can be read"), None),
            image(4, "/a/photo_4.jpg", Status::Pending, None, None),
        ];
        let mut model = fixture::busy((100, 40));
        fixture::fill(&mut model, &posts);
        model.focus = Pane::Failed;
        fixture::press(&mut model, "enter");
        let screen = fixture::screen(&model);
        for part in [
            "photo_1.jpg · read",
            "Завтра отключат воду",
            "it holds no text",
            "photo_3.jpg · could not be read",
            "photo_4.jpg · to be read",
        ] {
            assert!(screen.contains(part), "{part} is not in\n{screen}");
        }
    }

    #[test]
    fn a_post_shows_who_works_on_it_when_it_is_due_and_which_model_was_asked_for() {
        let mut posts = vec![fixture::failed_posts().remove(2)];
        let shown = |posts: &[PostDetail]| {
            let mut model = fixture::busy((100, 40));
            model.failed.list = List::default();
            fixture::fill(&mut model, posts);
            model.focus = Pane::Failed;
            fixture::press(&mut model, "enter");
            fixture::screen(&model)
        };
        let screen = shown(&posts);
        assert!(screen.contains("retrying · 2 of 5 passes · "), "{screen}");
        assert!(screen.contains("next: pass 3 in 3 min, at "), "{screen}");
        posts[0].worker = Some("gpu-1\u{1b}[2J:4711".to_owned());
        posts[0].asked_model = ModelKey::parse("lan/qwen3:8b");
        let screen = shown(&posts);
        assert!(screen.contains("next: pass 2 is under way on gpu-1␛[2J:4711"), "{screen}");
        assert!(screen.contains("lan/qwen3:8b is asked first: an operator asked for it"), "{screen}");
    }

    #[test]
    fn an_open_post_as_seen() {
        for (name, size) in SIZES {
            let mut model = fixture::busy(size);
            model.focus = Pane::Failed;
            fixture::press(&mut model, "enter");
            insta::assert_snapshot!(format!("post_{name}"), fixture::screen(&model));
        }
    }
}
