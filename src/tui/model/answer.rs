//! What came back for one call, as paragraphs of a page: how it went, the headers that tell something, the body as it came.
//! The body is set in lines where it is JSON; nothing in it is changed or put in another order.

use jiff::tz::TimeZone;

use crate::domain::{Answer, Outcome};
use crate::text::Safe;
use crate::tui::locale::{t, tell};
use crate::tui::model::post::{CallLine, Ink};
use crate::tui::widget::size::size;
use crate::tui::widget::when;

/// Deeper than this nothing is set in any more.
const MOST_INDENT: usize = 12;

/// All that is known of the answer.
pub fn paragraphs(answer: &Answer, zone: &TimeZone) -> Vec<(Ink, Safe)> {
    let line = CallLine::from(&answer.call);
    let ink = match answer.call.outcome {
        Some(Outcome::Success) => Ink::Good,
        Some(_) => Ink::Bad,
        None => Ink::Quiet,
    };
    let mut all = vec![(ink, line.told(zone))];
    if let Some(why) = line.because() {
        all.push((Ink::Text, why));
    }
    let status = answer.call.http_status.map(|status| tell!("HTTP status {}", status).to_string());
    let took = answer.elapsed_ms.map(|ms| tell!("took {}", when::took(ms)).to_string());
    let request = answer.request_id.as_ref().map(|id| tell!("request {}", id).to_string());
    let about = [status, took, request, Some(tell!("post {}", answer.post).to_string()), Some(answer.worker.clone())];
    all.push((Ink::Quiet, Safe::line(&about.into_iter().flatten().collect::<Vec<_>>().join(" · "))));
    if !answer.headers.is_empty() {
        all.extend([(Ink::Quiet, Safe::default()), (Ink::Heading, Safe::fixed(t("Headers")))]);
        all.extend(answer.headers.iter().map(|(name, value)| (Ink::Text, Safe::line(&format!("{name}: {value}")))));
    }
    all.push((Ink::Quiet, Safe::default()));
    match answer.body.as_deref() {
        None | Some("") => {
            let why = if answer.call.outcome.is_none() { t("The answer has not come.") } else { t("The answer had no body.") };
            all.push((Ink::Quiet, Safe::fixed(why)));
        }
        Some(body) => {
            let bytes = size(body.len() as u64);
            let heading = if answer.cut { tell!("Body, the first {}", bytes) } else { tell!("Body, {}", bytes) };
            all.push((Ink::Heading, heading));
            all.push((Ink::Text, Safe::block(&set(body))));
        }
    }
    all
}

/// JSON with a line for each value; anything else as it is. In a line's beginning stands a mark for each level, since wrapped
/// lines lose their spaces.
fn set(body: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(body).is_err() {
        return body.to_owned();
    }
    let (mut out, mut depth, mut within, mut escaped) = (String::with_capacity(body.len() * 2), 0_usize, false, false);
    let turn = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"· ".repeat(depth.min(MOST_INDENT)));
    };
    let mut rest = body.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            _ if within => {
                out.push(c);
                within = escaped || c != '"';
                escaped = c == '\\' && !escaped;
            }
            '"' => {
                within = true;
                out.push(c);
            }
            '{' | '[' => {
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                out.push(c);
                if rest.peek().is_some_and(|next| matches!(next, '}' | ']')) {
                    out.extend(rest.next());
                } else {
                    depth += 1;
                    turn(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                turn(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                turn(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::set;

    #[test]
    fn json_is_set_in_lines_and_keeps_every_character_in_its_order() {
        let body = r#"{"z": {"message":"a, \"b\": {c}","code":502}, "a":[],"n":[1, 2]}"#;
        let told = set(body);
        let expected = "{\n· \"z\": {\n· · \"message\": \"a, \\\"b\\\": {c}\",\n· · \"code\": 502\n· },\n· \"a\": [],\n· \"n\": [\n· · 1,\n· · 2\n· ]\n}";
        assert_eq!(told, expected);
        assert_eq!(set("<html>a, b</html>"), "<html>a, b</html>");
    }
}
