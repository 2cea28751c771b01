//! HTML tables, as documents have them where cells are merged, rewritten as pipe tables that can be drawn; line breaks in cells as spaces.
//! It reads the few tags our own documents use; whatever else stands there stays as it was.

/// Rows and columns that merged cells may cover: a span is a number somebody else wrote.
const MOST_SPAN: usize = 100;

/// Columns of a table; more cannot be seen.
const MOST_COLUMNS: usize = 60;

/// The Markdown with its HTML tables as pipe tables.
pub(super) fn piped(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = find(rest, "<table") {
        let Some(end) = find(&rest[at..], "</table>") else { break };
        breaks_as_spaces(&rest[..at], &mut out);
        out.push('\n');
        write(&rows(&rest[at..at + end]), &mut out);
        out.push('\n');
        rest = &rest[at + end + "</table>".len()..];
    }
    breaks_as_spaces(rest, &mut out);
    out
}

fn find(text: &str, tag: &str) -> Option<usize> {
    text.match_indices('<')
        .map(|(at, _)| at)
        .find(|at| text.as_bytes()[*at..].get(..tag.len()).is_some_and(|b| b.eq_ignore_ascii_case(tag.as_bytes())))
}

/// In rows of a pipe table `<br>` is the only line break there is, and a row of a terminal has none.
fn breaks_as_spaces(text: &str, out: &mut String) {
    for line in text.split_inclusive('\n') {
        if line.starts_with('|') {
            out.push_str(&line.replace("<br>", " "));
        } else {
            out.push_str(line);
        }
    }
}

/// Cells by row and column; what a merged cell covers stays empty.
fn rows(table: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    // For each column, how many further rows a cell from above covers.
    let mut covered: Vec<usize> = Vec::new();
    for row in pieces(table, "<tr", "</tr>") {
        let mut cells: Vec<String> = Vec::new();
        let skip = |cells: &mut Vec<String>, covered: &mut Vec<usize>| {
            while cells.len() < MOST_COLUMNS && covered.get(cells.len()).is_some_and(|rows| *rows > 0) {
                covered[cells.len()] -= 1;
                cells.push(String::new());
            }
        };
        for (attributes, text) in cells_of(row) {
            skip(&mut cells, &mut covered);
            for nth in 0..span(attributes, "colspan") {
                if cells.len() >= MOST_COLUMNS {
                    break;
                }
                let column = cells.len();
                covered.resize(covered.len().max(column + 1), 0);
                covered[column] = span(attributes, "rowspan") - 1;
                cells.push(if nth == 0 { escaped(text) } else { String::new() });
            }
        }
        skip(&mut cells, &mut covered);
        rows.push(cells);
    }
    rows
}

/// What stands between an opening tag's end and the closing tag, for each.
fn pieces<'a>(text: &'a str, open: &'static str, close: &'static str) -> impl Iterator<Item = &'a str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = find(rest, open)?;
        let from = at + rest[at..].find('>')? + 1;
        let to = find(&rest[from..], close).map_or(rest.len(), |end| from + end);
        let piece = &rest[from..to];
        rest = &rest[to..];
        Some(piece)
    })
}

/// Attributes and content of each cell.
fn cells_of(row: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = row;
    std::iter::from_fn(move || {
        let at = [find(rest, "<td"), find(rest, "<th")].into_iter().flatten().min()?;
        let from = at + rest[at..].find('>')? + 1;
        let attributes = &rest[at + 3..from - 1];
        let ends = [find(&rest[from..], "</td>"), find(&rest[from..], "</th>")];
        let to = ends.into_iter().flatten().min().map_or(rest.len(), |end| from + end);
        let text = &rest[from..to];
        rest = &rest[to..];
        Some((attributes, text))
    })
}

fn span(attributes: &str, name: &str) -> usize {
    let value = attributes.split(name).nth(1).unwrap_or_default();
    let digits: String =
        value.chars().skip_while(|c| matches!(c, '=' | '"' | '\'' | ' ')).take_while(char::is_ascii_digit).collect();
    digits.parse::<usize>().unwrap_or(1).clamp(1, MOST_SPAN)
}

/// The text of a cell as Markdown that shows exactly it; entities mean the same in both.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("<br>", " ").chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '<') {
            out.push('\\');
        }
        out.push(if c == '\n' { ' ' } else { c });
    }
    out
}

fn write(rows: &[Vec<String>], out: &mut String) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    for (at, row) in rows.iter().enumerate().filter(|_| columns > 0) {
        out.push('|');
        for column in 0..columns {
            out.push(' ');
            out.push_str(row.get(column).map_or("", String::as_str));
            out.push_str(" |");
        }
        out.push('\n');
        if at == 0 {
            out.push('|');
            out.push_str(&" --- |".repeat(columns));
            out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_cells_keep_their_columns() {
        let html = "before\n\n<table>\n<tr><td rowspan=\"2\">a|b</td><td colspan=\"2\">c &lt;d&gt;<br>e</td></tr>\n<tr><td>f</td><td>*g*</td></tr>\n</table>\n\nafter";
        let expected = "before\n\n\n| a\\|b | c &lt;d&gt; e |  |\n| --- | --- | --- |\n|  | f | \\*g\\* |\n\n\n\nafter";
        assert_eq!(piped(html), expected);
    }

    #[test]
    fn broken_tables_stay_and_huge_spans_are_bounded() {
        assert_eq!(piped("<table><tr><td>x"), "<table><tr><td>x");
        let wide = piped("<table><tr><td colspan=\"4000000000\" rowspan='99999'>x</td></tr><tr><td>y</td></tr></table>");
        assert!(wide.len() < 1_000, "{}", wide.len());
        assert_eq!(piped("<TABLE></TABLE>"), "\n\n");
        assert_eq!(piped("|a<br>b|"), "|a b|");
        assert_eq!(piped("a<br>b"), "a<br>b");
    }
}
