//! Lines that stand on end on an upright page: side text of forms runs upwards or downwards, and a lone 1 is no line at all.
//! What reads most surely decides.

use crate::ocr::geometry::Quad;
use crate::ocr::line::{clockwise_start, counter_clockwise_start};
use crate::ocr::recognise::Reading;

/// A quad higher than this many widths may stand on end.
const STANDING: f32 = 1.5;
/// One higher than this holds no single upright character.
const NO_CHARACTER: f32 = 3.0;

/// The ways a quad's text may run: the quad as it is, or, when it stands on end, upwards and downwards as well.
/// Crop them all as they are (`line::crop_as_is`), read them, and give the readings to [`settled`].
pub fn alternatives(quad: &Quad) -> Vec<Quad> {
    let shape = quad.height() / quad.width().max(1.0);
    if shape <= STANDING {
        return vec![*quad];
    }
    let turned = [counter_clockwise_start(quad), clockwise_start(quad)];
    let upright = (shape < NO_CHARACTER).then_some(*quad);
    upright.into_iter().chain(turned).collect()
}

/// The surest of the ways, by `alternatives`' order in `readings`; the quad as it is unless another is clearly surer.
pub fn settled(ways: &[Quad], readings: &[Reading]) -> Option<(Quad, Reading)> {
    let weigh = |(quad, reading): (Quad, &Reading)| {
        let letters = reading.chars.iter().filter(|read| read.c.is_alphanumeric()).count();
        // A stroke turned by 90 degrees is a sure "-": one character counts for less than a word.
        let upright = quad.height() > quad.width();
        let bonus = if upright { 0.15 } else { 0.0 } + if letters > 1 { 0.1 } else { 0.0 } - if letters == 0 { 0.3 } else { 0.0 };
        (reading.confidence + bonus, quad, reading.clone())
    };
    let pairs = ways.iter().copied().zip(readings).map(weigh);
    pairs.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, quad, reading)| (quad, reading))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocr::geometry::Rect;
    use crate::ocr::recognise::ReadChar;

    fn reading(text: &str, confidence: f32) -> Reading {
        let chars = text.chars().map(|c| ReadChar { c, at: 0.5, confidence }).collect();
        Reading { text: text.to_owned(), confidence, chars }
    }

    #[test]
    fn a_level_line_has_one_way() {
        assert_eq!(alternatives(&Quad::from_rect(Rect::new(0.0, 0.0, 100.0, 20.0))).len(), 1);
    }

    #[test]
    fn side_text_is_read_the_surer_way() {
        let ways = alternatives(&Quad::from_rect(Rect::new(0.0, 0.0, 20.0, 100.0)));
        assert_eq!(ways.len(), 2);
        let (quad, read) = settled(&ways, &[reading("Подпись", 0.98), reading("чоипцоu", 0.6)]).unwrap();
        assert_eq!(read.text, "Подпись");
        assert!((quad.angle() + 90.0).abs() < 1e-3, "it runs upwards");
    }

    #[test]
    fn a_lone_one_is_not_a_dash_on_end() {
        let ways = alternatives(&Quad::from_rect(Rect::new(0.0, 0.0, 10.0, 20.0)));
        assert_eq!(ways.len(), 3);
        let (_, read) = settled(&ways, &[reading("1", 0.9), reading("-", 0.99), reading("—", 0.99)]).unwrap();
        assert_eq!(read.text, "1");
    }
}
