//! What a recogniser's output says: greedy CTC, with the place and the probability of each character.
//! It knows no model but its characters.

use super::ReadChar;

/// The characters of a model's classes; class 0 is the blank.
pub(super) struct Charset {
    classes: Vec<char>,
}

impl Charset {
    /// From a file with a class a line; what the model has beyond the file's lines is the space.
    pub(super) fn new(file: &str, classes: usize) -> Self {
        let mut found = vec!['\0'];
        found.extend(file.lines().map(|line| line.chars().next().unwrap_or(' ')));
        found.resize(classes.max(found.len()), ' ');
        Self { classes: found }
    }

    fn get(&self, class: usize) -> Option<char> {
        self.classes.get(class).copied().map(|c| if c == '\u{3000}' { ' ' } else { c })
    }
}

/// Reads one line from `steps` rows of `classes` probabilities. `scale` is the share of the line's width that one step covers,
/// `from` where the first begins; steps beyond `steps` (padding) are the caller's to cut off.
pub(super) fn decode(probabilities: &[f32], classes: usize, charset: &Charset, from: f32, scale: f32, into: &mut Vec<ReadChar>) {
    let mut before = 0;
    // Of a run of equal classes: the best probability, and the centre of the run.
    let mut first = 0;
    for (step, row) in probabilities.chunks_exact(classes).enumerate() {
        let (class, probability) = best(row);
        if class != 0
            && let Some(c) = charset.get(class)
        {
            if class == before {
                let centre = (first + step + 1) as f32 / 2.0;
                if let Some(last) = into.last_mut() {
                    last.at = from + centre * scale;
                    last.confidence = last.confidence.max(probability);
                }
            } else {
                first = step;
                into.push(ReadChar { c, at: from + (step as f32 + 0.5) * scale, confidence: probability });
            }
        }
        before = class;
    }
}

/// The likeliest class and its probability.
fn best(row: &[f32]) -> (usize, f32) {
    // First the maximum, which the compiler turns into SIMD, then its place: with 6906 classes 5 times faster than one loop for both.
    let mut lanes = [f32::MIN; 16];
    let (chunks, rest) = row.as_chunks::<16>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let most = lanes.iter().chain(rest).copied().fold(f32::MIN, f32::max);
    (row.iter().position(|&value| value >= most).unwrap_or(0), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(classes: &[usize]) -> Vec<ReadChar> {
        let charset = Charset::new("а\nб\n", 4);
        let rows: Vec<f32> = classes.iter().flat_map(|&class| (0..4).map(move |c| if c == class { 0.9 } else { 0.03 })).collect();
        let mut chars = Vec::new();
        decode(&rows, 4, &charset, 0.0, 1.0 / classes.len() as f32, &mut chars);
        chars
    }

    fn text(classes: &[usize]) -> String {
        read(classes).iter().map(|read| read.c).collect()
    }

    #[test]
    fn repeats_collapse_and_a_blank_parts_them() {
        assert_eq!(text(&[1, 1, 0, 1, 2, 2, 2]), "ааб");
        assert_eq!(text(&[0, 0, 0]), "");
    }

    #[test]
    fn the_class_beyond_the_file_is_the_space() {
        assert_eq!(text(&[1, 3, 2]), "а б");
    }

    #[test]
    fn a_character_stands_in_the_middle_of_its_run() {
        let chars = read(&[0, 1, 1, 1, 0, 0, 0, 2, 0, 0]);
        assert!((chars[0].at - 0.25).abs() < 1e-6 && (chars[1].at - 0.75).abs() < 1e-6);
        assert!((chars[0].confidence - 0.9).abs() < 1e-6);
    }

    #[test]
    fn the_best_class_is_found_wherever_it_stands() {
        for place in [0, 1, 15, 16, 17, 6905] {
            let mut row = vec![0.0; 6906];
            row[place] = 0.5;
            assert_eq!(best(&row), (place, 0.5));
        }
    }
}
